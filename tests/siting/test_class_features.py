"""Buffers, distances, densities and shares of classes of a raster, against shapes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from tiny_scenario import COLS, NORTH, ROWS, WEST, write_raster, write_world

from cdrsite.config.layers import DerivedLayer, ExpressionLayer, FileLayer
from cdrsite.config.load import load_scenario, parse_scenario
from cdrsite.config.models import GridModel, Region
from cdrsite.config.siting import ExcludeRule
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning, ConfigError, DataError
from cdrsite.core.grid import Block
from cdrsite.layers import classfeatures, harmonise
from cdrsite.layers.check import check_layers
from cdrsite.layers.region import build_grid
from cdrsite.layers.stack import LayerStack
from cdrsite.siting.rules import describe_rule, rule_share
from cdrsite.study.means import Means
from cdrsite.study.run import run

pytestmark = pytest.mark.usefixtures("without_slopes")

BOUNDS = (WEST, NORTH - 1000 * ROWS, WEST + 1000 * COLS, NORTH)
WHOLE = Block(0, ROWS, 0, COLS)


def stack_of(folder: Path, values: Any, more: Any = None, **raster: Any) -> LayerStack:
    """A class raster named ``cover`` on the tiny grid, and further layers."""
    path = write_raster(folder / "cover.tif", np.asarray(values, np.uint8), nodata=255, **raster)
    area = build_grid(
        Region(bounds=BOUNDS, crs="EPSG:3035"), GridModel(crs="EPSG:3035", resolution=1000.0)
    )
    layers = {"cover": FileLayer(path=path, kind="class"), **(more or {})}
    return LayerStack(layers, area)


def pixels(values: Any, code: int, pixel: float, west: float = WEST, north: float = NORTH) -> Any:
    """The pixels of a class as one shape."""
    rows, cols = np.nonzero(np.asarray(values) == code)
    return shapely.union_all(
        [
            shapely.box(
                west + c * pixel, north - (r + 1) * pixel, west + (c + 1) * pixel, north - r * pixel
            )
            for r, c in zip(rows, cols, strict=True)
        ]
    )


def cells() -> Any:
    """The cells of the tiny grid as boxes, shape (rows, cols)."""
    col, row = np.meshgrid(np.arange(COLS), np.arange(ROWS))
    west, north = WEST + 1000.0 * col, NORTH - 1000.0 * row
    return shapely.box(west, north - 1000, west + 1000, north)


@pytest.fixture
def cover() -> Any:
    """Pixels of 500 m that reach 2 km beyond the grid on all sides; one class 50 out there."""
    rng = np.random.default_rng(5)
    values = rng.choice([10, 50, 80], (2 * ROWS + 8, 2 * COLS + 8), p=[0.8, 0.05, 0.15])
    values[0, 0] = 50
    return values.astype(np.uint8)


WIDER = {"pixel": 500.0, "west": WEST - 2000, "north": NORTH + 2000}


@pytest.mark.parametrize("buffer", [250.0, 700.0, 1900.0])
@pytest.mark.parametrize("strip", [harmonise.STRIP_PIXELS, 24, 72])
def test_a_buffer_is_that_of_the_pixels(
    buffer: float, strip: int, cover: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harmonise, "STRIP_PIXELS", strip)
    stack = stack_of(tmp_path, cover, **WIDER)
    rule = ExcludeRule(layer="cover", classes=[50], buffer=buffer)
    grown = shapely.buffer(
        pixels(cover, 50, 500.0, WEST - 2000, NORTH + 2000), buffer, quad_segs=16
    )
    expected = shapely.area(shapely.intersection(cells(), grown)) / 1e6
    found = rule_share(rule, stack, WHOLE)
    np.testing.assert_allclose(found, expected, atol=2e-6)
    plain = rule_share(ExcludeRule(layer="cover", classes=[50]), stack, WHOLE)
    assert (found > 0).sum() > (plain > 0).sum()


def test_a_buffer_of_cell_centres(cover: Any, tmp_path: Path) -> None:
    stack = stack_of(tmp_path, cover, **WIDER)
    rule = ExcludeRule(layer="cover", classes=[50], buffer=600.0, rasterise="centre")
    grown = pixels(cover, 50, 500.0, WEST - 2000, NORTH + 2000).buffer(600, quad_segs=16)
    expected = shapely.contains(grown, shapely.centroid(cells()))
    np.testing.assert_array_equal(rule_share(rule, stack, WHOLE), expected)


@pytest.mark.parametrize("limit", [400.0, 1200.0, 5000.0])
def test_closer_and_farther_than_the_pixels(limit: float, cover: Any, tmp_path: Path) -> None:
    stack = stack_of(tmp_path, cover, **WIDER)
    shape = pixels(cover, 50, 500.0, WEST - 2000, NORTH + 2000)
    metres = shapely.distance(shapely.centroid(cells()), shape)
    near = rule_share(ExcludeRule(layer="cover", classes=50, closer_than=limit), stack, WHOLE)
    far = rule_share(ExcludeRule(layer="cover", classes=50, farther_than=limit), stack, WHOLE)
    np.testing.assert_array_equal(near, metres < limit)
    np.testing.assert_array_equal(far, metres > limit)


def test_a_distance_looks_as_far_as_it_must(tmp_path: Path) -> None:
    """The only pixel lies 90 km away, farther than the grid is wide."""
    values = np.full((ROWS, COLS + 100), 10, np.uint8)
    values[3, COLS + 90] = 50
    derived = DerivedLayer.model_validate(
        {"derive": "distance", "from": "cover", "classes": [50], "unit": "km"}
    )
    stack = stack_of(tmp_path, values, {"d": derived})
    shape = pixels(values, 50, 1000.0)
    expected = shapely.distance(shapely.centroid(cells()), shape) / 1000
    np.testing.assert_allclose(stack.values("d", WHOLE), expected, rtol=1e-6)


def test_a_class_that_is_nowhere_is_infinitely_far(tmp_path: Path) -> None:
    values = np.full((ROWS, COLS), 10, np.uint8)
    stack = stack_of(tmp_path, values)
    assert np.isinf(stack.class_distance("cover", [7], WHOLE)).all()
    assert (stack.class_coverage("cover", [7], WHOLE, 500.0) == 0).all()


def test_the_same_bytes_whatever_the_blocks(cover: Any, tmp_path: Path) -> None:
    more = {
        "d": DerivedLayer.model_validate({"derive": "distance", "from": "cover", "classes": 50}),
        "near": DerivedLayer.model_validate(
            {"derive": "density", "from": "cover", "classes": 50, "radius": 2000}
        ),
    }
    stack = stack_of(tmp_path, cover, more, **WIDER)
    rule = ExcludeRule(layer="cover", classes=[50, 80], buffer=700.0)
    for read in (
        lambda block: rule_share(rule, stack, block),
        lambda block: stack.values("d", block),
        lambda block: stack.values("near", block),
    ):
        whole = read(WHOLE)
        for block in (Block(0, 3, 0, 5), Block(3, 6, 5, 8), Block(2, 3, 2, 3)):
            assert read(block).tobytes() == whole[block.slices].tobytes()


@pytest.mark.filterwarnings("ignore:.*covers .* of the region")
def test_density_is_the_share_of_the_land_within_the_radius(tmp_path: Path) -> None:
    values = np.full((ROWS, COLS), 10, np.uint8)
    values[2, 3], values[2, 4] = 50, 255
    derived = DerivedLayer.model_validate(
        {"derive": "density", "from": "cover", "classes": [50], "radius": 1000}
    )
    found = stack_of(tmp_path, values, {"d": derived}).values("d", WHOLE)
    # the five cells within 1 km of (2, 3), of which one is unknown
    assert found[2, 3] == np.float32(1 / 4)
    assert found[1, 3] == np.float32(1 / 5)
    assert found[0, 0] == 0


@pytest.mark.filterwarnings("ignore:.*covers .* of the region")
def test_what_is_unknown_stays_so_outside_the_buffer(tmp_path: Path) -> None:
    values = np.full((ROWS, COLS), 10, np.uint8)
    values[0, 0], values[0, 1], values[5, 7] = 50, 255, 255
    stack = stack_of(tmp_path, values)
    found = rule_share(ExcludeRule(layer="cover", classes=50, buffer=500.0), stack, WHOLE)
    assert 0 < found[0, 1] < 1
    assert np.isnan(found[5, 7])
    assert found[5, 6] == 0


def test_true_metres_on_a_grid_in_degrees(tmp_path: Path) -> None:
    values = np.full((10, 10), 10, np.uint8)
    values[4, 5] = 50
    path = write_raster(
        tmp_path / "c.tif", values, pixel=0.1, west=7.0, north=61.0, crs="EPSG:4326"
    )
    area = build_grid(
        Region(bounds=(7.0, 60.0, 8.0, 61.0)), GridModel(crs="EPSG:4326", resolution="0.1 degree")
    )
    stack = LayerStack({"cover": FileLayer(path=path, kind="class")}, area)
    found = stack.class_distance("cover", [50], Block(0, 10, 0, 10))
    geod = Geod(ellps="WGS84")
    west = geod.inv(7.15, 60.55, 7.5, 60.55)[2]  # due west, the nearest point is on the same row
    assert found[4, 1] == pytest.approx(west, rel=1e-4)
    assert found[4, 5] == 0
    grown = stack.class_coverage("cover", [50], Block(0, 10, 0, 10), 3000.0)
    assert grown[4, 4] == pytest.approx(3000 / geod.inv(7.4, 60.55, 7.5, 60.55)[2], rel=1e-3)


@pytest.mark.parametrize("west", [-180.0, 0.0, 179.0])
def test_classes_over_the_seam_of_the_map(west: float, tmp_path: Path) -> None:
    """A raster of the whole earth, cut at any longitude, and a region over the 180th meridian."""
    world = np.full((180, 360), 10, np.uint8)
    world[70, [178, 181, 183]] = 50  # 2 W.. counted from 0 E: 178.5, 181.5, 183.5 E
    turned = np.roll(world, -round(west) % 360, axis=1)
    path = write_raster(
        tmp_path / "w.tif", turned, pixel=1.0, west=west, north=90.0, crs="EPSG:4326"
    )
    area = build_grid(
        Region(bounds=(179.0, 15.0, -175.0, 22.0)), GridModel(crs="auto", resolution="20 km")
    )
    stack = LayerStack({"cover": FileLayer(path=path, kind="class")}, area)
    block = Block(0, area.grid.rows, 0, area.grid.cols)
    found = stack.class_distance("cover", [50], block)
    covered = stack.class_coverage("cover", [50], block, 50_000.0)
    x, y = np.meshgrid(area.grid.x, area.grid.y)
    from pyproj import Transformer

    lon, lat = Transformer.from_crs(area.grid.crs, 4326, always_xy=True).transform(x, y)
    geod, pixel = Geod(ellps="WGS84"), shapely.box(181, 19, 182, 20)
    inside = shapely.contains_xy(pixel, lon % 360, lat)
    assert inside.any()
    np.testing.assert_array_equal(found[inside], 0)
    assert (covered[inside] == 1).all()
    to_edge = geod.inv(lon % 360, lat, np.clip(lon % 360, 178, 179), np.clip(lat, 19, 20))[2]
    near = (lon % 360 < 180) & (to_edge > 0)
    np.testing.assert_allclose(found[near], to_edge[near], rtol=5e-3)


def test_shares_in_expressions(cover: Any, tmp_path: Path) -> None:
    more = {
        "wild": ExpressionLayer(expression="1 - share(cover, 50, '70-90')", unit="1"),
        "mixed": ExpressionLayer(expression="where(share(cover, 80) > 0.5, 1, 0)", unit="1"),
    }
    stack = stack_of(tmp_path, cover, more, **WIDER)
    share = stack.class_share("cover", {50: 1.0, 80: 1.0}, WHOLE)
    np.testing.assert_allclose(stack.values("wild", WHOLE), 1 - share, atol=1e-7)
    findings = check_layers(stack, {"wild": ["x"], "mixed": ["x"]})
    assert not [one for one in findings if one.level == "error"]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("share(cover)", "not a share of classes"),
        ("share(cover, 1.5)", "not a share of classes"),
        ("share(cover, -cover)", "not a share of classes"),
        ("share(2, 50)", "not a share of classes"),
        ("share(cover, 51)", "class code absent"),
        ("share(cover, bilt)", "unknown class 'bilt'"),
        ("share(covr, 50)", "no layer 'covr'"),
        ("share(cover, 50) + cover", "classes have no mean value"),
    ],
)
def test_a_share_of_what_is_no_class_is_refused(
    expression: str, text: str, cover: Any, tmp_path: Path
) -> None:
    with pytest.raises(CdrsiteError, match=text):
        stack = stack_of(
            tmp_path, cover, {"x": ExpressionLayer(expression=expression, unit="1")}, **WIDER
        )
        found = [f for f in check_layers(stack, {"x": ["u"]}) if f.level == "error"]
        if found:
            raise DataError(found[0].text)
        stack.values("x", WHOLE)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"classes": [1], "where": "a > 1", "closer_than": 5}, "no features to filter"),
        ({"classes": [1], "rasterise": "centre"}, "shares of a cell already"),
        ({"classes": [1], "buffer": 5, "closer_than": 5}, "a rule by distance cannot have one"),
        ({"classes": [1], "closer_than": 5, "unknown": "exclude"}, "a rule by distance cannot"),
        ({"classes": [1], "above": 3}, "several tests in one rule"),
        ({"classes": [1], "usable": 1.0}, "leaves all changes nothing"),
        ({"neighbours": 4}, "a rule by polygon cannot have one"),
        ({"within": "zones"}, "a rule by polygon cannot have one"),
        ({"classes": [1], "within": "zones", "closer_than": 5}, "pixels of classes are none"),
        ({"closer_than": 5, "unknown": "exclude"}, "cannot have one without within"),
    ],
)
def test_keys_that_do_not_go_together(rule: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ExcludeRule.model_validate({"layer": "cover", **rule})


def test_a_vector_layer_has_no_classes(tmp_path: Path, cover: Any) -> None:
    from tiny_scenario import box, write_polygons

    write_polygons(tmp_path / "p.gpkg", [box(1, 1, 1, 1)], name=["a"])
    stack = stack_of(tmp_path, cover, {"p": FileLayer(path=tmp_path / "p.gpkg")}, **WIDER)
    with pytest.raises(DataError, match="not a class layer"):
        rule_share(ExcludeRule(layer="p", classes=[1], closer_than=5.0), stack, WHOLE)


def test_words_of_such_rules() -> None:
    assert (
        describe_rule(ExcludeRule(layer="c", classes=["built"], buffer=500)) == "c: built + 500 m"
    )
    near = ExcludeRule(layer="c", classes=["built", 60], closer_than=2000)
    assert describe_rule(near) == "closer than 2 km to c (built, 60)"


@pytest.mark.filterwarnings("ignore:.*covers .* of the region")
@settings(max_examples=examples(25), deadline=None)
@given(data=st.data())
def test_any_pattern_of_pixels(data: st.DataObject, tmp_path_factory: Any) -> None:
    """Holes, corners that touch and islands: the distance is that to the boxes of the pixels."""
    shape = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    bits = data.draw(st.lists(st.booleans(), min_size=shape[0] * shape[1], max_size=81))
    values = np.where(np.array(bits)[: shape[0] * shape[1]].reshape(shape), 50, 10)
    stack = stack_of(tmp_path_factory.mktemp("p"), values)
    found = stack.class_distance("cover", [50], WHOLE)
    grown = stack.class_coverage("cover", [50], WHOLE, 300.0)
    if not (values == 50).any():
        assert np.isinf(found).all()
        return
    shape_ = pixels(values, 50, 1000.0)
    np.testing.assert_allclose(
        found, shapely.distance(shapely.centroid(cells()), shape_), rtol=1e-6
    )
    share = shapely.area(shapely.intersection(cells(), shape_.buffer(300, quad_segs=16))) / 1e6
    np.testing.assert_allclose(grown, share, atol=2e-6)


def test_windows_that_meet_are_one() -> None:
    meet = classfeatures._with([((0, 4), (0, 4)), ((0, 4), (9, 12))], ((0, 4), (3, 9)))
    assert meet == [((0, 4), (0, 12))]
    assert classfeatures._with([((0, 4), (0, 4))], ((0, 4), (6, 9))) == [
        ((0, 4), (0, 4)),
        ((0, 4), (6, 9)),
    ]


def test_a_study_reads_all_of_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="what comes back comes back"):
        parse_scenario(
            "name: x\nregion: {bounds: [0, 0, 1, 1]}\nlayers: {c: {path: c.tif, kind: class}}\n"
            "siting: {include: [{layer: c, classes: [1], usable: 0.5}]}\n"
            "methods: {daccs-solid: {}}\n",
            tmp_path / "s.yaml",
        )


def test_a_class_of_the_legend_that_a_tile_has_not_is_no_error(tmp_path: Path) -> None:
    """A batch over many tiles: not every one has a town; a code of no legend is a mistake."""
    path = write_raster(tmp_path / "w.tif", np.full((ROWS, COLS), 10, np.uint8), nodata=0)
    area = build_grid(
        Region(bounds=BOUNDS, crs="EPSG:3035"), GridModel(crs="EPSG:3035", resolution=1000.0)
    )
    stack = LayerStack({"cover": FileLayer(path=path, preset="esa-worldcover")}, area)
    for rule in ({"buffer": 500.0}, {"closer_than": 500.0}, {}):
        made = ExcludeRule(layer="cover", classes=["built"], **rule)
        assert (rule_share(made, stack, WHOLE) == 0).all()
    with pytest.raises(DataError, match="class code absent"):
        rule_share(ExcludeRule(layer="cover", classes=[51]), stack, WHOLE)


def test_a_study_in_memory_and_on_disk(tmp_path: Path) -> None:
    """Buffers and distances of classes, a share that stays, and rook patches: the same bytes."""
    rules = (
        "siting.exclude=[{layer: cover, classes: [50], buffer: 700 m, usable: 0.2},"
        " {layer: cover, classes: [80], closer_than: 1200 m},"
        " {smaller_than: 3 km2, neighbours: 4}]",
        "layers.towns={derive: density, from: cover, classes: [50], radius: 2 km}",
        "siting.prefer=[{layer: towns, best: 0, worst: 1}]",
    )
    scenario = load_scenario(write_world(tmp_path), rules)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        one = run(scenario).dataset
        two = run(scenario, means=Means(memory=1, folder=tmp_path / "work")).dataset
    for name in ("exclusion_reasons", "available", "suitability"):
        assert one[name].to_numpy().tobytes() == two[name].to_numpy().tobytes()
    assert np.isclose(one["available"].to_numpy()[:, 0, :3], 0.2).all()

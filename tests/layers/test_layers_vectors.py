"""Vector layers: filters, buffers, repairs, distances, labels, columns, densities."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.config.layers import DerivedLayer, FileLayer
from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.layers.region import StudyArea
from cdrsite.layers.stack import LayerStack
from cdrsite.layers.where import select

WEST, NORTH = 4_000_000.0, 3_000_000.0


def area(rows: int = 6, cols: int = 8, size: float = 100.0) -> StudyArea:
    bounds = (WEST, NORTH - rows * size, WEST + cols * size, NORTH)
    grid = AnalysisGrid.from_bounds("EPSG:3035", bounds, size, snap=None)
    return StudyArea(grid, shapely.box(*bounds))


def lonlat_area() -> StudyArea:
    bounds = (10.0, 59.9, 10.2, 60.0)
    grid = AnalysisGrid.from_bounds("EPSG:4326", bounds, 0.02, snap=None)
    return StudyArea(grid, shapely.box(*bounds))


def whole(where: StudyArea) -> Block:
    return Block(0, where.grid.rows, 0, where.grid.cols)


def at(u: float, v: float) -> tuple[float, float]:
    """Cell coordinates of a 100 m grid to EPSG:3035."""
    return WEST + 100 * u, NORTH - 100 * v


def box(u0: float, v0: float, u1: float, v1: float) -> Any:
    return shapely.box(*at(u0, v1), *at(u1, v0))


def save(path: Path, shapes: list, crs: str | None = "EPSG:3035", **columns: Any) -> Path:
    frame = gpd.GeoDataFrame(columns, geometry=shapes, crs=crs)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".csv":
        table = frame.drop(columns="geometry")
        table["lon"], table["lat"] = frame.geometry.x, frame.geometry.y
        table.to_csv(path, index=False)
    else:
        frame.to_file(path)
    return path


def stack_of(path: Path, place: StudyArea, **options: Any) -> LayerStack:
    return LayerStack({"it": FileLayer(path=path, **options)}, place)


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.shp", "a.parquet"])
def test_every_format_gives_the_same(tmp_path: Path, name: str) -> None:
    where = area()
    path = save(tmp_path / name, [box(1, 1, 2.5, 2), box(4, 4, 5, 5)], kind=["a", "b"])
    stack = stack_of(path, where, crs="EPSG:3035")
    expected = np.zeros((6, 8))
    expected[1, 1:3] = 1, 0.5
    got = stack.coverage("it", whole(where), where="kind == 'a'")
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_overlaps_count_once_and_filters_add_up(tmp_path: Path) -> None:
    where = area()
    shapes = [box(0, 0, 2, 1), box(1, 0, 3, 1), box(0, 0, 8, 6)]
    path = save(tmp_path / "a.gpkg", shapes, year=[1999, 2010, 2020], name=["a", None, "c"])
    stack = stack_of(path, where, where="year < 2015")
    got = stack.coverage("it", whole(where))
    np.testing.assert_array_equal(got[0], [1, 1, 1, 0, 0, 0, 0, 0])
    later = stack.coverage("it", whole(where), where="year > 2000")
    np.testing.assert_array_equal(later[0], [0, 1, 1, 0, 0, 0, 0, 0])
    assert len(stack.features("it", "name is null")) == 1
    assert stack.text("it", "name") == ["a", ""]


def test_buffer_sees_features_outside(tmp_path: Path) -> None:
    where = area()
    path = save(tmp_path / "a.gpkg", [shapely.Point(*at(-0.5, 0.5))])
    stack = stack_of(path, where)
    got = stack.coverage("it", whole(where), buffer=150.0)  # and not a word: it was asked for
    with pytest.warns(CdrsiteWarning, match="no feature lies in the region, only beside it"):
        assert not stack.coverage("it", whole(where), buffer=10.0).any()
    assert got[0, 0] == pytest.approx(
        shapely.Point(*at(-0.5, 0.5)).buffer(150).intersection(box(0, 0, 1, 1)).area / 1e4, rel=1e-5
    )
    assert not got[:, 2:].any()


def test_buffer_in_metres_on_a_geographic_grid(tmp_path: Path) -> None:
    where = lonlat_area()
    path = save(tmp_path / "a.gpkg", [shapely.Point(10.1, 59.95)], crs="EPSG:4326")
    got = stack_of(path, where, buffer="2 km").coverage("it", whole(where)).astype(float)
    covered = (got * where.grid.row_areas[:, None]).sum()
    assert covered == pytest.approx(math.pi * 2000**2, rel=5e-3)


def test_invalid_polygons_are_repaired_with_a_warning(tmp_path: Path) -> None:
    where = area()
    bow = shapely.Polygon([at(0, 0), at(2, 2), at(2, 0), at(0, 2)])
    path = save(tmp_path / "a.gpkg", [bow, box(4, 4, 5, 5)])
    with pytest.warns(CdrsiteWarning, match=r"layers.it .*repaired 1 invalid polygon"):
        got = stack_of(path, where).coverage("it", whole(where))
    assert got.sum() == pytest.approx(2 + 1)


def test_distance_is_exact(tmp_path: Path) -> None:
    where = area()
    line = shapely.LineString([at(2, -3), at(2, 9), at(20, 9)])
    path = save(tmp_path / "a.gpkg", [line, box(5, 2, 7, 4)], kind=["line", "box"])
    stack = stack_of(path, where)
    got = stack.distance("it", whole(where))
    xx, yy = np.meshgrid(where.grid.x, where.grid.y)
    points = shapely.points(xx, yy)
    expected = np.minimum(shapely.distance(points, line), shapely.distance(points, box(5, 2, 7, 4)))
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert got[2, 5] == 0
    with pytest.warns(CdrsiteWarning, match="keeps no feature"):
        assert np.isinf(stack.distance("it", whole(where), "kind = 'road'")).all()


@pytest.mark.parametrize(
    ("kind", "place", "words"),
    [("park", (10, 2, 11, 4), "only beside it"), ("road", (5, 2, 7, 4), "keeps no feature")],
)
def test_a_layer_without_a_feature_here_covers_nothing_and_says_so(
    kind: str, place: tuple[int, int, int, int], words: str, tmp_path: Path
) -> None:
    where = area()
    path = save(tmp_path / "a.gpkg", [box(*place)], kind=["park"])
    stack = stack_of(path, where)
    with pytest.warns(CdrsiteWarning, match=words):
        assert not stack.coverage("it", whole(where), f"kind = '{kind}'").any()


def test_distance_on_the_ellipsoid(tmp_path: Path) -> None:
    from pyproj import Geod

    where = lonlat_area()
    path = save(tmp_path / "a.gpkg", [shapely.Point(10.1, 59.95)], crs="EPSG:4326")
    got = stack_of(path, where).distance("it", whole(where))
    lon, lat = np.meshgrid(where.grid.x, where.grid.y)
    _, _, metres = Geod(ellps="WGS84").inv(lon, lat, 0 * lon + 10.1, 0 * lat + 59.95)
    np.testing.assert_allclose(got, metres, rtol=1e-6)


def test_labels_take_the_first_of_two(tmp_path: Path) -> None:
    where = area(2, 4)
    path = save(tmp_path / "a.gpkg", [box(0, 0, 2, 2), box(1, 0, 3, 1)])
    with pytest.warns(CdrsiteWarning, match=r"1 pair\(s\) of polygons overlap"):
        got = stack_of(path, where).labels("it", whole(where))
    np.testing.assert_array_equal(got, [[0, 0, 1, -1], [0, 0, -1, -1]])


@pytest.mark.parametrize("overlap", [0.0, 0.01])
def test_neighbours_with_a_long_edge_do_not_overlap(tmp_path: Path, overlap: float) -> None:
    """Each is projected for itself; what lies between them then is no area that both claim."""
    system = "+proj=laea +lat_0=-0.6 +lon_0=36.6 +datum=WGS84"
    bounds = (-60_000.0, -60_000.0, 60_000.0, 60_000.0)
    grid = AnalysisGrid.from_bounds(system, bounds, 4000.0, snap=None)
    where = StudyArea(grid, shapely.box(*bounds))
    shapes = [shapely.box(36, -1.2, 36.6 + overlap, 0), shapely.box(36.6, -1.2, 37.2, 0)]
    frame = gpd.GeoDataFrame(geometry=shapes, crs="EPSG:4326").to_crs("EPSG:32737")
    path = save(tmp_path / "a.gpkg", list(frame.geometry), crs="EPSG:32737")
    stack = stack_of(path, where)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stack.labels("it", whole(where))
    told = [str(one.message) for one in caught if "overlap" in str(one.message)]
    assert len(told) == (1 if overlap else 0)


def test_columns_convert_and_skip_nodata(tmp_path: Path) -> None:
    where = area()
    shapes = [box(0, 0, 1, 1), box(1, 0, 2, 1), box(2, 0, 3, 1)]
    path = save(tmp_path / "a.gpkg", shapes, supply=[1.5, -9999.0, 9999.0], Name=["x", "y", "z"])
    stack = stack_of(path, where, unit="TWh/yr", nodata=-9999)
    np.testing.assert_allclose(stack.attribute("it", "supply", "kWh/yr"), [1.5e9, np.nan, 9.999e12])
    assert stack.text("it", "name") == ["x", "y", "z"]


def test_extensive_column_is_shared_by_area(tmp_path: Path) -> None:
    where = area(2, 4)
    shapes = [box(0, 0, 2, 1), box(2, 0.5, 6, 1)]
    path = save(tmp_path / "a.gpkg", shapes, people=[10.0, 8.0])
    got = stack_of(path, where, attribute="people", kind="extensive", unit="person").values(
        "it", whole(where)
    )
    np.testing.assert_allclose(got[0], [5, 5, 2, 2], rtol=1e-6)
    assert np.isnan(got[1]).all()


def test_intensive_column_is_an_average(tmp_path: Path) -> None:
    where = area(1, 3)
    shapes = [box(0, 0, 1.5, 1), box(1.5, 0, 2, 1)]
    path = save(tmp_path / "a.gpkg", shapes, price=[2.0, 6.0])
    stack = stack_of(path, where, attribute="price", kind="intensive", unit="USD/t")
    np.testing.assert_allclose(stack.values("it", whole(where)), [[2, 4, np.nan]], rtol=1e-6)


def test_points_of_a_table_add_up(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    pd.DataFrame(
        {"X": [10.01, 10.015, 10.05], "Y": [59.99, 59.985, 59.91], "t": [1.0, 2.0, 4.0]}
    ).to_csv(path, index=False)
    where = lonlat_area()
    options = {"lon": "X", "lat": "Y", "attribute": "t", "unit": "t/yr"}
    got = stack_of(path, where, kind="extensive", **options).values("it", whole(where))
    assert got[0, 0] == 3
    assert got[4, 2] == 4
    assert np.nansum(got) == 7


def test_density_of_lines_and_points(tmp_path: Path) -> None:
    where = area(21, 21)
    line = shapely.LineString([at(-30, 10.5), at(60, 10.5)])
    roads = save(tmp_path / "r.gpkg", [line])
    wells = save(tmp_path / "w.gpkg", [shapely.Point(*at(10.5, 10.5))] * 3)
    layers = {
        "roads": FileLayer(path=roads),
        "wells": FileLayer(path=wells),
        "road_density": DerivedLayer(derive="density", radius=500.0, **{"from": "roads"}),
        "well_density": DerivedLayer(derive="density", radius=500.0, **{"from": "wells"}),
    }
    stack = LayerStack(layers, where)
    block = whole(where)
    cells = sum(1 for i in range(-5, 6) for j in range(-5, 6) if i * i + j * j <= 25)
    assert stack.info("road_density").unit == "km/km2"
    got = stack.values("road_density", block)
    # eleven cells of 0.1 km of road in the disk
    assert got[10, 10] == pytest.approx(1.1 / (cells * 0.01), rel=1e-6)
    assert got[3, 10] == 0
    found = stack.values("well_density", block, "1/km2")
    assert found[10, 10] == pytest.approx(3 / (cells * 0.01), rel=1e-6)


@pytest.mark.parametrize("size", [3, 5])
def test_any_block_size_gives_the_same_bytes(tmp_path: Path, size: int) -> None:
    where = area(11, 13)
    rng = np.random.default_rng(5)
    shapes = [
        shapely.MultiPoint(
            [at(*p) for p in rng.uniform(-3, 15, 2) + rng.normal(0, 2, (6, 2))]
        ).convex_hull
        for _ in range(12)
    ]
    path = save(tmp_path / "a.gpkg", shapes, t=rng.random(12))
    layers = {
        "it": FileLayer(path=path),
        "sum": FileLayer(path=path, attribute="t", kind="extensive", unit="t"),
        "mean": FileLayer(path=path, attribute="t", kind="intensive", unit="t"),
        "dense": DerivedLayer(derive="density", radius=250.0, **{"from": "it"}),
        "far": DerivedLayer(derive="distance", unit="km", **{"from": "it"}),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        stack = LayerStack(layers, where)
        for read in (
            lambda b: stack.coverage("it", b),
            lambda b: stack.coverage("it", b, buffer=70.0, rasterise="centre"),
            lambda b: stack.coverage("it", b, buffer=70.0),
            lambda b: stack.labels("it", b),
            lambda b: stack.distance("it", b),
            lambda b: stack.values("sum", b),
            lambda b: stack.values("mean", b),
            lambda b: stack.values("dense", b),
            lambda b: stack.values("far", b),
        ):
            once = read(whole(where))
            pieces = np.full_like(once, -7)
            for block in where.grid.blocks(size):
                pieces[block.slices] = read(block)
            assert once.tobytes() == pieces.tobytes()


TABLE = pd.DataFrame(
    {
        "iucn_cat": ["Ia", "II", "IV", None],
        "year": [1990.0, 2005.0, np.nan, 2020.0],
        "Fläche": [1, 2, 3, 4],
        "two words": ["x", "y", "x", "y"],
        "open": [True, False, True, False],
    }
)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("iucn_cat in ('Ia', 'II')", [0, 1]),
        ("IUCN_CAT = 'Ia' or year > 2010", [0, 3]),
        ("not (iucn_cat = 'Ia')", [1, 2, 3]),
        ("iucn_cat not in ('Ia', 'II')", [2]),
        ("iucn_cat <> 'II' and year <= 2e3", [0]),
        ("year is null", [2]),
        ("year IS NOT NULL AND Fläche >= 2", [1, 3]),
        ("year between 2000 and 2010", [1]),
        ("iucn_cat like 'I%'", [0, 1, 2]),
        ("\"two words\" == 'x'", [0, 2]),
        ("open = true", [0, 2]),
        ("year > -5 and Fläche != 4", [0, 1]),
    ],
)
def test_filters(where: str, expected: list[int]) -> None:
    assert np.flatnonzero(select(TABLE, where, "here")).tolist() == expected


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("iucn = 'Ia'", "here: no column 'iucn'.*did you mean 'iucn_cat'"),
        ("year = '1990'", "column 'year' holds numbers.*without quotes"),
        ("iucn_cat = 3", "column 'iucn_cat' holds text.*in quotes"),
        ("year >", "cannot be read.*number or quoted text"),
        ("year > 3 or", "cannot be read.*column name"),
        ("year > 3)", "cannot be read.*the end"),
        ("__import__('os')", "no column '__import__'"),
        ("year > 3; drop table x", "cannot be read.*SQL at '; drop"),
        ("iucn_cat in ('Ia'", "cannot be read"),
        ("", "cannot be read"),
        ("not " * 3000 + "year > 3", "nested too deep"),
    ],
)
def test_filters_that_cannot_be_read(where: str, text: str) -> None:
    with pytest.raises(DataError, match=text):
        select(TABLE, where, "here")


@given(st.text(max_size=40))
def test_any_text_as_a_filter_gives_rows_or_a_clear_error(where: str) -> None:
    try:
        assert select(TABLE, where, "here").shape == (4,)
    except DataError as error:
        assert str(error).startswith("here: ")


def test_a_presets_filter_applies_where_its_columns_are(tmp_path: Path) -> None:
    where = area(1, 3)
    shapes = [box(0, 0, 1, 1), box(1, 0, 2, 1), box(2, 0, 3, 1)]
    columns = {
        "STATUS": ["Designated", "Proposed", "Inscribed"],
        "DESIG_ENG": ["Park", "Park", "UNESCO-MAB Biosphere Reserve"],
    }
    path = save(tmp_path / "a.gpkg", shapes, **columns)
    got = stack_of(path, where, preset="wdpa").coverage("it", whole(where))
    np.testing.assert_array_equal(got, [[1, 0, 0]])
    bare = save(tmp_path / "b.gpkg", shapes)
    with pytest.warns(CdrsiteWarning, match=r"filter of its preset is not applied.*'status'"):
        got = stack_of(bare, where, preset="wdpa").coverage("it", whole(where))
    np.testing.assert_array_equal(got, [[1, 1, 1]])


def test_exhausted_supply_is_not_unknown(tmp_path: Path) -> None:
    where = area(1, 3)
    shapes = [box(0, 0, 1, 1), box(1, 0, 2, 1), box(2, 0, 3, 1)]
    path = save(tmp_path / "a.gpkg", shapes, bws_raw=[9999.0, -9999.0, 0.3])
    stack = stack_of(path, where, preset="aqueduct-4-bws", kind="intensive")
    np.testing.assert_allclose(stack.values("it", whole(where)), [[9999, np.nan, 0.3]], rtol=1e-6)

"""The map of the report: numbers kept, places found, pictures painted, words said."""

from __future__ import annotations

import base64
import json
import re
import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from demo_study import coarse_demo
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from packed import unpack
from tiny_study import LIMIT, METHODS, SHARE, tiny_dataset, tiny_grid

import cdrsite.report.accessor  # noqa: F401  (registers .cdr)
from cdrsite.core.errors import ConfigError
from cdrsite.core.grid import AnalysisGrid
from cdrsite.core.numbers import number
from cdrsite.core.states import OUTSIDE
from cdrsite.core.words import LANGUAGES, Words
from cdrsite.explain.facts import kinds_of
from cdrsite.explain.place import explain_place
from cdrsite.outputs.classes import classes_of, dataset_classes
from cdrsite.outputs.palette import METHOD_COLOURS, STATE_COLOURS
from cdrsite.outputs.rasters.raster import Category
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.report import mapcells, mapview, mapwhy
from cdrsite.report.fragment import Fragment
from cdrsite.report.html import script_json
from cdrsite.report.mapcells import lookup, pack_digits, pack_whole
from cdrsite.report.mapimage import (
    Picture,
    Web,
    mercator,
    paint_classes,
    paint_quantity,
    placed,
    png_uri,
)
from cdrsite.report.maplayers import Layer, Painter, layers_of
from cdrsite.report.mapsource import DatasetSource, RunSource, every
from cdrsite.report.mapview import fragment, map_fragment, script, style


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return coarse_demo(tmp_path_factory)


FLOATS = st.one_of(st.just(float("nan")), st.floats(-(2.0**40), 2.0**40, width=32))


# -------------------------------------------------------------- packed numbers


@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=2, max_side=30), elements=FLOATS))
def test_packed_numbers_come_back_with_their_digits(values: np.ndarray) -> None:
    found = unpack(pack_digits(values, 3)).reshape(values.shape)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(values))
    # what is smaller than the largest by 35 powers of ten is nothing beside it
    known = np.isfinite(values) & (np.abs(values) >= np.nanmax(np.abs(values), initial=0) * 1e-35)
    known &= values != 0
    np.testing.assert_allclose(found[known], values[known].astype(float), rtol=0.00501)
    assert (found[values == 0] == 0).all()


@given(hnp.arrays(np.int64, st.integers(1, 600), elements=st.integers(-1, 1 << 31)))
def test_whole_numbers_come_back_exactly(values: np.ndarray) -> None:
    np.testing.assert_array_equal(unpack(pack_whole(values)), values)


@pytest.mark.parametrize("kinds", [3, 5000])
def test_numbers_of_so_many_digits_are_kept_as_they_are(kinds: int) -> None:
    values = np.resize(np.append(np.arange(1, kinds) * 1e-4, [np.nan, 0.0, -6.61e9]), 9000)
    values = np.array([float(f"{value:.2e}") for value in values])
    np.testing.assert_array_equal(unpack(pack_digits(values, 3)), values)


@pytest.mark.parametrize(
    "values", [[3, -1, 3, 7], [5], [], [0, 2**40, -1], list(range(-1, 70_000))]
)
def test_kinds_are_those_of_a_sort(values: list[int]) -> None:
    numbers = np.array(values, np.int64)
    expected = np.unique(numbers, return_inverse=True)
    for found, wanted in zip(kinds_of(numbers), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_nothing_known_and_nothing_at_all() -> None:
    assert np.isnan(unpack(pack_digits(np.full(5, np.nan), 3))).all()
    assert unpack(pack_digits(np.zeros(0), 3)).size == 0


# --------------------------------------------------------------------- places


GRIDS = {
    "equal area": AnalysisGrid.from_bounds("EPSG:3035", (4e6, 3e6, 4.4e6, 3.3e6), 1000.0),
    "degrees": AnalysisGrid.from_bounds("EPSG:4326", (6.0, 50.0, 8.5, 52.0), 0.01),
    "far north": AnalysisGrid.from_bounds("EPSG:3413", (-4e5, -3.2e6, 4e5, -2.4e6), 4000.0),
    "continent": AnalysisGrid.from_bounds("EPSG:3035", (2.6e6, 1.5e6, 6.6e6, 5.4e6), 10_000.0),
}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_a_place_finds_its_cell(grid: AnalysisGrid) -> None:
    from pyproj import Transformer

    found = lookup(grid)
    assert found.error < 0.1
    rng = np.random.default_rng(1)
    col, row = rng.uniform(0, grid.cols, 4000), rng.uniform(0, grid.rows, 4000)
    x, y = grid.bounds[0] + col * grid.resolution, grid.bounds[3] - row * grid.resolution
    to_degrees = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    near = found.find(*to_degrees.transform(x, y))
    assert np.abs(near[0] - col).max() < 0.1 and np.abs(near[1] - row).max() < 0.1


def test_a_sample_counts_its_own_rows() -> None:
    grid = GRIDS["equal area"]
    west, _, _, north = grid.bounds
    from pyproj import Transformer

    to_degrees = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(west + 10_500.0, north - 25_500.0)
    col, row = lookup(grid, 5).find(np.array([lon]), np.array([lat]))
    assert (col[0], row[0]) == pytest.approx((2.1, 5.1), abs=0.05)


def test_a_large_grid_is_sampled_by_its_middles() -> None:
    assert mapcells.sampling(GRIDS["equal area"]) == 1  # 120 000 cells
    assert mapcells.sampling(GRIDS["equal area"], most=30_000) == 2
    values = xr.DataArray(np.arange(35).reshape(5, 7), dims=("y", "x"))
    np.testing.assert_array_equal(every(values, 3), [[8, 11, 11], [29, 32, 32]])
    np.testing.assert_array_equal(every(values, 1), values)


# ------------------------------------------------------------------- pictures


def read_png(uri: str) -> tuple[np.ndarray, np.ndarray]:
    """Colours and opacity of a PNG, by another program."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.io import MemoryFile

    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    with pytest.warns(NotGeoreferencedWarning), MemoryFile(data) as file, file.open() as source:
        table = source.colormap(1)
        index = source.read(1)
    assert rasterio is not None
    lut = np.array([table[i] for i in range(int(index.max()) + 1)])
    return lut[index][..., :3], lut[index][..., 3]


@pytest.mark.parametrize("count", [2, 15, 16, 200])
def test_a_png_reads_back(count: int) -> None:
    rng = np.random.default_rng(count)
    index = rng.integers(0, count + 1, (37, 53)).astype(np.uint8)
    index[0, :2] = 0, count
    colours = [f"#{i:02X}{255 - i:02X}80" for i in range(count)]
    rgb, alpha = read_png(png_uri(index, colours))
    np.testing.assert_array_equal(alpha == 0, index == 0)
    assert tuple(rgb[0, 1]) == (count - 1, 256 - count, 128)
    np.testing.assert_array_equal(rgb[index > 0][:, 0], index[index > 0] - 1)


def test_the_picture_lies_where_gdal_would_put_it() -> None:
    from affine import Affine
    from rasterio.warp import Resampling, reproject

    grid = GRIDS["equal area"]
    rng = np.random.default_rng(0)
    values = rng.integers(1, 9, (30, 40)).astype(np.uint8).repeat(10, 0).repeat(10, 1)
    picture = Picture(values, grid.transform, grid.crs)
    web = Web.of(picture)
    found = placed(values, web.places(picture))
    left, top = np.radians(web.west) * 6378137.0, mercator(web.north)
    wide = (np.radians(web.east) * 6378137.0 - left) / web.width
    high = (top - mercator(web.south)) / web.height
    wanted = np.zeros_like(found)
    reproject(
        values,
        wanted,
        src_transform=grid.transform,
        src_crs=grid.wkt,
        dst_transform=Affine(wide, 0, left, 0, -high, top),
        dst_crs="EPSG:3857",
        resampling=Resampling.nearest,
        dst_nodata=0,
        tolerance=0.0,
    )
    assert max(found.shape) <= 900
    # GDAL interpolates between places that it computes: edges may differ by a pixel here and there
    assert (found == wanted).mean() > 0.99


def test_classes_that_occur_are_in_the_legend() -> None:
    codes = np.array([[0, 2], [255, 0]], np.uint8)
    categories = [
        Category(0, "a", "#000001"),
        Category(1, "b", "#000002"),
        Category(2, "c", "#000003"),
    ]
    painting = paint_classes(codes, categories)
    assert [entry["label"] for entry in painting.legend["classes"]] == ["a", "c"]
    np.testing.assert_array_equal(painting.index, [[1, 2], [0, 1]])


def test_numbers_and_states_are_told_apart() -> None:
    values = np.array([[0.0, 50.0, 100.0, np.nan, 70.0]], np.float32)
    state = np.array([[False, False, False, False, True]])
    classes = classes_of("cost", values, "USD/t")
    excluded = {"excluded": (state, "#969696")}
    painting = paint_quantity(values, classes, Words("en"), states=excluded)
    assert painting.index[0, 3] == 0  # no number, no colour
    assert painting.colours[painting.index[0, 4] - 1] == "#969696"
    first, middle, last = painting.index[0, :3]
    assert first == 1 and last == len(painting.legend["steps"]) and first < middle < last
    label = painting.legend["steps"][middle - 1]["label"]
    assert label == classes.steps(Words("en"), with_unit=False)[middle - 1].label


def test_one_value_everywhere_and_no_value() -> None:
    fives = np.full((2, 2), 5.0, np.float32)
    same = paint_quantity(fives, classes_of("cost", fives, "USD/t"), Words("en"))
    assert (same.index > 0).all() and [one["label"] for one in same.legend["steps"]] == ["5"]
    nothing = np.full((2, 2), np.nan, np.float32)
    none = paint_quantity(nothing, classes_of("cost", nothing, "USD/t"), Words("en"))
    assert not none.index.any() and "steps" not in none.legend


@pytest.mark.parametrize("name", ["equal_share", "cost", "suitability"])
def test_one_scale_for_all_methods_on_the_page_and_in_qgis(name: str) -> None:
    """A colour means one amount: the words of the page's legend are those of every method's."""
    dataset = tiny_dataset(tiny_grid())
    painter = Painter(DatasetSource(dataset), Words("en"))
    legends = [painter.paint(Layer(name, method))["legend"]["steps"] for method in METHODS]
    told = [[one for one in steps if one["label"] != "nothing"] for steps in legends]
    assert told[0] == told[1]
    steps = dataset_classes(dataset, name).steps(Words("en"), with_unit=False)
    assert [one["label"] for one in told[0]] == [one.label for one in steps if one.top != 0]
    assert [one["colour"] for one in told[0]] == [one.colour for one in steps if one.top != 0]


def test_layers_of_a_study_have_its_colours_and_words() -> None:
    dataset = tiny_dataset(tiny_grid())
    keys = [layer.key for layer in layers_of(dataset)]
    assert keys[:4] == ["winner", "net_removal", "plan_cost", "exclusion_reasons"]
    assert f"cost/{METHODS[0]}" in keys and not any("supply" in key for key in keys)
    painter = Painter(DatasetSource(dataset), Words("en"))
    winner = painter.paint(Layer("winner"))["legend"]
    colours = {entry["label"]: entry["colour"] for entry in winner["classes"]}
    assert colours["Solid-sorbent air capture"] == METHOD_COLOURS["daccs-solid"]
    assert colours["excluded"] == STATE_COLOURS["excluded"]
    cost = painter.paint(Layer("cost", METHODS[0]))["legend"]
    assert cost["unit"] == "USD/t" and cost["steps"][-1]["label"].startswith("more than ")
    assert "nothing fits" in {entry["label"] for entry in cost["classes"]}
    for layer in (Layer("net_removal"), Layer("plan_cost"), Layer("allocated", METHODS[0])):
        words = {entry["label"] for entry in painter.paint(layer)["legend"]["classes"]}
        assert {"excluded", "unknown", "none in the plan"} <= words, layer
    rules = painter.paint(Layer("exclusion_reasons"))["legend"]["classes"]
    again = "allowed again by an include rule"
    told = [entry["label"] for entry in rules]
    assert told == ["strictly protected", "several rules", again, "no rule"]


# ------------------------------------------------------------------ the cells


def numbers(cells: dict[str, Any], fact: dict[str, Any]) -> np.ndarray:
    """Values of a fact, as the page reads them."""
    found = unpack(cells["arrays"][fact["cells"]])
    return found.reshape(cells["rows"], cells["cols"])


def test_cells_of_a_small_study_written_out() -> None:
    cells = mapwhy.cells_of(DatasetSource(tiny_dataset(tiny_grid())), Words("en"))
    assert (cells["rows"], cells["cols"], cells["step"]) == (4, 5, 1)
    solid = cells["methods"][METHODS[0]]["facts"]
    allowed = (LIMIT < 250) & (SHARE > 0)
    np.testing.assert_array_equal(numbers(cells, solid["equal_gross"])[allowed], SHARE[allowed])
    inside = unpack(cells["arrays"][cells["inside"]]).reshape(LIMIT.shape)
    np.testing.assert_array_equal(inside == 1, LIMIT != OUTSIDE)
    assert cells["shared"]["facts"]["pool_water"]["texts"] == ("上游", "lower <b>basin</b>")


Said = dict[str, list[str]]
"""Title -> sentences; the lead has no title."""


def read_by_python(cells: dict[str, Any], index: int, values: list[np.ndarray]) -> list[Said]:
    """What the page says of a cell whatever the method and of each, by its own rules."""
    facts: dict[str, str] = {}
    found = []
    for group in (cells["shared"], *cells["methods"].values()):
        mine = facts if group is cells["shared"] else dict(facts)
        for name, fact in group["facts"].items():
            value = values[fact["cells"]][index]
            if "texts" in fact:
                mine[name] = fact["texts"][int(value)] if value >= 0 else "–"
            else:
                shown = number(value, fact["digits"]) + fact["unit"]
                mine[name] = shown if np.isfinite(value) else "–"
        lines: Said = {}
        for line in (group["lead"], *group["lines"]):
            if code := int(values[line["cells"]][index]):
                text = re.sub(r"\{([^{}]+)\}", lambda m: mine[m[1]], line["sentences"][code - 1])  # noqa: B023
                lines.setdefault(line["title"], []).append(text)
        found.append(lines)
    return found


SCRIPT = """
const { cells, indexes } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const read = CELLS.store(cells);
const said = ({ lead, rows }) => Object.fromEntries(lead ? [["", [lead]], ...rows] : rows);
(async () => {
  const found = [];
  for (const index of indexes) {
    const here = (which) => read(which, index);
    const shared = await WHY.told(cells.shared, here);
    const groups = Object.values(cells.methods).map((group) => WHY.told(group, here, shared.facts));
    found.push([shared, ...await Promise.all(groups)].map(said));
  }
  console.log(JSON.stringify(found));
})();
"""


def read_by_script(cells: dict[str, Any], indexes: list[int]) -> list[list[Said]]:
    """The same by the page's own script."""
    assets = Path(mapview.__file__).parent / "assets"
    parts = [(assets / name).read_text(encoding="utf-8") for name in ("map_cells.js", "map_why.js")]
    given = script_json({"cells": cells, "indexes": indexes})
    program = ["node", "-e", "\n".join([*parts, SCRIPT])]
    run = subprocess.run(program, input=given.encode(), capture_output=True, check=True, timeout=60)
    found: list[list[Said]] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_says_what_the_terminal_says(demo_run: Path, lang: str) -> None:
    """At places all over the region, in the same sentences."""
    words = Words(lang)
    with xr.open_dataset(demo_run / "result.zarr", engine="zarr", chunks=None) as dataset:
        source = RunSource(RunFolder(demo_run), dataset)
        cells, grid = mapwhy.cells_of(source, words), source.grid
        inside = np.argwhere((dataset["limit"].to_numpy() != OUTSIDE).any(axis=0))
        dataset.load()
    some = inside[np.random.default_rng(7).choice(len(inside), 25, replace=False)]
    indexes = [int(row * cells["cols"] + col) for row, col in some]
    values = [unpack(packed) for packed in cells["arrays"]]
    ways = [[read_by_python(cells, index, values) for index in indexes]]
    if shutil.which("node"):
        ways.append(read_by_script(cells, indexes))
    verdicts: set[Any] = set()
    for i, (row, col) in enumerate(some):
        found = explain_place(dataset, grid, float(grid.x[col]), float(grid.y[row]), words)
        assert (found.row, found.column) == (row, col)
        gap = words("sentence.gap")
        for shared, *methods in (way[i] for way in ways):
            every = [found.lines, *(here.lines for here in found.methods.values())]
            for lines, told in zip((shared, *methods), every, strict=True):
                assert tuple((k, gap.join(v)) for k, v in lines.items() if k) == told
            leads = [text for lines in (*methods, shared) for text in lines.get("", [])]
            assert gap.join(leads) == found.lead
        verdicts |= {
            here.plan.verdict if here.plan else here.state for here in found.methods.values()
        }
    assert {"used", "too much", "excluded"} <= verdicts


def test_a_large_run_is_sampled_and_its_cells_are_real(
    demo_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapwhy, "sampling", lambda grid: 3)
    with xr.open_dataset(demo_run / "result.zarr", engine="zarr", chunks=None) as dataset:
        cells = mapwhy.cells_of(RunSource(RunFolder(demo_run), dataset), Words("en"))
        whole = dataset["equal_share"][0].to_numpy()
        allowed = ~np.isin(dataset["limit"][0].to_numpy(), [252, 253, 254, 255])
    assert (cells["rows"], cells["cols"]) == (-(-whole.shape[0] // 3), -(-whole.shape[1] // 3))
    name = next(iter(cells["methods"]))
    found = numbers(cells, cells["methods"][name]["facts"]["equal_gross"])
    part = np.where(allowed & (whole > 0), whole, np.nan)[1::3, 1::3]
    np.testing.assert_allclose(found[: part.shape[0], : part.shape[1]], part, rtol=0.005)


def test_a_region_in_a_large_frame_keeps_all_its_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapwhy, "sampling", lambda grid: 2)
    source = DatasetSource(tiny_dataset(tiny_grid()))
    assert mapwhy.cells_of(source, Words("en"))["step"] == 1
    monkeypatch.setattr(mapwhy, "MOST_CELLS", 10)  # the region has 17
    assert mapwhy.cells_of(source, Words("en"))["step"] == 2


# ------------------------------------------------------------------- the page


def test_the_fragment_of_a_run_has_everything(demo_run: Path) -> None:
    found = map_fragment(RunFolder(demo_run), Words("en"))
    assert set(found.data["vectors"]) >= {"sites", "plants", "pipes", "storage", "provinces"}
    assert found.data["region"] and found.data["layers"]["winner"]["image"].startswith("data:")
    assert "BSD 2-Clause" in found.css and "Agafonkin" in found.css
    for plant in found.data["vectors"]["plants"]["shapes"]:
        assert plant["size"] > 0 and plant["geometry"]["type"] == "Point"
        assert all(abs(v - round(v, 4)) < 1e-12 for v in plant["geometry"]["coordinates"])
    again = map_fragment(RunFolder(demo_run), Words("en"))
    assert script_json(again.data) == script_json(found.data)  # rule 9


def test_a_run_without_a_dataset_has_no_map(tmp_path: Path) -> None:
    from report_run import write_run

    assert map_fragment(RunFolder(write_run(tmp_path / "run")), Words("en")) == Fragment("")


def test_nothing_in_style_and_script_asks_for_a_file() -> None:
    assert "url(" not in style() and "</" not in style()
    assert "sourceMappingURL" not in script() and "</script" not in script().lower()
    assert not re.search(r"\beval\(|new Function\(", script())


def test_names_from_the_data_stay_text() -> None:
    bad = "</script><img src=x onerror=window.__pwned=1>"
    dataset = tiny_dataset(tiny_grid()).assign_coords(removal_method=[bad, "afforestation"])
    dataset.attrs["title"] = bad
    page = dataset.cdr.explore().html
    assert bad not in page and "<img" not in page
    assert page.count("</script>") == 2


def test_explore_chooses_what_is_asked_for() -> None:
    dataset = tiny_dataset(tiny_grid())
    assert 'value="winner"' in dataset.cdr.explore().html
    one = dataset.cdr.explore("equal_share_net", METHODS[1]).html
    assert 'value="equal_share_net"' in one and 'value="winner"' not in one
    assert f'value="{METHODS[1]}"' in one
    with pytest.raises(ConfigError, match="no such variable"):
        dataset.cdr.explore("nonsense")
    with pytest.raises(ConfigError, match="no such method"):
        dataset.cdr.explore("cost", "nonsense")


def test_explore_of_one_array(tmp_path: Path) -> None:
    dataset = tiny_dataset(tiny_grid())
    shown = dataset["supply_water"].cdr.explore(lang="zh")
    assert "water offered" in repr(shown)
    saved = shown.save(tmp_path / "deep" / "map.html")
    assert saved.read_text(encoding="utf-8") == shown.html
    assert shown._repr_html_().startswith("<iframe srcdoc=")
    mask = (dataset["cost"] > 100).sel(removal_method=METHODS[0])
    assert "value" in mask.rename(None).cdr.explore().html
    with pytest.raises(ConfigError, match="two dimensions"):
        dataset["cost"].expand_dims("time").cdr.explore()
    with pytest.raises(ConfigError, match="nothing to show"):
        xr.Dataset(coords=dataset.coords).cdr.explore()


def test_small_maps_in_notebooks() -> None:
    dataset = tiny_dataset(tiny_grid())
    shown = dataset.cdr._repr_html_()
    assert "data:image/png" in shown and "Which method uses this land" in shown
    assert "data:image/png" not in dataset.drop_vars("winner").cdr._repr_html_()
    assert "water offered" in dataset["supply_water"].cdr._repr_html_()


def test_a_source_other_than_a_study() -> None:
    grid = tiny_grid()
    dataset = tiny_dataset(grid)[["supply_water", "pool_water"]]
    dataset["change"] = dataset["supply_water"] - 100.0
    found = fragment(DatasetSource(dataset), Words("en"))
    cells = found.data["cells"]
    titles = {line["title"]: line["sentences"][0][1:-1] for line in cells["shared"]["lines"]}
    assert set(titles) == {"water offered", "pool of water", "water offered (supply_water)"}
    values = numbers(cells, cells["shared"]["facts"][titles["water offered"]])
    known = np.isfinite(dataset["change"].to_numpy())
    np.testing.assert_allclose(values[known], dataset["change"].to_numpy()[known], rtol=0.005)
    assert cells["methods"] == {} and "cdrmap-method" not in found.html


def test_png_chunks_are_whole() -> None:
    data = base64.b64decode(png_uri(np.ones((3, 3), np.uint8), ["#112233"]).split(",")[1])
    at, kinds = 8, []
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 4 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(body)
        kinds.append(kind)
        at += 12 + size
    assert kinds == [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"]


def test_a_large_dataset_is_never_read_whole(tmp_path: Path) -> None:
    import tracemalloc

    grid = AnalysisGrid.from_bounds("EPSG:3035", (4e6, 3e6, 4.4e6, 3.4e6), 100.0)
    field = np.arange(grid.size, dtype=np.float32).reshape(grid.shape)
    whole = xr.Dataset(
        {"height": (("y", "x"), field, {"units": "m"})},
        {"y": grid.y, "x": grid.x, "crs": ((), 0, {"spatial_ref": grid.wkt})},
    )
    chunks = {"height": {"chunks": (512, 512)}}
    whole.to_zarr(tmp_path / "large.zarr", encoding=chunks, consolidated=False)
    store = tmp_path / "large.zarr"
    with xr.open_dataset(store, engine="zarr", chunks=None, consolidated=False) as dataset:
        tracemalloc.start()
        cells = mapwhy.cells_of(DatasetSource(dataset), Words("en"))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    step = cells["step"]
    assert step > 10 and peak < field.nbytes / 2
    found = numbers(cells, next(iter(cells["shared"]["facts"].values())))
    part = field[step // 2 :: step, step // 2 :: step]
    np.testing.assert_allclose(found[: part.shape[0], : part.shape[1]], part, rtol=0.005)

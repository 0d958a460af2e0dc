"""The map of the report: numbers kept, places found, pictures painted, words said."""

from __future__ import annotations

import base64
import re
import struct
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
from cdrsite.core.states import OUTSIDE
from cdrsite.core.words import Words
from cdrsite.explain.place import explain_run
from cdrsite.outputs.palette import METHOD_COLOURS, STATE_COLOURS
from cdrsite.outputs.rasters.raster import Category
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.report import mapcells, mapwhy
from cdrsite.report.fragment import Fragment
from cdrsite.report.html import script_json
from cdrsite.report.mapcells import COARSE, FINE, lookup, pack_linear, pack_log, pack_whole
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


FLOATS = st.one_of(st.just(float("nan")), st.floats(0, 2.0**40, width=32))


# -------------------------------------------------------------- packed numbers


@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=2, max_side=30), elements=FLOATS))
def test_packed_numbers_come_back_within_half_a_step(values: np.ndarray) -> None:
    found = unpack(pack_log(values)).reshape(values.shape)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(values))
    np.testing.assert_array_equal(found == 0, values == 0)
    known = np.isfinite(values) & (values > 0)
    # steps grow where 65 000 of them do not reach from the smallest to the largest
    span = np.ptp(np.log(values[known].astype(float))) if known.any() else 0.0
    step = max(np.log1p(FINE), span / mapcells.MOST_CODES)
    np.testing.assert_allclose(found[known], values[known], rtol=0.51 * step + 1e-9)


@given(hnp.arrays(np.float32, st.integers(1, 400), elements=st.floats(-50, 50, width=32)))
def test_numbers_of_either_sign_come_back(values: np.ndarray) -> None:
    found = unpack(pack_linear(values, 0.01))
    np.testing.assert_allclose(found, values, atol=0.0051)


@given(hnp.arrays(np.int64, st.integers(1, 600), elements=st.integers(-1, 1 << 31)))
def test_whole_numbers_come_back_exactly(values: np.ndarray) -> None:
    np.testing.assert_array_equal(unpack(pack_whole(values)), values)


def test_few_different_numbers_are_kept_as_they_are() -> None:
    values = np.array([404_000.0, np.nan, 66_187_000.0, 0.0, 404_000.0] * 300)
    packed = pack_log(values)
    assert packed["scale"] == "table"
    np.testing.assert_array_equal(unpack(packed), values)


@pytest.mark.parametrize(
    "values", [[3, -1, 3, 7], [5], [], [0, 2**40, -1], list(range(-1, 70_000))]
)
def test_kinds_are_those_of_a_sort(values: list[int]) -> None:
    numbers = np.array(values, np.int64)
    expected = np.unique(numbers, return_inverse=True)
    for found, wanted in zip(mapcells._kinds(numbers), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_nothing_known_and_nothing_at_all() -> None:
    assert np.isnan(unpack(pack_log(np.full(5, np.nan)))).all()
    assert np.isnan(unpack(pack_linear(np.full(300, np.nan), 0.1))).all()


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
    painting = paint_quantity(values, "viridis", states={"excluded": (state, "#969696")})
    assert painting.index[0, 3] == 0  # no number, no colour
    assert painting.colours[painting.index[0, 4] - 1] == "#969696"
    first, middle, last = painting.index[0, :3]
    assert first == 1 and last == len(painting.legend["ramp"]["colours"]) and first < middle < last
    assert (painting.legend["ramp"]["low"], painting.legend["ramp"]["high"]) == (
        0.0,
        pytest.approx(98),
    )


def test_one_value_everywhere_and_no_value() -> None:
    same = paint_quantity(np.full((2, 2), 5.0, np.float32), "viridis")
    assert (same.index > 0).all() and same.legend["ramp"]["high"] == 5.0
    none = paint_quantity(np.full((2, 2), np.nan, np.float32), "viridis")
    assert not none.index.any() and "ramp" not in none.legend


def test_layers_of_a_study_have_its_colours_and_words() -> None:
    dataset = tiny_dataset(tiny_grid())
    keys = [layer.key for layer in layers_of(dataset)]
    assert keys[:2] == ["winner", "exclusion_reasons"]
    assert f"cost/{METHODS[0]}" in keys and not any("supply" in key for key in keys)
    painter = Painter(DatasetSource(dataset), Words("en"))
    winner = painter.paint(Layer("winner"))["legend"]
    colours = {entry["label"]: entry["colour"] for entry in winner["classes"]}
    assert colours["Solid-sorbent air capture"] == METHOD_COLOURS["daccs-solid"]
    assert colours["excluded"] == STATE_COLOURS["excluded"]
    cost = painter.paint(Layer("cost", METHODS[0]))["legend"]
    assert cost["unit"] == "USD/t" and cost["ramp"]["high"] == 250.0
    assert "nothing fits" in {entry["label"] for entry in cost["classes"]}
    for layer in (Layer("net_removal"), Layer("plan_cost"), Layer("allocated", METHODS[0])):
        words = {entry["label"] for entry in painter.paint(layer)["legend"]["classes"]}
        assert {"excluded", "unknown", "none in the plan"} <= words, layer
    rules = painter.paint(Layer("exclusion_reasons"))["legend"]["classes"]
    assert [entry["label"] for entry in rules] == ["strictly protected", "several rules", "no rule"]


# ------------------------------------------------------------------ the cells


def test_cells_of_a_small_study_written_out() -> None:
    cells = mapwhy.cells_of(DatasetSource(tiny_dataset(tiny_grid())))
    assert (cells["rows"], cells["cols"], cells["step"]) == (4, 5, 1)
    solid = cells["methods"][METHODS[0]]
    found = unpack(solid["equal_share"]).reshape(LIMIT.shape)
    allowed = LIMIT < 250
    np.testing.assert_allclose(found[allowed], SHARE[allowed], rtol=FINE)
    assert np.isnan(found[~allowed]).all()
    inside = unpack(cells["shared"]["inside"]).reshape(LIMIT.shape)
    np.testing.assert_array_equal(inside == 1, LIMIT != OUTSIDE)
    assert cells["names"]["labels"]["pool_water"] == ["上游", "lower <b>basin</b>"]


def values_at(cells: dict[str, Any], row: int, col: int) -> dict[str, dict[str, float]]:
    index = row * cells["cols"] + col
    groups = {"": cells["shared"], **cells["methods"]}
    return {
        group: {name: float(unpack(packed)[index]) for name, packed in arrays.items()}
        for group, arrays in groups.items()
    }


def test_the_map_says_what_explain_says(demo_run: Path) -> None:
    """At places all over the region, the page's numbers are the explanation's."""
    run = RunFolder(demo_run)
    with xr.open_dataset(demo_run / "result.zarr", engine="zarr", chunks=None) as dataset:
        source = RunSource(run, dataset)
        cells, grid = mapwhy.cells_of(source), source.grid
        limits = dataset["limit"].to_numpy()
        codes = {int(v): k for v, k in enumerate(cells["names"]["charges"])}
    place = lookup(grid)
    from pyproj import Transformer

    to_degrees = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    inside = np.argwhere((limits != OUTSIDE).any(axis=0))
    rng = np.random.default_rng(7)
    verdicts = set()
    for row, col in inside[rng.choice(len(inside), 40, replace=False)]:
        lon, lat = to_degrees.transform(grid.x[col], grid.y[row])
        told = explain_run(demo_run, lon, lat)
        where = place.find(np.array([lon]), np.array([lat]))
        assert (int(where[1][0]), int(where[0][0])) == (told.row, told.column) == (row, col)
        kept = values_at(cells, row, col)
        for name, here in told.methods.items():
            mine = kept[name]
            word = cells["names"]["codes"]["limit"][str(int(mine["limit"]))]
            assert word == (here.limits if here.state == "allowed" else here.state)
            if here.state != "allowed":
                assert mine["verdict"] == 0 and np.isnan(mine["equal_share"])
                continue
            plan = here.plan
            assert plan is not None
            close(mine["equal_share"], here.gross_t_yr, FINE)
            close(mine["cost"], here.cost_usd_per_net_t, FINE)
            close(mine["allocated"], plan.gross_t_yr, FINE)
            close(mine.get("plan_cost", mine["cost"]), plan.cost_usd_per_net_t, FINE)
            assert mine["worth"] == pytest.approx(plan.worth, rel=2e-3, abs=1e-3)
            assert mine["suitability"] == pytest.approx(here.suitability, abs=0.003)
            assert mine["available"] == pytest.approx(here.available_share, abs=0.003)
            sinks = cells["names"]["labels"]["pool_storage"]
            assert (sinks[int(mine["sink"])] if mine["sink"] >= 0 else None) == plan.sink
            verdict = plan.verdict()
            said = {
                "used": mine["verdict"] == mapwhy.USED,
                "too much": mine["verdict"] == mapwhy.TOO_MUCH,
                "adds nothing": mine["verdict"] == mapwhy.NO_GAIN,
                "as good": mine["verdict"] == mapwhy.AS_GOOD,
            }
            wanted = next(
                key
                for key in ("too much", "adds nothing", "as good", "used")
                if key in verdict and (key != "used" or verdict.startswith("used"))
            )
            assert said[wanted], verdict
            verdicts.add(wanted)
            if wanted == "too much":
                close(mine["shortfall"], plan.shortfall, COARSE)
            top = next(iter(plan.charges.items()), None)
            charged = codes[int(mine["charge_what"])]
            if top is None or top[1] <= 0:
                assert charged == ""
            else:
                assert top[0].split(" (")[0] == charged
                close(mine["charge"], top[1], COARSE)
        for name, (amount, _) in told.supplies.items():
            key = "usable_land" if name == "usable land" else f"supply_{name}"
            scale = 1e6 if name == "usable land" else 1.0
            close(kept[""][key], amount * scale, COARSE)
    assert {"used", "too much"} <= verdicts


def close(found: float, wanted: float, step: float) -> None:
    assert found == pytest.approx(wanted, rel=step, abs=1e-30, nan_ok=True)


def test_a_large_run_is_sampled_and_its_cells_are_real(
    demo_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapwhy, "sampling", lambda grid: 3)
    with xr.open_dataset(demo_run / "result.zarr", engine="zarr", chunks=None) as dataset:
        cells = mapwhy.cells_of(RunSource(RunFolder(demo_run), dataset))
        whole = dataset["equal_share"][0].to_numpy()
        allowed = ~np.isin(dataset["limit"][0].to_numpy(), [252, 253, 254, 255])
    assert (cells["rows"], cells["cols"]) == (-(-whole.shape[0] // 3), -(-whole.shape[1] // 3))
    name = next(iter(cells["methods"]))
    found = unpack(cells["methods"][name]["equal_share"])
    found = found.reshape(cells["rows"], cells["cols"])
    part = np.where(allowed, whole, np.nan)[1::3, 1::3]
    np.testing.assert_allclose(found[: part.shape[0], : part.shape[1]], part, rtol=FINE)


def test_a_region_in_a_large_frame_keeps_all_its_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapwhy, "sampling", lambda grid: 2)
    source = DatasetSource(tiny_dataset(tiny_grid()))
    assert mapwhy.cells_of(source)["step"] == 1
    monkeypatch.setattr(mapwhy, "MOST_CELLS", 10)  # the region has 17
    assert mapwhy.cells_of(source)["step"] == 2


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
    assert "data:image/png" in shown and "Main method in the plan" in shown
    assert "data:image/png" not in dataset.drop_vars("winner").cdr._repr_html_()
    assert "water offered" in dataset["supply_water"].cdr._repr_html_()


def test_a_source_other_than_a_study() -> None:
    grid = tiny_grid()
    dataset = tiny_dataset(grid)[["supply_water", "pool_water"]]
    dataset["change"] = dataset["supply_water"] - 100.0
    found = fragment(DatasetSource(dataset), Words("en"))
    plain = found.data["cells"]["plain"]
    assert set(plain) == {"supply_water", "pool_water", "change"}
    values = unpack(plain["change"]).reshape(LIMIT.shape)
    np.testing.assert_allclose(values, dataset["change"], rtol=1e-3)
    assert found.data["cells"]["methods"] == {} and "cdrmap-method" not in found.html


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
        cells = mapwhy.cells_of(DatasetSource(dataset))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    step = cells["step"]
    assert step > 10 and peak < field.nbytes / 2
    found = unpack(cells["plain"]["height"]).reshape(cells["rows"], cells["cols"])
    part = field[step // 2 :: step, step // 2 :: step]
    np.testing.assert_allclose(found[: part.shape[0], : part.shape[1]], part, rtol=FINE)

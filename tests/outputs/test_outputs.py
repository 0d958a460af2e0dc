"""What a run leaves on disk, opened again with other programs' eyes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from cogs import write_cog
from rio_cogeo.cogeo import cog_validate
from tiny_study import LIMIT, METHODS, REASONS, RULES, SHARE, STATE, tiny_grid, tiny_result

import cdrsite.report.folder as folder_module
from cdrsite.core.errors import ConfigError
from cdrsite.core.grid import AnalysisGrid
from cdrsite.core.states import (
    EXCLUDED,
    LOWEST_STATE,
    NET_NOT_POSITIVE,
    NONE_PLANNED,
    OUTSIDE,
    PLANNED,
    UNKNOWN,
)
from cdrsite.core.vocabulary import RESOURCES, STATE_NAMES, limit_names
from cdrsite.core.words import Words
from cdrsite.engine.record import input_files, relative_path
from cdrsite.outputs.legend import class_colour
from cdrsite.outputs.palette import (
    METHOD_COLOURS,
    SPARE_COLOURS,
    STATE_COLOURS,
    method_colour,
    rgba,
)
from cdrsite.outputs.rasters.raster import Category, RasterSpec
from cdrsite.outputs.tables import plain
from cdrsite.result.study_result import StudyResult


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    return tiny_result(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def run_folder(result: StudyResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return result.write(tmp_path_factory.mktemp("runs") / "tiny")


def read(folder: Path, name: str) -> tuple[np.ndarray, rasterio.DatasetReader]:
    with rasterio.open(folder / "rasters" / f"{name}.tif") as source:
        return source.read(1), source


def test_the_folder_holds_what_is_promised(run_folder: Path) -> None:
    expected = {
        *(
            f"rasters/{name}_{method}.tif"
            for name in (
                "equal_share",
                "limit",
                "net_factor",
                "cost",
                "score",
                "suitability",
                "available",
                "allocated",
                "method_state",
            )
            for method in METHODS
        ),
        *(f"rasters/limit_{method}.tif.aux.xml" for method in METHODS),
        *(f"rasters/method_state_{method}.tif.aux.xml" for method in METHODS),
        *(
            f"rasters/{name}_{method}.{ending}"
            for ending in ("qml", "sld")
            for name in (
                "equal_share",
                "limit",
                "net_factor",
                "cost",
                "score",
                "suitability",
                "available",
                "allocated",
                "method_state",
            )
            for method in METHODS
        ),
        *(
            f"rasters/{name}.{ending}"
            for ending in ("qml", "sld")
            for name in (
                "winner",
                "state",
                "net_removal",
                "plan_cost",
                "exclusion_reasons",
                "supply_water",
                "pool_water",
            )
        ),
        "cdrsite.qgs",
        "rasters/state.tif",
        "rasters/state.tif.aux.xml",
        "rasters/net_removal.tif",
        "rasters/plan_cost.tif",
        "rasters/winner.tif",
        "rasters/winner.tif.aux.xml",
        "rasters/exclusion_reasons.tif",
        "rasters/exclusion_reasons.tif.aux.xml",
        "rasters/exclusion_reasons.txt",
        "rasters/supply_water.tif",
        "rasters/pool_water.tif",
        "rasters/pool_water.tif.aux.xml",
        "rasters/README.txt",
        *(
            f"tables/{n}.{end}"
            for n in ("methods", "exclusions", "pools")
            for end in ("csv", "parquet")
        ),
        "cdrsite.gpkg",
        "styles/region.sld",
        "styles/tonnes.sld",
        "summary.json",
        "assumptions.json",
        "manifest.json",
        "report.html",
    }
    found = {
        str(path.relative_to(run_folder).as_posix())
        for path in run_folder.rglob("*")
        if path.is_file() and "result.zarr" not in path.parts
    }
    assert found == expected
    assert (run_folder / "result.zarr" / ".zmetadata").is_file()


def test_every_raster_is_a_strict_cog(run_folder: Path) -> None:
    for path in sorted((run_folder / "rasters").glob("*.tif")):
        valid, errors, warnings = cog_validate(path, strict=True)
        assert valid and not errors and not warnings, path.name


def test_four_states_survive_the_disk(run_folder: Path) -> None:
    values, source = read(run_folder, "equal_share_daccs-solid")
    codes, _ = read(run_folder, "limit_daccs-solid")
    np.testing.assert_array_equal(codes, LIMIT)
    number = values != source.nodata
    np.testing.assert_array_equal(values[number], SHARE[~np.isnan(SHARE)])
    assert number[0, 1] and values[0, 1] == 0.0 and codes[0, 1] < LOWEST_STATE  # a true zero
    assert not number[codes == UNKNOWN].any() and (codes == UNKNOWN).any()
    assert not number[codes == OUTSIDE].any() and (codes == OUTSIDE).any()
    assert (values[codes == EXCLUDED] == 0).all() and (codes == EXCLUDED).any()
    assert (values[codes == NET_NOT_POSITIVE] == 0).all() and (codes == NET_NOT_POSITIVE).any()


def test_the_plan_keeps_zero_unknown_and_excluded_apart_on_disk(run_folder: Path) -> None:
    """In every file of the plan, and in the Zarr, a zero was possible; the rest has a state."""
    held = xr.open_zarr(run_folder / "result.zarr", consolidated=True)
    for name, state in (
        ("net_removal", "state"),
        ("plan_cost", "state"),
        *((f"allocated_{method}", f"method_state_{method}") for method in METHODS),
    ):
        values, source = read(run_folder, name)
        codes, states = read(run_folder, state)
        number = values != source.nodata
        assert set(np.unique(codes)) >= {NONE_PLANNED, UNKNOWN, EXCLUDED, OUTSIDE}
        assert not number[codes >= LOWEST_STATE].any(), name
        assert (values[codes == PLANNED] > 0).all(), name
        if name != "plan_cost":
            assert number[codes < LOWEST_STATE].all(), name
            assert (values[codes == NONE_PLANNED] == 0).all(), name
        assert states.nodata == OUTSIDE
        stored = held[name] if name in held else held["allocated"].sel(removal_method=name[10:])
        np.testing.assert_array_equal(np.isnan(stored.to_numpy()), ~number, err_msg=name)
    np.testing.assert_array_equal(held["state"].to_numpy(), STATE)


def test_the_states_have_words_and_colours_in_their_files(run_folder: Path) -> None:
    for name in ("state", *(f"method_state_{method}" for method in METHODS)):
        table = ET.parse(run_folder / "rasters" / f"{name}.tif.aux.xml").getroot()
        rows = {row[0].text: row[1].text for row in table.iter("Row")}
        assert rows == {str(code): STATE_NAMES[code] for code in (0, 1, UNKNOWN, EXCLUDED)}
        style = ET.parse(run_folder / "rasters" / f"{name}.qml").getroot()
        entries = {one.get("label"): one.get("color") for one in style.iter("paletteEntry")}
        assert set(entries) == {Words().called(word) for word in rows.values()}
        assert len(set(entries.values())) == 4


def test_quantities_say_unit_nodata_and_what_they_are(run_folder: Path) -> None:
    with rasterio.open(run_folder / "rasters" / "cost_afforestation.tif") as source:
        assert source.dtypes == ("float32",) and source.nodata == -9999
        assert source.units == ("USD/t",)
        assert source.descriptions == ("afforestation: levelised cost per net tonne",)
        assert source.crs.to_epsg() == 3035 and source.transform == tiny_grid().transform
        tags, of_band = source.tags(), source.tags(1)
    assert tags["method"] == "afforestation" and tags["scenario"] == "tiny"
    assert tags["units"] == "USD/t" and tags["money"] == "USD of 2020"
    assert tags["input_licences"] == "places: CC-BY-4.0"
    assert tags["software"].startswith("cdrsite ")
    assert float(of_band["STATISTICS_MINIMUM"]) == 50.0


def test_classes_have_words_and_colours(run_folder: Path) -> None:
    import xml.etree.ElementTree as ET

    path = run_folder / "rasters" / "limit_daccs-solid.tif"
    with rasterio.open(path) as source:
        assert source.nodata == 255 and source.dtypes == ("uint8",)
        colours = source.colormap(1)
    assert colours[0] == rgba(RESOURCES["land"].colour)
    assert colours[EXCLUDED] == rgba(STATE_COLOURS["excluded"])
    root = ET.parse(path.with_name(path.name + ".aux.xml")).getroot()
    names = [item.text or "" for item in root.iter("Category")]
    rows = [[cell.text for cell in row] for row in root.iter("Row")]
    for code, name in limit_names().items():
        if code != OUTSIDE:
            assert names[code] == name.replace("_", " ")
            assert rows[[row[0] for row in rows].index(str(code))][1] == names[code]
    assert len(rows) == len(limit_names()) - 1


def test_gdal_accepts_the_sidecar(run_folder: Path) -> None:
    with rasterio.open(run_folder / "rasters" / "limit_daccs-solid.tif") as source:
        assert any(name.endswith(".aux.xml") for name in source.files)
        source.read(1)


def test_reasons_keep_their_bits_and_say_the_rules(run_folder: Path) -> None:
    with rasterio.open(run_folder / "rasters" / "exclusion_reasons.tif") as source:
        bits, tags = source.read(1), source.tags()
    np.testing.assert_array_equal(bits, REASONS)
    assert source.dtypes == ("uint32",) and source.nodata == 1 << 31
    for bit, rule in enumerate(RULES):
        assert tags[f"BIT_{bit:02d}"] == rule
    text = (run_folder / "rasters" / "exclusion_reasons.txt").read_text(encoding="utf-8")
    assert "bit  2  value          4  城镇 1 km" in text
    sidecar = (run_folder / "rasters" / "exclusion_reasons.tif.aux.xml").read_text("utf-8")
    assert "steep, over 15° + 城镇 1 km" in sidecar


def test_pools_are_named_and_escaped(run_folder: Path) -> None:
    _, source = read(run_folder, "pool_water")
    assert source.dtypes == ("int32",) and source.nodata == -1
    sidecar = (run_folder / "rasters" / "pool_water.tif.aux.xml").read_text("utf-8")
    assert "上游" in sidecar and "lower &lt;b&gt;basin&lt;/b&gt;" in sidecar


def big_grid() -> AnalysisGrid:
    return AnalysisGrid.from_bounds("EPSG:3035", (0, 0, 1100_000, 1030_000), 1000.0)


def test_overviews_average_quantities_and_vote_on_classes(tmp_path: Path) -> None:
    grid = big_grid()
    values = np.tile(np.array([[1.0, 3.0], [5.0, np.nan]], np.float32), (515, 550))
    codes = np.tile(np.array([[0, 5], [5, 5]], np.uint8), (515, 550))
    categories = (Category(0, "land", "#8C6D31"), Category(5, "storage", "#6A3D9A"))
    write_cog(tmp_path / "q.tif", values, grid, RasterSpec("q", "quantity", "t/yr", "q"))
    write_cog(tmp_path / "c.tif", codes, grid, RasterSpec("c", "class", "", "c", categories))
    for name, expected in (("q", 3.0), ("c", 5)):
        valid, errors, _ = cog_validate(tmp_path / f"{name}.tif", strict=True)
        assert valid, errors
        with rasterio.open(tmp_path / f"{name}.tif") as source:
            assert source.overviews(1)[0] == 2
        with rasterio.open(tmp_path / f"{name}.tif", overview_level=0) as source:
            assert (source.read(1)[:500, :500] == expected).all()


@pytest.mark.parametrize("compression", ["deflate", "zstd"])
def test_a_raster_without_a_number_is_written_too(tmp_path: Path, compression: str) -> None:
    grid = tiny_grid()
    nothing = np.full(grid.shape, np.nan, np.float32)
    spec = RasterSpec("cost", "quantity", "USD/t", "cost")
    write_cog(tmp_path / "cost.tif", nothing, grid, spec, compression)
    with rasterio.open(tmp_path / "cost.tif") as source:
        assert (source.read(1) == -9999).all()
        assert source.compression.value.lower() == compression


def test_infinity_is_not_a_number_on_disk(tmp_path: Path) -> None:
    grid = tiny_grid()
    values = np.full(grid.shape, np.inf, np.float32)
    values[0, 0] = 7.0
    write_cog(tmp_path / "v.tif", values, grid, RasterSpec("v", "quantity", "t/yr", "v"))
    with rasterio.open(tmp_path / "v.tif") as source:
        assert source.read(1, masked=True).sum() == 7.0


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }


def test_the_same_result_gives_the_same_bytes(result: StudyResult, tmp_path: Path) -> None:
    first, second = result.write(tmp_path / "a"), result.write(tmp_path / "b")
    for part in ("rasters", "tables"):
        assert hashes(first / part) == hashes(second / part)
    assert (first / "summary.json").read_bytes() == (second / "summary.json").read_bytes()


def test_zarr_opens_in_xarray_and_gdal(run_folder: Path, result: StudyResult) -> None:
    store = run_folder / "result.zarr"
    assert json.loads((store / ".zgroup").read_text())["zarr_format"] == 2
    with xr.open_dataset(store, engine="zarr", consolidated=True) as back:
        back.load()
    for name, variable in result.dataset.data_vars.items():
        np.testing.assert_array_equal(back[name].to_numpy(), variable.to_numpy())
        assert back[name].dtype == variable.dtype
        assert back[name].attrs.get("units") == variable.attrs["units"]
    assert back.attrs["exclusion_rules"] == list(RULES)
    assert list(back["removal_method"].to_numpy()) == list(METHODS)
    assert "_CRS" not in result.dataset["cost"].attrs  # the result itself is left alone
    with rasterio.open(f'ZARR:"{store}":/equal_share:0') as source:
        assert source.crs.to_epsg() == 3035
        assert source.transform == result.grid.transform
        np.testing.assert_array_equal(source.read(1), SHARE)


def test_tables_summary_and_files_say_the_same(run_folder: Path, result: StudyResult) -> None:
    summary = json.loads((run_folder / "summary.json").read_text(encoding="utf-8"))
    csv = pd.read_csv(run_folder / "tables" / "methods.csv")
    parquet = pd.read_parquet(run_folder / "tables" / "methods.parquet")
    pd.testing.assert_frame_equal(csv, parquet, check_dtype=False)
    for row in csv.to_dict("records"):
        for key, value in summary["methods"][row["method"]].items():
            assert (pd.isna(row[key]) and value is None) or row[key] == value
    pools = pd.read_csv(run_folder / "tables" / "pools.csv")
    assert list(pools["family"]) == list(result.tables["pools"]["family"])


def test_manifest_repeats_the_scenario_and_its_inputs(
    run_folder: Path, result: StudyResult
) -> None:
    text = (run_folder / "manifest.json").read_text(encoding="utf-8")
    document = json.loads(text)
    content = (result.scenario.data_folder / "points.csv").read_bytes()
    assert document["inputs"] == {
        "points.csv": {
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            "licence": "CC-BY-4.0",
        }
    }
    assert document["scenario"]["layers"]["places"]["path"] == "points.csv"
    assert document["scenario"]["costs"]["base_year"] == 2020
    assert str(result.scenario.data_folder) not in text
    assert {"cdrsite", "numpy", "numba", "gdal", "proj", "python"} <= set(document["versions"])
    assert document["warnings"] == result.warnings
    timings = document["timings_s"]
    assert timings.pop("maps") > 0 and timings.pop("writing") > 0 and timings == {"prepare": 0.1}
    assert document["grid"]["crs"] == "EPSG:3035"


def test_companions_of_a_shapefile_and_folders_are_hashed(tmp_path: Path) -> None:
    (tmp_path / "store.zarr").mkdir()
    for name in ("roads.shp", "roads.dbf", "roads.prj", "store.zarr/.zgroup"):
        (tmp_path / name).write_text(name)
    extra = "  roads: {path: roads.shp}\n  cube: {path: store.zarr, variable: v}\n"
    text = (
        "name: t\ndata_folder: .\nregion: {bounds: [6, 50, 7, 51]}\nlayers:\n"
        f"{extra}methods: {{daccs-solid: {{}}}}\n"
    )
    from cdrsite.config.load import parse_scenario

    found = input_files(parse_scenario(text, tmp_path / "t.yaml"))
    assert list(found) == ["roads.dbf", "roads.prj", "roads.shp", "store.zarr/.zgroup"]


def test_paths_outside_the_data_folder_stay_relative(tmp_path: Path) -> None:
    assert relative_path(tmp_path / "a" / "b.tif", tmp_path / "c") == "../a/b.tif"


def test_nothing_is_left_when_a_writer_fails(
    result: StudyResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(folder_module, "write_zarr", broken)
    with pytest.raises(OSError, match="disk full"):
        result.write(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_run_stays_when_the_next_one_fails(
    result: StudyResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = result.write(tmp_path / "run")
    before = hashes(target / "rasters")

    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(folder_module, "write_tables", broken)
    with pytest.raises(KeyboardInterrupt):
        result.write(target)
    assert hashes(target / "rasters") == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_earlier_run_is_replaced_as_a_whole(result: StudyResult, tmp_path: Path) -> None:
    target = result.write(tmp_path / "run")
    first = json.loads((target / "manifest.json").read_text())["created_utc"]
    (target / "summary.json").unlink()  # what is missing comes back
    result.write(target)
    assert (target / "summary.json").is_file()
    assert json.loads((target / "manifest.json").read_text())["created_utc"] >= first
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_foreign_folder_is_never_replaced(result: StudyResult, tmp_path: Path) -> None:
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "chapter1.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="cure: give another folder") as caught:
        result.write(foreign)
    assert caught.value.exit_code == 2
    assert [path.name for path in foreign.iterdir()] == ["chapter1.tex"]
    with pytest.raises(ConfigError, match="a file is in the way"):
        result.write(foreign / "chapter1.tex")


def test_an_empty_folder_is_filled(result: StudyResult, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert (result.write(tmp_path / "run") / "manifest.json").is_file()


def test_json_holds_no_nan() -> None:
    document = {
        "a": np.float32(1.5),
        "b": [np.nan, np.inf, np.int64(3)],
        "c": np.array([1.0, np.nan]),
        "d": Path("x") / "y",
        "e": (True, None, "text"),
    }
    expected = {
        "a": 1.5,
        "b": [None, None, 3],
        "c": [1.0, None],
        "d": "x/y",
        "e": [True, None, "text"],
    }
    assert plain(document) == expected


def test_geographic_grids_are_written_too(tmp_path: Path) -> None:
    folder = tiny_result(tmp_path, crs="EPSG:4326").write(tmp_path / "run")
    _, source = read(folder, "equal_share_daccs-solid")
    assert source.crs.to_epsg() == 4326 and source.res == (0.5, 0.5)


def test_own_methods_have_one_colour_everywhere() -> None:
    mine = ("my_biochar", "my_dac", "ocean-alkalinity", "peat", "gravel", "weathering")
    for others in (mine, (*mine[::-1], *METHOD_COLOURS)):
        found = [method_colour(name, others) for name in mine]
        assert sorted(found) == sorted(SPARE_COLOURS)  # as many as there are: none twice
    words = tuple(name.replace("_", " ") for name in (*mine, "no method", "excluded"))
    for name in mine:
        colour = method_colour(name, mine)
        assert class_colour(name.replace("_", " "), words) == colour
        assert class_colour(name, mine) == colour
    assert method_colour("biochar") == class_colour("biochar")


def test_colours_are_distinct() -> None:
    resources = {one.name: one.colour for one in RESOURCES.values()}
    for colours in (METHOD_COLOURS, resources, STATE_COLOURS):
        assert len(set(colours.values())) == len(colours)
    assert not set(resources.values()) & set(STATE_COLOURS.values())


def test_the_readme_explains_every_raster(run_folder: Path) -> None:
    text = (run_folder / "rasters" / "README.txt").read_text(encoding="utf-8")
    for path in (run_folder / "rasters").glob("*.tif"):
        assert path.name in text
    assert "[USD/t]" in text and "[t/yr]" in text and "net factor not positive" in text
    assert all(len(line) <= 100 for line in text.splitlines())

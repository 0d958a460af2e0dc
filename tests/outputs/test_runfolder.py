"""A finished run's folder, read again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cogs import write_cog
from tiny_study import METHODS, tiny_result

from cdrsite.core.errors import ConfigError, DataError
from cdrsite.core.grid import AnalysisGrid
from cdrsite.outputs.rasters.raster import RasterSpec
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.result.study_result import StudyResult


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    return tiny_result(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def run(result: StudyResult, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return RunFolder(result.write(tmp_path_factory.mktemp("run") / "out"))


def test_names_methods_and_documents_are_those_of_the_run(
    run: RunFolder, result: StudyResult
) -> None:
    assert run.methods == METHODS
    assert (run.name, run.summary["objective"]["value"]) == ("tiny", 987654816.0)
    assert run.scenario["title"] == "A tiny study"
    assert run.warnings == tuple(result.warnings)
    assert run.tables == ("exclusions", "methods", "pools")


def test_tables_come_back_exactly(run: RunFolder, result: StudyResult) -> None:
    for name in run.tables:
        assert run.table(name).equals(result.tables[name])


def test_a_table_without_parquet_is_read_from_csv(result: StudyResult, tmp_path: Path) -> None:
    folder = result.write(tmp_path / "run")
    (folder / "tables" / "methods.parquet").unlink()
    run = RunFolder(folder)
    assert "methods" in run.tables
    assert list(run.table("methods")["net_mt_yr"]) == list(result.tables["methods"]["net_mt_yr"])


def test_rasters_keep_place_unit_and_mask(run: RunFolder, result: StudyResult) -> None:
    read = run.raster("equal_share_daccs-solid")
    want = result.dataset["equal_share"].to_numpy()[0]
    np.testing.assert_array_equal(read.values.mask, np.isnan(want))
    np.testing.assert_array_equal(read.values.filled(np.nan), want)
    assert read.bounds == result.grid.bounds
    assert (read.unit, read.crs.to_epsg()) == ("t/yr", 3035)
    assert read.description


def test_an_overview_keeps_means_modes_and_bounds(run: RunFolder) -> None:
    small = run.raster("winner", max_size=2)
    whole = run.raster("winner")
    assert max(small.values.shape) == 2
    assert small.bounds == pytest.approx(whole.bounds)
    assert set(np.unique(small.values.compressed())) <= set(np.unique(whole.values.compressed()))
    grid = AnalysisGrid.from_bounds("EPSG:3035", (0, 0, 102_400, 60_000), 100.0)
    values = np.arange(600 * 1024, dtype=np.float32).reshape(600, 1024)
    folder = run.path.with_name("large")
    (folder / "rasters").mkdir(parents=True)
    for name in ("manifest.json", "summary.json"):
        (folder / name).write_bytes((run.path / name).read_bytes())
    spec = RasterSpec("ramp", "quantity", "t", "ramp")
    write_cog(folder / "rasters" / "ramp.tif", values, grid, spec)
    ramp = RunFolder(folder).raster("ramp", max_size=256)
    assert ramp.values.shape == (150, 256)
    assert float(ramp.values.mean()) == pytest.approx(float(values.mean()), rel=1e-4)
    assert ramp.bounds == pytest.approx(grid.bounds)


def test_layers_are_read_and_nothing_is_written_beside_them(tmp_path: Path) -> None:
    result = tiny_result(tmp_path)
    frame = pd.DataFrame({"method": [METHODS[0]], "rank": [1], "x": [4_000_500.0], "y": [3e6]})
    frame[["lon", "lat", "net_t_yr", "cost_usd_per_net_t", "suitability"]] = 1.0
    result.tables["sites"] = frame
    folder = result.write(tmp_path / "run")
    before = sorted(folder.rglob("*"))
    run = RunFolder(folder)
    assert run.layers == ("region", "sites", "tonnes")
    sites = run.layer("sites")
    assert sites.crs.to_epsg() == 3035 and list(sites["rank"]) == [1]
    assert sites.geometry.iloc[0].x == 4_000_500.0
    assert sorted(folder.rglob("*")) == before
    (folder / "cdrsite.gpkg").unlink()
    assert RunFolder(folder).layers == ()


def test_the_dataset_opens_lazily(run: RunFolder) -> None:
    with run.dataset() as data:
        assert tuple(data["removal_method"].values) == METHODS
        assert data["equal_share"].attrs["units"] == "t/yr"


def test_attributes_are_read_without_opening_the_dataset(run: RunFolder) -> None:
    with run.dataset() as data:
        meanings = data["winner"].attrs["flag_meanings"]
    assert run.attributes("winner")["flag_meanings"] == meanings
    assert run.attributes("nonsense") == {}


def test_a_dataset_in_memory_is_not_read_again(run: RunFolder) -> None:
    with run.dataset() as data:
        held = RunFolder(run.path, data)
        assert held.in_memory and held.dataset() is data
    assert not run.in_memory


@pytest.mark.parametrize("kind", ["table", "raster", "layer"])
def test_what_a_run_has_not_is_refused_with_what_it_has(run: RunFolder, kind: str) -> None:
    with pytest.raises(ConfigError, match="'nonsense'; expected"):
        getattr(run, kind)("nonsense")


def test_a_folder_that_is_no_run_is_refused(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such run"):
        RunFolder(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"no manifest\.json; cure"):
        RunFolder(tmp_path)
    (tmp_path / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match="not JSON"):
        RunFolder(tmp_path)
    # the design of a network alone leaves a manifest too
    (tmp_path / "manifest.json").write_text(json.dumps({"program": "cdrsite"}), encoding="utf-8")
    (tmp_path / "summary.json").write_text(json.dumps({"cost": 1}), encoding="utf-8")
    with pytest.raises(ConfigError, match="not that of a study"):
        RunFolder(tmp_path)
    (tmp_path / "manifest.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(ConfigError, match="no object"):
        RunFolder(tmp_path)


def test_a_broken_raster_is_named(result: StudyResult, tmp_path: Path) -> None:
    folder = result.write(tmp_path / "run")
    (folder / "rasters" / "winner.tif").write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"winner\.tif: the raster cannot be read"):
        RunFolder(folder).raster("winner")

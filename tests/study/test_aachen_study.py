"""Golden case: the Aachen layers through a scenario file and the public interface, to the pixel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cdrsite
from cdrsite.core.states import EXCLUDED, LOWEST_STATE, OUTSIDE

NATURA = "{name: natura, layer: natura}"
CDDA = "{name: cdda, layer: cdda}"
ROADS = (
    "{name: main roads, layer: roads, "
    "where: \"type in ('motorway', 'primary', 'trunk')\", buffer: 200 m}"
)
STEEP = "{name: steep, layer: slope, above: 10 degree}"
ROWS = {
    "a0": [],
    "a1": [NATURA],
    "a2": [CDDA],
    "a3": ['{layer: cdda, where: "YEAR > 2000"}'],
    "a4": ['{layer: cdda, where: "YEAR > 2000", buffer: 400 m}'],
    "a5": [ROADS],
    "a6": ["{layer: clc, classes: 12}"],
    "a7": ['{layer: clc, classes: "12-22"}'],
    "a8": [STEEP],
    "a9": [NATURA, CDDA, ROADS, STEEP, '{name: built, layer: clc, classes: "1-11"}'],
}
EVERYDAY = {"a0", "a4", "a9"}
"""All cells, a filter with a buffer, and all kinds of rules at once; the rows between are slow."""
SCENARIO = """\
name: aachen
data_folder: {folder}
region: {{boundary: region.gpkg}}
grid: {{crs: "EPSG:3035", resolution: 100 m, rasterise: centre}}
layers:
  natura: {{path: natura2000.gpkg}}
  cdda: {{path: cdda.gpkg}}
  roads: {{path: roads.gpkg}}
  clc: {{path: clc.tif, preset: corine-grid}}
  slope: {{path: slope_deg.tif, unit: degree, kind: intensive}}
siting:
  exclude: [{rules}]
"""
METHODS = """\
methods:
  daccs-solid: {profile: literature}
  afforestation: {gates: false}
resources:
  land: {usable: 0.3}
  water: {value: 900 m3/yr}
  power: {value: 400 MWh/yr, intensity: 30 g/kWh}
outputs: {sites: 10, site_distance: 2 km}
"""


@pytest.fixture(scope="module")
def golden(cases_dir: Path) -> dict[str, dict[str, float]]:
    rows = json.loads((cases_dir / "aachen" / "expected.json").read_text(encoding="utf-8"))
    return {row["id"].split("_")[0]: row["golden"] for row in rows}


def study(cases_dir: Path, folder: Path, rules: list[str], rest: str) -> cdrsite.StudyResult:
    path = folder / "aachen.yaml"
    text = SCENARIO.format(folder=cases_dir / "aachen", rules=", ".join(rules)) + rest
    path.write_text(text, encoding="utf-8")
    return cdrsite.run(cdrsite.load_scenario(path))


@pytest.mark.parametrize(
    "row", [row if row in EVERYDAY else pytest.param(row, marks=pytest.mark.slow) for row in ROWS]
)
def test_every_row_to_the_pixel(
    cases_dir: Path, tmp_path: Path, golden: dict[str, dict[str, float]], row: str
) -> None:
    result = study(cases_dir, tmp_path, ROWS[row], "methods: {daccs-solid: {}}\n")
    assert (result.grid.west, result.grid.north) == (4037300.0, 3100200.0)
    assert result.grid.shape == (509, 304)
    available = result.dataset["available"].loc[{"removal_method": "daccs-solid"}].to_numpy()
    assert set(np.unique(available[np.isfinite(available)])) <= {0.0, 1.0}
    region = int(np.isfinite(available).sum())
    left = int((available == 1).sum())
    assert region == golden["a0"]["region_px"]
    assert left == golden[row].get("available_px", region)
    table = result.tables["methods"].iloc[0]
    assert table["allowed_km2"] == pytest.approx(left / 100, rel=1e-12)
    assert left / region * 100 == pytest.approx(golden[row].get("percent", 100), rel=1e-12)


@pytest.fixture(scope="module")
def whole(cases_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The combined rules with constants for the resources that the case has no layers of."""
    folder = tmp_path_factory.mktemp("aachen")
    result = study(cases_dir, folder, ROWS["a9"], METHODS)
    return result, result.write(folder / "run")


def test_totals_of_the_whole_run_follow_from_the_constants(
    whole: tuple[Any, Path], golden: dict[str, dict[str, float]]
) -> None:
    result, _ = whole
    cells = golden["a9"]["available_px"]
    rows = result.tables["methods"].set_index("method")
    # 400 MWh at 720 kWh per tonne is less than 900 m3 at 1 m3; the forest has 3000 m2 a cell
    share = np.nansum(result.dataset["equal_share"].to_numpy().astype(float), axis=(1, 2))
    assert share[0] == pytest.approx(cells * 400_000 / 720, rel=1e-5)
    assert rows.loc["daccs-solid", "alone_limits"] == "electricity 100 %"
    forest = float(cdrsite.load_method("afforestation").profile(None).number("uptake", 2020))
    assert share[1] == pytest.approx(cells * 0.3 * forest, rel=1e-5)
    # the plan divides each cell's land between the two, and power limits the first as before
    plan = rows["gross_mt_yr"] * 1e6
    assert plan["daccs-solid"] == pytest.approx(share[0], rel=1e-4)
    assert 0 < plan["afforestation"] < share[1]
    limits = result.tables["limits"].groupby("method")["cells"].sum()
    assert (limits == golden["a0"]["region_px"]).all()
    codes = result.dataset["limit"].to_numpy()
    assert int((codes == OUTSIDE).sum()) == 2 * (509 * 304 - golden["a0"]["region_px"])
    assert int((codes[0] == EXCLUDED).sum()) == golden["a0"]["region_px"] - cells
    assert int((codes[0] < LOWEST_STATE).sum()) == cells


def test_the_table_of_rules_counts_each_alone_and_together(
    whole: tuple[Any, Path], golden: dict[str, dict[str, float]]
) -> None:
    result, _ = whole
    table = result.tables["exclusions"].set_index("rule")
    region = golden["a0"]["region_px"]
    for rule, row in (("natura", "a1"), ("cdda", "a2"), ("main roads", "a5"), ("steep", "a8")):
        alone = region - golden[row]["available_px"]
        assert table.loc[rule, "removes_km2"] == pytest.approx(alone / 100, rel=1e-9)
        assert 0 < table.loc[rule, "only_it_removes_km2"] < table.loc[rule, "removes_km2"]
    together = (region - golden["a9"]["available_px"]) / 100
    assert table["only_it_removes_km2"].sum() < together < table["removes_km2"].sum()
    bits = result.dataset["exclusion_reasons"].to_numpy()
    for bit, rule in enumerate(result.rule_names):
        area = ((bits >> bit) & 1).astype(bool).sum() / 100
        assert area == pytest.approx(table.loc[rule, "removes_km2"], rel=1e-9)


def test_the_written_folder_agrees_with_the_result(whole: tuple[Any, Path]) -> None:
    import rasterio

    result, folder = whole
    for name in ("manifest.json", "summary.json", "tables/sites.csv", "result.zarr"):
        assert (folder / name).exists()
    for method in result.methods:
        for name in ("equal_share", "limit", "cost", "available"):
            with rasterio.open(folder / "rasters" / f"{name}_{method}.tif") as source:
                assert source.crs.to_epsg() == 3035
                assert source.transform.c == 4037300.0
                assert source.transform.f == 3100200.0
                stored = source.read(1, masked=name != "limit")
            found = result.dataset[name].loc[{"removal_method": method}].to_numpy()
            if name != "limit":
                stored = stored.filled(np.nan)
            np.testing.assert_array_equal(stored, found)
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["region_km2"] == pytest.approx(709.44, rel=1e-12)
    for method, row in result.tables["methods"].set_index("method").iterrows():
        assert summary["methods"][method]["net_mt_yr"] == pytest.approx(row["net_mt_yr"])

"""Gas differs from place to place, and what is stored of it with it (rules 5 and 6)."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from tiny_scenario import COLS, ROWS, SCENARIO, box, write_polygons, write_raster, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import run
from cdrsite.testing import assert_mass_balance

pytestmark = pytest.mark.usefixtures("without_slopes")

LIQUID = "daccs-liquid"
METHODS = """methods:
  daccs-liquid: {climate: {temperature: warmth, humidity: damp}}
  afforestation: {gates: false}
outputs:"""


def world(folder: Path, leakage: float = 0.02, water: str = "{unlimited: true}") -> StudyResult:
    """Cold in the west and warm in the east, storage scarce, two provinces."""
    text = SCENARIO.split("methods:\n")[0] + METHODS + SCENARIO.split("outputs:")[1]
    layers = "layers:\n  stores: {path: stores.gpkg}\n" + "".join(
        f"  {name}: {{path: {name}.tif, unit: '{unit}', kind: intensive}}\n"
        for name, unit in (("warmth", "degC"), ("damp", "%"))
    )
    text = text.replace("layers:\n", layers, 1)
    text = text.replace("{pools: basins, supply: water_m3, unit: m3/yr, name: name}", water)
    text = text.replace(
        "siting:\n",
        "  storage: {units: stores, id: id, capacity: mt, injection: mt_yr, depth: depth}\n"
        "siting:\n",
        1,
    )
    text = text.replace("outputs: {", "outputs: {admin: {layer: basins, name: name}, ")
    path = write_world(folder, text + f"transport: {{leakage: {leakage}, reach: 40 km}}\n")
    warm = np.tile(np.linspace(6, 28, COLS, dtype=np.float32), (ROWS, 1))
    write_raster(folder / "warmth.tif", warm)
    write_raster(folder / "damp.tif", np.full((ROWS, COLS), 60, np.float32))
    write_polygons(
        folder / "stores.gpkg", [box(5, 1, 3, 4)],
        id=["s"], mt=[30.0], mt_yr=[0.12], depth=[1500.0],
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return run(load_scenario(path))


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    return world(tmp_path_factory.mktemp("world"))


def cells(result: StudyResult, name: str) -> np.ndarray:
    values = result.dataset[name].sel(removal_method=LIQUID).to_numpy()
    return np.asarray(values, np.float64)


def test_more_gas_stores_more_in_every_cell(result: StudyResult) -> None:
    heat, stored = cells(result, "need_heat"), cells(result, "need_storage")
    model = result.models[LIQUID]
    known = np.isfinite(heat)
    assert known.sum() > 20
    expected = 1 + heat[known] * model.number("fuel_co2") / 1000
    np.testing.assert_allclose(stored[known], expected, rtol=1e-6)
    # the cold west burns more gas than the warm east
    west, east = np.nanmean(stored[:, 0]), np.nanmean(stored[:, COLS - 2])
    assert west > east + 0.01
    # a method without a fuel stores what it captures
    forest = result.dataset["need_storage"].sel(removal_method="afforestation")
    assert np.isnan(forest.to_numpy()).all()


def test_storage_is_that_of_the_cells(result: StudyResult) -> None:
    plan = np.nan_to_num(result.dataset["allocated"].to_numpy().astype(np.float64))
    names = list(result.methods)
    liquid = plan[names.index(LIQUID)]
    used = liquid > 0
    assert used.sum() > 3 and len(set(cells(result, "need_storage")[used].round(6))) > 1
    brought = (liquid[used] * cells(result, "need_storage")[used]).sum()
    table = result.tables["storage"]
    assert table["injected_mt_yr"].sum() * 1e6 == pytest.approx(brought, rel=1e-5)
    pools = result.tables["pools"].set_index("family")
    assert pools["use"]["injectivity"] == pytest.approx(brought, rel=1e-5)
    assert pools["price"]["injectivity"] > 0  # scarce, so that a wrong coefficient would show
    assert_mass_balance(result, rel=1e-5)


def test_the_fossil_ledger_is_that_of_the_cells(result: StudyResult) -> None:
    ledger = result.tables["ledgers"]
    row = ledger[(ledger["zone"] == "") & (ledger["method"] == LIQUID)].iloc[0]
    liquid = np.nan_to_num(cells(result, "allocated"))
    along = cells(result, "need_storage") - 1
    captured = np.where(liquid > 0, liquid * along, 0).sum()
    told = row["fossil_stored_mt_yr"] + row["emissions_fossil_lost_mt_yr"]
    assert told * 1e6 == pytest.approx(captured, rel=1e-5)
    lost = np.where(liquid > 0, liquid * cells(result, "sink_loss"), 0)
    assert row["returned_mt_yr"] * 1e6 == pytest.approx(lost.sum(), rel=1e-4)
    fossil_lost = np.where(liquid > 0, lost * along, 0).sum()
    assert row["emissions_fossil_lost_mt_yr"] * 1e6 == pytest.approx(fossil_lost, rel=1e-4)
    provinces = ledger[(ledger["zone"] != "") & (ledger["method"] == LIQUID)]
    for column in ("fossil_stored_mt_yr", "net_mt_yr", "returned_mt_yr"):
        assert provinces[column].sum() == pytest.approx(row[column], rel=1e-9)


def test_what_a_cell_pays_for_storage_is_told(result: StudyResult) -> None:
    liquid = np.nan_to_num(cells(result, "allocated"))
    row, col = np.unravel_index(liquid.argmax(), liquid.shape)
    x, y = (float(result.dataset[axis][k]) for axis, k in (("x", col), ("y", row)))
    told = result.dataset.cdr.explain(x=x, y=y)
    stored = cells(result, "need_storage")[row, col]
    assert f"{stored:.3g}" in str(told) or f"{stored:.2g}" in str(told)

"""A cell's supplies serve one use, also where what methods need of them differs (rule 6)."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from tiny_scenario import COLS, ROWS, SCENARIO, write_raster, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import run
from cdrsite.testing import assert_mass_balance

pytestmark = pytest.mark.usefixtures("without_slopes")

CLIMATE = "climate: {temperature: warmth, humidity: damp}"
METHODS = f"""methods:
  daccs-solid: {{profile: literature, {CLIMATE}}}
  daccs-liquid: {{{CLIMATE}}}
policies:
  - {{name: sorbents, methods: [daccs-solid], count: gross, at_least: 10 kt/yr}}
outputs:"""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    """Cold in the west and warm in the east; power is that of each cell, and all that is scarce."""
    folder = tmp_path_factory.mktemp("world")
    text = SCENARIO.split("methods:\n")[0] + METHODS + SCENARIO.split("outputs:")[1]
    units = {"warmth": "degC, kind: intensive", "damp": "'%', kind: intensive"}
    units["current"] = "kWh/yr, kind: extensive"
    layers = [f"  {one}: {{path: {one}.tif, unit: {unit}}}\n" for one, unit in units.items()]
    text = text.replace("layers:\n", "layers:\n" + "".join(layers), 1)
    text = text.replace("{value: 2 GWh/yr, per: cell,", "{layer: current, unit: kWh/yr,")
    text = text.replace(
        "{pools: basins, supply: water_m3, unit: m3/yr, name: name}", "{unlimited: true}"
    )
    path = write_world(folder, text)
    east = np.linspace(0, 1, COLS, dtype=np.float32)
    write_raster(folder / "warmth.tif", np.tile(6 + 22 * east, (ROWS, 1)))
    write_raster(folder / "damp.tif", np.tile(80 - 40 * east, (ROWS, 1)))
    current = np.random.default_rng(3).uniform(0.5e6, 3e6, (ROWS, COLS))
    write_raster(folder / "current.tif", current.astype(np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return run(load_scenario(path))


def values(result: StudyResult, name: str) -> np.ndarray:
    return np.nan_to_num(result.dataset[name].to_numpy().astype(np.float64))


def test_no_kwh_of_a_cell_serves_two_methods(result: StudyResult) -> None:
    need, plan = values(result, "need_electricity"), values(result, "allocated")
    power = values(result, "supply_electricity")
    possible = values(result, "usable_land").max(axis=0) > 0
    assert all(len(set(need[m][possible].tolist())) > 3 for m in range(2))  # both needs are local
    np.testing.assert_allclose((plan * need).sum(axis=0)[possible], power[possible], rtol=1e-5)
    # who has it is chosen by what a kWh removes there: sorbents only as far as they are asked for
    solid, liquid = plan.sum(axis=(1, 2))
    assert solid == pytest.approx(10_000, rel=1e-4) and liquid > solid
    assert_mass_balance(result, rel=1e-5)


def test_the_plan_says_that_power_binds(result: StudyResult) -> None:
    meanings = result.dataset["binding"].attrs["flag_meanings"].split()
    some = values(result, "allocated").sum(axis=0) > 0
    said = {meanings[code] for code in result.dataset["binding"].to_numpy()[some]}
    assert said == {"electricity"}


def test_the_balance_finds_power_that_serves_twice(result: StudyResult) -> None:
    twice = result.dataset.copy()
    twice["supply_electricity"] = twice["supply_electricity"] / 2
    twice["supply_electricity"].attrs = result.dataset["supply_electricity"].attrs
    with pytest.raises(AssertionError, match=r"electricity \(rule 6\), row \d, column \d: got"):
        assert_mass_balance(replace(result, dataset=twice))

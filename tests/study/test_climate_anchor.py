"""Direct air capture in a study: in the climate of its own numbers nothing changes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_scenario import COLS, ROWS, SCENARIO, write_raster, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning, ConfigError
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import run

pytestmark = pytest.mark.usefixtures("without_slopes")

SOLID = "methods.daccs-solid"
CLIMATE = "climate={temperature: warm, humidity: damp}"

Study = Callable[..., StudyResult]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    for name, value in {"warm": 10, "damp": 78, "hot": 20, "moist": 43}.items():
        write_raster(folder / f"{name}.tif", np.full((ROWS, COLS), value, np.float32))
    layers = "".join(
        f"  {name}: {{path: {name}.tif, unit: {unit}, kind: intensive}}\n"
        for name, unit in {"warm": "degC", "hot": "degC", "damp": "'%'", "moist": "'%'"}.items()
    )
    text = SCENARIO.replace("  parks:", layers + "  parks:", 1).replace("  beccs-residue: {}\n", "")
    return write_world(folder, text.replace("  afforestation: {gates: false}\n", ""))


@pytest.fixture(scope="module")
def study(world: Path) -> Study:
    def made(*settings: str) -> StudyResult:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CdrsiteWarning)
            return run(load_scenario(world, settings))

    return made


def power(result: StudyResult) -> float:
    """Electricity of 20 Mt/yr [TWh]."""
    need = result.dataset["need"].sel(removal_method="daccs-solid", resource="electricity")
    if np.isnan(float(need)):
        need = result.dataset["need_electricity"].sel(removal_method="daccs-solid")[4, 2]
    return float(need) * 20e6 / 1e9


def test_twenty_megatonnes_in_germany_take_what_the_study_says(study: Study) -> None:
    assert power(study()) == pytest.approx(14.4, rel=1e-9)
    assert power(study(f"{SOLID}.{CLIMATE}")) == pytest.approx(14.4, rel=1e-6)
    elsewhere = f"{SOLID}.climate={{temperature: hot, humidity: moist}}"
    assert power(study(elsewhere)) == pytest.approx(21.190, rel=5e-5)


def test_without_a_known_climate_nothing_is_scaled_and_that_is_said(
    world: Path, study: Study
) -> None:
    quoted = f"{SOLID}.profile=madhu2021"
    scenario = load_scenario(world, [quoted, f"{SOLID}.{CLIMATE}"])
    result = run(scenario)
    [told] = [text for text in result.warnings if "changes nothing" in text]
    assert told.startswith("methods.daccs-solid.climate") and "profile madhu2021" in told
    assert power(result) == pytest.approx(20.0)
    given = f"{SOLID}.climate.reference={{temperature: 20, humidity: 43}}"
    assert power(study(quoted, f"{SOLID}.{CLIMATE}", given)) < 19.0  # heat pumps in cool air


def test_the_cheapest_operating_point_is_no_dearer(study: Study) -> None:
    costs = [
        study(f"{SOLID}.{CLIMATE}", f"{SOLID}.climate.operating_point={point}")
        .dataset["cost"]
        .sel(removal_method="daccs-solid")
        .to_numpy()[4:, 2:4]
        for point in ("anchor", "cheapest", "5")
    ]
    assert np.isfinite(costs[0]).all()
    assert (costs[1] <= costs[0]).all() and (costs[1] <= costs[2]).all()
    assert (costs[1] < costs[0]).all()


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("operating_point=6", r"climate.operating_point: .*no such operating point; got 6; .*5"),
        ("reference={temperature: 9, humidity: 80, point: 7}", r"climate.reference.point: .*got 7"),
        ("operating_point=dearest", r"operating_point"),
    ],
)
def test_what_the_table_has_not_is_refused(world: Path, setting: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        run(load_scenario(world, [f"{SOLID}.{CLIMATE}", f"{SOLID}.climate.{setting}"]))


def test_electricity_below_what_mild_air_saves_is_refused(world: Path) -> None:
    settings = [f"{SOLID}.{CLIMATE}", f"{SOLID}.override={{electricity: 20 kWh/t}}"]
    with pytest.raises(ConfigError, match=r"climate: .*takes off; got 20 kWh/t, and 37"):
        run(load_scenario(world, settings))

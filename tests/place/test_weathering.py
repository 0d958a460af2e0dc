"""Enhanced weathering: its temperature law, the numbers of its file, and a study with both."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import yaml
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from one_method import OneMethod
from tiny_scenario import COLS, NORTH, ROWS, SCENARIO, WEST, write_raster, write_world

from cdrsite.config.load import parse_scenario
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning
from cdrsite.library.methods import load_method
from cdrsite.methods.cost import present_value, waiting
from cdrsite.methods.ledgers import TOLERANCE, imbalance
from cdrsite.place.weathering import arrhenius, discounted_share, weathered_share
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import run

pytestmark = pytest.mark.usefixtures("without_slopes")

ROCK = "enhanced-weathering"
RATE_25 = 10**-10.53 * 125 * 3.155e7 * 69.18 * 20**-1.24
"""Of basalt of 20 µm [1/yr], as REMIND has it."""

Study = Callable[..., StudyResult]


@pytest.mark.parametrize(
    ("temperature", "factor"),
    [(5, 0.2595), (10, 0.3702), (15, 0.5215), (20, 0.7262), (25, 1.0), (30, 1.3626)],
)
def test_published_factors_of_temperature(temperature: float, factor: float) -> None:
    assert arrhenius(temperature, 46.5) == pytest.approx(factor, abs=6e-5)


def test_the_method_file_follows_from_rock_and_grain() -> None:
    """20 µm, 15 degC, 20 years, 0.3 t of CO2 per t of basalt, 10 t/ha/yr, 100 km of haul."""
    number = load_method(ROCK).profile().number
    assert pytest.approx(0.196161, abs=1e-6) == RATE_25
    rate = RATE_25 * float(arrhenius(15.0, number("activation_energy")))
    assert rate == pytest.approx(0.102301, abs=1e-6)
    share = float(weathered_share(rate, 20))
    assert 20 * 0.3 * share == pytest.approx(5.224516, abs=1e-5)  # t of CO2 for 20 t of rock
    rock = 1 / (0.3 * share)
    expected = {
        "weathering_rate": RATE_25, "weathered_share": share, "materials": 1000 * rock,
        "land_direct": 1e4 * rock / 10, "rock": rock,
        "electricity": rock * 6.62 * 20**-1.16 / 3.6e-3,
    }  # fmt: skip
    for name, value in expected.items():
        assert number(name) == pytest.approx(value, rel=1e-6), name
    assert rock == pytest.approx(3.828106, abs=1e-6)
    assert number("electricity") == pytest.approx(217.944, abs=1e-3)
    hauled = number("haul_km") * number("haul_detour") * number("haul_price", 2017)
    per_rock = number("rock_price", 2017) + number("haul_load", 2017) + hauled
    paid = number("rock") * per_rock + number("variable_om", 2017)
    assert paid == pytest.approx(rock * (42.2 + 8 + 5), rel=1e-6)


@given(st.floats(-60, 60), st.floats(0.1, 20), st.floats(1, 90))
def test_warmth_weathers_faster(cold: float, more: float, energy: float) -> None:
    assert arrhenius(min(cold + more, 64.0), energy) > arrhenius(cold, energy) > 0
    assert arrhenius(25.0, energy) == 1.0
    assert math.isnan(arrhenius(math.nan, energy))


POWER = {"power": {"value": "90 GWh/yr", "per": "cell", "intensity": "100 g/kWh"}}


@pytest.fixture(scope="module")
def rock(tmp_path_factory: pytest.TempPathFactory) -> OneMethod:
    return OneMethod(tmp_path_factory.mktemp("rock"), ROCK)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Run the tiny world with spread rock alone; a temperature, twelve of them, or none."""
    world = tmp_path_factory.mktemp("world")
    write_world(world)

    def made(
        temperature: Any = None, unit: str = "degC", rate: float = 0.0, **method: Any
    ) -> StudyResult:
        document: dict[str, Any] = yaml.safe_load(SCENARIO)
        document["siting"] = {}
        document["resources"]["power"] = {"value": "90 GWh/yr", "per": "cell"} | {
            "intensity": "100 g/kWh"
        }
        prices = {"land": 0, "electricity": 0.06}
        document["costs"] = {"base_year": 2017, "discount_rate": rate, "prices": prices}
        document["methods"] = {ROCK: method}
        if temperature is not None:
            bands = np.asarray(temperature, np.float32)
            bands = bands.reshape(-1, 1, 1) * np.ones((1, ROWS, COLS), np.float32)
            with rasterio.open(
                world / "warmth.tif", "w", driver="GTiff", dtype="float32", count=len(bands),
                height=ROWS, width=COLS, crs="EPSG:3035",
                transform=Affine(1000, 0, WEST, 0, -1000, NORTH),
            ) as out:  # fmt: skip
                out.write(bands)
            layer = {"path": "warmth.tif", "unit": unit, "kind": "intensive", "band": "all"}
            document["layers"]["warmth"] = layer
            document["methods"][ROCK] = {"weathering": {"temperature": "warmth"}} | method
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CdrsiteWarning)
            return run(parse_scenario(yaml.safe_dump(document), world / "study.yaml"))

    return made


def here(result: StudyResult, name: str) -> float:
    """A variable of the method in one cell of plain ground."""
    return float(result.dataset[name].sel(removal_method=ROCK).to_numpy()[3, 3])


def test_golden_tonne_of_basalt_at_15_degrees(study: Study) -> None:
    """t, kWh and USD per net tonne, written out in the method's own arithmetic."""
    for result in (study(15.0), study()):
        net = here(result, "net_factor")
        assert net == pytest.approx(0.762482, abs=1e-6)
        assert here(result, "cost") == pytest.approx(294.286383, abs=1e-3)
        assert here(result, "need_land") == pytest.approx(3828.106, abs=1e-2)
        row = result.tables["methods"].iloc[0]
        assert row["land_km2"] / row["net_mt_yr"] == pytest.approx(5020.585, rel=1e-5)
        # a hectare takes 20 t of rock once; a net tonne 5.020585 t of it, and 285.8348 kWh
        assert 20 * 1000 / here(result, "need_land") * net == pytest.approx(3.983599, abs=3e-6)
        assert here(result, "need_land") / 1000 / net == pytest.approx(5.020585, abs=3e-6)
        power = float(result.dataset["need"].sel(removal_method=ROCK, resource="electricity"))
        if math.isnan(power):
            power = here(result, "need_electricity")
        assert power / net == pytest.approx(285.8348, abs=3e-4)


def test_golden_tonne_whose_uptake_comes_later(study: Study) -> None:
    """376.581583 USD per net tonne at 3 %: rock and emissions at once, 20 years of tonnes."""
    for result in (study(15.0, rate=0.03), study(rate=0.03)):
        assert here(result, "cost") == pytest.approx(376.581583, abs=1e-3)
        row = result.tables["methods"].iloc[0]
        assert row["cost_musd_yr"] / row["net_mt_yr"] == pytest.approx(376.581583, rel=1e-5)
        parts = result.tables["cost_parts"].set_index("part")["usd_net_t"]
        assert parts.sum() == pytest.approx(376.581583, rel=1e-5)
        # what is spent is that without interest; the rest is the interest on it
        assert parts["capital"] == pytest.approx(376.581583 - 294.286383, rel=1e-5)


@pytest.mark.parametrize("rate", [0.0, 0.03, 0.11])
def test_present_value_of_what_weathers(rate: float) -> None:
    """6 t of a hectare's 20 t of rock, discounted year by year: 4.257244 t at 3 %."""
    k = RATE_25 * float(arrhenius(15.0, 46.5))
    left = 6 * np.exp(-k * np.arange(21))
    flows = np.append(0.0, left[:-1] - left[1:])
    expected = float(present_value(flows, rate))
    share = float(discounted_share(k, 20, rate))
    assert share * flows.sum() == pytest.approx(expected, rel=1e-12)
    if rate == 0.03:
        assert expected == pytest.approx(4.257244, abs=1e-6)
    assert math.isnan(float(discounted_share(math.nan, 20, rate)))


@given(st.floats(0, 5), st.floats(0, 5), st.floats(0.001, 0.2), st.integers(1, 100))
def test_what_weathers_sooner_is_worth_more(a: float, b: float, rate: float, years: int) -> None:
    slow, fast = (float(discounted_share(k, years, rate)) for k in sorted((a, b)))
    assert (1 + rate) ** -years <= slow * (1 + 1e-12) and slow <= fast * (1 + 1e-12)
    assert fast <= 1 / (1 + rate) + 1e-12


def test_tonnes_that_never_make_up_for_their_emissions_have_a_finite_cost() -> None:
    net, later = np.array([0.5, 0.1, np.nan, 0.5]), np.array([0.1, 0.2, 0.1, 0.0])
    adds = waiting(net, later)
    assert adds[[0, 3]] == pytest.approx([0.25, 0.0])
    assert np.isfinite(adds[1]) and adds[1] > 1e5 and np.isnan(adds[2])


@pytest.mark.parametrize("temperature", [3.0, 25.0])
def test_a_layer_of_temperature_scales_rock_and_all_that_comes_with_it(
    study: Study, temperature: float
) -> None:
    """Against the chain from rate to cost, worked out in the place's own rock."""
    result = study(temperature, rate=0.05)
    rate = RATE_25 * math.exp(-46.5 / 8.314e-3 * (1 / (273.15 + temperature) - 1 / 298.15))
    rock = 1 / (0.3 * (1 - math.exp(-20 * rate)))
    power = rock * 6.62 * 20**-1.16 / 3.6e-3
    net = 0.9 - rock * (22.23 + 8) / 1000 - power * 0.1 / 1000
    assert here(result, "need_land") == pytest.approx(1000 * rock, rel=1e-5)
    assert here(result, "net_factor") == pytest.approx(net, rel=1e-5)
    years = np.arange(1, 21)
    taken_up = 0.3 * rock * (np.exp(-rate * (years - 1)) - np.exp(-rate * years))
    worth = float((taken_up * 1.05**-years).sum())
    paid = 55.2 * rock + 0.06 * power
    assert here(result, "cost") == pytest.approx(paid / (net - 0.9 * (1 - worth)), rel=1e-5)
    ledger = result.tables["ledgers"].query("zone == ''").iloc[0]
    assert imbalance(ledger) < TOLERANCE
    gross = ledger["removal_gross_mt_yr"]
    assert ledger["emissions_supply_mt_yr"] / gross == pytest.approx(rock * 0.03023, rel=1e-5)


@pytest.mark.parametrize(
    ("runoff", "ph", "factor"),
    [(600, 5.0, 1.0), (150, 5.0, 0.5), (300, 7.0, 0.65), (30, 8.5, 0.03)],
)
def test_runoff_and_acidity_scale_the_rate(
    rock: OneMethod, runoff: float, ph: float, factor: float
) -> None:
    """All below 300 mm of runoff in proportion; 1 up to pH 6, 0.3 from pH 8, linear between."""
    layers = {
        "rain": (np.float32(runoff), {"unit": "mm/yr", "kind": "intensive"}),
        "acid": (np.float32(ph), {"unit": "1", "kind": "intensive"}),
    }
    result = rock.run({"weathering": {"runoff": "rain", "ph": "acid"}}, layers)
    rate = RATE_25 * float(arrhenius(15.0, 46.5)) * factor
    expected = 1000 / (0.3 * (1 - math.exp(-20 * rate)))
    assert rock.here(result, "need_land") == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("grain", [10.0, 50.0, 100.0])
def test_finer_rock_weathers_faster_and_takes_more_power(rock: OneMethod, grain: float) -> None:
    result = rock.run({"override": {"grain": grain}}, {}, resources=POWER)
    rate = RATE_25 * float(arrhenius(15.0, 46.5)) * (grain / 20) ** -1.24
    tonnes = 1 / (0.3 * (1 - math.exp(-20 * rate)))
    power = tonnes * 6.62 * grain**-1.16 / 3.6e-3
    assert rock.here(result, "need_land") == pytest.approx(1000 * tonnes, rel=1e-5)
    assert rock.cost_of(result, "electricity") == pytest.approx(power * 0.06, rel=1e-5)


@pytest.mark.parametrize("temperature", [5.0, 25.0])
def test_power_of_the_cell_is_not_taken_twice(rock: OneMethod, temperature: float) -> None:
    """A need that differs from place to place is kept within what the cell has, as any other."""
    own = {"power": {"value": "0.01 GWh/yr", "per": "cell"}}
    layers = {"warm": (np.float32(temperature), {"unit": "degC", "kind": "intensive"})}
    result = rock.run({"weathering": {"temperature": "warm"}}, layers, resources=own)
    plan = result.dataset["allocated"].sel(removal_method=ROCK).to_numpy()
    need = result.dataset["need_electricity"].sel(removal_method=ROCK).to_numpy()
    used = np.nan_to_num(plan * need)
    assert used.max() == pytest.approx(0.01e6, rel=1e-4)
    assert (used <= 0.01e6 * (1 + 1e-5)).all()


def test_rates_of_other_grains() -> None:
    law = load_method(ROCK).weathering
    for grain, rate, power in ((10, 0.4633, 127.2), (50, 0.06297, 19.7), (100, 0.02666, 8.8)):
        finer = grain / 20
        assert 0.196161 * finer**law.rate_by_grain == pytest.approx(rate, rel=2e-4)
        assert 56.93256 * finer**law.power_by_grain == pytest.approx(power, rel=5e-3)


def test_cold_ground_that_never_weathers_has_no_infinite_cost(rock: OneMethod) -> None:
    layers = {"rain": (np.float32(0), {"unit": "mm/yr", "kind": "intensive"})}
    result = rock.run({"weathering": {"runoff": "rain"}}, layers)
    assert rock.here(result, "net_factor") < 0
    assert result.tables["methods"].iloc[0]["net_mt_yr"] == 0


def test_layers_that_the_rock_does_not_know_are_refused(tmp_path: Path) -> None:
    forest = OneMethod(tmp_path, "afforestation")
    with pytest.raises(CdrsiteError, match=r"weathering: no layer; expected temperature, runoff"):
        forest.run({"weathering": {}}, {})


def test_months_count_by_the_rate_and_not_by_their_mean(study: Study) -> None:
    months = np.array([0, 1, 4, 9, 13, 17, 19, 18, 14, 10, 5, 1], np.float32)
    days = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    rates = RATE_25 * arrhenius(months.astype(float), 46.5)
    share = 1 - math.exp(-20 * float((rates * days).sum() / days.sum()))
    assert here(study(months), "need_land") == pytest.approx(1000 / (0.3 * share), rel=1e-5)
    assert here(study(months), "need_land") < here(study(months.mean()), "need_land")


def test_what_does_not_fit_is_refused(study: Study) -> None:
    with pytest.raises(CdrsiteError, match=r"weathering.temperature: .*got 3 bands.*1 band, or 12"):
        study([1.0, 2.0, 3.0])
    with pytest.raises(CdrsiteError, match=r"temperature is outside what the Earth has.*got 288"):
        study(288.15)
    assert here(study(288.15, unit="K"), "net_factor") == pytest.approx(0.762482, abs=1e-6)
    with pytest.raises(CdrsiteError, match=r"weathering: .*not known.*got weathering_rate of 0"):
        study(15.0, override={"weathering_rate": 0})


def test_only_rock_weathers(tmp_path: Path) -> None:
    write_world(tmp_path)
    write_raster(tmp_path / "warmth.tif", np.full((ROWS, COLS), 15, np.float32))
    document = yaml.safe_load(SCENARIO)
    document["layers"]["warmth"] = {"path": "warmth.tif", "unit": "degC", "kind": "intensive"}
    document["methods"]["afforestation"] = {"weathering": {"temperature": "warmth"}}
    scenario = parse_scenario(yaml.safe_dump(document), tmp_path / "study.yaml")
    wanted = r"methods.afforestation.weathering: .*family spread; cure: remove it"
    with pytest.raises(CdrsiteError, match=wanted):
        run(scenario)

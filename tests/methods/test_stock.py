"""A forest as one discounted cash flow, through the formulae of a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_scenario import SCENARIO, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import ConfigError
from cdrsite.methods.formulae import Ingredients, cost_parts, net_factor_sum
from cdrsite.methods.model import MethodModel, method_model, priced
from cdrsite.place.dependence import Here
from cdrsite.place.registry import DEPENDENCES
from cdrsite.scoring.sums import Sum

METHOD = "methods.afforestation"
GROVE = {
    "uptake": 10, "uptake_years": 30, "age_curve_k": 0.0245, "age_curve_b": 0.607, "age_curve_p": 3,
    "accounting_years": 40, "permanence_years": 100, "planting_cost": "1500 USD2020/ha",
    "upkeep": "50 USD2020/ha/yr", "guard_cost": "10 USD2020/ha/yr",
    "monitoring_cost": "5 USD2020/ha/yr", "albedo_offset": 0.2, "cleared_carbon": 30,
    "emissions_chain": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("world"), SCENARIO)


def accounts(
    path: Path, numbers: dict[str, Any], rate: float, rent: float, **layers: Any
) -> dict[str, float]:
    """Gross and net tonnes of a hectare, and cost per net tonne [t/ha, USD/t]."""
    pairs = ", ".join(f"{key}: {value}" for key, value in numbers.items())
    scenario = load_scenario(
        path,
        [
            f"{METHOD}.override={{{pairs}}}",
            f"costs.discount_rate={rate}",
            f"costs.prices.land={rent} USD/ha/yr",
            "costs.base_year=2020",
        ],
    )
    model: MethodModel = priced(method_model("afforestation", scenario), scenario)
    growth = DEPENDENCES["growth"]
    here = Here((1, 1), layers, growth.numbers(model))
    made = {f"{kind} afforestation": v for kind, v in growth.layers(model, here).items()}
    given_ = Ingredients(frozenset(), 0.0, 0.0, 0.0, 0.0)
    needs = model.needs

    def value(one: Sum) -> float:
        return float(np.asarray(one.evaluate(made)).ravel()[0])

    net = value(net_factor_sum(model, needs, scenario, given_))
    land, years = value(needs.taken["land"]), model.number("accounting_years")
    parts = cost_parts(model, needs, scenario, given_)
    gross = 1e4 / land * years
    return {
        "gross": gross,
        "net": gross * net,
        "cost": sum(value(part) for part in parts.values()) / net,
        **{name: value(part) / net for name, part in parts.items()},
    }


@pytest.mark.parametrize(
    ("rate", "cost", "credited"),
    [(0.03, 39.563820, 46.545670), (0.07, 52.024365, 61.205136), (0.0, 48.551278, 57.119151)],
)
def test_a_grove_written_out(path: Path, rate: float, cost: float, credited: float) -> None:
    got = accounts(path, GROVE, rate, 100)
    assert got["gross"] == pytest.approx(405.667443, rel=1e-6)
    assert got["net"] == pytest.approx(294.533955, rel=1e-6)
    assert got["cost"] == pytest.approx(cost, rel=1e-5)
    assert got["cost"] / (1 - 0.15) == pytest.approx(credited, rel=1e-5)


def test_parts_of_the_grove(path: Path) -> None:
    got = accounts(path, GROVE, 0.03, 100)
    tonnes = 152.059239
    assert got["land"] == pytest.approx(3159.890534 / tonnes, rel=1e-5)
    rest = 1500 + 1155.738599 + 84.841334 + 115.573860
    assert got["planting"] == pytest.approx(rest / tonnes, rel=1e-5)


RENTED = {
    **GROVE, "uptake_years": 40, "permanence_years": 40, "age_curve_k": 0.04, "age_curve_b": 1,
    "albedo_offset": 0, "cleared_carbon": 0, "planting_cost": 0, "upkeep": 0, "guard_cost": 0,
    "monitoring_cost": 0,
}  # fmt: skip


@pytest.mark.parametrize(("rate", "cost"), [(0.07, 29.7575), (0.03, 23.3371), (0.0, 20.0)])
def test_rent_is_discounted_with_the_tonnes(path: Path, rate: float, cost: float) -> None:
    assert accounts(path, RENTED, rate, 200)["cost"] == pytest.approx(cost, rel=2e-6)


def test_planting_and_rent(path: Path) -> None:
    planted = {**RENTED, "planting_cost": "1500 USD2020/ha", "upkeep": "50 USD2020/ha/yr"}
    assert accounts(path, planted, 0.07, 200)["cost"] == pytest.approx(53.9375, rel=2e-6)


@settings(max_examples=examples(25), deadline=None)
@given(
    st.floats(1, 40), st.floats(0, 0.9), st.floats(0, 60), st.floats(0, 0.12), st.integers(10, 90)
)
def test_against_a_cash_flow_year_by_year(
    path: Path, uptake: float, albedo: float, cleared: float, rate: float, years: int
) -> None:
    numbers = {
        **GROVE, "uptake": uptake, "albedo_offset": albedo, "cleared_carbon": cleared,
        "accounting_years": years,
    }  # fmt: skip

    def stock(age: float) -> float:
        return (1 - 0.607 * np.exp(-0.0245 * age)) ** 3 - (1 - 0.607) ** 3

    full = uptake * 30 / stock(30)
    money, tonnes = 1500.0, -cleared
    for year in range(1, 101):
        spent = 100 + (55 if year <= years else 10)
        grown = full * (stock(year) - stock(year - 1)) * (1 - albedo) if year <= years else 0.0
        money += spent * (1 + rate) ** -year
        tonnes += grown * (1 + rate) ** -year
    plain = full * stock(years) * (1 - albedo) - cleared
    got = accounts(path, numbers, rate, 100)
    if tonnes > 0.05 * full * stock(years):
        assert got["net"] == pytest.approx(plain, rel=1e-4, abs=1e-3)
        assert got["cost"] == pytest.approx(money / tonnes, rel=1e-4)
    elif tonnes < -1e-3:
        assert got["net"] < 0


def test_nothing_is_planted_where_the_surface_takes_all_back(path: Path) -> None:
    dark = accounts(path, GROVE, 0.03, 100, albedo=np.full((1, 1), 1.2, np.float32))
    assert dark["gross"] < 1e-3


def test_a_permanence_within_the_account_is_refused(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"permanence ends before .*got 30 of 40 years; cure"):
        accounts(path, {**GROVE, "permanence_years": 30}, 0.03, 100)


def test_a_place_that_never_makes_up_for_what_is_cleared_gives_no_tonne(path: Path) -> None:
    slow = accounts(path, {**GROVE, "uptake": 2}, 0.07, 100)  # 62 t/ha in all, late, and 30 cleared
    assert slow["net"] < 0
    assert accounts(path, {**GROVE, "uptake": 2}, 0.0, 100)["net"] > 0

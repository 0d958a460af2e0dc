"""Methods that are a file alone: each runs, and its tonnes follow from the numbers of its file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from one_method import OneMethod

from cdrsite.library.methods import load_method, method_names
from cdrsite.methods.kinds import durability_class

pytestmark = pytest.mark.usefixtures("without_slopes")

FAMILIES = {name: load_method(name).family for name in method_names()}
STOCKS = [name for name, family in FAMILIES.items() if family == "stock"]
PLENTY = {
    "power": {"value": "900 GWh/yr", "per": "cell", "intensity": "20 g/kWh"},
    "water": {"unlimited": True},
    "biomass": {"value": "90 kt/yr", "per": "cell"},
    **{one: {"value": "90 kt/yr", "per": "cell"} for one in ("slag", "carbide_slag", "gypsum")},
    "ash": {"value": "90 kt/yr", "per": "cell"},
}


@pytest.mark.parametrize("name", [n for n, f in FAMILIES.items() if f not in {"plant", "stock"}])
def test_a_method_runs_and_does_what_its_ledger_says(tmp_path: Path, name: str) -> None:
    study = OneMethod(tmp_path, name)
    method = load_method(name)
    result = study.run({}, {}, resources=PLENTY)
    assert result.tables["methods"].iloc[0]["net_mt_yr"] > 0
    net, cost = study.here(result, "net_factor"), study.here(result, "cost")
    assert 0 < net <= 1 and math.isfinite(cost) and cost >= 0
    published = method.profile().get("cost_published")
    if published is not None and published.high is not None:
        high = published.high * published.scale("USD/t", 2020)
        if method.family == "spread":  # published costs do not discount the tonnes that come later
            costs = {"base_year": 2020, "prices": {"land": 0}, "discount_rate": 0}
            cost = study.here(study.run({}, {}, resources=PLENTY, costs=costs), "cost")
        assert cost < 2 * high, (cost, high)


def mean_uptake(number: Any) -> float:
    """CO2 of a hectare and year over the accounting years, in plain numbers [t/ha/yr]."""
    years, own = number("accounting_years"), number("uptake_years")
    full = number("saturation_years", default=0.0)
    if full:
        filled = [min(t, full) / full for t in (years, own)]
    else:
        k, p, b = (number(f"age_curve_{one}") for one in "kpb")
        filled = [(1 - b * math.exp(-k * t)) ** p - (1 - b) ** p for t in (years, own)]
    return float(number("uptake") * own / filled[1] * filled[0] / years)


@pytest.mark.parametrize("name", STOCKS)
def test_tonnes_and_cost_of_a_stock_in_plain_numbers(tmp_path: Path, name: str) -> None:
    """One hectare, year by year: what it takes up, gives off, and costs."""
    number = load_method(name).profile().number
    rate = mean_uptake(number)
    study = OneMethod(tmp_path, name)
    money = {"base_year": 2020, "discount_rate": 0.03, "prices": {"land": 0.01, "electricity": 0}}
    result = study.run({}, {}, resources=PLENTY, costs=money)
    ledger = load_method(name).ledger_class
    assert (result.tables["methods"].iloc[0]["net_mt_yr"] > 0) == (ledger == "removal")
    if not rate:
        return
    assert study.here(result, "need_land") == pytest.approx(1e4 / rate, rel=1e-5)
    years, cleared = number("accounting_years"), number("cleared_carbon", default=0.0)
    albedo = number("albedo_offset", default=0.0)
    lost = albedo + cleared / (rate * years)
    chain = number("emissions_chain") / 1000 + number("leakage", default=0.0)
    net = 1 - lost - chain
    assert study.here(result, "net_factor") == pytest.approx(net, rel=1e-5)
    until = int(number("permanence_years", default=years))
    t = np.arange(until + 1)
    paid = np.where(
        t <= years,
        number("upkeep", 2020) + number("monitoring_cost", 2020),
        number("guard_cost", 2020),
    )
    paid = paid + 0.01 * 1e4 * number("land_exclusive_fraction")
    paid[0] = number("planting_cost", 2020)
    worth = 1.03 ** -t.astype(float)
    own, full = number("uptake_years"), number("saturation_years", default=0.0)
    if full:
        stock = np.minimum(t, full) / full
        scale = number("uptake") * own / (min(own, full) / full)
    else:
        k, p, b = (number(f"age_curve_{one}") for one in "kpb")
        stock = (1 - b * np.exp(-k * t)) ** p - (1 - b) ** p
        scale = number("uptake") * own / ((1 - b * math.exp(-k * own)) ** p - (1 - b) ** p)
    grown = np.diff(stock, prepend=0.0) * scale * (t <= years)
    later = float((grown * worth).sum()) * (1 - albedo) - cleared
    expected = float((paid * worth).sum()) / later * (1 - lost) / net
    assert study.here(result, "cost") == pytest.approx(expected, rel=1e-4)


def test_peat_stops_emissions_and_no_plan_takes_it(tmp_path: Path) -> None:
    """18.197 and 20.568 t CO2e a hectare: as land of a tonne that is not emitted."""
    peat = OneMethod(tmp_path, "peat-rewetting")
    for profile, avoided in (("rich", 18.197314), ("poor", 20.568)):
        result = peat.run({"profile": profile}, {})
        assert peat.here(result, "need_land") == pytest.approx(1e4 / avoided, rel=1e-5)
        assert peat.here(result, "net_factor") < 0
        assert any("stops emissions and removes nothing" in text for text in result.warnings)


def test_a_coast_without_polygons_is_told(tmp_path: Path) -> None:
    marsh = OneMethod(tmp_path, "salt-marsh")
    for method, told in (({}, True), ({"regions": "parks"}, False)):
        result = marsh.run(method, {})
        assert any("nothing says where the coast is" in text for text in result.warnings) == told


@pytest.mark.parametrize(
    ("years", "name"),
    [(0, "<30"), (29.9, "<30"), (30, "30-100"), (100, "100-1000"), (1000, ">1000"), (1e5, ">1000")],
)
def test_classes_of_durability(years: float, name: str) -> None:
    assert durability_class(years) == name


def test_half_of_sawn_wood_is_left_after_its_half_life(tmp_path: Path) -> None:
    """0.138 of sawn wood and 0.0625 of panels are left after 100 years: no class of a century."""
    timber = OneMethod(tmp_path, "timber-building")
    for profile, left in (("sawnwood", 0.138), ("panels", 0.0625)):
        result = timber.run({"profile": profile}, {}, resources=PLENTY)
        row = result.tables["methods"].iloc[0]
        assert row["retained_share"] == pytest.approx(left, abs=5e-4)
    for profile in ("sawnwood", "panels"):
        number = load_method("timber-building").profile(profile).number
        assert durability_class(number("durability")) == "30-100"
        assert number("biomass") == pytest.approx(1 / (1.83 * 0.5), rel=1e-6)

"""Equations hold in any units: what is measured in other ones gives the same result in those.

Every number of a method is multiplied by a random factor for each of its base units (money, mass,
energy, area, volume, and time where no yearly discounting counts whole years). A formula of right
dimensions then gives its result times the factor of the result's unit, and one that multiplies
water by the price of power, or adds a land need to a water need, does not.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_scenario import SCENARIO, write_world

from cdrsite.config.load import load_scenario
from cdrsite.config.models import Scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.core.grid import Block
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.library.fuel import fuel_captured
from cdrsite.library.learning import Learning
from cdrsite.library.methods import load_method, method_names
from cdrsite.library.parameters import PARAMETERS
from cdrsite.methods.cost import SOLD, PlantCosts, gross_cost_terms, present_value
from cdrsite.methods.credits import levelised
from cdrsite.methods.formulae import Ingredients, cost_parts, net_factor_sum
from cdrsite.methods.model import MethodModel, method_model, priced
from cdrsite.methods.net import ChainLosses, Emissions, expected_retention, net_factor_terms
from cdrsite.place.curves import AgeCurve
from cdrsite.place.own_power import pv_land
from cdrsite.place.registry import own_layers, place_numbers
from cdrsite.place.weathering import weathered_share
from cdrsite.scoring.sums import Sum, product
from cdrsite.study.prepare import ledger_sums

PROFILES = [(name, profile) for name in method_names() for profile in load_method(name).profiles]
factor = st.floats(0.2, 5.0)
UNITS = st.builds(
    lambda money, mass, energy, area, volume: {
        "USD": money, "t": mass, "kg": mass, "kWh": energy, "kW": energy, "m2": area, "ha": area,
        "m3": volume, "km": 1.0, "yr": 1.0, "kJ": 1.0, "mol": 1.0, "degC": 1.0,
        "um": 1.0, "mm": 1.0,
    },
    factor, factor, factor, factor, factor,
)  # fmt: skip
"""Factor of each base unit; kW are kWh/h, ha are m2. Years stay: interest is paid by the year."""
FREE = st.builds(
    lambda units, time: {
        **units, "yr": time, "h": time, "kW": units["kWh"] / time, "km": 1.0 / time,
    },
    UNITS, factor,
)  # fmt: skip
"""The same with another unit of time, and of length, for what does not count in whole years."""


def scale(unit: str, units: Mapping[str, float]) -> float:
    """Factor of a unit, from those of its parts: that of ``USD/(t/yr)`` is USD / (t / yr)."""
    return float(eval(unit, {"__builtins__": {}}, dict(units)))


def test_a_unit_scales_as_its_parts() -> None:
    units = {"USD": 2.0, "t": 3.0, "yr": 5.0}
    assert scale("USD/(t/yr)", units) == pytest.approx(2.0 * 5.0 / 3.0)
    assert scale("1", units) == 1.0
    assert scale("1/yr", units) == 0.2


# ------------------------------------------------------------------- methods of the library


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """A study with every profile of the library, each a method of its own."""
    methods = "".join(f"  {name}: {{}}\n" for name in method_names())
    start, end = SCENARIO.split("methods:\n")
    folder = tmp_path_factory.mktemp("world")
    text = start + "methods:\n" + methods + end[end.index("outputs:") :]
    return load_scenario(write_world(folder, text))


def of_profile(scenario: Scenario, name: str, profile: str) -> tuple[Scenario, MethodModel]:
    """The scenario with the profile in use, and the method; what no source gives is 0."""
    values = load_method(name).profile(profile).values
    unknown = {key: 0.0 for key, one in values.items() if one.value is None}
    unknown = {key: 0.0 for key in unknown if not key.endswith(("_published", "_max"))}
    chosen = scenario.methods[name].model_copy(update={"profile": profile, "override": unknown})
    own = scenario.model_copy(update={"methods": {name: chosen}})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return own, method_model(name, own)


def in_units(scenario: Scenario, model: MethodModel, units: Mapping[str, float]) -> Any:
    """Scenario, method and what a place offers, all measured in other units."""
    numbers = {p: value * scale(PARAMETERS[p].unit, units) for p, value in model.numbers.items()}
    prices = scenario.costs.prices
    scaled = {
        one.name: prices.of(one.name) * scale(one.price[0], units)
        for one in RESOURCES.values()
        if one.price and not one.own_price
    }
    costs = scenario.costs.model_copy(update={"prices": prices.model_copy(update=scaled)})
    given_here = Ingredients(
        frozenset(),
        intensity=0.3 * scale("kg/kWh", units),
        transport_cost=7.0 * scale("USD/t", units),
        storage_cost=11.0 * scale("USD/t", units),
        transport_km=60.0,
    )
    return scenario.model_copy(update={"costs": costs}), replace(model, numbers=numbers), given_here


def results(
    scenario: Scenario, model: MethodModel, here: Ingredients
) -> dict[str, tuple[float, str]]:
    """What a method's equations give at a place: result and its unit."""
    needs = model.needs
    found: dict[str, tuple[Sum, str]] = {
        "net factor": (net_factor_sum(model, needs, scenario, here), "1")
    }
    for name, need in needs.taken.items():
        found[f"need of {name}"] = need, RESOURCES[name].need_unit
    for part, cost in cost_parts(model, needs, scenario, here).items():
        found[f"cost of {part}"] = cost, "USD/t"
    for entry, amount in ledger_sums(model, scenario, here).by_name.items():
        found[f"ledger {entry}"] = amount, "1"
    reader: Any = None  # no layer of the study is read
    layers = own_layers(model, place_numbers(priced(model, scenario)), reader, Block(0, 1, 0, 1))
    at = {name: values.item() for name, values in layers.items()}
    return {what: (float(one.evaluate(at)), unit) for what, (one, unit) in found.items()}


@pytest.mark.parametrize(("name", "profile"), PROFILES)
@settings(max_examples=examples(5))
@given(units=UNITS)
def test_every_equation_of_a_method_holds_in_any_units(
    scenario: Scenario, name: str, profile: str, units: dict[str, float]
) -> None:
    own, model = of_profile(scenario, name, profile)
    same = dict.fromkeys(units, 1.0)
    plain, other = results(*in_units(own, model, same)), results(*in_units(own, model, units))
    assert plain.keys() == other.keys() and len(plain) > 15
    for what, (value, unit) in plain.items():
        # layers of a place are of single precision
        expected = pytest.approx(value * scale(unit, units), rel=1e-5, abs=1e-9)
        assert other[what][0] == expected, what


# --------------------------------------------------------------------------- formulae alone


def holds(
    formula: Callable[..., Any], arguments: Mapping[str, tuple[float, str]], unit: str,
    units: Mapping[str, float],
) -> bool:  # fmt: skip
    """Whether a formula's result scales as its unit says when its arguments do."""
    plain = formula(**{name: value for name, (value, _) in arguments.items()})
    other = formula(**{name: value * scale(of, units) for name, (value, of) in arguments.items()})
    return bool(np.allclose(other, np.asarray(plain) * scale(unit, units), rtol=1e-9, atol=0.0))


def learned(capacity: float, first: float, capital: float, fixed: float) -> float:
    """Capital at a world capacity between two points of a table."""
    points = [
        {"world_capacity": first * more, "capital": capital / more**0.1, "fixed_om": fixed,
         "variable_om": 1.0}
        for more in (1.0, 100.0)
    ]  # fmt: skip
    table = Learning(
        money="USD2022", bases={"foak": first}, points=points, source="derived", locator="x"
    )
    return table.at(capacity).capital


FORMULAE: list[tuple[Callable[..., Any], dict[str, tuple[float, str]], str]] = [
    (
        fuel_captured,
        {"heat": (1472.0, "kWh/t"), "fuel_co2": (0.2, "kg/kWh"), "captured": (0.9, "1")}, "1",
    ),
    (
        expected_retention,
        {"hazard": (0.005, "1/yr"), "years": (100.0, "yr")}, "1",
    ),
    (
        weathered_share,
        {"rate": (0.1, "1/yr"), "years": (20.0, "yr")}, "1",
    ),
    (
        lambda rate, own, years: AgeCurve(rate, 3.0, own, 0.6).mean_factor(years),
        {"rate": (0.02, "1/yr"), "own": (30.0, "yr"), "years": (40.0, "yr")}, "1",
    ),
    (
        pv_land,
        {"pv_yield": (1500.0, "kWh/kW/yr"), "density": (0.04, "kW/m2")}, "m2/(kWh/yr)",
    ),
    (
        learned,
        {"capacity": (5e6, "t/yr"), "first": (1e6, "t/yr"), "capital": (3000.0, "USD/(t/yr)"),
         "fixed": (70.0, "USD/t")}, "USD/(t/yr)",
    ),
]  # fmt: skip
"""Formula, its arguments with their units, unit of the result; time scales as well."""


@pytest.mark.parametrize(("formula", "arguments", "unit"), FORMULAE)
@given(units=FREE)
def test_a_formula_holds_in_any_units_of_time_as_well(
    formula: Callable[..., Any],
    arguments: dict[str, tuple[float, str]],
    unit: str,
    units: dict[str, float],
) -> None:
    assert holds(formula, arguments, unit, units)


def discounted(amount: float, spending: float) -> tuple[float, float]:
    return (
        levelised(amount, 12.0, 25.0, 0.07),
        float(present_value(np.array([spending, spending / 2]), 0.07)),
    )


def part_of_cost(part: str) -> Callable[..., Any]:
    """A part of the cost per gross tonne, from all numbers that cost terms may read."""

    def formula(**numbers: float) -> Any:
        keys = ("capex", "variable_om", "heat_pump")
        plant = PlantCosts(
            **{key: numbers[key] for key in keys}, fixed_om=0.03, capacity_factor=0.8
        )
        return gross_cost_terms(plant, 0.07)[part].evaluate(numbers)

    return formula


COST = {
    "capex": (3000.0, "USD/(t/yr)"), "variable_om": (60.0, "USD/t"), "heat_pump": (900.0, "USD/kW"),
    "inverse_hours": (1.2, "1"), "waiting": (0.2, "1"),
    "inverse_productivity": (1.1, "1"), "variable": (1.0, "1"), "pumped": (1000.0, "kWh/t"),
    "material": (3.0, "kg/t"), "price_material": (2.0, "USD/kg"),
    "stock_area": (0.004, "ha/t"), "loaded": (0.7, "t/t"), "hauled": (40.0, "km"),
    "price_load": (5.0, "USD/t"), "price_haul": (0.15, "USD/t/km"),
    "price_planting": (2000.0, "USD/ha"), "price_rent": (1500.0, "USD/ha"),
    "price_transport": (8.0, "USD/t"), "price_storage": (15.0, "USD/t"),
    **{one.name: (2.0, one.need_unit) for one in RESOURCES.values()},
    **{f"price_{one.name}": (0.5, one.price[0]) for one in RESOURCES.values() if one.price},
    **{f"supplied_{name}": (600.0, RESOURCES[name].need_unit) for name in SOLD},
    **{f"price_sold_{name}": (0.05, RESOURCES[name].price[0]) for name in SOLD},
}  # fmt: skip
"""Numbers of :func:`gross_cost_terms` and their units, as its docstring gives them."""


@pytest.mark.parametrize("part", list(gross_cost_terms(PlantCosts(), 0.07)))
@settings(max_examples=examples(10))
@given(units=UNITS)
def test_every_part_of_the_cost_is_money_per_tonne(part: str, units: dict[str, float]) -> None:
    assert holds(part_of_cost(part), COST, "USD/t", units)


NET = {
    "electricity_bought": (900.0, "kWh/t"), "heat": (500.0, "kWh/t"),
    "grid_intensity": (0.3, "kg/kWh"), "heat_intensity": (0.2, "kg/kWh"),
    "transport_km": (80.0, "1"), "hauled": (30.0, "km"), "biomass": (0.6, "t/t"),
    "place_emissions": (20.0, "kg/t"), "fossil": (0.3, "t/t"),
    "injection": (0.05, "t/t"), "materials": (9.0, "kg/t"),
    "supply": (40.0, "kg/t"),
    "haul": (0.13, "kg/t/km"),
}  # fmt: skip


@given(units=UNITS)
def test_the_net_factor_is_a_number(units: dict[str, float]) -> None:
    def net(materials: float, supply: float, haul: float, **numbers: float) -> Any:
        losses = ChainLosses(0.02, 0.001, 0.01)
        emissions = Emissions(materials=materials, embodied=2.0 * materials)
        return net_factor_terms(
            losses, emissions, supply_intensity=supply, haul_intensity=haul
        ).evaluate(numbers)

    known = {*net_factor_terms(ChainLosses(), Emissions()).layers, "materials", "supply", "haul"}
    more = {name: (0.1, "1") for name in known if name not in NET}
    assert holds(net, NET | more, "1", units)


@given(units=UNITS)
def test_interest_is_paid_by_the_year_in_any_money(units: dict[str, float]) -> None:
    amounts = {"amount": (180.0, "USD/t"), "spending": (180.0, "USD/t")}
    assert holds(discounted, amounts, "USD/t", units)


@pytest.mark.parametrize(
    "wrong",
    [
        product(1.0, "water", "price_electricity"),
        product(1.0, "water", "price_water") + product(1.0, "water"),
        product(1.0, "price_transport") + product(1.0, "price_planting"),
        product(1.0, "material"),
    ],
)
def test_a_wrong_equation_is_found_out(wrong: Sum) -> None:
    units = {"USD": 2.0, "t": 3.0, "kg": 3.0, "kWh": 5.0, "kW": 5.0, "m2": 7.0, "ha": 7.0}
    units |= {"m3": 11.0, "yr": 1.0}
    numbers = {name: COST[name] for name in wrong.layers}

    def formula(**values: float) -> Any:
        return wrong.evaluate(values)

    assert not holds(formula, numbers, "USD/t", units)
    assert math.isfinite(float(formula(**{name: value for name, (value, _) in numbers.items()})))


def test_a_number_left_behind_is_found_out(tmp_path: Path) -> None:
    """A number that is not scaled along breaks the equality: the check of methods can fail."""
    scenario = load_scenario(write_world(tmp_path, SCENARIO))
    own, model = of_profile(scenario, "daccs-solid", "literature")
    units = {"USD": 2.0, "t": 3.0, "kg": 3.0, "kWh": 5.0, "kW": 5.0, "m2": 7.0, "ha": 7.0}
    units |= {"m3": 11.0, "km": 1.0, "yr": 1.0, "kJ": 1.0, "mol": 1.0, "degC": 1.0}
    other, scaled, here = in_units(own, model, units)
    left = {**scaled.numbers, "water": model.numbers["water"]}
    found = results(other, replace(scaled, numbers=left), here)
    plain = results(*in_units(own, model, dict.fromkeys(units, 1.0)))
    cost, unit = plain["cost of water"]
    assert found["cost of water"][0] != pytest.approx(cost * scale(unit, units))

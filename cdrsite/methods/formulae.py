"""The formulae of a method with the numbers of a scenario, as sums of products for the kernel.

The accounting and the cost functions name their factors (``electricity_bought``, ``price_water``);
here each factor becomes a number or a layer, once, so that the kernel, the tables and
``accounting``/``costs`` all evaluate the same formula.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np

from cdrsite.config.models import Scenario
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.methods.cost import SOLD, gross_cost_terms, present_value, waiting
from cdrsite.methods.feed import draws_of, hauled, kinds_layer, picked_up, rented_land
from cdrsite.methods.heat import draws_heat, heat_level, serves
from cdrsite.methods.model import MethodModel, plant_costs, priced, prices_paid
from cdrsite.methods.net import ChainLosses, Emissions, net_factor_terms
from cdrsite.place.growth import M2_PER_HA
from cdrsite.place.needs import NOTHING, Needs
from cdrsite.scoring.sums import Limit, MethodPlan, Sum, const, layer

STORAGE_COST, TRANSPORT_COST, TRANSPORT_KM = "storage cost", "transport cost", "transport km"
"""Layers with what the routes to storage give [USD/t], [USD/t], [km]."""
INJECTION_EMISSIONS = "injection emissions"
"""Layer with what the injection of a tonne emits [t/t]."""


@dataclass(frozen=True)
class Ingredients:
    """Names of the layers that a block offers to the plans; None where a number serves.

    Attributes
    ----------
    limited : frozenset of str
        Resources with a supply layer of the same name.
    intensity : str or float
        Emissions of power [kg/kWh].
    transport_cost, storage_cost : str or float
        [USD/t].
    transport_km : str or float
        Length of the route to storage [km].
    hauled : frozenset of str
        Bulk goods with a layer of their mean haul (:func:`cdrsite.methods.feed.haul_layer`).
    injection : str or float
        Emissions of injecting a tonne [t/t].
    routed : bool
        Whether routes to storage are known: losses then go by their length.
    inverse_firm : str or float
        1 / share of a plant's hours that the supplied power serves [1].
    """

    limited: frozenset[str]
    intensity: str | float
    transport_cost: str | float
    storage_cost: str | float
    transport_km: str | float
    injection: str | float = 0.0
    routed: bool = False
    inverse_firm: str | float = 1.0
    hauled: frozenset[str] = frozenset()


def ingredients(scenario: Scenario, *, routed: bool, injecting: bool = False) -> Ingredients:
    """What the formulae of the methods are made with, apart from the methods themselves.

    Parameters
    ----------
    scenario : Scenario
        What is asked.
    routed : bool
        Whether there are storage units, and so routes to them.
    injecting : bool
        Whether injecting into any of them emits anything.
    """
    resources = scenario.resources
    names = [name for name, model in resources.supplies.items() if not model.unlimited]
    power, firm = resources.power.intensity, resources.power.firm
    if scenario.milestones is not None and not isinstance(power, str):
        power *= scenario.milestones.last(scenario.milestones.intensity)
    cost = 0.0 if isinstance(resources.storage.cost, str) else resources.storage.cost
    return Ingredients(
        limited=frozenset([*names, "storage"] if routed else names),
        intensity="intensity" if isinstance(power, str) else power,
        inverse_firm="inverse firm" if isinstance(firm, str) else 1.0 / (firm or 1.0),
        transport_cost=TRANSPORT_COST if routed else scenario.transport.cost or 0.0,
        transport_km=TRANSPORT_KM if routed else 0.0,
        storage_cost=STORAGE_COST if routed else cost,
        injection=INJECTION_EMISSIONS if injecting else 0.0,
        routed=routed,
        hauled=resources.hauled,
    )


def _sum(value: str | float) -> Sum:
    return layer(value) if isinstance(value, str) else const(value)


def land_layer(ground: str) -> str:
    """Layer with the usable and allowed land of methods that see the same land [m2]."""
    return f"land {ground}"


def left_layer(group: str) -> str:
    """Layer with the share of the cell that the exclusions leave to a group of methods [1]."""
    return f"left {group}"


def kinds_drawn(model: MethodModel, scenario: Scenario) -> dict[str, tuple[str, ...]]:
    """Resource that is offered by kind and that a method takes -> the kinds that it may have."""
    return {
        name: draws_of(name, model, given.by_kind)
        for name, given in scenario.resources.supplies.items()
        if given.by_kind and not model.needs.resources[name].is_zero
    }


def chain_losses(model: MethodModel, scenario: Scenario, *, routed: bool) -> ChainLosses:
    """Losses on the way to storage: by the length of the route where it is known."""
    losses = ChainLosses.from_library(model.numbers)
    if not routed or not model.number("storage"):
        return losses
    # the library's one loss stands for a typical route: the leakage per km takes its place
    return replace(losses, injection=0.0, transport_per_100km=scenario.transport.leakage)


def _of_fuel(model: MethodModel) -> float:
    """CO2 of the fuel that is not captured along, and what leaks of it [kg CO2e/kWh of heat]."""
    burnt = model.number("fuel_co2") * (1.0 - model.number("fuel_co2_captured", 1.0))
    return burnt + model.number("fuel_methane") * model.number("fuel_leak") * model.gwp["methane"]


def net_factors(model: MethodModel, needs: Needs, given: Ingredients) -> dict[str, Sum]:
    """Factors of the net factor by name (:func:`cdrsite.methods.net.net_factor_terms`)."""
    return {
        # of its own the place knows the emissions
        "electricity_bought": needs.resources["electricity"] * needs.charged,
        "grid_intensity": _sum(given.intensity),
        "heat": needs.taken["heat"] * needs.charged,
        "heat_intensity": const(model.number("emissions_heat") + _of_fuel(model)),
        "transport_km": _sum(given.transport_km),
        "injection": needs.taken["storage"] * _sum(given.injection),
        "biomass": needs.taken["biomass"] * needs.charged,
        "hauled": hauled(model, needs, given.hauled) * needs.charged,
        "fossil": needs.fossil,
        "place_emissions": needs.place_emissions,
    }


def net_terms(model: MethodModel, scenario: Scenario, *, routed: bool) -> Sum:
    """Net factor of a method over its factors (:func:`cdrsite.methods.net.net_factor_terms`)."""
    return net_factor_terms(
        chain_losses(model, scenario, routed=routed),
        Emissions.from_library(model.numbers),
        supply_intensity=model.number("emissions_biomass"),
        haul_intensity=model.number("emissions_haul"),
    )


def net_factor_sum(model: MethodModel, needs: Needs, scenario: Scenario, given: Ingredients) -> Sum:
    """Net tonnes per gross tonne (:func:`cdrsite.methods.net.net_factor_terms`)."""
    terms = net_terms(model, scenario, routed=given.routed)
    return terms.of(net_factors(model, needs, given))


def later_sum(model: MethodModel, needs: Needs, scenario: Scenario, given: Ingredients) -> Sum:
    """What discounting takes of the net tonnes of a gross one that come after it is paid [t/t]."""
    losses = chain_losses(model, scenario, routed=given.routed)
    return needs.later * float(losses.stored_share(0.0))


def waiting_layer(name: str) -> str:
    """Layer with what waiting for its tonnes adds to the cost of a method [1]."""
    return f"waiting {name}"


def _waiting(model: MethodModel, needs: Needs, scenario: Scenario, given: Ingredients) -> Sum:
    """What waiting for tonnes adds to the cost (:func:`cdrsite.methods.cost.waiting`)."""
    later = later_sum(model, needs, scenario, given)
    if later.is_zero:
        return NOTHING
    net, less = net_factor_sum(model, needs, scenario, given).constant, later.constant
    if net is None or less is None:
        return layer(waiting_layer(model.name))
    return const(float(waiting(net, less)))


def _inverse_hours(needs: Needs, given: Ingredients) -> Sum:
    """1 / share of its hours in which a plant runs, by its own power and what it buys [1]."""
    bought = needs.resources["electricity"]
    return needs.inverse_hours * (const(1.0) if bought.is_zero else _sum(given.inverse_firm))


def cost_parts(
    model: MethodModel, needs: Needs, scenario: Scenario, given: Ingredients
) -> dict[str, Sum]:
    """Parts of the cost per gross tonne [USD/t] (:func:`cdrsite.methods.cost.gross_cost_terms`)."""
    rate, prices = scenario.costs.discount_rate, prices_paid(model, scenario)
    # land that stays in its present use is not rented from it
    prices["land"] *= model.number("land_exclusive_fraction", 1.0)
    # who takes heat is known of the plan only, which sells it (methods/heat.py)
    paid = prices | {"heat": 0.0}
    planting = rent = 0.0
    if needs.stock is not None:
        # the rent of a stock is discounted with it, and so is not a yearly price of its land too
        planting = float(present_value(needs.stock.spending, rate))
        rented = np.ones(needs.stock.rented + 1) * M2_PER_HA * prices["land"]
        rented[0] = 0.0
        rent, prices["land"] = float(present_value(rented, rate)), 0.0
    factors = {
        **needs.taken,
        "land": rented_land(model, needs),
        "loaded": picked_up(needs),
        "hauled": hauled(model, needs, given.hauled),
        "price_load": const(model.number("haul_load")),
        "price_haul": const(model.number("haul_price")),
        **{f"price_{name}": const(price) for name, price in prices.items()},
        **{
            f"price_{name}": own * needs.own[name] + prices[name] * needs.bought(name)
            for name, own in needs.prices.items()
        },
        "inverse_productivity": needs.inverse_productivity,
        "inverse_hours": _inverse_hours(needs, given),
        "variable": needs.variable,
        "pumped": needs.pumped,
        "waiting": _waiting(model, needs, scenario, given),
        **{f"supplied_{name}": needs.supplied.get(name, NOTHING) for name in SOLD},
        **{f"price_sold_{name}": const(paid[name]) for name in SOLD},
        "material": const(model.number("materials")),
        "price_material": const(0.0),  # the library's variable_om contains the materials
        "stock_area": needs.stock.area if needs.stock is not None else const(0.0),
        "price_planting": const(planting),
        "price_rent": const(rent),
        "price_transport": _sum(given.transport_cost),
        "price_storage": _sum(given.storage_cost),
    }
    return {
        part: term.of(factors) for part, term in gross_cost_terms(plant_costs(model), rate).items()
    }


def method_plan(
    model: MethodModel,
    scenario: Scenario,
    given: Ingredients,
    group: str,
    ground: str,
    rules: int,
    suitability: str | None,
) -> MethodPlan:
    """The plan that the kernel scores for one method.

    Parameters
    ----------
    model : MethodModel
        The method.
    scenario : Scenario
        Prices and rates.
    given : Ingredients
        Which resources limit, and where intensities and prices come from.
    group : str
        Group of methods with the same exclusions.
    ground : str
        Methods of a group that can use the same land; names the land layer.
    rules : int
        Reason bits of these exclusions.
    suitability : str or None
        Layer of the suitability.
    """
    model = priced(model, scenario)
    needs = model.needs
    supplies = {"land": layer(land_layer(ground))} | {
        name: layer(name) for name in RESOURCES if name in given.limited
    }
    for name, kinds in kinds_drawn(model, scenario).items():
        supplies[name] = layer(kinds_layer(name, kinds))
    if not draws_heat(model):
        supplies.pop("heat", None)
    elif "heat" in supplies and not serves(scenario.resources.heat.level, heat_level(model)):
        supplies["heat"] = supplies["heat"] * 0.0
    limits = tuple(
        Limit(name, code, supplies[name], needs.resources[name])
        for code, name in enumerate(RESOURCES)
        if name in supplies
    )
    return MethodPlan(
        name=model.name,
        excluded_bits=rules,
        available=left_layer(group),
        limits=limits,
        net_factor=net_factor_sum(model, needs, scenario, given),
        gross_cost=reduce(add, cost_parts(model, needs, scenario, given).values()),
        suitability=suitability,
    )

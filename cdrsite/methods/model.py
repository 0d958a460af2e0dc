"""From a method of the library and the scenario to the sums of products that the kernel scores.

The accounting and the cost functions name their factors (``electricity_bought``, ``price_water``);
here each factor becomes a number or a layer, once, so that the kernel, the tables and
``accounting``/``costs`` all evaluate the same formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.config.models import Scenario
from cdrsite.config.resources import MethodChoice
from cdrsite.core.errors import ConfigError
from cdrsite.core.fields import to_base_year
from cdrsite.core.units import parse_quantity
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.library.load import load_method, load_method_file
from cdrsite.library.parameters import PARAMETERS
from cdrsite.library.plausibility import refuse_impossible
from cdrsite.library.records import ClimateTable, Method, Profile, unknown_name
from cdrsite.methods.climate import (
    annual_climate_factors,
    climate_factors,
    with_heat_pump,
)
from cdrsite.methods.cost import PlantCosts, equivalent_land_cost, gross_cost_terms
from cdrsite.methods.net import ChainLosses, Emissions, net_factor_terms
from cdrsite.methods.renewables import pv_land
from cdrsite.methods.stock import AgeCurve
from cdrsite.scoring.sums import Limit, MethodPlan, Sum, const, layer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import Block
    from cdrsite.core.reader import LayerReader

    F32 = NDArray[np.float32]

UNREACHABLE_LAND = 1e9
"""Land need where a forest takes up nothing [m2 per t/yr]; finite, so that the cost is too."""

INFORMATIVE = frozenset(
    {"cost_published", "net_published", "plant_max", "plant_min", "plant_typical"}
)
"""Parameters that may be unknown because no formula of the scoring reads them."""

OF_A_FOREST = frozenset({"accounting_years", "layer_years"})
"""Parameters of the whole study that a method without growth does not have."""

_PER: dict[str, tuple[str, ...]] = {"m2/(t/yr)": ("(t/yr)", "(1/yr)"), "USD/(t/yr)": ("(t/yr)",)}


@dataclass(frozen=True)
class MethodModel:
    """A removal method as this scenario uses it.

    Attributes
    ----------
    name : str
        Name in the scenario.
    method, profile : Method, Profile
        What the library says.
    choice : MethodChoice
        What the scenario says.
    numbers : dict
        Parameter -> value in its canonical unit, overrides applied.
    replaced : dict of str to str
        Parameters that the scenario replaced -> what it says, with its unit.
    """

    name: str
    method: Method
    profile: Profile
    choice: MethodChoice
    numbers: Mapping[str, float]
    replaced: Mapping[str, str] = field(default_factory=dict)

    def number(self, parameter: str, default: float = 0.0) -> float:
        """Parameter in its canonical unit; ``default`` where it does not apply."""
        return self.numbers.get(parameter, default)

    @property
    def climate_table(self) -> ClimateTable | None:
        """The library's dependence on the climate, if the scenario asks for it."""
        return None if self.choice.climate is None else self.method.climate

    @property
    def age_curve(self) -> AgeCurve:
        """Growth of a forest, relative to the mean of the years that its rate stands for."""
        years = self.number("accounting_years", 30.0)
        own = "uptake_years" if self.choice.rate is None else "layer_years"
        return AgeCurve(
            self.number("age_curve_k"), self.number("age_curve_p"), self.number(own, years)
        )

    @property
    def is_forest(self) -> bool:
        """Whether the land need follows from an uptake rate."""
        return "uptake" in self.numbers


def method_model(name: str, scenario: Scenario) -> MethodModel:
    """Resolve a method of the scenario against the library.

    Raises
    ------
    ConfigError
        Unknown profile or parameter, an override of the wrong dimension, a negative need, energy
        land twice (rule 6), or a climate dependence that the library does not have.
    """
    choice = scenario.methods[name]
    method = load_method_file(choice.library) if choice.library is not None else load_method(name)
    if choice.profile is not None and choice.profile not in method.profiles:
        raise unknown_name(
            "profile", choice.profile, list(method.profiles), where=f"methods.{name}.profile"
        )
    profile = method.profile(choice.profile)
    base_year = scenario.costs.base_year
    numbers = {p: profile.number(p, base_year) for p in profile.values}
    replaced = {}
    for parameter, (number, key) in _of_the_study(scenario, choice).items():
        if parameter in numbers or parameter not in OF_A_FOREST:
            numbers[parameter] = number
            replaced[parameter] = f"{number:.10g} {PARAMETERS[parameter].unit} ({key})"
    for parameter, value in choice.override.items():
        # a negative need has a meaning only where the method supplies the resource by nature
        supplied = numbers.get(parameter, 0.0) < 0
        numbers[parameter] = _override(name, parameter, value, base_year, negative=supplied)
        replaced[parameter] = str(value)
    model = MethodModel(name, method, profile, choice, numbers, replaced)
    where = f"methods.{name}"
    _refuse_unknown(where, numbers)
    given = {p: f"{where}.override.{p}" if p in choice.override else where for p in numbers}
    refuse_impossible(numbers, given)
    _refuse_unusable(where, model)
    return model


def _refuse_unusable(where: str, model: MethodModel) -> None:
    """Refuse what the scenario asks of a method that its library does not have."""
    method, profile, choice = model.method, model.profile, model.choice
    numbers, own = model.numbers, model.choice.own_power
    if choice.climate is not None and method.climate is None:
        raise ConfigError(
            "the library knows no climate dependence of this method",
            where=f"{where}.climate",
            cure="remove it",
        )
    if choice.rate is not None and "uptake" not in numbers:
        raise ConfigError(
            "a rate layer belongs to a forest",
            where=f"{where}.rate",
            got=f"a {method.family} method",
            cure="remove it",
        )
    if own is not None and profile.land_includes_energy:
        raise ConfigError(
            "the profile's land already contains the land of its energy supply",
            where=f"{where}.own_power",
            got=f"profile {profile.name} with {numbers['land_direct']:g} m2 per t/yr",
            expected="energy land or a power budget, never both",
            cure="remove own_power, or choose profile: literature",
            rule=6,
        )
    if own is not None and own.pv_yield is None and not numbers.get("pv_reference_yield"):
        raise ConfigError(
            "no yield for the method's own photovoltaics",
            where=f"{where}.own_power",
            got="no pv_yield, and no pv_reference_yield in the library",
            cure="give pv_yield: LAYER",
            rule=7,
        )
    if numbers.get("biomass") and "biomass_price" not in numbers:
        raise ConfigError(
            "no price for the biomass of this method",
            where=where,
            got=f"{numbers['biomass']:g} t dry per t and no biomass_price",
            cure="give costs.prices.biomass, or biomass_price in the method's file",
            rule=7,
        )


def _of_the_study(scenario: Scenario, choice: MethodChoice) -> dict[str, tuple[float, str]]:
    """Parameters that a key outside the method's override replaces -> number, key."""
    heat = scenario.resources.heat
    given = {
        "accounting_years": (scenario.accounting.forest_years, "accounting.forest_years"),
        "layer_years": (choice.layer_years, "layer_years"),
        "buffer": (scenario.accounting.buffer, "accounting.buffer"),
        "biomass_price": (scenario.costs.prices.biomass, "costs.prices.biomass"),
        "emissions_heat": (
            heat.intensity if "intensity" in heat.model_fields_set else None,
            "resources.heat.intensity",
        ),
    }
    return {name: (float(one), key) for name, (one, key) in given.items() if one is not None}


def _refuse_unknown(where: str, numbers: Mapping[str, float]) -> None:
    """Refuse a profile with a number that the formulas need and no source gives (rule 7)."""
    missing = [p for p, value in numbers.items() if np.isnan(value) and p not in INFORMATIVE]
    if missing:
        raise ConfigError(
            "no source gives a value that the accounting needs",
            where=where,
            got=f"unknown {', '.join(missing)}",
            cure=f"give your own: {where}.override: {{{missing[0]}: VALUE}}",
            rule=7,
        )


def _override(
    method: str, parameter: str, value: float | str, base_year: int, *, negative: bool
) -> float:
    where = f"methods.{method}.override.{parameter}"
    if parameter not in PARAMETERS:
        raise unknown_name("parameter", parameter, sorted(PARAMETERS), where=where)
    known = PARAMETERS[parameter]
    factor = 1.0
    try:
        if isinstance(value, str) and "USD" in known.unit:
            value, factor = to_base_year(value, base_year)
        number = parse_quantity(value, known.unit, per=_PER.get(known.unit, ("t",))) * factor
    except ValueError as error:
        raise ConfigError(str(error), where=where) from error
    if number < 0 and not negative:
        raise ConfigError(
            "a need cannot be negative",
            where=where,
            got=repr(value),
            expected=f"{known.unit}, 0 or more",
        )
    return number


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
    routed : bool
        Whether routes to storage are known: losses then go by their length.
    """

    limited: frozenset[str]
    intensity: str | float
    transport_cost: str | float
    storage_cost: str | float
    transport_km: str | float
    routed: bool = False


def _sum(value: str | float) -> Sum:
    return layer(value) if isinstance(value, str) else const(value)


def land_layer(group: str) -> str:
    """Layer with the usable and allowed land of a group of methods [m2]."""
    return f"land {group}"


def left_layer(group: str) -> str:
    """Layer with the share of the cell that the exclusions leave to a group of methods [1]."""
    return f"left {group}"


def own_layer(kind: str, method: str) -> str:
    """Layer that belongs to one method: a climate factor, a land need."""
    return f"{kind} {method}"


@dataclass(frozen=True)
class Needs:
    """Needs per gross tonne as sums of products [canonical units]."""

    electricity: Sum
    """Bought [kWh/t]."""
    supplied: Sum
    """Given to the grid [kWh/t]."""
    heat: Sum
    water: Sum
    biomass: Sum
    land: Sum
    stored: Sum
    inverse_productivity: Sum
    own_power: bool = False
    resources: Mapping[str, Sum] = field(default_factory=dict)
    """Resource -> need, for the limits."""


def needs_of(model: MethodModel) -> Needs:
    """Needs of a method, place-dependent where the scenario says so."""
    name, choice = model.name, model.choice
    power = model.number("electricity")
    climate = model.climate_table is not None
    bought = const(max(power, 0.0))
    heat = const(model.number("heat"))
    inverse = const(1.0)
    if climate:
        bought = bought * layer(own_layer("electricity factor", name))
        heat = heat * layer(own_layer("heat factor", name))
        inverse = layer(own_layer("inverse productivity", name))
    land = const(model.number("land_direct") + model.number("land_feedstock"))
    if model.is_forest:
        land = layer(own_layer("land need", name))
    if choice.own_power is not None:
        land = land + bought * layer(own_layer("land per kWh", name))
    stored = const(model.number("storage"))
    resources = {
        "land": land,
        "water": const(model.number("water")),
        "electricity": const(0.0) if choice.own_power is not None else bought,
        "heat": heat,
        # a crop grown on own land is not taken from the residues as well (rule 6)
        "biomass": const(0.0 if model.number("land_feedstock") > 0 else model.number("biomass")),
        "storage": stored,
    }
    return Needs(
        electricity=bought,
        supplied=const(max(-power, 0.0)),
        heat=heat,
        water=resources["water"],
        biomass=const(model.number("biomass")),
        land=land,
        stored=stored,
        inverse_productivity=inverse,
        own_power=choice.own_power is not None,
        resources=resources,
    )


def chain_losses(model: MethodModel, scenario: Scenario, given: Ingredients) -> ChainLosses:
    """Losses on the way to storage: by the length of the route where it is known."""
    losses = ChainLosses.from_library(model.numbers)
    if not given.routed or not model.number("storage"):
        return losses
    # the library's one loss stands for a typical route: the leakage per km takes its place
    return replace(losses, injection=0.0, transport_per_100km=scenario.transport.leakage)


def net_factors(model: MethodModel, needs: Needs, given: Ingredients) -> dict[str, Sum]:
    """Factors of the net factor by name (:func:`cdrsite.methods.net.net_factor_terms`)."""
    return {
        "electricity_bought": needs.electricity,
        # own renewables: their embodied emissions are in the plant's, not the grid's
        "grid_intensity": const(0.0) if needs.own_power else _sum(given.intensity),
        "heat": needs.heat,
        "heat_intensity": const(model.number("emissions_heat")),
        "transport_km": _sum(given.transport_km),
        "biomass": needs.biomass,
        "haul_km": const(0.0),
        "place_emissions": const(0.0),
    }


def net_factor_sum(model: MethodModel, needs: Needs, scenario: Scenario, given: Ingredients) -> Sum:
    """Net tonnes per gross tonne (:func:`cdrsite.methods.net.net_factor_terms`)."""
    terms = net_factor_terms(
        chain_losses(model, scenario, given),
        Emissions.from_library(model.numbers),
        supply_intensity=model.number("emissions_biomass"),
    )
    return terms.of(net_factors(model, needs, given))


def cost_parts(
    model: MethodModel, needs: Needs, scenario: Scenario, given: Ingredients
) -> dict[str, Sum]:
    """Parts of the cost per gross tonne [USD/t] (:func:`cdrsite.methods.cost.gross_cost_terms`)."""
    rate, prices = scenario.costs.discount_rate, scenario.costs.prices
    stated = model.profile.number("capacity_factor", default=1.0)
    plant = PlantCosts.from_delivered(
        model.number("capex"),
        model.number("lifetime", 25.0),
        capacity_factor=model.number("capacity_factor", 1.0),
        stated_at=stated,
        fixed_om=model.number("fixed_om"),
        variable_om=model.number("variable_om"),
    )
    factors = {
        "inverse_productivity": needs.inverse_productivity,
        "electricity_bought": needs.electricity,
        "electricity_supplied": needs.supplied,
        "heat": needs.heat,
        "water": needs.water,
        "biomass": needs.biomass,
        "material": const(model.number("materials")),
        "land": needs.land,
        "stored": needs.stored,
        "price_electricity": const(prices.electricity),
        "price_sold": const(prices.electricity),
        "price_heat": const(prices.heat),
        "price_water": const(prices.water),
        "price_biomass": const(model.number("biomass_price")),
        "price_material": const(0.0),  # the library's variable_om contains the materials
        "price_land": const(prices.land),
        "price_planting": const(forest_land_cost(model, rate)),
        "price_transport": _sum(given.transport_cost),
        "price_storage": _sum(given.storage_cost),
    }
    return {part: term.of(factors) for part, term in gross_cost_terms(plant, rate).items()}


def forest_land_cost(model: MethodModel, rate: float) -> float:
    """Planting and upkeep as a yearly price of the land under a forest [USD/m2/yr]."""
    if not model.is_forest:
        return 0.0
    years = max(1, round(model.number("accounting_years", 30.0)))
    spending = np.full(years, model.number("upkeep"))
    spending[0] += model.number("planting_cost")
    return float(equivalent_land_cost(spending, model.age_curve.growth(years), rate))


def method_plan(
    model: MethodModel,
    scenario: Scenario,
    given: Ingredients,
    group: str,
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
        Group of methods with the same exclusions; names the land layer.
    rules : int
        Reason bits of these exclusions.
    suitability : str or None
        Layer of the suitability.
    """
    needs = needs_of(model)
    supplies = {"land": layer(land_layer(group))} | {
        name: layer(name) for name in RESOURCES if name in given.limited
    }
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


def place_numbers(model: MethodModel) -> dict[str, float]:
    """Numbers of a method that its own layers (:func:`own_layers`) are made with."""
    found: dict[str, float] = {}
    own = model.choice.own_power
    if own is not None:
        found["density"] = own.density or model.number("pv_density", 0.04)
        if own.pv_yield is None:
            found["pv yield"] = model.number("pv_reference_yield")
    if model.climate_table is not None and _with_heat_pump(model):
        found["heat pump"] = model.number("heat_pump_cop", 1.0)
    if model.is_forest:
        found["mean factor"] = model.age_curve.mean_factor(model.number("accounting_years", 30.0))
        if model.choice.rate is None:
            found["uptake"] = model.number("uptake")
    return found


def _with_heat_pump(model: MethodModel) -> bool:
    """Whether the heat is inside the electricity, so that it follows the climate there."""
    return model.profile.heat_source == "heat-pump" and not model.number("heat")


def own_layers(model: MethodModel, reader: LayerReader, block: Block) -> dict[str, F32]:
    """Layers of a block that only this method reads: climate factors, land needs."""
    made: dict[str, F32] = {}
    choice, name, numbers = model.choice, model.name, place_numbers(model)
    table = model.climate_table
    if table is not None and choice.climate is not None:
        warm = reader.bands(choice.climate.temperature, block, "degC")
        moist = reader.bands(choice.climate.humidity, block, "%")
        monthly = warm.shape[0] == 12
        factors = (
            annual_climate_factors(table, warm, moist)
            if monthly
            else climate_factors(table, warm[0], moist[0])
        )
        if _with_heat_pump(model):
            factors = with_heat_pump(table, factors, numbers["heat pump"])
        made[own_layer("electricity factor", name)] = factors.electricity.astype(np.float32)
        made[own_layer("heat factor", name)] = factors.heat.astype(np.float32)
        made[own_layer("inverse productivity", name)] = (1.0 / factors.productivity).astype(
            np.float32
        )
    if model.is_forest:
        made[own_layer("land need", name)] = forest_land_need(model, numbers, reader, block)
    if choice.own_power is not None:
        yields = choice.own_power.pv_yield
        yearly = (
            reader.values(yields, block, "kWh/kWp")
            if yields is not None
            else np.full(block.shape, numbers["pv yield"], np.float32)
        )
        land = pv_land(yearly, numbers["density"])
        made[own_layer("land per kWh", name)] = land.astype(np.float32)
    return made


def forest_land_need(
    model: MethodModel, numbers: Mapping[str, float], reader: LayerReader, block: Block
) -> F32:
    """Land per tonne a year under a forest [m2 per t/yr], from the rate layer or the library.

    The rate is the mean of its own years (``layer_years`` or ``uptake_years``); the age curve
    brings it to the mean of the accounting years.
    """
    rate = (
        reader.values(model.choice.rate, block, "t/ha/yr")
        if model.choice.rate is not None
        else np.full(block.shape, numbers["uptake"], np.float32)
    )
    with np.errstate(divide="ignore"):
        need = np.float32(10_000.0) / (rate * np.float32(numbers["mean factor"]))
    return np.where(rate > 0, need, np.where(np.isnan(rate), np.nan, UNREACHABLE_LAND)).astype(
        np.float32
    )

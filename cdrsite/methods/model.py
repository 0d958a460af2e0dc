"""One method on its way: what the library and the scenario say of it, in canonical units.

Its needs are sums of products; the formulae that they go into are in ``formulae.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from cdrsite.config.models import Scenario
from cdrsite.config.resources import MethodChoice
from cdrsite.core.errors import ConfigError
from cdrsite.core.fields import to_base_year
from cdrsite.core.units import parse_quantity
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.library.fuel import FROM_FUEL, fuel_captured, with_fuel
from cdrsite.library.methods import Method, Profile, load_method, load_method_file
from cdrsite.library.parameters import PARAMETERS
from cdrsite.library.plausibility import refuse_impossible
from cdrsite.library.records import unknown_name
from cdrsite.methods.basis import cost_basis
from cdrsite.methods.cost import PlantCosts
from cdrsite.methods.feed import (
    price_of_kind,
)
from cdrsite.place.emissions import GWP
from cdrsite.place.growth import NO_GAIN
from cdrsite.place.needs import Needs
from cdrsite.place.registry import at_the_place, fitting, given_by_keys
from cdrsite.scoring.sums import const

INFORMATIVE = frozenset(
    {"cost_published", "curve_ceiling", "net_published", "plant_max", "plant_min", "plant_typical"}
)
"""Parameters that may be unknown because no formula of the scoring reads them."""

ONLY_WHERE_KNOWN = frozenset({"accounting_years", "layer_years"})
"""Parameters given for the whole study that stay out of methods without them."""

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
    basis : str
        What its costs stand for (:mod:`cdrsite.methods.basis`); empty where that is not known.
    acting : tuple of str
        Dependences on the place that play a part.
    prices : dict of str to float
        Resource -> price [USD per its canonical unit]; empty but for :func:`priced`.
    yearly_capital, discount_rate : float
        Capital and fixed operation where the place changes nothing [USD per gross t], real rate of
        the study [1/yr]; unknown but for :func:`priced`.
    gwp : dict of str to float
        Gas -> global warming potential over the years of the study [kg CO2e/kg].
    """

    name: str
    method: Method
    profile: Profile
    choice: MethodChoice
    numbers: Mapping[str, float]
    replaced: Mapping[str, str] = field(default_factory=dict)
    basis: str = ""
    acting: tuple[str, ...] = ()
    prices: Mapping[str, float] = field(default_factory=dict)
    yearly_capital: float = math.nan
    discount_rate: float = math.nan
    gwp: Mapping[str, float] = field(default_factory=lambda: GWP[100])

    @cached_property
    def needs(self) -> Needs:
        """Needs of a gross tonne, of the place where the scenario says so; many ask for them."""
        return _worked_out(self)

    def price(self, resource: str) -> float:
        """Price of a resource [USD per its canonical unit]; of a model with its prices."""
        return self.prices[resource]

    def number(self, parameter: str, default: float = 0.0) -> float:
        """Parameter in its canonical unit; ``default`` where it does not apply."""
        return self.numbers.get(parameter, default)


def with_number(model: MethodModel, parameter: str, value: float) -> MethodModel:
    """The method with another value of a parameter, and what follows from its fuel."""
    return replace(model, numbers=with_fuel({**model.numbers, parameter: value}))


def method_file(name: str, choice: MethodChoice) -> Method:
    """The file of a method, as its keys in a scenario name it: one's own, or the library's."""
    return load_method(name) if choice.library is None else load_method_file(choice.library)


def method_model(name: str, scenario: Scenario) -> MethodModel:
    """Resolve a method of the scenario against the library.

    Raises
    ------
    ConfigError
        Unknown profile or parameter, an override of the wrong dimension, a negative need, energy
        land twice (rule 6), or a climate dependence that the library does not have.
    """
    choice = scenario.methods[name]
    method = method_file(name, choice)
    if choice.profile is not None and choice.profile not in method.profiles:
        raise unknown_name(
            "profile", choice.profile, list(method.profiles), where=f"methods.{name}.profile"
        )
    profile = method.profile(choice.profile)
    base_year = scenario.costs.base_year
    numbers = {p: profile.number(p, base_year) for p in profile.values}
    replaced = {}
    basis, learned = cost_basis(name, method, profile, scenario)
    if "capex" in choice.override:
        basis = ""
    plain = MethodModel(name, method, profile, choice, numbers)
    for parameter, (number, key) in (learned | _of_the_study(scenario, plain)).items():
        if parameter in numbers or parameter not in ONLY_WHERE_KNOWN:
            numbers[parameter] = number
            replaced[parameter] = f"{number:.10g} {PARAMETERS[parameter].unit} ({key})"
    for parameter, value in choice.override.items():
        # a negative need has a meaning only where the method supplies the resource by nature
        supplied = numbers.get(parameter, 0.0) < 0
        numbers[parameter] = _override(name, parameter, value, base_year, negative=supplied)
        replaced[parameter] = str(value)
    where = f"methods.{name}"
    path = scenario.milestones
    share = 1.0 if path is None else path.last(path.cost.get(name))
    if share != 1.0:
        numbers["capex"] = numbers.get("capex", 0.0) * share
        replaced["capex"] = f"{numbers['capex']:.10g} USD/(t/yr) (milestones.cost.{name})"
    _refuse_twice(numbers, replaced, where)
    numbers = with_fuel(numbers)
    gwp = GWP[scenario.accounting.gwp]
    model = MethodModel(name, method, profile, choice, numbers, replaced, basis, gwp=gwp)
    _refuse_unknown(where, numbers)
    given = {p: f"{where}.override.{p}" if p in choice.override else where for p in numbers}
    refuse_impossible(numbers, given)
    model = replace(model, acting=fitting(model, where))
    for one in RESOURCES.values():
        need = sum(numbers.get(name, 0.0) for name in one.needs)
        if one.own_price and need and one.own_price not in numbers:
            raise ConfigError(
                f"no price for the {one.name} of this method",
                where=where,
                got=f"{need:g} {one.need_unit} and no {one.own_price}",
                cure=f"give costs.prices.{one.name}, or {one.own_price} in the method's file",
                rule=7,
            )
    return model


def _refuse_twice(numbers: Mapping[str, float], replaced: Mapping[str, str], where: str) -> None:
    """Refuse an override of what follows from the fuel (rule 6)."""
    twice = [name for name in FROM_FUEL if name in replaced and "fuel_co2" in numbers]
    if twice:
        raise ConfigError(
            "it follows from the fuel",
            where=f"{where}.override.{twice[0]}",
            got=replaced[twice[0]],
            cure="override heat, fuel_co2 or fuel_co2_captured instead",
            rule=6,
        )


def _of_the_study(scenario: Scenario, model: MethodModel) -> dict[str, tuple[float, str]]:
    """Parameters that a key outside the method's override replaces -> number, key."""
    heat = scenario.resources.heat
    given = given_by_keys(model.choice) | {
        "accounting_years": (scenario.accounting.forest_years, "accounting.forest_years"),
        "buffer": (scenario.accounting.buffer, "accounting.buffer"),
        **{
            one.own_price: price_of_kind(one.name, model, scenario)
            for one in RESOURCES.values()
            if one.own_price
        },
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


def parsed_value(value: float | str, unit: str, base_year: int, where: str) -> float:
    """A number, or text with a unit, in the canonical unit of a parameter or a price.

    Raises
    ------
    ConfigError
        Another dimension, or no number; ``where`` is the key.
    """
    factor = 1.0
    try:
        if isinstance(value, str) and "USD" in unit:
            value, factor = to_base_year(value, base_year)
        return parse_quantity(value, unit, per=_PER.get(unit, ("t",))) * factor
    except ValueError as error:
        raise ConfigError(str(error), where=where) from error


def _override(
    method: str, parameter: str, value: float | str, base_year: int, *, negative: bool
) -> float:
    where = f"methods.{method}.override.{parameter}"
    if parameter not in PARAMETERS:
        raise unknown_name("parameter", parameter, sorted(PARAMETERS), where=where)
    known = PARAMETERS[parameter]
    number = parsed_value(value, known.unit, base_year, where)
    if number < 0 and not negative:
        raise ConfigError(
            "a need cannot be negative",
            where=where,
            got=repr(value),
            expected=f"{known.unit}, 0 or more",
        )
    return number


def _worked_out(model: MethodModel) -> Needs:
    """Needs of a method; see :attr:`MethodModel.needs`."""
    need = {one.name: sum(model.number(need) for need in one.needs) for one in RESOURCES.values()}
    pumps = model.profile.heat_source == "heat-pump" and not model.number("heat")
    plain = Needs(
        taken={name: const(max(amount, 0.0)) for name, amount in need.items()},
        supplied={name: const(-amount) for name, amount in need.items() if amount < 0.0},
        pumped=const(model.number("heat_pumped") if pumps else 0.0),
        grown=const(model.number("land_feedstock")),
        # a crop grown on own land is not taken from the residues as well (rule 6)
        own={"biomass": 1.0} if model.number("land_feedstock") > 0 else {},
    )
    needs = _with_fuel_of(model, at_the_place(model, plain))
    if model.method.ledger_class != "avoided":
        return needs
    # whatever its file says that it takes up, no plan of removal takes its tonnes (rule 5)
    return replace(needs, place_emissions=needs.place_emissions + const(NO_GAIN))


def _with_fuel_of(model: MethodModel, needs: Needs) -> Needs:
    """Needs whose storage follows from the fuel, whatever the place makes of the heat (rule 5)."""
    if "fuel_co2" not in model.numbers:
        return replace(needs, fossil=const(model.number("fossil_co_captured")))
    captured = model.number("fuel_co2_captured", 1.0)
    along = needs.taken["heat"] * fuel_captured(1.0, model.number("fuel_co2"), captured)
    return replace(needs.but("storage", along + 1.0), fossil=along)


def plant_costs(model: MethodModel) -> PlantCosts:
    """What owning and running the method's plant costs."""
    plant = PlantCosts.from_delivered(
        model.number("capex"),
        model.number("lifetime", 25.0),
        capacity_factor=model.number("capacity_factor", 1.0),
        stated_at=model.profile.number("capacity_factor", default=1.0),
        fixed_om=model.number("fixed_om"),
        variable_om=model.number("variable_om"),
    )
    return replace(
        plant,
        heat_pump=model.number("heat_pump_capex"),
        heat_pump_lifetime=model.number("heat_pump_lifetime", 20.0),
    )


def prices_paid(model: MethodModel, scenario: Scenario) -> dict[str, float]:
    """What the method pays for the resources, at the last milestone of several."""
    common, path = scenario.costs.prices, scenario.milestones
    own = {one.name: model.number(one.own_price) for one in RESOURCES.values() if one.own_price}
    prices = {n: own.get(n, common.of(n)) for n, one in RESOURCES.items() if one.price}
    dated = {} if path is None else path.prices
    return prices | {n: prices[n] * path.last(dated[n]) for n in dated if path is not None}


def priced(model: MethodModel, scenario: Scenario) -> MethodModel:
    """The method with what its resources and its plant cost, for choices by cost at a place."""
    rate = scenario.costs.discount_rate
    yearly = plant_costs(model).yearly_costs(rate)
    prices = prices_paid(model, scenario)
    return replace(model, prices=prices, yearly_capital=yearly, discount_rate=rate)

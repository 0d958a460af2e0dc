"""Every uncertain number of a scenario, and the scenario with other values of some of them.

A number is known by the key that would give it in a scenario, so that a value of it can be asked
for again: ``methods.daccs-solid.override.capex``, ``costs.discount_rate``,
``resources.water.factor``.
Its range is that of the record of the library that it comes from; what a scenario gives has none
(rule 10). Numbers that follow from others (what a fuel sends to the store) are none of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cdrsite.config.competition import RULE_UNITS
from cdrsite.config.resources import Bulk, Energy
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.library.fuel import FROM_FUEL
from cdrsite.library.parameters import PARAMETERS
from cdrsite.methods.basis import cost_basis
from cdrsite.methods.model import INFORMATIVE, method_model, with_number
from cdrsite.place.registry import given_by_keys

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario
    from cdrsite.methods.model import MethodModel

SCENARIO = "scenario"
"""Source of what the scenario says, or leaves to its default."""

OF_METHODS = ("costs", "accounting", "resources.heat")
"""Parts of a scenario from which numbers of methods follow."""


@dataclass(frozen=True)
class UncertainNumber:
    """One number that another value could be put in for.

    Attributes
    ----------
    path : str
        Key of a scenario that gives it.
    unit : str
        Canonical unit (rule 4).
    value : float
        [unit].
    low, high : float or None
        Ends of what its source says [unit]; None where it says none.
    source : str
        Of the library, or :data:`SCENARIO`.
    method, parameter : str
        Whose parameter it is; empty for numbers of the study.
    """

    path: str
    unit: str
    value: float
    low: float | None = None
    high: float | None = None
    source: str = SCENARIO
    method: str = ""
    parameter: str = ""


@dataclass(frozen=True)
class StudyNumbers:
    """A scenario and its methods, with values of uncertain numbers.

    Attributes
    ----------
    scenario : Scenario
        What is asked.
    models : mapping of str to MethodModel
        Its methods.
    """

    scenario: Scenario
    models: Mapping[str, MethodModel]

    def listed(self, methods: Iterable[str] | None = None) -> tuple[UncertainNumber, ...]:
        """Every uncertain number: those of some methods (all when not given), then the study's."""
        wanted = self.models if methods is None else set(methods)
        found = [
            one
            for name, model in self.models.items()
            if name in wanted
            for one in _of_method(model, self.scenario)
        ]
        return (*found, *_of_study(self.scenario))

    def with_values(self, values: Mapping[str, float | str]) -> StudyNumbers:
        """The same with other values of some numbers, by path; of switches, other names.

        Raises
        ------
        ConfigError
            If the formulae do not accept a value: a share above 1, a negative cost.
        KeyError
            If a path is none of a number or switch of this study.
        """
        scenario, own = self.scenario, dict[str, dict[str, float]]()
        again, chosen = set[str](), dict[str, str]()
        for path, value in values.items():
            parts = path.split(".")
            if parts[0] != "methods":
                scenario = _updated(scenario, parts, value)
                if path.startswith(OF_METHODS):
                    again.update(self.models)
                continue
            name = parts[1]
            if parts[2:] == ["profile"]:
                chosen[name] = str(value)
                again.add(name)
            else:
                own.setdefault(name, {})[self._parameter(name, parts[-1])] = float(value)
        for name, profile in chosen.items():
            scenario = _updated(scenario, ["methods", name, "profile"], profile)
        models = dict(self.models)
        for name in again:  # what the study gives may be theirs
            kept = {p: v for p, v in self._put_in(name).items() if name not in chosen}
            models[name] = _with_all(method_model(name, scenario), kept)
        for name, numbers in own.items():
            models[name] = _with_all(models[name], numbers)
        return StudyNumbers(scenario, models)

    def _parameter(self, method: str, key: str) -> str:
        """Parameter that a key of a method gives."""
        keyed = {at.split(".")[-1]: p for p, at in _keyed(self.models[method]).items()}
        parameter = keyed.get(key, key)
        if parameter not in self.models[method].numbers:
            raise KeyError(f"methods.{method}.{key}")
        return parameter

    def _put_in(self, method: str) -> dict[str, float]:
        """Numbers of a method that were put in: others than its scenario gives."""
        plain, mine = method_model(method, self.scenario).numbers, self.models[method].numbers
        return {
            name: number
            for name, number in mine.items()
            if name not in FROM_FUEL and not _same(plain.get(name, math.nan), number)
        }


def _same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


def _with_all(model: MethodModel, numbers: Mapping[str, float]) -> MethodModel:
    for parameter, value in numbers.items():
        model = with_number(model, parameter, value)
    return model


def _updated(value: Any, path: list[str], new: Any) -> Any:
    """A model, mapping or tuple with one leaf replaced."""
    if not path:
        return new
    head, rest = path[0], path[1:]
    if isinstance(value, tuple):
        at = int(head)
        return (*value[:at], _updated(value[at], rest, new), *value[at + 1 :])
    if isinstance(value, Mapping):
        return {**value, head: _updated(value[head], rest, new)}
    if head not in type(value).model_fields:
        raise KeyError(head)
    return value.model_copy(update={head: _updated(getattr(value, head), rest, new)})


def _keyed(model: MethodModel) -> dict[str, str]:
    """Parameters that a key under the method gives, beside `override` -> that key."""
    given = given_by_keys(model.choice)
    return {name: key for name, (value, key) in given.items() if value is not None}


def known_ends(
    model: MethodModel, scenario: Scenario
) -> dict[str, tuple[float | None, float | None]]:
    """Range of each number of a method whose source gives one, in its canonical unit.

    What the scenario replaces has none, but for costs of another basis: these keep the relative
    range of the record.
    """
    base_year, learned, found = scenario.costs.base_year, _learned(model, scenario), {}
    for parameter, number in model.numbers.items():
        record = model.profile.get(parameter)
        if record is None or (parameter in model.replaced and parameter not in learned):
            continue
        factor = record.scale(PARAMETERS[parameter].unit, base_year)
        if parameter in model.replaced:
            factor = number / record.value if record.value else 0.0
        low, high = (
            None if end is None or not factor else end * factor for end in (record.low, record.high)
        )
        if low is not None or high is not None:
            found[parameter] = low, high
    return found


def _learned(model: MethodModel, scenario: Scenario) -> set[str]:
    """Costs of another basis than the record's."""
    if model.name not in scenario.methods or not model.basis:
        return set()
    return set(cost_basis(model.name, model.method, model.profile, scenario)[1])


def _of_method(model: MethodModel, scenario: Scenario) -> Iterator[UncertainNumber]:
    """Numbers of a method, but those that follow from its fuel or that the study gives."""
    ends, learned, keyed = known_ends(model, scenario), _learned(model, scenario), _keyed(model)
    own = {*model.choice.override, *keyed, *learned}
    fuel = FROM_FUEL if "fuel_co2" in model.numbers else ()
    for name, number in model.numbers.items():
        given = name in model.replaced
        if name in INFORMATIVE or name in fuel or math.isnan(number) or (given and name not in own):
            continue
        record = model.profile.get(name)
        low, high = ends.get(name, (None, None))
        if number == 0.0 and not given and not (low or high):
            continue  # of its kind: counted elsewhere, or no part of the method
        yield UncertainNumber(
            f"methods.{model.name}.{keyed.get(name, f'override.{name}')}",
            PARAMETERS[name].unit,
            number,
            low,
            high,
            record.source if record is not None and (not given or name in learned) else SCENARIO,
            model.name,
            name,
        )


def _of_study(scenario: Scenario) -> Iterator[UncertainNumber]:
    """Numbers of the study: money, supplies, transport, what is asked for."""

    def number(path: str, unit: str, value: Any) -> Iterator[UncertainNumber]:
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield UncertainNumber(path, unit, float(value))

    costs, transport = scenario.costs, scenario.transport
    yield from number("costs.discount_rate", "1/yr", costs.discount_rate)
    for one in RESOURCES.values():
        if one.price:
            price = getattr(costs.prices, one.name)
            yield from number(f"costs.prices.{one.name}", one.price[0], price)
    for key in ("forest_years", "buffer"):
        unit = "yr" if key == "forest_years" else "1"
        yield from number(f"accounting.{key}", unit, getattr(scenario.accounting, key))
    yield from number("transport.cost", "USD/t", transport.cost)
    yield from number("transport.leakage", "1", transport.leakage)
    yield from _of_resources(scenario)
    goal = scenario.objective
    yield from number("objective.target", "t/yr", goal.target)
    yield from number("objective.budget", "USD/yr", goal.budget)
    for i, credit in enumerate(goal.credits):
        yield from number(f"objective.credits.{i}.amount", "USD/t", credit.amount)
    for i, rule in enumerate(scenario.policies):
        for key in ("at_most", "at_least"):
            at = f"policies.{i}.{key}"
            yield from number(at, RULE_UNITS[rule.count], getattr(rule, key))


def _of_resources(scenario: Scenario) -> Iterator[UncertainNumber]:
    """Numbers by which a scenario says what there is."""
    resources = scenario.resources
    land, storage, power = resources.land, resources.storage, resources.power
    found: dict[str, tuple[str, Any]] = {"land.factor": ("1", land.factor)}
    if isinstance(land.usable, float | int):
        found["land.usable"] = "1", float(land.usable)
    for one in RESOURCES.values():
        if one.kind in {"land", "storage"}:
            continue
        model, key = resources.supplies[one.name], one.parameter
        if model.unlimited or key not in resources.model_fields_set:
            continue
        found[f"{key}.factor"] = "1", model.factor
        if isinstance(model, Energy):
            found[f"{key}.capacity_factor"] = "1", model.capacity_factor
        if isinstance(model, Bulk):
            found[f"{key}.collectable"] = "1", model.collectable
    if "power" in resources.model_fields_set:
        found |= {"power.intensity": ("kg/kWh", power.intensity), "power.firm": ("1", power.firm)}
    heat = resources.heat
    found["heat.intensity"] = (
        "kg/kWh",
        heat.intensity if "intensity" in heat.model_fields_set else None,
    )
    if storage.units is not None:
        found |= {"storage.factor": ("1", storage.factor), "storage.years": ("yr", storage.years)}
    if "storage" in resources.model_fields_set:
        found["storage.cost"] = "USD/t", storage.cost
    for key, (unit, value) in found.items():
        if isinstance(value, float):
            yield UncertainNumber(f"resources.{key}", unit, value)

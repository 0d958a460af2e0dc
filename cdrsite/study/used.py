"""Which values of the library, and which prices, the numbers of a run rest on.

A report that lists a value as an assumption says that the answer depends on it. That is found by
trying: a value is used where another one would give another formula, another layer or another
number in the tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from cdrsite.core.errors import CdrsiteError
from cdrsite.methods.model import method_plan
from cdrsite.methods.rivals import rival_sums
from cdrsite.place.registry import place_numbers
from cdrsite.result.study_result import Used
from cdrsite.study.prepare import ingredients

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario
    from cdrsite.methods.model import Ingredients, MethodModel
    from cdrsite.study.prepare import Setting

IN_TABLES = ("buffer", "reversal_hazard")
"""Parameters that the table of methods reads."""
IN_COMPETITION = ("land_exclusive_fraction",)
"""Parameters that the competition reads beside the formulae."""


def what_is_used(setting: Setting) -> Used:
    """What the numbers of a run rest on, found by trying other values."""
    return Used(used_parameters(setting), used_prices(setting))


def used_parameters(setting: Setting) -> dict[str, frozenset[str]]:
    """Parameters that the numbers of each method rest on.

    Parameters
    ----------
    setting : Setting
        Of the run.

    Returns
    -------
    dict
        Method -> names of parameters.
    """
    given = ingredients(setting.scenario, setting.storage)
    return {
        name: frozenset(_moving(model, setting.scenario, given))
        for name, model in setting.models.items()
    }


def used_prices(setting: Setting) -> frozenset[str]:
    """Prices of ``costs.prices`` that the cost of any method rests on."""
    given = ingredients(setting.scenario, setting.storage)
    scenario = setting.scenario
    moving = set()
    for name in type(scenario.costs.prices).model_fields:
        price = getattr(scenario.costs.prices, name)
        if price is None:
            continue
        prices = scenario.costs.prices.model_copy(update={name: price + 1.0})
        costs = scenario.costs.model_copy(update={"prices": prices})
        other = scenario.model_copy(update={"costs": costs})
        for model in setting.models.values():
            if name == "biomass":  # it is the method's own price by now
                if "biomass_price" in _moving(model, scenario, given):
                    moving.add(name)
            elif _formulae(model, other, given) != _formulae(model, scenario, given):
                moving.add(name)
    if setting.storage is not None:
        moving.add("electricity")  # of pumps and compressors
    return frozenset(moving)


def _moving(model: MethodModel, scenario: Scenario, given: Ingredients) -> Iterator[str]:
    """Parameters of a method that move anything."""
    plain = _formulae(model, scenario, given)
    always = {*IN_TABLES, *IN_COMPETITION, *_sizes(model, scenario)}
    for name in model.numbers:
        others = [
            _differs(replace(model, numbers={**model.numbers, name: other}), scenario, given, plain)
            for other in _others(model.numbers[name])
        ]
        # what takes no other value at all is read too
        if name in always or True in others or set(others) == {None}:
            yield name


def _others(number: float) -> tuple[float, float]:
    """Other values: one may be out of bounds, or round to the same number of years."""
    return 0.5 * number + 0.01, 2.0 * number + 1.0


def _differs(
    model: MethodModel, scenario: Scenario, given: Ingredients, plain: tuple[object, ...]
) -> bool | None:
    """Whether the formulae are others; None where the value is beyond what they accept."""
    try:
        return _formulae(model, scenario, given) != plain
    except CdrsiteError:
        return None


def _formulae(model: MethodModel, scenario: Scenario, given: Ingredients) -> tuple[object, ...]:
    """All that is computed with a method's numbers, before there is a place."""
    plan = method_plan(model, scenario, given, "", 0, None)
    return plan, rival_sums(model, scenario, given), place_numbers(model)


def _sizes(model: MethodModel, scenario: Scenario) -> Mapping[str, float]:
    """Sizes of plants that the network plan takes from the library."""
    network = scenario.network
    own = network.plants.get(model.name)
    if not network.plan or model.number("storage") <= 0:
        return {}
    found = {}
    if own is None or own.least is None:
        found["plant_min"] = model.number("plant_min")
    if own is None or own.most is None:
        found["plant_max"] = model.number("plant_max")
    return found

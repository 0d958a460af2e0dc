"""Which values of the library, and which prices, the numbers of a run rest on.

A report that lists a value as an assumption says that the answer depends on it. That is found by
trying: a value is used where another one would give another formula, another layer or another
number in the tables.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from cdrsite.core.errors import CdrsiteError
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.methods.formulae import ingredients, method_plan
from cdrsite.methods.injection import emits
from cdrsite.methods.model import priced, with_number
from cdrsite.place.registry import place_numbers
from cdrsite.result.study_result import Used
from cdrsite.sampling.numbers import known_ends

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario
    from cdrsite.methods.formulae import Ingredients
    from cdrsite.methods.model import MethodModel
    from cdrsite.study.formed import FormedSums
    from cdrsite.study.prepare import Setting

IN_TABLES = ("buffer", "durability", "half_life", "reversal_hazard")
"""Parameters that the table of methods reads."""
IN_COMPETITION = ("land_exclusive_fraction",)
"""Parameters that the competition reads beside the formulae."""


def what_is_used(setting: Setting, formed: FormedSums) -> Used:
    """What the numbers of a run rest on, found by trying other values.

    Parameters
    ----------
    setting : Setting
        Of the run.
    formed : FormedSums
        Sums that others have tried.

    Returns
    -------
    Used
        Parameters of each method, and prices of ``costs.prices``.
    """
    given = ingredients(
        setting.scenario, routed=setting.storage is not None, injecting=emits(setting.injection)
    )
    plain = {
        name: tuple(_formulae(model, setting.scenario, given, formed))
        for name, model in setting.models.items()
    }
    scenario = setting.scenario
    parameters = {
        name: formed.tried(
            "moving", partial(_moving, model, scenario, given, plain[name], formed),
            model, scenario, given,
        )
        for name, model in setting.models.items()
    }  # fmt: skip
    prices = set(_moving_prices(setting, given, plain, formed))
    for one in RESOURCES.values():  # a price of the study is the methods' own by now
        price = getattr(setting.scenario.costs.prices, one.name, None)
        if price is not None and any(one.own_price in names for names in parameters.values()):
            prices.add(one.name)
    if setting.storage is not None:
        prices.add("electricity")  # of pumps and compressors
        needed = setting.storage.needs
        prices |= {name for name in needed if RESOURCES[name].price is not None}
    return Used(parameters, frozenset(prices))


def _moving_prices(
    setting: Setting,
    given: Ingredients,
    plain: Mapping[str, tuple[object, ...]],
    formed: FormedSums,
) -> Iterator[str]:
    """Prices that the cost of any method rests on, but for those that each has of its own."""
    scenario = setting.scenario
    for name in type(scenario.costs.prices).model_fields:
        price = getattr(scenario.costs.prices, name)
        if price is None or RESOURCES[name].own_price:
            continue
        prices = scenario.costs.prices.model_copy(update={name: price + 1.0})
        costs = scenario.costs.model_copy(update={"prices": prices})
        other = scenario.model_copy(update={"costs": costs})
        if any(
            _differ(_formulae(m, other, given, formed), plain[m.name])
            for m in setting.models.values()
        ):
            yield name


def _moving(
    model: MethodModel,
    scenario: Scenario,
    given: Ingredients,
    plain: tuple[object, ...],
    formed: FormedSums,
) -> frozenset[str]:
    """Parameters of a method that move anything."""
    always = {*IN_TABLES, *IN_COMPETITION, *_sizes(model, scenario)}
    found = set(
        moving(
            model,
            lambda other: _formulae(other, scenario, given, formed),
            plain,
            known_ends(model, scenario),
            always,
        )
    )
    return frozenset(name for name in model.numbers if name in found or name in always)


def moving(
    model: MethodModel,
    formulae: Callable[[MethodModel], Iterable[object]],
    plain: tuple[object, ...],
    ends: Mapping[str, tuple[float | None, float | None]],
    but: Container[str] = (),
) -> Iterator[str]:
    """Parameters of a method with other values of which its formulae are others.

    Parameters
    ----------
    model : MethodModel
        The method.
    formulae : callable
        Of a method, each with ``==``; they are formed up to the first that differs.
    plain : tuple
        Those of this method.
    ends : mapping
        Parameter -> ends of its range, which are tried first: others want their formulae too.
    but : container of str
        Parameters that are not tried.
    """
    read = _read(model, formulae)
    for name, number in model.numbers.items():
        tried: list[bool | None] = []
        # one may be out of bounds, or round to the same number of years
        known = [end for end in ends.get(name, ()) if end is not None and end != number]
        others = (*known, 0.5 * number + 0.01, 2.0 * number + 1.0)
        for other in others if name not in but else ():
            changed = with_number(model, name, other)
            looked_at = not read.isdisjoint(_differing(changed.numbers, model.numbers))
            tried.append(looked_at and _differs(changed, formulae, plain))
            if tried[-1]:
                break
        # what takes no other value at all is read too
        if True in tried or (tried and set(tried) <= {None}):
            yield name


class _Reads(Mapping[str, float]):
    """Numbers that know which of them were asked for; which there are never changes."""

    def __init__(self, numbers: Mapping[str, float]) -> None:
        self.numbers, self.names = numbers, set[str]()

    def __getitem__(self, name: str) -> float:
        self.names.add(name)
        return self.numbers[name]

    def __contains__(self, name: object) -> bool:
        return name in self.numbers

    def __iter__(self) -> Iterator[str]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)


def _read(model: MethodModel, formulae: Callable[[MethodModel], Iterable[object]]) -> set[str]:
    """Numbers that the formulae look at: another value of one that they do not moves nothing."""
    reads = _Reads(model.numbers)
    deque(formulae(replace(model, numbers=reads)), maxlen=0)
    return reads.names


def _differing(numbers: Mapping[str, float], others: Mapping[str, float]) -> Iterator[str]:
    """Names of numbers that are not the same: one that is varied, and what follows from it."""
    return (name for name, value in numbers.items() if value != others.get(name))


def _differs(
    model: MethodModel,
    formulae: Callable[[MethodModel], Iterable[object]],
    plain: tuple[object, ...],
) -> bool | None:
    """Whether the formulae are others; None where the value is beyond what they accept."""
    try:
        return _differ(formulae(model), plain)
    except CdrsiteError:
        return None


def _differ(formulae: Iterable[object], plain: tuple[object, ...]) -> bool:
    """Whether any formula is another one."""
    return any(one != its for one, its in zip(formulae, plain, strict=True))


def _formulae(
    model: MethodModel, scenario: Scenario, given: Ingredients, formed: FormedSums
) -> Iterator[object]:
    """All that is computed with a method's numbers, before there is a place."""
    yield formed.of(model, scenario, given)
    own = priced(model, scenario)
    yield place_numbers(own)
    yield own.needs.avoided
    yield method_plan(model, scenario, given, "", "", 0, None)


def _sizes(model: MethodModel, scenario: Scenario) -> Mapping[str, float]:
    """Sizes of plants that the network plan takes from the library."""
    network = scenario.network
    own = network.plants.get(model.name)
    if not network.plan or model.number("storage") <= 0:
        return {}
    sizes = {}
    if own is None or own.least is None:
        sizes["plant_min"] = model.number("plant_min")
    if own is None or own.most is None:
        sizes["plant_max"] = model.number("plant_max")
    return sizes

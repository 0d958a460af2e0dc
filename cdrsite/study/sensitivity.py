"""By how much the plan's value moves with every uncertain number, from the plan itself.

One pass over the plan adds up what its tonnes are worth (:mod:`cdrsite.sampling.derivatives`); a
number then costs no more than writing the formulae of its method down twice. Costs of routes follow
the annuity and the price of power (:mod:`cdrsite.transport.fares`); the routes stay.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cdrsite.core.errors import CdrsiteError, CdrsiteWarning
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.engine.stages import stage
from cdrsite.methods.credits import earnings_of
from cdrsite.methods.formulae import waiting_layer
from cdrsite.methods.net import KG_PER_T
from cdrsite.pathway.view import LastMilestone
from cdrsite.sampling.coefficients import Coefficients, Maker
from cdrsite.sampling.derivatives import (
    Envelope,
    PlanPrices,
    products_of,
)
from cdrsite.sampling.numbers import StudyNumbers, UncertainNumber
from cdrsite.study.cells import score
from cdrsite.study.compete import compete, lay_out
from cdrsite.study.course import rows_of_one
from cdrsite.study.exclude import exclude
from cdrsite.study.goal import part_of, policy_rows, zone_names
from cdrsite.study.offers import Offers, spread_areas
from cdrsite.study.plan_sums import Placed, SumBlock
from cdrsite.study.prepare import (
    Setting,
    formulae,
    injected,
    open_layers,
    pools_of,
    read_criteria,
    read_lands,
    read_rules,
    resolve_methods,
    storage_of,
)
from cdrsite.study.routes import fares_in, haul_sheds, link_storage
from cdrsite.study.standingground import standing_plants

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.competition.blockcells import BlockCells
    from cdrsite.competition.solution import Solution
    from cdrsite.config.models import Scenario
    from cdrsite.engine.passes import Workspace
    from cdrsite.study.formed import FormedSums
    from cdrsite.study.problem import Allocation

    F64 = NDArray[np.float64]

SENSITIVITY_COLUMNS = (
    "parameter", "unit", "value", "low", "high", "source", "slope", "elasticity", "effect_low",
    "effect_high", "effect_unit", "effect_from", "unique", "slope_left", "slope_right",
)  # fmt: skip
"""Columns of the table; what moves the plan most comes first."""

STEP, PLACE_STEP = 1e-6, 3e-3
"""Step of a number, as a share of it, to one side; and to both of one that makes layers, which are
float32 [1]."""

WHOLE_YEARS = ("accounting_years", "permanence_years", "forest_years")
"""Years that a stock is counted by as whole ones: their step is a year."""
SUPPLY_KEYS = ("factor", "capacity_factor", "collectable", "years")
"""Keys of a resource that say how much there is of it."""


@dataclass(frozen=True)
class Ends:
    """Coefficients with one number a little higher and a little lower.

    Attributes
    ----------
    number : UncertainNumber
        Which.
    high, low : Coefficients
        With it a little higher, or as it is where it cannot be; and lower.
    distance : float
        Between the two [unit].
    placed : tuple of str
        Methods whose own layers are others.
    """

    number: UncertainNumber
    high: Coefficients
    low: Coefficients
    distance: float
    placed: tuple[str, ...]


@stage(
    "sensitivity",
    reads=(
        *("methods", "costs", "transport", "resources", "objective", "policies"),
        *("accounting.forest_years", "accounting.buffer", "accounting.gwp"),
        *("network.plants", "siting.combine", "milestones"),
    ),
    after=(
        *(open_layers, resolve_methods, read_rules, read_lands, read_criteria, pools_of),
        *(storage_of, injected, formulae, exclude, link_storage, spread_areas, haul_sheds),
        *(score, compete),
        *(lay_out, standing_plants),
    ),
)
def sensitivities(
    setting: Setting,
    offers: Offers,
    allocation: Allocation,
    cells: BlockCells,
    space: Workspace,
    formed: FormedSums,
) -> pd.DataFrame:
    """How the plan's value moves with every uncertain number.

    Parameters
    ----------
    setting : Setting
        Of the study.
    offers : Offers
        Pools, and the routes to storage.
    allocation : Allocation
        The plan with its prices.
    cells : BlockCells
        The cells that compete.
    space : Workspace
        With what the exclusions leave.
    formed : FormedSums
        Keeps what is formed for others who try the numbers.

    Returns
    -------
    DataFrame
        :data:`SENSITIVITY_COLUMNS`; no rows for a plan over milestones, whose years have prices of
        their own, of durable tonnes, which methods' own numbers weigh, and beside emitters or
        plants that stand, which the same numbers move, and of plants that run by season, whose
        tonnes pay for capacity as it is used.
    """
    path = setting.scenario.milestones
    durable = path is not None and path.targets.durable is not None
    solution = allocation.solution
    beside = solution.problem.captures is not None or setting.standing is not None
    beside = beside or bool(solution.problem.seasonal)
    if isinstance(solution, LastMilestone) or durable or beside:
        return pd.DataFrame(columns=SENSITIVITY_COLUMNS)
    numbers = StudyNumbers(setting.scenario, setting.models)
    used = _used(solution)
    maker = _maker(setting, used, formed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)  # said of the numbers as they are
        base = maker(numbers)
        ends = list(_both_ends(maker, numbers, base))
    placed = tuple(
        Placed(method, at.models[method], at.places[method], at)
        for one in ends
        for method in one.placed
        for at in (one.high, one.low)
    )
    keys = products_of([base, *(at for one in ends for at in (one.high, one.low))])
    prices = PlanPrices(solution)
    blocks = {block: i for i, block in enumerate(setting.blocks)}
    task = SumBlock(setting, offers, prices, cells, blocks, keys, placed, space.scratch)
    parts = (part for _, part in space.each("sensitivity", task, setting.blocks))
    envelope = Envelope(prices, base, keys, reduce(add, parts, task.nothing()))
    slopes = dict.fromkeys((one.path for one in numbers.listed()), 0.0) | _slopes(ends, envelope)
    return _table(numbers.listed(), slopes, envelope, allocation)


def _used(solution: Solution) -> tuple[str, ...]:
    """Methods that the plan has tonnes of."""
    gross = solution.totals.by_combo[:, :, 0].sum(axis=0)
    return tuple(
        name for name, x in zip(solution.problem.method_names, gross, strict=True) if x > 0
    )


def _maker(setting: Setting, methods: tuple[str, ...], formed: FormedSums) -> Maker:
    """What makes the coefficients of a study."""
    storage = setting.storage
    where = [
        None if one.region is None else part_of(one.region, setting.reader, "objective.credits")
        for one in setting.scenario.objective.credits
    ]
    zones = [
        () if rule.layer is None else zone_names(setting.reader, rule.layer, rule.zone_name)
        for rule in setting.scenario.policies
    ]
    return Maker(
        routed=storage is not None,
        rules=lambda scenario: (
            *rows_of_one(setting),
            *policy_rows(scenario.objective, scenario.policies, zones, tuple(setting.models)),
        ),
        earn=lambda scenario, models: earnings_of(scenario, models, storage, where),
        fares=lambda scenario: None if storage is None else fares_in(scenario),
        injecting=lambda scenario: _injecting(setting, scenario),
        methods=methods,
        form=formed.of,
    )


def _injecting(setting: Setting, scenario: Scenario) -> tuple[F64, F64] | None:
    """What units take where they lie, at the prices and the power's emissions of a scenario."""
    here, intensity = setting.injection, scenario.resources.power.intensity
    if here is None:
        return None
    cost = np.zeros(len(here.cost))
    for resource, need in here.needs.items():
        if RESOURCES[resource].price is not None:
            cost += need * scenario.costs.prices.of(resource)
    if isinstance(intensity, str):  # of the place, which no number of a scenario changes
        return cost, here.emissions
    used = here.needs.get("electricity", np.zeros(len(cost)))
    return cost, used * intensity / KG_PER_T


def _both_ends(maker: Maker, numbers: StudyNumbers, base: Coefficients) -> Iterator[Ends]:
    """Coefficients a little above and below each number that the plan may hang on."""
    for one in numbers.listed():
        if one.method and one.method not in maker.methods:
            continue  # nothing of it is in the plan, at the margin neither
        if (one.parameter or one.path.split(".")[-1]) in WHOLE_YEARS:
            share, sides = 1.0 / max(one.value, 1.0), 2
        else:
            share, sides = STEP, 1
        ends = _ends(maker, numbers, base, one, share, sides=sides)
        if ends is not None and ends.placed and sides == 1:
            ends = _ends(maker, numbers, base, one, PLACE_STEP, sides=2) or ends
        if ends is not None:
            yield ends


def _ends(
    maker: Maker,
    numbers: StudyNumbers,
    base: Coefficients,
    one: UncertainNumber,
    share: float,
    sides: int,
) -> Ends | None:
    """Both ends of a small step; one of them is the number as it is where the other is refused.

    ``sides``: 1 to try upwards, and downwards only where that is refused; 2 for both.
    """
    step = share * (abs(one.value) or one.high or 1.0)
    high = _at(maker, numbers, base, one, one.value + step)
    low = None
    if sides == 2 or high is None:
        low = _at(maker, numbers, base, one, one.value - step)
    if high is None and low is None:
        return None
    distance = step * ((high is not None) + (low is not None))
    high, low = high or base, low or base
    placed = tuple(name for name in maker.methods if _lies_elsewhere(name, high, low))
    return Ends(one, high, low, distance, placed)


def _lies_elsewhere(method: str, high: Coefficients, low: Coefficients) -> bool:
    """Whether a method's own layers are others: made of other numbers, or what waiting adds."""
    mine, other = high.sums[method], low.sums[method]
    waits = waiting_layer(method) in mine.cost.layers
    later = mine.net_factor != other.net_factor or mine.later != other.later
    return high.places[method] != low.places[method] or (waits and later)


def _at(
    maker: Maker, numbers: StudyNumbers, base: Coefficients, one: UncertainNumber, value: float
) -> Coefficients | None:
    """Coefficients with another value of a number; None where the formulae refuse it."""
    if value < 0.0 <= one.value:
        return None
    try:
        return maker(numbers.with_values({one.path: value}), base)
    except (CdrsiteError, ValueError):
        return None


def _slopes(ends: list[Ends], envelope: Envelope) -> dict[str, float]:
    """Slope of the plan's value by each number."""
    worth, found = iter(envelope.sums.placed.tolist()), {}
    for one in ends:
        change = envelope.change(one.high, one.low, one.placed)
        for _ in one.placed:
            change += next(worth) - next(worth)
        found[one.number.path] = change / one.distance
    return found


def _table(
    listed: tuple[UncertainNumber, ...],
    slopes: Mapping[str, float],
    envelope: Envelope,
    allocation: Allocation,
) -> pd.DataFrame:
    """A row for each number; that which moves the plan most over its range comes first."""
    goal, value = allocation.solution.objective, allocation.solution.report.value
    rows = []
    for one in listed:
        slope = goal.sign * slopes[one.path]
        elasticity = slope * one.value / (goal.sign * value) if value else math.nan
        low, high = (
            math.nan if end is None else slope * (end - one.value) for end in (one.low, one.high)
        )
        unique = _unique(one, envelope) and not (envelope.degenerate and slope != 0.0)
        side = slope if unique else math.nan
        rows.append(
            (one.path, one.unit, one.value, one.low, one.high, one.source, slope, elasticity, low,
             high, goal.unit, "slope", unique, side, side)
        )  # fmt: skip
    rows.sort(key=lambda row: (-_reach(row), -abs(row[7]) if row[7] == row[7] else 0.0))
    table = pd.DataFrame(rows, columns=list(SENSITIVITY_COLUMNS))
    numbers = ("value", "low", "high", *SENSITIVITY_COLUMNS[6:10], *SENSITIVITY_COLUMNS[-2:])
    return table.astype(dict.fromkeys(numbers, float))


def _unique(one: UncertainNumber, envelope: Envelope) -> bool:
    """Whether the slope is the only one: no plan or price that is as good has another."""
    parts, needs = one.path.split("."), {p: r.name for r in RESOURCES.values() for p in r.needs}
    if one.method:
        return envelope.firm[one.method] and envelope.settled.get(
            needs.get(one.parameter, ""), True
        )
    if parts[0] == "resources" and parts[-1] in SUPPLY_KEYS:
        known = {r.parameter: r.name for r in RESOURCES.values()}
        return envelope.settled.get(known[parts[1]], True)
    if parts[0] == "policies" or parts[-1] in ("target", "budget"):
        return envelope.settled.get("policy", True)
    return all(envelope.firm[name] for name in envelope.base.sums)


def _reach(row: tuple[Any, ...]) -> float:
    return max((abs(end) for end in row[8:10] if not math.isnan(end)), default=0.0)

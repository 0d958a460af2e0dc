"""What the plan is worth with one number at an end of what the scenario says of it, solved again.

A slope is a fair guide for near ends alone, and a choice between sources that disagree has none.
Where a scenario names what is uncertain, what moves the plan most is solved at its ends: each on
the thinned problem of the samples, beside the study's own numbers on the same cells, so that what
was thinned out cancels. What pools, stores or cells have in common stands at its ends together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtri

from cdrsite.core.vocabulary import INJECTIVITY, PORE_SPACE, RESOURCES
from cdrsite.sampling.derivatives import PlanPrices, supplied_by
from cdrsite.sampling.drawn import (
    LAYER,
    NUMBER,
    SUPPLY,
    SWITCH,
    UNIT,
    Draw,
    Ensemble,
    LayerDraw,
    SampledNumber,
)
from cdrsite.sampling.laws import WIDE, lognormal
from cdrsite.study.kinks import with_sides
from cdrsite.study.sampled import INJECTION, Cases, SampledStudy, ensemble_of
from cdrsite.study.sensitivity import sensitivities
from cdrsite.study.trials import NOTHING, OWN, Trials

if TYPE_CHECKING:
    from cdrsite.competition.blockcells import BlockCells
    from cdrsite.competition.solution import Solution
    from cdrsite.engine.passes import Workspace
    from cdrsite.study.formed import FormedSums
    from cdrsite.study.offers import Offers
    from cdrsite.study.prepare import Setting
    from cdrsite.study.problem import Allocation

MOST_SOLVED = 16
"""Most numbers that are solved at their ends, those that move the plan most; and most pools of a
resource whose errors have nothing in common. Choices are all solved."""
SEEN = 0.01
"""Share of the plan's value that a number with near ends moves before it is solved: a hundred times
what the thinned problem is exact to [1]."""
TAIL = 0.05
"""Chance to lie beyond either end that a law without ends is solved at [1]."""
SOLVED = "solved"
"""What the effects of a row come from, where not from its slope."""
NAN = math.nan
SIDES = ("slope_left", "slope_right")
"""Columns with the slopes to both sides."""


@dataclass(frozen=True)
class SolvedRow:
    """A row of the table that is solved.

    Attributes
    ----------
    path, unit, source : str
        As in the table.
    value, low, high : float
        Of the study, and at the ends; unknown of names [unit].
    draws : tuple of Draw
        What stands at the ends; of a choice, what each alternative is.
    slope : float
        Where the table has no such row yet.
    unique : bool
        Whether that is the only slope.
    """

    path: str
    unit: str
    source: str
    value: float
    low: float
    high: float
    draws: tuple[Draw, ...]
    slope: float = NAN
    unique: bool = True


def slopes_of(
    setting: Setting,
    offers: Offers,
    allocation: Allocation,
    cells: BlockCells,
    space: Workspace,
    formed: FormedSums,
    *,
    ends: bool,
) -> pd.DataFrame:
    """The table of slopes, with the ranges of the scenario where it names any.

    Parameters
    ----------
    setting, offers, allocation, cells, space
        Of the study and its plan.
    formed : FormedSums
        Keeps what is formed for others who try the numbers.
    ends : bool
        Solve what the scenario names as uncertain at its ends.

    Returns
    -------
    DataFrame
        As of :func:`cdrsite.study.sensitivity.sensitivities`, what moves the plan most first.
    """
    slopes = sensitivities(setting, offers, allocation, cells, space, formed)
    if slopes.empty:
        return slopes
    ensemble = (ensemble_of(setting) if ends else None) or NOTHING
    trials = Trials(setting, offers, space, ensemble)
    slopes = with_sides(slopes, trials)
    if not (ensemble.dimensions or ensemble.fields):
        return slopes
    return _with_ends(trials, allocation, slopes)


def _with_ends(trials: Trials, allocation: Allocation, slopes: pd.DataFrame) -> pd.DataFrame:
    ensemble, study = trials.ensemble, trials.study
    table = slopes.set_index("parameter")
    drawn = {one.path: one for one in ensemble.dimensions if one.kind in {NUMBER, SWITCH}}
    for path, one in drawn.items():
        if path in table.index:
            _put_range(table, one)
    bars = [
        *_bars_of_numbers(table, drawn, abs(allocation.solution.report.value)),
        *_bars_of_supplies(study, table, allocation.solution),
        *_bars_of_storage(study, allocation.solution),
        *_bars_of_layers(study),
    ]
    worth = allocation.solution.objective.sign * allocation.solution.report.value
    if bars:
        plain = trials.value(OWN)
        for bar in bars:
            effects = [trials.value(draw) - plain for draw in bar.draws]
            _put_effects(table, bar, effects, worth)
    reach = _reach(table)
    order = np.lexsort((-table["elasticity"].abs().fillna(0.0), -reach))
    return table.iloc[order].reset_index()[list(slopes.columns)].astype(dict(slopes.dtypes))


def _reach(table: pd.DataFrame) -> pd.Series:
    """How far each number moves the plan, to the side where it moves it more."""
    return table[["effect_low", "effect_high"]].abs().max(axis=1).fillna(0.0)


# --------------------------------------------------------------------- what is solved


def _bars_of_numbers(
    table: pd.DataFrame, drawn: Mapping[str, SampledNumber], value: float
) -> Iterator[SolvedRow]:
    """Numbers that move the plan most, where a slope may be wrong, and all choices."""
    reach = _reach(table)
    asked = [
        path
        for path, one in drawn.items()
        if one.kind == NUMBER and path in reach.index and reach[path] > 0.0
        if _is_wide(one) or reach[path] >= SEEN * value
    ]
    asked = sorted(asked, key=lambda path: -reach[path])[:MOST_SOLVED]
    asked += [path for path, one in drawn.items() if one.kind == SWITCH]
    for path in asked:
        one = drawn[path]
        named = any(isinstance(option, str) for option in one.options)
        values = one.options if named else one.ends
        own = NAN if isinstance(one.value, str) else one.value
        names = ", ".join(map(str, one.options))
        source = f"{one.source}: {names}" if path not in reach.index else one.source
        draws = tuple(Draw(-1, {path: each}) for each in values)
        yield SolvedRow(path, one.unit, source, own, *one.ends, draws)


def _is_wide(one: SampledNumber) -> bool:
    low, high = one.ends
    return not high < WIDE * low


def _ends_of(one: SampledNumber) -> tuple[float, float]:
    """Ends of a law; where it has none, what it exceeds, or not, with the chance :data:`TAIL`."""
    assert one.law is not None  # noqa: S101 - supplies have one
    low, high = one.ends
    if not (math.isfinite(high) and low > 0.0):
        low, high = one.law.at(np.array([TAIL, 1.0 - TAIL])).tolist()
    return low, high


def _bars_of_supplies(
    study: SampledStudy, table: pd.DataFrame, plan: Solution
) -> Iterator[SolvedRow]:
    """All pools of a resource at an end where they have an error in common, else each alone."""
    by_name: dict[str, list[SampledNumber]] = {}
    for one in study.ensemble.dimensions:
        if one.kind == SUPPLY:
            by_name.setdefault(one.group.removeprefix("supplies."), []).append(one)
    common = _in_common(study.ensemble)
    for key, pools in by_name.items():
        worth = _worth(key, table, plan)
        source, ends = pools[0].source, _ends_of(pools[0])
        unique = bool(table["unique"].get(f"resources.{key}.factor", default=True))
        together = len(pools) == 1 or pools[0].group in common
        if together:
            draws = tuple(Draw(-1, {}, {key: np.full(len(pools), end)}) for end in ends)
            yield SolvedRow(
                pools[0].group, "1", source, 1.0, *ends, draws, sum(worth.values()), unique
            )
            continue
        each = [worth.get(one.path.partition(": ")[2], 0.0) for one in pools]
        most = np.argsort(-np.abs(each), kind="stable")[:MOST_SOLVED]
        for j in most.tolist():
            draws = tuple(
                Draw(-1, {}, {key: np.where(np.arange(len(pools)) == j, end, 1.0)}) for end in ends
            )
            yield SolvedRow(pools[j].path, "1", source, 1.0, *ends, draws, each[j], unique)


def _in_common(ensemble: Ensemble) -> set[str]:
    """Groups of pools or units with an error in common."""
    return {one.name.removesuffix(" in common") for one in ensemble.groups}


def _worth(key: str, table: pd.DataFrame, plan: Solution) -> dict[str, float]:
    """What a pool is worth to the plan: the slope by its factor, by zone."""
    prices, sign = PlanPrices(plan), plan.objective.sign
    found: dict[str, float] = {}
    if key == INJECTION:
        pooled = [
            (row.zone, price * row.limit)
            for price, row in zip(prices.row, plan.system.rows, strict=True)
            if row.family == INJECTIVITY
        ]
    else:
        name = next(one.name for one in RESOURCES.values() if one.parameter == key)
        pooled = [
            (plan.system.rows[r].zone, prices.row[r] * plan.system.rows[r].limit)
            for r, pool in prices.pools
            if supplied_by(pool) == name
        ]
    for zone, worth in pooled:
        found[zone] = found.get(zone, 0.0) + sign * float(worth)
    factor = f"resources.{key}.factor"
    if not pooled and factor in table.index:  # what each cell has of its own
        found[""] = float(table.loc[factor, "slope"]) * float(table.loc[factor, "value"])
    return found


def _bars_of_storage(study: SampledStudy, plan: Solution) -> Iterator[SolvedRow]:
    """Capacities of all storage units at an end."""
    units = [one for one in study.ensemble.dimensions if one.kind == UNIT]
    if not units or study.cases is None:
        return
    prices = PlanPrices(plan)
    families = [PORE_SPACE]
    if study.setting.scenario.resources.storage.injection is None:  # a rate of the capacity
        families.append(INJECTIVITY)
    low, high = _capacities(study.cases)
    draws = tuple(Draw(-1, {}, capacity=np.full(len(units), end)) for end in (0.0, 1.0))
    slope = plan.objective.sign * prices.worth(families)
    yield SolvedRow("storage", "1", units[0].source, 1.0, low, high, draws, slope)


def _capacities(cases: Cases) -> tuple[float, float]:
    """Capacity of all units at the ends, as a multiple of the central one [1]."""
    middle = float(cases.central.sum())
    return tuple(float(one.sum()) / middle for one in (cases.low, cases.high))  # type: ignore[return-value]


def _bars_of_layers(study: SampledStudy) -> Iterator[SolvedRow]:
    """Layers whose error is one for all cells; one that differs from place to place has no ends."""
    asked = study.setting.scenario.uncertainty
    normal = float(ndtri(1.0 - TAIL))
    for one in study.ensemble.dimensions:
        if one.kind != LAYER or asked is None:
            continue
        name = one.path.removeprefix("layers.")
        relative = asked.layers[name].relative
        ends = NAN, NAN
        if relative is not None:
            low, high = lognormal(np.array([-normal, normal]), relative).tolist()
            ends = low, high
        draws = tuple(Draw(-1, {}, layers={name: LayerDraw(z)}) for z in (-normal, normal))
        yield SolvedRow(one.path, "1", one.source, 1.0, *ends, draws)


# --------------------------------------------------------------------- into the table


def _put_range(table: pd.DataFrame, one: SampledNumber) -> None:
    """Give a row the range that samples take, and what its slope makes of it."""
    low, high = one.ends
    for end, value in (("low", low), ("high", high)):
        if math.isfinite(value):
            table.loc[one.path, end] = value
            step = value - float(table.loc[one.path, "value"])
            side = float(table.loc[one.path, SIDES[step > 0.0]])
            slope = float(table.loc[one.path, "slope"]) if math.isnan(side) else side
            table.loc[one.path, f"effect_{end}"] = slope * step
    table.loc[one.path, "source"] = one.source


def _put_effects(table: pd.DataFrame, bar: SolvedRow, effects: list[float], worth: float) -> None:
    """Give a row what was solved; what is no number of the study has a row of its own."""
    if bar.path not in table.index:
        unit = str(table["effect_unit"].iloc[0])
        elasticity = bar.slope / worth if worth else NAN
        side = bar.slope if bar.unique else NAN
        row = {
            "unit": bar.unit, "value": bar.value, "low": bar.low, "high": bar.high,
            "source": bar.source, "slope": bar.slope, "elasticity": elasticity, "effect_unit": unit,
            "unique": bar.unique, "slope_left": side, "slope_right": side,
        }  # fmt: skip
        table.loc[bar.path] = pd.Series(row, dtype=object)
    if len(effects) > 2 or math.isnan(bar.low):  # low or high for the plan by what comes out
        known = [0.0, *(effect for effect in effects if not math.isnan(effect))]
        low, high = min(known), max(known)
    else:
        low, high = effects
    table.loc[bar.path, ["effect_low", "effect_high", "effect_from"]] = [low, high, SOLVED]

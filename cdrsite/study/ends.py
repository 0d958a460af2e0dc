"""What the plan is worth with one number at an end of what the scenario says of it, solved again.

A slope is a fair guide for near ends alone. Where a scenario names what is uncertain, its wide
ranges and its choices between sources that disagree are solved: each on the thinned problem of the
samples, beside the study's own numbers on the same cells, so that what was thinned out cancels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cdrsite.core.errors import CdrsiteError
from cdrsite.sampling.drawn import NUMBER, SWITCH, Draw, SampledNumber
from cdrsite.sampling.laws import WIDE
from cdrsite.sampling.thin import WANTED
from cdrsite.study.sampled import SampledStudy, ensemble_of, storage_cases
from cdrsite.study.samples import Thin, all_cells, solve_sample, thinned
from cdrsite.study.sensitivity import sensitivities

if TYPE_CHECKING:
    from cdrsite.competition.blockcells import BlockCells
    from cdrsite.engine.passes import Workspace
    from cdrsite.study.offers import Offers
    from cdrsite.study.prepare import Setting
    from cdrsite.study.problem import Allocation

MOST_SOLVED = 12
"""Most numbers with a wide range that are solved at their ends: those that move the plan most."""
SOLVED = "solved"
"""What the effects of a row come from, where not from its slope."""


def slopes_of(
    setting: Setting,
    offers: Offers,
    allocation: Allocation,
    cells: BlockCells,
    space: Workspace,
    *,
    ends: bool,
) -> pd.DataFrame:
    """The table of slopes, with the ranges of the scenario where it names any.

    Parameters
    ----------
    setting, offers, allocation, cells, space
        Of the study and its plan.
    ends : bool
        Solve wide ranges and choices that the scenario names.

    Returns
    -------
    DataFrame
        As of :func:`cdrsite.study.sensitivity.sensitivities`, what moves the plan most first.
    """
    slopes = sensitivities(setting, offers, allocation, cells, space)
    return _with_ends(setting, offers, allocation, space, slopes) if ends else slopes


def _with_ends(
    setting: Setting, offers: Offers, allocation: Allocation, space: Workspace, slopes: pd.DataFrame
) -> pd.DataFrame:
    ensemble = ensemble_of(setting)
    if ensemble is None or not ensemble.dimensions:
        return slopes
    table = slopes.set_index("parameter")
    drawn = {one.path: one for one in ensemble.dimensions if one.kind in {NUMBER, SWITCH}}
    for path, one in drawn.items():
        if path in table.index:
            _put_range(table, one)
    reach = table[["effect_low", "effect_high"]].abs().max(axis=1).fillna(0.0)
    wide = [path for path, one in drawn.items() if path in reach.index and _is_wide(one)]
    wide.sort(key=lambda path: -reach[path])
    asked = [path for path in wide if reach[path] > 0.0][:MOST_SOLVED]
    asked += [path for path, one in drawn.items() if one.kind == SWITCH and path not in asked]
    if asked:
        study = SampledStudy(setting, offers, ensemble, storage_cases(setting))
        thin = thinned(study, all_cells(setting, study, space), space, WANTED)
        sign = allocation.solution.objective.sign
        plain = _value(study, thin, {})
        for path in asked:
            effects = [
                sign * (_value(study, thin, {path: value}) - plain)
                for value in _ends_of(drawn[path])
            ]
            _put_effects(table, drawn[path], effects)
    reach = table[["effect_low", "effect_high"]].abs().max(axis=1).fillna(0.0)
    order = np.lexsort((-table["elasticity"].abs().fillna(0.0), -reach))
    return table.iloc[order].reset_index()[list(slopes.columns)].astype(dict(slopes.dtypes))


def _value(study: SampledStudy, thin: Thin, values: dict[str, float | str]) -> float:
    """Value of the thinned problem with other values of some numbers; unknown where refused."""
    try:
        here = study.made(Draw(0, values)).in_cells(thin.kept)
        cells = here.cells(0, thin.kept.count, thin.land, thin.local)
        return float(solve_sample(here.problem(cells), here.sample, thin).report.value)
    except CdrsiteError:
        return math.nan


def _is_wide(one: SampledNumber) -> bool:
    low, high = one.ends
    return one.kind == NUMBER and not high < WIDE * low


def _ends_of(one: SampledNumber) -> Iterator[float | str]:
    """The values that a number is solved at: its ends, or all its alternatives."""
    if one.options:
        yield from one.options
    else:
        yield from one.ends


def _put_range(table: pd.DataFrame, one: SampledNumber) -> None:
    """Give a row the range that samples take, and what its slope makes of it."""
    low, high = one.ends
    for end, value in (("low", low), ("high", high)):
        if math.isfinite(value):
            table.loc[one.path, end] = value
            step = value - float(table.loc[one.path, "value"])
            table.loc[one.path, f"effect_{end}"] = float(table.loc[one.path, "slope"]) * step
    table.loc[one.path, "source"] = one.source


def _put_effects(table: pd.DataFrame, one: SampledNumber, effects: list[float]) -> None:
    """Give a row what was solved; a choice between profiles has a row of its own."""
    unit = str(table["effect_unit"].iloc[0])
    if one.path not in table.index:
        nothing = dict.fromkeys(("value", "low", "high", "slope", "elasticity"), math.nan)
        source = f"{one.source}: {', '.join(map(str, one.options))}"
        row = {**nothing, "unit": one.unit, "source": source, "effect_unit": unit, "unique": True}
        table.loc[one.path] = pd.Series(row, dtype=object)
    least, most = one.ends
    if one.options and math.isfinite(least):
        at = dict(zip(one.options, effects, strict=True))
        low, high = at[least], at[most]
    elif one.options:  # names are low or high for the plan by what comes out alone
        known = [0.0, *(effect for effect in effects if not math.isnan(effect))]
        low, high = min(known), max(known)
    else:
        low, high = effects
    table.loc[one.path, ["effect_low", "effect_high", "effect_from"]] = [low, high, SOLVED]

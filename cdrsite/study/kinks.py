"""Slopes to both sides of a number that stands at a kink, where one solution does not tell them.

Where another plan or price is as good, the slope to one side is not that to the other. Each is the
quotient of a small step to that side, solved to far better than the step moves the plan.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cdrsite.sampling.drawn import Draw
from cdrsite.study.sensitivity import WHOLE_YEARS
from cdrsite.study.trials import OWN, Trials

if TYPE_CHECKING:
    import pandas as pd

GAP = 1e-10
"""Of the plans whose difference is looked at [1]."""
STEP = 1e-3
"""Step of a number to each side, as a share of it [1]."""
WORK, LEAST = 200_000, 12
"""So many cells are solved for numbers at kinks, and for so many numbers at least."""
SAME = 0.01
"""Slopes to both sides that differ by no more than this are one: the value is curved [1]."""


def with_sides(table: pd.DataFrame, trials: Trials) -> pd.DataFrame:
    """Solve numbers at kinks a little to both sides, those that move the plan most.

    Parameters
    ----------
    table : DataFrame
        Of slopes, as of :func:`cdrsite.study.sensitivity.sensitivities`.
    trials : Trials
        The study.

    Returns
    -------
    DataFrame
        With ``slope_left`` and ``slope_right``: the slope itself where it is the only one, unknown
        where a side is refused, or where there are more kinks than are worth solving; and with the
        effects of ends that are told by these slopes.
    """
    kinks = table[~table["unique"].astype(bool)]
    if kinks.empty:
        return table
    table = table.copy()
    weight = (kinks["slope"] * kinks["value"]).abs().fillna(0.0)
    order = weight.sort_values(ascending=False, kind="stable").index
    most = max(LEAST, WORK // max(2 * trials.thin.kept.count, 1))
    plain = trials.value(OWN, GAP)
    for at in order[:most]:
        row = table.loc[at]
        left, right = _sides(trials, plain, str(row["parameter"]), row)
        if abs(left - right) <= SAME * max(abs(left), abs(right)):
            table.loc[at, ["slope_left", "slope_right", "unique"]] = [row["slope"]] * 2 + [True]
            continue
        table.loc[at, ["slope_left", "slope_right"]] = [left, right]
        low, high = float(row["low"]), float(row["high"])
        for end, where, slope in (("low", low, left), ("high", high, right)):
            if not math.isnan(where) and not math.isnan(slope):
                table.loc[at, f"effect_{end}"] = slope * (where - float(row["value"]))
    return table


def _sides(trials: Trials, plain: float, path: str, row: pd.Series) -> tuple[float, float]:
    """Slopes to the left and to the right of a number."""
    value = float(row["value"])
    step = STEP * (abs(value) or abs(float(row["high"])) or 1.0)
    if path.rpartition(".")[2] in WHOLE_YEARS:
        step = 1.0
    elif not math.isfinite(step):
        step = STEP
    found = []
    for side in (-1.0, 1.0):
        there = value + side * step
        beyond = there < 0.0 <= value  # no number of a scenario turns negative
        other = math.nan if beyond else trials.value(Draw(-1, {path: there}), GAP)
        found.append(side * (other - plain) / step)
    return found[0], found[1]

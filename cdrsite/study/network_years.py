"""The network of a plan over milestones: sizes at each are given, pipes are for all at once.

The plan's tonnes are given: a plant is as large at a milestone as what of its cells stands then, an
emitter captures what the plan lets it capture. The network then decides which pipes are laid when,
with the same weights of years as the plan. Each of the two is proven for itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.network.horizon import Period
from cdrsite.network.planning import REMOVAL, Emitter
from cdrsite.pathway.view import LastMilestone
from cdrsite.study.course import begin_of
from cdrsite.study.emitterpoints import read_points
from cdrsite.study.yearly import GROSS_AT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.competition.solution import Solution
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.network.coarse import PlanGrid
    from cdrsite.network.plants import Plants
    from cdrsite.study.prepare import Setting

    F64 = NDArray[np.float64]

LEAST = 1e-5
"""Share of a source's largest size below which what it does at a milestone is rounding [1]."""
AVOIDED = "avoided"
"""Ledger of what is fossil or mineral."""


@dataclass(frozen=True)
class Dated:
    """What milestones say of the network.

    Attributes
    ----------
    periods : tuple of Period
        All that is captured at each milestone.
    start, after : float
        As of the plan.
    sizes : tuple of tuple of float
        What each plant stores at each milestone [t/yr].
    """

    periods: tuple[Period, ...]
    start: float
    after: float
    sizes: tuple[tuple[float, ...], ...]


def dated_network(
    setting: Setting, solution: Solution, plants: Plants, plan: PlanGrid, arrays: ArrayStore
) -> Dated | None:
    """Milestones of the network; None where the scenario asks for something else, or for one year.

    Parameters
    ----------
    setting : Setting
        Of the study.
    solution : Solution
        Its plan.
    plants : Plants
        On cells of ``plan``.
    plan : PlanGrid
        Cells of the network.
    arrays : ArrayStore
        The result's variables.
    """
    path, model = setting.scenario.milestones, setting.scenario.network
    asked = model.periods is not None or model.target != "all" or model.targets
    if path is None or asked or not isinstance(solution, LastMilestone):
        return None
    after = setting.scenario.resources.storage.years if path.after is None else path.after
    periods = tuple(Period(float(year), math.inf) for year in path.years)
    sizes = plant_sizes(plants, tuple(setting.models), plan, arrays, len(path.years))
    return Dated(periods, begin_of(path), after, sizes)


def plant_sizes(
    plants: Plants, methods: Sequence[str], plan: PlanGrid, arrays: ArrayStore, count: int
) -> tuple[tuple[float, ...], ...]:
    """What each plant stores at each milestone: the share of its tonnes that stands then [t/yr]."""
    found = np.zeros((len(plants.plants), count))
    gross = arrays.open(GROSS_AT)
    mine = np.array([methods.index(plant.method) for plant in plants.plants], np.int64)
    for m in np.unique(mine).tolist():
        of_method = np.flatnonzero(mine[plants.piece_plant] == m)
        cell, owner = plants.piece_cell[of_method], plants.piece_plant[of_method]
        tonnes = plants.piece_t_yr[of_method]
        dated = [on_plan(np.asarray(gross[m, t]), plan.factor).ravel()[cell] for t in range(count)]
        last = np.maximum(dated[-1], np.finfo(np.float32).tiny)
        for t, now in enumerate(dated):
            part = tonnes * np.minimum(now / last, 1.0)
            found[:, t] += np.bincount(owner, part, len(plants.plants))
    whole = np.maximum(found[:, -1:], np.finfo(np.float64).tiny)
    stored = np.array([[plant.stored_t_yr] for plant in plants.plants]).reshape(-1, 1)
    return tuple(map(tuple, (stored * _known(found / whole)).tolist()))


def _known(sizes: F64) -> F64:
    """Sizes by milestone without what is rounding, shape (..., T)."""
    return np.where(sizes > LEAST * sizes.max(axis=-1, keepdims=True), sizes, 0.0)


def on_plan(values: NDArray[np.floating], factor: int) -> F64:
    """Tonnes of the study's cells on those of the plan, summed."""
    known = np.nan_to_num(values.astype(np.float64))
    if factor == 1:
        return known
    rows, cols = (-(-size // factor) * factor for size in known.shape)
    whole = np.zeros((rows, cols))
    whole[: known.shape[0], : known.shape[1]] = known
    summed = whole.reshape(rows // factor, factor, cols // factor, factor).sum(axis=(1, 3))
    return np.asarray(summed)


def emitters_of_plan(setting: Setting, solution: Solution, plan: PlanGrid) -> tuple[Emitter, ...]:
    """What emitters capture in the plan as sources of the network, one for each ledger."""
    captures, model = solution.problem.captures, setting.scenario.emitters
    if captures is None or model is None:
        return ()
    points = read_points(model, setting.reader)
    ways = solution.captured[:, None]
    if isinstance(solution, LastMilestone):
        ways = solution.path.captured
    found = []
    for k, name in enumerate(captures.names):
        captured = _known(ways[captures.owner == k].sum(axis=0))
        if captured.max(initial=0.0) <= LEAST * captures.most[k]:
            continue
        at = points.names.index(name)
        row, col = int(points.row[at]) // plan.factor, int(points.col[at]) // plan.factor
        share = float(captures.biogenic[k])
        for ledger, part in ((AVOIDED, 1.0 - share), (REMOVAL, share)):
            if not part * captured.max(initial=0.0) > 0:
                continue
            called = name if part == 1.0 else f"{name} ({ledger})"
            by_period = tuple((part * captured).tolist()) if len(captured) > 1 else ()
            found.append(
                Emitter(
                    called, ledger, row, col, part * float(captured.max()),
                    float(points.cost[at]), by_period=by_period,
                )
            )  # fmt: skip
    return tuple(found)

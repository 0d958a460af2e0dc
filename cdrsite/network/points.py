"""What a search reads from points and answers: choices still open, bounds, a plan of nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cdrsite.core.errors import InfeasibleError
from cdrsite.network.arrays import FlowArrays, FlowPlan
from cdrsite.network.model import Answer, DesignModel, Goal, build
from cdrsite.network.polish import layout_of
from cdrsite.network.relaxation import Relaxation


def point_of(net: FlowArrays, plan: FlowPlan) -> np.ndarray:
    """Write flows as a point of the model, the flow of an arc on its first trend."""
    at = layout_of(net)
    x = np.zeros(at.size)
    x[at.a : at.r] = plan.captured
    x[at.b : at.w] = plan.stored
    arcs, first = np.unique(net.col_arc, return_index=True)
    x[at.p + first] = plan.flow[arcs]
    return x


def leaf_bound(answer: Answer, cutoff: float) -> float:
    """Read the bound of a leaf solved below a cutoff.

    With ``objective_bound`` set, HiGHS may call a plan above the cutoff optimal: that only means
    that there is none below it.
    """
    missed = answer.status == "optimal" and answer.objective > cutoff
    if missed or answer.status in {"infeasible", "cutoff"}:
        return cutoff
    return min(answer.bound, cutoff)


@dataclass(frozen=True)
class Root:
    """A relaxation solved: its value, its point, reduced costs, and the choices open in it."""

    value: float
    x: np.ndarray
    reduced: np.ndarray
    split: int

    def fixed_upper(self, model: DesignModel, cutoff: float) -> np.ndarray:
        """Fix trends at zero whose reduced cost alone reaches the cutoff."""
        at = model.layout
        out = (self.reduced > cutoff - self.value + 1e-7) & (self.x < 0.5)
        out[: at.y] = False
        out[at.p :] = False
        return np.where(out & model.integer, 0.0, model.upper)


def split_count(model: DesignModel, x: np.ndarray) -> int:
    """Count the whole-number columns that are not whole at a point."""
    whole = x[model.integer]
    return int(np.count_nonzero(np.abs(whole - np.round(whole)) > 1e-6))


def undecided(model: DesignModel, x: np.ndarray) -> tuple[int, float]:
    """Give the source that is furthest from open or closed; -1 if none is."""
    whole = model.integer[: model.layout.sources]
    opened = x[: model.layout.sources]
    split = np.where(whole, np.abs(opened - np.round(opened)), 0.0)
    if split.max(initial=0.0) <= 1e-6:
        return -1, 0.0
    source = int(np.argmax(split))
    return source, float(opened[source])


def nothing(net: FlowArrays) -> FlowPlan:
    """Give the plan that captures nothing, which every price and budget allows."""
    sources, sinks = len(net.source_cap), len(net.sink_cap)
    wells = np.zeros(sinks, dtype=int)
    column = np.full(net.arcs, -1)
    return FlowPlan(np.zeros(sources), np.zeros(sinks), np.zeros(net.arcs), column, wells, 0.0)


def infeasible(net: FlowArrays) -> InfeasibleError:
    """Say how much the pipes can carry."""
    model = build(net, Goal(price=0.0))
    at = model.layout
    cost = np.zeros(at.size)
    cost[at.a : at.r] = -1.0
    point = Relaxation(replace(model, cost=cost)).solve()
    most = abs(point[0]) if point is not None else 0.0  # not -0
    return InfeasibleError(
        "the pipes cannot carry the target from the sources to the sinks",
        expected=f"at most {most:g} Mt/yr",
        cure="arcs of larger capacity, or a lower target",
        rule=8,
    )

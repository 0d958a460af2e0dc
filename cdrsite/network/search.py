"""Search for the best plan and a proven bound on any plan's value."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from cdrsite.core.errors import InfeasibleError, SolverError
from cdrsite.network.arrays import FlowArrays, FlowPlan
from cdrsite.network.model import Goal, build, solve
from cdrsite.network.polish import refit


@dataclass(frozen=True)
class SearchResult:
    """Best plan and what is proven of it.

    Attributes
    ----------
    status : str
        ``optimal`` or ``time limit``.
    plan : FlowPlan
        Best plan found.
    objective, bound : float
        Its value, and what no plan can go below.
    nodes : int
        Nodes of all search trees.
    """

    status: str
    plan: FlowPlan
    objective: float
    bound: float
    nodes: int


def search(
    net: FlowArrays, goal: Goal, *, gap: float, time_limit: float, seed: int
) -> SearchResult:
    """Find the best plan within a gap or a time limit."""
    begin = time.monotonic()
    answer = solve(build(net, goal), gap=gap, time_limit=time_limit, seed=seed)
    if answer.status == "infeasible":
        raise InfeasibleError(
            "no plan satisfies all constraints", expected="pipe capacities to reach", rule=8
        )
    if answer.x is None:
        raise SolverError(
            "no plan found within the time limit",
            got=f"{time.monotonic() - begin:.1f} s",
            cure="allow more time",
            rule=8,
        )
    plan = refit(net, goal, answer.x)
    if plan is None:
        raise SolverError("the solver's plan does not balance", rule=8)
    objective = goal.objective(plan.cost, float(plan.captured.sum()))
    bound = min(answer.bound, objective) if math.isfinite(answer.bound) else -math.inf
    return SearchResult(answer.status, plan, objective, bound, answer.nodes)

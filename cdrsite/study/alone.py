"""What each method could do if it were the only one that counted, by a competition of its own.

Supplies, storage and exclusions hold; targets, budgets, rules of policy and emitters do not: they
are about the portfolio, and a bound on a method must hold whatever they say. Another method runs
only where what it supplies (power) lets this one do more. Every plan of the study is therefore a
plan here too, so that no plan can give the method more than its bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.objectives import Objective
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import QUANTITIES, RowTerm
from cdrsite.competition.results import real_prices
from cdrsite.core.vocabulary import resource_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cdrsite.competition.solution import Solution

GAP = 1e-4
"""Gap of these competitions, unless the study's own is wider [1]: their figures are context."""


@dataclass(frozen=True)
class Alone:
    """What one method could do, were it the only one that counted.

    Attributes
    ----------
    method : str
        Which.
    net, gross : float
        Tonnes of the best plan that was found [t/yr].
    cost : float
        Its cost, without that of methods that supply it [USD/yr].
    bound : float
        Net tonnes that no plan can exceed [t/yr].
    gap : float
        Relative distance between the two [1].
    limits : mapping of str to float
        Resource -> share of the bound that is owed to it, by its prices [1].
    """

    method: str
    net: float
    gross: float
    cost: float
    bound: float
    gap: float
    limits: Mapping[str, float]


def each_alone(plan: Solution, gap: float, threads: int) -> tuple[Alone, ...]:
    """Solve one competition for each method of a plan.

    Parameters
    ----------
    plan : Solution
        The study's plan; its totals are a first plan for each method.
    gap : float
        Of the study's own competition [1].
    threads : int
        No effect on the answer (rule 9).

    Raises
    ------
    SolverError
        If a gap was not closed (rule 8).
    """
    problem = replace(plan.problem, policies=(), captures=None)
    options = SolverOptions(gap=max(gap, GAP), threads=threads)
    planned = plan.totals.by_combo.sum(axis=0)[:, : len(QUANTITIES)]
    bounds = []
    for m, name in enumerate(problem.method_names):
        goal = Objective(f"net removal of {name}", (RowTerm("net", 1.0, (name,)),), "t/yr")
        best = solve(problem, goal, options)
        totals = best.totals.by_combo.sum(axis=0)[:, : len(QUANTITIES)]
        # the study's plan is one of those that may be chosen here
        gross, net, cost, _ = (totals if totals[m, 1] >= planned[m, 1] else planned)[m].tolist()
        bound = max(best.report.bound, net)
        gap = (bound - net) / bound if bound > 0 else 0.0
        bounds.append(Alone(name, net, gross, cost, bound, gap, owed_to(best)))
    return tuple(bounds)


def owed_to(solution: Solution) -> dict[str, float]:
    """Share of a bound that each resource makes, by its prices; they add up to one.

    By duality the bound is the worth of all supplies: price times supply of the shared rows, and
    what the cells' own supplies are worth at those prices. What is left is the cells' land.
    """
    worth: dict[str, float] = {}
    for row, price in zip(solution.system.rows, real_prices(solution).tolist(), strict=True):
        resource = resource_of(row.family)
        worth[resource] = worth.get(resource, 0.0) + price * row.limit
    names = solution.problem.local_names
    if len(names):
        rent = np.zeros(len(names))
        for block in solution.blocks():
            rent += (block.local_price * block.cells.local).sum(axis=1)
        for resource, value in zip(names, rent.tolist(), strict=True):
            worth[resource] = worth.get(resource, 0.0) + value
    worth["land"] = max(solution.report.bound - sum(worth.values()), 0.0)
    total = sum(worth.values())
    return {name: value / total for name, value in worth.items() if value > 0.0} if total else {}

"""What each method could do if it were the only one that counted, by a competition of its own.

Supplies, storage and exclusions hold; targets, budgets, rules of policy and emitters do not: they
are about the portfolio, and a bound on a method must hold whatever they say. Another method runs
only where what it supplies (power) lets this one do more, and only such methods are in the problem:
runs of a batch that differ in others find its answer again. What a plan of the study has of these
methods is a plan here too, so that no plan can give the method more than its bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.competition.fewer import content_of, of_methods, who_brings
from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.objectives import Objective
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import QUANTITIES, RowTerm
from cdrsite.competition.results import real_prices
from cdrsite.core.memory import MOST_CELLS, remembered
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
    options = SolverOptions(gap=max(gap, GAP), threads=threads)
    planned = plan.totals.by_combo.sum(axis=0)[:, : len(QUANTITIES)]
    bounds = []
    for m, name in enumerate(plan.problem.method_names):
        best, bound, limits = _best(plan, name, options)
        # the study's plan is one of those that may be chosen here
        gross, net, cost, _ = best if best[1] >= planned[m, 1] else planned[m].tolist()
        bound = max(bound, net)
        gap = (bound - net) / bound if bound > 0 else 0.0
        bounds.append(Alone(name, net, gross, cost, bound, gap, limits))
    return tuple(bounds)


Best = tuple[list[float], float, dict[str, float]]
"""Quantities of the best plan for a method, its bound, and what the bound is owed to."""


def _best(plan: Solution, name: str, options: SolverOptions) -> Best:
    """The best plan for one method, by a competition of those that have a part in it."""
    if plan.sweeper.has_lower:  # who must be there takes from the others
        problem = replace(plan.problem, policies=(), captures=None)
    else:
        problem = of_methods(plan.problem, who_brings(plan.problem, name))

    def make() -> Best:
        goal = Objective(f"net removal of {name}", (RowTerm("net", 1.0, (name,)),), "t/yr")
        best = solve(problem, goal, options)
        totals = best.totals.by_combo.sum(axis=0)[:, : len(QUANTITIES)]
        mine = totals[problem.method_names.index(name)].tolist()
        return mine, best.report.bound, owed_to(best)

    if problem.cells.n_cells > MOST_CELLS:  # not read at once
        return make()
    return remembered("alone", lambda: (name, options.gap, *content_of(problem)), make)


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

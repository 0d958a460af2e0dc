"""The competition solved: a certified optimum with its prices, or the rows that are in conflict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cdrsite.competition.conflict import explain_conflict
from cdrsite.competition.generator import MAX_GROUPS, Generator, SolverOptions
from cdrsite.competition.objectives import Lexicographic, Objective
from cdrsite.competition.problem import PolicyRow, Problem
from cdrsite.competition.rows import Zoned, build_rows, objective_matrix
from cdrsite.competition.seasons import Seasons
from cdrsite.competition.solution import Solution, SolverReport
from cdrsite.competition.sweeping import check_cells
from cdrsite.core.machine import cores

F64 = npt.NDArray[np.float64]


def solve(
    problem: Problem,
    objective: Objective,
    options: SolverOptions | None = None,
    zoned: Zoned | None = None,
) -> Solution:
    """Proven optimum of the competition by column generation.

    Parameters
    ----------
    problem : Problem
    objective : Objective
    options : SolverOptions, optional
    zoned : Zoned, optional
        Combinations of zones, where they are known already.

    Returns
    -------
    Solution

    Raises
    ------
    InfeasibleError
        If the rows are in conflict; names the smallest set of them.
    SolverError
        If the gap is not closed.
    """
    options = options or SolverOptions()
    threads = options.threads or cores()
    system = build_rows(problem, MAX_GROUPS, zoned)
    matrix = objective_matrix(objective, problem)
    lower = check_cells(Seasons(problem).swept if problem.seasonal else problem, threads)
    generator = Generator(problem, system, matrix, options, threads=threads, has_lower=lower)
    conflict = generator.feasible()
    if conflict is not None:
        raise explain_conflict(generator, conflict)
    plan = generator.settle(matrix, generator.generate(matrix))
    gap, state = generator.gap(plan.value), generator.state
    everything = np.ones(len(problem.counted), dtype=bool)
    answer = Solution(
        problem=problem,
        objective=objective,
        system=system,
        sweeper=replace(generator.sweeper, counted=everything),
        price=plan.price,
        scale=generator.scale,
        mix=generator.mix(plan),
        report=SolverReport(
            status="optimal" if gap <= options.gap else "gap open",
            value=plan.value,
            bound=max(state.bound, plan.value),
            gap=max(gap, 0.0),
            iterations=state.sweeps,
        ),
        sold=plan.sold,
    )
    return answer.filled()


def solve_in_order(
    problem: Problem,
    objectives: Lexicographic,
    options: SolverOptions | None = None,
    zoned: Zoned | None = None,
) -> Solution:
    """Best plan in the second objective among those that are as good in the first.

    Returns
    -------
    Solution
        The plan is the second objective's; objective, prices and bound are the first's: a supply
        is worth what one unit more of it adds to the goal that comes first. The gap is the larger
        one of the two; the share that the first may give up comes on top of it.

    Raises
    ------
    InfeasibleError, SolverError
        As :func:`solve`.
    """
    first = solve(problem, objectives.first, options, zoned)
    best = first.report.value
    kept = PolicyRow(
        f"best {objectives.first.name}",
        objectives.first.terms,
        ">=",
        best - objectives.tolerance * abs(best),
        objectives.first.unit,
    )
    further = replace(problem, policies=(*problem.policies, kept))
    second = solve(further, objectives.second, options, zoned)
    # the further row is about all cells: combinations of zones, and so the mix, are the same
    both = replace(first, mix=second.mix, sold=second.sold)
    value = both.value_of(first.objective)
    bound = max(first.report.bound, value)
    optimal = {first.report.status, second.report.status} == {"optimal"}
    report = SolverReport(
        status="optimal" if optimal else "gap open",
        value=value,
        bound=bound,
        gap=max(first.report.gap, second.report.gap),
        iterations=first.report.iterations + second.report.iterations,
    )
    return replace(both, report=report)

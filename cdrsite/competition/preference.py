"""Which of the plans that are equally good: the one in the places that are wished for most.

Where many cells are worth the same at the prices of the shared rows, the optimum leaves open which
of them are used. A second programme chooses: least weight of the cells used, among the plans that
keep all rows and lose no more of the objective than the gap asked for leaves. It begins with the
first plan, so every step of it is a plan that may be taken; the bound of the first one stays valid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cdrsite.competition.generator import Generator, SolverOptions
from cdrsite.competition.objectives import Objective
from cdrsite.competition.rows import RowSystem, SharedRow, objective_matrix
from cdrsite.competition.solution import Solution
from cdrsite.competition.sweeping import Sums
from cdrsite.core.errors import SolverError

F64 = npt.NDArray[np.float64]

GAP, SWEEPS = 1e-4, 60
"""Gap and most sweeps of the choice [1]: its plan holds whenever it stops."""
GIVEN_UP = 0.02
"""Share of the gap asked for that the choice may use up [1]."""


def prefer(
    first: Solution, wish: Objective, gap: float, also: Sequence[Objective] = ()
) -> Solution:
    """Among the plans that are as good as a first one, the one that a wish likes best.

    Parameters
    ----------
    first : Solution
        The proven plan.
    wish : Objective
        What to maximise among equal plans.
    gap : float
        Relative gap that the plan must keep [1].
    also : sequence of Objective
        Further objectives that lose nothing.

    Returns
    -------
    Solution
        The first one with another mix and value; the same where no other plan is found.
    """
    sweeps = [first.sweeper.sums(prices) for prices, _ in first.mix]
    known = {id(prices): sums for (prices, _), sums in zip(first.mix, sweeps, strict=True)}
    total = _totals(first, known)
    first.know_totals(total)
    value = first.value_of(first.objective)
    bound = max(first.report.bound, value)
    left = gap * max(abs(bound), abs(value)) - (bound - value)
    loss = min(GIVEN_UP * gap * abs(value), max(left, 0.0)) if not also else 0.0
    limits = [(objective_matrix(first.objective, first.problem), value - loss)]
    limits += [(objective_matrix(one, first.problem), first.value_of(one)) for one in also]
    if not first.mix or not total.by_combo.any():
        return first
    try:
        options = SolverOptions(gap=GAP, iterations=SWEEPS, threads=first.sweeper.threads)
        generator = Generator(
            first.problem,
            _with_rows(first.system, limits),
            objective_matrix(wish, first.problem),
            options,
            threads=first.sweeper.threads,
            has_lower=first.sweeper.has_lower,
        )
        for (prices, _), sums in zip(first.mix, sweeps, strict=True):
            generator.add(prices, generator.columns(sums, generator.objective))
        plan = generator.generate(generator.objective, anytime=True)
    except SolverError:
        return first  # a wish is no reason to do without the plan that there is
    chosen = replace(first, mix=generator.mix(plan), sold=plan.sold)
    chosen.know_totals(_totals(chosen, known))
    chosen = chosen.filled()
    value = chosen.value_of(first.objective)
    # where nothing is lost the first plan's own gap holds, which is 0 where both are nothing
    distance = first.report.gap
    if not also and value < first.report.value:
        distance = max(distance, (bound - value) / max(abs(bound), abs(value)))
    report = replace(
        first.report,
        value=value,
        bound=max(bound, value),
        gap=distance,
        iterations=first.report.iterations + generator.state.sweeps,
    )
    if report.gap > max(gap, first.report.gap):
        return first
    done = replace(chosen, report=report)
    done.know_totals(chosen.totals)
    return done


def _totals(plan: Solution, known: Mapping[int, Sums]) -> Sums:
    """Sums of a plan; those at prices that it took from the first one are not swept again."""
    total = plan.sweeper.zero()
    for prices, share in plan.mix:
        sums = known[id(prices)] if id(prices) in known else plan.sweeper.sums(prices)
        total.add(sums.of_share(share, plan.sweeper.group))
    return total


def along_curve(
    row: npt.NDArray[np.integer], col: npt.NDArray[np.integer], shape: tuple[int, int]
) -> F64:
    """Place of cells along a Hilbert curve over a grid, from 0 to 1, shape as ``row``.

    Hilbert (1891, Mathematische Annalen 38, 459-460): cells that follow one another are neighbours.
    """
    bits = max(*(int(size) - 1 for size in shape), 1).bit_length()
    x, y = np.asarray(col, np.int64).copy(), np.asarray(row, np.int64).copy()
    far = np.zeros(x.shape, np.int64)
    for bit in range(bits - 1, -1, -1):
        side = np.int64(1) << bit
        right, down = (x & side) > 0, (y & side) > 0
        far += side * side * ((3 * right) ^ down)
        x &= side - 1
        y &= side - 1
        turn = ~down
        flip = turn & right
        x, y = np.where(flip, side - 1 - x, x), np.where(flip, side - 1 - y, y)
        x, y = np.where(turn, y, x), np.where(turn, x, y)
    return far / float((1 << (2 * bits)) - 1)


def _with_rows(system: RowSystem, kept: Sequence[tuple[F64, float]]) -> RowSystem:
    """Rows about all cells added: at least so much of each of some sums."""
    first, combos = len(system.rows), np.arange(system.n_combos, dtype=np.int32)
    names = [f"as good {i + 1}" for i in range(len(kept))]
    more = [np.full(system.n_combos, first + i, np.int32) for i in range(len(kept))]
    added = (
        SharedRow(name, "policy", name, "", ">=", limit)
        for name, (_, limit) in zip(names, kept, strict=True)
    )
    return replace(
        system,
        rows=(*system.rows, *added),
        coefficient=np.concatenate([system.coefficient, [matrix for matrix, _ in kept]]),
        pair_row=np.concatenate([system.pair_row, *more]),
        pair_combo=np.concatenate([system.pair_combo, *([combos] * len(kept))]),
        sales=system.sales.with_rows(first, [matrix for matrix, _ in kept]),
    )

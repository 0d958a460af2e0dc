"""A path solved: a certified plan over all milestones, with the prices of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cdrsite.competition.conflict import explain_conflict
from cdrsite.competition.generator import MAX_GROUPS, Generator, SolverOptions
from cdrsite.competition.problem import CellBlock
from cdrsite.competition.solution import SolverReport
from cdrsite.competition.sweeping import Sums, SweepPrices, check_cells
from cdrsite.core.machine import cores
from cdrsite.pathway._kernel import add_vintages
from cdrsite.pathway.course import Path
from cdrsite.pathway.rows import ALL_YEARS, PathColumns, PathRows, path_rows
from cdrsite.pathway.start import lead, stand_in
from cdrsite.pathway.sweeping import PathSweeper

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PathSolution:
    """A plan over milestones as the mix of best plans at some vectors of prices.

    Attributes
    ----------
    path : Path
    system : PathRows
    sweeper : PathSweeper
    price : ndarray, shape (R,)
        Gain of the goal per unit of each row's limit.
    scale : ndarray, shape (R,)
        Size of each row: what its use is known to a small share of.
    mix : tuple of (SweepPrices, ndarray of shape (G,))
        Price vectors, and the share of each group that follows them.
    report : SolverReport
    sold : ndarray, shape (V,)
        What is missed of targets that may be, and what emitters capture, by ``system.sales``.
    """

    path: Path
    system: PathRows
    sweeper: PathSweeper
    price: F64
    scale: F64
    mix: tuple[tuple[SweepPrices, F64], ...]
    report: SolverReport
    sold: F64

    @property
    def missed(self) -> F64:
        """What is missed, shape (V,); 0 for emitters."""
        return np.where(np.arange(len(self.sold)) < self.system.sales.alone, self.sold, 0.0)

    @cached_property
    def captured(self) -> F64:
        """What emitters capture by way to a sink and milestone, shape (J, T) [t/yr]."""
        captures, columns = self.path.problem.captures, self.system.sales
        if captures is None or not isinstance(columns, PathColumns):
            return np.zeros((0, self.path.course.count))
        found = np.zeros((len(captures.owner), self.path.course.count))
        stands = self.path.course.stands[columns.vintage]
        bought = self.sold[columns.alone :, None]
        np.add.at(found, columns.way, bought * stands * captures.there[columns.owner])
        return found

    @cached_property
    def totals(self) -> Sums:
        """Sums of the plan by combination, method and vintage, and by group, vintage and sink."""
        total = self.sweeper.zero()
        for prices, share in self.mix:
            total.add(self.sweeper.sums(prices).of_share(share, self.sweeper.group))
        return total

    @cached_property
    def built(self) -> F64:
        """Quantities of all cells by method and vintage, shape (M, V, Q)."""
        sums = self.totals.by_combo.sum(axis=0)
        count = self.path.course.count
        return sums.reshape(-1, count, sums.shape[1])

    @cached_property
    def use(self) -> F64:
        """Left-hand side of each row, with what is missed and captured, shape (R,)."""
        sums, sweeper = self.totals, self.sweeper
        used = self.system.activity(
            sums.by_combo, sums.by_sink, sweeper.group, sweeper.n_groups
        ).sum(axis=1)
        return used + self.system.sales.use(self.sold, len(used))

    def value_of(self, matrix: F64) -> float:
        """What the plan adds up to by coefficients of shape (M V, Q)."""
        return float((self.totals.by_combo * matrix).sum())

    @cached_property
    def yearly_price(self) -> F64:
        """Prices in money of each row's year; rows about all years in present money, (R,)."""
        milestone, worth = self.system.milestone, self.path.course.worth
        return np.where(milestone == ALL_YEARS, self.price, self.price / worth[milestone])

    def laid_out(self, cells: CellBlock, start: int, stop: int) -> tuple[F64, Sums]:
        """Capacity of some cells, and what it adds up to.

        Returns
        -------
        tuple
            By method, vintage and sink slot, shape (M, V, K, n), and the sums.
        """
        slots = max(len(cells.sink), 1)
        methods, count = len(self.path.problem.methods), self.path.course.count
        x = np.zeros((methods, count * slots, stop - start))
        combo, total = self.system.combo[start:stop], self.sweeper.zero()
        for prices, share in self.mix:
            part = share[self.sweeper.group[combo]]
            place = np.flatnonzero(part)
            if not len(place):
                continue
            followers = cells if len(place) == len(part) else cells.at(place)
            plan, sums = self.sweeper.plan_and_sums(prices, followers, combo[place])
            total.add(sums.of_share(share, self.sweeper.group))
            add_vintages(place, part[place], plan.x, plan.slot, x)
        return x.reshape(methods, count, slots, stop - start), total


def solve_path(
    path: Path, options: SolverOptions | None = None, *, sampled: bool = True
) -> PathSolution:
    """Proven optimum of a competition over milestones by column generation.

    Parameters
    ----------
    path : Path
    options : SolverOptions, optional
    sampled : bool
        Let a sample lead where there are many cells.

    Raises
    ------
    InfeasibleError
        If rows are in conflict; names the smallest set of them, with their years.
    SolverError
        If the gap is not closed.
    """
    options = options or SolverOptions()
    threads = options.threads or cores()
    system = path_rows(path, MAX_GROUPS)
    matrix = path.goal.matrix(path.problem, path.course)
    lower = check_cells(path.problem, threads)
    counted = np.ones(len(path.problem.counted), np.bool_)
    none = np.zeros(system.n_combos, np.int32)
    sweeper = PathSweeper(path.problem, system, none, threads, counted, lower, path.course)
    generator = Generator(
        path.problem, system, matrix, options, threads=threads, has_lower=lower, sweeper=sweeper,
        lean=True,
    )  # fmt: skip
    sample = stand_in(sweeper, matrix, options) if sampled else None
    if sample is None or not lead(generator, sample):
        conflict = generator.feasible()
        if conflict is not None:
            raise explain_conflict(generator, conflict)
    plan = generator.settle(matrix, generator.generate(matrix))
    gap, state = generator.gap(plan.value), generator.state
    report = SolverReport(
        status="optimal" if gap <= options.gap else "gap open",
        value=plan.value,
        bound=max(state.bound, plan.value),
        gap=max(gap, 0.0),
        iterations=state.sweeps,
    )
    swept = replace(sweeper, system=system, group=generator.sweeper.group)
    mix = generator.mix(plan)
    return PathSolution(path, system, swept, plan.price, generator.scale, mix, report, plan.sold)

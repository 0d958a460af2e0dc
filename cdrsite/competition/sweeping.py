"""Sweeps over all cells: threads outside the kernel, sums combined in the order of the blocks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cdrsite.competition import _kernel
from cdrsite.competition._kernel_cells import first_fault
from cdrsite.competition._kernel_terms import Bounds, Fields, Output, Terms
from cdrsite.competition.problem import ArrayCells, CellBlock, Problem
from cdrsite.competition.rows import RowSystem, blocks
from cdrsite.competition.seasons import Seasons
from cdrsite.core.errors import DataError
from cdrsite.core.threads import in_order

F64 = npt.NDArray[np.float64]
Combos = npt.NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class SweepPrices:
    """An objective with prices, as the kernel takes them.

    ``order`` is that of the months, of methods that run by season
    (:mod:`cdrsite.competition.seasons`).
    """

    weight: F64
    sink_value: F64
    uniform: bool
    order: npt.NDArray[np.int64] | None = field(default=None, kw_only=True)


@dataclass(frozen=True, eq=False)
class Sums:
    """What the best plans at some prices add up to.

    Parameters
    ----------
    by_combo : ndarray, shape (C, M, Q)
        Quantities by combination of zones and method.
    by_sink : ndarray, shape (G, S)
        Tonnes stored by group and sink.
    """

    by_combo: F64
    by_sink: F64

    def add(self, part: Sums) -> None:
        """Add other sums in place."""
        self.by_combo.__iadd__(part.by_combo)
        self.by_sink.__iadd__(part.by_sink)

    def of_share(self, share: F64, group: npt.NDArray[np.int32]) -> Sums:
        """Sums of what a share of each group follows, shape (G,); ``group`` of combinations."""
        return Sums(self.by_combo * share[group][:, None, None], self.by_sink * share[:, None])


@dataclass(frozen=True, eq=False)
class BestPlan:
    """Best plan of the cells of a block at some prices: arrays of shape (M, n)."""

    x: F64
    slot: npt.NDArray[np.int8]
    value: F64


@dataclass(frozen=True, eq=False)
class Sweeper:
    """Sweeps a problem's cells in fixed blocks.

    Parameters
    ----------
    problem : Problem
    system : RowSystem
    group : ndarray of int32, shape (C,)
        Group of each combination of zones.
    threads : int
        The sums do not depend on it.
    counted : ndarray of bool, shape (Q,)
        Quantities to add up.
    has_lower : bool
    """

    problem: Problem
    system: RowSystem
    group: npt.NDArray[np.int32]
    threads: int
    counted: npt.NDArray[np.bool_]
    has_lower: bool

    @cached_property
    def seasons(self) -> Seasons | None:
        """Activities of methods that run by season; None without any."""
        return Seasons(self.problem) if self.problem.seasonal else None

    @property
    def swept(self) -> Problem:
        """What is swept: the problem, with activities in place of methods that run by season."""
        return self.problem if self.seasons is None else self.seasons.swept

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return int(self.group.max()) + 1 if len(self.group) else 1

    def prices(self, objective: F64, price: F64) -> SweepPrices:
        """Objective and row prices as the kernel takes them."""
        weight, order = self.system.weights(objective, price), None
        if self.seasons is not None:
            weight, order = self.seasons.weights(weight)
        arrivals = range(weight.shape[2] - len(self.problem.arrivals), weight.shape[2])
        taste = weight[:, self.swept.stored > 0][:, :, [1, 2, *arrivals]]
        uniform = bool(taste.size == 0 or (taste == taste[:1, :1]).all())
        return SweepPrices(weight, self.system.sink_values(price), uniform, order=order)

    def sums(self, prices: SweepPrices) -> Sums:
        """Sums of the best plans at some prices."""
        total = self._zero()
        spans = list(blocks(self.problem.cells.n_cells))
        for part in in_order(lambda span: self._block_sums(prices, *span), spans, self.threads):
            total.add(part)
        return self._by_method(total, prices)

    def zero(self) -> Sums:
        """Sums of nothing."""
        shape = (self.system.n_combos, len(self.problem.methods), len(self.counted))
        return Sums(np.zeros(shape), np.zeros((self.n_groups, self.system.n_sinks)))

    def _zero(self) -> Sums:
        """Sums of nothing, of what is swept."""
        if self.seasons is None:
            return self.zero()
        shape = (self.system.n_combos, len(self.swept.methods), len(self.swept.counted))
        return Sums(np.zeros(shape), np.zeros((self.n_groups, self.system.n_sinks)))

    def _by_method(self, sums: Sums, prices: SweepPrices) -> Sums:
        """Sums by method, of sums of what is swept."""
        if self.seasons is None or prices.order is None:
            return sums
        return Sums(self.seasons.fold(sums.by_combo, prices.order), sums.by_sink)

    def _block_sums(self, prices: SweepPrices, start: int, stop: int) -> Sums:
        sums = self._zero()
        nothing = np.empty((len(self.swept.methods), 0))
        plan = BestPlan(nothing, nothing.astype(np.int8), nothing)
        cells, first = self._held(start, stop)
        self._run(prices, cells, first, self.system.combo[start:stop], sums, plan)
        return sums

    def _held(self, start: int, stop: int) -> tuple[CellBlock, int]:
        """Cells ``start`` to ``stop``, and where among those returned they begin: no copies."""
        source, varied = self.swept.cells, (self.problem.local_layer >= 0).any()
        if varied or not isinstance(source, ArrayCells):
            return source.read(start, stop), 0
        return self._whole, start

    @cached_property
    def _whole(self) -> CellBlock:
        """All cells in memory as the kernels take them, made once for all sweeps."""
        source = self.problem.cells
        assert isinstance(source, ArrayCells)  # noqa: S101 - asked before
        return with_wide_land(source.whole)

    def plan(self, prices: SweepPrices, cells: CellBlock, combo: Combos) -> BestPlan:
        """Best plan of each cell at some prices; see :meth:`plan_and_sums`."""
        return self.plan_and_sums(prices, cells, combo)[0]

    def plan_and_sums(
        self, prices: SweepPrices, cells: CellBlock, combo: Combos
    ) -> tuple[BestPlan, Sums]:
        """Best plan of each cell at some prices, and what it adds up to.

        Parameters
        ----------
        prices : SweepPrices
        cells : CellBlock
            Of what is swept.
        combo : ndarray of int, shape (n,)
            Combination of zones of each of the cells.
        """
        shape = (len(self.swept.methods), len(combo))
        plan = BestPlan(np.empty(shape), np.empty(shape, np.int8), np.empty(shape))
        sums = self._zero()
        self._run(prices, cells, 0, combo, sums, plan)
        return plan, self._by_method(sums, prices)

    def _run(
        self,
        prices: SweepPrices,
        cells: CellBlock,
        first: int,
        combo: Combos,
        sums: Sums,
        plan: BestPlan,
    ) -> None:
        """Sweep the cells from ``first`` on, as many as ``combo`` has."""
        problem, cells, counted = self.swept, with_wide_land(cells), self.counted
        if self.seasons is not None:
            counted = self.seasons.counted(counted)
        fields = Fields(
            first, combo, cells.land, cells.upper, cells.net, cells.cost, cells.need,
            cells.sink, cells.sink_cost, cells.sink_loss, cells.layers, cells.arriving,
            cells.stored_ratio,
        )  # fmt: skip
        terms = Terms(
            prices.weight, prices.sink_value, problem.stored, problem.exclusive, prices.uniform,
            counted, self.group,
        )  # fmt: skip
        out = Output(sums.by_combo, sums.by_sink, plan.x, plan.slot, plan.value)
        if self.has_lower or len(problem.local_need) or len(problem.land_rows):
            needs = problem.local_need_in(cells)
            bounds = Bounds(
                cells.lower, self.has_lower, cells.local, needs, cells.ground,
                problem.land_weight[1:],
            )  # fmt: skip
            _kernel.sweep_bounded(fields, terms, bounds, out)
        else:
            _kernel.sweep(fields, terms, out)


def with_wide_land(cells: CellBlock) -> CellBlock:
    """Cells with their land in float64, as the kernels take it.

    A study's own cells bring float32, cells that stand for many bring sums in float64: in one type
    the kernels are compiled once for both, and reckon in float64 anyway.
    """
    land, ground = (np.ascontiguousarray(one, np.float64) for one in (cells.land, cells.ground))
    same = land is cells.land and ground is cells.ground
    return cells if same else replace(cells, land=land, ground=ground)


FAULTS = {
    1: ("a value is not known where the method is possible", "set its upper bound to 0 there"),
    2: ("a lower bound is above the upper bound", "lower it"),
    3: ("a lower bound for a method with storage, but no sink", "give the cell a sink"),
    4: ("the lower bounds need more land than there is", "lower them"),
    5: ("the lower bounds need more of a local resource than there is", "lower them"),
}


def check_cells(problem: Problem, threads: int) -> bool:
    """Refuse cells that make no sense; say whether any has a lower bound.

    Raises
    ------
    DataError
        Names the first such cell.
    """

    def check(span: tuple[int, int]) -> tuple[int, int, bool]:
        cells = with_wide_land(problem.cells.read(*span))
        fault, cell, lower = first_fault(
            cells.land, cells.upper, cells.net, cells.cost, cells.need, cells.sink, cells.lower,
            cells.local, problem.stored, cells.stored_ratio, problem.land_weight,
            problem.local_need_in(cells), cells.ground,
        )  # fmt: skip
        return int(fault), int(cell) + span[0], bool(lower)

    any_lower = False
    for fault, cell, lower in in_order(check, list(blocks(problem.cells.n_cells)), threads):
        if fault:
            what, cure = FAULTS[fault]
            raise DataError(what, where=f"cell {cell} of the competition", cure=cure, rule=7)
        any_lower |= lower
    return any_lower

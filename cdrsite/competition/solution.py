"""The answer of a solver: plan, prices, bound and gap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cdrsite.competition._kernel_cells import add_weighted
from cdrsite.competition._kernel_prices import own_prices
from cdrsite.competition.objectives import Objective
from cdrsite.competition.problem import CellBlock, Problem
from cdrsite.competition.rows import RowSystem, blocks, objective_matrix
from cdrsite.competition.sweeping import BestPlan, Sums, Sweeper, SweepPrices
from cdrsite.core.threads import in_order

F64 = npt.NDArray[np.float64]

MORE = 1e-6
"""Share of a cell's own supply at which its price is taken beyond it [1]: more than the rounding of
cells in float32, less than anything that a plan is asked for."""


@dataclass(frozen=True)
class SolverReport:
    """How the answer was proven.

    Parameters
    ----------
    status : str
        "optimal": the gap asked for is closed; "gap open": numbers too far apart to close it.
    value : float
        Objective of the plan.
    bound : float
        No plan can do better.
    gap : float
        Relative distance between the two [1].
    iterations : int
        Sweeps over the cells; 0 for the whole programme in one piece.
    """

    status: str
    value: float
    bound: float
    gap: float
    iterations: int


@dataclass(frozen=True, eq=False)
class BlockPlan:
    """Plan of cells ``start`` to ``stop``.

    Parameters
    ----------
    x : ndarray, shape (M, K, n)
        Gross tonnes by method and sink slot; a method without storage uses slot 0.
    slot : ndarray, shape (M, n)
        Best sink slot at the final prices.
    reduced : ndarray, shape (M, n)
        Value of one more gross tonne at the prices of pools and of the cell's land [objective/t]:
        0 or more where used; below 0 it is what the method falls short by. -inf: not possible.
    land_price : ndarray, shape (n,)
        Gain per m2 of the cell's land [objective/m2].
    local_price : ndarray, shape (R, n)
        Gain per unit of the cell's local resources [objective per unit].
    sums : Sums
        What the plan adds up to.
    """

    start: int
    stop: int
    cells: CellBlock
    x: F64
    slot: npt.NDArray[np.int8]
    reduced: F64
    land_price: F64
    local_price: F64
    sums: Sums


@dataclass(frozen=True, eq=False)
class Solution:
    """A plan as the mix of best plans at some vectors of prices.

    Parameters
    ----------
    problem, objective : as given
    system : RowSystem
    sweeper : Sweeper
    price : ndarray, shape (R,)
        Gain of the objective per unit of each row's limit (negative for a minimum that binds).
    scale : ndarray, shape (R,)
        Size of each row: what its use is known to a small share of.
    mix : tuple of (SweepPrices, ndarray of shape (G,))
        Price vectors, and the share of each group that follows them.
    report : SolverReport
    """

    problem: Problem
    objective: Objective
    system: RowSystem
    sweeper: Sweeper
    price: F64
    scale: F64
    mix: tuple[tuple[SweepPrices, F64], ...]
    report: SolverReport

    def blocks(self) -> Iterator[BlockPlan]:
        """Plan block by block, in order; the memory of one block per thread."""
        spans = list(blocks(self.problem.cells.n_cells))
        yield from in_order(lambda span: self.plan_of(*span), spans, self.sweeper.threads)

    @cached_property
    def final(self) -> SweepPrices:
        """The prices of the plan."""
        matrix = objective_matrix(self.objective, self.problem)
        return self.sweeper.prices(matrix, self.price)

    def plan_of(self, start: int, stop: int) -> BlockPlan:
        """Plan of the cells ``start`` to ``stop``; each cell's does not depend on the others."""
        cells = self.problem.cells.read(start, stop)
        slots = max(len(cells.sink), 1)
        x = np.zeros((len(self.problem.methods), slots, stop - start))
        combo = self.system.combo[start:stop]
        total = self.sweeper.zero()
        for prices, share in self.mix:
            part = share[self.sweeper.group[combo]]
            place = np.flatnonzero(part)  # most cells follow one vector of prices, few follow two
            if not len(place):
                continue
            followers = cells if len(place) == len(part) else cells.at(place)
            plan, sums = self.sweeper.plan_and_sums(prices, followers, combo[place])
            total.add(sums.of_share(share, self.sweeper.group))
            add_weighted(place, part[place], plan.x, plan.slot, x)
        last = self.sweeper.plan(self.final, cells, combo)
        price = self._own_prices(last, cells)
        reduced = self._reduced(last, cells, price[0])
        return BlockPlan(start, stop, cells, x, last.slot, reduced, price[0], price[1:], total)

    def _own_prices(self, plan: BestPlan, cells: CellBlock) -> F64:
        """Gain per unit more of each cell's land and local resources, shape (1 + R, n).

        The prices of the cell's own linear programme at the final prices of the shared rows. With
        those of the methods' own limits they value the cell's best plan exactly, so what they
        charge for the cell's supplies is never more than the plan is worth. They are taken at
        supplies larger by less than matters: what has come to the end of its own limit, or of a
        local resource, has no use for more land, whatever the last digits say.
        """
        problem, shape = self.problem, plan.value.shape
        upper = np.nan_to_num(np.broadcast_to(cells.upper, shape)).astype(np.float64)
        land = np.broadcast_to(cells.need, shape) * problem.exclusive[:, None]
        fixed = np.broadcast_to(problem.local_need[:, :, None], (len(problem.local_need), *shape))
        need = np.concatenate([land[None], fixed]).astype(np.float64)
        supply = np.concatenate([cells.land[None], cells.local]).astype(np.float64)
        if self.sweeper.has_lower:
            least = np.where(upper > 0, np.broadcast_to(cells.lower, shape), 0.0)
            supply -= (np.where(upper > 0, need, 0.0) * least).sum(axis=1)
            upper -= least
        more = np.full(len(supply), MORE)
        more[0] *= 2.0
        prices = np.empty(supply.shape)
        own_prices(plan.value, upper, need, supply, more, prices)
        return prices

    def _reduced(self, plan: BestPlan, cells: CellBlock, land_price: F64) -> F64:
        """Value of each method less what its cell's land is worth."""
        share = np.broadcast_to(cells.need, plan.value.shape) * self.problem.exclusive[:, None]
        possible = np.nan_to_num(np.broadcast_to(cells.upper, plan.value.shape)) > 0
        with np.errstate(invalid="ignore"):
            return np.where(possible, plan.value - land_price * share, -np.inf)

    @cached_property
    def totals(self) -> Sums:
        """Sums of the plan by combination of zones and by group and sink."""
        total = self.sweeper.zero()
        for prices, share in self.mix:
            total.add(self.sweeper.sums(prices).of_share(share, self.sweeper.group))
        return total

    def know_totals(self, sums: Sums) -> None:
        """Take the totals from who has laid the plan out, so that they are not worked out again."""
        self.__dict__["totals"] = sums

    @cached_property
    def use(self) -> F64:
        """Left-hand side of each shared row, shape (R,)."""
        sums, sweeper = self.totals, self.sweeper
        return self.system.activity(
            sums.by_combo, sums.by_sink, sweeper.group, sweeper.n_groups
        ).sum(axis=1)

    @cached_property
    def allocation(self) -> F64:
        """Gross tonnes by method, sink slot and cell [t/yr], shape (M, K, n)."""
        return np.concatenate([block.x for block in self.blocks()], axis=2)

"""The answer of a solver: plan, prices, bound and gap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cdrsite.competition._kernel_cells import add_weighted
from cdrsite.competition._kernel_prices import own_prices
from cdrsite.competition.objectives import Objective
from cdrsite.competition.problem import CellBlock, Problem, finite
from cdrsite.competition.rows import RowSystem, blocks, objective_matrix
from cdrsite.competition.sold import shares_taken
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
    land_prices : ndarray, shape (1 + G, n)
        Gain per m2 of what the cell's land rows allow [objective/m2].
    local_price : ndarray, shape (R, n)
        Gain per unit of the cell's local resources [objective per unit].
    sums : Sums
        What the plan adds up to.
    capacity : ndarray, shape (M, n), optional
        What plants are built for [t/yr], where some run by season: x is less, and the cells have
        what a tonne costs and needs at that.
    """

    start: int
    stop: int
    cells: CellBlock
    x: F64
    slot: npt.NDArray[np.int8]
    reduced: F64
    land_prices: F64
    local_price: F64
    sums: Sums
    capacity: F64 | None = None

    @property
    def land_price(self) -> F64:
        """Gain per m2 of the cell's land, shape (n,) [objective/m2]: more of it is more for all."""
        total: F64 = self.land_prices.sum(axis=0)
        return total


@dataclass(frozen=True, eq=False)
class AtPrices:
    """What cells would do at the prices of shared rows.

    Parameters
    ----------
    best : BestPlan
        Best plan of each cell.
    sums : Sums
        What it adds up to.
    reduced : ndarray, shape (M, n)
        As that of :class:`BlockPlan`.
    """

    best: BestPlan
    sums: Sums
    reduced: F64


@dataclass(frozen=True, eq=False, repr=False)
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
    sold : ndarray, shape (V,)
        What is sold out of pools, in the order of sales and their zones.
    """

    problem: Problem
    objective: Objective
    system: RowSystem
    sweeper: Sweeper
    price: F64
    scale: F64
    mix: tuple[tuple[SweepPrices, F64], ...]
    report: SolverReport
    sold: F64

    def __repr__(self) -> str:
        report, names = self.report, ", ".join(self.problem.method_names)
        return (
            f"<Solution: {report.value:,.6g} {self.objective.unit}, {report.status}, gap "
            f"{report.gap:.1g}; {names} in {self.problem.cells.n_cells:,} cells>"
        )

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
        swept, seasons = self.sweeper.swept, self.sweeper.seasons
        cells = swept.cells.read(start, stop)
        slots = max(len(cells.sink), 1)
        x = np.zeros((len(swept.methods), slots, stop - start))
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
        price, lands = self._own_prices(last, cells), len(self.problem.land_weight)
        reduced = self._reduced(last, cells, price[:lands])
        whole = BlockPlan(
            start, stop, cells, x, last.slot, reduced, price[:lands], price[lands:], total
        )
        if seasons is None:
            return whole
        own = price[lands : lands + len(self.problem.local_need)]
        return replace(whole, local_price=own, **seasons.by_method(start, x, last.slot, reduced))

    def at_prices(self, cells: CellBlock, combo: npt.NDArray[np.int32]) -> AtPrices:
        """What cells would do at the prices of the plan, whatever the plan does there."""
        best, sums = self.sweeper.plan_and_sums(self.final, cells, combo)
        price = self._own_prices(best, cells)
        return AtPrices(
            best, sums, self._reduced(best, cells, price[: len(self.problem.land_weight)])
        )

    def _own_prices(self, plan: BestPlan, cells: CellBlock) -> F64:
        """Gain per unit more of each cell's land rows and local resources, shape (1 + G + R, n).

        The prices of the cell's own linear programme at the final prices of the shared rows. With
        those of the methods' own limits they value the cell's best plan exactly, so what they
        charge for the cell's supplies is never more than the plan is worth. They are taken at
        supplies larger by less than matters: what has come to the end of its own limit, or of a
        local resource, has no use for more land, whatever the last digits say.
        """
        problem, shape = self.sweeper.swept, plan.value.shape
        upper = finite(np.broadcast_to(cells.upper, shape)).astype(np.float64)
        weight = problem.land_weight[:, :, None]
        land = np.broadcast_to(cells.need, shape) * weight
        local = np.broadcast_to(problem.local_need_in(cells), (len(problem.local_need), *shape))
        need = np.concatenate([land, local]).astype(np.float64)
        parts = [cells.land[None], cells.local]
        if len(weight) > 1:
            parts.insert(1, cells.ground)
        supply = np.concatenate(parts).astype(np.float64)
        if self.sweeper.has_lower:
            least = np.where(upper > 0, np.broadcast_to(cells.lower, shape), 0.0)
            supply -= (np.where(upper > 0, need, 0.0) * least).sum(axis=1)
            upper -= least
        more = np.full(len(supply), MORE)
        more[: len(weight)] *= 2.0
        prices = np.empty(supply.shape)
        own_prices(plan.value, upper, need, supply, more, prices)
        return prices

    def _reduced(self, plan: BestPlan, cells: CellBlock, land_prices: F64) -> F64:
        """Value of each method less what its cell's land is worth."""
        possible = finite(np.broadcast_to(cells.upper, plan.value.shape)) > 0
        with np.errstate(invalid="ignore"):
            paid = self.sweeper.swept.land_charge(cells, land_prices)
            return np.where(possible, plan.value - paid, -np.inf)

    @cached_property
    def totals(self) -> Sums:
        """Sums of the plan by combination of zones and by group and sink."""
        total = self.sweeper.zero()
        for prices, share in self.mix:
            total.add(self.sweeper.sums(prices).of_share(share, self.sweeper.group))
        return total

    def know_totals(self, sums: Sums) -> None:
        """Take the totals from who has laid the plan out, so that they are not worked out again."""
        object.__setattr__(self, "totals", sums)  # where the cached property looks first

    @cached_property
    def use(self) -> F64:
        """Left-hand side of each shared row, shape (R,)."""
        sums, sweeper = self.totals, self.sweeper
        used = self.system.activity(
            sums.by_combo, sums.by_sink, sweeper.group, sweeper.n_groups
        ).sum(axis=1)
        return used + self.system.sales.use(self.sold, len(used))

    def value_of(self, objective: Objective) -> float:
        """What the plan adds up to, with what is sold."""
        matrix = objective_matrix(objective, self.problem)
        of_cells = float((self.totals.by_combo * matrix).sum())
        return of_cells + float(self.system.sales.worth(matrix) @ self.sold)

    def filled(self) -> Solution:
        """The same plan with all sold that customers take, whether or not the goal counts money."""
        if not len(self.sold):
            return self
        left = self.system.limits - self.use
        senses = np.array(self.system.senses, dtype="<U2")
        some = np.where(senses == "=", 0.0, np.abs(left))
        up = np.where(senses == ">=", np.inf, np.where(left > 0.0, some, 0.0))
        down = np.where(senses == "<=", np.inf, np.where(left < 0.0, some, 0.0))
        more = replace(self, sold=self.system.sales.filled(self.sold, up, down))
        more.know_totals(self.totals)
        return more

    @cached_property
    def sold_by(self) -> list[F64]:
        """What each sale takes of each method in each zone, arrays of shape (Z, M)."""
        problem, sums = self.problem, self.totals.by_combo[:, :, 0]
        given, sold, first = [], [], 0
        for sale in problem.sales:
            count = len(sale.most)
            each = np.array([sale.giving.get(name, 0.0) for name in problem.method_names])
            zone = self.system.zone_table[sale.zoning]
            gift = np.zeros((count, len(each)))
            np.add.at(gift, zone[zone >= 0], (sums * each)[zone >= 0])
            given.append(gift)
            sold.append(self.sold[first : first + count])
            first += count
        return shares_taken(given, sold)

    @cached_property
    def sold_each(self) -> list[F64]:
        """What each sale takes of a gross tonne of each method, arrays of shape (C, M)."""
        sums, found = self.totals.by_combo[:, :, 0], []
        for sale, parts in zip(self.problem.sales, self.sold_by, strict=True):
            zone = self.system.zone_table[sale.zoning]
            gross = np.zeros(parts.shape)
            np.add.at(gross, zone[zone >= 0], sums[zone >= 0])
            each = np.divide(parts, gross, out=np.zeros(parts.shape), where=gross > 0)
            found.append(np.where((zone >= 0)[:, None], each[zone], 0.0))
        return found

    @property
    def captured(self) -> F64:
        """What emitters bring over each of their ways to sinks, shape (J,) [t/yr]."""
        return self.sold[self.system.sales.alone :]

    @property
    def captured_by_sink(self) -> F64:
        """What emitters bring to each sink, shape (S,) [t/yr]."""
        captures = self.problem.captures
        if captures is None:
            return np.zeros(self.problem.n_sinks)
        found = np.bincount(captures.unit, self.captured, self.problem.n_sinks)
        return found.astype(np.float64)

    @cached_property
    def income(self) -> F64:
        """What a gross tonne earns by what is sold of it, shape (C, M) [USD/t]."""
        found = np.zeros((self.system.n_combos, len(self.problem.methods)))
        if self.problem.sales:
            for sale, each in zip(self.problem.sales, self.sold_each, strict=True):
                found += sale.price * each
        return found

    @cached_property
    def allocation(self) -> F64:
        """Gross tonnes by method, sink slot and cell [t/yr], shape (M, K, n)."""
        return np.concatenate([block.x for block in self.blocks()], axis=2)

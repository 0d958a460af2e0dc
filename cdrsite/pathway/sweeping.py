"""Sweeps over all cells at the prices of all milestones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cdrsite.competition.problem import CellBlock
from cdrsite.competition.rows import RowSystem
from cdrsite.competition.sweeping import BestPlan, Combos, Sums, Sweeper, SweepPrices
from cdrsite.core.errors import DataError
from cdrsite.pathway import _kernel
from cdrsite.pathway._kernel_terms import PathFields, PathTerms
from cdrsite.pathway.course import Course

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PathSweeper(Sweeper):
    """Sweeps a problem's cells over methods and vintages.

    The best vintage and sink of each method make one value per gross tonne; the knapsack of the
    competition then fills the cell with these values as it does in one year.
    """

    course: Course

    @cached_property
    def filling(self) -> Sweeper:
        """Fills cells by the values that it is given, in place of prices."""
        problem = self.problem
        bare = replace(
            problem, methods=tuple(replace(one, stored=0.0) for one in problem.methods),
            pools=(), sinks=(), policies=(), arrivals=(), n_sinks=0,
        )  # fmt: skip
        counted = np.zeros(len(bare.counted), np.bool_)
        counted[2] = True  # the value comes as a cost
        system = replace(self._plain, n_combos=1)
        none = np.zeros(1, np.int32)
        return Sweeper(bare, system, none, 1, counted, self.has_lower)

    @property
    def _plain(self) -> RowSystem:
        none = np.empty(0, np.int32)
        return RowSystem(
            rows=(), coefficient=np.empty((0, 0, 0)), pair_row=none, pair_combo=none,
            sink_row=none, sink_of=none, sink_need=np.empty(0), combo=none, zone_table={},
            n_combos=1, n_sinks=0,
        )  # fmt: skip

    @cached_property
    def _tables(self) -> tuple[Any, ...]:
        """Floor of the net factor, and which layers each method has a use for."""
        course, layers = self.course, len(self.problem.layers)
        floor = course.least_net
        coefficient = np.abs(self.system.coefficient).sum(axis=0)
        shape = (len(self.problem.methods), course.count, -1)
        wanted = (coefficient.reshape(shape).sum(axis=1) > 0) | (floor != 0).any(axis=1)
        return floor, wanted[:, 4 : 4 + layers]

    def prices(self, objective: F64, price: F64) -> SweepPrices:
        """Objective and row prices as the kernel takes them."""
        weight = self.system.weights(objective, price)
        vintages, storing = self.course.count, self.problem.stored > 0
        arrivals = range(weight.shape[2] - len(self.problem.arrivals), weight.shape[2])
        split = weight.reshape(len(weight), -1, vintages, weight.shape[2])
        taste = split[:, storing][:, :, :, [1, 2, *arrivals]]
        uniform = bool(taste.size == 0 or (taste == taste[:1, :1]).all())
        return SweepPrices(weight, self.system.sink_values(price), uniform)

    def zero(self) -> Sums:
        """Sums of nothing, by combination, method and vintage."""
        count = len(self.problem.methods) * self.course.count
        shape = (self.system.n_combos, count, len(self.problem.counted))
        return Sums(np.zeros(shape), np.zeros((self.n_groups, self.system.n_sinks)))

    def _block_sums(self, prices: SweepPrices, start: int, stop: int) -> Sums:
        combo = self.system.combo[start:stop]
        return self.plan_and_sums(prices, self.problem.cells.read(start, stop), combo)[1]

    def plan_and_sums(
        self, prices: SweepPrices, cells: CellBlock, combo: Combos
    ) -> tuple[BestPlan, Sums]:
        """Best plan of each cell; its ``slot`` is ``vintage x slots + slot``."""
        shape = (len(self.problem.methods), len(combo))
        _refuse_many(self.course.count, len(cells.sink))
        value, choice = np.empty(shape), np.empty(shape, np.int8)
        fields, terms = self._fields(cells, combo), self._terms(prices)
        _kernel.best_vintages(fields, terms, value, choice)
        x = self._filled(cells, value)
        sums = self.zero()
        _kernel.add_up(fields, terms, x, choice, sums.by_combo, sums.by_sink)
        return BestPlan(x, choice, value), sums

    def _filled(self, cells: CellBlock, value: F64) -> F64:
        """Each cell's land divided by value per gross tonne, shape (M, n)."""
        count, none = value.shape[1], np.zeros((1, 1))
        methods = np.zeros((len(value), 1))
        here = replace(
            cells, cost=-value, net=methods, sink=np.empty((0, count), np.int32), sink_cost=none,
            sink_loss=none, stored_ratio=methods, arriving=np.empty((0, 0, count)),
        )  # fmt: skip
        weight = np.zeros((1, len(value), len(self.filling.counted)))
        weight[0, :, 2] = -1.0
        by_value = SweepPrices(weight, np.full(1, -np.inf), True)
        return self.filling.plan(by_value, here, np.zeros(count, np.int32)).x

    def _fields(self, cells: CellBlock, combo: Combos) -> PathFields:
        return PathFields(
            combo, cells.land, cells.upper, cells.net, cells.cost, cells.need,
            cells.sink, cells.sink_cost, cells.sink_loss, cells.layers, cells.arriving,
            cells.stored_ratio,
        )  # fmt: skip

    def _terms(self, prices: SweepPrices) -> PathTerms:
        floor, wanted = self._tables
        methods, vintages = len(self.problem.methods), self.course.count
        priced = prices.weight[:, :, 4 : 4 + wanted.shape[1]].any(axis=0)
        wanted = wanted | priced.reshape(methods, vintages, -1).any(axis=1)
        used = np.zeros((methods, max(wanted.shape[1], 1)), np.int64)
        for m, mine in enumerate(wanted):
            layers = np.flatnonzero(mine)
            used[m, : len(layers)] = layers + 4
        return PathTerms(
            prices.weight, prices.sink_value, self.problem.stored, self.course.open,
            self.course.open.all(axis=1) & ~(floor < 0).any(axis=(1, 2)), floor, used,
            wanted.sum(axis=1).astype(np.int64), prices.uniform, self.group,
        )  # fmt: skip


MOST_CHOICES = 127
"""Most milestones times routes to storage of a cell: a choice is kept in one byte."""


def _refuse_many(milestones: int, routes: int) -> None:
    if milestones * max(routes, 1) > MOST_CHOICES:
        raise DataError(
            "too many milestones for so many routes to storage",
            where="milestones.years",
            got=f"{milestones} milestones, {routes} routes for each cell",
            expected=f"a product of at most {MOST_CHOICES}",
            cure="lower transport.sinks_per_cell, or give fewer milestones",
            rule=7,
        )

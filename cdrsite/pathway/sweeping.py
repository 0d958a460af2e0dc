"""Sweeps over all cells at the prices of all milestones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cdrsite.competition._kernel_terms import Bounds, Fields, Output
from cdrsite.competition.problem import CellBlock
from cdrsite.competition.sweeping import (
    BestPlan,
    Combos,
    Sums,
    Sweeper,
    SweepPrices,
    with_wide_land,
)
from cdrsite.core.errors import DataError
from cdrsite.pathway import _kernel
from cdrsite.pathway._kernel_terms import PathTerms
from cdrsite.pathway.course import Course

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PathPrices(SweepPrices):
    """An objective with prices, and all that the kernels make of them."""

    terms: PathTerms


@dataclass(frozen=True, eq=False)
class PathSweeper(Sweeper):
    """Sweeps a problem's cells over methods and vintages.

    The best vintage and sink of each method make one value per gross tonne; the knapsack of the
    competition then fills the cell with these values as it does in one year.
    """

    course: Course

    @cached_property
    def _tables(self) -> tuple[Any, ...]:
        """Floor of the net factor, and which layers each method has a use for."""
        course, layers = self.course, len(self.problem.layers)
        floor = course.least_net
        coefficient = np.abs(self.system.coefficient).sum(axis=0)
        shape = (len(self.problem.methods), course.count, -1)
        wanted = (coefficient.reshape(shape).sum(axis=1) > 0) | (floor != 0).any(axis=1)
        return floor, wanted[:, 4 : 4 + layers]

    def prices(self, objective: F64, price: F64) -> PathPrices:
        """Objective and row prices as the kernel takes them."""
        weight, values = self.system.weights(objective, price), self.system.sink_values(price)
        return PathPrices(weight, values, False, self._terms(weight, values))

    def zero(self) -> Sums:
        """Sums of nothing, by combination, method and vintage."""
        count = len(self.problem.methods) * self.course.count
        shape = (self.system.n_combos, count, len(self.problem.counted))
        return Sums(np.zeros(shape), np.zeros((self.n_groups, self.system.n_sinks)))

    def _run(
        self,
        prices: SweepPrices,
        cells: CellBlock,
        first: int,
        combo: Combos,
        sums: Sums,
        plan: BestPlan,
    ) -> None:
        """Sweep a block; ``slot`` of a plan is ``vintage x slots + slot``."""
        assert isinstance(prices, PathPrices)  # noqa: S101 - of its own making
        problem, cells = self.problem, with_wide_land(cells)
        _refuse_many(self.course.count, len(cells.sink))
        fields = Fields(
            first, combo, cells.land, cells.upper, cells.net, cells.cost, cells.need,
            cells.sink, cells.sink_cost, cells.sink_loss, cells.layers, cells.arriving,
            cells.stored_ratio,
        )  # fmt: skip
        out = Output(sums.by_combo, sums.by_sink, plan.x, plan.slot, plan.value)
        if self.has_lower or len(problem.local_need) or len(problem.land_rows):
            bounds = Bounds(
                cells.lower, self.has_lower, cells.local, problem.local_need_in(cells),
                cells.ground, problem.land_weight[1:],
            )  # fmt: skip
            _kernel.sweep_bounded(fields, prices.terms, bounds, out)
        else:
            _kernel.sweep(fields, prices.terms, out)

    def _terms(self, weight: F64, sink_value: F64) -> PathTerms:
        floor, wanted = self._tables
        methods, vintages = len(self.problem.methods), self.course.count
        priced = weight[:, :, 4 : 4 + wanted.shape[1]].any(axis=0)
        wanted = wanted | priced.reshape(methods, vintages, -1).any(axis=1)
        used = np.zeros((methods, max(wanted.shape[1], 1)), np.int64)
        for m, mine in enumerate(wanted):
            layers = np.flatnonzero(mine)
            used[m, : len(layers)] = layers + 4
        like, even = self._tastes(weight)
        asked = np.zeros_like(self.course.open)
        for m, first in enumerate(like.tolist()):
            asked[first] |= self.course.open[m]
        return PathTerms(
            weight, sink_value, self.problem.stored, self.problem.exclusive, self.course.open,
            asked, floor, used, wanted.sum(axis=1).astype(np.int64), like, even, self.group,
        )  # fmt: skip

    def _tastes(self, weight: F64) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """First method that weighs its sinks as each does, and whether all combinations do."""
        arrivals = range(weight.shape[2] - len(self.problem.arrivals), weight.shape[2])
        methods = len(self.problem.methods)
        taste = weight[:, :, [1, 2, *arrivals]].reshape(len(weight), methods, -1)
        like, stored = np.arange(methods), self.problem.stored > 0
        for m in np.flatnonzero(stored).tolist():
            same = (one for one in range(m) if stored[one])
            like[m] = next((i for i in same if (taste[:, i] == taste[:, m]).all()), m)
        return like, (taste == taste[:1]).all(axis=(0, 2))


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

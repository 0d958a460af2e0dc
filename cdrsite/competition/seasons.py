"""How a method that runs in the months that pay is swept: as plants of one to twelve months.

At given prices of the months the best plant of a cell runs in all months in which a tonne is worth
more than it pays, so in the cheapest ones, as many as pay; which ones are cheapest is the same in
all cells that share their pools. So the sweep sees twelve activities in place of the method, one
for each number of months, which share what the cell has for it; in each sweep, the months are put
in the order of their prices, and what an activity adds up to is booked on the months that it ran
in. A cell stays the small programme that it was, its best plan is exact for all months at once,
and so bound and plan are those of the whole linear programme, whatever other methods take in which
month. Per tonne an activity of k months pays for 12 / k of the capacity, and takes as much land.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cdrsite.competition.monthly import MONTHS
from cdrsite.competition.problem import QUANTITIES, CellBlock, Problem, finite
from cdrsite.competition.sameplaces import SamePlaces
from cdrsite.core.errors import DataError

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

NO_LIMIT = 1e6
"""Capacity of a cell, in terms of what its land allows, where the land limits it already [1]."""
ROUNDING = 1e-6
"""Land of a method beyond this share of the cell's is all of it: cells are kept in float32 [1]."""


@dataclass(frozen=True, eq=False)
class Seasons:
    """The activities of a problem with methods that run by season.

    Parameters
    ----------
    problem : Problem

    Raises
    ------
    DataError
        If rows of months count a method by more than one quantity: its months then have another
        order in each cell.
    """

    problem: Problem

    def __post_init__(self) -> None:
        for one in self.problem.seasonal:
            needs = [p.need.get(one.method, 0.0) for p in self.problem.pools if p.month >= 0]
            counted = sorted({n if isinstance(n, str) else "gross" for n in needs if n != 0.0})
            if len(counted) > 1:
                raise DataError(
                    "rows of months count a method that runs by season in several ways",
                    where=f"method {one.method!r}",
                    got=", ".join(counted),
                    expected="one quantity, so that its months have one order in all cells",
                    cure="let it run all year",
                    rule=8,
                )

    @cached_property
    def place(self) -> dict[str, int]:
        """Method that runs by season -> its first activity; that of twelve months, then less."""
        base = self.base.tolist()
        names = self.problem.method_names
        return {one.method: base.index(names.index(one.method)) for one in self.problem.seasonal}

    @cached_property
    def base(self) -> I64:
        """Method of each activity, shape (A,)."""
        by_season = {one.method for one in self.problem.seasonal}
        times = [MONTHS if name in by_season else 1 for name in self.problem.method_names]
        return np.repeat(np.arange(len(times)), times)

    @cached_property
    def months(self) -> F64:
        """Months in which each activity runs, shape (A,)."""
        found = np.full(len(self.base), float(MONTHS))
        for first in self.place.values():
            found[first : first + MONTHS] = np.arange(MONTHS, 0, -1)
        return found

    @property
    def per_output(self) -> F64:
        """Capacity per output of each activity, shape (A, 1) [1]."""
        return (MONTHS / self.months)[:, None]

    @cached_property
    def swept(self) -> Problem:
        """The problem of the sweeps: activities in place of methods, and no shared rows."""
        problem, base = self.problem, self.base
        names = problem.method_names
        owner = {names.index(one.method): one.method for one in problem.seasonal}
        methods = [
            replace(problem.methods[m], name=f"{owner[m]} in {k:.0f} months")
            if m in owner else problem.methods[m]
            for m, k in zip(base.tolist(), self.months, strict=True)
        ]  # fmt: skip
        per_output = self.per_output[:, 0].tolist()
        capacity = [
            [
                each if m == number else 0.0
                for m, each in zip(base.tolist(), per_output, strict=True)
            ]
            for number in owner
        ]
        local = [[row[m] for m in base.tolist()] for row in problem.local_need]
        return replace(
            problem,
            cells=SeasonCells(self.problem.cells, self),
            methods=methods,
            pools=(),
            sinks=(),
            policies=(),
            sales=(),
            captures=None,
            seasonal=(),
            local_need=[*local, *capacity],
            local_names=[*problem.local_names, *(f"capacity of {one}" for one in owner.values())],
            land_rows=[
                replace(row, weight=[row.weight[m] for m in base.tolist()])
                for row in problem.land_rows
            ],
        )

    def capital(self, cells: CellBlock) -> F64:
        """What each method pays for its capacity in some cells, (M, n) or (M, 1) [USD per t/yr]."""
        names, layers = self.problem.method_names, list(self.problem.layers)
        varied = any(isinstance(one.capital, str) for one in self.problem.seasonal)
        found = np.zeros((len(names), len(cells.land) if varied else 1))
        for one in self.problem.seasonal:
            value = one.capital
            row = cells.layers[layers.index(value)] if isinstance(value, str) else value
            found[names.index(one.method)] = row
        return found

    def read(self, start: int, stop: int) -> CellBlock:
        """The activities of some cells."""
        cells, base, each = self.problem.cells.read(start, stop), self.base, self.per_output
        upper = finite(np.broadcast_to(cells.upper, (len(self.problem.methods), len(cells.land))))
        capacity = []
        for one in self.problem.seasonal:
            m = self.problem.method_names.index(one.method)
            if np.broadcast_to(cells.lower, upper.shape)[m].any():
                raise DataError(
                    "a method that runs by season has no least size",
                    where=f"method {one.method!r}",
                    cure="let it run all year, or set its lower bound to 0",
                )
            # where its land is all that the cell has, the row of the land keeps it: no other row
            own = np.broadcast_to(cells.need, upper.shape)[m] * upper[m]
            all_of_it = self.problem.methods[m].exclusive == 1.0
            free = (own >= cells.land * (1.0 - ROUNDING)) & all_of_it & (upper[m] > 0)
            capacity.append(np.where(free, NO_LIMIT * upper[m], upper[m]))
        return replace(
            cells,
            upper=cells.upper[base] / each,
            net=cells.net[base],
            cost=cells.cost[base] + self.capital(cells)[base] * (each - 1.0),
            need=cells.need[base] * each,
            lower=cells.lower[base],
            stored_ratio=cells.stored_ratio[base],
            local=np.concatenate([cells.local, np.reshape(capacity, (-1, len(cells.land)))]),
        )

    @cached_property
    def _columns(self) -> tuple[I64, I64]:
        """Yearly quantities among all that are counted; those that are counted by month too."""
        problem = self.problem
        yearly = len(QUANTITIES) + len(problem.layers)
        by_month = problem.monthly
        arrivals = np.arange(len(problem.arrivals)) + yearly + MONTHS * len(by_month)
        names = [*QUANTITIES, *problem.layers]
        by_month_at = np.array([names.index(one) for one in by_month], np.int64)
        return np.concatenate([np.arange(yearly), arrivals]), by_month_at

    def _by_month(self, values: F64, m: int) -> F64:
        """Coefficients or sums of a method by monthly quantity and month, shape (C, J, 12)."""
        first, count = len(QUANTITIES) + len(self.problem.layers), len(self._columns[1])
        part = values[:, m, first : first + MONTHS * count]
        return part.reshape(len(values), count, MONTHS)

    def counted(self, counted: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Which quantities of the sweep are to be added up, of those asked for."""
        yearly, at = self._columns
        found = counted[yearly].copy()
        first = len(QUANTITIES) + len(self.problem.layers)
        some = counted[first : first + MONTHS * len(at)].reshape(len(at), MONTHS).any(axis=1)
        found[at[some]] = True
        return found

    def weights(self, weight: F64) -> tuple[F64, I64]:
        """Value of each quantity of the activities, and the months in the order of their worth.

        Parameters
        ----------
        weight : ndarray, shape (C, M, Q)
            Value of one unit of each quantity by combination and method.

        Returns
        -------
        tuple of ndarray
            Shapes (C, A, Q less those by month), and (C, methods by season, 12).
        """
        yearly, at = self._columns
        wide = weight[:, self.base][:, :, yearly]
        order = np.zeros((len(weight), len(self.place), MONTHS), np.int64)
        running = np.arange(1.0, MONTHS + 1)
        for s, first in enumerate(self.place.values()):
            value = self._by_month(weight, int(self.base[first]))
            order[:, s] = np.argsort(-value.sum(axis=1), axis=1, kind="stable")
            best = np.take_along_axis(value, order[:, s][:, None], axis=2)
            mean = best.cumsum(axis=2) / running  # (C, J, months run)
            wide[:, first : first + MONTHS, at] += mean[:, :, ::-1].transpose(0, 2, 1)
        return wide, order

    def all_year(self, weight: F64) -> F64:
        """Value of one unit of each quantity where methods run all year, shape (C, M, Q)."""
        at, total = self._columns[1], weight.copy()
        for first in self.place.values():
            m = int(self.base[first])
            total[:, m, at] += self._by_month(weight, m).mean(axis=2)
        return total

    def fold(self, by_combo: F64, order: I64) -> F64:
        """Sums by method, with those of each month, of sums by activity; shape (C, M, Q)."""
        problem = self.problem
        yearly, at = self._columns
        total = np.zeros((len(by_combo), len(problem.methods), len(problem.counted)))
        into = np.zeros((len(by_combo), len(problem.methods), len(yearly)))
        np.add.at(into.swapaxes(0, 1), self.base, by_combo.swapaxes(0, 1))
        total[:, :, yearly] = into
        for s, first in enumerate(self.place.values()):
            m = int(self.base[first])
            made = by_combo[:, first : first + MONTHS, at][:, ::-1]  # of 1, 2, ... months
            each = made / np.arange(1.0, MONTHS + 1)[None, :, None]
            ranked = each[:, ::-1].cumsum(axis=1)[:, ::-1].transpose(0, 2, 1)  # (C, J, rank)
            where = np.broadcast_to(order[:, s][:, None], ranked.shape)
            np.put_along_axis(self._by_month(total, m), where, ranked, axis=2)
        return total

    def by_method(
        self, start: int, x: F64, slot: npt.NDArray[np.int8], reduced: F64
    ) -> dict[str, Any]:
        """The plan of some cells by method, of that by activity: parts of a plan of a block.

        Where a method runs, its cost and its land per tonne are those of the capacity that it has
        there, and its most is that of the months in which it runs.

        Parameters
        ----------
        start : int
            First of the cells.
        x : ndarray, shape (A, K, n)
        slot, reduced : ndarray, shape (A, n)
        """
        problem, base, n = self.problem, self.base, x.shape[2]
        cells, count = problem.cells.read(start, start + n), len(problem.methods)
        made, capacity = np.zeros((count, *x.shape[1:])), np.zeros((count, n))
        np.add.at(made, base, x)
        np.add.at(capacity, base, x.sum(axis=1) * self.per_output)
        gross = made.sum(axis=1)
        share = np.divide(capacity, gross, out=np.ones((count, n)), where=gross > 0)
        first = np.searchsorted(base, np.arange(count))
        best, place = reduced[first].copy(), slot[first].copy()
        for a, m in enumerate(base.tolist()):
            better = reduced[a] > best[m]
            best[m], place[m] = (
                np.where(better, mine[a], known[m])
                for mine, known in ((reduced, best), (slot, place))
            )
        as_run = replace(
            cells,
            upper=cells.upper / share,
            cost=cells.cost + self.capital(cells) * (share - 1.0),
            need=cells.need * share,
        )
        return {"cells": as_run, "x": made, "slot": place, "reduced": best, "capacity": capacity}


@dataclass(frozen=True, eq=False)
class SeasonCells(SamePlaces):
    """The cells of a problem with activities in place of methods.

    Parameters
    ----------
    seasons : Seasons
        What the activities are.
    """

    seasons: Seasons

    def read(self, start: int, stop: int) -> CellBlock:
        """The activities of some cells."""
        return self.seasons.read(start, stop)

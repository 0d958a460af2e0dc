"""The master linear programme over columns, in HiGHS.

A column is what the cells of one group do at one vector of prices. The master mixes columns so
that all shared rows hold; its duals are the next prices (Dantzig and Wolfe 1960, Operations
Research 8, 101-111). Rows and objective are scaled to the size of one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cdrsite.competition.problem import Sense
from cdrsite.competition.sold import SaleColumns
from cdrsite.core.errors import SolverError
from cdrsite.core.solver import LinearSolver

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

TOLERANCE = 1e-10
"""Feasibility tolerance of the scaled programme."""
SIDES: dict[Sense, int] = {"<=": 1, ">=": -1, "=": 0}
"""Sense of a row -> on which side its limit is; 0 for both."""
SEED = 0
"""Random seed of the solver."""
LONG, MANY, PART = 6, 200, 0.25
"""Solutions in a row after which an idle column is old; how many old ones, and which part of all,
are worth to be dropped together."""


@dataclass(frozen=True, eq=False)
class MasterSolution:
    """Answer of the master, unscaled.

    Parameters
    ----------
    value : float
        Objective of the mix.
    price : ndarray, shape (R,)
        Gain of the objective per unit of limit.
    group_price : ndarray, shape (G,)
    share : ndarray, shape (J,)
        Weight of each column.
    give : ndarray, shape (R,)
        By how much each row is broken [its unit]; zeros unless rows are elastic.
    sold : ndarray, shape (V,)
        What is sold.
    """

    value: float
    price: F64
    group_price: F64
    share: F64
    give: F64
    sold: F64


class Master:
    """Columns so far, in one HiGHS object that keeps its basis.

    Parameters
    ----------
    senses, limits : rows
    scale : ndarray, shape (R,)
        Size of each row.
    value_scale : float
        Size of the objective.
    n_groups : int
    sales : SaleColumns
    worth : ndarray, shape (V,)
        What a unit sold adds to the objective.
    optional : bool
        Whether a group may do less than its columns (true without lower bounds).
    lean : bool
        Drop columns that have long been no part of the basis: with many rows and sweeps they cost
        more than those that are made again.
    """

    def __init__(
        self,
        senses: list[Sense],
        limits: F64,
        scale: F64,
        value_scale: float,
        n_groups: int,
        sales: SaleColumns,
        worth: F64,
        *,
        optional: bool,
        lean: bool = False,
    ) -> None:
        self.senses, self.scale = senses, scale
        self.value_scale, self.n_groups = value_scale, n_groups
        self.sales, self.worth = sales, worth
        self.group = np.empty(0, np.int64)
        self.origin = np.empty(0, np.int64)
        self.value = np.empty(0)
        self.lean, self._idle = lean, np.empty(0, np.int64)
        self.phase_one = False
        self._solver = LinearSolver(
            maximise=True, seed=SEED,
            primal_feasibility_tolerance=TOLERANCE, dual_feasibility_tolerance=TOLERANCE,
            simplex_strategy=4,  # columns come: the basis stays feasible
        )  # fmt: skip
        self._sides = np.array([SIDES[sense] for sense in senses], np.int8)
        self._put_limits(limits)
        low = np.concatenate([self._row_low, np.full(n_groups, -np.inf if optional else 1.0)])
        high = np.concatenate([self._row_high, np.ones(n_groups)])
        none = np.empty(0, np.int32)
        self._solver.add_rows(low, high, none, none, np.empty(0))
        self._add_elastic()
        self._add_sales()

    def _put_limits(self, limits: F64) -> None:
        self.limits, rhs = limits, limits / self.scale
        self._row_low = np.where(self._sides <= 0, rhs, -np.inf)
        self._row_high = np.where(self._sides >= 0, rhs, np.inf)

    def set_limits(self, limits: F64) -> None:
        """Put other limits in their place."""
        self._put_limits(limits)
        self.restore_rows(np.ones(len(limits), np.bool_))

    def _add_elastic(self) -> None:
        """Two columns per row that break it upwards and downwards; fixed at 0 until phase one."""
        rows = np.repeat(np.arange(len(self.senses), dtype=np.int32), 2)
        self._n_elastic = len(rows)
        values = np.tile([1.0, -1.0], len(self.senses))
        zero = np.zeros(len(rows))
        starts = np.arange(len(rows), dtype=np.int32)
        if len(rows):
            self._solver.add_columns(zero, zero, zero, starts, rows, values)

    def _add_sales(self) -> None:
        """A column for what is sold to each customer, in parts of what they take at most."""
        sales = self.sales
        self._first = self._n_elastic + len(sales.most)
        order = np.argsort(sales.column, kind="stable")
        row, column = sales.row[order].astype(np.int32), sales.column[order]
        size = np.where(np.isfinite(sales.most), sales.most, 0.0)
        reach = np.zeros(len(size))
        np.maximum.at(reach, column, self.scale[row])
        self._size = np.where(size > 0.0, size, np.where(reach > 0.0, reach, 1.0))
        if len(size):
            starts = np.searchsorted(column, np.arange(len(size))).astype(np.int32)
            values = sales.weight[order] * self._size[column] / self.scale[row]
            cost = self.worth * self._size / self.value_scale
            most = np.where(sales.most > 0.0, sales.most / self._size, 0.0)
            self._solver.add_columns(cost, np.zeros(len(size)), most, starts, row, values)
        self._add_owners()

    def _add_owners(self) -> None:
        """A row for each owner: all its columns together are used at most once."""
        sales = self.sales
        owners, starts = np.unique(sales.owner, return_index=True)
        low = np.where(sales.must[starts], 1.0, -np.inf)
        index = np.arange(len(sales.owner), dtype=np.int32) + self._n_elastic + sales.alone
        if len(owners):
            self._solver.add_rows(
                low, np.ones(len(owners)), starts.astype(np.int32), index.astype(np.int32),
                np.ones(len(index)),
            )  # fmt: skip

    @property
    def objective_scale(self) -> float:
        """Size of the present objective: breaks are counted in scaled units."""
        return 1.0 if self.phase_one else self.value_scale

    def set_elastic(self, rows: npt.NDArray[np.bool_] | None) -> None:
        """Let some rows be broken at a cost of one per scaled unit, in place of the objective.

        None brings the objective back, and all rows hold.
        """
        self.phase_one = rows is not None
        if rows is None:
            rows = np.zeros(len(self.senses), dtype=bool)
        opened = (np.stack([self._sides <= 0, self._sides >= 0], axis=1) & rows[:, None]).ravel()
        self._solver.set_bounds(np.zeros(len(opened)), np.where(opened, np.inf, 0.0))
        self._solver.set_costs(np.where(opened, -1.0, 0.0))
        self._put_costs()

    def rescale(self, value_scale: float) -> None:
        """Change the size of the objective."""
        self.value_scale = value_scale
        self._put_costs()

    def _put_costs(self) -> None:
        costs = np.concatenate([self.worth * self._size, self.value]) / self.value_scale
        if self.phase_one:
            costs = np.zeros(len(costs))
        self._solver.set_costs(costs, first=self._n_elastic)

    def free_rows(self, rows: npt.NDArray[np.bool_]) -> None:
        """Drop the limits of some rows."""
        for r in np.flatnonzero(rows):
            self._solver.set_row(int(r), -np.inf, np.inf)

    def restore_rows(self, rows: npt.NDArray[np.bool_]) -> None:
        """Give some rows their limits back."""
        for r in np.flatnonzero(rows):
            self._solver.set_row(int(r), float(self._row_low[r]), float(self._row_high[r]))

    def add_columns(self, value: F64, activity: F64, groups: I64, origin: int) -> None:
        """Add one column per group of ``groups``.

        Parameters
        ----------
        value : ndarray, shape (G,)
        activity : ndarray, shape (R, G)
        groups : ndarray of int
        origin : int
            Number of the price vector that made them.
        """
        if not len(groups):
            return
        n_rows = len(self.senses)
        body = np.vstack(
            [activity[:, groups] / self.scale[:, None], np.zeros((self.n_groups, len(groups)))]
        )
        body[n_rows + groups, np.arange(len(groups))] = 1.0
        flat = body.T
        filled = flat != 0.0
        counts = filled.sum(axis=1)
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int32)
        index = np.nonzero(filled)[1].astype(np.int32)
        cost = np.zeros(len(groups)) if self.phase_one else value[groups] / self.value_scale
        zeros, free = np.zeros(len(groups)), np.full(len(groups), np.inf)
        self._solver.add_columns(cost, zeros, free, starts, index, flat[filled])
        self.group = np.concatenate([self.group, groups])
        self.origin = np.concatenate([self.origin, np.full(len(groups), origin)])
        self.value = np.concatenate([self.value, value[groups]])
        self._idle = np.concatenate([self._idle, np.zeros(len(groups), np.int64)])

    def drawn(self, solution: MasterSolution) -> F64:
        """What the cells take of each row in the last mix, (R,); rows are not elastic."""
        used = self._solver.row_values[: len(self.senses)] * self.scale
        return used - self.sales.use(solution.sold, len(used))

    def solve(self) -> MasterSolution:
        """Solve; the objective is minus the sum of breaks where rows are elastic.

        Raises
        ------
        SolverError
            If HiGHS does not end at an optimum.
        """
        ended = self._solver.run()
        n_rows = len(self.senses)
        if ended == "empty":  # no column yet, and no row that could ask for one
            zeros = np.zeros(n_rows)
            none = np.zeros(0)
            return MasterSolution(0.0, zeros, np.zeros(self.n_groups), none, zeros, none)
        if ended != "optimal":
            raise SolverError(
                "the master programme was not solved", got=ended, expected="optimal", rule=8
            )
        scale = self.objective_scale
        price, x = self._solver.prices(self._sides), self._solver.x
        give = (x[: self._n_elastic : 2] + x[1 : self._n_elastic : 2]) * self.scale
        return MasterSolution(
            value=self._solver.value * scale,
            price=price[:n_rows] * scale / self.scale,
            group_price=price[n_rows : n_rows + self.n_groups] * scale,
            share=self._kept(np.maximum(x[self._first :], 0.0)),
            give=give,
            sold=np.clip(x[self._n_elastic : self._first] * self._size, 0.0, self.sales.most),
        )

    def _kept(self, share: F64) -> F64:
        """Drop columns that have long been idle; shares of the others."""
        if not self.lean or self.phase_one:
            return share
        idle = (share == 0.0) & (self._solver.reduced_costs[self._first :] != 0.0)
        self._idle = np.where(idle, self._idle + 1, 0)
        old = self._idle >= LONG
        if old.sum() < max(MANY, PART * len(old)):
            return share
        self._solver.delete_columns((np.flatnonzero(old) + self._first).astype(np.int32))
        self.group, self.origin = self.group[~old], self.origin[~old]
        self.value, self._idle = self.value[~old], self._idle[~old]
        return share[~old]

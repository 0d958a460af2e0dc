"""The master linear programme over columns, in HiGHS.

A column is what the cells of one group do at one vector of prices. The master mixes columns so
that all shared rows hold; its duals are the next prices (Dantzig and Wolfe 1960, Operations
Research 8, 101-111). Rows and objective are scaled to the size of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cdrsite.competition.problem import Sense
from cdrsite.core.errors import SolverError
from cdrsite.core.solver import quiet_highs

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

TOLERANCE = 1e-10
"""Feasibility tolerance of the scaled programme."""
SEED = 0
"""Random seed of the solver."""


def new_highs() -> Any:
    """A silent HiGHS with the tolerances of the master."""
    highs = quiet_highs(SEED)
    highs.setOptionValue("primal_feasibility_tolerance", TOLERANCE)
    highs.setOptionValue("dual_feasibility_tolerance", TOLERANCE)
    return highs


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
    """

    value: float
    price: F64
    group_price: F64
    share: F64
    give: F64


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
    optional : bool
        Whether a group may do less than its columns (true without lower bounds).
    """

    def __init__(
        self,
        senses: list[Sense],
        limits: F64,
        scale: F64,
        value_scale: float,
        n_groups: int,
        *,
        optional: bool,
    ) -> None:
        self.senses, self.limits, self.scale = senses, limits, scale
        self.value_scale, self.n_groups = value_scale, n_groups
        self.group = np.empty(0, np.int64)
        self.origin = np.empty(0, np.int64)
        self.value = np.empty(0)
        self.phase_one = False
        self._highs = new_highs()
        infinity = self._highs.getInfinity()
        self._highs.setOptionValue("simplex_strategy", 4)  # columns come: the basis stays feasible
        self._sign = np.array([-1.0 if sense == ">=" else 1.0 for sense in senses])
        rhs = limits / scale
        low = np.array([-infinity if sense == "<=" else 0.0 for sense in senses])
        high = np.array([infinity if sense == ">=" else 0.0 for sense in senses])
        low[np.isfinite(low)] = rhs[np.isfinite(low)]
        high[np.isfinite(high)] = rhs[np.isfinite(high)]
        n_rows = len(senses) + n_groups
        self._row_low, self._row_high = low, high
        low = np.concatenate([low, np.full(n_groups, -infinity if optional else 1.0)])
        high = np.concatenate([high, np.ones(n_groups)])
        none = np.empty(0, np.int32)
        self._highs.addRows(n_rows, low, high, 0, none, none, np.empty(0))
        self._add_elastic(infinity)
        self._highs.changeObjectiveSense(_maximize())

    def _add_elastic(self, infinity: float) -> None:
        """Two columns per row that break it upwards and downwards; fixed at 0 until phase one."""
        rows = np.repeat(np.arange(len(self.senses), dtype=np.int32), 2)
        self._n_elastic = len(rows)
        values = np.tile([1.0, -1.0], len(self.senses))
        zero = np.zeros(len(rows))
        starts = np.arange(len(rows), dtype=np.int32)
        if len(rows):
            self._highs.addCols(len(rows), zero, zero, zero, len(rows), starts, rows, values)
        self._infinity = infinity

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
        for r, sense in enumerate(self.senses):
            open_up = rows[r] and sense in {">=", "="}
            open_down = rows[r] and sense in {"<=", "="}
            for column, opened in ((2 * r, open_up), (2 * r + 1, open_down)):
                self._highs.changeColBounds(column, 0.0, self._infinity if opened else 0.0)
                self._highs.changeColCost(column, -1.0 if opened else 0.0)
        self._put_costs()

    def rescale(self, value_scale: float) -> None:
        """Change the size of the objective."""
        self.value_scale = value_scale
        self._put_costs()

    def _put_costs(self) -> None:
        costs = np.zeros(len(self.value)) if self.phase_one else self.value / self.value_scale
        for j, cost in enumerate(costs):
            self._highs.changeColCost(self._n_elastic + j, float(cost))

    def free_rows(self, rows: npt.NDArray[np.bool_]) -> None:
        """Drop the limits of some rows."""
        for r in np.flatnonzero(rows):
            self._highs.changeRowBounds(int(r), -self._infinity, self._infinity)

    def restore_rows(self, rows: npt.NDArray[np.bool_]) -> None:
        """Give some rows their limits back."""
        for r in np.flatnonzero(rows):
            low, high = float(self._row_low[r]), float(self._row_high[r])
            self._highs.changeRowBounds(int(r), low, high)

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
        self._highs.addCols(
            len(groups),
            cost,
            np.zeros(len(groups)),
            np.full(len(groups), self._infinity),
            len(index),
            starts,
            index,
            flat[filled],
        )
        self.group = np.concatenate([self.group, groups])
        self.origin = np.concatenate([self.origin, np.full(len(groups), origin)])
        self.value = np.concatenate([self.value, value[groups]])

    def solve(self) -> MasterSolution:
        """Solve; the objective is minus the sum of breaks where rows are elastic.

        Raises
        ------
        SolverError
            If HiGHS does not end at an optimum.
        """
        self._highs.run()
        status = self._highs.getModelStatus()
        text = self._highs.modelStatusToString(status)
        if text == "Empty":  # no column yet, and no row that could ask for one
            return self._nothing()
        if text != "Optimal":
            raise SolverError(
                "the master programme was not solved", got=text, expected="Optimal", rule=8
            )
        solution = self._highs.getSolution()
        n_rows = len(self.senses)
        scale = self.objective_scale
        dual = np.array(solution.row_dual)
        x = np.array(solution.col_value)
        give = (x[: self._n_elastic : 2] + x[1 : self._n_elastic : 2]) * self.scale
        return MasterSolution(
            value=float(self._highs.getObjectiveValue()) * scale,
            price=self._clean(dual[:n_rows]) * scale / self.scale,
            group_price=dual[n_rows:] * scale,
            share=np.maximum(x[self._n_elastic :], 0.0),
            give=give,
        )

    def _nothing(self) -> MasterSolution:
        rows, none = np.zeros(len(self.senses)), np.zeros(0)
        return MasterSolution(0.0, rows, np.zeros(self.n_groups), none, rows)

    def _clean(self, dual: F64) -> F64:
        """Cut duals of the wrong sign, which are within the tolerance of zero."""
        free = np.array([sense == "=" for sense in self.senses], dtype=bool)
        return np.where(free, dual, self._sign * np.maximum(self._sign * dual, 0.0))


def _maximize() -> Any:
    import highspy

    return highspy.ObjSense.kMaximize

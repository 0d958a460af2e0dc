"""A linear relaxation that stays in the solver: rows come, bounds change, the basis is kept."""

from __future__ import annotations

import highspy
import numpy as np

from cdrsite.core.errors import SolverError
from cdrsite.core.solver import quiet_highs
from cdrsite.network.model import DesignModel, Rows

_EMPTY = {
    highspy.HighsModelStatus.kInfeasible,
    highspy.HighsModelStatus.kUnboundedOrInfeasible,
}


class Relaxation:
    """The relaxation of a model, solved again and again from its last basis.

    Parameters
    ----------
    model : DesignModel
        Its rows are copied; rows added later stay in the relaxation only.
    """

    def __init__(self, model: DesignModel) -> None:
        self.size = model.layout.size
        self._columns = np.arange(self.size, dtype=np.int32)
        self._highs = quiet_highs()
        self._highs.passModel(model.lp(integer=False))
        self._base = len(model.rows)
        self._cuts = Rows()
        self.solves = 0

    def add(self, rows: Rows) -> None:
        """Add cuts."""
        if not len(rows):
            return
        self._cuts.extend(rows)
        matrix = rows.matrix(self.size)
        self._highs.addRows(
            len(rows),
            np.array(rows.lower),
            np.array(rows.upper),
            matrix.nnz,
            matrix.indptr[:-1].astype(np.int32),
            matrix.indices.astype(np.int32),
            matrix.data,
        )

    def set_bounds(self, lower: np.ndarray, upper: np.ndarray) -> None:
        """Replace the bounds of all columns."""
        self._highs.changeColsBounds(self.size, self._columns, lower, upper)

    def solve(self) -> tuple[float, np.ndarray] | None:
        """Give value and solution; None where there is none.

        Raises
        ------
        SolverError
            HiGHS cannot say.
        """
        self._highs.run()
        self.solves += 1
        if self._highs.getModelStatus() not in {highspy.HighsModelStatus.kOptimal, *_EMPTY}:
            self._highs.clearSolver()  # the last basis led nowhere: begin without one
            self._highs.run()
        status = self._highs.getModelStatus()
        if status in _EMPTY:
            return None
        if status != highspy.HighsModelStatus.kOptimal:
            raise SolverError("HiGHS failed on the relaxation of the network", got=str(status))
        value = self._highs.getInfo().objective_function_value
        return float(value), np.array(self._highs.getSolution().col_value)

    def tight_cuts(self) -> Rows:
        """Give the cuts that hold with equality in the last solution."""
        return self._cuts.take(~self._slack())

    def purge(self) -> None:
        """Drop the cuts that do not hold with equality: each makes every later solution dearer."""
        slack = self._slack()
        if not slack.any():
            return
        self._cuts = self._cuts.take(~slack)
        rows = (self._base + np.flatnonzero(slack)).astype(np.int32)
        self._highs.deleteRows(len(rows), rows)

    def _slack(self) -> np.ndarray:
        """Mark the cuts that leave room; shape (cuts,)."""
        value = self.row_values()[self._base :]
        scale = np.maximum(1.0, self._cuts.largest())
        return np.asarray(value > np.array(self._cuts.lower) + 1e-5 * scale)

    def row_values(self) -> np.ndarray:
        """Activity of each row in the last solution."""
        return np.array(self._highs.getSolution().row_value)

    def reduced_costs(self) -> np.ndarray:
        """Reduced cost of each column in the last solution."""
        return np.array(self._highs.getSolution().col_dual)

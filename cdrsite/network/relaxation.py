"""A linear relaxation that stays in the solver: rows come, bounds change, the basis is kept."""

from __future__ import annotations

import highspy
import numpy as np

from cdrsite.core.solver import quiet_highs
from cdrsite.network.model import Model, Rows


class Relaxation:
    """The relaxation of a model, solved again and again from its last basis.

    Parameters
    ----------
    model : Model
        Its rows are copied; rows added later stay in the relaxation only.
    """

    def __init__(self, model: Model) -> None:
        self.size = model.layout.size
        self._columns = np.arange(self.size, dtype=np.int32)
        self._highs = quiet_highs()
        self._highs.passModel(model.lp(integer=False))
        self.solves = 0

    def add(self, rows: Rows) -> None:
        """Add rows."""
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

    def set_cost(self, cost: np.ndarray) -> None:
        """Replace the cost of all columns."""
        self._highs.changeColsCost(self.size, self._columns, cost)

    def solve(self) -> tuple[float, np.ndarray] | None:
        """Give value and solution; None where there is none."""
        self._highs.run()
        self.solves += 1
        if self._highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        value = self._highs.getInfo().objective_function_value
        return float(value), np.array(self._highs.getSolution().col_value)

    def row_values(self) -> np.ndarray:
        """Activity of each row in the last solution."""
        return np.array(self._highs.getSolution().row_value)

    def reduced_costs(self) -> np.ndarray:
        """Reduced cost of each column in the last solution."""
        return np.array(self._highs.getSolution().col_dual)

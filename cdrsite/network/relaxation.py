"""A linear relaxation that stays in the solver: rows come, bounds change, the basis is kept."""

from __future__ import annotations

import numpy as np

from cdrsite.core.errors import SolverError
from cdrsite.core.solver import LinearSolver
from cdrsite.network.model import DesignModel, Rows


class Relaxation:
    """The relaxation of a model, solved again and again from its last basis.

    Parameters
    ----------
    model : DesignModel
        Its rows are copied; rows added later stay in the relaxation only.
    """

    def __init__(self, model: DesignModel) -> None:
        self.size = model.layout.size
        self._solver = LinearSolver(model.programme(integer=False))
        self._base = len(model.rows)
        self._cuts = Rows()
        self.solves = 0

    def add(self, rows: Rows) -> None:
        """Add cuts."""
        if not len(rows):
            return
        self._cuts.extend(rows)
        matrix = rows.matrix(self.size)
        self._solver.add_rows(
            np.array(rows.lower),
            np.array(rows.upper),
            matrix.indptr[:-1].astype(np.int32),
            matrix.indices.astype(np.int32),
            matrix.data,
        )

    def set_bounds(self, lower: np.ndarray, upper: np.ndarray) -> None:
        """Replace the bounds of all columns."""
        self._solver.set_bounds(lower, upper)

    def solve(self) -> tuple[float, np.ndarray] | None:
        """Give value and solution; None where there is none.

        Raises
        ------
        SolverError
            HiGHS cannot say.
        """
        ended = self._solver.run()
        self.solves += 1
        if ended not in {"optimal", "infeasible"}:
            self._solver.forget()  # the last basis led nowhere: begin without one
            ended = self._solver.run()
        if ended == "infeasible":
            return None
        if ended != "optimal":
            raise SolverError("HiGHS failed on the relaxation of the network", got=ended)
        return self._solver.value, self._solver.x

    @property
    def cuts(self) -> int:
        """Number of cuts."""
        return len(self._cuts)

    def tight_cuts(self) -> Rows:
        """Give the cuts that hold with equality in the last solution."""
        return self._cuts.take(~self._slack())

    def purge(self) -> None:
        """Drop the cuts that do not hold with equality: each makes every later solution dearer."""
        slack = self._slack()
        if not slack.any():
            return
        self._cuts = self._cuts.take(~slack)
        self._solver.delete_rows((self._base + np.flatnonzero(slack)).astype(np.int32))

    def _slack(self) -> np.ndarray:
        """Mark the cuts that leave room; shape (cuts,)."""
        value = self.row_values()[self._base :]
        scale = np.maximum(1.0, self._cuts.largest())
        return np.asarray(value > np.array(self._cuts.lower) + 1e-5 * scale)

    def row_values(self) -> np.ndarray:
        """Activity of each row in the last solution."""
        return self._solver.row_values

    def reduced_costs(self) -> np.ndarray:
        """Reduced cost of each column in the last solution."""
        return self._solver.reduced_costs

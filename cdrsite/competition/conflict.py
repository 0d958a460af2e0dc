"""Which rows are in conflict, and by how much each would have to give.

Phase one ends with prices that prove that no plan keeps all rows; only rows with a price are part
of the proof. A deletion filter (Chinneck and Dravnieks 1991, ORSA Journal on Computing 3, 157-168)
then drops every row without which the rest is still in conflict: what stays is irreducible.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cdrsite.core.errors import InfeasibleError

FEASIBLE = 1e-9
"""Scaled sum of breaks below which a plan counts as keeping its rows."""

if TYPE_CHECKING:
    from cdrsite.competition.master import MasterSolution
    from cdrsite.competition.prices import Generator


def explain_conflict(generator: Generator, found: MasterSolution) -> ConflictError:
    """Reduce a conflict to the smallest set of rows and say what each would have to give."""
    active = np.abs(found.price * generator.scale) > 1e-7
    for r in np.flatnonzero(active):
        without = active.copy()
        without[r] = False
        generator.restart(without)
        if generator.least_breaks(without).value < -10 * FEASIBLE:
            active = without
    rows = generator.system.rows
    gives = [
        (rows[r].name, _least_give(generator, active, int(r)), rows[r].unit)
        for r in np.flatnonzero(active)
    ]
    return ConflictError(tuple(gives))


def _least_give(generator: Generator, active: npt.NDArray[np.bool_], row: int) -> float:
    """By how much one row has to give while all others are kept [its unit].

    Where there is more than one conflict, no row alone can end them all: then only the others of
    this conflict are kept.
    """
    only = np.zeros_like(active)
    only[row] = True
    for kept in (np.ones_like(active), active):
        generator.restart(kept)
        generator.master.free_rows(only)
        if generator.least_breaks(kept & ~only).value >= -10 * FEASIBLE:
            break
    generator.master.restore_rows(only)
    return float(generator.least_breaks(only, exactly=True).give[row])


class ConflictError(InfeasibleError):
    """No plan keeps all rows.

    Attributes
    ----------
    conflict : tuple of (str, float, str)
        Rows in conflict: name, by how much it would have to give if the others stay, unit.
    """

    def __init__(self, conflict: tuple[tuple[str, float, str], ...]) -> None:
        parts = [f"{name} by {give:.6g} {unit}".rstrip() for name, give, unit in conflict]
        super().__init__(
            "no plan keeps all rows; these are in conflict with what the cells can do: "
            + "; ".join(name for name, _, _ in conflict),
            cure="loosen one of them: " + ", or ".join(parts),
            rule=8,
        )
        self.conflict = conflict

"""Cells of a problem seen otherwise: with more or fewer layers or methods, in the same places."""

from __future__ import annotations

from dataclasses import dataclass

from cdrsite.competition.problem import CellSource, IntArray


@dataclass(frozen=True, eq=False)
class SamePlaces:
    """As many cells, in the same zones; what is read of them, a subclass says.

    With that it is a :class:`~cdrsite.competition.problem.CellSource`.

    Parameters
    ----------
    source : CellSource
        The cells as they are.
    """

    source: CellSource

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return self.source.n_cells

    def zones(self, zoning: str, start: int, stop: int) -> IntArray:
        """Zone of each cell in a zoning."""
        return self.source.zones(zoning, start, stop)

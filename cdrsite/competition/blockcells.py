"""The competition's cells as they come from blocks of the grid, in memory or in one file per block.

Only cells where some method is possible take part. They are in the order of the blocks, row by row
within a block, wherever they are kept; so sums over them are the same bytes (rule 9).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.competition.problem import ArrayCells, CellBlock, IntArray

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

WHOLE = ("sink", "place", "zones")
"""Fields of whole numbers, kept as int32 in the same matrix."""


@dataclass(frozen=True)
class CellLayout:
    """Which rows of a matrix of cells hold what; every value takes four bytes.

    Attributes
    ----------
    methods, sinks : int
        Number of methods, and of storage units per cell.
    layers, local, zonings : tuple of str
        Needs that differ from cell to cell, supplies that cannot leave it, zonings.
    storing : bool
        Whether what is stored per gross tonne differs from cell to cell.
    land_rows : int
        Number of land rows.
    """

    methods: int
    sinks: int = 0
    layers: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    zonings: tuple[str, ...] = ()
    storing: bool = False
    land_rows: int = 0

    @cached_property
    def rows(self) -> dict[str, slice]:
        """Name of a field -> its rows."""
        sizes = {
            "land": 1,
            **dict.fromkeys(("upper", "net", "cost", "need"), self.methods),
            **dict.fromkeys(("sink", "sink_cost", "sink_loss"), self.sinks),
            "layers": len(self.layers),
            "local": len(self.local),
            "ground": self.land_rows,
            "stored_ratio": self.methods if self.storing else 0,
            "zones": len(self.zonings),
            "place": 1,
        }
        ends = np.cumsum([0, *sizes.values()]).tolist()
        return {name: slice(ends[i], ends[i + 1]) for i, name in enumerate(sizes)}

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.rows["place"].stop

    def field(self, matrix: F32, name: str) -> NDArray[Any]:
        """View of a field of a matrix of shape (height, n)."""
        part = matrix[self.rows[name]]
        return part.view(np.int32) if name in WHOLE else part

    def matrix(self, fields: Mapping[str, Any], count: int) -> F32:
        """Matrix of cells from its fields."""
        made = np.zeros((self.height, count), np.float32)
        for name, values in fields.items():
            self.field(made, name)[:] = values
        return made

    def cells(self, matrix: F32) -> ArrayCells:
        """Cells in memory that look into a matrix."""
        fields = {name: self.field(matrix, name) for name in self.rows if name != "place"}
        land, zones = fields.pop("land")[0], fields.pop("zones")
        known = {name: rows for name, rows in fields.items() if len(rows)}
        return ArrayCells(land, zone_ids=dict(zip(self.zonings, zones, strict=True)), **known)


@dataclass(frozen=True, eq=False)
class BlockCells:
    """Cells of all blocks; a :class:`~cdrsite.competition.problem.CellSource`.

    Attributes
    ----------
    layout : CellLayout
        What the matrices hold.
    counts : tuple of int
        Cells of each block.
    matrices : tuple of ndarray or Path
        One matrix per block, or the file with it.
    """

    layout: CellLayout
    counts: tuple[int, ...]
    matrices: tuple[F32 | Path, ...]

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """First cell of each block, and the end."""
        return np.concatenate([[0], np.cumsum(self.counts, dtype=np.int64)])

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return int(self.offsets[-1])

    def span(self, block: int) -> tuple[int, int]:
        """First cell and end of a block."""
        return int(self.offsets[block]), int(self.offsets[block + 1])

    def matrix(self, start: int, stop: int, rows: slice = slice(None)) -> F32:
        """Matrix of the cells ``start`` to ``stop``, or some rows of it."""
        row, end, _ = rows.indices(self.layout.height)
        made = np.empty((end - row, max(stop - start, 0)), np.float32)
        first = int(np.searchsorted(self.offsets, start, side="right")) - 1
        for block in range(first, len(self.counts)):
            begin, after = self.span(block)
            if begin >= stop:
                break
            low, high = max(start, begin), min(stop, after)
            if high > low:
                self._fill(block, low - begin, made[:, low - start : high - start], row)
        return made

    def _fill(self, block: int, first: int, out: F32, row: int) -> None:
        """Read cells of a block from its ``first`` one on, from a row of the matrix on."""
        held, count = self.matrices[block], self.counts[block]
        if not isinstance(held, Path):
            out[:] = held[row : row + len(out), first : first + out.shape[1]]
            return
        # read, not mapped: what the system keeps of the file is then not memory of this process
        with held.open("rb", buffering=0) as file:
            for i, line in enumerate(out):
                file.seek(((row + i) * count + first) * line.itemsize)
                if file.readinto(line) != line.nbytes:
                    raise EOFError(f"cells are missing at the end of {held}")

    def read(self, start: int, stop: int) -> CellBlock:
        """Return cells ``start`` to ``stop``."""
        return self.layout.cells(self.matrix(start, stop)).read(0, stop - start)

    def zones(self, zoning: str, start: int, stop: int) -> IntArray:
        """Zone of each cell in a zoning, -1 where it lies in none."""
        row = self.layout.rows["zones"].start + self.layout.zonings.index(zoning)
        found: IntArray = self.matrix(start, stop, slice(row, row + 1)).view(np.int32)[0]
        return found

    def places(self, block: int) -> NDArray[np.int32]:
        """Where a block's cells lie in it, row by row, shape (n,)."""
        place = np.empty((1, self.counts[block]), np.float32)
        self._fill(block, 0, place, self.layout.rows["place"].start)
        return place.view(np.int32)[0]


def write_cells(path: Path, matrix: F32) -> None:
    """Write the cells of a block as they are read back: plain numbers, row by row."""
    np.ascontiguousarray(matrix, np.float32).tofile(path)

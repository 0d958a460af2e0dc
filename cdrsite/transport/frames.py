"""Arrays read block by block with a halo, whose border strips stay in memory.

A block needs some cells of its neighbours around it. Chunks on disk are as large as blocks, so
reading those few cells would read eight chunks more; what lies near the borders of blocks is kept
in memory instead, a few rows and columns of each block.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.grid import Block

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from cdrsite.engine.arrays import CellArray

    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Blocking:
    """How a grid is cut into blocks, and how far their halos reach.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of the grid.
    pad : int
        Width of a halo [cells]; not above ``block``.
    block : int
        Side of a block [cells]; the last ones may be smaller.
    """

    shape: tuple[int, int]
    pad: int
    block: int

    @property
    def across(self) -> int:
        """Number of block columns."""
        return -(-self.shape[1] // self.block)

    def __len__(self) -> int:
        """Number of blocks."""
        return -(-self.shape[0] // self.block) * self.across

    def at(self, number: int) -> Block:
        """A block by its number, row-major."""
        row, col = number // self.across * self.block, number % self.across * self.block
        return Block(
            row, min(row + self.block, self.shape[0]), col, min(col + self.block, self.shape[1])
        )

    def window(self, number: int) -> tuple[int, int]:
        """Rows and columns of a block with its halo."""
        rows, cols = self.at(number).shape
        return rows + 2 * self.pad, cols + 2 * self.pad

    @property
    def inner(self) -> tuple[slice, slice]:
        """The block in its window."""
        return slice(self.pad, -self.pad), slice(self.pad, -self.pad)

    def neighbours(self, number: int) -> Iterator[tuple[int, tuple[slice, slice]]]:
        """The blocks around a block, each with its part of the window's halo."""
        down, across = len(self) // self.across, self.across
        high, wide = self.at(number).shape
        rows = (slice(0, self.pad), slice(self.pad, self.pad + high), slice(self.pad + high, None))
        cols = (slice(0, self.pad), slice(self.pad, self.pad + wide), slice(self.pad + wide, None))
        for i in range(3):
            for j in range(3):
                r, c = number // across + i - 1, number % across + j - 1
                if (i, j) != (1, 1) and 0 <= r < down and 0 <= c < across:
                    yield r * across + c, (rows[i], cols[j])

    def halo(self, number: int) -> tuple[Ints, Ints]:
        """Rows and columns, in a block's window, of the cells of its halo."""
        return _ring(self.window(number), self.pad)

    def near(self, number: int) -> Ints:
        """Flat cells of a block's window that lie in the block, near its borders with others."""
        block = self.at(number)
        (_, row_place), (_, col_place) = self.kept
        rows = row_place[block.row0 : block.row1, None] >= 0
        cols = col_place[None, block.col0 : block.col1] >= 0
        out = np.zeros(self.window(number), bool)
        out[self.inner] = rows | cols
        return np.flatnonzero(out)

    def place(self, number: int, at: Ints) -> tuple[Ints, Ints]:
        """Rows and columns on the grid of flat cells of a block's window."""
        block, wide = self.at(number), self.window(number)[1]
        row, col = np.divmod(at, wide)
        return row + (block.row0 - self.pad), col + (block.col0 - self.pad)

    @cached_property
    def kept(self) -> tuple[tuple[Ints, Ints], tuple[Ints, Ints]]:
        """Rows, then columns, near borders of blocks: which, and the place of each or -1."""
        found = []
        for size in self.shape:
            near = np.arange(size) % self.block
            edge = np.arange(self.block, size, self.block)
            keep = np.zeros(size, bool)
            for line in edge.tolist():
                keep[max(line - self.pad, 0) : line + self.pad] = True
            which = np.flatnonzero(keep)
            place = np.full(near.size, -1, np.int64)
            place[which] = np.arange(which.size)
            found.append((which, place))
        return found[0], found[1]


@lru_cache(maxsize=8)
def _ring(shape: tuple[int, int], pad: int) -> tuple[Ints, Ints]:
    """Rows and columns of the cells of a window within ``pad`` of its edge."""
    out = np.ones(shape, bool)
    out[pad:-pad, pad:-pad] = False
    row, col = np.nonzero(out)
    return row, col


def cut(block: Block, side: int) -> Iterator[Block]:
    """The parts of a block, of ``side`` rows and columns at most."""
    for row in range(block.row0, block.row1, side):
        for col in range(block.col0, block.col1, side):
            yield Block(row, min(row + side, block.row1), col, min(col + side, block.col1))


class Strips:
    """Values of the cells near the borders of blocks, in memory; the last two axes are the grid's.

    Parameters
    ----------
    grid : Blocking
        The blocks.
    fill : float
        What stands there until something is written, and beyond the grid.
    dtype : data type
        Of the values.
    lead : tuple of int
        Leading axes.
    """

    def __init__(
        self, grid: Blocking, fill: float, dtype: DTypeLike, lead: tuple[int, ...] = ()
    ) -> None:
        self.grid, self.fill, self.dtype, self.lead = grid, fill, np.dtype(dtype), lead
        (rows, _), (cols, _) = grid.kept
        self.across = np.full((*lead, rows.size, grid.shape[1]), fill, dtype)
        self.along = np.full((*lead, grid.shape[0], cols.size), fill, dtype)

    def write(self, number: int, values: NDArray[Any]) -> None:
        """Take the strips out of a block's values."""
        block = self.grid.at(number)
        (rows, row_place), (cols, col_place) = self.grid.kept
        r = rows[(rows >= block.row0) & (rows < block.row1)]
        c = cols[(cols >= block.col0) & (cols < block.col1)]
        self.across[..., row_place[r], block.col0 : block.col1] = values[..., r - block.row0, :]
        self.along[..., block.row0 : block.row1, col_place[c]] = values[..., c - block.col0]

    def halo(self, number: int, window: NDArray[Any]) -> NDArray[Any]:
        """Fill the halo of a window in place, and return it."""
        block, pad, (rows, cols) = self.grid.at(number), self.grid.pad, self.grid.shape
        place_row, place_col = self.grid.kept[0][1], self.grid.kept[1][1]
        r0, r1 = max(block.row0 - pad, 0), min(block.row1 + pad, rows)
        c0, c1 = max(block.col0 - pad, 0), min(block.col1 + pad, cols)
        top, left = r0 - block.row0 + pad, c0 - block.col0 + pad
        for begin, end in ((r0, block.row0), (block.row1, r1)):
            if begin < end:
                part = self.across[..., place_row[begin] : place_row[end - 1] + 1, c0:c1]
                row = begin - block.row0 + pad
                window[..., row : row + end - begin, left : left + c1 - c0] = part
        for begin, end in ((c0, block.col0), (block.col1, c1)):
            if begin < end:
                part = self.along[..., r0:r1, place_col[begin] : place_col[end - 1] + 1]
                col = begin - block.col0 + pad
                window[..., top : top + r1 - r0, col : col + end - begin] = part
        return window

    def empty(self, number: int) -> NDArray[Any]:
        """A window of a block, all ``fill``."""
        return np.full((*self.lead, *self.grid.window(number)), self.fill, self.dtype)

    def get(self, row: Ints, col: Ints) -> NDArray[Any]:
        """Values of single cells near borders."""
        place_row, place_col = self.grid.kept[0][1][row], self.grid.kept[1][1][col]
        out = np.empty((*self.lead, row.size), self.dtype)
        flat = place_row >= 0
        out[..., flat] = self.across[..., place_row[flat], col[flat]]
        out[..., ~flat] = self.along[..., row[~flat], place_col[~flat]]
        return out

    def put(self, row: Ints, col: Ints, values: NDArray[Any]) -> None:
        """Write values of single cells near borders."""
        place_row, place_col = self.grid.kept[0][1][row], self.grid.kept[1][1][col]
        flat, upright = place_row >= 0, place_col >= 0
        self.across[..., place_row[flat], col[flat]] = values[..., flat]
        self.along[..., row[upright], place_col[upright]] = values[..., upright]


class Framed:
    """An array of the grid, read by blocks with their halos.

    Parameters
    ----------
    grid : Blocking
        The blocks.
    array : CellArray
        Where it lives, in memory or on disk.
    outside : float
        What stands beyond the grid, and in strips that were not written yet.
    lead : tuple of int
        Index of its leading axes.
    """

    def __init__(
        self, grid: Blocking, array: CellArray, outside: float, lead: tuple[int, ...] = ()
    ) -> None:
        self.grid, self.array, self.lead = grid, array, lead
        self.strips = Strips(grid, outside, array.dtype)

    def inside(self, number: int) -> NDArray[Any]:
        """A block without its halo."""
        return np.asarray(self.array[(*self.lead, *self.grid.at(number).slices)])

    def read(self, number: int) -> NDArray[Any]:
        """A block with its halo."""
        window = self.strips.empty(number)
        window[self.grid.inner] = self.inside(number)
        return self.strips.halo(number, window)

    def write(self, number: int, values: NDArray[Any]) -> None:
        """Replace a block, and its strips."""
        self.array[(*self.lead, *self.grid.at(number).slices)] = values
        self.strips.write(number, values)

    def take(self, number: int) -> None:
        """Take the strips from a block of an array that was written before."""
        self.strips.write(number, self.inside(number))

    def load(self, number: int) -> NDArray[Any]:
        """Take the strips from a block that was written before, and give the block."""
        values = self.inside(number)
        self.strips.write(number, values)
        return values


class CachedCells:
    """Single cells of an array, read by windows of which the last few are kept.

    Parameters
    ----------
    array : CellArray
        In memory it is read as it is.
    most : int
        How many windows are kept; a window is a chunk of the array, with all leading axes.
    """

    def __init__(self, array: CellArray, most: int = 8) -> None:
        self.array, self.most = array, most
        chunks = getattr(array, "chunks", None)
        self.side = None if isinstance(array, np.ndarray) else (chunks or (256, 256))[-2:]
        self.windows: OrderedDict[tuple[int, int], NDArray[Any]] = OrderedDict()

    def at(self, row: int, col: int) -> NDArray[Any]:
        """Values of one cell, shape of the leading axes."""
        if self.side is None:
            return np.asarray(self.array[..., row, col])
        high, wide = self.side
        key = row // high, col // wide
        if key in self.windows:
            self.windows.move_to_end(key)
        else:
            top, left = key[0] * high, key[1] * wide
            self.windows[key] = np.asarray(self.array[..., top : top + high, left : left + wide])
            while len(self.windows) > self.most:
                self.windows.popitem(last=False)
        return np.asarray(self.windows[key][..., row % high, col % wide])

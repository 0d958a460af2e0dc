"""What the tables count, block by block: sums that are added in the order of the blocks.

A block's part can be made where its arrays are at hand, and travels; the tables need nothing else
of most cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite._kernel_tally import count_cells
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.core.plaindata import recorded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.arrays import CellArray

CODES = 256
"""Codes of the limiting resource and states."""
BINS = 1 << 16
"""Values of either half of a sort key."""
COUNTED = ("limit", "potential", "net_factor", "cost", "available")
"""Variables that are counted."""


@recorded
@dataclass(frozen=True)
class Marks:
    """What is remembered of one block, to find its cells again.

    Attributes
    ----------
    block : Block
        Which.
    bins, weights : tuple of ndarray, one per method
        High halves of the sort keys of its costs, ascending, and the net tonnes there [t/yr].
    """

    block: Block
    bins: tuple[NDArray[np.uint16], ...]
    weights: tuple[NDArray[np.float64], ...]


@recorded
@dataclass(frozen=True)
class Tally:
    """Sums over the cells of one or several blocks.

    Attributes
    ----------
    cells : ndarray of int64, shape (methods, 256)
        Cells by code of the limit.
    area : ndarray of float64, shape (methods, 256)
        Their area [m2].
    tonnes : ndarray of float64, shape (methods, 256)
        Net removal of the method if it were alone there [t/yr].
    allowed : ndarray of float64, shape (methods,)
        Area that the exclusions leave [m2].
    marks : tuple of Marks
        One per block, in order.
    """

    cells: NDArray[np.int64]
    area: NDArray[np.float64]
    tonnes: NDArray[np.float64]
    allowed: NDArray[np.float64]
    marks: tuple[Marks, ...]

    def add(self, other: Tally) -> Tally:
        """The sums of this part and the one after it."""
        return Tally(
            self.cells + other.cells,
            self.area + other.area,
            self.tonnes + other.tonnes,
            self.allowed + other.allowed,
            self.marks + other.marks,
        )


def tally_block(arrays: Mapping[str, CellArray], grid: AnalysisGrid, block: Block) -> Tally:
    """Count a block of arrays over the whole grid.

    Parameters
    ----------
    arrays : mapping
        Those of :data:`COUNTED`, of shape (methods, rows, cols).
    grid : AnalysisGrid
        Of the arrays.
    block : Block
        Which cells.
    """
    key = (slice(None), *block.slices)
    return tally_values({name: np.asarray(arrays[name][key]) for name in COUNTED}, grid, block)


def tally_values(values: Mapping[str, NDArray[Any]], grid: AnalysisGrid, block: Block) -> Tally:
    """Count a block whose arrays are at hand.

    Parameters
    ----------
    values : mapping
        At least those of :data:`COUNTED`, of shape (methods, block rows, block cols).
    grid : AnalysisGrid
        Of the block.
    block : Block
        Which cells.
    """
    given = {name: np.ascontiguousarray(values[name]) for name in COUNTED}
    bits = given["cost"].view(np.uint32)
    methods = len(given["limit"])
    row_areas = np.ascontiguousarray(grid.row_areas[block.row0 : block.row1])
    cells = np.zeros((methods, CODES), np.int64)
    area, tonnes = np.zeros((methods, CODES)), np.zeros((methods, CODES))
    allowed, bins, weights = np.zeros(methods), [], []
    for m in range(methods):
        by_cost = np.zeros(BINS)
        allowed[m] = count_cells(
            given["limit"][m],
            given["potential"][m],
            given["net_factor"][m],
            given["cost"][m],
            bits[m],
            given["available"][m],
            row_areas,
            cells[m],
            area[m],
            tonnes[m],
            by_cost,
        )
        held = np.flatnonzero(by_cost)
        bins.append(held.astype(np.uint16))
        weights.append(by_cost[held])
    marks = Marks(block, tuple(bins), tuple(weights))
    return Tally(cells, area, tonnes, allowed, (marks,))


def sort_key(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Whole numbers in the order of the floats: their bits, negative ones turned around."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    top = np.uint32(1 << 31)
    return np.where(bits >= top, ~bits, bits | top)


def from_sort_key(key: int) -> float:
    """The float of a sort key."""
    bits = key & 0x7FFFFFFF if key >> 31 else ~key & 0xFFFFFFFF
    return float(np.array(bits, np.uint32).view(np.float32))


def median_cost(tally: Tally, method: int, arrays: Mapping[str, CellArray]) -> float:
    """Cost below which half of a method's net tonnes lie; NaN where it has none.

    Exact without sorting, and without reading blocks whose costs are all elsewhere: the tally gives
    the high half of the answer's sort key, the blocks that have such costs the low half.

    Parameters
    ----------
    tally : Tally
        Of the whole grid.
    method : int
        Which.
    arrays : mapping
        ``potential``, ``net_factor`` and ``cost``, of shape (methods, rows, cols).
    """
    by_high = np.zeros(BINS)
    for one in tally.marks:
        by_high[one.bins[method]] += one.weights[method]
    half = by_high.sum() / 2
    if half <= 0:
        return float("nan")
    high, below = _bin_of(by_high, half)
    by_low = np.zeros(BINS)
    for one in tally.marks:
        if high not in one.bins[method]:
            continue
        where = (method, *one.block.slices)
        potential, factor, cost = (
            np.asarray(arrays[name][where]) for name in ("potential", "net_factor", "cost")
        )
        key, net = sort_key(cost), potential * factor
        mine = (key >> 16 == high) & (net > 0) & np.isfinite(cost)
        by_low += np.bincount(key[mine] & 0xFFFF, weights=net[mine], minlength=BINS)
    low, _ = _bin_of(by_low, half - below)
    return from_sort_key(high << 16 | low)


def _bin_of(weights: NDArray[np.float64], share: float) -> tuple[int, float]:
    """The first bin up to which ``share`` of the weight lies, and the weight before it."""
    heap = np.cumsum(weights)
    last = int(np.flatnonzero(weights)[-1])  # rounding may leave the share a hair above all weight
    found = min(int(np.searchsorted(heap, share)), last)
    return found, float(heap[found - 1]) if found else 0.0

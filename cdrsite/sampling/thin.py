"""A thinned problem: few cells that stand for all of their combination of zones.

Prices of shared rows are sums over thousands of cells, so a regular choice of some ten thousand
gives them to a few parts in ten thousand, whatever the size of the grid. Each combination keeps its
totals: what the chosen cells have of land, by method, and of supplies that cannot leave the cell is
scaled to what all of its cells have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

WANTED = 10_000
"""Cells of a thinned problem [cells]."""


def chosen(combo: I32, count: int, wanted: int = WANTED) -> I64:
    """Every k-th cell of each combination in their order, at least one of each, shape (n,).

    Parameters
    ----------
    combo : ndarray of int32, shape (cells,)
        Combination of each cell.
    count : int
        Number of combinations.
    wanted : int
        About how many.
    """
    step = max(1, len(combo) // max(wanted, 1))
    if step == 1:
        return np.arange(len(combo))
    order = np.argsort(combo, kind="stable")
    size = np.bincount(combo, minlength=count)
    first = np.cumsum(size) - size
    rank = np.arange(len(combo)) - np.repeat(first, size)
    middle = np.minimum(step // 2, np.maximum(size - 1, 0) // 2)
    keep = rank % step == np.repeat(middle, size)
    return np.sort(order[keep])


@dataclass
class Amounts:
    """Totals of amounts by combination, and the cell that has most of each.

    Parameters
    ----------
    count, amounts : int
        Combinations, and amounts of a cell.
    """

    count: int
    amounts: int

    def __post_init__(self) -> None:
        self.total = np.zeros((self.amounts, self.count))
        self.most = np.zeros((self.amounts, self.count))
        self.richest = np.full((self.amounts, self.count), -1, np.int64)

    def add(self, cells: I64, combo: I32, values: F64) -> None:
        """Add cells: their numbers, combinations, and amounts of shape (Q, n)."""
        for q, row in enumerate(values):
            self.total[q] += np.bincount(combo, row, self.count)
            order = np.argsort(row, kind="stable")  # the last of a combination has most of it
            top = np.full(self.count, -1, np.int64)
            top[combo[order]] = order
            some = np.flatnonzero(top >= 0)
            better = some[row[top[some]] > self.most[q, some]]
            self.most[q, better] = row[top[better]]
            self.richest[q, better] = cells[top[better]]

    def missing(self, cells: I64, combo: I32, values: F64) -> I64:
        """Cells to add so that no combination loses an amount that it has: the richest ones."""
        found: set[int] = set()
        for q, row in enumerate(values):
            have = np.bincount(combo, row, self.count) > 0.0
            found.update(self.richest[q, (self.total[q] > 0.0) & ~have].tolist())
        return np.array(sorted(found - set(cells.tolist())), np.int64)

    def scale(self, combo: I32, values: F64) -> F64:
        """What each amount of the chosen cells is multiplied by, shape (Q, n)."""
        scale = np.ones(values.shape)
        for q, row in enumerate(values):
            have = np.bincount(combo, row, self.count)
            part = np.divide(self.total[q], have, out=np.ones(self.count), where=have > 0.0)
            scale[q] = part[combo]
        return scale

"""The graph of moves over a cost surface, written out edge by edge from its definition.

For small grids: shortest paths in it (``scipy.sparse.csgraph.dijkstra``) are what the routes of
:mod:`cdrsite.transport.distance` are held against.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.transport.labels import KINDS, KINDS_OF

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    Cell = tuple[int, int]

SAMPLES = 4800
"""Points along a move; divisible by all denominators, so that half steps avoid the cell edges."""


def move_graph(
    friction: NDArray[Any],
    steps: tuple[NDArray[np.float64] | float, float],
    neighbours: int = 16,
    crossed: Callable[[Cell, Cell], float] | None = None,
) -> csr_array:
    """Every open move of a grid with its cost.

    Parameters
    ----------
    friction : ndarray, shape (rows, cols)
        Cost per km; inf is a barrier.
    steps : tuple
        East-west step of each row (or one number) and north-south step [m].
    neighbours : {8, 16, 40}
        Moves per cell.
    crossed : callable, optional
        (row and column of one end, of the other) -> what the straight line between these cell
        centres pays for crossings.

    Returns
    -------
    csr_array, shape (cells, cells)
        Length times the mean friction along the straight line, and the crossings; cells row by row.
    """
    rows, cols = friction.shape
    east = np.broadcast_to(np.asarray(steps[0], np.float64), rows) / 1000.0
    at: list[tuple[int, int]] = []
    costs: list[float] = []
    for high, wide, _ in KINDS[: KINDS_OF[neighbours]]:
        for dr, dc in sorted({(s * high, t * wide) for s in (1, -1) for t in (1, -1)}):
            parts = _parts(dr, dc)
            for r, c in itertools.product(range(rows), range(cols)):
                to = r + dr, c + dc
                if not (0 <= to[0] < rows and 0 <= to[1] < cols):
                    continue
                mean = sum(friction[r + a, c + b] * share for (a, b), share in parts.items())
                sides = _corner(r, c, dr, dc)
                shut = neighbours > 8 and sides and all(np.isinf(friction[p]) for p in sides)
                if shut or not np.isfinite(mean):
                    continue
                step = float(np.mean(east[min(r, to[0]) : max(r, to[0]) + 1]))
                cost = mean * math.hypot(dr * steps[1] / 1000.0, dc * step)
                costs.append(cost + (crossed((r, c), to) if crossed else 0.0))
                at.append((r * cols + c, to[0] * cols + to[1]))
    from scipy.sparse import coo_array

    index = np.array(at, np.int64).reshape(-1, 2)
    size = friction.size
    return coo_array((np.array(costs), (index[:, 0], index[:, 1])), shape=(size, size)).tocsr()


@cache
def _parts(dr: int, dc: int) -> dict[Cell, float]:
    """Cells on the straight line of a move and the part of it in each, by fine sampling."""
    parts: dict[Cell, float] = {}
    for i in range(SAMPLES):
        t = (i + 0.5) / SAMPLES
        cell = (math.floor(t * dr + 0.5), math.floor(t * dc + 0.5))
        parts[cell] = parts.get(cell, 0.0) + 1 / SAMPLES
    return parts


def _corner(r: int, c: int, dr: int, dc: int) -> list[Cell]:
    """The two cells beside the corner that the middle of a move runs through, if it does."""
    if dr % 2 == 0 or dc % 2 == 0:
        return []
    row, col = r + dr / 2, c + dc / 2
    low, high, left, right = math.floor(row), math.ceil(row), math.floor(col), math.ceil(col)
    return [(low, right), (high, left)] if dr * dc > 0 else [(low, left), (high, right)]

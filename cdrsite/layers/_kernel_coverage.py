"""Exact covered fraction of cells by polygons, and cell-centre rasterising.

Both work in absolute cell coordinates (u east, v south, in cells from the grid's north-west
corner), never relative to a block, and every number that is summed is a multiple of a power of two,
so that sums are exact: the result is the same bytes for any block size.
"""

from __future__ import annotations

import numpy as np

from cdrsite.core.kernel import inner, kernel

QUANTUM_AREA = 2.0**40
"""Areas are rounded to this part of a cell, so that adding them is exact in any order."""


@inner
def _add_piece(acc: np.ndarray, row: int, u0: float, u1: float, dv: float, cols: int) -> None:
    """Add an edge piece that stays in one row and one column, ``dv`` cells high.

    ``acc`` is the derivative of the covered area along the row; u is relative to the block.
    """
    if dv == 0.0:
        return
    col = int(np.floor(min(u0, u1)))
    if col >= cols:
        return
    if col < 0:
        acc[row, 0] += dv
        return
    inside = (0.5 * (u0 + u1) - col) * dv
    inside = np.round(inside * QUANTUM_AREA) / QUANTUM_AREA
    acc[row, col] += dv - inside
    acc[row, col + 1] += inside


@inner
def _add_row(
    acc: np.ndarray, row: int, edge: tuple, va: float, vb: float, col0: int, cols: int
) -> None:
    """Add the part of an edge between the heights ``va`` and ``vb`` of one row."""
    u0, v0, slope = edge
    ua = u0 + (va - v0) * slope
    ub = u0 + (vb - v0) * slope
    left, right = min(ua, ub), max(ua, ub)
    if left >= col0 + cols:
        return
    if right <= col0 or np.floor(left) + 1.0 >= right:
        _add_piece(acc, row, ua - col0, ub - col0, vb - va, cols)
        return
    # walk the column lines from the start of the piece to its end
    step = 1 if ub > ua else -1
    first = max(int(np.floor(left)) + 1, col0)
    last = min(int(np.ceil(right)) - 1, col0 + cols)
    line, stop = (first, last + 1) if step > 0 else (last, first - 1)
    u, v = ua, va
    while line != stop:
        # rounded like the vertices, and clamped: the pieces add up to vb - va exactly
        cross = np.round((v0 + (line - u0) / slope) * 4294967296.0) / 4294967296.0
        cross = min(max(cross, min(v, vb)), max(v, vb))
        _add_piece(acc, row, u - col0, line - col0, cross - v, cols)
        u, v = float(line), cross
        line += step
    _add_piece(acc, row, u - col0, ub - col0, vb - v, cols)


@kernel
def add_coverage(
    u: np.ndarray, v: np.ndarray, rings: np.ndarray, row0: int, col0: int, acc: np.ndarray
) -> None:
    """Add the signed area of closed rings to ``acc``.

    Parameters
    ----------
    u, v : ndarray, shape (vertices,)
        Absolute cell coordinates, multiples of 2**-32; the first vertex of a ring is repeated last.
    rings : ndarray of int64, shape (rings + 1,)
        Offsets of the rings in ``u`` and ``v``. Shells and holes run in opposite directions.
    row0, col0 : int
        First row and column of the block.
    acc : ndarray of float64, shape (rows, cols + 1)
        Derivative of the covered fraction along each row; its running sum is the fraction.
    """
    rows, cols = acc.shape[0], acc.shape[1] - 1
    for r in range(rings.size - 1):
        for k in range(rings[r], rings[r + 1] - 1):
            va, vb = v[k], v[k + 1]
            if va == vb or min(u[k], u[k + 1]) >= col0 + cols:
                continue
            edge = (u[k], va, (u[k + 1] - u[k]) / (vb - va))
            low, high = min(va, vb), max(va, vb)
            first = max(int(np.floor(low)), row0)
            last = min(int(np.ceil(high)), row0 + rows)
            for row in range(first, last):
                top, bottom = max(low, float(row)), min(high, row + 1.0)
                if va < vb:
                    _add_row(acc, row - row0, edge, top, bottom, col0, cols)
                else:
                    _add_row(acc, row - row0, edge, bottom, top, col0, cols)


@kernel
def finish_coverage(acc: np.ndarray, out: np.ndarray) -> None:
    """Turn the derivative into fractions in [0, 1], float32."""
    rows, cols = out.shape
    for i in range(rows):
        total = 0.0
        for j in range(cols):
            total += acc[i, j]
            share = abs(total)
            if share < 1e-9:
                share = 0.0
            elif share > 1.0 - 1e-9:
                share = 1.0
            out[i, j] = share


@kernel
def fill_centres(
    u: np.ndarray, v: np.ndarray, rings: np.ndarray, row0: int, col0: int, inside: np.ndarray
) -> None:
    """Mark the cells whose centre lies inside a polygon: where rings wind around it.

    Parameters
    ----------
    u, v, rings, row0, col0
        As for :func:`add_coverage`, except that polygons may overlap.
    inside : ndarray of bool, shape (rows, cols)
        Written.
    """
    rows, cols = inside.shape
    turns = np.zeros((rows, cols), np.int32)
    for r in range(rings.size - 1):
        for k in range(rings[r], rings[r + 1] - 1):
            va, vb = v[k], v[k + 1]
            if va == vb:
                continue
            slope = (u[k + 1] - u[k]) / (vb - va)
            low, high = min(va, vb), max(va, vb)
            # centres at row + 0.5 with low <= centre < high
            first = max(int(np.ceil(low - 0.5)), row0)
            last = min(int(np.ceil(high - 0.5)), row0 + rows)
            for row in range(first, last):
                cross = u[k] + (row + 0.5 - va) * slope
                col = max(int(np.ceil(cross - 0.5)) - col0, 0)
                if col < cols:
                    turns[row - row0, col] += 1 if vb > va else -1
    for i in range(rows):
        around = 0
        for j in range(cols):
            around += turns[i, j]
            inside[i, j] = around != 0

"""Sums over disks of cells, and lengths of lines by cell."""

from __future__ import annotations

import numpy as np

from cdrsite.core.kernel import kernel

QUANTUM = 2.0**20
"""Lengths are rounded to this part of a metre, so that adding them is exact in any order."""


@kernel
def add_lengths(
    u: np.ndarray,
    v: np.ndarray,
    lines: np.ndarray,
    length: np.ndarray,
    row0: int,
    col0: int,
    out: np.ndarray,
) -> None:
    """Add the length of lines to the cells they run through.

    Parameters
    ----------
    u, v : ndarray, shape (vertices,)
        Absolute cell coordinates.
    lines : ndarray of int64, shape (lines + 1,)
        Offsets of the lines in ``u`` and ``v``.
    length : ndarray, shape (vertices,)
        Ground length of the edge that starts at a vertex [m].
    row0, col0 : int
        First row and column of the block.
    out : ndarray of float64, shape (rows, cols)
        Added to [m].
    """
    rows, cols = out.shape
    for r in range(lines.size - 1):
        for k in range(lines[r], lines[r + 1] - 1):
            du, dv = u[k + 1] - u[k], v[k + 1] - v[k]
            if max(u[k], u[k + 1]) < col0 or min(u[k], u[k + 1]) > col0 + cols:
                continue
            if max(v[k], v[k + 1]) < row0 or min(v[k], v[k + 1]) > row0 + rows:
                continue
            t = 0.0
            while t < 1.0:
                at_u, at_v = u[k] + t * du, v[k] + t * dv
                step = 1.0
                if du > 0:
                    step = min(step, (np.floor(at_u + 1e-9) + 1 - u[k]) / du)
                elif du < 0:
                    step = min(step, (np.ceil(at_u - 1e-9) - 1 - u[k]) / du)
                if dv > 0:
                    step = min(step, (np.floor(at_v + 1e-9) + 1 - v[k]) / dv)
                elif dv < 0:
                    step = min(step, (np.ceil(at_v - 1e-9) - 1 - v[k]) / dv)
                step = max(step, t + 1e-12)
                middle = 0.5 * (t + min(step, 1.0))
                row = int(np.floor(v[k] + middle * dv)) - row0
                col = int(np.floor(u[k] + middle * du)) - col0
                if 0 <= row < rows and 0 <= col < cols:
                    piece = (min(step, 1.0) - t) * length[k]
                    out[row, col] += np.round(piece * QUANTUM) / QUANTUM
                t = step


@kernel
def disk_sums(
    values: np.ndarray,
    weights: np.ndarray,
    half: np.ndarray,
    reach: int,
    side: int,
    total: np.ndarray,
    weight: np.ndarray,
) -> None:
    """Sum values and weights over the cells whose centre lies within a radius.

    Parameters
    ----------
    values, weights : ndarray, shape (rows + 2 * reach, cols + 2 * side)
        NaN values are left out with their weight.
    half : ndarray of int64, shape (rows, 2 * reach + 1)
        Columns on each side that belong to the disk, for each row offset; -1 is none.
    reach, side : int
        Rows and columns of the halo.
    total, weight : ndarray, shape (rows, cols)
        Written.
    """
    rows, cols = total.shape
    for i in range(rows):
        for j in range(cols):
            s, w = 0.0, 0.0
            for k in range(2 * reach + 1):
                h = half[i, k]
                for m in range(j + side - h, j + side + h + 1):
                    value = values[i + k, m]
                    if not np.isnan(value):
                        s += value
                        w += weights[i + k, m]
            total[i, j] = s
            weight[i, j] = w

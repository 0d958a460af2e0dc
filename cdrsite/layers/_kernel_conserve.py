"""Exact area overlay of source pixels on grid cells.

Each source pixel is the quadrilateral of its four corners in cell coordinates, clipped by each cell
it touches. The cells' sums run over the source pixels in source order, whatever the block.
"""

from __future__ import annotations

import numpy as np

from cdrsite.core.kernel import inner, kernel


@inner
def _clip(
    px: np.ndarray, py: np.ndarray, n: int, low: float, qx: np.ndarray, qy: np.ndarray
) -> int:
    """Keep the part of a convex polygon with x between ``low`` and ``low + 1``.

    Sutherland and Hodgman (1974), Comm. ACM 17(1), 32-42; returns the number of vertices in q.
    """
    m = 0
    for k in range(n):
        x0, y0 = px[k], py[k]
        e = k + 1 if k + 1 < n else 0
        x1, y1 = px[e], py[e]
        if x0 >= low:
            qx[m], qy[m] = x0, y0
            m += 1
        if (x0 < low) != (x1 < low):
            qx[m], qy[m] = low, y0 + (low - x0) / (x1 - x0) * (y1 - y0)
            m += 1
    high = low + 1.0
    n = m
    m = 0
    for k in range(n):
        px[k], py[k] = qx[k], qy[k]
    for k in range(n):
        x0, y0 = px[k], py[k]
        e = k + 1 if k + 1 < n else 0
        x1, y1 = px[e], py[e]
        if x0 <= high:
            qx[m], qy[m] = x0, y0
            m += 1
        if (x0 > high) != (x1 > high):
            qx[m], qy[m] = high, y0 + (high - x0) / (x1 - x0) * (y1 - y0)
            m += 1
    return m


@inner
def _area(x: np.ndarray, y: np.ndarray, n: int) -> float:
    """Area of a polygon with ``n`` vertices, by the shoelace formula about its first vertex."""
    total = 0.0
    for k in range(1, n - 1):
        total += (x[k] - x[0]) * (y[k + 1] - y[0]) - (x[k + 1] - x[0]) * (y[k] - y[0])
    return 0.5 * abs(total)


@kernel
def overlay(
    u: np.ndarray,
    v: np.ndarray,
    values: np.ndarray,
    row0: int,
    col0: int,
    conserve: bool,
    total: np.ndarray,
    known: np.ndarray,
) -> None:
    """Add source pixels to the cells they overlap.

    Parameters
    ----------
    u, v : ndarray of float64, shape (h + 1, w + 1)
        Absolute cell coordinates of the pixel corners; NaN where a corner cannot be projected.
    values : ndarray of float64, shape (bands, h, w)
        Source values; NaN is unknown and adds nothing.
    row0, col0 : int
        First row and column of the block.
    conserve : bool
        True distributes each pixel's value by area share; False weighs it by area.
    total : ndarray of float64, shape (bands, rows, cols)
        Added to: value times share, or value times area.
    known : ndarray of float64, shape (bands, rows, cols)
        Added to: area over which the value is known [cells].
    """
    rows, cols = total.shape[1:]
    ax, ay = np.empty(12), np.empty(12)
    bx, by = np.empty(12), np.empty(12)
    cx, cy = np.empty(12), np.empty(12)
    qx, qy = np.empty(4), np.empty(4)
    for i in range(values.shape[1]):
        for j in range(values.shape[2]):
            qx[0], qx[1], qx[2], qx[3] = u[i, j], u[i, j + 1], u[i + 1, j + 1], u[i + 1, j]
            qy[0], qy[1], qy[2], qy[3] = v[i, j], v[i, j + 1], v[i + 1, j + 1], v[i + 1, j]
            umin, umax = min(qx[0], qx[1], qx[2], qx[3]), max(qx[0], qx[1], qx[2], qx[3])
            vmin, vmax = min(qy[0], qy[1], qy[2], qy[3]), max(qy[0], qy[1], qy[2], qy[3])
            # NaN fails every comparison
            if not (umax > col0 and umin < col0 + cols and vmax > row0 and vmin < row0 + rows):
                continue
            whole = _area(qx, qy, 4)
            if whole == 0.0:
                continue
            left, top = int(np.floor(umin)), int(np.floor(vmin))
            right, bottom = int(np.ceil(umax)), int(np.ceil(vmax))
            if right - left <= 1 and bottom - top <= 1:
                _deposit(
                    values, i, j, whole, whole, conserve, total, known, top - row0, left - col0
                )
                continue
            for row in range(max(top, row0), min(bottom, row0 + rows)):
                for k in range(4):
                    ax[k], ay[k] = qy[k], qx[k]
                n = _clip(ax, ay, 4, float(row), bx, by)
                if n < 3:
                    continue
                for col in range(max(left, col0), min(right, col0 + cols)):
                    for k in range(n):
                        ax[k], ay[k] = by[k], bx[k]
                    m = _clip(ax, ay, n, float(col), cx, cy)
                    if m >= 3:
                        part = _area(cx, cy, m)
                        _deposit(
                            values,
                            i,
                            j,
                            part,
                            whole,
                            conserve,
                            total,
                            known,
                            row - row0,
                            col - col0,
                        )


@inner
def _deposit(
    values: np.ndarray,
    i: int,
    j: int,
    part: float,
    whole: float,
    conserve: bool,
    total: np.ndarray,
    known: np.ndarray,
    row: int,
    col: int,
) -> None:
    """Add ``part`` of the pixel (i, j), whose area is ``whole``, to one cell."""
    weight = part / whole if conserve else part
    for b in range(values.shape[0]):
        value = values[b, i, j]
        if not np.isnan(value):
            total[b, row, col] += value * weight
            known[b, row, col] += part

"""Exact distance from points to the nearest of many segments, through buckets.

Neighbouring points have similar distances: the search for a point skips every bucket that the
distance of its neighbour proves to be too near to hold anything. The minimum is over exact
distances, so it does not depend on the order of the search.
"""

from __future__ import annotations

import numpy as np

from cdrsite.core.kernel import kernel


@kernel
def fill_buckets(
    segments: np.ndarray,
    x0: float,
    y0: float,
    size: float,
    start: np.ndarray,
    items: np.ndarray,
    fill: bool,
) -> None:
    """Count the segments of each bucket, or list them.

    Parameters
    ----------
    segments : ndarray, shape (n, 4)
        x and y of both ends.
    x0, y0, size : float
        Corner and side of the buckets.
    start : ndarray of int64, shape (rows, cols)
        Counted up by one for each segment that may touch a bucket.
    items : ndarray of int64
        With ``fill``: written at the counter before it goes up.
    fill : bool
        List instead of only count.
    """
    rows, cols = start.shape
    for k in range(segments.shape[0]):
        ax, ay, bx, by = segments[k, 0], segments[k, 1], segments[k, 2], segments[k, 3]
        pieces = int(np.hypot(bx - ax, by - ay) / size) + 1
        last_row, last_col = -1, -1
        for p in range(pieces):
            # the box of a short piece holds at most four buckets; doubles do no harm
            t0, t1 = p / pieces, (p + 1) / pieces
            px, qx = ax + t0 * (bx - ax), ax + t1 * (bx - ax)
            py, qy = ay + t0 * (by - ay), ay + t1 * (by - ay)
            for row in range(int((min(py, qy) - y0) / size), int((max(py, qy) - y0) / size) + 1):
                for col in range(
                    int((min(px, qx) - x0) / size), int((max(px, qx) - x0) / size) + 1
                ):
                    if (row == last_row and col == last_col) or row >= rows or col >= cols:
                        continue
                    if fill:
                        items[start[row, col]] = k
                    start[row, col] += 1
                    last_row, last_col = row, col


@kernel
def _closest(s: np.ndarray, x: float, y: float) -> tuple:
    """Squared distance from a point to a segment, and the nearest point on it."""
    dx, dy = s[2] - s[0], s[3] - s[1]
    length = dx * dx + dy * dy
    t = 0.0
    if length > 0:
        t = min(max(((x - s[0]) * dx + (y - s[1]) * dy) / length, 0.0), 1.0)
    px, py = s[0] + t * dx, s[1] + t * dy
    return (x - px) ** 2 + (y - py) ** 2, px, py


@kernel
def nearest(
    x: np.ndarray,
    y: np.ndarray,
    segments: np.ndarray,
    ends: np.ndarray,
    items: np.ndarray,
    x0: float,
    y0: float,
    size: float,
    found: np.ndarray,
) -> None:
    """Distance to the nearest segment and the point where it is met.

    Parameters
    ----------
    x, y : ndarray, shape (rows, cols)
        Points; neighbours in the array are neighbours on the ground.
    segments, items, x0, y0, size
        As in :func:`fill_buckets`.
    ends : ndarray of int64, shape (bucket rows, bucket cols)
        Where the items of each bucket end; they begin where the bucket before ends.
    found : ndarray, shape (3, rows, cols)
        Written: distance, x and y of the nearest point.
    """
    brows, bcols = ends.shape
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            px, py = x[i, j], y[i, j]
            low = 0.0
            if i > 0 or j > 0:
                ni, nj = (i, j - 1) if j > 0 else (i - 1, j)
                low = found[0, ni, nj] - np.hypot(px - x[ni, nj], py - y[ni, nj])
            row, col = int(np.floor((py - y0) / size)), int(np.floor((px - x0) / size))
            # a bucket of ring r is at most (r + 1) * sqrt(2) sides away
            ring = max(0, int(low * (1 - 1e-9) / (size * 1.4142135623730952)) - 2)
            best, bx, by, which = np.inf, np.nan, np.nan, -1
            while ring <= brows + bcols + 2:
                # and at least r - 1 sides away
                if best <= ((ring - 1) * size) ** 2 and ring > 0:
                    break
                for r in range(row - ring, row + ring + 1):
                    if r < 0 or r >= brows:
                        continue
                    step = 1 if (r == row - ring or r == row + ring) else max(1, 2 * ring)
                    for c in range(col - ring, col + ring + 1, step):
                        if c < 0 or c >= bcols:
                            continue
                        at = r * bcols + c
                        first = ends[(at - 1) // bcols, (at - 1) % bcols] if at > 0 else 0
                        for m in range(first, ends[r, c]):
                            k = items[m]
                            d, qx, qy = _closest(segments[k], px, py)
                            if d < best or (d == best and k < which):
                                best, bx, by, which = d, qx, qy, k
                ring += 1
            found[0, i, j] = np.sqrt(best)
            found[1, i, j], found[2, i, j] = bx, by

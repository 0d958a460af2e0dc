"""Exact distance from points to the nearest of many segments, through buckets.

Neighbouring points have similar distances: how far the nearest segment of the middle of a tile is
bounds those of all its points, from below and from above. So the buckets are searched once per
tile, once more among what that found per part of it, and each point looks at a few segments only.
The minimum is over exact distances, and of equally near segments the first one is taken, so it does
not depend on tiles or on the order of the search.
"""

from __future__ import annotations

import numpy as np

from cdrsite.core.kernel import inner, kernel

TILE, PART = 32, 8
"""Sides of a tile and of a part of it [points]."""
FEW = 4 * PART * PART
"""Segments that all points of a part look at, at most."""
SLACK = 1 + 1e-9
"""Of distances, for what rounding may take from them."""


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


@inner
def _closest(s, x, y):  # type: ignore[no-untyped-def]
    """Squared distance from a point to a segment, and the nearest point on it."""
    dx, dy = s[2] - s[0], s[3] - s[1]
    length = dx * dx + dy * dy
    t = 0.0
    if length > 0:
        t = min(max(((x - s[0]) * dx + (y - s[1]) * dy) / length, 0.0), 1.0)
    px, py = s[0] + t * dx, s[1] + t * dy
    return (x - px) ** 2 + (y - py) ** 2, px, py


@inner
def _middle(x, y):  # type: ignore[no-untyped-def]
    """Middle of the box of some points, and how far they are from it at most; NaN if unknown."""
    low_x, low_y, high_x, high_y = np.inf, np.inf, -np.inf, -np.inf
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            if np.isfinite(x[i, j]) and np.isfinite(y[i, j]):
                low_x, high_x = min(low_x, x[i, j]), max(high_x, x[i, j])
                low_y, high_y = min(low_y, y[i, j]), max(high_y, y[i, j])
    half = 0.5 * np.hypot(high_x - low_x, high_y - low_y) * SLACK
    return 0.5 * (low_x + high_x), 0.5 * (low_y + high_y), half


@inner
def _collect(x, y, low, reach, index, stamp, out):  # type: ignore[no-untyped-def] # noqa: C901, PLR0912
    """Segments of the buckets that are not all nearer than ``low``, ring by ring outwards.

    With ``stamp`` 0 until nothing nearer than the nearest found can follow; else those within
    ``reach``, each once, in ``out``. Returns the squared distance to the nearest, which it is, and
    how many there are: one more than there is room for if they are too many.
    """
    segments, (x0, y0, size), ends, items, seen = index
    brows, bcols = ends.shape
    row, col = int(np.floor((y - y0) / size)), int(np.floor((x - x0) / size))
    # a bucket of ring r is at most (r + 1) * sqrt(2) sides away
    ring = max(0, int(low / (SLACK * size * 1.4142135623730952)) - 2)
    best, which, count = np.inf, -1, 0
    while ring <= brows + bcols + 2:
        most = reach if stamp else np.sqrt(best)
        if ring > 0 and most <= (ring - 1) * size:  # and at least r - 1 sides away
            break
        first_col, last_col = max(col - ring, 0), min(col + ring, bcols - 1)
        for r in range(max(row - ring, 0), min(row + ring, brows - 1) + 1):
            full = r == row - ring or r == row + ring
            for side in range(1 if full else 2):  # a whole row of buckets, or one at each end
                if full:
                    left, right = first_col, last_col
                else:
                    left = col - ring if side == 0 else col + ring
                    right = left
                    if left < 0 or left >= bcols:
                        continue
                if left > right:
                    continue
                at = r * bcols + left
                begin = ends[(at - 1) // bcols, (at - 1) % bcols] if at > 0 else 0
                for m in range(begin, ends[r, right]):
                    k = items[m]
                    if stamp and seen[k] == stamp:
                        continue
                    d = _closest(segments[k], x, y)[0]
                    if d < best or (d == best and k < which):
                        best, which = d, k
                    if stamp and d <= reach * reach:
                        if count == len(out):
                            return best, which, count + 1
                        seen[k] = stamp
                        out[count] = k
                        count += 1
        ring += 1
    return best, which, count


@inner
def _cut(points, row, col, side):  # type: ignore[no-untyped-def]
    """A square of points, or what there is of it."""
    return points[row : row + side, col : col + side]


@inner
def _around(x, y, half, index, stamp, out):  # type: ignore[no-untyped-def]
    """Segments that may be the nearest of a point within ``half``; how many."""
    if not (np.isfinite(x) and np.isfinite(y)):
        return 0
    least = np.sqrt(_collect(x, y, 0.0, 0.0, index, 0, out)[0])
    return _collect(x, y, least, (least + 2 * half) * SLACK, index, stamp, out)[2]


@inner
def _note(segments, x, y, index, nothing, found):  # type: ignore[no-untyped-def]
    """Nearest of all segments for one point."""
    found[0], found[1], found[2] = np.inf, np.nan, np.nan
    if np.isfinite(x) and np.isfinite(y):
        which = _collect(x, y, 0.0, 0.0, index, 0, nothing)[1]
        d, found[1], found[2] = _closest(segments[which], x, y)
        found[0] = np.sqrt(d)


@inner
def _sift(near, segments, x, y, half, far, out):  # type: ignore[no-untyped-def]
    """As :func:`_around`, out of some segments."""
    least, count = np.inf, 0
    for j in range(len(near)):
        far[j] = _closest(segments[near[j]], x, y)[0]
        least = min(least, far[j])
    most = ((np.sqrt(least) + 2 * half) * SLACK) ** 2
    for j in range(len(near)):
        if far[j] <= most:
            if count == len(out):
                return count + 1
            out[count] = near[j]
            count += 1
    return count


@inner
def _nearest_of(few, segments, x, y, work, found):  # type: ignore[no-untyped-def]
    """Nearest of a few segments for the points of a part, each segment for all points at once."""
    n, cols = x.size, x.shape[1]
    px, py, best = work[0][:n], work[1][:n], work[2][:n]
    which, d = work[3][:n], work[4][:n]
    for i in range(n):
        px[i], py[i] = x[i // cols, i % cols], y[i // cols, i % cols]
        best[i], which[i] = np.inf, -1.0
    for j in range(len(few)):
        k = few[j]
        ax, ay, now = segments[k, 0], segments[k, 1], np.float64(k)
        dx, dy = segments[k, 2] - ax, segments[k, 3] - ay
        length = dx * dx + dy * dy
        length = length if length > 0 else np.inf
        for i in range(n):
            t = ((px[i] - ax) * dx + (py[i] - ay) * dy) / length
            t = t if t > 0.0 else 0.0
            t = t if t < 1.0 else 1.0
            d[i] = (px[i] - (ax + t * dx)) ** 2 + (py[i] - (ay + t * dy)) ** 2
        for i in range(n):
            old = which[i]
            nearer = (d[i] < best[i]) | ((d[i] == best[i]) & (now < old))
            which[i] = now if nearer else old
        for i in range(n):
            old, new = best[i], d[i]
            best[i] = new if new < old else old
    for i in range(n):
        r, c = i // cols, i % cols
        found[0, r, c], found[1, r, c], found[2, r, c] = np.inf, np.nan, np.nan
        if which[i] >= 0.0:
            d_here, qx, qy = _closest(segments[np.int64(which[i])], px[i], py[i])
            found[0, r, c], found[1, r, c], found[2, r, c] = np.sqrt(d_here), qx, qy


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
        Written: distance, x and y of the nearest point; inf and NaN where a point is not known.
    """
    count = segments.shape[0]
    index = segments, (x0, y0, size), ends, items, np.zeros(count, np.int64)
    near, far, stamp = np.empty(count, np.int64), np.empty(count), 0
    few, work = np.empty(FEW, np.int64), np.empty((5, PART * PART))
    for top in range(0, x.shape[0], TILE):
        last_x, last_y, last = np.nan, np.nan, np.nan  # middle of the tile before, its distance
        for left in range(0, x.shape[1], TILE):
            tx, ty = _cut(x, top, left, TILE), _cut(y, top, left, TILE)
            cx, cy, half = _middle(tx, ty)
            n = 0
            if np.isfinite(half):
                low = last - np.hypot(cx - last_x, cy - last_y)
                low = low if low > 0.0 else 0.0
                last_x, last_y = cx, cy
                last = np.sqrt(_collect(cx, cy, low, 0.0, index, 0, near)[0])
                if last > half:  # else parts find theirs sooner in the buckets
                    stamp += 1
                    n = _collect(cx, cy, last, (last + 2 * half) * SLACK, index, stamp, near)[2]
            for row in range(top, top + tx.shape[0], PART):
                for col in range(left, left + tx.shape[1], PART):
                    ux, uy, to = (
                        _cut(x, row, col, PART),
                        _cut(y, row, col, PART),
                        found[:, row:, col:],
                    )
                    cx, cy, half = _middle(ux, uy)
                    some = 0
                    if n > 0:
                        some = _sift(near[:n], segments, cx, cy, half, far, few)
                    elif np.isfinite(half):
                        stamp += 1
                        some = _around(cx, cy, half, index, stamp, few)
                    if some <= FEW:
                        _nearest_of(few[:some], segments, ux, uy, work, to)
                        continue
                    for i in range(ux.shape[0]):  # so many that each point looks around by itself
                        for j in range(ux.shape[1]):
                            _note(segments, ux[i, j], uy[i, j], index, near, to[:, i, j])

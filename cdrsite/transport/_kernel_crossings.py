"""Crossings of line segments with the edges between cell centres."""

from __future__ import annotations

import numpy as np

from cdrsite.core.kernel import kernel


@kernel
def _side(ar: float, ac: float, br: float, bc: float, pr: float, pc: float) -> bool:
    """Whether p lies on the left of a -> b; on the line itself counts as left."""
    return (bc - ac) * (pr - ar) - (br - ar) * (pc - ac) >= 0.0


@kernel
def count_edges(segments, drow, dcol, row0, col0, limit, out):  # type: ignore[no-untyped-def]
    """Add to ``out`` the crossings of segments with lattice edges.

    Parameters
    ----------
    segments : ndarray of float64, shape (n, 4)
        row, column, row, column of the ends; whole numbers are cell centres.
    drow, dcol : ndarray of int64, shape (directions,)
        Direction of each edge, ``drow >= 0``.
    row0, col0 : int
        Cell of ``out[:, 0, 0]``.
    limit : int
        Counts stop here.
    out : ndarray of uint8, shape (directions, rows, cols)
        Crossings of the edge that starts in the cell.
    """
    directions, rows, cols = out.shape
    for s in range(segments.shape[0]):
        ar, ac, br, bc = segments[s, 0], segments[s, 1], segments[s, 2], segments[s, 3]
        low, high = min(ar, br), max(ar, br)
        for d in range(directions):
            dr, dc = drow[d], dcol[d]
            first = max(int(np.floor(low)) - dr, row0)
            last = min(int(np.ceil(high)), row0 + rows - 1)
            for r in range(first, last + 1):
                # part of the segment in the rows of this edge, with its columns
                top, bottom = max(low, r), min(high, r + dr)
                if top > bottom:
                    continue
                if br == ar:
                    left, right = min(ac, bc), max(ac, bc)
                else:
                    c1 = ac + (top - ar) / (br - ar) * (bc - ac)
                    c2 = ac + (bottom - ar) / (br - ar) * (bc - ac)
                    left, right = min(c1, c2), max(c1, c2)
                # one column more on either side covers rounding
                begin = max(int(np.floor(left)) - max(dc, 0) - 1, col0)
                end = min(int(np.ceil(right)) - min(dc, 0) + 1, col0 + cols - 1)
                for c in range(begin, end + 1):
                    if _side(ar, ac, br, bc, r, c) == _side(ar, ac, br, bc, r + dr, c + dc):
                        continue
                    if _side(r, c, r + dr, c + dc, ar, ac) == _side(r, c, r + dr, c + dc, br, bc):
                        continue
                    if out[d, r - row0, c - col0] < limit:
                        out[d, r - row0, c - col0] += np.uint8(1)

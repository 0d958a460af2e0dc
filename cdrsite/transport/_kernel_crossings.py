"""Crossings of line segments with the edges between cell centres."""

from __future__ import annotations

import numpy as np

from cdrsite.core.kernel import inner, kernel


@inner
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


@kernel
def bill_links(link, sink, moves, edge, codes, lookup, out):  # type: ignore[no-untyped-def]
    """Cost of the crossings along every cell's route, by following its links.

    Parameters
    ----------
    link : ndarray of int8, shape (k, rows, cols)
        Move of each rank towards its sink; -1 where the route ends, -2 without a route.
    sink : ndarray of int32, shape (k, rows, cols)
        Sink of each rank; the sinks of one cell are distinct.
    moves : ndarray of int64, shape (m, 3)
        Row and column step of each move.
    edge : ndarray of int64, shape (m, 3)
        Direction of the stored edge of each move, and where it starts from the cell.
    codes : ndarray of unsigned int, shape (directions, rows, cols)
        Codes of the edges.
    lookup : ndarray of float64
        Code -> cost [USD/t].
    out : ndarray of float64, shape (k, rows, cols)
        NaN where not known yet; inf is written without a route [USD/t].
    """
    ranks, rows, cols = link.shape
    chain = np.empty((1024, 3), np.int64)
    for k in range(ranks):
        for row in range(rows):
            for col in range(cols):
                depth, i, r, c = 0, k, row, col
                while np.isnan(out[i, r, c]):
                    e = link[i, r, c]
                    if e < 0:
                        out[i, r, c] = 0.0 if e == -1 else np.inf
                        break
                    if depth == len(chain):
                        chain = np.concatenate((chain, np.empty_like(chain)))
                    chain[depth] = i, r, c
                    depth += 1
                    goal = sink[i, r, c]
                    r, c = r + moves[e, 0], c + moves[e, 1]
                    # the next cell has the same sink, at this rank or a better one
                    i = 0
                    while sink[i, r, c] != goal:
                        i += 1
                left = out[i, r, c]
                while depth > 0:
                    depth -= 1
                    i, r, c = chain[depth]
                    e = link[i, r, c]
                    code = codes[edge[e, 0], r + edge[e, 1], c + edge[e, 2]]
                    left += lookup[code]
                    out[i, r, c] = left

"""Biomass within reach of a plant: least-cost search from each candidate, cut off at the reach."""

from __future__ import annotations

import numpy as np

from cdrsite.core.kernel import inner, kernel

NEW = -1  # place of a cell that the search has not met
SETTLED = -2  # place of a cell whose cost is final


@inner
def _before(cost, cell, a, b):  # type: ignore[no-untyped-def]
    """Order of the heap: cheaper first, then the lower cell, so that ties have one order."""
    first, second = cell[a], cell[b]
    return cost[first] < cost[second] or (cost[first] == cost[second] and first < second)


@kernel
def _up(cost, heap, place, at):  # type: ignore[no-untyped-def]
    while at > 0:
        parent = (at - 1) >> 1
        if not _before(cost, heap, at, parent):
            break
        heap[at], heap[parent] = heap[parent], heap[at]
        place[heap[at]], place[heap[parent]] = at, parent
        at = parent


@kernel
def _down(cost, heap, place, size):  # type: ignore[no-untyped-def]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and _before(cost, heap, child + 1, child):
            child += 1
        if not _before(cost, heap, child, at):
            break
        heap[at], heap[child] = heap[child], heap[at]
        place[heap[at]], place[heap[child]] = at, child
        at = child


@inner
def _edge(friction, r, c, dr, dc):  # type: ignore[no-untyped-def]
    """Mean friction along a move; inf when it touches a barrier or squeezes between two.

    A knight's move counts the four cells on its line by a quarter each.
    """
    ends = friction[r, c] + friction[r + dr, c + dc]
    if dr == 0 or dc == 0:
        return ends / 2.0
    sr, sc = (1 if dr > 0 else -1), (1 if dc > 0 else -1)
    if abs(dr) == abs(dc):
        if friction[r + dr, c] == np.inf and friction[r, c + dc] == np.inf:
            return np.inf
        return ends / 2.0
    if abs(dc) == 2:
        return (ends + (friction[r, c + sc] + friction[r + sr, c + sc])) / 4.0
    return (ends + (friction[r + sr, c] + friction[r + sr, c + sc])) / 4.0


@kernel
def _pop(cost, heap, place, size):  # type: ignore[no-untyped-def]
    """Take the cheapest cell off the heap of ``size`` cells."""
    cell = heap[0]
    if size > 1:
        heap[0] = heap[size - 1]
        place[heap[0]] = 0
        _down(cost, heap, place, size - 1)
    place[cell] = SETTLED
    return cell


@inner
def _offer(cost, place, heap, size, cell, total):  # type: ignore[no-untyped-def]
    """Lower the cost of a cell, or put it on the heap; returns the new size."""
    if place[cell] == NEW:
        place[cell] = size
        heap[size] = cell
        size += 1
    cost[cell] = total
    _up(cost, heap, place, place[cell])
    return size


@inner
def _search(  # type: ignore[no-untyped-def]
    friction, span, moves, row, col, reach, half, cost, place, heap, order
):
    """Least-cost search around a candidate; returns how many cells of ``order`` it settled."""
    height, width = friction.shape
    wide = 2 * half[1] + 1
    top, left = row - half[0], col - half[1]
    size, settled = _offer(cost, place, heap, 0, half[0] * wide + half[1], 0.0), 0
    while size > 0:
        cell = _pop(cost, heap, place, size)
        size -= 1
        order[settled] = cell
        settled += 1
        r, c = top + cell // wide, left + cell % wide
        for m in range(moves.shape[0]):
            y, x = r + moves[m, 0], c + moves[m, 1]
            if min(y, x) < 0 or y >= height or x >= width:
                continue
            if abs(y - row) > half[0] or abs(x - col) > half[1]:
                continue
            there = (y - top) * wide + x - left
            total = cost[cell] + span[m, r] * _edge(friction, r, c, moves[m, 0], moves[m, 1])
            # written so that NaN, of unknown ground, fails too
            if total <= reach and (
                place[there] == NEW or (place[there] >= 0 and total < cost[there])
            ):
                size = _offer(cost, place, heap, size, there, total)
    return settled


@kernel
def sheds(  # type: ignore[no-untyped-def]
    friction, biomass, span, moves, near, rows, cols, reach, half, out
):
    """Supply within reach of each candidate.

    Parameters
    ----------
    friction : ndarray of float64, shape (rows, cols)
        Haul cost [USD/t/km]; inf or NaN is a barrier.
    biomass : ndarray of float64, shape (rows, cols)
        Supply of each cell [t/yr]; NaN counts as none.
    span : ndarray of float64, shape (moves, rows)
        Length of a move by its row of departure [km].
    moves : ndarray of int64, shape (moves, 2)
        Row and column step.
    near : ndarray of float64, shape (rows,)
        Mean way from inside a cell to its centre [km].
    rows, cols : ndarray of int64, shape (n,)
        Candidate cells.
    reach : float
        Largest cost of a haul [USD/t].
    half : tuple of int
        Rows and columns of the search window on either side.
    out : ndarray of float64, shape (2, n)
        Zeros; takes the supply [t/yr], and the sum of supply times its haul cost [t/yr USD/t].
    """
    wide = 2 * half[1] + 1
    cells = (2 * half[0] + 1) * wide
    cost, place = np.empty(cells), np.full(cells, NEW, np.int64)
    heap, order = np.empty(cells, np.int64), np.empty(cells, np.int64)
    for n in range(rows.size):
        row, col = rows[n], cols[n]
        ground = friction[row, col]
        if not ground < np.inf:
            continue
        settled = _search(friction, span, moves, row, col, reach, half, cost, place, heap, order)
        for i in range(settled):
            cell = order[i]
            place[cell] = NEW
            r, c = row - half[0] + cell // wide, col - half[1] + cell % wide
            paid = near[r] * ground if i == 0 else cost[cell]
            if paid <= reach and biomass[r, c] > 0:
                out[0, n] += biomass[r, c]
                out[1, n] += biomass[r, c] * paid


@kernel
def coarse_sums(biomass, friction, factor, out):  # type: ignore[no-untyped-def]
    """Add up fine cells to coarse ones, each in the order of its rows.

    Parameters
    ----------
    biomass, friction : ndarray, shape (rows, cols)
        NaN biomass counts as none; inf or NaN friction is closed.
    factor : int
        Fine cells per side of a coarse one.
    out : ndarray of float64, shape (4, coarse rows, coarse cols)
        Zeros; takes biomass, cells, open cells, and the sum of 1 / friction of the open ones.
    """
    for r in range(biomass.shape[0]):
        for c in range(biomass.shape[1]):
            y, x = r // factor, c // factor
            value, ground = np.float64(biomass[r, c]), np.float64(friction[r, c])
            if not np.isnan(value):
                out[0, y, x] += value
            out[1, y, x] += 1.0
            if np.isfinite(ground):
                out[2, y, x] += 1.0
                out[3, y, x] += 1.0 / ground

"""Kernel: the best plan of each cell of a tile, given what the methods are worth there."""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cdrsite.competition._kernel_simplex import answer, solve
from cdrsite.competition._kernel_tile import (
    DEMAND_AT,
    FREE,
    INVERSE_AT,
    NEED,
    OTHER_ROOM,
    QUANTITY,
    RATIO_AT,
    ROOM,
    ROUNDING,
    SHARE,
    SHARE_AT,
    TILE,
    UPPER,
    UPPER_AT,
    VALUE,
    VALUE_AT,
    X_AT,
    X,
    load_values,
)
from cdrsite.core.kernel import inner


class OwnTile(NamedTuple):
    """Scratch of a tile for what cells bring of their own besides land and the methods' most.

    low : float64[M, TILE], least of each method. spare : float64[R + G, TILE], local supplies and
    land of the land rows. need : float64[R + G, M, TILE], what the methods take of each.
    """

    low: Any
    spare: Any
    need: Any


@inner
def own_scratch(bounds, n_methods):
    """Scratch of zeros."""
    n_rows = bounds.needs.shape[0] + bounds.weight.shape[0]
    low, spare = np.zeros((n_methods, TILE)), np.zeros((n_rows, TILE))
    return OwnTile(low, spare, np.zeros((n_rows, n_methods, TILE)))


@inner
def _times(tile, factor, size, out):
    """Land of each method times a factor of it."""
    for m in range(out.shape[0]):
        values, part, to = tile.of[m, NEED], factor[m], out[m]
        for i in range(size):
            to[i] = values[i] * part


@inner
def _only_possible(tile, size, out):
    """Put zero where a method is not possible, whatever stands there."""
    for m in range(out.shape[0]):
        to, upper = out[m], tile.of[m, UPPER]
        for i in range(size):
            held = to[i]
            to[i] = held if upper[i] > 0.0 else 0.0


@inner
def choose_within(bounds, start, size, tile, own):
    """Best plan of each cell of a tile within all that is its own."""
    n_local, n_rows = bounds.needs.shape[0], own.need.shape[0]
    load_values(bounds.local, start, size, own.spare[:n_local])
    load_values(bounds.ground, start, size, own.spare[n_local:])
    for r in range(n_local):
        load_values(bounds.needs[r], start, size, own.need[r])
    for r in range(n_local, n_rows):
        _times(tile, bounds.weight[r - n_local], size, own.need[r])
    if bounds.has_lower:
        load_values(bounds.lower, start, size, own.low)
        _only_possible(tile, size, own.low)
        set_aside(tile, own.low, own.need, own.spare, size)
    cap(tile, own.spare, own.need, size)
    rank(tile, size)
    fill(tile, size)
    if n_rows > 0:
        fill_rows(tile, own.spare, own.need, size)
    for m in range(own.low.shape[0]):
        for i in range(size):
            tile.of[m, X, i] += own.low[m, i]


@inner
def rank(tile, size):
    """Value per m2 of each method, and the land that it would take; -1 and 0 if not wanted."""
    for m in range(tile.rows.shape[0]):
        row = tile.rows[m]
        for i in range(np.uint64(size)):
            value, share = row[VALUE_AT + i], row[SHARE_AT + i]
            inverse, most = 1.0 / share, row[UPPER_AT + i] * share
            each, wanted = value * inverse, value > 0.0
            row[INVERSE_AT + i] = inverse
            row[RATIO_AT + i] = each if wanted else -1.0
            row[DEMAND_AT + i] = most if wanted else 0.0


@inner
def fill(tile, size):
    """Fractional knapsack: land goes to the best value per m2 first, without a branch.

    What the better methods leave is ``max(0, land - their demand)``, since each of them takes all
    it can before the next one: so no sorting is needed. Others come three at a time, as each look
    at the room costs as much as a comparison.
    """
    n_methods, room, other = tile.rows.shape[0], tile.cell[ROOM], tile.cell[OTHER_ROOM]
    for m in range(n_methods):
        row, source = tile.rows[m], tile.cell[FREE]
        for first in range(0, m, 3):
            a, b = tile.rows[first], tile.rows[first + 1] if first + 1 < m else tile.idle
            c = tile.rows[first + 2] if first + 2 < m else tile.idle
            for i in range(np.uint64(size)):  # the first one wins a tie
                own, left = row[RATIO_AT + i], source[i]
                one, two, three = a[DEMAND_AT + i], b[DEMAND_AT + i], c[DEMAND_AT + i]
                left -= one if a[RATIO_AT + i] >= own else 0.0
                left -= two if b[RATIO_AT + i] >= own else 0.0
                room[i] = left - (three if c[RATIO_AT + i] >= own else 0.0)
            source, room, other = room, other, room
        for first in range(m + 1, n_methods, 3):
            a, b = tile.rows[first], tile.rows[first + 1] if first + 1 < n_methods else tile.idle
            c = tile.rows[first + 2] if first + 2 < n_methods else tile.idle
            for i in range(np.uint64(size)):
                own, left = row[RATIO_AT + i], source[i]
                one, two, three = a[DEMAND_AT + i], b[DEMAND_AT + i], c[DEMAND_AT + i]
                left -= 0.0 if own >= a[RATIO_AT + i] else one
                left -= 0.0 if own >= b[RATIO_AT + i] else two
                room[i] = left - (0.0 if own >= c[RATIO_AT + i] else three)
            source, room, other = room, other, room
        for i in range(np.uint64(size)):
            held, most = source[i], row[UPPER_AT + i]
            left = held if held > 0.0 else 0.0
            rest = left * row[INVERSE_AT + i]
            part = most if row[DEMAND_AT + i] <= left else rest
            row[X_AT + i] = part if row[RATIO_AT + i] > 0.0 else 0.0


@inner
def fill_rows(tile, spare, need, size):
    """Solve the cells again whose answer for land and caps breaks another row of the cell."""
    n_methods, n_rows = tile.of.shape[0], need.shape[0]
    scratch = np.empty((n_rows + 2) * (n_methods + n_rows + 2))
    who, rows = np.empty(n_methods, np.int64), np.empty(n_rows + 1, np.int64)
    x = np.empty(n_methods)
    basis = np.empty(n_rows + 1, np.int64)
    most, turned = np.empty(n_methods + n_rows + 1), np.empty(n_methods + n_rows + 1, np.bool_)
    for i in range(size):
        broken = False
        for r in range(n_rows):
            used = 0.0
            for m in range(n_methods):
                used += need[r, m, i] * tile.of[m, X, i]
            broken = broken or used > spare[r, i] * (1.0 + ROUNDING)
        if not broken:
            continue
        count = _wanted(tile, need, i, who)
        height = _scarce(tile, spare, need, i, who[:count], rows)
        width = count + height
        tableau = scratch[: (height + 1) * (width + 1)].reshape((height + 1, width + 1))
        _write(tile, spare, need, i, who[:count], rows[:height], tableau)
        for j in range(width):
            most[j], turned[j] = 1.0 if j < count else np.inf, False
        for r in range(height):
            basis[r] = count + r
        solve(tableau, basis[:height], most[:width], turned[:width])
        answer(tableau, basis[:height], most, turned, x[:count])
        for m in range(n_methods):
            tile.of[m, X, i] = 0.0
        for j in range(count):
            tile.of[who[j], X, i] = x[j] * tile.of[who[j], UPPER, i]


@inner
def _wanted(tile, need, i, who):
    """Methods that a cell's programme is about: what gains, or adds to a supply; their number."""
    count = 0
    for m in range(need.shape[1]):
        value = tile.of[m, VALUE, i]
        good = value > 0.0
        for r in range(need.shape[0]):
            good = good or (need[r, m, i] < 0.0 and value > -np.inf)
        if good and tile.of[m, UPPER, i] > 0.0:
            who[count] = m
            count += 1
    return count


@inner
def _own_row(tile, spare, need, i, m, r):
    """Need of a method in row ``r`` of a cell, its land first, and what there is."""
    if r == 0:
        return tile.of[m, SHARE, i], tile.cell[FREE, i]
    return need[r - 1, m, i], spare[r - 1, i]


@inner
def _scarce(tile, spare, need, i, who, rows):
    """Rows of a cell that methods could break if all did their most; returns how many."""
    count = 0
    for r in range(need.shape[0] + 1):
        used, supply = 0.0, np.inf
        for j in range(len(who)):
            each, supply = _own_row(tile, spare, need, i, who[j], r)
            used += max(each, 0.0) * tile.of[who[j], UPPER, i]
        if used > supply:
            rows[count] = r
            count += 1
    return count


@inner
def _write(tile, spare, need, i, who, rows, tableau):
    """Tableau of a cell: methods as shares of their most, rows as shares of their supply."""
    height, count = len(rows), len(who)
    last = count + height
    for r in range(height + 1):
        for j in range(last + 1):
            tableau[r, j] = 0.0
    for j in range(count):
        tableau[height, j] = -tile.of[who[j], VALUE, i] * tile.of[who[j], UPPER, i]
    for r in range(height):
        for j in range(count):
            each, supply = _own_row(tile, spare, need, i, who[j], rows[r])
            size = supply if supply > 0.0 else 1.0
            tableau[r, j] = each * tile.of[who[j], UPPER, i] / size
            tableau[r, last] = 1.0 if supply > 0.0 else 0.0
        tableau[r, count + r] = 1.0


@inner
def set_aside(tile, low, need, spare, size):
    """Take the lower bounds out of upper bounds, land and local resources."""
    for m in range(low.shape[0]):
        for i in range(size):
            tile.of[m, UPPER, i] -= low[m, i]
            left = tile.cell[FREE, i] - low[m, i] * tile.of[m, SHARE, i]
            tile.cell[FREE, i] = left if left > 0.0 else 0.0
            for r in range(need.shape[0]):
                spare[r, i] -= need[r, m, i] * low[m, i]


@inner
def cap(tile, spare, need, size):
    """Cap each method by what it could make of a local resource or a land row alone.

    A resource that only one method needs is then kept without a programme of its own.
    """
    least = tile.cell[QUANTITY]
    for r in range(need.shape[0]):
        for i in range(size):
            least[i] = 0.0
        for m in range(need.shape[1]):
            for i in range(size):
                least[i] = min(least[i], need[r, m, i])
        for m in range(need.shape[1]):
            upper, own, left = tile.of[m, UPPER], need[r, m], spare[r]
            for i in range(size):  # what one method adds, another may use
                most = left[i] / own[i] if left[i] > 0.0 else 0.0
                capped = own[i] > 0.0 and not least[i] < 0.0 and most < upper[i]
                upper[i] = most if capped else upper[i]

"""Kernel: the best plan of each cell of a tile, given what the methods are worth there."""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from cdrsite.competition._kernel_tile import (
    DEMAND,
    FREE,
    INVERSE,
    QUANTITY,
    RATIO,
    ROOM,
    ROUNDING,
    SHARE,
    UPPER,
    VALUE,
    X,
    stage,
)


@stage
def rank(tile, size):
    """Value per m2 of each method, and the land that it would take; -1 and 0 if not wanted."""
    for m in range(tile.of.shape[1]):
        value, upper, share = tile.of[VALUE, m], tile.of[UPPER, m], tile.of[SHARE, m]
        inverse, ratio, demand = tile.of[INVERSE, m], tile.of[RATIO, m], tile.of[DEMAND, m]
        room, land = tile.of[ROOM, m], tile.cell[FREE]
        for i in range(size):
            inverse[i] = 1.0 / share[i]
        for i in range(size):
            ratio[i] = value[i] * inverse[i] if value[i] > 0.0 else -1.0
        for i in range(size):
            demand[i] = upper[i] * share[i] if value[i] > 0.0 else 0.0
        for i in range(size):
            room[i] = land[i]


@stage
def fill(tile, size):
    """Fractional knapsack: land goes to the best value per m2 first, without a branch.

    What the better methods leave is ``max(0, land - their demand)``, since each of them takes all
    it can before the next one: so no sorting is needed.
    """
    n_methods = tile.of.shape[1]
    for m in range(n_methods):
        room, own = tile.of[ROOM, m], tile.of[RATIO, m]
        for other in range(n_methods):
            ratio, demand = tile.of[RATIO, other], tile.of[DEMAND, other]
            if other < m:  # the first one wins a tie
                for i in range(size):
                    room[i] -= demand[i] if ratio[i] >= own[i] else 0.0
            elif other > m:
                for i in range(size):
                    room[i] -= 0.0 if own[i] >= ratio[i] else demand[i]
    for m in range(n_methods):
        upper, inverse, x = tile.of[UPPER, m], tile.of[INVERSE, m], tile.of[X, m]
        ratio, demand, room = tile.of[RATIO, m], tile.of[DEMAND, m], tile.of[ROOM, m]
        for i in range(size):
            left = room[i] if room[i] > 0.0 else 0.0
            part = upper[i] if demand[i] <= left else left * inverse[i]
            x[i] = part if ratio[i] > 0.0 else 0.0


@stage
def _pivot(tableau, leave, enter, height, width):
    """One step of the simplex method; loops, as array expressions take seconds to compile."""
    pivot = tableau[leave, enter]
    for j in range(width):
        tableau[leave, j] /= pivot
    for r in range(height):
        factor = tableau[r, enter]
        if r != leave and factor != 0.0:
            for j in range(width):
                tableau[r, j] -= factor * tableau[leave, j]


@stage
def _small_lp(value, upper, rows, limits, tableau, x):  # noqa: C901, PLR0912 - one algorithm
    """Maximise value x over 0 <= x <= upper and rows x <= limits (>= 0): dense simplex, Bland.

    Bland's rule ends at degenerate corners too; the size is a handful of methods and resources.
    """
    n, extra = value.shape[0], limits.shape[0]
    height, width = n + extra + 1, 2 * n + extra + 1
    basis = np.empty(n + extra, np.int64)
    for r in range(height):
        for j in range(width):
            tableau[r, j] = 0.0
    for j in range(n):
        tableau[j, j] = 1.0
        tableau[j, width - 1] = upper[j]
        tableau[height - 1, j] = -value[j] if upper[j] > 0.0 else 0.0
        for r in range(extra):
            tableau[n + r, j] = rows[r, j]
    for r in range(n + extra):
        tableau[r, n + r] = 1.0
        basis[r] = n + r
    for r in range(extra):
        tableau[n + r, width - 1] = limits[r] if limits[r] > 0.0 else 0.0
    scale = 0.0
    for j in range(n):
        scale = max(scale, abs(tableau[height - 1, j]))
    while True:
        enter = -1
        for j in range(width - 1):
            if tableau[height - 1, j] < -1e-13 * scale:
                enter = j
                break
        if enter < 0:
            break
        leave, least = -1, np.inf
        for r in range(height - 1):
            if tableau[r, enter] > 1e-12:
                step = tableau[r, width - 1] / tableau[r, enter]
                if step < least or (step == least and basis[r] < basis[leave]):
                    leave, least = r, step
        if leave < 0:
            break
        _pivot(tableau, leave, enter, height, width)
        basis[leave] = enter
    for j in range(n):
        x[j] = 0.0
    for r in range(n + extra):
        if basis[r] < n:
            x[basis[r]] = min(max(tableau[r, width - 1], 0.0), upper[basis[r]])


@stage
def fill_local(tile, spare, need, size, tableau):
    """Solve the cells again whose answer for land and caps breaks another local row."""
    n_methods, n_local = tile.of.shape[1], need.shape[0]
    rows = np.empty((n_local + 1, n_methods))
    limits = np.empty(n_local + 1)
    answer = np.empty(n_methods)
    v, u = np.empty(n_methods), np.empty(n_methods)
    for i in range(size):
        broken = False
        for r in range(n_local):
            used = 0.0
            for m in range(n_methods):
                used += need[r, m, i] * tile.of[X, m, i]
            broken = broken or used > spare[r, i] * (1.0 + ROUNDING)
        if not broken:
            continue
        limits[0] = tile.cell[FREE, i]
        for m in range(n_methods):
            value = tile.of[VALUE, m, i]
            rows[0, m] = tile.of[SHARE, m, i]
            u[m] = tile.of[UPPER, m, i] if value > 0.0 else 0.0
            v[m] = value if value > 0.0 else 0.0
        for r in range(n_local):
            limits[r + 1] = spare[r, i]
            for m in range(n_methods):
                rows[r + 1, m] = need[r, m, i]
        _small_lp(v, u, rows, limits, tableau, answer)
        for m in range(n_methods):
            tile.of[X, m, i] = answer[m]


@stage
def set_aside(tile, low, need, spare, size):
    """Take the lower bounds out of upper bounds, land and local resources."""
    for m in range(low.shape[0]):
        for i in range(size):
            tile.of[UPPER, m, i] -= low[m, i]
            left = tile.cell[FREE, i] - low[m, i] * tile.of[SHARE, m, i]
            tile.cell[FREE, i] = left if left > 0.0 else 0.0
            for r in range(need.shape[0]):
                spare[r, i] -= need[r, m, i] * low[m, i]


@stage
def cap(tile, spare, need, size):
    """Cap each method by what it could make of a local resource alone.

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
            upper, own, left = tile.of[UPPER, m], need[r, m], spare[r]
            for i in range(size):  # what one method adds, another may use
                most = left[i] / own[i] if left[i] > 0.0 else 0.0
                capped = own[i] > 0.0 and not least[i] < 0.0 and most < upper[i]
                upper[i] = most if capped else upper[i]

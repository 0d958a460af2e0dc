"""Kernel: what one unit more of a cell's own supplies is worth at given prices of the shared ones.

Each cell is a linear programme of its own: a few methods, each between 0 and its most, and the
rows of its land and of its local resources. The simplex method with bounded variables (Dantzig
1955, Econometrica 23, 174-183) needs one line of its tableau per row only; the entering and leaving
columns follow Bland (1977, Mathematics of Operations Research 2, 103-107), so it ends.
"""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from cdrsite.core.kernel import kernel

bare: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
stage = numba.njit(nogil=True, error_model="numpy", **bare)

PIVOT, REDUCED = 1e-12, 1e-13
"""Least pivot, and least gain of an entering column relative to the largest one."""


@stage
def _leaving(tableau, basis, most, enter):
    """Row that stops the entering column first (-1: its own bound), how far, and at which end."""
    height, last = tableau.shape[0] - 1, tableau.shape[1] - 1
    leave, at_most, least = -1, False, most[enter]
    for r in range(height):
        entry, held = tableau[r, enter], basis[r]
        if entry > PIVOT:
            step, end = max(tableau[r, last], 0.0) / entry, False
        elif entry < -PIVOT and most[held] < np.inf:
            step, end = max(most[held] - tableau[r, last], 0.0) / -entry, True
        else:
            continue
        if step < least or (step == least and leave >= 0 and held < basis[leave]):
            leave, at_most, least = r, end, step
    return leave, at_most


@stage
def _entering(tableau, most, least):
    """First column that gains more than ``least``; -1 if none does."""
    height, last = tableau.shape[0] - 1, tableau.shape[1] - 1
    for j in range(last):
        if tableau[height, j] < -least and most[j] > 0.0:
            return j
    return -1


@stage
def _to_bound(tableau, enter, most):
    """Take a column to its own bound: from now on it counts what it is short of it."""
    last = tableau.shape[1] - 1
    for r in range(tableau.shape[0]):
        tableau[r, last] -= tableau[r, enter] * most
        tableau[r, enter] = -tableau[r, enter]


@stage
def _from_bound(tableau, leave, held, most):
    """Let the column that a row holds count what it is short of its bound."""
    last = tableau.shape[1] - 1
    for j in range(last):
        if j != held:
            tableau[leave, j] = -tableau[leave, j]
    tableau[leave, last] = most - tableau[leave, last]


@stage
def _pivot(tableau, leave, enter):
    """Let a row hold the entering column; loops, as array expressions take seconds to compile."""
    pivot = tableau[leave, enter]
    for j in range(tableau.shape[1]):
        tableau[leave, j] /= pivot
    for r in range(tableau.shape[0]):
        factor = tableau[r, enter]
        if r != leave and factor != 0.0:
            for j in range(tableau.shape[1]):
                tableau[r, j] -= factor * tableau[leave, j]


@stage
def _solve(tableau, basis, most):
    """Bring a tableau to its optimum; the last row holds minus the gains, then the prices."""
    height, scale = tableau.shape[0] - 1, 0.0
    for j in range(tableau.shape[1] - 1):
        scale = max(scale, -tableau[height, j])
    while True:
        enter = _entering(tableau, most, REDUCED * scale)
        if enter < 0:
            return
        leave, at_most = _leaving(tableau, basis, most, enter)
        if leave >= 0:
            if at_most:
                _from_bound(tableau, leave, basis[leave], most[basis[leave]])
            _pivot(tableau, leave, enter)
            basis[leave] = enter
        elif most[enter] < np.inf:
            _to_bound(tableau, enter, most[enter])
        else:  # only by rounding: supplies bound all that needs them
            return


@kernel
def own_prices(value, upper, need, supply, more, out):
    """Prices of the own supplies of each cell.

    Parameters
    ----------
    value : float64[M, n]
        Value of a gross tonne at the prices of the shared rows.
    upper : float64[M, n]
        Most of each method.
    need : float64[R, M, n] or [R, M, 1]
        Need of each own supply per gross tonne; land first.
    supply : float64[R, n]
    more : float64[R]
        Share of a supply added to it: where several prices are right, it picks one.
    out : float64[R, n]
        Written to: gain per unit more of each supply.
    """
    n_rows, n_methods, n = need.shape[0], upper.shape[0], upper.shape[1]
    last = n_methods + n_rows
    tableau, most = np.empty((n_rows + 1, last + 1)), np.empty(last)
    basis = np.empty(n_rows, np.int64)
    wide = need.shape[2] > 1
    for i in range(n):
        at, wanted = i if wide else 0, False
        for r in range(n_rows + 1):
            for j in range(last + 1):
                tableau[r, j] = 0.0
        for m in range(n_methods):  # as shares of the most, and of the supply
            good = upper[m, i] > 0.0 and value[m, i] > 0.0
            wanted = wanted or good
            most[m] = 1.0 if good else 0.0
            tableau[n_rows, m] = -value[m, i] * upper[m, i] if good else 0.0
            for r in range(n_rows):
                size = supply[r, i] if supply[r, i] > 0.0 else 1.0
                tableau[r, m] = need[r, m, at] * upper[m, i] / size if good else 0.0
        for r in range(n_rows):
            tableau[r, n_methods + r] = 1.0
            tableau[r, last] = 1.0 + more[r] if supply[r, i] > 0.0 else 0.0
            basis[r], most[n_methods + r] = n_methods + r, np.inf
            out[r, i] = 0.0
        if not wanted:
            continue
        _solve(tableau, basis, most)
        for r in range(n_rows):
            size = supply[r, i] if supply[r, i] > 0.0 else 1.0
            out[r, i] = max(tableau[n_rows, n_methods + r], 0.0) / size

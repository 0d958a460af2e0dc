"""Kernel: a small linear programme, solved by the simplex method with bounded variables.

That method (Dantzig 1955, Econometrica 23, 174-183) needs one line of its tableau per row only; the
entering and leaving columns follow Bland (1977, Mathematics of Operations Research 2, 103-107), so
it ends.

A tableau has a line per row and, last, minus the gains; a column per variable, then the slacks of
the rows, then the right-hand sides. All start at 0, and the right-hand sides are not below 0.
"""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from cdrsite.core.kernel import inner

PIVOT, REDUCED = 1e-12, 1e-13
"""Least pivot, and least gain of an entering column relative to the largest one."""


@inner
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


@inner
def _entering(tableau, most, least):
    """First column that gains more than ``least``; -1 if none does."""
    height, last = tableau.shape[0] - 1, tableau.shape[1] - 1
    for j in range(last):
        if tableau[height, j] < -least and most[j] > 0.0:
            return j
    return -1


@inner
def _to_bound(tableau, enter, most, turned):
    """Take a column to its own bound: from now on it counts what it is short of it."""
    turned[enter] = not turned[enter]
    last = tableau.shape[1] - 1
    for r in range(tableau.shape[0]):
        tableau[r, last] -= tableau[r, enter] * most
        tableau[r, enter] = -tableau[r, enter]


@inner
def _from_bound(tableau, leave, held, most, turned):
    """Let the column that a row holds count what it is short of its bound."""
    turned[held] = not turned[held]
    last = tableau.shape[1] - 1
    for j in range(last):
        if j != held:
            tableau[leave, j] = -tableau[leave, j]
    tableau[leave, last] = most - tableau[leave, last]


@inner
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


@inner
def solve(tableau, basis, most, turned):
    """Bring a tableau to its optimum; the last row then holds the prices of the rows.

    Parameters
    ----------
    tableau : float64[R + 1, M + R + 1]
    basis : int64[R]
        Column that each row holds.
    most : float64[M + R]
        Bound of each column; infinite for the slacks.
    turned : bool[M + R]
        Columns that count what they are short of their bound.
    """
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
                _from_bound(tableau, leave, basis[leave], most[basis[leave]], turned)
            _pivot(tableau, leave, enter)
            basis[leave] = enter
        elif most[enter] < np.inf:
            _to_bound(tableau, enter, most[enter], turned)
        else:  # only by rounding: supplies bound all that needs them
            return


@inner
def answer(tableau, basis, most, turned, x):
    """Values of the first columns at the optimum, each between 0 and its bound of about one.

    What is only rounding is 0: a row of nothing but rounding would else be one of that size.
    """
    last = tableau.shape[1] - 1
    for j in range(len(x)):
        x[j] = most[j] if turned[j] else 0.0
    for r in range(len(basis)):
        j = basis[r]
        if j < len(x):
            held = min(max(tableau[r, last], 0.0), most[j])
            value = most[j] - held if turned[j] else held
            x[j] = value if value > PIVOT else 0.0

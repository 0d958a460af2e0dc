"""Kernel: what one unit more of a cell's own supplies is worth at given prices of the shared ones.

Each cell is a linear programme of its own: a few methods, each between 0 and its most, and the
rows of its land and of its local resources.
"""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from cdrsite.competition._kernel_simplex import solve
from cdrsite.core.kernel import kernel


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
    basis, turned = np.empty(n_rows, np.int64), np.zeros(last, np.bool_)
    wide = need.shape[2] > 1
    for i in range(n):
        at, wanted = i if wide else 0, False
        for r in range(n_rows + 1):
            for j in range(last + 1):
                tableau[r, j] = 0.0
        for m in range(n_methods):  # as shares of the most, and of the supply
            good = upper[m, i] > 0.0 and value[m, i] > 0.0
            for r in range(n_rows):  # what adds to a supply may be worth its loss
                adds = need[r, m, at] < 0.0 and value[m, i] > -np.inf
                good = good or (upper[m, i] > 0.0 and adds)
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
        for j in range(last):
            turned[j] = False
        solve(tableau, basis, most, turned)
        for r in range(n_rows):
            size = supply[r, i] if supply[r, i] > 0.0 else 1.0
            out[r, i] = max(tableau[n_rows, n_methods + r], 0.0) / size

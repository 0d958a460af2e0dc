"""Kernel: fill activities one after another as far as their rows allow."""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from cdrsite.core.kernel import kernel


@kernel
def fill_in_order(order, gain, starts, index, entry, room, x):
    """Raise each activity in ``order`` while it gains, as far as ``room`` allows.

    Parameters
    ----------
    order : int64[J]
    gain : float64[J]
    starts, index, entry : the rows' coefficients by activity
    room : float64[R]
        What is left of each row; reduced.
    x : float64[J]
        Written.
    """
    for j in order:
        if gain[j] <= 0.0:
            break
        most = np.inf
        for p in range(starts[j], starts[j + 1]):
            if entry[p] > 0.0:
                most = min(most, max(room[index[p]], 0.0) / entry[p])
        if not np.isfinite(most):
            most = 0.0
        x[j] = most
        for p in range(starts[j], starts[j + 1]):
            room[index[p]] -= entry[p] * most

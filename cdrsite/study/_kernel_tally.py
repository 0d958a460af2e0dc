"""Compiled loop that counts the cells of a block; plain arrays in, sums changed in place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cdrsite.core.kernel import kernel

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


@kernel
def count_cells(
    limit: NDArray[np.uint8],
    equal_share: F32,
    net_factor: F32,
    available: F32,
    row_areas: F64,
    cells: NDArray[np.int64],
    area: F64,
    tonnes: F64,
) -> float:
    """Add one method's cells of a block to its sums.

    ``cells``, ``area`` and ``tonnes`` have one entry per code of ``limit``.

    Returns
    -------
    float
        Area left by the exclusions [m2].
    """
    rows, cols = limit.shape
    allowed = 0.0
    for r in range(rows):
        cell, shares = row_areas[r], 0.0
        for c in range(cols):
            code = limit[r, c]
            cells[code] += 1
            area[code] += cell
            left = available[r, c]
            if not np.isnan(left):
                shares += np.float64(left)
            # the product of two float32 is a float32, as in the maps
            net = equal_share[r, c] * net_factor[r, c]
            if not np.isnan(net):
                tonnes[code] += net
        allowed += shares * cell
    return allowed

"""Fine cells of a map brought to coarser ones, each added up in the order of its rows."""

from __future__ import annotations

import numpy as np

from cdrsite.core.kernel import kernel


@kernel
def gather_method(allocated, suitability, available, areas, factor, out):  # type: ignore[no-untyped-def]
    """Sums of one method over coarse cells.

    Parameters
    ----------
    allocated, suitability, available : ndarray, shape (rows, cols)
        Tonnes, suitability, share that is left; NaN counts as none.
    areas : ndarray of float64, shape (rows,)
        Area of a cell.
    factor : int
        Fine cells per side of a coarse one.
    out : ndarray of float64, shape (6, coarse rows, coarse cols)
        Zeros; takes tonnes, tonnes with a suitability and their product with it, open area with a
        suitability and its product with it, and open area.
    """
    for r in range(allocated.shape[0]):
        for c in range(allocated.shape[1]):
            y, x = r // factor, c // factor
            tonnes, quality = np.float64(allocated[r, c]), np.float64(suitability[r, c])
            free = np.float64(available[r, c]) * areas[r]
            if not tonnes > 0:
                tonnes = 0.0
            if not free > 0:
                free = 0.0
            out[0, y, x] += tonnes
            out[5, y, x] += free
            if not np.isnan(quality):
                out[1, y, x] += tonnes
                out[2, y, x] += tonnes * quality
                out[3, y, x] += free
                out[4, y, x] += free * quality


@kernel
def gather_ground(surface, factor, out):  # type: ignore[no-untyped-def]
    """Sums over coarse cells, shape (3, ...): cells, open ones, and the frictions of these."""
    for r in range(surface.shape[0]):
        for c in range(surface.shape[1]):
            y, x = r // factor, c // factor
            value = np.float64(surface[r, c])
            out[0, y, x] += 1.0
            if np.isfinite(value):
                out[1, y, x] += 1.0
                out[2, y, x] += value

"""Kernel: the best plan of every cell at given prices, and its sums.

Cells come in runs that share all their pools, as polygons on a raster do; the prices of a run are
loop constants, so that every inner loop is a straight line over a short tile in cache. Arithmetic
is in float64 whatever the inputs are.
"""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from cdrsite.competition._kernel_choice import cap, fill, fill_local, rank, set_aside
from cdrsite.competition._kernel_sums import add_up
from cdrsite.competition._kernel_tile import TILE, UPPER, X, load_values, only_where, scratch
from cdrsite.competition._kernel_values import value
from cdrsite.core.kernel import kernel


@kernel
def sweep(fields, terms, out):
    """Best plan of each cell at given prices, added up."""
    n = fields.combo.shape[0]
    tile = scratch(fields.upper.shape[0], fields.sink.shape[0])
    for start in range(0, n, TILE):
        size = min(TILE, n - start)
        combo = fields.combo[start : start + size]
        runs = value(fields, terms, start, combo, size, tile)
        rank(tile, size)
        fill(tile, size)
        add_up(fields, terms, start, combo, runs, size, tile, out)


@kernel
def sweep_bounded(fields, terms, lower, has_lower, local, needs, out):
    """As :func:`sweep`, with lower bounds and local resources; compiled only where they occur.

    ``needs`` of the local resources per gross tonne, shape (R, M, n) or (R, M, 1).
    """
    n, n_methods = fields.combo.shape[0], fields.upper.shape[0]
    n_local = needs.shape[0]
    tile = scratch(n_methods, fields.sink.shape[0])
    low, spare = np.zeros((n_methods, TILE)), np.zeros((n_local, TILE))
    need = np.zeros((n_local, n_methods, TILE))
    tableau = np.empty((n_methods + n_local + 2, 2 * n_methods + n_local + 2))
    for start in range(0, n, TILE):
        size = min(TILE, n - start)
        combo = fields.combo[start : start + size]
        runs = value(fields, terms, start, combo, size, tile)
        load_values(local, start, size, spare)
        for r in range(n_local):
            load_values(needs[r], start, size, need[r])
        if has_lower:
            load_values(lower, start, size, low)
            only_where(tile.of[UPPER], 0.0, size, low)
            set_aside(tile, low, need, spare, size)
        cap(tile, spare, need, size)
        rank(tile, size)
        fill(tile, size)
        if n_local > 0:
            fill_local(tile, spare, need, size, tableau)
        for m in range(n_methods):
            for i in range(size):
                tile.of[X, m, i] += low[m, i]
        add_up(fields, terms, start, combo, runs, size, tile, out)

"""Kernel: the best plan of every cell at given prices, and its sums.

Cells come in runs that share all their pools, as polygons on a raster do; the prices of a run are
loop constants, so that every inner loop is a straight line over a short tile in cache. Arithmetic
is in float64 whatever the inputs are.
"""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from cdrsite.competition._kernel_choice import cap, fill, fill_rows, rank, set_aside
from cdrsite.competition._kernel_sums import add_up
from cdrsite.competition._kernel_tile import (
    NEED,
    TILE,
    UPPER,
    X,
    load_values,
    only_where,
    scratch,
    times,
)
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
def sweep_bounded(fields, terms, bounds, out):
    """As :func:`sweep`, with what else is a cell's own; compiled only where that occurs."""
    n, n_methods = fields.combo.shape[0], fields.upper.shape[0]
    n_local = bounds.needs.shape[0]
    n_rows = n_local + bounds.weight.shape[0]
    tile = scratch(n_methods, fields.sink.shape[0])
    low, spare = np.zeros((n_methods, TILE)), np.zeros((n_rows, TILE))
    need = np.zeros((n_rows, n_methods, TILE))
    for start in range(0, n, TILE):
        size = min(TILE, n - start)
        combo = fields.combo[start : start + size]
        runs = value(fields, terms, start, combo, size, tile)
        load_values(bounds.local, start, size, spare[:n_local])
        load_values(bounds.ground, start, size, spare[n_local:])
        for r in range(n_local):
            load_values(bounds.needs[r], start, size, need[r])
        for r in range(n_local, n_rows):
            times(tile.of[NEED], bounds.weight[r - n_local], size, need[r])
        if bounds.has_lower:
            load_values(bounds.lower, start, size, low)
            only_where(tile.of[UPPER], 0.0, size, low)
            set_aside(tile, low, need, spare, size)
        cap(tile, spare, need, size)
        rank(tile, size)
        fill(tile, size)
        if n_rows > 0:
            fill_rows(tile, spare, need, size)
        for m in range(n_methods):
            for i in range(size):
                tile.of[X, m, i] += low[m, i]
        add_up(fields, terms, start, combo, runs, size, tile, out)

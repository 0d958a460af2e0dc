"""Kernel: the best plan of every cell over vintages at given prices, and its sums.

The vintage and the sink that each method of a cell is best built for leave one value per method;
the knapsack of the competition fills the cell's land with these as it does in one year. Tiles and
runs of cells are those of the competition, and so are their loops.
"""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from cdrsite.competition._kernel_choice import cap, fill, fill_rows, rank, set_aside
from cdrsite.competition._kernel_tile import (
    NEED,
    TILE,
    UPPER,
    X,
    load_values,
    only_where,
    times,
)
from cdrsite.core.kernel import kernel
from cdrsite.pathway._kernel_tile import add_up, scratch, value


@kernel
def sweep(fields, terms, out):
    """Best plan of each cell at given prices, added up."""
    n = fields.combo.shape[0]
    dated = scratch(fields, terms)
    for start in range(0, n, TILE):
        size = min(TILE, n - start)
        combo = fields.combo[start : start + size]
        value(fields, terms, start, combo, size, dated)
        rank(dated.tile, size)
        fill(dated.tile, size)
        add_up(fields, terms, start, combo, size, dated, out)


@kernel
def sweep_bounded(fields, terms, bounds, out):
    """As :func:`sweep`, with what else is a cell's own; compiled only where that occurs."""
    n, n_methods = fields.combo.shape[0], fields.upper.shape[0]
    n_local = bounds.needs.shape[0]
    n_rows = n_local + bounds.weight.shape[0]
    dated = scratch(fields, terms)
    tile = dated.tile
    low, spare = np.zeros((n_methods, TILE)), np.zeros((n_rows, TILE))
    need = np.zeros((n_rows, n_methods, TILE))
    for start in range(0, n, TILE):
        size = min(TILE, n - start)
        combo = fields.combo[start : start + size]
        value(fields, terms, start, combo, size, dated)
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
        add_up(fields, terms, start, combo, size, dated, out)


@kernel
def add_vintages(place, share, x, choice, out):
    """Add a plan of some cells times their share, ``out[m, choice, place[i]] += share[i] x``."""
    for m in range(x.shape[0]):
        for i in range(x.shape[1]):
            if x[m, i] > 0.0:
                out[m, choice[m, i], place[i]] += share[i] * x[m, i]

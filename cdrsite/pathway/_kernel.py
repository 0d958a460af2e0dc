"""Kernel: the best plan of every cell over vintages at given prices, and its sums.

The vintage and the sink that each method of a cell is best built for leave one value per method;
the knapsack of the competition fills the cell's land with these as it does in one year. Tiles and
runs of cells are those of the competition, and so are their loops.
"""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from cdrsite.competition._kernel_choice import choose_within, fill, own_scratch, rank
from cdrsite.competition._kernel_tile import TILE
from cdrsite.competition._kernel_values import sources
from cdrsite.core.kernel import kernel
from cdrsite.pathway._kernel_tile import add_up, scratch, value


@kernel
def sweep(fields, terms, out):
    """Best plan of each cell at given prices, added up."""
    n = fields.combo.shape[0]
    dated, source = scratch(fields, terms), sources(fields, np.ones(4, np.bool_))
    for start in range(0, n, TILE):
        size = min(TILE, n - start)
        at, combo = fields.first + start, fields.combo[start : start + size]
        value(fields, source, terms, at, combo, size, dated)
        rank(dated.tile, size)
        fill(dated.tile, size)
        add_up(fields, terms, at, combo, size, dated, out)


@kernel
def sweep_bounded(fields, terms, bounds, out):
    """As :func:`sweep`, with what else is a cell's own; compiled only where that occurs."""
    n = fields.combo.shape[0]
    dated, source = scratch(fields, terms), sources(fields, np.ones(4, np.bool_))
    own = own_scratch(bounds, fields.upper.shape[0])
    for start in range(0, n, TILE):
        size = min(TILE, n - start)
        at, combo = fields.first + start, fields.combo[start : start + size]
        value(fields, source, terms, at, combo, size, dated)
        choose_within(bounds, at, size, dated.tile, own)
        add_up(fields, terms, at, combo, size, dated, out)


@kernel
def add_vintages(place, share, x, choice, out):
    """Add a plan of some cells times their share, ``out[m, choice, place[i]] += share[i] x``."""
    for m in range(x.shape[0]):
        for i in range(x.shape[1]):
            if x[m, i] > 0.0:
                out[m, choice[m, i], place[i]] += share[i] * x[m, i]

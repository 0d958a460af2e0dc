"""Kernel: the best plan of every cell at given prices, and its sums.

Cells come in runs that share all their pools, as polygons on a raster do; the prices of a run are
loop constants, so that every inner loop is a straight line over a short tile in cache. Arithmetic
is in float64 whatever the inputs are.
"""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from cdrsite.competition._kernel_choice import choose_within, fill, own_scratch, rank
from cdrsite.competition._kernel_sums import add_up
from cdrsite.competition._kernel_tile import TILE, scratch
from cdrsite.competition._kernel_values import sources, value
from cdrsite.core.kernel import kernel


@kernel
def sweep(fields, terms, out):
    """Best plan of each cell at given prices, added up."""
    n = fields.combo.shape[0]
    tile = scratch(fields.upper.shape[0], fields.sink.shape[0])
    source = sources(fields, terms.counted)
    for start in range(0, n, TILE):
        size = min(TILE, n - start)
        at, combo = fields.first + start, fields.combo[start : start + size]
        runs = value(fields, source, terms, at, combo, size, tile)
        rank(tile, size)
        fill(tile, size)
        add_up(fields, terms, at, combo, runs, size, tile, out)


@kernel
def sweep_bounded(fields, terms, bounds, out):
    """As :func:`sweep`, with what else is a cell's own; compiled only where that occurs."""
    n, n_methods = fields.combo.shape[0], fields.upper.shape[0]
    tile = scratch(n_methods, fields.sink.shape[0])
    source = sources(fields, terms.counted)
    own = own_scratch(bounds, n_methods)
    for start in range(0, n, TILE):
        size = min(TILE, n - start)
        at, combo = fields.first + start, fields.combo[start : start + size]
        runs = value(fields, source, terms, at, combo, size, tile)
        choose_within(bounds, at, size, tile, own)
        add_up(fields, terms, at, combo, runs, size, tile, out)

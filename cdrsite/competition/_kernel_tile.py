"""Kernel: the scratch of a tile of cells, and what fills it.

Loops run from 0 over contiguous slices and write one array each: only then does the compiler turn
them into vector instructions. A loop that changes an array in place names it once: under two names
it looks like two arrays that overlap.
"""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cdrsite.core.kernel import inner

TILE = 256
"""Cells per tile: the scratch of all stages stays in the nearest caches."""

ROUNDING = 1e-12
"""Share by which a cap may break the row that it was made from [1]."""


class Tile(NamedTuple):
    """Scratch for one tile: few arrays, as each argument costs time to compile.

    of : float64[13, M, TILE], by UPPER ... STORING and method. at : float64[4, K, TILE],
    by OFFER ... PAID and sink slot. cell : float64[7, TILE], by FREE ... TAKEN.
    edges : int64[TILE + 1], edges of the runs of cells with one combination.
    """

    of: Any
    at: Any
    cell: Any
    edges: Any


UPPER, NET, COST, NEED, VALUE, X, SHARE, INVERSE, RATIO, DEMAND, ROOM, SLOT, STORING = range(13)
"""NET, COST and NEED are also the numbers of the quantities net, cost and land."""
OFFER, SINK_LOSS, SINK_COST, PAID = range(4)  # loss and cost where net and cost are
FREE, BEST, QUANTITY, STORED, TAKEN = range(5)
"""TAKEN + NET and TAKEN + COST: loss and cost at the sink of each cell."""


@inner
def scratch(n_methods, n_slots):
    """Scratch of zeros."""
    of, at = np.zeros((13, n_methods, TILE)), np.zeros((4, n_slots, TILE))
    return Tile(of, at, np.zeros((TAKEN + COST + 1, TILE)), np.zeros(TILE + 1, np.int64))


@inner
def load_values(source, start, size, out):
    """Load a tile of values per method or slot."""
    for m in range(source.shape[0]):
        to = out[m]
        if source.shape[1] > 1:
            row = source[m][start : start + size]  # contiguous for the compiler, unlike [:, a:b]
            for i in range(size):
                to[i] = np.float64(row[i])
        else:
            value = np.float64(source[m, 0])
            for i in range(size):
                to[i] = value


@inner
def only_where(value, least, size, out):
    """Put zero where ``value``, another array, is not above ``least``, whatever stands there."""
    for m in range(out.shape[0]):
        to, known = out[m], value[m]
        for i in range(size):
            held = to[i]
            to[i] = held if known[i] > least else 0.0


@inner
def only_positive(size, out):
    """Put zero where a value is not above zero, whatever stands there."""
    for m in range(out.shape[0]):
        to = out[m]
        for i in range(size):
            held = to[i]
            to[i] = held if held > 0.0 else 0.0


@inner
def scale(factor, size, out):
    """Multiply by a factor of each method."""
    for m in range(out.shape[0]):
        to, part = out[m], factor[m]
        for i in range(size):
            to[i] *= part


@inner
def times(source, factor, size, out):
    """Values of other arrays times a factor of each method."""
    for m in range(out.shape[0]):
        values, part, to = source[m], factor[m], out[m]
        for i in range(size):
            to[i] = values[i] * part


@inner
def segments(combo, size, edges):
    """Edges of the runs of cells with one combination; returns how many runs."""
    count = 0
    edges[0] = 0
    for i in range(1, size):
        if combo[i] != combo[i - 1]:
            count += 1
            edges[count] = i
    edges[count + 1] = size
    return count + 1

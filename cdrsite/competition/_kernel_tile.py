"""Kernel: the scratch of a tile of cells, and what fills it.

Loops run over contiguous slices and write one array each, or several rows of one array that lie a
known way apart: only then does the compiler turn them into vector instructions. A loop that changes
an array in place names it once: under two names it looks like two arrays that overlap. Each pass
over a tile costs about as much for what it reads and writes as for its arithmetic, so that few
passes do much each.
"""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cdrsite.core.kernel import inner

TILE = 256
"""Cells per tile: the scratch of all stages stays in the nearest caches."""

PITCH = TILE + 8
"""From row to row of the scratch: a line of the cache more, as rows 4 kB apart would meet in it."""

ROUNDING = 1e-12
"""Share by which a cap may break the row that it was made from [1]."""


class Tile(NamedTuple):
    """Scratch for one tile: few arrays, as each argument costs time to compile.

    of : float64[M, 11, PITCH], by method and UPPER ... STORING. rows : the same numbers as
    float64[M, 11 * PITCH]. at : float64[K, 4, PITCH], by sink slot and OFFER ... PAID; slots : the
    same as float64[K, 4 * PITCH]. best : float64[M, 4 * PITCH], by method and BEST ... SLOT. cell :
    float64[5, PITCH], by FREE ... STORED. idle : float64[11 * PITCH], a method that takes nothing.
    nowhere : float64[4 * PITCH], a slot without a sink. edges : int64[TILE + 1], edges of the runs
    of cells with one combination.
    """

    of: Any
    rows: Any
    at: Any
    slots: Any
    best: Any
    cell: Any
    idle: Any
    nowhere: Any
    edges: Any


UPPER, NET, COST, NEED, VALUE, X, SHARE, INVERSE, RATIO, DEMAND, STORING = range(11)
"""NET, COST and NEED are also the numbers of the quantities net, cost and land."""
OFFER, SINK_LOSS, SINK_COST, PAID = range(4)  # loss and cost where net and cost are
BEST, SLOT_LOSS, SLOT_COST, SLOT = range(4)
FREE, ROOM, OTHER_ROOM, QUANTITY, STORED = range(5)

(
    UPPER_AT, NET_AT, COST_AT, NEED_AT, VALUE_AT, X_AT, SHARE_AT, INVERSE_AT, RATIO_AT, DEMAND_AT,
    STORING_AT,
) = (np.uint64(row * PITCH) for row in range(11))  # fmt: skip
OFFER_AT, LOSS_AT, SINK_COST_AT, PAID_AT = (np.uint64(row * PITCH) for row in range(4))
BEST_AT, SLOT_LOSS_AT, SLOT_COST_AT, SLOT_AT = (np.uint64(row * PITCH) for row in range(4))
"""Where rows begin in ``rows``, ``slots`` and ``best``: numbers that the compiler knows, without a
sign, so that it need not ask for negative places."""


@inner
def scratch(n_methods, n_slots):
    """Scratch of zeros."""
    of = np.zeros((n_methods, 11, PITCH))
    rows = of.reshape((n_methods, 11 * PITCH))
    at, best = np.zeros((n_slots, 4, PITCH)), np.zeros((n_methods, 4 * PITCH))
    slots = at.reshape((n_slots, 4 * PITCH))
    idle, nowhere = np.zeros(11 * PITCH), np.zeros(4 * PITCH)
    for i in range(PITCH):
        nowhere[OFFER * PITCH + i] = -np.inf
        nowhere[PAID * PITCH + i] = -np.inf
    edges = np.zeros(TILE + 1, np.int64)
    return Tile(of, rows, at, slots, best, np.zeros((5, PITCH)), idle, nowhere, edges)


@inner
def spread(source, counted):
    """Values per method or slot as they can be read cell by cell: one for all is written out."""
    if source.shape[1] > 1 and counted:
        return source
    made = np.zeros((source.shape[0], TILE), source.dtype)
    if counted:
        for m in range(source.shape[0]):
            value = source[m, 0]
            for i in range(TILE):
                made[m, i] = value
    return made


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

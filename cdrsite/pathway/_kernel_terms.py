"""What the kernels of a path take, as tuples of arrays that numba knows."""

from __future__ import annotations

from typing import Any, NamedTuple


class PathFields(NamedTuple):
    """Cells of a block: arrays of :class:`cdrsite.competition.problem.CellBlock`."""

    combo: Any
    land: Any
    upper: Any
    net: Any
    cost: Any
    need: Any
    sink: Any
    sink_cost: Any
    sink_loss: Any
    layers: Any
    arriving: Any
    stored_ratio: Any


class PathTerms(NamedTuple):
    """Prices and methods, as the kernels take them.

    weight : float64[C, M V, Q]; sink_value : float64[V, S + 1]; stored : float64[M]; open :
    bool[M, V]; whole : bool[M], methods with all vintages open; floor : float64[M, V, Q], what the
    net factor may lose in the worst year; used : int64[M, L], numbers of the quantities beyond the
    first four that have a weight for a method, count : int64[M] of them; uniform : whether all
    methods with storage weigh their sinks alike; group : int32[C].
    """

    weight: Any
    sink_value: Any
    stored: Any
    open: Any
    whole: Any
    floor: Any
    used: Any
    count: Any
    uniform: bool
    group: Any

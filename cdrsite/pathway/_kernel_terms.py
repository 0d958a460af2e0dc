"""What the kernels of a path take, as tuples of arrays that numba knows."""

from __future__ import annotations

from typing import Any, NamedTuple


class PathTerms(NamedTuple):
    """Prices and methods, as the kernels take them.

    weight : float64[C, M V, Q]; sink_value : float64[V, S + 1]; stored, exclusive : float64[M];
    open : bool[M, V]; wanted : bool[M, V], vintages open to a method or one of its taste; floor :
    float64[M, V, Q], what the net factor may lose in the worst year; used : int64[M, L], numbers of
    the quantities beyond the first four that have a weight for a method, count : int64[M] of them;
    like : int64[M], first method with the same taste for sinks; even : bool[M], whether that taste
    is the same in all combinations; group : int32[C].
    """

    weight: Any
    sink_value: Any
    stored: Any
    exclusive: Any
    open: Any
    wanted: Any
    floor: Any
    used: Any
    count: Any
    like: Any
    even: Any
    group: Any

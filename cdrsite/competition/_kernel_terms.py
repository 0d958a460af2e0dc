"""What the sweeps of the competition take and give, as tuples of arrays that numba knows."""

from __future__ import annotations

from typing import Any, NamedTuple

Array = Any


class Terms(NamedTuple):
    """Prices and methods, as the sweeps take them.

    weight : float64[C, M, 4 + L + J], value of a unit of gross, net, cost, land, each layer and
    each arrival, prices included. sink_value : float64[S + 1], value of storing a tonne in sink s
    at s + 1; -inf at 0. uniform : whether all methods with storage weigh net, cost and arrivals
    alike in all combinations, so that they have the same best sink. counted : bool[4 + L + J],
    quantities that have a weight or are to be added up; others are not even read. group : int32[C],
    row of ``sink_sums`` of a combination.
    """

    weight: Array
    sink_value: Array
    stored: Array
    exclusive: Array
    uniform: bool
    counted: Array
    group: Array


class Bounds(NamedTuple):
    """What cells bring of their own besides their land and the methods' most.

    lower : [M, n], least of each method, looked at if has_lower. local : [R, n] and needs :
    [R, M, n or 1], supplies that cannot leave the cell, and their needs per gross tonne. ground :
    [G, n] and weight : float64[G, M], land of the land rows, and the part of each method's land
    that counts there. Arrays over cells are as those of :class:`Fields`.
    """

    lower: Array
    has_lower: bool
    local: Array
    needs: Array
    ground: Array
    weight: Array


class Output(NamedTuple):
    """What a sweep adds to and writes.

    sums : float64[C, M, 4 + L + J], quantities by combination and method; sink_sums : float64[G,
    S], tonnes stored; both added to. x, slot, value : [M, n], or [M, 0] where not wanted: gross
    tonnes, sink slot, and reduced value per gross tonne before the cell's land is priced.
    """

    sums: Array
    sink_sums: Array
    x: Array
    slot: Array
    value: Array


class Fields(NamedTuple):
    """Cells of a block: arrays of :class:`cdrsite.competition.problem.CellBlock`.

    The arrays may hold more cells than are swept: those from ``first`` on, as many as ``combo``
    has, which alone is of these cells only. So nothing is copied.
    """

    first: int
    combo: Array
    land: Array
    upper: Array
    net: Array
    cost: Array
    need: Array
    sink: Array
    sink_cost: Array
    sink_loss: Array
    layers: Array
    arriving: Array
    stored_ratio: Array

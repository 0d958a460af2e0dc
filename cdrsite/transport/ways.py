"""Trucks on their own roads, and ships: ways to storage beside the pipeline's routes.

Each way is a solve of its own, in which the terminals have the cost of what comes after: a port
that of the sea way and of what follows behind the other port. The ways of a cell are then put in
one order. They are solved on the whole grid at once, on disk too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.vocabulary import MODES
from cdrsite.transport.costmodels import liquefaction, ship, truck, unit_cost
from cdrsite.transport.crossings import CrossingRules, bill_crossings
from cdrsite.transport.distance import DistanceResult, Sources, least_cost
from cdrsite.transport.ports import Ports, read_ports, road_factor
from cdrsite.transport.surface import BILLING, STEERING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.config.transport import Transport
    from cdrsite.core.grid import Block
    from cdrsite.core.reader import LayerReader
    from cdrsite.engine.arrays import ArrayStore, CellArray
    from cdrsite.transport.pipelines import Basis

    Floats = NDArray[np.float64]

PIPELINE, TRUCK, SHIP = (MODES.index(name) for name in ("pipeline", "truck", "ship"))
"""Codes of the modes."""


@dataclass(frozen=True)
class Way:
    """The k cheapest storage units of each cell by one mode.

    Attributes
    ----------
    mode : int
        Its code.
    cost : array of float32, shape (k, rows, cols)
        Transport and storage [USD/t].
    length_km : array of float32, shape (k, rows, cols)
        Length, sea way included [km].
    sink : array of int32, shape (k, rows, cols)
        Storage unit; -1 for none.
    """

    mode: int
    cost: CellArray
    length_km: CellArray
    sink: CellArray

    def cut(self, here: Any) -> Cut:
        """Mode, cost, length and units of some cells."""
        cost, km, sink = (np.asarray(one[here]) for one in (self.cost, self.length_km, self.sink))
        return self.mode, cost, km, sink


Cut = tuple[Any, "NDArray[Any]", "NDArray[Any]", "NDArray[Any]"]
"""Mode (one number, or one for each cell), cost, length and units of some cells."""


@dataclass(frozen=True)
class _Vehicle:
    """What one vehicle moves over: the surfaces, and the cost of loading [USD/t]."""

    steering: NDArray[Any]
    billing: NDArray[Any]
    fixed: float
    liquid: bool
    crossings: Any = None


def other_ways(
    model: Transport,
    prices: Floats,
    access: Callable[[float], Sources],
    reader: LayerReader,
    basis: Basis,
    store: ArrayStore,
    blocks: Sequence[Block],
    rules: CrossingRules,
    ranks: int,
    threads: int,
) -> list[Way]:
    """Solve the ways of trucks on given roads and of ships.

    Parameters
    ----------
    model : Transport
        Modes, roads, ports.
    prices : ndarray, shape (units,)
        Cost of storing [USD/t].
    access : callable
        Cost of arriving -> access cells of the units.
    reader : LayerReader
        The layers.
    basis : Basis
        Annuity, prices, base year.
    store : ArrayStore
        Has the pipeline's cost surface, and takes the ways.
    blocks : sequence of Block
        They cover the grid.
    rules : CrossingRules
        What pipelines pay for crossings.
    ranks : int
        Units kept for each cell.
    threads : int
        No effect on the result (rule 9).

    Returns
    -------
    list of Way
        Empty where pipelines, and trucks by their detour, are all there is.
    """
    grounds: dict[str, _Vehicle] = {}
    if model.roads is not None and "truck" in model.modes:
        factor = road_factor(model.roads, model.surface, reader, blocks)
        near, far = truck(1.0, np.array([100.0, 200.0]), basis)
        per_km = np.float32((far - near) / 100.0)
        fixed = float(near - (far - near))
        grounds["truck"] = _Vehicle(factor * per_km, factor * per_km, fixed, liquid=True)
    ports = read_ports(model, reader, blocks)
    if ports.names and "pipeline" in model.modes:
        steering, billing = (np.asarray(store.open(n)[:, :]) for n in (STEERING, BILLING))
        edges = rules.whole(model.neighbours) if rules.names else None
        fixed = unit_cost(model.flow, model.model, basis).fixed
        grounds["pipeline"] = _Vehicle(steering, billing, fixed, liquid=False, crossings=edges)
    options: dict[str, Any] = {"neighbours": model.neighbours, "k": ranks, "threads": threads}
    by_land = {
        name: _solve(ground, _open(access(ground.fixed), ground), reader, options)
        for name, ground in grounds.items()
    }
    ways = []
    if (roads := by_land.get("truck")) is not None:
        ways.append(_way("by truck", TRUCK, roads, store))
    if ports.names:
        units = len(prices)
        behind = _behind(model, ports, grounds, by_land, basis, units)
        for name, ground in grounds.items():
            sources, km = _at_ports(ports, behind, ground, basis, ranks)
            if sources is None:
                continue
            found = _solve(ground, _open(sources, ground), reader, options)
            if found is not None:
                ways.append(_way(f"by ship and {name}", SHIP, _of_units(found, km, units), store))
    return ways


def _open(sources: Sources, ground: _Vehicle) -> Sources | None:
    """Sources on passable ground; None where there are none."""
    some = np.isfinite(ground.steering[sources.row, sources.col])
    if not some.any():
        return None
    return Sources(
        sources.row[some], sources.col[some], sources.sink[some], sources.start_cost[some]
    )


def _solve(
    ground: _Vehicle, sources: Sources | None, reader: LayerReader, options: dict[str, Any]
) -> DistanceResult | None:
    """Cheapest ways over a ground, its crossings in the cost."""
    if sources is None:
        return None
    found = least_cost(
        ground.steering, reader.grid.row_steps_m, sources, billed=ground.billing,
        crossings=ground.crossings, **options,
    )  # fmt: skip
    if ground.crossings is None:
        return found
    return replace(found, cost=np.asarray(found.cost) + bill_crossings(found, ground.crossings))


def _way(name: str, mode: int, found: DistanceResult, store: ArrayStore) -> Way:
    """A solve in arrays of the store."""
    made: dict[str, CellArray] = {}
    for key, dtype in (("cost", np.float32), ("length_km", np.float32), ("sink", np.int32)):
        values = np.asarray(getattr(found, key))
        array = store.create(f"way {name} {key}", values.shape, dtype)
        array[(slice(None), slice(None), slice(None))] = values.astype(dtype)
        made[key] = array
    return Way(mode, **made)


@dataclass(frozen=True)
class _Behind:
    """What follows behind the sea from each port: cost with storage, and km, by unit."""

    cost: Floats
    km: Floats


def _behind(
    model: Transport,
    ports: Ports,
    grounds: dict[str, _Vehicle],
    by_land: dict[str, DistanceResult | None],
    basis: Basis,
    units: int,
) -> _Behind:
    """Cheapest way of each unit from each port that begins on a ship; liquefied once."""
    count = len(ports.names)
    ashore, ashore_km = np.full((count, units), np.inf), np.zeros((count, units))
    for name, found in by_land.items():
        if found is None:
            continue
        spared = liquefaction(basis) if grounds[name].liquid else 0.0  # it comes liquid
        for p, (r, c) in enumerate(zip(ports.row.tolist(), ports.col.tolist(), strict=True)):
            for sink, cost, km in zip(
                found.sink[:, r, c], found.cost[:, r, c], found.length_km[:, r, c], strict=True
            ):
                if sink >= 0 and cost - spared < ashore[p, sink]:
                    ashore[p, sink], ashore_km[p, sink] = cost - spared, km
    size = "large" if model.ships is None else model.ships.size
    sea = np.full((count, count), np.inf)
    some = np.isfinite(ports.sea_km)
    sea[some] = ship(model.flow, ports.sea_km[some], replace(basis, size=size))
    total = sea[:, :, None] + ashore[None]
    best = total.argmin(axis=1)
    cost = np.take_along_axis(total, best[:, None], axis=1)[:, 0]
    km = ports.sea_km[np.arange(count)[:, None], best] + ashore_km[best, np.arange(units)]
    return _Behind(cost, km)


def _at_ports(
    ports: Ports, behind: _Behind, ground: _Vehicle, basis: Basis, ranks: int
) -> tuple[Sources | None, Floats]:
    """Ports as terminals, one sink for each port and unit, and the km behind each of them."""
    units = behind.cost.shape[1]
    spared = liquefaction(basis) if ground.liquid else 0.0  # the ship's price has it
    port, unit = np.nonzero(np.isfinite(behind.cost))
    if not len(port):
        return None, np.zeros(0)
    # of each port the cheapest few, which all of its neighbours would take
    rank = np.argsort(np.argsort(behind.cost, axis=1, kind="stable"), axis=1)[port, unit]
    port, unit = port[rank < ranks], unit[rank < ranks]
    cost = behind.cost[port, unit] - spared + ground.fixed
    sources = Sources.of(ports.row[port], ports.col[port], port * units + unit, cost)
    return sources, behind.km.ravel()


def _of_units(found: DistanceResult, km: Floats, units: int) -> DistanceResult:
    """A solve to ports and units as one to units, the sea way in the length."""
    unit = np.asarray(found.sink)
    some = unit >= 0
    behind = np.where(some, km[np.where(some, unit, 0)], 0.0).astype(np.float32)
    sink = np.where(some, (unit % units).astype(np.int32), -1)
    return replace(found, sink=sink, length_km=np.asarray(found.length_km) + behind)


def in_order_of_cost(ways: Sequence[Cut], ranks: int) -> tuple[NDArray[Any], ...]:
    """The cheapest units of each cell of several ways, each unit once.

    Parameters
    ----------
    ways : sequence of (mode, cost, length_km, sink)
        Arrays of shape (k, rows, cols), the mode one number or such an array; cost is inf where
        there is no unit.
    ranks : int
        Units kept.

    Returns
    -------
    tuple of ndarray, shape (ranks, rows, cols)
        Mode, cost, length, sink, and the rank in the first of the ways, -1 in another; of equal
        cost the first of the ways wins.
    """

    def own(w: int, shape: tuple[int, ...]) -> NDArray[np.int8]:
        ranked = np.arange(shape[0], dtype=np.int8) if w == 0 else np.full(shape[0], -1, np.int8)
        return np.broadcast_to(ranked[:, None, None], shape)

    parts = [
        (
            np.broadcast_to(np.asarray(mode, np.uint8), sink.shape),
            cost,
            km,
            sink,
            own(w, sink.shape),
        )
        for w, (mode, cost, km, sink) in enumerate(ways)
    ]
    mode, cost, km, sink, rank = (np.concatenate(one) for one in zip(*parts, strict=True))
    cost = np.where(sink >= 0, cost, np.inf)

    def sort(by: NDArray[Any]) -> None:
        nonlocal mode, cost, km, sink, rank
        order = np.argsort(by, axis=0, kind="stable")
        mode, cost, km, sink, rank = (
            np.take_along_axis(one, order, axis=0) for one in (mode, cost, km, sink, rank)
        )

    sort(cost)
    for i in range(1, len(sink)):
        again = (sink[:i] == sink[i]).any(axis=0)
        cost[i][again], sink[i][again] = np.inf, -1
    sort(cost)
    return tuple(one[:ranks] for one in (mode, cost, km, sink, rank))

"""From every cell to its k cheapest storage units: surface, access cells, least-cost routes.

One module: surface, sources and routes of a block are made and read in one place.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.transport.blockroutes import BlockRoutes, RankArrays
from cdrsite.transport.costmodels import road_or_pipe, unit_cost
from cdrsite.transport.crossings import CrossingRules, bill_crossings, refuse_too_many
from cdrsite.transport.distance import (
    BARRIER,
    DISCONNECTED,
    REACHED,
    UNKNOWN,
    DistanceResult,
    Sources,
    least_cost,
    refuse_blocked,
)
from cdrsite.transport.frames import cut
from cdrsite.transport.labels import in_order, neighbourhood, on_threads
from cdrsite.transport.ports import try_ways
from cdrsite.transport.sums import RouteSums, sum_routes
from cdrsite.transport.surface import BILLING, STEERING, CostSurface
from cdrsite.transport.tiles import solve_blocks
from cdrsite.transport.ways import PIPELINE, TRUCK, Cut, Way, in_order_of_cost, other_ways

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from cdrsite.config.transport import Transport
    from cdrsite.core.grid import Block
    from cdrsite.core.reader import LayerReader
    from cdrsite.engine.arrays import ArrayStore, CellArray
    from cdrsite.transport.pipelines import Basis

    F32 = NDArray[np.float32]
    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class StorageSites:
    """Storage units as the transport sees them.

    Attributes
    ----------
    layer : str
        Polygon layer.
    names : sequence of str
        Name of each unit.
    features : sequence of int
        Feature of the layer that each unit is.
    cost : ndarray, shape (units,)
        Cost of storing [USD/t].
    """

    layer: str
    names: Sequence[str]
    features: Sequence[int]
    cost: NDArray[np.float64]


@dataclass(frozen=True)
class SinkLinks:
    """The k cheapest storage units of each cell, cheapest first; transport and storage together.

    The arrays live in the store of the run, in memory or on disk.

    Attributes
    ----------
    cost : array of float32, shape (k, rows, cols)
        Transport [USD/t]; inf without a unit in reach.
    length_km : array of float32, shape (k, rows, cols)
        Length of the route [km].
    sink : array of int32, shape (k, rows, cols)
        Index of the storage unit, -1 for none.
    storage_cost : array of float32, shape (k, rows, cols)
        Cost of storing in that unit [USD/t].
    mode : array of uint8, shape (k, rows, cols)
        How the CO2 travels: the only mode, or the cheapest for the design flow; codes of
        :mod:`cdrsite.transport.ways`.
    rank : array of int8, shape (k, rows, cols)
        Rank of each link in ``routes``, for tracing; -1 for trucks on roads of their own and ships.
    routes : DistanceResult
        Back-links.
    """

    cost: CellArray
    length_km: CellArray
    sink: CellArray
    storage_cost: CellArray
    mode: CellArray
    rank: CellArray
    routes: DistanceResult


LINKS: dict[str, tuple[str, type[np.generic]]] = {
    "cost": ("link cost", np.float32),
    "length_km": ("link km", np.float32),
    "sink": ("link sink", np.int32),
    "storage_cost": ("link storage cost", np.float32),
    "mode": ("link mode", np.uint8),
    "rank": ("link rank", np.int8),
}
"""Field of :class:`SinkLinks` -> its array in the store, and its type."""

ROUTES: dict[str, tuple[str, type[np.generic]]] = {
    "cost": ("route cost", np.float32),
    "length_km": ("route km", np.float32),
    "sink": ("route sink", np.int32),
    "link": ("route link", np.int8),
    "status": ("route status", np.uint8),
}
"""Field of :class:`DistanceResult` -> its array in the store, and its type."""

LABEL, ACCESS, PROGRESS = "route label", "route access", "route progress"
"""Arrays that only finding routes on disk needs: labels, access cells, finished steps."""

SOLVER_BLOCK = 2048
"""Blocks on disk are put together to about this side, so that fewer routes cross borders."""


def link_sinks(
    model: Transport,
    sites: StorageSites,
    reader: LayerReader,
    basis: Basis,
    inside: Callable[[Block], NDArray[np.bool_]],
    threads: int,
    store: ArrayStore,
    blocks: Sequence[Block],
) -> SinkLinks:
    """Find the cheapest storage units of every cell over the cost surface.

    A route may enter a unit's polygon anywhere: all cells that touch it are access cells. Routes
    may leave the region; only the grid bounds them.

    Parameters
    ----------
    model : Transport
        Cost model, surface rules, number of units per cell, reach.
    sites : StorageSites
        The units.
    reader : LayerReader
        The layers.
    basis : Basis
        Annuity, prices and base year of the cost model.
    inside : callable
        Block -> its cells of the region, for the warnings.
    threads : int
        No effect on the result (rule 9).
    store : ArrayStore
        Takes the arrays of the result, and those of the cost surface; where it is on disk, the
        memory needed does not grow with the grid.
    blocks : sequence of Block
        They cover the grid; on disk each is a chunk.

    Raises
    ------
    DataError
        If no storage unit touches the grid.
    """
    onshore = unit_cost(model.flow, model.model, basis)
    offshore = unit_cost(model.flow, model.offshore_model, basis)
    surface = CostSurface(model.surface, reader, onshore.per_km, offshore.per_km)
    surface.paint(store, blocks, threads)
    rules = CrossingRules(model.surface.crossings, reader, reader.grid, onshore.per_km)
    ranks = min(model.sinks_per_cell, len(sites.names))
    task = _Linking(model, sites, reader, basis, inside, threads, store, blocks, rules, ranks)
    task.find_other_ways()
    task.route_on_disk(onshore.fixed) if store.on_disk else task.route_in_memory(onshore.fixed)
    _warn_unreached(task.counts)
    return task.links


def try_links(
    model: Transport, sites: StorageSites, reader: LayerReader, basis: Basis, block: Block
) -> None:
    """Read what :func:`link_sinks` reads, for one block: what it would refuse is refused here.

    Raises
    ------
    CdrsiteError
        As :func:`link_sinks`; units without an area, too.
    """
    onshore = unit_cost(model.flow, model.model, basis)
    offshore = unit_cost(model.flow, model.offshore_model, basis)
    CostSurface(model.surface, reader, onshore.per_km, offshore.per_km).block(block)
    refuse_too_many(model.surface.crossings)
    for rule in model.surface.crossings:
        reader.features(rule.layer, rule.where)
    touched(sites, reader, 0, block)
    try_ways(model, reader, block)


@dataclass
class _Linking:
    """Routes of all cells, in memory or on disk, and the links that are made of them."""

    model: Transport
    sites: StorageSites
    reader: LayerReader
    basis: Basis
    inside: Callable[[Block], NDArray[np.bool_]]
    threads: int
    store: ArrayStore
    blocks: Sequence[Block]
    rules: CrossingRules
    ranks: int
    links: SinkLinks = field(init=False)
    counts: list[tuple[int, int]] = field(default_factory=list)
    others: list[Way] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Arrays that are to be filled."""
        store, grid, shape = (
            self.store,
            self.reader.grid.shape,
            (self.ranks, *self.reader.grid.shape),
        )
        routes: dict[str, Any] = {
            name: store.create(array, grid if name == "status" else shape, dtype)
            for name, (array, dtype) in ROUTES.items()
        }
        east, north = self.reader.grid.row_steps_m
        moves = neighbourhood(self.model.neighbours, east, north)
        arrays = {name: store.create(array, shape, dtype) for name, (array, dtype) in LINKS.items()}
        self.links = SinkLinks(**arrays, routes=DistanceResult(**routes, neighbourhood=moves))

    def find_other_ways(self) -> None:
        """Solve trucks on roads of their own, and ships."""
        self.others = other_ways(
            self.model, self.sites.cost,
            lambda fixed: access_cells(self.sites, self.reader, fixed), self.reader, self.basis,
            self.store, self.blocks, self.rules, self.ranks, self.threads,
        )  # fmt: skip

    def finish(
        self, block: Block, cost: F32, km: F32, sink: NDArray[np.int32], crossings: Floats
    ) -> None:
        """Make links of the routes of a block, and count the cells of the region without any."""
        here = (slice(None), *block.slices)
        fields = link_fields(self.model, self.sites.cost, self.basis, cost, km, sink, crossings)
        if self.others:
            others = [way.cut(here) for way in self.others]
            fields = with_other_ways(self.model, self.sites.cost, fields, others)
        for name, values in fields.items():
            getattr(self.links, name)[here] = values
        mine = self.inside(block)
        self.counts.append((int((mine & (fields["sink"][0] < 0)).sum()), int(mine.sum())))

    def route_in_memory(self, fixed: float) -> None:
        """Solve the whole grid at once."""
        steering, billing = (np.asarray(self.store.open(n)[:, :]) for n in (STEERING, BILLING))
        edges = self.rules.whole(self.model.neighbours) if self.rules.names else None
        found = least_cost(
            steering,
            self.reader.grid.row_steps_m,
            access_cells(self.sites, self.reader, fixed),
            billed=billing,
            crossings=edges,
            neighbours=self.model.neighbours,
            k=self.ranks,
            threads=self.threads,
            allocate=lambda name, shape, dtype: getattr(self.links.routes, name),  # noqa: ARG005
        )
        crossings = np.broadcast_to(0.0, found.link.shape)
        if edges is not None:
            crossings = bill_crossings(found, edges)

        def work(block: Block) -> None:
            here = (slice(None), *block.slices)
            routes = self.links.routes
            cost, km, sink = routes.cost[here], routes.length_km[here], routes.sink[here]
            self.finish(block, cost, km, sink, crossings[here])

        on_threads(self.threads, work, self.blocks)

    def route_on_disk(self, fixed: float) -> None:
        """Solve block by block; what an earlier try finished is kept."""
        grid, store, shape = self.reader.grid, self.store, (self.ranks, *self.reader.grid.shape)
        side = max(self.blocks[0].shape)
        arrays = RankArrays(
            store.create(LABEL, shape, np.float32),
            self.links.routes.sink,
            self.links.routes.link,
            store.create(PROGRESS, (1, 1), np.int32),
        )
        routes = BlockRoutes(
            store.open(STEERING),
            grid.row_steps_m,
            self.access(fixed),
            arrays,
            self.model.neighbours,
            self.threads,
            side * max(1, SOLVER_BLOCK // side),
            self.rules if self.rules.names else None,
        )
        solve_blocks(routes)

        def done(part: RouteSums) -> None:
            for block in cut(part.block, side):
                rows = slice(block.row0 - part.block.row0, block.row1 - part.block.row0)
                cols = slice(block.col0 - part.block.col0, block.col1 - part.block.col0)
                here = (slice(None), rows, cols)
                cost = part.cost[here].astype(np.float32)
                km, sink = part.length_km[here].astype(np.float32), part.sink[here]
                self.write_routes(block, cost, km, sink)
                self.finish(block, cost, km, sink, part.crossings[here])

        sum_routes(routes, store.open(BILLING), done)
        store.drop(LABEL, ACCESS)

    def write_routes(self, block: Block, cost: F32, km: F32, sink: NDArray[np.int32]) -> None:
        """What is known of the routes besides their links and sinks."""
        routes, here = self.links.routes, (slice(None), *block.slices)
        routes.cost[here], routes.length_km[here] = cost, km
        friction = np.asarray(self.store.open(STEERING)[block.slices])
        status = np.where(sink[0] < 0, DISCONNECTED, REACHED)
        status[np.isinf(friction)] = BARRIER
        status[np.isnan(friction)] = UNKNOWN
        routes.status[block.slices] = status.astype(np.uint8)

    def access(self, fixed: float) -> Callable[[Block], Sources]:
        """Access cells of the units in the store: the best few units of each cell."""
        sites, grid = self.sites, self.reader.grid
        costs = (sites.cost + fixed).astype(np.float32)
        best = np.lexsort((np.arange(len(costs)), costs)).tolist()
        access = self.store.create(ACCESS, (self.ranks, *grid.shape), np.int32)

        def work(block: Block) -> tuple[list[int], list[int]]:
            found = np.full((self.ranks, *block.shape), -1, np.int32)
            count = np.zeros(block.shape, np.int64)
            passable = np.isfinite(np.asarray(self.store.open(STEERING)[block.slices]))
            present, reached = [], []
            for unit in best:
                row, col = touched(sites, self.reader, unit, block)
                if row.size:
                    present.append(unit)
                if passable[row, col].any():
                    reached.append(unit)
                some = count[row, col] < self.ranks
                row, col = row[some], col[some]
                found[count[row, col], row, col] = unit
                count[row, col] += 1
            access[(slice(None), *block.slices)] = found
            return present, reached

        parts = list(in_order(self.threads, work, self.blocks))
        present, reached = (set().union(*(part[i] for part in parts)) for i in (0, 1))
        _check_present(sites, present)
        refuse_blocked(sorted(present - reached))
        side = max(self.blocks[0].shape)
        some = {(b.row0, b.col0) for b, part in zip(self.blocks, parts, strict=True) if part[0]}

        def starts(block: Block) -> Sources:
            if not any((part.row0, part.col0) in some for part in cut(block, side)):
                nowhere = np.zeros(0, np.int64)
                return Sources(nowhere, nowhere, nowhere.astype(np.int32), np.zeros(0))
            units = np.asarray(access[(slice(None), *block.slices)]).ravel()
            at = np.flatnonzero(units >= 0)
            row, col = np.divmod(at % (block.shape[0] * block.shape[1]), block.shape[1])
            sink = units[at]
            return Sources(row + block.row0, col + block.col0, sink, sites.cost[sink] + fixed)

        return starts


def link_fields(
    model: Transport,
    prices: NDArray[np.float64],
    basis: Basis,
    cost: F32,
    length_km: F32,
    sink: NDArray[np.int32],
    crossings: NDArray[np.float64],
) -> dict[str, NDArray[Any]]:
    """Links of some cells, from the routes of just these cells.

    Parameters
    ----------
    model : Transport
        Modes, reach and greatest cost.
    prices : ndarray, shape (units,)
        Cost of storing [USD/t].
    basis : Basis
        For trucks.
    cost, length_km, sink : ndarray, shape (k, rows, cols)
        Of the routes, storage included in the cost.
    crossings : ndarray, shape (k, rows, cols)
        What crossings add [USD/t].

    Returns
    -------
    dict of ndarray, shape (k, rows, cols)
        The arrays of :class:`SinkLinks`.
    """
    storage = np.append(prices, 0.0)[sink]  # none stands last
    pipeline = np.maximum(cost + crossings - storage, 0.0)
    # trucks on roads of their own have their own solve
    modes = [one for one in model.modes if one != "truck" or model.roads is None]
    by_truck, paid = road_or_pipe(
        pipeline, length_km, basis, modes=modes, detour=model.truck_detour
    )
    none = _too_far(model, paid, length_km)
    if not {"pipeline", "truck"} & set(modes):
        none[:] = True
    none |= sink < 0
    for values in (paid, storage):
        values[none] = np.inf
    fields: dict[str, NDArray[Any]] = {
        "cost": paid.astype(np.float32),
        "length_km": np.where(none, np.float32(np.inf), length_km),
        "sink": np.where(none, np.int32(-1), sink),
        "storage_cost": storage.astype(np.float32),
        "mode": np.where(by_truck & ~none, np.uint8(TRUCK), np.uint8(PIPELINE)),
        "rank": np.empty(sink.shape, np.int8),
    }
    fields["rank"][...] = np.arange(len(sink), dtype=np.int8)[:, None, None]
    # trucks come after the routing, and what is avoided is not paid: put the ranks in order again
    total = paid + storage
    row, col = np.nonzero((total[1:] < total[:-1]).any(axis=0))
    if row.size:
        order = np.argsort(total[:, row, col], axis=0, kind="stable")
        for values in fields.values():
            values[:, row, col] = values[order, row, col]
    return fields


def with_other_ways(
    model: Transport,
    prices: NDArray[np.float64],
    fields: dict[str, NDArray[Any]],
    others: Sequence[Cut],
) -> dict[str, NDArray[Any]]:
    """Links of some cells with other ways among them, the cheapest first, each unit once.

    Parameters
    ----------
    model : Transport
        Reach and greatest cost.
    prices : ndarray, shape (units,)
        Cost of storing [USD/t].
    fields : dict of ndarray
        From :func:`link_fields`.
    others : sequence of (mode, cost, length_km, sink)
        Other ways of the same cells, storage included in the cost.
    """
    own = fields["cost"].astype(np.float64) + fields["storage_cost"]
    ways: list[Cut] = [(fields["mode"], own, fields["length_km"], fields["sink"])]
    for code, cost, length, unit in others:
        far = _too_far(model, cost.astype(np.float64) - np.append(prices, 0.0)[unit], length)
        ways.append((code, cost.astype(np.float64), length, np.where(far, np.int32(-1), unit)))
    mode, total, km, sink, rank = in_order_of_cost(ways, len(fields["sink"]))
    none = sink < 0
    storage = np.append(prices, np.inf)[sink]
    with np.errstate(invalid="ignore"):
        paid = np.where(none, np.inf, np.maximum(total - storage, 0.0))
    ranked = np.take_along_axis(fields["rank"], np.maximum(rank, 0).astype(np.intp), axis=0)
    return {
        "cost": paid.astype(np.float32),
        "length_km": np.where(none, np.float32(np.inf), km).astype(np.float32),
        "sink": sink.astype(np.int32),
        "storage_cost": storage.astype(np.float32),
        "mode": np.where(none, np.uint8(PIPELINE), mode),
        "rank": np.where(rank < 0, np.int8(-1), ranked),
    }


def _too_far(model: Transport, cost: NDArray[Any], length_km: NDArray[Any]) -> NDArray[np.bool_]:
    """Routes beyond the reach or the greatest cost that the scenario allows."""
    far = np.zeros(cost.shape, bool)
    if model.reach is not None:
        far |= length_km > model.reach
    if model.max_cost is not None:
        far |= cost > model.max_cost
    return far


def access_cells(sites: StorageSites, reader: LayerReader, fixed: float) -> Sources:
    """Cells that touch each unit's polygon, with the cost of arriving there.

    Parameters
    ----------
    sites : StorageSites
        The units.
    reader : LayerReader
        The layers.
    fixed : float
        Part of the transport cost that does not depend on the length [USD/t].
    """
    rows: list[NDArray[np.int64]] = []
    cols: list[NDArray[np.int64]] = []
    ids: list[NDArray[np.int32]] = []
    for unit in range(len(sites.features)):
        for block in reader.grid.blocks():
            row, col = touched(sites, reader, unit, block)
            rows.append(row + block.row0)
            cols.append(col + block.col0)
            ids.append(np.full(len(row), unit, np.int32))
    row, col, sink = np.concatenate(rows), np.concatenate(cols), np.concatenate(ids)
    _check_present(sites, set(np.unique(sink).tolist()))
    return Sources.of(row, col, sink, sites.cost[sink] + fixed)


def touched(
    sites: StorageSites, reader: LayerReader, unit: int, block: Block
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns, in a block, of the cells that touch a unit's polygon."""
    share = reader.feature_coverage(sites.layer, sites.features[unit], block)
    row, col = np.nonzero(share > 0)
    return row, col


def _check_present(sites: StorageSites, present: set[int]) -> None:
    """Refuse units that are all outside the grid, and warn of some."""
    missing = [name for unit, name in enumerate(sites.names) if unit not in present]
    if len(missing) == len(sites.names):
        raise DataError(
            "no storage unit touches the grid",
            where=f"layers.{sites.layer}",
            got=", ".join(missing[:5]),
            cure="widen the grid, e.g. grid.margin: 200 km or auto, or name units reaching into it",
            rule=7,
        )
    if missing:
        warnings.warn(
            f"layers.{sites.layer}: outside the grid, so no route reaches {', '.join(missing)}; "
            "cure: grid.margin, e.g. 200 km",
            CdrsiteWarning,
            stacklevel=3,
        )


def _warn_unreached(parts: Iterable[tuple[int, int]]) -> None:
    """Warn of cells of the region without a storage unit, from the counts of its parts."""
    count, region = np.array([(0, 0), *parts], np.int64).sum(axis=0).tolist()
    if count:
        warnings.warn(
            f"transport: {count} cells ({count / region:.1%}) of the region reach no storage unit",
            CdrsiteWarning,
            stacklevel=3,
        )

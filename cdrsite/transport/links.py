"""From every cell to its k cheapest storage units: surface, access cells, least-cost routes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.arrays import MemoryStore
from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.transport.costmodels import trucks_instead, unit_cost
from cdrsite.transport.crossings import CrossingRules, bill_crossings
from cdrsite.transport.distance import DistanceResult, Sources, least_cost
from cdrsite.transport.labels import in_order
from cdrsite.transport.surface import BILLING, STEERING, CostSurface

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import DTypeLike, NDArray

    from cdrsite.config.transport import Transport
    from cdrsite.core.arrays import ArrayStore, CellArray
    from cdrsite.core.grid import Block
    from cdrsite.core.reader import LayerReader
    from cdrsite.transport.pipelines import Basis

    F32 = NDArray[np.float32]


@dataclass(frozen=True)
class StorageSites:
    """Storage units as the transport sees them.

    Attributes
    ----------
    layer : str
        Polygon layer.
    names, filters : sequence of str
        Name of each unit, and the ``where`` text that picks it out of the layer.
    cost : ndarray, shape (units,)
        Cost of storing [USD/t].
    """

    layer: str
    names: Sequence[str]
    filters: Sequence[str]
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
    by_truck : array of bool, shape (k, rows, cols)
        Where trucks cost less than a pipeline of the design flow.
    rank : array of int8, shape (k, rows, cols)
        Rank of each link in ``routes``, for tracing.
    routes : DistanceResult
        Back-links.
    """

    cost: CellArray
    length_km: CellArray
    sink: CellArray
    storage_cost: CellArray
    by_truck: CellArray
    rank: CellArray
    routes: DistanceResult


LINKS: dict[str, tuple[str, type[np.generic]]] = {
    "cost": ("link cost", np.float32),
    "length_km": ("link km", np.float32),
    "sink": ("link sink", np.int32),
    "storage_cost": ("link storage cost", np.float32),
    "by_truck": ("link by truck", np.bool_),
    "rank": ("link rank", np.int8),
}
"""Field of :class:`SinkLinks` -> its array in the store, and its type."""

ROUTES: dict[str, str] = {
    "cost": "route cost",
    "length_km": "route km",
    "sink": "route sink",
    "link": "route link",
    "status": "route status",
}
"""Field of :class:`DistanceResult` -> its array in the store."""


def link_sinks(
    model: Transport,
    sites: StorageSites,
    reader: LayerReader,
    basis: Basis,
    inside: Callable[[Block], NDArray[np.bool_]] | NDArray[np.bool_],
    threads: int = 1,
    store: ArrayStore | None = None,
    blocks: Sequence[Block] | None = None,
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
    store = MemoryStore() if store is None else store
    blocks = tuple(reader.grid.blocks()) if blocks is None else blocks
    if isinstance(inside, np.ndarray):
        region = inside
        inside = lambda block: region[block.slices]  # noqa: E731
    onshore = unit_cost(model.flow, model.model, basis)
    offshore = unit_cost(model.flow, model.offshore_model, basis)
    surface = CostSurface(model.surface, reader, onshore.per_km, offshore.per_km)
    surface.paint(store, blocks, threads)
    rules = CrossingRules(model.surface.crossings, reader, reader.grid, onshore.per_km)
    found = _routes_in_memory(model, sites, reader, onshore.fixed, threads, store)
    crossings = bill_crossings(found, rules.whole(model.neighbours))
    links = _new_links(store, found)

    def work(block: Block) -> tuple[int, int]:
        here = (slice(None), *block.slices)
        fields = link_fields(
            model, sites.cost, basis,
            found.cost[here], found.length_km[here], found.sink[here], crossings[here],
        )  # fmt: skip
        for name, values in fields.items():
            getattr(links, name)[here] = values
        mine = inside(block)
        return int((mine & (fields["sink"][0] < 0)).sum()), int(mine.sum())

    _warn_unreached(in_order(threads, work, blocks))
    return links


def _routes_in_memory(
    model: Transport,
    sites: StorageSites,
    reader: LayerReader,
    fixed: float,
    threads: int,
    store: ArrayStore,
) -> DistanceResult:
    """Least-cost routes, solved over the whole grid at once."""

    def allocate(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        made = store.create(ROUTES[name], shape, dtype)
        return made if isinstance(made, np.ndarray) else np.empty(shape, dtype)

    found = least_cost(
        np.asarray(store.open(STEERING)[:, :]),
        reader.grid.row_steps_m,
        access_cells(sites, reader, fixed),
        billed=np.asarray(store.open(BILLING)[:, :]),
        neighbours=model.neighbours,
        k=min(model.sinks_per_cell, len(sites.names)),
        threads=threads,
        allocate=allocate,
    )
    for name, stored in ROUTES.items():
        array = store.open(stored)
        if array is not getattr(found, name):
            array[:] = getattr(found, name)
    arrays = {name: store.open(stored) for name, stored in ROUTES.items()}
    return DistanceResult(**arrays, neighbourhood=found.neighbourhood)


def _new_links(store: ArrayStore, routes: DistanceResult) -> SinkLinks:
    """Links with arrays to be filled."""
    shape = routes.sink.shape
    arrays = {field: store.create(name, shape, dtype) for field, (name, dtype) in LINKS.items()}
    return SinkLinks(**arrays, routes=routes)


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
        Reach and greatest cost.
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
    by_truck, paid = trucks_instead(pipeline, length_km, basis)
    sink = np.where(_too_far(model, paid, length_km), -1, sink)
    none = sink < 0
    paid[none] = np.inf
    # crossings and trucks are billed after the routing, so the ranks are put in order once more
    rank = np.argsort(np.where(none, np.inf, paid + storage), axis=0, kind="stable")
    fields = {
        "cost": paid,
        "length_km": np.where(none, np.inf, length_km),
        "sink": sink,
        "storage_cost": np.where(none, np.inf, storage),
        "by_truck": by_truck & ~none,
    }
    ordered = {name: np.take_along_axis(values, rank, axis=0) for name, values in fields.items()}
    return {
        name: values.astype(LINKS[name][1]) for name, values in {**ordered, "rank": rank}.items()
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
    for i, text in enumerate(sites.filters):
        for block in reader.grid.blocks():
            touched = reader.coverage(sites.layer, block, text, rasterise="coverage") > 0
            row, col = np.nonzero(touched)
            rows.append(row + block.row0)
            cols.append(col + block.col0)
            ids.append(np.full(len(row), i, np.int32))
    row, col, sink = np.concatenate(rows), np.concatenate(cols), np.concatenate(ids)
    missing = [name for i, name in enumerate(sites.names) if not (sink == i).any()]
    if len(missing) == len(sites.names):
        raise DataError(
            "no storage unit touches the grid",
            where=f"layers.{sites.layer}",
            got=", ".join(missing[:5]),
            cure="enlarge the region, or bring storage units that reach into it",
            rule=7,
        )
    if missing:
        warnings.warn(
            f"layers.{sites.layer}: outside the grid, so no route reaches {', '.join(missing)}",
            CdrsiteWarning,
            stacklevel=2,
        )
    return Sources.of(row, col, sink, sites.cost[sink] + fixed)


def _warn_unreached(parts: Iterable[tuple[int, int]]) -> None:
    """Warn of cells of the region without a storage unit, from the counts of its parts."""
    count, region = np.array([(0, 0), *parts], np.int64).sum(axis=0).tolist()
    if count:
        warnings.warn(
            f"transport: {count} cells ({count / region:.1%}) of the region reach no storage unit",
            CdrsiteWarning,
            stacklevel=3,
        )

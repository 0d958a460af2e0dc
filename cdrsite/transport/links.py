"""From every cell to its k cheapest storage units: surface, access cells, least-cost routes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.transport.costmodels import trucks_instead, unit_cost
from cdrsite.transport.crossings import CrossingRules, bill_crossings
from cdrsite.transport.distance import DistanceResult, Sources, least_cost
from cdrsite.transport.surface import CostSurface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cdrsite.config.transport import Transport
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

    Attributes
    ----------
    cost : ndarray of float32, shape (k, rows, cols)
        Transport [USD/t]; inf without a unit in reach.
    length_km : ndarray of float32, shape (k, rows, cols)
        Length of the route [km].
    sink : ndarray of int32, shape (k, rows, cols)
        Index of the storage unit, -1 for none.
    storage_cost : ndarray of float32, shape (k, rows, cols)
        Cost of storing in that unit [USD/t].
    by_truck : ndarray of bool, shape (k, rows, cols)
        Where trucks cost less than a pipeline of the design flow.
    rank : ndarray of int8, shape (k, rows, cols)
        Rank of each link in ``routes``, for tracing.
    routes : DistanceResult
        Back-links.
    """

    cost: F32
    length_km: F32
    sink: NDArray[np.int32]
    storage_cost: F32
    by_truck: NDArray[np.bool_]
    rank: NDArray[np.int8]
    routes: DistanceResult

    @property
    def reached(self) -> NDArray[np.bool_]:
        """Cells that reach some storage unit."""
        return np.asarray(self.sink[0] >= 0)


def link_sinks(
    model: Transport,
    sites: StorageSites,
    reader: LayerReader,
    basis: Basis,
    inside: NDArray[np.bool_],
    threads: int = 1,
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
    inside : ndarray of bool, shape (rows, cols)
        Cells of the region, for the warnings.
    threads : int
        No effect on the result (rule 9).

    Raises
    ------
    DataError
        If no storage unit touches the grid.
    """
    grid = reader.grid
    onshore = unit_cost(model.flow, model.model, basis)
    offshore = unit_cost(model.flow, model.offshore_model, basis)
    surface = CostSurface(model.surface, reader, onshore.per_km, offshore.per_km)
    billing, steering, _ = surface.whole()
    sources = access_cells(sites, reader, onshore.fixed)
    found = least_cost(
        steering,
        grid.row_steps_m,
        sources,
        billed=billing,
        neighbours=model.neighbours,
        k=min(model.sinks_per_cell, len(sites.names)),
        threads=threads,
    )
    rules = CrossingRules(model.surface.crossings, reader, grid, onshore.per_km)
    crossings = bill_crossings(found, rules.whole(model.neighbours))
    storage = np.append(sites.cost, np.inf)[found.sink]
    pipeline = np.maximum(found.cost + crossings - storage, 0.0)
    by_truck, cost = trucks_instead(pipeline, found.length_km, basis)
    sink = np.where(_too_far(model, cost, found.length_km), -1, found.sink)
    none = sink < 0
    cost[none] = np.inf
    # crossings and trucks are billed after the routing, so the ranks are put in order once more
    rank = np.argsort(np.where(none, np.inf, cost + storage), axis=0, kind="stable")
    links = SinkLinks(
        cost=_in_order(cost, rank).astype(np.float32),
        length_km=_in_order(np.where(none, np.inf, found.length_km), rank).astype(np.float32),
        sink=_in_order(sink, rank),
        storage_cost=_in_order(np.where(none, np.inf, storage), rank).astype(np.float32),
        by_truck=_in_order(by_truck & ~none, rank),
        rank=rank.astype(np.int8),
        routes=found,
    )
    _warn_unreached(~links.reached, inside)
    return links


def _in_order(values: NDArray[Any], rank: NDArray[np.int64]) -> NDArray[Any]:
    return np.take_along_axis(values, rank, axis=0)


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


def _warn_unreached(none: NDArray[np.bool_], inside: NDArray[np.bool_]) -> None:
    count = int((none & inside).sum())
    if count:
        share = count / max(int(inside.sum()), 1)
        warnings.warn(
            f"transport: {count} cells ({share:.1%}) of the region reach no storage unit",
            CdrsiteWarning,
            stacklevel=3,
        )

"""Lines and polygons of a result: routes of the ranked sites, corridors, storage, pools, zones.

They carry names and what only they know; quantities stay in the tables, which they are joined with
where they are written.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import CdrsiteWarning
from cdrsite.core.vocabulary import MODES
from cdrsite.layers.shapes import polygonal
from cdrsite.transport.frames import CachedCells
from cdrsite.transport.routes import Route, corridors, line, smooth, trace

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray

    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.core.reader import LayerReader
    from cdrsite.methods.supply import Pools, StorageUnits
    from cdrsite.transport.links import SinkLinks

    Frames = dict[str, gpd.GeoDataFrame]

MOST_ROUTES = 300
"""Sites of a method whose routes are traced; more lines than that are no longer a map."""


def add_storage(
    sites: pd.DataFrame,
    storing: Sequence[str],
    units: StorageUnits | None,
    links: SinkLinks | None,
    grid: AnalysisGrid,
) -> pd.DataFrame:
    """Say of each ranked site which storage unit is cheapest, how far it is and what that costs.

    Parameters
    ----------
    sites : DataFrame
        With ``method``, ``x`` and ``y`` [CRS units].
    storing : sequence of str
        Methods that bring CO2 to storage.
    units, links : StorageUnits, SinkLinks or None
        Storage units and each cell's cheapest ones; None where storage is unlimited.
    grid : AnalysisGrid
        The grid.

    Returns
    -------
    DataFrame
        The same rows with ``storage_unit`` ("" for none), ``transport_mode``, ``transport_km``
        [km] and ``transport_cost_usd_t`` [USD per t CO2 brought to storage].
    """
    count = len(sites)
    names, modes = np.full(count, "", object), np.full(count, "", object)
    km, cost = np.full(count, np.nan), np.full(count, np.nan)
    if links is not None and units is not None and count:
        sinks, travels = CachedCells(links.sink), CachedCells(links.mode)
        lengths, costs = CachedCells(links.length_km), CachedCells(links.cost)
        for i, (row, col) in enumerate(_cells(sites, grid)):
            sink = int(sinks.at(row, col)[0])
            if sites["method"].iloc[i] not in storing or sink < 0:
                continue
            names[i] = units.names[sink]
            modes[i] = MODES[int(travels.at(row, col)[0])]
            km[i], cost[i] = lengths.at(row, col)[0], costs.at(row, col)[0]
    return sites.assign(
        storage_unit=names, transport_mode=modes, transport_km=km, transport_cost_usd_t=cost
    )


def _cells(sites: pd.DataFrame, grid: AnalysisGrid) -> list[tuple[int, int]]:
    return [grid.index(x, y) for x, y in zip(sites["x"], sites["y"], strict=True)]


def route_features(sites: pd.DataFrame, links: SinkLinks | None, grid: AnalysisGrid) -> Frames:
    """Trace the routes of the ranked sites to their cheapest storage units.

    Parameters
    ----------
    sites : DataFrame
        From :func:`add_storage`.
    links : SinkLinks or None
        Back-links.
    grid : AnalysisGrid
        The grid.

    Returns
    -------
    dict of GeoDataFrame
        ``routes``: one line per site, in the order of the table, with the exact way as its geometry
        and ``smoothed``, the same with its corners cut, to draw only. ``corridors``: stretches that
        two or more routes share. A site on top of its unit has no line. Empty without storage.
    """
    chosen = sites[sites["transport_km"] > 0] if links is not None else sites[:0]
    if links is None or chosen.empty:
        return {}
    far = chosen["rank"] > MOST_ROUTES
    if far.any():
        warnings.warn(
            f"outputs.sites: routes are drawn for the best {MOST_ROUTES} sites of each method, "
            f"not for {int(far.sum())} others",
            CdrsiteWarning,
            stacklevel=2,
        )
        chosen = chosen[~far]
    traced: dict[tuple[int, int], Route] = {}
    ranks = CachedCells(links.rank)
    # trucks on roads of their own and ships leave no route behind
    kept = [bool(ranks.at(*cell)[0] >= 0) for cell in _cells(chosen, grid)]
    chosen = chosen[kept]
    if chosen.empty:
        return {}
    cells = _cells(chosen, grid)
    for row, col in cells:
        if (row, col) not in traced:
            traced[row, col] = trace(links.routes, row, col, int(ranks.at(row, col)[0]))
    routes = [traced[cell] for cell in cells]
    found = {"routes": _route_frame(chosen, routes, grid)}
    shared = _corridor_frame(chosen, routes, grid)
    if len(shared):
        found["corridors"] = shared
    return found


def _route_frame(
    sites: pd.DataFrame, routes: Sequence[Route], grid: AnalysisGrid
) -> gpd.GeoDataFrame:
    import geopandas as gpd

    lines = [line(route.row, route.col, grid) for route in routes]
    frame = gpd.GeoDataFrame(
        {
            "method": sites["method"].to_numpy(),
            "rank": sites["rank"].to_numpy(),
            "storage_unit": sites["storage_unit"].to_numpy(),
            "mode": sites["transport_mode"].to_numpy(),
            "length_km": sites["transport_km"].to_numpy(),
            "cost_usd_t": sites["transport_cost_usd_t"].to_numpy(),
        },
        geometry=lines,
        crs=grid.wkt,
    )
    frame["smoothed"] = gpd.GeoSeries([smooth(one) for one in lines], crs=grid.wkt)
    return frame


def _corridor_frame(
    sites: pd.DataFrame, routes: Sequence[Route], grid: AnalysisGrid
) -> gpd.GeoDataFrame:
    """Shared stretches; who uses them, as "daccs-solid 1–3, 7; beccs-residue 2"."""
    import geopandas as gpd

    methods, ranks = sites["method"].tolist(), sites["rank"].tolist()
    units = sites["storage_unit"].tolist()
    shared = corridors(routes, at_least=2)
    return gpd.GeoDataFrame(
        {
            "routes": np.array([one.multiplicity for one in shared], np.int32),
            "length_km": np.array([one.length_km for one in shared], np.float64),
            "storage_unit": [_listed([units[i] for i in one.routes]) for one in shared],
            "used_by": [
                _users([methods[i] for i in one.routes], [ranks[i] for i in one.routes])
                for one in shared
            ],
        },
        geometry=[line(one.row, one.col, grid) for one in shared],
        crs=grid.wkt,
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _users(methods: Sequence[str], ranks: Sequence[int]) -> str:
    """Name sites by method and rank, runs of ranks in short."""
    parts = []
    for method in dict.fromkeys(methods):
        mine = sorted(r for m, r in zip(methods, ranks, strict=True) if m == method)
        runs: list[list[int]] = []
        for rank in mine:
            if runs and rank == runs[-1][-1] + 1:
                runs[-1].append(rank)
            else:
                runs.append([rank])
        words = [str(r[0]) if len(r) == 1 else f"{r[0]}–{r[-1]}" for r in runs]
        parts.append(f"{method} {', '.join(words)}")
    return "; ".join(parts)


def polygon_features(
    reader: LayerReader,
    units: StorageUnits | None,
    pools: Mapping[str, Pools],
    provinces: tuple[str, Sequence[str]] | None,
    region: Any = None,
) -> Frames:
    """Polygons of storage units, pools and provinces in the grid's CRS.

    Parameters
    ----------
    reader : LayerReader
        The layers.
    units : StorageUnits or None
        Storage.
    pools : mapping
        Resource -> its pools.
    provinces : tuple or None
        Layer of administrative units and their names.
    region : shapely geometry, optional
        The region's outline, for pools that all of it shares.

    Returns
    -------
    dict of GeoDataFrame
        ``storage`` (``unit``, ``cost_usd_t``), ``pools_RESOURCE`` (``zone``) and ``provinces``
        (``zone``), one row per feature in the order of the layer.
    """
    found: Frames = {}
    if units is not None:
        shapes = reader.features(units.layer).geometry.to_numpy()[units.index]
        columns = {"unit": list(units.names), "cost_usd_t": units.cost}
        found["storage"] = _polygons(columns, shapes, reader.grid)
    for name, one in pools.items():
        if one.layer is None:
            shapes = np.array([region], object)
        else:
            shapes = reader.features(one.layer).geometry.to_numpy()
        found[f"pools_{name}"] = _polygons({"zone": list(one.names)}, shapes, reader.grid)
    if provinces is not None:
        layer, names = provinces
        shapes = reader.features(layer).geometry.to_numpy()
        found["provinces"] = _polygons({"zone": list(names)}, shapes, reader.grid)
    return found


def _polygons(
    columns: dict[str, Any], shapes: NDArray[Any], grid: AnalysisGrid
) -> gpd.GeoDataFrame:
    """Multipolygons, none where a feature has no area."""
    import geopandas as gpd
    import shapely

    whole = [
        None
        if shape is None or shape.is_empty or shapely.get_dimensions(shape) < 2
        else shapely.MultiPolygon(shapely.get_parts(polygonal(shape)).tolist())
        for shape in shapes
    ]
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(whole, crs=grid.wkt), crs=grid.wkt)

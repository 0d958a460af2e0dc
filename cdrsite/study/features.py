"""Lines and polygons of a result: routes of the ranked sites, corridors, storage, pools, zones.

They carry names and what only they know; quantities stay in the tables, which they are joined with
where they are written.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cdrsite.core.errors import CdrsiteWarning
from cdrsite.core.vocabulary import MODES
from cdrsite.layers.shapes import polygonal
from cdrsite.transport.frames import CachedCells
from cdrsite.transport.routes import Route, corridors, line, smooth, trace

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.core.reader import LayerReader
    from cdrsite.methods.storage import StorageUnits
    from cdrsite.methods.supply import Pools
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
    frames = {"routes": _route_frame(chosen, routes, grid)}
    shared = _corridor_frame(chosen, routes, grid)
    return frames | ({"corridors": shared} if len(shared) else {})


def _route_frame(
    sites: pd.DataFrame, routes: Sequence[Route], grid: AnalysisGrid
) -> gpd.GeoDataFrame:
    import geopandas as gpd

    lines = [line(route.row, route.col, grid) for route in routes]
    columns = {
        "transport_mode": "mode",
        "transport_km": "length_km",
        "transport_cost_usd_t": "cost_usd_t",
    }
    table = sites[["method", "rank", "storage_unit", *columns]].reset_index(drop=True)
    frame = gpd.GeoDataFrame(table.rename(columns=columns), geometry=lines, crs=grid.wkt)
    frame["smoothed"] = gpd.GeoSeries([smooth(exact) for exact in lines], crs=grid.wkt)
    return frame


def _corridor_frame(
    sites: pd.DataFrame, routes: Sequence[Route], grid: AnalysisGrid
) -> gpd.GeoDataFrame:
    """Shared stretches; who uses them, as "daccs-solid 1–3, 7; beccs-residue 2"."""
    import geopandas as gpd

    shared = corridors(routes, at_least=2)
    users = [sites.iloc[list(stretch.routes)] for stretch in shared]
    return gpd.GeoDataFrame(
        {
            "routes": np.array([stretch.multiplicity for stretch in shared], np.int32),
            "length_km": np.array([stretch.length_km for stretch in shared], np.float64),
            "storage_unit": [", ".join(using["storage_unit"].unique()) for using in users],
            "used_by": [_users(using) for using in users],
        },
        geometry=[line(stretch.row, stretch.col, grid) for stretch in shared],
        crs=grid.wkt,
    )


def _users(sites: pd.DataFrame) -> str:
    """Name sites by method and rank, runs of ranks in short."""
    parts = []
    for method, using in sites.groupby("method", sort=False):
        ranks = np.sort(using["rank"].to_numpy())
        runs = np.split(ranks, np.flatnonzero(np.diff(ranks) != 1) + 1)
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
    frames: Frames = {}

    def add(name: str, layer: str | None, index: Any = slice(None), **columns: Any) -> None:
        shapes: Any = [region] if layer is None else reader.features(layer).geometry.to_numpy()
        frames[name] = _polygons(columns, shapes[index], reader.grid)

    if units is not None:
        add("storage", units.layer, units.index, unit=list(units.names), cost_usd_t=units.cost)
    for name, pool in pools.items():
        add(f"pools_{name}", pool.layer, zone=list(pool.names))
    if provinces is not None:
        layer, names = provinces
        add("provinces", layer, zone=list(names))
    return frames


def _polygons(columns: dict[str, Any], shapes: Any, grid: AnalysisGrid) -> gpd.GeoDataFrame:
    """Multipolygons, none where a feature has no area."""
    import geopandas as gpd

    whole = [
        None
        if shape is None or shape.is_empty or shapely.get_dimensions(shape) < 2
        else shapely.MultiPolygon(shapely.get_parts(polygonal(shape)).tolist())
        for shape in shapes
    ]
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(whole, crs=grid.wkt), crs=grid.wkt)

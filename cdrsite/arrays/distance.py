"""Cheapest ways over a surface of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from cdrsite.arrays.labelled import LabelledGrid, frame_of
from cdrsite.core.errors import DataError
from cdrsite.core.machine import cores
from cdrsite.layers.coverage import rings_of
from cdrsite.transport.distance import Sources, least_cost

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    IntArray = NDArray[np.integer[Any]]

WHERE = "cost_distance"


def cost_distance(
    friction: xr.DataArray,
    sinks: gpd.GeoDataFrame | gpd.GeoSeries | xr.DataArray,
    *,
    name: str | None = None,
    k: int = 1,
    neighbours: int = 16,
    start_cost: str | None = None,
    threads: int | None = None,
) -> xr.Dataset:
    """Find the cheapest way from every cell to the nearest sinks.

    Parameters
    ----------
    friction : DataArray, shape (y, x)
        Cost per km [any unit per km], above 0; inf is a barrier, NaN unknown. Of Dask it is read
        one row of chunks at a time.
    sinks : GeoDataFrame, GeoSeries, or DataArray of int, shape (y, x)
        Points, lines or polygons: a way ends in any cell that they touch. Or the number of the
        sink of each cell, below 0 for none.
    name : str, optional
        Column of ``sinks`` with their names; else they are numbered.
    k : int
        How many different sinks per cell, the cheapest first.
    neighbours : {8, 16, 40}
        Moves per cell; the longest detour on even ground is 8.24, 2.75 and 0.76 %.
    start_cost : str, optional
        Column with what arriving at a sink costs [unit of the friction x km].
    threads : int, optional
        All cores when not given; the result does not depend on it.

    Returns
    -------
    Dataset
        ``cost`` [unit of the friction x km], ``length`` [km] and ``sink`` (its number, -1 for
        none; names in the attribute ``labels``), with dimensions (rank, y, x) where k > 1, else
        (y, x). Unreached cells are NaN.

    Raises
    ------
    GridError
        Friction without coordinates, CRS or square cells.
    DataError
        Friction that is not positive; sinks that are outside, or on barriers.

    Notes
    -----
    Shortest paths on the grid graph as in the routes of a run (:mod:`cdrsite.transport.distance`).
    """
    frame = frame_of(friction, WHERE)
    sources, labels = _sources(frame, sinks, name, start_cost)
    found = least_cost(
        frame.values(friction),
        frame.grid.row_steps_m,
        sources,
        neighbours=neighbours,
        k=k,
        threads=threads or cores(),
    )
    per_km = str(friction.attrs.get("units", ""))
    parts = {
        "cost": (np.asarray(found.cost), per_km.removesuffix("/km"), "cost of the cheapest way"),
        "length": (np.asarray(found.length_km), "km", "length of that way"),
        "sink": (np.asarray(found.sink), "", "where it leads"),
    }
    unreached = np.asarray(found.sink) < 0
    made = {}
    for key, (values, units, about) in parts.items():
        known = values if key == "sink" else np.where(unreached, np.float32(np.nan), values)
        shown, dims = (known[0], ()) if k == 1 else (known, ("rank",))
        more: dict[str, Any] = {"labels": labels} if key == "sink" else {}
        made[key] = frame.labelled(shown, key, units=units, about=about, dims=dims, **more)
    return xr.Dataset(made)


def _sources(
    frame: LabelledGrid, sinks: Any, name: str | None, start_cost: str | None
) -> tuple[Sources, list[str]]:
    """Cells where ways end, and the names of the sinks."""
    if isinstance(sinks, xr.DataArray):
        ids = frame.values(sinks, np.int64)
        row, col = np.nonzero(ids >= 0)
        count = int(ids.max()) + 1 if row.size else 0
        return Sources.of(row, col, ids[row, col]), [str(i) for i in range(count)]
    shapes = sinks.to_crs(frame.grid.wkt)
    geometries = shapes.geometry.to_numpy()
    if name is not None and name not in shapes:
        _refuse_column(name, shapes)
    if start_cost is not None and start_cost not in shapes:
        _refuse_column(start_cost, shapes)
    costs = np.zeros(len(shapes)) if start_cost is None else shapes[start_cost].to_numpy(float)
    touched = [_touched(frame, geometry) for geometry in geometries]
    row = np.concatenate([np.empty(0, np.int64), *(one[0] for one in touched)])
    col = np.concatenate([np.empty(0, np.int64), *(one[1] for one in touched)])
    sink = np.repeat(np.arange(len(touched)), [len(one[0]) for one in touched])
    if not row.size:
        raise DataError(
            "no sink touches the surface",
            where=f"{WHERE}: sinks",
            got=f"{len(shapes)} features, bounds {tuple(shapes.total_bounds.tolist())}",
            expected=f"some inside {frame.grid.bounds}",
            cure="check their CRS",
        )
    labels = [str(i) for i in range(len(shapes))] if name is None else shapes[name].astype(str)
    return Sources.of(row, col, sink, costs[sink]), list(labels)


def _refuse_column(column: str, frame: Any) -> None:
    raise DataError(
        "the sinks have no such column",
        where=WHERE,
        got=repr(column),
        expected=", ".join(map(str, frame.columns)),
    )


def _touched(frame: LabelledGrid, geometry: Any) -> tuple[IntArray, IntArray]:
    """Rows and columns of the cells that a geometry touches."""
    from rasterio.features import rasterize

    if geometry is None or geometry.is_empty:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    if geometry.geom_type.endswith("Polygon"):
        whole = next(iter(frame.grid.blocks(max(frame.grid.shape))))
        row, col = np.nonzero(rings_of([geometry], frame.grid).fraction(whole) > 0)
        return row, col
    burnt = rasterize(
        [geometry], frame.grid.shape, transform=frame.grid.transform, all_touched=True, dtype="u1"
    )
    row, col = np.nonzero(burnt)
    return row, col

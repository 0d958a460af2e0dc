"""Longitudes around the Earth: which copy of a shape a grid means, wherever the map is cut."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.crs import transformer
from cdrsite.layers.shapes import joined, made_valid, parts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import AnalysisGrid

GEODETIC = "EPSG:4326"
REACH_DEGREES = 30.0
"""Shapes are kept this far around the grid [degree], over 3000 km: farther ones are out of reach of
every distance, and many projections cannot hold them."""
SIDE_POINTS = 33
"""Points along each side of the grid whose positions in another system are looked at."""


def centred_longitudes(shapes: NDArray[Any]) -> tuple[float, float]:
    """The smallest interval of longitude that holds shapes, wherever the map is cut.

    Parameters
    ----------
    shapes : ndarray of shapely geometries
        In degrees of longitude and latitude.

    Returns
    -------
    west, east : float
        West in [-180, 180); east may lie beyond 180 [degree].
    """
    import shapely

    parts, _ = parts_of(shapes)
    bounds = shapely.bounds(parts)
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if not len(bounds):
        return -180.0, 180.0
    width = bounds[:, 2] - bounds[:, 0]
    if (width >= 360).any():
        return -180.0, 180.0
    west = np.mod(bounds[:, 0] + 180, 360) - 180
    order = np.argsort(west, kind="stable")
    starts, ends = west[order], west[order] + width[order]
    reach = np.maximum.accumulate(ends)
    gaps = np.append(starts[1:], starts[0] + 360) - reach
    # an interval that ends beyond the seam covers the first starts again
    gaps[-1] = starts[0] + 360 - reach[-1]
    k = int(np.argmax(gaps))
    if gaps[k] <= 0:
        return -180.0, 180.0
    first = float(starts[(k + 1) % len(starts)])
    last = float(reach[k]) if k == len(starts) - 1 else float(reach[k]) + 360
    if last - first >= 360:
        return -180.0, 180.0
    return first, last


MOST_DEGREES = 3600.0
"""Longitudes beyond this are metres under a wrong name, and meet no interval [degree]."""


def turned(shapes: NDArray[Any], west: float, east: float) -> NDArray[Any]:
    """Shapes in degrees, each part turned by whole circles to where it meets an interval.

    Parameters
    ----------
    shapes : ndarray of shapely geometries
        In degrees.
    west, east : float
        The interval, at most 360 wide [degree].

    Returns
    -------
    ndarray
        Of each shape all copies that meet the interval, joined; empty where none does.
    """
    import shapely

    bounds = shapely.bounds(shapes)
    low, high = bounds[:, 0], bounds[:, 2]
    with np.errstate(invalid="ignore"):
        turns = np.ceil((west - low) / 360)
        whole = high + 360 * turns <= east
        whole &= high - low <= 360 - (east - west) + 1e-9  # no second copy can meet the interval
        whole |= (low >= west) & (high <= east) & (high - low >= 360)
        whole |= _alone(low, high, turns, west, east) & (shapely.get_type_id(shapes) < 4)
    result = shapes.copy()
    for k in np.unique(turns[whole & (low < high + 1)]):
        chosen = whole & (turns == k)
        if k:
            result[chosen] = shapely.transform(shapes[chosen], _turn(int(k)))
    for i in np.flatnonzero(~whole & ~shapely.is_empty(shapes)):
        result[i] = _turned_parts(shapes[i], west, east)
    return result


def _alone(
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    turns: NDArray[np.float64],
    west: float,
    east: float,
) -> NDArray[np.bool_]:
    """Whether, once turned, single parts lie inside an interval and no other copy meets it."""
    first, last = low + 360 * turns, high + 360 * turns
    known = np.maximum(-low, high) <= MOST_DEGREES
    return np.asarray(known & (last <= east) & (first + 360 > east) & (last - 360 < west))


def _turn(k: int) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Add k whole circles to longitudes."""
    return lambda xy: xy + np.array([360.0 * k, 0.0])


def _turned_parts(shape: Any, west: float, east: float) -> Any:
    import shapely

    parts, _ = parts_of(np.array([shape], dtype=object))
    found = []
    for part in parts:
        low, _, high, _ = part.bounds
        if max(-low, high) > MOST_DEGREES:
            continue
        for k in range(math.floor((west - high) / 360), math.ceil((east - low) / 360) + 1):
            if high + 360 * k < west or low + 360 * k > east:
                continue
            moved = part if k == 0 else shapely.transform(part, _turn(k))
            if moved.bounds[0] < west or moved.bounds[2] > east:
                moved = shapely.intersection(moved, shapely.box(west, -90, east, 90))
            if not moved.is_empty:
                found.append(moved)
    return joined(found)


@dataclass(frozen=True)
class Window:
    """Longitudes and latitudes that can matter to a grid [degree]; at most 360 wide."""

    west: float
    south: float
    east: float
    north: float


def window_of(grid: AnalysisGrid) -> Window:
    """The window around a grid, wide enough for every distance to it."""
    lon, lat = _positions(grid)
    middle = _middle(grid)
    if not len(lon):
        return Window(middle - 180, -90.0, middle + 180, 90.0)
    lon = middle + (np.mod(lon - middle + 180, 360) - 180)
    west, east = float(lon.min()), float(lon.max())
    south = max(float(lat.min()) - REACH_DEGREES, -90.0)
    north = min(float(lat.max()) + REACH_DEGREES, 90.0)
    pole = _pole_inside(grid)
    if pole:
        south, north = (south, 90.0) if pole > 0 else (-90.0, north)
    widest = min(max(abs(south), abs(north)), 89.0)
    reach = REACH_DEGREES / math.cos(math.radians(widest))
    if pole or east - west + 2 * reach >= 360:
        return Window(middle - 180, south, middle + 180, north)
    return Window(west - reach, south, east + reach, north)


def _positions(grid: AnalysisGrid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude of points spread over a grid [degree]."""
    west, south, east, north = grid.bounds
    side = np.linspace(0, 1, SIDE_POINTS)
    xx, yy = np.meshgrid(west + side * (east - west), south + side * (north - south))
    if grid.is_geographic:
        return xx.ravel(), yy.ravel()
    lon, lat = transformer(grid.wkt, GEODETIC).transform(xx.ravel(), yy.ravel())
    good = np.isfinite(lon) & np.isfinite(lat)
    return lon[good], lat[good]


def _middle(grid: AnalysisGrid) -> float:
    """Longitude in the middle of a grid [degree]."""
    west, south, east, north = grid.bounds
    x, y = (west + east) / 2, (south + north) / 2
    if grid.is_geographic:
        return x
    lon = float(transformer(grid.wkt, GEODETIC).transform(x, y)[0])
    return lon if math.isfinite(lon) else 0.0


def _pole_inside(grid: AnalysisGrid) -> float:
    """Latitude of the pole that lies inside a projected grid; 0 where none does."""
    if grid.is_geographic:
        return 0.0
    west, south, east, north = grid.bounds
    for pole in (90.0, -90.0):
        x, y = transformer(GEODETIC, grid.wkt).transform(_middle(grid), pole)
        if west <= x <= east and south <= y <= north:
            back = transformer(grid.wkt, GEODETIC).transform(x, y)[1]
            if abs(back - pole) < 1e-6:
                return pole
    return 0.0


def within(shapes: NDArray[Any], window: Window) -> NDArray[Any]:
    """Shapes in degrees inside a window, on its side of the seam."""
    import shapely

    shapes = turned(shapes, window.west, window.east)
    bounds = shapely.bounds(shapes)
    with np.errstate(invalid="ignore"):
        above = (bounds[:, 1] < window.south) | (bounds[:, 3] > window.north)
    for i in np.flatnonzero(above):
        box = shapely.box(window.west, window.south, window.east, window.north)
        shapes[i] = shapely.intersection(shapes[i], box)
    return shapes


def long_edges(shapes: NDArray[Any]) -> int:
    """Edges over more than half of the globe, but for whole circles [count]."""
    import shapely

    wide = shapely.bounds(shapes)
    with np.errstate(invalid="ignore"):
        wide = (wide[:, 2] - wide[:, 0]) > 180
    if not wide.any():
        return 0
    xy, owner = shapely.get_coordinates(_edges(shapes[wide]), return_index=True)
    step = np.abs(np.diff(xy[:, 0]))[np.diff(owner) == 0]
    return int(((step > 180) & (step < 359)).sum())


def _edges(shapes: NDArray[Any]) -> NDArray[Any]:
    """Lines and rings of shapes, one line each."""
    import shapely

    parts, _ = parts_of(shapes)
    kinds = shapely.get_type_id(parts)
    rings = shapely.get_rings(parts[kinds == 3])
    return np.concatenate([parts[np.isin(kinds, (1, 2))], rings])


def unwrapped(shape: Any) -> Any:
    """A shape whose lines run on over the 180th meridian instead of leaping back."""
    import shapely

    parts, _ = parts_of(np.array([shape], dtype=object))
    found = []
    for part in parts:
        if part.geom_type != "Polygon":
            found.append(shapely.LineString(_run_on(shapely.get_coordinates(part))))
            continue
        shell = _ring(part.exterior)
        holes = [_ring(ring) for ring in part.interiors]
        # a hole runs on from its own first point, which may be a circle away from the shell's
        holes = [
            shapely.transform(hole, _turn(math.ceil((shell.bounds[0] - hole.bounds[0]) / 360)))
            for hole in holes
        ]
        found.append(shell.difference(shapely.union_all(holes)) if holes else shell)
    return joined(found)


def _run_on(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    turns = np.cumsum(np.round(-np.diff(xy[:, 0]) / 360))
    return xy + 360.0 * np.column_stack([np.append(0, turns), np.zeros(len(xy))])


def _ring(ring: Any) -> Any:
    """The polygon of a ring that runs on; one around a pole is closed along it."""
    import shapely

    xy = _run_on(shapely.get_coordinates(ring))
    if abs(xy[-1, 0] - xy[0, 0]) > 180:
        pole = math.copysign(90.0, xy[:, 1].mean())
        xy = np.vstack([xy, [xy[-1, 0], pole], [xy[0, 0], pole], xy[0]])
    return made_valid(np.array([shapely.Polygon(xy)], dtype=object))[0]

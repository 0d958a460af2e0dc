"""Shapes brought to the grid's coordinate system: one place for all that people bring.

Boundaries, layers, pools, storage and zones come through here. A shape is made sound, its copy on
the grid's side of the 180th meridian is chosen, what the grid's system cannot hold is cut off, and
its edges are densified before they are projected: a straight edge of the file is a curve on the
grid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.crs import transformer
from cdrsite.core.errors import DataError
from cdrsite.layers.harmonise import same_crs
from cdrsite.layers.seam import GEODETIC, Window, long_edges, unwrapped, window_of, within
from cdrsite.layers.shapes import Repairs, clean, made_valid, parts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyproj import CRS

    from cdrsite.core.grid import AnalysisGrid

EDGE_TOLERANCE = 1e-4
"""An edge may leave the curve it stands for by this part of a cell."""
METRES_A_DEGREE = 111_320.0
"""Of latitude, about [m]: turns a tolerance of metres into one of degrees."""
LEAST_PIECES = 16
"""Pieces of the longest side of a shape that may lie across the seam."""
MOST_PIECES = 100_000
"""Pieces that one shape is cut into, about, at most."""


def to_grid(
    shapes: NDArray[Any], source_wkt: str, grid: AnalysisGrid, repairs: Repairs, where: str
) -> NDArray[Any]:
    """Clean shapes and bring them to a grid's coordinate system.

    Parameters
    ----------
    shapes : ndarray of shapely geometries, shape (n,)
        In the source's units, longitude or easting first.
    source_wkt : str
        Their coordinate system.
    grid : AnalysisGrid
        The grid.
    repairs : Repairs
        Is told what was done.
    where : str
        Layer and file, for errors.

    Returns
    -------
    ndarray, shape (n,)
        Valid shapes in the grid's units; what lies out of its reach is empty.

    Raises
    ------
    DataError
        There is no transformation between the two systems (rule 7).
    """
    from pyproj import CRS

    source = CRS.from_wkt(source_wkt)
    shapes = clean(shapes, repairs, source)
    same = same_crs(source_wkt, grid.wkt)
    if same and not source.is_geographic:
        return shapes
    window, tolerance = window_of(grid), EDGE_TOLERANCE * grid.resolution
    if source.is_geographic:
        repairs.long_edges += long_edges(shapes)
        shapes = within(shapes, window)
        return (
            shapes if same else projected(shapes, source_wkt, grid.wkt, tolerance, repairs, where)
        )
    far = _beyond(shapes, source_wkt, window)
    moved = shapes.copy()
    moved[~far] = projected(shapes[~far], source_wkt, grid.wkt, tolerance, repairs, where)
    if far.any():
        # by way of longitude and latitude, where what the grid cannot hold is known
        wkt = geodetic_wkt(source)
        cell = grid.resolution * (1.0 if grid.is_geographic else grid.unit_metres / METRES_A_DEGREE)
        degrees = degrees_of(shapes[far], source_wkt, EDGE_TOLERANCE * cell, repairs)
        degrees = within(degrees, window)
        same = same_crs(wkt, grid.wkt)
        moved[far] = (
            degrees if same else projected(degrees, wkt, grid.wkt, tolerance, repairs, where)
        )
    return moved


def degrees_of(
    shapes: NDArray[Any], source_wkt: str, tolerance: float, repairs: Repairs
) -> NDArray[Any]:
    """Shapes of a projected system in its own longitudes and latitudes, whole across the seam.

    Parameters
    ----------
    shapes : ndarray of shapely geometries
        Clean, in units of the source.
    source_wkt : str
        A projected system.
    tolerance : float
        How far an edge may leave the curve that it stands for [degree].
    repairs : Repairs
        Is told what was lost.
    """
    import shapely
    from pyproj import CRS

    wkt = geodetic_wkt(CRS.from_wkt(source_wkt))
    bounds = shapely.bounds(shapes)
    side = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
    large = side > 0
    shapes = shapes.copy()
    # no edge may leap over half of the globe, so that a leap is the seam and nothing else
    shapes[large] = shapely.segmentize(shapes[large], side[large] / LEAST_PIECES)
    moved = projected(shapes, source_wkt, wkt, tolerance, repairs, valid=False)
    xy, owner = shapely.get_coordinates(moved, return_index=True)
    leaps = np.abs(np.diff(xy[:, 0])) > 180
    for i in np.unique(owner[1:][leaps & (owner[1:] == owner[:-1])]):
        moved[i] = unwrapped(moved[i])
    return made_valid(moved)


def geodetic_wkt(source: CRS) -> str:
    """The system of longitudes and latitudes that a system is built on, as WKT."""
    geodetic = source.geodetic_crs
    assert geodetic is not None  # noqa: S101 - every system that is tied to the Earth has one
    return str(geodetic.to_wkt())


def _beyond(shapes: NDArray[Any], source_wkt: str, window: Window) -> NDArray[np.bool_]:
    """Shapes in a projected system of which a corner of the bounds leaves the window."""
    import shapely

    west, south, east, north = shapely.bounds(shapes).T
    x = np.stack([west, (west + east) / 2, east] * 3)
    y = np.repeat(np.stack([south, (south + north) / 2, north]), 3, axis=0)
    lon, lat = _transformer(source_wkt, GEODETIC).transform(x, y)
    lon = window.west + np.mod(lon - window.west, 360)
    with np.errstate(invalid="ignore"):
        inside = (lon <= window.east) & (lat >= window.south) & (lat <= window.north)
        inside &= np.isfinite(lon)
        narrow = lon.max(axis=0) - lon.min(axis=0) < 180
    return ~((inside.all(axis=0) & narrow) | shapely.is_empty(shapes))


def _transformer(source_wkt: str, target_wkt: str, where: str = "") -> Any:
    from pyproj.exceptions import ProjError

    try:
        return transformer(source_wkt, target_wkt)
    except ProjError as error:
        raise DataError(
            "the coordinate system (CRS) cannot be brought to the grid's",
            where=where or None,
            got=str(error),
            expected="a geographic or projected system that PROJ can transform",
            cure="add crs: EPSG:... to the layer, after asking whoever made it",
            rule=7,
        ) from error


def projected(
    shapes: NDArray[Any],
    source_wkt: str,
    target_wkt: str,
    tolerance: float,
    repairs: Repairs,
    where: str = "",
    *,
    valid: bool = True,
) -> NDArray[Any]:
    """Project clean shapes; their edges follow the curves that they stand for.

    Parameters
    ----------
    shapes : ndarray of shapely geometries
        In units of the source.
    source_wkt, target_wkt : str
        Coordinate systems.
    tolerance : float
        How far an edge may leave its curve [units of the target].
    repairs : Repairs
        Is told what was lost.
    where : str
        Layer and file, for errors.
    valid : bool
        Repair what rounding made invalid.

    Raises
    ------
    DataError
        There is no transformation (rule 7).
    """
    import shapely
    from pyproj import CRS

    there = _transformer(source_wkt, target_wkt, where)

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(there.transform(xy[:, 0], xy[:, 1]))

    around = CRS.from_user_input(target_wkt).is_geographic
    moved = shapely.transform(densified(shapes, move, tolerance, around=around), move)
    xy, owner = shapely.get_coordinates(moved, return_index=True)
    gone = np.zeros(len(moved), np.bool_)
    gone[owner[~np.isfinite(xy).all(axis=1)]] = True
    repairs.lost += int(gone.sum())
    moved[gone] = shapely.GeometryCollection()
    return made_valid(moved) if valid else moved


def densified(
    shapes: NDArray[Any], move: Any, tolerance: float, *, around: bool = False
) -> NDArray[Any]:
    """Shapes with points along the edges whose images are curved.

    Parameters
    ----------
    shapes : ndarray of shapely geometries
    move : callable
        (n, 2) source coordinates -> (n, 2) target coordinates.
    tolerance : float
        How far the image of an edge may leave the straight line [target units].
    around : bool
        The images are longitudes, which leap by 360 at the seam.

    Notes
    -----
    The image of an edge of n pieces leaves its chords by about 1/n^2 of what the image of the whole
    edge does, so the number of pieces follows from its middle; twice, because an edge over a
    quarter of the globe is no parabola.
    """
    shapes, which = shapes.copy(), np.arange(len(shapes))
    for _ in range(2):
        grown = _densified_once(shapes[which], move, tolerance, around=around)
        if grown is None:
            break
        rows, finer = grown
        which = which[rows]
        shapes[which] = finer
    return shapes


def _densified_once(
    shapes: NDArray[Any], move: Any, tolerance: float, *, around: bool
) -> tuple[NDArray[np.intp], NDArray[Any]] | None:
    """Which shapes have edges whose images are curved, and these with more points; or none."""
    import shapely

    parts, owner = parts_of(shapes)
    lines = np.isin(shapely.get_type_id(parts), (1, 2, 3))
    xy, index = shapely.get_coordinates(_rings_kept(parts[lines]), return_index=True)
    if len(xy) < 2:
        return None
    ring_owner = _ring_owner(parts[lines], owner[lines])
    same = index[1:] == index[:-1]
    begin, end = xy[:-1][same], xy[1:][same]
    belongs = ring_owner[index[1:][same]]
    image = move(xy)
    a, b, middle = image[:-1][same], image[1:][same], move((begin + end) / 2)
    if around:
        for other in (b, middle):
            other[:, 0] = a[:, 0] + np.mod(other[:, 0] - a[:, 0] + 180, 360) - 180
    with np.errstate(invalid="ignore"):
        off = np.hypot(*(middle - (a + b) / 2).T)
        pieces = np.ceil(np.sqrt(off / tolerance))
    pieces = np.where(np.isfinite(pieces), np.clip(pieces, 1, MOST_PIECES), 256)
    length = np.hypot(*(end - begin).T)
    more = (pieces > 1) & (length > 0)
    if not more.any():
        return None
    longest = np.full(len(shapes), np.inf)
    np.minimum.at(longest, belongs[more], length[more] / pieces[more] * (1 + 1e-9))
    rows = np.flatnonzero(np.isfinite(longest))
    longest = np.maximum(longest[rows], shapely.length(shapes[rows]) / MOST_PIECES)
    return rows, shapely.segmentize(shapes[rows], longest)


def _rings_kept(parts: NDArray[Any]) -> NDArray[Any]:
    import shapely

    kinds = shapely.get_type_id(parts)
    return np.concatenate([parts[kinds != 3], shapely.get_rings(parts[kinds == 3])])


def _ring_owner(parts: NDArray[Any], owner: NDArray[np.intp]) -> NDArray[np.intp]:
    import shapely

    kinds = shapely.get_type_id(parts)
    _, which = shapely.get_rings(parts[kinds == 3], return_index=True)
    return np.concatenate([owner[kinds != 3], owner[kinds == 3][which]])

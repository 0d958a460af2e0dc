"""Shapes of any file made sound: flat, finite, valid."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

REPAIR = "repair them, e.g. with `Fix geometries` of QGIS"

FARTHEST = 1e12
"""No coordinate of any reference system is larger [units of the CRS]."""


def sound(shapes: NDArray[Any]) -> tuple[NDArray[Any], int, int]:
    """Two-dimensional valid shapes.

    Parameters
    ----------
    shapes : ndarray of geometry
        As a file has them; None is a feature without a shape.

    Returns
    -------
    tuple
        The shapes, with those that have a coordinate that is no number, infinite or beyond all
        bounds made empty; how many these are; how many polygons were repaired.
    """
    import shapely

    shapes = shapely.force_2d(shapes)
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    with np.errstate(invalid="ignore"):
        far = ~(np.abs(points) <= FARTHEST).all(axis=1)
    away = np.zeros(len(shapes), np.bool_)
    away[owner[far]] = True
    shapes[away | shapely.is_missing(shapes)] = shapely.GeometryCollection()
    areal = np.isin(shapely.get_type_id(shapes), (3, 6))
    broken = np.flatnonzero(areal & ~shapely.is_valid(shapes))
    for i in broken:
        shapes[i] = polygonal(shapely.make_valid(shapes[i]))
    return shapes, int(away.sum()), broken.size


def centres(shapes: NDArray[Any]) -> NDArray[np.float64]:
    """Centroids, shape (n, 2); NaN for an empty shape."""
    import shapely

    points, owner = shapely.get_coordinates(shapely.centroid(shapes), return_index=True)
    found = np.full((len(shapes), 2), np.nan)
    found[owner] = points
    return found


@contextmanager
def workable(where: str) -> Iterator[None]:
    """Turn what GEOS refuses to compute into an error that names the layer.

    Raises
    ------
    DataError
        In place of an error of GEOS.
    """
    from shapely.errors import GEOSException

    try:
        yield
    except GEOSException as error:
        raise DataError(
            "its shapes cannot be worked with", where=where, got=error, cure=REPAIR, rule=7
        ) from error


def polygonal(geometry: Any) -> Any:
    """The polygons of a geometry; lines and points, which have no area, are left out."""
    import shapely

    if geometry.geom_type in {"Polygon", "MultiPolygon"}:
        return geometry
    parts = shapely.get_parts(geometry)
    while (shapely.get_type_id(parts) == 7).any():
        parts = shapely.get_parts(shapely.get_parts(parts))
    return shapely.union_all(parts[np.isin(shapely.get_type_id(parts), (3, 6))])

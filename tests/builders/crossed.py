"""Crossings of a route, counted on the vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike


def count_crossings(route: ArrayLike, shapes: Sequence[Any]) -> int:
    """How often a route crosses lines, exactly, on the vectors.

    Parameters
    ----------
    route : array_like, shape (n, 2)
        Vertices x, y of the route in the CRS of the lines.
    shapes : sequence of shapely geometries
        Lines, or polygons whose outlines count.

    Returns
    -------
    int
        Points where the route meets a line; a stretch that runs along a line counts once. Two
        features crossed in one point count twice.
    """
    vertices = np.asarray(route, np.float64)
    if len(vertices) < 2 or len(shapes) == 0:
        return 0
    geometries = np.asarray(list(shapes), object)
    polygon = np.isin(shapely.get_type_id(geometries), (3, 6))
    geometries[polygon] = shapely.boundary(geometries[polygon])
    path = shapely.linestrings(vertices)
    met = geometries[shapely.STRtree(geometries).query(path, predicate="intersects")]
    common = shapely.intersection(met, path)
    total = 0
    for shape in common:
        parts = shapely.get_parts(shape)
        if shapely.get_type_id(shape) == 7:
            parts = shapely.get_parts(parts)
        stretches = parts[shapely.get_type_id(parts) == 1]
        total += int(np.sum(shapely.get_type_id(parts) == 0))
        if stretches.size:
            merged = shapely.line_merge(shapely.multilinestrings(stretches))
            total += int(shapely.get_num_geometries(merged))
    return total

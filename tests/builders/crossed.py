"""Crossings of a route, counted on the vectors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from hypothesis import strategies as st
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


def crossed_edge(a: tuple[float, float], b: tuple[float, float], lines: Sequence[Any]) -> int:
    """How many segments of lines the straight line from ``a`` to ``b`` crosses."""
    edge = shapely.LineString([a, b])
    return sum(
        shapely.LineString(ends).crosses(edge)
        for line in lines
        for ends in pairwise(shapely.get_coordinates(line))
    )


def generic(i: int, j: int) -> tuple[float, float]:
    """A point off every lattice line: vertices on an edge touch it, which has no right count."""
    return i + (0.6180339887 * i + 0.7320508 * j + 0.137) % 1, j + (
        0.4142136 * i + 0.2360680 * j + 0.71
    ) % 1


vertex = st.builds(generic, st.integers(-1500, 10500), st.integers(-1500, 8500))
polyline = st.lists(vertex, min_size=2, max_size=7, unique=True).map(shapely.LineString)

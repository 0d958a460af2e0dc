"""Shapes of any file made sound: flat, finite, valid, and none of their area lost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyproj import CRS

REPAIR = "repair them, e.g. with `Fix geometries` of QGIS"
FARTHEST = 1e12
"""No coordinate of any reference system is larger [units of the CRS]."""


@dataclass
class Repairs:
    """What was done to shapes, in numbers a person can judge.

    Attributes
    ----------
    without_geometry : int
        Features that have none.
    polygons : int
        Invalid polygons that were repaired.
    area_before, area_after : float
        Of the repaired polygons, as the sum of their parts and as they are now [CRS units squared].
    lost : int
        Shapes that the grid's system cannot hold, or whose coordinates are no numbers.
    long_edges : int
        Edges over more than half of the globe, taken as they are drawn.
    """

    without_geometry: int = 0
    polygons: int = 0
    area_before: float = 0.0
    area_after: float = 0.0
    lost: int = 0
    long_edges: int = 0
    metres: float = field(default=math.nan)
    """Metres in a unit of the CRS of the areas; NaN for degrees."""

    def sentences(self) -> list[str]:
        """What the user should know."""
        said = []
        if self.without_geometry:
            said.append(f"{self.without_geometry} feature(s) have no geometry and are left out")
        if self.polygons:
            text = f"repaired {self.polygons} invalid polygon(s) (self-intersections and the like)"
            if math.isfinite(self.metres):
                km2 = self.metres**2 / 1e6
                text += (
                    f": {self.area_before * km2:.6g} km² as the sum of their parts, "
                    f"{self.area_after * km2:.6g} km² with what overlaps counted once"
                )
            said.append(text)
        if self.long_edges:
            said.append(
                f"{self.long_edges} edge(s) span more than 180 degrees of longitude and are taken "
                "as drawn; cure: split shapes at the 180th meridian (RFC 7946)"
            )
        if self.lost:
            said.append(
                f"{self.lost} feature(s) have coordinates that are no numbers, or that the grid's "
                "system cannot hold, and are left out"
            )
        return said


def clean(shapes: NDArray[Any], repairs: Repairs, crs: CRS | None = None) -> NDArray[Any]:
    """Two-dimensional, flat, valid shapes; nothing becomes an empty collection.

    Parameters
    ----------
    shapes : ndarray of shapely geometries, shape (n,)
        None where a feature has no geometry.
    repairs : Repairs
        Is told what was done.
    crs : CRS, optional
        Of the shapes: areas of a projected one can be told in km².

    Returns
    -------
    ndarray, shape (n,)
        Points, lines, polygons, their multiples, and flat collections of them.

    Notes
    -----
    Invalid polygons are rebuilt from their rings: shells are joined, then holes are taken out, so
    that overlapping parts never become holes (GEOS, MakeValid with the method "structure").
    """
    import shapely

    if crs is not None and crs.is_projected:
        repairs.metres = float(crs.axis_info[0].unit_conversion_factor)
    shapes = np.array(shapes, dtype=object)
    nothing = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    repairs.without_geometry += int(nothing.sum())
    shapes[nothing] = shapely.GeometryCollection()
    shapes = shapely.force_2d(shapes)
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    with np.errstate(invalid="ignore"):
        far = np.unique(owner[~(np.abs(points) <= FARTHEST).all(axis=1)])
    repairs.lost += len(far)
    shapes[far] = shapely.GeometryCollection()
    for i in np.flatnonzero(shapely.get_type_id(shapes) == 7):
        shapes[i] = _flat_collection(shapes[i], repairs)
    areal = np.isin(shapely.get_type_id(shapes), (3, 6))
    for i in np.flatnonzero(areal & ~shapely.is_valid(shapes)):
        shapes[i] = _repaired(shapes[i], repairs)
    return shapes


def _repaired(shape: Any, repairs: Repairs) -> Any:
    import shapely

    made = polygonal(shapely.make_valid(shape, method="structure", keep_collapsed=False))
    repairs.polygons += 1
    repairs.area_before += float(shapely.area(shape))
    repairs.area_after += float(shapely.area(made))
    return made


def _flat_collection(shape: Any, repairs: Repairs) -> Any:
    """A collection without collections in it, its polygons valid and joined."""
    import shapely

    parts, _ = parts_of(np.array([shape], dtype=object))
    areal = np.isin(shapely.get_type_id(parts), (3, 6))
    polygons = [p if p.is_valid else _repaired(p, repairs) for p in parts[areal]]
    others = list(parts[~areal])
    if not polygons:
        return shapely.GeometryCollection(others)
    merged, apart = shapely.union_all(polygons), sum(p.area for p in polygons)
    if merged.area < apart * (1 - 1e-9):
        repairs.polygons += 1
        repairs.area_before += float(apart)
        repairs.area_after += float(merged.area)
    return shapely.GeometryCollection([merged, *others]) if others else merged


def parts_of(shapes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Single parts of shapes, collections in collections too, and which shape each belongs to."""
    import shapely

    parts, owner = shapely.get_parts(shapes, return_index=True)
    while (shapely.get_type_id(parts) >= 4).any():
        parts, inner = shapely.get_parts(parts, return_index=True)
        owner = owner[inner]
    keep = ~shapely.is_empty(parts)
    return parts[keep], owner[keep]


def joined(parts: list[Any]) -> Any:
    """One shape of parts: polygons that touch are dissolved, the rest stays beside them."""
    import shapely

    if len(parts) <= 1:
        return parts[0] if parts else shapely.GeometryCollection()
    flat, _ = parts_of(np.array(parts, dtype=object))
    kinds = shapely.get_type_id(flat)
    if (kinds == 3).all():
        return shapely.union_all(flat)
    if (kinds == kinds[0]).all():
        return shapely.MultiPoint(flat) if kinds[0] == 0 else shapely.MultiLineString(list(flat))
    repairs = Repairs()
    return _flat_collection(shapely.GeometryCollection(list(flat)), repairs)


def made_valid(shapes: NDArray[Any]) -> NDArray[Any]:
    """Shapes that became invalid by rounding where rings touch: nothing to tell the user of."""
    import shapely

    areal = np.isin(shapely.get_type_id(shapes), (3, 6))
    for i in np.flatnonzero(areal & ~shapely.is_valid(shapes)):
        shapes[i] = _repaired(shapes[i], Repairs())
    return shapes


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
    parts, _ = parts_of(np.array([geometry], dtype=object))
    return shapely.union_all(parts[shapely.get_type_id(parts) == 3])


def members(
    shapes: NDArray[Any], zones: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which polygons features belong to: those they lie in with some part of theirs.

    What lies on edges alone, as a point on a border, belongs to all the polygons that meet there.

    Parameters
    ----------
    shapes : ndarray of shapely geometries, shape (n,)
        The features.
    zones : ndarray of shapely geometries, shape (m,)
        The polygons; they may overlap.

    Returns
    -------
    feature, zone : ndarray of int64, shape (pairs,)
        Index of the feature and of the polygon of each pair.
    """
    import shapely

    parts, owner = parts_of(shapes)
    part, zone = shapely.STRtree(zones).query(parts, predicate="intersects")
    edge, feature = shapely.touches(parts[part], zones[zone]), owner[part]
    inside = np.zeros(len(shapes), np.bool_)
    inside[feature[~edge]] = True
    kept = ~(edge & inside[feature])
    pairs = np.unique(np.column_stack([feature, zone])[kept], axis=0).astype(np.int64)
    return pairs[:, 0], pairs[:, 1]

"""The one frame that small maps of several runs share, in kilometres on the ground."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cdrsite.compare.changes import EARTH_KM
from cdrsite.compare.moved import DRAWN

if TYPE_CHECKING:
    import geopandas as gpd
    import numpy as np
    from numpy.typing import NDArray
    from pyproj import CRS

    from cdrsite.outputs.runfolder import RunRaster

CIRCLE = 0.065
"""Radius of the circle of the most tonnes, as part of the longer side of the frame."""
LEAST = 1 / 14
"""Radius of the smallest circle, as part of that of the largest: a dot that can be seen."""
EDGE = 0.12
"""Room for the line around a circle, as part of the radius of the largest."""


@dataclass(frozen=True)
class Spot:
    """Where a map lies in the frame that all maps share.

    Attributes
    ----------
    wide, high : float
        Of the frame [km].
    west, north : float
        Corner of the map, in its CRS.
    x_km, y_km : float
        That corner in the frame [km].
    per_x, per_y : float
        Kilometres to the right and down of one unit of the CRS [km].
    largest : float
        Radius of the circle of the most tonnes [km].
    """

    wide: float
    high: float
    west: float
    north: float
    x_km: float
    y_km: float
    per_x: float
    per_y: float
    largest: float

    def at(self, points: gpd.GeoSeries) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Points of the map's CRS in the frame, to the right and down [km]."""
        x = self.x_km + (points.x.to_numpy() - self.west) * self.per_x
        return x, self.y_km + (self.north - points.y.to_numpy()) * self.per_y


def ground_size(bounds: Sequence[float], crs: CRS) -> tuple[float, float]:
    """Width and height of west, south, east, north on the ground, roughly [km]."""
    west, south, east, north = bounds
    wide, high = east - west, north - south
    unit = crs.axis_info[0].unit_conversion_factor
    if crs.is_geographic:
        unit *= EARTH_KM * 1000.0
        wide *= max(math.cos(math.radians((south + north) / 2)), 0.05)
    return wide * unit / 1000.0, high * unit / 1000.0


def places(rasters: Mapping[str, RunRaster]) -> dict[str, Spot]:
    """One frame for all maps: of one extent where they have one CRS, else of one scale."""
    if not rasters:
        return {}
    boxes = {name: raster.bounds for name, raster in rasters.items()}
    if len({raster.crs.to_wkt() for raster in rasters.values()}) == 1:
        sides = list(zip(*boxes.values(), strict=True))
        box = min(sides[0]), min(sides[1]), max(sides[2]), max(sides[3])
        crs = next(iter(rasters.values())).crs
        wide, high = ground_size(box, crs)
        per_x, per_y = wide / (box[2] - box[0]), high / (box[3] - box[1])
        largest = CIRCLE * max(wide, high)
        return {
            name: Spot(wide, high, own[0], own[3], (own[0] - box[0]) * per_x,
                        (box[3] - own[3]) * per_y, per_x, per_y, largest)
            for name, own in boxes.items()
        }  # fmt: skip
    sizes = {name: ground_size(boxes[name], raster.crs) for name, raster in rasters.items()}
    wide, high = (max(size[side] for size in sizes.values()) for side in (0, 1))
    found = {}
    largest = CIRCLE * max(wide, high)
    for name, (own_wide, own_high) in sizes.items():
        west, south, east, north = boxes[name]
        corner = (wide - own_wide) / 2, (high - own_high) / 2
        per = own_wide / (east - west), own_high / (north - south)
        found[name] = Spot(wide, high, west, north, *corner, *per, largest)
    return found


def with_room(
    spots: Mapping[str, Spot],
    drawn: Iterable[tuple[Spot, gpd.GeoSeries, Iterable[float]]],
    most: float,
) -> dict[str, Spot]:
    """The common frame, as much larger as the circles reach beyond it: none may be cut.

    Parameters
    ----------
    spots : mapping
        Of all maps, as of :func:`places`.
    drawn : iterable of (Spot, GeoSeries, sizes)
        Middles of circles and their tonnes, with the map on which they stand [t/yr].
    most : float
        Tonnes of the largest circle of all maps [t/yr].
    """
    left = top = right = low = 0.0
    for spot, points, tonnes in drawn:
        for a, b, size in zip(*spot.at(points), tonnes, strict=True):
            if size < DRAWN * most:
                continue
            reach = radius(spot, size, most) + EDGE * spot.largest
            left, right = max(left, reach - a), max(right, a + reach - spot.wide)
            top, low = max(top, reach - b), max(low, b + reach - spot.high)
    return {
        name: replace(
            spot, wide=spot.wide + left + right, high=spot.high + top + low,
            x_km=spot.x_km + left, y_km=spot.y_km + top,
        )
        for name, spot in spots.items()
    }  # fmt: skip


def radius(place: Spot, size: float, most: float) -> float:
    """Radius of a circle in its frame: the area is the tonnes, down to a dot [km]."""
    return place.largest * max(math.sqrt(size / most), LEAST)

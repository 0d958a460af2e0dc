"""Whether areas and lengths on a grid are those of the ground (rule 1)."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.crs import transformer
from cdrsite.core.errors import CdrsiteWarning, ConfigError, message

if TYPE_CHECKING:
    from pyproj import CRS

AREA_TOLERANCE = 0.02
"""Areas may be off by this part; equal-area systems have none, those of surveys far less."""
LENGTH_TOLERANCE = 0.05
"""Lengths may be off by this part where another map would do better."""
WIDE_TOLERANCE = 0.1
"""Lengths may be off by this part before it is said: no flat map of a continent has all true."""
SIDE_POINTS = 9
"""Points along each side of a region where the map is compared with the ground."""

Bounds = tuple[float, float, float, float]


def scales(crs: CRS, bounds: Bounds) -> tuple[float, float]:
    """Farthest that areas and lengths on a map are from those of the ground.

    Parameters
    ----------
    crs : CRS
        A projected system.
    bounds : tuple of float
        West, south, east, north [units of the CRS].

    Returns
    -------
    area, length : float
        Map over ground, of the two ways to be wrong the worse one [1]; 1 is true.

    Notes
    -----
    Tissot's indicatrix, from PROJ.
    """
    from pyproj import Proj

    geodetic = crs.geodetic_crs
    assert geodetic is not None  # noqa: S101 - every projected system has one
    west, south, east, north = bounds
    side = np.linspace(0, 1, SIDE_POINTS)
    x, y = np.meshgrid(west + side * (east - west), south + side * (north - south))
    lon, lat = transformer(crs.to_wkt(), geodetic.to_wkt()).transform(x.ravel(), y.ravel())
    good = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lat) < 90)
    if not good.any():
        return 1.0, 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyproj's, of what a PROJ string cannot say
        found = Proj(crs).get_factors(lon[good], lat[good], errcheck=False)
    lengths = np.concatenate([found.tissot_semimajor, found.tissot_semiminor], axis=None)
    return _worst(np.ravel(found.areal_scale)), _worst(lengths)


def _worst(values: np.ndarray) -> float:
    values = values[np.isfinite(values) & (values > 0)]
    return float(values[np.argmax(np.abs(np.log(values)))]) if values.size else 1.0


def _off(scale: float) -> float:
    return max(scale, 1 / scale) - 1


def require_true(crs: CRS, bounds: Bounds, automatic: tuple[CRS, Bounds] | None) -> None:
    """Refuse a grid on which areas or lengths are not those of the ground.

    Parameters
    ----------
    crs : CRS
        Of the grid; on one of degrees areas and lengths are the ellipsoid's.
    bounds : tuple of float
        Of the region [units of the CRS].
    automatic : tuple or None
        The CRS that ``grid.crs: auto`` would choose, and the region's bounds in it; None where it
        was chosen so.

    Raises
    ------
    ConfigError
        Areas are off by more than 2 %, or lengths by more than 5 % where another CRS has less than
        half of that.

    Warns
    -----
    CdrsiteWarning
        Lengths are off by more than 10 %.
    """
    if not crs.is_projected:
        return
    area, length = scales(crs, bounds)
    told = f"{crs.name}, which draws 1 km² of ground as {area:.3g} km² and 1 km as {length:.3g} km"
    better = automatic is not None and _off(scales(*automatic)[1]) < _off(length) / 2
    if _off(area) > AREA_TOLERANCE or (_off(length) > LENGTH_TOLERANCE and better):
        raise ConfigError(
            "areas and lengths on this grid are not those of the ground",
            where="grid.crs",
            got=told + " in the region",
            expected="a system that is true there: equal-area, or a national one",
            cure="grid.crs: auto",
            rule=1,
        )
    if _off(length) > WIDE_TOLERANCE:
        warnings.warn(
            message(
                "the region is wide: no flat map of it has true lengths, so distances, buffers and "
                "routes are off in places; areas are true",
                where="grid.crs",
                got=told + " at worst",
                cure="study its parts one by one, or choose a grid.crs in degrees, on which "
                "lengths are those of the ellipsoid",
                rule=1,
            ),
            CdrsiteWarning,
            stacklevel=2,
        )

"""The analysis grid: one CRS, one affine transform, one shape, true cell areas (rule 1)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine

from cdrsite.core.errors import GridError
from cdrsite.core.plaindata import recorded

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyproj import CRS

LARGEST_CELL = 1e9
"""Size of a cell [CRS units], far beyond the globe: the areas of larger ones are no numbers."""
DEFAULT_BLOCK = 1024
"""Rows and columns of a processing block [cells]."""


@recorded
@dataclass(frozen=True)
class Block:
    """A window of the grid, rows ``row0:row1`` and columns ``col0:col1``."""

    row0: int
    row1: int
    col0: int
    col1: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the window [cells]."""
        return self.row1 - self.row0, self.col1 - self.col0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the window in a whole-grid array."""
        return slice(self.row0, self.row1), slice(self.col0, self.col1)


@dataclass(frozen=True)
class AnalysisGrid:
    """A north-up grid on which every array after ``layers/`` lives.

    Parameters
    ----------
    wkt : str
        Coordinate reference system as WKT2.
    west, north : float
        Outer corner [CRS units].
    resolution : float
        Cell size, square cells [CRS units].
    rows, cols : int
        Shape [cells].

    Raises
    ------
    GridError
        If the shape or the resolution is not positive.
    """

    wkt: str
    west: float
    north: float
    resolution: float
    rows: int
    cols: int

    def __post_init__(self) -> None:
        """Refuse grids without cells."""
        if self.rows < 1 or self.cols < 1:
            raise GridError(
                "the grid has no cells",
                got=f"{self.rows} rows x {self.cols} columns",
                cure="give a larger region or a finer resolution",
                rule=1,
            )
        if not 0 < self.resolution <= LARGEST_CELL:
            raise GridError(
                "the resolution is not a positive number",
                got=self.resolution,
                expected=f"a cell of at most {LARGEST_CELL:g} units of the CRS",
                rule=1,
            )

    @classmethod
    def from_bounds(
        cls,
        crs: Any,
        bounds: tuple[float, float, float, float],
        resolution: float,
        *,
        snap: tuple[float, float] | None = (0.0, 0.0),
    ) -> AnalysisGrid:
        """Cover ``bounds`` with whole cells.

        Parameters
        ----------
        crs : anything pyproj understands
            Coordinate reference system.
        bounds : tuple of float
            West, south, east, north [CRS units].
        resolution : float
            Cell size [CRS units].
        snap : tuple of float or None
            A point (x, y) that a cell corner falls on, so that two studies share their cells;
            None puts the corner on the bounds' own north-west.

        Returns
        -------
        AnalysisGrid
            The smallest grid on the snapped lattice that covers the bounds.

        Raises
        ------
        GridError
            If the bounds are empty or the resolution is not positive.
        """
        from pyproj import CRS

        west, south, east, north = bounds
        if not all(map(math.isfinite, bounds)) or east <= west or north <= south:
            raise GridError(
                "the bounds are empty", got=bounds, expected="west < east, south < north"
            )
        if not (math.isfinite(resolution) and resolution > 0):
            raise GridError("the resolution is not a positive number", got=resolution, rule=1)
        # a bound that misses a lattice line by rounding noise is on it
        noise = 1e-6
        x0, y0 = snap if snap is not None else (west, north)
        left = x0 + math.floor((west - x0) / resolution + noise) * resolution
        top = y0 + math.ceil((north - y0) / resolution - noise) * resolution
        cols = max(1, math.ceil((east - left) / resolution - noise))
        rows = max(1, math.ceil((top - south) / resolution - noise))
        return cls(CRS.from_user_input(crs).to_wkt(), left, top, float(resolution), rows, cols)

    @cached_property
    def crs(self) -> CRS:
        """The coordinate reference system."""
        from pyproj import CRS

        return CRS.from_wkt(self.wkt)

    @property
    def transform(self) -> Affine:
        """Affine transform from (column, row) to (x, y) of the cell's north-west corner."""
        return Affine(self.resolution, 0.0, self.west, 0.0, -self.resolution, self.north)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns [cells]."""
        return self.rows, self.cols

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.rows * self.cols

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the outer edges [CRS units]."""
        return (
            self.west,
            self.north - self.rows * self.resolution,
            self.west + self.cols * self.resolution,
            self.north,
        )

    @property
    def is_geographic(self) -> bool:
        """Whether the coordinates are longitude and latitude."""
        return bool(self.crs.is_geographic)

    @cached_property
    def x(self) -> NDArray[np.float64]:
        """Cell-centre x, west to east, shape (cols,) [CRS units]."""
        return np.asarray(self.west + (np.arange(self.cols) + 0.5) * self.resolution, np.float64)

    @cached_property
    def y(self) -> NDArray[np.float64]:
        """Cell-centre y, north to south, shape (rows,) [CRS units]."""
        return np.asarray(self.north - (np.arange(self.rows) + 0.5) * self.resolution, np.float64)

    @cached_property
    def unit_metres(self) -> float:
        """Length of one CRS unit [m]; 1 for a metric CRS, NaN for a geographic one."""
        if self.is_geographic:
            return math.nan
        return float(self.crs.axis_info[0].unit_conversion_factor)

    @cached_property
    def row_areas(self) -> NDArray[np.float64]:
        """True area of one cell in each row, shape (rows,) [m2].

        On a geographic CRS the area on the ellipsoid, row by row (rule 1); otherwise the planar
        area, which is true on the equal-area grids that cdrsite chooses.
        """
        if not self.is_geographic:
            return np.full(self.rows, (self.resolution * self.unit_metres) ** 2)
        edges = np.asarray(self.north - np.arange(self.rows + 1) * self.resolution, np.float64)
        zone = ellipsoid_zone_area(self.crs, edges)
        return np.abs(np.diff(zone)) * math.radians(self.resolution)

    @cached_property
    def row_steps_m(self) -> tuple[NDArray[np.float64], float]:
        """True ground distance between neighbouring cell centres [m].

        Returns
        -------
        tuple
            East-west step of each row, shape (rows,), and the north-south step.
        """
        if not self.is_geographic:
            step = self.resolution * self.unit_metres
            return np.full(self.rows, step), step
        geod = self.crs.get_geod()
        if geod is None:
            raise GridError("the CRS has no ellipsoid", got=self.crs.name, rule=1)
        lat = self.y
        zero = np.zeros_like(lat)
        _, _, east = geod.inv(zero, lat, zero + self.resolution, lat)
        middle = float(lat[self.rows // 2])
        _, _, north = geod.inv(0.0, middle - self.resolution / 2, 0.0, middle + self.resolution / 2)
        return np.asarray(east), float(north)

    def block_areas(self, block: Block) -> NDArray[np.float32]:
        """Cell areas of a block, shape (block rows, 1), ready to broadcast [m2]."""
        return self.row_areas[block.row0 : block.row1, None].astype(np.float32)

    def blocks(self, size: int = DEFAULT_BLOCK) -> Iterator[Block]:
        """Cut the grid into aligned blocks, row-major; the last ones may be smaller."""
        for row in range(0, self.rows, size):
            for col in range(0, self.cols, size):
                yield Block(row, min(row + size, self.rows), col, min(col + size, self.cols))

    def index(self, x: float, y: float) -> tuple[int, int]:
        """Row and column of the cell that holds (x, y) in CRS units.

        Raises
        ------
        GridError
            If the point lies outside the grid.
        """
        col = math.floor((x - self.west) / self.resolution)
        row = math.floor((self.north - y) / self.resolution)
        if not (0 <= row < self.rows and 0 <= col < self.cols):
            raise GridError(
                "the point lies outside the grid",
                got=f"x={x:g}, y={y:g}",
                expected="inside west={:g}, south={:g}, east={:g}, north={:g}".format(*self.bounds),
            )
        return row, col

    def describe(self) -> dict[str, Any]:
        """The grid as plain values, for the manifest."""
        return {
            "crs": authority_code(self.wkt) or self.wkt,
            "west": self.west,
            "north": self.north,
            "resolution": self.resolution,
            "rows": self.rows,
            "cols": self.cols,
        }


@cache
def authority_code(wkt: str) -> str:
    """Code of a CRS such as "EPSG:3035"; "" if it has none.

    Kept: looking through the whole register for a CRS that is not in it takes PROJ 0.2 s.
    """
    from pyproj import CRS

    found = CRS.from_wkt(wkt).to_authority(min_confidence=100)
    return ":".join(found) if found else ""


def ellipsoid_zone_area(crs: CRS, latitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area between the equator and a latitude, per radian of longitude, on the ellipsoid.

    Parameters
    ----------
    crs : CRS
        Its ellipsoid is used.
    latitude : ndarray, shape (n,)
        Geodetic latitude [degree].

    Returns
    -------
    ndarray, shape (n,)
        Signed area [m2 rad-1].

    Notes
    -----
    Snyder (1987), Map Projections: A Working Manual, USGS Professional Paper 1395, eq. 3-12
    (the authalic function q, times a**2 / 2).
    """
    ellipsoid = crs.ellipsoid
    if ellipsoid is None:
        raise GridError("the CRS has no ellipsoid", got=crs.name, rule=1)
    a, b = ellipsoid.semi_major_metre, ellipsoid.semi_minor_metre
    e2 = 1.0 - (b / a) ** 2
    sin = np.sin(np.radians(latitude))
    if e2 < 1e-12:
        return a * a * sin
    e = math.sqrt(e2)
    q = (1 - e2) * (sin / (1 - e2 * sin**2) + np.arctanh(e * sin) / e)
    return a * a / 2 * q


def require_same_grid(expected: AnalysisGrid, got: AnalysisGrid, where: str) -> None:
    """Refuse two different grids; nothing is silently resampled (rule 1).

    Raises
    ------
    GridError
        If the grids differ.
    """
    if expected != got:
        raise GridError(
            "the data are not on the analysis grid",
            where=where,
            got=got.describe(),
            expected=expected.describe(),
            cure="bring the data in through a layer, which harmonises it",
            rule=1,
        )


def equal_area_crs(bounds_lonlat: tuple[float, float, float, float]) -> CRS:
    """Choose an equal-area CRS for a region.

    Parameters
    ----------
    bounds_lonlat : tuple of float
        West, south, east, north [degree], WGS 84.

    Returns
    -------
    CRS
        Lambert azimuthal equal-area centred on the region for regions up to 20 degrees wide,
        Albers with standard parallels at one sixth and five sixths of the latitude range for wider
        mid-latitude ones (Snyder 1987, p. 99), the azimuthal one about the pole for regions over
        half of its parallels, and the cylindrical EPSG:6933 for regions that cross the equator with
        over 60 degrees of longitude; turned about the axis where they cross the meridian of 180
        degrees.
    """
    from pyproj import CRS
    from pyproj.crs import ProjectedCRS
    from pyproj.crs.coordinate_operation import (
        AlbersEqualAreaConversion,
        LambertAzimuthalEqualAreaConversion,
        LambertCylindricalEqualAreaConversion,
    )

    west, south, east, north = bounds_lonlat
    lon, lat = round((west + east) / 2, 1), round((south + north) / 2, 1)
    width, height = east - west, north - south
    if width > 60 and south < 0 < north:
        if west >= -180 and east <= 180:
            return CRS.from_epsg(6933)
        # the same cylinder, turned so that its seam lies outside the region
        cylinder = LambertCylindricalEqualAreaConversion(30, lon)
        return ProjectedCRS(cylinder, name=f"Lambert cylindrical equal area, 30, {lon:g}")
    if width > 180:
        pole = math.copysign(90.0, south + north)
        lambert = LambertAzimuthalEqualAreaConversion(pole, lon)
        return ProjectedCRS(lambert, name=f"Lambert azimuthal equal area, {pole:g}, {lon:g}")
    if width > 20 and height < 60 and south * north > 0:
        low, high = round(south + height / 6, 1), round(north - height / 6, 1)
        albers = AlbersEqualAreaConversion(low, high, lat, lon)
        return ProjectedCRS(albers, name=f"Albers equal area, {low:g} and {high:g}, {lon:g}")
    lambert = LambertAzimuthalEqualAreaConversion(lat, lon)
    return ProjectedCRS(lambert, name=f"Lambert azimuthal equal area, {lat:g}, {lon:g}")

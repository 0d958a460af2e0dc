"""The region under study and the one grid that covers it (rule 1)."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.crs import LONLAT, parse_crs, transformer
from cdrsite.core.errors import CdrsiteWarning, ConfigError, DataError, GridError, UnitError
from cdrsite.core.grid import AnalysisGrid, Block, equal_area_crs
from cdrsite.core.units import parse_quantity
from cdrsite.layers.coverage import Rings, rings_of
from cdrsite.layers.datums import warn_of_datum
from cdrsite.layers.featurefiles import read_vector
from cdrsite.layers.guard import reading
from cdrsite.layers.projecting import (
    EDGE_TOLERANCE,
    METRES_A_DEGREE,
    degrees_of,
    geodetic_wkt,
    projected,
)
from cdrsite.layers.seam import centred_longitudes, turned
from cdrsite.layers.shapes import Repairs, clean, joined, parts_of, polygonal, workable
from cdrsite.layers.truth import require_true
from cdrsite.layers.where import select

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyproj import CRS

    from cdrsite.config.models import GridModel, Region

BOUNDARY_CURE = "add region.crs: EPSG:..., after asking whoever made the file"
"""What to do about a boundary without a coordinate system."""
AUTO_RESOLUTION = 1e5
"""How finely a region is drawn only to see how true a map of it would be [m]."""
POLYGON = 3
"""Shapely's number of a polygon."""


@dataclass(frozen=True)
class StudyArea:
    """The grid and the region's outline in its CRS.

    Attributes
    ----------
    grid : AnalysisGrid
        The one grid.
    geometry : shapely geometry
        Polygon or MultiPolygon of the region [CRS units of the grid].
    """

    grid: AnalysisGrid
    geometry: Any
    _rings: Rings = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Prepare the outline for the kernel."""
        object.__setattr__(self, "_rings", rings_of([self.geometry], self.grid))

    def inside(self, block: Block) -> NDArray[np.bool_]:
        """Cells of a block whose centre lies in the region, shape of the block."""
        return self._rings.centres(block)


def build_grid(region: Region, grid: GridModel) -> StudyArea:
    """Choose the CRS, snap the grid and project the region.

    Parameters
    ----------
    region : Region
        Boundary file or bounds.
    grid : GridModel
        CRS, resolution, snapping and the greatest number of cells.

    Returns
    -------
    StudyArea
        Grid and outline.

    Raises
    ------
    MissingFileError, DataError
        If the boundary is missing, has no CRS, or holds no polygon.
    ConfigError
        If a CRS is unknown, or the resolution does not fit it.
    GridError
        If the grid would have more cells than ``grid.max_cells``.
    """
    margin = grid.margin
    if margin == "auto":
        raise ConfigError(
            "a grid alone does not know how far it must reach",
            where="grid.margin",
            got="auto, which is for a study with storage",
            expected="a length, e.g. 200 km",
        )
    shapes, crs, where = _outline(region)
    repairs = Repairs()
    with workable(where):
        shapes = clean(shapes, repairs, crs)
        if repairs.lost:
            raise DataError(
                "coordinates that are no numbers",
                where=where,
                got=f"{repairs.lost} of {len(shapes)} features",
                cure="correct or remove them",
                rule=7,
            )
        with reading("region", "no place on Earth", "check the region and its CRS"):
            target, interval = _target_crs(shapes, crs, grid.crs)
        resolution = parse_resolution(grid.resolution, target)
        with reading("grid.crs", "the region cannot be projected", "choose another grid.crs"):
            geometry = _project(shapes, crs, target, interval, resolution, where, repairs)
    for text in repairs.sentences():
        warnings.warn(f"{where}: {text}", CdrsiteWarning, stacklevel=2)
    bounds = _widened(geometry.bounds, margin, target)
    chosen = None
    if grid.crs != "auto" and target.is_projected:
        auto, around = _target_crs(shapes, crs, "auto")
        flat = _project(shapes, crs, auto, around, AUTO_RESOLUTION, where, Repairs())
        chosen = auto, _widened(flat.bounds, margin, auto)
    require_true(target, bounds, chosen)
    _require_moderate(bounds, resolution, grid)
    snap = None if grid.snap == "region" else grid.snap
    made = AnalysisGrid.from_bounds(target, bounds, resolution, snap=snap)
    warn_of_datum(crs.to_wkt(), made, where)
    return StudyArea(made, geometry)


def _widened(
    bounds: tuple[float, float, float, float], margin: float, crs: CRS
) -> tuple[float, float, float, float]:
    """Bounds [CRS units] that reach farther on every side by a margin [m]."""
    west, south, east, north = bounds
    if margin == 0:
        return bounds
    if not crs.is_geographic:
        side = margin / float(crs.axis_info[0].unit_conversion_factor)
        return west - side, south - side, east + side, north + side
    up = margin / METRES_A_DEGREE
    south, north = max(-90.0, south - up), min(90.0, north + up)
    widest = math.cos(math.radians(min(max(abs(south), abs(north)), 89.0)))
    side = min(up / widest, max(0.0, (360 - (east - west)) / 2))
    return west - side, south, east + side, north


def _require_moderate(
    bounds: tuple[float, float, float, float], resolution: float, grid: GridModel
) -> None:
    """Refuse a grid of more cells than allowed.

    Raises
    ------
    GridError
        Says how many there would be.
    """
    cells = math.ceil((bounds[2] - bounds[0]) / resolution) * math.ceil(
        (bounds[3] - bounds[1]) / resolution
    )
    if cells > grid.max_cells:
        raise GridError(
            "the grid would have too many cells",
            where="grid.resolution",
            got=f"{cells:,} cells at {grid.resolution}"
            + (f" with a margin of {float(grid.margin) / 1000:g} km" if grid.margin else ""),
            expected=f"at most {grid.max_cells:,}",
            cure="give a coarser resolution or a smaller region, or raise grid.max_cells",
            rule=1,
        )


def parse_resolution(value: float | str, crs: CRS) -> float:
    """Cell size in units of the CRS.

    A bare number is in units of the CRS. Degrees on a metric CRS, metres on a geographic one, and
    numbers that can only be such a mix-up are refused.

    Raises
    ------
    ConfigError
        If the text has no length or angle, or does not fit the CRS.
    """
    where = "grid.resolution"
    if isinstance(value, str):
        number, unit = _split(value, where)
    else:
        number, unit = float(value), ""
    if not (math.isfinite(number) and number > 0):
        raise ConfigError("not a positive cell size", where=where, got=repr(value), rule=1)
    geographic = bool(crs.is_geographic)
    angle = unit.lower() in {"deg", "degree", "degrees", "°", "arcsec", "arcsecond", "arcmin", '"'}
    if unit and angle != geographic:
        raise ConfigError(
            "the resolution does not fit the CRS",
            where=where,
            got=f"{value!r} on {crs.name}",
            expected="degrees, e.g. 0.01 degree" if geographic else "a length, e.g. 1 km",
            cure="change grid.resolution, or grid.crs (auto chooses a metric equal-area one)",
            rule=1,
        )
    if geographic:
        size = _quantity(value, "degree", where) if unit else number
        if not unit and size > 10:
            raise _mixed_up(value, crs, "degrees below 10", "write 0.01, or choose a metric CRS")
        return size
    metre = float(crs.axis_info[0].unit_conversion_factor)
    size = _quantity(value, "m", where) / metre if unit else number
    if size * metre < 1:
        raise _mixed_up(
            value, crs, "metres, at least 1", "degrees are meant? write '1 km', or set grid.crs"
        )
    return size


def _quantity(value: float | str, unit: str, where: str) -> float:
    try:
        return parse_quantity(value, unit)
    except UnitError as error:
        raise UnitError(f"{where}: {error}") from error


def _split(value: str, where: str) -> tuple[float, str]:
    from cdrsite.core.units import split_number

    try:
        return split_number(value)
    except ValueError as error:
        raise ConfigError(
            "not a cell size", where=where, got=repr(value), expected="e.g. 1 km"
        ) from (error)


def _mixed_up(value: object, crs: CRS, expected: str, cure: str) -> ConfigError:
    return ConfigError(
        "the resolution does not fit the CRS: degrees and metres are mixed up",
        where="grid.resolution",
        got=f"{value!r} on {crs.name}",
        expected=expected,
        cure=cure,
        rule=1,
    )


def _outline(region: Region) -> tuple[NDArray[Any], CRS, str]:
    """The region's shapes in their own CRS, and where they come from."""
    import shapely

    if region.bounds is not None:
        crs = parse_crs(region.crs, "region.crs")
        if not crs.is_geographic and max(map(abs, region.bounds)) <= 360:
            raise ConfigError(
                "the region's bounds look like degrees, and its CRS has metres",
                where="region.bounds",
                got=f"{list(region.bounds)} in {crs.name}",
                cure="set region.crs: EPSG:4326, or give the bounds in metres",
                rule=1,
            )
        west, south, east, north = region.bounds
        if crs.is_geographic and east - west == 360:
            west, east = -180.0, 180.0  # the same belt, without a seam inside
        if crs.is_geographic and east < west:
            east += 360.0  # over the 180th meridian, as GeoJSON's bounding boxes say it
        return np.array([shapely.box(west, south, east, north)], dtype=object), crs, "region.bounds"
    assert region.boundary is not None  # noqa: S101 - the model guarantees one of the two
    where = f"region.boundary ({region.boundary})"
    given = region.crs if "crs" in region.model_fields_set else None
    frame = read_vector(
        region.boundary,
        where,
        layer=region.layer,
        crs=given,
        encoding=region.encoding,
        crs_cure=BOUNDARY_CURE,
    )
    if region.where is not None:
        frame = frame[select(frame, region.where, where)]
    shapes = frame.geometry.to_numpy()
    kinds = shapely.get_type_id(parts_of(shapes[~shapely.is_missing(shapes)])[0])
    if not (kinds == POLYGON).any():
        raise DataError(
            "empty region",
            where=where,
            got=f"{len(frame)} features without an area"
            + (f" for where {region.where!r}" if region.where else ""),
            expected="polygons",
            cure="check the file, region.layer and region.where",
            rule=7,
        )
    return shapes, frame.crs, where


def _target_crs(
    shapes: NDArray[Any], crs: CRS, wanted: str
) -> tuple[CRS, tuple[float, float] | None]:
    """The grid's CRS, and the interval of longitude that holds a region given in degrees."""
    import shapely

    interval = centred_longitudes(shapes) if crs.is_geographic else None
    if wanted != "auto":
        target = parse_crs(wanted, "grid.crs")
        if not (target.is_projected or target.is_geographic):
            raise ConfigError("not a horizontal CRS", where="grid.crs", got=target.name, rule=1)
        return target, interval
    west, south, east, north = shapely.total_bounds(shapes)
    if interval is not None:
        return equal_area_crs((interval[0], south, interval[1], north)), interval
    geodetic = transformer(crs.srs, LONLAT)
    west, south, east, north = geodetic.transform_bounds(west, south, east, north, densify_pts=21)
    if east < west:
        east += 360.0  # over the 180th meridian
    return equal_area_crs((west, south, east, north)), interval


def _project(
    shapes: NDArray[Any],
    crs: CRS,
    target: CRS,
    interval: tuple[float, float] | None,
    resolution: float,
    where: str,
    repairs: Repairs,
) -> Any:
    """The region's polygon on the grid; edges follow the curves that they stand for."""
    if interval is not None:
        middle = (interval[0] + interval[1]) / 2
        shapes = turned(shapes, middle - 180.0, middle + 180.0)
    wkt, source = target.to_wkt(), crs.to_wkt()
    tolerance = EDGE_TOLERANCE * resolution
    lost = repairs.lost
    if interval is None and target.is_geographic:
        shapes = degrees_of(shapes, source, tolerance, repairs)
        source = geodetic_wkt(crs)
    moved = projected(shapes, source, wkt, tolerance, repairs, where)
    geometry = polygonal(joined([polygonal(one) for one in moved]))
    if repairs.lost > lost or geometry.is_empty:
        raise GridError(
            "the region cannot be projected",
            where="grid.crs",
            got=target.name,
            cure="choose a CRS that is defined there, or leave grid.crs: auto",
            rule=1,
        )
    return geometry

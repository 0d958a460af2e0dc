"""The region under study and the one grid that covers it (rule 1)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import ConfigError, DataError, GridError, UnitError
from cdrsite.core.grid import AnalysisGrid, Block, equal_area_crs
from cdrsite.core.units import parse_quantity
from cdrsite.layers.coverage import Rings, rings_of
from cdrsite.layers.guard import reading
from cdrsite.layers.shapes import polygonal, sound, workable

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray
    from pyproj import CRS

    from cdrsite.config.models import GridModel, Region

BOUNDARY_CURE = "add region.crs: EPSG:..., after asking whoever made the file"
"""What to do about a boundary without a coordinate system."""
EDGE_POINTS = 64
"""Points added to each side of a rectangle before it is projected, so that it stays one."""


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
    shape, crs = _outline(region)
    target = _target_crs(shape, crs, grid.crs)
    geometry = _project(shape, crs, target)
    resolution = parse_resolution(grid.resolution, target)
    bounds = geometry.bounds
    cells = math.ceil((bounds[2] - bounds[0]) / resolution) * math.ceil(
        (bounds[3] - bounds[1]) / resolution
    )
    if cells > grid.max_cells:
        raise GridError(
            "the grid would have too many cells",
            where="grid.resolution",
            got=f"{cells:,} cells at {grid.resolution}",
            expected=f"at most {grid.max_cells:,}",
            cure="give a coarser resolution or a smaller region, or raise grid.max_cells",
            rule=1,
        )
    snap = None if grid.snap == "region" else grid.snap
    return StudyArea(
        AnalysisGrid.from_bounds(target, bounds, resolution, snap=snap),
        geometry,
    )


def parse_crs(text: str, where: str) -> CRS:
    """Turn a text such as ``EPSG:3035`` into a CRS.

    Raises
    ------
    ConfigError
        If PROJ does not know it.
    """
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        return CRS.from_user_input(text)
    except CRSError as error:
        raise ConfigError(
            "unknown coordinate system",
            where=where,
            got=repr(text),
            expected="an EPSG code such as EPSG:3035, or WKT",
            cure="look the code up at epsg.org",
            rule=1,
        ) from error


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


def _outline(region: Region) -> tuple[Any, CRS]:
    """The region's polygon in its own CRS."""
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
        box = shapely.box(west, south, east, north)
        side = max(east - west, north - south)
        return shapely.segmentize(box, side / EDGE_POINTS), crs
    from cdrsite.layers.sources import read_vector

    assert region.boundary is not None  # noqa: S101 - the model guarantees one of the two
    where = f"region.boundary ({region.boundary})"
    given = region.crs if "crs" in region.model_fields_set else None
    frame = read_vector(
        region.boundary, where, layer=region.layer, crs=given, crs_cure=BOUNDARY_CURE
    )
    if region.where is not None:
        from cdrsite.layers.where import select

        frame = frame[select(frame, region.where, where)]
    merged = shapely.Polygon()
    if len(frame):
        with workable(where):
            merged = polygonal(shapely.union_all(_valid(frame, where)))
    if merged.is_empty:
        raise DataError(
            "empty region",
            where=where,
            got=f"{len(frame)} features without an area"
            + (f" for where {region.where!r}" if region.where else ""),
            expected="polygons",
            cure="check the file, region.layer and region.where",
            rule=7,
        )
    return merged, frame.crs


def _valid(frame: gpd.GeoDataFrame, where: str) -> NDArray[Any]:
    """The shapes of a boundary file, made sound; lines and points stay."""
    import shapely

    shapes, away, _ = sound(frame.geometry.to_numpy())
    if away:
        raise DataError(
            "coordinates that are no numbers",
            where=where,
            got=f"{away} of {len(shapes)} features",
            cure="correct or remove them",
            rule=7,
        )
    return np.asarray(shapely.make_valid(shapes))


def _target_crs(shape: Any, crs: CRS, wanted: str) -> CRS:
    from pyproj import CRS, Transformer

    if wanted != "auto":
        target = parse_crs(wanted, "grid.crs")
        if not (target.is_projected or target.is_geographic):
            raise ConfigError("not a horizontal CRS", where="grid.crs", got=target.name, rule=1)
        return target
    west, south, east, north = shape.bounds
    with reading("region", "no place on Earth", "check the region and its CRS"):
        geodetic = Transformer.from_crs(crs, CRS.from_epsg(4326), always_xy=True)
        lonlat = geodetic.transform_bounds(west, south, east, north, densify_pts=21)
        return equal_area_crs(lonlat)


def _project(shape: Any, crs: CRS, target: CRS) -> Any:
    import shapely
    from pyproj import Transformer

    with reading("grid.crs", "the region cannot be projected", "choose another grid.crs"):
        transform = Transformer.from_crs(crs, target, always_xy=True).transform
    moved = shapely.transform(shape, lambda xy: np.column_stack(transform(xy[:, 0], xy[:, 1])))
    if not np.isfinite(shapely.get_coordinates(moved)).all() or moved.is_empty:
        raise GridError(
            "the region cannot be projected",
            where="grid.crs",
            got=target.name,
            cure="choose a CRS that is defined there, or leave grid.crs: auto",
            rule=1,
        )
    return polygonal(shapely.make_valid(moved))

"""A first look at a layer: whether it fits the region and what its preset says (rule 7)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.crs import transformer
from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.core.grid import Block
from cdrsite.layers.harmonise import Window, windows
from cdrsite.layers.projecting import EDGE_TOLERANCE, METRES_A_DEGREE, degrees_of
from cdrsite.layers.shapes import Repairs
from cdrsite.layers.sources import HUGE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.layers.presets import Resolved
    from cdrsite.layers.region import StudyArea
    from cdrsite.layers.sources import RasterSource

LOOK_PIXELS = 4_000_000
"""Of a larger window a part is read."""

CHEAP_PIXELS = 100_000_000
"""Pixels that are passed over, every so many taken; of more, tiles here and there are read."""

SAMPLES = 200
"""The region is probed at most at this many cell centres per side."""

WARN_BELOW = 0.995
"""A layer known over less of the region than this share warns."""


@dataclass(frozen=True)
class Survey:
    """What a raster holds around the region.

    Attributes
    ----------
    minimum, maximum : float
        Extremes of the stored values that are not nodata.
    share : float
        Share of the region over which the first band is known.
    codes : frozenset of int
        Distinct whole numbers, for class rasters.
    complete : bool
        Whether every pixel was read.
    """

    minimum: float
    maximum: float
    share: float
    codes: frozenset[int] = field(default_factory=frozenset)
    complete: bool = True


def survey(source: RasterSource, file: Resolved, area: StudyArea) -> Survey:
    """Look at a raster around the region; refuse one that cannot be meant.

    Raises
    ------
    DataError
        If it does not overlap the region, is all nodata there, or looks like another dataset than
        its preset.

    Warns
    -----
    CdrsiteWarning
        If it covers part of the region; names the share.
    """
    grid = area.grid
    found = windows(source, grid, Block(0, grid.rows, 0, grid.cols))
    if not found or not _overlaps(source, area):
        raise DataError(
            "the layer does not overlap the region",
            where=source.where,
            got=f"{source.shape[0]} x {source.shape[1]} pixels elsewhere, in {source.crs.name}",
            cure="check its CRS and the region, or download the tiles of this region",
            rule=7,
        )
    look = [piece for window in found for piece in _look(source, window)]
    stored = [np.ma.getdata(values)[~source.unknown(values)] for values, _, _ in look]
    read = sum(_size(window) for _, window, step in look if step == 1)
    complete = read == sum(map(_size, found))
    if not sum(s.size for s in stored):
        raise DataError(
            "the layer is all nodata in the region",
            where=source.where,
            got=f"nodata {', '.join(f'{v:g}' for v in source.nodata) or 'NaN'}",
            cure="check nodata and ignore_file_nodata of the layer, and the region",
            rule=7,
        )
    low = min(float(s.min()) for s in stored if s.size)
    high = max(float(s.max()) for s in stored if s.size)
    _require_moderate(source, low, high)
    _check_preset(file, low, high, source.where)
    share = _share(source, area, look)
    if share < WARN_BELOW:
        warnings.warn(
            f"{source.where}: covers {share:.1%} of the region; the rest is unknown (rule 2)",
            CdrsiteWarning,
            stacklevel=2,
        )
    codes: frozenset[int] = frozenset()
    if file.kind == "class":
        codes = frozenset(int(c) for s in stored for c in np.unique(s))
    return Survey(low, high, share, codes, complete)


def all_codes(source: RasterSource) -> set[int]:
    """Distinct known values of a whole raster, of which a part is read if it is very large."""
    pieces = _look(source, ((0, source.shape[0]), (0, source.shape[1])), 16)
    known = (np.ma.getdata(values)[~source.unknown(values)] for values, _, _ in pieces)
    return {int(c) for values in known for c in np.unique(values)}


def _overlaps(source: RasterSource, area: StudyArea) -> bool:
    """Whether the raster's outline meets the region's."""
    import shapely
    import shapely.affinity

    height, width = source.shape
    t = source.transform
    corners = [(0, 0), (width, 0), (width, height), (0, height)]
    outline = shapely.Polygon(
        [(t.a * c + t.b * r + t.c, t.d * c + t.e * r + t.f) for c, r in corners]
    )
    moved = _in_system_of(source, area)
    shifts = (-360.0, 0.0, 360.0) if source.crs.is_geographic else (0.0,)
    return any(
        shapely.intersects(shapely.affinity.translate(moved, shift), outline)
        and not shapely.touches(shapely.affinity.translate(moved, shift), outline)
        for shift in shifts
    )


def _in_system_of(source: RasterSource, area: StudyArea) -> Any:
    """The region in the raster's system, whole across the 180th meridian."""
    import shapely

    grid = area.grid
    if source.crs.is_geographic and not grid.is_geographic:
        shapes = np.array([area.geometry], dtype=object)
        tolerance = EDGE_TOLERANCE * grid.resolution * grid.unit_metres / METRES_A_DEGREE
        return degrees_of(shapes, grid.wkt, tolerance, Repairs())[0]
    there = transformer(grid.wkt, source.wkt)
    return shapely.make_valid(shapely.transform(area.geometry, there.transform, interleaved=False))


def _require_moderate(source: RasterSource, low: float, high: float) -> None:
    """Refuse values that are no quantity, as undeclared nodata leaves them."""
    ends = [value * source.scale + source.offset for value in (low, high)]
    if max(map(abs, ends)) >= HUGE:
        raise DataError(
            "values beyond all bounds",
            where=source.where,
            got=f"{low:g} to {high:g}",
            expected=f"values below {HUGE:g}",
            cure=f"nodata: {low if abs(ends[0]) >= HUGE else high!r} on the layer if that means "
            "unknown, or correct its scale",
            rule=2,
        )


def _size(window: Window) -> int:
    (row0, row1), (col0, col1) = window
    return (row1 - row0) * (col1 - col0)


def _look(source: RasterSource, window: Window, times: int = 1) -> list[tuple[Any, Window, int]]:
    """The first band of a window as (values, window, step): whole, every so many pixels, or tiles.

    A window without overviews would be passed over whole even if few of its pixels are taken.
    """
    budget, first = LOOK_PIXELS * times, source.bands[:1]
    step = max(1, int(np.ceil(np.sqrt(_size(window) / budget))))
    coarse = max((f for f in source.reader.overviews if f <= step), default=1)
    if _size(window) / coarse**2 <= CHEAP_PIXELS:
        return [(source.read(*window, first, step), window, step)]
    return [
        (source.read(*tile, first), tile, 1) for tile in _tiles(window, source.reader.block, budget)
    ]


def _tiles(window: Window, block: tuple[int, int], budget: int) -> list[Window]:
    """Blocks of a file, evenly spread over a window, with about ``budget`` pixels together."""
    (row0, row1), (col0, col1) = window
    height, width = min(block[0], row1 - row0), min(block[1], col1 - col0, budget)
    if height * width > budget:  # of one huge block, a few pieces
        height = max(1, budget // (8 * width))
    many = (-(-(row1 - row0) // height), -(-(col1 - col0) // width))
    count = max(1, budget // (height * width))
    down = max(1, min(many[0], count, round(np.sqrt(count * many[0] / many[1]))))
    across = max(1, min(many[1], count // down))
    rows = _starts(row0, row1, height, down)
    cols = _starts(col0, col1, width, across)
    return [((r, min(r + height, row1)), (c, min(c + width, col1))) for r in rows for c in cols]


def _starts(first: int, last: int, size: int, count: int) -> list[int]:
    """Evenly spread places where blocks of a file begin, the window's own ends at its edges."""
    blocks = np.linspace(first // size, (last - 1) // size, count).round().astype(int)
    return [max(first, int(b) * size) for b in np.unique(blocks)]


def _check_preset(file: Resolved, low: float, high: float, where: str) -> None:
    preset = file.preset
    finding = preset.mixed_up(low, high) if preset is not None else None
    if preset is None or finding is None:
        return
    raise DataError(
        f"the values do not look like {preset.name}: {finding.reason}",
        where=where,
        got=f"stored values {low:g} to {high:g}",
        expected=f"{preset.valid_range[0]:g} to {preset.valid_range[1]:g}"
        if preset.valid_range
        else preset.title["en"],
        cure=f"preset: {finding.looks_like}" if finding.looks_like else "check the file",
        rule=7,
    )


def _share(source: RasterSource, area: StudyArea, look: list[tuple[Any, Window, int]]) -> float:
    """Share of the region's cells, probed at their centres, where the raster is known."""
    x, y = _probes(area)
    px, py = transformer(area.grid.wkt, source.wkt).transform(x, y)
    known, seen = np.zeros(x.size, bool), np.zeros(x.size, bool)
    inverse = ~source.transform
    shifts = (-360.0, 0.0, 360.0) if source.crs.is_geographic else (0.0,)
    with np.errstate(invalid="ignore"):
        places = [
            (
                np.floor(inverse.d * (px + shift) + inverse.e * py + inverse.f),
                np.floor(inverse.a * (px + shift) + inverse.b * py + inverse.c),
            )
            for shift in shifts
        ]
    for values, (rows, cols), step in look:
        good = ~source.unknown(values)[0]
        for row, col in places:
            here = (col >= cols[0]) & (col < cols[1]) & (row >= rows[0]) & (row < rows[1])
            i = np.minimum((row[here] - rows[0]).astype(int) // step, good.shape[0] - 1)
            j = np.minimum((col[here] - cols[0]).astype(int) // step, good.shape[1] - 1)
            known[here] |= good[i, j]
            seen |= here
    height, width = source.shape
    within = np.zeros(x.size, bool)
    for row, col in places:
        within |= (row >= 0) & (row < height) & (col >= 0) & (col < width)
    # where nothing was looked at nothing is known of it, and the others stand for it
    looked = within & seen
    share = known[looked].mean() if looked.any() else 1.0
    return float(share * within.mean())


def _probes(area: StudyArea) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres of evenly spaced cells inside the region."""
    import shapely

    grid = area.grid
    rows = np.unique(np.linspace(0, grid.rows - 1, SAMPLES).round().astype(int))
    cols = np.unique(np.linspace(0, grid.cols - 1, SAMPLES).round().astype(int))
    xx, yy = (a.ravel() for a in np.meshgrid(grid.x[cols], grid.y[rows]))
    shapely.prepare(area.geometry)
    inside = shapely.contains_xy(area.geometry, xx, yy)
    if not inside.any():
        point = area.geometry.representative_point()
        return np.array([point.x]), np.array([point.y])
    return xx[inside], yy[inside]

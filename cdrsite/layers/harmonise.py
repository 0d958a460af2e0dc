"""Rasters on the one grid, by kind of quantity (rule 3).

Every source pixel is a quadrilateral in the grid's CRS that is clipped by the cells it touches, so
means are weighted by true overlap and sums are conserved; nothing is picked by nearest neighbour.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.crs import transformer
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.core.memory import Memory
from cdrsite.layers._kernel_conserve import overlay

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.layers.sources import RasterSource

STRIP_PIXELS = 1_500_000
"""Source pixels, counted over all bands, held at once by one thread."""

SNAP = 1e-7
"""Corners this close to a cell line are on it [cells]: rounding noise makes no slivers."""

HALF_CIRCLE = 180.0 - 1e-9
"""Longitudes from the middle of a projection to where it is cut; at the cut itself rounding decides
on which side a point lies [degree]."""

CORNERS_ROOM = 64_000_000
"""Memory for corners of pixels [bytes]: several shares of classes are read from one raster, and to
project its corners takes as long as to lay them over the cells."""

LEAST_KNOWN = 1e-9
"""A cell known over less than this share is unknown."""

GEODETIC = "EPSG:4326"
Window = tuple[tuple[int, int], tuple[int, int]]
Decode = Callable[["NDArray[Any]"], "NDArray[np.float64]"]


def mean(
    source: RasterSource,
    grid: AnalysisGrid,
    block: Block,
    decode: Decode | None = None,
    *,
    known_share: bool = False,
) -> NDArray[np.float32]:
    """Area-weighted mean over the known part of each cell.

    Parameters
    ----------
    source : RasterSource
        The raster.
    grid, block
        The grid and the window wanted, which may reach beyond the grid's edge.
    decode : callable, optional
        Stored values (bands, h, w) to numbers; the source's own by default.
    known_share : bool
        Multiply by the share of the cell that is known: amounts per area become amounts.

    Returns
    -------
    ndarray of float32, shape (bands, rows, cols)
        NaN where nothing is known.
    """
    same = _same_cells(source, grid, block, decode or source.decode)
    if same is not None:
        return _finish(same)
    total, known = _overlay(source, grid, block, decode or source.decode, conserve=False)
    if known_share:
        return _finish(np.where(known > LEAST_KNOWN, total, np.nan))
    return _finish(np.where(known > LEAST_KNOWN, total / np.maximum(known, LEAST_KNOWN), np.nan))


def conserved_sum(source: RasterSource, grid: AnalysisGrid, block: Block) -> NDArray[np.float32]:
    """Sum of the pixels' values, each shared out by area; shapes as :func:`mean`."""
    same = _same_cells(source, grid, block, source.decode)
    if same is not None:
        return _finish(same)
    total, known = _overlay(source, grid, block, source.decode, conserve=True)
    return _finish(np.where(known > LEAST_KNOWN, total, np.nan))


def _finish(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """To single precision; what is beyond its range is no number of anything (rule 2)."""
    with np.errstate(over="ignore"):
        found = values.astype(np.float32)
    found[np.isinf(found)] = np.nan
    return found


def _same_cells(
    source: RasterSource, grid: AnalysisGrid, block: Block, decode: Decode
) -> NDArray[np.float64] | None:
    """Values of a raster whose pixels are the grid's cells; None where they are not.

    The overlay would give each cell its own pixel with weight one: the same numbers.
    """
    place = _offset(source, grid)
    circle = 360.0 / grid.resolution if source.crs.is_geographic else 0.0
    whole = round(circle)
    if place is None or (circle and abs(circle - whole) >= SNAP and _comes_again(source, grid)):
        return None
    values: NDArray[np.float64] | None = None
    for turn in (-whole, 0, whole) if circle else (0,):
        values = _copied(source, block, decode, (place[0], place[1] + turn), values)
    if values is None:
        values = np.full((source.depth, *block.shape), np.nan)
    return values


def _copied(
    source: RasterSource,
    block: Block,
    decode: Decode,
    place: tuple[int, int],
    values: NDArray[np.float64] | None,
) -> NDArray[np.float64] | None:
    """Put the pixels of a raster that begins at a place of the grid into a block."""
    height, width = source.shape
    row, col = block.row0 + place[0], block.col0 + place[1]
    rows = min(max(row, 0), height), min(max(row + block.shape[0], 0), height)
    cols = min(max(col, 0), width), min(max(col + block.shape[1], 0), width)
    if rows[0] >= rows[1] or cols[0] >= cols[1]:
        return values
    found = decode(source.read(rows, cols))
    if found.shape[1:] == block.shape:
        return found
    if values is None:
        values = np.full((len(found), *block.shape), np.nan)
    values[:, rows[0] - row : rows[1] - row, cols[0] - col : cols[1] - col] = found
    return values


def _comes_again(source: RasterSource, grid: AnalysisGrid) -> bool:
    """Whether another copy of a raster in degrees reaches into the grid."""
    west, _, east, _ = grid.bounds
    low, high = source.transform.c, source.transform.c + source.transform.a * source.shape[1]
    return any(low + turn < east and high + turn > west for turn in (-360.0, 360.0))


def _offset(source: RasterSource, grid: AnalysisGrid) -> tuple[int, int] | None:
    """Row and column of the raster's pixel at the grid's first cell; None if none is just it."""
    t, size = source.transform, grid.resolution
    turned = t.b != 0 or t.d != 0
    height, width = source.shape
    # over the whole raster the corners must stay within what counts as on the line
    stretch = max(abs(t.a / size - 1) * width, abs(-t.e / size - 1) * height)
    if turned or stretch >= SNAP or not same_crs(source.wkt, grid.wkt):
        return None
    col, row = (grid.west - t.c) / size, (t.f - grid.north) / size
    whole = round(row), round(col)
    off = max(abs(row - whole[0]), abs(col - whole[1]))
    return whole if off + stretch < SNAP else None


def _overlay(
    source: RasterSource, grid: AnalysisGrid, block: Block, decode: Decode, *, conserve: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    shape = (source.depth, *block.shape)
    total, known = np.zeros(shape), np.zeros(shape)
    for (rows, cols), turn in strips(source, grid, block):
        u, v, width = _kept_corners(source, grid, rows, cols, turn)
        values = decode(source.read(rows, cols))
        if conserve and (width < 1).any():  # the rest of such a pixel lies over the seam
            values = values * width
        overlay(u, v, values, block.row0, block.col0, conserve, total, known)
    return total, known


def strips(
    source: RasterSource, grid: AnalysisGrid, block: Block
) -> Iterator[tuple[Window, float]]:
    """Source windows that together hold every pixel touching a block, as :func:`copies`."""
    left = np.inf if source.most is None else source.most
    for ((r0, r1), (c0, c1)), turn in copies(source, grid, block):
        height = max(1, STRIP_PIXELS // ((c1 - c0) * len(source.bands)))
        for row in range(r0, r1, height):
            if left <= 0:
                return
            left -= height * (c1 - c0)
            yield ((row, min(row + height, r1)), (c0, c1)), turn


def windows(source: RasterSource, grid: AnalysisGrid, block: Block) -> list[Window]:
    """Source windows around a block; several where it straddles the seam of a global raster."""
    return [window for window, _ in copies(source, grid, block)]


def copies(source: RasterSource, grid: AnalysisGrid, block: Block) -> list[tuple[Window, float]]:
    """Source windows around a block, each with the degrees by which its longitudes are turned.

    A raster in degrees comes round again every 360: a block can meet several copies of it, each on
    its own side. Those of a projected grid share no longitude, see :func:`corners`.
    """
    x, y = _project(_outline(grid, block), grid.wkt, source.wkt)
    good = np.isfinite(x) & np.isfinite(y)
    if not good.any():
        return []
    x, y = x[good], y[good]
    height, width = source.shape
    pieces, turns = [(x, y)], [0.0]
    if source.crs.is_geographic:
        turns = [-360.0, 0.0, 360.0]
        if not grid.is_geographic:
            pieces = _around(x, y, grid, block)
    inverse = ~source.transform
    found: list[tuple[Window, float]] = []
    for (x, y), turn in itertools.product(pieces, turns):
        cols = inverse.a * (x - turn) + inverse.b * y + inverse.c
        rows = inverse.d * (x - turn) + inverse.e * y + inverse.f
        span_r, span_c = rows.max() - rows.min(), cols.max() - cols.min()
        # the outline is a chord of a curve: the margin covers what bulges out
        r0 = max(0, int(np.floor(rows.min() - 2 - 0.002 * span_r)))
        r1 = min(height, int(np.ceil(rows.max() + 2 + 0.002 * span_r)))
        c0 = max(0, int(np.floor(cols.min() - 2 - 0.002 * span_c)))
        c1 = min(width, int(np.ceil(cols.max() + 2 + 0.002 * span_c)))
        if r0 < r1 and c0 < c1:
            found.append((((r0, r1), (c0, c1)), turn))
    return sorted(found, key=lambda one: one[0][1])


def _around(
    lon: NDArray[np.float64], lat: NDArray[np.float64], grid: AnalysisGrid, block: Block
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Longitudes of a block on either side of where the map is cut; all of them if it is wide."""
    centre = _central_meridian(grid.wkt)
    middle = np.angle(np.exp(1j * np.radians(lon)).sum(), deg=True)
    middle = centre + np.mod(middle - centre + 180, 360) - 180
    lon = middle + np.mod(lon - middle + 180, 360) - 180
    wide = lon.max() - lon.min() > 180
    for pole in (90.0, -90.0):
        # a point in some projections, a line in others
        x, y = transformer(GEODETIC, grid.wkt).transform([middle, middle + 90], [pole, pole])
        col, row = (x[0] - grid.west) / grid.resolution, (grid.north - y[0]) / grid.resolution
        inside = block.col0 - 1 <= col <= block.col1 + 1 and block.row0 - 1 <= row <= block.row1 + 1
        if inside:
            lon, lat = np.append(lon, middle), np.append(lat, pole)
            wide |= math.hypot(x[1] - x[0], y[1] - y[0]) < grid.resolution
    if wide:
        return [(np.linspace(centre - 180, centre + 180, len(lat)), lat)]
    return [
        (np.clip(lon + turn, centre - 180, centre + 180), lat)
        for turn in (-360.0, 0.0, 360.0)
        if (np.abs(lon + turn - centre) < 180).any()
    ]


@cache
def _central_meridian(wkt: str) -> float:
    """Longitude in the middle of a projection, half a circle from where it is cut [degree]."""
    from pyproj import CRS

    operation = CRS.from_wkt(wkt).coordinate_operation
    for parameter in operation.params if operation is not None else ():
        if parameter.name.startswith("Longitude of"):
            return float(np.degrees(float(parameter.value) * parameter.unit_conversion_factor))
    return 0.0


def _outline(grid: AnalysisGrid, block: Block) -> NDArray[np.float64]:
    """Points on and inside a block, one cell wider, shape (n, 2)."""
    side = np.linspace(0.0, 1.0, 33)
    u = block.col0 - 1 + side * (block.col1 - block.col0 + 2)
    v = block.row0 - 1 + side * (block.row1 - block.row0 + 2)
    uu, vv = np.meshgrid(u, v)
    return np.column_stack(
        [grid.west + uu.ravel() * grid.resolution, grid.north - vv.ravel() * grid.resolution]
    )


def corners(
    source: RasterSource,
    grid: AnalysisGrid,
    rows: tuple[int, int],
    cols: tuple[int, int],
    turn: float = 0.0,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Absolute cell coordinates of the pixel corners of a window, shape (h + 1, w + 1).

    They depend on the pixel and its turn only, never on the window, so neighbouring windows share
    their corners to the bit. A pixel over the line along which a projection cuts the globe ends
    there; the third array says which part of each column's width is left, shape (w,).
    """
    col, row = np.meshgrid(
        np.arange(cols[0], cols[1] + 1, dtype=np.float64),
        np.arange(rows[0], rows[1] + 1, dtype=np.float64),
    )
    t, width = source.transform, np.ones(cols[1] - cols[0])
    x, y = t.a * col + t.b * row + (t.c + turn), t.d * col + t.e * row + t.f
    if not same_crs(source.wkt, grid.wkt):
        given = x
        if source.crs.is_geographic and t.b == t.d == 0:
            y = np.clip(y, -90.0, 90.0)  # rasters whose outer rows are centred on the poles
            if not grid.is_geographic:
                middle = _central_meridian(grid.wkt)
                x = np.clip(x, middle - HALF_CIRCLE, middle + HALF_CIRCLE)
                width = np.diff(x[0]) / np.diff(given[0])
        x, y = _project(np.column_stack([x.ravel(), y.ravel()]), source.wkt, grid.wkt)
        x, y = x.reshape(col.shape), y.reshape(col.shape)
        if source.crs.is_geographic and grid.is_geographic:
            x = x + 360.0 * np.round((given - x) / 360.0)
    u = (x - grid.west) / grid.resolution
    v = (grid.north - y) / grid.resolution
    return _snapped(u), _snapped(v), width


_CORNERS = Memory(CORNERS_ROOM)


def _kept_corners(
    source: RasterSource,
    grid: AnalysisGrid,
    rows: tuple[int, int],
    cols: tuple[int, int],
    turn: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Corners as :func:`corners`, found again where the same pixels were asked for last."""
    key = (tuple(source.transform), source.wkt, grid, rows, cols, turn)
    found = _CORNERS.get(key)
    if found is None:
        found = corners(source, grid, rows, cols, turn)
        _CORNERS.put(key, found, sum(each.nbytes for each in found))
    u, v, width = found
    return u, v, width


@cache
def same_crs(first: str, second: str) -> bool:
    """Whether two WKT texts mean the same CRS, axis order aside."""
    from pyproj import CRS

    return bool(CRS.from_wkt(first).equals(CRS.from_wkt(second), ignore_axis_order=True))


def _snapped(values: NDArray[np.float64]) -> NDArray[np.float64]:
    whole = np.round(values)
    return np.where(np.abs(values - whole) < SNAP, whole, values)


def _project(xy: NDArray, source_wkt: str, target_wkt: str) -> tuple[NDArray, NDArray]:
    """Project points; infinite results become NaN."""
    x, y = transformer(source_wkt, target_wkt).transform(xy[:, 0], xy[:, 1])
    bad = ~(np.isfinite(x) & np.isfinite(y))
    if bad.any():
        x[bad] = y[bad] = np.nan
    return x, y

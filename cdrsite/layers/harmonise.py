"""Rasters on the one grid, by kind of quantity (rule 3).

Every source pixel is a quadrilateral in the grid's CRS that is clipped by the cells it touches, so
means are weighted by true overlap and sums are conserved; nothing is picked by nearest neighbour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.crs import transformer
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.layers._kernel_conserve import overlay

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.layers.sources import RasterSource

STRIP_PIXELS = 1_500_000
"""Source pixels, counted over all bands, held at once by one thread."""

SNAP = 1e-7
"""Corners this close to a cell line are on it [cells]: rounding noise makes no slivers."""

LEAST_KNOWN = 1e-9
"""A cell known over less than this share is unknown."""

Window = tuple[tuple[int, int], tuple[int, int]]
Decode = Callable[["NDArray[Any]"], "NDArray[np.float64]"]


def mean(
    source: RasterSource, grid: AnalysisGrid, block: Block, decode: Decode | None = None
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

    Returns
    -------
    ndarray of float32, shape (bands, rows, cols)
        NaN where nothing is known.
    """
    same = _same_cells(source, grid, block, decode or source.decode)
    if same is not None:
        return _finish(same)
    total, known = _overlay(source, grid, block, decode or source.decode, conserve=False)
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
    if place is None:
        return None
    height, width = source.shape
    row, col = block.row0 + place[0], block.col0 + place[1]
    rows = min(max(row, 0), height), min(max(row + block.shape[0], 0), height)
    cols = min(max(col, 0), width), min(max(col + block.shape[1], 0), width)
    if rows == (row, row + block.shape[0]) and cols == (col, col + block.shape[1]):
        return decode(source.read(rows, cols))
    values = np.full((len(source.bands), *block.shape), np.nan)
    if rows[0] < rows[1] and cols[0] < cols[1]:
        values[:, rows[0] - row : rows[1] - row, cols[0] - col : cols[1] - col] = decode(
            source.read(rows, cols)
        )
    return values


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
    shape = (len(source.bands), *block.shape)
    total, known = np.zeros(shape), np.zeros(shape)
    for rows, cols in strips(source, grid, block):
        u, v = corners(source, grid, rows, cols)
        values = decode(source.read(rows, cols))
        overlay(u, v, values, block.row0, block.col0, conserve, total, known)
    return total, known


def strips(source: RasterSource, grid: AnalysisGrid, block: Block) -> Iterator[Window]:
    """Source windows that together hold every pixel touching a block, in source order."""
    left = np.inf if source.most is None else source.most
    for (r0, r1), (c0, c1) in windows(source, grid, block):
        height = max(1, STRIP_PIXELS // ((c1 - c0) * len(source.bands)))
        for row in range(r0, r1, height):
            if left <= 0:
                return
            left -= height * (c1 - c0)
            yield (row, min(row + height, r1)), (c0, c1)


def windows(source: RasterSource, grid: AnalysisGrid, block: Block) -> list[Window]:
    """Source windows around a block; two where it straddles the seam of a global raster."""
    x, y = _project(_outline(grid, block), grid.wkt, source.wkt)
    good = np.isfinite(x) & np.isfinite(y)
    if not good.any():
        return []
    x, y = x[good], y[good]
    height, width = source.shape
    shifts = (-360.0, 0.0, 360.0) if source.crs.is_geographic else (0.0,)
    inverse = ~source.transform
    found: list[Window] = []
    for shift in shifts:
        cols = inverse.a * (x + shift) + inverse.b * y + inverse.c
        rows = inverse.d * (x + shift) + inverse.e * y + inverse.f
        span_r, span_c = rows.max() - rows.min(), cols.max() - cols.min()
        # the outline is a chord of a curve: the margin covers what bulges out
        r0 = max(0, int(np.floor(rows.min() - 2 - 0.002 * span_r)))
        r1 = min(height, int(np.ceil(rows.max() + 2 + 0.002 * span_r)))
        c0 = max(0, int(np.floor(cols.min() - 2 - 0.002 * span_c)))
        c1 = min(width, int(np.ceil(cols.max() + 2 + 0.002 * span_c)))
        if r0 < r1 and c0 < c1:
            found.append(((r0, r1), (c0, c1)))
    return _merged(found)


def _merged(found: list[Window]) -> list[Window]:
    """Join windows that overlap, so that no pixel counts twice."""
    found = sorted(found, key=lambda w: w[1])
    merged: list[Window] = []
    for rows, cols in found:
        if merged and merged[-1][1][1] >= cols[0]:
            last_rows, last_cols = merged.pop()
            merged.append(
                (
                    (min(last_rows[0], rows[0]), max(last_rows[1], rows[1])),
                    (last_cols[0], max(last_cols[1], cols[1])),
                )
            )
        else:
            merged.append((rows, cols))
    return merged


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
    source: RasterSource, grid: AnalysisGrid, rows: tuple[int, int], cols: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Absolute cell coordinates of the pixel corners of a window, shape (h + 1, w + 1).

    They depend on the pixel only, never on the window, so neighbouring windows share their corners
    to the bit.
    """
    col, row = np.meshgrid(
        np.arange(cols[0], cols[1] + 1, dtype=np.float64),
        np.arange(rows[0], rows[1] + 1, dtype=np.float64),
    )
    t = source.transform
    x, y = t.a * col + t.b * row + t.c, t.d * col + t.e * row + t.f
    if not same_crs(source.wkt, grid.wkt):
        x, y = _project(np.column_stack([x.ravel(), y.ravel()]), source.wkt, grid.wkt)
        x, y = x.reshape(col.shape), y.reshape(col.shape)
    u = (x - grid.west) / grid.resolution
    v = (grid.north - y) / grid.resolution
    return _snapped(u), _snapped(v)


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

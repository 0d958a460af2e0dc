"""Features that the pixels of a raster's classes make: for buffers and distances (rule 3).

The pixels of the classes are joined to polygons along their exact edges, in the raster's own rows
and columns, and brought to the grid as the features of any file. They are made once for the whole
grid, so what follows from them is the same bytes whatever the blocks (rule 9).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.layers import harmonise
from cdrsite.layers.coverage import Rings, rings_of
from cdrsite.layers.nearest import Nearest
from cdrsite.layers.projecting import METRES_A_DEGREE, to_grid
from cdrsite.layers.shapes import Repairs, workable
from cdrsite.layers.vectors import Once, grow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.layers.sources import RasterSource

POLAR = 75.0
"""Where columns converge so much that windows are not cut from a raster in degrees [degree]."""


@dataclass(frozen=True)
class ClassFeatures:
    """What the pixels of some classes cover.

    Attributes
    ----------
    source : callable
        Gives the open raster; it has one band.
    codes : tuple of int
        The classes.
    grid : AnalysisGrid
        Features are brought to its CRS.
    where : str
        Layer and file, for errors.
    """

    source: Callable[[], RasterSource]
    codes: tuple[int, ...]
    grid: AnalysisGrid
    where: str
    _once: Once = field(default_factory=Once)

    def coverage(
        self, block: Block, buffer: float, rasterise: Literal["coverage", "centre"]
    ) -> NDArray[np.float32]:
        """Share of each cell that the pixels cover, grown by a buffer [m], shape of the block."""
        centre = rasterise == "centre"

        def make() -> Rings:
            grown = grow(self.shapes(buffer), buffer, self.grid)
            return rings_of(grown, self.grid, dissolve=not centre)

        with workable(self.where):
            rings = self._once.get(("rings", buffer, centre), make)
        return rings.centres(block).astype(np.float32) if centre else rings.fraction(block)

    def distance(self, block: Block, within: float | None = None) -> NDArray[np.float32]:
        """Distance from each cell centre to the nearest pixel of the classes [m].

        Parameters
        ----------
        block : Block
            The window.
        within : float, optional
            What is farther away than this need not be found [m].
        """

        def make() -> Nearest:
            return Nearest(self._nearest(within), self.grid)

        with workable(self.where):
            found = self._once.get(("nearest", within), make)
        return found.distance(block)

    def shapes(self, reach: float) -> NDArray[Any]:
        """Polygons of the classes that lie within reach of the grid [m], in the grid's CRS."""
        source = self.source()
        return self._polygons(source, around(source, self.grid, reach))

    def _nearest(self, within: float | None) -> NDArray[Any]:
        """Polygons among which the nearest one of every cell is.

        Without a bound, those within the grid's own size of it are enough if even the farthest cell
        has one of them nearer than that; else all of the raster is looked through.
        """
        import shapely

        if within is not None:
            return self.shapes(within)
        source, size = self.source(), _diagonal(self.grid)
        windows, whole = around(source, self.grid, size), _whole(source)
        found = self._polygons(source, windows)
        if windows == whole:
            return found
        if len(found):
            west, south, east, north = self.grid.bounds
            middle = shapely.Point((west + east) / 2, (south + north) / 2)
            gap = float(shapely.distance(middle, found).min()) * _metres(self.grid)
            if gap + size / 2 <= size:
                return found
        return self._polygons(source, whole)

    def _polygons(self, source: RasterSource, windows: Sequence[harmonise.Window]) -> NDArray[Any]:
        """Polygons of the classes in windows of the raster, in the grid's CRS."""
        import shapely

        pixels = self._in_pixels(source, windows)
        shapes = shapely.transform(pixels, _mover(source), interleaved=True)
        found = to_grid(shapes, source.wkt, self.grid, Repairs(), self.where)
        return found[~shapely.is_empty(found)]

    def _in_pixels(self, source: RasterSource, windows: Sequence[harmonise.Window]) -> NDArray[Any]:
        """Polygons in columns and rows; whole numbers, so that strips join without a seam."""
        import shapely

        left = np.inf if source.most is None else source.most
        found: list[Any] = []
        for (r0, r1), (c0, c1) in windows:
            height = max(1, harmonise.STRIP_PIXELS // (c1 - c0))
            open_: list[Any] = []
            for row in range(r0, r1, height):
                if left <= 0:
                    break
                left -= height * (c1 - c0)
                end = min(row + height, r1)
                values = source.decode(source.read((row, end), (c0, c1)))[0]
                for shape in _traced(np.isin(values, self.codes), row, c0):
                    low, high = shape.bounds[1], shape.bounds[3]
                    crosses = (low == row > r0) or (high == end and end < r1)
                    (open_ if crosses else found).append(shape)
            found += list(shapely.get_parts(shapely.union_all(open_))) if open_ else []
        return np.array(found, dtype=object)


def around(source: RasterSource, grid: AnalysisGrid, reach: float) -> list[harmonise.Window]:
    """Windows of a raster that hold all pixels within reach of a grid [m]; none overlap."""
    south, north = grid.bounds[1], grid.bounds[3]
    if grid.is_geographic and max(abs(south), abs(north)) > POLAR:
        return _whole(source)
    east, step = grid.row_steps_m
    rows, cols = (int(np.ceil(1.05 * reach / s)) + 1 for s in (step, float(np.min(east))))
    if grid.is_geographic and (cols * 2 + grid.cols) * grid.resolution >= 360:
        return _whole(source)
    block = Block(-rows, grid.rows + rows, -cols, grid.cols + cols)
    found: list[harmonise.Window] = []
    for window in harmonise.windows(source, grid, block):
        found = _with(found, window)
    return found


def _with(windows: list[harmonise.Window], new: harmonise.Window) -> list[harmonise.Window]:
    """Windows and a new one, joined with those that it meets."""
    apart: list[harmonise.Window] = []
    for one in windows:
        if all(a[0] <= b[1] and b[0] <= a[1] for a, b in zip(one, new, strict=True)):
            (r0, r1), (c0, c1) = one
            (s0, s1), (d0, d1) = new
            new = (min(r0, s0), max(r1, s1)), (min(c0, d0), max(c1, d1))
            return _with([w for w in windows if w is not one], new)
        apart.append(one)
    return [*apart, new]


def _whole(source: RasterSource) -> list[harmonise.Window]:
    height, width = source.shape
    return [((0, height), (0, width))]


def _traced(mask: NDArray[np.bool_], row: int, col: int) -> list[Any]:
    """Polygons around the pixels of a mask, in columns and rows of the raster."""
    import shapely
    from affine import Affine
    from rasterio.features import shapes

    if not mask.any():
        return []
    at = Affine.translation(col, row)
    traced = shapes(mask.astype(np.uint8), mask=mask, connectivity=4, transform=at)
    return [shapely.geometry.shape(geometry) for geometry, _ in traced]


def _mover(source: RasterSource) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Columns and rows to the raster's coordinates; no latitude is beyond a pole."""
    t, degrees = source.transform, source.crs.is_geographic

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        col, row = xy[:, 0], xy[:, 1]
        x, y = t.a * col + t.b * row + t.c, t.d * col + t.e * row + t.f
        return np.column_stack([x, np.clip(y, -90.0, 90.0) if degrees else y])

    return move


def _diagonal(grid: AnalysisGrid) -> float:
    """Length across a grid [m]."""
    east, north = grid.row_steps_m
    return float(np.hypot(np.max(east) * grid.cols, north * grid.rows))


def _metres(grid: AnalysisGrid) -> float:
    """Metres in a unit of the grid's CRS, at least."""
    return METRES_A_DEGREE if grid.is_geographic else grid.unit_metres

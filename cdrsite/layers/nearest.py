"""Distances from cell centres to the nearest feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.crs import transformer
from cdrsite.core.grid import AnalysisGrid, Block, equal_area_crs
from cdrsite.layers._kernel_nearest import fill_buckets, nearest
from cdrsite.layers.coverage import rings_of
from cdrsite.layers.shapes import parts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

POLYGON = 3
"""Shapely's number of a polygon."""
MOST_BUCKETS = 1024
"""Buckets per side, at most."""

CELLS_PER_BUCKET = 4
"""Side of a bucket [cells], at least, where edges are few."""
EDGES_PER_BUCKET = 4
"""Edges in a bucket, at most on average where they are many; its side is then a cell or more."""


class Nearest:
    """Features under an index of buckets.

    On a geographic grid the nearest point is found in a local metric CRS and its distance measured
    on the ellipsoid.

    Parameters
    ----------
    shapes : ndarray of shapely geometries
        In the grid's CRS.
    grid : AnalysisGrid
        The grid.
    cells : Block, optional
        The part of the grid that distances are asked for; all of it by default. It decides how much
        is kept, and no distance.
    """

    def __init__(
        self, shapes: NDArray[Any], grid: AnalysisGrid, cells: Block | None = None
    ) -> None:
        import shapely

        self.grid = grid
        self.cells = cells or Block(0, grid.rows, 0, grid.cols)
        self.local = equal_area_crs(grid.bounds).to_wkt() if grid.is_geographic else None
        parts, _ = parts_of(shapes)
        areal = shapely.get_type_id(parts) == POLYGON
        self.rings = rings_of(parts[areal], grid)
        if self.local is not None:
            there = transformer(grid.wkt, self.local)
            parts = shapely.transform(parts, there.transform, interleaved=False)
        flat = shapely.get_parts(np.where(areal, shapely.boundary(parts), parts))
        segments = _segments(flat)
        self.segments = self._within_reach(segments, flat)
        if len(self.segments):
            self._index()

    def _corners(self) -> NDArray[np.float64]:
        """Points all over the cells in the CRS of the search, shape (n, 2)."""
        cells, size = self.cells, self.grid.resolution
        west, east = (self.grid.west + size * col for col in (cells.col0, cells.col1))
        north, south = (self.grid.north - size * row for row in (cells.row0, cells.row1))
        side = np.linspace(0, 1, 17)
        xx, yy = np.meshgrid(west + side * (east - west), south + side * (north - south))
        x, y = self._metric(xx.ravel(), yy.ravel())
        return np.column_stack([x, y])

    def _metric(self, x: NDArray, y: NDArray) -> tuple[NDArray, NDArray]:
        if self.local is None:
            return x, y
        return transformer(self.grid.wkt, self.local).transform(x, y)

    def _within_reach(self, segments: NDArray[np.float64], flat: NDArray[Any]) -> NDArray:
        """Segments that can be the nearest one of some cell."""
        import shapely

        segments = segments[np.isfinite(segments).all(axis=1)]
        if not len(segments):
            return segments
        corners = self._corners()
        self.low, self.high = corners.min(axis=0), corners.max(axis=0)
        centre = shapely.Point(*((self.low + self.high) / 2))
        reach = np.nanmin(shapely.distance(centre, flat)) + np.hypot(*(self.high - self.low))
        x, y = segments[:, ::2], segments[:, 1::2]
        near = (x.max(axis=1) >= self.low[0] - reach) & (x.min(axis=1) <= self.high[0] + reach)
        near &= (y.max(axis=1) >= self.low[1] - reach) & (y.min(axis=1) <= self.high[1] + reach)
        return np.ascontiguousarray(segments[near])

    def _index(self) -> None:
        xy = self.segments.reshape(-1, 2)
        low = np.minimum(xy.min(axis=0), self.low)
        extent = np.maximum(xy.max(axis=0), self.high) - low
        cell = np.hypot(*(self.high - self.low)) / np.hypot(*self.cells.shape)
        crowded = np.sqrt(EDGES_PER_BUCKET * np.prod(extent) / len(self.segments)) / cell
        side = min(max(crowded, 1.0), CELLS_PER_BUCKET)
        self.size = float(max(side * cell, extent.max() / MOST_BUCKETS))
        self.x0, self.y0 = float(low[0]) - self.size, float(low[1]) - self.size
        cols, rows = (np.ceil(extent / self.size) + 2).astype(int)
        counts = np.zeros((rows, cols), np.int64)
        where = (self.segments, self.x0, self.y0, self.size)
        fill_buckets(*where, counts, np.empty(0, np.int64), False)
        total = np.cumsum(counts.ravel())
        starts = (total - counts.ravel()).reshape(rows, cols).copy()
        self.items = np.empty(int(total[-1]), np.int64)
        fill_buckets(*where, starts, self.items, True)
        self.ends = starts

    def distance(self, block: Block) -> NDArray[np.float32]:
        """Metres from each cell centre of a block to the nearest feature, inf if there is none."""
        grid = self.grid
        if not len(self.segments):
            return np.full(block.shape, np.inf, np.float32)
        lon, lat = np.meshgrid(grid.x[block.col0 : block.col1], grid.y[block.row0 : block.row1])
        x, y = self._metric(lon, lat)
        found = np.empty((3, *block.shape))
        nearest(x, y, self.segments, self.ends, self.items, self.x0, self.y0, self.size, found)
        if self.local is None:
            metres = found[0] * grid.unit_metres
        else:
            there = transformer(self.local, grid.wkt).transform(found[1], found[2])
            geod = grid.crs.get_geod()
            metres = geod.inv(lon, lat, *there)[2]  # type: ignore[union-attr]
        return np.where(self.rings.centres(block), 0.0, metres).astype(np.float32)


def _segments(shapes: NDArray[Any]) -> NDArray[np.float64]:
    """Edges of lines, and points as edges without length, shape (n, 4)."""
    import shapely

    lines = np.isin(shapely.get_type_id(shapes), (1, 2))
    points = shapely.get_coordinates(shapes[~lines])
    xy, owner = shapely.get_coordinates(shapes[lines], return_index=True)
    same = owner[1:] == owner[:-1]
    edges = np.column_stack([xy[:-1], xy[1:]])[same] if len(xy) else np.empty((0, 4))
    return np.concatenate([np.column_stack([points, points]), edges])

"""Polygons on the grid: exact covered fractions, cell centres, labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.layers._kernel_coverage import add_coverage, fill_centres, finish_coverage

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERTEX_QUANTUM = 2.0**32
"""Vertices are rounded to this part of a cell, so that heights add up exactly."""


@dataclass(frozen=True)
class Rings:
    """Closed rings of polygons in absolute cell coordinates.

    Attributes
    ----------
    u, v : ndarray, shape (vertices,)
        East and south from the grid's north-west corner [cells].
    offsets : ndarray of int64, shape (rings + 1,)
        Where each ring starts.
    owner : ndarray of int64, shape (rings,)
        Index of the geometry each ring belongs to, rising.
    box : ndarray, shape (rings, 4)
        Smallest and greatest u and v of the whole polygon a ring belongs to.
    """

    u: NDArray[np.float64]
    v: NDArray[np.float64]
    offsets: NDArray[np.int64]
    owner: NDArray[np.int64]
    box: NDArray[np.float64]

    def fraction(self, block: Block) -> NDArray[np.float32]:
        """Covered fraction of each cell of a block; the polygons must not overlap."""
        rows, cols = block.shape
        out = np.zeros((rows, cols), np.float32)
        rings = self._near(block)
        if rings.size:
            acc = np.zeros((rows, cols + 1))
            u, v, offsets = self._gather(rings)
            add_coverage(u, v, offsets, block.row0, block.col0, acc)
            finish_coverage(acc, out)
        return out

    def centres(self, block: Block) -> NDArray[np.bool_]:
        """Cells of a block whose centre lies inside; the polygons may overlap."""
        inside = np.zeros(block.shape, np.bool_)
        rings = self._near(block)
        if rings.size:
            u, v, offsets = self._gather(rings)
            fill_centres(u, v, offsets, block.row0, block.col0, inside)
        return inside

    def each(self, block: Block) -> Sequence[tuple[int, Rings]]:
        """Geometries whose box touches a block, in order: (index, their rings)."""
        rings = self._near(block)
        found = []
        for owner in np.unique(self.owner[rings]):
            mine = rings[self.owner[rings] == owner]
            u, v, offsets = self._gather(mine)
            found.append((int(owner), Rings(u, v, offsets, self.owner[mine], self.box[mine])))
        return found

    def window(self, block: Block) -> Block | None:
        """The part of a block that the rings' boxes touch."""
        if self.box.size == 0:
            return None
        row0 = max(block.row0, int(np.floor(self.box[:, 2].min())))
        row1 = min(block.row1, int(np.ceil(self.box[:, 3].max())))
        col0 = max(block.col0, int(np.floor(self.box[:, 0].min())))
        col1 = min(block.col1, int(np.ceil(self.box[:, 1].max())))
        return Block(row0, row1, col0, col1) if row0 < row1 and col0 < col1 else None

    def _near(self, block: Block) -> NDArray[np.int64]:
        box = self.box
        near = (
            (box[:, 1] > block.col0)
            & (box[:, 0] < block.col1)
            & (box[:, 3] > block.row0)
            & (box[:, 2] < block.row1)
        )
        return np.flatnonzero(near)

    def _gather(self, rings: NDArray[np.int64]) -> tuple[NDArray, NDArray, NDArray]:
        """Vertices of some rings, contiguous."""
        if rings.size == self.offsets.size - 1:
            return self.u, self.v, self.offsets
        lengths = np.diff(self.offsets)[rings]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        index = np.repeat(self.offsets[rings] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return self.u[index], self.v[index], offsets


def rings_of(geometries: Any, grid: AnalysisGrid, *, dissolve: bool = False) -> Rings:
    """Bring polygons in the grid's CRS to cell coordinates.

    Parameters
    ----------
    geometries : sequence of shapely Polygon or MultiPolygon
        Valid or empty; anything without an area is left out.
    grid : AnalysisGrid
        The grid.
    dissolve : bool
        Unite them first: shares of cells are summed, so that polygons must not overlap.

    Returns
    -------
    Rings
        Shells counter-clockwise, holes clockwise, in the order of the geometries.
    """
    import shapely

    array = np.asarray(geometries, dtype=object)
    if dissolve:
        array = shapely.get_parts(shapely.union_all(array))
    parts, owner = shapely.get_parts(array, return_index=True)
    areal = shapely.get_type_id(parts) == 3
    areal &= ~shapely.is_empty(parts)
    parts, owner = shapely.orient_polygons(parts[areal]), owner[areal]
    bounds = shapely.bounds(parts).reshape(-1, 4)
    rings, part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    offsets = np.searchsorted(ring, np.arange(len(rings) + 1)).astype(np.int64)
    u, v = cell_coordinates(xy, grid)
    west, north, size = grid.west, grid.north, grid.resolution
    # a hair wider than the polygon: rounding must not lose a sliver
    box = np.column_stack(
        [
            (bounds[:, 0] - west) / size - 1e-6,
            (bounds[:, 2] - west) / size + 1e-6,
            (north - bounds[:, 3]) / size - 1e-6,
            (north - bounds[:, 1]) / size + 1e-6,
        ]
    )
    return Rings(u, v, offsets, owner[part].astype(np.int64), box[part])


def cell_coordinates(xy: NDArray, grid: AnalysisGrid) -> tuple[NDArray, NDArray]:
    """Absolute cell coordinates (u, v) of points, rounded to 2**-32 cells."""
    u = (xy[:, 0] - grid.west) / grid.resolution
    v = (grid.north - xy[:, 1]) / grid.resolution
    return (
        np.round(u * VERTEX_QUANTUM) / VERTEX_QUANTUM,
        np.round(v * VERTEX_QUANTUM) / VERTEX_QUANTUM,
    )

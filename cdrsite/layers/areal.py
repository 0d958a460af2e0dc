"""Columns of features on the grid: areal shares, weighted means, densities (rule 3)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.layers._kernel_focal import add_lengths, disk_sums
from cdrsite.layers.coverage import Rings, cell_coordinates
from cdrsite.layers.harmonise import LEAST_KNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray


def spread(
    rings: Rings,
    values: NDArray[np.float64],
    areas: NDArray[np.float64],
    block: Block,
    *,
    conserve: bool,
) -> NDArray[np.float32]:
    """Give the value of polygons to the cells they cover.

    Parameters
    ----------
    rings : Rings
        One owner per feature.
    values : ndarray, shape (features,)
        NaN is unknown and adds nothing.
    areas : ndarray, shape (features,)
        Planar area of each feature [cells].
    block : Block
        The window.
    conserve : bool
        True shares each value out by area; False takes the mean weighted by covered area.

    Returns
    -------
    ndarray of float32, shape of the block
        NaN where no feature with a value covers the cell.
    """
    total, known = np.zeros(block.shape), np.zeros(block.shape)
    for index, mine in rings.each(block):
        window = mine.window(block)
        if window is None or math.isnan(values[index]):
            continue
        share = mine.fraction(window).astype(np.float64)
        part = (
            slice(window.row0 - block.row0, window.row1 - block.row0),
            slice(window.col0 - block.col0, window.col1 - block.col0),
        )
        total[part] += share * (values[index] / areas[index] if conserve else values[index])
        known[part] += share
    return _finished(total, known, conserve=conserve)


def collect(
    xy: NDArray[np.float64],
    values: NDArray[np.float64],
    grid: AnalysisGrid,
    block: Block,
    *,
    conserve: bool,
) -> NDArray[np.float32]:
    """Sum (or mean) of the values of the points in each cell; NaN where there is none."""
    total, known = np.zeros(block.shape), np.zeros(block.shape)
    u, v = cell_coordinates(xy, grid)
    col, row = np.floor(u) - block.col0, np.floor(v) - block.row0
    rows, cols = block.shape
    here = (col >= 0) & (col < cols) & (row >= 0) & (row < rows) & ~np.isnan(values)
    at = (row[here].astype(int), col[here].astype(int))
    np.add.at(total, at, values[here])
    np.add.at(known, at, 1.0)
    return _finished(total, known, conserve=conserve)


def _finished(
    total: NDArray[np.float64], known: NDArray[np.float64], *, conserve: bool
) -> NDArray[np.float32]:
    value = total if conserve else total / np.maximum(known, LEAST_KNOWN)
    return np.where(known > LEAST_KNOWN, value, np.nan).astype(np.float32)


def geometry_type(shapes: NDArray[Any], where: str) -> str:
    """point, line or polygon; a mixture is refused."""
    import shapely

    types = shapely.get_type_id(shapes[~shapely.is_empty(shapes)])
    for name, ids in (("point", (0, 4)), ("line", (1, 2, 5)), ("polygon", (3, 6))):
        if np.isin(types, ids).all():
            return name
    raise DataError(
        "points, lines and polygons in one layer",
        where=where,
        cure="filter one of them with where, or split the file",
        rule=3,
    )


def line_lengths(shapes: NDArray[Any], grid: AnalysisGrid, block: Block) -> NDArray[np.float64]:
    """Length of lines in each cell of a block [m]."""
    import shapely

    out = np.zeros(block.shape)
    parts = shapely.get_parts(shapes)
    xy, owner = shapely.get_coordinates(parts, return_index=True)
    if not len(xy):
        return out
    offsets = np.searchsorted(owner, np.arange(len(parts) + 1)).astype(np.int64)
    step = np.diff(xy, axis=0, append=xy[-1:])
    if grid.is_geographic:
        geod = grid.crs.get_geod()
        end = xy + step
        length = np.abs(geod.inv(xy[:, 0], xy[:, 1], end[:, 0], end[:, 1])[2])  # type: ignore[union-attr]
    else:
        length = np.hypot(step[:, 0], step[:, 1]) * grid.unit_metres
    u, v = cell_coordinates(xy, grid)
    add_lengths(u, v, offsets, length, block.row0, block.col0, out)
    return out


def disk_mean(
    per_cell: Callable[[Block], tuple[NDArray[np.float64], NDArray[np.float64]]],
    radius: float,
    grid: AnalysisGrid,
    block: Block,
) -> NDArray[np.float64]:
    """Sum over sum of weights of the cells whose centre lies within a radius.

    Parameters
    ----------
    per_cell : callable
        Values and weights of a block, which may reach beyond the grid's edge.
    radius : float
        Radius on the ground [m].
    grid, block
        The grid and the block.

    Returns
    -------
    ndarray, shape of the block
        NaN where nothing within the radius is known.
    """
    east, dy = grid.row_steps_m
    dx = east[block.row0 : block.row1]
    # the halo follows from the whole grid, so that every block sees the same cells
    reach = math.floor(radius / dy)
    side = math.floor(radius / float(dx.min()))
    offsets = np.arange(-reach, reach + 1) * dy
    width = np.sqrt(np.maximum(0.0, radius**2 - offsets**2))
    half = np.floor(width[None, :] / dx[:, None]).astype(np.int64)
    halo = Block(block.row0 - reach, block.row1 + reach, block.col0 - side, block.col1 + side)
    values, weights = per_cell(halo)
    total, weight = np.zeros(block.shape), np.zeros(block.shape)
    disk_sums(values, weights, half, reach, side, total, weight)
    return np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), np.nan)

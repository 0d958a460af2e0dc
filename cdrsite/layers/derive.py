"""Layers computed from others on true ground distances: slope and density."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.grid import AnalysisGrid, Block

if TYPE_CHECKING:
    from numpy.typing import NDArray


def slope_degrees(
    elevation: NDArray[np.float32], grid: AnalysisGrid, block: Block
) -> NDArray[np.float64]:
    """Slope of a surface.

    Parameters
    ----------
    elevation : ndarray, shape (rows + 2, cols + 2)
        Elevation of the block with one cell around it [m].
    grid, block
        The grid and the block.

    Returns
    -------
    ndarray, shape (rows, cols)
        Steepest slope [degree]; NaN where the elevation is unknown.

    Notes
    -----
    Horn (1981), Proc. IEEE 69(1), 14-47: weighted central differences over 3 x 3 cells, divided by
    ground distances. An unknown neighbour is continued from the opposite one through the centre.
    """
    nw, n, ne, w, centre, e, sw, south, se = _continued(elevation.astype(np.float64))
    east_steps, north_step = grid.row_steps_m
    dx = east_steps[block.row0 : block.row1, None]
    rise_x = ((ne - nw) + 2 * (e - w) + (se - sw)) / (8 * dx)
    rise_y = ((nw - sw) + 2 * (n - south) + (ne - se)) / (8 * north_step)
    slope = np.degrees(np.arctan(np.hypot(rise_x, rise_y)))
    return np.where(np.isnan(centre), np.nan, slope)


def _continued(z: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The nine neighbours of each cell, north-west first, with unknown ones filled in.

    An unknown neighbour takes the value opposite to it, mirrored through the centre, so that a
    plane stays a plane; the centre's own value where both are unknown.
    """
    rows, cols = z.shape[0] - 2, z.shape[1] - 2
    shifted = [z[i : i + rows, j : j + cols] for i in range(3) for j in range(3)]
    centre = shifted[4]
    filled = []
    for k, near in enumerate(shifted):
        opposite = shifted[8 - k]
        other = np.where(np.isnan(opposite), centre, 2 * centre - opposite)
        filled.append(np.where(np.isnan(near), other, near))
    filled[4] = centre
    return filled


def percent(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slope in percent of a slope in degrees."""
    return 100.0 * np.tan(np.radians(degrees))

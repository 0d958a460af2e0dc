"""What the tables count, block by block: sums that are added in the order of the blocks.

A block's part can be made where its arrays are at hand, and travels; the tables need nothing else
of most cells.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.core.plaindata import recorded
from cdrsite.study._kernel_tally import count_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray


CODES = 256
"""Codes of the limiting resource and states."""
COUNTED = ("limit", "equal_share", "net_factor", "available")
"""Variables that are counted, in the order of the kernel's arguments."""


@recorded
@dataclass(frozen=True)
class Tally:
    """Sums over the cells of one or several blocks.

    Attributes
    ----------
    cells : ndarray of int64, shape (methods, 256)
        Cells by code of the limit.
    area : ndarray of float64, shape (methods, 256)
        Their area [m2].
    tonnes : ndarray of float64, shape (methods, 256)
        Net removal with the equal share of the pools [t/yr].
    allowed : ndarray of float64, shape (methods,)
        Area that the exclusions leave [m2].
    stops : ndarray of float64, shape (methods,)
        Emissions that would stop on the land that each method can use [t/yr]; of those that remove
        something 0, as the plan tells theirs.
    region : float
        Area of the region [m2].
    """

    cells: NDArray[np.int64]
    area: NDArray[np.float64]
    tonnes: NDArray[np.float64]
    allowed: NDArray[np.float64]
    stops: NDArray[np.float64]
    region: float

    def add(self, other: Tally) -> Tally:
        """The sums of this part and the one after it."""
        names = [part.name for part in fields(self)]
        return Tally(*(getattr(self, name) + getattr(other, name) for name in names))


def tally_values(
    values: Mapping[str, NDArray[Any]],
    inside: NDArray[np.bool_],
    grid: AnalysisGrid,
    block: Block,
    avoiding: Collection[int] = (),
) -> Tally:
    """Count a block whose arrays are at hand.

    Parameters
    ----------
    values : mapping
        At least those of :data:`COUNTED`, of shape (methods, block rows, block cols).
    inside : ndarray of bool, shape (block rows, block cols)
        Cells of the region.
    grid : AnalysisGrid
        Of the block.
    block : Block
        Which cells.
    avoiding : collection of int
        Numbers of the methods that only stop emissions, whose ``usable_land`` and ``need_land`` are
        read too: the land that a tonne of it takes.
    """
    counted = [np.ascontiguousarray(values[name]) for name in COUNTED]
    methods = len(counted[0])
    row_areas = np.ascontiguousarray(grid.row_areas[block.row0 : block.row1])
    cells = np.zeros((methods, CODES), np.int64)
    area, tonnes = np.zeros((methods, CODES)), np.zeros((methods, CODES))
    allowed = np.zeros(methods)
    for m in range(methods):
        limit, share, factor, left = (array[m] for array in counted)
        sums = cells[m], area[m], tonnes[m]
        allowed[m] = count_cells(limit, share, factor, left, row_areas, *sums)
    stops = np.zeros(methods)
    for m in avoiding:
        land, need = (values[name][m].astype(np.float64) for name in ("usable_land", "need_land"))
        known = inside & (land > 0) & (need > 0)  # NaN is neither
        stops[m] = (land[known] / need[known]).sum()
    region = float((inside.sum(axis=1) * row_areas).sum())
    return Tally(cells, area, tonnes, allowed, stops, region)

"""The ground on which a network is planned: the study's own cells, or coarser ones of a large grid.

A network of plants and pipelines hundreds of kilometres long does not need every cell of a nation
at 100 m, and it looks at the whole map at once. Grids above a fixed size are brought to coarser
cells, by a factor that follows from the grid alone, so that the plan depends on no machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.network._kernel_coarse import gather_ground, gather_method

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from cdrsite.engine.arrays import CellArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

LARGEST = 4_000_000
"""Cells up to which a network is planned on the study's own grid."""
PART = 1024
"""Side of the parts in which arrays are read [cells]."""


@dataclass(frozen=True)
class PlanGrid:
    """The grid of a network plan.

    Attributes
    ----------
    fine : AnalysisGrid
        The study's grid.
    factor : int
        Cells of it per side of a cell of the plan; 1 for grids up to :data:`LARGEST` cells.
    """

    fine: AnalysisGrid
    factor: int

    @classmethod
    def of(cls, fine: AnalysisGrid) -> PlanGrid:
        """The plan's grid of a study."""
        return cls(fine, max(1, math.ceil(math.sqrt(fine.size / LARGEST))))

    @cached_property
    def grid(self) -> AnalysisGrid:
        """Cells of the plan; the last ones may reach beyond the study's grid."""
        if self.factor == 1:
            return self.fine
        fine, factor = self.fine, self.factor
        return AnalysisGrid(
            fine.wkt, fine.west, fine.north, fine.resolution * factor,
            -(-fine.rows // factor), -(-fine.cols // factor),
        )  # fmt: skip

    def describe(self) -> str:
        """What a reader of the plan must know of its cells."""
        size = self.grid.resolution
        return (
            f"planned on cells of {self.factor} x {self.factor} cells of the grid "
            f"({size:g} CRS units), because it has more than {LARGEST:,} cells: tonnes are summed, "
            "costs of ground averaged, ground is closed where most of it is"
        )

    def middles(self, cell: Ints) -> Ints:
        """Flat cells of the study's grid in the middle of flat cells of the plan."""
        row, col = np.divmod(cell, self.grid.cols)
        half = self.factor // 2
        row = np.minimum(row * self.factor + half, self.fine.rows - 1)
        col = np.minimum(col * self.factor + half, self.fine.cols - 1)
        return np.asarray(row * self.fine.cols + col)

    def best(
        self, method: int, row: int, col: int, suitability: CellArray, available: CellArray
    ) -> tuple[int, int]:
        """The most suitable cell of the study's grid that is left for a method in one of the plan.

        The first of equals; the first that is left where no suitability is known.
        """
        factor = self.factor
        where = (
            method,
            slice(row * factor, min((row + 1) * factor, self.fine.rows)),
            slice(col * factor, min((col + 1) * factor, self.fine.cols)),
        )
        quality = np.nan_to_num(np.asarray(suitability[where], np.float64))
        quality = np.where(np.asarray(available[where]) > 0, quality, -1.0)
        r, c = np.unravel_index(int(quality.argmax()), quality.shape)
        return row * factor + int(r), col * factor + int(c)

    def cells(self, row: Ints, col: Ints, block: Block) -> tuple[Ints, Ints]:
        """Cells of the plan that hold cells of a block of the study's grid, each once."""
        flat = (row + block.row0) // self.factor * self.grid.cols
        return np.divmod(np.unique(flat + (col + block.col0) // self.factor), self.grid.cols)

    def parts(self) -> Iterator[tuple[Block, tuple[slice, slice]]]:
        """Blocks of the study's grid made of whole cells of the plan, and which those are."""
        step = self.factor * max(1, PART // self.factor)
        for block in self.fine.blocks(step):
            row, col = block.row0 // self.factor, block.col0 // self.factor
            high, wide = -(-block.shape[0] // self.factor), -(-block.shape[1] // self.factor)
            yield block, (slice(row, row + high), slice(col, col + wide))

    def ground(self, surface: CellArray) -> NDArray[Any]:
        """Mean friction of the open cells; inf where more than half of the cells are closed.

        Parameters
        ----------
        surface : CellArray, shape of the study's grid
            Friction; inf is a barrier, NaN unknown.
        """
        if self.factor == 1:
            return np.asarray(surface[:, :])
        sums = np.zeros((3, *self.grid.shape))
        for block, here in self.parts():
            gather_ground(np.asarray(surface[block.slices]), self.factor, sums[:, *here])
        cells, open_, total = sums
        mean = total / np.where(open_ > 0, open_, 1.0)
        return np.where((open_ > 0) & (2 * open_ >= cells), mean, np.inf)

    def allocation(
        self, allocated: CellArray, suitability: CellArray, available: CellArray
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
        """What the plan gathers into plants.

        Parameters
        ----------
        allocated : CellArray, shape (methods, rows, cols)
            Gross [t/yr]; NaN counts as none.
        suitability : CellArray, shape (methods, rows, cols)
            In [0, 1]; NaN is unknown.
        available : CellArray, shape (methods, rows, cols)
            Share of each cell that the exclusions leave [1].

        Returns
        -------
        tuple of ndarray, shape (methods, rows, cols) of the plan
            Tonnes, summed. Suitability: its mean over the tonnes, or over the area left where there
            are none; NaN where it is known nowhere. Whether any of the cells is left.
        """
        if self.factor == 1:
            every = (slice(None), slice(None), slice(None))
            tonnes = np.nan_to_num(np.asarray(allocated[every]))
            return tonnes, np.asarray(suitability[every]), np.asarray(available[every]) > 0
        shape = (int(allocated.shape[0]), *self.grid.shape)
        tonnes, quality, allowed = (
            np.zeros(shape),
            np.zeros(shape, np.float32),
            np.zeros(shape, bool),
        )
        for method in range(shape[0]):
            sums = np.zeros((6, *self.grid.shape))
            for block, here in self.parts():
                areas = self.fine.row_areas[block.row0 : block.row1]
                where = (method, *block.slices)
                given, good, left = (
                    np.asarray(a[where]) for a in (allocated, suitability, available)
                )
                gather_method(given, good, left, areas, self.factor, sums[:, *here])
            tonnes[method], known, weighed, area, over_area, free = sums
            by_tonnes = known > 0
            weight = np.where(by_tonnes, known, area)
            product = np.where(by_tonnes, weighed, over_area)
            quality[method] = np.where(
                weight > 0, product / np.where(weight > 0, weight, 1.0), np.nan
            )
            allowed[method] = free > 0
        return tonnes, quality, allowed

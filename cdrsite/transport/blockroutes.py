"""What routes over blocks are asked for, and the arrays that take them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.transport.frames import Blocking
from cdrsite.transport.labels import PAD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import Block
    from cdrsite.engine.arrays import CellArray
    from cdrsite.transport.crossings import CrossingRules, EdgeCosts
    from cdrsite.transport.distance import Sources

    Steps = tuple[NDArray[np.float64] | float, float]
    StartCells = Callable[[Block], Sources]


@dataclass(frozen=True)
class RankArrays:
    """Arrays that take the routes.

    Attributes
    ----------
    label : array of float32 or float64, shape (k, rows, cols)
        Steering cost, in the dtype in which labels are relaxed; inf without a route. Not needed
        any more when the routes are found.
    sink : array of int32, shape (k, rows, cols)
        Sink id; -1 without a route.
    link : array of int8, shape (k, rows, cols)
        Move towards the sink; -1 in a cell of the sink, -2 without a route.
    progress : array of int32, shape (1, 1)
        Steps that are finished; 0 at first.
    """

    label: CellArray
    sink: CellArray
    link: CellArray
    progress: CellArray


@dataclass(frozen=True)
class BlockRoutes:
    """Least-cost routes over a grid of any size.

    Attributes
    ----------
    friction : CellArray
        What steers routes, shape (rows, cols) [cost per km]; inf is a barrier, NaN unknown.
    steps : tuple
        East-west step of each row (or one number) and north-south step [m].
    starts : callable
        Block -> its cells of the sinks.
    arrays : RankArrays
        Take the routes.
    neighbours : {8, 16, 40}
        Moves per cell.
    threads : int
        No effect on the result. With more than one, a block must be made of whole chunks.
    block : int
        Side of a block [cells].
    crossings : CrossingRules, optional
        What crossings cost.
    """

    friction: CellArray
    steps: Steps
    starts: StartCells
    arrays: RankArrays
    neighbours: int = 16
    threads: int = 1
    block: int = 2048
    crossings: CrossingRules | None = None

    @cached_property
    def grid(self) -> Blocking:
        """The blocks."""
        rows, cols = (int(size) for size in self.friction.shape)
        return Blocking((rows, cols), PAD[self.neighbours], self.block)

    @cached_property
    def row_steps(self) -> NDArray[np.float64]:
        """East-west step of each row [m]."""
        return np.broadcast_to(np.asarray(self.steps[0], np.float64), (self.grid.shape[0],))

    def edges(self, number: int) -> EdgeCosts | None:
        """Crossings of the edges in a block's window; None where nothing is crossed."""
        if self.crossings is None:
            return None
        return self.crossings.block(self.grid.at(number), self.neighbours, self.grid.pad)

    def window_steps(self, number: int) -> tuple[NDArray[np.float64], float]:
        """Steps in the rows of a block's window; beyond the grid as at its edge."""
        first = self.grid.at(number).row0 - self.grid.pad
        rows = np.arange(first, first + self.grid.window(number)[0])
        return self.row_steps[np.clip(rows, 0, self.grid.shape[0] - 1)], self.steps[1]

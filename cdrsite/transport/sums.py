"""Cost, length and crossings along routes that were found block by block.

Sums along a route are made from its end, so a block needs those of its halo first. Blocks are
visited until all cells near their borders are known; then the whole block is worked out and handed
on, and nothing but the border cells is ever kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.transport import _kernel
from cdrsite.transport.crossings import CrossingBill, edge_of_moves
from cdrsite.transport.distance import WHERE
from cdrsite.transport.frames import Framed, Strips
from cdrsite.transport.labels import in_order, neighbourhood

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.arrays import CellArray
    from cdrsite.core.grid import Block
    from cdrsite.transport.tiles import BlockRoutes


@dataclass(frozen=True)
class RouteSums:
    """What runs along the routes of one block.

    Attributes
    ----------
    block : Block
        Which cells.
    cost, length_km, crossings : ndarray of float64, shape (k, rows, cols)
        Billed cost, length [km] and cost of crossings; inf without a route.
    sink : ndarray of int32, shape (k, rows, cols)
        Sink id; -1 without a route.
    """

    block: Block
    cost: NDArray[np.float64]
    length_km: NDArray[np.float64]
    crossings: NDArray[np.float64]
    sink: NDArray[np.int32]


def sum_routes(
    routes: BlockRoutes,
    billed: CellArray,
    done: Callable[[RouteSums], None],
    crossings: CrossingBill | None = None,
) -> int:
    """Sum up along the routes of all cells.

    Parameters
    ----------
    routes : BlockRoutes
        Solved.
    billed : CellArray
        What is paid along the routes, shape (rows, cols) [cost per km].
    done : callable
        Takes each block once, in no fixed order, from any thread.
    crossings : CrossingBill, optional
        What crossings cost.

    Returns
    -------
    int
        How many times a block was read; a measure of the work.

    Raises
    ------
    DataError
        A billed surface that is unknown, infinite or negative on a route.
    """
    return _Sums(routes, billed, done, crossings).run()


@dataclass
class _Sums:
    """The visits to the blocks, and what is known near their borders."""

    routes: BlockRoutes
    billed: CellArray
    done: Callable[[RouteSums], None]
    crossings: CrossingBill | None
    strips: Strips = field(init=False)
    bill: Framed = field(init=False)
    sink: list[Framed] = field(init=False)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Nothing is known yet."""
        grid, arrays = self.routes.grid, self.routes.arrays
        ranks = int(arrays.sink.shape[0])
        self.strips = Strips(grid, np.nan, np.float64, (3, ranks))
        self.bill = Framed(grid, self.billed, np.inf)
        self.sink = [Framed(grid, arrays.sink, -1, (k,)) for k in range(ranks)]

    def run(self) -> int:
        """Visit blocks until each is done; those whose halo says more come again."""
        grid, threads = self.routes.grid, self.routes.threads
        for frame in (self.bill, *self.sink):
            for _ in in_order(threads, frame.load, range(len(grid))):
                pass
        waiting, open_, visits = list(range(len(grid))), set(range(len(grid))), 0
        while waiting:
            visits += len(waiting)
            news: set[int] = set()
            found = in_order(threads, self._visit, waiting)
            for number, (complete, progress) in zip(waiting, found, strict=True):
                if complete:
                    open_.discard(number)
                if progress:
                    news |= {other for other, _ in grid.neighbours(number)}
            waiting = sorted(news & open_)
        if open_:
            raise DataError("routes go round in circles between blocks", where=WHERE)
        return visits

    def _visit(self, number: int) -> tuple[bool, bool]:
        """Work out what can be known of a block; whether that is all, and whether there is news."""
        grid = self.routes.grid
        window = grid.window(number)
        sink = np.stack([frame.read(number) for frame in self.sink])
        link = np.full(sink.shape, _kernel.LOST, np.int8)
        link[(slice(None), *grid.inner)] = self.routes.arrays.link[
            (slice(None), *grid.at(number).slices)
        ]
        bill = self._billed(number, link[0])
        near = grid.near(number)
        with self.lock:
            sums = self.strips.halo(number, self.strips.empty(number))
            known = ~np.isnan(self.strips.get(*grid.place(number, near))[1])
        unknown = np.isnan(sums[1])
        unknown[(slice(None), *grid.inner)] = False
        sums[1][unknown] = _kernel.UNSURE_KM
        self._ends(number, link, sink, sums)
        work = self._kernel(number, link, sink, bill, sums)
        pad, (rows, cols) = grid.pad, window
        edge = [
            (pad, min(2 * pad, rows - pad), pad, cols - pad),
            (max(rows - 2 * pad, pad), rows - pad, pad, cols - pad),
            (pad, rows - pad, pad, min(2 * pad, cols - pad)),
            (pad, rows - pad, max(cols - 2 * pad, pad), cols - pad),
        ]
        work(np.array(edge, np.int64))
        flat = sums.reshape(3, len(sink), -1)
        sure = flat[1][:, near] != _kernel.UNSURE_KM
        values = np.where(sure, flat[:, :, near], np.nan)
        with self.lock:
            self.strips.put(*grid.place(number, near), values)
        if sure.all():
            work(np.array([(pad, rows - pad, pad, cols - pad)], np.int64))
            inner = (slice(None), *grid.inner)
            cost, length_km, crossings = (one[inner] for one in sums)
            self.done(RouteSums(grid.at(number), cost, length_km, crossings, sink[inner]))
        return bool(sure.all()), bool((sure & ~known).any())

    def _billed(self, number: int, link: NDArray[np.int8]) -> NDArray[Any]:
        """Billed surface around a block, in the dtype of the labels; unknown ground is closed."""
        bill = self.bill.read(number).astype(self.routes.arrays.label.dtype, copy=False)
        bad = (link > _kernel.NONE) & ~(np.isfinite(bill) & (bill >= 0))
        if bad.any():
            raise DataError(
                "the billed surface is unknown, infinite or negative where routes pass",
                where=WHERE,
                got=f"{int(bad.sum())} cells",
                cure="close those cells in the friction, or give them a cost",
            )
        return np.where(np.isnan(bill), np.inf, bill).astype(bill.dtype, copy=False)

    def _ends(
        self,
        number: int,
        link: NDArray[np.int8],
        sink: NDArray[np.int32],
        sums: NDArray[np.float64],
    ) -> None:
        """Start values where routes end."""
        grid, block = self.routes.grid, self.routes.grid.at(number)
        given = self.routes.starts(block)
        cost = given.start_cost.astype(self.routes.arrays.label.dtype).astype(np.float64)
        order = np.argsort(-cost, kind="stable")  # the cheapest is written last
        row, col = (
            given.row[order] - block.row0 + grid.pad,
            given.col[order] - block.col0 + grid.pad,
        )
        for rank in range(len(sink)):
            ends = link[rank, row, col] == _kernel.SOURCE
            ends &= sink[rank, row, col] == given.sink[order]
            sums[0, rank, row[ends], col[ends]] = cost[order][ends]
            sums[1:, rank, row[ends], col[ends]] = 0.0

    def _kernel(
        self,
        number: int,
        link: NDArray[np.int8],
        sink: NDArray[np.int32],
        bill: NDArray[Any],
        sums: NDArray[np.float64],
    ) -> Callable[[NDArray[np.int64]], None]:
        """The kernel with all that it needs but the cells wanted."""
        grid, block, ranks = self.routes.grid, self.routes.grid.at(number), len(sink)
        rows, cols = grid.window(number)
        moves = neighbourhood(self.routes.neighbours, *self.routes.window_steps(number))
        part = slice(grid.pad, grid.pad + rows)
        lengths = tuple(np.ascontiguousarray(a[:, part]) for a in (moves.unit, moves.span))
        if self.crossings is None:
            edge, price = np.zeros((len(moves.moves), 3), np.int64), np.zeros(1)
            codes: NDArray[Any] = np.zeros((0, 0), np.uint8)
        else:
            edge, price = edge_of_moves(moves.moves), self.crossings.rules.lookup
            codes = self.crossings.codes(block, grid.pad)
            codes = codes.reshape(len(codes), -1)

        def work(parts: NDArray[np.int64]) -> None:
            _kernel.sum_links(
                link.reshape(ranks, -1),
                sink.reshape(ranks, -1),
                bill.ravel(),
                lengths,
                moves.moves,
                (rows, cols),
                moves.strict,
                (edge, codes, price),
                parts,
                sums.reshape(3, ranks, -1),
            )

        return work

"""Cost, length and crossings along routes that were found block by block.

Sums along a route are made from its end, term by term, so a block needs those of its halo first.
The chains from the cells near the borders are taken out of every block, a small part of its cells;
with them those cells are worked out from block to block in memory. Then each block is worked out
as a whole and handed on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.transport import _kernel, _kernel_ends
from cdrsite.transport.crossings import edge_of_moves
from cdrsite.transport.distance import WHERE
from cdrsite.transport.frames import Framed, Strips
from cdrsite.transport.labels import Neighbourhood, in_order, neighbourhood, on_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import Block
    from cdrsite.engine.arrays import CellArray
    from cdrsite.transport.blockroutes import BlockRoutes


@dataclass(frozen=True)
class RouteSums:
    """What runs along the routes of one block.

    Attributes
    ----------
    block : Block
        Which cells.
    cost, length_km : ndarray of float64, shape (k, rows, cols)
        Billed cost, and length [km]; inf without a route.
    crossings : ndarray of float64, shape (k, rows, cols)
        Cost of crossings; inf without a route, or 0 everywhere if none cost anything.
    sink : ndarray of int32, shape (k, rows, cols)
        Sink id; -1 without a route.
    """

    block: Block
    cost: NDArray[np.float64]
    length_km: NDArray[np.float64]
    crossings: NDArray[np.float64]
    sink: NDArray[np.int32]


def sum_routes(routes: BlockRoutes, billed: CellArray, done: Callable[[RouteSums], None]) -> None:
    """Sum up along the routes of all cells.

    Parameters
    ----------
    routes : BlockRoutes
        Solved.
    billed : CellArray
        What is paid along the routes, shape (rows, cols) [cost per km].
    done : callable
        Takes each block once, in no fixed order, from any thread.

    Raises
    ------
    DataError
        A billed surface that is unknown, infinite or negative on a route.
    """
    _Sums(routes, billed, done).run()


@dataclass(frozen=True)
class _Chains:
    """Ways from the cells near the borders of a block to where they end or leave it.

    Attributes
    ----------
    row, col : ndarray, shape (n,)
        Cells near the borders.
    node : ndarray of int32, shape (k, n)
        1 + the number of each cell's node; 0 where its value is known from the start.
    known : ndarray of float64, shape (3, k, n)
        Values where routes end or there is none; NaN elsewhere.
    nodes, tails : tuple of ndarray
        From the kernel.
    leave : tuple of ndarray
        Rank, row and column of the exits.
    lengths : tuple of ndarray
        Of the moves, flat.
    """

    row: NDArray[np.int64]
    col: NDArray[np.int64]
    node: NDArray[np.int32]
    known: NDArray[np.float64]
    nodes: tuple[NDArray[Any], ...]
    tails: tuple[NDArray[Any], ...]
    leave: tuple[NDArray[np.int64], ...]
    lengths: tuple[NDArray[np.float64], ...]

    def values(self, strips: Strips, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """Cost, length and crossings of the cells near the borders, as far as they are known."""
        rank, row, col = self.leave
        there = strips.get(row, col)[:, rank, np.arange(rank.size)]
        sums = np.empty((3, self.nodes[0].size + 1))
        unit, span = self.lengths
        _kernel_ends.sum_chains(self.nodes, self.tails, there, unit, span, price, sums[:, 1:])
        return np.where(self.node > 0, sums[:, self.node], self.known)


@dataclass(frozen=True)
class _Window:
    """What the kernels need to know of a block with its halo; arrays are flat windows."""

    link: NDArray[np.int8]
    sink: NDArray[np.int32]
    bill: NDArray[Any]
    lengths: tuple[NDArray[np.float64], ...]
    moves: Neighbourhood
    codes: NDArray[Any]
    ends: tuple[tuple[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]


@dataclass
class _Sums:
    """First the cells near the borders of all blocks, then each block on its own."""

    routes: BlockRoutes
    billed: CellArray
    done: Callable[[RouteSums], None]
    strips: Strips = field(init=False)
    bill: Framed = field(init=False)
    sink: list[Framed] = field(init=False)
    price: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is known yet."""
        grid, arrays = self.routes.grid, self.routes.arrays
        ranks = int(arrays.sink.shape[0])
        self.strips = Strips(grid, np.nan, np.float64, (3, ranks))
        self.bill = Framed(grid, self.billed, np.inf)
        self.sink = [Framed(grid, arrays.sink, -1, (k,)) for k in range(ranks)]
        self.price = np.zeros(1) if self.routes.crossings is None else self.routes.crossings.lookup

    def run(self) -> None:
        """All blocks."""
        grid, threads = self.routes.grid, self.routes.threads
        for frame in (self.bill, *self.sink):
            on_threads(threads, frame.take, range(len(grid)))
        if len(grid) > 1:
            self._join(list(in_order(threads, self._gather, range(len(grid)))))
        on_threads(threads, self._finish, range(len(grid)))

    def _join(self, chains: list[_Chains]) -> None:
        """Values of the cells near borders: from block to block until all are known."""
        waiting = list(range(len(chains)))
        known = [0] * len(chains)
        while waiting:
            news: set[int] = set()
            for number in waiting:
                one = chains[number]
                values = one.values(self.strips, self.price)
                self.strips.put(one.row, one.col, values)
                count = int(np.count_nonzero(~np.isnan(values[1])))
                if count > known[number]:
                    news |= {other for other, _ in self.routes.grid.neighbours(number)}
                known[number] = count
            waiting = sorted(n for n in news if known[n] < chains[n].node.size)
        if any(count < one.node.size for count, one in zip(known, chains, strict=True)):
            raise DataError("routes go round in circles between blocks", where=WHERE)

    def _window(self, number: int) -> _Window:
        """A block with its halo."""
        grid, block = self.routes.grid, self.routes.grid.at(number)
        sink = np.empty((len(self.sink), *grid.window(number)), np.int32)
        for rank, frame in enumerate(self.sink):
            sink[rank] = frame.read(number)
        link = np.full(sink.shape, _kernel.LOST, np.int8)
        inner = (slice(None), *grid.inner)
        link[inner] = self.routes.arrays.link[(slice(None), *block.slices)]
        moves = neighbourhood(self.routes.neighbours, *self.routes.window_steps(number))
        part = slice(grid.pad, grid.pad + link.shape[1])
        lengths = tuple(np.ascontiguousarray(a[:, part]) for a in (moves.unit, moves.span))
        codes: NDArray[Any] = np.zeros((0, 0), np.uint8)
        if (edges := self.routes.edges(number)) is not None:
            codes = edges.codes.reshape(len(edges.codes), -1)
        bill = self._billed(number, link[0])
        ends = self._ends(number, link, sink)
        flat = len(sink), -1
        return _Window(
            link.reshape(flat), sink.reshape(flat), bill.ravel(), lengths, moves, codes, ends
        )

    def _billed(self, number: int, link: NDArray[np.int8]) -> NDArray[Any]:
        """Billed surface around a block, in the dtype of the labels; unknown ground is closed."""
        bill = self.bill.read(number).astype(self.routes.arrays.label.dtype, copy=False)
        good = np.isfinite(bill)
        good &= bill >= 0
        if bad := int(np.count_nonzero((link > _kernel.NONE) & ~good)):
            raise DataError(
                "the billed surface is unknown, infinite or negative where routes pass",
                where=WHERE,
                got=f"{bad} cells",
                cure="close those cells in the friction, or give them a cost",
            )
        bill[~good] = np.inf
        return bill

    def _ends(
        self, number: int, link: NDArray[np.int8], sink: NDArray[np.int32]
    ) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]:
        """Where routes end: ranks and flat cells, and the start costs there."""
        pad, block = self.routes.grid.pad, self.routes.grid.at(number)
        given = self.routes.starts(block)
        cost = given.start_cost.astype(self.routes.arrays.label.dtype).astype(np.float64)
        order = np.argsort(-cost, kind="stable")  # the cheapest is written last
        row, col = given.row[order] - block.row0 + pad, given.col[order] - block.col0 + pad
        ends = link[:, row, col] == _kernel.SOURCE
        ends &= sink[:, row, col] == given.sink[order]
        rank, at = np.nonzero(ends)
        return (rank, row[at] * link.shape[2] + col[at]), cost[order][at]

    def _gather(self, number: int) -> _Chains:
        """Chains of a block."""
        grid, near, one = self.routes.grid, self.routes.grid.near(number), self._window(number)
        start, node = np.zeros(one.link.shape), np.zeros(one.link.shape, np.int32)
        start[one.ends[0]] = one.ends[1]
        nodes, tails, leave = _kernel.gather_chains(
            one.link,
            one.sink,
            one.bill,
            one.moves.moves,
            grid.window(number),
            grid.pad,
            one.moves.strict,
            (edge_of_moves(one.moves.moves), one.codes, self.price),
            near,
            start,
            node,
        )
        link = one.link[:, near]
        known = np.full((3, *link.shape), np.nan)
        known[:, link == _kernel.NONE] = np.inf
        known[0][link == _kernel.SOURCE] = start[:, near][link == _kernel.SOURCE]
        known[1:, link == _kernel.SOURCE] = 0.0
        return _Chains(
            *grid.place(number, near),
            node[:, near],
            known,
            nodes,
            tails,
            (leave[:, 0], *grid.place(number, leave[:, 1])),
            tuple(a.ravel() for a in one.lengths),
        )

    def _finish(self, number: int) -> None:
        """Work out a whole block and hand it on."""
        grid, one = self.routes.grid, self._window(number)
        window = grid.window(number)
        sums = np.empty((3, len(self.sink), *window))
        sums[1] = np.nan
        cost, length, crossing = self.strips.halo(number, sums).reshape(3, *one.link.shape)
        cost[one.ends[0]] = one.ends[1]
        length[one.ends[0]] = crossing[one.ends[0]] = 0.0
        _kernel.sum_links(
            one.link,
            one.sink,
            one.bill,
            one.lengths,
            one.moves.moves,
            window,
            grid.pad,
            one.moves.strict,
            (edge_of_moves(one.moves.moves), one.codes, self.price),
            cost,
            length,
            crossing,
        )
        inner = (slice(None), *grid.inner)
        sink = one.sink.reshape(sums[0].shape)[inner]
        crossings = sums[2][inner]
        if self.routes.crossings is None:
            crossings = np.broadcast_to(np.zeros(1), crossings.shape)
        self.done(RouteSums(grid.at(number), sums[0][inner], sums[1][inner], crossings, sink))

"""Least-cost distance block by block, for grids that do not fit in memory.

Every array is anything with a shape that reads and writes rectangular slices: ``numpy.memmap``, a
Zarr array. A block is loaded with a halo as wide as the longest move, relaxed in memory, and
written back; a neighbour is solved again when a cell in the halo improved. The fixed point is
unique, so the result has the same bytes as ``least_cost``, whatever the block.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.transport import _kernel
from cdrsite.transport.distance import TILES, WHERE, Sources, padded_problem
from cdrsite.transport.labels import PAD, Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Array2D(Protocol):
    """A 2-D array on disk or in memory that reads and writes rectangles."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        ...

    def __getitem__(self, key: tuple[slice, slice], /) -> Any: ...

    def __setitem__(self, key: tuple[slice, slice], value: Any, /) -> None: ...


@dataclass(frozen=True)
class Store:
    """Arrays of the grid's shape that take the result; what is in them is overwritten.

    Attributes
    ----------
    label : float32 or float64
        Steering cost, in the dtype in which labels are relaxed; inf without a route.
    cost, length_km : float64
        Billed cost [friction units x km] and length [km] along the route; inf without one.
    sink : int32
        Sink id; -1 without a route.
    link : int8
        Move towards the sink; -1 in a cell of the sink, -2 without a route.
    """

    label: Array2D
    cost: Array2D
    length_km: Array2D
    sink: Array2D
    link: Array2D


@dataclass(frozen=True)
class _Grid:
    """The blocks of a grid and how windows of them are read and written."""

    shape: tuple[int, int]
    pad: int
    block: int

    @property
    def across(self) -> int:
        """Number of block columns."""
        return -(-self.shape[1] // self.block)

    def __len__(self) -> int:
        """Number of blocks."""
        return -(-self.shape[0] // self.block) * self.across

    def corner(self, at: int) -> tuple[int, int]:
        """First row and column of a block."""
        return at // self.across * self.block, at % self.across * self.block

    def size(self, at: int) -> tuple[int, int]:
        """Rows and columns of a block."""
        row, col = self.corner(at)
        return min(self.block, self.shape[0] - row), min(self.block, self.shape[1] - col)

    def read(self, array: Array2D, at: int, outside: float) -> NDArray[Any]:
        """A block with its halo; beyond the grid there is ``outside``."""
        (row, col), (high, wide), pad = self.corner(at), self.size(at), self.pad
        r0, r1 = max(row - pad, 0), min(row + high + pad, self.shape[0])
        c0, c1 = max(col - pad, 0), min(col + wide + pad, self.shape[1])
        part = np.asarray(array[r0:r1, c0:c1])
        out = np.full((high + 2 * pad, wide + 2 * pad), outside, part.dtype)
        top, left = r0 - row + pad, c0 - col + pad
        out[top : top + r1 - r0, left : left + c1 - c0] = part
        return out

    def write(self, array: Array2D, at: int, window: NDArray[Any]) -> None:
        """Put the inner part of a window back."""
        (row, col), (high, wide), pad = self.corner(at), self.size(at), self.pad
        array[row : row + high, col : col + wide] = window[pad : pad + high, pad : pad + wide]

    def neighbours(self, at: int) -> Iterator[tuple[int, tuple[slice, slice]]]:
        """The blocks around a block, each with its part of the window's halo."""
        down, across = len(self) // self.across, self.across
        high, wide = self.size(at)
        rows = (slice(0, self.pad), slice(self.pad, self.pad + high), slice(self.pad + high, None))
        cols = (slice(0, self.pad), slice(self.pad, self.pad + wide), slice(self.pad + wide, None))
        for i in range(3):
            for j in range(3):
                r, c = at // across + i - 1, at % across + j - 1
                if (i, j) != (1, 1) and 0 <= r < down and 0 <= c < across:
                    yield r * across + c, (rows[i], cols[j])


def least_cost_blocks(
    friction: Array2D,
    steps: tuple[NDArray[np.float64] | float, float],
    sources: Sources,
    store: Store,
    *,
    billed: Array2D | None = None,
    neighbours: int = 16,
    threads: int = 1,
    block: int = 2048,
) -> int:
    """Find the cheapest sink of every cell with a bounded amount of memory.

    Parameters
    ----------
    friction, steps, sources, billed, neighbours, threads
        As in ``least_cost``.
    store : Store
        Takes the result.
    block : int
        Side of a block [cells]; about 80 bytes of memory per cell of one block.

    Returns
    -------
    int
        How many blocks were relaxed in all; a measure of the work.

    Raises
    ------
    DataError
        A friction that is not positive, a source outside the grid, a sink that only has cells on
        barriers, or frictions that span more than the dtype can add up.
    """
    pad = PAD[neighbours]
    shape = int(friction.shape[0]), int(friction.shape[1])
    if block < pad:
        raise DataError("the block is smaller than a move", where=WHERE, got=block, expected=pad)
    grid = _Grid(shape, pad, block)
    row_steps = np.broadcast_to(np.asarray(steps[0], np.float64), (shape[0],))

    def problem(at: int, bill: bool) -> Problem:
        window = grid.read(friction, at, np.inf)
        known = window[~np.isnan(window)]
        if known.size and known.min() <= 0:
            raise DataError("the friction is zero or negative", where=WHERE, got=known.min())
        rows = np.arange(window.shape[0]) + grid.corner(at)[0] - pad
        window_steps = row_steps[np.clip(rows, 0, shape[0] - 1)], steps[1]
        paid = grid.read(billed, at, np.inf) if bill and billed is not None else window
        dtype = np.dtype(grid.read(store.label, at, np.inf).dtype).name
        return padded_problem(window, paid, window_steps, neighbours, dtype, threads)

    inside = _sources_by_block(grid, sources)
    passable = _begin(grid, friction, store, sources, inside)
    blocked = np.setdiff1d(sources.sink, sources.sink[passable])
    if blocked.size:
        raise DataError(
            "all cells of a sink lie on barriers or unknown ground",
            where=WHERE,
            got=f"sink {', '.join(map(str, blocked[:10]))}",
            cure="move its access point to passable ground or open its cells",
        )
    solved = _relax(grid, store, problem, list(inside))
    _link(grid, store, problem, sources, inside, passable)
    _follow(grid, store, problem)
    return solved


def _sources_by_block(grid: _Grid, sources: Sources) -> dict[int, NDArray[np.int64]]:
    """Which sources lie in which block; worst first, so that the best is written last."""
    row, col = sources.row, sources.col
    out = (row < 0) | (row >= grid.shape[0]) | (col < 0) | (col >= grid.shape[1])
    if out.any():
        raise DataError(
            f"sink {sources.sink[out][0]} lies outside the grid",
            where=WHERE,
            got=f"row {row[out][0]}, column {col[out][0]}",
            cure="drop the sink or enlarge the region",
        )
    order = np.lexsort((-sources.sink.astype(np.int64), -sources.start_cost))
    block = row[order] // grid.block * grid.across + col[order] // grid.block
    return {int(at): order[block == at] for at in np.unique(block)}


def _begin(
    grid: _Grid,
    friction: Array2D,
    store: Store,
    sources: Sources,
    inside: dict[int, NDArray[np.int64]],
) -> NDArray[np.bool_]:
    """Empty labels and sinks with the start costs in them; which sources are passable."""
    passable = np.zeros(sources.sink.size, bool)
    for at in range(len(grid)):
        (row, col), size = grid.corner(at), grid.size(at)
        part = slice(row, row + size[0]), slice(col, col + size[1])
        store.sink[part] = np.full(size, -1, np.int32)
        label = np.full(size, np.inf)
        if at in inside:
            here = inside[at]
            r, c = sources.row[here] - row, sources.col[here] - col
            open_ = np.isfinite(np.asarray(friction[part])[r, c])
            passable[here] = open_
            label[r[open_], c[open_]] = sources.start_cost[here][open_]
        store.label[part] = label
    return passable


def _relax(
    grid: _Grid, store: Store, problem: Callable[[int, bool], Problem], begin: list[int]
) -> int:
    """Solve blocks, least label first, until no halo improves."""
    agenda = dict.fromkeys(begin, 0.0)
    queue = [(0.0, at) for at in begin]
    heapq.heapify(queue)
    solved = 0
    while queue:
        key, at = heapq.heappop(queue)
        if agenda.get(at) != key:
            continue
        del agenda[at]
        solved += 1
        before = grid.read(store.label, at, np.inf)
        task = problem(at, False)
        flat = _padded(before, task, np.inf)
        TILES.relax(task, flat, np.zeros(1, np.float32))
        after = _cut(flat, task)
        grid.write(store.label, at, after)
        for other, part in grid.neighbours(at):
            better = after[part][after[part] < before[part]]
            if better.size and float(better.min()) < agenda.get(other, np.inf):
                agenda[other] = float(better.min())
                heapq.heappush(queue, (agenda[other], other))
    return solved


def _link(
    grid: _Grid,
    store: Store,
    problem: Callable[[int, bool], Problem],
    sources: Sources,
    inside: dict[int, NDArray[np.int64]],
    passable: NDArray[np.bool_],
) -> None:
    """Links of all blocks, and the sinks' own cells."""
    for at in range(len(grid)):
        task = problem(at, False)
        labels = grid.read(store.label, at, np.inf)
        flat = np.full(task.friction.size, _kernel.NONE, np.int8)
        TILES.link(task, _padded(labels, task, np.inf), np.zeros(1, np.float32), flat)
        link = _cut(flat, task)
        here = inside.get(at, np.zeros(0, np.int64))
        sink, cost, length = (
            grid.read(a, at, o)
            for a, o in ((store.sink, -1), (store.cost, np.inf), (store.length_km, np.inf))
        )
        row, col = (
            a + grid.pad - b
            for a, b in zip((sources.row, sources.col), grid.corner(at), strict=True)
        )
        for i in here[passable[here]].tolist():
            place = row[i], col[i]
            if labels[place] == labels.dtype.type(sources.start_cost[i]):
                link[place] = _kernel.SOURCE
                sink[place] = sources.sink[i]
                cost[place] = labels[place]
                length[place] = 0.0
        inner = link[grid.pad : -grid.pad, grid.pad : -grid.pad]
        if lost := int(np.count_nonzero(inner == _kernel.LOST)):
            raise DataError(
                "moves are lost in rounding: the cheapest cells are too cheap beside the costs",
                where=WHERE,
                got=f"{lost} cells in {labels.dtype}",
                cure="use labels in float64, or a friction of fewer orders of magnitude",
            )
        grid.write(store.link, at, link)
        grid.write(store.sink, at, sink)
        grid.write(store.cost, at, cost)
        grid.write(store.length_km, at, length)


def _follow(grid: _Grid, store: Store, problem: Callable[[int, bool], Problem]) -> None:
    """Sinks, costs and lengths, block by block until every chain has found its end."""
    waiting = list(range(len(grid)))
    open_: set[int] = set()
    while waiting:
        at = waiting.pop(0)
        task = problem(at, True)
        link = grid.read(store.link, at, _kernel.NONE)
        inner = slice(grid.pad, -grid.pad), slice(grid.pad, -grid.pad)
        own = np.full_like(link, _kernel.LOST)
        own[inner] = link[inner]
        sink, cost, length = (
            _padded(grid.read(a, at, o), task, o)[None]
            for a, o in ((store.sink, -1), (store.cost, np.inf), (store.length_km, np.inf))
        )
        known = int(np.count_nonzero(sink >= 0))
        moves = task.moves
        _kernel.follow_links(
            _padded(own, task, _kernel.LOST), 0, sink, cost, length, task.bill, moves.unit,
            moves.span, moves.moves, task.shape[1], moves.strict, np.array([0, task.shape[0]]),
        )  # fmt: skip
        progress = int(np.count_nonzero(sink >= 0)) > known
        sink = np.maximum(_cut(sink[0], task), _kernel.UNKNOWN)
        grid.write(store.sink, at, sink)
        grid.write(store.cost, at, _cut(cost[0], task))
        grid.write(store.length_km, at, _cut(length[0], task))
        open_.discard(at)
        if ((sink < 0) & (link > _kernel.NONE))[inner].any():
            open_.add(at)
        if progress:
            around = {other for other, _ in grid.neighbours(at)}
            waiting += sorted((around & open_) - set(waiting))


def _padded(window: NDArray[Any], task: Problem, outside: float) -> NDArray[Any]:
    """A window on the padded grid of its problem, flat."""
    pad, (rows, cols) = task.moves.pad, window.shape
    out = np.full(task.shape, outside, window.dtype)
    out[pad : pad + rows, pad : pad + cols] = window
    return out.ravel()


def _cut(flat: NDArray[Any], task: Problem) -> NDArray[Any]:
    """The window of a flat padded array."""
    pad, (rows, cols) = task.moves.pad, task.inner
    return flat.reshape(task.shape)[pad : pad + rows, pad : pad + cols]

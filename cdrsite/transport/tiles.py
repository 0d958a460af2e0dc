"""Least-cost distance block by block, for grids that do not fit in memory.

A block is loaded with a halo as wide as the longest move, relaxed in memory, and written back; a
neighbour is solved again when a cell in its halo improved, and then only from the tiles that hold
such cells. Ranks follow one another as in ``labels``: what they need of each other is in the window
of a block. The fixed point is unique, so the result has the same bytes as ``least_cost``, whatever
the block.

Labels only fall towards their fixed point, and every other step writes a function of what earlier
steps wrote: a run that was stopped anywhere continues at the step in which it was stopped.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.transport import _kernel
from cdrsite.transport._kernel_tiles import EMPTY
from cdrsite.transport.blockroutes import BlockRoutes
from cdrsite.transport.distance import (
    TILES,
    WHERE,
    Sources,
    first_tiles,
    padded_problem,
    refuse_blocked,
    relax_from,
)
from cdrsite.transport.frames import Framed, Strips
from cdrsite.transport.labels import LabelProblem, Starts, in_order, seed_links, set_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import Block

    Steps = tuple[NDArray[np.float64] | float, float]
    StartCells = Callable[[Block], Sources]

BEGUN, RELAXED, LINKED, STEPS = 1, 2, 3, 3
"""What of a rank is done, and how many steps it has."""


def solve_blocks(routes: BlockRoutes) -> int:
    """Find links and sinks of all ranks, going on where an earlier try was stopped.

    Returns
    -------
    int
        How many blocks were relaxed in all; a measure of the work.

    Raises
    ------
    DataError
        A friction that is not positive, a sink that only has cells on barriers, or frictions
        that span more than the dtype can add up.
    """
    return _Solve(routes).run()


class _Solve:
    """Links and sinks of all ranks, step by step."""

    def __init__(self, routes: BlockRoutes) -> None:
        self.routes, self.grid, self.arrays = routes, routes.grid, routes.arrays
        grid, arrays = self.grid, self.arrays
        if grid.block < grid.pad:
            raise DataError(
                "the block is smaller than a move", where=WHERE, got=grid.block, expected=grid.pad
            )
        self.ranks = int(arrays.label.shape[0])
        self.friction = Framed(grid, routes.friction, np.inf)
        self.label = [Framed(grid, arrays.label, np.inf, (k,)) for k in range(self.ranks)]
        self.sink = [Framed(grid, arrays.sink, -1, (k,)) for k in range(self.ranks)]
        self.dtype = np.dtype(arrays.label.dtype)

    def each(self, work: Callable[[int], Any]) -> list[Any]:
        """Work on all blocks, on the threads; what it gives for each."""
        return list(in_order(self.routes.threads, work, range(len(self.grid))))

    def run(self) -> int:
        """All steps that are not finished yet."""
        done, solved = int(np.asarray(self.arrays.progress[:, :])[0, 0]), 0
        if done >= STEPS * self.ranks:
            return 0
        self._take_friction()
        for rank in range(self.ranks):
            at = done - STEPS * rank
            if at >= LINKED:
                self.each(self.label[rank].take)
                self.each(self.sink[rank].take)
                continue
            if at < BEGUN:
                keys = self._begin(rank)
                self._finished(rank, BEGUN)
            else:
                keys = self.each(lambda number: _least(self.label[rank].load(number)))  # noqa: B023
            if at < RELAXED:
                solved += self._relax(rank, keys)
                self._finished(rank, RELAXED)
            self._link(rank)
            self._finished(rank, LINKED)
        return solved

    def _finished(self, rank: int, step: int) -> None:
        self.arrays.progress[:, :] = np.full((1, 1), STEPS * rank + step, np.int32)

    def _take_friction(self) -> None:
        """Borders of the friction, which is checked."""
        low = np.array(self.each(lambda number: _least(self.friction.load(number))))
        if not (low < np.inf).any():
            raise DataError("the friction has no passable cell", where=WHERE)
        if low.min() <= 0:
            raise DataError(
                "the friction is zero or negative",
                where=WHERE,
                got=f"least {low.min():g}",
                expected="positive; inf for a barrier, NaN for unknown",
                cure="give free ground a small positive cost, or close it with inf",
            )

    def _problem(self, number: int, threads: int) -> LabelProblem:
        window = self.friction.read(number)
        steps = self.routes.window_steps(number)
        neighbours = self.routes.neighbours
        edges, dtype = self.routes.edges(number), self.dtype.name
        return padded_problem(window, window, steps, neighbours, dtype, threads, edges)

    def _better(self, rank: int, number: int, task: LabelProblem) -> _Better:
        """Labels and sinks of the better ranks around a block, and where sets of sinks differ."""
        sinks = _stacked([self.sink[k].read(number) for k in range(rank)], task, -1, np.int32)
        labels = _stacked(
            [self.label[k].read(number) for k in range(rank)], task, np.inf, self.dtype
        )
        region = set_ids(sinks, rank) if rank else np.zeros(1, np.float32)
        return _Better(rank, labels, sinks, region)

    def _starts(self, number: int, task: LabelProblem) -> tuple[Starts, Sources]:
        """Start cells of a block on its padded window, without those on barriers."""
        block, pad = self.grid.at(number), 2 * self.grid.pad
        given = self.routes.starts(block)
        cell = (given.row - block.row0 + pad) * task.shape[1] + given.col - block.col0 + pad
        cost = given.start_cost.astype(self.dtype).astype(np.float64)
        order = np.lexsort((given.sink, cost, cell))
        order = order[np.isfinite(task.friction[cell[order]])]
        return Starts(cell[order], given.sink[order], cost[order]), given

    def _begin(self, rank: int) -> list[float]:
        """Start values of a rank; the least of each block."""

        def work(number: int) -> tuple[float, set[int], set[int]]:
            task = self._problem(number, 1)
            starts, given = self._starts(number, task)
            better = self._better(rank, number, task)
            label = np.full(task.friction.size, np.inf, self.dtype)
            starts.place(rank, better.sinks, label)
            if rank:
                label, _ = better.seed(task, label, self._rows(number))
            inner = _cut(label, task)[self.grid.inner]
            self.label[rank].write(number, inner)
            if rank:
                return _least(inner), set(), set()
            return _least(inner), set(given.sink.tolist()), set(starts.sink.tolist())

        parts = self.each(work)
        if rank == 0:
            known, passable = (set().union(*(part[i] for part in parts)) for i in (1, 2))
            refuse_blocked(sorted(known - passable))
        return [part[0] for part in parts]

    def _rows(self, number: int) -> NDArray[np.int64]:
        """Rows of the block itself on its padded window."""
        first = 2 * self.grid.pad
        return np.array([first, first + self.grid.at(number).shape[0]], np.int64)

    def _relax(self, rank: int, keys: list[float]) -> int:
        """Solve blocks, least label first, until no halo improves."""
        grid, label = self.grid, self.label[rank]
        agenda = {at: key for at, key in enumerate(keys) if key < np.inf}
        queue = [(key, at) for at, key in agenda.items()]
        heapq.heapify(queue)
        seen: dict[int, NDArray[Any]] = {}
        solved = 0
        while queue:
            key, at = heapq.heappop(queue)
            if agenda.get(at) != key:
                continue
            del agenda[at]
            solved += 1
            before = label.read(at)
            task = self._problem(at, self.routes.threads)
            region = self._region(rank, at, task)
            flat = _padded(before, task, np.inf)
            halo = grid.halo(at)
            relax_from(task, flat, region, _agenda(task, flat, before, halo, seen.get(at)))
            after = _cut(flat, task)
            seen[at] = after[halo]
            if (after[grid.inner] < before[grid.inner]).any():
                label.write(at, after[grid.inner])
            for other, part in grid.neighbours(at):
                better = after[part][after[part] < before[part]]
                if better.size and float(better.min()) < agenda.get(other, np.inf):
                    agenda[other] = float(better.min())
                    heapq.heappush(queue, (agenda[other], other))
        return solved

    def _region(self, rank: int, number: int, task: LabelProblem) -> NDArray[np.float32]:
        if rank == 0:
            return np.zeros(1, np.float32)
        parts = [self.sink[k].read(number) for k in range(rank)]
        return set_ids(_stacked(parts, task, -1, np.int32), rank)

    def _link(self, rank: int) -> None:
        """Links of a rank, and its sinks: first within the blocks, then across their borders."""
        frame = self.sink[rank]
        frame.strips = Strips(self.grid, -1, np.int32)
        leaving = self.each(lambda number: self._link_block(rank, number))
        _join(frame.strips, [part[:4] for part in leaving])

        def finish(number: int) -> None:
            if not leaving[number][4]:
                return
            code = frame.inside(number)
            names = frame.strips.halo(number, frame.strips.empty(number)).ravel()
            away = code < -1
            code = np.where(away, names[np.where(away, -2 - code, 0)], code)
            frame.array[(rank, *self.grid.at(number).slices)] = code

        self.each(finish)

    def _link_block(self, rank: int, number: int) -> tuple[Any, ...]:
        """Links of a block; cells near its border whose route leaves it, and where to."""
        grid, task = self.grid, self._problem(number, 1)
        better = self._better(rank, number, task)
        label = _padded(self.label[rank].read(number), task, np.inf)
        link = np.full(label.size, _kernel.NONE, np.int8)
        TILES.link(task, label, better.region, link)
        starts, _ = self._starts(number, task)
        first = np.full(label.size, np.inf, self.dtype)
        chosen = starts.place(rank, better.sinks, first)
        if rank:
            seed, seed_link = better.seed(task, first, self._rows(number))
            _kernel.link_seeds(label, seed, seed_link, link)
        ends = starts.ends(chosen, label)
        link[starts.cell[ends]] = _kernel.SOURCE
        code = np.full(label.size, _kernel.UNSEEN, np.int32)
        code[starts.cell[ends]] = starts.sink[ends]
        moves = _cut(link, task)
        inner = moves[grid.inner]
        if lost := int(np.count_nonzero(inner == _kernel.LOST)):
            raise DataError(
                "moves are lost in rounding: the cheapest cells are too cheap beside the costs",
                where=WHERE,
                got=f"{lost} cells in {label.dtype}",
                cure="use labels in float64, or a friction of fewer orders of magnitude",
            )
        self.arrays.link[(rank, *grid.at(number).slices)] = inner
        return self._chain(rank, number, moves, better.sinks, _cut(code, task), task)

    def _chain(
        self,
        rank: int,
        number: int,
        link: NDArray[np.int8],
        sinks: NDArray[np.int32],
        code: NDArray[np.int32],
        task: LabelProblem,
    ) -> tuple[Any, ...]:
        """Write the sinks of a block as far as it knows them."""
        grid, frame = self.grid, self.sink[rank]
        better = np.array([_cut(one, task).ravel() for one in sinks], np.int32)
        better = better.reshape(rank, link.size)
        flat = np.ascontiguousarray(code).ravel()
        _kernel.chain_sinks(
            link.ravel(), rank, better, task.moves.moves, link.shape, grid.pad, flat
        )
        code = flat.reshape(link.shape)
        inner = code[grid.inner]
        frame.array[(rank, *grid.at(number).slices)] = inner
        frame.strips.write(number, np.maximum(inner, -2))
        near = grid.near(number)
        cell = near[flat[near] < -1]
        to = -2 - flat[cell].astype(np.int64)
        return *grid.place(number, cell), *grid.place(number, to), bool((inner < -1).any())


@dataclass(frozen=True)
class _Better:
    """What a rank needs to know of the better ones, on the padded window of a block."""

    rank: int
    labels: NDArray[Any]
    sinks: NDArray[np.int32]
    region: NDArray[np.float32]

    def seed(
        self, task: LabelProblem, starts: NDArray[Any], rows: NDArray[np.int64]
    ) -> tuple[NDArray[Any], NDArray[np.int8]]:
        """Start values of the rank from those of its start cells, and the links of them."""
        labels = np.concatenate((self.labels, starts[None]))
        link = seed_links(task, labels, self.sinks, self.region, self.rank, rows)
        return labels[self.rank], link


def _join(strips: Strips, leaving: list[tuple[Any, ...]]) -> None:
    """Sinks of the cells near borders, from those of the cells that their routes go on to."""
    row, col, to_row, to_col = (np.concatenate(parts) for parts in zip(*leaving, strict=True))
    while row.size:
        found = strips.get(to_row, to_col)
        known = found > -2
        if not known.any():
            raise DataError("routes go round in circles between blocks", where=WHERE)
        strips.put(row[known], col[known], found[known])
        row, col, to_row, to_col = (a[~known] for a in (row, col, to_row, to_col))


def _agenda(
    task: LabelProblem,
    flat: NDArray[Any],
    window: NDArray[Any],
    halo: tuple[NDArray[np.int64], NDArray[np.int64]],
    seen: NDArray[Any] | None,
) -> NDArray[np.int32]:
    """Tiles to begin with: at first all that have labels, then those with better halo cells."""
    if seen is None:
        return first_tiles(task, flat)
    now = window[halo]
    better = np.flatnonzero(now < seen)
    pending = np.full(task.tiles[0] * task.tiles[1], EMPTY, np.int32)
    tile = halo[0][better] // task.tile * task.tiles[1] + halo[1][better] // task.tile
    np.minimum.at(pending.view(np.float32), tile, now[better].astype(np.float32))
    return pending


def _least(values: NDArray[Any]) -> float:
    """Least known value; inf without any."""
    return float(np.fmin.reduce(values, axis=None, initial=np.inf))


def _stacked(
    parts: list[NDArray[Any]], task: LabelProblem, outside: float, dtype: Any
) -> NDArray[Any]:
    """Windows of several ranks on the padded grid of their problem, flat."""
    out = np.full((len(parts), task.friction.size), outside, dtype)
    for at, window in enumerate(parts):
        _cut(out[at], task)[...] = window
    return out


def _padded(window: NDArray[Any], task: LabelProblem, outside: float) -> NDArray[Any]:
    """A window on the padded grid of its problem, flat."""
    return _stacked([window], task, outside, window.dtype)[0]


def _cut(flat: NDArray[Any], task: LabelProblem) -> NDArray[Any]:
    """The window of a flat padded array."""
    pad, (rows, cols) = task.moves.pad, task.inner
    return flat.reshape(task.shape)[pad : pad + rows, pad : pad + cols]

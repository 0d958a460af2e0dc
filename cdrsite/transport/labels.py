"""The k best labels of every cell: ranks, one scalar shortest-path problem each.

Rank 1 is the usual multi-source problem. For rank j, let S(c) be the set of the j - 1 better sinks
of cell c. Where two neighbours have the same set, only labels of rank j can pass between them.
Where the sets differ, the neighbour's best label whose sink is not in S(c) has a rank below j and
is already final: it is a start value. So rank j is again one scalar problem, with start values on
the borders between sets and no moves across them; its cost does not depend on how many sinks
there are.

One module: the ranks, their start values and their links follow one definition.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.core.plaindata import recorded
from cdrsite.transport import _kernel, _kernel_ends
from cdrsite.transport.crossings import edge_of_moves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.transport.crossings import EdgeCosts

    Crossed = tuple[NDArray[np.int64], NDArray[Any], NDArray[Any]]

S = TypeVar("S")
T = TypeVar("T")

KINDS: tuple[tuple[int, int, int], ...] = (
    (0, 1, 2),
    (1, 0, 2),
    (1, 1, 2),
    (1, 2, 4),
    (2, 1, 4),
    (1, 4, 8),
    (4, 1, 8),
    (2, 3, 12),
    (3, 2, 12),
    (1, 3, 6),
    (3, 1, 6),
)
"""Rows, columns and denominator of the cell shares of each kind of move.

A move costs its length times the mean friction along its straight line: both ends and each crossed
cell count by the length of the line within them. For the knight's move that is the rule of four
quarters of GRASS ``r.cost -k``.
"""

KINDS_OF: dict[int, int] = {8: 3, 16: 5, 40: 11}
"""How many of ``KINDS`` a neighbourhood has.

The error on uniform friction is 1 / cos(half the widest angle between two moves) - 1: 8.24 % for
8 neighbours, 2.75 % for 16, and 0.76 % for these 40, whose widest angle lies between (0, 1) and
(1, 4). The usual 32, with (1, 3) and (2, 3), reach 1.31 %.
"""


PAD: dict[int, int] = {
    neighbours: max(max(high, wide) for high, wide, _ in KINDS[:count])
    for neighbours, count in KINDS_OF.items()
}
"""Longest step of each neighbourhood [cells]."""


@recorded
@dataclass(frozen=True)
class Neighbourhood:
    """The moves of a neighbourhood on a grid.

    Attributes
    ----------
    moves : ndarray, int64, shape (n, 3)
        Row step, column step, kind; nearest first, then clockwise from north. This order breaks
        ties between routes of equal cost.
    unit : ndarray, float64, shape (kinds, padded rows)
        Length of the move over the denominator of its shares [km], by its northern row.
    span : ndarray, float64, shape (kinds, padded rows)
        Length of the move [km].
    pad : int
        Length of the longest step [cells]: how wide the border of barrier cells must be.
    strict : bool
        Whether a diagonal between two barrier cells is closed (16 and 40 neighbours).
    """

    moves: NDArray[np.int64]
    unit: NDArray[np.float64]
    span: NDArray[np.float64]
    pad: int
    strict: bool


def _moves(neighbours: int) -> NDArray[np.int64]:
    """All moves of a neighbourhood, nearest first, then clockwise from north."""
    found = []
    for kind, (high, wide, _) in enumerate(KINDS[: KINDS_OF[neighbours]]):
        for dr in {high, -high}:
            for dc in {wide, -wide}:
                angle = math.atan2(dc, -dr) % math.tau
                found.append((dr * dr + dc * dc, angle, dr, dc, kind))
    return np.array([move[2:] for move in sorted(found)], np.int64)


def neighbourhood(
    neighbours: int, row_steps_m: NDArray[np.float64], ns_step_m: float, below: int = 0
) -> Neighbourhood:
    """Moves and true lengths for a grid.

    Parameters
    ----------
    neighbours : int
        8, 16 or 40.
    row_steps_m : ndarray, shape (rows,)
        East-west distance between cell centres of each row [m].
    ns_step_m : float
        North-south distance between cell centres [m].
    below : int
        Rows of padding below the grid beyond the longest step [cells].

    Returns
    -------
    Neighbourhood
        Lengths by flat-earth right triangles, with the east-west step averaged over the rows
        from one end of the move to the other.
    """
    kinds = KINDS[: KINDS_OF[neighbours]]
    pad = PAD[neighbours]
    east = np.pad(np.asarray(row_steps_m, np.float64), (pad, pad + below), mode="edge") / 1000.0
    span = np.zeros((len(kinds), east.size))
    unit = np.zeros_like(span)
    for kind, (high, wide, shares) in enumerate(kinds):
        count = east.size - high
        mean = sum(east[i : i + count] for i in range(high + 1)) / (high + 1)
        span[kind, :count] = np.hypot(high * ns_step_m / 1000.0, wide * mean)
        # the last rows have no such move to the south: any length but 0, as 0 * inf is NaN
        span[kind, count:] = span[kind, count - 1]
        unit[kind] = span[kind] / shares
    return Neighbourhood(_moves(neighbours), unit, span, pad, neighbours > 8)


def steep_moves(moves: Neighbourhood) -> NDArray[np.int64]:
    """The moves that the tile solver sweeps along, one of each opposite pair.

    Returns
    -------
    ndarray, int64, shape (n, 4)
        Steps across and along the sweep's rows, and the kind of the move in the window and in
        the transposed window, in the order that the sweeps are written for.
    """
    kind_of = {(high, wide): kind for kind, (high, wide, _) in enumerate(KINDS)}
    steep = [(1, 0), (1, 1), (2, 1), (4, 1), (3, 2), (3, 1)]
    table = [
        (high, sign * wide, kind_of[high, wide], kind_of[wide, high])
        for high, wide in steep
        for sign in ((1, -1) if wide else (1,))
        if kind_of[high, wide] < len(moves.span)
    ]
    return np.array(table, np.int64)


def steep_numbers(moves: Neighbourhood) -> NDArray[np.int64]:
    """Where the steep moves and their opposites stand in ``moves.moves``.

    Returns
    -------
    ndarray, int64, shape (n, 2, 2)
        For a steep move, in the window and in the transposed one: the number of the move back
        along it (to the row above), and of its opposite.
    """
    number = {(dr, dc): at for at, (dr, dc, _) in enumerate(moves.moves.tolist())}
    return np.array(
        [
            [[number[-a, -b], number[a, b]], [number[-b, -a], number[b, a]]]
            for a, b, *_ in steep_moves(moves).tolist()
        ]
    )


@dataclass(frozen=True)
class Starts:
    """Where labels start, on the padded grid; sorted by cell, start cost, sink.

    Attributes
    ----------
    cell : ndarray, int64, shape (n,)
        Flat padded cell.
    sink : ndarray, int32, shape (n,)
        Number of the sink, in the order of the ids.
    cost : ndarray, float64, shape (n,)
        Cost that a label has there.
    """

    cell: NDArray[np.int64]
    sink: NDArray[np.int32]
    cost: NDArray[np.float64]

    def place(self, rank: int, sinks: NDArray[np.int32], label: NDArray[Any]) -> NDArray[np.bool_]:
        """Give each cell its best start whose sink is not among its better ones; which those are.

        ``sinks`` has at least ``rank`` rows; ``label`` is written.
        """
        chosen = np.zeros(self.cell.size, bool)
        _kernel_ends.place_starts(self.cell, self.sink, self.cost, rank, sinks, label, chosen)
        return chosen

    def ends(self, chosen: NDArray[np.bool_], label: NDArray[Any]) -> NDArray[np.int64]:
        """The chosen starts that no other route undercut: there routes end."""
        return np.flatnonzero(chosen & (label[self.cell] == self.cost.astype(label.dtype)))


@dataclass(frozen=True)
class Solver:
    """A method to relax labels and to find their links.

    Attributes
    ----------
    relax : callable
        (problem, label, region): lowers the start labels to the fixed point, in place.
    link : callable
        (problem, label, region, link): writes the first move, in table order, that gives a cell
        its label from a smaller one of its region.
    """

    relax: Callable[[LabelProblem, NDArray[Any], NDArray[np.float32]], None]
    link: Callable[[LabelProblem, NDArray[Any], NDArray[np.float32], NDArray[np.int8]], None]


def on_threads(threads: int, work: Callable[[Any], None], parts: Iterable[Any]) -> None:
    """Call ``work`` on every part, on ``threads`` threads."""
    for _ in in_order(threads, work, parts):
        pass


def in_order(threads: int, work: Callable[[S], T], parts: Iterable[S]) -> Iterator[T]:
    """What ``work`` gives for every part, in order, worked out on ``threads`` threads."""
    if threads == 1:
        yield from map(work, parts)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(work, parts)


@dataclass(frozen=True)
class LabelProblem:
    """A padded grid ready for the kernels.

    Attributes
    ----------
    friction, bill : ndarray, float32 or float64, flat
        What steers and what is billed [cost per km]; inf is a barrier.
    moves : Neighbourhood
        Moves and lengths.
    unit : ndarray
        ``moves.unit`` in the dtype of ``friction``.
    shape : tuple of int
        Padded rows and columns.
    inner : tuple of int
        Rows and columns of the grid itself, which starts at (pad, pad).
    tiles : tuple of int
        Rows and columns of solver tiles, which cover it.
    threads : int
        Threads for the passes that are cut by rows.
    tile : int
        Side of a tile [cells].
    crossings : EdgeCosts, optional
        What each edge of the grid itself adds to the cost of a move along it.
    """

    friction: NDArray[Any]
    bill: NDArray[Any]
    moves: Neighbourhood
    unit: NDArray[Any]
    shape: tuple[int, int]
    inner: tuple[int, int]
    tiles: tuple[int, int]
    threads: int
    tile: int
    crossings: EdgeCosts | None = None

    @cached_property
    def crossed(self) -> Crossed:
        """What the kernels need to know of crossings; without codes nothing is crossed.

        Stored edge of each move, shape (moves, 3): its direction, and where it starts on the grid,
        from the padded cell of the move. Codes of the edges, shape (directions, rows, cols). Code
        -> cost in the dtype of the labels.
        """
        edge = edge_of_moves(self.moves.moves)
        edge[:, 1:] -= self.moves.pad
        if self.crossings is None:
            return edge, np.zeros((0, 0, 0), np.uint8), np.zeros(1, self.friction.dtype)
        return edge, self.crossings.codes, self.crossings.lookup.astype(self.friction.dtype)

    @cached_property
    def steep_crossed(self) -> Crossed:
        """The same for the steep moves, each from its lower end: edges of shape (n, 2, 3)."""
        edge, codes, price = self.crossed
        return edge[steep_numbers(self.moves)[..., 0]], codes, price

    @cached_property
    def typical(self) -> float:
        """Median friction of some open cells [cost per km]."""
        some = self.friction[:: max(1, self.friction.size // 4001)]
        some = some[np.isfinite(some)]
        return float(np.median(some)) if some.size else 1.0

    def by_rows(self, work: Callable[[NDArray[np.int64]], None], parts: int | None = None) -> None:
        """Call ``work`` for bands of rows that cover the grid, on the threads."""
        pad, rows = self.moves.pad, self.inner[0]
        parts = 1 if self.threads == 1 else min(rows, parts or 4 * self.threads)
        edges = [pad + rows * i // parts for i in range(parts + 1)]
        bands = [np.array(pair, np.int64) for pair in itertools.pairwise(edges)]
        on_threads(self.threads, work, bands)


@dataclass(frozen=True)
class Labels:
    """Labels of all ranks on the padded grid, flat: arrays of shape (k, padded cells)."""

    label: NDArray[Any]
    sink: NDArray[np.int32]
    link: NDArray[np.int8]
    cost: NDArray[np.float64]
    length: NDArray[np.float64]


def solve_ranks(problem: LabelProblem, starts: Starts, k: int, solver: Solver) -> Labels:
    """Find the k best labels of distinct sinks of every cell.

    Parameters
    ----------
    problem : LabelProblem
        The grid.
    starts : Starts
        Cells of the sinks.
    k : int
        Number of ranks.
    solver : Solver
        How labels are relaxed.

    Returns
    -------
    Labels
        Ranks in order of the steering cost; missing ones have label inf and sink -1.

    Raises
    ------
    DataError
        If frictions span so many orders of magnitude that adding a move no longer changes a
        label in the dtype.
    """
    size = problem.friction.size
    dtype = problem.friction.dtype
    labels = Labels(
        np.full((k, size), np.inf, dtype),
        np.full((k, size), -1, np.int32),
        np.full((k, size), _kernel.NONE, np.int8),
        np.empty((k, size)),
        np.empty((k, size)),
    )
    region = np.zeros(1, np.float32)
    for rank in range(k):
        if rank > 0:
            region = set_ids(labels.sink, rank)
        _solve_rank(problem, starts, labels, rank, region, solver)
    return labels


def set_ids(sink: NDArray[np.int32], rank: int) -> NDArray[np.float32]:
    """A number for the set of the ``rank`` best sinks of each cell, equal where the sets are.

    Whole numbers in float32, so that the tile solver can hold them beside the labels.
    """
    count = int(sink.max()) + 2
    if rank == 2 and count * count < 2**24:
        pairs = np.empty(sink.shape[1], np.float32)
        _kernel.pair_ids(sink[0], sink[1], count, pairs)
        return pairs
    columns = np.sort(sink[:rank], axis=0)
    ids = columns[0].astype(np.int64) + 1
    for column in columns[1:]:
        factor = int(column.max()) + 2
        if (int(ids.max()) + 1) * factor >= 2**62:
            ids = np.unique(ids, return_inverse=True)[1].astype(np.int64)
        ids = ids * factor + (column + 1)
    if int(ids.max()) >= 2**24:
        ids = np.unique(ids, return_inverse=True)[1]
    if int(ids.max()) >= 2**24:
        raise DataError(
            "too many different sets of sinks to tell apart",
            where="transport distance",
            got=int(ids.max()),
            expected=f"below {2**24}",
            cure="ask for fewer sinks per cell",
        )
    return ids.astype(np.float32)


def _solve_rank(
    problem: LabelProblem,
    starts: Starts,
    labels: Labels,
    rank: int,
    region: NDArray[np.float32],
    solver: Solver,
) -> None:
    """Start values, relaxation, links, sinks and lengths of one rank, in place."""
    label, link = labels.label[rank], labels.link[rank]
    chosen = starts.place(rank, labels.sink, label)
    if rank > 0:
        seed_link = seed_links(problem, labels.label, labels.sink, region, rank)
        seed = label.copy()
    solver.relax(problem, label, region)
    solver.link(problem, label, region, link)
    if rank > 0:
        _kernel.link_seeds(label, seed, seed_link, link)
    ends = starts.ends(chosen, label)
    cell = starts.cell[ends]
    link[cell] = _kernel.SOURCE
    labels.sink[rank, cell] = starts.sink[ends]
    labels.cost[rank, cell] = starts.cost[ends]
    labels.length[rank, cell] = 0.0
    lost = int(np.count_nonzero(link == _kernel.LOST))
    if lost:
        raise DataError(
            "moves are lost in rounding: the cheapest cells are too cheap beside the costs so far",
            where="transport distance",
            got=f"{lost} cells in {label.dtype}",
            cure="use dtype float64, or a friction that spans fewer orders of magnitude",
        )
    _follow(problem, labels, rank)


def seed_links(
    problem: LabelProblem,
    label: NDArray[Any],
    sink: NDArray[np.int32],
    region: NDArray[np.float32],
    rank: int,
    rows: NDArray[np.int64] | None = None,
) -> NDArray[np.int8]:
    """Start values of a rank where sets of better sinks meet; the links that give them.

    Parameters
    ----------
    problem : LabelProblem
        The grid.
    label : ndarray, shape (ranks, padded cells)
        Labels; those of ``rank``, which hold the start values so far, are lowered.
    sink : ndarray of int32, shape (ranks, padded cells)
        Sinks of the better ranks.
    region : ndarray of float32
        From :func:`set_ids`.
    rank : int
        Not 0.
    rows : ndarray of int, optional
        First padded row and last + 1; the whole grid, on the threads, when not given.
    """
    moves, stride = problem.moves, problem.shape[1]
    link = np.full(region.size, _kernel.NONE, np.int8)

    def work(band: NDArray[np.int64]) -> None:
        _kernel.seed_rank(
            label,
            sink,
            region,
            rank,
            problem.friction,
            problem.unit,
            moves.moves,
            stride,
            moves.strict,
            problem.crossed,
            band,
            link,
        )

    if rows is None:
        problem.by_rows(work)
    else:
        work(rows)
    return link


def _follow(problem: LabelProblem, labels: Labels, rank: int) -> None:
    """Sinks, costs and lengths of a rank: first the chains within a band of rows, then the rest."""
    moves, stride = problem.moves, problem.shape[1]
    sink = labels.sink[rank]

    def work(band: NDArray[np.int64]) -> None:
        _kernel.follow_links(
            labels.link[rank],
            rank,
            labels.sink,
            labels.cost,
            labels.length,
            problem.bill,
            moves.unit,
            moves.span,
            moves.moves,
            stride,
            moves.strict,
            band,
        )

    if problem.threads > 1:
        problem.by_rows(work, parts=problem.threads)
        np.maximum(sink, _kernel.UNKNOWN, out=sink)
    work(np.array([0, problem.shape[0]]))

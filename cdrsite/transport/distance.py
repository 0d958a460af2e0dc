"""Least-cost distance from every cell to its k best sinks, over a friction surface.

Conventions
-----------
- Friction is a cost per km of ground distance; inf is a barrier and NaN unknown ground, which is
  not entered either. It must be positive elsewhere.
- A move costs its true length times the mean friction along its straight line (see
  ``labels.KINDS``). It is closed when any cell it crosses is a barrier, so nothing jumps one. The
  diagonal moves touch their two side cells in a point only: with 8 neighbours they stay open
  between two barrier cells, as in scikit-image's ``MCP_Geometric`` and ``r.cost``; with 16 and
  40 they are closed there, so that a thin diagonal barrier holds.
- A move that crosses lines pays for each of them besides (see ``crossings``). That is a cost of the
  move, so the routes are the cheapest with it, and go by a bridge where the way there costs less.
- Both directions of a move cost the same to the last bit.
- Ties: a cell keeps the first of its equally good moves in the order of ``Neighbourhood.moves``;
  of several sinks in one cell the one with the lower start cost, then the smaller id.
- Labels are relaxed in ``dtype``. Their fixed point is unique, so threads, tiles and the order of
  work cannot change a bit. Costs and lengths are summed along the routes in float64.

One module: the conventions above hold for every function of it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.transport import _kernel, _kernel_ends, _kernel_tiles
from cdrsite.transport.crossings import DIRECTIONS_OF
from cdrsite.transport.frames import CachedCells
from cdrsite.transport.labels import (
    KINDS_OF,
    PAD,
    LabelProblem,
    Labels,
    Neighbourhood,
    Solver,
    Starts,
    neighbourhood,
    on_threads,
    solve_ranks,
    steep_moves,
    steep_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from cdrsite.engine.arrays import CellArray
    from cdrsite.transport.crossings import EdgeCosts

    Allocate = Callable[[str, tuple[int, ...], DTypeLike], NDArray[Any]]

FEW_LABELS = 1_000_000
"""Cells times ranks up to which the heap is taken: half a second more, and ten to compile less."""

REACHED, BARRIER, DISCONNECTED, UNKNOWN = range(4)
"""Status of a cell: has a route; is a barrier; no route to any sink; friction unknown."""

DELTA = 0.25
"""Tiles within this many window crossings of the least label are taken together."""

WHERE = "transport distance"


@dataclass(frozen=True)
class Sources:
    """Cells where routes end: the access cells of the sinks.

    Parameters
    ----------
    row, col : ndarray of int, shape (n,)
        Cells; several per sink for a polygon or a line.
    sink : ndarray of int, shape (n,)
        Sink id of each cell, not negative.
    start_cost : ndarray of float, shape (n,), optional
        Cost that a route has when it gets there; zero if not given.
    """

    row: NDArray[np.int64]
    col: NDArray[np.int64]
    sink: NDArray[np.int32]
    start_cost: NDArray[np.float64]

    @classmethod
    def of(
        cls, row: ArrayLike, col: ArrayLike, sink: ArrayLike, start_cost: ArrayLike | None = None
    ) -> Sources:
        """Bring loose sequences into shape.

        Raises
        ------
        DataError
            If the lengths differ, there are none, an id is negative or a start cost is not a
            finite number of at least zero.
        """
        rows, cols = np.atleast_1d(np.asarray(row)), np.atleast_1d(np.asarray(col))
        ids = np.atleast_1d(np.asarray(sink))
        costs = np.zeros(rows.shape) if start_cost is None else np.atleast_1d(start_cost)
        costs = np.asarray(costs, np.float64)
        if not rows.shape == cols.shape == ids.shape == costs.shape or rows.ndim != 1:
            shapes = [a.shape for a in (rows, cols, ids, costs)]
            raise DataError(
                "row, col, sink and start cost differ in length", where=WHERE, got=shapes
            )
        if rows.size == 0:
            raise DataError("there is no sink to go to", where=WHERE, got="no source cells")
        for name, values in (("row", rows), ("col", cols), ("sink", ids)):
            if not np.issubdtype(values.dtype, np.integer):
                raise DataError(
                    f"{name} is not an array of integers", where=WHERE, got=values.dtype
                )
        if ids.min() < 0 or ids.max() >= 2**31 - 1:
            raise DataError("sink ids must be 0 to 2**31 - 2", where=WHERE, got=int(ids.min()))
        if not (np.isfinite(costs).all() and (costs >= 0).all()):
            raise DataError("a start cost is negative or not a number", where=WHERE)
        return cls(rows.astype(np.int64), cols.astype(np.int64), ids.astype(np.int32), costs)


@dataclass(frozen=True)
class DistanceResult:
    """Labels of every cell; the first axis is the rank, best first.

    The arrays are in memory or on disk (:class:`cdrsite.engine.arrays.CellArray`).

    Attributes
    ----------
    cost : array, shape (k, rows, cols)
        Billed cost of the route [friction units x km]; inf without one. Ranks are in order of
        the steering cost.
    length_km : array, shape (k, rows, cols)
        Length of that route [km]; inf without one.
    sink : array of int32, shape (k, rows, cols)
        Sink id; -1 without a route.
    link : array of int8, shape (k, rows, cols)
        Move towards the sink, an index into ``neighbourhood.moves``; -1 in a cell of the sink, -2
        without a route.
    status : array of uint8, shape (rows, cols)
        ``REACHED``, ``BARRIER``, ``DISCONNECTED`` or ``UNKNOWN``.
    neighbourhood : Neighbourhood
        The moves.
    """

    cost: CellArray
    length_km: CellArray
    sink: CellArray
    link: CellArray
    status: CellArray
    neighbourhood: Neighbourhood

    @cached_property
    def cells(self) -> dict[str, CachedCells]:
        """The arrays as routes are traced in them, cell by cell."""
        return {
            name: CachedCells(getattr(self, name)) for name in ("cost", "length_km", "sink", "link")
        }


def least_cost(
    friction: NDArray[Any],
    steps: tuple[NDArray[np.float64] | float, float],
    sources: Sources,
    *,
    billed: NDArray[Any] | None = None,
    crossings: EdgeCosts | None = None,
    neighbours: int = 16,
    k: int = 1,
    dtype: Literal["float32", "float64"] = "float32",
    threads: int = 1,
    method: Literal["tiles", "heap"] | None = None,
    allocate: Allocate | None = None,
) -> DistanceResult:
    """Find the k cheapest distinct sinks of every cell, with cost, length and back-links.

    Parameters
    ----------
    friction : ndarray, shape (rows, cols)
        What steers the routes [cost per km], positive; inf is a barrier, NaN unknown.
    steps : tuple
        East-west step of each row (or one number) and north-south step [m], as from
        ``AnalysisGrid.row_steps_m``.
    sources : Sources
        Cells of the sinks.
    billed : ndarray, shape (rows, cols), optional
        What is paid along the route [cost per km] where that is not what steers; at least zero.
    crossings : EdgeCosts, optional
        What a move pays once, besides, where its straight line crosses something; it steers the
        routes too. The costs in the result leave it out: see ``crossings.bill_crossings``.
    neighbours : {8, 16, 40}
        Moves per cell; the longest detour on uniform ground is 8.24, 2.75 and 0.76 %.
    k : int
        How many sinks per cell.
    dtype : {'float32', 'float64'}
        In which the labels are relaxed.
    threads : int
        Threads; no effect on the result.
    method : {'tiles', 'heap'}, optional
        Tile sweeps, or plain Dijkstra: same bytes, several times slower, compiled ten times as
        soon. When not given, few labels (``FEW_LABELS``) go by the heap.
    allocate : callable, optional
        (name of a field of the result, shape, dtype) -> array for it; new ones when not given.

    Returns
    -------
    DistanceResult
        Costs and lengths in ``dtype``.

    Raises
    ------
    DataError
        Friction not positive, no finite cell; a source outside the grid or a sink that only has
        cells on barriers; a billed surface unknown or negative where routes may pass; frictions
        that span more than the dtype can add up; crossings of another grid or fewer neighbours,
        or of negative or infinite cost.
    """
    friction = np.asarray(friction)
    _check_options(neighbours, k, dtype, threads, method)
    _check_friction(friction, "friction", zero=False)
    bill = friction if billed is None else np.asarray(billed)
    if billed is not None:
        _check_billed(friction, bill)
    _check_sources(sources, friction)
    if crossings is not None:
        _check_crossings(crossings, friction, neighbours)
    problem = padded_problem(friction, bill, steps, neighbours, dtype, threads, crossings)
    if method is None:
        method = "heap" if friction.size * k <= FEW_LABELS else "tiles"
    solver = TILES if method == "tiles" else HEAP
    labels = solve_ranks(problem, padded_starts(sources, problem, dtype), k, solver)
    ids = np.unique(sources.sink)
    return _result(labels, problem, friction, ids, np.dtype(dtype), allocate or _new)


def _new(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:  # noqa: ARG001
    return np.empty(shape, dtype)


def _relax_by_heap(problem: LabelProblem, label: NDArray[Any], region: NDArray[np.float32]) -> None:
    """Dijkstra's method, one thread."""
    moves = problem.moves
    _kernel.label_setting(
        label,
        problem.friction,
        problem.unit,
        moves.moves,
        region,
        problem.shape[1],
        moves.strict,
        problem.crossed,
    )


def _link_by_cell(
    problem: LabelProblem, label: NDArray[Any], region: NDArray[np.float32], link: NDArray[np.int8]
) -> None:
    """Links by looking at each cell's moves in turn."""
    moves = problem.moves
    problem.by_rows(
        lambda band: _kernel.link_moves(
            label,
            region,
            problem.friction,
            problem.unit,
            moves.moves,
            problem.shape[1],
            moves.strict,
            problem.crossed,
            band,
            link,
        )
    )


def _relax_by_tiles(
    problem: LabelProblem, label: NDArray[Any], region: NDArray[np.float32]
) -> None:
    """Tile sweeps from all labels that there are."""
    relax_from(problem, label, region, first_tiles(problem, label))


def first_tiles(problem: LabelProblem, label: NDArray[Any]) -> NDArray[np.int32]:
    """Every tile that holds a label, with the bits of its least label; see ``_kernel_tiles``."""
    pending = np.full(problem.tiles[0] * problem.tiles[1], _kernel_tiles.EMPTY, np.int32)
    across, stride = problem.tiles[1], problem.shape[1]
    _kernel_tiles.first_agenda(label, stride, across, problem.moves.pad, pending)
    return pending


def relax_from(
    problem: LabelProblem,
    label: NDArray[Any],
    region: NDArray[np.float32],
    pending: NDArray[np.int32],
) -> None:
    """Tile sweeps on ``problem.threads`` threads, from the tiles that are pending."""
    moves, across = problem.moves, problem.tiles[1]
    steep = steep_moves(moves)
    agenda = (pending, np.zeros_like(pending), np.zeros(1, np.int32))
    delta = np.float32(DELTA * _kernel_tiles.S * float(moves.span[1, 0]) * problem.typical)

    def live(me: int) -> None:
        buf = np.full(_kernel_tiles.SCRATCH, np.inf, label.dtype)
        begin = me * pending.size // problem.threads
        while not _kernel_tiles.work(
            label,
            problem.friction,
            region,
            problem.unit,
            steep,
            problem.shape[1],
            across,
            moves.pad,
            moves.strict,
            problem.steep_crossed,
            delta,
            agenda,
            begin,
            buf,
        ):
            time.sleep(2e-5)

    on_threads(problem.threads, live, range(problem.threads))


def _link_by_tiles(
    problem: LabelProblem, label: NDArray[Any], region: NDArray[np.float32], link: NDArray[np.int8]
) -> None:
    """Links by matching whole rows of a window at a time."""
    moves, (down, across) = problem.moves, problem.tiles
    steep = steep_moves(moves)
    numbers = steep_numbers(moves).astype(label.dtype)

    def rows(row: int) -> None:
        buf = np.full(_kernel_tiles.SCRATCH, np.inf, label.dtype)
        _kernel_tiles.link_tiles(
            label,
            problem.friction,
            region,
            problem.unit,
            steep,
            numbers,
            problem.shape[1],
            across,
            moves.pad,
            moves.strict,
            problem.steep_crossed,
            np.array([row * across, (row + 1) * across]),
            buf,
            link,
        )

    on_threads(problem.threads, rows, range(down))


HEAP = Solver(_relax_by_heap, _link_by_cell)
TILES = Solver(_relax_by_tiles, _link_by_tiles)


def padded_problem(
    friction: NDArray[Any],
    bill: NDArray[Any],
    steps: tuple[NDArray[np.float64] | float, float],
    neighbours: int,
    dtype: str,
    threads: int,
    crossings: EdgeCosts | None = None,
) -> LabelProblem:
    """Pad the surfaces with barriers and work out the lengths of the moves.

    Crossings stay as they are: moves from or to the padding are closed.
    """
    rows, cols = friction.shape
    row_steps = np.broadcast_to(np.asarray(steps[0], np.float64), (rows,))
    if not (np.isfinite(row_steps).all() and (row_steps > 0).all() and steps[1] > 0):
        raise DataError("the steps between cells are not positive", where=WHERE, got=steps)
    pad = PAD[neighbours]
    inner = _kernel_tiles.S - 2 * pad
    tiles = -(-rows // inner), -(-cols // inner)
    shape = tiles[0] * inner + 2 * pad, tiles[1] * inner + 2 * pad
    moves = neighbourhood(neighbours, row_steps, float(steps[1]), shape[0] - rows - 2 * pad)

    def padded(surface: NDArray[Any]) -> NDArray[Any]:
        out = np.full(shape, np.inf, dtype)
        window = out[pad : pad + rows, pad : pad + cols]
        window[...] = surface
        window[np.isnan(window)] = np.inf
        return out

    steer = padded(friction)
    return LabelProblem(
        steer.ravel(),
        steer.ravel() if bill is friction else padded(bill).ravel(),
        moves,
        moves.unit.astype(dtype),
        shape,
        (rows, cols),
        tiles,
        threads,
        inner,
        crossings,
    )


def padded_starts(sources: Sources, problem: LabelProblem, dtype: str) -> Starts:
    """Sources as sorted flat cells with sinks by number; those on barriers are left out."""
    pad, stride = problem.moves.pad, problem.shape[1]
    cell = (sources.row + pad) * stride + sources.col + pad
    cost = sources.start_cost.astype(dtype).astype(np.float64)
    open_ = np.isfinite(problem.friction[cell])
    number = np.unique(sources.sink, return_inverse=True)[1].astype(np.int32)
    order = np.lexsort((number, cost, cell))
    order = order[open_[order]]
    return Starts(cell[order], number[order], cost[order])


def _check_options(neighbours: int, k: int, dtype: str, threads: int, method: str | None) -> None:
    for name, value, allowed in (
        ("neighbours", neighbours, tuple(KINDS_OF)),
        ("dtype", np.dtype(dtype).name, ("float32", "float64")),
        ("method", method or "heap", ("tiles", "heap")),
    ):
        if value not in allowed:
            raise DataError(f"unknown {name}", where=WHERE, got=value, expected=allowed)
    if k < 1 or threads < 1:
        raise DataError("k and threads are at least 1", where=WHERE, got=(k, threads))


def _check_friction(surface: NDArray[Any], name: str, *, zero: bool) -> None:
    """Refuse surfaces on which a least cost has no meaning."""
    if surface.ndim != 2 or surface.size == 0:
        raise DataError(f"the {name} is not a 2-D array", where=WHERE, got=surface.shape)
    low = float(np.fmin.reduce(surface, axis=None))  # the least known one; NaN without any
    if np.isnan(low) or low == np.inf:
        raise DataError(f"the {name} has no passable cell", where=WHERE)
    if low < 0 or (low == 0 and not zero):
        count = int((surface < 0).sum() if zero else (surface <= 0).sum())
        raise DataError(
            f"the {name} is zero or negative",
            where=WHERE,
            got=f"{count} cells, least {low:g}",
            expected="positive; inf for a barrier, NaN for unknown",
            cure="give free ground a small positive cost, or close it with inf",
        )


def _check_billed(friction: NDArray[Any], bill: NDArray[Any]) -> None:
    if bill.shape != friction.shape:
        raise DataError(
            "the billed surface is not on the grid of the friction",
            where=WHERE,
            got=bill.shape,
            expected=friction.shape,
            rule=1,
        )
    open_ = np.isfinite(friction)
    bad = open_ & ~(np.isfinite(bill) & (bill >= 0))
    if bad.any():
        raise DataError(
            "the billed surface is unknown, infinite or negative where routes may pass",
            where=WHERE,
            got=f"{int(bad.sum())} cells",
            cure="close those cells in the friction, or give them a cost",
        )


def _check_crossings(crossings: EdgeCosts, friction: NDArray[Any], neighbours: int) -> None:
    directions, *shape = crossings.codes.shape
    if tuple(shape) != friction.shape or directions < DIRECTIONS_OF[neighbours]:
        raise DataError(
            "the crossings are not those of the friction's grid and neighbours",
            where=WHERE,
            got=crossings.codes.shape,
            expected=(DIRECTIONS_OF[neighbours], *friction.shape),
            cure="count the crossings for the same grid and neighbours",
        )
    if not (np.isfinite(crossings.lookup) & (crossings.lookup >= 0)).all():
        raise DataError(
            "a crossing has a cost that is negative or not a number",
            where=WHERE,
            got=float(crossings.lookup.min()),
            cure="give crossings a cost of at least zero; close ground with barriers",
        )


def _check_sources(sources: Sources, friction: NDArray[Any]) -> None:
    rows, cols = friction.shape
    inside = (sources.row >= 0) & (sources.row < rows) & (sources.col >= 0) & (sources.col < cols)
    if not inside.all():
        at = int(np.flatnonzero(~inside)[0])
        raise DataError(
            f"sink {sources.sink[at]} lies outside the grid",
            where=WHERE,
            got=f"row {sources.row[at]}, column {sources.col[at]}",
            expected=f"0 to {rows - 1}, 0 to {cols - 1}",
            cure="drop the sink or enlarge the region",
        )
    open_ = np.isfinite(friction[sources.row, sources.col])
    blocked = np.setdiff1d(sources.sink, sources.sink[open_])
    refuse_blocked(blocked.tolist())


def refuse_blocked(sinks: Sequence[int]) -> None:
    """Refuse sinks that no route can end at.

    Raises
    ------
    DataError
        If there are any.
    """
    if sinks:
        raise DataError(
            "all cells of a sink lie on barriers or unknown ground",
            where=WHERE,
            got=f"sink {', '.join(map(str, sinks[:10]))}",
            cure="move its access point to passable ground or open its cells",
        )


def _result(
    labels: Labels,
    problem: LabelProblem,
    friction: NDArray[Any],
    ids: NDArray[np.int32],
    dtype: np.dtype[Any],
    allocate: Allocate,
) -> DistanceResult:
    """Cut the padding off and say why cells have no route."""
    pad, (rows, cols) = problem.moves.pad, problem.inner
    shape = labels.link.shape[0], rows, cols
    cost, length_km = allocate("cost", shape, dtype), allocate("length_km", shape, dtype)
    sink, link = allocate("sink", shape, np.int32), allocate("link", shape, np.int8)
    status = allocate("status", problem.inner, np.uint8)
    # number -1, no sink, takes the last place
    names = np.append(ids, np.int32(-1))
    reasons = np.array([REACHED, BARRIER, DISCONNECTED, UNKNOWN])
    problem.by_rows(
        lambda band: _kernel_ends.cut_out(
            (labels.cost, labels.length, labels.sink, labels.link),
            names,
            problem.shape[1],
            pad,
            band,
            (cost, length_km, sink, link),
            (friction, reasons, status),
        )
    )
    return DistanceResult(cost, length_km, sink, link, status, problem.moves)

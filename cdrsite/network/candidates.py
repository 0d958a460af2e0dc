"""Candidate corridors between plants, storage units and existing pipelines.

Neighbours on true path costs are joined: those whose areas of least cost touch (the Delaunay
triangulation of path costs; Mehlhorn 1988, doi:10.1016/0020-0190(88)90066-X) and the nearest few of
each plant. A second round makes ground that routes use a little cheaper to steer over, so that
routes run together; costs are always those of the plain surface. The union of the routes is cut
down to its junctions. What the network loses against direct paths is measured, and direct paths
are added where the loss is above the limit.

One module: the rounds work on one graph, and each step is a few lines of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.network.contraction import Moves, Strand, shortest, steps_km, thin
from cdrsite.transport.crossings import bill_crossings
from cdrsite.transport.distance import DistanceResult, Sources, least_cost
from cdrsite.transport.routes import trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.transport.crossings import EdgeCosts

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

WHERE = "network candidates"
ATTRACTION = 0.01
"""Share by which each doubling of the routes on a cell cheapens steering over it later."""


@dataclass(frozen=True)
class ExistingPipe:
    """An existing pipeline, free to use up to its capacity; new ones may be laid beside it.

    Attributes
    ----------
    name : str
        Shown in tables.
    row, col : ndarray of int, shape (n,)
        Cells of its vertices, in order; straight between them.
    capacity_t_yr : float
        What is free in it [t/yr].
    """

    name: str
    row: NDArray[Any]
    col: NDArray[Any]
    capacity_t_yr: float


@dataclass(frozen=True)
class CandidateArc:
    """A corridor between two nodes.

    Attributes
    ----------
    tail, head : int
        Nodes: flat cells; ``cells of the grid + u`` is storage unit u.
    weight_km : float
        Length of plain ground that costs as much [km]; 0 for existing pipes.
    length_km : float
        True length [km].
    cell : ndarray, int64, shape (n,)
        Flat cells from tail to head.
    pipe : int
        Index of the existing pipe, -1 for a new one, -2 for the step into a storage unit.
    """

    tail: int
    head: int
    weight_km: float
    length_km: float
    cell: Ints
    pipe: int


@dataclass(frozen=True)
class Loss:
    """Path costs in the network against the direct ones, existing pipes counted like new ones.

    They may be full, so what they save is left to the design.

    Attributes
    ----------
    plant, storage : ndarray, int64, shape (n,)
        Index of the plant and of the storage unit of each pair.
    direct_km, network_km : ndarray, float64, shape (n,)
        Least weight of the direct path and in the network [km of plain ground].
    before : ndarray, float64, shape (n,)
        Loss before arcs were added [1].
    added : int
        Direct paths that were added.
    """

    plant: Ints
    storage: Ints
    direct_km: Floats
    network_km: Floats
    before: Floats
    added: int

    @property
    def share(self) -> Floats:
        """Loss of each pair [1]: 0.07 is 7 % dearer."""
        return relative_loss(self.network_km, self.direct_km)

    @property
    def median(self) -> float:
        """Median loss [1]; 0 without pairs."""
        return float(np.median(self.share)) if self.share.size else 0.0

    @property
    def worst(self) -> float:
        """Largest loss [1]; 0 without pairs."""
        return float(self.share.max(initial=0.0))

    def describe(self) -> str:
        """The loss in one sentence."""
        return (
            f"candidate network against {self.share.size} direct paths: median loss "
            f"{100 * self.median:.1f} %, largest {100 * self.worst:.1f} % "
            f"(before adding {self.added} paths: {100 * float(self.before.max(initial=0)):.1f} %)"
        )


@dataclass(frozen=True)
class Candidates:
    """The candidate network.

    Attributes
    ----------
    arcs : tuple of CandidateArc
        By tail, head and kind.
    plant_node, storage_node : ndarray, int64
        Node of each plant and of each storage unit; -1 for a unit that nothing can reach.
    pipes : tuple of ExistingPipe
        As given.
    direct : tuple of CandidateArc
        Direct paths between near plants, and from plants to near storage units: for trucks.
    loss : Loss
        Measured against direct paths.
    """

    arcs: tuple[CandidateArc, ...]
    plant_node: Ints
    storage_node: Ints
    pipes: tuple[ExistingPipe, ...]
    direct: tuple[CandidateArc, ...]
    loss: Loss


def candidate_network(
    friction: NDArray[Any],
    grid: AnalysisGrid,
    plants: Sequence[tuple[int, int]],
    storage: Sequence[tuple[NDArray[Any], NDArray[Any]]],
    *,
    billed: NDArray[Any] | None = None,
    crossings: EdgeCosts | None = None,
    plain: float = 1.0,
    pipes: Sequence[ExistingPipe] = (),
    nearest: int = 3,
    checked: int = 4,
    loss_limit: float = 0.1,
    rounds: int = 2,
    neighbours: int = 16,
    threads: int = 1,
) -> Candidates:
    """Join plants, storage units and existing pipelines by corridors worth considering.

    Parameters
    ----------
    friction : ndarray, shape (rows, cols)
        What steers routes [cost per km]; inf is a barrier, NaN unknown.
    grid : AnalysisGrid
        The grid.
    plants : sequence of (row, col)
        Cells of the plants.
    storage : sequence of (rows, cols)
        Access cells of each storage unit.
    billed : ndarray, shape (rows, cols), optional
        What is paid [cost per km] where that is not what steers.
    crossings : EdgeCosts, optional
        What a move pays once, besides, where it crosses something [billed cost]; it steers the
        routes too. An arc's weight holds it, as the length of plain ground that costs as much.
    plain : float
        Cost of a km of plain ground, in the unit of the billed surface.
    pipes : sequence of ExistingPipe
        Existing pipelines.
    nearest : int
        Neighbours of each plant that are joined to it besides the Delaunay ones.
    checked : int
        Nearest storage units of each plant against which the loss is measured.
    loss_limit : float
        Largest loss against a direct path that is accepted [1].
    rounds : int
        Rounds of routing; from the second on, used ground attracts.
    neighbours, threads : int
        As in :func:`cdrsite.transport.distance.least_cost`.

    Returns
    -------
    Candidates
        Arcs between terminals and junctions, the loss measured.

    Raises
    ------
    DataError
        No plant or no reachable storage; wrong options; surfaces that least cost refuses.

    Warns
    -----
    CdrsiteWarning
        Plants on impassable ground are joined to the nearest passable cell; storage units without
        passable access cells are left out.
    """
    if friction.shape != grid.shape or (billed is not None and billed.shape != grid.shape):
        raise DataError("the surface is not on the grid", where=WHERE, got=friction.shape, rule=1)
    if not plants or not storage:
        raise DataError("there are no plants or no storage units to join", where=WHERE)
    if not plain > 0 or min(nearest, checked, rounds) < 1 or not loss_limit >= 0:
        raise DataError(
            "unknown option",
            where=WHERE,
            got=f"plain {plain}, nearest {nearest}, checked {checked}, rounds {rounds}, "
            f"loss limit {loss_limit}",
            expected="all positive",
        )
    router = _Router(friction, grid, billed, crossings, neighbours, threads, plants, storage, pipes)
    moves, direct = router.corridors(nearest, rounds)
    measure = router.storage_pairs(checked)
    if not len(measure):
        raise DataError(
            "no plant can reach any storage unit",
            where=WHERE,
            cure="open barriers between them, or give unknown ground a cost",
        )
    arcs, units, report = _completed(router, moves, measure, plain, loss_limit)
    arcs += [replace(s, kind=-1) for s in arcs if s.kind >= 0 and np.isfinite(s.cost)]
    node = np.full(len(storage), -1, np.int64)
    for unit in units:
        node[unit] = router.node(unit)
    direct += [
        pair.moves.strand().ending(router.node(pair.unit)) for pair in measure if pair.cost > 0
    ]
    return Candidates(
        tuple(_arc(s, plain) for s in arcs), router.plant, node, tuple(pipes),
        tuple(_arc(s, plain) for s in direct), report,
    )  # fmt: skip


def _completed(
    router: _Router, moves: list[Moves], measure: list[_Pair], plain: float, limit: float
) -> tuple[list[Strand], set[int], Loss]:
    """Merge the routes, and add direct paths until no pair loses more than the limit."""
    pairs = [(int(router.plant[p.plant]), router.node(p.unit)) for p in measure]
    direct = np.array([p.cost for p in measure])
    fixed, units = router.fixed_moves()
    before, added = None, 0
    while True:
        arcs = thin(Moves.union([*moves, *fixed]), router.terminals(units), 1 + limit)
        found = shortest(arcs, pairs)
        loss = relative_loss(found, direct)
        before = loss if before is None else before
        worst = _worst(measure, loss, limit)
        if not worst:
            break
        added += len(worst)
        moves = moves + [measure[k].moves for k in worst]
        fixed, units = router.fixed_moves({(measure[k].unit, measure[k].end) for k in worst})
    ends = np.array([(p.plant, p.unit) for p in measure], np.int64)
    report = Loss(ends[:, 0], ends[:, 1], direct / plain, found / plain, before, added)
    return arcs, units, report


def relative_loss(network: Floats, direct: Floats) -> Floats:
    """How much dearer the network is than the direct path [1]; 0 where the direct one is free."""
    safe = np.where(direct > 0, direct, 1.0)
    return np.where(direct > 0, network / safe - 1.0, 0.0)


def _arc(strand: Strand, plain: float) -> CandidateArc:
    weight = 0.0 if strand.kind != -1 else strand.cost / plain
    return CandidateArc(
        strand.tail, strand.head, weight, strand.length_km, strand.cell, strand.kind
    )


@dataclass(frozen=True)
class _Pair:
    """A plant and a storage unit, and the direct path between them, which ends at a cell."""

    plant: int
    unit: int
    cost: float
    end: int
    moves: Moves


def _worst(pairs: Sequence[_Pair], loss: Floats, limit: float) -> list[int]:
    """Worst pair of each plant above the limit."""
    worst: dict[int, int] = {}
    for k in np.flatnonzero(loss > limit + 1e-9).tolist():
        plant = pairs[k].plant
        if plant not in worst or loss[k] > loss[worst[plant]]:
            worst[plant] = k
    return list(worst.values())


class _Router:
    """Least-cost solves between terminals: plants' cells, then units, then existing pipes."""

    def __init__(
        self,
        friction: NDArray[Any],
        grid: AnalysisGrid,
        billed: NDArray[Any] | None,
        crossings: EdgeCosts | None,
        neighbours: int,
        threads: int,
        plants: Sequence[tuple[int, int]],
        storage: Sequence[tuple[NDArray[Any], NDArray[Any]]],
        pipes: Sequence[ExistingPipe],
    ) -> None:
        self.grid, self.friction = grid, np.asarray(friction, np.float64)
        self.billed = self.friction if billed is None else np.asarray(billed, np.float64)
        self.crossings = crossings
        self.options: dict[str, Any] = {
            "neighbours": neighbours, "dtype": "float64", "threads": threads,
            "crossings": crossings,
        }  # fmt: skip
        self.open = np.isfinite(self.friction)
        self.plant = self._plant_cells(plants)
        self.cells = np.unique(self.plant)
        self.unit_cells = [self._open_cells(*cells) for cells in storage]
        shut = [k for k, cell in enumerate(self.unit_cells) if not len(cell)]
        if shut:
            _warn(f"storage units without a passable access cell are left out: {shut}")
        self.pipes = [
            pipe_moves(pipe, k, grid, self.billed, crossings) for k, pipe in enumerate(pipes)
        ]
        self.pipe_cells = [
            self._open_cells(*np.divmod(moves.cells(), grid.cols)) for moves in self.pipes
        ]
        self.ends: set[tuple[int, int]] = set()

    def node(self, unit: int) -> int:
        """Node of a storage unit."""
        return self.grid.size + unit

    def terminals(self, units: set[int]) -> set[int]:
        """Nodes that are kept whatever meets there."""
        return {int(c) for c in self.cells} | {self.node(unit) for unit in units}

    def _plant_cells(self, plants: Sequence[tuple[int, int]]) -> Ints:
        """Flat cells; plants on impassable ground go to the nearest passable cell."""
        row, col = np.array(plants, np.int64).T
        inside = (row >= 0) & (row < self.grid.rows) & (col >= 0) & (col < self.grid.cols)
        if not inside.all():
            raise DataError("a plant lies outside the grid", where=WHERE, got=plants)
        shut = np.flatnonzero(~self.open[row, col])
        if shut.size:
            from scipy.ndimage import distance_transform_edt

            _warn(
                f"plants on impassable or unknown ground are joined to the nearest passable cell: "
                f"{shut.tolist()}"
            )
            near = distance_transform_edt(~self.open, return_distances=False, return_indices=True)
            row[shut], col[shut] = near[:, row[shut], col[shut]]
        return row * self.grid.cols + col

    def _open_cells(self, row: NDArray[Any], col: NDArray[Any]) -> Ints:
        row, col = np.asarray(row, np.int64), np.asarray(col, np.int64)
        inside = (row >= 0) & (row < self.grid.rows) & (col >= 0) & (col < self.grid.cols)
        row, col = row[inside], col[inside]
        good = self.open[row, col]
        return np.unique(row[good] * self.grid.cols + col[good])

    def _solve(self, places: Sequence[Ints], k: int, friction: Floats) -> DistanceResult:
        ids = [np.full(len(cell), n) for n, cell in enumerate(places)]
        row, col = np.divmod(np.concatenate(places), self.grid.cols)
        count = sum(len(cell) > 0 for cell in places)
        found = least_cost(
            friction, self.grid.row_steps_m, Sources.of(row, col, np.concatenate(ids)),
            billed=self.billed, k=min(k, count), **self.options,
        )  # fmt: skip
        if self.crossings is None:
            return found
        paid = np.asarray(found.cost) + bill_crossings(found, self.crossings)
        return replace(found, cost=paid)

    def corridors(self, nearest: int, rounds: int) -> tuple[list[Moves], list[Strand]]:
        """Routes of the last round, and the direct paths between plants of the first."""
        places = [*self.cells[:, None], *self.unit_cells, *self.pipe_cells]
        friction, direct = self.friction, []
        used = np.zeros(self.grid.size)
        for number in range(rounds):
            result = self._solve(places, nearest + 1, friction)
            routes = self._nearest(result)
            if number == 0:
                direct = [
                    moves.strand()
                    for (_, sink), moves in routes.items()
                    if sink < len(self.cells) and len(moves.cost)
                ]
            routes |= self._touching(result, set(routes))
            self.ends = {
                (sink - len(self.cells), cell)
                for moves in routes.values()
                for sink, cell in moves.ends
                if 0 <= sink - len(self.cells) < len(self.unit_cells)
            }
            used[:] = 0.0
            for moves in routes.values():
                np.add.at(used, moves.cells(), 1.0)
            pull = 1.0 - np.minimum(ATTRACTION * (1.0 + np.log2(np.maximum(used, 1.0))), 0.1)
            pull[used == 0] = 1.0
            friction = self.friction * pull.reshape(self.grid.shape)
        return list(routes.values()), direct

    def _nearest(self, result: DistanceResult) -> dict[tuple[int, int], Moves]:
        """Routes from each plant's cell to its other ranks."""
        routes: dict[tuple[int, int], Moves] = {}
        for number, cell in enumerate(self.cells.tolist()):
            row, col = divmod(cell, self.grid.cols)
            for rank in range(result.sink.shape[0]):
                sink = int(result.sink[rank, row, col])
                pair = (min(number, sink), max(number, sink))
                if sink not in {-1, number} and pair not in routes:
                    routes[pair] = self._route(result, row, col, rank)
        return routes

    def _route(self, result: DistanceResult, row: int, col: int, rank: int) -> Moves:
        """Trace a route, and its cost move by move."""
        route = trace(result, row, col, rank)
        ranks = (result.sink[:, route.row, route.col] == route.sink).argmax(axis=0)
        cost = result.cost[ranks, route.row, route.col]
        cell = route.row * self.grid.cols + route.col
        return Moves.along(
            cell, np.maximum(-np.diff(cost), 0.0), -np.diff(route.left_km), route.sink
        )

    def _touching(
        self, result: DistanceResult, known: set[tuple[int, int]]
    ) -> dict[tuple[int, int], Moves]:
        """Routes over the cheapest border crossing of areas that touch."""
        owner, cost = result.sink[0].ravel(), result.cost[0].ravel()
        bill = self.billed.ravel()
        index = np.arange(self.grid.size).reshape(self.grid.shape)
        east, north = self.grid.row_steps_m
        found: dict[tuple[int, int], Moves] = {}
        a = np.concatenate((index[:, :-1].ravel(), index[:-1].ravel()))
        b = np.concatenate((index[:, 1:].ravel(), index[1:].ravel()))
        wide = np.repeat(np.asarray(east) / 1000.0, self.grid.cols - 1)
        step = np.concatenate((wide, np.full(len(a) - len(wide), north / 1000.0)))
        border = (owner[a] != owner[b]) & (owner[a] >= 0) & (owner[b] >= 0)
        a, b, step = a[border], b[border], step[border]
        across = 0.5 * (bill[a] + bill[b]) * step + _crossed(self.crossings, self.grid, a, b)
        total = cost[a] + across + cost[b]
        low, high = np.minimum(owner[a], owner[b]), np.maximum(owner[a], owner[b])
        order = np.lexsort((a, total, high, low))
        pairs = np.stack((low[order], high[order]))
        first = np.ones(len(order), bool)
        first[1:] = (np.diff(pairs) != 0).any(axis=0)
        for k in order[first].tolist():
            pair = (int(low[k]), int(high[k]))
            if pair in known:
                continue
            cells = np.array([a[k], b[k]], np.int64)
            parts = [self._route(result, *divmod(int(c), self.grid.cols), 0) for c in cells]
            middle = Moves.along(cells, across[k : k + 1], step[k : k + 1], -1)
            found[pair] = Moves.join([*parts, middle])
        return found

    def storage_pairs(self, checked: int) -> list[_Pair]:
        """Direct paths from each plant to its nearest storage units on the plain surface."""
        if not any(len(cell) for cell in self.unit_cells):
            return []
        result = self._solve(self.unit_cells, checked, self.friction)
        pairs = []
        for plant, cell in enumerate(self.plant.tolist()):
            row, col = divmod(cell, self.grid.cols)
            for rank in range(result.sink.shape[0]):
                if result.sink[rank, row, col] >= 0:
                    moves = self._route(result, row, col, rank)
                    unit, end = moves.ends[0]
                    pairs.append(_Pair(plant, unit, float(result.cost[rank, row, col]), end, moves))
        return pairs

    def fixed_moves(self, ends: set[tuple[int, int]] | None = None) -> tuple[list[Moves], set[int]]:
        """Existing pipes, and the free steps from cells where routes end into their units."""
        self.ends |= ends or set()
        steps = [
            Moves.along(np.array([cell, self.node(unit)]), np.zeros(1), np.zeros(1), unit, kind=-2)
            for unit, cell in sorted(self.ends)
        ]
        return [*self.pipes, *steps], {unit for unit, _ in self.ends}


def _crossed(edges: EdgeCosts | None, grid: AnalysisGrid, a: Ints, b: Ints) -> Floats | float:
    """What moves between flat cells pay for crossings."""
    if edges is None:
        return 0.0
    return edges.between(*np.divmod(a, grid.cols), *np.divmod(b, grid.cols))


def pipe_moves(
    pipe: ExistingPipe,
    number: int,
    grid: AnalysisGrid,
    billed: NDArray[Any],
    crossings: EdgeCosts | None = None,
) -> Moves:
    """Cells along an existing pipe, straight between its vertices, with the cost of a new one.

    Raises
    ------
    DataError
        A pipe with fewer than two cells, outside the grid, or without capacity.
    """
    row, col = np.asarray(pipe.row, np.int64), np.asarray(pipe.col, np.int64)
    inside = (row >= 0) & (row < grid.rows) & (col >= 0) & (col < grid.cols)
    if row.shape != col.shape or not inside.all() or not pipe.capacity_t_yr > 0:
        raise DataError(
            f"existing pipe {pipe.name} has no capacity or lies outside the grid",
            where=WHERE,
            got=f"{pipe.capacity_t_yr} t/yr",
            cure="clip it to the region and give its free capacity",
        )
    parts = []
    for k in range(len(row) - 1):
        count = int(max(abs(row[k + 1] - row[k]), abs(col[k + 1] - col[k])))
        at = np.linspace(0.0, 1.0, count + 1)
        r = np.rint(row[k] + at * (row[k + 1] - row[k])).astype(np.int64)
        c = np.rint(col[k] + at * (col[k + 1] - col[k])).astype(np.int64)
        parts.append(r * grid.cols + c)
    cell = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    cell = cell[np.concatenate(([True], np.diff(cell) != 0))] if len(cell) else cell
    if len(cell) < 2:
        raise DataError(f"existing pipe {pipe.name} lies within one cell", where=WHERE)
    ground, step = np.asarray(billed, np.float64).ravel()[cell], steps_km(cell, grid)
    cost = 0.5 * (ground[1:] + ground[:-1]) * step + _crossed(crossings, grid, cell[:-1], cell[1:])
    cost[~np.isfinite(cost)] = np.inf
    return Moves.along(cell, cost, step, -1, kind=number)


def _warn(text: str) -> None:
    warnings.warn(f"{WHERE}: {text}", CdrsiteWarning, stacklevel=5)

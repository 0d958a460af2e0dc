"""Routes as moves between cells, their union, and its contraction to junctions."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import AnalysisGrid

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Moves:
    """Moves between cells; in a route they follow each other.

    Attributes
    ----------
    a, b : ndarray, int64, shape (n,)
        Flat cells of the two ends.
    cost, length_km : ndarray, float64, shape (n,)
        Billed cost and length [km].
    kind : ndarray, int64, shape (n,)
        -1 for new pipes, otherwise moves of different kinds are kept apart.
    ends : tuple of (int, int)
        Sink and cell where routes end.
    """

    a: Ints
    b: Ints
    cost: Floats
    length_km: Floats
    kind: Ints
    ends: tuple[tuple[int, int], ...]

    @classmethod
    def along(cls, cell: Ints, cost: Floats, length_km: Floats, sink: int, kind: int = -1) -> Moves:
        """Moves along a line of cells that ends at a sink."""
        kinds = np.full(len(cell) - 1, kind, np.int64)
        return cls(cell[:-1], cell[1:], cost, length_km, kinds, ((sink, int(cell[-1])),))

    @classmethod
    def join(cls, parts: Sequence[Moves]) -> Moves:
        """All moves of several."""
        return cls(
            np.concatenate([part.a for part in parts]),
            np.concatenate([part.b for part in parts]),
            np.concatenate([part.cost for part in parts]),
            np.concatenate([part.length_km for part in parts]),
            np.concatenate([part.kind for part in parts]),
            tuple(end for part in parts for end in part.ends),
        )

    def take(self, index: Ints) -> Moves:
        """Some of the moves."""
        return Moves(
            self.a[index], self.b[index], self.cost[index], self.length_km[index],
            self.kind[index], (),
        )  # fmt: skip

    @classmethod
    def union(cls, parts: Sequence[Moves]) -> Moves:
        """Each move once, in either direction; of equal moves the first."""
        every = cls.join(parts)
        low, high = np.minimum(every.a, every.b), np.maximum(every.a, every.b)
        order = np.lexsort((np.arange(len(low)), every.kind, high, low))
        keys = np.stack((low[order], high[order], every.kind[order]))
        first = np.ones(len(order), bool)
        first[1:] = (np.diff(keys) != 0).any(axis=0)
        return cls(low, high, every.cost, every.length_km, every.kind, ()).take(order[first])

    def cells(self) -> Ints:
        """Each cell once."""
        return np.unique(np.concatenate((self.a, self.b)))

    def strand(self) -> Strand:
        """The whole route as one strand."""
        return Strand(
            int(self.a[0]), int(self.b[-1]), float(self.cost.sum()), float(self.length_km.sum()),
            np.append(self.a, self.b[-1]), int(self.kind[0]), self.ends[0][0],
        )  # fmt: skip


@dataclass(frozen=True)
class Strand:
    """A chain of moves between two nodes.

    Its cost, length [km], flat cells, kind, the sink of a route, and the moves it is made of.
    """

    tail: int
    head: int
    cost: float
    length_km: float
    cell: Ints
    kind: int
    sink: int = -1
    chain: tuple[int, ...] = ()

    def ending(self, node: int) -> Strand:
        """The same with another node as its head."""
        return replace(self, head=node)


def contract(moves: Moves, terminals: set[int]) -> list[Strand]:
    """Cut a union of routes down to terminals and junctions.

    Dead ends are dropped; chains through cells that are neither terminal nor junction become one
    strand, with the sum of costs and lengths; of parallel new pipes the cheapest stays.

    Parameters
    ----------
    moves : Moves
        Each move once.
    terminals : set of int
        Nodes that stay.

    Returns
    -------
    list of Strand
        By tail, head and kind.
    """
    at: dict[int, list[int]] = defaultdict(list)
    ends = list(zip(moves.a.tolist(), moves.b.tolist(), strict=True))
    for k, (a, b) in enumerate(ends):
        at[a].append(k)
        at[b].append(k)
    _drop_dead_ends(at, ends, terminals)
    kinds = moves.kind.tolist()
    stay = {
        node
        for node, mine in at.items()
        if mine and (node in terminals or len(mine) != 2 or kinds[mine[0]] != kinds[mine[1]])
    }
    done: set[int] = set()
    strands = []
    for node in sorted(stay):
        for first in at[node]:
            if first in done:
                continue
            chain, cells = _walk(node, first, at, ends, stay)
            done.update(chain)
            strands.append(_strand(cells, chain, moves))
    return _cheapest(strands)


def _drop_dead_ends(
    at: dict[int, list[int]], ends: list[tuple[int, int]], terminals: set[int]
) -> None:
    queue = [node for node, mine in at.items() if len(mine) == 1 and node not in terminals]
    while queue:
        node = queue.pop()
        if len(at[node]) != 1:
            continue
        k = at[node].pop()
        other = ends[k][0] + ends[k][1] - node
        at[other].remove(k)
        if len(at[other]) == 1 and other not in terminals:
            queue.append(other)


def _walk(
    node: int,
    first: int,
    at: dict[int, list[int]],
    ends: list[tuple[int, int]],
    stay: set[int],
) -> tuple[list[int], list[int]]:
    """Follow a chain from a node that stays to the next; its moves and cells."""
    chain, cells, move = [first], [node], first
    while True:
        node = ends[move][0] + ends[move][1] - node
        cells.append(node)
        if node in stay:
            return chain, cells
        one, two = at[node]
        move = two if one == move else one
        chain.append(move)


def _strand(cells: list[int], chain: list[int], moves: Moves) -> Strand:
    """Add a chain up, from its smaller node to its larger."""
    if cells[0] > cells[-1]:
        cells, chain = cells[::-1], chain[::-1]
    pick = np.array(chain)
    return Strand(
        cells[0], cells[-1], float(moves.cost[pick].sum()), float(moves.length_km[pick].sum()),
        np.array(cells, np.int64), int(moves.kind[chain[0]]), chain=tuple(chain),
    )  # fmt: skip


def _cheapest(strands: Iterable[Strand]) -> list[Strand]:
    """Without loops, and one new pipe between the same two nodes."""
    order = sorted(
        (s for s in strands if s.tail != s.head),
        key=lambda s: (s.tail, s.head, s.kind, s.cost, s.length_km),
    )
    kept: list[Strand] = []
    for one in order:
        last = kept[-1] if kept else None
        same = last is not None and (last.tail, last.head, last.kind) == (
            one.tail, one.head, one.kind,
        )  # fmt: skip
        if not (same and one.kind < 0):
            kept.append(one)
    return kept


def thin(moves: Moves, terminals: set[int], stretch: float) -> list[Strand]:
    """Contract, and leave out what makes no way much shorter.

    Strands come in by rising cost, each only where the way without it costs more than ``stretch``
    times as much: the greedy spanner (Althöfer et al. 1993, doi:10.1007/BF02189308). So of strands
    that run side by side one stays, and no way gets dearer by more than that factor. Existing pipes
    and steps into storage stay.

    Parameters
    ----------
    moves : Moves
        Each move once.
    terminals : set of int
        Nodes that stay.
    stretch : float
        At least 1.

    Returns
    -------
    list of Strand
        By tail, head and kind.
    """
    while True:
        strands = contract(moves, terminals)
        kept = _spanner(strands, stretch)
        used = np.array(sorted(k for s in kept for k in s.chain), np.int64)
        if len(used) == len(moves.a):
            return strands
        moves = moves.take(used)
        # what is left is contracted again; no way may stretch twice
        stretch = 1.0


def _spanner(strands: Sequence[Strand], stretch: float) -> list[Strand]:
    way: dict[int, dict[int, float]] = defaultdict(dict)
    kept = []
    for one in sorted(strands, key=lambda s: (s.kind == -1, s.cost, s.tail, s.head)):
        if one.kind == -1 and _within(way, one.tail, one.head, stretch * one.cost):
            continue
        kept.append(one)
        way[one.tail][one.head] = min(one.cost, way[one.tail].get(one.head, np.inf))
        if one.kind != -2:
            way[one.head][one.tail] = way[one.tail][one.head]
    return kept


def _within(way: dict[int, dict[int, float]], start: int, end: int, limit: float) -> bool:
    """Whether a way of at most a cost leads from start to end."""
    best, heap = {start: 0.0}, [(0.0, start)]
    while heap:
        cost, node = heapq.heappop(heap)
        if node == end:
            return True
        if cost > best[node]:
            continue
        for other, step in way.get(node, {}).items():
            total = cost + step
            if total <= limit and total < best.get(other, np.inf):
                best[other] = total
                heapq.heappush(heap, (total, other))
    return False


def shortest(strands: Sequence[Strand], pairs: Sequence[tuple[int, int]]) -> Floats:
    """Least cost between pairs of nodes, inf without a way.

    Steps into storage units lead one way.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    nodes = sorted({n for s in strands for n in (s.tail, s.head)} | {n for p in pairs for n in p})
    index = {node: k for k, node in enumerate(nodes)}
    best: dict[tuple[int, int], float] = {}
    for s in strands:
        tail, head = index[s.tail], index[s.head]
        ways = [(tail, head)] if s.kind == -2 else [(tail, head), (head, tail)]
        for way in ways if np.isfinite(s.cost) else ():
            best[way] = min(best.get(way, np.inf), s.cost)
    keys = np.array(list(best), np.int64).reshape(-1, 2)
    # explicit zeros are edges without cost in a sparse graph
    graph = csr_array(
        (np.array(list(best.values())), (keys[:, 0], keys[:, 1])), shape=(len(nodes), len(nodes))
    )
    starts = sorted({index[a] for a, _ in pairs})
    row = {start: k for k, start in enumerate(starts)}
    cost = dijkstra(graph, indices=starts)
    return np.array([cost[row[index[a]], index[b]] for a, b in pairs], np.float64)


def steps_km(cell: Ints, grid: AnalysisGrid) -> Floats:
    """Length of each step along a line of flat cells [km]."""
    row, col = np.divmod(cell, grid.cols)
    east, north = grid.row_steps_m
    wide = 0.5 * (east[row[1:]] + east[row[:-1]]) * np.diff(col)
    return np.asarray(np.hypot(wide, north * np.diff(row)) / 1000.0)

"""Cuts from node sets: what sources inside a set give must leave it or be stored in it.

For a node set S, sources L in S, sinks F in S that count as full, and
U = min(sum of capacities of L, target) - sum of capacities of F, with M = min(U, q):

    sum over pipes leaving S of min{p, M y} + sum over other sinks in S of min{b, min(U, C) r}
        >= sum over L of a - sum of capacities of F

holds for whichever term of each minimum is taken; the smaller one at the point to be cut off is.
The mirror image holds for sinks outside S. Violated sets are found by maximum flow. Ortega and
Wolsey (2003), "A branch-and-cut algorithm for the single-commodity, uncapacitated, fixed-charge
network flow problem", Networks 41, 143-158, use the same family without F.

What goes through one pipe bounds the other way: for a size T of an arc that leaves S,

    p_T <= sum over sources in S of min{a, Q y_T} + sum over pipes entering S of p
           - sum over sinks in S of (least stored) y_T

since a pipe that is not built carries nothing, and one that is carries no more than what is given
in S or enters it. These are the flow packs of Atamtürk (2001), "Flow pack facets of the single
node fixed-charge flow polytope", Operations Research Letters 29, 107-114, of one pipe over a
node set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cdrsite.network.arrays import FlowArrays
from cdrsite.network.mincut import MinCut
from cdrsite.network.model import INF, Goal, Layout, Rows, build
from cdrsite.network.polish import layout_of
from cdrsite.network.strengthen import Branch, bounds

_LEAST = 1e-4
"""Least violation of a cut relative to the flow that it speaks of."""
_PARALLEL = 0.7
"""Cosine between two cuts above which the one that cuts less deep is left out."""
_MOST = 100
"""Most cuts of a round: each makes every later relaxation dearer."""
_SHARES = (0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.55, 0.7, 0.85, 1.0)
"""Flows that groups of givers are probed with, as shares of what all give."""


@dataclass(frozen=True)
class _Side:
    """The network seen from its sources, or backwards from its sinks."""

    tail: np.ndarray
    head: np.ndarray
    give_node: np.ndarray
    give_cap: np.ndarray
    give_flow: np.ndarray
    give_at: int
    take_node: np.ndarray
    take_cap: np.ndarray
    take_flow: np.ndarray
    take_open: np.ndarray
    take_least: np.ndarray
    take_at: int
    take_open_at: int


@dataclass(frozen=True)
class _Point:
    """What all probes need of a point of the relaxation."""

    x: np.ndarray
    y: np.ndarray
    p: np.ndarray
    flow: np.ndarray


class Separator:
    """Finds violated node-set cuts for points of the relaxation.

    Parameters
    ----------
    net : FlowArrays
        The network.
    goal : Goal
        Target, price or budget.
    """

    def __init__(self, net: FlowArrays, goal: Goal) -> None:
        self.net, self.goal = net, goal
        self.at: Layout = layout_of(net)
        self.most = goal.target if goal.target is not None else INF
        n = net.nodes
        self._columns: list[np.ndarray] = np.split(
            np.arange(net.columns), np.searchsorted(net.col_arc, np.arange(1, net.arcs))
        )
        # links: arcs, start to givers, takers to end, each node to the end, start to each node
        every = np.arange(n)
        self._cuts = {}
        for backward in (False, True):
            gives, takes = net.source_node, net.sink_node
            tail, head = net.tail, net.head
            if backward:
                gives, takes, tail, head = takes, gives, head, tail
            ends = np.concatenate([tail, np.full(len(gives), n), takes, every, np.full(n, n)])
            goes = np.concatenate([
                head, gives, np.full(len(takes), n + 1), np.full(n, n + 1), every
            ])  # fmt: skip
            self._cuts[backward] = MinCut(n, ends, goes)
        self._model = build(net, goal)

    def cuts(self, x: np.ndarray, branch: Branch) -> Rows:
        """Give violated cuts at a point.

        Parameters
        ----------
        x : ndarray
            Point of the relaxation.
        branch : Branch
            Decided terminals: cuts are valid where those closed stay closed.

        Returns
        -------
        Rows
            Valid rows, each violated at x.
        """
        rows = Rows()
        at, net = self.at, self.net
        p = np.maximum(x[at.p : at.p + at.columns], 0.0)
        flow = np.bincount(net.col_arc, weights=p, minlength=net.arcs)
        point = _Point(x, x[at.y : at.p], p, flow)
        seen: set[bytes] = set()
        tight = bounds(self._model, net, self.goal, branch)
        for backward in (False, True):
            side = self._side(x, branch, tight, backward=backward)
            for limit, chosen in self._probes(side):
                inside = self._cut_set(side, point, limit, chosen, self._cuts[backward])
                if inside is not None:
                    self._add(rows, seen, side, point, inside)
            self._packs(rows, side, point, self._cuts[backward])
        return _best(rows, x)

    def _side(
        self,
        x: np.ndarray,
        branch: Branch,
        tight: tuple[np.ndarray, np.ndarray] | None,
        *,
        backward: bool,
    ) -> _Side:
        net, at = self.net, self.at
        shut = branch.closed
        cap = np.where(shut[: at.sources], 0.0, net.source_cap)
        room = np.where(shut[at.sources :], 0.0, net.sink_cap)
        least = np.zeros(at.size) if tight is None else tight[0]
        a, b = x[at.a : at.r], x[at.b : at.w]
        if backward:
            return _Side(
                net.head, net.tail, net.sink_node, room, b, at.b,
                net.source_node, cap, a, x[: at.a], least[at.a : at.r], at.a, at.s,
            )  # fmt: skip
        return _Side(
            net.tail, net.head, net.source_node, cap, a, at.a,
            net.sink_node, room, b, x[at.r : at.b], least[at.b : at.w], at.b, at.r,
        )  # fmt: skip

    def _probes(self, side: _Side) -> list[tuple[float, np.ndarray]]:
        """Choose flows and givers to probe: singles, groups by size, and all at once."""
        active = np.flatnonzero(side.give_flow > 1e-6)
        probes = [(min(side.give_cap[i], self.most), np.array([i])) for i in active]
        total = min(side.give_cap[active].sum(), self.most) if len(active) else 0.0
        if np.isfinite(total) and total > 0:
            for share in _SHARES:
                limit = share * total
                group = active[side.give_cap[active] <= limit * 1.0001]
                if len(group) > 1:
                    probes.append((limit, group))
                if len(group) < len(active):
                    # where takers inside are full, little is left of what many give
                    probes.append((limit, active))
        return probes

    def _cut_set(
        self,
        side: _Side,
        point: _Point,
        limit: float,
        chosen: np.ndarray,
        network: MinCut,
    ) -> np.ndarray | None:
        """Find the node set of a minimum cut between the chosen givers and the takers."""
        net, gives, takes = self.net, len(side.give_node), len(side.take_node)
        room = np.zeros(net.arcs + gives + takes + 2 * net.nodes)
        pipe = np.minimum(point.p, np.minimum(net.col_hi, limit) * point.y)
        room[: net.arcs] = np.bincount(net.col_arc, weights=pipe, minlength=net.arcs)
        room[net.arcs + chosen] = side.give_flow[chosen]
        take = np.minimum(side.take_flow, np.minimum(side.take_cap, limit) * side.take_open)
        room[net.arcs + gives : net.arcs + gives + takes] = np.maximum(take, 0.0)
        through, inside = network.cut(room)
        wanted = side.give_flow[chosen].sum()
        return None if through >= wanted - max(1e-4, 1e-5 * wanted) else inside

    def _add(
        self, rows: Rows, seen: set[bytes], side: _Side, point: _Point, inside: np.ndarray
    ) -> None:
        """Add the cuts of a node set: for all its givers and for each, takers full or not."""
        givers = np.flatnonzero(inside[side.give_node] & (side.give_cap > 0))
        groups = [givers[k : k + 1] for k in range(len(givers))]
        takers = np.flatnonzero(inside[side.take_node] & (side.take_cap > 0))
        full = takers[side.take_flow[takers] > 0.5 * side.take_cap[takers]]
        fills = [takers[:0]]
        fills += [full] if len(full) else []
        fills += [takers] if len(takers) > len(full) else []
        cols = np.flatnonzero((inside[side.tail] & ~inside[side.head])[self.net.col_arc])
        for group in [givers, *groups] if len(groups) > 1 else groups:
            for filled in fills:
                self._row(rows, seen, side, point, cols, takers, group, filled)

    def _row(
        self,
        rows: Rows,
        seen: set[bytes],
        side: _Side,
        point: _Point,
        cols: np.ndarray,
        takers: np.ndarray,
        group: np.ndarray,
        filled: np.ndarray,
    ) -> None:
        at = self.at
        held = float(side.take_cap[filled].sum())
        limit = min(float(side.give_cap[group].sum()), self.most) - held
        given = side.give_flow[group].sum() - held
        if limit <= 1e-6 or given <= 0:
            return
        big = np.minimum(self.net.col_hi[cols], limit)
        built = big * point.y[cols]
        pipe = np.minimum(point.p[cols], built)
        rest = takers if not len(filled) else np.setdiff1d(takers, filled)
        room = np.minimum(side.take_cap[rest], limit)
        opened = room * side.take_open[rest]
        take = np.minimum(side.take_flow[rest], opened)
        if pipe.sum() + take.sum() >= given - _LEAST * max(limit, 1e-3):
            return
        by_y = point.p[cols] > built
        by_r = side.take_flow[rest] > opened
        index = np.concatenate([
            np.where(by_y, at.y + cols, at.p + cols),
            np.where(by_r, side.take_open_at + rest, side.take_at + rest),
            side.give_at + group,
        ])  # fmt: skip
        value = np.concatenate([
            np.where(by_y, big, 1.0), np.where(by_r, room, 1.0), -np.ones(len(group))
        ])  # fmt: skip
        _put(rows, seen, index, value, -held)

    def _packs(self, rows: Rows, side: _Side, point: _Point, network: MinCut) -> None:
        """Add cuts on what one arc, or one size of it, carries."""
        for arc in np.flatnonzero(point.flow > _LEAST):
            columns = self._columns[arc]
            used = columns[point.y[columns] > 1e-6]
            sizes = [used] if len(used) < 2 else [used, *np.split(used, len(used))]
            for size in sizes:
                if point.y[size].sum() < 1 - 1e-6 and point.p[size].sum() > _LEAST:
                    self._pack(rows, side, point, network, int(arc), size)

    def _pack(
        self,
        rows: Rows,
        side: _Side,
        point: _Point,
        network: MinCut,
        arc: int,
        size: np.ndarray,
    ) -> None:
        at, net = self.at, self.net
        gives, takes = len(side.give_node), len(side.take_node)
        built, through = float(point.y[size].sum()), float(point.p[size].sum())
        give = np.clip(side.give_flow, 0.0, side.give_cap * built)
        least = side.take_least * built
        room = np.zeros(net.arcs + gives + takes + 2 * net.nodes)
        room[: net.arcs] = point.flow
        room[arc] = 0.0
        room[net.arcs : net.arcs + gives] = give
        room[net.arcs + gives : net.arcs + gives + takes] = least
        ends = net.arcs + gives + takes
        room[ends + side.tail[arc]] = through
        wanted = through + least.sum()
        room[ends + net.nodes + side.head[arc]] = 2 * wanted
        found, outside = network.cut(room)
        if found >= wanted - _LEAST * max(1.0, through):
            return
        inside = ~outside
        if not inside[side.tail[arc]] or inside[side.head[arc]]:
            return
        enter = (~inside[side.tail] & inside[side.head])[net.col_arc]
        givers = np.flatnonzero(inside[side.give_node] & (side.give_cap > 0))
        by_y = side.give_flow[givers] > side.give_cap[givers] * built
        most = side.give_cap[givers[by_y]].sum() - side.take_least[inside[side.take_node]].sum()
        most = max(float(most), 0.0)
        cols = np.flatnonzero(enter)
        slack = most * built + side.give_flow[givers[~by_y]].sum() + point.p[cols].sum() - through
        if slack > -_LEAST * max(1.0, through):
            return
        index = np.concatenate([
            at.p + size, at.y + size, side.give_at + givers[~by_y], at.p + cols
        ])  # fmt: skip
        ones = np.ones(len(givers) - int(by_y.sum()) + len(cols))
        value = np.concatenate([-np.ones(len(size)), np.full(len(size), most), ones])
        keep = value != 0
        rows.add(index[keep].tolist(), value[keep].tolist(), 0.0, INF)


def _put(rows: Rows, seen: set[bytes], index: np.ndarray, value: np.ndarray, least: float) -> None:
    """Add a row that is not there yet."""
    key = index.tobytes() + value.tobytes()
    if key not in seen:
        seen.add(key)
        rows.add(index.tolist(), value.tolist(), least, INF)


def _best(rows: Rows, x: np.ndarray) -> Rows:
    """Give the cuts that are deepest at a point, and point in different directions."""
    if not len(rows):
        return rows
    matrix = rows.matrix(len(x))
    norm = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    depth = (np.array(rows.lower) - matrix @ x) / norm
    unit = matrix.multiply(1.0 / norm[:, None]).tocsr()
    alike = np.abs((unit @ unit.T).toarray())
    out = np.zeros(len(rows), dtype=bool)
    keep = np.zeros(len(rows), dtype=bool)
    for k in np.argsort(-depth, kind="stable"):
        if out[k]:
            continue
        keep[k] = True
        out |= alike[k] > _PARALLEL
        if keep.sum() >= _MOST:
            break
    return rows.take(keep)

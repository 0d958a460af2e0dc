"""Cuts from node sets: what sources inside a set give must leave it or be stored in it.

For a node set S, sources L in S and U = min(sum of capacities of L, target), with M = min(U, q):

    sum over pipes leaving S of min{p, M y} + sum over sinks in S of min{b, min(U, C) r}
        >= sum over L of a

holds for whichever term of each minimum is taken; the smaller one at the point to be cut off is.
The mirror image holds for sinks outside S. Violated sets are found by maximum flow. Ortega and
Wolsey (2003), "A branch-and-cut algorithm for the single-commodity, uncapacitated, fixed-charge
network flow problem", Networks 41, 143-158, use the same family.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from cdrsite.network.arrays import FlowArrays
from cdrsite.network.model import INF, Goal, Layout, Rows
from cdrsite.network.polish import layout_of
from cdrsite.network.strengthen import Branch

_SCALE = 1e6
"""Flows are whole numbers of t/yr in the maximum flow."""


@dataclass(frozen=True)
class _Side:
    """The network seen from its sources, or backwards from its sinks."""

    tail: np.ndarray
    head: np.ndarray
    give_node: np.ndarray
    give_cap: np.ndarray
    give_flow: np.ndarray
    give_open: np.ndarray
    give_at: int
    open_at: int
    take_node: np.ndarray
    take_cap: np.ndarray
    take_flow: np.ndarray
    take_open: np.ndarray
    take_at: int
    take_open_at: int


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
        self.net = net
        self.at: Layout = layout_of(net)
        self.most = goal.target if goal.target is not None else INF

    def cuts(self, x: np.ndarray, branch: Branch, least: float = 1e-4) -> Rows:
        """Give violated cuts at a point.

        Parameters
        ----------
        x : ndarray
            Point of the relaxation.
        branch : Branch
            Decided terminals: cuts are valid where those closed stay closed.
        least : float
            Least violation relative to the flow U of the cut.

        Returns
        -------
        Rows
            Valid rows, each violated at x.
        """
        rows = Rows()
        seen: set[tuple[bool, bytes, bytes]] = set()
        for backward in (False, True):
            side = self._side(x, branch, backward=backward)
            for limit, chosen in self._probes(side):
                inside = self._cut_set(side, x, limit, chosen)
                if inside is not None:
                    self._add(rows, seen, side, x, inside, least, backward=backward)
        return rows

    def _side(self, x: np.ndarray, branch: Branch, *, backward: bool) -> _Side:
        net, at = self.net, self.at
        shut = branch.closed
        cap = np.where(shut[: at.sources], 0.0, net.source_cap)
        room = np.where(shut[at.sources :], 0.0, net.sink_cap)
        sources = (net.source_node, cap, x[at.a : at.r], x[: at.a], at.a, at.s)
        sinks = (net.sink_node, room, x[at.b : at.w], x[at.r : at.b], at.b, at.r)
        if backward:
            return _Side(net.head, net.tail, *sinks, *sources)
        return _Side(net.tail, net.head, *sources, *sinks)

    def _probes(self, side: _Side) -> list[tuple[float, np.ndarray]]:
        """Choose capacity limits and givers to probe: singles, then groups by size."""
        probes: list[tuple[float, np.ndarray]] = []
        active = np.flatnonzero(side.give_flow > 1e-6)
        probes += [(min(side.give_cap[i], self.most), np.array([i])) for i in active]
        total = min(side.give_cap[active].sum(), self.most) if len(active) else 0.0
        if np.isfinite(total) and total > 0:
            for share in (0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.55, 0.7, 0.85, 1.0):
                limit = share * total
                group = active[side.give_cap[active] <= limit * 1.0001]
                if len(group) > 1:
                    probes.append((limit, group))
        return probes

    def _terms(self, side: _Side, x: np.ndarray, limit: float) -> tuple[np.ndarray, ...]:
        """Give big-M and smaller term of each pipe column and each taker at the point."""
        net, at = self.net, self.at
        big = np.minimum(net.col_hi, limit)
        pipe = np.minimum(x[at.p : at.p + at.columns], big * x[at.y : at.p])
        room = np.minimum(side.take_cap, limit)
        take = np.minimum(side.take_flow, room * side.take_open)
        return big, pipe, room, take

    def _cut_set(
        self, side: _Side, x: np.ndarray, limit: float, chosen: np.ndarray
    ) -> np.ndarray | None:
        """Find the node set of a minimum cut between the chosen givers and the takers."""
        net = self.net
        _, pipe, _, take = self._terms(side, x, limit)
        through = np.bincount(net.col_arc, weights=pipe, minlength=net.arcs)
        n = net.nodes
        live = np.flatnonzero(through > 1e-7)
        tails = np.concatenate([side.tail[live], np.full(len(chosen), n), side.take_node])
        heads = np.concatenate([
            side.head[live], side.give_node[chosen], np.full(len(side.take_node), n + 1)
        ])  # fmt: skip
        caps = np.concatenate([through[live], side.give_flow[chosen], take])
        whole = np.round(caps * _SCALE).astype(np.int64)
        graph = csr_array((whole, (tails, heads)), shape=(n + 2, n + 2))
        graph.sum_duplicates()
        graph = csr_array(
            (np.minimum(graph.data, 2**31 - 1).astype(np.int32), graph.indices, graph.indptr),
            shape=graph.shape,
        )
        result = maximum_flow(graph, n, n + 1)
        wanted = side.give_flow[chosen].sum()
        if result.flow_value / _SCALE >= wanted - max(1e-4, 1e-5 * wanted):
            return None
        residual = csr_array(graph - result.flow)
        residual.data[:] = np.where(residual.data > 1, residual.data, 0)
        residual.eliminate_zeros()
        reached = breadth_first_order(residual, n, return_predecessors=False)
        inside = np.zeros(n + 2, dtype=bool)
        inside[reached] = True
        return inside[:n]

    def _add(
        self,
        rows: Rows,
        seen: set[tuple[bool, bytes, bytes]],
        side: _Side,
        x: np.ndarray,
        inside: np.ndarray,
        least: float,
        *,
        backward: bool,
    ) -> None:
        """Add the best cuts of a node set: for all its givers, and for its single givers."""
        givers = np.flatnonzero(inside[side.give_node] & (side.give_cap > 0))
        groups = [givers[k : k + 1] for k in range(len(givers))]
        for group in [givers, *groups] if len(groups) > 1 else groups:
            key = inside.tobytes() + group.tobytes()
            row = self._row(side, x, inside, group, least)
            if row is not None and (backward, key, row[2]) not in seen:
                seen.add((backward, key, row[2]))
                rows.add(row[0], row[1], 0.0, INF)

    def _row(
        self, side: _Side, x: np.ndarray, inside: np.ndarray, group: np.ndarray, least: float
    ) -> tuple[list[int], list[float], bytes] | None:
        net, at = self.net, self.at
        limit = min(side.give_cap[group].sum(), self.most)
        big, pipe, room, take = self._terms(side, x, limit)
        crossing = inside[side.tail] & ~inside[side.head]
        cols = np.flatnonzero(crossing[net.col_arc])
        takers = np.flatnonzero(inside[side.take_node])
        given = side.give_flow[group].sum()
        if pipe[cols].sum() + take[takers].sum() >= given - least * max(limit, 1e-3):
            return None
        by_y = x[at.p + cols] > big[cols] * x[at.y + cols]
        by_r = side.take_flow[takers] > room[takers] * side.take_open[takers]
        index = np.concatenate([
            np.where(by_y, at.y + cols, at.p + cols),
            np.where(by_r, side.take_open_at + takers, side.take_at + takers),
            side.give_at + group,
        ])  # fmt: skip
        value = np.concatenate([
            np.where(by_y, big[cols], 1.0), np.where(by_r, room[takers], 1.0),
            -np.ones(len(group)),
        ])  # fmt: skip
        return index.tolist(), value.tolist(), np.packbits(np.concatenate([by_y, by_r])).tobytes()

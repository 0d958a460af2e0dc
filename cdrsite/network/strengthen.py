"""Bounds and rows that every best plan satisfies and that tighten the linear relaxation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cdrsite.network.arrays import FlowArrays
from cdrsite.network.model import INF, DesignModel, Goal, Rows


@dataclass(frozen=True)
class Branch:
    """Terminals that are decided: ``closed`` and ``opened``, bool of shape (sources + sinks,)."""

    closed: np.ndarray
    opened: np.ndarray

    @staticmethod
    def root(net: FlowArrays) -> Branch:
        """Nothing is decided."""
        size = len(net.source_cap) + len(net.sink_cap)
        return Branch(np.zeros(size, dtype=bool), np.zeros(size, dtype=bool))

    def decide(self, terminal: int, *, opened: bool) -> Branch:
        """Give the branch in which one more terminal is decided."""
        mine = self.opened if opened else self.closed
        changed = mine.copy()
        changed[terminal] = True
        return Branch(self.closed, changed) if opened else Branch(changed, self.opened)


def bounds(
    model: DesignModel, net: FlowArrays, goal: Goal, branch: Branch
) -> tuple[np.ndarray, np.ndarray] | None:
    """Tighten the bounds of a model for a branch.

    With a fixed target, a source must give what the others cannot, and a sink must take what
    the others cannot; wells follow. In the other modes only the branch itself counts.

    Parameters
    ----------
    model : DesignModel
        The model whose bounds are tightened; it is not changed.
    net : FlowArrays
        The network.
    goal : Goal
        Target, price or budget.
    branch : Branch
        Decided terminals.

    Returns
    -------
    (lower, upper) or None
        Bounds of the columns; None where the branch admits no plan.
    """
    at = model.layout
    lower, upper = model.lower.copy(), model.upper.copy()
    for begin, size, decided in ((at.s, at.sources, 0), (at.r, at.sinks, at.sources)):
        closed = branch.closed[decided : decided + size]
        lower[begin : begin + size][branch.opened[decided : decided + size]] = 1.0
        upper[begin : begin + size][closed] = 0.0
        upper[begin + size : begin + 2 * size][closed] = 0.0
    upper[at.w : at.y][branch.closed[at.sources :]] = 0.0
    if goal.target is not None:
        given, taken = upper[at.a : at.r], upper[at.b : at.w]
        spare, room = given.sum() - goal.target, taken.sum() - goal.target
        if spare < -1e-9 or room < -1e-9:
            return None
        must = np.maximum(_must(given, spare, goal.target), lower[at.a : at.r])
        for members, part in goal.ledgers:
            mine = list(members)
            free = given[mine].sum() - part
            if free < -1e-9:
                return None
            must[mine] = np.maximum(must[mine], _must(given[mine], free, part))
        lower[at.a : at.r] = must
        lower[: at.a][must > 1e-9] = 1.0
        must = _must(taken, room, goal.target)
        lower[at.b : at.w] = must
        lower[at.r : at.b][must > 1e-9] = 1.0
        wells = np.ceil(must / net.well_rate - 1e-9)
        lower[at.w : at.y] = np.minimum(wells, upper[at.w : at.y])
    if np.any(lower > upper + 1e-12):
        return None
    return lower, upper


def _must(most: np.ndarray, spare: float, target: float) -> np.ndarray:
    """Least amounts where all together may stay below their sum by a spare amount.

    The margin is wide: between bounds a rounding apart the solver's presolve finds no plan.
    """
    if spare <= 1e-10 * target:
        return most
    return np.maximum(most - spare - 1e-6 * target, 0.0)


def strong_rows(net: FlowArrays, goal: Goal, model: DesignModel) -> Rows:
    """Give rows that tighten the relaxation and cut off no best plan.

    An opened source without a sink at its node sends a pipe; an opened sink without a source
    at its node gets one; a pipe that leaves a junction is fed by another; an opened sink has a
    well; and the mixed-integer rounding of ``b <= R w, b <= C``.

    Parameters
    ----------
    net : FlowArrays
        The network.
    goal : Goal
        Target, price or budget; knapsack rows need a target.
    model : DesignModel
        For the layout.

    Returns
    -------
    Rows
        To be added to the model.
    """
    at = model.layout
    rows = Rows()
    columns: list[list[int]] = [[] for _ in range(net.arcs)]
    for k, arc in enumerate(net.col_arc):
        columns[arc].append(at.y + k)
    leaving: list[list[int]] = [[] for _ in range(net.nodes)]
    entering: list[list[int]] = [[] for _ in range(net.nodes)]
    for arc in range(net.arcs):
        leaving[net.tail[arc]].append(arc)
        entering[net.head[arc]].append(arc)
    gives = np.zeros(net.nodes, dtype=bool)
    gives[net.source_node] = True
    takes = np.zeros(net.nodes, dtype=bool)
    takes[net.sink_node] = True
    for i, node in enumerate(net.source_node):
        if not takes[node]:
            ys = [y for arc in leaving[node] for y in columns[arc]]
            rows.add([*ys, at.s + i], [1.0] * len(ys) + [-1.0], 0.0, INF)
    for j, node in enumerate(net.sink_node):
        if not gives[node]:
            ys = [y for arc in entering[node] for y in columns[arc]]
            rows.add([*ys, at.r + j], [1.0] * len(ys) + [-1.0], 0.0, INF)
    for arc in range(net.arcs):
        u, v = net.tail[arc], net.head[arc]
        if not gives[u]:
            feeds = [a for a in entering[u] if net.tail[a] != v]
            _chain(rows, columns[arc], [y for a in feeds for y in columns[a]])
        if not takes[v]:
            drains = [a for a in leaving[v] if net.head[a] != u]
            _chain(rows, columns[arc], [y for a in drains for y in columns[a]])
    _well_rows(rows, net, at.r, at.b, at.w)
    if goal.target is not None:
        _cover(rows, list(range(at.s, at.a)), net.source_cap, goal.target)
        _cover(rows, list(range(at.r, at.b)), net.sink_cap, goal.target)
        _cover(rows, list(range(at.w, at.y)), net.well_rate, goal.target)
    return rows


def _chain(rows: Rows, ys: list[int], others: list[int]) -> None:
    """Demand one of the others where one of ys is built."""
    if ys:
        rows.add([*others, *ys], [1.0] * len(others) + [-1.0] * len(ys), 0.0, INF)


def _well_rows(rows: Rows, net: FlowArrays, r: int, b: int, w: int) -> None:
    for j, (cap, rate) in enumerate(zip(net.sink_cap, net.well_rate, strict=True)):
        rows.add([w + j, r + j], [1.0, -1.0], 0.0, INF)
        wells = int(np.ceil(cap / rate - 1e-9))
        rest = cap - rate * (wells - 1)
        if wells > 1 and rest < rate * (1 - 1e-9):
            rows.add([b + j, r + j, w + j], [1.0, -(cap - rest * wells), -rest], -INF, 0.0)


def _cover(rows: Rows, columns: list[int], sizes: np.ndarray, target: float) -> None:
    rows.add(columns, sizes.tolist(), target, INF)

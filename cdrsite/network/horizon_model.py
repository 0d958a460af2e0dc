"""The mixed-integer model of a network over periods, and the cuts of its static networks in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cdrsite.network.dicuts import Separator
from cdrsite.network.horizon import Horizon
from cdrsite.network.model import INF, DesignModel, Rows, build
from cdrsite.network.polish import layout_of
from cdrsite.network.strengthen import Branch, bounds


@dataclass(frozen=True)
class Blocks:
    """Columns: for each kind a block of shape (periods, items).

    Source open s, captured a, sink open r, stored b, wells w; of each size of an arc bought z and
    its capacity k; of each trend column of the static networks the flow p.
    """

    size: int
    s: np.ndarray
    a: np.ndarray
    r: np.ndarray
    b: np.ndarray
    w: np.ndarray
    z: np.ndarray
    k: np.ndarray
    p: np.ndarray


def blocks_of(horizon: Horizon) -> Blocks:
    """Lay out the columns of a horizon."""
    net, sizes = horizon.nets[0], len(horizon.edge)
    ns, nk = len(net.source_cap), len(net.sink_cap)
    blocks, begin = [], 0
    for items in (ns, ns, nk, nk, nk, sizes, sizes, net.columns):
        count = horizon.periods * items
        blocks.append(np.arange(begin, begin + count).reshape(horizon.periods, items))
        begin += count
    return Blocks(begin, *blocks)


def model_of(horizon: Horizon, at: Blocks) -> DesignModel | None:
    """Build the model with its strengthening rows; None where bounds alone leave no plan.

    What is open stays open, wells stay, a sink fills, what is bought carries flow from then on in
    either direction, and an arc is bought at most once in a period.
    """
    cost, lower, upper = np.zeros(at.size), np.zeros(at.size), np.full(at.size, INF)
    integer = np.zeros(at.size, dtype=bool)
    rows = Rows()
    tail, share = horizon.times.tail, horizon.times.share
    there = horizon.there[horizon.edge]
    upper[at.z] = 1.0
    upper[at.k] = np.where(there, 0.0, horizon.high)
    cost[at.z] = tail[:, None] * horizon.fixed
    cost[at.k] = tail[:, None] * horizon.slope
    paid = np.zeros(len(horizon.there), dtype=bool)
    paid[horizon.edge[horizon.fixed != 0]] = True
    integer[at.z] = paid[horizon.edge]
    for t, net in enumerate(horizon.nets):
        static = build(net, horizon.goals[t])
        tight = bounds(static, net, horizon.goals[t], Branch.root(net))
        if tight is None:
            return None
        flat = static.layout
        on, up = horizon.source_on[t], horizon.sink_on[t]
        parts = (
            (at.s[t], flat.s, net.source_fixed * on),
            (at.a[t], flat.a, static.cost[flat.a : flat.r]),
            (at.r[t], flat.r, net.sink_fixed * up), (at.b[t], flat.b, net.sink_var),
            (at.w[t], flat.w, net.well_cost * up),
        )  # fmt: skip
        for block, begin, money in parts:
            end = begin + len(block)
            lower[block], upper[block] = tight[0][begin:end], tight[1][begin:end]
            cost[block] = share[t] * money
            integer[block] = static.integer[begin:end]
        # what was opened stays open, and costs nothing out of service
        upper[at.s[t]] = upper[at.r[t]] = 1.0
        upper[at.w[t]] = np.max(
            [np.ceil(one.sink_cap / one.well_rate - 1e-9) for one in horizon.nets], axis=0
        )
        old = there[horizon.size_of]
        cost[at.p[t]] = share[t] * np.where(old, net.col_slope, 0.0)
        upper[at.p[t]] = net.col_hi
        _terminal_rows(rows, horizon, at, t)
        _pipe_rows(rows, horizon, at, t)
        _balance_rows(rows, horizon, at, t)
        _target_rows(rows, horizon, at, t)
    _time_rows(rows, horizon, at)
    return DesignModel(at, cost, lower, upper, integer, rows)  # type: ignore[arg-type]


def _terminal_rows(rows: Rows, horizon: Horizon, at: Blocks, t: int) -> None:
    """Capacities of sources, sites and wells, and the rounding of whole wells."""
    net = horizon.nets[t]
    laid = _laid_at_nodes(horizon, at, t)
    gives, takes = set(net.source_node.tolist()), set(net.sink_node.tolist())
    for i, (cap, node) in enumerate(zip(net.source_cap, net.source_node, strict=True)):
        a, s = int(at.a[t, i]), int(at.s[t, i])
        rows.add([a, s], [1.0, -cap], -INF, 0.0)
        if cap > 0 and int(node) not in takes:
            # it opens once it captures, and then sends a pipe
            rows.add([*laid[node], s], [1.0] * len(laid[node]) + [-1.0], 0.0, INF)
    for j, (cap, rate, node) in enumerate(
        zip(net.sink_cap, horizon.well_rate, net.sink_node, strict=True)
    ):
        b, r, w = int(at.b[t, j]), int(at.r[t, j]), int(at.w[t, j])
        rows.add([b, r], [1.0, -cap], -INF, 0.0)
        rows.add([b, w], [1.0, -rate], -INF, 0.0)
        rows.add([w, r], [1.0, -1.0], 0.0, INF)
        wells = int(np.ceil(cap / rate - 1e-9))
        rest = cap - rate * (wells - 1)
        if wells > 1 and rest < rate * (1 - 1e-9):
            rows.add([b, r, w], [1.0, -(cap - rest * wells), -rest], -INF, 0.0)
        if cap > 0 and int(node) not in gives:
            rows.add([*laid[node], r], [1.0] * len(laid[node]) + [-1.0], 0.0, INF)


def _laid_at_nodes(horizon: Horizon, at: Blocks, t: int) -> list[list[int]]:
    """Purchases up to a period of the arcs that touch each node."""
    net = horizon.nets[0]
    touching: list[set[int]] = [set() for _ in range(net.nodes)]
    for arc, e in enumerate(net.edge):
        touching[net.tail[arc]].add(int(e))
        touching[net.head[arc]].add(int(e))
    sizes: list[list[int]] = [[] for _ in horizon.there]
    for n, e in enumerate(horizon.edge):
        sizes[e] += at.z[: t + 1, n].tolist()
    return [[z for e in sorted(edges) for z in sizes[e]] for edges in touching]


def _pipe_rows(rows: Rows, horizon: Horizon, at: Blocks, t: int) -> None:
    most = horizon.goals[t].target
    columns: list[list[int]] = [[] for _ in horizon.edge]
    for column, n in enumerate(horizon.size_of):
        columns[n].append(int(at.p[t, column]))
    by_edge: dict[int, list[int]] = {}
    for n, e in enumerate(horizon.edge):
        z, k, carried = int(at.z[t, n]), int(at.k[t, n]), columns[n]
        by_edge.setdefault(int(e), []).append(z)
        so_far = at.z[: t + 1, n].tolist()
        high = float(horizon.high[n])
        ones = [1.0] * len(carried)
        if horizon.there[e]:
            rows.add([*carried, *so_far], [*ones, *([-high] * (t + 1))], -INF, 0.0)
            continue
        rows.add([k, z], [1.0, -high], -INF, 0.0)
        rows.add([*carried, *at.k[: t + 1, n].tolist()], [*ones, *([-1.0] * (t + 1))], -INF, 0.0)
        if most is not None and most < high:
            # flow both ways cancels: what a pipe carries net is at most the target
            rows.add([*carried, *so_far], [*ones, *([-most] * (t + 1))], -INF, 0.0)
    for e, zs in by_edge.items():
        if not horizon.there[e]:
            rows.add(zs, [1.0] * len(zs), -INF, 1.0)
        elif t == len(horizon.nets) - 1:
            mine = at.z[:, horizon.edge == e].ravel().tolist()
            rows.add(mine, [1.0] * len(mine), -INF, 1.0)


def _balance_rows(rows: Rows, horizon: Horizon, at: Blocks, t: int) -> None:
    net = horizon.nets[t]
    terms: list[list[tuple[int, float]]] = [[] for _ in range(net.nodes)]
    for column, arc in enumerate(net.col_arc):
        terms[net.tail[arc]].append((int(at.p[t, column]), 1.0))
        terms[net.head[arc]].append((int(at.p[t, column]), -1.0))
    for i, node in enumerate(net.source_node):
        terms[node].append((int(at.a[t, i]), -1.0))
    for j, node in enumerate(net.sink_node):
        terms[node].append((int(at.b[t, j]), 1.0))
    for mine in terms:
        if mine:
            rows.add([i for i, _ in mine], [v for _, v in mine], 0.0, 0.0)


def _target_rows(rows: Rows, horizon: Horizon, at: Blocks, t: int) -> None:
    net, goal = horizon.nets[t], horizon.goals[t]
    if goal.target is None:
        return
    captured = at.a[t].tolist()
    rows.add(captured, [1.0] * len(captured), goal.target, goal.target)
    for members, part in goal.ledgers[1:]:  # the first follows from the sum
        rows.add([captured[i] for i in members], [1.0] * len(members), part, part)
    for block, sizes in ((at.s, net.source_cap), (at.r, net.sink_cap), (at.w, horizon.well_rate)):
        rows.add(block[t].tolist(), sizes.tolist(), goal.target, INF)


def _time_rows(rows: Rows, horizon: Horizon, at: Blocks) -> None:
    """What is open stays open, wells stay, and a sink fills."""
    for block in (at.s, at.r, at.w):
        for before, after in zip(block[:-1].ravel(), block[1:].ravel(), strict=True):
            rows.add([int(after), int(before)], [1.0, -1.0], 0.0, INF)
    for j, room in enumerate(horizon.room):
        rows.add(at.b[:, j].tolist(), horizon.times.years.tolist(), -INF, float(room))


class HorizonCuts:
    """Node-set cuts of the static network of each period, written in the columns of the model.

    What leaves a set in a period goes through pipes bought by then, so the cuts of ``dicuts.py``
    hold with all that was bought of a size in place of one pipe of it.
    """

    def __init__(self, horizon: Horizon, at: Blocks) -> None:
        self.horizon, self.at = horizon, at
        self._flat = layout_of(horizon.nets[0])
        self._separators = [
            Separator(net, goal) for net, goal in zip(horizon.nets, horizon.goals, strict=True)
        ]
        self._root = Branch.root(horizon.nets[0])

    def cuts(self, x: np.ndarray) -> Rows:
        """Give cuts that are violated at a point of the model."""
        found = Rows()
        for t, separator in enumerate(self._separators):
            columns = self._columns(t)
            point = np.array([x[list(mine)].sum() for mine in columns])
            rows = separator.cuts(point, self._root)
            for k in range(len(rows)):
                index: list[int] = []
                value: list[float] = []
                for i in range(rows.start[k], rows.start[k + 1]):
                    mine = columns[rows.index[i]]
                    index += mine
                    value += [rows.value[i]] * len(mine)
                found.add(index, value, rows.lower[k], rows.upper[k])
        return found

    def _columns(self, t: int) -> list[list[int]]:
        """Columns of the model that stand for each column of a static network."""
        at = self.at
        singles = [block[t] for block in (at.s, at.a, at.r, at.b, at.w)]
        columns = [[int(one)] for block in singles for one in block]
        columns += [at.z[: t + 1, n].tolist() for n in self.horizon.size_of]
        columns += [[int(one)] for one in at.p[t]]
        return columns


def without(model: DesignModel, at: Blocks, horizon: Horizon, edges: np.ndarray) -> DesignModel:
    """Give the model in which only some arcs may be bought; bool of shape (E,)."""
    upper = model.upper.copy()
    out = ~edges[horizon.edge] & ~horizon.there[horizon.edge]
    upper[at.z[:, out]] = upper[at.k[:, out]] = 0.0
    return replace(model, upper=upper)

"""The mixed-integer model of the network as sparse rows, and its solution by HiGHS."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from cdrsite.core.errors import SolverError
from cdrsite.core.solver import LinearSolver, Programme
from cdrsite.network.arrays import FlowArrays

INF = math.inf


@dataclass(frozen=True)
class Goal:
    """What is asked: a target, a price or a budget; exactly one.

    Attributes
    ----------
    target : float, optional
        Capture exactly this [Mt/yr] at least cost.
    price : float, optional
        Minimise cost less this for each tonne captured [USD/t].
    budget : float, optional
        Capture the most for this cost [million USD/yr].
    ledgers : tuple
        With a target: the sources of each ledger, and their part of the target [Mt/yr].
    """

    target: float | None = None
    price: float | None = None
    budget: float | None = None
    ledgers: tuple[tuple[tuple[int, ...], float], ...] = ()

    @property
    def mode(self) -> str:
        """One of ``target``, ``price``, ``budget``."""
        if self.target is not None:
            return "target"
        return "price" if self.price is not None else "budget"

    def objective(self, cost: float, captured: float) -> float:
        """Value to minimise [million USD/yr]; in budget mode minus the capture [Mt/yr]."""
        if self.budget is not None:
            return -captured
        return cost - (self.price or 0.0) * captured


@dataclass(frozen=True)
class Layout:
    """Where each kind of variable stands in the columns of the model.

    Order: source open s, captured a, sink open r, stored b, wells w, trend built y, flow p.
    """

    sources: int
    sinks: int
    columns: int

    @property
    def s(self) -> int:
        """First column of source-open variables."""
        return 0

    @property
    def a(self) -> int:
        """First column of captured amounts."""
        return self.sources

    @property
    def r(self) -> int:
        """First column of sink-open variables."""
        return 2 * self.sources

    @property
    def b(self) -> int:
        """First column of stored amounts."""
        return 2 * self.sources + self.sinks

    @property
    def w(self) -> int:
        """First column of numbers of wells."""
        return 2 * self.sources + 2 * self.sinks

    @property
    def y(self) -> int:
        """First column of trend-built variables."""
        return 2 * self.sources + 3 * self.sinks

    @property
    def p(self) -> int:
        """First column of flows."""
        return self.y + self.columns

    @property
    def size(self) -> int:
        """Number of columns."""
        return self.p + self.columns


class Rows:
    """Rows under construction: lower <= values . x[indices] <= upper."""

    def __init__(self) -> None:
        self.start = [0]
        self.index: list[int] = []
        self.value: list[float] = []
        self.lower: list[float] = []
        self.upper: list[float] = []

    def add(self, index: list[int], value: list[float], lower: float, upper: float) -> None:
        """Append one row; an index may appear once only."""
        self.index += index
        self.value += value
        self.start.append(len(self.index))
        self.lower.append(lower)
        self.upper.append(upper)

    def __len__(self) -> int:
        return len(self.lower)

    def matrix(self, columns: int) -> csr_array:
        """Give the rows as a sparse matrix of shape (rows, columns)."""
        return csr_array(
            (np.array(self.value), np.array(self.index, dtype=int), np.array(self.start)),
            shape=(len(self), columns),
        )

    def largest(self) -> np.ndarray:
        """Give the largest coefficient of each row, without its sign."""
        value = np.abs(np.array([*self.value, 0.0]))
        return np.maximum.reduceat(value, self.start[:-1]) if len(self) else np.zeros(0)

    def take(self, keep: np.ndarray) -> Rows:
        """Give some of the rows; bool of shape (rows,)."""
        kept = Rows()
        for k in np.flatnonzero(keep):
            begin, end = self.start[k], self.start[k + 1]
            kept.add(self.index[begin:end], self.value[begin:end], self.lower[k], self.upper[k])
        return kept

    def extend(self, other: Rows) -> None:
        """Append all rows of another set."""
        offset = len(self.index)
        self.index += other.index
        self.value += other.value
        self.start += [offset + k for k in other.start[1:]]
        self.lower += other.lower
        self.upper += other.upper


@dataclass
class DesignModel:
    """A mixed-integer model: minimise cost . x subject to bounds, rows and integrality."""

    layout: Layout
    cost: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    integer: np.ndarray
    rows: Rows

    def programme(self, *, integer: bool) -> Programme:
        """The model for the solver, with or without integrality."""
        matrix = self.rows.matrix(self.layout.size)
        return Programme(
            self.cost, self.lower, self.upper, np.array(self.rows.lower), np.array(self.rows.upper),
            matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data,
            integer=self.integer.astype(bool) if integer else None,
        )  # fmt: skip


def build(net: FlowArrays, goal: Goal) -> DesignModel:
    """Build the model: flow balance, capacities, one trend and direction per arc, whole wells.

    The model is the fixed-charge formulation of SimCCS with one direction per arc; a trend is
    used only for the flows for which it is the cheapest, which loses nothing.

    Parameters
    ----------
    net : FlowArrays
        The network.
    goal : Goal
        Target, price or budget.

    Returns
    -------
    DesignModel
        Ready to be strengthened and solved.
    """
    at = Layout(len(net.source_cap), len(net.sink_cap), net.columns)
    price = goal.price or 0.0
    parts = (
        net.source_fixed, net.source_var - price, net.sink_fixed, net.sink_var, net.well_cost,
        net.col_fixed, net.col_slope,
    )  # fmt: skip
    money = np.concatenate(parts)
    most_wells = np.ceil(net.sink_cap / net.well_rate - 1e-9)
    upper = np.concatenate([
        np.ones(at.sources), net.source_cap, np.ones(at.sinks), net.sink_cap, most_wells,
        np.ones(at.columns), net.col_hi,
    ])  # fmt: skip
    rows = Rows()
    _terminal_rows(rows, net, at)
    _arc_rows(rows, net, at)
    _balance_rows(rows, net, at)
    captured = list(range(at.a, at.r))
    cost = money
    if goal.target is not None:
        rows.add(captured, [1.0] * at.sources, goal.target, goal.target)
        for members, part in goal.ledgers[1:]:  # the first follows from the sum
            rows.add([at.a + i for i in members], [1.0] * len(members), part, part)
    elif goal.budget is not None:
        paid = np.flatnonzero(money)
        rows.add(paid.tolist(), money[paid].tolist(), -INF, goal.budget)
        cost = np.zeros(at.size)
        cost[captured] = -1.0
    lower = np.zeros(at.size)
    lower[at.a : at.r] = net.source_least
    lower[: at.a] = net.source_least > 0
    return DesignModel(at, cost, lower, upper, _whole(net, at), rows)


def _whole(net: FlowArrays, at: Layout) -> np.ndarray:
    """Say which columns must be whole: a choice that costs nothing decides nothing.

    An arc whose trends are all free to build needs none either: flow both ways cancels. One of a
    trend that begins above zero does, since the trend may not be used below.
    """
    whole = np.zeros(at.size, dtype=bool)
    whole[: at.a] = net.source_fixed != 0
    whole[at.r : at.b] = net.sink_fixed != 0
    whole[at.w : at.y] = net.well_cost != 0
    edge = net.edge[net.col_arc]
    paid = np.zeros(int(net.edge.max(initial=-1)) + 1, dtype=bool)
    paid[edge[(net.col_fixed != 0) | (net.col_lo > 0)]] = True
    whole[at.y : at.p] = paid[edge]
    return whole


def _terminal_rows(rows: Rows, net: FlowArrays, at: Layout) -> None:
    for i, cap in enumerate(net.source_cap):
        rows.add([at.a + i, at.s + i], [1.0, -cap], -INF, 0.0)
    for j, (cap, rate) in enumerate(zip(net.sink_cap, net.well_rate, strict=True)):
        rows.add([at.b + j, at.r + j], [1.0, -cap], -INF, 0.0)
        rows.add([at.b + j, at.w + j], [1.0, -rate], -INF, 0.0)


def _arc_rows(rows: Rows, net: FlowArrays, at: Layout) -> None:
    by_edge: dict[int, list[int]] = {}
    for k in range(net.columns):
        rows.add([at.p + k, at.y + k], [1.0, -net.col_hi[k]], -INF, 0.0)
        if net.col_lo[k] > 0:
            rows.add([at.p + k, at.y + k], [1.0, -net.col_lo[k]], 0.0, INF)
        by_edge.setdefault(int(net.edge[net.col_arc[k]]), []).append(at.y + k)
    for ys in by_edge.values():
        rows.add(ys, [1.0] * len(ys), -INF, 1.0)


def _balance_rows(rows: Rows, net: FlowArrays, at: Layout) -> None:
    index: list[list[int]] = [[] for _ in range(net.nodes)]
    value: list[list[float]] = [[] for _ in range(net.nodes)]
    for k, arc in enumerate(net.col_arc):
        index[net.tail[arc]].append(at.p + k)
        value[net.tail[arc]].append(1.0)
        index[net.head[arc]].append(at.p + k)
        value[net.head[arc]].append(-1.0)
    for i, node in enumerate(net.source_node):
        index[node].append(at.a + i)
        value[node].append(-1.0)
    for j, node in enumerate(net.sink_node):
        index[node].append(at.b + j)
        value[node].append(1.0)
    for columns, factors in zip(index, value, strict=True):
        if columns:
            rows.add(columns, factors, 0.0, 0.0)


@dataclass(frozen=True)
class Answer:
    """What HiGHS said of a model.

    Attributes
    ----------
    status : str
        ``optimal``, ``infeasible``, ``work spent``, ``time limit`` or the words of HiGHS.
    x : ndarray or None
        Best solution found.
    objective, bound : float
        Its value and the proven lower bound.
    nodes : int
        Nodes of the search tree.
    """

    status: str
    x: np.ndarray | None
    objective: float
    bound: float
    nodes: int


def solve(
    model: DesignModel,
    *,
    gap: float = 0.0,
    least: float = 0.0,
    looks: float = math.inf,
    deadline: float = math.inf,
    seed: int = 0,
    options: dict[str, float | int | str | bool] | None = None,
) -> Answer:
    """Solve a model by branch and cut.

    Parameters
    ----------
    model : DesignModel
        What to solve.
    gap : float
        Relative gap at which to stop.
    least : float
        Absolute gap at which to stop, in the unit of the objective.
    looks : float
        Most times that HiGHS may look for an interruption: at each node and each round of cuts.
        A count, unlike a time, stops at the same place on every machine.
    deadline : float
        Time of :func:`time.monotonic` at which to stop whatever is reached.
    seed : int
        Random seed of HiGHS.
    options : dict, optional
        Further options of HiGHS.

    Returns
    -------
    Answer
        With status, solution and bound.

    Raises
    ------
    SolverError
        HiGHS failed.
    """
    limits: dict[str, Any] = {"mip_rel_gap": gap, "mip_abs_gap": least, **(options or {})}
    solver = LinearSolver(model.programme(integer=True), seed=seed, **limits)
    watch = _Watch(looks, deadline)
    if math.isfinite(looks) or math.isfinite(deadline):
        solver.stop_when(watch.over)
    ended = solver.run()
    if ended == "failed":
        raise SolverError("HiGHS failed on the network model", got=ended)
    found = solver.has_solution
    return Answer(
        status="time limit" if watch.late else ended,
        x=solver.x if found else None,
        objective=solver.value if found else math.inf,
        bound=solver.bound,
        nodes=solver.nodes,
    )


class _Watch:
    """Stops HiGHS after a number of looks, or at a deadline."""

    def __init__(self, looks: float, deadline: float) -> None:
        self.left, self.deadline = looks, deadline
        self.late = False

    def over(self) -> bool:
        """Count one look; whether it was the last."""
        self.left -= 1
        if time.monotonic() > self.deadline:
            self.late = True
        return self.left < 0 or self.late

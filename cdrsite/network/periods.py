"""Build-out over periods: what is opened and laid when, with discounting and sinks that fill.

Each trend bought gives capacity of that very purchase only, so a cheap fixed charge cannot be
joined to a cheap slope of another size class. What is built pays its yearly cost from its period
to the end; yearly costs are weighted by the discounted years of their period, so that one period
gives the yearly cost of the static model. A sink holds the sum over periods of rate times years.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cdrsite.core.errors import ConfigError, InfeasibleError, SolverError
from cdrsite.network.arrays import trend_ranges
from cdrsite.network.model import INF, Model, Rows, solve
from cdrsite.network.problem import NetworkProblem


@dataclass(frozen=True)
class Period:
    """A period: its length [yr] and the capture it must reach [Mt/yr]."""

    years: float
    target_mt_yr: float


@dataclass(frozen=True)
class Build:
    """A pipe laid: arc, trend, period number, capacity bought [Mt/yr]."""

    arc: str
    trend: str
    period: int
    capacity_mt_yr: float


@dataclass(frozen=True)
class BuildOut:
    """A plan over periods.

    Attributes
    ----------
    status : str
        ``optimal`` within ``1e-6``, ``gap reached`` or ``time limit``.
    objective, bound : float
        Discounted yearly cost [million USD/yr] and what no plan can go below.
    gap : float
        Relative.
    captured, stored : ndarray
        Per period and source or sink [Mt/yr].
    wells : ndarray of int
        Per period and sink, in total so far.
    flow : ndarray
        Per period and arc [Mt/yr]; negative from head to tail.
    builds : tuple of Build
        Pipes laid.
    """

    status: str
    objective: float
    bound: float
    gap: float
    captured: np.ndarray
    stored: np.ndarray
    wells: np.ndarray
    flow: np.ndarray
    builds: tuple[Build, ...]


def period_weights(periods: Sequence[Period], discount_rate: float) -> np.ndarray:
    """Share of each period in the discounted years of the whole; sums to 1.

    A year counts ``(1 + rate)^-n`` at its middle, integrated over the period.
    """
    edges = np.concatenate([[0.0], np.cumsum([p.years for p in periods])])
    if discount_rate == 0:
        worth = np.diff(edges)
    else:
        force = math.log1p(discount_rate)
        worth = -np.diff(np.exp(-force * edges)) / force
    return np.asarray(worth / worth.sum())


@dataclass(frozen=True)
class _Layout:
    """Columns: for each kind a block of shape (periods, items)."""

    size: int
    s: np.ndarray
    a: np.ndarray
    r: np.ndarray
    b: np.ndarray
    w: np.ndarray
    z: np.ndarray
    k: np.ndarray
    x: np.ndarray


def design_periods(
    problem: NetworkProblem,
    periods: Sequence[Period],
    *,
    discount_rate: float = 0.0,
    gap: float = 1e-6,
    time_limit: float = 600.0,
    seed: int = 0,
) -> BuildOut:
    """Plan what is built when, at least discounted cost.

    Parameters
    ----------
    problem : NetworkProblem
        Sources, sinks and arcs; its ``years`` is not used, the periods say how long.
    periods : sequence of Period
        In order of time.
    discount_rate : float
        Real rate per year.
    gap : float
        Relative gap at which to stop.
    time_limit : float
        Seconds.
    seed : int
        Seed of the solver.

    Returns
    -------
    BuildOut
        With status, bound and gap.

    Raises
    ------
    ConfigError
        No period, a period without length, a negative target or rate.
    InfeasibleError
        The targets cannot be met.
    SolverError
        No plan was found in time.
    """
    short = any(not p.years > 0 or not p.target_mt_yr >= 0 for p in periods)
    if not periods or short or discount_rate < 0:
        raise ConfigError(
            "periods need positive years, targets and a discount rate of zero or more",
            where=problem.name,
            got=f"{list(periods)}, rate {discount_rate:g}",
        )
    weights = period_weights(periods, discount_rate)
    columns = _columns(problem, max(p.target_mt_yr for p in periods))
    at = _layout(problem, len(periods), len(columns))
    model = _model(problem, periods, weights, columns, at)
    answer = solve(
        model, gap=max(0.5 * gap, 1e-9), deadline=time.monotonic() + time_limit, seed=seed
    )
    if answer.status == "infeasible":
        raise InfeasibleError(
            "sources, sinks or pipes cannot meet the targets of the periods",
            where=problem.name,
            got=", ".join(f"{p.target_mt_yr:g} Mt/yr for {p.years:g} yr" for p in periods),
            rule=8,
        )
    if answer.x is None:
        raise SolverError("no plan found within the time limit", cure="allow more time", rule=8)
    x = answer.x
    bound = min(answer.bound, answer.objective)
    reached = (answer.objective - bound) / max(abs(answer.objective), 1e-9)
    status = "gap reached" if reached <= gap else "time limit"
    builds = tuple(
        Build(problem.arcs[e].id, problem.arcs[e].trends[c].name, t, float(x[at.k[t, n]]))
        for t in range(len(periods))
        for n, (e, c, _) in enumerate(columns)
        if x[at.k[t, n]] > 1e-7
    )
    arcs = len(problem.arcs)
    return BuildOut(
        status="optimal" if reached <= 1e-6 else status,
        objective=answer.objective,
        bound=bound,
        gap=reached,
        captured=x[at.a],
        stored=x[at.b],
        wells=np.round(x[at.w]).astype(int),
        flow=x[at.x[:, :arcs]] - x[at.x[:, arcs:]],
        builds=builds,
    )


def _columns(problem: NetworkProblem, most: float) -> list[tuple[int, int, float]]:
    """Arc, trend and largest useful capacity of each purchase."""
    return [
        (e, c, high)
        for e, arc in enumerate(problem.arcs)
        for c, _, high in trend_ranges(arc.trends, most)
    ]


def _layout(problem: NetworkProblem, periods: int, columns: int) -> _Layout:
    ns, nk = len(problem.sources), len(problem.sinks)
    blocks, begin = [], 0
    for items in (ns, ns, nk, nk, nk, columns, columns, 2 * len(problem.arcs)):
        block = np.arange(begin, begin + periods * items).reshape(periods, items)
        blocks.append(block)
        begin += periods * items
    return _Layout(begin, *blocks)


def _model(
    problem: NetworkProblem,
    periods: Sequence[Period],
    weights: np.ndarray,
    columns: list[tuple[int, int, float]],
    at: _Layout,
) -> Model:
    tail = np.cumsum(weights[::-1])[::-1]
    cost, upper = np.zeros(at.size), np.full(at.size, INF)
    integer = np.zeros(at.size, dtype=bool)
    for block in (at.s, at.r, at.w, at.z):
        integer[block] = True
    upper[at.s] = upper[at.r] = upper[at.z] = 1.0
    rows = Rows()
    for t, weight in enumerate(weights):
        for i, source in enumerate(problem.sources):
            cost[at.s[t, i]] = weight * source.fixed_musd_yr
            cost[at.a[t, i]] = weight * source.variable_usd_t
            rows.add([at.a[t, i], at.s[t, i]], [1.0, -source.capacity_mt_yr], -INF, 0.0)
        _sink_rows(rows, problem, periods[t].years, at, t, cost, weight)
        for n, (e, c, high) in enumerate(columns):
            trend = problem.arcs[e].trends[c]
            cost[at.z[t, n]] = tail[t] * trend.fixed_musd_yr
            cost[at.k[t, n]] = tail[t] * trend.slope_usd_t
            upper[at.k[t, n]] = high
            rows.add([at.k[t, n], at.z[t, n]], [1.0, -high], -INF, 0.0)
            if t and problem.arcs[e].existing:
                # the pipe that is there is there once
                upper[at.z[t, n]] = upper[at.k[t, n]] = 0.0
        _flow_rows(rows, problem, columns, at, t, upper)
        captured = at.a[t].tolist()
        want = periods[t].target_mt_yr
        rows.add(captured, [1.0] * len(captured), want, want)
    _time_rows(rows, problem, periods, at)
    return Model(at, cost, np.zeros(at.size), upper, integer, rows)  # type: ignore[arg-type]


def _sink_rows(
    rows: Rows,
    problem: NetworkProblem,
    years: float,
    at: _Layout,
    t: int,
    cost: np.ndarray,
    weight: float,
) -> None:
    for j, sink in enumerate(problem.sinks):
        cost[at.r[t, j]] = weight * sink.fixed_musd_yr
        cost[at.w[t, j]] = weight * sink.well_musd_yr
        cost[at.b[t, j]] = weight * sink.injection_usd_t
        most = sink.capacity_mt / years
        rate = sink.well_rate_mt_yr if math.isfinite(sink.well_rate_mt_yr) else max(most, 1e-9)
        rows.add([at.b[t, j], at.r[t, j]], [1.0, -most], -INF, 0.0)
        rows.add([at.b[t, j], at.w[t, j]], [1.0, -rate], -INF, 0.0)


def _flow_rows(
    rows: Rows,
    problem: NetworkProblem,
    columns: list[tuple[int, int, float]],
    at: _Layout,
    t: int,
    upper: np.ndarray,
) -> None:
    arcs = len(problem.arcs)
    laid: list[list[int]] = [[] for _ in problem.arcs]
    for n, (e, _, _) in enumerate(columns):
        laid[e] += at.k[: t + 1, n].tolist()
    by_arc: list[list[int]] = [[] for _ in problem.arcs]
    for n, (e, _, _) in enumerate(columns):
        by_arc[e].append(int(at.z[t, n]))
    balance: dict[object, list[tuple[int, float]]] = {node: [] for node in problem.nodes}
    for e, arc in enumerate(problem.arcs):
        there, back = int(at.x[t, e]), int(at.x[t, arcs + e])
        rows.add([there, back, *laid[e]], [1.0, 1.0] + [-1.0] * len(laid[e]), -INF, 0.0)
        rows.add(by_arc[e], [1.0] * len(by_arc[e]), -INF, 1.0)
        if arc.one_way:
            upper[back] = 0.0
        balance[arc.tail] += [(there, 1.0), (back, -1.0)]
        balance[arc.head] += [(there, -1.0), (back, 1.0)]
    for i, source in enumerate(problem.sources):
        balance[source.node].append((int(at.a[t, i]), -1.0))
    for j, sink in enumerate(problem.sinks):
        balance[sink.node].append((int(at.b[t, j]), 1.0))
    for terms in balance.values():
        rows.add([i for i, _ in terms], [v for _, v in terms], 0.0, 0.0)


def _time_rows(rows: Rows, problem: NetworkProblem, periods: Sequence[Period], at: _Layout) -> None:
    """What is open stays open, wells stay, and a sink fills."""
    for block in (at.s, at.r, at.w):
        for before, after in zip(block[:-1].ravel(), block[1:].ravel(), strict=True):
            rows.add([int(after), int(before)], [1.0, -1.0], 0.0, INF)
    for j, sink in enumerate(problem.sinks):
        years = [p.years for p in periods]
        rows.add(at.b[:, j].tolist(), years, -INF, sink.capacity_mt)

"""Build-out over periods: what is opened and laid when, with discounting and sinks that fill.

Each trend bought gives capacity of that very purchase only, so a cheap fixed charge cannot be
joined to a cheap slope of another size class. What is built pays its yearly cost from its period
to the end; yearly costs are weighted by the discounted years of their period, so that one period
gives the yearly cost of the static model. A sink holds the sum over periods of rate times years.

One module: building, reading and checking the model need the same numbering of columns.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cdrsite.core.errors import ConfigError, InfeasibleError, SolverError
from cdrsite.core.solver import LinearSolver
from cdrsite.network.arrays import trend_ranges
from cdrsite.network.design import OPTIMAL_GAP, check_limits, design, relative_gap
from cdrsite.network.effort import Work, rounds_of
from cdrsite.network.model import INF, DesignModel, Rows, solve
from cdrsite.network.problem import NetworkProblem


@dataclass(frozen=True)
class Period:
    """A period: its length [yr], and the capture it must reach [Mt/yr] or the price of a tonne.

    Attributes
    ----------
    years : float
        Length [yr].
    target_mt_yr : float, optional
        Capture exactly this [Mt/yr].
    price_usd_t : float, optional
        Capture what pays at this price [USD/t], where there is no target.
    """

    years: float
    target_mt_yr: float | None = None
    price_usd_t: float | None = None


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
        ``optimal`` within ``1e-6``, ``gap reached``, ``effort spent`` or ``time limit``.
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
    effort: str = "normal",
    time_limit: float = math.inf,
    seed: int = 0,
) -> BuildOut:
    """Plan what is built when, at least discounted cost.

    A first plan is made of the arcs of static designs, one for each period with storage spread over
    all years; then the whole model is searched below it.

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
    effort : str
        ``quick``, ``normal`` or ``thorough``; counted, so that any machine gives the same plan.
    time_limit : float
        Emergency stop [s].
    seed : int
        Seed of the solver.

    Returns
    -------
    BuildOut
        With status, bound and gap.

    Raises
    ------
    ConfigError
        No period, a period without length, not one of target and price, a negative rate.
    InfeasibleError
        The targets cannot be met.
    SolverError
        No plan was found.
    """
    _check_periods(problem, periods, discount_rate)
    check_limits(gap, time_limit, seed)
    deadline = time.monotonic() + time_limit
    rounds = rounds_of(effort)
    weights = period_weights(periods, discount_rate)
    most = max(problem.reachable_mt_yr()[0], *(p.target_mt_yr or 0.0 for p in periods))
    columns = _columns(problem, most)
    at = _layout(problem, len(periods), len(columns))
    model = _model(problem, periods, weights, columns, at)
    root = _relaxed(model)
    if root is None:
        raise InfeasibleError(
            "sources, sinks or pipes cannot meet the targets of the periods",
            where=problem.name,
            got=", ".join(f"{p.target_mt_yr:g} Mt/yr for {p.years:g} yr" for p in periods
                          if p.target_mt_yr is not None),
            rule=8,
        )  # fmt: skip
    task = _Task(problem, tuple(periods), weights, columns, at, model)
    work = sum(one.proof for one in rounds)
    best = task.first(seed, deadline, work)
    options: dict[str, float | int | str | bool] = {}
    least = 0.0
    if best is not None:
        least = 0.5 * gap * abs(best.objective)
        options["objective_bound"] = best.objective - least
    answer = solve(
        model, gap=0.5 * gap if best is None else 0.0, least=least,
        looks=Work.looks(work, at.size), deadline=deadline, seed=seed, options=options,
    )  # fmt: skip
    if answer.x is not None:
        found = task.plan(answer.x)
        if found is not None and (best is None or found.objective < best.objective):
            best = found
    if best is None:
        raise SolverError("no plan was found", cure="a larger effort", rule=8)
    bound = max(root, answer.bound)
    if options and (
        answer.status in {"infeasible", "cutoff"}
        or (answer.status == "optimal" and answer.objective > float(options["objective_bound"]))
    ):
        bound = max(root, float(options["objective_bound"]))
    bound = min(bound, best.objective)
    reached = relative_gap(best.objective, bound)
    status = "time limit" if answer.status == "time limit" else "effort spent"
    if reached <= gap:
        status = "gap reached"
    if reached <= OPTIMAL_GAP:
        status = "optimal"
    return replace(best, status=status, bound=bound, gap=reached)


def _check_periods(
    problem: NetworkProblem, periods: Sequence[Period], discount_rate: float
) -> None:
    wrong = [
        p
        for p in periods
        if not p.years > 0
        or (p.target_mt_yr is None) == (p.price_usd_t is None)
        or not (p.target_mt_yr or 0.0) >= 0
    ]
    if not periods or wrong or not discount_rate >= 0:
        raise ConfigError(
            "periods need positive years, a target or a price, and a discount rate of zero or more",
            where=problem.name,
            got=f"{list(periods)}, rate {discount_rate:g}",
        )


def _relaxed(model: DesignModel) -> float | None:
    """Value of the relaxation; None where it is empty."""
    solver = LinearSolver(model.programme(integer=False))
    return solver.value if solver.run() == "optimal" else None


@dataclass(frozen=True)
class _Task:
    """The model of a problem over periods, and how plans are read from it."""

    problem: NetworkProblem
    periods: tuple[Period, ...]
    weights: np.ndarray
    columns: list[tuple[int, int, float]]
    at: _Layout
    model: DesignModel

    def first(self, seed: int, deadline: float, work: float) -> BuildOut | None:
        """Find a plan over the arcs that static designs use."""
        years = math.fsum(p.years for p in self.periods)
        static = replace(self.problem, years=years)
        used: set[str] = set()
        for period in self.periods:
            try:
                plan = design(
                    static, target=period.target_mt_yr, price=period.price_usd_t, gap=0.02,
                    effort="quick", seed=seed,
                    time_limit=max(0.01, deadline - time.monotonic()),
                )  # fmt: skip
            except InfeasibleError:
                continue  # sinks that fill at the average rate; the periods may still fit
            used |= {pipe.arc for pipe in plan.pipes}
        out = [n for n, (e, _, _) in enumerate(self.columns) if self.problem.arcs[e].id not in used]
        upper = self.model.upper.copy()
        upper[self.at.z[:, out]] = 0.0
        upper[self.at.k[:, out]] = 0.0
        answer = solve(
            replace(self.model, upper=upper), gap=1e-3,
            looks=Work.looks(0.5 * work, self.at.size), deadline=deadline, seed=seed,
        )  # fmt: skip
        return None if answer.x is None else self.plan(answer.x)

    def plan(self, x: np.ndarray) -> BuildOut | None:
        """Fix what a solution opens, fit the flows, and cost the plan from its own tables."""
        model, at = self.model, self.at
        fixed = np.round(x)
        fixed[at.z] = (x[at.k] > 1e-7) | (x[at.z] > 0.5)
        lower = np.where(model.integer, fixed, model.lower)
        upper = np.where(model.integer, np.minimum(fixed, model.upper), model.upper)
        fitted = replace(model, lower=np.minimum(lower, upper), upper=upper)
        programme = fitted.programme(integer=False)
        solver = LinearSolver(programme, primal_feasibility_tolerance=1e-9)
        if solver.run() != "optimal":
            return None
        y = np.maximum(solver.x, 0.0)
        lines = self.problem.arcs
        arcs = len(lines)
        there, back = y[at.x[:, :arcs]], y[at.x[:, arcs:]]
        builds = tuple(
            Build(
                self.problem.arcs[e].id,
                self.problem.arcs[e].trends[c].name,
                t,
                float(y[at.k[t, n]]),
            )
            for t in range(len(self.periods))
            for n, (e, c, _) in enumerate(self.columns)
            if y[at.k[t, n]] > 1e-7
        )
        tidy = np.where(y > 1e-7, y, 0.0)
        captured, stored = tidy[at.a], tidy[at.b]
        wells = wells_of(self.problem, stored)
        cost = cost_build_out(
            self.problem, self.periods, self.weights, captured, stored, wells, builds
        )
        return BuildOut(
            "", cost, -math.inf, math.inf, captured, stored, wells, there - back, builds
        )


def wells_of(problem: NetworkProblem, stored: np.ndarray) -> np.ndarray:
    """Wells in total so far, per period and sink; wells stay."""
    rate = np.array([s.well_rate_mt_yr for s in problem.sinks])
    counted = np.isfinite(rate)
    need = np.ceil(stored / np.where(counted & (rate > 0), rate, 1.0) - 1e-7)
    need = np.where(counted, need, stored > 0)
    return np.maximum.accumulate(need.astype(int), axis=0)


def cost_build_out(
    problem: NetworkProblem,
    periods: Sequence[Period],
    weights: np.ndarray,
    captured: np.ndarray,
    stored: np.ndarray,
    wells: np.ndarray,
    builds: Sequence[Build],
) -> float:
    """Cost of a plan over periods from its own tables, less what prices pay [million USD/yr].

    What is open stays open and paid; a pipe is paid from its period on.
    """
    tail = np.cumsum(weights[::-1])[::-1]
    arcs = {arc.id: arc for arc in problem.arcs}
    parts: list[float] = []
    for build in builds:
        (trend,) = (t for t in arcs[build.arc].trends if t.name == build.trend)
        yearly = trend.fixed_musd_yr + trend.slope_usd_t * build.capacity_mt_yr
        parts.append(float(tail[build.period]) * yearly)
    opened = np.maximum.accumulate(captured > 0, axis=0)
    used = np.maximum.accumulate(stored > 0, axis=0)
    for t, (period, weight) in enumerate(zip(periods, weights.tolist(), strict=True)):
        for i, source in enumerate(problem.sources):
            price = period.price_usd_t or 0.0
            parts.append(weight * source.fixed_musd_yr * bool(opened[t, i]))
            parts.append(weight * (source.variable_usd_t - price) * float(captured[t, i]))
        for j, sink in enumerate(problem.sinks):
            parts.append(weight * sink.fixed_musd_yr * bool(used[t, j]))
            parts.append(weight * sink.well_musd_yr * int(wells[t, j]))
            parts.append(weight * sink.injection_usd_t * float(stored[t, j]))
    return math.fsum(parts)


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
) -> DesignModel:
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
            cost[at.a[t, i]] = weight * (source.variable_usd_t - (periods[t].price_usd_t or 0.0))
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
        if want is not None:
            rows.add(captured, [1.0] * len(captured), want, want)
    _time_rows(rows, problem, periods, at)
    return DesignModel(at, cost, np.zeros(at.size), upper, integer, rows)  # type: ignore[arg-type]


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

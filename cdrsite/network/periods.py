"""Build-out over periods: what is opened and laid when, with discounting and sinks that fill.

Each pipe laid gives capacity of that very purchase only, so a cheap fixed charge cannot be joined
to a cheap slope of another size class. What is built pays its yearly cost from its period to the
end; yearly costs are weighted by the discounted years that a period stands for, so that one period
gives the yearly cost of the static model. A sink holds the sum over periods of rate times years.

The search goes the way of the static one: relaxation and node-set cuts of every period for a bound,
slope scaling over all periods for plans, begun from the static design of the last period whose
purchases are then timed backwards, a model over the arcs of the best plans, and the whole model.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cdrsite.core.errors import InfeasibleError, SolverError
from cdrsite.network.arrays import FlowPlan
from cdrsite.network.design import OPTIMAL_GAP, check_limits, relative_gap
from cdrsite.network.effort import Work, rounds_of
from cdrsite.network.horizon import Horizon, Period, horizon_of
from cdrsite.network.horizon_model import Blocks, HorizonCuts, blocks_of, model_of, without
from cdrsite.network.milestones import Times, times_of
from cdrsite.network.model import Answer, DesignModel, solve
from cdrsite.network.points import leaf_bound
from cdrsite.network.problem import NetworkProblem
from cdrsite.network.relaxation import Relaxation
from cdrsite.network.rolling import Rolling
from cdrsite.network.rollout import Rollout, nothing, rollout_of
from cdrsite.network.search import GapOf, search

_SLOW = 4
"""Rounds of cuts of little gain after which there are no more."""
_PURGE = 6
"""Rounds of cuts after which those that are slack are dropped."""
_PROOF = 3.0
"""Work of a proof here against that of a static search, which parts it among leaves."""
_WIDE: dict[str, float | int | str | bool] = {"mip_heuristic_effort": 0.02}


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
        Discounted mean of the yearly cost [million USD/yr] and what no plan can go below.
    gap, gap_transport : float
        Relative to the objective, and to the discounted mean of the cost of transport.
    times : Times
        Years that each period stands for.
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
    gap_transport: float
    times: Times
    captured: np.ndarray
    stored: np.ndarray
    wells: np.ndarray
    flow: np.ndarray
    builds: tuple[Build, ...]


def design_periods(
    problem: NetworkProblem,
    periods: Sequence[Period],
    *,
    start: float | None = None,
    after: float | None = None,
    discount_rate: float = 0.0,
    gap: float = OPTIMAL_GAP,
    gap_of: GapOf = "total",
    effort: str = "normal",
    time_limit: float = math.inf,
    seed: int = 0,
) -> BuildOut:
    """Plan what is built when, at least discounted cost.

    There is a plan and a bound after the least effort, and a larger effort never gives a dearer
    plan. The same input, seed and effort give the same plan on any machine (rule 9), unless the
    time limit cuts the search.

    Parameters
    ----------
    problem : NetworkProblem
        Sources, sinks and arcs.
    periods : sequence of Period
        In order of time.
    start : float, optional
        Year from which rates rise from zero to the first period; its year when not given.
    after : float, optional
        Years that the last period goes on; those of the problem when not given [yr].
    discount_rate : float
        Real rate per year [1].
    gap : float
        Gap at which to stop.
    gap_of : str
        What it is a share of: ``total``, the objective, or ``transport``.
    effort : str
        ``quick``, ``normal`` or ``thorough``.
    time_limit : float
        Emergency stop [s].
    seed : int
        Seed of heuristics and solver.

    Returns
    -------
    BuildOut
        With status, bound and gap.

    Raises
    ------
    ConfigError
        No period, years that do not rise, not one of target and price, a negative rate.
    InfeasibleError
        The targets cannot be met.
    SolverError
        The clock stopped the search before any plan.
    """
    check_limits(gap, time_limit, seed)
    deadline = time.monotonic() + time_limit
    rounds = rounds_of(effort)
    times = times_of(
        [one.year for one in periods], start=start,
        after=problem.years if after is None else after, rate=discount_rate,
    )  # fmt: skip
    horizon = horizon_of(problem, periods, times)
    factor = _money(horizon)
    scaled = replace(
        horizon,
        nets=tuple(net.money(factor) for net in horizon.nets),
        goals=tuple(
            goal if goal.price is None else replace(goal, price=goal.price * factor)
            for goal in horizon.goals
        ),
        fixed=horizon.fixed * factor,
        slope=horizon.slope * factor,
    )
    run = _HorizonSearch(scaled, gap, gap_of, deadline, seed)
    if all(goal.target is None for goal in scaled.goals) and not run.forced():
        run.offer(nothing(scaled))
    if not run.search(rounds):
        raise InfeasibleError(
            "sources, sinks or pipes cannot meet the targets of the periods",
            where=problem.name,
            got=", ".join(
                f"{p.total:g} Mt/yr in {p.year:g} for {w:g} yr"
                for p, w in zip(periods, times.years.tolist(), strict=True)
                if p.total is not None
            ),
            cure="add sinks or wider pipes, give fewer years after the last period, or lower them",
            rule=8,
        )
    return _build_out(problem, horizon, run, factor)


def _build_out(
    problem: NetworkProblem, horizon: Horizon, run: _HorizonSearch, factor: float
) -> BuildOut:
    """Read the plan in the problem's own names and money."""
    if run.best is None:
        raise SolverError("no plan was found", cure="allow more time", rule=8)
    sunk = _sunk(problem, horizon)
    best = Rolling(run.horizon, 0).tidy(run.best)
    own = rollout_of(
        horizon, best.captured, best.stored, best.flow, _laid(horizon, best)
    )  # the same plan, costed in the problem's own money
    plan = best if own is None else own
    objective = plan.cost + sunk
    bound = min(run.bound / factor + sunk, objective)
    reached = relative_gap(objective, bound)
    share = 0.0 if objective <= bound else (objective - bound) / (plan.transport or math.nan)
    status = "time limit" if run.late else "effort spent"
    if (share if run.gap_of == "transport" else reached) <= run.gap:
        status = "gap reached"
    if reached <= OPTIMAL_GAP:
        status = "optimal"
    net = horizon.nets[0]
    first = np.r_[True, net.edge[1:] != net.edge[:-1]]
    flow = np.zeros((horizon.periods, len(problem.arcs)))
    np.add.at(flow.T, net.edge, (np.where(first, 1.0, -1.0) * plan.flow).T)
    builds = tuple(
        Build(
            problem.arcs[horizon.edge[n]].id,
            problem.arcs[horizon.edge[n]].trends[int(horizon.trend[n])].name,
            int(t),
            float(plan.bought[t, n]),
        )
        for t, n in zip(*np.nonzero(plan.bought), strict=True)
    )
    return BuildOut(
        status, objective, bound, reached, share, horizon.times, plan.captured, plan.stored,
        plan.wells, flow, builds,
    )  # fmt: skip


def _laid(horizon: Horizon, plan: Rollout) -> np.ndarray:
    """Capacity bought per period and arc [Mt/yr]."""
    laid = np.zeros((horizon.periods, len(horizon.there)))
    np.add.at(laid.T, horizon.edge, plan.bought.T)
    return laid


def _sunk(problem: NetworkProblem, horizon: Horizon) -> float:
    """What every plan pays for sites that are forced [million USD/yr]."""
    fixed = np.array([s.fixed_musd_yr if s.forced else 0.0 for s in problem.sinks])
    return float(horizon.times.share @ (horizon.sink_on @ fixed))


def _money(horizon: Horizon) -> float:
    """Factor that brings money to a size that the solver's tolerances suit; a power of two."""
    net = horizon.nets[0]
    flow = max(float(one.source_cap.sum()) for one in horizon.nets)
    sizes = [net.source_fixed, net.sink_fixed, net.well_cost, horizon.fixed]
    sizes += [each * flow for each in (net.source_var, net.sink_var, horizon.slope)]
    largest = max((float(np.abs(size).max(initial=0.0)) for size in sizes), default=0.0)
    if 1.0 <= largest <= 1e6 or largest == 0:
        return 1.0
    return 2.0 ** (9 - math.frexp(largest)[1])


class _HorizonSearch:
    """State of one search: best plan, bound, deadline."""

    def __init__(
        self, horizon: Horizon, gap: float, gap_of: GapOf, deadline: float, seed: int
    ) -> None:
        self.horizon, self.deadline, self.seed = horizon, deadline, seed
        self.gap, self.gap_of = gap, gap_of
        self.best: Rollout | None = None
        self.bound = -math.inf
        self.late = False
        self.at: Blocks = blocks_of(horizon)
        self.rolling = Rolling(horizon, seed)

    def forced(self) -> bool:
        """Whether some source captures in every plan."""
        return any(bool(net.source_least.any()) for net in self.horizon.nets)

    def offer(self, plan: Rollout | None) -> None:
        """Take a plan if it is better."""
        if plan is not None and (self.best is None or plan.cost < self.best.cost):
            self.best = plan

    def cutoff(self) -> float:
        """Value that a plan must go below to be worth finding."""
        return math.inf if self.best is None else self.best.cost - 0.999 * self.tolerance()

    def tolerance(self) -> float:
        """Gap asked, in the unit of the objective; 0 without a plan."""
        if self.best is None:
            return 0.0
        total = self.gap_of == "total"
        return self.gap * abs(self.best.cost if total else self.best.transport)

    def done(self) -> bool:
        """Whether the gap asked is proven, or the clock has run out."""
        if time.monotonic() > self.deadline:
            self.late = True
        return self.late or self.bound >= self.cutoff()

    def search(self, rounds: tuple[Work, ...]) -> bool:
        """Search in rounds of more and more work; False where there is no plan at all."""
        model = model_of(self.horizon, self.at)
        if model is None:
            return False
        relaxation = Relaxation(model)
        point = relaxation.solve()
        if point is None:
            return False
        self.bound = point[0]
        last = self.last_static()
        self.start(3, last)
        cuts = HorizonCuts(self.horizon, self.at)
        for work in rounds:
            if self.done():
                break
            point = self.tighten(relaxation, point, cuts, work.cut_rounds)
            if self.done():
                break
            self.start(4, last)
            self.start(work.starts // 2, self.flows(point[1]))
            if self.done():
                break
            tight = replace(model)
            tight.rows = model.rows.take(np.ones(len(model.rows), dtype=bool))
            tight.rows.extend(relaxation.tight_cuts())
            self.look_around(tight, work)
            if self.done():
                break
            self.prove(tight, relaxation, point, work)
        return True

    def last_static(self) -> FlowPlan | None:
        """Design the period of the largest target alone, storage spread over all years."""
        horizon = self.horizon
        wanted = [-1.0 if goal.target is None else goal.target for goal in horizon.goals]
        last = max(range(horizon.periods), key=lambda t: (wanted[t], t))
        left = self.deadline - time.monotonic()
        try:
            found = search(
                horizon.static(last), horizon.goals[last], gap=0.01, effort="quick",
                time_limit=max(left, 0.01), seed=self.seed,
            )  # fmt: skip
        except (InfeasibleError, SolverError):
            return None  # sinks that fill at the average rate; the periods may still fit
        return found.plan

    def start(self, starts: int, guide: Rollout | FlowPlan | None) -> None:
        """Find plans by slope scaling."""
        self.rolling.run(starts, guide)
        if self.rolling.plans:
            self.offer(self.rolling.plans[0])

    def flows(self, x: np.ndarray) -> Rollout:
        """Read the amounts of a point, without purchases, to guide starts."""
        at, net = self.at, self.horizon.nets[0]
        flow = np.zeros((self.horizon.periods, net.arcs))
        np.add.at(flow.T, net.col_arc, x[at.p].T)
        return replace(nothing(self.horizon), captured=x[at.a], stored=x[at.b], flow=flow)

    def tighten(
        self,
        relaxation: Relaxation,
        point: tuple[float, np.ndarray],
        cuts: HorizonCuts,
        rounds: int,
    ) -> tuple[float, np.ndarray]:
        """Add cuts until they gain little; value and point."""
        slow = 0
        for turn in range(rounds):
            self.bound = max(self.bound, point[0])
            rows = cuts.cuts(point[1])
            if not len(rows) or self.done():
                break
            relaxation.add(rows)
            last, point = point[0], relaxation.solve() or point
            best = math.inf if self.best is None else self.best.cost
            slow = slow + 1 if point[0] - last < 0.01 * (best - point[0]) else 0
            if slow >= _SLOW:
                break
            if turn % _PURGE == _PURGE - 1:
                relaxation.purge()
                point = relaxation.solve() or point
        self.bound = max(self.bound, point[0])
        return point

    def read(self, x: np.ndarray) -> Rollout | None:
        """Read a solution of the model, and refit it."""
        at, horizon = self.at, self.horizon
        flows = self.flows(x)
        laid = np.zeros((horizon.periods, len(horizon.there)))
        np.add.at(laid.T, horizon.edge, x[at.k].T)
        plan = rollout_of(horizon, flows.captured, flows.stored, flows.flow, laid)
        return None if plan is None else self.rolling.refit(plan)

    def take(self, answer: Answer) -> None:
        """Take what the solver found."""
        self.late |= answer.status == "time limit"
        if answer.x is not None:
            self.offer(self.read(answer.x))

    def look_around(self, model: DesignModel, work: Work) -> None:
        """Solve the model over the arcs of the best plans while that gives better ones."""
        for _ in range(3):
            before = self.best
            plans = [*([] if before is None else [before]), *self.rolling.plans[:6]]
            if not plans:
                return
            edges = np.any([plan.edges(self.horizon) for plan in plans], axis=0)
            small = without(model, self.at, self.horizon, edges)
            self.take(self.below(small, work.restricted))
            if self.best is before or self.done():
                return

    def prove(
        self,
        model: DesignModel,
        relaxed: Relaxation,
        point: tuple[float, np.ndarray],
        work: Work,
    ) -> None:
        """Solve the whole model below the best plan."""
        cutoff = self.cutoff()
        # what alone would reach the cutoff is not bought
        out = (relaxed.reduced_costs() > cutoff - point[0] + 1e-7) & (point[1] < 0.5)
        keep = np.zeros(self.at.size, dtype=bool)
        keep[self.at.z] = True
        upper = np.where(out & keep & model.integer, 0.0, model.upper)
        answer = self.below(replace(model, upper=upper), _PROOF * work.proof)
        self.take(answer)
        self.bound = max(self.bound, leaf_bound(answer, cutoff))

    def below(self, model: DesignModel, work: float) -> Answer:
        """Solve a model below the cutoff."""
        options, cutoff = dict(_WIDE), self.cutoff()
        if math.isfinite(cutoff):
            options["objective_bound"] = cutoff
        return solve(
            model, least=0.5 * self.tolerance(), looks=Work.looks(work, self.at.size),
            deadline=self.deadline, seed=self.seed, options=options,
        )  # fmt: skip

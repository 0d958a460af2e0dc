"""What stands in a period of a build-out, as a plan of that year."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cdrsite.core.errors import CdrsiteWarning
from cdrsite.network.design import NetworkPlan, Pipe, PlanCosts, SinkUse, SourceUse
from cdrsite.network.horizon import Period
from cdrsite.network.milestones import times_of
from cdrsite.network.periods import BuildOut
from cdrsite.network.problem import NetworkProblem


def reachable_in(
    problem: NetworkProblem,
    periods: Sequence[Period],
    period: int,
    start: float | None,
    after: float,
) -> float:
    """What parts in service exchange in a period, each site filling evenly over all years [Mt/yr].

    Parameters
    ----------
    problem : NetworkProblem
        Sources, sinks and arcs.
    periods : sequence of Period
        In order of time.
    period : int
        Which of them.
    start, after
        As :func:`cdrsite.network.periods.design_periods`.
    """
    year = periods[period].year
    times = times_of([one.year for one in periods], start=start, after=after)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)  # said when the problem was made
        served = replace(
            problem,
            sources=tuple(
                replace(s, capacity_mt_yr=s.most_in(period))
                for s in problem.sources
                if s.from_year <= year < s.until_year
            ),
            sinks=tuple(s for s in problem.sinks if s.from_year <= year < s.until_year),
            years=float(times.years.sum()),
        )
    return served.reachable_mt_yr()[2]


def state_in(problem: NetworkProblem, plan: BuildOut, effort: str, period: int = -1) -> NetworkPlan:
    """Give what stands and runs in a period, at its yearly cost.

    Parameters
    ----------
    problem : NetworkProblem
        What was designed.
    plan : BuildOut
        Over all periods.
    effort : str
        What was paid for.
    period : int
        Which of them; the last when not given.

    Returns
    -------
    NetworkPlan
        Objective, bound and gaps are those of the whole build-out, a discounted mean.
    """
    t = range(len(plan.times.year))[period]
    year = float(plan.times.year[t])
    opened = np.any(plan.captured[: t + 1] > 0, axis=0).tolist()
    used = np.any(plan.stored[: t + 1] > 0, axis=0).tolist()
    sources = tuple(
        SourceUse(one.id, q, one.fixed_musd_yr + one.variable_usd_t * q, one.ledger)
        for one, q, up in zip(problem.sources, plan.captured[t].tolist(), opened, strict=True)
        if up and one.from_year <= year < one.until_year
    )
    sinks = tuple(
        SinkUse(
            one.id,
            q,
            wells if math.isfinite(one.well_rate_mt_yr) else 0,
            one.fixed_musd_yr + one.well_musd_yr * wells + one.injection_usd_t * q,
        )
        for one, q, wells, up in zip(
            problem.sinks, plan.stored[t].tolist(), plan.wells[t].tolist(), used, strict=True
        )
        if (up or one.forced) and one.from_year <= year < one.until_year
    )
    pipes = _pipes(problem, plan, t)
    costs = PlanCosts(
        math.fsum(s.cost_musd_yr for s in sources),
        math.fsum(p.cost_musd_yr for p in pipes),
        math.fsum(s.cost_musd_yr for s in sinks),
    )
    return NetworkPlan(
        plan.status, "periods", plan.objective, plan.bound, plan.gap, plan.gap_transport, effort,
        0, 0.0, costs, sources, sinks, pipes,
    )  # fmt: skip


def _pipes(problem: NetworkProblem, plan: BuildOut, t: int) -> tuple[Pipe, ...]:
    """All that was laid by a period, and what is there already and carries then."""
    laid: dict[str, list[tuple[str, float]]] = {}
    arcs = {arc.id: arc for arc in problem.arcs}
    for build in plan.builds:
        if build.period > t:
            continue
        (trend,) = (t for t in arcs[build.arc].trends if t.name == build.trend)
        yearly = trend.fixed_musd_yr + trend.slope_usd_t * build.capacity_mt_yr
        laid.setdefault(build.arc, []).append((build.trend, yearly))
    pipes = []
    for arc, flow in zip(problem.arcs, plan.flow[t].tolist(), strict=True):
        if arc.id not in laid and not ((arc.existing or arc.hired) and flow):
            continue
        sizes = laid.get(arc.id, [])
        cost = math.fsum(yearly for _, yearly in sizes)
        name = " + ".join(name for name, _ in sizes)
        if arc.existing or arc.hired:
            trend = min(
                (t for t in arc.trends if t.capacity_mt_yr >= abs(flow) - 1e-9),
                key=lambda t: t.fixed_musd_yr + t.slope_usd_t * abs(flow),
            )
            cost, name = trend.fixed_musd_yr + trend.slope_usd_t * abs(flow), trend.name
        ends = (arc.tail, arc.head) if flow >= 0 else (arc.head, arc.tail)
        pipes.append(Pipe(arc.id, *ends, name, abs(flow), arc.length_km, cost))
    return tuple(pipes)

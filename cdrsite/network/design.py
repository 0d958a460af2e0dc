"""Design of a network: the public face of the search, and the plan it gives back."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from cdrsite.core.errors import ConfigError, InfeasibleError, SolverError
from cdrsite.network.arrays import FlowArrays, FlowPlan, cost_plan, flow_arrays
from cdrsite.network.model import Goal
from cdrsite.network.problem import NetworkProblem, Node
from cdrsite.network.search import GapOf, SearchResult, search


@dataclass(frozen=True)
class SourceUse:
    """An opened source: captured [Mt/yr], cost [million USD/yr] and its ledger."""

    id: str
    captured_mt_yr: float
    cost_musd_yr: float
    ledger: str = ""


@dataclass(frozen=True)
class SinkUse:
    """An opened sink: stored [Mt/yr], wells and cost with wells [million USD/yr].

    ``wells`` is 0 where wells are not counted.
    """

    id: str
    stored_mt_yr: float
    wells: int
    cost_musd_yr: float


@dataclass(frozen=True)
class Pipe:
    """A pipe: its arc, direction, trend, flow [Mt/yr], length [km], cost [million USD/yr]."""

    arc: str
    tail: Node
    head: Node
    trend: str
    flow_mt_yr: float
    length_km: float
    cost_musd_yr: float


@dataclass(frozen=True)
class PlanCosts:
    """Cost of a plan by part [million USD/yr]."""

    capture: float
    transport: float
    storage: float

    @property
    def total(self) -> float:
        """All parts together [million USD/yr]."""
        return self.capture + self.transport + self.storage


@dataclass(frozen=True)
class NetworkPlan:
    """A designed network and what is proven of it.

    Attributes
    ----------
    status : str
        ``optimal``: proven within ``1e-6`` relative; ``gap reached``: proven within the gap asked;
        ``effort spent``: the best plan that the effort pays for, its gap is stated; ``time
        limit``: the clock cut the search short, and another machine may find another plan.
    mode : str
        ``target``, ``price`` or ``budget``.
    objective : float
        Target mode: cost. Price mode: cost minus price times capture. [million USD/yr].
        Budget mode: minus the capture [Mt/yr].
    bound : float
        No plan has a lower objective than this.
    gap : float
        ``(objective - bound) / |objective|``.
    gap_transport : float
        ``(objective - bound) / cost of transport``: over what a network decides where capture and
        storage must be paid anyway; NaN in budget mode.
    effort : str
        What was paid for.
    nodes : int
        Nodes of the search.
    seconds : float
        Wall-clock time.
    costs : PlanCosts
        By part.
    sources, sinks, pipes : tuple
        What is opened and built.
    """

    status: str
    mode: str
    objective: float
    bound: float
    gap: float
    gap_transport: float
    effort: str
    nodes: int
    seconds: float
    costs: PlanCosts
    sources: tuple[SourceUse, ...]
    sinks: tuple[SinkUse, ...]
    pipes: tuple[Pipe, ...]

    @property
    def reproducible(self) -> bool:
        """Whether any machine finds this plan: no clock has cut the search."""
        return self.status != "time limit"

    @property
    def captured_by_ledger(self) -> dict[str, float]:
        """Capture of each ledger [Mt/yr]; they are never summed as removal (rule 5)."""
        found: dict[str, list[float]] = {}
        for source in self.sources:
            found.setdefault(source.ledger, []).append(source.captured_mt_yr)
        return {name: math.fsum(parts) for name, parts in sorted(found.items())}

    @property
    def captured_mt_yr(self) -> float:
        """Total capture [Mt/yr]."""
        return math.fsum(s.captured_mt_yr for s in self.sources)

    @property
    def cost_usd_t(self) -> float:
        """Cost per tonne captured [USD/t]; NaN where nothing is captured."""
        captured = self.captured_mt_yr
        return self.costs.total / captured if captured > 0 else math.nan


def relative_gap(objective: float, bound: float) -> float:
    """Gap between a plan and the bound, relative to the plan; 0 where both agree."""
    if objective <= bound:
        return 0.0
    if not math.isfinite(bound) or objective == 0:
        return math.inf
    return (objective - bound) / abs(objective)


OPTIMAL_GAP = 1e-6
"""Relative gap up to which a plan is called optimal."""


def design(
    problem: NetworkProblem,
    *,
    target: float | Mapping[str, float] | None = None,
    price: float | None = None,
    budget: float | None = None,
    gap: float = OPTIMAL_GAP,
    gap_of: GapOf = "total",
    effort: str = "normal",
    time_limit: float = math.inf,
    seed: int = 0,
    last: NetworkPlan | None = None,
) -> NetworkPlan:
    """Design the network of least cost, or of most capture for a budget.

    The same input, seed and effort give the same plan on any machine under any load (rule 9),
    unless the time limit cuts the search. A larger effort never gives a dearer plan.

    Parameters
    ----------
    problem : NetworkProblem
        Sources, sinks and arcs.
    target : float or mapping, optional
        Capture exactly this [Mt/yr] at least cost; with a mapping, this much of each ledger.
    price : float, optional
        Capture what pays at this price [USD/t].
    budget : float, optional
        Capture the most at this cost [million USD/yr].
    gap : float
        Stop once the plan is proven within this gap.
    gap_of : str
        What the gap is a share of: ``total``, the objective; or ``transport``, the cost of
        transport alone. In budget mode always the objective.
    effort : str
        ``quick``, ``normal`` or ``thorough``: how much work the search may spend.
    time_limit : float
        Emergency stop [s]; a plan that it cut short says so.
    seed : int
        Seed of the heuristics and the solver.
    last : NetworkPlan, optional
        A plan of the same problem to begin from, as that of another target.

    Returns
    -------
    NetworkPlan
        With status, bound and gap.

    Raises
    ------
    ConfigError
        Not exactly one of target, price and budget; a gap, limit or seed without meaning.
    InfeasibleError
        The target cannot be met; the text says why and by how much.
    SolverError
        No plan was found.
    """
    begin = time.monotonic()
    given = [value for value in (target, price, budget) if value is not None]
    numbers = [math.fsum(v.values()) if isinstance(v, Mapping) else v for v in given]
    if len(numbers) != 1 or not math.isfinite(numbers[0]) or (budget is not None and budget < 0):
        raise ConfigError(
            "ask for exactly one of target, price and budget, as a finite number",
            got=f"target={target}, price={price}, budget={budget}",
        )
    check_limits(gap, time_limit, seed)
    goal = _goal(problem, target, price, budget)
    found = _cheapest(
        problem, goal, gap=max(gap, 1e-7), gap_of=gap_of, effort=effort,
        deadline=begin + time_limit, seed=seed, last=last,
    )  # fmt: skip
    costs, sources, sinks, pipes = plan_parts(
        problem, flow_arrays(problem, goal.target), found.plan
    )
    captured = math.fsum(s.captured_mt_yr for s in sources)
    objective = goal.objective(costs.total, captured)
    sunk = 0.0 if budget is not None else problem.sunk_musd_yr
    bound = min(found.bound + sunk, objective)
    reached = relative_gap(objective, bound)
    share = math.nan
    if budget is None:
        share = 0.0 if objective <= bound else (objective - bound) / (costs.transport or math.nan)
    if reached <= OPTIMAL_GAP:
        status = "optimal"
    elif (share if gap_of == "transport" and budget is None else reached) <= gap:
        status = "gap reached"
    else:
        status = "time limit" if found.late else "effort spent"
    return NetworkPlan(
        status=status,
        mode=goal.mode,
        objective=objective,
        bound=bound,
        gap=reached,
        gap_transport=share,
        effort=effort,
        nodes=found.nodes,
        seconds=time.monotonic() - begin,
        costs=costs,
        sources=sources,
        sinks=sinks,
        pipes=pipes,
    )


def _goal(
    problem: NetworkProblem,
    target: float | Mapping[str, float] | None,
    price: float | None,
    budget: float | None,
) -> Goal:
    """Check a target, and say whose tonnes each ledger counts."""
    if not isinstance(target, Mapping):
        flow = None if target is None else problem.check_target(target)
        return Goal(flow, price, budget)
    parts = problem.check_ledgers(target)
    total = math.fsum(parts.values())
    problem.check_target(total)
    ledgers = tuple(
        (tuple(i for i, s in enumerate(problem.sources) if s.ledger == name), part)
        for name, part in parts.items()
    )
    return Goal(total, ledgers=ledgers)


def _flows(problem: NetworkProblem, goal: Goal, plan: NetworkPlan) -> FlowPlan:
    """Flows of a plan over the arrays of a problem, to begin another search from."""
    net = flow_arrays(problem, goal.target)
    captured = {s.id: s.captured_mt_yr for s in plan.sources}
    stored = {s.id: s.stored_mt_yr for s in plan.sinks}
    through = {(p.arc, p.tail): p.flow_mt_yr for p in plan.pipes}
    nodes = problem.nodes
    return FlowPlan(
        np.array([captured.get(s.id, 0.0) for s in problem.sources]),
        np.array([stored.get(s.id, 0.0) for s in problem.sinks]),
        np.array(
            [
                through.get((problem.arcs[e].id, nodes[u]), 0.0)
                for e, u in zip(net.edge, net.tail, strict=True)
            ]
        ),
        np.full(net.arcs, -1),
        np.zeros(len(problem.sinks), dtype=int),
        math.nan,
    )


def check_limits(gap: float, time_limit: float, seed: int) -> None:
    """Refuse a gap, a time limit or a seed that means nothing."""
    wrong = (
        ("gap", gap, 0 <= gap < 1, "0 or more, below 1"),
        ("time_limit", time_limit, time_limit > 0, "a number of seconds above 0"),
        ("seed", seed, seed >= 0, "a whole number of 0 or more"),
    )
    for name, value, right, expected in wrong:
        if not right:
            msg = f"{name} means nothing"
            raise ConfigError(msg, where=name, got=str(value), expected=expected)


def _cheapest(
    problem: NetworkProblem,
    goal: Goal,
    *,
    gap: float,
    gap_of: GapOf,
    effort: str,
    deadline: float,
    seed: int,
    last: NetworkPlan | None,
) -> SearchResult:
    """Search; with a price or a budget also for the cheapest way to capture as much."""
    guide = None if last is None else _flows(problem, goal, last)
    found = _search(problem, goal, gap, gap_of, effort, deadline, seed, guide=guide)
    captured = float(found.plan.captured.sum())
    if goal.target is not None or captured <= 0:
        return found
    # a gap of the whole hides a dear network behind a large value of what is captured
    same = Goal(target=problem.check_target(captured))
    try:
        second = _search(problem, same, gap, gap_of, effort, deadline, seed, found.plan)
    except (InfeasibleError, SolverError):
        return found
    if second.plan.cost >= found.plan.cost:
        return replace(found, nodes=found.nodes + second.nodes)
    worth = goal.objective(second.plan.cost, float(second.plan.captured.sum()))
    if worth > found.objective:
        return found
    return replace(found, plan=second.plan, objective=worth, nodes=found.nodes + second.nodes)


def _search(
    problem: NetworkProblem,
    goal: Goal,
    gap: float,
    gap_of: GapOf,
    effort: str,
    deadline: float,
    seed: int,
    known: FlowPlan | None = None,
    guide: FlowPlan | None = None,
) -> SearchResult:
    """Search with money of a size that the solver's absolute tolerances suit."""
    net = flow_arrays(problem, goal.target)
    flow = net.source_cap.sum()
    sizes = [abs(net.source_fixed), abs(net.sink_fixed), net.well_cost, net.col_fixed]
    sizes += [abs(each) * flow for each in (net.source_var, net.sink_var, net.col_slope)]
    largest = max((float(size.max(initial=0.0)) for size in sizes), default=0.0)
    # a power of two changes no digit; sizes that suit anyway are left as they are
    factor = 1.0 if 1.0 <= largest <= 1e6 or largest == 0 else 2.0 ** (9 - math.frexp(largest)[1])
    scaled = replace(
        goal,
        price=None if goal.price is None else goal.price * factor,
        budget=None if goal.budget is None else (goal.budget - problem.sunk_musd_yr) * factor,
    )
    if known is not None:
        known = cost_plan(net.money(factor), known.captured, known.stored, known.flow)
    found = search(
        net.money(factor), scaled, gap=gap, gap_of=gap_of, effort=effort,
        time_limit=deadline - time.monotonic(), seed=seed, known=known,
        guide=guide,
    )  # fmt: skip
    if goal.budget is not None:  # the objective is a flow
        return replace(found, plan=replace(found.plan, cost=found.plan.cost / factor))
    return replace(
        found,
        plan=replace(found.plan, cost=found.plan.cost / factor),
        objective=found.objective / factor,
        bound=found.bound / factor,
    )


def plan_parts(
    problem: NetworkProblem, net: FlowArrays, plan: FlowPlan
) -> tuple[PlanCosts, tuple[SourceUse, ...], tuple[SinkUse, ...], tuple[Pipe, ...]]:
    """Turn a plan of arrays into named parts, each with its cost."""
    sources = tuple(
        SourceUse(source.id, q, source.fixed_musd_yr + source.variable_usd_t * q, source.ledger)
        for source, q in zip(problem.sources, plan.captured.tolist(), strict=True)
        if q > 0
    )
    sinks = tuple(
        SinkUse(
            sink.id,
            q,
            wells if math.isfinite(sink.well_rate_mt_yr) else 0,
            sink.fixed_musd_yr + sink.well_musd_yr * wells + sink.injection_usd_t * q,
        )
        for sink, q, wells in zip(
            problem.sinks, plan.stored.tolist(), plan.wells.tolist(), strict=True
        )
        if q > 0 or sink.forced
    )
    nodes = problem.nodes
    pipes = []
    unused = {e: arc for e, arc in enumerate(problem.arcs) if arc.sunk_musd_yr}
    for arc, column in enumerate(plan.column):
        if column < 0:
            continue
        owner = problem.arcs[net.edge[arc]]
        trend = owner.trends[net.col_trend[column]]
        flow = float(plan.flow[arc])
        cost = owner.sunk_musd_yr + trend.fixed_musd_yr + trend.slope_usd_t * flow
        unused.pop(int(net.edge[arc]), None)
        ends = nodes[net.tail[arc]], nodes[net.head[arc]]
        pipes.append(Pipe(owner.id, *ends, trend.name, flow, owner.length_km, cost))
    for owner in unused.values():
        least = min(owner.trends, key=lambda trend: trend.fixed_musd_yr)
        ends = owner.tail, owner.head
        pipes.append(Pipe(owner.id, *ends, least.name, 0.0, owner.length_km, owner.sunk_musd_yr))
    costs = PlanCosts(
        math.fsum(s.cost_musd_yr for s in sources),
        math.fsum(p.cost_musd_yr for p in pipes),
        math.fsum(s.cost_musd_yr for s in sinks),
    )
    return costs, sources, sinks, tuple(pipes)

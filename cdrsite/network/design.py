"""Design of a network: the public face of the search, and the plan it gives back."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from cdrsite.core.errors import ConfigError
from cdrsite.network.arrays import FlowArrays, FlowPlan, flow_arrays
from cdrsite.network.model import Goal
from cdrsite.network.problem import NetworkProblem, Node
from cdrsite.network.search import search


@dataclass(frozen=True)
class SourceUse:
    """An opened source: captured [Mt/yr] and cost [million USD/yr]."""

    id: str
    captured_mt_yr: float
    cost_musd_yr: float


@dataclass(frozen=True)
class SinkUse:
    """An opened sink: stored [Mt/yr], wells and cost with wells [million USD/yr]."""

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
class Costs:
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
        ``optimal``: proven within ``1e-6`` relative; ``gap reached``: proven within the
        requested gap; ``time limit``: best plan found, its gap is stated.
    mode : str
        ``target``, ``price`` or ``budget``.
    objective : float
        Target mode: cost. Price mode: cost minus price times capture. [million USD/yr].
        Budget mode: minus the capture [Mt/yr].
    bound : float
        No plan has a lower objective than this.
    gap : float
        ``(objective - bound) / |objective|``.
    nodes : int
        Nodes of the search.
    seconds : float
        Wall-clock time.
    costs : Costs
        By part.
    sources, sinks, pipes : tuple
        What is opened and built.
    """

    status: str
    mode: str
    objective: float
    bound: float
    gap: float
    nodes: int
    seconds: float
    costs: Costs
    sources: tuple[SourceUse, ...]
    sinks: tuple[SinkUse, ...]
    pipes: tuple[Pipe, ...]

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
    target: float | None = None,
    price: float | None = None,
    budget: float | None = None,
    gap: float = OPTIMAL_GAP,
    time_limit: float = 600.0,
    seed: int = 0,
) -> NetworkPlan:
    """Design the network of least cost, or of most capture for a budget.

    Parameters
    ----------
    problem : NetworkProblem
        Sources, sinks and arcs.
    target : float, optional
        Capture exactly this [Mt/yr] at least cost.
    price : float, optional
        Capture what pays at this price [USD/t].
    budget : float, optional
        Capture the most at this cost [million USD/yr].
    gap : float
        Stop once the plan is proven within this relative gap.
    time_limit : float
        Wall-clock limit [s]; the plan then says so and states its gap.
    seed : int
        Seed of the heuristics and the solver.

    Returns
    -------
    NetworkPlan
        With status, bound and gap.

    Raises
    ------
    ConfigError
        Not exactly one of target, price and budget.
    InfeasibleError
        The target cannot be met; the text says why and by how much.
    SolverError
        No plan was found in time.
    """
    begin = time.monotonic()
    given = [value for value in (target, price, budget) if value is not None]
    if len(given) != 1 or not math.isfinite(given[0]) or (budget is not None and budget < 0):
        raise ConfigError(
            "ask for exactly one of target, price and budget, as a finite number",
            got=f"target={target}, price={price}, budget={budget}",
        )
    if target is not None:
        problem.check_target(target)
    goal = Goal(target, price, budget)
    net = flow_arrays(problem, target)
    found = search(net, goal, gap=max(gap, 1e-7), time_limit=time_limit, seed=seed)
    costs, sources, sinks, pipes = _parts(problem, net, found.plan)
    captured = math.fsum(s.captured_mt_yr for s in sources)
    objective = goal.objective(costs.total, captured)
    bound = min(found.bound, objective)
    reached = relative_gap(objective, bound)
    if reached <= OPTIMAL_GAP:
        status = "optimal"
    else:
        status = "gap reached" if reached <= gap else "time limit"
    return NetworkPlan(
        status=status,
        mode=goal.mode,
        objective=objective,
        bound=bound,
        gap=reached,
        nodes=found.nodes,
        seconds=time.monotonic() - begin,
        costs=costs,
        sources=sources,
        sinks=sinks,
        pipes=pipes,
    )


def _parts(
    problem: NetworkProblem, net: FlowArrays, plan: FlowPlan
) -> tuple[Costs, tuple[SourceUse, ...], tuple[SinkUse, ...], tuple[Pipe, ...]]:
    """Turn a plan of arrays into named parts, each with its cost."""
    sources = tuple(
        SourceUse(source.id, q, source.fixed_musd_yr + source.variable_usd_t * q)
        for source, q in zip(problem.sources, plan.captured.tolist(), strict=True)
        if q > 0
    )
    sinks = tuple(
        SinkUse(
            sink.id,
            q,
            wells,
            sink.fixed_musd_yr + sink.well_musd_yr * wells + sink.injection_usd_t * q,
        )
        for sink, q, wells in zip(
            problem.sinks, plan.stored.tolist(), plan.wells.tolist(), strict=True
        )
        if q > 0
    )
    nodes = problem.nodes
    pipes = []
    for arc, column in enumerate(plan.column):
        if column < 0:
            continue
        owner = problem.arcs[net.edge[arc]]
        trend = owner.trends[net.col_trend[column]]
        flow = float(plan.flow[arc])
        cost = trend.fixed_musd_yr + trend.slope_usd_t * flow
        ends = nodes[net.tail[arc]], nodes[net.head[arc]]
        pipes.append(Pipe(owner.id, *ends, trend.name, flow, owner.length_km, cost))
    costs = Costs(
        math.fsum(s.cost_musd_yr for s in sources),
        math.fsum(p.cost_musd_yr for p in pipes),
        math.fsum(s.cost_musd_yr for s in sinks),
    )
    return costs, sources, sinks, tuple(pipes)

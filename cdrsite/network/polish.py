"""From a solver's numbers to an exact plan: discrete choices fixed, flows and trends re-chosen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cdrsite.core.solver import LinearSolver
from cdrsite.network.arrays import FLOW_TOLERANCE, FlowArrays, FlowPlan, cost_plan
from cdrsite.network.model import DesignModel, Goal, Layout, build


def layout_of(net: FlowArrays) -> Layout:
    """Layout of the columns of the model of a network."""
    return Layout(len(net.source_cap), len(net.sink_cap), net.columns)


def net_flow(net: FlowArrays, flow: np.ndarray) -> np.ndarray:
    """Cancel flow that runs both ways through one arc; shape (arcs,) [Mt/yr]."""
    forward = np.zeros(int(net.edge.max(initial=-1)) + 1)
    sign = np.where(_first_of_edge(net), 1.0, -1.0)
    np.add.at(forward, net.edge, sign * flow)
    return np.maximum(sign * forward[net.edge], 0.0)


def _first_of_edge(net: FlowArrays) -> np.ndarray:
    """Mark the directed arcs that are the first of their arc; the second is its reverse."""
    first = np.ones(net.arcs, dtype=bool)
    first[1:] = net.edge[1:] != net.edge[:-1]
    return first


def plan_of(net: FlowArrays, x: np.ndarray) -> FlowPlan | None:
    """Read the flows of a solution vector and cost them exactly."""
    at = layout_of(net)
    flow = np.zeros(net.arcs)
    np.add.at(flow, net.col_arc, x[at.p : at.p + at.columns])
    return cost_plan(net, x[at.a : at.r], x[at.b : at.w], net_flow(net, flow))


def vector_of(net: FlowArrays, plan: FlowPlan) -> np.ndarray:
    """Write a plan as a solution vector of the model; the inverse of :func:`plan_of`."""
    at = layout_of(net)
    x = np.zeros(at.size)
    x[: at.a] = plan.captured > 0
    x[at.a : at.r] = plan.captured
    x[at.r : at.b] = plan.stored > 0
    x[at.b : at.w] = plan.stored
    x[at.w : at.y] = plan.wells
    used = np.flatnonzero(plan.column >= 0)
    x[at.y + plan.column[used]] = 1.0
    x[at.p + plan.column[used]] = plan.flow[used]
    return x


def refit(net: FlowArrays, goal: Goal, x: np.ndarray) -> FlowPlan | None:
    """Fix what a solution opens, find its best flows by LP, then the best trend for each flow.

    A solver's binaries are whole only to a tolerance, which a capacity of 100 Mt/yr turns into
    a leak; here they are whole, and the flows balance to the LP's tolerance.

    Parameters
    ----------
    net : FlowArrays
        The network.
    goal : Goal
        Target, price or budget.
    x : ndarray
        Solution vector of the model.

    Returns
    -------
    FlowPlan or None
        None where the rounded choices admit no flow.
    """
    at = layout_of(net)
    if goal.budget is not None:
        return _within_budget(net, goal.budget, x)
    model = build(net, goal)
    fixed = np.where(model.integer, np.round(x), 0.0)
    plan = _fixed_lp(net, model, fixed)
    if plan is None:
        # the flow needs a pipe that the solver's tolerance left unbuilt: open it outright
        carrying = x[at.p : at.p + at.columns] > FLOW_TOLERANCE
        fixed[at.y : at.p] = np.maximum(fixed[at.y : at.p], carrying)
        plan = _fixed_lp(net, model, fixed)
    for _ in range(3):
        if plan is None:
            return None
        again = _fixed_lp(net, model, vector_of(net, plan))
        if again is None or _worth(goal, again) >= _worth(goal, plan) - 1e-12:
            return plan
        plan = again
    return plan


def _within_budget(net: FlowArrays, budget: float, x: np.ndarray) -> FlowPlan | None:
    """Refit at the captured amount, lowered a little where whole numbers break the budget."""
    at = layout_of(net)
    captured = float(x[at.a : at.r].sum())
    for less in (0.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2):
        plan = refit(net, Goal(target=captured * (1 - less)), x)
        if plan is not None and plan.cost <= budget * (1 + 1e-9):
            return plan
    return None


def _worth(goal: Goal, plan: FlowPlan) -> float:
    return goal.objective(plan.cost, float(plan.captured.sum()))


def _fixed_lp(net: FlowArrays, model: DesignModel, fixed: np.ndarray) -> FlowPlan | None:
    lower = np.where(model.integer, fixed, model.lower)
    upper = np.where(model.integer, fixed, model.upper)
    programme = replace(model, lower=lower, upper=upper).programme(integer=False)
    solver = LinearSolver(programme, primal_feasibility_tolerance=1e-9)
    return plan_of(net, solver.x) if solver.run() == "optimal" else None

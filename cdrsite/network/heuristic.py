"""Good plans fast: slope scaling from many starts, local search, flows re-fitted.

Slope scaling (Kim and Pardalos 1999, "A solution approach to the fixed charge network flow
problem using a dynamic slope scaling procedure", Operations Research Letters 24, 195-203): a
linear flow problem is solved with each fixed charge spread over the flow of the last round.
"""

from __future__ import annotations

import numpy as np

from cdrsite.core.solver import LinearSolver, Programme
from cdrsite.network.arrays import FLOW_TOLERANCE, FlowArrays, FlowPlan, cost_plan
from cdrsite.network.model import Goal, Rows
from cdrsite.network.polish import layout_of, net_flow, refit, vector_of
from cdrsite.network.reroute import KICK_NUMBERS, Reroute
from cdrsite.network.strengthen import Branch

_ROUNDS = 14


class SlopeScaling:
    """Slope scaling on the linear flow problem of a network.

    Parameters
    ----------
    net : FlowArrays
        The network.
    goal : Goal
        Target or price.
    seed : int
        Seed of the random starts.
    """

    def __init__(self, net: FlowArrays, goal: Goal, seed: int) -> None:
        self.net = net
        self.goal = goal
        self._random = np.random.default_rng(seed)
        self._ns, self._nk = len(net.source_cap), len(net.sink_cap)
        self._most = np.zeros(net.arcs)
        np.maximum.at(self._most, net.col_arc, net.col_hi)
        self._solver = self._linear()
        self._reroute = None if goal.budget is not None else Reroute(net, goal)
        self.plans: list[FlowPlan] = []

    def run(self, starts: int, branch: Branch, guide: np.ndarray | None = None) -> None:
        """Add plans to ``plans``, best first.

        Parameters
        ----------
        starts : int
            Number of starts; the first is not perturbed.
        branch : Branch
            The flow problem leaves out terminals that are closed; the local search may use them.
        guide : ndarray, optional
            Point of the relaxation whose flows the starts favour.
        """
        self._restrict(branch)
        for number in range(starts):
            spread = 0.0 if number == 0 else 0.2 + 0.6 * (number % 4) / 3
            self._start(spread, guide if number % 2 == 0 else None)
        self.sort()

    def worth(self, plan: FlowPlan) -> float:
        """Value of a plan under the goal."""
        return self.goal.objective(plan.cost, float(plan.captured.sum()))

    def add(self, plan: FlowPlan) -> None:
        """Add a plan found elsewhere."""
        self.plans.append(plan)
        self.sort()

    def sort(self) -> None:
        """Put the best plans first and drop copies."""
        best: dict[int, FlowPlan] = {}
        for plan in sorted(self.plans, key=self.worth):
            best.setdefault(round(self.worth(plan) * 1e7), plan)
        self.plans = list(best.values())[:40]

    def _linear(self) -> LinearSolver:
        """The flow problem over captured, stored and flow per arc, without costs."""
        net, ns, nk = self.net, self._ns, self._nk
        rows = Rows()
        index: list[list[int]] = [[] for _ in range(net.nodes)]
        value: list[list[float]] = [[] for _ in range(net.nodes)]

        def put(node: int, column: int, factor: float) -> None:
            index[node].append(column)
            value[node].append(factor)

        for arc in range(net.arcs):
            put(net.tail[arc], ns + nk + arc, 1.0)
            put(net.head[arc], ns + nk + arc, -1.0)
        for i, node in enumerate(net.source_node):
            put(node, i, -1.0)
        for j, node in enumerate(net.sink_node):
            put(node, ns + j, 1.0)
        for columns, factors in zip(index, value, strict=True):
            rows.add(columns, factors, 0.0, 0.0)
        if self.goal.target is not None:
            rows.add(list(range(ns)), [1.0] * ns, self.goal.target, self.goal.target)
            for members, part in self.goal.ledgers[1:]:
                rows.add(list(members), [1.0] * len(members), part, part)
        size = ns + nk + net.arcs
        matrix = rows.matrix(size)
        most = np.concatenate([net.source_cap, net.sink_cap, self._most])
        programme = Programme(
            np.zeros(size), np.zeros(size), most, np.array(rows.lower), np.array(rows.upper),
            matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data,
        )  # fmt: skip
        # new costs leave the last flows feasible: the primal simplex goes on from there
        return LinearSolver(programme, simplex_strategy=4)

    def _restrict(self, branch: Branch) -> None:
        full = np.concatenate([self.net.source_cap, self.net.sink_cap])
        upper = np.where(branch.closed, 0.0, full)
        least = np.concatenate([self.net.source_least, np.zeros(self._nk)])
        self._solver.set_bounds(np.minimum(least, upper), upper)

    def _unit_costs(self, x: np.ndarray, size: np.ndarray) -> np.ndarray:
        """Average cost of each column at its flow, or at a supposed size where it is unused."""
        net, ns, nk = self.net, self._ns, self._nk
        at = np.where(x > 1e-6, x, size)
        a, b, f = at[:ns], at[ns : ns + nk], at[ns + nk :]
        source = net.source_fixed / np.maximum(a, 1e-9) + net.source_var
        source -= self.goal.price or 0.0
        wells = np.ceil(b / net.well_rate - 1e-9)
        sink = (net.sink_fixed + net.well_cost * wells) / np.maximum(b, 1e-9) + net.sink_var
        through = np.maximum(f, 1e-9)[net.col_arc]
        price = np.where(
            through <= net.col_hi + 1e-9, net.col_fixed / through + net.col_slope, np.inf
        )
        pipe = np.full(net.arcs, np.inf)
        np.minimum.at(pipe, net.col_arc, price)
        pipe = np.where(np.isfinite(pipe), pipe, 1e6)
        return np.concatenate([source, sink, pipe])

    def _start(self, spread: float, guide: np.ndarray | None) -> None:
        net, ns, nk = self.net, self._ns, self._nk
        full = np.concatenate([net.source_cap, net.sink_cap, self._most])
        size = np.maximum(full, 1e-6)
        if guide is not None:
            at = layout_of(net)
            flow = np.zeros(net.arcs)
            np.add.at(flow, net.col_arc, guide[at.p : at.p + at.columns])
            wish = np.concatenate([guide[at.a : at.r], guide[at.b : at.w], flow])
            size = np.maximum(wish, 0.03 * size)
        noise = np.exp(spread * self._random.standard_normal(len(size)))
        cost = self._unit_costs(np.zeros(len(size)), size) * noise
        seen: set[bytes] = set()
        best: FlowPlan | None = None
        for _ in range(_ROUNDS):
            self._solver.set_costs(cost)
            if self._solver.run() != "optimal":
                return
            x = np.maximum(self._solver.x, 0.0)
            flow = net_flow(net, x[ns + nk :])
            plan = cost_plan(net, x[:ns], x[ns : ns + nk], flow)
            if plan is not None and (best is None or self.worth(plan) < self.worth(best)):
                best = plan
            mark = np.packbits(x > FLOW_TOLERANCE).tobytes()
            if mark in seen:
                break
            seen.add(mark)
            x[ns + nk :] = flow
            fresh = self._unit_costs(x, size)
            cost = np.where(x > 1e-6, fresh, cost)
        if best is not None:
            self._keep(best)

    def _keep(self, plan: FlowPlan) -> None:
        record = min((self.worth(p) for p in self.plans), default=np.inf)
        plan = self._descend(plan, 0)
        if self.worth(plan) <= record + 0.01 * abs(record) or not self.plans:
            plan = self._polish(plan)
        self.plans.append(plan)

    def _polish(self, plan: FlowPlan) -> FlowPlan:
        """Find the best flows for what a plan opens, and search from there, by turns."""
        for _ in range(3):
            better = refit(self.net, self.goal, vector_of(self.net, plan))
            if better is None or not self._cheaper(better, plan):
                break
            plan = self._descend(better, 0)
        return plan

    def _cheaper(self, one: FlowPlan, two: FlowPlan) -> bool:
        return self.worth(one) < self.worth(two) - 1e-9 * abs(self.worth(two))

    def explore(self, best: int, kicks: int) -> None:
        """Search around the best plans: close some links of each by chance, and descend again.

        Parameters
        ----------
        best : int
            Number of plans to search around.
        kicks : int
            Tries for each.
        """
        for plan in self.plans[:best]:
            found = self._descend(plan, kicks)
            if self._cheaper(found, plan):
                self.plans.append(self._polish(found))
        self.sort()

    def _descend(self, plan: FlowPlan, kicks: int) -> FlowPlan:
        """Give a plan that is no worse, by local search."""
        if self._reroute is None:
            return plan
        found = self._reroute.improve(plan, self._random.random((kicks, KICK_NUMBERS)))
        return found if found is not None and self.worth(found) < self.worth(plan) else plan

"""Search for the best plan and a proven bound on any plan's value.

Steps: the relaxation, which gives a bound at once; node-set cuts; slope scaling with local search
for plans; a tree over open or closed sources by linear programs, whose leaves are pruned at the
best plan; then one mixed-integer model per leaf (or one in all, where the leaves are many) below
the best plan. Another round of more work, without the tree but with a small mixed-integer model
over the arcs of the best plans, follows where the effort pays for it. After every step the
search ends where the gap asked is proven. What runs side by side sees nothing of each other, so
neither load nor threads change a plan (rule 9).

One module: the steps hand one state on, and only side by side is their order seen.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from cdrsite.core.errors import SolverError
from cdrsite.network.arrays import FlowArrays, FlowPlan
from cdrsite.network.dicuts import Separator
from cdrsite.network.effort import Work, rounds_of
from cdrsite.network.heuristic import SlopeScaling
from cdrsite.network.model import Answer, DesignModel, Goal, Rows, build, solve
from cdrsite.network.points import (
    Root,
    infeasible,
    leaf_bound,
    nothing,
    point_of,
    split_count,
    undecided,
)
from cdrsite.network.polish import refit
from cdrsite.network.relaxation import Relaxation
from cdrsite.network.strengthen import Branch, bounds, strong_rows

GapOf = Literal["total", "transport"]
"""What a gap is a share of: the objective, or the cost of transport, which is what a network
decides where capture and storage must be paid anyway."""

_SMALL = 120
"""Trend columns up to which the model goes to the solver without preparation."""
_HARD = 120
"""Fractional choices in a leaf above which strong branching pays."""
_MOST_LEAVES = 8
"""Leaves above which one model for all of them is solved."""
_PURGE = 2
"""Rounds of cuts after which those that are slack are dropped."""
_MOST_CUTS = 400
"""Cuts in the tree above which those that are slack at a node are dropped."""
_PROOF: dict[str, float | int | str | bool] = {
    "mip_heuristic_effort": 0.0,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_root_reduced_cost": False,
    "mip_heuristic_run_feasibility_jump": False,
}
"""HiGHS for proofs: no heuristics, since a good plan is at hand; at effort 0 some still run."""
_FINE: dict[str, float | int | str | bool] = {
    **_PROOF,
    "mip_pscost_minreliable": 0,
    "mip_allow_restart": False,
    "mip_allow_cut_separation_at_nodes": False,
}
"""HiGHS for leaves: no strong branching, which takes two thirds of the iterations of small
trees, and no cuts below the root, which take a third of the time and spare few nodes."""
_WIDE: dict[str, float | int | str | bool] = {"mip_heuristic_effort": 0.02}
"""HiGHS for wide gaps: strong branching pays there."""


@dataclass(frozen=True)
class SearchResult:
    """Best plan and what is proven of it.

    Attributes
    ----------
    plan : FlowPlan
        Best plan found.
    objective, bound : float
        Its value, and what no plan can go below.
    nodes : int
        Nodes of all search trees.
    late : bool
        Whether the clock stopped the search: the plan may be another one on another machine.
    """

    plan: FlowPlan
    objective: float
    bound: float
    nodes: int
    late: bool


@dataclass(frozen=True)
class _Leaf:
    bound: float
    branch: Branch
    tight: tuple[DesignModel, Root] | None = None
    """Its model with cuts, and what the relaxation of that says."""


def search(
    net: FlowArrays,
    goal: Goal,
    *,
    gap: float,
    gap_of: GapOf = "total",
    effort: str = "normal",
    time_limit: float = math.inf,
    seed: int = 0,
    threads: int = 2,
    easy: int = 30,
    known: FlowPlan | None = None,
    guide: FlowPlan | None = None,
) -> SearchResult:
    """Find the best plan within a gap, or the best that an effort pays for.

    Parameters
    ----------
    net : FlowArrays
        The network.
    goal : Goal
        Target, price or budget.
    gap : float
        Gap to prove.
    gap_of : str
        What the gap is a share of: ``total`` or ``transport``.
    effort : str
        ``quick``, ``normal`` or ``thorough``.
    time_limit : float
        Seconds after which the search stops whatever it has reached.
    seed : int
        Seed of heuristics and solver.
    threads : int
        Leaves solved side by side; no effect on the plan.
    easy : int
        Where fewer choices than this are fractional in the relaxation, the solver alone is
        faster; 0 takes the whole way always.
    known : FlowPlan, optional
        A plan to begin with.
    guide : FlowPlan, optional
        Flows that the first starts favour, as those of another target.

    Returns
    -------
    SearchResult
        Plan and bound.

    Raises
    ------
    InfeasibleError
        Pipes cannot carry what is asked.
    SolverError
        No plan was found.
    """
    run = _Search(net, goal, gap, gap_of, time.monotonic() + time_limit, seed, threads)
    run.guide = guide
    run.offer(known)
    if goal.target is None and not net.source_least.any():
        run.offer(nothing(net))
    rounds = rounds_of(effort)
    if goal.budget is not None or (easy and net.columns <= _SMALL):
        run.plainly(rounds)
    else:
        run.thoroughly(rounds, easy)
    return run.result()


def transport_cost(net: FlowArrays, plan: FlowPlan) -> float:
    """Cost of the pipes of a plan [million USD/yr]."""
    used = plan.column[plan.column >= 0]
    flow = plan.flow[plan.column >= 0]
    return float(net.col_fixed[used].sum() + net.col_slope[used] @ flow)


class _Search:
    """State of one search: best plan, bound, counters, deadline."""

    def __init__(
        self,
        net: FlowArrays,
        goal: Goal,
        gap: float,
        gap_of: GapOf,
        deadline: float,
        seed: int,
        threads: int,
    ) -> None:
        self.net, self.goal, self.gap, self.gap_of = net, goal, gap, gap_of
        self.deadline, self.seed, self.threads = deadline, seed, threads
        self.best: FlowPlan | None = None
        self.objective, self.bound = math.inf, -math.inf
        self.nodes = 0
        self.late = False
        self.guide: FlowPlan | None = None
        self.separator = Separator(net, goal)
        self.known_cuts = Rows()

    # -- bookkeeping ---------------------------------------------------------------------

    def tolerance(self) -> float:
        """Gap asked, in the unit of the objective; 0 without a plan."""
        if self.best is None:
            return 0.0
        part = abs(self.objective)
        if self.gap_of == "transport" and self.goal.budget is None:
            part = transport_cost(self.net, self.best)
        return self.gap * part

    def cutoff(self) -> float:
        """Value that a plan must go below to be worth finding."""
        # a hair inside, so that what was pruned here counts as proven
        return self.objective - 0.999 * self.tolerance()

    def done(self) -> bool:
        """Whether the gap asked is proven, or the clock has run out."""
        if time.monotonic() > self.deadline:
            self.late = True
        return self.late or self.bound >= self.cutoff()

    def raise_bound(self, bound: float) -> None:
        """Take a bound if it is better."""
        self.bound = max(self.bound, bound)

    def offer(self, plan: FlowPlan | None) -> None:
        """Take a plan if it is better."""
        if plan is None:
            return
        worth = self.goal.objective(plan.cost, float(plan.captured.sum()))
        if worth < self.objective:
            self.best, self.objective = plan, worth

    def result(self) -> SearchResult:
        """Give the result, or say that there is none."""
        if self.best is None:
            cure = "allow more time" if self.late else "a larger effort"
            raise SolverError("no plan was found", cure=cure, rule=8)
        bound = min(self.bound, self.objective)
        return SearchResult(self.best, self.objective, bound, self.nodes, self.late)

    def strong_model(self, net: FlowArrays, branch: Branch) -> DesignModel | None:
        """Build the model of a branch with all strengthening rows; None if it is empty."""
        model = build(net, self.goal)
        model.rows.extend(strong_rows(net, self.goal, model))
        tight = bounds(model, net, self.goal, branch)
        return None if tight is None else replace(model, lower=tight[0], upper=tight[1])

    # -- small models and budgets ---------------------------------------------------------

    def plainly(self, rounds: tuple[Work, ...]) -> None:
        """Give the whole strengthened model to the solver."""
        model = self.strong_model(self.net, Branch.root(self.net))
        if model is None:
            raise infeasible(self.net)
        point = Relaxation(model).solve()
        if point is None:
            raise infeasible(self.net)
        self.raise_bound(point[0])
        if self.done():
            if self.best is None:
                self.first_plans(Branch.root(self.net))
            return
        work = sum(one.proof for one in rounds)
        # half of the gap: the plan is costed again, and may come out dearer by a rounding
        share, least = 0.5 * self.gap, 0.0
        if self.gap_of == "transport" and self.goal.budget is None:
            self.first_plans(Branch.root(self.net))
            share, least = 0.0, 0.5 * self.tolerance()
        answer = solve(
            model, gap=share, least=least, looks=Work.looks(work, model.layout.size),
            deadline=self.deadline, seed=self.seed,
        )  # fmt: skip
        self.count(answer)
        if answer.status == "infeasible":
            raise infeasible(self.net)
        if answer.x is not None:
            self.offer(refit(self.net, self.goal, answer.x))
        if self.best is None:
            self.first_plans(Branch.root(self.net))
        self.raise_bound(answer.bound)

    def count(self, answer: Answer) -> None:
        """Add up what a solution took."""
        self.nodes += answer.nodes
        self.late |= answer.status == "time limit"

    # -- the whole way --------------------------------------------------------------------

    def thoroughly(self, rounds: tuple[Work, ...], easy: int) -> None:
        """Cuts, plans, tree over sources, leaves; the solver alone where it is easy."""
        root = Branch.root(self.net)
        model = self.strong_model(self.net, root)
        if model is None:
            raise infeasible(self.net)
        relaxation = Relaxation(model)
        point = relaxation.solve()
        if point is None:
            raise infeasible(self.net)
        if split_count(model, point[1]) < easy:
            self.plainly(rounds)
            return
        self.raise_bound(point[0])
        self.first_plans(root)
        leaves: list[_Leaf] = []
        plans: list[FlowPlan] = []
        for number, work in enumerate(rounds):
            if self.done():
                return
            relaxation.set_bounds(model.lower, model.upper)
            point = self.tighten(relaxation, root, work.cut_rounds) or point
            if self.done():
                return
            scaling = self.scale_twice(work, number, root, point[1])
            scaling.plans += plans
            scaling.sort()
            if self.done():
                return
            if number == 0:
                leaves = self.branch_on_sources(relaxation, scaling, root, work)
            else:
                self.look_around(scaling, root, work)
            if self.done():
                return
            plans = scaling.plans
            leaves = self.prove(leaves, work)

    def branch_on_sources(
        self, relaxation: Relaxation, scaling: SlopeScaling, root: Branch, work: Work
    ) -> list[_Leaf]:
        """Run the tree over sources; its open leaves, as one where they are many."""
        self.known_cuts = relaxation.tight_cuts()
        leaves = self.tree(relaxation, scaling, root, work)
        if len(leaves) > _MOST_LEAVES:
            leaves = [_merge(leaves)]
        floor = min((leaf.bound for leaf in leaves), default=math.inf)
        self.raise_bound(min(floor, self.cutoff()))
        return leaves

    def look_around(self, scaling: SlopeScaling, root: Branch, work: Work) -> None:
        """Solve the model over the arcs of the best plans while that gives better ones."""
        for _ in range(3):
            before = self.best
            plans = [] if before is None else [before]
            plan, answer = self.restricted(
                [*plans, *scaling.plans[:8]], root, self.cutoff(), work.restricted
            )
            self.offer(plan)
            if answer is not None:
                self.count(answer)
            if self.best is before or self.done():
                return

    def first_plans(self, root: Branch) -> None:
        """Find some plan at once."""
        scaling = SlopeScaling(self.net, self.goal, self.seed)
        scaling.run(2, root)
        if self.guide is not None:
            scaling.run(2, root, point_of(self.net, self.guide))
        if scaling.plans:
            self.offer(scaling.plans[0])

    def scale_twice(self, work: Work, number: int, root: Branch, guide: np.ndarray) -> SlopeScaling:
        """Run slope scaling on two streams, one guided by a point; gives all plans together."""
        seeds = np.random.SeedSequence([self.seed, number]).generate_state(2).tolist()
        both = [SlopeScaling(self.net, self.goal, seed) for seed in seeds]
        with ThreadPoolExecutor(2) as pool:
            starts = work.starts_of(self.net.arcs)
            for begin in range(0, starts, 10):
                jobs = [
                    pool.submit(scaling.run, min(10, starts - begin), root, point)
                    for scaling, point in zip(both, (guide, None), strict=True)
                ]
                for job in jobs:
                    job.result()
                for scaling in both:
                    if scaling.plans:
                        self.offer(scaling.plans[0])
                if self.done():
                    break
            if not self.done():
                kicks = work.kicks(self.net.arcs)
                jobs = [pool.submit(scaling.explore, 3, kicks) for scaling in both]
                for job in jobs:
                    job.result()
        both[0].plans += both[1].plans
        both[0].sort()
        self.offer(both[0].plans[0] if both[0].plans else None)
        return both[0]

    def tighten(
        self, relaxation: Relaxation, branch: Branch, rounds: int
    ) -> tuple[float, np.ndarray] | None:
        """Add node-set cuts at the root until they gain little; value and point, None if empty."""
        slow = 0
        point = relaxation.solve()
        for turn in range(rounds):
            if point is None:
                return None
            self.raise_bound(point[0])
            if self.done():
                return point
            rows = self.separator.cuts(point[1], branch)
            if not len(rows):
                return point
            relaxation.add(rows)
            last, point = point[0], relaxation.solve()
            if point is None:
                return None
            slow = slow + 1 if point[0] - last < 0.01 * (self.objective - point[0]) else 0
            if slow >= 4:
                break
            if turn % _PURGE == _PURGE - 1:
                relaxation.purge()
                point = relaxation.solve()
        if point is not None:
            self.raise_bound(point[0])
        return point

    def tree(
        self, relaxation: Relaxation, scaling: SlopeScaling, root: Branch, work: Work
    ) -> list[_Leaf]:
        """Branch on sources by linear programs; leaves cover all plans below the cutoff."""
        base = build(self.net, self.goal)
        stack = [_Leaf(self.bound, root)]
        leaves: list[_Leaf] = []
        spent, most = 0, work.programs(base.layout.size)
        while stack:
            if spent >= most or time.monotonic() > self.deadline:
                leaves += stack
                break
            node = stack.pop()
            tight = bounds(base, self.net, self.goal, node.branch)
            if tight is None:
                continue
            relaxation.set_bounds(*tight)
            point = self.node_point(relaxation, root)
            spent += 1
            if point is None or point[0] >= self.cutoff():
                continue
            bound = max(node.bound, point[0])
            terminal, value = undecided(base, point[1])
            if terminal < 0:
                leaves.append(_Leaf(bound, node.branch))
                if len(leaves) <= 3:
                    scaling.run(10, node.branch, None)
                    self.offer(scaling.plans[0] if scaling.plans else None)
                continue
            likely = value > 0.5
            stack += [
                _Leaf(bound, node.branch.decide(terminal, opened=side))
                for side in (not likely, likely)
            ]
        leaves = [leaf for leaf in leaves if leaf.bound < self.cutoff()]
        return sorted(leaves, key=lambda leaf: leaf.bound)

    def node_point(self, relaxation: Relaxation, root: Branch) -> tuple[float, np.ndarray] | None:
        """Solve a node of the tree, with two rounds of cuts that are valid everywhere."""
        point = relaxation.solve()
        for _ in range(2):
            if point is None or point[0] >= self.cutoff():
                return point
            rows = self.separator.cuts(point[1], root)
            if not len(rows):
                return point
            relaxation.add(rows)
            point = relaxation.solve()
        if point is not None and relaxation.cuts > _MOST_CUTS:
            relaxation.purge()
        return point

    def restricted(
        self, plans: list[FlowPlan], root: Branch, cutoff: float, work: float
    ) -> tuple[FlowPlan | None, Answer | None]:
        """Solve the model over the arcs that some plans use; a plan below the cutoff, or None."""
        if not plans:
            return None, None
        edges = np.unique(np.concatenate([self.net.edge[p.column >= 0] for p in plans]))
        keep = np.isin(self.net.edge[self.net.col_arc], edges)
        closed = np.all([np.r_[p.captured, p.stored] <= 0 for p in plans], axis=0)
        net = self.net.restrict(keep)
        model = self.strong_model(net, replace(root, closed=closed))
        if model is None:
            return None, None
        answer = solve(
            model, least=self.tolerance(), looks=Work.looks(work, model.layout.size),
            deadline=self.deadline, seed=self.seed, options={**_WIDE, "objective_bound": cutoff},
        )  # fmt: skip
        plan = None if answer.x is None else refit(net, self.goal, answer.x)
        if plan is None:
            return None, answer
        columns = np.flatnonzero(keep)
        column = np.where(plan.column >= 0, columns[plan.column], -1)
        return replace(plan, column=column), answer

    # -- leaves ---------------------------------------------------------------------------

    def prove(self, leaves: list[_Leaf], work: Work) -> list[_Leaf]:
        """Prove what each leaf below the cutoff holds; gives those that are still open."""
        cutoff = self.cutoff()
        still = [leaf for leaf in leaves if leaf.bound < cutoff]
        share = work.proof / max(1, len(still))
        with ThreadPoolExecutor(max(1, self.threads)) as pool:
            # each works from the best plan as it is now: the plans are taken in their order
            found = list(pool.map(lambda leaf: self.solve_leaf(leaf, cutoff, share), still))
        for _, plan, answer in found:
            self.offer(plan)
            if answer is not None:
                self.count(answer)
        proven = [leaf for leaf, _, _ in found]
        self.raise_bound(min([cutoff, *(leaf.bound for leaf in proven)]))
        return [leaf for leaf in proven if leaf.bound < self.cutoff()]

    def solve_leaf(
        self, leaf: _Leaf, cutoff: float, share: float
    ) -> tuple[_Leaf, FlowPlan | None, Answer | None]:
        """Prove what a leaf holds: the leaf with its bound, and a plan below the cutoff."""
        if leaf.tight is None:
            leaf = self.tighten_leaf(leaf)
        if leaf.tight is None or leaf.bound >= cutoff or time.monotonic() > self.deadline:
            return leaf, None, None
        model, root = leaf.tight
        model = replace(model, upper=root.fixed_upper(model, cutoff))
        options = dict(_WIDE if root.split > _HARD else _FINE)
        if math.isfinite(cutoff):
            options["objective_bound"] = cutoff
        answer = solve(
            model, least=self.tolerance(), looks=Work.looks(share, model.layout.size),
            deadline=self.deadline, seed=self.seed, options=options,
        )  # fmt: skip
        plan = None if answer.x is None else refit(self.net, self.goal, answer.x)
        return replace(leaf, bound=max(leaf.bound, leaf_bound(answer, cutoff))), plan, answer

    def tighten_leaf(self, leaf: _Leaf) -> _Leaf:
        """Add cuts to the model of a leaf; its bound is infinite where it holds no plan."""
        model = self.strong_model(self.net, leaf.branch)
        if model is None:
            return replace(leaf, bound=math.inf)
        relaxation = Relaxation(model)
        relaxation.add(self.known_cuts)
        worker = _Search(self.net, self.goal, self.gap, self.gap_of, self.deadline, self.seed, 1)
        worker.best, worker.objective = self.best, self.objective
        point = worker.tighten(relaxation, leaf.branch, 45)
        if point is None:
            return replace(leaf, bound=math.inf)
        model.rows.extend(relaxation.tight_cuts())
        root = Root(point[0], point[1], relaxation.reduced_costs(), split_count(model, point[1]))
        return replace(leaf, bound=max(leaf.bound, point[0]), tight=(model, root))


def _merge(leaves: list[_Leaf]) -> _Leaf:
    """Give one branch that covers all leaves: what they all decide alike stays decided."""
    closed = np.all([leaf.branch.closed for leaf in leaves], axis=0)
    opened = np.all([leaf.branch.opened for leaf in leaves], axis=0)
    return _Leaf(min(leaf.bound for leaf in leaves), Branch(closed, opened))

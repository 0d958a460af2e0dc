"""Search for the best plan and a proven bound on any plan's value.

Steps: node-set cuts at the root; slope scaling for plans; a tree over open or closed sources by
linear programs with cuts, whose leaves are pruned at the best plan, and beside it a small
mixed-integer model over the arcs of the best plans; then one mixed-integer model per leaf (or
one in all, where the leaves are many) below the best plan.
"""

from __future__ import annotations

import math
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

import numpy as np

from cdrsite.core.errors import InfeasibleError, SolverError
from cdrsite.network.arrays import FlowArrays, FlowPlan
from cdrsite.network.dicuts import Separator
from cdrsite.network.heuristic import SlopeScaling
from cdrsite.network.model import INF, Answer, Goal, Model, Rows, build, solve
from cdrsite.network.polish import refit
from cdrsite.network.relaxation import Relaxation
from cdrsite.network.strengthen import Branch, bounds, strong_rows

_SMALL = 120
"""Trend columns up to which the model goes to the solver without preparation."""
_HARD = 120
"""Fractional choices in a leaf above which strong branching pays."""
_TREE_LPS = 160
"""Linear programs spent on the tree over sources."""
_CUT_SHARE = 0.3
"""Share of the time left that the first round of cuts may take."""
_MOST_LEAVES = 8
"""Leaves above which one model for all of them is solved."""
_STARTS = 80
"""Starts of slope scaling from the root on each of two threads."""
_PATIENCE = 5.0
"""Seconds that an idle worker leaves the last proof alone before it looks for plans."""
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
    """

    plan: FlowPlan
    objective: float
    bound: float
    nodes: int


@dataclass(frozen=True)
class _Leaf:
    bound: float
    branch: Branch


def search(
    net: FlowArrays,
    goal: Goal,
    *,
    gap: float,
    time_limit: float,
    seed: int,
    threads: int = 2,
    easy: int = 30,
) -> SearchResult:
    """Find the best plan within a gap or a time limit.

    Parameters
    ----------
    net : FlowArrays
        The network.
    goal : Goal
        Target, price or budget.
    gap : float
        Relative gap to prove.
    time_limit : float
        Wall-clock limit [s].
    seed : int
        Seed of heuristics and solver.
    threads : int
        Leaves solved side by side.
    easy : int
        Where fewer choices than this are fractional in the relaxation, the solver alone is
        faster; 0 takes the whole way always.

    Returns
    -------
    SearchResult
        Plan and bound.

    Raises
    ------
    InfeasibleError
        Pipes cannot carry what is asked.
    SolverError
        No plan was found in time.
    """
    run = _Search(net, goal, gap, time.monotonic() + time_limit, seed, threads)
    if goal.budget is not None or (easy and net.columns <= _SMALL):
        return run.plainly()
    return run.thoroughly(easy)


class _Search:
    """State of one search: best plan, counters, deadline."""

    def __init__(
        self, net: FlowArrays, goal: Goal, gap: float, deadline: float, seed: int, threads: int
    ) -> None:
        self.net, self.goal, self.gap = net, goal, gap
        self.deadline, self.seed, self.threads = deadline, seed, threads
        self.best: FlowPlan | None = None
        self.objective = math.inf
        self.nodes = 0
        self._lock = threading.Lock()
        self.separator = Separator(net, goal)

    # -- bookkeeping ---------------------------------------------------------------------

    def left(self) -> float:
        """Seconds left."""
        return self.deadline - time.monotonic()

    def cutoff(self) -> float:
        """Value that a plan must go below to be worth finding."""
        if not math.isfinite(self.objective):
            return math.inf
        return self.objective - 0.1 * self.gap * abs(self.objective)

    def offer(self, plan: FlowPlan | None) -> None:
        """Take a plan if it is better."""
        if plan is None:
            return
        worth = self.goal.objective(plan.cost, float(plan.captured.sum()))
        with self._lock:
            if worth < self.objective:
                self.best, self.objective = plan, worth

    def result(self, bound: float) -> SearchResult:
        """Give the result, or say that there is none."""
        if self.best is None:
            raise SolverError("no plan found within the time limit", cure="allow more time", rule=8)
        bound = min(bound, self.objective)
        return SearchResult(self.best, self.objective, bound, self.nodes)

    def strong_model(self, net: FlowArrays, branch: Branch) -> Model | None:
        """Build the model of a branch with all strengthening rows; None if it is empty."""
        model = build(net, self.goal)
        model.rows.extend(strong_rows(net, self.goal, model))
        tight = bounds(model, net, self.goal, branch)
        return None if tight is None else replace(model, lower=tight[0], upper=tight[1])

    # -- small models and budgets ---------------------------------------------------------

    def plainly(self) -> SearchResult:
        """Give the whole strengthened model to the solver."""
        model = self.strong_model(self.net, Branch.root(self.net))
        if model is None:
            raise _infeasible(self.net)
        if self.goal.target is None:
            self.offer(_nothing(self.net))
        answer = solve(model, gap=0.5 * self.gap, time_limit=self.left(), seed=self.seed)
        self.nodes += answer.nodes
        if answer.status == "infeasible":
            raise _infeasible(self.net)
        if answer.x is not None:
            self.offer(refit(self.net, self.goal, answer.x))
        return self.result(answer.bound)

    # -- the whole way --------------------------------------------------------------------

    def thoroughly(self, easy: int) -> SearchResult:
        """Cuts, plans, tree over sources, leaves; the solver alone where it is easy."""
        root = Branch.root(self.net)
        model = self.strong_model(self.net, root)
        if model is None:
            raise _infeasible(self.net)
        relaxation = Relaxation(model)
        point = relaxation.solve()
        if point is None:
            raise _infeasible(self.net)
        if _split_count(model, point[1]) < easy:
            return self.plainly()
        self.first_plans(root)
        # cuts get dearer with each round on large networks: plans need their share of the time
        enough = time.monotonic() + _CUT_SHARE * self.left()
        point = self.tighten(relaxation, root, Rows(), until=enough) or point
        scaling = self.scale_twice(root, point[1])
        if math.isfinite(self.objective) and point[0] >= self.cutoff():
            return self.result(point[0])
        first = scaling.plans[0] if scaling.plans else None
        with ThreadPoolExecutor(1) as pool:
            # its plan is taken after the tree, so that the tree does not depend on timing
            beside = pool.submit(self.restricted, scaling.plans[:8], root)
            leaves = self.tree(relaxation, scaling, root)
            self.offer(beside.result())
        if scaling.plans and scaling.plans[0] is self.best and self.best is not first:
            # the tree found a better plan than the model beside it: look around that one too
            self.offer(self.restricted(scaling.plans[:8], root))
        leaves = [leaf for leaf in leaves if leaf.bound < self.cutoff()]
        if len(leaves) > _MOST_LEAVES:
            leaves = [_merge(leaves)]
        return self.result(self.solve_leaves(leaves, scaling))

    def first_plans(self, root: Branch) -> None:
        """Find some plan at once, so that a time limit has one to give."""
        scaling = SlopeScaling(self.net, self.goal, self.seed)
        scaling.run(2, root)
        if scaling.plans:
            self.offer(scaling.plans[0])

    def scale_twice(self, root: Branch, guide: np.ndarray) -> SlopeScaling:
        """Run slope scaling on two threads, one guided by a point; gives all plans together."""
        both = [SlopeScaling(self.net, self.goal, self.seed + k) for k in range(2)]
        with ThreadPoolExecutor(2) as pool:
            for scaling, point in zip(both, (guide, None), strict=True):
                pool.submit(self.scale, scaling, _STARTS, root, point)
        both[0].plans += both[1].plans
        both[0].sort()
        return both[0]

    def scale(
        self, scaling: SlopeScaling, starts: int, branch: Branch, guide: np.ndarray | None
    ) -> None:
        """Run slope scaling while time lasts."""
        for _ in range(starts // 10):
            if self.left() < 0:
                return
            scaling.run(10, branch, guide)
            if scaling.plans:
                self.offer(scaling.plans[0])

    def tighten(
        self,
        relaxation: Relaxation,
        branch: Branch,
        kept: Rows,
        rounds: int = 45,
        until: float = math.inf,
    ) -> tuple[float, np.ndarray] | None:
        """Add node-set cuts until they stall or time is up; value and point, None if empty."""
        last = -math.inf
        for turn in range(rounds):
            point = relaxation.solve()
            if point is None or self.left() < 0 or time.monotonic() > until:
                return point
            rows = self.separator.cuts(point[1], branch)
            stalled = turn > 8 and point[0] - last < 1e-6 * max(1.0, abs(point[0]))
            if not len(rows) or stalled:
                return point
            last = point[0]
            relaxation.add(rows)
            kept.extend(rows)
        return relaxation.solve()

    def tree(self, relaxation: Relaxation, scaling: SlopeScaling, root: Branch) -> list[_Leaf]:
        """Branch on sources by linear programs; leaves cover all plans below the cutoff."""
        base = build(self.net, self.goal)
        stack = [_Leaf(-math.inf, root)]
        leaves: list[_Leaf] = []
        spent = 0
        while stack:
            if spent >= _TREE_LPS or self.left() < 0:
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
            terminal, value = _undecided(base, point[1])
            if terminal < 0:
                leaves.append(_Leaf(point[0], node.branch))
                if len(leaves) <= 3:
                    self.scale(scaling, 20, node.branch, None)
                continue
            likely = value > 0.5
            stack += [
                _Leaf(point[0], node.branch.decide(terminal, opened=side))
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
        return point

    def restricted(self, plans: list[FlowPlan], root: Branch) -> FlowPlan | None:
        """Solve the model over the arcs that some plans use; gives a better plan or None."""
        cutoff = self.cutoff()
        if not plans or self.left() < 0:
            return None
        edges = np.unique(np.concatenate([self.net.edge[p.column >= 0] for p in plans]))
        keep = np.isin(self.net.edge[self.net.col_arc], edges)
        closed = np.all([np.r_[p.captured, p.stored] <= 0 for p in plans], axis=0)
        net = self.net.restrict(keep)
        model = self.strong_model(net, replace(root, closed=closed))
        if model is None:
            return None
        options = {**_WIDE, "mip_max_nodes": 150, "objective_bound": cutoff}
        answer = solve(
            model, gap=0.1 * self.gap, time_limit=min(self.left(), 20.0), seed=self.seed,
            options=options,
        )  # fmt: skip
        with self._lock:
            self.nodes += answer.nodes
        plan = None if answer.x is None else refit(net, self.goal, answer.x)
        if plan is None:
            return None
        columns = np.flatnonzero(keep)
        return replace(plan, column=np.where(plan.column >= 0, columns[plan.column], -1))

    # -- leaves ---------------------------------------------------------------------------

    def solve_leaves(self, leaves: list[_Leaf], scaling: SlopeScaling) -> float:
        """Solve each leaf below the cutoff; give the bound over all of them.

        The leaf of the widest gap takes the longest and comes first; then those of small gap,
        which close fast and leave their time to the others.
        """
        order = sorted(leaves, key=lambda leaf: -leaf.bound)
        order = order[-1:] + order[:-1]
        workers = max(1, min(self.threads, len(order)))
        found = [self.cutoff()]
        with ThreadPoolExecutor(workers) as pool:
            jobs = [
                pool.submit(self.solve_leaf, leaf, _queue(k, len(order), workers))
                for k, leaf in enumerate(order)
            ]
            if len(jobs) > 1:
                # last in the queue: it takes a worker that has no leaf left
                pool.submit(self.improve, scaling, order[0].branch, jobs[0])
            found += [job.result() for job in jobs]
        return min(found)

    def improve(self, scaling: SlopeScaling, branch: Branch, proof: Future[float]) -> None:
        """Look for a better plan in the widest leaf while its proof takes long."""
        wait([proof], timeout=_PATIENCE)
        while not proof.done() and self.left() > 0:
            self.scale(scaling, 2 * _STARTS, branch, None)
            before = self.best
            first = [before] if before is not None else []
            self.offer(self.restricted([*first, *scaling.plans[:8]], branch))
            if self.best is before:
                return

    def solve_leaf(self, leaf: _Leaf, queue: int) -> float:
        """Prove what a leaf holds; gives its bound."""
        cutoff = self.cutoff()
        if leaf.bound >= cutoff or self.left() < 0:
            return leaf.bound
        model = self.strong_model(self.net, leaf.branch)
        if model is None:
            return math.inf
        worker = _Search(self.net, self.goal, self.gap, self.deadline, self.seed, 1)
        relaxation = Relaxation(model)
        kept = Rows()
        point = worker.tighten(relaxation, leaf.branch, kept, 60)
        if point is None:
            return math.inf
        floor = max(leaf.bound, point[0])
        if floor >= cutoff:
            return floor
        _keep_binding(model, kept, point[1])
        model = replace(model, upper=_fixed_upper(model, relaxation, point, cutoff))
        options: dict[str, float | int | str | bool] = dict(_FINE)
        if _split_count(model, point[1]) > _HARD:
            options = dict(_WIDE)
        if math.isfinite(cutoff):
            options["objective_bound"] = cutoff
        answer = solve(
            model, gap=0.1 * self.gap, time_limit=self.left() / max(1, queue), seed=self.seed,
            options=options,
        )  # fmt: skip
        with self._lock:
            self.nodes += answer.nodes
        return max(floor, self.leaf_bound(answer, cutoff))

    def leaf_bound(self, answer: Answer, cutoff: float) -> float:
        """Read the bound of a leaf solved below a cutoff, and take its plan.

        With ``objective_bound`` set, HiGHS may call a plan above the cutoff optimal: that only
        means that there is none below it.
        """
        if answer.x is not None:
            self.offer(refit(self.net, self.goal, answer.x))
        missed = answer.status == "optimal" and answer.objective > cutoff
        if missed or answer.status == "infeasible":
            return cutoff
        return min(answer.bound, cutoff)


def _queue(place: int, leaves: int, workers: int) -> int:
    """Leaves that share the time left with the one at a place; the first keeps its worker."""
    if place == 0 and workers > 1:
        return 1
    return math.ceil((leaves - place) / max(1, workers - 1))


def _keep_binding(model: Model, kept: Rows, point: np.ndarray) -> None:
    """Add to the model the cuts that hold with equality at a point."""
    matrix = kept.matrix(model.layout.size)
    scale = np.maximum(1.0, abs(matrix).max(axis=1).toarray().ravel()) if len(kept) else 1.0
    for k in np.flatnonzero(matrix @ point < 1e-5 * scale):
        begin, end = kept.start[k], kept.start[k + 1]
        model.rows.add(kept.index[begin:end], kept.value[begin:end], kept.lower[k], INF)


def _fixed_upper(
    model: Model, relaxation: Relaxation, point: tuple[float, np.ndarray], cutoff: float
) -> np.ndarray:
    """Fix trends at zero whose reduced cost alone reaches the cutoff."""
    at = model.layout
    out = (relaxation.reduced_costs() > cutoff - point[0] + 1e-7) & (point[1] < 0.5)
    out[: at.y] = False
    out[at.p :] = False
    return np.where(out, 0.0, model.upper)


def _split_count(model: Model, x: np.ndarray) -> int:
    """Count the whole-number columns that are not whole at a point."""
    whole = x[model.integer]
    return int(np.count_nonzero(np.abs(whole - np.round(whole)) > 1e-6))


def _undecided(model: Model, x: np.ndarray) -> tuple[int, float]:
    """Give the source that is furthest from open or closed; -1 if none is."""
    opened = x[: model.layout.sources]
    split = np.abs(opened - np.round(opened))
    if split.max(initial=0.0) <= 1e-6:
        return -1, 0.0
    source = int(np.argmax(split))
    return source, float(opened[source])


def _merge(leaves: list[_Leaf]) -> _Leaf:
    """Give one branch that covers all leaves: what they all decide alike stays decided."""
    closed = np.all([leaf.branch.closed for leaf in leaves], axis=0)
    opened = np.all([leaf.branch.opened for leaf in leaves], axis=0)
    return _Leaf(min(leaf.bound for leaf in leaves), Branch(closed, opened))


def _nothing(net: FlowArrays) -> FlowPlan:
    """Give the plan that captures nothing, which every price and budget allows."""
    sources, sinks = len(net.source_cap), len(net.sink_cap)
    wells = np.zeros(sinks, dtype=int)
    column = np.full(net.arcs, -1)
    return FlowPlan(np.zeros(sources), np.zeros(sinks), np.zeros(net.arcs), column, wells, 0.0)


def _infeasible(net: FlowArrays) -> InfeasibleError:
    """Say how much the pipes can carry."""
    model = build(net, Goal(price=0.0))
    at = model.layout
    cost = np.zeros(at.size)
    cost[at.a : at.r] = -1.0
    point = Relaxation(replace(model, cost=cost)).solve()
    most = -point[0] if point is not None else 0.0
    return InfeasibleError(
        "the pipes cannot carry the target from the sources to the sinks",
        expected=f"at most {most:g} Mt/yr",
        cure="arcs of larger capacity, or a lower target",
        rule=8,
    )

"""Cuts of the relaxation and local search: against SciPy, exact plans, and small cases by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from examples import first_every_day
from hypothesis import given
from hypothesis import strategies as st
from network_problems import pipe, random_problem
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from cdrsite.network.arrays import FlowArrays, FlowPlan, cost_plan, flow_arrays
from cdrsite.network.dicuts import Separator
from cdrsite.network.mincut import MinCut
from cdrsite.network.model import Goal, Rows, build, solve
from cdrsite.network.polish import layout_of, plan_of, vector_of
from cdrsite.network.problem import Arc, NetworkProblem, Sink, Source, Trend
from cdrsite.network.relaxation import Relaxation
from cdrsite.network.reroute import KICK_NUMBERS, Reroute
from cdrsite.network.strengthen import Branch, bounds, strong_rows


@given(seed=st.integers(0, 100_000))
def test_a_minimum_cut_is_that_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    nodes = int(rng.integers(2, 20))
    links = int(rng.integers(1, 5 * nodes))
    tail, head = rng.integers(0, nodes, (2, links))
    tail = np.r_[tail, np.full(2, nodes), rng.integers(0, nodes, 2)]
    head = np.r_[head, rng.integers(0, nodes, 2), np.full(2, nodes + 1)]
    room = rng.integers(0, 9, links + 4)
    flow, inside = MinCut(nodes, tail, head).cut(room.astype(float))
    graph = csr_array((room, (tail, head)), shape=(nodes + 2, nodes + 2), dtype=np.int32)
    assert flow == pytest.approx(maximum_flow(graph, nodes, nodes + 1).flow_value)
    side = np.r_[inside, True, False]
    assert room[side[tail] & ~side[head]].sum() == pytest.approx(flow)


def tight_problem(seed: int) -> NetworkProblem:
    """Sinks that take hardly more than the sources give, and no choice among the sources."""
    problem = random_problem(seed, nodes=16, arcs=28, sources=5, sinks=3)
    supply = math.fsum(s.capacity_mt_yr for s in problem.sources)
    parts = (0.55, 0.3, 0.19)
    sinks = tuple(
        replace(s, capacity_mt=part * supply * problem.years, well_rate_mt_yr=math.inf)
        for s, part in zip(problem.sinks, parts, strict=True)
    )
    return replace(problem, sinks=sinks)


def separated(net: FlowArrays, goal: Goal, turns: int) -> tuple[Rows, float, float]:
    """All cuts of some rounds, and the bound of the relaxation before and after them."""
    model = build(net, goal)
    model.rows.extend(strong_rows(net, goal, model))
    tight = bounds(model, net, goal, Branch.root(net))
    assert tight is not None
    relaxation = Relaxation(replace(model, lower=tight[0], upper=tight[1]))
    separator, found = Separator(net, goal), Rows()
    first = last = relaxation.solve()
    for _ in range(turns):
        assert last is not None
        cuts = separator.cuts(last[1], Branch.root(net))
        if not len(cuts):
            break
        activity = cuts.matrix(len(last[1])) @ last[1]
        assert np.all(activity < np.array(cuts.lower))
        found.extend(cuts)
        relaxation.add(cuts)
        last = relaxation.solve()
    assert first is not None
    assert last is not None
    return found, first[0], last[0]


@pytest.mark.parametrize("seed", first_every_day(range(6)))
def test_cuts_of_full_sinks_keep_the_best_plan(seed: int) -> None:
    problem = tight_problem(seed)
    goal = Goal(target=problem.reachable_mt_yr()[2])
    net = flow_arrays(problem, goal.target)
    answer = solve(build(net, goal), gap=1e-9)
    assert answer.x is not None
    plan = plan_of(net, answer.x)
    assert plan is not None
    best = vector_of(net, plan)
    cuts, before, after = separated(net, goal, 12)
    assert np.all(cuts.matrix(len(best)) @ best >= np.array(cuts.lower) - 1e-6)
    assert before <= after <= answer.objective * (1 + 1e-9)
    gained = (after - before) / (answer.objective - before)
    assert gained > 0.3


def test_any_plan_within_its_bounds_satisfies_all_cuts() -> None:
    """Not the best plans alone: cuts say what flows can do, not what pays."""
    problem = tight_problem(3)
    goal = Goal(target=problem.reachable_mt_yr()[2])
    net = flow_arrays(problem, goal.target)
    cuts, _, _ = separated(net, goal, 12)
    rng, at = np.random.default_rng(0), layout_of(net)
    for _ in range(20):
        model = build(net, goal)
        money = rng.uniform(0.1, 1.0, at.size)
        model = replace(model, cost=np.where(model.cost != 0, money, 0.0))
        answer = solve(model, gap=0.5)
        assert answer.x is not None
        plan = plan_of(net, answer.x)
        assert plan is not None
        x = vector_of(net, plan)
        assert np.all(cuts.matrix(at.size) @ x >= np.array(cuts.lower) - 1e-6)


def test_what_one_pipe_carries_is_given_by_the_sources_behind_it() -> None:
    """3 Mt/yr stand behind a pipe of 10: a third of it built carries 1 Mt/yr, not 3."""
    sizes = (Trend(5.0, 0.1, 10.0, "pipe"),)
    arcs = (
        Arc("in", 0, 1, sizes, one_way=True),
        Arc("out", 1, 2, sizes, one_way=True),
        Arc("aside", 1, 3, sizes, one_way=True),
        Arc("other", 4, 2, sizes, one_way=True),
    )
    problem = NetworkProblem(
        (Source("a", 0, 3.0), Source("b", 4, 7.0)),
        (Sink("t", 2, 300.0), Sink("u", 3, 300.0)),
        arcs,
    )
    net, goal = flow_arrays(problem, 10.0), Goal(target=10.0)
    at = layout_of(net)
    x = np.zeros(at.size)
    x[: at.a] = x[at.r : at.b] = 1.0
    x[at.a : at.r] = 3.0, 7.0
    x[at.b : at.w] = 10.0, 0.0
    x[at.p : at.p + 4] = 3.0, 3.0, 0.0, 7.0
    x[at.y : at.y + 4] = 1.0, 0.3, 0.7, 0.7
    cuts = Separator(net, goal).cuts(x, Branch.root(net))
    packs = []
    for k in range(len(cuts)):
        begin, end = cuts.start[k], cuts.start[k + 1]
        packs.append(dict(zip(cuts.index[begin:end], cuts.value[begin:end], strict=True)))
    assert {at.p + 1: -1.0, at.y + 1: 3.0} in packs


def plan_from(net: FlowArrays, goal: Goal, cost: np.ndarray) -> FlowPlan:
    """Some feasible plan: the best one for other costs."""
    answer = solve(replace(build(net, goal), cost=cost), gap=0.3)
    assert answer.x is not None
    plan = plan_of(net, answer.x)
    assert plan is not None
    return plan


def balance(net: FlowArrays, plan: FlowPlan) -> np.ndarray:
    """What each node gives less what it gets [Mt/yr]."""
    left = np.bincount(net.source_node, plan.captured, net.nodes)
    left -= np.bincount(net.sink_node, plan.stored, net.nodes)
    left += np.bincount(net.head, plan.flow, net.nodes)
    return left - np.bincount(net.tail, plan.flow, net.nodes)


@pytest.mark.parametrize("seed", first_every_day(range(6)))
@pytest.mark.parametrize("kicks", [0, 20])
def test_local_search_keeps_what_is_asked_and_costs_no_more(seed: int, kicks: int) -> None:
    problem = random_problem(seed, nodes=18, arcs=31, sources=6, sinks=3)
    sources = (replace(problem.sources[0], forced=True), *problem.sources[1:])
    net = flow_arrays(replace(problem, sources=sources))
    most = net.source_cap
    parts = float(most[0] + 0.4 * most[1:3].sum()), float(0.5 * most[3:].sum())
    ledgers = tuple(zip(((0, 1, 2), (3, 4, 5)), parts, strict=True))
    total, rng = sum(parts), np.random.default_rng(seed)
    for goal in (Goal(target=total), Goal(target=total, ledgers=ledgers), Goal(price=80.0)):
        first = plan_from(net, goal, rng.uniform(0, 9, layout_of(net).size))
        better = Reroute(net, goal).improve(first, rng.random((kicks, KICK_NUMBERS)))
        assert better is not None
        worth = [goal.objective(p.cost, float(p.captured.sum())) for p in (first, better)]
        assert worth[1] <= worth[0] + 1e-9 * abs(worth[0])
        assert np.abs(balance(net, better)).max() < 1e-6
        assert better.captured[0] == pytest.approx(net.source_cap[0])
        again = cost_plan(net, better.captured, better.stored, better.flow)
        assert again is not None
        assert again.cost == pytest.approx(better.cost, rel=1e-12)
        if goal.target is not None:
            assert better.captured.sum() == pytest.approx(goal.target)
        for members, part in goal.ledgers:
            assert better.captured[list(members)].sum() == pytest.approx(part)


def test_local_search_joins_pipes_that_run_side_by_side() -> None:
    arcs = (
        Arc("left", 0, 2, pipe(100.0), 100.0),
        Arc("right", 1, 2, pipe(100.0), 100.0),
        Arc("across", 0, 1, pipe(5.0), 5.0),
    )
    problem = NetworkProblem(
        (Source("a", 0, 4.0), Source("b", 1, 4.0)), (Sink("t", 2, 900.0),), arcs
    )
    net = flow_arrays(problem, 8.0)
    apart = np.zeros(net.arcs)
    apart[[0, 2]] = 4.0
    plan = cost_plan(net, np.array([4.0, 4.0]), np.array([8.0]), apart)
    assert plan is not None
    joined = Reroute(net, Goal(target=8.0)).improve(plan, np.zeros((0, KICK_NUMBERS)))
    assert joined is not None
    assert np.count_nonzero(joined.flow) == 2
    # one pipe of 8 Mt/yr over 100 km, one of 4 Mt/yr over 5 km
    assert joined.cost == pytest.approx(5.0 + 0.012 * 100 * 8 + 0.25 + 0.012 * 5 * 4)

"""Network design against enumeration, plain HiGHS and properties of any right plan."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import network_problems
import numpy as np
import pytest
from examples import first_every_day
from hypothesis import given, settings
from hypothesis import strategies as st
from network_problems import check_plan, middling, pipe, random_problem

from cdrsite.core.errors import CdrsiteWarning, ConfigError, DataError, InfeasibleError
from cdrsite.network.arrays import flow_arrays, trend_ranges
from cdrsite.network.design import design
from cdrsite.network.dicuts import Separator
from cdrsite.network.model import Goal, build, solve
from cdrsite.network.polish import plan_of, vector_of
from cdrsite.network.problem import Arc, NetworkProblem, Sink, Source, Trend
from cdrsite.network.relaxation import Relaxation
from cdrsite.network.search import search
from cdrsite.network.strengthen import Branch, bounds, strong_rows

FEWER = settings(max_examples=max(settings.default.max_examples // 2, 1))
"""Each example is several designs."""


def slow(seed: int) -> Any:
    """A seed that takes long; its sisters guard the same every day."""
    return pytest.param(seed, marks=pytest.mark.slow)


def enumerate_target(problem: NetworkProblem, target: float) -> float:
    """Least cost by trying every choice of trend and direction, the rest by plain HiGHS."""
    best = math.inf
    choices = []
    for arc in problem.arcs:
        kinds = [(t, turned) for t in arc.trends for turned in (False, True)]
        choices.append([None, *kinds])
    for combination in itertools.product(*choices):
        fixed, made = 0.0, []
        for arc, choice in zip(problem.arcs, combination, strict=True):
            if choice is None:
                continue
            trend, turned = choice
            fixed += trend.fixed_musd_yr
            ends = (arc.head, arc.tail) if turned else (arc.tail, arc.head)
            made.append((*ends, trend))
        best = min(best, fixed + _flow_cost(problem, made, target, best - fixed))
    return best


def _flow_cost(problem: NetworkProblem, made: list, target: float, limit: float) -> float:
    """Cost of sources, sinks, wells and flow where the pipes are given: all subsets, by LP."""
    from scipy.optimize import linprog

    if limit <= 0:
        return math.inf
    nodes = problem.nodes
    ns, nk = len(problem.sources), len(problem.sinks)
    size = ns + nk + len(made)
    balance = np.zeros((len(nodes) + 1, size))
    for i, source in enumerate(problem.sources):
        balance[nodes.index(source.node), i] -= 1
        balance[-1, i] = 1
    for j, sink in enumerate(problem.sinks):
        balance[nodes.index(sink.node), ns + j] += 1
    for k, (tail, head, _) in enumerate(made):
        balance[nodes.index(tail), ns + nk + k] += 1
        balance[nodes.index(head), ns + nk + k] -= 1
    cost = [s.variable_usd_t for s in problem.sources]
    cost += [s.injection_usd_t for s in problem.sinks] + [t.slope_usd_t for *_, t in made]
    best = math.inf
    most = [math.ceil(s.capacity_mt / problem.years / s.well_rate_mt_yr) for s in problem.sinks]
    for opened in itertools.product((0, 1), repeat=ns):
        for wells in itertools.product(*(range(m + 1) for m in most)):
            fixed = sum(s.fixed_musd_yr * o for s, o in zip(problem.sources, opened, strict=True))
            limits = [
                (0, s.capacity_mt_yr * o) for s, o in zip(problem.sources, opened, strict=True)
            ]
            for sink, w in zip(problem.sinks, wells, strict=True):
                fixed += sink.fixed_musd_yr * (w > 0) + sink.well_musd_yr * w
                limits.append((0, min(sink.capacity_mt / problem.years, w * sink.well_rate_mt_yr)))
            if fixed >= min(best, limit) or sum(u for _, u in limits[:ns]) < target:
                continue
            limits += [(0, t.capacity_mt_yr) for *_, t in made]
            right = np.append(np.zeros(len(nodes)), target)
            found = linprog(cost, A_eq=balance, b_eq=right, bounds=limits)
            if found.status == 0:
                best = min(best, fixed + found.fun)
    return best


@pytest.mark.parametrize("seed", [0, slow(1), slow(2)])
def test_small_networks_agree_with_enumeration(seed: int) -> None:
    problem = random_problem(seed, nodes=4, arcs=4, sources=2, sinks=1)
    rate = problem.sinks[0].capacity_mt / problem.years
    sinks = (replace(problem.sinks[0], well_rate_mt_yr=rate / 1.7),)
    problem = replace(problem, sinks=sinks)
    target = 0.7 * problem.reachable_mt_yr()[2]
    plan = design(problem, target=target)
    check_plan(problem, plan)
    assert plan.status == "optimal"
    assert plan.objective == pytest.approx(enumerate_target(problem, target), rel=1e-7)


def test_eight_arcs_with_one_pipe_class_agree_with_enumeration() -> None:
    problem = random_problem(11, nodes=6, arcs=8, sources=1, sinks=1)
    arcs = tuple(replace(a, trends=a.trends[1:], one_way=True) for a in problem.arcs)
    source = replace(problem.sources[0], node=arcs[-1].tail)
    sink = replace(problem.sinks[0], node=arcs[-1].head, well_rate_mt_yr=20.0)
    problem = NetworkProblem((source,), (sink,), arcs)
    target = 0.9 * problem.reachable_mt_yr()[2]
    best = math.inf
    for built in itertools.product((False, True), repeat=len(arcs)):
        made = [(a.tail, a.head, a.trends[0]) for a, b in zip(arcs, built, strict=True) if b]
        fixed = math.fsum(t.fixed_musd_yr for *_, t in made)
        best = min(best, fixed + _flow_cost(problem, made, target, best - fixed))
    plan = design(problem, target=target)
    check_plan(problem, plan)
    assert plan.objective == pytest.approx(best, rel=1e-7)


def plain(problem: NetworkProblem, goal: Goal) -> float:
    """Optimum of the published model by HiGHS alone."""
    answer = solve(build(flow_arrays(problem, goal.target), goal), gap=1e-9)
    assert answer.status == "optimal"
    return answer.objective


@pytest.mark.parametrize("seed", [slow(0), slow(1), 2, slow(3)])
@pytest.mark.parametrize("share", [0.35, 0.8])
def test_target_mode_agrees_with_plain_highs(seed: int, share: float) -> None:
    problem = random_problem(seed, nodes=18, arcs=31, sources=6, sinks=3)
    target = share * problem.reachable_mt_yr()[2]
    net = flow_arrays(problem, target)
    found = search(net, Goal(target=target), gap=1e-6, seed=1, easy=0)
    best = plain(problem, Goal(target=target))
    assert found.objective == pytest.approx(best, rel=2e-6)
    assert found.bound <= best * (1 + 1e-7)
    check_plan(problem, design(problem, target=target))


@pytest.mark.parametrize("seed", [slow(0), slow(1), 2, 3])
def test_price_mode_agrees_with_plain_highs(seed: int) -> None:
    problem = random_problem(seed, nodes=18, arcs=31, sources=6, sinks=3)
    net = flow_arrays(problem)
    found = search(net, Goal(price=70.0), gap=1e-6, seed=1, easy=0)
    best = plain(problem, Goal(price=70.0))
    assert found.objective == pytest.approx(best, rel=2e-6)
    assert found.bound <= best + 1e-7 * abs(best)
    check_plan(problem, design(problem, price=70.0))


@pytest.mark.parametrize("seed", range(2))
def test_narrow_pipes_agree_with_plain_highs(seed: int) -> None:
    problem = random_problem(seed, nodes=14, arcs=26, sources=5, sinks=3, most=6.0)
    target = 0.4 * problem.reachable_mt_yr()[2]
    net = flow_arrays(problem, target)
    found = search(net, Goal(target=target), gap=1e-6, seed=1, easy=0)
    assert found.objective == pytest.approx(plain(problem, Goal(target=target)), rel=2e-6)


@pytest.mark.parametrize("seed", first_every_day(range(3)))
def test_strengthening_keeps_the_best_plan(seed: int) -> None:
    problem = random_problem(seed + 20, nodes=20, arcs=36, sources=6, sinks=3)
    goal = Goal(target=0.8 * problem.reachable_mt_yr()[2])
    net = flow_arrays(problem, goal.target)
    model = build(net, goal)
    answer = solve(model, gap=1e-9)
    assert answer.x is not None
    plan = plan_of(net, answer.x)
    assert plan is not None
    best = vector_of(net, plan)
    rows = strong_rows(net, goal, model)
    tight = bounds(model, net, goal, Branch.root(net))
    assert tight is not None
    relaxation = Relaxation(replace(model, lower=tight[0], upper=tight[1]))
    separator = Separator(net, goal)
    before = after = relaxation.solve()
    for _ in range(8):
        assert after is not None
        cuts = separator.cuts(after[1], Branch.root(net))
        if not len(cuts):
            break
        rows.extend(cuts)
        relaxation.add(cuts)
        after = relaxation.solve()
    activity = rows.matrix(len(best)) @ best
    assert np.all(activity >= np.array(rows.lower) - 1e-6)
    assert np.all(activity <= np.array(rows.upper) + 1e-6)
    assert np.all(best >= tight[0] - 1e-6)
    assert np.all(best <= tight[1] + 1e-6)
    assert before is not None
    assert after is not None
    assert before[0] <= after[0] <= answer.objective * (1 + 1e-9)


@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 1.0))
def test_any_plan_balances_fits_and_adds_up(seed: int, share: float) -> None:
    problem = random_problem(seed, nodes=9, arcs=13, sources=4, sinks=2)
    target = share * problem.reachable_mt_yr()[2]
    plan = design(problem, target=target)
    check_plan(problem, plan)
    assert plan.status == "optimal"
    assert plan.captured_mt_yr == pytest.approx(target, abs=1e-7)


@given(seed=st.integers(0, 10_000))
def test_one_more_sink_never_costs_more(seed: int) -> None:
    problem = random_problem(seed, nodes=9, arcs=13, sources=3, sinks=3)
    fewer = replace(problem, sinks=problem.sinks[:2])
    target = 0.6 * fewer.reachable_mt_yr()[2]
    dear, cheap = design(fewer, target=target), design(problem, target=target)
    assert cheap.objective <= dear.objective * (1 + 2e-6)


@settings(FEWER)
@given(seed=st.integers(0, 10_000), price=st.floats(20, 150))
def test_price_and_target_mode_agree_where_the_price_stops(seed: int, price: float) -> None:
    problem = random_problem(seed, nodes=9, arcs=13, sources=4, sinks=2)
    by_price = design(problem, price=price)
    by_target = design(problem, target=by_price.captured_mt_yr)
    assert by_target.objective == pytest.approx(by_price.costs.total, rel=1e-5, abs=1e-5)


@settings(FEWER)
@given(seed=st.integers(0, 10_000), share=st.floats(0.2, 0.9))
def test_budget_buys_what_the_target_costs(seed: int, share: float) -> None:
    problem = random_problem(seed, nodes=9, arcs=13, sources=4, sinks=2)
    target = share * problem.reachable_mt_yr()[2]
    cost = design(problem, target=target).costs.total
    plan = design(problem, budget=cost * (1 + 1e-6))
    check_plan(problem, plan)
    assert plan.costs.total <= cost * (1 + 2e-6)
    assert plan.captured_mt_yr >= target - 1e-5


def test_an_existing_pipe_is_used_first_and_up_to_its_capacity() -> None:
    old = Arc("old", "a", "b", (Trend(0.0, 0.0, 3.0, "existing"),), existing=True)
    new = Arc("new", "a", "b", pipe(10.0), 10.0)
    problem = NetworkProblem((Source("s", "a", 5.0),), (Sink("t", "b", 300.0),), (old, new))
    assert [p.arc for p in design(problem, target=3.0).pipes] == ["old"]
    both = {p.arc: p.flow_mt_yr for p in design(problem, target=5.0).pipes}
    assert both == {"old": pytest.approx(3.0), "new": pytest.approx(2.0)}


def test_source_and_sink_at_one_node_need_no_pipe() -> None:
    problem = NetworkProblem(
        (Source("s", "a", 5.0, 1.0),), (Sink("t", "a", 300.0, 1.0, 2.0, 0.5),), ()
    )
    plan = design(problem, target=2.5)
    assert plan.pipes == ()
    assert plan.objective == pytest.approx(1.0 + 2.0 + 3 * 0.5)


def test_nothing_is_built_for_a_target_of_zero_or_a_price_of_nothing() -> None:
    problem = random_problem(1, nodes=9, arcs=13, sources=4, sinks=2)
    for plan in (design(problem, target=0.0), design(problem, price=0.0)):
        assert plan.status == "optimal"
        assert plan.objective == plan.bound == 0.0
        assert plan.sources == plan.sinks == plan.pipes == ()


def test_same_seed_gives_the_same_plan() -> None:
    problem = random_problem(5, nodes=25, arcs=45, sources=7, sinks=4)
    target = 0.5 * problem.reachable_mt_yr()[2]
    one, two = (design(problem, target=target, seed=3) for _ in range(2))
    assert one.pipes == two.pipes
    assert one.sources == two.sources
    assert one.objective == two.objective


def wide() -> tuple[NetworkProblem, float]:
    """A network that no effort of a few seconds closes."""
    problem = random_problem(2, nodes=60, arcs=130, sources=20, sinks=6)
    return problem, 0.5 * problem.reachable_mt_yr()[2]


def test_a_plan_that_the_clock_cut_says_that_it_is_not_reproducible() -> None:
    problem, target = wide()
    plan = design(problem, target=target, time_limit=0.2)
    check_plan(problem, plan)
    assert plan.status == "time limit"
    assert not plan.reproducible
    assert math.isfinite(plan.bound), "a relaxation was solved, so there is a bound"
    assert 1e-6 < plan.gap < 0.5


@pytest.mark.slow
def test_the_first_plan_within_the_gap_ends_the_search() -> None:
    problem, target = wide()
    plan = design(problem, target=target, gap=0.4)
    check_plan(problem, plan)
    assert plan.status == "gap reached"
    assert plan.nodes == 0, "the relaxation and two starts prove as much"
    share = (plan.objective - plan.bound) / plan.costs.transport
    assert plan.gap_transport == pytest.approx(share)
    nearer = design(problem, target=target, gap=0.4 * plan.gap_transport, gap_of="transport")
    assert nearer.gap_transport <= 0.4 * plan.gap_transport
    assert nearer.status == "gap reached"


@pytest.mark.slow
def test_more_effort_is_never_worse() -> None:
    problem, target = middling()
    quick, normal = (design(problem, target=target, effort=e) for e in ("quick", "normal"))
    assert normal.objective <= quick.objective
    assert normal.bound >= quick.bound
    assert quick.status in {"optimal", "effort spent"}
    assert quick.reproducible
    with pytest.raises(ConfigError, match=r"no such effort.*expected quick, normal, thorough"):
        design(problem, target=target, effort="heroic")


_UNDER_LOAD = """
import hashlib, sys
sys.path.insert(0, {here!r})
from network_problems import middling
from cdrsite.network.design import design
problem, target = middling()
plan = design(problem, target=target, effort="quick")
print(hashlib.sha256(repr((plan.objective, plan.bound, plan.pipes)).encode()).hexdigest())
"""


@pytest.mark.slow
def test_load_changes_no_byte_of_a_plan() -> None:
    code = _UNDER_LOAD.format(here=str(Path(network_problems.__file__).parent))
    busy = "while True: pass"

    def digest() -> str:
        run = [sys.executable, "-c", code]
        return subprocess.run(run, capture_output=True, text=True, check=True).stdout

    alone = digest()
    others = [subprocess.Popen([sys.executable, "-c", busy]) for _ in range(2)]
    try:
        assert digest() == alone
    finally:
        for other in others:
            other.kill()
            other.wait()


@pytest.mark.parametrize("money", [1e-9, 1e9])
def test_the_unit_of_money_changes_no_plan(money: float) -> None:
    problem = random_problem(3, nodes=18, arcs=31, sources=6, sinks=3)
    target = 0.6 * problem.reachable_mt_yr()[2]
    usual = design(problem, target=target)
    sources = tuple(
        replace(s, fixed_musd_yr=s.fixed_musd_yr * money, variable_usd_t=s.variable_usd_t * money)
        for s in problem.sources
    )
    sinks = tuple(
        replace(
            s,
            fixed_musd_yr=s.fixed_musd_yr * money,
            well_musd_yr=s.well_musd_yr * money,
            injection_usd_t=s.injection_usd_t * money,
        )
        for s in problem.sinks
    )
    arcs = tuple(
        replace(
            a,
            trends=tuple(
                replace(t, fixed_musd_yr=t.fixed_musd_yr * money, slope_usd_t=t.slope_usd_t * money)
                for t in a.trends
            ),
        )
        for a in problem.arcs
    )
    changed = design(NetworkProblem(sources, sinks, arcs), target=target)
    assert changed.status == "optimal"
    assert changed.objective == pytest.approx(money * usual.objective, rel=2e-6)


def test_a_source_without_fixed_cost_is_no_choice() -> None:
    problem = random_problem(6, nodes=18, arcs=31, sources=6, sinks=3)
    free = tuple(replace(s, fixed_musd_yr=0.0) for s in problem.sources)
    problem = replace(problem, sources=free)
    net = flow_arrays(problem, 10.0)
    model = build(net, Goal(target=10.0))
    assert not model.integer[: len(free)].any()
    assert model.integer[model.layout.y :].any()
    target = 0.5 * problem.reachable_mt_yr()[2]
    found = search(flow_arrays(problem, target), Goal(target=target), gap=1e-6, easy=0)
    assert found.objective == pytest.approx(_all_whole(problem, target), rel=2e-6)


def _all_whole(problem: NetworkProblem, target: float) -> float:
    """Optimum with every choice whole, by HiGHS alone."""
    goal = Goal(target=target)
    model = build(flow_arrays(problem, target), goal)
    at = model.layout
    whole = np.zeros(at.size, dtype=bool)
    for begin, end in ((0, at.a), (at.r, at.b), (at.w, at.p)):
        whole[begin:end] = True
    return solve(replace(model, integer=whole), gap=1e-9).objective


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_what_a_price_or_a_budget_captures_is_captured_at_least_cost(seed: int) -> None:
    problem = random_problem(seed, nodes=14, arcs=24, sources=5, sinks=3)
    # a price at which all is worth capturing: the gap of the whole would hide a dear network
    by_price = design(problem, price=2e4, gap=1e-3)
    least = design(problem, target=by_price.captured_mt_yr).costs.total
    assert by_price.costs.total <= least * (1 + 1.1e-3)
    by_budget = design(problem, budget=1e6)
    least = design(problem, target=by_budget.captured_mt_yr).costs.total
    assert by_budget.costs.total <= least * (1 + 2e-6)


@pytest.mark.parametrize("less", [0.0, 1e-8, 5e-9, -4e-8])
def test_a_target_of_all_that_many_sources_capture_is_met(less: float) -> None:
    rng = np.random.default_rng(1)
    size = rng.uniform(0.1, 1.0, 100)
    sources = tuple(Source(f"s{k}", k, float(q), 1.0) for k, q in enumerate(size))
    arcs = tuple(Arc(f"a{k}", k, "hub", pipe(5.0 + k), 5.0 + k) for k in range(100))
    problem = NetworkProblem(sources, (Sink("t", "hub", 9e3),), arcs)
    plan = design(problem, target=float(size.sum()) - less)
    check_plan(problem, plan)
    assert plan.captured_mt_yr == pytest.approx(size.sum(), abs=1e-7)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gap": -1.0}, "gap means nothing.*got -1.*0 or more, below 1"),
        ({"gap": math.nan}, "gap means nothing.*got nan"),
        ({"time_limit": -3.0}, "time_limit means nothing.*got -3"),
        ({"time_limit": math.nan}, "time_limit means nothing"),
        ({"seed": -1}, "seed means nothing.*got -1"),
    ],
)
def test_limits_that_mean_nothing_are_refused(changes: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        design(tiny(), target=1.0, **changes)


def test_wells_that_are_not_counted_are_none() -> None:
    (kept,) = design(tiny(), target=1.0).sinks
    assert kept.wells == 0


def test_trend_ranges_are_where_each_is_cheapest() -> None:
    trends = (Trend(1.0, 2.0, 9.0), Trend(4.0, 1.0, 20.0), Trend(50.0, 5.0, 30.0))
    assert trend_ranges(trends, 15.0) == [(0, 0.0, 3.0), (1, 3.0, 15.0)]
    assert trend_ranges(trends, 25.0) == [(0, 0.0, 3.0), (1, 3.0, 20.0), (2, 20.0, 25.0)]


def tiny(**changes: object) -> NetworkProblem:
    parts: dict = {
        "sources": (Source("s", "a", 5.0),),
        "sinks": (Sink("t", "b", 90.0),),
        "arcs": (Arc("e", "a", "b", pipe(10.0, most=4.0), 10.0),),
    }
    return NetworkProblem(**(parts | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sources": (Source("s", "a", 5.0),) * 2}, "two sources have the same id"),
        ({"sources": (Source("s", "a", -5.0),)}, "capture capacity is negative"),
        ({"sources": (Source("s", "a", 5.0, -1.0),)}, "fixed cost is negative"),
        ({"sources": (Source("s", "a", math.nan),)}, "not a finite number"),
        ({"sinks": (Sink("t", "b", 90.0, 0.0),)}, "capacity but no injectivity"),
        ({"arcs": (Arc("e", "a", "a", pipe(10.0)),)}, "same node"),
        ({"arcs": (Arc("e", "a", "b", ()),)}, "no trend"),
        ({"arcs": (Arc("e", "a", "b", (Trend(-1.0, 1.0, 5.0),)),)}, "fixed cost is negative"),
        ({"years": 0.0}, "project life"),
    ],
)
def test_wrong_problems_are_refused(changes: dict, words: str) -> None:
    with pytest.raises(DataError, match=words):
        tiny(**changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"arcs": (Arc("e", "a", "b", pipe(10.0), 0.0),)}, "free to build: e"),
        ({"sinks": (Sink("t", "b", 90.0, injection_usd_t=-50.0),)}, "read as a credit: t"),
        ({"sources": (Source("s", "a", 5.0), Source("x", "far", 1.0))}, "to any sink: x"),
        ({"sinks": (Sink("t", "b", 90.0), Sink("y", "far", 1.0))}, "to any source: y"),
    ],
)
def test_doubtful_problems_are_warned_of(changes: dict, words: str) -> None:
    with pytest.warns(CdrsiteWarning, match=words):
        tiny(**changes)


@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
def test_targets_out_of_reach_say_which_and_by_how_much() -> None:
    problem = tiny()
    with pytest.raises(InfeasibleError, match="1 Mt/yr above what the sources can capture"):
        design(problem, target=6.0)
    with pytest.raises(InfeasibleError, match="2 Mt/yr above what the sinks can store"):
        design(tiny(sources=(Source("s", "a", 9.0),)), target=5.0)
    with pytest.raises(InfeasibleError, match=r"at most 2 Mt/yr.*islands"):
        sinks = (Sink("t", "b", 60.0), Sink("far", "c", 60.0))
        design(tiny(sinks=sinks), target=3.0)
    with pytest.raises(InfeasibleError, match="at most 2 Mt/yr"):
        arc = Arc("e", "a", "b", pipe(10.0, most=2.0), 10.0)
        design(tiny(arcs=(arc,)), target=2.5)
    with pytest.raises(ConfigError, match="exactly one"):
        design(problem, target=1.0, price=5.0)

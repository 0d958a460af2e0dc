"""Random network problems, and what any right plan of one keeps."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from cdrsite.network.design import NetworkPlan
from cdrsite.network.problem import Arc, NetworkProblem, Sink, Source, Trend


def pipe(length: float, row: float = 0.0, most: float = 100.0) -> tuple[Trend, ...]:
    """Two trends with a right-of-way part; the second is cheaper for large flows."""
    small = Trend(0.05 * length + 0.02 * row, 0.012 * length, min(9.0, most), "small")
    large = Trend(0.09 * length + 0.03 * row, 0.008 * length, most, "large")
    return small, large


def random_problem(
    seed: int, nodes: int, arcs: int, sources: int, sinks: int, most: float = 100.0
) -> NetworkProblem:
    """A connected random network whose arc costs have a right-of-way part of their own."""
    rng = np.random.default_rng(seed)
    at = rng.uniform(0, 100, (nodes, 2))
    pairs = [(k, int(rng.integers(k))) for k in range(1, nodes)]
    rest = [p for p in itertools.combinations(range(nodes), 2) if p[::-1] not in pairs]
    rest.sort(key=lambda p: float(np.hypot(*(at[p[0]] - at[p[1]]))))
    pairs += rest[: max(0, arcs - len(pairs))]
    made = []
    for number, (u, v) in enumerate(pairs):
        length = float(np.hypot(*(at[u] - at[v]))) + 1.0
        made.append(Arc(f"a{number}", u, v, pipe(length, float(rng.uniform(0, 200)), most), length))
    where = rng.permutation(nodes)
    plants = tuple(
        Source(
            f"s{k}", int(where[k]), *(float(rng.uniform(*r)) for r in ((1, 8), (5, 60), (10, 60)))
        )
        for k in range(sources)
    )
    stores = tuple(
        Sink(
            f"t{k}",
            int(where[sources + k]),
            *(float(rng.uniform(*r)) for r in ((90, 600), (0.3, 2), (2, 9), (0.2, 1), (1, 6))),
        )
        for k in range(sinks)
    )
    return NetworkProblem(plants, stores, tuple(made))


def check_plan(problem: NetworkProblem, plan: NetworkPlan) -> None:
    """Balance, capacities and costs of a plan, from the problem's own numbers."""
    balance = dict.fromkeys(problem.nodes, 0.0)
    sources = {s.id: s for s in problem.sources}
    sinks = {s.id: s for s in problem.sinks}
    arcs = {a.id: a for a in problem.arcs}
    cost = 0.0
    for used in plan.sources:
        source = sources[used.id]
        assert 0 < used.captured_mt_yr <= source.capacity_mt_yr + 1e-9
        balance[source.node] += used.captured_mt_yr
        cost += source.fixed_musd_yr + source.variable_usd_t * used.captured_mt_yr
    for kept in plan.sinks:
        sink = sinks[kept.id]
        assert kept.stored_mt_yr <= sink.capacity_mt / problem.years + 1e-9
        if math.isfinite(sink.well_rate_mt_yr):
            assert kept.stored_mt_yr <= kept.wells * sink.well_rate_mt_yr + 1e-7
        balance[sink.node] -= kept.stored_mt_yr
        cost += sink.fixed_musd_yr + sink.well_musd_yr * kept.wells
        cost += sink.injection_usd_t * kept.stored_mt_yr
    for line in plan.pipes:
        arc = arcs[line.arc]
        (trend,) = (t for t in arc.trends if t.name == line.trend)
        assert {line.tail, line.head} == {arc.tail, arc.head}
        assert line.flow_mt_yr <= trend.capacity_mt_yr + 1e-8
        balance[line.tail] -= line.flow_mt_yr
        balance[line.head] += line.flow_mt_yr
        cost += trend.fixed_musd_yr + trend.slope_usd_t * line.flow_mt_yr
    assert len({line.arc for line in plan.pipes}) == len(plan.pipes)
    assert max(map(abs, balance.values())) < 1e-6
    assert cost == pytest.approx(plan.costs.total, rel=1e-9)
    assert plan.bound <= plan.objective


def middling() -> tuple[NetworkProblem, float]:
    """A network that a quick search does not close."""
    problem = random_problem(4, nodes=26, arcs=52, sources=8, sinks=4)
    return problem, 0.5 * problem.reachable_mt_yr()[2]

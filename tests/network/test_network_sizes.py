"""Sources that grow: sizes by period, pipes for all periods at once."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from network_problems import random_problem

from cdrsite.network.design import design
from cdrsite.network.horizon import Period
from cdrsite.network.milestones import times_of
from cdrsite.network.periods import design_periods
from cdrsite.network.problem import Arc, NetworkProblem, Sink, Source, Trend

SMALL, LARGE = Trend(4.0, 1.0, 2.0, "small"), Trend(7.0, 0.5, 6.0, "large")
PERIODS = [Period(2030, 1.5), Period(2040, 5.0)]


def line() -> NetworkProblem:
    """One plant that grows from 1.5 to 5 Mt/yr, one pipe, one store."""
    source = Source("a", 1, 5.0, by_period=(1.5, 5.0))
    sink = Sink("s", 2, 1000.0, rate_mt_yr=50.0)
    return NetworkProblem((source,), (sink,), (Arc("p", 1, 2, (SMALL, LARGE), 10.0),), years=30.0)


def test_a_pipe_of_the_first_period_is_sized_for_the_second() -> None:
    """All ways to lay pipes by hand; what is laid pays its yearly cost to the end."""
    times = times_of([2030, 2040], after=20, rate=0.05)
    tail = times.tail

    def cost(builds: tuple[tuple[Trend, int, float], ...]) -> float:
        """Discounted yearly cost of pipes of some size, each from its period on."""
        return sum((t.fixed_musd_yr + t.slope_usd_t * q) * tail[p] for t, p, q in builds)

    ways = [((LARGE, 0, 5.0),)]
    for first, second in itertools.product((SMALL, LARGE), (SMALL, LARGE)):
        if second.capacity_mt_yr >= 3.5:
            ways.append(((first, 0, 1.5), (second, 1, 3.5)))
    best = min(cost(way) for way in ways)
    found = design_periods(line(), PERIODS, after=20, discount_rate=0.05, gap=1e-9)
    assert found.objective == pytest.approx(best, rel=1e-9)
    assert found.captured.ravel().tolist() == pytest.approx([1.5, 5.0])


def test_sizes_limit_each_period() -> None:
    """Of two plants the second one comes later, and does nothing before."""
    one = Source("a", 1, 3.0, by_period=(3.0, 1.0))
    two = Source("b", 1, 4.0, by_period=(0.0, 4.0))
    both = replace(line(), sources=(one, two))
    periods = [Period(2030, 3.0), Period(2040, 5.0)]
    found = design_periods(both, periods, after=20, gap=1e-9)
    assert found.captured.ravel() == pytest.approx([3.0, 0.0, 1.0, 4.0])


@pytest.mark.parametrize("seed", [1, 2])
def test_one_period_with_its_sizes_is_the_network_of_one_year(seed: int) -> None:
    problem = random_problem(seed, nodes=8, arcs=12, sources=3, sinks=2)
    sources = tuple(replace(s, by_period=(s.capacity_mt_yr,)) for s in problem.sources)
    target = 0.8 * problem.reachable_mt_yr()[2]
    static = design(problem, target=target, gap=1e-6)
    dated = design_periods(
        replace(problem, sources=sources), [Period(2050, target)], after=problem.years, gap=1e-6
    )
    assert dated.objective == pytest.approx(static.objective, rel=2e-6)

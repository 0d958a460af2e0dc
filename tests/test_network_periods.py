"""Build-out over periods: agrees with the static model, fills sinks, discounts."""

from __future__ import annotations

import numpy as np
import pytest
from test_network_design import random_problem

from cdrsite.core.errors import ConfigError, InfeasibleError
from cdrsite.network.design import design
from cdrsite.network.periods import Period, design_periods, period_weights
from cdrsite.network.problem import Arc, NetworkProblem, Sink, Source, Trend


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("parts", [1, 2])
def test_constant_periods_cost_what_the_static_plan_costs(seed: int, parts: int) -> None:
    problem = random_problem(seed, nodes=8, arcs=11, sources=3, sinks=2)
    target = 0.5 * problem.reachable_mt_yr()[2]
    periods = [Period(problem.years / parts, target)] * parts
    plan = design_periods(problem, periods, discount_rate=0.05)
    static = design(problem, target=target)
    assert plan.status == "optimal"
    # freedom over time can only help: pipes of two sizes, other sinks later
    assert plan.bound <= static.objective * (1 + 1e-6)
    if parts == 1:
        assert plan.objective == pytest.approx(static.objective, rel=3e-6)


def line(capacity_mt: float = 300.0) -> NetworkProblem:
    arc = Arc("e", "a", "b", (Trend(1.0, 0.5, 4.0, "small"), Trend(2.5, 0.1, 20.0, "large")))
    return NetworkProblem((Source("s", "a", 10.0),), (Sink("t", "b", capacity_mt),), (arc,))


def test_growth_is_served_by_one_pipe_laid_early_or_two() -> None:
    periods = [Period(10, 2.0), Period(10, 8.0)]
    plan = design_periods(line(), periods)
    # by hand, weights 1/2: large at once 2.5 + 0.8 = 3.3; small first (1 + 1 = 2 in full), then
    # large for the other 6 Mt/yr at half weight (2.5 + 0.6) / 2 = 1.55: 3.55; large twice more
    assert plan.objective == pytest.approx(3.3, abs=1e-6)
    assert [(b.trend, b.period) for b in plan.builds] == [("large", 0)]
    assert np.allclose(plan.flow[:, 0], [2.0, 8.0])


def test_a_sink_fills() -> None:
    assert design_periods(line(100.0), [Period(10, 2.0), Period(10, 8.0)]).status == "optimal"
    with pytest.raises(InfeasibleError, match="8 Mt/yr for 10 yr"):
        design_periods(line(99.0), [Period(10, 2.0), Period(10, 8.0)])


def test_weights_are_shares_of_discounted_years() -> None:
    assert period_weights([Period(10, 1), Period(30, 1)], 0.0) == pytest.approx([0.25, 0.75])
    early, late = period_weights([Period(10, 1), Period(10, 1)], 0.07)
    assert early / late == pytest.approx(1.07**10)
    assert early + late == pytest.approx(1.0)


def test_wrong_periods_are_refused() -> None:
    for periods in ([], [Period(0, 1.0)], [Period(5, -1.0)]):
        with pytest.raises(ConfigError, match="positive years"):
            design_periods(line(), periods)

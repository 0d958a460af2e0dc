"""What is sold out of pools is part of the optimum: against the whole programme, and by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from competition_problems import FINE, NAMES, problems, solve_or_none
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from cdrsite.competition.objectives import (
    Lexicographic,
    Objective,
    least_cost,
    most_net,
    most_value,
)
from cdrsite.competition.preference import prefer
from cdrsite.competition.prices import solve, solve_in_order
from cdrsite.competition.problem import (
    ArrayCells,
    Competitor,
    PoolFamily,
    Problem,
    RowTerm,
    budget,
    target,
)
from cdrsite.competition.sold import Sale, shares_taken
from cdrsite.core.errors import InfeasibleError
from cdrsite.testing.exact import solve_whole

GOALS: dict[str, Any] = {
    "net": most_net(),
    "cost": least_cost(),
    "value": most_value([RowTerm("net", 30.0)]),
}


@st.composite
def selling(draw: st.DrawFn, **more: Any) -> Problem:
    """A problem whose second method gives heat, which the first takes and customers buy."""
    problem = draw(problems(**more))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    supply = np.round(rng.uniform(0, 8, 3)) * (rng.random(3) < 0.5)
    need: dict[str, float | str] = {
        "dac": "thirst" if "thirst" in problem.layers else 2.0,
        "beccs": -3.0,
    }
    price = float(rng.choice([0.0, 2.0, 15.0]))
    inner = np.where(supply > 0, 0.0, np.inf)
    zero, taken = np.zeros(3), {"dac": need["dac"]}
    heat = (
        PoolFamily("heat", "kWh/yr", "basin", NAMES, supply, need),
        PoolFamily("heat made", "kWh/yr", "basin", NAMES, inner, {"beccs": -3.0}, 1, "heat"),
        PoolFamily("heat taken", "kWh/yr", "basin", NAMES, zero, taken, -1, "heat"),
    )
    gives = {"beccs": 3.0}
    wanted = np.round(rng.uniform(0, 12, 3)) * (rng.random(3) < 0.8)
    sales = (
        Sale("customers", ("heat", "heat made"), "basin", wanted, price, gives),
        Sale("within", ("heat taken", "heat made"), "basin", np.full(3, np.inf), price, gives),
    )
    return replace(problem, pools=(*problem.pools, *heat), sales=sales)


@settings(max_examples=examples(50))
@given(selling() | selling(lower=True), st.sampled_from(sorted(GOALS)))
def test_same_optimum_as_the_whole_programme(problem: Problem, kind: str) -> None:
    answer = solve_or_none(problem, GOALS[kind])
    try:
        whole = solve_whole(problem, GOALS[kind])
    except InfeasibleError:
        assert answer is None
        return
    assert answer is not None
    size = max(1.0, abs(whole.value))
    assert answer.report.value == pytest.approx(whole.value, rel=1e-6, abs=1e-6)
    assert answer.report.bound >= whole.value - 1e-6 * size
    assert answer.value_of(GOALS[kind]) == pytest.approx(whole.value, rel=1e-6, abs=1e-6)
    kept(problem, answer)


def kept(problem: Problem, answer: Any) -> None:
    """No more is sold than customers want and methods give; income is split without a rest."""
    wanted, within = answer.sold[:3], answer.sold[3:]
    assert (answer.sold >= 0).all() and (wanted <= problem.sales[0].most * (1 + 1e-9)).all()
    limits, use = answer.system.limits, answer.use
    over = np.array(answer.system.senses) == "<="
    assert (use[over] <= limits[over] + 1e-7 * np.maximum(1.0, np.abs(limits[over]))).all()
    gross = answer.totals.by_combo[:, :, 0]
    earned = float((answer.income * gross).sum())
    paid = problem.sales[0].price * float((wanted + within).sum())
    assert earned == pytest.approx(paid, rel=1e-6, abs=1e-6)


@settings(max_examples=examples(15))
@given(selling(policies=False), st.sampled_from(["cost", "value"]))
def test_a_second_goal_and_the_choice_among_equals_count_it(problem: Problem, kind: str) -> None:
    first = solve(problem, GOALS[kind], FINE)
    wish = Objective("order", (RowTerm("gross", -1.0),), "t/yr", sign=-1)
    chosen = prefer(first, wish, 1e-6)
    assert chosen.value_of(GOALS[kind]) == pytest.approx(chosen.report.value, rel=1e-9, abs=1e-9)
    assert chosen.report.value >= first.report.value - 1e-6 * max(1.0, abs(first.report.value))
    kept(problem, chosen)
    both = solve_in_order(problem, Lexicographic(most_net(), least_cost(), 1e-4), FINE)
    best = solve(problem, most_net(), FINE).report.value
    rule = target(best * (1 - 1e-4) - 1e-9)
    cheapest = solve_whole(replace(problem, policies=(rule,)), least_cost()).value
    if best > 1e-3:
        assert both.value_of(least_cost()) == pytest.approx(cheapest, rel=1e-3, abs=1e-3)


def plant(price: float, wanted: float, *policies: Any, supply: float = 0.0) -> Problem:
    """Ten cells of one tonne that cost 10 to 19 and give 2 kWh each, one pool, one customer."""
    count = 10
    cells = ArrayCells(
        land=np.full(count, 1.0), upper=np.full((1, count), 1.0), net=np.full((1, count), 0.9),
        cost=10.0 + np.arange(count)[None], need=np.full((1, count), 0.1),
        zone_ids={"all": np.zeros(count, np.int64)},
    )  # fmt: skip
    heat = PoolFamily("heat", "kWh/yr", "all", ["here"], np.array([supply]), {"chp": -2.0})
    sale = Sale("customers", ("heat",), "all", np.array([wanted]), price, {"chp": 2.0})
    return Problem(cells, [Competitor("chp", 0.0)], [heat], (), policies, sales=(sale,))


def test_income_decides_what_is_built() -> None:
    """At 6 USD/kWh a tonne earns 12 and costs 10, 11, 12: two pay, the third is even."""
    value = most_value([])
    answer = solve(plant(6.0, 100.0), value, FINE)
    assert answer.report.value == pytest.approx((12 - 10) + (12 - 11))
    assert solve(plant(0.0, 100.0), value, FINE).report.value == 0.0
    few = solve(plant(6.0, 2.0), value, FINE)  # customers want the heat of one tonne
    assert few.report.value == pytest.approx(2.0) and few.sold == pytest.approx([2.0])
    rich = solve(plant(100.0, 9.0), value, FINE)
    assert rich.report.value == pytest.approx(900 - (10 + 11 + 12 + 13 + 0.5 * 14))


def test_a_budget_counts_income() -> None:
    """Of 10 USD alone one tonne; each that sells 2 kWh at 5 USD pays back 10."""
    assert solve(plant(5.0, 0.0, budget(10.0)), most_net(), FINE).report.value == (
        pytest.approx(0.9)
    )
    more = solve(plant(5.0, 100.0, budget(10.0)), most_net(), FINE)
    assert more.report.value == pytest.approx(0.9 * 5.0)  # 0 + 1 + 2 + 3 + 4 = 10


def test_all_is_sold_whatever_the_goal() -> None:
    answer = solve(plant(5.0, 7.0), most_net(), FINE)
    assert answer.sold == pytest.approx([7.0])
    assert answer.value_of(least_cost()) == pytest.approx(-(10 * 14.5 - 35.0))


@pytest.mark.parametrize("wanted", [4.0, 8.5, 30.0])
def test_the_price_of_the_pool_is_what_one_unit_more_is_worth(wanted: float) -> None:
    """Between nothing and what customers pay, by finite differences of the whole programme."""
    step, goal = 1e-4, most_value([RowTerm("net", 8.0)])
    price = solve(plant(3.0, wanted, supply=1.0), goal, FINE).price[0]
    more, less = (
        solve_whole(plant(3.0, wanted, supply=1.0 + sign * step), goal).value for sign in (1, -1)
    )
    assert price == pytest.approx((more - less) / (2 * step), abs=1e-6)
    assert 0.0 <= price <= 3.0


def test_hotter_heat_goes_where_only_it_will_do() -> None:
    """Of two givers, 10 hot and 10 cool: 8 hot are sold, then 12 of any."""
    hot, both = np.array([[10.0, 0.0]]), np.array([[10.0, 10.0]])
    first, then = shares_taken([hot, both], [np.array([8.0]), np.array([12.0])])
    np.testing.assert_allclose(first, [[8.0, 0.0]])
    np.testing.assert_allclose(then, [[2.0, 10.0]])

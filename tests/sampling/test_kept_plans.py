"""What a kept plan is worth when the numbers turn out otherwise, against whole programmes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from competition_problems import FINE, problems, solve_or_none
from examples import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kept_worlds import after, changed, one_cell

from cdrsite.competition.objectives import least_cost, most_net
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    PolicyRow,
    PoolFamily,
    Problem,
    RowTerm,
)
from cdrsite.competition.sold import Sale
from cdrsite.sampling.kept_plans import joined, keep_plan, possible_now
from cdrsite.testing.exact import solve_whole

CALM = settings(deadline=None, max_examples=examples(25))


@CALM
@given(problems(policies=False))
def test_under_its_own_numbers_a_plan_returns_its_value(problem: Problem) -> None:
    solution = solve(problem, most_net(), FINE)
    kept = keep_plan(solution, 0)
    for growing in ((False,) * 3, (True,) * 3):
        worth = after(problem, growing=growing).worth(kept)
        size = max(abs(solution.report.value), 1e-6)
        assert worth == pytest.approx(solution.report.value, abs=1e-9 * size)


@CALM
@given(problems())
def test_under_its_own_numbers_a_plan_keeps_its_rules(problem: Problem) -> None:
    solution = solve_or_none(problem, most_net())
    assume(solution is not None)
    worth = after(problem).worth(keep_plan(solution, 0))
    assert worth == pytest.approx(solution.report.value, rel=1e-5, abs=1e-5)


@CALM
@given(problems(policies=False), st.floats(0.3, 2.0), st.floats(0.3, 2.0))
def test_no_plan_is_worth_more_than_the_best_one(problem, supply, own) -> None:
    kept = keep_plan(solve(problem, most_net(), FINE), 0)
    other = changed(problem, supply, own)
    best = solve_whole(other, most_net()).value
    for growing in ((False,) * 3, (True, False, True)):
        worth = after(other, growing=growing).worth(kept)
        assert -1e-9 <= worth <= best * (1.0 + 1e-9) + 1e-9


@CALM
@given(problems(policies=False), st.floats(0.2, 1.5))
def test_it_runs_as_a_whole_programme_with_its_capacities_would(problem, supply) -> None:
    """The same cells, and less or more in pools: each cell is a group of its own."""
    kept = keep_plan(solve(problem, most_net(), FINE), 0)
    other = changed(problem, supply, 1.0)
    cells: Any = other.cells
    capacity = np.zeros(cells.upper.shape)
    np.add.at(capacity, (kept.method, kept.cell), kept.gross)
    slots = np.zeros((1 if cells.sink is None else len(cells.sink), cells.n_cells), np.bool_)
    slots[kept.slot, kept.cell] = True
    only = {"upper": capacity}
    if cells.sink is not None:
        only["sink"] = np.where(slots, cells.sink, -1)
    whole = solve_whole(replace(other, cells=replace(cells, **only)), most_net()).value
    worth = after(other).worth(kept)
    assert worth <= whole * (1.0 + 1e-8) + 1e-8
    gives = any(isinstance(n, float) and n < 0.0 for row in problem.local_need for n in row)
    if slots.sum(axis=0).max() <= 1 and not gives:
        assert worth == pytest.approx(whole, rel=1e-8, abs=1e-8)


def test_what_was_not_built_does_not_run() -> None:
    kept = keep_plan(solve(one_cell(3.0), most_net(), FINE), 0)  # 30 t of A
    assert after(one_cell(3.0, 20.0)).worth(kept) == pytest.approx(10.0)
    assert after(one_cell(1.0, 80.0)).worth(kept) == pytest.approx(30.0)
    kept = keep_plan(solve(one_cell(1.5), most_net(), FINE), 0)  # 40 t of B
    assert after(one_cell(4.0)).worth(kept) == pytest.approx(15.0)


def test_what_grows_gives_what_its_land_gives_and_a_plant_no_more_than_it_was_built_for() -> None:
    kept = keep_plan(solve(one_cell(3.0), most_net(), FINE), 0)
    now = one_cell(3.0, 1e6)
    now = replace(now, cells=replace(now.cells, need=np.array([[0.25], [1.0]])))  # type: ignore[arg-type]
    for growing, tonnes in (([False, False], 30.0), ([True, False], 120.0)):
        found = after(now, growing=growing)
        x = possible_now(kept, found.cells, now, found.growing)
        assert x == pytest.approx([tonnes])
        assert found.worth(kept) == pytest.approx(tonnes)
    less = replace(now, cells=replace(now.cells, need=np.array([[4.0], [1.0]])))  # type: ignore[arg-type]
    assert after(less).worth(kept) == pytest.approx(7.5)  # 30 m2 are kept


def test_a_minimum_that_cannot_be_reached_is_no_worth() -> None:
    least = PolicyRow("target", (RowTerm("net"),), ">=", 25.0, "t/yr")
    kept = keep_plan(solve(one_cell(3.0, policies=[least]), least_cost(), FINE), 0)
    assert after(one_cell(3.0, policies=[least]), least_cost()).worth(kept) == pytest.approx(-25.0)
    assert np.isnan(after(one_cell(3.0, 40.0, policies=[least]), least_cost()).worth(kept))


def test_several_plans_stand_beside_one_another() -> None:
    plans = [keep_plan(solve(one_cell(need), most_net(), FINE), 0) for need in (3.0, 1.5)]
    now = after(one_cell(1.5))
    parts = [now.groups(plan) for plan in plans]
    both = now.stage(joined(parts))
    assert both.worth(np.array([1.0, 0.0])) == pytest.approx(30.0)
    assert both.worth(np.array([0.0, 1.0])) == pytest.approx(40.0)
    assert both.worth(np.array([0.5, 0.5])) == pytest.approx(35.0)
    assert both.slope == pytest.approx([30.0, 40.0])


def test_what_is_sold_is_sold_again() -> None:
    sale = Sale("town", ["heat"], "all", np.array([5.0]), 2.0, {"a": 1.0})
    heat = PoolFamily("heat", "kWh", "all", ["w"], np.array([0.0]), {"a": -1.0})
    made = one_cell(3.0)
    problem = replace(made, pools=[*made.pools, heat], sales=[sale])
    goal = replace(least_cost(), terms=(*least_cost().terms, RowTerm("net", 1.5)))
    solution = solve(problem, goal, FINE)
    worth = after(problem, goal).worth(keep_plan(solution, 0))
    assert solution.report.value == pytest.approx(30.0 * 0.5 + 5.0 * 2.0)
    assert worth == pytest.approx(solution.report.value, rel=1e-9)

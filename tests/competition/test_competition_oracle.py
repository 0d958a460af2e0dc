"""Column generation against the whole programme on random problems, and properties of optima."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from competition_problems import FINE, check_feasible, problems, solve_or_none
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.competition.conflict import ConflictError
from cdrsite.competition.objectives import least_cost, most_net, most_value
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    ArrayCells,
    Problem,
    RowTerm,
)
from cdrsite.core.errors import InfeasibleError
from cdrsite.testing.exact import solve_whole


@given(problems() | problems(lower=True), st.sampled_from(["net", "cost", "value"]))
def test_same_optimum_as_the_whole_programme(problem: Problem, kind: str) -> None:
    objective = {
        "net": most_net(),
        "cost": least_cost(),
        "value": most_value(
            [
                RowTerm("net", usd, (name,))
                for name, usd in (("dac", 60), ("beccs", 40), ("forest", 20))
            ]
        ),
    }[kind]
    answer = solve_or_none(problem, objective)
    try:
        whole = solve_whole(problem, objective)
    except InfeasibleError:
        assert answer is None
        return
    assert answer is not None
    assert answer.report.value == pytest.approx(whole.value, rel=1e-6, abs=1e-6)
    assert answer.report.bound >= whole.value - 1e-6 * max(1.0, abs(whole.value))
    check_feasible(problem, answer.allocation)


@given(problems(policies=False))
def test_prices_are_not_negative_and_zero_where_slack(problem: Problem) -> None:
    answer = solve(problem, most_net(), FINE)
    left = answer.system.limits - answer.use
    assert (answer.price >= 0).all()
    slack = left > 1e-6 * np.maximum(1.0, answer.system.limits)
    assert np.abs(answer.price[slack]).max(initial=0.0) <= 1e-9
    assert (left >= -1e-9 * np.maximum(1.0, answer.system.limits)).all()


def only_rows(problem: Problem, names: set[str]) -> Problem:
    """The problem with no other shared rows than the named ones."""

    def kept(family: Any) -> Any:
        inside = [f"{family.name}: {zone}" in names for zone in family.zones]
        return replace(family, supply=np.where(inside, family.supply, np.inf))

    return replace(
        problem,
        pools=[kept(pool) for pool in problem.pools],
        sinks=[kept(sink) for sink in problem.sinks],
        policies=[row for row in problem.policies if row.name in names],
    )


def whole_is_feasible(problem: Problem) -> bool:
    try:
        solve_whole(problem, most_net())
    except InfeasibleError:
        return False
    return True


@given(problems())
def test_conflict_is_a_smallest_one(problem: Problem) -> None:
    try:
        solve(problem, most_net(), FINE)
    except ConflictError as error:
        names = {name for name, _, _ in error.conflict}
        assert names
        assert not whole_is_feasible(only_rows(problem, names))
        assert all(whole_is_feasible(only_rows(problem, names - {name})) for name in names)
        assert all(give > 0 for _, give, _ in error.conflict)
    else:
        assert whole_is_feasible(problem)


def scaled(problem: Problem, factor: float, *, cells_too: bool) -> Problem:
    cells = problem.cells
    assert isinstance(cells, ArrayCells)
    if cells_too:
        local = None if cells.local is None else cells.local * factor
        ground = None if cells.ground is None else cells.ground * factor
        cells = replace(
            cells, land=cells.land * factor, upper=cells.upper * factor, local=local, ground=ground
        )
    return replace(
        problem,
        cells=cells,
        pools=[replace(pool, supply=pool.supply * factor) for pool in problem.pools],
        sinks=[replace(sink, supply=sink.supply * factor) for sink in problem.sinks],
    )


@given(problems(policies=False))
def test_doubling_everything_doubles_the_optimum(problem: Problem) -> None:
    one = solve(problem, most_net(), FINE).report.value
    two = solve(scaled(problem, 2.0, cells_too=True), most_net(), FINE).report.value
    assert two == pytest.approx(2 * one, rel=1e-7, abs=1e-9)


@given(problems(policies=False))
def test_more_supply_never_lowers_it(problem: Problem) -> None:
    one = solve(problem, most_net(), FINE).report.value
    more = solve(scaled(problem, 1.3, cells_too=False), most_net(), FINE).report.value
    assert more >= one * (1 - 1e-8) - 1e-9


@given(problems(policies=False), st.integers(0, 2), st.integers(0, 7))
def test_an_exclusion_never_raises_it(problem: Problem, method: int, cell: int) -> None:
    one = solve(problem, most_net(), FINE).report.value
    cells = problem.cells
    assert isinstance(cells, ArrayCells)
    upper = cells.upper.copy()
    upper[method, cell % upper.shape[1]] = 0.0
    fewer = solve(replace(problem, cells=replace(cells, upper=upper)), most_net(), FINE)
    assert fewer.report.value <= one * (1 + 1e-8) + 1e-9

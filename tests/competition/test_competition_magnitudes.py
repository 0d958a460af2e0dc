"""Supplies of any size: none, denormal, tiny, huge and mixed; and use that never exceeds supply."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from competition_problems import problems
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.objectives import Objective, least_cost, most_net, most_value
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    ArrayCells,
    Competitor,
    PoolFamily,
    Problem,
    RowTerm,
    SinkFamily,
)
from cdrsite.competition.results import pools_table
from cdrsite.core.errors import InfeasibleError
from cdrsite.testing.exact import solve_whole

SIZES = (0.0, 5e-324, 1e-310, 1e-200, 1e-30, 1e-15, 1e-9, 1e-3, 1.0, 1e6, 1e15, 1e200)


def world(supplies: tuple[float, ...], store: float) -> Problem:
    """Cells in zones of water that may hold 20 t in all, one storage unit."""
    n = len(supplies)
    cells = ArrayCells(
        land=np.full(n, 100.0),
        upper=np.full((1, n), 10.0),
        net=np.array([[0.9]]),
        cost=np.array([[100.0]]),
        need=np.full((1, 1), 10.0),
        zone_ids={"basin": np.arange(n)},
        sink=np.zeros((1, n), np.int32),
        sink_cost=np.zeros((1, n)),
        sink_loss=np.zeros((1, n)),
    )
    names = tuple(str(i) for i in range(n))
    water = PoolFamily("water", "m3/yr", "basin", names, np.array(supplies), {"dac": 2.0})
    sink = SinkFamily("injectivity", "t/yr", ("unit",), np.array([store]))
    return Problem(cells, [Competitor("dac")], [water], [sink], n_sinks=1)


@given(st.lists(st.sampled_from(SIZES), min_size=1, max_size=4), st.sampled_from(SIZES))
def test_supplies_of_any_size_are_proven(supplies: list[float], store: float) -> None:
    best = 0.9 * min(sum(min(10.0, supply / 2) for supply in supplies), store)
    for objective, value in ((most_net(), best), (least_cost(), 0.0)):
        found = solve(world(tuple(supplies), store), objective, SolverOptions(threads=1))
        assert found.report.status == "optimal"
        assert found.report.value == pytest.approx(value, rel=1e-5, abs=1e-9)
        assert np.isfinite(found.price).all() and np.isfinite(found.use).all()
        for row in pools_table(found):
            assert row["use"] <= row["supply"] and row["slack"] >= 0


def test_an_optimum_of_nothing_is_an_optimum() -> None:
    problem = world((20.0, 1e-310), 50.0)
    for objective in (least_cost(), most_value([RowTerm("net", 1.0, ("dac",))])):
        report = solve(problem, objective, SolverOptions(threads=1)).report
        assert (report.status, report.value, report.gap) == ("optimal", 0.0, 0.0)


@given(problems(), st.floats(0.1, 10.0), st.integers(-6, 9))
def test_use_never_exceeds_supply_in_the_table(problem: Problem, size: float, digits: int) -> None:
    """Also in the last digit, on pools, storage and rules, and where units make numbers odd."""
    factor = size * 10.0**digits
    pools = [
        replace(
            one,
            supply=one.supply * factor,
            need={m: n if isinstance(n, str) else n * factor for m, n in one.need.items()},
        )
        for one in problem.pools
        if not any(isinstance(need, str) for need in one.need.values())
    ]
    scaled = replace(problem, pools=pools)
    objective: Any
    for objective in (most_net(), least_cost()):
        try:
            found = solve(scaled, objective, SolverOptions(threads=1))
        except InfeasibleError:
            continue
        rows = pools_table(found)
        for row, real in zip(rows, found.use.tolist(), strict=True):
            low = row["sense"] == ">="
            if row["sense"] != "=":
                assert (row["use"] >= row["supply"]) if low else (row["use"] <= row["supply"])
            assert row["slack"] >= 0
            assert row["use"] == pytest.approx(real, rel=1e-6, abs=1e-6 * max(factor, 1.0))
            assert float(f"{row['use']:.12g}") == row["use"]  # no digit that is not known
        assert found.report.value == pytest.approx(
            solve_whole(scaled, objective).value, rel=2e-5, abs=1e-6
        )


@pytest.mark.parametrize(("counted", "best"), [(None, 0.92 * 30 + 0.8 * 20), (("dac",), 0.92 * 30)])
def test_what_little_is_given_is_shared_among_takers_that_could_take_all(
    counted: Any, best: float
) -> None:
    """Ten cells give heat for 30 t in all, and could each take that of a billion tonnes."""
    count = 10
    upper = np.array([np.full(count, 1e9), np.full(count, 2.0)])
    net = np.array([np.linspace(0.90, 0.92, count), np.full(count, 0.8)])
    cells = ArrayCells(
        land=np.full(count, 1e10),
        upper=upper,
        net=net,
        cost=np.ones((2, count)),
        need=np.ones((2, count)),
        zone_ids={"all": np.zeros(count, np.int64)},
    )
    heat = PoolFamily(
        "heat", "kWh/yr", "all", ("here",), np.zeros(1), {"dac": 1600.0, "beccs": -2400.0}
    )
    problem = Problem(cells, [Competitor("dac", 0.0), Competitor("beccs", 0.0)], [heat], ())
    goal = Objective("net", (RowTerm("net", methods=counted),), "t/yr")
    answer = solve(problem, goal, SolverOptions(gap=1e-6))
    assert answer.report.value == pytest.approx(best, rel=1e-6)

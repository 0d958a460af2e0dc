"""What sinks take from pools for the CO2 that is brought to them: basalt and its water."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from competition_problems import FINE, problems
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from cdrsite.competition import results
from cdrsite.competition.objectives import Objective
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    ArrayCells,
    AtSinks,
    Competitor,
    PoolFamily,
    Problem,
    RowTerm,
    SinkFamily,
)
from cdrsite.core.errors import DataError
from cdrsite.testing.exact import solve_whole

NET = Objective("net", (RowTerm("net"),), "t/yr")
NAMES = ("dry", "wet")


def two_stores(dry: float, wet: float, need: float = 27.0) -> Problem:
    """One cell in the dry basin; store 0 is basalt in the wet one, store 1 saline and farther."""
    cells = ArrayCells(
        land=np.array([1e6]), upper=np.array([[100.0]]), net=np.array([[0.9]]),
        cost=np.array([[1.0]]), need=np.array([[1.0]]), zone_ids={"water": np.array([0])},
        sink=np.array([[0], [1]], np.int32), sink_cost=np.array([[1.0], [2.0]]),
        sink_loss=np.array([[0.0], [0.2]]),
    )  # fmt: skip
    at = AtSinks(np.array([1, -1]), np.array([need, need]))
    pool = PoolFamily(
        "water", "m3/yr", "water", NAMES, np.array([dry, wet]), {"dac": 3.0}, at_sinks=at
    )
    return Problem(
        cells, [Competitor("dac")], [pool],
        [SinkFamily("storage", "t/yr", ("basalt", "saline"), np.array([80.0, 1000.0]))],
        n_sinks=2,
    )  # fmt: skip


def test_water_is_drawn_where_the_tonne_is_injected() -> None:
    """540 m3 in the wet basin take 540 / 27 = 20 t; the dry one gives 3 m3 to each of 100 t."""
    best = solve(two_stores(dry=300.0, wet=540.0), NET, FINE)
    assert best.report.value == pytest.approx(20 * 0.9 + 80 * 0.7)
    rows = {(row["family"], row["zone"]): row for row in results.pools_table(best)}
    assert rows["water", "wet"]["use"] == pytest.approx(540.0)
    assert rows["water", "dry"]["use"] == pytest.approx(300.0)
    # a tonne in the basalt gains 0.2 t over the saline store, for 27 m3
    assert rows["water", "wet"]["price"] == pytest.approx(0.2 / 27.0)
    assert rows["water", "wet"]["binds"]


def test_without_water_there_no_tonne_goes_there_and_none_is_needed_elsewhere() -> None:
    best = solve(two_stores(dry=300.0, wet=0.0), NET, FINE)
    assert best.report.value == pytest.approx(100 * 0.7)
    plenty = solve(two_stores(dry=300.0, wet=1e6), NET, FINE)
    assert plenty.report.value == pytest.approx(80 * 0.9 + 20 * 0.7)
    thirstless = solve(two_stores(dry=300.0, wet=0.0, need=0.0), NET, FINE)
    assert thirstless.report.value == pytest.approx(plenty.report.value)


def test_same_plan_as_a_programme_written_out() -> None:
    """Two cells and two stores, both in the basin of one cell: rows typed in by hand."""
    cells = ArrayCells(
        land=np.array([40.0, 60.0]), upper=np.array([[30.0, 50.0]]), net=np.array([[0.8, 0.9]]),
        cost=np.array([[1.0, 1.0]]), need=np.array([[1.0, 1.0]]),
        zone_ids={"water": np.array([0, 1])}, sink=np.array([[0, 0], [1, 1]], np.int32),
        sink_cost=np.zeros((2, 2)), sink_loss=np.array([[0.0, 0.1], [0.3, 0.2]]),
    )  # fmt: skip
    pool = PoolFamily(
        "water", "m3/yr", "water", NAMES, np.array([200.0, 90.0]), {"dac": 2.0},
        at_sinks=AtSinks(np.array([0, 0]), np.array([5.0, 1.0])),
    )  # fmt: skip
    stores = SinkFamily("storage", "t/yr", ("s", "t"), np.array([45.0, 30.0]))
    problem = Problem(cells, [Competitor("dac", 1.1)], [pool], [stores], n_sinks=2)
    # columns: cell 0 to s, cell 0 to t, cell 1 to s, cell 1 to t
    net = np.array([0.8, 0.8 - 0.33, 0.9 - 0.11, 0.9 - 0.22])
    rows = np.array([
        [2 + 5.5, 2 + 1.1, 5.5, 1.1],  # water of basin 0: of cell 0, and of both stores
        [0, 0, 2, 2],  # of basin 1: of cell 1 alone
        [1.1, 0, 1.1, 0], [0, 1.1, 0, 1.1],  # what the stores take
        [1, 1, 0, 0], [0, 0, 1, 1],
    ])  # fmt: skip
    limits = np.array([200.0, 90.0, 45.0, 30.0, 30.0, 50.0])
    oracle = linprog(-net, rows, limits)
    best = solve(problem, NET, FINE)
    assert best.report.value == pytest.approx(-oracle.fun, rel=1e-9)
    np.testing.assert_allclose(best.use[:2], rows[:2] @ oracle.x, rtol=1e-7)
    np.testing.assert_allclose(best.price[:2], -oracle.ineqlin.marginals[:2], atol=1e-9)


@settings(max_examples=examples(40))
@given(problems(), st.integers(0, 2**32 - 1))
def test_same_optimum_as_the_whole_programme(plain: Problem, seed: int) -> None:
    rng, count = np.random.default_rng(seed), plain.n_sinks
    water, power = plain.pools
    at = AtSinks(rng.integers(-1, 3, count), np.round(rng.uniform(0, 2, count), 1))
    too = AtSinks(rng.integers(0, 2, count), np.round(rng.uniform(0, 1, count), 1))
    pools = replace(water, at_sinks=at), replace(power, at_sinks=too)
    problem = replace(plain, pools=pools, policies=())
    exact = solve_whole(problem, NET).value
    found = solve(problem, NET, FINE)
    assert found.report.value == pytest.approx(exact, rel=1e-6, abs=1e-6)
    assert found.report.bound >= exact * (1 - 1e-9)
    # needs never make more possible
    bare = solve(replace(plain, policies=()), NET, FINE)
    assert found.report.value <= bare.report.value * (1 + 1e-8) + 1e-9


def test_needs_and_zones_are_one_for_each_sink() -> None:
    plain = two_stores(1.0, 1.0)
    for at in (
        AtSinks(np.array([0]), np.array([1.0])),
        AtSinks(np.array([0, 1]), np.array([1.0, -1.0])),
        AtSinks(np.array([0, 1]), np.array([1.0, np.nan])),
    ):
        with pytest.raises(DataError, match=r"'water'.*expected 2 zones and 2 numbers"):
            replace(plain, pools=(replace(plain.pools[0], at_sinks=at),))
    with pytest.raises(DataError, match="a zone id has no zone"):
        far = replace(plain.pools[0], at_sinks=AtSinks(np.array([0, 5]), np.ones(2)))
        solve(replace(plain, pools=(far,)), NET, FINE)

"""The competition on cases that can be worked out by hand, and its errors."""

from __future__ import annotations

import re

import numpy as np
import pytest

from cdrsite.competition.conflict import ConflictError
from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.objectives import least_cost, most_net
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    ArrayCells,
    Competitor,
    PolicyRow,
    PoolFamily,
    Problem,
    RowTerm,
    SinkFamily,
    budget,
    target,
)
from cdrsite.core.errors import DataError, InfeasibleError
from cdrsite.testing.exact import solve_whole

FINE = SolverOptions(gap=1e-10, threads=1)


def one_cell(land_per_t: float, **changes: object) -> Problem:
    """Golden case: DAC, BECCS and forest on one cell [Mm2, Mm3, TWh, Mt]."""

    def pool(name: str, unit: str, supply: float, need: dict[str, float]) -> PoolFamily:
        return PoolFamily(name, unit, "all", ["all"], np.array([supply]), need)

    cells = ArrayCells(
        land=np.array([10_000.0]),
        upper=np.full((3, 1), 1e3),
        net=np.array([[0.9], [0.85], [0.85]]),
        cost=np.array([[500.0], [150.0], [30.0]]),
        need=np.array([[land_per_t], [0.5], [1000.0]]),
        zone_ids={"all": np.zeros(1, np.int64)},
        sink=np.zeros((1, 1), np.int32),
        sink_cost=np.zeros((1, 1)),
    )
    given: dict[str, object] = {
        "pools": [
            pool("water", "Mm3", 30.0, {"DAC": 3.0, "BECCS": 2.3}),
            pool("power", "TWh", 8.0, {"DAC": 1.5, "BECCS": -0.6}),
            pool("biomass", "Mt", 3.0, {"BECCS": 0.61}),
        ],
        "sinks": [SinkFamily("storage", "Mt", ["unit"], np.array([9.0]))],
        "n_sinks": 1,
    }
    methods = [Competitor("DAC"), Competitor("BECCS"), Competitor("forest", stored=0.0)]
    return Problem(cells, methods, **(given | changes))  # type: ignore[arg-type]


GOLDEN = {
    # land per t of DAC: net, plan, prices of water, power, biomass, storage
    0.4: (16.4658, [6.381, 2.619, 9.9961], [0.0, 0.02385, 0.0, 0.8639]),
    11_000.0: (12.678, [0.0, 4.918, 9.9975], [0.0, 0.0, 1.393, 0.0]),
    20.0: (16.35946, [6.38095, 2.61905, 9.87107], [0.0, 0.01592, 0.0, 0.85913]),
}


@pytest.mark.parametrize("land_per_t", GOLDEN)
def test_golden_plan_and_prices(land_per_t: float) -> None:
    net, plan, prices = GOLDEN[land_per_t]
    answer = solve(one_cell(land_per_t), most_net(), FINE)
    block = next(answer.blocks())
    assert answer.report.status == "optimal"
    assert answer.report.value == pytest.approx(net, rel=1e-4)
    assert answer.report.bound == pytest.approx(net, rel=1e-4)
    np.testing.assert_allclose(block.x[:, 0, 0], plan, rtol=1e-4)
    np.testing.assert_allclose(answer.price, prices, rtol=4e-4, atol=1e-9)
    np.testing.assert_allclose(block.land_price, 0.00085, rtol=1e-4)


@pytest.mark.parametrize("land_per_t", GOLDEN)
def test_golden_by_the_whole_programme(land_per_t: float) -> None:
    net, plan, prices = GOLDEN[land_per_t]
    answer = solve_whole(one_cell(land_per_t), most_net())
    assert answer.value == pytest.approx(net, rel=1e-4)
    np.testing.assert_allclose(answer.allocation[:, 0, 0], plan, rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(answer.price, prices, rtol=4e-4, atol=1e-9)


def test_least_cost_meets_the_target() -> None:
    problem = one_cell(0.4, policies=[target(10.0)])
    answer = solve(problem, least_cost(), FINE)
    # forest first, at 30/0.85 per net t, up to all land: 8.5 Mt; then BECCS at 150/0.85, which
    # takes 0.5 m2/t of land from the forest
    beccs = (10.0 - 8.5) / (0.85 - 0.5 / 1000 * 0.85)
    cost = 150.0 * beccs + 30.0 * (10.0 - beccs * 0.5 / 1000)
    assert -answer.report.value == pytest.approx(cost, rel=1e-9)
    extra = solve(one_cell(0.4, policies=[target(10.01)]), least_cost(), FINE)
    row = [row.name for row in answer.system.rows].index("target")
    slope = (extra.report.value - answer.report.value) / 0.01
    assert answer.price[row] == pytest.approx(slope, rel=1e-6)


def test_conflict_names_the_smallest_set_and_what_it_must_give() -> None:
    problem = one_cell(0.4, policies=[target(16.0), budget(1000.0)])
    with pytest.raises(ConflictError, match="target") as caught:
        solve(problem, most_net(), FINE)
    gives = {name: give for name, give, _ in caught.value.conflict}
    assert set(gives) == {"target", "budget"}
    best = solve(one_cell(0.4, policies=[budget(1000.0)]), most_net(), FINE).report.value
    cheapest = -solve(one_cell(0.4, policies=[target(16.0)]), least_cost(), FINE).report.value
    assert gives["target"] == pytest.approx(16.0 - best, rel=1e-6)
    assert gives["budget"] == pytest.approx(cheapest - 1000.0, rel=1e-6)


def test_target_beyond_everything_conflicts_with_the_pools_that_bind() -> None:
    with pytest.raises(InfeasibleError, match="target") as caught:
        solve(one_cell(0.4, policies=[target(16.5)]), most_net(), FINE)
    assert isinstance(caught.value, ConflictError)
    gives = {name: give for name, give, _ in caught.value.conflict}
    assert set(gives) == {"target", "power: all", "storage: unit"}
    assert gives["target"] == pytest.approx(16.5 - 16.465765, rel=1e-5)


def test_a_name_that_means_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="'DACC'"):
        one_cell(1.0, policies=[PolicyRow("cap", (RowTerm("gross", 1.0, ("DACC",)),), "<=", 1.0)])
    with pytest.raises(DataError, match="power_zone"):
        pool = PoolFamily("power", "TWh", "power_zone", ["a"], np.array([1.0]), {"DAC": 1.0})
        solve(one_cell(1.0, pools=[pool]), most_net())


def test_nan_supply_is_refused() -> None:
    pool = PoolFamily("water", "Mm3", "all", ["a"], np.array([np.nan]), {"DAC": 1.0})
    with pytest.raises(DataError, match="1 NaN"):
        one_cell(1.0, pools=[pool])


def many_pools(count: int, *policies: PolicyRow) -> Problem:
    """One cell in each of so many counties of 1 unit each, the first ten times as large."""
    supply = np.ones(count)
    supply[0] = 10.0
    names = [
        f"county {z + 1} with a rather long name of its own, as they come" for z in range(count)
    ]
    pool = PoolFamily("biomass", "t/yr", "county", names, supply, {"DAC": 1.0})
    cells = ArrayCells(
        zone_ids={"county": np.arange(count)},
        land=np.full(count, 1e9),
        upper=np.full((1, count), 1e6),
        net=np.full((1, count), 1.0),
        cost=np.full((1, count), 10.0),
        need=np.full((1, count), 1.0),
    )
    return Problem(cells, [Competitor("DAC", stored=0.0)], [pool], policies=policies)


def test_a_conflict_of_many_pools_is_short_and_begins_with_the_policy() -> None:
    policy = target(1e6, name="each state: Georgia")
    with pytest.raises(ConflictError) as caught:
        solve(many_pools(226, policy), most_net(), FINE)
    text = str(caught.value)
    assert len(text) < 1000, text
    assert text.startswith(
        "no plan keeps all rules and supplies; got each state: Georgia (at least 1.00 Mt/yr) "
        "against biomass of 226 zones (county 1 with a rather long name of its…, "
    ), text
    assert (
        "and 223 more) and what the cells can do; cure: loosen each state: Georgia by 1.00" in text
    )
    words = r"or raise biomass of county 1 with .* by 1\.00 Mt/yr \(it has 10\.0 t/yr\)"
    assert re.search(words, text)
    assert len(caught.value.conflict) == 227
    both = (budget(10.0, name="purse"), target(5.0, name="goal"))
    with pytest.raises(ConflictError) as caught:
        solve(many_pools(3, *both), most_net(), FINE)
    assert str(caught.value) == (
        "no plan keeps all rules and supplies; got goal (at least 5.00 t/yr) and purse (at most "
        "10.0 USD/yr) against what the cells can do; cure: loosen goal by 4.00 t/yr or purse by "
        "40.0 USD/yr; (rule 8)"
    )

"""Prices of a cell's own land and local resources; with the shared ones they prove the optimum."""

from __future__ import annotations

import numpy as np
import pytest
from competition_problems import FINE, problems, solve_or_none
from hypothesis import assume, given
from hypothesis import strategies as st

import cdrsite.study.problem
from cdrsite.cli.demo import demo_folder
from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.objectives import least_cost, most_net, most_value
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    ArrayCells,
    Competitor,
    PolicyRow,
    PoolFamily,
    Problem,
    RowTerm,
)
from cdrsite.competition.solution import BlockPlan, Solution
from cdrsite.config.load import load_scenario
from cdrsite.study.run import run
from cdrsite.testing.exact import solve_whole

COARSE = SolverOptions(gap=1e-5, threads=1)


def reduced(solution: Solution, block: BlockPlan) -> np.ndarray:
    """Value of a gross tonne once all has its price, the local resources too; 0 if impossible."""
    need = solution.problem.local_need_in(block.cells)
    local = (need * block.local_price[:, None]).sum(axis=0)
    return np.where(np.isfinite(block.reduced), block.reduced - local, 0.0)


def rents(block: BlockPlan) -> np.ndarray:
    """What the prices of land and local resources charge for all of them, by cell."""
    cells = block.cells
    lands = np.concatenate([cells.land[None], cells.ground])
    return (block.land_prices * lands).sum(axis=0) + (block.local_price * cells.local).sum(axis=0)


def worth(solution: Solution, block: BlockPlan) -> np.ndarray:
    """What each cell's plan is worth at the prices of the shared rows."""
    paid = solution.problem.land_charge(block.cells, block.land_prices)
    used = block.x.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(used > 0, (block.reduced + paid) * used, 0.0).sum(0)


@given(problems(), st.booleans())
def test_own_and_shared_prices_are_a_dual_of_the_whole_programme(
    problem: Problem, cheapest: bool
) -> None:
    objective = least_cost() if cheapest else most_net()
    answer = solve_or_none(problem, objective)
    assume(answer is not None)
    whole = solve_whole(problem, objective).value
    close = 1e-5 * max(1.0, abs(whole))
    (block,) = answer.blocks()
    left = reduced(answer, block)
    upper, used = np.nan_to_num(block.cells.upper), block.x.sum(axis=1)
    assert block.land_price.min() >= 0
    assert block.local_price.min(initial=0.0) >= 0
    # weak duality: what no method pays is worth no less than any plan; strong: nor more
    dual = answer.price @ answer.system.limits + rents(block).sum()
    assert dual + (np.maximum(left, 0.0) * upper).sum() == pytest.approx(whole, abs=close)
    assert (np.maximum(-left, 0.0) * used).sum() <= close  # what is used falls short of nothing
    assert (rents(block) - worth(answer, block)).max() <= close


def test_prices_prove_the_plan_even_if_few_columns_leave_a_choice() -> None:
    # two sweeps find the optimum, and their columns alone would allow a price of 0.226
    def problem(supply: float) -> Problem:
        cells = ArrayCells(
            np.array([9.0, 16.0]), np.array([[4.0, 6.0], [5.0, 7.0]]),
            np.array([[0.5, 0.3], [0.5, 0.7]]), np.zeros((2, 2)),
            np.array([[3.0, 4.0], [1.0, 2.0]]),
            zone_ids={"all": np.zeros(2, np.int64)},
        )  # fmt: skip
        power = PoolFamily("power", "u", "all", ["all"], np.array([supply]), {"a": 3.0, "b": 2.0})
        return Problem(cells, [Competitor("a", 0.0), Competitor("b", 0.0)], [power])

    less, here, more = (solve_whole(problem(at), most_net()).value for at in (27.9, 28.0, 28.1))
    price = solve(problem(28.0), most_net(), FINE).price[0]
    assert (more - here) / 0.1 - 1e-6 <= price <= (here - less) / 0.1 + 1e-6


@pytest.mark.parametrize(("land", "price"), [(5.0, 0.9 / 1.0), (20.0, 0.4 / 2.0), (50.0, 0.0)])
def test_land_price_is_what_one_more_m2_gains(land: float, price: float) -> None:
    # 10 t of "a" on 1 m2 each come first, then 10 t of "b" on 2 m2 each
    cells = ArrayCells(
        np.array([land]), np.full((2, 1), 10.0), np.array([[0.9], [0.4]]), np.zeros((2, 1)),
        np.array([[1.0], [2.0]]),
    )  # fmt: skip
    answer = solve(Problem(cells, [Competitor("a", 0.0), Competitor("b", 0.0)]), most_net(), FINE)
    (block,) = answer.blocks()
    np.testing.assert_allclose(block.land_price, [price], rtol=1e-12)


@pytest.mark.parametrize(("local", "dung"), [(10.0, 0.9), (10.0 * (1 - 1e-8), 0.9), (5.0, 0.9)])
def test_what_local_supplies_stop_has_no_use_for_land(local: float, dung: float) -> None:
    # the land is full as well, but it is the dung that stops the only method
    cells = ArrayCells(
        np.array([5.0]), np.array([[20.0]]), np.array([[0.9]]), np.zeros((1, 1)),
        np.array([[0.5]]), local=np.array([[local]]),
    )  # fmt: skip
    problem = Problem(cells, [Competitor("a", 0.0)], local_need=[[1.0]], local_names=("dung",))
    (block,) = solve(problem, most_net(), FINE).blocks()
    np.testing.assert_allclose([block.land_price[0], block.local_price[0, 0]], [0.0, dung])


@pytest.mark.slow
def test_in_the_demo_no_cell_pays_more_than_it_earns(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Solution] = []

    def kept(*args: object) -> Solution:
        found.append(solve(*args))  # type: ignore[arg-type]
        return found[0]

    monkeypatch.setattr(cdrsite.study.problem, "solve", kept)
    run(load_scenario(demo_folder("config") / "demo.yaml", ["grid.resolution=8 km"]))
    answer = found[0]
    value = answer.report.value
    for block in answer.blocks():
        assert (rents(block) - worth(answer, block)).max() < 1e-5 * value
        lacks = np.maximum(-reduced(answer, block), 0.0) * block.x.sum(axis=1)
        assert lacks.sum() < 1e-5 * value


def even(seed: int, count: int) -> Problem:
    """A earns its price less its cost, within water; B must be made at a loss."""
    rng = np.random.default_rng(seed)
    zone, names = rng.integers(0, 5, count), [str(z) for z in range(5)]
    needs = {"first": {"A": 1.0}, "second": {"A": 0.3, "B": 0.7}}
    pools = [
        PoolFamily(name, "m3/yr", "basin", names, rng.uniform(10, 1000, 5), need)
        for name, need in needs.items()
    ]
    cells = ArrayCells(
        zone_ids={"basin": zone},
        land=np.full(count, 1e5),
        upper=rng.uniform(0, 100, (2, count)),
        net=np.ones((2, count)),
        cost=np.stack([rng.uniform(20, 60, count), rng.uniform(100, 200, count)]),
        need=np.ones((2, count)),
    )
    methods = [Competitor("A", stored=0.0), Competitor("B", stored=0.0)]
    must = PolicyRow("some B", (RowTerm("net", 1.0, ("B",)),), ">=", 50.0)
    return Problem(cells, methods, pools, policies=[must])


@pytest.mark.parametrize(("seed", "count"), [(4, 20), (13, 20), (29, 300), (59, 300)])
def test_an_optimum_of_nothing_is_an_optimum(seed: int, count: int) -> None:
    """At the price where gains make up for losses, the value is 0 and the gap is closed."""
    low, high = 0.0, 5000.0
    for _ in range(50):
        price = (low + high) / 2
        report = solve(
            even(seed, count), most_value([RowTerm("net", price, ("A",))]), COARSE
        ).report
        assert report.status == "optimal"
        low, high = (price, high) if report.value < 0 else (low, price)
    assert abs(report.value) < 1e-6
    assert report.gap <= COARSE.gap

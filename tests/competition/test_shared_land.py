"""Land that methods share with its present use: never the same hectare as one taken for itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from competition_problems import FINE, check_feasible, problems
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.competition.objectives import most_net, most_value
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    ArrayCells,
    Competitor,
    LandRow,
    Problem,
    RowTerm,
)
from cdrsite.core.errors import DataError
from cdrsite.testing.exact import solve_whole

FOREST, CHAR, ROCK, SOIL = range(4)
NAMES = ("forest", "char", "rock", "soil")


def field(net: list[float], *, group: bool = False, crop: float = 100.0) -> Problem:
    """One cell of 100 ha: trees take it, char, rock and tilling leave it a field; 1 ha for 1 t."""
    cells = ArrayCells(
        np.array([100.0]), np.array([[100.0], [crop], [crop], [crop]]),
        np.array(net)[:, None], np.zeros((4, 1)), np.ones((4, 1)),
        ground=np.full((2 if group else 3, 1), 100.0),
    )  # fmt: skip
    each = [LandRow(NAMES[s], [1.0, *(float(m == s) for m in (1, 2, 3))]) for s in (1, 2, 3)]
    rows = [LandRow("slot", [1.0, 1.0, 1.0, 0.0]), each[2]] if group else each
    exclusive = (1.0, 0.0, 0.0, 0.0)
    methods = [Competitor(n, 0.0, e) for n, e in zip(NAMES, exclusive, strict=True)]
    return Problem(cells, methods, land_rows=rows)


@pytest.mark.parametrize(
    ("net", "group", "crop", "planned", "prices"),
    [
        # trees alone are better than each of the practices, and worse than all three together
        ([0.5, 0.3, 0.2, 0.1], False, 100, [0, 100, 100, 100], [0, 0.3, 0.2, 0.1]),
        ([0.7, 0.3, 0.2, 0.1], False, 100, [100, 0, 0, 0], None),
        # char and rock share a dose: the better one of them alone counts
        ([0.5, 0.3, 0.2, 0.1], True, 100, [100, 0, 0, 0], None),
        ([0.35, 0.3, 0.2, 0.1], True, 100, [0, 100, 0, 100], [0, 0.3, 0.1]),
        # on 40 ha that are no field trees stand in nobody's way
        ([0.5, 0.3, 0.2, 0.1], False, 60, [40, 60, 60, 60], None),
        ([0.7, 0.3, 0.2, 0.1], False, 60, [100, 0, 0, 0], None),
    ],
)
def test_the_plan_of_one_cell(
    net: list[float], group: bool, crop: float, planned: list[float], prices: list[float] | None
) -> None:
    problem = field(net, group=group, crop=crop)
    answer = solve(problem, most_net(), FINE)
    np.testing.assert_allclose(answer.allocation[:, 0, 0], planned, atol=1e-9)
    assert solve_whole(problem, most_net()).value == pytest.approx(answer.report.value, rel=1e-12)
    (block,) = answer.blocks()
    # one hectare more of everything: what it adds, and what each method pays for land
    more = replace(problem.cells, land=np.array([101.0]), ground=problem.cells.ground + 1.0)
    gained = solve(replace(problem, cells=more), most_net(), FINE).report.value
    assert block.land_price[0] == pytest.approx(gained - answer.report.value, rel=1e-9, abs=1e-9)
    if prices is not None:
        full = replace(problem.cells, upper=np.full((4, 1), 200.0))
        (free,) = solve(replace(problem, cells=full), most_net(), FINE).blocks()
        np.testing.assert_allclose(free.land_prices[:, 0], prices, rtol=1e-9, atol=1e-12)
        assert free.reduced.max() <= 1e-12


def test_without_the_rows_a_hectare_would_be_booked_twice() -> None:
    problem = field([0.7, 0.3, 0.2, 0.1])
    free = replace(problem, land_rows=(), cells=replace(problem.cells, ground=None))
    assert solve(free, most_net(), FINE).allocation.sum() == 400.0


def test_what_adds_to_a_supply_is_planned_at_a_loss() -> None:
    """1 t of a needs the dung of 2 t of b, which is worth less than nothing by itself."""
    cells = ArrayCells(
        np.array([100.0]), np.full((2, 1), 10.0), np.array([[1.0], [0.5]]), np.zeros((2, 1)),
        np.zeros((2, 1)), local=np.zeros((1, 1)),
    )  # fmt: skip
    problem = Problem(
        cells, [Competitor("a", 0.0), Competitor("b", 0.0)], local_need=[[2.0, -1.0]],
        local_names=("dung",),
    )  # fmt: skip
    goal = most_value([RowTerm("gross", 1.0, ("a",)), RowTerm("gross", -0.1, ("b",))])
    answer = solve(problem, goal, FINE)
    assert answer.allocation[:, 0, 0].tolist() == pytest.approx([5.0, 10.0])
    assert answer.report.value == pytest.approx(solve_whole(problem, goal).value) == 4.0
    (block,) = answer.blocks()
    assert block.local_price[0, 0] == pytest.approx(0.5)


def test_each_method_has_a_part_in_a_land_row() -> None:
    with pytest.raises(DataError, match="few: each method has a part of its land in a land row"):
        replace(field([1.0] * 4), land_rows=[LandRow("few", [1.0])])


@given(problems(policies=False), st.integers(0, 2))
def test_a_method_less_never_adds_to_the_plan(problem: Problem, method: int) -> None:
    """With land of one's own and shared, local supplies, pools and storage alike."""
    whole = solve(problem, most_net(), FINE)
    cells = problem.cells
    assert isinstance(cells, ArrayCells)
    upper = cells.upper.copy()
    upper[method] = 0.0
    fewer = replace(problem, cells=replace(cells, upper=upper))
    rest = solve(fewer, most_net(), FINE)
    size = max(1.0, whole.report.value)
    assert rest.report.value <= whole.report.value + 1e-8 * size
    check_feasible(problem, rest.allocation)
    # what the others make of all there is, is at least what they make beside it
    nets = whole.totals.by_combo[:, :, 1].sum(axis=0)
    assert rest.report.bound >= nets.sum() - nets[method] - 1e-8 * size or adds(problem, method)


def adds(problem: Problem, method: int) -> bool:
    """Whether others may live on what a method gives: power, or a supply of the cell."""
    name = problem.method_names[method]
    pools = any(isinstance(p.need.get(name), float) and p.need[name] < 0 for p in problem.pools)
    return pools or any(row[method] == -0.5 for row in problem.local_need)

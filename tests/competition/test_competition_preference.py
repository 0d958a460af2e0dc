"""Among equal plans: the suitable cells first, then neighbours together, at no loss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from competition_problems import Chunked, check_feasible, problems, solve_or_none
from examples import first_every_day
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.competition import rows
from cdrsite.competition.blockcells import CellLayout
from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.objectives import Objective, least_cost, most_net, most_value
from cdrsite.competition.preference import along_curve, prefer
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    ArrayCells,
    Competitor,
    PolicyRow,
    PoolFamily,
    Problem,
    RowTerm,
    target,
)
from cdrsite.competition.solution import Solution
from cdrsite.core.grid import Block
from cdrsite.study.competitors import Competitors, MethodFacts
from cdrsite.study.problem import LAST_CHOICE, last_choice
from cdrsite.testing.exact import solve_whole

GAP = 1e-5
ONE = SolverOptions(gap=GAP, threads=1)


def equal_cells(suitability: np.ndarray, water: float) -> Problem:
    """Cells alike in all but their suitability, on a square grid, row by row; 10 t each at most."""
    n = len(suitability)
    side = int(np.sqrt(n))
    far = along_curve(*np.divmod(np.arange(n), side), (side, side))
    late = 0.9 * (1.0 - suitability) + 0.1 * far
    cells = ArrayCells(
        land=np.full(n, 100.0),
        upper=np.full((1, n), 10.0),
        net=np.array([[0.9]]),
        cost=np.array([[100.0]]),
        need=np.array([[10.0]]),
        zone_ids={"basin": np.zeros(n, int)},
        layers=late[None],
    )
    pool = PoolFamily("water", "m3/yr", "basin", ("all",), np.array([water]), {"dac": 1.0})
    return Problem(cells, [Competitor("dac", 0.0)], [pool], layers=(LAST_CHOICE + "dac",))


def plan_of(problem: Problem) -> Solution:
    return prefer(solve(problem, most_net(), ONE), last_choice(problem), GAP)


def test_suitable_cells_come_first() -> None:
    suitability = np.full(16, 0.4)
    suitability[[1, 6, 11, 12]] = 0.8
    found = plan_of(equal_cells(suitability, 40.0))
    used = found.allocation[0, 0]
    assert np.flatnonzero(used > 1e-2).tolist() == [1, 6, 11, 12]
    assert used[[1, 6, 11, 12]] == pytest.approx(10.0, rel=1e-5)
    assert found.report.value == pytest.approx(36.0, rel=GAP)


def test_equally_suitable_cells_come_in_neighbourhoods() -> None:
    """Water for four of sixteen: the square where the curve begins, not one cell here and there."""
    used = plan_of(equal_cells(np.full(16, 0.5), 40.0)).allocation[0, 0].reshape(4, 4)
    expected = np.zeros((4, 4))
    expected[:2, :2] = 10.0
    assert used == pytest.approx(expected, abs=1e-3)


def test_suitable_ones_first_then_the_next_along_the_curve() -> None:
    suitability = np.full(16, 0.5)
    suitability[[3, 15]] = 0.9
    used = plan_of(equal_cells(suitability, 55.0)).allocation[0, 0].reshape(4, 4)
    expected = np.zeros((4, 4))
    expected[0, 3] = expected[3, 3] = 10.0
    expected[:2, :2] = 10.0
    expected[1, 0] = 5.0  # the curve ends the first square there: half of it is left dry
    assert used == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("seed", first_every_day(range(4)))
def test_no_equal_plan_is_liked_better(seed: int) -> None:
    """The whole programme of the wish, with a row that keeps the objective, says the same."""
    suitability = np.random.default_rng(seed).integers(2, 9, 64) / 10
    problem = equal_cells(suitability, 205.0)
    found, wish = plan_of(problem), last_choice(problem)
    best = solve_whole(problem, most_net()).value
    assert found.report.value == pytest.approx(best, rel=GAP)
    kept = PolicyRow("kept", most_net().terms, ">=", best * (1.0 - GAP))
    liked = solve_whole(replace(problem, policies=(kept,)), wish).value
    assert worth(found, wish) == pytest.approx(liked, rel=2e-4)


def worth(found: Solution, wish: Objective) -> float:
    return float((found.totals.by_combo * rows.objective_matrix(wish, found.problem)).sum())


@given(problems() | problems(lower=True), st.sampled_from(["net", "cost", "value"]))
def test_nothing_is_lost(problem: Problem, kind: str) -> None:
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
    first = solve_or_none(problem, objective)
    if first is None:
        return
    wish = Objective("order", (RowTerm("gross", -1.0), RowTerm("land", -0.1)), "t/yr")
    found = prefer(first, wish, GAP)
    size = max(abs(first.report.value), abs(first.report.bound))
    assert abs(found.report.value - first.report.value) <= GAP * size + 1e-9
    assert found.report.bound >= found.report.value
    assert found.report.gap <= GAP
    assert worth(found, objective) == pytest.approx(found.report.value, rel=1e-9, abs=1e-9)
    assert worth(found, wish) >= worth(first, wish) * (1 + 1e-6) - 1e-6
    assert found.price.tobytes() == first.price.tobytes()
    check_feasible(problem, found.allocation)
    limits, size = found.system.limits, np.maximum(found.scale, np.abs(found.system.limits))
    for use, limit, scale, sense in zip(found.use, limits, size, found.system.senses, strict=True):
        assert sense == ">=" or use <= limit + 1e-7 * scale
        assert sense == "<=" or use >= limit - 1e-7 * scale


def test_second_goal_is_kept() -> None:
    """Least cost of the most net removal, then the order: neither of the two loses."""
    problem = equal_cells(np.linspace(0.2, 0.9, 16), 100.0)
    first = solve(replace(problem, policies=(target(45.0),)), least_cost(), ONE)
    found = prefer(first, last_choice(problem), GAP, (most_net(),))
    assert found.totals.by_combo.sum(axis=0)[0, 1] == pytest.approx(45.0, rel=1e-7)
    assert found.report.value == pytest.approx(first.report.value, rel=1e-7)
    assert np.flatnonzero(found.allocation[0, 0] > 1e-3).tolist() == [11, 12, 13, 14, 15]


def test_same_bytes_for_any_threads_or_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BLOCK", 256)
    problem = equal_cells(np.random.default_rng(1).integers(2, 9, 1024) / 10, 4005.0)
    first = plan_of(problem)
    assert isinstance(problem.cells, ArrayCells)
    for threads, chunk in ((2, 100), (3, 999)):
        chunked = replace(problem, cells=Chunked(problem.cells, chunk))
        options = SolverOptions(gap=GAP, threads=threads)
        again = prefer(solve(chunked, most_net(), options), last_choice(problem), GAP)
        assert again.report == first.report
        assert again.allocation.tobytes() == first.allocation.tobytes()


@pytest.mark.parametrize("side", [2, 4, 32])
def test_cells_along_the_curve_are_neighbours(side: int) -> None:
    row, col = np.divmod(np.arange(side * side), side)
    place = along_curve(row, col, (side, side))
    order = np.argsort(place)
    steps = np.abs(np.diff(row[order])) + np.abs(np.diff(col[order]))
    assert (steps == 1).all()
    assert place.min() == 0.0
    assert place.max() == 1.0


def test_order_does_not_depend_on_the_blocks() -> None:
    """Each method's own suitability, and the place on the whole grid, whatever the block."""
    layers = (LAST_CHOICE + "dac", LAST_CHOICE + "forest")
    facts = tuple(MethodFacts(name, 0.0, 1.0, {}) for name in ("dac", "forest"))
    layout = CellLayout(2, layers=layers)
    rivals = Competitors(facts, layout, {}, {}, {}, 0.0, (6, 5))
    rng = np.random.default_rng(3)
    names = ("usable_land", "need_land", "net_at_plant", "cost_at_plant", "suitability")
    whole = {name: rng.uniform(0.1, 1.0, (2, 6, 5)).astype(np.float32) for name in names}
    whole["limit"] = np.zeros((2, 6, 5), np.uint8)

    def order(block: Block) -> np.ndarray:
        part = {name: array[(slice(None), *block.slices)] for name, array in whole.items()}
        return layout.field(rivals.matrix(part, None, block), "layers").reshape(2, *block.shape)

    one = order(Block(0, 6, 0, 5))
    parts = [[order(Block(r, r + 3, c, d)) for c, d in ((0, 2), (2, 5))] for r in (0, 3)]
    assert np.block(parts).tobytes() == one.tobytes()
    assert np.abs(one - 0.9 * (1.0 - whole["suitability"])).max() <= 0.1 + 1e-6
    assert np.corrcoef(one[1].ravel(), whole["suitability"][1].ravel())[0, 1] < -0.9

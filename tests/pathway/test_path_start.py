"""A sample that leads the sweeps of all cells: the same plan and proof, in fewer sweeps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from plain_course import plain_course

from cdrsite.competition.conflict import ConflictError
from cdrsite.competition.generator import Columns, Generator, SolverOptions
from cdrsite.competition.master import MasterSolution
from cdrsite.competition.problem import (
    ArrayCells,
    Competitor,
    PoolFamily,
    Problem,
    RowTerm,
    SinkFamily,
)
from cdrsite.core.errors import InfeasibleError
from cdrsite.pathway import start
from cdrsite.pathway.course import Path, PathGoal, Target
from cdrsite.pathway.solve import solve_path

FINE = SolverOptions(gap=1e-6, threads=1)
SIZE = 20_000
PART = SIZE / 4000


def region(asked: float, missed: float = np.nan) -> Path:
    """Plants and forest of four basins over three milestones; storage that fills."""
    rng = np.random.default_rng(5)
    basin = np.arange(SIZE) * 4 // SIZE
    cells = ArrayCells(
        land=rng.uniform(50, 100, SIZE), upper=rng.uniform(1, 3, (2, SIZE)),
        net=rng.uniform(0.7, 0.95, (2, SIZE)), need=np.array([[1.0], [50.0]]),
        cost=np.stack([rng.uniform(100, 200, SIZE), rng.uniform(20, 300, SIZE)]),
        zone_ids={"basin": basin}, sink=(basin // 2)[None], sink_cost=rng.uniform(5, 60, (1, SIZE)),
        sink_loss=np.zeros((1, 1)),
    )  # fmt: skip
    pools = [
        PoolFamily("water", "m3/yr", "basin", list("abcd"), np.full(4, 900.0 * PART), {"dac": 1.0})
    ]
    sinks = [SinkFamily("rock", "t/yr", ["x", "y"], np.full(2, 2000.0 * PART))]
    problem = Problem(
        cells, [Competitor("dac"), Competitor("forest", 0.0)], pools, sinks, n_sinks=2
    )
    years, worth = np.array([5.0, 10, 35]), np.array([4.4, 6.8, 9.0])
    course = plain_course(["2030", "2040", "2050"], years, worth, 2, 4)
    course.more_cost[0, 1, 1:, 0], course.more_cost[0, 2, 2:, 0] = -20.0, -40.0
    goal = PathGoal("cost", "USD", [[RowTerm("cost", -w)] for w in worth], -1)
    target = Target(
        "removal", "t/yr", (RowTerm("net"),), asked * PART * np.array([0.2, 0.6, 1]), missed
    )
    return Path(
        problem, course, goal, (target,), life={"rock": PART * np.array([20_000.0, 50_000.0])}
    )


@pytest.fixture(autouse=True)
def _small_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "LEAST", 1)


def test_a_sample_is_every_tenth_cell_of_the_combinations_in_order() -> None:
    rng, path = np.random.default_rng(1), region(3000.0)
    combo = rng.integers(0, 7, SIZE).astype(np.int32)
    block, chosen = start._sample(path.problem.cells, combo, 7)
    found = start.SampledCells(block, {"any": chosen})
    order = np.argsort(combo, kind="stable")
    expected = np.sort(order[5::10])
    assert chosen.tolist() == combo[expected].tolist()
    whole = path.problem.cells.read(0, SIZE)
    assert found.n_cells == len(expected) == 2000
    part = found.read(0, 2000)
    assert part.cost == pytest.approx(whole.cost[:, expected])
    assert part.land == pytest.approx(10 * whole.land[expected])
    assert part.upper == pytest.approx(10 * whole.upper[:, expected])
    assert part.need.tolist() == [[1.0], [50.0]]  # the same in all cells
    assert found.zones("any", 3, 9).tolist() == chosen[3:9].tolist()
    assert found.read(100, 150).sink.tolist() == part.sink[:, 100:150].tolist()


@pytest.mark.parametrize("missed", [np.nan, 150.0])
def test_the_answer_is_that_of_a_cold_start_in_fewer_sweeps(missed: float) -> None:
    path = region(3000.0, missed)
    cold, warm = (solve_path(path, FINE, sampled=one) for one in (False, True))
    assert warm.report.status == "optimal"
    assert warm.report.value == pytest.approx(cold.report.value, rel=2e-6)
    assert warm.report.bound >= cold.report.value - 1e-9 * abs(cold.report.value)
    assert warm.report.iterations < cold.report.iterations
    assert warm.missed.sum() == pytest.approx(cold.missed.sum(), abs=0.02 * PART)


def test_a_conflict_is_the_same_conflict() -> None:
    texts = []
    for one in (False, True):
        with pytest.raises(InfeasibleError) as caught:
            solve_path(region(9000.0), FINE, sampled=one)
        texts.append(str(caught.value))
    assert texts[0] == texts[1]
    assert "removal 2050" in texts[0]


def test_a_conflict_is_named_in_a_few_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """One without a row is told by the columns that are there, or by the first proof."""
    swept, found = Generator._price_out, Generator.feasible
    sweeps: list[str] = []

    def counted(self: Generator, objective: np.ndarray, price: np.ndarray) -> Columns:
        sweeps.append("a sweep")
        return swept(self, objective, price)

    def proven(self: Generator) -> MasterSolution | None:
        solution = found(self)
        sweeps.clear()
        return solution

    monkeypatch.setattr(Generator, "_price_out", counted)
    monkeypatch.setattr(Generator, "feasible", proven)
    with pytest.raises(ConflictError) as caught:
        solve_path(region(9000.0), FINE, sampled=False)
    assert {name for name, _, _ in caught.value.conflict} == {"removal 2050", "rock: x"}
    assert 0 < len(sweeps) < 20


def test_few_cells_begin_cold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "LEAST", SIZE)
    path = replace(region(3000.0))
    runs = [solve_path(path, FINE, sampled=one).report for one in (False, True)]
    assert runs[0] == runs[1]


class Copied:
    """Cells as a store on disk gives them: each part in arrays of its own."""

    def __init__(self, cells: ArrayCells) -> None:
        self.cells, self.n_cells = cells, cells.n_cells
        self.read, self.zones = cells.read, cells.zones


def test_spans_of_the_arrays_give_the_bytes_of_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans that begin within the arrays, at no whole number of tiles."""
    monkeypatch.setattr("cdrsite.competition.rows.BLOCK", 3001)
    path = region(3000.0)
    copied = replace(path, problem=replace(path.problem, cells=Copied(path.problem.cells)))
    spans, copies = (solve_path(one, FINE, sampled=False) for one in (path, copied))
    assert spans.report == copies.report
    assert spans.price.tobytes() == copies.price.tobytes()

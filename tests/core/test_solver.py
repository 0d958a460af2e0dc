"""The one door to HiGHS: who goes through it, how it says it ended, and the signs of prices."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from cdrsite.core.solver import LinearSolver, Programme

PACKAGE = Path(__file__).resolve().parents[2] / "cdrsite"


def imported(path: Path) -> set[str]:
    """Modules that a file imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_nobody_else_imports_a_solver() -> None:
    solvers = {"highspy", "scipy.optimize"}
    importers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(name in solvers or name.startswith("highspy.") for name in imported(path))
    }
    assert importers == {"core/solver.py"}


def programme(
    rows: list[list[float]], low: list[float], high: list[float], **more: Any
) -> Programme:
    """Two columns of 0 to 10 that are worth 1 and 2."""
    matrix = np.array(rows, np.float64).reshape(-1, 2)
    return Programme(
        np.array([1.0, 2.0]), np.zeros(2), np.full(2, 10.0), np.array(low), np.array(high),
        np.arange(0, matrix.size + 1, 2, dtype=np.int32),
        np.tile(np.arange(2, dtype=np.int32), len(matrix)), matrix.ravel(), **more,
    )  # fmt: skip


NONE = np.inf
NO_STEP = {"simplex_iteration_limit": 0, "presolve": "off"}


@pytest.mark.parametrize(
    ("low", "high", "more", "words"),
    [
        ([-NONE], [4.0], {}, "optimal"),
        ([30.0], [NONE], {}, "infeasible"),
        (
            [-NONE],
            [4.0],
            {"simplex_iteration_limit": 0, "presolve": "off"},
            "Iteration limit reached",
        ),
    ],
)
def test_how_it_ended_is_said_in_words(
    low: list[float], high: list[float], more: dict[str, Any], words: str
) -> None:
    assert LinearSolver(programme([[1, 1]], low, high, maximise=True), **more).run() == words


def test_nothing_asked_is_empty_and_a_search_that_is_stopped_says_so() -> None:
    assert LinearSolver().run() == "empty"
    chance = np.random.default_rng(3)
    weights = chance.integers(20, 90, (4, 30)).astype(float)
    whole = Programme(
        chance.integers(20, 90, 30).astype(float), np.zeros(30), np.ones(30),
        np.full(4, -NONE), weights.sum(axis=1) / 2 + 0.5,
        np.arange(0, 121, 30, dtype=np.int32), np.tile(np.arange(30, dtype=np.int32), 4),
        weights.ravel(), integer=np.ones(30, bool), maximise=True,
    )  # fmt: skip
    asked: list[int] = []

    def over() -> bool:
        asked.append(1)
        return True

    stopped = LinearSolver(whole, presolve="off")
    stopped.stop_when(over)
    assert stopped.run() == "work spent" and asked
    solved = LinearSolver(whole)
    assert solved.run() == "optimal" and solved.has_solution
    assert solved.value == pytest.approx(solved.bound, rel=1e-4)
    assert set(np.unique(np.round(solved.x, 6))) <= {0.0, 1.0}


@pytest.mark.parametrize("maximise", [True, False])
@given(limit=st.floats(1.0, 15.0))
@settings(max_examples=examples(10), deadline=None)
def test_a_price_is_what_one_more_of_the_limit_changes(maximise: bool, limit: float) -> None:
    def solved(bound: float) -> LinearSolver:
        low, high = ([-NONE], [bound]) if maximise else ([bound], [NONE])
        solver = LinearSolver(programme([[1, 1]], low, high, maximise=maximise))
        assert solver.run() == "optimal"
        return solver

    sides = np.array([1 if maximise else -1], np.int8)
    here, there = solved(limit), solved(limit + 1e-3)
    if (limit - 10) * (limit + 1e-3 - 10) > 0:  # no kink between the two
        assert here.prices(sides)[0] == pytest.approx((there.value - here.value) / 1e-3, rel=1e-6)
    assert (here.prices(sides) == here.prices()).all()
    assert (here.prices(-sides) == 0).all()  # of the wrong sign: cut
    assert here.row_values == pytest.approx([limit])


def test_rows_and_columns_come_and_go_and_the_last_basis_stays() -> None:
    solver = LinearSolver(maximise=True, simplex_strategy=4)
    none = np.empty(0, np.int32)
    solver.add_rows(np.array([-NONE]), np.array([4.0]), none, none, np.empty(0))
    one = np.zeros(1, np.int32)
    solver.add_columns(np.ones(1), np.zeros(1), np.full(1, 9.0), one, one, np.ones(1))
    assert (solver.run(), solver.value) == ("optimal", 4.0)
    solver.add_columns(np.full(1, 3.0), np.zeros(1), np.full(1, 2.0), one, one, np.ones(1))
    assert (solver.run(), solver.value, solver.x.tolist()) == ("optimal", 8.0, [2.0, 2.0])
    solver.set_bounds(np.zeros(1), np.ones(1), first=1)
    solver.set_costs(np.array([2.0]))
    assert (solver.run(), solver.value) == ("optimal", 9.0)
    assert solver.reduced_costs[1] == pytest.approx(1.0)
    solver.set_row(0, -NONE, 6.0)
    assert (solver.run(), solver.value) == ("optimal", 13.0)
    solver.delete_rows(one)
    solver.forget()
    assert (solver.run(), solver.x.tolist()) == ("optimal", [9.0, 1.0])

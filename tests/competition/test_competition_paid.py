"""Payments that hold in some zones or at some sinks only, against the whole programme."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from competition_problems import FINE, problems
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from cdrsite.competition.objectives import Objective
from cdrsite.competition.paid import Arrival, CellLayer, PaidCells, Part
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import ArrayCells, Competitor, Problem, RowTerm, SinkFamily
from cdrsite.testing.exact import solve_whole

GOAL = Objective(
    "value",
    (
        RowTerm("inside", 20.0, ("beccs",)), RowTerm("net inside", 70.0, ("dac",)),
        RowTerm("at b", 60.0, ("dac",)), RowTerm("at b", 25.0, ("beccs",)),
        RowTerm("here", 40.0, ("dac",)), RowTerm("net", 30.0), RowTerm("cost", -1.0),
    ),
    "USD/yr",
)  # fmt: skip


def paid(problem: Problem) -> Problem:
    """The problem with quantities of a province, of a sink, and of both."""
    part, sinks = Part("province", (1,)), np.arange(problem.n_sinks) == problem.n_sinks - 1
    layers = (CellLayer("inside", part), CellLayer("net inside", part, 0))
    arrivals = (Arrival("at b", 0.95, sinks), Arrival("here", 0.0, sinks, part))
    return replace(
        problem,
        cells=PaidCells(problem.cells, layers, arrivals),
        layers=(*problem.layers, "inside", "net inside"),
        arrivals=("at b", "here"),
        zonings=("province",),
    )


@settings(max_examples=examples(60))
@given(problems(policies=False))
def test_same_optimum_as_the_whole_programme(plain: Problem) -> None:
    problem = paid(plain)
    exact = solve_whole(problem, GOAL).value
    found = solve(problem, GOAL, FINE)
    assert found.report.value == pytest.approx(exact, rel=1e-6, abs=1e-6)
    assert found.report.bound >= found.report.value * (1 - 1e-9)
    totals = found.totals.by_combo.sum(axis=0)
    counted = problem.counted
    earned = sum(
        term.weight * totals[m, counted.index(term.quantity)]
        for term in GOAL.terms
        for m, name in enumerate(problem.method_names)
        if term.methods is None or name in term.methods
    )
    assert earned == pytest.approx(found.report.value, rel=1e-6, abs=1e-6)


@given(st.floats(0, 60), st.floats(0, 60), st.floats(0, 0.4))
def test_a_tonne_goes_where_it_earns_most(near: float, far: float, lost: float) -> None:
    """Two stores: b is dearer by 10 USD/t and loses some on the way."""
    cells = ArrayCells(
        land=np.array([10.0]), upper=np.array([[5.0]]), net=np.array([[0.9]]),
        cost=np.array([[1.0]]), need=np.array([[1.0]]), zone_ids={},
        sink=np.array([[0], [1]], np.int32), sink_cost=np.array([[0.0], [10.0]]),
        sink_loss=np.array([[0.0], [lost]]),
    )  # fmt: skip
    arrivals = tuple(
        Arrival(name, 1.0, np.array([name == "a", name == "b"])) for name in ("a", "b")
    )
    problem = Problem(
        PaidCells(cells, (), arrivals), [Competitor("dac")],
        sinks=[SinkFamily("storage", "t/yr", ("a", "b"), np.array([100.0, 100.0]))],
        n_sinks=2, arrivals=("a", "b"),
    )  # fmt: skip
    terms = (RowTerm("a", near), RowTerm("b", far), RowTerm("cost", -1.0))
    best = solve(problem, Objective("value", terms, "USD/yr"), FINE)
    worth = max(near - 1.0, far * (1.0 - lost) - 11.0, 0.0)
    assert best.report.value == pytest.approx(5.0 * worth, abs=1e-9)

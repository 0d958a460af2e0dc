"""Small random paths, and the check that two ways of solving them agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from competition_problems import problems
from hypothesis import strategies as st
from plain_course import plain_course
from whole_path import whole_path

from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.problem import RowTerm
from cdrsite.core.errors import InfeasibleError
from cdrsite.pathway.course import GrowthRow, Path, PathGoal, SinkGrowth, Target
from cdrsite.pathway.solve import solve_path

FINE = SolverOptions(gap=1e-9, threads=1)
NAMES = ("2030", "2040", "2050")


@st.composite
def paths(draw: st.DrawFn, *, missed: bool = False) -> Path:
    """A small random path; every kind of row occurs."""
    problem = draw(problems(policies=draw(st.booleans())))
    needs = [[n if isinstance(n, str) else abs(n) for n in row] for row in problem.local_need]
    problem = replace(problem, local_need=needs)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(1, 3))
    years, worth = rng.uniform(5, 30, count), rng.uniform(2, 14, count)
    quantities = len(problem.counted)
    course = plain_course(NAMES[:count], years, worth, 3, quantities)
    if draw(st.booleans()):  # a forest whose growth slows down
        course.output[2] = np.triu(rng.uniform(0.2, 1.3, (count, count)))
    if draw(st.booleans()):  # a grid that gets cleaner, plants that get cheaper
        course.more_net[:2, :, 0] = -rng.uniform(0, 0.4, (2, count))
        course.more_cost[:2, :, :, 0] = rng.uniform(-4, 4, (2, count, count))
    if draw(st.booleans()):
        course.open[:] = rng.random((3, count)) < 0.7
    target = np.where(rng.random(count) < 0.7, rng.uniform(0, 8, count), np.nan)
    targets = [Target("removal", "t/yr", (RowTerm("net"),), target, 90.0 if missed else np.nan)]
    growth = []
    if draw(st.booleans()):
        growth.append(GrowthRow("dac", rng.uniform(1, 2, count), rng.uniform(0, 4, count)))
    supply = {"water": rng.uniform(0.3, 1.5, count), "storage": rng.uniform(0.5, 1.5, count)}
    life = {}
    if draw(st.booleans()):
        pore = problem.sinks[0].supply * rng.uniform(5, 40)
        life, supply = {"storage": pore}, {"water": supply["water"]}
    if draw(st.booleans()):
        goal = PathGoal("cost", "USD", [[RowTerm("cost", -w)] for w in worth], -1)
    else:
        goal = PathGoal(
            "net", "t", [[RowTerm("net", w), RowTerm("cost", -0.01 * w)] for w in years]
        )
    injection = None
    if draw(st.booleans()):  # storage that is proven step by step
        names = [f"unit {s}" for s in range(problem.n_sinks)]
        factor, seed = rng.uniform(1, 2, count), rng.uniform(0.5, 5, count)
        injection = SinkGrowth(names, factor, seed)
    budget = float(rng.uniform(500, 20_000)) if draw(st.booleans()) else np.inf
    return Path(
        problem, course, goal, tuple(targets), tuple(growth), supply, life, injection, budget
    )


def check(path: Path) -> None:
    """Value, bound and rows of the two ways are the same."""
    whole = whole_path(path)
    if whole is None:
        with pytest.raises(InfeasibleError):
            solve_path(path, FINE)
        return
    found = solve_path(path, FINE)
    size = max(abs(whole.value), 1e-3)
    assert abs(found.report.value - whole.value) <= 1e-6 * size
    assert found.report.bound >= whole.value - 1e-6 * size
    matrix = path.goal.matrix(path.problem, path.course)
    sales = found.system.sales
    value = found.value_of(matrix) - float(sales.price @ found.sold)
    assert value == pytest.approx(found.report.value, rel=1e-6, abs=1e-6)
    limits, scale = found.system.limits, np.maximum(found.scale, 1.0)
    senses = np.array(found.system.senses, "<U2")
    over = np.where(senses != ">=", found.use - limits, 0.0)
    under = np.where(senses != "<=", limits - found.use, 0.0)
    assert (np.maximum(over, under) <= 1e-6 * scale).all()
    count = path.problem.cells.n_cells
    x, sums = found.laid_out(path.problem.cells.read(0, count), 0, count)
    assert sums.by_combo == pytest.approx(found.totals.by_combo, abs=1e-7)
    assert x.sum(axis=(2, 3)) == pytest.approx(found.built[:, :, 0], abs=1e-7)

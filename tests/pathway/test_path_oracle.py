"""Paths by column generation against the whole programme, on small random problems."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from examples import examples
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_paths import FINE, check, paths
from whole_path import whole_path

from cdrsite.competition import master
from cdrsite.competition.sold import nothing_sold
from cdrsite.pathway import start
from cdrsite.pathway.course import Path
from cdrsite.pathway.solve import solve_path


@settings(max_examples=examples(60), deadline=None)
@given(paths())
def test_generation_is_the_whole_programme(path: Path) -> None:
    check(path)


@settings(max_examples=examples(30), deadline=None)
@given(paths(missed=True))
def test_targets_that_may_be_missed(path: Path) -> None:
    check(path)


@settings(max_examples=examples(20), deadline=None)
@given(paths(missed=True), st.floats(1.0, 3.0))
def test_more_pore_space_is_never_worse(path: Path, more: float) -> None:
    life = path.life or {"storage": path.problem.sinks[0].supply * 10}
    first = whole_path(replace(path, life=life, supply={}))
    if first is None:
        return
    wider = {name: value * more for name, value in life.items()}
    second = solve_path(replace(path, life=wider, supply={}), FINE)
    assert second.report.value >= first.value - 1e-6 * max(abs(first.value), 1e-3)


def with_more(path: Path, row: str, amount: float) -> Path | None:
    """The same with more of a limit of its own: of a target, of growth, or of pore space."""
    for target in path.targets:
        for t, name in enumerate(path.course.names):
            if row == f"{target.name} {name}":
                limit = target.limit.copy()
                limit[t] += amount
                return replace(path, targets=(replace(target, limit=limit),))
    for growth in path.growth:
        for t, name in enumerate(path.course.names):
            if row == f"growth of {growth.method} {name}":
                seed = growth.seed.copy()
                seed[t] += amount
                return replace(path, growth=(replace(growth, seed=seed),))
    for family, total in path.life.items():
        for z, zone in enumerate(path.problem.sinks[0].zones):
            if row == f"{family}: {zone}":
                wider = np.array(total, np.float64)
                wider[z] += amount
                return replace(path, life={family: wider})
    return None


@settings(max_examples=examples(15), deadline=None)
@given(paths(missed=True))
def test_prices_bound_what_a_little_more_or_less_of_a_row_is_worth(path: Path) -> None:
    """The value is concave in each limit: a price lies between the slopes to both sides."""
    if whole_path(path) is None:
        return
    found = solve_path(path, FINE)
    for r, row in enumerate(found.system.rows):
        step = 1e-3 * max(abs(row.limit), 1.0)
        near = [with_more(path, row.name, sign * step) for sign in (1.0, -1.0)]
        if near[0] is None or near[1] is None or row.limit < step:
            continue
        more, less = (whole_path(one) for one in near)
        assert more is not None
        assert less is not None
        exact = 1e-7 * max(abs(found.report.value), 1.0)
        assert more.value - found.report.value <= found.price[r] * step + exact
        assert less.value - found.report.value <= -found.price[r] * step + exact


@pytest.mark.parametrize("part", [2, 3])
@settings(
    max_examples=examples(12), deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(path=paths(missed=True) | paths())
def test_a_sample_that_is_far_from_all_cells_leads_to_the_same_plan(
    part: int, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a few cells: it draws on rows that it has no cells for, and its limits run out."""
    assume(path.problem.cells.n_cells >= part)
    monkeypatch.setattr(start, "LEAST", 0)
    monkeypatch.setattr(start, "PART", part)
    check(path)


@settings(
    max_examples=examples(20), deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(path=paths(missed=True) | paths())
def test_columns_that_are_dropped_come_again_where_they_are_needed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(master, "LONG", 2)
    monkeypatch.setattr(master, "MANY", 1)
    monkeypatch.setattr(master, "PART", 0.0)
    check(path)


def test_idle_columns_are_dropped_and_the_basis_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four columns of one row: one is in the mix, and the one that comes next goes on from it."""
    monkeypatch.setattr(master, "LONG", 1)
    monkeypatch.setattr(master, "MANY", 2)
    one = master.Master(
        ["<="], np.array([1.0]), np.ones(1), 1.0, 1, nothing_sold(), np.zeros(0),
        optional=True, lean=True,
    )  # fmt: skip
    for origin, (value, use) in enumerate([(1.0, 1.0), (3.0, 1.0), (2.0, 1.0), (1.0, 2.0)]):
        one.add_columns(np.array([value]), np.array([[use]]), np.zeros(1, np.int64), origin)
    found = one.solve()
    assert one.origin.tolist() == [1]
    assert found.value == pytest.approx(3.0)
    assert found.share == pytest.approx([1.0])
    one.add_columns(np.array([4.0]), np.array([[1.0]]), np.zeros(1, np.int64), 4)
    found = one.solve()
    assert one.origin.tolist() == [1, 4]
    assert found.value == pytest.approx(4.0)
    assert found.share == pytest.approx([0.0, 1.0])

"""Paths by column generation against the whole programme, on small random problems."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from random_paths import FINE, check, paths
from whole_path import whole_path

from cdrsite.pathway.course import Path
from cdrsite.pathway.solve import solve_path


@settings(max_examples=60, deadline=None)
@given(paths())
def test_generation_is_the_whole_programme(path: Path) -> None:
    check(path)


@settings(max_examples=30, deadline=None)
@given(paths(missed=True))
def test_targets_that_may_be_missed(path: Path) -> None:
    check(path)


@settings(max_examples=20, deadline=None)
@given(paths(missed=True), st.floats(1.0, 3.0))
def test_more_pore_space_is_never_worse(path: Path, more: float) -> None:
    life = path.life or {"storage": path.problem.sinks[0].supply * 10}
    first = whole_path(replace(path, life=life, supply={}))
    if first is None:
        return
    wider = {name: value * more for name, value in life.items()}
    second = solve_path(replace(path, life=wider, supply={}), FINE)
    assert second.report.value >= first.value - 1e-6 * max(abs(first.value), 1e-3)

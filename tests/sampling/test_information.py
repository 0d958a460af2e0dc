"""Regret and the value of information, on tables whose answers are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.sampling.additive import curves_of
from cdrsite.sampling.design import points
from cdrsite.sampling.information import Worths, degree_for, knowing_all, knowing_some


def two_methods(samples: int, seed: int = 1):
    """Two methods on one pool of 60: A needs 2 of it, B needs T ~ U(1, 4); plans of each."""
    made = points(samples, 2, seed)
    need, pool = 1.0 + 3.0 * made[:, 0], 40.0 + 40.0 * made[:, 1]
    return made, need, pool


def test_golden_of_one_uncertain_need() -> None:
    made, need, _ = two_methods(1024)
    worths = Worths(60.0 / np.minimum(2.0, need), np.stack([np.full(1024, 30.0), 60.0 / need]))
    every, among = knowing_all(worths)
    assert every.value == pytest.approx(20.0 * (1.0 + math.log(2.0)) - 30.0, abs=2e-3)
    assert among == every
    assert every.found
    assert worths.leader == 0
    columns = [curves_of(made[:, 0], degree=degree_for(1024, 1))]
    known = knowing_some(worths, columns, {"T": [0]}, 1)
    assert known["T"].value == pytest.approx(3.862943611, abs=2e-3)
    assert known["T"].found


def test_golden_of_a_need_and_a_pool() -> None:
    """Which method is better does not depend on the pool: to know it is worth nothing."""
    made, need, pool = two_methods(1024)
    worths = Worths(pool / np.minimum(2.0, need), np.stack([pool / 2.0, pool / need]))
    columns = [curves_of(column, degree=degree_for(1024, 2)) for column in made.T]
    known = knowing_some(worths, columns, {"T": [0], "W": [1], "both": [0, 1]}, 1)
    assert knowing_all(worths)[0].value == pytest.approx(3.862943611, abs=2e-3)
    assert known["T"].value == pytest.approx(3.862943611, abs=5e-3)
    assert known["W"].value == pytest.approx(0.0, abs=1e-9)
    assert known["W"].worth == 0.0
    assert not known["W"].found
    assert known["both"].value >= known["T"].value - 5e-3


@st.composite
def tables(draw: st.DrawFn) -> tuple[Worths, list[np.ndarray]]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    samples, plans = draw(st.sampled_from([16, 32, 64])), draw(st.integers(1, 4))
    numbers = draw(st.integers(1, 5))
    chances = rng.random((samples, numbers))
    worth = rng.random((plans, numbers)) @ chances.T + draw(
        st.sampled_from([0.0, 0.1, 1.0])
    ) * rng.random((plans, samples))
    best = worth.max(axis=0) + rng.random(samples) * draw(st.sampled_from([0.0, 0.5]))
    return Worths(best, worth), [curves_of(column) for column in chances.T]


@given(tables())
def test_knowing_all_is_worth_no_less_than_knowing_some(table) -> None:
    worths, columns = table
    every, among = knowing_all(worths)
    assert every.value >= among.value >= 0.0
    sets = {str(j): [j] for j in range(len(columns))} | {"all": list(range(len(columns)))}
    for one in knowing_some(worths, columns, sets, 7).values():
        if not math.isnan(one.value):  # there is room for few numbers in a fit to few samples
            assert among.value * (1 + 1e-12) >= one.value >= 0.0
            assert one.worth >= 0.0
            assert not one.found or one.value > one.noise
    assert (worths.regret >= 0.0).all()


def test_noise_is_no_finding() -> None:
    """Plans that differ by noise alone: what a number seems to be worth stands there by chance."""
    rng = np.random.default_rng(3)
    found, seems = 0, 0
    for seed in range(12):
        plans = rng.normal(100.0, 5.0, (6, 128))
        plans -= plans.mean(axis=1, keepdims=True) - 100.0
        worths = Worths(plans.max(axis=0), plans)
        columns = [curves_of(column) for column in points(128, 12, seed).T]
        known = knowing_some(worths, columns, {str(j): [j] for j in range(12)}, seed)
        assert max(one.worth for one in known.values()) < 2.0
        seems += sum(one.value > 0.0 for one in known.values())
        found += sum(one.found for one in known.values())
    assert seems > 0  # noise does look like value
    assert found <= 4  # of 144


def test_without_a_spread_nothing_is_worth_knowing() -> None:
    plans = np.tile([[5.0], [4.0]], (1, 32))
    worths = Worths(np.full(32, 5.0), plans)
    assert [one.value for one in knowing_all(worths)] == [0.0, 0.0]
    assert worths.regret[0].max() == 0.0
    columns = [curves_of(points(32, 1, 1)[:, 0])]
    known = knowing_some(worths, columns, {"a": [0]}, 1)
    assert known["a"].value == 0.0
    assert not known["a"].found


def test_a_plan_that_found_more_than_the_best_raises_it() -> None:
    """Plans of samples are known to their gap only."""
    worths = Worths(np.array([1.0, 1.0]), np.array([[1.1, 0.5]]))
    assert worths.best.tolist() == [1.1, 1.0]


def test_which_plan_leads_and_which_is_cautious() -> None:
    worths = Worths(np.array([10.0, 10.0]), np.array([[10.0, 3.0], [6.0, 6.0], [0.0, 0.0]]))
    assert worths.leader == 0
    assert worths.cautious == 1


def test_every_plan_needs_a_worth() -> None:
    with pytest.raises(ValueError, match="every plan needs a worth"):
        Worths(np.zeros(1), np.array([[np.nan]]))

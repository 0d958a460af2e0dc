"""Laws of uncertain numbers against their closed forms, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cdrsite.core.errors import ConfigError
from cdrsite.sampling.laws import Either, Triangular, Uniform, law_of, lognormal

U = (np.arange(20_000) + 0.5) / 20_000


def test_a_narrow_range_is_a_triangle_with_the_value_as_its_top() -> None:
    law = law_of("x", 550.0, 720.0, 1800.0)
    oracle = stats.triang(c=(720 - 550) / 1250, loc=550, scale=1250)
    np.testing.assert_allclose(law.at(U), oracle.ppf(U), rtol=1e-12)
    assert law.name == "triangular"


def test_a_range_of_ten_is_one_of_the_logarithm() -> None:
    law = law_of("x", 2.27, 10.0, 83.0)
    low, mode, high = map(math.log, (2.27, 10.0, 83.0))
    oracle = stats.triang(c=(mode - low) / (high - low), loc=low, scale=high - low)
    np.testing.assert_allclose(np.log(law.at(U)), oracle.ppf(U), rtol=1e-12)
    assert law.name == "log-triangular"


@pytest.mark.parametrize(
    ("low", "value", "high", "expected"),
    [
        (2.0, 2.0, 83.0, Uniform(2.0, 83.0, log=True)),
        (None, 2.0, 83.0, Uniform(2.0, 83.0, log=True)),
        (0.0, 1.667, 1.667, Uniform(0.0, 1.667)),
        (0.0, 1.0, 1.667, Triangular(0.0, 1.0, 1.667)),
        (1.0, 1.0, 2.0, Triangular(1.0, 1.0, 2.0)),
        (-3.0, -1.0, 2.0, Triangular(-3.0, -1.0, 2.0)),
        (5.0, 5.0, 5.0, Triangular(5.0, 5.0, 5.0)),
    ],
)
def test_which_law_a_range_has(low, value, high, expected) -> None:
    assert law_of("x", low, value, high) == expected


@pytest.mark.parametrize("ends", ["p5-p95", "p10-p90"])
@pytest.mark.parametrize("numbers", [(3.0, 4.0, 6.0), (3.0, 3.0, 6.0), (1.0, 3.0, 20.0), (1, 1, 9)])
def test_ends_that_are_quantiles_are_exceeded_that_often(ends, numbers) -> None:
    low, value, high = map(float, numbers)
    drawn = law_of("x", low, value, high, ends).at(U)
    tail = {"p5-p95": 0.05, "p10-p90": 0.1}[ends]
    assert np.mean(drawn < low) == pytest.approx(tail, abs=2e-4)
    assert np.mean(drawn > high) == pytest.approx(tail, abs=2e-4)


def test_what_is_not_negative_stays_so() -> None:
    assert law_of("x", 0.0, 1.0, 2.0, "p10-p90").at(U).min() >= 0.0


@given(
    numbers=st.lists(st.floats(1e-3, 1e6), min_size=3, max_size=3),
    u=st.lists(st.floats(1e-6, 1 - 1e-6), min_size=2, max_size=9),
)
def test_values_rise_with_the_chance_and_stay_inside(numbers, u) -> None:
    low, value, high = sorted(numbers)
    drawn = law_of("x", low, value, high).at(np.array(sorted(u)))
    assert (np.diff(drawn) >= -1e-12 * high).all()
    assert (drawn >= low).all()
    assert (drawn <= high).all()


def test_alternatives_come_by_their_weights() -> None:
    numbers = Either((1.0, 3.0)).at(U)
    assert np.mean(numbers == 0.0) == pytest.approx(0.25)
    assert set(numbers) == {0.0, 1.0}


def test_factors_of_a_relative_error_have_the_mean_one() -> None:
    factors = lognormal(stats.norm.ppf(U), 0.3)
    assert factors.mean() == pytest.approx(1.0, abs=1e-3)
    assert factors.std() == pytest.approx(0.3, rel=5e-3)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((3383.0, 1472.0, 742.0), ("low above high", "3383", "742", "exchange them")),
        ((10.0, 5.0, 20.0), ("the value is outside its range", "value 5", "give central")),
        ((1.0, math.nan, 2.0), ("a range needs numbers",)),
    ],
)
def test_a_range_in_disorder_is_refused_with_its_key(numbers, words) -> None:
    with pytest.raises(ConfigError) as caught:
        law_of("uncertainty.methods.daccs-liquid.heat", *numbers, unit="kWh/t")
    for word in (*words, "uncertainty.methods.daccs-liquid.heat"):
        assert word in str(caught.value)

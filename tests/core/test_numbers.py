"""Numbers for people: round lengths of bars and amounts of legends."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.core.numbers import round_below


@given(st.floats(1e-200, 1e200))
def test_a_round_length_is_below_and_not_by_half(value: float) -> None:
    found = round_below(value)
    assert value / 2.5 * (1 - 1e-9) <= found <= value * (1 + 1e-9)
    assert f"{found:.6e}"[:8] in {"1.000000", "2.000000", "5.000000"}


@pytest.mark.parametrize("power", range(-9, 10))
@pytest.mark.parametrize("step", [1, 2, 5])
def test_what_is_round_stays(step: int, power: int) -> None:
    value = float(f"{step}e{power}")
    assert math.isclose(round_below(value), value)
    for near in (math.nextafter(value, 0.0), math.nextafter(value, math.inf)):
        assert math.isclose(round_below(near), value)  # a hair is no step

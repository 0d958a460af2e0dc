"""What a cost is made of: parts as multiples of what a result keeps add up to the cost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.methods.rivals import RivalSums, cost_variables, multiple
from cdrsite.scoring.numpy_backend import sum_of
from cdrsite.scoring.sums import Sum, Term, const, layer

LAYERS = ("heat factor", "inverse productivity", "land need")
NUMBERS = st.floats(0.01, 1000.0)


@st.composite
def sums(draw: st.DrawFn) -> Sum:
    """A sum of products of a few layers."""
    names = st.lists(st.sampled_from(LAYERS), max_size=2, unique=True).map(tuple)
    terms = draw(st.lists(st.tuples(NUMBERS, names), max_size=3))
    return Sum(tuple(Term(number, layers) for number, layers in terms))


@st.composite
def rivals(draw: st.DrawFn) -> RivalSums:
    """Parts of which some are multiples of needs or of each other."""
    land, heat, capital = draw(sums()), draw(sums()), draw(sums())
    parts = {
        "capital": capital,
        "fixed_om": capital * draw(NUMBERS),
        "variable_om": const(draw(NUMBERS)),
        "heat": heat * draw(NUMBERS),
        "land": land * draw(NUMBERS),
        "revenue": const(-draw(NUMBERS)),
    }
    return RivalSums(land, const(0.9), parts, {"heat": heat, "water": const(3.0)}, const(1.0))


@given(rivals(), st.lists(st.floats(0.125, 8.0, width=32), min_size=3, max_size=3))
def test_the_parts_of_a_cost_add_up_to_it(made: RivalSums, values: list[float]) -> None:
    layers = {
        name: np.full(2, value, np.float32) for name, value in zip(LAYERS, values, strict=True)
    }
    kept = {"need_land": made.land} | {f"need_{name}": one for name, one in made.needs.items()}
    kept |= {f"cost_{part}": made.parts[part] for part in cost_variables(made.split)}
    found = {}
    for part, (coefficient, name) in made.split.items():
        of = sum_of(kept[name], layers) if name else 1.0
        found[part] = coefficient * np.float64(np.max(of))
        told = float(np.max(sum_of(made.parts[part], layers)))
        assert found[part] == pytest.approx(told, rel=1e-5, abs=1e-9), part
    total = float(np.max(sum_of(made.cost, layers)))
    assert sum(found.values()) == pytest.approx(total, rel=1e-5, abs=1e-2)


@given(rivals())
def test_only_what_is_a_multiple_of_nothing_is_kept(made: RivalSums) -> None:
    assert set(cost_variables(made.split)) <= {"capital"}


def test_multiples_written_out() -> None:
    x, y = layer("x"), layer("y")
    assert multiple(6.0 * x + 3.0 * y, 2.0 * x + y) == 3.0
    assert multiple(x * y, y * x) == 1.0
    assert multiple(6.0 * x + 4.0 * y, 2.0 * x + y) is None
    assert multiple(x, y) is None and multiple(const(0.0), const(0.0)) is None

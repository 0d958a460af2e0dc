"""Shapes that need one turn at most are turned at once; it makes no difference to any."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.layers import seam

DEGREES = st.integers(-800, 800)


@given(
    st.lists(st.tuples(DEGREES, st.integers(0, 400), st.booleans()), min_size=1, max_size=6),
    st.integers(-360, 360),
    st.sampled_from([1, 90, 359, 360]),
)
def test_all_at_once_as_each_alone(
    ends: list[tuple[int, int, bool]], west: int, width: int
) -> None:
    shapes = np.array(
        [
            shapely.box(low, 0, low + span, 1) if span and flat else
            shapely.LineString([(low, 0), (low + span, 1)])
            for low, span, flat in ends
        ]
    )  # fmt: skip
    east = west + width
    found = seam.turned(shapes, west, east)
    for shape, one in zip(shapes, found, strict=True):
        low, _, high, _ = shape.bounds
        if low >= west and high <= east and high - low >= 360:
            continue  # a whole circle stays as it is
        assert shapely.equals(one, seam._turned_parts(shape, west, east))


def test_many_lines_of_a_grid_that_may_reach_around_the_earth_are_turned_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = shapely.linestrings([[(5 + k / 100, 50), (6 + k / 100, 51)] for k in range(50)])
    edge = shapely.box(-174, 50, -173, 51)  # meets both ends of the window
    asked: list[int] = []
    plainly = seam._turned_parts

    def counted(shape: shapely.Geometry, west: float, east: float) -> shapely.Geometry:
        asked.append(1)
        return plainly(shape, west, east)

    monkeypatch.setattr(seam, "_turned_parts", counted)
    found = seam.turned(np.array([*lines, edge]), -173.8, 186.2)
    assert len(asked) == 1
    assert shapely.equals_exact(found[:-1], lines).all()
    assert found[-1].area == pytest.approx(1.0)

"""The frame that small maps share: no circle is cut by it, and it grows only where it must."""

from __future__ import annotations

import geopandas as gpd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdrsite.compare.extent import CIRCLE, Spot, radius, with_room
from cdrsite.compare.moved import DRAWN

WIDE, HIGH, MOST = 100.0, 80.0, 1e6
SPOT = Spot(WIDE, HIGH, 0.0, HIGH, 0.0, 0.0, 1.0, 1.0, CIRCLE * WIDE)

Points = list[tuple[float, float, float]]
points = st.tuples(st.floats(0, WIDE), st.floats(0, HIGH), st.floats(1.0, MOST))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(points, min_size=1, max_size=6), min_size=1, max_size=3))
def test_every_circle_lies_within_the_frame_of_all_maps(
    maps: list[Points],
) -> None:
    spots = {str(i): SPOT for i in range(len(maps))}
    drawn = [
        (SPOT, gpd.GeoSeries.from_xy([p[0] for p in own], [p[1] for p in own]), [p[2] for p in own])
        for own in maps
    ]
    grown = with_room(spots, drawn, MOST)
    assert len({(spot.wide, spot.high, spot.x_km, spot.y_km) for spot in grown.values()}) == 1
    for spot, (_, middles, tonnes) in zip(grown.values(), drawn, strict=True):
        assert spot.largest == SPOT.largest  # the circles keep their size
        for x, y, size in zip(*spot.at(middles), tonnes, strict=True):
            if size >= DRAWN * MOST:
                r = radius(spot, size, MOST)
                assert r <= x <= spot.wide - r and r <= y <= spot.high - r


@pytest.mark.parametrize(("x", "size", "grows"), [(50.0, MOST, False), (1.0, MOST, True),
                                                   (1.0, DRAWN * MOST / 2, False)])  # fmt: skip
def test_the_frame_stays_where_no_circle_reaches_beyond(x: float, size: float, grows: bool) -> None:
    middle = gpd.GeoSeries.from_xy([x], [HIGH / 2])
    found = with_room({"a": SPOT}, [(SPOT, middle, [size])], MOST)["a"]
    assert (found != SPOT) is grows

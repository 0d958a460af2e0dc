"""Zones that touch never share a colour, on any map."""

from __future__ import annotations

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_study import tiny_grid

from cdrsite.outputs.palette import LABEL_COLOURS
from cdrsite.outputs.zones import shade_of, touching, touching_blocks, zone_colours


def test_neighbours_share_an_edge_or_a_corner() -> None:
    labels = np.array([[0, 0, 1], [2, -1, 3], [2, 4, 4]])
    assert touching(labels) == {(0, 1), (0, 2), (0, 3), (1, 3), (2, 4), (3, 4)}


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_blocks_see_the_neighbours_across_their_seams(size: int) -> None:
    grid = tiny_grid()
    labels = np.arange(grid.rows * grid.cols).reshape(grid.rows, grid.cols) // 3
    assert touching_blocks(lambda b: labels[b.slices], grid, size) == touching(labels)


def test_eleven_basins_of_which_neighbours_had_one_colour() -> None:
    """Colours in turn gave the first and the tenth basin the same one, side by side."""
    labels = np.array([[0, 9], [1, 10]])
    assert LABEL_COLOURS[0] == LABEL_COLOURS[9 % len(LABEL_COLOURS)]
    colours = zone_colours(range(11), touching(labels))
    assert colours[0] != colours[9] and colours[1] != colours[10]


@settings(max_examples=examples(60), deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_no_two_that_touch_share_a_colour(zones: int, seed: int) -> None:
    labels = np.random.default_rng(seed).integers(-1, zones, (9, 9))
    pairs = touching(labels)
    colours = zone_colours(range(zones), pairs)
    assert all(colours[one] != colours[other] for one, other in pairs)
    assert list(colours) == list(range(zones))
    if zones <= len(LABEL_COLOURS):
        assert len(set(colours.values())) == zones  # as long as there are enough, each its own


def test_a_hub_of_many_neighbours_has_a_colour_too() -> None:
    """More zones that all touch than the palette has colours."""
    many = 3 * len(LABEL_COLOURS)
    pairs = {(one, other) for other in range(many) for one in range(other)}
    colours = zone_colours(range(many), pairs)
    assert len(set(colours.values())) == many
    assert len({shade_of(place) for place in range(many)}) == many

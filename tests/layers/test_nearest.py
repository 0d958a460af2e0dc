"""Distances to the nearest of many segments, against a look at every segment for every point."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.layers._kernel_nearest import nearest
from cdrsite.layers.nearest import Nearest

SIDE = 1000.0


def grid_of(rows: int, cols: int) -> AnalysisGrid:
    bounds = (4e6, 3e6, 4e6 + cols * SIDE, 3e6 + rows * SIDE)
    return AnalysisGrid.from_bounds("EPSG:3035", bounds, SIDE, snap=None)


def by_all(segments: Any, x: Any, y: Any) -> np.ndarray:
    """Distance and nearest point, shape (3, rows, cols); of equally near ones the first."""
    best = np.full((3, *x.shape), np.nan)
    best[0] = np.inf
    for ax, ay, bx, by in segments:
        dx, dy = bx - ax, by - ay
        length = dx * dx + dy * dy
        t = ((x - ax) * dx + (y - ay) * dy) / length if length > 0 else np.zeros_like(x)
        t = np.clip(t, 0.0, 1.0)
        px, py = ax + t * dx, ay + t * dy
        d = (x - px) ** 2 + (y - py) ** 2
        best = np.where(d < best[0], np.stack([d, px, py]), best)
    best[0] = np.sqrt(best[0])
    return best


def found_by(made: Nearest, x: Any, y: Any) -> np.ndarray:
    out = np.empty((3, *x.shape))
    where = (made.segments, made.ends, made.items, made.x0, made.y0, made.size)
    nearest(x, y, *where, out)
    return out


def centres(grid: AnalysisGrid) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(grid.x, grid.y)
    return x, y


@settings(max_examples=examples(40), deadline=None)
@given(
    rows=st.integers(1, 70),
    cols=st.integers(1, 70),
    count=st.integers(1, 60) | st.just(1500),
    spread=st.sampled_from([0.02, 0.3, 1.0, 6.0]),
    away=st.sampled_from([0.0, 0.5, 3.0, 40.0]),
    whole=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_every_point_has_the_nearest_of_all_segments(
    rows: int, cols: int, count: int, spread: float, away: float, whole: bool, seed: int
) -> None:
    """Lines and points inside and outside of the grid; whole numbers make many of them tie."""
    rng, grid = np.random.default_rng(seed), grid_of(rows, cols)
    size = max(rows, cols) * SIDE
    start = rng.uniform(0, 1, (count, 2)) * size * spread + away * size
    ends = np.stack([start, start + rng.normal(0, 3 * SIDE, (count, 2))], axis=1)
    if whole:
        ends = np.round(ends / SIDE) * SIDE  # corners of cells
    ends += [grid.west, grid.north - rows * SIDE]
    made = Nearest(np.array([*shapely.linestrings(ends), shapely.Point(ends[0, 0])]), grid)
    x, y = centres(grid)
    expected = by_all(made.segments, x, y)
    found = found_by(made, x, y)
    assert found[0].tolist() == expected[0].tolist()
    assert found[1].tolist() == expected[1].tolist()
    assert found[2].tolist() == expected[2].tolist()


def test_blocks_of_any_size_have_the_same_distances() -> None:
    grid = grid_of(75, 90)
    rng = np.random.default_rng(3)
    ends = rng.uniform(-20 * SIDE, 120 * SIDE, (40, 2, 2)) + np.array([grid.west, 3e6])
    made = Nearest(shapely.linestrings(ends), grid)
    whole = made.distance(Block(0, 75, 0, 90))
    for block in (Block(0, 33, 0, 90), Block(7, 75, 41, 90), Block(74, 75, 89, 90)):
        part = made.distance(block)
        assert part.tobytes() == whole[block.row0 : block.row1, block.col0 : block.col1].tobytes()
    truth = shapely.distance(
        shapely.points(*centres(grid))[:, :, None], shapely.linestrings(ends)
    ).min(axis=2)
    assert whole == pytest.approx(truth, rel=1e-6)


def test_points_that_a_projection_does_not_know_have_no_distance() -> None:
    grid = grid_of(40, 40)
    made = Nearest(np.array([shapely.Point(grid.west, 3e6)]), grid)
    x, y = centres(grid)
    expected = by_all(made.segments, x, y)
    x[3:9, 2:30], y[33:, 33:] = np.inf, np.nan  # a whole part of a tile, and pieces of others
    found = found_by(made, x, y)
    unknown = ~(np.isfinite(x) & np.isfinite(y))
    assert np.isinf(found[0][unknown]).all()
    assert np.isnan(found[1:, unknown]).all()
    assert found[:, ~unknown].tolist() == expected[:, ~unknown].tolist()

"""Cost surface, and crossings counted on the vectors."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.transport.crossings import (
    DIRECTIONS,
    LIMIT,
    count_block,
    count_crossings,
    line_segments,
)

GRID = AnalysisGrid.from_bounds("EPSG:3035", (0, 0, 9000, 7000), 1000.0)
WHOLE = Block(0, 7, 0, 9)


def centre(row: int, col: int) -> tuple[float, float]:
    return GRID.west + (col + 0.5) * 1000.0, GRID.north - (row + 0.5) * 1000.0


def counts(lines: list[shapely.Geometry], block: Block = WHOLE) -> np.ndarray:
    return count_block(line_segments(lines, GRID), block)


def test_a_river_between_two_columns_written_out() -> None:
    # runs south between columns 3 and 4
    river = shapely.LineString([(4000, 8000), (4000, -1000)])
    got = counts([river])
    expected = np.zeros((8, 7, 9), np.uint8)
    expected[0, :, 3] = 1  # E from column 3
    expected[1, :, 3] = 1  # SE
    expected[3, :, 4] = 1  # SW from column 4
    expected[4, :, 2:4] = 1  # ESE reaches two columns
    expected[5, :, 3] = 1  # SSE
    expected[6, :, 4] = 1  # SSW
    expected[7, :, 4:6] = 1  # WSW
    # beyond the last row the river still runs for a while
    assert np.array_equal(got[:, :6], expected[:, :6])


def test_a_route_along_a_river_pays_nothing() -> None:
    river = shapely.LineString([(4100, 7000), (3900, 5000), (4100, 3000), (3900, 0)])
    got = counts([river])
    assert got[2].sum() == 0  # south steps never cross it
    assert got[0, :, 3].tolist() == [1] * 7


def test_a_meander_is_crossed_as_often_as_it_is() -> None:
    # three times across the edge from (2, 3) to (2, 4)
    river = shapely.LineString([(3600, 5000), (3700, 4000), (4000, 5000), (4300, 4000)])
    assert counts([river])[0, 2, 3] == 3


def test_counts_stop_at_the_limit() -> None:
    x = np.linspace(3600, 4400, 40)
    lines = [shapely.LineString([(v, 4400), (v, 4600)]) for v in x]
    assert counts(lines)[0, 2, 3] == LIMIT


def test_polygons_are_crossed_at_their_outline() -> None:
    lake = shapely.box(3600, 4200, 5400, 4800)
    got = counts([lake])[0, 2]
    assert got.tolist() == [0, 0, 0, 1, 1, 0, 0, 0, 0]
    pond = shapely.box(3600, 4200, 4400, 4800)
    assert counts([pond])[0, 2].tolist() == [0, 0, 0, 2, 0, 0, 0, 0, 0]


def test_a_line_through_the_centres_counts_once_on_the_way() -> None:
    x, _ = centre(0, 4)
    river = shapely.LineString([(x, 8000), (x, -1000)])
    got = counts([river])
    for row in range(7):
        assert got[0, row].sum() == 1


def generic(i: int, j: int) -> tuple[float, float]:
    """A point off every lattice line: vertices on an edge touch it, which has no right count."""
    return i + (0.6180339887 * i + 0.7320508 * j + 0.137) % 1, j + (
        0.4142136 * i + 0.2360680 * j + 0.71
    ) % 1


vertex = st.builds(generic, st.integers(-1500, 10500), st.integers(-1500, 8500))
polyline = st.lists(vertex, min_size=2, max_size=7, unique=True).map(shapely.LineString)


@given(lines=st.lists(polyline, min_size=1, max_size=4))
def test_counts_equal_shapely(lines: list[shapely.Geometry]) -> None:
    got = counts(lines)
    edges = shapely.linestrings(
        [
            [centre(row, col), centre(row + drow, col + dcol)]
            for drow, dcol in DIRECTIONS
            for row in range(7)
            for col in range(9)
        ]
    )
    # segment by segment, so that a figure of eight counts twice
    pieces = [
        shapely.LineString(ends)
        for line in lines
        for ends in pairwise(shapely.get_coordinates(line))
    ]
    expected = shapely.crosses(edges[:, None], np.array(pieces)[None, :]).sum(axis=1)
    assert np.array_equal(got.ravel(), np.minimum(expected, LIMIT))


@given(
    lines=st.lists(polyline, min_size=1, max_size=3), row=st.integers(1, 6), col=st.integers(1, 8)
)
def test_blocks_equal_the_whole(lines: list[shapely.Geometry], row: int, col: int) -> None:
    whole = counts(lines)
    for block in (Block(0, row, 0, col), Block(row, 7, col, 9), Block(0, row, col, 9)):
        rows, cols = block.slices
        assert np.array_equal(counts(lines, block), whole[:, rows, cols])


@given(
    lines=st.lists(polyline, min_size=1, max_size=3),
    cells=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 8)), min_size=2, max_size=2),
    moves=st.lists(st.integers(0, 15), min_size=1, max_size=12),
)
def test_sums_along_a_route_equal_the_traced_route(
    lines: list[shapely.Geometry], cells: list[tuple[int, int]], moves: list[int]
) -> None:
    got = counts(lines)
    row, col = cells[0]
    route, total = [centre(row, col)], 0
    visited = {(row, col)}
    for move in moves:
        drow, dcol = DIRECTIONS[move % 8]
        sign = 1 if move < 8 else -1
        r, c = row + sign * drow, col + sign * dcol
        if not (0 <= r < 7 and 0 <= c < 9) or (r, c) in visited:
            continue
        total += int(got[move % 8, row, col] if sign == 1 else got[move % 8, r, c])
        row, col = r, c
        visited.add((r, c))
        route.append(centre(row, col))
    if len(route) > 1 and shapely.LineString(route).is_simple and all(x.is_simple for x in lines):
        assert count_crossings(np.array(route), lines) == total


def test_a_traced_route_along_a_line_counts_it_once() -> None:
    line = shapely.LineString([(1000, 0), (1000, 2000), (3000, 2000)])
    route = np.array([(0, 1000), (1000, 1000), (1000, 2000), (2000, 3000)])
    assert count_crossings(route, [line]) == 1
    assert count_crossings(route[:1], [line]) == 0
    assert count_crossings(route, []) == 0
    assert (
        count_crossings(np.array([(0, 500), (5000, 500)]), [shapely.box(1000, 0, 2000, 1000)]) == 2
    )

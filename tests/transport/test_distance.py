from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse.csgraph import dijkstra
from skimage.graph import MCP_Geometric

from cdrsite.core.errors import DataError
from cdrsite.testing import move_graph
from cdrsite.transport import distance
from cdrsite.transport.distance import (
    BARRIER,
    DISCONNECTED,
    REACHED,
    UNKNOWN,
    DistanceResult,
    Sources,
    least_cost,
)

KM = (1000.0, 1000.0)
R2, R5 = math.sqrt(2), math.sqrt(5)
INF = np.inf


def solve(friction: Any, sources: Any, **options: Any) -> DistanceResult:
    friction = np.asarray(friction, float)
    options.setdefault("dtype", "float64")
    return least_cost(friction, options.pop("steps", KM), Sources.of(*sources), **options)


frictions = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.one_of(st.floats(0.5, 50, width=32), st.just(INF)),
)


@st.composite
def cases(draw: Any, most: int = 4) -> tuple[np.ndarray, Any]:
    friction = draw(frictions)
    cells = st.integers(0, friction.size - 1)
    at = np.array(draw(st.lists(cells, min_size=1, max_size=most)))
    friction.flat[at] = draw(st.floats(0.5, 50, width=32))
    sinks = np.array(draw(st.lists(st.integers(0, 3), min_size=at.size, max_size=at.size)))
    start = np.array(
        draw(st.lists(st.sampled_from([0.0, 0.0, 7.5]), min_size=at.size, max_size=at.size))
    )
    return friction, (at // friction.shape[1], at % friction.shape[1], sinks, start)


def oracle(friction: np.ndarray, sources: Any, neighbours: int, steps: Any = KM) -> np.ndarray:
    """Distance from each sink to each cell, shape (sinks, rows, cols)."""
    row, col, sink, start = sources
    whole = dijkstra(move_graph(friction, steps, neighbours), indices=row * friction.shape[1] + col)
    per_sink = [(whole[sink == s] + start[sink == s, None]).min(axis=0) for s in np.unique(sink)]
    return np.array(per_sink).reshape(-1, *friction.shape)


# --- small grids written out -------------------------------------------------------------------


def test_eight_neighbours_on_uniform_ground() -> None:
    got = solve(np.ones((3, 4)), ([0], [0], [5]), neighbours=8)
    expected = [
        [0, 1, 2, 3],
        [1, R2, 1 + R2, 2 + R2],
        [2, 1 + R2, 2 * R2, 1 + 2 * R2],
    ]
    np.testing.assert_allclose(got.cost[0], expected, rtol=1e-14)
    np.testing.assert_allclose(got.length_km[0], expected, rtol=1e-14)
    assert (got.sink == 5).all()
    assert (got.status == REACHED).all()


def test_knights_moves_on_uniform_ground() -> None:
    got = solve(np.ones((3, 4)), ([0], [0], [5]))
    expected = [[0, 1, 2, 3], [1, R2, R5, 1 + R5], [2, R5, 2 * R2, R2 + R5]]
    np.testing.assert_allclose(got.cost[0], expected, rtol=1e-14)


def test_a_move_costs_the_mean_friction_of_the_cells_it_crosses() -> None:
    got = solve([[1.0, 2.0, 100.0], [50.0, 4.0, 7.0]], ([0], [0], [0]))
    # one knight's move through two quarters of 2 and 4, against 1.5 + sqrt2 * 4.5
    assert got.cost[0, 1, 2] == pytest.approx(R5 * (1 + 2 + 4 + 7) / 4, rel=1e-14)
    assert got.length_km[0, 1, 2] == pytest.approx(R5, rel=1e-14)


def test_cells_go_to_the_cheaper_sink() -> None:
    got = solve(np.ones((1, 6)), ([0, 0], [0, 5], [3, 1]), k=2)
    np.testing.assert_array_equal(got.sink[0, 0], [3, 3, 3, 1, 1, 1])
    np.testing.assert_array_equal(got.sink[1, 0], [1, 1, 1, 3, 3, 3])
    np.testing.assert_array_equal(got.cost[0, 0], [0, 1, 2, 2, 1, 0])
    np.testing.assert_array_equal(got.cost[1, 0], [5, 4, 3, 3, 4, 5])


def test_a_sink_may_be_passed_on_the_way_to_another() -> None:
    got = solve(np.ones((1, 4)), ([0, 0], [1, 0], [0, 1]), k=3)
    np.testing.assert_array_equal(got.cost[1, 0], [1, 1, 2, 3])
    np.testing.assert_array_equal(got.sink[1, 0], [0, 1, 1, 1])
    assert (got.sink[2] == -1).all()
    assert np.isinf(got.cost[2]).all()


def test_stacked_sinks_in_one_cell_are_ranked_by_start_cost_then_id() -> None:
    got = solve(np.ones((1, 3)), ([0, 0, 0], [0, 0, 0], [9, 4, 2], [1.0, 1.0, 3.0]), k=3)
    np.testing.assert_array_equal(got.sink[:, 0, 0], [4, 9, 2])
    np.testing.assert_array_equal(got.cost[:, 0, 2], [3, 3, 5])
    assert set(got.sink[:2, 0, 2]) == {4, 9}


def test_a_sink_of_several_cells_counts_once() -> None:
    got = solve(np.ones((1, 5)), ([0, 0, 0], [0, 1, 4], [7, 7, 8]), k=2)
    np.testing.assert_array_equal(got.cost[1, 0], [4, 3, 2, 2, 3])


def test_steering_and_billing_are_two_surfaces() -> None:
    steer = [[1, 9, 1], [1, 1, 1]]
    bill = [[2, 2, 2], [5, 5, 5]]
    got = solve(steer, ([0], [0], [0]), neighbours=8, billed=np.array(bill, float))
    # the route avoids the dear middle and pays 3.5 * sqrt2 twice
    assert got.cost[0, 0, 2] == pytest.approx(7 * R2)
    assert got.length_km[0, 0, 2] == pytest.approx(2 * R2)


def test_rows_have_their_own_east_west_step() -> None:
    steps = (np.array([1000.0, 500.0]), 2000.0)
    got = solve(np.ones((2, 3)), ([0], [0], [0]), neighbours=8, steps=steps)
    np.testing.assert_allclose(got.cost[0, 0], [0, 1, 2])
    np.testing.assert_allclose(got.cost[0, 1, :2], [2, math.hypot(2, 0.75)])


def test_barriers_unknown_ground_and_islands_have_their_reason() -> None:
    got = solve([[1, INF, 1], [1, np.nan, 1]], ([0], [0], [0]))
    expected = [[REACHED, BARRIER, DISCONNECTED], [REACHED, UNKNOWN, DISCONNECTED]]
    np.testing.assert_array_equal(got.status, expected)
    assert np.isinf(got.cost[0, :, 1:]).all()


@pytest.mark.parametrize("neighbours", [8, 16, 40])
def test_a_wall_one_cell_thick_holds(neighbours: int) -> None:
    friction = np.ones((9, 9))
    friction[4] = INF
    got = solve(friction, ([0], [0], [0]), neighbours=neighbours)
    assert (got.status[5:] == DISCONNECTED).all()


@pytest.mark.parametrize(("neighbours", "holds"), [(8, False), (16, True), (40, True)])
def test_a_thin_diagonal_wall_holds_except_with_eight_neighbours(
    neighbours: int, holds: bool
) -> None:
    friction = np.ones((9, 9))
    np.fill_diagonal(friction, INF)
    got = solve(friction, ([8], [0], [0]), neighbours=neighbours)
    assert (got.status[0, 8] == DISCONNECTED) == holds


# --- oracles -----------------------------------------------------------------------------------


@pytest.mark.parametrize("neighbours", [8, 16, 40])
@given(case=cases())
def test_costs_equal_scipy_on_the_explicit_graph(neighbours: int, case: Any) -> None:
    friction, sources = case
    steps = (np.linspace(700, 1300, friction.shape[0]), 900.0)
    expected = np.sort(oracle(friction, sources, neighbours, steps), axis=0)
    for method in ("tiles", "heap"):
        got = solve(friction, sources, neighbours=neighbours, k=3, steps=steps, method=method)
        count = min(3, len(expected))
        np.testing.assert_allclose(got.cost[:count], expected[:count], rtol=1e-12)
        assert np.isinf(got.cost[count:]).all()


@given(case=cases())
def test_the_kth_sink_is_one_whose_own_distance_is_the_cost(case: Any) -> None:
    friction, sources = case
    per_sink = dict(zip(np.unique(sources[2]), oracle(friction, sources, 16), strict=True))
    got = solve(friction, sources, k=3)
    for rank, row, col in np.argwhere(got.sink >= 0):
        expected = per_sink[got.sink[rank, row, col]][row, col]
        assert got.cost[rank, row, col] == pytest.approx(expected, rel=1e-12)
    for ids in got.sink.reshape(3, -1).T:
        assert len(set(ids[ids >= 0])) == (ids >= 0).sum()


@given(case=cases())
def test_costs_equal_scikit_image(case: Any) -> None:
    friction, (row, col, sink, _) = case
    expected, _ = MCP_Geometric(friction).find_costs(list(zip(row, col, strict=True)))
    for dtype, tolerance in (("float64", 1e-13), ("float32", 1e-6)):
        got = solve(friction, (row, col, sink), neighbours=8, dtype=dtype)
        np.testing.assert_allclose(got.cost[0], expected, rtol=tolerance)


@pytest.mark.parametrize("neighbours", [8, 16, 40])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["rough", "wide", "walls"])
def test_tiles_equal_the_heap_to_the_last_bit(neighbours: int, dtype: Any, kind: str) -> None:
    rng = np.random.default_rng(3)
    friction = rng.uniform(1, 10, (150, 170))
    if kind == "wide":
        friction = 10 ** rng.uniform(0, 3, friction.shape)
    if kind == "walls":
        friction[rng.random(friction.shape) < 0.35] = INF
    at = rng.permutation(np.flatnonzero(np.isfinite(friction)))[:12]
    sources = Sources.of(at // 170, at % 170, np.arange(12) // 2)
    steps = (np.linspace(900, 1100, 150), 1000.0)
    options: Any = {"neighbours": neighbours, "k": 3, "dtype": dtype}
    heap = least_cost(friction, steps, sources, method="heap", **options)
    for threads in (1, 2, 3):
        options |= {"method": "tiles", "threads": threads}
        got = least_cost(friction, steps, sources, **options)
        for name in ("cost", "length_km", "sink", "link", "status"):
            assert getattr(got, name).tobytes() == getattr(heap, name).tobytes()


def test_few_labels_leave_the_tile_solver_uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the bytes tell which solver was at work, so what it calls does."""
    friction, sources = np.ones((3, 4)), Sources.of([0, 2], [0, 3], [0, 1])
    monkeypatch.setattr(distance, "FEW_LABELS", 24)
    monkeypatch.setattr(distance, "TILES", None)
    assert least_cost(friction, KM, sources, k=2).cost.shape == (2, 3, 4)
    monkeypatch.setattr(distance, "FEW_LABELS", 23)
    with pytest.raises(AttributeError, match="relax"):
        least_cost(friction, KM, sources, k=2)


# --- properties --------------------------------------------------------------------------------


@pytest.mark.parametrize("neighbours", [8, 16, 40])
@given(friction=frictions, data=st.data())
def test_there_and_back_cost_the_same_and_detours_are_not_shorter(
    neighbours: int, friction: np.ndarray, data: Any
) -> None:
    cells = st.integers(0, friction.size - 1)
    a, b, c = (divmod(data.draw(cells), friction.shape[1]) for _ in range(3))
    for row, col in (a, b, c):
        friction[row, col] = 3.0
    d = {
        p: solve(friction, ([p[0]], [p[1]], [0]), neighbours=neighbours).cost[0] for p in (a, b, c)
    }
    assert d[a][b] == pytest.approx(d[b][a], rel=1e-13, abs=0) or d[a][b] == d[b][a]
    assert d[a][c] <= (d[a][b] + d[b][c]) * (1 + 1e-12)


@pytest.mark.parametrize(("neighbours", "error"), [(8, 0.0824), (16, 0.0276), (40, 0.0076)])
def test_the_cone_is_off_by_no_more_than_the_angles_allow(neighbours: int, error: float) -> None:
    got = solve(np.ones((201, 201)), ([100], [100], [0]), neighbours=neighbours).cost[0]
    row, col = np.indices(got.shape)
    true = np.hypot(row - 100, col - 100)
    ratio = got[true > 10] / true[true > 10]
    assert ratio.min() >= 1 - 1e-12
    assert error - 0.001 < ratio.max() - 1 < error


@pytest.mark.parametrize(("neighbours", "error"), [(8, 0.0824), (16, 0.0276), (40, 0.0076)])
def test_two_media_obey_snell(neighbours: int, error: float) -> None:
    friction = np.ones((121, 161))
    friction[:, 80:] = 3.0
    got = solve(friction, ([60], [20], [0]), neighbours=neighbours).cost[0]
    # the border runs between columns 79 and 80; the best crossing is found by a fine search
    cross = np.linspace(-60, 60, 24001)
    for row, col in ((60, 140), (10, 130), (100, 150), (0, 100)):
        true = (np.hypot(59.5, cross) + 3.0 * np.hypot(col - 79.5, row - 60 - cross)).min()
        assert -1e-3 <= got[row, col] / true - 1 <= error + 2e-3


@given(case=cases())
def test_links_lead_downhill_to_a_cell_of_the_sink(case: Any) -> None:
    friction, sources = case
    got = solve(friction, sources)
    cells = {(r, c, s) for r, c, s in zip(*(a.tolist() for a in sources[:3]), strict=True)}
    allowed = move_graph(friction, KM)
    cols = friction.shape[1]
    for row, col in np.argwhere(got.status == REACHED).tolist():
        link = got.link[0, row, col]
        if link == -1:
            assert (row, col, got.sink[0, row, col]) in cells
            continue
        dr, dc = got.neighbourhood.moves[link, :2]
        step = allowed[row * cols + col, (row + dr) * cols + col + dc]
        before = got.cost[0, row + dr, col + dc]
        assert got.cost[0, row, col] == pytest.approx(before + step, rel=1e-12)
        assert got.sink[0, row, col] == got.sink[0, row + dr, col + dc]


# --- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("friction", "sources", "options", "text"),
    [
        ([[1, 0]], ([0], [0], [0]), {}, "zero or negative.*1 cells, least 0"),
        ([[1, -3]], ([0], [0], [0]), {}, "zero or negative"),
        ([[INF, np.nan]], ([0], [0], [0]), {}, "no passable cell"),
        ([[1, 1]], ([0], [2], [4]), {}, "sink 4 lies outside the grid"),
        ([[1, INF]], ([0, 0], [0, 1], [4, 6]), {}, "barriers or unknown ground; got sink 6"),
        ([[1, 1]], ([], [], []), {}, "no sink"),
        ([[1, 1]], ([0], [0], [-1]), {}, "sink ids"),
        ([[1, 1]], ([0], [0], [0], [-1.0]), {}, "start cost"),
        ([[1, 1]], ([0, 0], [0], [0]), {}, "differ in length"),
        ([[1, 1]], ([0.5], [0], [0]), {}, "row is not an array of integers"),
        ([[1, 1]], ([0], [0], [0]), {"neighbours": 4}, "unknown neighbours"),
        ([[1, 1]], ([0], [0], [0]), {"dtype": "int32"}, "unknown dtype"),
        ([[1, 1]], ([0], [0], [0]), {"k": 0}, "at least 1"),
        ([[1, 1]], ([0], [0], [0]), {"steps": (0.0, 1.0)}, "steps"),
        ([[1, 1]], ([0], [0], [0]), {"billed": np.array([[1, np.nan]])}, "billed surface"),
        ([[1, 1]], ([0], [0], [0]), {"billed": np.ones((2, 2))}, "not on the grid"),
        ([1, 1], ([0], [0], [0]), {}, "2-D"),
    ],
)
def test_bad_input_is_refused(friction: Any, sources: Any, options: Any, text: str) -> None:
    with pytest.raises(DataError, match=text):
        solve(np.array(friction, float), sources, **options)


def test_a_polygon_may_lie_partly_on_barriers() -> None:
    got = solve([[1, 1, INF]], ([0, 0], [1, 2], [4, 4]))
    assert got.sink[0, 0, 0] == 4


def test_moves_lost_in_rounding_are_refused_and_float64_cures_it() -> None:
    friction = np.array([[1e9, 1e9, 1e-3, 1e-3, 1e-3]])
    with pytest.raises(DataError, match=r"lost in rounding.*float64"):
        solve(friction, ([0], [0], [0]), dtype="float32")
    assert np.isfinite(solve(friction, ([0], [0], [0])).cost).all()

"""Candidate corridors: contraction, thinning, loss against direct paths, existing pipelines."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.network.candidates import (
    ExistingPipe,
    candidate_network,
    pipe_moves,
    relative_loss,
)
from cdrsite.network.contraction import Moves, contract, shortest, thin
from cdrsite.transport.crossings import EdgeCosts, count_block, line_segments
from cdrsite.transport.distance import Sources, least_cost


def grid_of(rows: int, cols: int) -> AnalysisGrid:
    bounds = (4e6, 3e6, 4e6 + cols * 1000.0, 3e6 + rows * 1000.0)
    return AnalysisGrid.from_bounds("EPSG:3035", bounds, 1000.0, snap=None)


def cells(*pairs: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    row, col = np.array(pairs).T
    return row, col


def moves_of(*steps: tuple[int, int, float], kind: int = -1) -> Moves:
    a, b = (np.array([s[k] for s in steps], np.int64) for k in (0, 1))
    cost = np.array([s[2] for s in steps], float)
    return Moves(a, b, cost, 2 * cost, np.full(len(steps), kind, np.int64), ())


def test_contraction_adds_chains_up_and_drops_dead_ends() -> None:
    #   1 - 2 - 3 - 4 - 5   with a dead end 3 - 8 - 9 and a branch 4 - 6 - 7
    union = moves_of(
        (1, 2, 1), (2, 3, 2), (3, 4, 3), (4, 5, 4), (3, 8, 9), (8, 9, 9), (4, 6, 5), (6, 7, 6)
    )
    found = contract(union, {1, 5, 7})
    assert [(s.tail, s.head, s.cost, s.length_km) for s in found] == [
        (1, 4, 6.0, 12.0),
        (4, 5, 4.0, 8.0),
        (4, 7, 11.0, 22.0),
    ]
    assert found[0].cell.tolist() == [1, 2, 3, 4]
    assert found[2].cell.tolist() == [4, 6, 7]


def test_contraction_keeps_the_cheapest_of_parallel_ways_and_ends_of_existing_pipes() -> None:
    new = moves_of((1, 2, 1), (2, 5, 1), (1, 3, 2), (3, 5, 2), (5, 6, 1))
    old = moves_of((1, 4, 0), (4, 5, 0), kind=0)
    found = contract(Moves.union([new, old]), {1, 6})
    assert [(s.tail, s.head, s.kind, s.cost) for s in found] == [
        (1, 5, -1, 2.0),
        (1, 5, 0, 0.0),
        (5, 6, -1, 1.0),
    ]


def random_moves(seed: int, nodes: int) -> Moves:
    rng = np.random.default_rng(seed)
    pairs = [(k, int(rng.integers(k))) for k in range(1, nodes)]
    pairs += [p for p in itertools.combinations(range(nodes), 2) if rng.random() < 0.12]
    made = moves_of(*((a, b, float(rng.integers(1, 20))) for a, b in pairs))
    return Moves.union([made])


@given(seed=st.integers(0, 10_000), nodes=st.integers(3, 25), stretch=st.floats(1.0, 1.6))
def test_contraction_keeps_path_costs_and_thinning_stays_within_the_stretch(
    seed: int, nodes: int, stretch: float
) -> None:
    union = random_moves(seed, nodes)
    terminals = {0, 1, nodes - 1}
    pairs = list(itertools.combinations(sorted(terminals), 2))
    whole = [
        s
        for k in range(len(union.a))
        for s in contract(union.take(np.array([k])), {int(union.a[k]), int(union.b[k])})
    ]
    before = shortest(whole, pairs)
    np.testing.assert_allclose(shortest(contract(union, terminals), pairs), before)
    thinned = thin(union, terminals, stretch)
    after = shortest(thinned, pairs)
    assert (after <= stretch * before + 1e-9).all()
    assert (after >= before - 1e-9).all()
    assert len(thinned) <= len(contract(union, terminals))


def test_shortest_knows_ways_without_cost_and_that_steps_into_storage_lead_one_way() -> None:
    free = moves_of((1, 2, 0), kind=0)
    step = moves_of((2, 9, 0), kind=-2)
    strands = contract(Moves.union([free, step]), {1, 2, 9})
    assert shortest(strands, [(1, 9), (9, 1)]).tolist() == [0.0, np.inf]


def test_loss_of_a_pair() -> None:
    loss = relative_loss(np.array([107.0, 100.0, 3.0, 50.0]), np.array([100.0, 100.0, 0.0, 100.0]))
    np.testing.assert_allclose(loss, [0.07, 0.0, 0.0, -0.5])


def test_two_plants_share_a_trunk() -> None:
    friction = np.full((5, 12), 10.0)
    friction[2] = 1.0  # a valley
    found = candidate_network(
        friction, grid_of(5, 12), [(2, 0), (2, 4)], [cells((2, 11))], neighbours=8
    )
    new = [a for a in found.arcs if a.pipe == -1]
    assert [(a.tail, a.head, a.length_km) for a in new] == [(24, 28, 4.0), (28, 35, 7.0)]
    assert found.plant_node.tolist() == [24, 28]
    np.testing.assert_allclose(found.loss.share, 0.0, atol=1e-12)
    assert "median loss 0.0 %" in found.loss.describe()


def test_weights_are_billed_over_plain() -> None:
    friction, billed = np.full((1, 6), 3.0), np.full((1, 6), 5.0)
    found = candidate_network(
        friction, grid_of(1, 6), [(0, 0)], [cells((0, 5))], billed=billed, plain=2.0
    )
    (arc,) = [a for a in found.arcs if a.pipe == -1]
    assert (arc.length_km, arc.weight_km) == pytest.approx((5.0, 12.5))
    assert found.direct[0].head == found.storage_node[0]


RIVER = shapely.LineString([(4_006_000, 3_006_000), (4_006_000, 3_000_700)])
"""Between columns 5 and 6 of five rows, down into the last row, whose middle is free."""


def river_edges(cost: float, grid: AnalysisGrid, neighbours: int = 8) -> EdgeCosts:
    segments = line_segments([RIVER], grid)
    codes = count_block(segments, Block(0, grid.rows, 0, grid.cols), neighbours)
    return EdgeCosts(codes, np.arange(16) * cost)


@pytest.mark.parametrize("rounds", [1, 2])
def test_corridors_pay_for_crossings_and_steer_around_dear_ones(rounds: int) -> None:
    grid = grid_of(5, 12)
    for cost in (3.0, 30.0):
        found = candidate_network(
            np.full((5, 12), 2.0), grid, [(0, 0)], [cells((0, 11))], neighbours=8, plain=2.0,
            crossings=river_edges(2 * cost, grid), rounds=rounds,
        )  # fmt: skip
        (arc,) = [a for a in found.arcs if a.pipe == -1]
        detour = 11 + 4 * 2 * (np.sqrt(2) - 1)  # four diagonal steps down and four up
        assert arc.weight_km == pytest.approx(min(11 + cost, detour))
        assert found.loss.direct_km[0] == pytest.approx(min(11 + cost, detour))
        assert arc.length_km == pytest.approx(11.0 if cost == 3.0 else detour)
        assert found.direct[0].weight_km == pytest.approx(arc.weight_km)


def test_a_new_pipe_beside_an_existing_one_pays_for_what_it_crosses() -> None:
    grid = grid_of(5, 12)
    pipe = ExistingPipe("old", np.array([2, 2]), np.array([0, 11]), 1e6)
    plain = pipe_moves(pipe, 0, grid, np.ones((5, 12)))
    found = pipe_moves(pipe, 0, grid, np.ones((5, 12)), river_edges(40.0, grid))
    expected = np.ones(11)
    assert plain.cost.tolist() == expected.tolist()
    expected[5] += 40.0
    assert found.cost.tolist() == expected.tolist()


def test_areas_that_touch_across_a_river_are_joined_at_what_the_crossing_costs() -> None:
    grid = AnalysisGrid.from_bounds(
        "EPSG:3035", (4e6, 3_004_000.0, 4_012_000.0, 3_005_000.0), 1000.0, snap=None
    )
    plants, unit = [(0, 0), (0, 9)], [cells((0, 11))]
    found = candidate_network(
        np.ones((1, 12)), grid, plants, unit, neighbours=8, crossings=river_edges(5.0, grid),
        nearest=1,
    )  # fmt: skip
    (arc,) = [a for a in found.arcs if {a.tail, a.head} == {0, 9}]
    assert arc.weight_km == pytest.approx(9.0 + 5.0)


def test_existing_pipe_is_tied_into_and_free_and_may_be_doubled() -> None:
    friction = np.ones((7, 30))
    pipe = ExistingPipe("old", np.array([0, 0]), np.array([2, 27]), 1e6)
    found = candidate_network(
        friction, grid_of(7, 30), [(3, 2)], [cells((3, 27))], pipes=[pipe], neighbours=8
    )
    kinds = {a.pipe for a in found.arcs}
    assert kinds == {-2, -1, 0}
    assert sum(a.length_km for a in found.arcs if a.pipe == 0) == 25.0
    assert found.loss.share[0] == pytest.approx(0.0)
    old = [a for a in found.arcs if a.pipe == 0]
    assert {(a.tail, a.head) for a in old} <= {(a.tail, a.head) for a in found.arcs if a.pipe == -1}
    assert all(a.weight_km == 0 for a in found.arcs if a.pipe == 0)


def test_arcs_are_added_where_the_loss_is_above_the_limit() -> None:
    rng = np.random.default_rng(5)
    friction = np.exp(rng.normal(0, 1, (40, 40)))
    plants = [tuple(map(int, p)) for p in rng.integers(0, 40, (9, 2))]
    units = [cells(tuple(map(int, p))) for p in rng.integers(0, 40, (4, 2))]
    lossy = candidate_network(friction, grid_of(40, 40), plants, units, loss_limit=9.0, nearest=1)
    tight = candidate_network(friction, grid_of(40, 40), plants, units, loss_limit=0.05, nearest=1)
    assert lossy.loss.added == 0
    assert lossy.loss.worst > 0.05
    assert tight.loss.worst <= 0.05 + 1e-9
    assert tight.loss.added > 0


@given(seed=st.integers(0, 1000), units=st.integers(1, 3), count=st.integers(1, 6))
def test_network_is_never_better_than_direct_paths_and_never_worse_than_the_limit(
    seed: int, units: int, count: int
) -> None:
    rng = np.random.default_rng(seed)
    grid = grid_of(14, 17)
    friction = np.exp(rng.normal(0, 0.8, grid.shape))
    friction[rng.random(grid.shape) < 0.1] = np.inf
    open_ = np.argwhere(np.isfinite(friction))
    pick = rng.permutation(len(open_))
    plants = [tuple(map(int, open_[k])) for k in pick[:count]]
    places = [cells(*open_[pick[count + 2 * k : count + 2 * k + 2]]) for k in range(units)]
    try:
        found = candidate_network(friction, grid, plants, places, loss_limit=0.1)
    except DataError as error:
        assert "no plant can reach" in str(error)
        return
    again = candidate_network(friction, grid, plants, places, loss_limit=0.1, threads=2)
    assert repr(found.arcs) == repr(again.arcs)
    assert found.loss.worst <= 0.1 + 1e-9
    assert found.loss.share.min() >= -1e-9
    for unit in set(found.loss.storage.tolist()):
        row, col = places[unit]
        alone = least_cost(
            friction, grid.row_steps_m, Sources.of(row, col, np.zeros(len(row), int)),
            dtype="float64",
        )  # fmt: skip
        mine = found.loss.storage == unit
        at = np.array(plants)[found.loss.plant[mine]]
        np.testing.assert_allclose(found.loss.direct_km[mine], alone.cost[0][at[:, 0], at[:, 1]])
    size = {int(n) for n in found.plant_node} | {int(n) for n in found.storage_node}
    for arc in found.arcs:
        assert (arc.cell[0], arc.cell[-1]) == (arc.tail, arc.head)
        assert arc.weight_km >= 0
    degree = np.bincount([n for a in found.arcs for n in (a.tail, a.head)])
    same_kind = {a.tail for a in found.arcs if a.pipe == -2}
    assert not [n for n in np.flatnonzero(degree == 2) if n not in size | same_kind]


def test_shut_places() -> None:
    friction = np.ones((3, 9))
    friction[0, 0] = np.inf
    friction[2, 8] = np.nan
    with pytest.warns(CdrsiteWarning) as caught:
        found = candidate_network(
            friction, grid_of(3, 9), [(0, 0)], [cells((2, 8)), cells((1, 5))], neighbours=8
        )
    texts = " ".join(str(w.message) for w in caught)
    assert "nearest passable cell: [0]" in texts
    assert "left out: [0]" in texts
    assert found.plant_node[0] in {1, 9}
    assert found.storage_node.tolist() == [-1, 28]


def test_wrong_input() -> None:
    friction, grid = np.ones((3, 9)), grid_of(3, 9)
    unit = [cells((1, 5))]
    with pytest.raises(DataError, match="no plants or no storage"):
        candidate_network(friction, grid, [], unit)
    with pytest.raises(DataError, match="not on the grid"):
        candidate_network(friction[:2], grid, [(0, 0)], unit)
    with pytest.raises(DataError, match="unknown option"):
        candidate_network(friction, grid, [(0, 0)], unit, plain=0.0)
    with pytest.raises(DataError, match="outside the grid"):
        candidate_network(friction, grid, [(0, 99)], unit)
    with pytest.raises(DataError, match="within one cell"):
        pipe = ExistingPipe("old", np.array([0, 0]), np.array([3, 3]), 1e6)
        candidate_network(friction, grid, [(0, 0)], unit, pipes=[pipe])
    friction[:, 4] = np.inf
    with pytest.raises(DataError, match="no plant can reach"):
        candidate_network(friction, grid, [(0, 0)], unit)

"""Supply sheds of biomass against brute force."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.csgraph
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.core.errors import DataError
from cdrsite.core.grid import AnalysisGrid
from cdrsite.engine.arrays import DiskStore, MemoryStore
from cdrsite.transport import haul
from cdrsite.transport.haul import MEAN_TO_CENTRE, shed_store, supply_shed

KM = (1000.0, 1000.0)


def brute(friction: np.ndarray, east: np.ndarray, north: float, neighbours: int) -> np.ndarray:
    """Cost between all pairs of cells, from the explicit graph, km steps."""
    rows, cols = friction.shape
    graph = scipy.sparse.lil_matrix((rows * cols, rows * cols))
    for r in range(rows):
        for c in range(cols):
            for dr in range(-2, 3):
                for dc in range(-2, 3):
                    y, x = r + dr, c + dc
                    if math.gcd(dr, dc) != 1 or not (0 <= y < rows and 0 <= x < cols):
                        continue
                    if neighbours == 8 and max(abs(dr), abs(dc)) > 1:
                        continue
                    # cells on the line, sampled off the corners: the friction is their mean
                    t = (np.arange(400) + 0.5) / 400
                    line = friction[
                        np.rint(r + dr * t).astype(int), np.rint(c + dc * t).astype(int)
                    ]
                    if abs(dr) + abs(dc) == 2 and np.isinf([friction[y, c], friction[r, x]]).all():
                        continue
                    mean = line.mean()
                    km = math.hypot(dc * (east[r] + east[y]) / 2, dr * north)
                    if np.isfinite(mean):
                        graph[r * cols + c, y * cols + x] = mean * km
    return scipy.sparse.csgraph.dijkstra(graph.tocsr())


def test_a_row_of_cells_written_out() -> None:
    biomass = np.array([[10.0, 20.0, 40.0, 80.0]])
    friction = np.full((1, 4), 0.5)
    for reach, expected in ((0.4, 10.0), (0.6, 30.0), (1.0, 70.0), (1.5, 150.0)):
        assert supply_shed(biomass, friction, KM, ([0], [0]), max_cost=reach).supply == [expected]
    own = 0.5 * MEAN_TO_CENTRE  # the way within the cell itself
    none = supply_shed(biomass, friction, KM, ([0], [0]), max_cost=0.999 * own)
    assert none.supply == [0.0] and none.mean_cost == [0.0]
    alone = supply_shed(biomass, friction, KM, ([0], [0]), max_cost=1.001 * own)
    assert alone.supply == [10.0] and alone.mean_cost == [own]
    three = supply_shed(biomass, friction, KM, ([0], [0]), max_cost=1.0)
    assert three.mean_cost == pytest.approx([(10 * own + 20 * 0.5 + 40 * 1.0) / 70], rel=1e-15)


def test_mean_haul_of_a_disc_is_two_thirds_of_its_radius() -> None:
    plain = np.ones((61, 61))
    shed = supply_shed(plain, plain, KM, ([30], [30]), max_cost=30)
    # 16 moves make a way some percent longer, and so the disc as much smaller: the mean stays
    assert shed.mean_cost[0] == pytest.approx(2 / 3 * 30, rel=0.01)
    assert shed.supply[0] == pytest.approx(math.pi * 900, rel=0.06)


def test_mean_distance_inside_a_cell() -> None:
    x = (np.arange(1000) + 0.5) / 1000 - 0.5
    assert np.hypot(x[:, None], x).mean() == pytest.approx(MEAN_TO_CENTRE, rel=1e-5)


def test_a_wall_makes_the_way_longer() -> None:
    friction = np.ones((5, 5))
    friction[:4, 2] = np.inf
    biomass = np.zeros((5, 5))
    biomass[0, 4] = 1.0
    # down to (3, 1), to (4, 2), and up again: corners of the wall may be touched
    way = brute(friction, np.ones(5), 1.0, 8)[0, 4]
    for reach, expected in ((8, 0.0), (way * (1 - 1e-9), 0.0), (way * (1 + 1e-9), 1.0)):
        shed = supply_shed(biomass, friction, KM, ([0], [0]), max_cost=reach, neighbours=8)
        assert shed.supply == [expected]
    assert way > 8


frictions = st.lists(
    st.sampled_from([0.25, 0.5, 1.0, 2.0, 7.0, np.inf]), min_size=42, max_size=42
).map(lambda v: np.reshape(v, (6, 7)))


@given(
    friction=frictions,
    seed=st.integers(0, 99),
    reach=st.floats(0.3, 12),
    neighbours=st.sampled_from([8, 16]),
)
def test_sheds_equal_brute_force(
    friction: np.ndarray, seed: int, reach: float, neighbours: int
) -> None:
    rng = np.random.default_rng(seed)
    biomass = rng.integers(0, 5, friction.shape).astype(float)
    east = np.linspace(900.0, 1100.0, 6)
    rows, cols = (part.ravel() for part in np.indices(friction.shape))
    shed = supply_shed(
        *(biomass, friction, (east, 800.0), (rows, cols)),
        max_cost=reach,
        neighbours=neighbours,
    )
    cost = brute(friction, east / 1000, 0.8, neighbours)
    own = MEAN_TO_CENTRE * np.sqrt(east / 1000 * 0.8)
    for n, (r, c) in enumerate(zip(rows, cols, strict=True)):
        if np.isinf(friction[r, c]):
            assert shed.supply[n] == 0 and shed.mean_cost[n] == 0
            continue
        paid = cost[n].copy()
        paid[n] = own[r] * friction[r, c]
        if np.abs(paid - reach).min() > 1e-9:
            near = paid <= reach
            assert shed.supply[n] == biomass.ravel()[near].sum()
            whole = (biomass.ravel()[near] * paid[near]).sum()
            assert shed.mean_cost[n] * shed.supply[n] == pytest.approx(whole, rel=1e-9)


@given(friction=frictions, reach=st.floats(0.5, 10), row=st.integers(0, 5), col=st.integers(0, 6))
def test_doubled_friction_and_reach_give_the_same_shed(
    friction: np.ndarray, reach: float, row: int, col: int
) -> None:
    biomass = np.arange(42.0).reshape(6, 7)
    plain = supply_shed(biomass, friction, KM, ([row], [col]), max_cost=reach)
    doubled = supply_shed(biomass, 2 * friction, KM, ([row], [col]), max_cost=2 * reach)
    assert np.array_equal(plain.supply, doubled.supply)
    assert doubled.mean_cost == pytest.approx(2 * plain.mean_cost, rel=1e-12)


def test_threads_give_the_same_bytes() -> None:
    rng = np.random.default_rng(3)
    friction = rng.uniform(0.05, 0.3, (40, 50))
    biomass = rng.uniform(0, 9, (40, 50))
    cells = tuple(part.ravel() for part in np.indices((40, 50)))
    one = supply_shed(biomass, friction, KM, cells, max_cost=1.0)
    many = supply_shed(biomass, friction, KM, cells, max_cost=1.0, threads=3)
    assert one.supply.tobytes() == many.supply.tobytes()
    assert one.mean_cost.tobytes() == many.mean_cost.tobytes()


def test_unknown_biomass_and_ground_offer_nothing() -> None:
    biomass = np.array([[1.0, np.nan, 4.0, 8.0]])
    friction = np.array([[1.0, 1.0, np.nan, 1.0]])
    shed = supply_shed(biomass, friction, KM, ([0, 0], [0, 2]), max_cost=50)
    assert shed.supply.tolist() == [1.0, 0.0]


def test_coarse_cells_keep_the_total() -> None:
    biomass = np.arange(35.0).reshape(5, 7)
    friction = np.ones((5, 7))
    friction[:2, :2] = [[np.inf, np.inf], [np.inf, 3.0]]
    supply, ground = haul._means(haul._fine_sums(biomass, friction, 2))
    assert supply.shape == ground.shape == (3, 4)
    assert supply.sum() == biomass.sum()
    assert supply[0, 0] == 0 + 1 + 7 + 8
    assert np.isinf(ground[0, 0])
    assert np.isfinite(ground).sum() == 11
    assert supply[2, 3] == 34


def sheds_in_blocks(
    grid: AnalysisGrid,
    biomass: np.ndarray,
    friction: np.ndarray,
    store: Any = None,
    *,
    size: int = 64,
    **more: Any,
) -> np.ndarray:
    """Sheds of every cell of arrays that are read in blocks of a size, and their mean cost."""
    found = shed_store(
        lambda block: biomass[block.slices],
        lambda block: friction[block.slices],
        grid,
        store or MemoryStore(),
        ("shed", "shed way"),
        tuple(grid.blocks(size)),
        **more,
    )
    return np.stack([np.asarray(array[:, :]) for array in found])


def square_grid(rows: int, cols: int) -> AnalysisGrid:
    bounds = (0, 0, 1000.0 * cols, 1000.0 * rows)
    return AnalysisGrid.from_bounds("EPSG:3035", bounds, 1000.0, snap=None)


def test_raster_of_sheds_is_near_the_fine_one() -> None:
    rng = np.random.default_rng(1)
    grid = square_grid(48, 48)
    friction = np.add.outer(np.linspace(0.08, 0.12, 48), np.zeros(48))
    biomass = rng.uniform(0, 2, (48, 48))
    total, way = sheds_in_blocks(grid, biomass, friction, factor=3, max_cost=1.2)
    cells = ([22, 25], [22, 25])
    fine = supply_shed(biomass, friction, grid.row_steps_m, cells, max_cost=1.2)
    assert total.dtype == np.float32
    assert total[cells] == pytest.approx(fine.supply, rel=0.05)
    assert way[cells] == pytest.approx(fine.mean_cost, rel=0.05)
    # a circle of 12 km at the mean friction, less the metrication of 16 neighbours
    assert fine.supply[0] == pytest.approx(math.pi * 144, rel=0.1)
    friction[0, 0] = np.inf
    total, way = sheds_in_blocks(grid, biomass, friction, factor=3, max_cost=1.2)
    assert total[0, 0] == 0 and way[0, 0] == 0
    assert total[0, 1] > 0


def fine_sheds(size: int, store: Any, threads: int = 1, factor: int = 3) -> np.ndarray:
    """Sheds of a rough ground with walls and unknown biomass, in blocks of a size."""
    rng = np.random.default_rng(4)
    grid = square_grid(47, 61)
    friction = rng.uniform(0.08, 0.12, grid.shape).astype(np.float32)
    friction[rng.random(grid.shape) < 0.2] = np.inf
    biomass = rng.uniform(0, 1, grid.shape).astype(np.float32)
    biomass[5, 7] = np.nan
    found = sheds_in_blocks(
        *(grid, biomass, friction, store),
        size=size,
        factor=factor,
        max_cost=1.0,
        threads=threads,
    )
    supply, ground = haul._means(haul._fine_sums(biomass, friction, factor))
    east, north = grid.row_steps_m
    middle = np.minimum(np.arange(len(supply)) * factor + factor // 2, len(east) - 1)
    cells = tuple(part.ravel() for part in np.indices(supply.shape))
    steps = (east[middle] * factor, north * factor)
    coarse = supply_shed(supply, ground, steps, cells, max_cost=1.0)
    for got, part in zip(found, (coarse.supply, coarse.mean_cost), strict=True):
        fine = np.kron(part.reshape(supply.shape), np.ones((factor, factor)))
        whole = fine[: grid.rows, : grid.cols].astype(np.float32)
        np.testing.assert_array_equal(got, np.where(np.isfinite(friction), whole, np.float32(0)))
    return found


@pytest.mark.parametrize(("size", "factor", "part"), [(64, 3, 1024), (13, 3, 20), (10, 2, 9)])
def test_sheds_in_blocks_on_disk_equal_the_whole(
    size: int, factor: int, part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(haul, "PART", part)
    memory = fine_sheds(size, MemoryStore(), factor=factor)
    disk = fine_sheds(size, DiskStore(tmp_path, size), threads=2, factor=factor)
    assert memory.tobytes() == disk.tobytes()
    assert memory.max() > 0


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"biomass": np.ones((2, 2))}, "differ in shape"),
        ({"biomass": np.full((2, 3), -1.0)}, "negative"),
        ({"friction": np.zeros((2, 3))}, "friction is not positive"),
        ({"max_cost": math.inf}, "largest haul cost"),
        ({"max_cost": 0.0}, "largest haul cost"),
        ({"cells": ([2], [0])}, "off the grid"),
        ({"neighbours": 32}, "8 or 16"),
    ],
)
def test_bad_input(change: dict[str, Any], text: str) -> None:
    given_: dict[str, Any] = {
        "biomass": np.ones((2, 3)),
        "friction": np.ones((2, 3)),
        "steps": KM,
        "cells": ([0], [0]),
        "max_cost": 1.0,
    }
    with pytest.raises(DataError, match=text):
        supply_shed(**{**given_, **change})

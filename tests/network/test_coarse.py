"""Coarser cells for network plans of large grids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cdrsite
from cdrsite.config.load import load_scenario
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.engine.arrays import DiskStore
from cdrsite.network import coarse
from cdrsite.network.coarse import PlanGrid

ROOT = Path(__file__).resolve().parents[2]
INF, NAN = np.inf, np.nan


def grid_of(rows: int, cols: int) -> AnalysisGrid:
    bounds = (4e6, 3e6, 4e6 + cols * 1000.0, 3e6 + rows * 1000.0)
    return AnalysisGrid.from_bounds("EPSG:3035", bounds, 1000.0, snap=None)


def test_the_factor_follows_from_the_grid_alone() -> None:
    assert PlanGrid.of(grid_of(2000, 2000)).factor == 1
    assert PlanGrid.of(grid_of(2000, 2001)).factor == 2
    assert PlanGrid.of(grid_of(40_000, 25_000)).factor == 16
    plan = PlanGrid(grid_of(5, 7), 3)
    assert plan.grid.shape == (2, 3)
    assert plan.grid.resolution == 3000
    assert (plan.grid.west, plan.grid.north) == (plan.fine.west, plan.fine.north)


def test_ground_is_the_mean_of_what_is_open() -> None:
    surface = np.array([[1, 3, INF, 5], [INF, INF, INF, INF], [2, NAN, 7, 9]], np.float32)
    got = PlanGrid(grid_of(3, 4), 2).ground(surface)
    # half of the first is open; three quarters of the second are not; the last row has two cells
    np.testing.assert_array_equal(got, [[2, INF], [2, 8]])
    same = PlanGrid(grid_of(3, 4), 1).ground(surface)
    np.testing.assert_array_equal(same, surface)


def test_tonnes_are_summed_and_suitability_weighed_by_them() -> None:
    allocated = np.array([[[1, 3, 0, NAN], [0, 0, 0, 0]]], np.float32)
    suitability = np.array([[[0.2, 0.6, 0.5, 1.0], [1, 1, 0.1, NAN]]], np.float32)
    available = np.array([[[1, 1, 0.5, 0], [1, 1, 1, 1]]], np.float32)
    tonnes, mean, allowed = PlanGrid(grid_of(2, 4), 2).allocation(allocated, suitability, available)
    np.testing.assert_array_equal(tonnes, [[[4, 0]]])
    np.testing.assert_allclose(mean, [[[(0.2 + 1.8) / 4, (0.5 * 0.5 + 0.1) / 1.5]]], rtol=1e-6)
    np.testing.assert_array_equal(allowed, [[[True, True]]])


@pytest.mark.parametrize("part", [3, 8, 1024])
def test_parts_do_not_show(part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    shape, factor = (2, 41, 53), 3
    maps = [rng.uniform(0, 1, shape).astype(np.float32) for _ in range(3)]
    for values in maps:
        values[rng.random(shape) < 0.3] = NAN
    store = DiskStore(tmp_path, 16)
    stored = [store.create(str(i), shape, np.float32) for i in range(3)]
    for array, values in zip(stored, maps, strict=True):
        array[:] = values
    plan = PlanGrid(grid_of(41, 53), factor)
    whole = plan.allocation(*maps)
    ground = plan.ground(maps[0][0])
    monkeypatch.setattr(coarse, "PART", part)
    for one, other in zip(whole, plan.allocation(*stored), strict=True):
        assert one.tobytes() == other.tobytes()
    assert ground.tobytes() == plan.ground(maps[0][0]).tobytes()
    # against sums written another way
    padded = np.zeros((2, 42, 54))
    padded[:, :41, :53] = np.nan_to_num(maps[0])
    expected = padded.reshape(2, 14, 3, 18, 3).sum(axis=(2, 4))
    np.testing.assert_allclose(whole[0], expected, rtol=1e-12)


def test_places_are_found_again_on_the_fine_grid() -> None:
    plan = PlanGrid(grid_of(5, 7), 3)
    suitability = np.arange(35.0).reshape(1, 5, 7) / 35
    available = np.ones((1, 5, 7))
    available[0, 4, 6] = 0
    assert plan.best(0, 1, 2, suitability, available) == (3, 6)
    assert plan.best(0, 0, 0, suitability, available) == (2, 2)
    assert plan.middles(np.array([0, 5])).tolist() == [8, 34]
    row, col = plan.cells(np.array([0, 0, 1]), np.array([0, 1, 2]), Block(3, 5, 2, 6))
    assert (row.tolist(), col.tolist()) == ([1, 1], [0, 1])


@pytest.mark.slow
def test_a_large_grid_is_planned_on_coarser_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ("grid.resolution=10 km", "network.gap=0.9", "network.effort=quick")
    scenario = load_scenario(ROOT / "config" / "demo.yaml", settings)
    monkeypatch.setattr(coarse, "LARGEST", 900)
    result: Any = cdrsite.run(scenario)
    factor = PlanGrid.of(result.grid).factor
    assert factor > 1
    assert any(f"cells of {factor} x {factor} cells" in text for text in result.warnings)
    network, plants = result.summary["network"], result.tables["plants"]
    assert plants["stored_t_yr"].sum() / 1e6 == pytest.approx(network["stored_mt_yr"], rel=1e-6)
    stores = ["daccs-solid", "daccs-liquid", "beccs-residue"]
    gross = result.tables["methods"].set_index("method").loc[stores, "gross_mt_yr"].sum()
    left_out = ("below_minimum_mt_yr", "no_site_mt_yr", "beyond_max_plants_mt_yr")
    placed = network["in_plants_mt_yr"] + sum(network[key] for key in left_out)
    assert placed == pytest.approx(gross, rel=1e-5)
    for plant in plants.to_dict("records"):
        row, col = result.grid.index(plant["x"], plant["y"])
        available = result.dataset["available"].sel({"removal_method": plant["method"]})
        assert float(available[row, col]) > 0
    west, south, east, north = result.grid.bounds
    pipes = result.features["pipes"].total_bounds
    assert west <= pipes[0] <= pipes[2] <= east
    assert south <= pipes[1] <= pipes[3] <= north

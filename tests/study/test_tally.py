from __future__ import annotations

import pickle
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from tallies import tally_all, tally_parts

from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.core.states import EXCLUDED, OUTSIDE, UNKNOWN
from cdrsite.engine.arrays import DiskStore, MemoryStore
from cdrsite.study.tally import (
    COUNTED,
    Tally,
    tally_values,
)

GRID = AnalysisGrid(CRS("EPSG:3035").to_wkt(), 0.0, 100.0, 10.0, 7, 9)
MANY = settings(max_examples=examples(60), deadline=None)


def arrays_of(seed: int, methods: int = 2, grid: AnalysisGrid = GRID) -> dict[str, Any]:
    """Random results with all four states, and values with few digits or many."""
    rng = np.random.default_rng(seed)
    shape = (methods, *grid.shape)
    limit = rng.choice([0, 1, 3, UNKNOWN, EXCLUDED, OUTSIDE], shape).astype(np.uint8)
    known = limit < 10

    def values(low: float, high: float, blank: float = np.nan) -> Any:
        drawn = rng.uniform(low, high, shape).round(2 if seed % 2 else 7)
        return np.where(known, drawn, blank).astype(np.float32)

    return {
        "limit": limit,
        "equal_share": np.where(limit == EXCLUDED, 0, values(0, 1e5)).astype(np.float32),
        "net_factor": values(0.1, 0.9),
        "available": values(0, 1, 0.0),
    }


def test_written_out() -> None:
    grid = AnalysisGrid(GRID.wkt, 0.0, 20.0, 10.0, 2, 2)
    arrays = {
        "limit": np.array([[[0, 3], [EXCLUDED, OUTSIDE]]], np.uint8),
        "equal_share": np.array([[[10, 20], [0, np.nan]]], np.float32),
        "net_factor": np.array([[[0.5, 0.25], [np.nan, np.nan]]], np.float32),
        "available": np.array([[[1, 0.5], [0, np.nan]]], np.float32),
    }
    tally = tally_values(arrays, arrays["limit"][0] != OUTSIDE, grid, Block(0, 2, 0, 2))
    assert {code: int(n) for code, n in enumerate(tally.cells[0]) if n} == {
        0: 1, 3: 1, EXCLUDED: 1, OUTSIDE: 1,
    }  # fmt: skip
    assert tally.area[0][[0, 3, EXCLUDED, OUTSIDE]].tolist() == [100, 100, 100, 100]
    assert tally.tonnes[0][[0, 3]].tolist() == [5, 5]
    assert tally.region == 300
    assert tally.tonnes.sum() == 10
    assert tally.allowed.tolist() == [150]


@given(st.integers(0, 10_000), st.integers(1, 9))
@MANY
def test_sums_are_those_of_the_whole(seed: int, size: int) -> None:
    arrays = arrays_of(seed)
    tally = tally_all(arrays, GRID, size)
    area = np.broadcast_to(GRID.row_areas[:, None], GRID.shape)
    for m in range(2):
        limit = arrays["limit"][m]
        net = np.nan_to_num(arrays["equal_share"][m] * arrays["net_factor"][m])
        for code in np.unique(limit):
            mine = limit == code
            assert tally.cells[m, code] == mine.sum()
            assert tally.area[m, code] == pytest.approx(area[mine].sum(), rel=1e-12)
            assert tally.tonnes[m, code] == pytest.approx(
                net[mine].sum(dtype=np.float64), rel=1e-12
            )
        allowed = (np.nan_to_num(arrays["available"][m]).astype(np.float64) * area).sum()
        assert tally.allowed[m] == pytest.approx(allowed, rel=1e-12)
    assert tally.cells.sum() == 2 * GRID.size


def test_a_geographic_grid_counts_true_areas() -> None:
    grid = AnalysisGrid(CRS("EPSG:4326").to_wkt(), 6.0, 52.0, 0.5, 7, 9)
    tally = tally_all(arrays_of(1, grid=grid), grid, 4)
    assert tally.area[0].sum() == pytest.approx(9 * grid.row_areas.sum(), rel=1e-12)


def test_memory_and_disk_give_the_same_bytes(tmp_path: Path) -> None:
    arrays = arrays_of(5)
    stores = MemoryStore(), DiskStore(tmp_path / "store", 4)
    found = []
    for store in stores:
        for name in COUNTED:
            store.create(name, arrays[name].shape, arrays[name].dtype)[:] = arrays[name]
        opened = {name: store.open(name) for name in COUNTED}
        parts = tally_parts(opened, GRID, 4)
        tally = reduce(Tally.add, (pickle.loads(pickle.dumps(part)) for part in parts))
        found.append(pickle.dumps(tally))
    assert found[0] == found[1]

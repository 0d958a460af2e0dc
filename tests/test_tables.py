from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pyproj import CRS

from cdrsite.core.arrays import DiskStore
from cdrsite.core.grid import AnalysisGrid
from cdrsite.core.states import EXCLUDED, OUTSIDE, UNKNOWN
from cdrsite.tables import (
    SITE_VARIABLES,
    limit_table,
    region_km2,
    spaced_best,
    top_limits,
    values_at,
)
from cdrsite.tally import COUNTED, Tally, tally_block

GRID = AnalysisGrid(CRS("EPSG:3035").to_wkt(), 0.0, 100.0, 10.0, 7, 9)


def tallied(score: Any, size: int, **others: Any) -> tuple[Tally, dict[str, Any]]:
    arrays = {name: np.ones((1, *GRID.shape), np.float32) for name in COUNTED}
    arrays["limit"] = np.zeros((1, *GRID.shape), np.uint8)
    arrays |= {"score": score[None], **others}
    parts = [tally_block(arrays, GRID, block) for block in GRID.blocks(size)]
    return reduce(Tally.add, parts), arrays


def best_of_the_whole(score: Any, count: int, reach: int) -> list[tuple[int, int]]:
    """By sorting all cells: the best first, equal ones row by row."""
    flat = np.where(np.isfinite(score) & (score > 0), score, 0.0).ravel()
    taken = np.zeros(score.shape, bool)
    found: list[tuple[int, int]] = []
    for index in np.argsort(-flat, kind="stable"):
        row, col = divmod(int(index), score.shape[1])
        if len(found) >= count or flat[index] <= 0:
            break
        if not taken[row, col]:
            found.append((row, col))
            around = slice(max(0, row - reach), row + reach + 1)
            taken[around, max(0, col - reach) : col + reach + 1] = True
    return found


# few distinct values: ties everywhere
SCORES = hnp.arrays(
    np.float32,
    GRID.shape,
    elements=st.sampled_from([np.nan, -1.0, 0.0, 1.0, 2.0, 2.5, np.inf]),
)


@given(SCORES, st.integers(1, 9), st.integers(0, 30), st.integers(0, 8))
@settings(max_examples=200, deadline=None)
def test_sites_are_those_of_the_whole(score: Any, size: int, count: int, reach: int) -> None:
    tally, arrays = tallied(score, size)
    found = spaced_best(arrays["score"], 0, tally, count, reach)
    assert found == best_of_the_whole(score, count, reach)


class Counted:
    """An array that counts how often it is read."""

    def __init__(self, values: Any) -> None:
        self.values, self.reads = values, 0
        self.shape, self.dtype = values.shape, values.dtype

    def __getitem__(self, key: Any) -> Any:
        self.reads += 1
        return self.values[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        raise AssertionError


def test_blocks_that_cannot_hold_a_site_are_not_read() -> None:
    score = np.ones(GRID.shape, np.float32)
    score[1, 1], score[5, 7] = 9, 8
    tally, _ = tallied(score, 1)
    array = Counted(score[None])
    assert spaced_best(array, 0, tally, 2, 2) == [(1, 1), (5, 7)]
    # each block is one cell, and the sites cover their own
    assert array.reads == 0
    assert spaced_best(array, 0, tally, 3, 2) == [(1, 1), (5, 7), (0, 4)]
    assert array.reads == 0


def test_nothing_good_gives_no_sites() -> None:
    tally, arrays = tallied(np.full(GRID.shape, np.nan, np.float32), 4)
    assert spaced_best(arrays["score"], 0, tally, 5, 1) == []


def test_values_at_sites(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "store", 4)
    for i, name in enumerate(SITE_VARIABLES):
        values = np.arange(GRID.size, dtype=np.float32).reshape(1, *GRID.shape) + 100 * i
        store.create(name, values.shape, np.float32)[:] = values
    tally, _ = tallied(np.ones(GRID.shape, np.float32), 4)
    arrays = {name: store.open(name) for name in SITE_VARIABLES}
    found = values_at(arrays, 0, [(6, 8), (0, 0)], tally)
    for i, name in enumerate(SITE_VARIABLES):
        assert [cell[name] for cell in found] == [62 + 100 * i, 100 * i]


@pytest.mark.parametrize("size", [3, 9])
def test_limits_without_the_outside(size: int) -> None:
    limit = np.zeros((1, *GRID.shape), np.uint8)
    limit[0, 0], limit[0, 1], limit[0, 2, :3] = OUTSIDE, EXCLUDED, UNKNOWN
    tally, _ = tallied(np.ones(GRID.shape, np.float32), size, limit=limit)
    table = limit_table(["a"], tally)
    assert table[["limit", "cells"]].to_numpy().tolist() == [
        ["land", 63 - 21],
        ["unknown", 3],
        ["excluded", 9],
    ]
    assert region_km2(tally) == pytest.approx(54 * 100 / 1e6)
    assert table["area_km2"].sum() == pytest.approx(region_km2(tally))


def test_top_limits_in_words() -> None:
    tonnes = np.zeros(256)
    assert top_limits(tonnes) == "nothing fits"
    tonnes[:2] = 29, 71
    tonnes[EXCLUDED] = 1000
    assert top_limits(tonnes) == "water 71 %, land 29 %"
    tonnes[2] = 0.5  # less than a percent is not worth a word
    assert top_limits(tonnes) == "water 71 %, land 29 %"

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyproj import CRS
from tallies import tally_all

from cdrsite.core.grid import AnalysisGrid
from cdrsite.core.states import EXCLUDED, OUTSIDE, UNKNOWN
from cdrsite.study.tables import (
    limit_table,
    region_km2,
    top_limits,
)
from cdrsite.study.tally import COUNTED, Tally

GRID = AnalysisGrid(CRS("EPSG:3035").to_wkt(), 0.0, 100.0, 10.0, 7, 9)


def tallied(size: int, **others: Any) -> tuple[Tally, dict[str, Any]]:
    arrays = {name: np.ones((1, *GRID.shape), np.float32) for name in COUNTED}
    arrays["limit"] = np.zeros((1, *GRID.shape), np.uint8)
    arrays |= others
    return tally_all(arrays, GRID, size), arrays


@pytest.mark.parametrize("size", [3, 9])
def test_limits_without_the_outside(size: int) -> None:
    limit = np.zeros((1, *GRID.shape), np.uint8)
    limit[0, 0], limit[0, 1], limit[0, 2, :3] = OUTSIDE, EXCLUDED, UNKNOWN
    tally, _ = tallied(size, limit=limit)
    table = limit_table(["a"], tally)
    assert table[["limit", "cells"]].to_numpy().tolist() == [
        ["land", 63 - 21],
        ["unknown", 3],
        ["excluded", 9],
    ]
    assert region_km2(tally) == pytest.approx(54 * 100 / 1e6)
    assert table["area_km2"].sum() == pytest.approx(region_km2(tally))


def test_top_limits_in_words() -> None:
    assert top_limits({}) == "nothing fits"
    assert top_limits({"land": 0.29, "water": 0.71}) == "water 71 %, land 29 %"
    # less than a percent is not worth a word
    assert top_limits({"land": 0.288, "water": 0.708, "heat": 0.004}) == "water 71 %, land 29 %"

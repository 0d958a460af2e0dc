"""Sites in many samples: what is near, what stays, how ranks move; on arrays written out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cdrsite.study.samplesites import MOST_CELLS, SitesHere, around, frequency_table

GRID: Any = SimpleNamespace(rows=9, row_steps_m=(np.full(9, 1000.0), 2000.0))


def test_what_lies_around_a_site() -> None:
    row, col = np.array([4]), np.array([4])
    cells = np.array([4, 4, 5, 0, 4]), np.array([6, 4, 4, 0, 1])
    found = around(GRID, row, col, cells, 2.0)
    assert [one.tolist() for one in found] == [[1, 0, 2]]  # itself, 2 km east, 2 km south


def test_of_many_cells_the_nearest_and_the_farthest_are_looked_at() -> None:
    rows, cols = (part.ravel() for part in np.mgrid[0:9, 0:99])
    (found,) = around(GRID, np.array([0]), np.array([0]), (rows, cols), 500.0)
    assert len(found) == MOST_CELLS
    assert found[0] == 0
    assert (rows[found[-1]], cols[found[-1]]) == (0, 98) or rows[found[-1]] == 8


def sites() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "method": ["a", "a", "b"], "rank": [1, 2, 1], "in_plan": [True, False, True],
            "lon": 0.0, "lat": 0.0, "x": 0.0, "y": 0.0,
        }
    )  # fmt: skip


def here(near: list[bool], worth: list[float], cost: list[float]) -> SitesHere:
    return SitesHere(np.array(near), np.array(worth), np.array(cost))


def test_shares_and_ranks_of_five_samples() -> None:
    every = [here([True, True, True], [0.0, -0.1, -9.0], [5.0, 1.0, 1.0])] * 3
    every += [here([True, False, False], [-0.2, -0.1, -np.inf], [5.0, 1.0, np.inf])] * 2
    table = frequency_table(sites(), every)
    assert table["stays"].tolist() == [1.0, 0.6, 0.6]
    assert table["core"].tolist() == [True, False, False]
    assert table["error"].tolist() == pytest.approx([0.0, (0.24 / 5) ** 0.5, (0.24 / 5) ** 0.5])
    assert table["rank_p50"].tolist() == [1.0, 2.0, 1.0]
    assert table["rank_p95"].tolist() == [2.0, 2.0, 1.0]
    assert table["among_best"].tolist() == [1.0, 1.0, 1.0]


def test_among_those_that_fall_short_of_nothing_the_cheaper_comes_first() -> None:
    table = frequency_table(sites(), [here([True] * 3, [0.0, 0.3, 0.0], [5.0, 1.0, 1.0])])
    assert table["rank_p50"].tolist() == [2.0, 1.0, 1.0]

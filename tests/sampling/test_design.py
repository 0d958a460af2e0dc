"""Designs of samples: even, extended by the next stage, drawn together, and fields of a range."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cdrsite.sampling.design import SOBOL, field, points, together


def test_every_dimension_is_stratified_and_no_two_are_the_same() -> None:
    made = points(256, 40, seed=1)
    assert made.shape == (256, 40)
    for column in made.T:
        assert sorted(np.floor(column * 256).astype(int)) == list(range(256))
    pairs = np.corrcoef(made.T) - np.eye(40)
    assert np.abs(pairs).max() < 0.3


def test_the_first_points_of_a_larger_design_are_the_smaller_one() -> None:
    np.testing.assert_array_equal(points(256, SOBOL, 3)[:64], points(64, SOBOL, 3))


def test_a_dimension_does_not_depend_on_those_behind_it() -> None:
    np.testing.assert_array_equal(points(64, 40, 3)[:, :20], points(64, 20, 3))


def test_another_seed_is_another_design() -> None:
    assert not np.array_equal(points(16, 20, 1), points(16, 20, 2))


@pytest.mark.parametrize("correlation", [0.0, 0.6, 1.0])
def test_a_group_goes_along_as_asked_and_each_stays_uniform(correlation) -> None:
    drawn = points(4096, 4, seed=7)
    found = together(drawn[:, :3], drawn[:, 3], correlation)
    normal = stats.norm.ppf(found)
    assert np.corrcoef(normal.T)[0, 2] == pytest.approx(correlation, abs=0.03)
    for column in found.T:
        assert stats.kstest(column, "uniform").statistic < 0.02


def test_a_field_has_its_range_and_spread() -> None:
    row, col = np.meshgrid(np.arange(120.0), np.arange(150.0), indexing="ij")
    drawn = np.stack([field((120, 150), 30.0, [1, s, 0]).at(row, col) for s in range(200)])
    assert drawn.mean() == pytest.approx(0.0, abs=0.05)
    assert drawn.var(axis=0).mean() == pytest.approx(1.0, abs=0.05)
    assert drawn.var(axis=0).std() < 0.12
    half = (drawn[:, 40, 40] * drawn[:, 40, 55]).mean()
    assert half == pytest.approx(np.exp(-3.0 * 0.25), abs=0.15)
    far = (drawn[:, 10, 10] * drawn[:, 10, 140]).mean()
    assert far == pytest.approx(0.0, abs=0.15)


def test_a_field_is_a_function_of_its_seeds_and_a_cell_of_its_place() -> None:
    one, same, other = (field((50, 60), 12.0, [1, s, 2]) for s in (5, 5, 6))
    np.testing.assert_array_equal(one.values, same.values)
    assert not np.array_equal(one.values, other.values)
    row, col = np.arange(40.0), np.arange(40.0) + 3
    np.testing.assert_array_equal(one.at(row, col)[7:9], one.at(row[7:9], col[7:9]))

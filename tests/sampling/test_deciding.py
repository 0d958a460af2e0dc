"""Which numbers decide, on sums whose shares are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from cdrsite.sampling.additive import curves_of
from cdrsite.sampling.deciding import RELIABLE, deciding
from cdrsite.sampling.design import points


def found(made, values, steps=()):
    columns = [curves_of(column) for column in made.T]
    chances = list(made.T)
    for numbers, count in steps:
        columns.append(curves_of(numbers, count))
        chances.append(None)
    return deciding(columns, values, chances)


def test_shares_of_a_sum_are_its_variances() -> None:
    made = points(256, 30, seed=2)
    values = 3.0 * made[:, 0] - 1.0 * made[:, 4] + 0.5 * (2 * made[:, 7] - 1) ** 3
    answer = found(made, values)
    variances = np.array([9 / 12, 1 / 12, 0.25 / 7])
    np.testing.assert_allclose(answer.share[[0, 4, 7]], variances / variances.sum(), atol=0.02)
    assert np.delete(answer.share, [0, 4, 7]).max() < 0.01
    assert answer.explained > 0.98
    assert answer.rank_correlation[0] > 0.8
    assert answer.rank_correlation[4] < 0
    assert answer.swing[0] == pytest.approx(3.0, abs=0.2)


def test_alternatives_are_steps() -> None:
    made = points(128, 6, seed=3)
    numbers = np.floor(made[:, 5] * 3)
    values = np.array([0.0, 10.0, 1.0])[numbers.astype(int)] + made[:, 0]
    answer = found(made[:, :5], values, [(numbers, 3)])
    assert answer.share[5] > 0.95
    assert np.isnan(answer.rank_correlation[5])
    assert answer.swing[5] == pytest.approx(10.0, abs=0.3)


def test_interactions_are_not_told_as_shares() -> None:
    made = points(256, 8, seed=4)
    answer = found(made, (made[:, 0] - 0.5) * (made[:, 1] - 0.5))
    assert answer.explained < RELIABLE
    assert answer.share.sum() < 0.3


def test_what_never_moves_has_no_share() -> None:
    made = points(16, 3, seed=5)
    answer = found(made, np.full(16, 7.0))
    assert not answer.share.any()
    assert answer.explained == 0.0


def test_where_no_single_number_is_drawn_none_decides() -> None:
    """Errors of layers that differ from place to place are many numbers."""
    found = deciding([], np.array([1.0, 2.0, 4.0, 3.0]), [])
    assert found.share.shape == found.swing.shape == found.rank_correlation.shape == (0,)
    assert found.explained == 0.0

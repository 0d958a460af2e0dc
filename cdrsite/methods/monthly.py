"""Water by month: what may be taken of a river, and when methods take it.

Sources: variable monthly flow method, Pastor et al. 2014, doi:10.5194/hess-18-5041-2014.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F64 = NDArray[np.float64]

MONTHS = tuple(f"month {n}" for n in range(1, 13))
"""What months are called in rows, January first."""
FLAT = np.full(12, 1.0 / 12.0)
"""Part of the year's need in each month of a constant load [1]."""
LOW, HIGH = 0.4, 0.8
"""Flow of a month over the mean of the year: up to the first it is low, above the second high."""
STAYS = {"low": 0.6, "between": 0.45, "high": 0.3}
"""Part of a month's flow that stays in the river, by the variable monthly flow method [1]."""


def left_to_take(
    natural: F64, stays: Literal["variable"] | float | None, used: F64 | float = 0.0
) -> F64:
    """What may be taken in each month: flow less what stays in the river and what others take.

    Parameters
    ----------
    natural : ndarray, shape (pools, 12)
        Flow of each month.
    stays : {'variable'}, float or None
        Part of each month's flow that stays by the variable monthly flow method; or this share of
        the mean flow in every month; or nothing, where ``natural`` is what may be taken.
    used : ndarray, shape (pools, 12), or float
        What others take.

    Returns
    -------
    ndarray, shape (pools, 12)
        0 or more.
    """
    mean = natural.mean(axis=1, keepdims=True)
    if stays == "variable":
        part = np.where(natural <= LOW * mean, STAYS["low"], STAYS["between"])
        in_river = np.where(natural > HIGH * mean, STAYS["high"], part) * natural
    else:
        in_river = np.broadcast_to((stays or 0.0) * mean, natural.shape)
    return np.maximum(natural - in_river - used, 0.0)


def shares_of(weights: Sequence[float]) -> F64:
    """Part of the year's need in each month, shape (12,) [1]."""
    found = np.asarray(weights, np.float64)
    return found / found.sum()


def least_year(months: F64, share: F64) -> F64:
    """What a need of one profile can take in a year, shape (pools,): its tightest month decides."""
    taken = share > 0
    return np.asarray((months[:, taken] / share[taken]).min(axis=1))

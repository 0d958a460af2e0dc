"""What many samples say: quantiles, how sure a share is, when there are enough.

Everything is exact: all samples of a cell are looked at together, so no quantile is an estimate
from a histogram, and nothing depends on the order of samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

LEVELS = (0.05, 0.5, 0.95)
"""Quantiles that are told [1]."""
FIRST_STAGE = 64
"""Samples after which it is first asked whether there are enough."""
SURE, NEVER = 0.95, 0.05
"""Shares beyond these are sure; the others are looked at for the precision [1]."""
MOVED = 0.02
"""Part by which the quantiles of the total may move from stage to stage at the end [1]."""


def quantiles(values: NDArray[np.floating], levels: Sequence[float] = LEVELS) -> F64:
    """Quantiles over the first axis, between the two nearest samples, shape (levels, ...).

    What is NaN in any sample has none.
    """
    count = len(values)
    if not count:
        return np.full((len(levels), *values.shape[1:]), np.nan)
    at = [level * (count - 1) for level in levels]
    ranks = sorted({k for one in at for k in (math.floor(one), math.ceil(one))})
    unknown = np.isnan(values).any(axis=0)
    parted = np.partition(values, ranks, axis=0)
    found = []
    for one in at:
        low, high = parted[math.floor(one)], parted[math.ceil(one)]
        between = low.astype(np.float64) + (one - math.floor(one)) * (high.astype(np.float64) - low)
        found.append(np.where(unknown, np.nan, between))
    return np.stack(found)


def known_quantiles(values: NDArray[np.floating], levels: Sequence[float] = LEVELS) -> F64:
    """Quantiles over the first axis of the samples that have a number; NaN where none has."""
    count = np.isfinite(values).sum(axis=0)
    order = np.sort(values, axis=0)  # what is no number comes last
    found = []
    for level in levels:
        at = level * np.maximum(count - 1, 0)
        low = np.floor(at).astype(np.intp)
        high = np.minimum(low + 1, np.maximum(count - 1, 0))
        below = np.take_along_axis(order, low[None], axis=0)[0].astype(np.float64)
        above = np.take_along_axis(order, high[None], axis=0)[0].astype(np.float64)
        found.append(np.where(count > 0, below + (at - low) * (above - below), np.nan))
    return np.stack(found)


def binomial_error(share: F64, samples: int) -> F64:
    """Standard error of a share of samples, drawn each for itself [1].

    Sobol points do better, by a factor of up to 0.6, so it is a safe one.
    """
    return np.sqrt(np.maximum(share * (1.0 - share), 0.0) / max(samples, 1))


def precision_of(shares: F64, samples: int) -> float:
    """Error that nine in ten of the shares do not exceed, of those that are not sure [1]."""
    open_ = shares[(shares > NEVER) & (shares < SURE)]
    if not len(open_):
        return 0.0
    return float(np.quantile(binomial_error(open_, samples), 0.9))


def stages(samples: int) -> list[int]:
    """Numbers of samples after which it is asked whether there are enough: 64, 128, ..., all."""
    found, at = [], min(FIRST_STAGE, samples)
    while at < samples:
        found.append(at)
        at *= 2
    return [*found, samples]


def moved(before: F64, now: F64) -> float:
    """Largest relative change of some quantiles [1]."""
    size = np.maximum(np.abs(before), np.abs(now))
    change = np.abs(now - before)
    return float(np.max(np.divide(change, size, out=np.zeros_like(change), where=size > 0)))

"""Which numbers decide: one additive fit of what samples came to on all that they took.

Smooth curves of each number (Legendre polynomials of its chance, steps of alternatives) are fitted
together, never one by one: with few samples two numbers go along with each other by chance, and the
fit of one alone takes what belongs to the other. The variance of each curve as a share of all is
the number's first-order index (Sobol' 1993); what no sum of curves explains are interactions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy.stats import rankdata

F64 = NDArray[np.float64]

DEGREE = 3
"""Of the curve of a number."""
SAMPLES_PER_COLUMN = 3
"""Samples for each column of the fit; of more numbers those that explain most are looked at."""
RIDGES = np.logspace(-8, 3, 45)
"""Penalties that are tried, as parts of the largest one that matters."""
RELIABLE = 0.8
"""R2 below which the shares are not reliable: interactions are too large."""


@dataclass(frozen=True)
class Deciding:
    """What decides.

    Attributes
    ----------
    share : ndarray, shape (numbers,)
        Part of the variance that each number's own curve explains [1].
    rank_correlation : ndarray, shape (numbers,)
        Spearman's: its sign says which way; NaN of alternatives.
    swing : ndarray, shape (numbers,)
        Largest less smallest value of its curve over the samples [unit of what was fitted].
    explained : float
        R2 of all curves together, left out one by one [1].
    """

    share: F64
    rank_correlation: F64
    swing: F64
    explained: float


def curves_of(chances: F64, steps: int = 0) -> F64:
    """Columns of a number's curve with the mean 0, shape (samples, columns).

    Parameters
    ----------
    chances : ndarray, shape (samples,)
        Of a number; of alternatives their numbers.
    steps : int
        How many alternatives; 0 for a number.
    """
    if steps:
        made = (chances[:, None] == np.arange(steps - 1)[None]).astype(np.float64)
    else:
        made = legendre.legvander(2.0 * chances - 1.0, DEGREE)[:, 1:]
    return made - made.mean(axis=0)


def deciding(columns: Sequence[F64], values: F64, chances: Sequence[F64 | None]) -> Deciding:
    """Fit an additive model and say what each number explains.

    Parameters
    ----------
    columns : sequence of ndarray, shape (samples, k)
        Those of each number's curve (:func:`curves_of`).
    values : ndarray, shape (samples,)
        What the samples came to.
    chances : sequence of ndarray or None
        Of each number, for its rank correlation; None for alternatives.
    """
    count = len(values)
    nothing = np.zeros(len(columns))
    centred = values - values.mean()
    total = float(centred @ centred)
    if count < 4 or total <= 1e-18 * float(values @ values):
        return Deciding(nothing, np.full(len(columns), np.nan), nothing, 0.0)
    looked_at = _strongest(columns, centred)
    matrix = np.concatenate([columns[j] for j in looked_at], axis=1)
    size = np.sqrt((matrix**2).mean(axis=0))
    matrix = matrix / np.where(size > 0.0, size, 1.0)
    left, singular, right = np.linalg.svd(matrix, full_matrices=False)
    turned = left.T @ centred
    best, penalty = np.inf, RIDGES[-1]
    for ridge in RIDGES * float(singular.max(initial=0.0)) ** 2:
        kept = singular**2 / (singular**2 + ridge)
        rest = centred - left @ (kept * turned)
        freedom = count - 1.0 - float(kept.sum())
        score = np.inf if freedom <= 0.0 else float(rest @ rest) / freedom**2
        if score < best:
            best, penalty = score, ridge
    kept = singular**2 / (singular**2 + penalty)
    weights = right.T @ (singular / (singular**2 + penalty) * turned)
    leverage = (left**2 * kept).sum(axis=1) + 1.0 / count
    left_out = (centred - left @ (kept * turned)) / np.maximum(1.0 - leverage, 1e-6)
    share, swing, first = nothing.copy(), nothing.copy(), 0
    for j in looked_at:
        stop = first + columns[j].shape[1]
        curve = matrix[:, first:stop] @ weights[first:stop]
        share[j] = float(curve @ curve) / total
        swing[j] = float(np.ptp(curve))
        first = stop
    ranks = rankdata(values)
    correlation = np.array(
        [np.nan if one is None else np.corrcoef(rankdata(one), ranks)[0, 1] for one in chances]
    )
    explained = 1.0 - float(left_out @ left_out) / total
    return Deciding(share, correlation, swing, max(explained, 0.0))


def _strongest(columns: Sequence[F64], centred: F64) -> list[int]:
    """Numbers whose curves explain most by themselves: few enough for one fit of them all.

    With more columns than samples anything is explained, and nothing is known.
    """
    alone = []
    for one in columns:
        base, _ = np.linalg.qr(one)
        alone.append(float(((base.T @ centred) ** 2).sum()) / max(one.shape[1], 1))
    most = max(1, len(centred) // (SAMPLES_PER_COLUMN * DEGREE))
    return sorted(sorted(range(len(columns)), key=lambda j: -alone[j])[:most])

"""Which numbers decide: the share of the spread of what samples came to that each explains.

By one additive fit of all numbers (:mod:`cdrsite.sampling.additive`): the variance of each curve as
a share of all is the number's first-order index (Sobol' 1993); what no sum of curves explains are
interactions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cdrsite.sampling.additive import AdditiveFit, strongest

F64 = NDArray[np.float64]

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


def deciding(columns: Sequence[F64], values: F64, chances: Sequence[F64 | None]) -> Deciding:
    """Fit an additive model and say what each number explains.

    Parameters
    ----------
    columns : sequence of ndarray, shape (samples, k)
        Those of each number's curve (:func:`cdrsite.sampling.additive.curves_of`).
    values : ndarray, shape (samples,)
        What the samples came to.
    chances : sequence of ndarray or None
        Of each number, for its rank correlation; None for alternatives.
    """
    count = len(values)
    nothing = np.zeros(len(columns))
    centred = values - values.mean()
    total = float(centred @ centred)
    if not columns or count < 4 or total <= 1e-18 * float(values @ values):
        return Deciding(nothing, np.full(len(columns), np.nan), nothing, 0.0)
    looked_at = strongest(columns, centred[:, None])
    fitted = AdditiveFit(columns, looked_at).of(centred[:, None])
    share, swing = nothing.copy(), nothing.copy()
    for j in looked_at:
        curve = fitted.curves[j][:, 0]
        share[j] = float(curve @ curve) / total
        swing[j] = float(np.ptp(curve))
    from scipy.stats import rankdata  # a second to import, for samples alone

    ranks = rankdata(values)
    correlation = np.array(
        [np.nan if one is None else np.corrcoef(rankdata(one), ranks)[0, 1] for one in chances]
    )
    explained = 1.0 - float((fitted.left_out**2).sum()) / total
    return Deciding(share, correlation, swing, max(explained, 0.0))

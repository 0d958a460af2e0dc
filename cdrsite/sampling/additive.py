"""One additive fit of what samples came to on all that they took: a smooth curve for each number.

Legendre polynomials of the chance of each number, and steps of alternatives, are fitted together by
a ridge whose penalty is that of the least generalised cross-validation (Golub, Heath & Wahba 1979,
Technometrics 21, 215-223). Never one number by itself: with few samples two of them go along with
each other by chance, and the fit of one alone takes what belongs to the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

F64 = NDArray[np.float64]

DEGREE = 3
"""Of the curve of a number."""
SAMPLES_PER_COLUMN = 3
"""Samples for each column of the fit; of more numbers those that explain most are looked at."""
RIDGES = np.logspace(-8, 3, 45)
"""Penalties that are tried, as parts of the largest one that matters."""


def curves_of(chances: F64, steps: int = 0, degree: int = DEGREE) -> F64:
    """Columns of a number's curve with the mean 0, shape (samples, columns).

    Parameters
    ----------
    chances : ndarray, shape (samples,)
        Of a number; of alternatives their numbers.
    steps : int
        How many alternatives; 0 for a number.
    degree : int
        Of the polynomial of a number.
    """
    if steps:
        made = (chances[:, None] == np.arange(steps - 1)[None]).astype(np.float64)
    else:
        made = legendre.legvander(2.0 * chances - 1.0, degree)[:, 1:]
    return made - made.mean(axis=0)


def strongest(columns: Sequence[F64], centred: F64) -> list[int]:
    """Numbers whose curves explain most by themselves: few enough for one fit of them all.

    With more columns than samples anything is explained, and nothing is known.

    Parameters
    ----------
    columns : sequence of ndarray, shape (samples, k)
        Of each number.
    centred : ndarray, shape (samples, values)
        What is to be explained, with the mean 0.
    """
    alone = []
    for one in columns:
        base, _ = np.linalg.qr(one)
        alone.append(float(((base.T @ centred) ** 2).sum()) / max(one.shape[1], 1))
    most = max(1, len(centred) // (SAMPLES_PER_COLUMN * DEGREE))
    return sorted(sorted(range(len(columns)), key=lambda j: -alone[j])[:most])


@dataclass(frozen=True)
class Fitted:
    """An additive fit of several values.

    Attributes
    ----------
    curves : dict of int to ndarray, shape (samples, values)
        Number -> its curve at the samples.
    rest : ndarray, shape (samples, values)
        What no curve explains.
    left_out : ndarray, shape (samples, values)
        The same, each sample left out of the fit in turn.
    freedom : ndarray, shape (values,)
        Degrees of freedom that the curves have taken.
    """

    curves: dict[int, F64]
    rest: F64
    left_out: F64
    freedom: F64


class AdditiveFit:
    """Fits of any values of the same samples on the same numbers.

    Parameters
    ----------
    columns : sequence of ndarray, shape (samples, k)
        Those of each number's curve (:func:`curves_of`).
    looked_at : sequence of int
        Numbers that are in the fit (:func:`strongest`).
    """

    def __init__(self, columns: Sequence[F64], looked_at: Sequence[int]) -> None:
        self._spans, first = {}, 0
        for j in looked_at:
            self._spans[j] = slice(first, first + columns[j].shape[1])
            first += columns[j].shape[1]
        matrix = np.concatenate([columns[j] for j in looked_at], axis=1)
        size = np.sqrt((matrix**2).mean(axis=0))
        self._matrix = matrix / np.where(size > 0.0, size, 1.0)
        self._left, self._singular, self._right = np.linalg.svd(self._matrix, full_matrices=False)
        top = float(self._singular.max(initial=0.0))
        ridges = RIDGES * top**2 if top > 0.0 else RIDGES
        self._kept = self._singular**2 / (self._singular**2 + ridges[:, None])
        self._ridges = ridges

    def of(self, centred: F64) -> Fitted:
        """The fit of values with the mean 0, shape (samples, values)."""
        count = len(centred)
        turned = self._left.T @ centred
        explained = (2.0 * self._kept - self._kept**2) @ turned**2
        rest = np.maximum((centred**2).sum(axis=0) - explained, 0.0)
        freedom = count - 1.0 - self._kept.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            score = np.where(freedom[:, None] > 0.0, rest / freedom[:, None] ** 2, np.inf)
        best = score.argmin(axis=0)
        kept, ridge = self._kept[best].T, self._ridges[best]
        slope = self._singular[:, None] / (self._singular[:, None] ** 2 + ridge) * turned
        weights = self._right.T @ slope
        leftover = centred - self._left @ (kept * turned)
        leverage = self._left**2 @ kept + 1.0 / count
        return Fitted(
            {j: self._matrix[:, span] @ weights[span] for j, span in self._spans.items()},
            leftover,
            leftover / np.maximum(1.0 - leverage, 1e-6),
            kept.sum(axis=0),
        )

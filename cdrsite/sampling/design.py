"""Points of a sample: scrambled Sobol points for what matters most, Latin hypercubes for the rest.

Sobol points with Owen's scrambling (Owen 1998; directions of Joe & Kuo 2008, SIAM Journal on
Scientific Computing 30, 2635-2654) fill the first dimensions best. With many dimensions and few
points some pairs of the later ones go along with each other: those come from Latin hypercubes of
their own (McKay et al. 1979, Technometrics 21, 239-245). What goes together is drawn by a Gaussian
copula. Fields are white noise shaped in the space of frequencies (Dietrich &
Newsam 1997, SIAM Journal on Scientific Computing 18, 1088-1107).

Everything is a function of a seed and of a number, never of what was drawn before (rule 9).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

F64 = NDArray[np.float64]

SOBOL = 16
"""Dimensions of a design that are Sobol points."""
LEAST = 2.0**-40
"""Chances lie between this and 1 less it: the ends of an unbounded law are never met."""
NODES = 6
"""Nodes of a field per range of correlation."""


def points(samples: int, dimensions: int, seed: int) -> F64:
    """Chances of a design, each in (0, 1), shape (samples, dimensions); what matters most first.

    Parameters
    ----------
    samples : int
        A power of two.
    dimensions : int
        The first ``SOBOL`` of them are filled best.
    seed : int
        Another seed is another scramble.
    """
    made = np.empty((samples, dimensions))
    sobol = min(dimensions, SOBOL)
    if sobol:
        from scipy.stats import qmc  # a second to import, for samples alone

        drawn = np.random.default_rng(np.random.SeedSequence([seed, 0]))
        made[:, :sobol] = qmc.Sobol(sobol, scramble=True, rng=drawn).random(samples)
    for k in range(sobol, dimensions):
        drawn = np.random.default_rng(np.random.SeedSequence([seed, 1, k]))
        made[:, k] = (drawn.permutation(samples) + drawn.random(samples)) / samples
    return np.clip(made, LEAST, 1.0 - LEAST)


def together(chances: F64, common: F64, correlation: float) -> F64:
    """Chances that go along with a common one: a Gaussian copula with one factor.

    Parameters
    ----------
    chances : ndarray, shape (samples, members)
        Each member's own.
    common : ndarray, shape (samples,)
        That of the group.
    correlation : float
        Between any two members, of the normal numbers behind them [1]; 0 to 1.
    """
    own = math.sqrt(1.0 - correlation) * ndtri(chances)
    found = ndtr(math.sqrt(correlation) * ndtri(common)[:, None] + own)
    return np.clip(found, LEAST, 1.0 - LEAST)


@dataclass(frozen=True)
class Field:
    """A field of normal numbers with a range of correlation, over rows and columns of cells.

    Parameters
    ----------
    values : ndarray
        At nodes ``step`` cells apart, the first one at cell (0, 0).
    step : float
        [cells].
    """

    values: F64
    step: float

    def at(self, row: F64, col: F64) -> F64:
        """Values at cells, between the nodes around each [standard deviations]."""
        i, j = row / self.step, col / self.step
        i0 = np.clip(np.floor(i).astype(np.int64), 0, self.values.shape[0] - 2)
        j0 = np.clip(np.floor(j).astype(np.int64), 0, self.values.shape[1] - 2)
        a, b, v = i - i0, j - j0, self.values
        mixed = (1 - a) * ((1 - b) * v[i0, j0] + b * v[i0, j0 + 1]) + a * (
            (1 - b) * v[i0 + 1, j0] + b * v[i0 + 1, j0 + 1]
        )
        # between nodes the mean of four varies less: it is brought back to the spread of a node
        spread = np.sqrt(_spread(a) * _spread(b))
        return mixed / spread


def _spread(part: F64) -> F64:
    """Variance of the mean of two neighbouring nodes, of correlation ``_NEXT``."""
    return part**2 + (1 - part) ** 2 + 2 * part * (1 - part) * _NEXT


def _covariance(distance: F64) -> F64:
    """Correlation at a distance in ranges [1]: 5 % at one range (Gaussian model)."""
    return np.exp(-3.0 * distance**2)


_NEXT = float(_covariance(np.array(1.0 / NODES)))


def field(shape: tuple[int, int], range_cells: float, seeds: Sequence[int]) -> Field:
    """A field over a grid of cells.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the grid.
    range_cells : float
        Distance at which the correlation has fallen to 5 % [cells].
    seeds : sequence of int
        Seed of the study, number of the sample, number of the layer.
    """
    step = range_cells / NODES
    size = [math.ceil(count / step) + 2 for count in shape]
    # one range of padding: what wraps round is too far away to matter
    padded = [count + 2 * NODES for count in size]
    lag = [np.minimum(np.arange(n), n - np.arange(n)) / NODES for n in padded]
    target = _covariance(np.hypot(lag[0][:, None], lag[1][None, :]))
    power = np.maximum(np.fft.rfft2(target).real, 0.0)
    drawn = np.random.default_rng(np.random.SeedSequence(list(seeds)))
    noise = np.fft.rfft2(drawn.standard_normal(padded))
    values = np.fft.irfft2(noise * np.sqrt(power), s=padded)
    return Field(values[: size[0], : size[1]], step)

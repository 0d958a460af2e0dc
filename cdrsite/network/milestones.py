"""Milestones in time: the years that each stands for, discounted or not.

Rates are linear between milestones, and what stands at the last one goes on for some years after
it. With the hat function of a milestone (1 there, 0 at its neighbours) a rate of that milestone
stands for the integral of the hat, and for that of the hat times ``(1 + rate)^-(years since the
first milestone)``. A step would hold its rate up to the next milestone and jump there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cdrsite.core.errors import ConfigError


@dataclass(frozen=True)
class Times:
    """Milestones and what they stand for.

    Attributes
    ----------
    year : ndarray
        Of each milestone, rising.
    years : ndarray
        Years that a rate of each milestone stands for [yr].
    worth : ndarray
        Those years discounted to the first milestone [yr].
    """

    year: np.ndarray
    years: np.ndarray
    worth: np.ndarray

    @property
    def share(self) -> np.ndarray:
        """Share of each milestone in all discounted years; sums to 1."""
        return np.asarray(self.worth / self.worth.sum())

    @property
    def tail(self) -> np.ndarray:
        """Share of each milestone and all later ones: what is paid from then on."""
        return np.cumsum(self.share[::-1])[::-1]


def whole(year: float) -> float:
    """Write a year as a whole number where it is one."""
    return int(year) if year == int(year) else year


def times_of(
    year: Sequence[float], *, start: float | None = None, after: float, rate: float = 0.0
) -> Times:
    """Weigh milestones.

    Parameters
    ----------
    year : sequence of float
        Of each milestone, rising.
    start : float, optional
        Year from which rates rise from zero to the first milestone; the first when not given.
    after : float
        Years that what stands at the last milestone goes on [yr].
    rate : float
        Real discount rate per year [1].

    Returns
    -------
    Times

    Raises
    ------
    ConfigError
        No milestone, years that do not rise, a start behind the first, nothing after the last, or
        a negative rate.
    """
    given = [float(one) for one in year]
    begin = given[0] if start is None and given else start
    rising = all(a < b for a, b in itertools.pairwise(given))
    finite = all(math.isfinite(one) for one in (*given, after, rate))
    if not given or not rising or not finite or begin is None or not begin <= given[0]:
        raise ConfigError(
            "years of the periods must rise, and none begins before the start",
            got=f"start {begin}, years {', '.join(f'{one:g}' for one in given) or 'none'}",
            rule=7,
        )
    if not (rate >= 0 and after >= 0 and (after > 0 or given[-1] > begin)):
        raise ConfigError(
            "the last period must go on for some time, at a discount rate of zero or more",
            got=f"{after:g} years after {given[-1]:g}, rate {rate:g}",
            cure="give after, as 30 years",
            rule=7,
        )
    years, worth = np.zeros(len(given)), np.zeros(len(given))
    force = math.log1p(rate)
    for t, (a, b) in enumerate(itertools.pairwise([begin, *given])):
        falling, rising_part = _hats(a - given[0], b - a, force)
        years[t] += 0.5 * (b - a)
        worth[t] += rising_part
        if t:
            years[t - 1] += 0.5 * (b - a)
            worth[t - 1] += falling
    years[-1] += after
    falling, rising_part = _hats(given[-1] - given[0], after, force)
    worth[-1] += falling + rising_part
    return Times(np.array(given), years, worth)


def _hats(begin: float, length: float, force: float) -> tuple[float, float]:
    """Discounted years of the falling and the rising half of a hat over a segment of time."""
    now, x = math.exp(-force * begin), force * length
    if x < 1e-3:  # the closed form cancels there
        return now * length * (1 / 2 - x / 6 + x * x / 24), now * length * (
            1 / 2 - x / 3 + x * x / 8
        )
    mean = -math.expm1(-x) / x
    return now * (1 - mean) / force, now * (mean - math.exp(-x)) / force

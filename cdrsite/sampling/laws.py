"""Laws of an uncertain number, made of no more than its sources say: low end, value, high end.

Three numbers say no more than a triangle; where the ends differ by a factor of four or more, that
of the logarithm, so that a mean of sources that differ by ten is not that of the largest. Sources
that disagree are alternatives, never a mean (rule 10).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from cdrsite.core.errors import ConfigError

F64 = NDArray[np.float64]

WIDE = 4.0
"""Ratio of the ends from which on the logarithm is looked at."""

Ends = Literal["p0-p100", "p5-p95", "p10-p90"]
TAILS: dict[Ends, float] = {"p0-p100": 0.0, "p5-p95": 0.05, "p10-p90": 0.1}
"""What low and high ends stand for -> chance to lie beyond each of them."""


class Law(Protocol):
    """A distribution, by what stands at each chance."""

    @property
    def name(self) -> str:
        """Its name for tables."""

    def at(self, u: F64) -> F64:
        """Values at chances of not being exceeded, each in (0, 1)."""


@dataclass(frozen=True)
class Triangular:
    """A triangle over low to high with its top at the mode; ``log``: of the logarithm.

    Parameters
    ----------
    low, mode, high : float
        low <= mode <= high.
    log : bool
        All three are more than 0, and the logarithms make the triangle.
    """

    low: float
    mode: float
    high: float
    log: bool = False

    @property
    def name(self) -> str:
        """Its name for tables."""
        return "log-triangular" if self.log else "triangular"

    def at(self, u: F64) -> F64:
        """Values at chances of not being exceeded."""
        ends = (self.low, self.mode, self.high)
        low, mode, high = map(math.log, ends) if self.log else ends
        wide, left = high - low, mode - low
        if wide == 0.0:
            return np.full(np.shape(u), self.mode)
        below = low + np.sqrt(u * wide * left)
        above = high - np.sqrt((1.0 - u) * wide * (high - mode))
        found = np.where(u * wide < left, below, above)
        return np.clip(np.exp(found) if self.log else found, self.low, self.high)


@dataclass(frozen=True)
class Uniform:
    """All between low and high alike; ``log``: all of the logarithm."""

    low: float
    high: float
    log: bool = False

    @property
    def name(self) -> str:
        """Its name for tables."""
        return "log-uniform" if self.log else "uniform"

    def at(self, u: F64) -> F64:
        """Values at chances of not being exceeded."""
        if self.log:
            found = self.low * np.exp(u * math.log(self.high / self.low))
        else:
            found = self.low + u * (self.high - self.low)
        return np.clip(found, self.low, self.high)


@dataclass(frozen=True)
class Either:
    """One of several alternatives, by number; weights are what the user says."""

    weights: tuple[float, ...]

    @property
    def name(self) -> str:
        """Its name for tables."""
        return "either"

    def at(self, u: F64) -> F64:
        """Numbers of alternatives at chances of not being exceeded."""
        edges = np.cumsum(self.weights)[:-1] / sum(self.weights)
        return np.searchsorted(edges, u, side="right").astype(np.float64)


def law_of(
    where: str,
    low: float | None,
    value: float,
    high: float | None,
    ends: Ends = "p0-p100",
    unit: str = "",
) -> Law:
    """The law of a number with a range; the value itself is the end that no source gives.

    Parameters
    ----------
    where : str
        Key that an error names.
    low, value, high : float
        low <= value <= high.
    ends : str
        What low and high stand for.
    unit : str
        Told in errors.

    Raises
    ------
    ConfigError
        The low end lies above the high one, or the value beyond either.
    """
    least, most = (value if low is None else low), (value if high is None else high)
    _refuse_disorder(where, least, value, most, unit)
    log = least > 0.0 and most >= WIDE * least
    at_end = value in {least, most} and least != most
    tail = TAILS[ends]
    if log or least == 0.0:
        if at_end:
            return _uniform(least, most, tail, log=log)
        return _triangular(least, value, most, tail, log=log)
    return _triangular(least, value, most, tail, log=False)


def _refuse_disorder(where: str, low: float, value: float, high: float, unit: str) -> None:
    numbers = (low, value, high)
    if not all(map(math.isfinite, numbers)):
        raise ConfigError(
            "a range needs numbers", where=where, got=", ".join(f"{one:g}" for one in numbers)
        )
    if low > high:
        raise ConfigError(
            "low above high",
            where=where,
            got=f"low {low:g}, high {high:g} {unit}".rstrip(),
            expected="low <= high",
            cure="exchange them",
        )
    if not low <= value <= high:
        raise ConfigError(
            "the value is outside its range",
            where=where,
            got=f"low {low:g}, value {value:g}, high {high:g} {unit}".rstrip(),
            expected="low <= value <= high",
            cure="give central, or widen the range",
        )


def _uniform(low: float, high: float, tail: float, *, log: bool) -> Uniform:
    """All between two ends, each exceeded with the chance ``tail``."""
    if tail == 0.0:
        return Uniform(low, high, log)
    more = tail / (1.0 - 2.0 * tail)
    if log:
        wider = (high / low) ** more
        return Uniform(low / wider, high * wider, log)
    return Uniform(_not_below(low, low - more * (high - low)), high + more * (high - low))


def _triangular(low: float, mode: float, high: float, tail: float, *, log: bool) -> Triangular:
    """A triangle whose ends are exceeded with the chance ``tail`` on each side."""
    if tail == 0.0 or low == high:
        return Triangular(low, mode, high, log)
    down, up = (math.log(mode / low), math.log(high / mode)) if log else (mode - low, high - mode)
    left, right = down + up, down + up
    for _ in range(200):  # a contraction: what is added grows by the square root
        whole = left + right
        left, right = down + math.sqrt(tail * whole * left), up + math.sqrt(tail * whole * right)
    if log:
        return Triangular(mode / math.exp(left), mode, mode * math.exp(right), log)
    return Triangular(_not_below(low, mode - left), mode, mode + right)


def _not_below(low: float, end: float) -> float:
    """What is 0 or more by its source stays so."""
    return max(end, 0.0) if low >= 0.0 else end


def lognormal(z: F64, relative: float | F64) -> F64:
    """Factors with a mean of 1 and a relative standard deviation, from normal numbers ``z``."""
    sigma = np.sqrt(np.log1p(np.square(relative)))
    return np.exp(sigma * z - sigma * sigma / 2.0)

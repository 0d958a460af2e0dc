"""How a stock fills with the years: by an age curve, or evenly until it is full.

A curve says how the mean uptake of some first years is spread over the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cdrsite.core.errors import ConfigError

FloatArray = npt.NDArray[np.float64]


class Curve:
    """What every curve of a stock tells.

    Attributes
    ----------
    reference_years : float
        Years after the start over which the rate that it multiplies is the mean [yr].
    """

    reference_years: float

    def stock(self, age: npt.ArrayLike) -> FloatArray:
        """Stock at an age, on a scale of the curve's own: 0 at the start [1]."""
        raise NotImplementedError

    def mean_factor(self, years: float) -> float:
        """Mean uptake over the first ``years``, relative to the reference years' mean [1].

        Raises
        ------
        ConfigError
            If the number of years is not positive.
        """
        if not (math.isfinite(years) and years > 0):
            raise ConfigError(
                "the accounting period must be positive",
                where="accounting.years",
                got=years,
                expected="years above 0",
                cure="crediting periods run from 20 to 100 years",
            )
        mean = float(self.stock(years)) / years
        return mean * self.reference_years / float(self.stock(self.reference_years))

    def year_factor(self, year: npt.ArrayLike) -> FloatArray:
        """Uptake during year ``year`` (1 is the first), relative to the reference mean [1]."""
        end = np.asarray(year, dtype=np.float64)
        growth = self.stock(end) - self.stock(end - 1.0)
        return growth * self.reference_years / float(self.stock(self.reference_years))

    def discounted_factor(self, years: int, rate: float) -> float:
        """Present value of the uptake of the first ``years``, relative to that mean [yr]."""
        ages = np.arange(1, years + 1)
        return float(self.year_factor(ages) @ (1.0 + rate) ** -ages.astype(np.float64))


@dataclass(frozen=True)
class AgeCurve(Curve):
    """Chapman-Richards growth: stock(t) proportional to ``(1 - b exp(-k t))^p - (1 - b)^p``.

    Richards 1959, doi:10.1093/jxb/10.2.290; Chapman 1961; with b as in Robinson et al. 2025, whose
    fits have p = 3 and b from 0.2 to 1: below 1 a stand that comes back does not start from
    nothing.

    Parameters
    ----------
    rate : float
        k [1/yr].
    shape : float
        p [1]; above 1 the growth starts slowly and peaks at age ``ln(b p) / k``.
    reference_years : float
        Years after planting over which the uptake layer is the mean [yr].
    start : float
        b [1], above 0 and at most 1.

    Raises
    ------
    ConfigError
        If a value is not finite and positive, or b is above 1.
    """

    rate: float
    shape: float
    reference_years: float
    start: float = 1.0

    def __post_init__(self) -> None:
        for name in ("rate", "shape", "reference_years", "start"):
            value = getattr(self, name)
            most = 1.0 if name == "start" else math.inf
            if not (math.isfinite(value) and 0 < value <= most):
                raise ConfigError(
                    "an age curve needs positive numbers",
                    where=f"age_curve.{name}",
                    got=value,
                    expected="a finite number above 0" + (", at most 1" if name == "start" else ""),
                    cure="for example rate 0.025 per year, shape 3, 30 reference years, start 0.6",
                )

    def stock(self, age: npt.ArrayLike) -> FloatArray:
        """Stock at an age, relative to ``A``: 0 when planted, towards ``1 - (1 - b)^p`` [1]."""
        years = np.maximum(np.asarray(age, dtype=np.float64), 0.0)
        left = 1.0 - self.start
        # 1 - b exp(-k t) = (1 - b) + b (1 - exp(-k t)), which keeps its digits at small ages
        grown = left - self.start * np.expm1(-self.rate * years)
        return grown**self.shape - left**self.shape


@dataclass(frozen=True)
class EvenUntilFull(Curve):
    """The same uptake every year until the stock is full, and none after: soils, silt behind a dam.

    Parameters
    ----------
    full_after : float
        Years until the stock is full [yr]: 20 in the IPCC's method for mineral soils.
    reference_years : float
        Years over which the rate is the mean [yr].

    Raises
    ------
    ConfigError
        If a number of years is not finite and positive.
    """

    full_after: float
    reference_years: float

    def __post_init__(self) -> None:
        for name in ("full_after", "reference_years"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ConfigError(
                    "a stock needs years until it is full",
                    where="saturation_years" if name == "full_after" else name,
                    got=value,
                    expected="a finite number above 0",
                    cure="20 years for mineral soils",
                )

    def stock(self, age: npt.ArrayLike) -> FloatArray:
        """Share of the full stock [1]: ``min(age, full) / full``."""
        return np.clip(np.asarray(age, dtype=np.float64) / self.full_after, 0.0, 1.0)

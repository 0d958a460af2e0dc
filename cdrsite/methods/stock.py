"""Forest uptake: the rate of the place and the age of the stand.

A uniform rate is indefensible (rates differ more than a hundredfold between places; Cook-Patton et
al. 2020, doi:10.1038/s41586-020-2686-x), and no stand keeps its rate. The layer says how fast the
place grows on average over its reference years; the age curve says how that growth is spread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cdrsite.core.errors import ConfigError

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AgeCurve:
    """Chapman-Richards growth: stock(t) proportional to ``(1 - exp(-k t))^p``.

    Richards 1959, doi:10.1093/jxb/10.2.290; Chapman 1961.

    Parameters
    ----------
    rate : float
        k [1/yr].
    shape : float
        p [1]; above 1 the growth starts slowly and peaks at age ``ln(p) / k``.
    reference_years : float
        Years after planting over which the uptake layer is the mean [yr].

    Raises
    ------
    ConfigError
        If a value is not finite and positive.
    """

    rate: float
    shape: float
    reference_years: float

    def __post_init__(self) -> None:
        for name in ("rate", "shape", "reference_years"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ConfigError(
                    "an age curve needs positive numbers",
                    where=f"age_curve.{name}",
                    got=value,
                    expected="a finite number above 0",
                    cure="for example rate 0.05 per year, shape 3, 30 reference years",
                )

    def stock(self, age: npt.ArrayLike) -> FloatArray:
        """Stock at an age, relative to its final value [1]."""
        years = np.maximum(np.asarray(age, dtype=np.float64), 0.0)
        return (-np.expm1(-self.rate * years)) ** self.shape

    def mean_factor(self, years: float) -> float:
        """Mean uptake over the first ``years``, relative to the layer's mean [1].

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
        """Uptake during year ``year`` (1 is the first), relative to the layer's mean [1]."""
        end = np.asarray(year, dtype=np.float64)
        growth = self.stock(end) - self.stock(end - 1.0)
        return growth * self.reference_years / float(self.stock(self.reference_years))

    def growth(self, years: int) -> FloatArray:
        """Uptake in each of the first ``years``, relative to their own mean, shape (years,) [1]."""
        return self.year_factor(np.arange(1, years + 1)) / self.mean_factor(years)

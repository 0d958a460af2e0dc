"""Money over time: a discount rate, and the yearly payment that pays for an investment."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from cdrsite.core.errors import ConfigError

FloatArray = npt.NDArray[np.float64]


def _float(value: npt.ArrayLike) -> FloatArray:
    return np.asarray(value, dtype=np.float64)


def require_rate(rate: npt.ArrayLike) -> FloatArray:
    """Rates as an array; refuse one that is not finite, negative, or per cent without its sign."""
    array = _float(rate)
    if not np.all(np.isfinite(array)) or np.any(array < 0) or np.any(array > 1):
        raise ConfigError(
            "the discount rate must be from 0 to 1",
            where="discount_rate",
            got=str(rate),
            expected="a share per year",
            cure="write 7 % as 0.07",
        )
    return array


def crf(rate: npt.ArrayLike, years: npt.ArrayLike) -> FloatArray:
    """Capital recovery factor [1/yr]: ``r / (1 - (1 + r)^-n)``, and ``1 / n`` at r = 0.

    Parameters
    ----------
    rate : array_like
        Real discount rate [1/yr], 0 to 1.
    years : array_like
        Lifetime [yr], above 0.

    Raises
    ------
    ConfigError
        If the rate is not in [0, 1], or a lifetime is not positive.
    """
    both: tuple[Any, Any] = rate, years
    if all(isinstance(one, float) for one in both):
        return _crf_of(*both)  # many methods with many numbers share a few
    return _crf(rate, years)


@lru_cache(maxsize=1024)
def _crf_of(rate: float, years: float) -> FloatArray:
    return _crf(rate, years)


def _crf(rate: npt.ArrayLike, years: npt.ArrayLike) -> FloatArray:
    r, n = np.broadcast_arrays(require_rate(rate), _float(years))
    if not np.all(n > 0):
        raise ConfigError(
            "a lifetime must be positive",
            where="lifetime",
            got=str(years),
            expected="years above 0",
            cure="plants of this kind live 20 to 30 years",
        )
    with np.errstate(invalid="ignore"):
        # below 1e-100 the quotient loses its digits to denormal numbers; there 1/n is exact
        return np.where(r > 1e-100, r / -np.expm1(-n * np.log1p(r)), 1.0 / n)[()]

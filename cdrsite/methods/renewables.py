"""Land of a plant's own renewables, from the local yield.

Own renewable land and a grid power budget exclude each other (rule 6); which one holds is the
scenario's choice and not decided here. Densities are of the built footprint (PV: 30 to 50 MW/km2,
that is 0.03 to 0.05 kW/m2), not the potential densities over eligible area that energy-system
models use.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from cdrsite.core.errors import ConfigError

FloatArray = npt.NDArray[np.float64]


def pv_land(pv_yield: npt.ArrayLike, density: float) -> FloatArray:
    """Land of photovoltaics per kWh a year [m2 per kWh/yr]: ``1 / (yield x density)``.

    Parameters
    ----------
    pv_yield : array_like
        Yearly yield [kWh/kWp]; infinite land where it is 0 or less, NaN stays unknown.
    density : float
        Peak power per footprint [kWp/m2].

    Raises
    ------
    ConfigError
        If the density is not positive.
    """
    if not (math.isfinite(density) and density > 0):
        raise ConfigError(
            "the power density must be positive",
            where="density",
            got=density,
            expected="kW/m2 of footprint, for example 0.04",
            cure="40 MW/km2 is 0.04 kW/m2",
            rule=4,
        )
    yearly = np.asarray(pv_yield, dtype=np.float64) * density
    with np.errstate(divide="ignore"):
        return np.where(yearly <= 0, np.inf, 1.0 / yearly)[()]

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

HOURS_PER_YEAR = 8760.0


def _require_density(density: float) -> None:
    if not (math.isfinite(density) and density > 0):
        raise ConfigError(
            "the power density must be positive",
            where="density",
            got=density,
            expected="kW/m2 of footprint, for example 0.04",
            cure="40 MW/km2 is 0.04 kW/m2",
            rule=4,
        )


def _land(yearly: FloatArray, share: float) -> FloatArray:
    """Land per kWh/yr where 1 m2 yields ``yearly`` kWh; infinite where it yields nothing."""
    with np.errstate(divide="ignore"):
        return np.where(yearly <= 0, np.inf, share / yearly)[()]


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
    _require_density(density)
    return _land(np.asarray(pv_yield, dtype=np.float64) * density, 1.0)


def wind_land(
    capacity_factor: npt.ArrayLike, density: float, exclusive_share: float = 1.0
) -> FloatArray:
    """Land that wind power takes from other uses, per kWh a year [m2 per kWh/yr].

    ``exclusive share / (8760 x capacity factor x density)``: between turbines land stays usable.

    Parameters
    ----------
    capacity_factor : array_like
        [1]; infinite land where it is 0 or less, NaN stays unknown.
    density : float
        Power per area of the whole wind farm [kW/m2], for example 0.01.
    exclusive_share : float
        Share of the farm's area that no other use can have, in [0, 1]; 0.01 to 0.05 for pads and
        roads.

    Raises
    ------
    ConfigError
        If the density is not positive or the share not in [0, 1].
    """
    _require_density(density)
    if not 0 <= exclusive_share <= 1:
        raise ConfigError(
            "not a share",
            where="exclusive_share",
            got=exclusive_share,
            expected="a number in [0, 1]",
            cure="write 3 % as 0.03",
        )
    yearly = np.asarray(capacity_factor, dtype=np.float64) * (HOURS_PER_YEAR * density)
    return _land(yearly, exclusive_share)


def energy_land(electricity: npt.ArrayLike, land_per_kwh: npt.ArrayLike) -> FloatArray:
    """Land of the renewables that feed one tonne a year [m2 per t/yr].

    Parameters
    ----------
    electricity : array_like
        Need [kWh/t]; a method that supplies power (negative) needs none.
    land_per_kwh : array_like
        From :func:`pv_land` or :func:`wind_land` [m2 per kWh/yr].
    """
    power, land = np.broadcast_arrays(
        np.maximum(np.asarray(electricity, dtype=np.float64), 0.0),
        np.asarray(land_per_kwh, dtype=np.float64),
    )
    with np.errstate(invalid="ignore"):
        # no power needs no land, even where nothing could be generated (0 x infinity)
        return np.where(power == 0, 0.0, power * land)[()]

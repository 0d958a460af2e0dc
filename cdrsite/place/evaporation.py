"""Water that air takes up until it is saturated: what a wet contactor evaporates.

Air that passes a wet surface cools until it is saturated at its wet-bulb temperature, with the
enthalpy it came with. What it takes up on the way is what an open contactor can lose at most.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]

PRESSURE = 101_325.0
"""Of the air [Pa]: at sea level."""
WATER_TO_AIR = 0.621945
"""Molar mass of water over that of dry air [1]."""
_COLDEST, _HOTTEST, _STEP = -60.0, 65.0, 0.25
_BISECTIONS = 50


def saturation_pressure(temperature: npt.ArrayLike) -> FloatArray:
    """Vapour pressure over water [Pa] at a temperature [degC].

    ``610.94 exp(17.625 T / (T + 243.04))``, the Magnus form of Alduchov & Eskridge 1996,
    doi:10.1175/1520-0450(1996)035<0601:IMFAOS>2.0.CO;2.
    """
    celsius = np.asarray(temperature, dtype=np.float64)
    return 610.94 * np.exp(17.625 * celsius / (celsius + 243.04))


def saturation_deficit(temperature: npt.ArrayLike, humidity: npt.ArrayLike) -> FloatArray:
    """Water that adiabatic saturation adds to air [kg per kg of dry air].

    The wet-bulb temperature solves the balance of enthalpies of moist air (ASHRAE Handbook,
    Fundamentals, psychrometrics); it is found by bisection.

    Parameters
    ----------
    temperature : array_like
        [degC]; broadcasts with humidity.
    humidity : array_like
        Relative humidity [%].
    """
    warm, moist = np.broadcast_arrays(
        np.asarray(temperature, dtype=np.float64), np.asarray(humidity, dtype=np.float64)
    )
    held = _mixing_ratio(saturation_pressure(warm) * moist / 100.0)
    low, high = np.full(warm.shape, _COLDEST - 20.0), warm.copy()
    for _ in range(_BISECTIONS):
        bulb = (low + high) / 2.0
        full = _mixing_ratio(saturation_pressure(bulb))
        from_bulb = (2501.0 - 2.326 * bulb) * full - 1.006 * (warm - bulb)
        wetter = from_bulb / (2501.0 + 1.86 * warm - 4.186 * bulb) > held
        low, high = np.where(wetter, low, bulb), np.where(wetter, bulb, high)
    return np.maximum(_mixing_ratio(saturation_pressure(high)) - held, 0.0)


def _mixing_ratio(pressure: FloatArray) -> FloatArray:
    return WATER_TO_AIR * pressure / (PRESSURE - pressure)


@cache
def _table() -> FloatArray:
    """The deficit at steps of a quarter of a degree and of 1 %, for whole rasters."""
    warm = np.arange(_COLDEST, _HOTTEST + _STEP, _STEP)
    return saturation_deficit(warm[:, None], np.arange(101.0)[None, :])


def evaporation(temperature: npt.ArrayLike, humidity: npt.ArrayLike) -> FloatArray:
    """:func:`saturation_deficit` of whole rasters, from a table of it; within 1e-4 of it.

    Parameters
    ----------
    temperature : array_like
        [degC]; broadcasts with humidity. float32 in, float32 out; NaN stays unknown.
    humidity : array_like
        Relative humidity [%]; held within 0 and 100.
    """
    from scipy.ndimage import map_coordinates  # costs half a second where no climate is read

    warm, moist = np.broadcast_arrays(np.asarray(temperature), np.asarray(humidity))
    at = np.stack([(warm - _COLDEST) / _STEP, np.clip(moist, 0.0, 100.0)])
    unknown = np.isnan(at).any(axis=0)
    known = np.where(unknown, 0.0, at).reshape(2, -1)
    values = map_coordinates(_table(), known, order=1, mode="nearest").reshape(warm.shape)
    result = np.where(unknown, np.nan, values)
    return result.astype(np.result_type(warm, moist, np.float32), copy=False)

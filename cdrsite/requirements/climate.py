"""Direct air capture under the local climate: energy per tonne and productivity.

A published table gives electricity, heat and productivity at a few points of temperature and
relative humidity. Here they become factors relative to a stated reference climate, so that a
method's own per-tonne needs stay the anchor. Solid sorbents do best in the cool and liquid solvents
in the warm and humid: the sign is in the table, the code is one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from cdrsite.core.errors import ConfigError, DataError

FloatArray = npt.NDArray[np.floating[Any]]

MONTH_DAYS = (31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days per month, leap years averaged over four years."""

_PLAUSIBLE = {"temperature": (-100.0, 65.0, "degC"), "humidity": (0.0, 110.0, "%")}


@dataclass(frozen=True)
class ClimatePoint:
    """What the table says at one climate; any unit will do, only ratios are used.

    Parameters
    ----------
    temperature : float
        [degC].
    humidity : float
        Relative humidity [%].
    electricity, heat : float
        Energy per tonne captured.
    productivity : float
        CO2 captured per hour by one plant.
    """

    temperature: float
    humidity: float
    electricity: float
    heat: float
    productivity: float


@dataclass(frozen=True)
class ClimateFactors:
    """Factors relative to the reference climate [1], arrays of one shape.

    Parameters
    ----------
    electricity, heat : ndarray
        Multiply the needs per tonne.
    productivity : ndarray
        Multiplies the annual output of a plant; divides its capital cost per tonne.
    """

    electricity: FloatArray
    heat: FloatArray
    productivity: FloatArray


@dataclass(frozen=True)
class ClimateTable:
    """Table points and the climate that the method's needs were stated for.

    Between two points of one temperature the values are linear in humidity, between temperatures
    linear in temperature; outside they are held at the edge (colder than the coldest node counts
    as that node).

    Parameters
    ----------
    points : tuple of ClimatePoint
        One or more per temperature, in any order.
    reference_temperature, reference_humidity : float
        The climate where every factor is 1 [degC], [%].

    Raises
    ------
    ConfigError
        If there is no point, a value is not finite, energy or productivity is not positive, or a
        climate appears twice.
    """

    points: tuple[ClimatePoint, ...]
    reference_temperature: float
    reference_humidity: float

    def __post_init__(self) -> None:
        climates = [(point.temperature, point.humidity) for point in self.points]
        if not self.points or len(set(climates)) < len(climates):
            raise ConfigError(
                "a climate table needs points of different climates",
                where="climate.points",
                got=climates,
                expected="one or more points, no climate twice",
                cure="remove or correct the repeated point",
            )
        reference = (self.reference_temperature, self.reference_humidity)
        for point in self.points:
            climate = (point.temperature, point.humidity, *reference)
            values = (point.electricity, point.heat, point.productivity)
            if not all(map(math.isfinite, climate + values)) or min(values) <= 0:
                raise ConfigError(
                    "a climate point must be finite, its energy and productivity positive",
                    where="climate.points",
                    got=point,
                    expected="positive electricity, heat and productivity",
                    cure="where a method uses no heat, give 1 for it: only ratios count",
                )

    @cached_property
    def nodes(self) -> tuple[tuple[float, tuple[ClimatePoint, ...]], ...]:
        """Points by rising temperature, and by rising humidity at each."""
        ordered = sorted(self.points, key=lambda point: (point.temperature, point.humidity))
        return tuple(
            (temperature, tuple(group))
            for temperature, group in groupby(ordered, key=lambda point: point.temperature)
        )

    @cached_property
    def reference(self) -> tuple[float, float, float]:
        """Electricity, heat and productivity of the table at the reference climate."""
        values = _interpolate(
            self,
            np.asarray(self.reference_temperature, dtype=np.float64),
            np.asarray(self.reference_humidity, dtype=np.float64),
        )
        return float(values[0]), float(values[1]), float(values[2])


def _position(value: FloatArray, low: float, high: float) -> FloatArray:
    """Place of ``value`` between ``low`` (0) and ``high`` (1), held at the edges; NaN stays."""
    return np.clip((value - low) / (high - low), 0.0, 1.0)


def _interpolate(
    table: ClimateTable, temperature: FloatArray, humidity: FloatArray
) -> list[FloatArray]:
    """Electricity, heat and productivity at each climate, in the table's own units.

    A clamped piecewise-linear function is its first value plus, for each segment, the rise times
    the clipped position in the segment: whole-array steps without a search, NaN passes through.
    """
    names = [part.name for part in fields(ClimateFactors)]
    # adding 0 x input makes an edge value an array of the right shape and carries NaN along
    zero = 0.0 * (temperature + humidity)
    columns: list[list[FloatArray]] = []
    for _, points in table.nodes:
        values = [zero + getattr(points[0], name) for name in names]
        for below, above in pairwise(points):
            share = _position(humidity, below.humidity, above.humidity)
            for index, name in enumerate(names):
                values[index] = values[index] + share * (
                    getattr(above, name) - getattr(below, name)
                )
        columns.append(values)
    result = columns[0]
    for index, ((low, _), (high, _)) in enumerate(pairwise(table.nodes)):
        share = _position(temperature, low, high)
        rises = zip(columns[index], columns[index + 1], strict=True)
        result = [
            value + share * (above - below)
            for value, (below, above) in zip(result, rises, strict=True)
        ]
    return result


def _climate(name: str, values: npt.ArrayLike) -> FloatArray:
    """Return the array as floats (float32 stays), or refuse values of another unit."""
    array = np.asarray(values)
    if array.dtype != np.float32:
        array = array.astype(np.float64, copy=False)
    low, high, unit = _PLAUSIBLE[name]
    # fmin and fmax skip NaN, and of nothing but NaN give NaN, which compares as fine
    lowest, highest = np.fmin.reduce(array, axis=None), np.fmax.reduce(array, axis=None)
    if array.size and (lowest < low or highest > high):
        raise DataError(
            f"{name} is outside what the Earth has",
            where=name,
            got=f"{lowest:g} to {highest:g}",
            expected=f"{low:g} to {high:g} {unit}",
            cure=f"give the layer its unit, so that it becomes {unit} (kelvin, fractions)",
            rule=4,
        )
    return array


def climate_factors(
    table: ClimateTable, temperature: npt.ArrayLike, humidity: npt.ArrayLike
) -> ClimateFactors:
    """Factors at each climate; for annual means, or one month.

    Parameters
    ----------
    table : ClimateTable
        Table points and reference climate.
    temperature : array_like
        [degC]; broadcasts with humidity. float32 in, float32 out.
    humidity : array_like
        Relative humidity [%].

    Returns
    -------
    ClimateFactors
        Relative to the reference climate; NaN where an input is NaN.

    Raises
    ------
    DataError
        If values are outside what the Earth has: kelvin, for example.
    """
    warm, moist = _climate("temperature", temperature), _climate("humidity", humidity)
    values = _interpolate(table, warm, moist)
    return ClimateFactors(
        *(value / base for value, base in zip(values, table.reference, strict=True))
    )


def annual_climate_factors(
    table: ClimateTable, temperature: npt.ArrayLike, humidity: npt.ArrayLike
) -> ClimateFactors:
    """Factors of a whole year from monthly climate.

    A plant that runs all year captures ``p_m d_m`` in month m (productivity x days), so the
    productivity is the mean over days, and the energy per tonne of the year is the monthly one
    weighted by what is captured: ``sum e_m p_m d_m / sum p_m d_m``. Weighting by time alone would
    count the energy of hot months for tonnes that were never captured in them.

    Parameters
    ----------
    table : ClimateTable
        Table points and reference climate.
    temperature, humidity : array_like, shape (12, ...)
        Monthly means, January first [degC], [%].

    Returns
    -------
    ClimateFactors
        Shape (...); NaN where any month is NaN.

    Raises
    ------
    DataError
        If the first axis is not the 12 months, or as in :func:`climate_factors`.
    """
    warm, moist = np.asarray(temperature), np.asarray(humidity)
    if warm.ndim == 0 or warm.shape != moist.shape or warm.shape[0] != len(MONTH_DAYS):
        raise DataError(
            "monthly climate needs 12 months along the first axis, alike in both layers",
            where="temperature, humidity",
            got=f"shapes {warm.shape} and {moist.shape}",
            expected="(12, rows, columns)",
            cure="give 12 bands, or use annual means",
        )
    year = sum(MONTH_DAYS)
    output: FloatArray | float = 0.0
    electricity: FloatArray | float = 0.0
    heat: FloatArray | float = 0.0
    for month, days in enumerate(MONTH_DAYS):
        factors = climate_factors(table, warm[month], moist[month])
        captured = factors.productivity * (days / year)
        output = output + captured
        electricity = electricity + factors.electricity * captured
        heat = heat + factors.heat * captured
    total = np.asarray(output)
    return ClimateFactors(electricity / total, heat / total, total)

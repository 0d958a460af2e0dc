"""Direct air capture under the local climate: energy per tonne and productivity.

A published table gives electricity, heat and productivity at a few points of temperature and
relative humidity. Here they become factors relative to a stated reference climate, so that a
method's own per-tonne needs stay the anchor. Solid sorbents do best in the cool and liquid solvents
in the warm and humid: the sign is in the table, the code is one.

Between two points of one temperature the values are linear in humidity, between temperatures linear
in temperature; outside they are held at the edge (colder than the coldest row counts as that row).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, Field, model_validator

from cdrsite.core.errors import ConfigError, DataError
from cdrsite.core.fields import Model, StrictNumber, Text, problem
from cdrsite.place.dependence import MONTHS, Dependence, Here, LayerKey, Use, own_layer
from cdrsite.place.needs import Needs
from cdrsite.scoring.sums import layer

FloatArray = npt.NDArray[np.floating[Any]]

MONTH_DAYS = (31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days per month, leap years averaged over four years."""

_PLAUSIBLE = {"temperature": (-100.0, 65.0, "degC"), "humidity": (0.0, 110.0, "%")}


def _positive(value: float) -> float:
    if value <= 0:
        raise problem(
            f"not positive; got {value:g}; cure: where a method uses no heat, give 1 for it: only "
            "ratios count"
        )
    return value


Positive = Annotated[StrictNumber, AfterValidator(_positive)]


class ReferenceClimate(Model):
    """A climate."""

    temperature: StrictNumber
    """[degC]."""
    humidity: StrictNumber
    """Relative humidity [%]."""


class ClimatePoint(ReferenceClimate):
    """Energy and productivity at one climate."""

    electricity: Positive
    """Per gross tonne [kWh/t]."""
    heat: Positive
    """Per gross tonne [kWh/t]."""
    productivity: Positive
    """Output, relative: only ratios have a meaning."""

    @property
    def values(self) -> tuple[float, float, float]:
        """Electricity, heat and productivity."""
        return self.electricity, self.heat, self.productivity


class ClimateRange(Model):
    """Range to which input is clamped."""

    temperature: tuple[StrictNumber, StrictNumber]
    """[degC]."""
    humidity: tuple[StrictNumber, StrictNumber]
    """[%]."""


class ClimateTable(Model):
    """How energy and productivity depend on temperature and humidity.

    Points with one temperature form a row: interpolate in humidity inside a row, clamped to its
    ends, then in temperature, clamped to the range. Use ratios to ``reference``.
    """

    reference: ReferenceClimate
    """The climate to which the profile's values belong."""
    clamp: ClimateRange
    """Range to which input is clamped."""
    time_step: Literal["monthly", "annual"]
    """The averaging that the source recommends."""
    points: tuple[ClimatePoint, ...] = Field(min_length=1)
    """What the source gives."""
    source: Text
    """Id of the source."""
    locator: Text
    """The table, line or derivation in the source."""
    note: Text = ""
    """Reading aid."""

    @model_validator(mode="after")
    def _climates_differ(self) -> Self:
        seen = set()
        for i, point in enumerate(self.points):
            climate = (point.temperature, point.humidity)
            if climate in seen:
                raise problem(
                    f"a climate twice; got {climate}; cure: remove or correct the repeated point",
                    at=f"points.{i}",
                )
            seen.add(climate)
        return self


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


@lru_cache(maxsize=32)
def _rows(table: ClimateTable) -> tuple[tuple[ClimatePoint, ...], ...]:
    """Points of one temperature by rising humidity, in rows of rising temperature."""
    points = sorted(table.points, key=lambda point: (point.temperature, point.humidity))
    rows = groupby(points, key=lambda point: point.temperature)
    return tuple(tuple(row) for _, row in rows)


@lru_cache(maxsize=32)
def reference_values(table: ClimateTable) -> tuple[float, float, float]:
    """Electricity, heat and productivity of a table at its reference climate."""
    temperature, humidity = (
        np.asarray(value, dtype=np.float64)
        for value in (table.reference.temperature, table.reference.humidity)
    )
    electricity, heat, productivity = _interpolate(table, temperature, humidity)
    return float(electricity), float(heat), float(productivity)


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
    temperature = np.clip(temperature, *table.clamp.temperature)
    humidity = np.clip(humidity, *table.clamp.humidity)
    # adding 0 x input makes an edge value an array of the right shape and carries NaN along
    zero = 0.0 * (temperature + humidity)
    by_row: list[list[FloatArray]] = []
    rows = _rows(table)
    for row in rows:
        values: list[FloatArray] = [zero + value for value in row[0].values]
        for below, above in pairwise(row):
            share = _position(humidity, below.humidity, above.humidity)
            rises = zip(values, below.values, above.values, strict=True)
            values = [value + share * (high - low) for value, low, high in rises]
        by_row.append(values)
    result = by_row[0]
    for index, (colder, warmer) in enumerate(pairwise(rows)):
        share = _position(temperature, colder[0].temperature, warmer[0].temperature)
        steps = zip(result, by_row[index], by_row[index + 1], strict=True)
        result = [value + share * (above - below) for value, below, above in steps]
    return result


def plausible_climate(name: str, values: npt.ArrayLike) -> FloatArray:
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
        Points, reference climate and clamps, from the method library.
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
    warm, moist = (
        plausible_climate("temperature", temperature),
        plausible_climate("humidity", humidity),
    )
    values = _interpolate(table, warm, moist)
    return ClimateFactors(
        *(value / base for value, base in zip(values, reference_values(table), strict=True))
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
        Points, reference climate and clamps, from the method library.
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


def with_heat_pump(table: ClimateTable, factors: ClimateFactors, cop: float) -> ClimateFactors:
    """Factors of an all-electric plant, whose one electricity figure includes a heat pump.

    Its need is ``electricity + heat / COP``, so its factor is that sum at the place over that sum
    at the reference climate. Linear, hence valid for annual factors too.

    Parameters
    ----------
    table : ClimateTable
        The table that the factors come from.
    factors : ClimateFactors
        From :func:`climate_factors` or :func:`annual_climate_factors`.
    cop : float
        Heat delivered per electricity, above 0 [1].

    Returns
    -------
    ClimateFactors
        With the combined factor for the electricity; the others as they were.

    Raises
    ------
    ConfigError
        If the COP is not positive.
    """
    if not (math.isfinite(cop) and cop > 0):
        raise ConfigError(
            "the coefficient of performance must be positive",
            where="heat_pump_cop",
            got=cop,
            expected="heat per electricity, for example 3",
            cure="use 1 for resistance heating",
        )
    electricity, heat, _ = reference_values(table)
    pumped = heat / cop
    share = pumped / (electricity + pumped)
    combined = factors.electricity * (1.0 - share) + factors.heat * share
    return replace(factors, electricity=combined)


class Climate(Model):
    """Layers that drive the energy need and productivity of direct air capture."""

    temperature: Annotated[str, LayerKey("degC", monthly=True)]
    """Layer of air temperature, one or twelve bands."""
    humidity: Annotated[str, LayerKey("%", monthly=True)]
    """Layer of relative humidity, one or twelve bands."""


class ClimateKeys(Model):
    """Keys of :class:`AirClimate`."""

    climate: Climate | None = None
    """Makes energy and productivity of DAC depend on the place."""


class ClimateFileKeys(Model):
    """Keys of :class:`AirClimate` in a method file."""

    climate: ClimateTable | None = None
    """Dependence on the climate."""


class AirClimate(Dependence):
    """Energy and productivity by the method's own table of climates (:func:`climate_factors`)."""

    name, keys, file_keys = "climate", ClimateKeys, ClimateFileKeys
    parameters = (("heat_pump_cop", "1"),)

    def acts(self, use: Use) -> bool:
        """Where the scenario gives the climate."""
        return use.choice.climate is not None

    def refuse(self, use: Use, where: str) -> None:
        """Refuse a climate where the library knows no dependence on it."""
        if use.choice.climate is not None and use.method.climate is None:
            raise ConfigError(
                "the library knows no climate dependence of this method",
                where=f"{where}.climate",
                cure="remove it",
            )

    def numbers(self, use: Use) -> dict[str, float]:
        """COP of the heat pump, where the heat is inside the electricity and follows it there."""
        inside = use.profile.heat_source == "heat-pump" and not use.number("heat")
        return {"heat pump": use.number("heat_pump_cop", 1.0)} if inside else {}

    def needs(self, use: Use, needs: Needs) -> Needs:
        """Electricity and heat times their factors; capital by the productivity."""
        electricity, heat, inverse = (layer(own_layer(kind, use.name)) for kind in _FACTORS)
        needs = needs.times(electricity=electricity, heat=heat)
        return replace(needs, inverse_productivity=inverse)

    def layers(self, use: Use, here: Here) -> dict[str, npt.NDArray[np.float32]]:
        """Factors of each cell, of the whole year where the layers are monthly."""
        table, warm, moist = use.method.climate, here.layers["temperature"], here.layers["humidity"]
        if len(warm) == MONTHS:
            factors = annual_climate_factors(table, warm, moist)
        else:
            factors = climate_factors(table, warm[0], moist[0])
        if "heat pump" in here.numbers:
            factors = with_heat_pump(table, factors, here.numbers["heat pump"])
        found = factors.electricity, factors.heat, 1.0 / factors.productivity
        return {k: v.astype(np.float32) for k, v in zip(_FACTORS, found, strict=True)}


_FACTORS = ("electricity factor", "heat factor", "inverse productivity")
"""Kinds of its layers."""

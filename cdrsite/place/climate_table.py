"""A published table of climates: electricity, heat and output of a plant at some of them.

Between two points of one temperature the values are linear in humidity, between temperatures linear
in temperature; outside they are held at the edge (colder than the coldest row counts as that row).
At each climate there may be several operating points, and the cheapest at a place can be asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, Field, model_validator

from cdrsite.core.checked import or_row
from cdrsite.core.errors import DataError
from cdrsite.core.fields import Model, StrictNumber, Text, problem
from cdrsite.place.evaporation import evaporation

FloatArray = npt.NDArray[np.floating[Any]]

MONTH_DAYS = (31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days per month, leap years averaged over four years."""

_PLAUSIBLE = {"temperature": (-100.0, 65.0, "degC"), "humidity": (0.0, 110.0, "%")}


def _positive(value: float) -> float:
    if value <= 0:
        raise problem(
            f"not positive; got {value:g}; cure: where a method uses no heat, give 1 for it: only "
            "its ratio counts"
        )
    return value


Positive = Annotated[StrictNumber, AfterValidator(_positive)]


PointNumber = Annotated[int, Field(strict=True, ge=1)]


class PlaceClimate(Model):
    """A climate, as yearly means."""

    temperature: StrictNumber
    """[degC]."""
    humidity: StrictNumber
    """Relative humidity [%]."""


class ClimatePoint(PlaceClimate):
    """Energy and productivity at one climate and operating point."""

    point: PointNumber = 1
    """Number of the operating point."""
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
    ends, then in temperature, clamped to the range. Every climate has the same operating points.
    """

    clamp: ClimateRange
    """Range to which input is clamped."""
    time_step: Literal["monthly", "annual"]
    """The averaging that the source recommends."""
    points: tuple[or_row(ClimatePoint), ...] = Field(min_length=1)  # type: ignore[valid-type]
    """What the source gives: mappings, or rows [temperature, humidity, point, electricity, heat,
    productivity]."""
    water: Literal["evaporation"] | None = None
    """How the water need follows the climate: `evaporation`, by what the air takes up until it is
    saturated, per tonne captured; not at all when not given."""
    source: Text
    """Id of the source."""
    locator: Text
    """The table, line or derivation in the source."""
    note: Text = ""
    """Reading aid."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        climates: dict[tuple[float, float], list[int]] = {}
        for i, point in enumerate(self.points):
            known = climates.setdefault((point.temperature, point.humidity), [])
            if point.point in known:
                raise problem(
                    f"a climate twice; got {(point.temperature, point.humidity)}, point "
                    f"{point.point}; cure: remove or correct the repeated point",
                    at=f"points.{i}",
                )
            known.append(point.point)
        for climate, points in climates.items():
            if set(points) != set(self.numbers):
                raise problem(
                    f"an operating point is missing; got {sorted(points)} at {climate}; expected "
                    f"{list(self.numbers)}, as elsewhere in the table",
                    at="points",
                )
        return self

    @property
    def numbers(self) -> tuple[int, ...]:
        """Operating points."""
        return tuple(sorted({point.point for point in self.points}))


@dataclass(frozen=True)
class ClimateValues:
    """What a table says of some climates, arrays of one shape.

    Attributes
    ----------
    electricity, heat : ndarray
        Per gross tonne [kWh/t].
    productivity : ndarray
        Output of a plant, in the unit of the table.
    water : ndarray
        Per gross tonne, relative: only ratios have a meaning.
    """

    electricity: FloatArray
    heat: FloatArray
    productivity: FloatArray
    water: FloatArray


PARTS = tuple(part.name for part in fields(ClimateValues))
"""What is known at a climate."""


@dataclass(frozen=True)
class CheapestPoint:
    """Choice of the operating point by what it costs at the place.

    Attributes
    ----------
    power, heat : float
        Price of electricity and of heat; of heat from a pump that of electricity / COP [USD/kWh].
    capital : float
        What capital and fixed operation cost in the anchor's climate [USD/t].
    productivity : float
        That of the table at the anchor, in the unit of the table.
    """

    power: float
    heat: float
    capital: float
    productivity: float

    def cost(self, here: ClimateValues) -> FloatArray:
        """What the choice decides of the cost of a tonne [USD/t]."""
        energy = here.electricity * self.power + here.heat * self.heat
        return energy + self.capital * self.productivity / here.productivity


@lru_cache(maxsize=128)
def _rows(table: ClimateTable, point: int) -> tuple[tuple[ClimatePoint, ...], ...]:
    """Climates of one temperature by rising humidity, in rows of rising temperature."""
    known = [one for one in table.points if one.point == point]
    known.sort(key=lambda one: (one.temperature, one.humidity))
    rows = groupby(known, key=lambda one: one.temperature)
    return tuple(tuple(row) for _, row in rows)


def _position(value: FloatArray, low: float, high: float) -> FloatArray:
    """Place of ``value`` between ``low`` (0) and ``high`` (1), held at the edges; NaN stays."""
    return np.clip((value - low) / (high - low), 0.0, 1.0)


def _interpolate(
    table: ClimateTable, point: int, temperature: FloatArray, humidity: FloatArray
) -> ClimateValues:
    """Electricity, heat and productivity at each climate, in the table's own units.

    A clamped piecewise-linear function is its first value plus, for each segment, the rise times
    the clipped position in the segment: whole-array steps without a search, NaN passes through.
    """
    air = temperature, humidity
    temperature = np.clip(temperature, *table.clamp.temperature)
    humidity = np.clip(humidity, *table.clamp.humidity)
    # adding 0 x input makes an edge value an array of the right shape and carries NaN along
    zero = 0.0 * (temperature + humidity)
    by_row: list[list[FloatArray]] = []
    rows = _rows(table, point)
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
    electricity, heat, productivity = result
    water = 1.0 + zero
    if table.water == "evaporation":
        water = evaporation(*air) / productivity
    return ClimateValues(electricity, heat, productivity, water)


def plausible_climate(name: str, values: npt.ArrayLike) -> FloatArray:
    """Return the array as floats (float32 stays), or refuse values of another unit."""
    array = np.asarray(values)
    if array.dtype != np.float32:
        array = array.astype(np.float64, copy=False)
    low, high, unit = _PLAUSIBLE[name]
    # fmin and fmax skip NaN, and of nothing, or nothing but NaN, give NaN, which compares as fine
    lowest = np.fmin.reduce(array, axis=None, initial=np.nan)
    highest = np.fmax.reduce(array, axis=None, initial=np.nan)
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


def climate_values(
    table: ClimateTable,
    temperature: npt.ArrayLike,
    humidity: npt.ArrayLike,
    point: int | CheapestPoint = 1,
) -> ClimateValues:
    """What the table says of each climate; for annual means, or one month.

    Parameters
    ----------
    table : ClimateTable
        Points and clamps, from the method library.
    temperature : array_like
        [degC]; broadcasts with humidity. float32 in, float32 out.
    humidity : array_like
        Relative humidity [%].
    point : int or CheapestPoint
        Operating point everywhere, or the choice among all of them in each cell.

    Returns
    -------
    ClimateValues
        NaN where an input is NaN.

    Raises
    ------
    DataError
        If values are outside what the Earth has: kelvin, for example.
    """
    warm, moist = (
        plausible_climate("temperature", temperature),
        plausible_climate("humidity", humidity),
    )
    if isinstance(point, int):
        return _interpolate(table, point, warm, moist)
    cases = [_interpolate(table, number, warm, moist) for number in table.numbers]
    # of equal ones the first, and NaN, which no point can cure, stays NaN
    best = np.argmin(np.stack([point.cost(case) for case in cases]), axis=0)
    return ClimateValues(*(np.choose(best, [getattr(c, part) for c in cases]) for part in PARTS))


def annual_climate_values(
    table: ClimateTable,
    temperature: npt.ArrayLike,
    humidity: npt.ArrayLike,
    point: int | CheapestPoint = 1,
) -> ClimateValues:
    """What the table says of a whole year, from monthly climate.

    A plant that runs all year captures ``q_m d_m`` in month m (productivity x days), so the
    productivity is the mean over days, and the energy per tonne of the year is the monthly one
    weighted by what is captured: ``sum e_m q_m d_m / sum q_m d_m``. Weighting by time alone would
    count the energy of hot months for tonnes that were never captured in them.

    Parameters
    ----------
    table : ClimateTable
        Points and clamps, from the method library.
    temperature, humidity : array_like, shape (12, ...)
        Monthly means, January first [degC], [%].
    point : int or CheapestPoint
        As in :func:`climate_values`; the cheapest point may be another one each month.

    Returns
    -------
    ClimateValues
        Shape (...); NaN where any month is NaN.

    Raises
    ------
    DataError
        If the first axis is not the 12 months, or as in :func:`climate_values`.
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
    water: FloatArray | float = 0.0
    for month, days in enumerate(MONTH_DAYS):
        values = climate_values(table, warm[month], moist[month], point)
        captured = values.productivity * (days / year)
        output = output + captured
        electricity = electricity + values.electricity * captured
        heat = heat + values.heat * captured
        water = water + values.water * captured
    total = np.asarray(output)
    return ClimateValues(electricity / total, heat / total, total, water / total)

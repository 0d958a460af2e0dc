"""Weathering of rock that is spread on land or beaches: slow where it is cold, dry or alkaline.

What a tonne of CO2 takes follows from the rock it takes, and the rock from the share that weathers
within the years that count,

    k = k25 (d / d0)^n exp(-E / R (1 / T - 1 / 298.15 K)) min(1, runoff / full) f(pH),
    share = 1 - exp(-k years).

A profile states that share for the place and the grain d0 that its numbers belong to; layers, and
another grain, bring every need, cost and emission to the place. Finer rock takes more power to
grind. Rock is paid and its emissions arise when it is spread, and the tonnes come year by year: its
cost is that per discounted tonne, as that of a growing stock is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from cdrsite.core.checked import or_row
from cdrsite.core.errors import ConfigError
from cdrsite.core.fields import Model, StrictNumber, Text, problem
from cdrsite.place.climate_table import MONTH_DAYS, plausible_climate
from cdrsite.place.dependence import MONTHS, Dependence, Here, LayerKey, Use, own_layer
from cdrsite.place.feed import per_feed
from cdrsite.place.needs import Needs
from cdrsite.scoring.sums import const, layer

FloatArray = npt.NDArray[np.floating[Any]]

GAS_CONSTANT = 8.314e-3
"""[kJ/mol/K], to the digits that tables of rate laws carry."""
WARM = 298.15
"""Temperature at which rates are stated, 25 degC [K]."""
ZERO_CELSIUS = 273.15


def arrhenius(temperature: npt.ArrayLike, activation_energy: float) -> FloatArray:
    """Rate relative to that at 25 degC [1]: ``exp(-E / R (1 / T - 1 / 298.15 K))``.

    Parameters
    ----------
    temperature : array_like
        [degC]; NaN stays unknown, float32 stays float32.
    activation_energy : float
        E [kJ/mol]; 46.5 (30 to 70) for basalt in soil.

    Notes
    -----
    The law of Arrhenius 1889, in the form of the rate laws of minerals (Palandri & Kharaka 2004,
    USGS Open-File Report 2004-1068).
    """
    kelvin = plausible_climate("temperature", temperature) + ZERO_CELSIUS
    return np.exp(-activation_energy / GAS_CONSTANT * (1.0 / kelvin - 1.0 / WARM))


def weathered_share(rate: npt.ArrayLike, years: float) -> FloatArray:
    """Share of spread rock that weathers within so many years [1]: ``1 - exp(-k years)``.

    Parameters
    ----------
    rate : array_like
        k [1/yr].
    years : float
        [yr].
    """
    return -np.expm1(-np.asarray(rate) * years)


def discounted_share(rate: npt.ArrayLike, years: float, discount_rate: float) -> FloatArray:
    """Present value of the tonnes that weather within so many years, over their sum [1].

    ``sum e^(-k (t - 1)) (1 + r)^-t / sum e^(-k (t - 1))``, t from 1 to the years: what weathers in
    a year counts at its end.

    Parameters
    ----------
    rate : array_like
        k [1/yr]; NaN stays unknown.
    years : float
        [yr], in whole years.
    discount_rate : float
        r [1/yr].
    """
    left = np.exp(-np.asarray(rate))
    counted, whole, still = np.zeros_like(left), np.zeros_like(left), np.ones_like(left)
    for year in range(1, max(1, round(years)) + 1):
        counted += still * (1.0 + discount_rate) ** -year
        whole += still
        still = still * left
    return counted / whole


class AcidityPoint(Model):
    """Speed at one acidity."""

    ph: StrictNumber
    """[1]."""
    factor: Annotated[StrictNumber, Field(ge=0, le=1)]
    """Rate relative to that of acid soil [1]."""


class WeatheringLaw(Model):
    """How grinding, rain and acidity change the rate and the power, of a method file."""

    rate_by_grain: StrictNumber
    """Power of the grain size that the rate follows [1], below 0."""
    power_by_grain: StrictNumber = 0.0
    """Power of the grain size that the electricity follows [1], at most 0."""
    acidity: tuple[or_row(AcidityPoint), ...] = ()  # type: ignore[valid-type]
    """Factors by pH, from acid to alkaline: linear in between, held at the ends."""
    source: Text
    """Id of the source."""
    locator: Text
    """The table, line or derivation in the source."""
    note: Text = ""
    """Reading aid."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        points = [point.ph for point in self.acidity]
        if points != sorted(set(points)):
            raise problem(f"not from acid to alkaline; got {points}", at="acidity")
        return self

    def speed_by_acidity(self, ph: npt.ArrayLike) -> FloatArray:
        """Rate relative to that of acid soil [1]; 1 without any factors, NaN stays unknown."""
        at = np.asarray(ph, np.float64)
        if not self.acidity:
            return np.where(np.isnan(at), np.nan, 1.0)
        points = [one.ph for one in self.acidity]
        return np.interp(at, points, [one.factor for one in self.acidity])


class Weathering(Model):
    """Layers that drive the weathering of spread rock."""

    temperature: Annotated[str | None, LayerKey("degC", monthly=True)] = None
    """Layer of air, soil or sea temperature, one or twelve bands; the profile's own when not
    given."""
    runoff: Annotated[str | None, LayerKey("mm/yr")] = None
    """Layer of runoff [mm/yr]: below the method's `runoff_full` less weathers."""
    ph: Annotated[str | None, LayerKey("1")] = None
    """Layer of soil pH [1]: less weathers in alkaline soil."""

    @model_validator(mode="after")
    def _any(self) -> Self:
        if self.temperature is None and self.runoff is None and self.ph is None:
            raise problem("no layer; expected temperature, runoff or ph; cure: give one")
        return self


class WeatheringKeys(Model):
    """Keys of :class:`RockWeathering`."""

    weathering: Weathering | None = None
    """Makes the rock that a tonne of CO2 takes depend on the place."""


class WeatheringFileKeys(Model):
    """Keys of :class:`RockWeathering` in a method file."""

    weathering: WeatheringLaw | None = None
    """How grinding, rain and acidity change what a tonne takes."""


class RockWeathering(Dependence):
    """Rock per tonne by its rate at the place, and with it all that is needed and emitted."""

    name = "weathering"
    keys, file_keys = WeatheringKeys, WeatheringFileKeys
    parameters = (
        ("weathering_rate", "1/yr"),
        ("activation_energy", "kJ/mol"),
        ("weathering_years", "yr"),
        ("weathered_share", "1"),
        ("weathering_temperature", "degC"),
        ("grain", "um"),
        ("runoff_full", "mm/yr"),
    )
    needed = ("weathering_rate", "activation_energy", "weathering_years", "weathered_share")
    """Parameters without which nothing is known."""

    def acts(self, use: Use) -> bool:
        """Where the method's rock has a rate, or the scenario gives layers for one."""
        return "weathering_rate" in use.numbers or use.choice.weathering is not None

    def refuse(self, use: Use, where: str) -> None:
        """Refuse weathering where the method spreads no rock, or nothing of it weathers."""
        if not self.acts(use):
            return
        missing = [name for name in self.needed if not use.number(name) > 0]
        given, law = use.choice.weathering, use.method.weathering
        if missing:
            raise ConfigError(
                "the method's weathering is not known",
                where=f"{where}.weathering",
                got=f"{', '.join(missing)} of 0 or not in the method file",
                expected="a method of the family spread",
                cure="remove it, or give the parameters under override",
                rule=7,
            )
        if given is not None and given.ph is not None and not (law and law.acidity):
            raise ConfigError(
                "the library does not know how this rock follows the pH",
                where=f"{where}.weathering.ph",
                got=given.ph,
                cure="remove it",
                rule=7,
            )
        if given is not None and given.runoff is not None and not use.number("runoff_full") > 0:
            raise ConfigError(
                "the runoff that lets all weather is not known",
                where=f"{where}.weathering.runoff",
                got="no runoff_full in the method file",
                cure="remove it, or give override: {runoff_full: 300 mm/yr}",
                rule=7,
            )
        if not use.number("grain", 1.0) > 0:
            raise ConfigError(
                "rock has grains of some size",
                where=f"{where}.override.grain",
                got=use.number("grain"),
                expected="more than 0 um",
                cure="20 um is fine dust, 100 um fine sand",
            )

    def numbers(self, use: Use) -> dict[str, float]:
        """Rate of the grain, its law, the anchor, and what there is no layer of."""
        found = {name: use.number(name) for name in self.needed}
        law, given = use.method.weathering, use.choice.weathering
        if law is not None:
            found["weathering_rate"] *= _finer(use) ** law.rate_by_grain
        if given is None or given.temperature is None:
            found["weathering_temperature"] = use.number("weathering_temperature", 25.0)
        if given is not None and given.runoff is not None:
            found["runoff_full"] = use.number("runoff_full")
        return found | {"discount_rate": use.discount_rate}

    def needs(self, use: Use, needs: Needs) -> Needs:
        """All that belongs to the rock, times the rock of the place; power of the grain."""
        law = use.method.weathering
        if law is not None:
            needs = needs.times(electricity=const(_finer(use) ** law.power_by_grain))
        if use.choice.weathering is not None:
            needs = replace(needs, later=layer(own_layer("later", use.name)))
            return per_feed(use, needs, layer(own_layer("rock factor", use.name)))
        numbers = self.numbers(use)
        warmth = np.float64(numbers["weathering_temperature"])
        speed = arrhenius(warmth, numbers["activation_energy"])
        if not math.isnan(use.discount_rate):  # else it is asked for its needs, not for its cost
            needs = replace(needs, later=const(float(later(speed, numbers))))
        return per_feed(use, needs, const(float(rock_factor(speed, numbers))))

    def layers(self, use: Use, here: Here) -> dict[str, npt.NDArray[np.float32]]:
        """Rock per tonne of CO2, relative to that of the profile; what waiting takes of it."""
        if use.choice.weathering is None:
            return {}
        n, warmth = here.numbers, here.layers.get("temperature")
        if warmth is None:
            warmth = np.full((1, *here.shape), n["weathering_temperature"])
        speed = arrhenius(warmth, n["activation_energy"])
        days = np.asarray(MONTH_DAYS if len(speed) == MONTHS else (1.0,), np.float32)
        yearly = np.tensordot(days / days.sum(), speed, axes=(0, 0))
        if "runoff" in here.layers:
            wet = np.maximum(here.layers["runoff"], 0.0) / n["runoff_full"]
            yearly = yearly * np.minimum(wet, 1.0)
        if "ph" in here.layers:
            yearly = yearly * use.method.weathering.speed_by_acidity(here.layers["ph"])
        made = {"rock factor": rock_factor(yearly, n), "later": later(yearly, n)}
        return {kind: values.astype(np.float32) for kind, values in made.items()}


def later(speed: npt.ArrayLike, numbers: Mapping[str, float]) -> FloatArray:
    """What discounting takes of a gross tonne [t/t], with the speed of :func:`rock_factor`."""
    rate = numbers["weathering_rate"] * np.asarray(speed)
    return 1.0 - discounted_share(rate, numbers["weathering_years"], numbers["discount_rate"])


def rock_factor(speed: npt.ArrayLike, numbers: Mapping[str, float]) -> FloatArray:
    """Rock per tonne of CO2, relative to that of the profile [1].

    Parameters
    ----------
    speed : array_like
        Rate relative to that at 25 degC in wet and acid soil [1].
    numbers : mapping of str to float
        ``weathering_rate`` [1/yr], ``weathering_years`` [yr], ``weathered_share`` of the profile.
    """
    rate = numbers["weathering_rate"] * np.asarray(speed)
    with np.errstate(divide="ignore"):
        factor = numbers["weathered_share"] / weathered_share(rate, numbers["weathering_years"])
    return np.minimum(factor, NOTHING_WEATHERS)


NOTHING_WEATHERS = 1e6
"""Rock factor where nothing weathers; finite, so that the cost is too."""


def _finer(use: Use) -> float:
    """Size of the grains relative to that which the profile's numbers belong to [1]."""
    own: float = use.profile.number("grain", default=1.0)
    return use.number("grain", 1.0) / own

"""Enhanced weathering of rock that is spread on land: slow where it is cold.

What a tonne of CO2 takes follows from the rock it takes, and the rock from the share that weathers
within the years that count. A profile states that share for the place its numbers belong to; a
temperature layer brings every need, cost and emission to the place.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from cdrsite.core.errors import ConfigError
from cdrsite.core.fields import Model
from cdrsite.place.climate_table import MONTH_DAYS, plausible_climate
from cdrsite.place.dependence import MONTHS, Dependence, Here, LayerKey, Use, own_layer
from cdrsite.place.feed import per_feed
from cdrsite.place.needs import Needs
from cdrsite.scoring.sums import layer

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


class Weathering(Model):
    """Layers that drive the weathering of spread rock."""

    temperature: Annotated[str, LayerKey("degC", monthly=True)]
    """Layer of air or soil temperature, one or twelve bands."""


class WeatheringKeys(Model):
    """Keys of :class:`RockWeathering`."""

    weathering: Weathering | None = None
    """Makes the rock that a tonne of CO2 takes depend on the temperature of the place."""


class RockWeathering(Dependence):
    """Rock per tonne by :func:`arrhenius`, and with it all that is needed, spent and emitted."""

    name = "weathering"
    keys = WeatheringKeys
    parameters = (
        ("weathering_rate", "1/yr"),
        ("activation_energy", "kJ/mol"),
        ("weathering_years", "yr"),
        ("weathered_share", "1"),
    )

    def acts(self, use: Use) -> bool:
        """Where the scenario gives the temperature."""
        return use.choice.weathering is not None

    def refuse(self, use: Use, where: str) -> None:
        """Refuse weathering where the method spreads no rock, or nothing of it weathers."""
        if use.choice.weathering is None:
            return
        names = [name for name, _ in self.parameters]
        missing = [name for name in names if not use.number(name) > 0]
        if missing:
            raise ConfigError(
                "the method's weathering is not known",
                where=f"{where}.weathering",
                got=f"{', '.join(missing)} of 0 or not in the method file",
                expected="a method of the family spread",
                cure="remove it, or give the parameters under override",
                rule=7,
            )

    def numbers(self, use: Use) -> dict[str, float]:
        """Rate law and anchor."""
        return {name: use.number(name) for name, _ in self.parameters}

    def needs(self, use: Use, needs: Needs) -> Needs:
        """All that belongs to the rock, times the rock of the place."""
        rock = layer(own_layer("rock factor", use.name))
        return per_feed(use, needs, rock)

    def layers(self, use: Use, here: Here) -> dict[str, npt.NDArray[np.float32]]:
        """Rock per tonne of CO2, relative to that of the profile."""
        del use
        n = here.numbers
        speed = arrhenius(here.layers["temperature"], n["activation_energy"])
        days = np.asarray(MONTH_DAYS if len(speed) == MONTHS else (1.0,), np.float32)
        yearly = np.tensordot(days / days.sum(), speed, axes=(0, 0))
        share = weathered_share(n["weathering_rate"] * yearly, n["weathering_years"])
        return {"rock factor": (n["weathered_share"] / share).astype(np.float32)}

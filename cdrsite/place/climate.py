"""Direct air capture under the local climate: energy per tonne and productivity.

A published table gives electricity, heat and productivity of a plant at some temperatures and
relative humidities, and at each of them for several operating points. A profile's own needs hold in
the climate that they were found in, its anchor; at a place they are

    heat = heat of the profile x h / h0
    electricity = (1 - s) E + (e - e0) + s E h / h0,

with e, h of the table at the place and e0, h0 at the anchor, E the electricity of the profile and s
the share of it that drives heat pumps. What compression and fans take does not follow the humidity,
so the electricity of the process is added and only heat is scaled. Output goes by q / q0.
Where nobody knows the climate that a profile's needs belong to, nothing is scaled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt

from cdrsite.core.errors import ConfigError
from cdrsite.core.fields import Fraction, Model, Text
from cdrsite.place.climate_table import (
    PARTS,
    CheapestPoint,
    ClimateTable,
    ClimateValues,
    PlaceClimate,
    PointNumber,
    annual_climate_values,
    climate_values,
)
from cdrsite.place.dependence import MONTHS, Dependence, Here, LayerKey, Use, own_layer
from cdrsite.place.needs import Needs
from cdrsite.scoring.sums import layer


class Anchor(PlaceClimate):
    """The climate that needs belong to, and the operating point of the table that they are of."""

    point: PointNumber = 1
    """Operating point of the table."""
    heat_pump_share: Fraction | None = None
    """Share of the electricity that drives heat pumps [1], where the heat is inside the
    electricity; what the table and the pump's COP give when not known."""


class PublishedAnchor(Anchor):
    """The anchor of a profile."""

    source: Text
    """Id of the source."""
    locator: Text
    """The table, line or derivation in the source."""
    note: Text = ""
    """Reading aid."""


@dataclass(frozen=True)
class AnchoredNeeds:
    """Needs of a profile in its own climate.

    Attributes
    ----------
    at : ClimateValues
        The table at the anchor, as numbers.
    electricity : float
        Need of the profile [kWh/t].
    pumped : float
        Share of it that drives heat pumps [1].
    """

    at: ClimateValues
    electricity: float
    pumped: float = 0.0

    def factors(self, here: ClimateValues) -> ClimateValues:
        """What electricity, heat and output of the profile are multiplied by at a place [1]."""
        heat = here.heat / self.at.heat
        power = 1.0 - self.pumped + self.pumped * heat
        if self.electricity > 0:
            power = power + (here.electricity - self.at.electricity) / self.electricity
        productivity = here.productivity / self.at.productivity
        return ClimateValues(power, heat, productivity, here.water / self.at.water)


class Climate(Model):
    """Layers that drive the energy need and productivity of direct air capture."""

    temperature: Annotated[str, LayerKey("degC", monthly=True)]
    """Layer of air temperature, one or twelve bands."""
    humidity: Annotated[str, LayerKey("%", monthly=True)]
    """Layer of relative humidity, one or twelve bands."""
    reference: Anchor | None = None
    """Climate that the method's needs belong to, in place of the profile's; needed where that is
    not known, since nothing is scaled then."""
    operating_point: Literal["anchor", "cheapest"] | PointNumber = "anchor"
    """Operating point of the plant: the anchor's, the cheapest one at each place, or one of the
    table by its number."""


class ClimateKeys(Model):
    """Keys of :class:`AirClimate`."""

    climate: Climate | None = None
    """Makes energy and productivity of DAC depend on the place."""


class ClimateFileKeys(Model):
    """Keys of :class:`AirClimate` in a method file."""

    climate: ClimateTable | None = None
    """Dependence on the climate."""


class ClimateProfileKeys(Model):
    """Keys of :class:`AirClimate` in a profile of a method file."""

    climate_reference: PublishedAnchor | None = None
    """Climate that the profile's own needs belong to; not inherited, and where it is not known
    the place changes nothing."""


class AirClimate(Dependence):
    """Energy and productivity by the method's own table of climates (:func:`climate_values`)."""

    name, keys, file_keys = "climate", ClimateKeys, ClimateFileKeys
    profile_keys = ClimateProfileKeys
    parameters = (("heat_pump_cop", "1"),)

    def acts(self, use: Use) -> bool:
        """Where the scenario gives the climate, and that of the needs is known."""
        return _anchor(use) is not None

    def refuse(self, use: Use, where: str) -> None:
        """Refuse a climate or an operating point that the library does not know."""
        if use.choice.climate is None:
            return
        if use.method.climate is None:
            raise ConfigError(
                "the library knows no climate dependence of this method",
                where=f"{where}.climate",
                cure="remove it",
            )
        anchor, chosen = _anchor(use), use.choice.climate.operating_point
        for key, number in (
            ("operating_point", chosen if isinstance(chosen, int) else None),
            ("reference.point", anchor.point if anchor is not None else None),
        ):
            if number is not None and number not in use.method.climate.numbers:
                raise ConfigError(
                    "the method's table has no such operating point",
                    where=f"{where}.climate.{key}",
                    got=number,
                    expected=", ".join(map(str, use.method.climate.numbers)),
                )
        if anchor is not None:
            self._refuse_too_little(use, where, anchor)

    @staticmethod
    def _refuse_too_little(use: Use, where: str, anchor: Anchor) -> None:
        """Refuse electricity that the mildest climate would take below nothing (rule 4)."""
        table, power = use.method.climate, use.number("electricity")
        least = min(point.electricity for point in table.points)
        saved = float(_at(table, anchor).electricity) - least
        if 0 < power < saved:
            raise ConfigError(
                "the method takes less electricity than its climate table takes off",
                where=f"{where}.climate",
                got=f"{power:g} kWh/t, and {saved:g} kWh/t less in the mildest climate",
                cure="remove climate, or give climate.reference a climate that fits the need",
                rule=4,
            )

    def remarks(self, use: Use, where: str) -> Iterator[str]:
        """Tell where a climate is given and the needs have no known climate of their own."""
        if use.choice.climate is not None and _anchor(use) is None:
            yield (
                f"{where}.climate changes nothing: the climate that the needs of profile "
                f"{use.profile.name} belong to is not known (rule 2); give climate.reference: "
                "{temperature: ..., humidity: ...}, or choose a profile with a known one"
            )

    def numbers(self, use: Use) -> dict[str, float]:
        """Needs at the anchor, and what the choice of the operating point goes by."""
        anchor = _anchor(use)
        if anchor is None:
            raise KeyError("numbers of a method whose anchor is not known")
        at = _at(use.method.climate, anchor)
        share = anchor.heat_pump_share or 0.0
        pumped = use.profile.heat_source == "heat-pump" and not use.number("heat")
        heat_price, cop = use.price("heat"), use.number("heat_pump_cop", 1.0)
        if pumped:
            heat_price = use.price("electricity") / cop
            if anchor.heat_pump_share is None:
                share = float(at.heat / cop / (at.electricity + at.heat / cop))
        chosen = use.choice.climate.operating_point
        point = {"anchor": anchor.point, "cheapest": _CHEAPEST}.get(chosen, chosen)
        found = {
            "electricity": use.number("electricity"),
            "heat pump share": share if pumped else 0.0,
            "operating point": point,
            **{f"anchor {part}": float(getattr(at, part)) for part in PARTS},
        }
        if point == _CHEAPEST:
            found |= {
                "price of power": use.price("electricity"),
                "price of heat": heat_price,
                "yearly capital": use.yearly_capital,
            }
        return found

    def needs(self, use: Use, needs: Needs) -> Needs:
        """Electricity, heat and water times their factors; capital by the productivity."""
        electricity, heat, inverse, water = (layer(own_layer(kind, use.name)) for kind in _FACTORS)
        needs = needs.times(electricity=electricity, heat=heat, pumped=heat)
        if use.method.climate.water is not None:
            needs = needs.times(water=water)
        return replace(needs, inverse_productivity=inverse)

    def layers(self, use: Use, here: Here) -> dict[str, npt.NDArray[np.float32]]:
        """Factors of each cell, of the whole year where the layers are monthly."""
        table, warm, moist = use.method.climate, here.layers["temperature"], here.layers["humidity"]
        numbers = here.numbers
        of_anchor: dict[str, Any] = {part: numbers[f"anchor {part}"] for part in PARTS}
        at = ClimateValues(**of_anchor)
        point: int | CheapestPoint = int(numbers["operating point"])
        if point == _CHEAPEST:
            point = CheapestPoint(
                numbers["price of power"],
                numbers["price of heat"],
                numbers["yearly capital"],
                float(at.productivity),
            )

        def values_here() -> ClimateValues:
            if len(warm) == MONTHS:
                return annual_climate_values(table, warm, moist, point)
            return climate_values(table, warm[0], moist[0], point)

        # the cheapest point goes by prices: another one wherever these are others
        kept = isinstance(point, int)
        values = here.once(("climate", point), values_here) if kept else values_here()
        anchored = AnchoredNeeds(at, numbers["electricity"], numbers["heat pump share"])
        factors = anchored.factors(values)
        made = factors.electricity, factors.heat, 1.0 / factors.productivity, factors.water
        named = dict(zip(_FACTORS, made, strict=True))
        if table.water is None:
            named.pop("water factor")
        return {kind: values.astype(np.float32) for kind, values in named.items()}


_FACTORS = ("electricity factor", "heat factor", "inverse productivity", "water factor")
"""Kinds of its layers."""
_CHEAPEST = 0
"""Stands for the cheapest operating point among numbers."""


def _anchor(use: Use) -> Anchor | None:
    """Climate of a method's needs: the scenario's, else the profile's; None where not known."""
    if use.choice.climate is None:
        return None
    return use.choice.climate.reference or use.profile.climate_reference


def _at(table: ClimateTable, anchor: Anchor) -> ClimateValues:
    """The table at an anchor."""
    temperature, humidity = np.float64(anchor.temperature), np.float64(anchor.humidity)
    return climate_values(table, temperature, humidity, anchor.point)

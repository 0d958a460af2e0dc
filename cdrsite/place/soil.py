"""Carbon of mineral soils by climate, soil and practice: the IPCC's stock and its three factors.

A soil under a practice holds, in the uppermost 30 cm and in the long run,
``reference stock x land use x management x input`` [tC/ha]. A change of practice moves it from one
such stock to another, in equal yearly steps over twenty years, and no further (IPCC 2019 Refinement
of the 2006 Guidelines, volume 4, chapters 2, 5 and 6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, Field, model_validator

from cdrsite.core.fields import Model, StrictNumber, Text, problem

FloatArray = npt.NDArray[np.floating[Any]]

CO2_PER_C = 44.0 / 12.0


def _positive(numbers: dict[str, float]) -> dict[str, float]:
    for name, value in numbers.items():
        if value <= 0:
            raise problem(f"not positive; got {value:g}; expected a number above 0", at=name)
    return numbers


Levels = Annotated[dict[str, StrictNumber], AfterValidator(_positive), Field(min_length=1)]


class SoilZone(Model):
    """What the table says of one climate."""

    stocks: Levels
    """Soil -> carbon under native vegetation [tC/ha]."""
    land_use: Levels
    """Land use -> factor [1]."""
    management: Levels
    """Tillage or state of the sward -> factor [1]."""
    input: Levels
    """Carbon that is returned -> factor [1]."""


class Practice(Model):
    """How land is worked: the names of levels of the table."""

    management: Text
    """Tillage, or state of the sward."""
    input: Text
    """Carbon that is returned."""


class SoilChange(Model):
    """Where a profile's rate is from, in words of the table."""

    zone: Text
    """Climate of the profile's own rate."""
    soil: Text
    """Soil of the profile's own rate."""
    land_use: Text
    """Land use, before and after."""
    before: Practice
    """Without the project."""
    after: Practice
    """With it."""


class SoilTable(Model):
    """Stocks and factors by climate zone."""

    zones: dict[str, SoilZone] = Field(min_length=1)
    """By name."""
    years: Annotated[StrictNumber, Field(gt=0)] = 20.0
    """Years over which a stock reaches its new value [yr]."""
    source: Text
    """Id of the source."""
    locator: Text
    """The table, line or derivation in the source."""
    note: Text = ""
    """Reading aid."""

    @model_validator(mode="after")
    def _same_soils(self) -> Self:
        """All levels of practice are known everywhere; a soil may be missing, never a level."""
        first = next(iter(self.zones.values()))
        for name, zone in self.zones.items():
            for part in ("land_use", "management", "input"):
                if set(getattr(zone, part)) != set(getattr(first, part)):
                    raise problem(
                        f"other levels than in the first zone; got {sorted(getattr(zone, part))}; "
                        f"expected {sorted(getattr(first, part))}",
                        at=f"zones.{name}.{part}",
                    )
        return self

    @property
    def soils(self) -> tuple[str, ...]:
        """Soils that any zone knows."""
        return tuple(dict.fromkeys(soil for zone in self.zones.values() for soil in zone.stocks))

    def rate(self, change: SoilChange, zone: str, soil: str) -> float:
        """CO2 that a hectare takes up until the stock is new [t CO2/ha/yr]; NaN where not known.

        ``stock x land use x (management x input after - management x input before) x 44/12 / yr``;
        below 0 where the practice gives carbon off.
        """
        here = self.zones[zone]
        before, after = (
            here.management[one.management] * here.input[one.input]
            for one in (change.before, change.after)
        )
        stock = here.stocks.get(soil, float("nan")) * here.land_use[change.land_use]
        return stock * (after - before) * CO2_PER_C / self.years

    def missing(self, change: SoilChange) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Names of a change that the table lacks -> what was said, what there is."""
        first = next(iter(self.zones.values()))
        said = {
            "zone": (change.zone, tuple(self.zones)),
            "soil": (change.soil, self.soils),
            "land_use": (change.land_use, tuple(first.land_use)),
        }
        for at, one in (("before", change.before), ("after", change.after)):
            said[f"{at}.management"] = one.management, tuple(first.management)
            said[f"{at}.input"] = one.input, tuple(first.input)
        return {key: (name, known) for key, (name, known) in said.items() if name not in known}


def soil_rates(
    table: SoilTable,
    change: SoilChange,
    zones: Mapping[str, npt.ArrayLike],
    soils: Mapping[str, npt.ArrayLike],
) -> FloatArray:
    """Rate of each cell from the shares of climates and soils in it [t CO2/ha/yr].

    Parameters
    ----------
    table, change : SoilTable, SoilChange
        What is known, and what is done.
    zones, soils : mapping of str to array_like
        Name -> share of the cell [1]; where zones and soils are mixed, each soil is taken to have
        the same share in every zone (rule 3). What belongs to none gains nothing: towns, rock,
        organic soil. NaN is unknown (rule 2).

    Returns
    -------
    ndarray
        NaN where a zone and a soil meet of which the table has no stock.
    """
    total: FloatArray = np.zeros(1)
    for zone, share in zones.items():
        for soil, part in soils.items():
            both = np.asarray(share) * np.asarray(part)
            # a soil that the table lacks matters only where there is some of it
            total = total + np.where(both == 0, 0.0, both * table.rate(change, zone, soil))
    return total

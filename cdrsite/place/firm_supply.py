"""How firm renewables with a battery are: the share of a flat load that they serve.

Energy of a year is no supply: photovoltaics that make as much as a plant takes in a year serve 41 %
of its hours. What more of them and a battery serve is a published table from hourly work; here it
is interpolated, and the cheapest pair of both is looked up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import Field

from cdrsite.core.checked import checked, or_row
from cdrsite.core.fields import Model, StrictNumber, Text, problem
from cdrsite.core.yamltext import read_text, read_yaml

HOURS_PER_YEAR = 8760.0


class CheapestPair(Model):
    """What serves a share of the load at the least cost."""

    firm_share: StrictNumber
    """Share of the load that is served [1]."""
    oversizing: StrictNumber
    """Generation of a year / load of a year [1]."""
    battery_hours: StrictNumber
    """Battery in hours of the load [h]."""
    curtailed: StrictNumber
    """Share of the generation that is curtailed [1]."""


class FirmTable(Model):
    """Renewables of one kind with a battery under a flat load."""

    source: Text
    """Id of the source."""
    locator: Text
    """The derivation."""
    note: Text = ""
    """Reading aid."""
    capacity_factor: StrictNumber
    """Of the renewables where the table was made [1]."""
    round_trip: StrictNumber
    """Efficiency of the battery [1]."""
    oversizing: tuple[StrictNumber, ...] = Field(min_length=2)
    """Rows: generation of a year / load of a year, rising."""
    hours: tuple[StrictNumber, ...] = Field(min_length=2)
    """Columns: battery in hours of the load [h], rising from 0."""
    served: tuple[tuple[StrictNumber, ...], ...]
    """Share of the load that is served [1]."""
    least_cost: tuple[or_row(CheapestPair), ...] = Field(min_length=2)  # type: ignore[valid-type]
    """By rising share."""

    def served_share(self, oversizing: float, battery_hours: float) -> float:
        """Share of a flat load that is served [1], bilinear in the table.

        Parameters
        ----------
        oversizing : float
            Generation of a year / load of a year [1].
        battery_hours : float
            Battery in hours of the load [h].

        Raises
        ------
        PydanticCustomError
            Outside of the table.
        """
        for key, value, known in (
            ("oversizing", oversizing, self.oversizing),
            ("battery_hours", battery_hours, self.hours),
        ):
            if not known[0] <= value <= known[-1]:
                raise problem(
                    f"the table of firm supply ends before; got {value:g}; expected {known[0]:g} "
                    f"to {known[-1]:g}; cure: stay inside, or give firm_share as well, from hourly "
                    "work of your own (rule 7)",
                    at=key,
                )
        rows = [float(np.interp(battery_hours, self.hours, row)) for row in self.served]
        return float(np.interp(oversizing, self.oversizing, rows))

    def of_pair(self, oversizing: float, battery_hours: float) -> FirmSupply:
        """What a pair of one's own serves and loses, by the table.

        The battery gives what the sun does not serve at once, and takes in more by its losses; what
        is neither is curtailed.
        """
        served = self.served_share(oversizing, battery_hours)
        at_once = self.served_share(oversizing, 0.0)
        taken = at_once + (served - at_once) / self.round_trip
        return FirmSupply(served, oversizing, battery_hours, 1.0 - taken / oversizing)

    def cheapest(self, firm_share: float) -> FirmSupply:
        """The cheapest pair for a share of the load, linear between those that are known.

        Which pair is cheapest follows from the ratio of what generation and battery cost a year,
        which hardly moves with the rate: 3.01 at 3 %, 2.91 at 12 %. So one list holds for all.

        Raises
        ------
        PydanticCustomError
            Where no pair is known for the share.
        """
        known = self.least_cost
        shares = [one.firm_share for one in known]
        if not shares[0] <= firm_share <= shares[-1]:
            raise problem(
                "no cheapest photovoltaics and battery are known for such a share; got "
                f"{firm_share:g}; expected {shares[0]:g} to {shares[-1]:g}; cure: stay inside, or "
                "give oversizing and battery_hours as well, from hourly work of your own (rule 7)",
                at="firm_share",
            )
        oversizing, hours, curtailed = (
            float(np.interp(firm_share, shares, [getattr(one, name) for one in known]))
            for name in ("oversizing", "battery_hours", "curtailed")
        )
        return FirmSupply(firm_share, oversizing, hours, curtailed)


@dataclass(frozen=True)
class FirmSupply:
    """Renewables and a battery for a flat load.

    Attributes
    ----------
    firm_share : float
        Share of the load that is served [1].
    oversizing : float
        Generation of a year / load of a year [1].
    battery_hours : float
        Battery in hours of the load [h].
    curtailed : float
        Share of the generation that is curtailed [1]; NaN where not known.
    """

    firm_share: float
    oversizing: float
    battery_hours: float
    curtailed: float = math.nan

    @property
    def generated(self) -> float:
        """Generation per energy that is served [1]."""
        return self.oversizing / self.firm_share

    @property
    def battery(self) -> float:
        """Battery per energy that is served in a year [kWh per kWh/yr]."""
        return self.battery_hours * self.load

    @property
    def load(self) -> float:
        """Load per energy that is served in a year [kW per kWh/yr]."""
        return 1.0 / (HOURS_PER_YEAR * self.firm_share)


YEARLY = FirmSupply(1.0, 1.0, 0.0, 0.0)
"""Energy of the year, whatever the hours: the grid takes it and gives it back."""


@cache
def firm_tables() -> dict[str, FirmTable]:
    """Kind of renewables -> its table; do not change the dict."""
    path = Path(__file__).with_name("firm_supply.yaml")
    data, lines = read_yaml(read_text(path), path.name)
    return checked(dict[str, FirmTable], data, path.name, lines)

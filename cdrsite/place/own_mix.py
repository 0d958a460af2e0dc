"""Hourly profiles of zones, and what serves a method's load in each of them at the least cost."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.core.yamltext import read_text
from cdrsite.place.firm_mix import HOURS, FirmMix, PowerCosts, PowerRules, TypicalDays, cheapest_mix

COLUMNS = ("zone", "day", "days", "hour", "pv", "wind")
YEAR_DAYS = 365.0
"""Days of a year, about: a table whose days add up to another number is refused [d]."""


def mixes_of(
    path: Path, costs: PowerCosts, own_share: float, rules: PowerRules
) -> Mapping[str, FirmMix]:
    """The cheapest mix of every zone of a table of hours.

    Parameters
    ----------
    path : Path
        CSV with the columns ``zone``, ``day``, ``days`` (of the year that the day stands for),
        ``hour`` (0 to 23), ``pv`` and ``wind`` (output per kW).
    costs : PowerCosts
    own_share : float
        Part of the load that is served [1].
    rules : PowerRules
        Of own use.

    Raises
    ------
    DataError
        A column is missing, a number is none, hours of a day are missing, or days make no year.
    """
    return _mixes(read_text(path), str(path), costs, own_share, rules)


@lru_cache(maxsize=64)
def _mixes(
    text: str, where: str, costs: PowerCosts, own_share: float, rules: PowerRules
) -> Mapping[str, FirmMix]:
    zones = read_hours(text, where)
    return {zone: cheapest_mix(days, costs, own_share, rules) for zone, days in zones.items()}


def read_hours(text: str, where: str) -> dict[str, TypicalDays]:
    """Typical days of each zone, from the text of a table of hours."""
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise DataError(
            "columns are missing", where=where, got=", ".join(reader.fieldnames or ()) or "none",
            expected=", ".join(COLUMNS), cure=f"add {', '.join(missing)}",
        )  # fmt: skip
    found: dict[str, dict[str, tuple[float, dict[int, tuple[float, float]]]]] = {}
    for line, row in enumerate(reader, start=2):
        try:
            hour, numbers = int(row["hour"]), [float(row[name]) for name in ("days", "pv", "wind")]
        except (TypeError, ValueError):
            numbers, hour = [-1.0], -1
        if not 0 <= hour < HOURS or not all(np.isfinite(n) and n >= 0 for n in numbers):
            raise DataError(
                "not an hour with its output", where=f"{where}, line {line}",
                got=", ".join(str(row[name]) for name in COLUMNS),
                expected=f"an hour from 0 to {HOURS - 1}, and numbers of 0 or more",
                cure="correct the line",
            )  # fmt: skip
        days, pv, wind = numbers
        of_zone = found.setdefault(row["zone"], {})
        of_zone.setdefault(row["day"], (days, {}))[1][hour] = (pv, wind)
    return {zone: _days(zone, of_zone, where) for zone, of_zone in found.items()}


def _days(
    zone: str, given: Mapping[str, tuple[float, Mapping[int, tuple[float, float]]]], where: str
) -> TypicalDays:
    short = [day for day, (_, hours) in given.items() if len(hours) < HOURS]
    total = sum(days for days, _ in given.values())
    if short or abs(total - YEAR_DAYS) > 1.5:
        raise DataError(
            "hours that make no year",
            where=f"{where}: zone {zone}",
            got=f"day {short[0]} without all hours" if short else f"{total:g} days",
            expected=f"{HOURS} hours of each day, and days that add up to {YEAR_DAYS:g}",
            cure="correct the table",
            rule=7,
        )
    weight = np.array([days for days, _ in given.values()])
    both = np.array([[hours[h] for h in range(HOURS)] for _, hours in given.values()])
    return TypicalDays(both[:, :, 0], both[:, :, 1], weight * (YEAR_DAYS / total))

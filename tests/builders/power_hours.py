"""Hours of twelve mean days in formulae, and a table of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cdrsite.place.firm_mix import TypicalDays


def mean_days() -> TypicalDays:
    """A mean day of each month: sun by the length of the day, wind that is its counterpart."""
    month, hour = np.arange(12)[:, None], np.arange(24)[None]
    season = np.cos(2 * np.pi * (month - 5.5) / 12)
    length = 12 + 2.5 * season
    part = np.clip((hour + 0.5 - 12 + length / 2) / length, 0, 1)
    pv = (0.75 + 0.1 * season) * np.sin(np.pi * part)
    wind = 0.32 + 0.10 * np.cos(2 * np.pi * (month - 0.5) / 12)
    wind = wind + 0.06 * np.cos(2 * np.pi * (hour - 2) / 24)
    return TypicalDays(pv, wind, np.full(12, 365 / 12))


def with_dark_days(days: TypicalDays, count: float = 5.0) -> TypicalDays:
    """With some dark and calm days of December, the others being so many fewer."""
    return TypicalDays(
        np.vstack([days.pv, 0.2 * days.pv[11:]]), np.vstack([days.wind, 0.15 * days.wind[11:]]),
        np.append(days.days * (1 - count / 365), count),
    )  # fmt: skip


def write_hours(path: Path, zones: dict[str, Any]) -> Path:
    """Write a table of hours."""
    lines = ["zone,day,days,hour,pv,wind"]
    for zone, days in zones.items():
        for d, weight in enumerate(days.days):
            lines += [
                f"{zone},{d + 1},{weight!r},{h},{days.pv[d, h]!r},{days.wind[d, h]!r}".replace(
                    "np.float64(", "").replace(")", "")
                for h in range(24)
            ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path

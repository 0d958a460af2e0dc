"""What a run says at its end of plants that stand already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdrsite.core.numbers import number
from cdrsite.core.words import Words


def standing_lines(told: Mapping[str, Any] | None, words: Words) -> list[tuple[str, str]]:
    """A line for each milestone: what they remove, and what running them costs.

    Parameters
    ----------
    told : mapping or None
        ``standing`` of a run's summary.
    words : Words
        Language.
    """
    if not told:
        return []
    return [
        (year["year"] or words("end.standing.year"), _year(year, told["plants"], words))
        for year in told["years"]
    ]


def _year(year: Mapping[str, Any], every: int, words: Words) -> str:
    if not year["plants"]:
        return words("end.standing.none", all=every)
    facts = {key: number(year[f"{key}_mt_yr"]) for key in ("net", "stored")}
    cost = number(year["running_cost_musd_yr"])
    return words("end.standing.one", n=year["plants"], all=every, cost=cost, **facts)

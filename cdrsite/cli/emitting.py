"""What a run says of its emitters at its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdrsite.core.numbers import number
from cdrsite.core.vocabulary import price_in_words
from cdrsite.core.words import Words

MOST_NAMED = 2
"""Storage units that are named in a year, those of which most is displaced first."""


def emitter_lines(told: Mapping[str, Any] | None, words: Words) -> list[tuple[str, str]]:
    """A line for each milestone: what is captured, by ledger, and what that displaces.

    Parameters
    ----------
    told : mapping or None
        ``emitters`` of a run's summary.
    words : Words
        Language.
    """
    if not told:
        return []
    return [
        (year["year"] or words("end.emitters.year"), _year(year, told["emitters"], words))
        for year in told["years"]
    ]


def _year(year: Mapping[str, Any], every: int, words: Words) -> str:
    if not year["emitters"]:
        parts = [words("end.emitters.none", all=every)]
    else:
        facts = {
            key: number(year[f"{key}_mt_yr"]) for key in ("captured", "avoided", "removed")
        } | {"cost": number(year["cost_musd_yr"]), "n": year["emitters"], "all": every}
        parts = [words("end.emitters.one", **facts)]
    for one in year["displaced"][:MOST_NAMED]:
        scale, unit = price_in_words(one["price_unit"], words)
        parts.append(
            words(
                "end.emitters.displaced",
                n=number(one["displaced_per_captured"]),
                unit=one["unit"],
                price=number((one["stored_price"] + one["drawn_price"]) * scale),
                money=unit,
            )
        )
    if not year["displaced"]:
        parts.append(words("end.emitters.nothing"))
    return words("end.path.join").join(parts)

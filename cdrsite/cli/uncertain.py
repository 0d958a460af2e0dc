"""What the terminal says of the samples of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cdrsite.core.numbers import number

if TYPE_CHECKING:
    from cdrsite.core.words import Words

LEAST_SHARE = 0.05
"""A number with a smaller share of the variance is not named [1]."""


def uncertainty_lines(summary: Mapping[str, Any], words: Words) -> dict[str, str]:
    """Range of the total over the samples, and which numbers decide it; empty without samples.

    Parameters
    ----------
    summary : mapping
        Of the samples of a run.
    words : Words
        Of the language.
    """
    ranges = [
        row
        for row in summary.get("ranges", ())
        if not row["method"] and row["quantity"] in {"net_mt_yr", "mean_cost_usd_t"}
    ]
    if not ranges:
        return {}
    net, cost = sorted(ranges, key=lambda row: row["quantity"] != "net_mt_yr")
    told = {
        words("end.samples"): words(
            "end.samples.range",
            low=number(net["p05"]), middle=number(net["p50"]), high=number(net["p95"]),
            cheap=number(cost["p05"]), dear=number(cost["p95"]), samples=number(summary["known"]),
        )
    }  # fmt: skip
    decide = [
        words(
            "end.deciding.one",
            name=str(row["number"]).removeprefix("methods.").replace("override.", ""),
            share=number(100.0 * row["share"], 2),
        )
        for row in summary.get("deciding", ())
        if row["share"] >= LEAST_SHARE
    ]
    if decide:
        text = words("list.clause").join(decide)
        unsure = summary["deciding"] and not summary["deciding"][0]["reliable"]
        told[words("end.deciding")] = text + (words("end.deciding.unsure") if unsure else "")
    return told

"""What the terminal says of the samples of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cdrsite.core.numbers import number
from cdrsite.report.numbernames import number_words

if TYPE_CHECKING:
    import pandas as pd

    from cdrsite.core.words import Words

LEAST_SHARE = 0.05
"""A number with a smaller share of the variance is not named [1]."""
NAMED = 6
"""Most sites that are named."""


def uncertainty_lines(
    run: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], words: Words
) -> dict[str, str]:
    """Range of the total over the samples, safe sites, and which numbers decide; or nothing.

    Parameters
    ----------
    run : mapping
        Summary of a run.
    tables : mapping
        Its tables.
    words : Words
        Of the language.
    """
    summary = run.get("uncertainty") or {}
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
    if "sites" in summary:
        sites = _safe_sites(summary["sites"], tables["sites_uncertain"], words)
        told[words("end.safe")] = sites
    decide = [
        words(
            "end.deciding.one",
            name=number_words(words, str(row["number"])),
            share=number(100.0 * row["share"], 2),
        )
        for row in summary.get("deciding", ())
        if row["share"] >= LEAST_SHARE
    ]
    if decide:
        text = words("list.clause").join(decide)
        unsure = summary["deciding"] and not summary["deciding"][0]["reliable"]
        told[words("end.deciding")] = text + (words("end.deciding.unsure") if unsure else "")
    return told | kept_lines(summary.get("decisions") or {}, words)


def kept_lines(found: Mapping[str, Any], words: Words) -> dict[str, str]:
    """What the plan would lose were it kept, and what is worth knowing first; or nothing."""
    if not found.get("plans"):
        return {}
    if "base" not in found:
        share = number(100.0 * found["keeps_rules"], 2)
        return {words("end.kept"): words("end.kept.rules", share=share)}
    base, unit = found["base"], words.unit(found["unit"])
    told = {
        words("end.kept"): words(
            "end.kept.line",
            mean=number(base["mean_regret"]), error=number(base["error_of_regret"], 2),
            worst=number(base["regret_p95"]), unit=unit,
        )
    }  # fmt: skip
    if robust := found.get("robust"):
        key = {"p10": "worst_tenth", "regret": "largest_regret"}[robust["aim"]]
        told[words("end.robust")] = words(
            f"end.robust.{robust['aim']}",
            mine=number(robust[key]), base=number(base[key]), unit=unit,
            gap=number(100.0 * robust["gap"], 2), n=number(robust["of_plans"]),
        )  # fmt: skip
    ones = [
        words(
            "end.know.one",
            name=number_words(words, str(one["number"])),
            worth=number(one["worth"]), error=number(one["error"], 2), unit=unit,
        )
        for one in found["worth_knowing"]
    ]  # fmt: skip
    every = found["everything"]
    if ones:
        told[words("end.know")] = words("list.clause").join(ones)
    elif every["found"] and found["numbers_told"]:
        told[words("end.know")] = words(
            "end.know.none", all=number(every["value"]), error=number(every["error"], 2), unit=unit
        )
    return told


def _safe_sites(sites: Mapping[str, Any], table: pd.DataFrame, words: Words) -> str:
    """Sites of the plan that stay in reach in most samples."""
    if not sites["core"]:
        return words("end.safe.none", of=number(sites["in_plan"]))
    core = table[table["in_plan"].astype(bool) & table["core"].astype(bool)]
    names = [
        words("end.safe.site", method=words.method(method), rank=rank)
        for method, rank in zip(core["method"], core["rank"], strict=True)
    ]
    shown, more = words("list.comma").join(names[:NAMED]), len(names) - NAMED
    shown = words("list.more", names=shown, n=number(more)) if more > 0 else shown
    return words("end.safe.line", n=number(sites["core"]), of=number(sites["in_plan"]), names=shown)

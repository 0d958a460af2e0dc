"""Section on the ledgers: what removal is made up of, and what stands beside it."""

from __future__ import annotations

from cdrsite.methods.ledgers import SIGNS
from cdrsite.report.frame import Frame, paragraph
from cdrsite.report.html import table, tag
from cdrsite.report.listed import file_note

SUMMED = (*((name, "" if sign > 0 else "−") for name, sign in SIGNS.items()), ("net_mt_yr", "="))
"""Column, and the sign with which it enters the net removal."""
APART = ("avoided_mt_yr", "substitution_mt_yr", "fossil_stored_mt_yr")
"""Columns that are never added to it (rule 5)."""


def beside(frame: Frame) -> str:
    """What emitters add to the ledgers of the methods, each to its own; nothing without them."""
    years = frame.at("emitters/years")
    if not years:
        return ""
    at = f"emitters/years/{len(years) - 1}"
    told = {key: frame.value(f"{at}/{key}_mt_yr") for key in ("removed", "avoided")}
    way = tag("a", frame.say("emitted.title"), href="#emitters")
    return paragraph(frame.say("ledgers.beside", way=way, **told))


def ledgers(frame: Frame) -> str:
    """A row per ledger, a column per method; those that are summed above the others."""
    positions = [i for i, row in enumerate(frame.rows("ledgers")) if not row.get("zone")]
    if not positions:
        return ""
    methods = [str(frame.rows("ledgers")[i]["method"]) for i in positions]
    heads = [(frame.say("ledgers.ledger"), "text")]
    heads += [(frame.method(method), "number") for method in methods]
    heads += [(frame.say("total"), "number")]

    def line(name: str, sign: str = "") -> list[str]:
        label = f"{sign} " if sign else ""
        keys = [*(f"tables/ledgers/{i}/{name}" for i in positions), f"ledgers/{name}"]
        values = (frame.value(key, amount=True) for key in keys)
        return [label + frame.say(f"ledger.{name}"), *values]

    summed = [line(*ledger) for ledger in SUMMED]
    apart = [line(ledger) for ledger in APART]
    return "".join(
        [
            paragraph(frame.say("ledgers.intro")),
            beside(frame),
            table(frame.say("ledgers.summed"), heads, summed, headed=True),
            paragraph(frame.say("ledgers.apart_intro")),
            table(frame.say("ledgers.apart"), heads, apart, headed=True),
            file_note(frame, "ledgers", "muted"),
        ]
    )

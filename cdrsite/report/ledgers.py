"""Section on the ledgers: what removal is made up of, and what stands beside it."""

from __future__ import annotations

from cdrsite.report.frame import Frame, paragraph, section
from cdrsite.report.html import table, tag, text

SUMMED = (
    ("removal_gross_mt_yr", ""),
    ("returned_mt_yr", "−"),
    ("emissions_process_mt_yr", "−"),
    ("net_mt_yr", "="),
)
"""Column, and the sign with which it enters the net removal."""
APART = ("avoided_mt_yr", "substitution_mt_yr", "fossil_stored_mt_yr")
"""Columns that are never added to it (rule 5)."""


def ledgers(frame: Frame) -> str:
    """A row per ledger, a column per method; those that are summed above the others."""
    rows = [
        (number, row) for number, row in enumerate(frame.rows("ledgers")) if not row.get("zone")
    ]
    if not rows:
        return ""
    columns = [(frame.say("ledgers.ledger"), "text")]
    columns += [(frame.method(str(row["method"])), "number") for _, row in rows]
    columns += [(frame.say("total"), "number")]

    def line(name: str, sign: str = "") -> list[str]:
        label = f"{sign} " if sign else ""
        values = [frame.value(f"tables/ledgers/{number}/{name}") for number, _ in rows]
        return [
            label + frame.say(f"ledger.{name}"),
            *values,
            frame.value(f"ledgers/{name}"),
        ]

    title = frame.say("ledgers.title")
    return section(
        "ledgers",
        title,
        paragraph(frame.say("ledgers.intro")),
        table(frame.say("ledgers.summed"), columns, [line(*one) for one in SUMMED], headed=True),
        paragraph(frame.say("ledgers.apart_intro")),
        table(frame.say("ledgers.apart"), columns, [line(name) for name in APART], headed=True),
        paragraph(frame.say("file", file=tag("code", text("tables/ledgers.csv"))), kind="muted"),
    )

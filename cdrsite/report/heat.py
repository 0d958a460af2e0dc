"""Section on heat that plants supply: who takes it, and what it earns."""

from __future__ import annotations

from cdrsite.core.vocabulary import amount
from cdrsite.report.frame import Frame, paragraph
from cdrsite.report.html import table, text
from cdrsite.report.listed import PageColumn, file_note, largest_first, listed


def heat_supplied(frame: Frame) -> str:
    """A row for each pool in which the plan makes heat; nothing where it makes none."""
    if not frame.rows("heat"):
        return ""
    energy, money = amount("kWh/yr").place[1], amount("USD/yr").total[1]
    columns = (
        PageColumn("pools.zone", lambda row: text(str(row["pool"]))),
        PageColumn("column.made", "made_gwh_yr", energy),
        PageColumn("column.used", "used_gwh_yr", energy),
        PageColumn("column.demand", "demand_gwh_yr", energy),
        PageColumn("column.sold", "sold_gwh_yr", energy),
        PageColumn("column.unused", "unused_gwh_yr", energy),
        PageColumn("column.earned", "earned_musd_yr", money),
    )
    heads, rows = listed(frame, "heat", columns, largest_first(frame, "heat", "made_gwh_yr"))
    return "".join(
        [
            paragraph(frame.say("heat.intro")),
            table(frame.say("heat.title"), heads, rows, headed=True),
            file_note(frame, "heat", "muted"),
        ]
    )

"""Section on hours: which of its hours each plant has power, and what its own renewables take."""

from __future__ import annotations

from cdrsite.report.frame import Frame, paragraph, real
from cdrsite.report.html import table
from cdrsite.report.listed import PageColumn, file_note, listed


def hours(frame: Frame) -> str:
    """A row for each method that takes power; nothing where no share of the hours is said."""
    records = frame.rows("hours")
    said = [row for row in records if row["source"] != "supplied" or real(row["firm_share"]) > 0]
    if not said:
        return ""
    columns = (
        PageColumn("column.method", lambda row: frame.method(str(row["method"]))),
        PageColumn("hours.source", lambda row: frame.say(f"hours.source.{row['source']}")),
        PageColumn("hours.firm", "firm_share", "%", 100.0),
        PageColumn("hours.runs", "running_share", "%", 100.0),
        PageColumn("hours.oversizing", "oversizing"),
        PageColumn("hours.battery", "battery_hours", "h"),
        PageColumn("hours.curtailed", "curtailed_share", "%", 100.0),
        PageColumn("hours.used", "own_use_share", "%", 100.0),
        PageColumn("hours.emissions", "emissions_g_kwh", "g/kWh"),
    )
    heads, rows = listed(frame, "hours", columns, range(len(records)))
    return "".join(
        [
            paragraph(frame.say("hours.intro")),
            table(frame.say("hours.title"), heads, rows, headed=True),
            file_note(frame, "hours", "muted"),
        ]
    )

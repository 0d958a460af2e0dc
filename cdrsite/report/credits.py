"""Section on credits: what a tonne of each method earns, and what the plan earns in a year."""

from __future__ import annotations

from cdrsite.report.frame import Frame, paragraph
from cdrsite.report.html import table, text
from cdrsite.report.listed import PageColumn, file_note, largest_first, listed


def credits_earned(frame: Frame) -> str:
    """A row for each credit and method that earns it; nothing where no credits count."""
    records = frame.rows("credits")
    if not records:
        return ""
    columns = (
        PageColumn("column.credit", lambda row: text(str(row["credit"]))),
        PageColumn("column.method", lambda row: frame.method(str(row["method"]))),
        PageColumn("column.basis", lambda row: frame.say(f"credits.basis.{row['basis']}")),
        PageColumn("column.amount", "amount_usd_t", "USD/t"),
        PageColumn("column.paid_years", "years", "yr"),
        PageColumn("column.life_years", "life_years", "yr"),
        PageColumn("column.levelised", "levelised_usd_t", "USD/t"),
        PageColumn("column.basis_tonnes", "basis_mt_yr", "Mt/yr"),
        PageColumn("column.earned", "earned_musd_yr", "MUSD/yr"),
        PageColumn("column.earned_net", "earned_usd_net_t", "USD/t"),
    )
    positions = largest_first(frame, "credits", "earned_musd_yr")
    heads, rows = listed(frame, "credits", columns, positions)
    return "".join(
        [
            paragraph(frame.say("credits.intro", earned=frame.value("earned_musd_yr"))),
            table(frame.say("credits.title"), heads, rows, headed=True),
            file_note(frame, "credits", "muted"),
        ]
    )

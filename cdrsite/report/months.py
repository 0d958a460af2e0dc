"""Section on water by month: which month of which pool decides, and what a plan leaves of it."""

from __future__ import annotations

from cdrsite.core.numbers import table_amount
from cdrsite.core.words import MONTH
from cdrsite.report.frame import Frame, Row, bar, paragraph, real, word
from cdrsite.report.html import tag, text
from cdrsite.report.listed import PageColumn, file_note, folded, listed
from cdrsite.report.shared import row_price, row_size


def months(frame: Frame) -> str:
    """A row for the tightest month of each pool; nothing where no pool is offered by month."""
    rows = frame.rows("pools_by_month")
    tightest: dict[tuple[str, str], int] = {}
    for i, row in enumerate(rows):
        if not real(row["use"]) > 0:
            continue
        at = word(row["resource"]), word(row["zone"])
        if at not in tightest or _rank(row) > _rank(rows[tightest[at]]):
            tightest[at] = i
    bound = {i for i, row in enumerate(rows) if row["binds"]}
    shown = sorted({*tightest.values(), *bound}, key=lambda i: (-_rank(rows[i])[0], i))
    if not rows:
        return ""
    intro = paragraph(frame.say("months.intro")) + _running(frame)
    if not shown:
        return intro + paragraph(frame.say("months.none")) + file_note(frame, "pools_by_month")

    def month(row: Row) -> str:
        return frame.say(f"month.{int(row['month'])}")

    columns = (
        PageColumn("months.pool", lambda row: text(word(row["zone"])) + _bar(row)),
        PageColumn("months.month", month, kind="short"),
        PageColumn("months.supply", lambda row: _sized(frame, row, "supply"), kind="number"),
        PageColumn("months.use", lambda row: _sized(frame, row, "use"), kind="number"),
        PageColumn("months.share", "use_share", "%", 100.0),
        PageColumn("months.price", lambda row: _price(frame, row), kind="number"),
    )
    heads, cells = listed(frame, "pools_by_month", columns, shown)
    title = frame.say("months.title")
    body = folded(frame, title, heads, cells, len(shown), "pools_by_month")
    return intro + body + file_note(frame, "pools_by_month")


def _running(frame: Frame) -> str:
    """A sentence on each method that runs in the months that pay."""
    found = frame.run.summary.get("operation") or {}
    said = [
        paragraph(
            frame.say(
                "months.run",
                method=frame.method(name),
                capacity=frame.value(f"operation/{name}/capacity_mt_yr"),
                made=frame.value(f"operation/{name}/gross_mt_yr"),
                load=frame.value(f"operation/{name}/load_factor", 100.0) + "\u202f%",
            )
        )
        for name in found
    ]
    return "".join(said) + (file_note(frame, "operation") if said else "")


USED_UP = "#4A6572"
"""Bars of the share that is used: no method's colour."""


def _rank(row: Row) -> tuple[float, float]:
    return real(row["use_share"]), abs(real(row["price"]))


def _named(row: Row) -> str:
    """The month as the row of the plan is called that holds it."""
    return f"{word(row['zone'])}{MONTH}{int(row['month'])}"


def _bar(row: Row) -> str:
    return bar(real(row["use_share"]), USED_UP)


def _sized(frame: Frame, row: Row, column: str) -> str:
    size, name = row_size(_named(row), f"{word(row['unit'])}/yr", real(row["supply"]))
    number = text(table_amount(real(row[column]) / size))
    return number + " " + tag("span", frame.unit(name), class_="unit")


def _price(frame: Frame, row: Row) -> str:
    factor, unit = row_price(_named(row), word(row["price_unit"]), frame.words)
    return text(f"{frame.words.number(real(row['price']) * factor)} {unit}")

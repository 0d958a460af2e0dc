"""Which assumptions of a batch matter: a bar for each, from the lowest to the highest result."""

from __future__ import annotations

import math
from html import unescape
from typing import TYPE_CHECKING

from cdrsite.compare.changes import records
from cdrsite.compare.effects import JOINED, RESULTS, untold
from cdrsite.compare.sheet import Sheet, shown
from cdrsite.compare.values import assumption_words, given_value
from cdrsite.core.numbers import number
from cdrsite.report.frame import Row, paragraph, section
from cdrsite.report.html import tag, text
from cdrsite.report.moves import HIGH, STUDY_COLOUR, WIDE

if TYPE_CHECKING:
    from cdrsite.compare.batch_result import BatchResult
    from cdrsite.core.words import Words

BARS = 20
"""Most bars of a list; the rest is in the table beside the page."""
LONGEST = 40
"""Most characters of an assumption's value at the end of a bar."""
MOST_DIGITS = 7
"""Results that differ in later digits only are shown as alike."""


def ranking(sheet: Sheet, batch: BatchResult) -> str:
    """Section with a list of bars for tonnes and one for cost; nothing where nothing varies."""
    if batch.varies is None or not len(batch.varies):
        return ""
    title = sheet.say("effects.title")
    found = batch.effects
    alone = _untold(sheet, untold(batch.table, batch.varies))
    if not len(found):
        return section("effects", title, paragraph(sheet.say("effects.none")), alone)
    parts = [paragraph(text(lead(sheet.words, records(found))), kind="lead")]
    parts.append(paragraph(sheet.say("effects.intro")))
    first = next((row for row in records(batch.table) if row["status"] != "failed"), {})
    for result in RESULTS:
        rows = [row for row in records(found) if row["result"] == result]
        if rows:
            parts.append(tag("h3", sheet.say(f"effects.{result}")))
            parts.append(bars(sheet, rows[:BARS], first.get(result), str(first.get("run", ""))))
    if any(row["within_gap"] and row["span"] > 0 for row in records(found)):
        parts.append(paragraph(sheet.say("effects.gap.note"), kind="note"))
    return section("effects", title, *parts, alone)


def _untold(sheet: Sheet, assumptions: list[str]) -> str:
    """Which assumptions never change alone."""
    if not assumptions:
        return ""
    names = sheet.listing([assumption_words(sheet.words, one) for one in assumptions])
    return paragraph(sheet.say("effects.untold", names=names), kind="note")


def lead(words: Words, rows: list[Row]) -> str:
    """What moves tonnes and cost most, in a sentence; text."""
    said = []
    for result in RESULTS:
        best = next((r for r in rows if r["result"] == result), None)
        if best is None:
            continue
        if best["span"] == 0 or best["within_gap"]:
            said.append(words(f"effects.lead.still.{result}"))
            continue
        name = assumption_words(words, str(best["assumption"]))
        values = {end: number(best[end], digits(best)) for end in ("low", "high")}
        said.append(words(f"effects.lead.{result}", name=name, **values))
    return words("effects.joint").join(said)


def bars(sheet: Sheet, rows: list[Row], now: object, run: str) -> str:
    """A bar for each assumption on one scale, with the first run's result as a line."""
    here = float(now) if isinstance(now, int | float) and math.isfinite(now) else None
    ends = [float(row[end]) for row in rows for end in ("low", "high")]
    ends += [] if here is None else [here]
    scale = min(ends), max(ends)
    unit = str(rows[0]["unit"])
    lines = []
    for row in rows:
        drawn = tag("td", _bar(row, scale, here), class_="fall-bar", aria_hidden="true")
        name = tag("th", named(sheet, str(row["assumption"])), scope="row")
        cells = [_end(sheet, row, end) for end in ("low", "high")]
        cells.append(shown(float(row["span"])) + _doubt(sheet, row))
        lines.append(tag("tr", name, drawn, *(tag("td", cell, class_="n") for cell in cells)))
    figure = sheet.say("effects.figure", unit=sheet.unit(unit), run=text(run))
    heads = [
        ("", None),
        (figure, None),
        *((sheet.say(f"effects.{end}"), "n") for end in ("low", "high", "span")),
    ]
    head = tag("tr", *(tag("th", title, scope="col", class_=kind) for title, kind in heads))
    body = tag("caption", figure, class_="unseen") + tag("thead", head) + tag("tbody", *lines)
    made = tag("table", body, class_="fall tornado")
    return tag("div", made, class_="scroll", tabindex=0, role="group", aria_label=unescape(figure))


def _end(sheet: Sheet, row: Row, end: str) -> str:
    """A result, and the assumption that it was found with."""
    keys, values = (str(row[name]).split(JOINED) for name in ("assumption", f"{end}_at"))
    said = JOINED.join(
        given_value(sheet.words, key, value, LONGEST)
        for key, value in zip(keys, values, strict=True)
    )
    there = sheet.say("moves.at", value=text(said))
    return shown(float(row[end]), digits(row)) + " " + tag("small", there, class_="muted")


def digits(row: Row) -> int:
    """As many digits as tell the ends apart, if a person can read so many."""
    ends = float(row["low"]), float(row["high"])
    told = (n for n in range(3, MOST_DIGITS) if number(ends[0], n) != number(ends[1], n))
    return next(told, 3) if row["span"] > 0 else 3


def _doubt(sheet: Sheet, row: Row) -> str:
    """That plans are not proven closely enough to tell a span from none."""
    if row["span"] == 0 or not row["within_gap"]:
        return ""
    return " " + tag("small", sheet.say("effects.gap"), class_="muted")


def _bar(row: Row, scale: tuple[float, float], here: float | None) -> str:
    """From the lowest to the highest result; nothing but the line where they are one."""
    low, high = scale

    def x(value: float) -> float:
        return WIDE * (value - low) / (high - low) if high > low else 0.0

    shapes = []
    if row["span"] > 0:
        left, right = x(float(row["low"])), x(float(row["high"]))
        at = {"x": f"{left:.2f}", "y": 4, "width": f"{right - left:.2f}", "height": 12}
        shapes.append(tag("rect", **at, fill=STUDY_COLOUR))
    if here is not None:
        shapes.append(tag("line", x1=f"{x(here):.2f}", x2=f"{x(here):.2f}", y1=0, y2=HIGH))
    return tag("svg", *shapes, viewBox=f"0 0 {WIDE:g} {HIGH:g}", preserveAspectRatio="none")


def named(sheet: Sheet, assumption: str) -> str:
    """An assumption in words, with its key below, as markup."""
    words = assumption_words(sheet.words, assumption)
    if words == assumption:
        return tag("span", text(assumption), class_="key")
    return text(words) + tag("small", text(assumption), class_="key muted")

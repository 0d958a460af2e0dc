"""Which assumptions of a batch matter: a bar for each, from the lowest to the highest result."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cdrsite.compare.changes import records
from cdrsite.compare.effects import JOINED, RESULTS, untold
from cdrsite.compare.sheet import Sheet, shown
from cdrsite.compare.values import assumption_words, given_value
from cdrsite.core.numbers import number, percent
from cdrsite.report.bars import STUDY_COLOUR, BarScale, bar_table, drawing
from cdrsite.report.frame import Row, paragraph, section
from cdrsite.report.html import tag, text

if TYPE_CHECKING:
    from cdrsite.compare.batch_result import BatchResult
    from cdrsite.core.words import Words

BARS = 20
"""Most bars of a list; the rest is in the table beside the page."""
LONGEST = 40
"""Most characters of an assumption's value at the end of a bar."""
MOST_DIGITS = 7
"""Results that differ in later digits only are shown as alike."""


def effects_section(sheet: Sheet, batch: BatchResult) -> str:
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
        share = percent(share_of(best))
        said.append(words(f"effects.lead.{result}", name=name, share=share, **values))
    return words("effects.joint").join(said)


def bars(sheet: Sheet, rows: list[Row], now: object, run: str) -> str:
    """A bar for each assumption on one scale, with the first run's result as a line."""
    here = float(now) if isinstance(now, int | float) and math.isfinite(now) else None
    ends = [float(row[end]) for row in rows for end in ("low", "high")]
    ends += [] if here is None else [here]
    scale = BarScale(min(ends), max(ends))
    lines = []
    for row in rows:
        cells = [_end(sheet, row, end) for end in ("low", "high")]
        share = " " + tag("small", text(percent(share_of(row))), class_="muted")
        cells.append(shown(float(row["span"])) + share + _doubt(sheet, row))
        lines.append((named(sheet, str(row["assumption"])), _bar(row, scale, here), cells))
    figure = sheet.say("effects.figure", unit=sheet.unit(str(rows[0]["unit"])), run=text(run))
    heads = [sheet.say(f"effects.{end}") for end in ("low", "high", "span")]
    return bar_table(figure, heads, lines)


def _end(sheet: Sheet, row: Row, end: str) -> str:
    """A result, and the assumption that it was found with."""
    keys, values = (str(row[name]).split(JOINED) for name in ("assumption", f"{end}_at"))
    said = JOINED.join(
        given_value(sheet.words, key, value, LONGEST)
        for key, value in zip(keys, values, strict=True)
    )
    there = sheet.say("moves.at", value=text(said))
    return shown(float(row[end]), digits(row)) + " " + tag("small", there, class_="muted")


def share_of(row: Row) -> float:
    """Span of the results as part of the larger one: a long bar may stand for next to nothing."""
    most = max(abs(float(row[end])) for end in ("low", "high"))
    return float(row["span"]) / most if most > 0 else math.nan


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


def _bar(row: Row, scale: BarScale, here: float | None) -> str:
    """From the lowest to the highest result; nothing but the line where they are one."""
    ends = float(row["low"]), float(row["high"])
    shapes = [scale.bar(*ends, STUDY_COLOUR)] if row["span"] > 0 else []
    return drawing(*shapes, *([] if here is None else [scale.line(here)]))


def named(sheet: Sheet, assumption: str) -> str:
    """An assumption in words, with its key below, as markup."""
    words = assumption_words(sheet.words, assumption)
    if words == assumption:
        return tag("span", text(assumption), class_="key")
    return text(words) + tag("small", text(assumption), class_="key muted")

"""What moves the plan: a bar for each number over its range, and the slopes in a table."""

from __future__ import annotations

import math

from cdrsite.core.numbers import MISSING
from cdrsite.report.bars import STUDY_COLOUR, BarScale, bar_table, drawing
from cdrsite.report.frame import MAX_ROWS, Frame, Row, details, paragraph, real
from cdrsite.report.html import table, tag, text
from cdrsite.report.listed import PageColumn, file_note, listed
from cdrsite.report.numbernames import number_words

BARS = 12
"""Most bars."""
FACTORS = ("supplies", "storage", "layers")
"""What is multiplied, where other numbers are put in."""
SCENARIO = "scenario"
"""Source of ranges that the scenario itself gives."""
IDLE = 1e-6
"""Share of the longest bar up to which a number moves nothing [1]."""
TONNES, MONEY = ("Mt/yr", 1e-6), ("MUSD/yr", 1e-6)
"""Units that the goal is shown in, and the factor to them."""


def moves(frame: Frame) -> str:
    """Section with the bars and the table; nothing where the run has no such table."""
    rows = frame.rows("sensitivity")
    shown = [i for i, row in enumerate(rows) if _reach(row) > 0][:BARS]
    moving = [i for i, row in enumerate(rows) if real(row["slope"]) != 0 or _reach(row) > 0]
    moving = moving[:MAX_ROWS]
    if not moving:
        return _untold(frame)
    goal = str((frame.at("objective/name")) or "net removal")
    parts = [_lead(frame, shown[0])] if shown else []
    parts.append(paragraph(frame.say("moves.intro", goal=frame.say(f"moves.goal.{goal}"))))
    parts.append(tornado(frame, shown) if shown else paragraph(frame.say("moves.none")))
    if any(not rows[i]["unique"] for i in moving):
        parts.append(paragraph(frame.say("moves.several.note"), kind="note"))
    if shown:
        # runs that do not say so drew all bars by slopes
        solved = any(rows[i].get("effect_from") == "solved" for i in shown)
        note = "moves.solved.note" if solved else "moves.slope.note"
        parts.append(paragraph(frame.say(note), kind="note"))
        parts.append(_idle(frame, _reach(rows[shown[0]])))
    return "".join(parts) + _numbers(frame, moving)


UNTOLD = (
    ("pathway", "moves.untold.path"),
    ("emitters", "moves.untold.emitters"),
    ("standing", "moves.untold.standing"),
    ("operation", "moves.untold.season"),
)
"""What a study has of which no slopes are told, and the words why."""


def _untold(frame: Frame) -> str:
    """Why a study has no slopes, and what to do instead; nothing without a reason."""
    why = [frame.say(key) for part, key in UNTOLD if frame.at(part)]
    if not why or "sensitivity" not in frame.run.tables:
        return ""
    return paragraph(frame.say("moves.untold", why=frame.words("list.clause").join(why)))


def _idle(frame: Frame, most: float) -> str:
    """What the scenario calls uncertain and the goal does not move with."""
    names = [
        number_words(frame.words, str(row["parameter"]))
        for row in frame.rows("sensitivity")
        if row["source"] == SCENARIO
        and math.isfinite(real(row["low"]) + real(row["high"]))
        and _reach(row) <= IDLE * most
    ]
    if not names:
        return ""
    return paragraph(frame.say("moves.idle", names=frame.listing(names)), kind="note")


def _lead(frame: Frame, position: int) -> str:
    """The number that moves the plan most, and where it does, in a sentence."""
    row, at = frame.rows("sensitivity")[position], f"tables/sensitivity/{position}"
    unit, factor = _shown_in(row)
    end = max(("low", "high"), key=lambda end: abs(_effect(row, end)))
    sign = "+" if _effect(row, end) > 0 else ""
    said = {
        "name": named_number(frame, str(row["parameter"])),
        "effect": sign + frame.value(f"{at}/effect_{end}", factor) + " " + frame.unit(unit),
    }
    if math.isnan(real(row[end])):
        return paragraph(frame.say("moves.lead.choice", **said), kind="lead")
    here = _there(frame, row, at, end)
    return paragraph(frame.say("moves.lead", here=here, **said), kind="lead")


def _effect(row: Row, end: str) -> float:
    """What changes at an end; 0 where the range has none."""
    found = real(row[f"effect_{end}"])
    return 0.0 if math.isnan(found) else found


def _shown_in(row: Row) -> tuple[str, float]:
    """Unit that the goal is shown in, and the factor to it."""
    return MONEY if str(row["effect_unit"]).startswith("USD") else TONNES


def tornado(frame: Frame, positions: list[int]) -> str:
    """The bars, the largest first."""
    rows = frame.rows("sensitivity")
    unit, factor = _shown_in(rows[0])
    ends = [real(rows[i][f"effect_{end}"]) for i in positions for end in ("low", "high")]
    known = [0.0, *(end for end in ends if not math.isnan(end))]
    scale = BarScale(min(known), max(known))
    lines = []
    for i in positions:
        row, at = rows[i], f"tables/sensitivity/{i}"
        label = named_number(frame, str(row["parameter"]))
        if not row["unique"]:
            label += " " + tag("small", frame.say("moves.several"), class_="muted")
        ranges = [_end(frame, row, at, end, factor) for end in ("low", "high")]
        lines.append((label, _bar(frame, row, scale), ranges))
    figure = frame.say("moves.figure", unit=frame.unit(unit))
    heads = [
        tag("i", class_=f"shade {end}", aria_hidden="true") + frame.say(f"moves.at_{end}")
        for end in ("low", "high")
    ]
    return bar_table(figure, heads, lines)


def _end(frame: Frame, row: Row, at: str, end: str, factor: float) -> str:
    """What changes at an end, and the number there; a dash where the range has no such end."""
    if math.isnan(real(row[f"effect_{end}"])) or row[end] == row["value"]:
        return MISSING
    if math.isnan(real(row[end])):  # a choice between names
        return frame.value(f"{at}/effect_{end}", factor)
    there = _there(frame, row, at, end)
    return frame.value(f"{at}/effect_{end}", factor) + tag("small", there, class_="muted")


def _there(frame: Frame, row: Row, at: str, end: str) -> str:
    """Where an end lies: a value, or what is given times a factor."""
    value = frame.value(f"{at}/{end}")
    if str(row["parameter"]).split(".")[0] in FACTORS:
        return frame.say("moves.times", value=value)
    there = f"{value} {frame.unit(str(row['unit']))}".rstrip()
    return frame.say("moves.at", value=there)


def _bar(frame: Frame, row: Row, scale: BarScale) -> str:
    """Both ends from what the plan is worth now; the low end is lighter."""
    colour = frame.colour(_method(row)) if _method(row) else STUDY_COLOUR
    sizes = ((_effect(row, end), opacity) for end, opacity in (("low", ".45"), ("high", None)))
    shapes = [scale.bar(0.0, size, colour, opacity=light) for size, light in sizes if size != 0.0]
    return drawing(*shapes, scale.line(0.0))


def _numbers(frame: Frame, positions: list[int]) -> str:
    """The table of all numbers that move the plan."""
    unit = str(frame.rows("sensitivity")[0]["effect_unit"])
    columns = [
        PageColumn("moves.number", lambda row: named_number(frame, str(row["parameter"]))),
        PageColumn("basis.value", "value"),
        PageColumn("column.low", "low"),
        PageColumn("column.high", "high"),
        PageColumn("basis.unit", lambda row: frame.unit(str(row["unit"])), kind="short"),
        PageColumn("moves.slope", "slope", unit),
        PageColumn("moves.elasticity", "elasticity"),
        PageColumn("moves.at_low", "effect_low", unit),
        PageColumn("moves.at_high", "effect_high", unit),
    ]
    if not all(frame.rows("sensitivity")[i]["unique"] for i in positions):
        columns.append(PageColumn("moves.unique", lambda row: _told(frame, row)))
    heads, body = listed(frame, "sensitivity", columns, positions)
    title = frame.count("moves.table", len(positions))
    inner = table(title, heads, body, headed=True) + file_note(frame, "sensitivity")
    return details(title, inner, rows=len(positions))


def _told(frame: Frame, row: Row) -> str:
    """Whether the slope is the only one, or what it is to either side."""
    left, right = (real(row.get(f"slope_{side}")) for side in ("left", "right"))
    if row["unique"]:
        return frame.say("moves.one")
    if math.isnan(left) and math.isnan(right):
        return frame.say("moves.several")
    sides = (MISSING if math.isnan(one) else text(frame.words.number(one)) for one in (left, right))
    return frame.say("moves.sides", **dict(zip(("left", "right"), sides, strict=True)))


def _reach(row: Row) -> float:
    return max(abs(_effect(row, end)) for end in ("low", "high"))


def _method(row: Row) -> str:
    """Method whose number it is; empty for the study's."""
    parts = str(row["parameter"]).split(".")
    return parts[1] if parts[0] == "methods" else ""


def named_number(frame: Frame, path: str) -> str:
    """A number of a scenario in words, with the colour of its method, as markup."""
    parts = path.split(".")
    named = number_words(frame.words, path)
    return frame.dotted(frame.colour(parts[1]), named) if parts[0] == "methods" else text(named)

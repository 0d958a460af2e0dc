"""What is built when: the path over its milestones, what binds in which year, how storage fills.

One module: each part of the section is a table of the path beside what is drawn of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import cycle

from cdrsite.core.numbers import table_amount
from cdrsite.core.vocabulary import amount
from cdrsite.core.words import Words, month_of
from cdrsite.outputs.palette import LABEL_COLOURS
from cdrsite.report.dated import DatedLine, drawing
from cdrsite.report.emitted import LEAST, avoided_told, removed_told
from cdrsite.report.frame import Frame, Row, paragraph, quoted, real, word
from cdrsite.report.html import table, tag, text
from cdrsite.report.listed import PageColumn, file_note, headed
from cdrsite.report.shared import row_price, row_size

INK = "#1d2329"
MEGA = 1e-6
LEAST_FILLED = 0.005
"""Storage units that never fill to this share of their pore space are not drawn [1]."""
MOST_UNITS = 8
"""Most storage units that are drawn."""
REMOVAL, DURABLE = "removal", "durable removal"
"""Ledgers that ask for tonnes."""
BY_EMITTERS = "pathway/net_of_emitters_mt_yr"
"""Removal by biogenic emitters at each milestone, which targets count and methods do not have."""
REMOVED, AVOIDED_THEN = "pathway/removal_mt_yr", "pathway/avoided_mt_yr"
"""Two ledgers of methods and emitters at each milestone, never one (rule 5)."""
EMITTER_COLOUR = "#8d6e63"


def path_figures(frame: Frame) -> list[tuple[str, str, str]]:
    """Headline numbers of a path: key, unit and words of each; none without milestones."""
    if not frame.at("pathway"):
        return []
    last = len(frame.at("pathway/years")) - 1
    if frame.at(REMOVED):
        found = [
            (f"{REMOVED}/{last}", "Mt/yr", "years.figure.removal"),
            (f"{AVOIDED_THEN}/{last}", "Mt/yr", "years.figure.avoided"),
            *_missed_figures(frame),
            ("pathway/present_cost_of_all_musd", "MUSD", "years.figure.present.all"),
            ("pathway/present_cost_musd", "MUSD", "years.figure.present.methods"),
            ("pathway/present_cost_of_emitters_musd", "MUSD", "years.figure.present.emitters"),
            ("pathway/levelised_usd_t", "USD/t", "years.figure.each.methods"),
        ]
        # nothing is said of a ledger that nobody writes in
        return [one for one in found if "avoided" not in one[0] or any(frame.at(AVOIDED_THEN))]
    return [
        (f"pathway/net_mt_yr/{last}", "Mt/yr", "years.figure.net"),
        *_missed_figures(frame),
        (f"pathway/cost_musd_yr/{last}", "MUSD/yr", "years.figure.cost"),
        ("pathway/present_cost_musd", "MUSD", "years.figure.present"),
        ("pathway/levelised_usd_t", "USD/t", "years.figure.each"),
    ]


def _missed_figures(frame: Frame) -> list[tuple[str, str, str]]:
    """What is missed of each ledger in the year when that is most."""
    found: list[tuple[str, str, str]] = []
    every = frame.at("pathway/missed_mt_yr")
    if not isinstance(every, dict):  # runs of earlier versions summed ledgers
        return found
    for ledger, missed in every.items():
        t = max(range(len(missed)), key=missed.__getitem__)
        if missed[t] > 0:
            at = f"pathway/missed_mt_yr/{quoted(ledger)}/{t}"
            found.append((at, "Mt/yr", f"years.figure.missed.{ledger}"))
    return found


def years(frame: Frame) -> str:
    """Section on the path of a study; nothing where it is a plan of one year."""
    if not frame.at("pathway") or not frame.rows("build_out"):
        return ""
    parts = [lead(frame), by_method(frame), targets(frame), build_out(frame)]
    parts += [binding(frame), filling(frame), stocks(frame)]
    return "".join(parts)


# ------------------------------------------------------------------------- sentences


def lead(frame: Frame) -> str:
    """What a reader should take away, a sentence each."""
    count = len(frame.at("pathway/years"))
    net = REMOVED if frame.at(REMOVED) else "pathway/net_mt_yr"
    told = [
        frame.say(
            "years.told.path",
            first=frame.year("pathway/years/0"),
            low=frame.value(f"{net}/0"),
            last=frame.year(f"pathway/years/{count - 1}"),
            high=frame.value(f"{net}/{count - 1}"),
        ),
        removed_told(frame, count - 1),
        avoided_told(frame, count - 1),
        _cost_told(frame),
        _missed_told(frame),
        _growth_told(frame),
        _dearest_told(frame),
    ]
    told.append(frame.say("years.told.last", year=frame.year(f"pathway/years/{count - 1}")))
    return tag("ul", *(tag("li", one) for one in told if one), class_="lead")


def _cost_told(frame: Frame) -> str:
    """What the whole plan costs, and which part of it is whose; nothing without emitters."""
    if frame.at("pathway/present_cost_of_all_musd") is None:
        return ""
    whose = {"all": "_of_all", "emitters": "_of_emitters", "methods": ""}
    money = {who: frame.value(f"pathway/present_cost{end}_musd") for who, end in whose.items()}
    told = frame.say("years.told.cost", year=frame.year("pathway/years/0"), **money)
    if real(frame.at("pathway/present_price_of_missed_musd")) > 0:
        missed = frame.value("pathway/present_price_of_missed_musd")
        told += frame.words("sentence.gap") + frame.say("years.told.cost.missed", missed=missed)
    return told


def _missed_told(frame: Frame) -> str:
    rows = frame.rows("pathway")
    short = [i for i, row in enumerate(rows) if real(row["missed"]) > 0]
    if not rows:
        return ""
    if not short:
        return frame.say("years.told.reached")
    each = [
        frame.say(
            "years.told.missed_of",
            year=frame.year(f"tables/pathway/{i}/year"),
            ledger=_ledger(frame, rows[i]),
            n=frame.value(f"tables/pathway/{i}/missed", MEGA),
        )
        for i in short
    ]
    return frame.say("years.told.missed", each=frame.words("list.clause").join(each))


def _growth_told(frame: Frame) -> str:
    """Which method is built early so that a later year can be reached."""
    found = [
        (row, method)
        for row in frame.rows("pools_by_year")
        if row["binds"] and (method := growing(word(row["zone"]))) and row["family"] == "policy"
    ]
    if not found:
        return ""
    each = [
        frame.say("years.told.grows_of", method=text(frame.words.method(method)),
                  year=text(word(row["year"])))
        for row, method in found
    ]  # fmt: skip
    return frame.say("years.told.grows", each=frame.words("list.clause").join(each))


def _dearest_told(frame: Frame) -> str:
    """What a tonne more is worth in the year when that is most."""
    rows = frame.rows("pathway")
    priced = [i for i, row in enumerate(rows) if real(row["price"]) > 0 and row["sense"] == ">="]
    if not priced:
        return ""
    most = max(priced, key=lambda i: real(rows[i]["price"]))
    return frame.say(
        "years.told.price",
        ledger=_ledger(frame, rows[most]),
        year=frame.year(f"tables/pathway/{most}/year"),
        price=frame.value(f"tables/pathway/{most}/price"),
    )


def growing(zone: str) -> str:
    """Method of the name of a growth limit; empty for any other row."""
    return zone.removeprefix("growth of ") if zone.startswith("growth of ") else ""


def row_named(words: Words, family: str, zone: str) -> str:
    """What a row of some year is about: a limit of growth, a rule, or a resource and its pool."""
    if family != "policy":
        return words("years.row", what=words.resource(family), where=words.zone(zone))
    method = growing(zone)
    return words("years.growth", method=words.method(method)) if method else words.zone(zone)


def _ledger(frame: Frame, row: Row) -> str:
    return text(frame.words.named("end.path.ledger", word(row["ledger"])))


# -------------------------------------------------------------------------- what is built


def _begin(frame: Frame) -> float:
    given = frame.run.scenario.get("milestones") or {}
    first = float(frame.at("pathway/years/0"))
    return float(given.get("start") or first)


def _dated(frame: Frame, method: str, column: str) -> list[tuple[float, float]]:
    """A column of the build-out of a method by year, from nothing at the start."""
    found = [
        (float(row["year"]), real(row[column]))
        for row in frame.rows("build_out")
        if row["method"] == method
    ]
    begin = _begin(frame)
    return [(begin, 0.0), *found] if found and begin < found[0][0] else found


def _ticks(frame: Frame) -> list[float]:
    begin, dated = _begin(frame), [float(year) for year in frame.at("pathway/years")]
    return [begin, *dated] if begin < dated[0] else dated


def by_method(frame: Frame) -> str:
    """Net removal of each method over the years, against what is asked for."""
    areas = []
    for method in frame.run.methods:
        points = [(year, max(value, 0.0)) for year, value in _dated(frame, method, "net_mt_yr")]
        if any(value > LEAST for _, value in points):
            areas.append(DatedLine(frame.words.method(method), frame.colour(method), points))
    if more := frame.at(BY_EMITTERS):
        dated = zip(map(float, frame.at("pathway/years")), map(real, more), strict=True)
        first = [(begin, 0.0)] if (begin := _begin(frame)) < frame.at("pathway/years/0") else []
        grown = [*first, *dated]
        if any(value > LEAST for _, value in grown):
            areas.append(DatedLine(frame.words("years.emitters"), EMITTER_COLOUR, grown))
    if not areas:
        return ""
    asked = [
        (float(row["year"]), real(row["target"]) * MEGA)
        for row in frame.rows("pathway")
        if row["ledger"] == REMOVAL
    ]
    lines = (
        [DatedLine(frame.words("years.asked"), INK, asked, dashed=True, dots=True)] if asked else []
    )
    title = frame.say("years.by_method")
    names = [line.name for line in areas]
    keys = [tag("li", frame.swatch(line.colour), tag("span", text(line.name))) for line in areas]
    if lines:
        sign = tag("i", class_="dash", aria_hidden="true")
        keys.append(tag("li", sign, tag("span", frame.say("years.asked"))))
    label = frame.words("years.by_method.label", names=frame.words("list.comma").join(names))
    return (
        tag("h3", title)
        + tag("ul", *keys, class_="legend")
        + drawing(frame, label, frame.say("years.up.net"), _ticks(frame), areas, lines)
    )


def targets(frame: Frame) -> str:
    """What is asked for in each year, what is reached and missed, and what a tonne more costs."""
    rows = frame.rows("pathway")
    columns = (
        PageColumn("years.year", lambda row: text(int(row["year"])), kind="short"),
        PageColumn("years.ledger", lambda row: _ledger(frame, row)),
        PageColumn("years.target", lambda row: _sized(frame, row, "target"), kind="number"),
        PageColumn("years.reached", lambda row: _sized(frame, row, "reached"), kind="number"),
        PageColumn("years.missed", lambda row: _sized(frame, row, "missed"), kind="number"),
        PageColumn("years.price", lambda row: _price(frame, row), kind="number"),
    )
    note = frame.say("years.price.note")
    return headed(frame, "pathway", "years.targets", columns, range(len(rows)), note=note)


def _sized(frame: Frame, row: Row, column: str) -> str:
    """An amount of a row in the unit that suits its target."""
    value, unit = real(row[column]), word(row["unit"])
    size, name = amount(unit).of(max(abs(real(row["target"])), abs(value)))
    return text(table_amount(value / size)) + " " + frame.unit(name)


def _price(frame: Frame, row: Row) -> str:
    """A price in money of its year."""
    factor, unit = row_price(word(row.get("zone")), word(row["price_unit"]), frame.words)
    return text(f"{frame.words.number(real(row['price']) * factor)} {unit}")


def build_out(frame: Frame) -> str:
    """What of each method is built and stands at each milestone: flow, stock, durable tonnes."""
    rows = frame.rows("build_out")
    built = {
        str(row["method"])
        for row in rows
        if real(row["stands_gross_mt_yr"]) > LEAST or real(row["gross_mt_yr"]) > LEAST
    }
    shown = [i for i, row in enumerate(rows) if row["method"] in built]
    columns = (
        PageColumn("column.method", lambda row: frame.method(str(row["method"]))),
        PageColumn("years.year", lambda row: text(int(row["year"])), kind="short"),
        PageColumn("years.built", "built_gross_mt_yr", "Mt/yr"),
        PageColumn("years.stands", "stands_gross_mt_yr", "Mt/yr"),
        PageColumn("years.flow", "net_mt_yr", "Mt/yr"),
        PageColumn("years.held", "held_mt", "Mt"),
        PageColumn("years.durable", "durable_mt_yr", "Mt/yr"),
        PageColumn("column.cost", "cost_musd_yr", "MUSD/yr"),
        PageColumn("column.land", "land_km2", "km2"),
    )
    given = frame.run.scenario.get("milestones") or {}
    rule = (given.get("durability") or {}).get("rule", "permanent")
    note = frame.say("years.three") + frame.words("sentence.gap")
    note += frame.say(f"years.rule.{rule}", years=text(_horizon(given)))
    return headed(frame, "build_out", "years.build_out", columns, shown, intro=note)


def _horizon(given: Row) -> str:
    return f"{real((given.get('durability') or {}).get('horizon', 100.0)):g}"


# --------------------------------------------------------------------------- what binds when


def binding(frame: Frame) -> str:
    """What is used up in which year, with its price in money of that year."""
    rows = frame.rows("pools_by_year")
    shown = [i for i, row in enumerate(rows) if row["binds"]]
    if not shown:
        title = tag("h3", frame.say("years.binding"))
        return title + paragraph(frame.say("years.binding.none"))
    # what binds over all years comes last, and within a year what the plan owes most to first
    shown.sort(
        key=lambda i: (
            word(rows[i]["year"]) or "9999",
            -abs(real(rows[i]["price"]) * real(rows[i]["supply"])),
        )
    )
    columns = (
        PageColumn("years.year", lambda row: _year(frame, row), kind="short"),
        PageColumn(
            "years.what",
            lambda row: text(row_named(frame.words, word(row["family"]), word(row["zone"]))),
        ),
        PageColumn("years.supply", lambda row: _limit(frame, row), kind="number"),
        PageColumn("years.more", lambda row: _price(frame, row), kind="number"),
    )
    note = frame.say("years.binding.note")
    if any(month_of(word(rows[i]["zone"]))[1] for i in shown):
        note += frame.words("sentence.gap") + frame.say("months.why")
    return headed(frame, "pools_by_year", "years.binding", columns, shown, note=note)


def _year(frame: Frame, row: Row) -> str:
    return text(word(row["year"])) or frame.say("years.all")


def _limit(frame: Frame, row: Row) -> str:
    value = real(row["supply"])
    size, name = row_size(word(row["zone"]), word(row["unit"]), value)
    return text(table_amount(value / size)) + " " + frame.unit(name)


# ------------------------------------------------------------------------------- storage


def filling(frame: Frame) -> str:
    """How pore space fills, for the units that do."""
    rows = frame.rows("storage_filling")
    used: dict[str, list[Row]] = {}
    for row in rows:
        used.setdefault(str(row["unit"]), []).append(row)
    share = {unit: _filled(own[-1]) for unit, own in used.items()}
    drawn = [unit for unit in used if share[unit] >= LEAST_FILLED]
    drawn = sorted(drawn, key=lambda unit: -share[unit])[:MOST_UNITS]
    if not drawn:
        return ""
    colours = dict(zip(drawn, cycle(LABEL_COLOURS), strict=False))
    begin = _begin(frame)
    lines = [
        DatedLine(
            unit,
            colours[unit],
            [(begin, 0.0), *((real(row["year"]), 100.0 * _filled(row)) for row in used[unit])],
        )
        for unit in drawn
    ]
    at = sorted({year for line in lines for year, _ in line.points})
    keys = [tag("li", frame.swatch(colours[u]), tag("span", text(u))) for u in drawn]
    label = frame.words("years.filling.label", names=frame.words("list.comma").join(drawn))
    return (
        tag("h3", frame.say("years.filling"))
        + paragraph(frame.say("years.filling.intro", end=text(f"{at[-1]:g}")))
        + tag("ul", *keys, class_="legend")
        + drawing(frame, label, frame.say("years.up.filled"), at, (), lines, most=100.0)
        + _units(frame, drawn)
    )


def _filled(row: Row) -> float:
    capacity = real(row["capacity_mt"])
    return real(row["filled_mt"]) / capacity if capacity > 0 and math.isfinite(capacity) else 0.0


def _units(frame: Frame, drawn: Sequence[str]) -> str:
    """The end of each unit: what is in it, what it holds, and what space in it is worth."""
    rows = frame.rows("storage_filling")
    last = {str(row["unit"]): i for i, row in enumerate(rows)}
    at_last = {
        str(row["unit"]): i for i, row in enumerate(rows[:-1]) if rows[i + 1]["unit"] == row["unit"]
    }
    columns = [
        (frame.say("years.unit"), "text"),
        *((frame.say(key) + frame.in_(unit), "number") for key, unit in (
            ("years.rate", "Mt/yr"), ("years.filled_then", "Mt"), ("years.filled", "Mt"),
            ("years.capacity", "Mt"), ("years.space", "USD/t"),
        )),
    ]  # fmt: skip
    cells = []
    for unit in drawn:
        end, then = (
            f"tables/storage_filling/{last[unit]}",
            f"tables/storage_filling/{at_last[unit]}",
        )
        cells.append(
            [
                text(unit),
                frame.value(f"{then}/injected_mt_yr", amount=True),
                frame.value(f"{then}/filled_mt", amount=True),
                frame.value(f"{end}/filled_mt", amount=True),
                frame.value(f"{end}/capacity_mt", amount=True),
                frame.value(f"{end}/pore_price_usd_t"),
            ]
        )
    body = table(frame.say("years.units"), columns, cells)
    return body + file_note(frame, "storage_filling")


# -------------------------------------------------------------------------------- stocks


def stocks(frame: Frame) -> str:
    """Flow, stock and durable equivalent of what grows or fills up, each as a line of its own."""
    parts = []
    for method in frame.run.methods:
        rows = [row for row in frame.rows("build_out") if row["method"] == method]
        stands = [real(row["stands_gross_mt_yr"]) for row in rows]
        flow = [real(row["gross_mt_yr"]) for row in rows]
        alike = all(
            abs(a - b) <= 1e-9 * max(stands) + LEAST for a, b in zip(stands, flow, strict=True)
        )
        if alike or not max(stands) > LEAST:
            continue
        parts.append(_three(frame, method))
    if not parts:
        return ""
    intro = paragraph(frame.say("years.stocks.intro"))
    return tag("h3", frame.say("years.stocks")) + intro + "".join(parts)


def _three(frame: Frame, method: str) -> str:
    """Two drawings: tonnes a year, and tonnes that are kept."""
    name, colour = frame.words.method(method), frame.colour(method)
    flow = _dated(frame, method, "net_mt_yr")
    lines = [DatedLine(frame.words("years.flow"), colour, flow, dots=True)]
    durable = _dated(frame, method, "durable_mt_yr")
    lines.append(DatedLine(frame.words("years.durable"), INK, durable, dashed=True, dots=True))
    held = [
        DatedLine(frame.words("years.held"), colour, _dated(frame, method, "held_mt"), dots=True)
    ]
    marks = [
        tag("li", frame.swatch(colour), tag("span", frame.say("years.flow"))),
        tag("li", tag("i", class_="dash", aria_hidden="true"),
            tag("span", frame.say("years.durable"))),
    ]  # fmt: skip
    label = frame.words("years.stocks.label", method=name)
    left = tag("ul", *marks, class_="legend") + drawing(
        frame, label, frame.say("years.up.flow"), _ticks(frame), (), lines
    )
    sign = tag("li", frame.swatch(colour), tag("span", frame.say("years.held")))
    right = tag("ul", sign, class_="legend") + drawing(
        frame, label, frame.say("years.up.held"), _ticks(frame), (), held
    )
    return tag("p", frame.method(method)) + tag(
        "div", tag("div", left), tag("div", right), class_="falls"
    )

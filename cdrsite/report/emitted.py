"""Section on emitters: what they capture, in which ledger, and what that takes from removal."""

from __future__ import annotations

from cdrsite.core.vocabulary import price_in_words
from cdrsite.report.frame import Frame, Row, paragraph, real, word
from cdrsite.report.html import tag, text
from cdrsite.report.listed import PageColumn, headed

MOST = 8
"""Sentences about storage units of one year, those of which most is displaced first."""
LEAST = 1e-9
"""What is less is a rest of rounding [Mt/yr, or t/t]."""


def emitted(frame: Frame) -> str:
    """What emitters do in the plan; nothing where a study has none."""
    if not frame.at("emitters"):
        return ""
    return "".join([
        paragraph(frame.say("emitted.intro")), told(frame), displaced(frame), captured(frame),
    ])  # fmt: skip


def told(frame: Frame) -> str:
    """A sentence for each milestone, and the storage units where most is displaced."""
    lines = []
    for i, year in enumerate(frame.at("emitters/years")):
        at = f"emitters/years/{i}"
        key = "emitted.told" if year["year"] else "emitted.told_plain"
        lines.append(
            frame.say(
                key,
                year=text(word(year["year"])),
                n=frame.value(f"{at}/emitters"),
                all=frame.value("emitters/emitters"),
                captured=frame.value(f"{at}/captured_mt_yr"),
                avoided=frame.value(f"{at}/avoided_mt_yr"),
                removed=frame.value(f"{at}/removed_mt_yr"),
                cost=frame.value(f"{at}/cost_musd_yr"),
            )
        )
    rows = frame.rows("displaced")
    order = _worst(rows)
    for i in order:
        row = rows[i]
        factor, money = price_in_words(word(row["price_unit"]), frame.words)
        price = f"tables/displaced/{i}/stored_price+tables/displaced/{i}/drawn_price"
        key = "emitted.displaces" if word(row["year"]) else "emitted.displaces_plain"
        lines.append(
            frame.say(
                key,
                year=text(word(row["year"])),
                n=frame.value(f"tables/displaced/{i}/displaced_per_captured"),
                unit=text(word(row["unit"])),
                price=frame.value(price, factor),
                money=text(money),
            )
        )
    if not order:
        lines.append(frame.say("emitted.displaces_nothing"))
    return tag("ul", *(tag("li", one) for one in lines), class_="lead")


def removed_told(frame: Frame, last: int) -> str:
    """What of the removal at the last milestone biogenic emitters do."""
    at = f"pathway/net_of_emitters_mt_yr/{last}"
    if not real(frame.at(at)) > LEAST:
        return ""
    return frame.say("emitted.removes", year=frame.year(f"pathway/years/{last}"), n=frame.value(at))


def avoided_told(frame: Frame, last: int) -> str:
    """What emitters avoid at the last milestone: a ledger of its own."""
    at = f"pathway/avoided_mt_yr/{last}"
    if not real(frame.at(at)) > LEAST:
        return ""
    return frame.say("emitted.avoids", year=frame.year(f"pathway/years/{last}"), n=frame.value(at))


def beside_emitters(frame: Frame) -> str:
    """That what follows is of the methods only, where biogenic emitters remove CO2 too."""
    years = frame.at("emitters/years")
    if not years:
        return ""
    at = f"emitters/years/{len(years) - 1}/removed_mt_yr"
    if not real(frame.at(at)) > LEAST:
        return ""
    way = tag("a", frame.say("emitted.title"), href="#emitters")
    return paragraph(frame.say("emitted.beside", n=frame.value(at), way=way), kind="note")


def _scarce(rows: list[Row]) -> list[int]:
    """Rows in which anything is displaced."""
    return [i for i, row in enumerate(rows) if real(row["displaced_per_captured"]) > LEAST]


def _worst(rows: list[Row]) -> list[int]:
    """Rows that are worth a sentence: of each year the unit where most is displaced."""
    order = sorted(_scarce(rows), key=lambda i: -real(rows[i]["displaced_per_captured"]))
    years = [word(rows[i]["year"]) for i in order]
    if len({word(row["year"]) for row in rows}) < 2:
        return order[:MOST]
    return sorted(order[years.index(year)] for year in set(years))


def displaced(frame: Frame) -> str:
    """By storage unit and year, what a captured tonne takes from removal."""
    rows = frame.rows("displaced")
    shown = _scarce(rows)

    def money(column: str) -> PageColumn:
        def cell(row: Row) -> str:
            factor, unit = price_in_words(word(row["price_unit"]), frame.words)
            return text(f"{frame.words.number(real(row[column]) * factor)} {unit}")

        return PageColumn(f"emitted.{column}", cell, kind="number")

    columns = (
        PageColumn("emitted.unit", lambda row: text(word(row["unit"]))),
        PageColumn("emitted.year", lambda row: text(word(row["year"])), kind="short"),
        money("stored_price"),
        money("drawn_price"),
        PageColumn("emitted.per_captured", "displaced_per_captured"),
        PageColumn("emitted.per_avoided", "displaced_per_avoided"),
        PageColumn("emitted.captured", "captured_mt_yr", "Mt/yr"),
    )
    note = frame.say("emitted.displaced.note")
    return headed(frame, "displaced", "emitted.displaced", columns, shown, note=note)


def captured(frame: Frame) -> str:
    """What each emitter captures, when and where to."""
    rows = frame.rows("emitters")
    shown = [i for i, row in enumerate(rows) if real(row["captured_mt_yr"]) > LEAST]
    columns = (
        PageColumn("emitted.emitter", lambda row: text(word(row["emitter"]))),
        PageColumn("emitted.origin", lambda row: _origin(frame, row), kind="short"),
        PageColumn("emitted.year", lambda row: text(word(row["year"])), kind="short"),
        PageColumn("emitted.unit", lambda row: text(word(row["unit"]))),
        PageColumn("emitted.most", "can_capture_mt_yr", "Mt/yr"),
        PageColumn("emitted.captured", "captured_mt_yr", "Mt/yr"),
        PageColumn("emitted.avoided", "avoided_mt_yr", "Mt/yr"),
        PageColumn("emitted.removed", "removed_mt_yr", "Mt/yr"),
        PageColumn("emitted.cost", "cost_usd_t", "USD/t"),
    )
    return headed(frame, "emitters", "emitted.list", columns, shown)


def _origin(frame: Frame, row: Row) -> str:
    return text(frame.words.named("origin", word(row["origin"])))

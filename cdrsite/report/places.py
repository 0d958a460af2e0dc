"""Sections on places: ranked sites, what the rules exclude, what limits a method where."""

from __future__ import annotations

import math

from cdrsite.core.vocabulary import limit_names
from cdrsite.outputs.legend import class_colour
from cdrsite.report.frame import (
    MAX_ROWS,
    Frame,
    Row,
    bar,
    details,
    paragraph,
    real,
    section,
    stacked,
    word,
)
from cdrsite.report.html import table, tag, text

EXCLUDED_COLOUR = "#7A828B"


# ------------------------------------------------------------------------ sites


def sites(frame: Frame) -> str:
    """Section with the best sites of each method."""
    listed = frame.rows("sites")
    by_method: dict[str, list[int]] = {}
    for i, row in enumerate(listed):
        by_method.setdefault(word(row.get("method")), []).append(i)
    if not by_method:
        return ""
    best = _site_table(frame, listed, [members[0] for members in by_method.values()], named=True)
    parts = [_sites_of(frame, listed, *found) for found in by_method.items() if len(found[1]) > 1]
    return section(
        "sites",
        frame.say("sites.title"),
        paragraph(frame.say("sites.intro")),
        best,
        *parts,
        paragraph(frame.say("file", file=tag("code", "tables/sites.csv")), kind="note"),
    )


def _sites_of(frame: Frame, listed: list[Row], method: str, members: list[int]) -> str:
    left_out = ""
    if len(members) > MAX_ROWS:
        file = tag("code", "tables/sites.csv")
        left_out = paragraph(frame.count("left_out", len(members) - MAX_ROWS, file=file))
    title = frame.count("sites.of", len(members), method=text(frame.words.method(method)))
    body = _site_table(frame, listed, members[:MAX_ROWS], title=title)
    return details(frame.swatch(frame.colour(method)) + title, body, left_out, rows=len(members))


def _site_table(
    frame: Frame, listed: list[Row], members: list[int], *, named: bool = False, title: str = ""
) -> str:
    stores = any(word(listed[i].get("storage_unit")) for i in members)
    first = (frame.say("column.method"), "text") if named else (frame.say("sites.rank"), "number")
    columns = [
        first,
        (frame.say("sites.place"), "text"),
        (frame.say("fact.in_plan"), "text"),
        (frame.say("column.net") + frame.in_("t/yr"), "number"),
        (frame.say("fact.cost_usd_per_net_t") + frame.in_("USD/t"), "number"),
        (frame.say("fact.suitability"), "number"),
        (frame.say("sites.limited"), "text"),
    ]
    if stores:
        columns += [
            (frame.say("sites.storage"), "text"),
            (frame.say("sites.distance") + frame.in_("km"), "number"),
        ]
    rows = []
    for i in members:
        at, row = f"tables/sites/{i}", listed[i]
        cells = [
            frame.method(word(row.get("method"))) if named else frame.value(f"{at}/rank"),
            place(frame, row),
            frame.say("sites.yes" if real(row.get("in_plan")) > 0 else "sites.no"),
            frame.value(f"{at}/net_t_yr"),
            frame.value(f"{at}/cost_usd_per_net_t"),
            frame.value(f"{at}/suitability", digits=2),
            text(frame.words.called(word(row.get("limited_by")))),
        ]
        if stores:
            cells += [text(word(row.get("storage_unit"))), frame.value(f"{at}/transport_km")]
        rows.append(cells)
    return table(title or frame.say("sites.best"), columns, rows, headed=not named)


def place(frame: Frame, row: Row) -> str:
    """Longitude and latitude as people write them."""
    lon, lat = real(row.get("lon")), real(row.get("lat"))
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return "–"
    parts = (
        frame.say("place.north" if lat >= 0 else "place.south", n=f"{abs(lat):.3f}"),
        frame.say("place.east" if lon >= 0 else "place.west", n=f"{abs(lon):.3f}"),
    )
    return tag("span", frame.words("list.clause").join(parts), class_="nowrap")


# ------------------------------------------------------------------- exclusions


def exclusions(frame: Frame) -> str:
    """Section on what each rule removes, and on what runs out first."""
    listed = frame.rows("exclusions")
    groups: dict[str, list[int]] = {}
    for i, row in enumerate(listed):
        groups.setdefault(word(row.get("methods")), []).append(i)
    parts = [_rules_of(frame, listed, names, members) for names, members in groups.items()]
    if parts:
        parts = [
            paragraph(frame.say("rules.intro", area=frame.value("region_km2"))),
            *parts,
            paragraph(frame.say("file", file=tag("code", "tables/exclusions.csv")), kind="note"),
        ]
    else:
        parts = [paragraph(frame.say("rules.none"))]
    return section("exclusions", frame.say("rules.title"), *parts, limits(frame))


def _rules_of(frame: Frame, listed: list[Row], names: str, members: list[int]) -> str:
    order = sorted(members, key=lambda i: -real(listed[i].get("removes_km2")))
    columns = (
        (frame.say("rules.rule"), "text"),
        (frame.say("rules.removes") + frame.in_("km2"), "number"),
        (frame.say("rules.share") + frame.in_("%"), "number"),
        (frame.say("rules.only") + frame.in_("km2"), "number"),
    )
    rows = []
    for i in order[:MAX_ROWS]:
        at = f"tables/exclusions/{i}"
        share = real(listed[i].get("removes_percent")) / 100
        rows.append(
            [
                text(word(listed[i].get("rule"))) + bar(share, EXCLUDED_COLOUR),
                frame.value(f"{at}/removes_km2"),
                frame.value(f"{at}/removes_percent", digits=2),
                frame.value(f"{at}/only_it_removes_km2"),
            ]
        )
    who = [frame.words.method(name) for name in names.split(", ")]
    everyone = set(names.split(", ")) >= set(frame.run.methods)
    title = frame.say("rules.all") if everyone else frame.say("rules.for", who=joined(frame, who))
    return table(title, columns, rows)


def joined(frame: Frame, names: list[str]) -> str:
    """Names between commas."""
    return text(frame.words("list.comma").join(names))


def limits(frame: Frame) -> str:
    """What runs out first where, with an equal share of the pools: area by resource and state."""
    listed = frame.rows("limits")
    if not listed:
        return ""
    order = list(limit_names().values())
    names = list(dict.fromkeys(word(row.get("limit")) for row in listed))
    names.sort(key=lambda name: order.index(name) if name in order else len(order))
    at = {(word(r.get("method")), word(r.get("limit"))): i for i, r in enumerate(listed)}
    area = {key: real(listed[i].get("area_km2")) for key, i in at.items()}
    rows = []
    for method in frame.run.methods:
        parts = [(area.get((method, name), 0.0), class_colour(name)) for name in names]
        most = math.fsum(size for size, _ in parts)
        cells = [
            frame.value(f"tables/limits/{at[method, name]}/area_km2")
            if (method, name) in at
            else "0"
            for name in names
        ]
        rows.append([frame.method(method) + stacked(parts, most), *cells])
    columns = [(frame.say("column.method"), "text")]
    columns += [
        (frame.swatch(class_colour(n)) + text(frame.words.called(n)), "number") for n in names
    ]
    return (
        tag("h3", frame.say("limits.title"))
        + paragraph(frame.say("limits.intro"))
        + table(frame.say("limits.caption"), columns, rows)
    )

"""Sections on places: ranked sites, what the rules exclude, what limits a method where."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from cdrsite.core.numbers import number
from cdrsite.core.vocabulary import limit_names
from cdrsite.outputs.legend import class_colour
from cdrsite.report.frame import MAX_ROWS, Frame, Row, bar, details, paragraph, real, stacked, word
from cdrsite.report.html import table, tag, text
from cdrsite.report.listed import PageColumn, file_note, listed

EXCLUDED_COLOUR = "#7A828B"


# ------------------------------------------------------------------------ sites


def sites(frame: Frame) -> str:
    """Section with the best sites of each method."""
    by_method = _positions(frame, "sites", "method")
    if not by_method:
        return ""
    best = _site_table(frame, [positions[0] for positions in by_method.values()])
    parts = [_sites_of(frame, *group) for group in by_method.items() if len(group[1]) > 1]
    intro = paragraph(frame.say("sites.intro"))
    return "".join([intro, best, *parts, file_note(frame, "sites")])


def _positions(frame: Frame, name: str, column: str) -> dict[str, list[int]]:
    """Rows of a table of the run by the text of a column."""
    groups: dict[str, list[int]] = {}
    for position, row in enumerate(frame.rows(name)):
        groups.setdefault(word(row.get(column)), []).append(position)
    return groups


def _sites_of(frame: Frame, method: str, positions: list[int]) -> str:
    left_out = ""
    if len(positions) > MAX_ROWS:
        file = frame.file("tables/sites.csv")
        left_out = paragraph(frame.count("left_out", len(positions) - MAX_ROWS, file=file))
    title = frame.count("sites.of", len(positions), method=text(frame.words.method(method)))
    body = _site_table(frame, positions[:MAX_ROWS], title)
    return details(frame.swatch(frame.colour(method)) + title, body, left_out, rows=len(positions))


def _site_table(frame: Frame, positions: list[int], title: str = "") -> str:
    """Sites of one method by rank, or, without a title, the best of each method."""

    def in_plan(row: Row) -> str:
        return frame.say("sites.yes" if real(row.get("in_plan")) > 0 else "sites.no")

    columns = [
        PageColumn("sites.rank", "rank")
        if title
        else PageColumn("column.method", lambda row: frame.method(word(row.get("method")))),
        PageColumn("sites.place", lambda row: place(frame, row)),
        PageColumn("fact.in_plan", in_plan, kind="short"),
        PageColumn("column.net", "net_t_yr", "t/yr"),
        PageColumn("fact.cost_usd_per_net_t", "cost_usd_per_net_t", "USD/t"),
        PageColumn("fact.suitability", "suitability", digits=2),
        PageColumn(
            "sites.limited", lambda row: text(frame.words.called(word(row.get("limited_by"))))
        ),
    ]
    if any(word(frame.rows("sites")[i].get("storage_unit")) for i in positions):
        columns += [
            PageColumn("sites.storage", lambda row: text(word(row.get("storage_unit")))),
            PageColumn("sites.distance", "transport_km", "km"),
        ]
    heads, rows = listed(frame, "sites", columns, positions)
    return table(title or frame.say("sites.best"), heads, rows, headed=bool(title))


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


def project_sums(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Sites of the table of projects, summed over zones and methods, as numbers for people."""
    sums = dict.fromkeys(("alone", "merged", "projects", "out"), 0)
    for row in rows:
        sums["alone"] += int(row["sites_alone"])
        sums["projects"] += int(row["merged_projects"])
        sums["merged" if row["merged_projects"] else "out"] += int(row["sites_small"])
    return {key: number(value) for key, value in sums.items()}


def projects(frame: Frame) -> str:
    """Sites that are merged within their zone to projects, by zone; empty without such a rule."""
    rows = frame.rows("projects")
    if not rows:
        return ""

    def who(row: Row) -> str:
        names = word(row.get("methods")).split(", ")
        return text(frame.words("list.comma").join(frame.words.method(name) for name in names))

    columns = (
        PageColumn("projects.zone", lambda row: text(word(row.get("zone")))),
        PageColumn("column.method", who),
        PageColumn("projects.least", "least_km2", "km2"),
        PageColumn("projects.alone", "sites_alone"),
        PageColumn("projects.alone_area", "alone_km2", "km2"),
        PageColumn("projects.small", "sites_small"),
        PageColumn("projects.small_area", "small_km2", "km2"),
        PageColumn("projects.merged", "merged_projects"),
        PageColumn("projects.left_out", "left_out_km2", "km2"),
    )
    order = sorted(range(len(rows)), key=lambda i: -real(rows[i].get("small_km2")))
    title = frame.say("projects.title")
    shown = table(title, *listed(frame, "projects", columns, order[:MAX_ROWS]))
    said = paragraph(frame.say("projects.line", **project_sums(rows)))
    return tag("h3", title) + said + shown + file_note(frame, "projects")


def exclusions(frame: Frame) -> str:
    """Section on what each rule removes, and on what runs out first."""
    groups = _positions(frame, "exclusions", "methods")
    if not groups:
        return paragraph(frame.say("rules.none")) + limits(frame)
    intro = paragraph(frame.say("rules.intro", area=frame.value("region_km2")))
    parts = [_rules_of(frame, names, positions) for names, positions in groups.items()]
    note = file_note(frame, "exclusions")
    return "".join([intro, *parts, note, projects(frame), limits(frame)])


def _rules_of(frame: Frame, names: str, positions: list[int]) -> str:
    records = frame.rows("exclusions")
    order = sorted(positions, key=lambda i: -real(records[i].get("removes_km2")))

    def rule(row: Row) -> str:
        return text(frame.words.named("rule", word(row.get("rule")))) + bar(
            real(row.get("removes_percent")) / 100, EXCLUDED_COLOUR
        )

    columns = (
        PageColumn("rules.rule", rule),
        PageColumn("rules.removes", "removes_km2", "km2"),
        PageColumn("rules.share", "removes_percent", "%", digits=2),
        PageColumn("rules.only", "only_it_removes_km2", "km2"),
    )
    methods = names.split(", ")
    title = frame.say("rules.all")
    if not set(methods) >= set(frame.run.methods):
        who = frame.words("list.comma").join(frame.words.method(method) for method in methods)
        title = frame.say("rules.for", who=text(who))
    return table(title, *listed(frame, "exclusions", columns, order[:MAX_ROWS]))


def limits(frame: Frame) -> str:
    """What runs out first where, with an equal share of the pools: area by resource and state."""
    records = frame.rows("limits")
    if not records:
        return ""
    order = list(limit_names().values())
    names = list(dict.fromkeys(word(row.get("limit")) for row in records))
    names.sort(key=lambda name: order.index(name) if name in order else len(order))
    at = {(word(r.get("method")), word(r.get("limit"))): i for i, r in enumerate(records)}
    area = {key: real(records[i].get("area_km2")) for key, i in at.items()}
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
    columns += [(frame.dotted(class_colour(n), frame.words.called(n)), "number") for n in names]
    title, intro = tag("h3", frame.say("limits.title")), paragraph(frame.say("limits.intro"))
    return title + intro + table(frame.say("limits.caption"), columns, rows)

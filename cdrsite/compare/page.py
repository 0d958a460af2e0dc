"""The page that compares two runs: what changed, in one sentence first, then in full.

One module: the sections of one page, in the order in which they are read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cdrsite.compare.changes import records
from cdrsite.compare.pictures import Difference, land_maps, tonnes_maps
from cdrsite.compare.sheet import (
    METHOD_HEADS,
    UNSEEN,
    Sheet,
    change_of,
    delta,
    document,
    file_list,
    method_bar,
    plain_number,
    rank_cells,
    rank_columns,
    sheet_of,
    shown,
    signed,
)
from cdrsite.compare.values import assumption_value, change_words, topics
from cdrsite.core.numbers import number, percent
from cdrsite.report.frame import MAX_ROWS, SHORT, Row, details, paragraph, section
from cdrsite.report.html import table, tag, text
from cdrsite.report.places import place
from cdrsite.report.shared import row_price, row_size

if TYPE_CHECKING:
    from cdrsite.compare.changes import Change
    from cdrsite.compare.maps import Turn
    from cdrsite.compare.moved import Moved
    from cdrsite.compare.runs import Comparison
    from cdrsite.core.words import Words
    from cdrsite.outputs.runfolder import RunFolder


MAP_PIXELS = 460
"""Longest side of the small maps [pixels]."""
NAMED = 4
"""Assumptions, or their subjects, that are named in the sentence."""
TOP = 15
"""Best sites whose ranks are shown."""
MOVED = {"gained": math.nan, "same": 0.0}
"""How far sites are from where they were, that have not moved or were nowhere [km]."""


def comparison_page(comparison: Comparison, words: Words) -> str:
    """The whole page as text.

    Parameters
    ----------
    comparison : Comparison
        What is shown.
    words : Words
        In its language.
    """
    sheet = sheet_of([comparison.a, comparison.b], words)
    a, b = comparison.names
    runs = [
        sheet.say("compare.run", title=text(run.title), name=text(name))
        for run, name in zip((comparison.a, comparison.b), comparison.names, strict=True)
    ]
    head = (
        tag("p", sheet.say("compare.kind"), class_="kicker"),
        tag("h1", sheet.say("compare.title", a=text(a), b=text(b))),
        tag("p", sheet.say("compare.about", a=runs[0], b=runs[1]), class_="muted"),
    )
    sections: tuple[tuple[str, str, str], ...] = (
        ("answer", "compare.answer", answer(sheet, comparison)),
        ("assumptions", "compare.assumptions", assumptions(sheet, comparison)),
        ("maps", "compare.maps", maps(sheet, comparison)),
        ("methods", "compare.by_method", by_method(sheet, comparison)),
        ("pools", "compare.binds", binding(sheet, comparison)),
        ("provinces", "compare.provinces", provinces(sheet, comparison)),
        ("sites", "sites.title", ranks(sheet, comparison)),
        ("files", "compare.files", files(sheet, comparison)),
    )
    if comparison.identical:  # nothing to compare: the sentence, and where the numbers are
        sections = (sections[0], sections[-1])
    return document(sheet, words("compare.title", a=a, b=b), head, sections)


# -------------------------------------------------------------------- in a sentence


def sentence(comparison: Comparison, words: Words) -> str:
    """What changed, in one or two sentences of plain text."""
    if comparison.identical:
        return words("compare.identical")
    if comparison.same_results:
        return words("compare.same_results")
    totals = {row["quantity"]: row for row in records(comparison.totals)}
    net, mean = _net_words(comparison, totals, words), _mean_words(totals, words)
    return net + mean + _most_words(comparison, words)


def _net_words(comparison: Comparison, totals: dict[str, Row], words: Words) -> str:
    row = totals.get("net_mt_yr")
    if row is None or not math.isfinite(row["change"]):
        return words("compare.net.same", now=number(None))
    change, now = float(row["change"]), plain_number(row["b"])
    if abs(change) <= accuracy(comparison) * max(abs(row["a"]), abs(row["b"])):
        return words("compare.net.same", now=now)
    share = signed(100 * change / row["a"], 2) + "\u202f%" if row["a"] > 0 else number(None)
    key = "compare.net.up" if change > 0 else "compare.net.down"
    return words(key, change=number(abs(change)), share=share, now=now)


def _mean_words(totals: dict[str, Row], words: Words) -> str:
    row = totals.get("mean_cost_usd_t")
    if row is None or not math.isfinite(row["change"]):
        return words("compare.mean.unknown")
    change, now = change_of(row["a"], row["b"]), plain_number(row["b"])
    if number(row["a"]) == number(row["b"]):
        return words("compare.mean.same", now=now)
    key = "compare.mean.up" if change > 0 else "compare.mean.down"
    return words(key, change=number(abs(change)), now=now)


def _most_words(comparison: Comparison, words: Words) -> str:
    table_ = comparison.methods
    if "net_mt_yr_change" not in table_.columns or len(table_) < 2:
        return words("compare.end")
    rows = [row for row in records(table_) if math.isfinite(row["net_mt_yr_change"])]
    most = max(rows, key=lambda row: abs(row["net_mt_yr_change"]), default=None)
    if most is None or change_of(most["net_mt_yr_a"], most["net_mt_yr_b"]) == 0:
        return words("compare.end")
    change = float(most["net_mt_yr_change"])
    return words("compare.most", method=words.method(str(most["method"])), change=signed(change))


def accuracy(comparison: Comparison) -> float:
    """Relative change that is not to be seen, or within the gaps of the two plans (rule 8)."""
    gaps = ((run.summary.get("objective") or {}).get("gap") for run in (comparison.a, comparison.b))
    return max(UNSEEN, sum(float(gap) for gap in gaps if isinstance(gap, int | float)))


def because(comparison: Comparison, words: Words) -> str:
    """Which assumptions differ, the first of them in words; plain text."""
    n = len(comparison.assumptions)
    if not n:
        return "" if comparison.same_results else words("compare.because.none")
    told = topics(words, comparison.assumptions)
    keys = words("list.comma").join(told[:NAMED])
    if len(told) > NAMED:
        keys = words("list.more", names=keys, n=number(len(told) - NAMED))
    return words.count("compare.because", n, keys=keys)


def cautions(comparison: Comparison, words: Words) -> list[str]:
    """What must be known before numbers are compared; plain text."""
    notes = []
    if comparison.years is not None:
        notes.append(words("compare.years", a=comparison.years[0], b=comparison.years[1]))
    if comparison.goals is not None:
        a, b = (words.named("goal", goal) for goal in comparison.goals)
        notes.append(words("compare.goals", a=a, b=b))
    sums = comparison.maps.sums if comparison.maps else ()
    unknown = max((change.unknown for change in sums), default=0)
    if unknown:
        notes.append(words.count("compare.unknown", unknown))
    return notes


def answer(sheet: Sheet, comparison: Comparison) -> str:
    """What changed, with the totals."""
    words = sheet.words
    lead = paragraph(text(sentence(comparison, words)), kind="lead")
    why = paragraph(text(because(comparison, words)))
    notes = "".join(paragraph(text(note), kind="note") for note in cautions(comparison, words))
    body = totals_table(sheet, comparison)
    if not comparison.identical:
        body = bars(sheet, comparison) + body
    return section("answer", sheet.say("compare.answer"), lead, why, notes, body)


def bars(sheet: Sheet, comparison: Comparison) -> str:
    """Net removal by method of both runs, one bar each on one scale."""
    if "net_mt_yr_a" not in comparison.methods.columns:
        return ""
    rows = records(comparison.methods)
    sums = {end: math.fsum(v for row in rows if (v := row[f"net_mt_yr_{end}"]) > 0) for end in "ab"}
    most = max(sums.values())
    cells = []
    for end, name in zip("ab", comparison.names, strict=True):
        parts = [(str(row["method"]), float(row[f"net_mt_yr_{end}"])) for row in rows]
        cells.append([text(name), method_bar(sheet, name, parts, most), shown(sums[end])])
    heads = (sheet.head(key, kind="text") for key in ("batch.run", "compare.by_method"))
    columns = (*heads, sheet.head("total"))
    methods = [str(row["method"]) for row in rows]
    legend = sheet.legend(methods)
    return table(sheet.say("compare.bars"), columns, cells) + legend


def totals_table(sheet: Sheet, comparison: Comparison) -> str:
    """Headline numbers side by side."""
    rows = [
        [
            sheet.say(f"total.{row['quantity']}") + (sheet.in_(row["unit"]) if row["unit"] else ""),
            shown(row["a"]),
            shown(row["b"]),
            delta(row["change"], row["a"], row["b"]),
        ]
        for row in records(comparison.totals)
    ]
    columns = [(sheet.say("compare.quantity"), "text"), *side_by_side(sheet, comparison)]
    return table(sheet.say("compare.totals"), columns, rows)


def side_by_side(sheet: Sheet, comparison: Comparison) -> list[tuple[str, str]]:
    """Titles of the columns of two runs and their change."""
    runs = [(text(name), "number") for name in comparison.names]
    return [*runs, (sheet.say("compare.change"), "number")]


# ------------------------------------------------------------------- assumptions


def assumptions(sheet: Sheet, comparison: Comparison) -> str:
    """Every assumption that differs, by where it was made."""
    title = sheet.say("compare.assumptions")
    listed = [*comparison.assumptions, *comparison.grid]
    if not listed:
        return section("assumptions", title, paragraph(sheet.say("compare.assumptions.none")))
    parts = []
    for part in dict.fromkeys(change.part for change in listed):
        own = [change for change in listed if change.part == part]
        columns = (
            (sheet.say("compare.assumption"), "text"),
            *((text(name), "text") for name in comparison.names),
        )
        rows = [_assumption_row(sheet, change) for change in own[:MAX_ROWS]]
        head = tag("h3", sheet.say(f"part.{part}"))
        caption = tag("span", sheet.say(f"part.{part}"), class_="unseen")
        parts.append(head + table(caption, columns, rows))
        parts.append(sheet.left_out(len(own), "tables/assumptions.csv"))
    return section("assumptions", title, *parts)


def _assumption_row(sheet: Sheet, change: Change) -> list[str]:
    key = change.key if change.part == "scenario" else ""
    values = (assumption_value(sheet.words, value, key=key) for value in (change.a, change.b))
    called, own = change_words(sheet.words, change), tag("span", text(change.key), class_="key")
    return [
        own
        if called == change.key
        else text(called) + tag("small", text(change.key), class_="key muted"),
        *(tag("span", text(value), class_="long") for value in values),
    ]


# -------------------------------------------------------------------------- maps


def maps(sheet: Sheet, comparison: Comparison) -> str:
    """Where the tonnes are in both runs, what was gained and lost, and which land turned."""
    runs = dict(zip(comparison.names, (comparison.a, comparison.b), strict=True))
    moved = comparison.moved
    changes: list[Difference] = []
    if moved is None:
        how = text(grid_words(comparison, sheet.words))
        said = paragraph(sheet.say("compare.maps.none", how=how))
    else:
        numbers = moved_numbers(moved)
        said = paragraph(text(sheet.words("moved.said", **numbers)))
        for kind, circles in (("gained", moved.gained()), ("lost", moved.lost())):
            title = sheet.words(f"moved.{kind}")
            changes.append(Difference(circles, title, sheet.words(f"moved.{kind}.alt", **numbers)))
    tonnes = tonnes_maps(sheet, runs, MAP_PIXELS, changes)
    pictures = tag("div", *tonnes, class_="maps two") if tonnes else ""
    intro = paragraph(sheet.say("where.intro")) if tonnes else ""
    return section(
        "maps", sheet.say("compare.maps"), said, intro, pictures, turns(sheet, comparison),
        land(sheet, runs),
    )  # fmt: skip


def moved_numbers(moved: Moved) -> dict[str, str]:
    """Tonnes gained and lost, and in how many places, for a sentence."""
    (gained, lost), (up, down) = moved.sums(), moved.places()
    return {
        "gained": number(gained / 1e6),
        "lost": number(lost / 1e6),
        "up": number(up),
        "down": number(down),
    }


def grid_words(comparison: Comparison, words: Words) -> str:
    """How the grids of two runs differ; text."""
    return words("list.comma").join(
        words("compare.grid.crs")
        if change.key == "crs"
        else words("compare.grid.item", what=change.key, a=change.a, b=change.b)
        for change in comparison.grid
    )


def land(sheet: Sheet, runs: Mapping[str, RunFolder]) -> str:
    """Which method uses which land in both runs, folded away: its colours show area."""

    def captioned(name: str, classes: str) -> tuple[str, str]:
        return tag("b", text(name)), sheet.words("uses.alt", run=name, classes=classes)

    figures, legend = land_maps(sheet, runs, MAP_PIXELS, captioned)
    if not figures:
        return ""
    pictures = tag("div", *figures, class_="maps wide")
    intro = paragraph(sheet.say("uses.intro"))
    return details(sheet.say("uses.title"), intro, pictures, legend, rows=SHORT + 1)


def turns(sheet: Sheet, comparison: Comparison) -> str:
    """Which class became which."""
    if comparison.maps is None:
        return ""
    every = math.fsum(turn.area_km2 for turn in comparison.maps.turns)
    changed = [turn for turn in comparison.maps.turns if turn.before != turn.after]
    head = tag("h3", sheet.say("compare.turns"))
    if not changed:
        return head + paragraph(sheet.say("compare.turns.none"))
    same = every - math.fsum(turn.area_km2 for turn in changed)
    kept = paragraph(sheet.say("compare.turns.same", share=text(percent(same / every))))
    columns = (
        sheet.head("compare.before", kind="text"),
        sheet.head("compare.after", kind="text"),
        sheet.head("compare.tonnes", "Mt/yr"),
        sheet.head("compare.change", "Mt/yr"),
        sheet.head("compare.area", "km2"),
    )
    rows = [
        [
            _class(sheet, turn.before),
            _class(sheet, turn.after),
            f"{shown(turn.net_before / 1e6)} → {shown(turn.net_after / 1e6)}",
            delta((turn.net_after - turn.net_before) / 1e6, turn.net_before / 1e6,
                  turn.net_after / 1e6),
            shown(turn.area_km2),
        ]
        for turn in sorted(changed, key=_by_tonnes)[:MAX_ROWS]
    ]  # fmt: skip
    return head + kept + table(sheet.say("compare.turns.caption"), columns, rows)


def _by_tonnes(turn: Turn) -> tuple[float, float, str, str]:
    """The largest change of tonnes first."""
    return -abs(turn.net_after - turn.net_before), -turn.area_km2, turn.before, turn.after


def _class(sheet: Sheet, name: str) -> str:
    return sheet.swatch(sheet.class_colour(name)) + text(sheet.words.called(name))


# ------------------------------------------------------------------------ tables


def by_method(sheet: Sheet, comparison: Comparison) -> str:
    """Net removal, cost and land of each method side by side."""
    keys = [key for key in METHOD_HEADS if f"{key}_a" in comparison.methods.columns]
    columns = [sheet.head("column.method", kind="text")]
    for key in keys:
        columns += [sheet.head(*METHOD_HEADS[key]), sheet.head("compare.change")]
    rows = []
    for row in records(comparison.methods):
        cells = [sheet.method(str(row["method"]))]
        for key in keys:
            a, b = (float(row[f"{key}_{end}"]) for end in "ab")
            cells += [f"{shown(a)} → {shown(b)}", delta(row[f"{key}_change"], a, b)]
        rows.append(cells)
    body = table(sheet.say("compare.methods.caption"), columns, rows)
    return section("methods", sheet.say("compare.by_method"), body)


def binding(sheet: Sheet, comparison: Comparison) -> str:
    """Supplies and rules that bind in either run."""
    title = sheet.say("compare.binds")
    listed = records(comparison.binding())
    if not listed:
        return section("pools", title, paragraph(sheet.say("compare.binds.none")))
    names = [tag("span", text(name), class_="unit") for name in comparison.names]
    columns = [
        sheet.head("compare.binds.pool", kind="text"),
        *((f"{sheet.say('pools.used')} {name}", "number") for name in names),
        *((f"{sheet.say('pools.price')} {name}", "number") for name in names),
    ]
    if comparison.goals is None:  # prices of two goals are not subtracted
        columns.append(sheet.head("compare.change"))
    rows = [_pool_row(sheet, row)[: len(columns)] for row in listed[:MAX_ROWS]]
    body = table(sheet.say("compare.binds.caption"), columns, rows)
    return section("pools", title, body, pools(sheet, comparison))


def _pool_name(sheet: Sheet, row: Row) -> str:
    return text(sheet.words.heading(pool_words(sheet.words, row)))


def pool_words(words: Words, row: Row, key: str = "compare.pool") -> str:
    """A supply or a rule and its zone, in words: ``water: Muye Basin``."""
    family = words.resource(str(row["family"]))
    return words(key, family=family, zone=words.zone(row["zone"])) if row["zone"] else family


def _pool_row(sheet: Sheet, row: Row) -> list[str]:
    badge = ""
    if row["was"] != row["is"]:
        badge = tag("b", sheet.say("compare.binds.now" if row["is"] else "compare.binds.then"),
                    class_="badge")  # fmt: skip
    zone = str(row["zone"])
    units = [str(row[f"price_unit_{end}"]) for end in "ab"]
    scales = [row_price(zone, unit, sheet.words) if unit else (1.0, "") for unit in units]
    prices = [
        scale[0] * float(row[f"price_{end}"]) for end, scale in zip("ab", scales, strict=True)
    ]
    name = f"{_pool_name(sheet, row)} {badge}"
    said = [shown(price) for price in prices]
    if units[0] and units[1] and units[0] != units[1]:  # two goals: a unit beside each price
        said = [
            price + tag("br") + tag("small", text(scale[1]))
            for price, scale in zip(said, scales, strict=True)
        ]
    else:
        name += tag("br") + tag("small", text(scales[0][1] or scales[1][1]))
    change = scales[1][0] * float(row["price_change"])
    return [name, *(text(percent(_share(row, end))) for end in "ab"), *said, delta(change, *prices)]


def _share(row: Row, end: str) -> float:
    supply = float(row[f"supply_{end}"])
    return float(row[f"use_{end}"]) / supply if supply > 0 else math.nan


def pools(sheet: Sheet, comparison: Comparison) -> str:
    """Use of all supplies and rules, folded away."""
    listed = records(comparison.pools)
    if not listed or "use_a" not in comparison.pools.columns:
        return ""
    columns = [(sheet.say("compare.binds.pool"), "text"), *side_by_side(sheet, comparison)]
    rows = []
    for row in listed[:MAX_ROWS]:
        most = max(abs(use) for end in "ab" if not math.isnan(use := float(row[f"use_{end}"])))
        size, unit = row_size(str(row["zone"]), str(row["unit"]), most)
        a, b, change = (float(row[f"use_{end}"]) / size for end in ("a", "b", "change"))
        name = _pool_name(sheet, row) + sheet.in_(unit)
        rows.append([name, shown(a), shown(b), delta(change, a, b)])
    said = sheet.say("compare.pools", n=number(len(listed)))
    return details(said, table(sheet.say("pools.use"), columns, rows), rows=len(rows))


def provinces(sheet: Sheet, comparison: Comparison) -> str:
    """Net removal of each administrative unit, and its change by method, largest changes first."""
    if not len(comparison.provinces) or "net_mt_yr_a" not in comparison.provinces.columns:
        return ""
    sums: dict[str, tuple[float, float]] = {}
    by_method: dict[tuple[str, str], tuple[float, float]] = {}
    for row in records(comparison.provinces):
        zone = str(row["zone"])
        pair = [float(row[f"net_mt_yr_{end}"]) for end in "ab"]
        known = [value if math.isfinite(value) else 0.0 for value in pair]
        before, after = sums.get(zone, (0.0, 0.0))
        sums[zone] = before + known[0], after + known[1]
        by_method[zone, str(row["method"])] = (known[0], known[1])
    methods = [
        name
        for name in dict.fromkeys(method for _, method in by_method)
        if any(change_of(*pair) for (_, method), pair in by_method.items() if method == name)
    ]
    order = sorted(sums, key=lambda zone: (-abs(sums[zone][1] - sums[zone][0]), zone))
    rows = []
    for zone in order[:MAX_ROWS]:
        a, b = sums[zone]
        name = sheet.say("province.none") if zone == "in none" else text(zone)
        own = (by_method.get((zone, method), (0.0, 0.0)) for method in methods)
        parts = [delta(after - before, before, after) for before, after in own]
        rows.append([name, shown(a), shown(b), delta(b - a, a, b), *parts])
    columns = [
        (sheet.say("province"), "text"),
        *side_by_side(sheet, comparison),
        *((sheet.method(method), "number") for method in methods),
    ]
    made = table(sheet.say("compare.provinces.caption"), columns, rows)
    return section("provinces", sheet.say("compare.provinces"), made)


def ranks(sheet: Sheet, comparison: Comparison) -> str:
    """How the ranking of sites changed."""
    if not len(comparison.ranks):
        return ""
    rows = [rank_cells(sheet, row) for row in records(comparison.ranks)]
    body = table(sheet.say("compare.ranks.caption"), rank_columns(sheet), rows)
    return section("sites", sheet.say("sites.title"), body, top_sites(sheet, comparison))


def top_sites(sheet: Sheet, comparison: Comparison) -> str:
    """Ranks before and now of the best sites, by method, of methods whose ranking changed."""
    parts = []
    for method in comparison.ranks["method"]:
        sites = comparison.sites
        own = sites[(sites["method"] == method) & sites["rank_b"].notna()]
        best = records(own.sort_values("rank_b", kind="stable").head(TOP))
        if all(row["site"] == "same" and row["rank_a"] == row["rank_b"] for row in best):
            continue
        columns = (
            sheet.head("sites.rank"),
            sheet.head("compare.was"),
            sheet.head("compare.moved", "km"),
            sheet.head("sites.place", kind="text"),
        )
        rows = [
            [
                shown(int(row["rank_b"])),
                sheet.say("compare.new") if row["site"] == "gained" else shown(int(row["rank_a"])),
                shown(MOVED.get(str(row["site"]), row["moved_km"])),
                place(sheet, {"lon": row["lon_b"], "lat": row["lat_b"]}),
            ]
            for row in best
        ]
        made = table(sheet.say("compare.top.caption"), columns, rows)
        parts.append(details(sheet.method(str(method)), made, rows=len(rows)))
    return tag("h3", sheet.say("compare.top")) + "".join(parts) if parts else ""


def files(sheet: Sheet, comparison: Comparison) -> str:
    """What lies beside the page."""
    listed = {"tables": "compare.files.tables", "comparison.json": "compare.files.json"}
    if comparison.maps is not None:
        listed["rasters"] = "compare.files.rasters"
    return file_list(sheet, listed)

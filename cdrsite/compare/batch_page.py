"""The page of a batch: all runs in one table, where their tonnes are, and what moves them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from cdrsite.compare.changes import records
from cdrsite.compare.effects import ABSENT
from cdrsite.compare.effects_page import effects_section, named
from cdrsite.compare.pictures import WINNER, land_maps, tonnes_maps
from cdrsite.compare.sheet import (
    METHOD_HEADS,
    Sheet,
    document,
    file_list,
    method_bar,
    plain_number,
    rank_cells,
    rank_columns,
    sheet_of,
    shown,
)
from cdrsite.compare.values import given_value
from cdrsite.core.bymethod import net_column
from cdrsite.core.errors import CdrsiteError
from cdrsite.core.numbers import number
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.report.frame import MAX_ROWS, SHORT, Row, details, paragraph, section, word
from cdrsite.report.html import table, tag, text
from cdrsite.report.page import REPORT

if TYPE_CHECKING:
    from cdrsite.compare.batch_result import BatchResult
    from cdrsite.core.words import Words

Runs = dict[str, RunFolder]

MAP_PIXELS = 300
"""Longest side of a small map [pixels]."""
MAX_MAPS = 60
"""More maps than this are not drawn: the page would be too large to open on a phone."""


def batch_page(folder: Path, batch: BatchResult, folders: Mapping[str, str], words: Words) -> str:
    """The whole page as text.

    Parameters
    ----------
    folder : Path
        Of the batch, where the page will stand.
    batch : BatchResult
        Tables of the batch.
    folders : mapping
        Run -> folder in the batch's folder; those that were not written have no map and no link.
    words : Words
        In its language.
    """
    rows = records(batch.table)
    runs = _runs(folder, rows, folders)
    sheet = sheet_of(list(runs.values()), words)
    failed = len(batch.failed)
    about = sheet.count("batch.about", failed) if failed else sheet.say("batch.about.none")
    title = "batch.title.one" if len(rows) == 1 else "batch.title.many"
    head = (
        tag("p", sheet.say("batch.kind"), class_="kicker"),
        tag("h1", sheet.count("batch.title", len(rows))),
        tag("p", about, class_="muted"),
        shared(sheet, batch),
    )
    sections = (
        ("answer", "batch.answer", answer(sheet, batch, folder, folders)),
        ("maps", "where.title", maps(sheet, runs)),
        ("effects", "effects.title", effects_section(sheet, batch)),
        ("varies", "batch.varies", varies(sheet, batch)),
        ("methods", "compare.by_method", by_method(sheet, batch)),
        ("sites", "batch.ranks", ranks(sheet, batch, rows)),
        ("failures", "batch.failures", failures(sheet, batch.failed)),
        ("files", "compare.files", file_list(sheet, FILES)),
    )
    return document(sheet, words(title, n=number(len(rows))), head, sections)


def shared(sheet: Sheet, batch: BatchResult) -> str:
    """Which stages were taken from earlier runs, and how often."""
    words, n = sheet.words, number(batch.finished)
    parts = [
        words("batch.shared.one", stage=words(f"batch.shared.{stage}"), times=number(times), n=n)
        for stage, times in batch.shared.items()
        if times
    ]
    stages = words("list.comma").join(parts)
    return tag("p", text(words("batch.shared", stages=stages)), class_="muted") if parts else ""


def _runs(folder: Path, rows: list[Row], folders: Mapping[str, str]) -> Runs:
    """Runs that were finished and written."""
    runs = {}
    for name in (str(row["run"]) for row in rows if row["status"] != "failed"):
        if name in folders:
            with suppress(CdrsiteError):  # not written: its numbers are in the table all the same
                runs[name] = RunFolder(folder / folders[name])
    return runs


# -------------------------------------------------------------------- the answer


def answer(sheet: Sheet, batch: BatchResult, folder: Path, folders: Mapping[str, str]) -> str:
    """All runs in one table, with a bar of their methods."""
    rows, methods = records(batch.table), batch.method_names
    parts = [[(m, _known(row.get(net_column(m)))) for m in methods] for row in rows]
    most = max((math.fsum(v for _, v in own if v > 0) for own in parts), default=0.0)
    cells = [
        _row(sheet, row, method_bar(sheet, str(row["run"]), own, most), folder, folders)
        for row, own in zip(rows, parts, strict=True)
    ]
    columns = (
        sheet.head("batch.run", kind="text"),
        (tag("span", sheet.say("compare.by_method"), class_="stacks"), "text"),
        *(sheet.head(*head) for head in METHOD_HEADS.values()),
        sheet.head("batch.binds", kind="text"),
    )
    legend = sheet.legend(methods)
    body = table(sheet.say("batch.caption"), columns, cells)
    return section("answer", sheet.say("batch.answer"), lead(sheet, rows), body, legend)


def _known(value: object) -> float:
    size = float(value) if isinstance(value, int | float) else math.nan
    return size if math.isfinite(size) else 0.0


def lead(sheet: Sheet, rows: list[Row]) -> str:
    """The range of the answers in one sentence."""
    numbers = ((row.get("net_mt_yr"), str(row["run"])) for row in rows)
    known = [(n, run) for n, run in numbers if isinstance(n, int | float) and math.isfinite(n)]
    if not known:
        return ""
    (low, first), (high, last) = (end(known, key=itemgetter(0)) for end in (min, max))
    values = {"low": plain_number(low), "first": first, "high": plain_number(high), "last": last}
    key = "batch.lead.one" if len(known) == 1 else "batch.lead"
    return paragraph(text(sheet.words(key, **values)), kind="lead")


def _row(
    sheet: Sheet, row: Row, bar: str, folder: Path, folders: Mapping[str, str]
) -> list[str]:  # fmt: skip
    name = str(row["run"])
    failed = row["status"] == "failed"
    shown_name = name_link(name, folder, folders) if not failed else text(name)
    if failed:
        shown_name += " " + tag("b", sheet.say("batch.failed"), class_="badge")
    elif row["status"] != "optimal":
        shown_name += " " + tag("b", sheet.say("batch.open"), class_="badge")
    numbers = [shown(row.get(key)) for key in METHOD_HEADS]
    binds = sheet.words("list.comma").join(
        counted(sheet.words, part) for part in word(row.get("binding")).split("; ") if part
    )
    return [shown_name, "" if failed else bar, *numbers, text(binds)]


def counted(words: Words, part: str) -> str:
    """``water (6)`` in the language; a rule's own name stays."""
    name, bracket, count = part.rpartition(" (")
    return f"{words.resource(name)}{bracket}{count}" if bracket else part


def name_link(name: str, folder: Path, folders: Mapping[str, str]) -> str:
    """Name of a run that leads to its report, or to its folder where it has none."""
    place = folders.get(name)
    if place is None or not (folder / place).is_dir():
        return text(name)
    target = f"{place}/{REPORT}" if (folder / place / REPORT).is_file() else f"{place}/"
    return tag("a", text(name), href=quote(target))


def by_method(sheet: Sheet, batch: BatchResult) -> str:
    """Net removal of each method in each run."""
    rows, methods = records(batch.table), batch.method_names
    finished = [row for row in rows if row["status"] != "failed"]
    if not methods or not finished:
        return ""
    heads = ((sheet.method(m), "number") for m in methods)
    columns = [sheet.head("batch.run", kind="text"), *heads, sheet.head("total")]
    cells = [
        [
            text(row["run"]),
            *(shown(row.get(net_column(m))) for m in methods),
            shown(row["net_mt_yr"]),
        ]
        for row in finished[:MAX_ROWS]
    ]
    body = table(sheet.say("batch.methods"), columns, cells)
    more = sheet.left_out(len(finished), "batch.csv")
    return section("methods", sheet.say("compare.by_method"), body, more)


# ------------------------------------------------------------------------- maps


def maps(sheet: Sheet, runs: Runs) -> str:
    """Where the tonnes of each run are; folded away, which method uses which land."""
    drawn = {name: run for name, run in runs.items() if WINNER in run.rasters}
    if not drawn:
        return ""
    first = dict(islice(drawn.items(), MAX_MAPS))
    tonnes = tonnes_maps(sheet, first, MAP_PIXELS)
    more = len(drawn) - len(first)
    return section(
        "maps",
        sheet.say("where.title"),
        paragraph(sheet.say("where.intro")),
        tag("div", *tonnes, class_="maps"),
        paragraph(sheet.count("batch.maps.more", more), kind="note") if more else "",
        land(sheet, first),
    )


def land(sheet: Sheet, runs: Runs) -> str:
    """Which method uses which land in each run, folded away: its colours show area."""

    def captioned(name: str, classes: str) -> tuple[str, str]:
        return tag("b", text(name)), sheet.words("uses.alt", run=name, classes=classes)

    figures, legend = land_maps(sheet, runs, MAP_PIXELS, captioned)
    pictures = tag("div", *figures, class_="maps")
    intro = paragraph(sheet.say("uses.intro"))
    return details(sheet.say("uses.title"), intro, pictures, legend, rows=SHORT + 1)


# ----------------------------------------------------------------- what differs


def varies(sheet: Sheet, batch: BatchResult) -> str:
    """Assumptions that are not the same in all runs; the longer way down."""
    listed = records(batch.varies) if batch.varies is not None else []
    title = sheet.say("batch.varies")
    if not listed:
        return section("varies", title, paragraph(sheet.say("batch.varies.none")))
    keys = list(dict.fromkeys(str(row["assumption"]) for row in listed))
    names = list(dict.fromkeys(str(row["run"]) for row in listed))
    values = {(str(row["assumption"]), str(row["run"])): str(row["value"]) for row in listed}
    down, across, first = (names, keys, "batch.run")
    if len(keys) > len(names):
        down, across, first = (keys, names, "compare.assumption")

    def value(row: str, column: str) -> str:
        assumption, run = (column, row) if down is names else (row, column)
        said = values.get((assumption, run), "")
        if said != ABSENT:
            said = given_value(sheet.words, assumption, said)
        return tag("span", text(said), class_="long")

    key = tag("span", sheet.say(first))

    def called(name: str) -> str:
        return named(sheet, name) if name in keys else text(name)

    columns = [(key, "text"), *((called(name), "text") for name in across)]
    cells = [[called(row), *(value(row, column) for column in across)] for row in down[:MAX_ROWS]]
    body = table(sheet.say("batch.varies.caption"), columns, cells)
    more = sheet.left_out(len(down), "batch_assumptions.csv")
    return section("varies", title, body, more)


def ranks(sheet: Sheet, batch: BatchResult, rows: list[Row]) -> str:
    """How the ranking of sites differs from that of the first finished run."""
    listed = records(batch.ranks) if batch.ranks is not None else []
    if not listed:
        return ""
    first = next(str(row["run"]) for row in rows if row["status"] != "failed")
    columns = [sheet.head("batch.run", kind="text"), *rank_columns(sheet)]
    cells = [[text(row["run"]), *rank_cells(sheet, row)] for row in listed[:MAX_ROWS]]
    body = table(sheet.say("batch.ranks.caption", run=text(first)), columns, cells)
    more = sheet.left_out(len(listed), "batch_ranks.csv")
    return section("sites", sheet.say("batch.ranks"), body, more)


def failures(sheet: Sheet, failed: Mapping[str, str]) -> str:
    """What each failed run said."""
    items = (
        tag("div", tag("b", text(name)), tag("pre", text(why)), class_="fail")
        for name, why in failed.items()
    )
    return section("failures", sheet.say("batch.failures"), *items)


FILES = {
    "batch.csv": "batch.files.table",
    "batch_methods.csv": "batch.files.methods",
    "batch_assumptions.csv": "batch.files.varies",
    "batch_effects.csv": "batch.files.effects",
    "batch_ranks.csv": "batch.files.ranks",
    "batch.json": "batch.files.json",
}
"""What lies beside the page -> key of what is in it."""

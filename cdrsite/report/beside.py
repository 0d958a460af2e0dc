"""What lies beside the page in the run's folder: links, with the size of each file."""

from __future__ import annotations

from pathlib import Path

from cdrsite.outputs.assumptions import ASSUMPTIONS
from cdrsite.outputs.geopackage import LAYER_STYLES
from cdrsite.outputs.listing import MARK
from cdrsite.outputs.qgis import PROJECT
from cdrsite.outputs.runfolder import GEOPACKAGE, STORE, SUMMARY
from cdrsite.report.frame import Frame, details, paragraph
from cdrsite.report.html import table, tag, text

ALONE = (
    (PROJECT, "files.qgs"),
    (GEOPACKAGE, "files.gpkg"),
    (SUMMARY, "files.summary"),
    (ASSUMPTIONS, "files.assumptions"),
    (MARK, "files.manifest"),
)
"""Files of a run, and words for what they are."""
README = "rasters/README.txt"
KINDS = ("csv", "parquet")
FOLDERS = (
    (f"{LAYER_STYLES}/", "files.styles"),
    (STORE, "files.zarr"),
)
"""Folders of a run that no page can offer as one file."""


def files(frame: Frame) -> str:
    """What lies beside the page: files by themselves, then all tables and all rasters."""
    items = []
    for name, key in ALONE:
        if (frame.run.path / name).is_file():
            items += [tag("dt", frame.file(name)), tag("dd", frame.say(key) + _size(frame, name))]
    for name, key in FOLDERS:
        if (frame.run.path / name).is_dir():
            items += [tag("dt", tag("code", name)), tag("dd", frame.say(key))]
    intro = paragraph(frame.say("files.here" if frame.beside else "files.there"))
    listed = tag("dl", *items, class_="list")
    return tag("h3", frame.say("files.title")) + intro + listed + _tables(frame) + _rasters(frame)


def _tables(frame: Frame) -> str:
    """All tables, as CSV and as Parquet."""
    rows = [
        [tag("code", text(name)), *(_sized(frame, f"tables/{name}.{kind}") for kind in KINDS)]
        for name in frame.run.tables
    ]
    if not rows:
        return ""
    heads = [(frame.say("files.table"), "text"), ("CSV", "text"), ("Parquet", "text")]
    counted = frame.count("files.tables", len(rows))
    return details(counted, table(counted, heads, rows, headed=True), rows=len(rows))


def _rasters(frame: Frame) -> str:
    """All rasters, and the text that explains them."""
    rows = [[_sized(frame, f"rasters/{name}.tif")] for name in frame.run.rasters]
    if not rows:
        return ""
    counted = frame.count("files.rasters", len(rows))
    note = ""
    if (frame.run.path / README).is_file():
        note = paragraph(frame.say("files.readme", file=frame.file(README)), kind="note")
    body = table(counted, [(frame.say("layers.file"), "text")], rows, headed=True)
    return details(counted, note, body, rows=len(rows))


def _sized(frame: Frame, name: str) -> str:
    """A file with its size; a dash where the run has none such."""
    if not (frame.run.path / name).is_file():
        return "–"
    return frame.file(name, Path(name).name) + _size(frame, name)


def _size(frame: Frame, name: str) -> str:
    """Size of a file; that of the manifest, which holds times, would differ from run to run."""
    if name == MARK:
        return ""
    size = (frame.run.path / name).stat().st_size
    shown, unit = (size / 1e6, "MB") if size >= 1e6 else (size / 1e3, "kB")
    return " " + tag("span", f"{frame.words.number(shown)} {frame.unit(unit)}", class_="unit")

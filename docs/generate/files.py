"""The page of the files of a run, from a run of the demo on a coarse grid."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

import cdrsite
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.core.words import Words
from cdrsite.outputs.columns import FIELDS, column_name
from generate import DOCS
from generate.markdown import block, code, page, table, text

WORDS = Words("en")
COARSE = ("grid.resolution=8 km", "network.gap=0.9")

INTRO = """
# Files of a run

This page is made from a run of `config/demo.yaml` on a coarse grid, so it lists what a run really
leaves. The folder appears whole or not at all: a report, a style or a project that cannot be
written is a warning, and the rest is there. Paths in it start at the data folder, so the folder
can be handed on. A text in a CSV file that a spreadsheet would run as a formula has an apostrophe
in front; the Parquet files never do.

A run may be written over an earlier one. It replaces only files that the earlier one wrote, as its
manifest lists them; notes, scenarios and data that lie in the folder stay. Where files were
changed since, or the folder is something else, the run says so before it computes, and so does the
second of two that want one folder.
"""

RASTERS = """
Cloud Optimised GeoTIFFs of one band each, with unit, nodata, description, statistics, overviews
and, for classes, names and colours. Two styles lie beside each: `.qml` for QGIS, which finds it by
itself, and `.sld` with the same classes, colours and words for GeoServer and other GIS. With
{confval}`outputs.every_route` there are maps for each rank of a route
(`ranked_transport_cost_1.tif`, `ranked_transport_km_1.tif`, `ranked_storage_1.tif`; dimension
`rank` of the dataset) and `line_cost.tif`. `rasters/README.txt`
of this run:
"""

ABOUT = {
    "report.html": "the page of the run, which works offline",
    "tables/": "tables, as CSV for people and Parquet for programs",
    "cdrsite.qgs": "files.qgs",
    "cdrsite.gpkg": "files.gpkg",
    "styles/": "files.styles",
    "rasters/": "maps as GeoTIFF, one per variable and method",
    "result.zarr/": "files.zarr",
    "summary.json": "files.summary",
    "assumptions.json": "files.assumptions",
    "manifest.json": "files.manifest",
}
"""Entry of a run's folder -> its words, by key where the report has them."""

FURTHER = {
    "milestones": {
        "pathway": "each target and budget by milestone: asked for, reached, missed, its price",
        "build_out": "each method at each milestone: what is built, what stands, flow and stock",
        "pools_by_year": "supply, use and price of every pool, rule and storage unit by year",
        "storage_filling": "how each storage unit fills",
    },
    "standing": {
        "standing": "each plant that stands already, by milestone: what it takes and gives"
    },
    "emitters": {
        "emitters": "who else captures CO2: how much, when and where to",
        "displaced": "what a tonne of fossil capture takes from removal at each storage unit",
    },
    "network.emitters": {
        "network_emitters": "who brings CO2 of other kinds to the pipes, and how much",
    },
    "uncertainty": {
        "samples": "one row for each sample: its numbers and what its best plan comes to",
        "totals_uncertain": "ranges of the tonnes of each method",
        "provinces_uncertain": "ranges of the tonnes of each province",
        "sites_uncertain": "in how many samples each of the best sites stays",
        "deciding": "which number makes how much of the spread",
        "decisions": "what kept plans are worth in all samples",
        "information": "what it is worth to know a number before it is decided",
        "robust": "what one plan for all samples builds, by province and method",
    },
    "screening": {
        "screening": "points of methods of the open sea, ranked; no tonnes follow from them",
        "screening_criteria": "what each criterion gives each point",
    },
}
"""Key of a scenario -> tables that a run has with it, and the demo's has not."""


@cache
def demo_run() -> Path:
    """The folder of a finished run of the demo; it lives as long as the process."""
    place = tempfile.TemporaryDirectory(prefix="cdrsite-manual-")
    _KEPT.append(place)
    scenario = cdrsite.load_scenario(DOCS.parent / "config" / "demo.yaml", COARSE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)  # they are about the synthetic data
        return cdrsite.run(scenario).write(Path(place.name) / "run")


_KEPT: list[Any] = []


def pages() -> dict[str, str]:
    """Name of a page -> its text."""
    folder = demo_run()
    return {
        "files": page(
            INTRO,
            _entries(folder),
            "## Rasters",
            RASTERS,
            block("text", (folder / "rasters" / "README.txt").read_text(encoding="utf-8")),
            "## Tables",
            "Each table is there as CSV (UTF-8) for people and as Parquet for programs.",
            *_tables(folder),
            "### Tables of further keys",
            "A run has these with the key beside them, and the demo has not:",
            _further(),
            "## Layers of cdrsite.gpkg",
            *_layers(folder / "cdrsite.gpkg"),
            "## result.zarr",
            "The labelled dataset (Zarr format 2, CF conventions), with dimensions and variables:",
            block("text", _dataset(folder)),
            "What the variables mean stands in the [glossary](glossary.md).",
            "## summary.json",
            _keys(folder / "summary.json"),
            "## manifest.json",
            _keys(folder / "manifest.json"),
        )
    }


def _entries(folder: Path) -> str:
    """What lies in the folder itself."""
    names = sorted(f"{path.name}{'/' if path.is_dir() else ''}" for path in folder.iterdir())
    rows = [(code(name), text(WORDS(ABOUT.get(name, "")))) for name in names]
    return table(("In the folder", "What it is"), rows)


def _column(name: str) -> str:
    """What a column holds, where the program has words for it."""
    if name not in FIELDS:
        return ""
    (unit, meaning), title = FIELDS[name], column_name(name, WORDS)
    return text(title + (f" [{unit}]" if unit else "") + (f": {meaning}" if meaning else ""))


def _tables(folder: Path) -> Iterator[str]:
    """Every table with its columns and one of its rows."""
    for path in sorted((folder / "tables").glob("*.parquet")):
        frame = pd.read_parquet(path)
        first = frame.iloc[0].to_dict() if len(frame) else {}
        rows = [(code(name), _column(name), _example(first.get(name))) for name in frame.columns]
        yield f"### {code(path.stem)}"
        yield table(("Column", "What it is", "For example"), rows)


def _further() -> str:
    """Tables of studies that ask for more than the demo."""
    rows = [
        (code(name), code(key), text(about))
        for key, tables in FURTHER.items()
        for name, about in tables.items()
    ]
    return table(("Table", "With the key", "What it has"), rows)


def _example(value: Any) -> str:
    if pd.isna(value):
        return ""
    shown = f"{value:.6g}" if isinstance(value, float) else str(value)
    return code(shown if len(shown) <= 48 else f"{shown[:45]}...") if shown else ""


def _layers(path: Path) -> Iterator[str]:
    """Layers of the GeoPackage with the names and meanings of their columns, as it carries them."""
    with sqlite3.connect(path) as base:
        query = (
            "select table_name, description from gpkg_contents where data_type = 'features' "
            "order by 1"
        )
        for name, about in base.execute(query).fetchall():
            known = (
                "select column_name, title, description from gpkg_data_columns where table_name = ?"
            )
            rows = [
                (code(c), text(t or ""), text(d or "")) for c, t, d in base.execute(known, (name,))
            ]
            yield f"### {code(name)}"
            yield text(about or "")
            if rows:
                yield table(("Column", "Name", "Meaning"), rows)


def _dataset(folder: Path) -> str:
    import xarray as xr

    with xr.open_zarr(folder / "result.zarr", consolidated=None) as found:
        lines = [f"dimensions: {', '.join(f'{k} ({v})' for k, v in found.sizes.items())}", ""]
        for name, values in found.data_vars.items():
            unit = values.attrs.get("units")
            lines.append(
                f"{name}({', '.join(map(str, values.dims))}) {values.dtype}"
                + (f" [{unit}]" if unit else "")
            )
    return "\n".join(lines)


def _keys(path: Path) -> str:
    """Keys of a JSON document."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return "Keys: " + ", ".join(map(code, document)) + "."

"""A QGIS project that opens a whole run: grouped, styled, with relative paths.

Written as XML, so no QGIS is needed to write it; QGIS 3.22 and later read it. One module: tree,
themes and layers of a project name one another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from pyproj import CRS

from cdrsite.core.grid import authority_code
from cdrsite.core.secrets import hidden
from cdrsite.core.words import Words
from cdrsite.outputs.qgis_layers import (
    ANSWER,
    OF_METHOD,
    YEARS,
    Entry,
    grouped,
    licence_in_words,
    raster_entries,
    unique_key,
    vector_entries,
)
from cdrsite.outputs.qgis_layout import Page, add_layout
from cdrsite.outputs.qml import codes_of
from cdrsite.outputs.tips import tip_html
from cdrsite.outputs.tonnes import LAYER

if TYPE_CHECKING:
    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.outputs.rasters.raster import RasterSpec
    from cdrsite.outputs.vectors import VectorLayer

PROJECT = "cdrsite.qgs"
VERSION = "3.22.0"

QUESTIONS: dict[str, tuple[str, ...]] = {
    "where": (
        "region", "tonnes", "emitters", "standing", "network_emitters", "pipes", "storage",
    ),
    "land": ("region", "winner"),
    "cells": ("region", "net_removal", "state"),
    "cost": ("region", "plan_cost", "state"),
    "stops": ("region", "binding"),
    "not": ("region", "exclusion_reasons"),
}  # fmt: skip
"""Question of a map theme (words ``qgis.theme.QUESTION``) -> its layers, from top to bottom. Where
the tonnes are is told by circles on plain ground: colours of land tell area."""
SUBJECTS = frozenset({"tonnes"})
"""Layers of shapes that answer a question without a map of cells below them."""
IN_PLAN = "in the plan"
"""State whose cells lie below the numbers of a map."""


def write_project(
    folder: Path,
    title: str,
    grid: AnalysisGrid,
    rasters: Sequence[RasterSpec],
    raster_styles: Mapping[str, str],
    layers: Sequence[VectorLayer],
    words: Words | None = None,
    inputs: Sequence[Entry] = (),
) -> Path:
    """Write the project of a run.

    Parameters
    ----------
    folder : Path
        Of the run, with ``rasters/`` and ``cdrsite.gpkg``.
    title : str
        Of the study.
    grid : AnalysisGrid
        Gives the project's coordinate system and extent.
    rasters : sequence of RasterSpec
        What ``rasters/`` holds.
    raster_styles : mapping
        Name of a raster -> its QML.
    layers : sequence of VectorLayer
        What the GeoPackage holds.
    words : Words, optional
        Of the language; English when not given.
    inputs : sequence of Entry
        Files that the run read; see :func:`cdrsite.outputs.qgis_inputs.input_entries`.

    Returns
    -------
    Path
        The project.
    """
    words = words or Words()
    codes = {
        spec.name: codes_of(folder / "rasters" / f"{spec.name}.tif")
        for spec in rasters
        if spec.kind == "class"
    }
    drawn = raster_entries(rasters, raster_styles, words, codes)
    entries = [*vector_entries(layers, words), *drawn, *inputs]
    path = folder / PROJECT
    tags = rasters[0].tags if rasters else {}
    text = hidden(project_xml(title, grid, entries, words, tags))
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def project_xml(
    title: str,
    grid: AnalysisGrid,
    entries: Sequence[Entry],
    words: Words | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """The project as text.

    Parameters
    ----------
    title : str
        Of the project.
    grid : AnalysisGrid
        As for :func:`write_project`.
    entries : sequence of Entry
        Layers.
    words : Words, optional
        Of the language; English when not given.
    tags : mapping, optional
        What every raster says of itself: program, money's year, licences.
    """
    words, tags = words or Words(), tags or {}
    root = ET.Element("qgis", projectname=_clean(title), version=VERSION)
    ET.SubElement(root, "title").text = _clean(title)
    _add_crs(ET.SubElement(root, "projectCrs"), grid)
    _add_tree(root, entries, words)
    canvas = ET.SubElement(root, "mapcanvas", name="theMapCanvas", annotationsVisible="1")
    ET.SubElement(canvas, "units").text = "degrees" if grid.is_geographic else "meters"
    edges = (repr(float(edge)) for edge in grid.bounds)
    bounds = dict(zip(("xmin", "ymin", "xmax", "ymax"), edges, strict=True))
    extent = ET.SubElement(canvas, "extent")
    for name, value in bounds.items():
        ET.SubElement(extent, name).text = value
    ET.SubElement(canvas, "rotation").text = "0"
    _add_crs(ET.SubElement(canvas, "destinationsrs"), grid)
    layers = ET.SubElement(root, "projectlayers")
    for entry in entries:
        _add_layer(layers, entry, grid)
    order = ET.SubElement(root, "layerorder")
    for members in grouped(entries).values():
        for entry in members:
            ET.SubElement(order, "layer", id=entry.key)
    themes = _add_themes(root, entries, words)
    _add_page(root, title, grid, words, tags, themes)
    _add_metadata(ET.SubElement(root, "projectMetadata"), title, _sources(words, tags), "")
    properties = ET.SubElement(root, "properties")
    paths = ET.SubElement(properties, "Paths")
    ET.SubElement(paths, "Absolute", type="bool").text = "false"
    system = ET.SubElement(properties, "SpatialRefSys")
    # without it QGIS takes the project for one without a coordinate system
    ET.SubElement(system, "ProjectionsEnabled", type="int").text = "1"
    # lengths and areas that a person measures are those on the ellipsoid
    measure = ET.SubElement(properties, "Measure")
    ET.SubElement(measure, "Ellipsoid", type="QString").text = _ellipsoid(grid)
    _add_time(root, entries)
    settings = ET.SubElement(root, "ProjectViewSettings", UseProjectScales="0")
    _add_crs(ET.SubElement(settings, "DefaultViewExtent", bounds), grid)
    ET.indent(root, " ")
    head = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
    return head + ET.tostring(root, encoding="unicode") + "\n"


def _add_time(root: ET.Element, entries: Sequence[Entry]) -> None:
    """What the temporal controller plays: all milestones, in steps of the years between two."""
    spans = [entry.years for entry in entries if entry.years is not None]
    if not spans:
        return
    steps = {"timeStep": str(min(end - start for start, end in spans)), "timeStepUnit": "y"}
    steps |= {"frameRate": "1", "cumulativeTemporalRange": "0"}
    _add_range(
        ET.SubElement(root, "ProjectTimeSettings", steps), "TemporalRange",
        (min(start for start, _ in spans), max(end for _, end in spans)),
    )  # fmt: skip


def _add_range(parent: ET.Element, name: str, years: tuple[int, int]) -> None:
    """From the first day of one year to the last second before another."""
    span = ET.SubElement(parent, name)
    ET.SubElement(span, "start").text = f"{years[0]:04d}-01-01T00:00:00Z"
    ET.SubElement(span, "end").text = f"{years[1] - 1:04d}-12-31T23:59:59Z"


def _clean(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", " ", text)


def _add_crs(parent: ET.Element, grid: AnalysisGrid, wkt: str = "") -> None:
    """The coordinate system of the grid, or of another text."""
    crs = CRS.from_user_input(wkt) if wkt else grid.crs
    srs = ET.SubElement(parent, "spatialrefsys", nativeFormat="Wkt")
    ET.SubElement(srs, "wkt").text = wkt or grid.wkt
    ET.SubElement(srs, "authid").text = authority_code(wkt or grid.wkt)
    ET.SubElement(srs, "description").text = crs.name
    ET.SubElement(srs, "geographicflag").text = "true" if crs.is_geographic else "false"


def _add_tree(root: ET.Element, entries: Sequence[Entry], words: Words) -> None:
    tree = ET.SubElement(root, "layer-tree-group")
    circles = any(entry.key == unique_key("gpkg", LAYER) for entry in entries)
    for group, members in grouped(entries).items():
        # what these hold would lie below the circles of tonnes, in the colours of methods
        off = group.startswith(OF_METHOD) or group == YEARS or (group == ANSWER and circles)
        any_shown = any(entry.shown for entry in members) and not off
        branch = ET.SubElement(
            tree,
            "layer-tree-group",
            name=_clean(_group_name(group, words)),
            # a group that is on shows nothing but its layers that are on
            checked="Qt::Unchecked" if off else "Qt::Checked",
            expanded="1" if any_shown else "0",
        )
        for entry in members:
            branch.append(_leaf(entry, shown=entry.shown))


def _leaf(entry: Entry, *, shown: bool, without: str = "") -> ET.Element:
    """A layer in a legend, which may leave out a line."""
    leaf = ET.Element(
        "layer-tree-layer",
        {"id": entry.key, "name": _clean(entry.title), "source": entry.source},
        providerKey=entry.provider,
        checked="Qt::Checked" if shown else "Qt::Unchecked",
        expanded="1" if shown else "0",
    )
    if entry.geometry is None:
        _tidy_legend(leaf, entry, without)
    return leaf


def _group_name(group: str, words: Words) -> str:
    """A group in the language of the project."""
    if group.startswith(OF_METHOD):
        return words("qgis.method", name=group.removeprefix(OF_METHOD))
    return words.named("qgis.group", group)


def _ellipsoid(grid: AnalysisGrid) -> str:
    """The grid's ellipsoid as QGIS names it."""
    body = grid.crs.get_geod()
    if body is None:
        return "NONE"
    known = {298.257223563: "EPSG:7030", 298.257222101: "EPSG:7019"}  # WGS 84, GRS 1980
    named = known.get(round(1 / body.f, 9)) if body.f and body.a == 6378137.0 else None
    return named or f"PARAMETER:{body.a!r}:{body.b!r}"


def _add_themes(root: ET.Element, entries: Sequence[Entry], words: Words) -> dict[str, list[Entry]]:
    """A theme for every question, and for every map of a plan or of a method over its states.

    Returns
    -------
    dict
        Theme of a question -> its layers, from top to bottom.
    """
    themes = ET.SubElement(root, "visibility-presets")
    groups = {e.key: _group_name(name, words) for name, es in grouped(entries).items() for e in es}
    named = {entry.key: entry for entry in entries}
    asked: dict[str, list[Entry]] = {}
    for question, layers in QUESTIONS.items():
        keys = (
            key for name in layers for key in (unique_key("gpkg", name), unique_key("raster", name))
        )
        shown = [named[key] for key in keys if key in named]
        answers = {unique_key("gpkg", name) for name in SUBJECTS}
        if any(entry.geometry is None or entry.key in answers for entry in shown):
            asked[words(f"qgis.theme.{question}")] = shown
    for members in grouped(entries).values():
        states = [entry for entry in members if entry.is_state]
        maps = [
            entry
            for entry in members
            if entry.geometry is None and not (entry.is_state or entry.is_mask)
        ]
        masks = [entry for entry in members if entry.is_mask]
        for entry in maps if states else ():
            below_or_above = (*masks, entry) if entry.needs_mask and masks else (entry, *states)
            _add_theme(themes, entry.title, below_or_above, groups)
    for name, shown in asked.items():
        _add_theme(themes, name, shown, groups)
    return asked


def _add_theme(
    themes: ET.Element, name: str, shown: Sequence[Entry], groups: Mapping[str, str]
) -> None:
    about = {"name": _clean(name), "has-expanded-info": "0", "has-checked-group-info": "1"}
    theme = ET.SubElement(themes, "visibility-preset", about)
    for entry in shown:
        ET.SubElement(theme, "layer", id=entry.key, style="default", visible="1")
    checked = ET.SubElement(theme, "checked-group-nodes")
    for group in dict.fromkeys(groups[entry.key] for entry in shown):
        ET.SubElement(checked, "checked-group-node", id=_clean(group))


def _add_page(
    root: ET.Element,
    title: str,
    grid: AnalysisGrid,
    words: Words,
    tags: Mapping[str, str],
    themes: Mapping[str, Sequence[Entry]],
) -> None:
    """A page to print for every question that the run can answer."""
    for theme, shown in themes.items():
        page = Page(
            name=_clean(words("qgis.page", theme=theme)),
            title=_clean(f"{title}: {theme}"),
            sources=_clean(_sources(words, tags)),
            theme=_clean(theme),
            legend=[_printed(entry, words) for entry in shown],
        )
        add_layout(root, page, grid)


def _printed(entry: Entry, words: Words) -> ET.Element:
    """A layer in the legend of a page: no line for what lies below the numbers of its map."""
    leaf = _leaf(entry, shown=True, without=words.called(IN_PLAN) if entry.is_state else "")
    if entry.geometry is not None and entry.style.count("<rule ") == 1:  # its line is its title
        options = ET.SubElement(ET.SubElement(leaf, "customproperties"), "Option", type="Map")
        hidden_title = {"name": "legend/title-style", "type": "QString", "value": "hidden"}
        ET.SubElement(options, "Option", hidden_title)
    return leaf


def _sources(words: Words, tags: Mapping[str, str]) -> str:
    """Program, year of money, and licences of the inputs, in a sentence."""
    year = tags.get("money", "").rpartition(" ")[2]
    told = [
        tags.get("software", ""),
        words("qgis.money", year=year) if year else "",
        licence_in_words(tags, words),
        tags.get("input_licences", ""),
    ]
    return words("qgis.sources", what="; ".join(one for one in told if one))


def _add_metadata(parent: ET.Element, title: str, abstract: str, licence: str) -> None:
    """What QGIS shows as a layer's or a project's information."""
    ET.SubElement(parent, "title").text = _clean(title)
    ET.SubElement(parent, "abstract").text = _clean(abstract)
    if licence:
        ET.SubElement(parent, "license").text = _clean(licence)


def _tidy_legend(leaf: ET.Element, entry: Entry, without: str) -> None:
    """Show each class of a raster that occurs, once: the first line is the name of the band."""
    lines = re.findall(
        r'<(?:item|paletteEntry) [^>]*?value="([^"]*)"[^>]*? label="([^"]*)"', entry.style
    )
    kept: dict[str, int] = {}
    for i, (code, label) in enumerate(lines, 1):
        occurs = entry.codes is None or int(code) in entry.codes
        if occurs and unescape(label) != without:
            kept.setdefault(label, i)
    order = ",".join(str(i) for i in sorted(kept.values()))
    options = ET.SubElement(ET.SubElement(leaf, "customproperties"), "Option", type="Map")
    ET.SubElement(options, "Option", name="legend/node-order", type="QString", value=order)


def _add_layer(parent: ET.Element, entry: Entry, grid: AnalysisGrid) -> None:
    raster = entry.geometry is None
    layer = ET.SubElement(parent, "maplayer", type="raster" if raster else "vector")
    if entry.geometry is not None:
        layer.set("geometry", entry.geometry)
    ET.SubElement(layer, "id").text = entry.key
    ET.SubElement(layer, "datasource").text = entry.source
    ET.SubElement(layer, "layername").text = _clean(entry.title)
    ET.SubElement(layer, "abstract").text = _clean(entry.abstract)
    metadata = ET.SubElement(layer, "resourceMetadata")
    _add_metadata(metadata, entry.title, entry.abstract, entry.licence)
    if entry.geometry != "No geometry":
        _add_crs(ET.SubElement(layer, "srs"), grid, entry.wkt)
    encoding = {} if raster else {"encoding": "UTF-8"}
    ET.SubElement(layer, "provider", encoding).text = entry.provider
    if entry.years is not None:  # mode 0: shown in a fixed range of time
        kind = {"enabled": "1", "mode": "0", "fetchMode": "0"}
        _add_range(ET.SubElement(layer, "temporal", kind), "fixedRange", entry.years)
    if entry.style:
        style = ET.fromstring(entry.style)  # noqa: S314 - written by this program
        layer.set("labelsEnabled", style.get("labelsEnabled", "0"))
        layer.extend(list(style))
        if entry.geometry not in {None, "No geometry"}:
            ET.SubElement(layer, "mapTip").text = _clean(tip_html(entry.title, entry.tips))

"""A QGIS project that opens a whole run: grouped, styled, with relative paths.

Written as XML, so no QGIS is needed to write it; QGIS 3.22 and later read it. One module: tree,
themes and layers of a project name one another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from pyproj import CRS

from cdrsite.core.grid import authority_code
from cdrsite.core.secrets import hidden
from cdrsite.core.words import Words
from cdrsite.outputs.legend import INCLUDED_BIT
from cdrsite.outputs.qgis_layout import Page, add_layout
from cdrsite.outputs.qml import rule_qml
from cdrsite.outputs.styles import quoted
from cdrsite.outputs.tonnes import LAYER

if TYPE_CHECKING:
    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.outputs.rasters.raster import RasterSpec
    from cdrsite.outputs.vectors import VectorLayer

PROJECT = "cdrsite.qgs"
VERSION = "3.22.0"

NETWORK = "Sites and network"
POOLS = "Storage, pools and provinces"
ANSWER = "Answer: the plan"
SURE = "How sure: the samples"
YEARS = "Over the years: turn on, and play it with the temporal controller"
INPUTS = "Inputs to the decision"
EXCLUSIONS = "Exclusions"
FILES = "Input files, as they are"
OF_METHOD = "Method: "
"""Begin of the groups of the methods."""

SITE_LAYERS = (
    "region", "plants", "tonnes", "emitters", "standing", "network_emitters", "network_storage",
    "pipes",
    "sites", "routes", "corridors",
)  # fmt: skip
ANSWER_RASTERS = ("winner", "net_removal", "plan_cost", "binding", "interchangeable", "state")
SURE_RASTERS = (
    "winner_likely", "winner_share", "probability_any", "removal_p05", "removal_p50", "removal_p95",
    "plan_cost_p05", "plan_cost_p50", "plan_cost_p95",
)  # fmt: skip
OF_SAMPLES = ("reach", "probability")
"""Rasters of methods that stand with those of the samples."""
METHOD_ORDER = (
    "allocated", "equal_share", "cost", "limit", "score", "suitability", "net_factor", "available",
    "shortfall", "build_year", "allocated_at", "method_state",
)  # fmt: skip
SHOWN = frozenset({
    "region", "winner", "tonnes", "emitters", "standing", "network_emitters", "network_storage",
    "pipes", "storage",
})  # fmt: skip
"""Layers that are visible when the project opens."""
STATES = frozenset({"state", "method_state"})
"""Maps of states, last in their groups: they are on, so that whatever map is shown above them has
words for the cells where it has no number. The groups of the methods are off, else the states of
one would cover the maps of the next."""
PLAYED = frozenset({"winner_at"})
"""Maps of milestones that are on in their group, which is off until it is played."""
SHOWN_WITHOUT_PLANTS = frozenset({"sites", "routes"})

QUESTIONS: dict[str, tuple[str, ...]] = {
    "where": ("region", "tonnes", "pipes", "storage"),
    "land": ("region", "winner"),
    "cells": ("region", "net_removal", "state"),
    "cost": ("region", "plan_cost", "state"),
    "stops": ("region", "binding"),
    "not": ("region", "exclusion_reasons"),
}
"""Question of a map theme (words ``qgis.theme.QUESTION``) -> its layers, from top to bottom. Where
the tonnes are is told by circles on plain ground: colours of land tell area."""
SUBJECTS = frozenset({"tonnes"})
"""Layers of shapes that answer a question without a map of cells below them."""
SOURCES = ("software", "money", "licence", "input_licences")
"""Tags of a raster that the printed page tells."""
TIP_FIELDS = 12
"""Columns that a tip of the map tells."""


@dataclass(frozen=True)
class Entry:
    """A layer of the project.

    Attributes
    ----------
    key : str
        Unique among the layers, of letters, digits and underscores.
    title : str
        Name in the legend.
    group : str
        Where in the legend.
    source, provider : str
        As QGIS names them; paths are relative to the project.
    style : str
        QML; empty for tables.
    geometry : str or None
        'Point', 'Line', 'Polygon' or 'No geometry'; None for rasters.
    abstract : str
        What the layer is, in a sentence.
    shown : bool
        Visible when the project opens, if its group is.
    is_state : bool
        Whether it says why the maps above it have no number.
    licence : str
        Of what it shows; empty where nothing is known.
    years : tuple of (int, int), optional
        Milestone that it shows, and the year from which the next one is shown.
    wkt : str
        Its coordinate system, where that is not the grid's.
    """

    key: str
    title: str
    group: str
    source: str
    provider: str
    style: str
    geometry: str | None
    abstract: str
    shown: bool
    is_state: bool = False
    licence: str = ""
    years: tuple[int, int] | None = None
    wkt: str = ""


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
    drawn = _raster_entries(rasters, raster_styles, words)
    entries = [*_vector_entries(layers, words), *drawn, *inputs]
    path = folder / PROJECT
    tags = rasters[0].tags if rasters else {}
    text = hidden(project_xml(title, grid, entries, words, tags))
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def _vector_entries(layers: Sequence[VectorLayer], words: Words) -> Iterator[Entry]:
    names = {layer.name for layer in layers}
    shown = SHOWN if names & {"plants", "pipes"} else SHOWN | SHOWN_WITHOUT_PLANTS
    order = {name: i for i, name in enumerate(SITE_LAYERS)}
    for layer in sorted(layers, key=lambda layer: order.get(layer.name, len(order))):
        group = POOLS
        if layer.geometry is None:
            group = EXCLUSIONS
        elif layer.name == "site_samples":
            group = SURE
        elif layer.name in SITE_LAYERS or kind_of(layer.geometry) != "Polygon":
            group = NETWORK
        title = words.named("qgis.layer", layer.name)
        if layer.name.startswith("pools_"):
            pool = layer.name.removeprefix("pools_")
            title = words("qgis.pools", what=words.resource(pool))
        yield Entry(
            key=unique_key("gpkg", layer.name),
            title=words.heading(title.replace("_", " ")),
            group=group,
            source=f"./cdrsite.gpkg|layername={layer.name}",
            provider="ogr",
            style=layer.style(),
            geometry=kind_of(layer.geometry),
            abstract=layer.description,
            shown=layer.name in shown,
        )


def kind_of(geometry: str | None) -> str:
    """A geometry as QGIS names its kind."""
    if geometry is None:
        return "No geometry"
    kinds = {"Point": "Point", "LineString": "Line", "Polygon": "Polygon"}
    return kinds.get(geometry.removeprefix("Multi"), "Unknown geometry")


def _raster_entries(
    specs: Sequence[RasterSpec], styles: Mapping[str, str], words: Words
) -> Iterator[Entry]:
    known = (*ANSWER_RASTERS, *SURE_RASTERS, *OF_SAMPLES, *METHOD_ORDER)
    ranks = {name: i for i, name in enumerate(known)}
    ordered = sorted(
        specs, key=lambda spec: ranks.get(spec.tags.get("variable", spec.name), len(ranks))
    )
    until = _until(specs)
    for spec in ordered:
        year = spec.tags.get("milestone")
        method = spec.tags.get("method", "")
        about = spec.description.removeprefix(f"{method}: ") if method else spec.description
        variable = spec.tags.get("variable", spec.name)
        title = words.heading(
            words(f"map.layer.{variable}") if words.has(f"map.layer.{variable}") else about
        )
        if year is not None and words.has(f"map.layer.{variable}"):
            title = f"{title}: {year}"
        if method:
            named = words.method(method)
            group, title = f"{OF_METHOD}{named}", f"{title} ({named})"
            if spec.tags.get("variable") in OF_SAMPLES:
                group = SURE
        elif year is not None:
            group = YEARS
        elif spec.name in ANSWER_RASTERS:
            group = ANSWER
        elif spec.name in SURE_RASTERS:
            group = SURE
        else:
            group = EXCLUSIONS if spec.name == "exclusion_reasons" else INPUTS
        yield Entry(
            key=unique_key("raster", spec.name),
            title=title,
            group=group,
            source=f"./rasters/{spec.name}.tif",
            provider="gdal",
            style=styles.get(spec.name, ""),
            geometry=None,
            abstract=f"{spec.description}{f' [{spec.unit}]' if spec.unit else ''}",
            licence=spec.tags.get("licence", ""),
            shown=spec.name in SHOWN or spec.tags.get("variable") in {*STATES, *PLAYED},
            is_state=spec.tags.get("variable") in STATES,
            years=None if year is None else (int(year), until[int(year)]),
        )
        if spec.name == "exclusion_reasons":
            yield from _rule_entries(spec, words)


def _rule_entries(spec: RasterSpec, words: Words) -> Iterator[Entry]:
    """A layer for each exclusion rule: the cells that it hits, alone or with others."""
    for tag, name in spec.tags.items():
        bit = int(tag.removeprefix("BIT_")) if tag.startswith("BIT_") else INCLUDED_BIT
        style = rule_qml(spec, bit, words) if bit < INCLUDED_BIT else None
        if style is None:
            continue
        told = words("qgis.rule", rule=words.named("rule", name))
        yield Entry(
            key=unique_key("raster", f"{spec.name}_bit_{bit}"),
            title=words.heading(told),
            group=EXCLUSIONS,
            source=f"./rasters/{spec.name}.tif",
            provider="gdal",
            style=style,
            geometry=None,
            abstract=f"{spec.description}: {name}",
            shown=False,
            licence=spec.tags.get("licence", ""),
        )


def _until(specs: Sequence[RasterSpec]) -> dict[int, int]:
    """Milestone -> year from which the next one is shown; the last one is for as long as before."""
    years = sorted({int(spec.tags["milestone"]) for spec in specs if "milestone" in spec.tags})
    if not years:
        return {}
    more = years[-1] - years[-2] if len(years) > 1 else 1
    return dict(zip(years, [*years[1:], years[-1] + more], strict=True))


def unique_key(kind: str, name: str) -> str:
    """An identifier; names that differ in other characters only stay apart.

    QGIS replaces identifiers of ten characters or fewer by its own, and loses the layer.
    """
    return f"cdrsite_{kind}_{re.sub('[^0-9A-Za-z_]', lambda m: f'_{ord(m[0]):x}_', name)}"


def grouped(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Layers by group, from the top of the map to its bottom; those of methods stand together."""
    methods = dict.fromkeys(e.group for e in entries if e.group.startswith(OF_METHOD))
    order = (NETWORK, POOLS, ANSWER, SURE, YEARS, *methods, INPUTS, EXCLUSIONS, FILES)
    groups = {group: [entry for entry in entries if entry.group == group] for group in order}
    return {group: members for group, members in groups.items() if members}


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


def _leaf(entry: Entry, *, shown: bool) -> ET.Element:
    """A layer in a legend."""
    leaf = ET.Element(
        "layer-tree-layer",
        {"id": entry.key, "name": _clean(entry.title), "source": entry.source},
        providerKey=entry.provider,
        checked="Qt::Checked" if shown else "Qt::Unchecked",
        expanded="1" if shown else "0",
    )
    if entry.geometry is None:
        _tidy_legend(leaf, entry.style)
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
        maps = [entry for entry in members if entry.geometry is None and not entry.is_state]
        for entry in maps if states else ():
            _add_theme(themes, entry.title, (entry, *states), groups)
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
            legend=[_leaf(entry, shown=True) for entry in shown],
        )
        add_layout(root, page, grid)


def _sources(words: Words, tags: Mapping[str, str]) -> str:
    """Program, year of money, and licences of the inputs, in a sentence."""
    return words("qgis.sources", what="; ".join(tags[key] for key in SOURCES if key in tags))


def _add_metadata(parent: ET.Element, title: str, abstract: str, licence: str) -> None:
    """What QGIS shows as a layer's or a project's information."""
    ET.SubElement(parent, "title").text = _clean(title)
    ET.SubElement(parent, "abstract").text = _clean(abstract)
    if licence:
        ET.SubElement(parent, "license").text = _clean(licence)


def _tidy_legend(leaf: ET.Element, style: str) -> None:
    """Show each class of a raster once: the first line of its legend is the name of the band."""
    labels = re.findall(r'<(?:item|paletteEntry) [^>]*?label="([^"]*)"', style)
    first = {label: i for i, label in reversed(list(enumerate(labels, 1)))}
    order = ",".join(str(i) for i in sorted(first.values()))
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
            ET.SubElement(layer, "mapTip").text = _tip(entry.title, style)


def _tip(title: str, style: ET.Element) -> str:
    """What is told of a shape under the pointer: its columns by their names for people."""
    names = [(one.get("field", ""), one.get("name", "")) for one in style.iter("alias")]
    lines = (
        f"<tr><td>{escape(alias)}</td><td>[% {quoted(field)} %]</td></tr>"
        for field, alias in names[:TIP_FIELDS]
    )
    return f"<b>{escape(_clean(title))}</b><table>{''.join(lines)}</table>"

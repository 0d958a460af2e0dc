"""A QGIS project that opens a whole run: grouped, styled, with relative paths.

Written as XML, so no QGIS is needed to write it; QGIS 3.22 and later read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from cdrsite.core.grid import authority_code
from cdrsite.core.secrets import hidden
from cdrsite.core.words import Words

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
OF_METHOD = "Method: "
"""Begin of the groups of the methods."""

SITE_LAYERS = (
    "plants", "tonnes", "emitters", "network_emitters", "network_storage", "pipes", "sites",
    "routes", "corridors",
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
    "winner", "tonnes", "emitters", "network_emitters", "network_storage", "pipes", "storage",
})  # fmt: skip
"""Layers that are visible when the project opens."""
STATES = frozenset({"state", "method_state"})
"""Maps of states, last in their groups: they are on, so that whatever map is shown above them has
words for the cells where it has no number. The groups of the methods are off, else the states of
one would cover the maps of the next."""
PLAYED = frozenset({"winner_at"})
"""Maps of milestones that are on in their group, which is off until it is played."""
SHOWN_WITHOUT_PLANTS = frozenset({"sites", "routes"})

TITLES: dict[str, str] = {
    "sites": "Best sites by method",
    "plants": "Plants of the plan",
    "tonnes": "Where the tonnes are (net removal)",
    "emitters": "Emitters and what they capture",
    "network_emitters": "Emitters on the network",
    "network_storage": "Storage of the network",
    "pipes": "Pipelines of the plan",
    "routes": "Routes to storage",
    "corridors": "Shared routes",
    "storage": "Storage units",
    "screening": "Ports and plants compared for the open sea (not in the plan)",
    "provinces": "Net removal by province",
    "site_samples": "How sure each site is",
    "exclusions": "What each exclusion rule removes (table)",
}
"""Layer of the GeoPackage -> its name in the legend."""


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
    years : tuple of (int, int), optional
        Milestone that it shows, and the year from which the next one is shown.
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
    years: tuple[int, int] | None = None


def write_project(
    folder: Path,
    title: str,
    grid: AnalysisGrid,
    rasters: Sequence[RasterSpec],
    raster_styles: Mapping[str, str],
    layers: Sequence[VectorLayer],
    words: Words | None = None,
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

    Returns
    -------
    Path
        The project.
    """
    drawn = _raster_entries(rasters, raster_styles, words or Words())
    entries = [*_vector_entries(layers), *drawn]
    path = folder / PROJECT
    text = hidden(project_xml(title, grid, entries))
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def _vector_entries(layers: Sequence[VectorLayer]) -> Iterator[Entry]:
    names = {layer.name for layer in layers}
    shown = SHOWN if names & {"plants", "pipes"} else SHOWN | SHOWN_WITHOUT_PLANTS
    order = {name: i for i, name in enumerate(SITE_LAYERS)}
    for layer in sorted(layers, key=lambda layer: order.get(layer.name, len(order))):
        group = POOLS
        if layer.geometry is None:
            group = EXCLUSIONS
        elif layer.name == "site_samples":
            group = SURE
        elif layer.name in SITE_LAYERS or _kind(layer.geometry) != "Polygon":
            group = NETWORK
        pool = layer.name.removeprefix("pools_").replace("_", " ")
        plain = f"Pools of {pool}" if layer.name.startswith("pools_") else layer.name
        yield Entry(
            key=_key("gpkg", layer.name),
            title=TITLES.get(layer.name, plain.replace("_", " ").capitalize()),
            group=group,
            source=f"./cdrsite.gpkg|layername={layer.name}",
            provider="ogr",
            style=layer.style(),
            geometry=_kind(layer.geometry),
            abstract=layer.description,
            shown=layer.name in shown,
        )


def _kind(geometry: str | None) -> str:
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
        title = words.heading(about)
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
            key=_key("raster", spec.name),
            title=title,
            group=group,
            source=f"./rasters/{spec.name}.tif",
            provider="gdal",
            style=styles.get(spec.name, ""),
            geometry=None,
            abstract=f"{spec.description}{f' [{spec.unit}]' if spec.unit else ''}",
            shown=spec.name in SHOWN or spec.tags.get("variable") in {*STATES, *PLAYED},
            is_state=spec.tags.get("variable") in STATES,
            years=None if year is None else (int(year), until[int(year)]),
        )


def _until(specs: Sequence[RasterSpec]) -> dict[int, int]:
    """Milestone -> year from which the next one is shown; the last one is for as long as before."""
    years = sorted({int(spec.tags["milestone"]) for spec in specs if "milestone" in spec.tags})
    if not years:
        return {}
    more = years[-1] - years[-2] if len(years) > 1 else 1
    return dict(zip(years, [*years[1:], years[-1] + more], strict=True))


def _key(kind: str, name: str) -> str:
    """An identifier; names that differ in other characters only stay apart.

    QGIS replaces identifiers of ten characters or fewer by its own, and loses the layer.
    """
    return f"cdrsite_{kind}_{re.sub('[^0-9A-Za-z_]', lambda m: f'_{ord(m[0]):x}_', name)}"


def grouped(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Layers by group, from the top of the map to its bottom; those of methods stand together."""
    methods = dict.fromkeys(e.group for e in entries if e.group.startswith(OF_METHOD))
    order = (NETWORK, POOLS, ANSWER, SURE, YEARS, *methods, INPUTS, EXCLUSIONS)
    groups = {group: [entry for entry in entries if entry.group == group] for group in order}
    return {group: members for group, members in groups.items() if members}


def project_xml(title: str, grid: AnalysisGrid, entries: Sequence[Entry]) -> str:
    """The project as text.

    Parameters
    ----------
    title : str
        Of the project.
    grid : AnalysisGrid
        As for :func:`write_project`.
    entries : sequence of Entry
        Layers.
    """
    root = ET.Element("qgis", projectname=_clean(title), version=VERSION)
    ET.SubElement(root, "title").text = _clean(title)
    _add_crs(ET.SubElement(root, "projectCrs"), grid)
    _add_tree(root, entries)
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
    _add_themes(root, entries)
    properties = ET.SubElement(root, "properties")
    paths = ET.SubElement(properties, "Paths")
    ET.SubElement(paths, "Absolute", type="bool").text = "false"
    system = ET.SubElement(properties, "SpatialRefSys")
    # without it QGIS takes the project for one without a coordinate system
    ET.SubElement(system, "ProjectionsEnabled", type="int").text = "1"
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


def _add_crs(parent: ET.Element, grid: AnalysisGrid) -> None:
    srs = ET.SubElement(parent, "spatialrefsys", nativeFormat="Wkt")
    ET.SubElement(srs, "wkt").text = grid.wkt
    ET.SubElement(srs, "authid").text = authority_code(grid.wkt)
    ET.SubElement(srs, "description").text = grid.crs.name
    ET.SubElement(srs, "geographicflag").text = "true" if grid.is_geographic else "false"


def _add_tree(root: ET.Element, entries: Sequence[Entry]) -> None:
    tree = ET.SubElement(root, "layer-tree-group")
    for group, members in grouped(entries).items():
        of_method = group.startswith(OF_METHOD) or group == YEARS
        any_shown = any(entry.shown for entry in members) and not of_method
        branch = ET.SubElement(
            tree,
            "layer-tree-group",
            name=_clean(group),
            # a group that is on shows nothing but its layers that are on
            checked="Qt::Unchecked" if of_method else "Qt::Checked",
            expanded="1" if any_shown else "0",
        )
        for entry in members:
            names = {"id": entry.key, "name": _clean(entry.title), "source": entry.source}
            leaf = ET.SubElement(
                branch,
                "layer-tree-layer",
                names,
                providerKey=entry.provider,
                checked="Qt::Checked" if entry.shown else "Qt::Unchecked",
                expanded="1" if entry.shown else "0",
            )
            if entry.geometry is None:
                _drop_band(leaf, entry.style)


def _add_themes(root: ET.Element, entries: Sequence[Entry]) -> None:
    """A theme for every map of a plan or of a method: the map alone, over its states."""
    themes = ET.SubElement(root, "visibility-presets")
    for group, members in grouped(entries).items():
        states = [entry for entry in members if entry.is_state]
        maps = [entry for entry in members if entry.geometry is None and not entry.is_state]
        for entry in maps if states else ():
            about = {"name": _clean(entry.title)}
            about |= {"has-expanded-info": "0", "has-checked-group-info": "1"}
            theme = ET.SubElement(themes, "visibility-preset", about)
            for shown in (entry, *states):
                ET.SubElement(theme, "layer", id=shown.key, style="default", visible="1")
            checked = ET.SubElement(theme, "checked-group-nodes")
            ET.SubElement(checked, "checked-group-node", id=_clean(group))


def _drop_band(leaf: ET.Element, style: str) -> None:
    """Show a raster's classes only: the first line of its legend is the name of the band."""
    classes = style.count("<item ") + style.count("<paletteEntry ")
    order = ",".join(str(i) for i in range(1, classes + 1))
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
    if entry.geometry != "No geometry":
        _add_crs(ET.SubElement(layer, "srs"), grid)
    encoding = {} if raster else {"encoding": "UTF-8"}
    ET.SubElement(layer, "provider", encoding).text = entry.provider
    if entry.years is not None:  # mode 0: shown in a fixed range of time
        kind = {"enabled": "1", "mode": "0", "fetchMode": "0"}
        _add_range(ET.SubElement(layer, "temporal", kind), "fixedRange", entry.years)
    if entry.style:
        style = ET.fromstring(entry.style)  # noqa: S314 - written by this program
        layer.set("labelsEnabled", style.get("labelsEnabled", "0"))
        layer.extend(list(style))

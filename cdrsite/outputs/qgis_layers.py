"""The layers of the QGIS project of a run: their titles, groups and order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cdrsite.core.words import Words
from cdrsite.outputs.legend import INCLUDED_BIT, RULE_TAG, rule_called
from cdrsite.outputs.qml import raster_qml, rule_qml
from cdrsite.outputs.rasters.plan import LICENCE_HEAD
from cdrsite.outputs.runfolder import GEOPACKAGE
from cdrsite.outputs.tonnes import LAYER

if TYPE_CHECKING:
    from cdrsite.outputs.rasters.raster import RasterSpec
    from cdrsite.outputs.vectors import VectorLayer

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
NUMBERS_OF_EXCLUDED = frozenset({"equal_share", "score", "suitability"})
"""Maps of methods that have a number where the rules exclude the method."""
MASKED = frozenset({"excluded", "unknown"})
"""States that a mask shows."""
PLAYED = frozenset({"winner_at"})
"""Maps of milestones that are on in their group, which is off until it is played."""
SHOWN_WITHOUT_PLAN = frozenset({"sites", "routes"})
"""Of the best sites many are alternatives, which beside the circles of a plan look like a part."""


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
    is_mask, needs_mask : bool
        Whether it hides the cells of a method that are excluded or unknown, and whether it has
        numbers there that a reader would take for those of a possible place.
    codes : frozenset of int, optional
        Of classes: those that occur, for the legend.
    licence : str
        Of what it shows; empty where nothing is known.
    years : tuple of (int, int), optional
        Milestone that it shows, and the year from which the next one is shown.
    wkt : str
        Its coordinate system, where that is not the grid's.
    tips : tuple of (str, str)
        What is told of a shape under the pointer: a name, and an expression of QGIS.
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
    is_mask: bool = False
    needs_mask: bool = False
    codes: frozenset[int] | None = None
    licence: str = ""
    years: tuple[int, int] | None = None
    wkt: str = ""
    tips: tuple[tuple[str, str], ...] = ()


def vector_entries(layers: Sequence[VectorLayer], words: Words) -> Iterator[Entry]:
    """The layers of the GeoPackage, points over lines over polygons."""
    names = {layer.name for layer in layers}
    shown = SHOWN if names & {"plants", "pipes", LAYER} else SHOWN | SHOWN_WITHOUT_PLAN
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
            source=f"./{GEOPACKAGE}|layername={layer.name}",
            provider="ogr",
            style=layer.style(),
            geometry=kind_of(layer.geometry),
            abstract=layer.description,
            shown=layer.name in shown,
            tips=layer.tips,
        )


def kind_of(geometry: str | None) -> str:
    """A geometry as QGIS names its kind."""
    if geometry is None:
        return "No geometry"
    kinds = {"Point": "Point", "LineString": "Line", "Polygon": "Polygon"}
    return kinds.get(geometry.removeprefix("Multi"), "Unknown geometry")


def raster_entries(
    specs: Sequence[RasterSpec],
    styles: Mapping[str, str],
    words: Words,
    codes: Mapping[str, frozenset[int]],
) -> Iterator[Entry]:
    """The rasters, each with its style (:func:`cdrsite.outputs.qml.write_style`).

    ``codes`` are those that occur in the maps of classes.
    """
    known = (*ANSWER_RASTERS, *SURE_RASTERS, *OF_SAMPLES, *METHOD_ORDER)
    ranks = {name: i for i, name in enumerate(known)}
    ordered = sorted(
        specs, key=lambda spec: ranks.get(spec.tags.get("variable", spec.name), len(ranks))
    )
    until = _until(specs)
    for spec in ordered:
        year = spec.tags.get("milestone")
        method = spec.tags.get("method", "")
        variable = spec.tags.get("variable", spec.name)
        title = _title(spec, words)
        if method:
            named = words.method(method)
            group = f"{OF_METHOD}{named}"
            title = words("qgis.of_method", title=title, method=named)
            if variable in OF_SAMPLES:
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
            abstract=_abstract(spec, title, words),
            licence=licence_in_words(spec.tags, words),
            shown=spec.name in SHOWN or variable in {*STATES, *PLAYED},
            is_state=variable in STATES,
            needs_mask=variable in NUMBERS_OF_EXCLUDED,
            codes=codes.get(spec.name),
            years=None if year is None else (int(year), until[int(year)]),
        )
        if variable == "method_state":
            yield _mask_entry(spec, group, words)
        if spec.name == "exclusion_reasons":
            yield from _rule_entries(spec, words)


def _title(spec: RasterSpec, words: Words) -> str:
    """What a raster shows, without its method; of a milestone as of the plan's end."""
    variable = spec.tags.get("variable", spec.name)
    base = variable.removesuffix("_at")
    family, _, what = variable.partition("_")
    year = spec.tags.get("milestone")
    if words.has(f"map.layer.{base}"):
        title = words(f"map.layer.{base}")
    elif words.has(f"qgis.raster.{family}"):
        named = words.called(what)
        title = words(f"qgis.raster.{family}", what=words.named("qgis.zones", named))
    else:
        return words.heading(spec.description)
    return words.heading(title if year is None else words("qgis.of_year", title=title, year=year))


def _abstract(spec: RasterSpec, title: str, words: Words) -> str:
    """What a raster is, in the language: the files themselves say it in English."""
    method = spec.tags.get("method", "")
    about = title
    if words.lang == "en":
        about = spec.description.removeprefix(f"{method}: ")
        about = f"{words.method(method)}: {about}" if method else about
    unit = words.unit(spec.unit) if spec.unit not in {"", "1"} else ""
    return f"{about} [{unit}]" if unit else about


def licence_in_words(tags: Mapping[str, str], words: Words) -> str:
    """What a raster says of its licence, in the language."""
    licence = tags.get("licence", "")
    if not licence.startswith(LICENCE_HEAD):
        return licence
    if not tags.get("input_licences"):
        return words("qgis.licence.unknown")
    return words("qgis.licence", which=licence.removeprefix(LICENCE_HEAD))


def _mask_entry(spec: RasterSpec, group: str, words: Words) -> Entry:
    """Excluded and unknown cells alone, to lie over maps that have numbers there as well."""
    kept = tuple(one for one in spec.categories if one.label in MASKED)
    kept = tuple(replace(one, label=words.called(one.label)) for one in kept)
    title = words(
        "qgis.of_method",
        title=words("qgis.mask"),
        method=words.method(spec.tags.get("method", "")),
    )
    return Entry(
        key=unique_key("raster", f"{spec.name}_mask"),
        title=title,
        group=group,
        source=f"./rasters/{spec.name}.tif",
        provider="gdal",
        style=raster_qml(replace(spec, categories=kept), None, words),
        geometry=None,
        abstract=title,
        shown=False,
        licence=licence_in_words(spec.tags, words),
        is_mask=True,
    )


def _rule_entries(spec: RasterSpec, words: Words) -> Iterator[Entry]:
    """A layer for each exclusion rule: the cells that it hits, alone or with others."""
    for tag in spec.tags:
        bit = int(tag.removeprefix(RULE_TAG)) if tag.startswith(RULE_TAG) else INCLUDED_BIT
        style = rule_qml(spec, bit, words) if bit < INCLUDED_BIT else None
        if style is None:
            continue
        told = words("qgis.rule", rule=rule_called(spec.tags, bit, words))
        yield Entry(
            key=unique_key("raster", f"{spec.name}_bit_{bit}"),
            title=words.heading(told),
            group=EXCLUSIONS,
            source=f"./rasters/{spec.name}.tif",
            provider="gdal",
            style=style,
            geometry=None,
            abstract=words.heading(told),
            shown=False,
            licence=licence_in_words(spec.tags, words),
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
    drawn = sorted(entries, key=lambda entry: not entry.is_mask)  # over what they mask
    groups = {group: [entry for entry in drawn if entry.group == group] for group in order}
    return {group: members for group, members in groups.items() if members}

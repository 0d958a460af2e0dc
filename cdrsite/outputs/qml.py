"""QGIS styles of rasters: words for classes, readable numbers with units for quantities.

A style needs the file only for the range of its values, and reads an overview of it for that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np

from cdrsite.core.gdal import raster_options
from cdrsite.core.memory import Stored, remembered
from cdrsite.core.words import Words
from cdrsite.outputs.classes import SAMPLE, Classes, Step, scale_of, scales_of
from cdrsite.outputs.legend import (
    AGAIN_COLOUR,
    FREE_COLOUR,
    SEVERAL_COLOUR,
    allowed_again,
    excluding,
    rule_called,
    worded,
)
from cdrsite.outputs.palette import NOTHING_COLOUR, STATE_COLOURS
from cdrsite.outputs.sld import write_both
from cdrsite.outputs.zones import shade_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.outputs.rasters.raster import Category, RasterSpec


def sample_values(path: Path) -> NDArray[np.float64]:
    """Numbers of a raster, from its overview where it is large.

    In a batch a raster is decoded once, whichever runs it belongs to and whatever asks for it.

    Parameters
    ----------
    path : Path
        GeoTIFF.

    Returns
    -------
    ndarray
        One-dimensional, without nodata.
    """
    return remembered("sample", (Stored(path),), partial(_decoded, path))


def codes_of(path: Path) -> frozenset[int]:
    """Codes that occur in a raster of classes.

    Parameters
    ----------
    path : Path
        GeoTIFF of whole numbers.
    """
    return remembered("codes", (Stored(path),), partial(_codes, path))


def _codes(path: Path) -> frozenset[int]:
    """Codes of every block: an overview may lack what is rare."""
    import rasterio

    found: set[int] = set()
    with raster_options(GDAL_PAM_ENABLED="NO"), rasterio.open(path) as source:
        for _, window in source.block_windows(1):
            found |= {int(code) for code in np.unique(source.read(1, window=window))}
    return frozenset(found)


def _decoded(path: Path) -> NDArray[np.float64]:
    """Numbers of a raster, read from its file."""
    import rasterio

    with raster_options(GDAL_PAM_ENABLED="NO"), rasterio.open(path) as source:
        shape = (min(source.height, SAMPLE), min(source.width, SAMPLE))
        values = source.read(1, out_shape=shape, masked=True).compressed()
    return np.asarray(values[np.isfinite(values)], np.float64)


def raster_qml(spec: RasterSpec, classes: Classes | None, words: Words | None = None) -> str:
    """A raster's style as QGIS reads it.

    Parameters
    ----------
    spec : RasterSpec
        What the raster is.
    classes : Classes or None
        Of a quantity.
    words : Words, optional
        Of the language; English when not given.

    Returns
    -------
    str
        XML.
    """
    root = ET.Element("qgis", version="3.22.0", styleCategories="Symbology")
    pipe = ET.SubElement(root, "pipe")
    words = words or Words()
    if classes is not None:
        _add_steps(pipe, classes.steps(words))
    elif spec.categories:
        _add_categories(pipe, spec.categories)
    else:
        # too many combinations of reasons for words; zero is no reason
        none = Step(0.0, words("classes.nothing"), NOTHING_COLOUR)
        _add_steps(
            pipe, [none, Step(math.inf, words("classes.something"), STATE_COLOURS["excluded"])]
        )
    ET.SubElement(pipe, "rasterresampler", maxOversampling="2")
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"


def _renderer(pipe: ET.Element, kind: str, **more: str) -> ET.Element:
    shared = {"band": "1", "opacity": "1", "alphaBand": "-1", "nodataColor": ""}
    return ET.SubElement(pipe, "rasterrenderer", {"type": kind, **shared, **more})


def _add_categories(pipe: ET.Element, categories: Sequence[Category]) -> None:
    palette = ET.SubElement(_renderer(pipe, "paletted"), "colorPalette")
    for category in categories:
        colour = {"color": category.colour.lower(), "alpha": "255"}
        entry = {"value": str(category.code), **colour, "label": category.label}
        ET.SubElement(palette, "paletteEntry", entry)


def _add_steps(pipe: ET.Element, steps: Sequence[Step]) -> None:
    tops = [step.top for step in steps if math.isfinite(step.top)] or [0.0]
    ends = {"classificationMin": repr(tops[0]), "classificationMax": repr(tops[-1])}
    renderer = _renderer(pipe, "singlebandpseudocolor", **ends)
    shader = ET.SubElement(
        ET.SubElement(renderer, "rastershader"),
        "colorrampshader",
        colorRampType="DISCRETE",
        classificationMode="1",
        clip="0",
        labelPrecision="4",
        minimumValue=repr(tops[0]),
        maximumValue=repr(tops[-1]),
    )
    for step in steps:
        value = repr(step.top) if math.isfinite(step.top) else "inf"
        colour = {"color": step.colour.lower(), "alpha": "255"}
        ET.SubElement(shader, "item", {"value": value, **colour, "label": step.label})


def _in_words(spec: RasterSpec, words: Words) -> RasterSpec:
    """Classes in words and groups for people; the file itself keeps the names of the tables."""
    if spec.kind == "bits":
        return replace(spec, categories=tuple(_reason(one, spec, words) for one in spec.categories))
    if spec.kind != "class":
        return spec
    by_name = {category.label: category for category in spec.categories}
    named = worded(by_name, words).items()
    # a line of a legend is shorter than what a page says of the state
    short = {n: f"qgis.class.{n}" for n in by_name if words.has(f"qgis.class.{n}")}
    return replace(
        spec,
        categories=tuple(
            replace(by_name[n], label=words(short[n]) if n in short else label)
            for n, label in named
        ),
    )


def _reason(category: Category, spec: RasterSpec, words: Words) -> Category:
    """One rule by its name; several are one class, of which each rule has a layer of its own."""
    bits = excluding(category.code)
    if allowed_again(category.code):
        return replace(category, label=words("why.included"), colour=AGAIN_COLOUR)
    if bits == 0:
        return replace(category, label=words("map.rules.none"), colour=FREE_COLOUR)
    if bits.bit_count() > 1:
        return replace(category, label=words("map.rules.several"), colour=SEVERAL_COLOUR)
    label = rule_called(spec.tags, bits.bit_length() - 1, words)
    return replace(category, label=label or category.label)


def rule_qml(spec: RasterSpec, bit: int, words: Words) -> str | None:
    """Style of the exclusion reasons that shows one rule: the cells that it excludes.

    Parameters
    ----------
    spec : RasterSpec
        Of the reasons, with every combination as a category.
    bit : int
        Of the rule.
    words : Words
        Language.

    Returns
    -------
    str or None
        XML; None where it excludes nothing, or too many combinations have no category.
    """
    hit = [one for one in spec.categories if excluding(one.code) >> bit & 1]
    label = rule_called(spec.tags, bit, words)
    mine = tuple(replace(one, label=label, colour=shade_of(bit)) for one in hit)
    return raster_qml(replace(spec, categories=mine), None, words) if mine else None


def run_scales(folder: Path, specs: Sequence[RasterSpec]) -> dict[str, Classes]:
    """Classes of every scale of a run, from its rasters; in a batch once for the same rasters.

    Parameters
    ----------
    folder : Path
        With the finished rasters.
    specs : sequence of RasterSpec
        What they are.

    Returns
    -------
    dict
        Scale (:func:`cdrsite.outputs.classes.scale_of`) -> classes.
    """
    quantities = [spec for spec in specs if spec.kind == "quantity"]
    members: dict[str, list[tuple[str, str, Path]]] = {}
    for spec in quantities:
        name = spec.tags.get("variable", spec.name)
        members.setdefault(scale_of(name), []).append(
            (name, spec.unit, folder / f"{spec.name}.tif")
        )
    scales: dict[str, Classes] = {}
    for maps in members.values():
        about = tuple((name, unit) for name, unit, _ in maps)
        content = (about, *(Stored(path) for *_, path in maps))
        scales |= remembered("scale", content, partial(scales_of, maps, sample_values))
    return scales


def write_style(
    folder: Path,
    spec: RasterSpec,
    words: Words | None = None,
    scales: Mapping[str, Classes] | None = None,
) -> str:
    """Write a style beside a raster, for QGIS and, translated, for other GIS.

    Parameters
    ----------
    folder : Path
        With the finished raster.
    spec : RasterSpec
        What it is.
    words : Words, optional
        Of the language; English when not given.
    scales : mapping, optional
        See :func:`run_scales`; needed for quantities.

    Returns
    -------
    str
        The style as QGIS reads it.
    """
    words, classes = words or Words(), None
    if spec.kind == "quantity":
        classes = (scales or {})[scale_of(spec.tags.get("variable", spec.name))]
    style = raster_qml(_in_words(spec, words), classes, words)
    write_both(folder / f"{spec.name}.tif", style, spec.description)
    return style

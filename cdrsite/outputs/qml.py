"""QGIS styles of rasters: words for classes, readable numbers with units for quantities.

A style needs the file only for the range of its values, and reads an overview of it for that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np

from cdrsite.core.gdal import raster_options
from cdrsite.core.memory import MOST_CELLS, remembered
from cdrsite.core.numbers import brief
from cdrsite.core.vocabulary import Scale, amount, variable
from cdrsite.core.words import Words
from cdrsite.outputs.legend import worded
from cdrsite.outputs.sld import write_both
from cdrsite.outputs.styles import NOTHING_COLOUR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.outputs.rasters.raster import Category, RasterSpec

SAMPLE = 512
"""Rows and columns at most that are read for the range of the values."""
STEPS = 7
"""Classes of a quantity, about."""
CLIPPED = 2.0
"""Share of the values beyond either open class [%]."""
CROWDED = 0.6
"""Equal steps give way to equal counts where one class would hold more than this share."""
ROUNDING = 1e-9
"""What is nearer to zero is zero in a legend [unit of the file]."""


@dataclass(frozen=True)
class ColourStep:
    """A class of a quantity: values up to ``top``, the last one without an end."""

    top: float
    label: str
    colour: str


def sample_values(path: Path) -> NDArray[np.float64]:
    """Numbers of a raster, from its overview where it is large.

    Parameters
    ----------
    path : Path
        GeoTIFF.

    Returns
    -------
    ndarray
        One-dimensional, without nodata.
    """
    import rasterio

    with raster_options(GDAL_PAM_ENABLED="NO"), rasterio.open(path) as source:
        shape = (min(source.height, SAMPLE), min(source.width, SAMPLE))
        values = source.read(1, out_shape=shape, masked=True).compressed()
    return np.asarray(values[np.isfinite(values)], np.float64)


def legend_unit(unit: str) -> Scale:
    """Unit for a legend of what cells have, and how much one of it is in the file's unit."""
    size, name = (1e-2, "%") if unit == "1" else amount(unit).place
    return size, Words().unit(name)


def class_borders(
    values: NDArray[np.float64], size: float = 1.0, *, zero: bool = False
) -> list[float]:
    """Round numbers that part the bulk of the values.

    Parameters
    ----------
    values : ndarray
        Finite.
    size : float
        The borders are round in this many of the file's unit.
    zero : bool
        Zero is always a border where values lie on both sides of it.

    Returns
    -------
    list of float
        Ascending, in the file's unit; none where all values are the same.
    """
    from matplotlib.ticker import MaxNLocator

    if not values.size or values.min() == values.max():
        return []
    low, high = (float(v) / size for v in np.percentile(values, [CLIPPED, 100 - CLIPPED]))
    if high <= low:
        low, high = float(values.min()) / size, float(values.max()) / size
    if 0 <= low < 0.5 * high:
        low = 0.0
    ticks = MaxNLocator(STEPS, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    inside = [float(f"{tick:.6g}") * size for tick in ticks]
    inside = [tick for tick in inside if values.min() < tick < values.max()]
    counts = np.histogram(values, [-math.inf, *inside, math.inf])[0] if inside else [values.size]
    if max(counts) > CROWDED * values.size:
        cuts = np.quantile(values, np.arange(1, STEPS) / STEPS) / size
        counted = sorted({float(f"{cut:.2g}") * size for cut in cuts})
        counted = [tick for tick in counted if values.min() < tick < values.max()]
        inside = counted or inside  # equal counts part nothing where nearly all values are the same
    if zero and values.min() < 0 < values.max():
        inside = sorted({*inside, 0.0})
    return inside


def quantity_steps(spec: RasterSpec, values: NDArray[np.float64]) -> list[ColourStep]:
    """Classes of a quantity in the order of its values, with words and colours.

    Parameters
    ----------
    spec : RasterSpec
        What the raster is.
    values : ndarray
        Its finite values, or a sample of them.
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    name = spec.tags.get("variable", spec.name)
    values = np.where(np.abs(values) < ROUNDING, 0.0, values)
    record = variable(name)
    some = values[values > 0] if record.own_zero else values
    if record.own_zero and not some.size:
        return [ColourStep(math.inf, "nothing", NOTHING_COLOUR)]
    size, unit = legend_unit(spec.unit)
    borders = class_borders(some, size, zero=record.diverging)
    edges = [-math.inf, *borders, math.inf]
    places = _diverging(edges) if record.diverging else np.linspace(0.08, 1, len(edges) - 1)
    shades = colormaps[record.colours](places)
    steps = [ColourStep(0.0, "nothing", NOTHING_COLOUR)] if record.own_zero else []
    for low, high, shade in zip(edges[:-1], edges[1:], shades, strict=True):
        words = _range(low / size, high / size, unit, some / size)
        steps.append(ColourStep(high, words, to_hex(shade).upper()))
    return steps


def _diverging(edges: Sequence[float]) -> NDArray[np.float64]:
    """Places on a diverging colour map: below zero its lower half, above it the upper."""
    below = sum(1 for high in edges[1:] if high <= 0)
    above = len(edges) - 1 - below
    lower = np.linspace(0.1, 0.38, below) if below else np.empty(0)
    return np.concatenate([lower, np.linspace(0.58, 0.95, above)])


def _range(low: float, high: float, unit: str, values: NDArray[np.float64]) -> str:
    if math.isinf(low) and math.isinf(high):
        words = brief(float(values[0])) if values.size else "no values"
        return f"{words} {unit}".strip() if values.size else words
    if math.isinf(low):
        return f"up to {brief(high)} {unit}".strip()
    if math.isinf(high):
        return f"more than {brief(low)} {unit}".strip()
    return f"{brief(low)} to {brief(high)} {unit}".strip()


def raster_qml(spec: RasterSpec, values: NDArray[np.float64]) -> str:
    """A raster's style as QGIS reads it.

    Parameters
    ----------
    spec : RasterSpec
        What the raster is.
    values : ndarray
        Finite values of a quantity, or a sample of them; unused for classes.

    Returns
    -------
    str
        XML.
    """
    root = ET.Element("qgis", version="3.22.0", styleCategories="Symbology")
    pipe = ET.SubElement(root, "pipe")
    if spec.kind == "quantity":
        _add_steps(pipe, quantity_steps(spec, values))
    elif spec.categories:
        _add_categories(pipe, spec.categories)
    else:
        # too many combinations of reasons for words; zero is no reason
        some = ColourStep(math.inf, "something", "#969696")
        _add_steps(pipe, [ColourStep(0.0, "nothing", NOTHING_COLOUR), some])
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


def _add_steps(pipe: ET.Element, steps: Sequence[ColourStep]) -> None:
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


def _style(spec: RasterSpec, path: Path) -> str:
    if spec.kind != "quantity":
        return raster_qml(spec, np.empty(0))

    def style() -> str:
        return raster_qml(spec, sample_values(path))

    small = path.stat().st_size <= MOST_CELLS
    return remembered("style", (spec, path.read_bytes()), style) if small else style()


def _in_words(spec: RasterSpec, words: Words) -> RasterSpec:
    """Classes in words and groups for people; the file itself keeps the names of the tables."""
    if spec.kind != "class":
        return spec
    by_name = {category.label: category for category in spec.categories}
    named = worded(by_name, words).items()
    return replace(spec, categories=tuple(replace(by_name[n], label=label) for n, label in named))


def write_style(folder: Path, spec: RasterSpec, words: Words | None = None) -> str:
    """Write a style beside a raster, for QGIS and, translated, for other GIS.

    Parameters
    ----------
    folder : Path
        With the finished raster.
    spec : RasterSpec
        What it is.
    words : Words, optional
        Of the language; English when not given.

    Returns
    -------
    str
        The style as QGIS reads it.
    """
    path = folder / f"{spec.name}.tif"
    style = _style(_in_words(spec, words or Words()), path)
    write_both(path, style, spec.description)
    return style

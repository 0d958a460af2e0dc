"""Styles for GeoServer and other GIS (SLD 1.0.0), translated from those for QGIS.

The classes, colours and words are decided where the style for QGIS is made
(:mod:`cdrsite.outputs.qml`, :mod:`cdrsite.outputs.styles`); here they change their language only.
SLD 1.0.0 has no word for a class of a raster's values: ``type`` of a ``ColorMap`` is the
extension that GeoServer, QGIS and MapServer share.

References
----------
OGC 02-070, Styled Layer Descriptor 1.0.0; OGC 02-059, Filter Encoding 1.0.0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np

from cdrsite.outputs.styles import EDGE, OUTLINE, StyleRule, Symbol

if TYPE_CHECKING:
    from collections.abc import Mapping

PIXEL_MM = 0.28
"""A pixel of SLD [mm] (OGC 02-070, 11.2)."""
PREFIXES = {
    "xmlns": "http://www.opengis.net/sld",
    "xmlns:ogc": "http://www.opengis.net/ogc",
    "xmlns:xlink": "http://www.w3.org/1999/xlink",
}
ENDLESS = float(np.finfo(np.float32).max)
"""Upper end of the last class: SLD has no infinity."""
COMPARISONS = {
    "=": "ogc:PropertyIsEqualTo",
    "<": "ogc:PropertyIsLessThan",
    "<=": "ogc:PropertyIsLessThanOrEqualTo",
    ">": "ogc:PropertyIsGreaterThan",
    ">=": "ogc:PropertyIsGreaterThanOrEqualTo",
}
TOKEN = re.compile(r"""\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|<=|>=|[=<>(),*]|[^\s"'=<>(),*]+)""")


def write_both(path: Path, style: str, title: str) -> None:
    """Write a raster's style beside it, for QGIS (``.qml``) and for others (``.sld``).

    Parameters
    ----------
    path : Path
        The raster.
    style : str
        Its style as QGIS reads it.
    title : str
        What the raster is, in words.
    """
    other = raster_sld(path.stem, title, style)
    path.with_suffix(".qml").write_text(style, encoding="utf-8", newline="\n")
    path.with_suffix(".sld").write_text(other, encoding="utf-8", newline="\n")


def raster_sld(name: str, title: str, style: str) -> str:
    """A raster's style for GeoServer and others.

    Parameters
    ----------
    name, title : str
        Of the layer, and in words.
    style : str
        Its style as QGIS reads it: classes by value, or steps.

    Returns
    -------
    str
        XML.

    Raises
    ------
    ValueError
        If the style has neither classes nor steps.

    Notes
    -----
    QGIS counts the upper end of a step to it (``<=``), SLD does not (``<``): the end is written as
    the next number that the raster's float32 can hold, so no cell changes its class, and a true
    zero keeps its own (rule 2).
    """
    found = ET.fromstring(style)  # noqa: S314 - a style of cdrsite's own
    values = [(dict(e.attrib), float(e.attrib["value"])) for e in found.iter("paletteEntry")]
    steps = [(dict(e.attrib), _beyond(float(e.attrib["value"]))) for e in found.iter("item")]
    if not values and not steps:
        raise ValueError(f"the style of {name} has neither classes nor steps")
    root, rule = _document(name, title)
    symbolizer = ET.SubElement(rule, "RasterSymbolizer")
    classes = ET.SubElement(symbolizer, "ColorMap", type="values" if values else "intervals")
    for entry, quantity in values or steps:
        shown = {
            "color": entry["color"].upper(),
            "quantity": f"{quantity:.0f}" if values else repr(quantity),
            "opacity": f"{int(entry.get('alpha', 255)) / 255:g}",
            "label": entry["label"],
        }
        ET.SubElement(classes, "ColorMapEntry", shown)
    return _text(root)


def vector_sld(
    name: str, title: str, rules: Sequence[StyleRule], *, label: str | None = None
) -> str:
    """A vector layer's style for GeoServer and others.

    Parameters
    ----------
    name, title : str
        Of the layer, and in words.
    rules : sequence of StyleRule
        Its classes in the order of the legend.
    label : str, optional
        Column that is written on the map.

    Returns
    -------
    str
        XML.

    Raises
    ------
    ValueError
        If a filter says what this module cannot translate.
    """
    root, first = _document(name, title)
    parent = next(root.iter("FeatureTypeStyle"))
    parent.remove(first)
    for i, rule in enumerate(rules):
        element = ET.SubElement(parent, "Rule")
        ET.SubElement(element, "Name").text = f"rule {i}"
        ET.SubElement(element, "Title").text = rule.label
        if rule.filter == "ELSE":
            ET.SubElement(element, "ElseFilter")
        else:
            _add_filter(ET.SubElement(element, "ogc:Filter"), rule.filter)
        _add_symbol(element, rule.symbol)
        if label is not None and rule.filter != "FALSE":
            _add_label(element, label)
    return _text(root)


def _beyond(top: float) -> float:
    """The next number after the end of a step that float32 can hold."""
    if math.isinf(top):
        return ENDLESS
    near = np.float32(top)
    above = float(near) > top  # compared in full, not in float32
    return float(near if above else np.nextafter(near, np.float32(np.inf)))


def _document(name: str, title: str) -> tuple[ET.Element, ET.Element]:
    """A document with one style, and its first rule."""
    root = ET.Element("StyledLayerDescriptor", dict(PREFIXES), version="1.0.0")
    layer = ET.SubElement(root, "NamedLayer")
    ET.SubElement(layer, "Name").text = name
    style = ET.SubElement(layer, "UserStyle")
    ET.SubElement(style, "Name").text = name
    ET.SubElement(style, "Title").text = title
    return root, ET.SubElement(ET.SubElement(style, "FeatureTypeStyle"), "Rule")


def _text(root: ET.Element) -> str:
    ET.indent(root, " ")
    body = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _tokens(expression: str) -> list[str]:
    """Words of an expression of QGIS; quoted names and texts are one word each."""
    if not re.fullmatch(rf"(?:{TOKEN.pattern})*\s*", expression):
        raise ValueError(f"cannot translate to SLD: {expression}")
    return TOKEN.findall(expression)


def _parts(tokens: Sequence[str]) -> Iterator[list[str]]:
    """What ``AND`` joins."""
    part: list[str] = []
    for word in [*tokens, "AND"]:
        if word == "AND":
            yield part
            part = []
        else:
            part.append(word)


def _add_filter(parent: ET.Element, expression: str) -> None:
    parts = list(_parts(_tokens(expression)))
    if len(parts) > 1:
        parent = ET.SubElement(parent, "ogc:And")
    for part in parts:
        match part:
            case ["FALSE"]:  # a line of the legend
                never = ET.SubElement(parent, COMPARISONS["="])
                _add_value(never, "0")
                _add_value(never, "1")
            case [column, "IS", "NOT", "NULL"]:
                inner = ET.SubElement(ET.SubElement(parent, "ogc:Not"), "ogc:PropertyIsNull")
                _add_value(inner, column)
            case [column, sign, value] if sign in COMPARISONS:
                comparison = ET.SubElement(parent, COMPARISONS[sign])
                _add_value(comparison, column)
                _add_value(comparison, value)
            case _:
                raise ValueError(f"cannot translate to SLD: {expression}")


def _add_value(parent: ET.Element, token: str) -> None:
    """A column, a text or a number."""
    if token.startswith('"'):
        ET.SubElement(parent, "ogc:PropertyName").text = token[1:-1].replace('""', '"')
    elif token.startswith("'"):
        plain = token[1:-1].replace("''", "'").replace("\\\\", "\\")
        ET.SubElement(parent, "ogc:Literal").text = plain
    else:
        ET.SubElement(parent, "ogc:Literal").text = repr(float(token))


def _pixels(size: float) -> str:
    return f"{size / PIXEL_MM:.4g}"


def _add_symbol(rule: ET.Element, symbol: Symbol) -> None:
    opacity = f"{symbol.alpha:g}"
    if symbol.shape == "marker":
        graphic = ET.SubElement(ET.SubElement(rule, "PointSymbolizer"), "Graphic")
        mark = ET.SubElement(graphic, "Mark")
        ET.SubElement(mark, "WellKnownName").text = "circle"
        _add_css(mark, "Fill", {"fill": symbol.colour, "fill-opacity": opacity})
        _add_css(mark, "Stroke", {"stroke": EDGE, "stroke-width": _pixels(0.2)})
        size = ET.SubElement(graphic, "Size")
        if symbol.grows:
            _add_growth(size, symbol.grows)
        else:
            size.text = _pixels(symbol.size)
    elif symbol.shape == "line":
        stroke = {
            "stroke": symbol.colour,
            "stroke-opacity": opacity,
            "stroke-width": _pixels(symbol.size),
            "stroke-linejoin": "round",
            "stroke-linecap": "butt" if symbol.dashed else "round",
        }
        if symbol.dashed:
            stroke["stroke-dasharray"] = f"{_pixels(4 * symbol.size)} {_pixels(2 * symbol.size)}"
        _add_css(ET.SubElement(rule, "LineSymbolizer"), "Stroke", stroke)
    else:
        polygon = ET.SubElement(rule, "PolygonSymbolizer")
        solid = symbol.pattern == "solid"
        if solid:  # the standard has no hatch: an outline alone lets the map below be read too
            _add_css(polygon, "Fill", {"fill": symbol.colour, "fill-opacity": opacity})
        edge = {
            "stroke": OUTLINE if solid else symbol.colour,
            "stroke-opacity": opacity,
            "stroke-width": _pixels(symbol.size),
        }
        _add_css(polygon, "Stroke", edge)


def _add_css(parent: ET.Element, kind: str, values: Mapping[str, str]) -> None:
    element = ET.SubElement(parent, kind)
    for name, value in values.items():
        ET.SubElement(element, "CssParameter", name=name).text = value


def _add_growth(size: ET.Element, expression: str) -> None:
    """A diameter that grows with a column, as ``max(least, per * sqrt("column"))`` [mm]."""
    match _tokens(expression):
        case ["max", "(", least, ",", per, "*", "sqrt", "(", column, ")", ")"]:
            larger = ET.SubElement(size, "ogc:Function", name="max_4")  # of GeoServer: of doubles
            ET.SubElement(larger, "ogc:Literal").text = _pixels(float(least))
            product = ET.SubElement(larger, "ogc:Mul")
            ET.SubElement(product, "ogc:Literal").text = repr(float(per) / PIXEL_MM)
            _add_value(ET.SubElement(product, "ogc:Function", name="sqrt"), column)
        case _:
            raise ValueError(f"cannot translate to SLD: {expression}")


def _add_label(rule: ET.Element, column: str) -> None:
    words = ET.SubElement(rule, "TextSymbolizer")
    ET.SubElement(ET.SubElement(words, "Label"), "ogc:PropertyName").text = column
    _add_css(words, "Font", {"font-family": "SansSerif", "font-size": "11"})
    halo = ET.SubElement(words, "Halo")
    ET.SubElement(halo, "Radius").text = _pixels(0.8)
    _add_css(halo, "Fill", {"fill": "#FFFFFF", "fill-opacity": "0.8"})
    _add_css(words, "Fill", {"fill": "#333333"})

"""QGIS styles (QML) of vector layers: classes with words, the palette's colours, aliases, labels.

Numbers are drawn by rules rather than by a graduated renderer, so that a true zero and an unknown
value have colours and words of their own (rule 2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from xml.etree import ElementTree as ET

import numpy as np

from cdrsite.core.words import Words
from cdrsite.outputs.classes import column_classes
from cdrsite.outputs.palette import NOTHING_COLOUR, STATE_COLOURS, rgba

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Shape = Literal["marker", "line", "fill"]
Pattern = Literal["solid", "no", "b_diagonal", "diagonal_x"]

UNKNOWN_COLOUR = STATE_COLOURS["unknown"]
OUTLINE, EDGE = "#4D4D4D", "#1D2329"
"""Of areas, and of markers."""
SMOOTH = "smooth($geometry, 2)"
"""Drawn with its corners cut; the stored line stays exact."""


@dataclass(frozen=True)
class Symbol:
    """How one class of a layer is drawn.

    Attributes
    ----------
    shape : {'marker', 'line', 'fill'}
        Of the geometry.
    colour : str
        "#RRGGBB".
    size : float
        Diameter of a marker or width of a line [mm].
    alpha : float
        Opacity of the whole symbol [1].
    dashed : bool
        Of lines.
    pattern : str
        Of fills, as Qt names it: what is not solid lets the map below be read, and its outline has
        the symbol's colour.
    grows : str
        Expression of the diameter of a marker [mm], for markers that grow with a number.
    """

    shape: Shape
    colour: str
    size: float = 0.26
    alpha: float = 1.0
    dashed: bool = False
    grows: str = ""
    pattern: Pattern = "solid"


@dataclass(frozen=True)
class StyleRule:
    """A class: a filter in QGIS's expression language, "ELSE" for the rest, and words for it."""

    filter: str
    label: str
    symbol: Symbol


def quoted(name: str) -> str:
    """A field's name in QGIS's expression language."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text in QGIS's expression language."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def number_rules(
    field: str,
    values: ArrayLike,
    colours: str,
    shape: Shape,
    *,
    size: float = 0.26,
    alpha: float = 1.0,
    guard: str = "",
    unit: str = "",
    per: float = 1.0,
    adds_up: bool = False,
    words: Words | None = None,
) -> list[StyleRule]:
    """Classes of a number from low to high, the outer ones open; what is more is darker.

    Parameters
    ----------
    field : str
        Column.
    values : array_like
        Its values, for the class borders.
    colours : str
        Name of a matplotlib colour map, from light to dark.
    shape : {'marker', 'line', 'fill'}
        Of the geometry.
    size, alpha : float
        Of the symbols.
    guard : str
        A condition that every class shares.
    unit : str
        For the words.
    per : float
        The words give the values times this, in ``unit``; the borders are round there.
    adds_up : bool
        As in :func:`cdrsite.outputs.classes.round_borders`.
    words : Words, optional
        Of the language; English when not given.
    """
    classes = column_classes(values, colours, unit=unit, per=per, adds_up=adds_up)
    lows = (None, *classes.borders)
    highs = (*classes.borders, None)
    name, rules = quoted(field), []
    steps = classes.steps(words or Words())
    for low, high, step in zip(lows, highs, steps, strict=True):
        parts = [guard] if guard else []
        parts += [] if low is None else [f"{name} > {low!r}"]
        parts += [] if high is None else [f"{name} <= {high!r}"]
        parts += [] if parts else [f"{name} IS NOT NULL"]
        symbol = Symbol(shape, step.colour, size, alpha)
        rules.append(StyleRule(" AND ".join(parts), step.label, symbol))
    return rules


def signed_rules(
    field: str,
    values: ArrayLike,
    zero: str,
    *,
    alpha: float = 0.7,
    unit: str = "",
    per: float = 1.0,
    words: Words | None = None,
) -> list[StyleRule]:
    """Classes of a number that diverges around zero, with a class for zero itself.

    Parameters
    ----------
    field : str
        Column.
    values : array_like
        Its values, for the class borders.
    zero : str
        Words for zero.
    alpha : float
        Opacity.
    unit, per, words
        As in :func:`number_rules`.
    """
    array = np.asarray(values, np.float64)
    name = quoted(field)
    rules = [StyleRule(f"{name} = 0", zero, Symbol("fill", NOTHING_COLOUR, alpha=alpha))]
    for sign, colours, some in (
        ("<", "Blues", array[array < 0]),
        (">", "YlOrRd", array[array > 0]),
    ):
        if some.size:
            guard = f"{name} {sign} 0"
            rules += number_rules(
                field, some, colours, "fill", alpha=alpha, guard=guard, unit=unit, per=per,
                words=words,
            )  # fmt: skip
    return rules


def unknown(shape: Shape, label: str = "unknown") -> StyleRule:
    """The class of what no other class takes."""
    return StyleRule("ELSE", label, Symbol(shape, UNKNOWN_COLOUR, alpha=0.7))


def qml(
    rules: Sequence[StyleRule],
    aliases: Mapping[str, str],
    *,
    label: str | None = None,
    told: str = "",
    smoothed: bool = False,
) -> str:
    """A layer's style as QGIS reads it.

    Parameters
    ----------
    rules : sequence of StyleRule
        Classes in the order of the legend; the legend leaves out none.
    aliases : mapping
        Column -> name for people.
    label : str, optional
        Column that is written on the map.
    told : str
        Expression that is written in its place.
    smoothed : bool
        Draw lines with their corners cut.

    Returns
    -------
    str
        XML.
    """
    root = ET.Element(
        "qgis",
        version="3.22.0",
        styleCategories="Symbology|Labeling|Fields",
        labelsEnabled="1" if label else "0",
    )
    renderer = ET.SubElement(
        root, "renderer-v2", type="RuleRenderer", symbollevels="0", enableorderby="0"
    )
    listed = ET.SubElement(renderer, "rules", key="rules")
    symbols = ET.SubElement(renderer, "symbols")
    for i, rule in enumerate(rules):
        attributes = {"key": f"rule {i}", "symbol": str(i), "label": rule.label}
        ET.SubElement(listed, "rule", attributes, filter=rule.filter)
        _add_symbol(symbols, str(i), rule.symbol, smoothed=smoothed)
    if label is not None:
        _add_label(root, told or label, is_expression=bool(told))
    names = ET.SubElement(root, "aliases")
    for i, (column, alias) in enumerate(aliases.items(), 1):  # 0 is the feature id
        ET.SubElement(names, "alias", index=str(i), field=column, name=alias)
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"


def _add_symbol(parent: ET.Element, name: str, symbol: Symbol, *, smoothed: bool) -> None:
    alpha = f"{symbol.alpha:g}"
    element = ET.SubElement(parent, "symbol", name=name, type=symbol.shape, alpha=alpha)
    if smoothed and symbol.shape == "line":
        smoothing = {"SymbolType": "Line", "geometryModifier": SMOOTH, "units": "MapUnit"}
        generator = _add_layer(element, "GeometryGenerator", smoothing)
        element = ET.SubElement(generator, "symbol", name=f"@{name}@0", type="line", alpha="1")
    layer = _add_layer(element, *_simple(symbol))
    if symbol.grows:
        _add_growth(layer, symbol.grows)


def _add_growth(layer: ET.Element, expression: str) -> None:
    """The diameter of a marker follows an expression."""
    defined = ET.SubElement(layer, "data_defined_properties")
    group = ET.SubElement(defined, "Option", type="Map")
    ET.SubElement(group, "Option", name="name", type="QString", value="")
    size = ET.SubElement(
        ET.SubElement(group, "Option", name="properties", type="Map"),
        "Option", name="size", type="Map",
    )  # fmt: skip
    ET.SubElement(size, "Option", name="active", type="bool", value="true")
    ET.SubElement(size, "Option", name="expression", type="QString", value=expression)
    ET.SubElement(size, "Option", name="type", type="int", value="3")
    ET.SubElement(group, "Option", name="type", type="QString", value="collection")


def _simple(symbol: Symbol) -> tuple[str, dict[str, str]]:
    colour, outline = (",".join(map(str, rgba(name))) for name in (symbol.colour, OUTLINE))
    if symbol.shape == "marker":
        return "SimpleMarker", {
            "name": "circle",
            "color": colour,
            "size": f"{symbol.size:g}",
            "size_unit": "MM",
            # seen on land of its own colour, and thin enough for the smallest
            "outline_color": ",".join(map(str, rgba(EDGE))),
            "outline_style": "solid",
            "outline_width": "0.2",
            "outline_width_unit": "MM",
        }
    if symbol.shape == "line":
        return "SimpleLine", {
            "line_color": colour,
            "line_width": f"{symbol.size:g}",
            "line_width_unit": "MM",
            "line_style": "dash" if symbol.dashed else "solid",
            "capstyle": "flat" if symbol.dashed else "round",
            "joinstyle": "round",
        }
    return "SimpleFill", {
        "color": colour,
        "style": symbol.pattern,
        "outline_color": outline if symbol.pattern == "solid" else colour,
        "outline_style": "solid",
        "outline_width": f"{symbol.size:g}",
        "outline_width_unit": "MM",
    }


def _add_layer(parent: ET.Element, kind: str, options: Mapping[str, str]) -> ET.Element:
    """Options twice: as QGIS writes them now, and as it did before 3.26."""
    layer = ET.SubElement(parent, "layer", {"class": kind, "enabled": "1", "locked": "0"})
    group = ET.SubElement(layer, "Option", type="Map")
    for key, value in options.items():
        ET.SubElement(group, "Option", type="QString", name=key, value=value)
    for key, value in options.items():
        ET.SubElement(layer, "prop", k=key, v=value)
    return layer


def text_style(points: float, *, bold: bool = False) -> dict[str, str]:
    """Attributes of a text of QGIS; a weight that is not given is the thinnest there is."""
    return {
        "fontSize": f"{points:g}",
        "fontSizeUnit": "Point",
        "fontWeight": "75" if bold else "50",
        "textColor": ",".join(map(str, rgba(EDGE))),
        "textOpacity": "1",
    }


def _add_label(root: ET.Element, column: str, *, is_expression: bool) -> None:
    labeling = ET.SubElement(root, "labeling", type="simple")
    settings = ET.SubElement(labeling, "settings")
    style = ET.SubElement(
        settings,
        "text-style",
        text_style(8, bold=True),
        fieldName=column,
        isExpression=str(int(is_expression)),
    )
    ET.SubElement(
        style,
        "text-buffer",
        bufferDraw="1",
        bufferSize="0.8",
        bufferSizeUnits="MM",
        bufferColor="255,255,255,255",
        bufferOpacity="0.9",
    )
    ET.SubElement(settings, "placement", placement="1", centroidInside="1")
    # names may lie on the polygons of other layers, not on other names
    ET.SubElement(settings, "rendering", displayAll="0", obstacle="0")

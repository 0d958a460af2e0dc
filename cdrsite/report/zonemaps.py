"""Maps of administrative units: what the plan removes in each, on one scale for all methods."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from cdrsite.core.numbers import MISSING, table_amount
from cdrsite.outputs.classes import Step, column_classes
from cdrsite.outputs.palette import NOTHING_COLOUR, STATE_COLOURS
from cdrsite.report.frame import Frame, details, real, word
from cdrsite.report.html import tag, text

if TYPE_CHECKING:
    from cdrsite.outputs.classes import Classes

LAYER = "provinces"
WIDE = 1000
"""Longer side of a map [units of its drawing]."""
SMOOTH = 1.2
"""Largest shift of a border [units of the drawing]."""
SPECK = 9.0
"""Islands below this area are not drawn, but for the largest of a unit [units of the drawing²]."""
MOST_ZONES = 3000
"""With more units a map of the page's size shows none of them."""
MOST_NAMED = 15
"""With more units their names would cover the map."""
LETTER = 30.0
"""Size of names [units of the drawing]."""
COLOURS = "YlGn"
"""From light to dark; as in the QGIS project."""


@dataclass(frozen=True)
class Drawn:
    """Units as they are drawn.

    Attributes
    ----------
    names : tuple of str
        Of the units.
    paths : tuple of str
        Outline of each, as SVG draws it.
    places : tuple of (float, float) or None
        Where its name stands; None where it does not fit.
    wide, high : int
        Of the drawing.
    """

    names: tuple[str, ...]
    paths: tuple[str, ...]
    places: tuple[tuple[float, float] | None, ...]
    wide: int
    high: int


def zone_maps(frame: Frame, net: Mapping[str, Mapping[str, float]]) -> str:
    """Map of the net removal by unit, and a small one for each method.

    Parameters
    ----------
    frame : Frame
        Of the page.
    net : mapping
        Net removal of the plan by unit and method [Mt/yr]; NaN where it is unknown.

    Returns
    -------
    str
        Empty where the run has no shapes of units, or too many.
    """
    drawn = outlines(frame)
    if drawn is None:
        return ""
    total = {zone: math.fsum(by_method.values()) for zone, by_method in net.items()}
    known = [total[name] for name in drawn.names if name in total]
    classes = column_classes(known, COLOURS, unit="Mt/yr", adds_up=True)
    caption = frame.say("provinces.map")
    whole = tag("figure", _map(frame, drawn, total, classes, defined=True), class_="zones")
    used = [m for m in frame.run.methods if any(by.get(m, 0.0) > 0 for by in net.values())]
    small = ""
    if len(used) > 1:
        maps = [
            tag("figure", tag("figcaption", frame.method(method)), _map(frame, drawn, own, classes))
            for method in used
            for own in ({zone: by.get(method, 0.0) for zone, by in net.items()},)
        ]
        title = frame.say("provinces.by_method")
        small = details(title, tag("div", *maps, class_="zone-maps"), rows=len(maps))
    shown = [*total.values(), *(value for by in net.values() for value in by.values())]
    return tag("p", caption, class_="axis") + whole + legend(frame, classes, shown) + small


def legend(frame: Frame, classes: Classes, shown: Iterable[float]) -> str:
    """Classes from little to much, and what is none."""
    values = list(shown)
    items = [(step.colour, step.label) for step in classes.steps(frame.words)]
    if any(value == 0 for value in values):
        items.insert(0, (NOTHING_COLOUR, frame.words.called("none in the plan")))
    if any(math.isnan(value) for value in values):
        items.append((STATE_COLOURS["unknown"], frame.words.called("unknown")))
    dots = [
        tag("li", tag("i", class_="shade", style=f"background:{colour}", aria_hidden="true"),
            tag("span", text(label)))
        for colour, label in items
    ]  # fmt: skip
    return tag("ul", *dots, class_="legend")


def colour_of(value: float, classes: Classes, steps: list[Step]) -> str:
    """Colour of an amount; unknown and a true zero have their own (rule 2)."""
    if math.isnan(value):
        return STATE_COLOURS["unknown"]
    return NOTHING_COLOUR if value == 0 else steps[int(classes.place(value))].colour


def _map(
    frame: Frame,
    drawn: Drawn,
    values: Mapping[str, float],
    classes: Classes,
    *,
    defined: bool = False,
) -> str:
    """One map; the first defines the outlines, which all use."""
    steps = classes.steps(frame.words)
    shapes = []
    for number, (name, path) in enumerate(zip(drawn.names, drawn.paths, strict=True)):
        value = values.get(name, math.nan)
        told = MISSING if math.isnan(value) else table_amount(value)
        title = tag("title", text(f"{name}: {told} {frame.words.unit('Mt/yr')}"))
        mark = f"zone-{number}"
        shape = tag("path", id=mark, d=path) if defined else tag("use", href=f"#{mark}")
        shapes.append(tag("g", title, shape, fill=colour_of(value, classes, steps)))
    names = []
    if defined and len(drawn.names) <= MOST_NAMED:
        names = [
            tag("text", text(name), x=f"{place[0]:.0f}", y=f"{place[1]:.0f}")
            for name, place in zip(drawn.names, drawn.places, strict=True)
            if place is not None
        ]
    return tag(
        "svg", *shapes, *names, viewBox=f"0 0 {drawn.wide} {drawn.high}", role="img",
        aria_label=frame.words("provinces.map.label"),
    )  # fmt: skip


def outlines(frame: Frame) -> Drawn | None:
    """Units of the run as they are drawn; None where there are none, or too many."""
    import shapely

    if LAYER not in frame.run.layers:
        return None
    layer = frame.run.layer(LAYER)
    layer = layer[layer.geometry.notna() & ~layer.geometry.is_empty]
    if layer.empty or layer["zone"].nunique() > MOST_ZONES:
        return None
    west, south, east, north = layer.total_bounds
    per = WIDE / max(east - west, north - south)
    # y goes down
    flat = shapely.transform(
        layer.geometry.to_numpy(), lambda at: (at - [west, north]) * [per, -per]
    )
    names, paths, places = [], [], []
    for name, group in layer.assign(flat=flat).groupby("zone", sort=False):
        parts = sorted(
            (part for shape in group["flat"] for part in shapely.get_parts(shape)),
            key=lambda part: -float(part.area),
        )
        kept = [part for i, part in enumerate(parts) if i == 0 or part.area >= SPECK]
        names.append(word(name))
        paths.append("".join(map(path_of, kept)))
        places.append(_place(word(name), kept[0]))
    wide, high = (math.ceil(size * per) for size in (east - west, north - south))
    return Drawn(tuple(names), tuple(paths), tuple(places), max(wide, 1), max(high, 1))


def path_of(polygon: Any) -> str:
    """Outline of a polygon in whole units, each corner as steps from the one before."""
    simple = polygon.simplify(SMOOTH, preserve_topology=True)
    parts = []
    for ring in (simple.exterior, *simple.interiors):
        corners = [(round(x), round(y)) for x, y in ring.coords]
        moves = [
            f"{x - before[0]} {y - before[1]}"
            for before, (x, y) in pairwise(corners)
            if (x, y) != before
        ]
        if moves:
            parts.append(f"M{corners[0][0]} {corners[0][1]}l{' '.join(moves)}z")
    return "".join(parts)


def _place(name: str, polygon: Any) -> tuple[float, float] | None:
    """Where the name of a unit stands inside it; None where it is longer than the unit is wide."""
    import shapely

    # signs of Chinese are as wide as high, those of Latin about half of it
    long = LETTER * sum(1.0 if ord(sign) > 0x2E80 else 0.56 for sign in name)
    at = polygon.representative_point()
    west, _, east, _ = polygon.bounds
    across = shapely.LineString([(west, at.y), (east, at.y)]).intersection(polygon)
    lines = [line for line in shapely.get_parts(across) if line.length > 0]
    widest = max(lines, key=lambda line: line.length, default=None)
    if widest is None or widest.length < long:
        return None
    return float(widest.centroid.x), float(at.y)


def net_by_zone(frame: Frame) -> dict[str, dict[str, float]]:
    """Net removal of the plan by unit and method, from the table [Mt/yr]."""
    net: dict[str, dict[str, float]] = {}
    for row in frame.rows("provinces"):
        by_method = net.setdefault(word(row.get("zone")), {})
        method = word(row.get("method"))
        by_method[method] = by_method.get(method, 0.0) + real(row.get("net_mt_yr"))
    return net

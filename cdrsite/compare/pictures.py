"""Small maps of several runs in one frame: tonnes as circles, and which method uses which land.

Colours of cells show area. Half of the tonnes of a plan may lie in a thousandth of its cells, so a
map of tonnes has the region in one colour, and circles whose area is the tonnes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.compare.extent import Spot, places, radius, with_room
from cdrsite.compare.moved import DRAWN
from cdrsite.core.numbers import percent
from cdrsite.core.vocabulary import OUTSIDE_NAME
from cdrsite.outputs.legend import flag_words
from cdrsite.outputs.palette import GROUND_COLOUR
from cdrsite.outputs.rasters.raster import Category
from cdrsite.outputs.tonnes import LAYER, NET, round_sizes, size_in_words
from cdrsite.report.html import tag, text
from cdrsite.report.mapimage import paint_classes, png_uri

if TYPE_CHECKING:
    import geopandas as gpd

    from cdrsite.compare.sheet import Sheet
    from cdrsite.outputs.runfolder import RunFolder, RunRaster

WINNER = "winner"
"""Raster with the method that has the most net removal in each cell, and the states."""


# ---------------------------------------------------------------------- the ground


def winner_categories(sheet: Sheet, run: RunFolder) -> tuple[Category, ...]:
    """Classes of a run's map of winning methods, in the words and colours of the page."""
    attrs = run.attributes(WINNER)
    names = flag_words(attrs) if attrs else {}
    return tuple(
        Category(code, name, sheet.class_colour(name))
        for code, name in names.items()
        if name != OUTSIDE_NAME
    )


def picture(
    raster: RunRaster, categories: Sequence[Category], place: Spot, alt: str, *over: str
) -> str:
    """A map in its frame, with what lies over it.

    Parameters
    ----------
    raster : RunRaster
        Codes.
    categories : sequence of Category
        Their words and colours; codes without one are not drawn.
    place : Spot
        Of the map in the frame.
    alt : str
        What it shows, for those who do not see it; text.
    *over : str
        Shapes in SVG, in kilometres of the frame.
    """
    painting = paint_classes(raster.values.filled(255).astype(np.int64), categories)
    rows, cols = painting.index.shape
    west, south, east, north = raster.bounds
    wide, high = (east - west) * place.per_x, (north - south) * place.per_y
    style = (
        f"left:{100 * place.x_km / place.wide:.4g}%;top:{100 * place.y_km / place.high:.4g}%;"
        f"width:{100 * wide / place.wide:.5g}%;height:{100 * high / place.high:.5g}%"
    )
    uri = png_uri(painting.index, painting.colours)
    shown = tag("img", src=uri, alt=alt, width=cols, height=rows, style=style)
    shape = f"aspect-ratio:{place.wide:.6g}/{place.high:.6g}"
    layer = _layer(place, *over) if over else ""
    return tag("div", shown, layer, class_="plan", style=shape)


def _layer(place: Spot, *shapes: str) -> str:
    """Shapes over a map, in kilometres of the frame."""
    view = f"0 0 {place.wide:.5g} {place.high:.5g}"
    return tag("svg", *shapes, viewBox=view, aria_hidden="true")


def land_maps(
    sheet: Sheet,
    runs: Mapping[str, RunFolder],
    pixels: int,
    captioned: Callable[[str, str], tuple[str, str]],
) -> tuple[list[str], str]:
    """Maps of which method uses which land, in one frame, and their common legend.

    Parameters
    ----------
    sheet : Sheet
        Words and colours.
    runs : mapping
        Name -> run; one without such a map is left out.
    pixels : int
        Longest side of a map [pixels].
    captioned : callable
        Name of a run and words for the classes on its map -> its caption, markup, and what it
        shows, for those who do not see it; text.
    """
    rasters = _grounds(runs, pixels)
    figures: list[str] = []
    found: dict[str, None] = {}
    for name, place in places(rasters).items():
        categories = winner_categories(sheet, runs[name])
        there = set(np.unique(rasters[name].values.filled(255)).tolist())
        classes = [one.label for one in categories if one.code in there]
        found |= dict.fromkeys(classes)
        said = sheet.words("list.comma").join(map(sheet.words.called, classes))
        caption, alt = captioned(name, said)
        drawn = picture(rasters[name], categories, place, alt)
        figures.append(tag("figure", tag("figcaption", caption), drawn))
    return figures, sheet.legend(list(found))


def _grounds(runs: Mapping[str, RunFolder], pixels: int) -> dict[str, RunRaster]:
    return {name: run.raster(WINNER, pixels) for name, run in runs.items() if WINNER in run.rasters}


# --------------------------------------------------------------------- the tonnes


def tonnes_maps(
    sheet: Sheet,
    runs: Mapping[str, RunFolder],
    pixels: int,
    changes: Sequence[Difference] = (),
) -> list[str]:
    """Net removal of each run as circles: one extent, one scale of sizes, and last their key.

    Parameters
    ----------
    sheet : Sheet
        Words and colours.
    runs : mapping
        Name -> run; one without circles is left out, one whose plan is empty is a map of none.
    pixels : int
        Longest side of a map [pixels].
    changes : sequence of Difference, optional
        What was gained and what was lost from the first run to the second: a map each, of the same
        scale. In one map a small ring could not be told from a dot.
    """
    drawn = {name: run for name, run in runs.items() if LAYER in run.layers}
    rasters = _grounds(drawn, pixels)
    frames = {name: drawn[name].layer(LAYER) for name in rasters}
    sizes = [frame[NET] for frame in (*frames.values(), *(one.circles for one in changes))]
    most = max((float(size.max()) for size in sizes if len(size)), default=0.0)
    spots = places(rasters)
    on = [(spots[name], frames[name].geometry, frames[name][NET]) for name in spots]
    first = next(iter(spots), "")
    on += [(spots[first], one.circles.geometry, one.circles[NET]) for one in changes if spots]
    spots = with_room(spots, on, most)
    figures = [
        _tonnes_map(sheet, name, drawn[name], rasters[name], frames[name], spots[name], most)
        for name in spots
    ]
    figures += [
        _change_map(sheet, one, drawn[first], rasters[first], spots[first], most)
        for one in changes
        if spots
    ]
    names = {str(m) for frame in frames.values() for m in frame["method"]}
    if spots and most > 0:
        legend = sheet.legend([name for name in sheet.names if name in names])
        figures.append(key(sheet, spots[first], most, legend))
    return figures


def _ground(sheet: Sheet, run: RunFolder) -> list[Category]:
    """The region in one colour, whatever its cells are."""
    return [replace(one, colour=GROUND_COLOUR) for one in winner_categories(sheet, run)]


def _tonnes_map(
    sheet: Sheet,
    name: str,
    run: RunFolder,
    raster: RunRaster,
    frame: gpd.GeoDataFrame,
    place: Spot,
    most: float,
) -> str:
    words = sheet.words
    parts = by_tonnes(run)
    total = math.fsum(net for _, net in parts)
    said = words("list.comma").join(
        words("compare.part", method=words.method(method), net=words.number(net))
        for method, net in parts
        if net > 0
    )
    alt = words("where.alt", run=name, parts=said or words.number(0))
    shapes = circles(sheet, place, frame.geometry, frame[NET], frame["method"], most)
    drawn = picture(raster, _ground(sheet, run), place, alt, *shapes)
    return tag("figure", _caption(sheet, name, total, leading(sheet, parts)), drawn)


def by_tonnes(run: RunFolder) -> list[tuple[str, float]]:
    """Net removal of each method of a run, the largest first [Mt/yr]."""
    numbers = ((name, one.get("net_mt_yr")) for name, one in run.summary["methods"].items())
    known = [(str(name), float(net)) for name, net in numbers if isinstance(net, int | float)]
    return sorted(known, key=lambda pair: -pair[1])


def leading(sheet: Sheet, parts: Sequence[tuple[str, float]]) -> str:
    """The method that makes most of the tonnes, and its share; text."""
    positive = [(method, net) for method, net in parts if net > 0]
    if not positive:
        return sheet.words("where.none")
    method, net = positive[0]
    share = net / math.fsum(size for _, size in positive)
    return sheet.words("where.leading", share=percent(share), method=sheet.words.method(method))


def circles(
    sheet: Sheet,
    place: Spot,
    points: gpd.GeoSeries,
    tonnes: Iterable[float],
    methods: Iterable[str],
    most: float,
) -> Iterator[str]:
    """Circles in the frame, the largest first.

    Parameters
    ----------
    sheet : Sheet
        Colours of the methods.
    place : Spot
        Of the map.
    points : GeoSeries
        Their middles.
    tonnes : iterable of float
        Their areas [t/yr].
    methods : iterable of str
        Whose they are.
    most : float
        Tonnes of the largest circle of all maps [t/yr].
    """
    x, y = place.at(points)
    for a, b, size, method in zip(x, y, tonnes, methods, strict=True):
        if size < DRAWN * most:  # a dot would tell more than there is
            continue
        at = {"cx": f"{a:.5g}", "cy": f"{b:.5g}", "r": f"{radius(place, size, most):.4g}"}
        yield tag("circle", **at, fill=sheet.colour(str(method)))


def key(sheet: Sheet, place: Spot, most: float, legend: str) -> str:
    """What sizes and colours of circles mean; the sizes as large as on the maps beside it.

    Parameters
    ----------
    sheet : Sheet
        Its words.
    place : Spot
        Of the maps.
    most : float
        Tonnes of the largest circle of all maps [t/yr].
    legend : str
        Colours of the methods, markup.
    """
    letters, gap = place.wide * 0.045, place.wide * 0.02
    left, down = 2.2 * place.largest, gap
    entries = [
        (radius(place, size, most), size_in_words(size, sheet.words)) for size in round_sizes(most)
    ]
    shapes = []
    for size, words in entries:
        tall = max(size, letters / 2)
        at = {"cx": f"{left / 2:.5g}", "cy": f"{down + tall:.5g}", "r": f"{size:.4g}"}
        shapes.append(tag("circle", **at, class_="key-size"))
        where = {"x": f"{left:.5g}", "y": f"{down + tall + letters / 3:.5g}"}
        shapes.append(tag("text", text(words), **where, font_size=f"{letters:.4g}"))
        down += 2 * tall + gap
    drawn = tag(
        "svg",
        *shapes,
        viewBox=f"0 0 {place.wide:.5g} {down:.5g}",
        role="img",
        aria_label=sheet.words("list.comma").join(words for _, words in entries),
    )
    shape = f"aspect-ratio:{place.wide:.6g}/{down:.6g}"
    sizes = tag("div", drawn, class_="plan sizes", style=shape)
    return tag(
        "figure", tag("figcaption", sheet.say("where.sizes")), sizes, legend, class_="key-of"
    )


# --------------------------------------------------------------------- the change


@dataclass(frozen=True)
class Difference:
    """Tonnes gained or lost by place, for a map.

    Attributes
    ----------
    circles : GeoDataFrame
        Points with ``method`` and ``net_t_yr``, what is gained, or what is lost, the largest first.
    title, alt : str
        Of the map, and what it shows; text.
    """

    circles: gpd.GeoDataFrame
    title: str
    alt: str


def _change_map(
    sheet: Sheet, change: Difference, run: RunFolder, raster: RunRaster, place: Spot, most: float
) -> str:
    frame = change.circles
    sums = frame.groupby("method", sort=True)[NET].sum().sort_values(ascending=False, kind="stable")
    parts = [(str(method), float(size) / 1e6) for method, size in sums.items()]
    shapes = circles(sheet, place, frame.geometry, frame[NET], frame["method"], most)
    drawn = picture(raster, _ground(sheet, run), place, change.alt, *shapes)
    total = math.fsum(size for _, size in parts)
    most_of = leading(sheet, parts) if total > 0 else sheet.words("moved.none")
    return tag("figure", _caption(sheet, change.title, total, most_of), drawn)


def _caption(sheet: Sheet, title: str, total: float, most_of: str) -> str:
    """Title of a map with its tonnes [Mt/yr], and which method has most of them."""
    head = tag("b", text(title)) + " " + text(sheet.words.number(total)) + sheet.in_("Mt/yr")
    return tag("figcaption", head, tag("br"), tag("small", text(most_of), class_="muted"))

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

from cdrsite.compare.changes import EARTH_KM
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
    from numpy.typing import NDArray
    from pyproj import CRS

    from cdrsite.compare.sheet import Sheet
    from cdrsite.outputs.runfolder import RunFolder, RunRaster

CIRCLE = 0.065
"""Radius of the circle of the most tonnes, as part of the longer side of the frame."""
LEAST = 1 / 14
"""Radius of the smallest circle, as part of that of the largest: a dot that can be seen."""
WINNER = "winner"
"""Raster with the method that has the most net removal in each cell, and the states."""


@dataclass(frozen=True)
class Spot:
    """Where a map lies in the frame that all maps share.

    Attributes
    ----------
    wide, high : float
        Of the frame [km].
    west, north : float
        Corner of the map, in its CRS.
    x_km, y_km : float
        That corner in the frame [km].
    per_x, per_y : float
        Kilometres to the right and down of one unit of the CRS [km].
    """

    wide: float
    high: float
    west: float
    north: float
    x_km: float
    y_km: float
    per_x: float
    per_y: float

    @property
    def largest(self) -> float:
        """Radius of the circle of the most tonnes [km]."""
        return CIRCLE * max(self.wide, self.high)

    def at(self, points: gpd.GeoSeries) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Points of the map's CRS in the frame, to the right and down [km]."""
        x = self.x_km + (points.x.to_numpy() - self.west) * self.per_x
        return x, self.y_km + (self.north - points.y.to_numpy()) * self.per_y


def ground_size(bounds: Sequence[float], crs: CRS) -> tuple[float, float]:
    """Width and height of west, south, east, north on the ground, roughly [km]."""
    west, south, east, north = bounds
    wide, high = east - west, north - south
    unit = crs.axis_info[0].unit_conversion_factor
    if crs.is_geographic:
        unit *= EARTH_KM * 1000.0
        wide *= max(math.cos(math.radians((south + north) / 2)), 0.05)
    return wide * unit / 1000.0, high * unit / 1000.0


def places(rasters: Mapping[str, RunRaster]) -> dict[str, Spot]:
    """One frame for all maps: of one extent where they have one CRS, else of one scale."""
    if not rasters:
        return {}
    boxes = {name: raster.bounds for name, raster in rasters.items()}
    if len({raster.crs.to_wkt() for raster in rasters.values()}) == 1:
        sides = list(zip(*boxes.values(), strict=True))
        box = min(sides[0]), min(sides[1]), max(sides[2]), max(sides[3])
        crs = next(iter(rasters.values())).crs
        wide, high = ground_size(box, crs)
        per_x, per_y = wide / (box[2] - box[0]), high / (box[3] - box[1])
        return {
            name: Spot(wide, high, own[0], own[3], (own[0] - box[0]) * per_x,
                        (box[3] - own[3]) * per_y, per_x, per_y)
            for name, own in boxes.items()
        }  # fmt: skip
    sizes = {name: ground_size(boxes[name], raster.crs) for name, raster in rasters.items()}
    wide, high = (max(size[side] for size in sizes.values()) for side in (0, 1))
    found = {}
    for name, (own_wide, own_high) in sizes.items():
        west, south, east, north = boxes[name]
        corner = (wide - own_wide) / 2, (high - own_high) / 2
        per = own_wide / (east - west), own_high / (north - south)
        found[name] = Spot(wide, high, west, north, *corner, *per)
    return found


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
    change: Difference | None = None,
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
    change : Difference, optional
        What was gained and lost from the first run to the second: one more map, of the same scale.
    """
    drawn = {name: run for name, run in runs.items() if LAYER in run.layers}
    rasters = _grounds(drawn, pixels)
    frames = {name: drawn[name].layer(LAYER) for name in rasters}
    changed = [] if change is None else [change.circles["change_t_yr"].abs()]
    sizes = [*(frame[NET] for frame in frames.values()), *changed]
    most = max((float(size.max()) for size in sizes if len(size)), default=0.0)
    spots = places(rasters)
    figures = [
        _tonnes_map(sheet, name, drawn[name], rasters[name], frames[name], spots[name], most)
        for name in spots
    ]
    if change is not None and spots:
        name = next(iter(spots))
        figures.append(_change_map(sheet, change, drawn[name], rasters[name], spots[name], most))
    names = {str(m) for frame in frames.values() for m in frame["method"]}
    if spots and most > 0:
        legend = sheet.legend([name for name in sheet.names if name in names])
        place = next(iter(spots.values()))
        figures.append(key(sheet, place, most, legend, signs=change is not None))
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
    head = tag("b", text(name)) + " " + text(words.number(total)) + sheet.in_("Mt/yr")
    most_of = tag("small", text(leading(sheet, parts)), class_="muted")
    return tag("figure", tag("figcaption", head, tag("br"), most_of), drawn)


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
    """Circles in the frame, the largest first; what is lost is a ring, what is there a disc.

    Parameters
    ----------
    sheet : Sheet
        Colours of the methods.
    place : Spot
        Of the map.
    points : GeoSeries
        Their middles.
    tonnes : iterable of float
        Below 0 where tonnes are lost [t/yr].
    methods : iterable of str
        Whose they are.
    most : float
        Tonnes of the largest circle of all maps [t/yr].
    """
    x, y = place.at(points)
    for a, b, size, method in zip(x, y, tonnes, methods, strict=True):
        if abs(size) < DRAWN * most:  # a dot would tell more than there is
            continue
        at = {"cx": f"{a:.5g}", "cy": f"{b:.5g}", "r": f"{radius(place, abs(size), most):.4g}"}
        colour = sheet.colour(str(method))
        if size < 0:  # the dark ring around tells a pale one from the ground
            yield tag("circle", **at, class_="casing") + tag(
                "circle", **at, class_="lost", style=f"stroke:{colour}"
            )
        else:
            yield tag("circle", **at, fill=colour)


def radius(place: Spot, size: float, most: float) -> float:
    """Radius of a circle in its frame: the area is the tonnes, down to a dot [km]."""
    return place.largest * max(math.sqrt(size / most), LEAST)


def key(sheet: Sheet, place: Spot, most: float, legend: str, *, signs: bool = False) -> str:
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
    signs : bool
        Whether there are rings of what is lost, too.
    """
    letters, gap = place.wide * 0.045, place.wide * 0.02
    left, down = 2.2 * place.largest, gap
    entries = [
        (radius(place, size, most), "size", size_in_words(size, sheet.words))
        for size in round_sizes(most)
    ]
    if signs:
        half = radius(place, most / 9, most)
        entries += [(half, kind, sheet.words(f"where.{kind}")) for kind in ("gained", "lost")]
    shapes = []
    for size, kind, words in entries:
        tall = max(size, letters / 2)
        at = {"cx": f"{left / 2:.5g}", "cy": f"{down + tall:.5g}", "r": f"{size:.4g}"}
        shapes.append(tag("circle", **at, class_=f"key-{kind}"))
        where = {"x": f"{left:.5g}", "y": f"{down + tall + letters / 3:.5g}"}
        shapes.append(tag("text", text(words), **where, font_size=f"{letters:.4g}"))
        down += 2 * tall + gap
    drawn = tag(
        "svg",
        *shapes,
        viewBox=f"0 0 {place.wide:.5g} {down:.5g}",
        role="img",
        aria_label=sheet.words("list.comma").join(words for _, _, words in entries),
    )
    shape = f"aspect-ratio:{place.wide:.6g}/{down:.6g}"
    sizes = tag("div", drawn, class_="plan sizes", style=shape)
    return tag(
        "figure", tag("figcaption", sheet.say("where.sizes")), sizes, legend, class_="key-of"
    )


# --------------------------------------------------------------------- the change


@dataclass(frozen=True)
class Difference:
    """Tonnes gained and lost by place, for a map.

    Attributes
    ----------
    circles : GeoDataFrame
        Points with ``method`` and ``change_t_yr``, the largest changes first.
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
    shapes = circles(sheet, place, frame.geometry, frame["change_t_yr"], frame["method"], most)
    drawn = picture(raster, _ground(sheet, run), place, change.alt, *shapes)
    return tag("figure", tag("figcaption", tag("b", text(change.title))), drawn)

"""What pages on several runs share: the frame of the page, numbers side by side, small maps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.compare.changes import EARTH_KM, SITE_STATES
from cdrsite.core.gdal import open_raster
from cdrsite.core.numbers import MISSING, number
from cdrsite.core.version import __version__
from cdrsite.outputs.classes import change_classes
from cdrsite.outputs.legend import class_colour, flag_words
from cdrsite.outputs.palette import method_colour
from cdrsite.outputs.rasters.raster import Category
from cdrsite.outputs.runfolder import RunRaster
from cdrsite.outputs.tonnes import LAYER, NET, round_sizes
from cdrsite.report.fragment import Fragment
from cdrsite.report.frame import MAX_ROWS, Frame, Row, paragraph, section
from cdrsite.report.html import tag, text
from cdrsite.report.mapimage import paint_classes, png_uri
from cdrsite.report.page import STYLE, policy

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from cdrsite.core.words import Words
    from cdrsite.outputs.runfolder import RunFolder

NOISE = 1e-9
"""Changes below this share of the numbers themselves are their rounding."""

CIRCLE = 0.07
"""Radius of the largest circle of tonnes, as part of the width of the widest map."""

METHOD_HEADS = {
    "net_mt_yr": ("column.net", "Mt/yr"),
    "cost_musd_yr": ("column.cost", "MUSD/yr"),
    "mean_cost_usd_t": ("column.mean", "USD/t"),
    "land_km2": ("column.land", "km2"),
}
"""Column of the tables of methods -> key of its title, and its unit."""
OWN_STYLE = STYLE.with_name("sheet.css")
"""Style of these pages beside that of the report."""


@dataclass(frozen=True, eq=False)
class Sheet(Frame):
    """Words and colours of a page on several runs.

    Attributes
    ----------
    run : RunFolder
        One of them; its own numbers are not used.
    names : tuple of str
        Methods of all runs.
    """

    names: tuple[str, ...] = ()

    def colour(self, name: str) -> str:
        """Colour of a method, the same as in every map."""
        return method_colour(name, self.names)

    def class_colour(self, name: str) -> str:
        """Colour of a class of the map of winning methods."""
        return class_colour(name, self.names)

    def head(self, key: str, unit: str = "", kind: str = "number") -> tuple[str, str]:
        """Title and kind of a column of a table."""
        return self.say(key) + (self.in_(unit) if unit else ""), kind

    def left_out(self, n: int, file: str) -> str:
        """That of so many rows not all are shown, and where they are; nothing where all are."""
        if n <= MAX_ROWS:
            return ""
        return paragraph(self.count("left_out", n - MAX_ROWS, file=tag("code", file)), kind="note")


def sheet_of(runs: Sequence[RunFolder], words: Words) -> Sheet:
    """Words and colours of a page on these runs; there may be none."""
    nothing: Any = None
    names = tuple(dict.fromkeys(name for run in runs for name in run.methods))
    return Sheet(runs[0] if runs else nothing, words, names)


# --------------------------------------------------------------------- the page


def document(
    sheet: Sheet, title: str, head: Sequence[str], sections: Sequence[tuple[str, str, str]]
) -> str:
    """The whole page as text; it asks for nothing from outside and runs nothing.

    Parameters
    ----------
    sheet : Sheet
        Its words.
    title : str
        Of the window; text.
    head : sequence of str
        Markup of the page's own header.
    sections : sequence of (anchor, key of the title, markup)
        Empty ones are left out.
    """
    style = "".join(file.read_text(encoding="utf-8") for file in (STYLE, OWN_STYLE))
    # nothing of the page needs a script, so none may run
    rules = policy(Fragment(""))
    links = [
        tag("li", tag("a", sheet.say(key), href=f"#{name}")) for name, key, body in sections if body
    ]
    contents = tag("nav", tag("ul", *links), aria_label=sheet.words("page.contents"))
    body = tag(
        "body",
        tag("a", sheet.say("sheet.skip"), href="#main", class_="skip"),
        tag("header", *head, contents),
        tag("main", *(body for _, _, body in sections), id="main"),
        tag("footer", tag("p", sheet.say("sheet.made", version=text(__version__)))),
    )
    top = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", **{"http-equiv": "Content-Security-Policy"}, content=rules),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="generator", content=f"cdrsite {__version__}"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", text(f"{title} – cdrsite")),
        tag("style", style),
    )
    lang = {"zh": "zh-Hans"}.get(sheet.words.lang, sheet.words.lang)
    return "<!doctype html>\n" + tag("html", top, body, lang=lang) + "\n"


# ---------------------------------------------------------------------- numbers


def shown(value: object, digits: int = 3) -> str:
    """A number as markup, in full for programs."""
    known = isinstance(value, int | float) and math.isfinite(value)
    return tag("span", text(plain_number(value, digits)), class_="v",
               data_value=repr(value) if known else None)  # fmt: skip


def plain_number(value: object, digits: int = 3) -> str:
    """A number as text; a whole one without decimals."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return number(int(value), digits)
    return number(value, digits)


def change_of(a: float, b: float) -> float:
    """Change from one number to another, without their rounding."""
    change = b - a
    return 0.0 if abs(change) <= NOISE * max(abs(a), abs(b)) else change


def signed(value: float, digits: int = 3) -> str:
    """A change as text, with its sign: ``+4.73``, ``−3.06``, ``0``."""
    if not math.isfinite(value):
        return MISSING
    return ("+" if value > 0 else "") + plain_number(value, digits)


def delta(value: object, a: object = math.nan, b: object = math.nan) -> str:
    """A change as markup; ``a`` and ``b`` tell what of it is rounding."""
    size = float(value) if isinstance(value, int | float) else math.nan
    if isinstance(a, float) and isinstance(b, float) and math.isfinite(a) and math.isfinite(b):
        size = size if math.isnan(size) else change_of(a, b)
    kind = "v up" if size > 0 else "v down" if size < 0 else "v"
    raw = repr(value) if math.isfinite(size) else None
    return tag("span", text(signed(size)), class_=kind, data_value=raw)


def method_bar(sheet: Sheet, run: str, parts: Sequence[tuple[str, float]], most: float) -> str:
    """Net removal of one run by method as a bar in SVG.

    Parameters
    ----------
    sheet : Sheet
        Words and colours.
    run : str
        Its name; text.
    parts : sequence of (method, net)
        Parts of 0 and less are left out.
    most : float
        Size of the whole track.
    """
    words, shapes, labels, start = sheet.words, [], [], 0.0
    for method, net in ((method, net) for method, net in parts if net > 0):
        labels.append(words("compare.part", method=words.method(method), net=number(net)))
        wide = 1000.0 * net / most
        place = {"x": f"{start:.2f}", "y": "0", "width": f"{wide:.2f}", "height": "10"}
        title = tag("title", text(labels[-1]))
        shapes.append(tag("rect", title, **place, fill=sheet.colour(method)))
        start += wide
    label = words("list.comma").join(labels) or number(0)
    view = {"viewBox": "0 0 1000 10", "preserveAspectRatio": "none", "role": "img"}
    spoken = words("compare.bar", run=run, parts=label)
    return tag("svg", *shapes, **view, class_="stack", aria_label=spoken)


# ------------------------------------------------------------------- small maps


def read_overview(file: Path, max_size: int) -> RunRaster:
    """A map of quantities that is in no run's folder, at most ``max_size`` pixels wide and high."""
    from affine import Affine
    from pyproj import CRS
    from rasterio.enums import Resampling

    with open_raster(file, ("GTiff",)) as source:
        shrink = max(1.0, max(source.height, source.width) / max_size)
        rows, cols = (max(1, round(size / shrink)) for size in (source.height, source.width))
        values = source.read(1, out_shape=(rows, cols), masked=True, resampling=Resampling.average)
        pixel = source.transform
        wide, high = pixel.a * source.width / cols, pixel.e * source.height / rows
        return RunRaster(
            values,
            Affine(wide, 0.0, pixel.c, 0.0, high, pixel.f),
            CRS.from_wkt(source.crs.to_wkt()),
            source.units[0] or "",
            source.descriptions[0] or "",
        )


def winner_categories(sheet: Sheet, run: RunFolder) -> tuple[Category, ...]:
    """Classes of a run's map of winning methods, in the words and colours of the page."""
    attrs = run.attributes("winner")
    names = flag_words(attrs) if attrs else {}
    return tuple(
        Category(code, name, sheet.class_colour(name))
        for code, name in names.items()
        if name != "outside the region"
    )


def winner_maps(
    sheet: Sheet,
    runs: Mapping[str, RunFolder],
    pixels: int,
    captioned: Callable[[str, str], tuple[str, str]],
) -> tuple[list[str], str]:
    """Maps of the winning methods of several runs on one scale, and their common legend.

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
    rasters = {
        name: run.raster("winner", pixels) for name, run in runs.items() if "winner" in run.rasters
    }
    widest = max((ground_size(raster)[0] for raster in rasters.values()), default=None)
    circles = {
        name: runs[name].layer(LAYER) for name in rasters if LAYER in runs[name].layers
    }  # fmt: skip
    most = max((float(frame[NET].max()) for frame in circles.values() if len(frame)), default=0.0)
    figures: list[str] = []
    found: dict[str, None] = {}
    for name, raster in rasters.items():
        codes = raster.values.filled(255).astype(np.int64)
        painting = paint_classes(codes, winner_categories(sheet, runs[name]))
        classes = [str(entry["label"]) for entry in painting.legend["classes"]]
        found |= dict.fromkeys(classes)
        said = sheet.words("list.comma").join(map(sheet.words.called, classes))
        caption, alt = captioned(name, said)
        picture = image(raster, painting.index, painting.colours, alt, widest)
        if name in circles and most > 0:
            methods = tuple(runs[name].methods)
            picture = tag(
                "div", picture, circles_over(raster, circles[name], methods, most, widest),
                class_="plan",
            )  # fmt: skip
        figures.append(tag("figure", tag("figcaption", caption), picture))
    sizes = size_legend(sheet, most) if most > 0 else ""
    return figures, sheet.legend(list(found)) + sizes


def circles_over(
    raster: RunRaster,
    circles: gpd.GeoDataFrame,
    methods: tuple[str, ...],
    most: float,
    widest: float | None,
) -> str:
    """Circles of tonnes to lie on a map, in kilometres: the same on the maps of all runs."""
    west, _, _, north = raster.bounds
    rows, cols = raster.values.shape
    wide, high = ground_size(raster)
    x = (circles.geometry.x.to_numpy() - west) / (raster.transform.a * cols) * wide
    y = (circles.geometry.y.to_numpy() - north) / (raster.transform.e * rows) * high
    reach = CIRCLE * (widest or wide)
    radius = np.maximum(reach * np.sqrt(circles[NET].to_numpy() / most), reach / 12)
    drawn = (
        tag("circle", cx=f"{a:.5g}", cy=f"{b:.5g}", r=f"{r:.4g}", fill=method_colour(m, methods))
        for a, b, r, m in zip(x, y, radius, circles["method"], strict=True)
    )
    style = f"width:{100 * wide / widest:.4g}%" if widest is not None and wide < widest else ""
    return tag(
        "svg", *drawn, viewBox=f"0 0 {wide:.5g} {high:.5g}", style=style or None, aria_hidden="true"
    )  # fmt: skip


def size_legend(sheet: Sheet, most: float) -> str:
    """Circles of round amounts beside their tonnes."""
    items = []
    for size in round_sizes(most):
        circle = tag("circle", cx=20, cy=20, r=f"{18 * math.sqrt(size / most):.3g}")
        sign = tag("svg", circle, viewBox="0 0 40 40", class_="size", aria_hidden="true")
        words = f"{number(size / 1e6)} {sheet.words.unit('Mt/yr')}"
        items.append(tag("li", sign, tag("span", text(words))))
    return paragraph(sheet.say("map.sizes")) + tag("ul", *items, class_="legend sizes")


def ground_size(raster: RunRaster) -> tuple[float, float]:
    """Width and height on the ground, roughly [km]."""
    west, south, east, north = raster.bounds
    wide, high = east - west, north - south
    unit = raster.crs.axis_info[0].unit_conversion_factor
    if raster.crs.is_geographic:
        unit *= EARTH_KM * 1000.0
        wide *= max(math.cos(math.radians((south + north) / 2)), 0.05)
    return wide * unit / 1000.0, high * unit / 1000.0


def image(
    raster: RunRaster,
    index: NDArray[np.uint8],
    colours: Sequence[str],
    alt: str,
    widest: float | None = None,
) -> str:
    """A picture as markup, with the proportions that its cells have on the ground."""
    rows, cols = index.shape
    wide, high = ground_size(raster)
    style = f"aspect-ratio:{wide:.6g}/{high:.6g};height:auto"
    if widest is not None and wide < widest:
        style += f";width:{100 * wide / widest:.4g}%"
    return tag("img", src=png_uri(index, colours), alt=alt, width=cols, height=rows, style=style)


def map_legend(sheet: Sheet, colours: Mapping[str, str]) -> str:
    """Words and colours below maps."""
    items = (
        tag("li", sheet.swatch(colour), tag("span", text(words)))
        for words, colour in colours.items()
    )
    return tag("ul", *items, class_="legend")


def rank_columns(sheet: Sheet) -> list[tuple[str, str]]:
    """Titles of the columns that tell how a ranking of sites changed."""
    states = [sheet.head(f"compare.{state}") for state in SITE_STATES]
    return [sheet.head("column.method", kind="text"), *states, sheet.head("compare.order")]


def rank_cells(sheet: Sheet, row: Row) -> list[str]:
    """A row of the table of ranks under :func:`rank_columns`."""
    counts = (shown(int(row[state])) for state in SITE_STATES)
    return [sheet.method(str(row["method"])), *counts, shown(float(row["rank_correlation"]), 2)]


def file_list(sheet: Sheet, files: Mapping[str, str]) -> str:
    """Section with the files beside a page: name -> key of what is in it."""
    items = (
        tag("li", tag("a", tag("code", text(name)), href=name), " – ", sheet.say(key))
        for name, key in files.items()
    )
    return section("files", sheet.say("compare.files"), tag("ul", *items))


def change_map(sheet: Sheet, raster: RunRaster, unit: str, alt: str) -> tuple[str, str]:
    """A picture of changes in classes around zero, and its legend as markup."""
    values = raster.values.filled(np.nan).astype(np.float64)
    classes = change_classes(values, unit)
    codes = np.full(values.shape, 255, np.int64)
    known = np.isfinite(values)
    codes[known] = classes.place(values[known])
    steps = classes.steps(sheet.words, with_unit=False)
    categories = [Category(code, step.label, step.colour) for code, step in enumerate(steps)]
    painting = paint_classes(codes, categories)
    legend = {category.label: category.colour for category in categories}
    words = tag(
        "p", text(sheet.words("change.legend", unit=sheet.words.unit(classes.unit))), class_="note"
    )
    return image(raster, painting.index, painting.colours, alt), words + map_legend(sheet, legend)

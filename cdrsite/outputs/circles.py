"""Circles of a plan's tonnes on matplotlib axes: a legend of sizes, and paler methods below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cdrsite.core.words import Words
from cdrsite.outputs.palette import STATE_COLOURS, method_colour
from cdrsite.outputs.styles import EDGE
from cdrsite.outputs.tonnes import NET, round_sizes, size_in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

PALE = 0.4
"""How much of its colour a method keeps on the map below circles; the rest is white."""
Corner = Literal["upper right", "lower left", "upper left", "lower right"]
CORNERS: dict[Corner, tuple[int, int]] = {
    "upper right": (1, 1),
    "lower left": (0, 0),
    "upper left": (0, 1),
    "lower right": (1, 0),
}
"""Where a legend of sizes may stand: parts of the map's width and height."""
CORNER = 0.36
"""Part of the map's sides that the legend covers, with the circles that reach below it."""
LARGEST = 24.0
"""Diameter of the circle of the most tonnes [pt]."""
CASING = 3.0
"""Of a circle's white ring, both sides together [pt]."""
LEAST = 1e-3
"""What has less than this part of the most tonnes is not drawn: it would be a speck of no area."""


def draw_circles(
    ax: Axes,
    circles: gpd.GeoDataFrame,
    methods: tuple[str, ...],
    words: Words | None = None,
    colours: Sequence[str] | None = None,
) -> None:
    """Draw where a plan's tonnes are, with a legend of sizes in the corner with fewest of them.

    Methods of a map below turn pale: a circle on land of its own method has the same colour. They
    are mixed with white, as files of pictures differ in what they make of opacity. States keep
    their colours, which no method has, and are told from each other and from pale methods.
    Where the map has no legend, one of the methods is added.

    Parameters
    ----------
    ax : Axes
        With the map, in the coordinates of the circles.
    circles : GeoDataFrame
        See :func:`cdrsite.outputs.tonnes.plan_circles`.
    methods : tuple of str
        All methods of the study.
    words : Words, optional
        Of the language; English when not given.
    colours : sequence of str, optional
        "#RRGGBB" of each circle, which then stands in a white ring; that of its method when not
        given.
    """
    if circles.empty:
        return
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D

    words = words or Words()
    legend, cased = ax.get_legend(), colours is not None
    if colours is None and legend is not None:
        _turn_pale(ax, legend)
    most = float(circles[NET].max())
    large = (circles[NET] >= LEAST * most).to_numpy()
    if colours is not None:
        colours = [colour for colour, there in zip(colours, large, strict=True) if there]
    circles = circles[large]
    width = np.maximum(LARGEST * np.sqrt(circles[NET].to_numpy() / most), LARGEST / 12)
    if colours is None:
        colours = [method_colour(str(name), methods) for name in circles["method"]]
        if legend is None:
            there = [name for name in methods if (circles["method"] == name).any()]
            marks = [
                Line2D(
                    [], [], linestyle="", marker="o", markersize=8, label=words.method(name),
                    color=method_colour(name, methods),
                )
                for name in there
            ]  # fmt: skip
            ax.legend(
                handles=marks, loc="upper center", bbox_to_anchor=(0.5, -0.02), frameon=False,
                ncols=min(4, len(marks)), fontsize=8,
            )  # fmt: skip
    x, y = circles.geometry.x, circles.geometry.y
    if cased:  # the land below may have the circle's own colour
        ax.scatter(x, y, s=(width + CASING) ** 2, c="#FFFFFF", linewidths=0, zorder=2.9)
    ax.scatter(x, y, s=width**2, c=colours, edgecolors=EDGE, linewidths=0.5, zorder=3)
    handles = [
        Line2D(
            [], [], linestyle="", marker="o", markersize=LARGEST * np.sqrt(size / most),
            markerfacecolor="none", markeredgecolor="#444444", label=size_in_words(size, words),
        )
        for size in round_sizes(most)
    ]  # fmt: skip
    title = words("chart.net_removal")
    # beside the legend of the map's colours, not in its place
    sizes = Legend(
        ax, handles, [str(handle.get_label()) for handle in handles], title=title,
        loc=_emptiest(ax, circles), fontsize=8, title_fontsize=8, labelspacing=1.2, borderpad=0.9,
        framealpha=1.0,
    )  # fmt: skip
    ax.add_artist(sizes)


def _emptiest(ax: Axes, circles: gpd.GeoDataFrame) -> Corner:
    """The corner of a map whose circles have the fewest tonnes; the first of those alike."""
    (west, east), (south, north) = ax.get_xlim(), ax.get_ylim()
    right = (circles.geometry.x.to_numpy() - west) / (east - west)
    up = (circles.geometry.y.to_numpy() - south) / (north - south)
    tonnes = circles[NET].to_numpy()
    sums: dict[Corner, float] = {}
    for corner, (x, y) in CORNERS.items():
        near = (np.abs(right - x) < CORNER) & (np.abs(up - y) < CORNER)
        sums[corner] = float(tonnes[near].sum())
    return min(sums, key=lambda corner: sums[corner])


def _turn_pale(ax: Axes, legend: Legend) -> None:
    """Mix the colours of methods on the map and in its legend with white."""
    from matplotlib.colors import ListedColormap, to_hex, to_rgb, to_rgba

    states = {colour.lower() for colour in STATE_COLOURS.values()}

    def pale(colour: Any) -> tuple[float, float, float]:
        if to_hex(colour) in states:
            return to_rgb(colour)
        red, green, blue = (1.0 + PALE * (part - 1.0) for part in to_rgb(colour))
        return red, green, blue

    for image in ax.images:
        kept = image.get_cmap()
        image.set_cmap(ListedColormap([pale(kept(at)) for at in range(kept.N)]))
    for patch in legend.get_patches():
        shown = to_rgba(patch.get_facecolor())
        if shown[3] > 0:  # the title of a group has no colour
            patch.set_facecolor(pale(shown))

"""Drawings over years: areas that stack and lines, with axes in HTML that any width can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cdrsite.report.curve import HIGH, WIDE, ticks
from cdrsite.report.frame import Frame
from cdrsite.report.html import tag, text

Points = Sequence[tuple[float, float]]
"""Year and value, in the order of the years; what lies between two is on the line."""


CROWDED, CROWDED_NARROW = 0.1, 0.15
"""Years nearer than this share of the axis do not both have their name below it, on a page and
on a phone [1]."""


@dataclass(frozen=True)
class DatedLine:
    """One line of a drawing.

    Attributes
    ----------
    name : str
        What it is, as text: its tooltip.
    colour : str
        "#RRGGBB".
    points : sequence of (float, float)
        Year and value.
    dashed : bool
        Whether it is no result but what is asked for.
    dots : bool
        Whether its points are marked.
    """

    name: str
    colour: str
    points: Points
    dashed: bool = False
    dots: bool = False


def drawing(
    frame: Frame,
    label: str,
    up: str,
    years: Sequence[float],
    areas: Sequence[DatedLine] = (),
    lines: Sequence[DatedLine] = (),
    most: float | None = None,
) -> str:
    """Areas one on top of the other, and lines over them.

    Parameters
    ----------
    frame : Frame
        Of the page.
    label, up : str
        What the drawing shows, and its upward axis, as text and as markup.
    years : sequence of float
        Marked below, rising; the first and the last are the ends of the axis.
    areas : sequence of DatedLine
        From the lowest; all have the same years.
    lines : sequence of DatedLine
        Over the areas.
    most : float, optional
        Upper end of the axis; round numbers above what is drawn when not given.
    """
    tops = _stacked(areas)
    values = [value for _, value in (tops[-1] if tops else ())]
    values += [value for line in lines for _, value in line.points]
    marks = ticks(min(0.0, *values, 0.0), max(*values, 0.0) if most is None else most)
    bottom, top = marks[0], marks[-1] if marks[-1] > marks[0] else marks[0] + 1.0
    first, last = float(years[0]), float(years[-1])

    def x(year: float) -> float:
        return WIDE * (year - first) / (last - first) if last > first else WIDE

    def y(value: float) -> float:
        return HIGH * (top - value) / (top - bottom)

    def path(points: Points) -> str:
        return "L".join(f"{x(year):.2f} {y(value):.2f}" for year, value in points)

    shapes = [tag("line", x1=0, x2=f"{WIDE:g}", y1=f"{y(v):.2f}", y2=f"{y(v):.2f}") for v in marks]
    parts = [tag("g", *shapes, class_="grid")]
    below: Points = [(year, 0.0) for year, _ in tops[0]] if tops else []
    for area, upper in zip(areas, tops, strict=True):
        closed = f"M{path(upper)}L{path(list(reversed(below)))}Z"
        parts.append(tag("path", _told(area.name), d=closed, fill=area.colour, class_="area"))
        below = upper
    for line in lines:
        kind = "dated dashed" if line.dashed else "dated"
        parts.append(
            tag(
                "path", _told(line.name), d=f"M{path(line.points)}", stroke=line.colour, class_=kind
            )
        )
        if line.dots:  # a line of no length with round ends stays round at any width
            parts += [
                tag("path", d=f"M{x(year):.2f} {y(value):.2f}h0", stroke=line.colour, class_="mark")
                for year, value in line.points
            ]
    svg = tag(
        "svg", *parts, viewBox=f"0 0 {WIDE:g} {HIGH:g}", preserveAspectRatio="none", role="img",
        aria_label=label,
    )  # fmt: skip
    return _framed(frame, svg, up, marks, years)


def _told(name: str) -> str:
    return tag("title", text(name))


def _stacked(areas: Sequence[DatedLine]) -> list[Points]:
    """Upper edges of areas that lie on one another."""
    tops: list[Points] = []
    for area in areas:
        lower = [value for _, value in tops[-1]] if tops else [0.0] * len(area.points)
        tops.append(
            [(year, base + value) for (year, value), base in zip(area.points, lower, strict=True)]
        )
    return tops


def _apart(years: Sequence[float], least: float) -> list[float]:
    """Years whose names do not lie on one another, the later one of two that would."""
    kept: list[float] = []
    for year in reversed(years):
        if not kept or kept[-1] - year >= least:
            kept.append(year)
    return kept[::-1]


def _framed(frame: Frame, svg: str, up: str, marks: Sequence[float], years: Sequence[float]) -> str:
    """A drawing between its axes."""
    low, high = marks[0], marks[-1] if marks[-1] > marks[0] else marks[0] + 1.0
    first, last = float(years[0]), float(years[-1])
    left = [
        tag("span", text(frame.words.exact(round(mark, 9))),
            style=f"top:{100 * (high - mark) / (high - low):.2f}%")
        for mark in marks
    ]  # fmt: skip
    wide = last - first or 1.0
    always = _apart(years, CROWDED_NARROW * wide)
    below = [
        tag("span", text(f"{year:g}"), style=f"left:{100 * (year - first) / wide:.2f}%",
            class_=None if year in always else "wide")
        for year in _apart(years, CROWDED * wide)
    ]  # fmt: skip
    return tag(
        "div",
        tag("p", up, class_="axis"),
        tag(
            "div",
            tag("div", *left, class_="up", aria_hidden="true"),
            svg,
            tag("div", *below, class_="across", aria_hidden="true"),
            class_="field",
        ),
        class_="plot",
    )

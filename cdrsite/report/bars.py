"""Tables of horizontal bars on one scale: a row each with its name, its bar and its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import unescape

from cdrsite.report.html import tag

WIDE, HIGH = 1000.0, 20.0
"""Of a bar's drawing, in its own units; it is stretched to the page."""
TOP, THICK = 4, 12
"""Upper edge and height of a bar in its drawing."""
STUDY_COLOUR = "#607d8b"
"""Of what is of the study and of no method."""

BarRow = tuple[str, str, Sequence[str]]
"""Name, drawing and numbers of a row, as markup."""


class BarScale:
    """Where values lie in the drawing of a bar.

    Parameters
    ----------
    low, high : float
        Values at the left and right ends, the same in all rows.
    """

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def at(self, value: float) -> float:
        """Place of a value; 0 where there is no more than one."""
        wide = self.high - self.low
        return WIDE * (value - self.low) / wide if wide > 0.0 else 0.0

    def bar(
        self, one: float, other: float, fill: str, *, opacity: str | None = None, least: float = 0.0
    ) -> str:
        """A bar between two values, in units of the drawing at least so wide."""
        left, right = sorted((self.at(one), self.at(other)))
        width = max(right - left, least)
        at = {"x": f"{left:.2f}", "y": TOP, "width": f"{width:.2f}", "height": THICK}
        return tag("rect", **at, fill=fill, fill_opacity=opacity)

    def line(self, value: float) -> str:
        """A line over the height of the drawing at a value."""
        x = f"{self.at(value):.2f}"
        return tag("line", x1=x, x2=x, y1=0, y2=HIGH)


def drawing(*shapes: str) -> str:
    """Shapes of a row's bar as a picture."""
    return tag("svg", *shapes, viewBox=f"0 0 {WIDE:g} {HIGH:g}", preserveAspectRatio="none")


def drawn_cell(picture: str) -> str:
    """The cell of a row that holds its bar: numbers beside it say the same."""
    return tag("td", picture, class_="fall-bar", aria_hidden="true")


def bar_table(figure: str, heads: Iterable[str], rows: Iterable[BarRow], kind: str = "") -> str:
    """A table with a bar in each row.

    Parameters
    ----------
    figure : str
        What the bars show, with its unit, as markup.
    heads : iterable of str
        Titles of the columns of numbers, as markup.
    rows : iterable of BarRow
        In the order of the page.
    kind : str
        Further class of the table.
    """
    lines = (
        tag("tr", tag("th", name, scope="row"), drawn_cell(picture),
            *(tag("td", number, class_="n") for number in numbers))
        for name, picture, numbers in rows
    )  # fmt: skip
    columns = [("", None), (figure, None), *((title, "n") for title in heads)]
    head = tag("tr", *(tag("th", title, scope="col", class_=shape) for title, shape in columns))
    body = tag("caption", figure, class_="unseen") + tag("thead", head) + tag("tbody", *lines)
    made = tag("table", body, class_=f"fall tornado {kind}".rstrip())
    return tag("div", made, class_="scroll", tabindex=0, role="group", aria_label=unescape(figure))

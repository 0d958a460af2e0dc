"""What pages on several runs share: the frame of the page, and numbers side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cdrsite.compare.changes import SITE_STATES
from cdrsite.core.numbers import MISSING, THIN, number, table_amount
from cdrsite.core.version import __version__
from cdrsite.outputs.legend import class_colour
from cdrsite.outputs.palette import method_colour
from cdrsite.report.fragment import Fragment
from cdrsite.report.frame import MAX_ROWS, Frame, Row, paragraph, section
from cdrsite.report.html import page, tag, text
from cdrsite.report.page import STYLE, policy

if TYPE_CHECKING:
    from cdrsite.core.words import Words
    from cdrsite.outputs.runfolder import RunFolder

NOISE = 1e-9
"""Changes below this share of the numbers themselves are their rounding."""
UNSEEN = 2e-4
"""Changes below this share of the numbers are next to nothing: three digits do not show them."""

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
    return page(top, body, sheet.words.lang)


# ---------------------------------------------------------------------- numbers


def shown(value: object, digits: int = 3) -> str:
    """A number as markup, in full for programs."""
    known = isinstance(value, int | float) and math.isfinite(value)
    said = table_amount(value, digits) if _is_faint(value) else plain_number(value, digits)
    return tag("span", text(said), class_="v",
               data_value=repr(value) if known else None)  # fmt: skip


def _is_faint(value: object) -> bool:
    """Whether an amount is next to nothing in the unit of its column."""
    return isinstance(value, float) and table_amount(value)[:1] in {"<", ">"}


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


def change_words(a: float, b: float) -> str:
    """The change from one number to another as text: ``≈ 0`` where the numbers do not show it."""
    change = change_of(a, b)
    if change and abs(change) < UNSEEN * max(abs(a), abs(b)):
        return f"≈{THIN}0"
    return table_amount(change) if _is_faint(change) else signed(change)


def delta(value: object, a: object = math.nan, b: object = math.nan) -> str:
    """A change as markup; ``a`` and ``b`` tell what of it is rounding, or next to nothing."""
    size = float(value) if isinstance(value, int | float) else math.nan
    raw = repr(value) if math.isfinite(size) else None
    said = signed(size)
    if isinstance(a, float) and isinstance(b, float) and math.isfinite(size + a + b):
        size, said = change_of(a, b), change_words(a, b)
    told = said.startswith(("+", "−"))
    kind = "v" if not told else "v up" if size > 0 else "v down"
    return tag("span", text(said), class_=kind, data_value=raw)


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

"""What every part of the page writes with: the run, its words, numbers that name their source."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote

from cdrsite.core.numbers import MISSING, number, table_amount
from cdrsite.core.words import Words, fill
from cdrsite.outputs.legend import class_colour, in_groups
from cdrsite.outputs.palette import method_colour
from cdrsite.outputs.runfolder import KeptRecord, RunFolder
from cdrsite.report.html import tag, text

MAX_ROWS = 200
"""Rows of a table that the page shows; the rest is in the file that it names."""

SHORT = 15
"""Most rows of a folded table that is unfolded on paper."""

Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Frame:
    """The run and the words of one page.

    Attributes
    ----------
    run : RunFolder
        What is reported.
    words : Words
        In its language.
    beside : bool
        Whether the page lies in the run's folder, so that links lead to its files.
    """

    run: RunFolder
    words: Words
    beside: bool = field(default=False, kw_only=True)

    # ------------------------------------------------------------------- text

    def say(self, key: str, **markup: str) -> str:
        """Words of a key as markup; the values are markup already."""
        return fill(text(self.words(key)), markup) if self.words.has(key) else text(key)

    def count(self, key: str, n: int, **markup: str) -> str:
        """Words that differ for one and for many, with the number as ``{n}``."""
        which = "one" if n == 1 else "many"
        return self.say(f"{key}.{which}", n=number(int(n)), **markup)

    def unit(self, name: str) -> str:
        """A unit as markup; a bare share has none."""
        return "" if name == "1" else text(self.words.unit(name))

    def file(self, name: str, shown: str = "") -> str:
        """A file of the run: a link where the page lies beside it and it is there.

        Parameters
        ----------
        name : str
            From the run's folder on, with slashes.
        shown : str
            What is read; the whole name when not given.
        """
        called = tag("code", text(shown or name))
        if not self.beside or not (self.run.path / name).is_file():
            return called
        return tag("a", called, href=quote(name))

    def in_(self, name: str) -> str:
        """A unit behind the title of a column."""
        return " " + tag("span", self.unit(name), class_="unit")

    def listing(self, names: Sequence[str], most: int = 4) -> str:
        """Names as one phrase, the first ``most`` of them."""
        shown = [text(name) for name in names[:most]]
        joined, more = self.words("list.comma").join(shown), len(names) - most
        return self.say("list.more", names=joined, n=number(more)) if more > 0 else joined

    # ---------------------------------------------------------------- methods

    def method(self, name: str) -> str:
        """Name of a method with its colour."""
        return self.dotted(self.colour(name), self.words.method(name))

    def dotted(self, colour: str, called: str) -> str:
        """A name behind a dot of its colour, which no end of a line parts from it."""
        led = tag("span", self.swatch(colour), text(called[:1]), class_="nowrap")
        return led + text(called[1:])

    def colour(self, name: str) -> str:
        """Colour of a method, the same as in every map."""
        return method_colour(name, self.run.methods)

    def class_colour(self, name: str) -> str:
        """Colour of a class of a map: a method, a resource, a state."""
        return class_colour(name, self.run.methods)

    def legend(self, names: Sequence[str]) -> str:
        """Colours of methods and states with their words; many methods stand in groups."""
        groups = in_groups(names)
        parts = []
        for group, members in groups:
            dots = [self.swatch(self.class_colour(name)) for name in members]
            called = [tag("span", text(self.words.called(name))) for name in members]
            items = [tag("li", dot, name) for dot, name in zip(dots, called, strict=True)]
            if len(groups) == 1:
                return tag("ul", *items, class_="legend")
            title = self.say(f"group.{group or 'none'}")
            parts.append(tag("li", tag("b", title), tag("ul", *items, class_="legend")))
        return tag("ul", *parts, class_="legend groups")

    @staticmethod
    def swatch(colour: str) -> str:
        """A dot of a colour; means nothing to a screen reader."""
        return tag("i", class_="dot", style=f"background:{colour}", aria_hidden="true")

    # ---------------------------------------------------------------- numbers

    def at(self, pointer: str) -> Any:
        """Value at a pointer into the summary, or None.

        Parameters
        ----------
        pointer : str
            Names and positions between slashes (``~1`` is a slash within a name);
            ``tables/NAME/ROW/COLUMN`` leads into a table and ``#`` stands for how many.
        """
        if pointer.startswith("tables/"):
            _, name, row, column = pointer.split("/", 3)
            return self.rows(name)[int(row)].get(unquoted(column))
        value: Any = self.run.summary
        for part in pointer.split("/"):
            key = unquoted(part)
            if key == "#":
                return len(value)
            if isinstance(value, Mapping):
                value = value.get(key)
            elif isinstance(value, list) and int(key) < len(value):
                value = value[int(key)]
            else:
                return None
        return value

    def value(
        self, pointer: str, factor: float = 1.0, digits: int = 3, *, amount: bool = False
    ) -> str:
        """A number that says where it comes from, and how it is in full.

        Parameters
        ----------
        pointer : str
            As of :meth:`at`; several, joined by ``+``, are summed.
        factor : float
            From its unit to the shown one.
        digits : int
            Significant digits shown.
        amount : bool
            Whether it stands in a table below the unit of its column: then what is next to
            nothing is told so, without a power of ten.
        """
        total = self.sum_of(pointer)
        if total is None:
            return tag("span", MISSING, class_="v")
        shown = total if isinstance(total, int) and factor == 1.0 else total * factor
        return tag(
            "span",
            text((table_amount if amount else number)(shown, digits)),
            class_="v",
            data_key=pointer,
            data_value=repr(total),
            data_factor=None if factor == 1.0 else repr(factor),
            data_digits=None if digits == 3 else digits,
            data_amount=amount,
        )

    def figure(self, pointer: str, unit: str, label: str, under: str = "", **markup: str) -> str:
        """A headline number: its words, and the number with its unit; its range under it."""
        number = tag("dd", self.value(pointer), " ", tag("small", self.unit(unit)))
        more = tag("dd", under, class_="range") if under else ""
        return tag("div", tag("dt", self.say(label, **markup)), number, more)

    def year(self, pointer: str) -> str:
        """A year: no space between thousands."""
        year = self.at(pointer)
        if year is None:
            return tag("span", MISSING, class_="v")
        named = {"data_key": pointer, "data_value": year, "data_plain": True}
        return tag("span", text(year), class_="v", **named)

    def sum_of(self, pointer: str) -> float | int | None:
        """Sum of the numbers at pointers joined by ``+``; None if none of them is known."""
        known = [
            value
            for part in pointer.split("+")
            if isinstance(value := self.at(part), int | float) and math.isfinite(value)
        ]
        if not known:
            return None
        return known[0] if len(known) == 1 else math.fsum(known)

    # ----------------------------------------------------------------- tables

    @cached_property
    def _tables(self) -> dict[str, list[Row]]:
        return {}

    def rows(self, name: str) -> list[Row]:
        """Rows of a table, in the order of its file; none if the run has no such table."""
        if name not in self._tables:
            known = name in self.run.tables
            records = self.run.table(name).to_dict("records") if known else []
            self._tables[name] = [KeptRecord(row) for row in records]
        return self._tables[name]


def unquoted(part: str) -> str:
    """A part of a pointer as it is named (RFC 6901)."""
    return part.replace("~1", "/").replace("~2", "+").replace("~0", "~")


def quoted(part: str) -> str:
    """A name as a part of a pointer."""
    return part.replace("~", "~0").replace("/", "~1").replace("+", "~2")


def word(value: object) -> str:
    """Text of a cell; nothing where there is none."""
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value)


def real(value: object) -> float:
    """Number of a cell; NaN where there is none."""
    return float(value) if isinstance(value, int | float) else math.nan


def bar(share: float, colour: str) -> str:
    """A bar that is a share of its track; its number stands beside it."""
    width = 100 * min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.0
    inner = tag("i", style=f"width:{width:.2f}%;background:{colour}")
    return tag("span", inner, class_="bar", aria_hidden="true")


def stacked(parts: Sequence[tuple[float, str]], most: float) -> str:
    """Several bars end to end, as shares of ``most``."""
    inner = "".join(
        tag("i", style=f"width:{100 * size / most:.2f}%;background:{colour}")
        for size, colour in parts
        if most > 0 and size > 0
    )
    return tag("span", inner, class_="bar", aria_hidden="true")


def section(name: str, title: str, *parts: str) -> str:
    """A section of the page with its heading; nothing if there is nothing to say."""
    body = "".join(parts)
    if not body:
        return ""
    head = tag("h2", title, id=f"{name}-title")
    return tag("section", head, body, id=name, aria_labelledby=f"{name}-title")


def details(summary: str, *parts: str, rows: int = 0, open_: bool = False) -> str:
    """A part that is folded away until asked for."""
    # short ones are unfolded on paper, where nobody can click
    kind = "short" if rows <= SHORT else "long"
    return tag("details", tag("summary", summary), *parts, class_=kind, open=open_)


def paragraph(*parts: str, kind: str | None = None) -> str:
    """A paragraph."""
    return tag("p", *parts, class_=kind)

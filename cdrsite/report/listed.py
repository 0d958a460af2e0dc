"""Tables of the page that show tables of the run: columns, order, and what is folded away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cdrsite.report.frame import MAX_ROWS, Frame, Row, details, paragraph, real
from cdrsite.report.html import table, tag

OPEN_ROWS = 15
"""Rows of a table that stand open; longer tables are folded after them."""

Head = tuple[str, str]
"""Title of a column as markup, and its kind as of :func:`cdrsite.report.html.table`."""


@dataclass(frozen=True)
class PageColumn:
    """A column of a table of the page.

    Attributes
    ----------
    title : str
        Key of the words of its title.
    cell : str or callable
        The numbers of this column of the run's table; or, of a row of it, markup.
    unit : str
        Behind the title.
    factor : float
        From the unit of the run's table to the shown one.
    digits : int
        Significant digits shown.
    kind : {'', 'text', 'number', 'short', 'long'}
        How it is aligned; as its cells are when empty.
    """

    title: str
    cell: str | Callable[[Row], str]
    unit: str = ""
    factor: float = 1.0
    digits: int = 3
    kind: str = ""


def listed(
    frame: Frame, name: str, columns: Sequence[PageColumn], positions: Iterable[int]
) -> tuple[list[Head], list[list[str]]]:
    """Heads and rows, as of :func:`cdrsite.report.html.table`, from rows of a table of the run.

    Parameters
    ----------
    frame : Frame
        Of the page.
    name : str
        Table of the run.
    columns : sequence of PageColumn
        What is shown.
    positions : iterable of int
        Rows of the run's table, in the order of the page.
    """
    records = frame.rows(name)

    def cell(column: PageColumn, position: int) -> str:
        if callable(column.cell):
            return column.cell(records[position])
        pointer = f"tables/{name}/{position}/{column.cell}"
        return frame.value(pointer, column.factor, column.digits, amount=bool(column.unit))

    heads = [
        (
            frame.say(column.title) + (frame.in_(column.unit) if column.unit else ""),
            column.kind or ("text" if callable(column.cell) else "number"),
        )
        for column in columns
    ]
    return heads, [[cell(column, position) for column in columns] for position in positions]


def headed(
    frame: Frame,
    name: str,
    title: str,
    columns: Sequence[PageColumn],
    positions: Sequence[int],
    *,
    intro: str = "",
    note: str = "",
    file: bool = True,
    every: int | None = None,
) -> str:
    """A table of the run under a heading, with what must be read before and after it.

    Parameters
    ----------
    frame : Frame
        Of the page.
    name : str
        Table of the run.
    title : str
        Key of the words of the heading.
    columns : sequence of PageColumn
        What is shown.
    positions : sequence of int
        Rows of the run's table, in the order of the page; nothing is shown where there are none.
    intro, note : str
        Markup of the paragraphs above and below the table.
    file : bool
        Whether to say which file holds all rows.
    every : int, optional
        Rows that there are; as many as positions when not given.
    """
    if not positions:
        return ""
    heads, cells = listed(frame, name, columns, positions)
    caption = frame.say(title)
    return "".join([
        tag("h3", caption),
        paragraph(intro) if intro else "",
        folded(frame, caption, heads, cells, len(cells) if every is None else every, name),
        paragraph(note, kind="note") if note else "",
        file_note(frame, name) if file else "",
    ])  # fmt: skip


def largest_first(frame: Frame, name: str, by: str) -> list[int]:
    """At most :data:`MAX_ROWS` positions in a table of the run, the largest of a column first."""
    sizes = [-real(row.get(by)) for row in frame.rows(name)]
    return sorted(range(len(sizes)), key=sizes.__getitem__)[:MAX_ROWS]


def ranking(frame: Frame, name: str, title: str, by: str, columns: Sequence[PageColumn]) -> str:
    """A table of the run with a heading, the largest first; nothing if the run has no such table.

    Parameters
    ----------
    frame : Frame
        Of the page.
    name : str
        Table of the run.
    title : str
        Key of the words of the heading.
    by : str
        Column of the run's table by whose numbers the rows are ordered.
    columns : sequence of PageColumn
        What is shown.
    """
    shown = largest_first(frame, name, by)
    return headed(frame, name, title, columns, shown, file=False, every=len(frame.rows(name)))


def folded(
    frame: Frame, title: str, heads: list[Head], rows: list[list[str]], every: int, name: str
) -> str:
    """A table that stands open while it is short, else folded with its count.

    Parameters
    ----------
    frame : Frame
        Of the page.
    title : str
        Caption as markup; a heading above says it too.
    heads, rows : list
        As of :func:`cdrsite.report.html.table`; at most :data:`MAX_ROWS` rows.
    every : int
        Rows that there are.
    name : str
        Table of the run that holds them all.
    """
    left_out = ""
    if every > len(rows):
        file = frame.file(f"tables/{name}.csv")
        left_out = paragraph(frame.count("left_out", every - len(rows), file=file), kind="note")
    if len(rows) <= OPEN_ROWS:
        return table(title, heads, rows, headed=True) + left_out
    first, rest = table(title, heads, rows[:OPEN_ROWS], headed=True), rows[OPEN_ROWS:]
    again = table(frame.say("table.continued", title=title), heads, rest, headed=True)
    return first + details(frame.count("rows.more", len(rest)), again, left_out, rows=len(rest))


def file_note(frame: Frame, name: str, kind: str = "note") -> str:
    """Which file holds the whole table."""
    return paragraph(frame.say("file", file=frame.file(f"tables/{name}.csv")), kind=kind)

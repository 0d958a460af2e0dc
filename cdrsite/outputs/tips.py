"""What QGIS tells of a shape in a tip or a label: numbers and names as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from cdrsite.outputs.nodes import node
from cdrsite.outputs.styles import quoted, text

if TYPE_CHECKING:
    import pandas as pd

    from cdrsite.core.words import Words

MOST = 12
"""Columns that a tip tells."""
MOST_NAMES = 200
"""Distinct texts of a column that are told in words; of more, each stays as the table has it."""
UNTOLD = frozenset({"x", "y", "lon", "lat", "id", "weight_km", "model_usd_yr", "price_unit"})
"""Columns for tables and programs."""
NODES = frozenset({"name", "start", "end", "plant", "used_by"})
KINDS = {"mode": "mode", "transport_mode": "mode", "origin": "origin", "kind": "kind"}
"""Column of names of the program -> beginning of their words."""
CALLED = frozenset({"method", "limited_by"})
SEPARATOR = "\u202f"


def tips_of(
    frame: pd.DataFrame,
    fields: Mapping[str, tuple[str, str]],
    words: Words,
    methods: Sequence[str],
) -> tuple[tuple[str, str], ...]:
    """Names of columns, and expressions of QGIS that tell them.

    Parameters
    ----------
    frame : DataFrame
        Of the layer.
    fields : mapping
        Column -> its name for people, and its meaning; the order of the tip.
    words : Words
        Language.
    methods : sequence of str
        Of the run: names of plants and sites begin with them.
    """
    told = [(alias, column) for column, (alias, _) in fields.items() if column not in UNTOLD]
    return tuple(
        (alias, told_by(column, frame[column], words, methods)) for alias, column in told[:MOST]
    )


def told_by(
    column: str, values: pd.Series[Any], words: Words | None = None, methods: Sequence[str] = ()
) -> str:
    """An expression of QGIS that tells a column.

    Parameters
    ----------
    column : str
        Its name.
    values : Series
        Its values, for the texts and the type.
    words : Words, optional
        Language; texts and truths stay as they are without.
    methods : sequence of str
        As for :func:`tips_of`.
    """
    known = values.dropna()
    if words is not None and len(known) and all(isinstance(one, bool) for one in known.tolist()):
        yes, no = text(words("sites.yes")), text(words("sites.no"))
        return f"CASE WHEN {quoted(column)} THEN {yes} WHEN NOT {quoted(column)} THEN {no} END"
    if values.dtype.kind in "iuf":
        return number_told(column)
    said = {name: _said(column, name, words, methods) for name in _names(known)} if words else {}
    cases = [
        f"WHEN {quoted(column)} = {text(name)} THEN {text(word)}"
        for name, word in said.items()
        if word != name
    ]
    if not cases or len(cases) > MOST_NAMES:
        return quoted(column)
    return f"CASE {' '.join(cases)} ELSE {quoted(column)} END"


def _names(known: pd.Series[Any]) -> list[str]:
    return sorted({one for one in known.tolist() if isinstance(one, str)})


def _said(column: str, name: str, words: Words, methods: Sequence[str]) -> str:
    """A text of a column in words."""
    if column in NODES:
        return node(name, words, methods)
    if column in KINDS:
        return words.named(KINDS[column], name)
    if column in CALLED:
        return words.called(name)
    return words.zone(name) if column == "zone" else name


def number_told(column: str) -> str:
    """An expression of QGIS for a number: three digits, and whole from a thousand on."""
    name = quoted(column)
    return (
        f"CASE WHEN abs({name}) >= 10000 THEN "
        f"replace(format_number(round({name}), 0, 'en'), ',', {text(SEPARATOR)}) "
        f"WHEN abs({name}) >= 1000 THEN to_string(round({name})) "
        f"WHEN {name} = 0 THEN '0' "
        f"ELSE to_string(round({name}, to_int(2 - floor(log10(abs({name})))))) END"
    )


def tip_html(title: str, tips: Sequence[tuple[str, str]]) -> str:
    """The tip of a shape: a table of names and values."""
    lines = (
        f"<tr><td>{_plain(alias)}</td><td>[% {told} %]</td></tr>" for alias, told in tips[:MOST]
    )
    return f"<b>{_plain(title)}</b><table>{''.join(lines)}</table>"


def _plain(words: str) -> str:
    """Text of a page: QGIS takes what begins with ``[%`` for an expression, up to the next end."""
    return escape(words).replace("%", "&#37;")

"""The only place where text becomes markup."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cdrsite.outputs.tables import plain

KINDS = {"text": None, "number": "n", "short": "short", "long": "long"}
"""Class of the cells of each kind of column."""
VOID = frozenset({"meta", "br", "hr", "img", "input", "link"})
"""Elements without content."""


def text(value: object) -> str:
    """Text or an attribute's value, escaped."""
    return html.escape(str(value), quote=True)


def tag(name: str, /, *children: str, **attributes: object) -> str:
    """One element.

    Parameters
    ----------
    name : str
        Of the element.
    *children : str
        Markup; text goes through :func:`text` first.
    **attributes : object
        Escaped here. ``class_`` is ``class``, underscores within are hyphens; False and None are
        left out, True stands without a value.
    """
    parts = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        label = key.rstrip("_").replace("_", "-")
        parts.append(label if value is True else f'{label}="{text(value)}"')
    head = f"<{' '.join(parts)}>"
    return head if name in VOID else f"{head}{''.join(children)}</{name}>"


def script_json(value: Any) -> str:
    """JSON that may stand inside a script element, whatever the texts in it hold."""
    # NaN is no JSON; and nothing here can end the element or begin a comment
    document = json.dumps(plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        document = document.replace(sign, f"\\u{ord(sign):04x}")
    return document


def page(head: str, body: str, lang: str) -> str:
    """A whole page.

    Parameters
    ----------
    head, body : str
        Markup of the two elements.
    lang : {'en', 'zh'}
        Language; Chinese is written in simplified characters.
    """
    code = {"zh": "zh-Hans"}.get(lang, lang)
    return f"<!doctype html>\n{tag('html', head, body, lang=code)}\n"


def table(
    caption: str,
    columns: Sequence[tuple[str, str]],
    rows: Sequence[Sequence[str]],
    *,
    total: Sequence[str] | None = None,
    attributes: Mapping[str, object] | None = None,
    headed: bool = False,
) -> str:
    """A table with caption and scopes, in a region that scrolls by itself on a narrow screen.

    Parameters
    ----------
    caption : str
        Markup.
    columns : sequence of (markup, kind)
        Kind is ``text``, ``number``, ``short`` (a word or a year, as narrow as it is) or ``long``
        (sentences, which are given room).
    rows, total : sequences of markup
        The first cell of a row is its header.
    attributes : mapping, optional
        Of the table.
    headed : bool
        A heading above says the same as the caption, which is then for screen readers only.
    """
    head = "".join(tag("th", title, scope="col", class_=_kind(kind)) for title, kind in columns)
    body = "".join(_row(row, columns) for row in rows)
    foot = "" if total is None else tag("tfoot", _row(total, columns))
    inner = (
        tag("caption", caption, class_="unseen" if headed else None)
        + tag("thead", tag("tr", head))
        + tag("tbody", body)
        + foot
    )
    # what scrolls must be reachable from the keyboard, and say what it is
    name = html.unescape(re.sub("<[^>]*>", "", caption))
    body = tag("table", inner, **dict(attributes or {}))
    return tag("div", body, class_="scroll", tabindex=0, role="group", aria_label=name)


def _row(cells: Sequence[str], columns: Sequence[tuple[str, str]]) -> str:
    first, *others = cells
    kinds = [kind for _, kind in columns]
    elements = [tag("th", first, scope="row", class_=_kind(kinds[0]))]
    elements += [
        tag("td", cell, class_=_kind(kind)) for cell, kind in zip(others, kinds[1:], strict=True)
    ]
    return tag("tr", *elements)


def _kind(kind: str) -> str | None:
    return KINDS[kind]

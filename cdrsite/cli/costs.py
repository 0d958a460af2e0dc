"""What a net tonne of each method costs and of what that is made up, a line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cdrsite.core.numbers import number
from cdrsite.core.vocabulary import part_in_words
from cdrsite.core.words import Words

if TYPE_CHECKING:
    import pandas as pd

GAP = 4
"""Columns of the terminal between names and lines, and before both [characters]."""


def cost_lines(
    costs: Mapping[str, Any], parts: pd.DataFrame | None, words: Words, width: int
) -> list[tuple[str, str]]:
    """A line for each method of the plan: its cost as the sum of its largest parts.

    Parameters
    ----------
    costs : mapping
        ``costs`` of a run's summary.
    parts : DataFrame
        Table of the parts.
    words : Words
        Language.
    width : int
        Of the terminal [characters]; what does not fit is told as one.

    Returns
    -------
    list of (str, str)
        Method, and ``511 (399–928) = capital 261 + ... + emissions and losses 42 + rest 8`` [USD]:
        the parts per gross tonne, and what that grows by per net tonne.
    """
    if parts is None or not costs:
        return []
    from rich.cells import cell_len

    named = {name: words.typed(name) for name in costs}
    room = width - max(map(cell_len, named.values())) - GAP
    rows = parts.to_dict("records")
    return [
        (named[name], _line(one, [row for row in rows if row["method"] == name], words, room))
        for name, one in costs.items()
    ]


def _line(one: Mapping[str, Any], rows: list[dict[str, Any]], words: Words, room: int) -> str:
    """One line, with as many of the largest parts as there is room for."""
    from rich.cells import cell_len

    losses = words("end.cost.losses"), one["losses_usd_t"]
    sizes = [(part_in_words(str(row["part"]), words), row["usd_gross_t"]) for row in rows]
    sizes = sorted([*sizes, losses], key=lambda item: -abs(item[1]))
    total = number(one["net_usd_t"])
    if one.get("ranged"):
        high = one["high_usd_t"]
        total += f" ({number(one['low_usd_t'])}–{'' if high is None else number(high)})"
    told = f"{total} ="
    for count in range(len(sizes), 0, -1):
        shown, rest = sizes[:count], sum(size for _, size in sizes[count:])
        if count < len(sizes):
            shown = [*shown, (words("end.cost.rest"), rest)]
        told = f"{total} = {_sum(shown)}"
        if cell_len(told) <= room:
            break
    return told


def _sum(items: list[tuple[str, float]]) -> str:
    """``capital 261 + land 3 − sale of power 37``."""
    text = ""
    for name, size in items:
        sign = (" − " if size < 0 else " + ") if text else ("−" if size < 0 else "")
        text += f"{sign}{name} {number(abs(size))}"
    return text

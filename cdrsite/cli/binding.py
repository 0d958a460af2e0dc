"""What binds in a plan, as a table on the terminal: a line for each kind of pool or rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cdrsite.compare.changes import records
from cdrsite.core.numbers import number
from cdrsite.core.vocabulary import amount, priced
from cdrsite.core.words import Words, month_of

if TYPE_CHECKING:
    import pandas as pd

SHOWN_BINDING = 6
"""Kinds of binding pools shown on the terminal."""
SHOWN_ZONES = 3
"""Pools named for each kind."""

SENSES = {"<=": "at_most", ">=": "at_least", "=": "exactly"}
"""Sense of a rule of policy -> its words."""

Columns = list[tuple[str, str]]
"""Heading and justification of each column."""


def planner_price(
    price: float, unit: str, words: Words, goal: str = "", *, month: bool = False
) -> tuple[float, str]:
    """A price in units that a planner reads: per MWh, per 1000 m³, per ha.

    Parameters
    ----------
    price : float
        In ``unit``.
    unit : str
        For example "t per m3".
    words : Words
        Language.
    goal : str
        Name of what the plan maximises, where its tonnes need a word: "net removal".
    month : bool
        Whether it is of what there is in one month, which is told by the single unit.

    Returns
    -------
    tuple
        The price and its unit.
    """
    paid, _, per = unit.partition(" per ")
    factor, name = (1.0, per) if month else priced(per)
    paid = "$" if paid == "USD" else words.unit(paid)
    if unit.startswith("t ") and goal.startswith("net"):
        paid = words("end.net_t")
    return price * factor, words("end.per", paid=paid, per=words.unit(name))


def binding_rows(pools: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Rows of the table of pools that have a price, the ones that matter most first.

    What matters is price times supply: what the objective owes to the pool.
    """
    rows = [] if pools is None else records(pools)
    binding = [row for row in rows if row["price"] != 0]
    return sorted(binding, key=lambda row: -abs(row["price"] * row["supply"]))


def binding_table(
    rows: Sequence[dict[str, Any]], goal: str, words: Words, *, where: bool
) -> tuple[Columns, list[tuple[str, ...]], str]:
    """One line for each kind of pool that binds, the kinds that matter most first.

    Parameters
    ----------
    rows : sequence of dict
        As of :func:`binding_rows`.
    goal : str
        Name of what the plan maximises.
    words : Words
        Language.
    where : bool
        Whether there is room for the names of pools and rules.

    Returns
    -------
    tuple
        Columns, rows and caption.
    """
    kinds: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        # each rule is its own kind, and supplies of one month add up to none of the year
        own = str(row["zone"]) if row["family"] == "policy" else month_of(str(row["zone"]))[1]
        kinds.setdefault((row["family"], own, row["unit"], row["price_unit"]), []).append(row)
    justified = {"binds": "name", "supply": "right", "gain": "right"}
    justified |= {"where": "left"} if where else {}
    columns = [(words(f"end.{key}"), justify) for key, justify in justified.items()]
    shown = [
        _line(members, goal, words)[: len(columns)]
        for members in list(kinds.values())[:SHOWN_BINDING]
    ]
    more = len(kinds) - SHOWN_BINDING
    return columns, shown, words("end.kinds", n=more) if more > 0 else ""


def _line(members: Sequence[dict[str, Any]], goal: str, words: Words) -> tuple[str, ...]:
    """What binds, what there is of it, what one more brings or costs, and where."""
    family, unit = str(members[0]["family"]), str(members[0]["unit"])
    sense = str(members[0].get("sense"))
    _, month = month_of(str(members[0]["zone"])) if family != "policy" else ("", "")
    dearest = max((row["price"] for row in members), key=abs)
    price, per = planner_price(
        dearest, str(members[0]["price_unit"]), words, goal, month=bool(month)
    )
    supply = math.fsum(row["supply"] for row in members)
    size, name = amount(unit).total
    if month:
        size, name = amount(unit).of(supply)
        name = name.removesuffix("/yr")
    limit, gain = f"{number(supply / size)} {words.unit(name)}", f"{number(price)} {per}"
    what = words.resource(family)
    zones = [str(row["zone"]) for row in members if row["zone"] is not None]
    if month:
        what = words("months.row", pool=what, month=words(f"month.{month}"))
        zones = [month_of(zone)[0] for zone in zones]
    if family == "policy" and sense in SENSES:
        limit = words(f"end.{SENSES[sense]}", limit=limit)
        gain = words("end.costs_more", price=gain) if sense == ">=" else gain
    return what, limit, gain, _some([words.zone(zone) for zone in zones], words)


def _some(names: Sequence[str], words: Words) -> str:
    """The first names, and how many more there are."""
    text = words("list.comma").join(names[:SHOWN_ZONES])
    more = len(names) - SHOWN_ZONES
    return text if more <= 0 else words("list.more", names=text, n=more)

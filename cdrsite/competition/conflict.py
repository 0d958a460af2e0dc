"""Which rows are in conflict, and by how much each would have to give.

Phase one ends with prices that prove that no plan keeps all rows; only rows with a price are part
of the proof. A deletion filter (Chinneck and Dravnieks 1991, ORSA Journal on Computing 3, 157-168)
then drops every row without which the rest is still in conflict: what stays is irreducible. Each
question keeps the columns of those before it, and ends with the first prices that answer it: what
these do without is dropped with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cdrsite.competition.generator import Generator
from cdrsite.core.errors import InfeasibleError
from cdrsite.core.vocabulary import sized

POLICY = "policy"
"""Family of target, budget and the rules of policy."""
SHOWN = 3
"""Rows of a family that the text names."""
ALL = 10
"""Rows of a family up to which it is worked out what each would have to give."""
LONGEST = 40
"""Longest name that is written out [characters]."""

if TYPE_CHECKING:
    from cdrsite.competition.master import MasterSolution
    from cdrsite.competition.rows import SharedRow


def explain_conflict(generator: Generator, proof: MasterSolution) -> ConflictError:
    """Reduce a conflict to the smallest set of rows and say what each would have to give."""
    active = _in_proof(generator, proof.price)
    for r in np.flatnonzero(active):
        without = active.copy()
        without[r] = False
        if not active[r]:
            continue  # some proof did without it
        generator.keep_rows(without)
        price = generator.broken(without)
        if price is not None:
            active = without & _in_proof(generator, price)
    rows = [generator.system.rows[r] for r in np.flatnonzero(active)]
    asked = _worth_asking(rows)
    gives = [
        _least_give(generator, active, int(r)) if one in asked else np.nan
        for one, r in enumerate(np.flatnonzero(active))
    ]
    return ConflictError(tuple(rows), tuple(gives))


def _in_proof(generator: Generator, price: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Rows whose price is more than rounding: the others are no part of a proof."""
    return np.asarray(np.abs(price * generator.scale) > 1e-7)


def _worth_asking(rows: Sequence[SharedRow]) -> set[int]:
    """Rows of which it is worked out what they would have to give: each one is a problem solved.

    All policies, and of a family with many pools only the largest, which can give most.
    """
    asked: set[int] = set()
    for family in {row.family for row in rows}:
        mine = [i for i, row in enumerate(rows) if row.family == family]
        if family != POLICY and len(mine) > ALL:
            mine = sorted(mine, key=lambda i: -rows[i].limit)[:SHOWN]
        asked.update(mine)
    return asked


def _least_give(generator: Generator, active: npt.NDArray[np.bool_], row: int) -> float:
    """By how much one row has to give while all others are kept [its unit].

    Where there is more than one conflict, no row alone can end them all: then only the others of
    this conflict are kept.
    """
    only = np.zeros_like(active)
    only[row] = True
    for kept in (np.ones_like(active), active):
        others = kept & ~only
        generator.keep_rows(others)
        if generator.broken(others) is None:
            break
    generator.keep_rows(kept)
    return float(generator.least_breaks(only).give[row])


class ConflictError(InfeasibleError):
    """No plan keeps all rows; says so in a few lines, however many rows there are.

    Attributes
    ----------
    conflict : tuple of (str, float, str)
        Rows in conflict: name, by how much it would have to give if the others stay (NaN where it
        was not worked out), unit.
    """

    def __init__(self, rows: Sequence[SharedRow], gives: Sequence[float]) -> None:
        pairs = list(zip(rows, gives, strict=True))
        policies = sorted(
            (pair for pair in pairs if pair[0].family == POLICY),
            key=lambda pair: (pair[0].sense == "<=", -abs(pair[0].limit)),
        )
        families: dict[str, list[tuple[SharedRow, float]]] = {}
        for pair in sorted(pairs, key=lambda pair: -pair[0].limit):
            if pair[0].family != POLICY:
                families.setdefault(pair[0].family, []).append(pair)
        rules = [f"{_short(row.name)} ({_limit(row)})" for row, _ in policies]
        supplies = [_family(name, found) for name, found in families.items()]
        supplies += ["what the cells can do"]
        loosen = [f"{_short(row.name)} by {sized(give, row.unit)}" for row, give in policies]
        more = [
            f"{row.family} of {_short(row.zone)} by {sized(give, row.unit)} "
            f"(it has {sized(row.limit, row.unit)})"
            for found in families.values()
            for row, give in found[:SHOWN]
            if np.isfinite(give)
        ]
        cure = f"loosen {_listed(loosen, ' or ')}" if loosen else ""
        if more:
            cure += (", or raise " if cure else "raise ") + _listed(more, " or ")
        super().__init__(
            "no plan keeps all rules and supplies",
            got=f"{_listed(rules, ' and ')} against {_listed(supplies, ' and ', len(supplies))}",
            cure=cure,
            rule=8,
        )
        self.conflict = tuple((row.name, give, row.unit) for row, give in pairs)


def _limit(row: SharedRow) -> str:
    word = {"<=": "at most", ">=": "at least", "=": "exactly"}[row.sense]
    return f"{word} {sized(row.limit, row.unit)}"


def _family(name: str, pools: Sequence[tuple[SharedRow, float]]) -> str:
    """The pools of a family that take part, by the largest of them."""
    largest = [_short(row.zone) for row, _ in pools]
    if len(pools) == 1:
        return f"{name} of {largest[0]}"
    return f"{name} of {len(pools)} zones ({_listed(largest, ', ')})"


def _listed(texts: Sequence[str], last: str, most: int = SHOWN) -> str:
    """The first few of a list, and how many more there are."""
    if len(texts) > most:
        return f"{', '.join(texts[:most])} and {len(texts) - most} more"
    return ", ".join(texts[:-1]) + (last if len(texts) > 1 else "") + "".join(texts[-1:])


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"

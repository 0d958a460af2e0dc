"""Sentences with places for facts, for many cells at once, and how one cell is told.

A :class:`Line` says of each cell which sentence holds, a :class:`Fact` what stands in its places.
Who shows them (the explanation of a place, the script of the map) fills in the facts and knows
nothing more; facts have no more digits than are shown, so that all write the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.numbers import MISSING, number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F64 = NDArray[np.float64]
    I64 = NDArray[np.int64]

Lines = tuple[tuple[str, str], ...]
"""What a line is about, and the line, in words."""
TENS = np.array([float(f"1e{power}") for power in range(309)])
MOST_CODES = 65_000
"""Codes of one array that a page holds."""


@dataclass(frozen=True)
class Fact:
    """What stands in a place of a sentence, for each cell: a number, or one of some texts.

    Attributes
    ----------
    values : ndarray, shape (rows, cols)
        Numbers, NaN for none; or positions in ``texts``, -1 for none.
    digits : int
        Significant digits of a number.
    unit : str
        Behind the number, with the space before it.
    texts : tuple of str, optional
        What the positions mean.
    """

    values: NDArray[Any]
    digits: int = 3
    unit: str = ""
    texts: tuple[str, ...] | None = None

    def of_one(self) -> str:
        """The fact of the only cell, in words."""
        value = self.values.item()
        if self.texts is not None:
            return self.texts[int(value)] if 0 <= value < len(self.texts) else MISSING
        if not np.isfinite(value):
            return MISSING
        whole, power = significant(np.array([value], np.float64), self.digits)
        return number(float(f"{whole[0]}e{power[0]}"), self.digits) + self.unit


@dataclass(frozen=True)
class Line:
    """Which sentence holds in each cell.

    Attributes
    ----------
    title : str
        What the sentence is about.
    codes : ndarray of int, shape (rows, cols)
        0 for none, else 1 + position in ``sentences``.
    sentences : tuple of str
        With places for facts: ``{gross} t/yr``.
    """

    title: str
    codes: NDArray[Any]
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """Facts and sentences of cells, for one method or whatever the method."""

    lead: Line
    facts: dict[str, Fact] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)

    def say(self, title: str, cases: Mapping[str, NDArray[np.bool_]]) -> None:
        """Add a line: of the sentences, the first that holds."""
        self.lines.append(one_of(title, cases))


def one_of(title: str, cases: Mapping[str, NDArray[np.bool_]]) -> Line:
    """A line with the first of some sentences that holds in each cell."""
    codes = np.select(list(cases.values()), range(1, len(cases) + 1), 0)
    return Line(title, codes.astype(np.uint8), tuple(cases))


def listed(title: str, sentence: str, items: Mapping[str, F64], comma: str) -> Line:
    """A line with those items that a cell has: one sentence for each combination of them.

    Parameters
    ----------
    title : str
        Of the line.
    sentence : str
        With the place ``{items}``.
    items : mapping of str to ndarray
        Text -> values, which are NaN or 0 where the cell has none.
    comma : str
        Between items.
    """
    held = [np.isfinite(values) & (values != 0) for values in items.values()]
    bits = np.sum([mask.astype(np.int64) << i for i, mask in enumerate(held)], axis=0)
    kinds, codes = kinds_of(bits)
    sentences = []
    for kind in filter(None, map(int, kinds)):
        texts = comma.join(text for i, text in enumerate(items) if kind >> i & 1)
        sentences.append(sentence.replace("{items}", texts))
    return Line(title, (codes + (kinds[0] != 0)).astype(np.uint16), tuple(sentences))


# ----------------------------------------------------------------- facts


def significant(values: F64, digits: int) -> tuple[I64, I64]:
    """Whole numbers of so many digits and powers of ten: 0.01234 is 123 and -4.

    Numbers that are not finite, and 0, have both 0.
    """
    known = np.isfinite(values) & (values != 0)
    size = np.abs(np.where(known, values, 1.0))
    power = np.floor(np.log10(size)).astype(np.int64) - (digits - 1)
    whole = _over(size, power)
    # 999.7 is 1.00e3, and a logarithm may be a hair off
    for wrong, step in ((whole >= 10**digits, 1), (whole < 10 ** (digits - 1), -1)):
        power[wrong] += step
        whole[wrong] = _over(size[wrong], power[wrong])
    return np.where(known, np.where(values < 0, -whole, whole), 0), np.where(known, power, 0)


def _over(size: F64, power: I64) -> I64:
    """Size over a power of ten, rounded; powers of either sign are exact up to 22."""
    up, down = TENS[np.clip(-power, 0, 308)], TENS[np.clip(power, 0, 308)]
    return np.rint(size * up / down).astype(np.int64)


def kinds_of(values: NDArray[Any]) -> tuple[I64, I64]:
    """Whole numbers that occur, ascending, and the place of each value among them."""
    numbers = np.asarray(values, np.int64)
    low, high = (int(numbers.min()), int(numbers.max())) if numbers.size else (0, -1)
    if not 0 <= high - low < MOST_CODES:
        kinds, codes = np.unique(numbers, return_inverse=True)
        return kinds, codes.reshape(numbers.shape)
    present = np.bincount((numbers - low).reshape(-1)) > 0  # no sort: they lie close together
    return np.flatnonzero(present) + low, (np.cumsum(present) - 1)[numbers - low]


def some_of(values: NDArray[Any], known: Callable[[int], str]) -> Fact:
    """Texts of those codes that occur, from 0 on; -1 has none."""
    kinds, codes = kinds_of(values)
    gone = int((kinds < 0).sum())
    return Fact(codes - gone, texts=tuple(known(int(kind)) for kind in kinds[gone:]))


def labelled(labels: NDArray[Any], names: Sequence[str]) -> Fact:
    """Names of the labels of zones."""
    return some_of(labels, lambda code: names[code] if code < len(names) else str(code))


# --------------------------------------------------------------- one cell


def filled(sentence: str, fact: Callable[[str], str | None]) -> str:
    """A sentence with its places filled; one without a fact stays as it is."""

    def told(place: re.Match[str]) -> str:
        text = fact(place[1])
        return place[0] if text is None else text

    return re.sub(r"\{([^{}]+)\}", told, sentence)


def sentences_at(told: Told, lines: Sequence[Line], shared: Told) -> list[str]:
    """What lines say of the only cell."""
    facts = {**shared.facts, **told.facts}

    def fact(name: str) -> str | None:
        return facts[name].of_one() if name in facts else None

    codes = [(line, int(line.codes.item())) for line in lines]
    return [filled(line.sentences[code - 1], fact) for line, code in codes if code]


def lines_at(told: Told, shared: Told, gap: str) -> Lines:
    """All that is said of the only cell: the sentences under each title, a gap between them."""
    titles = dict.fromkeys(line.title for line in told.lines)
    said = {
        title: sentences_at(told, [line for line in told.lines if line.title == title], shared)
        for title in titles
    }
    return tuple((title, gap.join(found)) for title, found in said.items() if found)

"""Assumptions and their values as people read them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cdrsite.compare.effects import ABSENT, JOINED
from cdrsite.config.keyunits import unit_of
from cdrsite.report.numbernames import number_words

if TYPE_CHECKING:
    from cdrsite.compare.changes import Change
    from cdrsite.core.words import Words

LONGEST = 300
"""Characters of an assumption's value that are shown; all are in the table beside the page."""


def assumption_value(
    words: Words, value: str | None, longest: int = LONGEST, *, key: str = ""
) -> str:
    """A value as text, a number with the unit of its key.

    What is absent and what was left open are two things.
    """
    if value is None:
        return words("compare.absent")
    if value == "null":
        return words("compare.null")
    value = _with_unit(words, key, value)
    return value if len(value) <= longest else value[: longest - 1] + "…"


def given_value(words: Words, key: str, value: str, longest: int = LONGEST) -> str:
    """A value of a batch's table, in which a dash stands for what a run does not have."""
    said = "null" if value == ABSENT else value
    return assumption_value(words, said, longest, key=key)


def _with_unit(words: Words, key: str, value: str) -> str:
    """A plain number with its unit; a share as per cent."""
    try:
        size = float(value)
    except ValueError:
        return value
    unit = unit_of(key) if math.isfinite(size) else ""
    if unit == "1":
        return f"{100 * size:.12g}\u202f%"
    return f"{value} {words.unit(unit)}" if unit else value


def assumption_words(words: Words, assumption: str) -> str:
    """An assumption in words; its key where it has none."""
    return JOINED.join(_words_of(words, key) for key in assumption.split(JOINED))


def change_words(words: Words, change: Change) -> str:
    """What differs between two runs, in words; its key where it has none."""
    method, parted, parameter = change.key.partition(": ")
    if change.part == "library" and parted:
        return f"{words.method(method)}: {words.named('param', parameter)}"
    return assumption_words(words, change.key) if change.part == "scenario" else change.key


def _words_of(words: Words, key: str) -> str:
    head, *rest = key.split(".")
    if words.has(f"number.{key}"):
        return words(f"number.{key}")
    if head == "methods" and len(rest) == 1:
        return words.method(rest[0])
    if key.startswith("costs.prices."):
        return number_words(words, key.removesuffix(".factor").removesuffix(".value"))
    if head in {"methods", "resources"} and len(rest) > 1:
        told = number_words(words, key.removesuffix(".value"))
        return key if told == key.removesuffix(".value") else told
    return key

"""Assumptions and their values as people read them."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from cdrsite.compare.effects import ABSENT, JOINED
from cdrsite.config.keyunits import unit_of
from cdrsite.core.numbers import exact
from cdrsite.report.numbernames import SUPPLY, number_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cdrsite.compare.changes import Change
    from cdrsite.core.words import Words

LONGEST = 300
"""Characters of an assumption's value that are shown; all are in the table beside the page."""
SHORT_VALUE = 24
"""Characters of a value that a sentence has room for."""
FIRST = ("objective", "milestones", "policies")
"""What a plan aims for and must keep decides more than any number: it is told first."""


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
    value = _with_unit(words, key, _as_read(words, value))
    return value if len(value) <= longest else value[: longest - 1] + "…"


def given_value(words: Words, key: str, value: str, longest: int = LONGEST) -> str:
    """A value of a batch's table, in which a dash stands for what a run does not have."""
    said = "null" if value == ABSENT else value
    return assumption_value(words, said, longest, key=key)


def _as_read(words: Words, value: str) -> str:
    """A value without the marks of a program, and without what is not given in it."""
    if value in {"true", "false"}:
        return words(f"compare.{value}")
    if value[:1] not in {"[", "{"}:
        return value
    try:
        return _flow(words, json.loads(value), inner=False)
    except json.JSONDecodeError:
        return value


def _flow(words: Words, value: Any, *, inner: bool = True) -> str:
    comma = words("list.comma")
    if isinstance(value, dict):
        known = {key: one for key, one in value.items() if one not in (None, False, [], {}, "")}
        said = comma.join(f"{key}: {_flow(words, one)}" for key, one in known.items())
        return f"{{{said}}}" if inner else said
    if isinstance(value, list):
        said = comma.join(_flow(words, one) for one in value)
        return f"[{said}]" if inner else said
    if isinstance(value, bool):
        return words("compare.true" if value else "compare.false")
    return exact(value) if isinstance(value, float) else str(value)


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


def topics(words: Words, changes: Sequence[Change]) -> list[str]:
    """What differs between two runs for a sentence: in words with values, else by its subject.

    Parameters
    ----------
    words : Words
        Language.
    changes : sequence of Change
        What differs.

    Returns
    -------
    list of str
        Each once; what a plan aims for comes first.
    """
    first = sorted(changes, key=lambda change: change.key.split(".")[0] not in FIRST)
    subjects = [_subject(words, change) for change in first]
    told = {}
    for subject, change in zip(subjects, first, strict=True):
        key = change.key if change.part == "scenario" else ""
        a, b = (assumption_value(words, value, key=key) for value in (change.a, change.b))
        alone = subjects.count(subject) == 1 and max(len(a), len(b)) <= SHORT_VALUE
        told[subject] = words("compare.changed", what=subject, a=a, b=b) if alone else subject
    return list(told.values())


def _subject(words: Words, change: Change) -> str:
    """What differs, in words; where it has none, what it belongs to."""
    called = change_words(words, change)
    if called != change.key:
        return called
    if change.part != "scenario":
        return words(f"topic.{change.part}", name=change.key)
    head, *rest = change.key.split(".")
    if head == "resources" and rest:
        return words.resource(SUPPLY.get(rest[0], rest[0]))
    if head == "layers" and rest:
        return words("number.layer", name=rest[0])
    if head == "methods" and rest:
        return words.method(rest[0])
    return words.named("topic", head)


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

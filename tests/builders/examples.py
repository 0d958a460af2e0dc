"""How many examples a property is tried with every day, and how many of parameters alike."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, TypeVar

import pytest
from hypothesis import settings

T = TypeVar("T")

ALL = 30
"""Examples of the profile that CI runs, for which the numbers in the tests are meant."""


def examples(count: int) -> int:
    """As many of ``count`` as the profile has of :data:`ALL`; the wide one has all."""
    return max(1, math.ceil(count * min(settings.default.max_examples / ALL, 1.0)))


def first_every_day(values: Iterable[T]) -> list[Any]:
    """Parameters alike, seeds say: the first third every day, the others with the slow tests."""
    known = list(values)
    often = max(1, len(known) // 3)
    rest = (one if isinstance(one, tuple) else (one,) for one in known[often:])
    return [*known[:often], *(pytest.param(*one, marks=pytest.mark.slow) for one in rest)]


def thinned(values: Iterable[T]) -> list[T]:
    """Every third of many alike, or all with the profile of CI: what one test goes through."""
    return list(values)[:: 1 if settings.default.max_examples >= ALL else 3]

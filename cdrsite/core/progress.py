"""Where the progress of long steps goes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

COMPILING: list[Callable[[bool], None]] = []
"""Who is told when kernels begin to be compiled (True), and when that is over (False)."""


class Advance(Protocol):
    """Says that a part of a step is done."""

    def __call__(self, amount: float = 1) -> None:
        """Count ``amount`` more, in the unit of the step."""


class ProgressSink(Protocol):
    """Where the progress of long steps goes."""

    def step(self, title: str, total: float, unit: str = "") -> Advance:
        """Begin a step of ``total`` units; call the result with what is done since."""

    def stage(self, title: str) -> AbstractContextManager[Callable[[str], None]]:
        """Enter a stage of unknown length; call the result with words on how far it is."""


class Silent:
    """No progress shown."""

    def step(self, title: str, total: float, unit: str = "") -> Advance:
        """Do nothing."""
        del title, total, unit
        return lambda amount=1: None  # noqa: ARG005 - nobody looks

    def stage(self, title: str) -> AbstractContextManager[Callable[[str], None]]:
        """Do nothing."""
        del title
        return nullcontext(lambda words: None)  # noqa: ARG005 - nobody listens

"""Where the progress of long steps goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class ProgressSink(Protocol):
    """Where the progress of long steps goes."""

    def step(self, title: str, total: int) -> Callable[[], None]:
        """Begin a step of ``total`` parts; call the result after each part."""


class Silent:
    """No progress shown."""

    def step(self, title: str, total: int) -> Callable[[], None]:
        """Do nothing."""
        del title, total
        return lambda: None

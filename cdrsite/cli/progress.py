"""Progress of long steps: a bar with rate and time left on a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, ProgressColumn, Task, TaskID
from rich.progress import Progress as RichProgress
from rich.text import Text

from cdrsite.cli.tables import open_console
from cdrsite.core.numbers import number
from cdrsite.core.progress import COMPILING, Silent

if TYPE_CHECKING:
    from rich.console import Console

    from cdrsite.core.progress import Advance

SHOWN_SECONDS = 1.0
"""A step that took longer leaves a line on the screen [s]."""
TITLE_WIDTH = 18
"""Titles are this wide, so that bars stand under each other [characters]."""


class Progress:
    """Progress of long steps, on the error stream so that the output stays clean.

    Only a terminal that can redraw a line shows anything: a file, a pipe or ``TERM=dumb`` does not.
    Use as a context manager.

    Parameters
    ----------
    enabled : bool
        False shows nothing.
    console : Console, optional
        Where to; the error stream when not given.
    """

    def __init__(self, enabled: bool, console: Console | None = None) -> None:
        self.enabled = enabled
        self._console = console
        self._bars: Bars | None = None

    def __enter__(self) -> Self:
        """Start drawing."""
        if self.enabled:
            console = self._console or open_console(stderr=True)
            if console.is_terminal and not console.is_dumb_terminal:
                self._bars = Bars(console)
                self._bars.start()
                COMPILING.append(self._bars.compiling)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing; the lines of finished steps stay on the screen."""
        if self._bars is not None:
            COMPILING.remove(self._bars.compiling)
            self._bars.stop()
            self._bars = None

    def step(self, title: str, total: float, unit: str = "") -> Advance:
        """Begin a step that knows its length.

        Parameters
        ----------
        title : str
            What is being done.
        total : float
            How much there is to do [unit].
        unit : str
            What is counted, in the plural: "cells", "files". The rate is per second of it.

        Returns
        -------
        callable
            To be called with what was done since the last call, 1 when nothing is given; may be
            called from several threads.
        """
        bars = self._bars
        if bars is None:
            return Silent().step(title, total)
        task = bars.add_task(title, total=total, unit=unit)
        return lambda amount=1: bars.count(task, amount)

    @contextmanager
    def stage(self, title: str) -> Iterator[Callable[[str], None]]:
        """Show the time that something of unknown length takes.

        Parameters
        ----------
        title : str
            What is being done.

        Yields
        ------
        callable
            To be called with a few words on how far it is, for example "sweep 12, gap 1e-3".
        """
        bars = self._bars
        if bars is None:
            with Silent().stage(title) as unheard:
                yield unheard
            return
        task = bars.add_task(title, total=None, unit="")
        try:
            yield lambda words: bars.update(task, unit=words)
        finally:
            bars.leave(task)


def amount_text(value: float) -> str:
    """An amount in few characters: ``12.3 M``, ``496 k``, ``49``."""
    for least, size, sign in ((1e9, 1e9, " G"), (1e6, 1e6, " M"), (1e4, 1e3, " k")):
        if value >= least:
            return f"{number(value / size)}{sign}"
    if value >= 10 or float(value).is_integer():
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 1 else number(value, 2)


def time_text(seconds: float | None) -> str:
    """A duration as minutes and seconds, or as hours, minutes and seconds."""
    if seconds is None:
        return "–:––"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def state_text(task: Task) -> Text:
    """How far a step is: share done, rate, time left; time so far where the end is not known."""
    parts, unit = [time_text(task.elapsed)], str(task.fields.get("unit", ""))
    if task.total is None:
        parts += filter(None, [unit])
    else:
        parts = [f"{task.percentage:3.0f} %", f"{parts[0]}, {time_text(task.time_remaining)} left"]
        if task.speed:
            parts.insert(1, f"{amount_text(task.speed)} {unit}/s".replace(" /s", "/s"))
    return Text("  ".join(parts), no_wrap=True, overflow="ellipsis")


class Column(ProgressColumn):
    """Shows a text about each step."""

    def __init__(self, text: Callable[[Task], Text]) -> None:
        super().__init__()
        self._text = text

    def render(self, task: Task) -> Text:
        """The text of a step."""
        return self._text(task)


class Bars(RichProgress):
    """Bars of running steps; a finished one becomes a line above them.

    Parameters
    ----------
    console : Console
        A terminal.
    """

    def __init__(self, console: Console) -> None:
        bar, state = BarColumn(bar_width=16), Column(state_text)
        super().__init__(Column(_title), bar, state, console=console, transient=True)
        self._compiling: TaskID | None = None

    def compiling(self, begins: bool) -> None:
        """Say that kernels are compiled, while they are."""
        with self._lock:
            if begins and self._compiling is None:
                self._compiling = self.add_task("compiling, once", total=None, unit="")
            elif not begins and self._compiling is not None:
                self.remove_task(self._compiling)
                self._compiling = None

    def count(self, task: TaskID, amount: float) -> None:
        """Advance a step, and take it away at its end."""
        with self._lock:
            if task in self._tasks:  # else it was at its end before
                self.advance(task, amount)
                if self._tasks[task].finished:
                    self.leave(task)

    def leave(self, task: TaskID) -> None:
        """Take a step away; a long one leaves a line."""
        with self._lock:
            found = self._tasks[task]
            self.remove_task(task)
        seconds = found.elapsed or 0.0
        if seconds >= SHOWN_SECONDS:
            unit = found.fields["unit"] or "parts"
            amount = "" if found.total is None else f"{amount_text(found.total)} {unit} in "
            words = f" {amount}{amount_text(seconds)} s"
            self.console.print(_title(found).append(words), style="dim", soft_wrap=True)


def _title(task: Task) -> Text:
    text = Text(task.description)
    text.truncate(TITLE_WIDTH, overflow="ellipsis", pad=True)
    return text

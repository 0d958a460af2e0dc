"""A second process that compiles, on the first run, the kernels which the run comes to late.

numba compiles one function at a time in a process, so threads do not help. The other process
solves tiny problems (:mod:`cdrsite.study.ahead`) and leaves the code where the run looks for it;
what it has not done when the run gets there, the run compiles itself. It is told on its standard
input what to do, and ends when that is closed: also where the run was killed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from threading import Thread
from typing import IO, TYPE_CHECKING

from cdrsite.competition._kernel import sweep, sweep_bounded
from cdrsite.core.kernel import awaits_compilation
from cdrsite.core.machine import cores, free_memory

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario

NEEDED = 3 * 10**9
"""Memory and addresses that are free where a second process is started [bytes]: it takes 0.4 GB,
and reserves as many addresses as a run of few cells."""
SHARED = "shared land"
"""The part of the kernels that studies of several methods need."""
START = "import sys; sys.path[:] = sys.argv[1:]; from cdrsite.cli.ahead import _serve; _serve()"
"""The other process, which imports from where this one does."""


def parts_of(scenario: Scenario) -> tuple[str, ...]:
    """The parts of the kernels that a study comes to late, in the order of the run.

    Whether cells have rows besides their land is known for certain when the data are read; those
    of several methods nearly always have.
    """
    crossed = ("crossings",) if scenario.transport.surface.crossings else ()
    land = {0: (), 1: ("own land",)}.get(len(scenario.methods), (SHARED,))
    designed = ("network",) if scenario.network.plan else ()
    return (*crossed, *land, *designed)


class Ahead:
    """The other process, or none."""

    def __init__(self, process: subprocess.Popen[bytes] | None = None) -> None:
        self._process = process

    def study(self, scenario: Scenario) -> None:
        """Have compiled what a study comes to late, and nothing more after that."""
        self._tell(parts_of(scenario))

    def several(self) -> None:
        """Have compiled what nearly all studies come to late, and nothing more after that."""
        self._tell((SHARED,))

    def _tell(self, parts: tuple[str, ...]) -> None:
        """Send a line; one that has ended already is no fault of the run."""
        to = None if self._process is None else self._process.stdin
        if to is not None:
            with suppress(OSError):
                to.write(json.dumps(parts).encode() + b"\n")
                to.flush()

    def end(self) -> None:
        """End it, whatever it is at."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            if process.stdin is not None:
                with suppress(OSError):  # what it has not read is lost
                    process.stdin.close()
            process.wait()


@contextmanager
def compiling_ahead(others: int = 0, *, limited: bool = False) -> Iterator[Ahead]:
    """Have kernels compiled beside a run while a ``with`` block lasts, where that is of use.

    It is not where some are compiled already or cannot be kept, where no core is idle, and where
    little memory is free.

    Parameters
    ----------
    others : int
        Processes that work for the run besides this one.
    limited : bool
        Whether a person bounds the memory of the run: then it is not there for two.
    """
    ahead = Ahead(_started() if not limited and _of_use(others) else None)
    try:
        yield ahead
    finally:
        ahead.end()


def _of_use(others: int) -> bool:
    first = awaits_compilation(sweep) and awaits_compilation(sweep_bounded)
    return first and cores() >= 2 + others and free_memory() >= NEEDED


def _started() -> subprocess.Popen[bytes] | None:
    """Start it, out of reach of the terminal; None where the system starts no process."""
    if not sys.executable:
        return None
    try:
        return subprocess.Popen(  # noqa: S603 - this very Python
            [sys.executable, "-c", START, *sys.path],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    except OSError:
        return None


def _serve() -> None:
    """Compile what a line of the standard input names: the other process."""
    lines: SimpleQueue[bytes] = SimpleQueue()
    # unbuffered: a thread that waits in a buffer breaks the end of the process
    source = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 - to the end of the process
    Thread(target=_listen, args=(source, lines), daemon=True).start()
    from cdrsite.study.ahead import PARTS

    for part in json.loads(lines.get()):
        PARTS[part]()


def _listen(source: IO[bytes], lines: SimpleQueue[bytes]) -> None:
    """Hand lines on, and end this process with the one that writes them."""
    for line in source:
        lines.put(line)
    os._exit(0)

"""The one door to HiGHS: silent, one thread, a stated seed.

HiGHS 1.16 greets with two lines on file descriptor 1 when a process makes its first object, before
any option can be set. A JSON document on standard output would end there, and so would a quiet
run and a notebook's cell.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock
from typing import Any

_GREETING = re.compile(rb"highs|third-party|third_party|licen[cs]e|copyright", re.IGNORECASE)
"""Marks a line of the greeting; other lines came from another thread meanwhile."""
_lock = Lock()
_greeted = Event()


def quiet_highs(seed: int = 0) -> Any:
    """Give a HiGHS that prints nothing, uses one thread and a stated seed (rule 9).

    Parameters
    ----------
    seed : int
        Of the solver's random choices.

    Returns
    -------
    highspy.Highs
    """
    import highspy

    if _greeted.is_set():
        highs = highspy.Highs()
    else:
        with _lock, _without_greeting():
            highs = highspy.Highs()
            _greeted.set()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("random_seed", seed)
    return highs


@contextmanager
def _without_greeting() -> Iterator[None]:
    """Keep the greeting from descriptor 1; what other threads print meanwhile gets there after."""
    try:
        kept = os.dup(1)
    except OSError:  # closed
        _occupy()
        yield
        _flush()
        return
    try:
        with _spool() as spool:
            _flush()
            os.dup2(spool, 1)
            try:
                yield
            finally:
                _flush()
                os.dup2(kept, 1)
            _hand_on(spool)
    finally:
        os.close(kept)


def _occupy() -> None:
    """Give a closed descriptor 1 to the null device.

    Else the greeting, which waits in the buffer of the C library, is written into the next file
    that is opened: it would get this number.
    """
    while True:
        got = os.open(os.devnull, os.O_WRONLY)
        if got == 1:
            return
        if got > 1:  # another thread has just opened a file and got it
            os.close(got)
            return


@contextmanager
def _spool() -> Iterator[int]:
    """A file for what is printed; the null device where no file can be made."""
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        try:
            yield null
        finally:
            os.close(null)
        return
    with file:
        yield file.fileno()


def _hand_on(spool: int) -> None:
    """Print what was not the greeting."""
    with suppress(OSError):  # a reader that has gone is found by who prints next
        os.lseek(spool, 0, os.SEEK_SET)
        with os.fdopen(os.dup(spool), "rb") as file:
            lines = file.read().splitlines(keepends=True)
        rest = b"".join(line for line in lines if not _GREETING.search(line))
        while rest:
            rest = rest[os.write(1, rest) :]


def _flush() -> None:
    """Write what the C library has buffered: it goes where descriptor 1 leads now."""
    with suppress(OSError, AttributeError):
        library = "ucrtbase" if sys.platform == "win32" else None
        ctypes.CDLL(library).fflush(None)

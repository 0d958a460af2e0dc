"""Ends that are asked for from outside: by Ctrl-C, by the system, by the terminal."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

STOPPED = 130
"""Exit code after Ctrl-C, as shells give it (128 + SIGINT)."""
TERMINATED = 143
"""Exit code after SIGTERM, as shells give it (128 + SIGTERM)."""
HUNG_UP = 129
"""Exit code after SIGHUP, as shells give it (128 + SIGHUP)."""
ENDING_SIGNALS = ("SIGTERM", "SIGHUP")
"""The system asks for an end, or the terminal was closed; what is ignored (nohup) stays so."""
AGAIN = 0.1
"""Seconds after which an end that was lost is asked for again."""

asked: list[int] = []
"""Exit codes of the ends that the system asked for."""


class Terminated(BaseException):
    """The system asks the process to end; what is half written is taken away."""


def listen() -> None:
    """Let the signals of :data:`ENDING_SIGNALS` end the work by an exception of their own."""
    asked.clear()
    sys.unraisablehook = _unraised
    for name in ENDING_SIGNALS:
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) != signal.SIG_IGN:
            signal.signal(getattr(signal, name), _terminated)


def _terminated(number: int, *_: object) -> None:
    asked.append(128 + number)
    raise Terminated(128 + number)


def _unraised(lost: Any) -> None:
    """Ask again for an end that came where nothing can be raised, as in a call from a compiler."""
    if not isinstance(lost.exc_value, Terminated | KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return
    number = signal.SIGINT if isinstance(lost.exc_value, KeyboardInterrupt) else asked[-1] - 128
    again = threading.Timer(AGAIN, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()

"""Work in processes of this machine: one that is killed costs its own item only, and says so.

`concurrent.futures` gives up all its work when one process dies and cannot say which item that was.
"""

from __future__ import annotations

import _thread
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Thread, main_thread
from typing import Any, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

ATTEMPTS = 2
"""An item whose process was killed is tried again once: another one may have taken the memory."""
GRACE_S = 5.0
"""What a process has to take away what is half written, before it is killed [s]."""


@dataclass(frozen=True)
class Lost:
    """In place of an answer: the process ended without giving one, each time it was tried.

    Attributes
    ----------
    exit_code : int or None
        Of the last process; negative: the signal that ended it.
    """

    exit_code: int | None

    @property
    def how(self) -> str:
        """How the process ended, in words."""
        code = self.exit_code
        if code is None or code >= 0:
            return f"ended with exit code {code}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"was killed ({name})" if name == "SIGKILL" else f"crashed ({name})"


def in_processes(
    task: Callable[[Item], Answer],
    items: Sequence[Item],
    workers: int,
    started: Callable[[Item], None] | None = None,
) -> Iterator[tuple[int, Answer | Lost]]:
    """Do a task for each item, several at a time; each process keeps what it remembers.

    Parameters
    ----------
    task : callable
        Can be pickled; raises nothing.
    items : sequence
        Are begun in this order.
    workers : int
        Processes at a time.
    started : callable, optional
        Called here when an item is begun for the first time.

    Yields
    ------
    (int, answer or Lost)
        Place of the item, as they are finished.
    """
    crew = _Crew(task)
    waiting = deque(range(len(items)))
    tries = [0] * len(items)
    try:
        while waiting or crew.busy:
            while waiting and len(crew.busy) < workers:
                place = waiting.popleft()
                tries[place] += 1
                if started is not None and tries[place] == 1:
                    started(items[place])
                crew.give(place, items[place])
            for place, answer in crew.answers():
                if isinstance(answer, Lost) and tries[place] < ATTEMPTS:
                    waiting.appendleft(place)
                else:
                    yield place, answer
    finally:
        crew.dismiss()


class _Crew:
    """Processes, each at the other end of a line; ``busy`` says which item a line works on."""

    def __init__(self, task: Callable[[Any], Any]) -> None:
        # spawned, not forked: threads of numerical libraries do not survive a fork
        self._context = multiprocessing.get_context("spawn")
        self._task = task
        self._members: dict[Connection, BaseProcess] = {}
        self.busy: dict[Connection, int] = {}

    def give(self, place: int, item: Any) -> None:
        """Have one who is idle, or a new one, do an item."""
        idle = [line for line in self._members if line not in self.busy]
        line = idle[0] if idle else self._hire()
        self.busy[line] = place
        with suppress(OSError):  # it has just died: the end of the line tells
            line.send(item)

    def _hire(self) -> Connection:
        mine, its = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(its, self._task))
        process.start()
        its.close()
        self._members[mine] = process
        return mine

    def answers(self) -> Iterator[tuple[int, Any]]:
        """Wait for an answer or for the end of a process, and give all that there are."""
        ready = set(wait(list(self.busy)))
        for line in [one for one in self.busy if one in ready]:
            place = self.busy.pop(line)
            try:
                answer = line.recv()
            except (EOFError, OSError):
                line.close()
                process = self._members.pop(line)
                process.join()
                answer = Lost(process.exitcode)
            yield place, answer

    def dismiss(self) -> None:
        """End all; those at work take away what is half written."""
        for line, process in self._members.items():
            line.close()
            if line in self.busy:
                process.terminate()
        for process in self._members.values():
            process.join(GRACE_S)
            if process.is_alive():
                process.kill()
                process.join()


def _serve(line: Connection, task: Callable[[Any], Any]) -> None:
    """Answer until nobody asks any more."""
    signal.signal(signal.SIGTERM, _leave)
    Thread(target=_follow_parent, daemon=True).start()
    try:
        while True:
            line.send(task(line.recv()))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return


def _leave(*_: object) -> None:
    raise SystemExit(128 + signal.SIGTERM)


def _follow_parent() -> None:
    """End with the process that asks, also where that was killed: nobody would read the answer."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        if hasattr(signal, "pthread_kill"):  # also wakes the main thread where it waits
            signal.pthread_kill(main_thread().ident or 0, signal.SIGTERM)
        else:
            _thread.interrupt_main()
        time.sleep(GRACE_S)
        os._exit(1)

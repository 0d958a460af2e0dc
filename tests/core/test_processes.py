"""Work in processes: who is killed costs its own item only, which is tried again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cdrsite.core.processes import Lost, in_processes

ROOT = Path(__file__).resolve().parents[2]


def square_or_die(item: tuple[int, str]) -> int:
    """The square; dies each time, or the first time that the file is not there."""
    value, how = item
    if how == "always":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "exit":
        os._exit(3)
    if how and not Path(how).exists():
        Path(how).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return value * value


def remember(item: int, seen: list[int] = []) -> tuple[int, ...]:  # noqa: B006 - meant to stay
    seen.append(item)
    return tuple(seen)


def test_what_was_killed_is_tried_again_and_the_others_go_on(tmp_path: Path) -> None:
    items = [(1, ""), (2, str(tmp_path / "once")), (3, "always"), (4, ""), (5, "exit"), (6, "")]
    begun: list[int] = []
    found = dict(in_processes(square_or_die, items, 2, lambda item: begun.append(item[0])))
    assert [found[place] for place in (0, 1, 3, 5)] == [1, 4, 16, 36]
    assert found[2] == Lost(-signal.SIGKILL) and found[4] == Lost(3)
    assert sorted(begun) == [1, 2, 3, 4, 5, 6]  # told once each


@pytest.mark.parametrize(
    ("code", "words"),
    [(-9, "was killed (SIGKILL)"), (-11, "crashed (SIGSEGV)"), (3, "exit code 3")],
)
def test_how_a_process_ended_is_said(code: int, words: str) -> None:
    assert words in Lost(code).how


def test_a_process_keeps_what_it_remembers() -> None:
    assert dict(in_processes(remember, [1, 2, 3], 1)) == {0: (1,), 1: (1, 2), 2: (1, 2, 3)}


def test_the_processes_end_with_the_work() -> None:
    work = in_processes(time.sleep, [0.0, 60.0, 60.0], 2)
    assert next(work) == (0, None)
    begin = time.monotonic()
    work.close()  # type: ignore[attr-defined]
    assert time.monotonic() - begin < 30  # nobody waits for the minute


ORPHANS = """
import os, sys, time
from cdrsite.core.processes import in_processes
def linger(name):
    open(name, "w").write(str(os.getpid()))
    time.sleep(60)
if __name__ == "__main__":
    list(in_processes(linger, [sys.argv[1]], 1))
"""


@pytest.mark.clients
def test_the_processes_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    program, note = tmp_path / "program.py", tmp_path / "pid"
    program.write_text(ORPHANS, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen(
        [sys.executable, program, note], env=environment, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 60
    while not (note.is_file() and note.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    pid = int(note.read_text())
    while _alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

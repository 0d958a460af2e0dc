"""The process that compiles ahead of a first run: when it is started, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cdrsite.cli import ahead
from cdrsite.config.load import load_scenario
from cdrsite.study.ahead import PARTS

ROOT = Path(__file__).resolve().parents[2]
LONG_S = 60.0
"""After which a process that should have ended is taken to go on for ever [s]."""


@pytest.fixture
def first_run(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An installation with nothing compiled, on two cores with much memory."""
    monkeypatch.setattr(ahead, "awaits_compilation", lambda made: True)
    monkeypatch.setattr(ahead, "cores", lambda: 2)
    monkeypatch.setattr(ahead, "free_memory", lambda: 10**11)
    return monkeypatch


def test_it_is_started_where_a_core_is_idle_and_nothing_is_compiled(first_run: Any) -> None:
    started = []
    first_run.setattr(ahead, "_started", lambda: started.append(1))
    for others, limited in ((0, False), (1, False), (0, True)):
        with ahead.compiling_ahead(others, limited=limited):
            pass
    assert started == [1]
    for name, value in (
        ("cores", lambda: 1),
        ("free_memory", lambda: 10**9),
        ("awaits_compilation", lambda made: made is not ahead.sweep),
        ("awaits_compilation", lambda made: made is not ahead.sweep_bounded),
    ):
        with first_run.context() as change:
            change.setattr(ahead, name, value)
            with ahead.compiling_ahead():
                pass
    assert started == [1]


def test_a_study_asks_for_parts_that_there_are() -> None:
    found = {name: load_scenario(ROOT / "config" / f"{name}.yaml") for name in ("first", "demo")}
    parts = {name: ahead.parts_of(scenario) for name, scenario in found.items()}
    assert parts == {
        "first": ("shared land",), "demo": ("crossings", "shared land", "network"),
    }  # fmt: skip
    one = load_scenario(ROOT / "docs" / "examples" / "ships.yaml")
    assert set(ahead.parts_of(one)) | set(parts["demo"]) == set(PARTS)


@pytest.mark.parametrize("code", ["import time; time.sleep(1e6)", "raise SystemExit(3)"])
def test_it_ends_with_the_run_and_its_failure_is_none_of_the_run(first_run: Any, code: str) -> None:
    first_run.setattr(ahead, "START", code)
    with ahead.compiling_ahead() as other:
        process = other._process
        assert process is not None
        if "Exit" in code:
            process.wait()
        other.study(load_scenario(ROOT / "config" / "first.yaml"))
    assert process.returncode is not None


def test_it_ends_with_a_run_that_fails(first_run: Any) -> None:
    first_run.setattr(ahead, "START", "import time; time.sleep(1e6)")
    seen: list[Any] = []

    def failing() -> None:
        with ahead.compiling_ahead() as other:
            seen.append(other._process)
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        failing()
    assert seen[0].returncode is not None


def test_no_process_is_no_failure(first_run: Any) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError("no more processes")

    first_run.setattr(subprocess, "Popen", refused)
    with ahead.compiling_ahead() as other:
        other.several()


KILLED = """
import time
from cdrsite.cli import ahead
ahead._of_use = lambda others: True
with ahead.compiling_ahead() as other:
    other._tell(("own land",))
    print(other._process.pid, flush=True)
    time.sleep(1e6)
"""


def there(process: int) -> bool:
    """Whether a process goes on; one that waits to be buried does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no list of processes")
@pytest.mark.parametrize("told", [True, False])
def test_it_ends_with_a_run_that_is_killed(tmp_path: Path, told: bool) -> None:
    """While it compiles, and while it waits to be told."""
    code = KILLED if told else KILLED.replace("other._tell", "str")
    run = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path)},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert run.stdout is not None
    other = int(run.stdout.readline())
    try:
        assert there(other)
        run.send_signal(signal.SIGKILL)
        run.wait()
        end = time.monotonic() + LONG_S
        while there(other) and time.monotonic() < end:
            time.sleep(0.05)
        assert not there(other)
    finally:
        run.stdout.close()
        if there(other):
            os.kill(other, signal.SIGKILL)


def test_it_says_nothing_and_leaves_code(tmp_path: Path) -> None:
    """Its output is thrown away in a run; here it is listened to."""
    said = tmp_path / "said.txt"
    with said.open("wb") as to:
        other = subprocess.Popen(
            [sys.executable, "-X", "dev", "-c", ahead.START, *sys.path],
            stdin=subprocess.PIPE, stdout=to, stderr=to,
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        )  # fmt: skip
        assert other.stdin is not None
        other.stdin.write(b'["crossings"]\n')
        other.stdin.flush()
        assert other.wait() == 0
        other.stdin.close()
    assert said.read_text(encoding="utf-8") == ""
    assert [path.name for path in tmp_path.rglob("*bill_links*.nbi")] != []

"""Shared fixtures, hypothesis profiles, and how many processes the tests run in."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from answer import Answer
from examples import ALL
from hypothesis import HealthCheck, settings

from cdrsite.cli import main as cli
from cdrsite.cli.ending import ENDING_SIGNALS
from cdrsite.core.machine import cores, free_memory

ROOT = Path(__file__).resolve().parent.parent

# workers of pytest are told a width, which the command line would follow
os.environ.pop("COLUMNS", None)

# their asserts speak as those of tests do
pytest.register_assert_rewrite("competition_problems", "network_problems", "sweeps")

settings.register_profile(
    "ci",
    max_examples=ALL,
    deadline=None,  # compiled kernels: the first example pays for compilation
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,  # the same examples on every machine; --hypothesis-profile=wide explores
)
settings.register_profile("everyday", settings.get_profile("ci"), max_examples=ALL // 3)
settings.register_profile("wide", settings.get_profile("ci"), max_examples=500, derandomize=False)
settings.load_profile("ci" if os.environ.get("CI") else "everyday")


MOST_PROCESSES = 8
"""More would make the same shared fixtures again and gain little."""
PROCESS_BYTES = 2 * 10**9
"""Memory of one process at its peak, with what it starts [bytes]."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """All tests run in several processes; those of named files in this one, as debuggers need."""
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        config.option.dist = "no"
        return 0
    return max(1, min(cores(), MOST_PROCESSES, free_memory() // PROCESS_BYTES))


SELDOM = (20_000, 20, 20)
"""Thresholds of the search for garbage: modules and collected tests are many, and stay."""


def pytest_collection_finish() -> None:
    """What stays to the end, modules and collected tests, is not searched for garbage again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)


def command_line(
    monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """A function that runs a command in this process: exit code, standard output and error."""

    def run(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["cdrsite", *map(str, arguments)])
        monkeypatch.setattr(cli, "_leave_at_once", sys.exit)
        monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
        names = [name for name in ENDING_SIGNALS if hasattr(signal, name)]
        before = {name: signal.getsignal(getattr(signal, name)) for name in names}
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            for name, handler in before.items():
                signal.signal(getattr(signal, name), handler)
        out = capture.readouterr()
        assert "Traceback" not in out.err + out.out
        return code, out.out, out.err

    return run


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """Run the command line in this process: exit code, standard output, standard error."""
    return command_line(monkeypatch, capsys)


@pytest.fixture
def call_by_descriptor(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """As ``call``, with what libraries and processes write past Python's streams."""

    class Flushed:
        """What C libraries hold back is written before it is read."""

        def readouterr(self) -> Any:
            ctypes.CDLL(None).fflush(None)
            return capfd.readouterr()

    return command_line(monkeypatch, Flushed())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def without_slopes() -> Iterator[None]:
    """Studies of a module that looks at something else have no slopes: two fifths of their time.

    Asked for with ``usefixtures``. Slopes have tests of their own, and those of keys, methods,
    whole folders and same bytes have them too.
    """
    import pandas as pd

    from cdrsite.study.sensitivity import SENSITIVITY_COLUMNS

    def none(*_: object, **__: object) -> pd.DataFrame:
        return pd.DataFrame(columns=list(SENSITIVITY_COLUMNS))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cdrsite.study.run.slopes_of", none)
        yield


@pytest.fixture(scope="session")
def cases_dir() -> Path:
    """Folder of the reference cases, or skip where it is absent."""
    folder = Path(os.environ.get("CDRSITE_CASES", ROOT.parent / "shared" / "cases"))
    if not folder.is_dir():
        pytest.skip(f"reference cases not found at {folder}; set CDRSITE_CASES")
    return folder

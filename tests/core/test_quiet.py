"""What a command prints is what it was asked to print: JSON with `--json`, nothing with `--quiet`.

By descriptor: what a library writes to descriptor 1 passes by Python's streams.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from answer import Answer
from network_sheets import sheets as network_sheets
from network_sheets import workbook
from tiny_scenario import write_world

import cdrsite
from cdrsite.cli import main as cli

PACKAGE = Path(cli.__file__).parents[1]
ROOT = PACKAGE.parent


def python(*arguments: object, **more: object) -> subprocess.CompletedProcess[bytes]:
    """A Python that finds this package, run to its end."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, env=environment, stderr=subprocess.PIPE, check=True, **more)  # type: ignore[call-overload]


def printed(*arguments: object) -> bytes:
    return python(*arguments, stdout=subprocess.PIPE).stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[object, ...]]:
    """Arguments of each command, on the smallest input that there is."""
    folder = tmp_path_factory.mktemp("quiet")
    study = write_world(folder)
    matrix = folder / "matrix.yaml"
    matrix.write_text("vary: {costs.discount_rate: [5 %, 8 %]}\n", encoding="utf-8")
    run = folder / "run"
    at = ("--at", "5.564,50.048")
    batch = ("batch", study, "--matrix", matrix, "--out")
    case = workbook(folder / "case.xlsx", network_sheets())
    cdrsite.run(cdrsite.load_scenario(study)).write(run)
    return {
        "check": ("check", study),
        "run": ("run", study, "--out", folder / "again"),
        "sample": ("sample", study, "--samples", "2", "--out", folder / "sample"),
        "batch": (*batch, folder / "batch"),
        "batch by processes": (*batch, folder / "processes", "--workers", "2"),
        "compare": ("compare", run, run),
        "explain": ("explain", run, *at),
        "network": ("network", case, "--target", "2"),
        "methods": ("methods",),
        "methods of one": ("methods", "daccs-solid"),
        "datasets": ("datasets",),
        "credits": ("credits",),
        "storage": ("storage",),
        "screening": ("screening",),
        "doctor": ("doctor",),
    }


def commands_with(option: str) -> list[str]:
    """Names of the commands that take an option."""
    group = typer.main.get_command(cli.app)
    return sorted(
        name
        for name, command in group.commands.items()  # type: ignore[attr-defined]
        if any(option in parameter.opts for parameter in command.params)
    )


@pytest.mark.parametrize("option", ["--json", "--quiet"])
@pytest.mark.slow
def test_every_command_prints_json_or_nothing(
    made: dict[str, tuple[object, ...]], call_by_descriptor: Callable[..., Answer], option: str
) -> None:
    names = commands_with(option)
    assert set(names) <= {str(words[0]) for words in made.values()}, "give the new command a case"
    for case, words in made.items():
        # what another process prints breaks the JSON as well
        if words[0] in names and (case, option) != ("batch by processes", "--quiet"):
            code, out, err = call_by_descriptor(*words, option)
            assert code == 0, (words, err)
            assert json.loads(out) if option == "--json" else out == "", words


def test_what_passes_by_the_streams_is_seen(call_by_descriptor: Callable[..., Answer]) -> None:
    ctypes.CDLL(None).printf(b"held back by C;")
    os.write(1, b"past Python;")
    said = call_by_descriptor("--version")[1]
    assert "past Python;" in said and "held back by C;" in said and "cdrsite " in said


IN_THREADS = """
import os
from concurrent.futures import ThreadPoolExecutor
from cdrsite.core.solver import quiet_highs
os.write(1, b"before;")
print("python;", end="")
with ThreadPoolExecutor(8) as pool:
    solvers = list(pool.map(quiet_highs, range(16)))
for solver in solvers:
    solver.addVariable(lb=0, ub=1, obj=1)
    solver.run()
print("after")
"""


def test_the_door_is_silent_in_threads() -> None:
    assert printed("-c", IN_THREADS).split() == [b"before;python;after"]


MEANWHILE = """
import os, highspy
from cdrsite.core.solver import quiet_highs
real = highspy.Highs
def busy():
    os.write(1, b"a line of another thread\\n")
    return real()
highspy.Highs = busy
quiet_highs()
os.write(1, b"after\\n")
"""


def test_what_others_print_meanwhile_is_not_lost() -> None:
    assert printed("-c", MEANWHILE).splitlines() == [b"a line of another thread", b"after"]


CLOSED = """
import os, sys
os.close(1)
from cdrsite.core.solver import quiet_highs
quiet_highs()
with open(sys.argv[1], "wb") as file:
    file.write(b"mine")
    file.flush()
    quiet_highs().version()
"""


def test_the_greeting_goes_into_no_file_where_the_output_is_closed(tmp_path: Path) -> None:
    python("-c", CLOSED, tmp_path / "file", stdout=subprocess.DEVNULL)
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_a_full_temporary_folder_does_not_stop_the_solver(tmp_path: Path) -> None:
    code = (
        "import tempfile\nfrom cdrsite.core.solver import quiet_highs\n"
        "def full(): raise OSError(28, 'no space')\n"
        "tempfile.TemporaryFile = full\nquiet_highs()\nprint('end')"
    )
    assert printed("-c", code).split() == [b"end"]

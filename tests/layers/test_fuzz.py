"""Broken scenarios and files by the thousand: each is read, or refused in words."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fuzz_files import KINDS

WORKER = Path(__file__).resolve().parents[1] / "builders" / "fuzz_worker.py"
FEW, MANY, ARGUMENTS = 60, 10_000, 2_000
SILENT = 120.0
"""Seconds of the clock without a word: a read that waits for something that never comes."""


def failures(kind: str, first: int, last: int, folder: Path) -> list[str]:
    """What is wrong, one line per seed; a process that dies is started again behind its seed."""
    wrong: list[str] = []
    while first < last:
        seed, ended = _one_process(kind, first, last, folder, wrong)
        if seed is None:
            return [*wrong, f"{kind}: the process did not start: {ended}"]
        if ended is None:
            break
        wrong.append(f"{kind} {seed}: {ended}")
        first = seed + 1
    return wrong


def _one_process(
    kind: str, first: int, last: int, folder: Path, wrong: list[str]
) -> tuple[int | None, str | None]:
    """The last seed that was begun, and how the process ended if not well."""
    command = [sys.executable, str(WORKER), kind, str(first), str(last), str(folder)]
    path = os.pathsep.join([str(WORKER.parent.parent), os.environ.get("PYTHONPATH", "")])
    folder.mkdir(parents=True, exist_ok=True)
    seed = None
    with (
        (folder / "stderr.txt").open("w") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env={**os.environ, "PYTHONPATH": path}
        ) as process,
    ):
        for line in _lines(process):
            sign, _, rest = line.partition(" ")
            if sign == ">":
                seed = int(rest)
            elif sign == "!":
                number, _, text = rest.partition(" ")
                wrong.append(f"{kind} {number}: {text}")
        code = process.wait()
    if code == 0:
        return seed if seed is not None else first, None
    said = (folder / "stderr.txt").read_text(errors="replace")[-300:]
    return seed, f"the process ended with {code}: {said}"


def _lines(process: subprocess.Popen[bytes]) -> list[str]:
    """Lines as they come; the process is killed when it falls silent."""
    assert process.stdout is not None
    found, rest, heard = [], b"", time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(timeout=5.0):
                if time.monotonic() - heard > SILENT:
                    process.kill()
                continue
            data = os.read(process.stdout.fileno(), 65536)
            heard = time.monotonic()
            if not data:
                return found
            *lines, rest = (rest + data).split(b"\n")
            found += [line.decode("utf-8", "replace") for line in lines]


def _report(wrong: list[str]) -> str:
    head = "python tests/builders/fuzz_worker.py KIND SEED SEED+1 FOLDER shows one of them again:\n"
    return head + "\n".join(wrong[:40])


@pytest.mark.parametrize(
    "kind", ["scenario", "argument", pytest.param("each", marks=pytest.mark.slow)]
)
def test_a_few_broken_inputs_are_read_or_refused_in_words(kind: str, tmp_path: Path) -> None:
    count = {"scenario": FEW, "argument": FEW // 3, "each": FEW // 4 * len(KINDS)}[kind]
    wrong = failures(kind, 0, count, tmp_path)
    assert not wrong, _report(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["scenario", "argument", "file"])
def test_many_broken_inputs_are_read_or_refused_in_words(kind: str, tmp_path: Path) -> None:
    parts = (
        _halves(ARGUMENTS if kind == "argument" else MANY, kind)
        if kind != "file"
        else [(suffix, 0, MANY // len(KINDS)) for suffix in KINDS]
    )
    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(failures, kind_, first, last, tmp_path / f"{kind_}-{first}")
            for kind_, first, last in parts
        ]
        wrong = [line for job in jobs for line in job.result()]
    assert not wrong, _report(wrong)


def _halves(count: int, kind: str) -> list[tuple[str, int, int]]:
    return [(kind, 0, count // 2), (kind, count // 2, count)]

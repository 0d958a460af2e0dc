"""What a first run compiles: a study in new processes, first with nothing compiled.

    python benchmarks/bench_cold.py [--listed 20] [-- config/demo.yaml --set "grid.resolution=4 km"]
    python benchmarks/bench_cold.py --turns 3 [-- config/first.yaml]

The study runs twice, in folders for kernels that are empty at first: its second run finds all
that the first compiled. Processor time of the whole process and of each kernel, without the
kernels that it waited for; how large the process was at its peak; by the clock, how long it took
in all and until its first map lay on the disk. Processor time holds that of the process that
compiles ahead, the kernels do not. ``--turns N`` takes first runs only, each with that process
and without it. ``--record FILE`` is the inner run: it writes what this process compiles.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from numba.core.event import Listener, register

ROOT = Path(__file__).resolve().parent.parent
DEMO = [str(ROOT / "config" / "demo.yaml")]


class Compilations(Listener):
    """Functions that numba compiles from now on, with what each takes of its thread's time."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.count: dict[str, int] = defaultdict(int)
        self._open, self._lock = threading.local(), threading.Lock()
        register("numba:compile", self)

    def on_start(self, event: Any) -> None:  # noqa: ARG002 - numba calls it so
        """Put a compilation on its thread's stack."""
        self._open.__dict__.setdefault("stack", []).append([time.thread_time(), 0.0])

    def on_end(self, event: Any) -> None:
        """Count a compilation, without those that it waited for."""
        start, others = self._open.stack.pop()
        spent = time.thread_time() - start
        function = event.data["dispatcher"].py_func
        name = f"{function.__module__}.{function.__name__}"
        with self._lock:
            self.seconds[name] += spent - others
            self.count[name] += 1
        if self._open.stack:
            self._open.stack[-1][1] += spent


class FirstMap(threading.Thread):
    """Looks every tenth of a second whether a GeoTIFF of a run is there, staged or in its place."""

    def __init__(self, out: Path) -> None:
        super().__init__(daemon=True)
        self.out, self.start_s, self.seconds = out, time.time(), float("nan")

    def run(self) -> None:
        """Wait for the first."""
        while not any(self.out.parent.rglob("*.tif")):
            time.sleep(0.1)
        self.seconds = time.time() - self.start_s


def record(words: list[str], target: Path, alone: bool) -> None:
    """Run a study in this process, and write down what it compiled."""
    found = Compilations()
    first_map = FirstMap(Path(words[words.index("--out") + 1]))
    first_map.start()
    from cdrsite.cli import ahead
    from cdrsite.cli import main as cli

    if alone:
        ahead._of_use = lambda others: False  # noqa: SLF001, ARG005 - as on one core

    cli._leave_at_once = sys.exit  # noqa: SLF001 - the end of the process would come before ours
    sys.argv = ["cdrsite", "run", *words, "--quiet"]
    try:
        cli.main()
    except SystemExit as stop:
        if stop.code:
            raise
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    facts = {
        "seconds": found.seconds,
        "count": found.count,
        "process": sum(one.ru_utime + one.ru_stime for one in used),
        "clock": time.time() - first_map.start_s,
        "map": first_map.seconds,
        "peak": max(one.ru_maxrss for one in used) * 1024,
    }
    target.write_text(json.dumps(facts), encoding="utf-8")


def one_run(words: list[str], folder: Path, name: str, *, alone: bool = False) -> dict[str, Any]:
    """Run a study in a new process, with kernels in a folder; print its row."""
    target, place = folder / "found.json", folder / name
    place.mkdir()
    kept = {"NUMBA_CACHE_DIR": str(folder / "numba"), "CDRSITE_CACHE_DIR": str(folder / "kept")}
    how = ["--alone"] if alone else []
    subprocess.run(
        [
            sys.executable, __file__, "--record", str(target), *how,
            "--", *words, "--out", str(place / "run"),
        ],
        env=os.environ | kept,
        check=True,
    )  # fmt: skip
    facts: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    print(
        f"| {name} | {sum(facts['count'].values())} | {sum(facts['seconds'].values()):.1f} "
        f"| {facts['process']:.1f} | {facts['clock']:.1f} | {facts['map']:.1f} "
        f"| {facts['peak'] / 1e9:.2f} | {os.getloadavg()[0]:.1f} |",
        flush=True,
    )
    return facts


HEAD = """| run | compiled | compilation [s] | processor [s] | by the clock [s] | first map [s] \
| peak memory [GB] | load |
|---|---|---|---|---|---|---|---|"""


def measure(words: list[str], listed: int) -> None:
    """Print what a study compiles the first time, and what it costs then and later."""
    print(HEAD)
    with tempfile.TemporaryDirectory() as folder:
        first = one_run(words, Path(folder), "first")
        one_run(words, Path(folder), "second")
    seconds, count = first["seconds"], first["count"]
    for kernel in sorted(seconds, key=seconds.__getitem__, reverse=True)[:listed]:
        print(f"{seconds[kernel]:6.2f} s {count[kernel]:3} {kernel}")


def take_turns(words: list[str], turns: int) -> None:
    """Print what first runs cost with kernels compiled ahead, and without."""
    print(HEAD)
    for turn in range(turns):
        for alone in (False, True)[:: 1 if turn % 2 else -1]:
            with tempfile.TemporaryDirectory() as folder:
                one_run(words, Path(folder), "alone" if alone else "ahead", alone=alone)


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listed", type=int, default=20, help="kernels to list")
    parser.add_argument("--record", type=Path, metavar="FILE", help="run here, and write to FILE")
    parser.add_argument("--alone", action="store_true", help="compile nothing ahead in this run")
    parser.add_argument("--turns", type=int, default=0, help="first runs with and without ahead")
    parser.add_argument("words", nargs="*", help="of cdrsite run, after --; the demo")
    given = parser.parse_args()
    words = given.words or DEMO
    if given.record:
        record(words, given.record, given.alone)
    elif given.turns:
        take_turns(words, given.turns)
    else:
        measure(words, given.listed)


if __name__ == "__main__":
    main()

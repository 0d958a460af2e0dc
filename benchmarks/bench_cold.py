"""What a first run compiles: a study in new processes, first with nothing compiled.

    python benchmarks/bench_cold.py [--listed 20] [-- config/demo.yaml --set "grid.resolution=4 km"]

The study runs twice, in folders for kernels that are empty at first: its second run finds all
that the first compiled. Processor time of the whole process and of each kernel, without the
kernels that it waited for; and how large the process was at its peak. ``--record FILE`` is the
inner run: it writes what this process compiles.
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


def record(words: list[str], target: Path) -> None:
    """Run a study in this process, and write down what it compiled."""
    found = Compilations()
    from cdrsite.cli import main as cli

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
        "peak": max(one.ru_maxrss for one in used) * 1024,
    }
    target.write_text(json.dumps(facts), encoding="utf-8")


def measure(words: list[str], listed: int) -> None:
    """Print what a study compiles the first time, and what it costs then and later."""
    print("| run | compiled | compilation [s] | whole process [s] | peak memory [GB] |")
    print("|---|---|---|---|---|")
    first: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        empty = {"NUMBA_CACHE_DIR": f"{folder}/numba", "CDRSITE_CACHE_DIR": f"{folder}/kept"}
        for name in ("first", "second"):
            target = Path(folder, "found.json")
            out = ["--out", str(Path(folder, name))]
            subprocess.run(
                [sys.executable, __file__, "--record", str(target), "--", *words, *out],
                env=os.environ | empty,
                check=True,
            )
            facts = json.loads(target.read_text(encoding="utf-8"))
            first = first or facts
            print(
                f"| {name} | {sum(facts['count'].values())} | {sum(facts['seconds'].values()):.1f} "
                f"| {facts['process']:.1f} | {facts['peak'] / 1e9:.2f} |"
            )
    seconds, count = first["seconds"], first["count"]
    for kernel in sorted(seconds, key=seconds.__getitem__, reverse=True)[:listed]:
        print(f"{seconds[kernel]:6.2f} s {count[kernel]:3} {kernel}")


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listed", type=int, default=20, help="kernels to list")
    parser.add_argument("--record", type=Path, metavar="FILE", help="run here, and write to FILE")
    parser.add_argument("words", nargs="*", help="of cdrsite run, after --; the demo")
    given = parser.parse_args()
    words = given.words or DEMO
    if given.record:
        record(words, given.record)
    else:
        measure(words, given.listed)


if __name__ == "__main__":
    main()

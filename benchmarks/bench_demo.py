"""The demo and the small commands of this checkout beside those of another one.

    git clone . ../before && git -C ../before checkout COMMIT
    python benchmarks/bench_demo.py ../before --runs 3 [--resolution "4 km"] [--command run]

Both checkouts are measured in turns, whole processes of the command line with the same interpreter
and packages, after one run of each that compiles the kernels and is not counted. Told are the
processor time (user and system, which depends less on what else the machine does), the wall time,
and the ratio of the least ones: this checkout divided by the other.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
COMMANDS = {
    "version": ["--version"],
    "methods": ["methods"],
    "check": ["check", "config/demo.yaml"],
    "run": ["run", "config/demo.yaml"],
}


def seconds(checkout: Path, words: list[str]) -> tuple[float, float]:
    """Processor and wall time of a command in a checkout."""
    start, before = time.perf_counter(), os.times()
    subprocess.run(
        [sys.executable, "-m", "cdrsite.cli.main", *words],
        check=True,
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wall, after = time.perf_counter() - start, os.times()
    user = after.children_user - before.children_user
    return user + after.children_system - before.children_system, wall


def compared(name: str, words: list[str], checkouts: dict[str, Path], runs: int) -> None:
    """Measure one command in turns and print its rows."""
    found: dict[str, list[tuple[float, float]]] = {key: [] for key in checkouts}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(runs + 1):
            for key, checkout in checkouts.items():
                out = ["--out", str(Path(folder, key))] if words[0] == "run" else []
                spent = seconds(checkout, [*words, *out])
                if turn:  # the first compiles
                    found[key].append(spent)
    for key, rows in found.items():
        told = ", ".join(f"{processor:.2f} ({wall:.2f})" for processor, wall in rows)
        print(f"{name:8} {key:6} processor (wall) [s]: {told}")
    least = {
        key: [min(column) for column in zip(*rows, strict=True)] for key, rows in found.items()
    }
    ratios = [this / before for this, before in zip(least["this"], least["before"], strict=True)]
    print(f"{name:8} ratio  processor {ratios[0]:.3f}, wall {ratios[1]:.3f}", flush=True)


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path, help="the other checkout")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--command", choices=[*COMMANDS], action="append")
    parser.add_argument("--resolution", default="", help="of the grid; the demo's when not given")
    parser.add_argument("--network", action="store_true", help="with the network's plan")
    given = parser.parse_args()
    checkouts = {"before": given.before.resolve(), "this": HERE}
    for name in given.command or COMMANDS:
        words = [*COMMANDS[name]]
        if name == "run":
            words += [] if given.network else ["--set", "network.plan=false"]
            size = given.resolution
            words += ["--set", f"grid.resolution={size}"] if size else []
        compared(name, words, checkouts, given.runs)


if __name__ == "__main__":
    main()

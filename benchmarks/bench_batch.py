"""Fifty scenarios of the demo against one: what a sweep over one parameter costs.

    python benchmarks/bench_batch.py --runs 50 --workers 2 [--network]

Both are whole processes of the command line with the same means, all cores and no limit of memory,
start and imports included, with kernels compiled before. The single run takes as many threads as
there are cores; the runs of the batch share them. The network is left out of both unless asked for:
its search takes its time limit in every run. Processor time is told beside wall time, since it
depends less on what else the machine does.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DEMO = Path(__file__).resolve().parent.parent / "config" / "demo.yaml"


def seconds(words: list[str]) -> tuple[float, float]:
    """Wall and processor time of a command of cdrsite and of all its processes."""
    start, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, "-m", "cdrsite.cli.main", *words], check=True)
    wall, after = time.perf_counter() - start, os.times()
    user = after.children_user - before.children_user
    return wall, user + after.children_system - before.children_system


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--network", action="store_true")
    parser.add_argument("--resolution", default="", help="of the grid; the demo's when not given")
    asked = parser.parse_args()
    plain = ["--quiet"] if asked.network else ["--quiet", "--set", "network.plan=false"]
    if asked.resolution:
        plain += ["--set", f"grid.resolution={asked.resolution}"]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        needs = [round(10 * 1.15**i) for i in range(asked.runs)]
        listed = ", ".join(f"{need} m2" for need in needs)
        matrix = folder / "sweep.yaml"
        matrix.write_text(f"vary: {{methods.daccs-solid.override.land_direct: [{listed}]}}\n")
        seconds(["run", str(DEMO), *plain, "--out", str(folder / "warm")])
        one = seconds(["run", str(DEMO), *plain, "--out", str(folder / "one")])
        many = seconds(
            ["batch", str(DEMO), *plain, "--matrix", str(matrix), "--out", str(folder / "many"),
             "--workers", str(asked.workers)]
        )  # fmt: skip
    print(
        f"one run {one[0]:.1f} s; {asked.runs} runs {many[0]:.1f} s: {many[0] / one[0]:.1f} times "
        f"one; processor time {one[1]:.1f} s and {many[1]:.1f} s: {many[1] / one[1]:.1f} times"
    )


if __name__ == "__main__":
    main()

"""Fifty scenarios of the demo against one: what a sweep over one parameter costs.

    python benchmarks/bench_batch.py --runs 50 --workers 2 [--network]

Both are whole processes of the command line, start and imports included, with kernels compiled
before. The network is left out unless asked for: its search takes its time limit in every run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DEMO = Path(__file__).resolve().parent.parent / "config" / "demo.yaml"


def seconds(words: list[str]) -> float:
    """Wall time of a command of cdrsite."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "cdrsite.cli", *words], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--network", action="store_true")
    asked = parser.parse_args()
    plain = ["--quiet"] if asked.network else ["--quiet", "--set", "network.plan=false"]
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
    print(f"one run {one:.1f} s; {asked.runs} runs {many:.1f} s: {many / one:.1f} times one")


if __name__ == "__main__":
    main()

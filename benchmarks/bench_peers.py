"""The speed table: every part beside other programs, one after the other in one run.

    CDRSITE_CASES=CASES python benchmarks/bench_peers.py            # some ten minutes
    python benchmarks/bench_peers.py --small --only scoring

Each part is a benchmark of this folder; its command is printed above what it says, so that each
can be repeated alone. Nothing else should run beside it: the load of the machine is told.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
PARTS: dict[str, tuple[str, str]] = {
    "scoring (numpy, copy)": (
        "bench_requirements.py --cells 4 --repeats 3",
        "bench_requirements.py --cells 0.01 --repeats 1",
    ),
    "competition (HiGHS, copy)": (
        "bench_competition.py --side 500 --whole 60 --whole-side 60 --sweep --sweep-side 1000",
        "bench_competition.py --side 12 --whole 5 --whole-side 12 --sweep --sweep-side 12",
    ),
    "routes (scikit-image, scipy)": (
        "bench_distance.py --sizes 2000 --kinds random --threads 1 --repeats 1",
        "bench_distance.py --sizes 40 --repeats 1",
    ),
    "nearest (scipy, xarray-spatial)": (
        "bench_nearest.py --side 2000 --lines 300 --repeats 2",
        "bench_nearest.py --side 60 --repeats 1",
    ),
    "coverage (exactextract, rasterio)": (
        "bench_siting.py --side 4000 --polygons 400 --repeats 2",
        "bench_siting.py --side 60 --polygons 5 --repeats 1",
    ),
    "eligibility (atlite)": ("bench_siting.py --eligible", "bench_siting.py --eligible"),
    "rasters (GDAL)": ("bench_rasters.py --size 3000", "bench_rasters.py --size 300"),
    "network (HiGHS)": (
        'bench_network.py --only "50 Mt/yr" --effort quick --gap 0.005 --plain 20',
        "bench_network.py --only gateway --effort quick",
    ),
}
"""Part (and its peers) -> its command, and that of its smallest size."""


def main() -> None:
    """Parse the command line and run the parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="parts whose name holds this")
    parser.add_argument("--small", action="store_true", help="each in its smallest size")
    asked = parser.parse_args()
    failed = []
    for name, commands in PARTS.items():
        if asked.only not in name:
            continue
        command = commands[asked.small]
        load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
        print(f"\n## {name}\npython benchmarks/{command}\n(load {load})", flush=True)
        file, *words = command.split(" ", 1)
        start = time.perf_counter()
        ran = subprocess.run(
            [sys.executable, str(FOLDER / file), *_words(" ".join(words))], check=False
        )
        print(f"({time.perf_counter() - start:.0f} s)", flush=True)
        if ran.returncode:
            failed.append(name)
    if failed:
        sys.exit(f"did not end well: {', '.join(failed)}")


def _words(text: str) -> list[str]:
    import shlex

    return shlex.split(text)


if __name__ == "__main__":
    main()

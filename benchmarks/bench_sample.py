"""Many samples of the demo against one run of it: what it costs to know how sure a plan is.

    python benchmarks/bench_sample.py --resolution "1 km" --resolution "500 m" --resolution "290 m"
    python benchmarks/bench_sample.py --resolution "1 km" --profile samples.prof --samples 32

For each resolution the process runs the demo by itself (network and samples left out), then with
its samples and their maps, then by itself again; nothing is written. Told are the seconds of a
single run (the mean of the two), the seconds of the samples alone, and how many single runs they
cost, by the clock and by processor time of the process. Kernels are compiled and files are read
once before. ``--threads`` are those of both. The two runs that are compared stand next to each
other in one process, so what else the machine does touches both.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import time
import warnings
from pathlib import Path
from typing import Any

from cdrsite.config.load import load_scenario
from cdrsite.study.means import Means
from cdrsite.study.run import run

DEMO = Path(__file__).resolve().parent.parent / "config" / "demo-uncertainty.yaml"
HEAD = (
    "| cells | of them compete | numbers | samples | single run | samples alone | samples / run | "
    "by processor time |"
)


def timed(scenario: Any, samples: Any, threads: int) -> tuple[float, float, Any]:
    """Wall and processor seconds of a run in memory, and its result."""
    wall, processor = time.perf_counter(), time.process_time()
    result = run(scenario, samples=samples, means=Means(threads=threads))
    return time.perf_counter() - wall, time.process_time() - processor, result


def compared(scenario: Any, threads: int) -> str:
    """One row of the table."""
    before = timed(scenario, "none", threads)
    sampled = timed(scenario, "maps", threads)
    after = timed(scenario, "none", threads)
    single = [(a + b) / 2.0 for a, b in zip(before[:2], after[:2], strict=True)]
    result, seconds = sampled[2], sampled[2].timings["samples"]
    more = sampled[1] - single[1]  # the slopes at both ends of a number are in it: they are samples
    told = result.summary["uncertainty"]
    return (
        f"| {result.dataset.sizes['y'] * result.dataset.sizes['x']:,} | {told['cells']:,} | "
        f"{told['numbers']} | {told['samples']} | {single[0]:.1f} s | {seconds:.1f} s | "
        f"{seconds / single[0]:.1f} | {single[1]:.1f} s, {more:.1f} s: {more / single[1]:.1f} |"
    )


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resolution", action="append", help='of the grid: "1 km"')
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--profile", type=Path, help="profile of the run with samples, by cProfile")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    more = ["network.plan=false", f"uncertainty.samples={asked.samples}"]

    def demo(resolution: str, *settings: str) -> Any:
        return load_scenario(DEMO, [*more, f"grid.resolution={resolution}", *settings])

    timed(demo("16 km", "uncertainty.samples=2"), "maps", asked.threads)
    print(HEAD, "|" + "---|" * HEAD.count(" | ") + "---|", sep="\n")
    for resolution in asked.resolution or ["1 km"]:
        if asked.profile is not None:
            with cProfile.Profile(time.process_time) as profile:
                timed(demo(resolution), "maps", 1)
            profile.dump_stats(asked.profile)
        else:
            print(compared(demo(resolution), asked.threads), flush=True)


if __name__ == "__main__":
    main()

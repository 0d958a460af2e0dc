"""How fast cells are scored, as ratios within one run.

Four methods, twelve float32 layers and the exclusion reasons: 52 bytes in and 68 bytes out per
cell. Compared with the same formulas in numpy, by blocks, on one thread, and with copying as many
bytes (read + written) on two threads.

A table of ratios, and the single timings on 4 million cells:

    python benchmarks/bench_requirements.py --cells 4 25
    pytest benchmarks/bench_requirements.py --benchmark-only
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cdrsite.scoring.evaluate import evaluate
from cdrsite.scoring.scored import MethodResult
from cdrsite.scoring.sums import Limit, MethodPlan, ScoringPlan, Sum, const, layer

WIDTH = 2000
BYTES_PER_CELL = 12 * 4 + 4 + 4 * (4 * 4 + 1)


def plan() -> ScoringPlan:
    """Four methods shaped like those of the library."""

    def limits(land: str, needs: dict[str, Sum]) -> tuple[Limit, ...]:
        supplies = ("land", "water", "electricity", "heat", "biomass", "storage")
        return tuple(
            Limit(name, code, layer(land if name == "land" else name), needs.get(name, const(0)))
            for code, name in enumerate(supplies)
        )

    solid = layer("electricity factor", 1500.0)
    liquid = layer("liquid factor", 400.0)
    plants = "land for plants"
    return ScoringPlan(
        (
            MethodPlan(
                "daccs-solid",
                limits(
                    plants,
                    {
                        "land": const(11000.0),
                        "water": const(3.0),
                        "electricity": solid,
                        "storage": const(1.0),
                    },
                ),
                const(0.93) + solid * layer("intensity", -1.0),
                const(310.0) + solid * 0.06 + layer("storage cost"),
                suitability="suitability",
                excluded_bits=0b111,
            ),
            MethodPlan(
                "daccs-liquid",
                limits(
                    plants,
                    {
                        "land": const(9000.0),
                        "water": const(5.0),
                        "electricity": liquid,
                        "storage": const(1.1),
                    },
                ),
                const(0.88) + liquid * layer("intensity", -1.0),
                const(250.0) + liquid * 0.06 + layer("storage cost", 1.1),
                suitability="suitability",
                excluded_bits=0b1011,
            ),
            MethodPlan(
                "beccs-residue",
                limits(
                    plants,
                    {
                        "land": const(40.0),
                        "water": const(2.0),
                        "biomass": const(0.61),
                        "storage": const(1.0),
                    },
                ),
                const(0.85) + layer("intensity", -0.05),
                const(140.0) + layer("storage cost"),
                suitability="suitability",
                excluded_bits=0b10011,
            ),
            MethodPlan(
                "afforestation",
                limits(
                    "land for forest", {"land": layer("forest land need"), "water": const(50.0)}
                ),
                const(0.97),
                const(2.0) + layer("forest land need", 0.02),
                suitability="suitability",
                excluded_bits=0b100001,
            ),
        )
    )


Data = tuple[dict[str, np.ndarray], np.ndarray, dict[str, MethodResult]]


def data(millions: float) -> Data:
    """Random layers, 7 % unknown in each third one, reasons and reusable outputs."""
    rng = np.random.default_rng(1)
    shape = (int(millions * 1_000_000) // WIDTH, WIDTH)
    scale = {"land for plants": 1e6, "land for forest": 1e6, "water": 300.0, "electricity": 2e5}
    scale |= {"biomass": 80.0, "storage": 150.0, "intensity": 5e-4, "forest land need": 2000.0}
    layers = {}
    for k, name in enumerate(plan().layers):
        values = rng.random(shape, np.float32)
        values *= np.float32(scale.get(name, 1.0))
        if k % 3 == 0:
            values[rng.random(shape, np.float32) < 0.07] = np.nan
        layers[name] = values
    assert len(layers) == 12
    reasons = rng.integers(0, 64, shape, np.uint32)
    reasons[rng.random(shape, np.float32) < 0.7] = 0
    out = {method.name: MethodResult.empty(shape) for method in plan().methods}
    for result in out.values():
        for array in vars(result).values():
            array.fill(0)
    return layers, reasons, out


def copier(cells: int, *blocks: int) -> list[Callable[[], None]]:
    """Copy as many bytes as scoring reads and writes, on two threads, by blocks of floats."""
    source = np.ones(cells * BYTES_PER_CELL // 8, np.float32)
    target = np.zeros_like(source)

    def copy(block: int) -> None:
        def part(start: int) -> None:
            np.copyto(target[start : start + block], source[start : start + block])

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(part, range(0, source.size, block)))

    return [partial(copy, block) for block in blocks]


def memory(kind: str) -> int:
    """VmHWM (the most so far) or VmRSS (now) of this process [bytes]; Linux tells."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(1024 * int(x.split()[1]) for x in status.splitlines() if x.startswith(kind))


def interleaved(repeats: int, **runs: Callable[[], object]) -> dict[str, float]:
    """Median seconds of each, taken in turns so that a disturbance hits all."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def compare(millions: float, repeats: int) -> dict[str, float]:
    """Measure one size; one column of the table."""
    scoring, cells, before = plan(), int(millions * 1_000_000), memory("VmRSS")
    layers, reasons, out = data(millions)

    def kernel(threads: int) -> Callable[[], object]:
        return lambda: evaluate(scoring, layers, reasons, out, threads=threads)

    kernel(2)()
    held = memory("VmHWM")
    small, large = copier(cells, 1 << 16, 1 << 20)
    s = interleaved(
        repeats,
        one=kernel(1),
        two=kernel(2),
        small=small,
        large=large,
        numpy=lambda: evaluate(scoring, layers, reasons, out, backend="numpy"),
    )
    copy = min(s["small"], s["large"])
    size = cells * BYTES_PER_CELL
    return {
        "kernel, 1 thread [ns/cell]": 1e9 * s["one"] / cells,
        "kernel, 2 threads [ns/cell]": 1e9 * s["two"] / cells,
        "numpy by blocks, 1 thread [ns/cell]": 1e9 * s["numpy"] / cells,
        "copy, 2 threads, the faster of two block sizes [ns/cell]": 1e9 * copy / cells,
        "numpy / kernel, both 1 thread": s["numpy"] / s["one"],
        "numpy, 1 thread / kernel, 2 threads": s["numpy"] / s["two"],
        "copy / kernel, both 2 threads": copy / s["two"],
        "peak memory of the process / (inputs + outputs)": held / size,
        "the same without what the process held before": (held - before) / size,
    }


def compile_times() -> None:
    """Print the time of the first tiny scoring, in new processes, without and with the cache."""
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); import bench_requirements as b; "
        "import numpy as np; p = b.plan(); l = {n: np.ones((1, 8), np.float32) for n in p.layers}; "
        "t = time.perf_counter(); b.evaluate(p, l, np.zeros((1, 8), np.uint32)); "
        "print(time.perf_counter() - t)"
    )
    with tempfile.TemporaryDirectory() as folder:
        for state in ("cold", "warm"):
            done = subprocess.run(
                [sys.executable, "-c", code, str(Path(__file__).parent)],
                env=os.environ | {"CDRSITE_CACHE_DIR": folder},
                capture_output=True,
                text=True,
                check=True,
            )
            print(f"first scoring, {state} cache: {float(done.stdout):.2f} s")


@pytest.fixture(scope="module")
def four_million() -> Data:
    return data(4)


@pytest.mark.parametrize("threads", [1, 2])
def test_kernel(benchmark: object, four_million: Data, threads: int) -> None:
    layers, reasons, out = four_million
    benchmark(evaluate, plan(), layers, reasons, out, threads)


def test_numpy(benchmark: object, four_million: Data) -> None:
    layers, reasons, out = four_million
    benchmark.pedantic(evaluate, (plan(), layers, reasons, out, 1, "numpy"), rounds=3)


def test_copy(benchmark: object) -> None:
    benchmark(*copier(4_000_000, 1 << 20))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--cells", type=float, nargs="+", default=[4], metavar="MILLIONS")
    arguments.add_argument("--repeats", type=int, default=5)
    given = arguments.parse_args()
    columns = [compare(size, given.repeats) for size in sorted(given.cells)]
    print(f"| | {' | '.join(f'{size:g} million cells' for size in sorted(given.cells))} |")
    print("|---|" + "---|" * len(columns))
    for row in columns[0]:
        print(f"| {row} | {' | '.join(f'{column[row]:.2f}' for column in columns)} |")
    compile_times()

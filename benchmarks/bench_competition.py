"""Speed of the competition: column generation against the whole programme, and of one sweep.

Run ``python benchmarks/bench_competition.py --whole 600 --side 2000 --sweep --stream 100000000``;
all ratios come from one run on one machine.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cdrsite.competition.generator import SolverOptions, merge_groups
from cdrsite.competition.objectives import most_net
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    ArrayCells,
    CellBlock,
    Competitor,
    PoolFamily,
    Problem,
    SinkFamily,
)
from cdrsite.competition.rows import build_rows, objective_matrix
from cdrsite.competition.solution import Solution
from cdrsite.competition.sweeping import Sweeper
from cdrsite.core.errors import SolverError
from cdrsite.testing.exact import solve_whole

METHODS = ("daccs-solid", "daccs-liquid", "beccs-residue", "afforestation")
WATER, POWER, BIOMASS, SINKS = 50, 30, 40, 30


def smooth_field(rng: np.random.Generator, rows: int, columns: int, knots: int = 24) -> np.ndarray:
    """Random field in [0, 1], bilinear between knots: maps are smooth, not noise."""
    coarse = rng.random((knots + 1, knots + 1))
    y, x = np.linspace(0, knots - 1e-9, rows), np.linspace(0, knots - 1e-9, columns)
    i, j = y.astype(int), x.astype(int)
    fy, fx = (y - i)[:, None], (x - j)[None, :]
    top = coarse[i][:, j] * (1 - fx) + coarse[i][:, j + 1] * fx
    bottom = coarse[i + 1][:, j] * (1 - fx) + coarse[i + 1][:, j + 1] * fx
    return (top * (1 - fy) + bottom * fy).astype(np.float32)


def nearest(
    rng: np.random.Generator, rows: int, columns: int, count: int, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ids of the k nearest of random points by cell, and their distances [grid widths]."""
    points = rng.random((count, 2))
    y = ((np.arange(rows) + 0.5) / rows)[:, None]
    x = ((np.arange(columns) + 0.5) / columns)[None, :]
    ids = np.full((k, rows, columns), -1, np.int16)
    best = np.full((k, rows, columns), np.inf, np.float32)
    for number, (py, px) in enumerate(points):
        distance = np.sqrt((y - py) ** 2 + (x - px) ** 2).astype(np.float32)
        here = np.full((rows, columns), number, np.int16)
        for slot in range(k):
            closer = distance < best[slot]
            best[slot], distance = (
                np.where(closer, distance, best[slot]),
                np.where(closer, best[slot], distance),
            )
            ids[slot], here = np.where(closer, here, ids[slot]), np.where(closer, ids[slot], here)
    return ids.reshape(k, -1), best.reshape(k, -1)


def make_problem(side: int, *, seed: int = 7) -> Problem:
    """A square region with 4 methods, 3 sinks per cell and 150 pools that mostly bind."""
    rng = np.random.default_rng(seed)
    n = side * side

    def field(low: float, high: float) -> np.ndarray:
        values = smooth_field(rng, side, side) + 0.1 * rng.random((side, side), np.float32)
        return (low + (high - low) * values.ravel() / 1.1).astype(np.float32)

    land = field(0.0, 8e5)
    need = np.stack([field(15, 40), field(5, 12), field(0.4, 1.0), field(600, 2500)])
    own = np.stack([field(0, 4e3), field(0, 4e3), field(0, 400), field(1e6, 1e6)])
    upper = np.minimum(own, land / need).astype(np.float32)
    upper[0, rng.random(n) < 0.3] = 0
    net = np.stack([field(0.7, 0.95), field(0.6, 0.9), field(0.7, 0.9), field(0.8, 0.9)])
    cost = np.stack([field(300, 700), field(200, 500), field(80, 200), field(10, 80)])
    zone_ids = {
        name: nearest(rng, side, side, count, 1)[0][0]
        for name, count in (("basin", WATER), ("zone", POWER), ("catchment", BIOMASS))
    }
    sink, distance = nearest(rng, side, side, SINKS, 3)
    cells = ArrayCells(
        land, upper, net, cost, need, zone_ids, sink, (8 + 60 * distance).astype(np.float32)
    )
    share = n / 1e4  # supplies grow with the region, so that the same pools bind at every size

    def supply(count: int, typical: float) -> np.ndarray:
        return typical * share / count * rng.uniform(0.3, 3.0, count)

    def names(count: int) -> list[str]:
        return [str(i) for i in range(count)]

    return Problem(
        cells,
        [Competitor(name, stored=0.0 if name == "afforestation" else 1.0) for name in METHODS],
        pools=[
            PoolFamily(
                "water", "m3/yr", "basin", names(WATER), supply(WATER, 4e7),
                {"daccs-solid": 1.0, "daccs-liquid": 4.7, "beccs-residue": 2.3},
            ),
            PoolFamily(
                "power", "kWh/yr", "zone", names(POWER), supply(POWER, 2e10),
                {"daccs-solid": 1500.0, "daccs-liquid": 1300.0, "beccs-residue": -600.0},
            ),
            PoolFamily(
                "biomass", "t/yr", "catchment", names(BIOMASS), supply(BIOMASS, 1e6),
                {"beccs-residue": 0.61},
            ),
        ],
        sinks=[SinkFamily("storage", "t/yr", names(SINKS), supply(SINKS, 1.2e7))],
        n_sinks=SINKS,
    )  # fmt: skip


class StoredCells:
    """Cells in files on disk, read block by block: memory holds a block per thread."""

    def __init__(self, folder: Path, n_cells: int, fixed: ArrayCells) -> None:
        self.folder, self.n_cells, self.fixed = folder, n_cells, fixed

    def _open(self, name: str) -> np.ndarray:
        return np.load(self.folder / f"{name}.npy", mmap_mode="r")

    def read(self, start: int, stop: int) -> CellBlock:
        """Cells of one block, read from the files."""

        def cut(name: str) -> np.ndarray:
            return np.ascontiguousarray(self._open(name)[..., start:stop])

        nothing = np.empty((0, stop - start), np.float32)
        cost, sink_cost = self.fixed.cost, self.fixed.sink_cost
        assert sink_cost is not None
        own = (self.folder / "cost.npy").exists()
        return CellBlock(
            land=cut("land"), upper=cut("upper"), net=cut("net"), need=cut("need"),
            cost=cut("cost") if own else cost, sink=cut("sink"),
            sink_cost=cut("sink_cost") if own else sink_cost,
            sink_loss=np.zeros((len(sink_cost), 1), np.float32),
            lower=np.zeros((4, 1), np.float32), layers=nothing, local=nothing,
            stored_ratio=np.ones((4, 1), np.float32),
        )  # fmt: skip

    def zones(self, zoning: str, start: int, stop: int) -> np.ndarray:
        """Zones of one block, read from the file."""
        return self._open(zoning)[start:stop]


def stored_problem(folder: Path, n_cells: int, *, side: int = 2000) -> Problem:
    """Write copies of a square region, each shifted against its pools, and open them as one."""
    problem = make_problem(side)
    cells = problem.cells
    assert isinstance(cells, ArrayCells)
    size = cells.n_cells
    copies = -(-n_cells // size)
    write_copies(folder, cells, ("land", "upper", "net", "need"), copies, side)
    fixed = replace(
        cells, cost=np.ones((4, 1), np.float32), sink_cost=np.full((3, 1), 20, np.float32)
    )
    return replace(
        problem,
        cells=StoredCells(folder, size * copies, fixed),
        pools=[replace(pool, supply=pool.supply * copies) for pool in problem.pools],
        sinks=[replace(sink, supply=sink.supply * copies) for sink in problem.sinks],
    )


def write_copies(
    folder: Path, cells: ArrayCells, shifted: Sequence[str], copies: int, side: int
) -> None:
    """Write copies of a square region to files, those of some arrays shifted against the others."""
    folder.mkdir(parents=True, exist_ok=True)
    size, arrays = cells.n_cells, {name: getattr(cells, name) for name in shifted}
    for name, array in {**arrays, "sink": cells.sink, **cells.zone_ids}.items():
        shape = (*array.shape[:-1], size * copies)
        out = np.lib.format.open_memmap(
            folder / f"{name}.npy", mode="w+", dtype=array.dtype, shape=shape
        )
        for copy in range(copies):
            shift = copy * 977 * side if name in arrays else 0
            out[..., copy * size : (copy + 1) * size] = np.roll(array, shift, axis=-1)


def timed(problem: Problem, threads: int | None) -> tuple[float, Solution]:
    start = time.perf_counter()
    answer = solve(problem, most_net(), SolverOptions(threads=threads))
    seconds = time.perf_counter() - start
    report, size = answer.report, problem.cells.n_cells
    print(
        f"{size:>11,} cells: {seconds:8.2f} s, {report.iterations} sweeps, "
        f"gap {report.gap:.1e}, {report.value:.6e} t/yr, bound {report.bound:.6e}"
    )
    return seconds, answer


def against_whole(time_limit: float, solver: str, threads: int | None, side: int) -> None:
    """Ratio to HiGHS on the whole programme of a square of cells."""
    problem = make_problem(side)
    solve(make_problem(50), most_net())  # compiles
    seconds, answer = timed(problem, threads)
    start = time.perf_counter()
    try:
        whole = solve_whole(problem, most_net(), time_limit=time_limit, solver=solver)
    except SolverError as error:
        spent = time.perf_counter() - start
        print(f"whole programme ({solver}): {error}; more than {spent / seconds:.0f} times as long")
        return
    spent = time.perf_counter() - start
    apart = abs(answer.report.value - whole.value) / whole.value
    print(
        f"whole programme ({solver}): {spent:.1f} s, {spent / seconds:.0f} times as long; "
        f"optima differ by {apart:.1e}"
    )


def against_copy(side: int) -> None:
    """One sweep on one thread against copying as many bytes as it reads."""
    problem = make_problem(side)
    cells = problem.cells
    assert isinstance(cells, ArrayCells)
    system = build_rows(problem)
    counted = np.array([True, True, False, False])
    sweeper = Sweeper(problem, system, merge_groups(system), 1, counted, has_lower=False)
    prices = sweeper.prices(objective_matrix(most_net(), problem), np.full(len(system.rows), 1e-5))
    arrays = [cells.land, cells.upper, cells.net, cells.need, cells.sink, system.combo]
    size = sum(array.nbytes for array in arrays if array is not None)
    source = np.ones(size, np.uint8)
    target = np.zeros_like(source)
    sweeper.sums(prices)  # compiles
    times = np.array(  # by turns, so that other work on the machine weighs on both
        [
            (_spent(lambda: sweeper.sums(prices)), _spent(lambda: np.copyto(target, source)))
            for _ in range(9)
        ]
    )
    sweep, share = float(np.median(times[:, 0])), float(np.median(times[:, 1] / times[:, 0]))
    print(
        f"sweep: {sweep / cells.n_cells * 1e9:.1f} ns of processor time per cell on one thread, "
        f"{size / sweep / 1e9:.2f} GB/s read; {share:.1%} of the speed of copying the same bytes"
    )


def _spent(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, nargs="*", default=[], help="squares of cells to solve")
    parser.add_argument("--whole", type=float, help="time limit of the whole programme [s]")
    parser.add_argument("--whole-side", type=int, default=500, help="its square of cells")
    parser.add_argument("--sweep-side", type=int, default=2000, help="square of cells to sweep")
    parser.add_argument("--solver", default="choose", help="HiGHS solver of the whole programme")
    parser.add_argument("--sweep", action="store_true", help="one sweep against a copy")
    parser.add_argument("--stream", type=int, help="cells to stream from disk")
    parser.add_argument("--stream-side", type=int, default=2000, help="square that it repeats")
    parser.add_argument("--folder", type=Path, default=Path("competition_cells"))
    parser.add_argument("--threads", type=int, default=None)
    arguments = parser.parse_args()
    if arguments.whole is not None:
        against_whole(arguments.whole, arguments.solver, arguments.threads, arguments.whole_side)
    for side in arguments.side:
        timed(make_problem(side), arguments.threads)
    if arguments.sweep:
        against_copy(arguments.sweep_side)
    if arguments.stream is not None:
        problem = stored_problem(arguments.folder, arguments.stream, side=arguments.stream_side)
        timed(problem, arguments.threads)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"peak memory {peak:.1f} GB, mapped files included")


if __name__ == "__main__":
    main()

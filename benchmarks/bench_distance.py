"""Least-cost distance against scikit-image and scipy: ratios of one run.

    python benchmarks/bench_distance.py --sizes 2000 6000 --threads 2
    python benchmarks/bench_distance.py --crossings 2000  # routes that steer around lines
    python benchmarks/bench_distance.py --disk 20000  # block by block; time and peak memory

Times are wall seconds and, in brackets, CPU seconds (all threads): on a busy machine the CPU
ratio is the steadier one.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from skimage.graph import MCP_Geometric

from cdrsite.config.transport import Crossing
from cdrsite.core.grid import AnalysisGrid
from cdrsite.engine.arrays import DiskStore
from cdrsite.testing.routes import least_cost_blocks
from cdrsite.transport.blockroutes import RankArrays
from cdrsite.transport.crossings import CrossingRules, bill_crossings
from cdrsite.transport.distance import Sources, least_cost

STEPS = (1000.0, 1000.0)


def surface(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    if kind == "random":
        return rng.uniform(1, 10, (n, n)).astype(np.float32)
    height = sum(s * gaussian_filter(rng.standard_normal((n, n)), s) for s in (4, 16, 64))
    slope = np.hypot(*np.gradient(height))
    return np.clip(1 + 8 * (slope / slope.mean()) ** 2, 1, 125).astype(np.float32)


def timed(work: Callable[[], Any], repeats: int) -> tuple[float, float, Any]:
    wall, cpu = np.inf, np.inf
    for _ in range(repeats):
        w, c = time.perf_counter(), time.process_time()
        result = work()
        wall = min(wall, time.perf_counter() - w)
        cpu = min(cpu, time.process_time() - c)
    return wall, cpu, result


def by_scipy(friction: np.ndarray, row: np.ndarray, col: np.ndarray) -> np.ndarray:
    n = friction.shape[1]
    cell = np.arange(friction.size).reshape(friction.shape)
    f = friction.astype(np.float64)
    parts = []
    for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1)):
        a = (slice(0, n - dr), slice(max(0, -dc), n - max(0, dc)))
        b = (slice(dr, n), slice(max(0, dc), n + min(0, dc)))
        parts.append(
            (cell[a].ravel(), cell[b].ravel(), np.hypot(dr, dc) * (f[a] + f[b]).ravel() / 2)
        )
    i, j, w = (np.concatenate(x) for x in zip(*parts, strict=True))
    graph = coo_array((w, (i, j)), shape=(f.size, f.size)).tocsr()
    return dijkstra(graph, directed=False, indices=row * n + col, min_only=True)


def line(name: str, wall: float, cpu: float, base: tuple[float, float]) -> None:
    ratio = f"x{base[0] / wall:.1f} (x{base[1] / cpu:.1f})"
    print(f"    {name:42s} {wall:8.3f} s ({cpu:8.3f})  {ratio}", flush=True)


def compare(kind: str, n: int, options: argparse.Namespace) -> None:
    rng = np.random.default_rng(0)
    friction = surface(kind, n, rng)
    row, col = rng.integers(0, n, (2, 20))
    sources = Sources.of(row, col, np.arange(20))
    print(f"  {kind} {n} x {n}, 20 sinks; times of scikit-image over ours in brackets by CPU")
    ends = list(zip(row, col, strict=True))
    w, c, (truth, _) = timed(lambda: MCP_Geometric(friction.astype(float)).find_costs(ends), 1)
    base = (w, c)
    line("scikit-image MCP_Geometric, cost + traceback", w, c, base)
    if n <= options.scipy:
        w, c, _ = timed(lambda: by_scipy(friction, row, col), 1)
        line("scipy csgraph, graph + dijkstra, cost only", w, c, base)
    for neighbours, k, threads in (
        (8, 1, 1),
        (8, 1, options.threads),
        (16, 1, 1),
        (40, 1, 1),
        (8, 3, 1),
        (16, 3, 1),
    ):
        w, c, got = timed(
            lambda nb=neighbours, kk=k, t=threads: least_cost(  # type: ignore[misc]
                friction, STEPS, sources, neighbours=nb, k=kk, threads=t
            ),
            options.repeats if n < 4000 else 1,
        )
        line(f"least_cost {neighbours} neighbours, k={k}, {threads} threads", w, c, base)
        if neighbours == 8 and k == 1:
            away = truth > 0
            off = np.abs(got.cost[0][away] / truth[away] - 1).max()
            print(f"      largest relative difference to scikit-image {off:.1e}")
            assert off < 1e-6
    many = Sources.of(*rng.integers(0, n, (2, 200)), np.arange(200))
    one = timed(lambda: least_cost(friction, STEPS, many, neighbours=16), 2)
    three = timed(lambda: least_cost(friction, STEPS, many, neighbours=16, k=3), 2)
    print(f"    200 sinks, k=3 over k=1: {three[0] / one[0]:.1f} (CPU {three[1] / one[1]:.1f})")


class Rivers:
    """A layer of winding lines, ``share`` of them as many as the grid has rows."""

    def __init__(self, grid: AnalysisGrid, share: float) -> None:
        size = grid.shape[0] * 1000.0
        x = np.linspace(-1000.0, size + 1000.0, 4 * grid.shape[0])
        self.lines = [
            shapely.LineString(np.column_stack((x, y + 9000.0 * np.sin(x / 8000.0 + y))))
            for y in np.linspace(0.0, size, max(2, int(share * grid.shape[0])))
        ]
        self.crs = grid.wkt

    def features(self, name: str, where: str | None = None) -> gpd.GeoDataFrame:
        """The lines."""
        del name, where
        return gpd.GeoDataFrame(geometry=self.lines, crs=self.crs)


def with_crossings(n: int, options: argparse.Namespace) -> None:
    """Routes that look away from lines, and those that steer around them, in the same run."""
    rng = np.random.default_rng(0)
    grid = AnalysisGrid.from_bounds("EPSG:3035", (0, 0, n * 1e3, n * 1e3), 1e3, snap=None)
    friction = surface("random", n, rng)
    sources = Sources.of(*rng.integers(0, n, (2, 20)), np.arange(20))
    print(f"  random {n} x {n}, 20 sinks, 1 thread; CPU seconds, ratio to no crossings")
    for share in (0.01, 0.1):
        rule = [Crossing(layer="rivers", cost=10.0)]
        rules = CrossingRules(rule, Rivers(grid, share), grid, 1.0)
        for neighbours, k in ((8, 1), (16, 1), (16, 3), (40, 1)):
            edges = rules.whole(neighbours)
            crossed = float((edges.codes != 0).mean())
            times = []
            for given in (None, edges):

                def solve(e: Any = given, nb: int = neighbours, kk: int = k) -> Any:
                    return least_cost(friction, STEPS, sources, crossings=e, neighbours=nb, k=kk)

                times.append(timed(solve, options.repeats)[1:])
            (plain, unsteered), (steered, found) = times
            bills = [bill_crossings(one, edges)[0] for one in (unsteered, found)]
            paid = [one.cost[0] + bill for one, bill in zip((unsteered, found), bills, strict=True)]
            assert (paid[1] <= paid[0] * (1 + 1e-4)).all()
            print(
                f"    {crossed:5.1%} of the edges crossed, {neighbours:2d} neighbours, k={k}: "
                f"{plain:.3f} -> {steered:.3f}  x{steered / plain:.2f}; routes cross "
                f"{bills[0].mean() / 10:.2f} -> {bills[1].mean() / 10:.2f} lines and cost "
                f"{1 - paid[1].mean() / paid[0].mean():.2%} less",
                flush=True,
            )


def on_disk(n: int, options: argparse.Namespace) -> None:
    """A surface in a store on disk, block by block, 16 neighbours, 20 sinks, k ranks."""
    rng = np.random.default_rng(0)
    shape, k, chunk = (options.k, n, n), options.k, options.chunk
    sources = Sources.of(*rng.integers(0, n, (2, 20)), np.arange(20))
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        store = DiskStore(Path(folder), chunk)
        friction = store.create("friction", (n, n), np.float32)
        for row in range(0, n, chunk):
            friction[row : row + chunk] = rng.uniform(1, 10, (min(chunk, n - row), n))
        arrays = RankArrays(
            store.create("label", shape, np.float32),
            store.create("sink", shape, np.int32),
            store.create("link", shape, np.int8),
            store.create("progress", (1, 1), np.int32),
        )
        sums = store.create("cost", shape, np.float32), store.create("km", shape, np.float32)
        side = chunk * max(1, options.block // chunk)
        w, c, blocks = timed(
            lambda: least_cost_blocks(
                friction, STEPS, sources, arrays, sums, threads=options.threads, block=side
            ),
            1,
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        count = (-(-n // side)) ** 2
        print(
            f"  on disk {n} x {n}, k={k}, {options.threads} threads: {w:.1f} s ({c:.1f}), "
            f"{blocks / count / k:.2f} solves per block of {side} and rank; "
            f"peak memory of the whole process {peak:.2f} GiB",
            flush=True,
        )
        if n > options.memory:
            return
        whole = friction[:, :]
        mw, mc, got = timed(
            lambda: least_cost(whole, STEPS, sources, k=k, threads=options.threads), 1
        )
        assert np.array_equal(got.cost, sums[0][:])
        assert np.array_equal(got.link, arrays.link[:])
        print(f"    in memory {mw:.1f} s ({mc:.1f}): disk x{w / mw:.2f} (x{c / mc:.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2000])
    parser.add_argument("--crossings", type=int, help="side of a grid with lines, and nothing else")
    parser.add_argument("--disk", type=int, help="side of a grid on disk, and nothing else")
    parser.add_argument("--k", type=int, default=3, help="sinks per cell, on disk")
    parser.add_argument("--chunk", type=int, default=1024, help="side of a chunk on disk")
    parser.add_argument("--block", type=int, default=2048, help="side of a solver's block")
    parser.add_argument("--memory", type=int, default=4000, help="largest size compared to memory")
    parser.add_argument("--folder", help="for the store; that of temporary files when not given")
    parser.add_argument("--kinds", nargs="+", default=["random", "terrain"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--scipy", type=int, default=2000, help="largest size for scipy")
    options = parser.parse_args()
    small = np.ones((70, 70), np.float32)  # compiles everything before the clock starts
    if options.disk:
        shape = (options.k, 70, 70)
        label, sink, link, cost, km = (np.zeros(shape, t) for t in ("f4", "i4", "i1", "f4", "f4"))
        arrays = RankArrays(label, sink, link, np.zeros((1, 1), np.int32))
        few = Sources.of([0, 9, 9], [0, 9, 0], [0, 1, 2])
        least_cost_blocks(small, STEPS, few, arrays, (cost, km), block=35)
        least_cost(small, STEPS, few, k=options.k)
        on_disk(options.disk, options)
        return
    for neighbours in (8, 16, 40):
        for k in (1, 3):
            least_cost(
                small,
                STEPS,
                Sources.of([0, 9, 9], [0, 9, 0], [0, 1, 2]),
                neighbours=neighbours,
                k=k,
            )
    if options.crossings:
        with_crossings(options.crossings, options)
        return
    for n in options.sizes:
        for kind in options.kinds:
            compare(kind, n, options)


if __name__ == "__main__":
    main()

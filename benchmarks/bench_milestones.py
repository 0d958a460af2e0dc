"""Speed of a path: four milestones against the competition of one year, in the same run.

Run ``python benchmarks/bench_milestones.py --side 316 1000``; ``--profile`` says where the
processor's time goes. The region is made up: four methods, the two nearest of ten storage units, 40
pools, growth of a tenth a year, cheaper plants, a cleaner grid, a forest whose growth slows down,
targets that bind.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
import time
from dataclasses import replace
from pathlib import Path as Folder

import numpy as np
from bench_competition import METHODS, StoredCells, nearest, smooth_field, write_copies

from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.objectives import least_cost
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    ArrayCells,
    Competitor,
    PoolFamily,
    Problem,
    RowTerm,
    SinkFamily,
    target,
)
from cdrsite.network.milestones import times_of
from cdrsite.pathway.course import Course, GrowthRow, Path, PathGoal, Target
from cdrsite.pathway.solve import solve_path
from cdrsite.place.curves import AgeCurve
from cdrsite.study.course import stock_output

YEARS = (2030.0, 2040.0, 2050.0, 2060.0)
BASINS, ZONES, SHEDS, UNITS = 12, 10, 8, 10
AFTER, RATE, MISSED = 30.0, 0.04, 1000.0
SUPPLY = {"water": 2e7, "power": 2.5e10, "biomass": 2e6, "injectivity": 9e6}
"""Of a region of 10,000 cells."""
TARGETS = np.array([0.3e6, 2e6, 5e6, 9e6])
INTENSITY, CLEANER = 0.58, np.array([1.0, 0.6, 0.25, 0.03])
DEARER = {"daccs-solid": (2.0, 1.5, 1.2, 1.0), "daccs-liquid": (1.6, 1.3, 1.1, 1.0)}
GROWING = ("daccs-solid", "daccs-liquid", "beccs-residue")


def make_problem(side: int, *, seed: int = 11) -> Problem:
    """A square region of the last milestone."""
    rng = np.random.default_rng(seed)

    def field(low: float, high: float) -> np.ndarray:
        values = smooth_field(rng, side, side) + 0.1 * rng.random((side, side), np.float32)
        return (low + (high - low) * values.ravel() / 1.1).astype(np.float32)

    land = field(0.0, 8e5)
    need = np.stack([field(15, 40), field(5, 12), field(0.4, 1.0), field(600, 2500)])
    own = np.stack([field(0, 4e3), field(0, 4e3), field(0, 400), field(1e6, 1e6)])
    upper = np.minimum(own, land / need).astype(np.float32)
    upper[0, rng.random(side * side) < 0.3] = 0
    net = np.stack([field(0.85, 0.97), field(0.75, 0.92), field(0.7, 0.9), field(0.8, 0.9)])
    cost = np.stack([field(300, 500), field(250, 450), field(80, 200), field(10, 120)])
    zone_ids = {
        name: nearest(rng, side, side, count, 1)[0][0]
        for name, count in (("basin", BASINS), ("zone", ZONES), ("shed", SHEDS))
    }
    sink, distance = nearest(rng, side, side, UNITS, 2)
    cells = ArrayCells(
        land, upper, net, cost, need, zone_ids, sink, (8 + 60 * distance).astype(np.float32)
    )
    return problem_of(cells, side * side)


def problem_of(cells: ArrayCells | StoredCells, size: int) -> Problem:
    """Pools and sinks of some cells: supplies grow with the region, so that the same ones bind."""
    rng = np.random.default_rng(3)

    def supply(name: str, count: int) -> np.ndarray:
        return SUPPLY[name] * size / 1e4 / count * rng.uniform(0.3, 3.0, count)

    def pool(name: str, unit: str, zoning: str, count: int, **need: float) -> PoolFamily:
        needs = {method.replace("_", "-"): each for method, each in need.items()}
        return PoolFamily(name, unit, zoning, numbered(count), supply(name, count), needs)

    rate = supply("injectivity", UNITS)
    return Problem(
        cells,
        [Competitor(name, stored=0.0 if name == "afforestation" else 1.0) for name in METHODS],
        pools=[
            pool("water", "m3/yr", "basin", BASINS, daccs_solid=1.0, daccs_liquid=4.7,
                 beccs_residue=2.3),
            pool("power", "kWh/yr", "zone", ZONES, daccs_solid=1500.0, daccs_liquid=1300.0,
                 beccs_residue=-600.0),
            pool("biomass", "t/yr", "shed", SHEDS, beccs_residue=0.61),
        ],
        sinks=[
            SinkFamily("injectivity", "t/yr", numbered(UNITS), rate),
            SinkFamily("pore space", "t/yr", numbered(UNITS), 0.6 * rate),
        ],
        n_sinks=UNITS,
    )  # fmt: skip


def stored_problem(folder: Folder, n_cells: int, *, side: int = 2000) -> Problem:
    """Write copies of a square region, each shifted against its pools, and open them as one."""
    cells = make_problem(side).cells
    assert isinstance(cells, ArrayCells)
    copies = -(-n_cells // cells.n_cells)
    write_copies(folder, cells, ("land", "upper", "net", "need", "cost", "sink_cost"), copies, side)
    size, few = cells.n_cells * copies, make_problem(10).cells
    assert isinstance(few, ArrayCells)
    return problem_of(StoredCells(folder, size, few), size)


def numbered(count: int) -> list[str]:
    """Names of zones."""
    return [str(i) for i in range(count)]


def targets_of(problem: Problem) -> np.ndarray:
    """What the region must remove at each milestone [t/yr]."""
    return TARGETS * problem.cells.n_cells / 1e4


def path_of(problem: Problem) -> Path:
    """The same over four milestones."""
    times = times_of(YEARS, start=2026, after=AFTER, rate=RATE)
    count, quantities = len(YEARS), len(problem.counted)
    stands = np.triu(np.ones((count, count)))
    more_net = np.zeros((len(METHODS), count, quantities))
    more_cost = np.zeros((len(METHODS), count, count, quantities))
    more_net[:2, :, 0] = -0.3 * INTENSITY * (CLEANER - CLEANER[-1])
    for name, dearer in DEARER.items():
        for v, share in enumerate(dearer):
            more_cost[METHODS.index(name), v, v:, 0] = 200.0 * (share - 1.0)
    output = np.repeat(stands[None], len(METHODS), axis=0)
    output[3] = stock_output(AgeCurve(0.08, 2.0, 30.0), YEARS, 2026.0)
    course = Course(
        tuple(str(int(year)) for year in YEARS), times.years, times.worth, output,
        np.ones((len(METHODS), count), np.bool_), more_net, more_cost,
    )  # fmt: skip
    size = problem.cells.n_cells / 1e4
    factor = 1.1 ** np.diff(YEARS, prepend=2026.0)
    growth = tuple(GrowthRow(name, factor, 3e4 * size * (factor - 1.0) / 0.1) for name in GROWING)
    goal = PathGoal("cost", "USD", [[RowTerm("cost", -float(w))] for w in times.worth], -1)
    asked = Target("removal", "t/yr", (RowTerm("net"),), targets_of(problem), MISSED)
    life = {"pore space": np.asarray(problem.sinks[1].supply) * times.years.sum()}
    supply = {"power": np.array([0.3, 0.6, 0.8, 1.0])}
    return Path(problem, course, goal, (asked,), growth, supply, life)


def one_year(problem: Problem, options: SolverOptions) -> float:
    """Seconds of the competition of the last milestone: least cost for its target."""
    asked = target(0.7 * float(targets_of(problem)[-1]))
    start = time.process_time()
    report = solve(replace(problem, policies=[asked]), least_cost(), options).report
    return told("one year", problem, time.process_time() - start, report)


def told(name: str, problem: Problem, seconds: float, report: object) -> float:
    """Print one line."""
    size = problem.cells.n_cells
    print(
        f"{size:>11,} cells, {name:<15}: {seconds:8.2f} s, {report.iterations} sweeps, "
        f"gap {report.gap:.1e}, {report.value:.9e}",
        flush=True,
    )
    return seconds


def compare(problem: Problem, options: SolverOptions, repeats: int, *, cold: bool = True) -> None:
    """Medians of processor time of runs in turns, and their ratios."""
    path, seconds = path_of(problem), []
    runs = [("milestones", False)] * cold + [("led by a sample", True)]
    for _ in range(repeats):
        row = [one_year(problem, options)]
        for name, sampled in runs:
            start = time.process_time()
            found = solve_path(path, options, sampled=sampled)
            row.append(told(name, problem, time.process_time() - start, found.report))
        seconds.append(row)
    print(f"rows {len(found.system.rows)}, combinations {found.system.n_combos}, "
          f"missed {found.missed / targets_of(problem)}")  # fmt: skip
    middle = np.median(np.array(seconds), axis=0)
    for (name, _), each in zip(runs, middle[1:], strict=True):
        print(f"{name}: {each / middle[0]:.2f} times one year")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, nargs="*", default=[316], help="squares of cells")
    parser.add_argument("--gap", type=float, default=1e-5)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--stream", type=int, help="cells to stream from disk")
    parser.add_argument("--folder", type=Folder, default=Folder("milestone_cells"))
    arguments = parser.parse_args()
    options = SolverOptions(gap=arguments.gap, threads=arguments.threads)
    small = make_problem(40)
    one_year(small, options)  # compiles
    solve_path(path_of(small), options)
    if arguments.stream is not None:
        compare(stored_problem(arguments.folder, arguments.stream), options, 1, cold=False)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"peak memory {peak:.1f} GB, mapped files included")
    for side in arguments.side:
        problem = make_problem(side)
        if arguments.profile:
            with cProfile.Profile(time.process_time) as profile:
                solve_path(path_of(problem), options)
            pstats.Stats(profile).sort_stats("tottime").print_stats(15)
        compare(problem, options, arguments.repeats)


if __name__ == "__main__":
    main()

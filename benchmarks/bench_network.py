"""Network design beside plain HiGHS on the same model: gap against processor time.

Run: ``python benchmarks/bench_network.py [CASES_DIR] [--only NAME] [--effort EFFORT]``. Plain HiGHS
gets the model without strengthening, cuts or starts, one thread, and as much processor time as the
design took, by the clock; the reference cases are skipped where they are not found. It prints the
rows of the table in ``benchmarks/README.md``.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy.spatial import Delaunay

from cdrsite.network.arrays import flow_arrays
from cdrsite.network.design import NetworkPlan, design
from cdrsite.network.model import Goal, build, solve
from cdrsite.network.problem import Arc, NetworkProblem, Sink, Source, Trend
from cdrsite.network.tables import read_case


def realistic(sources: int, seed: int = 1) -> NetworkProblem:
    """Random sources and sinks on 1000 x 600 km, joined by a Delaunay graph over terrain."""
    rng = np.random.default_rng(seed)
    sinks, junctions = max(3, sources // 6), sources // 2
    places = rng.uniform((0, 0), (1000, 600), (sources + sinks + junctions, 2))
    edges = set()
    for triangle in Delaunay(places).simplices.tolist():
        for k in range(3):
            edges.add(tuple(sorted((triangle[k], triangle[k - 1]))))
    trends = ((0.431655132, 0.115719152), (0.770037049, 0.078306697))
    arcs = []
    for number, (u, v) in enumerate(sorted(edges)):
        length = float(np.hypot(*(places[u] - places[v])))
        ground = length * float(rng.uniform(1.0, 2.2))
        sizes = tuple(
            Trend(0.1 * i * ground, 0.1 * s * ground, math.inf, str(c))
            for c, (i, s) in enumerate(trends)
        )
        arcs.append(Arc(f"a{number}", u, v, sizes, length))
    size = np.exp(rng.normal(0.0, 1.0, sources))
    plants = tuple(
        Source(f"s{k}", k, float(q), float(5 + 20 * q), float(rng.uniform(30, 90)))
        for k, q in enumerate(size)
    )
    room = rng.uniform(0.5, 1.5, sinks) * 1.3 * size.sum() / sinks * 30
    stores = tuple(
        Sink(f"t{k}", sources + k, float(c), 0.5, 4.0, 0.6, 3.0) for k, c in enumerate(room)
    )
    return NetworkProblem(plants, stores, tuple(arcs))


def reference(folder: Path, name: str) -> Callable[[], NetworkProblem] | None:
    return (lambda: read_case(folder / name)) if (folder / name).is_dir() else None


def without_fixed(problem: NetworkProblem) -> NetworkProblem:
    """The same problem with sources of no fixed cost."""
    return replace(problem, sources=tuple(replace(s, fixed_musd_yr=0.0) for s in problem.sources))


def plain_highs(
    problem: NetworkProblem, target: float, seconds: float
) -> tuple[float, float, float]:
    """Objective, gap and processor time of plain HiGHS with a limit on processor time."""
    model = build(flow_arrays(problem, target), Goal(target=target))
    begin = time.process_time()
    # one thread: its wall time is its processor time where the machine is not busy
    answer = solve(model, gap=1e-6, deadline=time.monotonic() + seconds)
    spent = time.process_time() - begin
    gap = (
        (answer.objective - answer.bound) / abs(answer.objective)
        if answer.x is not None
        else math.inf
    )
    return answer.objective, gap, spent


def main() -> None:
    default = Path(__file__).resolve().parents[2] / "shared" / "cases"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="?", default=os.environ.get("CDRSITE_CASES", default))
    parser.add_argument("--only", help="run the cases whose name holds this")
    parser.add_argument("--effort", default="quick")
    parser.add_argument("--gap", type=float, default=1e-6)
    given = parser.parse_args()
    folder = Path(given.cases)
    gateway, southeast = (reference(folder, f"southeastus_{n}") for n in ("gateway", "cap2020"))
    runs: list[tuple[str, Callable[[], NetworkProblem] | None, float]] = [
        ("gateway, 5 Mt/yr", gateway, 5.0),
        ("southeast, 50 Mt/yr", southeast, 50.0),
        ("southeast, 110 Mt/yr", southeast, 110.0),
    ]
    runs += [
        (f"{count} sources, 70 %", partial(realistic, count), -0.7) for count in (50, 100, 200, 400)
    ]
    runs.append(("100 sources, no fixed costs", lambda: without_fixed(realistic(100)), -0.7))
    print("case | effort | cdrsite: objective, gap, CPU s | plain HiGHS: objective, gap, CPU s")
    for name, make, target in runs:
        if make is None or (given.only and given.only not in name):
            continue
        problem = make()
        wanted = target if target > 0 else -target * problem.reachable_mt_yr()[2]
        begin, wall = time.process_time(), time.monotonic()
        plan = design(problem, target=wanted, effort=given.effort, gap=given.gap)
        spent, wall = time.process_time() - begin, time.monotonic() - wall
        _row(name, given.effort, plan, spent, plain_highs(problem, wanted, max(wall, 1.0)))


def _row(
    name: str, effort: str, plan: NetworkPlan, spent: float, other: tuple[float, float, float]
) -> None:
    theirs = "no plan" if math.isinf(other[1]) else f"{other[0]:.3f}, {100 * other[1]:.2f} %"
    print(
        f"| {name} | {effort} | {plan.objective:.3f}, {100 * plan.gap:.2f} %, {spent:.1f} "
        f"| {theirs}, {other[2]:.1f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()

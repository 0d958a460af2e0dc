"""Network design beside plain HiGHS on the same model: gap against processor time.

Run: ``python benchmarks/bench_network.py [CASES_DIR] [--only NAME] [--effort EFFORT]``. Plain HiGHS
gets the model without strengthening, cuts or starts, one thread, and as much processor time as the
design took, or what ``--plain`` says; the reference cases are skipped where they are not found. It
prints the rows of the table in ``benchmarks/README.md``.
"""

from __future__ import annotations

import argparse
import math
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from scipy.spatial import Delaunay

import cdrsite
from cdrsite.core.solver import LinearSolver
from cdrsite.network import planning
from cdrsite.network.arrays import flow_arrays
from cdrsite.network.design import NetworkPlan, design
from cdrsite.network.model import Goal, build
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


def demo() -> tuple[NetworkProblem, float]:
    """The network of ``config/demo.yaml``, and the target [Mt/yr] that the study asks of it."""
    asked: list[tuple[NetworkProblem, float]] = []

    def listen(problem: NetworkProblem, **given: Any) -> NetworkPlan:
        asked.append((problem, given["target"]))
        return design(problem, **{**given, "effort": "quick", "gap": 0.5, "gap_of": "total"})

    with patch.object(planning, "design", listen), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cdrsite.run(cdrsite.load_scenario(Path(__file__).parents[1] / "config" / "demo.yaml"))
    return asked[0]


def plain_highs(
    problem: NetworkProblem, target: float, seconds: float
) -> tuple[float, float, float]:
    """Objective, gap and processor time of plain HiGHS, which stops after as much of it."""
    model = build(flow_arrays(problem, target), Goal(target=target))
    begin = time.process_time()
    solver = LinearSolver(model.programme(integer=True), mip_rel_gap=1e-6, mip_abs_gap=0.0)
    solver.stop_when(lambda: time.process_time() > begin + seconds)
    solver.run()
    spent = time.process_time() - begin
    if not solver.has_solution:
        return math.inf, math.inf, spent
    return solver.value, (solver.value - solver.bound) / abs(solver.value), spent


def main() -> None:
    default = Path(__file__).resolve().parents[2] / "shared" / "cases"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="?", default=os.environ.get("CDRSITE_CASES", default))
    parser.add_argument("--only", help="run the cases whose name holds this")
    parser.add_argument("--effort", default="quick")
    parser.add_argument("--gap", type=float, default=1e-6)
    parser.add_argument("--gap-of", choices=("total", "transport"), default="total")
    parser.add_argument("--plain", type=float, help="processor time that plain HiGHS gets [s]")
    given = parser.parse_args()
    folder = Path(given.cases)
    gateway, southeast = (reference(folder, f"southeastus_{n}") for n in ("gateway", "cap2020"))
    runs: list[tuple[str, Callable[[], tuple[NetworkProblem, float]] | None]] = [("demo", demo)]
    runs += [
        (f"southeast, {name}, {target:g} Mt/yr", make and (lambda m=make, t=target: (m(), t)))
        for name, make, target in (
            ("gateway", gateway, 5.0), ("whole", southeast, 50.0), ("whole", southeast, 110.0),
        )
    ]  # fmt: skip
    runs += [
        (f"{count} sources, 70 %", partial(mostly, partial(realistic, count)))
        for count in (50, 100, 200, 400)
    ]
    runs.append(
        ("100 sources, no fixed costs", partial(mostly, lambda: without_fixed(realistic(100))))
    )
    design(realistic(3), target=1.0, effort="quick")  # kernels are compiled before the clock runs
    print("case | effort | cdrsite: objective, gaps, CPU s | plain HiGHS: objective, gap, CPU s")
    for name, make in runs:
        if make is None or (given.only and given.only not in name):
            continue
        problem, wanted = make()
        begin = time.process_time()
        plan = design(
            problem, target=wanted, effort=given.effort, gap=given.gap, gap_of=given.gap_of
        )
        spent = time.process_time() - begin
        other = plain_highs(problem, wanted, given.plain or spent)
        _row(name, given.effort, plan, spent, other)


def mostly(make: Callable[[], NetworkProblem]) -> tuple[NetworkProblem, float]:
    """A problem, and 70 % of what it can do as its target [Mt/yr]."""
    problem = make()
    return problem, 0.7 * problem.reachable_mt_yr()[2]


def _row(
    name: str, effort: str, plan: NetworkPlan, spent: float, other: tuple[float, float, float]
) -> None:
    theirs = "no plan" if math.isinf(other[1]) else f"{other[0]:.3f}, {100 * other[1]:.3f} %"
    print(
        f"| {name} | {effort} | {plan.objective:.3f}, {100 * plan.gap:.3f} %, "
        f"of transport {100 * plan.gap_transport:.2f} %, {spent:.1f} "
        f"| {theirs}, {other[2]:.1f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()

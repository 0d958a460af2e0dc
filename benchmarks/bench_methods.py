"""What many methods cost: seventeen beside four, as ratios within one run.

    python benchmarks/bench_methods.py scoring [--cells 1]
    python benchmarks/bench_methods.py competition [--side 500]

``scoring``: methods shaped like those of the library, on one thread, against the same formulas in
numpy and against copying as many bytes as are read and written. ``competition``: three storage
units per cell and the same pools for both, the most net removal at the same gap; each method where
the land suits it, as in ``config/all-methods.yaml``, and each in every cell.

All seconds are processor time of one process, measured in turns.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from bench_competition import make_problem, smooth_field

from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.objectives import most_net
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import ArrayCells, Competitor, Problem
from cdrsite.scoring.evaluate import evaluate
from cdrsite.scoring.scored import MethodResult
from cdrsite.scoring.sums import Limit, MethodPlan, ScoringPlan, const, layer

WIDTH = 1000


# ---------------------------------------------------------------------------------- scoring

SUPPLIES = ("land", "water", "electricity", "biomass", "storage", "slot", "rock", "residue")
"""In the order of their codes; a residue is one method's own."""


def method_plan(name: str, needs: dict[str, float], own: int) -> MethodPlan:
    """A method that needs some resources, and reads some layers of its own."""
    factors = [layer(f"{name} {k}") for k in range(own)]
    limits = []
    for code, resource in enumerate(SUPPLIES):
        if resource in needs:
            supply = f"{resource} {name}" if resource in {"land", "residue"} else resource
            need = const(needs[resource])
            if resource == ("electricity" if "electricity" in needs else "land") and factors:
                need = need * factors[0]
            limits.append(Limit(resource, code, layer(supply), need))
    net, cost = const(0.9), const(100.0)
    if "electricity" in needs:
        net += layer("intensity", -0.01)
    if "storage" in needs:
        net += layer("transport km", -1e-5)
        cost += layer("storage cost") + layer("transport cost", 1.1)
    for factor in factors[1:]:
        net += factor * -0.01
        cost += factor * 3.0
    return MethodPlan(name, tuple(limits), net, cost, "suitability", 0b101, f"left {name}")


PLANTS = {
    "daccs-solid": ({"land": 11e3, "water": 3.0, "electricity": 1500.0, "storage": 1.0}, 3),
    "daccs-liquid": ({"land": 9e3, "water": 5.0, "electricity": 400.0, "storage": 1.1}, 4),
    "beccs-residue": ({"land": 40.0, "water": 2.0, "biomass": 0.6, "storage": 1.0}, 0),
}
STOCK: tuple[dict[str, float], int] = ({"land": 2000.0}, 3)
FOUR = PLANTS | {"afforestation": STOCK}
SEVENTEEN = FOUR | {
    "forest-management": STOCK, "agroforestry": STOCK, "cropland-soil-carbon": STOCK,
    "grazing-land": STOCK, "check-dam": STOCK, "peat-rewetting": STOCK,
    "enhanced-weathering": ({"land": 4e3, "electricity": 90.0, "slot": 9e3, "rock": 4.0}, 1),
    "biochar": ({"land": 90.0, "electricity": 60.0, "biomass": 1.6, "slot": 5e3}, 0),
    "bio-oil": ({"land": 60.0, "electricity": 200.0, "biomass": 1.1}, 0),
    "steel-slag": ({"land": 2.0, "water": 1.0, "electricity": 300.0, "residue": 5.0}, 0),
    "carbide-slag": ({"land": 2.0, "water": 1.2, "electricity": 200.0, "residue": 3.0}, 0),
    "fly-ash": ({"land": 2.0, "water": 0.8, "electricity": 400.0, "residue": 20.0}, 0),
    "gypsum": ({"land": 2.0, "water": 1.1, "electricity": 250.0, "residue": 4.0}, 0),
}  # fmt: skip
"""Method -> needs per gross tonne, and how many layers of its own it reads."""


def scoring_plan(methods: dict[str, tuple[dict[str, float], int]]) -> ScoringPlan:
    return ScoringPlan(tuple(method_plan(name, *shape) for name, shape in methods.items()))


def scoring_runs(plan: ScoringPlan, millions: float) -> tuple[int, dict[str, Callable[[], object]]]:
    """Bytes per cell, and what is measured."""
    rng = np.random.default_rng(1)
    shape = (max(1, int(millions * 1e6) // WIDTH), WIDTH)
    layers = {}
    for k, name in enumerate(plan.layers):
        values = rng.random(shape, np.float32) * np.float32(1e6 if "land" in name else 50.0)
        if k % 3 == 0:
            values[rng.random(shape, np.float32) < 0.07] = np.nan
        layers[name] = values
    reasons = rng.integers(0, 64, shape, np.uint32)
    reasons[rng.random(shape, np.float32) < 0.7] = 0
    out = {method.name: MethodResult.empty(shape) for method in plan.methods}
    size = 4 * len(plan.layers) + 4 + 17 * len(plan.methods)
    source = np.ones(shape[0] * shape[1] * size // 8, np.float32)
    target = np.zeros_like(source)
    return size, {
        "kernel": lambda: evaluate(plan, layers, reasons, out),
        "numpy": lambda: evaluate(plan, layers, reasons, out, backend="numpy"),
        "copy": lambda: np.copyto(target, source),
    }


def scoring(millions: float, repeats: int) -> None:
    """Print the table of scoring."""
    rows = []
    for methods in (FOUR, SEVENTEEN):
        plan = scoring_plan(methods)
        size, runs = scoring_runs(plan, millions)
        for run in runs.values():
            run()  # compiles, and touches the memory
        seconds = in_turns(runs, repeats)
        cells = max(1, int(millions * 1e6) // WIDTH) * WIDTH
        rows.append([
            len(methods), size, *(f"{1e9 * seconds[name] / cells:.1f}" for name in runs),
            f"{seconds['numpy'] / seconds['kernel']:.1f}",
            f"{seconds['copy'] / seconds['kernel']:.2f}",
        ])  # fmt: skip
    print_table(
        ["methods", "bytes per cell", "kernel [ns/cell]", "numpy [ns/cell]", "copy [ns/cell]",
         "numpy / kernel", "copy / kernel"],
        rows,
    )  # fmt: skip


# ------------------------------------------------------------------------------ competition

SUITED = {
    "forest-management": 0.76, "agroforestry": 0.51, "cropland-soil-carbon": 0.61,
    "grazing-land": 0.67, "check-dam": 0.011, "peat-rewetting": 0.004,
    "enhanced-weathering": 0.45, "biochar": 0.61, "bio-oil": 0.72, "steel-slag": 0.001,
    "carbide-slag": 0.001, "fly-ash": 0.002, "gypsum": 0.002,
}  # fmt: skip
"""Method -> share of the cells in which it is possible in ``config/all-methods.yaml``."""


def many(four: Problem, *, everywhere: bool, seed: int = 11) -> Problem:
    """Thirteen methods more in the same cells, which draw on the same pools."""
    cells = four.cells
    assert isinstance(cells, ArrayCells)
    rng = np.random.default_rng(seed)
    n, side = cells.n_cells, round(cells.n_cells**0.5)
    extra: dict[str, list[np.ndarray]] = {"upper": [], "net": [], "cost": [], "need": []}
    pools = {pool.name: dict(pool.need) for pool in four.pools}
    for name, share in SUITED.items():
        field = smooth_field(rng, side, side).ravel()
        needs = SEVENTEEN[name][0]
        plant = "electricity" in needs
        need = rng.uniform(20, 200) if plant else rng.uniform(800, 5000)
        most = rng.uniform(0.2, 1.0) * cells.land / need * (0.5 + field)
        if not everywhere:
            most = np.where(field <= np.quantile(field, share), most, 0)
        extra["upper"].append(most)
        extra["net"].append(0.7 + 0.25 * smooth_field(rng, side, side).ravel())
        extra["cost"].append(rng.uniform(20, 400) * (0.8 + 0.4 * rng.random(n)))
        extra["need"].append(np.full(n, need) * (0.8 + 0.4 * smooth_field(rng, side, side).ravel()))
        for pool, resource in (("water", "water"), ("power", "electricity")):
            if resource in needs:
                pools[pool][name] = needs[resource]
        if "biomass" in needs:
            pools["biomass"][name] = needs["biomass"]
    arrays: dict[str, Any] = {
        key: np.concatenate([getattr(cells, key), np.stack(parts)]).astype(np.float32)
        for key, parts in extra.items()
    }
    return replace(
        four,
        cells=replace(cells, **arrays),
        methods=[*four.methods, *(Competitor(name, stored=0.0) for name in SUITED)],
        pools=[replace(pool, need=pools[pool.name]) for pool in four.pools],
    )


def competition(side: int, repeats: int) -> None:
    """Print the table of the competition."""
    four = make_problem(side)
    problems = {
        "4": four,
        "17, where the land suits": many(four, everywhere=False),
        "17 in every cell": many(four, everywhere=True),
    }
    solve(make_problem(12), most_net())  # compiles
    reports: dict[str, Any] = {}

    def run(name: str) -> Callable[[], object]:
        def work() -> None:
            reports[name] = solve(problems[name], most_net(), SolverOptions(threads=1)).report

        return work

    seconds = in_turns({name: run(name) for name in problems}, repeats)
    print_table(
        ["methods", "processor time [s]", "sweeps", "gap", "over 4 methods"],
        [
            [name, f"{spent:.2f}", reports[name].iterations, f"{reports[name].gap:.1e}",
             f"{spent / seconds['4']:.2f}"]
            for name, spent in seconds.items()
        ],
    )  # fmt: skip


# ---------------------------------------------------------------------------------- common


def in_turns(runs: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median processor seconds of each, taken in turns so that a disturbance hits all."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.process_time()
            run()
            times[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def print_table(head: list[str], rows: list[list[object]]) -> None:
    """Print a table in Markdown."""
    for row in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(map(str, row))} |")


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["scoring", "competition"])
    parser.add_argument("--cells", type=float, default=1.0, help="cells to score [millions]")
    parser.add_argument("--side", type=int, default=500, help="square of cells that compete")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    if given.what == "scoring":
        scoring(given.cells, given.repeats)
    else:
        competition(given.side, given.repeats)


if __name__ == "__main__":
    main()

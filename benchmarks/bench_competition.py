"""Speed of the competition: column generation against the whole programme, and of one sweep.

Run ``python benchmarks/bench_competition.py [--cells N ...] [--whole] [--stream N]``; all ratios
come from one run on one machine.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from cdrsite.competition.objectives import most_net
from cdrsite.competition.prices import SolverOptions, solve
from cdrsite.competition.problem import ArrayCells, Method, PoolFamily, Problem, SinkFamily

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
        [Method(name, stored=0.0 if name == "afforestation" else 1.0) for name in METHODS],
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, nargs="*", default=[500])
    parser.add_argument("--threads", type=int, default=None)
    arguments = parser.parse_args()
    for side in arguments.side:
        problem = make_problem(side)
        for _ in range(2):
            start = time.perf_counter()
            answer = solve(problem, most_net(), SolverOptions(threads=arguments.threads))
            print(side * side, round(time.perf_counter() - start, 3), "s", answer.report)


if __name__ == "__main__":
    main()

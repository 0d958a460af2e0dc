"""Small random competition problems, and what any right plan of one keeps."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    ArrayCells,
    CellBlock,
    Competitor,
    LandRow,
    PolicyRow,
    PoolFamily,
    Problem,
    RowTerm,
    SinkFamily,
)
from cdrsite.core.errors import InfeasibleError

FINE = SolverOptions(gap=1e-9, threads=1)
NAMES = ("a", "b", "c")


@st.composite
def problems(draw: st.DrawFn, *, policies: bool = True, lower: bool = False) -> Problem:
    """A small random problem; round numbers make degenerate corners and ties common."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    n, slots, sinks = draw(st.integers(1, 8)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    coarse = draw(st.booleans())

    def random(low: float, high: float, *shape: int) -> np.ndarray:
        values = rng.uniform(low, high, shape)
        return np.round(values) if coarse and high > 2 else values

    upper = random(0, 10, 3, n) * (rng.random((3, n)) < 0.8)
    upper[:, rng.random(n) < 0.1] = np.nan
    layers = draw(st.booleans())
    local = draw(st.booleans())
    storing = draw(st.booleans())  # what is stored per tonne differs from cell to cell
    # one user only; a need that differs from cell to cell, alone or with others; one that adds
    needs: list[float | str] = draw(
        st.sampled_from(
            [[1.0, 2.0, 0.5], [0.0, 2.0, 0.0], ["own", "too", 0.5], [0.0, "own", 0.0],
             ["own", -0.5, "too"], ["too", "own", 0.0]]
        )
    )  # fmt: skip
    need = random(0, 5, 3, n)
    land = random(0, 40, n)
    # land that methods share: one practice, several on top of each other, two for one slot
    weights = draw(
        st.sampled_from(
            [(), ((1.0, 1.0, 1.0),), ((1.0, 0.5, 1.0), (1.0, 1.0, 0.5)), ((0.0, 1.0, 1.0),),
             ((1.0, 1.0, 0.0), (0.0, 1.0, 1.0), (1.0, 0.5, 1.0))]
        )
    )  # fmt: skip
    least = np.zeros((3, n))
    if lower:
        least = np.nan_to_num(upper) * (rng.random((3, n)) < 0.3) * 0.2
        land = land + (need * least).sum(axis=0)
    sink = rng.integers(0 if lower else -1, sinks, (slots, n)).astype(np.int32)
    cells = ArrayCells(
        land=land,
        upper=upper,
        net=random(0.3, 1, 3, n),
        cost=random(5, 50, 3, n),
        need=need,
        zone_ids={
            "basin": rng.integers(-1, 3, n),
            "zone": rng.integers(0, 2, n),
            "province": rng.integers(0, 2, n),
        },
        sink=sink,
        sink_cost=random(0, 10, slots, n),
        sink_loss=random(0, 0.1, slots, n),
        lower=least,
        layers=np.concatenate([random(0, 4, 1, n), random(0, 5, 2, n)])[0 if layers else 1 :],
        local=random(0, 30, 1, n) + least.sum(axis=0) * 5 if local else None,
        stored_ratio=rng.uniform(0.5, 1.5, (3, n)) if storing else None,
        ground=random(0, 40, len(weights), n) + (need * least).sum(axis=0) if weights else None,
    )
    extra = 8.0 if lower else 0.0
    pools = [
        PoolFamily(
            "water", "m3/yr", "basin", NAMES, random(0, 20, 3) * (rng.random(3) < 0.8) + extra,
            {"dac": 3.0, "beccs": "thirst" if layers else 2.0},
        ),
        PoolFamily(
            "power", "kWh/yr", "zone", NAMES[:2], random(0, 15, 2) + extra,
            {"dac": 1.5, "beccs": -0.6},
        ),
    ]  # fmt: skip
    rules: list[PolicyRow] = []
    if policies:
        kinds: list[PolicyRow] = [
            PolicyRow(
                "quota", (RowTerm("net"),), ">=", float(rng.uniform(0, 3)), "t", "province", (0,)
            ),
            PolicyRow("cap", (RowTerm("land", 1.0, ("forest",)),), "<=", float(rng.uniform(0, 20))),
            PolicyRow(
                "twin",
                (RowTerm("gross", 1, ("dac",)), RowTerm("gross", -1, ("beccs",))),
                "=",
                0.0,
            ),
            PolicyRow("budget", (RowTerm("cost"),), "<=", float(rng.uniform(50, 500))),
            PolicyRow("target", (RowTerm("net"),), ">=", float(rng.uniform(0, 12))),
        ]
        rules = [kind for kind in kinds if draw(st.booleans())]
    return Problem(
        cells,
        [Competitor("dac"), Competitor("beccs", 0.9, 0.5), Competitor("forest", 0.0)],
        pools,
        [SinkFamily("storage", "t/yr", NAMES[:sinks], random(1, 15, sinks) + extra)],
        rules,
        n_sinks=sinks,
        layers=("thirst", "own", "too")[0 if layers else 1 :],
        local_need=[needs] if local else [],
        local_names=("dung",) if local else (),
        land_rows=[LandRow(f"land {i}", row) for i, row in enumerate(weights)],
    )


def check_feasible(problem: Problem, x: np.ndarray) -> None:
    """All rows of cells and pools hold to 1e-9 of their size."""
    cells = problem.cells.read(0, problem.cells.n_cells)
    total = x.sum(axis=1)
    upper = np.nan_to_num(cells.upper)
    assert (x >= 0).all()
    assert (total <= upper * (1 + 1e-9) + 1e-12).all()
    assert (total >= np.where(upper > 0, cells.lower, 0) * (1 - 1e-9) - 1e-12).all()
    exclusive = np.array([method.exclusive for method in problem.methods])[:, None]
    assert ((total * cells.need * exclusive).sum(axis=0) <= cells.land * (1 + 1e-9) + 1e-9).all()
    for row, most in zip(problem.land_rows, cells.ground, strict=True):
        taken = (total * cells.need * np.array(row.weight)[:, None]).sum(axis=0)
        assert (taken <= most * (1 + 1e-9) + 1e-9).all()
    for needs, supply in zip(problem.local_need, cells.local, strict=True):
        taken = np.zeros(total.shape[1])
        for need, tonnes in zip(needs, total, strict=True):
            own = isinstance(need, str)
            taken += tonnes * (cells.layers[problem.layers.index(need)] if own else need)
        assert (taken <= supply * (1 + 1e-9) + 1e-9).all()
    for pool in problem.pools:
        zone = problem.cells.zones(pool.zoning, 0, problem.cells.n_cells)
        used = np.zeros(total.shape[1])
        for name, need in pool.need.items():
            m = problem.method_names.index(name)
            used += total[m] * (cells.layers[0] if isinstance(need, str) else need)
        for z, supply in enumerate(pool.supply):
            assert used[zone == z].sum() <= supply * (1 + 1e-9) + 1e-8
    stored = problem.stored_in(cells)[:, None] * x
    for sink, supply in enumerate(problem.sinks[0].supply):
        assert stored.sum(axis=0)[cells.sink == sink].sum() <= supply * (1 + 1e-9) + 1e-8


def solve_or_none(problem: Problem, objective: Any) -> Any:
    try:
        return solve(problem, objective, FINE)
    except InfeasibleError:
        return None


def two_provinces(n: int = 3000, seed: int = 3, dtype: type = np.float64) -> Problem:
    """A few thousand cells with all kinds of pools, large enough for several blocks."""
    rng = np.random.default_rng(seed)
    cells = ArrayCells(
        land=rng.uniform(0, 8e5, n).astype(dtype),
        upper=(np.array([[4e3], [4e2], [800]]) * rng.random((3, n))).astype(dtype),
        net=rng.uniform(0.6, 0.95, (3, n)).astype(dtype),
        cost=(np.array([[500], [150], [30]]) * rng.uniform(0.5, 1.5, (3, n))).astype(dtype),
        need=(np.array([[30], [1], [1000]]) * rng.uniform(0.5, 1.5, (3, n))).astype(dtype),
        zone_ids={
            "basin": np.sort(rng.integers(0, 6, n)),
            "zone": rng.integers(0, 2, n),
            "province": np.arange(n) * 2 // n,
        },
        sink=rng.integers(-1, 4, (2, n)).astype(np.int32),
        sink_cost=rng.uniform(5, 40, (2, n)).astype(dtype),
    )
    names = [str(i) for i in range(6)]
    return Problem(
        cells,
        [Competitor("dac"), Competitor("beccs"), Competitor("forest", 0.0)],
        pools=[
            PoolFamily(
                "water", "m3/yr", "basin", names, rng.uniform(1, 6, 6) * 50 * n,
                {"dac": 3.0, "beccs": 2.3},
            ),
            PoolFamily(
                "power", "kWh/yr", "zone", names[:2], np.array([3e5, 5e5]) * n,
                {"dac": 1500.0, "beccs": -600.0},
            ),
        ],
        sinks=[SinkFamily("storage", "t/yr", names[:4], np.array([20, 40, 12, 30.0]) * n)],
        n_sinks=4,
        zonings=("province",),
    )  # fmt: skip


class Chunked:
    """A source that reads its cells in chunks of its own size, as a store on disk does."""

    def __init__(self, cells: ArrayCells, chunk: int) -> None:
        self.whole, self.chunk, self.n_cells = cells, chunk, cells.n_cells

    def read(self, start: int, stop: int) -> CellBlock:
        cuts = [start, *range((start // self.chunk + 1) * self.chunk, stop, self.chunk), stop]
        parts = [self.whole.read(a, b) for a, b in pairwise(cuts)]

        def join(name: str) -> npt.NDArray[np.generic]:
            arrays = [getattr(part, name) for part in parts]
            alone = arrays[0].ndim == 2 and arrays[0].shape[1] == 1
            return arrays[0] if alone else np.concatenate(arrays, axis=-1)

        return CellBlock(**{name: join(name) for name in CellBlock.__dataclass_fields__})

    def zones(self, zoning: str, start: int, stop: int) -> npt.NDArray[np.integer]:
        return self.whole.zones(zoning, start, stop)

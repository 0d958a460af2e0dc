"""Methods that run in the months that pay, against the whole linear programme."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import lil_array

from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.monthly import Seasonal
from cdrsite.competition.objectives import Objective
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    ArrayCells,
    Competitor,
    PolicyRow,
    PoolFamily,
    Problem,
    RowTerm,
    SinkFamily,
)
from cdrsite.competition.results import net_and_cost
from cdrsite.core.errors import DataError

GOLDEN = np.array([1.0, 1.2, 2.0, 3.5, 5.0, 4.0, 2.5, 1.5, 1.1, 0.8, 0.8, 0.9]) * 1e6
"""Water of a river by month [m3]."""
VALUE = Objective("value", (RowTerm("net", 300.0), RowTerm("cost", -1.0)), "USD/yr")
OPTIONS = SolverOptions(gap=1e-9, threads=1)


def months_of(water: np.ndarray, need: dict, scale: dict | None = None) -> tuple[PoolFamily, ...]:
    """Rows of twelve months, of water of shape (zones, 12)."""
    zones = [f"river {z}" for z in range(len(water))]
    return tuple(
        PoolFamily(
            "water", "m3/yr", "water", [f"{zone}: month {p + 1}" for zone in zones], water[:, p],
            need, month=p,
            scale={name: (scale or {}).get(name, np.full(12, 1 / 12))[p] for name in need},
        )
        for p in range(12)
    )  # fmt: skip


def golden(*, seasonal: bool) -> Problem:
    """One cell of much land: 3 m3/t, a margin of 170 USD/t and 100 USD/yr per t/yr."""
    cells = ArrayCells(
        land=np.array([1e9]), upper=np.array([[1e8]]), net=np.array([[1.0]]),
        cost=np.array([[230.0]]), need=np.array([[10.0]]), zone_ids={"water": np.array([0])},
    )  # fmt: skip
    return Problem(
        cells, (Competitor("dac", 0.0),), months_of(GOLDEN[None], {"dac": 3.0}),
        seasonal=(Seasonal("dac", 100.0),) if seasonal else (),
    )  # fmt: skip


def test_a_constant_load_is_held_to_its_tightest_month() -> None:
    """3.2 Mt/yr and 224 MUSD/yr: a twelfth of the need in each month."""
    found = solve(golden(seasonal=False), VALUE, OPTIONS)
    assert found.totals.by_combo[:, 0, 0].sum() == pytest.approx(3.2e6, rel=1e-9)
    assert found.report.value == pytest.approx(224.0e6, rel=1e-9)


def test_months_that_are_counted_in_two_ways_have_no_one_order() -> None:
    """Of water and of what a layer says: each cell would have an order of its own."""
    known = golden(seasonal=True)
    cells = replace(known.cells, layers={"heat": np.array([[2.0]])})
    heat = [
        replace(row, name="heat", supply=row.supply * 2.0, need={"dac": "heat"})
        for row in known.pools
    ]
    both = replace(known, cells=cells, pools=(*known.pools, *heat), layers=("heat",))
    with pytest.raises(DataError, match=r"got gross, heat; expected one quantity.*all year"):
        solve(both, VALUE, OPTIONS)


def test_a_seasonal_plant_runs_in_the_months_that_pay() -> None:
    """Capacity 4.4, output 4.1 Mt/yr, 257 MUSD/yr, and the water's price in each month."""
    found = solve(golden(seasonal=True), VALUE, OPTIONS)
    assert found.report.value == pytest.approx(257.0e6, rel=1e-9)
    assert found.report.bound == pytest.approx(257.0e6, rel=1e-9)
    (plan,) = found.blocks()
    assert plan.capacity is not None
    assert plan.capacity.sum() == pytest.approx(4.4e6, rel=1e-9)
    assert plan.x.sum() == pytest.approx(4.1e6, rel=1e-9)
    assert plan.x.sum() / plan.capacity.sum() == pytest.approx(0.931818, abs=1e-6)
    price = np.zeros(12)
    price[[0, 9, 10, 11]], price[8] = 56.666667, 53.333333
    assert found.price == pytest.approx(price, abs=1e-5)
    # land is taken by the capacity, and water by what runs in each month
    assert found.totals.by_combo[0, 0, 3] == pytest.approx(4.4e7, rel=1e-9)
    assert found.use == pytest.approx(np.minimum(GOLDEN, 1.1e6), rel=1e-9)


def drawn(seed: int) -> Problem:
    """A small problem: methods by season and constant ones, of one profile or flat, two rivers."""
    rng = np.random.default_rng(seed)
    n, sinks = int(rng.integers(1, 6)), 2
    names = ("air", "rock", "wood")
    land = rng.uniform(1.0, 9.0, n)
    need = rng.uniform(0.5, 2.0, (3, n))
    cells = ArrayCells(
        land=land,
        upper=land * rng.choice([1.0, 0.6, 0.3, 0.0], (3, n)) / need,
        net=rng.uniform(0.5, 1.0, (3, n)),
        cost=rng.uniform(60.0, 160.0, (3, n)),
        need=need,
        zone_ids={"water": rng.integers(-1, 2, n), "power": rng.integers(0, 2, n)},
        sink=np.where(rng.random((2, n)) < 0.8, rng.integers(0, sinks, (2, n)), -1),
        sink_cost=rng.uniform(0.0, 30.0, (2, n)),
        sink_loss=rng.uniform(0.0, 0.1, (2, n)),
        layers=np.array([rng.uniform(0.5, 3.0, n), rng.uniform(5.0, 50.0, n)]),
    )
    cells.sink[1] = np.where(cells.sink[1] == cells.sink[0], -1, cells.sink[1])
    water = rng.uniform(0.0, 2.0, (2, 12)) * rng.choice([0.0, 0.3, 1.0], (2, 12))
    draws: dict[str, float | str] = {"air": 2.0, "rock": "water of rock", "wood": 1.0}
    profile = rng.random(12)
    scale = {"wood": profile / profile.sum()} if rng.random() < 0.5 else {}
    which = rng.choice(3, int(rng.integers(1, 3)), replace=False)
    capital = [float(rng.uniform(5, 60)), "capital of rock", float(rng.uniform(5, 60))]
    power = PoolFamily(
        "power", "MWh/yr", "power", ("a", "b"), rng.uniform(0.5, 4.0, 2), {"air": 1.0, "rock": 0.4}
    )
    policies = ()
    if rng.random() < 0.4:
        policies = (PolicyRow("most land", (RowTerm("land"),), "<=", float(land.sum() / 2)),)
    return Problem(
        cells=cells,
        methods=(Competitor("air", 1.0), Competitor("rock", 0.0, 0.5), Competitor("wood", 0.4)),
        pools=(*months_of(water, draws, scale), power),
        sinks=(SinkFamily("storage", "t/yr", ("s", "t"), rng.uniform(0.5, 5.0, sinks)),),
        policies=policies,
        n_sinks=sinks,
        layers=("water of rock", "capital of rock"),
        seasonal=tuple(Seasonal(names[m], capital[m]) for m in sorted(which)),
    )


class Whole:
    """The whole linear programme: output of every method, cell, sink and month, and capacities."""

    def __init__(self, problem: Problem, price: float) -> None:
        self.problem, cells = problem, problem.cells
        self.by_season = {one.method: one.capital for one in problem.seasonal}
        n, names = cells.n_cells, problem.method_names
        self.column = {
            (m, k, i, p): c
            for c, (m, k, i, p) in enumerate(
                (m, k, i, p)
                for m in range(len(names)) for k in range(len(cells.sink))
                for i in range(n) for p in range(12)
            )
        }  # fmt: skip
        count = len(self.column)
        self.capacity = {(m, i): count + m * n + i for m in range(len(names)) for i in range(n)}
        self.rows: list[tuple[dict[int, float], float]] = []
        self.gain = np.zeros(count + len(self.capacity))
        self.top = np.full(len(self.gain), np.inf)
        for (m, k, i, _), c in self.column.items():
            ratio, sink = problem.methods[m].stored, cells.sink[k, i]
            if cells.upper[m, i] <= 0 or (ratio > 0 and sink < 0) or (ratio == 0 and k > 0):
                self.top[c] = 0.0
            net = cells.net[m, i] - ratio * cells.sink_loss[k, i]
            cost = cells.cost[m, i] + ratio * cells.sink_cost[k, i] - self.capital(m, i)
            self.gain[c] = price * net - cost
        for (m, i), c in self.capacity.items():
            self.gain[c], self.top[c] = -self.capital(m, i), cells.upper[m, i]
            for p in range(12):
                made = {self.column[m, k, i, p]: 12.0 for k in range(len(cells.sink))}
                self.rows.append(({**made, c: -1.0}, 0.0))
                if names[m] not in self.by_season:  # constant: alike in all months
                    self.rows.append(({j: -v for j, v in made.items()} | {c: 1.0}, 0.0))
        for i in range(n):
            self.row(
                {self.capacity[m, i]: problem.methods[m].exclusive * cells.need[m, i]
                 for m in range(len(names))}, cells.land[i],
            )  # fmt: skip
        for pool in problem.pools:
            self.add_pool(pool)
        for s, most in enumerate(problem.sinks[0].supply):
            self.row(
                {c: problem.methods[m].stored for (m, k, i, _), c in self.column.items()
                 if cells.sink[k, i] == s}, most,
            )  # fmt: skip
        for policy in problem.policies:
            self.row({c: cells.need[m, i] for (m, i), c in self.capacity.items()}, policy.limit)

    def capital(self, m: int, i: int) -> float:
        """What a t/yr of capacity costs; 0 of a constant method, whose tonnes pay for all."""
        value = self.by_season.get(self.problem.method_names[m], 0.0)
        if isinstance(value, str):
            return float(self.problem.cells.layers[self.problem.layers.index(value), i])
        return float(value)

    def row(self, terms: dict[int, float], most: float) -> None:
        """Add one row."""
        self.rows.append((terms, float(most)))

    def add_pool(self, pool: PoolFamily) -> None:
        """Rows of a pool; a constant method takes its profile's part, another what it makes."""
        problem, cells = self.problem, self.problem.cells
        for z, most in enumerate(pool.supply):
            terms: dict[int, float] = {}
            for (m, _, i, p), c in self.column.items():
                name = problem.method_names[m]
                if cells.zone_ids[pool.zoning][i] != z or name not in pool.need:
                    continue
                need = pool.need[name]
                each = (
                    cells.layers[problem.layers.index(need), i] if isinstance(need, str) else need
                )
                if pool.month < 0:
                    terms[c] = each
                elif name not in self.by_season:
                    terms[c] = each * pool.scale[name]
                elif p == pool.month:
                    terms[c] = each
            self.row(terms, most)

    def best(self) -> float:
        """Value of the best plan."""
        matrix = lil_array((len(self.rows), len(self.gain)))
        for r, (terms, _) in enumerate(self.rows):
            for c, value in terms.items():
                matrix[r, c] = value
        found = linprog(
            -self.gain, matrix.tocsr(), [most for _, most in self.rows],
            bounds=np.stack([np.zeros(len(self.top)), self.top], axis=1), method="highs",
        )  # fmt: skip
        assert found.status == 0
        return -float(found.fun)


@settings(deadline=None, max_examples=examples(25), database=None)
@given(st.integers(0, 10**6))
def test_the_plan_is_that_of_the_whole_programme(seed: int) -> None:
    """Value and bound are the optimum; what is laid out adds up to it and keeps every month."""
    problem = drawn(seed)
    found = solve(problem, VALUE, OPTIONS)
    best = Whole(problem, 300.0).best()
    assert found.report.value == pytest.approx(best, rel=1e-6, abs=1e-6)
    assert found.report.bound >= best - 1e-6 * max(best, 1.0)
    limits = found.system.limits
    assert (found.use <= limits + 1e-6 * np.maximum(limits, 1.0)).all()
    (plan,) = found.blocks()
    net, cost = net_and_cost(found, plan)
    assert 300.0 * net.sum() - cost.sum() == pytest.approx(best, rel=1e-6, abs=1e-6)
    assert plan.capacity is not None
    gross, cells = plan.x.sum(axis=1), problem.cells
    assert (gross <= plan.capacity * (1 + 1e-9)).all()
    assert (plan.capacity <= cells.upper * (1 + 2e-6) + 1e-9).all()
    exclusive = problem.exclusive[:, None]
    assert ((plan.capacity * cells.need * exclusive).sum(axis=0) <= cells.land * (1 + 1e-6)).all()
    by_season = [problem.method_names.index(one.method) for one in problem.seasonal]
    others = np.setdiff1d(np.arange(3), by_season)
    assert plan.capacity[others] == pytest.approx(gross[others])

"""Column generation against the whole programme on random problems, and properties of optima."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.competition.conflict import ConflictError
from cdrsite.competition.objectives import least_cost, most_net, most_value
from cdrsite.competition.prices import SolverOptions, solve
from cdrsite.competition.problem import (
    ArrayCells,
    Method,
    PolicyRow,
    PoolFamily,
    Problem,
    SinkFamily,
    Term,
)
from cdrsite.core.errors import InfeasibleError
from cdrsite.testing.exact import solve_whole

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
    needs = draw(st.sampled_from([[1.0, 2.0, 0.5], [0.0, 2.0, 0.0]]))  # the last: one user only
    need = random(0, 5, 3, n)
    land = random(0, 40, n)
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
        layers=random(0, 4, 1, n) if layers else None,
        local=random(0, 30, 1, n) + least.sum(axis=0) * 5 if local else None,
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
                "quota", (Term("net"),), ">=", float(rng.uniform(0, 3)), "t", "province", (0,)
            ),
            PolicyRow("cap", (Term("land", 1.0, ("forest",)),), "<=", float(rng.uniform(0, 20))),
            PolicyRow(
                "twin", (Term("gross", 1, ("dac",)), Term("gross", -1, ("beccs",))), "=", 0.0
            ),
            PolicyRow("budget", (Term("cost"),), "<=", float(rng.uniform(50, 500))),
            PolicyRow("target", (Term("net"),), ">=", float(rng.uniform(0, 12))),
        ]
        rules = [kind for kind in kinds if draw(st.booleans())]
    return Problem(
        cells,
        [Method("dac"), Method("beccs", 0.9, 0.5), Method("forest", 0.0)],
        pools,
        [SinkFamily("storage", "t/yr", NAMES[:sinks], random(1, 15, sinks) + extra)],
        rules,
        n_sinks=sinks,
        layers=("thirst",) if layers else (),
        local_need=np.array([needs]) if local else np.empty((0, 3)),
        local_names=("dung",) if local else (),
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
    for need, supply in zip(problem.local_need, cells.local, strict=True):
        assert ((need[:, None] * total).sum(axis=0) <= supply * (1 + 1e-9) + 1e-9).all()
    for pool in problem.pools:
        zone = problem.cells.zones(pool.zoning, 0, problem.cells.n_cells)
        used = np.zeros(total.shape[1])
        for name, need in pool.need.items():
            m = problem.method_names.index(name)
            used += total[m] * (cells.layers[0] if isinstance(need, str) else need)
        for z, supply in enumerate(pool.supply):
            assert used[zone == z].sum() <= supply * (1 + 1e-9) + 1e-8
    stored = np.array([method.stored for method in problem.methods])[:, None, None] * x
    for sink, supply in enumerate(problem.sinks[0].supply):
        assert stored.sum(axis=0)[cells.sink == sink].sum() <= supply * (1 + 1e-9) + 1e-8


def solve_or_none(problem: Problem, objective: Any) -> Any:
    try:
        return solve(problem, objective, FINE)
    except InfeasibleError:
        return None


@given(problems() | problems(lower=True), st.sampled_from(["net", "cost", "value"]))
def test_same_optimum_as_the_whole_programme(problem: Problem, kind: str) -> None:
    objective = {
        "net": most_net(),
        "cost": least_cost(),
        "value": most_value({"dac": 60.0, "beccs": 40.0, "forest": 20.0}),
    }[kind]
    answer = solve_or_none(problem, objective)
    try:
        whole = solve_whole(problem, objective)
    except InfeasibleError:
        assert answer is None
        return
    assert answer is not None
    assert answer.report.value == pytest.approx(whole.value, rel=1e-6, abs=1e-6)
    assert answer.report.bound >= whole.value - 1e-6 * max(1.0, abs(whole.value))
    check_feasible(problem, answer.allocation)


@given(problems(policies=False))
def test_prices_are_not_negative_and_zero_where_slack(problem: Problem) -> None:
    answer = solve(problem, most_net(), FINE)
    left = answer.system.limits - answer.use
    assert (answer.price >= 0).all()
    slack = left > 1e-6 * np.maximum(1.0, answer.system.limits)
    assert np.abs(answer.price[slack]).max(initial=0.0) <= 1e-9
    assert (left >= -1e-9 * np.maximum(1.0, answer.system.limits)).all()


def only_rows(problem: Problem, names: set[str]) -> Problem:
    """The problem with no other shared rows than the named ones."""

    def kept(family: Any) -> Any:
        inside = [f"{family.name}: {zone}" in names for zone in family.zones]
        return replace(family, supply=np.where(inside, family.supply, np.inf))

    return replace(
        problem,
        pools=[kept(pool) for pool in problem.pools],
        sinks=[kept(sink) for sink in problem.sinks],
        policies=[row for row in problem.policies if row.name in names],
    )


def whole_is_feasible(problem: Problem) -> bool:
    try:
        solve_whole(problem, most_net())
    except InfeasibleError:
        return False
    return True


@given(problems())
def test_conflict_is_a_smallest_one(problem: Problem) -> None:
    try:
        solve(problem, most_net(), FINE)
    except ConflictError as error:
        names = {name for name, _, _ in error.conflict}
        assert names
        assert not whole_is_feasible(only_rows(problem, names))
        assert all(whole_is_feasible(only_rows(problem, names - {name})) for name in names)
        assert all(give > 0 for _, give, _ in error.conflict)
    else:
        assert whole_is_feasible(problem)


def scaled(problem: Problem, factor: float, *, cells_too: bool) -> Problem:
    cells = problem.cells
    assert isinstance(cells, ArrayCells)
    if cells_too:
        local = None if cells.local is None else cells.local * factor
        cells = replace(cells, land=cells.land * factor, upper=cells.upper * factor, local=local)
    return replace(
        problem,
        cells=cells,
        pools=[replace(pool, supply=pool.supply * factor) for pool in problem.pools],
        sinks=[replace(sink, supply=sink.supply * factor) for sink in problem.sinks],
    )


@given(problems(policies=False))
def test_doubling_everything_doubles_the_optimum(problem: Problem) -> None:
    one = solve(problem, most_net(), FINE).report.value
    two = solve(scaled(problem, 2.0, cells_too=True), most_net(), FINE).report.value
    assert two == pytest.approx(2 * one, rel=1e-7, abs=1e-9)


@given(problems(policies=False))
def test_more_supply_never_lowers_it(problem: Problem) -> None:
    one = solve(problem, most_net(), FINE).report.value
    more = solve(scaled(problem, 1.3, cells_too=False), most_net(), FINE).report.value
    assert more >= one * (1 - 1e-8) - 1e-9


@given(problems(policies=False), st.integers(0, 2), st.integers(0, 7))
def test_an_exclusion_never_raises_it(problem: Problem, method: int, cell: int) -> None:
    one = solve(problem, most_net(), FINE).report.value
    cells = problem.cells
    assert isinstance(cells, ArrayCells)
    upper = cells.upper.copy()
    upper[method, cell % upper.shape[1]] = 0.0
    fewer = solve(replace(problem, cells=replace(cells, upper=upper)), most_net(), FINE)
    assert fewer.report.value <= one * (1 + 1e-8) + 1e-9

"""Slopes of small random competitions against the whole linear programme, solved again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.objectives import least_cost, most_net
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import ArrayCells, Competitor, PoolFamily, Problem, target
from cdrsite.methods.rivals import RivalSums
from cdrsite.sampling.coefficients import Coefficients
from cdrsite.sampling.derivatives import (
    Envelope,
    PlanPrices,
    PlanSums,
    Ways,
    add_up,
    products_of,
    weigh,
)
from cdrsite.scoring.sums import Sum, const, layer
from cdrsite.testing.exact import solve_whole

NAMES, STEP = ("a", "b", "c"), 1e-3


class Model:
    """What the coefficients ask of a method."""

    def __init__(self, exclusive: float) -> None:
        self.exclusive = exclusive

    def number(self, parameter: str, default: float) -> float:
        return self.exclusive if parameter == "land_exclusive_fraction" else default


def made(rng: np.random.Generator, n: int) -> tuple[dict[str, Any], dict[str, float]]:
    """Layers and supplies of a small study, and its numbers."""
    world = {
        "wet": rng.uniform(0.5, 2.0, n),
        "warm": rng.uniform(0.5, 2.0, n),
        "land": rng.uniform(5.0, 40.0, n),
        "zone": rng.integers(0, 2, n),
        "supply": rng.uniform(2.0, 15.0, 2),
        "local": rng.uniform(2.0, 30.0, n),
    }
    numbers = {"target": 0.0, "supply": 1.0, "land": 1.0, "own": 1.0}
    for name in NAMES:
        for what, low, high in (
            ("need", 0.5, 3.0), ("net", 0.5, 0.9), ("loss", 0.0, 0.2), ("cost", 50.0, 200.0),
            ("warm cost", 5.0, 50.0), ("area", 1.0, 6.0), ("power", 0.3, 2.0), ("share", 0.3, 0.9),
        ):  # fmt: skip
            numbers[f"{name} {what}"] = float(rng.uniform(low, high))
    return world, numbers


def sums_with(numbers: dict[str, float], name: str) -> RivalSums:
    def of(what: str) -> float:
        return numbers[f"{name} {what}"]

    cost = const(of("cost")) + layer("warm", of("warm cost"))
    net: Sum = const(of("net")) + layer("wet", -of("loss"))
    needs = {"water": layer("wet", of("need")), "electricity": const(of("power"))}
    return RivalSums(const(of("area")), net, {"all": cost}, needs, const(0.0))


def problem_of(world: dict[str, Any], numbers: dict[str, float]) -> Problem:
    """The competition with some numbers: water by zone, electricity in each cell, land."""
    sums = {name: sums_with(numbers, name) for name in NAMES}
    n = len(world["land"])

    def rows(which: str) -> np.ndarray:
        return np.stack(
            [np.broadcast_to(getattr(sums[m], which).evaluate(world), n) for m in NAMES]
        )

    need = rows("land")
    land = world["land"] * numbers["land"]
    water = [np.broadcast_to(sums[m].needs["water"].evaluate(world), n) for m in NAMES]
    cells = ArrayCells(
        land=land, upper=land / need, net=rows("net_factor"), cost=rows("cost"), need=need,
        zone_ids={"water": world["zone"]}, layers=np.stack(water),
        local=(world["local"] * numbers["own"])[None],
    )  # fmt: skip
    supply = world["supply"] * numbers["supply"]
    pool = PoolFamily("water", "m3/yr", "water", ("x", "y"), supply, {m: f"{m} w" for m in NAMES})
    asked = (target(numbers["target"]),) if numbers["target"] > 0 else ()
    return Problem(
        cells, tuple(Competitor(m, 0.0, numbers[f"{m} share"]) for m in NAMES), (pool,),
        policies=asked, layers=tuple(f"{m} w" for m in NAMES), local_names=("electricity",),
        local_need=((*(numbers[f"{m} power"] for m in NAMES),),),
    )  # fmt: skip


def coefficients(numbers: dict[str, float]) -> Coefficients:
    scenario: Any = None
    return Coefficients(
        scenario,
        {name: Model(numbers[f"{name} share"]) for name in NAMES},  # type: ignore[misc]
        {name: sums_with(numbers, name) for name in NAMES},
        {name: {} for name in NAMES},
        supplies={"water": numbers["supply"], "electricity": numbers["own"]},
        land=numbers["land"],
        storage=(1.0, 1.0),
        storage_cost=None,
        leakage=0.0,
        fares=None,
        heat=0.0,
        limits=(numbers["target"],) if numbers["target"] > 0 else (),
    )


def envelope_of(world: dict[str, Any], numbers: dict[str, float], goal: Any) -> Envelope:
    solution = solve(problem_of(world, numbers), goal, SolverOptions(gap=1e-10, threads=1))
    prices, base = PlanPrices(solution), coefficients(numbers)
    keys = products_of([base])
    (plan,) = solution.blocks()
    none = np.zeros((1, len(world["land"])))
    found = weigh(prices, plan, Ways(none, none, none.astype(np.uint8)))
    layers = {m: {name: world[name][at] for name in ("wet", "warm")} for m, at in found.at.items()}
    each = add_up(found, keys, layers)
    sums = PlanSums(
        each,
        found.extra,
        found.units,
        found.arriving,
        found.local,
        found.land,
        np.zeros(0),
        found.spare,
    )
    return Envelope(prices, base, keys, sums)


@settings(max_examples=examples(25), deadline=None)
@given(seed=st.integers(0, 2**32 - 1), cheapest=st.booleans())
def test_slopes_lie_between_the_quotients_of_the_whole_programme_to_both_sides(
    seed: int, *, cheapest: bool
) -> None:
    rng = np.random.default_rng(seed)
    world, numbers = made(rng, int(rng.integers(1, 6)))
    goal = most_net()
    if cheapest:
        most = solve_whole(problem_of(world, numbers), goal).value
        numbers["target"], goal = 0.6 * most, least_cost()
    envelope = envelope_of(world, numbers, goal)
    value = solve_whole(problem_of(world, numbers), goal).value
    for key, number in numbers.items():
        if number == 0.0:
            continue
        step = STEP * number
        at = [{**numbers, key: number + side * step} for side in (1e-3, -1e-3)]
        slope = envelope.change(*map(coefficients, at)) / (2e-3 * step)
        right = solve_whole(problem_of(world, {**numbers, key: number + step}), goal).value - value
        left = value - solve_whole(problem_of(world, {**numbers, key: number - step}), goal).value
        low, high = sorted((left / step, right / step))
        # what is left is the curvature of the value within the step
        slack = 1e-2 * max(abs(low), abs(high)) + 1e-6 * abs(value) / number
        assert low - slack <= slope <= high + slack, key


def test_what_nothing_hangs_on_has_no_slope_at_all() -> None:
    """Exactly 0: the cost where net tonnes are asked for, what is not scarce."""
    world, numbers = made(np.random.default_rng(3), 4)
    world = {**world, "local": np.full(4, 1e6)}
    envelope = envelope_of(world, numbers, most_net())
    for key in ("a cost", "b warm cost", "c power", "own"):
        at = ({**numbers, key: numbers[key] * f} for f in (1.01, 0.99))
        assert envelope.change(*map(coefficients, at)) == 0.0, key
    assert envelope.change(envelope.base, envelope.base) == pytest.approx(0.0, abs=0.0)

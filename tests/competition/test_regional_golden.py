"""Char, bioenergy with storage and rock compete for one region: the optimum and prices by hand.

Goldens are of the linear programme in three unknowns; bioenergy supplies power, which runs mills
and kilns. Its numbers are those of the library's plant for power.
"""

from __future__ import annotations

import numpy as np
import pytest

from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.objectives import most_net
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    ArrayCells,
    Competitor,
    PoolFamily,
    Problem,
    SinkFamily,
)
from cdrsite.competition.results import pools_table
from cdrsite.library.methods import load_method
from cdrsite.testing.exact import solve_whole

CHAR, BIO, ROCK = "char", "bioenergy", "rock"
PLANT = load_method("beccs-residue").profile("power-only")
NET = {CHAR: 0.950158, BIO: 0.86, ROCK: 0.762482}
NEEDS = {
    "residues": {CHAR: 1.410843, BIO: PLANT.number("biomass")},
    "slot": {CHAR: 0.0410555, ROCK: 0.382811},
    "power": {CHAR: 292.652, BIO: PLANT.number("electricity"), ROCK: 217.944},
    "water": {BIO: PLANT.number("water")},
}
"""Resource -> need per gross tonne [t, ha, kWh, m3]."""
BASE = {"residues": 12e6, "slot": 3e6, "power": 1e9, "storage": 2e6, "water": 10e6}

CASES: dict[str, tuple[dict[str, float], float, tuple[float, ...], tuple[float, ...]]] = {
    "base": (
        {}, 10.706843, (3.467880, 2, 7.464844), (0, 0.155804, 3.224859, 3.507287, 0),
    ),
    "no storage": ({"storage": 0}, 3.498523, (0, 0, 4.588335), (0, 0, 3.498523, 3.731937, 0)),
    "storage 6": (
        {"storage": 6e6}, 15.354207, (6.437555, 4.405286, 7.146354),
        (0.615507, 1.991798, 0, 0, 0.199273),
    ),
    "residues 4": (
        {"residues": 4e6}, 9.342120, (1.896313, 2, 7.633391), (0.615507, 1.991798, 0, 0.452350, 0),
    ),
    "power 2.5": (
        {"power": 2.5e9}, 14.266176, (7.566682, 2, 7.025258), (0.615507, 1.991798, 0, 0.452350, 0),
    ),
    "power 0": ({"power": 0}, 7.463874, (0, 2, 7.533128), (0, 0, 3.498523, 3.731937, 0)),
    "plenty": (
        {"residues": 6e6, "power": 5e9, "storage": 20e6, "water": 100e6}, 13.766424,
        (0, 9.059339, 7.836765), (1.298505, 1.991798, 0, 0, 0),
    ),
    "plenty but storage": (
        {"residues": 6e6, "power": 5e9, "storage": 0, "water": 100e6}, 9.668435,
        (4.252777, 0, 7.380666), (0.615507, 1.991798, 0, 0, 0),
    ),
}  # fmt: skip
"""Case -> other supplies; net Mt; gross Mt of char, bioenergy and rock; prices of residues [t/t],
slot [t/ha], power [t/MWh], storage [t/t], water [t/m3]."""


def region(supply: dict[str, float], power_of_bioenergy: float | None = None) -> Problem:
    """One region of two like cells, in which all may do more than the supplies allow."""
    needs = {name: dict(of) for name, of in NEEDS.items()}
    if power_of_bioenergy is not None:
        needs["power"][BIO] = power_of_bioenergy
    methods = len(NET)
    cells = ArrayCells(
        land=np.full(2, 1.0),
        upper=np.full((methods, 2), 50e6),
        net=np.array(list(NET.values()))[:, None],
        cost=np.zeros((methods, 1)),
        need=np.zeros((methods, 1)),
        zone_ids={"region": np.zeros(2, np.int32)},
        sink=np.zeros((1, 2), np.int32),
        sink_cost=np.zeros((1, 2)),
        sink_loss=np.zeros((1, 2)),
    )
    pools = [
        PoolFamily(name, "", "region", ("all",), np.array([supply[name]]), need)
        for name, need in needs.items()
    ]
    stores = SinkFamily("storage", "t/yr", ("store",), np.array([supply["storage"]]))
    competitors = [Competitor(name, stored=float(name == BIO)) for name in NET]
    return Problem(cells, competitors, pools=pools, sinks=[stores], n_sinks=1)


def optimum(problem: Problem) -> tuple[float, list[float], dict[str, float]]:
    """Net Mt, gross Mt by method, price by resource."""
    found = solve(problem, most_net(), SolverOptions(gap=1e-9, threads=1))
    whole = solve_whole(problem, most_net())
    assert found.report.value == pytest.approx(whole.value, rel=1e-8)
    gross = found.totals.by_combo.sum(axis=0)[:, 0] / 1e6
    prices = {row["family"]: row["price"] for row in pools_table(found)}
    return found.report.value / 1e6, gross.tolist(), prices


@pytest.mark.parametrize("case", CASES)
def test_optimum_and_prices(case: str) -> None:
    other, net, gross, duals = CASES[case]
    value, made, prices = optimum(region(BASE | other))
    assert value == pytest.approx(net, abs=1e-5)
    assert made == pytest.approx(gross, abs=2e-5)
    if case == "no storage":
        # at a corner prices are not unique: those of the whole programme are as good
        assert prices["power"] * 1e3 == pytest.approx(3.498523, abs=1e-5)
        return
    told = (prices["residues"], prices["slot"], prices["power"] * 1e3, prices["storage"],
            prices["water"])  # fmt: skip
    if case not in {"power 0", "plenty", "plenty but storage"}:
        assert told == pytest.approx(duals, abs=1e-5)
    worth = sum(price * (BASE | other)[name] for name, price in prices.items())
    assert worth / 1e6 == pytest.approx(net, abs=1e-5)  # duality: the supplies are worth the plan


def test_power_of_bioenergy_makes_a_tonne_of_storage_worth_three_and_a_half() -> None:
    """Without the sign of power it is worth just its own net tonne."""
    value, made, prices = optimum(region(BASE, power_of_bioenergy=0.0))
    assert value == pytest.approx(5.218523, abs=1e-5)
    assert made == pytest.approx([0, 2, 4.588335], abs=1e-5)
    assert prices["storage"] == pytest.approx(0.86, abs=1e-6)
    assert prices["power"] * 1e3 == pytest.approx(3.498523, abs=1e-5)
    assert optimum(region(BASE))[2]["storage"] == pytest.approx(3.507287, abs=1e-5)


@pytest.mark.parametrize("name", BASE)
def test_prices_are_what_a_little_more_of_a_supply_adds(name: str) -> None:
    price = optimum(region(BASE))[2][name]
    step = 1e-4 * BASE[name]
    up, down = (optimum(region(BASE | {name: BASE[name] + s}))[0] for s in (step, -step))
    assert price == pytest.approx((up - down) * 1e6 / (2 * step), rel=1e-6, abs=1e-9)

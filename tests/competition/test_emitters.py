"""Emitters beside removal: the same pore space, power and water, with ledgers of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cdrsite.competition.captured import AVOIDED, Captures
from cdrsite.competition.displaced import charges, worth_of_net
from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.objectives import least_cost, most_net
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    ArrayCells,
    Competitor,
    PolicyRow,
    PoolFamily,
    Problem,
    RowTerm,
    SinkFamily,
    target,
)
from cdrsite.competition.solution import Solution
from cdrsite.core.errors import DataError, InfeasibleError

FINE = SolverOptions(gap=1e-10, threads=1)


def coal(**given: object) -> Captures:
    """Coal that stores 1 t, takes 0.25 MWh and 1.6 m3, and avoids 0.88 t per captured tonne."""
    one = np.ones(1)
    numbers = {
        "names": ["coal"], "most": np.array([100.0]), "biogenic": np.zeros(1),
        "sink": np.zeros((1, 1), np.int32), "cost": np.zeros((1, 1)),
        "lost": np.full((1, 1), 0.12), "energy": np.zeros(1),
        "zones": {"all": np.zeros(1, np.int64)}, "needs": {"power": 0.25 * one, "water": 1.6 * one},
    }  # fmt: skip
    return Captures(**(numbers | given))  # type: ignore[arg-type]


def region(captures: Captures | None, *policies: PolicyRow) -> Problem:
    """Units Mm2, Mm3, TWh, Mt."""
    cells = ArrayCells(
        land=np.array([10_000.0]), upper=np.full((3, 1), 1e4),
        net=np.array([[0.9], [0.85], [0.85]]), cost=np.array([[300.0], [200.0], [50.0]]),
        need=np.array([[0.4], [0.5], [1000.0]]), zone_ids={"all": np.zeros(1, np.int64)},
        sink=np.zeros((1, 1), np.int32), sink_cost=np.zeros((1, 1)), sink_loss=np.zeros((1, 1)),
    )  # fmt: skip

    def pool(name: str, supply: float, **need: float) -> PoolFamily:
        return PoolFamily(name, "u", "all", ["a"], np.array([supply]), need)

    pools = [
        pool("water", 30.0, dac=3.0, beccs=2.3), pool("power", 8.0, dac=1.5, beccs=-0.6),
        pool("residues", 3.0, beccs=0.61),
    ]  # fmt: skip
    methods = [Competitor("dac"), Competitor("beccs"), Competitor("forest", 0.0)]
    sinks = [SinkFamily("storage", "Mt/yr", ["u"], np.array([9.0]))]
    return Problem(cells, methods, pools, sinks, policies, n_sinks=1, captures=captures)


def avoid(least: float) -> PolicyRow:
    """At least so much avoided."""
    return PolicyRow("avoided", (RowTerm(AVOIDED),), ">=", least, "Mt/yr")


def price(solution: Solution, name: str) -> float:
    """Price of a row by its name."""
    return float(solution.price[[row.name for row in solution.system.rows].index(name)])


@pytest.mark.parametrize(
    ("least", "removal", "plan", "displaced"),
    [
        (0.0, 16.465765, (6.380952, 2.619048, 9.996138, 0.0), 0.0),
        (1.0, 15.477302, (5.920996, 1.942641, 9.996660, 1.136364), 0.988463),
        (2.0, 14.488839, (5.461039, 1.266234, 9.997182, 2.272727), 0.988463),
        (4.0, 12.507576, (4.454545, 0.0, 9.998218, 4.545455), 1.022341),
    ],
)
def test_what_a_tonne_avoided_displaces(
    least: float, removal: float, plan: tuple[float, ...], displaced: float
) -> None:
    found = solve(region(coal(), avoid(least)), most_net(), FINE)
    assert found.report.value == pytest.approx(removal, abs=1e-6)
    assert found.allocation.sum(axis=1)[:, 0] == pytest.approx(plan[:3], abs=1e-6)
    assert found.sold == pytest.approx([plan[3]], abs=1e-6)
    assert -price(found, "avoided") == pytest.approx(displaced, abs=1e-6)
    used = dict(zip((row.name for row in found.system.rows), found.use, strict=True))
    x = found.allocation.sum(axis=1)[:, 0]
    assert used["storage: u"] == pytest.approx(x[0] + x[1] + plan[3], abs=1e-6)
    assert used["power: a"] == pytest.approx(1.5 * x[0] - 0.6 * x[1] + 0.25 * plan[3], abs=1e-6)
    if displaced:  # by the worth of what a captured tonne takes, for the tables
        captures = found.problem.captures
        assert captures is not None
        paid = charges(found.system, captures, found.price)
        worth = worth_of_net(found.objective.terms, [(avoid(least).terms, -displaced)])
        assert worth == 1.0
        taken = float(paid.stored[0] + paid.drawn[0]) / worth
        assert taken / 0.88 == pytest.approx(displaced, abs=1e-6)
        assert paid.stored[0] == pytest.approx(price(found, "storage: u"))
        assert paid.drawn[0] == pytest.approx(0.25 * price(found, "power: a"), abs=1e-9)


def test_who_must_capture_does_so_at_any_cost_and_a_conflict_names_the_rows() -> None:
    forced = coal(must=np.ones(1, np.bool_), most=np.array([2.0]), cost=np.full((1, 1), 1e4))
    found = solve(region(forced), most_net(), FINE)
    assert found.sold == pytest.approx([2.0])
    cheap = solve(region(forced, target(8.0)), least_cost(), FINE)
    assert cheap.sold == pytest.approx([2.0])
    assert cheap.value_of(least_cost()) == pytest.approx(cheap.report.value, rel=1e-9)
    many = replace(forced, most=np.array([10.0]))  # and the sink takes 9 in a year
    with pytest.raises(InfeasibleError, match="storage"):
        solve(region(many), most_net(), FINE)


def test_numbers_of_emitters_that_do_not_match_are_refused() -> None:
    with pytest.raises(DataError, match="do not match"):
        coal(most=np.ones(2))

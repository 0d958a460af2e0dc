"""Build-out over periods: agrees with the static model, fills sinks, discounts."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from network_csv import case
from network_problems import random_problem

from cdrsite.core.errors import ConfigError, DataError, InfeasibleError
from cdrsite.network.design import design
from cdrsite.network.model import solve
from cdrsite.network.periods import (
    Period,
    _columns,
    _layout,
    _model,
    cost_build_out,
    design_periods,
    period_weights,
)
from cdrsite.network.problem import Arc, NetworkProblem, Sink, Source, Trend
from cdrsite.network.schedule import read_periods


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("parts", [1, 2])
def test_constant_periods_cost_what_the_static_plan_costs(seed: int, parts: int) -> None:
    problem = random_problem(seed, nodes=8, arcs=11, sources=3, sinks=2)
    target = 0.5 * problem.reachable_mt_yr()[2]
    periods = [Period(problem.years / parts, target)] * parts
    plan = design_periods(problem, periods, discount_rate=0.05)
    static = design(problem, target=target)
    assert plan.status == "optimal"
    # freedom over time can only help: pipes of two sizes, other sinks later
    assert plan.bound <= static.objective * (1 + 1e-6)
    if parts == 1:
        assert plan.objective == pytest.approx(static.objective, rel=3e-6)


def line(capacity_mt: float = 300.0) -> NetworkProblem:
    arc = Arc("e", "a", "b", (Trend(1.0, 0.5, 4.0, "small"), Trend(2.5, 0.1, 20.0, "large")))
    return NetworkProblem((Source("s", "a", 10.0),), (Sink("t", "b", capacity_mt),), (arc,))


def test_growth_is_served_by_one_pipe_laid_early_or_two() -> None:
    periods = [Period(10, 2.0), Period(10, 8.0)]
    plan = design_periods(line(), periods)
    # by hand, weights 1/2: large at once 2.5 + 0.8 = 3.3; small first (1 + 1 = 2 in full), then
    # large for the other 6 Mt/yr at half weight (2.5 + 0.6) / 2 = 1.55: 3.55; large twice more
    assert plan.objective == pytest.approx(3.3, abs=1e-6)
    assert [(b.trend, b.period) for b in plan.builds] == [("large", 0)]
    assert np.allclose(plan.flow[:, 0], [2.0, 8.0])


def test_a_sink_fills() -> None:
    assert design_periods(line(100.0), [Period(10, 2.0), Period(10, 8.0)]).status == "optimal"
    with pytest.raises(InfeasibleError, match="8 Mt/yr for 10 yr"):
        design_periods(line(99.0), [Period(10, 2.0), Period(10, 8.0)])


def test_weights_are_shares_of_discounted_years() -> None:
    assert period_weights([Period(10, 1), Period(30, 1)], 0.0) == pytest.approx([0.25, 0.75])
    early, late = period_weights([Period(10, 1), Period(10, 1)], 0.07)
    assert early / late == pytest.approx(1.07**10)
    assert early + late == pytest.approx(1.0)


def test_wrong_periods_are_refused() -> None:
    for periods in ([], [Period(0, 1.0)], [Period(5, -1.0)]):
        with pytest.raises(ConfigError, match="positive years"):
            design_periods(line(), periods)


@pytest.mark.parametrize("seed", range(4))
def test_a_plan_costs_what_its_tables_cost_and_agrees_with_plain_highs(seed: int) -> None:
    problem = random_problem(seed, nodes=9, arcs=13, sources=4, sinks=2)
    most = problem.reachable_mt_yr()[2]
    periods = [Period(10, 0.2 * most), Period(10, 0.5 * most), Period(10, 0.6 * most)]
    plan = design_periods(problem, periods, discount_rate=0.04)
    weights = period_weights(periods, 0.04)
    again = cost_build_out(
        problem, periods, weights, plan.captured, plan.stored, plan.wells, plan.builds
    )
    assert plan.objective == pytest.approx(again, rel=1e-12)
    columns = _columns(problem, problem.reachable_mt_yr()[0])
    at = _layout(problem, 3, len(columns))
    exact = solve(_model(problem, periods, weights, columns, at), gap=1e-9).objective
    assert plan.status == "optimal"
    assert plan.objective == pytest.approx(exact, rel=3e-6)
    assert plan.bound <= exact * (1 + 1e-7)
    # every pipe that carries has been laid, and what is laid is carried at some time
    for e, arc in enumerate(problem.arcs):
        laid = [sum(b.capacity_mt_yr for b in plan.builds if b.arc == arc.id and b.period <= t)
                for t in range(3)]  # fmt: skip
        assert (np.abs(plan.flow[:, e]) <= np.array(laid) + 1e-6).all()
    assert plan.captured.sum(axis=1) == pytest.approx([p.target_mt_yr for p in periods])


def test_there_is_a_plan_and_a_bound_after_the_least_effort() -> None:
    problem = random_problem(2, nodes=20, arcs=36, sources=7, sinks=3)
    most = problem.reachable_mt_yr()[2]
    periods = [Period(10, share * most) for share in (0.2, 0.35, 0.5)]
    plan = design_periods(problem, periods, effort="quick", gap=0.2)
    assert math.isfinite(plan.bound)
    assert 0 <= plan.gap < 0.6
    assert plan.captured.sum(axis=1) == pytest.approx([p.target_mt_yr for p in periods])


def test_a_price_that_rises_brings_more() -> None:
    problem = random_problem(1, nodes=8, arcs=11, sources=3, sinks=2)
    periods = [Period(10, price_usd_t=1.0), Period(10, price_usd_t=500.0)]
    plan = design_periods(problem, periods)
    early, late = plan.captured.sum(axis=1)
    assert early == 0.0
    assert late > 0
    one = design_periods(problem, [Period(problem.years, price_usd_t=90.0)])
    assert one.objective == pytest.approx(design(problem, price=90.0).objective, rel=3e-6)


def test_periods_are_read_and_planned_by_the_command(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    case(folder)
    table = tmp_path / "periods.csv"
    table.write_text("years,target [Mt/yr]\n10,1\n10,3\n")
    command = [sys.executable, "-m", "cdrsite.cli.main", "network", str(folder)]
    run = subprocess.run(
        [*command, "--periods", str(table), "--discount-rate", "0.05", "--json", "--out",
         str(tmp_path / "out")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(run.stdout)
    assert found["status"] == "optimal"
    assert [row["captured_mt_yr"] for row in found["periods"]] == pytest.approx([1.0, 3.0])
    assert found["builds"][0]["capacity_mt_yr"] == pytest.approx(3.0)
    assert (tmp_path / "out" / "builds.csv").is_file()
    both = subprocess.run(
        [*command, "--periods", str(table), "--target", "3"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert both.returncode == 2
    assert "the table of periods says what is asked" in both.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("years,target [Mt/yr],price [USD/t]\n10,1,2\n", r"csv:2: a period has a target or a pr"),
        ("years,target [Mt/yr]\n10,\n", "got neither"),
        ("years,target\n10,1\n", "column target: unit is missing"),
        ("year,target [Mt/yr]\n10,1\n", "column is not known; got year; .*did you mean years"),
        ("years,target [Mt/yr]\n", "table has no period"),
        ("years,target [Mt/yr]\nten,1\n", "years is not a number"),
    ],
)
def test_wrong_tables_of_periods_are_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "periods.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        read_periods(path)

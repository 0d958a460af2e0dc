"""Build-out over periods: against an exact model, weights, sinks that fill, schedules, files."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from examples import first_every_day
from network_csv import case
from network_problems import random_problem
from scipy.optimize import Bounds, LinearConstraint, milp

from cdrsite.core.errors import ConfigError, DataError, InfeasibleError
from cdrsite.network.design import design
from cdrsite.network.horizon import Period, horizon_of
from cdrsite.network.milestones import times_of
from cdrsite.network.periods import BuildOut, design_periods
from cdrsite.network.problem import Arc, NetworkProblem, Sink, Source, Trend
from cdrsite.network.rollout import _lots
from cdrsite.network.schedule import read_periods

# -- weights -----------------------------------------------------------------------------------


DECADES = (2030, 2040, 2050, 2060)


@pytest.mark.parametrize(
    ("year", "start", "after", "years", "worth"),
    [
        ((2030, 2040), 2030, 20, (5, 25), (4.405699, 13.229914)),
        (DECADES, 2030, 30, (5, 10, 10, 35), (4.405699, 6.842687, 4.622674, 7.201942)),
        (DECADES, 2020, 30, (10, 10, 10, 35), (10.128848, 6.842687, 4.622674, 7.201942)),
    ],
)  # fmt: skip
def test_weights_are_integrals_of_hats(
    year: tuple[float, ...], start: float, after: float, years: tuple[float, ...],
    worth: tuple[float, ...],
) -> None:  # fmt: skip
    times = times_of(year, start=start, after=after, rate=0.04)
    assert times.years == pytest.approx(years)
    assert times.worth == pytest.approx(worth, abs=1e-6)
    assert times.share.sum() == pytest.approx(1.0)
    # by quadrature
    grid = np.linspace(start, year[-1] + after, 400_001)
    for k, one in enumerate(times.worth):
        knots = [start, *year] if start < year[0] else list(year)
        peak = np.zeros(len(knots))
        peak[k - len(year)] = 1.0
        hat = np.interp(grid, knots, peak)
        assert np.trapezoid(hat * 1.04 ** (year[0] - grid), grid) == pytest.approx(one, rel=1e-4)


@pytest.mark.parametrize("rate", [0.0, 1e-9, 1e-5, 1e-4, 1e-3, 0.01])
def test_a_small_rate_is_no_cliff(rate: float) -> None:
    times = times_of((0.0, 10.0), after=30.0, rate=rate)
    grid = np.linspace(0.0, 40.0, 200_001)
    hat = np.interp(grid, (0.0, 10.0), (1.0, 0.0))
    exact = np.trapezoid(hat * (1 + rate) ** -grid, grid)
    assert times.worth[0] == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize(
    ("year", "start", "after", "rate"),
    [((), None, 30, 0), ((2040, 2030), None, 30, 0), ((2030,), 2031, 30, 0),
     ((2030,), None, 0, 0), ((2030,), None, 30, -0.1), ((2030,), None, math.nan, 0)],
)  # fmt: skip
def test_times_without_meaning_are_refused(
    year: tuple[float, ...], start: float | None, after: float, rate: float
) -> None:
    with pytest.raises(ConfigError, match="period"):
        times_of(year, start=start, after=after, rate=rate)


# -- an exact model of its own -----------------------------------------------------------------


class Exact:
    """A plain model of a plan over periods that knows nothing of the product's."""

    def __init__(
        self, problem: NetworkProblem, periods: list[Period], share: np.ndarray, years: np.ndarray
    ) -> None:
        self.problem, self.periods, self.share, self.years = problem, periods, share, years
        self.cost: list[float] = []
        self.upper: list[float] = []
        self.whole: list[int] = []
        self.rows: list[tuple[dict[int, float], float, float]] = []
        self.wanted: list[dict[int, float]] = [{} for _ in periods]
        self.balance: dict[tuple[int, object], dict[int, float]] = {
            (t, node): {} for t in range(len(periods)) for node in problem.nodes
        }

    def column(self, money: float, most: float, *, integer: bool = False) -> int:
        self.cost.append(money)
        self.upper.append(most)
        self.whole.append(int(integer))
        return len(self.cost) - 1

    def row(self, terms: dict[int, float], least: float, most: float) -> None:
        self.rows.append((terms, least, most))

    def stays(self, now: int, last: int | None) -> None:
        if last is not None:
            self.row({now: 1.0, last: -1.0}, 0.0, math.inf)

    def source(self, source: Source) -> None:
        last = None
        for t, period in enumerate(self.periods):
            on, share = source.from_year <= period.year < source.until_year, self.share[t]
            s = self.column(share * source.fixed_musd_yr * on, 1, integer=True)
            money = source.variable_usd_t - (period.price_usd_t or 0.0)
            a = self.column(share * money, source.capacity_mt_yr * on)
            self.row({a: 1.0, s: -source.capacity_mt_yr}, -math.inf, 0.0)
            self.balance[t, source.node][a] = 1.0
            self.wanted[t][a] = 1.0
            self.stays(s, last)
            last = s

    def sink(self, sink: Sink) -> None:
        site, drilled, fill = None, None, {}
        for t, period in enumerate(self.periods):
            on, share = sink.from_year <= period.year < sink.until_year, self.share[t]
            r = self.column(share * sink.fixed_musd_yr * on, 1, integer=True)
            w = self.column(share * sink.well_musd_yr * on, 1000, integer=True)
            b = self.column(share * sink.injection_usd_t, sink.rate_mt_yr if on else 0.0)
            self.row({b: 1.0, r: -sink.capacity_mt}, -math.inf, 0.0)
            self.row({b: 1.0, w: -sink.well_rate_mt_yr}, -math.inf, 0.0)
            self.balance[t, sink.node][b] = -1.0
            fill[b] = float(self.years[t])
            self.stays(r, site)
            self.stays(w, drilled)
            site, drilled = r, w
        self.row(fill, -math.inf, sink.capacity_mt)

    def arc(self, arc: Arc) -> None:
        bought: list[int] = []
        for t in range(len(self.periods)):
            tail, once = float(self.share[t:].sum()), {}
            for trend in arc.trends:
                z = self.column(tail * trend.fixed_musd_yr, 1, integer=True)
                k = self.column(tail * trend.slope_usd_t, trend.capacity_mt_yr)
                self.row({k: 1.0, z: -min(trend.capacity_mt_yr, 1e3)}, -math.inf, 0.0)
                bought.append(k)
                once[z] = 1.0
            self.row(once, -math.inf, 1.0)
            there = self.column(0.0, math.inf)
            back = self.column(0.0, 0.0 if arc.one_way else math.inf)
            self.row({there: 1.0, back: 1.0} | dict.fromkeys(bought, -1.0), -math.inf, 0.0)
            self.balance[t, arc.tail] |= {there: -1.0, back: 1.0}
            self.balance[t, arc.head] |= {there: 1.0, back: -1.0}

    def least(self) -> float:
        """Least discounted mean cost."""
        for source in self.problem.sources:
            self.source(source)
        for sink in self.problem.sinks:
            self.sink(sink)
        for arc in self.problem.arcs:
            self.arc(arc)
        self.rows += [(terms, 0.0, 0.0) for terms in self.balance.values() if terms]
        for period, terms in zip(self.periods, self.wanted, strict=True):
            if period.total is not None:
                self.row(terms, period.total, period.total)
        matrix = np.zeros((len(self.rows), len(self.cost)))
        for number, (terms, _, _) in enumerate(self.rows):
            matrix[number, list(terms)] = list(terms.values())
        found = milp(
            np.array(self.cost), integrality=np.array(self.whole),
            bounds=Bounds(0, np.array(self.upper)),
            constraints=LinearConstraint(
                matrix, [r[1] for r in self.rows], [r[2] for r in self.rows]
            ),
            options={"mip_rel_gap": 1e-9},
        )  # fmt: skip
        assert found.status == 0, found.message
        return float(found.fun)


def exact(
    problem: NetworkProblem, periods: list[Period], share: np.ndarray, years: np.ndarray
) -> float:
    return Exact(problem, periods, share, years).least()


def recost(problem: NetworkProblem, plan: BuildOut) -> float:
    """Cost of a plan from the problem's own numbers, one period after the other."""
    total = 0.0
    share = plan.times.share
    year = plan.times.year
    sources, sinks = problem.sources, problem.sinks
    for t in range(len(share)):
        yearly = 0.0
        for i, source in enumerate(sources):
            on = source.from_year <= year[t] < source.until_year
            yearly += source.fixed_musd_yr * bool(on and (plan.captured[: t + 1, i] > 0).any())
            yearly += source.variable_usd_t * plan.captured[t, i]
        for j, sink in enumerate(sinks):
            on = sink.from_year <= year[t] < sink.until_year
            used = bool(on and (plan.stored[: t + 1, j] > 0).any())
            wells = max(math.ceil(q / sink.well_rate_mt_yr - 1e-7) for q in plan.stored[: t + 1, j])
            yearly += used * (sink.fixed_musd_yr + wells * sink.well_musd_yr)
            yearly += sink.injection_usd_t * plan.stored[t, j]
        for build in plan.builds:
            if build.period <= t:
                (arc,) = (a for a in problem.arcs if a.id == build.arc)
                (trend,) = (c for c in arc.trends if c.name == build.trend)
                yearly += trend.fixed_musd_yr + trend.slope_usd_t * build.capacity_mt_yr
        total += share[t] * yearly
    return float(total)


def check(problem: NetworkProblem, plan: BuildOut, periods: list[Period]) -> None:
    """Balance, capacities and room of a plan."""
    for t, period in enumerate(periods):
        left = dict.fromkeys(problem.nodes, 0.0)
        for i, source in enumerate(problem.sources):
            on = source.from_year <= period.year < source.until_year
            assert 0 <= plan.captured[t, i] <= source.capacity_mt_yr * on + 1e-9
            left[source.node] += plan.captured[t, i]
        for j, sink in enumerate(problem.sinks):
            on = sink.from_year <= period.year < sink.until_year
            assert (
                0 <= plan.stored[t, j] <= sink.rate_mt_yr * on + 1e-9
                if on
                else plan.stored[t, j] == 0
            )
            assert plan.stored[t, j] <= plan.wells[t, j] * sink.well_rate_mt_yr + 1e-6
            left[sink.node] -= plan.stored[t, j]
        for e, arc in enumerate(problem.arcs):
            laid = sum(b.capacity_mt_yr for b in plan.builds if b.arc == arc.id and b.period <= t)
            assert abs(plan.flow[t, e]) <= laid + 1e-6
            left[arc.tail] -= plan.flow[t, e]
            left[arc.head] += plan.flow[t, e]
        assert max(map(abs, left.values())) < 1e-6
        if period.total is not None:
            assert plan.captured[t].sum() == pytest.approx(period.total, abs=1e-6)
    for j, sink in enumerate(problem.sinks):
        assert plan.times.years @ plan.stored[:, j] <= sink.capacity_mt * (1 + 1e-9)


@pytest.mark.parametrize("seed", first_every_day(range(6)))
def test_a_plan_is_the_cheapest_and_costs_what_its_parts_cost(seed: int) -> None:
    problem = random_problem(seed, nodes=7, arcs=8 + seed % 3, sources=3, sinks=2)
    most = problem.reachable_mt_yr()[2]
    shares = (0.2, 0.5, 0.6) if seed % 2 else (0.3, 0.65)
    periods = [Period(2030 + 10 * t, part * most) for t, part in enumerate(shares)]
    plan = design_periods(problem, periods, start=2028, after=15, discount_rate=0.04)
    assert plan.status == "optimal"
    best = exact(problem, periods, plan.times.share, plan.times.years)
    assert plan.objective == pytest.approx(best, rel=3e-6)
    assert plan.bound <= best * (1 + 1e-7)
    assert plan.objective == pytest.approx(recost(problem, plan), rel=1e-9)
    check(problem, plan, periods)


@pytest.mark.parametrize("seed", first_every_day(range(3)))
def test_schedules_and_yearly_limits_are_kept_exactly(seed: int) -> None:
    problem = random_problem(seed, nodes=8, arcs=11, sources=4, sinks=2)
    sources = list(problem.sources)
    sources[0] = replace(sources[0], until_year=2035)
    sources[1] = replace(sources[1], from_year=2040)
    sinks = list(problem.sinks)
    sinks[0] = replace(sinks[0], from_year=2040, rate_mt_yr=3.0)
    problem = replace(problem, sources=tuple(sources), sinks=tuple(sinks))
    early = sum(s.capacity_mt_yr for s in sources if s.from_year <= 2030)
    periods = [Period(2030, min(0.5 * early, 3.0)), Period(2040, 4.0), Period(2050, 5.0)]
    plan = design_periods(problem, periods, after=10, discount_rate=0.07)
    best = exact(problem, periods, plan.times.share, plan.times.years)
    assert plan.status == "optimal"
    assert plan.objective == pytest.approx(best, rel=3e-6)
    assert plan.objective == pytest.approx(recost(problem, plan), rel=1e-9)
    check(problem, plan, periods)


@pytest.mark.parametrize("seed", first_every_day(range(3)))
def test_one_period_is_the_static_plan(seed: int) -> None:
    problem = random_problem(seed, nodes=8, arcs=11, sources=3, sinks=2)
    target = 0.5 * problem.reachable_mt_yr()[2]
    plan = design_periods(problem, [Period(2030, target)], discount_rate=0.05)
    static = design(problem, target=target)
    assert plan.times.years == pytest.approx([problem.years])
    assert plan.objective == pytest.approx(static.objective, rel=3e-6)
    paid = design_periods(problem, [Period(2030, price_usd_t=90.0)])
    assert paid.objective == pytest.approx(design(problem, price=90.0).objective, rel=3e-6)


# -- by hand -----------------------------------------------------------------------------------


def line(capacity_mt: float = 300.0) -> NetworkProblem:
    arc = Arc("e", "a", "b", (Trend(1.0, 0.5, 4.0, "small"), Trend(2.5, 0.1, 20.0, "large")))
    return NetworkProblem((Source("s", "a", 10.0),), (Sink("t", "b", capacity_mt),), (arc,))


HALVES = [Period(0, 2.0), Period(10, 8.0)]
"""From -5 to 15: ten years each."""


def test_growth_is_served_by_one_pipe_laid_early_or_two() -> None:
    plan = design_periods(line(), HALVES, start=-5 - 5, after=5)
    # by hand, weights 1/2: large at once 2.5 + 0.8 = 3.3; small first (1 + 1 = 2 in full), then
    # large for the other 6 Mt/yr at half weight (2.5 + 0.6) / 2 = 1.55: 3.55; large twice more
    assert plan.times.share == pytest.approx([0.5, 0.5])
    assert plan.objective == pytest.approx(3.3, abs=1e-6)
    assert [(b.trend, b.period) for b in plan.builds] == [("large", 0)]
    assert np.allclose(plan.flow[:, 0], [2.0, 8.0])


def test_purchases_are_timed_at_least_cost() -> None:
    horizon = horizon_of(line(), HALVES, times_of((0.0, 10.0), start=-10, after=5))
    sizes = np.array([0, 1])
    assert _lots(horizon, sizes, np.array([2.0, 8.0])) == [(0, 1, 8.0)]
    assert _lots(horizon, sizes, np.array([0.0, 3.0])) == [(1, 0, 3.0)]
    # 14 Mt/yr late: a small pipe now and a large one later, (1 + 0.5) + (2.5 + 1.3) / 2 = 3.4,
    # beside 2.5 + 1.4 = 3.9 at once
    late = horizon_of(line(), [Period(0, 1.0), Period(10, 10.0)], horizon.times)
    assert _lots(late, sizes, np.array([1.0, 10.0])) == [(0, 0, 1.0), (1, 1, 9.0)]
    assert _lots(horizon, sizes, np.array([4.0, 40.0])) is None


def test_a_sink_fills() -> None:
    times = {"start": -10.0, "after": 5.0}
    assert design_periods(line(100.0), HALVES, **times).status == "optimal"  # type: ignore[arg-type]
    with pytest.raises(InfeasibleError, match="8 Mt/yr in 10 for 10 yr"):
        design_periods(line(99.0), HALVES, **times)  # type: ignore[arg-type]


def test_a_target_above_the_sources_in_service_is_named_with_its_year() -> None:
    problem = line()
    shut = replace(problem, sources=(replace(problem.sources[0], until_year=5),))
    with pytest.raises(InfeasibleError, match=r"10: got 8 Mt/yr|in service that year"):
        design_periods(shut, HALVES)


def test_a_pipe_that_is_there_is_paid_by_what_flows() -> None:
    old = Arc("old", "a", "b", (Trend(0.0, 2.0, 3.0, "existing"),), existing=True)
    problem = replace(line(), arcs=(*line().arcs, old))
    plan = design_periods(problem, [Period(0, 1.0), Period(10, 2.0)], start=-10, after=5)
    # 1 and 2 Mt/yr at 2 USD/t, half of the time each: 3; a small pipe: 1 + 0.5 * 2 = 2;
    # the old one first, then the small one: 1 + 1 = 2; all beside (1.5 + 3 * 0.5 ...)
    assert plan.objective == pytest.approx(2.0, abs=1e-6)


def test_ledgers_have_their_own_targets_in_every_period() -> None:
    problem = random_problem(1, nodes=8, arcs=11, sources=4, sinks=2)
    sources = tuple(
        replace(s, ledger="removal" if i < 2 else "avoided") for i, s in enumerate(problem.sources)
    )
    problem = replace(problem, sources=sources)
    periods = [
        Period(2030, {"removal": 0.5, "avoided": 1.0}),
        Period(2040, {"removal": 2.0, "avoided": 0.5}),
    ]
    plan = design_periods(problem, periods)
    assert plan.captured[:, :2].sum(axis=1) == pytest.approx([0.5, 2.0], abs=1e-6)
    assert plan.captured[:, 2:].sum(axis=1) == pytest.approx([1.0, 0.5], abs=1e-6)
    check(problem, plan, periods)


@pytest.mark.parametrize("effort", ["quick", "normal"])
def test_there_is_a_plan_and_a_bound_after_the_least_effort(effort: str) -> None:
    problem = random_problem(2, nodes=20, arcs=36, sources=7, sinks=3)
    most = problem.reachable_mt_yr()[2]
    periods = [Period(2030 + 10 * t, part * most) for t, part in enumerate((0.2, 0.35, 0.5))]
    plan = design_periods(problem, periods, effort=effort, gap=0.05)
    assert math.isfinite(plan.bound)
    assert plan.status == "gap reached"
    again = design_periods(problem, periods, effort=effort, gap=0.05)
    assert again.objective == plan.objective
    assert again.builds == plan.builds
    check(problem, plan, periods)


def test_a_clock_that_has_run_out_still_gives_a_plan() -> None:
    problem = random_problem(2, nodes=20, arcs=36, sources=7, sinks=3)
    most = problem.reachable_mt_yr()[2]
    periods = [Period(2030, 0.2 * most), Period(2040, 0.5 * most)]
    plan = design_periods(problem, periods, time_limit=1e-3)
    assert plan.status == "time limit"
    assert plan.bound <= plan.objective
    check(problem, plan, periods)


def test_a_price_that_rises_brings_more() -> None:
    problem = random_problem(1, nodes=8, arcs=11, sources=3, sinks=2)
    periods = [Period(2030, price_usd_t=1.0), Period(2040, price_usd_t=500.0)]
    plan = design_periods(problem, periods)
    early, late = plan.captured.sum(axis=1)
    assert early == 0.0
    assert late > 0
    best = exact(problem, periods, plan.times.share, plan.times.years)
    assert plan.objective == pytest.approx(best, rel=3e-6)


def test_wrong_periods_are_refused() -> None:
    for wrong in (Period(2030), Period(2030, 1.0, 2.0), Period(2030, -1.0)):
        with pytest.raises(ConfigError, match="2030: a period has"):
            design_periods(line(), [wrong])
    with pytest.raises(ConfigError, match="must rise"):
        design_periods(line(), [])


# -- the command -------------------------------------------------------------------------------


@pytest.mark.slow
def test_periods_are_read_and_planned_by_the_command(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    case(folder)
    table = tmp_path / "periods.csv"
    table.write_text("year,target [Mt/yr]\n2030,1\n2040,3\n")
    command = [sys.executable, "-m", "cdrsite.cli.main", "network", str(folder)]
    run = subprocess.run(
        [*command, "--periods", str(table), "--discount-rate", "0.05", "--start", "2028",
         "--after", "20", "--json", "--out", str(tmp_path / "out")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(run.stdout)
    assert found["status"] == "optimal"
    assert [row["captured_mt_yr"] for row in found["periods"]] == pytest.approx([1.0, 3.0])
    assert [row["years"] for row in found["periods"]] == pytest.approx([6.0, 25.0])
    assert found["builds"][0]["capacity_mt_yr"] == pytest.approx(3.0)
    with (tmp_path / "out" / "builds.csv").open() as stream:
        assert next(csv.DictReader(stream))["year"] == "2030"
    both = subprocess.run(
        [*command, "--periods", str(table), "--target", "3"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert both.returncode == 2
    assert "the table of periods says what is asked" in both.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("year,target [Mt/yr],price [USD/t]\n2030,1,2\n", r"csv:2: a period has a target or a pr"),
        ("year,target [Mt/yr]\n2030,\n", "got neither"),
        ("year,target\n2030,1\n", "column target: unit is missing"),
        ("yaer,target [Mt/yr]\n2030,1\n", "column is not known; got yaer; .*did you mean year"),
        ("year,target [Mt/yr]\n", "table has no period"),
        ("year,target [Mt/yr]\nten,1\n", "year is not a number"),
        ("year,target [Mt/yr]\n2040,1\n2030,2\n", r"csv:3: years do not rise"),
    ],
)
def test_wrong_tables_of_periods_are_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "periods.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        read_periods(path)

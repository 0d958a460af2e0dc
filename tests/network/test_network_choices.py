"""Ledgers, several targets, states of parts, tariffs, nodes without transit, given networks."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from answer import Answer
from examples import first_every_day
from network_csv import case
from network_problems import check_plan, random_problem

from cdrsite.cli.network import run_network
from cdrsite.core.errors import ConfigError, DataError, InfeasibleError
from cdrsite.network.arrays import flow_arrays
from cdrsite.network.design import NetworkPlan, design
from cdrsite.network.given import cost_given
from cdrsite.network.headers import parse_targets
from cdrsite.network.horizon import Period
from cdrsite.network.model import Goal, build, solve
from cdrsite.network.periods import design_periods
from cdrsite.network.problem import NetworkProblem
from cdrsite.network.search import search
from cdrsite.network.tables import read_case
from cdrsite.network.transit import without_transit


def with_ledgers(seed: int) -> NetworkProblem:
    problem = random_problem(seed, nodes=16, arcs=28, sources=6, sinks=3)
    sources = tuple(
        replace(s, ledger="removal" if k % 3 == 0 else "avoided")
        for k, s in enumerate(problem.sources)
    )
    return replace(problem, sources=sources)


@pytest.mark.parametrize("seed", [pytest.param(0, marks=pytest.mark.slow), 1, 2, 3])
def test_targets_of_ledgers_agree_with_plain_highs(seed: int) -> None:
    problem = with_ledgers(seed)
    most: dict[str, float] = {}
    for source in problem.sources:
        most[source.ledger] = most.get(source.ledger, 0.0) + source.capacity_mt_yr
    targets = {"removal": 0.8 * most["removal"], "avoided": 0.4 * most["avoided"]}
    plan = design(problem, target=targets)
    check_plan(problem, plan)
    assert plan.captured_by_ledger == pytest.approx(targets)
    total = sum(targets.values())
    net = flow_arrays(problem, total)
    model = build(net, Goal(target=total))
    for name, amount in targets.items():
        mine = [k for k, s in enumerate(problem.sources) if s.ledger == name]
        model.rows.add(mine_of(model.layout.a, mine), [1.0] * len(mine), amount, amount)
    exact = solve(model, gap=1e-9).objective
    assert plan.objective == pytest.approx(exact, rel=2e-6)
    assert plan.objective >= design(problem, target=total).objective * (1 - 2e-6)
    members = tuple(
        (tuple(k for k, s in enumerate(problem.sources) if s.ledger == n), q)
        for n, q in targets.items()
    )
    whole = search(net, Goal(target=total, ledgers=members), gap=1e-6, easy=0)
    assert whole.objective == pytest.approx(exact, rel=2e-6)


def mine_of(first: int, members: list[int]) -> list[int]:
    return [first + k for k in members]


def test_a_ledger_without_a_target_or_sources_is_refused() -> None:
    problem = with_ledgers(0)
    with pytest.raises(ConfigError, match=r"a ledger has no target; got 'removal'.*never summed"):
        design(problem, target={"avoided": 1.0})
    with pytest.raises(ConfigError, match="no source is of this ledger; got biogenic"):
        design(problem, target={"avoided": 1.0, "removal": 1.0, "biogenic": 1.0})
    with pytest.raises(InfeasibleError, match=r"target of removal is .* Mt/yr above its sources"):
        design(problem, target={"avoided": 1.0, "removal": 100.0})


@pytest.mark.slow
def test_a_removal_of_the_southeast_shares_the_pipes_of_the_fossil_sources(
    cases_dir: Path,
) -> None:
    problem = read_case(cases_dir / "southeastus_cap2020")
    fossil = tuple(replace(s, ledger="avoided") for s in problem.sources)
    plant = replace(
        problem.sources[0], id="plant", capacity_mt_yr=5.0, fixed_musd_yr=0.0, variable_usd_t=0.0,
        ledger="removal",
    )  # fmt: skip
    both = replace(problem, sources=(*fossil, plant))
    plan = design(both, target={"avoided": 50.0, "removal": 5.0}, gap=2e-4)
    assert plan.captured_by_ledger == pytest.approx({"avoided": 50.0, "removal": 5.0})
    assert plan.objective == pytest.approx(5172.181558, rel=2e-4)
    alone = design(both, target={"avoided": 0.0, "removal": 5.0})
    assert alone.objective == pytest.approx(32.878929, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("50", [50.0]),
        ("10,20, 30 Mt/yr", [10.0, 20.0, 30.0]),
        ("500,1000 kt/yr", [0.5, 1.0]),
        ("avoided=50,removal=5", [{"avoided": 50.0, "removal": 5.0}]),
        ("avoided=50 Mt/yr, removal=500 kt/yr", [{"avoided": 50.0, "removal": 0.5}]),
    ],
)
def test_targets_are_read(text: str, found: list) -> None:
    assert repr(parse_targets(text)) == repr(found)


@pytest.mark.parametrize("text", ["10,", "a=1,2", "a=1,a=2", "10,x", "=5,b"])
def test_targets_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_targets(text)


def test_a_curve_costs_what_its_targets_cost_one_by_one(tmp_path: Path) -> None:
    plans = run_network(case(tmp_path), target="1,2,3,4")
    alone = [run_network(tmp_path, target=q)[0] for q in (1, 2, 3, 4)]
    assert [p.objective for p in plans] == pytest.approx([p.objective for p in alone])
    assert all(a.objective < b.objective for a, b in itertools.pairwise(plans))


def test_each_of_a_curve_begins_from_the_last() -> None:
    problem = random_problem(3, nodes=26, arcs=50, sources=8, sinks=4)
    most = problem.reachable_mt_yr()[2]
    first = design(problem, target=0.5 * most, effort="quick")
    next_one = design(problem, target=0.6 * most, effort="quick", last=first)
    check_plan(problem, next_one)
    assert next_one.captured_mt_yr == pytest.approx(0.6 * most)


def test_parts_can_be_excluded_or_forced(tmp_path: Path) -> None:
    sources = "id,cell,capture_max_mt_yr,variable_usd_t,status\n1,a,5,5,\n2,a,3,50,{}\n"
    sinks = "id,cell,capacity_mt,fixed_om_musd_yr,status\n1,b,200,1,\n2,b,200,7,{}\n"

    def costs(source: str = "", sink: str = "") -> float:
        folder = case(tmp_path, sources=sources.format(source), sinks=sinks.format(sink))
        return design(read_case(folder), target=4.0).objective

    free = costs()
    assert costs("excluded", "exclude") == pytest.approx(free)
    # three of the four tonnes at 50 USD/t in place of 5
    assert costs("forced") == pytest.approx(free + 3 * 45)
    # the second site is paid, so the first is not needed
    assert costs("", "forced") == pytest.approx(free + 6)
    with pytest.raises(DataError, match=r"sources\.csv:3: status is not understood; got 'maybe'"):
        costs("maybe")
    folder = case(tmp_path, arcs="arc,v1,v2,con_cost,status\n0,a,b,10,\n1,a,b,1,excluded\n")
    assert [arc.id for arc in read_case(folder).arcs] == ["0"]
    with pytest.raises(DataError, match="a pipe that is there cannot be forced"):
        head = "arc,v1,v2,con_cost,existing,capacity_mt_yr,status\n"
        read_case(case(tmp_path, arcs=head + "0,a,b,10,yes,4,forced\n"))


def test_a_forced_arc_is_paid_and_used_where_it_then_costs_less(tmp_path: Path) -> None:
    head = "arc,v1,v2,con_cost,status\n"

    def plan(status: str, con: float = 12.0) -> NetworkPlan:
        arcs = head + f"0,a,b,10,\n1,a,b,{con},{status}\n"
        return design(read_case(case(tmp_path, arcs=arcs)), target=2.0)

    # crf 0.1, trend 0.1 per Mt/yr and 0.4: the arc of 10 costs 0.6, that of 12 costs 0.72
    free = plan("")
    assert free.costs.transport == pytest.approx(0.6)
    # once its 0.48 are paid, the second one's 0.24 of slope are less than 0.6
    forced = plan("forced")
    assert [(p.arc, p.flow_mt_yr) for p in forced.pipes] == [("1", pytest.approx(2.0))]
    assert forced.objective == pytest.approx(free.objective + 0.12)
    assert forced.bound <= forced.objective
    # a long one is paid and stays empty
    empty = plan("forced", 100.0)
    assert [(p.arc, p.flow_mt_yr) for p in empty.pipes] == [("0", pytest.approx(2.0)), ("1", 0.0)]
    assert empty.objective == pytest.approx(free.objective + 0.1 * 0.4 * 100)
    with pytest.raises(ConfigError, match="an arc cannot be forced where periods decide"):
        design_periods(read_case(tmp_path), [Period(2030, 2.0)])
    (written,) = run_network(tmp_path, target=2, out=tmp_path / "out")
    assert written.objective == pytest.approx(empty.objective)
    with (tmp_path / "out" / "pipes.csv").open() as stream:
        assert [row["cost_usd_t"] for row in csv.DictReader(stream)][1] == ""


@pytest.mark.parametrize("seed", first_every_day(range(3)))
def test_forcing_an_arc_never_costs_less_nor_more_than_it(seed: int) -> None:
    problem = random_problem(seed, nodes=8, arcs=12, sources=3, sinks=2)
    target = 0.5 * problem.reachable_mt_yr()[2]
    free = design(problem, target=target).objective
    for k in (0, 5):
        arcs = tuple(a.forced() if i == k else a for i, a in enumerate(problem.arcs))
        cost = design(replace(problem, arcs=arcs), target=target).objective
        least = min(trend.fixed_musd_yr for trend in problem.arcs[k].trends)
        assert free * (1 - 1e-6) <= cost <= (free + least) * (1 + 1e-6)


def test_tariff_and_expansion_of_a_pipe_that_is_there(tmp_path: Path) -> None:
    head = "arc,v1,v2,con_cost,existing,expandable,capacity_mt_yr,tariff_usd_t\n"
    problem = read_case(case(tmp_path, arcs=head + "0,a,b,10,yes,yes,1.5,0.2\n"))
    old, new = problem.arcs
    assert old.existing and not new.existing and new.id == "0 new"
    plan = design(problem, target=2.0)
    flows = {p.arc: p.flow_mt_yr for p in plan.pipes}
    # a new pipe costs 0.4 and 0.1 USD/t, less than the tariff: it takes all
    assert flows == {"0 new": pytest.approx(2.0)}
    cheap = read_case(case(tmp_path, arcs=head + "0,a,b,10,yes,yes,1.5,0.01\n"))
    flows = {p.arc: p.flow_mt_yr for p in design(cheap, target=2.0).pipes}
    assert flows == {"0": pytest.approx(1.5), "0 new": pytest.approx(0.5)}
    with pytest.raises(DataError, match="only a pipe that is there has a tariff"):
        read_case(case(tmp_path, arcs=head + "0,a,b,10,,,,0.2\n"))
    with pytest.raises(DataError, match="only a pipe that is there can be expandable"):
        read_case(case(tmp_path, arcs=head + "0,a,b,10,,yes,,\n"))


def test_no_flow_passes_a_node_without_transit(tmp_path: Path) -> None:
    problem = random_problem(7, nodes=14, arcs=26, sources=5, sinks=3)
    closed = [s.node for s in problem.sources] + [s.node for s in problem.sinks]
    shut = without_transit(problem, closed)
    target = 0.3 * shut.reachable_mt_yr()[2]
    plan = design(shut, target=target)
    check_plan(shut, plan)
    given = {s.node: u.captured_mt_yr for s in shut.sources for u in plan.sources if u.id == s.id}
    for node in (s.node for s in shut.sources):
        sent = sum(p.flow_mt_yr for p in plan.pipes if p.tail == node)
        assert not [p for p in plan.pipes if p.head == node]
        assert sent == pytest.approx(given.get(node, 0.0))
    for node in (s.node for s in shut.sinks):
        assert not [p for p in plan.pipes if p.tail == node]
    assert plan.objective >= design(problem, target=target).objective * (1 - 2e-6)
    with pytest.raises(DataError, match="no such node; got nowhere"):
        without_transit(problem, ["nowhere"])
    folder = case(tmp_path, params={
        "crf": 0.1, "project_years": 20, "trends": [{"con_slope": 0.1, "con_intercept": 0.4}],
        "no_transit": "terminals",
    })  # fmt: skip
    assert [a.one_way for a in read_case(folder).arcs] == [True]


def test_a_given_network_costs_what_its_design_cost(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    case(folder)
    (plan,) = run_network(folder, target=2.0, out=tmp_path / "out")
    (again,) = run_network(folder, cost=tmp_path / "out")
    assert again.status == "given"
    assert again.objective == pytest.approx(plan.objective, rel=1e-12)
    assert np.isnan(again.bound)
    pipes = tmp_path / "out" / "pipes.csv"
    pipes.write_text(pipes.read_text().replace(",2.0,", ",1.0,"))
    with pytest.raises(DataError, match="flows do not balance; got 1 Mt/yr left over"):
        cost_given(read_case(folder), tmp_path / "out")
    pipes.write_text(pipes.read_text().replace("0,a,b", "9,a,b"))
    with pytest.raises(DataError, match="no such arc in this direction; got 9 from a"):
        cost_given(read_case(folder), tmp_path / "out")


def test_the_command_prints_one_document_of_a_curve(
    call: Callable[..., Answer], tmp_path: Path
) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    case(folder)
    code, said, _ = call("network", folder, "--target", "1,2", "--json", "--out", tmp_path / "out")
    assert code == 0
    plans = json.loads(said)["plans"]
    assert [p["captured_mt_yr"] for p in plans] == pytest.approx([1.0, 2.0])
    curve = (tmp_path / "out" / "curve.csv").read_text().splitlines()
    assert curve[0].startswith("captured_mt_yr,cost_musd_yr") and len(curve) == 3
    assert (tmp_path / "out" / "target_2" / "pipes.csv").is_file()
    code, said, _ = call("network", folder, "--target", "2", "--effort", "quick", "--json")
    assert code == 0
    document = json.loads(said)
    assert document["status"] == "optimal" and document["reproducible"]
    for wrong in (["--gap", "-1"], ["--time-limit", "nan"], ["--seed", "-1"], ["--price", "3"]):
        code, said, _ = call("network", folder, "--target", "2", *wrong)
        assert (code, said) == (2, ""), wrong

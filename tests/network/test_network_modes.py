"""Modes of transport in the tables of a case: pipelines, trucks and ships."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from examples import first_every_day
from network_csv import PARAMS, case
from network_problems import check_plan, random_problem

from cdrsite.cli.network import run_network
from cdrsite.core.errors import CdrsiteWarning, DataError, InfeasibleError, MissingFileError
from cdrsite.network.arrays import flow_arrays
from cdrsite.network.design import design
from cdrsite.network.model import Goal, build, solve
from cdrsite.network.problem import Arc, NetworkProblem, Trend
from cdrsite.network.tables import read_case
from cdrsite.network.trends import ship_trends
from cdrsite.transport.costmodels import ship, truck
from cdrsite.transport.pipelines import Basis

BASIS = Basis(crf=0.1)
HEAD = "arc,v1,v2,mode,length_km,con_cost,fixed_musd_yr,slope_usd_t\n"
WAYS = HEAD + "0,a,b,,,10,,\n1,a,b,truck,60,,,\n2,a,b,ship,400,,,\n"


def cost_of(trends: tuple[Trend, ...], flow: float) -> float:
    return min(t.fixed_musd_yr + t.slope_usd_t * flow for t in trends)


def test_arcs_of_tables_cost_what_their_mode_costs(tmp_path: Path) -> None:
    pipe, road, sea = read_case(case(tmp_path, arcs=WAYS)).arcs
    assert [arc.mode for arc in (pipe, road, sea)] == ["pipeline", "truck", "ship"]
    assert [arc.hired for arc in (pipe, road, sea)] == [False, True, False]
    assert cost_of(road.trends, 2.0) == pytest.approx(2 * float(truck(1.0, 60.0, BASIS)))
    exact = np.array([1.0, 5.0]) * ship(np.array([1e6, 5e6]), 400.0, BASIS)
    found = [cost_of(sea.trends, flow) for flow in (1.0, 5.0)]
    assert found == pytest.approx(exact, rel=0.25)  # straight lines above steps of whole ships
    assert (np.array(found) >= exact * (1 - 1e-9)).all()


@pytest.mark.parametrize(
    ("modes", "used"),
    [("pipeline", "0"), ("truck", "1"), ("ship", "2"), ("truck,ship", None), (None, "0")],
)
def test_each_mode_can_be_switched_off(modes: str | None, used: str | None, tmp_path: Path) -> None:
    (plan,) = run_network(case(tmp_path, arcs=WAYS), target=2.0, modes=modes)
    each = {
        name: run_network(tmp_path, target=2.0, modes=name)[0].objective
        for name in (modes or "pipeline,truck,ship").split(",")
    }
    assert plan.objective == pytest.approx(min(each.values()))
    assert used is None or [pipe.arc for pipe in plan.pipes] == [used]


def test_a_case_may_say_its_modes_and_existing_pipes_stay(tmp_path: Path) -> None:
    arcs = "arc,v1,v2,mode,con_cost,length_km,existing,capacity_mt_yr\n"
    arcs += "0,a,b,,10,,,\n1,a,b,truck,,60,,\n2,a,b,,,,yes,0.5\n"
    folder = case(tmp_path, arcs=arcs, params={**PARAMS, "modes": ["truck"]})
    assert [arc.id for arc in read_case(folder).arcs] == ["1", "2"]
    with pytest.raises(DataError, match=r"params\.json: modes: no mode is left; got \['truck'\]"):
        run_network(folder, target=2.0, modes="ship")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            "1,a,b,lorry,60,,,",
            r"arcs\.csv:2: mode is not understood; got 'lorry'; expected pipeline, tr",
        ),
        ("1,a,b,truck,,,,", r"arcs\.csv:2: length_km is empty"),
        ("1,a,b,ship,0,,,", r"arcs\.csv:2: a ship needs a length above 0; got 0 km"),
        ("1,a,b,truck,60,5,,", r"arcs\.csv:2: a truck has the cost of a pipeline; got con_cost"),
    ],
)
def test_modes_that_make_no_sense_are_refused(row: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        read_case(case(tmp_path, arcs=f"{HEAD}{row}\n"))


def test_modes_nobody_knows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="modes: mode is not known; got rail; expected pipeline"):
        run_network(case(tmp_path, arcs=WAYS), target=2.0, modes="rail")


def test_without_the_pipeline_of_the_only_way_there_is_no_plan(tmp_path: Path) -> None:
    arcs = HEAD + "0,a,b,,,10,,\n"
    with (
        pytest.warns(CdrsiteWarning, match="without a connection"),
        pytest.raises(InfeasibleError),
    ):
        run_network(case(tmp_path, arcs=arcs), target=2.0, modes="truck")


def with_modes(seed: int) -> NetworkProblem:
    """A random network in which some ways have trucks or ships beside the pipe."""
    problem = random_problem(seed, nodes=14, arcs=24, sources=5, sinks=3)
    most = math.fsum(s.capacity_mt_yr for s in problem.sources)
    more = []
    for k, arc in enumerate(problem.arcs):
        km = 20.0 + 15.0 * k
        if k % 3 == 0:
            trends: tuple[Trend, ...] = (Trend(0.0, float(truck(1.0, km, BASIS)), most, "truck"),)
            more.append(Arc(f"t{k}", arc.tail, arc.head, trends, km, hired=True, mode="truck"))
        elif k % 3 == 1:
            trends = ship_trends(km, most, BASIS)
            more.append(Arc(f"s{k}", arc.tail, arc.head, trends, km, one_way=True, mode="ship"))
    return replace(problem, arcs=(*problem.arcs, *more))


@pytest.mark.parametrize("seed", first_every_day(range(6)))
def test_plans_with_modes_agree_with_plain_highs(seed: int) -> None:
    problem = with_modes(seed)
    target = 0.6 * min(problem.reachable_mt_yr())
    plan = design(problem, target=target)
    check_plan(problem, plan)
    exact = solve(build(flow_arrays(problem, target), Goal(target=target)), gap=1e-9).objective
    assert plan.objective == pytest.approx(exact, rel=2e-6)


def test_other_sources_and_sinks_than_the_folders(tmp_path: Path) -> None:
    folder = case(tmp_path, arcs=WAYS)
    (plan,) = run_network(folder, target=2.0)
    more = tmp_path / "more.csv"
    more.write_text((folder / "sources.csv").read_text().replace(",100,5", ",100,7"))
    (dear,) = run_network(folder, target=2.0, files={"sources": more})
    assert dear.objective == pytest.approx(plan.objective + 2 * 2.0)
    with pytest.raises(MissingFileError, match=r"none\.csv"):
        run_network(folder, target=2.0, files={"sinks": tmp_path / "none.csv"})
    book = tmp_path / "case.gpkg"
    book.write_bytes(b"")
    with pytest.raises(DataError, match="only a folder of CSV files takes other sources"):
        run_network(book, target=2.0, files={"sources": more})

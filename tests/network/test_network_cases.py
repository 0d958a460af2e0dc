"""Golden cases of the network design: two published networks of the US Southeast."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdrsite.core.errors import DataError, MissingFileError
from cdrsite.network.design import design
from cdrsite.network.tables import read_case


def test_gateway_of_five_megatonnes_is_proven_optimal(cases_dir: Path) -> None:
    plan = design(read_case(cases_dir / "southeastus_gateway"), target=5.0)
    assert plan.status == "optimal"
    assert plan.objective == pytest.approx(803.360026, abs=1e-6)
    assert plan.bound <= plan.objective
    assert len(plan.pipes) == 7
    assert plan.captured_mt_yr == pytest.approx(5.0, abs=1e-9)


@pytest.mark.slow
def test_southeast_of_fifty_megatonnes_is_proven_optimal(cases_dir: Path) -> None:
    plan = design(read_case(cases_dir / "southeastus_cap2020"), target=50.0)
    assert plan.status == "optimal"
    assert plan.objective == pytest.approx(5140.659014, rel=1e-9)
    assert plan.bound >= 5140.659014 * (1 - 1e-6)
    assert {s.id for s in plan.sources} == {"2", "6", "16", "17"}
    assert {s.id: s.wells for s in plan.sinks} == {"4": 33, "5": 18, "7": 32}


@pytest.mark.slow
def test_southeast_of_hundred_ten_megatonnes_is_found_and_nearly_proven(cases_dir: Path) -> None:
    problem = read_case(cases_dir / "southeastus_cap2020")
    plan = design(problem, target=110.0)
    # the published plan, re-costed with coefficients that are not rounded, is the optimum
    assert plan.objective >= 14894.850004 * (1 - 1e-9)
    assert plan.objective <= 14894.850004 * 1.0005
    assert plan.bound <= 14894.850005
    assert plan.gap < 0.002
    assert plan.status in {"optimal", "effort spent"}
    assert (plan.status == "optimal") == (plan.gap <= 1e-6)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("sources.csv", "id,cell\n1,2\n", "column capture_max_mt_yr.* is missing"),
        ("params.json", "{}", "parameter is missing"),
        ("params.json", "{", "not valid JSON"),
        ("arcs.csv", "arc,v1,v2,con_cost\n0,a,b,much\n", "con_cost is not a number; got 'much'"),
        ("arcs.csv", "arc,v1,v2,con_cost\n0,a,b,\n", "con_cost is empty"),
    ],
)
def test_wrong_tables_are_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    write_case(tmp_path)
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=words):
        read_case(tmp_path)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    write_case(tmp_path)
    (tmp_path / "sinks.csv").unlink()
    with pytest.raises(MissingFileError, match=r"sinks\.csv"):
        read_case(tmp_path)


def test_a_case_folder_is_read_in_its_units(tmp_path: Path) -> None:
    write_case(tmp_path)
    problem = read_case(tmp_path)
    (arc, old) = problem.arcs
    assert arc.trends[0].fixed_musd_yr == pytest.approx(0.1 * (0.4 * 10 + 0.2 * 5))
    assert arc.trends[0].slope_usd_t == pytest.approx(0.1 * (0.1 * 10 + 0.05 * 5) / 0.93)
    assert old.existing
    assert old.trends[0].capacity_mt_yr == 3.0
    assert problem.sources[0].fixed_musd_yr == pytest.approx(0.1 * 100 + 7)
    assert problem.sinks[0].well_musd_yr == pytest.approx(0.1 * 4 + 0.2)
    assert problem.years == 20.0
    # 2 Mt/yr fit in the old pipe: plant, site and two wells are all that is paid
    assert design(problem, target=2.0).objective == pytest.approx(17 + 2 * 50 + 3 + 2 * 0.6 + 2 * 4)


def write_case(folder: Path) -> None:
    """Write a case of one source, one sink, one corridor and one existing pipe."""
    (folder / "params.json").write_text(
        '{"crf": 0.1, "project_years": 20, "pipe_utilization": 0.93, "trends": [{"con_slope": 0.1,'
        ' "con_intercept": 0.4, "row_slope": 0.05, "row_intercept": 0.2,'
        ' "max_capacity_mt_yr": 50}]}'
    )
    (folder / "sources.csv").write_text(
        "id,cell,capture_max_mt_yr,fixed_capital_musd,fixed_om_musd_yr,variable_usd_t\n"
        "1,a,5,100,7,50\n"
    )
    (folder / "sinks.csv").write_text(
        "id,cell,capacity_mt,fixed_capital_musd,fixed_om_musd_yr,well_rate_mt_yr,"
        "well_capital_musd,well_om_musd_yr,injection_usd_t\n1,b,100,20,1,1,4,0.2,4\n"
    )
    (folder / "arcs.csv").write_text(
        "arc,v1,v2,con_cost,row_cost,length_km,existing,capacity_mt_yr\n"
        "0,a,b,10,5,10,,\nold,a,b,,,10,yes,3\n"
    )

"""Scenario folders of SimCCS, written from a neutral case, are the same problem."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from simccs_folder import HEAD, scenario, southeast_scenario

from cdrsite.core.errors import CdrsiteWarning, DataError, MissingFileError
from cdrsite.network.casefiles import read_tables
from cdrsite.network.design import design
from cdrsite.network.tables import read_case


def test_a_scenario_is_read_as_it_stands(tmp_path: Path) -> None:
    folder = scenario(tmp_path)
    problem = read_case(folder)
    works, mill = problem.sources
    assert (works.node, works.fixed_musd_yr, works.variable_usd_t) == ("1", 0.1 * 100 + 7, 50.0)
    assert (mill.node, mill.fixed_musd_yr, mill.variable_usd_t) == ("4", 0.0, 30.0)
    (sink,) = problem.sinks
    assert (sink.node, sink.well_rate_mt_yr, sink.injection_usd_t) == ("50", 1.0, 4.0)
    assert sink.well_musd_yr == pytest.approx(0.6)
    assert problem.arcs[0].trends[0].fixed_musd_yr == pytest.approx(0.1 * 0.4 * 8)
    tables = read_tables(folder)
    assert tables.points["1"] == (0.5, 54.5)
    assert tables.lines["1"] == ((3.5, 54.5), (4.5, 53.5), (9.5, 50.5))
    # 1 Mt/yr from the mill: 30 + 15 weighted km + site 3, one well 0.6, injection 4
    cost = 30 + 0.1 * (0.4 + 0.1) * 15 + 3 + 0.6 + 4
    assert design(problem, target=1.0).objective == pytest.approx(cost)


OLD_SOURCES = (
    "ID\tcostFix ($M)\tfixO&M ($M/y)\tvarO&M ($/tCO2)\tcapMax (MtCO2/y)\tN/A\tLON\tLAT\tNAME\r"
    "1\t100\t7\t50\t5\t1\t0.5\t54.5\tWorks\r2 0 0 30 2 1 3.5 54.5\r"
)
OLD_SINKS = (
    "Sink_ID\tNAME\tfieldCap\tcostFix\tfixO&M\twellCap\twellCostFix\twellFixO&M\tvarO&M\tN/A\n"
    "1\tDeep aquifer\t100\t20\t1\t1\t4\t0.2\t4\t0\t9.5\t50.5\t0\tGulf offshore\n"
)


def test_the_older_files_of_one_heading_are_the_same_problem(tmp_path: Path) -> None:
    new = read_case(scenario(tmp_path / "new"))
    texts = {
        "Sources/Sources.csv": "", "Sources/Sources.txt": OLD_SOURCES,
        "Sinks/Sinks.csv": "", "Sinks/Sinks.txt": OLD_SINKS,
    }  # fmt: skip
    old = read_case(scenario(tmp_path / "old", **texts))
    assert [s.name for s in old.sources] == ["Works", ""]
    assert old.sinks[0].name == "Deep aquifer"
    assert [replace(s, name="") for s in old.sources] == [replace(s, name="") for s in new.sources]
    assert [replace(s, name="") for s in old.sinks] == [replace(s, name="") for s in new.sinks]
    assert old.arcs == new.arcs


def test_what_the_folder_does_not_hold_is_said(tmp_path: Path) -> None:
    folder = scenario(tmp_path, **{"params.json": ""})
    with pytest.warns(CdrsiteWarning, match=r"crf 0.1, project_years 30, which SimCCS begins with"):
        problem = read_case(folder)
    assert problem.years == 30.0


def test_right_of_way_has_the_utilisation_of_simccs(tmp_path: Path) -> None:
    linear = "ID\tCON\tCON\tROW\tROW\n1\t0.1\t0.4\t0.05\t0.2\n"
    problem = read_case(scenario(tmp_path, **{"Transport/Linear.txt": linear}))
    (trend,) = problem.arcs[0].trends
    assert trend.fixed_musd_yr == pytest.approx(0.1 * (0.4 * 8 + 0.2 * 2))
    assert trend.slope_usd_t == pytest.approx(0.1 * (0.1 * 8 + 0.05 * 2) / 0.93)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("Sources/Sources.csv", HEAD + "1,W,5,3,100,7,50,0.5,54.5\n",
         r"Sources\.csv:4: a part has a total unit cost and costs by part; got 3 \$/t and fixed"),
        ("Sources/Sources.csv", HEAD + "1,W,5,3\n", r":4: the row is too short; got 4 cells"),
        ("Sources/Sources.csv", HEAD + "1,W,5,3,,,,99,54.5\n", "outside the cost surface; got 99"),
        ("Sources/Sources.csv", HEAD + "1,W,x,3,,,,1.5,54.5\n", "capture_max_mt_yr is not a num"),
        ("Sources/Sources.txt", "ID\n1 2 3 4 5 6 7\n", r"Sources\.txt:2: the row is too short"),
        ("Transport/Linear.txt", "ID\n1\t2\n", r"Linear\.txt:2: .*got 1 numbers; expected 2 or 4"),
        ("Network/CandidateNetwork/CandidateNetwork.txt", "V\n1\t2\n", "Network.txt:2: the row is"),
        ("../../BaseData/CostNetwork/Construction Costs.txt", "ncols 3\n", "lacks a v.*nrows"),
        ("params.json", "{", "not valid JSON"),
    ],
)  # fmt: skip
def test_a_scenario_that_is_not_as_simccs_writes_it_is_refused(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    older = {"Sources/Sources.csv": ""} if name == "Sources/Sources.txt" else {}
    with pytest.raises(DataError, match=words):
        read_case(scenario(tmp_path, **older, **{name: text}))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"Sinks\.csv"):
        read_case(scenario(tmp_path, **{"Sinks/Sinks.csv": ""}))


def test_the_southeast_as_a_scenario_is_the_southeast(tmp_path: Path, cases_dir: Path) -> None:
    case = cases_dir / "southeastus_cap2020"
    folder = southeast_scenario(tmp_path, case)
    one, two = read_case(folder), read_case(case)
    assert [s.node for s in one.sources] == [s.node for s in two.sources]
    assert [s.node for s in one.sinks] == [s.node for s in two.sinks]
    assert [(s.fixed_musd_yr, s.variable_usd_t) for s in one.sources] == [
        (s.fixed_musd_yr, s.variable_usd_t) for s in two.sources
    ]
    for mine, other in zip(one.arcs, two.arcs, strict=True):
        for a, b in zip(mine.trends, other.trends, strict=True):
            assert (a.fixed_musd_yr, a.slope_usd_t) == (b.fixed_musd_yr, b.slope_usd_t)
    assert design(one, target=5.0, effort="quick").objective == pytest.approx(
        design(two, target=5.0, effort="quick").objective, rel=1e-3
    )

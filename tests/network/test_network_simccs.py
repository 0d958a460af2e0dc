"""Scenario folders of SimCCS, written from a neutral case, are the same problem."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from cdrsite.core.errors import CdrsiteWarning, DataError, MissingFileError
from cdrsite.network.casefiles import read_tables
from cdrsite.network.design import design
from cdrsite.network.tables import read_case

HEAD = "Required data\nUnique ID\n,,\n"
GRID = "Cost surface\nncols\t10\nnrows\t5\nxllcorner\t0\nyllcorner\t50\ncellsize\t1\n"
SOURCES = "1,Works,5,0.00,100,7,50,0.5,54.5,,\n2,Mill,2,30,,,,3.5,54.5,,\n"
SINKS = "1,Aquifer,100,0.00,20,1,1,4,0.2,4,9.5,50.5,,\n"
NETWORK = (
    "Vertex1\tVertex2\tCost\tConCost\tROWCost\tCellRoute\n"
    "1\t4\t10\t8\t2\t1\t2\t3\t4\n4\t50\t20\t15\t5\t4\t15\t50\n"
)
LINEAR = "ID\tSLOPE\tINTERCEPT\n1\t0.1\t0.4\n2\t0.05\t0.6\n"


def scenario(root: Path, **changed: str | bytes) -> Path:
    """A scenario of two sources, a sink and two arcs on a grid of 10 x 5 cells."""
    folder = root / "Scenarios" / "one"
    texts: dict[str, str | bytes] = {
        "../../BaseData/CostNetwork/Construction Costs.txt": GRID,
        "Sources/Sources.csv": HEAD + SOURCES,
        "Sinks/Sinks.csv": HEAD.replace("data", "Ð").encode("latin-1") + SINKS.encode(),
        "Network/CandidateNetwork/CandidateNetwork.txt": NETWORK,
        "Transport/Linear.txt": LINEAR,
        "params.json": '{"crf": 0.1, "project_years": 20}',
    }
    for name, text in (texts | changed).items():
        path = folder / name
        folder.mkdir(parents=True, exist_ok=True)
        path.resolve().parent.mkdir(parents=True, exist_ok=True)
        if text != "":
            path.resolve().write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


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
        ("Transport/Linear.txt", "ID\n1\t2\n", r"Linear\.txt:2: .*got 1 numbers; expected 2 or 4"),
        ("Network/CandidateNetwork/CandidateNetwork.txt", "V\n1\t2\n", "Network.txt:2: the row is"),
        ("../../BaseData/CostNetwork/Construction Costs.txt", "ncols 3\n", "lacks a v.*nrows"),
        ("params.json", "{", "not valid JSON"),
    ],
)  # fmt: skip
def test_a_scenario_that_is_not_as_simccs_writes_it_is_refused(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        read_case(scenario(tmp_path, **{name: text}))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"Sinks\.csv"):
        read_case(scenario(tmp_path, **{"Sinks/Sinks.csv": ""}))


def test_the_southeast_as_a_scenario_is_the_southeast(tmp_path: Path, cases_dir: Path) -> None:
    case = cases_dir / "southeastus_cap2020"
    grid = json.loads((case / "params.json").read_text())["grid"]

    def rows(name: str) -> list[dict[str, str]]:
        with (case / f"{name}.csv").open(newline="") as stream:
            return list(csv.DictReader(stream))

    sources = "".join(
        f"{r['id']},{r['id']},{r['capture_max_mt_yr']},0.00,{r['fixed_capital_musd']},"
        f"{r['fixed_om_musd_yr']},{r['variable_usd_t']},{r['lon']},{r['lat']},,\n"
        for r in rows("sources")
    )
    sinks = "".join(
        f"{r['id']},{r['name']},{r['capacity_mt']},0.00,{r['fixed_capital_musd']},"
        f"{r['fixed_om_musd_yr']},{r['well_rate_mt_yr']},{r['well_capital_musd']},"
        f"{r['well_om_musd_yr']},{r['injection_usd_t']},{r['lon']},{r['lat']},\n"
        for r in rows("sinks")
    )
    arcs = "".join(
        f"{r['v1']}\t{r['v2']}\t{r['cost']}\t{r['con_cost']}\t{r['row_cost']}\t{r['v1']}\t{r['v2']}\n"
        for r in rows("arcs")
    )
    head = (
        f"ncols\t{grid['width']}\nnrows\t{grid['height']}\nxllcorner\t{grid['xllcorner']}\n"
        f"yllcorner\t{grid['yllcorner']}\ncellsize\t{grid['cellsize_deg']}\n"
    )
    linear = "ID\tSLOPE\tINTERCEPT\n1\t0.115719152\t0.431655132\n2\t0.078306697\t0.770037049\n"
    folder = scenario(
        tmp_path,
        **{
            "../../BaseData/CostNetwork/Construction Costs.txt": head,
            "Sources/Sources.csv": HEAD + sources,
            "Sinks/Sinks.csv": HEAD + sinks,
            "Network/CandidateNetwork/CandidateNetwork.txt": "Vertex1\n" + arcs,
            "Transport/Linear.txt": linear,
            "params.json": '{"crf": 0.1, "project_years": 30}',
        },
    )
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

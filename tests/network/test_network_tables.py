"""Network cases as workbook and GeoPackage, units in headers, and targets as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
import pytest
from network_sheets import COST, SOURCES, geopackage, sheets, workbook
from shapely.geometry import Point

from cdrsite.core.errors import ConfigError, DataError, MissingFileError
from cdrsite.network.casefiles import read_tables
from cdrsite.network.design import design
from cdrsite.network.headers import parse_flow
from cdrsite.network.planning import Options
from cdrsite.network.tabled import plan_tables
from cdrsite.network.tables import read_case


def test_a_workbook_is_read_in_the_units_of_its_headers(tmp_path: Path) -> None:
    problem = read_case(workbook(tmp_path / "case.xlsx", sheets()))
    (source,), (sink,), (arc,) = problem.sources, problem.sinks, problem.arcs
    assert (source.id, source.node, source.name) == ("1", "a", "Works")
    assert source.capacity_mt_yr == pytest.approx(5.0)
    assert source.fixed_musd_yr == pytest.approx(10.0)
    assert sink.capacity_mt == pytest.approx(100.0)
    assert sink.well_musd_yr == pytest.approx(0.4)
    assert arc.id == "7"
    assert arc.length_km == pytest.approx(10.0)
    assert arc.trends[0].capacity_mt_yr == 4.0
    assert problem.years == 20.0
    assert problem.name == "case"
    assert design(problem, target=2.0).objective == pytest.approx(COST)


def test_trends_of_a_workbook_are_a_sheet(tmp_path: Path) -> None:
    arcs = [["arc", "v1", "v2", "con_cost"], [0, "a", "b", 10]]
    head = ["con_slope", "con_intercept", "max_capacity_mt_yr"]
    tables = sheets(arcs=arcs, trends=[head, [0.1, 0.4, 3], [0.05, 0.6, None]])
    (arc,) = read_case(workbook(tmp_path / "case.xlsx", tables)).arcs
    assert [t.fixed_musd_yr for t in arc.trends] == pytest.approx([0.4, 0.6])
    assert [t.slope_usd_t for t in arc.trends] == pytest.approx([0.1, 0.05])
    assert [t.capacity_mt_yr for t in arc.trends] == [3.0, float("inf")]


@pytest.mark.parametrize("nodes", [True, False])
@pytest.mark.parametrize("turned", [True, False])
def test_a_geopackage_is_read_with_its_places(tmp_path: Path, nodes: bool, turned: bool) -> None:
    path = geopackage(tmp_path / "case.gpkg", nodes=nodes, turned=turned and not nodes)
    problem = read_case(path)
    assert design(problem, target=2.0).objective == pytest.approx(COST)
    tables = read_tables(path)
    assert tables.points[str(problem.sources[0].node)] == (10.0, 50.0)
    assert len(tables.lines["7"]) == 3
    assert tables.crs == "EPSG:4326"


@pytest.mark.parametrize(
    ("name", "rows", "words"),
    [
        ("sources", [SOURCES[0], [1, "a", "much", 1, 1, ""]],
         r"sheet sources, row 2: capture_max \[kt/yr\] is not a number; got 'much'"),
        ("sources", [SOURCES[0], [1, "a", None, 1, 1, ""]], r"row 2: capture_max .* is empty"),
        ("sources", [SOURCES[0], [1, None, 1, 1, 1, ""]], "row 2: node is empty"),
        ("sources", [["id", "node", "capture_max"], [1, "a", 1]],
         r"sheet sources: column capture_max: unit is missing; expected one of .*Mt/yr"),
        ("sources", [["id", "node", "capture_max [km]"], [1, "a", 1]],
         r"unit is not understood; got 'km'; expected one of"),
        ("sinks", [["id", "node", "capacity_lb"], [1, "b", 1]], "unit is not understood; got 'lb'"),
        ("sinks", [["id", "capacity [Mt]"], [1, 1]], "column cell is missing; got id, capacity"),
        ("sinks", [["id", "node", "capacity [Mt]", "capacity_kt"], [1, "b", 1, 1]],
         "two columns hold capacity"),
        ("params", [["key", "value"], ["crf", 0.1]], "missing; expected project_years"),
        ("params", [["key", "value"], ["crf", "x"], ["project_years", 20]], "crf is not a number"),
        ("params", [["key", "value"], ["crf", 0], ["project_years", 20]], "crf must be positive"),
        ("params", [["name"], ["crf"]], "column key, value is missing; got name"),
        ("arcs", [["arc", "v1", "v2", "con_cost"], [0, "a", "b", 1]], "missing; expected trends"),
        ("arcs", [["arc", "v1", "v2"], [0, "a", "b"]], "column con_cost is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_workbook_is_named(
    tmp_path: Path, name: str, rows: list[Any], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        read_case(workbook(tmp_path / "case.xlsx", sheets(**{name: rows})))


def test_a_missing_sheet_layer_or_case_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="sheet sinks is missing; got sources, arcs"):
        read_case(workbook(tmp_path / "case.xlsx", sheets(sinks=None)))
    frame = gpd.GeoDataFrame({"id": ["1"]}, geometry=[Point(0, 0)], crs="EPSG:4326")
    pyogrio.write_dataframe(frame, tmp_path / "one.gpkg", layer="sources")
    with pytest.raises(MissingFileError, match="layer sinks is missing; got sources"):
        read_case(tmp_path / "one.gpkg")
    with pytest.raises(MissingFileError, match="case does not exist"):
        read_case(tmp_path / "nowhere")


def test_a_file_that_is_no_case_is_refused(tmp_path: Path) -> None:
    for name, words in (("a.txt", "not known"), ("a.xlsx", "workbook"), ("a.gpkg", "GeoPackage")):
        (tmp_path / name).write_text("nothing")
        with pytest.raises(DataError, match=words):
            read_case(tmp_path / name)


def test_a_point_where_a_line_belongs_is_refused(tmp_path: Path) -> None:
    path = geopackage(tmp_path / "case.gpkg")
    frame = gpd.GeoDataFrame({"arc": [7]}, geometry=[Point(0, 0)], crs="EPSG:4326")
    pyogrio.write_dataframe(frame, path, layer="arcs")
    with pytest.raises(DataError, match=r"layer arcs, row 1: wrong geometry; got Point; expected"):
        read_case(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [("110", 110.0), (" 110 Mt/yr", 110.0), ("500 kt/yr", 0.5), ("5e5 t/a", 0.5), (3.5, 3.5)],
)
def test_a_target_is_a_number_with_or_without_unit(text: str | float, value: float) -> None:
    assert parse_flow(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["much", "", "110 Mt", "-1", "1e999", "5 km"])
def test_a_target_that_is_no_flow_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="target is not understood"):
        parse_flow(text)


def test_nothing_is_left_unserved_where_all_is_wanted(tmp_path: Path) -> None:
    """The sum of what sources give is one number, whatever it is compared with."""
    kt = (100,) * 10  # added up one by one they are not quite 1 Mt
    rows = [[k, "a", most, 1, 1, ""] for k, most in enumerate(kt)]
    path = workbook(tmp_path / "case.xlsx", sheets(sources=[SOURCES[0], *rows]))
    planned = plan_tables(path, Options())
    assert planned.unserved_t_yr == 0.0
    assert planned.wanted_t_yr == pytest.approx(1e3 * sum(kt))

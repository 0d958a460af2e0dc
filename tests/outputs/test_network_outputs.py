"""A designed network written to files: read again they are equal, and their bytes repeat."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from network_sheets import COST, geopackage, sheets, workbook

from cdrsite.cli.network import plan_report, plan_rows, run_network
from cdrsite.core.errors import ConfigError
from cdrsite.network.casefiles import read_tables
from cdrsite.network.design import SourceUse
from cdrsite.network.places import Places
from cdrsite.network.tables import problem_of
from cdrsite.outputs.network import summary
from cdrsite.outputs.network_map import draw_plan


def test_what_is_written_is_what_was_designed(tmp_path: Path) -> None:
    case = geopackage(tmp_path / "case.gpkg", turned=True)
    (plan,) = run_network(case, target="2000 kt/yr", out=tmp_path / "out")
    out = tmp_path / "out"
    pipes = pd.read_csv(out / "pipes.csv")
    assert pipes["flow_mt_yr"].tolist() == [pipe.flow_mt_yr for pipe in plan.pipes] == [2.0]
    parts = [pd.read_csv(out / f"{n}.csv")["cost_musd_yr"].sum() for n in
             ("sources", "pipes", "sinks")]  # fmt: skip
    assert math.fsum(parts) == pytest.approx(plan.objective, rel=1e-12) == pytest.approx(COST)
    found = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert found == json.loads(json.dumps(summary(plan, "case")))
    assert found["status"] == "optimal"
    assert found["objective"] == plan.objective
    assert found["sinks"][0]["wells"] == 2
    layer = gpd.read_file(out / "network.gpkg", layer="pipes")
    # the line was drawn from the sink to the source: it is turned into the flow's direction
    assert layer.geometry[0].coords[0] == (10.0, 50.0)
    assert layer["flow_mt_yr"].tolist() == [2.0]
    web = gpd.read_file(out / "network.geojson")
    assert sorted(web["kind"]) == ["pipe", "sink", "source"]
    assert (out / "plan.png").read_bytes()[:4] == b"\x89PNG"


def test_the_same_plan_gives_the_same_bytes(tmp_path: Path) -> None:
    case = geopackage(tmp_path / "case.gpkg")
    files = []
    for name in ("one", "two"):
        run_network(case, target=2.0, out=tmp_path / name)
        files.append({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()})
    for each in files:
        del each["manifest.json"]  # the only one that holds a time
    assert files[0] == files[1]
    assert len(files[0]) == 8


def test_a_case_without_places_gives_tables_only(tmp_path: Path) -> None:
    case = workbook(tmp_path / "case.xlsx", sheets())
    run_network(case, target=2.0, out=tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "manifest.json", "pipes.csv", "sinks.csv", "sources.csv", "summary.json"
    }  # fmt: skip


def test_a_plan_that_builds_nothing_is_written(tmp_path: Path) -> None:
    case = geopackage(tmp_path / "case.gpkg")
    (plan,) = run_network(case, price=1.0, out=tmp_path / "out")
    assert plan.pipes == ()
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["cost_usd_t"] is None
    assert pd.read_csv(tmp_path / "out" / "pipes.csv").empty
    assert "captured  " in plan_report(plan)


def test_an_occupied_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    with pytest.raises(ConfigError, match="not replaced"):
        run_network(tmp_path / "nowhere", target=1.0, out=tmp_path / "out")


def test_the_report_says_cost_gap_and_parts(tmp_path: Path) -> None:
    (plan,) = run_network(workbook(tmp_path / "case.xlsx", sheets()), target=2.0)
    rows = dict(plan_rows(plan))
    assert rows["cost"] == "128.800 M$/yr"
    assert rows["gap"] == "0"
    assert rows["status"] == "optimal"
    assert rows["transport"].startswith("10.000 M$/yr, 5.00 $/t")
    text = plan_report(plan, "there")
    assert text.endswith("written to there")
    assert text.splitlines()[-3].split() == ["7", "a", "b", "0", "2.000", "10.0", "10.000"]


def test_the_map_shows_pipes_terminals_and_a_scale(tmp_path: Path) -> None:
    tables = read_tables(geopackage(tmp_path / "case.gpkg"))
    (plan,) = run_network(tmp_path / "case.gpkg", target=2.0)
    figure = draw_plan(plan, problem_of(tables), Places.of(tables))
    (ax,) = figure.axes
    texts = [text.get_text() for text in ax.texts]
    assert any("Works" in text for text in texts)
    assert "10 km" in texts
    assert "optimal" in ax.get_title()
    (line,) = [one for one in ax.lines if len(one.get_xdata()) == 3]
    assert line.get_linewidth() == pytest.approx(7.0)
    assert len(ax.collections) == 3


@pytest.mark.parametrize("forced", [False, True])
def test_a_plan_without_tonnes_has_a_map(tmp_path: Path, forced: bool) -> None:
    """A site that is forced is in the plan and may stay empty; a tonne has no cost then."""
    tables = read_tables(geopackage(tmp_path / "case.gpkg"))
    (plan,) = run_network(tmp_path / "case.gpkg", price=1.0)
    problem = problem_of(tables)
    if forced:
        plan = replace(plan, sources=(SourceUse(problem.sources[0].id, 0.0, 1.0),))
    (ax,) = draw_plan(plan, problem, Places.of(tables)).axes
    assert "nan" not in ax.get_title() and "– USD/t" in ax.get_title()

"""What people see of a study in many samples: page, terminal, map, shapes, project, a place."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny_scenario import SCENARIO, write_world

from cdrsite.cli.uncertain import uncertainty_lines
from cdrsite.config.load import load_scenario
from cdrsite.core.words import Words
from cdrsite.explain.place import explain_run
from cdrsite.outputs.palette import mixed
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.report.frame import Frame
from cdrsite.report.numbernames import number_words
from cdrsite.report.page import write_report
from cdrsite.report.sampled import sampled
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import run

pytestmark = pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
UNCERTAIN = """\
uncertainty:
  samples: 16
  prices: {electricity: {low: 40 USD/MWh, high: 90 USD/MWh}}
  numbers:
    resources.water.factor: {low: 0.2, high: 1.8}
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    world = write_world(tmp_path_factory.mktemp("sure"), SCENARIO + UNCERTAIN)
    return run(load_scenario(world, ["objective.robust=p10"]), samples="maps")


@pytest.fixture(scope="module")
def folder(result: StudyResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return result.write(tmp_path_factory.mktemp("sure run") / "run")


@pytest.fixture(params=["en", "zh"])
def frame(folder: Path, request: pytest.FixtureRequest) -> Frame:
    return Frame(RunFolder(folder), Words(request.param))


def test_the_section_says_the_range_of_the_samples(result, frame) -> None:
    page = sampled(frame)
    nets = result.tables["samples"]["net_mt_yr"]
    low, high = (float(np.quantile(nets, q)) for q in (0.05, 0.95))
    shown = [float(v) for v in re.findall(r'p(?:05|95)" data-value="([^"]+)"', page)]
    assert shown[0] == pytest.approx(low)
    assert shown[1] == pytest.approx(high)
    assert frame.say("sampled.totals") in page


def test_the_number_that_acts_is_named(result, frame) -> None:
    spread = result.tables["deciding"]
    assert spread["number"][0] == "resources.water.factor"
    assert spread["share"][0] > 0.5
    page = sampled(frame)
    assert number_words(frame.words, "resources.water.factor") in page
    at = result.tables["uncertain"]["number"].tolist().index("resources.water.factor")
    for end, value in (("low", 0.2), ("high", 1.8)):  # with the ends between which it is drawn
        assert f'data-key="tables/uncertain/{at}/{end}" data-value="{value}"' in page


def test_what_a_kept_plan_loses_is_told_with_its_noise(result, frame) -> None:
    page, told = sampled(frame), result.summary["uncertainty"]["decisions"]
    at = "uncertainty/decisions"
    for key in ("mean_regret", "error_of_regret", "regret_p95"):
        assert f'data-key="{at}/base/{key}" data-value="{told["base"][key]!r}"' in page
    shown = set(re.findall(r'data-key="tables/information/(\d+)/worth"', page))
    table = result.tables["information"]
    mine = {str(i) for i in table.index if not table["number"][i] or table["found"][i]}
    assert shown == mine  # what does not stand above its noise is not shown
    lines = uncertainty_lines(result.summary, result.tables, frame.words)
    assert frame.words("end.kept") in lines
    assert 'data-key="uncertainty/decisions/robust/worst_tenth"' in page
    assert re.search(r'data-key="tables/robust/\d+/robust_mt_yr"', page)
    assert frame.words("end.robust") in lines
    assert frame.words("end.know") in lines or not told["everything"]["found"]


def test_no_words_are_missing_on_the_page(folder, frame) -> None:
    page = write_report(folder, frame.words.lang, folder.parent / "page.html").read_text("utf-8")
    assert 'id="sampled"' in page
    assert not re.findall(r">(?:sampled|figure|number|map|kept)\.[a-z_.]+<", page)
    assert 'class="range"' in page


def test_a_run_without_samples_has_no_such_section(tmp_path_factory) -> None:
    world = write_world(tmp_path_factory.mktemp("plain"), SCENARIO)
    plain = run(load_scenario(world)).write(world.parent / "run")
    assert 'id="sampled"' not in (plain / "report.html").read_text("utf-8")
    assert uncertainty_lines(RunFolder(plain).summary, {}, Words()) == {}


def test_a_plain_run_of_such_a_scenario_tells_its_ranges(tmp_path_factory) -> None:
    world = write_world(tmp_path_factory.mktemp("totals"), SCENARIO + UNCERTAIN)
    plain = run(load_scenario(world))
    assert "reach" not in plain.dataset
    lines = uncertainty_lines(plain.summary, plain.tables, Words())
    assert "nine of ten of 16 samples" in lines["in samples"]
    page = (plain.write(world.parent / "run") / "report.html").read_text("utf-8")
    assert "in 9 of 10 samples" in page
    assert "this run worked out totals only" in page.lower()


def test_the_terminal_counts_safe_sites(result) -> None:
    lines = uncertainty_lines(result.summary, result.tables, Words())
    table = result.tables["sites_uncertain"]
    mine = table[table["in_plan"]]
    assert result.summary["uncertainty"]["sites"]["in_plan"] == len(mine)
    core = int((mine["stays"] >= 0.8).sum())
    assert lines["safe sites"].startswith(f"{core} of {len(mine)}" if core else "none of")
    assert lines["what decides"].startswith("water")


def test_sites_stay_where_their_cell_is_in_reach(result) -> None:
    table, reach = result.tables["sites_uncertain"], result.dataset["reach"]
    assert len(table) == len(result.tables["sites"])
    for row in table.to_dict("records"):
        here = reach.sel(removal_method=row["method"]).sel(x=row["x"], y=row["y"], method="nearest")
        if np.isfinite(here):
            assert row["stays"] >= float(here) - 1e-6


def test_a_place_says_how_sure_it_is(result, folder) -> None:
    site = result.tables["sites"].iloc[0]
    told = explain_run(folder, site["lon"], site["lat"])
    lines = dict(told.methods[site["method"]].lines)
    assert result.dataset.attrs["samples"] == 16  # what the error rests on
    share = result.dataset["probability"].sel(removal_method=site["method"]).to_numpy()
    assert re.match(
        r"In the plan in [\d.]+ % ± [\d.]+ % of the samples",
        lines["How sure"].replace("\u2009", " ").replace("\u202f", " "),
    )
    assert np.isfinite(share).any()
    assert any(what == "In the samples" for what, _ in told.lines)


def test_shapes_and_project_show_how_sure_sites_are(result, folder) -> None:
    with closing(sqlite3.connect(folder / "cdrsite.gpkg")) as base:
        found = pd.read_sql("SELECT stays, core, rank_p95 FROM site_samples", base)
    assert found["stays"].tolist() == result.tables["sites_uncertain"]["stays"].tolist()
    project = (folder / "cdrsite.qgs").read_text("utf-8")
    group = project.split('name="How sure: the samples"')[1].split("</layer-tree-group>")[0]
    for name in ("winner_likely", "reach_", "probability_any", "site_samples"):
        assert name in group


def test_colours_fade_to_white() -> None:
    assert mixed("#102030", 0.0) == "#102030"
    assert mixed("#000000", 0.5) == "#808080"
    assert mixed("#102030", 1.0) == "#FFFFFF"
    assert mixed("#808080", 0.5, dark=True) == "#404040"


@pytest.mark.parametrize(("lang", "said"), [("en", "group 2"), ("zh", "第 2 组")])
def test_numbers_that_go_together_are_named(lang: str, said: str) -> None:
    assert said in number_words(Words(lang), "together 2")

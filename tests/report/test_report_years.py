"""What people see of a path over milestones: page, terminal, and what its numbers say."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from dated_study import GOAL, write_dated

from cdrsite.cli.pathway import path_lines
from cdrsite.config.load import load_scenario
from cdrsite.core.words import Words
from cdrsite.explain.place import explain_place
from cdrsite.outputs.legend import class_colour
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.report.answer import by_method, of_last_year
from cdrsite.report.dated import DatedLine, drawing
from cdrsite.report.frame import Frame
from cdrsite.report.mapview import map_fragment
from cdrsite.report.page import write_report
from cdrsite.report.years import path_figures, row_named, years
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import run

pytestmark = pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
TOTALS = ("net_mt_yr", "net_of_emitters_mt_yr", "removal_mt_yr")
VALUES = re.compile(r'data-key="([^"]+)" data-value="([^"]+)"')
SHORT = (
    *GOAL,
    "milestones.missed={price: 150 USD/t}",
    "milestones.targets.durable={2050: 2 kt/yr}",
    "milestones.durability={rule: expected, horizon: 100 yr}",
    "methods.afforestation.usable_land=0.02",
    "resources.biomass.collectable=0.2",
    "resources.storage.factor=0.2",
    "milestones.growth={beccs-residue: {rate: 10 %, seed: 0.2 kt/yr}}",
)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    return run(load_scenario(write_dated(tmp_path_factory.mktemp("years")), SHORT))


@pytest.fixture(scope="module")
def folder(result: StudyResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return result.write(tmp_path_factory.mktemp("years run") / "run")


@pytest.fixture(params=["en", "zh"])
def frame(folder: Path, request: pytest.FixtureRequest) -> Frame:
    return Frame(RunFolder(folder), Words(request.param))


def test_no_words_are_missing_on_the_page(folder: Path, frame: Frame) -> None:
    page = write_report(folder, frame.words.lang, folder.parent / "page.html").read_text("utf-8")
    assert 'id="years"' in page
    assert not re.findall(r">[^<]*\b(?:years|end)\.[a-z_.]+[^<]*<", page.split("<script")[0])
    assert frame.words("years.figure.present") in page


def test_missed_tonnes_stand_at_the_head_and_by_year(result: StudyResult, frame: Frame) -> None:
    reached = result.tables["pathway"]
    assert reached["missed"].sum() > 0
    page = years(frame)
    shown = [float(v) for v in re.findall(r'/missed" data-value="([^"]+)"', page)]
    assert shown == pytest.approx(reached["missed"][reached["missed"] > 0].tolist())
    # of each ledger by itself, in the year when most is missed
    most = reached[reached["missed"] > 0].groupby("ledger")["missed"].max() / 1e6
    figures = [(key, label) for key, _, label in path_figures(frame) if "missed" in key]
    assert {key.split("/")[2]: frame.at(key) for key, _ in figures} == pytest.approx(dict(most))
    assert all(frame.words.has(label) for _, label in figures)


def test_three_numbers_of_a_forest_are_apart_on_page_summary_and_terminal(
    result: StudyResult, frame: Frame
) -> None:
    built = result.tables["build_out"]
    last = built[(built["method"] == "afforestation") & (built["year"] == 2050)].iloc[0]
    numbers = result.summary["pathway"]["methods"]["afforestation"]
    for key in ("net_mt_yr", "held_mt", "durable_mt_yr"):
        assert numbers[key][-1] == last[key]
    page = years(frame)
    assert frame.say("years.stocks") in page
    # as lines: flow and durable equivalent in one drawing, the stock in another
    assert page.count("<svg") == 4
    lines = dict(path_lines(result.summary["pathway"], frame.words))
    told = lines[frame.words.typed("afforestation")]
    assert told == frame.words(
        "end.path.stands", year=2050, net=frame.words.number(last["net_mt_yr"]),
        held=frame.words.number(last["held_mt"]), durable=frame.words.number(last["durable_mt_yr"]),
    )  # fmt: skip


def test_what_binds_is_named_with_its_year_in_the_words_of_the_page(
    result: StudyResult, frame: Frame
) -> None:
    rows = result.tables["pools_by_year"]
    bound = rows[rows["binds"]]
    assert len(bound)
    page = years(frame)
    for row in bound.to_dict("records"):
        assert row_named(frame.words, row["family"], row["zone"]) in page
    named = row_named(frame.words, "policy", "growth of beccs-residue")
    assert frame.words.method("beccs-residue") in named
    assert "beccs-residue" not in named


def test_targets_of_years_are_named_in_the_language() -> None:
    english, chinese = Words(), Words("zh")
    for ledger, said in (("removal", "移除"), ("durable removal", "持久移除"), ("budget", "预算")):
        assert english.zone(f"{ledger} 2060") == f"{ledger} 2060"
        assert chinese.zone(f"{ledger} 2060") == f"2060 年{said}"
    # a name of the user's own stays as it is
    assert chinese.zone("Basin 2060") == "Basin 2060"
    assert row_named(chinese, "policy", "removal 2060") == "2060 年移除"


def test_a_plan_of_one_year_has_no_such_section(tmp_path_factory: pytest.TempPathFactory) -> None:
    world = write_dated(tmp_path_factory.mktemp("one year"))
    plain = run(load_scenario(world)).write(world.parent / "run")
    frame = Frame(RunFolder(plain), Words())
    assert years(frame) == ""
    assert path_figures(frame) == []
    assert of_last_year(frame) == ""


def test_the_table_by_method_says_that_forests_have_an_age(frame: Frame) -> None:
    said = of_last_year(frame)
    keys = ("pathway/years/2", "net_mt_yr", "pathway/net_mt_yr/2")
    assert dict(VALUES.findall(said)) == {key: f"{frame.at(key)!r}" for key in keys}
    assert said in by_method(frame)


def test_areas_lie_on_one_another_and_lines_on_their_values(frame: Frame) -> None:
    below = DatedLine("below", "#111111", [(2030, 1.0), (2050, 2.0)])
    above = DatedLine("above", "#222222", [(2030, 3.0), (2050, 2.0)])
    asked = DatedLine("asked", "#333333", [(2030, 4.0)], dots=True)
    drawn = drawing(frame, "label", "up", [2030, 2040, 2050], [below, above], [asked])
    # 400 units for 0 to 4: the upper edge of both together is at the top, the lower at 1 and 2
    assert 'd="M0.00 300.00L1000.00 200.00L1000.00 400.00L0.00 400.00Z"' in drawn
    assert 'd="M0.00 0.00L1000.00 0.00L1000.00 200.00L0.00 300.00Z"' in drawn
    assert 'd="M0.00 0.00h0"' in drawn
    assert re.findall(r"left:([\d.]+)%", drawn) == ["0.00", "50.00", "100.00"]


def test_names_of_years_do_not_lie_on_one_another(frame: Frame) -> None:
    drawn = drawing(
        frame, "label", "up", [2026, 2028, 2060], (), [DatedLine("a", "#111111", [(2026, 1)])]
    )
    assert re.findall(r'style="left:[\d.]+%">(\d+)<', drawn) == ["2028", "2060"]


def test_each_milestone_has_maps_that_add_up(result: StudyResult) -> None:
    data = result.dataset
    built = result.tables["build_out"]
    gross = data["allocated_at"]
    assert gross.dims == ("removal_method", "milestone", "y", "x")
    for row in built.to_dict("records"):
        here = gross.sel(removal_method=row["method"], milestone=row["year"])
        assert float(here.sum()) == pytest.approx(row["gross_mt_yr"] * 1e6, rel=1e-5, abs=1e-3)
        assert np.isnan(here.to_numpy()).any()  # excluded cells have no number (rule 2)
    methods = list(result.methods)
    net = data["net_removal_at"].to_numpy()
    winner = data["winner_at"].to_numpy()
    assert set(np.unique(winner[net > 0])) <= set(range(len(methods)))
    assert not np.isin(winner[net == 0], range(len(methods))).any()
    last = data["winner"].to_numpy()
    still = (winner[-1] < len(methods)) & (last < len(methods))
    assert still.any()


def test_rasters_of_milestones_say_method_and_year(folder: Path) -> None:
    names = {path.stem for path in (folder / "rasters").glob("*.tif")}
    for year in (2030, 2040, 2050):
        assert {f"winner_at_{year}", f"allocated_at_beccs-residue_{year}"} <= names


def test_the_map_has_a_slider_and_one_scale_for_all_years(folder: Path, frame: Frame) -> None:
    run = RunFolder(folder)
    view = map_fragment(run, frame.words)
    assert view.data["years"] == [2030, 2040, 2050]
    assert 'id="cdrmap-year"' in view.html
    layers = view.data["layers"]
    legends = [layers[f"net_removal_at@{year}"]["legend"]["steps"] for year in (2040, 2050)]
    scales = [[one for one in steps if one["label"] != "nothing"] for steps in legends]
    assert scales[0] == scales[1] and len(scales[0]) > 1
    assert layers["winner_at@2030"]["image"] != layers["winner_at@2050"]["image"]
    assert "winner" not in layers  # the one of the last milestone stands on the slider
    told = [one["label"] for one in layers["build_year/beccs-residue"]["legend"]["classes"]]
    assert "2030" in told


def test_the_project_plays_the_milestones(folder: Path) -> None:
    root = ET.parse(folder / "cdrsite.qgs").getroot()
    spans = {
        layer.findtext("datasource"): (time.findtext("start"), time.findtext("end"))
        for layer in root.iter("maplayer")
        if (time := layer.find("temporal/fixedRange")) is not None
    }
    assert spans["./rasters/winner_at_2040.tif"] == ("2040-01-01T00:00:00Z", "2049-12-31T23:59:59Z")
    assert "./rasters/allocated_at_afforestation_2030.tif" in spans
    whole = root.find("ProjectTimeSettings/TemporalRange")
    assert whole is not None
    assert whole.findtext("start") == "2030-01-01T00:00:00Z"
    assert whole.findtext("end") == "2059-12-31T23:59:59Z"


def test_colours_of_years_go_one_way() -> None:
    shades = [class_colour(str(year), ("2030", "2040", "2050")) for year in (2030, 2040, 2050)]
    light = [sum(int(shade[i : i + 2], 16) for i in (1, 3, 5)) for shade in shades]
    assert light == sorted(light)
    assert len(set(light)) == 3


def test_a_place_says_when_it_is_built_and_what_for(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """What a later growth limit makes worth building is said to be built early for that year."""
    slow = (
        *GOAL, "milestones.missed={price: 900 USD/t}", "resources.biomass.collectable=0.5",
        "methods.afforestation.usable_land=0.01",
        "milestones.targets.removal={2040: 1 kt/yr, 2050: 9 kt/yr}",
        "milestones.growth={beccs-residue: {rate: 5 %, seed: 0.15 kt/yr}}",
    )  # fmt: skip
    world = write_dated(tmp_path_factory.mktemp("early"))
    result = run(load_scenario(world, slow))
    early = result.dataset["build_year"].attrs["early_for_beccs-residue"]
    rows = result.tables["pools_by_year"]
    bound = rows[rows["binds"] & (rows["zone"] == "growth of beccs-residue")]
    assert {year for year in early if year} <= set(bound["year"].astype(int))
    assert early[-1] == 0
    codes = result.dataset["build_year"].sel(removal_method="beccs-residue").to_numpy()
    helped = [t + 1 for t, year in enumerate(early) if year]
    row, col = np.argwhere(np.isin(codes, helped))[0]
    folder = result.write(world.parent / "early run")
    for lang in ("en", "zh"):
        words = Words(lang)
        data = result.dataset
        told = explain_place(data, result.grid, float(data.x[col]), float(data.y[row]), words)
        lines = dict(told.methods["beccs-residue"].lines)
        year = str([2030, 2040, 2050][int(codes[row, col]) - 1])
        later = str(early[int(codes[row, col]) - 1])
        assert lines[words("why.title.built")] == words(
            "why.built_early", built_year=year, later_year=later
        )
        assert lines[words("why.title.years")].count(":" if lang == "en" else "：") == 3
    assert '"why.' not in (folder / "report.html").read_text("utf-8")


def test_what_biogenic_emitters_remove_lies_on_the_methods(folder: Path, tmp_path: Path) -> None:
    """Targets count it: without it the drawing would look as if tonnes were missed."""
    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    summary = json.loads((copy / "summary.json").read_text("utf-8"))
    path = summary["pathway"]
    path["net_of_emitters_mt_yr"] = [0.0, 0.001, 0.004]
    both = zip(path["net_mt_yr"], path["net_of_emitters_mt_yr"], strict=True)
    path |= {"removal_mt_yr": [a + b for a, b in both], "avoided_mt_yr": [0.0, 0.0, 0.0]}
    (copy / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    for lang in ("en", "zh"):
        with_them = Frame(RunFolder(copy), Words(lang))
        page = years(with_them)
        assert f"<title>{with_them.words('years.emitters')}</title>" in page
        keys = [key for key, _, _ in path_figures(with_them)]
        assert keys[0] == "pathway/removal_mt_yr/2"
        assert not any("avoided" in key for key in keys)
        assert all(with_them.words.has(words) for _, _, words in path_figures(with_them))
        # the total of the table by method and the tonnes at the top are said to be one plan
        said = of_last_year(with_them)
        keys = ["net_mt_yr", *(f"pathway/{key}/2" for key in TOTALS)]
        assert {key: float(value) for key, value in VALUES.findall(said)} == pytest.approx(
            {"pathway/years/2": 2050} | {key: with_them.at(key) for key in keys}
        )

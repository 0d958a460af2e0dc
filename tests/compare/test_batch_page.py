"""The page of a batch: bars, small maps on one scale, links, failures; names that do harm."""

from __future__ import annotations

import base64
import io
import math
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from report_run import Page
from tiny_study import tiny_result

from cdrsite.compare.batch_page import batch_page
from cdrsite.compare.batch_result import BatchResult
from cdrsite.compare.variants import folder_name
from cdrsite.core.numbers import percent
from cdrsite.core.words import Words
from cdrsite.outputs.palette import GROUND_COLOUR, rgba
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.report.bars import STUDY_COLOUR

HOSTILE = '<script>alert(1)</script>"&'
METHODS = pd.DataFrame({"run": "quoted need", "method": ["daccs-solid", "afforestation"]})
RUNS = ("quoted need", HOSTILE, "gone wrong")


def row(run: str, status: str, solid: float, forest: float) -> dict[str, Any]:
    return {
        "run": run,
        "status": status,
        "net_mt_yr_daccs_solid": solid,
        "net_mt_yr_afforestation": forest,
        "net_mt_yr": solid + forest,
        "cost_musd_yr": 100.0,
        "mean_cost_usd_t": 50.0,
        "land_km2": 12345.0,
        "binding": "water (2); their <b>rule</b> (1)",
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs written, the second one of a wider region; one failed."""
    folder = tmp_path_factory.mktemp("batch")
    for name in RUNS[:2]:
        place = folder_name(name)
        (folder / f"{place} input").mkdir()
        tiny_result(folder / f"{place} input").write(folder / place)
    (folder / folder_name(RUNS[0]) / "report.html").write_text("a report", encoding="utf-8")
    (folder / folder_name(RUNS[1]) / "report.html").unlink(missing_ok=True)
    return folder


@pytest.fixture(scope="module")
def found() -> BatchResult:
    rows = [row(RUNS[0], "optimal", 1.0, 3.0), row(RUNS[1], "gap not closed", 8.0, 0.0)]
    rows.append({"run": RUNS[2], "status": "failed", "message": f"no water {HOSTILE}"})
    varies = [
        ("methods.daccs-solid.profile", RUNS[0], "madhu2021"),
        ("methods.daccs-solid.profile", RUNS[1], "null"),
    ]
    ranks = [(RUNS[1], "daccs-solid", 25, 25, 20, 2, 3, 3, 0.5)]
    return BatchResult(
        pd.DataFrame(rows),
        {RUNS[2]: f"no water {HOSTILE}"},
        pd.DataFrame(
            ranks,
            columns=[
                *("run", "method", "sites_a", "sites_b", "same", "moved", "gained", "lost"),
                "rank_correlation",
            ],
        ),
        pd.DataFrame(varies, columns=["assumption", "run", "value"]),
        METHODS,
    )


def made(folder: Path, found: BatchResult, lang: str = "en") -> Page:
    folders = {name: folder_name(name) for name in RUNS}
    return Page(batch_page(folder, found, folders, Words(lang)))


def test_bars_are_as_long_as_the_tonnes(folder: Path, found: BatchResult) -> None:
    page = made(folder, found)
    drawn = [rect for rect in page.all("rect") if rect["fill"] != STUDY_COLOUR]
    bars = [float(str(rect["width"])) for rect in drawn]
    # of the longest run's 8 Mt: 1, 3 and 8 of them
    assert bars == pytest.approx([125.0, 375.0, 1000.0])
    colours = [rect["fill"] for rect in drawn]
    assert colours == ["#0072B2", "#009E73", "#0072B2"]
    labels = [svg["aria-label"] for svg in page.all("svg") if "aria-label" in svg]
    assert labels[0] == (
        "quoted need: Solid-sorbent air capture 1.00 Mt/yr, Afforestation 3.00 Mt/yr"
    )


def test_numbers_of_the_table_are_those_of_the_batch(folder: Path, found: BatchResult) -> None:
    page = made(folder, found)
    values = {str(span["data-value"]) for span in page.all("span") if span.get("data-value")}
    assert {"4.0", "8.0", "100.0", "50.0", "12345.0"} <= values
    assert "12\u202f345" in page.text_of("td", **{"class": "n"})
    assert "Net removal lies between 4 Mt a year (quoted need) and 8 Mt a year" in page.source


def test_one_small_map_for_each_run_and_one_legend(folder: Path, found: BatchResult) -> None:
    page = made(folder, found)
    pictures = page.all("img")
    assert len(pictures) == 4  # tonnes, and folded away land
    for first, second in (pictures[:2], pictures[2:]):
        assert first["src"] == second["src"]  # the same plan, the same colours
    assert str(pictures[0]["alt"]).startswith("Map of the net removal of the run quoted need")
    assert str(pictures[2]["alt"]).startswith("Map of the method that uses the land in the run")
    assert len(page.text_of("ul", **{"class": "legend"})) == 3  # of bars, tonnes and land


def test_maps_of_tonnes_say_who_makes_them_and_colour_no_land(
    folder: Path, found: BatchResult
) -> None:
    """A cell of one method must not outshine the tonnes of another."""
    page = made(folder, found)
    run = RunFolder(folder / folder_name(RUNS[0]))
    net = {name: one["net_mt_yr"] for name, one in run.summary["methods"].items()}
    most = max(net, key=lambda name: net[name])
    share = percent(net[most] / sum(net.values()))
    assert f"{share} of it by {Words().method(most)}" in page.source
    ground = page.source[: page.source.index("Which method uses which land")]
    picture = re.findall(r'src="data:image/png;base64,([^"]*)"', ground)[0]
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        pixels = np.array(image.convert("RGBA")).reshape(-1, 4)
    seen = {tuple(map(int, pixel)) for pixel in np.unique(pixels[pixels[:, 3] > 0], axis=0)}
    assert seen == {rgba(GROUND_COLOUR)}


def test_circles_have_one_scale_on_all_maps_and_in_the_key(
    folder: Path, found: BatchResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = RunFolder.layer

    def layer(run: RunFolder, name: str) -> Any:
        return read(run, name).assign(
            net_t_yr=1e6 if run.path.name == folder_name(RUNS[0]) else 4e6
        )

    monkeypatch.setattr(RunFolder, "layer", layer)
    page = made(folder, found)
    sizes = [(one.get("class", ""), float(str(one["r"]))) for one in page.all("circle")]
    drawn = sorted({size for kind, size in sizes if kind == ""})
    assert drawn[1] / drawn[0] == pytest.approx(2.0, rel=1e-3)  # four times the tonnes
    keys = [size for kind, size in sizes if kind == "key-size"]
    assert keys[0] / drawn[1] == pytest.approx(math.sqrt(2 / 4), rel=1e-3)  # 2 Mt of 4 Mt
    assert page.source.count("2 Mt/yr</text>") == 1


def test_a_smaller_region_is_drawn_smaller(
    folder: Path, found: BatchResult, tmp_path: Path
) -> None:
    import rasterio
    from affine import Affine

    other = tmp_path / "batch"
    shutil.copytree(folder, other)
    file = other / folder_name(RUNS[1]) / "rasters" / "winner.tif"
    with rasterio.open(file) as source:
        profile, codes = source.profile, source.read(1)
    pixel = Affine(500.0, 0, profile["transform"].c, 0, -500.0, profile["transform"].f)
    with rasterio.open(file, "w", **{**profile, "driver": "GTiff", "transform": pixel}) as target:
        target.write(codes, 1)
    styles = [str(picture["style"]) for picture in made(other, found).all("img")]
    assert "width:50%" in styles[1] and "width:100%" in styles[0]
    assert styles[1].startswith("left:0%;top:0%")  # where it lies in the frame of both
    assert styles[2:] == styles[:2]


def test_runs_lead_to_their_reports(folder: Path, found: BatchResult) -> None:
    hrefs = [str(a["href"]) for a in made(folder, found).all("a")]
    assert "quoted-need/report.html" in hrefs
    assert f"{folder_name(HOSTILE)}/" in hrefs  # its folder: it has no report
    assert not any("gone" in href for href in hrefs)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_names_do_nothing_and_nothing_is_asked_for(
    folder: Path, found: BatchResult, lang: str
) -> None:
    page = made(folder, found, lang)
    assert not page.all("script")
    assert not any(key.startswith("on") for _, attrs in page.elements for key in attrs)
    assert "&lt;script&gt;" in page.source and "&lt;b&gt;rule&lt;/b&gt;" in page.source
    for _, attrs in page.elements:
        for key in ("src", "href"):
            assert not str(attrs.get(key) or "").startswith(("http", "//"))
    assert ("什么" in page.source or "运行" in page.source) == (lang == "zh")


def test_a_failure_says_why_and_open_gaps_are_marked(folder: Path, found: BatchResult) -> None:
    page = made(folder, found)
    assert page.text_of("pre") == [f"no water {HOSTILE}"]
    assert page.text_of("b", **{"class": "badge"}) == ["gap not closed", "failed"]
    assert "1 run failed." in page.source


def test_a_batch_without_any_result_is_a_page(tmp_path: Path) -> None:
    table = pd.DataFrame([{"run": "a", "status": "failed", "message": "x"}])
    page = Page(batch_page(tmp_path, BatchResult(table, {"a": "x"}), {"a": "a"}, Words("en")))
    assert not page.all("img") and page.text_of("pre") == ["x"]


def test_what_varies_stands_the_shorter_way(folder: Path, found: BatchResult) -> None:
    heads = made(folder, found).text_of("th", scope="col")
    key = "methods.daccs-solid.profile"
    assert any(key in head and head != key for head in heads)  # in words, with the key below
    many = [(f"key{i}", run, "1") for i in range(5) for run in RUNS[:2]]
    varies = pd.DataFrame(many, columns=["assumption", "run", "value"])
    page = made(folder, BatchResult(found.table, found.failed, found.ranks, varies, METHODS))
    assert HOSTILE in page.text_of("th", scope="col")
    assert "key4" in page.text_of("th", scope="row")


def test_unknown_numbers_are_dashes(folder: Path, found: BatchResult) -> None:
    table = found.table.copy()
    table["mean_cost_usd_t"] = math.nan
    page = made(folder, BatchResult(table, found.failed, found.ranks, found.varies, METHODS))
    assert page.text_of("span", **{"class": "v"}).count("–") >= 2

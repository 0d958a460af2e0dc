"""Maps of administrative units on the report: colours, scale, words, and what has no map."""

from __future__ import annotations

import math
import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from report_run import tables, write_run

from cdrsite.core.words import Words
from cdrsite.outputs.classes import column_classes
from cdrsite.outputs.palette import NOTHING_COLOUR, STATE_COLOURS
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.outputs.styles import number_rules
from cdrsite.report.frame import Frame
from cdrsite.report.supplies import provinces
from cdrsite.report.zonemaps import MOST_ZONES, outlines, path_of

SOLID, FOREST = "daccs-solid", "afforestation"
NET = {  # Mt/yr: solid, forest
    "a": (0.2, 0.1), "b <i>": (2.0, 0.0), "c": (0.0, 0.0), "d": (20.0, 5.0),
    "an eastern unit": (math.nan, 0.4),
}  # fmt: skip


EAST = "an eastern unit"


def run_of(folder: Path, boxes: dict[str, list[shapely.Geometry]]) -> Path:
    rows = [
        (zone, method, net, net, 1.0, 2.0)
        for zone, nets in NET.items()
        for method, net in zip((SOLID, FOREST), nets, strict=True)
    ]
    columns = ["zone", "method", "net_mt_yr", "gross_mt_yr", "cost_musd_yr", "land_km2"]
    listed = tables() | {"provinces": pd.DataFrame(rows, columns=columns)}
    path = write_run(folder, listed=listed)
    shapes = [(zone, shape) for zone, own in boxes.items() for shape in own]
    frame = gpd.GeoDataFrame(
        {"zone": [zone for zone, _ in shapes]},
        geometry=[shape for _, shape in shapes],
        crs="EPSG:3035",
    )
    frame.to_file(path / "cdrsite.gpkg", layer="provinces", engine="pyogrio")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    boxes = {zone: [shapely.box(i * 1e4, 0, (i + 1) * 1e4, 2e4)] for i, zone in enumerate(NET)}
    boxes["a"].append(shapely.box(0, 3e4, 1e4, 4e4))  # an island of the same unit
    return run_of(tmp_path_factory.mktemp("zones") / "run", boxes)


def told(html: str) -> list[dict[str, str]]:
    """Colour of each unit on each map, the map of all methods first."""
    maps = re.findall(r"<svg[^>]*role=\"img\".*?</svg>", html, re.S)
    return [
        {
            name: fill
            for fill, name in re.findall(r'<g fill="(#\w+)"><title>(.*?): [^<]*</title>', one)
        }
        for one in maps
    ]


def test_the_more_the_darker_and_what_is_none_or_unknown_is_apart(run: Path) -> None:
    whole, solid, forest = told(provinces(Frame(RunFolder(run), Words("en"))))
    assert list(whole) == ["a", "b &lt;i&gt;", "c", "d", EAST]
    light = {name: int(fill[1:3], 16) + int(fill[3:5], 16) for name, fill in whole.items()}
    assert light["d"] < light["b &lt;i&gt;"] < light["a"]
    assert whole["c"] == NOTHING_COLOUR and whole[EAST] == STATE_COLOURS["unknown"]
    assert solid[EAST] == STATE_COLOURS["unknown"] and forest[EAST] not in STATE_COLOURS.values()
    assert forest["b &lt;i&gt;"] == NOTHING_COLOUR
    # one scale: an amount has one colour on every map
    assert solid["d"] == whole["d"] and solid["b &lt;i&gt;"] == whole["b &lt;i&gt;"]


def test_borders_are_round_and_those_of_the_project_of_qgis(run: Path) -> None:
    html = provinces(Frame(RunFolder(run), Words("en")))
    totals = [sum(nets) for nets in NET.values()]
    classes = column_classes(totals, "YlGn", unit="Mt/yr", adds_up=True)
    # most tonnes lie in one unit: steps of one factor, not the zero's even ones
    ratios = np.diff(np.log10(classes.borders))
    assert len(classes.borders) >= 2 and np.ptp(ratios) < 0.2
    rules = number_rules("net_mt_yr", totals, "YlGn", "fill", unit="Mt/yr", adds_up=True)
    labels = re.findall(r'class="shade"[^>]*></i><span>(.*?)</span>', html)
    assert labels == ["none in the plan", *(rule.label for rule in rules), "unknown"]


def test_amounts_are_told_beside_the_map_and_in_it(run: Path) -> None:
    for lang in ("en", "zh"):
        words = Words(lang)
        html = provinces(Frame(RunFolder(run), words))
        assert f"<title>d: 25.0 {words.unit('Mt/yr')}</title>" in html
        assert f"<title>{EAST}: – {words.unit('Mt/yr')}</title>" in html
        assert words("provinces.by_method") in html and 'class="beside"' in html
        assert html.count("<table") == 1
    assert "<i>" not in re.sub(r'<i class="[^>]*>', "", html)


def test_outlines_are_those_of_the_units(run: Path) -> None:
    drawn = outlines(Frame(RunFolder(run), Words("en")))
    assert drawn is not None and (drawn.wide, drawn.high) == (1000, 800)
    assert drawn.names == tuple(NET) and drawn.paths[0].count("M") == 2
    assert drawn.paths[1] == "M400 800l0 -400 -200 0 0 400 200 0z"
    assert drawn.places[2] == pytest.approx((500, 600))
    assert drawn.places[4] is None  # the name is wider than the unit


def test_a_shape_with_a_hole_keeps_its_area() -> None:
    ring = shapely.Point(500, 500).buffer(300).difference(shapely.Point(500, 500).buffer(100))
    area = 0.0
    for x, y, moves in re.findall(r"M(-?\d+) (-?\d+)l([^z]*)z", path_of(ring)):
        steps = np.array(moves.split(), float).reshape(-1, 2)
        corners = np.cumsum(np.vstack([[float(x), float(y)], steps]), axis=0)
        ahead = np.roll(corners, -1, axis=0)
        signed = corners[:, 0] * ahead[:, 1] - ahead[:, 0] * corners[:, 1]
        area += abs(signed.sum()) / 2 * (1 if area == 0 else -1)
    assert area == pytest.approx(ring.area, rel=0.02)


def test_too_many_units_and_none_have_the_table_alone(tmp_path: Path) -> None:
    plain = write_run(tmp_path / "plain")
    html = provinces(Frame(RunFolder(plain), Words("en")))
    assert "<svg" not in html and "<table" in html and "beside" not in html
    many = {f"z{i}": [shapely.box(i, 0, i + 1, 1)] for i in range(MOST_ZONES + 1)}
    html = provinces(Frame(RunFolder(run_of(tmp_path / "many", many)), Words("en")))
    assert "<svg" not in html and "<table" in html

"""The QGIS project and the styles of rasters: as XML, and opened by QGIS itself where installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from qgis_python import CLIENT, qgis_python
from rio_cogeo.cogeo import cog_validate
from tiny_study import METHODS, tiny_result

from cdrsite.core.numbers import brief
from cdrsite.core.vocabulary import VARIABLES
from cdrsite.core.words import LANGUAGES, Words
from cdrsite.outputs.classes import classes_of
from cdrsite.outputs.columns import FIELDS
from cdrsite.outputs.palette import METHOD_COLOURS
from cdrsite.outputs.qgis import project_xml
from cdrsite.outputs.qgis_layers import ANSWER, EXCLUSIONS, FILES, NETWORK
from cdrsite.outputs.qgis_layout import PAGE
from cdrsite.outputs.qml import raster_qml
from cdrsite.outputs.rasters.raster import RasterSpec
from cdrsite.outputs.tips import tip_html
from cdrsite.result.study_result import StudyResult

ODD = "my <b>\"DAC\"</b> & 'co' 北"


def plain_result(folder: Path) -> StudyResult:
    """A tiny study with a plant and a pipeline."""
    result = tiny_result(folder)
    wkt, x, y = result.grid.wkt, result.grid.x, result.grid.y
    plants = gpd.GeoDataFrame(
        {
            "name": ["plant 1"],
            "method": [METHODS[0]],
            "zone": [""],
            "gross_t_yr": [1e6],
            "stored_t_yr": [1e6],
        },
        geometry=[shapely.Point(x[1], y[1])],
        crs=wkt,
    )
    line = shapely.LineString([(x[1], y[1]), (x[4], y[3])])
    pipes = gpd.GeoDataFrame({"mode": ["pipeline"], "flow_t_yr": [1e6]}, geometry=[line], crs=wkt)
    return replace(result, features={"plants": plants, "pipes": pipes})


def odd_result(folder: Path) -> StudyResult:
    """On a geographic grid, with a method named as no method should be; no network."""
    result = tiny_result(folder, "EPSG:4326")
    scenario = result.scenario.model_copy(update={"title": ODD})
    dataset = result.dataset.assign_attrs(title=ODD)
    winner = dataset["winner"]
    words = str(winner.attrs["flag_meanings"]).replace(METHODS[0], ODD.replace(" ", "_"))
    winner.attrs["flag_meanings"] = words
    supply: xr.DataArray = dataset["supply_water"]
    supply.attrs["long_name"] = f"water of {ODD}"
    return replace(result, scenario=scenario, dataset=dataset)


@pytest.fixture(scope="module", params=["plain", "odd"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder, moved after it was written."""
    make = plain_result if request.param == "plain" else odd_result
    result = make(tmp_path_factory.mktemp("data"))
    written = result.write(tmp_path_factory.mktemp("runs") / "first")
    return Path(shutil.move(written, written.parent / f"moved & 北 {request.param}"))


def project(folder: Path) -> ET.Element:
    return ET.parse(folder / "cdrsite.qgs").getroot()


def test_the_project_holds_every_raster_and_layer_by_relative_path(run: Path) -> None:
    root = project(run)
    every = [node.text or "" for node in root.iter("datasource")]
    assert not [source for source in every if Path(source).is_absolute()]
    sources = [source for source in every if source.startswith("./")]
    rasters = {f"./rasters/{path.name}" for path in (run / "rasters").glob("*.tif")}
    layers = set(gpd.list_layers(run / "cdrsite.gpkg")["name"]) - {"layer_styles"}
    assert set(sources) == rasters | {f"./cdrsite.gpkg|layername={name}" for name in layers}
    twice = [source for source in set(sources) if sources.count(source) > 1]
    # once for all rules, and for each; states, and what they mask
    assert all("exclusion_reasons" in one or "method_state" in one for one in twice)
    absolute = root.find("properties/Paths/Absolute")
    assert absolute is not None and absolute.text == "false"


def test_identifiers_agree_and_are_long_enough_for_qgis(run: Path) -> None:
    root = project(run)
    held = [node.text or "" for node in root.findall("projectlayers/maplayer/id")]
    (tree,) = root.findall("layer-tree-group")
    assert sorted(held) == sorted(str(n.get("id")) for n in tree.iter("layer-tree-layer"))
    assert sorted(held) == sorted(str(n.get("id")) for n in root.findall("layerorder/layer"))
    assert len(set(held)) == len(held)
    assert min(len(one) for one in held) > 10


def test_circles_of_tonnes_are_shown_on_plain_ground_and_few_others(run: Path) -> None:
    """Colours of land tell area: they are a question of their own."""
    (tree,) = project(run).findall("layer-tree-group")

    def on(groups: list[ET.Element]) -> set[str]:
        held = [n for group in groups for n in group.findall("layer-tree-layer")]
        return {str(n.get("source")) for n in held if n.get("checked") == "Qt::Checked"}

    every = list(tree.iter("layer-tree-group"))
    shown = on([n for n in every if n.get("checked") == "Qt::Checked"])
    assert any("layername=tonnes" in source for source in shown)
    assert 1 <= len(shown) <= 6
    assert not [source for source in shown if source.endswith(".tif")]
    # whoever turns the answer on sees the land over the states of its cells
    answer = on([n for n in every if n.get("name") == ANSWER])
    assert answer == {"./rasters/winner.tif", "./rasters/state.tif"}


def test_states_lie_under_the_maps_of_the_plan_and_of_each_method(run: Path) -> None:
    root = project(run)
    order = [str(n.get("id")) for n in root.findall("layerorder/layer")]
    for group in root.iter("layer-tree-group"):
        name = str(group.get("name"))
        if name != ANSWER and not name.startswith("Method: "):
            continue
        mine = group.findall("layer-tree-layer")
        below = mine[-1]
        assert below.get("checked") == "Qt::Checked"
        assert "state" in str(below.get("source")), name
        ids = [str(n.get("id")) for n in mine]
        assert ids == sorted(ids, key=order.index)
        themes = root.findall("visibility-presets/visibility-preset")
        masks = [n for n in mine if str(n.get("id")).endswith("_mask")]
        assert mine[: len(masks)] == masks and len(masks) == (name != ANSWER)
        for one in mine[len(masks) : -1]:
            theme = next(t for t in themes if t.get("name") == one.get("name"))
            shown = [n.get("id") for n in theme.findall("layer")]
            numbers_of_excluded = ("equal_share", "score", "suitability")
            if any(f"raster_{variable}_" in str(one.get("id")) for variable in numbers_of_excluded):
                assert shown == [masks[0].get("id"), one.get("id")]
            else:
                assert shown == [one.get("id"), below.get("id")]
            assert theme.find("checked-group-nodes/checked-group-node").get("id") == name  # type: ignore[union-attr]


def test_a_mask_shows_nothing_but_what_is_excluded_or_unknown(run: Path) -> None:
    masks = [n for n in project(run).iter("maplayer") if "_mask" in (n.findtext("id") or "")]
    assert masks
    for layer in masks:
        assert [n.get("label") for n in layer.iter("paletteEntry")] == ["unknown", "excluded"]


def test_a_legend_has_the_classes_that_occur(run: Path) -> None:
    root = project(run)
    styles = {n.findtext("id"): n for n in root.iter("maplayer")}
    (tree,) = root.findall("layer-tree-group")
    seen = 0
    for leaf in tree.iter("layer-tree-layer"):
        source = str(leaf.get("source"))
        if "/limit_" not in source and "/winner.tif" not in source:
            continue
        with rasterio.open(run / source) as file:
            codes = set(np.unique(file.read(1)).tolist())
        entries = list(styles[leaf.get("id")].iter("paletteEntry"))
        order = leaf.find("customproperties/Option/Option")
        assert order is not None
        kept = [entries[int(i) - 1] for i in str(order.get("value")).split(",")]
        assert {int(str(one.get("value"))) for one in kept} == codes & {
            int(str(one.get("value"))) for one in entries
        }
        seen += len(kept) < len(entries)
    assert seen  # some legend leaves something out


def test_no_text_of_a_project_is_as_thin_as_can_be(run: Path) -> None:
    texts = list(project(run).iter("text-style"))
    assert texts
    assert all(int(str(text.get("fontWeight", "0"))) >= 50 for text in texts)


def test_a_tip_has_one_expression_for_each_column(run: Path) -> None:
    """QGIS takes all from ``[%`` to the next ``%]`` for an expression, in a name too."""
    tips = [node.text or "" for node in project(run).iter("mapTip")]
    assert tips
    for tip in tips:
        assert tip.count("[%") == tip.count("<tr>") > 0
    assert tip_html("a", [("Used [%]", '"used"')]).count("[%") == 1


def test_every_raster_is_strict_and_has_its_style(run: Path) -> None:
    for path in sorted((run / "rasters").glob("*.tif")):
        valid, errors, warnings = cog_validate(path, strict=True)
        assert valid and not errors and not warnings, path.name
        style = ET.parse(path.with_suffix(".qml")).getroot()
        labels = [str(n.get("label")) for n in style.iter() if n.tag in {"item", "paletteEntry"}]
        assert labels and all(labels), path.name


@pytest.mark.clients
@pytest.mark.parametrize("tool", ["gdalinfo", "ogrinfo"])
def test_gdal_of_other_versions_is_content(run: Path, tool: str) -> None:
    program = shutil.which(tool)
    if program is None:
        pytest.skip(f"{tool} not found: install gdal-bin")
    commands = [["-so", "-al", str(run / "cdrsite.gpkg")]]
    if tool == "gdalinfo":
        commands = [[str(path)] for path in sorted((run / "rasters").glob("*.tif"))]
    for command in commands:
        done = subprocess.run([program, *command], capture_output=True, text=True, check=True)
        said = done.stdout + done.stderr
        assert "ERROR" not in said and "Warning" not in said, command


@pytest.fixture(scope="module")
def opened(run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Pictures, and what QGIS says of the project."""
    python, pictures = qgis_python(), tmp_path_factory.mktemp("pictures")
    done = subprocess.run(
        [python, str(CLIENT), str(run / "cdrsite.qgs"), str(pictures), "each"],
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
        env={"QT_QPA_PLATFORM": "offscreen", "HOME": str(pictures), "LANG": "C.UTF-8"},
    )
    return pictures, json.loads(done.stdout.partition("JSON")[2])


@pytest.mark.clients
def test_qgis_opens_every_layer(run: Path, opened: tuple[Path, dict[str, Any]]) -> None:
    _, said = opened
    odd = "odd" in run.name
    assert said["opened"] and said["crs"]
    assert said["title"] == (ODD if odd else "A tiny study")
    assert all(layer["valid"] for layer in said["layers"])
    own = [layer for layer in said["layers"] if layer["spatial"] and layer["group"] != FILES]
    assert all(layer["same_crs"] for layer in own)
    methods = [f"Method: {Words().method(name)}" for name in METHODS]
    tail = [ANSWER, *methods, "Inputs to the decision", EXCLUSIONS]
    tail += [FILES] if any(layer["group"] == FILES for layer in said["layers"]) else []
    assert said["groups"] == [NETWORK, *tail]


@pytest.mark.clients
def test_qgis_draws_a_map_over_its_states(opened: tuple[Path, dict[str, Any]]) -> None:
    themes = opened[1]["themes"]
    cost = next(ids for name, ids in themes.items() if name.startswith("Cost per net tonne"))
    assert len(cost) == 2 and "method_state" in cost[1]
    legends = {layer["id"]: layer["legend"] for layer in opened[1]["layers"]}
    every = ["none in the plan", "in the plan", "unknown", "excluded"]
    assert legends[cost[1]] == [one for one in every if one in legends[cost[1]]]


QUESTIONS = ("Where, and by which method?", "How much on each cell?", "What does a tonne cost?")


@pytest.mark.clients
def test_qgis_has_a_theme_for_every_question(opened: tuple[Path, dict[str, Any]]) -> None:
    themes = opened[1]["themes"]
    assert set(QUESTIONS) <= set(themes)
    where = themes[QUESTIONS[0]]
    assert {"cdrsite_gpkg_region", "cdrsite_gpkg_tonnes"} <= set(where)
    assert not [layer for layer in where if "raster" in layer]
    assert "cdrsite_raster_winner" in themes["Which method uses which land?"]


@pytest.mark.clients
def test_qgis_prints_a_page(run: Path, opened: tuple[Path, dict[str, Any]]) -> None:
    import matplotlib.image as mpimg

    pictures, said = opened
    title = ODD if "odd" in run.name else "A tiny study"
    asked = {
        f"{title}: {name.removeprefix('A4: ')}": labels for name, labels in said["pages"].items()
    }
    assert set(said["pages"]) >= {f"A4: {question}" for question in QUESTIONS}
    assert all(question in labels for question, labels in asked.items())
    labels = asked[f"{title}: {QUESTIONS[0]}"]
    (sources,) = [label for label in labels if label.startswith("Sources: ")]
    assert "CC-BY-4.0" in sources and "cdrsite" in sources
    place = list(said["pages"]).index(f"A4: {QUESTIONS[0]}")
    page = (mpimg.imread(pictures / f"page{place}.png")[:, :, :3] * 255).round().astype(int)
    found = {tuple(colour) for colour in page.reshape(-1, 3).tolist()}
    if "odd" not in run.name:
        method = METHOD_COLOURS[METHODS[0]]
        assert tuple(int(method[i : i + 2], 16) for i in (1, 3, 5)) in found


@pytest.mark.clients
def test_qgis_measures_on_the_ellipsoid_and_tells_sources(
    run: Path, opened: tuple[Path, dict[str, Any]]
) -> None:
    said = opened[1]
    # of WGS 84, and of ETRS89
    assert said["ellipsoid"] == ("EPSG:7030" if "odd" in run.name else "EPSG:7019")
    assert "CC-BY-4.0" in said["abstract"]
    assert all(layer["abstract"] for layer in said["layers"])
    tips = {layer["id"]: layer["tip"] for layer in said["layers"]}
    assert "Net removal [t/yr]" in tips["cdrsite_gpkg_tonnes"]


@pytest.mark.clients
def test_qgis_tells_every_column_of_a_shape(opened: tuple[Path, dict[str, Any]]) -> None:
    told = {layer["id"]: layer["told"] for layer in opened[1]["layers"] if layer["told"]}
    assert {"cdrsite_gpkg_region", "cdrsite_gpkg_tonnes"} <= set(told)
    for layer, tip in told.items():
        assert "[%" not in tip and "%]" not in tip, layer
        own = layer.startswith("cdrsite_gpkg_")
        assert not (own and re.search(r"<td>[0-9]+[.][0-9]{5,}", tip)), tip  # three digits
        assert not (own and METHODS[0] in tip), tip


@pytest.mark.clients
def test_qgis_prints_nothing_beyond_the_paper(opened: tuple[Path, dict[str, Any]]) -> None:
    edges = opened[1]["edges"]
    assert edges
    for page, (right, below) in edges.items():
        assert right <= PAGE[0] and below <= PAGE[1], page


@pytest.mark.clients
def test_qgis_has_a_layer_for_each_rule(opened: tuple[Path, dict[str, Any]]) -> None:
    rules = [one for one in opened[1]["layers"] if "reasons_bit" in one["id"]]
    assert rules and all(one["name"].startswith("Excluded by: ") for one in rules)
    assert all(len(one["legend"]) == 1 for one in rules)  # one line, whatever other rules hit


def test_the_project_speaks_chinese(tmp_path: Path) -> None:
    root = project(tiny_result(tmp_path).write(tmp_path / "run", lang="zh"))
    (tree,) = root.findall("layer-tree-group")
    names = [str(node.get("name")) for node in tree.iter("layer-tree-group") if node.get("name")]
    assert names and all(re.search("[\u4e00-\u9fff]", name) for name in names)
    themes = [str(one.get("name")) for one in root.findall("visibility-presets/visibility-preset")]
    assert "在哪里，用哪种方法？" in themes
    layers = {str(n.get("id")): str(n.get("name")) for n in tree.iter("layer-tree-layer")}
    assert layers["cdrsite_raster_winner"] == Words("zh")("map.layer.winner")
    assert not [name for name in layers.values() if "daccs-solid" in name]
    held = [
        n for n in root.iter("maplayer") if not str(n.findtext("id")).startswith("cdrsite_input")
    ]
    told = [(n.findtext("layername") or "", n.findtext("abstract") or "") for n in held]
    aliases = [str(n.get("name")) for layer in held for n in layer.iter("alias")]
    labels = [str(n.get("labelText")) for n in root.iter("LayoutItem") if n.get("labelText")]
    for one in (*(text for pair in told for text in pair), *aliases, *labels):
        assert re.search("[\u4e00-\u9fff]", one), one


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_raster_and_column_has_words(lang: str) -> None:
    words = Words(lang)
    titles = [record.name for record in VARIABLES.values() if record.raster]
    assert not [name for name in titles if not words.has(f"map.layer.{name.removesuffix('_at')}")]
    assert not [name for name in FIELDS if not words.has(f"field.{name}")]


@pytest.mark.clients
def test_qgis_shows_words_in_the_legend(run: Path, opened: tuple[Path, dict[str, Any]]) -> None:
    legends = {layer["id"]: layer["legend"] for layer in opened[1]["layers"]}
    assert not [line for lines in legends.values() for line in lines if line.startswith("Band")]
    winner = legends["cdrsite_raster_winner"]
    first = Words().method(METHODS[0])  # no cell is of the other
    assert winner[0] == (ODD if "odd" in run.name else first)
    share = legends[f"cdrsite_raster_equal_share_{METHODS[0].replace('-', '_2d_')}"]
    assert "nothing" in share
    assert any(word.endswith("t/yr") for word in share)


@pytest.mark.clients
def test_qgis_draws_something_in_the_palette(
    run: Path, opened: tuple[Path, dict[str, Any]]
) -> None:
    import matplotlib.image as mpimg

    pictures, said = opened
    hashes = set()
    for name in [layer["id"] for layer in said["layers"] if layer["spatial"]]:
        pixels = (mpimg.imread(pictures / f"{name}.png")[:, :, :3] * 255).round().astype(int)
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 1, f"{name} is blank"
        hashes.add(pixels.tobytes())
    assert len(hashes) > 5
    shown = (mpimg.imread(pictures / "shown.png")[:, :, :3] * 255).round().astype(int)
    colours = {tuple(colour) for colour in shown.reshape(-1, 3).tolist()}
    method = METHODS[0]
    if "odd" not in run.name:
        assert tuple(int(METHOD_COLOURS[method][i : i + 2], 16) for i in (1, 3, 5)) in colours


def test_numbers_are_readable() -> None:
    assert brief(1234567.0) == "1\u202f234\u202f567"
    assert brief(-0.05) == "\u22120.05"
    assert brief(-2e-5) == "\u22122 × 10\u207b\u2075"


@pytest.mark.parametrize("values", [[], [0.0], [5.0, 5.0], [1e-12, 1e12]])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_style_for_any_values(values: list[float], lang: str) -> None:
    for name in ("equal_share", "net_factor", "cost"):
        spec = RasterSpec(name, "quantity", "t/yr", name, tags={"variable": name})
        style = raster_qml(spec, classes_of(name, values, "t/yr"), Words(lang))
        root = ET.fromstring(style)
        assert all(item.get("label") for item in root.iter("item"))
        assert [item.get("value") for item in root.iter("item")][-1] == "inf"


def test_control_characters_do_not_break_the_project(tmp_path: Path) -> None:
    grid = tiny_result(tmp_path).grid
    assert ET.fromstring(project_xml("a\x01b", grid, [])).findtext("title") == "a b"

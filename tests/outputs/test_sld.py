"""SLD beside every style of QGIS: valid by the standard's own rules, the same classes and words."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from tiny_study import METHODS, tiny_result

from cdrsite.outputs.classes import classes_of
from cdrsite.outputs.qml import raster_qml
from cdrsite.outputs.rasters.raster import RasterSpec
from cdrsite.outputs.sld import raster_sld, vector_sld
from cdrsite.outputs.styles import StyleRule, Symbol, quoted, text

CLIENT = Path(__file__).resolve().parents[1] / "builders" / "sld_client.py"
SLD, OGC = "{http://www.opengis.net/sld}", "{http://www.opengis.net/ogc}"

VALUE = "(PropertyName|Literal|Function|Mul)"
CONTENT = {
    "StyledLayerDescriptor": "(NamedLayer )*",
    "NamedLayer": "Name (UserStyle )*",
    "UserStyle": "(Name )?(Title )?(Abstract )?(IsDefault )?(FeatureTypeStyle )+",
    "FeatureTypeStyle": "(Name )?(Title )?(Rule )+",
    "Rule": "(Name )?(Title )?(Abstract )?((Filter|ElseFilter) )?"
    "((Line|Polygon|Point|Text|Raster)Symbolizer )+",
    "RasterSymbolizer": "(Opacity )?(ColorMap )?",
    "ColorMap": "(ColorMapEntry )*",
    "PointSymbolizer": "(Graphic )?",
    "Graphic": "(Mark )+(Opacity )?(Size )?",
    "Mark": "(WellKnownName )?(Fill )?(Stroke )?",
    "LineSymbolizer": "(Stroke )?",
    "PolygonSymbolizer": "(Fill )?(Stroke )?",
    "Fill": "(CssParameter )*",
    "Stroke": "(CssParameter )*",
    "TextSymbolizer": "(Label )?(Font )?(LabelPlacement )?(Halo )?(Fill )?",
    "Font": "(CssParameter )*",
    "Halo": "(Radius )?(Fill )?",
    "Label": f"({VALUE} )*",
    "Size": f"({VALUE} )*",
    "Filter": "((And|Not|PropertyIs[A-Za-z]+) )",
    "And": "((And|Not|PropertyIs[A-Za-z]+) ){2,}",
    "Not": "PropertyIsNull ",
    "PropertyIsNull": "PropertyName ",
    "Mul": f"({VALUE} ){{2}}",
    "Function": f"({VALUE} )*",
    **{
        f"PropertyIs{name}": f"({VALUE} ){{2}}"
        for name in (
            "EqualTo", "LessThan", "GreaterThan", "LessThanOrEqualTo", "GreaterThanOrEqualTo",
        )
    },
}  # fmt: skip
"""Element -> what may stand in it, in order (StyledLayerDescriptor.xsd and filter.xsd, 1.0.0)."""
LEAVES = {
    "Name", "Title", "CssParameter", "ColorMapEntry", "WellKnownName", "Radius", "PropertyName",
    "Literal", "ElseFilter",
}  # fmt: skip
OGC_NAMES = {"Filter", "And", "Not", "PropertyName", "Literal", "Function", "Mul"}


def check(element: ET.Element) -> None:
    """Hold an element and all below it to the standard."""
    space, name = element.tag[: element.tag.index("}") + 1], element.tag.partition("}")[2]
    assert space == (OGC if name in OGC_NAMES or name.startswith("PropertyIs") else SLD), name
    inside = "".join(child.tag.partition("}")[2] + " " for child in element)
    assert re.fullmatch("" if name in LEAVES else CONTENT[name], inside), (name, inside)
    if name == "ColorMapEntry":
        assert set(element.attrib) == {"color", "quantity", "opacity", "label"}
        assert re.fullmatch(r"#[0-9A-F]{6}", element.attrib["color"])
        assert np.isfinite(float(element.attrib["quantity"]))
    for child in element:
        check(child)


def read(document: str) -> ET.Element:
    root = ET.fromstring(document.encode())
    assert root.attrib["version"] == "1.0.0"
    check(root)
    return root


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("styled")
    return tiny_result(place).write(place / "run")


def qgis_classes(style: ET.Element) -> list[tuple[str, str]]:
    entries = [*style.iter("paletteEntry"), *style.iter("item")]
    return [(e.attrib["label"], e.attrib["color"].upper()) for e in entries]


def test_every_raster_has_both_styles_with_the_same_classes(run: Path) -> None:
    paths = sorted((run / "rasters").glob("*.tif"))
    assert len(paths) > 10
    for path in paths:
        root = read(path.with_suffix(".sld").read_text("utf-8"))
        mine = [(e.attrib["label"], e.attrib["color"]) for e in root.iter(f"{SLD}ColorMapEntry")]
        assert mine == qgis_classes(ET.parse(path.with_suffix(".qml")).getroot()), path.name
        assert root.find(f"{SLD}NamedLayer/{SLD}Name").text == path.stem  # type: ignore[union-attr]


def class_in_sld(value: float, entries: list[ET.Element], kind: str) -> int | None:
    """The class of a value as GeoServer reads a colour map: the first end that is larger."""
    for i, entry in enumerate(entries):
        end = float(entry.attrib["quantity"])
        if value == end if kind == "values" else value < end:
            return i
    return None


def class_in_qgis(value: float, style: ET.Element) -> int | None:
    """As QGIS does: the first end that is not smaller."""
    if found := list(style.iter("paletteEntry")):
        return next((i for i, e in enumerate(found) if float(e.attrib["value"]) == value), None)
    return next(
        (i for i, e in enumerate(style.iter("item")) if value <= float(e.attrib["value"])), None
    )


def test_every_cell_has_the_same_class_in_both(run: Path) -> None:
    for path in sorted((run / "rasters").glob("*.tif")):
        style = ET.parse(path.with_suffix(".qml")).getroot()
        colours = ET.parse(path.with_suffix(".sld")).getroot().find(f".//{SLD}ColorMap")
        assert colours is not None
        with rasterio.open(path) as raster:
            values = np.unique(raster.read(1, masked=True).compressed())
        for value in map(float, values):
            kind = colours.attrib["type"]
            assert class_in_sld(value, list(colours), kind) == class_in_qgis(value, style)


@given(st.lists(st.floats(0, 1e9, width=32), min_size=1, max_size=30))
def test_true_zero_and_ends_of_steps_keep_their_class(numbers: list[float]) -> None:
    values = np.array(numbers, np.float64)
    spec = RasterSpec("net_removal", "quantity", "t/yr", "n", tags={"variable": "net_removal"})
    style = raster_qml(spec, classes_of("net_removal", values, "t/yr"))
    root = read(raster_sld("net_removal", "n & <b>", style))
    entries = list(root.iter(f"{SLD}ColorMapEntry"))
    qgis = ET.fromstring(style)
    ends = [float(e.attrib["value"]) for e in qgis.iter("item")]
    stored = [float(np.float32(v)) for v in (*values, 0.0, *(e for e in ends if np.isfinite(e)))]
    for value in stored:
        assert class_in_sld(value, entries, "intervals") == class_in_qgis(value, qgis)


# ---------------------------------------------------------------- vector layers


def holds(test: ET.Element, row: dict[str, Any]) -> bool:
    """Whether a filter of the standard holds for a feature."""
    name = test.tag.partition("}")[2]
    if name == "And":
        return all(holds(child, row) for child in test)
    if name == "Not":
        return not holds(test[0], row)
    if name == "PropertyIsNull":
        return row[str(test[0].text)] is None
    one, other = (row[str(e.text)] if e.tag == f"{OGC}PropertyName" else e.text or "" for e in test)
    if one is None or other is None:
        return False
    if not isinstance(one, str):
        other = float(other)
    return {
        "PropertyIsEqualTo": lambda: one == other,
        "PropertyIsLessThan": lambda: one < other,
        "PropertyIsLessThanOrEqualTo": lambda: one <= other,
        "PropertyIsGreaterThan": lambda: one > other,
        "PropertyIsGreaterThanOrEqualTo": lambda: one >= other,
    }[name]()


ROWS: list[dict[str, Any]] = [
    {"a b": None, "who": "it's"},
    {"a b": 0.0, "who": 'say "no"'},
    {"a b": -2.5, "who": "back\\slash AND more"},
    {"a b": 7.0, "who": ""},
]
NAMES = [str(row["who"]) for row in ROWS]
CONDITIONS = st.one_of(
    st.builds(
        lambda sign, n: f"{quoted('a b')} {sign} {n!r}",
        st.sampled_from(["=", "<", "<=", ">", ">="]),
        st.sampled_from([-2.5, 0.0, 1e-5, 7.0]),
    ),
    st.sampled_from([f"{quoted('who')} = {text(name)}" for name in NAMES]),
    st.just(f"{quoted('a b')} IS NOT NULL"),
)


@given(st.lists(CONDITIONS, min_size=1, max_size=3))
def test_a_filter_holds_for_the_features_for_which_it_held(parts: list[str]) -> None:
    expression = " AND ".join(parts)
    root = read(vector_sld("x", "x", [StyleRule(expression, "x", Symbol("line", "#112233"))]))
    found = root.find(f".//{OGC}Filter")
    assert found is not None
    with closing(sqlite3.connect(":memory:")) as base:  # what cdrsite writes is SQL as well
        base.execute('CREATE TABLE t ("a b" REAL, who TEXT)')
        base.executemany(
            "INSERT INTO t VALUES (:a, :who)", [{"a": r["a b"], "who": r["who"]} for r in ROWS]
        )
        sql = expression.replace("\\\\", "\\")  # of SQL's own, a backslash is a letter
        expected = [bool(v) for (v,) in base.execute(f"SELECT ({sql}) FROM t")]
    assert [holds(found[0], row) for row in ROWS] == expected


@pytest.mark.parametrize("odd", ['"a" LIKE 1', "x IS NULL", '"a" = \'b', '"a" = 1 OR "b" = 2'])
def test_what_cannot_be_said_is_an_error(odd: str) -> None:
    with pytest.raises(ValueError, match="cannot translate to SLD"):
        vector_sld("x", "x", [StyleRule(odd, "x", Symbol("line", "#112233"))])


def test_layers_of_a_run_have_their_rules_in_both(run: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(run / "cdrsite.gpkg")) as base:
        rows = base.execute("SELECT f_table_name, styleQML, styleSLD FROM layer_styles").fetchall()
    assert {f"{name}.sld" for name, *_ in rows} == {p.name for p in (run / "styles").iterdir()}
    for name, qml, sld in rows:
        assert (run / "styles" / f"{name}.sld").read_text("utf-8") == sld
        root = read(sld)
        labels = [rule.attrib["label"] for rule in ET.fromstring(qml).iter("rule")]
        assert [e.findtext(f"{SLD}Title") for e in root.iter(f"{SLD}Rule")] == labels, name


def test_colours_sizes_dashes_and_names_of_features() -> None:
    rules = [
        StyleRule('"n" >= 1.5', "a & b", Symbol("fill", "#AABBCC", 0.28, 0.5)),
        StyleRule("FALSE", "1 Mt/yr", Symbol("marker", "#000000", 2.8)),
        StyleRule('"n" < 1.5', "t", Symbol("marker", "#AABB00", grows='max(1.4, 0.5 * sqrt("n"))')),
        StyleRule("ELSE", "rest", Symbol("line", "#123456", 0.56, dashed=True)),
    ]
    root = read(vector_sld("zones", "Zones", rules, label="zone"))
    first, sign, grown, rest = root.iter(f"{SLD}Rule")
    css = {e.attrib["name"]: e.text for e in first.iter(f"{SLD}CssParameter")}
    assert css["fill"] == "#FFFFFF" or css["fill"] == "#333333"  # of the name on the map
    fill = first.find(f"{SLD}PolygonSymbolizer/{SLD}Fill")
    assert [e.text for e in fill] == ["#AABBCC", "0.5"]  # type: ignore[union-attr]
    assert sign.find(f"{SLD}TextSymbolizer") is None
    assert sign.findtext(f".//{SLD}Size") == "10"  # 2.8 mm of pixels of 0.28 mm
    size = grown.find(f".//{SLD}Size")
    assert size is not None and size[0].attrib["name"] == "max_4"
    assert [e.text for e in size.iter(f"{OGC}Literal")] == ["5", repr(0.5 / 0.28)]
    assert rest.find(f"{SLD}ElseFilter") is not None
    line = {e.attrib["name"]: e.text for e in rest.iter(f"{SLD}CssParameter")}
    assert line["stroke"] == "#123456" and line["stroke-dasharray"] == "8 4"
    assert rest.findtext(f"{SLD}TextSymbolizer/{SLD}Label/{OGC}PropertyName") == "zone"


@pytest.mark.clients
@pytest.mark.skipif(shutil.which("qgis_process") is None, reason="QGIS is not installed")
def test_qgis_says_and_reads_the_same_classes(run: Path) -> None:
    rasters = ["winner", "net_removal", f"cost_{METHODS[0]}", "state"]
    done = subprocess.run(
        ["/usr/bin/python3", str(CLIENT), str(run), ",".join(rasters), "tonnes"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"QT_QPA_PLATFORM": "offscreen", "PATH": "/usr/bin:/bin", "HOME": str(run.parent)},
    )
    assert "JSON" in done.stdout, done.stderr
    found = json.loads(done.stdout.partition("JSON")[2])
    for name in rasters:
        mine = ET.parse(run / "rasters" / f"{name}.sld").getroot().find(f".//{SLD}ColorMap")
        assert mine is not None and mine.attrib["type"] == found[name]["type"], name
        told = found[name]["entries"]
        assert [(e.attrib["label"], e.attrib["color"]) for e in mine] == [
            (label, colour.upper()) for label, colour, _ in told
        ]
        ends = [float(e.attrib["quantity"]) for e in mine]
        theirs = [min(float(end), ends[-1]) for *_, end in told]  # theirs ends at infinity
        assert ends == pytest.approx(theirs, rel=1e-6, abs=1e-40), name
    labels = [
        e.findtext(f"{SLD}Title") for e in ET.parse(run / "styles/tonnes.sld").iter(f"{SLD}Rule")
    ]
    assert [label for label, _ in found["tonnes"]] == labels

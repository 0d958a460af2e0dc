"""The GeoPackage of a run: every layer read back, styles, names, units, same bytes."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from tiny_study import METHODS, tiny_result

from cdrsite.core.words import Words
from cdrsite.outputs.geopackage import write_geopackage
from cdrsite.outputs.palette import METHOD_COLOURS
from cdrsite.outputs.styles import number_rules, signed_rules
from cdrsite.outputs.vectors import vector_layers
from cdrsite.result.study_result import StudyResult

HOSTILE = "b <i>&\"' ; -- 城"
LAYERS = [
    "region",
    "sites",
    "routes",
    "corridors",
    "tonnes",
    "storage",
    "pools_water",
    "provinces",
    "exclusions",
]


def polygon(col: int, west: float, south: float, step: float) -> Any:
    square = shapely.box(west + col * step, south, west + (col + 1) * step, south + step)
    return shapely.MultiPolygon([square])


def full_result(folder: Path, crs: str = "EPSG:3035") -> StudyResult:
    """The tiny result with sites, routes, storage, pools and provinces written out."""
    result = tiny_result(folder, crs)
    grid = result.grid
    west, south, _, _ = grid.bounds
    squares = [polygon(i, west, south, grid.resolution) for i in range(3)]
    x, y = grid.x, grid.y
    sites = pd.DataFrame(
        {
            "method": [METHODS[0], METHODS[0], METHODS[1]],
            "rank": [1, 2, 1],
            "x": x[[0, 1, 2]],
            "y": y[[0, 0, 1]],
            "cost_usd_per_net_t": [250.0, np.nan, 50.0],
            "why": ["good", HOSTILE, ""],
            "storage_unit": ["a", HOSTILE, ""],
            "transport_km": [2.0, 0.0, np.nan],
        }
    )
    line = shapely.LineString([(x[0], y[0]), (x[1], y[1]), (x[2], y[1])])
    routes = gpd.GeoDataFrame(
        {
            "method": [METHODS[0]],
            "rank": [1],
            "storage_unit": ["a"],
            "mode": ["truck"],
            "length_km": [2.0],
            "cost_usd_t": [3.5],
        },
        geometry=[line],
        crs=grid.wkt,
    )
    routes["smoothed"] = routes.geometry
    corridors = gpd.GeoDataFrame(
        {"routes": np.array([12], np.int32), "length_km": [1.0], "used_by": [HOSTILE]},
        geometry=[line],
        crs=grid.wkt,
    )

    def zones(key: str, names: list[str], **more: Any) -> gpd.GeoDataFrame:
        shapes = gpd.GeoSeries([*squares[: len(names) - 1], None], crs=grid.wkt)
        return gpd.GeoDataFrame({key: names, **more}, geometry=shapes, crs=grid.wkt)

    tables = {
        **result.tables,
        "sites": sites,
        "storage": pd.DataFrame(
            {"unit": ["a", HOSTILE], "injected_mt_yr": [1.0, 0.0], "eor": [False, True]}
        ),
        "pools": pd.DataFrame(
            {
                "family": ["water"] * 3 + ["injectivity"] * 2 + ["pore space"] * 2,
                "zone": ["same", "same", HOSTILE, "a", HOSTILE, "a", HOSTILE],
                "sense": ["<="] * 7,
                "unit": ["m3/yr"] * 3 + ["t/yr"] * 4,
                "supply": [10.0, 20.0, 30.0, 1e6, 2e6, 4e6, 4e6],
                "use": [10.0, 5.0, 3.0, 1e6, 0.0, 1e6, 0.0],
                "slack": [0.0, 15.0, 27.0, 0.0, 2e6, 3e6, 4e6],
                "price": [0.002, 0.0, -0.5, 0.7, 0.0, 0.0, 0.0],
                "price_unit": ["t per m3"] * 3 + ["t per t"] * 4,
                "binds": [True, False, True, True, False, False, False],
            }
        ),
        "provinces": pd.DataFrame(
            {
                "zone": ["P", "P", "in none", "in none"],
                "method": [*METHODS, *METHODS],
                "net_mt_yr": [1.0, 2.0, 9.0, 9.0],
                "gross_mt_yr": [2.0, 3.0, 9.0, 9.0],
                "cost_musd_yr": [4.0, 5.0, 9.0, 9.0],
                "land_km2": [6.0, 7.0, 9.0, 9.0],
            }
        ),
    }
    features = {
        "storage": zones("unit", ["a", HOSTILE], cost_usd_t=[5.0, 7.0]),
        "pools_water": zones("zone", ["same", "same", HOSTILE]),
        "provinces": zones("zone", ["P", "empty"]),
        "routes": routes,
        "corridors": corridors,
    }
    return replace(result, tables=tables, features=features)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyResult, Path]:
    folder = tmp_path_factory.mktemp("gpkg")
    result = full_result(folder)
    path = folder / "cdrsite.gpkg"
    write_geopackage(result, path)
    return result, path


def ask(path: Path, query: str, *values: Any) -> list[Any]:
    with closing(sqlite3.connect(path)) as base:
        return base.execute(query, values).fetchall()


def styles(path: Path) -> dict[str, ET.Element]:
    rows = ask(path, "SELECT f_table_name, styleQML FROM layer_styles")
    return {name: ET.fromstring(style) for name, style in rows}


def test_the_layers_open_with_crs_and_valid_shapes(written: tuple[StudyResult, Path]) -> None:
    result, path = written
    listed = [name for name, _ in pyogrio.list_layers(path)]
    assert listed == [*LAYERS, "layer_styles"]
    kinds = {
        "sites": {"Point"},
        "routes": {"LineString"},
        "corridors": {"LineString"},
        "tonnes": {"Point"},
        "storage": {"MultiPolygon"},
        "pools_water": {"MultiPolygon"},
        "provinces": {"MultiPolygon"},
    }
    for name, kind in kinds.items():
        frame = gpd.read_file(path, layer=name)
        assert frame.crs == result.grid.crs
        shapes = frame.geometry.dropna()
        assert len(shapes)
        assert shapes.is_valid.all()
        assert set(shapes.geom_type) == kind


def test_version_is_one_that_older_readers_know(written: tuple[StudyResult, Path]) -> None:
    assert ask(written[1], "PRAGMA user_version") == [(10300,)]
    assert ask(written[1], "PRAGMA integrity_check") == [("ok",)]


def test_sites_equal_the_table(written: tuple[StudyResult, Path]) -> None:
    result, path = written
    frame = gpd.read_file(path, layer="sites")
    table = result.tables["sites"]
    for column in table:
        got = frame[column].to_numpy()
        if table[column].dtype.kind == "f":
            np.testing.assert_array_equal(got, table[column])
        else:
            assert got.tolist() == table[column].tolist()
    assert frame.geometry.x.tolist() == table["x"].tolist()
    assert frame.geometry.y.tolist() == table["y"].tolist()


def test_an_unknown_number_is_null(written: tuple[StudyResult, Path]) -> None:
    found = ask(written[1], "SELECT cost_usd_per_net_t, transport_km FROM sites ORDER BY fid")
    assert found == [(250.0, 2.0), (None, 0.0), (50.0, None)]


def test_routes_are_the_exact_lines(written: tuple[StudyResult, Path]) -> None:
    result, path = written
    frame = gpd.read_file(path, layer="routes")
    assert frame.geometry.iloc[0].equals(result.features["routes"].geometry.iloc[0])
    assert frame["transport_cost_usd_t"].tolist() == [3.5]
    assert frame["length_km"].tolist() == [2.0]
    assert "smoothed" not in frame


def test_zones_of_one_name_take_their_rows_in_order(written: tuple[StudyResult, Path]) -> None:
    rows = ask(written[1], "SELECT zone, supply, use, slack, price FROM pools_water ORDER BY fid")
    assert rows == [
        ("same", 10.0, 10.0, 0.0, 0.002),
        ("same", 20.0, 5.0, 15.0, 0.0),
        (HOSTILE, 30.0, 3.0, 27.0, -0.5),
    ]


def test_storage_joins_plan_and_prices(written: tuple[StudyResult, Path]) -> None:
    rows = ask(
        written[1],
        "SELECT unit, storage_cost_usd_t, injected_mt_yr, eor, injectivity_price, "
        "pore_space_price, used_percent FROM storage ORDER BY fid",
    )
    assert rows == [("a", 5.0, 1.0, 0, 0.7, 0.0, 100.0), (HOSTILE, 7.0, 0.0, 1, 0.0, 0.0, 0.0)]


def test_provinces_add_up_the_methods(written: tuple[StudyResult, Path]) -> None:
    rows = ask(
        written[1],
        "SELECT zone, net_mt_yr, gross_mt_yr, cost_musd_yr, land_km2, net_mt_yr_daccs_solid, "
        "net_mt_yr_afforestation FROM provinces ORDER BY fid",
    )
    assert rows == [("P", 3.0, 5.0, 9.0, 13.0, 1.0, 2.0), ("empty", *[None] * 6)]


def test_every_layer_has_one_default_style(written: tuple[StudyResult, Path]) -> None:
    rows = ask(
        written[1],
        "SELECT f_table_name, f_geometry_column, useAsDefault FROM layer_styles ORDER BY id",
    )
    assert rows == [(name, "geom", 1) for name in LAYERS if name != "exclusions"]


def test_methods_keep_their_colour(written: tuple[StudyResult, Path]) -> None:
    root = styles(written[1])["sites"]
    named = {Words().method(name): colour for name, colour in METHOD_COLOURS.items()}
    for rule in root.iter("rule"):
        symbol = root.find(f".//symbols/symbol[@name='{rule.get('symbol')}']")
        assert symbol is not None
        option = symbol.find(".//Option[@name='color']")
        assert option is not None
        red, green, blue, _ = (int(part) for part in option.get("value", "").split(","))
        assert f"#{red:02X}{green:02X}{blue:02X}" == named[rule.get("label", "")]


@pytest.mark.parametrize("layer", LAYERS[:-1])
def test_each_feature_falls_in_one_class(written: tuple[StudyResult, Path], layer: str) -> None:
    """The filters are plain enough that SQLite reads them as QGIS does."""
    filters = [rule.get("filter", "") for rule in styles(written[1])[layer].iter("rule")]
    given_ = [text for text in filters if text != "ELSE"]
    hits = " + ".join(f"coalesce(({text}), 0)" for text in given_)
    counts = [row[0] for row in ask(written[1], f"SELECT {hits} FROM {layer}")]
    assert max(counts) == 1
    assert 0 not in counts or "ELSE" in filters


def test_legends_speak_in_words_and_units(written: tuple[StudyResult, Path]) -> None:
    root = styles(written[1])
    labels = {name: [r.get("label") for r in one.iter("rule")] for name, one in root.items()}
    assert labels["sites"] == [Words().method(name) for name in METHODS]
    assert labels["routes"] == ["truck, 3.5 USD/t"]
    assert labels["corridors"] == [
        "2 routes",
        "3 to 4 routes",
        "5 to 9 routes",
        "10 or more routes",
    ]
    assert labels["pools_water"] == [
        "0: some is left",
        "−500 t per 1\u202f000 m³",
        "2 t per 1\u202f000 m³",
        "not in the plan",
    ]
    assert labels["storage"][0] == "not used"
    assert "unknown" in labels["storage"]


def test_names_for_people_with_units(written: tuple[StudyResult, Path]) -> None:
    _, path = written
    names = dict(
        ask(path, "SELECT column_name, name FROM gpkg_data_columns WHERE table_name='pools_water'")
    )
    assert names["supply"] == "Supply [m³/yr]"
    assert names["price"] == "Shadow price [t per m³]"
    for layer in LAYERS:
        columns = {row[1] for row in ask(path, f"PRAGMA table_info({layer})")} - {"fid", "geom"}
        named = ask(path, "SELECT column_name FROM gpkg_data_columns WHERE table_name=?", layer)
        assert {row[0] for row in named} == columns
    extensions = ask(
        path, "SELECT table_name FROM gpkg_extensions WHERE extension_name='gpkg_schema'"
    )
    assert sorted(extensions) == [("gpkg_data_column_constraints",), ("gpkg_data_columns",)]
    aliases = {a.get("field"): a.get("name") for a in styles(path)["pools_water"].iter("alias")}
    assert aliases == names


def test_the_same_study_gives_the_same_bytes(
    written: tuple[StudyResult, Path], tmp_path: Path
) -> None:
    result, path = written
    write_geopackage(result, tmp_path / "again.gpkg")
    assert (tmp_path / "again.gpkg").read_bytes() == path.read_bytes()
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


def test_trucks_are_dashed(written: tuple[StudyResult, Path]) -> None:
    symbol = styles(written[1])["routes"].find(".//symbols/symbol")
    assert symbol is not None
    option = symbol.find(".//Option[@name='line_style']")
    assert option is not None
    assert option.get("value") == "dash"


def test_further_features_become_layers(tmp_path: Path) -> None:
    full = full_result(tmp_path)
    lines = full.features["routes"].geometry
    pipes = gpd.GeoDataFrame({"flow_mt_yr": [1.5]}, geometry=lines, crs=full.grid.wkt)
    result = replace(full, features={**full.features, "wells": pipes})
    write_geopackage(result, tmp_path / "out.gpkg")
    frame = gpd.read_file(tmp_path / "out.gpkg", layer="wells")
    assert frame["flow_mt_yr"].tolist() == [1.5]
    assert frame.geometry.iloc[0].equals(lines.iloc[0])
    rule = styles(tmp_path / "out.gpkg")["wells"].find(".//rule")
    assert rule is not None
    assert rule.get("label") == "Wells"


def test_a_geographic_grid(tmp_path: Path) -> None:
    result = full_result(tmp_path, "EPSG:4326")
    write_geopackage(result, tmp_path / "out.gpkg")
    frame = gpd.read_file(tmp_path / "out.gpkg", layer="sites")
    assert frame.crs == "EPSG:4326"
    assert frame.geometry.x.tolist() == result.grid.x[[0, 1, 2]].tolist()


def test_no_site_and_no_storage(tmp_path: Path) -> None:
    full = full_result(tmp_path)
    tables = {**full.tables, "sites": full.tables["sites"][:0]}
    result = replace(full, tables=tables, features={})
    write_geopackage(result, tmp_path / "out.gpkg")
    listed = [name for name, _ in pyogrio.list_layers(tmp_path / "out.gpkg")]
    assert listed == ["region", "sites", "tonnes", "exclusions", "layer_styles"]
    assert len(gpd.read_file(tmp_path / "out.gpkg", layer="sites")) == 0


@pytest.mark.clients
def test_ogrinfo_of_other_versions_is_content(written: tuple[StudyResult, Path]) -> None:
    tool = shutil.which("ogrinfo")
    if tool is None:
        pytest.skip("ogrinfo not found: install gdal-bin")
    done = subprocess.run(
        [tool, "-so", "-al", str(written[1])], capture_output=True, text=True, check=True
    )
    assert "ERROR" not in done.stdout + done.stderr
    assert "Warning" not in done.stdout + done.stderr
    assert "Layer name: pools_water" in done.stdout


QGIS = """
import os, sys
from qgis.core import QgsApplication, QgsMapRendererParallelJob, QgsMapSettings, QgsVectorLayer
from qgis.PyQt.QtCore import QSize
app = QgsApplication([], False)
app.initQgis()
path, picture, names = sys.argv[1], sys.argv[2], sys.argv[3:]
layers = [QgsVectorLayer(f"{path}|layername={name}", name, "ogr") for name in names]
for layer in layers:
    words = "|".join(item.label() for item in layer.renderer().legendSymbolItems())
    names = [layer.attributeDisplayName(i) for i in range(layer.fields().count())]
    print(layer.name(), layer.isValid(), layer.crs().isValid(), words, names[-1], sep="\\t")
settings = QgsMapSettings()
settings.setLayers(layers)
settings.setOutputSize(QSize(300, 200))
settings.setDestinationCrs(layers[0].crs())
extent = layers[-1].extent()
extent.combineExtentWith(layers[0].extent())
extent.scale(1.2)
settings.setExtent(extent)
job = QgsMapRendererParallelJob(settings)
job.start()
job.waitForFinished()
image = job.renderedImage()
image.save(picture)
sys.stdout.flush()
os._exit(0)  # leaving in order crashes some versions of PyQGIS
"""


@pytest.mark.clients
def test_qgis_opens_it_styled(written: tuple[StudyResult, Path], tmp_path: Path) -> None:
    python = shutil.which("python3", path="/usr/bin")
    probe = [python or "", "-c", "import qgis.core"]
    if python is None or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("QGIS not found: install qgis, python3-qgis and qgis-providers")
    picture = tmp_path / "map.png"
    names = LAYERS[:-1]
    done = subprocess.run(
        [python, "-c", QGIS, str(written[1]), str(picture), *names],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={"QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path), "LANG": "C.UTF-8"},
    )
    rows = [line.split("\t") for line in done.stdout.splitlines() if line.count("\t") == 4]
    assert [row[0] for row in rows] == names
    assert all(row[1:3] == ["True", "True"] for row in rows)
    assert rows[1][3] == "|".join(map(Words().method, METHODS))
    assert rows[2][3:] == ["truck, 3.5 USD/t", "Transport cost [USD/t]"]
    import matplotlib.image as mpimg

    pixels = (mpimg.imread(picture)[:, :, :3] * 255).round().astype(int).reshape(-1, 3)
    colours = {tuple(colour) for colour in pixels.tolist()}
    for name in METHODS:
        hexa = METHOD_COLOURS[name]
        assert tuple(int(hexa[i : i + 2], 16) for i in (1, 3, 5)) in colours


NUMBERS = st.lists(
    st.floats(-1e9, 1e9, allow_subnormal=False) | st.just(0.0) | st.just(float("nan")), max_size=30
)


@given(NUMBERS)
def test_classes_of_numbers_part_them(values: list[float]) -> None:
    """Every known number is in one class, an unknown one in none."""
    plain = number_rules("v", values, "viridis", "line")
    signed = signed_rules("v", values, "nothing")
    with closing(sqlite3.connect(":memory:")) as base:
        base.execute("CREATE TABLE t (v REAL)")
        rows = [(None if np.isnan(v) else v,) for v in values]
        base.executemany("INSERT INTO t VALUES (?)", rows)
        for rules in (plain, signed):
            hits = " + ".join(f"coalesce(({rule.filter}), 0)" for rule in rules)
            found = base.execute(f"SELECT v IS NOT NULL, {hits} FROM t").fetchall()
            assert all(known == count for known, count in found)


def test_storage_is_an_outline_or_a_hatch_over_the_plan(tmp_path: Path) -> None:
    layers = {layer.name: layer for layer in vector_layers(full_result(tmp_path), Words())}
    symbols = [rule.symbol for rule in layers["storage"].rules]
    assert all(symbol.pattern != "solid" for symbol in symbols)
    assert len({(symbol.pattern, symbol.size, symbol.colour) for symbol in symbols}) == len(symbols)
    assert 'k="style" v="solid"' not in layers["storage"].style()
    assert "<Fill>" not in layers["storage"].sld().partition("<TextSymbolizer>")[0]

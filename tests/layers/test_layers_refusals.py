"""Input that is refused: each error names what, where, got, expected and the cure."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.config.layers import DerivedLayer, ExpressionLayer, FileLayer
from cdrsite.config.models import GridModel, Region
from cdrsite.core.crs import parse_crs
from cdrsite.core.errors import (
    CdrsiteError,
    CdrsiteWarning,
    ConfigError,
    DataError,
    GridError,
    MissingFileError,
    UnitError,
)
from cdrsite.core.grid import Block
from cdrsite.layers import expression
from cdrsite.layers.check import check_layers
from cdrsite.layers.region import StudyArea, build_grid
from cdrsite.layers.stack import LayerStack

BOX = Region(bounds=(10.0, 50.0, 10.02, 50.02))


@pytest.fixture
def area() -> StudyArea:
    return build_grid(BOX, GridModel(crs="EPSG:4326", resolution=0.002))


def raster(path: Path, data: Any, west: float = 9.99, crs: Any = "EPSG:4326", **more: Any) -> Path:
    data = np.asarray(data)
    step = 0.04 / data.shape[1]
    with rasterio.open(
        path, "w", driver="GTiff", dtype=data.dtype, count=1, height=data.shape[0],
        width=data.shape[1], crs=crs, transform=Affine(step, 0, west, 0, -step, 50.03), **more,
    ) as out:  # fmt: skip
        out.write(data, 1)
    return path


def polygons(path: Path, crs: Any = "EPSG:4326", **columns: Any) -> Path:
    shapes = [
        shapely.box(10.0, 50.0, 10.01, 50.01),
        shapely.box(10.01, 50, 10.02, 50.02),
    ]
    gpd.GeoDataFrame(columns, geometry=shapes, crs=crs).to_file(path)
    return path


def whole(area: StudyArea) -> Block:
    return Block(0, area.grid.rows, 0, area.grid.cols)


def read(layer: Any, area: StudyArea, unit: str | None = None) -> Any:
    return LayerStack({"it": layer}, area).values("it", whole(area), unit)


def test_missing_file_names_the_nearest(tmp_path: Path, area: StudyArea) -> None:
    raster(tmp_path / "slope.tif", np.ones((8, 8), "f4"))
    with pytest.raises(MissingFileError, match=r"layers.it .*no such file.*'slope.tif'"):
        read(FileLayer(path=tmp_path / "slop.tif"), area)
    with pytest.raises(MissingFileError, match=r"region.boundary.*no such file"):
        build_grid(Region(boundary=tmp_path / "no.gpkg"), GridModel())


def test_no_crs(tmp_path: Path, area: StudyArea) -> None:
    path = raster(tmp_path / "a.tif", np.ones((8, 8), "f4"), crs=None)
    with pytest.raises(DataError, match=r"a.tif.*no coordinate system.*crs: EPSG.*rule 7"):
        read(FileLayer(path=path), area)
    assert (read(FileLayer(path=path, crs="EPSG:4326"), area) == 1).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the writer's own remark about the CRS
        shapes = polygons(tmp_path / "a.gpkg", crs=None)
    with pytest.raises(DataError, match=r"a.gpkg.*no coordinate system"):
        read(FileLayer(path=shapes), area)


def test_unreadable(tmp_path: Path, area: StudyArea) -> None:
    path = tmp_path / "a.tif"
    path.write_text("not a raster")
    with pytest.raises(DataError, match=r"raster cannot be read.*gdalinfo"):
        read(FileLayer(path=path), area)
    broken = tmp_path / "a.gpkg"
    broken.write_text("not a geopackage")
    with pytest.raises(DataError, match="file cannot be read"):
        read(FileLayer(path=broken), area)


def test_no_overlap(tmp_path: Path, area: StudyArea) -> None:
    path = raster(tmp_path / "a.tif", np.ones((8, 8), "f4"), west=40.0)
    with pytest.raises(DataError, match=r"does not overlap the region.*cure: check its CRS"):
        read(FileLayer(path=path), area)
    beside = raster(tmp_path / "beside.tif", np.ones((8, 8), "f4"), west=10.021)
    with pytest.raises(DataError, match=r"beside.tif.*does not overlap the region"):
        read(FileLayer(path=beside), area)
    shapes = polygons(tmp_path / "a.gpkg")
    frame = gpd.read_file(shapes)
    frame.geometry = frame.translate(40, 0)
    frame.to_file(tmp_path / "b.gpkg")
    with pytest.raises(DataError, match=r"b.gpkg.*does not overlap the region"):
        read(FileLayer(path=tmp_path / "b.gpkg"), area)


def test_all_nodata_and_partial_cover(tmp_path: Path, area: StudyArea) -> None:
    data = np.full((8, 8), -1, np.int16)
    path = raster(tmp_path / "a.tif", data, nodata=-1)
    with pytest.raises(DataError, match=r"all nodata in the region; got nodata -1"):
        read(FileLayer(path=path), area)
    data[:, :4] = 5
    path = raster(tmp_path / "b.tif", data, nodata=-1)
    with pytest.warns(CdrsiteWarning, match=r"b.tif.*covers 50.0% of the region"):
        read(FileLayer(path=path), area)


def test_wrong_dimension_and_no_unit(tmp_path: Path, area: StudyArea) -> None:
    path = raster(tmp_path / "a.tif", np.ones((8, 8), "f4"))
    with pytest.raises(UnitError, match=r"layers.it: wrong dimension; got 'm'.*'kWh'.*rule 4"):
        read(FileLayer(path=path, unit="m"), area, "kWh")
    with pytest.raises(UnitError, match=r"layers.it: the layer has no unit.*unit: m"):
        read(FileLayer(path=path), area, "m")
    with pytest.raises(UnitError, match="wrong dimension; got 'degree'; expected percent"):
        read(FileLayer(path=path, unit="degree"), area, "percent")


def test_presets_told_apart(tmp_path: Path, area: StudyArea) -> None:
    clc = raster(tmp_path / "clc.tif", np.full((8, 8), 311, np.int16))
    with pytest.raises(DataError, match=r"do not look like corine-grid.*311.*preset: corine-clc"):
        LayerStack({"it": FileLayer(path=clc, preset="corine")}, area).class_share(
            "it", {"forest": 1.0}, whole(area)
        )
    daily = raster(tmp_path / "pv.tif", np.full((8, 8), 4.1, "f4"))
    with pytest.raises(DataError, match=r"cure: preset: global-solar-atlas-pvout-daily"):
        read(FileLayer(path=daily, preset="global-solar-atlas"), area)
    scaled = FileLayer(path=daily, preset="global-solar-atlas-pvout-daily")
    np.testing.assert_allclose(read(scaled, area), 4.1 * 365, rtol=1e-6)
    with pytest.raises(ConfigError, match=r"layers.it.preset.*esa-worldcover"):
        LayerStack({"it": FileLayer(path=daily, preset="esa-worldcovr")}, area)
    with pytest.raises(ConfigError, match=r"preset does not fit the file.*for rasters"):
        LayerStack({"it": FileLayer(path=daily, preset="wdpa")}, area)


def test_class_selectors(tmp_path: Path, area: StudyArea) -> None:
    codes = np.uint8([[10, 50, 80, 100]] * 4)
    path = raster(tmp_path / "a.tif", codes)
    bare = LayerStack({"it": FileLayer(path=path, kind="class")}, area)
    assert bare.class_codes("it", ["40-80, 100"]) == [50, 80, 100]
    with pytest.raises(DataError, match=r"absent from the raster; got 51; expected.*10, 50, 80"):
        bare.class_codes("it", [51])
    with pytest.raises(DataError, match=r"absent from the raster; got 1-9"):
        bare.class_codes("it", ["1-9"])
    with pytest.raises(DataError, match=r"unknown class 'built'.*no preset"):
        bare.class_codes("it", ["built"])
    known = LayerStack({"it": FileLayer(path=path, preset="esa-worldcover")}, area)
    assert known.class_codes("it", ["built", "Tree cover", 70, "wetland"]) == [10, 50, 70, 90, 95]
    with pytest.raises(DataError, match=r"unknown class 'bilt'.*did you mean 'built'"):
        known.class_codes("it", ["bilt"])
    with pytest.raises(DataError, match=r"classes have no mean value.*rule 3"):
        known.values("it", whole(area))
    plain = LayerStack({"it": FileLayer(path=path)}, area)
    with pytest.raises(DataError, match=r"not a class layer.*kind intensive.*add kind: class"):
        plain.class_share("it", {10: 1.0}, whole(area))


def test_columns(tmp_path: Path, area: StudyArea) -> None:
    path = polygons(
        tmp_path / "a.gpkg", available_m3=[1.0, 2.0], empty=[None, None], name=["a", "b"]
    )
    stack = LayerStack({"it": FileLayer(path=path)}, area)
    with pytest.raises(DataError, match=r"no column 'availabel_m3'.*did you mean 'available_m3'"):
        stack.attribute("it", "availabel_m3")
    with pytest.raises(DataError, match=r"'empty' is empty in every feature.*rule 7"):
        stack.attribute("it", "empty")
    with pytest.raises(DataError, match="'name' is not numeric"):
        stack.attribute("it", "name")
    with pytest.raises(DataError, match=r"no column 'nme'.*did you mean 'name'"):
        stack.coverage("it", whole(area), where="nme = 'a'")
    with pytest.raises(ConfigError, match=r"no layer 'if'.*did you mean 'it'"):
        stack.values("if", whole(area))


def test_lines_cover_nothing(tmp_path: Path, area: StudyArea) -> None:
    path = tmp_path / "a.gpkg"
    line = shapely.LineString([(10, 50), (10.02, 50.02)])
    gpd.GeoDataFrame(geometry=[line], crs="EPSG:4326").to_file(path)
    with pytest.raises(DataError, match=r"cover no area.*buffer: 200 m.*rule 3"):
        read(FileLayer(path=path), area)
    assert read(FileLayer(path=path, buffer=50.0), area).any()


def test_bands_and_layers(tmp_path: Path, area: StudyArea) -> None:
    path = raster(tmp_path / "a.tif", np.ones((8, 8), "f4"))
    with pytest.raises(DataError, match="no such band; got 2; expected 1, the only one"):
        read(FileLayer(path=path, band=2), area)
    shapes = polygons(tmp_path / "a.gpkg")
    with pytest.raises(DataError, match=r"no such layer in the file; got b; expected one of a"):
        read(FileLayer(path=shapes, layer="b"), area)
    with pytest.raises(DataError, match="not a vector layer; got a raster"):
        LayerStack({"it": FileLayer(path=path)}, area).coverage("it", whole(area))


@pytest.mark.parametrize(
    ("grid", "text"),
    [
        ({"crs": "EPSG:999999"}, r"grid.crs: unknown coordinate system; got 'EPSG:999999'"),
        ({"resolution": 0.01}, r"degrees and metres are mixed up; got 0.01.*write '1 km'"),
        ({"resolution": "0.01 degree"}, r"does not fit the CRS.*expected a length"),
        ({"crs": "EPSG:4326", "resolution": "1 km"}, r"does not fit the CRS.*expected degrees"),
        ({"crs": "EPSG:4326", "resolution": 1000}, r"mixed up; got 1000.*write 0.01"),
        ({"resolution": "wide"}, r"grid.resolution: not a cell size; got 'wide'"),
        ({"resolution": "3 kg"}, r"kg.*wrong dimension|wrong dimension.*kg|not a cell size.*kg"),
        ({"resolution": -5}, r"grid.resolution: not a positive cell size"),
    ],
)
def test_grids(grid: dict, text: str) -> None:
    with pytest.raises(CdrsiteError, match=text):
        build_grid(BOX, GridModel(**grid))


def test_too_many_cells() -> None:
    with pytest.raises(GridError, match=r"too many cells; got [\d,]+ cells.*at most 1,000,000"):
        build_grid(BOX, GridModel(resolution="1 m", max_cells=1_000_000))


def test_regions(tmp_path: Path) -> None:
    path = polygons(tmp_path / "a.gpkg", name=["a", "b"])
    small = build_grid(Region(boundary=path, where="name = 'a'"), GridModel(resolution="100 m"))
    both = build_grid(Region(boundary=path), GridModel(resolution="100 m"))
    assert small.geometry.area == pytest.approx(both.geometry.area / 3, rel=1e-3)
    with pytest.raises(DataError, match=r"empty region; got 0 features.*name = 'c'.*rule 7"):
        build_grid(Region(boundary=path, where="name = 'c'"), GridModel())
    with pytest.raises(ConfigError, match=r"unknown coordinate system.*'nonsense'"):
        parse_crs("nonsense", "here")


def test_auto_grid_is_equal_area() -> None:
    from pyproj import Geod

    got = build_grid(BOX, GridModel(resolution="100 m"))
    true = abs(Geod(ellps="WGS84").geometry_area_perimeter(shapely.box(*BOX.bounds))[0])
    assert got.geometry.area == pytest.approx(true, rel=1e-4)
    fine = build_grid(BOX, GridModel(resolution="10 m"))
    inside = sum(int(fine.inside(b).sum()) for b in fine.grid.blocks(70))
    assert inside * 100 == pytest.approx(true, rel=0.01)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os')", "not allowed in an expression"),
        ("a.b", "not allowed in an expression; got a.b"),
        ("[a for a in b]", "not allowed"),
        ("a + 'x'", "not allowed"),
        ("mni(a, b)", "did you mean 'min'"),
        ("a +", "not an expression"),
        ("where(a)", "wrong number of arguments for where"),
        ("lambda: 1", "not allowed"),
        ("-" * 900 + "1", "nested too deep"),
        ("1+" * 1500 + "1", "too long"),
    ],
)
def test_expressions(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"layers.x: .*{message}"):
        expression.parse(text, "layers.x")


def test_expression_values_and_unknown() -> None:
    a, b = np.array([1.0, np.nan, 3.0]), np.array([2.0, 2.0, 2.0])

    def value(text: str) -> Any:
        return expression.evaluate(expression.parse(text, "x"), {"a": a, "b": b})

    np.testing.assert_array_equal(value("2 * a ** 2 - b"), [0, np.nan, 16])
    np.testing.assert_array_equal(value("a > b"), [0, np.nan, 1])
    np.testing.assert_array_equal(value("where(a > b, 1, 0.5)"), [0.5, np.nan, 1])
    np.testing.assert_array_equal(value("min(a, b) + max(a, b, 2.5)"), [3.5, np.nan, 5])
    np.testing.assert_array_equal(value("not (a > b) and b == 2"), [1, np.nan, 0])
    np.testing.assert_array_equal(value("where(isnan(a), 7, a)"), [1, 7, 3])


@given(st.text(max_size=30))
def test_any_text_as_an_expression_is_read_or_refused(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python remarks on odd syntax
        try:
            names = expression.names(expression.parse(text, "x"))
        except ConfigError:
            return
        with np.errstate(all="ignore"):
            expression.evaluate(expression.parse(text, "x"), dict.fromkeys(names, np.ones(2)))


def test_references() -> None:
    area = build_grid(BOX, GridModel(resolution="1 km"))
    with pytest.raises(ConfigError, match=r"layers.s: no layer 'elevaton'.*"):
        LayerStack({"s": DerivedLayer(derive="slope", **{"from": "elevaton"})}, area)
    circle = {
        "a": ExpressionLayer(expression="b + 1", unit="1"),
        "b": ExpressionLayer(expression="a + 1", unit="1"),
    }
    with pytest.raises(ConfigError, match="in a circle; got a -> b -> a"):
        LayerStack(circle, area)


def test_check_finds_everything_at_once(tmp_path: Path, area: StudyArea) -> None:
    good = raster(tmp_path / "good.tif", np.ones((8, 8), "f4"))
    away = raster(tmp_path / "away.tif", np.ones((8, 8), "f4"), west=40.0)
    half = np.ones((8, 8), "f4")
    half[:, 4:] = np.nan
    layers = {
        "good": FileLayer(path=good, unit="m"),
        "away": FileLayer(path=away),
        "gone": FileLayer(path=tmp_path / "gone.tif"),
        "half": FileLayer(path=raster(tmp_path / "half.tif", half), unit="m"),
        "basins": FileLayer(path=polygons(tmp_path / "b.gpkg", t=[1, 2]), attribute="tt", unit="t"),
        "odd": FileLayer(path=good, unit="blorp"),
        "slope": DerivedLayer(derive="slope", **{"from": "good"}),
        "tilt": DerivedLayer(derive="slope", **{"from": "basins"}),
        "spare": FileLayer(path=good),
    }
    uses = {name: ["somewhere"] for name in layers if name != "spare"} | {"no": ["siting.x"]}
    found = check_layers(LayerStack(layers, area), uses)
    errors = {f.layer: f.text for f in found if f.level == "error"}
    assert set(errors) == {"away", "gone", "basins", "odd", "tilt", "no"}
    assert "did you mean 't'" in errors["basins"]
    assert "not a unit" in errors["odd"]
    assert "siting.x: no layer 'no'" in errors["no"]
    warned = {f.layer: f.text for f in found if f.level == "warning"}
    assert "covers 50.0% of the region" in warned["half"]
    assert "no part of the scenario uses this layer" in warned["spare"]
    assert set(warned) == {"half", "spare"}

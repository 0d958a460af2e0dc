"""The sample data: made again it is the same, and it is what its README says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
import shapely
from pyproj import CRS, Transformer

FOLDER = Path(__file__).resolve().parents[2] / "sample_data"
RASTERS = sorted(path.name for path in FOLDER.glob("*.tif"))
VECTORS = sorted(path.name for path in FOLDER.glob("*.gpkg"))
TABLES = ("emitters.csv", "ports.csv", "quarries.csv", "sites.csv", "works.csv")
EQUAL_AREA = "EPSG:6933"
TILINGS = ("basins", "power_zones", "provinces")


@pytest.fixture(scope="module")
def remade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample data as the generator makes it now."""
    folder = tmp_path_factory.mktemp("sample_data")
    script = [sys.executable, "-B", str(FOLDER / "make.py"), "--out", str(folder)]
    subprocess.run(script, check=True, capture_output=True)
    return folder


def read(name: str, layer: str | None = None) -> gpd.GeoDataFrame:
    return gpd.read_file(FOLDER / f"{name}.gpkg", layer=layer or name)


def region_total(name: str) -> float:
    """Sum of a raster over the pixels whose centre lies in the region."""
    region = read("region").geometry[0]
    with rasterio.open(FOLDER / name) as file:
        values = file.read(1, masked=True)
        columns, rows = np.meshgrid(np.arange(file.width), np.arange(file.height))
        x = file.transform.c + (columns + 0.5) * file.transform.a
        y = file.transform.f + (rows + 0.5) * file.transform.e
        to_degrees = Transformer.from_crs(file.crs, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(x, y)
    inside = shapely.contains_xy(region, lon.ravel(), lat.ravel()).reshape(values.shape)
    assert not np.ma.getmaskarray(values)[inside].any(), "unknown inside the region"
    return float(values.data[inside].sum(dtype=np.float64))


def test_the_folder_is_complete_and_small() -> None:
    rasters = "elevation landcover pvout wind_cf residues forest_uptake population"
    vectors = "region protected basins power_zones roads rivers settlements pipelines storage"
    months, ground = ("temperature", "humidity"), "climate_zones soils soil_ph runoff"
    wanted_rasters = {f"{name}.tif" for name in [*rasters.split(), *months, *ground.split()]}
    wanted_vectors = {f"{name}.gpkg" for name in [*vectors.split(), "provinces", "parcels"]}
    assert set(RASTERS) == wanted_rasters
    assert set(VECTORS) == wanted_vectors
    size = sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file())
    assert size <= 8 * 2**20


@pytest.mark.slow
def test_remade_has_the_same_files(remade: Path) -> None:
    made = sorted(path.name for path in remade.iterdir())
    assert made == sorted([*RASTERS, *VECTORS, *TABLES])


@pytest.mark.slow
@pytest.mark.parametrize("name", RASTERS)
def test_rasters_are_made_again(remade: Path, name: str) -> None:
    with rasterio.open(FOLDER / name) as old, rasterio.open(remade / name) as new:
        np.testing.assert_equal(new.nodata, old.nodata)
        assert new.dtypes == old.dtypes
        assert (new.crs, new.transform, new.shape) == (old.crs, old.transform, old.shape)
        assert new.descriptions == old.descriptions
        same = np.isclose(old.read(), new.read(), rtol=1e-6, equal_nan=True)
    # other builds of the numerical libraries may round a few pixels to the next step
    assert same.mean() > 0.999


@pytest.mark.slow
@pytest.mark.parametrize("name", VECTORS)
def test_vectors_are_made_again(remade: Path, name: str) -> None:
    layers = pyogrio.list_layers(FOLDER / name)[:, 0].tolist()
    assert pyogrio.list_layers(remade / name)[:, 0].tolist() == layers
    for layer in layers:
        old = gpd.read_file(FOLDER / name, layer=layer)
        new = gpd.read_file(remade / name, layer=layer)
        assert new.crs == old.crs
        attributes = old.columns.drop("geometry")
        pd.testing.assert_frame_equal(
            pd.DataFrame(new[attributes]), pd.DataFrame(old[attributes]), rtol=1e-3
        )
        tolerance = 1e-5 if old.crs.is_geographic else 1.0
        assert new.geometry.geom_equals_exact(old.geometry, tolerance=tolerance).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_tables_are_made_again(remade: Path, name: str) -> None:
    old, new = pd.read_csv(FOLDER / name), pd.read_csv(remade / name)
    pd.testing.assert_frame_equal(new, old)
    assert {"lon", "lat", "name", "name_zh"} <= set(old.columns)
    region = read("region").geometry[0]
    assert shapely.contains_xy(region, old.lon, old.lat).all()


@pytest.mark.parametrize(
    ("name", "dtype", "nodata", "low", "high"),
    [
        ("elevation", "int16", None, 280, 3500),
        ("landcover", "uint8", 0, 10, 100),
        ("pvout", "float32", np.nan, 1100, 1900),
        ("wind_cf", "float32", -9999, 0.05, 0.6),
        ("residues", "float32", -9999, 0, 5000),
        ("forest_uptake", "float32", -9999, 0.5, 14),
        ("population", "float32", -200, 0, 40_000),
        ("temperature", "float32", -9999, -30, 35),
        ("humidity", "float32", -9999, 15, 95),
        ("climate_zones", "uint8", 0, 1, 6),
        ("soils", "uint8", 0, 1, 5),
        ("soil_ph", "float32", -9999, 4.5, 9),
        ("runoff", "float32", -9999, 0, 450),
    ],
)
def test_nodata_and_range(
    name: str, dtype: str, nodata: float | None, low: float, high: float
) -> None:
    with rasterio.open(FOLDER / f"{name}.tif") as file:
        assert set(file.dtypes) == {dtype}
        if nodata is None:
            assert file.nodata is None
        else:
            np.testing.assert_equal(file.nodata, nodata)
        values = file.read(masked=True)
        assert file.compression.name == "deflate"
    assert values.min() >= low
    assert values.max() <= high
    if name not in {"elevation", "temperature", "humidity"}:
        assert np.ma.getmaskarray(values).any(), "the declared nodata occurs"


def test_land_cover_has_worldcover_codes() -> None:
    with rasterio.open(FOLDER / "landcover.tif") as file:
        codes = np.unique(file.read(1))
    assert codes.tolist() == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]


def test_residues_are_per_pixel_of_an_equal_area_grid() -> None:
    with rasterio.open(FOLDER / "residues.tif") as file:
        assert file.res == (2000, 2000)
        got = CRS(file.crs).coordinate_operation
    wanted = CRS("+proj=aea +lat_1=25 +lat_2=47 +lon_0=105 +datum=WGS84").coordinate_operation
    assert got is not None
    assert wanted is not None
    assert got.method_name == wanted.method_name == "Albers Equal Area"
    assert {p.name: p.value for p in got.params} == {p.name: p.value for p in wanted.params}
    assert 15e6 <= region_total("residues.tif") <= 25e6


def test_population_total() -> None:
    assert 20e6 <= region_total("population.tif") <= 30e6


@pytest.mark.parametrize("name", ["temperature", "humidity"])
def test_months(name: str) -> None:
    with rasterio.open(FOLDER / f"{name}.tif") as file:
        assert file.descriptions[0] == "Jan"
        assert file.descriptions[11] == "Dec"
        means = file.read().mean(axis=(1, 2))
    assert means.argmax() in {6, 7}  # July or August


@pytest.mark.parametrize("name", TILINGS)
def test_areas_tile_the_region(name: str) -> None:
    areas = read(name).to_crs(EQUAL_AREA).geometry
    region = read("region").to_crs(EQUAL_AREA).geometry[0]
    assert areas.area.sum() == pytest.approx(region.area, rel=1e-3)
    assert areas.union_all().area == pytest.approx(areas.area.sum(), rel=1e-5)
    assert areas.union_all().symmetric_difference(region).area < 1e-3 * region.area


def test_declared_coordinate_systems() -> None:
    first = {name: pyogrio.list_layers(FOLDER / name)[0, 0] for name in VECTORS}
    crs = {name: read(Path(name).stem, first[name]).crs.to_epsg() for name in VECTORS}
    assert crs["basins.gpkg"] == crs["storage.gpkg"] == 32648
    assert crs["power_zones.gpkg"] == 4490
    others = set(VECTORS) - {"basins.gpkg", "storage.gpkg", "power_zones.gpkg"}
    assert {crs[name] for name in others} == {4326}


def test_every_vector_meets_the_region() -> None:
    region = read("region").geometry[0]
    for name in VECTORS:
        for layer in pyogrio.list_layers(FOLDER / name)[:, 0]:
            shapes = read(Path(name).stem, layer).to_crs("EPSG:4326").geometry.make_valid()
            share = shapes.intersects(region).mean()
            assert share > (0.7 if layer == "rivers" else 0.999), layer


def test_pools() -> None:
    basins, zones, storage = read("basins"), read("power_zones"), read("storage")
    assert 8 <= len(basins) <= 14
    assert (basins.available_m3 >= 0).all()
    assert 0.2e9 <= basins.available_m3.sum() <= 0.6e9
    assert set(basins.bws_cat) <= {-1, 0, 1, 2, 3, 4}
    assert basins.bws_raw[basins.bws_cat == -1].tolist() == [1.0]
    assert basins.bws_cat[basins.bws_raw == 9999].tolist() == [4]
    assert 4 <= len(zones) <= 6
    assert (zones.spare_twh >= 0).all()
    assert 15 <= zones.spare_twh.sum() <= 30
    assert zones.grid_g_kwh.between(15, 60).all()
    assert zones.avg_grid_g_kwh.between(300, 800).all()
    assert 6 <= len(storage) <= 9
    assert 25 <= storage.rate_mt_yr.sum() <= 45
    assert (read("provinces").residual_mt_yr >= 0).all()


def test_the_north_west_has_power_and_the_south_east_water() -> None:
    def north_westness(name: str) -> np.ndarray:
        points = read(name).to_crs(EQUAL_AREA).representative_point().to_crs("EPSG:4326")
        return np.asarray((points.y - 36.0) / 1.5 - (points.x - 107.25) / 2.25)

    water, power = read("basins").available_m3, read("power_zones").spare_twh
    assert np.average(north_westness("basins"), weights=water) < -0.2
    assert np.average(north_westness("power_zones"), weights=power) > 0.2


def test_storage_units() -> None:
    storage = read("storage").set_index("unit_id")
    assert set(storage.kind) == {"saline", "depleted_gas", "eor"}
    assert (storage.capacity_low_mt < storage.capacity_mt).all()
    assert (storage.capacity_mt < storage.capacity_high_mt).all()
    assert storage.capacity_mt.between(40, 2500).all()
    assert storage.depth_m[storage.depth_m < 800].tolist() == [650]
    stacked = storage.stacked_on.dropna()
    assert len(stacked) == 1
    lower = storage.geometry[stacked.iloc[0]]
    assert lower.intersects(storage.geometry[stacked.index[0]])
    assert storage.depth_m[stacked.index[0]] < storage.depth_m[stacked.iloc[0]]


def test_protected_areas_are_messy_as_declared() -> None:
    protected = read("protected")
    valid = protected.geometry.is_valid
    assert (~valid).sum() == 1
    bowtie = protected.geometry[~valid].iloc[0]
    assert "Self-intersection" in shapely.is_valid_reason(bowtie)
    assert shapely.make_valid(bowtie).area == pytest.approx(bowtie.area, rel=1e-2)
    holes = [sum(len(part.interiors) for part in area.geoms) for area in protected.geometry]
    assert sorted(holes)[-2:] == [0, 1]
    known = {"Ia", "Ib", "II", "III", "IV", "V", "VI", "Not Reported"}
    assert set(protected.iucn_cat) == known
    true_km2 = protected.to_crs(EQUAL_AREA).geometry.make_valid().area / 1e6
    np.testing.assert_allclose(protected.gis_area, true_km2, rtol=5e-3)


def test_names_are_in_two_scripts_and_given_once() -> None:
    given: list[str] = []
    for name in ("settlements", "rivers", "basins", "power_zones", "protected", "storage"):
        layer = read(name)
        assert layer.name.str.isascii().all()
        assert layer.name_zh.str.contains(r"[\u4e00-\u9fff]").all()
        given += layer.name_zh.tolist()
    assert len(set(given)) == len(given)


def test_roads_have_grip_classes_and_railways_beside_them() -> None:
    assert set(read("roads").gp_rtp) == {1, 2, 3, 4, 5}
    assert len(read("roads", "railways")) > 0

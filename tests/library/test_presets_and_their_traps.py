"""Small synthetic files in the form of known datasets: read right, and mix-ups told."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from tiny_scenario import NORTH, WEST, box, write_raster

from cdrsite.config.layers import ExpressionLayer, FileLayer
from cdrsite.config.models import GridModel, Region
from cdrsite.core.errors import CdrsiteWarning, DataError, UnitError
from cdrsite.core.grid import Block
from cdrsite.layers.region import StudyArea, build_grid
from cdrsite.layers.stack import LayerStack
from cdrsite.library.datasets import load_dataset

BLOCK = Block(0, 6, 0, 8)


def area() -> StudyArea:
    return build_grid(
        Region(bounds=(WEST, NORTH - 6000, WEST + 8000, NORTH), crs="EPSG:3035"),
        GridModel(crs="EPSG:3035", resolution="1 km"),
    )


def stack(path: Path, preset: str, **more: Any) -> LayerStack:
    return LayerStack({"it": FileLayer(path=path, preset=preset, **more)}, area())


def raster(folder: Path, values: Any, dtype: str) -> Path:
    """The values from west to east, the same in each row."""
    rows = np.tile(np.asarray(values, dtype), (6, 8 // len(values)))
    return write_raster(folder / "it.tif", rows)


@pytest.mark.parametrize(
    ("preset", "dtype", "stored", "unit", "meant"),
    [
        ("soilgrids-ph", "int16", [65, -32768], "1", [6.5, np.nan]),
        ("soilgrids-clay", "int16", [250, -32768], "%", [25, np.nan]),
        ("soilgrids-sand", "int16", [400, 0], "1", [0.4, 0]),
        ("soilgrids-bulk-density", "int16", [130, -32768], "t/m3", [1.3, np.nan]),
        ("soilgrids-carbon-stock", "int16", [60, -32768], "kg/m2", [6, np.nan]),
        ("worldclim-vapour-pressure", "float32", [1.2, -32768], "hPa", [12, np.nan]),
        ("worldclim-temperature", "float32", [-4.5, 12], "degC", [-4.5, 12]),
        ("era5-temperature", "float32", [273.15, 290.15], "degC", [0, 17]),
        ("era5-dewpoint", "float32", [273.15, 283.15], "degC", [0, 10]),
        ("cook-patton-growth", "float32", [3.0, 0.0], "t/ha/yr", [11, 0]),
        ("biomass-carbon-2010", "uint16", [1290, 65535], "t/ha", [129, np.nan]),
    ],
)
def test_stored_values_are_read_as_they_are_meant(
    tmp_path: Path, preset: str, dtype: str, stored: list[float], unit: str, meant: list[float]
) -> None:
    read = stack(raster(tmp_path, stored, dtype), preset)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)  # half of the region is unknown
        read.survey("it")
    np.testing.assert_allclose(
        read.values("it", BLOCK, unit), np.tile(meant, (6, 4)), rtol=1e-5, atol=1e-4
    )


@pytest.mark.parametrize(
    ("preset", "stored", "said"),
    [
        ("soilgrids-ph", [5.5, 7.2], "pH as it is"),
        ("soilgrids-clay", [1500, 20], "more than 1000 g"),
        ("soilgrids-bulk-density", [1.1, 1.6], "kg/dm3 as they are"),
        ("worldclim-vapour-pressure", [12, 23], "hPa, or percent"),
        ("worldclim-temperature", [-30, 231], "times 10: give scale: 0.1"),
        ("worldclim-temperature", [280, 290], "preset: era5-temperature"),
        ("era5-temperature", [5, 17], "preset: worldclim-temperature"),
        ("era5-dewpoint", [40, 95], "percent of relative humidity"),
        ("cook-patton-growth", [3, 22], "may be t of CO2"),
    ],
)
def test_mix_ups_are_told(tmp_path: Path, preset: str, stored: list[float], said: str) -> None:
    with pytest.raises(DataError, match=f"do not look like {preset}.*{said}"):
        stack(raster(tmp_path, stored, "float32"), preset).survey("it")


@pytest.mark.parametrize("preset", ["era5-dewpoint", "worldclim-vapour-pressure"])
def test_what_is_no_relative_humidity_is_not_taken_for_it(tmp_path: Path, preset: str) -> None:
    stored = [280.0, 285.0] if preset == "era5-dewpoint" else [1.0, 2.0]
    with pytest.raises(UnitError, match="wrong dimension"):
        stack(raster(tmp_path, stored, "float32"), preset).values("it", BLOCK, "%")


def test_the_note_says_how_humidity_follows_from_the_dewpoint(tmp_path: Path) -> None:
    formula = re.search(r"10 \*\* .*35\.85\)\)", load_dataset("era5-dewpoint").note)
    assert formula is not None
    layers = {
        name: FileLayer(
            path=write_raster(tmp_path / f"{name}.tif", np.full((6, 8), kelvin, np.float32)),
            preset=preset,
            unit="1",
        )
        for name, kelvin, preset in (
            ("dew", 278.0, "era5-dewpoint"),
            ("air", 282.0, "era5-temperature"),
        )
    }
    both = LayerStack(
        {**layers, "it": ExpressionLayer(expression=formula.group(), unit="1")}, area()
    )
    # saturation pressures of 4.85 and 8.85 degrees in WMO's tables: 8.62 and 11.36 hPa
    np.testing.assert_allclose(both.values("it", BLOCK, "%"), 100 * 8.62 / 11.36, rtol=3e-3)


def polygons(folder: Path, crs: str = "EPSG:3035", **columns: Any) -> Path:
    shapes = [box(0, 0, 4, 6), box(4, 0, 4, 6)]
    frame = gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:3035").to_crs(crs)
    frame.to_file(folder / "it.gpkg")
    return folder / "it.gpkg"


@pytest.mark.parametrize(
    ("preset", "columns", "where"),
    [
        ("glim", {"xx": ["vb", "ss"]}, "class == 'vb'"),
        ("global-mangrove-watch", {"PXLVAL": [1, 0]}, "pixel == 1"),
    ],
)
def test_meanings_of_columns(
    tmp_path: Path, preset: str, columns: dict[str, Any], where: str
) -> None:
    covered = stack(polygons(tmp_path, **columns), preset, where=where).coverage("it", BLOCK)
    assert (covered[:, :4] == 1).all() and (covered[:, 4:] == 0).all()


def test_areas_of_peat_are_those_of_the_ground(tmp_path: Path) -> None:
    path = polygons(tmp_path, "EPSG:4087", PEAT_AREA=[24e6, 24e6])
    drawn = float(gpd.read_file(path).area.iloc[0])
    read = stack(path, "peatmap")
    share = read.coverage("it", BLOCK)
    assert float(share.sum()) * 1e6 == pytest.approx(48e6, rel=2e-3)
    assert drawn > 1.4 * 24e6  # in its own system
    np.testing.assert_allclose(read.attribute("it", "area_m2"), 24e6)


def plants(folder: Path, text: str) -> Path:
    (folder / "it.csv").write_text(text)
    return folder / "it.csv"


def test_units_of_coal_plants_that_run(tmp_path: Path) -> None:
    at = gpd.GeoSeries([box(1, 1, 1, 1).centroid], crs="EPSG:3035").to_crs(4326).iloc[0]
    rows = [f"A,A1,operating,600,{at.y},{at.x}", f"A,A2,operating,400,{at.y},{at.x}",
            f"B,B1,cancelled,900,{at.y},{at.x}"]  # fmt: skip
    head = "Plant name,Unit name,Status,Capacity (MW),Latitude,Longitude"
    path = plants(tmp_path, "\n".join([head, *rows]) + "\n")
    columns = {"lon": "Longitude", "lat": "Latitude"}
    read = stack(path, "gem-coal-plants", **columns)
    np.testing.assert_allclose(read.attribute("it", "capacity_mw"), [600, 400])
    merged = stack(
        path, "gem-coal-plants", **columns, dissolve="Plant name", sum=("Capacity (MW)",)
    )
    np.testing.assert_allclose(merged.attribute("it", "capacity_mw"), [1000])
    with pytest.raises(DataError, match="no column 'lon'"):
        stack(path, "gem-coal-plants").features("it")


def test_capacities_of_steel_plants(tmp_path: Path) -> None:
    at = gpd.GeoSeries([box(1, 1, 1, 1).centroid], crs="EPSG:3035").to_crs(4326).iloc[0]
    head = "Plant ID,Capacity operating status,Nominal crude steel capacity (ttpa),lat,lon"
    rows = [f"P1,operating,3200,{at.y},{at.x}", f"P2,operating,N/A,{at.y},{at.x}",
            f"P3,retired,5000,{at.y},{at.x}"]  # fmt: skip
    path = plants(tmp_path, "\n".join([head, *rows]) + "\n")
    read = stack(path, "gem-steel-plants")
    np.testing.assert_allclose(read.attribute("it", "steel_kt"), [3200, np.nan])


def test_natcarb_without_its_system_is_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        gpd.GeoDataFrame({"VOL_MED": [5.0]}, geometry=[box(0, 0, 4, 6)]).to_file(
            tmp_path / "it.gpkg"
        )
    with pytest.raises(DataError, match=r"no coordinate system \(CRS\)"):
        stack(tmp_path / "it.gpkg", "natcarb-saline").features("it")
    read = stack(tmp_path / "it.gpkg", "natcarb-saline", crs="EPSG:3035")
    np.testing.assert_allclose(read.attribute("it", "volume_mid_t"), [5.0])


def test_zero_of_co2stop_is_unknown(tmp_path: Path) -> None:
    read = stack(polygons(tmp_path, EST_STORECAP_MEAN=[0.0, 40.0]), "co2stop")
    np.testing.assert_allclose(read.attribute("it", "capacity_mean_mt"), [np.nan, 40])


def test_a_preset_for_features_is_not_for_rasters(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the preset does not fit the file"):
        stack(raster(tmp_path, [1, 2], "uint8"), "glim")

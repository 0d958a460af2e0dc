"""Coordinate systems that place nothing, or not as well as they could."""

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
from pyproj import CRS

from cdrsite.config.layers import FileLayer
from cdrsite.config.models import GridModel, Region
from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.layers.region import StudyArea, build_grid
from cdrsite.layers.stack import LayerStack

LOCAL = 'LOCAL_CS["site grid",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]'
ENGINEERING = (
    'ENGCRS["site",EDATUM["peg"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],'
    'LENGTHUNIT["metre",1]]'
)
BOX = (4_000_000.0, 3_000_000.0, 4_004_000.0, 3_004_000.0)
WHOLE = Block(0, 4, 0, 4)


def place(bounds: Any = BOX, crs: str = "EPSG:3035", size: float = 1000.0) -> StudyArea:
    return StudyArea(AnalysisGrid.from_bounds(crs, bounds, size, snap=None), shapely.box(*bounds))


def raster(path: Path, crs: Any) -> Path:
    with rasterio.open(
        path, "w", driver="GTiff", dtype="float32", count=1, height=4, width=4, crs=crs,
        transform=Affine(1000, 0, BOX[0], 0, -1000, BOX[3]),
    ) as out:  # fmt: skip
        out.write(np.ones((4, 4), np.float32), 1)
    return path


@pytest.mark.parametrize("crs", [LOCAL, None])
def test_a_raster_of_no_place_on_earth_is_refused(crs: Any, tmp_path: Path) -> None:
    path = raster(tmp_path / "a.tif", crs)
    with pytest.raises(DataError, match=r"coordinate system.*cure: add crs: EPSG:"):
        LayerStack({"it": FileLayer(path=path)}, place()).values("it", WHOLE)
    told = LayerStack({"it": FileLayer(path=path, crs="EPSG:3035")}, place())
    assert told.values("it", WHOLE).sum() == 16


@pytest.mark.parametrize("crs", [LOCAL, ENGINEERING, "EPSG:5703", "EPSG:4978", None])
@pytest.mark.parametrize("use", ["layer", "boundary"])
def test_shapes_of_no_place_on_earth_are_refused(crs: Any, use: str, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    gpd.GeoDataFrame({"i": [1]}, geometry=[shapely.box(*BOX)], crs=crs).to_parquet(path)
    if crs is None:
        path = tmp_path / "a.shp"
        gpd.GeoDataFrame({"i": [1]}, geometry=[shapely.box(*BOX)], crs=3035).to_file(path)
        path.with_suffix(".prj").unlink()
    key = "region." if use == "boundary" else ""
    with pytest.raises(DataError, match=rf"coordinate system.*cure: add {key}crs: EPSG:"):
        if use == "layer":
            LayerStack({"it": FileLayer(path=path)}, place()).features("it")
        else:
            build_grid(Region(boundary=path), GridModel(resolution="1 km"))


def test_a_datum_without_its_file_is_told_in_metres(tmp_path: Path) -> None:
    bounds = (-3.0, 51.0, -2.9, 51.1)
    file = tmp_path / "a.gpkg"
    shape = gpd.GeoSeries([shapely.box(*bounds)], crs=4326).to_crs(27700)
    gpd.GeoDataFrame({"i": [1]}, geometry=shape).to_file(file)
    area = build_grid(Region(bounds=bounds), GridModel(crs="EPSG:3035", resolution="1 km"))
    from pyproj.transformer import TransformerGroup

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if TransformerGroup(CRS.from_epsg(27700), area.grid.crs).best_available:
            pytest.skip("this machine has PROJ's files for Great Britain")
    with pytest.warns(CdrsiteWarning, match=r"where 0.0\d+ m is possible.*OSTN15.*projsync"):
        LayerStack({"it": FileLayer(path=file)}, area).features("it")


def test_a_datum_that_is_known_is_not_told_of(tmp_path: Path) -> None:
    file = tmp_path / "a.gpkg"
    gpd.GeoDataFrame({"i": [1]}, geometry=[shapely.box(*BOX)], crs=3035).to_file(file)
    area = build_grid(Region(boundary=file), GridModel(resolution="1 km"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LayerStack({"it": FileLayer(path=file)}, area).features("it")

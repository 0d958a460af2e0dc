"""A tiny world of 6 x 8 cells with rasters and polygons written on the spot, and its scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from affine import Affine

WEST, NORTH, COLS, ROWS = 4_000_000.0, 3_006_000.0, 8, 6
"""The region in EPSG:3035, cells of 1 km."""

SCENARIO = """\
name: tiny
region: {bounds: [4000000, 3000000, 4008000, 3006000], crs: "EPSG:3035"}
grid: {crs: "EPSG:3035", resolution: 1 km}
layers:
  cover: {path: cover.tif, kind: class}
  slope: {path: slope.tif, unit: degree, kind: intensive}
  residues: {path: residues.tif, unit: t/yr, kind: extensive}
  parks: {path: parks.gpkg}
  basins: {path: basins.gpkg}
resources:
  land: {usable: 0.5}
  water: {pools: basins, supply: water_m3, unit: m3/yr, name: name}
  power: {value: 2 GWh/yr, per: cell, intensity: 20 g/kWh}
  biomass: {layer: residues, unit: t/yr}
siting:
  exclude:
    - {name: parks, layer: parks}
    - {name: built, layer: cover, classes: [50]}
    - {name: steep, layer: slope, above: 15 degree}
  prefer:
    - {layer: slope, best: 0, worst: 20, weight: 1}
methods:
  daccs-solid: {profile: literature}
  beccs-residue: {}
  afforestation: {gates: false}
outputs: {sites: 3, site_distance: 1 km}
"""


def cover() -> Any:
    """Codes 10 and 50, and one column of water (80)."""
    values = np.full((ROWS, COLS), 10, np.uint8)
    values[0, :3] = 50
    values[:, 7] = 80
    return values


def slope() -> Any:
    """0 to 35 degrees from west to east; one cell unknown."""
    values = np.tile(np.arange(COLS, dtype=np.float32) * 5, (ROWS, 1))
    values[5, 0] = -9999
    return values


def residues() -> Any:
    """t/yr per pixel of 500 m."""
    rng = np.random.default_rng(7)
    return rng.integers(0, 400, (2 * ROWS, 2 * COLS)).astype(np.float32)


def write_raster(
    path: Path,
    values: Any,
    *,
    pixel: float = 1000.0,
    west: float = WEST,
    north: float = NORTH,
    crs: Any = "EPSG:3035",
    **more: Any,
) -> Path:
    """A GeoTIFF whose north-west corner is the region's unless given."""
    values = np.asarray(values)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        dtype=values.dtype,
        count=1,
        height=values.shape[0],
        width=values.shape[1],
        crs=crs,
        transform=Affine(pixel, 0, west, 0, -pixel, north),
        **more,
    ) as out:
        out.write(values, 1)
    return path


def box(col: float, row: float, cols: float, rows: float) -> Any:
    """A rectangle in cells from the north-west corner."""
    west, north = WEST + 1000 * col, NORTH - 1000 * row
    return shapely.box(west, north - 1000 * rows, west + 1000 * cols, north)


def write_polygons(path: Path, shapes: list[Any], **columns: Any) -> Path:
    """A GeoPackage in EPSG:3035."""
    gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:3035").to_file(path)
    return path


def write_world(folder: Path, text: str = SCENARIO) -> Path:
    """Write the layers and the scenario; returns the scenario's path."""
    write_raster(folder / "cover.tif", cover(), nodata=255)
    write_raster(folder / "slope.tif", slope(), nodata=-9999)
    write_raster(folder / "residues.tif", residues(), pixel=500.0, nodata=-1)
    write_polygons(folder / "parks.gpkg", [box(2, 2, 1.5, 2)], name=["park"])
    write_polygons(
        folder / "basins.gpkg",
        [box(0, 0, 4, 6), box(4, 0, 4, 6)],
        name=["west", "东"],
        water_m3=[120_000.0, 0.0],
        spare_gwh=[40.0, 8.0],
        g_kwh=[20.0, 1500.0],
    )
    path = folder / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return path

"""Make the synthetic sample data: the same files on every run.

    python sample_data/make.py [--out DIR]

Everything is invented. README.md beside this file says what each layer is and which public
dataset takes its place in a real study.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import rasterio
from areas import distance_inside, region_outline
from fields import (
    LANDCOVER_FRAME,
    World,
    forest_uptake,
    land_cover,
    make_world,
    monthly_humidity,
    monthly_temperature,
    pv_yield,
    residue_density,
    rural_density,
    town_density,
    wind_capacity_factor,
)
from ground import (
    GROUND_FRAME,
    ZONES,
    check_dam_layer,
    climate_zones,
    emitter_table,
    peat_layer,
    port_table,
    quarry_table,
    soil_acidity,
    soil_kinds,
    works_table,
    yearly_runoff,
)
from numpy.typing import NDArray
from places import Settlements, found_settlements
from pyproj import Transformer
from rasterio.transform import Affine, from_origin
from scipy import ndimage
from tables import (
    basin_layer,
    pipeline_layer,
    protected_layer,
    province_layer,
    railway_layer,
    region_layer,
    river_layer,
    road_layer,
    settlement_layer,
    site_table,
    storage_layer,
    zone_layer,
)
from terrain import BASE, Array, Frame, eroded_relief

ALBERS_CHINA = (
    "+proj=aea +lat_0=0 +lon_0=105 +lat_1=25 +lat_2=47 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs"
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
RURAL_PEOPLE = 9.6e6
RESIDUES = 18.0e6  # [t dry/yr] inside the region
WORLDCOVER_COLOURS = {
    10: "006400",
    20: "ffbb22",
    30: "ffff4c",
    40: "f096ff",
    50: "fa0000",
    60: "b4b4b4",
    70: "f0f0f0",
    80: "0064c8",
    90: "0096a0",
    100: "fae6a0",
}


def write_raster(
    path: Path, data: NDArray[Any], at: Frame | Affine, nodata: float | None, **more: Any
) -> None:
    """Write a GeoTIFF: tiled, DEFLATE, with the predictor that suits the type.

    Parameters
    ----------
    path : Path
        File to write.
    data : array, shape (rows, columns) or (bands, rows, columns)
        Values; integers or float32.
    at : Frame or Affine
        Where: a frame in EPSG:4326, or a transform together with `crs`.
    nodata : float or None
        None leaves it unset.
    **more
        `crs` (EPSG:4326), `unit`, `bands` (descriptions), `colours` (code to RRGGBB).
    """
    layers = data if data.ndim == 3 else data[None]
    where = from_origin(at.west, at.north, at.step, at.step) if isinstance(at, Frame) else at
    profile = {"driver": "GTiff", "dtype": layers.dtype, "count": len(layers), "nodata": nodata}
    profile |= {"height": layers.shape[1], "width": layers.shape[2], "transform": where}
    profile |= {"crs": more.get("crs", "EPSG:4326"), "compress": "deflate", "zlevel": 9}
    profile |= {"predictor": {"f": 3, "i": 2, "u": 1}[layers.dtype.kind]}
    if min(layers.shape[1:]) >= 512:
        profile |= {"tiled": True, "blockxsize": 512, "blockysize": 512}
    with rasterio.open(path, "w", **profile) as file:
        file.write(layers)
        for band, text in enumerate(more.get("bands", ()), 1):
            file.set_band_description(band, text)
        if "unit" in more:
            file.units = [more["unit"]] * len(layers)
        if "colours" in more:
            rgb = {c: tuple(bytes.fromhex(text)) for c, text in more["colours"].items()}
            file.write_colormap(1, rgb)


def write_vector(path: Path, layer: gpd.GeoDataFrame, name: str | None = None) -> None:
    """Write or add a layer of a GeoPackage; the time stamp inside is fixed."""
    append = path.exists()
    layer.to_file(
        path,
        layer=name or path.stem,
        driver="GPKG",
        engine="pyogrio",
        mode="a" if append else "w",
        **({} if append else {"VERSION": "1.3"}),
    )


def quantised(field: Array, step: float) -> NDArray[np.float32]:
    """Rounded to a multiple of a power of two, so that float32 compresses well."""
    return (np.round(field / step) * step).astype(np.float32)


def blank(field: NDArray[Any], unknown: NDArray[np.bool_], nodata: float) -> NDArray[np.float32]:
    """Nodata where unknown."""
    return np.where(unknown, nodata, field).astype(np.float32)


def write_fields(folder: Path, world: World) -> None:
    """Relief, climate, energy yield and forest uptake."""
    write_raster(folder / "elevation.tif", np.round(world.elevation).astype(np.int16), BASE, None)
    grid = Frame(1 / 120, 104.9, 34.4, 109.6, 37.6)
    at = grid.centres()
    far = BASE.sample(world.inside_km, *at)
    sun = quantised(BASE.sample(pv_yield(world), *at), 0.25)
    write_raster(folder / "pvout.tif", blank(sun, far < -25, np.nan), grid, np.nan)
    uptake = BASE.sample(forest_uptake(world), *at, order=0)
    unknown = np.isnan(uptake) | (far < -12)
    values = quantised(np.nan_to_num(uptake), 1 / 64)
    write_raster(
        folder / "forest_uptake.tif", blank(values, unknown, -9999), grid, -9999, unit="t/ha/yr"
    )
    grid = Frame(0.02)
    at = grid.centres()
    wind = quantised(BASE.sample(wind_capacity_factor(world), *at), 1 / 4096)
    unknown = BASE.sample(world.inside_km, *at) < -12
    write_raster(folder / "wind_cf.tif", blank(wind, unknown, -9999), grid, -9999)
    grid = Frame(0.1)
    at = grid.centres()
    for name, months, unit in (
        ("temperature", monthly_temperature(world), "degC"),
        ("humidity", monthly_humidity(world), "%"),
    ):
        values = np.stack([quantised(BASE.sample(m, *at), 1 / 32) for m in months])
        path = folder / f"{name}.tif"
        write_raster(path, values, grid, -9999, unit=unit, bands=MONTHS)


def write_land(folder: Path, world: World, cover: NDArray[np.uint8]) -> None:
    """Land cover in WorldCover codes, and residues in tonnes per pixel of an equal-area grid."""
    far = BASE.sample(world.inside_km, *LANDCOVER_FRAME.centres())
    codes = np.where(far < -25, 0, cover).astype(np.uint8)
    path = folder / "landcover.tif"
    write_raster(path, codes, LANDCOVER_FRAME, 0, bands=["Map"], colours=WORLDCOVER_COLOURS)

    size, west, north, rows, columns = 2000.0, -30000.0, 4_030_000.0, 205, 230
    x = west + (np.arange(columns) + 0.5) * size
    y = north - (np.arange(rows) + 0.5) * size
    to_degrees = Transformer.from_crs(ALBERS_CHINA, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(*np.meshgrid(x, y))
    per_hectare = ndimage.gaussian_filter(residue_density(world, cover), 1.5)
    tonnes = BASE.sample(per_hectare, lon, lat) * size**2 / 1e4
    inside = BASE.sample(world.inside_km, lon, lat)
    tonnes = tonnes * (RESIDUES / tonnes[inside > 0].sum())
    values = blank(quantised(tonnes, 0.5), inside < -12, -9999)
    at = from_origin(west, north, size, size)
    write_raster(folder / "residues.tif", values, at, -9999, crs=ALBERS_CHINA)


def write_ground(folder: Path, world: World, towns: Settlements) -> None:
    """What other scenarios need beyond the demo: soils, parcels, works, quarries, emitters."""
    unknown = BASE.sample(world.inside_km, *GROUND_FRAME.centres()) < -12
    for name, codes, text in (
        ("climate_zones", climate_zones(world), "1 to 6: " + ", ".join(ZONES)),
        ("soils", soil_kinds(world), "1 HAC, 2 LAC, 3 sandy, 4 wet, 5 organic"),
    ):
        values = np.where(unknown, 0, codes).astype(np.uint8)
        write_raster(folder / f"{name}.tif", values, GROUND_FRAME, 0, bands=[text])
    for name, field, step, unit in (
        ("soil_ph", soil_acidity(world), 1 / 16, "1"),
        ("runoff", yearly_runoff(world), 0.5, "mm/yr"),
    ):
        values = blank(quantised(field, step), unknown, -9999)
        write_raster(folder / f"{name}.tif", values, GROUND_FRAME, -9999, unit=unit)
    write_vector(folder / "parcels.gpkg", peat_layer(), "peat")
    write_vector(folder / "parcels.gpkg", check_dam_layer(world), "check_dams")
    tables = {
        "works": works_table(towns),
        "emitters": emitter_table(towns),
        "quarries": quarry_table(towns),
        "ports": port_table(towns),
    }
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def write_people(folder: Path, world: World, towns_km2: Array, rural_km2: Array) -> None:
    """Population in persons per pixel."""
    grid = Frame(1 / 120)
    at = grid.centres()
    count = BASE.sample(towns_km2 + rural_km2, *at) * grid.cell_area()
    count = np.where(BASE.sample(world.inside_km, *at) < -12, -200, quantised(count, 1 / 8))
    write_raster(folder / "population.tif", count.astype(np.float32), grid, -200)


def make(folder: Path) -> None:
    """Write all layers into a folder, in place of those that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("*.tif"), *folder.glob("*.gpkg"), *folder.glob("*.csv")]:
        old.unlink()
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2021-06-07T00:00:00Z"})
    region = region_outline()
    world = make_world(eroded_relief(), distance_inside(region))
    towns = found_settlements(world)
    towns_km2 = town_density(towns.lonlat, towns.people)
    rural_km2 = rural_density(world)
    inside = world.inside_km > 0
    rural_km2 = rural_km2 * (RURAL_PEOPLE / (rural_km2 * BASE.cell_area())[inside].sum())
    cover = land_cover(world, towns_km2)

    write_fields(folder, world)
    write_land(folder, world, cover)
    write_people(folder, world, towns_km2, rural_km2)
    layers = {
        "region": region_layer(region),
        "protected": protected_layer(),
        "basins": basin_layer(world, region, cover, towns_km2 + rural_km2),
        "power_zones": zone_layer(region),
        "provinces": province_layer(region),
        "storage": storage_layer(),
        "settlements": settlement_layer(towns),
        "roads": road_layer(world, towns),
        "rivers": river_layer(world),
        "pipelines": pipeline_layer(world, towns),
    }
    for name, layer in layers.items():
        write_vector(folder / f"{name}.gpkg", layer)
    write_vector(folder / "roads.gpkg", railway_layer(world, towns), "railways")
    write_ground(folder, world, towns)
    site_table(towns).to_csv(folder / "sites.csv", index=False, lineterminator="\n")


def main() -> None:
    """Read the command line, make the data, and print what was written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent)
    folder = parser.parse_args().out
    make(folder)
    files = sorted(p for p in folder.iterdir() if p.suffix in {".tif", ".gpkg", ".csv"})
    for path in files:
        print(f"{path.stat().st_size / 1024:9.0f} KiB  {path.name}")
    print(f"{sum(p.stat().st_size for p in files) / 1024:9.0f} KiB  in {len(files)} files")


if __name__ == "__main__":
    main()

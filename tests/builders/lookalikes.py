"""Synthetic look-alikes of the data that real studies bring, and their scenarios.

Nothing in them is real but the forms: systems, formats, names of columns, codes, nodata and the
faults that the true files have. The scenarios use what the manual says and no more.
"""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
import xarray as xr
from affine import Affine


def raster(
    path: Path, values: Any, bounds: tuple[float, float, float, float], crs: str, **more: Any
) -> None:
    """A GeoTIFF over bounds (west, south, east, north)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.asarray(values)
    rows, cols = values.shape
    west, south, east, north = bounds
    transform = Affine((east - west) / cols, 0, west, 0, (south - north) / rows, north)
    kind = {"dtype": values.dtype, "count": 1, "height": rows, "width": cols}
    with rasterio.open(
        path, "w", driver="GTiff", crs=crs, transform=transform, **kind, **more
    ) as out:
        out.write(values, 1)


def bow_tie(x: float, y: float, size: float) -> Any:
    """A ring that crosses itself, as digitised boundaries do."""
    return shapely.Polygon([(x, y), (x + size, y + size), (x + size, y), (x, y + size)])


def rhineland(folder: Path) -> Path:
    """A district: CORINE grid codes, tiles of heights, zipped Natura 2000, CO2StoP as KML and CSV.

    The storage lies 60 km east of the district; its table is in Latin-1, with 0 for unknown.
    """
    rng = np.random.default_rng(1)
    names = ["DEA2D", "DEA23", "BE335"]
    squares = [shapely.box(6.0 + 0.4 * i, 50.6, 6.4 + 0.4 * i, 50.9) for i in range(3)]
    nuts = gpd.GeoDataFrame(
        {"NUTS_ID": names, "NAME": ["Städteregion", "Köln", "Lüttich"], "pop": [5e5, 1e6, 6e5]},
        geometry=squares,
        crs="EPSG:4258",
    )
    nuts.to_file(folder / "nuts3.geojson")
    west, south, east, north = nuts.to_crs(3035).total_bounds
    frame = (west - 5e3, south - 5e3, east + 5e3, north + 5e3)
    cover = rng.choice([2, 12, 18, 23, 24, 41], (80, 160), p=[0.1, 0.35, 0.2, 0.15, 0.15, 0.05])
    cover[:4] = -128
    raster(folder / "clc.tif", cover.astype(np.int16), frame, "EPSG:3035", nodata=-128)
    w, s, e, n = nuts.to_crs(25832).total_bounds + np.array([-5e3, -5e3, 5e3, 5e3])
    heights = np.add.outer(np.linspace(400, 100, 100), 40 * np.sin(np.arange(200) / 9))
    middle = (w + e) / 2
    raster(folder / "dem" / "a.tif", heights[:, :100].astype("f4"), (w, s, middle, n), "EPSG:25832")
    raster(folder / "dem" / "b.tif", heights[:, 100:].astype("f4"), (middle, s, e, n), "EPSG:25832")
    natura = gpd.GeoDataFrame(
        {"SITECODE": ["DE1", "DE2", "DE3"], "SITETYPE": ["A", "B", "C"]},
        geometry=[
            bow_tie(6.05, 50.65, 0.05),
            shapely.box(6.2, 50.7, 6.28, 50.8),
            shapely.box(6.25, 50.75, 6.33, 50.82),
        ],
        crs="EPSG:4326",
    ).to_crs(3035)
    (folder / "natura").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        natura.to_file(folder / "natura" / "Natura2000.shp")
    with zipfile.ZipFile(folder / "natura.zip", "w") as packed:
        for part in (folder / "natura").iterdir():
            packed.write(part, part.name)
    roads = [
        shapely.LineString([(5.9, 50.75), (7.3, 50.76)]),
        shapely.LineString([(6.2, 50.5), (6.2, 51.0)]),
    ]
    gpd.GeoDataFrame({"GP_RTP": [1, 5]}, geometry=roads, crs="EPSG:4326").to_file(
        folder / "roads.gpkg"
    )
    units = "".join(
        "<Placemark><ExtendedData><SchemaData schemaUrl='#f'>"
        f"<SimpleData name='FORMATION_ID'>{i}</SimpleData>"
        f"</SchemaData></ExtendedData><Polygon><outerBoundaryIs><LinearRing><coordinates>"
        f"{x},50.6,0 {x + 0.2},50.6,0 {x + 0.2},50.8,0 {x},50.8,0 {x},50.6,0"
        f"</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
        for i, x in ((7, 7.25), (8, 7.6), (9, 7.9))
    )
    (folder / "formations.kml").write_text(
        "<?xml version='1.0' encoding='UTF-8'?><kml xmlns='http://www.opengis.net/kml/2.2'><Document>"
        "<Schema name='f' id='f'><SimpleField type='string' name='FORMATION_ID'/></Schema>"
        f"<Folder><name>Formations</name>{units}</Folder></Document></kml>"
    )
    (folder / "storage.csv").write_text(
        "FORMATION_ID;NAME;EST_STORECAP_MEAN;RATE;DEPTH\n"
        "7;Bördemulde;120;0;0\n8;Münster;300;0;1500\n9;Höhe;0;0;1100\n".replace(";", ","),
        encoding="latin-1",
    )
    path = folder / "study.yaml"
    path.write_text(RHINELAND, encoding="utf-8")
    return path


RHINELAND = """\
name: rhineland
title: A district with storage outside it (synthetic look-alike)
region: {boundary: nuts3.geojson, where: "NUTS_ID == 'DEA2D'"}
grid: {resolution: 1 km, margin: auto}
layers:
  clc:       {path: clc.tif, preset: corine}
  elevation: {path: dem/*.tif, unit: m, kind: intensive}
  slope:     {derive: slope, from: elevation, unit: degree}
  natura:    {path: natura.zip}
  roads:     {path: roads.gpkg, preset: grip4-roads}
  districts: {path: nuts3.geojson}
  storage:
    path: formations.kml
    join: {table: storage.csv, on: FORMATION_ID, encoding: latin-1}
    preset: co2stop
    where: EST_STORECAP_MEAN > 0
resources:
  land:    {usable: {clc: {crop: 0.05, grass: 0.3, forest: 0.02}}}
  water:   {value: 8 Mm3/yr, per: region}
  power:   {value: 300 MW, capacity_factor: 0.25, per: region, intensity: 30 g/kWh}
  biomass: {value: 0.8 t/ha/yr, collectable: 0.4}
  storage: {units: storage, id: FORMATION_ID, name: NAME, capacity: EST_STORECAP_MEAN, depth: DEPTH}
transport: {reach: 150 km}
siting:
  exclude:
    - {layer: natura}
    - {layer: clc, classes: [built, water]}
    - {layer: slope, above: 15 degree}
    - {layer: roads, where: class <= 3, farther_than: 25 km}
methods: {daccs-solid: {profile: literature}, beccs-residue: {}, afforestation: {gates: false}}
network: {effort: quick}
outputs: {admin: {layer: districts, name: NAME}}
"""


def gulf_south(folder: Path) -> Path:
    """Counties as TopoJSON without a system, tables by FIPS, NATCARB without a system, EIA plants.

    FIPS codes begin with zeros.
    """
    rng = np.random.default_rng(2)
    fips = [f"0{1001 + 2 * i}" for i in range(16)]
    arcs, shapes = [], []
    for i, code in enumerate(fips):
        x, y = -88.0 + 0.4 * (i % 4), 32.0 + 0.3 * (i // 4)
        arcs.append([[x, y], [x + 0.4, y], [x + 0.4, y + 0.3], [x, y + 0.3], [x, y]])
        shapes.append(
            {"type": "Polygon", "id": code, "arcs": [[i]], "properties": {"name": f"County {i}"}}
        )
    topology = {
        "type": "Topology",
        "arcs": arcs,
        "objects": {"counties": {"type": "GeometryCollection", "geometries": shapes}},
    }
    (folder / "counties-10m.topojson").write_text(json.dumps(topology))
    pd.DataFrame(
        {"FIPS": fips, "ba": ["p89", "p90"] * 8, "water_Mgal": rng.integers(200, 2000, 16)}
    ).to_csv(folder / "water_by_county.csv", index=False)
    pd.DataFrame({"FIPS": fips, "residue_dry_t": rng.integers(20_000, 90_000, 16)}).to_csv(
        folder / "biomass.csv", index=False
    )
    laea = "+proj=laea +lat_0=45 +lon_0=-100 +datum=WGS84 +units=m"
    basins = gpd.GeoSeries(
        [shapely.box(-87.6, 31.2, -86.9, 31.9), shapely.box(-86.9, 31.2, -86.0, 31.9)],
        crs="EPSG:4326",
    ).to_crs(laea)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        gpd.GeoDataFrame(
            {"OBJECTID": [1, 2], "VOL_MED": [4.0e8, 9.0e8], "DEPTH_M": [1400.0, 2100.0]},
            geometry=basins.to_numpy(),
        ).to_file(folder / "NATCARB_Saline_Poly_v1502.gpkg")
    pd.DataFrame(
        {
            "Plant Code": [3, 7, 8],
            "Plant Name": ["Barry", "Gadsden", "Gorgas"],
            "Nameplate (MW)": [1800, 130, 700],
            "Latitude": [32.4, 32.8, 33.0],
            "Longitude": [-87.8, -86.9, -86.6],
        }
    ).to_csv(folder / "eia860_plants.csv", index=False)
    frame = (-88.2, 31.0, -86.2, 33.4)
    population = np.where(rng.random((48, 40)) < 0.9, 30, 4000).astype(np.float64)
    population[:, :2] = -200
    raster(folder / "GHS_POP.tif", population, frame, "EPSG:4326", nodata=-200)
    path = folder / "study.yaml"
    path.write_text(GULF_SOUTH, encoding="utf-8")
    return path


GULF_SOUTH = """\
name: gulf-south
title: Counties with saline formations beside them (synthetic look-alike)
region: {boundary: counties-10m.topojson, crs: "EPSG:4326"}
grid: {resolution: 4 km, margin: auto}
layers:
  zones:
    path: counties-10m.topojson
    crs: EPSG:4326
    join: {table: water_by_county.csv, on: id, key: FIPS}
    dissolve: ba
    sum: [water_Mgal]
  residues:
    path: counties-10m.topojson
    crs: EPSG:4326
    join: {table: biomass.csv, on: id, key: FIPS}
    attribute: residue_dry_t
    unit: t/yr
    kind: extensive
  saline:
    path: NATCARB_Saline_Poly_v1502.gpkg
    preset: natcarb-saline
    crs: "+proj=laea +lat_0=45 +lon_0=-100 +datum=WGS84 +units=m"
  plants: {path: eia860_plants.csv, lon: Longitude, lat: Latitude}
  people: {path: GHS_POP.tif, preset: ghs-pop}
resources:
  land:    {usable: 0.05}
  water:   {pools: zones, supply: water_Mgal, unit: Mgal/yr, name: ba}
  power:   {value: 3 TWh/yr, per: region, intensity: 350 g/kWh}
  biomass: {layer: residues}
  storage: {units: saline, id: OBJECTID, capacity: volume_mid_t, capacity_unit: t, depth: DEPTH_M}
siting:
  exclude:
    - {layer: people, above: 1000, for: [daccs-solid, beccs-residue]}
  prefer:
    - {near: plants, best: 0 km, none: 60 km}
methods: {daccs-solid: {profile: literature}, beccs-residue: {}}
objective: {minimise: cost, target: 0.3 Mt/yr}
network: {effort: quick}
"""


def central_plain(folder: Path) -> Path:
    """A land: WDPA with faults, WorldCover tiles, wind and sun atlases, ERA5 in kelvin, regrowth.

    Longitudes of the reanalysis run from 0 to 360; its latitudes from north to south.
    """
    rng = np.random.default_rng(3)
    lands = gpd.GeoSeries(
        [shapely.box(9.8, 51.8, 10.4, 52.4), shapely.box(10.4, 51.8, 11.0, 52.4)], crs="EPSG:4326"
    ).to_crs(3035)
    gpd.GeoDataFrame(
        {"NUTS_ID": ["DE9", "DEE"], "NUTS_NAME": ["West", "Öst"]},
        geometry=lands.to_numpy(),
        crs="EPSG:3035",
    ).to_file(folder / "nuts1.gpkg")
    wdpa = gpd.GeoDataFrame(
        {
            "SITE_ID": [1, 2, 3, 4],
            "NAME_ENG": list("abcd"),
            "IUCN_CAT": ["II", "V", "Ia", "Not Reported"],
            "STATUS": ["Designated", "Designated", "Proposed", "Designated"],
            "DESIG_ENG": ["National Park", "Landscape", "Reserve", "UNESCO-MAB Biosphere Reserve"],
        },
        geometry=[
            bow_tie(10.0, 51.9, 0.2),
            shapely.box(10.3, 52.0, 10.5, 52.2),
            shapely.box(10.6, 52.0, 10.9, 52.3),
            shapely.box(9.8, 51.8, 11.0, 52.4),
        ],
        crs="EPSG:4326",
    )
    wdpa.to_file(folder / "WDPA.gpkg")
    codes = rng.choice([10, 30, 40, 50, 80], (240, 240), p=[0.25, 0.2, 0.45, 0.07, 0.03]).astype(
        np.uint8
    )
    for i in range(2):
        part = (9.6 + 0.8 * i, 51.7, 10.4 + 0.8 * i, 52.5)
        raster(
            folder / "worldcover" / f"N51E{i}.tif",
            codes[:, 120 * i : 120 * (i + 1)],
            part,
            "EPSG:4326",
            nodata=0,
        )
    frame = (9.5, 51.5, 11.3, 52.7)
    wind = rng.uniform(0.2, 0.45, (60, 90)).astype("f4")
    wind[:, :2] = np.nan
    raster(folder / "gwa_cf.tif", wind, frame, "EPSG:4326")
    raster(folder / "PVOUT.tif", rng.uniform(950, 1080, (60, 90)).astype("f4"), frame, "EPSG:4326")
    raster(folder / "regrowth.tif", rng.uniform(1, 3, (60, 90)).astype("f4"), frame, "EPSG:4326")
    months = pd.date_range("2020-01-01", periods=12, freq="MS")
    latitudes, longitudes = np.arange(53, 50.9, -0.25), np.arange(8, 13.1, 0.25)
    season = 282 + 9 * np.sin(np.arange(12) / 12 * 2 * np.pi - 2)
    cube = np.broadcast_to(season[:, None, None], (12, latitudes.size, longitudes.size))
    axes = {"time": months, "latitude": latitudes, "longitude": longitudes}
    data = xr.Dataset(
        {
            "t2m": (("time", "latitude", "longitude"), cube.astype("f4"), {"units": "K"}),
            "rh": (
                ("time", "latitude", "longitude"),
                np.full(cube.shape, 78, "f4"),
                {"units": "%"},
            ),
        },
        coords=axes,
    )
    data["latitude"].attrs["units"], data["longitude"].attrs["units"] = (
        "degrees_north",
        "degrees_east",
    )
    data.to_netcdf(folder / "era5.nc")
    gpd.GeoDataFrame(
        {"id": [1, 2], "Mt": [60.0, 250.0]},
        geometry=[shapely.Point(10.7, 52.25), shapely.Point(11.4, 52.3)],
        crs="EPSG:4326",
    ).to_file(folder / "sites.gpkg")
    path = folder / "study.yaml"
    path.write_text(CENTRAL_PLAIN, encoding="utf-8")
    return path


CENTRAL_PLAIN = """\
name: central-plain
title: Two lands with own renewables and regrowth (synthetic look-alike)
region: {boundary: nuts1.gpkg}
grid: {resolution: 2 km, margin: auto}
layers:
  lands:       {path: nuts1.gpkg}
  protected:   {path: WDPA.gpkg, preset: wdpa}
  cover:       {path: worldcover/*.tif, preset: esa-worldcover}
  wind:        {path: gwa_cf.tif, preset: global-wind-atlas-cf}
  sun:         {path: PVOUT.tif, preset: global-solar-atlas}
  regrowth:    {path: regrowth.tif, preset: cook-patton-growth}
  temperature: {path: era5.nc, variable: t2m, crs: EPSG:4326, preset: era5-temperature, band: all}
  humidity:    {path: era5.nc, variable: rh, crs: EPSG:4326, kind: intensive, band: all}
  sites:       {path: sites.gpkg, buffer: 5 km}
resources:
  land:    {usable: {cover: {grass: 0.5, crop: 0.05, forest: 0.01}}}
  water:   {value: 5 mm/yr}
  biomass: {value: 0.5 t/ha/yr}
  power:   {value: 2 TWh/yr, per: region, intensity: 40 g/kWh}
  storage: {units: sites, id: id, capacity: Mt}
siting:
  exclude:
    - {layer: protected, where: "iucn_cat in ('Ia', 'Ib', 'II')", buffer: 500 m}
    - {layer: cover, classes: [built, water]}
  prefer:
    - {layer: wind, worst: 0.2, best: 0.45}
methods:
  daccs-solid:
    profile: literature
    climate: {temperature: temperature, humidity: humidity}
    own_power: {pv_yield: sun, firm_share: 0.9}
  beccs-residue: {}
  afforestation: {rate: regrowth, gates: false}
network: {effort: quick}
outputs: {admin: {layer: lands, name: NUTS_NAME}}
"""

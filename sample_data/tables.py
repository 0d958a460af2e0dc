"""The vector layers and their attributes, as GeoDataFrames in the CRS they are shipped in."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from areas import (
    STORAGE,
    mask,
    polygons,
    sub_basins,
    warped_cells,
    wobbly,
)
from fields import CROP, World, class_share, runoff
from numpy.typing import NDArray
from places import Names, Settlements, joined_lines, river_lines, road_lines
from pyproj import Geod
from shapely import MultiPolygon, Polygon
from terrain import BASE, COARSE, Array

DEGREES = "EPSG:4326"
UTM48 = "EPSG:32648"
CGCS2000 = "EPSG:4490"
AVAILABLE_WATER = 0.38e9  # [m3/yr] that may be withdrawn on top of today's use
STRESS_STEPS = (0.1, 0.2, 0.4, 0.8)  # Aqueduct 4.0: bounds of the categories 0 to 4

# (lon, lat, half-axes [km], IUCN category, status, kind); invented
PROTECTED = (
    (106.05, 34.92, (21, 13), "Ia", "Designated", "reserve"),
    (109.05, 36.55, (17, 22), "II", "Designated", "park"),
    (107.15, 37.22, (30, 9), "Ib", "Designated", "reserve"),
    (105.75, 36.45, (24, 14), "IV", "Designated", "reserve"),
    (107.95, 34.86, (19, 8), "II", "Designated", "park"),
    (108.35, 36.32, (6, 5), "IV", "Inscribed", "wetland"),
    (109.12, 35.95, (13, 15), "VI", "Designated", "forest"),
    (105.35, 35.72, (11, 20), "III", "Designated", "reserve"),
    (107.33, 35.93, (8, 6), "V", "Established", "landscape"),
    (108.95, 35.25, (12, 7), "IV", "Designated", "wetland"),
    (106.85, 36.05, (9, 7), "V", "Designated", "landscape"),
    (107.75, 36.95, (10, 8), "Not Reported", "Proposed", "forest"),
    (106.62, 34.98, (12, 9), "II", "Proposed", "park"),
    (106.30, 36.72, (13, 8), "Not Reported", "Designated", "reserve"),
    (105.55, 35.18, (10, 7), "VI", "Designated", "forest"),
    (108.62, 37.10, (12, 7), "III", "Inscribed", "landscape"),
)
KINDS = {
    "reserve": (" Nature Reserve", "自然保护区"),
    "park": (" National Park", "国家公园"),
    "wetland": (" Wetland", "湿地"),
    "forest": (" Forest Park", "森林公园"),
    "landscape": (" Scenic Area", "风景区"),
}
# (lon, lat) of the seed, spare clean supply [TWh/yr], its intensity, today's mean [g CO2/kWh]
POWER_ZONES = (
    ((105.9, 36.8), 9.6, 18, 430),
    ((108.5, 36.9), 5.7, 27, 560),
    ((105.8, 35.2), 2.8, 22, 310),
    ((107.2, 36.0), 1.6, 41, 690),
    ((108.6, 35.3), 0.7, 56, 775),
)
# (lon, lat) of the seed, hard-to-abate emissions that remain [Mt CO2/yr]
PROVINCES = (
    ((105.8, 36.5), 8.4),
    ((107.9, 36.9), 12.6),
    ((106.3, 35.1), 14.1),
    ((108.5, 35.5), 31.5),
)


def frame(rows: list[dict[str, Any]], crs: str) -> gpd.GeoDataFrame:
    """Rows in EPSG:4326 as a layer in another CRS; "geometry" is a key of each row."""
    layer = gpd.GeoDataFrame(rows, geometry="geometry", crs=DEGREES)
    return layer if crs == DEGREES else layer.to_crs(crs)


def area_km2(area: Polygon | MultiPolygon) -> float:
    """Area on the WGS 84 ellipsoid [km2]."""
    return round(abs(Geod(ellps="WGS84").geometry_area_perimeter(area)[0]) / 1e6, 2)


def region_layer(region: Polygon) -> gpd.GeoDataFrame:
    """The study region."""
    name = "Inland basin (synthetic) 内陆盆地（虚构）"
    return frame([{"name": name, "geometry": region}], DEGREES)


def stress_category(raw: float) -> int:
    """Water stress category 0 to 4 of a ratio of withdrawal to supply."""
    return int(np.searchsorted(STRESS_STEPS, raw, side="right"))


def basin_layer(
    world: World, region: Polygon, cover: NDArray[np.uint8], people: Array
) -> gpd.GeoDataFrame:
    """River basins with the water that may still be withdrawn and today's stress.

    Parameters
    ----------
    world : World
        Rain and rivers.
    region : Polygon
        Outline to tile.
    cover : array of uint8
        Land cover, whose cropland is irrigated.
    people : array, base frame
        Persons per km2.
    """
    labels = sub_basins(world.rivers, mask(region, COARSE), 12)
    names = Names("basins")
    cells = BASE.cell_area()
    supply_mm = runoff(world.rain)  # 1 mm on 1 km2 is 1000 m3
    dry = np.exp(-(((world.rain - 350) / 180) ** 2))
    need = people * 38.0 + 100 * class_share(cover, CROP) * (120 + 500 * dry)  # [m3/yr/km2]
    rows = []
    for number, area in enumerate(polygons(labels, region).values(), 1):
        here = shapely.contains_xy(area, *[c.ravel() for c in BASE.centres()]).reshape(BASE.shape)
        supply = float((supply_mm * 1000 * cells)[here].sum())
        raw = float((need * cells)[here].sum()) / supply
        name = names.take(" Basin", "流域")
        row = {"basin_id": f"B{number:02d}", "name": name.en, "name_zh": name.zh, "raw": raw}
        row |= {"rain": float(world.rain[here].mean()), "supply": supply, "geometry": area}
        rows.append(row)
    table = pd.DataFrame(rows)
    # runoff counts more than in proportion, and where most of it is used little is left
    left = table.supply**1.1 * np.clip(1 - table.raw / 0.55, 0.01, 1) ** 1.3
    left = left * np.clip((table.rain - 230) / 270, 0.1, 1)  # dry rivers keep what they have
    table["available_m3"] = (left / left.sum() * AVAILABLE_WATER).round(-3)
    table["bws_raw"] = table.raw.round(4)
    table["bws_cat"] = [stress_category(raw) for raw in table.raw]
    # as in Aqueduct: arid with low use is category -1, ratio 1; 9999 is an exhausted supply
    arid = table.rain.idxmin()
    table.loc[arid, ["bws_raw", "bws_cat"]] = (1.0, -1)
    exhausted = table.raw.drop(arid).idxmax()
    table.loc[exhausted, ["bws_raw", "bws_cat"]] = (9999.0, 4)
    table["bws_cat"] = table.bws_cat.astype("int32")
    months = monthly_water(table.supply.to_numpy(), table.available_m3.to_numpy())
    columns = ["basin_id", "name", "name_zh", "available_m3", *months, "bws_raw", "bws_cat"]
    table = pd.concat([table, pd.DataFrame(months)], axis=1)
    return frame(table[[*columns, "geometry"]].to_dict("records"), UTM48)


RAINY = np.array([2.0, 2.2, 3.5, 5.0, 7.0, 9.5, 15.0, 18.0, 15.0, 10.5, 6.8, 5.5]) / 100.0
"""Part of the year's flow in each month: a river of the summer monsoon [1]."""
SPARE = np.array([4.5, 4.0, 4.0, 4.5, 5.0, 6.0, 14.0, 18.0, 16.0, 11.0, 7.5, 5.5]) / 100.0
"""Part of the year's spare water in each month: fields take what there is in spring [1]."""


def monthly_water(flow: NDArray[np.float64], spare: NDArray[np.float64]) -> dict[str, Array]:
    """Flow of each month, and what is used of it today, so that the spare water is left.

    Of each month 60, 45 or 30 percent stays in the river (variable monthly flow); use is what is
    then taken of the rest, less the spare water of the month, and never below 0.
    """
    natural = flow[:, None] * RAINY
    mean = natural.mean(axis=1, keepdims=True)
    stays = np.where(natural > 0.8 * mean, 0.3, np.where(natural <= 0.4 * mean, 0.6, 0.45))
    used = np.maximum(natural * (1.0 - stays) - spare[:, None] * SPARE, 0.0)
    columns = {f"flow_{p + 1:02d}": natural[:, p].round() for p in range(12)}
    return {**columns, **{f"used_{p + 1:02d}": used[:, p].round() for p in range(12)}}


def zone_layer(region: Polygon) -> gpd.GeoDataFrame:
    """Power zones: spare clean electricity, its emission intensity and today's average."""
    names = Names("zones")
    areas = polygons(warped_cells("zones", [z[0] for z in POWER_ZONES], 0.16), region)
    rows = []
    for value, area in areas.items():
        _, spare, clean, today = POWER_ZONES[value - 1]
        name = names.take(" Grid", "电网")
        row = {"zone_id": f"Z{value}", "name": name.en, "name_zh": name.zh, "spare_twh": spare}
        row |= {"grid_g_kwh": float(clean), "avg_grid_g_kwh": float(today), "geometry": area}
        rows.append(row)
    return frame(rows, CGCS2000)


def province_layer(region: Polygon) -> gpd.GeoDataFrame:
    """First-level administrative units and the emissions that will remain in them."""
    names = Names("provinces")
    areas = polygons(warped_cells("provinces", [p[0] for p in PROVINCES], 0.22), region)
    rows = []
    for value, area in areas.items():
        name = names.take("", "省")
        row = {"gid_1": f"ZZZ.{value}_1", "name_1": name.en, "name_zh": name.zh}
        rows.append(row | {"residual_mt_yr": PROVINCES[value - 1][1], "geometry": area})
    return frame(rows, DEGREES)


def bowtie(area: Polygon) -> Polygon:
    """The outline with two neighbouring corners exchanged: it crosses itself once, slightly."""
    points = np.array(area.exterior.coords)[:-1]
    points[[40, 41]] = points[[41, 40]]
    return Polygon(points)


def protected_layer() -> gpd.GeoDataFrame:
    """Protected areas in the manner of the WDPA: one has a hole, one crosses itself."""
    names = Names("protected")
    rows = []
    for number, (lon, lat, km, category, status, kind) in enumerate(PROTECTED):
        area = wobbly(f"protected {number}", lon, lat, km, 0.22)
        if number == 1:  # an enclave of villages
            area = area.difference(wobbly("enclave", lon - 0.02, lat + 0.03, (5, 4), 0.15))
        size = area_km2(area)
        if number == 3:
            area = bowtie(area)
        parts = [area]
        if number == 6:  # two parts
            second = wobbly("exclave", lon + 0.05, lat - 0.27, (6, 5), 0.2)
            parts.append(second)
            size += area_km2(second)
        name = names.take(*KINDS[kind])
        row = {"wdpaid": 990000001 + number, "name": name.en, "name_zh": name.zh}
        row |= {
            "desig_eng": KINDS[kind][0].strip(),
            "iucn_cat": category,
            "status": status,
            "gis_area": size,
        }
        rows.append(row | {"geometry": MultiPolygon(parts)})
    return frame(rows, DEGREES)


def storage_layer() -> gpd.GeoDataFrame:
    """Storage units; the uneven numbers are those of the list they come from."""
    names = Names("storage")
    rows = []
    for unit in STORAGE:
        lower, upper = unit.spread
        kind, kind_zh = {
            "saline": (" Aquifer", "含水层"),
            "depleted_gas": (" Gas Field", "气田"),
            "eor": (" Oil Field", "油田"),
        }[unit.kind]
        name = names.take(kind, kind_zh)
        row = {"unit_id": unit.unit_id, "name": name.en, "name_zh": name.zh, "kind": unit.kind}
        row |= {
            "capacity_low_mt": round(unit.capacity_mt * lower, 1),
            "capacity_mt": float(unit.capacity_mt),
            "capacity_high_mt": round(unit.capacity_mt * upper, 1),
            "rate_mt_yr": unit.rate_mt_yr,
            "depth_m": float(unit.depth_m),
            "thickness_m": float(unit.thickness_m),
            "unit_cost_usd_t": unit.unit_cost_usd_t,
            "stacked_on": unit.stacked_on,
            "geometry": wobbly(f"storage {unit.unit_id}", *unit.lonlat, unit.half_axes_km, 0.12),
        }
        rows.append(row)
    return frame(rows, UTM48)


def settlement_layer(towns: Settlements) -> gpd.GeoDataFrame:
    """Cities and towns."""
    rows = []
    for point, count, name in zip(towns.lonlat, towns.people, towns.names, strict=True):
        row = {"name": name.en, "name_zh": name.zh, "population": int(count)}
        rows.append(row | {"geometry": shapely.Point(np.round(point, 5))})
    return frame(rows, DEGREES)


def road_layer(world: World, towns: Settlements) -> gpd.GeoDataFrame:
    """Roads in the classes of GRIP: 1 highway, 2 primary, 3 secondary, 4 tertiary, 5 local."""
    rows = [
        {"gp_rtp": kind, "name": name, "geometry": line}
        for line, kind, name in road_lines(world, towns)
    ]
    return frame(rows, DEGREES)


def railway_layer(world: World, towns: Settlements) -> gpd.GeoDataFrame:
    """Railways between the nine largest settlements."""
    rows = []
    for lines in joined_lines(world, towns.lonlat[:9], grade=1.6):
        for line in lines:
            rows.append({"name": f"R{len(rows) + 1:02d}", "geometry": line})
    return frame(rows, DEGREES)


def river_layer(world: World) -> gpd.GeoDataFrame:
    """Rivers, the longest first, with their Strahler order and discharge at the mouth."""
    names = Names("rivers")
    rows = []
    for line, order, flow in river_lines(world, 2.2):
        name = names.take(" River", "河")
        row = {"name": name.en, "name_zh": name.zh, "order": order, "flow_m3_s": round(flow, 1)}
        rows.append(row | {"geometry": line})
    return frame(rows, DEGREES)


def pipeline_layer(world: World, towns: Settlements) -> gpd.GeoDataFrame:
    """Existing lines: gas from a field through the larger cities, and a short one for CO2."""
    middle = {unit.unit_id: unit.lonlat for unit in STORAGE}
    gas = np.vstack([middle["S05"], towns.lonlat[:4], middle["S06"]])
    carbon = np.vstack([middle["S07"], towns.lonlat[0]])
    known = [(20, 3.6, "operating"), (24, 5.2, "operating"), (16, 2.1, "operating")]
    known += [(12, 1.1, "decommissioned"), (16, 2.1, "planned")]
    rows = []
    for number, lines in enumerate(joined_lines(world, gas, grade=5.0)):
        diameter, capacity, status = known[number]
        for line in lines:
            row = {"name": f"Gas line {number + 1} 输气管道", "diameter_in": float(diameter)}
            row |= {"capacity_mt_yr": capacity, "status": status, "geometry": line}
            rows.append(row)
    for line in joined_lines(world, carbon, grade=5.0)[0]:
        row = {"name": "CO2 line 1 二氧化碳管道", "diameter_in": 10.0, "capacity_mt_yr": 0.8}
        rows.append(row | {"status": "operating", "geometry": line})
    return frame(rows, DEGREES)


def site_table(towns: Settlements) -> pd.DataFrame:
    """Existing plants whose biogenic CO2 could be captured, beside settlements."""
    kinds = (
        ("bio-power", " Bio-power Plant", "生物质电厂"),
        ("waste-to-energy", " Waste-to-energy Plant", "垃圾焚烧电厂"),
        ("bio-power", " Straw Power Plant", "秸秆电厂"),
        ("ethanol", " Ethanol Plant", "乙醇厂"),
        ("pulp-mill", " Pulp Mill", "纸浆厂"),
    )
    names = Names("sites")
    rows = []
    for number, town in enumerate((0, 1, 2, 3, 4, 6, 7, 9, 11, 14, 17, 21, 26, 33)):
        kind, suffix, suffix_zh = kinds[number % len(kinds)]
        name = names.take(suffix, suffix_zh)
        lon, lat = towns.lonlat[town] + 0.055 * np.array(
            [np.cos(number * 2.4), np.sin(number * 2.4)]
        )
        row = {"lon": round(float(lon), 4), "lat": round(float(lat), 4), "name": name.en}
        rows.append(row | {"name_zh": name.zh, "kind": kind})
    return pd.DataFrame(rows)

"""Soils, climates, runoff, peat, check dams, works and quarries: what further methods need."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from areas import mask, wobbly
from fields import World, runoff
from numpy.typing import NDArray
from places import Settlements
from terrain import BASE, Array, Frame, noise, smoothstep, stream

GROUND_FRAME = Frame(0.02)  # about 2 km
HIGH_ACTIVITY, LOW_ACTIVITY, SANDY, WET, ORGANIC = 1, 2, 3, 4, 5
ZONES = ("boreal dry", "boreal moist", "cool dry", "cool moist", "warm dry", "warm moist")

# (lon, lat, half-axes [km]) of drained peat; invented
PEAT = (
    (108.05, 35.05, (5.5, 3.5)),
    (108.75, 35.55, (4.0, 3.0)),
    (107.55, 35.35, (3.5, 2.5)),
    (108.95, 36.15, (5.0, 3.0)),
)
CHECK_DAMS = 14
# kind of works, name in two scripts, towns beside which it stands, t/yr of each residue there
WORKS = (
    ("steel", " Steel Works", "钢铁厂", (0, 5), {"slag_t_yr": 620_000}),
    ("acetylene", " Acetylene Works", "电石厂", (8, 13), {"carbide_slag_t_yr": 180_000}),
    ("coal-power", " Power Station", "发电厂", (1, 3, 10), {"ash_t_yr": 850_000}),
)
# kind of emitter, name in two scripts, towns, Mt/yr of CO2 of the first, origin of its carbon (a
# number is the share that is biogenic), USD, kWh and m3 per captured tonne; all invented
EMITTERS = (
    ("coal-power", " Power Station", "发电厂", (1, 3, 10, 15), 3.6, "fossil", 52.0, 240, 1.6),
    ("steel", " Steel Works", "钢铁厂", (0, 5), 2.4, "fossil", 64.0, 180, 1.2),
    ("cement", " Cement Works", "水泥厂", (2, 7, 12, 18), 1.1, "process", 58.0, 160, 0.6),
    ("ammonia", " Ammonia Works", "合成氨厂", (4, 9), 0.7, "fossil", 21.0, 110, 0.3),
    ("pulp", " Pulp Mill", "制浆厂", (6, 14), 0.8, "biogenic", 55.0, 150, 0.8),
    ("ethanol", " Ethanol Plant", "乙醇厂", (11, 17), 0.25, "biogenic", 17.0, 105, 0.2),
    ("waste", " Waste-to-energy Plant", "垃圾焚烧电厂", (8,), 0.45, "0.55", 82.0, 260, 1.0),
)
CLOSING = {"coal-power": 2043, "steel": 2058, "cement": 2062}  # of the first; others later
OPENING = {"ammonia": 2033, "waste": 2028}  # from which year it stands
QUARRY_TOWNS = (2, 6, 12, 16, 20)  # beside which basalt is quarried
GYPSUM_OF_ASH = 0.35  # t of gypsum from flue-gas cleaning per t of ash


def at_ground(field: Array) -> Array:
    """A field of the base frame on the ground frame."""
    return BASE.sample(field, *GROUND_FRAME.centres())


def climate_zones(world: World) -> NDArray[np.uint8]:
    """Codes 1 to 6 of :data:`ZONES`.

    Warm is above 10, cool above 0 degC; moist is more rain than 58.93 mm per degree (Holdridge).
    """
    warmth, rain = at_ground(world.temperature), at_ground(world.rain)
    moist = rain > 58.93 * np.maximum(warmth, 0)
    return (1 + 2 * ((warmth > 0).astype(int) + (warmth > 10)) + moist).astype(np.uint8)


def soil_kinds(world: World) -> NDArray[np.uint8]:
    """IPCC kinds of soil, and organic soil where the peat is.

    1 high activity clay, 2 low activity clay, 3 sandy, 4 wet, 5 organic.
    """
    rain, river = at_ground(world.rain), at_ground(world.river_km)
    slope, warmth = at_ground(world.slope), at_ground(world.temperature)
    patch = noise("soils", GROUND_FRAME, 20, 2.0)
    kinds = np.full(GROUND_FRAME.shape, HIGH_ACTIVITY, np.uint8)
    kinds[(rain + 60 * patch > 640) & (warmth > 2) & (patch > 0.4)] = LOW_ACTIVITY
    kinds[rain + 45 * patch < 290] = SANDY
    kinds[(river < 1.5) & (slope < 1.5) & (rain > 450) & (patch > 0)] = WET
    for area in peat_areas():
        kinds[mask(area, GROUND_FRAME)] = ORGANIC
    return kinds


def soil_acidity(world: World) -> Array:
    """PH in water: lime in the dry north-west, acid in the wet south-east."""
    dry = smoothstep(at_ground(world.rain), 750, 220)
    return np.clip(5.4 + 3.0 * dry + 0.18 * noise("acidity", GROUND_FRAME, 12, 1.8), 4.5, 8.8)


def yearly_runoff(world: World) -> Array:
    """Runoff [mm/yr], the same that feeds the rivers."""
    return at_ground(runoff(world.rain))


def peat_areas() -> list[shapely.Polygon]:
    """Outlines of the drained peat."""
    return [wobbly(f"peat {n}", *place, 0.25).simplify(1e-3) for n, place in enumerate(PEAT)]


def peat_layer() -> gpd.GeoDataFrame:
    """Drained peatland under grass."""
    rows = [
        {"peat_id": f"P{n}", "nutrients": "rich", "geometry": area}
        for n, area in enumerate(peat_areas(), 1)
    ]
    return gpd.GeoDataFrame(rows, geometry="geometry", crs="EPSG:4326")


def check_dam_layer(world: World) -> gpd.GeoDataFrame:
    """Catchments with check dams, in gullied hills of middling rain."""
    fit = np.exp(-(((world.rain - 430) / 60) ** 2)) * smoothstep(world.slope, 3, 9)
    fit = fit * smoothstep(world.river_km, 9, 1) * (world.inside_km > 12)
    random = stream("check dams")
    chosen = random.choice(fit.size, CHECK_DAMS, replace=False, p=(fit / fit.sum()).ravel())
    places = BASE.to_lonlat(chosen // fit.shape[1], chosen % fit.shape[1])
    rows: list[dict[str, Any]] = []
    for number, (lon, lat) in enumerate(places, 1):
        km = (float(random.uniform(5, 9)), float(random.uniform(5, 9)))
        area = wobbly(f"check dam {number}", float(lon), float(lat), km, 0.2).simplify(1e-3)
        rows.append({"dam_id": f"D{number:02d}", "geometry": area})
    return gpd.GeoDataFrame(rows, geometry="geometry", crs="EPSG:4326")


def beside(towns: Settlements, town: int, turn: float, degrees: float) -> dict[str, float]:
    """A place next to a town."""
    lon, lat = towns.lonlat[town] + degrees * np.array([np.cos(turn), np.sin(turn)])
    return {"lon": round(float(lon), 4), "lat": round(float(lat), 4)}


# kind of place, name in two scripts, towns beside which it lies, depth of the water [m]
PLACES_COMPARED = (
    ("port", " River Port", "内河港", (0, 3, 6, 9), (4.5, 3.5, 3.2, 2.4)),
    ("quarry", " Limestone Quarry", "石灰石矿", (2, 7, 12), (0.0, 0.0, 0.0)),
)


def port_table(towns: Settlements) -> pd.DataFrame:
    """River ports and limestone quarries: lon, lat, names, kind, draught."""
    rows: list[dict[str, Any]] = []
    for kind, suffix, suffix_zh, places, depths in PLACES_COMPARED:
        for town, depth in zip(places, depths, strict=True):
            name = towns.names[town]
            row: dict[str, Any] = beside(towns, town, 0.6 + 1.7 * len(rows), 0.05)
            row |= {"name": name.en + suffix, "name_zh": name.zh + suffix_zh, "kind": kind}
            rows.append(row | {"draught_m": depth})
    return pd.DataFrame(rows)


def works_table(towns: Settlements) -> pd.DataFrame:
    """Works and what arises there of alkaline residues [t/yr]."""
    columns = ("slag_t_yr", "carbide_slag_t_yr", "ash_t_yr", "gypsum_t_yr")
    rows = []
    for kind, suffix, suffix_zh, places, amounts in WORKS:
        for order, town in enumerate(places):
            name = towns.names[town]
            row: dict[str, Any] = beside(towns, town, 1.3 + 2.1 * len(rows), 0.07)
            row |= {"name": name.en + suffix, "name_zh": name.zh + suffix_zh, "kind": kind}
            size = 1 - 0.25 * order
            row |= {key: round(amounts.get(key, 0) * size) for key in columns}
            row["gypsum_t_yr"] = round(row["ash_t_yr"] * GYPSUM_OF_ASH)
            rows.append(row)
    return pd.DataFrame(rows)


def emitter_table(towns: Settlements) -> pd.DataFrame:
    """Plants that could capture their CO2: what they emit, of which origin, and what it takes."""
    rows = []
    for kind, suffix, suffix_zh, places, emitted, origin, cost, power, water in EMITTERS:
        for order, town in enumerate(places):
            name = towns.names[town]
            row: dict[str, Any] = beside(towns, town, 0.4 + 1.1 * len(rows), 0.08)
            row |= {"name": name.en + suffix, "name_zh": name.zh + suffix_zh, "kind": kind}
            row |= {
                "emission_mt": round(emitted * (1 - 0.2 * order), 3),
                "origin": origin,
                "capture_usd_t": round(cost * (1 + 0.06 * order), 1),
                "kwh_t": power,
                "water_m3_t": water,
                "year_on": OPENING.get(kind),
                "year_off": CLOSING[kind] + 6 * order if kind in CLOSING else None,
            }
            rows.append(row)
    table = pd.DataFrame(rows)
    return table.astype({"year_on": "Int64", "year_off": "Int64"})


def quarry_table(towns: Settlements) -> pd.DataFrame:
    """Quarries of basalt and what they could grind [t/yr]."""
    rows = []
    for order, town in enumerate(QUARRY_TOWNS):
        name = towns.names[town]
        row: dict[str, Any] = beside(towns, town, 0.7 + 1.9 * order, 0.1)
        row |= {"name": f"{name.en} Quarry", "name_zh": f"{name.zh}采石场"}
        rows.append(row | {"rock_t_yr": round(900_000 * (1 - 0.12 * order))})
    return pd.DataFrame(rows)

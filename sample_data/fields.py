"""Climate, land cover, energy, people and biomass: fields that follow from relief and rain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from terrain import BASE, COARSE, Array, Frame, Rivers, noise, rim_radius, rivers_of, smoothstep

LANDCOVER_FRAME = Frame(1 / 360)  # 10 arc-seconds, about 300 m
TREE, SHRUB, GRASS, CROP, BUILT = 10, 20, 30, 40, 50
BARE, SNOW, WATER, WETLAND, MOSS = 60, 70, 80, 90, 100
# Mean departure of each month from the annual mean, as a share of the seasonal amplitude
SEASON = np.array([-1.0, -0.78, -0.25, 0.28, 0.62, 0.9, 1.0, 0.88, 0.45, 0.02, -0.5, -0.9])
# Relative humidity by month [% points about the annual mean]: dry spring, monsoon in late summer
HUMID = np.array([-6.0, -7.0, -9.0, -10.0, -6.0, 1.0, 11.0, 14.0, 13.0, 6.0, 0.0, -5.0])


@dataclass(frozen=True)
class World:
    """The fields that every layer is drawn from, all on the base frame.

    Parameters
    ----------
    elevation : array
        Elevation [m].
    slope : array
        Slope [degree].
    rain : array
        Precipitation [mm/yr].
    temperature : array
        Annual mean [degC].
    river_km : array
        Distance to the next river [km].
    inside_km : array
        Distance to the region's outline [km], negative outside.
    rivers : Rivers
        Drainage on the coarse frame.
    """

    elevation: Array
    slope: Array
    rain: Array
    temperature: Array
    river_km: Array
    inside_km: Array
    rivers: Rivers


def slope_degrees(z: Array, frame: Frame) -> Array:
    """Slope [degree] of an elevation [m]."""
    dy, dx = frame.km
    gy, gx = np.gradient(z, dy * 1000, dx * 1000)
    return np.degrees(np.arctan(np.hypot(gx, gy)))


def rainfall(z: Array, frame: Frame) -> Array:
    """Precipitation [mm/yr]: from the south-east, more on high ground, less behind it."""
    lon, lat = frame.centres()
    east_south = 0.62 * (lon - 107.25) / 2.25 - 0.78 * (lat - 36.0) / 1.5
    lift = ndimage.gaussian_filter(z, [4 / k for k in frame.km])
    shadow = ndimage.shift(lift, (-25 / frame.km[0], -25 / frame.km[1]), order=1, mode="nearest")
    rain = 440 + 320 * np.tanh(1.25 * east_south) + 38 * noise("rain", frame, 60, 2.6)
    rain = rain + 0.07 * (lift - 900) - 0.03 * (shadow - 900)
    return np.clip(rain, 130, 980)


def make_world(z: Array, inside_km: Array) -> World:
    """Fields from the eroded relief.

    Parameters
    ----------
    z : array, coarse frame
        Elevation [m].
    inside_km : array, base frame
        Distance to the outline of the region [km], negative outside.
    """
    lon, lat = BASE.centres()
    rivers = rivers_of(z, runoff(rainfall(z, COARSE)))
    fine = COARSE.sample(z, lon, lat, order=3)
    rough = np.clip(ndimage.gaussian_filter(slope_degrees(fine, BASE), 3), 0, 12)
    elevation = np.clip(fine + (2 + 4.5 * rough) * noise("fine relief", BASE, 4, 1.7), 290, 3500)
    far = ndimage.distance_transform_edt(rivers.flow < 1.2, sampling=COARSE.km)
    temperature = 17.2 - 0.75 * (lat - 34.5) - 5.6 * elevation / 1000
    return World(
        elevation=elevation,
        slope=slope_degrees(elevation, BASE),
        rain=rainfall(elevation, BASE),
        temperature=temperature + 0.25 * noise("temperature", BASE, 40, 2.5),
        river_km=COARSE.sample(far, lon, lat),
        inside_km=inside_km,
        rivers=rivers,
    )


def runoff(rain: Array) -> Array:
    """Runoff [mm/yr] of a precipitation [mm/yr]: a share that falls steeply with dryness."""
    return rain * 0.42 * (rain / 1000) ** 1.6


def land_cover(world: World, urban: Array) -> NDArray[np.uint8]:
    """WorldCover codes on the land cover frame: the class whose conditions fit best.

    Parameters
    ----------
    world : World
        Relief and climate.
    urban : array, base frame
        Persons per km2 living in settlements.
    """
    frame = LANDCOVER_FRAME
    lon, lat = frame.centres()
    z, rain = (BASE.sample(f, lon, lat) for f in (world.elevation, world.rain))
    slope, river = (BASE.sample(f, lon, lat) for f in (world.slope, world.river_km))
    people = BASE.sample(urban, lon, lat)
    parcel = noise("parcels", frame, 1.5, 1.9)  # stands and blocks of fields
    patch = noise("patches", frame, 14, 1.8)
    rain = rain + 35 * patch + 55 * np.exp(-river / 3.0)
    flat = np.exp(-slope / 3.2)
    scores = {
        TREE: smoothstep(rain, 430, 680) * (0.55 + 0.5 * smoothstep(slope, 1.0, 9.0))
        - 1.2 * smoothstep(z, 2500, 2950)
        + 0.05
        + 0.22 * parcel,
        SHRUB: 0.52 - np.abs(rain - 400) / 420 + 0.10 * smoothstep(slope, 2, 8) - 0.17 * parcel,
        GRASS: 0.68 - np.abs(rain - 330) / 480 + 0.22 * smoothstep(z, 2200, 2800) - 0.06 * patch,
        CROP: smoothstep(rain, 330, 520) * flat * (1.05 - 0.8 * smoothstep(z, 1200, 2100))
        + 0.55 * smoothstep(river, 4.0, 0.5) * flat * smoothstep(z, 1900, 1300)
        + 0.17 * patch,
        BARE: 1.20 - rain / 290 + 0.09 * patch + 0.06 * parcel,
        MOSS: smoothstep(z, 2750, 3100) * 0.95 + 0.05 * patch,
        SNOW: smoothstep(z, 3100, 3350) * 1.3,
    }
    codes = np.array(list(scores), np.uint8)
    cover = codes[np.argmax(np.stack(list(scores.values())), axis=0)]
    flow = COARSE.sample(ndimage.maximum_filter(world.rivers.flow, 2), lon, lat)
    cover[(river < 1.6) & (slope < 1.0) & (flow > 9) & (patch + parcel > 1.5)] = WETLAND
    cover[(flow > 60) & (river < 0.9)] = WATER
    cover[(river < 5) & (slope < 0.7) & (patch > 2.25)] = WATER  # lakes and reservoirs
    cover[(people > 1500 * np.exp(0.5 * parcel)) & (cover != WATER)] = BUILT
    return tidy(cover)


def tidy(cover: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Classes with single odd pixels removed: a pixel takes its neighbours' class if all agree."""
    around = np.stack([np.roll(cover, s, a) for a in (0, 1) for s in (-1, 1)])
    lonely = (around == around[0]).all(axis=0) & (around[0] != cover)
    return np.where(lonely, around[0], cover).astype(np.uint8)


def class_share(cover: NDArray[np.uint8], code: int) -> Array:
    """Share of a class around each cell of the base frame."""
    share = ndimage.uniform_filter((cover == code).astype(float), 3)
    return LANDCOVER_FRAME.sample(share, *BASE.centres())


def pv_yield(world: World) -> Array:
    """PV yield [kWh/kWp/yr], highest in the dry north-west and on high ground."""
    cloud = ndimage.gaussian_filter(world.rain, 12)
    relief = world.elevation - ndimage.gaussian_filter(world.elevation, 10)
    south = -np.gradient(ndimage.gaussian_filter(world.elevation, 1.5), axis=0)
    value = 1895 - 1.1 * (cloud - 150) + 0.035 * (world.elevation - 900)
    value = value + 22 * noise("cloud", BASE, 70, 2.6) - 0.12 * np.abs(relief) - 0.2 * south
    return np.clip(value, 1105, 1895)


def wind_capacity_factor(world: World) -> Array:
    """Wind capacity factor [1], highest on ridges and in the open north-west."""
    lon, lat = BASE.centres()
    exposed = world.elevation - ndimage.gaussian_filter(world.elevation, 14)
    north_west = smoothstep((lat - 36.0) / 1.5 - (lon - 107.25) / 2.25, -1.2, 1.6)
    value = 0.185 + 0.11 * north_west + 0.00026 * exposed + 0.02 * noise("wind", BASE, 35, 2.2)
    return np.clip(value, 0.07, 0.52)


def forest_uptake(world: World) -> Array:
    """Uptake of a new forest over its first 30 years [t CO2/ha/yr]; NaN where none can grow."""
    warm = smoothstep(world.temperature, 0.5, 13.0)
    wet = smoothstep(world.rain, 260, 900)
    value = 0.5 + 15.5 * wet * (0.25 + 0.75 * warm) * np.exp(-world.slope / 60)
    value = value * np.exp(0.13 * noise("site quality", BASE, 9, 1.8))
    barren = (world.rain < 300) | (world.elevation > 2900) | (world.temperature < 0.8)
    return np.where(barren, np.nan, np.clip(value, 0.5, 14.0))


def monthly_temperature(world: World) -> Array:
    """Monthly mean temperature [degC], shape (12, rows, columns) of the base frame."""
    amplitude = 15.8 - 0.0035 * (world.rain - 150) + 0.4 * (BASE.centres()[1] - 36)
    return world.temperature + SEASON[:, None, None] * amplitude


def monthly_humidity(world: World) -> Array:
    """Monthly mean relative humidity [%], shape (12, rows, columns) of the base frame."""
    mean = 38 + 0.042 * (world.rain - 150) + 1.5 * noise("humidity", BASE, 80, 2.5)
    monsoon = 0.75 + 0.0005 * (world.rain - 150)
    return np.clip(mean + HUMID[:, None, None] * monsoon, 18, 92)


def rural_density(world: World) -> Array:
    """Relative density of the rural population: low flat land near rivers where it rains."""
    fit = np.exp(-world.slope / 2.6) * (0.16 + np.exp(-world.river_km / 5.5))
    fit = fit * smoothstep(world.elevation, 2300, 500) * (0.03 + smoothstep(world.rain, 260, 620))
    return fit * np.exp(0.45 * noise("villages", BASE, 6, 1.6))


def town_density(places: Array, people: Array, frame: Frame = BASE) -> Array:
    """Persons per km2 in settlements: an exponential fall from each centre, lumpy at the edge.

    Parameters
    ----------
    places : array, shape (n, 2)
        Longitude and latitude [degree].
    people : array, shape (n,)
        Inhabitants.
    frame : Frame
        Grid of the result.
    """
    lon, lat = frame.centres()
    lumpy = np.exp(0.6 * noise("suburbs", frame, 5, 1.5))
    area = frame.cell_area()
    total = np.zeros(frame.shape)
    for (x, y), count in zip(places, people, strict=True):
        reach = 1.1 + 2.4 * np.sqrt(count / 1e6)  # e-folding distance [km]
        km = np.hypot((lon - x) * np.cos(np.radians(y)), lat - y) * 111.2
        shape = np.where(km < 9 * reach, np.exp(-km / reach) * lumpy, 0)
        total += shape * (count / (shape * area).sum())
    return total


def residue_density(world: World, cover: NDArray[np.uint8]) -> Array:
    """Collectable residues [t dry/ha/yr]: straw of cropland, a little wood of forests."""
    field = smoothstep(world.rain, 250, 750) * np.exp(-world.slope / 9)
    straw = class_share(cover, CROP) * (1.2 + 3.6 * field)
    wood = class_share(cover, TREE) * 0.45
    return (straw + wood) * np.exp(0.18 * noise("harvest", BASE, 25, 2.0))


def basin_fill() -> Array:
    """Thickness index of the sediments, 1 in the basin's interior, 0 at the rim (base frame)."""
    return smoothstep(rim_radius(*BASE.centres()), 0.85, 0.35)

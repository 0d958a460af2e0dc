"""Areas: the region's outline, river basins, power zones, provinces, protected areas, storage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import shapes
from rasterio.transform import from_origin
from scipy import ndimage
from shapely import MultiPolygon, Polygon
from shapely.geometry import shape
from terrain import BASE, COARSE, Array, Frame, Rivers, noise, stream

Labels = NDArray[np.int32]


def wobbly(
    name: str, lon: float, lat: float, km: tuple[float, float], rough: float, power: float = 2.0
) -> Polygon:
    """A closed, slightly irregular outline around a place.

    Parameters
    ----------
    name : str
        Names the random stream.
    lon, lat : float
        Middle [degree].
    km : (float, float)
        Half-axes east and north [km].
    rough : float
        Size of the irregularity relative to the radius.
    power : float
        2 is an ellipse, higher is closer to a rectangle.
    """
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    radius = (np.abs(np.cos(angle)) ** power + np.abs(np.sin(angle)) ** power) ** (-1 / power)
    random = stream(name)
    for k in range(2, 15):
        size = rough * random.normal() / k
        radius = radius * np.exp(size * np.cos(k * angle + random.uniform(0, 2 * np.pi)))
    x = lon + radius * np.cos(angle) * km[0] / (111.2 * np.cos(np.radians(lat)))
    y = lat + radius * np.sin(angle) * km[1] / 111.2
    return Polygon(np.round(np.column_stack([x, y]), 5))


def region_outline() -> Polygon:
    """The region's outline, about 400 x 300 km."""
    return wobbly("region", 107.25, 36.0, (196, 152), 0.05, 3.2)


def mask(area: Polygon, frame: Frame) -> NDArray[np.bool_]:
    """Cells of a frame whose centre lies in an area."""
    lon, lat = frame.centres()
    return shapely.contains_xy(area, lon.ravel(), lat.ravel()).reshape(frame.shape)


def distance_inside(area: Polygon) -> Array:
    """Distance to an area's outline on the base frame [km], negative outside."""
    inside = mask(area, BASE)
    inner = ndimage.distance_transform_edt(inside, sampling=BASE.km)
    return inner - ndimage.distance_transform_edt(~inside, sampling=BASE.km)


def polygons(labels: Labels, region: Polygon) -> dict[int, MultiPolygon]:
    """Areas of equal label, with smooth shared edges, cut to the region; together they tile it.

    Parameters
    ----------
    labels : array, shape of the coarse frame
        Label of each cell, 0 is not allowed inside the region.
    region : Polygon
        Outline to cut to.

    Returns
    -------
    dict of int to MultiPolygon
        One area for each label that reaches into the region.
    """
    to_degree = from_origin(COARSE.west, COARSE.north, COARSE.step, COARSE.step)
    parts = [(shape(g), int(v)) for g, v in shapes(labels, transform=to_degree)]
    smooth = shapely.coverage_simplify([p for p, _ in parts], tolerance=0.016)
    areas: dict[int, MultiPolygon] = {}
    for value in sorted({v for _, v in parts}):
        mine = [p for p, (_, v) in zip(smooth, parts, strict=True) if v == value]
        cut = shapely.intersection(shapely.union_all(mine), region)
        faces = [p for p in shapely.get_parts(cut) if p.geom_type == "Polygon" and p.area > 0]
        if faces:
            areas[value] = MultiPolygon(faces)
    return areas


def warped_cells(name: str, seeds: list[tuple[float, float]], strength: float) -> Labels:
    """Nearest seed for each cell of the coarse frame, with wandering borders; labels from 1."""
    lon, lat = COARSE.centres()
    x = (lon + strength * noise(name + " x", COARSE, 35, 2.0)) * 0.81
    y = lat + strength * noise(name + " y", COARSE, 35, 2.0)
    away = [np.hypot(x - a * 0.81, y - b) for a, b in seeds]
    nearest = np.argmin(np.stack(away), axis=0).astype(np.int32) + 1
    return keep_largest(nearest)


def keep_largest(labels: Labels) -> Labels:
    """Each label reduced to its largest connected part; the rest takes the nearest label."""
    keep = np.zeros(labels.shape, bool)
    for value in np.unique(labels):
        pieces, count = ndimage.label(labels == value)
        sizes = ndimage.sum_labels(np.ones(labels.shape), pieces, np.arange(1, count + 1))
        keep |= pieces == int(np.argmax(sizes)) + 1
    at = ndimage.distance_transform_edt(~keep, return_distances=False, return_indices=True)
    return labels[tuple(at)]


def sub_basins(rivers: Rivers, inside: NDArray[np.bool_], count: int) -> Labels:
    """River basins of about equal size inside the region, split where tributaries join.

    Parameters
    ----------
    rivers : Rivers
        Drainage of the coarse frame.
    inside : array of bool, shape of the coarse frame
        Cells of the region.
    count : int
        Wanted number of basins; the result has about as many.
    """
    target = inside.sum() / count
    pending = inside.ravel().astype(float)
    head = np.zeros(pending.size, bool)
    receiver = rivers.receiver
    side = np.zeros(pending.size)  # what the tributaries bring to each cell
    for i in rivers.order[::-1]:
        j = receiver[i]
        big = pending[i] > 0.75 * target and pending[j] - inside.ravel()[j] > 0.12 * target
        if i == j or pending[i] > 1.5 * target or big:
            head[i] = True
        else:
            pending[j] += pending[i]
            side[j] += 1
    labels = np.zeros(pending.size, np.int32)
    for i in rivers.order:
        labels[i] = i + 1 if head[i] else labels[receiver[i]]
    return merge_small(labels.reshape(inside.shape), inside, 0.42 * target)


def merge_small(labels: Labels, inside: NDArray[np.bool_], least: float) -> Labels:
    """Areas smaller than `least` cells joined to the neighbour with the longest common border."""
    work = np.where(inside, labels, 0)
    while True:
        values, sizes = np.unique(work[work > 0], return_counts=True)
        k = int(np.argmin(sizes))
        if sizes[k] >= least:
            break
        touching = ndimage.binary_dilation(work == values[k]) & (work != values[k]) & (work > 0)
        near, length = np.unique(work[touching], return_counts=True)
        work[work == values[k]] = near[int(np.argmax(length))]
    at = ndimage.distance_transform_edt(work == 0, return_distances=False, return_indices=True)
    ranks = np.searchsorted(values, work[tuple(at)])
    return keep_largest(ranks.astype(np.int32) + 1)


@dataclass(frozen=True)
class StorageUnit:
    """One storage unit as invented; capacities in Mt, rate in Mt/yr, lengths in km and m."""

    unit_id: str
    lonlat: tuple[float, float]
    half_axes_km: tuple[float, float]
    kind: str
    capacity_mt: float
    spread: tuple[float, float]
    rate_mt_yr: float
    depth_m: float
    thickness_m: float
    unit_cost_usd_t: float
    stacked_on: str | None = None


# Pore space is deliberately uneven: most of the injection rate lies in the north and the middle,
# the south-east with its biomass and people has little, one unit is too shallow to be used.
STORAGE = (
    StorageUnit("S01", (106.75, 36.75), (46, 24), "saline", 2450, (0.4, 1.9), 11.5, 1650, 95, 9.5),
    StorageUnit("S02", (107.55, 36.10), (38, 27), "saline", 1480, (0.45, 1.8), 8.0, 2450, 70, 13.0),
    StorageUnit(
        "S03", (107.62, 36.14), (24, 17), "saline", 620, (0.5, 1.7), 3.2, 1560, 48, 10.5, "S02"
    ),
    StorageUnit("S04", (106.35, 35.75), (30, 19), "saline", 540, (0.4, 2.0), 3.6, 1320, 42, 12.5),
    StorageUnit(
        "S05", (108.05, 36.70), (17, 12), "depleted_gas", 210, (0.8, 1.2), 4.4, 2850, 34, 7.0
    ),
    StorageUnit(
        "S06", (107.05, 35.45), (13, 9), "depleted_gas", 88, (0.8, 1.25), 1.8, 2350, 28, 8.0
    ),
    StorageUnit("S07", (108.42, 35.62), (12, 10), "eor", 42, (0.7, 1.3), 0.9, 1740, 22, 4.5),
    StorageUnit("S08", (108.10, 35.25), (21, 13), "saline", 160, (0.3, 2.2), 1.1, 650, 30, 8.5),
)

"""Relief and rivers of the synthetic basin: noise, erosion, drainage.

Everything is drawn on grids of one frame in EPSG:4326. Each random field has its own stream,
seeded by its name, so that adding a layer changes no other layer.
"""

from __future__ import annotations

import heapq
import zlib
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

SEED = 20210607
WEST, SOUTH, EAST, NORTH = 104.8, 34.3, 109.7, 37.7
KM_PER_DEGREE = 111.2
Array = NDArray[np.float64]
Index = NDArray[np.int64]


def stream(name: str) -> np.random.Generator:
    """Random numbers for one named purpose, the same on every run."""
    return np.random.default_rng([SEED, zlib.crc32(name.encode())])


@dataclass(frozen=True)
class Frame:
    """A north-up grid in degrees, described by its cell centres.

    Parameters
    ----------
    step : float
        Cell size [degree].
    west, south, east, north : float
        Outer edges [degree].
    """

    step: float
    west: float = WEST
    south: float = SOUTH
    east: float = EAST
    north: float = NORTH

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows = round((self.north - self.south) / self.step)
        return rows, round((self.east - self.west) / self.step)

    @property
    def km(self) -> tuple[float, float]:
        """Cell height and width [km], width at the middle latitude."""
        middle = np.cos(np.radians((self.north + self.south) / 2))
        return self.step * KM_PER_DEGREE, self.step * KM_PER_DEGREE * float(middle)

    def centres(self) -> tuple[Array, Array]:
        """Longitude and latitude of every cell centre [degree], shape (rows, columns)."""
        rows, columns = self.shape
        lon = self.west + (np.arange(columns) + 0.5) * self.step
        lat = self.north - (np.arange(rows) + 0.5) * self.step
        grid = np.meshgrid(lon, lat)
        return grid[0], grid[1]

    def cell_area(self) -> Array:
        """True area of each cell on a sphere of the authalic radius [km2], shape (rows, 1)."""
        lat = self.north - np.arange(self.shape[0] + 1) * self.step
        band = np.diff(-np.sin(np.radians(lat)))
        return (6371.0072**2 * np.radians(self.step) * band)[:, None]

    def to_lonlat(self, row: Array | Index, column: Array | Index) -> Array:
        """Cell indices to centre coordinates, shape (n, 2)."""
        lon = self.west + (np.asarray(column) + 0.5) * self.step
        return np.column_stack([lon, self.north - (np.asarray(row) + 0.5) * self.step])

    def sample(self, field: Array, lon: Array, lat: Array, order: int = 1) -> Array:
        """Field of this frame at other points, interpolated; the edge value beyond the edge."""
        at = [(self.north - lat) / self.step - 0.5, (lon - self.west) / self.step - 0.5]
        return ndimage.map_coordinates(field, at, order=order, mode="nearest")


COARSE = Frame(0.01)  # erosion, drainage, areas: about 1 km
BASE = Frame(0.005)  # all other fields: 18 arc-seconds


def noise(name: str, frame: Frame, scale_km: float, roughness: float = 1.8) -> Array:
    """Gaussian random field with mean 0 and variance 1.

    Parameters
    ----------
    name : str
        Names the random stream.
    frame : Frame
        Grid of the result.
    scale_km : float
        Length beyond which values are unrelated [km].
    roughness : float
        Exponent of the fall of the amplitude spectrum; higher is smoother.
    """
    white = stream(name).standard_normal(frame.shape)
    dy, dx = frame.km
    k2 = (
        np.fft.fftfreq(frame.shape[0], dy)[:, None] ** 2
        + np.fft.rfftfreq(frame.shape[1], dx)[None, :] ** 2
    )
    spectrum = np.fft.rfft2(white) * (1 + k2 * scale_km**2 * 4) ** (-roughness / 2)
    spectrum[0, 0] = 0
    field = np.fft.irfft2(spectrum, s=frame.shape)
    return field / field.std()


def smoothstep(x: Array, low: float, high: float) -> Array:
    """0 below low, 1 above high, smooth between; low may be above high."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def rim_radius(lon: Array, lat: Array) -> Array:
    """Distance from the basin's middle, 1 at the rim: a rounded rectangle."""
    x, y = (lon - 107.25) / 2.2, (lat - 36.0) / 1.45
    return (np.abs(x) ** 3 + np.abs(y) ** 3) ** (1 / 3)


def first_relief() -> Array:
    """Relief before erosion [m] on the coarse frame: a tilted floor within a ring of mountains."""
    lon, lat = COARSE.centres()
    radius = rim_radius(lon, lat) + 0.09 * noise("rim warp", COARSE, 90, 2.5)
    along = np.arctan2(lat - 36.0, (lon - 107.25) * 0.8)
    # the floor opens towards the east-south-east, where the rivers leave
    outlet = np.exp(-(((along + 0.55) / 0.42) ** 2)) * smoothstep(radius, 0.2, 1.0)
    gate = np.exp(-(((along - 2.5) / 0.5) ** 2))  # towards the desert in the north-west
    crest = np.exp(-(((radius - 1.0) / 0.21) ** 2)) * (1 - 0.97 * outlet) * (1 - 0.6 * gate)
    ridges = 1 - np.abs(noise("ranges", COARSE, 45, 2.0))
    tilt = 950 - 170 * (lon - 107.25) + 130 * (lat - 36.0)
    uplands = 280 * smoothstep(noise("uplands", COARSE, 70, 2.6), 0.2, 1.6)
    hills = noise("hills", COARSE, 30, 1.5) * (70 + 200 * smoothstep(radius, 0.45, 0.95))
    high = 2300 * crest * (1 + 0.4 * ridges)
    return np.maximum(tilt + high + uplands + hills - 350 * outlet, 200)


@njit(cache=False)
def drain(z: Array) -> tuple[Index, Index]:
    """Order of the cells from the outlets upwards, and the cell each one drains to.

    Priority flood: the grid's edge is open, pits spill over their lowest pass.

    Parameters
    ----------
    z : array, shape (rows, columns)
        Elevation [m].

    Returns
    -------
    order : array of int64, shape (cells,)
        Flat indices, each after the cell it drains to.
    receiver : array of int64, shape (cells,)
        Flat index of the next cell downstream; an outlet drains to itself.
    """
    rows, columns = z.shape
    flat = z.ravel()
    receiver = np.full(flat.size, -1, np.int64)
    order = np.empty(flat.size, np.int64)
    heap = [(flat[0], np.int64(0))]
    receiver[0] = 0
    for i in range(flat.size):
        row, column = i // columns, i % columns
        edge = row == 0 or column == 0 or row == rows - 1 or column == columns - 1
        if edge and i > 0:
            receiver[i] = i
            heapq.heappush(heap, (flat[i], np.int64(i)))
    done = 0
    while len(heap) > 0:
        level, i = heapq.heappop(heap)
        order[done] = i
        done += 1
        row, column = i // columns, i % columns
        for dr in range(-1, 2):
            for dc in range(-1, 2):
                r, c = row + dr, column + dc
                if r < 0 or c < 0 or r >= rows or c >= columns:
                    continue
                j = r * columns + c
                if receiver[j] < 0:
                    receiver[j] = i
                    heapq.heappush(heap, (max(level, flat[j]), j))
    return order, receiver


@njit(cache=False)
def accumulate(order: Index, receiver: Index, amount: Array) -> Array:
    """Sum of `amount` over all cells upstream of each cell, itself included."""
    total = amount.copy()
    for k in range(order.size - 1, -1, -1):
        i = order[k]
        if receiver[i] != i:
            total[receiver[i]] += total[i]
    return total


@njit(cache=False)
def incise(z: Array, order: Index, receiver: Index, strength: Array) -> None:
    """One implicit step of stream-power erosion, in place (Braun and Willett 2013, n = 1)."""
    for k in range(order.size):
        i = order[k]
        j = receiver[i]
        if j != i and z[i] > z[j]:
            z[i] = (z[i] + strength[i] * z[j]) / (1 + strength[i])


def eroded_relief(steps: int = 24) -> Array:
    """Relief after erosion [m], shape of the coarse frame, 300 to 3500 m inside the rim."""
    z = first_relief()
    cell = np.full(z.size, COARSE.km[0] * COARSE.km[1])
    hard = np.exp(0.35 * noise("rock", COARSE, 40, 2.0)).ravel()
    uplift = 75 * smoothstep(z, 1100, 2600)
    wander = 22 * noise(
        "wander", COARSE, 5, 1.2
    )  # without it rivers cross plains in straight lines
    for _ in range(steps):
        z = z + uplift
        order, receiver = drain(z + wander)
        area = accumulate(order, receiver, cell)
        flat = z.ravel().copy()
        incise(flat, order, receiver, 0.022 * hard * area**0.5)
        z = ndimage.gaussian_filter(flat.reshape(z.shape), 0.38, mode="nearest")
    low, high = np.quantile(z, 0.0005), z.max()
    share = np.clip((z - low) / (high - low), 0, 1)
    return 300 + (3500 - 300) * share**1.25  # broad floor, few high peaks


@dataclass(frozen=True)
class Rivers:
    """Drainage of the coarse frame.

    Parameters
    ----------
    order, receiver : array of int64
        As returned by :func:`drain`.
    flow : array
        Mean discharge of each cell [m3/s].
    """

    order: Index
    receiver: Index
    flow: Array

    def stems(self, threshold: float) -> list[tuple[Index, int]]:
        """Courses of the rivers above a discharge, longest first.

        Parameters
        ----------
        threshold : float
            Least discharge of a river [m3/s].

        Returns
        -------
        list of (cells, order)
            Flat indices from the source to the confluence (its cell included), Strahler order.
        """
        wet = self.flow.ravel() >= threshold
        main = np.full(wet.size, -1, np.int64)  # the largest wet cell that drains here
        strahler = np.where(wet, 1, 0)
        flow = self.flow.ravel()
        seen = np.zeros(wet.size, np.int64)
        for i in self.order[::-1]:
            j = self.receiver[i]
            if not wet[i] or i == j:
                continue
            if main[j] < 0 or flow[i] > flow[main[j]]:
                main[j] = i
            if seen[j] == strahler[i]:
                strahler[j] = seen[j] + 1
            strahler[j] = max(strahler[j], strahler[i])
            seen[j] = max(seen[j], strahler[i])
        stems = []
        for i in self.order:
            j = self.receiver[i]
            if not wet[i] or (j != i and main[j] == i):
                continue
            cells = [] if j == i else [j]
            at = i
            while at >= 0:
                cells.append(at)
                at = main[at]
            stems.append((np.array(cells[::-1], np.int64), int(strahler[i])))
        return sorted(stems, key=lambda stem: (-len(stem[0]), int(stem[0][0])))


def rivers_of(z: Array, runoff_mm: Array) -> Rivers:
    """Drainage of a relief.

    Parameters
    ----------
    z, runoff_mm : array, shape of the coarse frame
        Elevation [m], runoff [mm/yr].
    """
    order, receiver = drain(z + 8 * noise("wander", COARSE, 5, 1.2))
    seconds = 365.25 * 86400
    yearly = (runoff_mm * 1e-3 * COARSE.cell_area() * 1e6 / seconds).ravel()
    return Rivers(order, receiver, accumulate(order, receiver, yearly).reshape(z.shape))

"""Pictures of the map: values to palette colours, warped to the web's projection, as small PNGs."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.crs import LONLAT, transformer
from cdrsite.core.memory import remembered
from cdrsite.outputs.palette import rgba
from cdrsite.outputs.rasters.raster import Category

if TYPE_CHECKING:
    from affine import Affine
    from numpy.typing import NDArray
    from pyproj import CRS

    from cdrsite.core.words import Words
    from cdrsite.outputs.classes import Classes

RADIUS = 6378137.0
"""Of the sphere of the web's projection [m]."""
MOST_LATITUDE = 85.05
"""Where the web's projection ends [degree]."""
MOST_PIXELS = 900
"""Longest side of a picture."""
LEAST_PIXELS = 400


@dataclass(frozen=True)
class Picture:
    """Values on a grid of pixels.

    Attributes
    ----------
    values : ndarray, shape (rows, cols)
        NaN, or the code of the outside, where there is nothing.
    transform : Affine
        North-up.
    crs : CRS
        Of the transform.
    """

    values: NDArray[Any]
    transform: Affine
    crs: CRS


@dataclass(frozen=True)
class Painting:
    """Palette indices of the pixels, their colours, and what they mean.

    Attributes
    ----------
    index : ndarray of uint8, shape (rows, cols)
        0 is transparent.
    colours : tuple of str
        "#RRGGBB" of 1, 2, ...
    legend : dict
        ``steps`` (label and colour of every class of a quantity, from little to much) and
        ``classes`` (label and colour of states and classes that occur).
    """

    index: NDArray[np.uint8]
    colours: tuple[str, ...]
    legend: dict[str, Any]


def paint_classes(codes: NDArray[Any], categories: Sequence[Category]) -> Painting:
    """Paint classes or labels; codes without a category are transparent."""
    index = np.zeros(codes.shape, np.uint8)
    there = set(np.unique(codes).tolist())
    present = [category for category in categories if category.code in there][:255]
    for number, category in enumerate(present, 1):
        index[codes == category.code] = number
    legend = [{"label": c.label, "colour": c.colour} for c in present]
    return Painting(index, tuple(c.colour for c in present), {"classes": legend})


def paint_quantity(
    values: NDArray[np.float32],
    classes: Classes,
    words: Words,
    *,
    states: Mapping[str, tuple[NDArray[np.bool_], str]] | None = None,
) -> Painting:
    """Paint numbers by their classes, and states in colours of their own (rule 2).

    Parameters
    ----------
    values : ndarray, shape (rows, cols)
        In the unit of the file; NaN where there is no number.
    classes : Classes
        Of the quantity: all that a scale has are in the legend, so that maps can be compared.
    words : Words
        Language of the legend.
    states : mapping of str to (mask, colour), optional
        What is no number, in words: pixels of a mask show its colour, the last one wins.
    """
    index = np.zeros(values.shape, np.uint8)
    shown = np.isfinite(values)
    for mask, _ in (states or {}).values():
        shown &= ~mask
    colours: list[str] = []
    legend: dict[str, Any] = {"classes": []}
    if shown.any():
        steps = classes.steps(words, with_unit=False)
        index[shown] = 1 + classes.place(values[shown])
        colours = [step.colour for step in steps]
        there = set(np.unique(index[shown]).tolist())
        legend["steps"] = [
            {"label": step.label, "colour": step.colour}
            for number, step in enumerate(steps, 1)
            if step.top != 0 or number in there  # a zero that is nowhere needs no words
        ]
    for label, (mask, colour) in (states or {}).items():
        if mask.any():
            colours.append(colour)
            index[mask] = len(colours)
            legend["classes"].append({"label": label, "colour": colour})
    return Painting(index, tuple(colours), legend)


@dataclass(frozen=True)
class Web:
    """Where pictures of one grid lie on the web map.

    Attributes
    ----------
    west, south, east, north : float
        Edges [degree].
    height, width : int
        Of the pictures [pixels].
    """

    west: float
    south: float
    east: float
    north: float
    height: int
    width: int

    @classmethod
    def of(cls, picture: Picture) -> Web:
        """Frame of the pictures of a grid: about two pixels to a cell."""
        from rasterio.warp import transform_bounds

        rows, cols = picture.values.shape
        t = picture.transform
        box = (t.c, t.f + rows * t.e, t.c + cols * t.a, t.f)
        west, south, east, north = transform_bounds(
            picture.crs.to_wkt(), "EPSG:4326", *box, densify_pts=51
        )
        south, north = max(south, -MOST_LATITUDE), min(north, MOST_LATITUDE)
        wide = math.radians(east - west) * RADIUS
        high = mercator(north) - mercator(south)
        longest = min(MOST_PIXELS, max(2 * max(rows, cols), LEAST_PIXELS))
        size = max(wide, high) / longest
        return cls(west, south, east, north, max(1, round(high / size)), max(1, round(wide / size)))

    @property
    def bounds(self) -> list[list[float]]:
        """South-west and north-east corner (latitude, longitude)."""
        return [[self.south, self.west], [self.north, self.east]]

    def places(self, picture: Picture) -> NDArray[np.int64]:
        """Position of the picture's pixel below the middle of each pixel of the web map.

        Returns
        -------
        ndarray of int64, shape (height, width)
            Into the flat picture; -1 where it has none.
        """
        like = (picture.values.shape, tuple(picture.transform), picture.crs.to_wkt())
        return remembered("places", (repr(self), *like), lambda: self._places(picture))

    def _places(self, picture: Picture) -> NDArray[np.int64]:
        top, bottom = mercator(self.north), mercator(self.south)
        lon = self.west + (np.arange(self.width) + 0.5) * (self.east - self.west) / self.width
        up = top - (np.arange(self.height) + 0.5) * (top - bottom) / self.height
        lat = np.degrees(np.arctan(np.sinh(up / RADIUS)))
        to_grid = transformer(LONLAT, picture.crs.to_wkt())
        x, y = to_grid.transform(*np.meshgrid(lon, lat))
        t, (rows, cols) = picture.transform, picture.values.shape
        col, row = np.floor((x - t.c) / t.a), np.floor((y - t.f) / t.e)
        there = (col >= 0) & (col < cols) & (row >= 0) & (row < rows)
        places = np.full(there.shape, -1, np.int64)
        places[there] = (row[there] * cols + col[there]).astype(np.int64)
        return places


def placed(index: NDArray[np.uint8], places: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Palette indices on the web map: each pixel shows the cell below it."""
    return np.where(places >= 0, index.ravel()[places], np.uint8(0))


def mercator(latitude: float) -> float:
    """Northing of a latitude on the web map [m]."""
    return RADIUS * math.asinh(math.tan(math.radians(latitude)))


def png_uri(index: NDArray[np.uint8], colours: Sequence[str]) -> str:
    """A palette PNG as a data URI; index 0 is transparent.

    The same bytes everywhere: no time and no library's version in them (rule 9).
    """
    return remembered("png", (index, tuple(colours)), lambda: _png_uri(index, colours))


def _png_uri(index: NDArray[np.uint8], colours: Sequence[str]) -> str:
    rows, cols = index.shape
    depth = 4 if len(colours) < 16 else 8
    if depth == 4:
        index = np.pad(index, ((0, 0), (0, cols % 2)))
        index = index[:, ::2] * np.uint8(16) + index[:, 1::2]
    lines = np.pad(index, ((0, 0), (1, 0)))  # a filter byte of 0 before each line
    palette = b"\0\0\0" + b"".join(bytes(rgba(colour)[:3]) for colour in colours)
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", cols, rows, depth, 3, 0, 0, 0)),
        (b"PLTE", palette),
        (b"tRNS", b"\0"),
        (b"IDAT", zlib.compress(lines.tobytes(), 6)),
        (b"IEND", b""),
    )
    file = b"\x89PNG\r\n\x1a\n"
    for kind, content in parts:
        size, check = (struct.pack(">I", n) for n in (len(content), zlib.crc32(kind + content)))
        file += size + kind + content + check
    return "data:image/png;base64," + base64.b64encode(file).decode("ascii")

"""Several raster files beside one another, read as the one raster that they are parts of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine

from cdrsite.core.errors import DataError
from cdrsite.layers.harmonise import same_crs
from cdrsite.layers.sources import RasterSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

OFF = 0.01
"""Part of a pixel by which the pixels of tiles may miss one another: headers are rounded."""


@dataclass(frozen=True)
class _Tile:
    """One file, and where its first pixel lies in the whole."""

    row: int
    col: int
    source: RasterSource


class _TilesReader:
    """Windowed reading over several files; where they overlap the last known value counts."""

    def __init__(self, tiles: Sequence[_Tile]) -> None:
        self.tiles = tiles
        first = tiles[0].source.reader
        self.block, self.overviews = first.block, first.overviews

    def read(
        self, bands: tuple[int, ...], rows: tuple[int, int], cols: tuple[int, int], step: int = 1
    ) -> Any:
        """Bands of a window, every ``step`` pixels; masked where no file knows a value."""
        shape = (-(-(rows[1] - rows[0]) // step), -(-(cols[1] - cols[0]) // step))
        dtype = self.tiles[0].source.dtype
        out = np.zeros((len(bands), *shape), dtype)
        unknown = np.ones(out.shape, np.bool_)
        for tile in self.tiles:
            height, width = tile.source.shape
            down = _samples(rows[0], shape[0], step, tile.row, height)
            across = _samples(cols[0], shape[1], step, tile.col, width)
            if down is None or across is None:
                continue
            part = tile.source.reader.read(bands, down[1], across[1], step)
            known = ~tile.source.unknown(part)
            place = (slice(None), slice(*down[0]), slice(*across[0]))
            values: NDArray[Any] = out[place]
            values[known] = np.ma.getdata(part)[known]
            unknown[place] &= ~known
        return np.ma.MaskedArray(out, unknown)


def _samples(
    first: int, count: int, step: int, begin: int, size: int
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Which samples of a window a tile holds, and the tile's pixels from the first to the last."""
    low = max(0, -((first - begin) // step))
    high = min(count, -((first - begin - size) // step))
    if low >= high:
        return None
    at = first + low * step - begin
    return (low, high), (at, at + (high - 1 - low) * step + 1)


def as_one(sources: Sequence[RasterSource], where: str) -> RasterSource:
    """Make one raster of the files of a layer.

    Parameters
    ----------
    sources : sequence of RasterSource
        In the order of the scenario.
    where : str
        Layer and first file, for errors.

    Raises
    ------
    DataError
        Their systems, pixels or kinds of values differ: they are no parts of one raster (rule 1).
    """
    first = sources[0]
    t = first.transform
    tiles = []
    for source in sources:
        o = source.transform
        col, row = (o.c - t.c) / t.a, (o.f - t.f) / t.e
        alike = (
            same_crs(source.wkt, first.wkt),
            t.b == t.d == o.b == o.d == 0
            and abs(o.a / t.a - 1) * source.shape[1] < OFF
            and abs(o.e / t.e - 1) * source.shape[0] < OFF
            and max(abs(col - round(col)), abs(row - round(row))) < OFF,
            (source.dtype, source.scale, source.offset, source.bands, source.unit)
            == (first.dtype, first.scale, first.offset, first.bands, first.unit),
        )
        for good, what in zip(
            alike,
            ("coordinate systems", "pixels (size or lattice)", "values (type, scale, bands, unit)"),
            strict=True,
        ):
            if not good:
                raise DataError(
                    f"the tiles are no parts of one raster: their {what} differ",
                    where=where,
                    got=f"{first.where} and {source.where}",
                    cure="make them alike with gdalwarp, or give each a layer of its own",
                    rule=1,
                )
        tiles.append((round(row), round(col), source))
    top, left = min(row for row, _, _ in tiles), min(col for _, col, _ in tiles)
    rows = max(row + source.shape[0] for row, _, source in tiles) - top
    cols = max(col + source.shape[1] for _, col, source in tiles) - left
    return replace(
        first,
        where=where,
        transform=Affine(t.a, 0.0, t.c + left * t.a, 0.0, t.e, t.f + top * t.e),
        shape=(rows, cols),
        reader=_TilesReader([_Tile(row - top, col - left, source) for row, col, source in tiles]),
    )

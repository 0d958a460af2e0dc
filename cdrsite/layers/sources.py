"""Opening of input data: rasters, vectors, tables.

With `cubes.py` the only module that opens what a scenario names. Rasters are read in windows of
stored values; :meth:`RasterSource.decode` turns them into numbers with NaN for unknown (rule 2).

One module: whatever the format, a source answers the same questions.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core import gdal
from cdrsite.core.crs import parse_crs
from cdrsite.core.errors import DataError, MissingFileError
from cdrsite.layers.bands import Together, bands_of, made_into
from cdrsite.layers.guard import reading, require_harmless
from cdrsite.layers.shapes import FARTHEST
from cdrsite.layers.where import nearest

if TYPE_CHECKING:
    from affine import Affine
    from numpy.typing import NDArray
    from pyproj import CRS

    from cdrsite.config.layers import FileLayer

HUGE = 1e30
"""No quantity on a map is as large: numbers beyond it stand for unknown, or are damaged."""
NODATA_TOLERANCE = 1e-6
"""Relative difference of two numbers that are the same nodata, written differently."""
VECTOR_SUFFIXES = {
    ".gpkg", ".geojson", ".json", ".shp", ".parquet", ".geoparquet", ".gdb", ".fgb", ".kml", ".csv",
    ".gml", ".topojson", ".zip",
}  # fmt: skip
FOLDERS = {".zarr", ".gdb"}
"""Endings of folders that are read as one file."""
CUBE_SUFFIXES = {".nc", ".nc4", ".cdf", ".zarr"}


def is_vector(path: Path) -> bool:
    """Whether a file is read as features (by its suffix)."""
    return path.suffix.lower() in VECTOR_SUFFIXES


def require_file(path: Path, where: str) -> None:
    """Refuse a file that does not exist.

    Raises
    ------
    MissingFileError
        Names the nearest file in the same folder.
    """
    with reading(where, cure="check its rights, and the disk"):
        if path.is_dir() and path.suffix.lower() not in FOLDERS:
            names = sorted(one.name for one in path.iterdir() if one.suffix)[:3]
            raise DataError(
                "a folder is no layer",
                where=where,
                got=f"{path.name}/ with {', '.join(names)}" if names else f"{path.name}/, empty",
                expected="a file, or a Zarr store or file geodatabase",
                cure=f"for tiles of one raster a pattern, e.g. path: {path.name}/*.tif",
            )
        if path.is_file() or path.is_dir():
            return
        if path.exists():
            raise DataError("not a file", where=where, got="a device, a socket or a pipe")
        folder = path.parent
        names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    raise MissingFileError(
        "no such file",
        where=where,
        got=str(path),
        cure=nearest(path.name, names) if names else f"the folder {folder} does not exist either",
    )


@dataclass(frozen=True)
class RasterSource:
    """A raster that can be read window by window from any thread.

    Attributes
    ----------
    where : str
        Layer and file, for errors.
    crs : CRS
        Coordinate reference system.
    transform : Affine
        (column, row) to (x, y) of a pixel's first corner.
    shape : tuple of int
        Height and width [pixels].
    bands : tuple of int
        Bands that are read, counted from 1.
    dtype : dtype
        Of the stored values.
    nodata : tuple of float
        Stored values that mean unknown.
    scale, offset : float
        Number = stored * scale + offset.
    unit : str or None
        Unit that the file declares.
    most : int or None
        Pixels of a block that are read at most, for a trial that needs no true value.
    together : {"mean", "sum", "max"} or None
        What the bands are made into, pixel by pixel.
    valid : tuple of float
        Stored values below the first or above the second mean unknown.
    palette : bool
        Whether the file has a colour for each of its values.
    """

    where: str
    crs: CRS
    transform: Affine
    shape: tuple[int, int]
    bands: tuple[int, ...]
    dtype: np.dtype
    nodata: tuple[float, ...]
    scale: float
    offset: float
    unit: str | None
    reader: Any = field(repr=False, compare=False)
    most: int | None = None
    together: Together | None = None
    valid: tuple[float, float] = (-np.inf, np.inf)
    palette: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no raster of numbers on the ground.

        Raises
        ------
        DataError
            Values that are no real numbers, pixels without a size or place, no horizontal CRS.
        """
        if self.dtype.kind not in "biuf":
            raise DataError(
                "the raster holds no real numbers",
                where=self.where,
                got=f"values of type {self.dtype}",
                cure="convert it, e.g. with gdal_translate -ot Float32",
            )
        if not (np.isfinite(self.scale) and self.scale != 0 and np.isfinite(self.offset)):
            raise DataError(
                "scale and offset of the raster make no numbers",
                where=self.where,
                got=f"scale {self.scale:g}, offset {self.offset:g}",
                expected="a scale that is not 0",
                cure="correct them, e.g. with gdal_edit -scale 1 -offset 0",
            )
        self._require_place()
        require_horizontal(self.crs, self.where)
        if self.crs.is_geographic and self.transform.b == 0 and self.transform.a > 0:
            circle = math.floor(360.0 / self.transform.a + 1e-6)
            if 0 < circle < self.shape[1]:  # the columns that come twice are read once
                object.__setattr__(self, "shape", (self.shape[0], circle))

    def _require_place(self) -> None:
        t, (height, width) = self.transform, self.shape
        across, down = np.array([0, width, 0, width]), np.array([0, 0, height, height])
        corners = [t.a * across + t.b * down + t.c, t.d * across + t.e * down + t.f]
        numbers = [*np.ravel(corners), *(() if t.is_degenerate else ~t)]
        if t.is_degenerate or not np.abs(numbers).max() <= FARTHEST or 0 in self.shape:
            raise DataError(
                "the pixels of the raster have no size or no place",
                where=self.where,
                got=f"geotransform {', '.join(f'{v:g}' for v in t.to_gdal())}",
                cure="georeference it again, e.g. with gdal_translate -a_ullr",
                rule=7,
            )

    @property
    def depth(self) -> int:
        """Numbers that a pixel has."""
        return 1 if self.together else len(self.bands)

    @cached_property
    def wkt(self) -> str:
        """The CRS as WKT."""
        return str(self.crs.to_wkt())

    def read(
        self,
        rows: tuple[int, int],
        cols: tuple[int, int],
        bands: tuple[int, ...] | None = None,
        step: int = 1,
    ) -> NDArray[Any]:
        """Stored values of a window, shape (bands, h, w), and masked ones as a masked array.

        Raises
        ------
        DataError
            If the file is damaged there.
        """
        with reading(self.where, "the raster is damaged"):
            found: NDArray[Any] = self.reader.read(bands or self.bands, rows, cols, step)
        return found

    def unknown(self, stored: NDArray[Any]) -> NDArray[np.bool_]:
        """Which stored values mean unknown; nodata is compared in the stored type.

        Header and pixels of a file of floats may round differently, so a few units of the last
        place are overlooked; and no quantity is as large as the numbers that some take for nodata.
        """
        data = np.ma.getdata(stored)
        bad = np.ma.getmaskarray(stored).copy()
        whole = np.issubdtype(data.dtype, np.integer)
        if not whole:
            bad |= ~np.isfinite(data)
        for value in self.nodata:
            if not np.isfinite(value):
                continue
            if whole:
                limits = np.iinfo(data.dtype)
                if value == int(value) and limits.min <= value <= limits.max:
                    bad |= data == data.dtype.type(int(value))
            elif abs(value) >= HUGE:
                bad |= (data <= -HUGE) if value < 0 else (data >= HUGE)
            else:
                with np.errstate(invalid="ignore", over="ignore"):
                    bad |= np.abs(data - value) <= NODATA_TOLERANCE * abs(value)
        low, high = self.valid
        if low == -np.inf and high == np.inf:
            return bad
        if not whole:  # in their precision, a bound of 0.1 is that of the values
            low, high = data.dtype.type(low), data.dtype.type(high)
        with np.errstate(invalid="ignore"):
            return bad | (data < low) | (data > high)

    def decode(self, stored: NDArray[Any]) -> NDArray[np.float64]:
        """Numbers with NaN for unknown: nodata first, then scale and offset."""
        values = np.ma.getdata(stored).astype(np.float64)
        bad = self.unknown(stored)
        if self.scale != 1.0 or self.offset != 0.0:
            values = values * self.scale + self.offset
        values[bad] = np.nan
        return made_into(values, self.together)


class _GdalReader:
    """Windowed reading through rasterio, with a handle for each thread.

    One handle shared by threads crashes the process.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.local = threading.local()
        self.masked = False

    def handle(self) -> Any:
        dataset = getattr(self.local, "dataset", None)
        if dataset is None:
            dataset = self.local.dataset = gdal.open_raster(self.path)
        return dataset

    @property
    def block(self) -> tuple[int, int]:
        """Height and width of what the file is read by [pixels]."""
        height, width = self.handle().block_shapes[0]
        return int(height), int(width)

    @property
    def overviews(self) -> tuple[int, ...]:
        """Factors of the coarser copies in the file."""
        return tuple(self.handle().overviews(1))

    def read(
        self, bands: tuple[int, ...], rows: tuple[int, int], cols: tuple[int, int], step: int = 1
    ) -> Any:
        """Bands of a window, every ``step`` pixels; a masked array if the file has a mask."""
        from rasterio.windows import Window

        dataset = self.handle()
        shape = (len(bands), -(-(rows[1] - rows[0]) // step), -(-(cols[1] - cols[0]) // step))
        options = {"window": Window.from_slices(rows, cols), "out_shape": shape}
        data = dataset.read(list(bands), **options)
        if not self.masked:
            return data
        return np.ma.MaskedArray(data, dataset.read_masks(list(bands), **options) == 0)


def open_gdal(layer: FileLayer, where: str, nodata: tuple[float, ...]) -> RasterSource:
    """Open a raster that GDAL reads; see :func:`cdrsite.layers.rasterfiles.open_raster`."""
    from rasterio.enums import MaskFlags

    reader = _GdalReader(str(layer.path))
    require_harmless(layer.path, where)
    loud = np.errstate(over="ignore")  # as in gdal.open_raster
    with reading(where, "the raster cannot be read", "check it with gdalinfo"), loud:
        gdal.require_own_numbers(layer.path, where)
        dataset = reader.handle()
        names, what = _band_names(dataset)
        bands, together = bands_of(layer.band, names, where, what)
        at = bands[0] - 1
        _require_alike(dataset, bands, where)
        own, dtype = dataset.nodatavals[at], np.dtype(dataset.dtypes[at])
        reader.masked = MaskFlags.per_dataset in dataset.mask_flag_enums[at]
        if own is not None and dtype.itemsize == 8 and dtype.kind in "iu":
            # as a float it may be another number; GDAL compares the whole ones
            reader.masked |= not layer.ignore_file_nodata
            own = None
        crs = crs_of(layer, dataset.crs.to_wkt() if dataset.crs else None, where)
        if dataset.transform.is_identity:
            raise DataError(
                "the raster has no position (no geotransform)",
                where=where,
                cure="georeference it, e.g. with gdal_translate -a_ullr",
                rule=7,
            )
        return RasterSource(
            where=where,
            crs=crs,
            transform=dataset.transform,
            shape=(dataset.height, dataset.width),
            bands=bands,
            dtype=dtype,
            nodata=nodata_of(layer, () if own is None else (float(own),), nodata),
            scale=dataset.scales[at] * layer.scale,
            offset=dataset.offsets[at] * layer.scale + layer.offset,
            unit=dataset.units[at] or None,
            reader=reader,
            together=together,
            palette=dtype.kind in "iu" and dataset.colorinterp[at].name == "palette",
        )


def _band_names(dataset: Any) -> tuple[list[str], str]:
    """Names of the bands that hold values, and what they are."""
    colours = [one.name for one in dataset.colorinterp]
    count = next((n for n, colour in enumerate(colours) if colour == "alpha" and n), len(colours))
    picture = {"red", "green", "blue"} <= set(colours)
    names = [
        description or (colour if colour not in {"gray", "undefined"} else "")
        for description, colour in zip(dataset.descriptions, colours, strict=True)
    ]
    return names[:count], "bands, a picture of colours" if picture else "bands"


def _require_alike(dataset: Any, bands: tuple[int, ...], where: str) -> None:
    """Refuse bands that do not mean the same by the same number."""
    facts = [
        (f"{dataset.dtypes[n]}, nodata {dataset.nodatavals[n]}, scale {dataset.scales[n]:g}, "
         f"offset {dataset.offsets[n]:g}, unit {dataset.units[n] or 'none'}")
        for n in (band - 1 for band in bands)
    ]  # fmt: skip
    for band, fact in zip(bands, facts, strict=True):
        if fact != facts[0]:
            raise DataError(
                "the bands differ in how their values are stored",
                where=where,
                got=f"band {bands[0]}: {facts[0]}; band {band}: {fact}",
                cure="read one band, or write them alike, e.g. with gdal_translate -unscale",
                rule=7,
            )


def nodata_of(
    layer: FileLayer, own: tuple[float, ...], preset: tuple[float, ...]
) -> tuple[float, ...]:
    """Per-layer values supplement the file's and the preset's, or stand alone when told to."""
    given = tuple(layer.nodata)
    if layer.ignore_file_nodata:
        return given
    return given + preset + own


def crs_of(layer: FileLayer, wkt: str | None, where: str) -> CRS:
    """The CRS of a layer: the scenario's, else the file's."""
    from pyproj import CRS

    if layer.crs is not None:
        return parse_crs(layer.crs, f"{where}: crs")
    if not wkt:
        raise DataError(
            "the layer has no coordinate system (CRS)",
            where=where,
            cure="add crs: EPSG:... to the layer, after asking whoever made it",
            rule=7,
        )
    with reading(where, "the coordinate system (CRS) cannot be read", CRS_CURE):
        return CRS.from_wkt(wkt)


CRS_CURE = "add crs: EPSG:... to the layer, after asking whoever made it"


def require_horizontal(crs: CRS, where: str, cure: str = CRS_CURE) -> None:
    """Refuse a CRS that places nothing on the ground.

    Raises
    ------
    DataError
        A vertical, geocentric or local one, or one that PROJ cannot use.
    """
    from cdrsite.core.crs import transformer

    if not (crs.is_projected or crs.is_geographic):
        raise DataError(
            "not a horizontal coordinate system (CRS)",
            where=where,
            got=f"{crs.name}, {crs.type_name}",
            cure=cure,
            rule=1,
        )
    with reading(where, "the coordinate system (CRS) cannot be used", cure):
        transformer(crs.to_wkt(), WGS84)


WGS84 = "EPSG:4326"

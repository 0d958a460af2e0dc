"""Opening of input data: rasters, NetCDF and Zarr variables, vectors, tables.

The only module of the package that opens what a scenario names. Rasters are read in windows of
stored values; :meth:`RasterSource.decode` turns them into numbers with NaN for unknown (rule 2).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine

from cdrsite.core.arrays import require_plain_zarr
from cdrsite.core.errors import DataError, MissingDependencyError, MissingFileError
from cdrsite.layers.where import nearest

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray
    from pyproj import CRS

    from cdrsite.config.layers import FileLayer

VECTOR_SUFFIXES = {
    ".gpkg", ".geojson", ".json", ".shp", ".parquet", ".geoparquet", ".gdb", ".fgb", ".kml", ".csv",
}  # fmt: skip
CUBE_SUFFIXES = {".nc", ".nc4", ".cdf", ".zarr"}
X_NAMES = ("x", "lon", "longitude", "easting")
Y_NAMES = ("y", "lat", "latitude", "northing")


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
    if path.exists():
        return
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

    @cached_property
    def wkt(self) -> str:
        """The CRS as WKT."""
        return str(self.crs.to_wkt())

    def read(self, rows: tuple[int, int], cols: tuple[int, int]) -> NDArray[Any]:
        """Stored values of a window, shape (bands, h, w), and masked ones as a masked array."""
        return self.reader.read(self.bands, rows, cols)

    def unknown(self, stored: NDArray[Any]) -> NDArray[np.bool_]:
        """Which stored values mean unknown; nodata is compared in the stored type."""
        data = np.ma.getdata(stored)
        bad = np.ma.getmaskarray(stored).copy()
        if np.issubdtype(data.dtype, np.floating):
            bad |= np.isnan(data)
        for value in self.nodata:
            if np.isnan(value):
                continue
            if np.issubdtype(data.dtype, np.integer):
                limits = np.iinfo(data.dtype)
                if value == int(value) and limits.min <= value <= limits.max:
                    bad |= data == data.dtype.type(int(value))
            else:
                bad |= data == data.dtype.type(value)
        return bad

    def decode(self, stored: NDArray[Any]) -> NDArray[np.float64]:
        """Numbers with NaN for unknown: nodata first, then scale and offset."""
        values = np.ma.getdata(stored).astype(np.float64)
        bad = self.unknown(stored)
        if self.scale != 1.0 or self.offset != 0.0:
            values = values * self.scale + self.offset
        values[bad] = np.nan
        return values


class _GdalReader:
    """Windowed reading through rasterio, with a handle for each thread.

    One handle shared by threads crashes the process.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.local = threading.local()
        self.masked = False

    def handle(self) -> Any:
        import rasterio

        dataset = getattr(self.local, "dataset", None)
        if dataset is None:
            dataset = self.local.dataset = rasterio.open(self.path, sharing=False)
        return dataset

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


class _CubeReader:
    """Windowed reading of one NetCDF or Zarr variable, one thread at a time."""

    lock = threading.Lock()

    def __init__(self, variable: Any, flip_y: bool, flip_x: bool) -> None:
        self.variable, self.flip_y, self.flip_x = variable, flip_y, flip_x

    def read(
        self, bands: tuple[int, ...], rows: tuple[int, int], cols: tuple[int, int], step: int = 1
    ) -> Any:
        """Bands of a window, every ``step`` pixels, north first."""
        height, width = self.variable.shape[-2:]
        r0, r1 = (height - rows[1], height - rows[0]) if self.flip_y else rows
        c0, c1 = (width - cols[1], width - cols[0]) if self.flip_x else cols
        with self.lock:
            window = self.variable[..., r0:r1, c0:c1]
            if window.ndim == 3:
                window = window[[b - 1 for b in bands]]
            data = np.asarray(window.values).reshape(len(bands), r1 - r0, c1 - c0)
        if self.flip_y:
            data = data[:, ::-1]
        if self.flip_x:
            data = data[:, :, ::-1]
        return np.ascontiguousarray(data[:, ::step, ::step])


def open_raster(layer: FileLayer, name: str, nodata: tuple[float, ...] = ()) -> RasterSource:
    """Open the raster of a layer.

    Parameters
    ----------
    layer : FileLayer
        Path, band, nodata, scale and CRS.
    name : str
        Name of the layer, for errors.
    nodata : tuple of float
        Further stored values that mean unknown (a preset's).

    Returns
    -------
    RasterSource

    Raises
    ------
    MissingFileError, DataError
        If the file is missing, cannot be read, has no CRS, or not the band or variable.
    """
    where = f"layers.{name} ({layer.path})"
    require_file(layer.path, where)
    if layer.path.suffix.lower() in CUBE_SUFFIXES:
        return _open_cube(layer, where, nodata)
    return _open_gdal(layer, where, nodata)


def _open_gdal(layer: FileLayer, where: str, nodata: tuple[float, ...]) -> RasterSource:
    import rasterio
    from rasterio.enums import MaskFlags
    from rasterio.errors import RasterioIOError

    reader = _GdalReader(str(layer.path))
    try:
        dataset = reader.handle()
    except (RasterioIOError, rasterio.errors.CRSError) as error:
        raise DataError(
            "the raster cannot be read", where=where, got=str(error), cure="check it with gdalinfo"
        ) from error
    bands = _bands(layer, dataset.count, where)
    flags = dataset.mask_flag_enums[bands[0] - 1]
    reader.masked = MaskFlags.per_dataset in flags
    own = dataset.nodatavals[bands[0] - 1]
    crs = _raster_crs(layer, dataset.crs.to_wkt() if dataset.crs else None, where)
    if dataset.transform.is_identity:
        raise DataError(
            "the raster has no position (no geotransform)",
            where=where,
            cure="georeference it, e.g. with gdal_translate -a_ullr",
            rule=7,
        )
    file_scale, file_offset = dataset.scales[bands[0] - 1], dataset.offsets[bands[0] - 1]
    return RasterSource(
        where=where,
        crs=crs,
        transform=dataset.transform,
        shape=(dataset.height, dataset.width),
        bands=bands,
        dtype=np.dtype(dataset.dtypes[bands[0] - 1]),
        nodata=_nodata(layer, None if own is None else float(own), nodata),
        scale=file_scale * layer.scale,
        offset=file_offset * layer.scale + layer.offset,
        unit=dataset.units[bands[0] - 1] or None,
        reader=reader,
    )


def _nodata(layer: FileLayer, own: float | None, preset: tuple[float, ...]) -> tuple[float, ...]:
    """Per-layer values supplement the file's and the preset's, or stand alone when told to."""
    given = tuple(float(v) for v in layer.nodata)
    if layer.ignore_file_nodata:
        return given
    return given + preset + (() if own is None else (own,))


def _bands(layer: FileLayer, count: int, where: str) -> tuple[int, ...]:
    if layer.band == "all":
        return tuple(range(1, count + 1))
    if not 1 <= layer.band <= count:
        raise DataError(
            "no such band", where=where, got=layer.band, expected=f"1 to {count}, or all"
        )
    return (layer.band,)


def _raster_crs(layer: FileLayer, wkt: str | None, where: str) -> CRS:
    from pyproj import CRS

    from cdrsite.layers.region import parse_crs

    if layer.crs is not None:
        return parse_crs(layer.crs, f"{where}: crs")
    if not wkt:
        raise DataError(
            "the layer has no coordinate system (CRS)",
            where=where,
            cure="add crs: EPSG:... to the layer, after asking whoever made it",
            rule=7,
        )
    return CRS.from_wkt(wkt)


def _open_cube(layer: FileLayer, where: str, nodata: tuple[float, ...]) -> RasterSource:
    data = _cube(layer.path, where)
    variable = _variable(data, layer, where)
    y_name, x_name = _axis(variable, Y_NAMES, "y", where), _axis(variable, X_NAMES, "x", where)
    others = [d for d in variable.dims if d not in {x_name, y_name}]
    if len(others) > 1:
        raise DataError(
            "too many dimensions",
            where=where,
            got=", ".join(map(str, variable.dims)),
            expected="y, x and at most one more, such as time",
        )
    variable = variable.transpose(*others, y_name, x_name)
    x, dx = _steps(variable[x_name].values, where)
    y, dy = _steps(variable[y_name].values, where)
    count = variable.shape[0] if others else 1
    attributes = {**variable.encoding, **variable.attrs}
    fill = [attributes.get(k) for k in ("_FillValue", "missing_value") if k in attributes]
    own = next((float(np.ravel(f)[0]) for f in fill if f is not None), None)
    scale = float(attributes.get("scale_factor", 1.0))
    offset = float(attributes.get("add_offset", 0.0))
    left, top = min(x[0], x[-1]) - abs(dx) / 2, max(y[0], y[-1]) + abs(dy) / 2
    return RasterSource(
        where=where,
        crs=_raster_crs(layer, _cube_wkt(data, variable, x_name), where),
        transform=Affine(abs(dx), 0.0, left, 0.0, -abs(dy), top),
        shape=(y.size, x.size),
        bands=_bands(layer, count, where),
        dtype=variable.dtype,
        nodata=_nodata(layer, own, nodata),
        scale=scale * layer.scale,
        offset=offset * layer.scale + layer.offset,
        unit=attributes.get("units"),
        reader=_CubeReader(variable, flip_y=dy > 0, flip_x=dx < 0),
    )


def _cube(path: Path, where: str) -> Any:
    import xarray as xr

    options: dict[str, Any] = {"mask_and_scale": False, "decode_times": False}
    try:
        if path.suffix.lower() == ".zarr":
            require_plain_zarr(path, where)
            return xr.open_zarr(path, chunks=None, **options)
        return xr.open_dataset(path, **options)
    except (ValueError, ImportError) as error:
        if "engine" in str(error) or isinstance(error, ImportError):
            raise MissingDependencyError(
                "reading NetCDF needs another library",
                where=where,
                got=str(error).splitlines()[0],
                cure="pip install 'cdrsite[netcdf]'",
            ) from error
        raise DataError("the dataset cannot be read", where=where, got=str(error)) from error
    except (OSError, KeyError) as error:
        raise DataError("the dataset cannot be read", where=where, got=str(error)) from error


def _variable(data: Any, layer: FileLayer, where: str) -> Any:
    names = [str(n) for n, v in data.data_vars.items() if v.ndim >= 2]
    wanted = layer.variable
    if wanted is None and len(names) == 1:
        wanted = names[0]
    if wanted is None or wanted not in names:
        raise DataError(
            "no such variable" if wanted else "which variable is meant",
            where=where,
            got=wanted or f"{len(names)} variables",
            expected=f"variable: one of {', '.join(names)}",
            cure=nearest(wanted, names)
            if wanted
            else f"add variable: {names[0] if names else '?'}",
        )
    return data[wanted]


def _axis(variable: Any, names: tuple[str, ...], axis: str, where: str) -> str:
    for dim in variable.dims:
        standard = variable[dim].attrs.get("axis", "") if dim in variable.coords else ""
        if str(dim).lower() in names or standard.lower() == axis:
            if dim not in variable.coords:
                raise DataError(f"dimension {dim!r} has no coordinates", where=where, rule=7)
            return str(dim)
    raise DataError(
        f"no {axis} dimension",
        where=where,
        got=", ".join(map(str, variable.dims)),
        expected=f"one of {', '.join(names)}",
    )


def _steps(values: Any, where: str) -> tuple[NDArray[np.float64], float]:
    """Coordinates and their step; uneven ones are refused."""
    points = np.asarray(values, np.float64)
    if points.size < 2:
        raise DataError("a single row or column has no size", where=where, got=points.size)
    step = (points[-1] - points[0]) / (points.size - 1)
    if step == 0 or np.abs(np.diff(points) - step).max() > 1e-3 * abs(step):
        raise DataError(
            "the coordinates are not evenly spaced",
            where=where,
            got=f"steps {np.diff(points).min():g} to {np.diff(points).max():g}",
            cure="resample the variable to a regular grid",
        )
    return points, float(step)


def _cube_wkt(data: Any, variable: Any, x_name: str) -> str | None:
    """CRS by CF grid_mapping, by an attribute, or longitude by its name and units."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    mapping = variable.attrs.get("grid_mapping") or variable.encoding.get("grid_mapping")
    candidates = [mapping, "spatial_ref", "crs"]
    for attributes in [data[c].attrs for c in candidates if c in data.variables] + [
        variable.attrs,
        data.attrs,
    ]:
        for key in ("crs_wkt", "spatial_ref", "crs", "epsg"):
            if key in attributes and isinstance(attributes[key], str | int):
                try:
                    return str(CRS.from_user_input(attributes[key]).to_wkt())
                except CRSError:
                    continue
        if "_CRS" in attributes and isinstance(attributes["_CRS"], dict):
            return attributes["_CRS"].get("wkt")
        if "grid_mapping_name" in attributes:
            return str(CRS.from_cf(attributes).to_wkt())
    units = str(variable[x_name].attrs.get("units", ""))
    if x_name.lower() in {"lon", "longitude"} and (not units or units.startswith("degree")):
        return str(CRS.from_epsg(4326).to_wkt())
    return None


def read_vector(
    path: Path,
    where: str,
    *,
    layer: str | None = None,
    crs: str | None = None,
    lon: str = "lon",
    lat: str = "lat",
) -> gpd.GeoDataFrame:
    """Read all features of a vector file or of a table with coordinates.

    Parameters
    ----------
    path : Path
        GeoPackage, GeoJSON, Shapefile, geodatabase, GeoParquet or CSV.
    where : str
        Layer and file, for errors.
    layer : str, optional
        Layer inside the file.
    crs : str, optional
        Replaces the file's CRS; a table without one is WGS 84.
    lon, lat : str
        Columns of a table.

    Returns
    -------
    GeoDataFrame
        In the file's CRS.

    Raises
    ------
    MissingFileError, DataError
        If it is missing, cannot be read, has no CRS, no features or not the layer.
    """
    from cdrsite.layers.region import parse_crs

    require_file(path, where)
    suffix = path.suffix.lower()
    try:
        if suffix == ".csv":
            frame = _read_table(path, where, lon, lat)
        elif suffix in {".parquet", ".geoparquet"}:
            import geopandas as gpd

            frame = gpd.read_parquet(path)
        else:
            frame = _read_ogr(path, where, layer)
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError("the file cannot be read", where=where, got=str(error)) from error
    if crs is not None:
        frame = frame.set_crs(parse_crs(crs, f"{where}: crs"), allow_override=True)
    if frame.crs is None:
        raise DataError(
            "the layer has no coordinate system (CRS)",
            where=where,
            cure="add crs: EPSG:... to the layer, after asking whoever made it",
            rule=7,
        )
    if frame.empty:
        raise DataError("the layer has no features", where=where, rule=7)
    return frame


def _read_ogr(path: Path, where: str, layer: str | None) -> gpd.GeoDataFrame:
    import pyogrio

    names = [str(n) for n in pyogrio.list_layers(path)[:, 0]]
    if layer is not None and layer not in names:
        raise DataError(
            "no such layer in the file",
            where=where,
            got=layer,
            expected=f"one of {', '.join(names)}",
            cure=nearest(layer, names),
        )
    if layer is None and len(names) > 1 and path.stem not in names:
        raise DataError(
            "which layer of the file is meant",
            where=where,
            got=f"{len(names)} layers",
            expected=f"layer: one of {', '.join(names)}",
        )
    chosen = layer or (path.stem if len(names) > 1 else names[0])
    return pyogrio.read_dataframe(path, layer=chosen)


def _read_table(path: Path, where: str, lon: str, lat: str) -> gpd.GeoDataFrame:
    import geopandas as gpd
    import pandas as pd

    from cdrsite.layers.where import column_name

    table = pd.read_csv(path)
    x, y = column_name(table, lon, where), column_name(table, lat, where)
    for column in (x, y):
        if not pd.api.types.is_numeric_dtype(table[column]) or table[column].isna().any():
            raise DataError(f"column {column!r} is not a number in every row", where=where, rule=7)
    return gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(table[x], table[y]), crs="EPSG:4326")

"""Variables of NetCDF and Zarr datasets as rasters."""

from __future__ import annotations

import json
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine

from cdrsite.core.errors import DataError, MissingDependencyError
from cdrsite.core.plaindata import require_plain_zarr
from cdrsite.layers.bands import bands_of
from cdrsite.layers.guard import reading, require_harmless
from cdrsite.layers.sources import CRS_CURE, RasterSource, crs_of, nodata_of
from cdrsite.layers.where import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.config.layers import FileLayer

X_NAMES = ("x", "lon", "longitude", "easting")
STRIP_PIXELS = 16_000_000
"""Read at a time where every so many pixels are wanted."""
Y_NAMES = ("y", "lat", "latitude", "northing")


class _CubeReader:
    """Windowed reading of one NetCDF or Zarr variable, one thread at a time."""

    lock = threading.Lock()

    def __init__(self, variable: Any, flip_y: bool, flip_x: bool, marks: dict[str, Any]) -> None:
        self.variable, self.flip_y, self.flip_x = variable, flip_y, flip_x
        self.marks = marks

    overviews: tuple[int, ...] = ()

    @property
    def block(self) -> tuple[int, int]:
        """Height and width of what the file is read by [pixels]."""
        chunks = self.variable.encoding.get("chunksizes") or self.variable.encoding.get("chunks")
        return tuple(map(int, chunks[-2:])) if chunks else (1, self.variable.shape[-1])  # type: ignore[return-value]

    def read(
        self, bands: tuple[int, ...], rows: tuple[int, int], cols: tuple[int, int], step: int = 1
    ) -> Any:
        """Bands of a window, every ``step`` pixels, north first."""
        if step == 1:
            return self._whole(bands, rows, cols)
        # striding inside the file is slow, and the whole window may not fit into memory
        height = max(1, STRIP_PIXELS // (step * (cols[1] - cols[0]))) * step
        parts = [
            self._whole(bands, (row, min(row + height, rows[1])), cols)[:, ::step, ::step]
            for row in range(*rows, height)
        ]
        return np.concatenate(parts, axis=1)

    def _whole(self, bands: tuple[int, ...], rows: tuple[int, int], cols: tuple[int, int]) -> Any:
        height, width = self.variable.shape[-2:]
        r0, r1 = (height - rows[1], height - rows[0]) if self.flip_y else rows
        c0, c1 = (width - cols[1], width - cols[0]) if self.flip_x else cols
        with self.lock:
            window = self.variable[..., r0:r1, c0:c1]
            if window.ndim == 3:
                window = window[[b - 1 for b in bands]]
            data = np.asarray(window.values).reshape(len(bands), r1 - r0, c1 - c0)
        data = _told(data, self.marks)
        if self.flip_y:
            data = data[:, ::-1]
        if self.flip_x:
            data = data[:, :, ::-1]
        return np.ma.copy(data) if np.ma.isMaskedArray(data) else np.ascontiguousarray(data)


def _told(data: NDArray[Any], marks: dict[str, Any]) -> NDArray[Any]:
    """Stored values as CF means them, before scale and offset: unsigned, and unknown masked.

    Parameters
    ----------
    data : ndarray
        As they lie in the file.
    marks : dict
        The attributes ``_Unsigned``, ``_FillValue`` and ``missing_value`` of the variable.
    """
    import xarray as xr

    if not marks:
        return data
    if data.dtype.kind in "iu" and data.dtype.itemsize == 8:
        # as floats, which xarray makes of them, neighbours of a fill value may be the same
        fills = np.ravel([np.ravel(marks[key]) for key in FILLS if key in marks])
        return np.ma.MaskedArray(data, np.isin(data, fills.astype(data.dtype)))
    plain = xr.Dataset({"it": (("z", "y", "x"), data, marks)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xr.SerializationWarning)  # of several fill values
        read = xr.decode_cf(plain, decode_times=False, decode_coords=False)["it"].values
    return np.ma.masked_invalid(read) if data.dtype.kind in "iu" else read


def open_cube(layer: FileLayer, where: str, nodata: tuple[float, ...]) -> RasterSource:
    """Open a variable of a dataset; see :func:`cdrsite.layers.rasterfiles.open_raster`."""
    require_harmless(layer.path, where)
    with reading(where, "the dataset cannot be read", "check it with ncdump -h"):
        return _as_raster(_cube(layer.path, where), layer, where, nodata)


def _as_raster(data: Any, layer: FileLayer, where: str, nodata: tuple[float, ...]) -> RasterSource:
    variable = _variable(data, layer, where)
    y_name, x_name = axis_of(variable, Y_NAMES, "y", where), axis_of(variable, X_NAMES, "x", where)
    single = [d for d in variable.dims if d not in {x_name, y_name} and variable.sizes[d] == 1]
    variable = variable.squeeze(single)
    others = [d for d in variable.dims if d not in {x_name, y_name}]
    if len(others) > 1:
        raise DataError(
            "too many dimensions",
            where=where,
            got=", ".join(map(str, variable.dims)),
            expected="y, x and at most one more, such as time",
        )
    variable = variable.transpose(*others, y_name, x_name)
    x, dx = even_steps(_run_on(variable[x_name]), where)
    y, dy = even_steps(variable[y_name].values, where)
    names = _step_names(variable, str(others[0])) if others else [""]
    bands, together = bands_of(layer.band, names, where, f"steps of {others[0]}" if others else "")
    attributes = {**variable.encoding, **variable.attrs}
    marks = {} if layer.ignore_file_nodata else _fills(attributes, variable.dtype, where)
    own = tuple(n for key in FILLS if key in marks for n in np.ravel(marks[key]).tolist())
    unsigned = str(attributes.get("_Unsigned", "")).lower()
    if unsigned in {"true", "false"} and variable.dtype.kind in "iu":
        marks = {**marks, "_Unsigned": unsigned}
        own = ()
    scale = _one_number(attributes, "scale_factor", 1.0, where)
    offset = _one_number(attributes, "add_offset", 0.0, where)
    valid = (-np.inf, np.inf)
    if not layer.ignore_file_nodata:
        valid = _valid(attributes, variable.dtype, unsigned == "true", scale, offset, where)
    unit = attributes.get("units")
    left, top = min(x[0], x[-1]) - abs(dx) / 2, max(y[0], y[-1]) + abs(dy) / 2
    return RasterSource(
        where=where,
        crs=crs_of(layer, cube_wkt(data, variable, x_name, where), where),
        transform=Affine(abs(dx), 0.0, left, 0.0, -abs(dy), top),
        shape=(y.size, x.size),
        bands=bands,
        dtype=variable.dtype,
        nodata=nodata_of(layer, own, nodata),
        scale=scale * layer.scale,
        offset=offset * layer.scale + layer.offset,
        unit=unit if isinstance(unit, str) else None,
        reader=_CubeReader(variable, flip_y=dy > 0, flip_x=dx < 0, marks=marks),
        together=together,
        valid=valid,
    )


FILLS = ("_FillValue", "missing_value")
"""Attributes that say which values mean unknown."""


def _fills(attributes: dict[str, Any], dtype: np.dtype, where: str) -> dict[str, Any]:
    """Values that mean unknown, in the type of the variable; those it cannot hold are none."""
    found = {}
    given = dict(attributes)
    filled = given.pop("fill_value", None)  # of a Zarr 3 array; 0 is what nobody chose
    if "_FillValue" not in given and filled is not None and np.isscalar(filled) and filled != 0:
        given["_FillValue"] = filled
    for key in FILLS:
        values = _numbers(given, key, where)
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            kept: list[float] = [
                int(v) for v in values if v == int(v) and limits.min <= v <= limits.max
            ]
        else:
            kept = [v for v in values if not np.isfinite(v) or abs(v) <= np.finfo(dtype).max]
        if kept:
            found[key] = np.array(kept, dtype) if len(kept) > 1 else dtype.type(kept[0])
    return found


def _valid(
    attributes: dict[str, Any],
    dtype: np.dtype,
    unsigned: bool,
    scale: float,
    offset: float,
    where: str,
) -> tuple[float, float]:
    """Stored values that can be meant; others are unknown.

    Notes
    -----
    CF 1.11, 2.5.1, and the NetCDF users guide: bounds are of the stored type, unless whole numbers
    are stored and the bounds are of the type of the scale: then they are of the numbers meant.
    """
    low, high = -np.inf, np.inf
    for key in ("valid_min", "valid_max", "valid_range"):
        if attributes.get(key) is None:
            continue
        kind = np.asarray(attributes[key]).dtype
        given = np.ravel(np.array(_numbers(attributes, key, where), np.float64))
        if dtype.kind in "iu" and kind.kind == "f" and (scale, offset) != (1.0, 0.0):
            given = (given - offset) / scale
        elif unsigned and dtype.kind == "i":
            given = given + 2.0 ** (8 * dtype.itemsize) * (given < 0)
        if given.size == 0 or given.size > (2 if key == "valid_range" else 1):
            raise _not_numbers(key, attributes[key], where)
        upper = (key == "valid_max") != (scale < 0 and kind.kind == "f" and dtype.kind in "iu")
        if key == "valid_range":
            low, high = float(given.min()), float(given.max())
        elif upper:
            high = float(given[0])
        else:
            low = float(given[0])
    return low, high


def _step_names(variable: Any, dimension: str) -> list[str]:
    """Names of the steps of a dimension: dates where it is time, else its values."""
    import xarray as xr

    if dimension not in variable.coords:
        return [""] * variable.sizes[dimension]
    axis = variable[dimension]
    with warnings.catch_warnings(), suppress(Exception):  # what is no date stays as it is
        warnings.simplefilter("ignore")
        axis = xr.decode_cf(axis.to_dataset(name="it"))["it"]
    if np.issubdtype(axis.dtype, np.datetime64):
        texts = np.datetime_as_string(axis.values, unit="s")
        return [text.removesuffix("T00:00:00") for text in texts]
    return [str(getattr(value, "item", lambda v=value: v)()) for value in axis.values]


def _numbers(attributes: dict[str, Any], key: str, where: str) -> tuple[float, ...]:
    """Numbers of an attribute, sorted, each once; none without it."""
    value = attributes.get(key)
    try:
        plain = np.ravel(np.asarray([] if value is None else value))
        return tuple(np.unique(plain if plain.dtype.kind in "iu" else plain.astype(float)).tolist())
    except (TypeError, ValueError) as error:
        raise _not_numbers(key, value, where) from error


def _one_number(attributes: dict[str, Any], key: str, default: float, where: str) -> float:
    numbers = _numbers(attributes, key, where)
    if len(numbers) > 1:
        raise _not_numbers(key, attributes[key], where)
    return float(numbers[0]) if numbers else default


def _not_numbers(key: str, value: object, where: str) -> DataError:
    return DataError(
        f"attribute {key!r} of the variable is not a number",
        where=where,
        got=repr(value),
        cure=f"correct it, e.g. with ncatted -a {key},,o,d,VALUE",
    )


def _cube(path: Path, where: str) -> Any:
    import xarray as xr

    options: dict[str, Any] = {"mask_and_scale": False, "decode_times": False}
    try:
        if path.suffix.lower() == ".zarr":
            require_plain_zarr(path, where)
            return xr.open_zarr(path, chunks=None, consolidated=_consolidated(path), **options)
        return xr.open_dataset(path, **options)
    except (ValueError, ImportError) as error:
        if "engine" in str(error) or isinstance(error, ImportError):
            raise MissingDependencyError(
                "reading NetCDF needs another library",
                where=where,
                got=str(error).splitlines()[0],
                cure="pip install 'cdrsite[netcdf]'",
            ) from error
        raise


def _consolidated(path: Path) -> bool:
    """Whether a Zarr store keeps what describes its arrays in one place."""
    described = path / "zarr.json"
    if described.is_file():
        return bool(json.loads(described.read_text()).get("consolidated_metadata"))
    return (path / ".zmetadata").is_file()


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


def axis_of(variable: Any, names: tuple[str, ...], axis: str, where: str) -> str:
    """The dimension of an axis, by its name or its CF attribute; refused without coordinates."""
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


def _run_on(axis: Any) -> Any:
    """Values of an axis; longitudes that leap back by a circle run on."""
    values = axis.values
    degrees = str(axis.attrs.get("units", "degree")).startswith("degree")
    if str(axis.name).lower() in {"lon", "longitude"} and degrees and values.dtype.kind in "iuf":
        return np.unwrap(values.astype(np.float64), period=360.0)
    return values


def even_steps(values: Any, where: str) -> tuple[NDArray[np.float64], float]:
    """Coordinates and their step; uneven ones are refused."""
    try:
        points = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        points = np.full(2, np.nan)
    if np.asarray(values).dtype.kind not in "iuf" or not np.isfinite(points).all():
        raise DataError(
            "the coordinates are not numbers",
            where=where,
            got=f"type {np.asarray(values).dtype}",
            cure="write x and y, or longitude and latitude, as numbers",
        )
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


def cube_wkt(data: Any, variable: Any, x_name: str, where: str) -> str | None:
    """CRS by CF grid_mapping, by an attribute, or longitude by its name and units."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    mapping = variable.attrs.get("grid_mapping") or variable.encoding.get("grid_mapping")
    candidates = [mapping, "spatial_ref", "crs"]
    named = [c for c in candidates if isinstance(c, str) and c in data.variables]
    for attributes in [data[c].attrs for c in named] + [
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
            with reading(where, "its grid_mapping is not a coordinate system (CRS)", CRS_CURE):
                return str(CRS.from_cf(attributes).to_wkt())
    units = str(variable[x_name].attrs.get("units", ""))
    if x_name.lower() in {"lon", "longitude"} and (not units or units.startswith("degree")):
        return str(CRS.from_epsg(4326).to_wkt())
    return None

"""Arrays and tables of a Python session, as files that layers are read from.

What lies in memory is read by the same readers as what lies on disk: it is written to a folder of
this process, and removed when Python ends. What is written of a run calls it ``memory://NAME``.
"""

from __future__ import annotations

import atexit
import hashlib
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.content import known_sha256
from cdrsite.core.errors import DataError
from cdrsite.core.files import make_own, remove_own
from cdrsite.core.remote import memory_folder

if TYPE_CHECKING:
    import xarray as xr

KIND = "memory"
"""Kind of the folders that hold what was in memory."""
CHUNK = 1024
"""Rows and columns of a chunk of an array that has none [pixels]."""


def is_data(value: object) -> bool:
    """Whether a value is an array or table that a scenario can read in place of a file."""
    found = type(value)
    names = {f"{base.__module__.split('.')[0]}.{base.__name__}" for base in found.__mro__}
    kinds = {"xarray.DataArray", "xarray.Dataset", "pandas.DataFrame", "geopandas.GeoSeries"}
    return bool(names & kinds) or isinstance(value, np.ndarray)


def keep(name: str, value: Any) -> Path:
    """Write an array or table where it is read like a file.

    Parameters
    ----------
    name : str
        What it is called in errors and in the manifest.
    value : DataArray, GeoDataFrame, GeoSeries or DataFrame
        An array (y, x) or (band, y, x) with its coordinates, in memory or of Dask, whose chunks
        are computed one after the other; features with a CRS; or a table.

    Returns
    -------
    Path
        The same for the same content.

    Raises
    ------
    DataError
        If it has no place, or is no array or table that can be read.
    """
    import geopandas as gpd
    import pandas as pd
    import xarray as xr

    where = f"layers={name}"
    if isinstance(value, xr.Dataset):
        listed = ", ".join(map(str, value.data_vars))
        raise DataError(
            "several variables", where=where, got=listed, cure="give one: dataset[NAME]"
        )
    if isinstance(value, np.ndarray):
        raise DataError(
            "an array without a place",
            where=where,
            got=f"shape {value.shape}",
            expected="a DataArray with coordinates",
            cure='give {"data": array, "bounds": (west, south, east, north), "crs": "EPSG:4326"}',
        )
    with tempfile.TemporaryDirectory(dir=_own_folder()) as aside:
        if isinstance(value, xr.DataArray):
            made = Path(aside) / f"{name}.zarr"
            _write_array(value, made, where)
        else:
            made = Path(aside) / f"{name}.parquet"
            table = value.to_frame("geometry") if isinstance(value, gpd.GeoSeries) else value
            if isinstance(table, gpd.GeoDataFrame) and table.crs is None:
                cure = "frame.set_crs(...)"
                raise DataError("features without a CRS", where=where, cure=cure)
            table = table.rename(columns=str)
            if isinstance(table, gpd.GeoDataFrame | pd.DataFrame):
                _write_table(table, made, where)
        target = _own_folder() / _content(made) / made.name
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            made.rename(target)
    return target


def placed(array: np.ndarray[Any, Any], bounds: Any, where: str) -> xr.DataArray:
    """An array with the coordinates of its pixels, the north up.

    Parameters
    ----------
    array : ndarray
        (rows, cols) or (bands, rows, cols).
    bounds : sequence of float
        West, south, east and north edges in the array's CRS.
    where : str
        For errors.
    """
    import xarray as xr

    edges = np.ravel(np.asarray(bounds, dtype=np.float64))
    if edges.size != 4 or array.ndim not in {2, 3} or not (edges[:2] < edges[2:]).all():
        raise DataError(
            "an array and its bounds do not fit",
            where=where,
            got=f"shape {array.shape}, bounds {bounds}",
            expected="(rows, cols) or (bands, rows, cols); west < east and south < north",
        )
    west, south, east, north = edges
    rows, cols = array.shape[-2:]
    extra = ["band"] if array.ndim == 3 else []
    x = west + (np.arange(cols) + 0.5) * (east - west) / cols
    y = north - (np.arange(rows) + 0.5) * (north - south) / rows
    return xr.DataArray(array, dims=[*extra, "y", "x"], coords={"y": y, "x": x})


def _write_array(array: xr.DataArray, path: Path, where: str) -> None:
    if array.dtype.kind not in "biuf":
        raise DataError(
            "the values are not numbers", where=where, got=str(array.dtype), expected="numbers"
        )
    mapping = array.encoding.get("grid_mapping")
    plain = array.drop_encoding().rename("values")
    for coordinate in plain.coords.values():
        coordinate.encoding.clear()
    if mapping is not None:
        plain.attrs = {**plain.attrs, "grid_mapping": mapping}
    if plain.dtype.kind == "b":
        plain = plain.astype("uint8")
    chunked = plain.chunks is not None
    chunks = tuple(min(size, CHUNK) for size in plain.shape)
    encoding = {} if chunked else {"values": {"chunks": chunks}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Zarr says of its own formats
        plain.to_dataset().to_zarr(path, zarr_format=2, consolidated=True, encoding=encoding)


def _write_table(table: Any, path: Path, where: str) -> None:
    import pyarrow as pa

    try:
        table.to_parquet(path, index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, TypeError) as error:
        raise DataError(
            "the table cannot be read", where=where, got=str(error), cure="make columns of one type"
        ) from error


def _content(path: Path) -> str:
    """Hash of a file, or of all files of a store and their names."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    named = [f"{file.relative_to(path).as_posix()} {known_sha256(file)}" for file in files]
    return hashlib.sha256("\n".join(named).encode()).hexdigest()[:16]


@cache
def _own_folder() -> Path:
    """Where this process keeps what was in memory."""
    root = memory_folder()
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=root))
    make_own(folder, KIND)
    atexit.register(remove_own, folder, KIND)
    return folder

"""Arrays and tables of a Python session in a scenario, as files that layers are read from.

What lies in memory is read by the same readers as what lies on disk: it is written to a folder of
this process, and removed when Python ends. What is written of a run calls it ``memory://NAME``.
"""

from __future__ import annotations

import atexit
import hashlib
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.content import known_sha256
from cdrsite.core.errors import ConfigError, DataError
from cdrsite.core.files import make_own, remove_own
from cdrsite.core.remote import MEMORY, address_of, memory_folder

if TYPE_CHECKING:
    import xarray as xr

KIND = "memory"
"""Kind of the folders that hold what was in memory."""
CHUNK = 1024
"""Rows and columns of a chunk of an array that has none [pixels]."""
OF_THE_FILE = ("path", "tiles", "layer", "variable", "encoding", "crs", "ignore_file_nodata")
"""Keys of a layer that say where its data are, and fall with them."""


def kept(value: Any, at: tuple[str, ...] = (), where: str = "scenario") -> Any:
    """A value of a scenario in which paths stand in place of data in memory.

    Parameters
    ----------
    value : object
        A whole scenario, or the value of a key of it, in which arrays and tables may stand where a
        file would, and a layer may be ``{"data": array, ...}``; not changed.
    at : tuple of str
        Its key, part by part.
    where : str
        What errors call it.

    Returns
    -------
    object
        A NumPy array of one dimension, as ``frame.total_bounds``, is a list of numbers.

    Raises
    ------
    ConfigError, DataError
        If data cannot be read as a layer.
    """

    def child(key: object, item: Any) -> Any:
        return kept(item, (*at, str(key)), f"{where}{'.' if at else ': '}{key}")

    if isinstance(value, Mapping) and not is_data(value):  # a Dataset is a mapping too
        if is_data(value.get("data")):
            return _layer(value, at, where)
        return {key: child(key, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [child(i, item) for i, item in enumerate(value)]
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return value.tolist()
    if not is_data(value):
        return value
    path = keep(_name(at), value, where)
    return {"path": path} if len(at) == 2 and at[0] == "layers" else path


def kept_layers(layers: Mapping[str, Any]) -> dict[str, Any]:
    """Layers as a scenario has them, of data in memory, paths, or mappings with either.

    Raises
    ------
    ConfigError, DataError
        If data cannot be read as a layer.
    """
    return {
        name: {"path": Path(value).absolute()}
        if isinstance(value, str | Path)
        else kept(value, ("layers", name), f"layers={name}")
        for name, value in layers.items()
    }


def instead_of(known: object, value: Any, name: str, where: str) -> dict[str, Any]:
    """A layer of data in memory in the place of one of a scenario.

    Parameters
    ----------
    known : object
        The layer as the scenario has it, or None: what it says of it (`unit`, `kind`, `attribute`)
        stays.
    value : object
        An array or table in memory; or a mapping with it as ``data`` and further keys of a layer.
    name : str
        Of the layer.
    where : str
        What errors call it.

    Raises
    ------
    ConfigError, DataError
        If there are no data, or they cannot be read as a layer.
    """
    held = isinstance(value, Mapping) and not is_data(value)
    entry = dict(value) if held else {"data": value}
    if not is_data(entry.get("data")):
        raise ConfigError(
            "no data of a layer",
            where=where,
            got=type(entry.get("data", value)).__name__,
            expected="a DataArray, GeoDataFrame or DataFrame, or a mapping with one as data",
        )
    before = known if isinstance(known, Mapping) and "path" in known else {}
    stays = {key: item for key, item in before.items() if key not in OF_THE_FILE}
    return {**stays, **_layer(entry, ("layers", name), where)}


def kept_change(data: Mapping[str, Any], key: str, value: Any) -> Any:
    """The new value of a scenario's key, with paths in place of data in memory.

    Parameters
    ----------
    data : Mapping
        The scenario before, as plain values.
    key : str
        Dotted.
    value : object
        Data in memory for a layer take its place, as :func:`instead_of` has it.

    Raises
    ------
    ConfigError, DataError
        If data cannot be read as a layer.
    """
    at = tuple(key.strip().split("."))
    where = f"replace: {key}"
    inner = value.get("data") if isinstance(value, Mapping) and not is_data(value) else value
    if len(at) == 2 and at[0] == "layers" and is_data(inner):
        return instead_of((data.get("layers") or {}).get(at[1]), value, at[1], where)
    return kept(value, at, where)


def in_memory(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Key and ``memory://NAME`` of each path in a scenario that was in the memory of a session."""
    if isinstance(value, Mapping | list | tuple):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            yield from in_memory(item, f"{at}.{key}" if at else str(key))
    elif isinstance(value, str | Path) and str(value).startswith(str(memory_folder())):
        address = address_of(Path(value))
        if address is not None and address.startswith(f"{MEMORY}://"):
            yield at, address


def refuse_memory(data: Mapping[str, Any]) -> None:
    """Refuse what a scenario file cannot hold: data of this Python session.

    Parameters
    ----------
    data : Mapping
        A scenario as plain values.

    Raises
    ------
    ConfigError
        With the keys.
    """
    found = dict(in_memory(data))
    if not found:
        return
    key = next(iter(found))
    raise ConfigError(
        "a scenario file cannot hold data of this Python session",
        where=", ".join(found),
        got=", ".join(found.values()),
        expected="files",
        cure="write them to files, as array.rio.to_raster(FILE) or frame.to_file(FILE), and name "
        f"those before: scenario.replace({{{key!r}: FILE}}).to_yaml(...)",
    )


def _layer(value: Mapping[str, Any], at: tuple[str, ...], where: str) -> dict[str, Any]:
    """A layer whose data are in memory."""
    rest = {key: item for key, item in value.items() if key not in {"data", "bounds"}}
    data = value["data"]
    if isinstance(data, np.ndarray) and "bounds" in value:
        data = _placed(data, value["bounds"], where)
    elif "bounds" in value:
        raise ConfigError(
            "data with coordinates have bounds of their own",
            where=where,
            got=type(data).__name__,
            cure="remove bounds",
        )
    return {"path": keep(_name(at), data, where), **rest}


def _name(at: tuple[str, ...]) -> str:
    """What data are called: a layer by its name, others by their key."""
    if at[:1] == ("layers",):
        at = at[1:-1] if at[2:] == ("path",) else at[1:]
    return ".".join(at) or "data"


def is_data(value: object) -> bool:
    """Whether a value is an array or table that a scenario can read in place of a file."""
    found = type(value)
    names = {f"{base.__module__.split('.')[0]}.{base.__name__}" for base in found.__mro__}
    kinds = {"xarray.DataArray", "xarray.Dataset", "pandas.DataFrame", "geopandas.GeoSeries"}
    return bool(names & kinds) or isinstance(value, np.ndarray)


def keep(name: str, value: Any, where: str) -> Path:
    """Write an array or table where it is read like a file.

    Parameters
    ----------
    name : str
        What it is called in the manifest.
    value : DataArray, GeoDataFrame, GeoSeries or DataFrame
        An array (y, x) or (band, y, x) with its coordinates, in memory or of Dask, whose chunks
        are computed one after the other; features with a CRS; or a table.
    where : str
        For errors.

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


def _placed(array: np.ndarray[Any, Any], bounds: Any, where: str) -> xr.DataArray:
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

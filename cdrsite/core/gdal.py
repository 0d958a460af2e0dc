"""The only owner of GDAL's settings: every one is as it was before once its user is done.

Settings of GDAL belong to the process, and two copies of GDAL live in it: rasterio's and pyogrio's.
A notebook has settings of its own, and several maps are written at once, so a setting is taken
back by the last of those who wanted it, to what it was before the first.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from cdrsite.core.errors import DataError
from cdrsite.core.references import RASTER_DRIVERS, is_mosaic, sources_of

CACHE_BYTES = 256 * 2**20
"""Memory of GDAL for blocks of rasters, of all files together [bytes]; by default GDAL takes a
twentieth of all memory."""
CACHE = "GDAL_CACHEMAX"


class Shared:
    """Settings of the process that several threads may want at once.

    The first who wants a setting remembers what it was, and the last one puts it back. Threads that
    want the same value share it; one that wants another waits until they are done.

    Parameters
    ----------
    read : callable
        Name -> value as it is now.
    write : callable
        (name, value) -> None.
    """

    def __init__(self, read: Callable[[str], Any], write: Callable[[str, Any], None]) -> None:
        self._read, self._write = read, write
        self._free = threading.Condition()
        self._held: dict[str, list[Any]] = {}  # name -> [users, value, value before]

    @contextmanager
    def holding(self, name: str, value: Any) -> Iterator[None]:
        """Give a setting a value while a ``with`` block lasts."""
        with self._free:
            while name in self._held and self._held[name][1] != value:
                self._free.wait()
            if name not in self._held:
                self._held[name] = [0, value, self._read(name)]
                self._write(name, value)
            self._held[name][0] += 1
        try:
            yield
        finally:
            with self._free:
                entry = self._held[name]
                entry[0] -= 1
                if not entry[0]:
                    del self._held[name]
                    self._write(name, entry[2])
                    self._free.notify_all()


@cache
def _of_rasters() -> Shared:
    from rasterio.env import get_gdal_config, set_gdal_config

    return Shared(get_gdal_config, set_gdal_config)


@cache
def _of_vectors() -> Shared:
    from pyogrio import get_gdal_config_option, set_gdal_config_options

    return Shared(get_gdal_config_option, lambda name, to: set_gdal_config_options({name: to}))


@contextmanager
def bounded_cache() -> Iterator[None]:
    """Keep GDAL's memory for blocks small while a ``with`` block lasts, in all threads.

    Who sets ``GDAL_CACHEMAX`` in the environment decides.
    """
    if os.environ.get(CACHE):
        yield
        return
    with _of_rasters().holding(CACHE, CACHE_BYTES):
        yield


@contextmanager
def raster_options(**options: str) -> Iterator[None]:
    """Settings of rasterio's GDAL for this thread while a ``with`` block lasts.

    Parameters
    ----------
    **options
        Configuration options of GDAL, but for the cache, which belongs to all threads.
    """
    import rasterio

    if CACHE in options:
        raise ValueError(f"{CACHE} is of the whole process: use bounded_cache")
    with rasterio.Env(**options):
        yield


@contextmanager
def vector_options(**options: str) -> Iterator[None]:
    """Settings of pyogrio's GDAL while a ``with`` block lasts, in all threads.

    Parameters
    ----------
    **options
        Configuration options of GDAL. They are taken in the order of their names, so that two
        threads never wait for each other.
    """
    with ExitStack() as held:
        for name in sorted(options):
            held.enter_context(_of_vectors().holding(name, options[name]))
        yield


OFFLINE = {"GDAL_HTTP_PROXY": "127.0.0.1:9", "GDAL_HTTPS_PROXY": "127.0.0.1:9"}
"""No file that is read sends GDAL to the network: whatever it asks for there, nobody answers."""


def open_raster(path: Path | str, drivers: tuple[str, ...] = RASTER_DRIVERS) -> Any:
    """Open a raster that holds its own numbers, or a mosaic (VRT) of such.

    Parameters
    ----------
    path : Path or str
        The file. That a mosaic has no other parts is :func:`require_own_numbers`' to say.
    drivers : tuple of str
        Kinds of files that are opened, by GDAL's names.

    Returns
    -------
    rasterio.DatasetReader
        A handle of its own, not shared with others.

    Raises
    ------
    rasterio.errors.RasterioIOError
        It is none of these, or broken.
    """
    import numpy as np
    import rasterio
    from rasterio.io import DatasetReader

    mosaic = drivers == RASTER_DRIVERS and is_mosaic(Path(path))
    # a nodata that the values' type cannot hold is none, and no reason for a warning
    with rasterio.Env(), np.errstate(over="ignore"):
        kinds = ["VRT"] if mosaic else list(drivers)
        return DatasetReader(str(path), driver=kinds, sharing=False)


def require_own_numbers(path: Path, where: str) -> None:
    """Refuse a raster that leads to anything but raster files of this machine.

    Raises
    ------
    DataError
        A part of a mosaic is no raster, or a file names overviews elsewhere.
    rasterio.errors.RasterioIOError
        The file or a part of it cannot be read.
    """
    for file in (path, *sources_of(path, where)):
        with open_raster(file) as dataset:
            given = dataset.tags(ns="OVERVIEWS").get("OVERVIEW_FILE", "")
        if given and given != f":::BASE:::{file.name}.ovr":
            raise DataError(
                "the raster names overviews in another file, which is not read",
                where=where,
                got=f"{given[:80]!r} in {file.name}",
                cure="remove them with gdaladdo -clean, or write a new file with gdal_translate",
            )

"""What the bytes of a run depend on: the scenario as resolved, its inputs, the versions."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdrsite.core.content import known_sha256, state_of
from cdrsite.core.errors import DataError, message
from cdrsite.core.references import files_of
from cdrsite.core.remote import address_of
from cdrsite.core.secrets import hidden
from cdrsite.core.version import __version__

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario

PACKAGES = (
    "geopandas",
    "highspy",
    "numba",
    "numpy",
    "pandas",
    "pydantic",
    "pyproj",
    "rasterio",
    "scipy",
    "shapely",
    "xarray",
    "zarr",
)


NOT_INPUTS = frozenset({"data_folder", "folder"})
"""Keys of a scenario whose paths are places, not data."""


MOST_NAMED = 5
"""Files that one warning names."""


def resolved_scenario(scenario: Scenario) -> dict[str, Any]:
    """The scenario with its defaults; paths start at the data folder, so that it can be moved."""
    base = scenario.data_folder
    document: dict[str, Any] = _relative(scenario.model_dump(by_alias=True), base)
    document["data_folder"] = "."
    return document


def _relative(value: Any, base: Path) -> Any:
    if isinstance(value, Mapping):
        return {key: _relative(item, base) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_relative(item, base) for item in value]
    return relative_path(value, base) if isinstance(value, Path) else value


def relative_path(path: Path, base: Path) -> str:
    """A path as seen from the data folder, with slashes; from its drive where there is no way.

    A copy of a file of another machine is called by its address.
    """
    address = address_of(path)
    if address is not None:
        return address
    plain = path.as_posix()
    if not path.is_absolute() or hidden(plain) != plain:  # a way from here would show parts of it
        return hidden(plain)
    try:
        return Path(os.path.relpath(path, base.resolve())).as_posix()
    except ValueError:  # another drive
        drive = path.drive.strip(":\\/").replace("\\", "/")
        return f"{drive}/{path.relative_to(path.anchor).as_posix()}"


def input_files(scenario: Scenario) -> dict[str, dict[str, Any]]:
    """SHA-256 and size of every file the scenario names, by path from the data folder.

    Parameters
    ----------
    scenario : Scenario
        Its paths are absolute.

    Returns
    -------
    dict
        Path -> ``sha256`` and ``bytes``. Of a folder (a Zarr store) every file; of any other file
        its companions too (of a shapefile, and the georeference of a raster), and of a mosaic its
        parts.
    """
    return {
        name: {"sha256": known_sha256(file), "bytes": file.stat().st_size}
        for name, file in _named(scenario).items()
    }


def _named(scenario: Scenario) -> dict[str, Path]:
    """Every file the scenario names, by path from the data folder."""
    paths = named_paths(scenario.model_dump(by_alias=True))
    files = {file for path in paths for file in files_of(path)}
    named = {relative_path(file.absolute(), scenario.data_folder): file for file in files}
    return {name: named[name] for name in sorted(named)}


class InputWatch:
    """Inputs from before the first of them is read until after the last.

    Parameters
    ----------
    scenario : Scenario
        Its paths are absolute.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._before: dict[str, tuple[int, ...]] = {}
        with suppress(DataError):  # told with its layer when it is opened
            self._before = {name: state_of(file) for name, file in _named(scenario).items()}

    def finish(self) -> tuple[dict[str, dict[str, Any]], list[str]]:
        """Hashes of the bytes that were read.

        Returns
        -------
        tuple
            As :func:`input_files`, and the names of files that changed meanwhile or are gone, which
            have no hash: what was read of them, nobody can tell any more.
        """
        hashes: dict[str, dict[str, Any]] = {}
        now = _named(self._scenario)
        for name in sorted({*now, *self._before}):
            same = False
            with suppress(OSError):
                file = now.get(name)
                if file is not None and state_of(file) == self._before.get(name):
                    hashes[name] = {"sha256": known_sha256(file), "bytes": file.stat().st_size}
                    same = state_of(file) == self._before[name]
            if not same:
                hashes[name] = {"sha256": None, "bytes": None}
        return hashes, [name for name, entry in hashes.items() if entry["sha256"] is None]


def changed_text(names: Sequence[str]) -> str:
    """The warning of inputs that changed while a run read them."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return message(
        "changed while the run was under way: its results may come from the old bytes, the new "
        "ones or both, and the manifest has no hash of it",
        where=", ".join(names[:MOST_NAMED]) + more,
        cure="let nothing change the inputs while a run is under way, and run again",
        rule=7,
    )


def named_paths(value: Any) -> Iterator[Path]:
    """Every path in nested data that is an input."""
    return (path for _, path in keyed_paths(value))


def keyed_paths(value: Any, key: str = "") -> Iterator[tuple[str, Path]]:
    """Every path in nested data that is an input, with its key."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name not in NOT_INPUTS:
                yield from keyed_paths(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from keyed_paths(item, key)
    elif isinstance(value, Path):
        yield key, value


def versions() -> dict[str, str]:
    """Versions of the program, of Python, and of the libraries that shape the numbers."""
    import pyproj
    import rasterio

    known = {"cdrsite": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            continue
    known["gdal"] = str(rasterio.__gdal_version__)
    known["proj"] = str(pyproj.proj_version_str)
    known["platform"] = f"{platform.system()} {platform.machine()}"
    return known

"""Inputs on other machines, brought to this one as whole files before anything reads them.

What a run reads is then a file with a hash, which can be read again without a network; and a part
that did not arrive is an error of the fetching, never a hole in a map. A copy is fetched again when
the server's ETag, date of change or size differ from those that it came with.
"""

from __future__ import annotations

import itertools
import json
import math
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cdrsite.core.content import known_sha256
from cdrsite.core.errors import (
    CdrsiteError,
    CdrsiteWarning,
    DataError,
    MissingDependencyError,
    MissingFileError,
    message,
)
from cdrsite.core.files import appearing, write_text
from cdrsite.core.remote import MEMORY, address_of
from cdrsite.layers.servers import (
    DOWNLOAD,
    RefusedError,
    State,
    get_whole,
    state_of_address,
    system_of,
    told,
)

AT_ONCE = 8
"""Parts of a store that are fetched at the same time."""
MOST_PARTS = 100_000
"""Parts of a Zarr store; more are not fetched."""
NEEDED = {".shp": (".shx", ".dbf")}
"""Ending -> endings of files that it cannot be read without."""
USEFUL = {".shp": (".prj", ".cpg")}
"""Ending -> endings of files that it is read with where there are any."""


class UnlistedError(DataError):
    """Nobody tells which files a Zarr store has."""


def fetch(path: Path, where: str) -> None:
    """Bring the copy of a remote input up to date; a path of this machine is left alone.

    Parameters
    ----------
    path : Path
        Of a scenario; :func:`cdrsite.core.remote.address_of` says what it is the copy of.
    where : str
        Key of the scenario, for errors.

    Raises
    ------
    MissingFileError
        There is no such file on the server.
    MissingDependencyError
        The library that reads such addresses is not installed.
    DataError
        The server refuses, does not answer, or breaks off; the disk has no room.

    Warns
    -----
    CdrsiteWarning
        The server cannot be asked, and an earlier copy is used.
    """
    address = address_of(path)
    if address is None or address.startswith(f"{MEMORY}://"):
        return
    where = f"{where} ({address})"
    suffix = path.suffix.lower()
    if suffix == ".vrt":
        raise DataError(
            "a virtual raster on another machine is not read",
            where=where,
            got="directions to other files",
            cure="name its files in a list, as tiles",
        )
    try:
        if suffix == ".zarr":
            _fetch_store(address, path, where)
            return
        _fetch_file(address, path, where)
        for end in (*NEEDED.get(suffix, ()), *USEFUL.get(suffix, ())):
            beside = address[: -len(suffix)] + end
            _fetch_file(beside, path.with_suffix(end), where, needed=end in NEEDED[suffix])
    except CdrsiteError:
        raise
    except OSError as error:
        raise DataError(
            "the copy of the file cannot be written",
            where=where,
            got=str(error),
            cure="make room, or name another folder by CDRSITE_CACHE_DIR",
        ) from error


def _fetch_file(address: str, path: Path, where: str, *, needed: bool = True) -> None:
    """Fetch one file if the copy is not of the version that the server has."""
    known = _kept(path)
    try:
        now = state_of_address(address, where)
    except MissingFileError:
        if needed:
            raise
        path.unlink(missing_ok=True)
        return
    except MissingDependencyError:
        raise
    except DataError as error:
        if known is None or isinstance(error, RefusedError):
            raise
        _warn_of_old(error, known["fetched_utc"])
        return
    if known is not None and now.tells and known["state"] == vars(now):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    _require_room(now.size or 0, path.parent, where)
    with appearing(path) as aside:
        get_whole(address, aside, now.size, where)
    _keep(path, address, vars(now))


def _warn_of_old(error: CdrsiteError, fetched: str) -> None:
    text = message(
        f"{error.what}, so the copy of {fetched} is used",
        where=error.where,
        cure="run again when the server can be reached, to be sure that nothing changed",
        rule=7,
    )
    warnings.warn(text, CdrsiteWarning, stacklevel=4)


def _record(path: Path) -> Path:
    """The file that says where a copy is from."""
    return path.with_name(f"{path.name}.origin.json")


def _keep(path: Path, address: str, state: Mapping[str, Any]) -> None:
    known = {
        "address": address,
        "state": state,
        "sha256": _sha256(path),
        "fetched_utc": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_text(_record(path), json.dumps(known, indent=1))


def _sha256(path: Path) -> Any:
    """Hash of a file; of a folder, those of its files."""
    if path.is_file():
        return known_sha256(path)
    files = sorted(one for one in path.rglob("*") if one.is_file())
    return {one.relative_to(path).as_posix(): known_sha256(one) for one in files}


def _kept(path: Path) -> dict[str, Any] | None:
    """What is known of a copy; None where there is none, or it is not what arrived."""
    try:
        known: dict[str, Any] = json.loads(_record(path).read_text(encoding="utf-8"))
        return known if known["sha256"] == _sha256(path) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _require_room(size: int, folder: Path, where: str) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise DataError(
            "no room for a copy of the file",
            where=where,
            got=f"{size / 1e9:.1f} GB for {free / 1e9:.1f} GB that are free",
            cure="cut out what is needed, e.g. with gdal_translate -projwin, or name another "
            "folder by CDRSITE_CACHE_DIR",
        )


def _fetch_store(address: str, path: Path, where: str) -> None:
    """Fetch a Zarr store, all of it, if the copy is not of the versions that the server has."""
    known = _kept(path)
    try:
        now = _listing(address, where)
    except (MissingFileError, MissingDependencyError):
        raise
    except DataError as error:
        if known is None or isinstance(error, RefusedError | UnlistedError):
            raise
        _warn_of_old(error, known["fetched_utc"])
        return
    states = {name: vars(state) for name, state in now.items()}
    if known is not None and all(one.tells for one in now.values()) and known["state"] == states:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    _require_room(sum(one.size or 0 for one in now.values()), path.parent, where)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        whole = Path(folder) / path.name

        def bring(name: str) -> None:
            target = whole / name
            target.parent.mkdir(parents=True, exist_ok=True)
            get_whole(f"{address}/{name}", target, now[name].size, where)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(bring, now))
        shutil.rmtree(path, ignore_errors=True)
        whole.replace(path)
    _keep(path, address, states)


def _listing(address: str, where: str) -> dict[str, State]:
    """Files of a Zarr store and their versions, by their names in it."""
    if address.startswith("s3://"):
        system = system_of(address, where)
        with told(where):
            found = system.find(address, detail=True)
        start = len(address.removeprefix("s3://")) + 1
        states = {
            name[start:]: State(one.get("ETag"), str(one.get("LastModified")), one.get("size"))
            for name, one in found.items()
        }
        if not states:
            raise MissingFileError("the server has no such file", where=where, got=address)
        return states
    names, optional = _members(address, where)

    def ask(name: str) -> State | None:
        try:
            return state_of_address(f"{address}/{name}", where)
        except MissingFileError:
            if name in optional:  # a chunk that was never written holds the fill value
                return None
            raise

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(ask, names))
    return {name: one for name, one in zip(names, answers, strict=True) if one is not None}


def _members(address: str, where: str) -> tuple[list[str], set[str]]:
    """Names that a store may have, from what describes its arrays; those that may be missing."""
    system = system_of(address, where)
    for described in ("zarr.json", ".zmetadata"):
        try:
            with told(where):
                index = json.loads(system.cat_file(f"{address}/{described}"))
        except MissingFileError:
            continue
        except DataError as error:
            if isinstance(error.__cause__, ValueError):  # no JSON
                raise DataError("the store cannot be read", where=where, got=described) from error
            raise
        metadata = index.get("consolidated_metadata") if described == "zarr.json" else index
        if metadata is None:
            break
        return _named(described, metadata["metadata"], where)
    else:
        raise MissingFileError(
            "the server has no such Zarr store",
            where=where,
            got="neither zarr.json nor .zmetadata",
            cure="check the address; a store over https:// must be consolidated",
        )
    raise UnlistedError(
        "the Zarr store is not consolidated, and a web server does not list its files",
        where=where,
        cure=f"zarr.consolidate_metadata(store), name it by s3://, {DOWNLOAD}",
    )


def _named(described: str, metadata: Mapping[str, Any], where: str) -> tuple[list[str], set[str]]:
    names, chunks = [described], set[str]()
    for key, one in metadata.items():
        new = described == "zarr.json"
        names.append(f"{key}/zarr.json" if new else key)
        array = one.get("node_type") == "array" if new else key.endswith(".zarray")
        if not array:
            continue
        prefix = f"{key}/" if new else key.removesuffix(".zarray")
        count = math.prod(-(-n // c) for n, c in zip(one["shape"], _chunk(one), strict=True))
        if count + len(chunks) > MOST_PARTS:
            raise DataError(
                "the Zarr store has too many parts to be fetched",
                where=where,
                got=f"{count + len(chunks):,}",
                expected=f"at most {MOST_PARTS:,}",
                cure="cut out what is needed, e.g. with xarray's sel and to_zarr",
            )
        chunks |= {f"{prefix}{chunk}" for chunk in _chunk_names(one)}
    return names + sorted(chunks), chunks


def _chunk(array: Mapping[str, Any]) -> list[int]:
    """Shape of the parts of an array."""
    if "chunks" in array:
        return list(array["chunks"])
    return list(array["chunk_grid"]["configuration"]["chunk_shape"])


def _chunk_names(array: Mapping[str, Any]) -> Iterator[str]:
    """Names of an array's parts within it (Zarr 2 and 3)."""
    counts = [-(-n // c) for n, c in zip(array["shape"], _chunk(array), strict=True)]
    encoding = array.get("chunk_key_encoding", {"name": "v2"})
    default = encoding["name"] == "default"
    separator = encoding.get("configuration", {}).get("separator", "/" if default else ".")
    if "chunk_key_encoding" not in array:
        separator = array.get("dimension_separator", ".")
    for place in itertools.product(*(range(n) for n in counts)):
        plain = separator.join(map(str, place))
        if default:
            yield separator.join(["c", plain]) if plain else "c"
        else:
            yield plain or "0"

"""The content of input files: which files an input is made of, and the hash of their bytes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from cdrsite.core.files import sha256

SIDECARS = (".shx", ".dbf", ".prj", ".cpg", ".shp.xml", ".qix")
"""Endings of the files that make up one shapefile."""


def files_of(path: Path) -> Iterator[Path]:
    """Files that an input consists of.

    Parameters
    ----------
    path : Path
        A file or a folder.

    Yields
    ------
    Path
        Of a folder (a Zarr store) every file in it; of a shapefile its companions too; nothing
        where there is no such path.
    """
    if path.is_dir():
        yield from (file for file in path.rglob("*") if file.is_file())
    elif path.is_file():
        yield path
        if path.suffix.lower() == ".shp":
            yield from (side for end in SIDECARS if (side := path.with_suffix(end)).is_file())


def known_sha256(path: Path) -> str:
    """Hash of a file's bytes, read once as long as the file stays as it is.

    A file counts as changed with its place on the disk, its size, or the time of its last change:
    the system keeps the latter by itself, whatever a program says of the file's age.
    """
    state = path.stat()
    return _remembered(path, state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns,
                       state.st_ctime_ns)  # fmt: skip


@lru_cache(maxsize=4096)
def _remembered(path: Path, *state: int) -> str:
    del state  # only tells one content from another
    return sha256(path)

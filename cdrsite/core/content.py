"""The content of files: the hash of their bytes, read once as long as they stay as they are."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from cdrsite.core.files import sha256


def known_sha256(path: Path) -> str:
    """Hash of a file's bytes, read once as long as the file stays as it is.

    A file counts as changed with its place on the disk, its size, or the time of its last change:
    the system keeps the latter by itself, whatever a program says of the file's age.
    """
    return _remembered(path, *state_of(path))


def state_of(path: Path) -> tuple[int, ...]:
    """What tells a file from another, and from itself before a change."""
    state = path.stat()
    return (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


@lru_cache(maxsize=100_000)
def _remembered(path: Path, *state: int) -> str:
    del state  # only tells one content from another
    return sha256(path)

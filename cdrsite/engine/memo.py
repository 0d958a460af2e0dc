"""Results of pure functions, kept between the runs of a batch and found again by content.

Runs of a batch share most of what they write: maps of methods that the sweep does not touch, and
everything before them. Off unless a batch turns it on: a single run has nothing to find again.
"""

from __future__ import annotations

import hashlib
import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")

ROOM = 192 * 2**20
"""Bytes that are kept at most: more than what a small run writes, and little beside a large one."""
MOST_CELLS = 4_000_000
"""Larger arrays are not looked up: few of them would fill the room."""


class Memo:
    """Results by the content of what they were made from, the latest used up to so many bytes.

    Parameters
    ----------
    room : int
        Bytes that are kept at most.
    """

    def __init__(self, room: int = ROOM) -> None:
        self._room, self._used, self._lock = room, 0, Lock()
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()

    def get(self, key: bytes) -> bytes | None:
        """What is kept under a key."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a value; those not used for longest make room for it."""
        with self._lock:
            self._used += len(value) - len(self._kept.pop(key, b""))
            self._kept[key] = value
            while self._used > self._room:
                _, old = self._kept.popitem(last=False)
                self._used -= len(old)


_active: list[Memo] = []


@contextmanager
def remembering(memo: Memo) -> Iterator[None]:
    """Look up results in a memo, in all threads of this process, while a ``with`` block lasts."""
    _active.append(memo)
    try:
        yield
    finally:
        _active.remove(memo)


def remembered(kind: str, content: tuple[Any, ...], make: Callable[[], T]) -> T:
    """The result of a pure function: from an earlier call with the same content, or made now.

    Parameters
    ----------
    kind : str
        Names the function.
    content : tuple
        All that the result depends on: arrays, and anything that pickle keeps as it is. The same
        content pickled in two ways is not found again, which costs time and nothing else.
    make : callable
        Makes the result, which must be one that pickle keeps as it is.
    """
    large = any(isinstance(part, np.ndarray) and part.size > MOST_CELLS for part in content)
    if not _active or large:
        return make()
    memo, key = _active[-1], _key(kind, content)
    found = memo.get(key)
    if found is None:
        made = make()
        memo.put(key, pickle.dumps(made, pickle.HIGHEST_PROTOCOL))
        return made
    value: T = pickle.loads(found)  # noqa: S301 - of this process's own making
    return value


def remembered_files(
    kind: str, content: tuple[Any, ...], folder: Path, write: Callable[[], Iterable[Path]]
) -> None:
    """Files that a pure function writes: again as they were for the same content, or written now.

    Parameters
    ----------
    kind, content
        As for :func:`remembered`.
    folder : Path
        The files lie somewhere in it, always in the same places.
    write : callable
        Writes the files and returns their paths.
    """
    if not _active:
        write()
        return
    written: list[Path] = []

    def make() -> dict[str, bytes]:
        written.extend(write())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in written}

    found = remembered(kind, content, make)
    if written:
        return
    for name, data in found.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _key(kind: str, content: tuple[Any, ...]) -> bytes:
    """Hash of the content; parts cannot run into each other, since each says its length."""
    digest = hashlib.sha256(kind.encode())
    for part in content:
        if isinstance(part, np.ndarray):
            digest.update(f"|{part.dtype.str}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).view(np.uint8).data)
        else:
            said = pickle.dumps(part, pickle.HIGHEST_PROTOCOL)
            digest.update(f"|{len(said)}:".encode())
            digest.update(said)
    return digest.digest()

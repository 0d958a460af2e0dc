"""What a process remembers: values by key, the latest used up to so many bytes.

The one memory of the program. Blocks of layers lie in one, since several rules, criteria and stages
read the same layer at the same block; stages and layers that the runs of a batch share in another;
and what these runs write or solve in a third, found again by the content that it was made from.
"""

from __future__ import annotations

import functools
import gc
import hashlib
import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, Self, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

P = ParamSpec("P")
T = TypeVar("T")

BLOCKS_ROOM = 256_000_000
"""Memory for the blocks of one set of layers [bytes]."""
FOLLOWED_ROOM = 64_000_000
"""Memory for what follows from the blocks of one set of layers alone [bytes]."""
WRITTEN_ROOM = 192 * 2**20
"""Memory for what the runs of a batch write [bytes]: more than a small run does, and little beside
a large one."""
MOST_CELLS = 4_000_000
"""Larger arrays and files are not looked up by content: few of them would fill the room."""


class Memory:
    """Values by key; those not used for longest make room for others.

    Parameters
    ----------
    room : int
        Bytes that are kept at most.
    most : int, optional
        Values that are kept at most.
    dropped : callable, optional
        Told of each value that made room.
    """

    def __init__(
        self, room: int, most: int | None = None, dropped: Callable[[Any], None] | None = None
    ) -> None:
        self._room, self._most, self._dropped = room, most, dropped
        self._used, self._lock = 0, Lock()
        self._kept: OrderedDict[Any, tuple[Any, int]] = OrderedDict()

    def get(self, key: Any) -> Any:
        """What is kept under a key; None where nothing is."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: Any, value: Any, size: int) -> None:
        """Keep a value of so many bytes, unless it is larger than all the room."""
        with self._lock:
            self._used += size - self._kept.pop(key, (None, 0))[1]
            self._kept[key] = value, size
            longest = []
            while self._used > self._room or len(self._kept) > (self._most or len(self._kept)):
                _, (old, bytes_) = self._kept.popitem(last=False)
                self._used -= bytes_
                longest.append(old)
        if self._dropped is not None:
            for old in longest:
                self._dropped(old)


class HasBlocks(Protocol):
    """Remembers blocks."""

    blocks: Memory


S = TypeVar("S", bound=HasBlocks)


def by_block(
    method: Callable[Concatenate[S, P], NDArray[Any]],
) -> Callable[Concatenate[S, P], NDArray[Any]]:
    """Make a method that reads a block look first whether it is remembered."""

    @functools.wraps(method)
    def read(self: S, *args: P.args, **options: P.kwargs) -> NDArray[Any]:
        key = (method.__name__, _plain(args), _plain(dict(sorted(options.items()))))
        array = self.blocks.get(key)
        if array is None:
            array = np.asarray(method(self, *args, **options))
            if array.nbytes <= BLOCKS_ROOM // 4:
                self.blocks.put(key, array, array.nbytes)
        # a copy, not a read-only view: kernels are compiled for arrays that can be written
        copied: NDArray[Any] = array.copy()
        return copied

    return read


def _plain(value: Any) -> Any:
    """A value that can be part of a key."""
    if isinstance(value, Mapping):
        return tuple((key, _plain(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(_plain(item) for item in value)
    return value


@dataclass(frozen=True)
class Stored:
    """A file as part of the content that a result depends on: its bytes, never where it lies."""

    path: Path

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.path.stat().st_size


class Settled:
    """Leaves what a first run made out of the search for garbage, while a ``with`` block lasts.

    Modules, kernels, layers and what is remembered live as long as the batch does; to look through
    all of it again and again takes a twentieth of each further run.
    """

    def __init__(self) -> None:
        self._frozen = False

    def __enter__(self) -> Self:
        """Nothing is left out yet."""
        return self

    def settle(self) -> None:
        """Leave out what is there now; the first call counts."""
        if not self._frozen:
            gc.collect()
            gc.freeze()
            self._frozen = True

    def __exit__(self, *_: object) -> None:
        """Search all again."""
        if self._frozen:
            gc.unfreeze()


@contextmanager
def importing() -> Iterator[None]:
    """No search for garbage while modules are imported, nor later in what they hold.

    They live as long as the process: a tenth of the time of their import.
    """
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if searching:
            gc.enable()


_active: list[Memory] = []


@contextmanager
def remembering(memory: Memory) -> Iterator[None]:
    """Look up results in a memory, in all threads of this process, while a ``with`` block lasts.

    Off unless a batch turns it on: a single run has nothing to find again.
    """
    _active.append(memory)
    try:
        yield
    finally:
        _active.remove(memory)


def remembered(
    kind: str, content: tuple[Any, ...] | Callable[[], tuple[Any, ...]], make: Callable[[], T]
) -> T:
    """The result of a pure function: from an earlier call with the same content, or made now.

    Parameters
    ----------
    kind : str
        Names the function.
    content : tuple, or callable
        All that the result depends on: arrays, files, and what pickle keeps as it is. The same
        content pickled in two ways is not found again, which costs time and nothing else. What
        takes time to put together is asked for where something is remembered only.
    make : callable
        Makes the result, which must be one that pickle keeps as it is.
    """
    if not _active:
        return make()
    content = content() if callable(content) else content
    if any(isinstance(part, np.ndarray | Stored) and part.size > MOST_CELLS for part in content):
        return make()
    memory, key = _active[-1], _hash(kind, content)
    known = memory.get(key)
    if known is None:
        made = make()
        pickled = pickle.dumps(made, pickle.HIGHEST_PROTOCOL)
        memory.put(key, pickled, len(pickled))
        return made
    value: T = pickle.loads(known)  # noqa: S301 - of this process's own making
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

    files = remembered(kind, content, make)
    if written:
        return
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _hash(kind: str, content: tuple[Any, ...]) -> bytes:
    """Hash of the content; parts cannot run into each other, since each says its length."""
    digest = hashlib.sha256(kind.encode())
    for part in content:
        if isinstance(part, np.ndarray):
            digest.update(f"|{part.dtype.str}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).view(np.uint8).data)
        elif isinstance(part, Stored):
            digest.update(f"|file{part.size}:".encode())
            digest.update(part.path.read_bytes())
        else:
            said = pickle.dumps(part, pickle.HIGHEST_PROTOCOL)
            digest.update(f"|{len(said)}:".encode())
            digest.update(said)
    return digest.digest()

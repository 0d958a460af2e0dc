"""Harmonised blocks kept while they are likely to be read again, within a bound of memory.

Several rules, criteria and stages read the same layer at the same block, and so do the scenarios of
a batch.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIMIT = 256_000_000
"""Memory for blocks of one set of layers [bytes]."""

P = ParamSpec("P")


class BlockCache:
    """Arrays by key, the longest unused ones dropped first.

    Parameters
    ----------
    limit : int
        Bytes of the arrays kept.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.held = 0
        self._arrays: OrderedDict[Any, NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """The array of a key, made if it is not there; the caller's own to change."""
        with self._lock:
            found = self._arrays.get(key)
            if found is not None:
                self._arrays.move_to_end(key)
        if found is None:
            found = make()
            self._put(key, found)
        # a copy, not a read-only view: kernels are compiled for arrays that can be written
        return found.copy()

    def _put(self, key: Any, array: NDArray[Any]) -> None:
        with self._lock:
            if key in self._arrays or array.nbytes > self.limit // 4:
                return
            self._arrays[key] = array
            self.held += array.nbytes
            while self.held > self.limit:
                _, dropped = self._arrays.popitem(last=False)
                self.held -= dropped.nbytes


class Remembers(Protocol):
    """Has a cache of blocks."""

    blocks: BlockCache


S = TypeVar("S", bound=Remembers)


def by_block(
    method: Callable[Concatenate[S, P], NDArray[Any]],
) -> Callable[Concatenate[S, P], NDArray[Any]]:
    """Make a method that reads a block look into the cache first."""

    @functools.wraps(method)
    def remembered(self: S, *args: P.args, **options: P.kwargs) -> NDArray[Any]:
        words = tuple(_plain(value) for value in args)
        more = tuple((name, _plain(value)) for name, value in sorted(options.items()))
        key = (method.__name__, words, more)
        return self.blocks.get(key, lambda: np.asarray(method(self, *args, **options)))

    return remembered


def _plain(value: Any) -> Any:
    """A value that can be part of a key."""
    if isinstance(value, Mapping):
        return tuple((key, _plain(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(_plain(item) for item in value)
    return value

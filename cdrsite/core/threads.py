"""Threads that work ahead of the reader; what they give comes in order, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 2
"""Items per thread that are begun before their results are asked for."""


def in_order(
    work: Callable[[Item], Result], items: Sequence[Item], threads: int
) -> Iterator[Result]:
    """Results of some work in the order of the items, at most a few ahead of the reader (rule 9).

    What was begun and is not asked for any more is cancelled.
    """
    if threads <= 1 or len(items) <= 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting = iter(items)
        running = [pool.submit(work, item) for item in islice(waiting, AHEAD * threads)]
        try:
            while running:
                result = running.pop(0).result()
                running.extend(pool.submit(work, item) for item in islice(waiting, 1))
                yield result
        finally:
            for future in running:
                future.cancel()

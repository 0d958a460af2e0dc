"""Colours of zones, such as basins: two that touch never share one."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.grid import Block
from cdrsite.outputs.palette import LABEL_COLOURS, mixed

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cdrsite.core.grid import AnalysisGrid

Pairs = AbstractSet[tuple[int, int]]


def touching(labels: NDArray[np.integer]) -> Pairs:
    """Pairs of zones whose cells share an edge or a corner, the smaller label first.

    Parameters
    ----------
    labels : ndarray of int, shape (rows, cols)
        Below 0 outside all zones.
    """
    shifted = (
        (labels[:, :-1], labels[:, 1:]),
        (labels[:-1], labels[1:]),
        (labels[:-1, :-1], labels[1:, 1:]),
        (labels[:-1, 1:], labels[1:, :-1]),
    )
    pairs: set[tuple[int, int]] = set()
    for one, other in shifted:
        meet = (one != other) & (one >= 0) & (other >= 0)
        found = np.stack([one[meet], other[meet]], axis=-1).astype(np.int64)
        pairs |= {(min(a, b), max(a, b)) for a, b in np.unique(found, axis=0).tolist()}
    return pairs


def touching_blocks(
    read: Callable[[Block], NDArray[np.integer]], grid: AnalysisGrid, size: int
) -> Pairs:
    """As :func:`touching`, block by block: each is read with the next row and column."""
    pairs: set[tuple[int, int]] = set()
    for block in grid.blocks(size):
        more = Block(
            block.row0, min(block.row1 + 1, grid.rows), block.col0, min(block.col1 + 1, grid.cols)
        )
        pairs |= touching(read(more))
    return pairs


def zone_colours(codes: Iterable[int], pairs: Pairs) -> dict[int, str]:
    """A colour for each zone, so that no two that touch share one.

    Zones with the most neighbours choose first, and take of the colours that are left the one that
    the fewest zones have; then the same colour means one zone as often as it can.

    Parameters
    ----------
    codes : iterable of int
        Labels of the zones.
    pairs : set of (int, int)
        Which of them touch.

    Returns
    -------
    dict of int to str
        In the order of the labels.
    """
    listed = sorted(set(codes))
    near: dict[int, set[int]] = {code: set() for code in listed}
    for one, other in pairs:
        if one in near and other in near:
            near[one].add(other)
            near[other].add(one)
    chosen: dict[int, int] = {}
    held: dict[int, int] = {}
    for code in sorted(listed, key=lambda code: (-len(near[code]), code)):
        taken = {chosen[other] for other in near[code] if other in chosen}
        free = [place for place in range(len(LABEL_COLOURS)) if place not in taken]
        # more neighbours than colours: a lighter one of those, which no neighbour has
        free = free or [next(place for place in range(len(near) + 99) if place not in taken)]
        place = min(free, key=lambda place: (held.get(place, 0), place))
        chosen[code], held[place] = place, held.get(place, 0) + 1
    return {code: shade_of(chosen[code]) for code in listed}


def shade_of(place: int) -> str:
    """Colour of a place in the palette; beyond its end the same again, lighter or darker."""
    turn, base = divmod(place, len(LABEL_COLOURS))
    return mixed(LABEL_COLOURS[base], 1 - 0.6 ** ((turn + 1) // 2), dark=turn % 2 == 0)

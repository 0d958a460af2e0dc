"""Contiguous areas over the whole grid, block by block with exact seams.

Each block is labelled by itself. Patches that touch its edge are joined with those across the seam,
at corners too where these count; all others are known at once. Labels are not kept: labelling a
block again gives the same ones.

Where projects lie in one zone each, patches end at the border of their zone, and what is too small
may be merged with others of its zone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.core.threads import in_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.engine.arrays import CellArray

QUEEN, ROOK = 8, 4
"""A patch goes on at the sides and corners of its cells, or at their sides only."""
GRAINS = 1e4
"""Areas are counted in whole cm2: such sums are exact below 900 000 km2, in any order [cm2/m2]."""


def label_patches(
    left: NDArray[np.float32], neighbours: int = QUEEN, zones: NDArray[np.int32] | None = None
) -> tuple[NDArray[np.int32], int]:
    """Number the patches of cells with anything left, from 1; 0 is the rest; and how many.

    With ``zones`` a patch is of cells of one zone.
    """
    from scipy import ndimage

    structure = ndimage.generate_binary_structure(2, 2 if neighbours == QUEEN else 1)
    some, patches, count = left > 0, np.zeros(left.shape, np.int32), 0
    if zones is None:
        return patches, int(ndimage.label(some, structure=structure, output=patches))
    for zone in np.unique(zones[some]):
        mine, found = ndimage.label(some & (zones == zone), structure=structure)
        patches += np.where(mine > 0, mine + count, 0).astype(np.int32)
        count += int(found)
    return patches, count


@dataclass(frozen=True)
class Patches:
    """The patches of a block.

    Attributes
    ----------
    size : ndarray of float64, shape (count + 1,)
        Area of each [cm2]; nothing for 0, which is no patch.
    zone : ndarray of int32, shape (count + 1,)
        Zone of each; 0 for all where there are none.
    north, south, west, east : ndarray of int32
        Patch of each cell along the block's edges.
    """

    size: NDArray[np.float64]
    zone: NDArray[np.int32]
    north: NDArray[np.int32]
    south: NDArray[np.int32]
    west: NDArray[np.int32]
    east: NDArray[np.int32]


Zoned = Callable[[Block], "NDArray[np.int32]"]
"""Zone of each cell of a block, -1 for none."""


def _patches_of(
    left: CellArray, grid: AnalysisGrid, neighbours: int, zoned: Zoned | None, block: Block
) -> Patches:
    share = np.asarray(left[block.slices])
    zones = None if zoned is None else zoned(block)
    patches, count = label_patches(share, neighbours, zones)
    zone = np.zeros(count + 1, np.int32)
    if zones is not None:
        zone[patches] = zones  # one of a patch
    grains = np.rint(share * grid.row_areas[block.row0 : block.row1, None] * GRAINS)
    size = np.asarray(np.bincount(patches.ravel(), grains.ravel(), count + 1), np.float64)
    size[0] = 0
    edges = patches[0], patches[-1], patches[:, 0], patches[:, -1]
    return Patches(size, zone, *(np.array(edge) for edge in edges))


def small_patches(
    left: CellArray,
    grid: AnalysisGrid,
    blocks: Sequence[Block],
    least: float,
    threads: int = 1,
    neighbours: int = QUEEN,
    zoned: Zoned | None = None,
) -> tuple[dict[Block, NDArray[np.bool_]], dict[int, ZoneProjects]]:
    """Which patches of each block belong to a contiguous area that is too small.

    Parameters
    ----------
    left : CellArray of float32, shape (rows, cols)
        Share left of each cell; a patch is of cells with more than 0.
    grid : AnalysisGrid
        Of the array.
    blocks : sequence of Block
        They cut the grid into rows and columns of blocks, row-major.
    least : float
        Smallest area that stays [m2].
    threads : int
        Blocks worked on at once; no effect on the result (rule 9).
    neighbours : {8, 4}
        Whether cells that touch at a corner belong together.
    zoned : callable, optional
        Zones in which what is too small makes up one project: it stays where together it is large
        enough. An area ends at the border of its zone; in none (-1) it stands alone.

    Returns
    -------
    small : dict
        Block -> bool for each number that :func:`label_patches` gives in it, False for 0.
    projects : dict
        Zone -> what becomes of its areas; empty without zones.
    """
    seams, small = Seams(grid.cols, neighbours), {}
    limit = np.rint(least * GRAINS)
    at_edge: list[tuple[Block, NDArray[np.int32], NDArray[np.int64]]] = []
    zone_of: dict[Block, NDArray[np.int32]] = {}
    projects: dict[int, ZoneProjects] = {}
    all_patches = in_order(partial(_patches_of, left, grid, neighbours, zoned), blocks, threads)
    for block, patches in zip(blocks, all_patches, strict=True):
        small[block] = patches.size < limit
        small[block][0] = False
        zone_of[block] = patches.zone
        at_edge.append((block, *seams.add(block, patches)))
        if zoned is not None:  # of areas that are known at once
            own = np.ones(len(patches.size), bool)
            own[0], own[at_edge[-1][1]] = False, False
            _count_areas(projects, patches.size[own], patches.zone[own], limit)
    total, whole, zone = seams.joined()
    for block, inner, ids in at_edge:
        small[block][inner] = total[ids] < limit
    if zoned is None:
        return small, {}
    _, first = np.unique(whole, return_index=True)
    _count_areas(projects, total[first], zone[first], limit)
    merged = [number for number, one in projects.items() if one.merges(limit)]
    small = {block: mine & ~np.isin(zone_of[block], merged) for block, mine in small.items()}
    return small, dict(sorted(projects.items()))


@dataclass
class ZoneProjects:
    """Contiguous areas of a zone: those that are a project alone, and those that are too small.

    Attributes
    ----------
    zone : int
        Its number; -1 for no zone, where nothing is merged.
    alone, small : int
        How many areas.
    alone_area, small_area : float
        Their area [cm2].
    """

    zone: int
    alone: int = 0
    small: int = 0
    alone_area: float = 0.0
    small_area: float = 0.0

    def merges(self, limit: float) -> bool:
        """Whether the areas that are too small make up a project [cm2]."""
        return self.zone >= 0 and self.small_area >= limit


def _count_areas(
    projects: dict[int, ZoneProjects],
    size: NDArray[np.float64],
    zone: NDArray[np.int32],
    limit: float,
) -> None:
    """Add whole areas to the counts of their zones; whole cm2, so in any order."""
    for number in np.unique(zone):
        one = projects.setdefault(int(number), ZoneProjects(int(number)))
        mine = size[zone == number]
        large = mine >= limit
        one.alone += int(large.sum())
        one.small += int((~large).sum())
        one.alone_area += float(mine[large].sum())
        one.small_area += float(mine[~large].sum())


class Seams:
    """Joins patches across the edges of blocks that come row-major.

    Parameters
    ----------
    cols : int
        Width of the grid [cells].
    neighbours : {8, 4}
        Whether cells that touch at a corner belong together.
    """

    def __init__(self, cols: int, neighbours: int = QUEEN) -> None:
        self._corners = neighbours == QUEEN
        self._above = np.full(cols + 2, -1, np.int64)
        """Patch of each cell in the row above the blocks, -1 for none; a cell more at both ends."""
        self._below = self._above.copy()
        self._row, self._east = 0, np.zeros(0, np.int64)
        self._count = 0
        self._sizes: list[NDArray[np.float64]] = []
        self._zones: list[NDArray[np.int32]] = []
        self._pairs: list[NDArray[np.int64]] = []

    def add(self, block: Block, patches: Patches) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Join the next block; returns its patches that touch an edge, and their numbers here."""
        edges = (patches.north, patches.south, patches.west, patches.east)
        inner = np.unique(np.concatenate(edges))
        inner = inner[inner > 0]
        ids = np.arange(self._count, self._count + len(inner), dtype=np.int64)
        self._count += len(inner)
        self._sizes.append(patches.size[inner])
        self._zones.append(patches.zone[inner])
        number = np.full(len(patches.size), -1, np.int64)
        number[inner] = ids
        if block.row0 != self._row:
            self._above, self._below = self._below, np.full_like(self._above, -1)
            self._row = block.row0
        north, west = number[patches.north], number[patches.west]
        if block.row0 > 0:
            for shift in (0, 1, 2) if self._corners else (1,):
                self._join(north, self._above[block.col0 + shift : block.col1 + shift])
        if block.col0 > 0:
            self._join(west, self._east)
        if block.col0 > 0 and self._corners:
            self._join(west[1:], self._east[:-1])
            self._join(west[:-1], self._east[1:])
        self._below[block.col0 + 1 : block.col1 + 1] = number[patches.south]
        self._east = number[patches.east]
        return inner, ids

    def _join(self, these: NDArray[np.int64], those: NDArray[np.int64]) -> None:
        both = (these >= 0) & (those >= 0)
        if both.any():
            self._pairs.append(np.unique(np.stack([these[both], those[both]]), axis=1))

    def joined(self) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32]]:
        """Area of the whole that each numbered patch belongs to [cm2], which, and its zone."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        if not self._count:
            return np.zeros(0), np.zeros(0, np.int32), np.zeros(0, np.int32)
        zone = np.concatenate(self._zones)
        pairs = np.concatenate([np.zeros((2, 0), np.int64), *self._pairs], axis=1)
        pairs = pairs[:, zone[pairs[0]] == zone[pairs[1]]]
        graph = coo_array((np.ones(pairs.shape[1], bool), tuple(pairs)), (self._count,) * 2)
        _, whole = connected_components(graph, directed=False)
        total = np.bincount(whole, weights=np.concatenate(self._sizes))
        return np.asarray(total[whole], np.float64), np.asarray(whole, np.int32), zone

"""Biomass haul: what can be collected at a place within a greatest haul cost.

A supply shed is the biomass within reach of a plant along least-cost roads, not within a circle.
Sheds of neighbouring places overlap and each counts the same biomass: it is an offer to a place,
and what several plants can take together is for the competition to say (rule 6).
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.core.grid import Block
from cdrsite.transport._kernel_haul import coarse_sums, sheds
from cdrsite.transport.frames import cut
from cdrsite.transport.labels import on_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.engine.arrays import ArrayStore, CellArray

    Floats = NDArray[np.float64]

MEAN_TO_CENTRE = (math.sqrt(2) + math.log(1 + math.sqrt(2))) / 6
"""Mean distance from a point of the unit square to its centre."""

WHERE = "biomass haul"
CHUNK = 256
PART = 1024
"""Side of the parts in which biomass is added up [cells]."""


@dataclass(frozen=True)
class Sheds:
    """What can be collected around some places, and how far it travels.

    Attributes
    ----------
    supply : ndarray of float64, shape (n,)
        All that lies within reach [t dry/yr].
    mean_cost : ndarray of float64, shape (n,)
        Haul cost of a tonne, on average over all of it [USD/t]: km, where the friction is 1. 0
        where nothing lies within reach.
    """

    supply: Floats
    mean_cost: Floats


def supply_shed(
    biomass: NDArray[Any],
    friction: NDArray[Any],
    steps: tuple[NDArray[np.float64] | float, float],
    cells: tuple[ArrayLike, ArrayLike],
    *,
    max_cost: float,
    neighbours: int = 16,
    threads: int = 1,
) -> Sheds:
    """Collect the biomass within reach of candidate cells by true travel cost.

    Parameters
    ----------
    biomass : ndarray, shape (rows, cols)
        Collectable biomass per cell [t dry/yr]; NaN is unknown and offers nothing.
    friction : ndarray, shape (rows, cols)
        Haul cost [USD/t/km]; inf is a barrier, NaN is not entered.
    steps : tuple
        East-west step of each row (or one number) and north-south step [m], as from
        ``AnalysisGrid.row_steps_m``.
    cells : tuple of array_like, shape (n,)
        Rows and columns of the candidates. One on a barrier has no supply.
    max_cost : float
        Largest haul cost [USD/t]. For a radius along roads, give a friction of 1 and the radius
        in km.
    neighbours : {8, 16}
        Moves per cell.
    threads : int
        Threads; no effect on the result.

    Returns
    -------
    Sheds
        Of the candidates, in their order.

    Raises
    ------
    DataError
        Shapes differ, friction or biomass not positive, no finite limit, a candidate off the grid.

    Notes
    -----
    Biomass of the candidate's own cell travels the mean distance to its centre.
    """
    friction = np.ascontiguousarray(friction, np.float64)
    biomass = np.ascontiguousarray(biomass, np.float64)
    rows, cols = (np.atleast_1d(np.asarray(part)).astype(np.int64) for part in cells)
    _check(biomass, friction, rows, cols, max_cost)
    east, north = np.broadcast_to(np.asarray(steps[0], np.float64), len(friction)), steps[1]
    east, north = east / 1000.0, north / 1000.0
    moves = _moves(neighbours)
    span = _spans(moves, east, north)
    half = _window(friction, float(east.min()), north, max_cost)
    near = MEAN_TO_CENTRE * np.sqrt(east * north)
    sums = np.zeros((2, rows.size))

    def work(first: int) -> None:
        part = slice(first, first + CHUNK)
        places = rows[part], cols[part]
        sheds(friction, biomass, span, moves, near, *places, max_cost, half, sums[:, part])

    with ThreadPoolExecutor(max(threads, 1)) as pool:
        list(pool.map(work, range(0, rows.size, CHUNK)))
    supply, paid = sums
    return Sheds(supply, np.divide(paid, supply, out=np.zeros_like(paid), where=supply > 0))


def _fine_sums(biomass: NDArray[Any], friction: NDArray[Any], factor: int) -> Floats:
    """Sums over coarse cells; the last ones may be partly off the grid."""
    if factor < 1:
        raise DataError("the factor is below 1", where=WHERE, got=factor)
    rows, cols = biomass.shape
    out = np.zeros((4, -(-rows // factor), -(-cols // factor)))
    coarse_sums(np.asarray(biomass), np.asarray(friction), factor, out)
    return out


def _means(sums: Floats) -> tuple[Floats, Floats]:
    """Biomass and friction of coarse cells from their sums.

    The friction is the harmonic mean of the open cells, because ways choose the easy ones; inf
    where more than half of the cells on the grid are closed. Biomass of closed coarse cells is
    kept in the sum and cannot be reached.
    """
    supply, cells, count, eases = sums
    mean = np.divide(count, eases, out=np.full(eases.shape, np.nan), where=eases > 0)
    return supply, np.where(2 * count >= cells, mean, np.inf)


def shed_store(
    supply: Callable[[Block], NDArray[Any]],
    ground: Callable[[Block], NDArray[Any]],
    grid: AnalysisGrid,
    store: ArrayStore,
    names: tuple[str, str],
    blocks: Sequence[Block],
    *,
    factor: int = 4,
    max_cost: float,
    threads: int = 1,
) -> tuple[CellArray, CellArray]:
    """Biomass within reach of every cell, and how far it travels, block by block.

    Both are worked out on coarser cells.

    Parameters
    ----------
    supply : callable
        Block -> collectable biomass per cell [t dry/yr]; NaN is unknown and offers nothing. Any
        block may be asked for.
    ground : callable
        Block -> haul cost [USD/t/km]; inf or NaN is closed. Each cell is asked for once.
    grid : AnalysisGrid
        The grid.
    store : ArrayStore
        Takes the arrays ``names``.
    names : tuple of str
        Of the array of what arrives, and of the mean cost of its haul.
    blocks : sequence of Block
        They cover the grid; on disk each is a chunk.
    factor : int
        Fine cells per side of a coarse one; the work falls with its fourth power.
    max_cost, threads
        As in :func:`supply_shed`.

    Returns
    -------
    tuple of CellArray of float32, shape (rows, cols)
        What arrives [t dry/yr], and :attr:`Sheds.mean_cost`; 0 in closed cells.

    Notes
    -----
    On rough ground the coarse ways miss the cheapest passages: with friction at random between
    one and two times a value and cells 8 times as large, sheds came out some 12 % too small. For
    the places that matter, :func:`supply_shed` on the fine grid is exact.
    """
    rows, cols = grid.shape
    sums = np.zeros((4, -(-rows // factor), -(-cols // factor)))
    closed = np.zeros((rows, -(-cols // 8)), np.uint8)  # a bit for each cell

    def gather(block: Block) -> None:
        friction = np.asarray(ground(block))
        first = block.row0 // factor, block.col0 // factor
        part = _fine_sums(np.asarray(supply(block)), friction, factor)
        sums[:, first[0] : first[0] + part.shape[1], first[1] : first[1] + part.shape[2]] = part
        bits = np.packbits(~np.isfinite(friction), axis=1)
        closed[block.row0 : block.row1, block.col0 // 8 : block.col0 // 8 + bits.shape[1]] = bits

    # whole coarse cells and whole bytes in each part, so that the parts do not show in the sums
    side = 8 * factor * max(1, PART // (8 * factor))
    on_threads(threads, gather, cut(Block(0, rows, 0, cols), side))
    total = _coarse_sheds(sums, grid.row_steps_m, factor, max_cost, threads)
    made = tuple(store.create(name, grid.shape, np.float32) for name in names)

    def spread(block: Block) -> None:
        row = np.arange(block.row0, block.row1) // factor
        col = np.arange(block.col0, block.col1) // factor
        bits = closed[block.row0 : block.row1, block.col0 // 8 : -(-block.col1 // 8)]
        skip = block.col0 % 8
        shut = np.unpackbits(bits, axis=1)[:, skip : skip + block.shape[1]]
        for array, values in zip(made, total, strict=True):
            array[block.slices] = np.where(shut, np.float32(0), values[row[:, None], col])

    on_threads(threads, spread, blocks)
    return made[0], made[1]


def _coarse_sheds(
    sums: Floats,
    steps: tuple[NDArray[np.float64], float],
    factor: int,
    max_cost: float,
    threads: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What arrives in each coarse cell [t dry/yr], and the mean cost of its haul."""
    supply, ground = _means(sums)
    rows, cols = np.indices(supply.shape)
    middle = np.minimum(np.arange(len(supply)) * factor + factor // 2, len(steps[0]) - 1)
    steps = steps[0][middle] * factor, steps[1] * factor
    cells = rows.ravel(), cols.ravel()
    shed = supply_shed(supply, ground, steps, cells, max_cost=max_cost, threads=threads)
    both = shed.supply, shed.mean_cost
    supplied, paid = (part.reshape(supply.shape).astype(np.float32) for part in both)
    return supplied, paid


def _check(
    biomass: Floats,
    friction: Floats,
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    max_cost: float,
) -> None:
    if biomass.shape != friction.shape or biomass.ndim != 2:
        raise DataError(
            "biomass and friction differ in shape", where=WHERE, got=(biomass.shape, friction.shape)
        )
    if np.any(friction <= 0):
        raise DataError("friction is not positive", where=WHERE, got=float(np.nanmin(friction)))
    if np.any(biomass < 0) or np.any(np.isinf(biomass)):
        raise DataError("biomass is negative or infinite", where=WHERE)
    if not 0 < max_cost < math.inf:
        raise DataError("the largest haul cost is not a positive number", where=WHERE, got=max_cost)
    height, width = friction.shape
    off = (rows < 0) | (rows >= height) | (cols < 0) | (cols >= width)
    if rows.shape != cols.shape or off.any():
        raise DataError("a candidate lies off the grid", where=WHERE, got=int(off.sum()))


def _moves(neighbours: int) -> NDArray[np.int64]:
    longest = {8: 2, 16: 5}  # squared length of the longest move
    if neighbours not in longest:
        raise DataError("neighbours", where=WHERE, got=neighbours, expected="8 or 16")
    steps = [(r, c) for r in range(-2, 3) for c in range(-2, 3) if math.gcd(r, c) == 1]
    near = [step for step in steps if step[0] ** 2 + step[1] ** 2 <= longest[neighbours]]
    return np.array(sorted(near, key=lambda s: (s[0] ** 2 + s[1] ** 2, s)), np.int64)


def _spans(moves: NDArray[np.int64], east: Floats, north: float) -> Floats:
    """Length of each move from each row [km], east-west steps averaged over both ends."""
    rows = np.arange(len(east))
    ends = np.clip(rows + moves[:, :1], 0, len(east) - 1)
    across = moves[:, 1:] * 0.5 * (east[rows] + east[ends])
    return np.ascontiguousarray(np.hypot(across, moves[:, :1] * north))


def _window(friction: Floats, east: float, north: float, reach: float) -> tuple[int, int]:
    """Cells on either side beyond which nothing can be in reach."""
    ground = friction[np.isfinite(friction)]
    if ground.size == 0:
        return 0, 0
    km = reach / float(ground.min())
    height, width = friction.shape
    up, across = (int(km / step * (1 + 1e-9)) for step in (north, east))
    return min(up, height - 1), min(across, width - 1)

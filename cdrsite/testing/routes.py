"""Cheapest routes block by block, from sources and arrays in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdrsite.core.errors import DataError
from cdrsite.transport.blockroutes import BlockRoutes, RankArrays
from cdrsite.transport.distance import WHERE, Sources
from cdrsite.transport.frames import Blocking
from cdrsite.transport.labels import PAD
from cdrsite.transport.sums import RouteSums, sum_routes
from cdrsite.transport.tiles import solve_blocks

if TYPE_CHECKING:
    from cdrsite.core.grid import Block
    from cdrsite.engine.arrays import CellArray
    from cdrsite.transport.blockroutes import StartCells, Steps
    from cdrsite.transport.crossings import CrossingRules


def least_cost_blocks(
    friction: CellArray,
    steps: Steps,
    sources: Sources,
    arrays: RankArrays,
    sums: tuple[CellArray, CellArray],
    *,
    billed: CellArray | None = None,
    crossings: CrossingRules | None = None,
    neighbours: int = 16,
    threads: int = 1,
    block: int = 2048,
) -> int:
    """Find the k cheapest distinct sinks of every cell with a bounded amount of memory.

    Parameters
    ----------
    friction, steps, sources, billed, neighbours, threads
        As in ``least_cost``; with several threads a block must be made of whole chunks.
    crossings : CrossingRules, optional
        What crossings cost, which the sums leave out.
    arrays : RankArrays
        Take the routes; how many ranks they have is k.
    sums : tuple of CellArray, shape (k, rows, cols)
        Take billed cost [friction units x km] and length [km]; inf without a route.
    block : int
        Side of a block [cells]; see ``benchmarks/bench_distance.py`` for the memory it takes.

    Returns
    -------
    int
        How many blocks were relaxed in all; a measure of the work.

    Raises
    ------
    DataError
        As ``least_cost``.
    """
    shape = int(friction.shape[0]), int(friction.shape[1])
    starts = sources_by_block(sources, Blocking(shape, PAD[neighbours], block))
    routes = BlockRoutes(friction, steps, starts, arrays, neighbours, threads, block, crossings)
    solved = solve_blocks(routes)

    def done(part: RouteSums) -> None:
        here = (slice(None), *part.block.slices)
        sums[0][here], sums[1][here] = part.cost, part.length_km

    sum_routes(routes, friction if billed is None else billed, done)
    return solved


def sources_by_block(sources: Sources, grid: Blocking) -> StartCells:
    """Sources in memory, as they are asked for.

    Raises
    ------
    DataError
        A source outside the grid.
    """
    row, col = sources.row, sources.col
    out = (row < 0) | (row >= grid.shape[0]) | (col < 0) | (col >= grid.shape[1])
    if out.any():
        raise DataError(
            f"sink {sources.sink[out][0]} lies outside the grid",
            where=WHERE,
            got=f"row {row[out][0]}, column {col[out][0]}",
            cure="drop the sink or enlarge the region",
        )

    def within(block: Block) -> Sources:
        here = (row >= block.row0) & (row < block.row1) & (col >= block.col0) & (col < block.col1)
        return Sources(row[here], col[here], sources.sink[here], sources.start_cost[here])

    return within

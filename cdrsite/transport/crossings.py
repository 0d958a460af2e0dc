"""Crossings of rivers, roads and railways, counted where a route really crosses the line.

Counts come from the vectors: each edge between two cell centres knows how many lines the straight
segment between them crosses. A route along a river pays nothing, a route across it pays once,
whatever the cell size. The cost is one of the move, so the kernels of the distance add it to the
move's own: the routes are the cheapest with it, and steer around lines where that costs less than
crossing them. Factors of `avoid` do not multiply it.

Array layout
------------
``counts[d, r, c]`` belongs to the undirected edge from the centre of cell (r, c) to the centre of
cell (r + drow, c + dcol) with ``(drow, dcol) = DIRECTIONS[d]``. Each edge is stored once, at its
upper (or, in a row, its western) end, so a step back costs what the step there costs. The step
from (r, c) against direction d is ``counts[d, r - drow, c - dcol]``. The first 4 directions serve
8 neighbours, the first 8 serve 16 and all 20 serve 40 (:data:`DIRECTIONS_OF`). Edges that leave the
grid are counted and never used.

Several layers share one array of codes: bits ``4 l`` to ``4 l + 3`` of a code hold the count of
layer l, and ``lookup[code]`` is the cost of the edge: a distance kernel adds
``lookup[codes[d, r, c]]`` in the dtype of its labels, bills add it in float64.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cdrsite.core.errors import CdrsiteWarning, ConfigError
from cdrsite.core.grid import Block
from cdrsite.transport._kernel_crossings import bill_links, count_edges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.config.transport import Crossing
    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.core.reader import LayerReader
    from cdrsite.engine.arrays import CellArray

DIRECTIONS = (
    *((0, 1), (1, 1), (1, 0), (1, -1)),
    *((1, 2), (2, 1), (2, -1), (1, -2)),
    *((1, 4), (4, 1), (4, -1), (1, -4)),
    *((2, 3), (3, 2), (3, -2), (2, -3)),
    *((1, 3), (3, 1), (3, -1), (1, -3)),
)
"""Row and column step of each stored edge: E, SE, S, SW, the knight's moves ESE, SSE, SSW, WSW,
then the longer moves of 40 neighbours."""

DIRECTIONS_OF = {8: 4, 16: 8, 40: 20}
"""How many of ``DIRECTIONS`` a neighbourhood has."""

LONGEST = max(max(abs(drow), abs(dcol)) for drow, dcol in DIRECTIONS)
"""Longest step [cells]."""

LIMIT = 15
"""Most crossings counted on one edge for one layer."""

TALL = 64
"""Most rows of a segment that is found by its northern end."""

MAX_LAYERS = 4
"""Crossing rules with costs of their own; more would need wider codes."""


def line_segments(shapes: Iterable[Any], grid: AnalysisGrid) -> NDArray[np.float64]:
    """Straight segments of lines (or outlines of polygons) in cells.

    Parameters
    ----------
    shapes : iterable of shapely geometries
        Lines or polygons in the grid's CRS; points have no segments.
    grid : AnalysisGrid
        The grid.

    Returns
    -------
    ndarray of float64, shape (n, 4)
        Row, column, row, column of both ends; whole numbers are cell centres.
    """
    import shapely

    geometries = np.asarray(list(shapes), object)
    polygon = np.isin(shapely.get_type_id(geometries), (3, 6))
    geometries[polygon] = shapely.boundary(geometries[polygon])
    parts = shapely.get_parts(shapely.get_parts(geometries))
    parts = parts[np.isin(shapely.get_type_id(parts), (1, 2))]
    xy, line = shapely.get_coordinates(parts, return_index=True)
    if len(xy) == 0:
        return np.zeros((0, 4))
    row = (grid.north - xy[:, 1]) / grid.resolution - 0.5
    col = (xy[:, 0] - grid.west) / grid.resolution - 0.5
    same = line[1:] == line[:-1]
    ends = np.column_stack([row[:-1], col[:-1], row[1:], col[1:]])[same]
    return np.ascontiguousarray(ends)


def count_block(
    segments: NDArray[np.float64], block: Block, neighbours: int = 16
) -> NDArray[np.uint8]:
    """Crossings of every edge that starts in a block.

    Parameters
    ----------
    segments : ndarray of float64, shape (n, 4)
        From :func:`line_segments`.
    block : Block
        Which cells.
    neighbours : {8, 16, 40}
        Which edges are counted.

    Returns
    -------
    ndarray of uint8, shape (directions, rows, cols)
        Number of crossings, at most :data:`LIMIT`.

    Notes
    -----
    A line that only touches an edge from one side counts twice or not at all; one that ends on an
    edge counts once or not at all. Both have measure zero, and the sum along a route stays right:
    a line through a common centre of two edges counts once.
    """
    directions = DIRECTIONS_OF[neighbours]
    out = np.zeros((directions, *block.shape), np.uint8)
    rows, cols = segments[:, 0::2], segments[:, 1::2]
    near = (
        (rows.max(axis=1, initial=-np.inf) >= block.row0)
        & (rows.min(axis=1, initial=np.inf) < block.row1 + LONGEST)
        & (cols.max(axis=1, initial=-np.inf) >= block.col0 - LONGEST)
        & (cols.min(axis=1, initial=np.inf) < block.col1 + LONGEST)
    )
    steps = np.array(DIRECTIONS[:directions], np.int64)
    count_edges(segments[near], steps[:, 0], steps[:, 1], block.row0, block.col0, LIMIT, out)
    return out


@dataclass(frozen=True)
class SortedSegments:
    """Segments from north to south: those of a block are found without looking at all of them.

    Attributes
    ----------
    short, tall : ndarray of float64, shape (n, 4)
        Segments of at most :data:`TALL` rows by their northern ends, and the others.
    top : ndarray of float64, shape (n,)
        Row of the northern ends of the short ones.
    """

    short: NDArray[np.float64]
    tall: NDArray[np.float64]
    top: NDArray[np.float64]

    @classmethod
    def of(cls, segments: NDArray[np.float64]) -> SortedSegments:
        """Sort segments from :func:`line_segments`."""
        top = np.minimum(segments[:, 0], segments[:, 2])
        tall = np.maximum(segments[:, 0], segments[:, 2]) - top > TALL
        order = np.argsort(np.where(tall, np.inf, top), kind="stable")[: len(tall) - tall.sum()]
        return cls(segments[order], segments[tall], top[order])

    def near(self, block: Block) -> NDArray[np.float64]:
        """Those that may touch edges which start in a block."""
        first, last = np.searchsorted(self.top, (block.row0 - TALL, block.row1 + LONGEST))
        return np.concatenate((self.short[first:last], self.tall))


@dataclass(frozen=True)
class EdgeCosts:
    """Cost of the crossings on every edge.

    Attributes
    ----------
    codes : ndarray of uint8 or uint16, shape (directions, rows, cols)
        Counts of all layers, four bits each.
    lookup : ndarray of float64, shape (16 ** layers,)
        Code -> cost of the edge's crossings [USD/t].
    """

    codes: NDArray[Any]
    lookup: NDArray[np.float64]

    def between(
        self,
        row: NDArray[np.int64],
        col: NDArray[np.int64],
        to_row: NDArray[np.int64],
        to_col: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Cost of single moves between cells of the grid [USD/t]."""
        steps, number = np.unique(
            np.stack((to_row - row, to_col - col), axis=1), axis=0, return_inverse=True
        )
        edge = edge_of_moves(steps)[number.ravel()]
        codes = self.codes[edge[:, 0], row + edge[:, 1], col + edge[:, 2]]
        return np.asarray(self.lookup[codes])


def refuse_too_many(rules: Sequence[Crossing]) -> None:
    """Refuse more than :data:`MAX_LAYERS` crossing rules.

    Raises
    ------
    ConfigError
    """
    if len(rules) > MAX_LAYERS:
        raise ConfigError(
            "too many crossing rules",
            where="transport.surface.crossings",
            got=len(rules),
            expected=f"at most {MAX_LAYERS}",
            cure="join layers whose crossings cost the same",
        )


class CrossingRules:
    """The crossing rules of a scenario with their lines, ready to count block by block.

    Parameters
    ----------
    rules : sequence of Crossing
        What a crossing costs.
    reader : LayerReader
        The layers.
    grid : AnalysisGrid
        The grid.
    per_km : float
        Cost of a plain onshore line, for rules that say ``adds`` [USD/t/km].

    Raises
    ------
    ConfigError
        If there are more than :data:`MAX_LAYERS` rules.
    """

    def __init__(
        self, rules: Sequence[Crossing], reader: LayerReader, grid: AnalysisGrid, per_km: float
    ) -> None:
        refuse_too_many(rules)
        self.grid = grid
        self.names = tuple(rule.layer for rule in rules)
        costs = [(rule.adds or 0.0) * per_km if rule.cost is None else rule.cost for rule in rules]
        self.costs = np.array(costs, np.float64)
        self.segments = []
        for rule in rules:
            shapes = reader.features(rule.layer, rule.where).geometry.dropna()
            segments = line_segments(shapes, grid)
            self.segments.append(SortedSegments.of(segments))
            if len(segments) == 0:
                warnings.warn(
                    f"transport.surface.crossings: layer {rule.layer} has no lines to cross",
                    CdrsiteWarning,
                    stacklevel=2,
                )

    @property
    def lookup(self) -> NDArray[np.float64]:
        """Code -> cost of an edge's crossings, shape (16 ** layers,) [USD/t]."""
        codes = np.arange(16 ** len(self.costs))
        total = np.zeros(codes.size)
        for layer, cost in enumerate(self.costs):
            total += ((codes >> (4 * layer)) & 15) * cost
        return total

    def block(self, block: Block, neighbours: int = 16, around: int = 0) -> EdgeCosts:
        """Codes of every edge that starts in a block; see the module for the layout.

        Parameters
        ----------
        block : Block
            Which cells.
        neighbours : {8, 16, 40}
            Which edges are counted.
        around : int
            Cells around the block that are taken in too, also beyond the grid.
        """
        block = Block(
            block.row0 - around, block.row1 + around, block.col0 - around, block.col1 + around
        )
        dtype = np.uint8 if len(self.segments) <= 2 else np.uint16
        codes: NDArray[Any] = np.zeros((DIRECTIONS_OF[neighbours], *block.shape), dtype)
        for layer, segments in enumerate(self.segments):
            counts: NDArray[Any] = count_block(segments.near(block), block, neighbours).astype(
                dtype
            )
            codes |= np.left_shift(counts, dtype(4 * layer))
        return EdgeCosts(codes, self.lookup)

    def whole(self, neighbours: int = 16, size: int = 1024) -> EdgeCosts:
        """Codes of every edge of the grid, in memory."""
        parts = [(block, self.block(block, neighbours)) for block in self.grid.blocks(size)]
        codes = np.zeros((DIRECTIONS_OF[neighbours], *self.grid.shape), parts[0][1].codes.dtype)
        for block, part in parts:
            codes[:, *block.slices] = part.codes
        return EdgeCosts(codes, self.lookup)


class LinkedRoutes(Protocol):
    """Routes of all cells as back-links, as the distance gives them."""

    @property
    def link(self) -> CellArray:
        """Move of each rank, shape (k, rows, cols); -1 at the sink, -2 without a route."""

    @property
    def sink(self) -> CellArray:
        """Sink of each rank, shape (k, rows, cols)."""

    @property
    def neighbourhood(self) -> Any:
        """The ``moves``: row step, column step, kind."""


def bill_crossings(routes: LinkedRoutes, edges: EdgeCosts) -> NDArray[np.float64]:
    """Cost of the crossings along every cell's routes, each edge by what it really crosses.

    Parameters
    ----------
    routes : LinkedRoutes
        Result of :func:`cdrsite.transport.distance.least_cost`.
    edges : EdgeCosts
        Of the same grid, with at least the directions of the routes' moves.

    Returns
    -------
    ndarray of float64, shape (k, rows, cols)
        Cost to add to the route's [USD/t]; inf without a route.
    """
    moves = np.asarray(routes.neighbourhood.moves, np.int64)
    edge = edge_of_moves(moves)
    if edge[:, 0].max() >= len(edges.codes):
        raise ConfigError(
            "the routes have moves without counted edges",
            where="transport.neighbours",
            got=f"{len(edges.codes)} directions",
            expected=f"{edge[:, 0].max() + 1}",
            cure="count the crossings for the same neighbours",
        )
    out = np.full(routes.link.shape, np.nan)
    link, sink = np.asarray(routes.link[:]), np.asarray(routes.sink[:])
    bill_links(link, sink, moves, edge, edges.codes, edges.lookup, out)
    return out


def edge_of_moves(moves: NDArray[np.int64]) -> NDArray[np.int64]:
    """Direction of the stored edge of each move, and where it starts from the cell."""
    edge = np.zeros((len(moves), 3), np.int64)
    for e, (drow, dcol) in enumerate(moves[:, :2].tolist()):
        if (drow, dcol) in DIRECTIONS:
            edge[e] = DIRECTIONS.index((drow, dcol)), 0, 0
        else:
            edge[e] = DIRECTIONS.index((-drow, -dcol)), drow, dcol
    return edge

"""Routes traced by back-links, their lines, and the corridors that several routes share."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.transport._kernel import NONE, SOURCE

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely import LineString

    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.transport.distance import DistanceResult

WHERE = "transport routes"


@dataclass(frozen=True)
class Route:
    """The way from a cell to one of its sinks.

    Attributes
    ----------
    row, col : ndarray, int64, shape (n,)
        Cells from the start to the sink; consecutive ones are one move apart.
    sink : int
        Sink id.
    cost : float
        Billed cost from the start [friction units x km].
    length_km : float
        Length from the start [km].
    left_km : ndarray, float64, shape (n,)
        Length that is left at each cell [km].
    """

    row: NDArray[np.int64]
    col: NDArray[np.int64]
    sink: int
    cost: float
    length_km: float
    left_km: NDArray[np.float64]


def trace(result: DistanceResult, row: int, col: int, rank: int = 0) -> Route:
    """Follow the back-links from a cell to its sink.

    Parameters
    ----------
    result : DistanceResult
        Labels with links, in memory or on disk.
    row, col : int
        Where the route starts.
    rank : int
        Which of the cell's sinks, 0 the best.

    Returns
    -------
    Route
        A single cell if the start is a cell of the sink.

    Raises
    ------
    DataError
        If the cell is outside the grid or has no route of that rank.
    """
    k, rows, cols = result.sink.shape
    if not (0 <= row < rows and 0 <= col < cols and 0 <= rank < k):
        raise DataError(
            "no such cell or rank",
            where=WHERE,
            got=f"row {row}, column {col}, rank {rank}",
            expected=f"below {rows}, {cols}, {k}",
        )
    links, sinks = result.cells["link"], result.cells["sink"]
    length_km, costs = result.cells["length_km"], result.cells["cost"]
    if links.at(row, col)[rank] == NONE:
        raise DataError(
            "the cell has no route of this rank", where=f"{WHERE}: row {row}, column {col}"
        )
    moves = result.neighbourhood.moves
    sink = int(sinks.at(row, col)[rank])
    path, left = [(row, col)], [float(length_km.at(row, col)[rank])]
    at, i = (row, col), rank
    while (link := int(links.at(*at)[i])) != SOURCE:
        at = at[0] + int(moves[link, 0]), at[1] + int(moves[link, 1])
        # the neighbour has the same sink, perhaps in a better place
        i = int(np.flatnonzero(sinks.at(*at) == sink)[0])
        path.append(at)
        left.append(float(length_km.at(*at)[i]))
    cells = np.array(path, np.int64)
    cost = float(costs.at(row, col)[rank])
    return Route(cells[:, 0], cells[:, 1], sink, cost, left[0], np.array(left))


def line(row: NDArray[np.int64], col: NDArray[np.int64], grid: AnalysisGrid) -> LineString:
    """Cell centres as a line in the grid's CRS; a single cell becomes a line of zero length."""
    from shapely import LineString

    points = np.column_stack((grid.x[col], grid.y[row]))
    return LineString(points if len(points) > 1 else np.repeat(points, 2, axis=0))


def smooth(route_line: LineString, rounds: int = 2) -> LineString:
    """Round the corners off a line, for display only: its length is not the billed one.

    Parameters
    ----------
    route_line : LineString
        The exact line.
    rounds : int
        How often corners are cut.

    Returns
    -------
    LineString
        Same ends, corners cut at one and three quarters of each segment (Chaikin 1974, An
        algorithm for high-speed curve generation, doi:10.1016/0146-664X(74)90028-8).
    """
    from shapely import LineString, get_coordinates

    points = get_coordinates(route_line)
    for _ in range(rounds):
        near = 0.75 * points[:-1] + 0.25 * points[1:]
        far = 0.25 * points[:-1] + 0.75 * points[1:]
        cut = np.stack((near, far), axis=1).reshape(-1, 2)
        points = np.concatenate((points[:1], cut, points[-1:]))
    return LineString(points)


@dataclass(frozen=True)
class SharedStretch:
    """A stretch that the same routes share.

    Attributes
    ----------
    row, col : ndarray, int64, shape (n,)
        Cells of the stretch.
    routes : tuple of int
        Which routes use it, by their place in the list given.
    length_km : float
        Length [km].
    """

    row: NDArray[np.int64]
    col: NDArray[np.int64]
    routes: tuple[int, ...]
    length_km: float

    @property
    def multiplicity(self) -> int:
        """Number of routes that use it."""
        return len(self.routes)


def corridors(routes: Sequence[Route], *, at_least: int = 1) -> list[SharedStretch]:
    """Cut routes where the set of routes that use the ground changes.

    Two routes share a move if both make it, in either direction.

    Parameters
    ----------
    routes : sequence of Route
        Routes on one grid.
    at_least : int
        Smallest multiplicity to return; 2 for shared stretches only.

    Returns
    -------
    list of SharedStretch
        Each stretch once, in the order of the first route that uses it.
    """
    keys = [_move_keys(route) for route in routes]
    users: dict[tuple[int, ...], list[int]] = {}
    for number, of_route in enumerate(keys):
        for key in of_route:
            users.setdefault(key, []).append(number)
    stretches = []
    for number, (route, of_route) in enumerate(zip(routes, keys, strict=True)):
        sets = [tuple(users[key]) for key in of_route]
        begin = 0
        for end in range(1, len(sets) + 1):
            if end < len(sets) and sets[end] == sets[begin]:
                continue
            if sets[begin][0] == number and len(sets[begin]) >= at_least:
                part = slice(begin, end + 1)
                length = float(route.left_km[begin] - route.left_km[end])
                row, col = route.row[part], route.col[part]
                stretches.append(SharedStretch(row, col, sets[begin], length))
            begin = end
    return stretches


def _move_keys(route: Route) -> list[tuple[Any, ...]]:
    """Each move as its two cells in order, the same both ways."""
    cells = list(zip(route.row.tolist(), route.col.tolist(), strict=True))
    return [min((a, b), (b, a)) for a, b in itertools.pairwise(cells)]

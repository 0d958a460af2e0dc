"""Direct ways of trucks over a road network, between the terminals of a candidate network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.network.candidates import CandidateArc
from cdrsite.transport.distance import Sources, least_cost
from cdrsite.transport.routes import trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.network.candidates import Candidates

NEAR = 4
"""Nearest terminals by road that each plant is joined to."""


def road_ways(
    factor: NDArray[Any],
    grid: AnalysisGrid,
    candidates: Candidates,
    storage: Sequence[tuple[NDArray[Any], NDArray[Any]]],
    *,
    neighbours: int = 16,
    threads: int = 1,
) -> tuple[CandidateArc, ...]:
    """Ways by road from each plant or port to the nearest others and to storage.

    Parameters
    ----------
    factor : ndarray, shape (rows, cols)
        Km of plain road that a km counts as; inf where no truck can go.
    grid : AnalysisGrid
        The grid.
    candidates : Candidates
        Gives the nodes of plants, ports and units.
    storage : sequence of (rows, cols)
        Access cells of each storage unit, in the order of the candidates' nodes.
    neighbours, threads : int
        As in :func:`cdrsite.transport.distance.least_cost`.

    Returns
    -------
    tuple of CandidateArc
        Their length is what is paid: km of plain road. What a pipeline would cost there is not
        known (``weight_km`` is infinite).
    """
    plants = candidates.plant_node
    nodes = np.unique(plants)
    cells = [*nodes[:, None], *(row * grid.cols + col for row, col in storage)]
    ends = [*nodes.tolist(), *candidates.storage_node.tolist()]
    open_ = [cell[np.isfinite(factor.ravel()[cell])] for cell in cells]
    some = [k for k, cell in enumerate(open_) if len(cell) and ends[k] >= 0]
    if len(some) < 2:
        return ()
    row, col = np.divmod(np.concatenate([open_[k] for k in some]), grid.cols)
    ids = np.concatenate([np.full(len(open_[k]), k) for k in some])
    found = least_cost(
        factor, grid.row_steps_m, Sources.of(row, col, ids), neighbours=neighbours,
        k=min(NEAR + 1, len(some)), dtype="float64", threads=threads,
    )  # fmt: skip
    ways: dict[tuple[int, int], CandidateArc] = {}
    for number, cell in enumerate(nodes.tolist()):
        r, c = divmod(cell, grid.cols)
        for rank in range(found.sink.shape[0]):
            other = int(found.sink[rank, r, c])
            pair = (min(number, other), max(number, other))
            if other in {-1, number} or pair in ways:
                continue
            route = trace(found, r, c, rank)
            ways[pair] = CandidateArc(
                cell, ends[other], np.inf, float(found.cost[rank, r, c]),
                np.asarray(route.row, np.int64) * grid.cols + route.col, -1,
            )  # fmt: skip
    return tuple(ways.values())

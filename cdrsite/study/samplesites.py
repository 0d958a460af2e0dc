"""Sites in many samples: which stay in reach of the best plan, and how their ranks move.

A site is a place with the ground around it, not a cell: which of several cells that are as good a
plan takes says nothing. So a site stays in a sample where its method is within the margin of
paying in any cell near it, at that sample's prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cdrsite.core.plaindata import recorded
from cdrsite.sampling.statistics import binomial_error, quantiles
from cdrsite.study.kept import keep
from cdrsite.study.samplemaps import at_prices_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from cdrsite.competition.rows import Zoned
    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.engine.passes import Workspace
    from cdrsite.study.kept import KeptCells
    from cdrsite.study.sampled import SampledStudy
    from cdrsite.study.samples import AllCells, Solved

    F64 = NDArray[np.float64]
    I64 = NDArray[np.int64]

COLUMNS = (
    "method", "rank", "in_plan", "lon", "lat", "x", "y", "stays", "error", "core", "rank_p05",
    "rank_p50", "rank_p95", "among_best",
)  # fmt: skip
"""Of the table: those up to ``y`` are the site's own."""
CORE = 0.8
"""Share of the samples in which a core site stays [1]."""
BEST = 10
"""Ranks that count as among the best."""
MOST_CELLS = 64
"""Cells of the ground around a site that are looked at, from near to far in even steps."""


@recorded
@dataclass(frozen=True)
class SitesHere:
    """Sites in one sample.

    Attributes
    ----------
    near : ndarray of bool, shape (sites,)
        Whether its method is in reach around it.
    worth : ndarray, shape (sites,)
        Reduced value of a gross tonne there, where it is the most [goal per t].
    cost : ndarray, shape (sites,)
        Per net tonne in that cell, without transport and storage [USD/t].
    """

    near: NDArray[np.bool_]
    worth: F64
    cost: F64


@dataclass(frozen=True)
class SitesOfSample:
    """Task: the sites in one sample, by its position among the solved.

    Attributes
    ----------
    study : SampledStudy
        What the samples share.
    solved : tuple of Solved
        Those that have a plan.
    kept : KeptCells
        Cells around the sites.
    zoned : Zoned
        Their combinations of zones.
    near : tuple of ndarray of int
        Of each site, its cells among these.
    method : tuple of int
        Of each site.
    margin : float
        How near to paying is in reach [goal per t].
    """

    study: SampledStudy
    solved: tuple[Solved, ...]
    kept: KeptCells
    zoned: Zoned
    near: tuple[I64, ...]
    method: tuple[int, ...]
    margin: float

    def __call__(self, position: int) -> SitesHere:
        """Look at every site at the prices of a sample."""
        one = self.solved[position]
        sample = self.study.sample(one.number)
        here = sample.in_cells(self.kept)
        cells = here.cells(0, self.kept.count)
        priced = at_prices_of(here.problem(cells), sample, one, self.zoned)
        read = cells.read(0, self.kept.count)
        reduced = priced.at_prices(read, self.zoned.combo).reduced
        net, cost = np.asarray(read.net, np.float64), np.asarray(read.cost, np.float64)
        worth, unit = np.full(len(self.near), -np.inf), np.full(len(self.near), np.inf)
        for i, (near, m) in enumerate(zip(self.near, self.method, strict=True)):
            mine = np.nan_to_num(reduced[m, near], nan=-np.inf)
            if not len(mine):
                continue
            best = near[int(mine.argmax())]
            worth[i] = mine.max()
            unit[i] = cost[m, best] / net[m, best] if net[m, best] > 0 else np.inf
        return SitesHere(worth >= -self.margin, worth, unit)


def around(
    grid: AnalysisGrid, row: I64, col: I64, cells: tuple[I64, I64], distance_km: float
) -> list[I64]:
    """Numbers of the cells around each site, at most :data:`MOST_CELLS`, the nearest first.

    Parameters
    ----------
    grid : AnalysisGrid
        On which all lie.
    row, col : ndarray of int, shape (sites,)
        Of the sites.
    cells : tuple of ndarray of int
        Row and column of every cell that samples are about.
    distance_km : float
        How far around [km].
    """
    east, north = grid.row_steps_m
    steps = np.broadcast_to(np.asarray(east, np.float64), (grid.rows,))
    found = []
    for r, c in zip(row.tolist(), col.tolist(), strict=True):
        away = np.hypot((cells[0] - r) * float(north), (cells[1] - c) * steps[r]) / 1000.0
        inside = np.flatnonzero(away <= distance_km)
        inside = inside[np.argsort(away[inside], kind="stable")]
        if len(inside) > MOST_CELLS:
            inside = inside[np.linspace(0, len(inside) - 1, MOST_CELLS).astype(np.int64)]
        found.append(inside)
    return found


def site_frequencies(
    study: SampledStudy,
    solved: Sequence[Solved],
    cells: AllCells,
    space: Workspace,
    sites: pd.DataFrame,
    margin: float,
) -> pd.DataFrame:
    """How often each site of the plan stays in reach, and how its rank moves.

    Parameters
    ----------
    study : SampledStudy
        What the samples share.
    solved : sequence of Solved
        In their order; those without a plan are left out.
    cells : AllCells
        The cells that samples are about.
    space : Workspace
        With the arrays of the run.
    sites : DataFrame
        Table of the best sites.
    margin : float
        How near to paying is in reach [goal per t].

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`, a row for each site in their order: share of the samples in which
        it stays, with its Monte-Carlo error [1]; whether it is a core site; quantiles of its rank
        among the sites of its method, and the share of the samples in which it is among the best.
    """
    known = tuple(one for one in solved if one.known)
    if sites.empty or not known:
        return pd.DataFrame(columns=list(COLUMNS))
    setting, grid = study.setting, study.setting.area.grid
    every = [_on_grid(block, place) for block, place, _ in cells.spans()]
    rows, cols = (np.concatenate([part[i] for part in every]) for i in (0, 1))
    at = [grid.index(x, y) for x, y in zip(sites["x"], sites["y"], strict=True)]
    row, col = np.array(at, np.int64).reshape(-1, 2).T
    distance = setting.scenario.outputs.site_distance
    near = around(grid, row, col, (rows, cols), distance)
    numbers = np.unique(np.concatenate(near))
    if not len(numbers):
        return pd.DataFrame(columns=list(COLUMNS))
    places = []
    for block, place, span in cells.spans():
        mine = numbers[(numbers >= span.start) & (numbers < span.stop)] - span.start
        places.append((block, place[mine]))
    kept = keep(setting, study.offers, space, places)
    position = {name: m for m, name in enumerate(setting.models)}
    task = SitesOfSample(
        study, known, kept, cells.zoned.at(numbers),
        tuple(np.searchsorted(numbers, one) for one in near),
        tuple(position[name] for name in sites["method"]), margin,
    )  # fmt: skip
    found = list(space.every("site samples", task, range(len(known)), "samples"))
    return frequency_table(sites, found)


def frequency_table(sites: pd.DataFrame, found: Sequence[SitesHere]) -> pd.DataFrame:
    """Shares and quantiles of what the samples say of sites; see :func:`site_frequencies`."""
    stays = np.stack([one.near for one in found]).mean(axis=0)
    ranks = np.stack([_ranks(sites, one) for one in found])
    levels = quantiles(ranks)
    made: Mapping[str, Any] = {
        **{name: sites[name] for name in COLUMNS[:7]},
        "stays": stays,
        "error": binomial_error(stays, len(found)),
        "core": stays >= CORE,
        **{f"rank_{n}": v for n, v in zip(("p05", "p50", "p95"), levels, strict=True)},
        "among_best": (ranks <= BEST).mean(axis=0),
    }
    return pd.DataFrame(made, columns=list(COLUMNS))


def _ranks(sites: pd.DataFrame, here: SitesHere) -> F64:
    """Rank of each site among those of its method in a sample: by what it falls short, by cost."""
    short = np.array([float(f"{one:.3g}") for one in np.maximum(-here.worth, 0.0).tolist()])
    ranks = np.zeros(len(sites))
    for method in sites["method"].unique():
        mine = np.flatnonzero((sites["method"] == method).to_numpy())
        order = np.lexsort((sites["rank"].to_numpy()[mine], here.cost[mine], short[mine]))
        ranks[mine[order]] = np.arange(1, len(mine) + 1)
    return ranks


def _on_grid(block: Any, place: I64) -> tuple[I64, I64]:
    row, col = np.divmod(place, block.shape[1])
    return row + block.row0, col + block.col0

"""Prices to begin with: those of a sample of the cells.

Every k-th cell in the order of combinations stands for k cells. Prices of shared rows are sums over
thousands of cells, so those of the sample are near those of all, and half of the sweeps over all
cells are not needed. They are a place to begin and no more: plan, bound and gap are of all cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cdrsite.competition.generator import Generator, SolverOptions
from cdrsite.competition.problem import CellBlock, IntArray
from cdrsite.competition.rows import blocks

if TYPE_CHECKING:
    from cdrsite.competition.problem import CellSource
    from cdrsite.pathway.sweeping import PathSweeper

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]

WANTED, PART = 50_000, 10
"""About how many cells a sample has, and which part of all cells it is at most: else the programme
of its prices costs more than the sweeps that it saves."""
GAP = 1e-4
"""Relative gap to which a sample is solved [1]."""
SCALED = ("land", "upper", "lower", "local", "ground")
"""What a cell of a sample has more of: it stands for others."""


@dataclass(frozen=True, eq=False)
class SampledCells:
    """Chosen cells as a source.

    Attributes
    ----------
    cells : CellBlock
    zone_ids : mapping of str to ndarray, shape (n,)
    """

    cells: CellBlock
    zone_ids: Mapping[str, IntArray]

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.cells.land)

    def read(self, start: int, stop: int) -> CellBlock:
        """Return cells ``start`` to ``stop``."""
        return self.cells.at(np.arange(start, stop))

    def zones(self, zoning: str, start: int, stop: int) -> IntArray:
        """Zone of each cell in a zoning."""
        return self.zone_ids[zoning][start:stop]


def starting_prices(sweeper: PathSweeper, objective: F64, options: SolverOptions) -> F64 | None:
    """Prices of a sample; None where there are too few cells for one, or it has no plan.

    Parameters
    ----------
    sweeper : PathSweeper
        Of all cells.
    objective : ndarray, shape (M V, Q)
    options : SolverOptions
        Of the problem of all cells.
    """
    problem, system = sweeper.problem, sweeper.system
    if problem.cells.n_cells < PART * WANTED:
        return None
    block, combo = _sample(problem.cells, system.combo, system.n_combos)
    zones = {name: table[combo] for name, table in system.zone_table.items()}
    cells = SampledCells(block, zones)
    part = replace(
        sweeper, problem=replace(problem, cells=cells), system=replace(system, combo=combo)
    )
    rough = replace(options, gap=max(options.gap, GAP))
    generator = Generator(
        part.problem, part.system, objective, rough, threads=sweeper.threads,
        has_lower=sweeper.has_lower, sweeper=part,
    )  # fmt: skip
    if generator.feasible() is not None:
        return None
    generator.generate(objective, anytime=True)
    return generator.state.centre


def _sample(source: CellSource, combo: I32, count: int) -> tuple[CellBlock, I32]:
    """Every k-th cell in the order of combinations, in one pass, with its combination."""
    step = source.n_cells // WANTED
    size = np.bincount(combo, minlength=count)
    before = np.cumsum(size) - size
    parts, combos = [], []
    for start, stop in blocks(source.n_cells):
        mine = combo[start:stop]
        here = np.bincount(mine, minlength=count)
        order = np.argsort(mine, kind="stable")
        rank = np.empty(len(mine), np.int64)
        rank[order] = np.arange(len(mine)) - np.repeat(np.cumsum(here) - here - before, here)
        place = np.flatnonzero(rank % step == step // 2)
        before += here
        if len(place):
            parts.append(source.read(start, stop).at(place))
            combos.append(mine[place])
    chosen = np.concatenate(combos)
    joined = {}
    for one in fields(CellBlock):
        arrays = [getattr(part, one.name) for part in parts]
        wide = arrays[0].shape[-1] == len(parts[0].land)
        joined[one.name] = np.concatenate(arrays, axis=-1) if wide else arrays[0]
    for name in SCALED:
        joined[name] = joined[name] * joined[name].dtype.type(source.n_cells / len(chosen))
    return CellBlock(**joined), chosen

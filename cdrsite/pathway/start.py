"""A sample of the cells leads the sweeps of all of them: the same proof, in far fewer sweeps.

Every k-th cell in the order of combinations stands for all. Its programme takes milliseconds where
a sweep of all cells takes a second, so it is solved again after each of these, with limits that
make up for what it got wrong there: a model that agrees with the true one in value at the last
point, and nearly in slope (space mapping, Bandler et al. 1994, IEEE Transactions on Microwave
Theory and Techniques 42, 2536-2544). Its prices are only where all cells are swept: bound, plan and
gap are of all cells (rule 8).
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
from cdrsite.core.errors import SolverError

if TYPE_CHECKING:
    from cdrsite.competition.problem import CellSource
    from cdrsite.pathway.sweeping import PathSweeper

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]

LEAST = 600
"""Fewest cells for each row that a sample leads: with fewer its programme costs what it saves."""
WANTED, PART = 20_000, 10
"""About how many cells a sample has, and which part of all cells it is at most."""
GROUPS = 50
"""Most groups of a sample: its sweeps cost less than columns of more groups would."""
GAP, FINER = 1e-4, 0.5
"""Relative gap to which a sample is solved at first [1]; later a share of what is to be proven."""
ROUNDS = 8
"""Most sweeps of all cells that a sample leads."""
BEFORE, CLOSER = 2, 0.7
"""Sweeps before a plan is looked for, and share to which each one must close the gap then [1]."""
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


class StandIn:
    """A sample in place of all cells, which learns from sweeps of them where it is wrong.

    Attributes
    ----------
    price : ndarray, shape (R,)
        Of the rows, by the sample.
    """

    def __init__(self, generator: Generator, objective: F64) -> None:
        self._generator, self._objective = generator, objective
        self._limits = generator.limits
        self._solve(GAP)

    def _solve(self, gap: float) -> None:
        one = self._generator
        one.options = replace(one.options, gap=gap)
        one.state.sweeps = 0
        plan = one.generate(self._objective, anytime=True)
        self._drawn = one.master.drawn(plan)
        self.price = plan.price if one.state.centre is None else one.state.centre

    def learn(self, drawn: F64, gap: float) -> bool:
        """Prices that fit what all cells draw on the rows at the last ones; whether there are any.

        Parameters
        ----------
        drawn : ndarray, shape (R,)
            Of all cells at ``price``.
        gap : float
            To be proven for all cells.
        """
        left = self._limits - (drawn - self._drawn)
        self._generator.limit(np.where(self._limits >= 0.0, np.maximum(left, 0.0), left))
        try:
            self._solve(FINER * gap)
        except SolverError:  # it is too wrong to keep the rows: all cells find their own prices
            return False
        return True


def stand_in(sweeper: PathSweeper, objective: F64, options: SolverOptions) -> StandIn | None:
    """A sample; None where there are too few cells for one, or it has no plan.

    Parameters
    ----------
    sweeper : PathSweeper
        Of all cells.
    objective : ndarray, shape (M V, Q)
    options : SolverOptions
        Of the problem of all cells.
    """
    problem, system = sweeper.problem, sweeper.system
    if problem.cells.n_cells < LEAST * len(system.rows):
        return None
    block, combo = _sample(problem.cells, system.combo, system.n_combos)
    zones = {name: table[combo] for name, table in system.zone_table.items()}
    cells = SampledCells(block, zones)
    part = replace(
        sweeper, problem=replace(problem, cells=cells), system=replace(system, combo=combo)
    )
    generator = Generator(
        part.problem, part.system, objective, options, threads=sweeper.threads,
        has_lower=sweeper.has_lower, sweeper=part, groups=GROUPS,
    )  # fmt: skip
    if generator.feasible() is not None:
        return None
    return StandIn(generator, objective)


def lead(generator: Generator, sample: StandIn) -> bool:
    """Sweep all cells at the prices of a sample while that closes the gap; whether it found a plan.

    Parameters
    ----------
    generator : Generator
        Of all cells.
    sample : StandIn
    """
    gaps, least = [np.inf] * BEFORE, generator.options.gap
    for done in range(1, ROUNDS + 1):
        drawn = generator.begin(sample.price).activity.sum(axis=1)
        if done >= BEFORE:
            gaps.append(_gap(generator))
        stuck = np.inf > gaps[-1] > CLOSER * gaps[-2]
        if gaps[-1] <= least or stuck or not sample.learn(drawn, least):
            break
    return gaps[-1] < np.inf


def _gap(generator: Generator) -> float:
    """Gap so far; infinite where no mix of the columns keeps all rows."""
    try:
        return generator.gap(generator.master.solve().value)
    except SolverError:
        return np.inf


def _sample(source: CellSource, combo: I32, count: int) -> tuple[CellBlock, I32]:
    """Every k-th cell in the order of combinations, in one pass, with its combination."""
    step = max(source.n_cells // WANTED, PART)
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

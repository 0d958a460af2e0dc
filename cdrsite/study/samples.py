"""The stage that solves every sample: prices and totals by a thinned problem, whatever the grid.

Each sample is solved from nothing, so that it is a function of its number alone (rule 9): warm
starts save little, and would make a sample depend on those before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.competition.captured import AVOIDED
from cdrsite.competition.generator import MAX_GROUPS, SolverOptions
from cdrsite.competition.objectives import Lexicographic, Objective
from cdrsite.competition.prices import solve, solve_in_order
from cdrsite.competition.problem import QUANTITIES, RowTerm
from cdrsite.competition.rows import Zoned, combine_zones, zonings_of
from cdrsite.core.errors import CdrsiteError, InfeasibleError
from cdrsite.core.plaindata import recorded
from cdrsite.core.states import LOWEST_STATE, NET_NOT_POSITIVE
from cdrsite.sampling.thin import Amounts, chosen
from cdrsite.study.goal import objective_of
from cdrsite.study.kept import KeptCells, keep
from cdrsite.study.sampled import SampledStudy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.competition.problem import IntArray
    from cdrsite.competition.solution import Solution
    from cdrsite.core.grid import Block
    from cdrsite.engine.passes import Workspace
    from cdrsite.study.offers import Offers
    from cdrsite.study.prepare import Setting

    F32 = NDArray[np.float32]
    F64 = NDArray[np.float64]
    I32 = NDArray[np.int32]
    I64 = NDArray[np.int64]

GAP = 1e-4
"""Gap of a thinned problem, unless the study's own is wider: prices that good change the share of
samples in which a cell is used by 0.004, far less than what 256 samples leave open [1]."""
OPTIMAL, INFEASIBLE, REFUSED = "optimal", "infeasible", "refused"
"""Status of a sample beside those of the solver: rows in conflict, numbers that are refused."""


@dataclass(frozen=True)
class AllCells:
    """All cells where a method may be possible in some sample, block by block.

    Attributes
    ----------
    blocks : tuple of Block
        Blocks of the grid.
    places : tuple of ndarray
        Where the cells of each block lie, row by row.
    zoned : Zoned
        Their combinations of zones, in the order of the blocks.
    """

    blocks: tuple[Block, ...]
    places: tuple[I64, ...]
    zoned: Zoned

    @property
    def count(self) -> int:
        """Number of cells."""
        return len(self.zoned.combo)

    def spans(self) -> Iterator[tuple[Block, I64, slice]]:
        """Each block with its cells, and where these stand among all."""
        end = 0
        for block, place in zip(self.blocks, self.places, strict=True):
            start, end = end, end + len(place)
            yield block, place, slice(start, end)


@dataclass(frozen=True)
class _Zones:
    """Zones of cells as a source of cells: combinations of zones are numbered with it."""

    by_name: dict[str, I32]
    n_cells: int

    def read(self, start: int, stop: int) -> Any:
        """Not asked for."""
        raise NotImplementedError

    def zones(self, zoning: str, start: int, stop: int) -> IntArray:
        """Zone of each cell in a zoning."""
        return self.by_name[zoning][start:stop]


def all_cells(setting: Setting, study: SampledStudy, space: Workspace) -> AllCells:
    """Find the cells that samples are about: possible ones, and those whose net factor forbids."""
    places = []
    limit = space.result.open("limit")
    for block in setting.blocks:
        codes = np.asarray(limit[(slice(None), *block.slices)]).reshape(len(setting.models), -1)
        some = (codes < LOWEST_STATE) | (codes == NET_NOT_POSITIVE)
        places.append(np.flatnonzero(some.any(axis=0)))
    row = study.unchanged().in_cells(_one_cell(setting, study.offers, space))
    zones = row.competitors.zones
    by_name = {}
    for zoning, variable in zones.items():
        array = space.result.open(variable)
        parts = [
            np.asarray(array[block.slices]).ravel()[place]
            for block, place in zip(setting.blocks, places, strict=True)
        ]
        by_name[zoning] = np.concatenate(parts).astype(np.int32)
    source = _Zones(by_name, sum(map(len, places)))
    order = zonings_of(row.problem(row.cells(0, 1)))
    zoned = combine_zones(source, order, MAX_GROUPS)
    return AllCells(tuple(setting.blocks), tuple(places), zoned)


def _one_cell(setting: Setting, offers: Offers, space: Workspace) -> KeptCells:
    """The first cell: what is the same in all of them is asked of it."""
    return keep(setting, offers, space, [(setting.blocks[0], np.zeros(1, np.int64))])


@dataclass(frozen=True)
class Thin:
    """The thinned problem of a study, for any sample.

    Attributes
    ----------
    kept : KeptCells
        Its cells.
    zoned : Zoned
        Their combinations of zones.
    land, local : ndarray or None
        What usable land by method and supplies of the cell are multiplied by, of shapes (methods,
        cells) and (resources, cells); None where no cell was left out.
    number : ndarray of int
        Of each cell among all.
    """

    kept: KeptCells
    zoned: Zoned
    land: F64 | None
    local: F64 | None
    number: I64


def thinned(study: SampledStudy, cells: AllCells, space: Workspace, wanted: int) -> Thin:
    """Choose the cells of the thinned problem, and what they stand for."""
    setting, offers = study.setting, study.offers
    row = study.unchanged().in_cells(_one_cell(setting, offers, space))
    local = tuple(one.variable for one in row.competitors.local)
    methods, zoned = len(setting.models), cells.zoned

    def amounts(block: Block, place: I64) -> F64:
        codes = np.asarray(space.result.open("limit")[(slice(None), *block.slices)])
        land = np.asarray(space.result.open("usable_land")[(slice(None), *block.slices)])
        some = (codes < LOWEST_STATE) | (codes == NET_NOT_POSITIVE)
        parts = [np.where(some, land, 0.0).reshape(methods, -1)[:, place]]
        supplies = [np.asarray(space.result.open(name)[block.slices]) for name in local]
        parts += [one.reshape(1, -1)[:, place] for one in supplies]
        return np.maximum(np.nan_to_num(np.concatenate(parts).astype(np.float64)), 0.0)

    def of(numbers: I64) -> F64:
        parts = [np.zeros((methods + len(local), 0))]
        for block, place, span in cells.spans():
            mine = numbers[(numbers >= span.start) & (numbers < span.stop)] - span.start
            if len(mine):
                parts.append(amounts(block, place[mine]))
        return np.concatenate(parts, axis=1)

    total = Amounts(zoned.count, methods + len(local))
    numbers = chosen(zoned.combo, zoned.count, wanted)
    if len(numbers) < cells.count:
        for block, place, span in cells.spans():
            total.add(np.arange(span.start, span.stop), zoned.combo[span], amounts(block, place))
        more = total.missing(numbers, zoned.combo[numbers], of(numbers))
        numbers = np.sort(np.concatenate([numbers, more]))
    places = []
    for block, place, span in cells.spans():
        mine = numbers[(numbers >= span.start) & (numbers < span.stop)] - span.start
        places.append((block, place[mine]))
    kept = keep(setting, offers, space, places)
    if len(numbers) == cells.count:
        return Thin(kept, zoned, None, None, numbers)
    scale = total.scale(zoned.combo[numbers], of(numbers))
    return Thin(kept, zoned.at(numbers), scale[:methods], scale[methods:], numbers)


@recorded
@dataclass(frozen=True)
class Solved:
    """One sample, solved.

    Attributes
    ----------
    number : int
        From 0.
    status : str
        That of the solver, or one of this module.
    why : str
        What it could not be solved for.
    value, bound : float
        Of the thinned problem: its plan, and what none of its plans can exceed [unit of the goal].
    sweeps : int
        Over the thinned cells.
    totals : ndarray, shape (methods, 4)
        Gross and net tonnes, cost and land [t/yr, t/yr, USD/yr, m2].
    by_zone : ndarray, shape (1 + zones, 2)
        Net tonnes and cost by administrative unit, those of no unit first [t/yr, USD/yr].
    price, use, limit : ndarray, shape (rows,)
        Of the shared rows.
    planned : ndarray, shape (combinations, methods)
        Gross tonnes of the plan [t/yr].
    level : ndarray, shape (combinations, methods)
        Reduced value from which on cells are good enough for the tonnes of the plan [goal per t].
    income : ndarray, shape (combinations, methods)
        What a gross tonne earns by what is sold of it; empty where nothing is sold [USD/t].
    in_reach : ndarray of uint8
        Bits of thinned cells in reach of each method, shape (methods, bytes).
    emitters : ndarray, shape (3,) or (0,)
        What emitters capture, what of it is avoided, and what is removed; empty without any [t/yr].
    """

    number: int
    status: str
    why: str
    value: float
    bound: float
    sweeps: int
    totals: F64
    by_zone: F64
    price: F64
    use: F64
    limit: F64
    planned: F64
    level: F64
    income: F64
    in_reach: NDArray[np.uint8]
    emitters: F64

    @property
    def known(self) -> bool:
        """Whether the sample has a plan."""
        return self.status not in {INFEASIBLE, REFUSED}


@dataclass(frozen=True)
class SolveSample:
    """Task: one sample, by its number."""

    study: SampledStudy
    thin: Thin
    margin: float

    def __call__(self, number: int) -> Solved:
        """Solve the thinned problem of a sample."""
        try:
            solution = self.solution(number)
        except InfeasibleError as error:
            return self._without(number, INFEASIBLE, str(error))
        except CdrsiteError as error:
            return self._without(number, REFUSED, str(error))
        return self._solved(number, solution)

    def solution(self, number: int) -> Solution:
        """The certified optimum of the thinned problem of a sample.

        Raises
        ------
        CdrsiteError
            The sample's numbers are refused, or its rows are in conflict.
        """
        thin = self.thin
        here = self.study.sample(number).in_cells(thin.kept)
        cells = here.cells(0, thin.kept.count, thin.land, thin.local)
        return solve_sample(here.problem(cells), here.sample, thin)

    def _without(self, number: int, status: str, why: str) -> Solved:
        nan, none = float("nan"), np.zeros(0)
        methods = len(self.study.setting.models)
        table = np.full((methods, len(QUANTITIES)), np.nan)
        square = np.zeros((0, methods))
        bits = np.zeros((methods, 0), np.uint8)
        return Solved(
            number, status, why, nan, nan, 0, table, np.zeros((0, 2)), none, none, none,
            square, square, square, bits, none,
        )  # fmt: skip

    def _solved(self, number: int, solution: Solution) -> Solved:
        thin, system = self.thin, solution.system
        quantities = solution.totals.by_combo[:, :, : len(QUANTITIES)].copy()
        net, cost = QUANTITIES.index("net"), QUANTITIES.index("cost")
        quantities[:, :, cost] -= solution.income * quantities[:, :, 0]
        admin = self.study.setting.scenario.outputs.admin
        zone = np.zeros(system.n_combos, np.int64)
        if admin is not None:
            zone = system.zone_table[admin.layer] + 1
        by_zone = np.zeros((1 + int(zone.max(initial=0)), 2))
        np.add.at(by_zone, zone, quantities[:, :, [net, cost]].sum(axis=1))
        cells = solution.problem.cells.read(0, thin.kept.count)
        at = solution.at_prices(cells, thin.zoned.combo)
        planned = solution.totals.by_combo[:, :, 0]
        level = self._level(planned, at.reduced, cells.upper)
        return Solved(
            number=number,
            status=solution.report.status,
            why="",
            value=solution.report.value,
            bound=solution.report.bound,
            sweeps=solution.report.iterations,
            totals=quantities.sum(axis=0),
            by_zone=by_zone,
            price=solution.price,
            use=solution.use,
            limit=system.limits,
            planned=planned,
            level=level,
            income=solution.income if solution.problem.sales else np.zeros((0, 0)),
            in_reach=np.packbits(at.reduced >= -self.margin, axis=1),
            emitters=_captured(solution),
        )

    def _level(self, planned: F64, reduced: F64, upper: Any) -> F64:
        """Reduced value of the last cell, were the best ones filled with the tonnes of the plan.

        Cells in reach are good enough in any case: which of them a plan takes says nothing.
        """
        combo = self.thin.zoned.combo
        level = np.full(planned.shape, np.inf)
        for m in np.flatnonzero((planned > 0.0).any(axis=0)):
            most = np.where(np.isfinite(reduced[m]), np.nan_to_num(upper[m]), 0.0)
            order = np.lexsort((-reduced[m], combo))
            first = np.searchsorted(combo[order], np.arange(len(planned) + 1))
            for c in np.flatnonzero(planned[:, m] > 0.0).tolist():
                mine = order[first[c] : first[c + 1]]
                filled = np.cumsum(most[mine])
                if len(mine) and filled[-1] > 0.0:
                    last = min(int(np.searchsorted(filled, planned[c, m])), len(mine) - 1)
                    end = float(reduced[m, mine[last]])
                    level[c, m] = min(end - TIED * max(abs(end), 1.0), -self.margin)
        return level


def _captured(solution: Solution) -> F64:
    """What emitters capture, avoid and remove; the last two are never summed (rule 5) [t/yr]."""
    captures, each = solution.problem.captures, solution.captured
    if captures is None:
        return np.zeros(0)
    kept = (captures.counted((RowTerm(what),)) @ each for what in (AVOIDED, "net"))
    return np.array([each.sum(), *kept])


TIED = 1e-9
"""Share of a reduced value by which cells may differ and count as equal: rounding [1]."""


def solve_sample(problem: Any, sample: Any, thin: Thin, gap: float | None = None) -> Solution:
    """Solve the problem of a sample over the thinned cells, to another gap where it is given."""
    model = sample.setting.scenario.objective
    if gap is None:
        gap = model.gap if thin.land is None else max(model.gap, GAP)
    options = SolverOptions(gap=gap, threads=1)
    goal: Objective | Lexicographic = objective_of(model, sample.earned)
    if isinstance(goal, Lexicographic):
        return solve_in_order(problem, goal, options, thin.zoned)
    return solve(problem, goal, options, thin.zoned)


def solve_samples(task: SolveSample, numbers: Sequence[int], space: Workspace) -> Iterator[Solved]:
    """Solve samples, in the order of their numbers, by whoever works for the workspace."""
    yield from space.every("samples", task, numbers, "samples")

"""The pass that maps all samples: each cell at the prices of every sample, and what it adds up to.

Prices of a sample are known before this pass (:mod:`cdrsite.study.samples`), so a block is read
once and no block waits for another. At given prices the sum of what the cells would do best is a
bound that no plan of the sample can exceed (Lagrangian duality): each gets one over the true cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.competition.generator import MAX_GROUPS, merge_groups
from cdrsite.competition.objectives import Lexicographic
from cdrsite.competition.results import net_and_cost
from cdrsite.competition.rows import Zoned, build_rows, objective_matrix
from cdrsite.competition.solution import BlockPlan, Solution, SolverReport
from cdrsite.competition.sweeping import Sweeper
from cdrsite.core.plaindata import recorded
from cdrsite.core.states import UNKNOWN
from cdrsite.sampling.statistics import known_quantiles, quantiles
from cdrsite.study.goal import objective_of
from cdrsite.study.kept import keep

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.competition.problem import ArrayCells, Problem
    from cdrsite.core.grid import Block
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.engine.passes import Workspace
    from cdrsite.study.offers import Offers
    from cdrsite.study.sampled import Sample, SampledStudy
    from cdrsite.study.samples import AllCells, Solved

    F32 = NDArray[np.float32]
    F64 = NDArray[np.float64]
    I64 = NDArray[np.int64]

PIECE = 16384
"""Cells whose samples are looked at together: eight bytes of memory for each sample of a cell."""
SHARE_ARRAYS = ("reach", "probability")
CELL_ARRAYS = (
    "probability_any", "winner_share", "removal_p05", "removal_p50", "removal_p95",
    "plan_cost_p05", "plan_cost_p50", "plan_cost_p95",
)  # fmt: skip
LIKELY = "winner_likely"


@recorded
@dataclass(frozen=True)
class MapPart:
    """Sums of a block by sample: what its cells add to the bound, and net tonnes laid out there."""

    bound: F64
    net: F64


@dataclass(frozen=True)
class SampleMaps:
    """Pass: a block in all samples.

    Attributes
    ----------
    study : SampledStudy
        What all samples share.
    solved : tuple of Solved
        The samples that have a plan.
    offers : Offers
        Routes of all cells.
    cells : AllCells
        The cells that samples are about.
    result, scratch : ArrayStore
        Arrays of the run.
    margin : float
        How near to paying is in reach [goal per t].
    piece : int
        Cells at a time; no effect on the result.
    """

    study: SampledStudy
    solved: tuple[Solved, ...]
    offers: Offers
    cells: AllCells
    result: ArrayStore
    scratch: ArrayStore
    margin: float
    piece: int

    def __call__(self, block: Block) -> MapPart:
        """Write the maps of a block; return its sums."""
        _, place, span = next(one for one in self.cells.spans() if one[0] == block)
        methods, size = len(self.study.setting.models), block.shape[0] * block.shape[1]
        many = {name: np.full((methods, size), np.nan, np.float32) for name in SHARE_ARRAYS}
        one = {name: np.full(size, np.nan, np.float32) for name in CELL_ARRAYS}
        likely = np.asarray(self.result.open("winner")[block.slices]).ravel().copy()
        bound, laid = np.zeros(len(self.solved)), np.zeros(len(self.solved))
        for start in range(0, len(place), self.piece):
            here = place[start : start + self.piece]
            combo = self.cells.zoned.combo[span][start : start + self.piece]
            counts = self._piece(block, here, combo, bound, laid)
            for name in SHARE_ARRAYS:
                many[name][:, here] = getattr(counts, name)
            for name in CELL_ARRAYS:
                one[name][here] = getattr(counts, name)
            likely[here] = counts.winner_likely
        shaped = {name: values.reshape(methods, *block.shape) for name, values in many.items()}
        shaped |= {name: values.reshape(block.shape) for name, values in one.items()}
        shaped[LIKELY] = likely.reshape(block.shape)
        for name, values in shaped.items():
            self.result.open(name)[(..., *block.slices)] = values
        return MapPart(bound, laid)

    def _piece(self, block: Block, place: I64, combo: Any, bound: F64, laid: F64) -> _Piece:
        """All samples of some cells of a block; adds to their bounds and net tonnes."""
        kept = keep(self.study.setting, self.offers, self, [(block, place)])  # type: ignore[arg-type]
        zoned = Zoned(combo, self.cells.zoned.table, self.cells.zoned.count)
        gathered = _Piece(len(self.study.setting.models), len(self.solved), len(place))
        for s, one in enumerate(self.solved):
            sample = self.study.sample(one.number)
            here = sample.in_cells(kept)
            cells, limit = here.scored(0, kept.count)
            priced = at_prices_of(here.problem(cells), sample, one, zoned)
            at = priced.at_prices(cells.read(0, kept.count), combo)
            bound[s] += value_at_prices(priced, at.sums)
            tonnes = tonnes_of(one, at.best.x, at.reduced, cells.upper, combo)
            net, money = _net_and_money(priced, cells, tonnes, at.best.slot, one, combo)
            laid[s] += net.sum()
            gathered.add(s, tonnes, net, money, at.reduced >= -self.margin, limit)
        gathered.finish()
        return gathered


def at_prices_of(problem: Problem, sample: Sample, solved: Solved, zoned: Zoned) -> Solution:
    """A sample's competition over some cells at the prices of its thinned problem."""
    model = sample.setting.scenario.objective
    goal = objective_of(model, sample.earned)
    objective = goal.first if isinstance(goal, Lexicographic) else goal
    system = build_rows(problem, MAX_GROUPS, zoned)
    everything = np.ones(len(problem.counted), dtype=bool)
    sweeper = Sweeper(problem, system, merge_groups(system), 1, everything, has_lower=False)
    worth = system.sales.worth(objective_matrix(objective, problem))
    return Solution(
        problem=replace(problem, sales=()),
        objective=objective,
        system=system,
        sweeper=sweeper,
        price=system.sales.raised(solved.price, worth),
        scale=np.ones(len(solved.price)),
        mix=(),
        report=SolverReport("at prices", np.nan, np.nan, np.nan, 0),
        sold=np.zeros(0),
    )


def value_at_prices(priced: Solution, sums: Any) -> float:
    """What the best plans of some cells are worth at the prices of shared rows."""
    matrix = objective_matrix(priced.objective, priced.problem)
    sweeper, system = priced.sweeper, priced.system
    used = system.activity(sums.by_combo, sums.by_sink, sweeper.group, sweeper.n_groups)
    return float((sums.by_combo * matrix).sum() - priced.price @ used.sum(axis=1))


def rest_of_bound(priced: Solution) -> float:
    """What limits and sales add to a bound, whatever the cells."""
    system = priced.system
    worth = system.sales.worth(objective_matrix(priced.objective, priced.problem))
    gain = worth - system.sales.charge(priced.price)
    return float(priced.price @ system.limits + gain @ system.sales.best(gain))


def tonnes_of(solved: Solved, best: F64, reduced: F64, upper: Any, combo: Any) -> F64:
    """Gross tonnes of cells in the plan of a sample, shape (methods, cells) [t/yr].

    What each cell would do at the prices, scaled by combination and method to the tonnes of the
    plan: cells that are as good share them evenly, whatever their order.
    """
    most = np.nan_to_num(np.broadcast_to(upper, best.shape)).astype(np.float64)
    tonnes = np.minimum(best * solved.share[combo].T, most)
    if solved.spread.any():
        part = solved.spread[combo].T
        tonnes = np.where(
            (part > 0.0) & (reduced >= solved.level[combo].T), np.minimum(most * part, most), tonnes
        )
    return tonnes


def _net_and_money(
    priced: Solution, cells: ArrayCells, tonnes: F64, slot: Any, solved: Solved, combo: Any
) -> tuple[F64, F64]:
    """Net tonnes by method and cost of all, shapes (methods, cells) and (cells,)."""
    block = cells.read(0, cells.n_cells)
    x = np.zeros((len(tonnes), max(len(block.sink), 1), tonnes.shape[1]))
    np.put_along_axis(x, slot[:, None].astype(np.intp), tonnes[:, None], axis=1)
    nothing = np.zeros((0, 0))
    plan = BlockPlan(
        0, cells.n_cells, block, x, slot, nothing, nothing, nothing, priced.sweeper.zero()
    )
    net, money = net_and_cost(priced, plan)
    cost = money.sum(axis=(0, 1))
    if solved.income.size:
        cost -= (solved.income[combo].T * tonnes).sum(axis=0)
    return net.sum(axis=1), cost


@dataclass
class _Piece:
    """What all samples say of some cells."""

    methods: int
    samples: int
    count: int
    reach: Any = field(init=False)
    probability: Any = field(init=False)
    winner_likely: Any = field(init=False)

    def __post_init__(self) -> None:
        shape = (self.methods, self.count)
        self._used, self._near = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
        self._won = np.zeros((self.methods + 1, self.count), np.int32)
        self._unknown = np.zeros(shape, np.bool_)
        self._removal = np.zeros((self.samples, self.count), np.float32)
        self._cost = np.full((self.samples, self.count), np.nan, np.float32)

    def add(
        self, s: int, tonnes: F64, net: F64, money: F64, near: Any, limit: NDArray[np.uint8]
    ) -> None:
        """Add a sample."""
        used = tonnes > 0.0
        self._used += used
        self._near += near | used
        self._unknown |= limit == UNKNOWN
        removal = net.sum(axis=0)
        winner = np.where(net.max(axis=0, initial=0.0) > 0.0, net.argmax(axis=0), self.methods)
        self._won[winner, np.arange(self.count)] += 1
        self._removal[s] = removal
        with np.errstate(divide="ignore", invalid="ignore"):
            self._cost[s] = np.where(removal > 0.0, money / removal, np.nan)

    def finish(self) -> None:
        """Shares and quantiles; what is unknown in a sample has none (rule 2)."""
        known = max(self.samples, 1)
        lost = self._unknown.all(axis=0)
        for name, counts in (("reach", self._near), ("probability", self._used)):
            shares = (counts / known).astype(np.float32)
            shares[self._unknown] = np.nan
            setattr(self, name, shares)
        likely = self._won[:-1].argmax(axis=0)
        share = self._won[likely, np.arange(self.count)] / known
        none = share == 0.0
        self.winner_likely = np.where(none, self.methods, likely).astype(np.uint8)
        self.winner_likely[lost] = UNKNOWN
        cells: dict[str, Any] = {
            "probability_any": 1.0 - self._won[-1] / known,
            "winner_share": share,
        }
        names = ("p05", "p50", "p95")
        cells |= {f"removal_{n}": v for n, v in zip(names, quantiles(self._removal), strict=True)}
        costs = known_quantiles(self._cost)
        cells |= {f"plan_cost_{n}": v for n, v in zip(names, costs, strict=True)}
        for name, values in cells.items():
            made = values.astype(np.float32)
            made[lost] = np.nan
            setattr(self, name, made)


def map_samples(task: SampleMaps, space: Workspace, blocks: Sequence[Block]) -> Iterator[MapPart]:
    """Make the arrays of the maps, and run the pass."""
    grid, methods = task.study.setting.area.grid, len(task.study.setting.models)
    for name in SHARE_ARRAYS:
        space.result.create(name, (methods, *grid.shape), np.float32)
    for name in CELL_ARRAYS:
        space.result.create(name, grid.shape, np.float32)
    space.result.create(LIKELY, grid.shape, np.uint8)
    for _, part in space.each("sample maps", task, blocks, "sample maps"):
        yield part

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

from cdrsite.competition.generator import merge_groups
from cdrsite.competition.objectives import Lexicographic
from cdrsite.competition.problem import finite
from cdrsite.competition.rows import Zoned, objective_matrix
from cdrsite.competition.solution import AtPrices, Solution, SolverReport
from cdrsite.competition.sweeping import Sweeper
from cdrsite.core.plaindata import recorded
from cdrsite.core.states import UNKNOWN
from cdrsite.sampling.statistics import known_quantiles, quantiles
from cdrsite.study.goal import objective_of
from cdrsite.study.kept import KeptCells, keep

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
class SumPart:
    """Sums of a block by sample at the prices of each: worth of its best plans, and their tonnes.

    ``combo`` are the combinations of zones that occur; ``best``, and ``room`` for more in cells
    that are good enough for the tonnes of the plan, of shape (samples, these, methods).
    """

    worth: F64
    combo: NDArray[np.int64]
    best: F64
    room: F64


@recorded
@dataclass(frozen=True)
class MapPart:
    """Net tonnes that are laid out in a block, by sample [t/yr]."""

    net: F64


@dataclass(frozen=True)
class Parts:
    """What of its cells a sample's plan takes, by combination of zones and method.

    Attributes
    ----------
    share : ndarray, shape (combinations, methods)
        Of what each cell would do best at the prices [1].
    spread : ndarray, shape (combinations, methods)
        Of what each good enough cell could do beyond that, where it is not enough [1].
    """

    share: F64
    spread: F64


@dataclass(frozen=True)
class AtSamples:
    """A block at the prices of every sample.

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
    piece : int
        Cells at a time.
    """

    study: SampledStudy
    solved: tuple[Solved, ...]
    offers: Offers
    cells: AllCells
    result: ArrayStore
    scratch: ArrayStore
    piece: int

    def pieces(self, block: Block) -> Iterator[tuple[KeptCells, I64, Zoned]]:
        """Pieces of a block: its cells, where they lie in it, their combinations of zones."""
        _, place, span = next(one for one in self.cells.spans() if one[0] == block)
        table, count = self.cells.zoned.table, self.cells.zoned.count
        for start in range(0, len(place), self.piece):
            here = place[start : start + self.piece]
            combo = self.cells.zoned.combo[span][start : start + self.piece]
            kept = keep(self.study.setting, self.offers, self, [(block, here)])  # type: ignore[arg-type]
            yield kept, here, Zoned(combo, table, count)

    def priced(
        self, kept: KeptCells, zoned: Zoned
    ) -> Iterator[tuple[Solved, Solution, ArrayCells, NDArray[np.uint8]]]:
        """A piece in every sample: its prices, its cells, the state of each method in each."""
        for one in self.solved:
            sample = self.study.sample(one.number)
            here = sample.in_cells(kept)
            cells, limit = here.scored(0, kept.count)
            yield one, at_prices_of(here.problem(cells), sample, one, zoned), cells, limit


@dataclass(frozen=True)
class SampleSums:
    """Pass: what the cells of a block would do best in every sample, added up."""

    at: AtSamples

    def __call__(self, block: Block) -> SumPart:
        """Sums of a block."""
        at, count = self.at, self.at.cells.zoned.count
        methods = len(at.study.setting.models)
        worth, best = np.zeros(len(at.solved)), np.zeros((len(at.solved), count, methods))
        some, room = np.zeros(count, np.bool_), np.zeros(best.shape)
        for kept, _, zoned in at.pieces(block):
            some[zoned.combo] = True
            for s, (one, priced, cells, _) in enumerate(at.priced(kept, zoned)):
                found = priced.at_prices(cells.read(0, kept.count), zoned.combo)
                worth[s] += value_at_prices(priced, found.sums)
                best[s] += found.sums.by_combo[:, :, 0]
                good = found.reduced >= one.level[zoned.combo].T
                most = np.where(good, finite(cells.upper) - found.best.x, 0.0)
                for m in range(methods):
                    room[s, :, m] += np.bincount(zoned.combo, most[m], count)
        combo = np.flatnonzero(some)
        return SumPart(worth, combo, best[:, combo], room[:, combo])


@dataclass(frozen=True)
class SampleMaps:
    """Pass: maps of a block over all samples.

    Attributes
    ----------
    at : AtSamples
        The samples.
    parts : tuple of Parts
        What each takes of its cells.
    margin : float
        How near to paying is in reach [goal per t].
    """

    at: AtSamples
    parts: tuple[Parts, ...]
    margin: float

    def __call__(self, block: Block) -> MapPart:
        """Write the maps of a block; return its sums."""
        at, result = self.at, self.at.result
        methods, size = len(at.study.setting.models), block.shape[0] * block.shape[1]
        many = {name: np.full((methods, size), np.nan, np.float32) for name in SHARE_ARRAYS}
        one = {name: np.full(size, np.nan, np.float32) for name in CELL_ARRAYS}
        likely = np.asarray(result.open("winner")[block.slices]).ravel().copy()
        net = np.zeros(len(at.solved))
        for kept, here, zoned in at.pieces(block):
            counts = self._piece(kept, zoned, net)
            for name in SHARE_ARRAYS:
                many[name][:, here] = getattr(counts, name)
            for name in CELL_ARRAYS:
                one[name][here] = getattr(counts, name)
            likely[here] = counts.winner_likely
        shaped = {name: values.reshape(methods, *block.shape) for name, values in many.items()}
        shaped |= {name: values.reshape(block.shape) for name, values in one.items()}
        shaped[LIKELY] = likely.reshape(block.shape)
        for name, values in shaped.items():
            result.open(name)[(..., *block.slices)] = values
        return MapPart(net)

    def _piece(self, kept: KeptCells, zoned: Zoned, laid: F64) -> _Piece:
        """All samples of some cells of a block; adds to the net tonnes that are laid out."""
        gathered = _Piece(len(self.at.study.setting.models), len(self.at.solved), kept.count)
        combo = zoned.combo
        for s, (one, priced, cells, limit) in enumerate(self.at.priced(kept, zoned)):
            at = priced.at_prices(cells.read(0, kept.count), combo)
            tonnes = tonnes_of(one, self.parts[s], at, cells.upper, combo)
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
    system = sample.rows(problem, zoned)
    everything = np.ones(len(problem.counted), dtype=bool)
    sweeper = Sweeper(problem, system, merge_groups(system), 1, everything, has_lower=False)
    worth = system.sales.worth(objective_matrix(objective, problem))
    return Solution(
        problem=replace(problem, sales=(), captures=None),
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


def tonnes_of(solved: Solved, parts: Parts, at: AtPrices, upper: Any, combo: Any) -> F64:
    """Gross tonnes of cells in the plan of a sample, shape (methods, cells) [t/yr].

    What each cell would do at the prices, scaled by combination and method to the tonnes of the
    plan: cells that are as good share them evenly, whatever their order.
    """
    best = at.best.x
    most = finite(np.broadcast_to(upper, best.shape)).astype(np.float64)
    tonnes = np.minimum(best * parts.share[combo].T, most)
    if parts.spread.any():
        good = at.reduced >= solved.level[combo].T
        tonnes += np.where(good, np.maximum(most - tonnes, 0.0) * parts.spread[combo].T, 0.0)
    return tonnes


def _net_and_money(
    priced: Solution, cells: ArrayCells, tonnes: F64, slot: Any, solved: Solved, combo: Any
) -> tuple[F64, F64]:
    """Net tonnes by method and cost of all, shapes (methods, cells) and (cells,)."""
    block = cells.read(0, cells.n_cells)
    factor = np.broadcast_to(block.net, tonnes.shape).astype(np.float64)
    unit = np.broadcast_to(block.cost, tonnes.shape).astype(np.float64)
    if len(block.sink):
        stored, to = priced.problem.stored_in(block), slot.astype(np.intp)
        loss, way = (
            np.take_along_axis(np.broadcast_to(one, block.sink.shape), to, axis=0)
            for one in (block.sink_loss, block.sink_cost)
        )
        factor, unit = factor - stored * loss, unit + stored * way
    net = np.where(tonnes > 0, factor * tonnes, 0.0)
    cost = np.where(tonnes > 0, unit * tonnes, 0.0).sum(axis=0)
    if solved.income.size:
        cost -= (solved.income[combo].T * tonnes).sum(axis=0)
    return net, cost


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


def sum_samples(
    at: AtSamples, space: Workspace, blocks: Sequence[Block]
) -> tuple[F64, tuple[Parts, ...]]:
    """What all cells would do in every sample: its worth at the prices, and the parts it takes.

    Returns
    -------
    tuple
        Worth, shape (samples,); parts of each sample.
    """
    shape = len(at.solved), at.cells.zoned.count, len(at.study.setting.models)
    worth, best, room = np.zeros(len(at.solved)), np.zeros(shape), np.zeros(shape)
    for _, part in space.each("sample sums", SampleSums(at), blocks, "sample sums"):
        worth += part.worth
        best[:, part.combo] += part.best
        room[:, part.combo] += part.room
    return worth, tuple(parts_of(one, best[s], room[s]) for s, one in enumerate(at.solved))


def parts_of(one: Solved, best: F64, room: F64) -> Parts:
    """Parts that make of what the true cells would do the tonnes of a sample's plan."""
    share = np.divide(one.planned, best, out=np.zeros_like(best), where=best > 0.0)
    more = np.maximum(one.planned - best, 0.0)
    spread = np.divide(more, room, out=np.zeros_like(best), where=room > 0.0)
    return Parts(np.minimum(share, 1.0), np.minimum(spread, 1.0))


def map_samples(
    at: AtSamples,
    parts: tuple[Parts, ...],
    margin: float,
    space: Workspace,
    blocks: Sequence[Block],
) -> F64:
    """Map all samples; net tonnes that are laid out, shape (samples,)."""
    grid, methods = at.study.setting.area.grid, len(at.study.setting.models)
    for name in SHARE_ARRAYS:
        space.result.create(name, (methods, *grid.shape), np.float32)
    for name in CELL_ARRAYS:
        space.result.create(name, grid.shape, np.float32)
    space.result.create(LIKELY, grid.shape, np.uint8)
    laid = np.zeros(len(at.solved))
    task = SampleMaps(at, parts, margin)
    for _, part in space.each("sample maps", task, blocks, "sample maps"):
        laid += part.net
    return laid

"""From scored cells to the competition's problem, and from its solution to maps and tables.

What each cell brings is in :mod:`cdrsite.study.competitors`; pools, storage units and policy rules
become rows that all cells share (rule 6).

One module: the way there and the way back use the same order of rows and methods.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.competition import results as found
from cdrsite.competition.blockcells import BlockCells
from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.monthly import Seasonal
from cdrsite.competition.objectives import Lexicographic, Objective
from cdrsite.competition.paid import Arrival, CellLayer, PaidCells
from cdrsite.competition.preference import prefer
from cdrsite.competition.prices import solve, solve_in_order
from cdrsite.competition.problem import (
    QUANTITIES,
    AtSinks,
    CellSource,
    Competitor,
    PolicyRow,
    PoolFamily,
    Problem,
    RowTerm,
    SinkFamily,
)
from cdrsite.competition.rows import objective_matrix
from cdrsite.competition.sold import Sale
from cdrsite.config.competition import ObjectiveModel
from cdrsite.core.plaindata import recorded
from cdrsite.core.states import EXCLUDED, LOWEST_STATE, NONE_PLANNED, OUTSIDE, PLANNED, UNKNOWN
from cdrsite.core.vocabulary import INJECTIVITY, PORE_SPACE, RESOURCES
from cdrsite.methods.heat import HeatMarket, heat_rows
from cdrsite.methods.ledgers import LedgerBook
from cdrsite.methods.parts import CostBook
from cdrsite.siting.exclusions import outside_of
from cdrsite.study.goal import objective_of
from cdrsite.study.kinds import kind_rows
from cdrsite.study.months import month_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.competition.solution import BlockPlan, Solution
    from cdrsite.core.grid import Block
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.methods.injection import Injection
    from cdrsite.methods.storage import StorageUnits
    from cdrsite.methods.supply import Pools
    from cdrsite.study.alone import Alone
    from cdrsite.study.competitors import Competitors

    F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Allocation:
    """The competition's answer; its maps are in the workspace.

    Attributes
    ----------
    solution : Solution
        Prices, bound, gap; sweeps the plan again block by block.
    by_sink : ndarray, shape (methods, units)
        CO2 brought to each storage unit [t/yr].
    used : ndarray of int, shape (methods,)
        Cells that the plan uses for each method.
    curve : SupplyCurve
        Net tonnes against their cost.
    ledger : ndarray, shape (1 + zones, methods, ledgers.SUMS)
        Sums of the ledgers by administrative unit, those of no unit first [t/yr].
    costs : ndarray, shape (methods, parts)
        What the plan costs by part [USD/yr].
    alone : tuple of Alone
        What each method could do, were it the only one that counted.
    """

    solution: Solution
    by_sink: NDArray[np.float64]
    used: NDArray[np.int64]
    curve: found.SupplyCurve
    ledger: NDArray[np.float64]
    costs: NDArray[np.float64]
    alone: tuple[Alone, ...]


def build_problem(
    competitors: Competitors,
    cells: CellSource,
    pools: Mapping[str, Pools],
    storage: StorageUnits | None,
    policies: Sequence[PolicyRow],
    zonings: Sequence[str] = (),
    heat: HeatMarket | None = None,
    injection: Injection | None = None,
    paid: tuple[Sequence[CellLayer], Sequence[Arrival]] = ((), ()),
    *,
    emitters: bool = False,
    seasonal: Sequence[Seasonal] = (),
) -> Problem:
    """Assemble the competition's problem.

    Parameters
    ----------
    competitors, cells
        Methods and cells.
    pools : mapping
        Resource -> its pools.
    storage : StorageUnits or None
        Storage units.
    policies : sequence of PolicyRow
        From :func:`cdrsite.study.goal.policy_rows`.
    zonings : sequence of str
        Zonings that totals are wanted for.
    heat : HeatMarket or None
        Who sells heat to whom, where there are pools of it.
    injection : Injection or None
        What storage units take where they lie.
    paid : tuple of sequences
        Layers of the cells and arrivals that credits count by.
    emitters : bool
        Whether emitters draw on pools beside the methods.
    seasonal : sequence of Seasonal
        Methods that run in the months that pay.
    """
    by_season = {one.method for one in seasonal}
    families, sales = pool_families(
        competitors, pools, heat, injection, emitters=emitters, by_season=by_season
    )
    layout = competitors.layout
    layers, arrivals = paid
    return Problem(
        cells=PaidCells(cells, layers, arrivals) if layers or arrivals else cells,
        methods=tuple(Competitor(f.name, f.stored, f.exclusive) for f in competitors.facts),
        pools=families,
        sinks=sink_families(storage),
        policies=tuple(policies),
        n_sinks=0 if storage is None else len(storage.rate),
        layers=(*layout.layers, *(one.name for one in layers)),
        arrivals=tuple(one.name for one in arrivals),
        local_need=[[one.need(fact) for fact in competitors.facts] for one in competitors.local],
        local_names=[one.resource for one in competitors.local],
        zonings=tuple(zonings),
        sales=sales,
        land_rows=competitors.sharing.rows,
        seasonal=seasonal,
    )


def pool_families(
    competitors: Competitors,
    pools: Mapping[str, Pools],
    heat: HeatMarket | None = None,
    injection: Injection | None = None,
    *,
    emitters: bool = False,
    by_season: Collection[str] = (),
) -> tuple[tuple[PoolFamily, ...], tuple[Sale, ...]]:
    """Rows of pools, and what is sold out of them; arguments as of :func:`build_problem`."""
    facts = competitors.facts
    families: list[PoolFamily] = []
    sales: list[Sale] = []
    for name, pool in pools.items():
        needs = {f.name: f.needs[name] for f in facts if f.needs.get(name, 0.0) != 0.0}
        if name == "heat" and heat is not None:
            levels = {f.name: f.heat_level for f in facts}
            rows, sales = heat_rows(tuple(pool.names), pool.supply, needs, levels, heat)
            families += rows
            continue
        unit = RESOURCES[name].unit
        at_units = None
        if injection is not None and name in injection.zone:
            at_units = AtSinks(injection.zone[name], injection.needs[name])
        if pool.months is not None:
            families += month_rows(pool, needs, at_units, emitters=emitters, by_season=by_season)
            continue
        families.append(
            PoolFamily(name, unit, name, pool.names, pool.supply, needs, at_sinks=at_units)
        )
        families += kind_rows(pool, needs, {f.name: f.kinds.get(name, ()) for f in facts})
    return tuple(families), tuple(sales)


def sink_families(storage: StorageUnits | None) -> tuple[SinkFamily, ...]:
    """Rows of storage units: what each takes in a year, and of its room."""
    if storage is None:
        return ()
    return (
        SinkFamily(INJECTIVITY, "t/yr", storage.names, storage.injection),
        SinkFamily(PORE_SPACE, "t/yr", storage.names, storage.capacity / storage.years),
    )


def solve_competition(
    problem: Problem, model: ObjectiveModel, earned: Sequence[RowTerm], threads: int
) -> Solution:
    """Solve the competition to the gap that the scenario asks for.

    Raises
    ------
    InfeasibleError
        If rows are in conflict; names them and what each would have to give (rule 8).
    SolverError
        If the gap was not closed.
    """
    options, objective = SolverOptions(gap=model.gap, threads=threads), objective_of(model, earned)
    wish = last_choice(problem)
    if isinstance(objective, Lexicographic):
        first = solve_in_order(problem, objective, options)
        return prefer(first, wish, model.gap, (objective.second,))
    return prefer(solve(problem, objective, options), wish, model.gap)


LAST_CHOICE = "order of "
"""Begin of the names of the layers that say which of equal cells a method takes last."""


def last_choice(problem: Problem) -> Objective:
    """Fewest gross tonnes, those of cells that come late among equal ones counted up to twice."""
    late = [
        RowTerm(LAST_CHOICE + name, -1.0, (name,))
        for name in problem.method_names
        if LAST_CHOICE + name in problem.layers
    ]
    return Objective("order", (RowTerm("gross", -1.0), *late), "t/yr", sign=-1)


@recorded
@dataclass(frozen=True)
class PlanPart:
    """Sums of a block's plan: CO2 by storage unit, cells used, supply curve, and by what occurs.

    ``combo`` and ``group`` are the combinations of zones and the groups that occur in the block.
    """

    combo: NDArray[np.int64]
    by_combo: NDArray[np.float64]
    group: NDArray[np.int64]
    by_group: NDArray[np.float64]
    by_sink: NDArray[np.float64]
    used: NDArray[np.int64]
    curve: NDArray[np.float64]
    ledger: NDArray[np.float64]
    costs: NDArray[np.float64]


PLAN_ARRAYS: dict[str, tuple[bool, type[np.generic]]] = {
    "allocated": (True, np.float32),
    "shortfall": (True, np.float32),
    "sink": (True, np.int32),
    "sink_cost": (True, np.float32),
    "sink_loss": (True, np.float32),
    "winner": (False, np.uint8),
    "binding": (False, np.uint8),
    "interchangeable": (False, np.uint8),
    "land_price": (False, np.float32),
    "net_removal": (False, np.float32),
    "state": (False, np.uint8),
    "method_state": (True, np.uint8),
    "plan_cost": (False, np.float32),
}
"""Variables of the plan -> whether each method has its own, and type."""


def plan_arrays(solution: Solution) -> dict[str, tuple[bool, type[np.generic]]]:
    """Variables of a plan; with what tonnes earn by their place where any do."""
    weight = objective_matrix(solution.objective, solution.problem)[:, len(QUANTITIES) :]
    found = PLAN_ARRAYS | ({"earned_here": (True, np.float32)} if weight.any() else {})
    return found | ({"capacity": (True, np.float32)} if solution.problem.seasonal else {})


AS_RUN = {"cost_at_plant": "cost", "need_land": "need"}
"""Variables that are known with the plan, of what runs by season -> the cells' field of them."""


PIECE = 65536
"""Cells whose plan is worked out at once: some 500 bytes of memory each [cells]."""


@dataclass(frozen=True)
class PlanBlock:
    """Pass: the plan of a block, written as the result's variables."""

    solution: Solution
    cells: BlockCells
    numbers: Mapping[Block, int]
    result: ArrayStore
    book: LedgerBook
    costs: CostBook

    def __call__(self, block: Block) -> PlanPart:
        """Write the plan's variables of a block; return its sums."""
        number = self.numbers[block]
        start, stop = self.cells.span(number)
        problem, edges = self.solution.problem, found.curve_edges()
        methods = len(problem.methods)
        arrays, place = self._empty(block), self.cells.places(number)
        by_sink, curve = np.zeros((methods, problem.n_sinks)), np.zeros((methods, len(edges) - 1))
        total, ledger = self.solution.sweeper.zero(), self.book.empty()
        costs, as_run = self.costs.empty(), self._read_as_run(block)
        for first in range(start, stop, PIECE):
            plan = self.solution.plan_of(first, min(first + PIECE, stop))
            each, money = found.net_and_cost(self.solution, plan)
            here = place[first - start : plan.stop - start]
            self._fill(arrays, plan, here, each, money)
            self._fill_as_run(as_run, plan, here)
            cells, read = plan.cells, self._reader(block, here)
            stored = problem.stored_in(cells)
            self.book.add(ledger, plan.x, each, cells.sink, cells.sink_loss, stored, read)
            self.costs.add(costs, plan.x, cells.sink, cells.sink_cost, stored, read, plan.capacity)
            by_sink += self._by_sink(plan)
            curve += found.curve_part(self.solution, plan, edges)
            total.by_combo.__iadd__(plan.sums.by_combo)
            total.by_sink.__iadd__(plan.sums.by_sink)
        used = np.count_nonzero(arrays["allocated"] > 0, axis=1)
        limit = self.result.open("limit")[(slice(None), *block.slices)]
        reasons = np.asarray(self.result.open("exclusion_reasons")[block.slices])
        self._finish(
            arrays, np.asarray(limit).reshape(methods, reasons.size), outside_of(reasons).ravel()
        )
        for (name, m), flat in as_run.items():
            self.result.open(name)[(m, *block.slices)] = flat.reshape(block.shape)
        for name, flat in arrays.items():
            shaped = flat.reshape(*flat.shape[:-1], *block.shape)
            self.result.open(name)[(..., *block.slices)] = shaped
        combo = np.flatnonzero(total.by_combo.any(axis=(1, 2)))
        group = np.flatnonzero(total.by_sink.any(axis=1))
        return PlanPart(
            combo, total.by_combo[combo], group, total.by_sink[group], by_sink, used, curve, ledger,
            costs,
        )  # fmt: skip

    def _reader(self, block: Block, place: NDArray[np.int32]) -> Callable[[str], NDArray[Any]]:
        """Reads variables of a block in some of its cells."""

        def read(name: str) -> NDArray[Any]:
            values = np.asarray(self.result.open(name)[(..., *block.slices)])
            return values.reshape(*values.shape[:-2], block.shape[0] * block.shape[1])[..., place]

        return read

    def _empty(self, block: Block) -> dict[str, NDArray[Any]]:
        """Variables of cells that take no part, flat."""
        methods, size = len(self.solution.problem.methods), block.shape[0] * block.shape[1]
        blank = dict.fromkeys(("shortfall", "plan_cost"), np.nan)
        blank |= {"sink": -1, "winner": methods, "binding": found.NONE}
        return {
            name: np.full((methods, size) if many else size, blank.get(name, 0), dtype)
            for name, (many, dtype) in plan_arrays(self.solution).items()
        }

    def _fill(
        self,
        arrays: dict[str, NDArray[Any]],
        plan: BlockPlan,
        place: NDArray[np.int32],
        each: NDArray[np.float64],
        money: NDArray[np.float64],
    ) -> None:
        """Lay the plan of the cells that take part out on the block."""
        gross, per_method = plan.x.sum(axis=1), each.sum(axis=1)
        arrays["allocated"][:, place] = gross
        arrays["shortfall"][:, place] = found.shortfall(plan.reduced)
        slot = np.where(gross > 0, plan.x.argmax(axis=1), plan.slot)
        if plan.capacity is not None:
            arrays["capacity"][:, place] = plan.capacity
        if "earned_here" in arrays:
            problem = self.solution.problem
            weight = objective_matrix(self.solution.objective, problem)
            arrays["earned_here"][:, place] = found.earned_here(problem, weight, plan, slot)
        if len(plan.cells.sink):
            for name in ("sink", "sink_cost", "sink_loss"):
                arrays[name][:, place] = _at(getattr(plan.cells, name), slot)
        arrays["land_price"][place] = plan.land_price
        net = per_method.sum(axis=0)
        arrays["net_removal"][place] = net
        with np.errstate(divide="ignore", invalid="ignore"):
            unit = np.where(net > 0, money.sum(axis=(0, 1)) / net, np.nan)
        arrays["plan_cost"][place] = unit
        used = per_method.max(axis=0, initial=0.0) > 0
        arrays["winner"][place[used]] = per_method.argmax(axis=0)[used]
        arrays["binding"][place] = found.binding_map(self.solution, plan)
        arrays["interchangeable"][place] = found.interchangeable(self.solution, plan)

    def _finish(self, arrays: dict[str, NDArray[Any]], limit: Any, outside: Any) -> None:
        """Tell cells that the plan leaves alone from those where no method is possible (rule 2).

        What the plan leaves alone is 0; what is excluded or unknown has no number. A cell is
        unknown for all methods where none is possible and one might be.
        """
        possible = limit < LOWEST_STATE
        states = np.where(limit == UNKNOWN, UNKNOWN, EXCLUDED).astype(np.uint8)
        used = arrays["allocated"] > 0
        planned = np.where(used, PLANNED, NONE_PLANNED)
        arrays["method_state"][:] = np.where(possible, planned, states)
        for name in {"allocated", "capacity"} & arrays.keys():
            arrays[name][~possible] = np.nan
        # unknown is the lower code; where no methods are studied none is planned
        lowest = EXCLUDED if len(states) else NONE_PLANNED
        some, state = possible.any(axis=0), states.min(axis=0, initial=lowest)
        planned = np.where(used.any(axis=0), PLANNED, NONE_PLANNED)
        arrays["state"][:] = np.where(some, planned, state)
        for name in ("net_removal", "land_price"):
            arrays[name][~some] = np.nan
        for name in ("winner", "binding", "interchangeable"):
            arrays[name][~some] = state[~some]
        blank = {"u": OUTSIDE, "f": np.nan, "i": -1}
        for values in arrays.values():
            values[..., outside] = blank[values.dtype.kind]

    def _read_as_run(self, block: Block) -> dict[tuple[str, int], NDArray[np.float32]]:
        """What a tonne costs and stands on, flat, of methods that may run in some months only."""
        names = self.solution.problem.method_names
        seasonal = [names.index(one.method) for one in self.solution.problem.seasonal]
        return {
            (name, m): np.array(self.result.open(name)[(m, *block.slices)], np.float32).ravel()
            for name in AS_RUN
            for m in seasonal
        }

    def _fill_as_run(
        self,
        arrays: dict[tuple[str, int], NDArray[np.float32]],
        plan: BlockPlan,
        place: NDArray[np.int32],
    ) -> None:
        """Lay out what a tonne costs and stands on where the plan has it made in such months."""
        for (name, m), flat in arrays.items():
            used = plan.x[m].sum(axis=0) > 0
            values = getattr(plan.cells, AS_RUN[name])[m]
            flat[place[used]] = np.broadcast_to(values, used.shape)[used]

    def _by_sink(self, plan: BlockPlan) -> NDArray[np.float64]:
        problem = self.solution.problem
        units, x = problem.n_sinks, plan.x
        total = np.zeros((len(x), units))
        brought = x * problem.stored_in(plan.cells)[:, None]
        if not units:
            return total
        for m in range(len(total)):
            for slot in range(plan.x.shape[1]):
                sink = plan.cells.sink[slot]
                known = sink >= 0
                weight = brought[m, slot, known]
                total[m] += np.bincount(sink[known], weights=weight, minlength=units)
        return total


def _at(values: Any, slot: NDArray[Any]) -> NDArray[Any]:
    """Value of each method's sink slot, shape (methods, cells)."""
    wide = np.broadcast_to(values, (len(values), slot.shape[1]))
    return np.asarray(np.take_along_axis(wide, slot.astype(np.intp), axis=0))

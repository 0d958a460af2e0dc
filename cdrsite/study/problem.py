"""From scored cells to the competition's problem, and from its solution to maps and tables.

The competition divides truly what the scoring only offered: here each cell brings its own limits
(land it may use, supplies that cannot leave it), and pools, storage units and policy rules become
rows that all cells share (rule 6).

One module: the way there and the way back use the same order of rows and methods.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.competition import results as found
from cdrsite.competition.blockcells import BlockCells, CellLayout
from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.objectives import Lexicographic, Objective
from cdrsite.competition.paid import Arrival, CellLayer, PaidCells
from cdrsite.competition.preference import along_curve, prefer
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
from cdrsite.study.sharing import Sharing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.competition.solution import BlockPlan, Solution
    from cdrsite.core.grid import Block
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.methods.injection import Injection
    from cdrsite.methods.storage import StorageUnits
    from cdrsite.methods.supply import Pools
    from cdrsite.study.alone import Alone
    from cdrsite.transport.links import SinkLinks

    F32 = NDArray[np.float32]

NEIGHBOURS = 0.1
"""Weight of the order of neighbours among equal cells; the rest is that of suitability [1]."""


@dataclass(frozen=True)
class MethodFacts:
    """What the competition needs to know of a method besides its cells.

    Attributes
    ----------
    name : str
        Unique.
    stored : float
        CO2 brought to storage per gross tonne [t/t], by the method's own numbers.
    exclusive : float
        Share of its land that blocks other uses [1].
    needs : mapping
        Resource -> need per gross tonne, a number or the name of a layer of the cells; negative
        where the method supplies it.
    heat_level : str
        Of the heat that it takes from others or supplies; empty without.
    unserved : bool
        Whether it takes heat where cells have only cooler heat of their own.
    kinds : mapping
        Resource that is offered by kind -> the kinds that it may have.
    storing : bool
        Whether what is stored differs from place to place: ``need_storage`` of the variables.
    """

    name: str
    stored: float
    exclusive: float
    needs: Mapping[str, float | str]
    heat_level: str = ""
    unserved: bool = False
    storing: bool = False
    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


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


@dataclass(frozen=True)
class OwnSupply:
    """What cells have themselves of a resource, of all kinds or some of them.

    Attributes
    ----------
    resource : str
        Which.
    variable : str
        Name of the variable.
    kinds : tuple of str
        Those it is of; empty for all.
    """

    resource: str
    variable: str
    kinds: tuple[str, ...] = ()

    def need(self, fact: MethodFacts) -> float | str:
        """What a method takes of it per gross tonne; nothing where it may have other kinds too."""
        mine = not self.kinds or {*fact.kinds.get(self.resource, ())} <= {*self.kinds}
        return fact.needs.get(self.resource, 0.0) if mine else 0.0


@dataclass(frozen=True)
class Competitors:
    """What is needed to turn a block's variables into cells of the competition.

    Attributes
    ----------
    facts : tuple of MethodFacts
        The methods.
    layout : CellLayout
        How cells are kept.
    needs : mapping
        Layer -> variable and number of the method whose need it is.
    local : tuple of OwnSupply
        Supplies that cannot leave the cell.
    zones : mapping
        Zoning -> variable with each cell's zone.
    leakage : float
        Share of the CO2 lost over 100 km [1].
    shape : tuple of int
        Rows and columns of the grid.
    injection : Injection or None
        What storage units take where they lie.
    sharing : Sharing
        Who shares land with whom.
    """

    facts: tuple[MethodFacts, ...]
    layout: CellLayout
    needs: Mapping[str, tuple[str, int]]
    local: tuple[OwnSupply, ...]
    zones: Mapping[str, str]
    leakage: float
    shape: tuple[int, int]
    injection: Injection | None = None
    sharing: Sharing = field(default_factory=Sharing)

    def matrix(
        self,
        arrays: Mapping[str, NDArray[Any]],
        links: SinkLinks | None,
        block: Block,
        parts: F32 | None = None,
    ) -> F32:
        """The cells of a block where some method is possible, row by row.

        Parameters
        ----------
        arrays : mapping
            A block's part of the result's variables.
        links : SinkLinks or None
            Each cell's cheapest storage units.
        block : Block
            Which cells.
        parts : ndarray, optional
            Land in parts, where methods share it.
        """
        upper = self.uppers(arrays)
        place = np.flatnonzero((upper > 0).any(axis=0))
        fields = self.fields(arrays, upper, links, block, place, parts)
        suitability = arrays["suitability"].reshape(upper.shape)[:, place]
        order = self._last_choice(np.nan_to_num(suitability), block, place)
        fields["layers"] = np.concatenate([fields["layers"], order])
        return self.layout.matrix(fields | {"place": place}, len(place))

    def uppers(self, arrays: Mapping[str, NDArray[Any]]) -> F32:
        """Most of each method in each cell of a block, shape (methods, cells) [gross t/yr]."""
        own, need = arrays["usable_land"], arrays["need_land"]
        possible = arrays["limit"] < LOWEST_STATE
        with np.errstate(divide="ignore", invalid="ignore"):
            upper = np.where(possible, own / need, 0).astype(np.float32)
        upper[~(np.isfinite(upper) & (upper > 0))] = 0
        upper[[fact.unserved for fact in self.facts]] = 0
        return upper.reshape(len(self.facts), math.prod(upper.shape[1:]))  # also of no methods

    def fields(
        self,
        arrays: Mapping[str, NDArray[Any]],
        upper: F32,
        links: SinkLinks | None,
        block: Block,
        place: NDArray[np.integer[Any]],
        parts: F32 | None = None,
    ) -> dict[str, NDArray[Any]]:
        """What the competition knows of some cells of a block; ``upper`` from :meth:`uppers`."""
        size = block.shape[0] * block.shape[1]

        def pick(array: NDArray[Any]) -> NDArray[Any]:
            return array.reshape(*array.shape[:-2], size)[..., place]

        fields = {
            # no m2 serves two (rule 6), whoever of those that are possible may have it
            "land": np.where(
                upper[:, place] > 0, np.nan_to_num(pick(arrays["usable_land"])), np.float32(0)
            ).max(axis=0, initial=0.0),
            "upper": upper[:, place],
            "net": np.nan_to_num(pick(arrays["net_at_plant"])),
            "cost": np.nan_to_num(pick(arrays["cost_at_plant"])),
            "need": np.nan_to_num(pick(arrays["need_land"]), posinf=0.0),
        }
        if parts is not None:
            areas = self.sharing.areas(
                pick(parts),
                fields["upper"],
                pick(arrays["available"]),
                pick(arrays["usable_land"]),
            )
            fields["ground"] = areas[1:]
            if any(self.sharing.own):
                fields["land"] = areas[0]
        if self.layout.storing:
            stored = pick(arrays["need_storage"])
            ratios = [
                stored[m] / one.stored if one.storing else np.ones_like(stored[m])
                for m, one in enumerate(self.facts)
            ]
            fields["stored_ratio"] = np.nan_to_num(np.stack(ratios), nan=1.0)
        layers = [pick(arrays[name][m]) for name, m in self.needs.values()]
        local = [pick(arrays[one.variable]) for one in self.local]
        zones = [pick(arrays[name]) for name in self.zones.values()]
        for name, rows in (("layers", layers), ("local", local)):
            fields[name] = np.nan_to_num(_stacked(rows, len(place)))
        fields["zones"] = _stacked(zones, len(place))
        if links is not None:
            fields |= _sink_fields(links, pick, self.leakage, self.injection, block)
        return fields

    def _last_choice(
        self, suitability: NDArray[Any], block: Block, place: NDArray[np.int64]
    ) -> F32:
        """How late each method's cells come among equal ones, from 0 to 1, shape (methods, n).

        The less suitable a cell is the later; then the later, the further along a curve that keeps
        neighbours together.
        """
        row, col = np.divmod(place, block.shape[1])
        far = along_curve(row + block.row0, col + block.col0, self.shape)
        unfit = 1.0 - np.clip(suitability, 0.0, 1.0)
        return ((1.0 - NEIGHBOURS) * unfit + NEIGHBOURS * far).astype(np.float32)


def _stacked(parts: list[NDArray[Any]], count: int) -> NDArray[Any]:
    return np.stack(parts) if parts else np.zeros((0, count), np.float32)


def _sink_fields(
    links: SinkLinks, pick: Any, leakage: float, injection: Injection | None, block: Block
) -> dict[str, Any]:
    here = (slice(None), *block.slices)
    sink = pick(np.asarray(links.sink[here]))
    cost = pick(np.asarray(links.cost[here])) + pick(np.asarray(links.storage_cost[here]))
    km = np.where(sink >= 0, pick(np.asarray(links.length_km[here])), 0)
    loss = km * (leakage / 100.0)
    if injection is not None:
        cost = cost + np.append(injection.cost, 0.0)[sink]
        loss = loss + np.append(injection.emissions, 0.0)[sink]
    return {
        "sink": sink,
        "sink_cost": np.where(sink >= 0, cost, 0).astype(np.float32),
        "sink_loss": loss.astype(np.float32),
    }


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
    """
    facts, layout = competitors.facts, competitors.layout
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
        families.append(
            PoolFamily(name, unit, name, pool.names, pool.supply, needs, at_sinks=at_units)
        )
        families += kind_rows(pool, needs, {f.name: f.kinds.get(name, ()) for f in facts})
    layers, arrivals = paid
    return Problem(
        cells=PaidCells(cells, layers, arrivals) if layers or arrivals else cells,
        methods=tuple(Competitor(f.name, f.stored, f.exclusive) for f in facts),
        pools=tuple(families),
        sinks=_sink_families(storage),
        policies=tuple(policies),
        n_sinks=0 if storage is None else len(storage.rate),
        layers=(*layout.layers, *(one.name for one in layers)),
        arrivals=tuple(one.name for one in arrivals),
        local_need=[[one.need(fact) for fact in facts] for one in competitors.local],
        local_names=[one.resource for one in competitors.local],
        zonings=tuple(zonings),
        sales=tuple(sales),
        land_rows=competitors.sharing.rows,
    )


def _sink_families(storage: StorageUnits | None) -> tuple[SinkFamily, ...]:
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
    return PLAN_ARRAYS | ({"earned_here": (True, np.float32)} if weight.any() else {})


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
        costs = self.costs.empty()
        for first in range(start, stop, PIECE):
            plan = self.solution.plan_of(first, min(first + PIECE, stop))
            each, money = found.net_and_cost(self.solution, plan)
            here = place[first - start : plan.stop - start]
            self._fill(arrays, plan, here, each, money)
            cells, read = plan.cells, self._reader(block, here)
            stored = problem.stored_in(cells)
            self.book.add(ledger, plan.x, each, cells.sink, cells.sink_loss, stored, read)
            self.costs.add(costs, plan.x, cells.sink, cells.sink_cost, stored, read)
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
        possible = np.isfinite(plan.reduced)
        arrays["shortfall"][:, place] = np.where(possible, np.maximum(-plan.reduced, 0.0), np.nan)
        slot = np.where(gross > 0, plan.x.argmax(axis=1), plan.slot)
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
        arrays["allocated"][~possible] = np.nan
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

"""From scored cells to the competition's problem, and from its solution to maps and tables.

The competition divides truly what the scoring only offered: here each cell brings its own limits
(land it may use, supplies that cannot leave it), and pools, storage units and policy rules become
rows that all cells share (rule 6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.competition import results as found
from cdrsite.competition.objectives import (
    Lexicographic,
    Objective,
    least_cost,
    most_net,
    most_value,
)
from cdrsite.competition.prices import SolverOptions, solve, solve_in_order
from cdrsite.competition.problem import (
    ArrayCells,
    Method,
    PolicyRow,
    PoolFamily,
    Problem,
    SinkFamily,
    Term,
    budget,
    target,
)
from cdrsite.config.competition import RULE_UNITS, ObjectiveModel, PolicyRule
from cdrsite.core.errors import ConfigError
from cdrsite.core.resources import RESOURCE_UNITS
from cdrsite.core.units import parse_quantity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.competition.solution import Solution
    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.requirements.supply import Pools, StorageUnits
    from cdrsite.transport.links import SinkLinks

    F32 = NDArray[np.float32]

INJECTIVITY, PORE_SPACE = "injectivity", "pore space"
"""Names of the storage rows: yearly injection, and capacity over the project's life."""

NO_WINNER = 255
"""Code of a cell that no method uses in the map of winning methods."""


@dataclass(frozen=True)
class MethodFacts:
    """What the competition needs to know of a method besides its cells.

    Attributes
    ----------
    name : str
        Unique.
    stored : float
        CO2 brought to storage per gross tonne [t/t].
    exclusive : float
        Share of its land that blocks other uses [1].
    needs : mapping
        Resource -> need per gross tonne, a number or the name of a layer of the cells; negative
        where the method supplies it.
    """

    name: str
    stored: float
    exclusive: float
    needs: Mapping[str, float | str]


@dataclass(frozen=True)
class CellArrays:
    """Whole-grid arrays that the competition reads; methods in the order of the facts.

    Attributes
    ----------
    land : ndarray of float32, shape (rows, cols)
        Land that any method may use [m2].
    own : ndarray of float32, shape (methods, rows, cols)
        Land that each method may use [m2].
    possible : ndarray of bool, shape (methods, rows, cols)
        Where a method is allowed, known and removes anything.
    need : ndarray of float32, shape (methods, rows, cols)
        Land need [m2 per gross t/yr].
    net, cost : ndarray of float32, shape (methods, rows, cols)
        Net factor [t/t] and cost [USD per gross t], without transport and storage.
    layers : dict
        Needs that differ from cell to cell.
    local : dict
        Resource -> supply that cannot leave the cell [canonical unit].
    labels : dict
        Zoning -> index of each cell's zone, -1 for none.
    """

    land: F32
    own: F32
    possible: NDArray[np.bool_]
    need: F32
    net: F32
    cost: F32
    layers: Mapping[str, F32]
    local: Mapping[str, F32]
    labels: Mapping[str, NDArray[np.int32]]


@dataclass(frozen=True)
class Allocation:
    """The competition's answer.

    Attributes
    ----------
    allocated : ndarray of float32, shape (methods, rows, cols)
        Gross CO2 of each method [t/yr].
    by_sink : ndarray, shape (methods, units)
        CO2 brought to each storage unit [t/yr].
    net, cost : ndarray of float32, shape (rows, cols)
        Net removal [t/yr] and its cost [USD/yr].
    winner : ndarray of uint8, shape (rows, cols)
        Method with the most net tonnes, :data:`NO_WINNER` for none.
    binding : ndarray of uint8, shape (rows, cols)
        What stops the cell, as codes of ``binding_labels``.
    solution : Solution
        Prices, bound, gap; sweeps the plan again block by block.
    index : ndarray of int
        Cells of the solution in the flat grid.
    """

    allocated: F32
    by_sink: NDArray[np.float64]
    net: F32
    cost: F32
    winner: NDArray[np.uint8]
    binding: NDArray[np.uint8]
    binding_labels: tuple[str, ...]
    solution: Solution
    index: NDArray[np.int64]


def objective_of(model: ObjectiveModel) -> Objective | Lexicographic:
    """The scenario's objective as the competition understands it."""
    first = {
        "net_removal": most_net(),
        "cost": least_cost(),
        "value": most_value(model.prices),
    }[model.kind]
    if model.then is None:
        return first
    second = most_net() if model.then == "net_removal" else least_cost()
    return Lexicographic(first, second, max(model.gap, 1e-5))


def policy_rows(
    model: ObjectiveModel,
    rules: Sequence[PolicyRule],
    zone_names: Mapping[str, Sequence[str]],
    known: Sequence[str],
) -> tuple[PolicyRow, ...]:
    """Target, budget and the scenario's rules as rows.

    Parameters
    ----------
    model : ObjectiveModel
        Target and budget.
    rules : sequence of PolicyRule
        The rules; one without ``together`` makes a row for each zone.
    zone_names : mapping
        Layer of zones -> their names in label order.
    known : sequence of str
        Names of the methods.

    Raises
    ------
    ConfigError
        Unknown methods or zones.
    """
    rows: list[PolicyRow] = []
    if model.target is not None:
        rows.append(target(model.target))
    if model.budget is not None:
        rows.append(budget(model.budget))
    for i, rule in enumerate(rules):
        _require(rule.methods, known, f"policies.{i}.methods")
        groups = _zone_groups(rule, zone_names, f"policies.{i}.zones")
        for suffix, zones in groups:
            rows += _limits(rule, suffix, zones)
    return tuple(rows)


def _require(names: Sequence[str], known: Sequence[str], where: str) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(
            "unknown name", where=where, got=", ".join(unknown), expected=", ".join(known)
        )


def _zone_groups(
    rule: PolicyRule, zone_names: Mapping[str, Sequence[str]], where: str
) -> list[tuple[str, tuple[int, ...]]]:
    if rule.layer is None:
        return [("", ())]
    names = list(zone_names[rule.layer])
    _require(rule.zones, names, where)
    chosen = [names.index(zone) for zone in rule.zones] or list(range(len(names)))
    if rule.together:
        return [("", tuple(chosen))]
    return [(f": {names[zone]}", (zone,)) for zone in chosen]


def _limits(rule: PolicyRule, suffix: str, zones: tuple[int, ...]) -> list[PolicyRow]:
    unit = RULE_UNITS[rule.count]
    terms = (Term(rule.count, 1.0, rule.methods or None),)
    made = []
    for word, sense, value in (("at most", "<=", rule.at_most), ("at least", ">=", rule.at_least)):
        if value is not None:
            name = f"{rule.name}{suffix}" + (f" ({word})" if rule.at_least and rule.at_most else "")
            limit = parse_quantity(value, unit)
            row = PolicyRow(name, terms, sense, limit, unit, rule.layer, zones)  # type: ignore[arg-type]
            made.append(row)
    return made


def build_problem(
    facts: Sequence[MethodFacts],
    arrays: CellArrays,
    pools: Mapping[str, Pools],
    storage: StorageUnits | None,
    links: SinkLinks | None,
    policies: Sequence[PolicyRow],
    leakage: float,
    zonings: Sequence[str] = (),
) -> tuple[Problem, NDArray[np.int64]]:
    """Assemble the competition's problem from the cells where something is possible.

    Parameters
    ----------
    facts, arrays
        Methods and cells.
    pools : mapping
        Resource -> its pools; the labels are in ``arrays``.
    storage, links : StorageUnits, SinkLinks or None
        Storage units and each cell's cheapest ones.
    policies : sequence of PolicyRow
        From :func:`policy_rows`.
    leakage : float
        Share of the CO2 lost over 100 km [1].
    zonings : sequence of str
        Zonings that totals are wanted for.

    Returns
    -------
    tuple
        The problem, and the flat grid index of its cells.
    """
    upper = np.where(arrays.possible, arrays.own / arrays.need, 0).astype(np.float32)
    upper[~(np.isfinite(upper) & (upper > 0))] = 0
    index = np.flatnonzero((upper > 0).any(axis=0))

    def pick(array: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(array.reshape(*array.shape[:-2], -1)[..., index])

    layer_names = tuple(arrays.layers)
    local_names = tuple(arrays.local)
    local_need = [[_number(f.needs.get(name, 0.0)) for f in facts] for name in local_names]
    sinks = _sink_arrays(links, pick, leakage)
    cells = ArrayCells(
        land=pick(arrays.land),
        upper=pick(upper),
        net=np.nan_to_num(pick(arrays.net)),
        cost=np.nan_to_num(pick(arrays.cost)),
        need=np.nan_to_num(pick(arrays.need), posinf=0.0),
        zone_ids={name: pick(labels) for name, labels in arrays.labels.items()},
        layers=_stacked([np.nan_to_num(pick(arrays.layers[n])) for n in layer_names]),
        local=_stacked([np.nan_to_num(pick(arrays.local[n])) for n in local_names]),
        **sinks,
    )
    families = tuple(
        PoolFamily(
            name,
            RESOURCE_UNITS[name],
            name,
            one.names,
            one.supply,
            {f.name: f.needs[name] for f in facts if f.needs.get(name, 0.0) != 0.0},
        )
        for name, one in pools.items()
    )
    problem = Problem(
        cells=cells,
        methods=tuple(Method(f.name, f.stored, f.exclusive) for f in facts),
        pools=families,
        sinks=_sink_families(storage),
        policies=tuple(policies),
        n_sinks=0 if storage is None else len(storage.rate),
        layers=layer_names,
        local_need=np.array(local_need).reshape(len(local_names), len(facts)),
        local_names=local_names,
        zonings=tuple(zonings),
    )
    return problem, index


def _number(value: float | str) -> float:
    return 0.0 if isinstance(value, str) else float(value)


def _stacked(parts: list[NDArray[Any]]) -> F32 | None:
    return np.stack(parts).astype(np.float32) if parts else None


def _sink_arrays(links: SinkLinks | None, pick: Any, leakage: float) -> dict[str, Any]:
    if links is None:
        return {}
    sink = pick(links.sink)
    cost = np.where(sink >= 0, pick(links.cost) + pick(links.storage_cost), 0).astype(np.float32)
    km = np.where(sink >= 0, pick(links.length_km), 0)
    return {
        "sink": sink,
        "sink_cost": cost,
        "sink_loss": (km * (leakage / 100.0)).astype(np.float32),
    }


def _sink_families(storage: StorageUnits | None) -> tuple[SinkFamily, ...]:
    if storage is None:
        return ()
    return (
        SinkFamily(INJECTIVITY, "t/yr", storage.names, storage.injection),
        SinkFamily(PORE_SPACE, "t/yr", storage.names, storage.capacity / storage.years),
    )


def allocate(
    problem: Problem,
    index: NDArray[np.int64],
    grid: AnalysisGrid,
    model: ObjectiveModel,
    threads: int,
) -> Allocation:
    """Solve the competition and lay the plan out on the grid.

    Raises
    ------
    InfeasibleError
        If rows are in conflict; names them and what each would have to give (rule 8).
    SolverError
        If the gap was not closed.
    """
    options = SolverOptions(gap=model.gap, threads=threads)
    objective = objective_of(model)
    if isinstance(objective, Lexicographic):
        solution = solve_in_order(problem, objective, options)
    else:
        solution = solve(problem, objective, options)
    methods, size = len(problem.methods), grid.size
    allocated = np.zeros((methods, size), np.float32)
    net, cost = np.zeros(size, np.float32), np.zeros(size, np.float32)
    winner = np.full(size, NO_WINNER, np.uint8)
    binding = np.full(size, NO_WINNER, np.uint8)
    by_sink = np.zeros((methods, problem.n_sinks))
    stored = np.array([method.stored for method in problem.methods])
    for block in solution.blocks():
        here = index[block.start : block.stop]
        gross = block.x.sum(axis=1)
        allocated[:, here] = gross
        each, money = found.net_and_cost(problem, block)
        per_method = each.sum(axis=1)
        net[here], cost[here] = per_method.sum(axis=0), money.sum(axis=(0, 1))
        used = per_method.max(axis=0) > 0
        winner[here[used]] = per_method.argmax(axis=0)[used]
        binding[here] = found.binding_map(solution, block)
        _add_by_sink(by_sink, block, stored)
    shape = grid.shape
    return Allocation(
        allocated=allocated.reshape(methods, *shape),
        by_sink=by_sink,
        net=net.reshape(shape),
        cost=cost.reshape(shape),
        winner=winner.reshape(shape),
        binding=binding.reshape(shape),
        binding_labels=found.binding_labels(solution),
        solution=solution,
        index=index,
    )


def _add_by_sink(total: NDArray[np.float64], block: Any, stored: NDArray[np.float64]) -> None:
    units = total.shape[1]
    if not units:
        return
    for m in range(len(total)):
        for slot in range(block.x.shape[1]):
            sink = block.cells.sink[slot]
            known = sink >= 0
            weight = block.x[m, slot, known] * stored[m]
            total[m] += np.bincount(sink[known], weights=weight, minlength=units)

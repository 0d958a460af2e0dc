"""The whole competition as one linear programme in HiGHS: the oracle, and for small cases.

Nothing is shared with column generation but the problem and its rows, so that the two can check
each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cdrsite.competition.objectives import Objective
from cdrsite.competition.problem import CellBlock, Problem
from cdrsite.competition.rows import RowSystem, build_rows, objective_matrix
from cdrsite.core.errors import InfeasibleError, SolverError
from cdrsite.core.solver import LinearSolver, Programme

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class WholeSolution:
    """Answer of the whole programme.

    Parameters
    ----------
    value : float
        Objective at the optimum.
    price : ndarray, shape (R,)
        Gain of the objective per unit of each row's limit.
    allocation : ndarray, shape (M, K, n)
        Gross tonnes by method, sink slot and cell [t/yr].
    system : RowSystem
    sold : ndarray, shape (V,)
        What is sold out of pools.
    """

    value: float
    price: F64
    allocation: F64
    system: RowSystem
    sold: F64


@dataclass(frozen=True, eq=False)
class Whole:
    """The whole programme: maximise gain x over 0 <= x <= upper and low <= A x <= high.

    Parameters
    ----------
    gain, upper : ndarray, shape (J + V,)
        What is sold comes last.
    starts, index, entry : ndarray
        A by columns; the shared rows come first.
    low, high : ndarray
    method, slot, cell : ndarray of int, shape (J,)
        What each column is.
    shape : tuple of int
        Methods, slots, cells.
    """

    system: RowSystem
    gain: F64
    upper: F64
    starts: I64
    index: I64
    entry: F64
    low: F64
    high: F64
    method: I64
    slot: I64
    cell: I64
    shape: tuple[int, int, int]

    def allocation(self, x: F64) -> F64:
        """Columns as an array by method, sink slot and cell."""
        result = np.zeros(self.shape)
        result[self.method, self.slot, self.cell] = x[: len(self.cell)]
        return result


def assemble(problem: Problem, objective: Objective) -> Whole:
    """Write the whole programme out."""
    system = build_rows(problem)
    cells = problem.cells.read(0, problem.cells.n_cells)
    acts = _activities(problem, cells)
    shape = len(problem.methods), problem.cells.n_cells
    stored = np.broadcast_to(problem.stored_in(cells), shape)
    shared = _shared_entries(system, acts, stored)
    local, low, high = _local_rows(problem, cells, acts)
    limits, senses = system.limits, np.array(system.senses, dtype="<U2")
    sales, size = system.sales, len(acts.cell)
    owned = np.arange(len(sales.owner)) + size + sales.alone
    part = np.divide(1.0, sales.most, out=np.zeros_like(sales.most), where=sales.most > 0)
    first = len(limits) + len(low)
    row = np.concatenate([shared[0], local[0] + len(limits), sales.row, sales.owner + first])
    column = np.concatenate([shared[1], local[1], sales.column + size, owned])
    entry = np.concatenate([shared[2], local[2], sales.weight, part[sales.alone :]])
    owners = int(sales.owner.max(initial=-1)) + 1
    at_work = np.zeros(owners, np.bool_)
    at_work[sales.owner[sales.must]] = True
    low = np.concatenate([low, np.where(at_work, 1.0, -np.inf)])
    high = np.concatenate([high, np.ones(owners)])
    row, column, entry = _added(row, column, entry)
    matrix = objective_matrix(objective, problem)
    gain = (acts.quantity * matrix[acts.method]).sum(axis=1)
    gain = np.concatenate([gain, sales.worth(matrix)])
    starts = np.zeros(len(gain) + 1, np.int64)
    np.cumsum(np.bincount(column, minlength=len(gain)), out=starts[1:])
    return Whole(
        system=system,
        gain=gain,
        upper=np.concatenate([np.full(size, np.inf), sales.most]),
        starts=starts,
        index=row,
        entry=entry,
        low=np.concatenate([np.where(senses == "<=", -np.inf, limits), low]),
        high=np.concatenate([np.where(senses == ">=", np.inf, limits), high]),
        method=acts.method,
        slot=acts.slot,
        cell=acts.cell,
        shape=(len(problem.methods), max(len(cells.sink), 1), problem.cells.n_cells),
    )


@dataclass(frozen=True, eq=False)
class _Activities:
    """Columns of the programme: method, slot, cell, and their quantities (J, Q)."""

    method: I64
    slot: I64
    cell: I64
    quantity: F64
    sink: I64


def solve_whole(
    problem: Problem, objective: Objective, *, time_limit: float = np.inf, solver: str = "choose"
) -> WholeSolution:
    """Solve the whole programme.

    Parameters
    ----------
    problem : Problem
        All its cells must fit in memory several times.
    objective : Objective
    time_limit : float
        Seconds.
    solver : str
        HiGHS's ``solver`` option.

    Raises
    ------
    InfeasibleError
        If no plan keeps all rows.
    SolverError
        If HiGHS stops without the optimum.
    """
    whole = assemble(problem, objective)
    size = len(whole.gain)
    programme = Programme(
        whole.gain, np.zeros(size), whole.upper, whole.low, whole.high,
        whole.starts, whole.index, whole.entry, by_column=True, maximise=True,
    )  # fmt: skip
    choices = LinearSolver(programme, time_limit=float(time_limit), solver=solver)
    ended = choices.run()
    asks = (whole.low > 0).any() or (whole.high < 0).any()
    if ended == "infeasible" or (ended == "empty" and asks):
        raise InfeasibleError("no plan keeps all rows", cure="loosen a policy row", rule=8)
    if ended not in {"optimal", "empty"}:  # empty: no cell can do anything
        raise SolverError("the whole programme was not solved", got=ended, rule=8)
    return WholeSolution(
        value=choices.value,
        price=choices.prices()[: len(whole.system.rows)],
        allocation=whole.allocation(choices.x),
        system=whole.system,
        sold=choices.x[len(whole.cell) :],
    )


def _activities(problem: Problem, cells: CellBlock) -> _Activities:
    """Every method with every sink it can use, cell by cell."""
    n, methods = problem.cells.n_cells, problem.methods
    parts: list[tuple[I64, I64, I64, F64, I64]] = []
    upper = np.broadcast_to(np.nan_to_num(cells.upper), (len(methods), n))

    def values(array: npt.NDArray[Any], m: int, here: I64) -> F64:
        return np.broadcast_to(array[m], n)[here].astype(np.float64)

    for m, method in enumerate(methods):
        stores = method.stored > 0
        for k in range(len(cells.sink) if stores else 1):
            open_here = upper[m] > 0
            if stores:
                open_here = open_here & (cells.sink[k] >= 0)
            here = np.flatnonzero(open_here)
            net, cost = values(cells.net, m, here), values(cells.cost, m, here)
            sink = np.full(len(here), -1)
            if stores:
                storing = values(problem.stored_in(cells), m, here)
                net -= storing * values(cells.sink_loss, k, here)
                cost += storing * values(cells.sink_cost, k, here)
                sink = cells.sink[k, here].astype(np.int64)
            need = values(cells.need, m, here)
            layers = [layer[here].astype(np.float64) for layer in cells.layers]
            arrived = [
                storing * by_slot[k, here] if stores else np.zeros(len(here))
                for by_slot in cells.arriving
            ]
            quantity = np.stack([np.ones(len(here)), net, cost, need, *layers, *arrived], axis=1)
            size = len(here)
            parts.append((np.full(size, m), np.full(size, k), here, quantity, sink))
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return _Activities(*joined)


def _shared_entries(system: RowSystem, acts: _Activities, stored: F64) -> tuple[I64, I64, F64]:
    """Entries of pools and policy rows: row, column, value."""
    combo = system.combo[acts.cell]
    rows, columns, entries = [], [], []
    by_row: dict[int, list[int]] = {}
    for r, c in zip(system.pair_row.tolist(), system.pair_combo.tolist(), strict=True):
        by_row.setdefault(r, []).append(c)
    for r, combos in by_row.items():
        inside = np.zeros(system.n_combos, dtype=bool)
        inside[combos] = True
        here = np.flatnonzero(inside[combo])
        value = (system.coefficient[r][acts.method[here]] * acts.quantity[here]).sum(axis=1)
        rows.append(np.full(len(here), r))
        columns.append(here)
        entries.append(value)
    sinks = system.sink_row.tolist(), system.sink_of.tolist(), system.sink_need.tolist()
    for r, s, each in zip(*sinks, strict=True):
        here = np.flatnonzero(acts.sink == s)
        rows.append(np.full(len(here), r))
        columns.append(here)
        entries.append(each * stored[acts.method[here], acts.cell[here]])
    none = np.empty(0, np.int64)
    return (
        np.concatenate([none, *rows]),
        np.concatenate([none, *columns]),
        np.concatenate([np.empty(0), *entries]),
    )


def _added(row: I64, column: I64, entry: F64) -> tuple[I64, I64, F64]:
    """Entries in the order of the columns, those of one place added up; zeros are left out."""
    order = np.lexsort((row, column))
    row, column, entry = row[order], column[order], entry[order]
    first = np.ones(len(row), np.bool_)
    first[1:] = (np.diff(row) != 0) | (np.diff(column) != 0)
    total = np.add.reduceat(entry, np.flatnonzero(first)) if len(entry) else entry
    kept = total != 0.0
    return row[first][kept], column[first][kept], total[kept]


def _layer(problem: Problem, cells: CellBlock, name: str) -> F64:
    return cells.layers[list(problem.layers).index(name)].astype(np.float64)


def _local_rows(
    problem: Problem, cells: CellBlock, acts: _Activities
) -> tuple[tuple[I64, I64, F64], F64, F64]:
    """Rows of single cells: land, other local resources, and bounds of each method."""
    n, n_methods = problem.cells.n_cells, len(problem.methods)
    column = np.arange(len(acts.cell))
    exclusive = np.array([method.exclusive for method in problem.methods])
    rows = [acts.cell]
    entries = [acts.quantity[:, 3] * exclusive[acts.method]]
    limits = [cells.land.astype(np.float64)]
    n_rows = 1 + len(problem.land_rows) + len(problem.local_need)
    for g, row in enumerate(problem.land_rows):
        rows.append(acts.cell + n * (g + 1))
        entries.append(acts.quantity[:, 3] * np.array(row.weight)[acts.method])
        limits.append(cells.ground[g].astype(np.float64))
    for r, needs in enumerate(problem.local_need, 1 + len(problem.land_rows)):
        rows.append(acts.cell + n * r)
        entry = np.zeros(len(column))
        for m, need in enumerate(needs):
            mine = acts.method == m
            each = _layer(problem, cells, need)[acts.cell] if isinstance(need, str) else need
            entry = np.where(mine, each, entry)
        entries.append(entry)
        limits.append(cells.local[r - 1 - len(problem.land_rows)].astype(np.float64))
    first = n * n_rows
    rows.append(first + acts.method * n + acts.cell)
    entries.append(np.ones(len(column)))
    upper = np.broadcast_to(np.nan_to_num(cells.upper), (n_methods, n)).astype(np.float64)
    lower = np.broadcast_to(cells.lower, (n_methods, n)).astype(np.float64)
    low = np.concatenate([np.full(first, -np.inf), np.where(upper > 0, lower, 0.0).ravel()])
    high = np.concatenate([*limits, np.maximum(upper, 0.0).ravel()])
    triple = (np.concatenate(rows), np.tile(column, len(rows)), np.concatenate(entries))
    return triple, low, high

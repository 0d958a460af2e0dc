"""A plan that is kept while the numbers turn out otherwise: what it still does, and is worth.

A decision is a plan with its places and capacities. When the numbers are known, plants run less
where a pool, land or feedstock falls short, and what grows on kept land gives what it then gives.
What runs less is found by a second stage (Birge & Louveaux 2011, Introduction to Stochastic
Programming): a linear programme over groups of one combination of zones, method and storage unit,
whose cells run alike. It has some hundred columns and the rows that all share, whatever the grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cdrsite.competition.problem import CellBlock, Problem
from cdrsite.competition.rows import RowSystem
from cdrsite.competition.solution import Solution
from cdrsite.core.errors import SolverError
from cdrsite.core.plaindata import recorded
from cdrsite.core.solver import LinearSolver, Programme

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

ROUNDING = 1e-7
"""Share of a cell's supply by which a plan may exceed it: cells are single precision [1]."""
PASSES = 12
"""Most rounds in which the uses of a cell are cut back to its supplies."""
TOLERANCE = 1e-10
"""Feasibility tolerance of the scaled second stage."""
BROKEN = 1e-7
"""Share of its size by which a rule may be missed and counts as kept [1]."""


@recorded
@dataclass(frozen=True)
class KeptPlan:
    """Places and capacities of a plan.

    Attributes
    ----------
    number : int
        Of the sample whose best plan it is; below 0 for others.
    cell, method, slot : ndarray of int, shape (E,)
        Each place: its cell, method and slot of a storage unit.
    gross : ndarray, shape (E,)
        Capacity [gross t/yr].
    land : ndarray, shape (E,)
        That it has taken [m2].
    """

    number: int
    cell: I64
    method: I64
    slot: I64
    gross: F64
    land: F64


def keep_plan(solution: Solution, number: int) -> KeptPlan:
    """Places and capacities of a solution."""
    places, amounts = [np.zeros((3, 0), np.int64)], [np.zeros((2, 0))]
    for block in solution.blocks():
        method, slot, cell = np.nonzero(block.x > 0.0)
        gross = block.x[method, slot, cell]
        need = np.broadcast_to(block.cells.need, (len(block.x), block.x.shape[2]))
        land = need[method, cell].astype(np.float64) * gross
        places.append(np.stack([cell + block.start, method, slot]).astype(np.int64))
        amounts.append(np.stack([gross, land]))
    cell, method, slot = np.concatenate(places, axis=1)
    gross, land = np.concatenate(amounts, axis=1)
    return KeptPlan(number, cell, method, slot, gross, land)


def possible_now(plan: KeptPlan, cells: CellBlock, problem: Problem, growing: Bools) -> F64:
    """Most that each place of a plan can do with the numbers of these cells, shape (E,) [t/yr].

    Parameters
    ----------
    plan : KeptPlan
        It names the cells by their places in ``cells``.
    cells : CellBlock
        All cells with the numbers as they are.
    problem : Problem
        Of these cells.
    growing : ndarray of bool, shape (methods,)
        Methods that give what their land gives; others have a capacity.
    """
    at = plan.method, plan.cell
    shape = len(problem.methods), len(cells.land)
    need = np.broadcast_to(cells.need, shape)[at].astype(np.float64)
    most = np.nan_to_num(np.broadcast_to(cells.upper, shape)[at]).astype(np.float64)
    by_land = np.divide(plan.land, need, out=np.full(len(need), np.inf), where=need > 0.0)
    x = np.where(growing[plan.method], by_land, np.minimum(plan.gross, by_land))
    x = np.where(np.isfinite(x), x, plan.gross)
    # slots of one method share its own limit
    every = np.zeros(shape)
    np.add.at(every, at, x)
    total = every[at]
    x = x * np.minimum(1.0, np.divide(most, total, out=np.ones(len(x)), where=total > 0.0))
    return _within_cells(plan, x, need, cells, problem)


def _own_rows(
    plan: KeptPlan, need: F64, cells: CellBlock, problem: Problem
) -> tuple[list[F64], list[F64]]:
    """What a gross tonne of each place takes of the cell's own rows, and what each cell has."""
    takes = [need * weight[plan.method] for weight in problem.land_weight]
    has = [cells.land, *(cells.ground if len(takes) > 1 else ())]
    for per_tonne, supply in zip(problem.local_need_in(cells), cells.local, strict=True):
        wide = np.broadcast_to(per_tonne, (len(problem.methods), len(cells.land)))
        takes.append(wide[plan.method, plan.cell].astype(np.float64))
        has.append(supply)
    return takes, [np.asarray(one, np.float64) for one in has]


def _within_cells(plan: KeptPlan, x: F64, need: F64, cells: CellBlock, problem: Problem) -> F64:
    """Cut back what the supplies of a cell do not suffice for: all of its takers alike."""
    takes, has = _own_rows(plan, need, cells, problem)
    count = len(cells.land)
    for _ in range(PASSES):
        cut = False
        for each, supply in zip(takes, has, strict=True):
            taken = np.bincount(plan.cell, np.maximum(each, 0.0) * x, count)
            given = np.bincount(plan.cell, np.maximum(-each, 0.0) * x, count)
            left = np.maximum(supply + given, 0.0)
            short = taken > left * (1.0 + ROUNDING)
            if short.any():
                cut = True
                part = np.divide(left, taken, out=np.ones(count), where=short)
                x = np.where(each > 0.0, x * part[plan.cell], x)
        if not cut:
            return x
    # givers and takers cut each other back: what still lacks does not run
    for each, supply in zip(takes, has, strict=True):
        over = np.bincount(plan.cell, each * x, count) > np.maximum(supply, 0.0) * (1 + ROUNDING)
        x = np.where((each > 0.0) & over[plan.cell], 0.0, x)
    return x


@dataclass(frozen=True)
class Groups:
    """What groups of a plan's places add up to when all of them run.

    Attributes
    ----------
    combo, method, sink : ndarray of int, shape (G,)
        Combination of zones, method, and storage unit, -1 for none.
    gross, value : ndarray, shape (G,)
        Tonnes [t/yr], and what they add to the goal.
    row, column, weight : ndarray, shape (N,)
        What each takes of the shared rows.
    needs : ndarray of int, shape (P, 2)
        Groups of which the first runs no more than the second, on whose gifts in a cell it rests.
    """

    combo: I64
    method: I64
    sink: I64
    gross: F64
    value: F64
    row: I64
    column: I64
    weight: F64
    needs: I64


def groups_of(
    plan: KeptPlan, x: F64, cells: CellBlock, problem: Problem, system: RowSystem, goal: F64
) -> Groups:
    """Groups of the places of a plan.

    Parameters
    ----------
    plan : KeptPlan
    x : ndarray, shape (E,)
        What each place can do (:func:`possible_now`).
    cells : CellBlock
        All cells.
    problem : Problem
    system : RowSystem
        Its shared rows.
    goal : ndarray, shape (methods, quantities)
        Coefficients of the objective.
    """
    methods, sinks = len(problem.methods), system.n_sinks + 1
    stored_each = np.broadcast_to(problem.stored_in(cells), (methods, len(cells.land)))
    stored = stored_each[plan.method, plan.cell].astype(np.float64)
    sink = np.full(len(x), -1, np.int64)
    if len(cells.sink):
        there = cells.sink[plan.slot, plan.cell].astype(np.int64)
        sink = np.where(stored > 0.0, there, -1)
    combo = system.combo[plan.cell].astype(np.int64)
    key = (combo * methods + plan.method) * sinks + sink + 1
    known, group = np.unique(key, return_inverse=True)
    count = len(known)
    sums = np.zeros((count, len(problem.counted)))
    for q, each in enumerate(_per_tonne(plan, cells, problem, stored)):
        sums[:, q] = np.bincount(group, x * each, count)
    made = Groups(
        combo=known // sinks // methods,
        method=known // sinks % methods,
        sink=known % sinks - 1,
        gross=np.bincount(group, x, count).astype(np.float64),
        value=(goal[known // sinks % methods] * sums).sum(axis=1),
        row=np.zeros(0, np.int64), column=np.zeros(0, np.int64), weight=np.zeros(0),
        needs=_dependent(plan, x, group, cells, problem),
    )  # fmt: skip
    brought = np.bincount(group, x * stored, count).astype(np.float64)
    row, column, weight = _row_entries(made, sums, brought, system)
    return Groups(**{**vars(made), "row": row, "column": column, "weight": weight})


def _per_tonne(plan: KeptPlan, cells: CellBlock, problem: Problem, stored: F64) -> list[F64]:
    """Each quantity that is counted, per gross tonne of each place, in their order."""
    shape = len(problem.methods), len(cells.land)
    at = plan.method, plan.cell
    net, cost, need = (
        np.broadcast_to(one, shape)[at].astype(np.float64)
        for one in (cells.net, cells.cost, cells.need)
    )
    if len(cells.sink):
        way = plan.slot, plan.cell
        loss = np.broadcast_to(cells.sink_loss, cells.sink.shape)[way].astype(np.float64)
        paid = np.broadcast_to(cells.sink_cost, cells.sink.shape)[way].astype(np.float64)
        some = stored > 0.0
        net = net - np.where(some, stored * loss, 0.0)
        cost = cost + np.where(some, stored * paid, 0.0)
    layers = [np.nan_to_num(one[plan.cell]).astype(np.float64) for one in cells.layers]
    arriving = [stored * one[plan.slot, plan.cell] for one in cells.arriving]
    return [np.ones(len(stored)), net, cost, need, *layers, *arriving]


def _dependent(plan: KeptPlan, x: F64, group: I64, cells: CellBlock, problem: Problem) -> I64:
    """Pairs of groups: one that takes more of a cell than it has itself, and one that gives."""
    if not len(problem.local_need) or not len(x):
        return np.zeros((0, 2), np.int64)
    takes, has = _own_rows(plan, np.zeros(len(x)), cells, problem)
    pairs: set[tuple[int, int]] = set()
    lands = len(problem.land_weight)
    for each, supply in zip(takes[lands:], has[lands:], strict=True):
        taken = np.bincount(plan.cell, np.maximum(each, 0.0) * x, len(supply))
        short = (taken > np.maximum(supply, 0.0) * (1.0 + ROUNDING))[plan.cell] & (x > 0.0)
        givers = np.flatnonzero(short & (each < 0.0))
        for giver in givers.tolist():
            users = np.flatnonzero((plan.cell == plan.cell[giver]) & (each > 0.0) & (x > 0.0))
            pairs |= {(int(group[user]), int(group[giver])) for user in users.tolist()}
    return np.array(sorted(pairs), np.int64).reshape(-1, 2)


def _row_entries(
    groups: Groups, sums: F64, brought: F64, system: RowSystem
) -> tuple[I64, I64, F64]:
    """Rows, groups and what one takes of the other where it is not nothing."""
    order = np.argsort(system.pair_combo, kind="stable")
    seen = system.pair_row[order].astype(np.int64)
    first = np.searchsorted(system.pair_combo[order], np.arange(system.n_combos + 1))
    size = (first[1:] - first[:-1])[groups.combo]
    column = np.repeat(np.arange(len(groups.combo)), size)
    before = np.repeat(np.cumsum(size) - size, size)
    row = seen[np.repeat(first[groups.combo], size) + np.arange(len(column)) - before]
    each = system.coefficient[row, groups.method[column]]
    weight = np.einsum("nq,nq->n", each, sums[column])
    rows, columns, weights = [row], [column], [weight]
    for at, sink, need in zip(system.sink_row, system.sink_of, system.sink_need, strict=True):
        here = np.flatnonzero(groups.sink == sink)
        rows.append(np.full(len(here), at, np.int64))
        columns.append(here)
        weights.append(need * brought[here])
    row, column = np.concatenate(rows), np.concatenate(columns)
    weight = np.concatenate(weights)
    some = weight != 0.0
    return row[some], column[some], weight[some]


def joined(parts: Sequence[Groups]) -> Groups:
    """Groups of several plans beside one another, in their order."""
    before = np.cumsum([0, *(len(one.value) for one in parts)])
    names = ("combo", "method", "sink", "gross", "value", "row", "weight")
    made = {name: np.concatenate([getattr(one, name) for one in parts]) for name in names}
    shifted = list(zip(parts, before[:-1], strict=True))
    made["column"] = np.concatenate([one.column + at for one, at in shifted])
    made["needs"] = np.concatenate([one.needs + at for one, at in shifted])
    return Groups(**made)


class SecondStage:
    """How groups run when the numbers are known: the best use of what is there.

    Parameters
    ----------
    groups : Groups
        Columns, each a share of what its places can do.
    system : RowSystem
        The rows that all share.
    goal : ndarray, shape (methods, quantities)
        Coefficients of the objective.
    """

    def __init__(self, groups: Groups, system: RowSystem, goal: F64) -> None:
        self.groups, self._senses = groups, np.array(system.senses, dtype="<U2")
        self._limits, sales = system.limits, system.sales
        self.count, sold = len(groups.value), len(sales.most)
        rows, ties = len(system.rows), len(groups.needs)
        owners, first, owner = np.unique(sales.owner, return_index=True, return_inverse=True)
        worth = sales.worth(goal)
        reach = np.bincount(groups.row, np.abs(groups.weight), rows)
        size = np.where(self._limits != 0.0, np.abs(self._limits), reach)
        self.scale = np.where(size > 0.0, size, 1.0)
        most = np.where(np.isfinite(sales.most), sales.most, np.inf)
        self._unit = np.ones(sold)
        np.maximum.at(self._unit, sales.column, self.scale[sales.row])
        able = sales.most[sales.alone :]  # of what each owner has, a column may take all
        part = np.divide(self._unit[sales.alone :], able, out=np.zeros(len(able)), where=able > 0.0)
        self._must = bool(sales.must.any())
        own = float(np.abs(worth[sales.alone :] * able).sum())
        self.size = max(float(np.abs(groups.value).sum()), own, 1e-300)
        matrix = _by_column(
            np.concatenate(
                [groups.row, sales.row, np.repeat(np.arange(ties) + rows, 2), owner + rows + ties]
            ),
            np.concatenate(
                [
                    *(groups.column, sales.column + self.count, groups.needs.ravel()),
                    np.arange(len(owner)) + self.count + sales.alone,
                ]
            ),
            np.concatenate(
                [
                    groups.weight / self.scale[groups.row],
                    sales.weight * self._unit[sales.column] / self.scale[sales.row],
                    np.tile([1.0, -1.0], ties),
                    part,
                ]
            ),
            self.count + sold,
        )
        rhs = self._limits / self.scale
        # a rule that running less may break holds to what the plan itself kept it to
        loose = np.where((self._senses != "<=") | (self._limits < 0.0), BROKEN, 0.0)
        self._low = np.where(self._senses == "<=", -np.inf, rhs - loose)
        self._high = np.where(self._senses == ">=", np.inf, rhs + loose)
        start, index, value = matrix
        self._cost = np.concatenate([groups.value, worth * self._unit]) / self.size
        self._solver = LinearSolver(
            Programme(
                cost=self._cost,
                lower=np.zeros(self.count + sold),
                upper=np.concatenate([np.ones(self.count), most / self._unit]),
                row_lower=np.concatenate([
                    *(self._low, np.full(ties, -np.inf)),
                    np.where(sales.must[first], 1.0, -np.inf),
                ]),
                row_upper=np.concatenate([self._high, np.zeros(ties), np.ones(len(owners))]),
                start=start, index=index, value=value, by_column=True, maximise=True,
            ),
            primal_feasibility_tolerance=TOLERANCE, dual_feasibility_tolerance=TOLERANCE,
        )  # fmt: skip

    @property
    def may_fail(self) -> bool:
        """Whether there is a rule that running less may break, or an emitter that must capture."""
        return self._must or bool(((self._senses != "<=") | (self._limits < 0.0)).any())

    def worth(self, capacity: F64 | None = None) -> float:
        """What the groups are worth at the best; NaN where they cannot keep the rules.

        Parameters
        ----------
        capacity : ndarray, shape (G,), optional
            Share of its places that each group has [1]; all when not given.

        Raises
        ------
        SolverError
            HiGHS found no optimum.
        """
        if capacity is not None:
            self._solver.set_bounds(np.zeros(self.count), capacity)
        ended = self._solver.run()
        if ended == "infeasible" and self.may_fail:
            return float("nan")
        if ended == "empty":
            return 0.0
        if ended != "optimal":
            raise SolverError(
                "what a kept plan is worth was not found", got=ended, expected="optimal", rule=8
            )
        return self._solver.value * self.size

    @property
    def slope(self) -> F64:
        """What one more share of each group would add at the last answer, shape (G,)."""
        return np.maximum(self._solver.reduced_costs[: self.count], 0.0) * self.size

    @property
    def share(self) -> F64:
        """Share of each group that runs in the last answer, shape (G,) [1]."""
        return self._solver.x[: self.count]


def _by_column(
    row: NDArray[np.integer], column: NDArray[np.integer], value: F64, count: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], F64]:
    """Entries of a matrix, compressed by column."""
    order = np.lexsort((row, column))
    start = np.searchsorted(column[order], np.arange(count + 1)).astype(np.int32)
    return start, row[order].astype(np.int32), value[order]


@dataclass(frozen=True)
class Afterwards:
    """The numbers as they turned out: cells, shared rows and goal of a sample.

    Attributes
    ----------
    cells : CellBlock
        All of its cells.
    problem : Problem
    system : RowSystem
    goal : ndarray, shape (methods, quantities)
        Coefficients of the objective.
    growing : ndarray of bool, shape (methods,)
        Methods that give what their land gives.
    """

    cells: CellBlock
    problem: Problem
    system: RowSystem
    goal: F64
    growing: Bools

    def groups(self, plan: KeptPlan) -> Groups:
        """What the groups of a kept plan can do now."""
        x = possible_now(plan, self.cells, self.problem, self.growing)
        return groups_of(plan, x, self.cells, self.problem, self.system, self.goal)

    def stage(self, groups: Groups) -> SecondStage:
        """The second stage over groups."""
        return SecondStage(groups, self.system, self.goal)

    def worth(self, plan: KeptPlan) -> float:
        """What a kept plan is worth; NaN where it cannot keep the rules."""
        return self.stage(self.groups(plan)).worth()

"""Shared rows of a problem as coefficients over combinations of zones and over sinks.

A combination is a distinct tuple of zones over all zonings; all cells of it have the same prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cdrsite.competition.captured import AVOIDED
from cdrsite.competition.capturing import capture_columns
from cdrsite.competition.monthly import month_quantity
from cdrsite.competition.objectives import Objective
from cdrsite.competition.problem import (
    CellSource,
    PolicyRow,
    PoolFamily,
    Problem,
    RowTerm,
    Sense,
    SinkFamily,
)
from cdrsite.competition.sold import SaleColumns, joined, nothing_sold
from cdrsite.core.errors import DataError

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

BLOCK = 65536
"""Cells per block of a sweep; fixed, so that sums do not depend on threads or chunks (rule 9)."""


@dataclass(frozen=True)
class SharedRow:
    """One shared row: its name, limit, and where it stands in the tables of results.

    A row that is ``part_of`` a family keeps its books only, and stands in no table.
    """

    name: str
    family: str
    zone: str
    unit: str
    sense: Sense
    limit: float
    part_of: str = ""


@dataclass(frozen=True, eq=False)
class RowSystem:
    """All shared rows of a problem with finite limits.

    Parameters
    ----------
    rows : tuple of SharedRow
    coefficient : ndarray, shape (R, M, Q)
        Coefficient of each method and quantity (zero in rows about sinks).
    pair_row, pair_combo : ndarray of int, shape (P,)
        Which rows see which combinations.
    sink_row, sink_of : ndarray of int, shape (T,)
        Which rows see which sinks.
    sink_need : ndarray, shape (T,)
        What a tonne brought to the sink counts in the row: its need in pools, 1 in rows of sinks.
    combo : ndarray of int32, shape (n,)
        Combination of each cell.
    zone_table : dict of str to ndarray, shape (C,)
        Zone of each combination by zoning.
    sales : SaleColumns
        What is sold out of rows.
    """

    rows: tuple[SharedRow, ...]
    coefficient: F64
    pair_row: I32
    pair_combo: I32
    sink_row: I32
    sink_of: I32
    sink_need: F64
    combo: I32
    zone_table: dict[str, I64]
    n_combos: int
    n_sinks: int
    sales: SaleColumns = field(default_factory=nothing_sold)

    @property
    def limits(self) -> F64:
        """Right-hand sides, shape (R,)."""
        return np.array([row.limit for row in self.rows], dtype=np.float64)

    @property
    def senses(self) -> list[Sense]:
        """Senses of the rows."""
        return [row.sense for row in self.rows]

    def weights(self, objective: F64, price: F64) -> F64:
        """Value of one unit of each quantity by combination and method, prices included.

        Parameters
        ----------
        objective : ndarray, shape (M, Q)
        price : ndarray, shape (R,)
            Gain of the objective per unit of limit.
        """
        charge = (price[:, None, None] * self.coefficient).reshape(len(price), objective.size)
        paid = self._rows_of_combo @ charge
        return objective[None] - paid.reshape(self.n_combos, *objective.shape)

    @cached_property
    def _rows_of_combo(self) -> Any:
        """Ones where a combination has a row, in the order of the pairs: a sparse matrix (C, R)."""
        from scipy.sparse import csr_array

        order = np.argsort(self.pair_combo, kind="stable")
        starts = np.searchsorted(self.pair_combo[order], np.arange(self.n_combos + 1))
        shape = (self.n_combos, len(self.rows))
        return csr_array((np.ones(len(order)), self.pair_row[order], starts), shape)

    def sink_values(self, price: F64) -> F64:
        """Value of a tonne in each sink at index s + 1, and -inf at 0, shape (S + 1,)."""
        charge = price[self.sink_row] * self.sink_need
        paid = np.bincount(self.sink_of, weights=charge, minlength=self.n_sinks)
        return np.concatenate(([-np.inf], -paid))

    def activity(self, sums: F64, sink_sums: F64, group: I32, n_groups: int) -> F64:
        """Left-hand side of each row by group of combinations, shape (R, G)."""
        n_rows = len(self.rows)
        if n_rows == 0 or sums.size == 0:
            return np.zeros((n_rows, n_groups))
        flat = sums.reshape(self.n_combos, -1)
        parts = np.einsum(
            "pq,pq->p", self.coefficient.reshape(n_rows, -1)[self.pair_row], flat[self.pair_combo]
        )
        where = self.pair_row.astype(np.int64) * n_groups + group[self.pair_combo]
        found = np.bincount(where, weights=parts, minlength=n_rows * n_groups).astype(np.float64)
        result = found.reshape(n_rows, n_groups)
        for row, sink, need in zip(self.sink_row, self.sink_of, self.sink_need, strict=True):
            result[row] += need * sink_sums[:, sink]
        return result


def blocks(n_cells: int) -> Iterator[tuple[int, int]]:
    """Fixed partition of the cells."""
    for start in range(0, n_cells, BLOCK):
        yield start, min(start + BLOCK, n_cells)


def term_matrix(terms: Sequence[RowTerm], problem: Problem) -> F64:
    """Coefficients of a sum of terms, shape (M, Q); what emitters count is no part of it."""
    counted = problem.counted
    names = problem.method_names
    matrix = np.zeros((len(names), len(counted)))
    for term in terms:
        if term.quantity == AVOIDED:
            continue
        column = counted.index(term.quantity)
        for name in term.methods if term.methods is not None else names:
            if name in names:
                matrix[names.index(name), column] += term.weight
    return matrix


def objective_matrix(objective: Objective, problem: Problem) -> F64:
    """Coefficients of an objective, shape (M, Q)."""
    return term_matrix(objective.terms, problem)


def zonings_of(problem: Problem) -> list[str]:
    """Zonings whose combinations share their prices: of pools, policy rows and totals."""
    named = [pool.zoning for pool in problem.pools]
    named += [row.zoning for row in problem.policies if row.zoning is not None]
    return list(dict.fromkeys([*named, *problem.zonings]))


@dataclass(frozen=True, eq=False)
class Zoned:
    """Combinations of zones, and which one each cell has.

    Parameters
    ----------
    combo : ndarray of int32, shape (n,)
        Combination of each cell.
    table : dict of str to ndarray, shape (C,)
        Zone of each combination by zoning.
    count : int
        Number of combinations.
    """

    combo: I32
    table: dict[str, I64]
    count: int

    def at(self, place: I64) -> Zoned:
        """The same combinations, of some of the cells."""
        return Zoned(self.combo[place], self.table, self.count)


def combine_zones(cells: CellSource, zonings: Sequence[str], least: int) -> Zoned:
    """Number the combinations of zones that occur, in one pass over the cells.

    The numbers follow the sorted tuples of zones, so they depend on the set of cells only. Where
    that gives fewer than ``least``, each is cut into parts by the order of its cells, down to
    single cells: columns of smaller groups close the gap in fewer sweeps.
    """
    n_cells = cells.n_cells
    combo = np.zeros(n_cells, np.int32)
    known: dict[tuple[int, ...], int] = {}
    for start, stop in blocks(n_cells):
        ids = np.zeros((len(zonings) + 1, stop - start), np.int64)
        for i, name in enumerate(zonings):
            ids[i] = cells.zones(name, start, stop)
        # neighbours on a raster mostly share their zones: only the first of each run is looked up
        first = np.concatenate([[True], (ids[:, 1:] != ids[:, :-1]).any(axis=0)])
        heads = map(tuple, ids[:-1, first].T.tolist())
        numbers = np.array([known.setdefault(one, len(known)) for one in heads], np.int32)
        combo[start:stop] = numbers[np.cumsum(first) - 1]
    order = sorted(known)
    rank = np.empty(len(order), np.int32)
    rank[[known[one] for one in order]] = np.arange(len(order), dtype=np.int32)
    table = np.array(order, dtype=np.int64).reshape(len(order), len(zonings))
    for start, stop in blocks(n_cells):
        combo[start:stop] = rank[combo[start:stop]]
    combo, parent = _split(combo, len(order), least)
    zone_table = {name: table[parent, i] for i, name in enumerate(zonings)}
    return Zoned(combo, zone_table, len(parent))


def _split(combo: I32, count: int, least: int) -> tuple[I32, I64]:
    """Cut combinations into about ``least`` parts in all, in place; part -> combination."""
    parts = least // max(count, 1)
    if parts <= 1:
        return combo, np.arange(count, dtype=np.int64)
    size = np.bincount(combo, minlength=count)
    # a combination with fewer cells than parts leaves some of them empty
    filled = np.zeros((count, parts), np.bool_)
    for i, cells in enumerate(size.tolist()):
        filled[i, np.arange(min(cells, parts)) * parts // max(min(cells, parts), 1)] = True
    number = np.cumsum(filled.ravel(), dtype=np.int32) - 1
    before = np.zeros(count, np.int64)
    for start, stop in blocks(len(combo)):  # in blocks: a billion cells have no room for a sort
        mine = combo[start:stop]
        here = np.bincount(mine, minlength=count)
        order = np.argsort(mine, kind="stable")
        rank = np.empty(len(mine), np.int64)
        rank[order] = np.arange(len(mine)) - np.repeat(np.cumsum(here) - here - before, here)
        combo[start:stop] = number[mine * np.int64(parts) + rank * parts // size[mine]]
        before += here
    return combo, np.flatnonzero(filled) // parts


def _need_terms(pool: PoolFamily, problem: Problem) -> list[RowTerm]:
    """What each method takes from a pool: a quantity, or so much per gross tonne."""
    terms, by_season = [], {one.method for one in problem.seasonal}
    for method, need in pool.need.items():
        quantity, weight = (need, 1.0) if isinstance(need, str) else ("gross", need)
        if pool.month >= 0 and method in by_season:
            quantity, part = month_quantity(quantity, pool.month), 1.0
        else:
            part = pool.scale.get(method, 1.0)
        terms.append(RowTerm(quantity, pool.sign * part * weight, (method,)))
    return terms


def build_rows(problem: Problem, least_groups: int = 1, zoned: Zoned | None = None) -> RowSystem:
    """Turn pools, sinks and policy rows into one system; infinite limits give no row.

    Parameters
    ----------
    problem : Problem
    least_groups : int
        Cut combinations of zones so that there are about so many, see :func:`combine_zones`.
    zoned : Zoned, optional
        Combinations that are known already.

    Raises
    ------
    DataError
        If a zone id is out of range.
    """
    zoned = zoned or combine_zones(problem.cells, zonings_of(problem), least_groups)
    rows: list[SharedRow] = []
    coefficient: list[F64] = []
    pairs: list[I64] = []
    sink_pairs: list[I64] = []
    sink_needs: list[F64] = []

    def add_family(family: PoolFamily | SinkFamily, terms: Sequence[RowTerm]) -> I64:
        """Row of each zone, -1 where it has no limit; one more at the end for no zone."""
        supply, matrix = np.asarray(family.supply, np.float64), term_matrix(terms, problem)
        row_of_zone = np.full(len(supply) + 1, -1)
        for z in np.flatnonzero(np.isfinite(supply)).tolist():
            row_of_zone[z] = len(rows)
            name, zone, limit = family.name, family.zones[z], float(supply[z])
            part = family.part_of if isinstance(family, PoolFamily) else ""
            rows.append(SharedRow(f"{name}: {zone}", name, zone, family.unit, "<=", limit, part))
            coefficient.append(matrix)
        return row_of_zone

    row_of: list[I64] = []
    for pool in problem.pools:
        zone = zoned.table[pool.zoning]
        _require_in_range(pool.name, zone, len(pool.zones))
        row_of.append(add_family(pool, _need_terms(pool, problem)))
        pairs.append(np.stack([row_of[-1][zone], np.arange(zoned.count)]))
        if pool.at_sinks is not None:
            member = np.asarray(pool.at_sinks.member, np.int64)
            _require_in_range(pool.name, member, len(pool.zones))
            sink_pairs.append(np.stack([row_of[-1][member], np.arange(problem.n_sinks)]))
            sink_needs.append(pool.sign * np.asarray(pool.at_sinks.need, np.float64))
    for policy in problem.policies:
        inside = _policy_combos(policy, zoned.table, zoned.count)
        pairs.append(np.stack([np.full(len(inside), len(rows)), inside]))
        rows.append(
            SharedRow(policy.name, "policy", policy.name, policy.unit, policy.sense, policy.limit)
        )
        coefficient.append(term_matrix(policy.terms, problem))
    for family in problem.sinks:
        member = np.arange(problem.n_sinks) if family.member is None else np.asarray(family.member)
        member = member.astype(np.int64)
        _require_in_range(family.name, member, len(family.zones))
        sink_pairs.append(np.stack([add_family(family, ())[member], np.arange(problem.n_sinks)]))
        sink_needs.append(np.ones(problem.n_sinks))
    pair_row, pair_combo = _with_row(pairs)
    sink_row, sink_of, sink_need = _sinks_with_row(sink_pairs, sink_needs)
    return RowSystem(
        rows=tuple(rows),
        coefficient=np.array(coefficient).reshape(len(rows), *term_matrix((), problem).shape),
        pair_row=pair_row,
        pair_combo=pair_combo,
        sink_row=sink_row,
        sink_of=sink_of,
        sink_need=sink_need,
        combo=zoned.combo,
        zone_table=zoned.table,
        n_combos=zoned.count,
        n_sinks=problem.n_sinks,
        sales=_beside(problem, row_of, (sink_row, sink_of, sink_need)),
    )


def _beside(problem: Problem, row_of: Sequence[I64], sinks: tuple[I32, I32, F64]) -> SaleColumns:
    """What stands beside the cells: sales, then emitters."""
    sales = _sales(problem, row_of)
    if problem.captures is None:
        return sales
    return joined(sales, capture_columns(problem, row_of, sinks, _first_policy(row_of)))


def _sales(problem: Problem, row_of: Sequence[I64]) -> SaleColumns:
    """Sales as columns of the rows of pools, and of policy rows about the cost of everything."""
    row, column, weight, before = [], [], [], 0
    named = {pool.name: rows for pool, rows in zip(problem.pools, row_of, strict=True)}
    for sale in problem.sales:
        zones = np.arange(len(sale.most))
        for name in sale.pools:
            rows = named[name][:-1]
            limited = np.flatnonzero(rows >= 0)
            row.append(rows[limited])
            column.append(before + zones[limited])
            weight.append(np.ones(len(limited)))
        before += len(zones)
    if not row:
        return nothing_sold()
    columns = SaleColumns(
        most=np.concatenate([np.asarray(sale.most, np.float64) for sale in problem.sales]),
        price=np.repeat(
            [sale.price for sale in problem.sales], [len(sale.most) for sale in problem.sales]
        ),
        row=np.concatenate(row),
        column=np.concatenate(column),
        weight=np.concatenate(weight),
    )
    first = _first_policy(row_of)
    everywhere = [
        term_matrix(policy.terms if policy.zoning is None else (), problem)
        for policy in problem.policies
    ]
    return columns.with_rows(first, everywhere)


def _first_policy(row_of: Sequence[I64]) -> int:
    """Number of the first row of policy, behind those of pools."""
    return sum(int((rows >= 0).sum()) for rows in row_of)


def _with_row(pairs: Sequence[I64]) -> I32:
    """All pairs of a row and what it sees, but for those without a row, shape (2, n)."""
    joined = np.concatenate([np.empty((2, 0), np.int64), *pairs], axis=1)
    return joined[:, joined[0] >= 0].astype(np.int32)


def _sinks_with_row(pairs: Sequence[I64], needs: Sequence[F64]) -> tuple[I32, I32, F64]:
    """Pairs of a row and a sink, and what a tonne there counts; none where it counts nothing."""
    row, sink = np.concatenate([np.empty((2, 0), np.int64), *pairs], axis=1)
    need = np.concatenate([np.empty(0), *needs])
    counts = (row >= 0) & (need != 0.0)
    return row[counts].astype(np.int32), sink[counts].astype(np.int32), need[counts]


def _policy_combos(policy: PolicyRow, zone_table: dict[str, I64], n_combos: int) -> I64:
    if policy.zoning is None:
        return np.arange(n_combos)
    return np.flatnonzero(np.isin(zone_table[policy.zoning], np.asarray(policy.zones)))


def _require_in_range(name: str, ids: I64, count: int) -> None:
    if len(ids) and (ids.max() >= count or ids.min() < -1):
        raise DataError(
            "a zone id has no zone",
            where=f"pool {name!r}",
            got=int(ids.max() if ids.max() >= count else ids.min()),
            expected=f"0 to {count - 1}, or -1 for none",
        )

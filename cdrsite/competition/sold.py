"""What is sold out of pools: variables of their own beside the cells, paid by the unit.

Each is held between 0 and what customers of a zone want, takes from the rows of that zone, and
makes the plan cheaper. So it counts in every sum that counts the cost of all methods alike, be it
an objective, a budget or a rule; the cost of some methods or of some zones has no part of it.

Columns of one owner are ways of which all together are used at most once: what an emitter captures
may go to one storage unit or another (:mod:`cdrsite.competition.captured`). At given prices the
best way of each owner is its best plan, so the bound needs no rows for owners.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
T = TypeVar("T", bound="SaleColumns")
NET, COST = 1, 2
"""Columns of net removal and of the cost among the quantities that are counted."""


@dataclass(frozen=True, eq=False)
class Sale:
    """One kind of customer in every zone of a zoning.

    Parameters
    ----------
    name : str
        Unique.
    pools : sequence of str
        Pool families over the same zones whose rows it takes from, one for one.
    zoning : str
        Of these families.
    most : ndarray, shape (Z,)
        What customers take at most [unit of the pools]. May be infinite where a row without supply
        holds it.
    price : float
        What they pay [USD per unit].
    giving : mapping of str to float
        What each method gives per gross tonne that these customers can use [unit of the pools].
    """

    name: str
    pools: Sequence[str]
    zoning: str
    most: F64
    price: float
    giving: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class SaleColumns:
    """Sales as columns of the shared rows, in the order of sales and their zones.

    Parameters
    ----------
    most, price : ndarray, shape (V,)
        The columns of one owner have one ``most``; a cost is a price below 0.
    row, column : ndarray of int, shape (E,)
    weight : ndarray, shape (E,)
        What a unit sold adds to a row.
    owner : ndarray of int, shape (W,)
        Owner of each of the last columns, whose number rises along them; the others stand alone.
    net : ndarray, shape (W,)
        What a unit of each of them counts where net removal is counted of all methods alike.
    must : ndarray of bool, shape (W,)
        Whether its owner must be at work.
    """

    most: F64
    price: F64
    row: I64
    column: I64
    weight: F64
    owner: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    net: F64 = field(default_factory=lambda: np.zeros(0))
    must: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    @property
    def alone(self) -> int:
        """Number of columns without an owner, which come first."""
        return len(self.most) - len(self.owner)

    def worth(self, matrix: F64) -> F64:
        """What a unit sold adds to a sum with the coefficients ``matrix`` (M, Q), shape (V,)."""
        total = -self.price * _alike(matrix, COST)
        total[self.alone :] += self.net * _alike(matrix, NET)
        return total

    def charge(self, price: F64) -> F64:
        """What the rows charge for a unit sold, shape (V,)."""
        paid = np.bincount(self.column, self.weight * price[self.row], len(self.most))
        return paid.astype(np.float64)

    def use(self, sold: F64, rows: int) -> F64:
        """What is sold of each row, shape (rows,)."""
        return np.bincount(self.row, self.weight * sold[self.column], rows).astype(np.float64)

    def best(self, gain: F64) -> F64:
        """What is sold where a unit brings so much, shape (V,); prices are :meth:`raised`."""
        sold = np.where((gain > 0.0) & np.isfinite(self.most), self.most, 0.0)
        first = self.alone
        if first < len(sold):
            mine = np.where(self.most[first:] > 0.0, gain[first:], -np.inf)
            order = np.lexsort((-mine, self.owner))
            leads = np.diff(self.owner[order], prepend=-1) > 0
            best = order[leads]
            some = best[(mine[best] > 0.0) | self.must[best]]
            sold[first:] = 0.0
            sold[first + some] = self.most[first + some]
        return sold

    def raised(self, price: F64, worth: F64) -> F64:
        """Prices of rows at which nothing without an end of its own brings a gain.

        The first row that it takes from charges what is missing: a price of a limit from above may
        be any that is not negative, so the bound at these prices holds too.
        """
        short = np.where(np.isinf(self.most), worth - self.charge(price), 0.0)
        wanting = np.flatnonzero(short > 0.0)
        if not len(wanting):
            return price
        raised = price.copy()
        for v in wanting:
            first = np.flatnonzero((self.column == v) & (self.weight > 0.0))[0]
            raised[self.row[first]] += short[v] / self.weight[first]
        return raised

    def with_rows(self, first: int, matrices: Sequence[F64]) -> SaleColumns:
        """The same with further rows, each a sum with the coefficients of a matrix."""
        row, column, weight = [self.row], [self.column], [self.weight]
        for i, matrix in enumerate(matrices):
            each = self.worth(matrix)
            counted = np.flatnonzero(each)
            row.append(np.full(len(counted), first + i))
            column.append(counted)
            weight.append(each[counted])
        return replace(
            self, row=np.concatenate(row), column=np.concatenate(column),
            weight=np.concatenate(weight),
        )  # fmt: skip

    def filled(self, sold: F64, room_up: F64, room_down: F64) -> F64:
        """More sold, as far as customers and rows leave room: income that no goal asked for.

        Parameters
        ----------
        sold : ndarray, shape (V,)
        room_up, room_down : ndarray, shape (R,)
            By how much each row's left-hand side may rise and fall.
        """
        sold, up, down = sold.copy(), room_up.copy(), room_down.copy()
        order = np.argsort(self.column, kind="stable")
        row, weight = self.row[order], self.weight[order]
        edges = np.searchsorted(self.column[order], np.arange(len(sold) + 1))
        for v, (first, stop) in enumerate(pairwise(edges[: self.alone + 1])):
            rows, each = row[first:stop], weight[first:stop]
            room = np.where(each > 0.0, up[rows], down[rows]) / np.abs(each)
            more = min(float(self.most[v] - sold[v]), float(room.min(initial=np.inf)))
            if more > 0.0 and np.isfinite(more):
                sold[v] += more
                up[rows] -= each * more
                down[rows] += each * more
        return sold


def _alike(matrix: F64, quantity: int) -> float:
    """Coefficient of a quantity that all methods have alike; 0 where they differ."""
    each = matrix[:, quantity]
    return float(each[0]) if len(each) > 0 and bool((each == each[0]).all()) else 0.0


def joined(first: SaleColumns, then: T) -> T:
    """Columns without owners, and more behind them."""
    return replace(
        then,
        most=np.concatenate([first.most, then.most]),
        price=np.concatenate([first.price, then.price]),
        row=np.concatenate([first.row, then.row]),
        column=np.concatenate([first.column, then.column + len(first.most)]),
        weight=np.concatenate([first.weight, then.weight]),
    )


def nothing_sold() -> SaleColumns:
    """No sales."""
    none, empty = np.empty(0), np.empty(0, np.int64)
    return SaleColumns(none, none, empty, empty, none)


def shares_taken(given: Sequence[F64], sold: Sequence[F64]) -> list[F64]:
    """What of each method's gift is sold to each kind of customer, in their order.

    Parameters
    ----------
    given : sequence of ndarray, shape (Z, M)
        What each method gives in each zone that these customers can use; those with fewer givers
        come first.
    sold : sequence of ndarray, shape (Z,)

    Returns
    -------
    list of ndarray, shape (Z, M)
        Of what they take, in proportion to what is left of each giver's.
    """
    gone = np.zeros_like(given[0]) if given else np.zeros((0, 0))
    found = []
    for gift, taken in zip(given, sold, strict=True):
        left = np.maximum(gift - np.where(gift > 0.0, gone, 0.0), 0.0)
        total = left.sum(axis=1)
        part = np.divide(taken, total, out=np.zeros_like(taken), where=total > 0.0)
        mine = left * np.minimum(part, 1.0)[:, None]
        gone = gone + mine
        found.append(mine)
    return found

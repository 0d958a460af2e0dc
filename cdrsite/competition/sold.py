"""What is sold out of pools: variables of their own beside the cells, paid by the unit.

Each is held between 0 and what customers of a zone want, takes from the rows of that zone, and
makes the plan cheaper. So it counts in every sum that counts the cost of all methods alike, be it
an objective, a budget or a rule; the cost of some methods or of some zones has no part of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
COST = 2
"""Column of the cost among the quantities that are counted."""


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
    row, column : ndarray of int, shape (E,)
    weight : ndarray, shape (E,)
        What a unit sold adds to a row.
    """

    most: F64
    price: F64
    row: I64
    column: I64
    weight: F64

    def worth(self, matrix: F64) -> F64:
        """What a unit sold adds to a sum with the coefficients ``matrix`` (M, Q), shape (V,)."""
        cost = matrix[:, COST]
        alike = len(cost) > 0 and bool((cost == cost[0]).all())
        return -self.price * (cost[0] if alike else 0.0)

    def charge(self, price: F64) -> F64:
        """What the rows charge for a unit sold, shape (V,)."""
        paid = np.bincount(self.column, self.weight * price[self.row], len(self.most))
        return paid.astype(np.float64)

    def use(self, sold: F64, rows: int) -> F64:
        """What is sold of each row, shape (rows,)."""
        return np.bincount(self.row, self.weight * sold[self.column], rows).astype(np.float64)

    def best(self, gain: F64) -> F64:
        """What is sold where a unit brings so much, shape (V,); prices are :meth:`raised`."""
        return np.where((gain > 0.0) & np.isfinite(self.most), self.most, 0.0)

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
        return SaleColumns(
            self.most, self.price,
            np.concatenate(row), np.concatenate(column), np.concatenate(weight),
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
        for v, (first, stop) in enumerate(pairwise(edges)):
            rows, each = row[first:stop], weight[first:stop]
            room = np.where(each > 0.0, up[rows], down[rows]) / np.abs(each)
            more = min(float(self.most[v] - sold[v]), float(room.min(initial=np.inf)))
            if more > 0.0 and np.isfinite(more):
                sold[v] += more
                up[rows] -= each * more
                down[rows] += each * more
        return sold


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

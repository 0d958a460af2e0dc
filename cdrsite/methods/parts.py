"""What the cost of a plan is made of: the same parts as the cost of a gross tonne, summed.

A part is evaluated from what the result keeps of each cell (:attr:`cdrsite.methods.rivals.RivalSums
.split`); where each link to a storage unit brings its own cost, transport and storage come on top.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

Split = Mapping[str, tuple[float, str]]
"""Part -> coefficient, and the variable of the result that it multiplies; empty for none."""
TRANSPORT, STORAGE = "transport", "storage"
"""Parts that the way to a storage unit decides."""
OF_CAPACITY = ("capital", "heat_pump", "fixed_om", "land")
"""Parts that are paid for the capacity, however much a plant runs."""
REVENUE = "revenue"
"""Part with what is sold; of heat, what the plan finds buyers for."""


@dataclass(frozen=True)
class CostBook:
    """What is needed to sum the parts of the cost over the blocks of a plan.

    Attributes
    ----------
    splits : tuple of mapping
        One per method, all of the same parts.
    storage_cost : ndarray, shape (units,)
        Of each storage unit [USD/t]; empty where there are no units.
    """

    splits: tuple[Split, ...]
    storage_cost: F64

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts."""
        return tuple(self.splits[0]) if self.splits else ()

    def empty(self) -> F64:
        """Sums of no cells, shape (methods, parts)."""
        return np.zeros((len(self.splits), len(self.parts)))

    def add(
        self,
        into: F64,
        x: F64,
        sink: NDArray[np.integer[Any]],
        sink_cost: NDArray[np.floating[Any]],
        stored: F64,
        read: Callable[[str], NDArray[np.generic]],
        capacity: F64 | None = None,
    ) -> None:
        """Add some cells of a plan.

        Parameters
        ----------
        into : ndarray
            From :meth:`empty` [USD/yr].
        x : ndarray, shape (methods, sinks or 1, cells)
            Gross tonnes [t/yr].
        sink, sink_cost : ndarray, shape (sinks, cells)
            Storage unit of each slot, -1 for none, and what getting there and storing cost [USD/t];
            no rows where there are no units.
        stored : ndarray, shape (methods, cells) or (methods, 1)
            CO2 brought to a storage unit per gross tonne [t/t].
        read : callable
            Gives the values of a variable in these cells: of shape (methods, cells) or (cells,).
        capacity : ndarray, shape (methods, cells), optional
            What the plants are built for [t/yr], where some make less.
        """
        gross = x.sum(axis=1)
        for m, split in enumerate(self.splits):
            used = gross[m] > 0
            if not used.any():
                continue
            made = gross[m, used]
            built = made if capacity is None else capacity[m, used]
            for k, (part, (coefficient, variable)) in enumerate(split.items()):
                tonnes = built if part in OF_CAPACITY else made
                if variable:
                    each = np.asarray(read(variable)[m][used], np.float64)
                    into[m, k] += coefficient * float((tonnes * each).sum())
                else:
                    into[m, k] += coefficient * float(tonnes.sum())
        if len(sink) and len(self.storage_cost):
            self._add_ways(into, x * stored[:, None], sink, sink_cost)

    def _add_ways(
        self,
        into: F64,
        brought: F64,
        sink: NDArray[np.integer[Any]],
        sink_cost: NDArray[np.floating[Any]],
    ) -> None:
        """Add transport to the storage units, and storage there, of the tonnes brought [t/yr]."""
        known = sink >= 0
        store = np.where(known, self.storage_cost[np.where(known, sink, 0)], 0.0)
        way = np.where(known, np.asarray(sink_cost, np.float64) - store, 0.0)
        transport, storage = self.parts.index(TRANSPORT), self.parts.index(STORAGE)
        into[:, transport] += (brought * way[None]).sum(axis=(1, 2))
        into[:, storage] += (brought * store[None]).sum(axis=(1, 2))

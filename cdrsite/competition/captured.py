"""CO2 that plants of other kinds capture: bidders beside the cells, for the same rows.

An emitter may bring what it captures to any of some sinks, and brings no more to all of them than
it captures. It takes from pools where it stands, and room and injectivity from its sink, like a
method; it takes no land. What it counts depends on where its carbon is from (rule 5): carbon that
plants have bound from the air is removal, fossil and mineral carbon is an emission that is avoided,
and the two are never summed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cdrsite.core.errors import DataError

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

EMITTERS = "emitters"
"""What terms call them where they name methods."""
AVOIDED = "avoided"
"""Quantity of terms that emitters alone count: emissions that are avoided [t/yr]."""


class Counting(Protocol):
    """``weight`` x a quantity of some methods, or of all where none are named."""

    @property
    def quantity(self) -> str:
        """What is counted."""

    @property
    def weight(self) -> float:
        """How much of it."""

    @property
    def methods(self) -> Sequence[str] | None:
        """Of which methods."""


@dataclass(frozen=True, eq=False)
class Captures:
    """Emitters with what they can capture; K emitters, S slots for sinks, T milestones.

    Parameters
    ----------
    names : sequence of str
        Unique.
    most : ndarray, shape (K,)
        Most that each can capture [t/yr].
    biogenic : ndarray, shape (K,)
        Share of its carbon that plants have bound from the air [1].
    sink : ndarray of int, shape (K, S)
        Sink of each slot, -1 for none.
    cost : ndarray, shape (K, S)
        Of capture, transport and storage, but for ``supplied`` [USD per t captured].
    lost : ndarray, shape (K, S)
        Emissions of the way and of injection [t per t captured].
    energy : ndarray, shape (K,)
        Emissions of the power that capture takes, where that has its full emissions [t per t].
    zones : mapping of str to ndarray of int, shape (K,)
        Zone by zoning, -1 for none.
    needs : mapping of str to ndarray, shape (K,)
        Family of pools -> what a captured tonne takes from it [its unit per t].
    dirty : ndarray, shape (T,)
        Share of the full emissions of power at each milestone; the last one's counts in one year.
    supplied : ndarray, shape (K, T), optional
        Cost of what capture is supplied with at each milestone [USD per t captured]; 0 when not
        given.
    serving : ndarray of bool, shape (K, T), optional
        When each is there; always when not given.
    must : ndarray of bool, shape (K,), optional
        Which ones capture all they can whatever it costs; none when not given.
    welcome : bool
        Whether a goal that counts net removal of all methods alike counts that of emitters too.

    Raises
    ------
    DataError
        Shapes that do not match, or one that must capture and can bring nothing to any sink.
    """

    names: Sequence[str]
    most: F64
    biogenic: F64
    sink: npt.NDArray[np.integer]
    cost: F64
    lost: F64
    energy: F64
    zones: Mapping[str, npt.NDArray[np.integer]] = field(default_factory=dict)
    needs: Mapping[str, F64] = field(default_factory=dict)
    dirty: F64 = field(default_factory=lambda: np.ones(1))
    supplied: F64 | None = None
    serving: Bools | None = None
    must: Bools | None = None
    welcome: bool = True

    def __post_init__(self) -> None:
        count = len(self.names)
        each = [self.most, self.biogenic, self.energy, *self.zones.values(), *self.needs.values()]
        slots = [np.shape(one) for one in (self.sink, self.cost, self.lost)]
        if any(np.shape(one) != (count,) for one in each) or len(set(slots)) != 1:
            raise DataError(
                "numbers of emitters do not match",
                got=f"{[np.shape(one) for one in (*each, self.sink, self.cost, self.lost)]}",
                expected=f"{count} of each, and as many costs and losses as sinks",
            )
        stuck = self.at_work & ~np.bincount(self.owner, self.open.any(axis=1), count).astype(
            np.bool_
        )
        if stuck.any():
            named = [self.names[int(k)] for k in np.flatnonzero(stuck)]
            raise DataError(
                "emitters that must capture, and whose CO2 no storage unit is there for",
                where="emitters.must_run",
                got=", ".join(named[:5]),
                expected="a storage unit in reach, and more avoided than its energy emits",
                cure="lengthen transport.reach, or let them be free to capture",
                rule=8,
            )

    @property
    def milestones(self) -> int:
        """T."""
        return len(self.dirty)

    @cached_property
    def there(self) -> Bools:
        """When each is there, (K, T)."""
        shape = len(self.names), self.milestones
        return np.ones(shape, np.bool_) if self.serving is None else self.serving

    @cached_property
    def at_work(self) -> Bools:
        """Which ones capture all they can whatever it costs, (K,)."""
        none = np.zeros(len(self.names), np.bool_)
        return (none if self.must is None else self.must) & self.there.any(axis=1)

    @cached_property
    def _ways(self) -> tuple[I64, I64]:
        owner, slot = np.nonzero(np.asarray(self.sink) >= 0)
        return owner.astype(np.int64), slot.astype(np.int64)

    @property
    def owner(self) -> I64:
        """Emitter of each way to a sink, rising, (J,)."""
        return self._ways[0]

    @property
    def unit(self) -> I64:
        """Sink of each way, (J,)."""
        return np.asarray(self.sink)[self._ways].astype(np.int64)

    def factor(self, t: int = -1) -> F64:
        """What a captured tonne keeps out of the air at a milestone, (J,) [t/t]."""
        emitted = self.energy * self.dirty[t]
        return np.asarray(1.0 - emitted[self.owner] - self.lost[self._ways])

    @cached_property
    def open(self) -> Bools:
        """Ways that are there at a milestone and keep anything out of the air, (J, T)."""
        kept = np.stack([self.factor(t) > 0.0 for t in range(self.milestones)], axis=1)
        return np.asarray(self.there[self.owner] & kept)

    def busy(self, open_: Bools) -> Bools:
        """Ways of emitters that must capture and have a way that is open, (J,)."""
        some = np.bincount(self.owner, open_, len(self.names)) > 0
        return np.asarray((self.at_work & some)[self.owner])

    def _supplied(self, t: int) -> F64 | float:
        return 0.0 if self.supplied is None else self.supplied[self.owner, t]

    def counted(self, terms: Sequence[Counting], t: int = -1) -> F64:
        """What a captured tonne of each way counts in a sum of terms at a milestone, (J,).

        Terms that name methods count emitters where they name :data:`EMITTERS`.
        """
        share, kept = self.biogenic[self.owner], self.factor(t)
        of = {
            "gross": share, "net": share * kept, AVOIDED: (1.0 - share) * kept,
            "cost": self.cost[self._ways] + self._supplied(t),
        }  # fmt: skip
        total = np.zeros(len(share))
        for term in terms:
            if term.quantity in of and (term.methods is None or EMITTERS in term.methods):
                total += term.weight * of[term.quantity]
        return total

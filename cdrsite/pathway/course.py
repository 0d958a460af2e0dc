"""What milestones add to the competition of one year: tables of method x vintage x milestone.

A method that is built at a milestone is one more activity of the same cell, a vintage. Land that is
taken stays taken, so one row of land holds all years, and all that depends on time is a layer of
the cells times a table: cells are read once per sweep, however many milestones there are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cdrsite.competition.problem import QUANTITIES, Problem, RowTerm, Sense
from cdrsite.competition.rows import term_matrix

F64 = npt.NDArray[np.float64]
NET, COST, LAND = (QUANTITIES.index(name) for name in ("net", "cost", "land"))


@dataclass(frozen=True, eq=False)
class Course:
    """Milestones, and what the methods of each vintage do at each of them.

    Attributes
    ----------
    names : tuple of str
        Of the T milestones, as "2040".
    years, worth : ndarray, shape (T,)
        Years that a rate of each milestone stands for, and those years discounted [yr].
    output : ndarray, shape (M, T, T)
        Output by method, vintage and milestone per unit of capacity; 0 before the vintage, 1 for a
        plant that is renewed [1].
    open : ndarray of bool, shape (M, T)
        Which vintages a method may have.
    more_net : ndarray, shape (M, T, Q)
        Net removal at each milestone on top of that of the cells, per unit of each quantity.
    more_cost : ndarray, shape (M, T, T, Q)
        Cost by vintage and milestone on top of that of the cells, per unit of each quantity.
    """

    names: tuple[str, ...]
    years: F64
    worth: F64
    output: F64
    open: npt.NDArray[np.bool_]
    more_net: F64
    more_cost: F64

    @property
    def count(self) -> int:
        """Number of milestones, and of vintages."""
        return len(self.names)

    @cached_property
    def stands(self) -> F64:
        """1 from the vintage on, shape (vintages, milestones)."""
        return np.triu(np.ones((self.count, self.count)))

    def spread(self, matrix: F64, t: int) -> F64:
        """Coefficients of a sum of one year for all vintages at a milestone.

        Parameters
        ----------
        matrix : ndarray, shape (M, Q)
        t : int
            Number of the milestone.

        Returns
        -------
        ndarray, shape (M V, Q)
            Per unit of capacity: what is put out goes by the output, land and cost by what stands.
        """
        put_out, stands = self.output[:, :, t, None], self.stands[None, :, t, None]
        found = matrix[:, None, :] * put_out
        for quantity in (COST, LAND):
            found[:, :, quantity] = matrix[:, None, quantity] * stands[:, :, 0]
        found += matrix[:, None, NET, None] * self.more_net[:, None, t] * put_out
        found += matrix[:, None, COST, None] * self.more_cost[:, :, t] * stands
        return found.reshape(-1, matrix.shape[1])

    @cached_property
    def least_net(self) -> F64:
        """Net removal on top of that of the cells in the worst year of each vintage, (M, V, Q).

        Of a method whose extra net goes by one quantity alone the worst year is the same in all
        cells; with more of them the least of each is taken, which is on the safe side (rule 5).
        """
        later = self.more_net[:, None] + np.where(self.stands[None, :, :, None] > 0, 0.0, np.inf)
        return later.min(axis=2)

    def stored_over_life(self) -> F64:
        """Years of injection of each vintage, shape (V,): what stands is renewed [yr]."""
        return self.stands @ self.years


@dataclass(frozen=True, eq=False)
class Target:
    """What is asked for at some milestones; what is missed may be paid for.

    Attributes
    ----------
    name, unit : str
        Of the ledger, as "removal", and of the limits.
    terms : sequence of RowTerm
        What counts, in one year.
    limit : ndarray, shape (T,)
        NaN where nothing is asked for.
    missed : float
        Price of a missed unit in money of the year; NaN: none may be missed.
    sense : {">=", "<="}
    standing : ndarray, shape (T,), optional
        What counts of it without the plan.
    """

    name: str
    unit: str
    terms: Sequence[RowTerm]
    limit: F64
    missed: float = float("nan")
    sense: Sense = ">="
    standing: F64 | None = None

    @property
    def asked(self) -> F64:
        """What of the limit is left to the plan, shape (T,)."""
        if self.standing is None:
            return self.limit
        left = self.limit - self.standing
        return np.maximum(left, 0.0) if self.sense == ">=" else left


@dataclass(frozen=True, eq=False)
class GrowthRow:
    """How fast the capacity of a method may grow: ``K_t <= factor_t K_(t-1) + seed_t``.

    Attributes
    ----------
    method : str
    factor, seed : ndarray, shape (T,)
        GrowthRow since the milestone before [1], and what comes without any that stands [t/yr].
    """

    method: str
    factor: F64
    seed: F64


@dataclass(frozen=True, eq=False)
class SinkGrowth:
    """How fast injection may grow in each sink: as :class:`GrowthRow`, all sinks alike.

    Attributes
    ----------
    names : sequence of str
        Of the sinks.
    factor : ndarray, shape (T,)
    seed : ndarray, shape (T,) or (T, S)
        Of all sinks alike, or of each.
    """

    names: Sequence[str]
    factor: F64
    seed: F64

    def of_sink(self, t: int, sink: int) -> float:
        """What comes in a sink without any that is injected there."""
        return float(self.seed[t] if self.seed.ndim == 1 else self.seed[t, sink])


@dataclass(frozen=True, eq=False)
class PathGoal:
    """What is maximised: a sum of terms for each milestone, weights included."""

    name: str
    unit: str
    terms: Sequence[Sequence[RowTerm]]
    sign: int = 1

    def matrix(self, problem: Problem, course: Course) -> F64:
        """Coefficients by method and vintage, shape (M V, Q)."""
        return summed(self.terms, problem, course)


def summed(terms: Sequence[Sequence[RowTerm]], problem: Problem, course: Course) -> F64:
    """Coefficients of a sum over all milestones, shape (M V, Q)."""
    parts = (course.spread(term_matrix(each, problem), t) for t, each in enumerate(terms))
    return sum(parts, np.zeros((len(problem.methods) * course.count, len(problem.counted))))


@dataclass(frozen=True, eq=False)
class Path:
    """A competition over milestones.

    Attributes
    ----------
    problem : Problem
        The competition of one year; its policy rows hold at each milestone.
    course : Course
    goal : PathGoal
    targets : tuple of Target
    growth : tuple of GrowthRow
    supply : mapping of str to ndarray, shape (T,)
        Family of pools or sinks, or policy row -> factor of its limit at each milestone.
    life : mapping of str to ndarray
        Family of sinks that fill over all years -> what each takes in all, shape (Z,).
    injection : SinkGrowth, optional
    present_budget : float
        Most present cost of all years.
    limits : mapping of (str, str) to ndarray, shape (T,)
        Family and zone of a row of one year -> its limit at each milestone, where that is no
        multiple of the one of the problem.
    """

    problem: Problem
    course: Course
    goal: PathGoal
    targets: tuple[Target, ...] = ()
    growth: tuple[GrowthRow, ...] = ()
    supply: Mapping[str, F64] = field(default_factory=dict)
    life: Mapping[str, F64] = field(default_factory=dict)
    injection: SinkGrowth | None = None
    present_budget: float = math.inf
    limits: Mapping[tuple[str, str], F64] = field(default_factory=dict)

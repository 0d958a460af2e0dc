"""Column generation: prices for the shared rows, a plan that keeps them, and a proven gap.

At given prices every cell's best plan is a knapsack; the sum over cells is a bound on the optimum
(Lagrangian duality) and a column of the master. Prices are smoothed towards the best ones so far
(Wentges 1997, International Transactions in Operational Research 4, 151-162; the share adjusts
itself after Pessoa et al. 2018, INFORMS Journal on Computing 30, 339-360).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from cdrsite.competition.master import TOLERANCE, Master, MasterSolution
from cdrsite.competition.problem import Problem, Sense
from cdrsite.competition.rows import RowSystem
from cdrsite.competition.sweeping import Sums, Sweeper, SweepPrices
from cdrsite.core.errors import SolverError

F64 = npt.NDArray[np.float64]

MAX_GROUPS = 256
"""Most groups of cells with columns of their own; more are merged."""

DIGITS = 1e-6
"""Gap below which a plan that no sweep betters is optimal to the digits of the solver [1]."""
RESTING, ROUNDING = 30, 1e-14
"""Sweeps at the same prices, to rounding [1], after which the next would be at these again."""
SETTLE = 30
"""Most further sweeps for prices of the master that prove its plan."""

NOTHING = 1e-9
"""Part of the objective's likely size below which bound and plan both count as 0."""

FEASIBLE = 1e-9
"""Scaled sum of breaks below which a plan counts as keeping its rows."""
BROKEN = -10.0 * FEASIBLE
"""Minus the least scaled sum of breaks that counts as one."""


SMALL_ROW, SMALL_VALUE = 1e-9, 1e-12
"""Least size of a row, and of the objective, as a share of what the cells could do [1].

A supply far below what the cells could use is a supply of next to nothing: scaled to its own size,
a denormal one would make every other number infinite.
"""


@dataclass(frozen=True)
class SolverOptions:
    """How to solve.

    Parameters
    ----------
    gap : float
        Stop at this relative gap between bound and plan [1].
    iterations : int
        Stop with an error after so many sweeps.
    threads : int, optional
        All cores when not given; the answer does not depend on it.
    """

    gap: float = 1e-5
    iterations: int = 500
    threads: int | None = None


@dataclass
class GenerationState:
    """What column generation knows: bound, best prices, and the price vectors of its columns.

    ``begun``: bound and prices of a sweep of the objective before anything else.
    """

    vectors: list[SweepPrices] = field(default_factory=list)
    bound: float = np.inf
    centre: F64 | None = None
    sweeps: int = 0
    begun: tuple[float, F64] | None = None


@dataclass
class _Rest:
    """How many sweeps in a row were at the same prices, to rounding, and the master's as well."""

    sweeps: int = 0
    last: tuple[F64, F64] | None = None

    def see(self, own: F64, price: F64) -> None:
        """Count a sweep at a price, by the master's own prices before it."""
        same = False
        if self.last is not None:
            away = np.abs(price - self.last[1]).max(initial=0.0)
            same = np.array_equal(own, self.last[0]) and away <= ROUNDING * np.abs(price).max(
                initial=0.0
            )
        self.sweeps = self.sweeps + 1 if same else 0
        self.last = own, price


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of one sweep by group: objective (G,), rows (R, G)."""

    value: F64
    activity: F64


class Generator:
    """Column generation for one problem and objective."""

    def __init__(
        self,
        problem: Problem,
        system: RowSystem,
        objective: F64,
        options: SolverOptions,
        *,
        threads: int,
        has_lower: bool,
        sweeper: Sweeper | None = None,
        groups: int = MAX_GROUPS,
        lean: bool = False,
    ) -> None:
        self.system, self.objective, self.options = system, objective, options
        group = merge_groups(system, groups)
        used = np.abs(system.coefficient).sum(axis=(0, 1)) + np.abs(objective).sum(axis=0) > 0
        self.sweeper = (
            Sweeper(problem, system, group, threads, used, has_lower)
            if sweeper is None
            else replace(sweeper, system=system, group=group, counted=used)
        )
        self.limits, self.senses, self.sales = system.limits, system.senses, system.sales
        self.has_lower, self.lean = has_lower, lean
        # sizes: what the cells could do if every quantity of the objective were welcome
        size = np.abs(objective)
        able = self.sweep(size, np.zeros(len(self.limits)))
        first = self.columns(able, size)
        reach = self._reach(able, first, problem.counted.index("gross"))
        size = np.maximum(np.abs(self.limits), SMALL_ROW * reach)
        size = np.where(self.limits != 0.0, size, reach)
        self.scale = self._of_one_size(np.where(size > 0.0, size, 1.0))
        likely = _likely_value(first, self.limits, self.senses) + self._of_owners()
        self.value_scale = max(likely, SMALL_VALUE * float(np.abs(first.value).sum()))
        self.nothing = NOTHING * self.value_scale
        self._restart()

    def _of_owners(self) -> float:
        """What all that has an owner could add to the objective."""
        sales = self.sales
        if not len(sales.owner):
            return 0.0
        able = np.abs(sales.worth(self.objective) * sales.most)[sales.alone :]
        most = np.zeros(int(sales.owner.max()) + 1)
        np.maximum.at(most, sales.owner, able)
        return float(most.sum())

    def _of_one_size(self, scale: F64) -> F64:
        """Rows without a limit of their own are at least as large as what is sold between them."""
        sales = self.sales
        largest = np.zeros(len(sales.most))
        np.maximum.at(largest, sales.column, scale[sales.row])
        wide = np.zeros(len(scale))
        np.maximum.at(wide, sales.row, largest[sales.column])
        pools = np.array([row.family != "policy" for row in self.system.rows], np.bool_)
        return np.where((self.limits == 0.0) & pools, np.maximum(scale, wide), scale)

    def _reach(self, able: Sums, first: Columns, gross: int) -> F64:
        """How much of each row the cells could move (R,).

        What some give and others take balances at the smaller of the two: the larger may exceed it
        by so much that the tolerance of a row of that size is more than what is given.
        """
        plans, idle = [able], ~self.objective.any(axis=1)
        if idle.any():  # what the objective does not count may still give what others take
            others = np.zeros_like(self.objective)
            others[idle, gross] = 1.0
            plans.append(self.sweep(others, np.zeros(len(self.limits))))
        sides = np.zeros((2, len(self.limits)))
        for side, sign in zip(sides, (1.0, -1.0), strict=True):
            part = replace(self.system, coefficient=np.maximum(sign * self.system.coefficient, 0.0))
            group, count = self.sweeper.group, self.sweeper.n_groups
            for plan in plans:
                moved = part.activity(plan.by_combo, plan.by_sink, group, count).sum(axis=1)
                np.maximum(side, moved, out=side)
        both = (sides > 0.0).all(axis=0)
        return np.where(both, sides.min(axis=0), np.abs(first.activity).sum(axis=1))

    def sweep(self, objective: F64, price: F64) -> Sums:
        """Best plans at some prices."""
        return self.sweeper.sums(self.sweeper.prices(objective, price))

    def columns(self, sums: Sums, objective: F64) -> Columns:
        """Columns by group."""
        sweeper = self.sweeper
        value = (sums.by_combo * objective[None]).sum(axis=(1, 2))
        return Columns(
            np.bincount(sweeper.group, value, sweeper.n_groups).astype(np.float64),
            self.system.activity(sums.by_combo, sums.by_sink, sweeper.group, sweeper.n_groups),
        )

    def begin(self, price: F64) -> Columns:
        """Sweep at prices that are known from elsewhere, before all else."""
        columns = self._price_out(self.objective, price)
        assert self.state.centre is not None  # noqa: S101 - of the sweep
        self.state.begun = self.state.bound, self.state.centre
        return columns

    def limit(self, limits: F64) -> None:
        """Go on with other limits; columns stay, what they prove does not."""
        self.limits = limits
        self.master.set_limits(limits)
        self.state.bound = np.inf

    def feasible(self) -> MasterSolution | None:
        """Phase one: columns whose mix keeps all rows, or the proof that there is none."""
        bound = self.has_lower or bool(self.sales.must.any())
        elastic = (np.array(self.senses, "<U2") != "<=") | (self.limits < 0.0) | bound
        if not elastic.any():
            return None
        solution = self.least_breaks(elastic)
        self.master.set_elastic(None)
        self.state.centre = None
        return solution if solution.value < BROKEN else None

    def least_breaks(self, elastic: npt.NDArray[np.bool_]) -> MasterSolution:
        """Least scaled sum of breaks of the elastic rows; stops at none."""
        self.master.set_elastic(elastic)
        self.state.centre = None
        return self.generate(np.zeros_like(self.objective), stop_at=-FEASIBLE)

    def keep_rows(self, active: npt.NDArray[np.bool_]) -> None:
        """Drop the limits of all but the ``active`` rows; columns stay, what they prove does not.

        A column is what cells do at some prices, whatever rows hold.
        """
        self.master.restore_rows(active)
        self.master.free_rows(~active)
        self.state.bound, self.state.centre, self.state.sweeps = np.inf, None, 0

    def broken(self, elastic: npt.NDArray[np.bool_]) -> F64 | None:
        """Prices that prove that some elastic row must be broken, (R,); None if none must be.

        Stops with the first proof, as by how much they are broken is not asked.
        """
        self.master.set_elastic(elastic)
        nothing = np.zeros_like(self.objective)
        solution = self.generate(nothing, stop_at=-FEASIBLE, stop_below=BROKEN)
        if solution.value >= BROKEN:
            return None
        return solution.price if self.state.centre is None else self.state.centre

    def _restart(self) -> None:
        self.state = GenerationState()
        self.master = Master(
            self.senses, self.limits, self.scale, self.value_scale, self.sweeper.n_groups,
            self.sales, self.sales.worth(self.objective), optional=not self.has_lower,
            lean=self.lean,
        )  # fmt: skip
        if self.has_lower:  # then doing nothing is not a plan: the master needs one to begin with
            self._price_out(self.objective, np.zeros(len(self.limits)))

    def generate(
        self,
        objective: F64,
        *,
        stop_at: float = np.inf,
        stop_below: float = -np.inf,
        anytime: bool = False,
    ) -> MasterSolution:
        """Generate columns until the gap is closed, or it is known on which side of a value it is.

        The master reaches ``stop_at``, or the bound proves that none reaches ``stop_below``.
        ``anytime``: the plan so far will do where the sweeps allowed do not close the gap.
        """
        state, options = self.state, self.options
        state.bound = np.inf
        smooth, first, own = 0.5, state.centre is not None, None
        rest = _Rest()
        if state.begun is not None and objective is self.objective:
            (state.bound, state.centre), state.begun, first = state.begun, None, False
        while True:
            solution = self.master.solve()
            if solution.value >= stop_at or state.bound < stop_below:
                return solution
            if self.gap(solution.value) <= options.gap:
                return solution
            rests = rest.sweeps >= RESTING
            if rests or state.sweeps >= options.iterations:
                if anytime:
                    return solution
                raise SolverError(
                    "the gap was not closed",
                    got=f"{self.gap(solution.value):.2g} after {state.sweeps} sweeps",
                    expected=f"{options.gap:.2g}",
                    cure=("" if rests else "allow more iterations or ") + "a wider gap",
                    rule=8,
                )
            centre = state.centre if state.centre is not None else solution.price
            share = 1.0 if first else smooth
            price = share * centre + (1.0 - share) * solution.price
            rest.see(solution.price, price)
            columns = self._price_out(objective, price)
            used = columns.activity.sum(axis=1) + self._sold_at(objective, price)[1]
            slope = float((self.limits - used) @ (solution.price - centre))
            smooth = _adjusted(smooth, rising=slope > 0.0)
            gain = columns.value - solution.price @ columns.activity - solution.group_price
            # the same prices again give the same columns, of which the solver has no use
            again = share == 0.0 and own is not None and np.array_equal(price, own)
            stuck = again and self.gap(solution.value) <= DIGITS
            own = price if share == 0.0 else None
            if not first and (stuck or gain.max() <= TOLERANCE * self.master.objective_scale):
                smooth = 0.0
                if share == 0.0 and not self._sharpen():
                    return solution  # no column improves at the master's own prices: it is optimal
            first = False

    def settle(self, objective: F64, solution: MasterSolution) -> MasterSolution:
        """Generate columns until the master's own prices prove the plan too, not only the best.

        The best prices so far close the gap; the master's may still be far from any that do where
        its few columns leave them a choice. After ``SETTLE`` sweeps the best prices are taken.
        """
        for _ in range(SETTLE):
            if self.state.centre is not None and np.array_equal(self.state.centre, solution.price):
                return solution
            price = self.sales.raised(solution.price, self.sales.worth(objective))
            columns = self._price_out(objective, price)
            bound = self._bound(objective, price, columns)
            if self.gap(solution.value, bound) <= self.options.gap:
                return solution
            gain = columns.value - solution.price @ columns.activity - solution.group_price
            if gain.max() <= TOLERANCE * self.master.objective_scale:
                return solution
            solution = self.master.solve()
        best = self.state.centre
        return solution if best is None else replace(solution, price=best)

    def _sharpen(self) -> bool:
        """Rescale the objective to its bound if that is far smaller: tolerances follow it."""
        size = abs(self.state.bound)
        if self.master.phase_one or not self.nothing < size < 0.1 * self.value_scale:
            return False
        self.value_scale = size
        self.master.rescale(size)
        return True

    def gap(self, value: float, bound: float | None = None) -> float:
        """Relative distance of a value to a bound, the best one unless given.

        Where both are nothing beside the sums that they are the difference of, the optimum is 0: no
        distance to it is small as a share of it, and the gap is closed in absolute terms.
        """
        bound = self.state.bound if bound is None else bound
        difference = bound - value
        size = max(abs(bound), abs(value))
        zero = size <= self.nothing and not self.master.phase_one
        if zero or difference <= 1e-11 * self.master.objective_scale:
            return 0.0
        return difference / size

    def _bound(self, objective: F64, price: F64, columns: Columns) -> float:
        """No plan can do better than this, by the best columns and sales at some prices."""
        best = (columns.value - price @ columns.activity).sum()
        return float(price @ self.limits + best + self._sold_at(objective, price)[0])

    def _sold_at(self, objective: F64, price: F64) -> tuple[float, F64]:
        """What is earned by the best sales at some prices, and what they use of the rows (R,)."""
        if not len(self.sales.most):
            return 0.0, np.zeros(len(price))
        gain = self.sales.worth(objective) - self.sales.charge(price)
        sold = self.sales.best(gain)
        return float(gain @ sold), self.sales.use(sold, len(price))

    def _price_out(self, objective: F64, price: F64) -> Columns:
        """Sweep at some prices: improve the bound, add the columns."""
        state = self.state
        price = self.sales.raised(price, self.sales.worth(objective))
        prices = self.sweeper.prices(objective, price)
        sums = self.sweeper.sums(prices)
        true = self.columns(sums, self.objective)
        columns = true if objective is self.objective else self.columns(sums, objective)
        bound = self._bound(objective, price, columns)
        if bound < state.bound:
            state.bound, state.centre = bound, price
        self.add(prices, true)
        state.sweeps += 1
        return columns

    def add(self, prices: SweepPrices, columns: Columns) -> None:
        """Let the master mix the best plans at some prices."""
        active = (columns.value != 0.0) | (columns.activity != 0.0).any(axis=0)
        groups = np.flatnonzero(active | self.has_lower)
        self.master.add_columns(columns.value, columns.activity, groups, len(self.state.vectors))
        self.state.vectors.append(prices)

    def mix(self, solution: MasterSolution) -> tuple[tuple[SweepPrices, F64], ...]:
        """Price vectors of the master's plan, and the share of each group that follows them."""
        shares: dict[int, F64] = {}
        n_groups, master = self.sweeper.n_groups, self.master
        for j in np.flatnonzero(solution.share > 0.0):
            by_group = shares.setdefault(int(master.origin[j]), np.zeros(n_groups))
            by_group[master.group[j]] += solution.share[j]
        over = np.maximum(sum(shares.values(), np.zeros(n_groups)), 1.0)
        vectors = self.state.vectors
        return tuple((vectors[origin], part / over) for origin, part in sorted(shares.items()))


def _likely_value(first: Columns, limits: F64, senses: list[Sense]) -> float:
    """Size of the objective: what the cells could do, cut to what the supplies allow.

    Every group is cut in proportion to the scarcest supply that it draws on.
    """
    drawn = np.maximum(first.activity, 0.0)
    total = drawn.sum(axis=1)
    part = np.ones(len(limits))
    supplies = (np.array(senses, dtype="<U2") == "<=") & (total > limits)
    part[supplies] = np.maximum(limits[supplies], 0.0) / total[supplies]
    least = np.where(drawn > 0.0, part[:, None], 1.0).min(axis=0, initial=1.0)
    everything = np.abs(first.value)
    for size in (float((everything * least).sum()), float(everything.sum())):
        if size > 0.0:
            return size
    return 1.0


def _adjusted(smooth: float, *, rising: bool) -> float:
    """More smoothing where the bound got worse towards the master's prices, else less."""
    if rising:
        return smooth + (1.0 - smooth) * 0.1
    return smooth / 1.1 if smooth >= 0.5 else max(0.0, smooth - (1.0 - smooth) * 0.1)


def merge_groups(system: RowSystem, most: int = MAX_GROUPS) -> npt.NDArray[np.int32]:
    """Group of each combination of zones: itself, or neighbours in the sorted order merged."""
    count = system.n_combos
    groups = min(count, most)
    return (np.arange(count, dtype=np.int64) * groups // max(count, 1)).astype(np.int32)

"""Plans over periods fast: slope scaling over all periods at once, purchases timed, flows refitted.

One linear program holds captured, stored, flow and capacity bought of every period; each fixed
charge is spread over the amount of the last round (Kim and Pardalos 1999, as in ``heuristic.py``).
Where it has a solution, rounding up gives a plan, so there is always one where any exists.
"""

from __future__ import annotations

import numpy as np

from cdrsite.core.solver import LinearSolver, Programme
from cdrsite.network.arrays import FlowPlan
from cdrsite.network.horizon import Horizon
from cdrsite.network.model import INF, Rows
from cdrsite.network.rollout import Rollout, rollout_of

_ROUNDS = 12


class Rolling:
    """Slope scaling over periods.

    Parameters
    ----------
    horizon : Horizon
        The network.
    seed : int
        Seed of the random starts.
    """

    def __init__(self, horizon: Horizon, seed: int) -> None:
        self.horizon = horizon
        self._random = np.random.default_rng([seed, 12])
        net, periods = horizon.nets[0], horizon.periods
        self._shapes = (len(net.source_cap), len(net.sink_cap), net.arcs, len(horizon.there))
        blocks, begin = [], 0
        for items in self._shapes:
            blocks.append(np.arange(begin, begin + periods * items).reshape(periods, items))
            begin += periods * items
        self._a, self._b, self._x, self._k = blocks
        self._size = begin
        self._solver = self._linear()
        self.plans: list[Rollout] = []

    def sort(self) -> None:
        """Put the best plans first and drop copies."""
        best: dict[int, Rollout] = {}
        for plan in sorted(self.plans, key=lambda one: one.cost):
            best.setdefault(round(plan.cost * 1e7), plan)
        self.plans = list(best.values())[:40]

    def run(self, starts: int, guide: Rollout | FlowPlan | None = None) -> None:
        """Add plans, best first.

        Parameters
        ----------
        starts : int
            Number of starts; the first is not perturbed.
        guide : Rollout or FlowPlan, optional
            Flows over the periods, or those of one of them, that every second start favours.
        """
        for number in range(starts):
            spread = 0.0 if number == 0 else 0.2 + 0.6 * (number % 4) / 3
            self._start(spread, guide if number % 2 == 0 else None)
        self.sort()

    def refit(self, plan: Rollout) -> Rollout:
        """Fix what a plan opens and buys, find its best flows, and buy for those; while it pays."""
        for _ in range(4):
            again = self._refitted(plan)
            if again is None or again.cost >= plan.cost - 1e-12 * abs(plan.cost):
                return plan
            plan = again
        return plan

    def tidy(self, plan: Rollout) -> Rollout:
        """Take out flow that runs in circles, which a pipe laid early for later costs nothing."""
        lower, upper = self._bounds()
        full = upper.copy()
        for block, amount in ((self._a, plan.captured), (self._b, plan.stored)):
            upper[block] = np.minimum(upper[block], amount * (1 + 1e-12))
        upper[self._x] = plan.flow
        cost = np.zeros(self._size)
        cost[self._x] = 1.0
        if all(goal.target is not None for goal in self.horizon.goals):
            self._solver.set_bounds(np.minimum(lower, upper), upper)
            x = self._solve(cost)
            self._solver.set_bounds(lower, full)
            again = None if x is None else self._read(x)
            if again is not None and again.cost <= plan.cost:
                return again
        return plan

    # -- the linear program ----------------------------------------------------------------

    def _linear(self) -> LinearSolver:
        horizon, rows = self.horizon, Rows()
        for t, (net, goal) in enumerate(zip(horizon.nets, horizon.goals, strict=True)):
            self._period_rows(rows, t)
            captured = self._a[t].tolist()
            if goal.target is not None:
                rows.add(captured, [1.0] * len(captured), goal.target, goal.target)
                for members, part in goal.ledgers[1:]:
                    mine = [captured[i] for i in members]
                    rows.add(mine, [1.0] * len(mine), part, part)
            carried: list[list[int]] = [[] for _ in horizon.there]
            for arc, e in enumerate(net.edge):
                carried[e].append(int(self._x[t, arc]))
            for e, columns in enumerate(carried):
                if horizon.there[e]:
                    rows.add(columns, [1.0] * len(columns), -INF, float(horizon.most[e]))
                    continue
                laid = self._k[: t + 1, e].tolist()
                factors = [1.0] * len(columns) + [-1.0] * len(laid)
                rows.add([*columns, *laid], factors, -INF, 0.0)
        for j, room in enumerate(horizon.room):
            rows.add(self._b[:, j].tolist(), horizon.times.years.tolist(), -INF, float(room))
        matrix = rows.matrix(self._size)
        programme = Programme(
            np.zeros(self._size), *self._bounds(), np.array(rows.lower), np.array(rows.upper),
            matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data,
        )  # fmt: skip
        return LinearSolver(programme, primal_feasibility_tolerance=1e-9)

    def _period_rows(self, rows: Rows, t: int) -> None:
        """Balance of each node in a period."""
        net = self.horizon.nets[t]
        index: list[list[int]] = [[] for _ in range(net.nodes)]
        value: list[list[float]] = [[] for _ in range(net.nodes)]

        def put(node: int, column: int, factor: float) -> None:
            index[node].append(int(column))
            value[node].append(factor)

        for arc in range(net.arcs):
            put(net.tail[arc], self._x[t, arc], 1.0)
            put(net.head[arc], self._x[t, arc], -1.0)
        for i, node in enumerate(net.source_node):
            put(node, self._a[t, i], -1.0)
        for j, node in enumerate(net.sink_node):
            put(node, self._b[t, j], 1.0)
        for columns, factors in zip(index, value, strict=True):
            if columns:
                rows.add(columns, factors, 0.0, 0.0)

    def _bounds(self) -> tuple[np.ndarray, np.ndarray]:
        horizon = self.horizon
        lower, upper = np.zeros(self._size), np.zeros(self._size)
        most = np.where(horizon.there, 0.0, horizon.most)
        for t, net in enumerate(horizon.nets):
            lower[self._a[t]], upper[self._a[t]] = net.source_least, net.source_cap
            upper[self._b[t]] = net.sink_cap
            upper[self._x[t]] = INF
            upper[self._k[t]] = most
        return lower, upper

    def _solve(self, cost: np.ndarray) -> np.ndarray | None:
        self._solver.set_costs(cost)
        return np.maximum(self._solver.x, 0.0) if self._solver.run() == "optimal" else None

    # -- starts ----------------------------------------------------------------------------

    def _start(self, spread: float, guide: Rollout | FlowPlan | None) -> None:
        horizon, net = self.horizon, self.horizon.nets[0]
        capture = np.max([one.source_cap for one in horizon.nets], axis=0)
        store = np.max([one.sink_cap for one in horizon.nets], axis=0)
        pipe = horizon.most.copy()
        if guide is not None:
            through = np.zeros(len(pipe))
            np.maximum.at(through, net.edge, np.atleast_2d(guide.flow).max(axis=0))
            capture = np.maximum(np.atleast_2d(guide.captured).max(axis=0), 0.03 * capture)
            store = np.maximum(np.atleast_2d(guide.stored).max(axis=0), 0.03 * store)
            pipe = np.maximum(through, 0.03 * pipe)
        sizes = [np.maximum(one, 1e-6) for one in (capture, store, pipe)]
        # one noise for all periods: a place is good or bad throughout
        noise = [np.exp(spread * self._random.standard_normal(len(one))) for one in sizes]
        cost = self._unit_costs(*sizes)
        for block, factor in zip((self._a, self._b, self._k), noise, strict=True):
            cost[block] *= factor
        seen: set[bytes] = set()
        best: Rollout | None = None
        for _ in range(_ROUNDS):
            x = self._solve(cost)
            if x is None:
                break
            plan = self._read(x)
            if plan is not None and (best is None or plan.cost < best.cost):
                best = plan
            mark = np.packbits(x > 1e-7).tobytes()
            if plan is None or mark in seen:
                break
            seen.add(mark)
            cost = self._spread(cost, plan)
        if best is not None:
            record = min((one.cost for one in self.plans), default=np.inf)
            if best.cost <= record + 0.02 * abs(record):
                best = self.refit(best)
            self.plans.append(best)

    def _unit_costs(self, capture: np.ndarray, store: np.ndarray, pipe: np.ndarray) -> np.ndarray:
        """Cost of a unit of each column where the amounts are as supposed."""
        horizon, cost = self.horizon, np.zeros(self._size)
        per_pipe = self._per_pipe(pipe)
        for t, (net, share) in enumerate(zip(horizon.nets, horizon.times.share, strict=True)):
            price = horizon.goals[t].price or 0.0
            wells = np.ceil(store / horizon.well_rate - 1e-9)
            sites = net.sink_fixed + net.well_cost * wells
            cost[self._a[t]] = share * (net.source_fixed / capture + net.source_var - price)
            cost[self._b[t]] = share * (sites / store + net.sink_var)
            cost[self._k[t]] = horizon.times.tail[t] * per_pipe
            old = horizon.there[net.edge]
            cost[self._x[t]] = share * np.where(old, per_pipe[net.edge], 0.0)
        return cost

    def _per_pipe(self, size: np.ndarray) -> np.ndarray:
        """Cheapest cost of a tonne through each arc at a size; (E,)."""
        horizon, found = self.horizon, np.full(len(size), np.inf)
        at = np.minimum(size, horizon.most)[horizon.edge]
        fits = at <= horizon.high + 1e-9
        each = np.where(fits, horizon.fixed / np.maximum(at, 1e-9) + horizon.slope, np.inf)
        np.minimum.at(found, horizon.edge, each)
        return np.where(np.isfinite(found), found, 1e6)

    def _spread(self, cost: np.ndarray, plan: Rollout) -> np.ndarray:
        """Spread fixed charges over what a plan uses; what it does not use keeps its cost."""
        horizon, times = self.horizon, self.horizon.times
        fresh = cost.copy()
        fixed = np.where(horizon.there[horizon.edge], 0.0, horizon.fixed)
        paid = np.zeros(len(horizon.there))
        spent = times.tail @ (plan.taken * fixed + plan.bought * horizon.slope)
        np.add.at(paid, horizon.edge, spent)
        amount = np.zeros(len(horizon.there))
        np.add.at(amount, horizon.edge, times.tail @ plan.bought)
        used = amount > 1e-9
        for t, (net, share) in enumerate(zip(horizon.nets, times.share, strict=True)):
            price = horizon.goals[t].price or 0.0
            a, b = plan.captured[t], plan.stored[t]
            mean = net.source_fixed / np.maximum(a, 1e-9) + net.source_var - price
            fresh[self._a[t]] = np.where(a > 0, share * mean, cost[self._a[t]])
            sites = net.sink_fixed + net.well_cost * plan.wells[t]
            mean = sites / np.maximum(b, 1e-9) + net.sink_var
            fresh[self._b[t]] = np.where(b > 0, share * mean, cost[self._b[t]])
            mean = times.tail[t] * paid / np.maximum(amount, 1e-9)
            fresh[self._k[t]] = np.where(used, mean, cost[self._k[t]])
        return fresh

    def _read(self, x: np.ndarray) -> Rollout | None:
        return rollout_of(self.horizon, x[self._a], x[self._b], x[self._x], x[self._k])

    def _refitted(self, plan: Rollout) -> Rollout | None:
        horizon = self.horizon
        lower, upper = self._bounds()
        full = upper.copy()
        opened = np.maximum.accumulate(plan.captured > 0, axis=0)
        upper[self._a] = np.where(opened, upper[self._a], 0.0)
        upper[self._b] = np.minimum(upper[self._b], plan.wells * horizon.well_rate)
        high = np.where(plan.taken, horizon.high, 0.0)
        laid, slope = np.zeros(self._k.shape), np.zeros(self._k.shape)
        for t, n in zip(*np.nonzero(plan.taken), strict=True):
            laid[t, horizon.edge[n]], slope[t, horizon.edge[n]] = high[t, n], horizon.slope[n]
        upper[self._k] = np.where(horizon.there, 0.0, laid)
        old = np.zeros(horizon.periods * len(horizon.there)).reshape(laid.shape)
        old[:, horizon.there] = np.maximum.accumulate(laid[:, horizon.there] > 0, axis=0)
        cost = np.zeros(self._size)
        tariff = slope.max(axis=0)
        for t, (net, share) in enumerate(zip(horizon.nets, horizon.times.share, strict=True)):
            price = horizon.goals[t].price or 0.0
            cost[self._a[t]] = share * (net.source_var - price)
            cost[self._b[t]] = share * net.sink_var
            cost[self._k[t]] = horizon.times.tail[t] * slope[t]
            there = horizon.there[net.edge]
            cost[self._x[t]] = np.where(there, share * tariff[net.edge], 0.0)
            upper[self._x[t]] = np.where(there & (old[t, net.edge] == 0), 0.0, INF)
        self._solver.set_bounds(np.minimum(lower, upper), upper)
        x = self._solve(cost)
        self._solver.set_bounds(lower, full)
        return None if x is None else self._read(x)

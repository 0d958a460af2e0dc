"""How the value of a certified plan moves with every number that it is made of, from one solution.

The value V of a linear programme is that of its Lagrangian at plan and prices, so where it has one
solution its derivative by a number t is the partial one of the Lagrangian, with plan and prices
held (envelope theorem: Milgrom & Segal 2002, Econometrica 70, 583-601; Gal 1979, Postoptimal
Analyses). With x the gross tonnes of a method in a cell, L a product of layers, and w, p, l the
weights and prices of net tonnes, cost, needs, land and storage there, one pass adds up

    G[method, what, L] = sum over cells of  x  L  (weight or price of what),

and then dV/dt = sum of G times d coefficient / dt for any number. What is held at its own limit by
land has that limit in its price of land; complementary slackness does the rest, so no test of
bounds is needed. Where a number stands at a kink, prices or plan are one of many, and what is found
lies between the slopes to its two sides.

One module: what is added up, and what it is multiplied with, name the same quantities.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cdrsite.competition.paid import Arrival, PaidCells
from cdrsite.competition.problem import PoolFamily
from cdrsite.competition.results import KEPT, real_prices, rivals_alike
from cdrsite.competition.rows import objective_matrix, term_matrix
from cdrsite.core.plaindata import recorded
from cdrsite.core.vocabulary import INJECTIVITY, PORE_SPACE, resource_of
from cdrsite.transport.ways import PIPELINE, SHIP, TRUCK

if TYPE_CHECKING:
    from cdrsite.competition.solution import BlockPlan, Solution
    from cdrsite.sampling.coefficients import Coefficients
    from cdrsite.scoring.sums import Sum
    from cdrsite.transport.fares import Fares

F64 = npt.NDArray[np.float64]
Product = tuple[str, ...]
"""Names of layers that are multiplied, sorted."""
Key = tuple[str, str, Product]
"""Method, what of it (``net``, ``cost``, ``land``, ``stored``, or a need), product of layers."""

LINE_COST, LINE, ROAD, SEA_COST, STORING, LEAKING, SHARING, LOOSE = range(8)
"""What a method pays for lines and ships, and per USD of what every tonne by line or road pays;
what it pays for storing, what leaks on the way, and the land that it closes to others: per unit of
storage cost, leakage and exclusive share; and the gross tonnes that could as well be another
method's, or another's that could be its own."""
EXTRAS = 8
"""How many of these there are."""
FIRM = 1e-3
"""Share of a method's tonnes that may be another's before its slopes are one of several [1]."""


def sums_of(coefficients: Coefficients, method: str) -> dict[str, Sum]:
    """What of a method is a sum of products: net factor, cost, land, needs, what is stored."""
    one = coefficients.sums[method]
    return {
        "net": one.net_factor,
        "cost": one.cost,
        "land": one.land,
        "stored": one.stored,
        **one.needs,
    }


def by_product(total: Sum) -> dict[Product, float]:
    """Coefficient of each product of layers."""
    return {tuple(sorted(term.layers)): term.coefficient for term in total.terms}


def products_of(coefficients: Iterable[Coefficients]) -> tuple[Key, ...]:
    """Every product of layers that any of some coefficients multiply."""
    found = dict.fromkeys(
        (method, what, product)
        for one in coefficients
        for method in one.sums
        for what, total in sums_of(one, method).items()
        for product in by_product(total)
    )
    return tuple(found)


@dataclass(frozen=True, eq=False)
class PlanPrices:
    """Weights and prices of a solution, without those that are only rounding.

    Attributes
    ----------
    solution : Solution
        The plan with its certificate.
    """

    solution: Solution

    @cached_property
    def row(self) -> F64:
        """Of the shared rows, shape (R,)."""
        return real_prices(self.solution)

    @cached_property
    def weight(self) -> F64:
        """Value of a unit of each quantity by combination and method, shape (C, M, Q)."""
        solution = self.solution
        goal = objective_matrix(solution.objective, solution.problem)
        return solution.system.weights(goal, self.row)

    @cached_property
    def sink(self) -> F64:
        """Value of a tonne in each sink, and 0 at the end for none, shape (S + 1,)."""
        return np.append(self.solution.system.sink_values(self.row)[1:], 0.0)

    @cached_property
    def pools(self) -> list[tuple[int, PoolFamily]]:
        """Row and its family, of all rows of pools."""
        families = {
            (pool.name, zone): pool for pool in self.solution.problem.pools for zone in pool.zones
        }
        return [
            (r, families[row.family, row.zone])
            for r, row in enumerate(self.solution.system.rows)
            if (row.family, row.zone) in families
        ]

    @cached_property
    def need(self) -> dict[str, F64]:
        """Charge of a unit of need of each pooled resource, by combination, shape (C, M)."""
        system, methods = self.solution.system, self.solution.problem.method_names
        each: dict[str, F64] = {}
        for r, pool in self.pools:
            rows = each.setdefault(supplied_by(pool), np.zeros((len(system.rows), len(methods))))
            for m, name in enumerate(methods):
                if name in pool.need:
                    rows[r, m] = pool.sign * pool.scale.get(name, 1.0) * self.row[r]
        found = {}
        for name, rows in each.items():
            paid = np.zeros((system.n_combos, len(methods)))
            np.add.at(paid, system.pair_combo, rows[system.pair_row])
            found[name] = paid
        return found

    def worth(self, families: Iterable[str]) -> float:
        """Price times limit of the rows of some families."""
        wanted, rows = set(families), self.solution.system.rows
        priced = zip(self.row, rows, strict=True)
        return float(sum(price * row.limit for price, row in priced if row.family in wanted))

    @cached_property
    def money(self) -> float:
        """What a USD that nobody in particular pays or earns adds, as what is sold."""
        problem, system = self.solution.problem, self.solution.system
        sales = system.sales
        if not len(sales.most):
            return 0.0
        total = sales.worth(objective_matrix(self.solution.objective, problem))
        rules = {row.name: row for row in problem.policies if row.zoning is None}
        for price, row in zip(self.row, system.rows, strict=True):
            if row.family == "policy" and row.name in rules:
                total = total - price * sales.worth(term_matrix(rules[row.name].terms, problem))
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.nan_to_num(total[0] / sales.price[0]))


def supplied_by(pool: PoolFamily) -> str:
    """Resource that a family of pools is about."""
    return resource_of(pool.part_of or pool.name)


@recorded
@dataclass(frozen=True)
class PlanSums:
    """What a plan adds up to, each tonne with what its quantities are worth.

    Attributes
    ----------
    each : ndarray, shape (keys,)
        By product of layers.
    extra : ndarray, shape (M, EXTRAS)
        By method: :data:`LINE_COST` and so on.
    units : ndarray, shape (S, 2)
        By storage unit: per USD that a tonne costs there more, and per tonne that it loses [t/t].
    arriving : ndarray, shape (M, J)
        Tonnes that arrive, before what is lost on the way, by method and arrival.
    local : ndarray, shape (R,)
        Worth of the cells' own supplies.
    land : float
        Worth of the cells' land, that of methods held by their own share of it included.
    placed : ndarray, shape (variants,)
        What methods are worth whose own layers are made with other numbers.
    spare : int
        Methods of cells that are worth the same, above the scarce supplies of these cells.
    """

    each: F64
    extra: F64
    units: F64
    arriving: F64
    local: F64
    land: float
    placed: F64
    spare: int

    def __add__(self, other: PlanSums) -> PlanSums:
        return PlanSums(
            self.each + other.each,
            self.extra + other.extra,
            self.units + other.units,
            self.arriving + other.arriving,
            self.local + other.local,
            self.land + other.land,
            self.placed + other.placed,
            self.spare + other.spare,
        )


@dataclass(frozen=True, eq=False)
class Weighed:
    """Cells of a plan with what a unit of everything is worth there, times the tonnes.

    Attributes
    ----------
    at : dict of str to ndarray of int
        Method that is used -> its cells.
    of : dict of (str, str) to ndarray
        Method, what -> x times the weight of a unit, in each of its cells.
    extra, units, arriving, local, land, spare
        As in :class:`PlanSums`.
    """

    at: dict[str, npt.NDArray[np.intp]]
    of: dict[tuple[str, str], F64]
    extra: F64
    units: F64
    arriving: F64
    local: F64
    land: float
    spare: int

    def worth(self, method: str, sums: Mapping[str, Sum], layers: Mapping[str, F64]) -> float:
        """What a method is worth with some sums and layers, of its cells."""
        count = len(self.at[method])
        return float(
            sum(
                self.of[method, what] @ np.broadcast_to(total.evaluate(layers), count)
                for what, total in sums.items()
                if (method, what) in self.of
            )
        )


@dataclass(frozen=True)
class Ways:
    """Ways to the sink slots of some cells, each array of shape (K, n).

    Attributes
    ----------
    km, cost : ndarray
        Length [km] and cost [USD per t stored].
    mode : ndarray of uint8
        How they are travelled.
    """

    km: F64
    cost: F64
    mode: npt.NDArray[np.uint8]


def weigh(prices: PlanPrices, plan: BlockPlan, ways: Ways) -> Weighed:
    """Weigh the cells of a piece of a plan.

    Parameters
    ----------
    prices : PlanPrices
        Of the solution.
    plan : BlockPlan
        Of the cells.
    ways : Ways
        To each sink slot of the cells.
    """
    solution, cells, gross = prices.solution, plan.cells, plan.x.sum(axis=1)
    problem, shape = solution.problem, plan.reduced.shape
    local_need = np.broadcast_to(problem.local_need_in(cells), (len(problem.local_names), *shape))
    own = (local_need * plan.local_price[:, None]).sum(axis=0)
    held = np.where(gross > 0, plan.reduced - own, 0.0)
    alike = rivals_alike(solution, plan)
    loose = np.where(alike, gross, 0.0).sum(axis=0)
    scarce = (plan.land_prices > 0).sum(axis=0) + (plan.local_price > 0).sum(axis=0)
    land = np.concatenate([cells.land[None], cells.ground]).astype(np.float64)
    worth = float((plan.land_prices * land).sum()) + float((held * gross).sum())
    found = Weighed(
        {},
        {},
        np.zeros((len(gross), EXTRAS)),
        np.zeros((len(prices.sink), 2)),
        np.zeros((len(gross), len(problem.arrivals))),
        (plan.local_price * cells.local).sum(axis=1).astype(np.float64),
        worth,
        int(alike.sum()) - int(scarce[alike.any(axis=0)].sum()),
    )
    found.extra[:, LOOSE] = (alike * loose).sum(axis=1)
    counts = _counting(prices, plan)
    for m, name in enumerate(problem.method_names):
        at = np.flatnonzero(gross[m] > 0)
        if len(at):
            found.at[name] = at
            w = _weigh_method(prices, plan, m, held[m, at], found)
            if len(cells.sink) and problem.stored[m]:
                _weigh_stored(prices, plan, m, w, ways, counts, found)
    return found


def _weigh_method(prices: PlanPrices, plan: BlockPlan, m: int, held: F64, found: Weighed) -> F64:
    """Add what a method is worth but for what it stores; weights of its quantities, (n, Q)."""
    problem, cells = prices.solution.problem, plan.cells
    name = problem.method_names[m]
    at, of = found.at[name], found.of
    combo = prices.solution.system.combo[plan.start : plan.stop][at]
    x, w = plan.x[m][:, at].sum(axis=0), prices.weight[combo, m]
    need = np.broadcast_to(cells.need, plan.reduced.shape)[m, at].astype(np.float64)
    land = plan.land_prices[:, at]
    of[name, "net"] = x * (w[:, 1] + _by_region(prices, plan, w, m, at))
    of[name, "cost"] = x * w[:, 2]
    limit = np.divide(held, need, out=np.zeros(len(at)), where=need > 0)
    of[name, "land"] = x * (w[:, 3] - problem.land_weight[:, m] @ land - limit)
    closed = problem.land_weight[:, m] == problem.exclusive[m]  # not where all of it counts
    found.extra[m, SHARING] = -float((x * need) @ (closed @ land))
    for resource, paid in prices.need.items():
        of[name, resource] = -x * paid[combo, m]
    for r, resource in enumerate(problem.local_names):
        if problem.local_need[r][m] != 0.0:  # others may have kinds that this row is not about
            of[name, resource] = of.get((name, resource), 0.0) - x * plan.local_price[r, at]
    of[name, "stored"] = np.zeros(len(at))
    return w


def _weigh_stored(
    prices: PlanPrices,
    plan: BlockPlan,
    m: int,
    weight: F64,
    ways: Ways,
    counts: F64,
    found: Weighed,
) -> None:
    """Add what a method brings to its sinks; ``weight`` of its cells."""
    problem, cells = prices.solution.problem, plan.cells
    name, first = problem.method_names[m], weight.shape[1] - len(problem.arrivals)
    stored = np.broadcast_to(problem.stored_in(cells), plan.reduced.shape)[m]
    for k, sinks in enumerate(cells.sink):
        mine = np.flatnonzero((plan.x[m, k] > 0)[found.at[name]] & (sinks >= 0)[found.at[name]])
        at, w = found.at[name][mine], weight[mine]
        if not len(at):
            continue
        tonnes = plan.x[m, k, at]
        loss, cost = (
            np.broadcast_to(a, cells.sink.shape)[k, at].astype(np.float64)
            for a in (cells.sink_loss, cells.sink_cost)
        )
        value = prices.sink[sinks[at]] + w[:, 2] * cost - w[:, 1] * loss
        lost, moved = w[:, 1].copy(), tonnes * stored[at]
        for j, by_slot in enumerate(cells.arriving):
            value += w[:, first + j] * by_slot[k, at]
            lost += w[:, first + j] * counts[j, k, at]
            found.arriving[m, j] += float(moved @ counts[j, k, at])
        found.of[name, "stored"][mine] += tonnes * value
        paid, mode, way = moved * w[:, 2], ways.mode[k, at], ways.cost[k, at]
        for column, code, each in (
            (LINE_COST, PIPELINE, way), (LINE, PIPELINE, 1.0), (ROAD, TRUCK, 1.0),
            (SEA_COST, SHIP, way),
        ):  # fmt: skip
            found.extra[m, column] += float((paid * each)[mode == code].sum())
        found.extra[m, STORING] += float(paid.sum())
        found.extra[m, LEAKING] -= float((moved * lost) @ (ways.km[k, at] / 100.0))
        np.add.at(found.units, sinks[at], np.stack([paid, -moved * lost], axis=1))


def _by_region(
    prices: PlanPrices, plan: BlockPlan, w: F64, method: int, at: npt.NDArray[np.intp]
) -> F64 | float:
    """Weight of net tonnes that are counted in some zones only."""
    source = prices.solution.problem.cells
    total: F64 | float = 0.0
    layers = prices.solution.problem.layers
    for layer in source.layers if isinstance(source, PaidCells) else ():
        if layer.method == method:
            zone = source.zones(layer.part.zoning, plan.start, plan.stop)[at]
            total = total + w[:, 4 + layers.index(layer.name)] * np.isin(zone, layer.part.zones)
    return total


def _counting(prices: PlanPrices, plan: BlockPlan) -> F64:
    """Where each arrival counts, by sink slot, shape (J, K, n)."""
    source = prices.solution.problem.cells
    found = np.zeros((len(prices.solution.problem.arrivals), *plan.cells.sink.shape))
    for j, one in enumerate(source.arrivals if isinstance(source, PaidCells) else ()):
        counts = plan.cells.sink >= 0
        if one.sinks is not None:
            counts &= one.sinks[np.maximum(plan.cells.sink, 0)]
        if one.part is not None:
            counts &= np.isin(source.zones(one.part.zoning, plan.start, plan.stop), one.part.zones)
        found[j] = counts
    return found


def add_up(weighed: Weighed, keys: Iterable[Key], layers: Mapping[str, Mapping[str, F64]]) -> F64:
    """Sums of weighed cells over products of layers, in the order of the keys.

    ``layers`` of each method in its cells.
    """
    values: dict[tuple[str, Product], F64] = {}
    found = []
    for method, what, product in keys:
        mine = weighed.of.get((method, what))
        if mine is None:
            found.append(0.0)
            continue
        if (method, product) not in values:
            made = np.ones(len(mine))
            for name in product:
                made = made * layers[method][name]
            values[method, product] = made
        found.append(float(mine @ values[method, product]))
    return np.array(found)


@dataclass(frozen=True, eq=False)
class Envelope:
    """The Lagrangian of a plan as a function of coefficients, plan and prices held.

    Attributes
    ----------
    prices : PlanPrices
        Of the solution.
    base : Coefficients
        That the plan was made with.
    keys : tuple of Key
        Products of layers.
    sums : PlanSums
        What the plan adds up to.
    """

    prices: PlanPrices
    base: Coefficients
    keys: tuple[Key, ...]
    sums: PlanSums

    @cached_property
    def _at(self) -> dict[Key, float]:
        return dict(zip(self.keys, self.sums.each.tolist(), strict=True))

    def change(self, high: Coefficients, low: Coefficients, placed: Iterable[str] = ()) -> float:
        """By how much more the plan is worth with some coefficients than with others.

        ``placed`` are methods whose own layers differ, which are told apart by the blocks.
        """
        total = 0.0
        for method in high.sums:
            if method not in set(placed):
                total += self._of_method(method, high, low)
        return total + self._of_study(high, low)

    @cached_property
    def firm(self) -> dict[str, bool]:
        """Method -> whether its tonnes are its own: no other could do them at the same worth.

        A plan has one solution with as many methods at the margin as there are scarce supplies.
        """
        spare = self.sums.spare > np.count_nonzero(self.prices.row)
        gross = self.prices.solution.totals.by_combo[:, :, 0].sum(axis=0)
        names = self.prices.solution.problem.method_names
        firm = (self.sums.extra[:, LOOSE] <= FIRM * gross) | (not spare)
        return dict(zip(names, firm.tolist(), strict=True))

    @cached_property
    def settled(self) -> dict[str, bool]:
        """Resource -> whether none of its rows is just full and free, for it may have a price."""
        free, found = self._free, dict[str, bool]()
        for r, row in enumerate(self.prices.solution.system.rows):
            name = resource_of(row.part_of or row.family)
            found[name] = found.get(name, True) and not free[r]
        return found

    @cached_property
    def degenerate(self) -> bool:
        """Whether some row that is just full is free: others may give it part of their prices."""
        return bool((self._free & (self.prices.solution.system.limits != 0.0)).any())

    @cached_property
    def _free(self) -> npt.NDArray[np.bool_]:
        """Which shared rows are just full and have no price."""
        solution = self.prices.solution
        full = np.abs(solution.system.limits - solution.use) <= KEPT * solution.scale
        return np.asarray(full & (self.prices.row == 0.0))

    def _of_method(self, method: str, high: Coefficients, low: Coefficients) -> float:
        if high.sums[method] is low.sums[method] and high.models[method] is low.models[method]:
            return 0.0
        total, before = 0.0, sums_of(low, method)
        for what, one in sums_of(high, method).items():
            now, then = by_product(one), by_product(before[what])
            for product in {**now, **then}:
                step = now.get(product, 0.0) - then.get(product, 0.0)
                if step != 0.0:
                    total += step * self._at[method, what, product]
        return total + self._shared(method, high, low)

    def _shared(self, method: str, high: Coefficients, low: Coefficients) -> float:
        """Of the share of its land that a method closes to others."""
        m = self.prices.solution.problem.method_names.index(method)
        now, then = (c.models[method].number(EXCLUSIVE, 1.0) for c in (high, low))
        return float(self.sums.extra[m, SHARING] * (now - then))

    def _of_study(self, high: Coefficients, low: Coefficients) -> float:
        base, prices, extra = self.base, self.prices, self.sums.extra.sum(axis=0)
        total = 0.0
        names = prices.solution.problem.local_names
        for name, now in high.supplies.items():
            step = now - low.supplies[name]
            if step == 0.0 or base.supplies[name] == 0.0:
                continue
            pools = {pool.name for _, pool in prices.pools if supplied_by(pool) == name}
            own = float(sum(self.sums.local[r] for r, one in enumerate(names) if one == name))
            total += (prices.worth(pools) + own) * step / base.supplies[name]
        if base.land:
            total += self.sums.land * (high.land - low.land) / base.land
        for i, rows in enumerate((INJECTIVITY, PORE_SPACE)):
            step = high.storage[i] - low.storage[i]
            if step != 0.0 and base.storage[i]:
                total += prices.worth([rows]) * step / base.storage[i]
        if high.storage_cost is not None and low.storage_cost is not None:
            total += float(extra[STORING]) * (high.storage_cost - low.storage_cost)
        total += self._of_fares(high.fares, low.fares) + self._of_units(high, low)
        total += float(extra[LEAKING]) * (high.leakage - low.leakage)
        if high.heat != low.heat:
            total += prices.money * float(prices.solution.sold.sum()) * (high.heat - low.heat)
        return total + self._of_rules(high, low) + self._of_credits(high, low)

    def _of_fares(self, high: Fares | None, low: Fares | None) -> float:
        """Of what the routes cost, which stay."""
        base, extra = self.base.fares, self.sums.extra.sum(axis=0)
        if base is None or high is None or low is None or high == low:
            return 0.0
        km = (float(extra[LINE_COST]) - float(extra[LINE]) * base.fixed) / base.per_km
        total = float(extra[LINE]) * (high.fixed - low.fixed) + km * (high.per_km - low.per_km)
        total += float(extra[ROAD]) * (high.liquid - low.liquid)
        if base.sea > 0.0:
            total += float(extra[SEA_COST]) * (high.sea - low.sea) / base.sea
        return total

    def _of_units(self, high: Coefficients, low: Coefficients) -> float:
        """Of what each storage unit takes where it lies."""
        if high.injecting is None or low.injecting is None:
            return 0.0
        steps = np.stack(high.injecting) - np.stack(low.injecting)
        return float((self.sums.units[:-1].T * steps).sum()) if steps.any() else 0.0

    def _of_rules(self, high: Coefficients, low: Coefficients) -> float:
        rows = self.prices.solution.system.rows
        mine = [
            price
            for price, row in zip(self.prices.row, rows, strict=True)
            if row.family == "policy"
        ]
        steps = [now - then for now, then in zip(high.limits, low.limits, strict=True)]
        return float(sum(p * step for p, step in zip(mine, steps, strict=True) if step != 0.0))

    def _of_credits(self, high: Coefficients, low: Coefficients) -> float:
        """What credits pay for the plan's quantities, at two levels of them."""
        return self._paid(high) - self._paid(low) if high.earnings != low.earnings else 0.0

    def _paid(self, at: Coefficients) -> float:
        problem, total = self.prices.solution.problem, 0.0
        quantities = self.prices.solution.totals.by_combo.sum(axis=0)
        counted, names = problem.counted, problem.method_names
        for now, was in zip(at.earnings, self.base.earnings, strict=True):
            for (term, need), (before, known) in zip(now.tonnes(), was.tonnes(), strict=True):
                m = names.index(now.method)
                quantity = float(quantities[m, counted.index(before.quantity)])
                if isinstance(known, Arrival) and isinstance(need, Arrival):
                    j = problem.arrivals.index(known.name)
                    quantity += (need.base - known.base) * float(self.sums.arriving[m, j])
                total += term.weight * now.levelised * quantity
        return total


EXCLUSIVE = "land_exclusive_fraction"
"""Parameter with the share of its land that a method closes to others."""

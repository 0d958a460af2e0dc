"""What a planner reads: pools and prices, totals, supply curve, what binds, exchange rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cdrsite.competition._kernel_cells import add_charges, add_storage_charges
from cdrsite.competition.problem import QUANTITIES, IntArray, Problem
from cdrsite.competition.rows import SharedRow, objective_matrix
from cdrsite.competition.solution import BlockPlan, Solution
from cdrsite.core.states import LOWEST_STATE

F64 = npt.NDArray[np.float64]

NONE, OWN_LIMIT, NO_GAIN, LAND = 0, 1, 2, 3
"""First codes of the binding map: nothing possible here; all that the cell's own supplies allow is
done; more would not help the objective; the cell's land is full. Local resources, pool families,
sink families and policy rows follow, see :func:`binding_labels`."""

ANY_RULE = "a rule"
"""Label that policy rows share where there are more of them than codes."""


def _per_year(unit: str) -> str:
    return unit.removesuffix("/yr")


def shown_price(row: SharedRow, price: float) -> float:
    """Price as a planner reads it: gain per unit more of a supply, cost per unit more asked for."""
    return -price if row.sense == ">=" else price


def price_unit(solution: Solution, row: SharedRow) -> str:
    """Unit of a row's price, for example "t per m3"."""
    return f"{_per_year(solution.objective.unit)} per {_per_year(row.unit) or 'unit'}"


ROUNDING = 1e-9
"""A price whose worth is below this share of the dearest row's is rounding, not a price [1]."""


KEPT = 1e-7
"""A row broken by no more than this share of its size is kept: the rest is rounding [1]."""


def real_prices(solution: Solution) -> F64:
    """Prices of the shared rows, those that are only rounding set to zero, shape (R,).

    What a row is worth is its price times its size: the largest of its limit, its use, and, for
    rules about shares whose limit is zero, what its terms add up to without their signs. Where
    there is nothing and so nothing is used, it is what the cells could use: the price is what the
    first unit would add, and that is not nothing.
    """
    system, price = solution.system, solution.price
    size = np.fmax(np.abs(system.limits), np.abs(solution.use))
    shares = (system.limits == 0.0)[system.pair_row]
    row, combo = system.pair_row[shares], system.pair_combo[shares]
    terms = np.abs(system.coefficient[row] * solution.totals.by_combo[combo]).sum(axis=(1, 2))
    size = np.fmax(size, np.bincount(row, terms, minlength=len(price)))
    empty = (system.limits == 0.0) & (size <= KEPT * solution.scale)
    worth = np.abs(price) * np.where(empty, solution.scale, size)
    return np.where(worth > ROUNDING * worth.max(initial=0.0), price, 0.0)


DIGITS = 12
"""Significant digits of what a row says: sums over cells are not known to more."""


def known_digits(value: float) -> float:
    """A number without the digits that are only rounding."""
    return float(f"{value:.{DIGITS}g}")


def kept_use(solution: Solution) -> F64:
    """Left-hand side of each shared row, within its limit where it keeps it, shape (R,).

    The master keeps its rows to a tolerance of their size. What is beyond a limit by less is at it.
    """
    limits, use = solution.system.limits, solution.use
    near = np.abs(use - limits) <= KEPT * np.fmax(solution.scale, np.abs(limits))
    senses = np.array(solution.system.senses, dtype="<U2")
    beyond = np.where(senses == "<=", use > limits, np.where(senses == ">=", use < limits, True))
    return np.where(near & beyond, limits, use)


def pools_table(solution: Solution) -> list[dict[str, Any]]:
    """Supply, use, slack and shadow price of every shared row, as plain rows of a table.

    A pool without a finite supply is not in it. ``slack`` is what is left of a supply, or what a
    minimum is exceeded by. A price that is only rounding is none, see :func:`real_prices`; use and
    supply have the digits that are known, and a limit that is kept is not exceeded in the last one.
    """
    table = []
    for row, use, price in zip(
        solution.system.rows, kept_use(solution).tolist(), real_prices(solution).tolist(),
        strict=True,
    ):  # fmt: skip
        if row.part_of:
            continue
        limit, used = known_digits(row.limit), known_digits(use)
        slack = used - limit if row.sense == ">=" else limit - used
        table.append(
            {
                "family": row.family,
                "zone": row.zone,
                "sense": row.sense,
                "unit": row.unit,
                "supply": limit,
                "use": used,
                "slack": known_digits(slack),
                "price": shown_price(row, price),
                "price_unit": price_unit(solution, row),
                "binds": bool(price != 0.0),
            }
        )
    return table


def totals_table(solution: Solution, zoning: str | None = None) -> list[dict[str, Any]]:
    """Gross, net, cost and land by method, in all or by zone of a zoning (-1: in none).

    The cost is less what is sold out of pools, and so adds up to that of the plan.

    The zoning must be one of a pool, a policy row or ``Problem.zonings``.
    """
    sums = solution.totals.by_combo.copy()
    sums[:, :, QUANTITIES.index("cost")] -= solution.income * sums[:, :, 0]
    zone = np.zeros(len(sums), np.int64) if zoning is None else solution.system.zone_table[zoning]
    table = []
    for z in np.unique(zone).tolist():
        inside = sums[zone == z].sum(axis=0)
        for name, values in zip(solution.problem.method_names, inside.tolist(), strict=True):
            head = {} if zoning is None else {zoning: z}
            table.append({**head, "method": name, **dict(zip(QUANTITIES, values, strict=False))})
    return table


@dataclass(frozen=True, eq=False)
class SupplyCurve:
    """Net tonnes by unit cost.

    Parameters
    ----------
    edges : ndarray, shape (B + 1,)
        Edges of the cost classes [USD per net t]; what is beyond lies in the outer classes.
    net : ndarray, shape (M, B)
        Net tonnes a year in each class by method.
    """

    edges: F64
    net: F64
    methods: tuple[str, ...]

    @property
    def cumulative(self) -> F64:
        """Net tonnes a year up to the upper edge of each class, all methods, shape (B,)."""
        return self.net.sum(axis=0).cumsum()


CURVE_TOP, CURVE_STEP = 2000.0, 1.0
"""Last edge and width of the cost classes of a supply curve [USD per net t]."""


def curve_edges() -> F64:
    """Edges of the cost classes of a supply curve [USD per net t]."""
    return np.arange(0.0, CURVE_TOP + CURVE_STEP, CURVE_STEP)


def curve_part(solution: Solution, block: BlockPlan, edges: F64) -> F64:
    """Net tonnes a year of a block in classes of cost, shape (M, classes)."""
    each, cost = net_and_cost(solution, block)
    net = np.zeros((len(each), len(edges) - 1))
    for m in range(len(net)):
        made = each[m] > 0
        unit = np.clip(cost[m][made] / each[m][made], 0.0, np.nextafter(edges[-1], 0.0))
        net[m] = np.histogram(unit, edges, weights=each[m][made])[0]
    return net


def net_and_cost(solution: Solution, block: BlockPlan) -> tuple[F64, F64]:
    """Net tonnes [t/yr] and cost [USD/yr] of a block's plan, each of shape (M, K, n).

    What is sold out of pools makes the tonnes of who gives it cheaper.
    """
    cells, x = block.cells, block.x
    stored = solution.problem.stored_in(cells)[:, None]
    factor = np.broadcast_to(cells.net, x[:, 0].shape)[:, None].astype(np.float64)
    cost = np.broadcast_to(cells.cost, x[:, 0].shape)[:, None].astype(np.float64)
    if len(cells.sink):
        factor = factor - stored * np.broadcast_to(cells.sink_loss, cells.sink.shape)[None]
        cost = cost + stored * np.broadcast_to(cells.sink_cost, cells.sink.shape)[None]
    if solution.problem.sales:
        combo = solution.system.combo[block.start : block.stop]
        cost = cost - solution.income[combo].T[:, None]
    return np.where(x > 0, factor * x, 0.0), np.where(x > 0, cost * x, 0.0)


def binding_labels(solution: Solution) -> tuple[str, ...]:
    """Meaning of each code of the binding map.

    Each policy row has a code of its own. Where a quota in every zone makes more rows than there
    are codes below the states, all rows share the code :data:`ANY_RULE`: no cell ever reads as
    excluded or unknown because of the number of zones (rule 2).
    """
    problem = solution.problem
    families = problem.told
    policies = [policy.name for policy in problem.policies]
    head = ("nothing possible", "own limit", "no gain", "land")
    first = (*head, *problem.local_told, *families)
    return (*first, ANY_RULE) if len(first) + len(policies) > LOWEST_STATE else (*first, *policies)


def charges_of(solution: Solution, block: BlockPlan, rows: npt.NDArray[np.bool_]) -> F64:
    """What some shared rows charge a gross tonne, at its best sink, shape (M, n)."""
    system, cells = solution.system, block.cells
    price = np.where(rows, solution.price, 0.0)
    n_methods, n = block.x.shape[0], block.x.shape[2]
    if not price.any():
        return np.zeros((n_methods, n))
    nothing = np.zeros((n_methods, len(solution.problem.counted)))
    weight, combo = -system.weights(nothing, price), system.combo[block.start : block.stop]
    if solution.sweeper.seasons is not None:
        weight = solution.sweeper.seasons.all_year(weight)
    charge = np.zeros((n_methods, n))
    add_charges(combo, weight, cells.net, cells.cost, cells.need, cells.layers, charge)
    if len(cells.sink):
        paid = np.concatenate(([0.0], -system.sink_values(price)[1:]))
        loss, cost, stored = cells.sink_loss, cells.sink_cost, solution.problem.stored_in(cells)
        add_storage_charges(combo, weight, cells.sink, block.slot, loss, cost, paid, stored, charge)
        charge += of_arrivals(weight[combo], block, block.slot, stored)
    return charge


def earned_here(problem: Problem, weight: F64, block: BlockPlan, slot: IntArray) -> F64:
    """What a gross tonne earns by layers of its cell and arrivals at its sink, shape (M, n).

    Parameters
    ----------
    problem : Problem
    weight : ndarray, shape (M, Q)
        Coefficients of an objective.
    block : BlockPlan
    slot : ndarray of int, shape (M, n)
        Sink slots.
    """
    first = len(QUANTITIES)
    of_layers = weight[:, first : first + len(problem.layers)]
    used = np.flatnonzero(of_layers.any(axis=0))
    total = of_layers[:, used] @ block.cells.layers[used].astype(np.float64)
    everywhere = np.broadcast_to(weight, (block.slot.shape[1], *weight.shape))
    return total + of_arrivals(everywhere, block, slot, problem.stored_in(block.cells))


def of_arrivals(weight: F64, block: BlockPlan, slot: IntArray, stored: F64) -> F64:
    """What arrivals add to a gross tonne at a sink slot, shape (M, n).

    ``weight`` of the cells' methods and quantities, shape (n, M, Q).
    """
    total, slot = np.zeros(block.slot.shape), slot.astype(np.intp)
    first = weight.shape[2] - len(block.cells.arriving)
    for j, by_slot in enumerate(block.cells.arriving):
        here = np.take_along_axis(by_slot, slot, axis=0)
        total += stored * weight[:, :, first + j].T * here
    return total


def binding_map(solution: Solution, block: BlockPlan) -> npt.NDArray[np.uint8]:
    """What stops each cell of a block, as codes of :func:`binding_labels`.

    Of the methods with room left, the one that the objective wants most is asked which price keeps
    it from growing: the largest charge per gross tonne, the cell's own land included.
    """
    problem, system = solution.problem, solution.system
    shape = block.reduced.shape
    cells = block.cells
    upper = np.nan_to_num(np.broadcast_to(cells.upper, shape))
    used = block.x.sum(axis=1)
    room = (upper > 0) & (used < upper * (1 - 1e-9))
    charges = [problem.land_charge(cells, block.land_prices)]
    needs = problem.local_need_in(cells)
    for name in problem.local_told:
        charge = np.zeros(shape)
        for r in (r for r, one in enumerate(problem.local_names) if one == name):
            taken = (needs[r] * used).sum(axis=0) >= cells.local[r] * (1 - 1e-9)
            charge[(taken | (block.local_price[r] > 0)) & (needs[r] > 0)] = np.inf
        charges.append(charge)
    asking = [("policy", policy.name) for policy in problem.policies]
    told_by = [
        (row.part_of or row.family, row.name if row.family == "policy" else "")
        for row in system.rows
    ]
    for key in [*((name, "") for name in problem.told), *asking]:
        rows = np.array([told == key for told in told_by], np.bool_)
        charges.append(charges_of(solution, block, rows))
    stack = np.stack(charges)
    shared = sum(charges[1 + len(problem.local_told) :], np.zeros(shape))
    wish = block.reduced + charges[0] + shared
    best = np.where(room, wish, -np.inf).argmax(axis=0)
    column = np.arange(shape[1])
    asked = stack[:, best, column]
    code = asked.argmax(axis=0) + LAND
    code = np.minimum(code, len(binding_labels(solution)) - 1)  # rows may share the last code
    code = np.where(asked.max(axis=0) > 0, code, OWN_LIMIT)
    code = np.where(wish[best, column] <= 0, NO_GAIN, code)
    code = np.where(room.any(axis=0), code, OWN_LIMIT)
    return np.where((upper > 0).any(axis=0), code, NONE).astype(np.uint8)


LEAST_SHORT = 1e-9
"""A gross tonne that falls short by less is not short: the rest is rounding [objective/t]."""


def shortfall(reduced: F64) -> F64:
    """By how much a gross tonne falls short of being chosen; NaN where it is not possible.

    Parameters
    ----------
    reduced : ndarray
        Value of a gross tonne less all that it pays; -inf where it is not possible.
    """
    short = np.where(-reduced >= LEAST_SHORT, -reduced, 0.0)
    return np.where(np.isfinite(reduced), short, np.nan)


TIED = 1e-4
"""A gross tonne that is worth what it pays to this share could as well be elsewhere [1]."""


def interchangeable(solution: Solution, block: BlockPlan) -> npt.NDArray[np.bool_]:
    """Cells whose tonnes could as well be in another such cell, shape (n,).

    A method there is worth just what the shared rows charge, and the cell itself has nothing that
    is scarce: more in one such cell and less in another leaves the plan as good, within its gap.
    The same holds where several methods pay alike for the cell's own land.
    """
    alike, loose = _alike(solution, block, TIED)
    used = (block.x.sum(axis=1) > 0).any(axis=0)
    found: npt.NDArray[np.bool_] = loose | ((alike.sum(axis=0) > 1) & used)
    return found


SAME = 1e-9
"""Methods of a cell are worth the same where they differ by no more than this share [1]."""


def rivals_alike(solution: Solution, block: BlockPlan) -> npt.NDArray[np.bool_]:
    """Methods of a cell that are worth just what they pay where others are too, shape (M, n)."""
    alike, _ = _alike(solution, block, SAME)
    return alike & (alike.sum(axis=0) > 1)


def _alike(
    solution: Solution, block: BlockPlan, tied: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Methods worth just what they pay, shape (M, n), and cells without rent where one is."""
    problem, cells = solution.problem, block.cells
    shape = block.reduced.shape
    weight = np.abs(objective_matrix(solution.objective, problem))
    net = np.broadcast_to(cells.net, shape).astype(np.float64)
    cost = np.broadcast_to(cells.cost, shape).astype(np.float64)
    if len(cells.sink):
        stored, slot = problem.stored_in(cells), block.slot.astype(np.intp)
        wide = cells.sink.shape
        loss = np.take_along_axis(np.broadcast_to(cells.sink_loss, wide), slot, axis=0)
        cost = cost + stored * np.take_along_axis(
            np.broadcast_to(cells.sink_cost, wide), slot, axis=0
        )
        net = net - stored * loss
    need = np.broadcast_to(cells.need, shape)
    worth = weight[:, :1] + weight[:, 1:2] * np.abs(net) + weight[:, 2:3] * np.abs(cost)
    worth = worth + weight[:, 3:4] * need
    stored = problem.stored_in(cells)
    worth = worth + np.abs(
        of_arrivals(np.broadcast_to(weight, (shape[1], *weight.shape)), block, block.slot, stored)
    )
    rent = problem.land_charge(cells, block.land_prices)
    for own, price in zip(problem.local_need_in(cells), block.local_price, strict=True):
        rent = rent + np.maximum(own, 0.0) * price
    upper = np.nan_to_num(np.broadcast_to(cells.upper, shape))
    alike = (upper > 0) & (worth > 0) & (np.abs(block.reduced) <= tied * worth)
    return alike, (alike & (rent <= tied * worth)).any(axis=0)

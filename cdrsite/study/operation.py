"""Plants that run in the months that pay: what they are built for, and what they make when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cdrsite.competition.monthly import MONTHS, month_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from cdrsite.competition.solution import Solution
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.methods.supply import Pools
    from cdrsite.study.prepare import Setting

    F64 = NDArray[np.float64]

OPERATION_COLUMNS = (
    "method", "resource", "zone", "month", "output_mt", "capacity_mt", "load_factor",
)  # fmt: skip
"""Columns of the table of operation: capacity is that of the month, a twelfth of the year's."""
NO_POOL = "in no pool"
"""Zone of what draws on no pool that is offered by month."""


def monthly_needs(solution: Solution, method: str, resource: str) -> F64:
    """What a method takes in each month by combination of zones, shape (C, 12).

    Of one that runs by season; in the unit of the pool without the year.
    """
    problem = solution.problem
    need = next(one for one in problem.pools if one.name == resource).need[method]
    m, by_layer = problem.method_names.index(method), isinstance(need, str)
    found = _by_month(solution, m, need if isinstance(need, str) else "gross")
    return found if by_layer else found * float(need)


def monthly_output(solution: Solution, method: str) -> F64 | None:
    """What a method that runs by season makes in each month by combination, shape (C, 12) [t].

    None where its need differs from cell to cell: then only what it takes is known by month.
    """
    problem = solution.problem
    if "gross" not in problem.monthly:
        return None
    return _by_month(solution, problem.method_names.index(method), "gross")


def _by_month(solution: Solution, m: int, quantity: str) -> F64:
    counted = solution.problem.counted
    first = counted.index(month_quantity(quantity, 0))
    return np.asarray(solution.totals.by_combo[:, m, first : first + MONTHS])


def run_shares(solution: Solution, pools: Pools, method: str) -> F64:
    """Part of a year's need that a method takes in each month, as the plan runs it, shape (12,).

    Alike in all months of one that the plan does not use.
    """
    by_season = {one.method for one in solution.problem.seasonal}
    needs = next((p.need for p in solution.problem.pools if p.name == pools.resource), {})
    if method not in by_season or method not in needs:
        return pools.share_of(method)
    taken = monthly_needs(solution, method, pools.resource).sum(axis=0)
    total = float(taken.sum())
    return taken / total if total > 0 else pools.share_of(method)


def capacities(setting: Setting, store: ArrayStore, solution: Solution) -> F64:
    """Capacity of each method in the plan [t/yr], shape (methods,)."""
    total = np.zeros(len(setting.models))
    source = store.open("capacity" if solution.problem.seasonal else "allocated")
    for block in setting.blocks:
        total += np.nansum(np.asarray(source[(..., *block.slices)], np.float64), axis=(1, 2))
    return total


def with_capacity(
    methods: pd.DataFrame, setting: Setting, store: ArrayStore, solution: Solution
) -> pd.DataFrame:
    """The table of methods with what they are built for, and how much of it they make."""
    if not solution.problem.seasonal:
        return methods
    built = capacities(setting, store, solution) / 1e6
    with np.errstate(divide="ignore", invalid="ignore"):
        load = np.where(built > 0, methods["gross_mt_yr"].to_numpy() / built, np.nan)
    return methods.assign(capacity_mt_yr=built, load_factor=np.minimum(load, 1.0))


def operation_summary(methods: pd.DataFrame, solution: Solution) -> dict[str, dict[str, float]]:
    """Capacity, output and load factor of each method that runs by season and is in the plan."""
    by_season = {one.method for one in solution.problem.seasonal}
    if not by_season:
        return {}
    return {
        str(row["method"]): {
            name: float(row[name]) for name in ("capacity_mt_yr", "gross_mt_yr", "load_factor")
        }
        for row in methods.to_dict("records")
        if row["method"] in by_season and row["capacity_mt_yr"] > 0
    }


def operation_tables(
    setting: Setting, store: ArrayStore, solution: Solution, pools: Mapping[str, Pools]
) -> dict[str, pd.DataFrame]:
    """The table of operation by its name: what each method that runs by season makes when."""
    if not solution.problem.seasonal:
        return {}
    rows: list[tuple[object, ...]] = []
    for resource, pool in pools.items():
        if pool.months is None:
            continue
        built = _capacity_by_pool(setting, store, resource, len(pool.names))
        zone = np.asarray(solution.system.zone_table[resource])
        for one in solution.problem.seasonal:
            m = solution.problem.method_names.index(one.method)
            made = _output_by_month(solution, one.method, resource)
            for z, name in enumerate((*pool.names, NO_POOL)):
                here = made[zone == (z if z < len(pool.names) else -1)].sum(axis=0) / 1e6
                capacity = built[m, z] / MONTHS / 1e6
                if capacity <= 0:
                    continue
                for p in range(MONTHS):
                    load = min(float(here[p]) / capacity, 1.0)
                    rows.append((one.method, resource, name, p + 1, float(here[p]), capacity, load))
    return {"operation": pd.DataFrame(rows, columns=list(OPERATION_COLUMNS))}


def _output_by_month(solution: Solution, method: str, resource: str) -> F64:
    """Output by month and combination, shape (C, 12); from what it takes where only that is known.

    Within a combination the months are put in one order, so output and need go by the same shares.
    """
    made = monthly_output(solution, method)
    if made is not None and made.any():
        return made
    problem = solution.problem
    m = problem.method_names.index(method)
    gross = solution.totals.by_combo[:, m, 0]
    if method not in next(p for p in problem.pools if p.name == resource).need:
        return np.repeat(gross[:, None] / MONTHS, MONTHS, axis=1)
    taken = monthly_needs(solution, method, resource)
    total = taken.sum(axis=1, keepdims=True)
    share = np.divide(taken, total, out=np.full(taken.shape, 1.0 / MONTHS), where=total > 0)
    return share * gross[:, None]


def _capacity_by_pool(setting: Setting, store: ArrayStore, resource: str, count: int) -> F64:
    """Capacity by method and pool [t/yr], shape (methods, pools + 1); the last is of no pool."""
    found = np.zeros((len(setting.models), count + 1))
    built, pool = store.open("capacity"), store.open(f"pool_{resource}")
    for block in setting.blocks:
        label = np.asarray(pool[block.slices]).ravel()
        values = np.nan_to_num(np.asarray(built[(..., *block.slices)], np.float64))
        for m, each in enumerate(values.reshape(len(values), -1)):
            found[m] += np.bincount(np.where(label < 0, count, label), each, count + 1)
    return found

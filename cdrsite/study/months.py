"""Pools that are offered by month: rows of the months that can bind, and no others.

A month whose row follows from that of another one never binds, whatever the plan: of month p and
month q of a pool, q is the tighter one where every method that may draw on it takes at least as
large a part of q's water as of p's. Of methods that all take alike in all months one month is
left, and the row is that of a year: constant load costs nothing. Otherwise a few are left.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.competition.problem import AtSinks, PoolFamily
from cdrsite.competition.results import KEPT, known_digits, real_prices
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.methods.monthly import FLAT, MONTHS
from cdrsite.study.operation import monthly_needs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cdrsite.competition.solution import Solution
    from cdrsite.methods.supply import Pools

    F64 = NDArray[np.float64]
    Bools = NDArray[np.bool_]


def month_rows(
    pool: Pools,
    needs: Mapping[str, float | str],
    at_sinks: AtSinks | None = None,
    *,
    emitters: bool = False,
    by_season: Collection[str] = (),
) -> list[PoolFamily]:
    """Rows of a pool that is offered by month.

    Parameters
    ----------
    pool : Pools
        With its months.
    needs : mapping
        Method -> its need per gross tonne in a year.
    at_sinks : AtSinks, optional
        What storage units take, alike in all months.
    emitters : bool
        Whether emitters may draw on it, which take alike in all months too.
    by_season : collection of str
        Methods that take in the months in which they run: then each month can bind.

    Returns
    -------
    list of PoolFamily
        The year, with what can be taken of it; and where methods take differently from month to
        month, those months that can bind in any pool, others without a limit.
    """
    assert pool.months is not None  # noqa: S101 - asked of such pools
    unit = RESOURCES[pool.resource].unit
    year = PoolFamily(
        pool.resource, unit, pool.resource, pool.names, pool.supply, needs, at_sinks=at_sinks
    )
    shares = [pool.share_of(name) for name in needs]
    if at_sinks is not None or emitters:
        shares.append(FLAT)
    some = any(name in by_season for name in needs)
    if not some and all(np.array_equal(share, shares[0]) for share in shares):
        supply = pool.supply_for(shares[0]) if shares else pool.supply
        return [replace(year, supply=supply)]
    returned = any(not isinstance(need, str) and need < 0 for need in needs.values())
    kept = np.stack(
        [
            np.isfinite(month) if returned or some else binding_months(month, np.array(shares))
            for month in pool.months
        ]
    )
    rows = [replace(year, supply=pool.months.sum(axis=1))]
    for p, name in enumerate(MONTHS):
        if not kept[:, p].any():
            continue
        of_month = {method: float(pool.share_of(method)[p]) for method in needs}
        at = at_sinks and replace(at_sinks, need=np.asarray(at_sinks.need) * FLAT[p])
        rows.append(
            replace(
                year,
                zones=[month_zone(zone, name) for zone in pool.names],
                supply=np.where(kept[:, p], pool.months[:, p], np.inf),
                scale=of_month,
                at_sinks=at,
                flat=float(FLAT[p]),
                month=p,
            )
        )
    return rows


def month_zone(zone: str, month: str) -> str:
    """What the row of a month is called."""
    return f"{zone}: {month}"


def binding_months(supply: F64, shares: F64) -> Bools:
    """Months that can bind in a pool.

    Parameters
    ----------
    supply : ndarray, shape (12,)
        What can be taken in each month.
    shares : ndarray, shape (users, 12)
        Part of the year's need that each user takes in each month [1].

    Returns
    -------
    ndarray of bool, shape (12,)
        Of months that are the same the first is kept.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        tight = np.where(shares > 0, shares / supply, 0.0)  # a dry month is infinitely tight
    kept = np.isfinite(supply) & (tight > 0).any(axis=0)
    for p in np.flatnonzero(kept).tolist():
        for q in np.flatnonzero(kept).tolist():
            implied = (tight[:, p] <= tight[:, q]).all()
            same = (tight[:, p] == tight[:, q]).all()
            if q != p and implied and (not same or q < p):
                kept[p] = False
                break
    return kept


MONTH_COLUMNS = (
    *("resource", "zone", "month", "unit", "supply", "use", "use_share"),
    *("price", "price_unit", "binds"),
)


def monthly_tables(solution: Solution, pools: Mapping[str, Pools]) -> dict[str, pd.DataFrame]:
    """The table of months by its name, where a pool is offered by month."""
    if all(one.months is None for one in pools.values()):
        return {}
    return {"pools_by_month": month_table(solution, pools)}


def month_table(solution: Solution, pools: Mapping[str, Pools]) -> pd.DataFrame:
    """Supply, use and price of every month of pools that are offered by month.

    Where methods take alike in all months the price of the year is that of the tightest one: a
    unit more in that month is as many more of the year as the year has of it.
    """
    import pandas as pd

    rows = []
    for resource, pool in pools.items():
        if pool.months is None:
            continue
        use, price = _use(solution, pool), _price(solution, pool)
        unit = RESOURCES[resource].unit.removesuffix("/yr")
        for z, zone in enumerate(pool.names):
            for p in range(len(MONTHS)):
                supply, taken = float(pool.months[z, p]), float(use[z, p])
                if abs(taken - supply) <= KEPT * max(abs(supply), 1.0):
                    taken = supply
                rows.append((
                    resource, zone, p + 1, unit, known_digits(supply), known_digits(taken),
                    taken / supply if supply > 0 else np.nan, float(price[z, p]),
                    f"{solution.objective.unit.removesuffix('/yr')} per {unit}",
                    bool(price[z, p] != 0),
                ))  # fmt: skip
    return pd.DataFrame(rows, columns=list(MONTH_COLUMNS))


def _use(solution: Solution, pool: Pools) -> F64:
    """What the plan takes in each month, shape (pools, 12)."""
    problem, system = solution.problem, solution.system
    used = np.zeros((len(pool.names), len(MONTHS)))
    family = next(one for one in problem.pools if one.name == pool.resource)
    zone = np.asarray(system.zone_table[pool.resource])
    inside = zone >= 0
    by_season = {one.method for one in problem.seasonal}
    for name in by_season & family.need.keys():
        each = monthly_needs(solution, name, pool.resource)
        np.add.at(used, zone[inside], each[inside])
    for name, need in family.need.items():
        if name in by_season:
            continue
        sums = solution.totals.by_combo[:, problem.method_names.index(name)]
        column = problem.counted.index(need) if isinstance(need, str) else 0
        each = sums[:, column] * (1.0 if isinstance(need, str) else need)
        by_zone = np.bincount(zone[inside], weights=each[inside], minlength=len(used))
        used += by_zone[:, None] * pool.share_of(name)
    captures = problem.captures
    if captures is not None and pool.resource in captures.needs:
        each = solution.captured * captures.needs[pool.resource][captures.owner]
        member = np.asarray(captures.zones[pool.resource])[captures.owner]
        some = member >= 0
        by_zone = np.bincount(member[some], weights=each[some], minlength=len(used))
        used += by_zone[:, None] * FLAT
    at = family.at_sinks
    if at is not None:
        brought = solution.totals.by_sink.sum(axis=0) * np.asarray(at.need)
        member = np.asarray(at.member)
        some = member >= 0
        by_zone = np.bincount(member[some], weights=brought[some], minlength=len(used))
        used += by_zone[:, None] * FLAT
    return used


def _price(solution: Solution, pool: Pools) -> F64:
    """Price of a unit more in each month, shape (pools, 12)."""
    assert pool.months is not None  # noqa: S101
    price = np.zeros((len(pool.names), len(MONTHS)))
    number = {name: z for z, name in enumerate(pool.names)}
    months = {name: p for p, name in enumerate(MONTHS)}
    users = next(one for one in solution.problem.pools if one.name == pool.resource).need
    share = pool.share_of(next(iter(users))) if users else FLAT
    by_season = any(one.method in users for one in solution.problem.seasonal)
    for row, each in zip(solution.system.rows, real_prices(solution), strict=True):
        if row.family != pool.resource:
            continue
        zone, _, month = row.zone.rpartition(": ")
        if row.zone in number and by_season:  # more in any month is more of the year
            price[number[row.zone]] += float(each)
        elif row.zone in number:  # the year: alike for all, so its tightest month
            z = number[row.zone]
            per = np.divide(pool.months[z], share, out=np.full(12, np.inf), where=share > 0)
            p = int(per.argmin())
            price[z, p] += float(each) / share[p] if share[p] > 0 else 0.0
        elif month in months and zone in number:
            price[number[zone], months[month]] += float(each)
    return price

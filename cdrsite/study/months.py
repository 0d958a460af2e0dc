"""Pools that are offered by month: rows of the months that can bind, and no others.

A month whose row follows from that of another one never binds, whatever the plan: of month p and
month q of a pool, q is the tighter one where every method that may draw on it takes at least as
large a part of q's water as of p's. Of methods that all take alike in all months one month is
left, and the row is that of a year: constant load costs nothing. Otherwise a few are left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.competition.problem import AtSinks, PoolFamily
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.methods.monthly import FLAT, MONTHS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.methods.supply import Pools

    F64 = NDArray[np.float64]
    Bools = NDArray[np.bool_]


def month_rows(
    pool: Pools, needs: Mapping[str, float | str], at_sinks: AtSinks | None = None
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
    if at_sinks is not None:
        shares.append(FLAT)
    if all(np.array_equal(share, shares[0]) for share in shares):
        supply = pool.supply_for(shares[0]) if shares else pool.supply
        return [replace(year, supply=supply)]
    returned = any(not isinstance(need, str) and need < 0 for need in needs.values())
    kept = np.stack(
        [
            np.ones(len(MONTHS), np.bool_) if returned else binding_months(month, np.array(shares))
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

"""Pools that are offered by kind: rows of the competition, and what a method pays there.

Methods may have some kinds of a pool and not others. Which kind each takes need not be known: what
is taken by those that may have nothing but certain kinds is at most what there is of these. It
suffices to ask this of every union of what single methods may have (Gale 1957,
doi:10.2140/pjm.1957.7.1073): then each tonne can be given to one of them (rule 6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.competition.problem import PoolFamily
from cdrsite.competition.results import real_prices
from cdrsite.core.vocabulary import RESOURCES, resource_of
from cdrsite.methods.monthly import FLAT, MONTHS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.competition.solution import Solution
    from cdrsite.methods.supply import Pools

Kinds = tuple[str, ...]


def kind_rows(
    pool: Pools, needs: Mapping[str, float | str], kinds: Mapping[str, Kinds]
) -> list[PoolFamily]:
    """Rows of a pool that is offered by kind, besides that of all kinds.

    Parameters
    ----------
    pool : Pools
        With its kinds; without any there are no such rows.
    needs, kinds : mapping
        Method -> its need per gross tonne, and the kinds that it may have.
    """
    if not pool.kinds:
        return []
    found = []
    for union in kind_unions((kinds[name] for name in needs), tuple(pool.kinds)):
        mine = {name: need for name, need in needs.items() if {*kinds[name]} <= {*union}}
        zones = [kind_zone(zone, union) for zone in pool.names]
        unit, offered = RESOURCES[pool.resource].unit, pool.of(union).supply
        found.append(PoolFamily(pool.resource, unit, pool.resource, zones, offered, mine))
    return found


def kind_zone(zone: str, kinds: Iterable[str]) -> str:
    """What a row about some kinds of a pool is called."""
    return f"{zone}: {', '.join(kinds)}"


def kind_unions(sets: Iterable[Kinds], kinds: Kinds) -> list[Kinds]:
    """Unions of sets of kinds without that of all kinds, each in the order of ``kinds``."""
    found: set[frozenset[str]] = set()
    for one in sets:
        found |= {frozenset(one)} | {frozenset(one) | other for other in found}
    found.discard(frozenset(kinds))
    ordered = [tuple(kind for kind in kinds if kind in one) for one in found]
    return sorted(ordered, key=lambda one: (len(one), [kinds.index(kind) for kind in one]))


def prices_paid(
    solution: Solution,
    resource: str,
    names: Iterable[str],
    kinds: Mapping[str, Kinds],
    share: NDArray[np.float64] = FLAT,
) -> NDArray[np.float64]:
    """What one who may have these kinds pays in each pool, shape (pools,) [objective per unit].

    The sum of the prices of all rows that it is in.

    Parameters
    ----------
    solution : Solution
        Solved.
    resource : str
        What the pools are of.
    names : iterable of str
        Of the pools.
    kinds : mapping
        Resource -> the kinds that it may have; not named where it is not offered by kind.
    share : ndarray, shape (12,)
        Part of its need in each month, of pools that are offered by month [1].
    """
    month_of = {name: float(part) for name, part in zip(MONTHS, share, strict=True)}
    known = tuple(names)
    prices = dict.fromkeys(known, 0.0)
    mine = {*kinds.get(resource, ())}
    for row, price in zip(solution.system.rows, real_prices(solution), strict=True):
        if resource_of(row.family) != resource:
            continue
        zone, _, union = (row.zone, "", "") if row.zone in prices else row.zone.rpartition(": ")
        if zone in prices and union in month_of:
            prices[zone] += float(price) * month_of[union]
        elif zone in prices and (not union or (mine and mine <= {*union.split(", ")})):
            prices[zone] += float(price)
    return np.array([prices[name] for name in known])

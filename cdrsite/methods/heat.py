"""Heat by its level: who may draw on a supply, and which rows of a pool follow.

Hot heat serves a cool need, never the other way. Levels are low (below 80 degree C), medium (80 to
120 degree C) and high (above 120 degree C). Fuel that is burnt on the site, as the gas of solvents
at 900 degree C, is bought, and no pool of heat serves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cdrsite.competition.problem import PoolFamily
from cdrsite.competition.sold import Sale
from cdrsite.core.errors import ConfigError
from cdrsite.core.vocabulary import HEAT_FAMILIES, RESOURCES
from cdrsite.library.methods import HEAT_LEVELS
from cdrsite.place.dependence import Use


def draws_heat(model: Use) -> bool:
    """Whether the method's heat comes from, or goes to, others: it is no fuel of its own."""
    return bool(model.number("heat")) and model.profile.heat_source != "gas"


def heat_level(model: Use) -> str:
    """Level of the heat that a method takes or supplies; empty where it has to do with none.

    Raises
    ------
    ConfigError
        If it has heat and its profile does not say at what level (rule 7).
    """
    if not draws_heat(model):
        return ""
    if model.profile.heat_level is None:
        raise ConfigError(
            "heat without its level",
            where=f"methods.{model.name}",
            got=f"{model.number('heat'):g} kWh/t and a profile without heat_level",
            expected=", ".join(HEAT_LEVELS),
            cure="give heat_level in the method's file",
            rule=7,
        )
    return str(model.profile.heat_level)


def serves(supply: str, need: str) -> bool:
    """Whether heat of one level serves a need of another one."""
    return HEAT_LEVELS.index(supply) >= HEAT_LEVELS.index(need)


def rows_by_level(levels: Mapping[str, str], taking: Mapping[str, bool]) -> dict[str, list[str]]:
    """Rows that a pool of heat has: level -> methods whose heat is at least as hot.

    What takes heat at a level or above it is served by what is supplied there, so a row for each
    level at which some method takes heat is enough, and none is to spare.

    Parameters
    ----------
    levels : mapping
        Method -> level of its heat.
    taking : mapping
        Method -> whether it takes heat, and does not supply it.
    """
    found: dict[str, list[str]] = {}
    for level in HEAT_LEVELS:
        if any(levels[name] == level and taking[name] for name in levels):
            found[level] = [name for name, own in levels.items() if serves(own, level)]
    return found


CUSTOMERS, WITHIN = "customers", "within"
"""Begin of the names of what is sold: to customers, and to methods of the same pool."""


@dataclass(frozen=True, eq=False)
class HeatMarket:
    """Who sells heat to whom.

    Attributes
    ----------
    level : str
        Level of the heat of others in the pools.
    price : float
        Of heat [USD/kWh].
    demand : ndarray, shape (pools,)
        What customers take at most [kWh/yr].
    demand_level : str
        How hot they want it.
    """

    level: str
    price: float
    demand: npt.NDArray[np.float64]
    demand_level: str


def heat_rows(
    zones: tuple[str, ...],
    supply: npt.NDArray[np.float64],
    needs: Mapping[str, float | str],
    levels: Mapping[str, str],
    market: HeatMarket,
) -> tuple[list[PoolFamily], list[Sale]]:
    """Rows of pools of heat, one for each level at which heat is taken, and what is sold of it.

    What is taken at a level or above it is at most what is supplied there, by others and by
    methods; so each kWh is used once (rule 6), and none by what it is too cool for. Methods sell
    what they supply, to customers and to methods of the same pool, at one price; the heat of others
    is not theirs to sell, and where there is some, further rows say so.

    Parameters
    ----------
    zones, supply
        Names of the pools, and the heat of others in each [kWh/yr].
    needs : mapping
        Method -> heat per gross tonne, negative where it supplies it; or a layer of the cells.
    levels : mapping
        Method -> level of its heat.
    market : HeatMarket
        Prices and customers.
    """
    taking = {name: isinstance(need, str) or need > 0.0 for name, need in needs.items()}
    given = {n: -need for n, need in needs.items() if not isinstance(need, str) and need < 0.0}
    mine = {name: levels[name] for name in needs}

    def givers(level: str) -> dict[str, float]:
        return {name: each for name, each in given.items() if serves(mine[name], level)}

    sold = bool(market.demand.any() and givers(market.demand_level))
    buying = mine | ({CUSTOMERS: market.demand_level} if sold else {})
    found = rows_by_level(buying, taking | {CUSTOMERS: True})
    rows = {level: [n for n in names if n != CUSTOMERS] for level, names in found.items()}
    rows = rows or {market.level: list(needs)}
    resource, unit, count = "heat", RESOURCES["heat"].unit, len(zones)
    name_of = {level: HEAT_FAMILIES[level] if len(rows) > 1 else resource for level in rows}
    families, kept, sales = [], {}, []
    for level, names in rows.items():
        offered = supply * float(serves(market.level, level))
        some = {name: needs[name] for name in names}
        families.append(PoolFamily(name_of[level], unit, resource, zones, offered, some))
        if givers(level) and offered.any():
            own, name = {n: -each for n, each in givers(level).items()}, f"heat made, {level}"
            limit = np.where(offered > 0.0, 0.0, np.inf)
            part = name_of[level]
            kept[level] = PoolFamily(name, unit, resource, zones, limit, own, part_of=part)
    for level in reversed(rows):
        below = [one.name for at, one in kept.items() if serves(level, at)]
        if sold and level == market.demand_level:
            pools = [name_of[at] for at in rows if serves(level, at)]
            sales.append(
                Sale(CUSTOMERS, [*pools, *below], resource, market.demand, market.price,
                     givers(level))
            )  # fmt: skip
        takers = {n: needs[n] for n in rows[level] if taking[n] and mine[n] == level}
        if takers and givers(level):
            name, part = f"heat taken, {level}", name_of[level]
            families.append(
                PoolFamily(name, unit, resource, zones, np.zeros(count), takers, -1, part)
            )
            most = np.full(count, np.inf)
            sales.append(
                Sale(f"{WITHIN}, {level}", [name, *below], resource, most, market.price,
                     givers(level))
            )  # fmt: skip
    return [*families, *kept.values()], sales

"""What becomes of the heat that plants supply: what others take of it, and what is sold.

Sorbents of the same pool come first; of what they leave, customers take what they want, and the
rest earns nothing. Each kWh has one use (rule 6). The income is worked out from the plan, which it
does not steer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cdrsite.competition.problem import QUANTITIES
from cdrsite.methods.heat import heat_level, serves
from cdrsite.study.cells import competitors_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.study.offers import Offers
    from cdrsite.study.prepare import Setting
    from cdrsite.study.problem import Allocation

COLUMNS = (
    "pool", "made_gwh_yr", "used_gwh_yr", "demand_gwh_yr", "sold_gwh_yr", "unused_gwh_yr",
    "earned_musd_yr",
)  # fmt: skip
"""Columns of the table of heat."""


def heat_table(setting: Setting, offers: Offers, allocation: Allocation) -> pd.DataFrame:
    """Heat of each pool in which the plan makes some.

    Parameters
    ----------
    setting, offers, allocation
        The study, its pools with what customers want, and the plan.

    Returns
    -------
    DataFrame
        ``made`` by methods, ``used`` by methods of it, ``sold`` to customers at the price of heat,
        and ``unused``, which earns nothing: ``made = used + sold + unused``.
    """
    pools, heat = offers.pools.get("heat"), setting.scenario.resources.heat
    if pools is None:
        return pd.DataFrame(columns=list(COLUMNS))
    count = len(pools.names)
    made, fit, taken = np.zeros(count), np.zeros(count), np.zeros(count)
    for name, amount in _by_pool(setting, offers, allocation, count).items():
        supplied = np.maximum(-amount, 0.0)
        made += supplied
        taken += np.maximum(amount, 0.0)
        if serves(heat_level(setting.models[name]), heat.demand_level):
            fit += supplied
    used = np.minimum(made, taken)
    sold = np.minimum(offers.heat_demand, np.minimum(fit, made - used))
    columns = (made, used, offers.heat_demand, sold, made - used - sold)
    price = setting.scenario.costs.prices.of("heat")
    rows = zip(
        pools.names,
        *((amount / 1e6).tolist() for amount in columns),
        (sold * price / 1e6).tolist(),
        strict=True,
    )
    table = pd.DataFrame(list(rows), columns=list(COLUMNS))
    return table[table["made_gwh_yr"] > 0].reset_index(drop=True)


def _by_pool(
    setting: Setting, offers: Offers, allocation: Allocation, count: int
) -> dict[str, NDArray[np.float64]]:
    """Heat that each method takes in each pool, negative where it supplies it [kWh/yr]."""
    solution = allocation.solution
    sums, zone = solution.totals.by_combo, solution.system.zone_table["heat"]
    layers = (*QUANTITIES, *solution.problem.layers)
    found = {}
    for m, fact in enumerate(competitors_of(setting, offers).facts):
        need = fact.needs.get("heat", 0.0)
        if not need:
            continue
        column = layers.index(need if isinstance(need, str) else "gross")
        each = sums[:, m, column] * (1.0 if isinstance(need, str) else need)
        inside = zone >= 0
        found[fact.name] = np.bincount(zone[inside], each[inside], count).astype(np.float64)
    return found

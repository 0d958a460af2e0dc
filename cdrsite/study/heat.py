"""What becomes of the heat that plants supply: what others take of it, and what is sold.

The plan sells it: to sorbents of the same pool, which pay its price and whose payment is income of
who supplies it, and to customers; the rest earns nothing. Each kWh has one use (rule 6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cdrsite.methods.heat import CUSTOMERS
from cdrsite.study.cells import competitors_of

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from cdrsite.study.offers import Offers
    from cdrsite.study.prepare import Setting
    from cdrsite.study.problem import Allocation

COLUMNS = (
    "pool", "made_gwh_yr", "used_gwh_yr", "demand_gwh_yr", "sold_gwh_yr", "unused_gwh_yr",
    "earned_musd_yr",
)  # fmt: skip
"""Columns of the table of heat."""
FATES = ("made", "used", "sold", "unused")
"""What becomes of the heat that methods supply."""


def heat_table(setting: Setting, offers: Offers, allocation: Allocation) -> pd.DataFrame:
    """Heat of each pool in which the plan makes some.

    Parameters
    ----------
    setting, offers, allocation
        The study, its pools with what customers want, and the plan.

    Returns
    -------
    DataFrame
        ``made`` by methods, ``used`` of it by methods, ``sold`` to customers at the price of heat,
        and ``unused``, which earns nothing: ``made = used + sold + unused``.
    """
    pools = offers.pools.get("heat")
    if pools is None:
        return pd.DataFrame(columns=list(COLUMNS))
    count = len(pools.names)
    made = _made(setting, offers, allocation, count)
    used, sold = np.zeros(count), np.zeros(count)
    solution = allocation.solution
    for sale, parts in zip(solution.problem.sales, solution.sold_by, strict=True):
        into = sold if sale.name == CUSTOMERS else used
        into += parts.sum(axis=1)
    columns = (made, used, offers.heat_demand, sold, np.maximum(made - used - sold, 0.0))
    price = setting.scenario.costs.prices.of("heat")
    rows = zip(
        pools.names,
        *((amount / 1e6).tolist() for amount in columns),
        (sold * price / 1e6).tolist(),
        strict=True,
    )
    table = pd.DataFrame(list(rows), columns=list(COLUMNS))
    return table[table["made_gwh_yr"] > 0].reset_index(drop=True)


def _made(
    setting: Setting, offers: Offers, allocation: Allocation, count: int
) -> NDArray[np.float64]:
    """Heat that methods supply in each pool [kWh/yr]."""
    solution = allocation.solution
    gross, zone = solution.totals.by_combo[:, :, 0], solution.system.zone_table["heat"]
    each = [fact.needs.get("heat", 0.0) for fact in competitors_of(setting, offers).facts]
    supplied = np.array([0.0 if isinstance(need, str) else max(-need, 0.0) for need in each])
    inside = zone >= 0
    made = (gross[inside] * supplied).sum(axis=1)
    return np.bincount(zone[inside], made, count).astype(np.float64)


def tell_heat(dataset: xr.Dataset, table: pd.DataFrame) -> None:
    """Give the map of the pools what becomes of their heat, for explanations [kWh/yr].

    Parameters
    ----------
    dataset : xr.Dataset
        ``pool_heat`` gets an attribute for each of :data:`FATES`, by label.
    table : DataFrame
        From :func:`heat_table`.
    """
    if "pool_heat" not in dataset or table.empty:
        return
    rows = table.set_index("pool")
    for fate in FATES:
        amounts = rows[f"{fate}_gwh_yr"].to_dict()
        labels = dataset["pool_heat"].attrs.get("labels", [])
        dataset["pool_heat"].attrs[fate] = [amounts.get(label, 0.0) * 1e6 for label in labels]

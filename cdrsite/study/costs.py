"""What the plan's tonnes cost and why: by part, from gross to net, beside what others published."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cdrsite.competition import results as competed
from cdrsite.core.errors import CdrsiteWarning, message
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.methods.parts import STORAGE, TRANSPORT

if TYPE_CHECKING:
    from cdrsite.study.prepare import Setting
    from cdrsite.study.problem import Allocation

PART_COLUMNS = ("method", "part", "musd_yr", "usd_gross_t", "usd_net_t")
"""Columns of the table of the parts of the costs."""
TOLERANCE = 1e-4
"""By what share the parts may miss the cost: rounding of float32 maps [1]."""


def part_names(setting: Setting) -> tuple[str, ...]:
    """Parts of the cost, in the order in which they are told."""
    splits = [sums.split for sums in setting.rivals.values()]
    return tuple(splits[0]) if splits else ()


def totals(allocation: Allocation) -> dict[str, dict[str, float]]:
    """Gross and net tonnes, cost and land of the plan by method [t/yr, USD/yr, m2]."""
    return {row["method"]: row for row in competed.totals_table(allocation.solution)}


def part_table(setting: Setting, allocation: Allocation) -> pd.DataFrame:
    """What the plan costs by part, a row for each that a used method has.

    Parameters
    ----------
    setting : Setting
        Of the study.
    allocation : Allocation
        The competition's answer.

    Returns
    -------
    DataFrame
        :data:`PART_COLUMNS`: a year, and as the mean per gross and per net tonne. Those of a method
        add up to its cost; what is sold is negative. Credits are no part of a cost.
    """
    rows = []
    for (name, total), paid in zip(totals(allocation).items(), allocation.costs, strict=False):
        if not (total["net"] > 0 and total["gross"] > 0):
            continue
        missed = abs(float(paid.sum()) - total["cost"])
        if missed > TOLERANCE * float(np.abs(paid).sum()):
            warnings.warn(_incomplete(name, float(paid.sum()), total), CdrsiteWarning, stacklevel=2)
        rows += [
            (name, part, usd / 1e6, usd / total["gross"], usd / total["net"])
            for part, usd in zip(part_names(setting), paid.tolist(), strict=True)
            if usd != 0.0
        ]
    return pd.DataFrame(rows, columns=list(PART_COLUMNS))


def _incomplete(name: str, paid: float, total: Mapping[str, float]) -> str:
    return message(
        "the parts of a cost do not add up to it",
        where=f"tables/cost_parts.csv: {name}",
        got=f"{paid / 1e6:g} MUSD/yr",
        expected=f"{total['cost'] / 1e6:g} MUSD/yr",
        cure="this is a fault of cdrsite: please report it",
        rule=7,
    )


def cost_summary(tables: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, Any]]:
    """From the cost of a gross tonne to that of a net tonne, and after credits, by used method.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``methods``, ``cost_parts`` and ``credits`` of a run.

    Returns
    -------
    dict
        Method -> ``gross_usd_t`` (per gross tonne), ``net_factor``, ``losses_usd_t`` (what
        emissions and losses add: a net tonne takes more than one gross tonne), ``net_usd_t``,
        ``credits_usd_t`` and ``after_credits_usd_t`` (per net tonne), ``credited_usd_t`` (per tonne
        that is credited once a buffer is withheld).
    """
    earned = tables["credits"].groupby("method")["earned_usd_net_t"].sum()
    used = set(tables["cost_parts"]["method"])
    found: dict[str, dict[str, Any]] = {}
    for row in tables["methods"].to_dict("records"):
        name, net, gross = row["method"], row["net_mt_yr"], row["gross_mt_yr"]
        if name not in used:
            continue
        paid = row["cost_musd_yr"]
        credit, kept = float(earned.get(name, 0.0)), row["credited_cost_usd_t"]
        found[name] = {
            "gross_usd_t": paid / gross,
            "net_factor": net / gross,
            "losses_usd_t": paid / net - paid / gross,
            "net_usd_t": paid / net,
            "credits_usd_t": credit,
            "after_credits_usd_t": paid / net - credit,
            "credited_usd_t": None if np.isnan(kept) else kept,
        }
    return found


PUBLISHED = "cost_published"
"""Parameter with the range that a source gives."""
PUBLISHED_COLUMNS = (
    "method", "source", "locator", "low_usd_t", "high_usd_t", "usd_net_t", "place", "reason",
    "part", "part_usd_net_t",
)  # fmt: skip
"""Columns of the table of published costs."""
PRICED = frozenset({*(one.part for one in RESOURCES.values()), TRANSPORT, STORAGE})
"""Parts that the prices of a study and the place decide, not the plant; so does what is sold."""
FIRST_PLANTS = "foak"
"""Basis of costs of first plants."""


def published_table(
    setting: Setting, parts: pd.DataFrame, costs: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """The cost of each used method beside every range that its file gives as published.

    Parameters
    ----------
    setting : Setting
        Of the study.
    parts : DataFrame
        From :func:`part_table`.
    costs : mapping
        From :func:`cost_summary`, with the bands.

    Returns
    -------
    DataFrame
        :data:`PUBLISHED_COLUMNS`, money in USD of the base year. ``place`` is ``below``, ``inside``
        or ``above``; ``reason`` is empty inside, else ``basis`` (costs of first plants), ``part``
        (without what this part costs it would be inside), ``gross`` (per gross tonne it is inside),
        ``range`` (its own low and high reach the range), or ``largest`` (none of these; ``part`` is
        the largest one).
    """
    base_year, rows = setting.scenario.costs.base_year, []
    for name, one in costs.items():
        model = setting.models[name]
        record = model.profile.get(PUBLISHED)
        mine = parts[parts["method"] == name]
        sizes = dict(zip(mine["part"], mine["usd_net_t"].tolist(), strict=True))
        for each in () if record is None else (record, *record.alternatives):
            factor = each.scale("USD/t", base_year)
            low, high = (
                math.nan if end is None else end * factor
                for end in (
                    each.value if each.low is None else each.low,
                    each.value if each.high is None else each.high,
                )
            )
            place, reason, part = beside(one, sizes, (low, high), model.basis)
            size = sizes.get(part, math.nan)
            about = (name, each.source, each.locator, low, high, one["net_usd_t"])
            rows.append((*about, place, reason, part, size))
    return pd.DataFrame(rows, columns=list(PUBLISHED_COLUMNS))


def beside(
    one: Mapping[str, Any],
    sizes: Mapping[str, float],
    published: tuple[float, float],
    basis: str,
) -> tuple[str, str, str]:
    """Where a cost lies beside a range, why where it is outside, and which part that is.

    Parameters
    ----------
    one : mapping
        Of :func:`cost_summary`.
    sizes : mapping
        Part -> what it is of a net tonne [USD/t].
    published : tuple of float
        Low and high end, NaN where there is none [USD/t].
    basis : str
        What the costs stand for.
    """
    low, high = published
    low, high = (-math.inf if math.isnan(low) else low), (math.inf if math.isnan(high) else high)

    def inside(cost: float) -> bool:
        return low <= cost <= high

    cost = one["net_usd_t"]
    if inside(cost):
        return "inside", "", ""
    place = "below" if cost < low else "above"
    ranked = sorted(sizes, key=lambda part: -abs(sizes[part]))
    if place == "above" and basis == FIRST_PLANTS:
        return place, "basis", ""
    for part in ranked:
        priced = part in PRICED or sizes[part] < 0
        if priced and inside(cost - sizes[part]):
            return place, "part", part
    if inside(one["gross_usd_t"]):
        return place, "gross", ""
    least, most = one.get("low_usd_t", cost), one.get("high_usd_t", cost)
    if least <= high and (most is None or most >= low):
        return place, "range", ""
    return place, "largest", ranked[0]

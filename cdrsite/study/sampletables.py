"""Tables of a study in many samples: numbers, samples, ranges of totals, of pools and of zones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cdrsite.competition.results import price_unit, shown_price
from cdrsite.core.bymethod import net_column
from cdrsite.sampling.additive import curves_of
from cdrsite.sampling.deciding import RELIABLE, deciding
from cdrsite.sampling.drawn import COMMON, LAYER, UNIT
from cdrsite.sampling.statistics import binomial_error, known_quantiles, quantiles
from cdrsite.study.compete import zone_layers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.competition.solution import Solution
    from cdrsite.sampling.drawn import Ensemble
    from cdrsite.study.prepare import Setting
    from cdrsite.study.problem import Allocation
    from cdrsite.study.samples import Solved

    F64 = NDArray[np.float64]

NAMES = ("p05", "p50", "p95")
"""Ends of columns with quantiles."""
NUMBER_COLUMNS = ("number", "unit", "value", "low", "high", "law", "source", "with", "why_held")
EMITTED = tuple(f"emitters_{what}_mt_yr" for what in ("captured", "avoided", "removed"))
"""Columns of what emitters do in a sample."""
MT, MUSD = 1e6, 1e6
BINDS, PRICED = 1e-3, 1e-9
"""A row binds where its use is within this share of its limit, and its price is worth more than
this share of the dearest [1]."""


def _number(value: float | str) -> float:
    """A number of a column of numbers; unknown of a name, which stands among the options."""
    return math.nan if isinstance(value, str) else value


def number_table(ensemble: Ensemble) -> pd.DataFrame:
    """Every uncertain number with its law and source, then what is held and why."""
    inside = {ensemble.dimensions[j].path: one.name for one in ensemble.groups for j in one.members}
    rows: list[dict[str, Any]] = []
    for one in ensemble.dimensions:
        if one.kind == COMMON:
            continue
        low, high = one.ends
        law = (
            one.law.name if one.law is not None else ("log-triangular" if one.kind == UNIT else "")
        )
        options = " | ".join(map(str, one.options))
        rows.append(
            {
                "number": one.path, "unit": one.unit, "value": _number(one.value),
                "low": low, "high": high,
                "law": f"{law}: {options}" if options else law or "lognormal",
                "source": one.source, "with": inside.get(one.path, ""), "why_held": "",
            }
        )  # fmt: skip
    blank = {"low": np.nan, "high": np.nan, "with": "", "why_held": ""}
    rows += [
        {
            **blank, "number": f"layers.{name}", "unit": "1", "value": 1.0,
            "law": "lognormal field", "source": "scenario",
        }
        for name in ensemble.fields
    ]  # fmt: skip
    rows += [
        {
            **blank, "number": one.path, "unit": one.unit, "value": one.value, "law": "held",
            "source": "", "why_held": one.why,
        }
        for one in ensemble.held
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(NUMBER_COLUMNS))


def sample_table(
    ensemble: Ensemble,
    solved: Sequence[Solved],
    bounds: F64,
    methods: Sequence[str],
    sign: int,
) -> pd.DataFrame:
    """Every sample: status, bound and gap, totals, and the values it took.

    Parameters
    ----------
    ensemble : Ensemble
        The samples.
    solved : sequence of Solved
        In their order.
    bounds : ndarray, shape (samples,)
        Over the true cells; NaN without a pass over them.
    methods : sequence of str
        Names.
    sign : {1, -1}
        Of the goal: -1 where less is better.
    """
    rows = []
    for one, bound in zip(solved, bounds.tolist(), strict=True):
        gross, net, cost, land = one.totals.sum(axis=0).tolist()
        row: dict[str, Any] = {
            "sample": one.number + 1,
            "status": one.status,
            "value": sign * one.value,
            "bound": sign * bound,
            "gap": abs(bound - one.value) / abs(bound) if bound else np.nan,
            "sweeps": one.sweeps,
            "net_mt_yr": net / MT,
            "gross_mt_yr": gross / MT,
            "cost_musd_yr": cost / MUSD,
            "mean_cost_usd_t": cost / net if net > 0 else np.nan,
            "land_km2": land / 1e6,
        }
        row |= dict(zip(EMITTED, (one.emitters / MT).tolist(), strict=False))
        each = one.totals[:, 1].tolist()
        columns = [net_column(name) for name in methods]
        row |= {name: value / MT for name, value in zip(columns, each, strict=True)}
        rows.append(row)
    table = pd.DataFrame(rows)
    kinds = {one.path: one.kind for one in ensemble.dimensions}
    drawn = {
        path: column[: len(solved)]
        for path, column in ensemble.columns.items()
        if kinds[path] not in {UNIT, LAYER}
    }
    chances = {
        f"{one.path} (standard deviations)": ensemble.columns[one.path][: len(solved)]
        for one in ensemble.dimensions
        if one.kind in {UNIT, LAYER}
    }
    return pd.concat([table, pd.DataFrame(drawn | chances)], axis=1)


def _range(values: Sequence[float] | F64) -> dict[str, float]:
    """Quantiles, mean and standard deviation of a number over the samples."""
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    found = dict(zip(NAMES, quantiles(known[:, None])[:, 0].tolist(), strict=True))
    mean = float(known.mean()) if len(known) else np.nan
    spread = float(known.std(ddof=1)) if len(known) > 1 else np.nan
    return found | {"mean": mean, "sd": spread, "error_of_mean": spread / max(len(known), 1) ** 0.5}


def total_ranges(
    known: Sequence[Solved], methods: Sequence[str], allocation: Allocation
) -> pd.DataFrame:
    """Ranges of net and gross tonnes, cost and land: of all methods (empty name) and of each."""
    plan = allocation.solution.totals.by_combo.sum(axis=0)[:, :4].copy()
    income = allocation.solution.income
    plan[:, 2] -= (income * allocation.solution.totals.by_combo[:, :, 0]).sum(axis=0)
    every = np.stack([one.totals for one in known])
    parts = [("", every.sum(axis=1), plan.sum(axis=0))]
    parts += [(name, every[:, m], plan[m]) for m, name in enumerate(methods)]
    rows = []
    for name, values, mine in parts:
        gross, net, cost, land = values.T
        with np.errstate(divide="ignore", invalid="ignore"):
            unit = np.where(net > 0, cost / net, np.nan)
        told = {
            "net_mt_yr": (net / MT, mine[1] / MT),
            "gross_mt_yr": (gross / MT, mine[0] / MT),
            "cost_musd_yr": (cost / MUSD, mine[2] / MUSD),
            "mean_cost_usd_t": (unit, mine[2] / mine[1] if mine[1] > 0 else np.nan),
            "land_km2": (land / 1e6, mine[3] / 1e6),
        }
        for quantity, (drawn, own) in told.items():
            used = float((net > 0).mean())
            rows.append(
                {"method": name, "quantity": quantity, "plan": float(own), **_range(drawn),
                 "used_in": used}
            )  # fmt: skip
    return pd.DataFrame(rows)


def pool_ranges(known: Sequence[Solved], plan: Solution) -> pd.DataFrame:
    """How often each shared row binds, its price and its use over the samples."""
    rows = []
    prices = np.stack([one.price for one in known])
    uses, limits = np.stack([one.use for one in known]), np.stack([one.limit for one in known])
    worth = np.abs(prices) * np.maximum(np.abs(limits), 1.0)
    largest = worth.max(axis=1, keepdims=True, initial=0.0)
    binds = (worth > PRICED * np.maximum(largest, 1e-300)) & (
        np.abs(uses - limits) <= BINDS * np.maximum(np.abs(limits), 1e-300)
    )
    for r, row in enumerate(plan.system.rows):
        if row.part_of:
            continue
        shown = np.array([shown_price(row, float(price)) for price in prices[:, r]])
        used = np.divide(
            uses[:, r], limits[:, r], out=np.full(len(known), np.nan), where=limits[:, r] != 0
        )
        share = float(binds[:, r].mean())
        rows.append(
            {
                "family": row.family,
                "zone": row.zone,
                "sense": row.sense,
                "unit": row.unit,
                "binds_in_plan": bool(plan.price[r] != 0.0),
                "binds": share,
                "error": float(binomial_error(np.array(share), len(known))),
                **_named("price", known_quantiles(shown[:, None])[:, 0]),
                "price_unit": price_unit(plan, row),
                **_named("limit", quantiles(limits[:, [r]])[:, 0]),
                **_named("used_share", known_quantiles(used[:, None])[:, 0]),
            }
        )
    columns = list(rows[0]) if rows else ["family", "zone", "binds"]
    return pd.DataFrame(rows, columns=columns)


def _named(name: str, values: F64) -> dict[str, float]:
    return {f"{name}_{end}": float(value) for end, value in zip(NAMES, values, strict=True)}


def zone_ranges(known: Sequence[Solved], setting: Setting) -> pd.DataFrame:
    """Ranges of net tonnes and cost by administrative unit."""
    admin = setting.scenario.outputs.admin
    columns = ["zone", *(f"net_mt_yr_{n}" for n in NAMES), *(f"cost_musd_yr_{n}" for n in NAMES)]
    if admin is None:
        return pd.DataFrame(columns=columns)
    names = zone_layers(setting)[admin.layer]
    every = np.zeros((len(known), 1 + len(names), 2))
    for s, one in enumerate(known):
        every[s, : len(one.by_zone)] = one.by_zone
    rows = []
    for z, name in enumerate(("", *names)):
        if not name and not every[:, 0].any():
            continue
        rows.append(
            {
                "zone": name,
                **_named("net_mt_yr", quantiles(every[:, z, [0]])[:, 0] / MT),
                **_named("cost_musd_yr", quantiles(every[:, z, [1]])[:, 0] / MUSD),
            }
        )
    return pd.DataFrame(rows, columns=columns)


def convergence_table(checks: Sequence[Mapping[str, float]]) -> pd.DataFrame:
    """What was found after 64, 128, ... samples."""
    return pd.DataFrame(list(checks))


DECIDING_COLUMNS = (
    "number", "unit", "value", "share", "swing_mt_yr", "rank_correlation", "reliable"
)  # fmt: skip


def deciding_table(ensemble: Ensemble, known: Sequence[Solved]) -> tuple[pd.DataFrame, float]:
    """Which numbers decide the net tonnes: shares of the variance, the largest first; and the R2.

    What goes together with others counts by what is its own; what a group has in common is a row of
    its own. Fields of layers have no row: their errors are many numbers.
    """
    at = [one.number for one in known]
    net = np.array([one.totals[:, 1].sum() for one in known])
    columns: list[F64] = []
    chances: list[F64 | None] = []
    told = []
    for j, one in enumerate(ensemble.dimensions):
        drawn = ensemble.independent[at, j]
        if one.options:
            numbers = np.array([one.options.index(v) for v in _taken(ensemble, one.path, at)])
            columns.append(curves_of(numbers.astype(np.float64), len(one.options)))
            chances.append(None)
        else:
            columns.append(curves_of(drawn))
            chances.append(drawn)
        told.append(one)
    found = deciding(columns, net, chances)
    rows = [
        {
            "number": one.path, "unit": one.unit, "value": one.value, "share": share,
            "swing_mt_yr": swing / MT, "rank_correlation": rank,
            "reliable": found.explained >= RELIABLE,
        }
        for one, share, swing, rank in zip(
            told, found.share.tolist(), found.swing.tolist(), found.rank_correlation.tolist(),
            strict=True,
        )
    ]  # fmt: skip
    rows.sort(key=lambda row: -row["share"])
    return pd.DataFrame(rows, columns=list(DECIDING_COLUMNS)), found.explained


def _taken(ensemble: Ensemble, path: str, numbers: Sequence[int]) -> list[float | str]:
    """Alternatives that samples take."""
    return [ensemble.columns[path][number] for number in numbers]

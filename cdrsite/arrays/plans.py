"""A competition of one's own, from tables: which cell does what, and what is scarce."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.objectives import least_cost, most_net
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    ArrayCells,
    Competitor,
    PolicyRow,
    PoolFamily,
    Problem,
    SinkFamily,
    budget,
    target,
)
from cdrsite.competition.results import pools_table, totals_table
from cdrsite.competition.solution import Solution
from cdrsite.core.errors import DataError, did_you_mean

OF_METHODS = ("net", "cost", "land", "upper")
"""Columns of the table of methods that are no pools: net [t/t], cost [USD/t], land [m2/(t/yr)] per
gross tonne, and the most in a cell [gross t/yr]."""
WHERE = "allocate"


@dataclass(frozen=True, eq=False)
class Plan:
    """The answer of :func:`allocate`.

    Attributes
    ----------
    solution : Solution
        With its certificate: ``solution.report``.
    index : Index
        Of the cells.
    """

    solution: Solution
    index: pd.Index

    def pools(self) -> pd.DataFrame:
        """Supply, use, slack and price of every pool, storage unit, target and budget."""
        return pd.DataFrame(pools_table(self.solution))

    def totals(self) -> pd.DataFrame:
        """Gross and net [t/yr], cost [USD/yr] and land [m2] by method."""
        return pd.DataFrame(totals_table(self.solution)).set_index("method")

    def cells(self) -> pd.DataFrame:
        """Gross tonnes a year: a row for each cell, a column for each method."""
        names = self.solution.problem.method_names
        gross = self.solution.allocation.sum(axis=1)
        return pd.DataFrame(gross.T, index=self.index, columns=list(names))

    def __repr__(self) -> str:
        report, totals = self.solution.report, self.totals()
        return (
            f"<Plan of {len(self.index):,} cells, {len(totals)} methods: "
            f"{totals['net'].sum():,.6g} t/yr net for {totals['cost'].sum():,.6g} USD/yr, "
            f"{report.status}, gap {report.gap:.1g}>"
        )


def allocate(
    cells: pd.DataFrame,
    methods: pd.DataFrame,
    *,
    pools: Mapping[str, pd.Series | float] | None = None,
    zones: Mapping[str, str] | None = None,
    links: pd.DataFrame | None = None,
    storage: pd.Series | None = None,
    maximise: str = "net",
    target_t_yr: float | None = None,
    budget_usd_yr: float | None = None,
    gap: float = 1e-6,
) -> Plan:
    """Let methods compete for land, pools and storage, to a proven optimum.

    Parameters
    ----------
    cells : DataFrame
        A row for each cell: ``land`` [m2], a column with the zone of each zoning, and where a
        number of a method differs from cell to cell ``METHOD.net``, ``METHOD.cost``,
        ``METHOD.land`` or ``METHOD.upper``. NaN as upper: not possible there.
    methods : DataFrame
        A row for each method, by name: ``net`` [t/t], ``cost`` [USD/t], ``land`` [m2/(t/yr)] and
        ``upper`` [gross t/yr in a cell] (no limit but land if left out), all per gross tonne;
        ``stored`` [t/t] where it takes storage; and a column for each pool with the need.
    pools : mapping, optional
        Name -> supply of each zone, or one number for all cells together.
    zones : mapping, optional
        Name of a pool -> column of ``cells`` with its zones; that of its own name if left out.
    links : DataFrame, optional
        Ways to storage: ``cell`` (of the index of ``cells``), ``sink``, ``cost`` [USD/t stored].
    storage : Series, optional
        Most of each sink [t/yr].
    maximise : {'net', 'cost'}
        ``net``: most net tonnes. ``cost``: least cost, which needs a target.
    target_t_yr, budget_usd_yr : float, optional
        At least so many net tonnes, at most so much cost.
    gap : float
        Relative distance to the bound that is good enough [1].

    Returns
    -------
    Plan
        ``plan.cells()``, ``plan.pools()`` with prices, ``plan.totals()``.

    Raises
    ------
    DataError
        A column that is missing or unknown, a supply without zone.
    InfeasibleError
        Rows in conflict, with the smallest set of them.

    Examples
    --------
    >>> import pandas as pd
    >>> cells = pd.DataFrame({"land": [10.0, 10.0], "basin": ["a", "a"]})
    >>> methods = pd.DataFrame(
    ...     {"net": [0.9, 0.8], "cost": [300, 100], "land": [1.0, 2.0], "water": [4.0, 0.0]},
    ...     index=["air", "forest"],
    ... )
    >>> plan = allocate(
    ...     cells, methods, pools={"water": pd.Series({"a": 20.0})}, zones={"water": "basin"}
    ... )
    >>> plan.pools()[["zone", "use", "price"]].round(3).to_dict("records")
    [{'zone': 'a', 'use': 20.0, 'price': 0.125}]
    """
    _check(cells, methods, pools or {})
    sinks = _sinks(cells, links, storage)
    policies: list[PolicyRow] = []
    if target_t_yr is not None:
        policies.append(target(target_t_yr))
    if budget_usd_yr is not None:
        policies.append(budget(budget_usd_yr))
    families, ids = _families(cells, methods, pools or {}, zones or {})
    stored = methods.get("stored", pd.Series(0.0, methods.index))
    problem = Problem(
        cells=_cells(cells, methods, ids, sinks),
        methods=[Competitor(str(name), stored=float(share)) for name, share in stored.items()],
        pools=families,
        sinks=[] if sinks is None else [sinks.family],
        policies=policies,
        n_sinks=0 if sinks is None else len(sinks.family.zones),
    )
    objective = {"net": most_net, "cost": least_cost}.get(maximise)
    if objective is None:
        raise DataError("no such objective", where=WHERE, got=repr(maximise), expected="net, cost")
    if maximise == "cost" and target_t_yr is None:
        cure = "give target_t_yr"
        raise DataError("the least cost of nothing is nothing", where=WHERE, cure=cure)
    return Plan(solve(problem, objective(), SolverOptions(gap=gap)), cells.index)


@dataclass(frozen=True)
class _Sinks:
    """Ways to storage, as the competition has them."""

    family: SinkFamily
    sink: Any
    cost: Any


def _check(cells: pd.DataFrame, methods: pd.DataFrame, pools: Mapping[str, Any]) -> None:
    """Refuse tables that lack a column, or have one that nothing reads."""
    for table, name, needed in ((cells, "cells", ["land"]), (methods, "methods", OF_METHODS[:2])):
        missing = [column for column in needed if column not in table]
        if missing:
            raise DataError(
                "a column is missing",
                where=f"{WHERE}: {name}",
                got=", ".join(map(str, table.columns)),
                expected=", ".join(missing),
            )
    known = [*OF_METHODS, "stored", *pools]
    for column in methods.columns:
        if column not in known:
            raise DataError(
                "a need of no pool",
                where=f"{WHERE}: methods",
                got=repr(column),
                expected=", ".join(known),
                cure=did_you_mean(str(column), known) or f"give pools={{{column!r}: ...}}",
            )
    for column in map(str, cells.columns):
        method, dot, number = column.rpartition(".")
        if dot and not (method in methods.index and number in OF_METHODS):
            raise DataError(
                "a column of no method",
                where=f"{WHERE}: cells",
                got=repr(column),
                expected=f"METHOD.{' or METHOD.'.join(OF_METHODS)}, of {', '.join(methods.index)}",
            )


def _numbers(cells: pd.DataFrame, methods: pd.DataFrame, name: str, default: float) -> Any:
    """One number of each method in each cell, shape (methods, cells)."""
    shared = methods.get(name, pd.Series(default, methods.index)).fillna(default)
    rows = [
        cells[f"{method}.{name}"].to_numpy(np.float64)
        if f"{method}.{name}" in cells
        else np.full(len(cells), float(shared[method]))
        for method in methods.index
    ]
    return np.array(rows)


def _cells(
    cells: pd.DataFrame, methods: pd.DataFrame, ids: Mapping[str, Any], sinks: _Sinks | None
) -> ArrayCells:
    need = _numbers(cells, methods, "land", 0.0)
    upper = _numbers(cells, methods, "upper", np.inf)
    land = cells["land"].to_numpy(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_land = np.where(need > 0, land / need, np.inf)
    upper = np.where(np.isnan(upper), np.nan, np.minimum(upper, by_land))
    if np.isinf(upper).any():
        name = methods.index[int(np.flatnonzero(np.isinf(upper).any(axis=1))[0])]
        raise DataError(
            "nothing limits the method in a cell",
            where=f"{WHERE}: {name}",
            cure="give its need of land, or upper",
        )
    return ArrayCells(
        land=land,
        upper=upper,
        net=_numbers(cells, methods, "net", 0.0),
        cost=_numbers(cells, methods, "cost", 0.0),
        need=need,
        zone_ids=ids,
        sink=None if sinks is None else sinks.sink,
        sink_cost=None if sinks is None else sinks.cost,
    )


def _families(
    cells: pd.DataFrame,
    methods: pd.DataFrame,
    pools: Mapping[str, Any],
    zones: Mapping[str, str],
) -> tuple[list[PoolFamily], dict[str, Any]]:
    """Pools by zone, and the zone of each cell."""
    families, ids = [], {}
    for name, supply in pools.items():
        if isinstance(supply, pd.Series):
            column = zones.get(name, name)
            if column not in cells:
                raise DataError(
                    "no column with the zones of the pool",
                    where=f"{WHERE}: {name}",
                    got=", ".join(map(str, cells.columns)),
                    expected=column,
                    cure="give zones={NAME: COLUMN}",
                )
            number = pd.Series(np.arange(len(supply)), supply.index)
            found = cells[column].map(number)
            lost = sorted(set(map(str, cells[column][found.isna() & cells[column].notna()])))
            if lost:
                raise DataError(
                    "zones without a supply",
                    where=f"{WHERE}: {name}",
                    got=", ".join(lost[:5]),
                    expected=", ".join(map(str, supply.index)),
                    rule=7,
                )
            ids[name] = found.fillna(-1).to_numpy(np.int64)
            labels: Sequence[str] = [str(zone) for zone in supply.index]
            limits = supply.to_numpy(np.float64)
        else:
            ids[name] = np.zeros(len(cells), np.int64)
            labels, limits = ["all"], np.array([float(supply)])
        need = methods.get(name, pd.Series(0.0, methods.index)).fillna(0.0)
        by_method = {str(m): float(value) for m, value in need.items() if value}
        families.append(PoolFamily(name, "", name, labels, limits, by_method))
    return families, ids


def _sinks(
    cells: pd.DataFrame, links: pd.DataFrame | None, storage: pd.Series | None
) -> _Sinks | None:
    """Ways to storage by cell, cheapest first."""
    if links is None:
        return None
    if storage is None:
        raise DataError("ways to storage of no size", where=WHERE, cure="give storage=")
    names = [str(name) for name in storage.index]
    place = pd.Series(np.arange(len(cells)), cells.index)
    table = pd.DataFrame(
        {
            "cell": links["cell"].map(place),
            "sink": links["sink"].map(pd.Series(np.arange(len(names)), storage.index)),
            "cost": links["cost"].astype(float),
        }
    )
    if table.isna().any(axis=None):
        bad = links[table.isna().any(axis=1)].iloc[0].to_dict()
        raise DataError(
            "a way from no cell, or to no sink",
            where=f"{WHERE}: links",
            got=str(bad),
            expected="cells of the index, sinks of storage",
        )
    table = table.sort_values(["cell", "cost", "sink"], kind="stable")
    rank = table.groupby("cell").cumcount().to_numpy()
    slots = int(rank.max(initial=-1)) + 1
    sink = np.full((slots, len(cells)), -1, np.int32)
    cost = np.zeros((slots, len(cells)))
    at = rank, table["cell"].to_numpy(np.int64)
    sink[at], cost[at] = table["sink"].to_numpy(np.int32), table["cost"].to_numpy()
    family = SinkFamily("storage", "t/yr", names, storage.to_numpy(np.float64))
    return _Sinks(family, sink, cost)

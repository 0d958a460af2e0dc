"""Tables and headline numbers of a study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite import __version__
from cdrsite.accounting import credited, expected_retention
from cdrsite.competition import results as competed
from cdrsite.core.grid import AnalysisGrid
from cdrsite.core.resources import RESOURCES
from cdrsite.core.states import OUTSIDE
from cdrsite.variables import LIMIT_NAMES, VARIABLES

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from cdrsite.allocation import Allocation
    from cdrsite.config.models import Scenario
    from cdrsite.prepare import Setting
    from cdrsite.scoring import MethodModel
    from cdrsite.siting.exclusions import RuleAreas, RuleBook


def net_potential(dataset: xr.Dataset) -> Any:
    """Net removal of each method in each cell if it were alone there, (removal_method, y, x) [t/yr]."""
    return dataset["potential"].to_numpy() * np.nan_to_num(dataset["net_factor"].to_numpy())


def weighted_median(values: Any, weights: Any) -> float:
    """Value below which half of the weight lies; NaN where there is no weight."""
    known = np.isfinite(values) & (weights > 0)
    if not known.any():
        return float("nan")
    order = np.argsort(values[known], kind="stable")
    heap = np.cumsum(weights[known][order])
    return float(values[known][order][np.searchsorted(heap, heap[-1] / 2)])


def top_limits(codes: Any, tonnes: Any) -> str:
    """The resources that limit most of the tonnes, in words: "land 71 %, water 29 %"."""
    weight = np.bincount(codes.ravel(), weights=tonnes.ravel(), minlength=256)[: len(RESOURCES)]
    if weight.sum() <= 0:
        return "nothing fits"
    share = 100 * weight / weight.sum()
    top = [int(code) for code in np.argsort(-share, kind="stable") if share[code] >= 1][:3]
    return ", ".join(f"{RESOURCES[code]} {share[code]:.0f} %" for code in top)


def limit_table(grid: AnalysisGrid, dataset: xr.Dataset) -> pd.DataFrame:
    """Area and net tonnes by method and limiting resource, excluded and unknown area too."""
    import pandas as pd

    area = np.broadcast_to(grid.row_areas[:, None], grid.shape).ravel()
    net = net_potential(dataset)
    rows = []
    for m, name in enumerate(dataset["removal_method"].values):
        codes = dataset["limit"].to_numpy()[m].ravel()
        cells = np.bincount(codes, minlength=256)
        areas = np.bincount(codes, weights=area, minlength=256)
        tonnes = np.bincount(codes, weights=np.nan_to_num(net[m]).ravel(), minlength=256)
        for code, label in sorted(LIMIT_NAMES.items()):
            if cells[code] and code != OUTSIDE:
                rows.append(
                    {
                        "method": str(name),
                        "limit": label,
                        "cells": int(cells[code]),
                        "area_km2": areas[code] / 1e6,
                        "net_mt_yr": tonnes[code] / 1e6,
                    }
                )
    return pd.DataFrame(rows)


def exclusion_table(
    book: RuleBook, areas: RuleAreas, grid: AnalysisGrid, dataset: xr.Dataset
) -> pd.DataFrame:
    """Per rule and group of methods: area it removes, and area that only it removes."""
    import pandas as pd

    inside = dataset["limit"].to_numpy()[0] != OUTSIDE
    region = float((inside * grid.row_areas[:, None]).sum() / 1e6)
    rows = []
    for bits, methods in book.groups.items():
        for position, bit in enumerate(bits):
            total = areas.total[bits][position] / 1e6
            rows.append(
                {
                    "rule": book.rules[bit].name,
                    "bit": bit,
                    "methods": ", ".join(methods),
                    "removes_km2": total,
                    "removes_percent": 100 * total / region if region else np.nan,
                    "only_it_removes_km2": areas.only[bits][position] / 1e6,
                }
            )
    columns = ["rule", "bit", "methods", "removes_km2", "removes_percent", "only_it_removes_km2"]
    return pd.DataFrame(rows, columns=columns)


def site_table(scenario: Scenario, grid: AnalysisGrid, dataset: xr.Dataset) -> pd.DataFrame:
    """The best sites of each method by score, at least ``outputs.site_distance`` apart."""
    import pandas as pd
    from pyproj import Transformer

    spacing = scenario.outputs.site_distance * 1000.0
    steps = grid.row_steps_m
    reach = max(0, int(spacing // min(float(np.min(steps[0])), steps[1])))
    to_lonlat = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    rows = []
    for m, method in enumerate(dataset["removal_method"].values):
        score = dataset["score"].to_numpy()[m]
        for rank, (row, col) in enumerate(spaced_best(score, scenario.outputs.sites, reach), 1):
            lon, lat = to_lonlat.transform(grid.x[col], grid.y[row])
            cell = {
                name: float(dataset[name].to_numpy()[m, row, col])
                for name in VARIABLES
                if name != "limit"
            }
            limit = LIMIT_NAMES[int(dataset["limit"].to_numpy()[m, row, col])]
            rows.append(
                {
                    "method": str(method),
                    "rank": rank,
                    "lon": round(float(lon), 5),
                    "lat": round(float(lat), 5),
                    "x": float(grid.x[col]),
                    "y": float(grid.y[row]),
                    "score_t_yr": cell["score"],
                    "gross_t_yr": cell["potential"],
                    "net_t_yr": cell["potential"] * cell["net_factor"],
                    "cost_usd_per_net_t": cell["cost"],
                    "net_factor": cell["net_factor"],
                    "suitability": cell["suitability"],
                    "available_share": cell["available"],
                    "limited_by": limit,
                    "why": f"suitability {cell['suitability']:.2f}, {limit} limits at "
                    f"{cell['potential']:,.0f} t/yr, {cell['cost']:,.0f} USD per net t",
                }
            )
    return pd.DataFrame(rows)


def spaced_best(score: Any, count: int, reach: int) -> list[tuple[int, int]]:
    """Rows and columns of the best cells, each more than ``reach`` cells from a better one.

    Ties go to the cell that comes first row by row, so that the list is the same on every machine.
    """
    cols = score.shape[1]
    flat = np.where(np.isfinite(score) & (score > 0), score, 0.0).ravel()
    order = np.argsort(-flat, kind="stable")
    taken = np.zeros(score.shape, bool)
    found: list[tuple[int, int]] = []
    for index in order:
        if len(found) >= count or flat[index] <= 0:
            break
        row, col = divmod(int(index), cols)
        if taken[row, col]:
            continue
        found.append((row, col))
        taken[max(0, row - reach) : row + reach + 1, max(0, col - reach) : col + reach + 1] = True
    return found


def method_table(
    models: dict[str, MethodModel],
    scenario: Scenario,
    grid: AnalysisGrid,
    dataset: xr.Dataset,
    allocation: Allocation,
) -> pd.DataFrame:
    """One row per method: what the plan gives it, and what it could do alone.

    ``net_mt_yr`` and what follows is the competition's plan; ``alone_net_mt_yr`` sums what each
    cell could remove with what it was offered, as if the method had no rivals.
    """
    import pandas as pd

    area = grid.row_areas[:, None]
    alone = net_potential(dataset)
    totals = {row["method"]: row for row in competed.totals_table(allocation.solution)}
    rows = []
    for m, (name, model) in enumerate(models.items()):
        # where nothing is possible anywhere, the plan has no cells to total
        total = totals.get(name, dict.fromkeys(("gross", "net", "cost", "land"), 0.0))
        buffer = scenario.accounting.buffer
        withheld = model.number("buffer") if buffer is None else buffer
        available = np.nan_to_num(dataset["available"].to_numpy()[m].astype(np.float64))
        net = total["net"] / 1e6
        tonnes = np.nan_to_num(alone[m].astype(np.float64))
        cost = dataset["cost"].to_numpy()[m].astype(np.float64)
        rows.append(
            {
                "method": name,
                "profile": model.profile.name,
                "net_mt_yr": net,
                "gross_mt_yr": total["gross"] / 1e6,
                "cost_musd_yr": total["cost"] / 1e6,
                "mean_cost_usd_t": total["cost"] / total["net"] if total["net"] > 0 else np.nan,
                "land_km2": total["land"] / 1e6,
                "cells": int(allocation.used[m]),
                "credited_mt_yr": float(credited(net, withheld)),
                "retained_share": float(
                    expected_retention(
                        model.number("reversal_hazard"), scenario.accounting.retention_years
                    )
                ),
                "allowed_km2": float((available * area).sum() / 1e6),
                "alone_net_mt_yr": float(tonnes.sum() / 1e6),
                "alone_median_cost_usd_t": weighted_median(cost, tonnes),
                "alone_limits": top_limits(dataset["limit"].to_numpy()[m], tonnes),
            }
        )
    return pd.DataFrame(rows)


def pool_table(allocation: Allocation) -> pd.DataFrame:
    """Supply, use, slack and shadow price of every pool, storage unit and policy rule."""
    import pandas as pd

    columns = ["family", "zone", "unit", "supply", "use", "slack", "price", "price_unit", "binds"]
    rows = competed.pools_table(allocation.solution)
    return pd.DataFrame(rows).reindex(columns=columns)


def zone_table(setting: Setting, allocation: Allocation, names: Sequence[str]) -> pd.DataFrame:
    """Totals by administrative unit and method."""
    import pandas as pd

    admin = setting.scenario.outputs.admin
    columns = ["zone", "method", "net_mt_yr", "gross_mt_yr", "cost_musd_yr", "land_km2"]
    if admin is None:
        return pd.DataFrame(columns=columns)
    rows = [
        {
            "zone": "in none" if row[admin.layer] < 0 else names[row[admin.layer]],
            "method": row["method"],
            "net_mt_yr": row["net"] / 1e6,
            "gross_mt_yr": row["gross"] / 1e6,
            "cost_musd_yr": row["cost"] / 1e6,
            "land_km2": row["land"] / 1e6,
        }
        for row in competed.totals_table(allocation.solution, admin.layer)
    ]
    return pd.DataFrame(rows, columns=columns)


def curve_table(allocation: Allocation) -> pd.DataFrame:
    """Supply curve: net tonnes by method in classes of cost per net tonne, and their sum."""
    import pandas as pd

    curve = allocation.curve
    total = curve.cumulative
    rows = [
        {
            "cost_from_usd_t": float(curve.edges[b]),
            "cost_to_usd_t": float(curve.edges[b + 1]),
            **{m: float(curve.net[i, b]) / 1e6 for i, m in enumerate(curve.methods)},
            "cumulative_mt_yr": float(total[b]) / 1e6,
        }
        for b in np.flatnonzero(curve.net.sum(axis=0) > 0)
    ]
    columns = ["cost_from_usd_t", "cost_to_usd_t", *curve.methods, "cumulative_mt_yr"]
    return pd.DataFrame(rows, columns=columns)


def storage_table(setting: Setting, allocation: Allocation) -> pd.DataFrame:
    """CO2 brought to each storage unit, and the years until it is full."""
    import pandas as pd

    units = setting.storage
    columns = ["unit", "injected_mt_yr", "injection_mt_yr", "capacity_mt", "years_to_full", "eor"]
    if units is None:
        return pd.DataFrame(columns=columns)
    brought = allocation.by_sink.sum(axis=0)
    with np.errstate(divide="ignore"):
        years = np.where(brought > 0, units.capacity / brought, np.nan)
    rows = zip(
        units.names, brought / 1e6, units.injection / 1e6, units.capacity / 1e6, years, units.eor,
        strict=True,
    )  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def summarise(
    scenario: Scenario,
    grid: AnalysisGrid,
    dataset: xr.Dataset,
    tables: dict[str, pd.DataFrame],
    allocation: Allocation,
) -> dict[str, Any]:
    """Headline numbers, units in the names; everything JSON can hold."""
    limits = dataset["limit"].to_numpy()
    region = float(((limits[0] != OUTSIDE) * grid.row_areas[:, None]).sum() / 1e6)
    rows = tables["methods"].to_dict("records")
    report = allocation.solution.report
    objective = allocation.solution.objective
    pools = tables["pools"]
    binding = pools[pools["price"].abs() > 0] if len(pools) else pools
    net = float(tables["methods"]["net_mt_yr"].sum())
    cost = float(tables["methods"]["cost_musd_yr"].sum())
    return {
        "name": scenario.name,
        "title": scenario.title,
        "cdrsite": __version__,
        "base_year": scenario.costs.base_year,
        "region_km2": region,
        "cells": grid.size,
        "net_mt_yr": net,
        "cost_musd_yr": cost,
        "mean_cost_usd_t": cost / net if net > 0 else None,
        "objective": {
            "name": objective.name,
            "unit": objective.unit,
            "value": objective.sign * report.value,
            "bound": objective.sign * report.bound,
            "gap": report.gap,
            "gap_asked": scenario.objective.gap,
            "status": report.status,
            "sweeps": report.iterations,
        },
        "binding": [
            {key: row[key] for key in ("family", "zone", "price", "price_unit")}
            for row in binding.to_dict("records")
        ],
        "methods": {
            row["method"]: {
                key: None if isinstance(value, float) and np.isnan(value) else value
                for key, value in row.items()
                if key != "method"
            }
            for row in rows
        },
    }

"""What a run found: one labelled dataset, tables and a summary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from cdrsite import __version__
from cdrsite.accounting import credited, expected_retention
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.core.resources import RESOURCE_CODES, RESOURCE_UNITS, RESOURCES
from cdrsite.core.states import EXCLUDED, NET_NOT_POSITIVE, OUTSIDE, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

    from cdrsite.cells import Offers, ProgressSink, Scored
    from cdrsite.config.models import Scenario
    from cdrsite.prepare import Setting
    from cdrsite.scoring import MethodModel
    from cdrsite.siting.exclusions import Excluded, RuleBook

LIMIT_NAMES: dict[int, str] = {
    **{code: name for name, code in RESOURCE_CODES.items()},
    NET_NOT_POSITIVE: "net factor not positive",
    UNKNOWN: "unknown",
    EXCLUDED: "excluded",
    OUTSIDE: "outside the region",
}
"""Code in the limiting-resource rasters -> words."""

VARIABLES: dict[str, tuple[str, str]] = {
    "potential": ("t/yr", "gross CO2 captured or taken up"),
    "limit": ("", "limiting resource"),
    "net_factor": ("t/t", "net removal per gross tonne"),
    "cost": ("USD/t", "levelised cost per net tonne"),
    "score": ("t/yr", "suitability x net removal"),
    "suitability": ("1", "suitability"),
    "available": ("1", "share of the cell left by the exclusions"),
}
"""Variable -> canonical unit and meaning; each has a method dimension."""


PROJECTED = ("projection_y_coordinate", "projection_x_coordinate")
"""CF standard names of y and x on a projected grid."""


@dataclass
class StudyResult:
    """The result of a study.

    Attributes
    ----------
    scenario : Scenario
        What was asked.
    grid : AnalysisGrid
        Where the arrays live.
    dataset : xr.Dataset
        Variables of :data:`VARIABLES` with dimensions (method, y, x), and shared ones with (y, x).
    tables : dict
        DataFrames: ``methods``, ``limits``, ``exclusions``, ``sites``, ``pools``.
    summary : dict
        Headline numbers, units in the names.
    warnings : list of str
        What the user should know; repeated at the end of a run and in the manifest.
    timings : dict
        Seconds per stage.
    """

    scenario: Scenario
    grid: AnalysisGrid
    dataset: xr.Dataset
    tables: dict[str, pd.DataFrame]
    summary: dict[str, Any]
    rule_names: tuple[str, ...]
    warnings: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, in the order of the scenario."""
        return tuple(str(name) for name in self.dataset["method"].values)

    def write(self, folder: Path | str, progress: ProgressSink | None = None) -> Path:
        """Write rasters, tables, dataset, summary and manifest; whole or not at all.

        Parameters
        ----------
        folder : Path or str
            Replaced if it exists.
        progress : ProgressSink, optional
            Told about long steps.

        Returns
        -------
        Path
            The folder.
        """
        from cdrsite.outputs.folder import write_run

        return write_run(self, Path(folder), progress)

    def __repr__(self) -> str:
        rows, cols = self.grid.shape
        names = ", ".join(self.methods)
        return f"<StudyResult {self.scenario.name}: {names} on {rows} x {cols} cells>"

    def _repr_html_(self) -> str:
        """Tables for a notebook."""
        head = f"<b>{self.scenario.title or self.scenario.name}</b>"
        return head + self.tables["methods"].to_html(
            index=False, border=0, float_format=lambda v: f"{v:,.3g}", na_rep="–"
        )


def assemble(
    setting: Setting,
    excluded: Excluded,
    offers: Offers,
    parts: Iterable[tuple[Block, Scored]],
) -> StudyResult:
    """Put the blocks together and count.

    Parameters
    ----------
    setting : Setting
        What was prepared.
    excluded : Excluded
        Reasons and availability of the whole grid.
    offers : Offers
        Pools, and the routes to storage.
    parts : iterable
        Blocks with their scores, in order.
    """
    grid, methods = setting.area.grid, tuple(setting.models)
    shape = (len(methods), *grid.shape)
    arrays: dict[str, Any] = {
        name: np.empty(shape, np.uint8 if name == "limit" else np.float32) for name in VARIABLES
    }
    shared: dict[str, Any] = {}
    for block, part in parts:
        for name, block_array in part.shared.items():
            if name not in shared:
                shared[name] = np.empty(grid.shape, block_array.dtype)
            shared[name][block.slices] = block_array
        for m, method in enumerate(methods):
            for name, values in part.methods[method].items():
                arrays[name][m][block.slices] = values
    for m, method in enumerate(methods):
        arrays["available"][m] = excluded.available[setting.book.group_of(method)]
    if offers.links is not None:
        links = offers.links
        shared["transport_cost"] = np.where(links.reached, links.cost[0], np.nan)
        shared["transport_km"] = np.where(links.reached, links.length_km[0], np.nan)
        shared["pool_storage"] = links.sink[0].copy()
    _mask(arrays, shared, excluded.reasons)
    dataset = _dataset(setting.scenario, grid, methods, arrays, shared, excluded.reasons)
    dataset.attrs["exclusion_rules"] = [rule.name for rule in setting.book.rules]
    dataset.attrs["exclusion_rules_for"] = [", ".join(rule.methods) for rule in setting.book.rules]
    tables = {
        "methods": method_table(setting.models, setting.scenario, grid, dataset),
        "limits": limit_table(grid, dataset),
        "exclusions": exclusion_table(setting.book, excluded, grid, dataset),
        "sites": site_table(setting.scenario, grid, dataset),
        "pools": pool_table(setting),
    }
    import cdrsite.accessor  # noqa: F401 - registers `.cdr` for the dataset below

    names = tuple(rule.name for rule in setting.book.rules)
    summary = summarise(setting.scenario, grid, dataset, tables)
    return StudyResult(setting.scenario, grid, dataset, tables, summary, names)


def _mask(arrays: dict[str, Any], shared: dict[str, Any], reasons: Any) -> None:
    """Keep the four states apart: outside is NaN, and a cost needs something to cost (rule 2)."""
    outside = (reasons >> 31).astype(bool)
    for name in ("suitability", "available"):
        arrays[name][:, outside] = np.nan
    for name, values in shared.items():
        values[outside] = -1 if name.startswith("pool") else np.nan
    arrays["cost"][~(arrays["potential"] > 0)] = np.nan


def _dataset(
    scenario: Scenario,
    grid: AnalysisGrid,
    methods: tuple[str, ...],
    arrays: dict[str, Any],
    shared: dict[str, Any],
    reasons: Any,
) -> xr.Dataset:
    data: dict[str, Any] = {}
    for name, (unit, meaning) in VARIABLES.items():
        attrs: dict[str, Any] = {"units": unit, "long_name": meaning, "grid_mapping": "crs"}
        if name == "limit":
            attrs["flag_values"] = np.array(sorted(LIMIT_NAMES), np.uint8)
            attrs["flag_meanings"] = " ".join(
                LIMIT_NAMES[code].replace(" ", "_") for code in sorted(LIMIT_NAMES)
            )
        data[name] = (("method", "y", "x"), arrays[name], attrs)
    for name, values in shared.items():
        unit, meaning = _shared_meaning(name)
        attrs = {"units": unit, "long_name": meaning, "grid_mapping": "crs"}
        data[name] = (("y", "x"), values, attrs)
    data["exclusion_reasons"] = (
        ("y", "x"),
        reasons,
        {"units": "", "long_name": "bits of the exclusion rules that hit", "grid_mapping": "crs"},
    )
    data["cell_area"] = (
        ("y",),
        grid.row_areas,
        {"units": "m2", "long_name": "true area of a cell in the row"},
    )
    names = ("latitude", "longitude") if grid.is_geographic else PROJECTED
    units = ("degrees_north", "degrees_east") if grid.is_geographic else ("m", "m")
    coords = {
        "method": list(methods),
        "y": ("y", grid.y, {"standard_name": names[0], "units": units[0]}),
        "x": ("x", grid.x, {"standard_name": names[1], "units": units[1]}),
        "crs": ((), 0, {**grid.crs.to_cf(), "spatial_ref": grid.wkt}),
    }
    attrs = {"Conventions": "CF-1.10", "title": scenario.title or scenario.name}
    attrs["source"] = f"cdrsite {__version__}"
    return xr.Dataset(data, coords, attrs)


def _shared_meaning(name: str) -> tuple[str, str]:
    """Unit and meaning of a variable that all methods share."""
    kind, _, resource = name.partition("_")
    if kind == "supply":
        return RESOURCE_UNITS[resource], f"{resource} offered"
    if kind == "pool":
        return "", "cheapest storage unit" if resource == "storage" else f"pool of {resource}"
    return {
        "transport_cost": ("USD/t", "transport of CO2 to the cheapest storage unit"),
        "transport_km": ("km", "length of the route to the cheapest storage unit"),
    }[name]


def net_potential(dataset: xr.Dataset) -> Any:
    """Net removal of each method in each cell if it were alone there, (method, y, x) [t/yr]."""
    return dataset["potential"].to_numpy() * np.nan_to_num(dataset["net_factor"].to_numpy())


def method_table(
    models: dict[str, MethodModel], scenario: Scenario, grid: AnalysisGrid, dataset: xr.Dataset
) -> pd.DataFrame:
    """One row per method: allowed area, tonnes, cost, buffer and retention.

    ``net_mt_yr`` is the sum over cells of what each could remove if it had what it was offered.
    """
    import pandas as pd

    area = grid.row_areas[:, None]
    net = net_potential(dataset)
    rows = []
    for m, (name, model) in enumerate(models.items()):
        gross = dataset["potential"].to_numpy()[m].astype(np.float64)
        tonnes = np.nan_to_num(net[m].astype(np.float64))
        available = np.nan_to_num(dataset["available"].to_numpy()[m].astype(np.float64))
        cost = dataset["cost"].to_numpy()[m].astype(np.float64)
        buffer = scenario.accounting.buffer
        withheld = model.number("buffer") if buffer is None else buffer
        total = tonnes.sum() / 1e6
        rows.append(
            {
                "method": name,
                "profile": model.profile.name,
                "allowed_km2": float((available * area).sum() / 1e6),
                "cells": int((tonnes > 0).sum()),
                "gross_mt_yr": float(np.nansum(gross) / 1e6),
                "net_mt_yr": float(total),
                "credited_mt_yr": float(credited(total, withheld)),
                "retained_share": float(
                    expected_retention(
                        model.number("reversal_hazard"), scenario.accounting.retention_years
                    )
                ),
                "median_cost_usd_t": weighted_median(cost, tonnes),
                "lowest_cost_usd_t": float(np.nanmin(cost)) if np.isfinite(cost).any() else np.nan,
                "limits": top_limits(dataset["limit"].to_numpy()[m], tonnes),
            }
        )
    return pd.DataFrame(rows)


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
    for m, name in enumerate(dataset["method"].values):
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
    book: RuleBook, excluded: Excluded, grid: AnalysisGrid, dataset: xr.Dataset
) -> pd.DataFrame:
    """Per rule and group of methods: area it removes, and area that only it removes."""
    import pandas as pd

    inside = dataset["limit"].to_numpy()[0] != OUTSIDE
    region = float((inside * grid.row_areas[:, None]).sum() / 1e6)
    rows = []
    for bits, methods in book.groups.items():
        for position, bit in enumerate(bits):
            total = excluded.areas.total[bits][position] / 1e6
            rows.append(
                {
                    "rule": book.rules[bit].name,
                    "bit": bit,
                    "methods": ", ".join(methods),
                    "removes_km2": total,
                    "removes_percent": 100 * total / region if region else np.nan,
                    "only_it_removes_km2": excluded.areas.only[bits][position] / 1e6,
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
    for m, method in enumerate(dataset["method"].values):
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


def pool_table(setting: Setting) -> pd.DataFrame:
    """Shared pools and storage units with their supply."""
    import pandas as pd

    rows = [
        {"resource": name, "pool": pool, "supply": float(supply), "unit": RESOURCE_UNITS[name]}
        for name, pools in setting.pools.items()
        for pool, supply in zip(pools.names, pools.supply, strict=True)
    ]
    if setting.storage is not None:
        rows += [
            {"resource": "storage", "pool": name, "supply": float(rate), "unit": "t/yr"}
            for name, rate in zip(setting.storage.names, setting.storage.rate, strict=True)
        ]
    return pd.DataFrame(rows, columns=["resource", "pool", "supply", "unit"])


def summarise(
    scenario: Scenario, grid: AnalysisGrid, dataset: xr.Dataset, tables: dict[str, pd.DataFrame]
) -> dict[str, Any]:
    """Headline numbers, units in the names; everything JSON can hold."""
    limits = dataset["limit"].to_numpy()
    area = grid.row_areas[:, None]
    region = float(((limits[0] != OUTSIDE) * area).sum() / 1e6)
    rows = tables["methods"].to_dict("records")
    return {
        "name": scenario.name,
        "title": scenario.title,
        "cdrsite": __version__,
        "base_year": scenario.costs.base_year,
        "region_km2": region,
        "cells": grid.size,
        "methods": {
            row["method"]: {
                key: None if isinstance(value, float) and np.isnan(value) else value
                for key, value in row.items()
                if key != "method"
            }
            for row in rows
        },
    }

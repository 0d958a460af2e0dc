"""What a run found: one labelled dataset, tables and a summary."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from cdrsite import __version__
from cdrsite.allocation import NO_WINNER
from cdrsite.compete import zone_layers
from cdrsite.competition.results import NONE
from cdrsite.core.grid import AnalysisGrid
from cdrsite.core.resources import RESOURCE_UNITS
from cdrsite.core.states import EXCLUDED, LOWEST_STATE, OUTSIDE, UNKNOWN
from cdrsite.evidence import add_evidence
from cdrsite.projects import project_features, project_summary, project_tables
from cdrsite.tables import (
    curve_table,
    exclusion_table,
    limit_table,
    method_table,
    pool_table,
    site_table,
    storage_table,
    summarise,
    zone_table,
)
from cdrsite.traces import add_storage, polygon_features, route_features
from cdrsite.variables import LIMIT_NAMES, NO_METHOD, PLAN_STATES, VARIABLES

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from cdrsite.allocation import Allocation
    from cdrsite.cells import Gathered, Offers, ProgressSink
    from cdrsite.config.models import Scenario
    from cdrsite.prepare import Setting
    from cdrsite.projects import Projects
    from cdrsite.siting.exclusions import Excluded

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
        Variables of :data:`VARIABLES` with dimensions (removal_method, y, x), and shared ones with (y, x).
    tables : dict
        DataFrames: ``methods``, ``limits``, ``exclusions``, ``sites``, ``pools``.
    summary : dict
        Headline numbers, units in the names.
    warnings : list of str
        What the user should know; repeated at the end of a run and in the manifest.
    timings : dict
        Seconds per stage.
    features : dict
        GeoDataFrames in the grid's CRS: ``routes``, ``corridors``, ``storage``, ``pools_WATER`` and
        so on, ``provinces``; see :mod:`cdrsite.traces`.
    """

    scenario: Scenario
    grid: AnalysisGrid
    dataset: xr.Dataset
    tables: dict[str, pd.DataFrame]
    summary: dict[str, Any]
    rule_names: tuple[str, ...]
    warnings: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    features: dict[str, gpd.GeoDataFrame] = field(default_factory=dict)

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, in the order of the scenario."""
        return tuple(str(name) for name in self.dataset["removal_method"].values)

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
    gathered: Gathered,
    allocation: Allocation,
    projects: Projects | None = None,
) -> StudyResult:
    """Label the arrays and count.

    Parameters
    ----------
    setting : Setting
        What was prepared.
    excluded : Excluded
        Reasons and availability of the whole grid.
    offers : Offers
        Pools, and the routes to storage.
    gathered : Gathered
        Scores of the whole grid.
    allocation : Allocation
        The competition's answer.
    projects : Projects, optional
        Plants and their network, where the study asks for them.
    """
    import cdrsite.accessor  # noqa: F401 - registers `.cdr` for the dataset below

    scenario, grid = setting.scenario, setting.area.grid
    methods = tuple(setting.models)
    arrays, shared = dict(gathered.methods), dict(gathered.shared)
    left = [excluded.available[setting.book.group_of(method)] for method in methods]
    arrays["available"] = np.stack(left)
    arrays["allocated"] = allocation.allocated.copy()
    shared |= {
        "winner": allocation.winner,
        "binding": allocation.binding,
    }
    if offers.links is not None:
        links = offers.links
        shared["transport_cost"] = np.where(links.reached, links.cost[0], np.nan)
        shared["transport_km"] = np.where(links.reached, links.length_km[0], np.nan)
        shared["pool_storage"] = links.sink[0].copy()
    _name_states(arrays["limit"], shared, len(methods))
    _mask(arrays, shared, excluded.reasons)
    dataset = _dataset(scenario, grid, methods, arrays, shared, excluded.reasons)
    _label(dataset, setting, allocation)
    add_evidence(dataset, setting, gathered, allocation)
    tables = {
        "methods": method_table(setting.models, scenario, grid, dataset, allocation),
        "pools": pool_table(allocation),
        "storage": storage_table(setting, allocation),
        "provinces": zone_table(setting, allocation, _admin_names(setting)),
        "supply_curve": curve_table(allocation),
        "sites": site_table(scenario, grid, dataset),
        "limits": limit_table(grid, dataset),
        "exclusions": exclusion_table(setting.book, excluded, grid, dataset),
    }
    names = tuple(rule.name for rule in setting.book.rules)
    summary = summarise(scenario, grid, dataset, tables, allocation)
    storing = [name for name, model in setting.models.items() if model.number("storage") > 0]
    tables["sites"] = add_storage(tables["sites"], storing, setting.storage, offers.links, grid)
    admin = scenario.outputs.admin
    provinces = None if admin is None else (admin.layer, _admin_names(setting))
    features = polygon_features(setting.reader, setting.storage, offers.pools, provinces)
    features |= route_features(tables["sites"], offers.links, grid)
    if projects is not None:
        tables |= project_tables(projects, grid)
        summary["network"] = project_summary(projects)
        features |= project_features(projects, grid)
    return StudyResult(scenario, grid, dataset, tables, summary, names, features=features)


def _admin_names(setting: Setting) -> tuple[str, ...]:
    admin = setting.scenario.outputs.admin
    return () if admin is None else zone_layers(setting)[admin.layer]


def _label(dataset: xr.Dataset, setting: Setting, allocation: Allocation) -> None:
    """Give the codes of bits, classes and zones their words."""
    dataset.attrs["exclusion_rules"] = [rule.name for rule in setting.book.rules]
    dataset.attrs["exclusion_rules_for"] = [", ".join(rule.methods) for rule in setting.book.rules]
    states = {code: LIMIT_NAMES[code] for code in PLAN_STATES}
    for name, labels in (
        ("winner", (*setting.models, NO_METHOD)),
        ("binding", allocation.binding_labels),
    ):
        words = {**dict(enumerate(labels)), **states}
        dataset[name].attrs["flag_values"] = np.array(sorted(words), np.uint8)
        dataset[name].attrs["flag_meanings"] = " ".join(
            words[code].replace(" ", "_") for code in sorted(words)
        )
    for name, pools in setting.pools.items():
        dataset[f"pool_{name}"].attrs["labels"] = list(pools.names)
    for name, zones in zone_layers(setting).items():
        dataset[f"zone_{name}"].attrs["labels"] = list(zones)
    if setting.storage is not None:
        dataset["pool_storage"].attrs["labels"] = list(setting.storage.names)


def _name_states(limit: Any, shared: dict[str, Any], methods: int) -> None:
    """Tell cells that the plan leaves alone from those where no method is possible (rule 2)."""
    winner, binding = shared["winner"], shared["binding"]
    binding[binding == NO_WINNER] = NONE
    winner[winner == NO_WINNER] = methods
    possible = (limit < LOWEST_STATE).any(axis=0)
    # a cell is excluded or unknown only if that holds for every method that might have been there
    state = np.where((limit == EXCLUDED).all(axis=0), EXCLUDED, 0)
    state = np.where((limit == UNKNOWN).any(axis=0), UNKNOWN, state)
    for codes in (winner, binding):
        apart = ~possible & (state > 0)
        codes[apart] = state[apart]


def _mask(arrays: dict[str, Any], shared: dict[str, Any], reasons: Any) -> None:
    """Keep the four states apart: outside is NaN, and a cost needs something to cost (rule 2)."""
    outside = (reasons >> 31).astype(bool)
    for name in ("suitability", "available", "allocated"):
        arrays[name][:, outside] = np.nan
    for name, values in shared.items():
        if values.dtype == np.uint8:
            values[outside] = OUTSIDE
        else:
            values[outside] = -1 if name.startswith(("pool", "zone")) else np.nan
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
        data[name] = (("removal_method", "y", "x"), arrays[name], attrs)
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
        "removal_method": list(methods),
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
    if kind == "local":
        return RESOURCE_UNITS[resource], f"{resource} that grows in the cell itself"
    if kind == "supply":
        return RESOURCE_UNITS[resource], f"{resource} offered"
    if kind == "zone":
        return "", f"zone of {resource}"
    if kind == "pool":
        return "", "cheapest storage unit" if resource == "storage" else f"pool of {resource}"
    return {
        "winner": ("", "method with the most net removal"),
        "binding": ("", "what stops the cell"),
        "transport_cost": ("USD/t", "transport of CO2 to the cheapest storage unit"),
        "transport_km": ("km", "length of the route to the cheapest storage unit"),
    }[name]

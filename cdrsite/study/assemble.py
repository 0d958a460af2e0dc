"""What a run found: one labelled dataset, tables and a summary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from cdrsite.competition.problem import RowTerm
from cdrsite.competition.results import binding_labels
from cdrsite.core.secrets import hidden
from cdrsite.core.states import NONE_PLANNED, OUTSIDE, OUTSIDE_BIT
from cdrsite.core.version import __version__
from cdrsite.core.vocabulary import (
    INTERCHANGEABLE,
    MODES,
    NO_METHOD,
    PLAN_STATES,
    STATE_NAMES,
    limit_names,
    variable,
)
from cdrsite.core.words import RULES, SAMPLES, TITLES, Words
from cdrsite.engine.arrays import DiskStore
from cdrsite.engine.stages import stage
from cdrsite.methods.injection import unit_costs
from cdrsite.pathway.view import LastMilestone
from cdrsite.result.attributes import GRID_MAPPING, flag_bits, gridded_attributes, reference
from cdrsite.result.store import label_store, open_labelled
from cdrsite.result.study_result import StudyResult
from cdrsite.study.assumed import alternatives, without_limit
from cdrsite.study.captured import emitter_features, emitter_summary, emitter_tables
from cdrsite.study.ceilings import warn_of_ceilings
from cdrsite.study.cells import score
from cdrsite.study.compete import lay_out, zone_layers
from cdrsite.study.costs import cost_summary, part_table, published_table
from cdrsite.study.evidence import add_evidence
from cdrsite.study.exclude import exclude
from cdrsite.study.features import add_storage, polygon_features, route_features
from cdrsite.study.gathering import buildable, gather
from cdrsite.study.heat import heat_table, tell_heat
from cdrsite.study.hours import hours_tables
from cdrsite.study.months import monthly_tables
from cdrsite.study.network import plan_projects
from cdrsite.study.network_tables import project_features, project_summary, project_tables
from cdrsite.study.offers import spread_areas
from cdrsite.study.operation import operation_summary, operation_tables, with_capacity
from cdrsite.study.prepare import (
    Setting,
    formulae,
    injected,
    open_layers,
    pools_of,
    read_credits,
    read_lands,
    read_rules,
    resolve_methods,
    storage_of,
)
from cdrsite.study.ranges import add_bands, cost_ranges, range_table
from cdrsite.study.routes import link_storage
from cdrsite.study.screening import screened
from cdrsite.study.sensitivity import sensitivities
from cdrsite.study.sites import site_table
from cdrsite.study.standingground import standing_plants
from cdrsite.study.standingtables import StandingBooks
from cdrsite.study.tables import (
    credit_table,
    curve_table,
    exclusion_table,
    ledger_table,
    limit_table,
    method_table,
    pool_table,
    project_table,
    storage_tables,
    summarise,
    zone_table,
)
from cdrsite.study.tally import Tally
from cdrsite.study.yearly import BUILD_YEAR, NET_AT, WINNER_AT, early_for, path_summary, path_tables
from cdrsite.study.zones import zonal_table

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd
    import pandas as pd

    from cdrsite.config.models import Scenario
    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.engine.passes import Workspace
    from cdrsite.siting.exclusions import RuleAreas
    from cdrsite.study.gathering import Gathered
    from cdrsite.study.network import Projects
    from cdrsite.study.offers import Offers
    from cdrsite.study.problem import Allocation
    from cdrsite.study.standing import Standing

PROJECTED = ("projection_y_coordinate", "projection_x_coordinate")
"""CF standard names of y and x on a projected grid."""


@stage(
    "results",
    reads=(
        *("name", "title", "costs", "accounting.retention_years", "resources", "objective"),
        *("transport.cost", "transport.leakage", "network.plan", "network.plants", "policies"),
        "milestones",
        "emitters",
        *("outputs.admin", "outputs.sites", "outputs.site_distance", "outputs.zones"),
        "screening",
    ),
    after=(
        *(open_layers, resolve_methods, read_rules, read_lands, pools_of, storage_of, injected),
        *(formulae, exclude),
        *(link_storage, spread_areas, score, read_credits, lay_out, gather, plan_projects),
        *(cost_ranges, sensitivities, standing_plants),
    ),
)
def assemble(
    setting: Setting,
    areas: RuleAreas,
    offers: Offers,
    tally: Tally,
    allocation: Allocation,
    space: Workspace,
    gathered: Gathered,
    ranges: Mapping[str, Any],
    slopes: pd.DataFrame,
    projects: Projects | None = None,
    samples: int = 0,
    standing: Standing | None = None,
) -> StudyResult:
    """Label the arrays and count.

    Parameters
    ----------
    setting : Setting
        What was prepared.
    areas : RuleAreas
        What each exclusion rule removes.
    offers : Offers
        Pools, and the routes to storage.
    tally : Tally
        Counts of the cells.
    allocation : Allocation
        The competition's answer.
    space : Workspace
        With the arrays.
    gathered : Gathered
        What of the plan makes plants of buildable size.
    ranges : mapping
        Costs with each number at the ends of its range.
    slopes : DataFrame
        How the plan moves with every uncertain number.
    projects : Projects, optional
        Plants and their network, where the study asks for them.
    samples : int
        With a plan, on which shares of samples rest; 0 where there are none.
    standing : Standing, optional
        Plants that stand already.
    """
    scenario, grid = setting.scenario, setting.area.grid
    dataset = _dataset(setting, offers, space.result, allocation, samples)
    dataset, store = _on_disk(dataset, space, grid)
    plants = () if projects is None else tuple(plant.name for plant in projects.plants.plants)
    tables = {
        **_method_tables(setting, tally, allocation, space),
        **_pool_tables(setting, allocation),
        **storage_tables(setting, allocation),
        "provinces": zone_table(setting, allocation, _admin_names(setting)),
        "ledgers": ledger_table(setting, allocation, _admin_names(setting)),
        "supply_curve": curve_table(allocation),
        "sites": site_table(setting, offers, allocation, gathered, plants, space.result),
        "limits": limit_table(tuple(setting.models), tally),
        "exclusions": exclusion_table(setting.book, areas, tally),
        "projects": project_table(setting, areas),
        "zones": zonal_table(setting, space),
        **hours_tables(setting),
        "heat": heat_table(setting, offers, allocation),
        "cost_parts": part_table(setting, allocation),
        "sensitivity": slopes,
    }
    warn_of_ceilings(setting, space.result)
    tables["credits"] = credit_table(setting, tables["ledgers"], allocation)
    summary = summarise(scenario, grid, tally, tables, allocation)
    summary |= {"without_limit": without_limit(setting), "alternatives": alternatives(setting),
                "costs": cost_summary(tables)}  # fmt: skip
    tables["cost_ranges"] = range_table(ranges, summary["costs"])
    add_bands(summary["costs"], ranges)
    tables["cost_published"] = published_table(setting, tables["cost_parts"], summary["costs"])
    planned = dict(zip(setting.models, tables["methods"]["net_mt_yr"].tolist(), strict=True))
    summary["buildable"] = buildable(gathered, planned, _left_to_reach(scenario, standing))
    storing = [name for name, model in setting.models.items() if model.number("storage") > 0]
    tables["sites"] = add_storage(tables["sites"], storing, setting.storage, offers.links, grid)
    features = _features(setting, offers, tables)
    features |= _add_plan(setting, allocation, tables, summary)
    features |= _add_standing(setting, offers, standing, tables, summary)
    if projects is not None:
        tables |= project_tables(projects, grid)
        summary["network"] = project_summary(projects)
        features |= project_features(projects, tables, grid)
    return StudyResult(
        scenario, grid, dataset, tables, summary, tuple(one.name for one in setting.book.rules),
        features=features, block_size=setting.block_size, store=store, work=space.folder,
        models=setting.models,
    )  # fmt: skip


def _features(
    setting: Setting, offers: Offers, tables: dict[str, pd.DataFrame]
) -> dict[str, gpd.GeoDataFrame]:
    """Storage units, pools, provinces, routes of sites, points compared with their own tables."""
    compared, points = screened(setting)
    tables |= compared
    units = setting.storage
    if units is not None:  # shapes tell what it costs there, with what the unit takes
        units = replace(units, cost=unit_costs(units, setting.injection))
    found = polygon_features(
        setting.reader, units, offers.pools, _provinces(setting), setting.area.geometry
    )
    return found | points | route_features(tables["sites"], offers.links, setting.area.grid)


def _provinces(setting: Setting) -> tuple[str, tuple[str, ...]] | None:
    admin = setting.scenario.outputs.admin
    return None if admin is None else (admin.layer, _admin_names(setting))


def _method_tables(
    setting: Setting, tally: Tally, allocation: Allocation, space: Workspace
) -> dict[str, pd.DataFrame]:
    """Tables of the methods: of the plan, and of those that run in the months that pay."""
    methods = method_table(setting.models, setting.scenario, tally, allocation)
    solution, store = allocation.solution, space.result
    return {
        "methods": with_capacity(methods, setting, store, solution),
        **operation_tables(setting, store, solution, setting.pools),
    }


def _pool_tables(setting: Setting, allocation: Allocation) -> dict[str, pd.DataFrame]:
    """Tables of the pools: of the plan, and by month where they are offered so."""
    return {
        "pools": pool_table(allocation),
        **monthly_tables(allocation.solution, setting.pools),
    }


def _add_plan(
    setting: Setting, allocation: Allocation, tables: dict[str, Any], summary: dict[str, Any]
) -> dict[str, gpd.GeoDataFrame]:
    """Tables and numbers of operation, milestones and emitters; returns the emitters as points."""
    solution = allocation.solution
    if running := operation_summary(tables["methods"], solution):
        summary["operation"] = running
    if isinstance(solution, LastMilestone):
        tables |= path_tables(setting, solution)
        summary["pathway"] = path_summary(solution, tables)
        summary["objective"] |= {"over": "milestones", "unit": solution.path.path.goal.unit}
    if solution.problem.captures is None:
        return {}
    tables |= emitter_tables(setting, allocation)
    summary["emitters"] = emitter_summary(tables)
    return emitter_features(tables, setting)


def _on_disk(
    dataset: xr.Dataset, space: Workspace, grid: AnalysisGrid
) -> tuple[xr.Dataset, Path | None]:
    """The dataset as it lies on disk, where it does, with its store."""
    store = space.result.folder if isinstance(space.result, DiskStore) else None
    if store is None:
        return dataset, None
    label_store(store, dataset, grid)
    return open_labelled(store), store


def _left_to_reach(scenario: Scenario, standing: Standing | None) -> float | None:
    """What of the target of a year is left to the plan [t/yr]."""
    target = scenario.objective.target
    if target is None or standing is None:
        return target
    return max(float(target - standing.counted((RowTerm("net"),))[-1]), 0.0)


def _add_standing(
    setting: Setting,
    offers: Offers,
    standing: Standing | None,
    tables: dict[str, Any],
    summary: dict[str, Any],
) -> dict[str, gpd.GeoDataFrame]:
    """Their part of the tables and numbers; returns the plants that stand as points."""
    if standing is None:
        return {}
    books = StandingBooks(setting, offers, standing, _admin_names(setting))
    return books.add(tables, summary)


def _admin_names(setting: Setting) -> tuple[str, ...]:
    admin = setting.scenario.outputs.admin
    return () if admin is None else zone_layers(setting)[admin.layer]


def _name_rules(dataset: xr.Dataset, setting: Setting) -> None:
    """Names of the rules, in other languages too where they are not those of the scenario."""
    rules = setting.book.rules
    dataset.attrs["exclusion_rules"] = [rule.name for rule in rules]
    said = {
        rule.name: others
        for rule in rules
        if (others := {lang: text for lang, text in rule.said.items() if text != rule.name})
    }
    if said:
        dataset.attrs[RULES] = json.dumps(said, ensure_ascii=False)
    bits = dataset["exclusion_reasons"].attrs
    bits |= flag_bits([rule.name for rule in rules], OUTSIDE_BIT)
    dataset.attrs["exclusion_rules_for"] = [", ".join(rule.methods) for rule in rules]


def _label(dataset: xr.Dataset, setting: Setting, allocation: Allocation) -> None:
    """Give the codes of bits, classes and zones their words."""
    titles = {
        name: model.method.title
        for name, model in setting.models.items()
        if not Words().has(f"method.{name}")
    }
    if titles:
        dataset.attrs[TITLES] = json.dumps(titles, ensure_ascii=False)
    _name_rules(dataset, setting)
    limits = limit_names()
    states = {code: limits[code] for code in PLAN_STATES}
    _flags(dataset["limit"], limits)
    for name, labels in (
        ("winner", (*setting.models, NO_METHOD)),
        ("winner_likely", (*setting.models, NO_METHOD)),
        (WINNER_AT, (*setting.models, NO_METHOD)),
        ("binding", binding_labels(allocation.solution)),
        ("interchangeable", INTERCHANGEABLE),
    ):
        if name in dataset:
            _flags(dataset[name], {**dict(enumerate(labels)), **states})
    for name in ("state", "method_state"):
        _flags(dataset[name], STATE_NAMES)
    if BUILD_YEAR in dataset:
        years = dict(enumerate(dataset["milestone"].to_numpy().tolist(), start=1))
        words = {NONE_PLANNED: STATE_NAMES[NONE_PLANNED], **{c: str(y) for c, y in years.items()}}
        _flags(dataset[BUILD_YEAR], {**words, **states, OUTSIDE: STATE_NAMES[OUTSIDE]})
        assert isinstance(allocation.solution, LastMilestone)  # noqa: S101 - it made the variable
        dataset[BUILD_YEAR].attrs |= early_for(allocation.solution.path)
    for name, pools in setting.pools.items():
        dataset[f"pool_{name}"].attrs["labels"] = list(pools.names)
    for name, zones in zone_layers(setting).items():
        dataset[f"zone_{name}"].attrs["labels"] = list(zones)
    if setting.storage is not None:
        for name in ("pool_storage", "ranked_storage"):
            if name in dataset:
                dataset[name].attrs["labels"] = list(setting.storage.names)
    if "transport_mode" in dataset:
        dataset["transport_mode"].attrs["labels"] = list(MODES)


def _flags(variable: xr.DataArray, words: dict[int, str]) -> None:
    """CF flags of a class variable."""
    codes = sorted(words)
    variable.attrs["flag_values"] = np.array(codes, np.uint8)
    variable.attrs["flag_meanings"] = " ".join(words[code].replace(" ", "_") for code in codes)


def _dataset(
    setting: Setting, offers: Offers, store: ArrayStore, allocation: Allocation, samples: int
) -> xr.Dataset:
    """The labelled dataset over the arrays of a store."""
    scenario, grid = setting.scenario, setting.area.grid
    goal = allocation.solution.objective.unit
    data: dict[str, Any] = {}
    for name in store.names():
        array = store.open(name)
        if array.shape[-2:] != grid.shape:
            continue  # labels, of a run that was stopped after it had put them on
        record = variable(name)
        dims = (*record.lead, "y", "x")[-len(array.shape) :]
        if store.on_disk:  # a stand-in of the same shape: only its label is used
            array = np.broadcast_to(np.zeros((), array.dtype), array.shape)
        attrs = gridded_attributes(record, record.unit_for(goal), array.dtype)
        data[name] = (dims, array, attrs)
    about = {"units": "m2", "long_name": "true area of a cell in the row", "role": "result"}
    data["cell_area"] = (("y",), grid.row_areas, about)
    names = ("latitude", "longitude") if grid.is_geographic else PROJECTED
    units = ("degrees_north", "degrees_east") if grid.is_geographic else ("m", "m")
    coords: dict[str, Any] = {
        "removal_method": (
            "removal_method",
            list(setting.models),
            {"long_name": "method of removing carbon dioxide"},
        ),
        "y": ("y", grid.y, {"standard_name": names[0], "units": units[0], "axis": "Y"}),
        "x": ("x", grid.x, {"standard_name": names[1], "units": units[1], "axis": "X"}),
        GRID_MAPPING: ((), 0, reference(grid)),
    }
    if "ranked_storage" in data:
        ranks = np.arange(1, data["ranked_storage"][1].shape[0] + 1, dtype=np.int32)
        coords["rank"] = ("rank", ranks, {"long_name": "rank of the route, 1 the cheapest"})
    if NET_AT in data:
        assert scenario.milestones is not None  # noqa: S101 - they made the variable
        years: Any = np.array(scenario.milestones.years, np.int32)
        coords["milestone"] = ("milestone", years, {"long_name": "year of the milestone"})
    attrs = {"Conventions": "CF-1.10", "title": hidden(scenario.title or scenario.name)}
    attrs["source"] = f"cdrsite {__version__}"
    dataset = xr.Dataset(data, coords, attrs | ({SAMPLES: samples} if samples else {}))
    _label(dataset, setting, allocation)
    add_evidence(dataset, setting, allocation)
    tell_heat(dataset, heat_table(setting, offers, allocation))
    for values in dataset.data_vars.values():
        values.attrs.setdefault("role", "evidence")
    return dataset

"""From the plan's tonnes on the grid to plants, corridors and a designed network.

The network follows the allocation and changes nothing in it: rasters do not depend on the design.

One module: the stage, its tables and its features follow one list of plants.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.crs import LONLAT, transformer
from cdrsite.core.errors import ConfigError, DataError, SolverError
from cdrsite.core.units import conversion
from cdrsite.engine.stages import stage
from cdrsite.network.candidates import Candidates, ExistingPipe, candidate_network
from cdrsite.network.coarse import PlanGrid
from cdrsite.network.horizon import Period
from cdrsite.network.milestones import whole
from cdrsite.network.planned import Planned
from cdrsite.network.planning import Options, StorageUnit, plan_network
from cdrsite.network.plants import Plants
from cdrsite.network.schedule import read_periods
from cdrsite.network.staged import state_in
from cdrsite.study.compete import zone_layers
from cdrsite.study.gathering import Gathered, cell_at, gather, text_column, unique_names, warn
from cdrsite.study.prepare import Setting, open_layers, resolve_methods, storage_of
from cdrsite.study.routes import link_storage, pipeline_basis, storage_sites
from cdrsite.transport.costmodels import unit_cost
from cdrsite.transport.links import StorageSites, touched
from cdrsite.transport.surface import BILLING, STEERING

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray

    from cdrsite.config.network import ExistingPipelines, Network
    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.core.reader import LayerReader
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.methods.supply import StorageUnits


@dataclass(frozen=True)
class Projects:
    """Plants and their network.

    Attributes
    ----------
    plants : Plants
        What the allocation was gathered into, and what is left.
    zones : tuple of str
        Administrative unit of each plant; "" where none was given.
    candidates : Candidates or None
        Corridors the design chose from; None without plants.
    planned : Planned or None
        The design; None without plants, or where no plan was found in time.
    gap_asked : float
        Gap that was good enough [1].
    gap_of : str
        What it is a share of.
    """

    plants: Plants
    zones: tuple[str, ...]
    candidates: Candidates | None
    planned: Planned | None
    gap_asked: float
    gap_of: str


@stage(
    "network",
    reads=(
        *("network", "outputs.admin", "policies.*.layer", "policies.*.zone_name"),
        *("costs.base_year", "costs.discount_rate", "costs.prices.electricity"),
        *(f"transport.{key}" for key in ("model", "flow", "utilisation", "region", "neighbours")),
        *("transport.modes", "transport.truck_detour"),
    ),
    after=(open_layers, resolve_methods, storage_of, link_storage, gather),
)
def plan_projects(
    setting: Setting, gathered: Gathered, arrays: ArrayStore, ground: ArrayStore, threads: int
) -> Projects | None:
    """Design the network of the plan's plants; None if it is not asked for.

    Parameters
    ----------
    setting : Setting
        The study.
    gathered : Gathered
        Its plants.
    arrays : ArrayStore
        The result's variables, for the zones that the plants stand in.
    ground : ArrayStore
        Has the cost surface that the routes to storage were found on.
    threads : int
        No effect on the result (rule 9).

    Raises
    ------
    ConfigError
        Without storage units; plant sizes for unknown methods.
    DataError
        Pipelines without a capacity; no plant reaches any storage unit.
    InfeasibleError
        A target above what plants, storage or their connections can take.

    Warns
    -----
    CdrsiteWarning
        No plant of buildable size; a design that time stopped; a grid so large that the plan is
        made on coarser cells.
    """
    model = setting.scenario.network
    if not model.plan:
        return None
    units = check_network(setting)
    plan, plants = gathered.plan, gathered.plants
    factor = plan.factor
    if factor > 1:
        warn(plan.describe())
    candidates, planned = None, None
    built = any(plant.stored_t_yr > 0 for plant in plants.plants)
    if built:
        candidates, storage = _corridors(setting, plants, units, plan, ground, threads)
    plants, zones = _with_zones(gathered.placed, setting, arrays)
    if candidates is None:
        warn("the plan gives no plant of buildable size that stores CO2; no network is designed")
    else:
        planned = _design(setting, plants, storage, candidates)
    if planned is not None and factor > 1:
        pipes = tuple(replace(pipe, cell=plan.middles(pipe.cell)) for pipe in planned.pipes)
        planned = replace(planned, pipes=pipes)
    return Projects(plants, zones, candidates, planned, model.gap, model.gap_of)


def check_network(setting: Setting) -> StorageUnits:
    """Refuse a network section that cannot be planned.

    Returns
    -------
    StorageUnits
        Where the network ends.

    Raises
    ------
    ConfigError
        Without storage units; plant sizes for methods that are not studied; service of what is
        neither method nor unit.
    DataError
        A table of periods that cannot be read.
    """
    unknown = [name for name in setting.scenario.network.plants if name not in setting.models]
    if unknown:
        raise ConfigError(
            "plant sizes for a method that is not studied",
            where="network.plants",
            got=", ".join(unknown),
            expected=f"one of {', '.join(setting.models)}",
        )
    if setting.storage is None:
        raise ConfigError(
            "a network needs storage units to end at",
            where="network.plan",
            got="storage without limit",
            cure="give resources.storage.units, or remove network.plan",
        )
    network, names = setting.scenario.network, [*setting.models, *setting.storage.names]
    for name in network.service:
        if name not in names:
            raise ConfigError(
                "neither a method of this study nor a storage unit",
                where="network.service",
                got=name,
                expected=", ".join(names),
            )
    asked_periods(network)
    return setting.storage


def asked_periods(model: Network) -> list[Period]:
    """Periods of the scenario or of its table; a target of infinity is all that can be stored."""
    if model.periods is None:
        return []
    if isinstance(model.periods, Path):
        return read_periods(model.periods)
    return [
        Period(
            one.year,
            math.inf if one.target == "all" else None if one.target is None else one.target / 1e6,
            one.price,
        )
        for one in model.periods
    ]


def _with_zones(
    plants: Plants, setting: Setting, arrays: ArrayStore
) -> tuple[Plants, tuple[str, ...]]:
    """Plants with the name of their administrative unit behind their own."""
    admin = setting.scenario.outputs.admin
    if admin is None:
        return plants, ("",) * len(plants.plants)
    names, labels = zone_layers(setting)[admin.layer], arrays.open(f"zone_{admin.layer}")
    index = [int(labels[plant.row, plant.col]) for plant in plants.plants]
    zones = tuple("" if i < 0 else names[i] for i in index)
    named = tuple(
        plant if plant.existing or not zone else replace(plant, name=f"{plant.name} ({zone})")
        for plant, zone in zip(plants.plants, zones, strict=True)
    )
    return replace(plants, plants=named), zones


def _corridors(
    setting: Setting,
    plants: Plants,
    units: StorageUnits,
    plan: PlanGrid,
    ground: ArrayStore,
    threads: int,
) -> tuple[Candidates, list[StorageUnit]]:
    """Candidate corridors over the ground of the transport section, and the units they end at."""
    model, transport = setting.scenario.network, setting.scenario.transport
    reader, basis = setting.reader, pipeline_basis(setting.scenario)
    access = _access(storage_sites(units), reader, plan)
    found = candidate_network(
        plan.ground(ground.open(STEERING)),
        plan.grid,
        [(plant.row, plant.col) for plant in plants.plants],
        list(access.values()),
        billed=plan.ground(ground.open(BILLING)),
        plain=float(unit_cost(transport.flow, transport.model, basis).per_km),
        pipes=() if model.pipelines is None else existing_pipes(model.pipelines, reader, plan.grid),
        nearest=model.nearest,
        loss_limit=model.loss_limit,
        neighbours=transport.neighbours,
        threads=threads,
    )
    names = unique_names([units.names[u] for u in access])
    storage = [
        StorageUnit(name, float(units.injection[u]), float(units.capacity[u]), float(units.cost[u]))
        for name, u in zip(names, access, strict=True)
    ]
    return found, storage


def _access(
    sites: StorageSites, reader: LayerReader, plan: PlanGrid
) -> dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Cells of the plan that touch each unit; units outside the grid have none and are left out."""
    found = {}
    for unit in range(len(sites.names)):
        rows, cols = [], []
        for block in reader.grid.blocks():
            row, col = plan.cells(*touched(sites, reader, unit, block), block)
            rows.append(row)
            cols.append(col)
        if any(row.size for row in rows):
            found[unit] = np.concatenate(rows), np.concatenate(cols)
    return found


def _design(
    setting: Setting, plants: Plants, storage: Sequence[StorageUnit], candidates: Candidates
) -> Planned | None:
    """Design the network; None where time was too short for any plan."""
    scenario, units = setting.scenario, setting.storage
    model = scenario.network
    options = Options(
        model=model.model or scenario.transport.model,
        segments=model.segments,
        modes=scenario.transport.modes,
        detour=scenario.transport.truck_detour,
        years=model.years or (units.years if units is not None else 30.0),
        target=None if model.target == "all" else float(model.target),
        gap=model.gap,
        gap_of=model.gap_of,
        effort=model.effort,
        time_limit=math.inf if model.time_limit is None else model.time_limit,
        seed=model.seed,
        periods=asked_periods(model),
        start=model.start,
        after=model.after,
        discount_rate=scenario.costs.discount_rate,
        service={
            name: (
                -math.inf if one.from_ is None else one.from_,
                math.inf if one.until is None else one.until,
            )
            for name, one in model.service.items()
        },
    )
    try:
        planned = plan_network(
            plants, storage, candidates, options=options, basis=pipeline_basis(scenario)
        )
    except SolverError as error:
        warn(f"no plan was found: {error}")
        return None
    if not planned.plan.reproducible:
        gap = planned.plan.gap_transport if model.gap_of == "transport" else planned.plan.gap
        warn(
            f"time_limit {model.time_limit:g} s cut the design short at a gap of {gap:.1%} of "
            f"{model.gap_of} cost, not at the {model.gap:.1%} asked for: another machine may find "
            "another network; cure: a longer time_limit or none, a larger gap, or effort: quick"
        )
    return planned


def existing_pipes(
    model: ExistingPipelines, reader: LayerReader, grid: AnalysisGrid
) -> list[ExistingPipe]:
    """Given pipelines as cells of a grid, cut at its edge.

    Raises
    ------
    DataError
        No such column; capacities that are no numbers, or not above 0.
    """
    import shapely

    frame = reader.features(model.layer, model.where)
    names = text_column(frame, model.name, "pipelines")
    names = names or [f"pipeline {k + 1}" for k in range(len(frame))]
    text = text_column(frame, model.capacity, "pipelines") or []
    try:
        capacity = np.array(text, np.float64) * conversion(model.unit, "t/yr")[0]
    except ValueError:
        capacity = np.full(len(text), np.nan)
    wrong = [names[k] for k in np.flatnonzero(~(capacity > 0))]
    if wrong:
        raise DataError(
            "pipelines without a free capacity",
            where=f"network.pipelines: column {model.capacity}",
            got=", ".join(wrong[:5]),
            expected=f"{model.unit}, above 0",
            cure="correct the column, or leave these out with `where`",
            rule=7,
        )
    frame_box = shapely.box(*grid.bounds)
    made = []
    for name, most, shape in zip(names, capacity.tolist(), frame.geometry, strict=True):
        inside = shapely.intersection(shape, frame_box)
        lines = [p for p in shapely.get_parts(inside).tolist() if p.geom_type == "LineString"]
        for line in lines:
            cells = np.array([cell_at(grid, x, y) for x, y in shapely.get_coordinates(line)])
            row = np.clip(cells[:, 0], 0, grid.rows - 1)
            col = np.clip(cells[:, 1], 0, grid.cols - 1)
            if np.ptp(row) + np.ptp(col) > 0:
                made.append(ExistingPipe(name, row, col, most))
    return made


# -- what a run reports ----------------------------------------------------------------------


def project_tables(projects: Projects, grid: AnalysisGrid) -> dict[str, pd.DataFrame]:
    """Tables of a network, units in the names.

    Returns
    -------
    dict of DataFrame
        ``plants``; ``plant_tonnes``: where each method's tonnes went; ``pipes``: pipelines, trucks
        and ships; ``network_storage``; ``network_costs`` by part, without capture. Over periods
        they show the last one, and ``network_periods`` and ``network_builds`` what comes when.
    """
    import pandas as pd

    planned = projects.planned
    pipes: list[dict[str, Any]] = []
    storage: list[dict[str, Any]] = []
    costs: list[dict[str, Any]] = []
    if planned is not None:
        rows = planned.tables()
        pipes, storage = rows["pipes"], rows["storage"]
        costs = [row for row in rows["costs"] if row["part"] != "capture"]
    return {
        "plants": _plant_table(projects, grid),
        "plant_tonnes": _tonnes_table(projects.plants),
        "pipes": pd.DataFrame(pipes, columns=PIPE_COLUMNS),
        "network_storage": pd.DataFrame(storage, columns=STORAGE_COLUMNS).rename(
            columns={"name": "unit"}
        ),
        "network_costs": pd.DataFrame(costs, columns=["part", "cost_usd_yr", "cost_usd_t"]),
    } | _period_tables(planned)


def _period_tables(planned: Planned | None) -> dict[str, pd.DataFrame]:
    """What is stored, what it costs and what is laid in each period; nothing without periods."""
    import pandas as pd

    if planned is None or planned.build_out is None:
        return {}
    found, problem = planned.build_out, planned.problem
    rows: list[dict[str, Any]] = []
    for t, year in enumerate(found.times.year.tolist()):
        state = state_in(problem, found, "", t)
        rows.append({
            "year": whole(year),
            "years": float(found.times.years[t]),
            "discounted_years": float(found.times.worth[t]),
            "stored_t_yr": state.captured_mt_yr * 1e6,
            "transport_usd_yr": state.costs.transport * 1e6,
            "storage_usd_yr": state.costs.storage * 1e6,
            "pipes_laid": sum(build.period == t for build in found.builds),
        })  # fmt: skip
    ways = {pipe.id: pipe for pipe in planned.pipes}
    laid = [
        {
            "year": whole(float(found.times.year[build.period])),
            "id": build.arc,
            "start": ways[build.arc].start,
            "end": ways[build.arc].end,
            "capacity_t_yr": build.capacity_mt_yr * 1e6,
            "length_km": ways[build.arc].length_km,
        }
        for build in found.builds
    ]
    columns = ["year", "id", "start", "end", "capacity_t_yr", "length_km"]
    return {
        "network_periods": pd.DataFrame(rows),
        "network_builds": pd.DataFrame(laid, columns=columns),
    }


PIPE_COLUMNS = [
    "id", "mode", "start", "end", "flow_t_yr", "inch", "lines", "length_km", "weight_km",
    "cost_usd_yr", "model_usd_yr",
]  # fmt: skip
STORAGE_COLUMNS = ["name", "stored_t_yr", "room_t_yr", "wells", "cost_usd_yr"]


def _plant_table(projects: Projects, grid: AnalysisGrid) -> pd.DataFrame:
    import pandas as pd

    plants = projects.plants.plants
    stored = [0.0] * len(plants)
    if projects.planned is not None:
        stored = [use.stored_t_yr for use in projects.planned.plants]
    x = np.array([float(grid.x[plant.col]) for plant in plants])
    y = np.array([float(grid.y[plant.row]) for plant in plants])
    lon, lat = transformer(grid.wkt, LONLAT).transform(x, y)
    return pd.DataFrame(
        {
            "name": [p.name for p in plants],
            "method": [p.method for p in plants],
            "zone": list(projects.zones),
            "existing": np.array([p.existing for p in plants], bool),
            "lon": np.round(lon, 5),
            "lat": np.round(lat, 5),
            "x": x,
            "y": y,
            "gross_t_yr": np.array([p.gross_t_yr for p in plants], np.float64),
            "could_store_t_yr": np.array([p.stored_t_yr for p in plants], np.float64),
            "stored_t_yr": np.array(stored, np.float64),
            "cells": np.array([p.cells for p in plants], np.int64),
            "haul_km": np.array([p.haul_km for p in plants], np.float64),
            "farthest_km": np.array([p.farthest_km for p in plants], np.float64),
            "suitability": np.array([p.suitability for p in plants], np.float64),
        }
    )


def _tonnes_table(plants: Plants) -> pd.DataFrame:
    """Where the gross tonnes of each method went: nothing is lost silently."""
    import pandas as pd

    rows = []
    for entry in plants.summary:
        row = asdict(entry)
        for key in ("allocated", "in_plants", "below_minimum", "no_site", "beyond_max_plants"):
            row[f"{key}_t_yr"] = row.pop(key)
        row["without_plant_t_yr"] = row.pop("without_plant")
        rows.append(row)
    return pd.DataFrame(rows)


def project_features(projects: Projects, grid: AnalysisGrid) -> dict[str, gpd.GeoDataFrame]:
    """Points ``plants`` and lines ``pipes`` in the grid's CRS, with the columns of the tables."""
    import geopandas as gpd

    tables = project_tables(projects, grid)
    plants, pipes = tables["plants"], tables["pipes"]
    found = {}
    if len(plants):
        points = gpd.points_from_xy(plants["x"], plants["y"])
        found["plants"] = gpd.GeoDataFrame(plants, geometry=points, crs=grid.wkt)
    if projects.planned is not None:
        lines = [pipe.line(grid) for pipe in projects.planned.pipes]
        drawn = np.array([line is not None for line in lines], bool)
        if drawn.any():
            shapes = [line for line in lines if line is not None]
            found["pipes"] = gpd.GeoDataFrame(
                pipes[drawn].reset_index(drop=True), geometry=shapes, crs=grid.wkt
            )
    return found


def project_summary(projects: Projects) -> dict[str, Any]:
    """Headline numbers of a network; money in million USD/yr, per tonne stored without capture."""
    entries, planned = projects.plants.summary, projects.planned
    found: dict[str, Any] = {
        "plants": len(projects.plants.plants),
        "in_plants_mt_yr": math.fsum(e.in_plants for e in entries) / 1e6,
        "below_minimum_mt_yr": math.fsum(e.below_minimum for e in entries) / 1e6,
        "no_site_mt_yr": math.fsum(e.no_site for e in entries) / 1e6,
        "beyond_max_plants_mt_yr": math.fsum(e.beyond_max_plants for e in entries) / 1e6,
        "status": "no plants" if projects.candidates is None else "no plan found",
        "gap_asked": projects.gap_asked,
        "gap_of": projects.gap_of,
    }
    if projects.candidates is not None:
        loss = projects.candidates.loss
        found |= {"loss_median": loss.median, "loss_worst": loss.worst}
    if planned is None:
        return found
    plan = planned.plan
    stored = math.fsum(p.stored_t_yr for p in planned.plants)
    lines = [p for p in planned.pipes if p.mode == "pipeline"]
    if planned.build_out is not None:
        times = planned.build_out.times
        found |= {
            "periods": len(times.year),
            "last_year": whole(float(times.year[-1])),
            "present_cost_musd": plan.objective * float(times.worth.sum()),
            "present_year": whole(float(times.year[0])),
        }
    return found | {
        "status": plan.status,
        "objective_musd_yr": plan.objective,
        "bound_musd_yr": plan.bound,
        "gap": plan.gap,
        "gap_transport": plan.gap_transport if math.isfinite(plan.gap_transport) else None,
        "effort": plan.effort,
        "reproducible": plan.reproducible,
        "nodes": plan.nodes,
        "stored_mt_yr": stored / 1e6,
        "cost_usd_t": plan.costs.total * 1e6 / stored if stored > 0 else None,
        "transport_usd_t": plan.costs.transport * 1e6 / stored if stored > 0 else None,
        "pipes_km": math.fsum(p.length_km for p in lines),
        "pipes": len(lines),
        "trucks": sum(p.mode == "truck" for p in planned.pipes),
        "unserved_mt_yr": planned.unserved_t_yr / 1e6,
    }

"""What a run reports of plants and their network: tables, features and headline numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cdrsite.core.crs import LONLAT, transformer
from cdrsite.network.milestones import whole
from cdrsite.network.planned import Planned
from cdrsite.network.plants import NOT_BUILT, Plants
from cdrsite.network.staged import state_in

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray
    from shapely import LineString

    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.network.periods import BuildOut
    from cdrsite.study.network import Projects


def project_tables(projects: Projects, grid: AnalysisGrid) -> dict[str, pd.DataFrame]:
    """Tables of a network, units in the names.

    Returns
    -------
    dict of DataFrame
        ``plants``; ``plant_tonnes``: where each method's tonnes went; ``pipes``: pipelines, trucks
        and ships; ``network_storage``; ``network_costs`` by part, without capture. Over periods
        they show the last one, and ``network_periods`` and ``network_builds`` what comes when.
    """
    planned = projects.planned
    pipes: list[dict[str, Any]] = []
    storage: list[dict[str, Any]] = []
    costs: list[dict[str, Any]] = []
    if planned is not None:
        rows = planned.tables()
        pipes, storage = rows["pipes"], rows["storage"]
        costs = [row for row in rows["costs"] if row["part"] != "capture" or planned.emitters]
    units = pd.DataFrame(storage, columns=STORAGE_COLUMNS).rename(columns={"name": "unit"})
    tables = {
        "plants": _plant_table(projects, grid),
        "plant_tonnes": _tonnes_table(projects.plants),
        "pipes": pd.DataFrame(pipes, columns=PIPE_COLUMNS),
        "network_storage": units,
        "network_costs": pd.DataFrame(costs, columns=["part", "cost_usd_yr", "cost_usd_t"]),
    }
    if planned is not None and planned.emitters:
        tables["network_emitters"] = pd.DataFrame([asdict(emitter) for emitter in planned.emitters])
    if planned is not None and planned.build_out is not None:
        tables |= _period_tables(planned, planned.build_out)
    return tables


def _period_tables(planned: Planned, build_out: BuildOut) -> dict[str, pd.DataFrame]:
    """What is stored, what it costs and what is laid in each period."""
    times, rows = build_out.times, []
    for t, year in enumerate(times.year.tolist()):
        state = state_in(planned.problem, build_out, "", t)
        rows.append({
            "year": whole(year),
            "years": float(times.years[t]),
            "discounted_years": float(times.worth[t]),
            "stored_t_yr": state.captured_mt_yr * 1e6,
            "transport_usd_yr": state.costs.transport * 1e6,
            "storage_usd_yr": state.costs.storage * 1e6,
            "pipes_laid": sum(build.period == t for build in build_out.builds),
        })  # fmt: skip
    pipes, laid = {pipe.id: pipe for pipe in planned.pipes}, []
    for build in build_out.builds:
        year, pipe = whole(float(times.year[build.period])), pipes[build.arc]
        capacity = build.capacity_mt_yr * 1e6
        laid.append((year, build.arc, pipe.start, pipe.end, capacity, pipe.length_km))
    columns = ["year", "id", "start", "end", "capacity_t_yr", "length_km"]
    builds = pd.DataFrame(laid, columns=columns)
    return {"network_periods": pd.DataFrame(rows), "network_builds": builds}


PIPE_COLUMNS = [
    "id", "mode", "start", "end", "flow_t_yr", "inch", "lines", "length_km", "weight_km",
    "cost_usd_yr", "model_usd_yr",
]  # fmt: skip
STORAGE_COLUMNS = ["name", "stored_t_yr", "room_t_yr", "wells", "cost_usd_yr"]


def _plant_table(projects: Projects, grid: AnalysisGrid) -> pd.DataFrame:
    plants = projects.plants.plants
    stored = [0.0] * len(plants)
    if projects.planned is not None:
        stored = [use.stored_t_yr for use in projects.planned.plants]
    x = np.array([float(grid.x[plant.col]) for plant in plants])
    y = np.array([float(grid.y[plant.row]) for plant in plants])
    lon, lat = transformer(grid.wkt, LONLAT).transform(x, y)

    def column(name: str, dtype: type = float) -> NDArray[Any]:
        return np.array([getattr(plant, name) for plant in plants], dtype)

    return pd.DataFrame(
        {
            "name": [plant.name for plant in plants],
            "method": [plant.method for plant in plants],
            "zone": list(projects.zones),
            "existing": column("existing", bool),
            "lon": np.round(lon, 5),
            "lat": np.round(lat, 5),
            "x": x,
            "y": y,
            "gross_t_yr": column("gross_t_yr"),
            "could_store_t_yr": column("stored_t_yr"),
            "stored_t_yr": np.array(stored, np.float64),
            "cells": column("cells", int),
            **{name: column(name) for name in ("haul_km", "farthest_km", "suitability")},
        }
    )


def _tonnes_table(plants: Plants) -> pd.DataFrame:
    """Where the gross tonnes of each method went: nothing is lost silently."""
    rows = []
    for entry in plants.summary:
        row = asdict(entry)
        for key in ("allocated", "in_plants", *NOT_BUILT):
            row[f"{key}_t_yr"] = row.pop(key)
        row["without_plant_t_yr"] = row.pop("without_plant")
        rows.append(row)
    return pd.DataFrame(rows)


def project_features(
    projects: Projects, tables: Mapping[str, pd.DataFrame], grid: AnalysisGrid
) -> dict[str, gpd.GeoDataFrame]:
    """Points and lines in the grid's CRS, with the columns of the tables.

    Returns
    -------
    dict of GeoDataFrame
        ``plants`` and ``pipes``; of a network of tables ``network_emitters`` and
        ``network_storage`` as well, where the tables say where they are.
    """
    import geopandas as gpd

    plants, pipes = tables["plants"], tables["pipes"]
    features = {}
    if len(plants):
        points = gpd.points_from_xy(plants["x"], plants["y"])
        features["plants"] = gpd.GeoDataFrame(plants, geometry=points, crs=grid.wkt)
    if projects.planned is not None:
        lines = pipe_lines(projects.planned, grid)
        drawn = [k for k, line in enumerate(lines) if line is not None]
        if drawn:
            shapes = [lines[k] for k in drawn]
            table = pipes.iloc[drawn].reset_index(drop=True)
            features["pipes"] = gpd.GeoDataFrame(table, geometry=shapes, crs=grid.wkt)
        features |= _table_points(projects.planned, tables, grid)
    return features


def pipe_lines(planned: Planned, grid: AnalysisGrid) -> list[LineString | None]:
    """Lines of the pipes in the grid's CRS; None where nothing is known."""
    import shapely

    if planned.places is None:
        return [pipe.line(grid) for pipe in planned.pipes]
    places, lines = planned.places, []
    move = transformer(places.crs, grid.wkt)
    for pipe in planned.plan.pipes:
        route = places.route(pipe.arc, pipe.tail, pipe.head)
        lines.append(None if route is None else shapely.LineString(move.itransform(route)))
    return lines


def _table_points(
    planned: Planned, tables: Mapping[str, pd.DataFrame], grid: AnalysisGrid
) -> dict[str, gpd.GeoDataFrame]:
    """Sources and sinks of tables that say where they are."""
    import geopandas as gpd
    import shapely

    if planned.places is None:
        return {}
    points, features = planned.places.points, {}
    move = transformer(planned.places.crs, grid.wkt)
    ends = {
        "network_emitters": [source.node for source in planned.problem.sources],
        "network_storage": [sink.node for sink in planned.problem.sinks],
    }
    for name, nodes in ends.items():
        at = [points.get(str(node)) for node in nodes]
        known = np.array([point is not None for point in at], bool)
        if known.any():
            shapes = [shapely.Point(*move.transform(*point)) for point in at if point is not None]
            rows = tables[name][known].reset_index(drop=True)
            features[name] = gpd.GeoDataFrame(rows, geometry=shapes, crs=grid.wkt)
    return features


def project_summary(projects: Projects) -> dict[str, Any]:
    """Headline numbers of a network; ``cost_usd_t`` is without capture, ``all_usd_t`` with it."""
    entries, planned = projects.plants.summary, projects.planned
    fates = ("in_plants", *NOT_BUILT)
    summary: dict[str, Any] = {
        "plants": len(projects.plants.plants),
        **{f"{f}_mt_yr": math.fsum(getattr(e, f) for e in entries) / 1e6 for f in fates},
        "status": "no plants" if projects.candidates is None else "no plan found",
        "gap_asked": projects.gap_asked,
        "gap_of": projects.gap_of,
        **({"by_milestone": True} if projects.by_milestone else {}),
    }
    if projects.candidates is not None:
        loss = projects.candidates.loss
        summary |= {"loss_median": loss.median, "loss_worst": loss.worst}
    if planned is None:
        return summary
    plan, stored = planned.plan, planned.stored_t_yr
    if set(plan.captured_by_ledger) - {""}:
        summary["stored_by_ledger_mt_yr"] = plan.captured_by_ledger
    if planned.emitters:
        summary["emitters"] = sum(emitter.stored_t_yr > 0 for emitter in planned.emitters)
    lines = [pipe for pipe in planned.pipes if pipe.mode == "pipeline"]

    def each(musd_yr: float) -> float | None:
        return musd_yr * 1e6 / stored if stored > 0 else None

    if planned.build_out is not None:
        times = planned.build_out.times
        summary |= {
            "periods": len(times.year),
            "last_year": whole(float(times.year[-1])),
            "present_cost_musd": plan.objective * float(times.worth.sum()),
            "present_year": whole(float(times.year[0])),
        }
    return summary | {
        "status": plan.status,
        "objective_musd_yr": plan.objective,
        "bound_musd_yr": plan.bound,
        "gap": plan.gap,
        "gap_transport": plan.gap_transport if math.isfinite(plan.gap_transport) else None,
        "effort": plan.effort,
        "reproducible": plan.reproducible,
        "nodes": plan.nodes,
        "stored_mt_yr": stored / 1e6,
        "cost_usd_t": each(plan.costs.transport + plan.costs.storage),
        "cost_musd_yr": plan.costs.total,
        "all_usd_t": each(plan.costs.total),
        "transport_usd_t": each(plan.costs.transport),
        "pipes_km": math.fsum(p.length_km for p in lines),
        "pipes": len(lines),
        "trucks": sum(p.mode == "truck" for p in planned.pipes),
        "unserved_mt_yr": planned.unserved_t_yr / 1e6,
    }

"""What a run reports of plants and their network: tables, features and headline numbers."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.crs import LONLAT, transformer
from cdrsite.network.milestones import whole
from cdrsite.network.planned import Planned
from cdrsite.network.plants import Plants
from cdrsite.network.staged import state_in

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from shapely import LineString

    from cdrsite.core.grid import AnalysisGrid
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
    import pandas as pd

    planned = projects.planned
    pipes: list[dict[str, Any]] = []
    storage: list[dict[str, Any]] = []
    costs: list[dict[str, Any]] = []
    if planned is not None:
        rows = planned.tables()
        pipes, storage = rows["pipes"], rows["storage"]
        costs = [row for row in rows["costs"] if row["part"] != "capture" or planned.emitters]
    return (
        {
            "plants": _plant_table(projects, grid),
            "plant_tonnes": _tonnes_table(projects.plants),
            "pipes": pd.DataFrame(pipes, columns=PIPE_COLUMNS),
            "network_storage": pd.DataFrame(storage, columns=STORAGE_COLUMNS).rename(
                columns={"name": "unit"}
            ),
            "network_costs": pd.DataFrame(costs, columns=["part", "cost_usd_yr", "cost_usd_t"]),
        }
        | _emitter_table(planned)
        | _period_tables(planned)
    )


def _emitter_table(planned: Planned | None) -> dict[str, pd.DataFrame]:
    """What the network takes of each emitter; nothing without emitters."""
    import pandas as pd

    if planned is None or not planned.emitters:
        return {}
    return {"emitters": pd.DataFrame([asdict(one) for one in planned.emitters])}


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
    """Points and lines in the grid's CRS, with the columns of the tables.

    Returns
    -------
    dict of GeoDataFrame
        ``plants`` and ``pipes``; of a network of tables ``emitters`` and ``network_storage`` as
        well, where the tables say where they are.
    """
    import geopandas as gpd

    tables = project_tables(projects, grid)
    plants, pipes = tables["plants"], tables["pipes"]
    found = {}
    if len(plants):
        points = gpd.points_from_xy(plants["x"], plants["y"])
        found["plants"] = gpd.GeoDataFrame(plants, geometry=points, crs=grid.wkt)
    if projects.planned is not None:
        lines = pipe_lines(projects.planned, grid)
        drawn = np.array([line is not None for line in lines], bool)
        if drawn.any():
            shapes = [line for line in lines if line is not None]
            found["pipes"] = gpd.GeoDataFrame(
                pipes[drawn].reset_index(drop=True), geometry=shapes, crs=grid.wkt
            )
        found |= _table_points(projects.planned, tables, grid)
    return found


def pipe_lines(planned: Planned, grid: AnalysisGrid) -> list[LineString | None]:
    """Lines of the pipes in the grid's CRS; None where nothing is known."""
    import shapely

    if planned.places is None:
        return [pipe.line(grid) for pipe in planned.pipes]
    places, found = planned.places, []
    move = transformer(places.crs, grid.wkt)
    for pipe in planned.plan.pipes:
        route = places.route(pipe.arc, pipe.tail, pipe.head)
        found.append(None if route is None else shapely.LineString(move.itransform(route)))
    return found


def _table_points(
    planned: Planned, tables: dict[str, pd.DataFrame], grid: AnalysisGrid
) -> dict[str, gpd.GeoDataFrame]:
    """Sources and sinks of tables that say where they are."""
    import geopandas as gpd
    import shapely

    if planned.places is None:
        return {}
    points, found = planned.places.points, {}
    move = transformer(planned.places.crs, grid.wkt)
    ends = {
        "emitters": [source.node for source in planned.problem.sources],
        "network_storage": [sink.node for sink in planned.problem.sinks],
    }
    for name, nodes in ends.items():
        at = [points.get(str(node)) for node in nodes]
        known = np.array([one is not None for one in at], bool)
        if known.any():
            shapes = [shapely.Point(*move.transform(*one)) for one in at if one is not None]
            rows = tables[name][known].reset_index(drop=True)
            found[name] = gpd.GeoDataFrame(rows, geometry=shapes, crs=grid.wkt)
    return found


def project_summary(projects: Projects) -> dict[str, Any]:
    """Headline numbers of a network; ``cost_usd_t`` is without capture, ``all_usd_t`` with it."""
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
    stored = planned.stored_t_yr
    by_ledger = plan.captured_by_ledger
    if set(by_ledger) - {""}:
        found["stored_by_ledger_mt_yr"] = by_ledger
    if planned.emitters:
        found["emitters"] = sum(one.stored_t_yr > 0 for one in planned.emitters)
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
        "cost_usd_t": (plan.costs.transport + plan.costs.storage) * 1e6 / stored
        if stored > 0
        else None,
        "cost_musd_yr": plan.costs.total,
        "all_usd_t": plan.costs.total * 1e6 / stored if stored > 0 else None,
        "transport_usd_t": plan.costs.transport * 1e6 / stored if stored > 0 else None,
        "pipes_km": math.fsum(p.length_km for p in lines),
        "pipes": len(lines),
        "trucks": sum(p.mode == "truck" for p in planned.pipes),
        "unserved_mt_yr": planned.unserved_t_yr / 1e6,
    }

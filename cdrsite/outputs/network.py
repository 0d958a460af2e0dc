"""A designed network as files: tables, GeoJSON, GeoPackage, summary and picture."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdrsite.core.errors import CdrsiteWarning
from cdrsite.core.gdal import vector_options
from cdrsite.core.version import __version__
from cdrsite.network.design import NetworkPlan
from cdrsite.network.places import Places
from cdrsite.network.problem import NetworkProblem
from cdrsite.outputs.listing import MARK
from cdrsite.outputs.manifest import provenance
from cdrsite.outputs.staging import Staging
from cdrsite.outputs.tables import plain, write_csv, write_json

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

STAMP = "2000-01-01T00:00:00.000Z"
"""Time written into GeoPackages, so that the same plan gives the same bytes (rule 9)."""


def summary(plan: NetworkPlan, name: str = "network") -> dict[str, Any]:
    """What is found and proven, as one JSON document.

    Parameters
    ----------
    plan : NetworkPlan
        The plan.
    name : str
        Of the case.

    Returns
    -------
    dict
        Objective, bound, gap, status, costs by part, sources, sinks and pipes, with units in the
        keys; unknown numbers are None.
    """
    document = {
        "name": name,
        "program": f"cdrsite {__version__}",
        "mode": plan.mode,
        "status": plan.status,
        "objective": plan.objective,
        "bound": plan.bound,
        "objective_unit": "Mt/yr" if plan.mode == "budget" else "million USD/yr",
        "gap": plan.gap,
        "gap_transport": plan.gap_transport,
        "effort": plan.effort,
        "reproducible": plan.reproducible,
        "search_nodes": plan.nodes,
        "captured_mt_yr": plan.captured_mt_yr,
        "captured_by_ledger_mt_yr": plan.captured_by_ledger,
        "cost_musd_yr": plan.costs.total,
        "cost_usd_t": plan.cost_usd_t,
        "capture_musd_yr": plan.costs.capture,
        "transport_musd_yr": plan.costs.transport,
        "storage_musd_yr": plan.costs.storage,
        "pipeline_km": math.fsum(p.length_km for p in plan.pipes),
        "sources": [vars(source) for source in plan.sources],
        "sinks": [vars(sink) for sink in plan.sinks],
        "pipes": [vars(pipe) for pipe in plan.pipes],
    }
    return dict(plain(document))


def tables(plan: NetworkPlan, problem: NetworkProblem) -> dict[str, pd.DataFrame]:
    """Sources, sinks and pipes as tables, with units in the headers.

    Parameters
    ----------
    plan : NetworkPlan
        The plan.
    problem : NetworkProblem
        What it was designed for; gives names and nodes.

    Returns
    -------
    dict of DataFrame
        ``sources``, ``sinks`` and ``pipes``, in the order of the plan.
    """
    import pandas as pd

    sources = {source.id: source for source in problem.sources}
    sinks = {sink.id: sink for sink in problem.sinks}
    rates = dict(zip(sinks, problem.sink_rates().tolist(), strict=True))
    rows = {
        "sources": [
            vars(use)
            | {"name": sources[use.id].name, "node": str(sources[use.id].node)}
            | {"capture_max_mt_yr": sources[use.id].capacity_mt_yr}
            | {"cost_usd_t": _each(use.cost_musd_yr, use.captured_mt_yr)}
            for use in plan.sources
        ],
        "sinks": [
            vars(use)
            | {"name": sinks[use.id].name, "node": str(sinks[use.id].node)}
            | {"storage_max_mt_yr": rates[use.id]}
            | {"cost_usd_t": _each(use.cost_musd_yr, use.stored_mt_yr)}
            for use in plan.sinks
        ],
        "pipes": [
            vars(pipe)
            | {"from_node": str(pipe.tail), "to_node": str(pipe.head), "size": pipe.trend}
            | {"cost_usd_t": _each(pipe.cost_musd_yr, pipe.flow_mt_yr)}
            for pipe in plan.pipes
        ],
    }
    return {name: pd.DataFrame(records, columns=_COLUMNS[name]) for name, records in rows.items()}


def _each(cost: float, tonnes: float) -> float:
    """Cost of a tonne; NaN where there is none, as at a site that is forced and stays empty."""
    return cost / tonnes if tonnes > 0 else math.nan


_COLUMNS = {
    "sources": [
        "id", "name", "node", "captured_mt_yr", "capture_max_mt_yr", "cost_musd_yr", "cost_usd_t",
    ],
    "sinks": [
        "id", "name", "node", "stored_mt_yr", "storage_max_mt_yr", "wells", "cost_musd_yr",
        "cost_usd_t",
    ],
    "pipes": [
        "arc", "from_node", "to_node", "size", "flow_mt_yr", "length_km", "cost_musd_yr",
        "cost_usd_t",
    ],
}  # fmt: skip


def layers(
    plan: NetworkPlan, problem: NetworkProblem, places: Places
) -> dict[str, gpd.GeoDataFrame]:
    """Sources, sinks and pipes with their places; pipes run in the direction of the flow.

    Parameters
    ----------
    plan, problem
        As in :func:`tables`.
    places : Places
        Where nodes and arcs are.

    Returns
    -------
    dict of GeoDataFrame
        As :func:`tables`; what has no place is left out, with a warning.

    Warns
    -----
    CdrsiteWarning
        Something has no place.
    """
    import geopandas as gpd
    from shapely.geometry import LineString, Point

    shaped: dict[str, gpd.GeoDataFrame] = {}
    for name, table in tables(plan, problem).items():
        if name == "pipes":
            ends = zip(table["arc"], table["from_node"], table["to_node"], strict=True)
            lines = [places.route(str(arc), tail, head) for arc, tail, head in ends]
            shapes: list[Any] = [None if line is None else LineString(line) for line in lines]
        else:
            spots = [places.points.get(str(node)) for node in table["node"]]
            shapes = [None if spot is None else Point(spot) for spot in spots]
        known = [shape for shape in shapes if shape is not None]
        lost = len(shapes) - len(known)
        if lost:
            text = f"{lost} of {len(shapes)} {name} have no place: they are in the tables only"
            warnings.warn(text, CdrsiteWarning, stacklevel=2)
        drawn = [shape is not None for shape in shapes]
        shaped[name] = gpd.GeoDataFrame(table[drawn], geometry=known, crs=places.crs)
    return shaped


def write_networks(
    folder: Path,
    plans: Sequence[NetworkPlan],
    problem: NetworkProblem,
    places: Places | None = None,
) -> Path:
    """Write plans of several targets: a folder for each, and ``curve.csv`` with a row for each.

    One plan alone is written into the folder itself: a CSV per table, ``summary.json``, and, where
    nodes have places, GeoJSON, GeoPackage and pictures.
    """
    import pandas as pd

    with Staging(folder, "network") as aside:
        if len(plans) == 1:
            _fill(aside, plans[0], problem, places)
        else:
            curve = pd.DataFrame([summary(plan) for plan in plans], columns=list(_CURVE))
            write_csv(aside / "curve.csv", curve)
            for number, plan in enumerate(plans, start=1):
                inner = aside / f"target_{number}"
                inner.mkdir()
                _fill(inner, plan, problem, places)
        seconds = {"design": round(math.fsum(plan.seconds for plan in plans), 3)}
        write_json(aside / MARK, {**provenance(), "timings_s": seconds})
    return folder


def _fill(aside: Path, plan: NetworkPlan, problem: NetworkProblem, places: Places | None) -> None:
    """Write the files of one plan."""
    from cdrsite.outputs.network_map import write_map

    write_json(aside / "summary.json", summary(plan, problem.name))
    for name, table in tables(plan, problem).items():
        write_csv(aside / f"{name}.csv", table)
    if places is not None and places.points:
        shaped = layers(plan, problem, places)
        write_geojson(aside / "network.geojson", shaped)
        write_geopackage(aside / "network.gpkg", shaped)
        write_map(aside, plan, problem, places)


_CURVE = (
    "captured_mt_yr", "cost_musd_yr", "cost_usd_t", "capture_musd_yr", "transport_musd_yr",
    "storage_musd_yr", "bound", "gap", "gap_transport", "status", "pipeline_km",
)  # fmt: skip


def write_geojson(path: Path, shaped: Mapping[str, gpd.GeoDataFrame]) -> None:
    """Write all layers as one GeoJSON in longitude and latitude (RFC 7946).

    Parameters
    ----------
    path : Path
        File to write.
    shaped : mapping of GeoDataFrame
        As :func:`layers` gives; each feature says in ``kind`` what it is.
    """
    features: list[dict[str, Any]] = []
    for name, frame in shaped.items():
        for feature in json.loads(frame.to_crs("EPSG:4326").to_json(drop_id=True))["features"]:
            shape, kind = feature["geometry"], {"kind": name.removesuffix("s")}
            # rounding to a tenth of a metre is what the standard asks for
            shape["coordinates"] = _rounded(shape["coordinates"])
            features.append({**feature, "properties": kind | feature["properties"]})
    write_json(path, {"type": "FeatureCollection", "features": features})


def _rounded(coordinates: Any) -> Any:
    if isinstance(coordinates, int | float):
        return round(float(coordinates), 6)
    return [_rounded(part) for part in coordinates]


def write_geopackage(path: Path, shaped: Mapping[str, gpd.GeoDataFrame]) -> None:
    """Write all layers as a GeoPackage 1.3 whose bytes depend on the plan only.

    Parameters
    ----------
    path : Path
        File to write.
    shaped : mapping of GeoDataFrame
        As :func:`layers` gives; empty layers are left out.
    """
    import pyogrio

    with vector_options(OGR_CURRENT_DATE=STAMP):
        begun = False
        for name, frame in shaped.items():
            if len(frame):
                options = {} if begun else {"dataset_options": {"VERSION": "1.3"}}
                pyogrio.write_dataframe(frame, path, layer=name, append=begun, **options)
                begun = True

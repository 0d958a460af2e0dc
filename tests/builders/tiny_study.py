"""A result of 4 x 5 cells written out by hand, for the tests of what a run writes and shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cdrsite.config.load import parse_scenario
from cdrsite.core.grid import AnalysisGrid
from cdrsite.core.states import (
    EXCLUDED,
    LOWEST_STATE,
    NET_NOT_POSITIVE,
    NONE_PLANNED,
    OUTSIDE,
    PLANNED,
    UNKNOWN,
)
from cdrsite.core.vocabulary import STATE_NAMES, VARIABLES, code, limit_names
from cdrsite.methods.model import method_model
from cdrsite.result.attributes import reference
from cdrsite.result.study_result import StudyResult

METHODS = ("daccs-solid", "afforestation")
POOLS = ("上游", "lower <b>basin</b>")
RULES = ("strictly protected", "steep, over 15°", "城镇 1 km")
LAND, WATER = code("land"), code("water")

LIMIT = np.array(
    [
        [OUTSIDE, LAND, LAND, WATER, WATER],
        [LAND, LAND, EXCLUDED, WATER, UNKNOWN],
        [LAND, EXCLUDED, EXCLUDED, NET_NOT_POSITIVE, WATER],
        [OUTSIDE, OUTSIDE, LAND, LAND, LAND],
    ],
    np.uint8,
)
"""The first method; row 0, column 1 is a true zero."""

REASONS = np.array(
    [
        [1 << 31, 0, 0, 0, 0],
        [0, 0, 0b001, 0, 0],
        [0, 0b110, 0b011, 0, 1 << 30 | 1],
        [1 << 31, 1 << 31, 0, 0, 0],
    ],
    np.uint32,
)

SHARE = np.where(LIMIT < LOWEST_STATE, 90.0, np.nan).astype(np.float32)
SHARE[LIMIT == WATER] = 30.0
SHARE[(LIMIT == EXCLUDED) | (LIMIT == NET_NOT_POSITIVE)] = 0.0
SHARE[0, 1] = 0.0

ALLOCATED = np.where(SHARE == 90.0, 90.0, 0.0).astype(np.float32)
ALLOCATED[LIMIT >= LOWEST_STATE] = np.nan
"""The plan uses the first method where land limits it, and nothing else."""

STATE = np.where(ALLOCATED > 0, PLANNED, NONE_PLANNED).astype(np.uint8)
STATE = np.where(np.isin(LIMIT, (EXCLUDED, UNKNOWN, OUTSIDE)), LIMIT, STATE)
STATE[LIMIT == NET_NOT_POSITIVE] = EXCLUDED

WINNER = np.where(ALLOCATED > 0, 0, 2).astype(np.uint8)
WINNER = np.where(STATE >= LOWEST_STATE, STATE, WINNER)


def tiny_grid(crs: str = "EPSG:3035") -> AnalysisGrid:
    if crs == "EPSG:4326":
        return AnalysisGrid.from_bounds(crs, (6.0, 50.0, 8.5, 52.0), 0.5)
    return AnalysisGrid.from_bounds(crs, (4_000_000, 3_000_000, 4_005_000, 3_004_000), 1000.0)


def flags(words: dict[int, str]) -> dict[str, Any]:
    """Codes and words of a class variable."""
    codes = sorted(words)
    meanings = " ".join(words[code].replace(" ", "_") for code in codes)
    return {"flag_values": np.array(codes, np.uint8), "flag_meanings": meanings}


def tiny_dataset(grid: AnalysisGrid) -> xr.Dataset:
    cost = np.where(SHARE > 0, 250.0, np.nan).astype(np.float32)
    inside = LIMIT != OUTSIDE
    net = np.where(np.isnan(SHARE) | (LIMIT == EXCLUDED), np.nan, 0.8).astype(np.float32)
    net[LIMIT == NET_NOT_POSITIVE] = -0.1
    share = np.where(inside, np.where(LIMIT == EXCLUDED, 0.0, 0.5), np.nan).astype(np.float32)
    fields: dict[str, Any] = {
        "equal_share": np.stack([SHARE, 2 * SHARE]),
        "limit": np.stack([LIMIT, LIMIT]),
        "net_factor": np.stack([net, net]),
        "cost": np.stack([cost, cost / 5]),
        "score": np.stack([SHARE * np.float32(0.4), SHARE]),
        "suitability": np.stack([share, share]),
        "available": np.stack([share, share]),
        "allocated": np.stack([ALLOCATED, np.where(LIMIT < LOWEST_STATE, 0.0, np.nan)]),
        "method_state": np.stack([STATE, np.where(STATE == PLANNED, NONE_PLANNED, STATE)]),
    }
    data: dict[str, Any] = {}
    for name, values in fields.items():
        record = VARIABLES[name]
        attrs: dict[str, Any] = {"units": record.unit, "long_name": record.meaning}
        attrs["grid_mapping"] = "spatial_ref"
        if name in {"limit", "method_state"}:
            attrs |= flags(limit_names() if name == "limit" else STATE_NAMES)
        data[name] = (("removal_method", "y", "x"), np.ascontiguousarray(values), attrs)
    supply = np.where(inside, 90.0, np.nan).astype(np.float32)
    pool = np.where(inside, np.arange(5) // 3, -1).astype(np.int32)
    plane = ("y", "x")
    data["supply_water"] = (plane, supply, {"units": "m3/yr", "long_name": "water offered"})
    data["pool_water"] = (plane, pool, {"units": "", "long_name": "pool of water"})
    data["exclusion_reasons"] = (plane, REASONS, {"units": "", "long_name": "exclusion rules"})
    data["pool_water"][2].update(labels=list(POOLS), prices=[0.0, 0.0253])
    data["winner"] = (plane, WINNER, {"units": "", "long_name": "method with the most net removal"})
    data["state"] = (plane, STATE, {"units": "", "long_name": "state of the plan"})
    data["state"][2].update(flags(STATE_NAMES))
    net_removal = (ALLOCATED * np.float32(0.8)).astype(np.float32)
    data["net_removal"] = (plane, net_removal, {"units": "t/yr", "long_name": "net removal"})
    unit_cost = np.where(net_removal > 0, 250.0, np.nan).astype(np.float32)
    data["plan_cost"] = (plane, unit_cost, {"units": "USD/t", "long_name": "cost of the plan"})
    words = {0: METHODS[0], 1: METHODS[1], 2: "no_method", UNKNOWN: "unknown", EXCLUDED: "excluded"}
    data["winner"][2].update(flags(words))
    for name in set(data) - set(fields):
        data[name][2]["grid_mapping"] = "spatial_ref"
    data["cell_area"] = ("y", grid.row_areas, {"units": "m2", "long_name": "area of a cell"})
    coords = {
        "removal_method": list(METHODS),
        "y": ("y", grid.y, {"units": "m"}),
        "x": ("x", grid.x, {"units": "m"}),
        "spatial_ref": ((), 0, reference(grid)),
    }
    attrs: dict[str, Any] = {
        "Conventions": "CF-1.10",
        "title": "tiny",
        "exclusion_rules": list(RULES),
    }
    attrs["exclusion_rules_for"] = [", ".join(METHODS), ", ".join(METHODS), METHODS[0]]
    return xr.Dataset(data, coords, attrs)


def tiny_tables() -> dict[str, pd.DataFrame]:
    methods = pd.DataFrame(
        {
            "method": list(METHODS),
            "profile": ["madhu2021", "default"],
            "net_mt_yr": [0.000576, 987.65424],
            "gross_mt_yr": [0.00072, 1234.5678],
            "cost_musd_yr": [0.144, np.nan],
            "mean_cost_usd_t": [250.0, np.nan],
            "land_km2": [5.5, 12345.678],
            "cells": [11, 11],
            "credited_mt_yr": [0.000576, 790.1],
            "retained_share": [0.999, 0.61],
            "allowed_km2": [5.5, 12345.678],
            "alone_net_mt_yr": [0.000876, 1000.0],
            "alone_bound_mt_yr": [0.000876, 1000.0],
            "alone_gap": [0.0, 0.0],
            "alone_mean_cost_usd_t": [250.0, np.nan],
            "alone_limits": ["land 80 %, water 20 %", "nothing fits"],
        }
    )
    exclusions = pd.DataFrame(
        {
            "rule": list(RULES),
            "bit": [0, 1, 2],
            "methods": [", ".join(METHODS)] * 3,
            "removes_km2": [2.0, 2.0, 1.0],
            "removes_percent": [11.8, 11.8, 5.9],
            "only_it_removes_km2": [1.0, 0.0, 0.0],
        }
    )
    pools = pd.DataFrame(
        {
            "family": ["water", "electricity", "policy"],
            "zone": [POOLS[1], "north", None],
            "sense": ["<=", "<=", ">="],
            "unit": ["m3/yr", "kWh/yr", "t/yr"],
            "supply": [1e9, 5e9, 2e6],
            "use": [1e9, 1e9, 3e6],
            "slack": [0.0, 4e9, 1e6],
            "price": [0.0253, 0.0, 0.0],
            "price_unit": ["t per m3", "t per kWh", "t per t"],
            "binds": [True, False, False],
        }
    )
    return {"methods": methods, "exclusions": exclusions, "pools": pools}


def tiny_result(folder: Path, crs: str = "EPSG:3035", extra: str = "") -> StudyResult:
    """A result whose scenario stands in ``folder`` and names one small input file."""
    (folder / "points.csv").write_text("lon,lat\n6,50\n", encoding="utf-8")
    text = (
        "name: tiny\ntitle: A tiny study\ndata_folder: .\nregion: {bounds: [6, 50, 7, 51]}\n"
        "layers:\n"
        "  places: {path: points.csv, licence: CC-BY-4.0}\n"
        "methods: {daccs-solid: {}, afforestation: {gates: false}}\n" + extra
    )
    scenario = parse_scenario(text, folder / "tiny.yaml")
    grid, tables = tiny_grid(crs), tiny_tables()
    rows = tables["methods"].replace({np.nan: None}).to_dict("records")
    summary = {
        "name": "tiny",
        "region_km2": 17.0,
        "objective": {
            "name": "net removal",
            "unit": "t/yr",
            "value": 987654816.0,
            "bound": 987654999.0,
            "gap": 1.9e-7,
            "gap_asked": 1e-5,
            "status": "optimal",
            "sweeps": 13,
        },
        "methods": {row["method"]: {k: v for k, v in row.items() if k != "method"} for row in rows},
    }
    return StudyResult(
        scenario=scenario,
        grid=grid,
        dataset=tiny_dataset(grid),
        tables=tables,
        summary=summary,
        rule_names=RULES,
        warnings=["layer x covers 93 % of the region"],
        timings={"prepare": 0.1},
        models={name: method_model(name, scenario) for name in METHODS},
    )

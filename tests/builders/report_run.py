"""A run's folder written by hand, and a reader of the page made of it."""

from __future__ import annotations

import math
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
from pyproj import CRS

from cdrsite.outputs.tables import write_json, write_tables
from cdrsite.report.page import write_report
from cdrsite.study.costs import PUBLISHED_COLUMNS
from cdrsite.study.ranges import RANGE_COLUMNS
from cdrsite.study.sensitivity import SENSITIVITY_COLUMNS

EQUAL_AREA = CRS.from_user_input("+proj=laea +lat_0=36 +lon_0=107 +units=m").to_wkt()
"""Coordinate system of the run's grid."""


def tables(mark: str = "") -> dict[str, pd.DataFrame]:
    """Tables as a run writes them, with round numbers; ``mark`` is put into every name."""
    methods = pd.DataFrame(
        {
            "method": ["daccs-solid", "afforestation"],
            "profile": ["madhu2021", "literature"],
            "net_mt_yr": [1.25, 0.5],
            "gross_mt_yr": [1.5, 0.625],
            "cost_musd_yr": [500.0, 25.0],
            "mean_cost_usd_t": [400.0, 50.0],
            "land_km2": [16500.0, 12.5],
            "cells": [11, 7],
            "credited_mt_yr": [1.25, 0.425],
            "retained_share": [0.999, 0.6065306597],
            "allowed_km2": [20000.0, 30000.0],
            "alone_net_mt_yr": [2.0, 0.75],
            "alone_bound_mt_yr": [2.00001, 0.75],
            "alone_gap": [5e-6, 0.0],
            "alone_mean_cost_usd_t": [401.5, math.nan],
            "alone_limits": ["land 78 %, water 22 %", "nothing fits"],
        }
    )
    pools = pd.DataFrame(
        [
            ("water", f"north{mark}", "m3/yr", 5e6, 5e6, 0.0, 0.0854837, "t per m3", True),
            ("water", f"south{mark}", "m3/yr", 3e7, 3e6, 2.7e7, 0.0, "t per m3", False),
            ("electricity", f"grid{mark}", "kWh/yr", 2e9, -1e9, 3e9, 0.0, "t per kWh", False),
            ("injectivity", f"aquifer{mark}", "t/yr", 1e6, 1e6, 0.0, 0.7012, "t per t", True),
            ("policy", f"share{mark}", "t/yr", 2e5, 2e5, 0.0, 0.03, "t per t", True),
        ],
        columns=[
            "family", "zone", "unit", "supply", "use", "slack", "price", "price_unit", "binds",
        ],
    )  # fmt: skip
    storage = pd.DataFrame(
        [(f"aquifer{mark}", 1.0, 1.0, 300.0, 300.0, True)],
        columns=[
            "unit",
            "injected_mt_yr",
            "injection_mt_yr",
            "capacity_mt",
            "years_to_full",
            "eor",
        ],
    )
    zones = [(f"east{mark}", "daccs-solid", 1.25, 1.5, 500.0, 16500.0)]
    zones += [(f"east{mark}", "afforestation", 0.25, 0.3125, 12.5, 6.25)]
    zones += [("in none", "afforestation", 0.25, 0.3125, 12.5, 6.25)]
    provinces = pd.DataFrame(
        zones, columns=["zone", "method", "net_mt_yr", "gross_mt_yr", "cost_musd_yr", "land_km2"]
    )
    curve = pd.DataFrame(
        [(40.0, 41.0, 0.0, 0.5, 0.5), (399.0, 400.0, 1.0, 0.0, 1.5), (400.0, 401.0, 0.25, 0, 1.75)],
        columns=[
            "cost_from_usd_t", "cost_to_usd_t", "daccs-solid", "afforestation", "cumulative_mt_yr",
        ],
    )  # fmt: skip
    site = {
        "method": "daccs-solid", "rank": 1, "lon": 107.15983, "lat": -36.86055, "x": 0.0, "y": 0.0,
        "in_plan": True, "plan_t_yr": 80.1, "shortfall": 0.0, "gross_t_yr": 80.1,
        "net_t_yr": 72.46632977528861,
        "cost_usd_per_net_t": 446.3, "net_factor": 0.9, "suitability": 0.65, "available_share": 1.0,
        "limited_by": "water", "why": "", "storage_unit": f"aquifer{mark}", "transport_km": 64.5,
    }  # fmt: skip
    sites = pd.DataFrame([site, {**site, "rank": 2, "in_plan": False, "net_t_yr": 60.0}])
    exclusions = pd.DataFrame(
        [
            (f"steep{mark}", 0, "daccs-solid, afforestation", 4042.8, 3.79, 2952.2),
            (f"protected{mark}", 1, "daccs-solid", 152.0, 0.142, 53.1),
        ],
        columns=["rule", "bit", "methods", "removes_km2", "removes_percent", "only_it_removes_km2"],
    )
    limits = pd.DataFrame(
        [("daccs-solid", "land", 10, 10.0, 1.0), ("afforestation", "excluded", 4, 4.0, 0.0)],
        columns=["method", "limit", "cells", "area_km2", "net_mt_yr"],
    )
    plants = pd.DataFrame(
        {
            "name": [f"daccs-solid 1 (east{mark})"], "method": ["daccs-solid"], "zone": ["east"],
            "lon": [107.1], "lat": [36.8], "gross_t_yr": [1.5e6], "stored_t_yr": [1.5e6],
            "haul_km": [35.0],
        }
    )  # fmt: skip
    pipes = pd.DataFrame(
        {
            "mode": ["pipeline", "truck"], "start": [f"daccs-solid 1 (east{mark})", "junction 1"],
            "end": ["junction 1", f"access to aquifer{mark}"], "flow_t_yr": [1.5e6, 1e4],
            "inch": [12.0, math.nan], "length_km": [5.5, 2.0], "cost_usd_yr": [9e4, 1e4],
        }
    )  # fmt: skip
    tonnes = pd.DataFrame(
        {
            "method": ["daccs-solid"], "allocated_t_yr": [1.5e6], "in_plants_t_yr": [1.4e6],
            "below_minimum_t_yr": [1e5], "no_site_t_yr": [0.0],
        }
    )  # fmt: skip
    return {
        "methods": methods, "pools": pools, "storage": storage, "provinces": provinces,
        "supply_curve": curve, "sites": sites, "exclusions": exclusions, "limits": limits,
        "plants": plants, "pipes": pipes, "plant_tonnes": tonnes, **cost_tables(mark),
        "sensitivity": sensitivity_table(mark),
    }  # fmt: skip


def cost_tables(mark: str = "") -> dict[str, pd.DataFrame]:
    """What the plan costs by part, at the ends of its numbers, and beside what others published."""
    parts = [
        ("daccs-solid", "capital", 300.0, 200.0, 240.0),
        ("daccs-solid", "electricity", 240.0, 160.0, 192.0),
        ("daccs-solid", "water", 0.75, 0.5, 0.6),
        ("daccs-solid", f"rock{mark}", 0.3, 0.2, 0.24),
        ("daccs-solid", "revenue", -41.05, -27.366666666666667, -32.84),
        ("afforestation", "planting", 25.0, 40.0, 50.0),
    ]
    ranges = [
        ("daccs-solid", "capex", "USD/(t/yr)", 900.0, 1000.0, 1500.0, 380.0, 470.0),
        ("daccs-solid", "water", "m3/t", math.nan, 2.0, 4.0, math.nan, 403.0),
    ]
    published = [
        ("daccs-solid", f"book{mark}", "table 1", 100.0, 300.0, 400.0, "above", "largest",
         "capital", 240.0),
        ("afforestation", "paper", f"page 2{mark}", 10.0, 60.0, 50.0, "inside", math.nan, math.nan,
         math.nan),
    ]  # fmt: skip
    return {
        "cost_parts": pd.DataFrame(
            parts, columns=["method", "part", "musd_yr", "usd_gross_t", "usd_net_t"]
        ),
        "cost_ranges": pd.DataFrame(ranges, columns=list(RANGE_COLUMNS)),
        "cost_published": pd.DataFrame(published, columns=list(PUBLISHED_COLUMNS)),
    }


def sensitivity_table(mark: str = "") -> pd.DataFrame:
    """How the goal moves with numbers of methods and of the study, one of them without effect."""
    rows = [
        ("methods.daccs-solid.override.heat", "kWh/t", 1500.0, 700.0, 3400.0, f"book{mark}",
         -200.0, -0.3, 160_000.0, -380_000.0, "t/yr", "slope", False, -250.0, -150.0),
        ("methods.afforestation.override.upkeep", "USD/ha", 9.0, math.nan, 12.0, "paper",
         -1000.0, -0.01, math.nan, -3000.0, "t/yr", "slope", True, -1000.0, -1000.0),
        ("resources.water.factor", "1", 1.0, math.nan, math.nan, "scenario", 5e5, 0.5, math.nan,
         math.nan, "t/yr", "slope", True, 5e5, 5e5),
        ("costs.discount_rate", "1/yr", 0.07, math.nan, math.nan, "scenario", 0.0, 0.0, math.nan,
         math.nan, "t/yr", "slope", True, 0.0, 0.0),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(SENSITIVITY_COLUMNS))


def cost_summary() -> dict[str, Any]:
    """From a gross tonne to a net tonne, with low and high."""
    solid = {
        "gross_usd_t": 333.3333333333333, "net_factor": 0.8333333333333334,
        "losses_usd_t": 66.66666666666669, "net_usd_t": 400.0, "credits_usd_t": 0.0,
        "after_credits_usd_t": 400.0, "credited_usd_t": 400.0, "low_usd_t": 380.0,
        "high_usd_t": 470.1, "decides": ["capex", "water"], "ranged": 2, "numbers": 9,
    }  # fmt: skip
    forest = {
        "gross_usd_t": 40.0, "net_factor": 0.8, "losses_usd_t": 10.0, "net_usd_t": 50.0,
        "credits_usd_t": 0.0, "after_credits_usd_t": 50.0, "credited_usd_t": 58.8,
        "low_usd_t": 50.0, "high_usd_t": 50.0, "decides": [], "ranged": 0, "numbers": 4,
    }  # fmt: skip
    return {"daccs-solid": solid, "afforestation": forest}


def summary(listed: dict[str, pd.DataFrame], mark: str = "") -> dict[str, Any]:
    rows = listed["methods"].to_dict("records")
    pools = listed.get("pools", pd.DataFrame(columns=["price"]))
    return {
        "name": "byhand",
        "title": f"A study by hand{mark}",
        "cdrsite": "0.1.0",
        "base_year": 2020,
        "region_km2": 106778.0,
        "cells": 125685,
        "net_mt_yr": 1.75,
        "cost_musd_yr": 525.0,
        "mean_cost_usd_t": 300.0,
        "objective": {
            "name": "net removal", "unit": "t/yr", "value": 1.75e6, "bound": 1.750013e6,
            "gap": 7.4e-06, "gap_asked": 1e-05, "status": "optimal", "sweeps": 21,
        },
        "binding": [
            {key: row[key] for key in ("family", "zone", "price", "price_unit")}
            for row in pools.to_dict("records")
            if row["price"] != 0
        ],
        "methods": {r["method"]: {k: v for k, v in r.items() if k != "method"} for r in rows},
        "costs": cost_summary() if "cost_parts" in listed else {},
        "network": {
            "plants": 1, "status": "effort spent", "gap": 0.0092, "gap_transport": 0.081,
            "reproducible": True, "stored_mt_yr": 1.5,
            "cost_usd_t": 11.4, "transport_usd_t": None, "pipes_km": 5.5, "pipes": 1,
        },
    }  # fmt: skip


def manifest(mark: str = "") -> dict[str, Any]:
    return {
        "program": "cdrsite",
        "created_utc": "2031-05-06T07:08:09+00:00",
        "scenario": {
            "name": "byhand",
            "title": f"A study by hand{mark}",
            "layers": {f"dem{mark}": {"path": f"dem{mark}.tif", "licence": f"mine{mark}"}},
            "methods": {
                "daccs-solid": {"profile": None, "override": {"water": f"2 m3/t{mark}"}},
                "afforestation": {"gates": False},
            },
            "costs": {"base_year": 2020, "discount_rate": 0.07, "prices": {"water": 1.0}},
            "objective": {"maximise": "net_removal", "gap": 1e-5},
            "policies": [{"name": f"share{mark}", "at_least": "0.2 Mt/yr"}],
        },
        "grid": {"crs": EQUAL_AREA, "resolution": 1000.0, "rows": 315, "cols": 399},
        "inputs": {f"dem{mark}.tif": {"sha256": "ab" * 32, "bytes": 1234567}},
        "versions": {"cdrsite": "0.1.0", "python": "3.11"},
        "warnings": [f"layer dem{mark} covers 93 % of the region"],
    }


def write_run(
    folder: Path,
    mark: str = "",
    *,
    listed: dict[str, pd.DataFrame] | None = None,
    changes: dict[str, Any] | None = None,
    scenario: dict[str, Any] | None = None,
) -> Path:
    """A run's folder from tables alone."""
    listed = tables(mark) if listed is None else listed
    folder.mkdir(parents=True)
    write_tables(folder / "tables", listed)
    write_json(folder / "summary.json", summary(listed, mark) | (changes or {}))
    whole = manifest(mark)
    whole["scenario"] |= scenario or {}
    write_json(folder / "manifest.json", whole)
    return folder


class Page(HTMLParser):
    """Elements of a page in order, checked for being well formed on the way."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.source = source
        self.stack: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(source)
        self.close()
        assert not self.stack, f"never closed: {[name for name, _, _ in self.stack]}"

    def handle_starttag(self, name: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({key for key, _ in attrs}) == len(attrs), f"{name}: an attribute twice"
        self.elements.append((name, dict(attrs)))
        if name not in {"meta", "br", "input", "img", "hr", "link"}:
            self.stack.append((name, dict(attrs), []))

    def handle_endtag(self, name: str) -> None:
        open_name, attrs, found = self.stack.pop()
        assert open_name == name, f"<{open_name}> closed by </{name}>"
        self.texts.append((name, attrs, "".join(found)))

    def handle_data(self, data: str) -> None:
        for _, _, found in self.stack:
            found.append(data)

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attrs for found, attrs in self.elements if found == name]

    def text_of(self, name: str, **wanted: str) -> list[str]:
        return [
            found
            for tag_name, attrs, found in self.texts
            if tag_name == name and all(attrs.get(k) == v for k, v in wanted.items())
        ]


def report(folder: Path, lang: str = "en") -> Page:
    return Page(write_report(folder, lang).read_text(encoding="utf-8"))

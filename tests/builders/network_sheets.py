"""A network case as sheets and layers, with units in the headers, whose right answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pandas as pd
import pyogrio
from shapely.geometry import LineString, Point

SOURCES = [
    ["id", "node", "capture_max [kt/yr]", "fixed_capital [MUSD]", "variable [USD/t]", "name"],
    [1, "a", 5000, 100, 50, "Works"],
]
SINKS = [
    ["id", "node", "capacity [Gt]", "well_rate_mt_yr", "well_capital_kusd", "injection [$/t]"],
    [1, "b", 0.1, 1, 4000, 4],
]
ARCS = [
    ["arc", "from", "to", "fixed [MUSD/yr]", "slope [USD/t]", "capacity [Mt/yr]", "length [m]"],
    [7, "a", "b", 6, 2, 4, 10_000],
]
PARAMS = [["key", "value"], ["crf", 0.1], ["project_years", 20]]


def sheets(**changed: Any) -> dict[str, Any]:
    return {"sources": SOURCES, "sinks": SINKS, "arcs": ARCS, "params": PARAMS} | changed


def workbook(path: Path, tables: dict[str, Any]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in tables.items():
        if rows is not None:
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append(row)
    book.save(path)
    return path


def geopackage(path: Path, *, nodes: bool = False, turned: bool = False) -> Path:
    spots = {"a": Point(10, 50), "b": Point(11, 50)}
    line = LineString([(10, 50), (10.5, 50.2), (11, 50)])
    shapes = {
        "sources": [spots["a"]],
        "sinks": [spots["b"]],
        "arcs": [line.reverse() if turned else line],
    }
    for name, shape in shapes.items():
        rows = sheets()[name]
        table = pd.DataFrame(rows[1:], columns=rows[0])
        if not nodes:
            table = table.drop(columns=["node", "from", "to"], errors="ignore")
        frame = gpd.GeoDataFrame(table, geometry=shape, crs="EPSG:4326")
        pyogrio.write_dataframe(frame, path, layer=name, append=path.exists())
    params = pd.DataFrame(PARAMS[1:], columns=PARAMS[0])
    pyogrio.write_dataframe(params, path, layer="params", append=True)
    return path


# 2 Mt/yr: plant 10 + 100, pipe 6 + 4, two wells 0.8, injection 8
COST = 10 + 100 + 6 + 4 + 0.8 + 8

"""Network problems from tables: the folder of CSV files of the neutral case format."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

from cdrsite.core.errors import DataError, MissingFileError
from cdrsite.network.problem import Arc, NetworkProblem, Sink, Source, Trend

_COLUMNS = {
    "sources.csv": (
        "id", "cell", "capture_max_mt_yr", "fixed_capital_musd", "fixed_om_musd_yr",
        "variable_usd_t",
    ),
    "sinks.csv": (
        "id", "cell", "capacity_mt", "fixed_capital_musd", "fixed_om_musd_yr", "well_rate_mt_yr",
        "well_capital_musd", "well_om_musd_yr", "injection_usd_t",
    ),
    "arcs.csv": ("arc", "v1", "v2", "con_cost"),
}  # fmt: skip


def read_case(folder: str | Path) -> NetworkProblem:
    """Read a case folder: sources, sinks and arcs as CSV, parameters as JSON.

    Headers carry the units: ``_mt_yr`` [Mt/yr], ``_mt`` [Mt], ``_musd`` [million USD],
    ``_musd_yr`` [million USD/yr], ``_usd_t`` [USD/t], ``_km`` [km]. ``con_cost`` and
    ``row_cost`` are weighted kilometres of construction and right of way; a trend of
    ``params.json`` multiplies them, so that a pipe of flow f on trend c costs a year
    ``crf * ((I_con con + I_row row) + (S_con con + S_row row) f / utilisation)``.

    Parameters
    ----------
    folder : path
        Folder with ``sources.csv``, ``sinks.csv``, ``arcs.csv`` and ``params.json``. The columns
        ``row_cost``, ``length_km``, ``one_way``, ``existing`` and ``capacity_mt_yr`` of the arcs
        are optional; an existing pipe costs nothing and carries ``capacity_mt_yr``.

    Returns
    -------
    NetworkProblem
        With annualised costs.

    Raises
    ------
    MissingFileError
        A file is absent.
    DataError
        A column or parameter is missing, or a cell is not a number.
    """
    folder = Path(folder)
    params = _read_params(folder / "params.json")
    crf = float(params["crf"])
    sources = tuple(_source(where, row, crf) for where, row in _rows(folder / "sources.csv"))
    sinks = tuple(_sink(where, row, crf) for where, row in _rows(folder / "sinks.csv"))
    arcs = tuple(_arc(where, row, params) for where, row in _rows(folder / "arcs.csv"))
    return NetworkProblem(
        sources, sinks, arcs, years=float(params["project_years"]), name=folder.name
    )


def _read_params(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise MissingFileError("case has no params.json", where=str(path))
    try:
        params = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DataError("not valid JSON", where=str(path), got=str(error)) from error
    for key in ("crf", "project_years", "trends"):
        if key not in params:
            raise DataError("parameter is missing", where=str(path), expected=key)
    return dict(params)


def _rows(path: Path) -> list[tuple[str, dict[str, str]]]:
    """Give the rows of a table, each with the place it stands at."""
    if not path.is_file():
        raise MissingFileError("table is missing", where=str(path))
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        lacking = [c for c in _COLUMNS[path.name] if c not in (reader.fieldnames or ())]
        if lacking:
            msg = f"column {', '.join(lacking)} is missing"
            raise DataError(
                msg,
                where=str(path),
                got=", ".join(reader.fieldnames or ()),
                cure="headers carry the unit; see the documentation of the case format",
            )
        return [(f"{path}:{reader.line_num}", row) for row in reader]


def _float(where: str, row: dict[str, str], column: str, default: float | None = None) -> float:
    text = (row.get(column) or "").strip()
    if not text:
        if default is None:
            msg = f"{column} is empty"
            raise DataError(msg, where=where, expected="a number")
        return default
    try:
        return float(text)
    except ValueError:
        msg = f"{column} is not a number"
        raise DataError(msg, where=where, got=repr(text)) from None


def _flag(row: dict[str, str], column: str) -> bool:
    return (row.get(column) or "").strip().lower() in {"1", "true", "yes"}


def _source(where: str, row: dict[str, str], crf: float) -> Source:
    return Source(
        id=row["id"],
        node=row["cell"],
        capacity_mt_yr=_float(where, row, "capture_max_mt_yr"),
        fixed_musd_yr=crf * _float(where, row, "fixed_capital_musd", 0.0)
        + _float(where, row, "fixed_om_musd_yr", 0.0),
        variable_usd_t=_float(where, row, "variable_usd_t", 0.0),
        name=row.get("name") or "",
    )


def _sink(where: str, row: dict[str, str], crf: float) -> Sink:
    return Sink(
        id=row["id"],
        node=row["cell"],
        capacity_mt=_float(where, row, "capacity_mt"),
        well_rate_mt_yr=_float(where, row, "well_rate_mt_yr", math.inf),
        fixed_musd_yr=crf * _float(where, row, "fixed_capital_musd", 0.0)
        + _float(where, row, "fixed_om_musd_yr", 0.0),
        well_musd_yr=crf * _float(where, row, "well_capital_musd", 0.0)
        + _float(where, row, "well_om_musd_yr", 0.0),
        injection_usd_t=_float(where, row, "injection_usd_t", 0.0),
        name=row.get("name") or "",
    )


def _arc(where: str, row: dict[str, str], params: dict[str, Any]) -> Arc:
    existing = _flag(row, "existing")
    if existing:
        capacity = _float(where, row, "capacity_mt_yr")
        trends: tuple[Trend, ...] = (Trend(0.0, 0.0, capacity, "existing"),)
    else:
        con = _float(where, row, "con_cost")
        right_of_way = _float(where, row, "row_cost", 0.0)
        trends = tuple(
            _trend(number, trend, con, right_of_way, params)
            for number, trend in enumerate(params["trends"])
        )
    return Arc(
        id=row["arc"],
        tail=row["v1"],
        head=row["v2"],
        trends=trends,
        length_km=_float(where, row, "length_km", math.nan),
        one_way=_flag(row, "one_way"),
        existing=existing,
    )


def _trend(
    number: int, trend: dict[str, Any], con: float, right_of_way: float, params: dict[str, Any]
) -> Trend:
    crf = float(params["crf"])
    utilisation = float(params.get("pipe_utilization", 1.0))
    fixed = trend["con_intercept"] * con + trend.get("row_intercept", 0.0) * right_of_way
    slope = trend["con_slope"] * con + trend.get("row_slope", 0.0) * right_of_way
    return Trend(
        fixed_musd_yr=crf * fixed,
        slope_usd_t=crf * slope / utilisation,
        capacity_mt_yr=float(trend.get("max_capacity_mt_yr", math.inf)),
        name=str(trend.get("name", number)),
    )

"""Scenario folders of SimCCS 2 read as they stand: sources, sinks, candidate network, trends.

Layout: ``Sources/Sources.csv`` and ``Sinks/Sinks.csv`` with three rows of headings, or the older
``Sources.txt`` and ``Sinks.txt`` with one,
``Network/CandidateNetwork/CandidateNetwork.txt`` and ``Transport/Linear.txt`` parted by tabs, and
two folders up ``BaseData/CostNetwork/Construction Costs.txt`` (or ``.csv``), whose head says which
grid the numbers of cells belong to. Sources, sinks and trends may stand in a workbook instead
(:mod:`cdrsite.network.simccs_workbook`).
"""

from __future__ import annotations

import csv
import math
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdrsite.core.errors import CdrsiteWarning, DataError, MissingFileError
from cdrsite.network.readers import CaseTables, Table, empty, identity, read_params
from cdrsite.network.simccs_workbook import SINKS, SOURCES, TRENDS, Header, Workbook, workbook_in

NETWORK = Path("Network") / "CandidateNetwork" / "CandidateNetwork.txt"
DEFAULTS = {"crf": 0.1, "project_years": 30.0}
"""What the window of SimCCS begins with; a scenario folder does not hold them."""
ROW_UTILISATION = 0.93
"""Utilisation that SimCCS takes where its trends have a right of way."""

_CSV = {
    "sources": {
        "id": 0, "name": 1, "capture_max_mt_yr": 2, "total": 3, "fixed_capital_musd": 4,
        "fixed_om_musd_yr": 5, "variable_usd_t": 6, "lon": 7, "lat": 8,
    },
    "sinks": {
        "id": 0, "name": 1, "capacity_mt": 2, "total": 3, "fixed_capital_musd": 4,
        "fixed_om_musd_yr": 5, "well_rate_mt_yr": 6, "well_capital_musd": 7, "well_om_musd_yr": 8,
        "injection_usd_t": 9, "lon": 10, "lat": 11,
    },
}  # fmt: skip
_TXT = {
    "sources": {
        "id": 0, "fixed_capital_musd": 1, "fixed_om_musd_yr": 2, "variable_usd_t": 3,
        "capture_max_mt_yr": 4, "lon": 6, "lat": 7, "name": 8,
    },
    "sinks": {
        "id": 0, "name": 1, "capacity_mt": 2, "fixed_capital_musd": 3, "fixed_om_musd_yr": 4,
        "well_rate_mt_yr": 5, "well_capital_musd": 6, "well_om_musd_yr": 7, "injection_usd_t": 8,
        "lon": 10, "lat": 11,
    },
}  # fmt: skip
"""Position of each column in the files of either layout."""
_TREND = ("con_slope", "con_intercept", "row_slope", "row_intercept")


def is_simccs(folder: Path) -> bool:
    """Whether a folder is a scenario of SimCCS."""
    return (folder / NETWORK).is_file()


def is_simccs_workbook(path: Path) -> bool:
    """Whether a workbook stands in a scenario folder of SimCCS, or of one of its data sets."""
    if path.suffix.lower() not in {".xlsx", ".xlsm"}:
        return False
    dataset = path.resolve().parent.parent.parent
    return is_simccs(path.parent) or (dataset / "BaseData" / "CostNetwork").is_dir()


@dataclass(frozen=True)
class _Grid:
    """Cells numbered from 1 in the north-west, row by row."""

    cols: int
    rows: int
    west: float
    south: float
    size: float

    def cell(self, where: str, lon: float, lat: float) -> str:
        """Number of the cell of a place."""
        col = math.floor((lon - self.west) / self.size)
        row = math.floor((self.south + self.rows * self.size - lat) / self.size)
        if not (0 <= col < self.cols and 0 <= row < self.rows):
            raise DataError("place is outside the cost surface", where=where, got=f"{lon}, {lat}")
        return str(row * self.cols + col + 1)

    def place(self, cell: int) -> tuple[float, float]:
        """Centre of a cell."""
        row, col = divmod(cell - 1, self.cols)
        north = self.south + self.rows * self.size
        return self.west + (col + 0.5) * self.size, north - (row + 0.5) * self.size


def read_simccs(path: Path) -> CaseTables:
    """Read a scenario of SimCCS.

    Parameters
    ----------
    path : Path
        The scenario's folder, or a workbook in it. An own ``params.json`` beside it may give
        ``crf``, ``project_years`` and ``pipe_utilization``.

    Returns
    -------
    CaseTables
        As of any other case.

    Raises
    ------
    MissingFileError
        A file is missing.
    DataError
        A file is not as SimCCS writes it, or a part has both a unit cost and costs by part.

    Warns
    -----
    CdrsiteWarning
        Capital recovery factor and years are those that SimCCS begins with.
    """
    folder = path if path.is_dir() else path.parent
    grid = _grid(folder)
    given = _given(path)
    trends, right_of_way = _trends(given["trends"])
    own = folder / "params.json"
    params: dict[str, Any] = {**DEFAULTS, "trends": trends}
    if right_of_way:
        params["pipe_utilization"] = ROW_UTILISATION
    if own.is_file():
        params |= read_params(own)
    else:
        text = ", ".join(f"{key} {params[key]:g}" for key in params if key != "trends")
        warnings.warn(
            f"{folder.name}: {text}, which SimCCS begins with and a scenario folder does not hold; "
            f"cure: give them in {own}",
            CdrsiteWarning,
            stacklevel=4,
        )
    sources = _parts(given["sources"], "variable_usd_t", grid)
    sinks = _parts(given["sinks"], "injection_usd_t", grid)
    arcs, lines = _arcs(folder / NETWORK, grid)
    nodes = {str(row[end]) for _, row in arcs.rows for end in ("v1", "v2")}
    nodes |= {str(row["cell"]) for table in (sources, sinks) for _, row in table.rows}
    points = {node: grid.place(int(node)) for node in sorted(nodes)}
    where = str(own if own.is_file() else folder)
    return CaseTables(
        folder.resolve().name, sources, sinks, arcs, params, where, points, lines, "EPSG:4269"
    )


def _given(path: Path) -> dict[str, Table]:
    """Sources, sinks and trends as they stand.

    Of a folder, its one workbook gives what has no text file. Of a workbook, the text file gives
    the trends where no sheet has anything like them.
    """
    folder = path if path.is_dir() else path.parent
    headers = (SOURCES, SINKS, TRENDS)
    book = (
        Workbook(path) if path.is_file()
        else workbook_in(folder, [_file(folder, one) for one in headers])
    )  # fmt: skip
    given = {}
    for header in headers:
        text = _file(folder, header)
        asked = path.is_file() and (header is not TRENDS or (book is not None and book.has(TRENDS)))
        if book is not None and (asked or not text.is_file()):
            given[header.table] = book.table(header)
        elif header is TRENDS:
            given[header.table] = _linear(text)
        else:
            given[header.table] = _columns(text, header.table)
    return given


def _file(folder: Path, header: Header) -> Path:
    """Text file of a table, of the older layout where there is no newer one."""
    new = folder / header.file
    old = new.with_suffix(".txt")
    return old if old.is_file() and not new.is_file() else new


def _text(path: Path) -> str:
    """Text of a file, of the encodings that SimCCS has written over the years."""
    if not path.is_file():
        raise MissingFileError("file of the SimCCS scenario is missing", where=str(path))
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # its headings hold a dash of another code page


def _grid(folder: Path) -> _Grid:
    base = folder.resolve().parent.parent / "BaseData" / "CostNetwork"
    names = ("Construction Costs.txt", "Construction Costs.csv")
    path = next((base / name for name in names if (base / name).is_file()), base / names[0])
    if not path.is_file():
        raise MissingFileError("cost surface of the SimCCS data set is missing", where=str(path))
    found: dict[str, float] = {}
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        for line, _ in zip(stream, range(12), strict=False):
            match = re.match(r"\s*([A-Za-z]+)\s*[\s,;:=]\s*([-+0-9.eE]+)", line)
            if match:
                found[match[1].lower()] = float(match[2])
    keys = {"cols": "ncols", "rows": "nrows", "west": "xll", "south": "yll", "size": "cellsize"}
    values = {}
    for name, key in keys.items():
        value = next((v for k, v in found.items() if k.startswith(key)), None)
        if value is None:
            raise DataError("head of the cost surface lacks a value", where=str(path), expected=key)
        values[name] = value
    return _Grid(
        int(values["cols"]), int(values["rows"]), values["west"], values["south"], values["size"]
    )


def _linear(path: Path) -> Table:
    """The file of trends, by position behind the id."""
    rows = []
    for number, line in enumerate(_text(path).splitlines()[1:], start=2):
        if line.strip():
            cells = line.replace(",", "\t").split("\t")[1:5]
            rows.append((f"{path}:{number}", dict(zip(_TREND, cells, strict=False))))
    return Table(str(path), _TREND, tuple(rows))


def _trends(table: Table) -> tuple[list[dict[str, float]], bool]:
    """Trends, and whether they have a right of way: two or four numbers."""
    trends = []
    for where, row in table.rows:
        values = {key: row[key] for key in _TREND if row.get(key, "").strip()}
        if tuple(values) not in (_TREND[:2], _TREND):
            raise DataError(
                "a trend has slope and intercept, of construction and of right of way",
                where=where, got=f"{len(values)} numbers", expected="2 or 4",
            )  # fmt: skip
        trends.append({key: _number(where, cell) for key, cell in values.items()})
    return trends, any(trend.get("row_slope", 0.0) != 0 for trend in trends)


def _number(where: str, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise DataError("not a number", where=where, got=repr(cell)) from None


def _columns(path: Path, kind: str) -> Table:
    """Sources or sinks of a file, by position: below three rows of headings, or one of the older.

    Cells of the older layout are parted by tabs, or by blanks where there are none.
    """
    lines, older = _text(path).splitlines(), path.suffix == ".txt"
    columns, first = (_TXT[kind], 2) if older else (_CSV[kind], 4)
    split = [line.split("\t" if "\t" in line else None) for line in lines] if older else None
    least = 1 + max(at for name, at in columns.items() if name != "name")
    rows = []
    for number, cells in enumerate(split or csv.reader(lines), start=1):
        if number < first or all(empty(cell) for cell in cells):
            continue
        where = f"{path}:{number}"
        if len(cells) < least:
            raise DataError(
                "the row is too short", where=where, got=f"{len(cells)} cells",
                expected=f"{least} or more",
            )  # fmt: skip
        row = {name: cells[at].strip() if at < len(cells) else "" for name, at in columns.items()}
        rows.append((where, row))
    return Table(str(path), tuple(columns), tuple(rows))


def _parts(table: Table, per_tonne: str, grid: _Grid) -> Table:
    """Sources or sinks with their cells, a total unit cost as the cost of each tonne."""
    rows = []
    for where, cells in table.rows:
        row = dict(cells)
        total = row.pop("total", "")
        if total and _number(where, total) != 0:
            parts = [key for key in row if key.endswith(("musd", "musd_yr", "usd_t"))]
            both = [key for key in (*parts, "well_rate_mt_yr") if row.get(key)]
            if any(_number(where, row[key]) != 0 for key in both):
                raise DataError(
                    "a part has a total unit cost and costs by part", where=where,
                    got=f"{total} $/t and {', '.join(both)}", cure="keep one of them", rule=7,
                )  # fmt: skip
            row |= dict.fromkeys(both, "")
            row[per_tonne] = total
        row["cell"] = grid.cell(where, _number(where, row["lon"]), _number(where, row["lat"]))
        rows.append((where, row))
    headers = [name for name in table.headers if name != "total"]
    return Table(table.where, (*headers, "cell"), tuple(rows))


def _arcs(path: Path, grid: _Grid) -> tuple[Table, dict[str, tuple[tuple[float, float], ...]]]:
    """The candidate network, and the routes of its arcs."""
    rows, lines = [], {}
    for number, line in enumerate(_text(path).splitlines()[1:], start=2):
        cells = line.strip().split("\t")
        if not line.strip():
            continue
        where, name = f"{path}:{number}", str(number - 2)
        if len(cells) < 5:
            raise DataError(
                "the row is too short", where=where, got=f"{len(cells)} cells",
                expected="Vertex1, Vertex2, Cost, ConCost, ROWCost, CellRoute",
            )  # fmt: skip
        first, second = identity(cells[0]), identity(cells[1])
        row = {"arc": name, "v1": first, "v2": second, "con_cost": cells[3], "row_cost": cells[4]}
        rows.append((where, row))
        route = tuple(grid.place(int(_number(where, cell))) for cell in cells[5:])
        if len(route) > 1:
            lines[name] = route
    return Table(str(path), ("arc", "v1", "v2", "con_cost", "row_cost"), tuple(rows)), lines

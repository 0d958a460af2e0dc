"""Tables of a case as rows with the place each stands at: CSV folder, workbook, GeoPackage."""

from __future__ import annotations

import codecs
import csv
import io
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdrsite.core.errors import DataError, MissingDependencyError, MissingFileError
from cdrsite.core.references import require_vector

NAMES = ("sources", "sinks", "arcs")


@dataclass(frozen=True)
class Table:
    """Rows of a table: ``where`` it is, its headers, and each row with its own place."""

    where: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, Mapping[str, Any]], ...]


@dataclass(frozen=True)
class CaseTables:
    """The tables of a case.

    Attributes
    ----------
    name : str
        Of the case.
    sources, sinks, arcs : Table
        As they were read.
    params : mapping
        ``crf``, ``project_years``, ``pipe_utilization`` and the list ``trends``.
    params_where : str
        Where the parameters stand.
    points : mapping
        Node -> (x, y) where places are known.
    lines : mapping
        Arc -> tuple of (x, y) where routes are known.
    crs : str
        Coordinate system of points and lines.
    """

    name: str
    sources: Table
    sinks: Table
    arcs: Table
    params: Mapping[str, Any]
    params_where: str
    points: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    lines: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    crs: str = "EPSG:4326"


def _case(
    name: str,
    tables: Mapping[str, Table],
    params: Mapping[str, Any],
    params_where: str,
    points: Mapping[str, tuple[float, float]],
    lines: Mapping[str, tuple[tuple[float, float], ...]],
    crs: str = "EPSG:4326",
) -> CaseTables:
    sources, sinks, arcs = (tables[one] for one in NAMES)
    return CaseTables(name, sources, sinks, arcs, params, params_where, points, lines, crs)


# -- CSV ---------------------------------------------------------------------------------


def read_folder(
    folder: Path, *, arcs: bool = True, files: Mapping[str, Path] | None = None
) -> CaseTables:
    """Read a folder of CSV files, or ``files`` for some; without ``arcs`` their table is empty."""
    given = files or {}
    place = folder / "params.json"
    if not place.is_file():
        raise MissingFileError("case has no params.json", where=str(place))
    params = read_params(place)
    style = _Style.of(params, str(place))
    tables = {
        name: _csv(given.get(name, folder / f"{name}.csv"), style)
        if arcs or name != "arcs" else Table(str(folder), (), ())
        for name in NAMES
    }  # fmt: skip
    lines = _geojson_lines(folder / "arcs.geojson")
    nodes = folder / "nodes.csv"
    points = _lonlat(_csv(nodes, style)) if nodes.is_file() else {}
    for name in ("sources", "sinks"):
        points |= _lonlat(tables[name])
    return _case(folder.resolve().name, tables, params, str(place), points, lines)


def read_params(path: Path) -> dict[str, Any]:
    """Read the parameters of a folder."""
    try:
        params = json.loads(path.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError("not valid JSON", where=str(path), got=str(error)) from error
    if not isinstance(params, dict):
        raise DataError("parameters are not an object", where=str(path), got=type(params).__name__)
    return params


def read_table(path: Path) -> Table:
    """Read one table of text in UTF-8; raises as :func:`cdrsite.network.casefiles.read_tables`."""
    return _csv(path, _Style(None, comma=False))


@dataclass(frozen=True)
class _Style:
    """How the text of the tables is written: its encoding, and the comma of a number."""

    encoding: str | None
    comma: bool

    @staticmethod
    def of(params: Mapping[str, Any], where: str) -> _Style:
        """Read the parameters ``encoding`` and ``decimal``."""
        encoding, decimal = params.get("encoding"), params.get("decimal", ".")
        try:
            if encoding is not None:
                codecs.lookup(str(encoding))
        except LookupError:
            raise DataError(
                "encoding is not known", where=where, got=repr(encoding), expected="as utf-8 or gbk"
            ) from None
        if decimal not in {".", ","}:
            raise DataError(
                "decimal is not understood", where=where, got=repr(decimal), expected='"." or ","'
            )
        return _Style(None if encoding is None else str(encoding), decimal == ",")


def _csv(path: Path, style: _Style) -> Table:
    """Read a table of text, its cells parted by comma, semicolon or tab."""
    if not path.is_file():
        raise MissingFileError("table is missing", where=str(path))
    try:
        text = path.read_bytes().decode(style.encoding or "utf-8-sig").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        cure = 'save as UTF-8, or state it in params.json, as "encoding": "gbk"'
        raise DataError(
            f"not {style.encoding or 'UTF-8'}", where=str(path), got=str(error), cure=cure
        ) from error
    first = text.lstrip("\r\n").split("\n", 1)[0]
    mark = max(",;\t", key=lambda one: (first.count(one), one == ","))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    try:
        rows = [(f"{path}:{reader.line_num}", cells) for cells in reader]
    except csv.Error as error:
        raise DataError(
            "not a readable table", where=f"{path}:{reader.line_num}", got=str(error)
        ) from error
    return _table(str(path), rows, comma=style.comma)


def _table(where: str, rows: list[tuple[str, Any]], *, comma: bool = False) -> Table:
    """Give a table of rows of cells, the first of which holds the headers.

    Empty rows are left out; so are cells without content beyond the headers.
    """
    rows = [(place, cells) for place, cells in rows if not all(empty(cell) for cell in cells)]
    if not rows:
        raise DataError("table is empty", where=where, expected="a row of headers")
    place, first = rows[0]
    headers = ["" if cell is None else str(cell).strip() for cell in first]
    while headers and not headers[-1]:
        headers.pop()
    if "" in headers:
        column = headers.index("") + 1
        raise DataError("a column has no header", where=place, got=f"column {column}")
    kept = []
    for spot, cells in rows[1:]:
        beyond = [cell for cell in cells[len(headers) :] if not empty(cell)]
        if len(cells) < len(headers) or beyond:
            raise DataError(
                "the row does not fit the headers",
                where=spot,
                got=f"{len(cells)} cells",
                expected=f"{len(headers)} cells, as {place} has headers",
                cure="put a number that holds a comma between quotes; give an empty cell its comma",
                rule=7,
            )
        read = [_point(cell) for cell in cells] if comma else cells
        kept.append((spot, dict(zip(headers, read, strict=False))))
    return Table(where, tuple(headers), tuple(kept))


def _point(cell: Any) -> Any:
    """Write a number that has a decimal comma with a point."""
    text = str(cell).strip()
    return text.replace(",", ".") if re.fullmatch(r"[-+]?\d*,\d+([eE][-+]?\d+)?", text) else cell


def empty(cell: object) -> bool:
    """Whether a cell holds nothing."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return True
    return not str(cell).strip()


def identity(cell: object) -> str:
    """Text of an id or a node: spreadsheets keep whole numbers as floats, so 1.0 is 1."""
    text = str(cell).strip()
    return text.split(".")[0] if re.fullmatch(r"-?\d+\.0+", text) else text


def _lonlat(table: Table) -> dict[str, tuple[float, float]]:
    """Places of nodes from columns lon and lat; a row without them has no place."""
    found = {}
    for _, row in table.rows:
        try:
            found[_cell(row, ("cell", "node"))] = float(row["lon"]), float(row["lat"])
        except (KeyError, TypeError, ValueError):
            continue
    return found


def _geojson_lines(path: Path) -> dict[str, tuple[tuple[float, float], ...]]:
    if not path.is_file():
        return {}
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        return {
            identity(one["properties"]["arc"]): tuple(
                (float(x), float(y)) for x, y, *_ in one["geometry"]["coordinates"]
            )
            for one in features
            if one["geometry"]["type"] == "LineString"
        }
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            "routes cannot be read", where=str(path), got=f"{type(error).__name__}: {error}",
            expected="lines with a property arc",
        ) from error  # fmt: skip


# -- Excel -------------------------------------------------------------------------------


def sheets_of(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Cells of every sheet of a workbook, row by row; formulas as the values they last had."""
    try:
        import openpyxl  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingDependencyError(
            "openpyxl is needed for Excel", where=str(path), cure="pip install cdrsite[excel]"
        ) from error
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # its zip and XML parsers raise what they like
        raise DataError("not a readable workbook", where=str(path), got=str(error)) from error
    try:
        return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets}
    finally:
        book.close()


def read_workbook(path: Path) -> CaseTables:
    """Read an ``.xlsx`` workbook."""
    book = sheets_of(path)
    sheets = {name.strip().lower(): rows for name, rows in book.items()}
    tables = {}
    for name in (*NAMES, "params", "trends"):
        if name in sheets:
            tables[name] = _sheet(path, name, sheets[name])
        elif name != "trends":
            raise MissingFileError(f"sheet {name} is missing", where=str(path), got=", ".join(book))
    points: dict[str, tuple[float, float]] = {}
    for name in ("sources", "sinks"):
        points |= _lonlat(tables[name])
    return _case(path.stem, tables, _params(tables), tables["params"].where, points, {})


def _sheet(path: Path, name: str, lines: Any) -> Table:
    where = f"{path}: sheet {name}"
    rows = [(f"{where}, row {number}", list(row)) for number, row in enumerate(lines, start=1)]
    return _table(where, rows)


def _params(tables: Mapping[str, Table]) -> dict[str, Any]:
    """Parameters from rows of key and value, and the trends from their own table."""
    table = tables["params"]
    if not {"key", "value"} <= set(table.headers):
        raise DataError(
            "column key, value is missing", where=table.where, got=", ".join(table.headers)
        )
    params: dict[str, Any] = {}
    for where, row in table.rows:
        key = str(row["key"]).strip()
        if key in params:
            raise DataError("parameter is given twice", where=where, got=key)
        params[key] = row["value"]
    if "trends" in tables:
        params["trends"] = [row for _, row in tables["trends"].rows]
    return params


# -- GeoPackage --------------------------------------------------------------------------


def read_geopackage(path: Path) -> CaseTables:
    """Read a GeoPackage."""
    import pyogrio

    require_vector(path, str(path))
    try:
        layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
    except Exception as error:  # GDAL's errors have no common base
        raise DataError("not a readable GeoPackage", where=str(path), got=str(error)) from error
    for name in (*NAMES, "params"):
        if name not in layers:
            raise MissingFileError(
                f"layer {name} is missing", where=str(path), got=", ".join(layers)
            )
    tables: dict[str, Table] = {}
    points: dict[str, tuple[float, float]] = {}
    lines: dict[str, tuple[tuple[float, float], ...]] = {}
    systems = {}
    for name in (*NAMES, "params", "trends"):
        if name in layers:
            tables[name], shapes, systems[name] = _layer(path, name)
            if name == "arcs":
                lines, ends = _routes(tables[name], shapes)
                points |= ends
            elif name in NAMES:
                points |= _spots(tables[name], shapes)
    crs = {systems[name] for name in NAMES if systems[name]}
    if len(crs) > 1:
        raise DataError(
            "layers are in different coordinate systems",
            where=str(path),
            got=", ".join(sorted(crs)),
        )
    where = tables["params"].where
    system = next(iter(crs), "EPSG:4326")
    return _case(path.stem, tables, _params(tables), where, points, lines, system)


def _layer(path: Path, name: str) -> tuple[Table, list[Any], str]:
    """Read a layer: rows with their nodes, shapes and the coordinate system."""
    import pyogrio

    frame = pyogrio.read_dataframe(path, layer=name)
    shapes = list(frame.geometry) if hasattr(frame, "geometry") else []
    crs = str(frame.crs.to_string()) if shapes and frame.crs is not None else ""
    if shapes:
        frame = frame.drop(columns=frame.geometry.name)
    headers = [str(h) for h in frame.columns]
    rows = frame.to_dict("records")
    where = f"{path}: layer {name}"
    lowered = {h.strip().lower() for h in headers}
    places = [f"{where}, row {k}" for k in range(1, len(rows) + 1)]
    if name in {"sources", "sinks"} and shapes and not lowered & {"cell", "node"}:
        headers.append("node")
        for place, row, shape in zip(places, rows, shapes, strict=True):
            row["node"] = _key(_shape(place, shape, "Point").coords[0])
    if name == "arcs" and shapes and not lowered & {"v1", "from", "tail"}:
        headers += ["v1", "v2"]
        for place, row, shape in zip(places, rows, shapes, strict=True):
            line = _shape(place, shape, "LineString").coords
            row["v1"], row["v2"] = _key(line[0]), _key(line[-1])
    return Table(where, tuple(headers), tuple(zip(places, rows, strict=True))), shapes, crs


def _shape(where: str, shape: Any, kind: str) -> Any:
    """Give the shape, a multi-part one of a single part as that part."""
    parts = list(getattr(shape, "geoms", ())) if shape is not None else []
    one = parts[0] if len(parts) == 1 else shape
    if one is None or one.is_empty or one.geom_type != kind:
        got = "nothing" if one is None or one.is_empty else one.geom_type
        raise DataError("wrong geometry", where=where, got=got, expected=kind)
    return one


def _key(place: tuple[float, ...]) -> str:
    """Identity of a node without a name: its place, to a tenth of a metre or better."""
    return f"{place[0] + 0.0:.6f} {place[1] + 0.0:.6f}"


def _spots(table: Table, shapes: list[Any]) -> dict[str, tuple[float, float]]:
    found = {}
    for (where, row), shape in zip(table.rows, shapes, strict=False):
        spot = _shape(where, shape, "Point")
        found[_cell(row, ("cell", "node"))] = spot.x, spot.y
    return found


def _routes(
    table: Table, shapes: list[Any]
) -> tuple[dict[str, tuple[tuple[float, float], ...]], dict[str, tuple[float, float]]]:
    lines: dict[str, tuple[tuple[float, float], ...]] = {}
    ends: dict[str, tuple[float, float]] = {}
    for (where, row), shape in zip(table.rows, shapes, strict=False):
        line = tuple((x, y) for x, y, *_ in _shape(where, shape, "LineString").coords)
        lines[_cell(row, ("arc", "id"))] = line
        ends[_cell(row, ("v1", "from", "tail"))] = line[0]
        ends[_cell(row, ("v2", "to", "head"))] = line[-1]
    return lines, ends


def _cell(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for header, cell in row.items():
        if header.strip().lower() in names:
            return identity(cell)
    return ""

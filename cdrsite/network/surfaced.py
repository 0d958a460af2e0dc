"""A case without arcs: corridors between its points over a raster of what a kilometre costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.crs import LONLAT, transformer
from cdrsite.core.errors import DataError, GridError, MissingFileError
from cdrsite.core.gdal import open_raster, require_own_numbers
from cdrsite.core.grid import AnalysisGrid
from cdrsite.network.candidates import CandidateArc, Candidates, candidate_network
from cdrsite.network.readers import CaseTables, Table, read_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_surfaced(
    folder: Path, surface: Path, files: Mapping[str, Path] | None = None
) -> CaseTables:
    """Read sources and sinks, and join them by corridors over a cost surface.

    Parameters
    ----------
    folder : Path
        ``sources.csv`` and ``sinks.csv`` with ``lon`` and ``lat`` of each, and ``params.json``.
    surface : Path
        Raster whose values say how many kilometres of plain ground a kilometre costs as much as;
        places without a value are barriers.
    files : mapping, optional
        ``sources`` or ``sinks`` -> a file in place of the folder's.

    Returns
    -------
    CaseTables
        With arcs of ``con_cost`` and length, in the raster's system.

    Raises
    ------
    MissingFileError
        A file is missing.
    DataError
        The folder has arcs too, a row has no place or one outside the raster, the raster cannot be
        read, its cells are no squares, or a value is not above 0.
    """
    arcs = folder / "arcs.csv"
    if arcs.is_file():
        raise DataError(
            "a case has arcs and a cost surface", where=str(arcs), got=str(surface),
            cure="move the arcs away, or leave --surface out", rule=7,
        )  # fmt: skip
    tables = read_folder(folder, arcs=False, files=files)
    friction, grid = _surface(surface)
    sources = _cells(tables.sources, grid)
    sinks = _cells(tables.sinks, grid)
    spots = list(dict.fromkeys(sources))
    stores = list(dict.fromkeys(sinks))
    found = candidate_network(
        friction, grid, spots, [(np.array([row]), np.array([col])) for row, col in stores]
    )
    node = _nodes(found, grid)
    at_source = {cell: node(n) for cell, n in zip(spots, found.plant_node.tolist(), strict=True)}
    at_sink = {
        cell: node(n) if n >= 0 else f"unit {k}"
        for k, (cell, n) in enumerate(zip(stores, found.storage_node.tolist(), strict=True))
    }
    laid = [arc for arc in found.arcs if arc.pipe == -1 and node(arc.tail) != node(arc.head)]
    points = {}
    for name in {name for arc in laid for name in (node(arc.tail), node(arc.head))}:
        row, col = divmod(int(name), grid.cols)
        points[name] = float(grid.x[col]), float(grid.y[row])
    for cells, named in ((sources, at_source), (sinks, at_sink)):
        for cell in cells:
            points.setdefault(named[cell], (float(grid.x[cell[1]]), float(grid.y[cell[0]])))
    return replace(
        tables,
        sources=_placed(tables.sources, [at_source[cell] for cell in sources]),
        sinks=_placed(tables.sinks, [at_sink[cell] for cell in sinks]),
        arcs=_arcs(laid, node, str(surface)),
        points=dict(sorted(points.items())),
        lines={str(k): _line(arc, grid) for k, arc in enumerate(laid)},
        crs=grid.wkt,
    )


def _surface(path: Path) -> tuple[NDArray[np.float64], AnalysisGrid]:
    """Values of a raster, its grid; what has no value is a barrier."""
    from rasterio.errors import RasterioError

    if not path.is_file():
        raise MissingFileError("cost surface is missing", where=str(path))
    try:
        require_own_numbers(path, str(path))
        with open_raster(path) as source:
            values = source.read(1, masked=True).astype(np.float64)
            crs, transform = source.crs, source.transform
    except RasterioError as error:
        raise DataError("not a readable raster", where=str(path), got=str(error)) from error
    if crs is None:
        raise DataError("the raster names no coordinate system", where=str(path), rule=1)
    square = abs(transform.a + transform.e) <= 1e-6 * abs(transform.a)
    if not square or transform.b or transform.d or transform.a <= 0:
        raise GridError(
            "cells are no squares with north up", where=str(path), rule=1,
            got=f"{transform.a:g} x {transform.e:g}", cure="warp the raster to square cells",
        )  # fmt: skip
    filled = values.filled(np.inf)
    filled[np.isnan(filled)] = np.inf
    if not (filled > 0).all():
        row, col = np.argwhere(~(filled > 0))[0]
        raise DataError(
            "a cost is not above 0", where=f"{path}: row {row + 1}, column {col + 1}",
            got=float(filled[row, col]), cure="write NoData where no pipe may lie", rule=7,
        )  # fmt: skip
    rows, cols = filled.shape
    return filled, AnalysisGrid(crs.to_wkt(), transform.c, transform.f, transform.a, rows, cols)


def _cells(table: Table, grid: AnalysisGrid) -> list[tuple[int, int]]:
    """Cell of each row of a table."""
    names = {header.strip().lower(): header for header in table.headers}
    if not {"lon", "lat"} <= set(names):
        raise DataError(
            "column lon, lat is missing", where=table.where, got=", ".join(table.headers)
        )
    to_grid = transformer(LONLAT, grid.wkt)
    cells = []
    for where, row in table.rows:
        try:
            lon, lat = float(row[names["lon"]]), float(row[names["lat"]])
        except (TypeError, ValueError):
            raise DataError("a place is no longitude and latitude", where=where) from None
        x, y = to_grid.transform(lon, lat)
        inside = np.isfinite([x, y]).all()
        line = int(np.floor((grid.north - y) / grid.resolution)) if inside else -1
        col = int(np.floor((x - grid.west) / grid.resolution)) if inside else -1
        if not (0 <= line < grid.rows and 0 <= col < grid.cols):
            raise DataError(
                "place is outside the cost surface", where=where, got=f"{lon:g}, {lat:g}"
            )
        cells.append((line, col))
    return cells


def _nodes(found: Candidates, grid: AnalysisGrid) -> Any:
    """Name of a node: its cell; a unit is called by the cell that it is entered from."""
    entered = {arc.head: arc.tail for arc in found.arcs if arc.pipe == -2}

    def name(node: int) -> str:
        return str(entered.get(node, node) if node >= grid.size else node)

    return name


def _placed(table: Table, nodes: list[str]) -> Table:
    """A table with the node of each row."""
    dropped = {"cell", "node"}
    headers = tuple(h for h in table.headers if h.strip().lower() not in dropped)
    rows = tuple(
        (where, {**{h: row[h] for h in headers}, "node": node})
        for (where, row), node in zip(table.rows, nodes, strict=True)
    )
    return Table(table.where, (*headers, "node"), rows)


def _arcs(laid: list[CandidateArc], node: Any, where: str) -> Table:
    """Arcs with the plain ground that costs as much, never quite nothing."""
    rows = tuple(
        (
            f"{where}: corridor {k}",
            {
                "arc": str(k),
                "v1": node(arc.tail),
                "v2": node(arc.head),
                "con_cost": max(arc.weight_km, 1e-3),
                "length_km": arc.length_km,
            },
        )
        for k, arc in enumerate(laid)
    )
    return Table(where, ("arc", "v1", "v2", "con_cost", "length_km"), rows)


def _line(arc: CandidateArc, grid: AnalysisGrid) -> tuple[tuple[float, float], ...]:
    """Cell centres of an arc."""
    row, col = np.divmod(arc.cell, grid.cols)
    return tuple(zip(grid.x[col].tolist(), grid.y[row].tolist(), strict=True))

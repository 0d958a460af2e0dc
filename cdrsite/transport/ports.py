"""Roads as friction of trucks; ports, and how far they are apart over the sea."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.siting.rules import known_share, rule_share
from cdrsite.transport.distance import Sources, least_cost
from cdrsite.transport.surface import table_factor

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from cdrsite.config.transport import Roads, Ships, SurfaceRules, Transport
    from cdrsite.core.grid import Block
    from cdrsite.core.reader import LayerReader

    Floats = NDArray[np.float64]

WHERE = "transport.ships"
THIN = 0.02
"""Half of the width that a road is given to find the cells that it passes [side of a cell]."""
WET = 0.5
"""Share of sea from which on a cell is no ground for trucks, and one for ships."""


def sea_of(rules: SurfaceRules, reader: LayerReader, block: Block) -> NDArray[np.bool_]:
    """Cells of a block that are sea."""
    if rules.sea is None:
        return np.zeros(block.shape, bool)
    return np.asarray(known_share(rules.sea, rule_share(rules.sea, reader, block)) >= WET)


def road_factor(
    roads: Roads, rules: SurfaceRules, reader: LayerReader, blocks: Sequence[Block]
) -> NDArray[np.float32]:
    """Km of plain road that a km of each cell counts as; inf at sea.

    Parameters
    ----------
    roads : Roads
        The road network.
    rules : SurfaceRules
        Says where the sea is.
    reader : LayerReader
        The layers.
    blocks : sequence of Block
        They cover the grid.

    Returns
    -------
    ndarray of float32, shape (rows, cols)
        1 where a road passes, ``off_road`` elsewhere, times the factor of the slope.
    """
    found, some = np.empty(reader.grid.shape, np.float32), False
    for block in blocks:
        found[block.slices], paved = _road_factor(roads, rules, reader, block)
        some |= paved
    if not some:
        warnings.warn(
            f"transport.roads: no cell of the grid has a road of layers.{roads.layer}",
            CdrsiteWarning,
            stacklevel=2,
        )
    return found


def _road_factor(
    roads: Roads, rules: SurfaceRules, reader: LayerReader, block: Block
) -> tuple[Floats, bool]:
    """Factor of the cells of a block, and whether any of them has a road."""
    width = THIN * reader.grid.resolution
    paved = reader.coverage(roads.layer, block, roads.where, width, "coverage") > 0
    factor = np.where(paved, 1.0, roads.off_road)
    if roads.slope is not None:
        own = reader.info(roads.slope.layer).unit
        unit = None if own in {"percent", "%"} else roads.slope.unit
        steep = reader.values(roads.slope.layer, block, unit).astype(np.float64)
        if own in {"percent", "%"}:
            steep = np.degrees(np.arctan(steep / 100.0))
        blank = np.inf if roads.slope.unknown == "barrier" else 1.0
        factor = factor * np.nan_to_num(table_factor(roads.slope, steep), nan=blank)
    factor[sea_of(rules, reader, block)] = np.inf
    return factor, bool(paved.any())


@dataclass(frozen=True)
class Ports:
    """Ports of ships.

    Attributes
    ----------
    names : tuple of str
        Their names.
    row, col : ndarray of int64, shape (n,)
        Their cells.
    sea_km : ndarray of float64, shape (n, n)
        Length of the sea way between two of them [km]; inf without one, and with itself.
    """

    names: tuple[str, ...]
    row: NDArray[np.int64]
    col: NDArray[np.int64]
    sea_km: Floats


def read_ports(model: Transport, reader: LayerReader, blocks: Sequence[Block]) -> Ports:
    """Ports of a scenario with the sea ways between them; none where ships are not asked for.

    Raises
    ------
    DataError
        Fewer than two ports on the grid, a column or a port that does not exist, a port far from
        the sea, a length that is no number.

    Warns
    -----
    CdrsiteWarning
        Ports outside the grid.
    """
    ships = model.ships
    none = np.zeros(0, np.int64)
    if ships is None or "ship" not in model.modes:
        return Ports((), none, none, np.zeros((0, 0)))
    names, row, col = _places(ships, reader)
    if ships.arcs is not None:
        return Ports(names, row, col, _given_ways(ships.arcs, names))
    return Ports(names, row, col, _sea_ways(model, reader, blocks, names, row, col))


def try_ways(model: Transport, reader: LayerReader, block: Block) -> None:
    """Read what roads and ports need, for one block: what a run would refuse is refused here."""
    if model.roads is not None and "truck" in model.modes:
        _road_factor(model.roads, model.surface, reader, block)
    if model.ships is not None and "ship" in model.modes:
        names, _, _ = _places(model.ships, reader)
        if model.ships.arcs is not None:
            _given_ways(model.ships.arcs, names)


def _places(
    ships: Ships, reader: LayerReader
) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]:
    """Names and cells of the ports on the grid."""
    grid, frame = reader.grid, reader.features(ships.ports, ships.where)
    if ships.name is not None and ships.name not in frame.columns:
        raise DataError(
            "no such column", where=f"{WHERE}.name", got=ships.name,
            expected=", ".join(c for c in frame.columns if c != frame.geometry.name),
        )  # fmt: skip
    named = (
        [f"port {k + 1}" for k in range(len(frame))]
        if ships.name is None
        else [str(one) for one in frame[ships.name]]
    )
    if len(set(named)) < len(named):
        raise DataError("two ports have one name", where=f"{WHERE}.name", got=", ".join(named))
    found, outside = [], []
    for name, point in zip(named, frame.geometry.representative_point(), strict=True):
        row = math.floor((grid.north - point.y) / grid.resolution)
        col = math.floor((point.x - grid.west) / grid.resolution)
        if 0 <= row < grid.rows and 0 <= col < grid.cols:
            found.append((name, row, col))
        else:
            outside.append(name)
    if outside:
        warnings.warn(
            f"{WHERE}: ports outside the grid are left out: {', '.join(outside)}; "
            "cure: grid.margin, e.g. 200 km",
            CdrsiteWarning,
            stacklevel=3,
        )
    if len(found) < 2:
        raise DataError(
            "ships need two ports", where=f"{WHERE}.ports: layers.{ships.ports}",
            got=", ".join(name for name, _, _ in found) or "none on the grid",
            cure="widen the grid by grid.margin, or leave transport.ships out",
        )  # fmt: skip
    cells = np.array([(row, col) for _, row, col in found], np.int64)
    return tuple(name for name, _, _ in found), cells[:, 0], cells[:, 1]


def _given_ways(path: Path, names: Sequence[str]) -> Floats:
    """Lengths of a table of sea ways, the same in both directions."""
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError("sea ways cannot be read", where=str(path), got=str(error)) from error
    needed = ["from", "to", "length_km"]
    if missing := [name for name in needed if name not in table.columns]:
        raise DataError(
            "column is missing", where=str(path), got=", ".join(table.columns),
            expected=", ".join(missing),
        )  # fmt: skip
    km = np.full((len(names), len(names)), np.inf)
    for line, (begin, end, text) in enumerate(table[needed].itertuples(index=False), start=2):
        if unknown := [one for one in (begin, end) if one not in names]:
            raise DataError(
                "no such port on the grid", where=f"{path}:{line}", got=unknown[0],
                expected=", ".join(names),
            )  # fmt: skip
        try:
            length = float(text)
        except ValueError:
            length = math.nan
        if not (length > 0 and math.isfinite(length)):
            raise DataError(
                "length_km is no length", where=f"{path}:{line}", got=repr(text),
                expected="a number above 0",
            )  # fmt: skip
        a, b = names.index(begin), names.index(end)
        km[a, b] = km[b, a] = min(length, km[a, b])
    np.fill_diagonal(km, np.inf)
    return km


def _sea_ways(
    model: Transport,
    reader: LayerReader,
    blocks: Sequence[Block],
    names: Sequence[str],
    row: NDArray[np.int64],
    col: NDArray[np.int64],
) -> Floats:
    """Shortest ways over the sea, from the sea cell nearest to each port [km]."""
    from scipy.ndimage import distance_transform_edt

    grid = reader.grid
    water = np.empty(grid.shape, np.float32)
    for block in blocks:
        water[block.slices] = np.where(sea_of(model.surface, reader, block), 1.0, np.inf)
    dry = ~np.isfinite(water)
    if dry.all():
        raise DataError(
            "the grid has no sea", where="transport.surface.sea",
            cure="check the rule, or give transport.ships.arcs",
        )  # fmt: skip
    away, near = distance_transform_edt(dry, return_indices=True)
    if far := [name for name, one in zip(names, away[row, col], strict=True) if one > NEAR]:
        raise DataError(
            "a port is far from the sea", where=f"{WHERE}.ports", got=", ".join(far),
            expected=f"within {NEAR:g} cells of {grid.resolution:g} m",
            cure="check transport.surface.sea, or give transport.ships.arcs",
        )  # fmt: skip
    wet_row, wet_col = near[:, row, col]
    found = least_cost(
        water, grid.row_steps_m, Sources.of(wet_row, wet_col, np.arange(len(names))),
        neighbours=model.neighbours, k=len(names), dtype="float64",
    )  # fmt: skip
    km = np.full((len(names), len(names)), np.inf)
    for p, (r, c) in enumerate(zip(wet_row.tolist(), wet_col.tolist(), strict=True)):
        for sink, length in zip(found.sink[:, r, c], found.length_km[:, r, c], strict=True):
            if sink >= 0:
                # two ports of one sea cell are a cell apart
                km[p, sink] = max(float(length), grid.resolution / 1000.0)
    km = np.minimum(km, km.T)
    np.fill_diagonal(km, np.inf)
    return km


NEAR = 5.0
"""Cells that a port may be away from the nearest sea cell."""

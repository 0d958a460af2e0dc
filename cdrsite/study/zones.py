"""Values of layers by zone: areas, classes, means and sums, of all land and of what is left.

A zone is a polygon, with the exact share of the cells at its edge, or a square of cells. Inside a
cell the values, the classes and what the exclusions leave are taken to lie independently of each
other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.plaindata import recorded
from cdrsite.study.goal import zone_names

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cdrsite.config.models import Zones
    from cdrsite.core.grid import AnalysisGrid, Block
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.engine.passes import Workspace
    from cdrsite.layers.stack import LayerStack
    from cdrsite.study.prepare import Setting

ALL_LAND = "all land"
"""What a row is of that leaves out nothing but the outside of the region."""
COLUMNS = ["zone", "land", "layer", "class", "unit", "area_km2", "share", "mean", "sum"]
NEGLIGIBLE = 1e-9
"""Share of a zone below which a class is rounding."""


@dataclass(frozen=True)
class Measure:
    """What is added up of a layer.

    Attributes
    ----------
    layer : str
        The layer; empty for the land itself.
    code : int or None
        One of its classes.
    label : str
        The name of the class.
    unit : str
        Of the values.
    conserved : bool
        Values are amounts of a whole cell, to be added; else they are means.
    """

    layer: str = ""
    code: int | None = None
    label: str = ""
    unit: str = ""
    conserved: bool = False


@recorded
@dataclass(frozen=True)
class ZoneSums:
    """Sums over the cells of one or several blocks.

    Attributes
    ----------
    zones : ndarray of int64, shape (n,)
        Zones that were met, rising.
    area : ndarray of float64, shape (n, lands, measures)
        Area over which a measure is known [m2].
    total : ndarray of float64, shape (n, lands, measures)
        Amounts, or values times area.
    """

    zones: NDArray[np.int64]
    area: NDArray[np.float64]
    total: NDArray[np.float64]


@dataclass(frozen=True)
class ZoneBlock:
    """Pass: the sums of a block's cells by zone, land and measure."""

    zones: Zones
    reader: LayerStack
    inside: Any
    measures: tuple[Measure, ...]
    result: ArrayStore

    def __call__(self, block: Block) -> ZoneSums:
        """Sums of a block."""
        grid = self.reader.grid
        cell = grid.block_areas(block).astype(np.float64) * self.inside.inside(block)
        available = np.asarray(self.result.open("available")[(slice(None), *block.slices)])
        lands = np.concatenate([np.ones((1, *block.shape)), np.nan_to_num(available)]) * cell
        known, amount = self._measured(block, cell)
        found = list(shares(self.zones, self.reader, block))
        size = (len(found), len(lands), len(self.measures))
        area, total = np.zeros(size), np.zeros(size)
        for i, (_, share) in enumerate(found):
            # one sum over the cells for each land and measure
            weights = (lands * share).reshape(len(lands), -1)
            area[i] = weights @ known.T
            total[i] = weights @ amount.T
        return ZoneSums(np.array([number for number, _ in found], np.int64), area, total)

    def _measured(
        self, block: Block, cell: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Whether a measure is known, and its value per area, shape (measures, cells)."""
        shape = (len(self.measures), *block.shape)
        known, amount = np.ones(shape), np.zeros(shape)
        for i, one in enumerate(self.measures):
            if not one.layer:
                continue
            if one.code is not None:
                share = self.reader.class_share(one.layer, {one.code: 1.0}, block)
                known[i] = np.nan_to_num(share.astype(np.float64))
                continue
            values = self.reader.values(one.layer, block).astype(np.float64)
            known[i] = ~np.isnan(values)
            whole = np.where(cell > 0, cell, 1.0) if one.conserved else 1.0
            amount[i] = np.nan_to_num(values) / whole
        return known.reshape(len(known), -1), amount.reshape(len(amount), -1)


def shares(
    zones: Zones, reader: LayerStack, block: Block
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Zones that meet a block, and the share of each of its cells that lies in them."""
    if zones.side is None:
        assert zones.layer is not None  # noqa: S101 - the model guarantees it
        for number, share in reader.each_coverage(zones.layer, block):
            yield number, share.astype(np.float64)
        return
    wide = -(-reader.grid.cols // zones.side)
    rows = np.arange(block.row0, block.row1) // zones.side
    cols = np.arange(block.col0, block.col1) // zones.side
    numbers = rows[:, None] * wide + cols[None, :]
    for number in np.unique(numbers):
        yield int(number), (numbers == number).astype(np.float64)


def measures_of(zones: Zones, reader: LayerStack) -> tuple[Measure, ...]:
    """The land itself, and what the zones are asked for of each layer."""
    found = [Measure()]
    for layer in zones.values:
        info = reader.info(layer)
        if info.kind != "class":
            found.append(Measure(layer, unit=info.unit or "", conserved=info.kind == "extensive"))
            continue
        codes = sorted({*reader.survey(layer).codes, *info.classes})
        found += [Measure(layer, code, info.classes.get(code, str(code))) for code in codes]
    return tuple(found)


def zonal_table(setting: Setting, space: Workspace) -> pd.DataFrame:
    """Areas, classes, means and sums of layers by zone, of all land and of what methods may use.

    Parameters
    ----------
    setting : Setting
        Of the study; ``outputs.zones`` says what is asked.
    space : Workspace
        With the shares that the exclusions leave.

    Returns
    -------
    DataFrame
        ``zone``, ``land`` (all land, or what is left for a method), ``layer`` (empty for the land
        itself), ``class``, ``unit`` of mean and sum, ``area_km2`` over which it is known, ``share``
        of the zone's land, ``mean`` by area, ``sum`` of amounts.
    """
    import pandas as pd

    zones = setting.scenario.outputs.zones
    if zones is None:
        return pd.DataFrame(columns=COLUMNS)
    measures = measures_of(zones, setting.reader)
    task = ZoneBlock(zones, setting.reader, setting.area, measures, space.result)
    area: dict[int, NDArray[np.float64]] = {}
    total: dict[int, NDArray[np.float64]] = {}
    for _, part in space.each("zones", task, setting.blocks, "zones"):
        for i, number in enumerate(part.zones.tolist()):
            area[number] = area.get(number, 0.0) + part.area[i]
            total[number] = total.get(number, 0.0) + part.total[i]
    lands = (ALL_LAND, *setting.models)
    rows = []
    for number in sorted(area):
        if area[number][0, 0] <= 0:
            continue  # nothing of it lies in the region
        name = _name(number, zones, setting.reader)
        for land, areas, sums in zip(lands, area[number], total[number], strict=True):
            rows += [{"zone": name, "land": land, **row} for row in _rows(measures, areas, sums)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(
    measures: tuple[Measure, ...], areas: NDArray[np.float64], sums: NDArray[np.float64]
) -> Iterator[dict[str, Any]]:
    """The rows of one zone and one land."""
    whole = areas[0]
    for one, area, total in zip(measures, areas, sums, strict=True):
        share = area / whole if whole > 0 else np.nan
        if one.code is not None and not share > NEGLIGIBLE:
            continue
        counted = bool(one.layer) and one.code is None and area > 0
        yield {
            "layer": one.layer,
            "class": one.label,
            "unit": one.unit,
            "area_km2": area / 1e6,
            "share": share,
            "mean": total / area if counted and not one.conserved else np.nan,
            "sum": total if counted and one.conserved else np.nan,
        }


def _name(number: int, zones: Zones, reader: LayerStack) -> str:
    """Name of a zone: of its polygon, or the place of its north-west corner."""
    if zones.side is None:
        assert zones.layer is not None  # noqa: S101 - the model guarantees it
        return zone_names(reader, zones.layer, zones.name)[number]
    grid: AnalysisGrid = reader.grid
    row, col = divmod(number, -(-grid.cols // zones.side))
    step = zones.side * grid.resolution
    return f"{grid.west + col * step:.10g}, {grid.north - row * step:.10g}"

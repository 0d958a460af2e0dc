"""What plants that stand already take of what is offered cell by cell: from where, and how much.

A plant has its own cell first, then the nearest cells within the distance over which its goods are
hauled, each to the end, in a straight line; plants choose in the order of the layer. Without a haul
it has its own cell only. What it takes is its own over all years, as its ground is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.core.grid import Block
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.methods.supply import supply_block
from cdrsite.study.standingpoints import CellDraw

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from cdrsite.config.resources import Supply
    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.study.prepare import Setting
    from cdrsite.study.standingpoints import Cell, StandingPoints

    F64 = NDArray[np.float64]

ROUNDING = 1e-6
"""Share of what a plant needs that may seem to be missing [1]."""


def drawn_by_cell(setting: Setting, resource: str) -> bool:
    """Whether plants that stand can draw on what cells have of a resource.

    Not on what pools share, on heat, whose level differs, on kinds, of which nothing tells which
    one a plant takes, or on what there is less of in some years.
    """
    path, given = setting.scenario.milestones, setting.scenario.resources.supplies[resource]
    if resource == "heat" or resource in setting.pools or given.unlimited:
        return False
    if getattr(given, "by_kind", None):
        return False
    share = np.ones(1) if path is None else path.share(path.supply.get(_key(resource)))
    return bool((share == share[-1]).all())


def take_from_cells(
    setting: Setting, points: StandingPoints, needs: Mapping[str, F64]
) -> tuple[CellDraw, ...]:
    """What each plant takes from where.

    Parameters
    ----------
    setting : Setting
        Of the study.
    points : StandingPoints
    needs : mapping of str to ndarray, shape (K,)
        Resource of cells -> what each plant takes of it in a year [its unit].

    Raises
    ------
    DataError
        Cells within reach have less than a plant takes (rule 6).
    """
    found: list[CellDraw] = []
    supplies, grid = setting.scenario.resources.supplies, setting.area.grid
    step = float(grid.row_steps_m[1]) / 1000.0
    for resource, need in needs.items():
        model, gone = supplies[resource], dict[tuple[int, int], float]()
        for k in np.flatnonzero(need > 0.0).tolist():
            reach = float(getattr(model, "haul", 0.0)) / step
            cells = _within(setting, resource, model, points, k, reach)
            left = float(need[k])
            for far, cell, supply in cells:
                part = min(left, max(supply - gone.get(cell, 0.0), 0.0))
                if part > 0.0:
                    gone[cell] = gone.get(cell, 0.0) + part
                    found.append(CellDraw(k, resource, cell, part, far * step))
                    left -= part
                if left <= 0.0:
                    break
            if left > ROUNDING * need[k]:
                _refuse(points.names[k], resource, float(need[k]), float(need[k]) - left, model)
    return tuple(found)


def _within(
    setting: Setting, resource: str, model: Supply, points: StandingPoints, k: int, reach: float
) -> list[tuple[float, Cell, float]]:
    """Cells within reach of a plant, near first: how far [cells], which, what each has."""
    row, col, wide = int(points.row[k]), int(points.col[k]), int(reach)
    block = _clipped(setting.area.grid, row, col, wide)
    supply = supply_block(resource, model, None, setting.reader, block)
    assert supply is not None  # noqa: S101 - what has no end is not asked for
    have = np.broadcast_to(np.nan_to_num(supply), block.shape)
    cells = [
        (far, (r, c), float(have[r - block.row0, c - block.col0]))
        for r in range(block.row0, block.row1)
        for c in range(block.col0, block.col1)
        if (far := math.hypot(r - row, c - col)) <= reach
    ]
    return sorted(cells)


def _clipped(grid: AnalysisGrid, row: int, col: int, wide: int) -> Block:
    return Block(
        max(row - wide, 0), min(row + wide + 1, grid.rows),
        max(col - wide, 0), min(col + wide + 1, grid.cols),
    )  # fmt: skip


def _refuse(name: str, resource: str, need: float, have: float, model: Supply) -> None:
    unit, key = RESOURCES[resource].unit, _key(resource)
    far = float(getattr(model, "haul", 0.0))
    within = f"within {far:g} km" if far > 0.0 else "in its own cell"
    raise DataError(
        f"a plant that stands takes more than there is: {resource} {within} of {name}",
        where="standing",
        got=f"{need:.6g} {unit}",
        expected=f"at most {have:.6g} {unit}, what other plants have left",
        cure=f"correct its capacity, lengthen resources.{key}.haul where goods are hauled, or "
        f"offer {key} by pools as wide as plants collect",
        rule=6,
    )


def _key(resource: str) -> str:
    return RESOURCES[resource].parameter

"""Removal plants that stand already, as points of a layer, read and checked; their ground."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.errors import DataError, did_you_mean
from cdrsite.core.units import conversion
from cdrsite.study.points import (
    DatedPoints,
    feature_names,
    number_column,
    refuse_points,
    text_column,
    unique_names,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.config.milestones import Milestones
    from cdrsite.config.standing import StandingPlants
    from cdrsite.core.grid import AnalysisGrid, Block
    from cdrsite.core.reader import LayerReader
    from cdrsite.methods.model import MethodModel

    F64 = NDArray[np.float64]
    I64 = NDArray[np.int64]
    Bools = NDArray[np.bool_]

Cell = tuple[int, int]
PLANTS = DatedPoints(
    "standing", "plants that stand", "plant that stands", "built", "retires", "are built"
)
"""How plants are read."""


@dataclass(frozen=True)
class CellDraw:
    """What a plant takes from a cell in a year.

    Attributes
    ----------
    plant : int
        Its number.
    resource : str
    cell : (int, int)
        Row and column.
    amount : float
        [unit of the resource]
    km : float
        How far away, in a straight line [km].
    """

    plant: int
    resource: str
    cell: Cell
    amount: float
    km: float


@dataclass(frozen=True, eq=False)
class StandingPoints:
    """Plants that stand already, K of them, on the grid; T milestones.

    Attributes
    ----------
    names, methods : tuple of str
    capacity : ndarray, shape (K,)
        What each captures while it lives [gross t/yr].
    built, retires : ndarray, shape (K,)
        Year from which, and before which it runs; infinite where none is known.
    storage : tuple of str
        Storage unit of each, empty where none is named.
    row, col : ndarray of int, shape (K,)
        Its cell.
    live : ndarray of bool, shape (K, T)
        Whether it runs at each milestone; one column, of all, for a plan without years.
    at_start : ndarray of bool, shape (K,)
        Whether it runs at the start.
    ground : mapping of (int, int) to float
        Row and column -> land that plants stand on [m2].
    shares : mapping
        Group of exclusion rules -> share of each such cell that its methods have not any more [1].
    draws : tuple of CellDraw
        What they take of what is offered cell by cell.
    """

    names: tuple[str, ...]
    methods: tuple[str, ...]
    capacity: F64
    built: F64
    retires: F64
    storage: tuple[str, ...]
    row: I64
    col: I64
    live: Bools
    at_start: Bools
    ground: Mapping[Cell, float]
    shares: Mapping[tuple[int, ...], Mapping[Cell, float]] = field(default_factory=dict)
    draws: tuple[CellDraw, ...] = ()

    def keep_off(self, left: NDArray[np.float32], bits: tuple[int, ...], block: Block) -> None:
        """Take their land off what a group of exclusion rules leaves of a block, in place [1]."""
        for (row, col), gone in self.shares.get(bits, {}).items():
            if block.row0 <= row < block.row1 and block.col0 <= col < block.col1:
                at = row - block.row0, col - block.col0
                left[at] = max(float(left[at]) - gone, 0.0)

    def take_off(
        self, resource: str, supply: NDArray[np.float32], block: Block
    ) -> NDArray[np.float32]:
        """What they leave of what the cells of a block have of a resource [its unit]."""
        mine = [
            one
            for one in self.draws
            if one.resource == resource
            and block.row0 <= one.cell[0] < block.row1
            and block.col0 <= one.cell[1] < block.col1
        ]
        if not mine:
            return supply
        left = np.broadcast_to(supply, block.shape).copy()
        for one in mine:
            at = one.cell[0] - block.row0, one.cell[1] - block.col0
            left[at] = max(float(left[at]) - one.amount, 0.0)
        return left

    def standing(self, method: str) -> tuple[float, F64]:
        """Capacity of a method at the start, and at each milestone, shape (T,) [gross t/yr]."""
        mine = np.array([one == method for one in self.methods]) * self.capacity
        return float(mine @ self.at_start), mine @ self.live


def read_standing(
    model: StandingPlants,
    reader: LayerReader,
    models: Mapping[str, MethodModel],
    path: Milestones | None,
) -> StandingPoints:
    """Plants on the grid; those outside are left out with a warning. Their ground is not known.

    Raises
    ------
    DataError
        No such column; capacities that are no numbers or below 0; unknown methods, or such that
        grow and are no plants; one that closes before it is built, or has no years where there are
        milestones; none on the grid.
    """
    frame = reader.features(model.layer, model.where)
    names = unique_names(feature_names(frame, model.name, "plant", "standing.name"))
    methods = _methods(model, frame, names, models)
    capacity = number_column(
        frame, model.capacity, model.unit, 0.0, "standing.capacity", kind=PLANTS.kind
    )
    capacity = capacity * conversion(model.unit, "t/yr")[0]
    built, retires = _lives(model, frame, names, [models[name] for name in methods], path)
    storage = text_column(frame, model.storage, "standing.storage") or [""] * len(frame)
    at, row, col = PLANTS.on_grid(frame, names, reader.grid, capacity, model)
    years = np.array([np.nan] if path is None else path.years, np.float64)
    begin = math.nan if path is None else float(path.years[0] if path.start is None else path.start)
    live = np.ones((len(at), 1), np.bool_) if path is None else _runs(built[at], retires[at], years)
    start = live[:, 0] if path is None else _runs(built[at], retires[at], np.array([begin]))[:, 0]
    return StandingPoints(
        tuple(names[k] for k in at), tuple(methods[k] for k in at), capacity[at], built[at],
        retires[at], tuple(storage[k].strip() for k in at), row, col, live, start, {},
    )  # fmt: skip


def _runs(built: F64, retires: F64, years: F64) -> Bools:
    """Whether plants run in some years, shape (plants, years)."""
    return (built[:, None] <= years) & (years < retires[:, None])


def _methods(
    model: StandingPlants,
    frame: object,
    names: Sequence[str],
    models: Mapping[str, MethodModel],
) -> list[str]:
    """Method of each plant."""
    known = tuple(models)
    if model.method in known:
        found, where = [model.method] * len(names), "standing.method"
    else:
        where = f"standing.method: column {model.method}"
        columns = [str(c) for c in frame.columns if c != frame.geometry.name]  # type: ignore[attr-defined]
        if model.method not in columns:
            raise DataError(
                "neither a method of this scenario nor a column",
                where="standing.method",
                got=model.method,
                expected=", ".join((*known, *columns)),
                cure=did_you_mean(model.method, (*known, *columns)) or "name one of these",
                rule=7,
            )
        found = text_column(frame, model.method, "standing.method") or []
        found = [one.strip() for one in found]
    refuse_points(
        np.array([one not in known for one in found], bool), "plants of no method of the scenario",
        where, names, [repr(one) for one in found], f"one of {', '.join(known)}",
        "add the method to methods, or leave these out with `where`",
    )  # fmt: skip
    grows = ["uptake" in models[one].numbers for one in found]
    refuse_points(
        np.array(grows, bool), "what grows is no plant, and its output changes with its age", where,
        names, found, "a method that puts out alike in all years",
        "leave these out with `where`, and exclude their land",
    )  # fmt: skip
    return found


def _lives(
    model: StandingPlants,
    frame: object,
    names: Sequence[str],
    models: Sequence[MethodModel],
    path: Milestones | None,
) -> tuple[F64, F64]:
    """Year from which each runs, and before which; infinite where none is known."""
    built, retires = PLANTS.years(frame, model)
    life = np.array([one.number("lifetime", 25.0) for one in models])
    retires = np.where(np.isnan(retires), built + life, retires)
    refuse_points(
        np.isnan(retires) & (path is not None), f"{PLANTS.kind}, and nothing says until when",
        f"layers.{model.layer}", names, ["no year"] * len(names),
        "the year in which each was built, or closes",
        "fill the column of standing.built or of standing.retires",
    )  # fmt: skip
    return PLANTS.lives(built, retires, names, model)


def ground_of(points: StandingPoints, need: F64, grid: AnalysisGrid) -> dict[Cell, float]:
    """Land that plants stand on, by cell [m2]: their own, then the nearest that none has yet.

    Parameters
    ----------
    points : StandingPoints
    need : ndarray, shape (K,)
        Land that each has for itself alone [m2]; 0 for one that has none.
    grid : AnalysisGrid
    """
    taken: dict[Cell, float] = {}
    areas = np.asarray(grid.row_areas, np.float64)
    for k in range(len(points.names)):
        left, ring = float(need[k]), 0
        middle = int(points.row[k]), int(points.col[k])
        while left > 0 and ring <= max(grid.rows, grid.cols):
            for cell in _ring(middle, ring, grid):
                part = min(left, max(float(areas[cell[0]]) - taken.get(cell, 0.0), 0.0))
                if part > 0:
                    taken[cell] = taken.get(cell, 0.0) + part
                    left -= part
            ring += 1
    return taken


def _ring(middle: Cell, ring: int, grid: AnalysisGrid) -> list[Cell]:
    """Cells of a grid whose distance is from ``ring`` up to one less than the next, near first."""
    span = range(-ring, ring + 1)
    found = []
    for down in span:
        for right in span:
            far = math.hypot(down, right)
            row, col = middle[0] + down, middle[1] + right
            inside = 0 <= row < grid.rows and 0 <= col < grid.cols
            if inside and ring - 1 < far <= ring:
                found.append((far, row, col))
    return [(row, col) for _, row, col in sorted(found)]

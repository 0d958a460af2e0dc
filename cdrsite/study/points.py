"""Points of a layer: their names, numbers and cells."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.core.numbers import as_text

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from cdrsite.core.grid import AnalysisGrid, Block

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

MOST = 5
"""Most names that a message lists."""


@dataclass(frozen=True)
class DatedPoints:
    """Features of a section of a scenario that have years: who they are called in messages.

    Attributes
    ----------
    section : str
        Its key in the scenario.
    kind, one : str
        Many, and one of them.
    begin, end : str
        Keys of the columns with the year from which, and before which each runs.
    begins : str
        What happens in the first of these years: "open", or "are built".
    """

    section: str
    kind: str
    one: str
    begin: str
    end: str
    begins: str

    def years(self, frame: gpd.GeoDataFrame, model: Any) -> tuple[F64, F64]:
        """Years from which, and before which each runs, as they are given; NaN where they are not.

        Raises
        ------
        DataError
            No such column, or what is no number.
        """
        first, last = (
            number_column(
                frame, getattr(model, key), "a year", -math.inf, f"{self.section}.{key}",
                empty=math.nan, kind=self.kind,
            )
            for key in (self.begin, self.end)
        )  # fmt: skip
        return first, last

    def lives(self, first: F64, last: F64, names: Sequence[str], model: Any) -> tuple[F64, F64]:
        """Those years, infinite where none is known.

        Raises
        ------
        DataError
            One ends before it begins.
        """
        first, last = np.nan_to_num(first, nan=-math.inf), np.nan_to_num(last, nan=math.inf)
        columns = getattr(model, self.begin), getattr(model, self.end)
        refuse_points(
            last <= first, f"{self.kind} that close before they {self.begins}",
            f"{self.section}: columns {columns[0]} and {columns[1]}", names,
            [f"{a:g} to {b:g}" for a, b in zip(first, last, strict=True)],
            "a later year in which it closes", "correct the years, or leave these out with `where`",
        )  # fmt: skip
        return first, last

    def on_grid(
        self,
        frame: gpd.GeoDataFrame,
        names: Sequence[str],
        grid: AnalysisGrid,
        size: F64,
        model: Any,
    ) -> tuple[I64, I64, I64]:
        """Those of some size that lie on the grid: which, row, column; others with a warning.

        Raises
        ------
        DataError
            There are none.
        """
        placed = cells_on_grid(frame, names, grid, self.kind, self.section)
        kept = [found for found in placed if size[found[0]] > 0]
        if not kept:
            raise DataError(
                f"no {self.one} on the grid",
                where=f"layers.{model.layer}",
                got=f"{len(frame)} features" + (f" where {model.where}" if model.where else ""),
                expected="at least one with something to capture, within the region",
                cure="correct the layer, its coordinate system or `where`; or remove "
                f"{self.section}",
                rule=7,
            )
        at, row, col = np.array(kept, np.int64).T
        return at, row, col


def cells_on_grid(
    frame: gpd.GeoDataFrame, names: Sequence[str], grid: AnalysisGrid, kind: str, where: str
) -> Iterator[tuple[int, int, int]]:
    """Features on the grid with row and column; others are left out with a warning."""
    outside: list[str] = []
    for k, cell in enumerate(cells_of(frame, grid)):
        if cell is None:
            outside.append(names[k])
        else:
            yield k, *cell
    if outside:
        shown = ", ".join(outside[:MOST]) + (" ..." if len(outside) > MOST else "")
        text = f"{where}: {kind} outside the grid, or without a place, are left out: {shown}"
        warnings.warn(text, CdrsiteWarning, stacklevel=2)


def cell_at(grid: AnalysisGrid, x: float, y: float) -> tuple[int, int]:
    """Row and column of a point, beyond the grid too."""
    row = math.floor((grid.north - y) / grid.resolution)
    return row, math.floor((x - grid.west) / grid.resolution)


def cells_of(frame: gpd.GeoDataFrame, grid: AnalysisGrid) -> list[tuple[int, int] | None]:
    """Row and column of each feature; None for one that is off the grid or has no geometry."""
    found: list[tuple[int, int] | None] = []
    for point in frame.geometry.representative_point():
        if point is None or point.is_empty:
            found.append(None)
            continue
        row, col = cell_at(grid, point.x, point.y)
        found.append((row, col) if 0 <= row < grid.rows and 0 <= col < grid.cols else None)
    return found


def text_column(frame: gpd.GeoDataFrame, name: str | None, where: str) -> list[str] | None:
    """A column as text, empty where null; whole numbers without decimals. None if none is named."""
    if name is None:
        return None
    if name not in frame.columns:
        raise DataError(
            "no such column",
            where=where,
            got=name,
            expected=", ".join(c for c in frame.columns if c != frame.geometry.name),
        )
    values = frame[name]
    return ["" if gone else as_text(v) for v, gone in zip(values, values.isna(), strict=True)]


def feature_names(frame: gpd.GeoDataFrame, column: str | None, kind: str, where: str) -> list[str]:
    """Names of features; numbered where no column names them."""
    numbered = [f"{kind} {k + 1}" for k in range(len(frame))]
    return text_column(frame, column, where) or numbered


def unique_names(names: Sequence[str]) -> list[str]:
    """Names with a number behind those that come again."""
    counts: Counter[str] = Counter()
    unique = []
    for name in names:
        counts[name] += 1
        unique.append(name if counts[name] == 1 else f"{name} #{counts[name]}")
    return unique


def number_column(
    frame: gpd.GeoDataFrame,
    name: str | None,
    unit: str,
    least: float,
    where: str,
    *,
    empty: float = 0.0,
    kind: str = "emitters",
) -> NDArray[np.float64]:
    """Numbers of a column of points; a value for none where it is not named or empty.

    Raises
    ------
    DataError
        No such column, or what is no number, empty where one is needed, or below ``least``.
    """
    text = text_column(frame, name, where)
    if text is None:
        return np.full(len(frame), empty)
    blank = np.array([cell.strip().lower() in {"", "nan", "none", "<na>"} for cell in text], bool)
    try:
        values = np.array([0.0 if gap else float(c) for c, gap in zip(text, blank, strict=True)])
        wrong = ~(values >= least)
    except ValueError:
        values, wrong = np.zeros(len(text)), np.array([not _is_number(cell) for cell in text])
    if math.isfinite(least):
        wrong = wrong | blank
    if wrong.any():
        raise DataError(
            f"{kind} without a number",
            where=f"{where}: column {name}",
            got=", ".join(repr(text[k]) for k in np.flatnonzero(wrong)[:5]),
            expected=unit if math.isinf(least) else f"{unit}, {least:g} or more",
            cure="correct the column, or leave these out with `where`",
            rule=7,
        )
    return np.where(blank, empty, values)


def read_cells(
    blocks: Sequence[Block],
    row: NDArray[np.int64],
    col: NDArray[np.int64],
    of: Callable[[Block], Any],
) -> NDArray[Any]:
    """Values of the cells of points, shape (..., points); ``of`` gives those of a block."""
    found: NDArray[Any] | None = None
    for block in blocks:
        inside = (row >= block.row0) & (row < block.row1)
        inside &= (col >= block.col0) & (col < block.col1)
        mine = np.flatnonzero(inside)
        if not len(mine):
            continue
        values = np.asarray(of(block))
        values = np.broadcast_to(values, (*values.shape[:-2], *block.shape))
        here = values[..., row[mine] - block.row0, col[mine] - block.col0]
        if found is None:
            found = np.zeros((*here.shape[:-1], len(row)), here.dtype)
        found[..., mine] = here
    return np.zeros(0) if found is None else found


def refuse_points(
    wrong: NDArray[np.bool_],
    what: str,
    where: str,
    names: Sequence[str],
    got: Sequence[str],
    expected: str,
    cure: str,
    rule: int = 7,
) -> None:
    """Refuse points by name, with what each has got.

    Raises
    ------
    DataError
        Some are wrong.
    """
    if wrong.any():
        bad = np.flatnonzero(wrong)
        listed = ", ".join(f"{names[k]}: {got[k]}" for k in bad[:MOST])
        more = f" and {len(bad) - MOST} more" if len(bad) > MOST else ""
        raise DataError(
            what, where=where, got=listed + more, expected=expected, cure=cure, rule=rule
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

"""Some cells of the grid as one row of cells, with what is read of them once.

The stages of a study are functions of a block and of a reader; here the block is the row of kept
cells, and the reader answers from what the true one gave for the blocks that they lie in. So a
sample that changes numbers only is scored by the same functions as a run, to the same bytes,
without a file being read again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from cdrsite.core.grid import Block
from cdrsite.study.exclude import REASONS, left_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.reader import LayerFacts, LayerReader
    from cdrsite.engine.passes import Workspace
    from cdrsite.study.offers import Offers
    from cdrsite.study.prepare import Setting

    F32 = NDArray[np.float32]
    I64 = NDArray[np.int64]

T = TypeVar("T")
Places = Sequence[tuple[Block, "I64"]]
"""Blocks of the grid, each with the places of kept cells in it, row by row."""


def picked(places: Places, read: Callable[[Block], Any]) -> NDArray[Any]:
    """What a function of a block gives at the kept cells, shape (..., 1, cells)."""
    parts = []
    for block, place in places:
        values = np.asarray(read(block))
        wide = np.broadcast_to(values, (*values.shape[:-2], *block.shape))
        parts.append(wide.reshape(*values.shape[:-2], -1)[..., place])
    return np.ascontiguousarray(np.concatenate(parts, axis=-1)[..., None, :])


@dataclass(frozen=True)
class RowOfCells:
    """The row of kept cells, as far as a stage asks a grid.

    Attributes
    ----------
    areas : ndarray of float32, shape (1, cells)
        True areas [m2].
    """

    areas: F32

    def block_areas(self, block: Block) -> F32:
        """Cell areas of a block of the row [m2]."""
        return self.areas[block.slices]


@dataclass(frozen=True)
class KeptReader:
    """A reader of layers at the kept cells; see :class:`cdrsite.core.reader.LayerReader`.

    Attributes
    ----------
    source : LayerReader
        The true one.
    places : sequence
        Where the cells lie.
    grid : RowOfCells
        Their row.
    factors : mapping of str to ndarray, shape (1, cells)
        Errors of layers: their values are multiplied by these.
    kept : dict
        What was read.
    """

    source: LayerReader
    places: Places
    grid: Any
    factors: Mapping[str, F32] = field(default_factory=dict)
    kept: dict[Any, Any] = field(default_factory=dict)

    def with_factors(self, factors: Mapping[str, F32]) -> KeptReader:
        """The same with errors of layers."""
        return replace(self, factors=factors) if factors else self

    def _kept(self, key: Any, block: Block, read: Callable[[Block], Any]) -> NDArray[Any]:
        if key not in self.kept:
            self.kept[key] = picked(self.places, read)
        whole = self.kept[key]
        return whole if block.col1 - block.col0 == whole.shape[-1] else whole[(..., *block.slices)]

    def _with_error(self, name: str, values: F32, block: Block) -> F32:
        factor = self.factors.get(name)
        return values if factor is None else values * factor[block.slices]

    def values(self, name: str, block: Block, unit: str | None = None) -> F32:
        """Values of a layer [unit]."""
        found = self._kept(
            ("values", name, unit), block, lambda b: self.source.values(name, b, unit)
        )
        return self._with_error(name, found, block)

    def bands(self, name: str, block: Block, unit: str | None = None) -> F32:
        """Values of all bands of a layer [unit]."""
        found = self._kept(("bands", name, unit), block, lambda b: self.source.bands(name, b, unit))
        return self._with_error(name, found, block)

    def amounts(self, name: str, block: Block, unit: str) -> F32:
        """What each cell holds of a layer of amounts per area [unit]."""
        found = self._kept(
            ("amounts", name, unit), block, lambda b: self.source.amounts(name, b, unit)
        )
        return self._with_error(name, found, block)

    def class_share(self, name: str, weights: Mapping[int | str, float], block: Block) -> F32:
        """Area-weighted mean of a weight per class [1]."""
        key = ("class share", name, tuple(weights.items()))
        return self._kept(key, block, lambda b: self.source.class_share(name, weights, b))

    def labels(self, name: str, block: Block) -> NDArray[np.int32]:
        """Index of the feature that holds the cell's centre, -1 for none."""
        return self._kept(("labels", name), block, lambda b: self.source.labels(name, b))

    def coverage(self, name: str, block: Block, *args: Any, **more: Any) -> F32:
        """Share of each cell that features cover [1]."""
        key = ("coverage", name, args, tuple(more.items()))
        return self._kept(key, block, lambda b: self.source.coverage(name, b, *args, **more))

    def distance(self, name: str, block: Block, *args: Any, **more: Any) -> F32:
        """Distance from each cell's centre to the nearest feature [m]."""
        key = ("distance", name, args, tuple(more.items()))
        return self._kept(key, block, lambda b: self.source.distance(name, b, *args, **more))

    def following(self, key: tuple[Any, ...], layers: Sequence[str], make: Callable[[], T]) -> T:
        """What follows from layers alone: made once for the kept cells, unless a layer errs."""
        if any(name in self.factors for name in layers):
            return make()
        whole = ("following", *key)
        if whole not in self.kept:
            self.kept[whole] = make()
        found: T = self.kept[whole]
        return found

    def info(self, name: str) -> LayerFacts:
        """Unit and other facts of a layer."""
        return self.source.info(name)

    def attribute(self, name: str, column: str, unit: str | None = None) -> NDArray[np.float64]:
        """Column of a vector layer [unit]."""
        key = ("attribute", name, column, unit)
        if key not in self.kept:
            self.kept[key] = self.source.attribute(name, column, unit)
        return self.kept[key]

    def areas(self, name: str) -> NDArray[np.float64]:
        """True area of each feature of a vector layer [m2]."""
        return self.source.areas(name)

    def text(self, name: str, column: str) -> list[str]:
        """Column of a vector layer as text."""
        return self.source.text(name, column)

    def class_codes(self, name: str, selectors: Any) -> Sequence[int]:
        """Class codes that names, groups, codes and ranges stand for."""
        return self.source.class_codes(name, selectors)

    def features(self, name: str, where: str | None = None) -> Any:
        """Features of a vector layer."""
        return self.source.features(name, where)


@dataclass(frozen=True)
class KeptLinks:
    """Routes to storage of the kept cells, as far as scoring and competition ask for them."""

    cost: F32
    length_km: F32
    sink: NDArray[np.int32]
    storage_cost: F32
    mode: NDArray[np.uint8]


@dataclass(frozen=True)
class KeptCells:
    """KeptCells cells of a study, with all that scoring and competition read of them.

    Attributes
    ----------
    setting : Setting
        The study with a reader of these cells, and without criteria of suitability.
    offers : Offers
        Pools, and routes of these cells.
    reasons : ndarray of uint32, shape (1, cells)
        Exclusions that hit each.
    available : dict of tuple to ndarray, shape (1, cells)
        What the exclusions leave of each, by group of rules [1].
    row, col : ndarray of int, shape (cells,)
        On the grid.
    """

    setting: Setting
    offers: Offers
    reasons: NDArray[np.uint32]
    available: dict[tuple[int, ...], F32]
    row: I64
    col: I64

    @property
    def count(self) -> int:
        """Number of cells."""
        return len(self.row)

    @property
    def reader(self) -> KeptReader:
        """Reader of these cells."""
        return self.setting.reader  # type: ignore[return-value]


def keep(setting: Setting, offers: Offers, space: Workspace, places: Places) -> KeptCells:
    """Keep some cells of a study whose exclusions and routes are known.

    Parameters
    ----------
    setting : Setting
        The study.
    offers : Offers
        Pools, and routes of all cells.
    space : Workspace
        With the arrays of the exclusions.
    places : sequence
        Where the cells lie.
    """
    reader, grid = setting.reader, setting.area.grid

    def stored(array: Any) -> NDArray[Any]:
        return picked(places, lambda block: array[(..., *block.slices)])

    row = RowOfCells(picked(places, grid.block_areas))
    links: Any = None
    if offers.links is not None:
        names = ("cost", "length_km", "sink", "storage_cost", "mode")
        links = KeptLinks(*(stored(getattr(offers.links, name)) for name in names))
    sheds = {name: (stored(a), stored(b)) for name, (a, b) in offers.sheds.items()}
    rows, cols = (np.concatenate([part[i] for part in map(_on_grid, places)]) for i in (0, 1))
    return KeptCells(
        replace(setting, reader=KeptReader(reader, places, row), criteria=()),  # type: ignore[arg-type]
        replace(offers, links=links, sheds=sheds),  # type: ignore[arg-type]
        stored(space.result.open(REASONS)),
        {
            bits: stored(space.scratch.open(left_name(setting, bits)))
            for bits in setting.book.groups
        },
        rows,
        cols,
    )


def _on_grid(part: tuple[Block, I64]) -> tuple[I64, I64]:
    block, place = part
    row, col = np.divmod(place, block.shape[1])
    return row + block.row0, col + block.col0

"""The layers of a scenario on the one grid, block by block.

Every method of :class:`LayerStack` is a pure function of a block: the same cells have the same
bytes whatever the block size and the number of threads (rule 9). What a layer is and how it is
read, its kind knows: see :mod:`cdrsite.layers.kinds`.

One module: all that stages ask of layers, each a few lines that ask the layer's kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from uuid import uuid4

import numpy as np

from cdrsite.config.layers import ConstantLayer, DerivedLayer, ExpressionLayer, Layer
from cdrsite.core.errors import DataError
from cdrsite.core.grid import Block
from cdrsite.core.memory import BLOCKS_ROOM, FOLLOWED_ROOM, Memory, by_block
from cdrsite.layers.inputs import check_references
from cdrsite.layers.kinds.base import LayerInfo, OneLayer, no_layer
from cdrsite.layers.kinds.constant import Constant
from cdrsite.layers.kinds.derived import Derived
from cdrsite.layers.kinds.expression import Expression
from cdrsite.layers.kinds.raster import RasterLayer
from cdrsite.layers.kinds.vector import Vector
from cdrsite.layers.presets import resolve_all
from cdrsite.layers.region import StudyArea
from cdrsite.layers.survey import Survey
from cdrsite.layers.unit import factor
from cdrsite.layers.vectors import Vectors, kept

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

T = TypeVar("T")


class LayerStack:
    """All layers of a scenario, read by blocks of the grid.

    Parameters
    ----------
    layers : mapping of str to Layer
        As in the scenario.
    area : StudyArea
        Grid and region.
    rasterise : {"coverage", "centre"}
        How polygons become cells, unless a layer or a call says otherwise.
    base_year : int
        Money in attributes is converted to US dollars of this year (rule 4).

    Raises
    ------
    ConfigError
        If a preset is unknown or does not fit, or a layer is computed from one that does not exist
        or from itself.
    """

    def __init__(
        self,
        layers: Mapping[str, Layer],
        area: StudyArea,
        *,
        rasterise: Literal["coverage", "centre"] = "coverage",
        base_year: int = 2020,
    ) -> None:
        self.layers = dict(layers)
        self.area = area
        self.grid = area.grid
        self.rasterise = rasterise
        self.base_year = base_year
        files = resolve_all(self.layers)
        check_references(self.layers)
        vectors = Vectors({n: f for n, f in files.items() if f.vector}, self.grid)
        self._kinds: dict[str, OneLayer] = {}
        for name, layer in self.layers.items():
            if isinstance(layer, ConstantLayer):
                self._kinds[name] = Constant(name, layer)
            elif isinstance(layer, DerivedLayer):
                self._kinds[name] = Derived(name, layer, self)
            elif isinstance(layer, ExpressionLayer):
                self._kinds[name] = Expression(name, layer, self)
            elif files[name].vector:
                self._kinds[name] = Vector(files[name], vectors, rasterise, base_year)
            else:
                self._kinds[name] = RasterLayer(files[name], area)
        self.blocks, self._followed = Memory(BLOCKS_ROOM), Memory(FOLLOWED_ROOM)
        self._key = uuid4().hex

    def __reduce__(self) -> tuple[Any, ...]:
        """What another process needs to read the same layers; it opens the files itself."""
        options = {"rasterise": self.rasterise, "base_year": self.base_year}
        return kept, (self._key, LayerStack, (self.layers, self.area), options)

    # what a layer is

    def layer(self, name: str) -> Layer:
        """The model of a layer.

        Raises
        ------
        ConfigError
            If there is none of this name; names the nearest.
        """
        if name not in self.layers:
            raise no_layer(name, self.layers)
        return self.layers[name]

    def _kind(self, name: str) -> OneLayer:
        if name not in self._kinds:
            raise no_layer(name, self.layers)
        return self._kinds[name]

    def info(self, name: str) -> LayerInfo:
        """Form, kind, unit, bands, classes and origin of a layer."""
        return self._kind(name).info

    def glance(self) -> LayerStack:
        """The same layers for a trial: of a block with very many pixels only some are read."""
        other = object.__new__(LayerStack)
        other.__dict__.update(self.__dict__)
        other.blocks, other._followed = Memory(BLOCKS_ROOM), Memory(FOLLOWED_ROOM)
        other._kinds = {name: _glanced(kind, other) for name, kind in self._kinds.items()}
        return other

    def survey(self, name: str) -> Survey:
        """First look at a raster layer; see :func:`cdrsite.layers.survey.survey`."""
        found = self._kind(name)
        if not isinstance(found, RasterLayer):
            raise DataError("not a raster", where=f"layers.{name}", got=f"a {found.info.form}")
        return found.survey

    def _scale(self, name: str, unit: str | None) -> tuple[float, float]:
        """Scale and offset from the layer's unit to the one wanted."""
        if unit is None:
            return 1.0, 0.0
        return factor(self.info(name).unit, unit, f"layers.{name}", self.base_year)

    def following(self, key: tuple[Any, ...], layers: Sequence[str], make: Callable[[], T]) -> T:
        """What follows from layers alone, at a block that the key names: made once, while it fits.

        Parameters
        ----------
        key : tuple
            All that it depends on besides the values of the layers.
        layers : sequence of str
            These layers.
        make : callable
            Makes it: a dataclass of arrays, which nobody changes.
        """
        whole = (*key, *layers)
        found: T | None = self._followed.get(whole)
        if found is None:
            found = make()
            size = sum(np.asarray(part).nbytes for part in vars(found).values())
            self._followed.put(whole, found, size)
        return found

    # values

    def values(self, name: str, block: Block, unit: str | None = None) -> NDArray[np.float32]:
        """The layer's value in each cell, by kind of quantity (rule 3).

        Parameters
        ----------
        name : str
            The layer.
        block : Block
            The window.
        unit : str, optional
            Unit wanted; the layer's own by default.

        Returns
        -------
        ndarray of float32, shape of the block
            NaN is unknown (rule 2).

        Raises
        ------
        UnitError
            If the layer has no unit or one of another dimension.
        DataError
            If the layer has several bands or holds classes.
        """
        found = self.bands(name, block, unit)
        if found.shape[0] != 1:
            raise _several(name, found.shape[0])
        return found[0]

    def bands(self, name: str, block: Block, unit: str | None = None) -> NDArray[np.float32]:
        """As :meth:`values`, for all bands: shape (bands, rows, cols)."""
        kind = self._kind(name)
        if isinstance(kind, Derived) and kind.model.derive == "slope":
            return kind.slope(block, unit)
        scale, offset = self._scale(name, unit)
        scale *= self.layers[name].factor
        found = self._file_values(name, block) if _is_file(kind) else kind.own(block)
        if scale == 1.0 and offset == 0.0:
            return found
        return (found.astype(np.float64) * scale + offset).astype(np.float32)

    def amounts(self, name: str, block: Block, unit: str) -> NDArray[np.float32]:
        """What each cell holds of a layer of amounts per area: those times the area they cover.

        Parameters
        ----------
        name : str
            A layer whose unit is ``unit`` per area, such as t/ha/yr for t/yr.
        block : Block
            The window.
        unit : str
            Unit of the amounts wanted.

        Returns
        -------
        ndarray of float32, shape of the block
            NaN where nothing is known.

        Raises
        ------
        DataError
            If the layer says that its values are amounts themselves (rule 3).
        """
        kind = self._kind(name)
        if kind.info.kind == "extensive":
            raise DataError(
                "amounts per area are no amounts per pixel",
                where=f"layers.{name}",
                got=f"kind: extensive, unit: {kind.info.unit}",
                expected="kind: intensive with a unit per area, or extensive with one that is not",
                rule=3,
            )
        scale, _ = self._scale(name, f"{unit}/m2")
        held = kind.covered(block) if isinstance(kind, RasterLayer | Vector) else kind.own(block)
        if held.shape[0] != 1:
            raise _several(name, held.shape[0])
        areas = self.grid.block_areas(block).astype(np.float64)
        return (held[0] * (scale * self.layers[name].factor) * areas).astype(np.float32)

    def areas(self, name: str) -> NDArray[np.float64]:
        """True area of each feature, grown by the layer's own buffer [m2]."""
        return self._vector(name).areas()

    @by_block
    def _file_values(self, name: str, block: Block) -> NDArray[np.float32]:
        return self._kind(name).own(block)

    def rasterised_column(self, name: str) -> NDArray[np.float64] | None:
        """Values of the column that a vector layer stands for, in its own unit; None without."""
        return self._vector(name).rasterised_column()

    # classes

    @by_block
    def class_share(
        self, name: str, weights: Mapping[int | str, float], block: Block
    ) -> NDArray[np.float32]:
        """Area-weighted mean of a weight per class over the known part of each cell.

        Parameters
        ----------
        name : str
            A class layer.
        weights : mapping
            Code, name, group or range -> weight; classes not named weigh 0.
        block : Block
            The window.

        Returns
        -------
        ndarray of float32, shape of the block
            NaN where no class is known.

        Raises
        ------
        DataError
            If the layer has no classes, or a selector fits none.
        """
        return self._classes(name).class_share(weights, block)

    @by_block
    def class_coverage(
        self,
        name: str,
        codes: Sequence[int],
        block: Block,
        buffer: float,
        rasterise: Literal["coverage", "centre"] | None = None,
    ) -> NDArray[np.float32]:
        """Share of each cell that pixels of some classes cover, grown by a buffer.

        Parameters
        ----------
        name : str
            A class layer.
        codes : sequence of int
            The classes.
        block : Block
            The window.
        buffer : float
            Grow the pixels by this [m].
        rasterise : {"coverage", "centre"}, optional
            Exact share, or 1 where the cell's centre is covered.

        Returns
        -------
        ndarray of float32, shape of the block
        """
        found = self._classes(name).class_features(tuple(codes))
        return found.coverage(block, buffer, rasterise or self.rasterise)

    @by_block
    def class_distance(
        self, name: str, codes: Sequence[int], block: Block, within: float | None = None
    ) -> NDArray[np.float32]:
        """Distance from each cell centre to the nearest pixel of some classes [m], inf for none.

        What is farther than ``within`` [m] may be told as any greater distance.
        """
        return self._classes(name).class_features(tuple(codes)).distance(block, within)

    def class_codes(self, name: str, selectors: Any) -> list[int]:
        """Codes that selectors name; see :func:`cdrsite.layers.classes.select_codes`."""
        return self._classes(name).class_codes(selectors)

    def _classes(self, name: str) -> RasterLayer:
        found = self._kind(name)
        if not isinstance(found, RasterLayer) or found.info.kind != "class":
            got = found.info
            raise DataError(
                "not a class layer",
                where=f"layers.{name}",
                got=f"a {got.form} of kind {got.kind}",
                expected="a raster of kind class",
                cure="add kind: class, or a preset such as esa-worldcover",
                rule=3,
            )
        return found

    # features

    @by_block
    def coverage(
        self,
        name: str,
        block: Block,
        where: str | None = None,
        buffer: float = 0.0,
        rasterise: Literal["coverage", "centre"] | None = None,
    ) -> NDArray[np.float32]:
        """Share of each cell that features cover, in [0, 1]; overlaps count once.

        Parameters
        ----------
        name : str
            A vector layer.
        block : Block
            The window.
        where : str, optional
            Filter on the features, on top of the layer's own.
        buffer : float
            Grow the features by this, on top of the layer's own buffer [m].
        rasterise : {"coverage", "centre"}, optional
            Exact share, or 1 where the cell's centre is covered.

        Returns
        -------
        ndarray of float32, shape of the block
        """
        return self._vector(name).coverage(block, where, buffer, rasterise)

    @by_block
    def feature_coverage(self, name: str, feature: int, block: Block) -> NDArray[np.float32]:
        """Share of each cell that one feature covers, grown by the layer's own buffer.

        Parameters
        ----------
        name : str
            A vector layer.
        feature : int
            Number of the feature, as in :meth:`labels`.
        block : Block
            The window.

        Returns
        -------
        ndarray of float32, shape of the block
        """
        return self._vector(name).feature_coverage(feature, block)

    def each_coverage(self, name: str, block: Block) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Features that meet a block, by number, and the share of each cell that they cover."""
        return self._vector(name).each_coverage(block)

    @by_block
    def distance(
        self,
        name: str,
        block: Block,
        where: str | None = None,
        reach: float = 0.0,
        zones: str | None = None,
    ) -> NDArray[np.float32]:
        """Distance from each cell centre to the nearest feature [m], inf if there is none.

        With a layer of polygons as ``zones`` to the nearest in the polygon that holds the centre,
        NaN outside all of them; see :func:`cdrsite.layers.shapes.members`.
        """
        if zones is None:
            return self._vector(name).distance(block, where, reach)
        labels = self.labels(zones, block)
        return self._vector(name).distance_in(zones, labels, block, where, reach)

    @by_block
    def labels(self, name: str, block: Block) -> NDArray[np.int32]:
        """Index of the polygon that holds each cell's centre, -1 for none; overlaps: the lowest."""
        return self._vector(name).labels(block)

    def attribute(self, name: str, column: str, unit: str | None = None) -> NDArray[np.float64]:
        """A numeric column, one value per feature, converted to ``unit`` if the layer has one.

        Raises
        ------
        DataError
            If the column is missing (names the nearest), not numeric, or all null.
        """
        return self._vector(name).attribute(column, unit)

    def text(self, name: str, column: str) -> list[str]:
        """A column as text, one per feature; empty where null, whole numbers without decimals."""
        return self._vector(name).text(column)

    def features(self, name: str, where: str | None = None) -> gpd.GeoDataFrame:
        """The features in the grid's CRS."""
        return self._vector(name).features(where)

    def _vector(self, name: str) -> Vector:
        found = self._kind(name)
        if not isinstance(found, Vector):
            raise DataError(
                "not a vector layer",
                where=f"layers.{name}",
                got=f"a {found.info.form}",
                expected="a file with features",
                cure="name a vector layer, or use a range or class rule with this one",
            )
        return found


def _several(name: str, count: int) -> DataError:
    return DataError(
        "the layer has several bands where one value is needed",
        where=f"layers.{name}",
        got=f"{count} bands",
        cure="name one with band: N",
    )


def _glanced(kind: OneLayer, others: LayerStack) -> OneLayer:
    if isinstance(kind, RasterLayer):
        return kind.glance()
    return replace(kind, others=others) if isinstance(kind, Derived | Expression) else kind


def _is_file(kind: OneLayer) -> bool:
    return isinstance(kind, RasterLayer | Vector)

"""The layers of a scenario on the one grid, block by block.

Every method of :class:`LayerStack` is a pure function of a block: the same cells have the same
bytes whatever the block size and the number of threads (rule 9).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

import numpy as np

from cdrsite.config.layers import ConstantLayer, DerivedLayer, ExpressionLayer, FileLayer, Layer
from cdrsite.core.errors import ConfigError, DataError, UnitError
from cdrsite.core.grid import Block
from cdrsite.core.memory import BLOCKS_ROOM, Memory, by_block
from cdrsite.core.numbers import as_text
from cdrsite.core.units import parse_quantity, split_number
from cdrsite.layers import expression, harmonise
from cdrsite.layers.areal import collect, disk_mean, geometry_type, line_lengths, spread
from cdrsite.layers.classes import look_up, select_codes
from cdrsite.layers.derive import percent, slope_degrees
from cdrsite.layers.inputs import check_references
from cdrsite.layers.presets import Resolved, resolve_all
from cdrsite.layers.rasterfiles import open_raster
from cdrsite.layers.region import StudyArea
from cdrsite.layers.shapes import centres
from cdrsite.layers.sources import RasterSource
from cdrsite.layers.survey import LOOK_PIXELS, Survey, all_codes, survey
from cdrsite.layers.unit import factor
from cdrsite.layers.vectors import Once, Vectors, kept
from cdrsite.layers.where import column_name, nearest

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

PerCell = Callable[[Block], tuple["NDArray[np.float64]", "NDArray[np.float64]"]]
Form = Literal["raster", "vector", "constant", "derived", "expression"]


@dataclass(frozen=True)
class LayerInfo:
    """What a layer is.

    Attributes
    ----------
    name, form : str
        Its name, and raster, vector, constant, derived or expression.
    kind : str or None
        class, fraction, intensive or extensive (rule 3); None for bare features.
    unit : str or None
        Unit of its values.
    bands : int
        Number of bands.
    classes : dict of int to str
        Names of the classes, where a preset gives them.
    licence, source : str or None
        For the outputs' metadata.
    path : Path or None
        The file.
    """

    name: str
    form: Form
    kind: str | None
    unit: str | None
    bands: int = 1
    classes: dict[int, str] = field(default_factory=dict)
    licence: str | None = None
    source: str | None = None
    path: Path | None = None


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
        self._files = resolve_all(self.layers)
        check_references(self.layers)
        self._vectors = Vectors({n: f for n, f in self._files.items() if f.vector}, self.grid)
        self.blocks = Memory(BLOCKS_ROOM)
        self.most: int | None = None
        self._once = Once()
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
            raise ConfigError(
                f"no layer {name!r}",
                where="layers",
                got=name,
                expected=f"one of {', '.join(self.layers) or 'none at all'}",
                cure=nearest(name, list(self.layers)),
            )
        return self.layers[name]

    def info(self, name: str) -> LayerInfo:
        """Form, kind, unit, bands, classes and origin of a layer."""
        layer = self.layer(name)
        if isinstance(layer, FileLayer):
            return self._file_info(self._files[name])
        if isinstance(layer, ConstantLayer):
            return LayerInfo(name, "constant", layer.kind, self._constant(name, layer)[1])
        if isinstance(layer, ExpressionLayer):
            return LayerInfo(name, "expression", layer.kind, layer.unit)
        if layer.derive == "density":
            return LayerInfo(name, "derived", "intensive", self._density_unit(layer))
        unit = layer.unit or {"slope": "degree", "distance": "m"}[layer.derive]
        return LayerInfo(name, "derived", "intensive", unit)

    def _file_info(self, file: Resolved) -> LayerInfo:
        preset = file.preset
        classes = {} if preset is None else {c: item.name for c, item in preset.classes.items()}
        licence = file.model.licence or (preset.licence if preset else None)
        origin = file.model.source or (preset.title if preset else None)
        path = file.model.path
        if file.vector:
            unit = file.unit if file.attribute else "1"
            kind = file.kind or ("intensive" if file.attribute else "fraction")
            return LayerInfo(file.name, "vector", kind, unit, 1, classes, licence, origin, path)
        source = self._raster(file.name)
        unit = file.unit or (None if file.kind == "class" else source.unit)
        bands = len(source.bands)
        return LayerInfo(
            file.name, "raster", file.kind, unit, bands, classes, licence, origin, path
        )

    def _density_unit(self, layer: DerivedLayer) -> str:
        source = self.info(layer.from_)
        if source.form != "vector":
            return source.unit or "1"
        shapes = self._vectors.frame(layer.from_).geometry.to_numpy()
        kind = geometry_type(shapes, self._files[layer.from_].where_text)
        return {"point": "1/km2", "line": "km/km2", "polygon": "1"}[kind]

    def glance(self) -> LayerStack:
        """The same layers for a trial: of a block with very many pixels only some are read."""
        other = object.__new__(LayerStack)
        other.__dict__.update(self.__dict__)
        other.blocks, other.most = Memory(BLOCKS_ROOM), LOOK_PIXELS
        return other

    def _raster(self, name: str) -> RasterSource:
        file = self._files[name]
        key = ("raster", name)
        opened = self._once.get(key, lambda: open_raster(file.model, name, file.nodata))
        return opened if self.most is None else replace(opened, most=self.most)

    def survey(self, name: str) -> Survey:
        """First look at a raster layer; see :func:`cdrsite.layers.survey.survey`."""
        return self._once.get(
            ("survey", name), lambda: survey(self._raster(name), self._files[name], self.area)
        )

    def _constant(self, name: str, layer: ConstantLayer) -> tuple[float, str | None]:
        """Number and unit of a constant."""
        if isinstance(layer.value, str):
            try:
                number, unit = split_number(layer.value)
            except UnitError as error:
                raise UnitError(f"layers.{name}.value: {error}") from error
            if unit and layer.unit:
                return parse_quantity(layer.value, layer.unit), layer.unit
            return number, unit or layer.unit
        return float(layer.value), layer.unit

    def _scale(self, name: str, unit: str | None) -> tuple[float, float]:
        """Scale and offset from the layer's unit to the one wanted."""
        if unit is None:
            return 1.0, 0.0
        return factor(self.info(name).unit, unit, f"layers.{name}", self.base_year)

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
            raise DataError(
                "the layer has several bands where one value is needed",
                where=f"layers.{name}",
                got=f"{found.shape[0]} bands",
                cure="name one with band: N",
            )
        return found[0]

    def bands(self, name: str, block: Block, unit: str | None = None) -> NDArray[np.float32]:
        """As :meth:`values`, for all bands: shape (bands, rows, cols)."""
        layer = self.layer(name)
        if isinstance(layer, DerivedLayer) and layer.derive == "slope":
            return self._slope(layer, name, block, unit)[None]
        scale, offset = self._scale(name, unit)
        scale *= layer.factor
        found = self._own(name, layer, block)
        if scale == 1.0 and offset == 0.0:
            return found
        return (found.astype(np.float64) * scale + offset).astype(np.float32)

    def _own(self, name: str, layer: Layer, block: Block) -> NDArray[np.float32]:
        """Values in the layer's own unit, shape (bands, rows, cols)."""
        if isinstance(layer, FileLayer):
            return self._file_values(name, block)
        if isinstance(layer, ConstantLayer):
            return np.full((1, *block.shape), self._constant(name, layer)[0], np.float32)
        if isinstance(layer, ExpressionLayer):
            return self._expression(name, layer, block)[None]
        if layer.derive == "slope":
            return self._slope(layer, name, block, None)[None]
        if layer.derive == "distance":
            metres = self.distance(layer.from_, block, layer.where)[None]
            return (metres / 1000.0).astype(np.float32) if layer.unit == "km" else metres
        return self._density(layer, block)[None]

    @by_block
    def _file_values(self, name: str, block: Block) -> NDArray[np.float32]:
        file = self._files[name]
        if file.vector:
            if file.attribute is None:
                return self.coverage(name, block)[None]
            return self._attribute_values(file, block)[None]
        source = self._raster(name)
        if file.kind == "class":
            raise DataError(
                "classes have no mean value",
                where=file.where_text,
                got="kind: class",
                expected="kind: intensive, fraction or extensive",
                cure="use classes or scores with this layer",
                rule=3,
            )
        self.survey(name)
        if file.kind == "extensive":
            return harmonise.conserved_sum(source, self.grid, block)
        return harmonise.mean(source, self.grid, block)

    def rasterised_column(self, name: str) -> NDArray[np.float64] | None:
        """Values of the column that a vector layer stands for, in its own unit; None without."""
        file = self._vector_file(name)
        if file.attribute is None:
            return None
        return self.attribute(name, file.attribute) * file.model.scale + file.model.offset

    def _attribute_values(self, file: Resolved, block: Block) -> NDArray[np.float32]:
        """The layer's own column on the grid."""
        name, conserve = file.name, file.kind == "extensive"
        values = self._once.get(("column", name), lambda: self.rasterised_column(name))
        assert values is not None  # noqa: S101 - the caller asked for it
        shapes = self._vectors.frame(name).geometry.to_numpy()
        kind = "polygon" if file.model.buffer else geometry_type(shapes, file.where_text)
        if kind == "line":
            raise DataError(
                "a column of lines cannot be rasterised",
                where=file.where_text,
                cure="give a buffer, or derive distance or density from the layer",
                rule=3,
            )
        if kind == "point":
            return collect(centres(shapes), values, self.grid, block, conserve=conserve)
        areas = self._once.get(
            ("areas", name), lambda: self._vectors.areas(name) / self.grid.resolution**2
        )
        return spread(self._vectors.each_rings(name), values, areas, block, conserve=conserve)

    def _density(self, layer: DerivedLayer, block: Block) -> NDArray[np.float32]:
        """Mean within a radius of a raster, or points, line length or area per area."""
        assert layer.radius is not None  # noqa: S101 - the model guarantees it
        found = disk_mean(self._per_cell(layer), layer.radius, self.grid, block)
        return found.astype(np.float32)

    def _per_cell(self, layer: DerivedLayer) -> PerCell:
        """Amount and weight of each cell for a density."""
        import shapely

        name, grid = layer.from_, self.grid
        if self.info(name).form != "vector":

            def of_values(block: Block) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
                values = self.values(name, block).astype(np.float64)
                return values, np.ones_like(values)

            return of_values
        file = self._vector_file(name)
        shapes = self._vectors.shapes(name, layer.where)
        kind = geometry_type(shapes, file.where_text)

        def of_features(block: Block) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            rows = np.clip(np.arange(block.row0, block.row1), 0, grid.rows - 1)
            km2 = np.repeat(grid.row_areas[rows][:, None] / 1e6, block.shape[1], axis=1)
            if kind == "line":
                return line_lengths(shapes, grid, block) / 1000.0, km2
            if kind == "polygon":
                share = self.coverage(name, block, layer.where, rasterise="coverage")
                return share * km2, km2
            xy = shapely.get_coordinates(shapes)
            counts = collect(xy, np.ones(len(xy)), grid, block, conserve=True)
            return np.nan_to_num(counts.astype(np.float64)), km2

        return of_features

    def _expression(self, name: str, layer: ExpressionLayer, block: Block) -> NDArray[np.float32]:
        tree = self._once.get(
            ("expression", name), lambda: expression.parse(layer.expression, f"layers.{name}")
        )
        wanted = expression.names(tree)
        inputs = {n: self.values(n, block).astype(np.float64) for n in wanted}
        found = expression.evaluate(tree, inputs)
        return np.broadcast_to(found, block.shape).astype(np.float32)

    def _slope(
        self, layer: DerivedLayer, name: str, block: Block, unit: str | None
    ) -> NDArray[np.float32]:
        halo = Block(block.row0 - 1, block.row1 + 1, block.col0 - 1, block.col1 + 1)
        degrees = slope_degrees(self.values(layer.from_, halo, "m"), self.grid, block)
        degrees = degrees * np.float32(layer.factor)
        wanted = unit or layer.unit or "degree"
        if wanted in {"percent", "%", "1"}:
            scale = 0.01 if wanted == "1" else 1.0
            return (percent(degrees) * scale).astype(np.float32)
        scale, offset = factor("degree", wanted, f"layers.{name}", self.base_year)
        return (degrees * scale + offset).astype(np.float32)

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
        self._class_file(name)
        key = ("weights", name, tuple(weights.items()))
        table = self._once.get(key, lambda: self._weights(name, weights))

        def decode(stored: NDArray[Any]) -> NDArray[np.float64]:
            return look_up(self._raster(name).decode(stored), table)

        return harmonise.mean(self._raster(name), self.grid, block, decode)[0]

    def _weights(self, name: str, weights: Mapping[int | str, float]) -> dict[int, float]:
        table: dict[int, float] = {}
        for selector, weight in weights.items():
            for code in self.class_codes(name, [selector]):
                table[code] = float(weight)
        return table

    def class_codes(self, name: str, selectors: Any) -> list[int]:
        """Codes that selectors name; see :func:`cdrsite.layers.classes.select_codes`."""
        file = self._class_file(name)
        seen = self.survey(name)
        try:
            return select_codes(selectors, file.preset, set(seen.codes), file.where_text)
        except DataError:
            # not around the region; elsewhere in the raster is enough
            source = self._raster(name)
            everywhere = self._once.get(("codes", name), lambda: all_codes(source))
            return select_codes(selectors, file.preset, everywhere | seen.codes, file.where_text)

    def _class_file(self, name: str) -> Resolved:
        self.layer(name)
        file = self._files.get(name)
        if file is None or file.vector or file.kind != "class":
            got = self.info(name)
            raise DataError(
                "not a class layer",
                where=f"layers.{name}",
                got=f"a {got.form} of kind {got.kind}",
                expected="a raster of kind class",
                cure="add kind: class, or a preset such as esa-worldcover",
                rule=3,
            )
        return file

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
        file = self._vector_file(name)
        rings = self._vectors.rings(name, where, buffer + file.model.buffer)
        if (rasterise or file.model.rasterise or self.rasterise) == "centre":
            return rings.centres(block).astype(np.float32)
        return rings.fraction(block)

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
        self._vector_file(name)
        return self._vectors.feature_rings(name, feature).fraction(block)

    @by_block
    def distance(self, name: str, block: Block, where: str | None = None) -> NDArray[np.float32]:
        """Distance from each cell centre to the nearest feature [m], inf if there is none."""
        self._vector_file(name)
        return self._vectors.nearest(name, where).distance(block)

    @by_block
    def labels(self, name: str, block: Block) -> NDArray[np.int32]:
        """Index of the polygon that holds each cell's centre, -1 for none; overlaps: the lowest."""
        self._vector_file(name)
        self._vectors.warn_overlaps(name)
        out = np.full(block.shape, -1, np.int32)
        for index, rings in reversed(self._vectors.each_rings(name).each(block)):
            window = rings.window(block)
            if window is not None:
                part = out[
                    window.row0 - block.row0 : window.row1 - block.row0,
                    window.col0 - block.col0 : window.col1 - block.col0,
                ]
                part[rings.centres(window)] = index
        return out

    def attribute(self, name: str, column: str, unit: str | None = None) -> NDArray[np.float64]:
        """A numeric column, one value per feature, converted to ``unit`` if the layer has one.

        Raises
        ------
        DataError
            If the column is missing (names the nearest), not numeric, or all null.
        """
        import pandas as pd

        values, where = self._column(name, column)
        numbers = pd.to_numeric(values, errors="coerce")
        file = self._files[name]
        if (numbers.isna() & values.notna()).any() or pd.api.types.is_bool_dtype(values):
            raise DataError(f"column {column!r} is not numeric", where=where, got=str(values.dtype))
        numbers = numbers.mask(numbers.isin([*file.model.nodata, *file.nodata, np.inf, -np.inf]))
        if unit is None:
            return numbers.to_numpy(np.float64)
        scale, offset = factor(file.unit, unit, where, self.base_year)
        return numbers.to_numpy(np.float64) * scale + offset

    def text(self, name: str, column: str) -> list[str]:
        """A column as text, one per feature; empty where null, whole numbers without decimals."""
        values, _ = self._column(name, column)
        return ["" if gone else as_text(v) for v, gone in zip(values, values.isna(), strict=True)]

    def features(self, name: str, where: str | None = None) -> gpd.GeoDataFrame:
        """The features in the grid's CRS."""
        self._vector_file(name)
        return self._vectors.frame(name)[self._vectors.rows(name, where)]

    def _column(self, name: str, column: str) -> tuple[Any, str]:
        file = self._vector_file(name)
        frame = self._vectors.frame(name)
        values = frame[column_name(frame, column, file.where_text, file.columns)]
        if values.isna().all():
            raise DataError(
                f"column {column!r} is empty in every feature",
                where=file.where_text,
                got=f"{len(frame)} nulls",
                cure="name another column, or repair the file",
                rule=7,
            )
        return values, file.where_text

    def _vector_file(self, name: str) -> Resolved:
        self.layer(name)
        file = self._files.get(name)
        if file is None or not file.vector:
            raise DataError(
                "not a vector layer",
                where=f"layers.{name}",
                got=f"a {self.info(name).form}",
                expected="a file with features",
                cure="name a vector layer, or use a range or class rule with this one",
            )
        return file

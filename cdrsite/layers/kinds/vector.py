"""Layers of features: points, lines and polygons with their columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from shapely import orient_polygons

from cdrsite.core.errors import DataError
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.core.numbers import as_text
from cdrsite.layers.areal import collect, geometry_type, spread
from cdrsite.layers.kinds.base import LayerInfo
from cdrsite.layers.presets import Resolved
from cdrsite.layers.shapes import centres
from cdrsite.layers.unit import factor
from cdrsite.layers.vectors import Once, Vectors
from cdrsite.layers.where import column_name

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray


class Vector:
    """Features, as they are or as one of their columns on the grid.

    Parameters
    ----------
    file : Resolved
        The layer with its preset.
    vectors : Vectors
        Reads and keeps the features of all layers.
    rasterise : {"coverage", "centre"}
        How polygons become cells, unless the layer or a call says otherwise.
    base_year : int
        Money in columns is converted to US dollars of this year (rule 4).
    """

    def __init__(
        self,
        file: Resolved,
        vectors: Vectors,
        rasterise: Literal["coverage", "centre"],
        base_year: int,
    ) -> None:
        self.file, self._vectors = file, vectors
        self.rasterise, self.base_year = rasterise, base_year
        self._once = Once()

    @property
    def grid(self) -> AnalysisGrid:
        """The one grid (rule 1)."""
        return self._vectors.grid

    @property
    def info(self) -> LayerInfo:
        """Form, kind, unit, classes and origin."""
        file = self.file
        return LayerInfo(
            name=file.name,
            form="vector",
            kind=file.kind or ("intensive" if file.attribute else "fraction"),
            unit=file.unit if file.attribute else "1",
            classes=file.classes,
            licence=file.licence,
            source=file.origin,
            path=file.model.path,
        )

    def own(self, block: Block) -> NDArray[np.float32]:
        """Values in the layer's own unit, shape (1, rows, cols): presence, or the column's."""
        if self.file.attribute is None:
            return self.coverage(block)[None]
        file, conserve = self.file, self.file.kind == "extensive"
        values = self._once.get("column", self.rasterised_column)
        assert values is not None  # noqa: S101 - there is an attribute
        shapes = self.features().geometry.to_numpy()
        kind = (
            "polygon"
            if file.model.buffer or file.model.radius
            else geometry_type(shapes, file.where_text)
        )
        if kind == "line":
            raise DataError(
                "a column of lines cannot be rasterised",
                where=file.where_text,
                cure="give a buffer, or derive distance or density from the layer",
                rule=3,
            )
        if kind == "point":
            return collect(centres(shapes), values, self.grid, block, conserve=conserve)[None]
        areas = self._once.get(
            "areas", lambda: self._vectors.areas(file.name) / self.grid.resolution**2
        )
        rings = self._vectors.each_rings(file.name)
        return spread(rings, values, areas, block, conserve=conserve)[None]

    def covered(self, block: Block) -> NDArray[np.float32]:
        """Values times the share of each cell that the features cover, as :meth:`own`."""
        return self.own(block) * self.coverage(block, rasterise="coverage")

    def areas(self) -> NDArray[np.float64]:
        """True area of every feature, grown by the layer's own buffer [m2]."""
        grid = self.grid
        if not grid.is_geographic:
            return self._vectors.areas(self.file.name) * grid.unit_metres**2
        geod = grid.crs.get_geod()
        assert geod is not None  # noqa: S101 - systems in degrees have an ellipsoid
        return np.array(
            [
                abs(geod.geometry_area_perimeter(orient_polygons(shape))[0])
                for shape in self._vectors.grown(self.file.name)
            ]
        )

    def rasterised_column(self) -> NDArray[np.float64] | None:
        """Values of the column that the layer stands for, in its own unit; None without."""
        file = self.file
        if file.attribute is None:
            return None
        return self.attribute(file.attribute) * file.model.scale + file.model.offset

    def coverage(
        self,
        block: Block,
        where: str | None = None,
        buffer: float = 0.0,
        rasterise: Literal["coverage", "centre"] | None = None,
    ) -> NDArray[np.float32]:
        """Share of each cell covered, see :meth:`cdrsite.layers.stack.LayerStack.coverage`."""
        model = self.file.model
        name, centre = self.file.name, (rasterise or model.rasterise or self.rasterise) == "centre"
        rings = self._vectors.rings(name, where, buffer + model.buffer, dissolve=not centre)
        return rings.centres(block).astype(np.float32) if centre else rings.fraction(block)

    def feature_coverage(self, feature: int, block: Block) -> NDArray[np.float32]:
        """Share of each cell that one feature covers, grown by the layer's own buffer."""
        return self._vectors.feature_rings(self.file.name, feature).fraction(block)

    def each_coverage(self, block: Block) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Features that meet a block, and the share of each cell that they cover."""
        for index, rings in self._vectors.each_rings(self.file.name).each(block):
            window = rings.window(block)
            if window is None:
                continue
            out = np.zeros(block.shape, np.float32)
            out[
                window.row0 - block.row0 : window.row1 - block.row0,
                window.col0 - block.col0 : window.col1 - block.col0,
            ] = rings.fraction(window)
            yield index, out

    def distance(
        self, block: Block, where: str | None = None, reach: float = 0.0
    ) -> NDArray[np.float32]:
        """Distance from each cell centre to the nearest feature [m], inf if there is none."""
        return self._vectors.nearest(self.file.name, where, reach).distance(block)

    def distance_in(
        self,
        zones: str,
        labels: NDArray[np.int32],
        block: Block,
        where: str | None = None,
        reach: float = 0.0,
    ) -> NDArray[np.float32]:
        """Distance to the nearest feature in each cell's zone [m], inf if it has none.

        Parameters
        ----------
        zones : str
            A layer of polygons.
        labels : ndarray of int32, shape (rows, cols)
            The zone of each cell, -1 for none: NaN there.
        block : Block
            The window.
        where, reach
            As in :meth:`distance`.
        """
        out = np.full(block.shape, np.nan, np.float32)
        for zone in np.unique(labels[labels >= 0]):
            mine = labels == zone
            rows, cols = (np.flatnonzero(mine.any(axis=axis)) for axis in (1, 0))
            top, left = int(rows[0]), int(cols[0])
            part = np.s_[top : int(rows[-1]) + 1, left : int(cols[-1]) + 1]
            window = Block(
                block.row0 + top,
                block.row0 + part[0].stop,
                block.col0 + left,
                block.col0 + part[1].stop,
            )
            near = self._vectors.nearest_in(self.file.name, where, zones, int(zone), reach)
            np.copyto(out[part], near.distance(window), where=mine[part])
        return out

    def labels(self, block: Block) -> NDArray[np.int32]:
        """Index of the polygon that holds each cell's centre, -1 for none; overlaps: the lowest."""
        self._vectors.warn_overlaps(self.file.name)
        out = np.full(block.shape, -1, np.int32)
        for index, rings in reversed(self._vectors.each_rings(self.file.name).each(block)):
            window = rings.window(block)
            if window is not None:
                part = out[
                    window.row0 - block.row0 : window.row1 - block.row0,
                    window.col0 - block.col0 : window.col1 - block.col0,
                ]
                part[rings.centres(window)] = index
        return out

    def attribute(self, column: str, unit: str | None = None) -> NDArray[np.float64]:
        """A numeric column, see :meth:`cdrsite.layers.stack.LayerStack.attribute`."""
        import pandas as pd

        values, file = self._column(column), self.file
        numbers = pd.to_numeric(values, errors="coerce")
        if (numbers.isna() & values.notna()).any() or pd.api.types.is_bool_dtype(values):
            raise DataError(
                f"column {column!r} is not numeric", where=file.where_text, got=str(values.dtype)
            )
        numbers = numbers.mask(numbers.isin([*file.model.nodata, *file.nodata, np.inf, -np.inf]))
        if unit is None:
            return numbers.to_numpy(np.float64)
        scale, offset = factor(file.unit, unit, file.where_text, self.base_year)
        return numbers.to_numpy(np.float64) * scale + offset

    def text(self, column: str) -> list[str]:
        """A column as text, one per feature; empty where null, whole numbers without decimals."""
        values = self._column(column)
        return ["" if gone else as_text(v) for v, gone in zip(values, values.isna(), strict=True)]

    def features(self, where: str | None = None) -> gpd.GeoDataFrame:
        """The features in the grid's CRS."""
        name = self.file.name
        return self._vectors.frame(name)[self._vectors.rows(name, where)]

    def _column(self, column: str) -> Any:
        file = self.file
        frame = self._vectors.frame(file.name)
        values = frame[column_name(frame, column, file.where_text, file.columns)]
        if values.isna().all():
            raise DataError(
                f"column {column!r} is empty in every feature",
                where=file.where_text,
                got=f"{len(frame)} nulls",
                cure="name another column, or repair the file",
                rule=7,
            )
        return values

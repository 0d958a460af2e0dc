"""Layers derived from others on true ground distances: slope, distance, density."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.grid import Block
from cdrsite.layers.areal import collect, disk_mean, geometry_type, line_lengths
from cdrsite.layers.derive import percent, slope_degrees
from cdrsite.layers.kinds.base import LayerInfo, Others
from cdrsite.layers.unit import factor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.config.layers import DerivedLayer

PerCell = Callable[[Block], tuple["NDArray[np.float64]", "NDArray[np.float64]"]]


@dataclass(frozen=True)
class Derived:
    """A slope, a distance or a density.

    Attributes
    ----------
    name : str
        Name of the layer.
    model : DerivedLayer
        As in the scenario.
    others : Others
        All layers.
    """

    name: str
    model: DerivedLayer
    others: Others

    @property
    def info(self) -> LayerInfo:
        """Form, kind and unit."""
        model = self.model
        if model.derive == "density":
            return LayerInfo(self.name, "derived", "intensive", self._density_unit())
        unit = model.unit or {"slope": "degree", "distance": "m"}[model.derive]
        return LayerInfo(self.name, "derived", "intensive", unit)

    def _density_unit(self) -> str:
        source = self.others.info(self.model.from_)
        if self.model.classes is not None:
            return "1"
        if source.form != "vector":
            return source.unit or "1"
        return {"point": "1/km2", "line": "km/km2", "polygon": "1"}[self._geometry(None)]

    def _geometry(self, where: str | None) -> str:
        """point, line or polygon: what the layer below is of."""
        name = self.model.from_
        shapes = self.others.features(name, where).geometry.to_numpy()
        path = self.others.info(name).path
        return geometry_type(shapes, f"layers.{name} ({path})")

    def own(self, block: Block) -> NDArray[np.float32]:
        """Values in the layer's own unit, shape (1, rows, cols)."""
        model = self.model
        if model.derive == "slope":
            return self.slope(block, None)
        if model.derive == "distance":
            metres = self._distance(block)[None]
            return (metres / 1000.0).astype(np.float32) if model.unit == "km" else metres
        assert model.radius is not None  # noqa: S101 - the model guarantees it
        found = disk_mean(self._per_cell(), model.radius, self.others.grid, block)
        return found.astype(np.float32)[None]

    def _distance(self, block: Block) -> NDArray[np.float32]:
        model, others = self.model, self.others
        if model.classes is None:
            return others.distance(model.from_, block, model.where, zones=model.within)
        codes = tuple(others.class_codes(model.from_, model.classes))
        return others.class_distance(model.from_, codes, block)

    def slope(self, block: Block, unit: str | None) -> NDArray[np.float32]:
        """Slope times the layer's factor [unit, its own by default], shape (1, rows, cols)."""
        model, others = self.model, self.others
        halo = Block(block.row0 - 1, block.row1 + 1, block.col0 - 1, block.col1 + 1)
        degrees = slope_degrees(others.values(model.from_, halo, "m"), others.grid, block)
        degrees = degrees * np.float32(model.factor)
        wanted = unit or model.unit or "degree"
        if wanted in {"percent", "%", "1"}:
            scale = 0.01 if wanted == "1" else 1.0
            return (percent(degrees) * scale).astype(np.float32)[None]
        scale, offset = factor("degree", wanted, f"layers.{self.name}", others.base_year)
        return (degrees * scale + offset).astype(np.float32)[None]

    def _per_cell(self) -> PerCell:
        """Amount and weight of each cell for a density."""
        import shapely

        name, grid, where = self.model.from_, self.others.grid, self.model.where

        def areas(block: Block) -> NDArray[np.float64]:
            rows = np.clip(np.arange(block.row0, block.row1), 0, grid.rows - 1)
            return np.repeat(grid.row_areas[rows][:, None] / 1e6, block.shape[1], axis=1)

        if self.model.classes is not None:
            codes = self.others.class_codes(name, self.model.classes)
            weights: dict[int | str, float] = dict.fromkeys(codes, 1.0)

            def of_classes(block: Block) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
                share, km2 = self.others.class_share(name, weights, block), areas(block)
                return share * km2, km2

            return of_classes
        if self.others.info(name).form != "vector":

            def of_values(block: Block) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
                values = self.others.values(name, block).astype(np.float64)
                return values, np.ones_like(values)

            return of_values
        kind = self._geometry(where)
        shapes = self.others.features(name, where).geometry.to_numpy()

        def of_features(block: Block) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            km2 = areas(block)
            if kind == "line":
                return line_lengths(shapes, grid, block) / 1000.0, km2
            if kind == "polygon":
                share = self.others.coverage(name, block, where, rasterise="coverage")
                return share * km2, km2
            xy = shapely.get_coordinates(shapes)
            counts = collect(xy, np.ones(len(xy)), grid, block, conserve=True)
            return np.nan_to_num(counts.astype(np.float64)), km2

        return of_features

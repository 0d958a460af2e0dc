"""Vector layers in the grid's CRS: filtered, repaired, buffered, dissolved, kept in memory."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.core.grid import AnalysisGrid, Block, equal_area_crs
from cdrsite.core.units import conversion
from cdrsite.layers.coverage import Rings, rings_of
from cdrsite.layers.datums import warn_of_datum
from cdrsite.layers.featurefiles import read_vector
from cdrsite.layers.guard import reading
from cdrsite.layers.nearest import Nearest
from cdrsite.layers.presets import Resolved
from cdrsite.layers.projecting import (
    EDGE_TOLERANCE,
    METRES_A_DEGREE,
    degrees_of,
    projected,
    to_grid,
)
from cdrsite.layers.seam import REACH_DEGREES, turned, window_of
from cdrsite.layers.shapes import Repairs, members, polygonal, workable
from cdrsite.layers.tables import joined_table, merged
from cdrsite.layers.where import column_name, select

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

T = TypeVar("T")

MIXED = 7
"""Shapely's number of a collection of several kinds."""
FAR = 100_000.0
"""Features that are all farther from a region, and than it is wide, are told of [m]."""
BUFFER_SEGMENTS = 16
"""Straight pieces per quarter circle of a buffer, as in most GIS."""


class Once:
    """Values made once and kept; threads that want the same one wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[Any, threading.RLock] = {}
        self._values: dict[Any, Any] = {}

    def get(self, key: Any, make: Callable[[], T]) -> T:
        """Return the value of a key, making it at the first call."""
        if key in self._values:
            return self._values[key]
        with self._lock:
            lock = self._locks.setdefault(key, threading.RLock())
        with lock:
            if key not in self._values:
                self._values[key] = make()
        return self._values[key]


_KEPT: dict[str, Any] = {}


def kept(key: str, kind: Callable[..., T], args: tuple[Any, ...], options: dict[str, Any]) -> T:
    """An object sent to another process: the one that this process has, or a new one.

    Only the last is kept, so that what it prepares is prepared once.
    """
    if key not in _KEPT:
        _KEPT.clear()
        _KEPT[key] = kind(*args, **options)
    found: T = _KEPT[key]
    return found


class Vectors:
    """The vector layers of a scenario.

    Parameters
    ----------
    layers : mapping of str to Resolved
        Vector layers by name.
    grid : AnalysisGrid
        Features are brought to its CRS.
    """

    def __init__(self, layers: Mapping[str, Resolved], grid: AnalysisGrid) -> None:
        self.layers, self.grid = layers, grid
        self._once = Once()

    def frame(self, name: str) -> gpd.GeoDataFrame:
        """All features of a layer, after its own filter, rows numbered from 0."""
        return self._made(("frame", name), lambda: self._load(name))

    def _made(self, key: tuple[Any, ...], make: Callable[[], T]) -> T:
        """What is made once of a layer, named second in its key; what GEOS refuses, in words."""
        with workable(self.layers[key[1]].where_text):
            return self._once.get(key, make)

    def rows(self, name: str, where: str | None) -> NDArray[np.bool_]:
        """Features that a filter keeps."""
        frame = self.frame(name)
        if where is None:
            return np.ones(len(frame), np.bool_)
        layer = self.layers[name]

        def make() -> NDArray[np.bool_]:
            kept = select(frame, where, layer.where_text, layer.columns)
            if not kept.any():
                self._warn(name, f"the filter {where!r} keeps no feature")
            return kept

        return self._made(("rows", name, where), make)

    def rings(self, name: str, where: str | None, buffer: float, *, dissolve: bool) -> Rings:
        """Polygons of the features, grown by ``buffer`` [m]; dissolved takes long."""

        def make() -> Rings:
            return rings_of(self._grown_near(name, where, buffer), self.grid, dissolve=dissolve)

        return self._made(("rings", name, where, buffer, dissolve), make)

    def each_rings(self, name: str) -> Rings:
        """Polygons of the features, one owner per feature, grown by the layer's own buffer."""
        return self._made(("each", name), lambda: rings_of(self.grown(name), self.grid))

    def feature_rings(self, name: str, feature: int) -> Rings:
        """Polygons of one feature, grown by the layer's own buffer."""

        def make() -> Rings:
            import shapely

            return rings_of(shapely.get_parts(self.grown(name)[[feature]]), self.grid)

        return self._made(("feature", name, feature), make)

    def nearest(self, name: str, where: str | None, reach: float = 0.0) -> Nearest:
        """The features under an index for distances, of which those up to ``reach`` [m] matter."""
        self._warn_of_far(name, reach)
        return self._made(
            ("nearest", name, where), lambda: Nearest(self.shapes(name, where), self.grid)
        )

    def nearest_in(
        self, name: str, where: str | None, zones: str, zone: int, reach: float = 0.0
    ) -> Nearest:
        """The features in one polygon of ``zones``, as :meth:`nearest`, for the cells in it."""
        self._warn_of_far(name, reach)

        def make() -> Nearest:
            feature, owner = self._members(name, where, zones)
            grid = self.grid
            cells = self.feature_rings(zones, zone).window(Block(0, grid.rows, 0, grid.cols))
            return Nearest(self.shapes(name, where)[feature[owner == zone]], grid, cells)

        return self._made(("nearest", name, where, zones, zone), make)

    def _members(
        self, name: str, where: str | None, zones: str
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of a feature and a polygon of ``zones`` that it belongs to."""

        def make() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
            pairs = members(self.shapes(name, where), self.grown(zones))
            if not pairs[0].size and self.rows(name, where).any():
                self._warn(name, f"no feature lies in a polygon of {zones}")
            return pairs

        return self._made(("members", name, where, zones), make)

    def _warn_of_far(self, name: str, reach: float) -> None:
        gap = self.gap(name)
        if max(FAR, reach, self._size) < gap < math.inf:
            text = f"its nearest feature is {gap / 1000:.0f} km from the region"
            self._made(("far", name), lambda: self._warn(name, text))

    def _load(self, name: str) -> gpd.GeoDataFrame:
        layer = self.layers[name]
        model = layer.model
        frame = read_vector(
            model.path,
            layer.where_text,
            layer=model.layer,
            crs=model.crs,
            lon=model.lon,
            lat=model.lat,
            encoding=model.encoding,
        )
        if model.join is not None:
            frame, gone = joined_table(frame, model.join, layer.where_text)
            if gone:
                self._warn(name, gone)
        if layer.filter is not None:
            frame = frame[self._own_filter(frame, layer)]
        if frame.empty:
            self._warn(name, f"the filter {layer.filter!r} keeps no feature")
        frame = frame.reset_index(drop=True)
        repairs = Repairs()
        warn_of_datum(frame.crs.to_wkt(), self.grid, layer.where_text)
        with reading(layer.where_text, "its shapes cannot be projected"):
            shapes = to_grid(
                frame.geometry.to_numpy(), frame.crs.to_wkt(), self.grid, repairs, layer.where_text
            )
        for text in repairs.sentences():
            self._warn(name, text)
        gap = self._gap(shapes) if len(shapes) else 0.0
        if len(shapes) and repairs.without_geometry == len(shapes):
            raise DataError(
                "no feature has a geometry",
                where=layer.where_text,
                got=f"{len(shapes)} empty ones",
                cure="check the file, e.g. in QGIS, and export it again",
                rule=7,
            )
        if gap > REACH_DEGREES * METRES_A_DEGREE:
            raise self._elsewhere(name, len(shapes))
        frame = frame.set_geometry(shapes, crs=self.grid.crs)
        if model.dissolve is None:
            return frame
        return merged(frame, model.dissolve, model.sum, layer.where_text)

    def _own_filter(self, frame: gpd.GeoDataFrame, layer: Resolved) -> NDArray[np.bool_]:
        """The layer's filter; a preset's one is left out where the file has not its columns."""
        assert layer.filter is not None  # noqa: S101 - the caller asked for it
        try:
            return select(frame, layer.filter, layer.where_text, layer.columns)
        except DataError as error:
            if layer.model.where is not None:
                raise
            self._warn(layer.name, f"the filter of its preset is not applied: {error.what}")
            return np.ones(len(frame), np.bool_)

    def gap(self, name: str) -> float:
        """Distance from the grid to the box around a layer's features [m]; inf without any."""
        return self._made(("gap", name), lambda: self._gap(self.frame(name).geometry.to_numpy()))

    def _gap(self, shapes: NDArray[Any]) -> float:
        import shapely

        bounds = shapely.bounds(shapes)
        bounds = bounds[np.isfinite(bounds).all(axis=1)]
        if not len(bounds):
            return math.inf
        west, south, east, north = self.grid.bounds
        gap_x = max(0.0, bounds[:, 0].min() - east, west - bounds[:, 2].max())
        gap_y = max(0.0, bounds[:, 1].min() - north, south - bounds[:, 3].max())
        if not self.grid.is_geographic:
            return math.hypot(gap_x, gap_y) * self.grid.unit_metres
        narrow = math.cos(math.radians(min(abs(south), abs(north), 89.0)))
        return math.hypot(gap_x * narrow, gap_y) * METRES_A_DEGREE

    @property
    def _size(self) -> float:
        """Longer side of the grid [m]."""
        east, north = self.grid.row_steps_m
        return max(float(np.max(east)) * self.grid.cols, north * self.grid.rows)

    def _require_near(self, name: str, reach: float) -> None:
        """Refuse features that are all far from the region; warn if they only lie beside it.

        Parameters
        ----------
        name : str
            The layer.
        reach : float
            How far its features are grown [m].
        """
        frame = self.frame(name)
        gap = self.gap(name) - reach
        if gap <= 0 or not len(frame):
            return
        if gap > self._size:
            raise self._elsewhere(name, len(frame))
        self._made(
            ("beside", name),
            lambda: self._warn(name, "no feature lies in the region, only beside it"),
        )

    def _elsewhere(self, name: str, count: int) -> DataError:
        return DataError(
            "the layer does not overlap the region",
            where=self.layers[name].where_text,
            got=f"{count} features, all elsewhere",
            cure="check its CRS (longitude and latitude swapped?) and the region",
            rule=7,
        )

    def _warn(self, name: str, text: str) -> None:
        warnings.warn(f"{self.layers[name].where_text}: {text}", CdrsiteWarning, stacklevel=2)

    def shapes(self, name: str, where: str | None) -> NDArray[Any]:
        """Shapes of the features that a filter keeps."""
        return self.frame(name).geometry.to_numpy()[self.rows(name, where)]

    def _grown_near(self, name: str, where: str | None, buffer: float) -> NDArray[Any]:
        reach = buffer + self.radii(name)[self.rows(name, where)]
        most = float(reach.max(initial=buffer))
        self._require_near(name, most)
        shapes = self.shapes(name, where)
        near = self._near(shapes, most)
        return grow(shapes[near], reach[near], self.grid) if most else self._areal(shapes, name)

    def radii(self, name: str) -> NDArray[np.float64]:
        """Distance by which each feature is grown by its own column, 0 without one [m].

        Raises
        ------
        DataError
            The column is missing, or holds what is no length of 0 or more.
        """
        return self._made(("radii", name), lambda: self._radii(name))

    def _radii(self, name: str) -> NDArray[np.float64]:
        import pandas as pd

        layer, frame = self.layers[name], self.frame(name)
        column = layer.model.radius
        if column is None:
            return np.zeros(len(frame))
        text = frame[column_name(frame, column, layer.where_text, layer.columns)]
        values = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
        wrong = ~((values >= 0) & np.isfinite(values))
        if wrong.any():
            raise DataError(
                "features without a radius",
                where=f"{layer.where_text}: column {column}",
                got=", ".join(str(one) for one in text[wrong][:5]),
                expected=f"{layer.model.radius_unit}, 0 or more",
                cure="correct the column, or leave these out with `where`",
                rule=7,
            )
        return np.asarray(values * conversion(layer.model.radius_unit, "m")[0])

    def _near(self, shapes: NDArray[Any], buffer: float) -> NDArray[np.bool_]:
        """Which features can touch the grid once grown."""
        import shapely

        reach = buffer / self.grid.unit_metres if not self.grid.is_geographic else buffer / 20_000
        west, south, east, north = self.grid.bounds
        if self.grid.is_geographic and max(abs(south), abs(north)) > 75:
            return np.ones(len(shapes), np.bool_)
        bounds = shapely.bounds(shapes)
        reach *= 1.05
        return np.asarray(
            (bounds[:, 2] >= west - reach)
            & (bounds[:, 0] <= east + reach)
            & (bounds[:, 3] >= south - reach)
            & (bounds[:, 1] <= north + reach)
        )

    def _areal(self, shapes: NDArray[Any], name: str) -> NDArray[Any]:
        """Polygons only; refuse features that have no area."""
        import shapely

        kinds = shapely.get_type_id(shapes)
        areal, empty = np.isin(kinds, (3, 6)), shapely.is_empty(shapes)
        mixed = np.flatnonzero((kinds == MIXED) & ~empty)
        if mixed.size:
            shapes = shapes.copy()
            for i in mixed:
                shapes[i] = polygonal(shapes[i])
                areal[i] = not shapes[i].is_empty
        if not empty.all() and not areal.any():  # no feature at all was said before
            raise DataError(
                "points and lines cover no area",
                where=self.layers[name].where_text,
                got=f"{int((~empty).sum())} features without an area",
                cure="give a buffer, e.g. buffer: 200 m, or use the distance to them",
                rule=3,
            )
        without = int((~areal & ~empty).sum())
        if without or mixed.size:
            self._warn(
                name,
                f"{without + mixed.size} of {shapes.size} features are points or lines, or have "
                "some beside their polygons; these cover no area; give a buffer to count them",
            )
        shapes = shapes.copy()
        shapes[~areal] = shapely.Polygon()
        return shapes

    def grown(self, name: str) -> NDArray[Any]:
        """Every feature, grown by the layer's own buffer; refuses layers without an area."""
        return self._made(("grown", name), lambda: self._grow(name))

    def _grow(self, name: str) -> NDArray[Any]:
        reach = self.layers[name].model.buffer + self.radii(name)
        most = float(reach.max(initial=0.0))
        self._require_near(name, most)
        shapes = self.shapes(name, None)
        return grow(shapes, reach, self.grid) if most else self._areal(shapes, name)

    def areas(self, name: str) -> NDArray[np.float64]:
        """Planar area of every feature as :meth:`each_rings` has it [square CRS units]."""
        import shapely

        return np.asarray(shapely.area(self.grown(name)))

    def warn_overlaps(self, name: str) -> None:
        """Say once if polygons of which a cell can have only one overlap."""
        self._made(("overlaps", name), lambda: self._warn_overlaps(name))

    def _warn_overlaps(self, name: str) -> None:
        import shapely

        shapes = self.shapes(name, None)
        tree = shapely.STRtree(shapes)
        first, second = tree.query(shapes, predicate="intersects")
        pair = first < second
        first, second = first[pair], second[pair]
        shared = shapely.intersection(shapes[first], shapes[second])
        smaller = np.minimum(shapely.area(shapes[first]), shapely.area(shapes[second]))
        some = shared[shapely.area(shared) > 1e-6 * smaller]
        # neighbours are projected each for itself, which leaves slivers as thin as the tolerance
        thin = EDGE_TOLERANCE * self.grid.resolution
        overlapping = int((shapely.area(shapely.buffer(some, -thin)) > 0).sum())
        if overlapping:
            self._warn(
                name,
                f"{overlapping} pair(s) of polygons overlap; a cell belongs to the first of "
                "them in the file (rule 6)",
            )


def grow(
    shapes: NDArray[Any], buffer: float | NDArray[np.float64], grid: AnalysisGrid
) -> NDArray[Any]:
    """Buffer shapes by metres, one for all or one each.

    In the grid's CRS, or in a local metric one if it is geographic.
    """
    import shapely

    if not grid.is_geographic:
        return shapely.buffer(shapes, buffer / grid.unit_metres, quad_segs=BUFFER_SEGMENTS)
    local, repairs = equal_area_crs(grid.bounds).to_wkt(), Repairs()
    tolerance = EDGE_TOLERANCE * grid.resolution
    metric = projected(shapes, grid.wkt, local, tolerance * METRES_A_DEGREE, repairs)
    grown = shapely.buffer(metric, buffer, quad_segs=BUFFER_SEGMENTS)
    window = window_of(grid)
    return turned(degrees_of(grown, local, tolerance, repairs), window.west, window.east)

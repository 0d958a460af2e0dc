"""Shapes of every kind as boundary and as layer, whole and block by block: one meaning for all."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from cdrsite.config.layers import FileLayer
from cdrsite.config.models import GridModel, Region
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning
from cdrsite.core.grid import Block
from cdrsite.layers.region import build_grid
from cdrsite.layers.stack import LayerStack

GEOD = Geod(ellps="WGS84")


def geojson(path: Path, *geometries: Any) -> Path:
    """A file of geometries as they are given, with a number and a name each."""
    features = [
        {"type": "Feature", "properties": {"v": i, "name": f"n{i}"}, "geometry": one}
        for i, one in enumerate(geometries)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def polygon(*bounds: float) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [ring(*bounds)]}


def several(*rings: list[list[float]]) -> dict[str, Any]:
    return {"type": "MultiPolygon", "coordinates": [[one] for one in rings]}


def area_km2(*bounds: tuple[float, float, float, float]) -> float:
    """True area of rectangles of longitude and latitude, edges along parallels."""
    total = 0.0
    for west, south, east, north in bounds:
        shape = shapely.segmentize(shapely.box(west, south, east, north), 0.01)
        total += abs(GEOD.geometry_area_perimeter(shape)[0]) / 1e6
    return total


LINE = {"type": "LineString", "coordinates": [[10.0, 50.0], [12.0, 51.0]]}
KINDS: dict[str, tuple[list[Any], float]] = {
    "plain": ([polygon(10, 50, 12, 51)], area_km2((10, 50, 12, 51))),
    "split at the seam": (
        [several(ring(178, 10, 180, 12), ring(-180, 10, -178, 12))],
        area_km2((178, 10, 182, 12)),
    ),
    "beyond 180": ([polygon(178, 10, 182, 12)], area_km2((178, 10, 182, 12))),
    "below -180": ([polygon(-182, 10, -178, 12)], area_km2((178, 10, 182, 12))),
    "long edges": ([polygon(-20, 48, 40, 52)], area_km2((-20, 48, 40, 52))),
    "around a pole": ([polygon(-180, 85, 180, 90)], area_km2((-180, 85, 180, 90))),
    "overlapping parts": (
        [several(ring(10, 50, 12, 51), ring(11, 50, 13, 51))],
        area_km2((10, 50, 13, 51)),
    ),
    "a part within a part": (
        [several(ring(10, 50, 13, 53), ring(11, 51, 12, 52))],
        area_km2((10, 50, 13, 53)),
    ),
    "overlapping features": (
        [polygon(10, 50, 12, 51), polygon(11, 50, 13, 51)],
        area_km2((10, 50, 13, 51)),
    ),
    "a collection": (
        [{"type": "GeometryCollection", "geometries": [polygon(10, 50, 12, 51), LINE]}],
        area_km2((10, 50, 12, 51)),
    ),
    "collections in collections": (
        [
            {
                "type": "GeometryCollection",
                "geometries": [
                    {"type": "GeometryCollection", "geometries": [polygon(10, 50, 11, 51)]},
                    polygon(11, 50, 12, 51),
                ],
            }
        ],
        area_km2((10, 50, 12, 51)),
    ),
    "with nothing beside it": (
        [polygon(10, 50, 12, 51), None, {"type": "Polygon", "coordinates": []}],
        area_km2((10, 50, 12, 51)),
    ),
    "with heights": (
        [{"type": "Polygon", "coordinates": [[[*xy, 7.0] for xy in ring(10, 50, 12, 51)]]}],
        area_km2((10, 50, 12, 51)),
    ),
    "wound the other way": (
        [{"type": "Polygon", "coordinates": [ring(10, 50, 12, 51)[::-1]]}],
        area_km2((10, 50, 12, 51)),
    ),
}
"""Kind of shape -> geometries of a file, and the true area that they cover [km2]."""


@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_one_area_as_boundary_and_as_layer_and_in_blocks(kind: str, tmp_path: Path) -> None:
    geometries, expected = KINDS[kind]
    path = geojson(tmp_path / "shape.geojson", *geometries)
    side = np.sqrt(expected / 900) * 1000  # about 900 cells, whatever the size
    area = build_grid(Region(boundary=path), GridModel(resolution=float(side)))
    cell = area.grid.row_areas[0] / 1e6
    assert area.geometry.area / 1e6 == pytest.approx(expected, rel=2e-4)
    stack = LayerStack({"x": FileLayer(path=path)}, area)
    whole = Block(0, area.grid.rows, 0, area.grid.cols)
    covered = stack.coverage("x", whole)
    assert covered.astype(float).sum() * cell == pytest.approx(expected, rel=2e-4)
    inside = area.inside(whole)
    assert inside.sum() * cell == pytest.approx(expected, rel=0.05)
    np.testing.assert_array_equal(stack.coverage("x", whole, rasterise="centre") == 1, inside)
    metres = stack.distance("x", whole)
    assert ((metres == 0) == inside).all()
    grown = stack.coverage("x", whole, buffer=2 * side)
    assert (grown >= covered - 1e-6).all() and grown.sum() > covered.sum()
    for block in area.grid.blocks(11):
        for read, all_ in (
            (stack.coverage("x", block), covered),
            (stack.distance("x", block), metres),
            (stack.coverage("x", block, buffer=2 * side), grown),
        ):
            assert read.tobytes() == all_[block.slices].tobytes()


numbers = st.one_of(
    st.floats(-180, 180, allow_nan=False), st.integers(-180, 180), st.sampled_from([180, -180, 361])
)
positions = st.lists(numbers, min_size=2, max_size=4)
lines = st.lists(positions, min_size=2, max_size=5)
rings = st.lists(positions, min_size=3, max_size=5).map(lambda points: [*points, points[0]])
polygons = st.lists(rings, min_size=0, max_size=3)
simple = st.one_of(
    st.builds(lambda c: {"type": "Point", "coordinates": c}, st.one_of(positions, st.just([]))),
    st.builds(lambda c: {"type": "MultiPoint", "coordinates": c}, st.lists(positions, max_size=3)),
    st.builds(lambda c: {"type": "LineString", "coordinates": c}, lines),
    st.builds(lambda c: {"type": "MultiLineString", "coordinates": c}, st.lists(lines, max_size=3)),
    st.builds(lambda c: {"type": "Polygon", "coordinates": c}, polygons),
    st.builds(lambda c: {"type": "MultiPolygon", "coordinates": c}, st.lists(polygons, max_size=3)),
)
geometry = st.recursive(
    simple,
    lambda inner: st.builds(
        lambda c: {"type": "GeometryCollection", "geometries": c}, st.lists(inner, max_size=3)
    ),
    max_leaves=5,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(shapes=st.lists(st.one_of(geometry, st.none()), max_size=4))
def test_any_legal_geojson_is_read_or_refused_in_words(
    shapes: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = geojson(tmp_path_factory.mktemp("g") / "any.geojson", *shapes)
    area = build_grid(
        Region(bounds=(5.0, 45.0, 15.0, 55.0)), GridModel(crs="auto", resolution="100 km")
    )
    whole = Block(0, area.grid.rows, 0, area.grid.cols)

    def boundary() -> Any:
        return build_grid(Region(boundary=path), GridModel(resolution="500 km", max_cells=10_000))

    def layer(ask: Any) -> Any:
        return ask(LayerStack({"x": FileLayer(path=path)}, area))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        for read in (
            boundary,
            lambda: layer(lambda stack: stack.coverage("x", whole)),
            lambda: layer(lambda stack: stack.coverage("x", whole, buffer=5000.0)),
            lambda: layer(lambda stack: stack.distance("x", whole)),
            lambda: layer(lambda stack: stack.labels("x", whole)),
        ):
            try:
                read()
            except CdrsiteError as error:
                assert "any.geojson" in str(error) or "region" in str(error), error


@settings(max_examples=examples(40), deadline=None)
@given(
    boxes=st.lists(st.tuples(*[st.integers(0, 8)] * 4), min_size=1, max_size=5),
    one_feature=st.booleans(),
)
def test_a_repaired_layer_never_loses_area_to_a_hole(
    boxes: list[tuple[int, int, int, int]],
    one_feature: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Parts of one feature, or features of one file, that overlap at will: their union."""
    rings_ = [
        ring(10 + a / 4, 50 + b / 4, 10 + (a + c + 1) / 4, 50 + (b + d + 1) / 4)
        for a, b, c, d in boxes
    ]
    made = [several(*rings_)] if one_feature else [several(one) for one in rings_]
    path = geojson(tmp_path_factory.mktemp("r") / "parts.geojson", *made)
    area = build_grid(
        Region(bounds=(9.0, 49.0, 16.0, 55.0)), GridModel(crs="EPSG:4326", resolution="0.25 degree")
    )
    whole = Block(0, area.grid.rows, 0, area.grid.cols)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        covered = LayerStack({"x": FileLayer(path=path)}, area).coverage("x", whole)
    expected = np.zeros(covered.shape)
    x, y = np.meshgrid(area.grid.x, area.grid.y)
    for one in rings_:
        west, south, east, north = shapely.bounds(shapely.Polygon(one))
        expected[(x > west) & (x < east) & (y > south) & (y < north)] = 1
    np.testing.assert_allclose(covered, expected, atol=1e-6)

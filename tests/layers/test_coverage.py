"""Exact polygon coverage: against shapely and exactextract, and whatever the block."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.layers.coverage import rings_of

WKT = AnalysisGrid.from_bounds("EPSG:3035", (0, 0, 1, 1), 1).wkt


def grid(rows: int = 6, cols: int = 7, size: float = 10.0) -> AnalysisGrid:
    return AnalysisGrid(WKT, 4_000_000.0, 3_000_000.0, size, rows, cols)


def placed(shape: Any, g: AnalysisGrid) -> Any:
    """From cell coordinates (u east, v south) to the grid's CRS."""
    return shapely.transform(
        shape,
        lambda uv: np.column_stack(
            [g.west + uv[:, 0] * g.resolution, g.north - uv[:, 1] * g.resolution]
        ),
    )


def by_shapely(shape: Any, g: AnalysisGrid) -> np.ndarray:
    uu, vv = np.meshgrid(np.arange(g.cols), np.arange(g.rows))
    cells = placed(shapely.box(uu, vv, uu + 1, vv + 1), g)
    return shapely.area(shapely.intersection(cells, shape)) / g.resolution**2


def whole(g: AnalysisGrid) -> Block:
    return Block(0, g.rows, 0, g.cols)


def test_a_square_of_one_and_a_half_cells() -> None:
    g = grid(2, 3)
    shape = placed(shapely.box(0.5, 0.0, 2.0, 1.0), g)
    got = rings_of([shape], g).fraction(whole(g))
    np.testing.assert_array_equal(got, np.float32([[0.5, 1, 0], [0, 0, 0]]))


def test_a_hole_is_not_covered() -> None:
    g = grid(3, 3)
    shape = placed(shapely.box(0, 0, 3, 3).difference(shapely.box(1, 1, 2, 1.5)), g)
    expected = np.ones((3, 3), np.float32)
    expected[1, 1] = 0.5
    np.testing.assert_array_equal(rings_of([shape], g).fraction(whole(g)), expected)


def test_a_polygon_beyond_every_edge_covers_all() -> None:
    g = grid()
    shape = placed(shapely.box(-50, -50, 60, 60), g)
    assert (rings_of([shape], g).fraction(whole(g)) == 1).all()
    assert rings_of([shape], g).centres(whole(g)).all()


def test_a_centre_in_two_polygons_is_inside_and_one_in_all_their_holes_is_not() -> None:
    g = grid(3, 5)
    wide = shapely.box(0, 0, 4, 3).difference(shapely.box(1, 1, 3, 2))
    shapes = [placed(one, g) for one in (wide, wide, shapely.box(2, 1, 5, 2))]
    expected = [[1, 1, 1, 1, 0], [1, 0, 1, 1, 1], [1, 1, 1, 1, 0]]
    np.testing.assert_array_equal(rings_of(shapes, g).centres(whole(g)), np.bool_(expected))
    apart = [rings_of([one], g).centres(whole(g)) for one in shapes]
    np.testing.assert_array_equal(np.any(apart, axis=0), np.bool_(expected))


def test_nothing_covers_nothing() -> None:
    g = grid()
    rings = rings_of([shapely.Polygon(), shapely.Point(1, 2)], g)
    assert not rings.fraction(whole(g)).any()
    assert not rings.centres(whole(g)).any()


def test_a_sliver_keeps_its_area() -> None:
    g = grid()
    shape = placed(shapely.Polygon([(0.1, 0.1), (6.9, 5.9), (6.9, 5.9 + 1e-5)]), g)
    got = rings_of([shape], g).fraction(whole(g)).sum()
    assert got == pytest.approx(shape.area / g.resolution**2, rel=1e-4)


coordinate = st.one_of(
    st.floats(-2, 9, allow_nan=False).map(lambda x: round(x, 6)), st.integers(-1, 8).map(float)
)


@st.composite
def polygons(draw: st.DrawFn) -> Any:
    """Hulls, slivers, boxes on the cell lines, with or without a hole; anywhere about the grid."""
    points = draw(st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=9))
    kind = draw(st.sampled_from(["hull", "ring", "box"]))
    if kind == "box":
        (u0, v0), (u1, v1) = points[0], points[1]
        shape = shapely.box(min(u0, u1), min(v0, v1), max(u0, u1), max(v0, v1))
    elif kind == "ring":
        shape = shapely.make_valid(shapely.Polygon(points))
    else:
        shape = shapely.MultiPoint(points).convex_hull
    if draw(st.booleans()):
        hole = shapely.box(*draw(st.sampled_from([(1, 1, 3, 2), (2.5, 0.5, 4.25, 3.75)])))
        shape = shape.difference(hole)
    parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"]
    return shapely.union_all(parts) if parts else shapely.Polygon()


@given(polygons())
def test_agrees_with_shapely(shape: Any) -> None:
    g = grid()
    shape = placed(shape, g)
    got = rings_of([shape], g).fraction(whole(g))
    np.testing.assert_allclose(got, by_shapely(shape, g), atol=2e-7)


@given(polygons())
def test_agrees_with_exactextract(shape: Any) -> None:
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource
    from pandas import DataFrame

    g = grid()
    shape = placed(shape, g)
    if shape.is_empty:
        return
    west, south, east, north = g.bounds
    raster = NumPyRasterSource(
        np.ones(g.shape), xmin=west, ymin=south, xmax=east, ymax=north, srs_wkt=g.wkt
    )
    import geopandas as gpd

    frame = gpd.GeoDataFrame(geometry=[shape], crs="EPSG:3035")
    table: DataFrame = exact_extract(raster, frame, ["cell_id", "coverage"], output="pandas")
    expected = np.zeros(g.size)
    expected[np.asarray(table["cell_id"][0], int)] = table["coverage"][0]
    got = rings_of([shape], g).fraction(whole(g))
    np.testing.assert_allclose(got, expected.reshape(g.shape), atol=3e-7)


@given(polygons(), st.integers(1, 5), st.booleans())
def test_any_block_size_gives_the_same_bytes(shape: Any, size: int, centre: bool) -> None:
    g = grid()
    rings = rings_of([placed(shape, g)], g)
    read = rings.centres if centre else rings.fraction
    once = read(whole(g))
    pieces = np.zeros_like(once)
    for block in g.blocks(size):
        pieces[block.slices] = read(block)
    assert once.tobytes() == pieces.tobytes()


@given(polygons())
@settings(max_examples=examples(60))
def test_centres_agree_with_gdal(shape: Any) -> None:
    from rasterio.features import rasterize

    g = grid()
    shape = placed(shape, g)
    got = rings_of([shape], g).centres(whole(g))
    uu, vv = np.meshgrid(np.arange(g.cols) + 0.5, np.arange(g.rows) + 0.5)
    points = placed(shapely.points(uu, vv), g)
    clear = shapely.distance(points, shape.boundary) > 1e-6 if not shape.is_empty else uu > 0
    expected = np.zeros(g.shape, np.uint8)
    if not shape.is_empty:
        expected = rasterize([shape], g.shape, transform=g.transform, all_touched=False)
    # on the boundary itself the choice is free
    np.testing.assert_array_equal(got[clear], expected[clear].astype(bool))

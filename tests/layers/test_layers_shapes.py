"""Shapes on the grid: the seam, curved edges, repair, collections, systems that are nowhere."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer

from cdrsite.config.layers import FileLayer
from cdrsite.config.models import GridModel, Region
from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.core.grid import AnalysisGrid, Block, equal_area_crs
from cdrsite.layers.projecting import EDGE_TOLERANCE, degrees_of, to_grid
from cdrsite.layers.region import StudyArea, build_grid
from cdrsite.layers.seam import centred_longitudes, turned, window_of
from cdrsite.layers.shapes import Repairs, clean
from cdrsite.layers.stack import LayerStack

WGS84 = "EPSG:4326"
WKT = CRS.from_epsg(4326).to_wkt()


def arr(*shapes: Any) -> Any:
    return np.array(shapes, dtype=object)


def area(bounds: tuple[float, float, float, float], size: float, crs: str = "auto") -> StudyArea:
    return build_grid(Region(bounds=bounds), GridModel(crs=crs, resolution=size))


def whole(grid: AnalysisGrid) -> Block:
    return Block(0, grid.rows, 0, grid.cols)


def save(path: Path, shapes: list[Any], crs: Any = WGS84, **columns: Any) -> Path:
    frame = gpd.GeoDataFrame(columns or {"i": range(len(shapes))}, geometry=shapes, crs=crs)
    frame.to_file(path)
    return path


def covered(path: Path, place: StudyArea, **options: Any) -> Any:
    stack = LayerStack({"a": FileLayer(path=path, **options)}, place)
    return stack.coverage("a", whole(place.grid))


def centres(grid: AnalysisGrid) -> tuple[Any, Any]:
    """Longitude and latitude of the cells' centres."""
    x, y = np.meshgrid(grid.x, grid.y)
    return Transformer.from_crs(grid.crs, WGS84, always_xy=True).transform(x, y)


# edges ------------------------------------------------------------------------------------------


def test_an_edge_along_a_parallel_follows_it(tmp_path: Path) -> None:
    place = area((-112, 47, -103, 52), 10_000)
    file = save(tmp_path / "north.gpkg", [shapely.box(-120, 49, -95, 60)])
    share = covered(file, place)
    _, lat = centres(place.grid)
    sure = np.abs(lat - 49) > 0.07  # half a cell of 10 km, and what turns with the grid
    assert np.array_equal(share[sure] > 0.5, lat[sure] > 49)
    stack = LayerStack({"a": FileLayer(path=file)}, place)
    km2 = float((share * place.grid.row_areas[:, None])[place.inside(whole(place.grid))].sum())
    assert stack.grid == place.grid
    ring = shapely.segmentize(shapely.box(-112, 49, -103, 52), 0.01)
    exact = abs(Geod(ellps="WGS84").geometry_area_perimeter(ring)[0])
    assert km2 == pytest.approx(exact, rel=5e-3)  # the region by whole cells


def test_a_boundary_file_is_the_region_of_its_bounds(tmp_path: Path) -> None:
    file = save(tmp_path / "box.gpkg", [shapely.box(-112, 49, -100, 52)])
    from_file = build_grid(Region(boundary=file), GridModel(resolution="10 km"))
    from_bounds = build_grid(Region(bounds=(-112, 49, -100, 52)), GridModel(resolution="10 km"))
    assert from_file.grid == from_bounds.grid
    apart = shapely.symmetric_difference(from_file.geometry, from_bounds.geometry)
    assert apart.area < 1e-9 * from_file.geometry.area
    dense = shapely.segmentize(shapely.box(-112, 49, -100, 52), 0.001)
    there = Transformer.from_crs(WGS84, from_file.grid.crs, always_xy=True)
    exact = shapely.transform(dense, there.transform, interleaved=False)
    assert shapely.hausdorff_distance(exact, from_file.geometry) < 10_000 * EDGE_TOLERANCE * 1.5


@settings(max_examples=examples(25))
@given(
    st.tuples(st.floats(-170, 170), st.floats(-70, 70)),
    st.tuples(st.floats(0.1, 20), st.floats(0.1, 15)),
)
def test_densifying_beforehand_changes_nothing(
    corner: tuple[float, float], size: tuple[float, float]
) -> None:
    west, south = corner
    shape = shapely.box(west, south, west + size[0], min(south + size[1], 84))
    grid = AnalysisGrid.from_bounds(
        equal_area_crs(shape.bounds), (-2e5, -2e5, 2e5, 2e5), 1000.0, snap=None
    )
    one, many = to_grid(arr(shape, shapely.segmentize(shape, 0.05)), WKT, grid, Repairs(), "here")
    assert one.area == pytest.approx(many.area, rel=1e-6)
    assert shapely.hausdorff_distance(one, many) < 1000 * EDGE_TOLERANCE * 2


# what the grid's system cannot hold ---------------------------------------------------------------


@pytest.mark.parametrize("crs", [WGS84, "EPSG:3857"])
def test_a_polygon_of_the_whole_world_covers_the_region(tmp_path: Path, crs: str) -> None:
    world = shapely.box(-180, -85, 180, 85)
    frame = gpd.GeoSeries([world], crs=WGS84).to_crs(crs)
    file = save(tmp_path / "world.gpkg", list(frame), crs)
    place = area((100, 30, 101, 31), 10_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error", CdrsiteWarning)
        share = covered(file, place)
    assert share == pytest.approx(np.ones(place.grid.shape))


# the seam -----------------------------------------------------------------------------------------

FIJI = [shapely.box(178, -18.5, 180, -16.5), shapely.box(-180, -18.5, -178.5, -16.5)]


@pytest.mark.parametrize(
    "outline",
    [
        shapely.MultiPolygon(FIJI),
        shapely.box(178, -18.5, 181.5, -16.5),
        shapely.box(-182, -18.5, -178.5, -16.5),
    ],
    ids=["split", "east", "west"],
)
@pytest.mark.parametrize("crs", ["auto", WGS84])
def test_a_region_over_the_seam_is_one_piece(tmp_path: Path, outline: Any, crs: str) -> None:
    file = save(tmp_path / "fiji.gpkg", [outline])
    size = "10 km" if crs == "auto" else "0.1 degree"
    place = build_grid(Region(boundary=file), GridModel(crs=crs, resolution=size))
    assert place.grid.cols < 50
    assert place.geometry.geom_type == "Polygon"
    if crs == WGS84:
        assert place.geometry.bounds == pytest.approx((178, -18.5, 181.5, -16.5))


def test_bounds_over_the_seam() -> None:
    place = area((178, -18.5, -178.5, -16.5), 10_000)
    assert abs(place.grid.rows - 23) <= 1
    assert abs(place.grid.cols - 38) <= 1
    with pytest.raises(ValueError, match=r"west > east only over the 180th meridian"):
        Region(bounds=(10, 0, 5, 1))


@pytest.mark.parametrize("crs", ["auto", WGS84])
@pytest.mark.parametrize("lon", [-179.99, 180.01])
def test_distances_and_buffers_cross_the_seam(tmp_path: Path, crs: str, lon: float) -> None:
    bounds = (178.0, -18.5, 181.5, -16.5)
    place = area(bounds, 10_000 if crs == "auto" else 0.1, crs)
    file = save(tmp_path / "point.gpkg", [shapely.Point(lon, -17.5)])
    stack = LayerStack({"a": FileLayer(path=file)}, place)
    metres = stack.distance("a", whole(place.grid))
    far = Geod(ellps="WGS84").inv(*centres(place.grid), *np.broadcast_to(
        np.array([[lon], [-17.5]])[:, :, None], (2, *place.grid.shape)
    ))[2]  # fmt: skip
    near = far < 200_000
    assert np.abs(metres / far - 1)[near & (far > 5000)].max() < 2e-3
    share = covered(file, place, buffer="40 km")
    cells = (share * place.grid.row_areas[:, None]).sum()
    assert cells == pytest.approx(math.pi * 40_000**2, rel=0.01)


@settings(max_examples=examples(30))
@given(
    st.lists(st.tuples(st.floats(-40, 40), st.floats(0.01, 30)), min_size=1, max_size=4),
    st.floats(-180, 180),
)
def test_the_smallest_interval_of_longitude(
    parts: list[tuple[float, float]], middle: float
) -> None:
    boxes = [shapely.box(middle + a, 0, middle + a + w, 1) for a, w in parts]
    west, east = centred_longitudes(arr(*boxes))
    low, high = min(a for a, _ in parts), max(a + w for a, w in parts)
    assert east - west == pytest.approx(high - low, abs=1e-6)
    assert -180 <= west < 180 + 1e-9
    assert math.cos(math.radians(west - middle - low)) == pytest.approx(1, abs=1e-9)


@given(st.integers(-2, 2), st.floats(-179, 179), st.floats(0.1, 100), st.floats(-180, 180))
def test_whole_circles_change_nothing(k: int, west: float, width: float, start: float) -> None:
    shape = shapely.box(west, 0, west + width, 1)
    moved = shapely.box(west + 360 * k, 0, west + width + 360 * k, 1)
    one, two = turned(arr(shape), start, start + 360), turned(arr(moved), start, start + 360)
    assert shapely.symmetric_difference(one[0], two[0]).area < 1e-6
    assert one[0].area == pytest.approx(width, rel=1e-9)


def test_longitudes_from_0_to_360_are_the_same_layer(tmp_path: Path) -> None:
    place = area((-12, 40, -10, 41), 5_000)
    shape = shapely.box(-11.6, 40.2, -10.5, 40.7)
    first = covered(save(tmp_path / "a.gpkg", [shape]), place)
    again = shapely.transform(shape, lambda xy: xy + np.array([360.0, 0.0]))
    second = covered(save(tmp_path / "b.gpkg", [again]), place)
    assert first.any()
    assert np.abs(first - second).max() < 1e-6


def test_a_polar_region_and_a_polygon_around_the_pole(tmp_path: Path) -> None:
    place = build_grid(Region(bounds=(-180, 75, 180, 90)), GridModel(resolution="50 km"))
    zone = 2 * math.pi * 6_378_137.0**2
    assert place.geometry.area == pytest.approx(zone * (1 - math.sin(math.radians(75))), rel=0.01)
    file = save(tmp_path / "cap.gpkg", [shapely.box(-180, 85, 180, 90)])
    _, lat = centres(place.grid)
    share = covered(file, place)
    sure = np.abs(lat - 85) > 0.5
    assert np.array_equal(share[sure] > 0.5, lat[sure] > 85)


def test_shapes_of_a_pacific_system_stay_whole() -> None:
    system = "+proj=laea +lon_0=180 +lat_0=0 +datum=WGS84"
    shape = shapely.Point(0, 0).buffer(5e5)
    degrees = degrees_of(arr(shape), CRS.from_user_input(system).to_wkt(), 1e-3, Repairs())[0]
    assert degrees.geom_type == "Polygon"
    assert degrees.bounds[2] - degrees.bounds[0] < 10


@pytest.mark.filterwarnings("ignore:.*the region is wide")
def test_a_shape_around_the_pole_holds_it() -> None:
    ring = shapely.Point(0, 0).buffer(1e6)  # about 9 degrees around the north pole
    cap = degrees_of(arr(ring), CRS.from_epsg(3995).to_wkt(), 1e-3, Repairs())[0]
    assert cap.bounds[3] == 90
    assert cap.bounds[2] - cap.bounds[0] == pytest.approx(360, abs=1e-6)
    grid = build_grid(Region(bounds=(-180, 60, 180, 90)), GridModel(resolution="100 km")).grid
    moved = to_grid(arr(ring), CRS.from_epsg(3995).to_wkt(), grid, Repairs(), "here")[0]
    assert moved.buffer(1).contains(shapely.Point(0, 0))
    exact = math.pi * 1e12  # true to scale at 71 degrees, larger at the pole
    assert moved.area == pytest.approx(exact, rel=0.07)


def test_the_window_of_a_grid_reaches_3000_km() -> None:
    window = window_of(area((178, -18.5, -178.5, -16.5), 10_000).grid)
    assert window.west < 150
    assert window.east > 210
    assert (window.south, window.north) == pytest.approx((-48.5, 13.5), abs=0.2)


def test_edges_over_half_of_the_globe_are_told() -> None:
    repairs = Repairs()
    grid = area((0, 0, 1, 1), 10_000).grid
    to_grid(arr(shapely.box(-170, 10, 170, 20)), WKT, grid, repairs, "here")
    assert repairs.long_edges == 2
    assert "taken as drawn; cure: split shapes at the 180th meridian" in repairs.sentences()[0]


# repair -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (shapely.MultiPolygon([shapely.box(0, 0, 5, 5), shapely.box(3, 3, 8, 8)]), 46),
        (shapely.MultiPolygon([shapely.box(0, 0, 9, 9), shapely.box(3, 3, 5, 5)]), 81),
        (shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]), 2),
        (shapely.Polygon([(0, 0), (4, 0), (4, 4), (1, 4), (1, 1), (3, 1), (3, 5), (0, 5)]), 19),
        (shapely.box(0, 0, 9, 9).difference(shapely.box(3, 3, 5, 5)), 77),
    ],
    ids=["overlap", "nested", "bow tie", "winds twice", "a real hole"],
)
def test_repair_never_takes_area_away(shape: Any, expected: float) -> None:
    repairs = Repairs(metres=1000.0)
    made = clean(arr(shape, shapely.GeometryCollection([shape])), repairs)
    assert shapely.area(made) == pytest.approx([expected, expected])
    assert shapely.is_valid(made).all()
    if not shape.is_valid:
        assert repairs.polygons == 2
        said = f"{2 * shape.area:g} km² as the sum of their parts, {2 * expected:g} km²"
        assert said in repairs.sentences()[0]


@given(
    st.lists(st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(1, 6)] * 2), min_size=1, max_size=5)
)
def test_overlapping_parts_are_their_union(boxes: list[tuple[int, int, int, int]]) -> None:
    parts = [shapely.box(x, y, x + w, y + h) for x, y, w, h in boxes]
    made = clean(arr(shapely.MultiPolygon(parts)), Repairs())[0]
    assert made.area == pytest.approx(shapely.union_all(parts).area)


def test_the_region_is_repaired_alike(tmp_path: Path) -> None:
    x, y = 4_000_000, 3_000_000
    first = shapely.box(x, y, x + 5000, y + 5000)
    parts = [first, shapely.box(x + 3000, y + 3000, x + 8000, y + 8000)]
    file = save(tmp_path / "r.gpkg", [shapely.MultiPolygon(parts)], "EPSG:3035")
    with pytest.warns(CdrsiteWarning, match=r"region\.boundary .*50 km² .*46 km²"):
        place = build_grid(Region(boundary=file), GridModel(crs="EPSG:3035", resolution="1 km"))
    assert int(place.inside(whole(place.grid)).sum()) == 46


# collections, nothing, other dimensions -----------------------------------------------------------


def local(*cells: tuple[int, int, int, int]) -> list[Any]:
    """Boxes of 1 km cells from the north-west corner of :func:`square`."""
    return [
        shapely.box(4e6 + 1e3 * c, 3.01e6 - 1e3 * (r + h), 4e6 + 1e3 * (c + w), 3.01e6 - 1e3 * r)
        for c, r, w, h in cells
    ]


def square() -> StudyArea:
    region = Region(bounds=(4e6, 3e6, 4.01e6, 3.01e6), crs="EPSG:3035")
    return build_grid(region, GridModel(crs="EPSG:3035", resolution="1 km"))


def test_a_collection_is_all_that_is_in_it(tmp_path: Path) -> None:
    point = shapely.Point(4_009_500, 3_000_500)
    inner = shapely.GeometryCollection([*local((1, 1, 4, 4)), shapely.GeometryCollection([point])])
    file = save(tmp_path / "c.gpkg", [inner], "EPSG:3035")
    place = square()
    stack = LayerStack({"a": FileLayer(path=file)}, place)
    near = stack.distance("a", whole(place.grid)) < 100
    assert int(near.sum()) == 17
    with pytest.warns(CdrsiteWarning, match=r"have some beside their polygons"):
        assert stack.coverage("a", whole(place.grid)).sum() == pytest.approx(16)


def test_features_without_a_geometry_are_told_and_left_out(tmp_path: Path) -> None:
    points = [shapely.Point(4e6 + x, 3.0095e6) for x in (500, 2500, 3500)]
    shapes = [points[0], None, points[1], shapely.Point(), points[2]]
    file = save(tmp_path / "p.gpkg", shapes, "EPSG:3035", v=[10.0, 1000.0, 30.0, 500.0, 40.0])
    place = square()
    layer = FileLayer(path=file, attribute="v", unit="m3/yr", kind="extensive")
    stack = LayerStack({"a": layer}, place)
    with pytest.warns(CdrsiteWarning, match=r"2 feature\(s\) have no geometry"):
        row = stack.values("a", whole(place.grid))[0]
    assert row[:5] == pytest.approx([10, np.nan, 30, 40, np.nan], nan_ok=True)


def test_height_and_measure_are_dropped(tmp_path: Path) -> None:
    (flat,) = local((1, 1, 4, 4))
    file = save(tmp_path / "z.gpkg", [shapely.force_3d(flat, 7.0)], "EPSG:3035")
    assert covered(file, square()).sum() == pytest.approx(16)


# systems that are nowhere -------------------------------------------------------------------------

ENGINEERING = (
    'ENGCRS["site",EDATUM["site"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],'
    'LENGTHUNIT["metre",1]]'
)


def test_an_engineering_system_is_none(tmp_path: Path) -> None:
    file = save(tmp_path / "a.gpkg", local((1, 1, 4, 4)), ENGINEERING)
    place = square()
    stack = LayerStack({"a": FileLayer(path=file)}, place)
    with pytest.raises(DataError, match=r"not a horizontal coordinate system.*cure: add crs: EPSG"):
        stack.coverage("a", whole(place.grid))
    with pytest.raises(DataError, match=r"region\.boundary .*not a horizontal"):
        build_grid(Region(boundary=file), GridModel(resolution="1 km"))
    told = LayerStack({"a": FileLayer(path=file, crs="EPSG:3035")}, place)
    assert told.coverage("a", whole(place.grid)).sum() == pytest.approx(16)

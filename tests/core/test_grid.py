"""The analysis grid (rule 1)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Geod

from cdrsite.config.models import GridModel, Region
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning, GridError
from cdrsite.core.grid import AnalysisGrid, equal_area_crs, require_same_grid
from cdrsite.layers.region import build_grid


def test_a_small_grid_written_out() -> None:
    grid = AnalysisGrid.from_bounds("EPSG:3035", (105.0, 210.0, 390.0, 390.0), 100.0)
    assert grid.shape == (2, 3)
    assert grid.bounds == (100.0, 200.0, 400.0, 400.0)
    assert grid.x.tolist() == [150.0, 250.0, 350.0]
    assert grid.y.tolist() == [350.0, 250.0]
    assert grid.row_areas.tolist() == [10_000.0, 10_000.0]
    assert grid.index(399.0, 201.0) == (1, 2)
    assert [b.slices for b in grid.blocks(2)] == [
        (slice(0, 2), slice(0, 2)),
        (slice(0, 2), slice(2, 3)),
    ]
    assert grid == AnalysisGrid.from_bounds("EPSG:3035", (101.0, 201.0, 400.0, 400.0), 100.0)


def test_bounds_on_the_lattice_stay_there() -> None:
    grid = AnalysisGrid.from_bounds(
        "EPSG:3035", (4037300.0, 3049300.0, 4067700.0, 3100200.0), 100.0
    )
    assert grid.shape == (509, 304)
    assert (grid.west, grid.north) == (4037300.0, 3100200.0)


def test_true_areas_on_a_geographic_grid() -> None:
    grid = AnalysisGrid.from_bounds("EPSG:4326", (10.0, 40.0, 12.0, 60.0), 1.0)
    geod = Geod(ellps="WGS84")
    for row in (0, 10, 19):
        north = 60.0 - row
        # meridians are geodesics, parallels are not: many short steps along them
        lons = np.linspace(10.0, 11.0, 2001)
        ring_lon = np.concatenate([lons, lons[::-1]])
        ring_lat = np.concatenate([np.full(2001, north - 1.0), np.full(2001, north)])
        area, _ = geod.polygon_area_perimeter(ring_lon, ring_lat)
        assert grid.row_areas[row] == pytest.approx(abs(area), rel=1e-7)


def test_the_whole_earth_has_its_area() -> None:
    grid = AnalysisGrid.from_bounds("EPSG:4326", (-180.0, -90.0, 180.0, 90.0), 1.0)
    assert grid.row_areas.sum() * 360 == pytest.approx(510_065_621_724_088.4, rel=1e-9)


def test_ground_steps_of_a_geographic_grid() -> None:
    grid = AnalysisGrid.from_bounds("EPSG:4326", (0.0, 59.5, 2.0, 60.5), 1.0, snap=(0.0, 59.5))
    east, north = grid.row_steps_m
    assert east[0] == pytest.approx(55_800, rel=2e-3)
    assert north == pytest.approx(111_412, rel=1e-3)


@pytest.mark.parametrize(
    ("bounds", "crs_name"),
    [
        ((105.0, 34.0, 109.0, 38.0), "Lambert Azimuthal Equal Area"),
        ((73.0, 18.0, 135.0, 54.0), "Albers Equal Area"),
        ((-20.0, -35.0, 52.0, 37.0), "Lambert Cylindrical Equal Area"),
    ],
)
def test_the_chosen_crs_is_equal_area(
    bounds: tuple[float, float, float, float], crs_name: str
) -> None:
    from pyproj import Proj

    crs = equal_area_crs(bounds)
    assert crs_name in crs.coordinate_operation.method_name
    west, south, east, north = bounds
    factors = Proj(crs).get_factors(np.linspace(west, east, 5), np.linspace(south, north, 5))
    np.testing.assert_allclose(factors.areal_scale, 1.0, rtol=1e-6)


@given(
    st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(10, 1e5), st.floats(10, 1e5),
    st.sampled_from([1.0, 30.0, 100.0, 1000.0]),
)  # fmt: skip
def test_a_grid_covers_its_bounds_with_no_spare_row(
    west: float, south: float, width: float, height: float, resolution: float
) -> None:
    bounds = (west, south, west + width, south + height)
    grid = AnalysisGrid.from_bounds("EPSG:3035", bounds, resolution)
    slack = 2e-6 * resolution + 1e-6
    assert grid.bounds[0] <= west + slack
    assert grid.bounds[1] <= south + slack
    assert grid.bounds[2] >= west + width - slack
    assert grid.bounds[3] >= south + height - slack
    assert grid.bounds[2] - grid.bounds[0] < width + 2 * resolution + slack
    assert sum(b.shape[0] * b.shape[1] for b in grid.blocks(17 + grid.rows // 5)) == grid.size


@pytest.mark.parametrize(
    ("bounds", "resolution", "words"),
    [
        ((0.0, 0.0, 0.0, 1.0), 1.0, "the bounds are empty"),
        ((0.0, 0.0, float("nan"), 1.0), 1.0, "the bounds are empty"),
        ((0.0, 0.0, 1.0, 1.0), 0.0, "not a positive number; got 0.0"),
    ],
)
def test_grids_without_cells_are_refused(
    bounds: tuple[float, float, float, float], resolution: float, words: str
) -> None:
    with pytest.raises(GridError, match=words):
        AnalysisGrid.from_bounds("EPSG:3035", bounds, resolution)


def test_two_grids_are_never_mixed() -> None:
    first = AnalysisGrid.from_bounds("EPSG:3035", (0.0, 0.0, 10.0, 10.0), 1.0)
    second = AnalysisGrid.from_bounds("EPSG:3035", (0.0, 0.0, 10.0, 10.0), 2.0)
    require_same_grid(first, first, "x")
    with pytest.raises(GridError, match=r"x: the data are not on the analysis grid.*rule 1"):
        require_same_grid(first, second, "x")


def test_a_point_outside_is_refused() -> None:
    grid = AnalysisGrid.from_bounds("EPSG:3035", (0.0, 0.0, 10.0, 10.0), 1.0)
    with pytest.raises(GridError, match="the point lies outside the grid; got x=-1, y=5"):
        grid.index(-1.0, 5.0)


def test_errors_are_builtins_too() -> None:
    from cdrsite.core import errors

    pairs = {
        "ConfigError": ValueError,
        "DataError": ValueError,
        "GridError": ValueError,
        "UnitError": ValueError,
        "MissingFileError": FileNotFoundError,
        "MissingDependencyError": ImportError,
        "InfeasibleError": ValueError,
        "SolverError": RuntimeError,
    }
    for name, builtin in pairs.items():
        kind = getattr(errors, name)
        assert issubclass(kind, CdrsiteError)
        assert issubclass(kind, builtin)
        text = str(kind("what", where="here", got=1, expected=2, cure="do", rule=3))
        assert text == "here: what; got 1; expected 2; cure: do; (rule 3)"
    assert CRS.from_epsg(4326).is_geographic


@pytest.mark.parametrize(
    "bounds",
    [(-180, -90, 180, 90), (0, -90, 360, 90), (100, -50, 300, 50), (-260, -50, -60, 50)],
)
def test_regions_of_the_size_of_the_globe_have_their_true_area(bounds: Any) -> None:
    """Also where they cross the meridian of 180 degrees, the seam of the usual cylinder."""
    west, south, east, north = bounds
    with pytest.warns(CdrsiteWarning, match="no flat map of it has true lengths"):
        area = build_grid(Region(bounds=bounds), GridModel(resolution="100 km"))
    sines = math.sin(math.radians(north)) - math.sin(math.radians(south))
    sphere = 2 * math.pi * 6371.007**2 * sines * (east - west) / 360  # the authalic radius
    assert area.geometry.area / 1e6 == pytest.approx(sphere, rel=0.005)
    assert area.grid.bounds[2] - area.grid.bounds[0] < 41e6

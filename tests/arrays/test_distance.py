"""Cheapest ways over labelled surfaces: by hand, against the plain function, what is refused."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import xarray as xr
from shapely.geometry import Point, box

import cdrsite
from cdrsite.core.errors import DataError, GridError
from cdrsite.transport.distance import Sources, least_cost

CRS = {"spatial_ref": "EPSG:3035"}


def surface(values: object, **more: object) -> xr.DataArray:
    """Cells of 1 km, north up."""
    array = np.asarray(values, np.float32)
    rows, cols = array.shape
    y, x = 3_000_000 + 1000.0 * (rows - np.arange(rows)) - 500, 4_000_500 + 1000.0 * np.arange(cols)
    found = xr.DataArray(array, {"y": y, "x": x}, ("y", "x"), attrs={"units": "USD/t/km", **more})
    return found.assign_coords(spatial_ref=((), 0, CRS))


WALL = [np.inf] * 4
NONE = [-1] * 4


def test_one_row_by_hand() -> None:
    ways = cdrsite.cost_distance(surface([[1, 1, 3, 1], WALL]), surface([[-1, 0, -1, -1], NONE]))
    np.testing.assert_allclose(ways["cost"][0], [1.0, 0.0, 2.0, 4.0])
    np.testing.assert_allclose(ways["length"][0], [1.0, 0.0, 1.0, 2.0])
    assert ways["cost"].attrs["units"] == "USD/t"
    assert ways["sink"].values.tolist() == [[0, 0, 0, 0], [-1, -1, -1, -1]]


def test_the_same_as_the_plain_function_for_shapes_chunks_and_either_way_up() -> None:
    rng = np.random.default_rng(3)
    friction = surface(rng.uniform(0.5, 4.0, (9, 11)))
    sinks = gpd.GeoDataFrame(
        {"basin": ["west", "corner"], "start": [0.0, 2.5]},
        geometry=[Point(4_000_500, 3_004_500), box(4_009_000, 3_000_000, 4_011_000, 3_001_000)],
        crs=3035,
    )
    sources = Sources.of([4, 8, 8], [0, 9, 10], [0, 1, 1], [0.0, 2.5, 2.5])
    expected = least_cost(friction.values, (1000.0, 1000.0), sources, k=2)
    for array in (friction, friction.chunk({"y": 4}), friction.isel(y=slice(None, None, -1))):
        ways = cdrsite.cost_distance(array, sinks, name="basin", k=2, start_cost="start")
        assert ways["cost"].dims == ("rank", "y", "x")
        ways = ways.sel(y=friction["y"])
        np.testing.assert_array_equal(ways["cost"], np.asarray(expected.cost))
        np.testing.assert_array_equal(ways["sink"], np.asarray(expected.sink))
        assert ways["sink"].attrs["labels"] == ["west", "corner"]


def test_what_no_way_reaches_is_unknown() -> None:
    ways = cdrsite.cost_distance(
        surface([[1, np.inf, 1, 1], WALL]), surface([[0, -1, -1, -1], NONE])
    )
    assert np.isnan(ways["cost"].values[0, 1:]).all()
    assert ways["sink"].values[0].tolist() == [0, -1, -1, -1]


def test_what_is_refused() -> None:
    good = surface(np.ones((3, 3)))
    with pytest.raises(GridError, match=r"no CRS.*write_crs"):
        cdrsite.cost_distance(good.drop_vars("spatial_ref"), good)
    with pytest.raises(GridError, match=r"not a labelled array.*ndarray"):
        cdrsite.cost_distance(np.ones((3, 3)), good)
    with pytest.raises(GridError, match="not square"):
        cdrsite.cost_distance(good.assign_coords(x=[0.0, 2000.0, 4000.0]), good)
    with pytest.raises(GridError, match="do not share their x"):
        cdrsite.cost_distance(good, good.assign_coords(x=good["x"] + 500.0))
    far = gpd.GeoSeries([Point(0, 0)], crs=3035)
    with pytest.raises(DataError, match=r"no sink touches.*check their CRS"):
        cdrsite.cost_distance(good, far)
    near = gpd.GeoDataFrame({"a": [1]}, geometry=[Point(4_000_500, 3_000_500)], crs=3035)
    with pytest.raises(DataError, match="no such column; got 'basin'; expected a, geometry"):
        cdrsite.cost_distance(good, near, name="basin")

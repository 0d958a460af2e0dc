"""Exclusions and covered shares of labelled arrays: by hand, and against a whole run."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import xarray as xr
from shapely.geometry import box
from tiny_scenario import write_world

import cdrsite
from cdrsite.core.errors import CdrsiteError, ConfigError


def cells(values: object) -> xr.DataArray:
    """Cells of 1 km whose south-west corner is (4000, 3000) km."""
    array = np.asarray(values, np.float32)
    rows, cols = array.shape
    y, x = 3_000_000 + 1000.0 * (rows - np.arange(rows)) - 500, 4_000_500 + 1000.0 * np.arange(cols)
    found = xr.DataArray(array, {"y": y, "x": x}, ("y", "x"))
    return found.assign_coords(spatial_ref=((), 0, {"spatial_ref": "EPSG:3035"}))


def test_shares_and_areas_by_hand() -> None:
    slope = cells([[0, 10, 20, 30], [0, 0, 0, 0]]).assign_attrs(units="degree")
    park = gpd.GeoDataFrame(geometry=[box(4_001_250, 3_001_000, 4_002_500, 3_002_000)], crs=3035)
    rules = [{"name": "steep", "layer": "slope", "above": "15 degree"}, {"layer": "park"}]
    found = cdrsite.exclude(slope, rules, {"slope": slope, "park": park})
    np.testing.assert_allclose(found["available"][0], [1.0, 0.25, 0.0, 0.0], atol=1e-6)
    assert found["reasons"].values[0].tolist() == [0, 2, 3, 1]
    np.testing.assert_allclose(found["removed"], [2.0, 1.25], atol=1e-6)
    np.testing.assert_allclose(found["removed_alone"], [1.5, 0.75], atol=1e-6)
    assert found["rule"].values.tolist() == ["steep", "park"]
    small = cdrsite.exclude(
        slope, [*rules, {"smaller_than": "9 km2"}], {"slope": slope, "park": park}
    )
    assert float(small["available"].sum()) == 0.0
    np.testing.assert_allclose(small["removed"][2], 5.25, atol=1e-6)


@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
def test_the_same_as_in_a_run(tmp_path: Path) -> None:
    result = cdrsite.run(write_world(tmp_path))
    data = result.dataset
    layers = {
        "cover": {"path": tmp_path / "cover.tif", "kind": "class"},
        "slope": {"path": tmp_path / "slope.tif", "unit": "degree", "kind": "intensive"},
        "parks": tmp_path / "parks.gpkg",
    }
    rules = [
        {"layer": "parks"},
        {"layer": "cover", "classes": [50]},
        {"layer": "slope", "above": "15 degree"},
    ]
    found = cdrsite.exclude(data, rules, layers)
    np.testing.assert_array_equal(
        found["available"], data["available"].sel(removal_method="daccs-solid")
    )
    np.testing.assert_array_equal(found["reasons"], data["exclusion_reasons"])


def test_covered_shares() -> None:
    like = cells(np.zeros((2, 3)))
    shapes = gpd.GeoDataFrame(
        {"kind": ["a", "b"]},
        geometry=[box(4_000_000, 3_000_000, 4_000_500, 3_001_000), box(4e6, 3e6, 4e6 + 1, 3e6 + 1)],
        crs=3035,
    )
    np.testing.assert_allclose(cdrsite.coverage(like, shapes)[1], [0.5, 0.0, 0.0], atol=1e-6)
    only = cdrsite.coverage(like, shapes, where="kind == 'b'")
    np.testing.assert_allclose(only[1], [1e-6, 0.0, 0.0], atol=1e-7)
    lonlat = cdrsite.coverage(like, shapes.to_crs(4326))
    np.testing.assert_allclose(lonlat[1], [0.5, 0.0, 0.0], atol=1e-3)


def test_what_is_refused() -> None:
    slope = cells([[0, 10], [0, 0]])
    with pytest.raises(ConfigError, match=r"rules: 0\.layer: no layer.*'dope'.*expected slope"):
        cdrsite.exclude(slope, [{"layer": "dope", "above": 1}], {"slope": slope})
    with pytest.raises(CdrsiteError, match=r"rules: 0\.abov.*did you mean 'above'"):
        cdrsite.exclude(slope, [{"layer": "slope", "abov": 1}], {"slope": slope})
    with pytest.raises(ConfigError, match=r"rules: 0\.for: rules on arrays are about no methods"):
        cdrsite.exclude(slope, [{"layer": "slope", "above": 1, "for": "x"}], {"slope": slope})
    no_crs = gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1)])
    with pytest.raises(CdrsiteError, match=r"features without a CRS.*set_crs"):
        cdrsite.coverage(slope, no_crs)

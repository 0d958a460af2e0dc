"""Grids whose areas or lengths are not those of the ground are refused, or said to be so."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import CRS, Geod

from cdrsite.config.models import GridModel, Region
from cdrsite.core.errors import CdrsiteWarning, ConfigError
from cdrsite.layers.region import build_grid
from cdrsite.layers.truth import scales


def build(bounds: Any, crs: str, resolution: Any = "5 km") -> Any:
    return build_grid(Region(bounds=bounds), GridModel(crs=crs, resolution=resolution))


@pytest.mark.parametrize(
    ("crs", "bounds"),
    [
        ("EPSG:3857", (9.8, 59.9, 10.2, 60.1)),
        ("EPSG:3857", (9.8, 11.9, 10.2, 12.1)),
        ("EPSG:3395", (9.8, -45, 10.2, -44)),
        ("EPSG:4087", (9.8, 59.9, 10.2, 60.1)),
        ("EPSG:6933", (9.8, 59.9, 10.2, 60.1)),
        ("EPSG:32632", (28, 50, 30, 51)),
    ],
)
def test_maps_that_are_not_true_are_refused(crs: str, bounds: Any) -> None:
    with pytest.raises(ConfigError, match=r"grid.crs: areas and lengths .*cure: grid.crs: auto"):
        build(bounds, crs)
    build(bounds, "auto")


@pytest.mark.parametrize(
    ("crs", "bounds"),
    [
        ("EPSG:3035", (9, 50, 10, 51)),
        ("EPSG:25832", (7, 50, 11, 54)),
        ("EPSG:3857", (9.8, 0, 10.2, 0.1)),
        ("EPSG:2154", (0, 43, 6, 49)),
        ("EPSG:27700", (-5, 50, 1, 55)),
        ("EPSG:2263", (-74.2, 40.5, -73.7, 40.9)),  # US survey feet
        ("auto", (73, 18, 135, 54)),
        ("auto", (-10, 35, 30, 70)),
    ],
)
def test_maps_that_are_true_enough_are_taken(crs: str, bounds: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build(bounds, crs, "20 km")


@pytest.mark.parametrize("crs", ["auto", "EPSG:6933"])
def test_the_whole_world_has_no_true_lengths_and_that_is_said(crs: str) -> None:
    with pytest.warns(CdrsiteWarning, match=r"1 km² of ground as 1 km² and 1 km as"):
        build((-180, -60, 180, 60), crs, "200 km")


def test_degrees_are_true_by_geodesy() -> None:
    grid = build((9.8, 59.9, 10.2, 60.1), "EPSG:4326", 0.01).grid
    ring = shapely.segmentize(shapely.box(9.8, 59.9, 10.2, 60.1), 0.001)
    exact = abs(Geod(ellps="WGS84").geometry_area_perimeter(ring)[0])
    assert grid.row_areas.sum() * grid.cols == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize(("code", "x"), [(3857, 1.1e6), (3035, 4.5e6), (32632, 5e5)])
def test_scales_are_those_of_geodesy(code: int, x: float) -> None:
    # a square of 1 km on the map, its area and its worst side on the ground
    crs, y = CRS.from_epsg(code), 5.5e6 if code != 3035 else 3.5e6
    from pyproj import Transformer

    there = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    ring = shapely.transform(
        shapely.segmentize(shapely.box(x, y, x + 1000, y + 1000), 50),
        there.transform,
        interleaved=False,
    )
    geod = crs.get_geod()
    ground = abs(geod.geometry_area_perimeter(ring)[0])
    area, length = scales(crs, (x, y, x + 1000, y + 1000))
    assert area == pytest.approx(1e6 / ground, rel=2e-3)
    turns = np.linspace(0, np.pi, 37)
    sides = [
        1000 / geod.inv(*there.transform(x, y), *there.transform(x + 1000 * c, y + 1000 * s))[2]
        for c, s in zip(np.cos(turns), np.sin(turns), strict=True)
    ]
    worst = max(sides, key=lambda v: abs(np.log(v)))
    assert length == pytest.approx(worst, rel=8e-3)

"""Storage as people have it: no rates, no depths, points with a radius, numbers as ids."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from cdrsite.config.layers import FileLayer
from cdrsite.config.storage import Storage
from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.layers.region import StudyArea
from cdrsite.layers.stack import LayerStack
from cdrsite.methods.storage import read_storage

BOX = (4_000_000.0, 3_000_000.0, 4_010_000.0, 3_010_000.0)


def units(path: Path, points: bool = False, **columns: Any) -> Path:
    shapes = [
        shapely.box(BOX[0] + 3000 * i, BOX[1], BOX[0] + 3000 * i + 2000, BOX[3]) for i in (0, 1, 2)
    ]
    shapes = [shape.centroid if points else shape for shape in shapes]
    gpd.GeoDataFrame(
        {"id": [1, 2, 3], "mt": [30.0, 60.0, 90.0], **columns}, geometry=shapes, crs=3035
    ).to_file(path)
    return path


def area() -> StudyArea:
    grid = AnalysisGrid.from_bounds("EPSG:3035", BOX, 1000.0, snap=None)
    return StudyArea(grid, shapely.box(*BOX))


def read(path: Path, layer: dict[str, Any] | None = None, **options: Any) -> Any:
    layers = LayerStack({"s": FileLayer(path=path, **(layer or {}))}, area())
    return read_storage(Storage(units="s", id="id", capacity="mt", **options), layers)


def test_without_rates_the_capacity_is_filled_evenly_and_that_is_said(tmp_path: Path) -> None:
    path = units(tmp_path / "s.gpkg")
    with pytest.warns(CdrsiteWarning, match="filled evenly over 20 years.*injection: COLUMN"):
        got = read(path, years=20)
    np.testing.assert_allclose(got.injection, [1.5e6, 3e6, 4.5e6])
    assert got.names == ("s 1", "s 2", "s 3")
    with pytest.warns(CdrsiteWarning):
        np.testing.assert_allclose(read(path, years=20, factor=0.5).injection, got.injection / 2)


def test_rates_of_0_everywhere_are_none(tmp_path: Path) -> None:
    path = units(tmp_path / "s.gpkg", rate=[0.0, 0.0, 0.0])
    with pytest.raises(DataError, match=r"0 in every unit.*remove resources.storage.injection"):
        read(path, injection="rate")


def test_an_unknown_depth_is_kept_with_a_warning(tmp_path: Path) -> None:
    path = units(tmp_path / "s.gpkg", rate=[1.0, 1.0, 1.0], depth=[0.0, 1200.0, 400.0])
    options = {"injection": "rate", "depth": "depth"}
    got = read(path, **options)
    assert got.names == ("s 2",)
    assert got.left_out == (
        "s 1: depth 0 m; add nodata: 0 to the layer if that means unknown",
        "s 3: depth 400 m",
    )
    with pytest.warns(CdrsiteWarning, match=r"depth of 1 storage units is unknown.*kept: s 1"):
        got = read(path, {"nodata": 0}, **options)
    assert got.names == ("s 1", "s 2")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = read(path, {"nodata": 0, "where": "depth > 0"}, **options)
    assert got.names == ("s 2",)


def test_points_may_have_a_radius_each(tmp_path: Path) -> None:
    path = units(tmp_path / "s.gpkg", points=True, rate=[1.0, 1.0, 1.0], km=[0.8, 1.2, 0.5])
    sized = {"radius": "km", "radius_unit": "km"}
    assert read(path, sized, injection="rate").names == ("s 1", "s 2", "s 3")
    layer = FileLayer(path=path, **sized)
    stack = LayerStack({"s": layer}, area())
    disks = np.pi * np.array([0.8, 1.2, 0.5]) ** 2
    np.testing.assert_allclose(stack.areas("s") / 1e6, disks, rtol=2e-3)
    whole = Block(0, stack.grid.rows, 0, stack.grid.cols)
    apart = sum(stack.feature_coverage("s", i, whole).sum(dtype=float) for i in range(3))
    assert apart * stack.grid.row_areas[0] == pytest.approx(stack.areas("s").sum(), rel=1e-5)
    more = LayerStack({"s": layer.model_copy(update={"buffer": 200.0})}, area())
    disks = np.pi * np.array([1.0, 1.4, 0.7]) ** 2
    np.testing.assert_allclose(more.areas("s") / 1e6, disks, rtol=2e-3)
    for bad, text in (([-1.0, 1.0, 1.0], "features without a radius"), (["a", "1", "1"], "got a")):
        wrong = units(tmp_path / f"{text[:3]}.gpkg", points=True, km=bad)
        with pytest.raises(DataError, match=text):
            LayerStack({"s": FileLayer(path=wrong, **sized)}, area()).areas("s")
    with pytest.raises(ValueError, match="not a length"):
        FileLayer(path=path, radius="km", radius_unit="t")


def test_points_have_the_size_that_they_are_given(tmp_path: Path) -> None:
    path = units(tmp_path / "s.gpkg", points=True, rate=[1.0, 1.0, 1.0])
    got = read(path, {"buffer": 800.0}, injection="rate")
    assert got.names == ("s 1", "s 2", "s 3")

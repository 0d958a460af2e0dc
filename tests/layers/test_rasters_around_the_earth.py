"""Rasters in degrees: longitudes 0 to 360 or -180 to 180, and where a map is cut."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from affine import Affine
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from cdrsite.config.layers import FileLayer
from cdrsite.config.models import GridModel, Region
from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.layers.region import StudyArea, build_grid
from cdrsite.layers.stack import LayerStack


def globe(path: Path, first: float, size: float, dtype: Any = np.float32, half: float = 0) -> Path:
    """Pixels all around the Earth that begin at a longitude; each holds 10 x lon of 0..360."""
    cols, rows = round(360 / size), round(180 / size)
    lon = np.mod(first + half + size * (np.arange(cols) + 0.5), 360)
    data = np.tile(lon * 10, (rows, 1)) + np.arange(rows)[:, None] * 0.01
    data = data.astype(dtype)
    if path.suffix == ".nc":
        x = first + half + size * (np.arange(cols) + 0.5)
        y = 90 - size * (np.arange(rows) + 0.5)
        coords = {"lat": y, "lon": x}
        xr.Dataset({"v": (("lat", "lon"), data)}, coords=coords).to_netcdf(path)
        return path
    place = Affine(size, 0, first + half, 0, -size, 90)
    with rasterio.open(
        path, "w", driver="GTiff", dtype=data.dtype, count=1, height=rows, width=cols,
        crs="EPSG:4326", transform=place,
    ) as out:  # fmt: skip
        out.write(data, 1)
    return path


def read(path: Path, place: StudyArea, kind: str = "intensive", size: int = 4096) -> Any:
    stack = LayerStack({"it": FileLayer(path=path, kind=kind, unit="t/yr")}, place)
    found = np.empty(place.grid.shape, np.float32)
    for block in place.grid.blocks(size):
        found[block.slices] = stack.values("it", block)
    return found


def degrees(bounds: tuple[float, float, float, float], size: float) -> StudyArea:
    grid = AnalysisGrid.from_bounds("EPSG:4326", bounds, size, snap=None)
    return StudyArea(grid, shapely.box(*bounds))


@pytest.mark.parametrize("suffix", [".tif", ".nc"])
@pytest.mark.parametrize("first", [0.0, -180.0])
@pytest.mark.parametrize("west", [-4.0, 176.0, -184.0, 356.0])
def test_a_grid_of_degrees_over_any_seam(
    suffix: str, first: float, west: float, tmp_path: Path
) -> None:
    # by the pixels themselves, and by the overlay on half of the cells
    path = globe(tmp_path / f"g{suffix}", first, 1.0)
    lon = np.mod(west + np.arange(8) + 0.5, 360)
    row = 10 * lon + 0.01 * 46
    got = read(path, degrees((west, 40, west + 8, 44), 1.0))
    np.testing.assert_allclose(got[0], row, rtol=1e-6)
    half = read(path, degrees((west, 40, west + 8, 44), 0.5))
    np.testing.assert_allclose(half[0], np.repeat(row, 2), rtol=1e-6)


@pytest.mark.filterwarnings("ignore:.*the region is wide")
@pytest.mark.parametrize("kind", ["intensive", "extensive"])
@pytest.mark.parametrize(
    ("bounds", "crs", "size"),
    [
        ((-4, 40, 4, 44), "auto", 20_000),
        ((176, -20, -176, -14), "auto", 20_000),
        ((-180, 60, 180, 90), "auto", 200_000),
        ((-180, -60, 180, 60), "EPSG:6933", 300_000),
        ((-180, -60, 180, 60), "EPSG:4326", 7.5),
        ((170, -20, 190, 0), "EPSG:4326", 0.75),
    ],
)
def test_both_ways_to_count_longitude_are_one(
    kind: str, bounds: Any, crs: str, size: float, tmp_path: Path
) -> None:
    place = build_grid(Region(bounds=bounds), GridModel(crs=crs, resolution=size))
    east = read(globe(tmp_path / "e.tif", 0.0, 1.0), place, kind)
    west = read(globe(tmp_path / "w.tif", -180.0, 1.0), place, kind)
    np.testing.assert_array_equal(east, west)
    inside = place.inside(Block(0, place.grid.rows, 0, place.grid.cols))
    assert np.isfinite(east[inside]).all()
    by_blocks = read(tmp_path / "e.tif", place, kind, size=7)
    np.testing.assert_array_equal(east, by_blocks)


@pytest.mark.filterwarnings("ignore:.*the region is wide")
@pytest.mark.parametrize("crs", ["EPSG:6933", "EPSG:4326"])
@pytest.mark.parametrize("first", [0.0, -180.0])
def test_pixels_over_the_cut_of_the_map_are_halved_not_smeared(
    crs: str, first: float, tmp_path: Path
) -> None:
    # as ERA5 has them: centred on whole degrees, one pixel across 180
    path = globe(tmp_path / "g.tif", first, 2.0, half=-1.0)
    size = 2.0 if crs == "EPSG:4326" else 200_000.0
    bounds = (-180, -60, 180, 60)
    place = build_grid(Region(bounds=bounds), GridModel(crs=crs, resolution=size))
    got = read(path, place)
    west, _, east, _ = place.grid.bounds
    share = (np.arange(place.grid.cols) + 0.5) * place.grid.resolution
    lon = np.mod(-180 + share / (east - west) * 360, 360) if crs == "EPSG:4326" else None
    if lon is not None:
        near = np.abs(lon - 180) < 170  # but for the pixel at 0, whose two halves are 10 x 0 and 1
        np.testing.assert_allclose(got[5][near], 10 * lon[near] + 0.15, atol=11)
    middle = got[place.grid.rows // 2]
    assert np.nanmax(middle) > 3500 and np.nanmin(middle) < 60
    step = np.abs(np.diff(middle[~np.isnan(middle)]))
    assert (step > 100).sum() <= 2  # at the meridian of Greenwich alone
    ones = globe(tmp_path / "sum.tif", first, 2.0, half=-1.0)
    with rasterio.open(ones, "r+") as data:
        data.write(np.ones((90, 180), np.float32), 1)
    world = build_grid(Region(bounds=(-180, -90, 180, 90)), GridModel(crs=crs, resolution=size))
    assert np.nansum(read(ones, world, "extensive")) == pytest.approx(180 * 90, rel=1e-6)


def test_a_meridian_that_comes_twice_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "g.tif"
    with rasterio.open(
        path, "w", driver="GTiff", dtype="float32", count=1, height=10, width=361,
        crs="EPSG:4326", transform=Affine(1, 0, -180.5, 0, -1, 5),
    ) as out:  # fmt: skip
        out.write(np.ones((10, 361), np.float32), 1)
    place = degrees((-180, -5, 180, 5), 2.5)
    assert np.nansum(read(path, place, "extensive")) == pytest.approx(3600, rel=1e-6)


def test_rows_centred_on_the_poles_reach_them(tmp_path: Path) -> None:
    path = tmp_path / "g.tif"
    data = np.tile(np.arange(181, dtype=np.float32)[:, None], (1, 360))
    with rasterio.open(
        path, "w", driver="GTiff", dtype="float32", count=1, height=181, width=360,
        crs="EPSG:4326", transform=Affine(1, 0, 0, 0, -1, 90.5),
    ) as out:  # fmt: skip
        out.write(data, 1)
    region = Region(bounds=(-180, 80, 180, 90))
    place = build_grid(region, GridModel(resolution=50_000))
    got = read(path, place)
    assert np.isfinite(got[place.inside(Block(0, place.grid.rows, 0, place.grid.cols))]).all()
    assert np.nanmin(got) < 0.5


def test_longitudes_that_leap_in_a_cube_run_on(tmp_path: Path) -> None:
    lon = np.mod(np.arange(170, 190) + 0.5 + 180, 360) - 180
    data = np.tile(np.arange(20, dtype=np.float32), (10, 1))
    coords = {"lat": 4.5 - np.arange(10), "lon": lon}
    xr.Dataset({"v": (("lat", "lon"), data)}, coords=coords).to_netcdf(tmp_path / "g.nc")
    got = read(tmp_path / "g.nc", degrees((170, -5, 190, 5), 1.0))
    np.testing.assert_array_equal(got, data)


@settings(max_examples=examples(25), deadline=None)
@given(
    first=st.integers(-8 * 180, 8 * 180).map(lambda n: n / 8),
    west=st.integers(-720, 720).map(lambda n: n / 4),
    size=st.sampled_from([0.5, 0.75, 1.0, 1.5]),
    turns=st.sampled_from([-360.0, 360.0]),
)
def test_turned_by_a_circle_gives_the_same_bytes(
    first: float, west: float, size: float, turns: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("turned")
    data = np.random.default_rng(1).random((20, 30)).astype(np.float32)
    place = degrees((west, -6, west + 9, 6), size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        found = []
        for begin in (first, first + turns):
            path = folder / f"{begin}.tif"
            with rasterio.open(
                path, "w", driver="GTiff", dtype="float32", count=1, height=20, width=30,
                crs="EPSG:4326", transform=Affine(0.5, 0, begin, 0, -0.5, 5),
            ) as out:  # fmt: skip
                out.write(data, 1)
            try:
                found.append(read(path, place).tobytes())
            except DataError as error:  # elsewhere
                found.append(error.what.encode())
    assert found[0] == found[1]

"""Rasters on the grid: means, conserved sums, class shares, nodata, NetCDF and Zarr."""

from __future__ import annotations

import warnings
from dataclasses import replace
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

from cdrsite.config.layers import ConstantLayer, DerivedLayer, ExpressionLayer, FileLayer
from cdrsite.core.errors import CdrsiteWarning, DataError, UnitError
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.core.memory import Memory
from cdrsite.layers import harmonise
from cdrsite.layers.rasterfiles import open_raster
from cdrsite.layers.region import StudyArea
from cdrsite.layers.stack import LayerStack

WEST, NORTH = 4_000_000.0, 3_000_000.0


def from_origin(west: float, north: float, width: float, height: float) -> Affine:
    return Affine(width, 0.0, west, 0.0, -height, north)


def area(
    rows: int, cols: int, size: float, crs: str = "EPSG:3035", corner: Any = None
) -> StudyArea:
    west, north = corner or (WEST, NORTH)
    bounds = (west, north - rows * size, west + cols * size, north)
    return StudyArea(AnalysisGrid.from_bounds(crs, bounds, size, snap=None), shapely.box(*bounds))


def write(
    path: Path, data: Any, transform: Affine, crs: Any = "EPSG:3035", nodata: Any = None
) -> Path:
    data = np.asarray(data)
    data = data if data.ndim == 3 else data[None]
    with rasterio.open(
        path, "w", driver="GTiff", dtype=data.dtype, count=data.shape[0], height=data.shape[1],
        width=data.shape[2], crs=crs, transform=transform, nodata=nodata,
    ) as out:  # fmt: skip
        out.write(data)
    return path


def whole(where: StudyArea) -> Block:
    return Block(0, where.grid.rows, 0, where.grid.cols)


def read(layer: Any, where: StudyArea, unit: str | None = None) -> np.ndarray:
    return LayerStack({"it": layer}, where).values("it", whole(where), unit)


def test_mean_is_weighted_by_overlap(tmp_path: Path) -> None:
    # cells of 30 m over pixels of 20 m: the middle pixel is shared half and half
    path = write(tmp_path / "a.tif", np.float32([[1, 2, 6]] * 3), from_origin(WEST, NORTH, 20, 20))
    got = read(FileLayer(path=path), area(2, 2, 30.0))
    expected = [(1 * 20 + 2 * 10) / 30, (2 * 10 + 6 * 20) / 30]
    np.testing.assert_allclose(got, [expected] * 2, rtol=1e-7)


@pytest.mark.parametrize("kind", ["intensive", "extensive"])
@pytest.mark.parametrize("shift", [(0, 0), (3, -2), (-4, 5)])
def test_pixels_that_are_cells_are_taken_as_they_are(
    kind: str, shift: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the shortcut gives the bytes of the overlay, also where the raster ends inside the grid
    data = np.random.default_rng(3).normal(size=(12, 9)).astype(np.float32)
    data[2:4, 5] = -9999
    corner = from_origin(WEST + shift[0] * 30, NORTH + shift[1] * 30, 30, 30)
    path = write(tmp_path / "a.tif", data, corner, nodata=-9999)
    layer: Any = FileLayer(path=path, kind=kind, unit="t/yr" if kind == "extensive" else "m")
    where = area(11, 10, 30.0)

    def parts() -> list[bytes]:
        stack = LayerStack({"it": layer}, where)
        return [stack.values("it", block).tobytes() for block in where.grid.blocks(4)]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        short = parts()
        monkeypatch.setattr("cdrsite.layers.harmonise._offset", lambda *_: None)
        assert short == parts()


@pytest.mark.parametrize(("size", "place"), [(30.0, None), (30.001, None), (20.0, None)])
def test_only_the_same_cells_take_the_shortcut(size: float, place: None, tmp_path: Path) -> None:
    from cdrsite.layers.harmonise import _offset

    west = WEST + (10.0 if size == 30.0 else 0.0)
    path = write(tmp_path / "a.tif", np.ones((4, 4), "f4"), from_origin(west, NORTH, size, size))
    source = open_raster(FileLayer(path=path), "it")
    assert _offset(source, area(4, 4, 30.0).grid) is place


def test_unknown_pixels_have_no_weight(tmp_path: Path) -> None:
    data = np.float32([[1, -9999, np.nan, np.nan], [3, 5, np.nan, np.nan]])
    path = write(tmp_path / "a.tif", data, from_origin(WEST, NORTH, 10, 10), nodata=-9999)
    with pytest.warns(CdrsiteWarning, match="covers"):
        got = read(FileLayer(path=path), area(1, 2, 20.0))
    np.testing.assert_array_equal(got, np.float32([[3, np.nan]]))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [2.0, 255.0]),
        ({"nodata": 255}, [2.0, np.nan]),
        ({"nodata": 255, "ignore_file_nodata": True}, [1.0, np.nan]),
        ({"ignore_file_nodata": True}, [1.0, 255.0]),
        ({"nodata": [0.5, -1]}, [2.0, 255.0]),
    ],
)
def test_nodata_supplements_or_replaces_the_files_own(
    tmp_path: Path, options: dict, expected: list
) -> None:
    data = np.uint8([[0, 2, 255, 255]])
    path = write(tmp_path / "a.tif", data, from_origin(WEST, NORTH, 10, 10), nodata=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        layer = FileLayer(path=path, **options)
        grid = AnalysisGrid.from_bounds(
            "EPSG:3035", (WEST, NORTH - 20, WEST + 40, NORTH), 20, snap=None
        )
        where = StudyArea(grid, shapely.box(*grid.bounds))
        got = read(layer, where)
    np.testing.assert_array_equal(got, np.float32([expected]))


def test_scale_and_offset_apply_after_nodata(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.tif",
        np.int16([[10, -32768]]),
        from_origin(WEST, NORTH, 10, 10),
        nodata=-32768,
    )
    with rasterio.open(path, "r+") as out:
        out.scales, out.offsets, out.units = (0.1,), (273.15,), ("K",)
    with pytest.warns(CdrsiteWarning, match=r"covers 50.0% of the region"):
        got = read(FileLayer(path=path), area(1, 2, 10.0), "degC")
    np.testing.assert_allclose(got, [[1.0, np.nan]], rtol=1e-5)


def test_a_rotated_raster_is_read_where_it_lies(tmp_path: Path) -> None:
    turned = Affine.translation(WEST + 20, NORTH) @ Affine.rotation(-90) @ Affine.scale(10, -10)
    path = write(tmp_path / "a.tif", np.float32([[1, 2], [3, 4]]), turned)
    got = read(FileLayer(path=path), area(2, 2, 10.0))
    corner = {(c, r): turned @ (c + 0.5, r + 0.5) for c in (0, 1) for r in (0, 1)}
    for (col, row), (x, y) in corner.items():
        i, j = int((NORTH - y) // 10), int((x - WEST) // 10)
        assert got[i, j] == [[1, 2], [3, 4]][row][col]


def test_classes_are_shares_that_sum_to_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    codes = rng.choice(np.uint8([10, 50, 80]), (40, 40))
    path = write(tmp_path / "a.tif", codes, from_origin(6.0, 50.0, 0.001, 0.001), crs="EPSG:4326")
    where = area(8, 8, 250.0, "EPSG:3035", corner=(4_030_000.0, 2_998_000.0))
    stack = LayerStack({"it": FileLayer(path=path, kind="class")}, _around(path, where))
    block = whole(stack.area)
    shares = [stack.class_share("it", {code: 1.0}, block) for code in (10, 50, 80)]
    total = stack.class_share("it", {10: 1.0, 50: 1.0, 80: 1.0}, block)
    known = np.isfinite(total)
    assert known.all()
    np.testing.assert_allclose(np.sum(shares, axis=0), 1.0, rtol=1e-6)
    mixed = stack.class_share("it", {10: 0.25, 50: 1.0}, block)
    np.testing.assert_allclose(mixed, 0.25 * shares[0] + shares[1], rtol=1e-5)


def test_shares_of_one_raster_project_its_corners_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And another block, or another grid, its own."""
    codes = np.random.default_rng(1).choice(np.uint8([10, 50]), (40, 40))
    path = write(tmp_path / "a.tif", codes, from_origin(6.0, 50.0, 0.001, 0.001), crs="EPSG:4326")
    where = _around(path, area(8, 8, 250.0, corner=(4_030_000.0, 2_998_000.0)))
    asked = []

    def project(*given: Any) -> Any:
        asked.append(given)
        return corners(*given)

    corners = harmonise.corners
    monkeypatch.setattr(harmonise, "corners", project)

    def shares(to: StudyArea, block: Block) -> list[bytes]:
        """In a memory of corners that holds nothing yet, then in one that does."""
        monkeypatch.setattr(harmonise, "_CORNERS", Memory(harmonise.CORNERS_ROOM))
        asked.clear()
        found = []
        for _ in range(2):  # each with its own blocks
            stack = LayerStack({"it": FileLayer(path=path, kind="class")}, to)
            found += [stack.class_share("it", {code: 1.0}, block).tobytes() for code in (10, 50)]
        assert len(asked) == 1
        assert found[:2] == found[2:]
        return found

    block = whole(where)
    first = shares(where, block)
    half = shares(where, Block(0, block.row1 // 2, 0, block.col1))
    assert half == [each[: len(each) // 2] for each in first]
    grid = where.grid
    moved = replace(grid, west=grid.west + 100.0)
    assert shares(replace(where, grid=moved), block) != first


def _around(path: Path, where: StudyArea) -> StudyArea:
    """A grid of 250 m well inside a raster of 0.04 degree."""
    from pyproj import Transformer

    x, y = Transformer.from_crs(4326, 3035, always_xy=True).transform(6.02, 49.98)
    return area(8, 4, 250.0, "EPSG:3035", corner=(x - 500.0, y + 1000.0))


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32632", "ESRI:54009", "EPSG:3035"])
def test_mean_in_another_system_equals_shapely(tmp_path: Path, crs: str) -> None:
    from pyproj import Transformer

    where = area(3, 3, 1000.0)
    there = Transformer.from_crs(3035, crs, always_xy=True)
    west, south, east, north = there.transform_bounds(*where.grid.bounds)
    size = (east - west) / 9.7
    transform = from_origin(west - 1.3 * size, north + 1.7 * size, size, size)
    height = int((north - south) / size) + 5
    data = np.random.default_rng(2).random((height, 14)).astype(np.float32)
    path = write(tmp_path / "a.tif", data, transform, crs=crs)
    got = read(FileLayer(path=path), where)
    back = Transformer.from_crs(crs, 3035, always_xy=True)
    rows, cols = np.indices(data.shape)
    corners = [
        np.stack(back.transform(*(transform @ (cols + dc, rows + dr))), -1)
        for dc, dr in ((0, 0), (1, 0), (1, 1), (0, 1))
    ]
    quads = shapely.polygons(np.stack(corners, -2))
    for i in range(3):
        for j in range(3):
            x, y = where.grid.west + 1000 * j, where.grid.north - 1000 * i
            part = shapely.area(shapely.intersection(quads, shapely.box(x, y - 1000, x + 1000, y)))
            assert part.sum() == pytest.approx(1e6, rel=1e-9)
            assert got[i, j] == pytest.approx((part * data).sum() / part.sum(), rel=1e-6)


@given(
    crs=st.sampled_from(["EPSG:4326", "EPSG:32632", "ESRI:54009"]),
    size=st.floats(120.0, 4000.0),
    pixel=st.floats(0.2, 3.0),
    seed=st.integers(0, 99),
)
@settings(max_examples=examples(20))
def test_the_total_of_counts_is_conserved(
    tmp_path_factory: pytest.TempPathFactory, crs: str, size: float, pixel: float, seed: int
) -> None:
    from pyproj import Transformer

    x, y = Transformer.from_crs(4326, crs, always_xy=True).transform(9.0, 50.0)
    step = pixel * (0.01 if crs == "EPSG:4326" else 1000.0)
    data = np.random.default_rng(seed).random((12, 9)) * 1000
    data[3, 4] = np.nan
    path = tmp_path_factory.mktemp("sum") / "a.tif"
    write(path, data, from_origin(x, y, step, step), crs=crs)
    there = Transformer.from_crs(crs, "EPSG:3035", always_xy=True)
    bounds = there.transform_bounds(x, y - 12 * step, x + 9 * step, y)
    grid = AnalysisGrid.from_bounds("EPSG:3035", bounds, size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        stack = LayerStack(
            {"it": FileLayer(path=path, kind="extensive")}, StudyArea(grid, shapely.box(*bounds))
        )
        got = sum(float(np.nansum(stack.values("it", b).astype(float))) for b in grid.blocks(16))
    assert got == pytest.approx(np.nansum(data), rel=1e-6)


def _many(tmp_path: Path) -> LayerStack:
    rng = np.random.default_rng(3)
    transform = from_origin(8.98, 50.02, 0.0013, 0.0011)
    write(tmp_path / "codes.tif", rng.choice(np.uint8([10, 50, 0]), (60, 80)), transform, 4326, 0)
    write(tmp_path / "high.tif", rng.random((60, 80)).astype("f4") * 500, transform, 4326)
    write(tmp_path / "months.tif", rng.random((12, 60, 80)).astype("f4"), transform, 4326)
    layers = {
        "cover": FileLayer(path=tmp_path / "codes.tif", kind="class"),
        "high": FileLayer(path=tmp_path / "high.tif", unit="m"),
        "people": FileLayer(path=tmp_path / "high.tif", kind="extensive", unit="person"),
        "months": FileLayer(path=tmp_path / "months.tif", band="all", unit="degC"),
        "slope": DerivedLayer(derive="slope", **{"from": "high"}),
        "near": DerivedLayer(derive="density", radius=450.0, **{"from": "high"}),
        "sum": ExpressionLayer(expression="high * 2 + where(high > 250, 1, slope)", unit="m"),
        "one": ConstantLayer(value="3 m3"),
    }
    from pyproj import Transformer

    x, y = Transformer.from_crs(4326, 3035, always_xy=True).transform(9.0, 50.01)
    return LayerStack(layers, area(23, 19, 150.0, corner=(x, y)))


@pytest.mark.parametrize("size", [5, 8])
def test_any_block_size_gives_the_same_bytes(tmp_path: Path, size: int) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        stack = _many(tmp_path)
        for name in stack.layers:

            def ask(block: Block, name: str = name) -> np.ndarray:
                if name == "cover":
                    return stack.class_share(name, {50: 1.0}, block)[None]
                return stack.bands(name, block)

            once = ask(whole(stack.area))
            assert np.isfinite(once).any(), name
            pieces = np.full_like(once, -1)
            with ThreadPoolExecutor(3) as pool:
                blocks = list(stack.grid.blocks(size))
                for block, found in zip(blocks, pool.map(ask, blocks), strict=True):
                    pieces[:, *block.slices] = found
            assert once.tobytes() == pieces.tobytes(), name


def test_months_are_bands(tmp_path: Path) -> None:
    data = np.arange(12, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    path = write(tmp_path / "t.tif", data, from_origin(WEST, NORTH, 10, 10))
    where = area(2, 2, 10.0)
    stack = LayerStack({"t": FileLayer(path=path, band="all", unit="degC")}, where)
    got = stack.bands("t", whole(where), "K")
    assert got.shape == (12, 2, 2)
    np.testing.assert_allclose(got[:, 0, 0], np.arange(12) + 273.15, rtol=1e-6)
    assert stack.info("t").bands == 12
    with pytest.raises(DataError, match=r"several bands.*12 bands.*band: N"):
        stack.values("t", whole(where))


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
@pytest.mark.parametrize("south_up", [True, False])
def test_variables_of_cubes(tmp_path: Path, suffix: str, south_up: bool) -> None:
    y = np.array([45.0, 46.0, 47.0]) if south_up else np.array([47.0, 46.0, 45.0])
    x = np.array([6.0, 7.0])
    data = np.int16(y[:, None] * 10 + x[None, :])
    data[y == 46.0, 1] = -1
    cube = xr.Dataset(
        {"t": (("month", "lat", "lon"), np.stack([data] * 12)), "other": (("lat", "lon"), data)},
        coords={"lat": y, "lon": x},
    )
    cube["t"].attrs = {"units": "degC"}
    cube["t"].encoding = {"_FillValue": np.int16(-1), "scale_factor": 0.1, "dtype": "int16"}
    path = tmp_path / f"c{suffix}"
    raw = cube.copy()
    raw["t"].attrs |= {"scale_factor": 0.1}
    raw["t"].encoding = {"_FillValue": np.int16(-1)}
    if suffix == ".nc":
        raw.to_netcdf(path)
    else:
        raw.to_zarr(path, zarr_format=2)
    where = area(3, 2, 1.0, "EPSG:4326", corner=(5.5, 47.5))
    with pytest.warns(CdrsiteWarning, match="covers"):
        stack = LayerStack({"t": FileLayer(path=path, variable="t", band=2)}, where)
        got = stack.values("t", whole(where))
    expected = [[47.6, 47.7], [46.6, np.nan], [45.6, 45.7]]
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert stack.info("t").unit == "degC"
    with pytest.raises(DataError, match=r"which variable.*other"):
        LayerStack({"t": FileLayer(path=path)}, where).info("t")


def test_a_global_raster_across_the_date_line(tmp_path: Path) -> None:
    lon = (np.arange(360) - 180 + 0.5).astype(np.float32)
    path = write(tmp_path / "g.tif", np.stack([lon] * 20), from_origin(-180, 10, 1, 1), "EPSG:4326")
    crs = "+proj=laea +lat_0=0 +lon_0=180 +datum=WGS84 +units=m"
    where = area(4, 4, 50_000.0, crs, corner=(-100_000.0, 100_000.0))
    got = read(FileLayer(path=path), where)
    assert (got[:, :2] > 178).all()
    assert (got[:, 2:] < -178).all()


@pytest.mark.parametrize("crs", ["EPSG:3035", "EPSG:4326"])
def test_slope_of_a_plane(tmp_path: Path, crs: str) -> None:
    # a plane that rises 0.3 m per m to the east on the ground
    if crs == "EPSG:3035":
        where = area(5, 5, 100.0)
        x = (np.arange(9) - 1.5) * 100.0
        data = np.stack([0.3 * x] * 9).astype("f4")
        transform = from_origin(WEST - 200, NORTH + 200, 100, 100)
    else:
        where = area(5, 5, 0.001, crs, corner=(10.0, 60.0))
        rows = 60.002 - (np.arange(9) + 0.5) * 0.001
        from pyproj import Geod

        zero = np.zeros(9)
        step = Geod(ellps="WGS84").inv(zero, rows, zero + 0.001, rows)[2]
        data = (0.3 * (np.arange(9) - 1.5)[None, :] * step[:, None]).astype("f4")
        transform = from_origin(9.998, 60.002, 0.001, 0.001)
    path = write(tmp_path / "z.tif", data, transform, crs=crs)
    layers = {
        "z": FileLayer(path=path, unit="m"),
        "s": DerivedLayer(derive="slope", **{"from": "z"}),
        "p": DerivedLayer(derive="slope", unit="percent", **{"from": "z"}),
    }
    stack = LayerStack(layers, where)
    np.testing.assert_allclose(
        stack.values("s", whole(where)), np.degrees(np.arctan(0.3)), rtol=2e-3
    )
    np.testing.assert_allclose(stack.values("p", whole(where)), 30.0, rtol=2e-3)
    np.testing.assert_allclose(
        stack.values("p", whole(where), "degree"), stack.values("s", whole(where)), rtol=1e-6
    )


def test_slope_of_a_cone_and_at_the_edge_of_the_known(tmp_path: Path) -> None:
    y, x = np.indices((41, 41)) - 20.0
    z = (0.5 * 100.0 * np.hypot(x, y)).astype("f4")
    z[:, 40] = np.nan
    path = write(tmp_path / "z.tif", z, from_origin(WEST, NORTH, 100, 100))
    where = area(41, 40, 100.0)
    layers = {
        "z": FileLayer(path=path, unit="m"),
        "s": DerivedLayer(derive="slope", **{"from": "z"}),
    }
    got = LayerStack(layers, where).values("s", whole(where))
    far = np.hypot(x, y)[:, :40] > 6
    np.testing.assert_allclose(got[far], np.degrees(np.arctan(0.5)), rtol=0.02)
    assert np.isfinite(got).all()


def test_constants_carry_units() -> None:
    where = area(1, 2, 10.0)
    layers = {"c": ConstantLayer(value="2 km"), "d": ConstantLayer(value=5, unit="t/yr")}
    stack = LayerStack(layers, where)
    np.testing.assert_array_equal(stack.values("c", whole(where), "m"), [[2000.0, 2000.0]])
    assert stack.info("d").unit == "t/yr"
    with pytest.raises(UnitError, match=r"layers.c: wrong dimension.*'km'.*'kg'.*rule 4"):
        stack.values("c", whole(where), "kg")


def test_density_of_a_raster_is_the_mean_in_the_disk(tmp_path: Path) -> None:
    data = np.zeros((7, 7), "f4")
    data[3, 3] = 5.0
    path = write(tmp_path / "a.tif", data, from_origin(WEST, NORTH, 10, 10))
    layers = {
        "a": FileLayer(path=path, unit="1"),
        "d": DerivedLayer(derive="density", radius=10.0, **{"from": "a"}),
    }
    where = area(7, 7, 10.0)
    got = LayerStack(layers, where).values("d", whole(where))
    expected = np.zeros((7, 7))
    for i, j in ((3, 3), (2, 3), (4, 3), (3, 2), (3, 4)):
        expected[i, j] = 1.0
    np.testing.assert_allclose(got, expected)

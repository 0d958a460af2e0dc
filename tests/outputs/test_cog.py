from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from cogs import write_cog
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from rio_cogeo.cogeo import cog_validate

from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.engine.arrays import DiskStore
from cdrsite.outputs.rasters import cog, tiff
from cdrsite.outputs.rasters.cog import (
    Statistics,
    halve,
    overview_shapes,
    write_cog_blocks,
)
from cdrsite.outputs.rasters.plan import distinct
from cdrsite.outputs.rasters.raster import NODATA_FLOAT, Category, RasterSpec

GRID = AnalysisGrid(CRS("EPSG:3035").to_wkt(), 4e6, 3e6, 100.0, 1300, 1100)
QUANTITY = RasterSpec("q", "quantity", "t/yr", "tonnes, 吨", (), {"method": "x"})
CLASSES = RasterSpec(
    "c", "class", "", "classes", (Category(0, "a", "#ff0000"), Category(3, "b <c>", "#00ff00"))
)
BITS = RasterSpec("b", "bits", "", "bits", (Category(1, "steep", "#111111"),))
LABELS = RasterSpec("l", "label", "", "labels", ())


def values_of(kind: str) -> Any:
    rng = np.random.default_rng(7)
    if kind == "quantity":
        values = rng.gamma(2.0, 50.0, GRID.shape).astype(np.float32)
        values[:200, :700] = np.nan
        values[600:1200, 500:] = 3.5
        return values
    blocky = rng.integers(0, 4, (130, 110)).repeat(10, 0).repeat(10, 1)
    if kind == "class":
        return np.where(blocky == 2, 255, blocky).astype(np.uint8)
    if kind == "bits":
        return np.where(blocky == 2, 1 << 31, blocky).astype(np.uint32)
    return (blocky - 1).astype(np.int32)


@pytest.mark.parametrize("spec", [QUANTITY, CLASSES, BITS, LABELS], ids=lambda spec: spec.kind)
@pytest.mark.parametrize("compression", ["deflate", "zstd"])
def test_from_disk_and_whole_the_same_bytes(
    tmp_path: Path, spec: RasterSpec, compression: str
) -> None:
    values = values_of(spec.kind)
    store = DiskStore(tmp_path / "store", 256)
    array = store.create("values", values.shape, values.dtype)
    array[:] = values
    one, two = tmp_path / "one.tif", tmp_path / "two.tif"
    write_cog(one, values, GRID, spec, compression)
    write_cog_blocks(two, lambda block: array[block.slices], GRID, spec, compression)
    assert one.read_bytes() == two.read_bytes()
    sidecars = [path.with_name(path.name + ".aux.xml") for path in (one, two)]
    assert [path.exists() for path in sidecars] == [bool(spec.categories)] * 2
    valid, errors, warnings = cog_validate(two, strict=True)
    assert valid, errors + warnings
    with rasterio.open(two) as file:
        stored = file.read(1)
        expected = np.where(np.isnan(values), NODATA_FLOAT, values) if spec is QUANTITY else values
        assert (stored == expected).all()
        assert file.nodata == spec.nodata
        assert file.overviews(1)[:1] == [2]


def test_statistics_are_those_of_the_numbers(tmp_path: Path) -> None:
    values = values_of("quantity")
    path = tmp_path / "q.tif"
    write_cog_blocks(path, lambda block: values[block.slices], GRID, QUANTITY)
    known = values[np.isfinite(values)].astype(np.float64)
    with rasterio.open(path) as file:
        tags = {key: float(value) for key, value in file.tags(1).items()}
    assert tags["STATISTICS_MINIMUM"] == pytest.approx(known.min(), rel=1e-12)
    assert tags["STATISTICS_MAXIMUM"] == pytest.approx(known.max(), rel=1e-12)
    assert tags["STATISTICS_MEAN"] == pytest.approx(known.mean(), rel=1e-12)
    assert tags["STATISTICS_STDDEV"] == pytest.approx(known.std(), rel=1e-12)
    assert tags["STATISTICS_VALID_PERCENT"] == pytest.approx(100 * known.size / GRID.size, rel=1e-3)


def test_statistics_of_nothing_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "q.tif"
    write_cog_blocks(path, lambda block: np.full(block.shape, np.nan, "f4"), GRID, QUANTITY)
    with rasterio.open(path) as file:
        assert not any(key.startswith("STATISTICS") for key in file.tags(1))
    assert Statistics().tags(5) == {}


def test_blocks_are_read_once_in_order(tmp_path: Path) -> None:
    seen: list[Block] = []

    def read(block: Block) -> Any:
        seen.append(block)
        return np.zeros(block.shape, np.float32)

    write_cog_blocks(tmp_path / "q.tif", read, GRID, QUANTITY)
    assert seen == list(GRID.blocks(cog.READ))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["q.tif"]


def test_infinities_are_no_numbers(tmp_path: Path) -> None:
    grid = AnalysisGrid(GRID.wkt, 0.0, 200.0, 100.0, 2, 2)
    values = np.array([[np.inf, -np.inf], [np.nan, 4]], np.float32)
    write_cog_blocks(tmp_path / "q.tif", lambda block: values[block.slices], grid, QUANTITY)
    with rasterio.open(tmp_path / "q.tif") as file:
        assert file.read(1).tolist() == [[NODATA_FLOAT] * 2, [NODATA_FLOAT, 4]]
        assert float(file.tags(1)["STATISTICS_MEAN"]) == 4


def of_two_by_two(values: Any, nodata: Any, kind: str) -> Any:
    """Overview written out cell by cell."""
    rows, cols = values.shape
    out = np.full(((rows + 1) // 2, (cols + 1) // 2), nodata, values.dtype)
    for r, c in np.ndindex(out.shape):
        window = values[2 * r : 2 * r + 2, 2 * c : 2 * c + 2].ravel()
        known = [value for value in window.tolist() if value != nodata]
        if known:
            most = max(known, key=known.count)  # the first of equals
            out[r, c] = np.mean(known) if kind == "quantity" else most
    return out


@given(
    st.sampled_from(["quantity", "class", "bits", "label"]),
    st.tuples(st.integers(1, 7), st.integers(1, 7)),
    st.integers(0, 10_000),
)
@settings(max_examples=examples(150), deadline=None)
def test_overviews_are_means_and_modes(kind: Any, shape: tuple[int, int], seed: int) -> None:
    spec = RasterSpec("x", kind, "", "")
    drawn = np.random.default_rng(seed).integers(0, 4, shape)
    values = np.where(drawn == 3, spec.nodata, drawn).astype(spec.dtype)
    found = halve(values, spec)
    np.testing.assert_allclose(found, of_two_by_two(values, spec.nodata, kind), rtol=1e-7)


def test_overviews_in_the_file_are_those_of_the_whole(tmp_path: Path) -> None:
    values = values_of("quantity")
    path = tmp_path / "q.tif"
    write_cog_blocks(path, lambda block: values[block.slices], GRID, QUANTITY)
    level = np.where(np.isnan(values), np.float32(NODATA_FLOAT), values)
    for number, shape in enumerate(overview_shapes(GRID)[1:]):
        level = halve(level, QUANTITY)
        with rasterio.open(path, overview_level=number) as file:
            assert file.shape == shape == level.shape
            assert file.nodata == NODATA_FLOAT
            assert (file.read(1) == level).all()


def test_large_files_take_long_offsets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = values_of("class")
    for limit in (tiff.LARGE, 0):
        monkeypatch.setattr(tiff, "LARGE", limit)
        path = tmp_path / f"{limit}.tif"
        write_cog_blocks(path, lambda block: values[block.slices], GRID, CLASSES)
        with rasterio.open(path) as file:
            assert (file.read(1) == values).all()
            assert file.colormap(1)[3] == (0, 255, 0, 255)
        assert path.read_bytes()[2] == (43 if limit == 0 else 42)
        assert cog_validate(path, strict=True)[0]
    names = [str(path) for path in sorted(tmp_path.glob("*.tif"))]
    both = [rasterio.open(name).read(out_shape=(1, 60, 50)) for name in names]
    assert (both[0] == both[1]).all()


@given(st.integers(0, 10_000), st.integers(1, 60))
@settings(max_examples=examples(30), deadline=None)
def test_values_that_occur(seed: int, count: int) -> None:
    grid = AnalysisGrid(GRID.wkt, 0.0, 0.0, 100.0, 40, 30)
    values = np.random.default_rng(seed).integers(0, count, grid.shape).astype(np.uint32)
    assert distinct(lambda block: values[block.slices], grid).tolist() == sorted({*values.flat})

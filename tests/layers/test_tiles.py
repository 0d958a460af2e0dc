"""Several raster files that are tiles of one: the bytes are those of the whole."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from cdrsite.config.layers import FileLayer
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning, DataError
from cdrsite.core.grid import AnalysisGrid
from cdrsite.layers.rasterfiles import open_raster
from cdrsite.layers.region import StudyArea
from cdrsite.layers.stack import LayerStack

WEST, NORTH = 4_000_000.0, 3_000_000.0


def save(
    path: Path, data: Any, row: int = 0, col: int = 0, pixel: float = 500.0, **more: Any
) -> Path:
    data = np.asarray(data, more.pop("dtype", np.float32))
    place = Affine(pixel, 0, WEST + col * 500, 0, -pixel, NORTH - row * 500)
    options = {"crs": "EPSG:3035", "nodata": -9, **more}
    with rasterio.open(
        path, "w", driver="GTiff", dtype=data.dtype, count=1, height=data.shape[0],
        width=data.shape[1], transform=place, **options,
    ) as out:  # fmt: skip
        out.write(data, 1)
    return path


def cut(folder: Path, data: Any, rows: list[int], cols: list[int]) -> list[Path]:
    """Tiles of a raster, cut at rows and columns."""
    found = []
    for i, r in enumerate(np.split(np.arange(data.shape[0]), rows)):
        for j, c in enumerate(np.split(np.arange(data.shape[1]), cols)):
            if len(r) and len(c):
                part = data[r[0] : r[-1] + 1, c[0] : c[-1] + 1]
                found.append(save(folder / f"t{i}_{j}.tif", part, r[0], c[0]))
    return found


def read(path: Any, kind: str = "intensive", size: int = 99) -> Any:
    bounds = (WEST, NORTH - 6000, WEST + 8000, NORTH)
    grid = AnalysisGrid.from_bounds("EPSG:3035", bounds, 800.0, snap=None)
    layer = FileLayer.model_validate({"path": path, "kind": kind, "unit": "t/yr"})
    stack = LayerStack({"it": layer}, StudyArea(grid, shapely.box(*bounds)))
    found = np.empty(grid.shape, np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        for block in grid.blocks(size):
            found[block.slices] = stack.values("it", block)
    return found


@pytest.mark.parametrize("kind", ["intensive", "extensive"])
@pytest.mark.parametrize("named", ["list", "pattern", "reversed"])
def test_tiles_are_the_whole(kind: str, named: str, tmp_path: Path) -> None:
    data = np.random.default_rng(1).random((12, 16)).astype(np.float32)
    data[3, 4:6] = -9
    whole = read(save(tmp_path / "whole.tif", data), kind)
    tiles = cut(tmp_path, data, [5], [3, 9])
    path: Any = {"list": tiles, "pattern": tmp_path / "t*.tif", "reversed": tiles[::-1]}[named]
    np.testing.assert_array_equal(read(path, kind), whole)
    np.testing.assert_array_equal(read(path, kind, size=3), whole)


def test_a_gap_is_unknown_and_an_overlap_is_the_last_known_value(tmp_path: Path) -> None:
    first = save(tmp_path / "a.tif", np.full((12, 6), 1.0))
    lap = np.full((12, 4), 2.0)
    lap[0] = -9
    second = save(tmp_path / "b.tif", lap, col=4)
    third = save(tmp_path / "c.tif", np.full((12, 4), 3.0), col=12, nodata=-1)
    source = open_raster(FileLayer.model_validate({"path": [first, second, third]}), "it")
    got = source.decode(source.read((0, 12), (0, 16)))[0]
    gap = [np.nan] * 4
    np.testing.assert_array_equal(got[0], [1] * 6 + [np.nan] * 2 + gap + [3] * 4)
    np.testing.assert_array_equal(got[1], [1] * 4 + [2] * 4 + gap + [3] * 4)


@settings(max_examples=examples(20), deadline=None)
@given(
    rows=st.tuples(st.integers(0, 11), st.integers(1, 12)).filter(lambda r: r[0] < r[1]),
    cols=st.tuples(st.integers(0, 15), st.integers(1, 16)).filter(lambda c: c[0] < c[1]),
    step=st.integers(1, 5),
    at=st.lists(st.integers(1, 11), max_size=3, unique=True).map(sorted),
)
def test_any_window_is_that_of_the_whole(
    rows: Any, cols: Any, step: int, at: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("tiles")
    data = np.arange(192, dtype=np.float32).reshape(12, 16)
    source = open_raster(FileLayer.model_validate({"path": cut(folder, data, at, at)}), "it")
    got = source.read(rows, cols, (1,), step)
    expected = data[rows[0] : rows[1] : step, cols[0] : cols[1] : step]
    assert not np.ma.getmaskarray(got).any()
    # of every so many pixels GDAL may take a neighbour, as it does of a single file
    down, across = np.divmod(np.abs(got[0] // 16 - expected // 16), 16)[1], got[0] % 16
    assert (down < step).all()
    assert (np.abs(across - expected % 16) < step).all()
    if step == 1:
        np.testing.assert_array_equal(got[0], expected)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"crs": "EPSG:25832"}, "their coordinate systems differ"),
        ({"pixel": 250.0}, "their pixels .size or lattice. differ"),
        ({"dtype": np.int16}, "their values .type"),
    ],
)
def test_files_that_are_no_tiles_of_one_raster_are_refused(
    more: dict[str, Any], words: str, tmp_path: Path
) -> None:
    first = save(tmp_path / "a.tif", np.ones((4, 4)))
    second = save(tmp_path / "b.tif", np.ones((4, 4)), col=4, **more)
    with pytest.raises(DataError, match=f"{words}.*a.tif.*b.tif"):
        read([first, second])


def test_a_tile_that_is_not_there_and_a_pattern_of_nothing(tmp_path: Path) -> None:
    first = save(tmp_path / "a.tif", np.ones((4, 4)))
    with pytest.raises(CdrsiteError, match=r"b.tif.*no such file"):
        read([first, tmp_path / "b.tif"])
    with pytest.raises(CdrsiteError, match="no such file"):
        read(tmp_path / "x*.tif")
    with pytest.raises(ValueError, match="several files make one layer of rasters only"):
        FileLayer.model_validate({"path": ["a.gpkg", "b.gpkg"]})


def test_a_window_beyond_all_tiles_is_unknown(tmp_path: Path) -> None:
    tiles = [
        save(tmp_path / "a.tif", np.ones((2, 2))),
        save(tmp_path / "b.tif", np.ones((2, 2)), 6, 6),
    ]
    source = open_raster(FileLayer.model_validate({"path": tiles}), "it")
    assert np.isnan(source.decode(source.read((0, 2), (4, 8)))).all()


@pytest.mark.parametrize("kind", ["intensive", "extensive"])
def test_a_virtual_raster_is_the_whole(kind: str, tmp_path: Path) -> None:
    """Of two tiles, as GDAL's tools write it, with a gap between them."""
    data = np.random.default_rng(2).random((12, 16)).astype(np.float32)
    data[:, 9] = -9
    cut(tmp_path, data, [], [9, 10])
    parts = "".join(
        f'<SimpleSource><SourceFilename relativeToVRT="1">t0_{i}.tif</SourceFilename>'
        f"<SourceBand>1</SourceBand><SrcRect xOff='0' yOff='0' xSize='{size}' ySize='12'/>"
        f"<DstRect xOff='{at}' yOff='0' xSize='{size}' ySize='12'/></SimpleSource>"
        for i, at, size in ((0, 0, 9), (2, 10, 6))
    )
    (tmp_path / "all.vrt").write_text(
        '<VRTDataset rasterXSize="16" rasterYSize="12"><SRS>EPSG:3035</SRS><GeoTransform>'
        f"{WEST}, 500, 0, {NORTH}, 0, -500</GeoTransform>"
        '<VRTRasterBand dataType="Float32" band="1"><NoDataValue>-9</NoDataValue>'
        f"{parts}</VRTRasterBand></VRTDataset>"
    )
    whole = read(save(tmp_path / "whole.tif", data), kind)
    for size in (99, 3):
        np.testing.assert_array_equal(read(tmp_path / "all.vrt", kind, size=size), whole)

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import xarray as xr
from tiny_study import tiny_dataset, tiny_grid

from cdrsite.core.errors import GridError
from cdrsite.core.grid import AnalysisGrid
from cdrsite.engine.arrays import DiskStore
from cdrsite.result import store as datastore
from cdrsite.result.store import grid_of, gridded, label_store, open_labelled, write_zarr

SIZES = [1, 2, 3, 8]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def stored(folder: Path, dataset: xr.Dataset, grid: AnalysisGrid, block: int) -> None:
    """Write the arrays block by block, the last one first, as a run on disk might."""
    store = DiskStore(folder, block)
    for name in reversed(gridded(dataset)):
        values = dataset[name].to_numpy()
        array = store.create(str(name), values.shape, values.dtype)
        for part in reversed(list(grid.blocks(block))):
            array[(..., *part.slices)] = values[(..., *part.slices)]


def without_values(dataset: xr.Dataset) -> xr.Dataset:
    """The same labels over stand-ins."""
    bare = dataset.copy(deep=False)
    for name in gridded(dataset):
        variable = dataset[name]
        blank = np.broadcast_to(np.zeros((), variable.dtype), variable.shape)
        bare[name] = (variable.dims, blank, variable.attrs)
    return bare


@pytest.mark.parametrize("block", SIZES)
@pytest.mark.parametrize("crs", ["EPSG:3035", "EPSG:4326"])
def test_from_memory_and_disk_the_same_files(tmp_path: Path, block: int, crs: str) -> None:
    grid = tiny_grid(crs)
    dataset = tiny_dataset(grid)
    write_zarr(tmp_path / "memory", dataset, grid, block)
    stored(tmp_path / "disk", dataset, grid, block)
    label_store(tmp_path / "disk", without_values(dataset), grid)
    one, two = contents(tmp_path / "memory"), contents(tmp_path / "disk")
    assert list(one) == list(two)
    assert [name for name in one if one[name] != two[name]] == []


def test_labelled_twice_is_the_same(tmp_path: Path) -> None:
    grid = tiny_grid()
    dataset = tiny_dataset(grid)
    write_zarr(tmp_path / "store", dataset, grid, 2)
    before = contents(tmp_path / "store")
    label_store(tmp_path / "store", without_values(dataset), grid)
    assert contents(tmp_path / "store") == before


@pytest.mark.parametrize("block", SIZES)
def test_what_is_read_is_what_was_written(tmp_path: Path, block: int) -> None:
    grid = tiny_grid()
    dataset = tiny_dataset(grid)
    write_zarr(tmp_path / "store", dataset, grid, block)
    with open_labelled(tmp_path / "store") as back:
        assert set(back.variables) == set(dataset.variables)
        for name in dataset.variables:
            expected, found = dataset[name], back[name]
            assert found.dims == expected.dims
            assert found.dtype == expected.dtype, name
            # zeros stay zeros and unknown stays unknown (rule 2)
            np.testing.assert_array_equal(found.to_numpy(), expected.to_numpy(), err_msg=str(name))
            for key, value in expected.attrs.items():
                assert np.array_equal(found.attrs[key], value), (name, key)
        assert {k: v for k, v in back.attrs.items() if k in dataset.attrs} == {
            k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in dataset.attrs.items()
        }
        assert grid_of(back) == grid_of(dataset)


def test_chunks_are_blocks(tmp_path: Path) -> None:
    grid = tiny_grid()
    write_zarr(tmp_path / "store", tiny_dataset(grid), grid, 2)
    with open_labelled(tmp_path / "store") as back:
        assert back["equal_share"].encoding["chunks"] == (1, 2, 2)


def test_the_dataset_stays_as_it_was(tmp_path: Path) -> None:
    grid = tiny_grid()
    dataset = tiny_dataset(grid)
    before = {name: copy.deepcopy(dataset[name].attrs) for name in dataset.variables}
    write_zarr(tmp_path / "store", dataset, grid, 2)
    for name, attrs in before.items():
        assert str(dataset[name].attrs) == str(attrs)
        assert not dataset[name].encoding


def test_gdal_finds_the_place(tmp_path: Path) -> None:
    grid = tiny_grid()
    dataset = tiny_dataset(grid)
    write_zarr(tmp_path / "store", dataset, grid, 2)
    with rasterio.open(f'ZARR:"{tmp_path / "store"}":/winner') as file:
        assert file.crs.to_epsg() == 3035
        assert file.transform.almost_equals(grid.transform)
        assert (file.read(1) == dataset["winner"].to_numpy()).all()


def test_a_grid_needs_even_coordinates(tmp_path: Path) -> None:
    grid = tiny_grid()
    dataset: Any = tiny_dataset(grid)
    assert grid_of(dataset) == grid
    with pytest.raises(GridError, match="even north-up"):
        grid_of(dataset.isel(y=slice(None, None, -1)))
    with pytest.raises(GridError, match="no such coordinate"):
        grid_of(dataset.drop_vars("spatial_ref"))


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "u1", "u4"])
@pytest.mark.parametrize("shape", [(5, 7), (3, 8, 4), (2, 3, 4, 9)])
@pytest.mark.parametrize("empty", [False, True])
def test_chunks_are_those_that_zarr_writes(
    tmp_path: Path, dtype: str, shape: tuple[int, ...], empty: bool
) -> None:
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    values[..., :4, :4] = np.nan if dtype[0] == "f" else 0
    if empty:
        values[...] = np.nan if dtype[0] == "f" else 0
    zarrs = DiskStore(tmp_path / "zarr", 4).create("v", shape, dtype)
    zarrs[...] = values
    mine = DiskStore(tmp_path / "mine", 4).create("v", shape, dtype)
    datastore._write_chunks(tmp_path / "mine" / "v", mine, values)
    assert contents(tmp_path / "mine") == contents(tmp_path / "zarr")
    np.testing.assert_array_equal(mine[...], values)

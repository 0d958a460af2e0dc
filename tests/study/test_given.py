"""Data in memory: the same bytes as from files, however they are given, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import xarray as xr
import yaml
from tiny_scenario import SCENARIO, write_world

import cdrsite
from cdrsite.core.errors import CdrsiteError, ConfigError, DataError

pytestmark = pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")


def opened(path: Path) -> xr.DataArray:
    """A raster as rioxarray gives it: centres, CRS as a coordinate, nodata as an attribute."""
    with rasterio.open(path) as source:
        values, pixel, crs = source.read(1), source.transform, source.crs
        nodata = source.nodata
    x = pixel.c + pixel.a * (np.arange(values.shape[1]) + 0.5)
    y = pixel.f + pixel.e * (np.arange(values.shape[0]) + 0.5)
    made = xr.DataArray(values, {"y": y, "x": x}, ("y", "x"))
    if nodata is not None:
        made.attrs["_FillValue"] = values.dtype.type(nodata)
    return made.assign_coords(spatial_ref=((), 0, {"crs_wkt": crs.to_wkt()}))


def bytes_of(result: cdrsite.StudyResult) -> dict[str, bytes]:
    arrays = {str(n): v.values.tobytes() for n, v in result.dataset.data_vars.items()}
    return arrays | {n: t.to_csv().encode() for n, t in result.tables.items()}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    return write_world(folder)


@pytest.fixture(scope="module")
def from_files(world: Path) -> cdrsite.StudyResult:
    return cdrsite.run(world)


def test_the_same_bytes_as_from_files(world: Path, from_files: cdrsite.StudyResult) -> None:
    folder = world.parent
    slope, residues = opened(folder / "slope.tif"), opened(folder / "residues.tif")
    basins = gpd.read_file(folder / "basins.gpkg")
    result = cdrsite.run(
        cdrsite.load_scenario(world),
        layers={
            "slope": slope.isel(y=slice(None, None, -1)),
            "residues": residues.chunk({"y": 5, "x": 7}),
            "basins": basins,
        },
    )
    assert bytes_of(result) == bytes_of(from_files)
    told = [text.split(")", 1)[-1] for text in from_files.warnings]
    assert [text.split(")", 1)[-1] for text in result.warnings] == told
    assert any("layers.slope (memory://slope.zarr): covers" in text for text in result.warnings)
    names = {name for name in result.inputs if name.startswith("memory://")}
    assert "memory://basins.parquet" in names
    assert any(name.startswith("memory://slope.zarr/") for name in names)
    again = cdrsite.run(world, layers={"slope": slope.isel(y=slice(None, None, -1))})
    shared = [name for name in names if "slope" in name]
    assert [again.inputs[name] for name in shared] == [result.inputs[name] for name in shared]


def test_a_mapping_with_data_in_the_place_of_files(
    world: Path, from_files: cdrsite.StudyResult
) -> None:
    folder = world.parent
    data = yaml.safe_load(SCENARIO)
    with rasterio.open(folder / "cover.tif") as source:
        cover, bounds = source.read(1), tuple(source.bounds)
    data["layers"] = {
        **data["layers"],
        "cover": {"data": cover, "bounds": bounds, "crs": "EPSG:3035", "kind": "class"},
        "parks": gpd.read_file(folder / "parks.gpkg").geometry,
        "slope": {"path": folder / "slope.tif", "unit": "degree", "kind": "intensive"},
        "residues": {**data["layers"]["residues"], "path": folder / "residues.tif"},
        "basins": {"path": folder / "basins.gpkg"},
    }
    assert bytes_of(cdrsite.run(data)) == bytes_of(from_files)


def test_a_boundary_in_memory(world: Path) -> None:
    scenario = cdrsite.load_scenario(world).to_dict()
    box = gpd.GeoSeries.from_wkt(
        ["POLYGON((4000000 3000000, 4004000 3000000, 4004000 3006000, 4000000 3006000, "
         "4000000 3000000))"], crs=3035,
    )  # fmt: skip
    told = cdrsite.check_study({**scenario, "region": {"boundary": box}})
    assert told["grid"]["cols"] == 4


def test_a_written_run_says_memory_and_never_where_it_lay(world: Path, tmp_path: Path) -> None:
    slope = opened(world.parent / "slope.tif")
    folder = cdrsite.run(world, layers={"slope": slope}).write(tmp_path / "run")
    manifest = (folder / "manifest.json").read_text("utf-8")
    assert '"memory://slope.zarr"' in manifest
    for file in folder.rglob("*"):
        if file.is_file():
            assert b"inputs/memory" not in file.read_bytes(), file
    path = tmp_path / "again.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(SCENARIO), "layers": {
        "slope": {"path": "memory://slope.zarr"}}}), "utf-8")  # fmt: skip
    with pytest.raises(ConfigError, match=r"was in the memory of a Python session.*layers="):
        cdrsite.load_scenario(path)


def test_nothing_stays_behind(world: Path, tmp_path: Path) -> None:
    code = (
        "import sys, xarray as xr, numpy as np\n"
        "from cdrsite.config.inmemory import keep\n"
        "a = xr.DataArray(np.ones((2, 2)), {'y': [1.0, 0.0], 'x': [0.0, 1.0]}, ('y', 'x'))\n"
        "path = keep('a', a, 'a')\n"
        "assert path == keep('a', a, 'a') and path.is_dir(), path\n"
        "assert path != keep('a', a + 1, 'a')\n"
        "print(path)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "CDRSITE_CACHE_DIR": str(tmp_path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert str(tmp_path) in ran.stdout
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_is_refused(world: Path) -> None:
    slope = opened(world.parent / "slope.tif")
    with pytest.raises(ConfigError, match="not a scenario; got list; expected a Scenario"):
        cdrsite.run([1])  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"layers=slope: no data of a layer; got float"):
        cdrsite.run(world, layers={"slope": 3.0})
    with pytest.raises(DataError, match=r"layers=slope: an array without a place.*bounds"):
        cdrsite.run(world, layers={"slope": slope.values})
    with pytest.raises(DataError, match="an array and its bounds do not fit"):
        cdrsite.run(world, layers={"slope": {"data": slope.values, "bounds": (1, 2, 0, 3)}})
    with pytest.raises(ConfigError, match="data with coordinates have bounds of their own"):
        cdrsite.run(world, layers={"slope": {"data": slope, "bounds": (0, 0, 1, 1)}})
    with pytest.raises(DataError, match=r"several variables; got a, b; cure: give one"):
        cdrsite.run(world, layers={"slope": xr.Dataset({"a": slope, "b": slope})})
    with pytest.raises(DataError, match="the values are not numbers"):
        cdrsite.run(world, layers={"slope": slope.astype(str)})
    with pytest.raises(CdrsiteError, match="CRS"):
        cdrsite.check_study(world, layers={"slope": slope.drop_vars("spatial_ref")})
    with pytest.raises(DataError, match=r"features without a CRS.*set_crs"):
        cdrsite.run(world, layers={"parks": gpd.GeoSeries.from_wkt(["POINT(0 0)"])})
    mixed = gpd.GeoDataFrame({"a": [1, "b"]}, geometry=gpd.points_from_xy([0, 1], [0, 1]), crs=4326)
    with pytest.raises(DataError, match=r"the table cannot be read.*columns of one type"):
        cdrsite.run(world, layers={"parks": mixed})

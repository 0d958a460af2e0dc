"""Maps of every route to storage that is kept, and of what a km of line costs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import xarray as xr
from tiny_scenario import SCENARIO, box, write_polygons, write_world

import cdrsite
from cdrsite.config.load import parse_scenario
from cdrsite.core.errors import ConfigError
from cdrsite.engine.cache import Cache
from cdrsite.study.means import Means

STORED = "storage: {units: stores, id: id, capacity: mt, injection: mt_yr, depth: depth}"
STUDY = (
    SCENARIO.replace(
        "methods:\n", "transport: {surface: {slope: {}}, modes: [pipeline]}\nmethods:\n"
    )
    .replace("  biomass:", f"  {STORED}\n  biomass:")
    .replace("  basins:", "  stores: {path: stores.gpkg}\n  basins:")
)
NEW = {"ranked_transport_cost", "ranked_transport_km", "ranked_storage", "line_cost"}
ON = "outputs.every_route=true"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    path = write_world(folder, STUDY)
    write_polygons(
        folder / "stores.gpkg", [box(0, 0, 1, 1), box(7, 5, 1, 1)], id=["s", "t"], mt=[30.0, 3.0],
        mt_yr=[0.5, 0.5], depth=[1500.0, 1000.0],
    )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def result(world: Path) -> Any:
    return cdrsite.run(cdrsite.load_scenario(world, [ON]))


@pytest.fixture(scope="module")
def dataset(result: Any) -> xr.Dataset:
    return result.dataset


def test_they_are_off_unless_asked_for(world: Path) -> None:
    plain = cdrsite.run(cdrsite.load_scenario(world))
    assert not NEW & set(plain.dataset.data_vars)
    assert "rank" not in plain.dataset.coords


def test_each_rank_is_a_unit_with_its_cost_and_length(dataset: xr.Dataset) -> None:
    cost, km = dataset["ranked_transport_cost"], dataset["ranked_transport_km"]
    unit = dataset["ranked_storage"]
    assert cost.dims == km.dims == unit.dims == ("rank", "y", "x")
    assert cost["rank"].to_numpy().tolist() == [1, 2]
    assert (cost.attrs["units"], km.attrs["units"]) == ("USD/t", "km")
    assert unit.attrs["labels"] == ["stores s", "stores t"]
    np.testing.assert_array_equal(cost.sel(rank=1), dataset["transport_cost"])
    np.testing.assert_array_equal(km.sel(rank=1), dataset["transport_km"])
    np.testing.assert_array_equal(unit.sel(rank=1), dataset["pool_storage"])
    # every cell reaches both; in those of the units the route has no length
    assert (unit.sum("rank") == 1).all()
    assert km.to_numpy()[0, 0, 0] == km.to_numpy()[0, 5, 7] == 0.0
    # from the one corner to the other at least two knight's moves and three diagonals
    there = km.to_numpy()[1]
    least = 2 * np.sqrt(5) + 3 * np.sqrt(2)
    assert least - 1e-5 <= there[0, 0] == there[5, 7] < 1.3 * least


def test_a_line_costs_what_the_ground_makes_of_it(dataset: xr.Dataset, world: Path) -> None:
    line = dataset["line_cost"].to_numpy()
    slope = rasterio.open(world.parent / "slope.tif").read(1)
    assert dataset["line_cost"].attrs["units"] == "USD/t/km"
    flat, steep = line[slope == 0], line[slope == slope.max()]
    assert flat.size == 0 or steep.min() > flat.max()
    # the route between neighbours costs the mean of both over 1 km
    first = dataset["ranked_transport_cost"].to_numpy()[0]
    step = first[0, 1] - first[0, 0]
    assert step == pytest.approx((line[0, 0] + line[0, 1]) / 2, rel=1e-5)


def test_no_line_can_go_is_no_number(world: Path) -> None:
    barred = cdrsite.run(
        cdrsite.load_scenario(world, [ON, "transport.surface.barriers=[{layer: parks}]"])
    ).dataset
    closed = np.isnan(barred["line_cost"].to_numpy())
    assert 0 < closed.sum() < closed.size
    assert np.isnan(barred["ranked_transport_cost"].to_numpy()[:, closed]).all()
    assert (barred["ranked_storage"].to_numpy()[:, closed] == -1).all()


def test_the_outside_has_no_number(world: Path) -> None:
    text = STUDY.replace("4008000, 3006000]", "4007000, 3006000]").replace(
        "resolution: 1 km}", "resolution: 1 km, margin: 1 km}"
    )
    found = cdrsite.run(parse_scenario(text, world, [ON])).dataset
    outside = np.isnan(found["ranked_transport_cost"].to_numpy()[0])
    assert 0 < outside.sum() < outside.size
    for name in NEW:
        values = found[name].to_numpy()[..., outside]
        assert (values == -1).all() if values.dtype.kind == "i" else np.isnan(values).all()


def test_each_rank_is_a_raster(result: Any, dataset: xr.Dataset, tmp_path: Path) -> None:
    result.write(tmp_path / "run")
    rasters = tmp_path / "run" / "rasters"
    for name in sorted(NEW - {"line_cost"}):
        for rank in (1, 2):
            with rasterio.open(rasters / f"{name}_{rank}.tif") as file:
                values = file.read(1, masked=True)
                assert file.units[0] == dataset[name].attrs.get("units")
                assert file.descriptions[0].endswith(f": {rank}")
                assert file.tags()["rank"] == str(rank)
            expected = dataset[name].sel(rank=rank).to_numpy()
            np.testing.assert_array_equal(values.filled(-1), np.nan_to_num(expected, nan=-1))
    assert (rasters / "line_cost.tif").exists()
    listed = (rasters / "README.txt").read_text(encoding="utf-8")
    assert "ranked_transport_km_2.tif" in listed
    assert "ranked_storage_1" in (tmp_path / "run" / "cdrsite.qgs").read_text(encoding="utf-8")
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Cost of a CO₂ line, per km" in page
    with xr.open_zarr(tmp_path / "run" / "result.zarr") as stored:
        np.testing.assert_array_equal(
            stored["ranked_transport_km"].sel(rank=2), dataset["ranked_transport_km"].sel(rank=2)
        )


def test_memory_and_disk_give_the_same_bytes(
    world: Path, dataset: xr.Dataset, tmp_path: Path
) -> None:
    means = Means(memory=1, folder=tmp_path / "work")
    stored = cdrsite.run(cdrsite.load_scenario(world, [ON]), means=means)
    for name in NEW:
        assert stored.dataset[name].to_numpy().tobytes() == dataset[name].to_numpy().tobytes()
        assert stored.dataset[name].dims == dataset[name].dims


def test_a_batch_takes_the_routes_from_an_earlier_run(world: Path, dataset: xr.Dataset) -> None:
    cache = Cache()
    cdrsite.run(cdrsite.load_scenario(world), cache=cache)
    found = cdrsite.run(cdrsite.load_scenario(world, [ON]), cache=cache)
    assert cache.taken["links"] == 1
    for name in NEW:
        assert found.dataset[name].to_numpy().tobytes() == dataset[name].to_numpy().tobytes()


@pytest.mark.parametrize(
    "draw",
    [
        lambda data: data.cdr.plot("ranked_transport_cost"),
        lambda data: data.cdr.explore("ranked_transport_cost"),
        lambda data: data["ranked_transport_cost"].cdr.explore(),
    ],
)
def test_a_map_of_all_ranks_at_once_is_refused(
    draw: Callable[[xr.Dataset], Any], dataset: xr.Dataset
) -> None:
    with pytest.raises(ConfigError, match=r"two dimensions; got rank, y, x.*isel\((rank|time)=0"):
        draw(dataset)
    assert dataset["ranked_transport_cost"].sel(rank=2).cdr.plot() is not None
    assert dataset.cdr.total("ranked_transport_km").sizes == {"rank": 2}

"""A grid that reaches beyond the region: storage there is reached, nothing there is counted."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import jsonschema
import numpy as np
import pytest
import shapely
from tiny_scenario import SCENARIO, box, write_polygons, write_world

from cdrsite.config.load import load_scenario
from cdrsite.config.models import GridModel, Region
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning, DataError
from cdrsite.core.grid import Block
from cdrsite.layers.region import build_grid
from cdrsite.study.margin import reaching
from cdrsite.study.run import check_study, run

pytestmark = pytest.mark.usefixtures("without_slopes")

STORED = """
  stores: {path: stores.gpkg}
resources:
  storage: {units: stores, id: id, capacity: mt, injection: mt_yr}
"""


def study(folder: Path, margin: str, *overrides: str) -> Any:
    text = SCENARIO.replace("\nresources:\n", STORED)
    path = write_world(folder, text.replace("resolution: 1 km", f"resolution: 1 km, {margin}"))
    # 6 km east of the region, which is 8 km wide
    write_polygons(folder / "stores.gpkg", [box(14, 2, 2, 2)], id=["far"], mt=[500.0], mt_yr=[10.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return run(load_scenario(path, overrides))


def test_storage_beyond_the_region_is_reached_and_nothing_beyond_is_counted(
    tmp_path: Path,
) -> None:
    with pytest.raises(DataError, match=r"no storage unit touches the grid.*grid.margin: 200 km"):
        study(tmp_path, "margin: 0 km")
    near, wide = study(tmp_path, "margin: 7 km"), study(tmp_path, "margin: 20 km")
    west, _, east, _ = near.grid.bounds
    assert east - west == 22_000
    assert wide.dataset.sizes["x"] == near.dataset.sizes["x"] + 26
    inside = wide.dataset.sel(x=near.dataset.x, y=near.dataset.y)
    for name in ("available", "usable_land", "supply_biomass", "suitability", "sink_cost"):
        np.testing.assert_array_equal(inside[name], near.dataset[name])
        assert float(wide.dataset[name].sum()) == pytest.approx(float(near.dataset[name].sum()))
    counted = near.dataset["usable_land"].notnull()
    assert int(counted.isel(removal_method=0).sum()) == 48
    removal = [float(one.dataset["net_removal"].sum()) for one in (near, wide)]
    assert removal[0] > 0
    assert removal[0] == pytest.approx(removal[1], rel=1e-9)


def test_auto_reaches_to_the_storage_asked_for(tmp_path: Path) -> None:
    auto = study(tmp_path, "margin: auto")
    west, _, east, _ = auto.grid.bounds
    assert east - west == 8_000 + 2 * 8_000  # 6 km, and two cells beyond, on either side
    given = study(tmp_path, "margin: 8 km")
    np.testing.assert_array_equal(auto.dataset.net_removal, given.dataset.net_removal)
    assert auto.scenario.grid.margin == "auto"
    with pytest.raises(DataError, match="no storage unit touches the grid"):
        study(tmp_path, "margin: auto", "transport.reach=5 km")


def test_auto_counts_only_units_that_may_be_used_and_the_nearest_of_them(tmp_path: Path) -> None:
    text = SCENARIO.replace("\nresources:\n", STORED)
    text = text.replace("resolution: 1 km", "resolution: 1 km, margin: auto")
    path = write_world(tmp_path, text)
    places = {"in": 4, "near": 14, "far": 58, "shallow": 100}
    write_polygons(
        tmp_path / "stores.gpkg",
        [box(col, 2, 2, 2) for col in places.values()],
        id=list(places),
        mt=[500.0] * 4,
        mt_yr=[10.0] * 4,
        depth=[1000.0, 1000.0, 1000.0, 100.0],
    )

    def margin(*more: str) -> Any:
        return reaching(load_scenario(path, ["resources.storage.depth=depth", *more])).grid.margin

    found = [margin(f"transport.sinks_per_cell={count}") for count in (1, 2, 3, 4)]
    assert found == [0, 8_000, 55_000, 55_000]
    assert [margin(f"transport.reach={km} km") for km in (49, 50)] == [8_000, 55_000]
    assert reaching(load_scenario(path, ["resources.storage={unlimited: true}"])).grid.margin == 0
    (tmp_path / "stores.gpkg").unlink()
    assert margin() == 0
    with pytest.raises(CdrsiteError, match=r"stores.gpkg\): no such file"):
        run(load_scenario(path))


def test_auto_on_a_grid_of_degrees(tmp_path: Path) -> None:
    text = SCENARIO.replace("\nresources:\n", STORED)
    grid = 'crs: "EPSG:4326", resolution: 0.02 degree, margin: auto'
    path = write_world(tmp_path, text.replace('crs: "EPSG:3035", resolution: 1 km', grid))
    write_polygons(tmp_path / "stores.gpkg", [box(58, 2, 2, 2)], id=["a"], mt=[5.0], mt_yr=[1.0])
    scenario = reaching(load_scenario(path))
    area = build_grid(scenario.region, scenario.grid)
    unit = gpd.read_file(tmp_path / "stores.gpkg").to_crs(4326).geometry.iloc[0]
    assert shapely.box(*area.grid.bounds).intersects(unit)
    assert 50_000 < float(scenario.grid.margin) < 110_000


@pytest.mark.parametrize("margin", ["auto", "200 km", 5000])
def test_editors_know_what_a_margin_may_be(margin: object) -> None:
    jsonschema.validate({"margin": margin}, GridModel.model_json_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"margin": -1}, GridModel.model_json_schema())


def test_a_grid_alone_does_not_know_how_far_auto_is() -> None:
    with pytest.raises(CdrsiteError, match=r"grid.margin: .*got auto.*expected a length"):
        build_grid(Region(bounds=(9, 59, 10, 60)), GridModel(margin="auto"))


@pytest.mark.parametrize(("asked", "told"), [("200 km", False), ("100 km", True)])
@pytest.mark.parametrize(
    ("part", "rule"),
    [
        ("exclude", "{layer: roads, farther_than: ASKED}"),
        ("exclude", "{layer: roads, closer_than: ASKED}"),
        ("prefer", "{near: roads, best: 0, none: ASKED}"),
        ("prefer", "{near: roads, middle: ASKED, width: -1 km}"),
    ],
)
def test_a_feature_within_the_distance_asked_for_is_not_far(
    tmp_path: Path, part: str, rule: str, asked: str, told: bool
) -> None:
    text = SCENARIO.replace("resources:\n", "  roads: {path: roads.gpkg}\nresources:\n", 1)
    line = f"  {part}:\n    - {rule.replace('ASKED', asked)}\n"
    path = write_world(tmp_path, text.replace(f"  {part}:\n", line))
    write_polygons(tmp_path / "roads.gpkg", [box(158, 2, 2, 2)])
    said = check_study(load_scenario(path))["warnings"]
    assert any("150 km from the region" in text for text in said) == told


@pytest.mark.parametrize(
    ("crs", "bounds"), [("auto", (9, 59, 10, 60)), ("EPSG:4326", (179, 59, 181, 60))]
)
def test_the_margin_is_metres_of_ground(crs: str, bounds: Any) -> None:
    size: Any = 0.1 if crs == "EPSG:4326" else "5 km"
    region = Region(bounds=bounds)
    near = build_grid(region, GridModel(crs=crs, resolution=size))
    wide = build_grid(region, GridModel(crs=crs, resolution=size, margin=50_000))
    assert wide.geometry.equals(near.geometry)
    east, north = wide.grid.row_steps_m
    across = east[len(east) // 2] * (wide.grid.cols - near.grid.cols) / 2
    along = north * (wide.grid.rows - near.grid.rows) / 2
    assert 49_000 < across < 62_000
    assert 49_000 < along < 62_000
    cells = [p.inside(Block(0, p.grid.rows, 0, p.grid.cols)).sum() for p in (near, wide)]
    assert cells[0] == cells[1]

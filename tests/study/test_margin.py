"""A grid that reaches beyond the region: storage there is reached, nothing there is counted."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_scenario import SCENARIO, box, write_polygons, write_world

from cdrsite.config.load import load_scenario
from cdrsite.config.models import GridModel, Region
from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.core.grid import Block
from cdrsite.layers.region import build_grid
from cdrsite.study.run import run

STORED = """
  stores: {path: stores.gpkg}
resources:
  storage: {units: stores, id: id, capacity: mt, injection: mt_yr}
"""


def study(folder: Path, margin: str) -> Any:
    text = SCENARIO.replace("\nresources:\n", STORED)
    path = write_world(folder, text.replace("resolution: 1 km", f"resolution: 1 km, {margin}"))
    # 6 km east of the region, which is 8 km wide
    write_polygons(folder / "stores.gpkg", [box(14, 2, 2, 2)], id=["far"], mt=[500.0], mt_yr=[10.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return run(load_scenario(path))


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

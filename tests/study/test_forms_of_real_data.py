"""What real datasets do that the examples of a manual do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from tiny_scenario import NORTH, SCENARIO, WEST, box, slope, write_raster, write_world

from cdrsite.config.layers import FileLayer
from cdrsite.config.load import load_scenario
from cdrsite.config.models import GridModel, Region
from cdrsite.core.errors import DataError, UnitError
from cdrsite.core.grid import Block
from cdrsite.layers.region import build_grid
from cdrsite.layers.stack import LayerStack
from cdrsite.study.run import check_study, run

pytestmark = pytest.mark.usefixtures("without_slopes")

STORED = """
  stores: {path: stores.gpkg, preset: co2stop}
resources:
  storage: {units: stores, id: id, capacity: capacity_mean_mt, depth: DEPTH}
"""


def stores(folder: Path, **columns: Any) -> Path:
    shapes = [box(1, 1, 2, 2), box(5, 3, 2, 2)]
    frame = gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:3035")
    frame.to_file(folder / "stores.gpkg")
    return write_world(folder, SCENARIO.replace("\nresources:\n", STORED))


def test_ids_that_are_numbers(tmp_path: Path) -> None:
    path = stores(
        tmp_path,
        STORAGE_UNIT_ID=[1, 2],
        EST_STORECAP_MEAN=[50.0, 40.0],
        DEPTH=[1000.0, 1200.0],
    )
    result = run(load_scenario(path))
    assert any("filled evenly" in text for text in result.warnings)
    assert len(result.tables["storage"]) == 2


def test_zero_of_co2stop_is_unknown(tmp_path: Path) -> None:
    path = stores(
        tmp_path, STORAGE_UNIT_ID=["a", "b"], EST_STORECAP_MEAN=[0.0, 40.0], DEPTH=[0.0, 0.0]
    )
    with pytest.raises(
        DataError, match=r"without a capacity.*stores a.*layers.stores.where: capacity_mean_mt > 0"
    ):
        check_study(load_scenario(path))
    known = load_scenario(path, ["layers.stores.where=capacity_mean_mt > 0"])
    told = check_study(known)["warnings"]
    assert any("the depth of 1 storage units is unknown, and they are kept" in t for t in told)


def test_depth_0_without_a_preset_is_left_out_with_the_cure(tmp_path: Path) -> None:
    path = stores(
        tmp_path, STORAGE_UNIT_ID=["a", "b"], EST_STORECAP_MEAN=[9.0, 40.0], DEPTH=[0.0, 900.0]
    )
    text = path.read_text().replace(", preset: co2stop", "")
    path.write_text(text.replace("id: id", "id: STORAGE_UNIT_ID").replace(
        "capacity_mean_mt", "EST_STORECAP_MEAN"))  # fmt: skip
    told = check_study(load_scenario(path))["warnings"]
    assert any("depth 0 m; add nodata: 0 to the layer if that means unknown" in t for t in told)


@pytest.mark.parametrize("unit", ["kWh/kWp", "kWh/kWp/yr", "kWh/kW", "kWh/kW/yr", "MWh/MW"])
def test_units_of_photovoltaic_yield(tmp_path: Path, unit: str) -> None:
    path = write_raster(tmp_path / "pv.tif", np.full((6, 8), 1500, np.float32))
    area = build_grid(
        Region(bounds=(WEST, NORTH - 6000, WEST + 8000, NORTH), crs="EPSG:3035"),
        GridModel(crs="EPSG:3035", resolution="1 km"),
    )
    stack = LayerStack({"pv": FileLayer(path=path, unit=unit, kind="intensive")}, area)
    np.testing.assert_allclose(stack.values("pv", Block(0, 6, 0, 8), "kWh/kWp"), 1500, rtol=1e-6)


@pytest.mark.parametrize("unit", ["percent", "kWh/m2", "h/yr"])
def test_what_is_no_photovoltaic_yield(tmp_path: Path, unit: str) -> None:
    layer = f"  pv: {{path: pv.tif, unit: {unit}, kind: intensive}}\n  parks:"
    path = write_world(tmp_path, SCENARIO.replace("  parks:", layer, 1))
    write_raster(tmp_path / "pv.tif", np.full((6, 8), 15, np.float32))
    with pytest.raises(UnitError, match="expected a unit like 'kWh/kWp'"):
        check_study(load_scenario(path, ["methods.daccs-solid.own_power={pv_yield: pv}"]))


def test_a_folder_of_tiles_is_told_how_to_be_named(tmp_path: Path) -> None:
    path = write_world(tmp_path, SCENARIO.replace("slope.tif", "dem"))
    (tmp_path / "dem").mkdir()
    write_raster(tmp_path / "dem" / "a.tif", slope(), nodata=-9999)
    with pytest.raises(DataError, match=r"a folder is no layer; got dem/ with a.tif.*dem/\*.tif"):
        check_study(load_scenario(path))
    check_study(load_scenario(path, ["layers.slope.path=dem/*.tif"]))

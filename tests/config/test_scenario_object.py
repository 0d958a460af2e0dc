"""Scenarios as objects: to a mapping, to YAML and back, with other values, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import xarray as xr
import yaml
from tiny_scenario import SCENARIO, write_world

from cdrsite import Scenario, check_study, load_scenario
from cdrsite.core.errors import ConfigError, DataError
from cdrsite.engine.record import resolved_scenario
from cdrsite.study.given import as_scenario

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    path for path in (ROOT / "config").glob("**/*.yaml") if "methods:" in path.read_text("utf-8")
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_mapping_yaml_and_record_make_the_same_scenario(path: Path, tmp_path: Path) -> None:
    scenario = load_scenario(path)
    assert Scenario.from_dict(scenario.to_dict()) == scenario
    scenario.to_yaml(tmp_path / "again.yaml")
    again = load_scenario(tmp_path / "again.yaml")
    assert again == scenario
    assert again.model_fields_set >= scenario.model_fields_set
    # a record holds every default, also of keys that exclude each other
    record = resolved_scenario(scenario) | {"data_folder": str(scenario.data_folder)}
    assert Scenario.from_record(record).model_dump() == scenario.model_dump()


def test_other_values_are_checked_like_a_file(tmp_path: Path) -> None:
    scenario = load_scenario(write_world(tmp_path))
    changed = scenario.replace(
        {"costs.discount_rate": "9 %", "siting.exclude.2.above": np.float64(12)}
    )
    assert changed.costs.discount_rate == pytest.approx(0.09)
    assert changed.siting.exclude[2].above != scenario.siting.exclude[2].above
    assert scenario.costs.discount_rate != changed.costs.discount_rate
    assert changed.layers == scenario.layers
    with pytest.raises(ConfigError) as caught:
        scenario.replace({"costs.discount": "9 %", "grid.resolution": "much", "methods.x": {}})
    text = str(caught.value)
    assert "scenario: costs.discount: unknown key" in text
    assert "did you mean 'discount_rate'" in text
    assert "unknown method; got 'x'" in text
    with pytest.raises(ConfigError, match=r"replace: no such list item; got 9"):
        scenario.replace({"siting.exclude.9.above": 1})
    with pytest.raises(ConfigError, match="the key runs through a single value"):
        scenario.replace({"name.part": 1})


def test_a_mapping_with_paths_of_its_own(tmp_path: Path) -> None:
    write_world(tmp_path)
    data = yaml.safe_load(SCENARIO)
    data["layers"]["slope"]["path"] = tmp_path / "slope.tif"
    scenario = Scenario.from_dict(data, data_folder=tmp_path)
    assert scenario == load_scenario(tmp_path / "study.yaml")
    assert data["layers"]["slope"]["path"] == tmp_path / "slope.tif"
    with pytest.raises(ConfigError, match="scenario: regoin: unknown key"):
        Scenario.from_dict({**data, "regoin": {}}, data_folder=tmp_path)


def test_secrets_stay_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE_IT_IS", "hidden-folder")
    text = SCENARIO.replace("name: tiny", "name: tiny\ntitle: ${secret:WHERE_IT_IS}")
    scenario = load_scenario(write_world(tmp_path, text))
    assert scenario.title == "hidden-folder"
    assert "${secret:WHERE_IT_IS}" in scenario.to_yaml()
    assert "hidden-folder" not in scenario.to_yaml()


def in_memory(folder: Path) -> dict[str, Any]:
    """The tiny study with data of every kind in memory in the place of files."""
    write_world(folder)
    data: dict[str, Any] = yaml.safe_load(SCENARIO)
    with rasterio.open(folder / "cover.tif") as source:
        cover, bounds = source.read(1), tuple(source.bounds)
    with rasterio.open(folder / "slope.tif") as source:
        slope, pixel, crs = source.read(1), source.transform, source.crs
    x = pixel.c + pixel.a * (np.arange(slope.shape[1]) + 0.5)
    y = pixel.f + pixel.e * (np.arange(slope.shape[0]) + 0.5)
    array = xr.DataArray(slope, {"y": y, "x": x}, ("y", "x"))
    array = array.assign_coords(spatial_ref=((), 0, {"crs_wkt": crs.to_wkt()}))
    parks = gpd.read_file(folder / "parks.gpkg")
    data["region"] = {"bounds": np.array(bounds), "crs": "EPSG:3035"}
    data["layers"]["cover"] |= {"data": cover, "bounds": bounds, "crs": "EPSG:3035"}
    del data["layers"]["cover"]["path"]
    data["layers"]["slope"] |= {"path": array}
    data["layers"]["parks"] = parks
    return data


def test_data_in_memory_stand_where_files_would(tmp_path: Path) -> None:
    data = in_memory(tmp_path)
    scenario, plain = (
        Scenario.from_dict(data, data_folder=tmp_path),
        load_scenario(tmp_path / "study.yaml"),
    )
    assert isinstance(data["layers"]["parks"], gpd.GeoDataFrame)  # not changed
    assert Scenario.from_dict(scenario.to_dict()) == scenario
    changed = scenario.replace({"costs.discount_rate": "9 %"})
    assert changed.layers == scenario.layers and changed != scenario
    kinds = [one.layers["cover"].model_dump()["kind"] for one in (scenario, plain)]
    assert kinds[0] == kinds[1]
    for name in ("cover", "slope", "parks"):
        path = scenario.layers[name].path  # type: ignore[union-attr]
        assert path.exists() and not path.is_relative_to(tmp_path), name
    told = check_study(scenario)
    assert told["grid"]["cells"] == check_study(plain)["grid"]["cells"]


def test_an_array_takes_the_place_of_a_layer_of_a_scenario(tmp_path: Path) -> None:
    """As with ``run(layers=)``: what the scenario says of the layer stays."""
    memory = in_memory(tmp_path)
    slope = memory["layers"]["slope"]["path"]
    scenario = load_scenario(tmp_path / "study.yaml")
    changed = scenario.replace({"layers.slope": slope})
    assert changed == as_scenario(scenario, {"slope": slope})
    before, after = (one.layers["slope"].model_dump() for one in (scenario, changed))
    assert after.pop("path") != before.pop("path")
    assert after == before and after["unit"] == "degree"
    whole = changed.replace({"layers.slope": {"data": slope, "unit": "percent"}})
    assert whole.layers["slope"].unit == "percent"
    assert scenario.replace({"layers.slope.path": slope}) == changed


def test_a_file_cannot_hold_data_in_memory(tmp_path: Path) -> None:
    scenario = Scenario.from_dict(in_memory(tmp_path), data_folder=tmp_path)
    with pytest.raises(ConfigError) as caught:
        scenario.to_yaml(tmp_path / "never.yaml")
    text = str(caught.value)
    assert text.startswith(
        "layers.cover.path, layers.slope.path, layers.parks.path: a scenario file"
    )
    assert "got memory://cover.zarr, memory://slope.zarr, memory://parks.parquet" in text
    assert "expected files" in text
    assert "scenario.replace({'layers." in text and "array.rio.to_raster(FILE)" in text
    assert not (tmp_path / "never.yaml").exists()
    on_disk = {f"layers.{name}.path": tmp_path / f"{name}.tif" for name in ("cover", "slope")}
    on_disk["layers.parks.path"] = tmp_path / "parks.gpkg"
    assert "memory" not in scenario.replace(on_disk).to_yaml()


def test_what_is_wrong_with_data_in_memory_names_the_key(tmp_path: Path) -> None:
    data = in_memory(tmp_path)
    cover = data["layers"]["cover"]
    for wrong, text in (
        (cover["data"], "scenario: layers.cover.path: an array without a place"),
        (xr.Dataset({"a": 1, "b": 2}), r"scenario: layers.cover.path: several variables; got a, b"),
    ):
        bad = {**data, "layers": {**data["layers"], "cover": {"path": wrong}}}
        with pytest.raises(DataError, match=text):
            Scenario.from_dict(bad, data_folder=tmp_path)
    scenario = load_scenario(tmp_path / "study.yaml")
    with pytest.raises(DataError, match=r"replace: layers.cover: an array and its bounds do not"):
        scenario.replace({"layers.cover": {"data": cover["data"], "bounds": (1, 2, 0, 3)}})
    parks = data["layers"]["parks"].set_crs(None, allow_override=True)
    with pytest.raises(DataError, match=r"replace: layers.parks: features without a CRS"):
        scenario.replace({"layers.parks": parks})

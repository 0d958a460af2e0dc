"""Dataset presets: classes, nodata, and the mix-ups they tell apart."""

from __future__ import annotations

import json

import jsonschema
import pytest
from ruamel.yaml import YAML

from cdrsite.core.checked import checked, schema_of
from cdrsite.core.errors import ConfigError
from cdrsite.core.units import conversion
from cdrsite.library.datasets import ALIASES, DatasetPreset, dataset_names, load_dataset
from cdrsite.library.files import FOLDER
from cdrsite.library.records import load_sources


def preset(**changes: object) -> dict[str, object]:
    return {
        "title": "T",
        "kind": "intensive",
        "unit": "m",
        "licence": "L",
        "source": "srtm",
    } | changes


@pytest.mark.parametrize("name", dataset_names())
def test_every_preset_is_sound(name: str) -> None:
    data = load_dataset(name)
    assert data.source in load_sources()
    assert data.licence and data.title
    assert not set(data.nodata) & set(data.special_values)
    if data.kind == "class":
        low, high = data.valid_range
        assert all(low <= code <= high for code in data.classes)
        assert not set(data.nodata) & set(data.classes)
    for check in data.detect:
        assert check.looks_like is None or check.looks_like in dataset_names()
    if data.valid_range is not None and data.kind != "vector":
        assert data.mixed_up(*data.valid_range) is None
    if data.unit not in {None, "class"}:
        conversion(data.unit, data.unit)
    json.dumps(data.model_dump(mode="json"), allow_nan=False)


def test_the_two_codes_of_corine_are_told_apart() -> None:
    grid, codes = load_dataset("corine-grid"), load_dataset("corine-clc")
    assert list(grid.classes) == list(range(1, 45))
    assert grid.mixed_up(111, 523).looks_like == "corine-clc"
    assert codes.mixed_up(1, 44).looks_like == "corine-grid"
    assert grid.mixed_up(1, 44) is None
    assert codes.mixed_up(111, 523) is None
    # the same class at the same rank, and the groups of the energy models' lists
    assert [c.name for c in grid.classes.values()] == [c.name for c in codes.classes.values()]
    assert grid.groups["built"] == tuple(range(1, 12))
    assert grid.groups["forest"] == (23, 24, 25)
    assert codes.groups["forest"] == (311, 312, 313)
    assert grid.groups["wetland"] == (35, 36, 37, 38, 39)
    assert grid.groups["water"] == (40, 41, 42, 43, 44)


def test_daily_and_yearly_photovoltaic_yield_are_told_apart() -> None:
    yearly = load_dataset("global-solar-atlas-pvout-yearly")
    daily = load_dataset("global-solar-atlas-pvout-daily")
    assert yearly.mixed_up(2.5, 5.5).looks_like == daily.name
    assert daily.mixed_up(900.0, 1900.0).looks_like == yearly.name
    assert yearly.unit == daily.unit == "kWh/kWp"
    assert 4.0 * daily.scale == 1460.0 * yearly.scale
    assert load_dataset("global-solar-atlas") == yearly


def test_water_stress_9999_is_a_value_and_minus_9999_is_not() -> None:
    data = load_dataset("aqueduct-4-bws")
    assert data.nodata == (-9999.0,)
    assert 9999.0 in data.special_values
    assert data.classes[-1].group == "arid"


def test_protected_areas_are_read_in_both_schemas() -> None:
    data = load_dataset("wdpa")
    assert set(data.attributes["id"]) == {"WDPAID", "SITE_ID"}
    assert set(data.attributes["realm"]) == {"MARINE", "REALM"}
    assert "Proposed" not in data.where


def test_missing_capacity_is_not_zero_capacity() -> None:
    assert load_dataset("co2stop").nodata == (0.0,)


def test_an_unknown_preset_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'esa-worldcover'"):
        load_dataset("esa-world-cover")
    assert all(target in dataset_names() for target in ALIASES.values())


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"knd": 1}, "did you mean 'kind'"),
        ({"kind": "count"}, "extensive"),
        ({"source": "nowhere"}, "unknown source"),
        ({"valid_range": [2, 1]}, "valid_range: range the wrong way round"),
        ({"nodata": 0}, "nodata: Input should be a valid tuple"),
        ({"special_values": {1: ""}}, "special_values.1: an empty text"),
        ({"classes": {1: {"name": "x"}}}, "classes.1.group: this key is needed"),
        ({"classes": {1: {"name": "x", "group": "y", "code": 1}}}, "classes.1.code: unknown key"),
        ({"detect": {}}, "detect: Input should be a valid tuple"),
        ({"unit": None}, "unit: this key is needed; got a intensive dataset without unit"),
    ],
)
def test_a_wrong_preset_is_refused(changes: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        checked(DatasetPreset, preset(**changes), "own.yaml", {})
    assert checked(DatasetPreset, preset(), "own.yaml", {}).unit == "m"


def test_shipped_files_satisfy_the_schema() -> None:
    schema = schema_of(DatasetPreset)
    jsonschema.Draft202012Validator.check_schema(schema)
    valid = jsonschema.Draft202012Validator(schema)
    for name in dataset_names():
        data = YAML(typ="safe").load(FOLDER / "datasets" / f"{name}.yaml")
        valid.validate(json.loads(json.dumps(data)))
    assert not valid.is_valid(preset(kind="count"))
    assert not valid.is_valid(preset(name="own"))

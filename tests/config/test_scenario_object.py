"""Scenarios as objects: to a mapping, to YAML and back, with other values, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_scenario import SCENARIO, write_world

from cdrsite import Scenario, load_scenario
from cdrsite.core.errors import ConfigError
from cdrsite.engine.record import resolved_scenario

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
    import yaml

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

"""`check` tells all that a run would refuse, each with the file and the line of its key."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from tiny_scenario import SCENARIO, write_world

from cdrsite.cli.main import main
from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteError, ConfigError
from cdrsite.study.run import check_study, run

WRONG = """\
name: wrong
region: {bounds: [4000000, 3000000, 4008000, 3006000], crs: "EPSG:3035"}
grid: {crs: "EPSG:3035", resolution: 1 km}
layers:
  cover: {path: cover.tif, kind: class}
  slope: {path: slope.tif, unit: degree, kind: intensive}
  basins: {path: basins.gpkg}
  gone: {path: nowhere.tif}
  kept: {path: parks.gpkg, where: "nmae == 'x'"}
resources:
  land: {usable: {cover: {10: 1.0, 77: 0.5}}}
  water: {pools: basins, supply: wtaer_m3, unit: m3/yr}
  storage: {units: basins, id: idd, capacity: mt, injection: mt_yr}
siting:
  exclude:
    - {layer: basins, where: "naem == 'x'"}
    - {layer: cover, classes: [99]}
    - {layer: slope, above: 3 kWh}
    - {layer: cover, above: 3}
  prefer:
    - {near: basins, best: 0, none: 3 km, where: "q > 1"}
methods:
  daccs-solid: {profile: literatur}
outputs: {admin: {layer: basins, name: nmae}}
"""
EXPECTED = {
    8: "layers.gone (.*): no such file",
    9: "layers.kept (.*): no column 'nmae'",
    11: "resources.land: .*class code absent.*77",
    12: "resources.water: .*no column 'wtaer_m3'",
    13: "resources.storage: .*no column 'idd'",
    16: "siting.exclude.0: .*no column 'naem'",
    17: "siting.exclude.1: .*class code absent.*99",
    18: "siting.exclude.2: .*wrong dimension|siting.exclude.2: .*unit",
    19: "siting.exclude.3: .*classes have no mean value",
    21: "siting.prefer.0: .*no column 'q'",
    23: "methods.daccs-solid.profile: unknown profile",
    24: "outputs.admin.name: .*no column 'nmae'",
}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return write_world(tmp_path, SCENARIO)


@pytest.mark.parametrize("command", [["check"], ["run"]])
def test_all_of_a_dozen_kinds_at_once(
    command: list[str],
    world: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world.write_text(WRONG)
    monkeypatch.setattr(sys, "argv", ["cdrsite", *command, str(world)])
    with pytest.raises(SystemExit, match=r"^2$"):
        main()
    told = [one for one in capsys.readouterr().err.splitlines() if one.startswith(str(world))]
    assert len(told) == len(EXPECTED)
    for line, text in EXPECTED.items():
        pattern = re.compile(rf"{world}:{line}: ({text.replace('(.*)', '[(].*[)]')})")
        assert sum(bool(pattern.match(one)) for one in told) == 1, (line, text, told)


def test_what_check_tells_is_what_a_run_refuses(world: Path) -> None:
    world.write_text(WRONG)
    with pytest.raises(CdrsiteError) as caught:
        run(load_scenario(world))
    with pytest.raises(CdrsiteError) as told:
        check_study(load_scenario(world))
    for text in str(caught.value).splitlines():
        assert text in str(told.value)


def test_one_problem_is_told_as_it_is(world: Path) -> None:
    text = SCENARIO.replace("supply: water_m3", "supply: wtaer_m3")
    world.write_text(text)
    with pytest.raises(CdrsiteError, match=r"^layers.basins .*no column 'wtaer_m3'") as caught:
        check_study(load_scenario(world))
    assert "\n" not in str(caught.value)


def test_a_wrong_value_hides_no_wrong_key(world: Path) -> None:
    text = SCENARIO.replace("value: 2 GWh/yr", "value: 2 GWhh/yr").replace(
        "above: 15", "above: x 1"
    )
    text = text.replace("afforestation:", "aforestation:").replace("layer: parks}", "layer: park}")
    world.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_scenario(world)
    told = str(caught.value)
    for part in ("GWhh", "unknown method; got 'aforestation'", "no layer of that name; got 'park'"):
        assert part in told

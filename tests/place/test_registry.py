"""A dependence on the place is added by registering it: nothing else of the program is touched."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_scenario import SCENARIO, write_world

from cdrsite.config.load import parse_scenario
from cdrsite.core.errors import ConfigError
from cdrsite.core.grid import Block
from cdrsite.library.files import FOLDER
from cdrsite.methods.model import method_model
from cdrsite.place.dependence import Dependence, layer_keys
from cdrsite.place.registry import DEPENDENCES, own_layers, register_dependence

TOY = '''
import json, sys, pathlib
from typing import Annotated

import numpy as np

import cdrsite
from cdrsite.core.fields import Fraction, Model
from cdrsite.place.dependence import LayerKey, own_layer
from cdrsite.scoring.sums import layer


class Steep(Model):
    slope: Annotated[str, LayerKey("degree")]
    """Layer of the slope."""
    share: Fraction = 0.5
    """Dearer per 45 degrees."""


class SteepKeys(Model):
    steep: Steep | None = None
    """Water is dearer to come by on slopes."""


class Weight(Model):
    weight: Fraction
    source: str


class SteepFileKeys(Model):
    steep_weight: Weight | None = None
    """How much of it counts."""


class Steepness(cdrsite.Dependence):
    name, keys, file_keys = "steep", SteepKeys, SteepFileKeys
    parameters = (("steepness", "1"),)

    def acts(self, use):
        return use.choice.steep is not None

    def numbers(self, use):
        weight = use.method.steep_weight.weight
        return {"share": use.choice.steep.share * use.number("steepness", 2.0) * weight}

    def needs(self, use, needs):
        return needs.times(water=layer(own_layer("steep factor", use.name)))

    def layers(self, use, here):
        factor = 1 + here.numbers["share"] * here.layers["slope"] / 45
        return {"steep factor": factor.astype(np.float32)}


cdrsite.register_dependence(Steepness())
import warnings
warnings.simplefilter("ignore", cdrsite.CdrsiteWarning)
from cdrsite.config.load import parse_scenario
from cdrsite.config.models import Scenario
from cdrsite.library.parameters import PARAMETERS
from cdrsite.library.methods import load_method

home, text = pathlib.Path(sys.argv[1]), sys.argv[2]
scenario = parse_scenario(text, home)
found = {"references": scenario.layer_references()["slope"], "known": "steepness" in PARAMETERS}
found["schema"] = "steep" in json.dumps(Scenario.model_json_schema())
result = cdrsite.run(scenario)
need = result.dataset["need_water"].sel(removal_method="daccs-solid").to_numpy()
found["need"] = np.nan_to_num(need.astype(float), nan=-1).tolist()
page = (result.write(home.parent / "run") / "report.html").read_text("utf-8")
found["reported"] = ">steepness<" in page
own = home.with_name("own.yaml")
own.write_text(own.read_text("utf-8").replace("source: derived}", "source: nobody}"), "utf-8")
try:
    parse_scenario(text, home)
    cdrsite.run(parse_scenario(text, home))
except cdrsite.CdrsiteError as error:
    found["source"] = str(error)
own.write_text(own.read_text("utf-8").replace("source: nobody}", "source: derived}"), "utf-8")
found["used"] = sorted(result.used.parameters["daccs-solid"])
for wrong in ("steep: {slop: slope}", "steep: {slope: nowhere}", "steep: {slope: basins}"):
    try:
        cdrsite.run(parse_scenario(text.replace("steep: {slope: slope}", wrong), home))
    except cdrsite.CdrsiteError as error:
        found[wrong] = str(error)
print(json.dumps(found))
'''


def test_a_toy_dependence_reaches_scenario_library_kernel_and_errors(tmp_path: Path) -> None:
    text = SCENARIO.replace(
        "{profile: literature}",
        "{library: own.yaml, profile: literature, steep: {slope: slope}, override: {steepness: 3}}",
    )
    home = write_world(tmp_path, text)
    own = (FOLDER / "methods" / "daccs-solid.yaml").read_text(encoding="utf-8")
    weight = "steep_weight: {weight: 0.8, source: derived}\nprofiles:\n"
    (tmp_path / "own.yaml").write_text(own.replace("profiles:\n", weight), encoding="utf-8")
    (tmp_path / "toy.py").write_text(TOY, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "toy.py", home, text],
        capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["references"] == [
        "siting.exclude.2.layer", "siting.prefer.0.layer", "methods.daccs-solid.steep.slope"
    ]  # fmt: skip
    assert "steep_weight.source: unknown source; got 'nobody'" in found["source"]
    assert found["reported"]
    assert found["known"] and found["schema"] and "steepness" in found["used"]
    # 1 m3/t on the plain; slopes rise by 5 degrees a column
    for col in range(1, 7):
        assert found["need"][4][col] == pytest.approx(1 + 0.5 * 3 * 0.8 * 5 * col / 45, rel=1e-6)
    assert "steep.slop: unknown key" in found["steep: {slop: slope}"]
    assert "did you mean 'slope'" in found["steep: {slop: slope}"]
    assert "methods.daccs-solid.steep.slope" in found["steep: {slope: nowhere}"]
    assert "basins" in found["steep: {slope: basins}"]


def test_a_process_without_the_dependence_gives_no_other_answer(tmp_path: Path) -> None:
    scenario = parse_scenario(SCENARIO, write_world(tmp_path))
    model = replace(method_model("afforestation", scenario), acting=("steep", "growth"))
    block = Block(0, 1, 0, 1)
    for asked in (lambda: own_layers(model, {}, None, block), lambda: model.needs):  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match=r"methods.afforestation: .*got steep.*every process"):
            asked()


def test_too_late_or_twice_is_refused() -> None:
    class Late(Dependence):
        name = "late"

    with pytest.raises(ConfigError, match=r"too late .*cure: register it before"):
        register_dependence(Late())
    Late.name = "climate"
    with pytest.raises(ConfigError, match=r"the name is taken.*none of climate, growth"):
        register_dependence(Late())


@pytest.mark.parametrize("name", DEPENDENCES)
def test_every_dependence_says_which_layers_it_reads(name: str, tmp_path: Path) -> None:
    """Keys that end up in ``layer_references``, with the unit in which they are read."""
    given = {
        "climate": ("climate: {temperature: a, humidity: b}", {"a": "degC", "b": "%"}),
        "growth": ("rate: a", {"a": "t/ha/yr"}),
        "weathering": ("weathering: {temperature: a, runoff: b}", {"a": "degC", "b": "mm/yr"}),
        "residue": ("biogenic_share: a", {"a": "1"}),
        "persistence": ("soil_temperature: a", {"a": "degC"}),
        "energy crop": ("crop_yield: a", {"a": "t/ha/yr"}),
        "feed": ("haul: a", {"a": "km"}),
        "emissions": ("emissions: {leakage: a, other: 3, methane: b}", {"a": "1", "b": "kg/ha/yr"}),
        "own power": (
            "own_power: {technology: pv-wind, pv_yield: a, wind_yield: b}",
            {"a": "kWh/kWp", "b": "kWh/kW"},
        ),
    }[name]
    forest = "afforestation: {gates: false"
    text = SCENARIO.replace(f"{forest}}}", f"{forest}, {given[0]}}}")
    scenario = parse_scenario(text, write_world(tmp_path))
    choice = scenario.methods["afforestation"]
    read = {layer: how.unit for _, layer, how in layer_keys(choice, DEPENDENCES[name].keys)}
    assert read == given[1]
    assert all(layer in scenario.layer_references() for layer in read)
    others = [one for other, one in DEPENDENCES.items() if other != name]
    assert not any(list(layer_keys(choice, one.keys)) for one in others)

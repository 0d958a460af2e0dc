"""Input files in the QGIS project: as they are, by relative paths, and only where these lead."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from qgis_python import CLIENT, qgis_python
from tiny_scenario import write_world

import cdrsite
from cdrsite.config.load import load_scenario
from cdrsite.core.words import LANGUAGES, Words
from cdrsite.outputs.qgis_inputs import input_entries, within_reach
from cdrsite.outputs.qgis_layers import FILES


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole folder with data and a run, moved after the run."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "study").mkdir()
    result = cdrsite.run(load_scenario(write_world(folder / "study"), ()))
    result.write(folder / "study" / "runs" / "one")
    other = folder / "study, moved 北"
    shutil.move(folder / "study", other)
    return other / "runs" / "one"


def inputs_of(run: Path) -> dict[str, ET.Element]:
    """Source of each input layer -> its element."""
    root = ET.parse(run / "cdrsite.qgs").getroot()
    found = root.findall("projectlayers/maplayer")
    return {s: one for one in found if (s := one.findtext("datasource") or "").startswith("../")}


def test_every_file_of_the_scenario_is_there_and_reached_from_the_project(moved: Path) -> None:
    found = inputs_of(moved)
    manifest = json.loads((moved / "manifest.json").read_text(encoding="utf-8"))
    names = {Path(source.partition("|")[0]).name for source in found}
    read = {Path(name).name for name in manifest["inputs"]}
    assert names and names <= read
    assert {name for name in read if name.endswith((".tif", ".gpkg"))} == names
    for source in found:
        assert (moved / source.partition("|")[0]).resolve().is_file(), source


def test_an_input_says_what_it_is_and_in_which_coordinates(moved: Path) -> None:
    for source, layer in inputs_of(moved).items():
        file = Path(source.partition("|")[0]).name
        assert file in (layer.findtext("abstract") or "")
        assert layer.findtext("srs/spatialrefsys/wkt")
        assert layer.find("pipe") is not None or layer.find("renderer-v2") is not None
    root = ET.parse(moved / "cdrsite.qgs").getroot()
    (tree,) = root.findall("layer-tree-group")
    (group,) = [one for one in tree if one.get("name") == FILES]
    assert {leaf.get("checked") for leaf in group} == {"Qt::Unchecked"}  # none hides the answer


@pytest.mark.parametrize("lang", LANGUAGES)
def test_words_of_inputs_are_those_of_the_language(moved: Path, lang: str) -> None:
    scenario = load_scenario(next(moved.parents[1].glob("*.yaml")), ())
    entries = input_entries(scenario, moved, Words(lang))
    said = Words(lang)("qgis.input", layer="cover", file="cover.tif")
    assert (entries[0].title, entries[0].abstract.startswith(said)) == ("Cover", True)
    assert len({one.key for one in entries}) == len(entries)


def test_what_lies_elsewhere_has_no_way(tmp_path: Path) -> None:
    near, run = tmp_path / "data" / "a.tif", tmp_path / "runs" / "one"
    near.parent.mkdir()
    near.write_bytes(b"")
    assert within_reach(near, run) == "../../data/a.tif"
    assert within_reach(tmp_path / "data" / "absent.tif", run) is None
    archive = near.with_name("a.zip")
    archive.write_bytes(b"")
    assert within_reach(archive, run) is None
    # a way over the root would be the tree of this machine
    assert within_reach(near, Path("/elsewhere/runs/one")) is None


@pytest.mark.clients
def test_qgis_opens_the_inputs_of_a_folder_that_was_moved(moved: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [qgis_python(), str(CLIENT), str(moved / "cdrsite.qgs"), str(tmp_path), "shown"],
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
        env={"QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path), "LANG": "C.UTF-8"},
    )
    said: dict[str, Any] = json.loads(done.stdout.partition("JSON")[2])
    inputs = [layer for layer in said["layers"] if layer["group"] == FILES]
    assert len(inputs) == len(inputs_of(moved))
    assert all(layer["valid"] and layer["legend"] and layer["abstract"] for layer in inputs)
    assert not any(layer["shown"] for layer in inputs)

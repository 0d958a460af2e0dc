"""The manifest's hash is that of the bytes which were read; a change meanwhile is said."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_scenario import write_raster, write_world

import cdrsite
from cdrsite.engine.record import InputWatch
from cdrsite.study.cells import score


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return write_world(tmp_path)


def during(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> None:
    """Do something while the next run is under way: after it has read part of the inputs."""

    def scored(*arguments: Any) -> Any:
        act()
        return score(*arguments)

    monkeypatch.setattr("cdrsite.study.run.score", scored)


def replace(path: Path) -> None:
    """Put another file in the place of one, of the same size and age."""
    state = path.stat()
    aside = path.with_suffix(".new")
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    aside.write_bytes(raw)
    os.utime(aside, ns=(state.st_atime_ns, state.st_mtime_ns))
    aside.replace(path)


CHANGES: dict[str, Callable[[Path], Any]] = {
    "replaced": replace,
    "written again": lambda path: write_raster(path, np.zeros((6, 8), np.float32), nodata=-9999),
    "removed": Path.unlink,
}


@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
@pytest.mark.parametrize("change", CHANGES)
def test_an_input_that_changes_during_a_run_is_warned_of(
    change: str, world: Path, monkeypatch: pytest.MonkeyPatch, call: Callable[..., Any]
) -> None:
    slope, out = world.parent / "slope.tif", world.parent / "out"
    during(monkeypatch, lambda: CHANGES[change](slope))
    code, said, told = call("run", world, "--out", out)
    assert code == 0 and "slope.tif: changed while the run was under way" in said + told
    manifest = json.loads((out / "manifest.json").read_text())
    (entry,) = (one for name, one in manifest["inputs"].items() if name.endswith("slope.tif"))
    assert entry == {"sha256": None, "bytes": None}
    assert any("slope.tif: changed while" in text for text in manifest["warnings"])
    others = [one for one in manifest["inputs"].values() if one["sha256"]]
    assert len(others) == len(manifest["inputs"]) - 1 == 4


def test_what_appears_beside_an_input_is_a_change_of_it(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    during(monkeypatch, lambda: (world.parent / "slope.tif.aux.xml").write_text("<PAMDataset/>"))
    result = cdrsite.run(cdrsite.load_scenario(world))
    assert any("slope.tif.aux.xml: changed while" in text for text in result.warnings)


def test_the_hash_is_that_of_the_run_also_when_it_is_written_later(world: Path) -> None:
    slope = world.parent / "slope.tif"
    read = hashlib.sha256(slope.read_bytes()).hexdigest()
    result = cdrsite.run(cdrsite.load_scenario(world))
    assert not any("changed while" in text for text in result.warnings)
    replace(slope)
    folder = result.write(world.parent / "out")
    inputs = json.loads((folder / "manifest.json").read_text())["inputs"]
    assert [one["sha256"] for name, one in inputs.items() if name.endswith("slope.tif")] == [read]


def test_inputs_that_stay_are_hashed(world: Path) -> None:
    scenario = cdrsite.load_scenario(world)
    found, changed = InputWatch(scenario).finish()
    assert changed == [] and len(found) == 5
    for name, entry in found.items():
        raw = (scenario.data_folder / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}

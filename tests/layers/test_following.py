"""What follows from layers alone is worked out once: by all stages of a study, in all its runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_scenario import SCENARIO, write_world

from cdrsite.config.load import parse_scenario
from cdrsite.core.grid import Block
from cdrsite.engine.cache import Cache
from cdrsite.place import climate
from cdrsite.place.climate_table import ClimateValues
from cdrsite.place.registry import ByIdentity
from cdrsite.result.study_result import StudyResult
from cdrsite.study.prepare import open_layers
from cdrsite.study.run import run

WORLD = SCENARIO.replace(
    "layers:\n", "layers:\n  warm: {value: 12 degC}\n  moist: {value: 70 percent}\n"
).replace(
    "{profile: literature}",
    "{profile: literature, climate: {temperature: warm, humidity: moist}}",
)


def _run(folder: Path, text: str, cache: Cache | None = None) -> StudyResult:
    return run(parse_scenario(text, folder / "study.yaml"), cache=cache)


def test_climate_of_a_block_is_worked_out_once_in_all_runs_of_a_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_world(tmp_path)
    made: list[int] = []
    plainly = climate.climate_values

    def counted(table: Any, warm: Any, moist: Any, point: Any = 1) -> ClimateValues:
        made.append(np.size(warm))
        return plainly(table, warm, moist, point)

    monkeypatch.setattr(climate, "climate_values", counted)
    cache = Cache()
    _run(tmp_path, WORLD, cache)
    assert made.count(48) == 1  # cells of the grid
    made.clear()
    other = WORLD.replace("climate:", "override: {land_direct: 20 m2}, climate:")
    shared = _run(tmp_path, other, cache)
    assert made.count(48) == 0
    alone = _run(tmp_path, other)
    assert shared.tables["methods"].equals(alone.tables["methods"])
    made.clear()
    colder = _run(tmp_path, WORLD.replace("12 degC", "2 degC"), cache)
    assert made.count(48) == 1
    assert not colder.dataset["need_electricity"].equals(shared.dataset["need_electricity"])


def test_what_follows_is_of_its_layers_its_block_and_its_file(tmp_path: Path) -> None:
    write_world(tmp_path)
    stack = open_layers(parse_scenario(WORLD, tmp_path / "study.yaml"))
    block = Block(0, 2, 0, 2)
    one, other = object(), object()
    values = [ClimateValues(*np.full((4, 1), float(k))) for k in range(6)]
    keys: list[tuple[Any, ...]] = [
        (ByIdentity(one), block),
        (ByIdentity(other), block),
        (ByIdentity(one), Block(2, 4, 0, 2)),
    ]
    for key, value in zip(keys, values, strict=False):
        assert stack.following(key, ["warm"], lambda value=value: value) is value
    assert stack.following(keys[0], ["moist"], lambda: values[3]) is values[3]
    for key, value in zip(keys, values, strict=False):
        assert stack.following(key, ["warm"], lambda: values[5]) is value
    # a trial reads fewer pixels: nothing of it is anybody else's
    assert stack.glance().following(keys[0], ["warm"], lambda: values[4]) is values[4]
    assert stack.following(keys[0], ["warm"], lambda: values[5]) is values[0]

"""Every key of `uncertainty` moves what samples take, or what comes of them."""

from __future__ import annotations

import types
import typing
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel
from sweeps import STORED
from tiny_scenario import box, residues, write_polygons, write_raster, write_world

from cdrsite.config.load import load_scenario
from cdrsite.config.uncertainty import Uncertainty
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.engine.cache import Cache
from cdrsite.study import ensemble
from cdrsite.study.prepare import prepare
from cdrsite.study.run import run
from cdrsite.study.sampled import ensemble_of

WORLD = STORED.replace(
    "  basins: {path: basins.gpkg}\n",
    "  basins: {path: basins.gpkg}\n"
    "  doubt: {path: doubt.tif, unit: '1', kind: intensive}\n"
    "  spread: {path: spread.tif, unit: t/yr, kind: extensive}\n",
).replace("capacity: mt,", "capacity: {low: small, central: mt, high: large}, case: central,")
NONE = "ranges: none, samples: 4"
WATER = "methods: {daccs-solid: {water: {low: 1 m3, high: 6 m3}}}"
TWO = "methods: {daccs-solid: {capex: {low: 900 USD, central: 950 USD, high: 1000 USD}, water: {low: 1 m3, high: 6 m3}}}"  # noqa: E501
FIELD = "layers: {residues: {relative: 40 %"
DRAWN = {
    "samples": (f"ranges: none, {WATER}, samples: 4", f"ranges: none, {WATER}, samples: 8"),
    "seed": (f"{NONE}, {WATER}", f"{NONE}, {WATER}, seed: 2"),
    "ranges": (f"samples: 4, {WATER}", f"{NONE}, {WATER}"),
    "ends": (f"{NONE}, {WATER}", f"{NONE}, {WATER}, ends: p10-p90"),
    "methods.low": (f"{NONE}, {WATER}", f"{NONE}, {WATER.replace('low: 1', 'low: 0.5')}"),
    "methods.high": (f"{NONE}, {WATER}", f"{NONE}, {WATER.replace('high: 6', 'high: 9')}"),
    "methods.central": (
        f"{NONE}, {WATER}", f"{NONE}, {WATER.replace('low: 1 m3', 'low: 1 m3, central: 5 m3')}"
    ),
    "methods.either.value": tuple(
        f"{NONE}, methods: {{daccs-solid: {{profile: {{either: [{{value: literature}}, "
        f"{{value: {name}}}]}}}}}}" for name in ("waste-heat", "madhu2021")
    ),
    "methods.either.weight": tuple(
        f"{NONE}, methods: {{daccs-solid: {{profile: {{either: [{{value: literature, weight: {w}}},"
        f" {{value: waste-heat}}]}}}}}}" for w in (1, 60)
    ),
    "prices": tuple(
        f"{NONE}, prices: {{electricity: {{low: 40 USD/MWh, high: {n} USD/MWh}}}}" for n in (80, 90)
    ),
    "discount_rate": tuple(f"{NONE}, discount_rate: {{low: 3 %, high: {n} %}}" for n in (9, 12)),
    "numbers": tuple(
        f"{NONE}, numbers: {{resources.water.factor: {{low: 0.5, high: {n}}}}}" for n in (1.5, 2.5)
    ),
    "supplies.relative": tuple(
        f"{NONE}, supplies: {{water: {{relative: {n} %}}}}" for n in (10, 20)
    ),
    "supplies.factor": tuple(
        f"{NONE}, supplies: {{water: {{factor: [0.5, {n}]}}}}" for n in (2, 3)
    ),
    "supplies.together": tuple(
        f"{NONE}, supplies: {{injection: {{relative: 20 %, together: {n}}}}}" for n in (0.2, 0.9)
    ),
    "storage.case": (f"{NONE}, {WATER}", f"{NONE}, {WATER}, storage: low-central-high"),
    "storage.together": tuple(
        f"{NONE}, storage: {{case: low-central-high, together: {n}}}" for n in (0.1, 0.9)
    ),
    "together.of": (f"{NONE}, {TWO}", f"{NONE}, {TWO}, together: [{{of: [daccs-solid.capex, "
                    "daccs-solid.water], correlation: 0.9}]"),
    "together.correlation": tuple(
        f"{NONE}, {TWO}, together: [{{of: [daccs-solid.capex, daccs-solid.water], "
        f"correlation: {n}}}]" for n in (0.5, 0.9)
    ),
}  # fmt: skip
"""Key -> two scenarios that differ by it alone, whose samples take other numbers."""
SOLVED = {
    "layers.relative": (f"{NONE}, {FIELD}}}}}", f"{NONE}, {FIELD.replace('40', '20')}}}}}"),
    "layers.range": (f"{NONE}, {FIELD}}}}}", f"{NONE}, {FIELD}, range: 3 km}}}}"),
    "layers.error": (
        f"{NONE}, layers: {{residues: {{error: doubt}}}}",
        f"{NONE}, layers: {{residues: {{error: spread}}}}",
    ),
    "margin": (f"{NONE}, {WATER}, margin: 0.001 t/t", f"{NONE}, {WATER}, margin: 0.9 t/t"),
    "precision": (
        f"ranges: none, {WATER}, samples: 16", f"ranges: none, {WATER}, samples: 16, precision: 0.4"
    ),
}  # fmt: skip
"""The same of keys by which numbers stay, and layers, shares or how many samples are others."""


ELSEWHERE = {"decisions"}
"""Plans that are weighed in all samples: tests/study/test_decisions.py."""


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Leaves of a model, without the names that a user gives."""
    for name, field in model.model_fields.items():
        inner = next(iter(models_in(field.annotation)), None)
        if inner is None or (not prefix and name in ("prices", "discount_rate", "numbers")):
            yield prefix + name  # as those of `methods`
        else:
            yield from keys_of(inner, f"{prefix}{name}.")


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for inner in typing.get_args(annotation):
        yield from models_in(inner)


def test_every_key_has_a_case() -> None:
    assert set(keys_of(Uncertainty)) == {*DRAWN, *SOLVED, *ELSEWHERE}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    write_polygons(
        folder / "rock.gpkg", [box(5, 1, 2, 2), box(0, 4, 2, 2)], id=["a", "b"],
        small=[1.5, 0.3], mt=[3.0, 0.6], large=[6.0, 1.2], rate=[0.1, 0.03],
    )  # fmt: skip
    rng = np.random.default_rng(3)
    doubt = rng.uniform(0.1, 0.6, residues().shape).astype(np.float32)
    write_raster(folder / "doubt.tif", doubt, pixel=500.0, nodata=-1)
    write_raster(folder / "spread.tif", residues() * np.float32(0.3), pixel=500.0, nodata=-1)
    return write_world(folder, WORLD)


CACHE = Cache()


def taken(path: Path, uncertainty: str) -> str:
    """All that the samples take."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        setting = prepare(load_scenario(path, [f"uncertainty={{{uncertainty}}}"]), CACHE)
        made = ensemble_of(setting)
    assert made is not None
    return repr([made.draw(number) for number in range(made.samples)])


@pytest.mark.parametrize("key", DRAWN)
def test_other_values_of_a_key_are_other_samples(world: Path, key: str) -> None:
    one, other = (taken(world, text) for text in DRAWN[key])
    assert one != other
    assert one == taken(world, DRAWN[key][0])  # and nothing else is


def shown(path: Path, uncertainty: str, extent: Any) -> tuple[list[float], float]:
    """Values of the samples, and the sum of the shares in reach."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        scenario = load_scenario(path, [f"uncertainty={{{uncertainty}}}"])
        found = run(scenario, samples=extent, cache=CACHE)
    reach = 0.0
    if extent == "maps":
        reach = float(np.nansum(found.dataset["reach"].to_numpy()))
    return found.tables["samples"]["value"].tolist(), reach


@pytest.mark.parametrize("key", SOLVED)
def test_other_values_of_a_key_are_other_answers(
    world: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ensemble, "stages", lambda count: [n for n in (4, 8, 16) if n <= count])
    monkeypatch.setattr(ensemble, "MOVED", 100.0)
    extent = "maps" if key == "margin" else "totals"
    (one, reach), (other, wider) = (shown(world, text, extent) for text in SOLVED[key])
    if key == "margin":
        assert one == other and wider > reach
    elif key == "precision":
        assert len(one) == 16 and len(other) == 8
        assert one[:8] == other
    else:
        assert one != other and len(one) == len(other)

"""Land that stays in its present use, beside methods that take it: no hectare is booked twice."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_layers import FakeLayers
from tiny_scenario import SCENARIO, cover, write_raster, write_world

from cdrsite.competition.problem import LandRow
from cdrsite.config.load import load_scenario
from cdrsite.config.resources import Land
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.core.grid import Block
from cdrsite.core.states import UNKNOWN
from cdrsite.methods.landparts import land_parts
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import run
from cdrsite.study.sharing import Sharing
from cdrsite.testing.balance import assert_mass_balance

pytestmark = pytest.mark.usefixtures("without_slopes")

ROCK, CHAR, TREES, SOLID = "enhanced-weathering", "biochar", "afforestation", "daccs-solid"
AREA = 1e6
"""Of a cell [m2]."""
CROP, GRASS, ROOF = 40, 30, 50
BLOCK = Block(0, 1, 0, 4)

Study = Callable[..., StudyResult]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Fields in the west, grass in the east; trees may have grass and a tenth of the fields."""
    folder = tmp_path_factory.mktemp("world")
    text = SCENARIO.replace("  beccs-residue: {}\n", f"  {ROCK}: {{}}\n  {CHAR}: {{}}\n")
    text = text.replace("{usable: 0.5}", "{usable: {cover: {40: 0.1, 30: 1}}}")
    text = text.replace("  biomass:", "  cropland_slot: {value: 100 ha, per: cell}\n  biomass:")
    path = write_world(folder, text)
    ground = cover()
    ground[1:, :3], ground[1:, 3:7] = CROP, GRASS
    write_raster(folder / "cover.tif", ground, nodata=255)
    fields = [f"methods.{name}.usable_land={{cover: {{40: 1}}}}" for name in (ROCK, CHAR)]

    def made(*settings: str) -> StudyResult:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CdrsiteWarning)
            return run(load_scenario(path, [*fields, *settings]))

    return made


def used(result: StudyResult) -> dict[str, np.ndarray]:
    """Land of each method in the plan [m2]."""
    land = (result.dataset["allocated"] * result.dataset["need_land"]).fillna(0.0)
    names = land["removal_method"].to_numpy().tolist()
    return {name: land.sel(removal_method=name).to_numpy() for name in names}


def test_trees_and_rock_lie_beside_one_another(study: Study) -> None:
    result = study()
    land = used(result)
    own = land[TREES] + land[SOLID]
    spread = land[ROCK] + land[CHAR]
    assert own.max() == pytest.approx(AREA, rel=1e-5)  # of grass, that nobody else wants
    assert own[4:, 2].min() == pytest.approx(0.1 * AREA, rel=1e-5)
    assert spread[4:, 2] == pytest.approx(0.9 * AREA, rel=1e-5)
    assert (own + spread).max() <= AREA * (1 + 1e-6)
    assert_mass_balance(result, rel=1e-5)


def test_a_hectare_booked_twice_is_found_out(study: Study) -> None:
    result = study()
    planned = result.dataset["allocated"].copy(deep=True)
    need = result.dataset["need_land"].sel(removal_method=ROCK)
    fields = planned.sel(removal_method=ROCK) >= 0
    planned.loc[{"removal_method": ROCK}] = (AREA / need).where(fields)
    data = result.dataset.assign(allocated=planned)
    changed = replace(result, dataset=data)
    with pytest.raises(AssertionError, match=rf"land of {ROCK} and of others \(rule 6\), row"):
        assert_mass_balance(changed, rel=1e-5)


def test_practices_without_a_slot_lie_on_top_of_one_another(study: Study) -> None:
    free = study("resources.cropland_slot={unlimited: true}", "resources.biomass={unlimited: true}")
    land = used(free)
    # the two of them are worth more than trees: these leave the fields
    assert (land[ROCK] + land[CHAR])[4:, 2].min() > 1.9 * AREA
    assert (land[TREES] + land[SOLID])[4:, 2].max() < 0.01 * AREA
    assert land[TREES][4:, 3].min() > 0.5 * AREA
    for name in (ROCK, CHAR):
        assert (land[name] + land[TREES] + land[SOLID]).max() <= AREA * (1 + 1e-6)


def test_those_that_can_use_the_same_land_alone_share_it(study: Study) -> None:
    """A tenth of a field serves trees or a plant, though rock could have all of it for itself."""
    result = study(f"methods.{ROCK}.override={{land_exclusive_fraction: 1}}")
    land = used(result)
    assert (land[TREES] + land[SOLID])[4:, 2].max() <= 0.1 * AREA * (1 + 1e-5)
    assert sum(land.values()).max() <= AREA * (1 + 1e-6)


def test_land_of_several_is_counted_part_by_part() -> None:
    reader = FakeLayers(cover=np.array([[CROP, GRASS, ROOF, np.nan]], np.float32))
    general = Land(usable={"cover": {CROP: 0.1, GRASS: 0.6}}, factor=0.5)
    fields, half = Land(usable={"cover": {CROP: 1.0}}), Land(usable=0.5)
    parts = land_parts((general, fields, half), reader, BLOCK)  # type: ignore[arg-type]
    each = parts.sum(axis=0)[:, 0]
    np.testing.assert_allclose(
        each, [[0.05, 0.3, 0, 0], [1, 0, 0, 0], [0.5, 0.5, 0.5, 0.5]], rtol=1e-6
    )
    together = parts[:, :2].max(axis=1).sum(axis=0)[0]
    np.testing.assert_allclose(together, [1, 0.3, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(parts.max(axis=1).sum(axis=0)[0], [1, 0.5, 0.5, 0.5], rtol=1e-6)


def test_nothing_is_taken_to_lie_apart_that_no_layer_tells_apart() -> None:
    alike = np.ones((1, 4), np.float32)
    reader = FakeLayers(cover=alike * CROP, soil=alike)
    models = Land(usable={"cover": {CROP: 0.4}}), Land(usable={"soil": {1: 0.5}})
    parts = land_parts(models, reader, BLOCK)  # type: ignore[arg-type]
    np.testing.assert_allclose(parts.max(axis=1).sum(axis=0)[0], 0.5)


def test_areas_of_rows_count_methods_that_are_possible() -> None:
    """Trees of 10 ha field and 60 ha grass, a practice on 100 ha field; in the second no trees."""
    sharing = Sharing((1.0, 0.0), (LandRow("practice", (1.0, 1.0)),), (0, 1))
    parts = np.array([[[10.0] * 3, [100.0] * 3], [[60.0] * 3, [0.0] * 3]])
    upper = np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
    left = np.array([[1.0, 1.0, 0.5], [1.0, 1.0, 0.0]])
    own = np.array([[70.0, 70.0, 35.0], [100.0, 100.0, 0.0]])
    areas = sharing.areas(parts, upper, left, own)
    np.testing.assert_allclose(areas, [[70, 0, 35], [160, 100, 35]])


def test_samples_share_land_as_the_run_does(study: Study) -> None:
    held = "numbers: {transport.leakage: {low: 0.0005, high: 0.0005}}"
    result = study(f"uncertainty={{samples: 4, ranges: none, {held}}}", "objective.gap=1e-8")
    worth = result.tables["samples"]["value"]
    assert worth.to_numpy() == pytest.approx(result.summary["objective"]["value"], rel=1e-7)


def test_land_of_a_method_that_is_not_possible_is_for_nobody(tmp_path: Path) -> None:
    """Trees of unknown growth have all of a cell, plants a thousandth of it: that they share."""
    text = SCENARIO.replace("daccs-solid: {profile: literature}", "daccs-solid: {}")
    text = text.replace("{gates: false}", "{gates: false, rate: growth}")
    text = text.replace(
        "layers:\n", "layers:\n  growth: {path: growth.tif, unit: t/ha/yr, kind: intensive}\n"
    )
    rule = (
        "{name: few, layer: cover, classes: [10], usable: 0.001, for: [daccs-solid, beccs-residue]}"
    )
    path = write_world(tmp_path, text.replace("  exclude:\n", f"  exclude:\n    - {rule}\n"))
    growth = np.full((6, 8), -1.0, np.float32)
    growth[:, 2] = 12.0
    write_raster(tmp_path / "growth.tif", growth, nodata=-1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        result = run(load_scenario(path))
    assert_mass_balance(result)
    land = used(result)
    unknown = np.isin(result.dataset["limit"].sel(removal_method=TREES), [UNKNOWN])
    both = np.where(unknown, land[SOLID] + land["beccs-residue"], 0.0)
    own = result.dataset["usable_land"].sel(removal_method=SOLID).fillna(0.0).to_numpy()
    assert (both > 0).any() and (land["beccs-residue"][unknown] > 0).any()
    assert (both <= own * (1 + 1e-6)).all()

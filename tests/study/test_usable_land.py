"""Land that one method can use and another cannot: cropland for a plant, and for rock dust."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_scenario import SCENARIO, cover, write_raster, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import run

pytestmark = pytest.mark.usefixtures("without_slopes")

ROCK, SOLID = "enhanced-weathering", "daccs-solid"
AREA = 1e6
"""Of a cell [m2]."""

Study = Callable[..., StudyResult]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("world")
    text = SCENARIO.replace("  beccs-residue: {}\n", f"  {ROCK}: {{}}\n")
    path = write_world(folder, text.replace("{usable: 0.5}", "{usable: {cover: {10: 0.05}}}"))

    def made(*settings: str) -> StudyResult:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CdrsiteWarning)
            return run(load_scenario(path, settings))

    return made


def land(result: StudyResult, method: str) -> np.ndarray:
    """Land that a method may use in the cells of the middle, which no rule hits [m2]."""
    return result.dataset["usable_land"].sel(removal_method=method).to_numpy()[4:, 2:4]


def test_each_method_has_its_share_of_the_same_class(study: Study) -> None:
    result = study(f"methods.{ROCK}.usable_land={{cover: {{10: 1}}}}")
    np.testing.assert_allclose(land(result, SOLID), 0.05 * AREA)
    np.testing.assert_allclose(land(result, "afforestation"), 0.05 * AREA)
    np.testing.assert_allclose(land(result, ROCK), AREA)
    halved = study(f"methods.{ROCK}.usable_land={{cover: {{10: 1}}}}", "resources.land.factor=0.5")
    np.testing.assert_allclose(land(halved, ROCK), 0.5 * AREA)
    np.testing.assert_allclose(land(study(f"methods.{ROCK}.usable_land=0.3"), ROCK), 0.3 * AREA)


def test_several_layers_say_what_is_usable(study: Study, tmp_path: Path) -> None:
    """Their product, or the least of them; a method may have its own."""
    ground = np.full(cover().shape, 1, np.uint8)
    ground[4, 2] = 2
    path = write_raster(tmp_path / "ground.tif", ground, nodata=0)
    both = (
        f"layers.ground={{path: {path}, kind: class}}",
        "resources.land.usable={cover: {10: 0.5}, ground: {1: 0.8, 2: 0.2}}",
    )
    found = land(study(*both), SOLID) / AREA
    np.testing.assert_allclose(found, [[0.1, 0.4], [0.4, 0.4]], rtol=1e-6)
    least = land(study(*both, "resources.land.combine=minimum"), SOLID) / AREA
    np.testing.assert_allclose(least, [[0.2, 0.5], [0.5, 0.5]], rtol=1e-6)
    own = f"methods.{ROCK}.usable_land={{ground: {{2: 1}}}}"
    np.testing.assert_allclose(land(study(*both, own), ROCK) / AREA, [[1, 0], [0, 0]])


def test_what_one_method_can_use_changes_no_other(study: Study) -> None:
    plain = study()
    other = study(f"methods.{ROCK}.usable_land={{cover: {{10: 1}}}}")
    for method in (SOLID, "afforestation"):
        for name in ("equal_share", "limit", "net_factor", "usable_land", "available"):
            one, two = (r.dataset[name].sel(removal_method=method) for r in (plain, other))
            np.testing.assert_array_equal(one, two)


def test_the_plan_keeps_to_each_methods_land_and_to_the_cells(study: Study) -> None:
    """Trees on 5 % and rock on all of it, also where both want the same ground (rule 6)."""
    result = study(
        f"methods.{ROCK}={{usable_land: {{cover: {{10: 1}}}}, "
        "override: {land_exclusive_fraction: 1}}"
    )
    planned, need = result.dataset["allocated"], result.dataset["need_land"]
    used = {
        m: np.nan_to_num((planned.sel(removal_method=m) * need.sel(removal_method=m)).to_numpy())
        for m in (ROCK, SOLID, "afforestation")
    }
    assert used[ROCK].sum() > 0 and used["afforestation"].sum() > 0
    for method, mine in used.items():
        most = np.nan_to_num(result.dataset["usable_land"].sel(removal_method=method).to_numpy())
        assert (mine <= most * (1 + 1e-5)).all(), method
    assert sum(used.values()).max() <= AREA * (1 + 1e-5)


def test_a_method_file_names_its_land_by_classes_of_the_studys_own_layer(
    tmp_path: Path,
) -> None:
    """Rock goes on crop alone: all of it, where others may have a twentieth."""
    text = SCENARIO.replace("  beccs-residue: {}\n", f"  {ROCK}: {{}}\n")
    text = text.replace("{usable: 0.5}", "{usable: {cover: {forest: 0.5, crop: 0.05}}}")
    text = text.replace("classes: [50]", "classes: [built]")
    text = text.replace("{path: cover.tif, ", "{path: cover.tif, preset: esa-worldcover, ")
    path = write_world(tmp_path, text)
    ground = cover()
    ground[:, 3] = 40
    write_raster(tmp_path / "cover.tif", ground, nodata=255)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        result = run(load_scenario(path))
        general = run(load_scenario(path, ["resources.land.usable=0.5"]))
        own = load_scenario(path, [f"methods.{ROCK}.usable_land={{cover: {{forest: 0.1}}}}"])
        assert land(run(own), ROCK)[0].tolist() == pytest.approx([0.1 * AREA, 0.0])
    assert land(result, ROCK)[0].tolist() == pytest.approx([0.0, AREA])
    assert land(result, SOLID)[0].tolist() == pytest.approx([0.5 * AREA, 0.05 * AREA])
    assert not [text for text in result.warnings if "no layer says" in text]
    (told,) = [text for text in general.warnings if "no layer says" in text]
    assert f"methods.{ROCK}: no layer says which land is crop" in told
    assert f"cure: give methods.{ROCK}.usable_land" in told
    assert land(general, ROCK)[0].tolist() == pytest.approx([0.5 * AREA, 0.5 * AREA])


def test_a_wrong_share_or_layer_is_refused(study: Study, tmp_path: Path) -> None:
    with pytest.raises(CdrsiteError, match=r"methods.afforestation.usable_land.*no layer; expect"):
        study("methods.afforestation.usable_land={}")
    with pytest.raises(CdrsiteError, match=r"layers.slope.*not a class layer"):
        study("methods.afforestation.usable_land={cover: {10: 1}, slope: {10: 1}}")
    with pytest.raises(
        CdrsiteError, match=r"methods.afforestation.usable_land.cov: no layer.*'cov'"
    ):
        study("methods.afforestation.usable_land={cov: {10: 1}}")
    with pytest.raises(CdrsiteError, match=r"methods.afforestation.usable_land.*at most 1"):
        study("methods.afforestation.usable_land=1.5")

"""Gates of a method file from the scenario to what a reader is told."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from tiny_scenario import COLS, ROWS, SCENARIO, write_raster, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning, ConfigError
from cdrsite.core.words import Words
from cdrsite.explain.place import explain_place
from cdrsite.result.store import grid_of
from cdrsite.study.run import run

pytestmark = pytest.mark.usefixtures("without_slopes")

ROCK = "enhanced-weathering"
TEXT = SCENARIO.replace("  beccs-residue: {}\n", f"  {ROCK}: {{}}\n").replace(
    "  parks: {path: parks.gpkg}\n",
    '  parks: {path: parks.gpkg}\n  acid: {path: acid.tif, unit: "1", kind: intensive}\n',
)
BOUND = (
    f"methods.{ROCK}.gates={{soil_ph: acid, slope: slope, organic_soil: false}}",
    f"methods.{ROCK}.usable_land=0.5",
)


def world(folder: Path) -> Path:
    """The tiny world with a soil that is alkaline in the two columns of the east."""
    ph = np.full((ROWS, COLS), 6.5, np.float32)
    ph[:, 6:] = 8.2
    write_raster(folder / "acid.tif", ph, nodata=-1)
    return write_world(folder, TEXT)


def test_a_gate_excludes_its_method_alone_and_says_why(tmp_path: Path) -> None:
    """Too alkaline or too steep for rock, and a place tells it by the name of the gate."""
    result = run(load_scenario(world(tmp_path), BOUND))
    table = result.tables["exclusions"].set_index(["rule", "methods"])
    alkaline, steep = "pH of the soil above 7.5", "slope above 8 percent"
    assert table.loc[(alkaline, ROCK), "removes_km2"] == pytest.approx(2 * ROWS)
    assert table.loc[(alkaline, ROCK), "source"] == "general-knowledge"
    assert [rule for rule, _ in table.index if rule.startswith(steep)] == [steep]
    allowed = result.tables["methods"].set_index("method")["allowed_km2"]
    assert allowed[ROCK] < allowed["afforestation"]
    assert result.dataset.attrs["exclusion_rules_for"][-2:] == [ROCK, ROCK]
    rows, cols = 2, COLS - 1
    x, y = result.dataset["x"].values[cols], result.dataset["y"].values[rows]
    told = explain_place(result.dataset, grid_of(result.dataset), x, y)
    assert alkaline in " ".join(text for _, text in told.methods[ROCK].lines)
    chinese = Words("zh").of(result.dataset.attrs)
    told = explain_place(result.dataset, grid_of(result.dataset), x, y, chinese)
    assert "土壤 pH高于 7.5" in " ".join(text for _, text in told.methods[ROCK].lines)
    assert not [text for text in result.warnings if "gates are not checked" in text]


def test_a_run_says_which_gates_it_did_not_check(tmp_path: Path) -> None:
    scenario = load_scenario(world(tmp_path), BOUND[1:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        result = run(scenario)
    (told,) = [text for text in result.warnings if "gates are not checked" in text]
    assert f"got {ROCK}: soil_ph, slope, organic_soil;" in told


def test_a_gate_that_no_layer_can_answer_is_refused_with_its_key(tmp_path: Path) -> None:
    wrong = f"methods.{ROCK}.gates={{soil_ph: {{layer: acid, value: 7 t/ha}}}}"
    with pytest.raises(ConfigError, match=r"soil_ph|acid.*wrong dimension"):
        run(load_scenario(world(tmp_path), [wrong]))
    unnamed = f"methods.{ROCK}.gates={{soil_ph: nowhere}}"
    with pytest.raises(ConfigError, match=rf"methods\.{ROCK}\.gates\.soil_ph.*no layer of that"):
        run(load_scenario(world(tmp_path), [unnamed]))

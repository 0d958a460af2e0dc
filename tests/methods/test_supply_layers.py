"""Layers of what each cell is offered: amounts that are shared out, and never below zero."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from tiny_scenario import box, residues, slope, write_polygons, write_raster, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.methods.supply import constant_supply
from cdrsite.study.prepare import prepare


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The tiny world with its slope known everywhere, so that nothing else is warned of."""
    write_world(tmp_path)
    write_raster(tmp_path / "slope.tif", np.abs(slope()) % 100, nodata=-9999)
    return tmp_path


def world(folder: Path, *overrides: str, name: str = "residues.tif") -> None:
    """Check the tiny world's layers as a run does, with residues from another file."""
    scenario = load_scenario(folder / "study.yaml", [f"layers.residues.path={name}", *overrides])
    prepare(scenario)


def test_amounts_that_are_averaged_are_warned_of(folder: Path) -> None:
    with pytest.warns(CdrsiteWarning, match=r"layers\.residues .*intensive.*cure: kind: extensive"):
        world(folder, "layers.residues.kind=intensive")


def test_amounts_of_polygons_that_are_repeated_are_warned_of(folder: Path) -> None:
    write_polygons(folder / "farms.gpkg", [box(0, 0, 8, 6)], straw=[500.0])
    column = "layers.residues.attribute=straw"
    with pytest.warns(CdrsiteWarning, match=r"a feature meets .*cure: kind: extensive"):
        world(folder, column, "layers.residues.kind=intensive", name="farms.gpkg")
    world(folder, column, name="farms.gpkg")  # extensive as it stands


def test_amounts_that_are_shared_out_are_fine(folder: Path) -> None:
    world(folder)


def test_nodata_that_nobody_declared_is_refused(folder: Path) -> None:
    values = residues()
    values[3, 4] = -9999  # one pixel among positive ones: the sum of its cell may be anything
    values[2, 4] = 20_000
    write_raster(folder / "bare.tif", values, pixel=500.0)
    with pytest.raises(DataError, match=r"layers\.residues: .*got -9999; .*nodata: -9999 .*rule 7"):
        world(folder, name="bare.tif")
    world(folder, "layers.residues.nodata=-9999", name="bare.tif")
    with pytest.raises(DataError, match=r"got -9\.999, stored as -9999; .*nodata: -9999 "):
        world(folder, "layers.residues.scale=0.001", name="bare.tif")


def test_a_column_below_zero_is_refused(folder: Path) -> None:
    write_polygons(folder / "farms.gpkg", [box(0, 0, 4, 6), box(4, 0, 4, 6)], straw=[5.0, -1.0])
    with pytest.raises(DataError, match=r"layers\.residues: a supply .*got -1; expected 0 or more"):
        world(folder, "layers.residues.attribute=straw", name="farms.gpkg")


def test_an_expression_below_zero_is_refused(folder: Path) -> None:
    text = "layers.left={expression: residues - 500, unit: t/yr, kind: extensive}"
    scenario = load_scenario(folder / "study.yaml", [text, "resources.biomass.layer=left"])
    with pytest.raises(DataError, match=r"layers\.left: a supply .*got -\d+.* in a cell"):
        prepare(scenario)


def test_a_value_that_does_not_say_per_what_is_that_of_a_cell(folder: Path) -> None:
    """Scenarios in use have no such word: it may be said, or warned of, but never refused."""
    asked = ["resources.water={value: 1e6 m3/yr}", "resources.power={value: 5 GWh/yr}"]
    scenario = load_scenario(folder / "study.yaml", asked)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        prepare(scenario)
    assert constant_supply("water", scenario.resources.water) == 1e6
    assert constant_supply("electricity", scenario.resources.power) == 5e6

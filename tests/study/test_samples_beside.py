"""Samples of studies with emitters and plants that stand: each one is the run with its numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from emitting_study import TEXT, write_emitting
from examples import first_every_day
from tiny_scenario import NORTH, WEST

from cdrsite.config.load import load_scenario
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import run

pytestmark = pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")

UNCERTAIN = """
uncertainty:
  samples: 4
  decisions: 2
  prices: {electricity: {low: 40 USD/MWh, high: 90 USD/MWh}}
  discount_rate: {low: 3 %, high: 10 %}
  numbers:
    resources.water.factor: {low: 0.7, high: 1.5}
    resources.power.intensity: {low: 200 g/kWh, high: 320 g/kWh}
    resources.storage.factor: {low: 0.5, high: 1.5}
  methods:
    daccs-solid: {electricity: {low: 200 kWh/t, high: 500 kWh/t}}
"""
GOAL = ("objective={minimise: cost, target: 20 kt/yr, gap: 1e-9}", "emitters.target=12 kt/yr")
STANDING = (
    "layers.plants={path: plants.gpkg}",
    "standing={layer: plants, name: name, method: daccs-solid, capacity: kt, unit: kt/yr}",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beside")
    path = write_emitting(folder)
    points = [shapely.Point(WEST + 500, NORTH - 4500), shapely.Point(WEST + 3500, NORTH - 5500)]
    plants = gpd.GeoDataFrame({"name": ["old", "new"], "kt": [1.0, 2.0]}, geometry=points,
                              crs="EPSG:3035")  # fmt: skip
    plants.to_file(folder / "plants.gpkg")
    path.write_text(TEXT + UNCERTAIN)
    return path


@pytest.fixture(scope="module")
def sampled(world: Path) -> StudyResult:
    return run(load_scenario(world, [*GOAL, *STANDING]), samples="maps")


def settings_of(result: StudyResult, number: int) -> list[str]:
    """A sample's values as ``--set`` texts; supplies are scaled by the test."""
    row = result.tables["samples"].iloc[number].to_dict()
    known = result.tables["uncertain"]
    paths = known[known["law"] != "held"]["number"]
    return [
        f"{path}={float(row[path])!r}"
        for path in paths
        if path in row and not path.startswith("supplies")
    ]


@pytest.mark.parametrize("number", first_every_day(range(4)))
def test_a_sample_is_the_run_with_its_numbers(world: Path, sampled: Any, number: int) -> None:
    asked = [*GOAL, *STANDING, "uncertainty=null", *settings_of(sampled, number)]
    alone = run(load_scenario(world, asked))
    row = sampled.tables["samples"].iloc[number]
    assert row["status"] == "optimal"
    assert row["value"] == pytest.approx(alone.summary["objective"]["value"], rel=1e-6)
    assert row["bound"] == pytest.approx(alone.summary["objective"]["value"], rel=1e-6)
    assert row["net_mt_yr"] == pytest.approx(alone.summary["net_mt_yr"], rel=1e-5)
    captured = alone.summary["emitters"]["years"][0]
    for name in ("captured", "avoided", "removed"):
        asked_for = pytest.approx(captured[f"{name}_mt_yr"], rel=1e-5, abs=1e-12)
        assert row[f"emitters_{name}_mt_yr"] == asked_for


def test_samples_differ_and_what_stands_takes_what_it_takes_in_each(sampled: StudyResult) -> None:
    table = sampled.tables["samples"]
    assert table["emitters_removed_mt_yr"].std() > 0  # what capture's power emits differs
    assert table["emitters_avoided_mt_yr"].tolist() == pytest.approx([0.012] * 4)
    # of 20 kt/yr, more is left to the plan where what stands removes less
    left = 0.020 - table["net_mt_yr"] - table["emitters_removed_mt_yr"]
    assert left.std() > 1e-6
    assert (left > 0.002).all()
    assert sampled.summary["uncertainty"]["largest_gap"] < 1e-6


CERTAIN = (
    "uncertainty={samples: 4, decisions: 2, ranges: none, "
    "prices: {electricity: {low: 40 USD/MWh, high: 90 USD/MWh}}}"
)


def test_a_kept_plan_has_no_emitter_twice(world: Path) -> None:
    """With two ways to storage, and where no plan could gain by being another one."""
    goal = ("objective={maximise: net_removal, gap: 1e-9}", "emitters.target=12 kt/yr")
    found = run(load_scenario(world, [*goal, *STANDING, "transport.sinks_per_cell=2", CERTAIN]),
                samples="maps")  # fmt: skip
    assert (found.tables["samples"]["emitters_removed_mt_yr"] > 0.003).all()
    decisions = found.tables["decisions"]
    assert (decisions["keeps_rules"] == 1.0).all()
    assert decisions["mean_worth"].tolist() == pytest.approx(
        [found.summary["objective"]["value"] / 1e6] * len(decisions), rel=1e-6
    )


def test_a_sample_without_what_plants_that_stand_take_is_a_result(world: Path) -> None:
    wide = "{resources.water.factor: {low: 0.001, high: 0.1}}"
    asked = f"uncertainty={{samples: 8, decisions: 0, ranges: none, numbers: {wide}}}"
    found = run(load_scenario(world, ["objective={maximise: net_removal}", *STANDING, asked]),
                samples="totals")  # fmt: skip
    table = found.tables["samples"].set_index("resources.water.factor").sort_index()
    supply = found.tables["pools"].set_index(["family", "zone"]).loc[("water", "west")]
    enough = table.index > supply["standing"] / supply["supply"]
    assert enough.any()
    assert not enough.all()
    assert (table["status"] == "optimal").tolist() == enough.tolist()
    assert (table["status"] == "refused").tolist() == (~enough).tolist()

"""Slopes of a plan's value: closed forms, and differences of whole runs."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plan_value import PlanValues
from sweeps import STORED
from tiny_scenario import COLS, ROWS, SCENARIO, box, write_polygons, write_raster, write_world

import cdrsite
from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning

SOLID = Path(cdrsite.__file__).parent / "library/methods/daccs-solid.yaml"
PURE = (
    "emissions_embodied: 0, emissions_materials: 0, emissions_chain: 0, "
    "transport_injection_loss: 0, capture_loss: 0"
)
GOLDEN = f"""\
name: golden
region: {{bounds: [4000000, 3000000, 4001000, 3001000], crs: "EPSG:3035"}}
grid: {{crs: "EPSG:3035", resolution: 1 km}}
resources: {{water: {{value: 60 m3/yr, per: region}}}}
objective: {{gap: 1.0e-9}}
methods:
  a: {{library: {SOLID}, profile: literature, override: {{water: 2 m3, {PURE}}}}}
  b: {{library: {SOLID}, profile: literature, override: {{water: T m3, {PURE}}}}}
"""
"""Two methods of net factor 1 on one pool of W = 60: V = W / min(2, T)."""


def run(path: Path, *settings: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return cdrsite.run(load_scenario(path, settings))


def rows(result: Any) -> dict[str, dict[str, Any]]:
    return {row["parameter"]: row for row in result.tables["sensitivity"].to_dict("records")}


def golden(folder: Path, need: float) -> dict[str, dict[str, Any]]:
    path = folder / "golden.yaml"
    path.write_text(GOLDEN.replace("T m3", f"{need} m3"), encoding="utf-8")
    return rows(run(path))


A, B, W = "methods.a.override.water", "methods.b.override.water", "resources.water.factor"


@pytest.mark.parametrize(
    ("need", "of_a", "of_b", "of_supply"),
    [(1.5, 0.0, -60 / 1.5**2, 40.0), (3.0, -15.0, 0.0, 30.0)],
)
def test_two_methods_on_one_pool_in_closed_form(
    tmp_path: Path, need: float, of_a: float, of_b: float, of_supply: float
) -> None:
    """dV/dT = -W / T^2 = -26.6667 where T = 1.5 is the least need, 0 where it is not."""
    found = golden(tmp_path, need)
    for path, slope in ((A, of_a), (B, of_b), (W, of_supply)):
        assert found[path]["slope"] == pytest.approx(slope, rel=1e-6, abs=0.0)
        assert found[path]["unique"]
        assert found[path]["slope_left"] == found[path]["slope_right"] == found[path]["slope"]
    assert found[W]["elasticity"] == pytest.approx(1.0)
    assert found[B]["elasticity"] == pytest.approx(-1.0 if of_b else 0.0)
    capex = found["methods.b.override.capex"]  # the most net does not ask what it costs
    assert capex["slope"] == capex["effect_low"] == capex["effect_high"] == 0.0


def test_at_a_kink_each_side_has_a_slope_of_its_own(tmp_path: Path) -> None:
    """At T = 2 either method could do all: -15 to the left, 0 to the right."""
    found = golden(tmp_path, 2.0)
    for path in (A, B):
        assert -15.0 - 1e-6 <= found[path]["slope"] <= 0.0
        assert not found[path]["unique"]
        # a step of 0.1 % on a curve
        assert found[path]["slope_left"] == pytest.approx(-15.0, rel=2e-3)
        assert found[path]["slope_right"] == pytest.approx(0.0, abs=1e-6)
    assert found[A]["slope"] + found[B]["slope"] == pytest.approx(-15.0, rel=1e-6)
    assert found[W]["unique"] and found[W]["slope"] == pytest.approx(30.0)
    assert found[W]["slope_left"] == found[W]["slope_right"] == found[W]["slope"]


def test_a_supply_that_is_just_used_up_gains_nothing_by_more(tmp_path: Path) -> None:
    """Water and power are for 30 t each: less of either takes, more of one adds nothing."""
    text = GOLDEN.replace("T m3", "3 m3").replace("water: 2 m3,", "water: 2 m3, electricity: 100,")
    path = tmp_path / "golden.yaml"
    path.write_text(text, encoding="utf-8")
    power = "resources.power={value: 3000 kWh/yr, per: region, intensity: 0}"
    found = rows(run(path, power, "methods.b.override.electricity=1e4"))
    for supply, need, most in (
        (W, A, 15.0), ("resources.power.factor", "methods.a.override.electricity", 0.3)
    ):  # fmt: skip
        assert not found[supply]["unique"] and not found[need]["unique"]
        assert found[supply]["slope_left"] == pytest.approx(30.0, rel=2e-3)
        assert found[supply]["slope_right"] == pytest.approx(0.0, abs=0.6)
        assert found[need]["slope_left"] == pytest.approx(0.0, abs=0.02 * most)
        assert found[need]["slope_right"] == pytest.approx(-most, rel=2e-3)


def test_effects_of_a_number_at_a_kink_are_told_by_the_slope_of_each_side(tmp_path: Path) -> None:
    path = tmp_path / "golden.yaml"
    path.write_text(GOLDEN.replace("T m3", "2 m3"), encoding="utf-8")
    near = (
        "uncertainty={samples: 2, ranges: none, methods: {a: {water: {low: 1.999, high: 2.001}}}}"
    )
    row = rows(run(path, near))[A]
    assert row["effect_from"] == "slope"
    assert row["effect_low"] == pytest.approx(0.015, rel=2e-3)
    assert row["effect_high"] == pytest.approx(0.0, abs=1e-8)


# ------------------------------------------------------------- differences of whole studies

POOLED = STORED.replace(
    "{value: 2 GWh/yr, per: cell, intensity: 20 g/kWh}",
    "{pools: basins, supply: spare_gwh, unit: GWh/yr, name: name, intensity: g_kwh, "
    "intensity_unit: g/kWh}",
)
CREDITS = (
    "objective={maximise: value, gap: 1.0e-9, credits: [{amount: 900 USD2020/t, years: 12}, "
    "{amount: 300 USD2020/t, basis: stored, region: {layer: basins, zone_name: name, zones: "
    "[west]}, methods: [daccs-solid]}]}"
)
CASES = {
    "most": (
        ("objective.gap=1e-9",),
        (
            "methods.daccs-solid.override.electricity", "methods.beccs-residue.override.biomass",
            "resources.power.factor", "resources.land.factor", "resources.storage.factor",
            "transport.leakage",
        ),
    ),
    "cheapest": (
        ("objective={minimise: cost, target: 30 kt/yr, gap: 1.0e-9}",),
        (
            "objective.target", "costs.discount_rate", "methods.beccs-residue.override.capex",
            "costs.prices.electricity", "resources.storage.cost",
            "methods.afforestation.override.permanence_years",
        ),
    ),
    "paid": (
        (CREDITS,),
        (
            "objective.credits.1.amount", "methods.daccs-solid.override.lifetime",
            "costs.discount_rate", "transport.leakage",
        ),
    ),
}  # fmt: skip
"""Objective -> its settings, and numbers of every kind that move it."""


@pytest.fixture(scope="module")
def pooled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pooled")
    write_polygons(
        folder / "rock.gpkg", [box(5, 1, 2, 2), box(0, 4, 2, 2)], id=["a", "b"], mt=[3.0, 1.0],
        rate=[0.1, 0.02],
    )  # fmt: skip
    return write_world(folder, POOLED)


@pytest.mark.parametrize("case", CASES)
def test_slopes_lie_between_the_quotients_of_whole_studies_to_both_sides(
    pooled: Path, case: str
) -> None:
    settings, paths = CASES[case]
    found, plans = rows(run(pooled, *settings)), PlanValues(pooled, settings)
    value = plans.value()
    for path in paths:
        row = found[path]
        step = 1.0 if row["unit"] == "yr" else 0.01 * row["value"]
        quotients = [
            side * (plans.value(f"{path}={row['value'] + side * step!r}") - value) / step
            for side in ((-1.0,) if path == "resources.land.factor" else (-1.0, 1.0))
        ]  # all of the land is all that there is
        slack = 3e-3 * max(map(abs, quotients))
        assert min(quotients) - slack <= row["slope"] <= max(quotients) + slack, path
        assert row["elasticity"] == pytest.approx(row["slope"] * row["value"] / value)
        assert row["slope"] != 0.0, path


def test_wide_ranges_and_choices_of_the_scenario_are_solved_at_their_ends(tmp_path: Path) -> None:
    """Sources that disagree are a bar with two ends: V = 60 / min(2, T), not what a slope says."""
    path = tmp_path / "golden.yaml"
    path.write_text(GOLDEN.replace("T m3", "3 m3"), encoding="utf-8")
    asked = (
        "uncertainty={samples: 2, ranges: none, methods: {"
        "a: {water: {low: 1.5 m3, high: 8 m3}}, "
        "b: {water: {either: [{value: 3 m3}, {value: 1 m3}]}, "
        "profile: {either: [{value: literature}, {value: madhu2021}]}}}}"
    )
    table = run(path, asked).tables["sensitivity"]
    found = {row["parameter"]: row for row in table.to_dict("records")}
    assert table["parameter"].iloc[0] == B  # from nothing to all
    assert (found[B]["low"], found[B]["high"]) == (1.0, 3.0)
    assert found[B]["effect_low"] == pytest.approx(30.0, rel=1e-6)
    assert found[B]["effect_high"] == pytest.approx(0.0, abs=1e-6)
    # 40 t at 1.5 m3; at 8 m3 the other method takes over at 20 t, not the -90 of the slope
    assert found[A]["effect_low"] == pytest.approx(10.0, rel=1e-6)
    assert found[A]["effect_high"] == pytest.approx(-10.0, rel=1e-6)
    assert found[A]["effect_from"] == found[B]["effect_from"] == "solved"
    switch = found["methods.b.profile"]
    assert switch["source"] == "scenario: literature, madhu2021" and switch["unique"]
    assert table["effect_from"].value_counts()["solved"] == 3


ROCK = "enhanced-weathering"


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny world with rock that weathers by the place's own temperature."""
    folder = tmp_path_factory.mktemp("warm")
    heat = np.tile(np.linspace(5, 25, COLS, dtype=np.float32), (ROWS, 1))
    write_raster(folder / "warm.tif", heat, nodata=-99)
    methods = SCENARIO.index("methods:\n")
    text = SCENARIO[:methods].replace(
        "  parks: {path: parks.gpkg}\n",
        "  parks: {path: parks.gpkg}\n  warm: {path: warm.tif, unit: degC, kind: intensive}\n",
    )
    keys = "{gates: false, usable_land: 0.5, weathering: {temperature: warm}}"
    text += f"methods:\n  {ROCK}: {keys}\n"
    return write_world(folder, text)


@pytest.mark.parametrize("name", ["activation_energy", "emissions_materials"])
def test_what_waiting_adds_moves_with_the_numbers(warm: Path, name: str) -> None:
    """Warmth says how soon rock weathers; emissions say what of a tonne comes later."""
    settings = (
        "objective={minimise: cost, target: 0.5 kt/yr, gap: 1.0e-9}",
        "resources.rock={unlimited: true}", "resources.cropland_slot={unlimited: true}",
    )  # fmt: skip
    path = f"methods.{ROCK}.override.{name}"
    row, plans = rows(run(warm, *settings))[path], PlanValues(warm, settings)
    step = 0.01 * row["value"]
    value = plans.value()
    quotients = [
        side * (plans.value(f"{path}={row['value'] + side * step!r}") - value) / step
        for side in (-1.0, 1.0)
    ]
    slack = 5e-3 * max(map(abs, quotients))
    assert min(quotients) - slack <= row["slope"] <= max(quotients) + slack

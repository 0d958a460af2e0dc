"""Bars of what a scenario calls uncertain: solved at both ends, beside whole studies."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plan_value import PlanValues
from sweeps import STORED
from tiny_scenario import SCENARIO, box, write_polygons, write_world

from cdrsite.cli.demo import demo_folder
from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.sampling.laws import lognormal
from cdrsite.study.run import run

GAP = "objective.gap=1e-9"
POOLED = STORED.replace(
    "{value: 2 GWh/yr, per: cell, intensity: 20 g/kWh}",
    "{pools: basins, supply: spare_gwh, unit: GWh/yr, name: name, intensity: 20 g/kWh}",
).replace(
    "injection: rate}", "injection: rate, case: central}"
).replace("capacity: mt,", "capacity: {low: small, central: mt, high: large},")  # fmt: skip
UNCERTAIN = """\
uncertainty:
  samples: 2
  ranges: none
  supplies:
    injection: {factor: [0.5, 2], together: 0.5}
    water: {relative: 30 %, together: 1}
    power: {factor: [0.8, 1.2]}
  storage: low-central-high
  layers: {residues: {relative: 25 %}, slope: {relative: 10 %, range: 3 km}}
"""


def slopes(scenario: Any, samples: Any = "totals") -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return run(scenario, samples=samples).tables["sensitivity"]


@pytest.fixture(scope="module")
def pooled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pooled")
    write_polygons(
        folder / "rock.gpkg", [box(5, 1, 2, 2), box(0, 4, 2, 2)], id=["a", "b"],
        small=[1.5, 0.3], mt=[3.0, 0.6], large=[6.0, 1.2], rate=[0.1, 0.03],
    )  # fmt: skip
    return write_world(folder, POOLED + UNCERTAIN)


@pytest.fixture(scope="module")
def found(pooled: Path) -> dict[str, dict[str, Any]]:
    table = slopes(load_scenario(pooled, [GAP]))
    return {row["parameter"]: row for row in table.to_dict("records")}


Z = 1.6448536269514722
ENDS = {
    "supplies.water": ("resources.water.factor", *lognormal(np.array([-Z, Z]), 0.3)),
    "layers.residues": ("layers.residues.factor", *lognormal(np.array([-Z, Z]), 0.25)),
}
"""Bar -> the key of a scenario that does the same, and its ends."""


@pytest.mark.parametrize("bar", ENDS)
def test_errors_of_all_pools_and_of_layers_have_a_bar_with_two_ends(pooled, found, bar) -> None:
    key, low, high = ENDS[bar]
    row, plans = found[bar], PlanValues(pooled, [GAP])
    value = plans.value()
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert row["effect_from"] == "solved"
    for end, factor in (("low", low), ("high", high)):
        wanted = plans.value(f"{key}={float(factor)!r}") - value
        assert row[f"effect_{end}"] == pytest.approx(wanted, rel=1e-5, abs=1e-6 * value), end
    assert row["effect_low"] < 0.0


def test_what_all_units_take_and_hold_have_a_bar(pooled, found) -> None:
    """A factor of storage is one of both: injection and pore space."""
    plans = PlanValues(pooled, [GAP])
    value = plans.value()
    rate, room = found["supplies.injection"], found["storage"]
    assert (rate["low"], rate["high"], room["low"], room["high"]) == (0.5, 2.0, 0.5, 2.0)
    for end, factor in (("low", 0.5), ("high", 2.0)):
        both = plans.value(f"resources.storage.factor={factor}") - value
        alone = [rate[f"effect_{end}"], room[f"effect_{end}"]]
        if factor < 1.0:  # what holds more holds it first
            assert min(alone) >= both - 1e-6 * value
            assert both < 0.0
        else:
            assert max(alone) <= both + 1e-6 * value
    assert rate["slope"] + room["slope"] == pytest.approx(
        found["resources.storage.factor"]["slope"], rel=1e-6
    )


def test_pools_without_a_common_error_have_a_bar_each(found) -> None:
    """Their slopes are those of the supply, told apart."""
    assert "supplies.power" not in found
    each = [found[f"supplies.power: {name}"] for name in ("west", "东")]
    total = found["resources.power.factor"]["slope"]
    assert sum(row["slope"] for row in each) == pytest.approx(total, rel=1e-6)
    assert total > 0.0
    for row in each:
        assert row["effect_low"] <= 0.0 <= row["effect_high"]
        assert (row["low"], row["high"], row["effect_from"]) == (0.8, 1.2, "solved")


def test_a_layer_whose_errors_differ_from_place_to_place_has_no_ends(found) -> None:
    assert "layers.slope" not in found


def test_water_by_month_is_more_or_less_in_every_month(tmp_path: Path) -> None:
    months = ", ".join(["water_m3"] * 12)
    settings = (
        GAP, "resources.power={unlimited: true, intensity: 20 g/kWh}",
        f"resources.water={{pools: basins, name: name, unit: m3, months: [{months}], "
        "factor: 0.001, profiles: {daccs-solid: [1, 1, 1, 1, 2, 3, 4, 3, 2, 1, 1, 1]}}",
    )  # fmt: skip
    path = write_world(tmp_path, SCENARIO)
    asked = "uncertainty={samples: 2, ranges: none, supplies: {water: {factor: [0.5, 2]}}}"
    table = slopes(load_scenario(path, [*settings, asked])).set_index("parameter")
    plans = PlanValues(path, settings)
    value = plans.value()
    for end, factor in (("low", 0.0005), ("high", 0.002)):
        wanted = plans.value(f"resources.water.factor={factor}") - value
        each = table.loc[["supplies.water: west", "supplies.water: 东"], f"effect_{end}"]
        assert each.sum() == pytest.approx(wanted, rel=1e-6)  # what one has is not the other's
        assert wanted != 0.0


@pytest.mark.slow
def test_the_land_of_the_quotation_is_the_first_bar_of_the_demo() -> None:
    """11 000 m2 for a tonne of solid sorbent, or 0.078: no other number moves the plan as far."""
    scenario = load_scenario(
        demo_folder("config") / "demo-uncertainty.yaml",
        ["grid.resolution=16 km", "uncertainty.samples=2"],
    )
    table = slopes(scenario)
    first = table.iloc[0]
    assert first["parameter"] == "methods.daccs-solid.override.land_direct"
    assert (first["low"], first["high"]) == (0.078, 11_000.0)
    assert first["effect_low"] > 0.1 * 20e6 and first["effect_high"] == 0.0
    assert {"supplies.injection", "supplies.water", "storage"} <= set(table["parameter"])

"""Costs of routes follow the annuity and the price of power, and units what they take."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plan_value import PlanValues
from tiny_scenario import box, write_polygons, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.study.routes import fares_in
from cdrsite.study.run import run
from cdrsite.transport.fares import at_fares
from cdrsite.transport.ways import PIPELINE, TRUCK

TEXT = """\
name: routes
region: {bounds: [4000000, 3000000, 4008000, 3006000], crs: "EPSG:3035"}
grid: {crs: "EPSG:3035", resolution: 1 km}
layers:
  slope: {path: slope.tif, unit: degree, kind: intensive}
  basins: {path: basins.gpkg}
  stores: {path: stores.gpkg}
resources:
  land: {usable: 0.001}
  water: {pools: basins, supply: water_m3, unit: m3/yr, name: name, share: whole}
  power: {value: 1 TWh/yr, per: region, intensity: 150 g/kWh}
  storage: {units: stores, id: id, name: id, capacity: mt, injection: mt_yr, kind: kind,
            cost: 5 USD/t}
methods:
  daccs-solid:
    profile: literature
    override: {water: 2 m3, electricity: 100 kWh, heat: 0, land_direct: 2 m2}
costs: {prices: {water: 2 USD/m3}}
transport: {leakage: 0.05, reach: 40 km, flow: 0.2 Mt/yr, surface: {slope: {}}}
objective: {minimise: cost, target: 4 kt/yr, gap: 1.0e-10}
outputs: {every_route: true, sites: 2, site_distance: 1 km}
"""


def world(folder: Path, text: str = TEXT) -> Path:
    """Basalt in the east, salt water in the west."""
    path = write_world(folder, text)
    write_polygons(
        folder / "stores.gpkg", [box(5, 1, 2, 4), box(0, 1, 1, 4)], id=["e", "w"], mt=[3.0, 3.0],
        mt_yr=[0.003, 0.003], kind=["basalt", "saline"],
    )  # fmt: skip
    write_polygons(
        folder / "basins.gpkg", [box(0, 0, 4, 6), box(4, 0, 4, 6)], name=["west", "east"],
        water_m3=[30_000.0, 200_000.0],
    )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world(tmp_path_factory.mktemp("routes"))


def quiet_run(path: Path, *settings: str, samples: Any = "none") -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return run(load_scenario(path, settings), samples=samples)


OTHER = ("costs.discount_rate=12 %", "costs.prices.electricity=150 USD/MWh")


@pytest.mark.parametrize("modes", ["pipeline", "truck"])
def test_other_fares_are_those_of_routes_found_anew(path: Path, modes: str) -> None:
    settings = (f"transport.modes=[{modes}]", "objective={gap: 1.0e-4}")
    first, second = quiet_run(path, *settings), quiet_run(path, *settings, *OTHER)
    old, new = (fares_in(one.scenario) for one in (first, second))
    assert old != new
    before, after = (one.dataset["ranked_transport_cost"].to_numpy() for one in (first, second))
    unit = [one.dataset["ranked_storage"].to_numpy() for one in (first, second)]
    np.testing.assert_array_equal(*unit)
    known = np.isfinite(before)
    # on top of a unit there is no way for a truck
    by_truck = (modes == "truck") & (first.dataset["ranked_transport_km"].to_numpy() > 0)
    mode = np.where(by_truck, np.uint8(TRUCK), np.uint8(PIPELINE))
    found = at_fares(before, mode, old, new)
    np.testing.assert_allclose(found[known], after[known], rtol=3e-6)
    assert np.abs(after[known] / before[known] - 1.0).max() > 0.01


NUMBERS = (
    "costs.discount_rate", "costs.prices.electricity", "costs.prices.water",
    "resources.power.intensity", "resources.storage.cost", "resources.water.factor",
)  # fmt: skip
GOALS = {
    "cheapest": (),
    "most": ("objective={maximise: net_removal, gap: 1.0e-10}",),
    "by truck": ("transport.modes=[truck]",),
}


@pytest.mark.parametrize("goal", GOALS)
def test_slopes_are_those_of_whole_studies(path: Path, goal: str) -> None:
    """Routes and the needs of basalt included."""
    settings = GOALS[goal]
    result = quiet_run(path, *settings)
    storage = result.tables["storage"].set_index("unit")["injected_mt_yr"]
    assert (storage > 0).all()  # basalt draws water and power there
    rows = {row["parameter"]: row for row in result.tables["sensitivity"].to_dict("records")}
    plans = PlanValues(path, settings)
    for number in NUMBERS:
        value, step = rows[number]["value"], 1e-3 * rows[number]["value"]
        ends = [plans.value(f"{number}={value + side * step!r}") for side in (-1.0, 1.0)]
        quotient = (ends[1] - ends[0]) / (2.0 * step)
        slack = 2e-3 * abs(quotient) + 1e-7 * abs(ends[0]) / value
        assert abs(rows[number]["slope"] - quotient) <= slack, (number, rows[number], quotient)


def test_a_sample_pays_for_routes_as_a_run_with_its_numbers(tmp_path: Path) -> None:
    text = TEXT + (
        "uncertainty: {samples: 4, ranges: none, discount_rate: {low: 3 %, high: 12 %}, "
        "prices: {electricity: {low: 20 USD/MWh, high: 200 USD/MWh}}}\n"
    )
    path = world(tmp_path, text)
    sampled = quiet_run(path, samples="maps").tables["samples"]
    for _, row in sampled.iterrows():
        names = ("costs.discount_rate", "costs.prices.electricity")
        alone = PlanValues(path, [f"{name}={float(row[name])!r}" for name in names]).value()
        assert row["value"] == pytest.approx(alone, rel=1e-6)
        assert row["bound"] == pytest.approx(alone, rel=1e-6)

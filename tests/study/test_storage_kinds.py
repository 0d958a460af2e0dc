"""Kinds of storage in whole studies: basalt draws water and power where it injects."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog
from tiny_scenario import COLS, ROWS, box, write_polygons, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning, ConfigError, DataError
from cdrsite.library.storage import storage_kinds
from cdrsite.study.run import run
from cdrsite.testing.balance import assert_mass_balance

pytestmark = pytest.mark.usefixtures("without_slopes")

TEXT = """\
name: stores
region: {bounds: [4000000, 3000000, 4008000, 3006000], crs: "EPSG:3035"}
grid: {crs: "EPSG:3035", resolution: 1 km}
layers:
  basins: {path: basins.gpkg}
  stores: {path: stores.gpkg}
resources:
  land: {usable: 0.001}
  water: {pools: basins, supply: water_m3, unit: m3/yr, name: name, share: whole}
  power: {pools: basins, supply: spare_gwh, unit: GWh/yr, name: name, share: whole,
          intensity: g_kwh, intensity_unit: g/kWh}
  storage: {units: stores, id: id, name: id, capacity: mt, injection: mt_yr, kind: kind,
            cost: 5 USD/t}
methods:
  daccs-solid:
    profile: literature
    override: {water: 2 m3, electricity: 100 kWh, heat: 0, land_direct: 2 m2}
transport: {leakage: 0.05, reach: 40 km}
outputs: {every_route: true, sites: 2, site_distance: 1 km}
"""
WATER, POWER = 27.0, 75.0
"""Of a tonne in basalt [m3], [kWh]."""


def study(
    folder: Path,
    *settings: str,
    kinds: tuple[Any, ...] = ("basalt", "saline"),
    water: tuple[float, float] = (30_000.0, 90_000.0),
    grams: tuple[float, float] = (20.0, 400.0),
) -> Any:
    """Two stores of 8 kt/yr: in the east, and farther west; power of the east is dirty."""
    path = write_world(folder, TEXT)
    write_polygons(
        folder / "basins.gpkg", [box(0, 0, 4, 6), box(4, 0, 4, 6)], name=["west", "east"],
        water_m3=list(water), spare_gwh=[1.0, 4.0], g_kwh=list(grams),
    )  # fmt: skip
    write_polygons(
        folder / "stores.gpkg", [box(4, 1, 3, 4), box(0, 1, 1, 4)], id=["e", "w"], mt=[3.0, 3.0],
        mt_yr=[0.008, 0.008], kind=list(kinds), deep=[600.0, 900.0],
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return run(load_scenario(path, settings))


def pool(result: Any, family: str, zone: str) -> dict[str, Any]:
    table = result.tables["pools"]
    return table[(table["family"] == family) & (table["zone"] == zone)].iloc[0].to_dict()


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return study(tmp_path_factory.mktemp("plan"))


def oracle(result: Any, water: tuple[float, float], power: tuple[float, float]) -> Any:
    """The plan of most net removal of one method as a programme of its own, row by row."""
    data = result.dataset
    net = data["net_at_plant"].to_numpy()[0].ravel().astype(float)
    land = data["usable_land"].to_numpy()[0].ravel().astype(float) / 2.0
    east = np.arange(ROWS * COLS) % COLS >= 4
    sink = data["ranked_storage"].to_numpy().reshape(-1, ROWS * COLS)
    km = data["ranked_transport_km"].to_numpy().reshape(-1, ROWS * COLS).astype(float)
    cell, gain, rows = [], [], []
    for k in range(len(sink)):
        for c in np.flatnonzero(sink[k] >= 0).tolist():
            basalt = sink[k, c] == 0
            injected = POWER * 0.4 / 1000 if basalt else 0.0
            cell.append(c)
            gain.append(net[c] - km[k, c] * 0.05 / 100 - injected)
            draw = np.zeros((2, 2))  # water and power of west and east
            draw[:, int(east[c])] += 2.0, 100.0
            if basalt:
                draw[:, 1] += WATER, POWER
            rows.append([*draw.ravel(), basalt, not basalt])
    cells = np.zeros((ROWS * COLS, len(cell)))
    cells[cell, np.arange(len(cell))] = 1.0
    limits = [*water, *power, 8000.0, 8000.0, *land]
    return linprog(-np.array(gain), np.vstack([np.array(rows, float).T, cells]), limits)


def test_same_plan_as_a_programme_of_its_own(plan: Any) -> None:
    best = oracle(plan, (30_000.0, 90_000.0), (1e6, 4e6))
    assert plan.summary["net_mt_yr"] * 1e6 == pytest.approx(-best.fun, rel=2e-4)
    # the water of the basin where the basalt lies is worth what the programme says
    price = pool(plan, "water", "east")
    assert price["price"] == pytest.approx(-best.ineqlin.marginals[1], rel=2e-2)
    assert price["binds"]
    assert price["use"] == pytest.approx(90_000.0, rel=1e-6)


def test_needs_by_resource_are_told_and_add_up(plan: Any) -> None:
    assert_mass_balance(plan)
    needs = plan.tables["storage_needs"].set_index("resource")
    brought = plan.tables["storage"].set_index("unit")["injected_mt_yr"] * 1e6
    assert 0 < brought["e"] < 8000 * (1 - 1e-6)
    assert set(needs["unit"]) == {"e"}
    assert set(needs["zone"]) == {"east"}
    assert needs["use"]["water"] == pytest.approx(WATER * brought["e"], rel=1e-9)
    assert needs["use"]["electricity"] == pytest.approx(POWER * brought["e"], rel=1e-9)
    east = plan.dataset["pool_water"].to_numpy() == 1
    captured = np.nansum(plan.dataset["allocated"].to_numpy()[0][east].astype(float))
    whole = 2.0 * captured + WATER * brought["e"]
    assert pool(plan, "water", "east")["use"] == pytest.approx(whole, rel=1e-6)
    assert list(plan.tables["storage"]["kind"]) == ["basalt", "saline"]
    assert set(plan.tables["storage"]["durability_class"]) == {">1000"}


def test_power_of_injection_is_an_emission_of_the_process(plan: Any) -> None:
    """100 kWh where it is captured, and 75 kWh of the east's 400 g/kWh in the basalt."""
    row = plan.tables["ledgers"].set_index("method").loc["daccs-solid"]
    brought = plan.tables["storage"].set_index("unit")["injected_mt_yr"]
    east = plan.dataset["pool_water"].to_numpy() == 1
    gross = plan.dataset["allocated"].to_numpy()[0].astype(float)
    at_plant = 100 * (np.nansum(gross[east]) * 0.4 + np.nansum(gross[~east]) * 0.02) / 1000 / 1e6
    injecting = POWER * 0.4 / 1000 * brought["e"]
    assert row["emissions_energy_mt_yr"] == pytest.approx(at_plant + injecting, rel=1e-5)
    left = row["removal_gross_mt_yr"] - row["returned_mt_yr"] - row["emissions_process_mt_yr"]
    assert left == pytest.approx(row["net_mt_yr"], rel=1e-5)


def test_needs_are_paid_at_the_prices_of_the_study(plan: Any, tmp_path: Path) -> None:
    dear = study(tmp_path, "costs.prices.water=3 USD/m3", "costs.prices.electricity=160 USD/MWh")
    to_basalt = (plan.dataset["sink"].to_numpy()[0] == 0) & (
        dear.dataset["sink"].to_numpy()[0] == 0
    )
    assert to_basalt.any()
    more = (dear.dataset["sink_cost"] - plan.dataset["sink_cost"]).to_numpy()[0][to_basalt]
    np.testing.assert_allclose(more, WATER * 2.0 + POWER * 0.1, rtol=1e-4)
    parts = [one.tables["cost_parts"].set_index("part")["musd_yr"] for one in (plan, dear)]
    brought = [one.tables["storage"].set_index("unit")["injected_mt_yr"] for one in (plan, dear)]
    for part, t, (water, power) in zip(parts, brought, ((1.0, 0.06), (3.0, 0.16)), strict=True):
        paid = 5 * t.sum() + (WATER * water + POWER * power) * t["e"]
        assert part["storage"] == pytest.approx(paid, rel=1e-5)


def test_dry_basalt_takes_nothing_and_sea_water_is_said_by_a_key(tmp_path: Path) -> None:
    (tmp_path / "dry").mkdir()
    (tmp_path / "sea").mkdir()
    dry = study(tmp_path / "dry", water=(30_000.0, 0.0)).tables["storage"].set_index("unit")
    assert dry["injected_mt_yr"]["e"] == 0.0
    sea = study(
        tmp_path / "sea", "resources.storage.needs={basalt: {water: 0 m3}}", water=(30_000.0, 0.0)
    )
    assert sea.tables["storage"].set_index("unit")["injected_mt_yr"]["e"] > 0.0
    assert set(sea.tables["storage_needs"]["resource"]) == {"electricity"}


def test_unlimited_and_dirty_power_alone_decides_which_store(tmp_path: Path) -> None:
    """Nothing limits: 75 kWh at 20 kg/kWh emit more than the tonne that is stored."""
    unlimited = (
        "resources.water={unlimited: true}",
        "resources.power={unlimited: true, intensity: 0.1 kg/kWh}",
        "resources.storage.needs={basalt: {electricity: 15 MWh}}",
    )
    result = study(tmp_path, *unlimited)
    assert result.tables["storage"].set_index("unit")["injected_mt_yr"]["e"] == 0.0
    assert list(result.tables["storage_needs"]["zone"]) == ["", ""]


def test_all_units_of_one_kind_and_words_of_a_column(tmp_path: Path) -> None:
    kinds = ("dolerite", "depleted gas")
    result = study(tmp_path, "resources.storage.kinds={dolerite: basalt}", kinds=kinds)
    assert list(result.tables["storage"]["kind"]) == ["basalt", "depleted"]
    result = study(tmp_path, "resources.storage.kind=basalt", kinds=kinds)
    assert set(result.tables["storage"]["kind"]) == {"basalt"}
    assert set(result.tables["storage_needs"]["zone"]) == {"west", "east"}
    # 600 m are deep enough for basalt, not for an aquifer
    deep = study(tmp_path, "resources.storage.kind=basalt", "resources.storage.depth=deep")
    assert list(deep.tables["storage"]["unit"]) == ["e", "w"]
    deep = study(tmp_path, "resources.storage.kind=saline", "resources.storage.depth=deep")
    assert list(deep.tables["storage"]["unit"]) == ["w"]


def test_cost_of_a_kind_where_the_scenario_gives_none(tmp_path: Path) -> None:
    units = "resources.storage={units: stores, id: id, capacity: mt, injection: mt_yr, kind: kind}"
    result = study(tmp_path, units)
    cost = result.dataset["pool_storage"].attrs["storage_cost"]
    record = storage_kinds()["basalt"].cost
    assert record is not None
    paid = WATER * 1.0 + POWER * 0.06
    assert cost[0] == pytest.approx(record.to("USD/t", 2020) + paid, rel=1e-6)


@pytest.mark.parametrize(
    ("settings", "kinds", "error", "words"),
    [
        ((), ("bassalt", "saline"), DataError,
         r"column kind.*unknown kind.*'bassalt' of e.*saline, depleted, eor, basalt; cure: did"),
        ((), ("building", "saline"), DataError, r"CO2 is not brought to.*'building' of e"),
        (("resources.storage.needs={basalt: {watr: 1}}",), ("basalt", "saline"), ConfigError,
         r"needs.basalt.watr.*unknown need of storage.*water"),
        (("resources.storage.needs={basalt: {water: 3 kWh}}",), ("basalt", "saline"), ConfigError,
         r"needs.basalt.water"),
        (("resources.storage.needs={basalt: {water: -1}}",), ("basalt", "saline"), ConfigError,
         r"needs.basalt.water.*cannot be negative"),
        (("resources.storage.needs={building: {water: 1}}",), ("basalt", "saline"), ConfigError,
         r"not brought to such storage.*saline, depleted, eor, basalt"),
        (("resources.storage.kinds={x: basallt}",), ("basalt", "saline"), ConfigError,
         r"unknown kind of storage.*basalt"),
        (("resources.storage.kind=basalt", "resources.storage.kinds={x: saline}"),
         ("basalt", "saline"), ConfigError, r"all units are basalt.*remove kinds"),
        (("resources.water={value: 9 m3/yr, per: cell}",), ("basalt", "saline"), ConfigError,
         r"resources.water.*basalt needs water where it injects.*cell by cell.*per: region"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(
    tmp_path: Path, settings: tuple[str, ...], kinds: tuple[str, str], error: Any, words: str
) -> None:
    with pytest.raises(error, match=f"(?s){words}"):
        study(tmp_path, *settings, kinds=kinds)


def test_a_unit_in_no_pool_is_refused(tmp_path: Path) -> None:
    study(tmp_path)
    write_polygons(tmp_path / "west.gpkg", [box(0, 0, 4, 6)], name=["west"], water_m3=[1e4])
    water = "resources.water={pools: west, supply: water_m3, unit: m3/yr}"
    path = tmp_path / "study.yaml"
    with pytest.raises(
        DataError, match=r"(?s)need water and lie in no pool.*needs: \{basalt: \{wa"
    ):
        run(load_scenario(path, ["layers.west={path: west.gpkg}", water]))

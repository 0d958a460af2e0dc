"""Heat that plants supply feeds what takes heat in the same pool, by its level, and once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_scenario import COLS, ROWS, write_raster, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import ConfigError
from cdrsite.explain.place import Explanation, explain_place
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import run

pytestmark = [
    pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning"),
    pytest.mark.usefixtures("without_slopes"),
]

POOL = "resources.heat={value: 0 kWh/yr, per: region}"
POWER = "resources.power={value: 50 GWh/yr, per: region}"
WATER = "resources.water={unlimited: true}"
PAIR = "methods={beccs-residue: {profile: chp}, daccs-solid: {profile: waste-heat}}"
BASINS = (
    "resources.heat={{pools: basins, supply: spare_gwh, unit: GWh/yr, name: name, factor: 0.001{}}}"
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("heat")
    write_world(folder)
    write_raster(folder / "wanted.tif", np.full((ROWS, COLS), 250.0, np.float32))
    return folder


def study(world: Path, *changes: str) -> StudyResult:
    return run(load_scenario(world / "study.yaml", [POWER, WATER, PAIR, *changes]))


def gross(result: StudyResult) -> dict[str, float]:
    planned = result.dataset["allocated"].fillna(0.0).astype(np.float64).sum(("y", "x"))
    return {str(name): float(planned.sel(removal_method=name)) for name in result.methods}


def pool(result: StudyResult, family: str) -> dict[str, Any]:
    table = result.tables["pools"]
    (row,) = table[table["family"] == family].to_dict("records")
    return row


def test_a_tonne_of_bioenergy_feeds_its_heat_to_a_tonne_and_a_fifth_of_air_capture(
    world: Path,
) -> None:
    """1926.7 / 1600 = 1.20419 t; power 1.20419 x 550 - 520.7 = 141.6 kWh bought; no heat left."""
    result = study(world, POOL)
    made = gross(result)
    ratio = made["daccs-solid"] / made["beccs-residue"]
    assert made["beccs-residue"] > 1000
    assert ratio == pytest.approx(1926.7 / 1600, rel=1e-5) == pytest.approx(1.20419, rel=1e-5)
    heat, power = pool(result, "heat"), pool(result, "electricity")
    assert heat["use"] == pytest.approx(0.0, abs=1e-3 * made["beccs-residue"])
    assert heat["binds"] and heat["price"] > 0
    bought = power["use"] / made["beccs-residue"]
    assert (
        bought == pytest.approx(1.20419 * 550 - 520.7, rel=1e-4) == pytest.approx(141.6, abs=0.05)
    )
    stored = sum(tonnes * result.models[name].number("storage") for name, tonnes in made.items())
    assert stored / made["beccs-residue"] == pytest.approx(2.20419, rel=1e-5)


def test_without_a_plant_for_heat_the_pool_feeds_nothing(world: Path) -> None:
    alone = "methods={beccs-residue: {}, daccs-solid: {profile: waste-heat}}"
    made = gross(study(world, POOL, alone))
    assert made["daccs-solid"] == 0.0 and made["beccs-residue"] > 0


def test_heat_that_is_too_cool_serves_no_sorbent(world: Path) -> None:
    cool = gross(study(world, "resources.heat={value: 10 GWh/yr, per: region, level: low}"))
    warm = gross(study(world, "resources.heat={value: 10 GWh/yr, per: region, level: medium}"))
    hot = gross(study(world, "resources.heat={value: 10 GWh/yr, per: region, level: high}"))
    fed = 1926.7 / 1600
    assert cool["daccs-solid"] == pytest.approx(cool["beccs-residue"] * fed, rel=1e-5)
    assert warm["daccs-solid"] == pytest.approx(warm["beccs-residue"] * fed + 1e7 / 1600, rel=1e-5)
    assert hot == pytest.approx(warm)


def test_cells_with_cool_heat_of_their_own_run_no_sorbent(world: Path) -> None:
    only = "methods={daccs-solid: {profile: waste-heat}}"
    for level, some in (("low", False), ("medium", True)):
        supply = f"resources.heat={{value: 100 MWh/yr, per: cell, level: {level}}}"
        result = study(world, supply, only)
        assert (gross(result)["daccs-solid"] > 0) == some
        share = result.dataset["equal_share"].to_numpy()
        assert (np.nansum(share) > 0) == some
        assert (result.dataset["limit"].to_numpy() == 3).any()  # heat


def test_gas_of_solvents_is_no_heat_of_a_pool(world: Path) -> None:
    """900 degree C: no pool serves it, and none limits it."""
    liquid = "methods={daccs-liquid: {}}"
    without = gross(study(world, "resources.heat={unlimited: true}", liquid))
    for level in ("low", "medium", "high"):
        supply = f"resources.heat={{value: 0 kWh/yr, per: region, level: {level}}}"
        assert gross(study(world, supply, liquid)) == without
    assert without["daccs-liquid"] > 0


def test_each_pool_feeds_its_own(world: Path) -> None:
    result = study(world, BASINS.format(""), "siting.exclude=[]")
    planned = result.dataset["allocated"].fillna(0.0).astype(np.float64)
    label = result.dataset["pool_heat"].to_numpy()
    for number, supply in enumerate([40e3, 8e3]):
        inside = planned.where(label == number, 0.0).sum(("y", "x"))
        bio, air = (float(inside.sel(removal_method=m)) for m in ("beccs-residue", "daccs-solid"))
        assert air > 0 and air * 1600 <= (bio * 1926.7 + supply) * (1 + 1e-6)


WANTED = "layers.wanted={path: wanted.tif, unit: MWh/yr, kind: extensive}"
ALONE = "methods={beccs-residue: {profile: chp}}"
PRICE = "costs.prices.heat=8 USD/GJ"


def customers(more: str = "") -> str:
    return f"resources.heat={{value: 0 kWh/yr, per: region, demand: wanted{more}}}"


def test_customers_pay_for_what_they_take_and_the_rest_earns_nothing(world: Path) -> None:
    """48 cells of 250 MWh: 12 GWh a year."""
    result = study(world, WANTED, customers(), ALONE, PRICE)
    (row,) = result.tables["heat"].to_dict("records")
    made = gross(result)["beccs-residue"] * 1926.7 / 1e6
    assert row["made_gwh_yr"] == pytest.approx(made, rel=1e-6) and made > 12
    assert (row["used_gwh_yr"], row["sold_gwh_yr"]) == (0.0, pytest.approx(12.0))
    assert row["unused_gwh_yr"] == pytest.approx(made - 12.0, rel=1e-6)
    assert row["earned_musd_yr"] == pytest.approx(12e6 * 0.0036 * 8 / 1e6)
    plenty = study(world, WANTED.replace("MWh", "GWh"), customers(), ALONE, PRICE)
    (row,) = plenty.tables["heat"].to_dict("records")
    each = row["earned_musd_yr"] * 1e6 / gross(plenty)["beccs-residue"]
    assert each == pytest.approx(55.5, abs=0.05) and row["unused_gwh_yr"] == pytest.approx(0.0)
    # whoever takes the heat, a tonne's own cost has no income of it
    same = study(world, ALONE, PRICE)
    np.testing.assert_array_equal(plenty.dataset["cost"], same.dataset["cost"])


def test_heat_that_sorbents_take_is_not_sold_too(world: Path) -> None:
    result = study(world, WANTED, customers(), PRICE)
    (row,) = result.tables["heat"].to_dict("records")
    made = gross(result)
    assert row["used_gwh_yr"] == pytest.approx(made["daccs-solid"] * 1600 / 1e6, rel=1e-6)
    parts = row["used_gwh_yr"] + row["sold_gwh_yr"] + row["unused_gwh_yr"]
    assert parts == pytest.approx(row["made_gwh_yr"], rel=1e-9)
    assert row["sold_gwh_yr"] < 1e-3


def test_customers_take_no_heat_that_is_too_cool(world: Path) -> None:
    result = study(world, WANTED, customers(", demand_level: high"), ALONE)
    (row,) = result.tables["heat"].to_dict("records")
    assert row["sold_gwh_yr"] == row["earned_musd_yr"] == 0.0 < row["unused_gwh_yr"]


def test_customers_need_a_pool_in_reach(world: Path) -> None:
    with pytest.raises(ConfigError, match="customers without a pool of heat in reach"):
        study(world, WANTED, "resources.heat={demand: wanted}")


CHEAPEST = "objective={minimise: cost, target: 1000 t/yr}"


def paid(result: StudyResult) -> dict[str, float]:
    """Cost of the plan by method [USD/yr]."""
    table = result.tables["methods"]
    return dict(zip(table["method"], table["cost_musd_yr"] * 1e6, strict=True))


def test_sold_heat_is_income_of_who_supplies_it(world: Path) -> None:
    """A tonne's heat at 8 USD/GJ is 55.5 USD; parts, totals and goal agree on it."""
    plenty = (WANTED.replace("MWh", "GWh"), ALONE, PRICE, CHEAPEST, "objective.gap=1e-7")
    without = study(world, *plenty, POOL)
    with_it = study(world, *plenty, customers())
    tonnes, cost = gross(with_it)["beccs-residue"], paid(with_it)["beccs-residue"]
    (row,) = with_it.tables["heat"].to_dict("records")
    assert row["earned_musd_yr"] * 1e6 / tonnes == pytest.approx(55.5, abs=0.05)
    assert cost == pytest.approx(paid(without)["beccs-residue"] - 55.489 * tonnes, rel=1e-4)
    parts = with_it.tables["cost_parts"]
    of_plant = parts[parts["method"] == "beccs-residue"]
    assert of_plant["musd_yr"].sum() * 1e6 == pytest.approx(cost, rel=1e-5)
    objective = with_it.summary["objective"]
    assert objective["value"] == pytest.approx(cost, rel=1e-6)
    assert objective["bound"] <= objective["value"] * (1 + 1e-9)
    curve = with_it.tables["supply_curve"]
    assert curve["cost_to_usd_t"].max() < without.tables["supply_curve"]["cost_to_usd_t"].min()


def test_income_steers_the_plan(world: Path) -> None:
    """Where credits alone do not pay for a plant, credits and heat do."""
    bare = study(world, WANTED.replace("MWh", "GWh"), ALONE, PRICE, CHEAPEST)
    per_net = paid(bare)["beccs-residue"] / bare.summary["net_mt_yr"] / 1e6
    value = f"objective={{maximise: value, credits: [{{amount: {per_net - 10:.3f} USD/t}}]}}"
    lone = study(world, WANTED.replace("MWh", "GWh"), ALONE, PRICE, value, POOL)
    sold = study(world, WANTED.replace("MWh", "GWh"), ALONE, PRICE, value, customers())
    assert gross(lone)["beccs-residue"] == 0.0 < gross(sold)["beccs-residue"]
    heat = pool(sold, "heat")
    assert 0.0 <= heat["price"] <= 0.0036 * 8 * (1 + 1e-6)


def test_what_sorbents_pay_a_plant_of_their_pool_cancels(world: Path) -> None:
    """All heat is the plants', so the price of heat moves no cost of the plan."""
    goal = "objective={minimise: cost, target: 3000 t/yr}"
    must = "policies=[{name: air, count: net, methods: [daccs-solid], at_least: 500 t/yr}]"
    results = [
        study(world, POOL, goal, must, f"costs.prices.heat={usd} USD/GJ") for usd in (0, 4, 20)
    ]
    totals = [sum(paid(one).values()) for one in results]
    assert totals == pytest.approx([totals[0]] * 3, rel=1e-4)
    assert paid(results[2])["daccs-solid"] > paid(results[0])["daccs-solid"]
    assert paid(results[2])["beccs-residue"] < paid(results[0])["beccs-residue"]
    value = results[2].summary["objective"]["value"]
    assert value == pytest.approx(totals[2], rel=1e-6)


def test_heat_of_others_is_paid_and_not_sold(world: Path) -> None:
    """Of a pool with 10 GWh of others, customers get what plants make and no more."""
    others = "resources.heat={value: 10 GWh/yr, per: region, demand: wanted}"
    result = study(world, WANTED.replace("MWh", "GWh"), others, PRICE)
    (row,) = result.tables["heat"].to_dict("records")
    taken = gross(result)["daccs-solid"] * 1600 / 1e6
    assert row["used_gwh_yr"] + row["sold_gwh_yr"] == pytest.approx(row["made_gwh_yr"], rel=1e-6)
    assert 0 < row["used_gwh_yr"] <= taken <= row["used_gwh_yr"] + 10 * (1 + 1e-6)


def test_sold_heat_replaces_that_of_others_and_removes_nothing(world: Path) -> None:
    plain, stated = (
        study(world, WANTED, customers(more), ALONE) for more in ("", ", intensity: 0.2 kg/kWh")
    )
    (row,) = stated.tables["heat"].to_dict("records")
    more = (
        stated.summary["ledgers"]["substitution_mt_yr"]
        - (plain.summary["ledgers"]["substitution_mt_yr"])
    )
    assert row["sold_gwh_yr"] > 0
    assert more == pytest.approx(row["sold_gwh_yr"] * 0.2e-3, rel=1e-6)
    assert stated.summary["net_mt_yr"] == pytest.approx(plain.summary["net_mt_yr"], rel=1e-9)


def test_a_place_says_what_becomes_of_its_heat_and_what_a_tonne_pays(world: Path) -> None:
    """Charges of the methods are those of the solver: what sorbents pay a plant is no scarcity."""
    goal = "objective={minimise: cost, target: 3000 t/yr}"
    must = "policies=[{name: air, count: net, methods: [daccs-solid], at_least: 500 t/yr}]"
    result = study(world, POOL, goal, must, PRICE)
    planned = result.dataset["allocated"].sel(removal_method="beccs-residue").to_numpy()
    row, col = np.unravel_index(np.nanargmax(planned), planned.shape)
    found = explain_place(
        result.dataset, result.grid, float(result.grid.x[col]), float(result.grid.y[row])
    )
    assert isinstance(found, Explanation)
    told = " ".join(text for line in found.lines for text in line)
    assert "other methods use" in told and "customers buy" in told
    for method in ("beccs-residue", "daccs-solid"):
        plan = found.methods[method].plan
        assert plan is not None
        if plan.shortfall > 1e-3:
            gap = sum(plan.charges.values()) - plan.worth
            assert gap == pytest.approx(plan.shortfall, rel=1e-3)

"""A study over milestones: one milestone is the plan of one year, several are a path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dated_study import GOAL, found, refused, write_dated

from cdrsite.core.errors import CdrsiteError, InfeasibleError
from cdrsite.network.milestones import times_of
from cdrsite.pathway.durable import lashof_share, moura_costa_share, offset_share
from cdrsite.place.curves import AgeCurve
from cdrsite.study.course import stock_held


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dated(tmp_path_factory.mktemp("world"))


def test_one_milestone_is_the_plan_of_one_year_byte_for_byte(world: Path) -> None:
    plain = found(world)
    dated = found(world, "milestones={years: [2030]}")
    assert sorted(map(str, dated.dataset.data_vars)) == sorted(map(str, plain.dataset.data_vars))
    for name, values in plain.dataset.data_vars.items():
        assert values.to_numpy().tobytes() == dated.dataset[name].to_numpy().tobytes(), name
    assert plain.summary == dated.summary
    for name, table in plain.tables.items():
        assert table.equals(dated.tables[name]), name


def test_targets_of_one_milestone_are_those_of_a_year(world: Path) -> None:
    plain = found(world, "objective={minimise: cost, target: 9 kt/yr}")
    dated = found(
        world,
        "objective={minimise: cost}",
        "milestones={years: [2030], targets: {removal: {2030: 9 kt/yr}}}",
    )
    for name in ("allocated", "net_removal", "plan_cost"):
        a, b = plain.dataset[name].to_numpy(), dated.dataset[name].to_numpy()
        assert a.tobytes() == b.tobytes()


def test_a_path_reaches_its_targets_in_tables_and_on_maps(world: Path) -> None:
    result = found(world, *GOAL)
    reached = result.tables["pathway"]
    assert reached["reached"].tolist() == [2000.0, 8000.0, 20000.0]
    assert reached["missed"].tolist() == [0.0, 0.0, 0.0]
    by_map = result.dataset["net_removal_at"].sum(("y", "x"))
    assert by_map.to_numpy() == pytest.approx([2000, 8000, 20000], rel=1e-6)
    assert by_map["milestone"].to_numpy().tolist() == [2030, 2040, 2050]
    built = result.tables["build_out"]
    net = built.groupby("year")["net_mt_yr"].sum()
    assert net.to_numpy() * 1e6 == pytest.approx([2000, 8000, 20000], rel=1e-6)
    # what is built is on the map of its method, and nowhere else
    codes = result.dataset["build_year"]
    for m, method in enumerate(result.methods):
        mine = built[built["method"] == method]
        some = (mine["built_gross_mt_yr"] > 0).to_numpy()
        on_map = set(np.unique(codes[m].to_numpy())) & {1, 2, 3}
        assert on_map <= {t + 1 for t in np.flatnonzero(some)}
    summary = result.summary["pathway"]
    when = times_of([2030, 2040, 2050], start=2025, after=20, rate=0.04)
    cost = built.groupby("year")["cost_musd_yr"].sum().to_numpy()
    assert summary["present_cost_musd"] == pytest.approx(float(when.worth @ cost))
    assert result.summary["objective"]["value"] == pytest.approx(1e6 * float(when.worth @ cost))
    assert result.summary["objective"]["gap"] <= 1e-5


def test_storage_fills_over_all_years_and_prices_are_of_their_year(world: Path) -> None:
    scarce = (*GOAL, "resources.storage.factor=0.05", "methods.afforestation.usable_land=0.01")
    result = found(world, *scarce, "milestones.missed={price: 900 USD/t}")
    filling = result.tables["storage_filling"]
    last = filling[filling["year"] == 2070]
    assert len(last) == 2
    assert (last["filled_mt"] <= last["capacity_mt"] * (1 + 1e-9)).all()
    rows = result.tables["pools_by_year"]
    pore = rows[rows["family"] == "pore space"].set_index("zone")
    assert last["filled_mt"].to_numpy() * 1e6 == pytest.approx(pore["use"].to_numpy(), rel=1e-6)
    reached = result.tables["pathway"]
    assert (reached["reached"] + reached["missed"]).to_numpy() == pytest.approx([2e3, 8e3, 2e4])
    if reached["missed"].sum() > 0:  # the dearest tonne costs what a missed one does
        short = reached[reached["missed"] > 0]
        assert short["price"].to_numpy() == pytest.approx(900.0, rel=1e-6)


@pytest.mark.slow
def test_supplies_of_a_year_limit_it_and_cheaper_plants_wait(world: Path) -> None:
    dac = ("methods.afforestation=null", "methods.beccs-residue=null", *GOAL)
    keep = tuple(one for one in dac if "=null" not in one)
    few = (*keep, "methods.afforestation.usable_land=0", "resources.biomass.collectable=0")
    plain = found(world, *few)
    scarce = found(world, *few, "milestones.supply={water: {2030: 0.05, 2050: 1}}",
                   "milestones.missed={price: 2000 USD/t}")  # fmt: skip
    rows = scarce.tables["pools_by_year"]
    water = rows[(rows["family"] == "water") & (rows["zone"] == "west")]
    assert water["supply"].to_numpy() == pytest.approx([6000.0, 63000.0, 120000.0])
    assert (water["use"] <= water["supply"] * (1 + 1e-9)).all()
    assert scarce.summary["objective"]["value"] >= plain.summary["objective"]["value"] - 1e-3
    cheaper = found(world, *few, "milestones.cost={daccs-solid: {2030: 1, 2050: 0.5}}")
    costs = [r.tables["build_out"].groupby("year")["cost_musd_yr"].sum() for r in (plain, cheaper)]
    assert costs[1].to_numpy()[0] == pytest.approx(costs[0].to_numpy()[0], rel=1e-6)
    assert costs[1].to_numpy()[2] < costs[0].to_numpy()[2]


def test_a_cleaner_grid_removes_more_of_each_tonne(world: Path) -> None:
    few = (*GOAL, "methods.afforestation.usable_land=0", "resources.biomass.collectable=0")
    result = found(world, *few, "milestones.intensity={2030: 1, 2050: 0.1}")
    built = result.tables["build_out"]
    mine = built[built["method"] == "daccs-solid"]
    factor = (mine["net_mt_yr"] / mine["gross_mt_yr"]).to_numpy()
    kwh = result.dataset["need"].sel(removal_method="daccs-solid", resource="electricity").item()
    assert np.diff(factor) == pytest.approx(kwh * 0.3 / 1000 * np.array([0.45, 0.45]), rel=1e-4)


def test_growth_is_limited_and_a_conflict_names_it_with_its_year(world: Path) -> None:
    few = (*GOAL, "methods.afforestation.usable_land=0", "resources.biomass.collectable=0")
    slow = (*few, "milestones.growth={daccs-solid: {rate: 10 %, seed: 0.3 kt/yr}}")
    with pytest.raises(InfeasibleError) as caught:
        found(world, *slow)
    text = str(caught.value)
    assert "growth of daccs-solid 20" in text
    assert "removal 20" in text
    assert "loosen" in text


def test_more_than_one_number_of_a_forest(world: Path) -> None:
    """Flow in the year, stock that stands, and the durable equivalent; never one."""
    result = found(
        world, *GOAL, "milestones.targets.durable={2050: 12 kt/yr}",
        "milestones.durability={rule: expected, horizon: 100 yr}",
    )  # fmt: skip
    built = result.tables["build_out"]
    forest = built[(built["method"] == "afforestation") & (built["year"] == 2050)].iloc[0]
    hazard = -np.log(forest["durable_mt_yr"] / forest["net_mt_yr"]) / 100
    assert hazard == pytest.approx(0.005)
    assert forest["held_mt"] > forest["net_mt_yr"] * 10
    reached = result.tables["pathway"].set_index(["ledger", "year"])["reached"]
    assert reached["durable removal", 2050] >= 12e3 * (1 - 1e-9)


def test_stock_that_stands_is_the_mean_over_the_ages_planted() -> None:
    curve, years = AgeCurve(0.08, 2.0, 30.0), [2030.0, 2040.0, 2050.0, 2060.0]
    held = stock_held(curve, years, 2020.0)[0]
    # the digits were worked out year by year; the mean over all ages differs by less than 2e-5
    assert held == pytest.approx([4.431766, 17.493861, 26.937278, 31.902105], rel=2e-5)
    grown = 10 - 2 * (1 - np.exp(-0.8)) / 0.08 + (1 - np.exp(-1.6)) / 0.16
    assert held[0] == pytest.approx(grown / 10 * 30 / (1 - np.exp(-2.4)) ** 2, rel=1e-12)
    assert stock_held(None, years, 2020.0)[0].tolist() == [5.0, 15.0, 25.0, 35.0]


def test_worth_of_a_tonne_that_comes_back() -> None:
    assert lashof_share(40, 100) == pytest.approx(0.331184, abs=1e-6)
    assert moura_costa_share(40, 100) == pytest.approx(0.764009, abs=1e-6)
    assert moura_costa_share(1000, 100) == 1.0
    assert lashof_share(1000, 100) == 1.0
    assert offset_share(50, 0.01) == pytest.approx(0.393469, abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        (("milestones={years: [2040, 2030]}",), ("years do not rise", "2040 before 2030")),
        (("milestones={years: [2030], start: 2031}",), ("milestones.start", "2031")),
        (
            ("milestones={years: [2030], targets: {removal: {2035: 1}}}",),
            ("no milestone", "2035", "add it to milestones.years"),
        ),
        (
            ("milestones={years: [2030, 2040]}", "objective={minimise: cost}"),
            ("the least cost of nothing", "milestones.targets"),
        ),
        (
            ("milestones={years: [2030, 2040]}", "objective={target: 9 kt/yr}"),
            ("objective.target", "milestones.targets.removal"),
        ),
        (("milestones={years: [2030], cost: {beech: {2030: 1}}}",), ("beech", "milestones.cost")),
        (
            ("milestones={years: [2030], supply: {biomass: {2030: 1}}}",),
            ("milestones.supply.biomass", "no supply in pools"),
        ),
        (
            ("milestones={years: [2030], supply: {water: {2030: 0}}}",),
            ("nothing is left at the last milestone",),
        ),
        (
            ("milestones={years: [2030], first: {afforestation: 2040}}",),
            ("never ready", "milestones.first.afforestation"),
        ),
        (("milestones={years: [2030], missed: {price: 9}}",), ("nothing can be missed",)),
        (
            ("milestones={years: [2030, 2040]}", "uncertainty={samples: 4}"),
            ("samples are of a plan of one year", "remove one of the two"),
        ),
        (
            ("milestones={years: [2030], durability: {rule: offset}}",),
            ("discount belongs to rule: offset", "give discount"),
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_cure(
    world: Path, settings: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    text = refused(world, *settings)
    for part in parts:
        assert part in text


def test_power_that_one_method_gives_another_in_a_cell_is_refused(world: Path) -> None:
    local = "resources.power={value: 2 GWh/yr, per: cell}"
    with pytest.raises(CdrsiteError, match="not planned over milestones"):
        found(world, *GOAL, local)

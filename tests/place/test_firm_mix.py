"""Firm power of a zone: the cheapest mix to its digits, and a study that reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from power_hours import mean_days, with_dark_days, write_hours
from tiny_scenario import SCENARIO, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.annuity import crf
from cdrsite.core.errors import CdrsiteError, ConfigError, DataError, SolverError
from cdrsite.place.firm_mix import PowerCosts, PowerRules, TypicalDays, cheapest_mix
from cdrsite.place.own_mix import read_hours
from cdrsite.study.run import run

pytestmark = [
    pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning"),
    pytest.mark.usefixtures("without_slopes"),
]
RATE = 0.06
COSTS = PowerCosts(
    pv=600 * float(crf(RATE, 25)) + 10, wind=1200 * float(crf(RATE, 25)) + 30,
    store=200 * float(crf(RATE, 15)), converter=100 * float(crf(RATE, 15)) + 2, efficiency=0.92,
    grid=0.07, grid_emissions=0.5, pv_emissions=0.040, wind_emissions=0.012, pv_land=20.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("share", "pv", "wind", "store", "converter", "price", "own", "curtailed", "land", "kg"),
    [
        (0.00, 0.719874, 2.259008, 0, 0, 46.453099, 42.606044, 0.042057, 14.397487, 0.085869),
        (0.90, 0.743686, 2.438414, 0.171413, 0.047689, 46.784251, 44.204723, 0.061773, 14.873710,
         0.066571),
        (0.95, 0.781621, 2.740536, 0.655458, 0.134314, 49.062487, 47.960513, 0.106461, 15.632427,
         0.043099),
        (1.00, 1.642829, 2.425373, 4.912788, 0.755342, 57.582978, 57.582978, 0.134619, 32.856589,
         0.025235),
    ],
)  # fmt: skip
def test_the_cheapest_mix_for_a_share(
    share, pv, wind, store, converter, price, own, curtailed, land, kg
) -> None:
    mix = cheapest_mix(mean_days(), COSTS, share)
    sizes = [mix.pv, mix.wind, mix.store, mix.converter]
    assert sizes == pytest.approx([pv, wind, store, converter], abs=1e-6)
    assert 1000 * mix.price == pytest.approx(price, abs=1e-6)
    assert 1000 * mix.own_price == pytest.approx(own, abs=1e-6)
    assert [mix.curtailed, mix.emissions] == pytest.approx([curtailed, kg], abs=1e-6)
    assert mix.land == pytest.approx(land, abs=1e-5)


def test_direct_connection_binds_what_is_sold() -> None:
    sold = replace(COSTS, export=0.03)
    mix = cheapest_mix(mean_days(), sold, 0.0, PowerRules(0.35, 0.60, 0.20))
    assert [mix.pv, mix.wind, mix.store] == pytest.approx([1.465509, 2.463771, 0], abs=1e-6)
    assert 1000 * mix.price == pytest.approx(43.468044, abs=1e-6)
    assert mix.exported == pytest.approx(0.2)
    assert mix.emissions == pytest.approx(0.066268, abs=1e-6)
    with pytest.raises(ConfigError, match=r"sold without a bound.*cure: give most_exported"):
        cheapest_mix(mean_days(), sold, 0.0)


def test_calm_weeks_decide_what_the_last_hours_cost() -> None:
    dark = with_dark_days(mean_days())
    prices = [1000 * cheapest_mix(dark, COSTS, share).price for share in (0.95, 0.99, 1.0)]
    assert prices == pytest.approx([50.687687, 65.612238, 240.756925], abs=1e-6)


def test_days_without_any_output_cannot_be_served() -> None:
    none = TypicalDays(np.zeros((1, 24)), np.zeros((1, 24)), np.array([365.0]))
    with pytest.raises(SolverError, match=r"no mix.*cure: a smaller share"):
        cheapest_mix(none, COSTS, 1.0)


OWN = (
    "methods.daccs-solid.own_power={firm_share: 0.9, technology: pv-wind, hours: hours.csv, "
    "zone: {cover: {10: sunny, 50: sunny, 80: dim}}}"
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_world(tmp_path_factory.mktemp("firm"), SCENARIO)
    days = mean_days()
    dim = TypicalDays(0.5 * days.pv, days.wind, days.days)
    write_hours(path.parent / "hours.csv", {"sunny": days, "dim": dim})
    return path


@pytest.mark.slow
def test_a_study_reads_land_price_and_emissions_of_each_zone(world: Path) -> None:
    result = run(load_scenario(world, [OWN]))
    table = result.tables["firm_power"].set_index("zone")
    assert table["own_share"].tolist() == pytest.approx([0.9, 0.9])
    assert table.loc["dim", "price_usd_mwh"] > table.loc["sunny", "price_usd_mwh"]
    numbers = result.dataset
    cost = numbers["cost_at_plant"].sel(removal_method="daccs-solid").to_numpy()
    cover = np.full((6, 8), 10)
    cover[0, :3], cover[:, 7] = 50, 80
    seen = np.isfinite(cost)
    kwh = 720.0
    gap = cost[seen & (cover == 80)].mean() - cost[seen & (cover == 10)].mean()
    dearer = (table.loc["dim", "price_usd_mwh"] - table.loc["sunny", "price_usd_mwh"]) / 1000
    land = numbers["need_land"].sel(removal_method="daccs-solid").to_numpy()
    assert np.nanmax(land[cover == 80]) > np.nanmax(land[cover == 10])
    assert gap >= kwh * dearer * 0.99
    assert gap < kwh * dearer * 1.1  # land is dearer too, by a little


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ("{hours: hours.csv}", r"firm_share: hours without the share.*cure: give firm_share"),
        ("{firm_share: 0.9, hours: hours.csv, pv_yield: slope}", r"pv_yield beside hours"),
        ("{firm_share: 0.9, zone: {cover: {10: sunny}}}", r"zone: zones of no hours.*give hours"),
        ("{firm_share: 0.9, hours: hours.csv}", r"which zone is where.*sunny, dim.*cure"),
        ("{firm_share: 0.9, hours: hours.csv, zone: {cover: {10: x}}}", r"got x; expected some of"),
    ],
)
def test_hours_that_do_not_fit_are_refused(world: Path, own: str, said: str) -> None:
    with pytest.raises(CdrsiteError, match=said):
        run(load_scenario(world, [f"methods.daccs-solid.own_power={own}"]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("zone,day,hour,pv,wind\n", r"columns are missing.*cure: add days"),
        ("zone,day,days,hour,pv,wind\na,1,365,24,0,0\n", r"line 2: not an hour"),
        ("zone,day,days,hour,pv,wind\na,1,365,0,x,0\n", r"line 2: not an hour"),
        ("zone,day,days,hour,pv,wind\na,1,365,0,0.1,0\n", r"zone a: .*day 1 without all hours"),
    ],
)
def test_tables_of_hours_that_are_wrong_are_refused(text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_hours(text, "hours.csv")


def test_days_that_make_no_year_are_refused(tmp_path: Path) -> None:
    short = replace(mean_days(), days=np.full(12, 30.0))
    text = write_hours(tmp_path / "hours.csv", {"a": short}).read_text("utf-8")
    with pytest.raises(DataError, match=r"360 days.*expected 24 hours of each day"):
        read_hours(text, "hours.csv")

"""Water by month: rows of the months that can bind are as good as those of all twelve."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from dated_study import GOAL, write_dated
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from tiny_scenario import SCENARIO, box, write_polygons, write_world

from cdrsite.competition.captured import Captures
from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.objectives import Objective
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    ArrayCells,
    Competitor,
    PolicyRow,
    Problem,
    RowTerm,
    SinkFamily,
)
from cdrsite.competition.rows import build_rows
from cdrsite.config.load import load_scenario
from cdrsite.core.errors import ConfigError, DataError
from cdrsite.core.words import Words
from cdrsite.methods.monthly import FLAT, least_year, left_to_take, shares_of
from cdrsite.methods.supply import Pools
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.report.frame import Frame
from cdrsite.report.months import months
from cdrsite.report.shared import row_price, row_size
from cdrsite.study.kinds import prices_paid
from cdrsite.study.months import binding_months, month_rows
from cdrsite.study.run import run

pytestmark = [
    pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning"),
    pytest.mark.usefixtures("without_slopes"),
]

ONE_PROFILE = [1.0, 1.2, 2.0, 3.5, 5.0, 4.0, 2.5, 1.5, 1.1, 0.8, 0.8, 0.9]
SUPPLY = [1.0, 1.2, 2.0, 3.5, 5.0, 1.5, 0.9, 1.2, 1.1, 0.8, 0.8, 0.9]
"""Water that may be taken in each month [Mm3]."""
SUMMER = [1, 1, 1, 1, 1.2, 1.4, 1.5, 1.4, 1.0, 0.8, 0.8, 0.9]
NATURAL = [1.6, 1.9, 3.0, 5.0, 7.2, 5.8, 3.7, 2.3, 1.7, 1.4, 1.4, 1.5]


def pool(months: list[list[float]], **profiles: list[float]) -> Pools:
    given, count = np.array(months, np.float64), len(months)
    return Pools(
        "water", "basins", tuple(f"basin {i}" for i in range(count)), least_year(given, FLAT),
        np.ones(count), {}, given, {name: shares_of(one) for name, one in profiles.items()},
    )  # fmt: skip


def solved(pools: Pools, needs: dict[str, float], worth: dict[str, float]):
    """The most value of methods that only water limits, one cell for each pool."""
    methods, count = list(needs), len(pools.names)
    cells = ArrayCells(
        land=np.full(count, 1e9), upper=np.full((len(methods), count), 1e6),
        net=np.ones((len(methods), 1)), cost=np.zeros((len(methods), 1)),
        need=np.zeros((len(methods), 1)), zone_ids={"water": np.arange(count, dtype=np.int32)},
    )  # fmt: skip
    problem = Problem(
        cells=cells, methods=tuple(Competitor(name, 0.0) for name in methods),
        pools=tuple(month_rows(pools, needs)),
    )  # fmt: skip
    terms = tuple(RowTerm("gross", worth[name], (name,)) for name in methods)
    return solve(problem, Objective("value", terms, "USD/yr"), SolverOptions(gap=1e-9))


def whole(pools: Pools, needs: dict[str, float], worth: dict[str, float]):
    """The same with a row for every month of every pool, by HiGHS."""
    value = 0.0
    for supply in pools.months:
        rows = np.array([pools.share_of(name) * need for name, need in needs.items()]).T
        found = linprog(
            [-worth[name] for name in needs], A_ub=rows, b_ub=supply, bounds=(0, 1e6),
            method="highs",
        )  # fmt: skip
        value -= found.fun
    return value


def test_constant_load_takes_what_the_driest_month_has() -> None:
    dry = pool([ONE_PROFILE])
    rows = month_rows(dry, {"dac": 3.0})
    assert len(rows) == 1  # the row of a year, with another supply
    found = solved(dry, {"dac": 3.0}, {"dac": 1.0})
    assert sum(ONE_PROFILE) / 3.0 == pytest.approx(8.1)
    assert found.report.value == pytest.approx(3.2, abs=1e-9)


def test_two_profiles_keep_two_months() -> None:
    two = pool([SUPPLY], liquid=SUMMER)
    needs, worth = {"solid": 3.0, "liquid": 4.8}, {"solid": 1.0, "liquid": 1.5}
    kept = binding_months(two.months[0], np.stack([FLAT, shares_of(SUMMER)]))
    assert (np.flatnonzero(kept) + 1).tolist() == [7, 10]
    found = solved(two, needs, worth)
    assert found.report.value == pytest.approx(3.323214, abs=1e-6)
    x = found.totals.by_combo[:, :, 0].sum(axis=0)
    assert x == pytest.approx([2.742857, 0.386905], abs=1e-6)
    price = {row.zone: p for row, p in zip(found.system.rows, found.price, strict=True)}
    assert price["basin 0: month 7"] == pytest.approx(1.232143, abs=1e-6)
    assert price["basin 0: month 10"] == pytest.approx(2.767857, abs=1e-6)
    # the tightest month alone takes 1.5 Mm3 of the 0.9 of July; the year says twice as much
    share = shares_of(SUMMER)
    of_october = (SUPPLY[9] / share[9] / 4.8) * 1.5, SUPPLY[9] / FLAT[9] / 3.0
    assert max(of_october) == pytest.approx(4.0625)
    # what a method pays is each month's price by its part of the need
    for name, each in (("solid", FLAT), ("liquid", share)):
        paid = prices_paid(found, "water", two.names, {}, each)[0]
        assert paid * needs[name] == pytest.approx(worth[name], abs=1e-6)


def test_what_stays_in_the_river() -> None:
    natural = np.array([NATURAL])
    assert natural.mean() == pytest.approx(3.041667, abs=1e-6)
    variable = left_to_take(natural, "variable")[0]
    assert variable.min() == pytest.approx(0.77)
    assert (np.flatnonzero(np.isclose(variable, 0.77)) + 1).tolist() == [10, 11]
    assert left_to_take(natural, 0.3)[0].min() == pytest.approx(0.4875)
    assert left_to_take(natural, None)[0].tolist() == NATURAL
    # high above 0.8, low up to 0.4 of the mean, and what others take comes off
    low = left_to_take(np.array([[1.0] * 6 + [9.0] * 6]), "variable", used=0.1)[0]
    assert low[0] == pytest.approx(1.0 * 0.4 - 0.1)
    assert low[-1] == pytest.approx(9.0 * 0.7 - 0.1)
    assert left_to_take(natural, 0.3, used=9.0).max() == 0.0


amounts = st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0])
weights = st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0]), min_size=12, max_size=12)


@settings(max_examples=examples(40), deadline=None)
@given(
    months=st.lists(st.lists(amounts, min_size=12, max_size=12), min_size=1, max_size=3),
    profiles=st.lists(weights.filter(any), min_size=1, max_size=3),
    needs=st.lists(st.sampled_from([0.5, 1.0, 3.0]), min_size=4, max_size=4),
    worth=st.lists(st.sampled_from([1.0, 1.5, 2.5]), min_size=4, max_size=4),
)
def test_the_months_that_are_kept_are_as_good_as_all_twelve(months, profiles, needs, worth) -> None:
    named = {f"m{i}": one for i, one in enumerate(profiles)}
    names = [*named, "flat"]
    each = dict(zip(names, needs, strict=False))
    paid = dict(zip(names, worth, strict=False))
    given = pool(months, **named)
    found = solved(given, each, paid).report.value
    assert found == pytest.approx(whole(given, each, paid), rel=1e-7, abs=1e-7)


def test_months_that_say_the_same_are_kept_once() -> None:
    kept = binding_months(np.full(12, 2.0), np.stack([FLAT, FLAT]))
    assert np.flatnonzero(kept).tolist() == [0]
    dry = np.array([0.0, *[1.0] * 11])
    assert np.flatnonzero(binding_months(dry, FLAT[None])).tolist() == [0]
    none_then = shares_of([0.0, *[1.0] * 11])
    assert not binding_months(dry, none_then[None])[0]


MONTHLY = f"months: [{', '.join(['water_m3'] * 12)}]"
REFUSED = {
    "pools: basins, unit: m3, months: [water_m3, water_m3]": r"months: not twelve months; got 2",
    f"pools: basins, unit: m3/yr, {MONTHLY}": r"is an amount, not a rate; got 'm3/yr'",
    f"pools: basins, unit: m3, supply: water_m3, {MONTHLY}": r"in place of supply.*cure: remove",
    f"unlimited: true, {MONTHLY}": r"columns of pools.*cure: give pools",
    "pools: basins, supply: water_m3, unit: m3/yr, environmental_flow: variable": r"give months",
    f"pools: basins, unit: m3, {MONTHLY}, profiles: {{beech: [{', '.join('1' * 12)}]}}": r"beech",
    f"pools: basins, unit: m3, {MONTHLY}, profiles: {{daccs-solid: [{', '.join('0' * 12)}]}}": (
        r"no need in any month"
    ),
    f"pools: basins, unit: m3, {MONTHLY}, used: [water_m3]": r"used: not twelve months",
}


@pytest.mark.parametrize("water", list(REFUSED))
def test_water_by_month_that_makes_no_sense_is_refused(world: Path, water: str) -> None:
    with pytest.raises(ConfigError, match=REFUSED[water]):
        load_scenario(world, [f"resources.water={{{water}}}"])


def test_a_month_without_a_number_is_refused_with_the_pool(tmp_path: Path) -> None:
    world = write_world(tmp_path, SCENARIO)
    write_polygons(tmp_path / "bad.gpkg", [box(0, 0, 8, 6)], name=["sea"], a=[1.0], b=[-1.0])
    months = ", ".join(["a"] * 11 + ["b"])
    with pytest.raises(DataError, match=r"column b: pools without a supply.*; got sea"):
        run(load_scenario(world, [
            "layers.bad={path: bad.gpkg}",
            f"resources.water={{pools: bad, name: name, unit: m3, months: [{months}]}}",
        ]))  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("months"), SCENARIO)


def test_months_alike_are_the_plan_of_a_year(world: Path) -> None:
    plain = run(load_scenario(world))
    monthly = (
        f"resources.water={{pools: basins, name: name, unit: m3, {MONTHLY}, factor: {1 / 12!r}}}"
    )
    dated = run(load_scenario(world, [monthly]))
    for name in ("allocated", "net_removal", "winner", "binding"):
        a, b = (one.dataset[name].to_numpy() for one in (plain, dated))
        assert np.allclose(a, b, rtol=1e-6, equal_nan=True), name
    by_year, by_month = (one.tables["pools"].query("family == 'water'") for one in (plain, dated))
    assert by_month["zone"].tolist() == by_year["zone"].tolist()
    assert by_month["supply"].to_numpy() == pytest.approx(by_year["supply"].to_numpy())
    assert by_month["price"].to_numpy() == pytest.approx(by_year["price"].to_numpy())


SEASON = "daccs-solid: [1, 1, 1, 1, 2, 3, 4, 3, 2, 1, 1, 1]"
DRY = (
    "resources.biomass.collectable=0.2", "resources.power={unlimited: true, intensity: 20 g/kWh}",
    f"resources.water={{pools: basins, name: name, unit: m3, {MONTHLY}, factor: 0.001, "
    f"profiles: {{{SEASON}}}}}",
)  # fmt: skip


def test_a_study_keeps_to_the_water_of_each_month(world: Path) -> None:
    """No month is overdrawn, and the table of months says what binds and why."""
    result = run(load_scenario(world, DRY))
    table = result.tables["pools_by_month"]
    assert len(table) == 24
    assert (table["use"] <= table["supply"] * (1 + 1e-6)).all()
    bound = table[table["binds"]]
    assert len(bound)
    assert bound["use"].to_numpy() == pytest.approx(bound["supply"].to_numpy(), rel=1e-6)
    assert set(bound["month"]) == {7}  # the season's peak, where all months have the same water
    gross = result.tables["methods"].set_index("method")["gross_mt_yr"] * 1e6
    need = result.dataset["need"].sel(resource="water").to_series()
    taken = sum(
        gross[name] * need[name] * (shares_of([1, 1, 1, 1, 2, 3, 4, 3, 2, 1, 1, 1])[6]
                                    if name == "daccs-solid" else FLAT[6])
        for name in gross.index if np.isfinite(need[name])
    )  # fmt: skip
    assert table[table["month"] == 7]["use"].sum() == pytest.approx(taken, rel=1e-6)


def test_milestones_keep_to_the_water_of_each_month(tmp_path: Path) -> None:
    path = write_dated(tmp_path)
    more = ("milestones.missed={price: 900 USD/t}",
            "milestones.supply={water: {2030: 0.5, 2050: 1}}")  # fmt: skip
    result = run(load_scenario(path, (*GOAL, *DRY, *more)))
    rows = result.tables["pools_by_year"]
    july = rows[(rows["family"] == "water") & rows["zone"].str.endswith(": month 7")]
    assert sorted(set(july["year"])) == ["2030", "2040", "2050"]
    assert (july["use"] <= july["supply"] * (1 + 1e-6)).all()
    each = july.groupby("year")["supply"].sum()
    assert each["2030"] / each["2050"] == pytest.approx(0.5)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_report_names_the_month_that_decides(world: Path, tmp_path: Path, lang: str) -> None:
    folder = run(load_scenario(world, DRY)).write(tmp_path / "run")
    frame = Frame(RunFolder(folder), Words(lang))
    page = months(frame)
    assert frame.words("month.7") in page
    assert not re.search(r">months?\.\w", page)
    assert frame.words.zone("west: month 7") == frame.words(
        "months.row", pool="west", month=frame.words("month.7")
    )
    assert frame.words.zone("west") == "west"


def test_a_price_of_a_month_is_told_by_the_unit_in_that_month() -> None:
    words = Words()
    assert row_price("west: month 7", "USD per m3", words) == (1.0, "USD per m³ in that month")
    assert row_price("west", "USD per m3", words) == (1e3, "USD per 1\u202f000 m³")
    assert row_size("west: month 7", "m3/yr", 8e3) == (1.0, "m3")
    assert row_size("west: month 7", "m3/yr", 8e6) == (1e6, "Mm3")
    assert row_size("west", "m3/yr", 8e6) == (1e6, "Mm3/yr")
    assert all(Words(lang).has("unit.Mm3") for lang in ("en", "zh"))


def test_emitters_draw_on_every_month_alike() -> None:
    """A twelfth of their water is in the row of each month, and none in a row of policy."""
    two = pool([SUPPLY, ONE_PROFILE], liquid=SUMMER)
    families = month_rows(two, {"liquid": 4.8}, emitters=True)
    assert len(families) == 3  # the year, and the months of which one or the other is tighter
    cells = ArrayCells(
        land=np.full(2, 1e9), upper=np.full((1, 2), 1e6), net=np.ones((1, 1)),
        cost=np.zeros((1, 1)), need=np.zeros((1, 1)),
        zone_ids={"water": np.arange(2, dtype=np.int32)},
    )  # fmt: skip
    captures = Captures(
        ("mill",), np.array([5.0]), np.ones(1), np.array([[0]]), np.zeros((1, 1)),
        np.zeros((1, 1)), np.zeros(1), zones={"water": np.array([1])},
        needs={"water": np.array([2.4])},
    )  # fmt: skip
    problem = Problem(
        cells=cells, methods=(Competitor("liquid", 0.0),), pools=tuple(families), n_sinks=1,
        sinks=(SinkFamily("room", "t/yr", ("deep",), np.array([100.0])),), captures=captures,
        policies=(PolicyRow("least", (RowTerm("net"),), ">=", 0.5, "t/yr"),),
    )  # fmt: skip
    system = build_rows(problem)
    sold = system.sales
    weight = {
        system.rows[r].name: w for r, w in zip(sold.row.tolist(), sold.weight.tolist(), strict=True)
    }
    months = {name: w for name, w in weight.items() if name.startswith("water: basin 1: ")}
    assert months
    assert all(w == pytest.approx(2.4 / 12) for w in months.values())
    assert weight["water: basin 1"] == pytest.approx(2.4)
    assert weight["least"] == pytest.approx(1.0)
    assert weight["room: deep"] == pytest.approx(1.0)

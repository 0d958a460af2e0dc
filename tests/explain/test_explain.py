"""Explanations of single places: words by hand, and charges against the solver's own."""

from __future__ import annotations

import io
import json
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from tiny_study import METHODS, RULES, tiny_dataset, tiny_grid, tiny_result
from typer.testing import CliRunner

from cdrsite.cli.main import app
from cdrsite.competition.results import LEAST_SHORT
from cdrsite.config.load import load_scenario
from cdrsite.core.errors import ConfigError, GridError
from cdrsite.core.grid import AnalysisGrid
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.core.words import Words
from cdrsite.engine.passes import Workspace
from cdrsite.explain.cells import CHARGES, VERDICTS, Evidence, methods_of, reason_of
from cdrsite.explain.facts import Fact, filled, significant
from cdrsite.explain.lines import amount
from cdrsite.explain.place import Explanation, explain_place, explain_run, parse_place
from cdrsite.study.assemble import assemble
from cdrsite.study.cells import score
from cdrsite.study.compete import compete, lay_out
from cdrsite.study.exclude import exclude
from cdrsite.study.gathering import gather
from cdrsite.study.offers import in_workspace, spread_areas
from cdrsite.study.prepare import prepare
from cdrsite.study.routes import link_storage, open_links
from cdrsite.testing.charges import explain_cell

ROOT = Path(__file__).resolve().parents[2]


HERE = (0, 3)
"""A cell of the tiny study where both methods are possible and the first is not in the plan."""


def planned(**changes: float) -> xr.Dataset:
    """The tiny study with a plan's evidence, the same in every cell; changes are of the first."""
    dataset = tiny_dataset(tiny_grid())
    shape = dataset["limit"].shape
    given = {
        "usable_land": 5e5, "need_land": 100.0, "net_at_plant": 0.9, "cost_at_plant": 400.0,
        "sink": 0, "sink_cost": 5.0, "sink_loss": 0.0, "shortfall": 0.3, "allocated": 0.0,
        **{name: value for name, value in changes.items() if name not in {"land_price", "worth"}},
    }  # fmt: skip
    for name, value in given.items():
        values = np.full(shape, value, np.int32 if name == "sink" else np.float32)
        dataset[name] = (("removal_method", "y", "x"), values)
    price = np.full(shape[1:], changes.get("land_price", 0.01), np.float32)
    dataset["land_price"] = (("y", "x"), price)
    dataset["pool_water"].attrs["prices"] = [0.0, 0.2 / 3]
    names = {"labels": ["Deep Aquifer"], "prices": [0.0], "storage_cost": [4.0]}
    dataset["pool_storage"] = (("y", "x"), np.zeros(shape[1:], np.int32), names)
    dataset["transport_km"] = (("y", "x"), np.full(shape[1:], 64.5, np.float32))
    needs = np.full((2, len(RESOURCES)), np.nan)
    needs[0, list(RESOURCES).index("water")] = 3.0
    dataset["need"] = (("removal_method", "resource"), needs)
    worth = [0.0, changes.get("worth", 1.0), 0.0, 0.0]
    dataset["worth"] = (("removal_method", "quantity"), np.array([worth, worth]))
    for name, values in (("stored_share", [1.0, 0.0]), ("exclusive_share", [1.0, 1.0])):
        dataset[name] = (("removal_method",), np.array(values))
    parts = {
        "capital": 270.0,
        "heat_pump": 30.0,
        "variable_om": 60.0,
        "land": 0.5,
        "transport": 0.0,
        "storage": 0.0,
    }
    parts |= {"revenue": -10.0}
    basis = [[1 if part == "land" else 0 for part in parts]] * 2
    dims = ("removal_method", "cost_part")
    dataset["cost_coefficient"] = (dims, np.array([list(parts.values())] * 2))
    dataset["cost_basis"] = (dims, np.array(basis, np.uint8), {"labels": ["", "need_land"]})
    dataset = dataset.assign_coords(resource=list(RESOURCES), cost_part=list(parts))
    dataset.attrs["objective_unit"] = "t/yr"
    return dataset


def said(lang: str = "en", power: float = np.nan, **changes: float) -> dict[str, str]:
    """What is said of the first method at a place: title -> text."""
    grid, dataset = tiny_grid(), planned(**changes)
    at = float(grid.x[HERE[1]]), float(grid.y[HERE[0]])
    dataset["need"][0, list(RESOURCES).index("electricity")] = power
    found = explain_place(dataset, grid, *at, Words(lang))
    return dict(found.methods[METHODS[0]].lines)


def test_a_method_too_dear_says_what_would_have_to_change() -> None:
    lines = said()
    # land charges 1.0 for 100 m2 and water 0.2 for 3 m3: 0.3 of 1.0 too much
    assert lines["In the plan"] == (
        "Not used: each gross tonne here would cost the plan 0.30 t. A gross tonne is worth 0.900 "
        "t to the plan; most of what it pays for scarce things is 1.0 t for land. To be chosen, a "
        "gross tonne would have to bring 0.30 t more, or need 30\u202f% less of land."
    )
    assert lines["What it costs"] == (
        "Costs 450 USD per net tonne, with transport and storage. That is made up of, in USD: "
        "capital 300, heat pumps 33.3, variable O&M 66.7, land 55.6, CO₂ transport 1.11, "
        "CO₂ storage 4.44, sale of power −11.1. Its CO₂ would go to Deep Aquifer, 64.5 km away."
    )
    assert lines["What it needs"] == (
        "A gross tonne needs land 100 m², water 3.00 m³, CO₂ storage 1.00 t."
    )
    assert "少需要 30\u202f% 的土地" in said("zh")["在方案中"]


def test_what_is_used_or_tied_needs_no_cure() -> None:
    used = said(allocated=2500.0, shortfall=0.0)["In the plan"]
    assert used.startswith(
        "Used: 2\u202f500 t/yr gross, 50\u202f% of what its land here would hold."
    )
    assert "To be chosen" not in used
    tied = said(shortfall=0.0)["In the plan"]
    assert "as good as what is" in tied and "To be chosen" not in tied
    assert "adds nothing" in said(worth=-0.1, shortfall=0.0, land_price=0.0)["In the plan"]
    assert said(shortfall=np.nan)["In the plan"].startswith("Not used: nothing of it fits here.")


def test_a_loss_for_the_sake_of_others_is_no_worth() -> None:
    """What gives power to others and pays for nothing itself is worth it to them."""
    at_a_loss = {"allocated": 2500.0, "shortfall": 0.0, "worth": -120.0}
    text = said(power=-800.0, **at_a_loss)["In the plan"]
    assert text.endswith(
        "By itself a gross tonne takes 110 t from the plan; it runs for the electricity that "
        "other methods use."
    )
    assert "is worth" not in text
    assert (
        "单独来看，每毛吨使方案减少 110 吨；采用它是为了供给其他方法所用的电力。"
        in (said("zh", power=-800.0, **at_a_loss)["在方案中"])
    )
    # who takes power is not said to give it, nor who gains by what it gives to lose
    assert "other methods use" not in said(power=800.0, **at_a_loss)["In the plan"]
    gains = said(power=-800.0, allocated=2500.0, shortfall=0.0)["In the plan"]
    assert "is worth 0.900 t to the plan" in gains and "other methods use" not in gains


def test_one_resource_alone_may_not_be_enough() -> None:
    text = said(land_price=0.007, shortfall=0.8)["In the plan"]
    assert "even without land it would not be chosen" in text


def test_the_dearest_charge_names_its_place() -> None:
    """Of pools and storage units the one whose price it is."""
    text = said(land_price=0.0, shortfall=0.05)["In the plan"]
    assert (
        "is 0.20 t for water (lower <b>basin</b>)" in text
        and "need 25\u202f% less of water" in text
    )


def test_parts_of_a_cost_add_up_to_it() -> None:
    grid = tiny_grid()
    at = float(grid.x[HERE[1]]), float(grid.y[HERE[0]])
    plan = explain_place(planned(), grid, *at).methods[METHODS[0]].plan
    assert plan is not None
    parts = plan.parts_usd_per_net_t
    assert parts["storage"] == pytest.approx(4 / 0.9) and parts["transport"] == pytest.approx(
        1 / 0.9
    )
    assert sum(parts.values()) == pytest.approx(plan.cost_usd_per_net_t) == pytest.approx(450.0)


@pytest.mark.parametrize("text", ["", "7", "a,b", "1,2,3", "200,10", "10,95"])
def test_a_place_is_two_numbers_in_range(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_place(text)
    assert parse_place("-70.5, -23") == (-70.5, -23.0)


def test_refusals_of_the_command_line(tmp_path: Path) -> None:
    run = tiny_result(tmp_path).write(tmp_path / "run")
    with pytest.raises(ConfigError, match="not the folder of a run"):
        explain_run(tmp_path, 5.5, 50.0)
    with pytest.raises(GridError, match="outside the grid"):
        explain_run(run, 100.0, 30.0)
    from pyproj import Transformer

    grid = tiny_grid()
    back = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    with pytest.raises(GridError, match="outside the region"):
        explain_run(run, *back.transform(grid.x[0], grid.y[0]))
    lon, lat = back.transform(grid.x[1], grid.y[2])
    shown = CliRunner().invoke(app, ["explain", str(run), "--at", f"{lon},{lat}"])
    assert shown.exit_code == 0 and RULES[1] in shown.output
    assert "Solid-sorbent air capture" in shown.output
    shown = CliRunner().invoke(app, ["explain", str(run), "--at", f"{lon},{lat}", "--lang", "zh"])
    assert "已排除：" in shown.output and "直接空气捕集（固体吸附剂）" in shown.output
    shown = CliRunner().invoke(app, ["explain", str(run), "--at", f"{lon},{lat}", "--json"])
    assert json.loads(shown.output)["methods"][METHODS[0]]["state"] == "excluded"


def test_many_places_come_as_text_table_and_json(tmp_path: Path) -> None:
    from pyproj import Transformer

    run, grid = tiny_result(tmp_path).write(tmp_path / "run"), tiny_grid()
    back = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    (a, b), (c, d) = (back.transform(grid.x[i], grid.y[2]) for i in (1, 2))
    points = tmp_path / "points.csv"
    points.write_text(f"lat,lon,name\n{b},{a},first\n{d},{c},\n", encoding="utf-8")

    def ask(*options: str) -> tuple[int, str]:
        shown = CliRunner().invoke(app, ["explain", str(run), *options])
        refused = isinstance(shown.exception, ConfigError | GridError)
        return shown.exit_code, str(shown.exception) if refused else shown.output

    code, out = ask("--points", str(points), "--csv")
    table = pd.read_csv(io.StringIO(out))
    assert code == 0 and len(table) == 2 * len(METHODS)
    assert list(table["name"].unique()) == ["first", f"{c},{d}"]
    assert table.loc[0, "state"] == "excluded" and RULES[1] in table.loc[0, "rules"]
    assert table["lon"].unique() == pytest.approx([a, c])
    both = ("--at", f"{a},{b}", "--at", f"{c},{d}")
    assert [one["column"] for one in json.loads(ask(*both, "--json")[1])] == [1, 2]
    assert ask(*both)[1].count("Solid-sorbent air capture") >= 2
    points.write_text("lon,lat\n1,2\nx,3\n500,1\n", encoding="utf-8")
    text = ask("--points", str(points))[1]
    assert "points.csv:3: a place is two numbers; got 'x,3'" in text
    assert "points.csv:4: no such place" in text
    points.write_text("a,b\n1,2\n", encoding="utf-8")
    assert "expected lon, lat" in ask("--points", str(points))[1]
    assert "give --at" in ask()[1]
    assert "100,30: the place lies outside" in ask("--at", "100,30", "--at", f"{a},{b}")[1]


@pytest.fixture(scope="module")
def solved() -> tuple:  # type: ignore[type-arg]
    """The demo on a coarse grid, with the solution that a result no longer holds."""
    setting = prepare(load_scenario(ROOT / "config" / "demo.yaml", ["grid.resolution=20 km"]))
    space = Workspace()
    areas = exclude(setting, space)
    links = open_links(space, link_storage(setting, space))
    offers = in_workspace(spread_areas(setting, space, links), links, (), space)
    cells, tally = score(setting, offers, space)
    allocation = lay_out(setting, compete(setting, offers, cells, space), cells, space)
    assert len(setting.blocks) == 1  # so that a cell's place is its place on the grid
    gathered = gather(setting, space.result)
    result = assemble(setting, areas, offers, tally, allocation, space, gathered, {}, None)
    return result, allocation, cells.places(0)


@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
def test_charges_are_the_solvers_own(solved: tuple) -> None:  # type: ignore[type-arg]
    result, allocation, places = solved
    solution, grid = allocation.solution, result.grid
    checked = 0
    for cell in range(0, len(places), 7):
        row, col = divmod(int(places[cell]), grid.cols)
        found = explain_place(result.dataset, grid, float(grid.x[col]), float(grid.y[row]))
        assert isinstance(found, Explanation)
        for oracle in explain_cell(solution, cell):
            here = found.methods[oracle["method"]]
            if here.plan is None:
                continue
            told = here.plan
            assert told.gross_t_yr == pytest.approx(oracle["gross"], rel=1e-5, abs=1e-3)
            assert told.most_t_yr == pytest.approx(oracle["most"], rel=1e-4)
            if np.isfinite(told.shortfall):
                assert told.shortfall == pytest.approx(oracle["short"], rel=1e-5, abs=1e-6)
            if told.gross_t_yr == 0:  # at one and the same storage unit
                total = sum(oracle["charges"].values())
                assert sum(told.charges.values()) == pytest.approx(total, rel=1e-3, abs=1e-4)
                if told.shortfall > 1e-3:
                    # what is charged exceeds what a tonne is worth by just the shortfall
                    gap = sum(told.charges.values()) - told.worth
                    assert gap == pytest.approx(told.shortfall, rel=1e-3, abs=1e-4)
                    checked += 1
    assert checked > 20


@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
def test_no_map_tells_a_rest_of_rounding_as_what_a_tonne_lacks(solved: tuple) -> None:  # type: ignore[type-arg]
    result, allocation, _ = solved
    short = result.dataset["shortfall"].to_numpy()
    assert not ((short > 0) & (short < LEAST_SHORT)).any()
    rests = -np.concatenate([one.reduced.ravel() for one in allocation.solution.blocks()])
    assert ((rests > 0) & (rests < LEAST_SHORT)).any()  # the solver leaves some


@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
def test_the_maps_of_the_plan_keep_the_states_apart(solved: tuple) -> None:  # type: ignore[type-arg]
    from cdrsite.core.states import EXCLUDED, LOWEST_STATE, OUTSIDE

    data = solved[0].dataset
    limit, winner = data["limit"].to_numpy(), data["winner"].to_numpy()
    allocated = data["allocated"].to_numpy()
    outside = limit[0] == OUTSIDE
    assert (winner[outside] == OUTSIDE).all() and np.isnan(allocated[:, outside]).all()
    assert (winner[~outside] != OUTSIDE).all()
    np.testing.assert_array_equal(np.isnan(allocated), limit >= LOWEST_STATE)
    used = np.nan_to_num(allocated).sum(axis=0) > 0
    assert (winner[used] < len(data["removal_method"])).all()
    assert (limit[:, used] < LOWEST_STATE).any(axis=0).all()
    everywhere = (limit == EXCLUDED).all(axis=0)
    assert (winner[everywhere] == EXCLUDED).all()
    assert data["binding"].attrs["flag_meanings"].count("unknown") == 1
    for name in ("pool_water", "pool_storage", "zone_provinces"):
        codes = data[name].to_numpy()
        assert codes.max() < len(data[name].attrs["labels"])


def test_the_reason_from_arrays_is_the_reason_of_the_place() -> None:
    """In every cell of a tiny study, every number of every method."""
    assert compared(planned(), tiny_grid(), 1) == 24


@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
def test_so_it_is_in_the_demo_and_the_parts_of_a_cost_add_up(solved: tuple) -> None:  # type: ignore[type-arg]
    assert compared(solved[0].dataset, solved[0].grid, 5) > 50


def compared(dataset: xr.Dataset, grid: AnalysisGrid, step: int) -> int:
    """Compare every so many cells; how often a method had a cost whose parts added up to it."""
    cells = {str(name): values.to_numpy() for name, values in dataset.data_vars.items()}
    reasons = [reason_of(Evidence(dataset, cells), m) for m in range(len(methods_of(dataset)))]
    split = 0
    for row, col in list(np.ndindex(grid.shape))[::step]:
        found = explain_place(dataset, grid, float(grid.x[col]), float(grid.y[row]))
        for reason, here in zip(reasons, found.methods.values(), strict=True):
            assert (here.state == "allowed") == reason.possible[row, col]
            same(here.equal_share, reason.equal, row, col)
            if here.plan is None:
                continue
            told = reason.plan
            assert told is not None
            same(here.plan, told, row, col)
            assert here.plan.verdict == VERDICTS[told.verdict[row, col]]
            assert (here.plan.dearest or "") == CHARGES[told.dearest[row, col]]
            assert (here.plan.sink is None) == (told.sink[row, col] < 0)
            if here.plan.cost_usd_per_net_t > 0:
                total = sum(here.plan.parts_usd_per_net_t.values())
                assert total == pytest.approx(here.plan.cost_usd_per_net_t, rel=1e-6)
                split += 1
    return split


def same(here: Any, arrays: Any, row: int, col: int) -> None:
    """Numbers of a cell and of arrays, those that a place names in words apart."""
    for field in fields(arrays):
        one, many = getattr(here, field.name), getattr(arrays, field.name)
        if field.name in {"verdict", "sink", "dearest"}:
            continue
        if isinstance(many, dict):
            known = {key: float(values[row, col]) for key, values in many.items()}
            assert one == {key: v for key, v in known.items() if np.isfinite(v) and v != 0}
        else:
            assert one == pytest.approx(float(many[row, col]), rel=0, abs=0, nan_ok=True)


@given(st.floats(1e-300, 1e300), st.sampled_from([1, -1]), st.integers(1, 4))
def test_digits_are_those_of_a_decimal(size: float, sign: int, digits: int) -> None:
    whole, power = significant(np.array([sign * size]), digits)
    assert 10 ** (digits - 1) <= abs(whole[0]) < 10**digits
    told = Decimal(int(whole[0])).scaleb(int(power[0]))
    exact = Decimal(sign * size)
    # half a step, and a hair where it lies between two
    assert abs(told - exact) <= Decimal(10) ** int(power[0]) * Decimal("0.5000001")


def test_digits_written_out() -> None:
    values = np.array([0.0, np.nan, 999.7, 0.01234, -5.0, 1e22])
    whole, power = significant(values, 3)
    np.testing.assert_array_equal(whole, [0, 0, 100, 123, -500, 100])
    np.testing.assert_array_equal(power, [0, 0, 1, -4, -2, 20])


def test_a_fact_has_no_more_digits_than_it_says() -> None:
    assert Fact(np.array([[12345.6]]), unit=" t").of_one() == "12\u202f300 t"
    assert Fact(np.array([[np.nan]]), unit=" t").of_one() == "–"
    assert Fact(np.array([[-1]]), texts=("a",)).of_one() == "–"
    assert amount(np.array([[4e8]]), "kWh/yr", Words("en")).of_one() == "400 GWh/yr"
    assert amount(np.array([[900.0]]), "m3/yr", Words("zh")).of_one() == "900 立方米/年"


def test_places_are_filled_once_and_unknown_ones_stay() -> None:
    facts = {"a": "{b}", "b": "never", "x-1": "zone"}
    assert filled("{a} {c} {x-1}", facts.get) == "{b} {c} zone"


def test_a_cure_never_asks_for_a_worth_of_rounding() -> None:
    """Where only costs count, a tonne is worth less than nothing, and no worth is asked for."""
    text = said(worth=-201.37 / 0.9, shortfall=float(np.float32(201.37)), land_price=0.0)
    assert "would have to bring 200 t more" in text["In the plan"]

"""Explanations of single places: words by hand, and charges against the solver's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_study import METHODS, RULES, tiny_grid, tiny_result
from typer.testing import CliRunner

from cdrsite.cli.main import app
from cdrsite.config.load import load_scenario
from cdrsite.core.errors import ConfigError, GridError
from cdrsite.core.vocabulary import AMOUNTS
from cdrsite.core.words import LANGUAGES, Words
from cdrsite.engine.passes import Workspace
from cdrsite.explain.place import (
    Explanation,
    PlanHere,
    _amount,
    explain_place,
    explain_run,
    parse_place,
)
from cdrsite.report.mapview import page_words
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


def plan(**changes: object) -> PlanHere:
    given: dict[str, object] = {
        "gross_t_yr": 0.0,
        "most_t_yr": 5000.0,
        "net_factor": 0.9,
        "cost_at_plant": 400.0,
        "cost_to_sink": 5.0,
        "cost_usd_per_net_t": 450.0,
        "sink": "Deep Aquifer",
        "needs": {"land": 100.0, "water": 3.0},
        "unit": "t",
        "worth": 0.9,
        "charges": {"land": 1.0, "water (upper)": 0.2},
        "shortfall": 0.3,
    }
    return PlanHere(**{**given, **changes})  # type: ignore[arg-type]


def test_a_method_too_dear_says_what_would_have_to_change() -> None:
    here = plan()
    assert here.verdict() == (
        "not used: a gross t is worth 0.9 t and pays for land 1, water (upper) 0.2, 0.3 t too much"
    )
    # land charges 1.0 for 100 m2, 0.3 too much: 70 m2 would do
    assert here.cure() == (
        "its need of land would have to fall from 100 to 70 m² per t, or a gross t would have to "
        "be worth 1.2 t"
    )
    assert "450 USD per net t (400 at the plant and 5 for transport and storage to" in here.costs()


def test_what_is_used_or_tied_needs_no_cure() -> None:
    used = plan(gross_t_yr=2500.0, shortfall=0.0)
    assert used.verdict().startswith("used: 2\u202f500 t/yr gross, 50% of what its land would hold")
    assert used.cure() is None
    tied = plan(shortfall=0.0)
    assert "as good as what is" in tied.verdict() and tied.cure() is None
    assert "adds nothing" in plan(worth=-0.1, shortfall=0.0, charges={}).verdict()


def test_one_resource_alone_may_not_be_enough() -> None:
    text = plan(charges={"land": 0.7, "water (upper)": 0.6}, shortfall=0.8).cure()
    assert text is not None and "even without any need of land" in text


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
    assert shown.exit_code == 0 and RULES[1] in shown.output and METHODS[0] in shown.output
    shown = CliRunner().invoke(app, ["explain", str(run), "--at", f"{lon},{lat}", "--json"])
    assert json.loads(shown.output)["methods"][METHODS[0]]["state"] == "excluded"


@pytest.fixture(scope="module")
def solved() -> tuple:  # type: ignore[type-arg]
    """The demo on a coarse grid, with the solution that a result no longer holds."""
    setting = prepare(load_scenario(ROOT / "config" / "demo.yaml", ["grid.resolution=20 km"]))
    space = Workspace()
    areas = exclude(setting, space)
    links = open_links(space, link_storage(setting, space))
    offers = in_workspace(spread_areas(setting, space, links), links, False, space)
    cells, tally = score(setting, offers, space)
    allocation = lay_out(setting, compete(setting, offers, cells, space), cells, space)
    assert len(setting.blocks) == 1  # so that a cell's place is its place on the grid
    gathered = gather(setting, space.result)
    result = assemble(setting, areas, offers, tally, allocation, space, gathered)
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


def test_a_place_is_told_in_the_same_units_in_text_and_on_the_map() -> None:
    assert _amount(4e8, "kWh/yr") == "400 GWh/yr" and _amount(4e5, "kWh/yr") == "0.4 GWh/yr"
    assert _amount(900, "m3/yr") == "900 m³/yr"
    script = ROOT / "cdrsite" / "report" / "assets" / "map_why.js"
    text = script.read_text(encoding="utf-8")  # it has no units of its own: the page hands them on
    assert "larger[unit]" in text and "Wh/yr" not in text
    for lang in LANGUAGES:
        words = page_words(Words(lang))
        assert all(
            f"map.unit.{unit}" in words for unit in (one.place[1] for one in AMOUNTS.values())
        )


def test_a_cure_never_asks_for_a_worth_of_rounding() -> None:
    """Where only costs count, a tonne is worth less than nothing, and no worth is asked for."""
    cost = float(np.float32(201.37))
    found = plan(worth=-201.37, shortfall=cost, charges={}, unit="USD", gross_t_yr=0.0)
    assert found.cure() == "a gross t would have to be 201 USD better"
    found = plan(worth=50.0, shortfall=10.0, charges={}, unit="USD", gross_t_yr=0.0)
    assert found.cure() == "a gross t would have to be worth 60 USD"

"""Emitters of a scenario: read with care, in the plan of a year and over milestones."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
from emitting_study import PATH_SETTINGS, TEXT, write_emitting, write_works
from tiny_scenario import box, write_polygons, write_world

from cdrsite.cli.emitting import emitter_lines
from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning
from cdrsite.core.words import Words
from cdrsite.report.page import write_report
from cdrsite.study.run import check_study, run
from cdrsite.testing.balance import assert_mass_balance

ONE = ("objective={minimise: cost, target: 5 kt/yr}", "emitters.target=12 kt/yr")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_emitting(tmp_path_factory.mktemp("world"))


def found(world: Path, *settings: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return run(load_scenario(world, settings))


def test_a_year_with_emitters_keeps_its_ledgers_and_balances(world: Path) -> None:
    result = found(world, *ONE)
    table = result.tables["emitters"].set_index("emitter")
    assert table["avoided_mt_yr"].sum() == pytest.approx(0.012)
    assert table["removed_mt_yr"].sum() == pytest.approx(0.0, abs=1e-7)
    # the kiln is the cheapest: its 100 kWh at 300 g/kWh are taken off
    kiln = table.loc["kiln"]
    assert kiln["captured_mt_yr"] == pytest.approx(0.009)
    assert kiln["avoided_mt_yr"] == pytest.approx(0.009 * 0.97)
    assert kiln["electricity_kwh_yr"] == pytest.approx(9e5)
    assert kiln["cost_usd_t"] > 40 + 100 * 0.06 + 1.0  # with power, water, the way and storage
    # net removal is that of the methods alone, and the sum of its ledger
    assert result.summary["net_mt_yr"] == pytest.approx(0.005, rel=1e-4)
    year = result.summary["emitters"]["years"][0]
    assert (year["captured_mt_yr"], year["avoided_mt_yr"]) == pytest.approx(
        (0.0125352, 0.012), rel=1e-4
    )
    cost = result.summary["cost_musd_yr"] + year["cost_musd_yr"]
    assert result.summary["objective"]["value"] == pytest.approx(1e6 * cost, rel=1e-5)
    assert_mass_balance(result)


def test_a_path_with_emitters_that_open_and_close(world: Path, tmp_path: Path) -> None:
    result = found(world, *PATH_SETTINGS, "emitters.opens=begin", "emitters.retires=end",
                   "emitters.must_run=must", "milestones.missed={price: 900 USD/t}")  # fmt: skip
    table = result.tables["emitters"]
    by = table.pivot_table("captured_mt_yr", "emitter", "year", "sum").loc[["coal", "kiln", "pulp"]]
    assert by["2050"]["coal"] == 0.0  # closed in 2045
    assert by["2040"]["coal"] > 0
    assert by.loc["pulp"].tolist() == pytest.approx([0.0, 0.0036, 0.0036])  # must, from 2035
    reached = result.tables["pathway"].set_index(["ledger", "year"])["reached"]
    assert reached["avoided", 2040] == pytest.approx(20e3)
    removed = table[table["year"] == "2050"]["removed_mt_yr"].sum()
    built = result.tables["build_out"]
    own = built[built["year"] == 2050]["net_mt_yr"].sum()
    assert 1e6 * (own + removed) == pytest.approx(reached["removal", 2050])
    filling = result.tables["storage_filling"]
    stored = table.groupby("year")["captured_mt_yr"].sum()
    for year in (2030, 2040, 2050):
        injected = filling[filling["year"] == year]["injected_mt_yr"].sum()
        gross = built[(built["year"] == year) & (built["method"] != "afforestation")]
        assert injected >= stored[str(year)] - 1e-12
        assert injected == pytest.approx(
            stored[str(year)] + gross["gross_mt_yr"].sum(), rel=0.35, abs=1e-9
        )
    cost = sum(
        w * (built[built["year"] == int(y["year"])]["cost_musd_yr"].sum() + y["cost_musd_yr"])
        for w, y in zip(
            result.summary["pathway"]["discounted_yr"], result.summary["emitters"]["years"],
            strict=True,
        )
    )  # fmt: skip
    missed = result.tables["pathway"]["missed"].sum()
    assert missed == 0.0
    assert result.summary["objective"]["value"] == pytest.approx(1e6 * cost, rel=1e-5)
    assert_mass_balance(result)
    points = result.features["emitters"].set_index("name")
    assert points.loc["coal", "captured_t_yr"] == 0.0
    assert points.loc["pulp", "from_year"] == "2040"
    folder = result.write(tmp_path / "run")
    assert (folder / "tables" / "emitters.csv").exists()
    assert (folder / "tables" / "displaced.csv").exists()


def test_what_a_captured_tonne_takes_from_removal(world: Path) -> None:
    """Where injection binds, a tonne avoided less gives back what the table says."""
    tight = (
        "resources.storage.factor=0.02", "methods.afforestation.usable_land=0",
        "transport.reach=3 km",
    )  # fmt: skip
    few = ("emitters.where=name = 'kiln'", *tight)
    one = found(world, *few, "emitters.target=0.1 kt/yr")
    two = found(world, *few, "emitters.target=0.11 kt/yr")
    table = one.tables["displaced"].set_index("unit")
    row = table.loc["rock b"]
    assert row["net_worth"] == 1.0
    lost = one.summary["net_mt_yr"] - two.summary["net_mt_yr"]
    assert lost > 0
    assert row["displaced_per_avoided"] == pytest.approx(lost * 1e6 / 10.0, rel=1e-3)
    assert row["displaced_per_captured"] == pytest.approx(row["displaced_per_avoided"] * 0.97)
    year = one.summary["emitters"]["years"][0]
    assert year["displaced"][0]["unit"] == "rock b"


def refused(world: Path, *settings: str) -> str:
    with warnings.catch_warnings(), pytest.raises(CdrsiteError) as caught:
        warnings.simplefilter("ignore", CdrsiteWarning)
        check_study(load_scenario(world, settings))
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "settings", "parts"),
    [
        (
            {"origin": ["coal", "biogenic", "fossil"]}, (),
            ("emitters of unknown origin", "column origin", "kiln: 'coal'", "fossil, process, bio"),
        ),
        ({"kt": [-1.0, 4.0, 3.0]}, (), ("column kt", "'-1'", "kt/yr, 0 or more", "where")),
        (
            {"end": [np.nan, 2030.0, np.nan]},
            ("milestones={years: [2030]}", "emitters.opens=begin", "emitters.retires=end"),
            ("close before they open", "pulp: 2035 to 2030", "a later year"),
        ),
        ({}, ("emitters.opens=begin",), ("emitters.opens", "without years", "milestones")),
        ({}, ("emitters.origin=colour",), ("neither an origin nor a column", "colour")),
        ({"must": ["perhaps", "", ""]}, ("emitters.must_run=must",), ("neither true", "perhaps")),
        ({"power": [1.5, 0.2, 0.3]}, ("emitters.rate=power",), ("not a share", "kiln: 1.5")),
        ({}, ("emitters.rate=1.5",), ("not a share of what is emitted", "1.5")),
        ({}, ("emitters.where=name = 'x'",), ("no emitter on the grid", "0 features")),
        ({}, ("resources.storage={unlimited: true}",), ("resources.storage.units",)),
        ({}, ("emitters.biomass=0.1",), ("emitters need biomass", "emitters.biomass: 0")),
        (
            {}, ("emitters.target=1", "milestones={years: [2030]}"),
            ("milestones.targets.avoided", "emitters.target"),
        ),
        (
            {}, ("network={plan: true, emitters: {layer: works, captured: kt}}",),
            ("network.emitters", "pore space twice"),
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_cure(
    tmp_path: Path, change: dict[str, Any], settings: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    world = tmp_path / "w"
    world.mkdir()
    write_polygons(world / "rock.gpkg", [box(5, 1, 2, 2)], id=["a"], mt=[3.0], rate=[0.1])
    write_works(world / "works.gpkg", **change)
    text = refused(write_world(world, TEXT), *settings)
    for part in parts:
        assert part in text


def test_a_target_of_avoided_emissions_needs_emitters(world: Path) -> None:
    text = refused(
        world, "emitters=null", "milestones={years: [2030], targets: {avoided: {2030: 1}}}"
    )
    assert "nothing can be avoided without emitters" in text


def test_warnings_of_emitters(tmp_path: Path) -> None:
    write_polygons(tmp_path / "rock.gpkg", [box(5, 1, 2, 2)], id=["a"], mt=[3.0], rate=[0.1])
    write_works(tmp_path / "works.gpkg", [(0.5, 4.5), (2.5, 1.5), (30.0, 5.5)])
    world = write_world(tmp_path, TEXT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        notes = check_study(load_scenario(world, ["emitters.where=name != 'pulp'"]))["warnings"]
        every = check_study(load_scenario(world))["warnings"]
    assert any("outside the grid" in one and "coal" in one for one in notes)
    assert any("nothing asks emitters to capture" in one for one in notes)
    assert any("must not be part of its supply" in one for one in every)


def test_terminal_and_page_say_what_is_displaced(world: Path, tmp_path: Path) -> None:
    tight = (
        "emitters.where=name = 'kiln'", "emitters.target=0.1 kt/yr",
        "resources.storage.factor=0.02", "methods.afforestation.usable_land=0",
        "transport.reach=3 km",
    )  # fmt: skip
    result = found(world, *tight)
    (line,) = emitter_lines(result.summary["emitters"], Words())
    assert "1 of 1 capture 0.000103 Mt/yr: 0.000100 Mt/yr avoided, 0 Mt/yr removed" in line[1]
    assert "1 Mt/yr of fossil capture displaces " in line[1]
    assert "of removal at rock b" in line[1]
    folder = result.write(tmp_path / "run")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Emitters beside removal" in page
    assert "of fossil capture displaces" in page
    drawn = {name for name, _ in pyogrio.list_layers(folder / "cdrsite.gpkg")}
    assert "emitters" in drawn
    write_report(folder, "zh")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "化石捕集挤占" in page


@pytest.mark.slow
def test_the_network_is_for_the_sizes_of_all_milestones(world: Path, tmp_path: Path) -> None:
    sizes = "{least: 10 t/yr, most: 10 kt/yr, catchment: 3 km}"
    plants = f"network={{plan: true, plants: {{daccs-solid: {sizes}, beccs-residue: {sizes}}}}}"
    result = found(
        world, *PATH_SETTINGS, "emitters.opens=begin", "emitters.retires=end",
        "emitters.must_run=must", "milestones.missed={price: 900 USD/t}", plants,
    )  # fmt: skip
    network = result.summary["network"]
    assert network["by_milestone"] is True
    # coal has closed before the last milestone, and what it gave is not left unserved then
    assert network["unserved_mt_yr"] == pytest.approx(0.0, abs=1e-8)
    assert network["status"] in {"optimal", "gap reached", "effort spent"}
    periods = result.tables["network_periods"]
    assert periods["year"].tolist() == [2030, 2040, 2050]
    told = result.tables["emitters"].groupby("year")["captured_mt_yr"].sum()
    built = result.tables["build_out"]
    grown = result.tables["plants"]["stored_t_yr"].sum()
    for row in periods.to_dict("records"):
        emitted = 1e6 * told[str(row["year"])]
        assert emitted * (1 - 1e-3) <= row["stored_t_yr"] <= emitted + grown + 1.0
    assert built["year"].max() == 2050
    served = result.tables["network_emitters"].set_index("name")
    assert set(served["ledger"]) == {"avoided", "removal"}
    folder = result.write(tmp_path / "run")
    assert "no proof is of both together" in (folder / "report.html").read_text("utf-8")

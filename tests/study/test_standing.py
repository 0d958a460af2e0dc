"""Removal plants that stand already: taken off the supplies, counted, and paid to run only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from dated_study import GOAL, found, refused, write_dated
from tiny_scenario import NORTH, WEST

from cdrsite.cli.standing import standing_lines
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.core.words import Words
from cdrsite.report.page import write_report
from cdrsite.study.standingpoints import StandingPoints, ground_of
from cdrsite.testing.balance import assert_mass_balance

PLANTS = {
    "name": ["old", "new"],
    "kt": [1.0, 2.0],
    "year": [2010.0, 2026.0],
    "end": [2045.0, np.nan],
    "what": ["daccs-solid", "daccs-solid"],
    "store": ["", "rock a"],
}
PLACES = [(0.5, 4.5), (3.5, 5.5)]
STANDING = (
    "layers.plants={path: plants.gpkg}",
    "standing={layer: plants, name: name, method: daccs-solid, capacity: kt, unit: kt/yr, "
    "built: year, retires: end}",
)
UNDATED = (
    STANDING[0],
    "standing={layer: plants, name: name, method: daccs-solid, capacity: kt, unit: kt/yr}",
)
ASKED = (*GOAL, "methods.daccs-solid.override={lifetime: 20 yr}")
ONE = "methods={daccs-solid: {profile: literature}}"
YEARS = ["2030", "2040", "2050"]


def write_plants(path: Path, **change: Any) -> None:
    points = [shapely.Point(WEST + 1000 * x, NORTH - 1000 * y) for x, y in PLACES]
    gpd.GeoDataFrame({**PLANTS, **change}, geometry=points, crs="EPSG:3035").to_file(path)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("standing")
    write_plants(folder / "plants.gpkg")
    return write_dated(folder)


@pytest.fixture(scope="module")
def dated(world: Path) -> Any:
    return found(world, *ASKED, *STANDING)


def test_plants_take_their_part_while_they_live(dated: Any) -> None:
    table = dated.tables["standing"].pivot_table("gross_mt_yr", "plant", "year", "sum")
    # 2010 to 2045, and from 2026 for the 20 years of the lifetime of its method
    assert table.loc["old", YEARS].tolist() == [0.001, 0.001, 0.0]
    assert table.loc["new", YEARS].tolist() == [0.002, 0.002, 0.0]
    pools = dated.tables["pools_by_year"].set_index(["family", "zone", "year"])
    need = dated.tables["standing"].iloc[0]["electricity_kwh_yr"] / 1000.0
    for year, gross in zip(YEARS, (3000.0, 3000.0, 0.0), strict=True):
        row = pools.loc[("electricity", "whole region", year)]
        assert row["supply"] == 90e6
        assert row["standing"] == pytest.approx(gross * need)
        assert row["supply"] - row["use"] == pytest.approx(row["slack"])
        assert pools.loc[("injectivity", "rock b", year), "standing"] == pytest.approx(gross)
    # linear between milestones: 3000 t/yr from 2026, 1000 from the start to then, to nothing
    kept = 2.5 * 1000.0 + 7.5 * 3000.0 + 10.0 * 3000.0
    assert pools.loc[("pore space", "rock b", ""), "standing"] == pytest.approx(kept)
    filling = dated.tables["storage_filling"].set_index(["unit", "year"])
    assert 1e6 * filling.loc[("rock b", 2070.0), "filled_mt"] == pytest.approx(
        pools.loc[("pore space", "rock b", ""), "use"]
    )
    assert_mass_balance(dated)


def test_their_tonnes_count_toward_targets(world: Path, dated: Any) -> None:
    reached = dated.tables["pathway"].set_index("year")
    net = dated.tables["standing"].groupby("year")["net_mt_yr"].sum() * 1e6
    built = dated.tables["build_out"].groupby("year")["net_mt_yr"].sum() * 1e6
    for year in (2030, 2040, 2050):
        assert reached.loc[year, "standing"] == pytest.approx(net[str(year)])
        assert reached.loc[year, "reached"] == pytest.approx(net[str(year)] + built[year])
        assert reached.loc[year, "missed"] == 0.0
    assert reached.loc[2030, "reached"] > 2000.0  # more than asked stands already
    # with what they take and reach taken off by hand, the rest is the same plan
    by_hand = found(
        world, *ASKED, *(
            f"milestones.targets.removal.{year}={float(max(asked - net[str(year)], 0.0))!r}"
            for year, asked in ((2030, 2e3), (2040, 8e3), (2050, 20e3))
        ),
    )  # fmt: skip
    assert dated.summary["objective"]["value"] == pytest.approx(
        by_hand.summary["objective"]["value"], rel=2e-5
    )


def test_running_them_is_paid_and_building_them_is_not(world: Path, dated: Any) -> None:
    row = dated.tables["standing"].iloc[0]
    one = found(world, ONE, ASKED[-1], "objective={maximise: net_removal}")
    parts = one.tables["cost_parts"].set_index("part")["usd_gross_t"]
    running = float(parts.drop(["capital", "heat_pump", "transport", "storage"]).sum())
    assert parts["capital"] > 100
    way = row["running_cost_musd_yr"] / row["gross_mt_yr"] - running
    assert parts["storage"] < way < parts["storage"] + 10  # the rest is the way and storage
    told = dated.summary["standing"]
    years = [year["running_cost_musd_yr"] for year in told["years"]]
    worth = dated.summary["pathway"]["discounted_yr"]
    assert told["present_running_cost_musd"] == pytest.approx(np.dot(years, worth))


@pytest.mark.parametrize("more", [(), ("milestones={years: [2030]}", "standing.built=year")])
def test_a_year_with_plants_that_stand(world: Path, more: tuple[str, ...]) -> None:
    given = ("objective={minimise: cost, target: 12 kt/yr}",) if not more else (
        "objective={minimise: cost}",
    )  # fmt: skip
    asked = () if not more else ("milestones.targets={removal: {2030: 12 kt/yr}}",)
    alone = found(world, *given, *more[:1], *asked)
    beside = found(world, *given, *UNDATED, *more, *asked)
    net = beside.tables["standing"]["net_mt_yr"].sum()
    assert net > 0.002
    assert beside.summary["net_mt_yr"] == pytest.approx(0.012 - net, rel=1e-5)
    assert beside.summary["cost_musd_yr"] < alone.summary["cost_musd_yr"]
    pools = beside.tables["pools"].set_index(["family", "zone"])
    assert pools.loc[("water", "west"), "standing"] == pytest.approx(3000.0)
    row = beside.tables["pools"].set_index("family").loc["policy"]
    assert (row["supply"], row["use"]) == pytest.approx((12e3, 12e3))
    assert row["standing"] == pytest.approx(1e6 * net)
    ledger = beside.tables["ledgers"].set_index(["zone", "method"])
    assert ledger.loc[("", "daccs-solid"), "standing_net_mt_yr"] == pytest.approx(net)
    assert_mass_balance(beside)


def test_growth_begins_from_what_stands(world: Path, tmp_path: Path) -> None:
    write_plants(tmp_path / "plants.gpkg", end=[2100.0, 2100.0], year=[2010.0, 2010.0])
    path = write_dated(tmp_path)
    asks = (
        ONE, *GOAL[:2],
        "milestones={years: [2030, 2040, 2050], start: 2025, after: 20 yr, missed: {price: 5000}, "
        "targets: {removal: {2050: 70 kt/yr}}, growth: {daccs-solid: {rate: 10 %, seed: 1 t/yr}}}",
    )  # fmt: skip
    beside = found(path, *asks, *STANDING)
    stands = found(path, *asks, "milestones.growth.daccs-solid.standing=3 kt/yr")
    built = [
        one.tables["build_out"].set_index("year")["built_gross_mt_yr"] for one in (beside, stands)
    ]
    assert built[0].sum() > 0.02
    assert built[0].tolist() == pytest.approx(built[1].tolist(), rel=1e-6)


def test_where_one_has_retired_growth_may_build_it_again(tmp_path: Path) -> None:
    write_plants(tmp_path / "plants.gpkg", end=[2035.0, 2035.0], year=[2010.0, 2010.0])
    path = write_dated(tmp_path)
    result = found(
        path, ONE, *GOAL[:2], *STANDING,
        "milestones={years: [2030, 2040], start: 2030, after: 20 yr, missed: {price: 5000}, "
        "targets: {removal: {2040: 70 kt/yr}}, growth: {daccs-solid: {rate: 10 %, seed: 1 t/yr}}}",
    )  # fmt: skip
    factor = 1.1**10
    most = 3000.0 * factor + (factor - 1.0) / 0.1
    built = result.tables["build_out"].set_index("year")
    assert 1e6 * built.loc[2040, "stands_gross_mt_yr"] == pytest.approx(most)


def test_storage_by_name_and_methods_by_column(world: Path) -> None:
    result = found(world, *GOAL, *STANDING, "standing.method=what", "standing.storage=store")
    units = result.tables["standing"].groupby("plant")["unit"].first()
    assert units.tolist() == ["rock a", "rock b"]  # new, old
    first = result.tables["storage_filling"].set_index(["unit", "year"])["standing_mt_yr"]
    assert first["rock a", 2030.0] == pytest.approx(0.002)


def test_their_ground_is_theirs(world: Path, dated: Any) -> None:
    alone = found(world, *ASKED)
    name = "usable_land"
    less = alone.dataset[name].to_numpy() - dated.dataset[name].to_numpy()
    land = dated.tables["standing"].groupby("plant")["land_km2"].first()
    for (x, y), plant in zip(PLACES, PLANTS["name"], strict=True):
        mine = less[0, int(y), int(x)]
        assert mine == pytest.approx(1e6 * land[plant], abs=0.1)
    assert np.count_nonzero(np.nan_to_num(less[0])) == 2


def test_report_terminal_and_files_tell_them_apart(dated: Any, tmp_path: Path) -> None:
    folder = dated.write(tmp_path / "run")
    for lang, title in (("en", "Plants that stand already"), ("zh", "已有的工厂")):
        page = write_report(folder, lang, tmp_path / f"{lang}.html").read_text("utf-8")
        assert f">{title}<" in page
        assert 'data-key="standing/years/0/net_mt_yr"' in page
    (first, said), *_, (last, none) = standing_lines(dated.summary["standing"], Words())
    assert (first, last) == ("2030", "2050")
    assert "2 of 2 plants remove 0.00217 Mt/yr net" in said
    assert "spent" in said
    assert none == "none of 2 plants runs any more"
    points = gpd.read_file(folder / "cdrsite.gpkg", layer="standing").set_index("name")
    assert points.loc["new", "capacity_t_yr"] == pytest.approx(2000.0)


def test_large_plants_stand_on_the_nearest_cells() -> None:
    grid = AnalysisGrid.from_bounds("EPSG:3035", (4_000_000, 3_000_000, 4_005_000, 3_004_000), 1e3)
    one = np.ones(2)
    points = StandingPoints(
        ("a", "b"), ("m", "m"), one, one, one, ("", ""), np.array([1, 1]), np.array([1, 1]),
        np.ones((2, 1), np.bool_), np.ones(2, np.bool_), {},
    )  # fmt: skip
    ground = ground_of(points, np.array([3.5e6, 2e6]), grid)
    assert sum(ground.values()) == pytest.approx(5.5e6)
    # its own, then the four beside it; the second has what the first has left
    assert [ground[cell] for cell in ((1, 1), (0, 1), (1, 0))] == [1e6] * 3
    assert max(ground.values()) == 1e6
    assert {*ground} == {(1, 1), (0, 1), (1, 0), (1, 2), (2, 1), (0, 0)}
    everywhere = ground_of(points, np.array([1e9, 0.0]), grid)
    assert len(everywhere) == 20
    left = np.ones((2, 3), np.float32)
    some = replace(points, shares={(0,): {(1, 1): 1.5, (1, 2): 0.25, (0, 0): 0.5}})
    some.keep_off(left, (0,), Block(1, 3, 1, 4))
    some.keep_off(left, (1,), Block(1, 3, 1, 4))  # of another group of rules
    assert left.tolist() == [[0.0, 0.75, 1.0], [1.0, 1.0, 1.0]]


@pytest.mark.parametrize(
    ("change", "settings", "said"),
    [
        ({}, ("standing.capacity=kts",), ("standing.capacity", "kts", "kt")),
        ({"kt": [-1.0, 2.0]}, (), ("plants that stand without a number", "-1", "column kt")),
        ({}, ("standing.method=daccs",), ("neither a method", "daccs-solid")),
        ({"what": ["x", "daccs-solid"]}, ("standing.method=what",), ("no method", "old: 'x'")),
        ({}, ("standing.method=afforestation",), ("what grows is no plant", "old: afforestation")),
        ({"end": [2005.0, 2050.0]}, (), ("close before they are built", "old: 2010 to 2005")),
        ({"year": [np.nan, 2026.0], "end": [np.nan] * 2}, (), ("until when", "old", "fill")),
        ({"store": ["rock c", ""]}, ("standing.storage=store",), ("rock c", "rock a, rock b")),
        ({"kt": [900.0, 2.0]}, (), ("more than there is: water of west in 2030", "rule 6")),
        ({}, ("standing.built=null", "standing.retires=null"), ("when these plants end",)),
        ({}, ("milestones=null", "objective={maximise: net_removal}"), ("without years",)),
        (
            {},
            ("milestones.growth={daccs-solid: {rate: 9 %, seed: 1 t/yr, standing: 1 t/yr}}",),
            ("milestones.growth.daccs-solid.standing", "got 1", "remove it"),
        ),
    ],
)  # fmt: skip
def test_what_is_refused(
    tmp_path: Path, change: dict[str, Any], settings: tuple[str, ...], said: tuple[str, ...]
) -> None:
    write_plants(tmp_path / "plants.gpkg", **change)
    text = refused(write_dated(tmp_path), *GOAL, *STANDING, *settings)
    for part in said:
        assert part in text


FED = (
    UNDATED[0], UNDATED[1].replace("daccs-solid", "beccs-residue"),
    "methods={beccs-residue: {}}", "objective={maximise: net_removal, gap: 1e-9}",
)  # fmt: skip
"""A year with plants that burn residues, which are offered cell by cell."""
SMALL = {"kt": [0.3, 0.2]}


def own_residues(result: Any) -> Any:
    return np.nan_to_num(result.dataset["supply_biomass"].to_numpy())


def test_a_plant_has_the_residues_of_its_own_cell(tmp_path: Path) -> None:
    write_plants(tmp_path / "plants.gpkg", **SMALL)
    world = write_dated(tmp_path)
    alone, beside = found(world, *FED[2:]), found(world, *FED)
    draws = beside.tables["standing_draws"]
    assert draws["plant"].tolist() == ["old", "new"]
    assert (draws["distance_km"] == 0.0).all()
    plants = beside.tables["standing"].set_index("plant")
    for _, row in draws.iterrows():
        assert row["taken"] == pytest.approx(plants.loc[row["plant"], "biomass_t_yr"])
        assert row["taken"] > 100.0
    gone = own_residues(alone) - own_residues(beside)
    for (x, y), taken in zip(PLACES, draws["taken"], strict=True):
        assert gone[int(y), int(x)] == pytest.approx(taken, rel=1e-5)
    assert np.count_nonzero(gone) == 2
    assert beside.summary["net_mt_yr"] <= alone.summary["net_mt_yr"]
    assert_mass_balance(beside)
    text = refused(world, *FED, "standing.unit=Mt/yr")
    for part in ("biomass in its own cell of old", "got", "at most", "resources.biomass.haul"):
        assert part in text


def test_a_plant_collects_from_the_nearest_cells_within_its_haul(tmp_path: Path) -> None:
    write_plants(tmp_path / "plants.gpkg", kt=[2.0, 0.0])
    world = write_dated(tmp_path)
    haul = ("resources.biomass.haul=3 km", "resources.biomass.share=whole")
    alone, beside = (found(world, *some, *haul) for some in (FED[2:], FED))
    draws = beside.tables["standing_draws"]
    assert draws["distance_km"].is_monotonic_increasing
    assert draws["distance_km"].max() <= 3.0
    total = beside.tables["standing"].set_index("plant").loc["old", "biomass_t_yr"]
    assert draws["taken"].sum() == pytest.approx(total)
    # all that nearer cells have, and of the last one what is missing
    own, left = (np.nan_to_num(one.dataset["local_biomass"].to_numpy()) for one in (alone, beside))
    assert (own - left).sum() == pytest.approx(total, rel=1e-5)
    cells = [(int((NORTH - r.y) // 1000), int((r.x - WEST) // 1000)) for r in draws.itertuples()]
    assert cells[0] == (4, 0)
    assert all(left[cell] == 0.0 for cell in cells[:-1])
    within = [own[y, x] for y in range(6) for x in range(8) if np.hypot(y - 4, x) <= 3.0]
    most = beside.tables["standing"].set_index("plant").loc["old", "gross_mt_yr"]
    text = refused(world, *FED, *haul, "standing.unit=Mt/yr")
    assert "biomass within 3 km of old" in text
    assert f"at most {sum(within):.6g}" in text
    assert most == pytest.approx(0.002)
    assert_mass_balance(beside)


def test_kinds_of_cells_and_samples_of_what_cells_have_are_refused(tmp_path: Path) -> None:
    write_plants(tmp_path / "plants.gpkg", **SMALL)
    world = write_dated(tmp_path)
    text = refused(world, *FED, "resources.biomass={kinds: {residue: residues}, unit: t/yr}")
    assert "offered cell by cell by kinds" in text
    assert "resources.biomass" in text
    text = refused(world, *FED, "uncertainty={samples: 4}")
    assert "samples do not know plants that stand and draw on what cells have" in text
    assert "old draws on biomass" in text

"""Best sites: the plan's own places first, what they cost, and no more than their pools hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sites_world import study, write_sites_world
from tiny_scenario import SCENARIO, write_world

import cdrsite.network.coarse as coarse_module
from cdrsite.study.sitepieces import Place, SharedSupply, shares, within
from cdrsite.study.sites import COLUMNS


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sites_world(tmp_path_factory.mktemp("sites"))


@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
def test_the_first_sites_are_those_of_the_plan(world: Path) -> None:
    result = study(world)
    sites = result.tables["sites"]
    assert list(sites.columns[: len(COLUMNS)]) == list(COLUMNS)
    allocated = result.dataset["allocated"]
    for method, mine in sites.groupby("method", sort=False):
        planned = float(allocated.sel(removal_method=method).sum())
        assert list(mine["rank"]) == list(range(1, len(mine) + 1))
        assert planned > 0 and mine["in_plan"].any(), method
        # the plan's own first, each group by what it costs or loses
        assert mine["in_plan"].is_monotonic_decreasing
        assert mine.loc[mine["in_plan"], "cost_usd_per_net_t"].is_monotonic_increasing
        assert mine["plan_t_yr"].sum() <= planned * (1 + 1e-6)
        own = mine[mine["in_plan"]]
        np.testing.assert_allclose(own["plan_t_yr"], own["gross_t_yr"])
        assert (own["shortfall"] == 0).all()
        np.testing.assert_allclose(mine["net_t_yr"], mine["gross_t_yr"] * mine["net_factor"])
        assert np.isfinite(mine["cost_usd_per_net_t"]).all()


@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
def test_plants_are_of_buildable_size_and_take_no_more_than_a_pool_holds(world: Path) -> None:
    result = study(world, "resources.water.supply=water_m3")
    mine = result.tables["sites"].query("method == 'daccs-liquid'")
    assert (mine["gross_t_yr"] >= 20_000 * (1 - 1e-6)).all()
    assert (mine["gross_t_yr"] <= 100_000 * (1 + 1e-6)).all()
    assert (mine["farthest_km"] <= 4.0 + 1e-9).all()
    # 40 000 m3 in the east are too little for the least plant, so no site lies there
    need = float(result.dataset["need"].sel(removal_method="daccs-liquid", resource="water"))
    assert 40_000 / need < 20_000 < 1_500_000 / need
    assert (mine["x"] < 4_008_000 + 2_000).all()


@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
def test_costs_are_those_of_the_cells_it_gathers(world: Path) -> None:
    """The sites of the plan and what is too little for a plant are the plan, tonnes and money."""
    result = study(world, "outputs.sites=100")
    whole = result.tables["methods"].set_index("method").loc["daccs-liquid"]
    mine = result.tables["sites"].query("method == 'daccs-liquid' and in_plan")
    need = float(result.dataset["need"].sel(removal_method="daccs-liquid", resource="water"))
    small = 40_000 / need  # all that the east has water for
    assert mine["gross_t_yr"].sum() + small == pytest.approx(1e6 * whole["gross_mt_yr"], rel=1e-6)
    money = (mine["cost_usd_per_net_t"] * mine["net_t_yr"]).sum()
    rest = money * small / mine["gross_t_yr"].sum()  # costs are the same everywhere here
    assert money + rest == pytest.approx(1e6 * whole["cost_musd_yr"], rel=1e-6)


@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
def test_alternatives_keep_their_distance_and_lose_something(world: Path) -> None:
    result = study(world, "outputs.sites=40")
    for _, mine in result.tables["sites"].groupby("method"):
        others = mine[~mine["in_plan"]]
        for _, one in others.iterrows():
            rest = mine[mine["rank"] != one["rank"]]
            away = np.hypot(rest["x"] - one["x"], rest["y"] - one["y"])
            assert away.min() >= 3000 - 1e-6
        short = others["shortfall"]
        assert (short.to_numpy() >= 0).all()
        order = [float(f"{value:.3g}") for value in short]
        assert order == sorted(order)


@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
def test_memory_disk_and_blocks_give_the_same_sites(world: Path, tmp_path: Path) -> None:
    one = study(world).tables["sites"]
    two = study(world, memory=1, folder=tmp_path / "work").tables["sites"]
    assert one.equals(two)


@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
def test_large_grids_are_searched_on_coarser_cells(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = study(world).tables["sites"]
    monkeypatch.setattr(coarse_module, "LARGEST", 60)
    coarse = study(world).tables["sites"]
    for method in ("daccs-liquid", "afforestation"):
        a, b = (t[(t["method"] == method) & t["in_plan"]] for t in (fine, coarse))
        assert len(a) and len(b)
        assert b["cost_usd_per_net_t"].mean() == pytest.approx(
            a["cost_usd_per_net_t"].mean(), rel=0.1
        )
    # they stand on cells of the study's grid that are left
    assert (coarse["available_share"] > 0).all()


def test_no_sites_are_a_table_without_rows(tmp_path: Path) -> None:
    scenario = write_world(tmp_path)
    result = study(scenario, "outputs.sites=0", text=SCENARIO)
    assert len(result.tables["sites"]) == 0
    assert set(COLUMNS) <= set(result.tables["sites"].columns)


def test_names_of_plants_join_the_tables(world: Path) -> None:
    assert (study(world).tables["sites"]["plant"] == "").all()


# -- the pieces ------------------------------------------------------------------------------


@given(
    hnp.arrays(np.float64, (4, 5), elements=st.sampled_from([0.0, 1.0, 2.5, 7.0])),
    hnp.arrays(np.float64, (4, 5), elements=st.sampled_from([0.0, 0.5, 3.0])),
    hnp.arrays(np.float64, (4, 5), elements=st.sampled_from([10.0, 20.0])),
)
@settings(max_examples=examples(100), deadline=None)
def test_shares_follow_the_order_and_equal_cells_are_equal(
    tonnes: Any, key: Any, then: Any
) -> None:
    share = shares(tonnes, key, then)
    assert np.isinf(share[tonnes == 0]).all()
    total = tonnes.sum()
    for at in map(tuple, np.argwhere(tonnes > 0)):
        as_good = (key < key[at]) | ((key == key[at]) & (then <= then[at]))
        assert share[at] == pytest.approx(tonnes[as_good].sum() / total)


def test_a_site_takes_no_more_than_its_pools_hold() -> None:
    place = Place(0, 0, np.arange(4), np.array([10.0, 30.0, 5.0, 8.0]), 1.0, 2.0, False)
    label = np.array([[0, 0], [1, -1]], np.int32)
    supply = SharedSupply("water", label, np.array([20.0, 100.0]), np.zeros(2))
    held = within(place, [supply]).tonnes
    assert held.tolist() == [5.0, 15.0, 5.0, 0.0]  # half of each in the first; none without a pool
    tighter = replace(supply, tonnes=np.array([20.0, 1.0]))
    assert within(place, [supply, tighter]).tonnes.tolist() == [5.0, 15.0, 1.0, 0.0]
    assert supply.enough(50.0).tolist() == [[False, False], [True, False]]

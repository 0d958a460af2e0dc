"""What each method could do alone: never less than any plan gives it, and proven."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from competition_problems import problems
from demo_study import coarse_demo
from hypothesis import given, settings
from tiny_scenario import SCENARIO, write_world

import cdrsite
from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.objectives import Objective, least_cost, most_net, most_value
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    ArrayCells,
    Competitor,
    PoolFamily,
    Problem,
    RowTerm,
    SinkFamily,
    target,
)
from cdrsite.core.errors import InfeasibleError
from cdrsite.core.states import EXCLUDED, OUTSIDE, UNKNOWN
from cdrsite.study.alone import each_alone, owed_to
from cdrsite.testing.exact import solve_whole

FINE = SolverOptions(gap=1e-9, threads=1)


@pytest.mark.slow
@settings(max_examples=15)
@given(problems())
def test_no_plan_gives_a_method_more_than_it_could_do_alone(problem: Problem) -> None:
    for objective in (most_net(), least_cost(), most_value([RowTerm("net", 40.0)])):
        try:
            plan = solve(problem, objective, FINE)
        except InfeasibleError:
            continue
        net = plan.totals.by_combo[:, :, 1].sum(axis=0)
        free = replace(problem, policies=())
        for m, one in enumerate(each_alone(plan, 1e-9, 1)):
            assert one.net >= net[m]
            assert one.bound >= one.net >= one.bound * (1 - 2e-4)
            # the whole programme in HiGHS finds the same
            goal = Objective("net", (RowTerm("net", 1.0, (one.method,)),), "t/yr")
            best = solve_whole(free, goal).value
            size = max(best, 1.0)
            assert one.net <= best + 1e-6 * size and best <= one.bound + 1e-6 * size
            assert best - one.net <= 2e-4 * size
            if one.net > 1e-6:
                assert sum(one.limits.values()) == pytest.approx(1.0)
                assert all(share > 0 for share in one.limits.values())


def shared(supply: float) -> Problem:
    """Two cells and two methods that share a pool of water; half of the power comes from one."""
    cells = ArrayCells(
        land=np.full(2, 100.0),
        upper=np.full((2, 2), 10.0),
        net=np.array([[0.9], [0.5]]),
        cost=np.array([[100.0], [50.0]]),
        need=np.full((2, 1), 10.0),
        zone_ids={"basin": np.zeros(2, int)},
        sink=np.zeros((1, 2), np.int32),
        sink_cost=np.zeros((1, 2)),
        sink_loss=np.zeros((1, 2)),
    )
    return Problem(
        cells,
        [Competitor("dac"), Competitor("beccs")],
        [
            PoolFamily("water", "m3/yr", "basin", ("all",), np.array([supply]), {"dac": 2.0}),
            PoolFamily(
                "electricity", "kWh/yr", "basin", ("all",), np.array([4.0]),
                {"dac": 1.0, "beccs": -0.5},
            ),
        ],
        [SinkFamily("injectivity", "t/yr", ("unit",), np.array([50.0]))],
        [target(8.0)],
        n_sinks=1,
    )  # fmt: skip


def test_alone_by_hand() -> None:
    dac, beccs = each_alone(solve(shared(10.0), least_cost(), FINE), 1e-9, 1)
    # 10 m3 of water at 2 m3/t are 5 t; 4 kWh would do for 4, BECCS supplies the rest; the land of
    # two cells is 20 t in all. The target of 8 t that the plan must meet does not matter.
    assert (dac.method, dac.gross, dac.net) == ("dac", pytest.approx(5.0), pytest.approx(4.5))
    assert dac.cost == pytest.approx(500.0)  # without what the supplier costs
    assert dict(dac.limits) == {"water": pytest.approx(1.0)}
    assert (beccs.gross, beccs.net) == (pytest.approx(20.0), pytest.approx(10.0))
    assert dict(beccs.limits) == {"land": pytest.approx(1.0)}
    assert owed_to(solve(shared(1e3), most_net(), FINE))["land"] > 0


def test_equal_shares_go_to_allowed_cells_in_reach_only(tmp_path: Path) -> None:
    """A pool is shared by the land that may draw on it: all of it, and by nobody else."""
    path = write_world(tmp_path)
    result = cdrsite.run(cdrsite.load_scenario(path))
    data = result.dataset
    limit = data["limit"].to_numpy()
    water = data["supply_water"].to_numpy().astype(float)
    need = [i for i, n in enumerate(data["removal_method"].to_numpy()) if n != "afforestation"]
    closed = (limit[need] == EXCLUDED).all(axis=0)
    assert closed.any() and (water[closed & np.isfinite(water)] == 0).all()
    offered = sum(
        np.nansum(water[data["pool_water"].to_numpy() == z])
        for z in range(len(data["pool_water"].attrs["labels"]))
    )
    supplies = result.tables["pools"].query("family == 'water'")["supply"]
    assert offered == pytest.approx(supplies.sum(), rel=1e-6)


@pytest.mark.parametrize("goal", ["net_removal", "cost"])
def test_alone_in_a_study_is_not_below_its_plan(tmp_path: Path, goal: str) -> None:
    text = SCENARIO + f"objective: {{{'maximise' if goal == 'net_removal' else 'minimise'}: {goal}"
    text += ", target: 500 t/yr}\n" if goal == "cost" else "}\n"
    result = cdrsite.run(cdrsite.load_scenario(write_world(tmp_path, text)))
    for row in result.tables["methods"].to_dict("records"):
        assert row["alone_net_mt_yr"] >= row["net_mt_yr"]
        assert row["alone_bound_mt_yr"] >= row["alone_net_mt_yr"] > 0
        assert 0 <= row["alone_gap"] <= 1e-4
        assert row["alone_mean_cost_usd_t"] > 0 and row["alone_limits"].endswith("%")
    assert not any("potential" in name for name in [*result.dataset, *result.tables["methods"]])


def test_no_table_of_a_study_shows_more_use_than_supply(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Pools and storage units of the demo, as the files say it."""
    import pandas as pd

    folder = coarse_demo(tmp_path_factory)
    pools = pd.read_csv(folder / "tables" / "pools.csv")
    assert (pools["slack"] >= 0).all() and (pools["use"] <= pools["supply"]).all()
    assert (pools["use"] == pools["supply"]).any()
    storage = pd.read_csv(folder / "tables" / "storage.csv")
    assert (storage["injected_mt_yr"] <= storage["injection_mt_yr"]).all()
    assert (storage["years_to_full"].dropna() > 0).all()
    with rasterio.open(folder / "rasters" / "interchangeable.tif") as source:
        codes = set(np.unique(source.read(1)).tolist())
    assert {0, 1} < codes <= {0, 1, UNKNOWN, EXCLUDED, OUTSIDE}

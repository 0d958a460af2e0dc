"""What each method could do alone: never less than any plan gives it, and proven."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from competition_problems import problems
from demo_study import coarse_demo
from hypothesis import given, settings
from tiny_scenario import SCENARIO, write_world

import cdrsite
from cdrsite.competition.fewer import content_of, of_methods, who_brings
from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.objectives import Objective, least_cost, most_net, most_value
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    ArrayCells,
    Competitor,
    LandRow,
    PoolFamily,
    Problem,
    RowTerm,
    SinkFamily,
    target,
)
from cdrsite.competition.solution import Solution
from cdrsite.core.errors import InfeasibleError
from cdrsite.core.memory import WRITTEN_ROOM, Memory, remembering
from cdrsite.core.states import EXCLUDED, OUTSIDE, UNKNOWN
from cdrsite.study import alone
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


def test_who_brings_something_belongs_to_a_method_and_nobody_else() -> None:
    problem = shared(10.0)
    assert who_brings(problem, "dac") == ("dac", "beccs")
    assert who_brings(problem, "beccs") == ("beccs",)
    own = replace(problem, pools=[], local_need=[[1.0, -1.0]], local_names=["biomass"])
    assert who_brings(own, "dac") == ("dac", "beccs")
    power = replace(problem.pools[1], need={"dac": 1.0, "beccs": "need"})
    for least, known in ((0.5, ("dac",)), (-0.5, ("dac", "beccs"))):
        cells = replace(problem.cells, layers=np.array([[1.0, least]]))  # type: ignore[type-var]
        by_place = replace(problem, cells=cells, pools=[power], layers=["need"])
        assert who_brings(by_place, "dac") == known
    # a pool with less than nothing must be filled, whoever draws on it
    short = replace(problem.pools[1], supply=np.array([-1.0]), need={"beccs": -0.5})
    assert who_brings(replace(problem, pools=[short]), "dac") == ("dac", "beccs")


def test_a_part_has_nothing_of_the_others_and_the_same_optimum() -> None:
    problem = shared(10.0)
    part = of_methods(problem, ("beccs",))
    assert part.method_names == ("beccs",) and not part.pools and not part.policies
    goal = Objective("net", (RowTerm("net", 1.0, ("beccs",)),), "t/yr")
    whole = solve(replace(problem, policies=()), goal, FINE).report.value
    assert solve(part, goal, FINE).report.value == pytest.approx(whole)


@pytest.mark.parametrize("changed", ["dac", "beccs"])
def test_runs_that_differ_in_others_find_the_answer_again(
    monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    """And it is the one that a run without others before it has, to the last digit."""
    solved: list[str] = []

    def counted(problem: Problem, goal: Objective, options: SolverOptions) -> Solution:
        solved.append(goal.name.split()[-1])
        return solve(problem, goal, options)

    monkeypatch.setattr(alone, "solve", counted)
    problem = shared(10.0)
    net = np.array(problem.cells.read(0, 2).net)
    net[problem.method_names.index(changed)] *= 0.9
    other = replace(problem, cells=replace(problem.cells, net=net))  # type: ignore[type-var]
    plans = [solve(one, least_cost(), FINE) for one in (problem, other)]
    with remembering(Memory(WRITTEN_ROOM)):
        first, second = (each_alone(plan, 1e-9, 1) for plan in plans)
    # power for the capture comes from the other
    again = {"dac": ["dac"], "beccs": ["dac", "beccs"]}[changed]
    assert solved == ["dac", "beccs", *again]
    assert (first, second) == tuple(each_alone(plan, 1e-9, 1) for plan in plans)


@pytest.mark.parametrize("name", ["land", "upper", "net", "cost", "need", "sink_cost", "zone_ids"])
def test_another_value_of_any_cell_is_another_content(name: str) -> None:
    problem = of_methods(shared(10.0), ("dac", "beccs"))
    cells = shared(10.0).cells
    given: Any = getattr(cells, name)
    other = {"basin": given["basin"] - 1} if name == "zone_ids" else given + 1
    changed = replace(cells, **{name: other})  # type: ignore[type-var]
    again = of_methods(replace(shared(10.0), cells=changed), ("dac", "beccs"))
    assert _told(content_of(problem)) == _told(
        content_of(of_methods(shared(10.0), ("dac", "beccs")))
    )
    assert _told(content_of(again)) != _told(content_of(problem))


def test_another_number_of_any_row_is_another_content() -> None:
    problem = shared(10.0)
    water, power = problem.pools
    others = [
        replace(problem, pools=[replace(water, supply=np.array([9.0])), power]),
        replace(problem, pools=[replace(water, need={"dac": 2.5}), power]),
        replace(problem, pools=[water, replace(power, flat=0.5)]),
        replace(problem, sinks=[replace(problem.sinks[0], supply=np.array([51.0]))]),
        replace(problem, methods=[Competitor("dac", stored=0.9), problem.methods[1]]),
        replace(problem, land_rows=[LandRow("shared", [1.0, 0.0])]),
    ]
    told = [_told(content_of(of_methods(one, ("dac", "beccs")))) for one in (problem, *others)]
    assert len({repr(one) for one in told}) == len(told)


def _told(content: tuple[Any, ...]) -> list[Any]:
    """Content that can be compared."""
    return [one.tolist() if isinstance(one, np.ndarray) else one for one in content]

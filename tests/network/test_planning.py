"""Planned networks: trends above the model, cost recomputed from parts, modes, targets."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.config.network import Network
from cdrsite.core.errors import CdrsiteWarning, ConfigError, InfeasibleError
from cdrsite.core.grid import AnalysisGrid
from cdrsite.core.layernames import layer_names
from cdrsite.network.candidates import Candidates, ExistingPipe, candidate_network
from cdrsite.network.gather import gather_plants
from cdrsite.network.planning import (
    Options,
    Planned,
    ShipLink,
    StorageUnit,
    plan_network,
)
from cdrsite.network.plants import PlantRules, Plants
from cdrsite.network.trends import fit_trends, pipe_trends, ship_trends
from cdrsite.transport.costmodels import levelised, ship, truck
from cdrsite.transport.pipelines import Basis

GRID = AnalysisGrid.from_bounds("EPSG:3035", (4e6, 3e6, 4.8e6, 3.2e6), 10_000.0, snap=None)
QUICK = Options(modes=("pipeline",), gap=1e-6, gap_of="total")


def plants_at(places: dict[tuple[int, int], float], share: float = 1.0) -> Plants:
    """Plants on the given cells, by tonnes [t/yr]."""
    amount = np.zeros((1, *GRID.shape))
    for place, tonnes in places.items():
        amount[0][place] = tonnes
    rule = PlantRules("daccs-solid", 1e4, 2e6, 5.0, stored_share=share)
    return gather_plants(amount, [rule], GRID, allowed=amount > 0)


def network_for(
    plants: Plants, units: list[tuple[int, int]], pipes: tuple[ExistingPipe, ...] = ()
) -> Candidates:
    friction = np.ones(GRID.shape)
    places = [(np.array([row]), np.array([col])) for row, col in units]
    return candidate_network(
        friction, GRID, [(p.row, p.col) for p in plants.plants], places, pipes=pipes
    )


def unit(name: str = "A", rate: float = 5e6, cost: float = 8.0, **more: float) -> StorageUnit:
    return StorageUnit(name, rate, 1e9, cost, **more)


def recomputed(planned: Planned) -> float:
    """Cost of a plan from its parts, the trends looked up again [million USD/yr]."""
    arcs = {arc.id: arc for arc in planned.problem.arcs}
    total = 0.0
    for pipe in planned.pipes:
        flow = pipe.flow_t_yr / 1e6
        fitting = [t for t in arcs[pipe.id].trends if t.capacity_mt_yr >= flow - 1e-9]
        total += min(t.fixed_musd_yr + t.slope_usd_t * flow for t in fitting)
    for sink, use in zip(planned.problem.sinks, planned.storage, strict=True):
        if use.stored_t_yr > 0:
            total += sink.fixed_musd_yr + sink.well_musd_yr * use.wells
            total += sink.injection_usd_t * use.stored_t_yr / 1e6
    return total + sum(p.capture_usd_yr for p in planned.plants) / 1e6


def test_trends_of_a_curve_of_two_lines_are_those_lines() -> None:
    flow = np.linspace(0.1, 10, 100)
    found = fit_trends(flow, np.minimum(1 + 2 * flow, 5 + 0.5 * flow), 3)
    best = {(round(a, 6), round(b, 6)) for a, b in zip(found.fixed, found.slope, strict=True)}
    assert {(1.0, 2.0), (5.0, 0.5)} <= best
    np.testing.assert_allclose(found.cost(np.array([1.0, 8.0])), [3.0, 9.0])


@pytest.mark.parametrize("model", ["central", "parker-2004", "simccs-trend", "nems-ccats"])
def test_trends_lie_above_the_model_and_more_lines_are_closer(model: str) -> None:
    flow = np.geomspace(0.01, 30.0, 160)
    own = levelised(model, flow * 1e6, 100.0) * flow / 100.0
    errors = []
    for segments in (1, 2, 4):
        found = pipe_trends(30.0, model=model, segments=segments)
        assert (found.cost(flow) >= own * (1 - 1e-9)).all()
        assert len(found.fixed) <= segments
        assert found.error == pytest.approx(float((found.cost(flow) / own).max() - 1), abs=1e-9)
        errors.append(found.error)
    assert errors[0] >= errors[1] >= errors[2]


@given(seed=st.integers(0, 10_000), segments=st.integers(1, 4))
def test_trends_lie_above_any_curve(seed: int, segments: int) -> None:
    rng = np.random.default_rng(seed)
    flow = np.cumsum(rng.uniform(0.1, 1.0, 30))
    cost = np.cumsum(rng.uniform(0.0, 1.0, 30)) + 0.1
    found = fit_trends(flow, cost, segments)
    assert (found.cost(flow) >= cost * (1 - 1e-9)).all()
    assert all(a >= 0 and b >= 0 for a, b in zip(found.fixed, found.slope, strict=True))


def test_one_plant_one_unit_by_hand() -> None:
    plants = plants_at({(5, 0): 1e6}, share=0.9)
    planned = plan_network(plants, [unit()], network_for(plants, [(5, 20)]), options=QUICK)
    (pipe,) = planned.pipes
    assert (pipe.mode, pipe.start, pipe.end) == ("pipeline", "daccs-solid 1", "access to A")
    assert (pipe.flow_t_yr, pipe.length_km, pipe.inch, pipe.lines) == (
        pytest.approx(0.9e6), pytest.approx(200.0), 8.0, 1,
    )  # fmt: skip
    expected = float(planned.trends.cost(np.array([0.9]))[0]) * 200.0
    assert planned.costs["pipeline"] / 1e6 == pytest.approx(expected)
    assert planned.costs["storage"] == pytest.approx(8 * 0.9e6)
    assert pipe.model_usd_yr == pytest.approx(float(levelised("central", 0.9e6, 200.0)) * 0.9e6)
    assert planned.plan.status == "optimal"
    line = pipe.line(GRID)
    assert line is not None
    assert line.coords[0] == (GRID.x[0], GRID.y[5])
    assert line.coords[-1] == (GRID.x[20], GRID.y[5])
    assert line.length == pytest.approx(200_000.0)


def test_plants_that_lie_on_one_way_share_a_pipe() -> None:
    plants = plants_at({(5, 0): 1e6, (5, 10): 1e6})
    planned = plan_network(plants, [unit()], network_for(plants, [(5, 40)]), options=QUICK)
    assert sorted(round(p.flow_t_yr) for p in planned.pipes) == [1_000_000, 2_000_000]
    assert sum(p.length_km for p in planned.pipes) == pytest.approx(400.0)


def test_cost_recomputed_and_balance_and_determinism() -> None:
    rng = np.random.default_rng(1)
    places = {tuple(map(int, p)): float(rng.uniform(2e5, 2e6)) for p in rng.integers(0, 20, (5, 2))}
    plants = plants_at(places)  # type: ignore[arg-type]
    candidates = network_for(plants, [(2, 60), (18, 50)])
    units = [
        unit("A", 3e6, 5.0, well_rate_t_yr=1e6, well_usd_yr=2e6),
        unit("B", 9e6, 9.0, fixed_usd_yr=1e6),
    ]
    options = replace(
        QUICK, modes=("pipeline", "truck"), gap=1e-3, capture_usd_t={"daccs-solid": 300.0}
    )
    planned = plan_network(plants, units, candidates, options=options)
    again = plan_network(plants, units, candidates, options=options)
    assert repr(planned.pipes) == repr(again.pipes)
    assert planned.plan.gap <= 1e-3
    assert planned.plan.objective == pytest.approx(recomputed(planned), rel=1e-9)
    assert sum(planned.costs.values()) / 1e6 == pytest.approx(planned.plan.objective, rel=1e-9)
    captured = sum(p.stored_t_yr for p in planned.plants)
    assert captured == pytest.approx(sum(p.gross_t_yr for p in plants.plants))
    assert captured == pytest.approx(sum(s.stored_t_yr for s in planned.storage))
    for use in planned.storage:
        assert use.stored_t_yr <= use.room_t_yr * (1 + 1e-9)
    assert planned.storage[0].wells == math.ceil(planned.storage[0].stored_t_yr / 1e6 - 1e-9)
    tables = planned.tables()
    assert set(tables) == {"plants", "pipes", "storage", "costs"}
    assert sum(row["cost_usd_t"] for row in tables["costs"]) == pytest.approx(
        planned.plan.cost_usd_t
    )


def test_small_flows_go_by_truck_and_pay_loading_once() -> None:
    plants = plants_at({(5, 0): 1.2e4})
    candidates = network_for(plants, [(5, 8)])
    planned = plan_network(
        plants,
        [unit()],
        candidates,
        options=replace(QUICK, modes=("pipeline", "truck"), model="high"),
    )
    (line,) = planned.pipes
    assert line.mode == "truck"
    assert line.cost_usd_yr == pytest.approx(float(truck(1.0, 80.0)) * 1.2e4)
    assert line.cost_usd_yr < float(levelised("high", 1.2e4, 80.0)) * 1.2e4


def test_existing_pipe_is_used_up_to_its_capacity() -> None:
    plants = plants_at({(5, 0): 1e6, (5, 1): 1e6})
    pipe = ExistingPipe("old", np.array([5, 5]), np.array([1, 40]), 1.5e6)
    candidates = network_for(plants, [(5, 40)], (pipe,))
    planned = plan_network(plants, [unit()], candidates, options=QUICK)
    old = [p for p in planned.pipes if p.mode == "existing pipeline"]
    assert old
    assert max(p.flow_t_yr for p in old) <= 1.5e6 * (1 + 1e-9)
    assert all(p.cost_usd_yr == 0 for p in old)


def test_ships_between_given_ports() -> None:
    plants = plants_at({(5, 0): 1e6})
    candidates = network_for(plants, [(5, 75)])
    links = [ShipLink(int(candidates.plant_node[0]), int(candidates.storage_node[0]), 500.0)]
    planned = plan_network(
        plants,
        [unit()],
        candidates,
        options=replace(QUICK, model="high", modes=("pipeline", "ship")),
        ships=links,
    )
    (line,) = planned.pipes
    assert line.mode == "ship"
    assert line.line(GRID) is None
    flow = np.array([1.0, 4.0])
    lines = ship_trends(500.0, 10.0)
    least = np.min([t.fixed_musd_yr + t.slope_usd_t * flow for t in lines], axis=0)
    assert (least >= ship(flow * 1e6, 500.0) * flow * (1 - 1e-9)).all()


def test_a_plant_on_its_storage_needs_no_pipe() -> None:
    plants = plants_at({(5, 5): 1e6})
    planned = plan_network(plants, [unit()], network_for(plants, [(5, 5)]), options=QUICK)
    assert planned.pipes == ()
    assert planned.storage[0].stored_t_yr == pytest.approx(1e6)


def test_targets() -> None:
    plants = plants_at({(5, 0): 1e6, (5, 60): 1e6})
    candidates = network_for(plants, [(5, 70)])
    half = plan_network(plants, [unit()], candidates, options=replace(QUICK, target=1e6))
    assert [round(p.stored_t_yr) for p in half.plants] == [0, 1_000_000]
    assert half.unserved_t_yr == pytest.approx(1e6)
    with pytest.raises(InfeasibleError, match="above what the sources"):
        plan_network(plants, [unit()], candidates, options=replace(QUICK, target=3e6))
    with pytest.warns(CdrsiteWarning, match="storage takes 1.5 Mt/yr"):
        short = plan_network(plants, [unit(rate=1.5e6)], candidates, options=QUICK)
    assert short.wanted_t_yr == pytest.approx(1.5e6)


def test_wrong_input() -> None:
    plants = plants_at({(5, 0): 1e6})
    candidates = network_for(plants, [(5, 20)])
    with pytest.raises(ConfigError, match="storage units do not match"):
        plan_network(plants, [], candidates)
    with pytest.raises(ConfigError, match="neither injectivity nor capacity"):
        plan_network(plants, [StorageUnit("A", math.inf, math.inf)], candidates)
    with pytest.raises(ConfigError, match="plants do not match"):
        plan_network(plants_at({(5, 0): 1e6, (5, 9): 1e6}), [unit()], candidates)
    with pytest.raises(ConfigError, match="nothing to store"):
        plan_network(plants_at({(5, 0): 1e6}, share=0.0), [unit()], candidates)


def test_utilisation_makes_pipes_larger() -> None:
    plants = plants_at({(5, 0): 1e6})
    candidates = network_for(plants, [(5, 20)])
    sizes = [
        plan_network(
            plants, [unit()], candidates, options=QUICK, basis=Basis(utilisation=u)
        ).pipes[0].inch
        for u in (1.0, 0.5)
    ]  # fmt: skip
    assert sizes == [8.0, 12.0]
    assert all(a < b for a, b in itertools.pairwise(sizes))


def test_trucks_alone_carry_all_and_no_pipe_is_laid() -> None:
    plants = plants_at({(5, 0): 1e6, (2, 3): 2e5})
    candidates = network_for(plants, [(5, 20)])
    roads = replace(QUICK, modes=("truck",), detour=1.3)
    planned = plan_network(plants, [unit()], candidates, options=roads)
    assert {pipe.mode for pipe in planned.pipes} == {"truck"}
    assert sum(plant.stored_t_yr for plant in planned.plants) == pytest.approx(1.2e6)
    direct = plan_network(plants, [unit()], candidates, options=replace(roads, detour=1.0))
    assert [p.length_km for p in planned.pipes] == pytest.approx(
        [1.3 * p.length_km for p in direct.pipes]
    )
    assert planned.costs["truck"] > direct.costs["truck"]


def test_scenario_section() -> None:
    section = Network.model_validate(
        {
            "plan": True,
            "target": "2 Mt/yr",
            "plants": {"daccs-solid": {"least": "0.05 Mt/yr", "catchment": "20 km"}},
            "pipelines": {"layer": "lines"},
            "sites": {"layer": "mills"},
            "time_limit": "2 min",
        }
    )
    assert (section.target, section.time_limit) == (2e6, 120.0)
    assert section.plants["daccs-solid"].least == 5e4
    assert list(layer_names(section)) == [("mills", "sites.layer"), ("lines", "pipelines.layer")]
    assert Network().target == "all"
    assert not Network().plan


@pytest.mark.parametrize(
    ("given_", "match"),
    [
        ({"target": "some"}, "target"),
        ({"model": "parker"}, "no such pipeline model"),
        ({"plants": {"daccs-solid": {"least": 5, "most": 2}}}, "wrong way round"),
        ({"nearest": 0}, "nearest"),
    ],
)
def test_wrong_scenario_sections(given_: dict[str, object], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Network.model_validate(given_)

"""Transport cost models: published numbers come out, costs rise with flow and length."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.core.currency import convert
from cdrsite.core.errors import ConfigError
from cdrsite.library.transport import load_transport_model, load_transport_models
from cdrsite.transport import costmodels, hydraulics, pipelines
from cdrsite.transport.costmodels import (
    levelised,
    road_or_pipe,
    ship,
    truck,
    unit_cost,
)
from cdrsite.transport.hydraulics import nominal_diameter, parallel_lines
from cdrsite.transport.pipelines import Basis, investment

PIPES = sorted(n for n, m in load_transport_models().items() if m.mode.endswith("pipeline"))
FLOWS = np.array([1e6, 3e6, 10e6, 20e6])
flows = st.floats(1e4, 3e8)
lengths = st.floats(1.0, 1500.0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("parker-2004", [0.434, 0.550, 0.862, 1.403]),
        ("mccoy-rubin-2008", [0.190, 0.276, 0.454, 0.688]),
        ("rui-2011", [0.130, 0.199, 0.347, 0.549]),
        ("brown-2022", [0.145, 0.238, 0.445, 0.734]),
        ("ieaghg-offshore-2002", [0.595, 0.650, 0.820, 1.143]),
        ("simccs-trend", [0.547, 0.779, 1.553, 2.336]),
        ("nems-ccats", [0.106, 0.318, 1.060, 2.120]),
    ],
)
def test_scale_check_at_100_km(name: str, expected: list[float]) -> None:
    # millions per km in the model's own money, natural gas line
    got = investment(name, FLOWS, 100.0, co2=False) / 1e8
    assert got == pytest.approx(expected, abs=6e-4)


def test_diameters_of_the_scale_check() -> None:
    assert nominal_diameter(FLOWS).tolist() == [8, 12, 20, 30]
    assert nominal_diameter(hydraulics.NOMINAL_CAPACITY).tolist() == [
        4, 6, 8, 12, 16, 20, 24, 30, 36, 42, 48,
    ]  # fmt: skip
    assert nominal_diameter(1.0) == 4


@pytest.mark.parametrize(
    ("name", "annuity", "expected"),
    [
        ("parker-2004", 0.1 + 0.025, [19.3, 5.4, 1.73, 0.88]),
        ("simccs-trend", 0.1, [18.4, 5.5, 2.0, 1.17]),
    ],
)
def test_levelised_scale_check(name: str, annuity: float, expected: list[float]) -> None:
    flow = np.array([0.25e6, 1e6, 5e6, 20e6])
    got = investment(name, flow, 100.0, co2=False) * annuity / flow
    assert got == pytest.approx(expected, rel=0.015)


def test_levelised_is_annuity_and_operation_of_the_investment() -> None:
    basis = Basis(crf=0.08, base_year=2011, boosters=False)
    got = levelised("parker-2004", 1e6, 100.0, basis)
    # 43.394 M for the gas line, 1.357 M for tank and controls, no extra wall at 8 inch
    assert got == pytest.approx((43.394 + 1.357) * (0.08 + 0.025), rel=1e-3)


def test_thicker_wall_of_a_large_co2_line() -> None:
    gas = investment("parker-2004", 20e6, 100.0, co2=False)
    parts = {
        name: c["e"] * (c["c0"] + 100 / 1.609344 * (c["c1"] * 900 + c["c2"] * 30 + c["c3"]))
        for name, c in load_transport_model("parker-2004").coefficients.items()
    }
    lumps = parts["surge_tank"] + parts["control_system"]
    assert lumps == 1_244_744 + 111_907
    expected = gas + 0.25 * (parts["material"] + parts["labor"]) + lumps
    assert investment("parker-2004", 20e6, 100.0) == pytest.approx(float(expected))


def test_money_is_of_the_base_year() -> None:
    own = investment("brown-2022", 1e6, 100.0)
    assert investment("brown-2022", 1e6, 100.0, base_year=2018) == pytest.approx(own)
    assert investment("brown-2022", 1e6, 100.0, base_year=2024) == pytest.approx(
        own * 125.2 / 102.3
    )
    euro = investment("ieaghg-offshore-2002", 1e6, 100.0)
    assert investment("ieaghg-offshore-2002", 1e6, 100.0, base_year=2020) == pytest.approx(
        float(euro) * 0.9232 * 105.4 / 72.7
    )
    # a model without a year is not inflated
    assert investment("simccs-trend", 1e6, 1.0, base_year=2024) == investment(
        "simccs-trend", 1e6, 1.0
    )


def test_danish_classes_become_a_rising_curve() -> None:
    model = load_transport_model("dea-onshore")
    # at the geometric middle of each class the published average comes out
    for hourly, unit in ((300**0.5, 15.0), (3600**0.5, 8.0), (60000**0.5, 2.3)):
        got = investment(model, hourly * 8760, 100.0)
        assert got == pytest.approx(unit * hourly * 100_000)
    flow = np.geomspace(5e4, 1e8, 400)
    total = investment(model, flow, 100.0)
    assert np.all(np.diff(total) > 0)
    assert np.all(np.diff(total / flow) < 0)


@pytest.mark.parametrize(
    ("size", "expected"),
    [("large", [6.9, 9.7, 14.5, 24.1]), ("small", [10.5, 14.7, 21.7, 35.8])],
)
def test_ships_sailing_cost(size: str, expected: list[float]) -> None:
    crf = 0.08 / (1 - 1.08**-40)
    basis = Basis(crf=crf, size=size)  # type: ignore[arg-type]
    got = ship(
        1e6, np.array([200, 500, 1000, 2000]), basis, terminals=False, whole_ship=False
    ) / convert(1.0, "EUR", 2020, 2020)
    assert got == pytest.approx(expected, abs=0.06)


def test_a_small_flow_pays_for_a_whole_ship() -> None:
    shared = ship(1e4, 500.0, whole_ship=False)
    whole = ship(1e4, 500.0)
    model = load_transport_model("dea-ship")
    one_ship = 10_000 * model.coefficients["large"]["capex"] * 0.15 / 1e4 * 1.141
    assert whole > one_ship > shared
    assert ship(1e8, 500.0) == pytest.approx(float(ship(1e8, 500.0, whole_ship=False)))


def test_trucks() -> None:
    euro = convert(1.0, "EUR", 2020, 2020)
    basis = Basis()
    got = (truck(1e4, np.array([50.0, 100.0, 200.0])) - costmodels.liquefaction(basis)) / euro
    assert got == pytest.approx([10.8, 17.8, 31.8])
    # (1.33 - 0.03412) M EUR per t/h, 15 % a year, and 17.9 kWh/t
    by_hand = (1.33e6 - 34_120) * euro / 8760 * 0.15 + 17.9 * 0.06
    assert costmodels.liquefaction(basis) == pytest.approx(by_hand)


def test_trucks_where_a_routed_pipeline_is_dear() -> None:
    road = float(truck(1.0, 40.0))
    pipe = np.array([[road + 1, road - 1], [np.inf, 0.0]])
    wins, cost = road_or_pipe(pipe, np.array([[40.0, 40.0], [np.inf, 0.0]]))
    assert wins.tolist() == [[True, False], [False, False]]
    assert cost.tolist() == [[road, road - 1], [np.inf, 0.0]]


@given(flow=flows, length=lengths, name=st.sampled_from(sorted(load_transport_models())))
def test_costs_are_positive_and_rise_with_length(flow: float, length: float, name: str) -> None:
    short, long = levelised(name, flow, np.array([length, 1.5 * length]))
    assert 0 < short < long < np.inf


@given(flow=flows, length=st.floats(10, 1500), name=st.sampled_from(PIPES))
def test_a_larger_line_never_costs_less_in_all(flow: float, length: float, name: str) -> None:
    small, large = investment(name, np.array([flow, 1.3 * flow]), length)
    if not (parallel_lines(flow) == 1 and parallel_lines(1.3 * flow) > 1):
        assert small <= large * (1 + 1e-12)


@given(flow=flows, length=lengths)
def test_arrays_equal_scalars(flow: float, length: float) -> None:
    grid = levelised("central", np.array([[flow], [2 * flow]]), np.array([length, 3 * length]))
    assert grid.shape == (2, 2)
    assert grid[1, 0] == pytest.approx(float(levelised("central", 2 * flow, length)), rel=1e-12)


def test_nominal_sizes_agree_with_the_hydraulics() -> None:
    # NETL: 2200 psig at the inlet, 1200 before the next booster, 100 km apart
    wanted = (2200 - 1200) * 6894.757 / 100_000
    flow, outer = hydraulics.NOMINAL_CAPACITY, hydraulics.NOMINAL_INCH * 0.0254
    assert np.all(hydraulics.pressure_gradient(flow, 0.89 * outer) > wanted)
    assert np.all(hydraulics.pressure_gradient(flow, 0.99 * outer) < wanted)


def test_friction_factor_of_a_known_pipe() -> None:
    # Moody chart: relative roughness 1e-4, Re 1e6 -> 0.0134 (Colebrook)
    assert hydraulics.friction_factor(1e6, 1e-4) == pytest.approx(0.0134, rel=0.01)


def test_booster_energy_is_a_few_kwh() -> None:
    energy = hydraulics.booster_energy(hydraulics.NOMINAL_CAPACITY) * 100
    assert np.all((energy > 0.5) & (energy < 5))
    own = levelised("nems-ccats", 1e6, 100.0, Basis(electricity=1.0)) - levelised(
        "nems-ccats", 1e6, 100.0, Basis(electricity=0.0)
    )
    assert own == pytest.approx(0.15)


def test_unit_cost_follows_the_model() -> None:
    line = unit_cost(1e6)
    assert line.fixed >= 0
    lengths = np.array([50.0, 300.0])
    assert line.cost(lengths) == pytest.approx(levelised("central", 1e6, lengths))
    between = np.array([100.0, 200.0, 500.0])
    assert line.cost(between) == pytest.approx(levelised("central", 1e6, between), rel=0.06)
    road = unit_cost(1e4, "dea-truck", Basis())
    assert road.per_km == pytest.approx(0.14 * convert(1.0, "EUR", 2020, 2020))


@given(flow=st.floats(1e4, 1e8), name=st.sampled_from(["low", "central", "high", *PIPES]))
def test_unit_cost_is_never_negative(flow: float, name: str) -> None:
    line = unit_cost(flow, name)
    assert line.fixed >= 0
    assert line.per_km > 0


def test_more_than_one_line_beyond_the_largest_size() -> None:
    assert parallel_lines([1e6, 119.16e6, 120e6, 300e6]).tolist() == [1, 1, 2, 3]
    assert investment("parker-2004", 200e6, 100.0) == 2 * investment("parker-2004", 100e6, 100.0)


def test_utilisation_builds_a_larger_line() -> None:
    half = Basis(utilisation=0.5, electricity=0.0)
    full = Basis(electricity=0.0)
    assert levelised("rui-2011", 1e6, 100.0, half) == pytest.approx(
        2 * float(levelised("rui-2011", 2e6, 100.0, full))
    )


def test_regions() -> None:
    north = levelised("mccoy-rubin-2008", 1e6, 100.0, Basis(region="northeast"))
    assert north > levelised("mccoy-rubin-2008", 1e6, 100.0)
    # Parker has no regions
    assert levelised("parker-2004", 1e6, 100.0, Basis(region="northeast")) == levelised(
        "parker-2004", 1e6, 100.0
    )
    with pytest.raises(ConfigError, match="did you mean 'northeast'"):
        Basis(region="north-east")


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_flow_and_length_are_positive(bad: float) -> None:
    with pytest.raises(ConfigError, match="flow"):
        levelised("central", bad, 1.0)
    with pytest.raises(ConfigError, match="length"):
        investment("parker-2004", 1e6, bad)
    with pytest.raises(ConfigError, match="recovery"):
        Basis(crf=bad)


def test_other_bad_input() -> None:
    with pytest.raises(ConfigError, match="did you mean 'parker-2004'"):
        levelised("parker", 1e6, 1.0)
    with pytest.raises(ConfigError, match="not a pipeline"):
        investment("dea-truck", 1e6, 1.0)
    with pytest.raises(ConfigError, match="utilisation"):
        Basis(utilisation=0.0)
    with pytest.raises(ConfigError, match="negative"):
        Basis(electricity=-1.0)
    with pytest.raises(ConfigError, match="parallel"):
        nominal_diameter(2e8)
    assert pipelines.HOURS == 8760

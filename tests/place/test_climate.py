"""Climate factors of direct air capture against the published points."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.core.checked import checked
from cdrsite.core.errors import ConfigError, DataError
from cdrsite.library.methods import load_method
from cdrsite.place.climate import AnchoredNeeds
from cdrsite.place.climate_table import (
    MONTH_DAYS,
    CheapestPoint,
    ClimateTable,
    ClimateValues,
    annual_climate_values,
    climate_values,
)

EVERYWHERE = (-100.0, 100.0)


def climate_table(
    rows: tuple[tuple[float, ...], ...],
    clamp_temperature: tuple[float, float] = EVERYWHERE,
    clamp_humidity: tuple[float, float] = EVERYWHERE,
) -> ClimateTable:
    """Build a table from rows of degC, %, electricity, heat, productivity."""
    names = ("temperature", "humidity", "electricity", "heat", "productivity")
    table = {
        "clamp": {"temperature": clamp_temperature, "humidity": clamp_humidity},
        "points": [dict(zip(names, row, strict=True)) if np.ndim(row) else [row] for row in rows],
        "time_step": "monthly",
        "source": "test",
        "locator": "test",
    }
    return checked(dict[str, ClimateTable], {"climate": table}, "own.yaml", {})["climate"]


# Wiegner et al. 2022, point of least energy: degC, %, kWh_el/t, kWh_th/t, kg CO2/h per module
WIEGNER = (
    (5, 75, 77, 780, 11.5),
    (5, 0, 86, 1352, 10.1),
    (20, 43, 114, 2082, 7.8),
    (20, 100, 103, 1516, 7.8),
    (40, 22, 1021, 2808, 4.9),
    (40, 75, 225, 6896, 3.3),
)
SOLID = climate_table(WIEGNER)
# An et al. 2022: 11.1 to 8.3 GJ/t and a cost factor of about 2 from cold and dry to warm and humid
LIQUID = climate_table(
    (
        (0, 20, 11.1, 11.1, 0.5),
        (0, 90, 10.0, 10.0, 0.65),
        (30, 20, 9.5, 9.5, 0.8),
        (30, 90, 8.3, 8.3, 1.0),
    ),
)


def shipped(name: str) -> ClimateTable:
    """Table of a method of the library."""
    table = load_method(name).climate
    assert table is not None
    return table


@pytest.mark.parametrize("row", WIEGNER)
def test_published_points_are_met(row: tuple[float, ...]) -> None:
    got = climate_values(SOLID, row[0], row[1])
    assert (got.electricity, got.heat, got.productivity) == pytest.approx(row[2:])


def test_between_points_written_out() -> None:
    got = climate_values(SOLID, [5.0, 12.5, 30.0], [37.5, 75.0, 75.0])
    humid_20 = 2082 + (75 - 43) / (100 - 43) * (1516 - 2082)
    expected = [(1352 + 780) / 2, (780 + humid_20) / 2, (humid_20 + 6896) / 2]
    np.testing.assert_allclose(got.heat, expected)


def test_held_at_the_edges() -> None:
    outside = climate_values(SOLID, [-30.0, 4.9, 55.0], [90.0, 0.0, 5.0])
    edge = climate_values(SOLID, [5.0, 5.0, 40.0], [75.0, 0.0, 22.0])
    for name in ("electricity", "heat", "productivity"):
        np.testing.assert_array_equal(getattr(outside, name), getattr(edge, name))


def test_the_two_kinds_have_opposite_signs() -> None:
    cool_humid, hot_humid = (climate_values(SOLID, t, 75.0) for t in (5.0, 40.0))
    assert hot_humid.heat / cool_humid.heat == pytest.approx(8.84, abs=0.01)
    assert cool_humid.productivity / hot_humid.productivity == pytest.approx(3.48, abs=0.01)
    cold, warm = (climate_values(LIQUID, *climate) for climate in ((0.0, 20.0), (30.0, 90.0)))
    assert cold.heat / warm.heat == pytest.approx(11.1 / 8.3)
    assert warm.productivity / cold.productivity == pytest.approx(2.0)


def test_constant_year_is_the_annual_mean() -> None:
    temperature, humidity = np.array([[8.0, 31.0]]), np.array([[60.0, 33.0]])
    once = climate_values(SOLID, temperature, humidity)
    year = annual_climate_values(
        SOLID, np.broadcast_to(temperature, (12, 1, 2)), np.broadcast_to(humidity, (12, 1, 2))
    )
    for name in ("electricity", "heat", "productivity"):
        np.testing.assert_allclose(getattr(year, name), getattr(once, name), rtol=1e-12)


def test_year_is_weighted_by_what_is_captured() -> None:
    # half the months at 5 degC/75 % (780 kWh, 11.5 kg/h), half at 40 degC/75 % (6896, 3.3)
    cold = [True, False] * 6
    days = np.array(MONTH_DAYS)
    cold_days, hot_days = days[::2].sum(), days[1::2].sum()
    year = annual_climate_values(SOLID, np.where(cold, 5.0, 40.0), np.full(12, 75.0))
    captured = 11.5 * cold_days + 3.3 * hot_days
    heat = (780 * 11.5 * cold_days + 6896 * 3.3 * hot_days) / captured
    assert year.heat == pytest.approx(heat)
    assert year.productivity == pytest.approx(captured / days.sum())


def test_unknown_passes() -> None:
    temperature = np.full((12, 3), 10.0)
    humidity = np.full((12, 3), 60.0)
    temperature[4, 1] = math.nan
    humidity[7, 2] = math.nan
    year = annual_climate_values(SOLID, temperature, humidity)
    for name in ("electricity", "heat", "productivity"):
        np.testing.assert_array_equal(np.isnan(getattr(year, name)), [False, True, True])
    assert np.isnan(climate_values(SOLID, math.nan, math.nan).heat)


def test_single_precision_stays_and_agrees() -> None:
    generator = np.random.default_rng(1)
    temperature = generator.uniform(-20, 45, (12, 4, 5))
    humidity = generator.uniform(0, 100, (12, 4, 5))
    double = annual_climate_values(SOLID, temperature, humidity)
    single = annual_climate_values(
        SOLID, temperature.astype(np.float32), humidity.astype(np.float32)
    )
    assert single.heat.dtype == np.float32
    np.testing.assert_allclose(single.heat, double.heat, rtol=2e-6)


@given(st.floats(-40, 50), st.floats(0, 100))
def test_values_stay_within_the_table(temperature: float, humidity: float) -> None:
    got = climate_values(SOLID, temperature, humidity)
    assert 780 * (1 - 1e-12) <= got.heat <= 6896 * (1 + 1e-12)
    assert 3.3 * (1 - 1e-12) <= got.productivity <= 11.5 * (1 + 1e-12)


@given(st.floats(-40, 50), st.floats(0, 100))
def test_against_two_plain_interpolations(temperature: float, humidity: float) -> None:
    at_nodes = [
        np.interp(humidity, [0, 75], [1352, 780]),
        np.interp(humidity, [43, 100], [2082, 1516]),
        np.interp(humidity, [22, 75], [2808, 6896]),
    ]
    expected = np.interp(temperature, [5, 20, 40], at_nodes)
    assert climate_values(SOLID, temperature, humidity).heat == pytest.approx(expected, rel=1e-12)


def test_one_point_is_a_constant() -> None:
    table = climate_table(((20, 50, 1, 1, 1),))
    np.testing.assert_array_equal(climate_values(table, [-5.0, 35.0], 20.0).heat, [1.0, 1.0])


@pytest.mark.parametrize(("temperature", "humidity"), [(288.0, 50.0), (15.0, 288.0), (15.0, -9.0)])
def test_other_units_are_refused(temperature: float, humidity: float) -> None:
    with pytest.raises(DataError, match="unit"):
        climate_values(SOLID, [temperature, math.nan], humidity)


def test_eleven_months_are_refused() -> None:
    with pytest.raises(DataError, match="12 months"):
        annual_climate_values(SOLID, np.zeros((11, 2)), np.zeros((11, 2)))


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ((), "climate.points: Tuple should have at least 1 item"),
        (((5, 0, 1, 1, 1), (5, 0, 2, 2, 2)), "climate.points.1: a climate twice"),
        (((5, 0, 1, 0, 1),), "climate.points.0.heat: not positive; got 0; cure: where a method"),
        ((5, 0, 1, 1, 1), "climate.points.0: not a row of 6"),
        (((5, math.nan, 1, 1, 1),), "climate.points.0.humidity: Input should be a finite number"),
    ],
)
def test_bad_tables_are_refused(rows: tuple[tuple[float, ...], ...], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        climate_table(rows)


def test_clamps_narrower_than_the_table_hold() -> None:
    table = climate_table(WIEGNER, (10.0, 30.0), (10.0, 90.0))
    outside = climate_values(table, [-5.0, 45.0], [0.0, 100.0])
    edge = climate_values(SOLID, [10.0, 30.0], [10.0, 90.0])
    np.testing.assert_array_equal(outside.heat, edge.heat)


# what the literature's plant takes in Germany, 720 kWh with 46 % of it for heat pumps; a plant on
# outside heat in Denmark; and the output relative to Germany
PLACES = (
    (10, 78, 720.0, 554.3, 1715.2, 1.0),
    (4, 80, 618.8, 544.9, 1240.3, 1.0938),
    (15, 30, 1124.4, 772.2, 2681.6, 0.8329),
    (20, 25, 1387.3, 974.6, 2994.6, 0.8668),
    (20, 43, 1059.5, 587.1, 3303.6, 0.7489),
    (20, 75, 924.6, 568.1, 2703.6, 0.8196),
    (28, 75, 1612.9, 620.3, 5998.0, 0.6168),
    (35, 45, 2616.5, 1856.0, 4795.6, 0.4856),
)


@pytest.mark.parametrize("place", PLACES)
def test_needs_of_two_profiles_around_the_world(place: tuple[float, ...]) -> None:
    table = shipped("daccs-solid")
    germany, denmark = climate_values(table, 10.0, 78.0), climate_values(table, 8.9, 82.0)
    here = climate_values(table, place[0], place[1])
    pumps = AnchoredNeeds(germany, 720.0, 0.46).factors(here)
    waste = AnchoredNeeds(denmark, 550.0).factors(here)
    got = (720 * pumps.electricity, 550 * waste.electricity, 1600 * waste.heat)
    assert got == pytest.approx(place[2:5], abs=0.06)
    assert pumps.productivity == pytest.approx(place[5], abs=6e-5)


@pytest.mark.parametrize(
    ("climate", "capital", "point", "cost"),
    [
        ((10, 78), 100, 3, 121.35),
        ((20, 43), 300, 5, 422.96),
        ((20, 43), 100, 3, 175.70),
        ((20, 75), 300, 3, 369.87),
        ((35, 45), 300, 4, 692.72),
    ],
)
def test_the_operating_point_is_chosen_by_cost(
    climate: tuple[float, float], capital: float, point: int, cost: float
) -> None:
    table = shipped("daccs-solid")
    choice = CheapestPoint(0.06, 0.06 / 3, capital, 10.462)  # 60 USD/MWh, a heat pump of COP 3
    chosen = climate_values(table, np.full((2, 2), climate[0]), climate[1], choice)
    alone = climate_values(table, *climate, point)
    for name in ("electricity", "heat", "productivity"):
        np.testing.assert_array_equal(getattr(chosen, name), getattr(alone, name))
    assert choice.cost(chosen)[0, 0] == pytest.approx(cost, abs=0.011)
    costs = [choice.cost(climate_values(table, *climate, one)) for one in table.numbers]
    assert choice.cost(chosen)[1, 1] == min(costs)


def test_a_year_in_germany() -> None:
    temperature = [0.4, 1.4, 4.8, 9, 13.4, 16.8, 18.5, 18.2, 14.1, 9.6, 4.8, 1.4]
    humidity = [86, 82, 77, 70, 70, 70, 70, 72, 77, 82, 86, 88]
    year = annual_climate_values(shipped("daccs-solid"), temperature, humidity)
    assert (year.electricity, year.heat, year.productivity) == pytest.approx(
        (79.45, 1097.1, 10.319), rel=1e-4
    )


def test_unknown_stays_unknown_where_points_are_chosen() -> None:
    choice = CheapestPoint(0.06, 0.02, 100.0, 10.462)
    got = climate_values(shipped("daccs-solid"), [math.nan, 10.0], [50.0, 50.0], choice)
    np.testing.assert_array_equal(np.isnan(got.heat), [True, False])


@given(st.floats(-10, 45), st.floats(0, 100), st.floats(0, 1), st.floats(300, 2000))
def test_at_its_own_climate_a_plant_is_its_profile(
    temperature: float, humidity: float, pumped: float, power: float
) -> None:
    here = climate_values(shipped("daccs-solid"), temperature, humidity, 3)
    factors = AnchoredNeeds(here, power, pumped).factors(here)
    assert (factors.electricity, factors.heat, factors.productivity) == pytest.approx((1, 1, 1))


def test_the_electricity_of_the_process_is_added_and_heat_is_scaled() -> None:
    at = ClimateValues(*map(np.array, (100.0, 1000.0, 10.0, 1.0)))
    here = ClimateValues(*map(np.array, (130.0, 1500.0, 8.0, 1.0)))
    got = AnchoredNeeds(at, 600.0, 0.5).factors(here)
    assert 600 * got.electricity == pytest.approx(300 + 30 + 300 * 1.5)
    assert (got.heat, got.productivity) == pytest.approx((1.5, 0.8))
    assert AnchoredNeeds(at, 0.0).factors(here).electricity == 1.0  # takes none anywhere


def test_shipped_tables_have_the_published_signs() -> None:
    solid, liquid = shipped("daccs-solid"), shipped("daccs-liquid")
    assert len(solid.points) == 75
    for row in WIEGNER:
        assert climate_values(solid, row[0], row[1]).heat == pytest.approx(row[3], abs=0.5)
    cool, hot = climate_values(solid, 5.0, 75.0), climate_values(solid, 40.0, 75.0)
    assert cool.heat < hot.heat and cool.productivity > hot.productivity
    cold_dry, warm_humid = (
        climate_values(liquid, *climate) for climate in ((5.0, 20.0), (30.0, 80.0))
    )
    assert cold_dry.heat / warm_humid.heat == pytest.approx(11.1 / 8.3, rel=0.01)
    assert warm_humid.productivity / cold_dry.productivity == pytest.approx(2.0, rel=0.01)


# electricity and heat [kWh/t] and output [kg/h of a module] of operating point 1
TABLED = (
    (10, 78, 81.2, 1081.2, 10.462),
    (4, 80, 71.7, 781.8, 11.443),
    (15, 30, 299.0, 1690.4, 8.714),
    (20, 25, 501.4, 1887.7, 9.068),
    (20, 43, 114.0, 2082.4, 7.835),
    (20, 75, 94.9, 1704.2, 8.574),
    (28, 75, 147.1, 3780.9, 6.452),
    (35, 45, 1382.9, 3022.9, 5.080),
)


@pytest.mark.parametrize("place", TABLED)
def test_the_table_between_its_climates(place: tuple[float, ...]) -> None:
    got = climate_values(shipped("daccs-solid"), place[0], place[1], 1)
    assert float(got.electricity) == pytest.approx(place[2], abs=0.051)
    assert float(got.heat) == pytest.approx(place[3], abs=0.051)
    assert float(got.productivity) == pytest.approx(place[4], abs=5.1e-4)


def test_power_of_the_heat_pumps_fits_the_heat_of_the_table() -> None:
    """46 % of 720 kWh for 1081 kWh of heat is a coefficient of performance of 3.26."""
    heat = float(climate_values(shipped("daccs-solid"), 10.0, 78.0, 1).heat)
    assert heat / (0.46 * 720) == pytest.approx(3.26, abs=0.005)
    # a ratio of all energy, heat at a third, would give another need at 20 degC and 43 %
    here, there = (climate_values(shipped("daccs-solid"), *c, 1) for c in ((10, 78), (20, 43)))
    ratio = (there.electricity + there.heat / 3) / (here.electricity + here.heat / 3)
    assert 720 * float(ratio) == pytest.approx(1317.6, abs=0.06)


def test_least_energy_is_not_least_cost() -> None:
    """At the 15 climates of the table point 1 takes least energy at 11, and is cheapest at none."""
    table = shipped("daccs-solid")
    climates = sorted({(point.temperature, point.humidity) for point in table.points})
    assert len(climates) == 15
    choice = CheapestPoint(0.06, 0.06 / 3, 300.0, 10.462)
    least, cheapest = [], []
    for climate in climates:
        points = [climate_values(table, *climate, one) for one in table.numbers]
        energy = [float(one.electricity + one.heat / 3) for one in points]
        costs = [float(choice.cost(one)) for one in points]
        least.append(1 + energy.index(min(energy)))
        cheapest.append(1 + costs.index(min(costs)))
    assert least.count(1) == 11
    assert [cheapest.count(point) for point in table.numbers] == [0, 0, 1, 4, 10]

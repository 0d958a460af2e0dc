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
from cdrsite.place.climate import (
    MONTH_DAYS,
    ClimateTable,
    annual_climate_factors,
    climate_factors,
    reference_values,
    with_heat_pump,
)

EVERYWHERE = (-100.0, 100.0)


def climate_table(
    rows: tuple[tuple[float, ...], ...],
    reference: tuple[float, float],
    clamp_temperature: tuple[float, float] = EVERYWHERE,
    clamp_humidity: tuple[float, float] = EVERYWHERE,
) -> ClimateTable:
    """Build a table from rows of degC, %, electricity, heat, productivity."""
    names = ("temperature", "humidity", "electricity", "heat", "productivity")
    table = {
        "reference": dict(zip(names, reference, strict=False)),
        "clamp": {"temperature": clamp_temperature, "humidity": clamp_humidity},
        "points": [dict(zip(names, row, strict=True)) for row in rows],
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
SOLID = climate_table(WIEGNER, (20, 43))
# An et al. 2022: 11.1 to 8.3 GJ/t and a cost factor of about 2 from cold and dry to warm and humid
LIQUID = climate_table(
    (
        (0, 20, 11.1, 11.1, 0.5),
        (0, 90, 10.0, 10.0, 0.65),
        (30, 20, 9.5, 9.5, 0.8),
        (30, 90, 8.3, 8.3, 1.0),
    ),
    (30, 90),
)


@pytest.mark.parametrize("row", WIEGNER)
def test_published_points_are_met(row: tuple[float, ...]) -> None:
    got = climate_factors(SOLID, row[0], row[1])
    assert got.electricity == pytest.approx(row[2] / 114)
    assert got.heat == pytest.approx(row[3] / 2082)
    assert got.productivity == pytest.approx(row[4] / 7.8)


def test_between_points_written_out() -> None:
    got = climate_factors(SOLID, [5.0, 12.5, 30.0], [37.5, 75.0, 75.0])
    humid_20 = 2082 + (75 - 43) / (100 - 43) * (1516 - 2082)
    expected = [(1352 + 780) / 2, (780 + humid_20) / 2, (humid_20 + 6896) / 2]
    np.testing.assert_allclose(got.heat, np.array(expected) / 2082)


def test_held_at_the_edges() -> None:
    outside = climate_factors(SOLID, [-30.0, 4.9, 55.0], [90.0, 0.0, 5.0])
    edge = climate_factors(SOLID, [5.0, 5.0, 40.0], [75.0, 0.0, 22.0])
    for name in ("electricity", "heat", "productivity"):
        np.testing.assert_array_equal(getattr(outside, name), getattr(edge, name))


def test_the_two_kinds_have_opposite_signs() -> None:
    cool_humid, hot_humid = (climate_factors(SOLID, t, 75.0) for t in (5.0, 40.0))
    assert hot_humid.heat / cool_humid.heat == pytest.approx(8.84, abs=0.01)
    assert cool_humid.productivity / hot_humid.productivity == pytest.approx(3.48, abs=0.01)
    cold, warm = (climate_factors(LIQUID, *climate) for climate in ((0.0, 20.0), (30.0, 90.0)))
    assert cold.heat / warm.heat == pytest.approx(11.1 / 8.3)
    assert warm.productivity / cold.productivity == pytest.approx(2.0)


def test_constant_year_is_the_annual_mean() -> None:
    temperature, humidity = np.array([[8.0, 31.0]]), np.array([[60.0, 33.0]])
    once = climate_factors(SOLID, temperature, humidity)
    year = annual_climate_factors(
        SOLID, np.broadcast_to(temperature, (12, 1, 2)), np.broadcast_to(humidity, (12, 1, 2))
    )
    for name in ("electricity", "heat", "productivity"):
        np.testing.assert_allclose(getattr(year, name), getattr(once, name), rtol=1e-12)


def test_year_is_weighted_by_what_is_captured() -> None:
    # half the months at 5 degC/75 % (780 kWh, 11.5 kg/h), half at 40 degC/75 % (6896, 3.3)
    cold = [True, False] * 6
    days = np.array(MONTH_DAYS)
    cold_days, hot_days = days[::2].sum(), days[1::2].sum()
    year = annual_climate_factors(SOLID, np.where(cold, 5.0, 40.0), np.full(12, 75.0))
    captured = 11.5 * cold_days + 3.3 * hot_days
    heat = (780 * 11.5 * cold_days + 6896 * 3.3 * hot_days) / captured
    assert year.heat == pytest.approx(heat / 2082)
    assert year.productivity == pytest.approx(captured / days.sum() / 7.8)


def test_unknown_passes() -> None:
    temperature = np.full((12, 3), 10.0)
    humidity = np.full((12, 3), 60.0)
    temperature[4, 1] = math.nan
    humidity[7, 2] = math.nan
    year = annual_climate_factors(SOLID, temperature, humidity)
    for name in ("electricity", "heat", "productivity"):
        np.testing.assert_array_equal(np.isnan(getattr(year, name)), [False, True, True])
    assert np.isnan(climate_factors(SOLID, math.nan, math.nan).heat)


def test_single_precision_stays_and_agrees() -> None:
    generator = np.random.default_rng(1)
    temperature = generator.uniform(-20, 45, (12, 4, 5))
    humidity = generator.uniform(0, 100, (12, 4, 5))
    double = annual_climate_factors(SOLID, temperature, humidity)
    single = annual_climate_factors(
        SOLID, temperature.astype(np.float32), humidity.astype(np.float32)
    )
    assert single.heat.dtype == np.float32
    np.testing.assert_allclose(single.heat, double.heat, rtol=2e-6)


@given(st.floats(-40, 50), st.floats(0, 100))
def test_factors_stay_within_the_table(temperature: float, humidity: float) -> None:
    got = climate_factors(SOLID, temperature, humidity)
    assert 780 / 2082 * (1 - 1e-12) <= got.heat <= 6896 / 2082 * (1 + 1e-12)
    assert 3.3 / 7.8 * (1 - 1e-12) <= got.productivity <= 11.5 / 7.8 * (1 + 1e-12)


@given(st.floats(-40, 50), st.floats(0, 100))
def test_against_two_plain_interpolations(temperature: float, humidity: float) -> None:
    at_nodes = [
        np.interp(humidity, [0, 75], [1352, 780]),
        np.interp(humidity, [43, 100], [2082, 1516]),
        np.interp(humidity, [22, 75], [2808, 6896]),
    ]
    expected = np.interp(temperature, [5, 20, 40], at_nodes) / 2082
    assert climate_factors(SOLID, temperature, humidity).heat == pytest.approx(expected, rel=1e-12)


def test_one_point_is_a_constant() -> None:
    table = climate_table(((20, 50, 1, 1, 1),), (0, 0))
    np.testing.assert_array_equal(climate_factors(table, [-5.0, 35.0], 20.0).heat, [1.0, 1.0])


@pytest.mark.parametrize(("temperature", "humidity"), [(288.0, 50.0), (15.0, 288.0), (15.0, -9.0)])
def test_other_units_are_refused(temperature: float, humidity: float) -> None:
    with pytest.raises(DataError, match="unit"):
        climate_factors(SOLID, [temperature, math.nan], humidity)


def test_eleven_months_are_refused() -> None:
    with pytest.raises(DataError, match="12 months"):
        annual_climate_factors(SOLID, np.zeros((11, 2)), np.zeros((11, 2)))


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ((), "climate.points: Tuple should have at least 1 item"),
        (((5, 0, 1, 1, 1), (5, 0, 2, 2, 2)), "climate.points.1: a climate twice"),
        (((5, 0, 1, 0, 1),), "climate.points.0.heat: not positive; got 0; cure: where a method"),
        (((5, math.nan, 1, 1, 1),), "climate.points.0.humidity: Input should be a finite number"),
    ],
)
def test_bad_tables_are_refused(rows: tuple[tuple[float, ...], ...], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        climate_table(rows, (20, 43))


def test_clamps_narrower_than_the_table_hold() -> None:
    table = climate_table(WIEGNER, (20, 43), (10.0, 30.0), (10.0, 90.0))
    outside = climate_factors(table, [-5.0, 45.0], [0.0, 100.0])
    edge = climate_factors(SOLID, [10.0, 30.0], [10.0, 90.0])
    np.testing.assert_array_equal(outside.heat, edge.heat)


def test_heat_pump_folds_heat_into_electricity() -> None:
    assert reference_values(SOLID) == (114.0, 2082.0, 7.8)
    got = with_heat_pump(SOLID, climate_factors(SOLID, 40.0, 75.0), cop=3.0)
    assert got.electricity == pytest.approx((225 + 6896 / 3) / (114 + 2082 / 3))
    assert got.heat == pytest.approx(6896 / 2082)
    with pytest.raises(ConfigError, match="performance"):
        with_heat_pump(SOLID, got, cop=0.0)


def test_shipped_tables_have_the_published_signs() -> None:
    solid, liquid = (load_method(name).climate for name in ("daccs-solid", "daccs-liquid"))
    assert solid is not None
    assert liquid is not None
    for row in WIEGNER:
        assert climate_factors(solid, row[0], row[1]).heat == pytest.approx(row[3] / 2082)
    cool = climate_factors(solid, 5.0, 75.0)
    hot = climate_factors(solid, 40.0, 75.0)
    assert cool.heat < 1.0 < hot.heat
    assert cool.productivity > 1.0 > hot.productivity
    cold_dry, warm_humid = (
        climate_factors(liquid, *climate) for climate in ((5.0, 20.0), (30.0, 80.0))
    )
    assert cold_dry.heat / warm_humid.heat == pytest.approx(11.1 / 8.3, rel=0.01)
    assert warm_humid.productivity / cold_dry.productivity == pytest.approx(2.0, rel=0.01)

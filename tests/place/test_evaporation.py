"""Water of a wet contactor by temperature and humidity."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.library.methods import load_method
from cdrsite.place.climate_table import annual_climate_values, climate_values
from cdrsite.place.evaporation import evaporation, saturation_deficit

HUMIDITY = (20, 30, 40, 50, 60, 64, 70, 80, 90)
# t of water per t of CO2 where 4.7 belong to 20 degC and 64 %
WATER = {
    5: (6.35, 5.50, 4.67, 3.86, 3.06, 2.74, 2.27, 1.50, 0.74),
    10: (7.90, 6.82, 5.77, 4.75, 3.75, 3.36, 2.78, 1.83, 0.91),
    20: (11.44, 9.79, 8.22, 6.71, 5.26, 4.70, 3.87, 2.53, 1.24),
    30: (15.40, 13.04, 10.85, 8.79, 6.85, 6.10, 5.01, 3.26, 1.59),
    40: (19.60, 16.44, 13.57, 10.93, 8.48, 7.54, 6.18, 4.01, 1.96),
}


def test_the_reference() -> None:
    assert saturation_deficit(20.0, 64.0) == pytest.approx(0.0017975, abs=5e-8)
    # as much as the air of a tonne could take up: 420 ppm, 74.5 % of it captured
    air = 1000 / (420e-6 * 44.01 / 28.96 * 0.745)
    assert air * saturation_deficit(20.0, 64.0) / 1000 == pytest.approx(3.78, abs=0.005)


@pytest.mark.parametrize("temperature", WATER)
def test_water_by_climate(temperature: int) -> None:
    for made in (saturation_deficit, evaporation):
        got = 4.7 * made(float(temperature), np.array(HUMIDITY, np.float64)) / made(20.0, 64.0)
        np.testing.assert_allclose(got, WATER[temperature], atol=0.0051)


@given(st.floats(-55, 64), st.floats(0, 100))
def test_the_table_of_rasters_is_the_formula(temperature: float, humidity: float) -> None:
    exact = float(saturation_deficit(temperature, humidity))
    assert float(evaporation(temperature, humidity)) == pytest.approx(exact, rel=2e-4, abs=2e-8)


def test_drier_and_warmer_air_takes_more() -> None:
    warm, damp = np.meshgrid(np.arange(-20.0, 50.0, 5), np.arange(0.0, 101.0, 5), indexing="ij")
    got = saturation_deficit(warm, damp)
    assert (np.diff(got, axis=0)[:, :-1] > 0).all() and (np.diff(got, axis=1) < 0).all()
    np.testing.assert_allclose(got[:, -1], 0.0, atol=1e-12)


def test_unknown_passes_and_single_precision_stays() -> None:
    got = evaporation(np.array([20.0, math.nan], np.float32), np.array([64.0, 64.0], np.float32))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(got), [False, True])


def test_water_per_tonne_grows_where_less_is_captured() -> None:
    table = load_method("daccs-liquid").climate
    assert table is not None
    here, there = climate_values(table, 10.0, 60.0), climate_values(table, 20.0, 64.0)
    air = saturation_deficit(10.0, 60.0) / saturation_deficit(20.0, 64.0)
    capture = here.productivity / there.productivity
    assert here.water / there.water == pytest.approx(air / capture, rel=1e-4)
    solid = load_method("daccs-solid").climate
    assert solid is not None
    assert float(climate_values(solid, 10.0, 60.0).water) == 1.0


def test_water_of_a_year_is_weighted_by_what_is_captured() -> None:
    table = load_method("daccs-liquid").climate
    assert table is not None
    constant = annual_climate_values(table, np.full(12, 15.0), np.full(12, 55.0))
    assert constant.water == pytest.approx(float(climate_values(table, 15.0, 55.0).water))

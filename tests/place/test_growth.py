"""Forest uptake and age curve; land of own renewables."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.core.errors import ConfigError
from cdrsite.place.growth import AgeCurve
from cdrsite.place.own_power import pv_land

CURVE = AgeCurve(rate=0.04, shape=3.0, reference_years=30.0)


def test_growth_peaks_between_20_and_40_years() -> None:
    # the growth of (1 - exp(-k t))^p is fastest at ln(p) / k
    yearly = CURVE.year_factor(np.arange(1, 101))
    assert abs(int(np.argmax(yearly)) + 0.5 - math.log(3) / 0.04) <= 0.5


def test_stock_written_out() -> None:
    np.testing.assert_allclose(
        CURVE.stock([-5, 0, 25, 1e6]), [0, 0, (1 - math.exp(-1)) ** 3, 1], rtol=1e-12
    )


def test_mean_over_the_reference_years_is_the_layer() -> None:
    assert CURVE.mean_factor(30) == pytest.approx(1.0)
    # saturation: over 200 years the mean is much lower
    assert CURVE.mean_factor(200) < 0.5


@given(st.floats(0.005, 0.3), st.floats(0.5, 6), st.integers(5, 100), st.integers(1, 150))
def test_years_add_up_to_the_mean(rate: float, shape: float, reference: int, years: int) -> None:
    curve = AgeCurve(rate, shape, reference)
    yearly = curve.year_factor(np.arange(1, years + 1))
    assert np.all(yearly >= 0)
    assert yearly.mean() == pytest.approx(curve.mean_factor(years), rel=1e-9)
    assert curve.growth(years).mean() == pytest.approx(1.0, rel=1e-9)


def test_pv_land_anchor() -> None:
    # 1000 kWh at capacity factor 0.18 and 40 MW/km2
    assert 1000.0 * pv_land(0.18 * 8760, 0.04) == pytest.approx(15.9, abs=0.05)


def test_no_yield_is_endless_land() -> None:
    got = pv_land([0.0, -1.0, math.nan], 0.04)
    np.testing.assert_array_equal(got, [math.inf, math.inf, math.nan])


@given(st.floats(500, 2300), st.floats(0.01, 0.1), st.floats(1, 3000))
def test_better_yield_never_needs_more_land(pv: float, density: float, power: float) -> None:
    land = power * pv_land(pv, density)
    assert power * pv_land(pv * 1.1, density) < land
    assert land * pv * density == pytest.approx(power)


@pytest.mark.parametrize(("published_km2", "density"), [(353.0, 0.04), (167.0, 0.09)])
def test_germany_20_mt_land(published_km2: float, density: float) -> None:
    """Plant and own PV for 20 Mt/yr: 167 to 353 km2 (Wuppertal Institute 2024)."""
    plant = 0.078  # m2 per t/yr
    own_power = 720.0 * pv_land(1050.0, density)
    assert 20e6 * (plant + own_power) / 1e6 == pytest.approx(published_km2, rel=0.2)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: AgeCurve(0.0, 3, 30),
        lambda: AgeCurve(0.04, math.nan, 30),
        lambda: CURVE.mean_factor(0),
        lambda: pv_land(1500.0, 0.0),
    ],
)
def test_refused(refused: object) -> None:
    with pytest.raises(ConfigError, match="cure:"):
        refused()  # type: ignore[operator]

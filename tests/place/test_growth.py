"""Forest uptake and age curve; land of own renewables."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.core.errors import ConfigError
from cdrsite.library.methods import load_method
from cdrsite.place.curves import AgeCurve
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
    assert curve.discounted_factor(years, 0.0) == pytest.approx(years * curve.mean_factor(years))


# (k, b), years of the account, years of the layer -> mean factor; p = 3
MEANS = (
    ((0.0213, 0.531), (1.024, 0.819, 1.000)),
    ((0.0169, 0.497), (1.023, 0.878, 1.003)),
    ((0.0173, 0.491), (1.017, 0.861, 1.001)),
    ((0.0245, 0.607), (1.068, 0.845, 1.014)),
    ((0.0240, 0.722), (1.208, 1.075, 1.066)),
    ((0.0238, 0.656), (1.124, 0.942, 1.036)),
    ((0.0166, 0.556), (1.065, 0.968, 1.022)),
    ((0.0197, 0.587), (1.078, 0.938, 1.024)),
    ((0.0213, 0.556), (1.043, 0.851, 1.008)),
    ((0.0187, 0.595), (1.090, 0.978, 1.030)),
    ((0.0187, 0.545), (1.048, 0.899, 1.012)),
    ((0.04, 1.0), (1.522, 1.133, 1.117)),
)


@pytest.mark.parametrize(("curve", "expected"), MEANS)
def test_mean_factors_of_biomes(curve: tuple[float, float], expected: tuple[float, ...]) -> None:
    rate, start = curve
    got = [AgeCurve(rate, 3, of, start).mean_factor(y) for y, of in ((40, 20), (100, 20), (40, 30))]
    assert got == pytest.approx(expected, abs=0.0021)


@pytest.mark.parametrize(("rate", "net"), [(0.03, 152.059239), (0.07, 70.535113)])
def test_a_grove_and_its_discounted_tonnes(rate: float, net: float) -> None:
    """10 t/ha/yr over 30 years, 40 years of account, a fifth lost to the surface, 30 t cleared."""
    curve = AgeCurve(0.0245, 3.0, 30.0, 0.607)
    full = 10.0 * 30.0 / float(curve.stock(30.0))
    assert full == pytest.approx(1014.843170, abs=5e-7)
    assert full * float(curve.stock(40.0)) == pytest.approx(405.667443, abs=5e-7)
    discounted = 10.0 * curve.discounted_factor(40, rate) * 0.8 - 30.0
    assert discounted == pytest.approx(net, abs=5e-7)


def test_mean_factors_of_stands_that_start_from_nothing() -> None:
    pairs = {(20, 40): 0.6569, (100, 40): 0.7444, (20, 30): 0.7340}
    for (years, of), expected in pairs.items():
        assert AgeCurve(0.04, 3, of).mean_factor(years) == pytest.approx(expected, abs=5e-5)


# tC/ha/yr above ground at age 1-20, 21-40, 41-60, 61-80, 81-100
CLASSES = {
    "tropical-moist": (1.464, 1.540, 1.296, 0.985, 0.712),
    "tropical-dry": (0.821, 0.863, 0.774, 0.642, 0.511),
    "tropical-savanna": (0.791, 0.823, 0.729, 0.598, 0.472),
    "temperate-broadleaf": (0.870, 0.996, 0.818, 0.592, 0.406),
    "temperate-conifer": (0.655, 0.939, 0.847, 0.645, 0.459),
    "boreal": (0.503, 0.632, 0.545, 0.407, 0.286),
    "mediterranean": (0.430, 0.491, 0.457, 0.390, 0.319),
    "temperate-grassland": (0.433, 0.506, 0.454, 0.365, 0.281),
    "mangrove": (1.500, 1.635, 1.399, 1.073, 0.779),
    "china-tropical-moist": (0.970, 1.147, 1.064, 0.880, 0.684),
    "china-temperate-broadleaf": (0.569, 0.625, 0.561, 0.455, 0.350),
}


@pytest.mark.parametrize("biome", CLASSES)
def test_profiles_of_biomes_are_the_published_age_classes(biome: str) -> None:
    """Of mangrove less the 1.62 tC/ha/yr of its soil, which is a method of its own."""
    mangrove = biome == "mangrove"
    method = load_method("mangrove" if mangrove else "afforestation")
    profile = method.profile(None if mangrove else biome)
    curve = AgeCurve(
        profile.number("age_curve_k"),
        profile.number("age_curve_p"),
        profile.number("uptake_years"),
        profile.number("age_curve_b"),
    )
    uptake = (profile.number("uptake") * 12 / 44 - 1.62 * mangrove) / 1.25
    yearly = uptake * curve.year_factor(np.arange(1, 101)).reshape(5, 20).mean(axis=1)
    np.testing.assert_allclose(yearly, CLASSES[biome], rtol=0.024)


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
        lambda: AgeCurve(0.04, 3, 30, 1.1),
        lambda: CURVE.mean_factor(0),
        lambda: pv_land(1500.0, 0.0),
    ],
)
def test_refused(refused: object) -> None:
    with pytest.raises(ConfigError, match="cure:"):
        refused()  # type: ignore[operator]

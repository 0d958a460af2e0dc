"""Net factor and ledgers against written-out numbers and plain formulae."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.core.errors import ConfigError
from cdrsite.methods import net as acc
from cdrsite.methods.cost import PlantCosts
from cdrsite.testing.formulae import gross_cost, net_factor

NO_LOSS = acc.ChainLosses()
THREE_PERCENT = acc.Emissions(embodied=30.0)


@pytest.mark.parametrize(
    ("intensity", "net_1500", "net_1000"),
    [(0.020, 0.94, 0.95), (0.100, 0.82, 0.87), (0.300, 0.52, 0.67), (0.500, 0.22, 0.47)],
)
def test_net_factor_golden(intensity: float, net_1500: float, net_1000: float) -> None:
    for electricity, expected in ((1500.0, net_1500), (1000.0, net_1000)):
        net = net_factor(NO_LOSS, THREE_PERCENT, electricity=electricity, grid_intensity=intensity)
        assert net == pytest.approx(expected, abs=1e-12)


def test_supplied_power_adds_nothing_to_removal() -> None:
    inputs = {"grid_intensity": np.array([0.0, 0.5, 1.0])}
    net = net_factor(NO_LOSS, THREE_PERCENT, electricity=-700.0, **inputs)
    np.testing.assert_allclose(net, 0.97)


def direct_net_factor(x: dict[str, float]) -> float:
    """Write the balance out again, tonne by tonne."""
    s = (1 - x["capture"]) * (1 - x["injection"]) * (1 - x["loss"] * x["km"] / 100)
    kg = (
        max(x["electricity"], 0) * x["grid"]
        + x["heat"] * x["heat_intensity"]
        + x["biomass"] * x["supply"]
        + x["haul"] * x["hauled"]
        + x["materials"]
        + x["place"]
    )
    return s - x["fossil"] * (1 - s) - kg / 1000


BALANCE = st.fixed_dictionaries(
    {
        "capture": st.floats(0, 0.2),
        "injection": st.floats(0, 0.05),
        "loss": st.floats(0, 0.02),
        "km": st.floats(0, 800),
        "fossil": st.floats(0, 0.5),
        "electricity": st.floats(-800, 3000),
        "grid": st.floats(0, 1.2),
        "heat": st.floats(0, 4000),
        "heat_intensity": st.floats(0, 0.4),
        "biomass": st.floats(0, 2),
        "supply": st.floats(0, 200),
        "haul": st.floats(0, 0.2),
        "hauled": st.floats(0, 600),
        "materials": st.floats(0, 100),
        "place": st.floats(0, 500),
    }
)


def run_net_factor(x: dict[str, float], scale: float = 1.0) -> float:
    """Evaluate the package's net factor; ``scale`` multiplies the grid intensity."""
    return float(
        net_factor(
            acc.ChainLosses(x["capture"], x["loss"], x["injection"]),
            acc.Emissions(materials=x["materials"]),
            electricity=x["electricity"],
            grid_intensity=x["grid"] * scale,
            heat=x["heat"],
            heat_intensity=x["heat_intensity"],
            transport_km=x["km"],
            biomass=x["biomass"],
            hauled=x["hauled"],
            supply_intensity=x["supply"],
            haul_intensity=x["haul"],
            place_emissions=x["place"],
            fossil=x["fossil"],
        )
    )


@given(BALANCE)
def test_terms_equal_the_direct_formula(x: dict[str, float]) -> None:
    assert run_net_factor(x) == pytest.approx(direct_net_factor(x), rel=1e-12, abs=1e-12)


@given(BALANCE, st.floats(1, 3))
def test_dirtier_power_never_raises_net(x: dict[str, float], scale: float) -> None:
    assert run_net_factor(x, scale) <= run_net_factor(x)


@given(BALANCE)
def test_net_is_at_most_gross(x: dict[str, float]) -> None:
    assert run_net_factor(x) <= 1.0


def test_zero_coefficients_do_not_bring_in_unknowns() -> None:
    terms = acc.net_factor_terms(NO_LOSS, acc.Emissions())
    assert {term.layers for term in terms.terms if term.layers} == {
        ("electricity_bought", "grid_intensity"),
        ("heat", "heat_intensity"),
        ("place_emissions",),
        ("injection",),
    }
    assert net_factor(NO_LOSS, acc.Emissions(), hauled=math.nan) == 1.0


def test_a_factor_of_another_name_is_refused() -> None:
    with pytest.raises(TypeError, match=r"no such factor: grid; expected grid_intensity, heat"):
        net_factor(NO_LOSS, acc.Emissions(), grid=0.4)
    with pytest.raises(TypeError, match="no such factor: price_of_land"):
        gross_cost(PlantCosts(), 0.0, price_of_land=1.0)


def test_unknown_stays_unknown() -> None:
    net = net_factor(NO_LOSS, acc.Emissions(), electricity=1000.0, grid_intensity=[0.1, math.nan])
    np.testing.assert_allclose(net, [0.9, math.nan])


def test_credited_after_buffer() -> None:
    np.testing.assert_allclose(
        acc.credited([100.0, 0.0, -10.0, math.nan], 0.18), [82, 0, -10, math.nan]
    )
    with pytest.raises(ConfigError, match="buffer"):
        acc.credited(1.0, 18.0)


def test_expected_retention() -> None:
    got = acc.expected_retention([0.0, 0.01, math.nan])
    np.testing.assert_allclose(got, [1.0, math.exp(-1), math.nan])
    # a loss of a stand in 200 years on average, after 100 years
    assert float(acc.expected_retention(0.005, 100)) == pytest.approx(0.6065, abs=5e-5)
    with pytest.raises(ConfigError, match="hazard"):
        acc.expected_retention(-0.1)


def test_from_library_values() -> None:
    values = {
        "capture_loss": 0.0,
        "transport_injection_loss": 0.01,
        "materials": 7.5,
        "emissions_materials": 1.5,
        "emissions_embodied": 15.0,
        "luc_emissions": 2.0,
        "electricity": 400.0,
    }
    losses, emissions = acc.ChainLosses.from_library(values), acc.Emissions.from_library(values)
    # 0.99 stored, 0.3 x 0.01 fossil leaked, 11.25 + 15 + 2 kg emitted
    assert net_factor(losses, emissions, fossil=0.3) == pytest.approx(0.99 - 0.003 - 0.02825)
    assert acc.ChainLosses.from_library({}) == NO_LOSS


@pytest.mark.parametrize(
    "refused",
    [
        lambda: acc.ChainLosses(capture=1.0),
        lambda: acc.ChainLosses(injection=-0.1),
    ],
)
def test_refused(refused: object) -> None:
    with pytest.raises(ConfigError, match="cure:"):
        refused()  # type: ignore[operator]


def test_solid_sorbent_on_nearly_clean_power() -> None:
    """720 kWh (Wuppertal Institute 2024), sorbent 45 and plant 15 kg/t (Deutz & Bardow 2021)."""
    net = net_factor(
        NO_LOSS,
        acc.Emissions(materials=45.0, embodied=15.0),
        electricity=720.0,
        grid_intensity=0.02,
    )
    assert net == pytest.approx(0.9256)
    # 20 Mt/yr net then need more than the 14.4 TWh that 20 Mt/yr gross do
    assert 20e6 / net * 720.0 / 1e9 == pytest.approx(14.4, rel=0.2)

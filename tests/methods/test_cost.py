"""Capital recovery, levelised cost and its parts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.core.annuity import crf
from cdrsite.core.errors import ConfigError
from cdrsite.methods import cost as costs
from cdrsite.testing.formulae import gross_cost, per_net_tonne


def test_crf_written_out() -> None:
    # 7 % over 2 years: 1 = a/1.07 + a/1.07^2
    assert crf(0.07, 2) == pytest.approx(1 / (1 / 1.07 + 1 / 1.07**2))
    np.testing.assert_allclose(crf([0.0, 0.0], [20, 25]), [0.05, 0.04])


@given(st.floats(0, 0.5), st.floats(1, 200))
def test_crf_limits(rate: float, years: float) -> None:
    factor = crf(rate, years)
    assert factor >= max(rate, 1 / years) * (1 - 1e-12)
    assert factor <= rate + 1 / years + 1e-12
    # an endless annuity costs its interest
    assert crf(rate + 1e-3, 1e5) == pytest.approx(rate + 1e-3)


@given(st.floats(1e-15, 1e-9))
def test_crf_is_smooth_at_zero(rate: float) -> None:
    assert crf(rate, 25) == pytest.approx(0.04, rel=1e-7)


def test_annuity_pays_the_loan_back() -> None:
    payment, debt = 1000.0 * crf(0.05, 30), 1000.0
    for _ in range(30):
        debt = debt * 1.05 - payment
    assert debt == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("million_per_t_h", "capacity_factor", "fixed_om", "lifetime", "per_year", "per_tonne"),
    [
        (8.80, 0.9, 0.0495, 20, 1116, 161),  # direct air capture, 2025
        (5.03, 0.9, 0.0495, 20, 638, 92),  # direct air capture, 2050
        (3.39, 0.8, 0.03, 25, 484, 56),  # amine capture at a CHP plant
        (2.51, 0.8, 0.03, 25, 359, 42),  # the same, 2050
    ],
)
def test_published_capital_and_fixed_cost_golden(
    million_per_t_h: float,
    capacity_factor: float,
    fixed_om: float,
    lifetime: float,
    per_year: float,
    per_tonne: float,
) -> None:
    capex = million_per_t_h * 1e6 / 8760  # per t/yr of nameplate
    plant = costs.PlantCosts(capex, lifetime, capacity_factor, fixed_om)
    assert capex / capacity_factor == pytest.approx(per_year, abs=1.0)  # printed in whole units
    assert gross_cost(plant, 0.07).total == pytest.approx(per_tonne, abs=1.0)


def test_investment_per_delivered_tonne_is_not_divided_twice() -> None:
    delivered = costs.PlantCosts.from_delivered(1116.0, 20, capacity_factor=0.9, fixed_om=0.0495)
    assert gross_cost(delivered, 0.07).total == pytest.approx(161, abs=1.0)
    # the same plant at half the load costs twice as much per tonne
    idle = costs.PlantCosts.from_delivered(1000.0, 20, capacity_factor=0.45, stated_at=0.9)
    assert gross_cost(idle, 0.0).total == pytest.approx(2 * 1000 / 20)


PLANT = costs.PlantCosts(
    capex=1000.0, lifetime=20, capacity_factor=0.8, fixed_om=0.04, variable_om=8.0
)


def test_breakdown_written_out() -> None:
    parts = gross_cost(
        PLANT,
        0.0,
        productivity=0.5,
        electricity=1000.0,
        heat=1600.0,
        water=3.0,
        material=36.0,
        land=11.0,
        stored=1.3,
        price_electricity=0.05,
        price_heat=0.02,
        price_water=1.5,
        price_material=0.25,
        price_land=0.1,
        price_transport=10.0,
        price_storage=20.0,
    )
    expected = {
        "capital": 1000 / 20 / 0.8 / 0.5,
        "fixed_om": 1000 * 0.04 / 0.8 / 0.5,
        "variable_om": 8.0,
        "electricity": 50.0,
        "heat": 32.0,
        "water": 4.5,
        "materials": 9.0,
        "land": 1.1,
        "transport": 13.0,
        "storage": 26.0,
    }
    assert {part: float(cost) for part, cost in parts.items() if cost} == pytest.approx(expected)
    assert parts.total == pytest.approx(125 + 100 + 8 + 50 + 32 + 4.5 + 9 + 1.1 + 13 + 26)


def test_supplied_power_is_sold_not_bought() -> None:
    parts = gross_cost(
        PLANT, 0.05, electricity=[-700.0, 700.0], price_electricity=0.1, price_sold_electricity=0.06
    )
    np.testing.assert_allclose(parts["revenue"], [-42.0, 0.0])
    np.testing.assert_allclose(parts["electricity"], [0.0, 70.0])


def test_no_removal_has_no_cost_but_revenue_may_exceed_costs() -> None:
    np.testing.assert_allclose(
        per_net_tonne([100.0, 100, 100, -30, -30, 100], [0.5, 0.0, -0.2, 0.5, -0.2, math.nan]),
        [200.0, math.nan, math.nan, -60.0, math.nan, math.nan],
    )


def test_parts_per_net_tonne_add_up() -> None:
    gross = gross_cost(PLANT, 0.07, electricity=[500.0, 900.0], price_electricity=0.1)
    net = gross.per_net([0.9, -0.1])
    np.testing.assert_allclose(net.total, [gross.total[0] / 0.9, math.nan])
    assert math.isnan(net["capital"][1])


def test_no_output_has_no_cost() -> None:
    parts = gross_cost(PLANT, 0.07, productivity=[1.0, 0.0, math.nan])
    np.testing.assert_array_equal(np.isnan(parts.total), [False, True, True])


def test_infinite_land_at_no_price_is_unknown() -> None:
    parts = gross_cost(costs.PlantCosts(), 0.0, land=[500.0, math.inf], price_land=0.0)
    np.testing.assert_array_equal(parts.total, [0.0, math.nan])


NEED = st.floats(0, 5000)
PRICE = st.floats(0, 100)


@given(
    rate=st.floats(0, 0.2),
    productivity=st.floats(0.1, 2),
    electricity=st.floats(-1000, 3000),
    needs=st.tuples(NEED, NEED, NEED, NEED, NEED),
    prices=st.tuples(PRICE, PRICE, PRICE, PRICE, PRICE, PRICE, PRICE),
    stored=st.floats(0.5, 2),
    chain=st.tuples(PRICE, PRICE),
)
def test_terms_equal_the_direct_formula(
    rate: float,
    productivity: float,
    electricity: float,
    needs: tuple[float, ...],
    prices: tuple[float, ...],
    stored: float,
    chain: tuple[float, float],
) -> None:
    names = ("heat", "water", "biomass", "material", "land")
    bought_at, sold_at, *rest = prices
    got = gross_cost(
        PLANT,
        rate,
        productivity=productivity,
        electricity=electricity,
        stored=stored,
        price_electricity=bought_at,
        price_sold_electricity=sold_at,
        price_transport=chain[0],
        price_storage=chain[1],
        **dict(zip(names, needs, strict=True)),
        **dict(zip((f"price_{name}" for name in names), rest, strict=True)),
    ).total
    annuity = 1 / 20 if rate == 0 else rate / -math.expm1(-20 * math.log1p(rate))
    direct = (
        1000 * (annuity + 0.04) / (0.8 * productivity)
        + 8
        + (electricity * bought_at if electricity > 0 else electricity * sold_at)
        + sum(need * price for need, price in zip(needs, rest, strict=True))
        + stored * (chain[0] + chain[1])
    )
    assert got == pytest.approx(direct, rel=1e-12, abs=1e-7)


@given(st.floats(0.1, 100), st.floats(0.01, 1))
def test_money_units_scale(scale: float, net: float) -> None:
    def total(unit: float) -> float:
        plant = costs.PlantCosts(1000 * unit, 20, 0.8, 0.04, 8 * unit)
        parts = gross_cost(plant, 0.07, electricity=900.0, price_electricity=0.1 * unit)
        return float(parts.per_net(net).total)

    assert total(scale) == pytest.approx(scale * total(1.0), rel=1e-12)


def test_present_value_written_out() -> None:
    flows = [1000.0, 110.0, 121.0]
    assert costs.present_value(np.array(flows), 0.10) == pytest.approx(1000 + 100 + 100)
    assert costs.present_value(np.array(flows), 0.0) == pytest.approx(sum(flows))


@given(st.floats(0.001, 10), st.floats(0, 5000), st.floats(0, 5000))
def test_spending_and_rent_of_a_stock(area: float, planting: float, rent: float) -> None:
    parts = gross_cost(
        costs.PlantCosts(),
        0.0,
        stored=0.0,
        stock_area=area,
        price_planting=planting,
        price_rent=rent,
    )
    assert parts["planting"] == pytest.approx(area * planting)
    assert parts["land"] == pytest.approx(area * rent)
    assert parts.total == pytest.approx(area * (planting + rent))


@pytest.mark.parametrize(
    "refused",
    [
        lambda: crf(-0.01, 20),
        lambda: crf(math.nan, 20),
        lambda: crf(0.07, 0),
        lambda: costs.PlantCosts(capex=math.nan),
        lambda: costs.PlantCosts(capex=-1.0),
        lambda: costs.PlantCosts(variable_om=math.inf),
        lambda: costs.PlantCosts(capacity_factor=0.0),
        lambda: costs.PlantCosts(capacity_factor=90.0),
        lambda: costs.gross_cost_terms(costs.PlantCosts(lifetime=0.0), 0.07),
    ],
)
def test_refused(refused: object) -> None:
    with pytest.raises(ConfigError, match="cure:"):
        refused()  # type: ignore[operator]

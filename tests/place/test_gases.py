"""Gases of land before and after: the published organic soils, worked out, and in a study."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from one_method import OneMethod

from cdrsite.core.errors import CdrsiteError
from cdrsite.place.emissions import GWP
from cdrsite.place.gases import LandFlux, flux_change

pytestmark = pytest.mark.usefixtures("without_slopes")

C = 44 / 12
DITCHES = 0.05
"""Share of the drained land that is ditches."""


def peat(tonnes: float, dissolved: float, land: float, ditch: float, nitrous: float) -> LandFlux:
    """On-site and dissolved carbon [tC/ha], methane of land and ditches, nitrous oxide [kg/ha]."""
    methane = land * (1 - DITCHES) + ditch * DITCHES if ditch else land
    return LandFlux((tonnes + dissolved) * C, methane, nitrous)


RICH = peat(6.1, 0.31, 16, 1165, 12.886), peat(0.50, 0.24, 288, 0, 0)
POOR = peat(5.3, 0.31, 1.8, 1165, 6.757), peat(-0.23, 0.24, 92 * 16 / 12, 0, 0)


@pytest.mark.parametrize(
    ("soil", "before", "after", "avoided"),
    [(RICH, 28.975, 10.777, 18.197314), (POOR, 24.040, 3.471, 20.568)],
)
def test_drained_and_rewetted_peat(
    soil: tuple[LandFlux, LandFlux], before: float, after: float, avoided: float
) -> None:
    assert soil[0].co2e(GWP[100]) == pytest.approx(before, abs=1.1e-3)
    assert soil[1].co2e(GWP[100]) == pytest.approx(after, abs=1e-3)
    change = flux_change(*soil, GWP[100])
    assert change.avoided == pytest.approx(avoided, abs=6e-4)
    assert change.added == 0


def test_twenty_years_leave_less_of_the_rich_case() -> None:
    """With 80 for methane, as it is often told; the program's own table has 84 and 264."""
    assert flux_change(*RICH, {"methane": 80.0, "nitrous_oxide": 265.0}).avoided == pytest.approx(
        7.04, abs=5e-3
    )
    assert 0 < flux_change(*RICH, GWP[20]).avoided < 7.04


flux = st.builds(LandFlux, st.floats(-5, 30), st.floats(0, 500), st.floats(0, 20))


@given(flux, flux, st.sampled_from([20, 100]))
def test_what_is_added_one_way_is_avoided_the_other(
    one: LandFlux, other: LandFlux, years: int
) -> None:
    there, back = flux_change(one, other, GWP[years]), flux_change(other, one, GWP[years])
    assert there.added == back.avoided and there.avoided == back.added
    assert min(there.added, there.avoided) == 0


# --------------------------------------------------------------------------- a study


@pytest.fixture(scope="module")
def grove(tmp_path_factory: pytest.TempPathFactory) -> OneMethod:
    return OneMethod(tmp_path_factory.mktemp("world"), "afforestation")


PLAIN = {
    "uptake": 10, "uptake_years": 40, "age_curve_k": 0.0245, "albedo_offset": 0,
    "cleared_carbon": 0, "emissions_chain": 0,
}  # fmt: skip


def test_methane_that_comes_on_top_is_taken_off_the_tonnes(grove: OneMethod) -> None:
    """50 kg of methane a hectare and year are 1.4 t CO2e of the 10 t that grow."""
    wet = {"override": PLAIN | {"methane_before": 5, "methane_after": 55}}
    plain, result = (grove.run(one, {}) for one in ({"override": PLAIN}, wet))
    assert grove.here(result, "net_factor") == pytest.approx(1 - 0.14, rel=1e-5)
    assert grove.here(result, "cost") > grove.here(plain, "cost") / 0.86
    twenty = grove.run(wet, {}, accounting={"gwp": 20})
    assert grove.here(twenty, "net_factor") == pytest.approx(1 - 50 * 84 / 1e4, rel=1e-5)


def test_what_stops_is_in_a_ledger_of_its_own(grove: OneMethod) -> None:
    """6 t CO2 a hectare stop on land that takes up 10: 0.6 t per gross tonne, net as before."""
    plain, result = (
        grove.run({"override": PLAIN | more}, {})
        for more in ({}, {"co2_before": 7, "co2_after": 1})
    )
    assert grove.here(result, "net_factor") == grove.here(plain, "net_factor")
    row = result.tables["ledgers"].query("zone == ''").iloc[0]
    assert row["avoided_mt_yr"] == pytest.approx(0.6 * row["removal_gross_mt_yr"], rel=1e-5)
    assert row["net_mt_yr"] == pytest.approx(result.tables["methods"].iloc[0]["net_mt_yr"])
    assert plain.tables["ledgers"]["avoided_mt_yr"].sum() == 0


def test_a_gas_is_told_once(grove: OneMethod) -> None:
    both = {"override": {"methane_after": 9}, "emissions": {"methane": "3 kg/ha/yr"}}
    with pytest.raises(CdrsiteError, match=r"gas of the land twice.*methane_emissions beside"):
        grove.run(both, {})

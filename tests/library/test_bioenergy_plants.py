"""Both plants of bioenergy with capture, each from the numbers of one source alone."""

from __future__ import annotations

import pytest

from cdrsite.library.methods import load_method
from cdrsite.methods.cost import crf

BOTH = pytest.mark.parametrize("name", ["beccs-residue", "beccs-energy-crop"])
HOURS = 8760 * 0.85


def own(name: str, profile: str, parameter: str) -> float:
    """The number as it is written, in money of its own year."""
    record = load_method(name).profile(profile).get(parameter)
    assert record is not None and record.value is not None
    return record.value


@BOTH
@pytest.mark.parametrize(
    ("profile", "heat_rate", "usd_per_kw"),
    [("power-only", 15.295, 5580.0), ("power-only-2050", 13.861, 5100.0)],
)
def test_power_alone_from_its_heat_rate(
    name: str, profile: str, heat_rate: float, usd_per_kw: float
) -> None:
    """MMBtu of upper heating value per MWh; 88.5 kg of CO2 per MMBtu, of which 0.9 is captured."""
    captured = heat_rate * 88.5 * 0.9 / 1000
    assert captured == pytest.approx(
        {"power-only": 1.2182, "power-only-2050": 1.1040}[profile], abs=1e-4
    )
    assert own(name, profile, "electricity") == pytest.approx(-1000 / captured, abs=0.06)
    assert own(name, profile, "heat") == 0
    assert own(name, profile, "biomass") == pytest.approx(1.055056e3 / (88.5 * 0.9) / 20, abs=1e-4)
    capital = usd_per_kw / (8.76 * 0.85 * captured)
    assert own(name, profile, "capex") == pytest.approx(capital, abs=0.06)
    fixed = own(name, profile, "fixed_om") * own(name, profile, "capex")
    assert fixed == pytest.approx(162 / (8.76 * 0.85 * captured), abs=0.01)
    assert own(name, profile, "variable_om") == pytest.approx(16.6 / captured, abs=0.01)
    assert load_method(name).profile(profile).get("capex").currency_year == 2010


@BOTH
@pytest.mark.parametrize(
    ("profile", "per_kw", "per_tonne_an_hour", "capital"),
    [("chp", 6573.5, 3.3948, 1012.7), ("chp-2050", 6003.0, 2.515, 846.2)],
)
def test_power_and_heat_from_the_plant_and_its_steam_boiler(
    name: str, profile: str, per_kw: float, per_tonne_an_hour: float, capital: float
) -> None:
    """MWh per MWh of fuel; the boiler takes what the capture needs as steam off the plant."""
    to_plant = 1 / (1 + 0.3667 * 0.72 / 0.89)
    assert to_plant == pytest.approx(0.771214, abs=1e-6)
    captured, power, heat = 0.9 * 0.3667, 0.2699 * to_plant, 0.8245 * to_plant
    net_power = (power - 0.11 * captured) / captured * 1000
    assert own(name, profile, "electricity") == pytest.approx(-net_power, abs=0.06)
    assert own(name, profile, "heat") == pytest.approx(-heat / captured * 1000, abs=0.06)
    assert own(name, profile, "biomass") == pytest.approx(1 / captured / 5, abs=1e-4)
    found = (per_kw * power / captured / 1000 + per_tonne_an_hour) * 1e6 / HOURS
    assert own(name, profile, "capex") == pytest.approx(found, abs=0.06)
    assert own(name, profile, "capex") == capital
    assert load_method(name).profile(profile).get("capex").currency_year == 2025
    # as printed, without the share of the boiler: too much of both
    assert own(name, profile, "heat") > -0.8245 / captured * 1000 + 500


@BOTH
def test_each_plant_says_its_basis(name: str) -> None:
    method = load_method(name)
    assert {p: method.profile(p).cost_basis for p in method.profile_names} == {
        "power-only": "2030", "power-only-2050": "2050", "chp": "2030", "chp-2050": "2050",
    }  # fmt: skip
    assert method.default_profile == "power-only"


def test_heat_at_its_price_is_worth_a_part_of_its_capital() -> None:
    """8 USD/GJ: 55.5 USD/t, less than the plant for heat costs more in a year."""
    worth = -own("beccs-residue", "chp", "heat") * 0.0036 * 8
    assert worth == pytest.approx(55.5, abs=0.05)
    chp, alone = (load_method("beccs-residue").profile(p) for p in ("chp", "power-only"))
    more = chp.number("capex", 2020) - alone.number("capex", 2020)
    assert more * float(crf(0.07, 25.0)) > 0

"""Fuel that a plant burns on site, whose CO2 is captured along with that of the air.

What the store takes per tonne from the air follows from the fuel,

    F = heat x fuel_co2 x captured share,  storage = 1 + F,

and the rest of the fuel's CO2 is emitted, so that no other heat need, overridden or of another
plant, leaves them behind (rule 5). Keith et al. 2018, doi:10.1016/j.joule.2018.05.006: 5.25 GJ of
gas and 1.3 t to store per tonne from the air.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdrsite.library.records import Value

FROM_FUEL = ("storage", "fossil_co_captured")
"""Parameters that follow from the fuel where its CO2 is captured along."""

_KG_PER_T = 1000.0


def fuel_captured(heat: float, fuel_co2: float, captured: float = 1.0) -> float:
    """Fossil CO2 that is captured along with a gross tonne [t/t].

    Parameters
    ----------
    heat : float
        Fuel burnt on site, lower heating value [kWh/t].
    fuel_co2 : float
        CO2 that it gives off [kg/kWh]; natural gas 0.20196 (56.1 kg/GJ, IPCC 2006, table 2.2).
    captured : float
        Share of it that is captured along [1].
    """
    return heat * fuel_co2 * captured / _KG_PER_T


def with_fuel(numbers: Mapping[str, float]) -> dict[str, float]:
    """Numbers of a method in which what is stored follows from the fuel, where it burns one."""
    if "fuel_co2" not in numbers:
        return dict(numbers)
    captured = numbers.get("fuel_co2_captured", 1.0)
    along = fuel_captured(numbers["heat"], numbers["fuel_co2"], captured)
    return {**numbers, "fossil_co_captured": along, "storage": 1.0 + along}


def fuel_records(values: Mapping[str, Value], numbers: Mapping[str, float]) -> dict[str, Value]:
    """Records of what follows from the fuel of a profile; none where it burns none.

    Parameters
    ----------
    values : mapping of str to Value
        Records of the profile.
    numbers : mapping of str to float
        ``heat``, ``fuel_co2`` and ``fuel_co2_captured`` in their canonical units.
    """
    if "fuel_co2" not in values:
        return {}
    locator = "heat x fuel_co2 x fuel_co2_captured"
    made = with_fuel(numbers)
    return {
        name: Value(value=made[name], unit="t/t", source="derived", locator=text)
        for name, text in (("storage", f"1 + {locator}"), ("fossil_co_captured", locator))
    }

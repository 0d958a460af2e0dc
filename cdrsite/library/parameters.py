"""The parameters that describe a removal method, each with its canonical unit.

Needs are per gross tonne of CO2 captured from air or biogenic carbon (rule 5). What a parameter
means stands in the word tables, ``param.NAME``.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdrsite.core.vocabulary import RESOURCES
from cdrsite.core.words import Words
from cdrsite.place.registry import parameters_of_methods


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row of the parameter table.

    Attributes
    ----------
    name : str
        Key in a method file.
    unit : str
        Canonical unit; a record may carry any unit of the same dimension.
    signed : bool
        Whether a negative value has a meaning.
    """

    name: str
    unit: str
    signed: bool = False

    @property
    def meaning(self) -> str:
        """One line for the reference of method files, from the words."""
        return Words().named("param", self.name)


def _of_resources() -> list[Parameter]:
    """What a gross tonne needs of each resource, and its price where each method has its own."""
    found = []
    for one in RESOURCES.values():
        found += [Parameter(name, one.need_unit, one.signed) for name in one.needs]
        if one.price and one.own_price:
            found.append(Parameter(one.own_price, one.price[0]))
    return found


def _table(*rows: tuple[str, str] | tuple[str, str, bool]) -> dict[str, Parameter]:
    return {one.name: one for one in (*_of_resources(), *(Parameter(*row) for row in rows))}


PARAMETERS: dict[str, Parameter] = _table(
    ("materials", "kg/t"),
    ("land_exclusive_fraction", "1"),
    ("fossil_co_captured", "t/t"),
    ("fuel_co2", "kg/kWh"),
    ("fuel_co2_captured", "1"),
    ("fuel_leak", "1"),
    ("fuel_methane", "kg/kWh"),
    ("emissions_embodied", "kg/t"),
    ("emissions_chain", "kg/t"),
    ("emissions_heat", "kg/kWh"),
    ("emissions_materials", "kg/kg"),
    ("emissions_biomass", "kg/t"),
    ("luc_emissions", "kg/t"),
    ("capture_loss", "1"),
    ("transport_injection_loss", "1"),
    ("capex", "USD/(t/yr)"),
    ("fixed_om", "1/yr"),
    ("variable_om", "USD/t"),
    ("lifetime", "yr"),
    ("capacity_factor", "1"),
    ("heat_pumped", "kWh/t"),
    ("heat_pump_capex", "USD/kW"),
    ("heat_pump_lifetime", "yr"),
    ("plant_min", "t/yr"),
    ("plant_typical", "t/yr"),
    ("plant_max", "t/yr"),
    ("buffer", "1"),
    ("reversal_hazard", "1/yr"),
    ("half_life", "yr"),
    ("durability", "yr"),
    *parameters_of_methods(),
    ("net_published", "1"),
    ("cost_published", "USD/t", True),
)
"""All parameters by name, in the order of tables and reports."""

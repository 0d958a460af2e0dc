"""The parameters that describe a removal method, each with its canonical unit and meaning.

Needs are per gross tonne of CO2 captured from air or biogenic carbon (rule 5).
"""

from __future__ import annotations

from dataclasses import dataclass

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
    meaning : str
        One line for tables and reports.
    signed : bool
        Whether a negative value has a meaning.
    """

    name: str
    unit: str
    meaning: str
    signed: bool = False


def _table(*rows: tuple[str, str, str] | tuple[str, str, str, bool]) -> dict[str, Parameter]:
    return {row[0]: Parameter(*row) for row in rows}


PARAMETERS: dict[str, Parameter] = _table(
    ("electricity", "kWh/t", "electricity need; negative: the plant supplies it", True),
    ("heat", "kWh/t", "heat need, where it is not inside electricity"),
    ("heat_pump_cop", "1", "heat delivered per electricity, where heat is inside electricity"),
    ("water", "m3/t", "water consumption; negative: the plant supplies it", True),
    ("biomass", "t/t", "dry biomass"),
    ("materials", "kg/t", "materials and chemicals"),
    ("land_direct", "m2/(t/yr)", "land of the plant or the forest itself"),
    ("land_feedstock", "m2/(t/yr)", "land that grows the feedstock"),
    ("land_exclusive_fraction", "1", "share of the land that blocks other uses"),
    ("storage", "t/t", "CO2 put into storage, fossil CO2 included"),
    ("fossil_co_captured", "t/t", "fossil CO2 captured along: uses storage, is not removal"),
    ("emissions_embodied", "kg/t", "emissions of building the plant"),
    ("emissions_chain", "kg/t", "emissions of the supply chain not counted elsewhere"),
    ("emissions_heat", "kg/kWh", "emissions of the heat that reach the air"),
    ("emissions_materials", "kg/kg", "emissions of making the materials"),
    ("emissions_biomass", "kg/t", "emissions per dry tonne of biomass"),
    ("luc_emissions", "kg/t", "land-use change, per gross tonne, amortised"),
    ("capture_loss", "1", "share of the captured CO2 lost at the plant"),
    ("transport_injection_loss", "1", "share lost between plant and storage"),
    ("capex", "USD/(t/yr)", "investment per t/yr delivered at capacity_factor"),
    ("fixed_om", "1/yr", "fixed operation and maintenance as a share of capex"),
    ("variable_om", "USD/t", "variable operation without energy, water and feedstock"),
    ("lifetime", "yr", "economic life"),
    ("capacity_factor", "1", "share of the year at full output to which capex refers"),
    ("biomass_price", "USD/t", "price of a dry tonne at the plant gate"),
    ("plant_min", "t/yr", "smallest plant worth building"),
    ("plant_typical", "t/yr", "typical plant"),
    ("plant_max", "t/yr", "largest single plant"),
    ("buffer", "1", "share of the credits withheld against reversal"),
    ("reversal_hazard", "1/yr", "yearly hazard of losing the stored CO2"),
    ("durability", "yr", "how long the CO2 stays stored"),
    ("uptake", "t/ha/yr", "mean CO2 uptake over the first uptake_years"),
    ("uptake_years", "yr", "years after planting over which uptake is the mean"),
    ("layer_years", "yr", "years after planting over which a rate layer is the mean"),
    ("age_curve_k", "1/yr", "Chapman-Richards rate k in (1 - exp(-k age))^p"),
    ("age_curve_p", "1", "Chapman-Richards shape p in (1 - exp(-k age))^p"),
    ("accounting_years", "yr", "years over which growing removal is averaged"),
    ("planting_cost", "USD/ha", "establishment"),
    ("upkeep", "USD/ha/yr", "yearly upkeep"),
    ("pv_density", "kW/m2", "power per footprint area of own photovoltaics"),
    ("pv_reference_yield", "kWh/kW", "yearly yield where no yield layer is given"),
    ("net_published", "1", "published net removal per tonne captured, for comparison only"),
    ("cost_published", "USD/t", "published cost per net tonne, for comparison only", True),
    *parameters_of_methods(),
)
"""All parameters by name, in the order of tables and reports."""

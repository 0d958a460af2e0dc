"""Names, units and meanings of the variables of a result, one place."""

from __future__ import annotations

from cdrsite.core.resources import RESOURCE_CODES
from cdrsite.core.states import (
    EXCLUDED,
    NET_NOT_POSITIVE,
    NONE_PLANNED,
    OUTSIDE,
    PLANNED,
    UNKNOWN,
)

LIMIT_NAMES: dict[int, str] = {
    **{code: name for name, code in RESOURCE_CODES.items()},
    NET_NOT_POSITIVE: "net factor not positive",
    UNKNOWN: "unknown",
    EXCLUDED: "excluded",
    OUTSIDE: "outside the region",
}
"""Code in the limiting-resource rasters -> words."""

INTERCHANGEABLE = ("cell certain", "tonnes certain but not the cell")
"""Words of the map of cells that could change places at no loss."""

HOW_SURE = (
    "the tonnes are certain, the exact cell is not: "
    "of equal cells the plan takes the most suitable, then neighbours"
)
"""What a cell that could change places says of itself."""

NO_METHOD = "no method"
"""Word in the map of winning methods where the plan uses none though one is possible."""

PLAN_STATES = (UNKNOWN, EXCLUDED)
"""States that the maps of the plan tell apart where no method is possible."""

STATE_NAMES: dict[int, str] = {
    NONE_PLANNED: "none in the plan",
    PLANNED: "in the plan",
    UNKNOWN: "unknown",
    EXCLUDED: "excluded",
    OUTSIDE: "outside the region",
}
"""Code in the maps of states -> words; a quantity of the plan is a number where it is one of the
first two: above 0, or a true zero (rule 2)."""

WITH_STATE = frozenset({"net_removal", "plan_cost"})
"""Quantities of all methods whose missing numbers the map ``state`` explains; ``limit`` and
``method_state`` do so for those of one method."""

VARIABLES: dict[str, tuple[str, str]] = {
    "equal_share": ("t/yr", "gross CO2 with equal shares"),
    "limit": ("", "limiting resource"),
    "net_factor": ("t/t", "net removal per gross tonne"),
    "cost": ("USD/t", "levelised cost per net tonne"),
    "score": ("t/yr", "suitability x net removal"),
    "suitability": ("1", "suitability"),
    "available": ("1", "share of the cell left by the exclusions"),
    "allocated": ("t/yr", "gross CO2 in the plan"),
    "method_state": ("", "whether the plan uses it, and why there is no number"),
}
"""Variable -> canonical unit and meaning; each has a method dimension."""

SHARED: dict[str, tuple[str, str]] = {
    "winner": ("", "method with the most net removal"),
    "binding": ("", "what stops the cell"),
    "interchangeable": ("", "whether the plan's tonnes could as well be in another such cell"),
    "net_removal": ("t/yr", "net removal in the plan, all methods"),
    "state": ("", "whether the plan removes anything, and why there is no number"),
    "plan_cost": ("USD/t", "cost of the plan per net tonne, all methods"),
    "transport_cost": ("USD/t", "transport of CO2 to the cheapest storage unit"),
    "transport_km": ("km", "length of the route to the cheapest storage unit"),
    "transport_mode": ("", "how CO2 travels to the cheapest storage unit"),
    "exclusion_reasons": ("", "exclusion rules that hit"),
}
"""Variable that all methods share -> unit and meaning."""

EVIDENCE: dict[str, tuple[str, str]] = {
    "shortfall": ("objective/t", "what a gross tonne lacks to be chosen"),
    "sink": ("", "storage unit that the plan would use"),
    "sink_cost": ("USD/t", "transport and storage of CO2 at that unit"),
    "sink_loss": ("1", "share of the CO2 lost on the way to that unit"),
    "usable_land": ("m2", "land that the method may use"),
    "need_land": ("m2/(t/yr)", "land that a gross tonne a year needs"),
    "net_at_plant": ("t/t", "net removal per gross tonne before transport"),
    "cost_at_plant": ("USD/t", "cost per gross tonne before transport and storage"),
    "energy_emissions": ("t/t", "emissions of power and heat per gross tonne"),
    "replaced_emissions": ("t/t", "emissions that supplied power replaces, per gross tonne"),
    "land_price": ("objective/m2", "gain of the plan from one more m2 of the cell's land"),
}
"""Variable kept to explain cells -> unit and meaning; "objective" is the unit of the goal."""

NO_RASTER = frozenset(EVIDENCE) - {"shortfall"}
"""Variables that are in the dataset but not among the rasters, nor are needs by resource
(``need_RESOURCE``) and parts of the cost (``cost_PART``)."""

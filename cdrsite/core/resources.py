"""The resources that methods compete for: order, codes and units, one place."""

from __future__ import annotations

RESOURCES: tuple[str, ...] = ("land", "water", "electricity", "heat", "biomass", "storage")
"""In the order of their codes; at a tie the first one limits."""

RESOURCE_CODES: dict[str, int] = {name: code for code, name in enumerate(RESOURCES)}
"""Resource -> code in the limiting-resource rasters."""

RESOURCE_UNITS: dict[str, str] = {
    "land": "m2",
    "water": "m3/yr",
    "electricity": "kWh/yr",
    "heat": "kWh/yr",
    "biomass": "t/yr",
    "storage": "t/yr",
}
"""Canonical unit of each supply (rule 4)."""

INJECTIVITY, PORE_SPACE = "injectivity", "pore space"
"""Names of the storage rows: yearly injection, and capacity over the project's life."""

"""What the columns of layers and tables are called by people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cdrsite.core.words import Words

FIELDS: dict[str, tuple[str, str]] = {
    "method": ("", "removal method"),
    "rank": ("", "place of the site among those of its method, 1 the best"),
    "in_plan": ("", "whether the plan builds there"),
    "plan_t_yr": ("t/yr", "what the plan has on the ground of the site"),
    "stays": ("1", "share of the samples in which its method is in reach there"),
    "error": ("1", "of that share, by the number of samples"),
    "core": ("", "whether it stays in 80 % of the samples or more"),
    "rank_p05": ("", "that 5 % of the samples do not exceed"),
    "rank_p50": ("", "that half of the samples do not exceed"),
    "rank_p95": ("", "that 95 % of the samples do not exceed"),
    "among_best": ("1", "share of the samples"),
    "lon": ("degree", "WGS 84"),
    "lat": ("degree", "WGS 84"),
    "x": ("", "in the CRS of the layer"),
    "y": ("", "in the CRS of the layer"),
    "gross_t_yr": ("t/yr", "captured from air or biogenic carbon, or taken up"),
    "net_t_yr": ("t/yr", "what remains of the gross CO2 after all emissions"),
    "cost_usd_per_net_t": ("USD per net t", "levelised, with transport and storage"),
    "shortfall": ("", "what the plan would lose by each gross tonne there"),
    "net_factor": ("t/t", "net removal per gross tonne"),
    "suitability": ("1", "0 worst, 1 best"),
    "available_share": ("1", "share of the cell left by the exclusions"),
    "limited_by": ("", "resource that the plan charges the site most for"),
    "plant": ("", "name of the plant in the plan"),
    "why": ("", "the site in words"),
    "storage_unit": ("", "cheapest one, transport and storage together"),
    "transport_mode": ("", "pipeline, truck or ship, whichever costs least"),
    "transport_km": ("km", "length of the route to the storage unit"),
    "transport_cost_usd_t": ("USD/t", "per tonne of CO2 brought to storage"),
    "mode": ("", "pipeline, truck or ship, whichever costs least"),
    "length_km": ("km", "true length along the ground"),
    "routes": ("", "number of routes that share the stretch"),
    "used_by": ("", "sites by method and rank"),
    "unit_name": ("", "name of the unit"),
    "injected_mt_yr": ("Mt/yr", "CO2 that the plan brings"),
    "injection_mt_yr": ("Mt/yr", "most that can be injected in a year"),
    "capacity_mt": ("Mt", "total"),
    "years_to_full": ("yr", "at the plan's rate"),
    "eor": ("", "where storage is contested"),
    "storage_cost_usd_t": ("USD/t", "without transport"),
    "used_percent": ("%", "of what may be stored in a year"),
    "zone": ("", "of the zone"),
    "name": ("", ""),
    "existing": ("", "whether it stands today"),
    "could_store_t_yr": ("t/yr", "all CO2 that it captures for storage"),
    "stored_t_yr": (
        "t/yr",
        "CO2 that the plan brings to storage; more than the gross CO2 where that of own fuel is "
        "captured along",
    ),
    "cells": ("", "number of cells whose tonnes it gathers"),
    "haul_km": (
        "km",
        "straight from the cells to the plant, weighted by tonnes; the way of the biomass",
    ),
    "farthest_km": ("km", "straight from the farthest of the cells"),
    "id": ("", ""),
    "start": ("", ""),
    "end": ("", ""),
    "flow_t_yr": ("t/yr", "CO2"),
    "inch": ("inch", "nominal"),
    "lines": ("", "number of parallel pipes"),
    "weight_km": ("km", "length times the difficulty of the ground"),
    "cost_usd_yr": ("USD/yr", "of the chosen size"),
    "model_usd_yr": ("USD/yr", "by the straight line the design uses"),
    "unit": ("", "of supply, use and slack"),
    "supply": ("", "what there is"),
    "use": ("", "what the plan takes"),
    "standing": ("", "what of the use is theirs, beside the plan"),
    "slack": ("", "supply less use"),
    "price": ("", "what one more unit would add to the objective"),
    "price_unit": ("", "objective per unit of the pool"),
    "binds": ("", "whether more of it would help"),
    "net_mt_yr": ("Mt/yr", "of the plan, all methods"),
    "gross_mt_yr": ("Mt/yr", "of the plan, all methods"),
    "cost_musd_yr": ("million USD/yr", "of the plan, all methods"),
    "land_km2": ("km2", "used by the plan, all methods"),
    "rule": ("", "exclusion rule"),
    "bit": ("", "of the rule in the raster of reasons"),
    "methods": ("", "methods that the rule holds for"),
    "removes_km2": ("km2", "area of the region that the rule excludes"),
    "removes_percent": ("%", "of the region"),
    "only_it_removes_km2": ("km2", "area that no other rule excludes"),
    "captured_t_yr": ("t/yr", "at the last milestone"),
    "can_capture_t_yr": ("t/yr", "at most, in any year"),
    "avoided_t_yr": ("t/yr", "emissions avoided, at the last milestone"),
    "removed_t_yr": ("t/yr", "net removal, at the last milestone"),
    "capacity_t_yr": ("t/yr", "what it captures when it runs"),
}
"""Column -> unit, meaning; its name for people is in the words (``field.NAME``)."""


def column_name(column: str, words: Words) -> str:
    """A column as people call it; one that the program does not know keeps its own name."""
    return (
        words.named("field", column) if words.has(f"field.{column}") else column.replace("_", " ")
    )

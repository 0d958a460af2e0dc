"""Every key of a scenario moves a number of a small study.

The keys are those of the models. Each is varied here, or shown to act by a test elsewhere, or
marked as informative with the reason; the test fails for a key that is none of it.
"""

from __future__ import annotations

import re
import typing
import warnings
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import network_csv
import numpy as np
import pytest
import shapely
import xarray as xr
from power_hours import mean_days, write_hours
from pydantic import BaseModel
from stage_bytes import stages_told, undeclared
from tiny_scenario import (
    COLS,
    NORTH,
    ROWS,
    SCENARIO,
    WEST,
    box,
    cover,
    write_polygons,
    write_raster,
    write_world,
)

from cdrsite.config.load import load_scenario
from cdrsite.config.models import Scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.place.firm_mix import TypicalDays
from cdrsite.study.run import run

INFORMATIVE = {
    "name": "a name, no number",
    "title": "a title, no number",
    "data_folder": "where inputs lie, not what is in them",
    "confine_paths": "refuses paths; tests/config/test_bad_input.py",
    "allow_remote": "lets inputs be fetched; tests/layers/test_remote.py",
    "grid.max_cells": "refuses larger grids; tests/config/test_bad_input.py",
    "layers.*.join.*": "columns of a table; tests/layers/test_tables_of_features.py",
    "layers.*.dissolve": "merged features; tests/layers/test_tables_of_features.py",
    "layers.*<FileLayer>.values": "tests/layers/test_values_as_stored.py",
    "layers.*.tiles": "further files; tests/layers/test_tiles.py",
    "layers.*.sum": "merged features; tests/layers/test_tables_of_features.py",
    "layers.*<FileLayer>.radius*": "grows features; tests/methods/test_storage_units.py",
    "layers.*.encoding": "which letters a text is of; tests/layers/test_encodings.py",
    "region.encoding": "which letters a text is of; tests/layers/test_encodings.py",
    "layers.*.licence": "carried into metadata",
    "layers.*.source": "carried into metadata",
    "methods.*.gates.*.source": "told with the rule; tests/siting/test_gates.py",
    "*.name": "a name or the column with names, no number",
    "policies[[]].zone_name": "the column with the names by which zones are meant",
    "objective.credits[[]].region.zone_name": "the column with the names by which zones are meant",
    "siting.include[[]].smaller_than": "refused: it cannot bring an area back",
    "siting.include[[]].for": "refused: a place comes back for all methods",
    "outputs.folder": "where the results go",
    "uncertainty*": "samples beside the plan, which stays; tests/study/test_uncertainty_keys.py",
    "objective.robust": "a plan told beside the plan; tests/study/test_decisions.py",
    "outputs.zones.*": "a table of its own; tests/study/test_zones.py",
    "outputs.compression": "how rasters are packed; the values are the same",
    "layers.*<ConstantLayer>.kind": "what the value is: its unit decides how it is read",
    "layers.*<ExpressionLayer>.kind": "what the result is: its unit decides how it is read",
    "transport.surface.*smaller_than": "refused: not a test of one place",
    "transport.surface.*neighbours": "refused: not a test of one place",
    "transport.surface.*merge_*": "refused: not a test of one place",
    "transport.surface.*usable": "refused: a route is barred or not",
    "siting.exclude[[]].neighbours": "areas that touch at corners; tests/siting/test_siting.py",
    "siting.exclude[[]].merge_name": "polygons of one name are one; tests/siting/test_projects.py",
    "siting.include[[]].neighbours": "refused: it cannot bring an area back",
    "siting.include[[]].merge_*": "refused: it cannot bring an area back",
    "siting.include[[]].usable": "refused: a place comes back as far as the rule covers it",
    "transport.surface.barriers[[]].outside": "bars all storage here; as siting.exclude[].outside",
    "transport.surface.*for": "refused: a pipeline knows no methods",
    "transport.surface.slope.unit": "one unit only",
    "transport.roads.slope.unit": "one unit only",
    "transport.ships*": "two coasts and ports; tests/transport/test_ways.py",
    "transport.surface.population.unit": "one unit only",
    "network.effort": "how long the search may go on; the plan states its gap",
    "network.time_limit": "how long the search may take; the plan states its gap",
    "network.gap_of": "what the gap is of; the plan states its gap",
    "network.seed": "the order of the search; the plan states its gap",
    **{
        f"resources.{one.parameter}.*": "as of others of its kind, by the same model"
        for one in list(RESOURCES.values())[6:]
    },
    "objective.gap": "when the search may stop; the plan states its gap",
}
"""Pattern of keys -> why no number of a study follows from them."""

STORES = "layers.stores={path: stores.gpkg}"
STORED = "resources.storage={units: stores, id: id, capacity: mt, injection: mt_yr, depth: depth}"
ROUTED = (STORES, STORED)
SCREENING = "{ocean-liming: {points: sites, near: {storage: {layer: west}}}}"
SCREENED = (
    "layers.sites={path: sites.gpkg}", "layers.sites2={path: sites2.gpkg}",
    "layers.west={path: west.gpkg}", "layers.middle={path: middle.gpkg}",
    f"screening={SCREENING}",
)  # fmt: skip
FREE_POWER = "resources.power={unlimited: true, intensity: 20 g/kWh}"
ROADS = (
    *ROUTED, "layers.middle={path: middle.gpkg}", "transport.modes=[truck]",
    "transport.roads={layer: middle}",
)  # fmt: skip
WARM = (
    "layers.warm={path: warm.tif, unit: degC, kind: intensive}",
    "layers.hot={path: hot.tif, unit: degC, kind: intensive}",
    "layers.damp={path: damp.tif, unit: '%', kind: intensive}",
    "layers.dry={path: dry.tif, unit: '%', kind: intensive}",
)
CLIMATE = (
    "methods.daccs-solid.climate={temperature: warm, humidity: damp, "
    "reference: {temperature: 20, humidity: 43}}"
)
CROP = "methods.beccs-energy-crop={override: {luc_emissions: 0, biomass_price: 40 USD/t}}"
HAULED = ("methods.beccs-residue.override={haul_price: 0.15 USD/t/km}",)
ROCK = "methods.enhanced-weathering={}"
SOIL = "methods.cropland-soil-carbon={}"
GROWTH = (
    "layers.growth={path: growth.tif, unit: t/ha/yr, kind: intensive}",
    "methods.afforestation.rate=growth",
)
EMITTING = (
    "layers.soil={path: growth.tif, unit: t/ha, kind: intensive}",
    "layers.swamp={path: growth.tif, unit: kg/ha/yr, kind: intensive}",
    "methods.enhanced-weathering={emissions: {land_use_change: 1 t/ha, methane: 2 kg/ha/yr}}",
)
POLICY = "policies=[{name: cap, methods: [daccs-solid], at_most: 0.03 Mt/yr}]"
ZONED = "policies=[{name: cap, layer: basins, zone_name: name, at_most: 0.02 Mt/yr}]"
ONE = "policies.0."
PAID = (
    "objective={maximise: value, credits: [{amount: 900, methods: daccs-solid}, "
    "{amount: 900, methods: afforestation}]}"
)
POWERED = "resources.power={value: 90 GWh/yr, per: region, intensity: 300 g/kWh}"
DATED = (
    POWERED,
    "objective={minimise: cost}",
    "milestones={years: [2030, 2050], start: 2025, after: 20 yr, "
    "targets: {removal: {2030: 1 kt/yr, 2050: 9 kt/yr}}}",
)
DURABLE = (*DATED, "milestones.targets.durable={2050: 9 kt/yr}")
EXPECTED = (*DURABLE, "milestones.durability={rule: expected}")
OFFSET = (*DURABLE, "milestones.durability={rule: offset, discount: 1 %}")
GROWN = (
    *DATED,
    "milestones.growth={afforestation: {rate: 10 %, seed: 0.2 kt/yr, standing: 0.1 kt/yr}}",
)
MISSED = (
    *DATED, "milestones.targets.removal={2050: 9 Mt/yr}", "milestones.missed={price: 100 USD/t}",
)  # fmt: skip
REPLACED = (*DATED, "milestones.durability={rule: replacement, price: {2050: 100 USD/t}}")
SPREADING = (
    *DATED,
    *ROUTED,
    "methods.afforestation.usable_land=0",
    "milestones.missed={price: 2000 USD/t}",
    "milestones.injection_growth={rate: 10 %, seed: 0.02 kt/yr, standing: 0.02 kt/yr}",
)
EARNING = (POWERED, PAID, "milestones={years: [2030, 2050]}")
LIMITED = (POWERED, "milestones={years: [2030, 2050], budget: {2050: 0.3 MUSD/yr}}")
CAPTURED = (
    *ROUTED, *DATED, "milestones.targets.avoided={2050: 2 kt/yr}",
    "milestones.missed={price: 500 USD/t}",
    "emitters={layer: sites, emission: more, cost: 50 USD/t, name: name}",
)  # fmt: skip
CAPTURED_NOW = (
    *ROUTED, POWERED,
    "emitters={layer: sites, emission: more, cost: 50 USD/t, target: 1 t/yr, name: name}",
)  # fmt: skip
STOOD = (
    *ROUTED, *DATED,
    "standing={layer: sites, method: daccs-solid, capacity: more, unit: Mt/yr, retires: late, "
    "name: name}",
)  # fmt: skip
BURNT = (*CAPTURED_NOW, "resources.biomass={pools: basins, supply: other, unit: t/yr}")
EVERY = "objective={maximise: value, credits: [{amount: 900}]}"
SCHEME = "objective={maximise: value, start: 2030, credits: [{scheme: 45q-dac-saline}]}"
EARLY = (
    "objective={maximise: value, start: 2030, "
    "credits: [{amount: 300, from: 2025, to: 2040}, {amount: 200}]}"
)
HERE = (
    "objective={maximise: value, "
    "credits: [{amount: 900, region: {layer: basins, zone_name: name, zones: west}}]}"
)
FIRST = "objective.credits.0."
RULE = "{layer: slope, above: 5 degree}"
CUSTOMERS = (
    "methods.beccs-residue.profile=chp",
    "layers.wanted={path: growth.tif, unit: GWh/yr, kind: extensive}",
)
HEAT = "methods.daccs-solid.override={heat: 500 kWh}"
POOLED = "{pools: basins, supply: spare_gwh, unit: GWh/yr}"

CUBE = "layers.cube={path: cube.nc, variable: a, unit: degC, kind: intensive, crs: 'EPSG:3035'}"
PLACES = "layers.places={path: places.csv}"
BY_PLACES = "siting.prefer=[{near: places, best: 0, none: 5 km}]"
SHIFTED = "+proj=laea +lat_0=52 +lon_0=10 +x_0=4320000 +y_0=3210000 +ellps=GRS80"
FAR = (STORES.replace("stores.gpkg", "far.gpkg"), STORED)
OPENED = (
    STORES.replace("stores.gpkg", "west.gpkg"),
    STORED,
    "transport.surface.barrier_share=0.2",
)
SEA = "transport.surface.sea={layer: cover, classes: [80]}"
BY_SLOPE = "{layer: slope, points: [[0, 1], [20, 2]], unit: degree}"
BY_PEOPLE = "{layer: people, points: [[0, 1], [900, 3]], unit: person/km2}"
SOLID = "network.plants.daccs-solid"
PLANTS = (
    *ROUTED,
    "network.plan=true",
    f"{SOLID}={{least: 1 kt/yr, most: 10 kt/yr, catchment: 3 km}}",
)
BUILT = (*PLANTS, "network.sites={layer: sites}")
PHASED = (
    *PLANTS,
    "network.periods=[{year: 2030, target: 0.01 Mt/yr}, {year: 2040, target: 0.02 Mt/yr}]",
)
EMITTED = (*PLANTS, "network.emitters={layer: sites, captured: more, name: name}")
EMITTED_LATER = (
    *EMITTED,
    "network.periods=[{year: 2030, targets: {removal: 0.01 Mt/yr}},"
    " {year: 2040, targets: {removal: 0.02 Mt/yr}}]",
)
BY_LEDGER = "network.periods.1={year: 2040, targets: {avoided: 0.004 Mt/yr}}"
TABLED = (
    "methods={afforestation: {gates: false}}",
    "network={plan: true, tables: case, target: 2 Mt/yr}",
)
PIPED = (*PLANTS, "network.pipelines={layer: pipes, capacity: more}")

DRY_YEAR = ", ".join(["water_m3"] * 11 + ["spare_gwh"])
WET = (
    "resources.water={pools: basins, name: name, unit: m3, "
    f"months: [{', '.join(['water_m3'] * 12)}]}}"
)
"""Water by month, alike in all of them."""
MONTHLY = f"resources.water={{pools: basins, name: name, unit: m3, months: [{DRY_YEAR}]}}"
"""Water by month, with a dry one."""

OTHER_UNITS = {"m3/yr": "l/yr", "t/yr": "kt/yr", "GWh/yr": "MWh/yr"}

WORDS = ("name", "title")
"""What a summary repeats of the scenario."""

MORE_LAYERS = {
    "woods": "{path: woods.gpkg}",
    "ground": "{path: ground.tif, kind: class}",
    "steep": "{path: steep.tif, unit: degree, kind: intensive}",
    "people": "{path: people.tif, unit: person/km2, kind: intensive}",
    "crowd": "{path: crowd.tif, unit: person/km2, kind: intensive}",
    "rivers": "{path: rivers.gpkg}",
    "brooks": "{path: brooks.gpkg}",
    "pipes": "{path: pipes.gpkg}",
    "sites": "{path: sites.gpkg}",
    "sites2": "{path: sites2.gpkg}",
}
"""Layers that the tiny scenario has none of."""

Case = tuple[tuple[str, ...], tuple[str, ...]]
STAGES_OF: dict[tuple[str, ...], dict[str, str]] = {}
"""Settings of a run -> hash of what each of its stages gave."""


def rules(group: str, at: str, before: tuple[str, ...] = ()) -> dict[str, Case]:
    """Cases of a rule; ``at`` is where one stands, or ``LIST[]`` for the first of a new list."""
    new = at.endswith("[]")
    place = f"{at.removesuffix('[]')}.0" if new else at

    def case(rule: str, key: str, value: str, *more: str) -> Case:
        base = f"{at.removesuffix('[]')}=[{rule}]" if new else f"{at}={rule}"
        return (*before, *more, base), (f"{place}.{key}={value}",)

    parks, ranged = "{layer: parks}", "{layer: slope, above: 12 degree}"
    found = {
        "layer": case(parks, "layer", "woods"),
        "where": case("{layer: woods}", "where", "name == 'a'"),
        "buffer": case(parks, "buffer", "1 km"),
        "rasterise": case("{layer: woods}", "rasterise", "centre"),
        "classes": case("{layer: cover, classes: [50]}", "classes", "[10]"),
        "above": case(ranged, "above", "4 degree"),
        "below": case("{layer: slope, below: 3 degree}", "below", "9 degree"),
        "closer_than": case("{layer: parks, closer_than: 1 km}", "closer_than", "2 km"),
        "farther_than": case("{layer: parks, farther_than: 1 km}", "farther_than", "3 km"),
        "within": case("{layer: parks, farther_than: 3 km}", "within", "basins"),
        "unknown": case(ranged, "unknown", "exclude"),
        "outside": case(parks, "outside", "true"),
    }
    return {f"{group}.{name}": one for name, one in found.items()}


def table(group: str, rule: str, key: str, value: str) -> dict[str, Case]:
    """One case of what makes ground dearer."""
    at, new = f"transport.surface.{group.removesuffix('[]')}", group.endswith("[]")
    base = f"{at}=[{rule}]" if new else f"{at}={rule}"
    changed = f"{at}.0.{key}={value}" if new else f"{at}.{key}={value}"
    return {f"transport.surface.{group}.{key}": ((*FAR, base), (changed,))}


def supply(name: str, value: str, more: str) -> dict[str, Case]:
    """Cases of a resource that is offered."""
    at = f"resources.{name}"
    mine, alive = f"{at}={{value: {value}, per: cell}}", (HEAT,) if name == "heat" else ()
    unit, column = {"water": ("m3/yr", "water_m3"), "biomass": ("t/yr", "water_m3")}.get(
        name, ("GWh/yr", "spare_gwh")
    )
    pools = f"{at}={{pools: basins, supply: {column}, unit: {unit}}}"
    layer = f"layers.offer={{path: offer.tif, unit: {unit}, kind: extensive}}"
    return {
        f"{at}.{key}": ((*alive, *base), changed)
        for key, base, changed in (
            ("pools", (mine,), (pools,)),
            ("supply", (pools,), (f"{at}.supply=other",)),
            ("layer", (mine, layer), (f"{at}={{layer: offer, unit: {unit}}}",)),
            ("value", (mine,), (f"{at}.value={more}",)),
            ("unlimited", (mine,), (f"{at}={{unlimited: true}}",)),
            ("unit", (pools,), (f"{at}.unit={OTHER_UNITS[unit]}",)),
            ("share", (pools,), (f"{at}.share=whole",)),
            ("per", (mine,), (f"{at}.per=region",)),
            ("factor", (mine,), (f"{at}.factor=0.5",)),
        )
    }


CASES: dict[str, Case] = {
    "region.boundary": ((), ("region={boundary: parks.gpkg}",)),
    "region.layer": (("region={boundary: two.gpkg, layer: a}",), ("region.layer=b",)),
    "region.where": (
        ("region={boundary: basins.gpkg}",),
        ("region.where=name == 'west'",),
    ),
    "region.bounds": ((), ("region.bounds=[4000000, 3000000, 4004000, 3006000]",)),
    "region.crs": (
        ("region={bounds: [4000000, 3000000, 4008000, 3006000], crs: 'EPSG:3035'}",),
        ("region={bounds: [5.53, 50.035, 5.6, 50.07], crs: 'EPSG:4326'}",),
    ),
    "grid.crs": ((), ("grid.crs=auto",)),
    "grid.resolution": ((), ("grid.resolution=500 m",)),
    "grid.snap": ((), ("grid.snap=[400, 400]",)),
    "grid.margin": (ROUTED, ("grid.margin=3 km",)),
    "grid.rasterise": ((), ("grid.rasterise=centre",)),
    "layers.*<FileLayer>.path": ((), ("layers.slope.path=flat.tif",)),
    "layers.*<FileLayer>.kind": (
        (),
        (
            "layers.residues.kind=intensive",
            "layers.residues.unit=t/ha/yr",
            "resources.biomass={value: 90 t/yr, per: cell}",
        ),
    ),
    "layers.*<FileLayer>.unit": ((), ("layers.residues.unit=kt/yr",)),
    "layers.*<FileLayer>.band": (
        ("layers.slope.path=bands.tif", "layers.slope.band=1"),
        ("layers.slope.band=2",),
    ),
    "layers.*<FileLayer>.nodata": ((), ("layers.slope.nodata=[5]",)),
    "layers.*<FileLayer>.scale": ((), ("layers.slope.scale=2",)),
    "layers.*<FileLayer>.offset": ((), ("layers.slope.offset=4",)),
    "layers.*<FileLayer>.factor": ((), ("layers.slope.factor=2",)),
    "layers.*<FileLayer>.where": (
        ("siting.exclude.0.layer=basins",),
        ("layers.basins.where=name == 'west'",),
    ),
    "layers.*<FileLayer>.preset": (
        ("siting.exclude.1={layer: ground, classes: [50], unknown: exclude}",),
        ("layers.ground.preset=esa-worldcover",),
    ),
    "layers.*<FileLayer>.variable": (
        (CUBE, "siting.prefer=[{layer: cube, best: 0, worst: 90}]"),
        ("layers.cube.variable=b",),
    ),
    "layers.*<FileLayer>.layer": (
        ("layers.parks={path: two.gpkg, layer: a}",),
        ("layers.parks.layer=b",),
    ),
    "layers.*<FileLayer>.ignore_file_nodata": (
        ("siting.exclude.2.unknown=exclude", "layers.slope.nodata=[35]"),
        ("layers.slope.ignore_file_nodata=true",),
    ),
    "layers.*<FileLayer>.crs": ((), (f"layers.slope.crs={SHIFTED}",)),
    "layers.*<FileLayer>.attribute": (
        (
            "layers.clean={path: basins.gpkg, attribute: g_kwh, unit: g/kWh}",
            "siting.prefer=[{layer: clean, best: 0, worst: 2000}]",
        ),
        ("layers.clean.attribute=other",),
    ),
    "layers.*<FileLayer>.buffer": ((), ("layers.parks.buffer=1 km",)),
    "layers.*<FileLayer>.rasterise": (
        ("siting.prefer=[{layer: woods, best: 0, worst: 1}]",),
        ("layers.woods.rasterise=centre",),
    ),
    "layers.*<FileLayer>.lon": ((PLACES, BY_PLACES), ("layers.places.lon=lon2",)),
    "layers.*<FileLayer>.lat": ((PLACES, BY_PLACES), ("layers.places.lat=lat2",)),
    "layers.*<ConstantLayer>.value": (
        ("layers.slope={value: 3 degree}",),
        ("layers.slope.value=12 degree",),
    ),
    "layers.*<ConstantLayer>.unit": (
        ("layers.residues={value: 90, unit: t/yr, kind: extensive}",),
        ("layers.residues.unit=kt/yr",),
    ),
    "layers.*<ConstantLayer>.factor": (
        ("layers.slope={value: 3 degree}",),
        ("layers.slope.factor=4",),
    ),
    "layers.*<DerivedLayer>.derive": (
        (
            "layers.d={derive: distance, from: parks, unit: km}",
            "siting.prefer=[{layer: d, best: 0, worst: 9}]",
        ),
        ("layers.d={derive: density, from: parks, radius: 3 km}",),
    ),
    "layers.*<DerivedLayer>.from": (
        (
            "layers.d={derive: distance, from: parks, unit: km}",
            "siting.prefer=[{layer: d, best: 0, worst: 9}]",
        ),
        ("layers.d.from=basins",),
    ),
    "layers.*<DerivedLayer>.unit": (
        (
            "layers.d={derive: distance, from: parks, unit: km}",
            "siting.prefer=[{layer: d, best: 0, worst: 9}]",
        ),
        ("layers.d.unit=m",),
    ),
    "layers.*<DerivedLayer>.where": (
        (
            "layers.d={derive: distance, from: basins, unit: km}",
            "siting.prefer=[{layer: d, best: 0, worst: 9}]",
        ),
        ("layers.d.where=name == 'west'",),
    ),
    "layers.*<DerivedLayer>.within": (
        (
            "layers.d={derive: distance, from: parks, unit: km}",
            "siting.prefer=[{layer: d, best: 0, worst: 9}]",
        ),
        ("layers.d.within=basins",),
    ),
    "layers.*<DerivedLayer>.classes": (
        (
            "layers.d={derive: distance, from: cover, classes: [50]}",
            "siting.prefer=[{layer: d, best: 0, worst: 9000}]",
        ),
        ("layers.d.classes=[80]",),
    ),
    "layers.*<DerivedLayer>.radius": (
        (
            "layers.d={derive: density, from: parks, radius: 3 km}",
            "siting.prefer=[{layer: d, best: 0, worst: 1}]",
        ),
        ("layers.d.radius=5 km",),
    ),
    "layers.*<DerivedLayer>.factor": (
        (
            "layers.d={derive: distance, from: parks, unit: km}",
            "siting.prefer=[{layer: d, best: 0, worst: 9}]",
        ),
        ("layers.d.factor=3",),
    ),
    "layers.*<ExpressionLayer>.expression": (
        (
            "layers.e={expression: 2 * slope, unit: degree}",
            "siting.prefer=[{layer: e, best: 0, worst: 90}]",
        ),
        ("layers.e.expression=3 * slope",),
    ),
    "layers.*<ExpressionLayer>.unit": (
        (
            "layers.e={expression: 'where(slope < 90, 30, 30)', unit: t/yr, kind: extensive}",
            "resources.biomass={layer: e, unit: t/yr}",
        ),
        ("layers.e.unit=kt/yr",),
    ),
    "layers.*<ExpressionLayer>.factor": (
        (
            "layers.e={expression: 2 * slope, unit: degree}",
            "siting.prefer=[{layer: e, best: 0, worst: 90}]",
        ),
        ("layers.e.factor=2",),
    ),
    "resources.land.usable": ((), ("resources.land.usable=0.1",)),
    "resources.land.combine": (
        ("resources.land.usable={cover: {10: 0.5}, ground: {10: 0.5}}",),
        ("resources.land.combine=minimum",),
    ),
    "resources.land.factor": ((), ("resources.land.factor=0.1",)),
    **supply("water", "9000 m3/yr", "500 m3/yr"),
    "resources.water.months": ((WET,), (f"resources.water.months=[{DRY_YEAR}]",)),
    "resources.water.environmental_flow": ((WET,), ("resources.water.environmental_flow=0.9",)),
    "resources.water.used": ((WET,), (f"resources.water.used=[{DRY_YEAR}]",)),
    "resources.water.profiles": (
        (WET,),
        ("resources.water.profiles={daccs-solid: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 9]}",),
    ),
    **supply("power", "2 GWh/yr", "1 MWh/yr"),
    **supply("heat", "0.2 GWh/yr", "9 MWh/yr"),
    **supply("biomass", "900 t/yr", "200 t/yr"),
    "resources.power.intensity": ((), ("resources.power.intensity=300 g/kWh",)),
    "resources.power.firm": ((), ("resources.power.firm=0.7",)),
    "resources.power.intensity_unit": (
        (
            "resources.power={pools: basins, supply: spare_gwh, unit: GW"
            "h/yr, intensity: g_kwh, intensity_unit: g/kWh}",
        ),
        ("resources.power.intensity_unit=g/MWh",),
    ),
    "resources.power.capacity_factor": (
        ("resources.power={value: 1 MW, per: cell, capacity_factor: 0.9}",),
        ("resources.power.capacity_factor=0.02",),
    ),
    "resources.heat.capacity_factor": (
        (HEAT, "resources.heat={value: 0.1 MW, per: cell, capacity_factor: 0.9}"),
        ("resources.heat.capacity_factor=0.02",),
    ),
    "resources.heat.demand": (
        (*CUSTOMERS, "resources.heat={value: 0 kWh/yr, per: region}"),
        ("resources.heat.demand=wanted",),
    ),
    "resources.heat.demand_level": (
        (*CUSTOMERS, "resources.heat={value: 0 kWh/yr, per: region, demand: wanted}"),
        ("resources.heat.demand_level=high",),
    ),
    "resources.heat.level": (
        (HEAT, "resources.heat={value: 0.1 GWh/yr, per: cell}"),
        ("resources.heat.level=low",),
    ),
    "resources.heat.intensity": ((HEAT,), ("resources.heat.intensity=200 g/kWh",)),
    "resources.biomass.haul": (
        ("resources.biomass.share=whole",),
        ("resources.biomass.haul=2 km",),
    ),
    "resources.biomass.kinds": (
        ("resources.biomass={pools: basins, kinds: {residue: spare_gwh}, unit: t/yr}",),
        (
            "resources.biomass.kinds={residue: spare_gwh, straw: water_m3}",
            "methods.beccs-residue.biomass_kind=straw",
        ),
    ),
    "resources.biomass.collectable": ((), ("resources.biomass.collectable=0.3",)),
    "resources.storage.units": (
        ROUTED,
        ("layers.other={path: other.gpkg}", "resources.storage.units=other"),
    ),
    "resources.storage.capacity": (ROUTED, ("resources.storage.capacity=small",)),
    "resources.storage.capacity_unit": (ROUTED, ("resources.storage.capacity_unit=t",)),
    "resources.storage.injection": (ROUTED, ("resources.storage.injection=slow",)),
    "resources.storage.injection_unit": (ROUTED, ("resources.storage.injection_unit=t/yr",)),
    "resources.storage.cost": (ROUTED, ("resources.storage.cost=50 USD/t",)),
    "resources.storage.case": (
        (*ROUTED, "resources.storage.capacity={central: mt, low: small}"),
        ("resources.storage.case=low",),
    ),
    "resources.storage.years": (ROUTED, ("resources.storage.years=5000 yr",)),
    "resources.storage.depth": (ROUTED, ("resources.storage.depth=shallow",)),
    "resources.storage.min_depth": (ROUTED, ("resources.storage.min_depth=1300 m",)),
    "resources.storage.max_depth": (ROUTED, ("resources.storage.max_depth=1300 m",)),
    "resources.storage.id": (
        (*ROUTED, "resources.storage.stacked_on=under"),
        ("resources.storage.id=id2",),
    ),
    "resources.storage.share": (ROUTED, ("resources.storage.share=whole",)),
    "resources.storage.factor": (ROUTED, ("resources.storage.factor=0.0001",)),
    "resources.storage.unlimited": (ROUTED, ("resources.storage={unlimited: true}",)),
    "resources.storage.kind": (ROUTED, ("resources.storage.kind=sort",)),
    "resources.storage.kinds": (
        (
            *ROUTED,
            FREE_POWER,
            "resources.storage.kind=rock",
            "resources.storage.kinds={diabase: eor}",
        ),
        ("resources.storage.kinds={diabase: basalt}",),
    ),
    "resources.storage.needs": (
        (*ROUTED, FREE_POWER, "resources.storage.kind=basalt"),
        ("resources.storage.needs={basalt: {water: 2 m3}}",),
    ),
    "screening.*.points": (SCREENED, (f"screening={SCREENING.replace('sites,', 'sites2,')}",)),
    "screening.*.where": (SCREENED, ("screening.ocean-liming.where=more > 0.004",)),
    "screening.*.near.*.layer": (SCREENED, ("screening.ocean-liming.near.storage.layer=middle",)),
    "screening.*.near.*.where": (
        SCREENED,
        ("screening.ocean-liming.near.storage.where=id == 't'",),
    ),
    "resources.storage.stacked_on": (ROUTED, ("resources.storage.stacked_on=under",)),
    **rules("siting.exclude[]", "siting.exclude.0"),
    **rules("siting.include[]", "siting.include[]", ("siting.exclude.2.unknown=exclude",)),
    "siting.exclude[].smaller_than": (
        ("siting.exclude.0={smaller_than: 1 km2}",),
        ("siting.exclude.0.smaller_than=9000 km2",),
    ),
    "siting.exclude[].merge_within": (
        ("siting.exclude.0={smaller_than: 60 km2, merge_within: parks}",),
        ("siting.exclude.0.merge_within=basins",),
    ),
    "siting.exclude[].usable": ((), ("siting.exclude.0.usable=0.5",)),
    "siting.exclude[].for": ((), ("siting.exclude.2.for=[afforestation]",)),
    "siting.prefer[].near": (
        ("siting.prefer=[{near: parks, best: 0, none: 5 km}]",),
        ("siting.prefer.0.near=basins",),
    ),
    "siting.prefer[].layer": (
        (),
        (
            "layers.other={path: flat.tif, unit: degree, kind: intensive}",
            "siting.prefer.0.layer=other",
        ),
    ),
    "siting.prefer[].where": (
        ("siting.prefer=[{near: basins, best: 0, none: 9 km}]",),
        ("siting.prefer.0.where=name == 'west'",),
    ),
    "siting.prefer[].best": ((), ("siting.prefer.0.best=5",)),
    "siting.prefer[].worst": ((), ("siting.prefer.0.worst=40",)),
    "siting.prefer[].none": (
        ("siting.prefer=[{near: parks, best: 0, none: 5 km}]",),
        ("siting.prefer.0.none=9 km",),
    ),
    "siting.prefer[].points": (
        ("siting.prefer=[{layer: slope, points: [[0, 1], [20, 0]]}]",),
        ("siting.prefer.0.points=[[0, 1], [30, 0]]",),
    ),
    "siting.prefer[].middle": (
        ("siting.prefer=[{layer: slope, middle: 8, width: -5}]",),
        ("siting.prefer.0.middle=12",),
    ),
    "siting.prefer[].width": (
        ("siting.prefer=[{layer: slope, middle: 8, width: -5}]",),
        ("siting.prefer.0.width=-9",),
    ),
    "siting.prefer[].scores": (
        ("siting.prefer=[{layer: cover, scores: {10: 1}}]",),
        ("siting.prefer.0.scores={10: 0.4}",),
    ),
    "siting.prefer[].weight": (
        ("siting.prefer=[{layer: slope, best: 0, worst: 20}, {near: parks, best: 0, none: 9 km}]",),
        ("siting.prefer.0.weight=3",),
    ),
    "siting.prefer[].for": ((), ("siting.prefer.0.for=[afforestation]",)),
    "siting.combine": (
        ("siting.prefer=[{layer: slope, best: 0, worst: 20}, {near: parks, best: 0, none: 9 km}]",),
        ("siting.combine=minimum",),
    ),
    "methods.*.profile": ((), ("methods.daccs-solid.profile=waste-heat",)),
    "methods.*.library": ((), ("methods.afforestation.library=dear.yaml",)),
    "methods.*.override": ((), ("methods.daccs-solid.override={water: 9 m3}",)),
    "methods.*.climate.temperature": (
        (*WARM, CLIMATE),
        ("methods.daccs-solid.climate.temperature=hot",),
    ),
    "methods.*.climate.humidity": ((*WARM, CLIMATE), ("methods.daccs-solid.climate.humidity=dry",)),
    **{
        f"methods.*.climate.{key}": ((*WARM, CLIMATE), (f"methods.daccs-solid.climate.{key}={to}",))
        for key, to in {
            "operating_point": "cheapest",
            "reference.temperature": "5",
            "reference.humidity": "100",
            "reference.point": "3",
            "reference.heat_pump_share": "0.2",
        }.items()
    },
    "methods.*.weathering.temperature": (
        (*WARM, ROCK, "methods.enhanced-weathering.weathering={temperature: warm}"),
        ("methods.enhanced-weathering.weathering.temperature=hot",),
    ),
    "methods.*.weathering.runoff": (
        (*WARM, "layers.rain={path: warm.tif, unit: mm/yr, kind: intensive}", ROCK),
        ("methods.enhanced-weathering.weathering={runoff: rain}",),
    ),
    "methods.*.weathering.ph": (
        ("layers.acid={path: growth.tif, unit: '1', kind: intensive}", ROCK),
        ("methods.enhanced-weathering.weathering={ph: acid}",),
    ),
    "methods.*.crop_yield": (
        (GROWTH[0], "methods.beccs-energy-crop={override: {luc_emissions: 50}}"),
        ("methods.beccs-energy-crop.crop_yield=growth",),
    ),
    "methods.*.own_power.pv_yield": (
        (
            "layers.pv={path: pv.tif, unit: kWh/kWp, kind: intensive}",
            "methods.daccs-solid.own_power={firm_share: 0.9}",
        ),
        ("methods.daccs-solid.own_power.pv_yield=pv",),
    ),
    "methods.*.own_power.wind_yield": (
        (
            "layers.wind={path: pv.tif, unit: kWh/kW, kind: intensive}",
            "methods.daccs-solid.own_power={firm_share: 0.9, technology: pv-wind}",
        ),
        ("methods.daccs-solid.own_power.wind_yield=wind",),
    ),
    **{
        f"methods.*.own_power.{key}": (
            ("methods.daccs-solid.own_power={firm_share: 0.9}",),
            (f"methods.daccs-solid.own_power.{key}={to}",),
        )
        for key, to in {
            "firm_share": 0.7,
            "technology": "pv-wind",
            "shortfall": "grid",
            "direct_connection": "2030",
        }.items()
    },
    "methods.*.own_power.hours": (
        ("methods.daccs-solid.own_power={firm_share: 0.9}",),
        ("methods.daccs-solid.own_power.hours=hours.csv",),
    ),
    "methods.*.own_power.zone": (
        (
            "methods.daccs-solid.own_power={firm_share: 0.9, hours: zones.csv, "
            "zone: {cover: {10: a, 50: a, 80: b}}}",
        ),
        ("methods.daccs-solid.own_power.zone={cover: {10: b, 50: a, 80: b}}",),
    ),
    "methods.*.own_power.oversizing": (
        ("methods.daccs-solid.own_power={oversizing: 1.5, battery_hours: 8}",),
        ("methods.daccs-solid.own_power.oversizing=2",),
    ),
    "methods.*.own_power.battery_hours": (
        ("methods.daccs-solid.own_power={oversizing: 1.5, battery_hours: 8}",),
        ("methods.daccs-solid.own_power.battery_hours=12",),
    ),
    "methods.*.own_power.density": (
        ("methods.daccs-solid.own_power={firm_share: 0.9}",),
        ("methods.daccs-solid.own_power.density=0.001",),
    ),
    "methods.*.rate": ((GROWTH[0],), (GROWTH[1],)),
    "methods.*.albedo": (
        ("layers.dark={path: growth.tif, unit: '%', kind: intensive}",),
        ("methods.afforestation.albedo=dark",),
    ),
    "methods.*.cleared_carbon": (
        ("layers.shrubs={path: growth.tif, unit: t/ha, kind: intensive}",),
        ("methods.afforestation.cleared_carbon=shrubs",),
    ),
    **{
        f"methods.*.emissions.{key}": (
            EMITTING,
            (f"methods.enhanced-weathering.emissions.{key}={to}",),
        )
        for key, to in {
            "land_use_change": "soil",
            "leakage": "20 %",
            "methane": "swamp",
            "nitrous_oxide": "3 kg/ha/yr",
            "other": "30 kg/t",
            "years": "10",
        }.items()
    },
    "methods.*.emissions.albedo": (
        ("methods.daccs-solid.emissions={other: 1 kg/t}",),
        ("methods.daccs-solid.emissions.albedo=90 t/ha/yr",),
    ),
    "methods.*.soil.zone": (
        (SOIL,),
        ("methods.cropland-soil-carbon.soil={zone: {cover: {10: cool temperate dry}}}",),
    ),
    "methods.*.soil.kind": (
        (SOIL,),
        ("methods.cropland-soil-carbon.soil={kind: {cover: {10: sandy}}}",),
    ),
    "methods.*.biogenic_share": (
        (
            "layers.share={path: growth.tif, unit: '%', kind: intensive}",
            "resources.slag={value: 90 t/yr, per: cell}",
            "methods.steel-slag={}",
        ),
        ("methods.steel-slag.biogenic_share=share",),
    ),
    "methods.*.soil_temperature": (
        (*WARM, "methods.biochar={}"),
        ("methods.biochar.soil_temperature=warm",),
    ),
    "methods.*.biomass_kind": (
        ("costs.prices.biomass={crop: 200 USD/t}", CROP),
        ("methods.beccs-residue.biomass_kind=crop",),
    ),
    "methods.*.land_rent_in_price": (
        (CROP,),
        ("methods.beccs-energy-crop.land_rent_in_price=false",),
    ),
    "methods.*.haul": (
        ("layers.far={path: growth.tif, unit: km, kind: intensive}", *HAULED),
        ("methods.beccs-residue.haul=far",),
    ),
    "methods.*.layer_years": (GROWTH, ("methods.afforestation.layer_years=20",)),
    "methods.*.operation": ((MONTHLY,), ("methods.daccs-solid.operation=seasonal",)),
    "methods.*.usable_land": ((), ("methods.afforestation.usable_land=0.1",)),
    **{
        f"methods.*.gates.*.{key}": (
            ("layers.woods={path: woods.gpkg}", f"methods.afforestation.gates={{own: {given}}}"),
            (f"methods.afforestation.gates.own.{key}={to}",),
        )
        for key, given, to in (
            ("layer", "{layer: slope, op: '<=', value: 12}", "residues"),
            ("op", "{layer: slope, op: '<=', value: 12}", "'>='"),
            ("value", "{layer: slope, op: '<=', value: 12}", "4"),
            ("unknown", "{layer: slope, op: '<=', value: 12}", "keep"),
            ("strength", "{layer: slope, op: '<=', value: 12}", "soft"),
            ("checked", "{layer: slope, op: '<=', value: 12}", "false"),
            ("where", "{layer: woods, op: in}", "name == 'a'"),
        )
    },
    "methods.*.regions": ((), ("methods.afforestation.regions=parks",)),
    "methods.*.cost_basis": ((), ("methods.daccs-solid.cost_basis=foak",)),
    "methods.*.world_capacity": ((), ("methods.daccs-solid.world_capacity=10 Mt/yr",)),
    "costs.basis": ((), ("costs.basis=foak",)),
    "costs.base_year": ((), ("costs.base_year=2010",)),
    "costs.discount_rate": ((), ("costs.discount_rate=3 %",)),
    "costs.prices.electricity": ((), ("costs.prices.electricity=0.2 USD/kWh",)),
    "costs.prices.heat": ((HEAT,), ("costs.prices.heat=0.2 USD/kWh",)),
    "costs.prices.water": ((), ("costs.prices.water=9 USD/m3",)),
    "costs.prices.biomass": ((), ("costs.prices.biomass=200 USD/t",)),
    "costs.prices.rock": ((ROCK,), ("costs.prices.rock=200 USD/t",)),
    "costs.prices.land": ((), ("costs.prices.land=1 USD/m2/yr",)),
    "accounting.forest_years": (GROWTH, ("accounting.forest_years=20",)),
    "accounting.retention_years": ((), ("accounting.retention_years=50",)),
    "accounting.buffer": ((), ("accounting.buffer=0.5",)),
    "accounting.gwp": ((*EMITTING,), ("accounting.gwp=20",)),
    "transport.cost": ((), ("transport.cost=40 USD/t",)),
    "transport.model": (ROUTED, ("transport.model=high",)),
    "transport.flow": (ROUTED, ("transport.flow=0.2 Mt/yr",)),
    "transport.utilisation": (ROUTED, ("transport.utilisation=0.4",)),
    "transport.sinks_per_cell": (
        (*ROUTED, "transport.sinks_per_cell=1", "resources.storage.injection=slow"),
        ("transport.sinks_per_cell=2",),
    ),
    "transport.neighbours": (ROUTED, ("transport.neighbours=8",)),
    "transport.reach": (ROUTED, ("transport.reach=2 km",)),
    "transport.max_cost": (ROUTED, ("transport.max_cost=0.3 USD/t",)),
    "transport.leakage": (ROUTED, ("transport.leakage=0.5",)),
    "transport.modes": (ROUTED, ("transport.modes=[truck]",)),
    **{
        f"transport.roads.{key}": (ROADS, (f"transport.roads.{setting}",))
        for key, setting in {
            "layer": "layer=stores",
            "where": "where=id = 's'",
            "off_road": "off_road=9",
        }.items()
    },
    **{
        f"transport.roads.slope.{key}": (
            (
                *ROADS,
                "layers.gaps={path: gaps.tif, unit: degree, kind: intensive}",
                "transport.roads.slope={points: [[0, 2], [40, 9]]}",
            ),
            (f"transport.roads.slope.{setting}",),
        )
        for key, setting in {
            "layer": "layer=gaps",
            "points": "points=[[0, 3]]",
        }.items()
    },
    "transport.roads.slope.unknown": (
        (
            *ROADS,
            "layers.gaps={path: gaps.tif, unit: degree, kind: intensive}",
            "transport.roads.slope={layer: gaps, points: [[0, 2], [40, 9]]}",
        ),
        ("transport.roads.slope.unknown=barrier",),
    ),
    "transport.truck_detour": (
        (*ROUTED, "transport.modes=[truck]"),
        ("transport.truck_detour=2",),
    ),
    "transport.offshore_model": ((*FAR, SEA), ("transport.offshore_model=dea-offshore",)),
    "transport.region": (
        (*FAR, "transport.model=mccoy-rubin-2008"),
        ("transport.region=southwest",),
    ),
    "transport.surface.onshore": (FAR, ("transport.surface.onshore=2",)),
    "transport.surface.offshore": ((*FAR, SEA), ("transport.surface.offshore=2",)),
    **rules("transport.surface.sea", "transport.surface.sea", FAR),
    **{
        key: case
        for key, case in rules(
            "transport.surface.barriers[]", "transport.surface.barriers[]", OPENED
        ).items()
        if not key.endswith("outside")
    },
    **{
        key: case
        for key, case in rules(
            "transport.surface.barriers[]", "transport.surface.barriers[]", FAR
        ).items()
        if key.rsplit(".", 1)[-1] in {"classes", "below", "closer_than"}
    },
    "transport.surface.barriers[].farther_than": (
        (
            STORES.replace("stores.gpkg", "middle.gpkg"),
            STORED,
            "transport.surface.barriers=[{layer: parks, farther_than: 1 km}]",
        ),
        ("transport.surface.barriers.0.farther_than=3 km",),
    ),
    "transport.surface.barrier_share": (
        (*FAR, "transport.surface.barriers=[{layer: woods}]"),
        ("transport.surface.barrier_share=0.1",),
    ),
    "transport.surface.factors": (
        (*FAR, "transport.surface.factors={ground: {10: 2}}"),
        ("transport.surface.factors.ground={10: 3}",),
    ),
    "transport.surface.unknown": (
        (*FAR, "transport.surface.factors={ground: {10: 2}}"),
        ("transport.surface.unknown=barrier",),
    ),
    **table("slope", "{}", "layer", "steep"),
    **table("slope", "{}", "points", "[[0, 1], [30, 3]]"),
    **table("slope", "{}", "unknown", "barrier"),
    **table("population", "{layer: people}", "layer", "crowd"),
    **table("population", "{layer: people}", "points", "[[0, 1], [900, 3]]"),
    **table("population", "{layer: people}", "unknown", "barrier"),
    **table("tables[]", BY_SLOPE, "layer", "steep"),
    **table("tables[]", BY_SLOPE, "points", "[[0, 1], [20, 4]]"),
    **table("tables[]", BY_PEOPLE, "unit", "person/ha"),
    **table("tables[]", BY_SLOPE, "unknown", "barrier"),
    **table("crossings[]", "{layer: rivers, adds: 3 km}", "layer", "brooks"),
    **table("crossings[]", "{layer: rivers, adds: 3 km}", "where", "name == 'a'"),
    **table("crossings[]", "{layer: rivers, adds: 3 km}", "adds", "5 km"),
    **table("crossings[]", "{layer: rivers, cost: 3 USD/t}", "cost", "5 USD/t"),
    **table("corridors[]", "{layer: brooks}", "layer", "rivers"),
    **table("corridors[]", "{layer: brooks}", "where", "name == 'a'"),
    **table("corridors[]", "{layer: brooks}", "buffer", "900 m"),
    **table("corridors[]", "{layer: brooks}", "factor", "0.3"),
    **table("avoid[]", "{layer: parks, factor: 9}", "layer", "woods"),
    **table("avoid[]", "{layer: woods, factor: 9}", "where", "name == 'b'"),
    **table("avoid[]", "{layer: parks, factor: 9}", "buffer", "2 km"),
    **table("avoid[]", "{layer: parks, factor: 9}", "factor", "1.01"),
    **table("avoid[]", "{layer: ground, classes: {50: 9}}", "classes", "{10: 9}"),
    **table("avoid[]", "{layer: ground, classes: {50: 9}}", "unknown", "barrier"),
    "network.plan": (ROUTED, ("network.plan=true",)),
    "network.plants.*.least": (PLANTS, (f"{SOLID}.least=6 kt/yr",)),
    "network.plants.*.most": (PLANTS, (f"{SOLID}.most=15 kt/yr",)),
    "network.plants.*.catchment": (PLANTS, (f"{SOLID}.catchment=1 km",)),
    "network.plants.*.max_plants": (PLANTS, (f"{SOLID}.max_plants=3",)),
    "network.catchment": ((*ROUTED, "network.plan=true"), ("network.catchment=1 km",)),
    "network.sites.layer": (BUILT, ("network.sites.layer=sites2",)),
    "network.sites.where": (BUILT, ("network.sites.where=name == 'p'",)),
    "network.sites.method": (BUILT, ("network.sites.method=kind",)),
    "network.pipelines.layer": (PIPED, ("network.pipelines.layer=brooks",)),
    "network.pipelines.where": (PIPED, ("network.pipelines.where=name == 'a'",)),
    "network.pipelines.capacity": (PIPED, ("network.pipelines.capacity=less",)),
    "network.pipelines.unit": (PIPED, ("network.pipelines.unit=t/yr",)),
    "network.nearest": (PLANTS, ("network.nearest=1",)),
    "network.loss_limit": (PLANTS, ("network.loss_limit=0",)),
    "network.model": (PLANTS, ("network.model=high",)),
    "network.segments": (PLANTS, ("network.segments=1",)),
    "network.years": (PLANTS, ("network.years=90 yr",)),
    "network.target": (PLANTS, ("network.target=0.03 Mt/yr",)),
    "network.emitters.layer": (EMITTED, ("network.emitters.layer=sites2",)),
    "network.emitters.where": (EMITTED, ("network.emitters.where=name == 'p'",)),
    "network.emitters.captured": (EMITTED, ("network.emitters.captured=less",)),
    "network.emitters.unit": (EMITTED, ("network.emitters.unit=t/yr",)),
    "network.emitters.ledger": (EMITTED, ("network.emitters.ledger=account",)),
    "network.emitters.cost": (EMITTED, ("network.emitters.cost=usd",)),
    "network.emitters.fixed": (EMITTED, ("network.emitters.fixed=usd",)),
    "network.emitters.opens": (EMITTED_LATER, ("network.emitters.opens=late",)),
    "network.emitters.retires": (EMITTED_LATER, ("network.emitters.retires=late",)),
    "network.tables": (TABLED, ("network.tables=case2",)),
    "network.targets": (EMITTED, ("network.targets={avoided: 0.001 Mt/yr}",)),
    "network.periods[].targets": (EMITTED_LATER, (BY_LEDGER,)),
    "network.periods[].year": (PHASED, ("network.periods.1.year=2050",)),
    "network.periods[].target": (PHASED, ("network.periods.1.target=all",)),
    "network.periods[].price": (PHASED, ("network.periods.0={year: 2030, price: 500 USD/t}",)),
    "network.start": (PHASED, ("network.start=2020",)),
    "network.after": (PHASED, ("network.after=50 yr",)),
    "network.service.*.from": (PHASED, ("network.service={stores s: {from: 2035}}",)),
    "network.service.*.until": (PHASED, ("network.service={stores s: {until: 2035}}",)),
    "network.gap": (PLANTS, ("network.gap=0.00001",)),
    "objective.maximise": ((), (PAID,)),
    "objective.minimise": (("objective={target: 0.02 Mt/yr}",), ("objective.minimise=cost",)),
    "objective.target": (
        ("objective={minimise: cost, target: 0.02 Mt/yr}",),
        ("objective.target=0.03 Mt/yr",),
    ),
    "objective.budget": ((), ("objective.budget=1 MUSD/yr",)),
    "objective.credits[].scheme": ((SCHEME,), (FIRST + "scheme=45q-dac-saline-base",)),
    "objective.credits[].amount": ((PAID,), (FIRST + "amount=100",)),
    "objective.credits[].basis": ((PAID,), (FIRST + "basis=stored",)),
    "objective.credits[].years": ((PAID,), (FIRST + "years=12",)),
    "objective.credits[].methods": ((PAID,), (FIRST + "methods=beccs-residue",)),
    "objective.credits[].sink_type": (
        (EVERY,),
        (FIRST + "sink_type=saline",),
    ),
    "objective.credits[].min_t_yr": (
        (EVERY,),
        (FIRST + "min_t_yr=2 Mt/yr",),
    ),
    "objective.credits[].region.layer": ((HERE,), (FIRST + "region={layer: parks}",)),
    "objective.credits[].region.zones": ((HERE,), (FIRST + "region.zones=[东]",)),
    "objective.credits[].from": ((EARLY,), (FIRST + "from=2035",)),
    "objective.credits[].to": ((EARLY,), (FIRST + "to=2029",)),
    "objective.start": ((EARLY,), ("objective.start=2024",)),
    "objective.then": (
        ("objective={maximise: value, credits: [{amount: 0.001, methods: daccs-solid}]}",),
        ("objective.then=net_removal",),
    ),
    "milestones.years": (DATED, ("milestones.years=[2030, 2050, 2060]",)),
    "milestones.start": (DATED, ("milestones.start=2028",)),
    "milestones.after": (DATED, ("milestones.after=60 yr",)),
    "milestones.targets.removal": (DATED, ("milestones.targets.removal={2050: 12 kt/yr}",)),
    "milestones.targets.durable": (DATED, ("milestones.targets.durable={2050: 12 kt/yr}",)),
    "milestones.targets.avoided": (CAPTURED, ("milestones.targets.avoided={2050: 3 kt/yr}",)),
    "emitters.layer": (CAPTURED, ("emitters.layer=sites2",)),
    "emitters.where": (CAPTURED, ("emitters.where=name == 'p'",)),
    "emitters.emission": (CAPTURED, ("emitters.emission=less",)),
    "emitters.unit": (CAPTURED_NOW, ("emitters.unit=kt/yr",)),
    "emitters.rate": (CAPTURED, ("emitters.rate=0.5",)),
    "emitters.origin": (CAPTURED, ("emitters.origin=fuel",)),
    "emitters.cost": (CAPTURED, ("emitters.cost=usd",)),
    "emitters.power": (CAPTURED_NOW, ("emitters.power=300 kWh/t",)),
    "emitters.water": (CAPTURED_NOW, ("emitters.water=5 m3/t",)),
    "emitters.biomass": (BURNT, ("emitters.biomass=0.5",)),
    "emitters.opens": (CAPTURED, ("emitters.opens=late",)),
    "emitters.retires": (CAPTURED, ("emitters.retires=late",)),
    "emitters.must_run": (CAPTURED, ("emitters.must_run=busy",)),
    "emitters.target": (CAPTURED_NOW, ("emitters.target=3 kt/yr",)),
    "standing.layer": (STOOD, ("standing.layer=sites2",)),
    "standing.where": (STOOD, ("standing.where=name == 'p'",)),
    "standing.method": (STOOD, ("methods.daccs-liquid={}", "standing.method=daccs-liquid")),
    "standing.capacity": (STOOD, ("standing.capacity=less",)),
    "standing.unit": (STOOD, ("standing.unit=kt/yr",)),
    "standing.built": (STOOD, ("standing.built=early",)),
    "standing.retires": (STOOD, ("standing.retires=later",)),
    "standing.storage": (STOOD, ("standing.storage=store",)),
    "milestones.missed.price": (MISSED, ("milestones.missed.price=300 USD/t",)),
    "milestones.budget": (LIMITED, ("milestones.budget={2050: 0.2 MUSD/yr}",)),
    "milestones.durability.rule": (EXPECTED, ("milestones.durability.rule=lashof",)),
    "milestones.durability.horizon": (EXPECTED, ("milestones.durability.horizon=20 yr",)),
    "milestones.durability.discount": (OFFSET, ("milestones.durability.discount=3 %",)),
    "milestones.growth.*.rate": (GROWN, ("milestones.growth.afforestation.rate=20 %",)),
    "milestones.growth.*.seed": (GROWN, ("milestones.growth.afforestation.seed=0.1 kt/yr",)),
    "milestones.growth.*.standing": (GROWN, ("milestones.growth.afforestation.standing=0",)),
    "milestones.durability.price": (REPLACED, ("milestones.durability.price={2050: 900 USD/t}",)),
    "milestones.present_budget": (
        (POWERED, "milestones={years: [2030, 2050], present_budget: 3 MUSD}"),
        ("milestones.present_budget=2 MUSD",),
    ),
    "milestones.injection_growth.rate": (SPREADING, ("milestones.injection_growth.rate=5 %",)),
    "milestones.injection_growth.seed": (
        SPREADING,
        ("milestones.injection_growth.seed=0.05 kt/yr",),
    ),
    "milestones.injection_growth.standing": (
        SPREADING,
        ("milestones.injection_growth.standing=0",),
    ),
    "milestones.prices": (DATED, ("milestones.prices={biomass: {2030: 1, 2050: 0.2}}",)),
    "milestones.credits": (EARNING, ("milestones.credits={2030: 0.2, 2050: 1}",)),
    "milestones.first": (DATED, ("milestones.first={afforestation: 2040}",)),
    "milestones.lead": (DATED, ("milestones.lead={afforestation: 10 yr}",)),
    "milestones.cost": (DATED, ("milestones.cost={beccs-residue: {2030: 1, 2050: 0.5}}",)),
    "milestones.supply": (DATED, ("milestones.supply={water: {2030: 0.2, 2050: 0.5}}",)),
    "milestones.intensity": (DATED, ("milestones.intensity={2030: 1, 2050: 0.1}",)),
    "policies[].count": ((POLICY,), (ONE + "count=gross",)),
    "policies[].methods": (
        (POLICY,),
        (ONE + "methods=[beccs-residue]", ONE + "at_most=0.001 Mt/yr"),
    ),
    "policies[].layer": ((ZONED,), ("policies=[{name: cap, at_most: 0.02 Mt/yr}]",)),
    "policies[].zones": ((ZONED,), (ONE + "zones=[东]",)),
    "policies[].together": ((ZONED,), (ONE + "together=true",)),
    "policies[].at_most": ((POLICY,), (ONE + "at_most=0.01 Mt/yr",)),
    "policies[].at_least": (
        ("policies=[{name: least, methods: [afforestation], at_least: 1 t/yr}]",),
        (ONE + "at_least=5 kt/yr",),
    ),
    "outputs.sites": ((), ("outputs.sites=1",)),
    "outputs.site_distance": ((), ("outputs.site_distance=3 km",)),
    "outputs.every_route": (ROUTED, ("outputs.every_route=true",)),
    "outputs.admin.layer": (("outputs.admin={layer: basins}",), ("outputs.admin.layer=parks",)),
}
"""Key -> settings that make it count, and settings that change it."""


def models_in(kind: Any) -> Iterator[tuple[type[BaseModel], str]]:
    """Models within the type of a field, and how they are reached."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind, ""
    elif origin is dict:
        yield from ((model, f".*{rest}") for model, rest in models_in(parts[1]))
    elif origin in {tuple, list}:
        yield from ((m, f"[]{rest}") for part in parts for m, rest in models_in(part))
    else:
        for part in parts:
            yield from models_in(part)


def keys_of(model: type[BaseModel], before: str = "") -> Iterator[str]:
    """Every key that takes a value."""
    for name, field in model.model_fields.items():
        key = before + (field.alias or name)
        inner = list(dict.fromkeys(models_in(field.annotation)))
        if not inner:
            yield key
        for one, rest in inner:
            which = f"<{one.__name__}>" if len(inner) > 1 else ""
            yield from keys_of(one, f"{key}{rest}{which}.")


KEYS = tuple(keys_of(Scenario))


def matching(key: str, patterns: typing.Iterable[str]) -> list[str]:
    return [one for one in patterns if fnmatchcase(key.replace("*", ""), one.replace(".*<", ".<"))]


def line(*points: tuple[float, float]) -> Any:
    """A line through places in cells from the north-west corner."""
    return shapely.LineString([(WEST + 1000 * col, NORTH - 1000 * row) for col, row in points])


def write_more(folder: Path) -> None:
    """The files of :data:`MORE_LAYERS`."""
    ground, people = cover(), np.full((ROWS, COLS), 300, np.float32)
    ground[2:4, 5], ground[4, 3], people[2, 5] = 255, 0, -1
    write_raster(folder / "ground.tif", ground, nodata=255)
    write_raster(folder / "people.tif", people, nodata=-1)
    write_raster(folder / "crowd.tif", 10 * people, nodata=-10)
    write_raster(folder / "steep.tif", np.full((ROWS, COLS), 40, np.float32))
    days = mean_days()
    dim = TypicalDays(0.5 * days.pv, days.wind, days.days)
    write_hours(folder / "hours.csv", {"a": days})
    write_hours(folder / "zones.csv", {"a": days, "b": dim})
    write_polygons(folder / "woods.gpkg", [box(4, 0, 1.3, 4.6), box(1, 1, 0.8, 2)], name=["a", "b"])
    for name, col in (("rivers", 3.0), ("brooks", 2.0)):
        lines = [line((col, -1), (col, 7)), line((6.2, -1), (6.2, 7))]
        if name == "brooks":
            lines = [line((0, 2.3), (8, 2.3)), line((0, 5.4), (8, 5.4))]
        write_polygons(
            folder / f"{name}.gpkg", lines, name=["a", "b"], more=[0.03, 0.03], less=[0.01, 0.01]
        )
    pipes = [line((0.5, 0.5), (0.5, 4.5)), line((2.5, 1.5), (2.5, 4.5), (1.5, 4.5))]
    write_polygons(
        folder / "pipes.gpkg", pipes, name=["a", "b"], more=[0.05, 0.05], less=[0.004, 0.004]
    )
    for name, col in (("sites", 0.5), ("sites2", 2.5)):
        points = [shapely.Point(WEST + 1000 * col, NORTH - 1000 * row) for row in (1.5, 4.5)]
        write_polygons(
            folder / f"{name}.gpkg", points, name=["p", "q"], kind=["daccs-solid", "beccs-residue"],
            more=[0.006, 0.002], less=[0.004, 0.001], account=["avoided", "removal"],
            usd=[50.0, 20.0], late=[2035.0, 2035.0], fuel=["process", "biogenic"],
            busy=["true", "false"], early=[2032.0, 2000.0], later=[2060.0, 2060.0],
            store=["stores s", "stores s"],
        )  # fmt: skip
    for name, capital in (("case", 100), ("case2", 110)):
        (folder / name).mkdir()
        network_csv.case(folder / name, sources=network_csv.SOURCES.replace("100", str(capital)))
    (folder / "places.csv").write_text("lon,lat,lon2,lat2\n5.54,50.05,5.58,50.06\n", "utf-8")
    x, y = WEST + 500 + 1000 * np.arange(COLS), NORTH - 500 - 1000 * np.arange(ROWS)
    plain = np.ones((ROWS, COLS))
    cube = xr.Dataset(
        {name: (("y", "x"), value * plain) for name, value in (("a", 20), ("b", 60))},
        {"x": x, "y": y},
    )
    cube.to_netcdf(folder / "cube.nc")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    more = "".join(f"  {name}: {what}\n" for name, what in MORE_LAYERS.items())
    path = write_world(folder, SCENARIO.replace("resources:\n", more + "resources:\n"))
    plain = np.ones((ROWS, COLS), np.float32)
    for name, values in {
        "growth": 8 * plain, "warm": 18 * plain, "hot": 30 * plain, "damp": 60 * plain,
        "gaps": np.where(np.arange(COLS) == 3, np.nan, 20 * plain),
        "dry": 25 * plain, "pv": 900 * plain, "flat": 2 * plain, "offer": 3 * plain,
    }.items():  # fmt: skip
        write_raster(folder / f"{name}.tif", values)
    import rasterio
    from affine import Affine

    with rasterio.open(
        folder / "bands.tif", "w", driver="GTiff", dtype="float32", count=2, height=ROWS,
        width=COLS, crs="EPSG:3035", transform=Affine(1000, 0, WEST, 0, -1000, NORTH),
    ) as out:  # fmt: skip
        out.write(np.stack([3 * plain, 12 * plain]))
    write_polygons(
        folder / "basins.gpkg", [box(0, 0, 4, 6), box(4, 0, 4, 6)], name=["west", "东"],
        water_m3=[120_000.0, 0.0], spare_gwh=[40.0, 8.0], other=[7.0, 300.0],
        g_kwh=[20.0, 1500.0],
    )  # fmt: skip
    for name, boxes in {
        "stores": (box(5, 1, 3, 4), box(0, 4, 2, 2)),
        "other": (box(2, 1, 3, 4), box(0, 4, 2, 2)),
        "far": (box(7, 1, 1, 1), box(7, 4, 1, 1)),
        "middle": (box(2, 2, 1, 1), box(2, 3, 1, 1)),
        "west": (box(0, 1, 1, 1), box(0, 4, 4, 1)),
    }.items():
        write_polygons(
            folder / f"{name}.gpkg", list(boxes), id=["s", "t"], id2=["u", "v"], mt=[30.0, 3.0],
            small=[0.03, 0.03], mt_yr=[0.5, 0.5], slow=[0.01, 0.01], depth=[1500.0, 1000.0],
            shallow=[1500.0, 300.0], sort=["saline", "eor"], under=["", "s"],
            rock=["diabase", "saline"],
        )  # fmt: skip
    write_more(folder)
    import geopandas as gpd

    for layer, shape in (("a", box(0, 0, 8, 6)), ("b", box(0, 0, 4, 6))):
        frame = gpd.GeoDataFrame({"n": [1]}, geometry=[shape], crs="EPSG:3035")
        frame.to_file(folder / "two.gpkg", layer=layer)
    from cdrsite.library.files import FOLDER

    text = (FOLDER / "methods" / "afforestation.yaml").read_text(encoding="utf-8")
    (folder / "dear.yaml").write_text(text.replace("value: 1500,", "value: 2900,"), "utf-8")
    return path


@pytest.fixture(scope="module")
def numbers(world: Path) -> Callable[[tuple[str, ...]], dict[str, Any]]:
    """Numbers of the tiny study with some settings; each variant once."""
    done: dict[tuple[str, ...], dict[str, Any]] = {}

    def found(settings: tuple[str, ...]) -> dict[str, Any]:
        if settings not in done:
            with warnings.catch_warnings(), stages_told() as hashes:
                warnings.simplefilter("ignore", CdrsiteWarning)
                result = run(load_scenario(world, settings))
            STAGES_OF[settings] = dict(hashes)
            values = {str(n): v.values.tobytes() for n, v in result.dataset.data_vars.items()}
            tables = {
                name: table.select_dtypes(["number", "bool"]).to_csv()
                for name, table in result.tables.items()
            }
            told = {name: repr(v) for name, v in result.summary.items() if name not in WORDS}
            done[settings] = values | tables | told
        return done[settings]

    return found


def test_every_key_is_varied_or_shown_elsewhere_or_marked() -> None:
    assert len(KEYS) > 250
    bare = [key for key in KEYS if key not in CASES and not matching(key, INFORMATIVE)]
    assert bare == []
    assert sorted(set(CASES) - set(KEYS)) == []
    for pattern in INFORMATIVE:
        assert any(matching(key, [pattern]) for key in KEYS), pattern


@pytest.mark.slow
@pytest.mark.parametrize("key", CASES)
def test_a_key_moves_a_number(
    numbers: Callable[[tuple[str, ...]], dict[str, Any]], key: str
) -> None:
    base, change = CASES[key]
    plain, other = numbers(base), numbers((*base, *change))
    assert plain != other
    if len(change) == 1:  # else other keys move the stages, too
        known = re.split(r"[\[<*]", key)[0].strip(".")
        assert undeclared(STAGES_OF[base], STAGES_OF[*base, *change], known) == []


@pytest.mark.parametrize(
    "change",
    [
        "title=Another title",
        "layers.slope.source=somewhere",
        "layers.slope.licence=CC0",
        "outputs.folder=elsewhere",
        "siting.exclude.0={name: woods and lakes, layer: parks}",
        "grid.max_cells=9999",
    ],
)
def test_what_informs_moves_no_number(
    numbers: Callable[[tuple[str, ...]], dict[str, Any]], change: str
) -> None:
    assert numbers(()) == numbers((change,))

"""Every key of a scenario moves a number of a small study.

The keys are those of the models. Each is varied here, or shown to act by a test elsewhere, or
marked as informative with the reason; the test fails for a key that is none of it.
"""

from __future__ import annotations

import typing
import warnings
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel
from tiny_scenario import (
    COLS,
    NORTH,
    ROWS,
    SCENARIO,
    WEST,
    box,
    write_polygons,
    write_raster,
    write_world,
)

from cdrsite.config.load import load_scenario
from cdrsite.config.models import Scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.study import run

TESTS = Path(__file__).parent

INFORMATIVE = {
    "name": "a name, no number",
    "title": "a title, no number",
    "data_folder": "where inputs lie, not what is in them",
    "confine_paths": "refuses paths; tests/test_bad_input.py",
    "grid.max_cells": "refuses larger grids; tests/test_bad_input.py",
    "layers.*.licence": "carried into metadata",
    "layers.*.source": "carried into metadata",
    "*.name": "a name or the column with names, no number",
    "policies[[]].zone_name": "the column with the names by which zones are meant",
    "siting.include[[]].smaller_than": "refused: it cannot bring an area back",
    "siting.include[[]].for": "refused: a place comes back for all methods",
    "outputs.folder": "where the results go",
    "outputs.compression": "how rasters are packed; the values are the same",
    "network.effort": "how long the search may go on; the plan states its gap",
    "network.time_limit": "how long the search may take; the plan states its gap",
    "network.gap": "when the search may stop; the plan states its gap",
    "network.gap_of": "what the gap is of; the plan states its gap",
    "network.seed": "the order of the search; the plan states its gap",
    "objective.gap": "when the search may stop; the plan states its gap",
}
"""Pattern of keys -> why no number of a study follows from them."""

ELSEWHERE = {
    "layers.*<FileLayer>.preset": "test_aachen_layers.py",
    "layers.*<FileLayer>.variable": "test_layers_rasters.py",
    "layers.*<FileLayer>.layer": "test_layers_vectors.py",
    "layers.*<FileLayer>.ignore_file_nodata": "test_layers_rasters.py",
    "layers.*<FileLayer>.crs": "test_layers_rasters.py",
    "layers.*<FileLayer>.attribute": "test_layers_vectors.py",
    "layers.*<FileLayer>.buffer": "test_layers_vectors.py",
    "layers.*<FileLayer>.lon": "test_layers_vectors.py",
    "layers.*<FileLayer>.lat": "test_layers_vectors.py",
    "resources.storage.kind": "test_supply_layers.py",
    "transport.surface.*": "test_surface.py",
    "transport.modes": "test_links_blocks.py",
    "transport.truck_detour": "test_links_blocks.py",
}
"""Pattern of keys -> file of tests in which the last word of the key acts."""

OPEN = (
    "layers.*<FileLayer>.rasterise",
    "network.*",
    "resources.storage.stacked_on",
    "siting.include[[]].unknown",
    "transport.offshore_model",
    "transport.region",
    "transport.surface.*.farther_than",
    "transport.surface.*[[]].farther_than",
    "transport.surface.barrier_share",
)
"""Patterns of keys for which no test of this kind varies them yet: a list to shorten."""

STORES = "layers.stores={path: stores.gpkg}"
STORED = "resources.storage={units: stores, id: id, capacity: mt, injection: mt_yr, depth: depth}"
ROUTED = (STORES, STORED)
WARM = (
    "layers.warm={path: warm.tif, unit: degC, kind: intensive}",
    "layers.hot={path: hot.tif, unit: degC, kind: intensive}",
    "layers.damp={path: damp.tif, unit: '%', kind: intensive}",
    "layers.dry={path: dry.tif, unit: '%', kind: intensive}",
)
CLIMATE = "methods.daccs-solid.climate={temperature: warm, humidity: damp}"
GROWTH = (
    "layers.growth={path: growth.tif, unit: t/ha/yr, kind: intensive}",
    "methods.afforestation.rate=growth",
)
POLICY = "policies=[{name: cap, methods: [daccs-solid], at_most: 0.03 Mt/yr}]"
ZONED = "policies=[{name: cap, layer: basins, zone_name: name, at_most: 0.02 Mt/yr}]"
ONE = "policies.0."
RULE = "{layer: slope, above: 5 degree}"
HEAT = "methods.daccs-solid.override={heat: 500 kWh}"
POOLED = "{pools: basins, supply: spare_gwh, unit: GWh/yr}"

OTHER_UNITS = {"m3/yr": "l/yr", "t/yr": "kt/yr", "GWh/yr": "MWh/yr"}

Case = tuple[tuple[str, ...], tuple[str, ...]]


def rules(group: str, at: str) -> dict[str, Case]:
    """Cases of an exclusion rule; ``at`` is where one stands in the lists of the study."""
    first = f"{at}={{layer: parks}}"
    ranged = f"{at}={{layer: slope, above: 12 degree}}"
    far = f"{at}={{layer: parks, closer_than: 1 km}}"
    found: dict[str, Case] = {
        "layer": ((first,), (f"{at}.layer=basins",)),
        "where": ((first,), (f"{at}.where=name == 'no park'",)),
        "buffer": ((first,), (f"{at}.buffer=1 km",)),
        "rasterise": ((first,), (f"{at}.rasterise=centre",)),
        "classes": ((f"{at}={{layer: cover, classes: [50]}}",), (f"{at}.classes=[10]",)),
        "above": ((ranged,), (f"{at}.above=4 degree",)),
        "below": ((f"{at}={{layer: slope, below: 3 degree}}",), (f"{at}.below=9 degree",)),
        "closer_than": ((far,), (f"{at}.closer_than=2 km",)),
        "farther_than": (
            (f"{at}={{layer: parks, farther_than: 1 km}}",), (f"{at}.farther_than=3 km",),
        ),
        "unknown": ((ranged,), (f"{at}.unknown=exclude",)),
    }  # fmt: skip
    if group == "include":  # there is none yet: the first makes the list
        found = {
            name: ((base[0].replace(f"{at}=", "siting.include=[") + "]",), change)
            for name, (base, change) in found.items()
            if name != "unknown"
        }
    return {f"siting.{group}[].{name}": case for name, case in found.items()}


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
    "layers.*<FileLayer>.band": (("layers.slope.path=bands.tif",), ("layers.slope.band=2",)),
    "layers.*<FileLayer>.nodata": ((), ("layers.slope.nodata=[5]",)),
    "layers.*<FileLayer>.scale": ((), ("layers.slope.scale=2",)),
    "layers.*<FileLayer>.offset": ((), ("layers.slope.offset=4",)),
    "layers.*<FileLayer>.factor": ((), ("layers.slope.factor=2",)),
    "layers.*<FileLayer>.where": ((), ("layers.parks.where=name == 'none'",)),
    "layers.*<ConstantLayer>.value": (
        ("layers.slope={value: 3 degree}",),
        ("layers.slope.value=12 degree",),
    ),
    "layers.*<ConstantLayer>.unit": (
        ("layers.residues={value: 90, unit: t/yr, kind: extensive}",),
        ("layers.residues.unit=kt/yr",),
    ),
    "layers.*<ConstantLayer>.kind": (
        ("layers.residues={value: 90 t/yr, kind: extensive}",),
        ("layers.residues.value=10 t/yr",),
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
            "layers.e={expression: 2 * slope, unit: degree}",
            "siting.prefer=[{layer: e, best: 0 degree, worst: 90 degree}]",
        ),
        (
            "layers.e.expression=0.03 * slope / slope",
            "layers.e.unit='1'",
            "siting.prefer=[{layer: e, best: 0, worst: 1}]",
        ),
    ),
    "layers.*<ExpressionLayer>.kind": (
        (
            "layers.e={expression: 2 * slope, unit: degree}",
            "siting.prefer=[{layer: e, best: 0, worst: 90}]",
        ),
        (
            "layers.e={expression: residues, unit: t/yr, kind: extensive}",
            "siting.prefer=[{layer: e, best: 0, worst: 900}]",
        ),
    ),
    "layers.*<ExpressionLayer>.factor": (
        (
            "layers.e={expression: 2 * slope, unit: degree}",
            "siting.prefer=[{layer: e, best: 0, worst: 90}]",
        ),
        ("layers.e.factor=2",),
    ),
    "resources.land.usable": ((), ("resources.land.usable=0.1",)),
    "resources.land.factor": ((), ("resources.land.factor=0.1",)),
    **supply("water", "9000 m3/yr", "500 m3/yr"),
    **supply("power", "2 GWh/yr", "1 MWh/yr"),
    **supply("heat", "0.2 GWh/yr", "9 MWh/yr"),
    **supply("biomass", "900 t/yr", "200 t/yr"),
    "resources.power.intensity": ((), ("resources.power.intensity=300 g/kWh",)),
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
    "resources.heat.intensity": ((HEAT,), ("resources.heat.intensity=200 g/kWh",)),
    "resources.biomass.haul": (
        ("resources.biomass.share=whole",),
        ("resources.biomass.haul=2 km",),
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
    "resources.storage.id": (ROUTED, ("resources.storage.id=id2",)),
    "resources.storage.share": (ROUTED, ("resources.storage.share=whole",)),
    "resources.storage.factor": (ROUTED, ("resources.storage.factor=0.0001",)),
    "resources.storage.unlimited": (ROUTED, ("resources.storage={unlimited: true}",)),
    **rules("exclude", "siting.exclude.0"),
    **rules("include", "siting.include.0"),
    "siting.exclude[].smaller_than": (
        ("siting.exclude.0={smaller_than: 1 km2}",),
        ("siting.exclude.0.smaller_than=9000 km2",),
    ),
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
    "methods.*.own_power.pv_yield": (
        (
            "layers.pv={path: pv.tif, unit: kWh/kWp, kind: intensive}",
            "methods.daccs-solid.own_power={}",
        ),
        ("methods.daccs-solid.own_power={pv_yield: pv}",),
    ),
    "methods.*.own_power.density": (
        ("methods.daccs-solid.own_power={}",),
        ("methods.daccs-solid.own_power.density=0.001",),
    ),
    "methods.*.rate": ((GROWTH[0],), (GROWTH[1],)),
    "methods.*.layer_years": (GROWTH, ("methods.afforestation.layer_years=20",)),
    "methods.*.regions": ((), ("methods.afforestation.regions=parks",)),
    "costs.base_year": ((), ("costs.base_year=2010",)),
    "costs.discount_rate": ((), ("costs.discount_rate=3 %",)),
    "costs.prices.electricity": ((), ("costs.prices.electricity=0.2 USD/kWh",)),
    "costs.prices.heat": ((HEAT,), ("costs.prices.heat=0.2 USD/kWh",)),
    "costs.prices.water": ((), ("costs.prices.water=9 USD/m3",)),
    "costs.prices.biomass": ((), ("costs.prices.biomass=200 USD/t",)),
    "costs.prices.land": ((), ("costs.prices.land=1 USD/m2/yr",)),
    "accounting.forest_years": (GROWTH, ("accounting.forest_years=20",)),
    "accounting.retention_years": ((), ("accounting.retention_years=50",)),
    "accounting.buffer": ((), ("accounting.buffer=0.5",)),
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
    "objective.maximise": (
        (),
        ("objective={maximise: value, prices: {daccs-solid: 900, afforestation: 900}}",),
    ),
    "objective.minimise": (("objective={target: 0.02 Mt/yr}",), ("objective.minimise=cost",)),
    "objective.target": (
        ("objective={minimise: cost, target: 0.02 Mt/yr}",),
        ("objective.target=0.03 Mt/yr",),
    ),
    "objective.budget": ((), ("objective.budget=1 MUSD/yr",)),
    "objective.prices": (
        ("objective={maximise: value, prices: {daccs-solid: 900, afforestation: 900}}",),
        ("objective.prices={daccs-solid: 100, afforestation: 900}",),
    ),
    "objective.then": (
        ("objective={maximise: value, prices: {daccs-solid: 0.001}}",),
        ("objective.then=net_removal",),
    ),
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
        (ONE + "at_least=8 kt/yr",),
    ),
    "outputs.sites": ((), ("outputs.sites=1",)),
    "outputs.site_distance": ((), ("outputs.site_distance=3 km",)),
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


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    path = write_world(folder, SCENARIO)
    plain = np.ones((ROWS, COLS), np.float32)
    for name, values in {
        "growth": 8 * plain, "warm": 18 * plain, "hot": 30 * plain, "damp": 60 * plain,
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
    for name, shift in (("stores", 0), ("other", -3)):
        write_polygons(
            folder / f"{name}.gpkg", [box(5 + shift, 1, 3, 4), box(0, 4, 2, 2)],
            id=["s", "t"], id2=["u", "v"], mt=[30.0, 3.0], small=[0.03, 0.03], mt_yr=[0.5, 0.5],
            slow=[0.01, 0.01], depth=[1500.0, 1000.0], shallow=[1500.0, 300.0],
        )  # fmt: skip
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
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CdrsiteWarning)
                result = run(load_scenario(world, settings))
            values = {str(n): v.values.tobytes() for n, v in result.dataset.data_vars.items()}
            tables = {name: table.to_csv() for name, table in result.tables.items()}
            done[settings] = values | tables | {"summary": repr(result.summary)}
        return done[settings]

    return found


def test_every_key_is_varied_or_shown_elsewhere_or_marked() -> None:
    assert len(KEYS) > 250
    bare = [
        key
        for key in KEYS
        if key not in CASES and not matching(key, (*INFORMATIVE, *ELSEWHERE, *OPEN))
    ]
    assert bare == []
    assert sorted(set(CASES) - set(KEYS)) == []
    for pattern in (*INFORMATIVE, *ELSEWHERE, *OPEN):
        assert any(matching(key, [pattern]) for key in KEYS), pattern


@pytest.mark.parametrize("pattern", ELSEWHERE)
def test_what_is_shown_elsewhere_stands_there(pattern: str) -> None:
    text = (TESTS / ELSEWHERE[pattern]).read_text(encoding="utf-8")
    keys = [k for k in KEYS if matching(k, [pattern]) and k not in CASES]
    keys = [key for key in keys if not matching(key, (*INFORMATIVE, *OPEN))]
    assert {key for key in keys if key.rsplit(".", 1)[-1].removesuffix("[]") not in text} == set()


@pytest.mark.slow
@pytest.mark.parametrize("key", CASES)
def test_a_key_moves_a_number(
    numbers: Callable[[tuple[str, ...]], dict[str, Any]], key: str
) -> None:
    base, change = CASES[key]
    plain, other = numbers(base), numbers((*base, *change))
    assert plain != other

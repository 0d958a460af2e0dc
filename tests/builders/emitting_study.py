"""The tiny world with emitters beside its storage, and a path over three milestones for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from tiny_scenario import NORTH, SCENARIO, WEST, box, write_polygons, write_world

TEXT = SCENARIO.replace(
    "power: {value: 2 GWh/yr, per: cell, intensity: 20 g/kWh}",
    "power: {value: 90 GWh/yr, per: region, intensity: 300 g/kWh}",
).replace(
    "  biomass: {layer: residues, unit: t/yr}\n",
    "  biomass: {layer: residues, unit: t/yr}\n"
    "  storage: {units: rock, id: id, capacity: mt, injection: rate}\n",
).replace(
    "layers:\n", "layers:\n  rock: {path: rock.gpkg}\n  works: {path: works.gpkg}\n"
)  # fmt: skip
TEXT += """
emitters:
  layer: works
  name: name
  emission: kt
  unit: kt/yr
  origin: origin
  cost: 40 USD/t
  power: power
  water: 1 m3/t
"""
WORKS = {
    "name": ["kiln", "pulp", "coal"],
    "kt": [10.0, 4.0, 30.0],
    "origin": ["process", "biogenic", "fossil"],
    "power": [100.0, 200.0, 250.0],
    "begin": [np.nan, 2035.0, np.nan],
    "end": [np.nan, np.nan, 2045.0],
    "must": ["false", "true", ""],
}
PLACES = [(0.5, 4.5), (2.5, 1.5), (3.5, 5.5)]
PATH_SETTINGS = (
    "objective={minimise: cost}",
    "costs.discount_rate=0.04",
    "milestones={years: [2030, 2040, 2050], start: 2025, after: 20 yr, targets: "
    "{removal: {2030: 2 kt/yr, 2040: 8 kt/yr, 2050: 9 kt/yr}, avoided: {2040: 20 kt/yr}}}",
)
MISSING = (
    "emitters.opens=begin",
    "emitters.retires=end",
    "emitters.must_run=must",
    "milestones.targets={removal: {2030: 2 kt/yr, 2040: 8 kt/yr, 2050: 90 kt/yr}, "
    "durable: {2050: 80 kt/yr}, avoided: {2040: 20 kt/yr, 2050: 30 kt/yr}}",
    "milestones.missed={price: 300 USD/t}",
    "milestones.durability={rule: expected, horizon: 100 yr}",
)
"""Settings of that path with which targets of several ledgers are missed."""


def write_works(path: Path, places: list[tuple[float, float]] = PLACES, **change: Any) -> None:
    """Write the emitters at places of the world [km from its north-western corner]."""
    points = [shapely.Point(WEST + 1000 * x, NORTH - 1000 * y) for x, y in places]
    gpd.GeoDataFrame({**WORKS, **change}, geometry=points, crs="EPSG:3035").to_file(path)


def write_emitting(folder: Path) -> Path:
    """Write the world with its storage units and emitters, and the scenario; its path."""
    write_polygons(
        folder / "rock.gpkg", [box(5, 1, 2, 2), box(0, 4, 2, 2)], id=["a", "b"],
        mt=[3.0, 2.0], rate=[0.1, 0.02],
    )  # fmt: skip
    write_works(folder / "works.gpkg")
    return write_world(folder, TEXT)

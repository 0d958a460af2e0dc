"""A tiny world with water for plants in the west and for less than one in the east."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from tiny_scenario import box, write_polygons, write_raster

import cdrsite
from cdrsite.config.load import parse_scenario
from cdrsite.study.means import Means

ROWS, COLS = 12, 16

STUDY = """\
name: sites
region: {bounds: [4000000, 3000000, 4016000, 3012000], crs: "EPSG:3035"}
grid: {crs: "EPSG:3035", resolution: 1 km}
layers:
  slope: {path: slope.tif, unit: degree, kind: intensive}
  basins: {path: basins.gpkg}
resources:
  land: {usable: 1.0}
  water: {pools: basins, supply: water_m3, unit: m3/yr, name: name}
  power: {value: 1 TWh/yr, intensity: 20 g/kWh}
siting:
  exclude:
    - {name: steep, layer: slope, above: 30 degree}
  prefer:
    - {layer: slope, best: 0, worst: 40, weight: 1}
methods:
  daccs-liquid: {}
  afforestation: {gates: false}
objective:
  maximise: value
  credits:
    - {amount: 2000 USD/t, methods: daccs-liquid}
    - {amount: 400 USD/t, methods: afforestation}
network:
  plants: {daccs-liquid: {least: 20 kt/yr, most: 100 kt/yr, catchment: 4 km}}
outputs: {sites: 6, site_distance: 3 km}
"""


def write_sites_world(folder: Path) -> Path:
    """Water for some tonnes in the west and few in the east; gentle ground in the south-west."""
    slope = np.add.outer(np.linspace(28, 2, ROWS), np.linspace(0, 8, COLS)).astype(np.float32)
    write_raster(folder / "slope.tif", slope, north=3_012_000.0)
    write_polygons(
        folder / "basins.gpkg",
        [box(0, -6, 8, 12), box(8, -6, 8, 12)],
        name=["west", "east"],
        water_m3=[1_500_000.0, 40_000.0],
    )
    path = folder / "study.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def study(path: Path, *overrides: str, text: str = STUDY, **means: Any) -> Any:
    return cdrsite.run(parse_scenario(text, path, overrides), means=Means(threads=1, **means))

"""The tiny world with storage, and a path over three milestones for it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from tiny_scenario import SCENARIO, box, write_polygons, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning
from cdrsite.study.run import check_study, run

TEXT = SCENARIO.replace(
    "power: {value: 2 GWh/yr, per: cell, intensity: 20 g/kWh}",
    "power: {value: 90 GWh/yr, per: region, intensity: 300 g/kWh}",
).replace(
    "  biomass: {layer: residues, unit: t/yr}\n",
    "  biomass: {layer: residues, unit: t/yr}\n"
    "  storage: {units: rock, id: id, capacity: mt, injection: rate}\n",
).replace("layers:\n", "layers:\n  rock: {path: rock.gpkg}\n")  # fmt: skip
GOAL = (
    "objective={minimise: cost}",
    "costs.discount_rate=0.04",
    "milestones={years: [2030, 2040, 2050], start: 2025, after: 20 yr, "
    "targets: {removal: {2030: 2 kt/yr, 2040: 8 kt/yr, 2050: 20 kt/yr}}}",
)
"""Settings that make a path of the scenario."""


def write_dated(folder: Path) -> Path:
    """Write the world with its storage units, and the scenario; its path."""
    write_polygons(
        folder / "rock.gpkg", [box(5, 1, 2, 2), box(0, 4, 2, 2)], id=["a", "b"],
        mt=[3.0, 2.0], rate=[0.1, 0.02],
    )  # fmt: skip
    return write_world(folder, TEXT)


def found(world: Path, *settings: str) -> Any:
    """Run the study with settings, whatever it warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return run(load_scenario(world, settings))


def refused(world: Path, *settings: str) -> str:
    """What the check of the study refuses, in words."""
    with warnings.catch_warnings(), pytest.raises(CdrsiteError) as caught:
        warnings.simplefilter("ignore", CdrsiteWarning)
        check_study(load_scenario(world, settings))
    return str(caught.value)

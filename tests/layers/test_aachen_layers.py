"""Golden case: layers of the Aachen region, to the pixel."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cdrsite.config.layers import FileLayer
from cdrsite.config.models import GridModel, Region
from cdrsite.core.grid import Block
from cdrsite.layers.region import StudyArea, build_grid
from cdrsite.layers.stack import LayerStack

MAIN_ROADS = "type in ('motorway', 'primary', 'trunk')"


@pytest.fixture(scope="module")
def folder(cases_dir: Path) -> Path:
    return cases_dir / "aachen"


@pytest.fixture(scope="module")
def area(folder: Path) -> StudyArea:
    return build_grid(
        Region(boundary=folder / "region.gpkg"),
        GridModel(crs="EPSG:3035", resolution="100 m", snap=(0.0, 0.0)),
    )


@pytest.fixture(scope="module")
def stack(folder: Path, area: StudyArea) -> LayerStack:
    layers = {
        "natura": FileLayer(path=folder / "natura2000.gpkg"),
        "cdda": FileLayer(path=folder / "cdda.gpkg"),
        "roads": FileLayer(path=folder / "roads.gpkg"),
        "clc": FileLayer(path=folder / "clc.tif", preset="corine-grid"),
        "slope": FileLayer(path=folder / "slope_deg.tif", unit="degree"),
    }
    return LayerStack(layers, area, rasterise="centre")


@pytest.fixture(scope="module")
def golden(folder: Path) -> dict[str, dict[str, float]]:
    rows = json.loads((folder / "expected.json").read_text())
    return {row["id"].split("_")[0]: row["golden"] for row in rows}


def test_grid_is_the_published_one(area: StudyArea, golden: dict) -> None:
    grid = area.grid
    assert (grid.west, grid.north, grid.shape) == (4037300.0, 3100200.0, (509, 304))
    whole = Block(0, grid.rows, 0, grid.cols)
    assert int(area.inside(whole).sum()) == golden["a0"]["region_px"] == 70944


@pytest.mark.parametrize("size", [64, 1024])
def test_every_row_to_the_pixel(
    stack: LayerStack, area: StudyArea, golden: dict, size: int
) -> None:
    excluded: dict[str, np.ndarray] = {
        key: np.zeros(area.grid.shape, bool) for key in (*(f"a{i}" for i in range(1, 10)), "in")
    }
    for block in area.grid.blocks(size):
        rules = {
            "a1": stack.coverage("natura", block) > 0,
            "a2": stack.coverage("cdda", block) > 0,
            "a3": stack.coverage("cdda", block, where="YEAR>2000") > 0,
            "a4": stack.coverage("cdda", block, where="YEAR>2000", buffer=400.0) > 0,
            "a5": stack.coverage("roads", block, where=MAIN_ROADS, buffer=200.0) > 0,
            "a6": stack.class_share("clc", {12: 1.0}, block) > 0.5,
            "a7": stack.class_share("clc", {"12-22": 1.0}, block) > 0.5,
            "a8": stack.values("slope", block, "degree") > 10,
            "in": area.inside(block),
        }
        built = stack.class_share("clc", {"1-11": 1.0}, block) > 0.5
        rules["a9"] = rules["a1"] | rules["a2"] | rules["a5"] | rules["a8"] | built
        for key, mask in rules.items():
            excluded[key][block.slices] = mask
    inside = excluded["in"]
    for key in (f"a{i}" for i in range(1, 10)):
        available = int((inside & ~excluded[key]).sum())
        assert available == golden[key]["available_px"], key
        assert 100 * available / inside.sum() == pytest.approx(golden[key]["percent"], rel=1e-12)

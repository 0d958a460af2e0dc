"""One method alone in the tiny world: its layers written on the spot, its numbers in one cell."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import yaml
from affine import Affine
from tiny_scenario import COLS, NORTH, ROWS, SCENARIO, WEST, write_world

from cdrsite.config.load import parse_scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import run

ROW, COL = 3, 5
"""A cell of plain ground, in no park."""


def write_bands(path: Path, bands: Any) -> None:
    """A GeoTIFF of the tiny world: one value, one per band, or bands of shape (rows, cols)."""
    values = np.asarray(bands)
    if values.ndim < 2:
        values = values.reshape(-1, 1, 1)
    if values.ndim == 2:
        values = values[None]
    whole = values * np.ones((1, ROWS, COLS), values.dtype)
    with rasterio.open(
        path, "w", driver="GTiff", dtype=whole.dtype, count=len(whole), height=ROWS, width=COLS,
        crs="EPSG:3035", transform=Affine(1000, 0, WEST, 0, -1000, NORTH),
    ) as out:  # fmt: skip
        out.write(whole)


class OneMethod:
    """Runs studies of one method; the world is written once.

    Parameters
    ----------
    folder : Path
        Where the world is written.
    name : str
        The method.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        write_world(folder)

    def run(
        self, method: dict[str, Any], layers: dict[str, tuple[Any, dict[str, Any]]], **top: Any
    ) -> StudyResult:
        """A study of the method.

        Parameters
        ----------
        method : dict
            Its keys in the scenario.
        layers : dict
            Layer -> its bands, and its keys.
        **top
            Sections of the scenario; ``resources`` is added to the tiny one's.
        """
        document: dict[str, Any] = yaml.safe_load(SCENARIO)
        document["siting"] = {}
        document["resources"] |= top.pop("resources", {})
        document["costs"] = {"base_year": 2020, "prices": {"land": 0}}
        document["methods"] = {self.name: method}
        for layer, (bands, keys) in layers.items():
            write_bands(self.folder / f"{layer}.tif", bands)
            document["layers"][layer] = {"path": f"{layer}.tif"} | keys
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CdrsiteWarning)
            path = self.folder / "study.yaml"
            return run(parse_scenario(yaml.safe_dump(document | top), path))

    def here(self, result: StudyResult, variable: str, row: int = ROW, col: int = COL) -> float:
        """A variable of the method in one cell."""
        return float(result.dataset[variable].sel(removal_method=self.name).to_numpy()[row, col])

    def cost_of(self, result: StudyResult, part: str) -> float:
        """Part of the cost per gross tonne that is the same everywhere [USD/t]."""
        found = result.dataset["cost_coefficient"].sel(removal_method=self.name, cost_part=part)
        return float(found)

"""Layers as plain arrays on a grid of 3 x 4 cells, for rules and criteria."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from cdrsite.core.grid import AnalysisGrid, Block

GRID = AnalysisGrid.from_bounds("EPSG:3035", (0.0, 0.0, 4000.0, 3000.0), 1000.0)
WHOLE = Block(0, 3, 0, 4)
INSIDE = np.ones(GRID.shape, bool)


class FakeLayers:
    """Layers as plain arrays; a coverage is an array of shares."""

    grid = GRID

    def __init__(self, units: Mapping[str, str] | None = None, **arrays: Any) -> None:
        self.arrays = {k: np.asarray(v, np.float32) for k, v in arrays.items()}
        self.units = units or {}

    def values(self, name: str, block: Block, unit: str | None = None) -> Any:
        del unit
        return self.arrays[name][block.slices]

    def coverage(self, name: str, block: Block, *_: object) -> Any:
        return self.arrays[name][block.slices]

    def distance(self, name: str, block: Block, *_: object) -> Any:
        return self.arrays[name][block.slices]

    def class_codes(self, name: str, selectors: Sequence[int | str]) -> tuple[int, ...]:
        del name
        return tuple(int(code) for code in selectors)

    def class_share(self, name: str, weights: Mapping[int | str, float], block: Block) -> Any:
        codes = self.arrays[name][block.slices]
        out = np.zeros(codes.shape, np.float32)
        for code, weight in weights.items():
            out[codes == int(code)] = weight
        out[np.isnan(codes)] = np.nan
        return out

    def info(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(unit=self.units.get(name))

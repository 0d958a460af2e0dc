"""Sums over the cells of arrays of a whole grid."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np

from cdrsite.core.grid import AnalysisGrid
from cdrsite.core.states import OUTSIDE
from cdrsite.study.tally import COUNTED, Tally, tally_values


def tally_parts(arrays: Mapping[str, Any], grid: AnalysisGrid, size: int) -> list[Tally]:
    """What a run counts in each block of arrays of shape (methods, rows, cols)."""
    return [
        tally_values(
            {name: np.asarray(arrays[name][(slice(None), *block.slices)]) for name in COUNTED},
            np.asarray(arrays["limit"][(0, *block.slices)]) != OUTSIDE,
            grid,
            block,
        )
        for block in grid.blocks(size)
    ]


def tally_all(arrays: Mapping[str, Any], grid: AnalysisGrid, size: int) -> Tally:
    """Sum of the blocks, in their order."""
    return reduce(Tally.add, tally_parts(arrays, grid, size))

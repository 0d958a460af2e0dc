"""A raster of an array in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdrsite.core.grid import AnalysisGrid
from cdrsite.outputs.rasters.cog import write_cog_blocks
from cdrsite.outputs.rasters.raster import RasterSpec


def write_cog(
    path: Path,
    values: NDArray[Any],
    grid: AnalysisGrid,
    spec: RasterSpec,
    compression: str = "deflate",
) -> None:
    """Write values of the grid's shape; NaN is "no number here"."""
    array = np.asarray(values)
    write_cog_blocks(path, lambda block: array[block.slices], grid, spec, compression)

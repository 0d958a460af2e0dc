"""Cloud Optimised GeoTIFFs written block by block, so that the array need not fit in memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.outputs.palette import rgba
from cdrsite.outputs.raster import BLOCK, NODATA_FLOAT, RasterSpec, attribute_table, encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

READ = 1024
"""Rows and columns that are read at once [cells]: whole chunks of any run's store. Fixed, because
the statistics add up in this order (rule 9)."""
CACHE_MB = 128
"""GDAL's cache of tiles [MB]."""


@dataclass(frozen=True)
class Statistics:
    """Of the numbers of a raster, from block to block (Chan, Golub & LeVeque 1983).

    Attributes
    ----------
    count : int
        Cells with a number.
    low, high, mean : float
        Of them.
    squares : float
        Sum of the squared distances from the mean.
    """

    count: int = 0
    low: float = math.inf
    high: float = -math.inf
    mean: float = 0.0
    squares: float = 0.0

    def add(self, values: NDArray[np.float32]) -> Statistics:
        """With the numbers of another block."""
        known = values[values != np.float32(NODATA_FLOAT)].astype(np.float64)
        if not known.size:
            return self
        mean = float(known.mean())
        squares = float(((known - mean) ** 2).sum())
        count, apart = self.count + known.size, mean - self.mean
        return Statistics(
            count,
            min(self.low, float(known.min())),
            max(self.high, float(known.max())),
            self.mean + apart * known.size / count,
            self.squares + squares + apart**2 * self.count * known.size / count,
        )

    def tags(self, cells: int) -> dict[str, str]:
        """As GDAL keeps them; empty where there is no number."""
        if not self.count:
            return {}
        return {
            "STATISTICS_MINIMUM": f"{self.low:.14g}",
            "STATISTICS_MAXIMUM": f"{self.high:.14g}",
            "STATISTICS_MEAN": f"{self.mean:.14g}",
            "STATISTICS_STDDEV": f"{math.sqrt(self.squares / self.count):.14g}",
            "STATISTICS_VALID_PERCENT": f"{100 * self.count / cells:.4g}",
        }


def write_cog_blocks(
    path: Path,
    read: Callable[[Block], NDArray[Any]],
    grid: AnalysisGrid,
    spec: RasterSpec,
    compression: str = "deflate",
) -> None:
    """Write one band as a Cloud Optimised GeoTIFF with its sidecar, block by block.

    The bytes depend on the values and the other arguments alone: no date, no host (rule 9).

    Parameters
    ----------
    path : Path
        Target; ``path.aux.xml`` is written beside it where there are categories.
    read : callable
        Block -> its values; NaN is "no number here" (rule 2). Blocks come row-major, each once, and
        are aligned to :data:`READ` cells.
    grid : AnalysisGrid
        Where the values live.
    spec : RasterSpec
        Meaning of the values.
    compression : {'deflate', 'zstd'}
        Deflate opens everywhere.
    """
    import rasterio
    import rasterio.shutil

    scratch = path.with_suffix(".building.tif")
    options = {"GDAL_CACHEMAX": CACHE_MB, "GDAL_PAM_ENABLED": "NO", "OSR_WKT_FORMAT": "WKT2_2018"}
    with rasterio.Env(**options):
        _write_tiles(scratch, read, grid, spec)
        rasterio.shutil.copy(
            scratch,
            path,
            driver="COG",
            compress=compression,
            predictor="YES" if spec.kind == "quantity" else "NO",
            blocksize=BLOCK,
            overview_resampling="average" if spec.kind == "quantity" else "mode",
            statistics="AUTO",
            bigtiff="IF_SAFER",
        )
    scratch.unlink()
    if spec.categories:
        sidecar = path.with_name(path.name + ".aux.xml")
        sidecar.write_text(attribute_table(spec), encoding="utf-8", newline="\n")


def _write_tiles(
    path: Path, read: Callable[[Block], NDArray[Any]], grid: AnalysisGrid, spec: RasterSpec
) -> None:
    """Write the tiles of a GeoTIFF that the next step puts in order."""
    import rasterio
    from rasterio.windows import Window

    profile: dict[str, Any] = {
        "driver": "GTiff",
        "width": grid.cols,
        "height": grid.rows,
        "count": 1,
        "dtype": spec.dtype,
        "crs": rasterio.crs.CRS.from_wkt(grid.wkt),
        "transform": grid.transform,
        "nodata": spec.nodata,
        "tiled": True,
        "blockxsize": BLOCK,
        "blockysize": BLOCK,
        "bigtiff": "IF_SAFER",
        # next to free, and a map with large areas of one value is hardly written at all
        "compress": "zstd",
        "zstd_level": 1,
    }
    statistics = Statistics()
    with rasterio.open(path, "w", **profile) as target:
        for block in grid.blocks(READ):
            data = encode(read(block), spec)
            if spec.kind == "quantity":
                statistics = statistics.add(data)
            rows, cols = block.shape
            target.write(data, 1, window=Window(block.col0, block.row0, cols, rows))
        target.set_band_description(1, spec.description)
        if spec.unit:
            target.set_band_unit(1, spec.unit)
        target.update_tags(**{"units": spec.unit, "AREA_OR_POINT": "Area", **spec.tags})
        target.update_tags(1, **statistics.tags(grid.size))
        if spec.kind == "class":
            target.write_colormap(1, {c.code: rgba(c.colour) for c in spec.categories})

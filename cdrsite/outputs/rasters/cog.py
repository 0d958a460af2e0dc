"""Cloud Optimised GeoTIFFs written block by block, so that the array need not fit in memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.gdal import bounded_cache, raster_options
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.outputs.palette import rgba
from cdrsite.outputs.rasters.raster import BLOCK, NODATA_FLOAT, RasterSpec, attribute_table, encode
from cdrsite.outputs.rasters.tiff import assemble

if TYPE_CHECKING:
    from numpy.typing import NDArray

READ = 1024
"""Rows and columns that are read at once [cells]: whole chunks of any run's store. Fixed, because
the statistics add up in this order (rule 9)."""


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
        # compiled: the import takes a second, and pages that only show files need none of it
        from cdrsite.outputs.rasters._kernel_overview import moments

        count, low, high, mean, squares = moments(values, np.float32(NODATA_FLOAT))
        if not count:
            return self
        total, apart = self.count + count, mean - self.mean
        return Statistics(
            total,
            min(self.low, low),
            max(self.high, high),
            self.mean + apart * count / total,
            self.squares + squares + apart**2 * self.count * count / total,
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
    options = {"GDAL_PAM_ENABLED": "NO", "OSR_WKT_FORMAT": "WKT2_2018"}
    building = TemporaryDirectory(dir=path.parent, prefix=".building")
    with bounded_cache(), raster_options(**options), building as aside:
        assemble(path, _write_parts(Path(aside), read, grid, spec, compression))
    if spec.categories:
        sidecar = path.with_name(path.name + ".aux.xml")
        sidecar.write_text(attribute_table(spec), encoding="utf-8", newline="\n")


def _write_parts(
    folder: Path,
    read: Callable[[Block], NDArray[Any]],
    grid: AnalysisGrid,
    spec: RasterSpec,
    compression: str,
) -> list[Path]:
    """Write the raster and each overview into a file of its own; returns them, the raster first."""
    import rasterio
    from rasterio.windows import Window

    paths, statistics = [], Statistics()
    with ExitStack() as open_:
        files = []
        for level, (rows, cols) in enumerate(overview_shapes(grid)):
            paths.append(folder / f"{level}.tif")
            profile = _profile(grid, spec, compression) | {"height": rows, "width": cols}
            file = open_.enter_context(rasterio.open(paths[-1], "w", **profile))
            if spec.kind == "class":
                file.write_colormap(1, {c.code: rgba(c.colour) for c in spec.categories})
            files.append(file)
        bands = [Band(file, np.dtype(spec.dtype).type, file.width) for file in files[1:]]
        for block in grid.blocks(READ):
            data = encode(read(block), spec)
            if spec.kind == "quantity":
                statistics = statistics.add(data)
            rows, cols = block.shape
            files[0].write(data, 1, window=Window(block.col0, block.row0, cols, rows))
            for level, band in enumerate(bands, 1):
                data = halve(data, spec)
                band.add(data, block.row0 >> level, block.col0 >> level)
        for band in bands:
            band.write()
        files[0].set_band_description(1, spec.description)
        if spec.unit:
            files[0].set_band_unit(1, spec.unit)
        files[0].update_tags(**{"units": spec.unit, "AREA_OR_POINT": "Area", **spec.tags})
        files[0].update_tags(1, **statistics.tags(grid.size))
    return paths


def _profile(grid: AnalysisGrid, spec: RasterSpec, compression: str) -> dict[str, Any]:
    """Creation options of a raster and its overviews, which have nothing to say of the place."""
    import rasterio

    return {
        "driver": "GTiff",
        "count": 1,
        "dtype": spec.dtype,
        "crs": rasterio.crs.CRS.from_wkt(grid.wkt),
        "transform": grid.transform,
        "nodata": spec.nodata,
        "tiled": True,
        "blockxsize": BLOCK,
        "blockysize": BLOCK,
        "bigtiff": "IF_SAFER",
        "endianness": "LITTLE",
        "compress": compression,
        "predictor": 3 if spec.kind == "quantity" else 1,
    }


def overview_shapes(grid: AnalysisGrid) -> list[tuple[int, int]]:
    """Rows and columns of the raster and its overviews; the last one is a single tile."""
    shapes = [grid.shape]
    while max(shapes[-1]) > BLOCK:
        rows, cols = shapes[-1]
        shapes.append(((rows + 1) // 2, (cols + 1) // 2))
    return shapes


def halve(data: NDArray[Any], spec: RasterSpec) -> NDArray[Any]:
    """The overview of a part that starts at an even row and column: means, or frequent codes."""
    from cdrsite.outputs.rasters._kernel_overview import halve_mean, halve_mode

    rows, cols = data.shape
    out = np.empty(((rows + 1) // 2, (cols + 1) // 2), data.dtype)
    function = halve_mean if spec.kind == "quantity" else halve_mode
    function(data, data.dtype.type(spec.nodata), out)
    return out


class Band:
    """Rows of an overview that are not written yet: whole tiles go to the file.

    Parameters
    ----------
    file : rasterio dataset
        Of the overview.
    dtype : type
        Of its values.
    cols : int
        Its width [cells].
    """

    def __init__(self, file: Any, dtype: Any, cols: int) -> None:
        self.file, self.first, self.rows = file, 0, 0
        self.values = np.empty((BLOCK, cols), dtype)

    def add(self, data: NDArray[Any], row: int, col: int) -> None:
        """Put a part in its place; parts come row-major."""
        if row >= self.first + BLOCK:
            self.write()
            self.first, self.rows = row, 0
        top = row - self.first
        self.values[top : top + data.shape[0], col : col + data.shape[1]] = data
        self.rows = max(self.rows, top + data.shape[0])

    def write(self) -> None:
        """Write the rows so far."""
        from rasterio.windows import Window

        window = Window(0, self.first, self.values.shape[1], self.rows)
        self.file.write(self.values[: self.rows], 1, window=window)

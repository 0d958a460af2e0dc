"""Cloud Optimised GeoTIFFs from blocks on disk, against GDAL alone; counts of the tables too.

    python benchmarks/bench_rasters.py --size 10000

GDAL alone writes the same values as a plain GeoTIFF and copies it with its COG driver: same
compression, tiles and overviews. The file here comes from a store of chunks on disk, with
statistics, and the array is never whole. Times are wall seconds and, in brackets, CPU seconds.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial, reduce
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from pyproj import CRS

from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.engine.arrays import DiskStore
from cdrsite.outputs.rasters.cog import write_cog_blocks
from cdrsite.outputs.rasters.raster import BLOCK, Category, RasterSpec
from cdrsite.siting.patches import small_patches
from cdrsite.study.tally import COUNTED, Tally, tally_values

QUANTITY = RasterSpec("quantity", "quantity", "t/yr", "quantity")
CLASSES = RasterSpec("class", "class", "", "class", (Category(0, "a", "#ff0000"),))
CHUNK = 1024


def values_of(kind: str, block: Block, noise: Any) -> Any:
    """Maps of several kinds: noise, smooth, one value per tile, shares of 0 and 1, codes."""
    rows, cols = block.shape
    y, x = np.mgrid[block.row0 : block.row1, block.col0 : block.col1].astype(np.float32)
    wave = np.sin(x / 300) * np.cos(y / 400) + np.float32(1.1)
    if kind == "noise":
        return noise[:rows, :cols] * 1000
    if kind == "smooth":
        return wave * 1000
    if kind == "tiles":
        return np.full(block.shape, (block.row0 * 31 + block.col0 * 17) % 977, np.float32)
    if kind == "shares":
        return (wave > 1).astype(np.float32)
    return ((x // 700 + y // 900) % 5).astype(np.uint8)


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def part_of(array: Any, block: Block) -> Any:
    return array[block.slices]


def by_gdal(path: Path, array: Any, grid: AnalysisGrid, *, quantity: bool) -> None:
    scratch = path.with_suffix(".plain.tif")
    profile = {
        "driver": "GTiff", "width": grid.cols, "height": grid.rows, "count": 1,
        "dtype": array.dtype, "crs": rasterio.crs.CRS.from_wkt(grid.wkt),
        "transform": grid.transform, "nodata": -9999 if quantity else 255, "tiled": True,
        "blockxsize": BLOCK, "blockysize": BLOCK,
    }  # fmt: skip
    with rasterio.Env(GDAL_CACHEMAX=256 << 20, GDAL_PAM_ENABLED="NO"):  # bytes
        with rasterio.open(scratch, "w", **profile) as target:
            target.write(array, 1)
        rasterio.shutil.copy(
            scratch, path, driver="COG", compress="deflate", blocksize=BLOCK,
            predictor="YES" if quantity else "NO", statistics="YES" if quantity else "NO",
            overview_resampling="average" if quantity else "mode",
        )  # fmt: skip


def rasters(folder: Path, grid: AnalysisGrid, noise: Any) -> None:
    store = DiskStore(folder / "store", CHUNK)
    print("map      MB    this program       GDAL alone        ratio of CPU time")
    for kind in ("noise", "smooth", "tiles", "shares", "classes"):
        spec = CLASSES if kind == "classes" else QUANTITY
        array = store.create(kind, grid.shape, spec.dtype)
        for block in grid.blocks(CHUNK):
            array[block.slices] = values_of(kind, block, noise)
        path, other = folder / f"{kind}.tif", folder / f"{kind}.gdal.tif"

        wall, cpu, _ = timed(partial(write_cog_blocks, path, partial(part_of, array), grid, spec))
        whole = array[:]
        gdal = partial(by_gdal, other, whole, grid, quantity=spec is QUANTITY)
        gwall, gcpu, _ = timed(gdal)
        print(
            f"{kind:8} {whole.nbytes / 1e6:4.0f}  {wall:5.2f} ({cpu:5.2f}) s  "
            f"{gwall:6.2f} ({gcpu:5.2f}) s  {cpu / gcpu:5.2f}"
        )


def counts(folder: Path, grid: AnalysisGrid, noise: Any) -> None:
    store, blocks = DiskStore(folder / "counted", CHUNK), list(grid.blocks(CHUNK))
    for name in COUNTED:
        kind = {"limit": "classes", "available": "shares"}.get(name, "smooth")
        dtype = np.uint8 if name == "limit" else np.float32
        array = store.create(name, (1, *grid.shape), dtype)
        for block in blocks:
            array[(0, *block.slices)] = values_of(kind, block, noise)
    arrays = {name: store.open(name) for name in COUNTED}

    def task(block: Block) -> Tally:
        here = (slice(None), *block.slices)
        values = {name: array[here] for name, array in arrays.items()}
        return tally_values(values, np.ones(block.shape, bool), grid, block)

    task(blocks[0])  # compiled
    wall, _, _ = timed(lambda: reduce(Tally.add, map(task, blocks)))
    print(f"counts of one method   {wall:6.2f} s")
    left = store.create("left", grid.shape, np.float32)
    for block in blocks:
        rough = values_of("noise", block, noise)
        y, x = np.mgrid[block.row0 : block.row1, block.col0 : block.col1].astype(np.float32)
        left[block.slices] = np.sin(x / 7) * np.cos(y / 9) + rough * 3e-4 > 0.3
    small = timed(lambda: small_patches(left, grid, blocks, 50 * grid.row_areas[0]))
    number = sum(len(one) - 1 for one in small[2][0].values())
    print(f"contiguous areas       {small[0]:6.2f} s for {number:,} patches of blocks")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=5000, help="rows and columns")
    size = parser.parse_args().size
    grid = AnalysisGrid(CRS("EPSG:3035").to_wkt(), 0.0, 0.0, 250.0, size, size)
    noise = np.random.default_rng(0).random((CHUNK, CHUNK), dtype=np.float32)
    with tempfile.TemporaryDirectory() as name:
        counts(Path(name), grid, noise)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(f"peak memory so far     {peak:6.0f} MB\n")
        rasters(Path(name), grid, noise)


if __name__ == "__main__":
    main()

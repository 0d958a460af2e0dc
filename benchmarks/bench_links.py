"""Links of every cell to its storage units, in memory and on disk: time ratio and peak memory.

    python benchmarks/bench_links.py --sizes 2000            # memory and disk
    python benchmarks/bench_links.py --sizes 6000 --stores disk

Each store runs in a process of its own, so that peak memory is its own. Smooth slopes, a tenth of
the ground closed in patches, twelve storage units as boxes, one crossing rule, 3 units per cell,
16 neighbours. CPU seconds of all threads stand in brackets.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
import zlib
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from cdrsite.config.transport import Transport
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.engine.arrays import DiskStore, MemoryStore
from cdrsite.transport.links import LINKS, StorageSites, link_sinks
from cdrsite.transport.pipelines import Basis


class Layers:
    """Maps that are functions of the cell, so that reading them takes no disk and little time."""

    def __init__(self, n: int) -> None:
        self.grid = AnalysisGrid.from_bounds(
            "EPSG:3035", (3e6, 2e6, 3e6 + n * 250.0, 2e6 + n * 250.0), 250.0, snap=None
        )
        rng = np.random.default_rng(1)
        low = rng.integers(0, n - n // 20, (12, 2))
        self.units = [(r, r + n // 20, c, c + n // 20) for r, c in low.tolist()]
        x = np.linspace(3e6, 3e6 + n * 250.0, 400)
        self.rivers = [
            shapely.LineString(np.column_stack((x, 2e6 + n * 250.0 * (k + np.sin(x / 9e4)) / 9)))
            for k in range(1, 9)
        ]

    def _waves(self, block: Block, long: float, phase: float) -> np.ndarray:
        row = np.arange(block.row0, block.row1, dtype=np.float32)[:, None]
        col = np.arange(block.col0, block.col1, dtype=np.float32)[None, :]
        return np.sin(row / long + phase) * np.cos(col / (0.7 * long) - phase) + 0.5 * np.sin(
            (row + col) / (0.13 * long)
        )

    def values(self, name: str, block: Block, unit: str | None = None) -> np.ndarray:
        """Slope [degree]."""
        del name, unit
        return np.abs(12 * self._waves(block, 37.0, 0.4)).astype(np.float32)

    def coverage(
        self, name: str, block: Block, where: Any = None, buffer: float = 0, rasterise: Any = None
    ) -> np.ndarray:
        """Closed patches."""
        del name, where, buffer, rasterise
        return (self._waves(block, 90.0, 2.0) > 1.0).astype(np.float32)

    def feature_coverage(self, name: str, feature: int, block: Block) -> np.ndarray:
        """Storage units."""
        del name
        out = np.zeros(block.shape, np.float32)
        r0, r1, c0, c1 = self.units[feature]
        rows = slice(max(r0 - block.row0, 0), max(r1 - block.row0, 0))
        out[rows, max(c0 - block.col0, 0) : max(c1 - block.col0, 0)] = 1
        return out

    def info(self, name: str) -> Any:
        """Unit of the slope."""
        del name
        return argparse.Namespace(unit="degree")

    def features(self, name: str, where: str | None = None) -> gpd.GeoDataFrame:
        """Rivers."""
        del name, where
        return gpd.GeoDataFrame(geometry=self.rivers, crs=self.grid.wkt)


def measure(n: int, kind: str, threads: int, folder: str | None) -> None:
    """Run once and print the numbers as JSON."""
    model = Transport.model_validate(
        {
            "surface": {
                "slope": {"layer": "slope"},
                "barriers": [{"layer": "closed"}],
                "crossings": [{"layer": "rivers", "cost": "0.2 USD/t"}],
            }
        }
    )
    names = tuple(str(i) for i in range(12))
    sites = StorageSites("units", names, range(12), np.linspace(4, 8, 12))
    basis = Basis(crf=0.08, base_year=2020, electricity=0.08)

    def run(size: int, store: Any) -> None:
        reader: Any = Layers(size)
        blocks = tuple(reader.grid.blocks(1024))
        link_sinks(model, sites, reader, basis, whole, threads, store, blocks)

    def whole(block: Block) -> np.ndarray:
        return np.ones(block.shape, bool)

    with tempfile.TemporaryDirectory(dir=folder) as path, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run(100, DiskStore(Path(path) / "small", 1024))  # compiles, before the clock starts
        run(100, MemoryStore())
        store: Any = MemoryStore() if kind == "memory" else DiskStore(Path(path) / "large", 1024)
        wall, cpu = time.perf_counter(), time.process_time()
        run(n, store)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        check = 0
        for name, _ in LINKS.values():
            array = store.open(name)
            for row in range(0, n, 1024):
                check = zlib.crc32(np.asarray(array[:, row : row + 1024]).tobytes(), check)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": peak, "check": check}))


def main() -> None:
    """Start a process for every size and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2000])
    parser.add_argument("--stores", nargs="+", default=["memory", "disk"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", help="for the store; that of temporary files when not given")
    parser.add_argument("--one", action="store_true", help="run in this process, print JSON")
    options = parser.parse_args()
    if options.one:
        measure(options.sizes[0], options.stores[0], options.threads, options.folder)
        return
    for n in options.sizes:
        base: dict[str, float] | None = None
        for kind in options.stores:
            command = [sys.executable, __file__, "--one", "--sizes", str(n), "--stores", kind]
            command += ["--threads", str(options.threads)]
            command += ["--folder", options.folder] if options.folder else []
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found = json.loads(output.splitlines()[-1])
            base = base or found
            assert found["check"] == base["check"], "memory and disk differ"
            print(
                f"  {n} x {n} {kind:6s} {found['wall']:7.1f} s ({found['cpu']:7.1f})  "
                f"x{found['wall'] / base['wall']:.2f} (x{found['cpu'] / base['cpu']:.2f})  "
                f"{found['wall'] / n / n * 1e6:.2f} us a cell; peak {found['peak']:.2f} GiB",
                flush=True,
            )


if __name__ == "__main__":
    main()

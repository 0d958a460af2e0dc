"""A whole study on a large synthetic grid: time, memory, and what GDAL alone needs.

    python benchmarks/bench_nation.py make  DIR --rows 10000 --cols 10000
    python benchmarks/bench_nation.py run   DIR [-- more options of cdrsite run]
    python benchmarks/bench_nation.py floor DIR
    python benchmarks/bench_nation.py stream DIR [--workers 2]
    python benchmarks/bench_nation.py curve DIR --picture curve.png
    python benchmarks/bench_nation.py workers DIR

``make`` writes ten rasters of 100 m cells, basins, power zones, storage units and a scenario with
four methods; ``--texture tiles`` gives constant tiles in place of textured ground. ``run`` runs it
as a process of its own and prints seconds by stage and peak memory. ``floor`` reads the same inputs
and writes the same outputs through GDAL alone, and gives the ratio. ``stream`` runs only the passes
that exclude and score, on disk, for grids of any size, by threads or by processes. ``curve`` runs
grids of 1 to 100 million cells; ``workers`` compares whole runs by one and two processes on the
stages that run by blocks.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import rasterio.shutil
from rasterio.windows import Window
from shapely.geometry import box

CRS, WEST, NORTH, STEP = "EPSG:3035", 2_500_000.0, 5_000_000.0, 100.0
TILE = 512
LAYERS: dict[str, tuple[str, float, float]] = {
    "elevation": ("float32", 0.0, 1500.0),
    "slope": ("float32", 0.0, 30.0),
    "landcover": ("uint8", 0.0, 7.0),
    "pv_yield": ("float32", 900.0, 1900.0),
    "residues": ("float32", 0.0, 3.0),
    "uptake": ("float32", 0.0, 12.0),
    "population": ("float32", 0.0, 20.0),
    "temperature": ("float32", 0.0, 25.0),
    "humidity": ("float32", 30.0, 90.0),
    "protected": ("float32", 0.0, 1.0),
}
CLASSES = (10, 20, 30, 40, 50, 60, 80)
SHARED = ("siting", "scoring", "plan")
"""Stages whose blocks go to the processes of ``--workers``."""
SIDES = (1000, 2000, 4000, 10_000)
PER_CELL = ("siting", "scoring", "plan", "maps")
"""Stages of a run whose work grows with the cells alone."""

SCENARIO = """\
name: nation
region: {{bounds: [{west}, {south}, {east}, {north}], crs: "{crs}"}}
grid: {{resolution: 100 m, crs: "{crs}", max_cells: 2000000000}}
data_folder: .
layers:
  elevation:   {{path: elevation.tif, unit: m, kind: intensive}}
  slope:       {{path: slope.tif, unit: degree, kind: intensive}}
  landcover:   {{path: landcover.tif, preset: esa-worldcover}}
  pv_yield:    {{path: pv_yield.tif, unit: kWh/kW/yr, kind: intensive}}
  residues:    {{path: residues.tif, unit: t/yr, kind: extensive}}
  uptake:      {{path: uptake.tif, unit: t/ha/yr, kind: intensive}}
  population:  {{path: population.tif, unit: person, kind: extensive}}
  temperature: {{path: temperature.tif, unit: degC, kind: intensive}}
  humidity:    {{path: humidity.tif, unit: "%", kind: intensive}}
  protected:   {{path: protected.tif, unit: "1", kind: intensive}}
  basins:      {{path: basins.gpkg}}
  zones:       {{path: zones.gpkg}}
  storage:     {{path: storage.gpkg}}
resources:
  land:    {{usable: {{landcover: {{bare: 1, grass: 0.6, shrub: 0.6, crop: 0.05, forest: 0.02}}}}}}
  water:   {{pools: basins, supply: m3, unit: m3/yr, name: name}}
  power:   {{pools: zones, supply: twh, unit: TWh/yr, name: name, intensity: 50 g/kWh}}
  biomass: {{layer: residues, unit: t/yr}}
  storage: {{units: storage, id: name, name: name, capacity: mt, injection: mt_yr, cost: usd_t}}
siting:
  exclude:
    - {{layer: landcover, classes: [built, water, wetland, snow]}}
    - {{layer: slope, above: 15 degree, for: [daccs-solid, daccs-liquid, beccs-residue]}}
    - {{layer: protected, above: 0.9}}
    - {{layer: elevation, above: 1400}}
  prefer:
    - {{layer: slope, best: 0, worst: 15 degree}}
    - {{layer: pv_yield, worst: 1000, best: 1900, weight: 3, for: [daccs-solid, daccs-liquid]}}
    - {{layer: uptake, worst: 0, best: 12, weight: 3, for: [afforestation]}}
methods:
  daccs-solid: {{profile: literature, climate: {{temperature: temperature, humidity: humidity}}}}
  daccs-liquid: {{climate: {{temperature: temperature, humidity: humidity}}}}
  beccs-residue: {{}}
  afforestation: {{rate: uptake}}
transport:
  flow: 1 Mt/yr
  sinks_per_cell: {sinks}
  surface: {{slope: {{}}, population: {{}}}}
outputs: {{sites: 10, site_distance: 20 km}}
"""


def make(folder: Path, rows: int, cols: int, texture: str, sinks: int) -> None:
    """Inputs and scenario of a grid."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    noise = rng.random((TILE, TILE), np.float32) - np.float32(0.5)
    for name, (dtype, low, high) in LAYERS.items():
        tiles = rng.random((-(-rows // TILE) + 1, -(-cols // TILE) + 1))
        profile = {
            "driver": "GTiff", "dtype": dtype, "count": 1, "width": cols, "height": rows,
            "crs": CRS, "transform": rasterio.Affine(STEP, 0, WEST, 0, -STEP, NORTH),
            "tiled": True, "blockxsize": TILE, "blockysize": TILE, "compress": "lzw",
            "predictor": 3 if dtype == "float32" else 1, "bigtiff": "IF_SAFER",
            "num_threads": 2, "nodata": -9999 if dtype == "float32" else 0,
        }  # fmt: skip
        with rasterio.open(folder / f"{name}.tif", "w", **profile) as out:
            for row in range(0, rows, TILE):
                for col in range(0, cols, TILE):
                    values = patch(tiles, row // TILE, col // TILE, texture, noise)
                    values = low + (high - low) * np.clip(values, 0, 1)
                    if name == "landcover":
                        values = np.take(CLASSES, np.minimum(values.astype(int), 6))
                    window = Window(col, row, min(TILE, cols - col), min(TILE, rows - row))
                    part = values[: window.height, : window.width].astype(dtype)
                    out.write(part, 1, window=window)
    east, south = WEST + cols * STEP, NORTH - rows * STEP
    zones(folder / "basins.gpkg", (WEST, south, east, north := NORTH), 6, rng, m3=(1e6, 3e8))
    zones(folder / "zones.gpkg", (WEST, south, east, north), 4, rng, twh=(0.5, 20.0))
    places(folder / "storage.gpkg", (WEST, south, east, north), 30, rng)
    text = SCENARIO.format(west=WEST, south=south, east=east, north=NORTH, crs=CRS, sinks=sinks)
    (folder / "nation.yaml").write_text(text, encoding="utf-8")


def patch(tiles: np.ndarray, i: int, j: int, texture: str, noise: np.ndarray) -> np.ndarray:
    """One tile: constant, or smooth between its corners with some noise, in about [0, 1]."""
    if texture == "tiles":
        return np.full((TILE, TILE), tiles[i, j], np.float32)
    t = np.linspace(0, 1, TILE, endpoint=False, dtype=np.float32)
    top = tiles[i, j] * (1 - t) + tiles[i, j + 1] * t
    low = tiles[i + 1, j] * (1 - t) + tiles[i + 1, j + 1] * t
    return top * (1 - t[:, None]) + low * t[:, None] + 0.1 * noise


def zones(
    path: Path, bounds: tuple[float, float, float, float], n: int, rng: np.random.Generator,
    **column: tuple[float, float],
) -> None:  # fmt: skip
    """A checkerboard of pools with a supply."""
    west, south, east, north = bounds
    x, y = np.linspace(west, east, n + 1), np.linspace(south, north, n + 1)
    shapes = [box(x[i], y[j], x[i + 1], y[j + 1]) for j in range(n) for i in range(n)]
    ((name, (low, high)),) = column.items()
    data = {"name": [f"{path.stem} {i}" for i in range(n * n)], name: rng.uniform(low, high, n * n)}
    gpd.GeoDataFrame(data, geometry=shapes, crs=CRS).to_file(path)


def places(
    path: Path, bounds: tuple[float, float, float, float], n: int, rng: np.random.Generator
) -> None:
    """Storage units: squares of 5 km."""
    west, south, east, north = bounds
    x, y = rng.uniform(west, east - 5000, n), rng.uniform(south, north - 5000, n)
    shapes = [box(a, b, a + 5000, b + 5000) for a, b in zip(x, y, strict=True)]
    data = {
        "name": [f"unit {i}" for i in range(n)], "mt": rng.uniform(50, 500, n),
        "mt_yr": rng.uniform(1, 10, n), "usd_t": rng.uniform(5, 15, n),
    }  # fmt: skip
    gpd.GeoDataFrame(data, geometry=shapes, crs=CRS).to_file(path)


def run(folder: Path, options: list[str], out: str = "out") -> dict[str, float]:
    """Run the scenario as a process; seconds by stage, wall time and peak memory [GB]."""
    target = folder / out
    command = [sys.executable, "-m", "cdrsite.cli.main", "run", str(folder / "nation.yaml")]
    start = time.perf_counter()
    process = subprocess.Popen([*command, "--out", str(target), "--quiet", *options])
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        raise SystemExit(f"the run failed: {status}")
    found = json.loads((target / "manifest.json").read_text())
    return {
        **found["timings_s"], "wall": round(wall, 1),
        "peak GB": round(gigabytes(usage), 2), "cpu": round(usage.ru_utime + usage.ru_stime),
    }  # fmt: skip


def gigabytes(usage: resource.struct_rusage) -> float:
    """Peak memory [GB]; the system counts in KiB."""
    return usage.ru_maxrss * 1024 / 1e9


def read_all(folder: Path) -> float:
    """Seconds that GDAL needs to read the inputs, a file per thread."""

    def one(name: str) -> None:
        with rasterio.Env(GDAL_CACHEMAX=256 * 2**20), rasterio.open(folder / f"{name}.tif") as file:
            for row in range(0, file.height, 1024):
                file.read(1, window=Window(0, row, file.width, min(1024, file.height - row)))

    start = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, LAYERS))
    return time.perf_counter() - start


def write_all(rasters: Path, scratch: Path) -> float:
    """Seconds that GDAL needs to write the outputs with the same compression, a file per thread."""
    scratch.mkdir(exist_ok=True)
    names = sorted(path.name for path in rasters.glob("*.tif"))
    total = 0.0
    for name in names:
        # uncompressed first, and not counted: only the writing shall be
        rasterio.shutil.copy(rasters / name, scratch / name, driver="GTiff", tiled=True,
                             compress="none", bigtiff="IF_SAFER")  # fmt: skip
        with rasterio.open(rasters / name) as file:
            quantity = file.dtypes[0] == "float32"
        start = time.perf_counter()
        with rasterio.Env(GDAL_CACHEMAX=512 * 2**20):
            rasterio.shutil.copy(
                scratch / name, scratch / f"cog-{name}", driver="COG", compress="deflate",
                predictor="YES" if quantity else "NO", blocksize=512, num_threads="2",
                overview_resampling="average" if quantity else "mode", bigtiff="IF_SAFER",
            )  # fmt: skip
        total += time.perf_counter() - start
        (scratch / name).unlink()
        (scratch / f"cog-{name}").unlink()
    return total


def stream(folder: Path, workers: int) -> None:
    """Exclusions and scores of the whole grid on disk: cells per second, peak memory.

    By two threads, or by processes that have been started before.
    """
    from cdrsite.config.load import load_scenario
    from cdrsite.engine.cluster import Cluster, connected
    from cdrsite.engine.passes import Threads, Workspace
    from cdrsite.study.cells import score
    from cdrsite.study.exclude import exclude
    from cdrsite.study.offers import in_workspace, spread_areas
    from cdrsite.study.prepare import prepare

    scratch = folder / "stream"
    shutil.rmtree(scratch, ignore_errors=True)
    simple = ["resources.storage={unlimited: true}"]
    setting = prepare(load_scenario(folder / "nation.yaml", simple))
    space = Workspace.in_folder(scratch, setting.block_size, runner=Threads(2), threads=2)
    stack = ExitStack()
    if workers:
        client = stack.enter_context(connected(None, workers))
        space = space.with_runner(Cluster(client))
    cells, start = setting.area.grid.size, time.perf_counter()
    exclude(setting, space)
    excluded = time.perf_counter()
    offers = in_workspace(spread_areas(setting, space, None), None, (), space)
    begun = time.perf_counter()
    score(setting, offers, space)
    end = time.perf_counter()
    stack.close()
    memory = gigabytes(resource.getrusage(resource.RUSAGE_SELF))
    print(
        f"{cells:,} cells: exclusions {cells / (excluded - start) / 1e6:.2f}, scores "
        f"{cells / (end - begun) / 1e6:.2f}, both {cells / (end - start) / 1e6:.2f} million "
        f"cells/s; peak memory {memory:.2f} GB"
    )
    shutil.rmtree(scratch)


def compare_workers(folder: Path, options: list[str]) -> None:
    """Seconds of one and of two processes on the stages whose blocks they share."""
    seconds = []
    for workers in ("1", "2"):
        found = run(folder, ["--workers", workers, *options])
        print(workers, json.dumps(found), flush=True)
        seconds.append(sum(found[name] for name in SHARED))
    print(f"two processes: {seconds[0] / seconds[1]:.2f} times one ({', '.join(SHARED)})")


def curve(
    folder: Path, sides: list[int], texture: str, sinks: int, options: list[str],
    picture: Path | None,
) -> None:  # fmt: skip
    """Cost per cell of grids of 1 to 100 million cells, printed and drawn."""
    sizes, parts, whole = [], [], []
    for side in sides:
        target = folder / str(side)
        if not (target / "nation.yaml").exists():
            make(target, side, side, texture, sinks)
        if not sizes:  # kernels are compiled once, whatever the size
            run(target, options)
        found = run(target, options)
        sizes.append(side**2)
        parts.append(sum(found.get(name, 0.0) for name in PER_CELL) / side**2 * 1e9)
        whole.append(found["wall"] / side**2 * 1e9)
        print(
            f"{side**2:>11,} cells: per-cell {parts[-1]:8.1f} ns per cell, "
            f"all {whole[-1]:8.1f} ns, {found['peak GB']} GB",
            json.dumps(found), flush=True,
        )  # fmt: skip
    if picture is not None:
        draw(sizes, {"stages that go cell by cell": parts, "whole run": whole}, picture)


def draw(sizes: list[int], lines: dict[str, list[float]], path: Path) -> None:
    """Nanoseconds per cell against the number of cells, as a picture."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
    for (label, values), colour in zip(lines.items(), ("#0072B2", "#D55E00"), strict=True):
        axes.plot([size / 1e6 for size in sizes], values, "o-", color=colour, label=label)
        axes.annotate(
            f"{values[-1]:,.0f}", (sizes[-1] / 1e6, values[-1]), (0, 7), color=colour, ha="center",
            textcoords="offset points",
        )  # fmt: skip
    axes.set(
        xscale="log", ylim=(0, None), xlabel="cells [million]", ylabel="time per cell [ns]",
        title="Cost per cell, 10 inputs, 4 methods, 3 storage units per cell, 2 cores",
    )  # fmt: skip
    axes.title.set_size(10)
    axes.set_xticks([size / 1e6 for size in sizes], [f"{size / 1e6:g}" for size in sizes])
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=130)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("make", "run", "floor", "stream", "curve", "workers"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--cols", type=int, default=10_000)
    parser.add_argument("--texture", choices=("ground", "tiles"), default="ground")
    parser.add_argument("--sinks", type=int, default=3)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--sides", type=int, nargs="+", default=list(SIDES), help="of the curve")
    parser.add_argument("--workers", type=int, default=0, help="processes of stream")
    asked, more = parser.parse_known_args()
    options = [word for word in more if word != "--"]
    if asked.what == "make":
        make(asked.folder, asked.rows, asked.cols, asked.texture, asked.sinks)
    elif asked.what == "run":
        print(json.dumps(run(asked.folder, options), indent=1))
    elif asked.what == "stream":
        stream(asked.folder.resolve(), asked.workers)
    elif asked.what == "floor":
        read = read_all(asked.folder)
        write = write_all(asked.folder / "out" / "rasters", asked.folder / "scratch")
        print(f"GDAL alone: read {read:.1f} s, write {write:.1f} s, together {read + write:.1f} s")
        seconds = json.loads((asked.folder / "out" / "manifest.json").read_text())["timings_s"]
        mine = sum(seconds.get(name, 0.0) for name in PER_CELL)
        print(f"per-cell stages {mine:.1f} s: {mine / (read + write):.2f} times that")
    elif asked.what == "curve":
        curve(asked.folder, asked.sides, asked.texture, asked.sinks, options, asked.picture)
    else:
        compare_workers(asked.folder, options)
    print(f"largest child: {gigabytes(resource.getrusage(resource.RUSAGE_CHILDREN)):.2f} GB")


if __name__ == "__main__":
    main()

"""Coverage by polygons beside exactextract and rasterio, and a region's eligibility beside atlite.

    python benchmarks/bench_siting.py --side 3000 --polygons 400
    CDRSITE_CASES=CASES python benchmarks/bench_siting.py --eligible

Coverage: the share of every cell that random polygons of some 60 edges cover, by turns in one
process; exactextract gives it polygon by polygon (with cell numbers and without), rasterio burns
centres of cells. Eligible: the Aachen region (protected areas, main roads and 200 m around them,
slope, land cover; cells of 100 m), each in processes of its own; the second call of a process
shows what the first one spends on imports and kernels. Processor time; ratios are theirs over
ours. A program that is not installed is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

STEP = 100.0
OURS = """
import numpy as np, cdrsite
from cdrsite.config.load import parse_scenario
from cdrsite.siting.exclusions import exclude_block, rule_book
from cdrsite.study.prepare import open_layers
def eligible(folder):
    rules = '''
    - {name: natura, layer: natura}
    - {name: cdda, layer: cdda}
    - {name: roads, layer: roads, where: "type in ('motorway', 'primary', 'trunk')", buffer: 200 m}
    - {name: steep, layer: slope, above: 10 degree}
    - {name: built, layer: clc, classes: "1-11"}'''
    text = f'''
name: aachen
data_folder: {folder}
region: {{boundary: region.gpkg}}
grid: {{crs: "EPSG:3035", resolution: 100 m, rasterise: centre}}
layers:
  natura: {{path: natura2000.gpkg}}
  cdda: {{path: cdda.gpkg}}
  roads: {{path: roads.gpkg}}
  clc: {{path: clc.tif, preset: corine-grid}}
  slope: {{path: slope_deg.tif, unit: degree, kind: intensive}}
siting:
  exclude:{rules}
methods: {{daccs-solid: {{}}}}
'''
    scenario = parse_scenario(text, folder / 'aachen.yaml')
    stack, cells = open_layers(scenario), 0
    book = rule_book(scenario.siting.exclude, (), {'any': ()})
    for block in stack.grid.blocks():
        part = exclude_block(book, stack, block, stack.area.inside(block))
        cells += int((next(iter(part.available.values())) > 0).sum())
    return cells
"""
ATLITE = """
import geopandas as gpd
from atlite.gis import ExclusionContainer, shape_availability
def eligible(folder):
    region = gpd.read_file(folder / 'region.gpkg').to_crs(3035)
    rules = ExclusionContainer(crs=3035, res=100)
    rules.add_geometry(folder / 'natura2000.gpkg')
    rules.add_geometry(folder / 'cdda.gpkg')
    roads = gpd.read_file(folder / 'roads.gpkg')
    main = roads[roads['type'].isin(['motorway', 'primary', 'trunk'])]
    rules.add_geometry(main.geometry.to_crs(3035), buffer=200)
    rules.add_raster(folder / 'slope_deg.tif', codes=lambda slope: slope > 10)
    rules.add_raster(folder / 'clc.tif', codes=range(1, 12))
    return int(shape_availability(region.geometry, rules)[0].sum())
"""
CALLS = """
import json, sys, time
from pathlib import Path
spent, cells = [time.process_time()], 0
for _ in range(int(sys.argv[2])):
    cells = eligible(Path(sys.argv[1]))
    spent.append(time.process_time())
print(json.dumps([cells, spent]))
"""


def spent(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def coverage(side: int, count: int, repeats: int) -> None:
    """Shares of cells, by turns."""
    import geopandas as gpd
    import numpy as np
    import shapely
    import xarray as xr
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource
    from rasterio.features import rasterize
    from rasterio.transform import from_origin

    import cdrsite

    rng, width = np.random.default_rng(0), side * STEP
    turn = np.sort(rng.uniform(0, 2 * np.pi, (count, 60)), axis=1)
    far = rng.uniform(0.01, 0.04, (count, 1)) * width * rng.uniform(0.6, 1.0, (count, 60))
    at = rng.uniform(0.05 * width, 0.95 * width, (count, 1, 2))
    edges = at + np.stack([far * np.cos(turn), far * np.sin(turn)], axis=2)
    shapes = gpd.GeoDataFrame(geometry=shapely.polygons(edges), crs="EPSG:3035")
    middle = (np.arange(side) + 0.5) * STEP
    like = xr.DataArray(
        np.zeros((side, side), np.float32), {"y": middle[::-1], "x": middle}, ("y", "x")
    )
    like.attrs["crs"] = "EPSG:3035"
    raster = NumPyRasterSource(like.to_numpy(), 0, 0, width, width, srs_wkt=shapes.crs.to_wkt())
    place = from_origin(0, width, STEP, STEP)
    rivals: dict[str, Callable[[], Any]] = {
        "exactextract with cells": lambda: exact_extract(raster, shapes, ["cell_id", "coverage"]),
        "exactextract, sums": lambda: exact_extract(raster, shapes, ["count"]),
        "rasterio, centres": lambda: rasterize(shapes.geometry, (side, side), transform=place),
    }
    cdrsite.coverage(like, shapes[:1])  # compiles
    for _ in range(repeats):
        ours = spent(lambda: cdrsite.coverage(like, shapes))
        theirs = ((name, spent(work)) for name, work in rivals.items())
        said = ", ".join(f"{name} {one:.2f} s: {one / ours:.1f}" for name, one in theirs)
        print(f"coverage of {side**2:,} cells: ours {ours:.2f} s; {said}", flush=True)


def eligibility(cases: Path) -> None:
    """First, second and whole: ours beside atlite's."""
    folder, found = cases / "aachen", {}
    if not folder.is_dir():
        print("no folder with the Aachen case: CDRSITE_CASES says where the cases are")
        return
    for name, code in {"ours": OURS, "atlite": ATLITE}.items():
        whole, calls, cells = [], [], 0
        for number in (1, 2, 1, 2):
            words = [sys.executable, "-c", code + CALLS, str(folder), str(number)]
            before = os.times()
            ran = subprocess.run(words, capture_output=True, text=True, check=False)
            after = os.times()
            if ran.returncode:
                print(f"{name} did not run: {ran.stderr.strip().splitlines()[-1]}")
                break
            cells, marks = json.loads(ran.stdout.splitlines()[-1])
            if number == 1:
                used = after.children_user + after.children_system
                whole.append(used - before.children_user - before.children_system)
            else:
                calls.append((marks[1] - marks[0], marks[2] - marks[1]))
        else:
            first, second = (min(one) for one in zip(*calls, strict=True))
            found[name] = min(whole), first, second
            print(
                f"{name}: {cells} cells; a process with one call {found[name][0]:.2f} s, "
                f"first call {first:.2f} s, second {second:.2f} s"
            )
    if len(found) == 2:
        ratios = (b / a for a, b in zip(found["ours"], found["atlite"], strict=True))
        print("atlite over ours: process {:.2f}, first call {:.2f}, second {:.2f}".format(*ratios))


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=3000, help="side of the grid [cells]")
    parser.add_argument("--polygons", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--eligible", action="store_true", help="the Aachen region alone")
    asked = parser.parse_args()
    if asked.eligible:
        eligibility(Path(os.environ.get("CDRSITE_CASES", "cases")))
    else:
        coverage(asked.side, asked.polygons, asked.repeats)


if __name__ == "__main__":
    main()

"""Distances to the nearest feature beside scipy and xarray-spatial, by turns in one process.

    python benchmarks/bench_nearest.py --side 2000 --lines 300

Ours are exact to the edges of lines and see features outside of the grid; the others measure
between centres of cells that a line touches. xarray-spatial is left out where it is not installed.
Processor time per cell; ratios are theirs over ours.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
import xarray as xr
from rasterio.features import rasterize
from rasterio.transform import from_origin
from scipy.ndimage import distance_transform_edt

from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.layers.nearest import Nearest

STEP = 1000.0


def lines_of(count: int, side: int, away: float) -> Any:
    """Winding lines of 200 edges of two cells each, ``away`` grids to the west."""
    rng, lines = np.random.default_rng(0), []
    for _ in range(count):
        turn = np.cumsum(rng.normal(0, 0.3, 200)) + rng.uniform(0, 2 * np.pi)
        start = rng.uniform(0, side, 2) - [away * side, 0]
        steps = np.cumsum(np.column_stack([np.cos(turn), np.sin(turn)]) * 2, axis=0)
        lines.append(shapely.LineString((start + steps) * STEP))
    return np.array(lines)


def spent(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=2000, help="side of the grid [cells]")
    parser.add_argument("--lines", type=int, default=300)
    parser.add_argument("--away", type=float, default=0.0, help="how far west [grids]")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    side = asked.side
    grid = AnalysisGrid.from_bounds("EPSG:3035", (0, 0, side * STEP, side * STEP), STEP, snap=None)
    lines = lines_of(asked.lines, side, asked.away)
    block = Block(0, side, 0, side)

    def touched() -> Any:
        place = from_origin(0, side * STEP, STEP, STEP)
        return rasterize(lines, (side, side), transform=place, all_touched=True, dtype="uint8")

    rivals: dict[str, Callable[[], Any]] = {
        "scipy": lambda: distance_transform_edt(touched() == 0, sampling=STEP)
    }
    try:
        from xrspatial import proximity
    except ImportError:
        print("xarray-spatial is not installed")
    else:
        dims = {"y": grid.y, "x": grid.x}
        rivals["xarray-spatial"] = lambda: proximity(xr.DataArray(touched(), coords=dims))
    Nearest(lines[:1], grid).distance(Block(0, 9, 0, 9))  # compiles
    for work in rivals.values():
        work()
    for _ in range(asked.repeats):
        ours = spent(lambda: Nearest(lines, grid).distance(block))
        theirs = {name: spent(work) for name, work in rivals.items()}
        print(
            f"ours {ours / side**2 * 1e9:.0f} ns; "
            + ", ".join(
                f"{name} {one / side**2 * 1e9:.0f} ns: {one / ours:.2f}"
                for name, one in theirs.items()
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()

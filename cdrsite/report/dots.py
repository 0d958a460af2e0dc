"""The plan as dots: each stands for the same tonnes, and lies where they are removed.

Circles tell the tonnes of a place, colours its land; dots are counted, and many beside one another
are much, whatever they lie on.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.competition.preference import along_curve
from cdrsite.core.crs import LONLAT, transformer
from cdrsite.explain.cells import is_study, methods_of
from cdrsite.outputs.palette import method_colour
from cdrsite.outputs.tonnes import net_in_plan
from cdrsite.report.curve import round_step

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import ArrayLike, NDArray

    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.core.words import Words

MOST_DOTS = 1000
"""At most; a dot stands for 1, 2 or 5 times a power of ten tonnes."""
MOST_CELLS = 4_000_000
"""Of a larger grid the cells are not read for it."""
APART = 1 / 250
"""Between dots of one cell, as part of the map's longer side."""
TURN = math.pi * (3 - math.sqrt(5))
"""Between one dot of a cell and the next, as seeds of a sunflower lie."""
DIGITS = 4


def dot_layer(dataset: xr.Dataset, grid: AnalysisGrid, words: Words) -> dict[str, Any] | None:
    """Dots of the plan for the map.

    Parameters
    ----------
    dataset : xr.Dataset
        Of a run.
    grid : AnalysisGrid
        Of the dataset.
    words : Words
        Language.

    Returns
    -------
    dict or None
        As the layers of :func:`cdrsite.report.mapvectors.vector_layers`: a shape for each method,
        whose size is what a dot stands for [t/yr]. None where nothing is planned, or the grid is
        large.
    """
    if not is_study(dataset) or "allocated" not in dataset or grid.size > MOST_CELLS:
        return None
    whole = (slice(0, grid.rows), slice(0, grid.cols))
    methods = methods_of(dataset)
    net = [np.nan_to_num(net_in_plan(dataset, i, whole)) for i in range(len(methods))]
    total = math.fsum(float(one[one > 0].sum()) for one in net)
    if not total > 0:
        return None
    each = round_step(total / MOST_DOTS)
    # neighbours follow one another, so a dot stands for tonnes that lie together
    row, col = np.divmod(np.arange(grid.size), grid.cols)
    order = np.argsort(along_curve(row, col, grid.shape), kind="stable")
    shapes = []
    for method, one in zip(methods, net, strict=True):
        cells = dotted(one.ravel()[order], each)
        if not cells.size:
            continue
        called = words.method(method)
        geometry = {"type": "MultiPoint", "coordinates": _degrees(order[cells], grid)}
        colour = method_colour(method, methods)
        shapes.append(
            {"geometry": geometry, "title": called, "facts": [], "colour": colour, "size": each}
        )
    if not shapes:
        return None
    title = words("map.vector.dots")
    return {
        "title": title, "kind": "dots", "shown": False, "scale": "map.scale.dots",
        "shapes": shapes,
    }  # fmt: skip


def dotted(net: ArrayLike, each: float) -> NDArray[np.int64]:
    """Positions of the cells that have dots, once for each dot.

    Parameters
    ----------
    net : array_like, shape (cells,)
        Tonnes of cells in an order that keeps neighbours together [t/yr]; none where below 0.
    each : float
        What a dot stands for [t/yr].

    Returns
    -------
    ndarray of int64
        As many as the tonnes make, rounded: a dot lies where the middle of its tonnes is.
    """
    sums = np.cumsum(np.maximum(np.asarray(net, np.float64), 0.0))
    count = int(sums[-1] / each + 0.5) if sums.size else 0
    middles = (np.arange(count) + 0.5) * each
    return np.minimum(np.searchsorted(sums, middles), sums.size - 1).astype(np.int64)


def _degrees(cells: NDArray[np.int64], grid: AnalysisGrid) -> list[list[float]]:
    """Longitude and latitude of dots; those of one cell lie around its middle."""
    order = np.sort(cells, kind="stable")
    _, first, counts = np.unique(order, return_index=True, return_counts=True)
    nth = np.arange(order.size) - np.repeat(first, counts)
    alone = np.repeat(counts, counts) == 1
    apart = APART * max(grid.rows, grid.cols) * grid.resolution
    away = np.where(alone, 0.0, apart * np.sqrt(nth + 0.5))
    row, col = np.divmod(order, grid.cols)
    x = np.asarray(grid.x)[col] + away * np.cos(TURN * nth)
    y = np.asarray(grid.y)[row] + away * np.sin(TURN * nth)
    lon, lat = transformer(grid.wkt, LONLAT).transform(x, y)
    return [
        [round(float(a), DIGITS), round(float(b), DIGITS)] for a, b in zip(lon, lat, strict=True)
    ]

"""Where the tonnes of a plan are: circles for the plants of a place, or for cells of a square.

A map that colours cells shows area. A plant makes the tonnes of thousands of cells of trees on one
of them, so a reader of colours alone takes the plan for something else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.numbers import brief
from cdrsite.core.states import EXCLUDED, NET_NOT_POSITIVE
from cdrsite.core.words import Words
from cdrsite.outputs.styles import StyleRule, Symbol, quoted

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr
    from numpy.typing import NDArray

    from cdrsite.core.grid import AnalysisGrid

LAYER = "tonnes"
"""Name of the layer."""
SQUARES = 14
"""Squares along the longer side of the map whose cells share a circle."""
ROWS = 1024
"""Rows of cells that are read at once."""
ROUNDING = 1e-6
"""Below this share of a method's tonnes what its plants leave is rounding."""
NET = "net_t_yr"
LARGEST_MM, LEAST_MM = 12.0, 0.6
"""Diameter of the circle of the most tonnes, and of the smallest that is drawn [mm]."""
SIZE_COLOUR = "#B9BEC4"
"""Of the circles of a legend that stand for sizes."""


def read_block(
    data: xr.Dataset, name: str, at: tuple[slice, slice], method: int | None = None
) -> NDArray[np.float64]:
    """A variable of a dataset in a block; of one method where it has one for each."""
    values = data[name]
    if "removal_method" in values.dims:
        values = values.isel(removal_method=method)
    if "y" in values.dims:
        values = values.isel(y=at[0], x=at[1])
    return np.array(values.to_numpy(), np.float64)  # a copy: who asks may change it


def net_in_plan(data: xr.Dataset, method: int, at: tuple[slice, slice]) -> NDArray[np.float64]:
    """Net removal of one method in the plan [t/yr].

    Parameters
    ----------
    data : xr.Dataset
        Of a run.
    method : int
        Position of the method.
    at : tuple of slice
        Rows and columns.

    Returns
    -------
    ndarray, shape (rows, cols)
        NaN where it is unknown; what is excluded removes nothing.
    """
    gross = read_block(data, "allocated", at, method)
    gross[np.isin(read_block(data, "limit", at, method), (EXCLUDED, NET_NOT_POSITIVE))] = 0.0
    if {"net_at_plant", "stored_share", "sink_loss"} <= set(data.data_vars):
        lost = read_block(data, "stored_share", at, method) * read_block(
            data, "sink_loss", at, method
        )
        factor = read_block(data, "net_at_plant", at, method) - lost
    else:  # a dataset without the evidence: with the cheapest storage
        factor = read_block(data, "net_factor", at, method)
    return np.where(gross == 0, 0.0, gross * factor)


def plan_circles(
    data: xr.Dataset, grid: AnalysisGrid, plants: gpd.GeoDataFrame | None = None
) -> gpd.GeoDataFrame:
    """Net removal of the plan by method and place.

    Parameters
    ----------
    data : xr.Dataset
        Of a run, with the plan.
    grid : AnalysisGrid
        Of the dataset.
    plants : GeoDataFrame, optional
        Plants of the plan, with ``method`` and ``gross_t_yr`` [t/yr]. They stand for the tonnes
        that they gather: each has its share of the method's net removal, and those of one place
        have one circle. What they leave, too little for a plant in its place, is spread over the
        squares as all tonnes of the method are.

    Returns
    -------
    GeoDataFrame
        Points with ``method``, ``net_t_yr`` [t/yr] and ``cells``, the largest first. Squares of
        cells whose net removal is not positive have none. What is unknown is not counted.
    """
    import geopandas as gpd
    import pandas as pd

    parts = []
    for index, method in enumerate(np.atleast_1d(data["removal_method"].to_numpy()).tolist()):
        squares, gross = _squares(data, grid, index)
        own = None if plants is None else plants[plants["method"] == method]
        if own is not None and len(own) and gross > 0:
            made = float(own["gross_t_yr"].sum())
            share = own["gross_t_yr"].to_numpy() / max(made, gross)
            cells = own["cells"].to_numpy() if "cells" in own else np.zeros(len(own), np.int64)
            place = {"x": own.geometry.x.to_numpy(), "y": own.geometry.y.to_numpy()}
            at = pd.DataFrame(
                {NET: share * squares[NET].sum(), "cells": cells.astype(np.int64), **place}
            )
            # circles of one place would hide each other, and with them most of the tonnes
            at = at.groupby(["x", "y"], sort=False, as_index=False).sum()
            left = 1.0 - made / gross
            squares[NET] *= left
            squares = pd.concat([at, squares], ignore_index=True) if left > ROUNDING else at
        squares.insert(0, "method", str(method))
        parts.append(squares[squares[NET] > 0])
    table = pd.concat(parts, ignore_index=True)
    table = table.sort_values(NET, ascending=False, kind="stable", ignore_index=True)
    points = gpd.points_from_xy(table["x"].astype(float), table["y"].astype(float))
    return gpd.GeoDataFrame(table.drop(columns=["x", "y"]), geometry=points, crs=grid.wkt)


def _squares(data: xr.Dataset, grid: AnalysisGrid, method: int) -> tuple[Any, float]:
    """Net removal, cells and middle of the tonnes of each square, and all gross tonnes."""
    import pandas as pd

    side = max(1, math.ceil(max(grid.rows, grid.cols) / SQUARES))
    wide = math.ceil(grid.cols / side)
    count = math.ceil(grid.rows / side) * wide
    sums = np.zeros((5, count))
    gross = 0.0
    columns, xs, ys = np.arange(grid.cols) // side, np.asarray(grid.x), np.asarray(grid.y)
    for first in range(0, grid.rows, ROWS):
        rows = slice(first, min(first + ROWS, grid.rows))
        at = (rows, slice(0, grid.cols))
        net = np.nan_to_num(net_in_plan(data, method, at))
        if not net.any():
            continue
        gross += float(np.nansum(read_block(data, "allocated", at, method)))
        square = (np.arange(rows.start, rows.stop) // side)[:, None] * wide + columns[None, :]
        some = np.maximum(net, 0.0)  # the middle is that of what is removed
        weights = (net, net != 0, some, some * xs[None, :], some * ys[rows][:, None])
        sums += [np.bincount(square.ravel(), weight.ravel(), count) for weight in weights]
    net, cells, some, x, y = sums[:, sums[0] > 0]
    squares = {NET: net, "cells": cells.astype(np.int64), "x": x / some, "y": y / some}
    return pd.DataFrame(squares), gross


def round_sizes(most: float) -> list[float]:
    """Round amounts for a legend of sizes, the largest first, none above the largest circle.

    Parameters
    ----------
    most : float
        Tonnes of the largest circle [t/yr].

    Returns
    -------
    list of float
        At most three of 1, 2 and 5 times a power of ten [t/yr]; each about a fifth of the one
        before.
    """
    if not (math.isfinite(most) and most > 0):
        return []
    power = 10.0 ** math.floor(math.log10(most))
    steps = [m * p for p in (power, power / 10, power / 100) for m in (5, 2, 1)]
    first = next(i for i, step in enumerate(steps) if step <= most * (1 + 1e-9))
    found = [steps[first]]
    for step in steps[first + 1 :]:
        if step <= found[-1] / 4 and len(found) < 3:
            found.append(step)
    return found


def size_in_words(tonnes: float, words: Words | None = None) -> str:
    """An amount of a legend of sizes, in Mt/yr: "0.05 Mt/yr"."""
    return f"{brief(tonnes / 1e6)} {(words or Words()).unit('Mt/yr')}"


def sized(
    rules: Sequence[StyleRule],
    column: str,
    values: Any,
    words: Words | None = None,
    largest: float = 0.0,
) -> list[StyleRule]:
    """Circles whose area grows with a column, and lines of the legend that say how.

    Parameters
    ----------
    rules : sequence of StyleRule
        Markers.
    column : str
        What the area is.
    values : array_like
        Of the column.
    words : Words, optional
        Of the language; English when not given.
    largest : float
        What the largest circle stands for at least: that of other circles on the same map.
    """
    known = np.asarray(values, np.float64)
    if not (known[np.isfinite(known)] > 0).any():
        return list(rules)
    most = float(known[np.isfinite(known)].max(initial=largest))
    per = LARGEST_MM / math.sqrt(most)
    grown = f"max({LEAST_MM}, {per!r} * sqrt({quoted(column)}))"
    sized = [replace(rule, symbol=replace(rule.symbol, grows=grown)) for rule in rules]
    signs = [
        StyleRule(
            "FALSE",
            size_in_words(size, words),
            Symbol("marker", SIZE_COLOUR, per * math.sqrt(size)),
        )
        for size in round_sizes(most)
    ]
    return [*sized, *signs]

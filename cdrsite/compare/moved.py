"""Where tonnes were gained and lost between two runs on one grid, by method and square of cells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.outputs.tonnes import LAYER, NET, SQUARES, plan_circles

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.outputs.runfolder import RunFolder

CHANGE = "change_t_yr"
ROUNDING = 1e-9
"""Changes below this share of the tonnes themselves are their rounding."""
DRAWN = 1e-3
"""Tonnes, gained or lost or there, below this share of the largest are not drawn: their circles
would be dots."""


@dataclass(frozen=True)
class Moved:
    """Tonnes by method and square in two runs.

    Attributes
    ----------
    circles : GeoDataFrame
        Points with ``method``, ``before_t_yr``, ``after_t_yr`` and ``change_t_yr`` [t/yr], the
        largest changes first; only what changed.
    """

    circles: gpd.GeoDataFrame

    def sums(self) -> tuple[float, float]:
        """Tonnes gained, and tonnes lost as a positive number [t/yr]."""
        change = self.circles[CHANGE].to_numpy()
        return math.fsum(change[change > 0]), -math.fsum(change[change < 0])

    def places(self) -> tuple[int, int]:
        """In how many places tonnes of a method are gained, and lost."""
        change = self.circles[CHANGE].to_numpy()
        return int((change > 0).sum()), int((change < 0).sum())

    def table(self) -> pd.DataFrame:
        """Place, method, tonnes before and after and their change, as plain columns."""
        points = self.circles.geometry.to_crs("EPSG:4326")
        table = self.circles.drop(columns="geometry")
        table.insert(1, "lon", points.x)
        table.insert(2, "lat", points.y)
        return table

    def gained(self) -> gpd.GeoDataFrame:
        """Points with ``method`` and the tonnes gained there [t/yr]."""
        return self._circles(1.0)

    def lost(self) -> gpd.GeoDataFrame:
        """Points with ``method`` and the tonnes lost there, as positive numbers [t/yr]."""
        return self._circles(-1.0)

    def _circles(self, sign: float) -> gpd.GeoDataFrame:
        sized = self.circles.assign(**{NET: sign * self.circles[CHANGE]})
        return sized.loc[sized[NET] > 0, ["method", NET, "geometry"]]


def moved_tonnes(a: RunFolder, b: RunFolder, grid: AnalysisGrid) -> Moved:
    """Tonnes that each square of the grid gained or lost, by method.

    Where both runs have plants, or neither has, these are the circles of their own maps, summed in
    squares. Where one has, a plant stands for cells all around: then the tonnes are those of cells.

    Parameters
    ----------
    a, b : RunFolder
        Of one grid.
    grid : AnalysisGrid
        Of both.
    """
    import geopandas as gpd
    import pandas as pd

    alike = ("plants" in a.layers) == ("plants" in b.layers)
    parts = []
    for end, run in (("before_t_yr", a), ("after_t_yr", b)):
        own = alike and LAYER in run.layers
        circles = run.layer(LAYER) if own else plan_circles(run.dataset(), grid)
        parts.append(_squares(circles, grid).rename(columns={NET: end}))
    both = pd.concat(parts, ignore_index=True).fillna({"before_t_yr": 0.0, "after_t_yr": 0.0})
    weight = both["before_t_yr"] + both["after_t_yr"]
    both["x"], both["y"] = both["x"] * weight, both["y"] * weight
    table = both.groupby(["method", "square"], sort=True, as_index=False).sum()
    before, after = table["before_t_yr"], table["after_t_yr"]
    table["x"], table["y"] = table["x"] / (before + after), table["y"] / (before + after)
    table[CHANGE] = after - before
    table = table[table[CHANGE].abs() > ROUNDING * np.maximum(before, after)]
    order = table[CHANGE].abs().sort_values(ascending=False, kind="stable").index
    table = table.loc[order].reset_index(drop=True)
    points = gpd.points_from_xy(table["x"].astype(float), table["y"].astype(float))
    kept = table[["method", "before_t_yr", "after_t_yr", CHANGE]]
    return Moved(gpd.GeoDataFrame(kept, geometry=points, crs=grid.wkt))


def _squares(circles: gpd.GeoDataFrame, grid: AnalysisGrid) -> pd.DataFrame:
    """Tonnes, and their middle, of each method and square."""
    import pandas as pd

    side = max(1, math.ceil(max(grid.rows, grid.cols) / SQUARES))
    wide = math.ceil(grid.cols / side)
    x, y, net = circles.geometry.x, circles.geometry.y, circles[NET].astype(float)
    col, row = ~grid.transform * (x.to_numpy(), y.to_numpy())
    square = np.clip(np.floor(row / side), 0, None) * wide + np.clip(np.floor(col / side), 0, None)
    table = pd.DataFrame(
        {
            "method": circles["method"].astype(str).to_numpy(),
            "square": square.astype(np.int64),
            NET: net.to_numpy(),
            "x": (x * net).to_numpy(),
            "y": (y * net).to_numpy(),
        }
    )
    sums = table.groupby(["method", "square"], sort=True, as_index=False).sum()
    sums["x"], sums["y"] = sums["x"] / sums[NET], sums["y"] / sums[NET]
    return sums

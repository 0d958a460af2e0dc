"""Whether a system can be brought to the grid's as well as is known: files of datum shifts."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING

from cdrsite.core.crs import LONLAT, transformer
from cdrsite.core.errors import CdrsiteWarning, message

if TYPE_CHECKING:
    from cdrsite.core.grid import AnalysisGrid

TOLERANCE = 0.02
"""Part of a cell that positions may be off by without a word."""


def warn_of_datum(wkt: str, grid: AnalysisGrid, where: str) -> None:
    """Say so where positions are less true than they could be, for want of a file.

    Parameters
    ----------
    wkt : str
        System of a layer.
    grid : AnalysisGrid
        The grid.
    where : str
        Layer and file.

    Warns
    -----
    CdrsiteWarning
        PROJ's best transformation needs files that are not installed, and what it takes in their
        place is off by more than a fiftieth of a cell, or by nobody knows how much.
    """
    there = transformer(grid.wkt, LONLAT)
    west, south, east, north = grid.bounds
    lon, lat = there.transform((west + east) / 2, (south + north) / 2)
    if not (abs(lon) <= 360 and abs(lat) <= 90):
        return
    metres = float(grid.row_steps_m[1])
    found = _at_stake(wkt, grid.wkt, round(float(lon), 1), round(float(lat), 1))
    if found is None:
        return
    used, best, files = found
    if 0 <= used - best <= TOLERANCE * metres and used >= 0:
        return
    off = f"good to {used:g} m" if used >= 0 else "often off by 100 m and more"
    warnings.warn(
        f"{where}: "
        + message(
            f"its positions are {off}, where {best:g} m is possible: PROJ lacks {', '.join(files)}",
            cure=f"`projsync --file {files[0]}` installs it",
            rule=7,
        ),
        CdrsiteWarning,
        stacklevel=2,
    )


@cache
def _at_stake(
    source: str, target: str, lon: float, lat: float
) -> tuple[float, float, list[str]] | None:
    """Accuracy that is had and that which is possible [m], and the files; None if it is the best.

    An accuracy below 0 is not known.
    """
    from pyproj import CRS
    from pyproj.aoi import AreaOfInterest
    from pyproj.transformer import TransformerGroup

    systems = [CRS.from_wkt(wkt).geodetic_crs for wkt in (source, target)]
    if None in systems or systems[0] == systems[1]:
        return None
    lon = (lon + 180) % 360 - 180
    around = AreaOfInterest(
        max(-180.0, lon - 0.1), max(-90.0, lat - 0.1), min(180.0, lon + 0.1), min(90.0, lat + 0.1)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the same in pyproj's words, without the metres
        group = TransformerGroup(source, target, always_xy=True, area_of_interest=around)  # type: ignore[arg-type]
    better = [one for one in group.unavailable_operations if one.accuracy >= 0 and one.grids]
    if group.best_available or not better or not group.transformers:
        return None
    best = min(better, key=lambda one: one.accuracy)
    files = [grid.short_name for grid in best.grids if not grid.available]
    return float(group.transformers[0].accuracy), float(best.accuracy), files

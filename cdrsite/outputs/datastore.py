"""The labelled dataset on disk: Zarr format 2, CF conventions, a CRS that GDAL reads."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import GridError
from cdrsite.core.grid import AnalysisGrid

if TYPE_CHECKING:
    import xarray as xr

CHUNK = 1024
"""Rows and columns of a chunk [cells]."""


def write_zarr(path: Path, dataset: xr.Dataset, grid: AnalysisGrid) -> None:
    """Write the dataset so that xarray, GDAL and QGIS open it.

    Parameters
    ----------
    path : Path
        The store, a folder.
    dataset : xr.Dataset
        With a ``crs`` coordinate that the variables name as their grid mapping.
    grid : AnalysisGrid
        Where the arrays live.

    Notes
    -----
    Format 2, because GDAL before 3.8 and many desktop programs cannot read format 3. GDAL takes
    the CRS from the ``_CRS`` attribute of each array, others from the grid mapping (CF).
    """
    ready = dataset.copy(deep=False)
    ready["crs"].attrs.update(
        spatial_ref=grid.wkt, GeoTransform=" ".join(f"{v:.17g}" for v in grid.transform.to_gdal())
    )
    for name in list(ready.data_vars):
        # copies: the caller's attributes and encoding stay as they are
        variable = ready[name].variable.copy(deep=False)
        is_float = np.issubdtype(variable.dtype, np.floating)
        # a fill value on whole numbers would make them floating point when read back
        variable.encoding = {"_FillValue": variable.dtype.type(np.nan) if is_float else None}
        if variable.dims[-2:] == ("y", "x"):
            sizes = (min(CHUNK, grid.rows), min(CHUNK, grid.cols))
            variable.encoding["chunks"] = (1,) * (variable.ndim - 2) + sizes
            variable.attrs["_CRS"] = {"wkt": grid.wkt}
        ready[name] = variable
    options: dict[str, Any] = {"consolidated": True, "mode": "w"}
    # the argument was renamed when xarray learnt format 3
    known = inspect.signature(ready.to_zarr).parameters
    options["zarr_format" if "zarr_format" in known else "zarr_version"] = 2
    ready.to_zarr(path, **options)


def grid_of(data: xr.Dataset | xr.DataArray) -> AnalysisGrid:
    """The grid that an object's own coordinates describe.

    Raises
    ------
    GridError
        No x, y or CRS, or coordinates that are not evenly spaced and north-up.
    """
    for name in ("x", "y", "crs"):
        if name not in data.coords:
            raise GridError("the object has no such coordinate", got=f"no {name!r}", rule=1)
    x, y = data["x"].to_numpy(), data["y"].to_numpy()
    attrs = data["crs"].attrs
    wkt = str(attrs.get("spatial_ref") or attrs.get("crs_wkt") or "")
    steps = np.concatenate([np.diff(x), -np.diff(y)])
    if not wkt or not steps.size or not np.allclose(steps, steps[0], rtol=1e-6) or steps[0] <= 0:
        raise GridError(
            "the coordinates are not an even north-up grid with a CRS",
            expected="evenly spaced x to the east and y to the south, as a run writes them",
            rule=1,
        )
    step = float(steps[0])
    return AnalysisGrid(wkt, float(x[0]) - step / 2, float(y[0]) + step / 2, step, len(y), len(x))

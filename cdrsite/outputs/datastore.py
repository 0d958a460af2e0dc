"""The labelled dataset on disk: Zarr format 2, CF conventions, a CRS that GDAL reads."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

    from cdrsite.core.grid import AnalysisGrid

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
    encoding: dict[str, dict[str, Any]] = {}
    for name, variable in ready.data_vars.items():
        if variable.dims[-2:] == ("y", "x"):
            # a new attribute dictionary: the caller's dataset stays as it is
            ready[name] = variable.assign_attrs(_CRS={"wkt": grid.wkt})
            sizes = (min(CHUNK, variable.sizes["y"]), min(CHUNK, variable.sizes["x"]))
            encoding[str(name)] = {"chunks": (1,) * (variable.ndim - 2) + sizes}
        is_float = np.issubdtype(variable.dtype, np.floating)
        encoding.setdefault(str(name), {})["_FillValue"] = (
            variable.dtype.type(np.nan) if is_float else None
        )
    options: dict[str, Any] = {"consolidated": True, "encoding": encoding, "mode": "w"}
    # the argument was renamed when xarray learnt format 3
    known = inspect.signature(ready.to_zarr).parameters
    options["zarr_format" if "zarr_format" in known else "zarr_version"] = 2
    ready.to_zarr(path, **options)

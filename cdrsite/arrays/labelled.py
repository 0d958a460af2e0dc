"""Where the cells of a labelled array lie, and results that carry its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from cdrsite.core.errors import GridError
from cdrsite.core.grid import AnalysisGrid
from cdrsite.layers.cubes import X_NAMES, Y_NAMES, axis_of, cube_wkt, even_steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

SQUARE = 1e-6
"""Share by which the sides of a cell may differ [1]."""
CRS_CURE = "array.rio.write_crs('EPSG:...') of rioxarray, or a coordinate spatial_ref (CF)"


@dataclass(frozen=True)
class LabelledGrid:
    """The cells of a labelled array.

    Attributes
    ----------
    grid : AnalysisGrid
        The same cells, north up.
    y, x : str
        Dimensions of rows and columns.
    coords : mapping
        What the array says of rows, columns and CRS: results carry it.
    upside_down : bool
        The array's first row is its southernmost.
    """

    grid: AnalysisGrid
    y: str
    x: str
    coords: Mapping[Any, Any]
    upside_down: bool

    def values(self, array: xr.DataArray, dtype: Any = np.float32) -> NDArray[Any]:
        """An array (y, x) of this frame, north up; of Dask, one row of chunks at a time.

        Raises
        ------
        GridError
            Its cells are not those of the frame.
        """
        if {self.y, self.x} != set(map(str, array.dims)):
            raise GridError(
                "not an array of rows and columns",
                got=", ".join(map(str, array.dims)),
                expected=f"{self.y}, {self.x}",
                cure="choose one of the other dimension: array.isel(...)",
            )
        for name in (self.y, self.x):
            if not np.array_equal(array[name], self.coords[name]):
                raise GridError(
                    f"the arrays do not share their {name}",
                    got=f"{array.sizes[name]} values",
                    expected=f"the {self.coords[name].size} of the first array",
                    cure="array.interp_like(first), or first.rio.reproject_match(...)",
                    rule=1,
                )
        array = array.transpose(self.y, self.x)
        found = np.empty(array.shape, dtype)
        rows = array.chunks[0] if array.chunks else (array.shape[0],)
        start = 0
        for count in rows:
            found[start : start + count] = array[start : start + count].to_numpy()
            start += count
        return found[::-1] if self.upside_down else found

    def labelled(
        self,
        values: NDArray[Any],
        name: str,
        *,
        units: str = "",
        about: str = "",
        dims: Sequence[str] = (),
        **attrs: Any,
    ) -> xr.DataArray:
        """Values (..., rows, cols) of the grid with the labels of the frame."""
        if self.upside_down:
            values = values[..., ::-1, :]
        told = {"long_name": about, "units": units} if units else {"long_name": about}
        return xr.DataArray(
            values, dims=[*dims, self.y, self.x], coords=self.coords, name=name, attrs=told | attrs
        )


def frame_of(array: xr.DataArray | xr.Dataset, where: str) -> LabelledGrid:
    """Read where the cells of an array lie.

    Parameters
    ----------
    array : DataArray or Dataset
        With evenly spaced coordinates x and y, or longitude and latitude, and a CRS as CF,
        rioxarray and odc-geo write it.
    where : str
        What the array is for, for errors.

    Raises
    ------
    GridError
        No CRS, or cells that are not square.
    DataError
        No coordinates, or uneven ones.
    """
    if not isinstance(array, xr.DataArray | xr.Dataset):
        raise GridError(
            "not a labelled array",
            where=where,
            got=type(array).__name__,
            expected="a DataArray",
            cure="xarray.DataArray(values, coords={'y': ..., 'x': ...}, dims=('y', 'x'))",
        )
    x_name, y_name = axis_of(array, X_NAMES, "x", where), axis_of(array, Y_NAMES, "y", where)
    x, dx = even_steps(array[x_name].values, where)
    y, dy = even_steps(array[y_name].values, where)
    data = array.to_dataset(name="values") if isinstance(array, xr.DataArray) else array
    wkt = cube_wkt(data, array, x_name, where)
    if wkt is None:
        raise GridError("the array has no CRS", where=where, cure=CRS_CURE, rule=1)
    if dx < 0 or abs(abs(dy) - dx) > SQUARE * dx:
        raise GridError(
            "the cells are not square, or x does not rise",
            where=where,
            got=f"steps {dx:g} and {dy:g}",
            expected="the same step in x and y",
            cure="resample it: array.rio.reproject(crs, resolution=...)",
            rule=1,
        )
    west, north = float(x[0]) - dx / 2, float(max(y[0], y[-1])) + dx / 2
    grid = AnalysisGrid(wkt, west, north, float(dx), y.size, x.size)
    keep = {
        name: value
        for name, value in array.coords.items()
        if set(value.dims) <= {x_name, y_name} and (value.dims or "spatial_ref" in value.attrs)
    }
    keep |= {n: array.coords[n] for n in ("spatial_ref", "crs") if n in array.coords}
    return LabelledGrid(grid, y_name, x_name, keep, bool(dy > 0))

"""Where the map gets its pictures and cells from: a run's folder, or a dataset in memory."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cdrsite.outputs.classes import SAMPLE, classes_of, dataset_classes, scale_of
from cdrsite.outputs.qml import sample_values
from cdrsite.outputs.rasters.raster import NODATA_BITS
from cdrsite.report.mapimage import Picture
from cdrsite.result.store import grid_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from numpy.typing import NDArray

    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.outputs.classes import Classes
    from cdrsite.outputs.runfolder import RunFolder

FILLS = {"f": np.nan, "u": 255, "i": -1}
"""Kind of type -> what stands for nothing there."""

MOST_BYTES = 4_000_000
"""A larger file is read only as far as a picture needs it."""


class MapSource(Protocol):
    """What the map draws."""

    dataset: xr.Dataset
    grid: AnalysisGrid

    def picture(self, name: str, method: str | None, most: int) -> Picture:
        """Values of a variable of a method, or at a year, at most so many pixels wide and high."""
        ...

    def classes(self, name: str) -> Classes:
        """Classes of a variable, over all that share its scale."""
        ...

    def stamp(self, name: str, method: str | None) -> bytes | None:
        """What tells a picture from others, without reading it; None where nothing does."""
        ...


class DatasetSource:
    """A dataset in memory or on disk.

    Parameters
    ----------
    dataset : xr.Dataset
        As a run gives it, or any variables with dimensions y and x on a grid with a CRS.
    """

    def __init__(self, dataset: xr.Dataset) -> None:
        self.dataset = dataset
        self.grid = grid_of(dataset)

    def picture(self, name: str, method: str | None, most: int) -> Picture:
        """Every n-th cell where there are more than ``most`` in a row or column."""
        from affine import Affine

        step = max(1, -(-max(self.grid.shape) // most))
        values = self.dataset[name]
        if method is not None and "removal_method" in values.dims:
            values = values.sel(removal_method=method)
        elif method is not None and "milestone" in values.dims:
            values = values.sel(milestone=int(method))
        t = self.grid.transform
        transform = Affine(t.a * step, 0.0, t.c, 0.0, t.e * step, t.f)
        return Picture(every(values, step), transform, self.grid.crs)

    def classes(self, name: str) -> Classes:
        """Classes of a variable, over all that share its scale."""
        return dataset_classes(self.dataset, name)

    def stamp(self, name: str, method: str | None) -> bytes | None:
        """What tells a picture from others, without reading it; None where nothing does."""
        del name, method
        return None


class RunSource(DatasetSource):
    """A run's folder: pictures from the overviews of its rasters, cells from its dataset."""

    def __init__(self, run: RunFolder, dataset: xr.Dataset) -> None:
        super().__init__(dataset)
        self._run = run

    def picture(self, name: str, method: str | None, most: int) -> Picture:
        """Means of quantities and the most frequent class where the grid is larger."""
        file = name if method is None else f"{name}_{method}"
        whole = self._run.in_memory and max(self.grid.shape) <= most
        if whole or file not in self._run.rasters:
            return super().picture(name, method, most)
        raster = self._run.raster(file, max_size=most)
        kind = raster.values.dtype
        fill = NODATA_BITS if kind == np.uint32 else FILLS[kind.kind]
        return Picture(raster.values.filled(fill), raster.transform, raster.crs)

    def classes(self, name: str) -> Classes:
        """From the rasters where these are larger than a sample, as their styles."""
        if max(self.grid.shape) <= SAMPLE:
            return super().classes(name)
        files = [file for file in self._files(scale_of(name)) if file in self._run.rasters]
        if not files:
            return super().classes(name)
        folder = self._run.path / "rasters"
        values = np.concatenate([sample_values(folder / f"{file}.tif") for file in files])
        return classes_of(name, values, str(self.dataset[name].attrs.get("units", "")))

    def _files(self, scale: str) -> Iterator[str]:
        """Rasters of the variables of a scale."""
        for name, values in self.dataset.data_vars.items():
            if scale_of(str(name)) != scale:
                continue
            leads = [
                values[one].to_numpy().tolist() for one in values.dims if one not in {"y", "x"}
            ]
            for parts in product(*leads):
                yield "_".join(map(str, (name, *parts)))

    def stamp(self, name: str, method: str | None) -> bytes | None:
        """The raster's file, where there is one and it is small."""
        file = name if method is None else f"{name}_{method}"
        if file not in self._run.rasters:
            return None
        path = self._run.path / "rasters" / f"{file}.tif"
        return path.read_bytes() if path.stat().st_size <= MOST_BYTES else None


def every(values: xr.DataArray, step: int) -> NDArray[Any]:
    """Every n-th cell of both axes, from the middle of each n x n cells."""
    if step == 1:
        return np.asarray(values.to_numpy())
    part = slice(step // 2, None, step)
    kept = np.asarray(values.isel(y=part, x=part).to_numpy())
    short = [-(-values.sizes[d] // step) - n for d, n in zip("yx", kept.shape[-2:], strict=True)]
    # a last stripe narrower than half a step has no middle: it takes its neighbour's
    pad = [(0, 0)] * (kept.ndim - 2) + [(0, n) for n in short]
    return np.pad(kept, pad, mode="edge") if any(short) else kept

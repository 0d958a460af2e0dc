"""The labelled dataset on disk: Zarr format 2, CF conventions, a CRS that GDAL reads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import GridError
from cdrsite.core.grid import AnalysisGrid
from cdrsite.core.memory import MOST_CELLS, remembered_files
from cdrsite.core.plaindata import require_plain_zarr
from cdrsite.engine.arrays import DiskStore, compressor
from cdrsite.result.attributes import FILLS, GRID_MAPPING, PLACE, place_of

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray


def write_zarr(path: Path, dataset: xr.Dataset, grid: AnalysisGrid, block: int) -> None:
    """Write a dataset so that xarray, GDAL and QGIS open it.

    Parameters
    ----------
    path : Path
        The store, a folder that is not there yet.
    dataset : xr.Dataset
        With a ``spatial_ref`` coordinate that the variables name as their grid mapping.
    grid : AnalysisGrid
        Where the arrays live.
    block : int
        Rows and columns of a chunk [cells].

    Notes
    -----
    Format 2, because GDAL before 3.8 and many desktop programs cannot read format 3. GDAL takes
    the CRS from the ``_CRS`` attribute of each array, others from the grid mapping (CF).
    """
    store = DiskStore(path, block)
    for name in gridded(dataset):
        remembered_files(
            "array", (dataset[name].data, name, block), path, _writer(store, name, dataset, grid)
        )
    label_store(path, dataset, grid)


def _writer(
    store: DiskStore, name: Any, dataset: xr.Dataset, grid: AnalysisGrid
) -> Callable[[], list[Path]]:
    """What writes one variable block by block."""

    def write() -> list[Path]:
        variable = dataset[name]
        array = store.create(str(name), variable.shape, variable.dtype)
        if variable.size <= MOST_CELLS:
            _write_chunks(store.folder / str(name), array, np.asarray(variable.data))
            return files()
        for part in grid.blocks(store.block):
            array[(..., *part.slices)] = variable.data[(..., *part.slices)]
        return files()

    def files() -> list[Path]:
        return [file for file in (store.folder / str(name)).iterdir() if file.is_file()]

    return write


def _write_chunks(folder: Path, array: Any, values: NDArray[Any]) -> None:
    """The files that Zarr would write, without its event loop: it takes longer than the packing."""
    packer = compressor()
    fill = np.zeros((), array.dtype) if array.fill_value is None else array.fill_value
    counts = [-(-size // step) for size, step in zip(array.shape, array.chunks, strict=True)]
    for index in np.ndindex(*counts):
        place = zip(index, array.chunks, strict=True)
        part = values[tuple(slice(i * n, (i + 1) * n) for i, n in place)]
        chunk = np.full(array.chunks, fill, array.dtype)
        chunk[tuple(slice(size) for size in part.shape)] = part
        empty = np.isnan(chunk) if chunk.dtype.kind == "f" else chunk == fill
        if not empty.all():  # nothing is written of a chunk without values
            name = ".".join(str(i) for i in index)
            (folder / name).write_bytes(packer.encode(chunk))


def gridded(dataset: xr.Dataset) -> list[Any]:
    """Names of the variables that have a value in each cell."""
    return [
        name for name, variable in dataset.data_vars.items() if variable.dims[-2:] == ("y", "x")
    ]


def label_store(path: Path, dataset: xr.Dataset, grid: AnalysisGrid) -> None:
    """Give the arrays of a store the names, coordinates and attributes of a dataset.

    Parameters
    ----------
    path : Path
        Folder with an array for each variable that has a value in each cell.
    dataset : xr.Dataset
        Their dimensions and attributes, and everything else; the values of those variables are not
        looked at.
    grid : AnalysisGrid
        Where the arrays live.
    """
    ready = dataset.copy(deep=False)
    ready[GRID_MAPPING].attrs.update({"spatial_ref": grid.wkt, PLACE: place_of(grid)})
    large = gridded(dataset)
    small = ready.drop_vars(large)
    wkt = {"_CRS": {"wkt": grid.wkt}}
    labels = [(name, dataset[name].dims, dataset[name].attrs | wkt) for name in large]
    arrays = [(path / str(name) / ".zarray").read_bytes() for name in large]
    remembered_files(
        "labels",
        (labels, arrays, small.to_dict(data="array")),
        path,
        lambda: _write_labels(path, labels, small),
    )


def _write_labels(path: Path, labels: list[Any], small: xr.Dataset) -> list[Path]:
    """Write the attributes of large arrays, the small ones, and all metadata as one document."""
    import zarr

    for name, dims, attributes in labels:
        attrs = {**attributes, "_ARRAY_DIMENSIONS": list(dims)}
        document = {
            key: value.tolist() if isinstance(value, np.ndarray | np.generic) else value
            for key, value in attrs.items()
            if key != "_FillValue"  # codes would be floating point for whoever opens the store
        }
        _write(path / str(name) / ".zattrs", document)
    for name in small.data_vars:
        # a fill value on whole numbers would make them floating point when read back
        is_float = np.issubdtype(small[name].dtype, np.floating)
        small[name].encoding = {"_FillValue": np.nan if is_float else None}
    written = [path / str(name) / ".zattrs" for name, _, _ in labels]
    # beside the store: what a killed process leaves must not be taken for a part of it
    with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as scratch:
        aside = Path(scratch) / "small.zarr"
        small.to_zarr(aside, consolidated=False, mode="w", zarr_format=2)
        for entry in sorted(aside.iterdir()):
            target = path / entry.name
            if target.is_dir():
                shutil.rmtree(target)
            entry.replace(target)
            written += [target] if target.is_file() else sorted(target.iterdir())
    zarr.consolidate_metadata(str(path), zarr_format=2)
    # entries come in the order of the file system
    metadata = json.loads((path / ".zmetadata").read_text(encoding="utf-8"))
    _write(path / ".zmetadata", metadata)
    return [*written, path / ".zmetadata"]


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1, sort_keys=True), encoding="utf-8")


def open_labelled(path: Path, chunks: dict[str, int] | None = None) -> xr.Dataset:
    """The dataset of a store as the run had it; values are read when asked for, and not kept.

    Parameters
    ----------
    path : Path
        The store.
    chunks : dict, optional
        Dask arrays of these chunks; those of the store where it is empty.
    """
    import xarray as xr

    require_plain_zarr(path)
    found = xr.open_dataset(
        path, engine="zarr", chunks=chunks, consolidated=True, cache=False, mask_and_scale=False
    )
    for variable in found.variables.values():
        variable.attrs.pop("_CRS", None)  # for programs that do not know grid mappings
        variable.attrs.pop("_FillValue", None)
        if variable.dims[-2:] == ("y", "x") and variable.dtype in FILLS:
            variable.attrs["_FillValue"] = FILLS[variable.dtype]
    if found.sizes.get("x", 0) * found.sizes.get("y", 0) != 1:
        found[mapping_of(found)].attrs.pop(PLACE, None)
    return found


def mapping_of(data: xr.Dataset | xr.DataArray) -> str:
    """Name of the coordinate with the reference system; ``crs`` in runs of earlier versions.

    Raises
    ------
    GridError
        None of these.
    """
    for name in (GRID_MAPPING, "crs"):
        if name in data.coords:
            return name
    raise GridError("the object has no such coordinate", got=f"no {GRID_MAPPING!r}", rule=1)


def grid_of(data: xr.Dataset | xr.DataArray) -> AnalysisGrid:
    """The grid that an object's own coordinates describe.

    Raises
    ------
    GridError
        No x, y or CRS, or coordinates that are not evenly spaced and north-up; or one cell
        whose size nothing tells.
    """
    for name in ("x", "y"):
        if name not in data.coords:
            raise GridError("the object has no such coordinate", got=f"no {name!r}", rule=1)
    x, y = data["x"].to_numpy(), data["y"].to_numpy()
    attrs = data[mapping_of(data)].attrs
    wkt = str(attrs.get("spatial_ref") or attrs.get("crs_wkt") or "")
    steps = np.concatenate([np.diff(x), -np.diff(y)])
    if x.size == y.size == 1 and PLACE in attrs:
        steps = np.array([float(str(attrs[PLACE]).split()[1])])
    if not wkt or not steps.size or not np.allclose(steps, steps[0], rtol=1e-6) or steps[0] <= 0:
        raise GridError(
            "the coordinates are not an even north-up grid with a CRS",
            expected="evenly spaced x to the east and y to the south, as a run writes them",
            cure="keep the order of the cells, and at least two of them",
            rule=1,
        )
    step = float(steps[0])
    return AnalysisGrid(wkt, float(x[0]) - step / 2, float(y[0]) + step / 2, step, len(y), len(x))

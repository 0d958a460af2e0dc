"""Arrays over the whole grid, in memory or on disk, behind one face.

A stage reads and writes them by blocks and never asks where they are. On disk each block is a chunk
of its own, so blocks can be written by several threads or processes at once.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.core.plaindata import require_plain_zarr

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


class CellArray(Protocol):
    """An array whose last two axes are rows and columns; reads and writes basic slices.

    ``array[0, r0:r1, c0:c1]`` gives a NumPy array; assigning to it writes. A NumPy array is one, a
    Zarr array is another.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of each axis."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""

    def __getitem__(self, key: Any, /) -> Any: ...

    def __setitem__(self, key: Any, value: Any, /) -> None: ...


class ArrayStore(Protocol):
    """Where the arrays of a run live."""

    @property
    def on_disk(self) -> bool:
        """Whether arrays are on disk, so that a stage must not read one whole."""

    def create(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> CellArray:
        """A new array of undefined content, or the one of that name if it fits (a resumed run)."""

    def open(self, name: str) -> CellArray:
        """An array that was created."""

    def names(self) -> tuple[str, ...]:
        """Names of the arrays, sorted."""

    def drop(self, *names: str) -> None:
        """Forget arrays that are no longer needed; unknown names do no harm."""


@dataclass
class MemoryStore:
    """Arrays in memory."""

    arrays: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    on_disk: bool = False

    def create(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> CellArray:
        """A new array of undefined content."""
        self.arrays[name] = np.empty(shape, dtype)
        return self.arrays[name]

    def open(self, name: str) -> CellArray:
        """An array that was created."""
        return self.arrays[name]

    def names(self) -> tuple[str, ...]:
        """Names of the arrays, sorted."""
        return tuple(sorted(self.arrays))

    def drop(self, *names: str) -> None:
        """Forget arrays."""
        for name in names:
            self.arrays.pop(name, None)


@dataclass(frozen=True)
class DiskStore:
    """Arrays in a folder, one Zarr array (format 2) each; can be sent to another process.

    Attributes
    ----------
    folder : Path
        Made when the first array is.
    block : int
        Rows and columns of a chunk [cells].
    """

    folder: Path
    block: int
    on_disk: bool = True

    def create(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> CellArray:
        """A new array of undefined content, or the one of that name if it fits.

        Raises
        ------
        DataError
            An array of that name has another shape or type.
        """
        if (self.folder / name / ".zarray").is_file():
            array = self.open(name)
            if array.shape != tuple(shape) or array.dtype != np.dtype(dtype):
                raise DataError(
                    "an array of that name is there already, and does not fit",
                    where=str(self.folder / name),
                    got=f"{array.dtype} {array.shape}",
                    expected=f"{np.dtype(dtype)} {tuple(shape)}",
                    cure="remove the folder and run without --resume",
                )
            return array
        import zarr

        rows, cols = min(self.block, shape[-2]), min(self.block, shape[-1])
        _opened.cache_clear()
        created: Any = zarr.open_array(
            str(self.folder / name),
            mode="w",
            shape=tuple(shape),
            chunks=(1,) * (len(shape) - 2) + (rows, cols),
            dtype=np.dtype(dtype),
            fill_value=np.nan if np.issubdtype(dtype, np.floating) else None,
            compressor=compressor(),
            zarr_format=2,
        )
        return created

    def open(self, name: str) -> CellArray:
        """An array that was created."""
        return _opened(str(self.folder / name))

    def names(self) -> tuple[str, ...]:
        """Names of the arrays, sorted."""
        return tuple(sorted(path.parent.name for path in self.folder.glob("*/.zarray")))

    def drop(self, *names: str) -> None:
        """Remove arrays from disk."""
        for name in names:
            shutil.rmtree(self.folder / name, ignore_errors=True)
        _opened.cache_clear()


@lru_cache(maxsize=1024)
def _opened(path: str) -> Any:
    """An array on disk; opening reads its description, so it is kept open."""
    import zarr

    require_plain_zarr(Path(path))
    return zarr.open_array(path, mode="r+")


def compressor() -> Any:
    """The compressor of every Zarr array: LZ4 over shuffled bytes.

    Measured on mixed maps it writes 480 MB/s and reads 2300 MB/s on one core, three times what
    Zarr's default does, and GDAL 3.6 reads it.
    """
    from numcodecs import Blosc

    return Blosc(cname="lz4", clevel=5, shuffle=Blosc.SHUFFLE)


def link_tree(source: Path, target: Path) -> None:
    """A folder again elsewhere, its files shared where the file system can."""

    def link(old: str, new: str) -> None:
        try:
            os.link(old, new)
        except OSError:  # another file system, or one without links
            shutil.copyfile(old, new)

    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=link)

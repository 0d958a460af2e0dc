"""A finished run's folder, read again: the one way to it for everything that comes after a run."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdrsite.core.errors import ConfigError, DataError
from cdrsite.core.gdal import open_raster, vector_options
from cdrsite.core.references import require_vector
from cdrsite.core.version import __version__
from cdrsite.outputs.assumptions import ASSUMPTIONS, known_assumptions
from cdrsite.outputs.listing import MARK
from cdrsite.outputs.tables import read_csv
from cdrsite.result.store import open_labelled

if TYPE_CHECKING:
    import geopandas as gpd
    import numpy as np
    import pandas as pd
    import xarray as xr
    from affine import Affine
    from pyproj import CRS

SUMMARY = "summary.json"
GEOPACKAGE = "cdrsite.gpkg"
STORE = "result.zarr"
CURE = "name the folder that `cdrsite run` wrote; it holds manifest.json, summary.json and tables"

WAYS = {"float32": "average", "uint8": "mode"}
"""Type on disk -> how pixels become one; reason bits and labels are picked, never mixed."""


class NotKeptError(DataError, KeyError):
    """A run of an earlier version lacks what later ones write.

    Parameters
    ----------
    key : str
        The column or key that is not there.
    """

    def __init__(self, key: str) -> None:
        super().__init__(
            "the run does not say this: the version of cdrsite that made it did not write it yet",
            got=f"no {key!r}",
            expected=f"a run of cdrsite {__version__} as it is installed here",
            cure="run the study again",
        )
        self.key = key

    __str__ = DataError.__str__


class KeptRecord(dict[str, Any]):
    """A row or an object as a run kept it, which says so where it lacks what is asked for.

    Versions add columns and keys. Who reads a run of an earlier one asks with ``get`` where it
    knows what their absence means.
    """

    def __missing__(self, key: str) -> Any:
        raise NotKeptError(key)


@dataclass(frozen=True)
class RunRaster:
    """A raster of a run, whole or as an overview.

    Attributes
    ----------
    values : np.ma.MaskedArray, shape (rows, cols)
        Masked where the file has no value.
    transform : Affine
        Of the array as read, so of larger pixels than the grid's where it is an overview.
    crs : CRS
        Of the grid.
    unit, description : str
        As in the file; the unit may be empty.
    """

    values: np.ma.MaskedArray[Any, Any]
    transform: Affine
    crs: CRS
    unit: str
    description: str

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in the CRS."""
        rows, cols = self.values.shape
        pixel = self.transform  # north-up: no rotation
        return pixel.c, pixel.f + rows * pixel.e, pixel.c + cols * pixel.a, pixel.f


class RunFolder:
    """The folder of a finished run.

    Nothing is read before it is asked for, and rasters as coarse as they are needed, so that the
    run of a large region costs no more memory than that of a small one.

    Parameters
    ----------
    path : Path or str
        Folder that a run wrote.
    dataset : xr.Dataset, optional
        The run's own, where it is still in memory: then it is not read again.

    Attributes
    ----------
    path : Path
        The folder.
    summary : dict
        Headline numbers, units in the names; unknown ones are None.
    manifest : dict
        Scenario, inputs, versions, warnings and so on.

    Raises
    ------
    ConfigError
        The folder does not exist or is not that of a whole run.
    """

    def __init__(self, path: Path | str, dataset: xr.Dataset | None = None) -> None:
        self.path, self._dataset = Path(path), dataset
        if not self.path.is_dir():
            got = "a file" if self.path.exists() else "nothing there"
            raise ConfigError("there is no such run", where=str(path), got=got, cure=CURE)
        self.manifest = self._document(MARK)
        self.summary = self._document(SUMMARY)
        if self.manifest.get("program") != "cdrsite" or "methods" not in self.summary:
            raise ConfigError(
                "the folder is not that of a study",
                where=str(path),
                got=f"{MARK} and {SUMMARY} without program and methods",
                cure=CURE,
            )

    def _document(self, name: str) -> dict[str, Any]:
        file = self.path / name
        if not file.is_file():
            raise ConfigError(
                "the folder is not that of a whole run",
                where=str(self.path),
                got=f"no {name}",
                cure=CURE,
            )
        try:
            hook = KeptRecord if name == SUMMARY else None
            document = json.loads(file.read_text(encoding="utf-8"), object_hook=hook)
        except ValueError as error:
            raise ConfigError(
                "the file is not JSON", where=str(file), got=str(error), cure="run the study again"
            ) from error
        if not isinstance(document, dict):
            raise ConfigError("the file is no object", where=str(file), cure="run the study again")
        return document

    def require_same(self) -> None:
        """Refuse what was read when another run has taken the folder's place meanwhile.

        Raises
        ------
        ConfigError
            The manifest is another one than at the beginning.
        """
        if self._document(MARK) != self.manifest:
            raise ConfigError(
                "the run was replaced while it was read",
                where=str(self.path),
                expected="the same run from beginning to end",
                cure="wait until nothing writes there, and run this again",
            )

    def __repr__(self) -> str:
        return f"<RunFolder {self.name}: {', '.join(self.methods)} in {self.path}>"

    @property
    def in_memory(self) -> bool:
        """Whether the dataset is still there as the run made it."""
        return self._dataset is not None

    @property
    def name(self) -> str:
        """Name of the scenario."""
        return str(self.summary.get("name", self.path.name))

    @property
    def title(self) -> str:
        """Title of the scenario, or else its name."""
        return str(self.summary.get("title") or self.name)

    @property
    def scenario(self) -> dict[str, Any]:
        """The scenario as resolved, from the manifest."""
        scenario = self.manifest.get("scenario")
        return scenario if isinstance(scenario, dict) else {}

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, in the order of the scenario."""
        return tuple(str(name) for name in self.summary["methods"])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the run warned of."""
        return tuple(str(text) for text in self.manifest.get("warnings", ()))

    @cached_property
    def assumptions(self) -> dict[str, Any]:
        """Values of the methods with their sources, as the run kept them.

        Of a run that kept none, those that the library has now; see
        :func:`cdrsite.outputs.assumptions.assumptions`.
        """
        if (self.path / ASSUMPTIONS).is_file():
            return self._document(ASSUMPTIONS)
        return known_assumptions(self.scenario.get("methods") or {})

    # ------------------------------------------------------------------ tables

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables."""
        files = (self.path / "tables").glob("*")
        return tuple(sorted({f.stem for f in files if f.suffix in {".parquet", ".csv"}}))

    def table(self, name: str) -> pd.DataFrame:
        """One table, with the numbers as they were computed.

        Raises
        ------
        ConfigError
            The run has no such table.
        """
        import pandas as pd

        self._require(name, self.tables, "table")
        exact = self.path / "tables" / f"{name}.parquet"
        if exact.is_file():
            return pd.read_parquet(exact)
        return read_csv(exact.with_suffix(".csv"))

    # ----------------------------------------------------------------- rasters

    @cached_property
    def rasters(self) -> tuple[str, ...]:
        """Names of the rasters, without ending."""
        return tuple(sorted(file.stem for file in (self.path / "rasters").glob("*.tif")))

    def raster(self, name: str, max_size: int | None = None) -> RunRaster:
        """One raster, at most ``max_size`` pixels wide and high.

        Parameters
        ----------
        name : str
            One of :attr:`rasters`.
        max_size : int, optional
            Longest side [pixels]; a larger grid is read from its overviews. Everything when not
            given.

        Returns
        -------
        RunRaster
            Means of quantities, the most frequent class, and one of several labels.

        Raises
        ------
        ConfigError
            The run has no such raster.
        DataError
            The file cannot be read.
        """
        from affine import Affine
        from pyproj import CRS
        from rasterio.enums import Resampling
        from rasterio.errors import RasterioIOError

        self._require(name, self.rasters, "raster")
        file = self.path / "rasters" / f"{name}.tif"
        try:
            with open_raster(file, ("GTiff",)) as source:
                longest = max(source.height, source.width)
                shrink = 1.0 if max_size is None else max(1.0, longest / max_size)
                rows, cols = (max(1, round(size / shrink)) for size in source.shape)
                # overviews hold means and modes already; what is left to shrink is little
                way = Resampling[WAYS.get(source.dtypes[0], Resampling.nearest.name)]
                values = source.read(1, out_shape=(rows, cols), masked=True, resampling=way)
                pixel = source.transform
                wide, high = pixel.a * source.width / cols, pixel.e * source.height / rows
                return RunRaster(
                    values,
                    Affine(wide, 0.0, pixel.c, 0.0, high, pixel.f),
                    CRS.from_wkt(source.crs.to_wkt()),
                    source.units[0] or "",
                    source.descriptions[0] or "",
                )
        except RasterioIOError as error:
            raise DataError(
                "the raster cannot be read", where=str(file), got=str(error), cure="run it again"
            ) from error

    # ------------------------------------------------------- vectors, dataset

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Names of the vector layers; tables without geometry are not among them."""
        file = self.path / GEOPACKAGE
        if not file.is_file():
            return ()
        ask = "SELECT table_name FROM gpkg_contents WHERE data_type = 'features' ORDER BY rowid"
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as base:
            return tuple(str(name) for (name,) in base.execute(ask))

    def layer(self, name: str) -> gpd.GeoDataFrame:
        """One vector layer, in the CRS of the grid.

        Raises
        ------
        ConfigError
            The run has no such layer.
        """
        import geopandas as gpd

        self._require(name, self.layers, "vector layer")
        # GDAL writes no files of its own beside what it reads
        require_vector(self.path / GEOPACKAGE, str(self.path / GEOPACKAGE))
        with vector_options(GDAL_PAM_ENABLED="NO"):
            return gpd.read_file(self.path / GEOPACKAGE, layer=name, engine="pyogrio")

    def dataset(self, chunks: dict[str, int] | None = None) -> xr.Dataset:
        """The labelled dataset; arrays are read when they are asked for, so slice them first.

        Parameters
        ----------
        chunks : dict, optional
            Dask arrays of these chunks; those of the store where it is empty.

        Raises
        ------
        ConfigError
            The run has none.
        """
        if self._dataset is not None:
            return self._dataset
        store = self.path / STORE
        if not store.is_dir():
            raise ConfigError(
                "the run has no labelled dataset",
                where=str(self.path),
                got=f"no {STORE}",
                cure=CURE,
            )
        return open_labelled(store, chunks)

    def about(self) -> dict[str, Any]:
        """Attributes of the dataset as a whole; none if the run has none."""
        if self._dataset is not None:
            return {str(key): value for key, value in self._dataset.attrs.items()}
        held = f"{STORE}/.zattrs"
        return self._document(held) if (self.path / held).is_file() else {}

    def attributes(self, name: str) -> dict[str, Any]:
        """Attributes of a variable of the dataset, without opening it; none if it is not there."""
        if not (self.path / STORE / name / ".zattrs").is_file():
            return {}
        return self._document(f"{STORE}/{name}/.zattrs")

    def _require(self, name: str, known: tuple[str, ...], kind: str) -> None:
        if name not in known:
            raise ConfigError(
                f"the run has no such {kind}",
                where=str(self.path),
                got=repr(name),
                expected=", ".join(known) or "none",
                cure="ask for one of those",
            )

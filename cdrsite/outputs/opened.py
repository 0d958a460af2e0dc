"""A run's folder as the result that it was written from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdrsite.config.models import Scenario
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.result.attributes import texts
from cdrsite.result.store import grid_of
from cdrsite.result.study_result import StudyResult

if TYPE_CHECKING:
    import geopandas as gpd


class ReadLayers(Mapping[str, "gpd.GeoDataFrame"]):
    """Vector layers by name, each read when it is first asked for.

    Parameters
    ----------
    names : tuple of str
        In order.
    read : callable
        Name -> GeoDataFrame.
    """

    def __init__(self, names: tuple[str, ...], read: Callable[[str], gpd.GeoDataFrame]) -> None:
        self._names, self._read = names, read
        self._found: dict[str, gpd.GeoDataFrame] = {}

    def __getitem__(self, name: str) -> gpd.GeoDataFrame:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._found:
            self._found[name] = self._read(name)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"<layers: {', '.join(self._names) or 'none'}>"


def open_run(folder: Path | str, *, data_folder: Path | str | None = None) -> StudyResult:
    """Open the folder of a finished run as a result.

    Maps and vector layers are read when they are asked for; maps are Dask arrays of the chunks of
    the store where Dask is installed.

    Parameters
    ----------
    folder : Path or str
        Folder that a run wrote.
    data_folder : Path or str, optional
        Where the paths of the scenario start, to run it again or to change it: a run's folder
        does not say where its inputs lie. The folder itself when not given.

    Returns
    -------
    StudyResult
        Scenario, grid, dataset, tables, summary, features, warnings and timings of the run.

    Raises
    ------
    ConfigError
        The folder does not exist, is not that of a whole run, or of a program whose scenarios
        this one does not read.
    """
    run = RunFolder(folder)
    dataset = run.dataset({} if find_spec("dask") else None)
    document: dict[str, Any] = {**run.scenario, "data_folder": str(data_folder or run.path)}
    inputs = run.manifest.get("inputs") or {}
    return StudyResult(
        scenario=Scenario.from_record(document),
        grid=grid_of(dataset),
        dataset=dataset,
        tables={name: run.table(name) for name in run.tables},
        summary=run.summary,
        rule_names=texts(dataset.attrs.get("exclusion_rules", ())),
        warnings=list(run.warnings),
        timings=dict(run.manifest.get("timings_s") or {}),
        features=ReadLayers(run.layers, run.layer),
        inputs=inputs,
        folder=run.path,
    )

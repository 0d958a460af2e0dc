"""The result of a study: one labelled dataset, tables and a summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdrsite.core.errors import ConfigError
from cdrsite.core.files import WORK, remove_own
from cdrsite.core.grid import DEFAULT_BLOCK, AnalysisGrid
from cdrsite.core.numbers import MISSING, number
from cdrsite.result.store import open_labelled

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import xarray as xr

    from cdrsite.config.models import Scenario
    from cdrsite.core.progress import ProgressSink
    from cdrsite.methods.model import MethodModel

SHOWN = (
    "method", "profile", "net_mt_yr", "gross_mt_yr", "cost_musd_yr", "mean_cost_usd_t", "land_km2",
    "durability_class", "alone_net_mt_yr", "alone_bound_mt_yr", "alone_limits",
)  # fmt: skip
"""Columns of the table of methods that a notebook shows; all of them are wider than its page."""


@dataclass(frozen=True)
class Used:
    """What the numbers of a run rest on.

    Attributes
    ----------
    parameters : dict of str to frozenset of str
        Method -> parameters of the library.
    prices : frozenset of str
        Keys of ``costs.prices``.
    """

    parameters: Mapping[str, frozenset[str]]
    prices: frozenset[str]


@dataclass
class StudyResult:
    """The result of a study.

    Attributes
    ----------
    scenario : Scenario
        What was asked.
    grid : AnalysisGrid
        Where the arrays live.
    dataset : xr.Dataset
        Variables of :mod:`cdrsite.core.vocabulary` with dimensions (removal_method, y, x), and
        shared ones with (y, x).
    tables : dict
        DataFrames: ``methods``, ``limits``, ``exclusions``, ``sites``, ``pools``.
    summary : dict
        Headline numbers, units in the names.
    warnings : list of str
        What the user should know; repeated at the end of a run and in the manifest.
    timings : dict
        Seconds per stage.
    features : dict
        GeoDataFrames in the grid's CRS: ``routes``, ``corridors``, ``storage``, ``pools_WATER`` and
        so on, ``provinces``; see :mod:`cdrsite.study.features`.
    block_size : int
        Rows and columns of a block [cells].
    store : Path or None
        The dataset's own folder while it is not written yet, where it is larger than memory; its
        values are read when they are asked for.
    work : Path or None
        Folder of a run on disk, removed once the result is written.
    inputs : dict
        Hash and size of every input as the run read it; see the manifest.
    models : dict
        Name -> method with the records of the library that the run used.
    used : Used or None
        Which of them the numbers rest on; all where it is not known.
    folder : Path or None
        Folder of the run that it was opened from.
    """

    scenario: Scenario
    grid: AnalysisGrid
    dataset: xr.Dataset
    tables: dict[str, pd.DataFrame]
    summary: dict[str, Any]
    rule_names: tuple[str, ...]
    warnings: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    features: Mapping[str, gpd.GeoDataFrame] = field(default_factory=dict)
    block_size: int = DEFAULT_BLOCK
    store: Path | None = None
    work: Path | None = None
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    models: Mapping[str, MethodModel] = field(default_factory=dict)
    used: Used | None = None
    folder: Path | None = None

    def __post_init__(self) -> None:
        import cdrsite.report.accessor  # noqa: F401 - registers `.cdr` for the dataset

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, in the order of the scenario."""
        return tuple(str(name) for name in self.dataset["removal_method"].values)

    def write(
        self, folder: Path | str, progress: ProgressSink | None = None, lang: str = "en"
    ) -> Path:
        """Write rasters, tables, dataset, summary and manifest; whole or not at all.

        Parameters
        ----------
        folder : Path or str
            Replaced if it exists.
        progress : ProgressSink, optional
            Told about long steps.
        lang : {'en', 'zh'}
            Language of the report.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        ConfigError
            The result was opened from a folder, which holds all of it already.
        """
        if self.folder is not None:
            raise ConfigError(
                "the result is written already",
                got=str(self.folder),
                cure="copy that folder, or run its scenario again",
            )
        from cdrsite.report.folder import write_run

        path = write_run(self, Path(folder), progress, lang)
        if self.store is not None:  # from now on the values are read from where they belong
            self.store = path.resolve() / "result.zarr"
            self.dataset = open_labelled(self.store)
        if self.work is not None:
            remove_own(self.work, WORK)
            self.work = None
        return path

    def explore(
        self, variable: str | None = None, method: str | None = None, lang: str = "en"
    ) -> Any:
        """Show a map that needs no network, with plants, pipes, routes and zones.

        Parameters
        ----------
        variable : str, optional
            Only this one; what suits the result when not given.
        method : str, optional
            Only this method.
        lang : {'en', 'zh'}
            Language.

        Returns
        -------
        InteractiveMap
            A notebook shows it; ``.save("map.html")`` writes it as one file.

        Raises
        ------
        ConfigError
            Unknown variable or method, or nothing to show.
        """
        from cdrsite.report.explored import explore_result

        return explore_result(self, variable, method, lang)

    def explain(
        self,
        lon: float | None = None,
        lat: float | None = None,
        *,
        x: float | None = None,
        y: float | None = None,
        lang: str = "en",
    ) -> Any:
        """Say why a place is used or not.

        Parameters
        ----------
        lon, lat : float
            A point inside the cell, WGS 84 [degree].
        x, y : float
            Or the point in the grid's own CRS.
        lang : {'en', 'zh'}
            Language of what is said.

        Returns
        -------
        Explanation
            Sentences; a notebook shows them.

        Raises
        ------
        GridError
            The point lies outside the grid.
        """
        return self.dataset.cdr.explain(lon, lat, x=x, y=y, lang=lang)

    def __repr__(self) -> str:
        rows, cols = self.grid.shape
        names = ", ".join(self.methods)
        return f"<StudyResult {self.scenario.name}: {names} on {rows} x {cols} cells>"

    def _repr_html_(self) -> str:
        """What the plan gives each method, for a notebook; the table of methods has more."""
        head = f"<b>{escape(self.scenario.title or self.scenario.name)}</b>"
        table = self.tables["methods"]
        shown = [column for column in SHOWN if column in table.columns]
        return head + table[shown].to_html(
            index=False, border=0, float_format=number, na_rep=MISSING
        )

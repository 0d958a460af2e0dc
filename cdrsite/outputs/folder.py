"""The folder of a run: rasters, tables, the labelled dataset, summary, manifest and report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from cdrsite.core.arrays import link_tree
from cdrsite.core.progress import Silent
from cdrsite.outputs.assumptions import ASSUMPTIONS, assumptions
from cdrsite.outputs.datastore import write_zarr
from cdrsite.outputs.geopackage import write_geopackage
from cdrsite.outputs.manifest import manifest
from cdrsite.outputs.qgis import write_project
from cdrsite.outputs.qml import write_styles
from cdrsite.outputs.rasters import raster_plan, readme, reason_legend, write_rasters
from cdrsite.outputs.report.page import write_report
from cdrsite.outputs.staging import MARK, Staging
from cdrsite.outputs.tables import write_json, write_tables

if TYPE_CHECKING:
    from cdrsite.core.progress import ProgressSink
    from cdrsite.results import StudyResult


def write_run(result: StudyResult, folder: Path, progress: ProgressSink | None = None) -> Path:
    """Write a run's folder, whole or not at all.

    Parameters
    ----------
    result : StudyResult
        Of a run.
    folder : Path
        Target; an earlier run there is replaced once the new one is complete.
    progress : ProgressSink, optional
        Told about the rasters.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ConfigError
        If the target is a file, or a folder with content that no run wrote; nothing is changed.
    """
    start = time.perf_counter()
    with Staging(folder) as aside:
        rasters = aside / "rasters"
        rasters.mkdir()
        count = sum(1 for _ in raster_plan(result))
        done = (progress or Silent()).step("writing rasters", count, "maps")
        specs = write_rasters(rasters, result, done)
        if result.store is None:
            write_zarr(aside / "result.zarr", result.dataset, result.grid, result.block_size)
        else:
            link_tree(result.store, aside / "result.zarr")
        result.timings["maps"] = time.perf_counter() - start
        (rasters / "README.txt").write_text(
            readme(specs, result.rule_names), encoding="utf-8", newline="\n"
        )
        (rasters / "exclusion_reasons.txt").write_text(
            "\n".join(reason_legend(result.rule_names)) + "\n", encoding="utf-8", newline="\n"
        )
        write_tables(aside / "tables", result.tables)
        layers = write_geopackage(result, aside / "cdrsite.gpkg")
        title = result.scenario.title or result.scenario.name
        styles = write_styles(rasters, specs)
        write_project(aside, title, result.grid, specs, styles, layers)
        write_json(aside / "summary.json", result.summary)
        scenario = result.scenario
        choices = scenario.model_dump(by_alias=True)["methods"]
        write_json(aside / ASSUMPTIONS, assumptions(choices, scenario.data_folder))
        result.timings["writing"] = time.perf_counter() - start - result.timings["maps"]
        # it is what marks a folder as a whole run, and the report is made from a whole run
        write_json(aside / MARK, manifest(result))
        write_report(aside, dataset=result.dataset if result.store is None else None)
    return Path(folder)

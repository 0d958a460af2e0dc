"""The folder of a run: rasters, tables, the labelled dataset, summary, manifest and report."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cdrsite.core.errors import CdrsiteError, message
from cdrsite.core.progress import Silent
from cdrsite.core.words import Words
from cdrsite.engine.arrays import link_tree
from cdrsite.outputs.assumptions import ASSUMPTIONS, assumptions
from cdrsite.outputs.geopackage import LAYER_STYLES, write_geopackage, write_layer_styles
from cdrsite.outputs.listing import MARK
from cdrsite.outputs.manifest import manifest
from cdrsite.outputs.qgis import PROJECT, write_project
from cdrsite.outputs.qgis_inputs import input_entries
from cdrsite.outputs.qml import run_scales, write_style
from cdrsite.outputs.rasters.plan import raster_plan, readme, reason_legend, write_rasters
from cdrsite.outputs.runfolder import GEOPACKAGE, STORE, SUMMARY
from cdrsite.outputs.staging import Staging
from cdrsite.outputs.tables import write_json, write_tables
from cdrsite.report.page import REPORT, write_report
from cdrsite.result.store import write_zarr

if TYPE_CHECKING:
    from cdrsite.core.progress import ProgressSink
    from cdrsite.outputs.classes import Classes
    from cdrsite.outputs.rasters.raster import RasterSpec
    from cdrsite.outputs.vectors import VectorLayer
    from cdrsite.result.study_result import StudyResult

MOST_NAMED = 3
"""Files that one warning names."""


def write_run(
    result: StudyResult, folder: Path, progress: ProgressSink | None = None, lang: str = "en"
) -> Path:
    """Write a run's folder, whole or not at all.

    What the run found comes first: rasters, dataset, tables, summary, assumptions and manifest.
    What is drawn from that (vector layers, styles, the QGIS project, the report) follows; where
    such a step fails, its file is missing, and a warning of the run says so.

    Parameters
    ----------
    result : StudyResult
        Of a run; its warnings grow by what could not be drawn.
    folder : Path
        Target; an earlier run there is replaced once the new one is complete.
    progress : ProgressSink, optional
        Told about the rasters.
    lang : {'en', 'zh'}
        Language of the report.

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
        specs = _write_findings(result, aside, start, progress or Silent())
        stopped = _write_drawings(result, aside, Path(folder), specs, lang)
    if stopped is not None:
        raise stopped
    return Path(folder)


def _write_findings(
    result: StudyResult, aside: Path, start: float, progress: ProgressSink
) -> list[RasterSpec]:
    """Write what the run found; afterwards the folder is that of a whole run."""
    rasters = aside / "rasters"
    rasters.mkdir()
    count = sum(1 for _ in raster_plan(result))
    specs = write_rasters(rasters, result, progress.step("writing rasters", count, "maps"))
    if result.store is None:
        write_zarr(aside / STORE, result.dataset, result.grid, result.block_size)
    else:
        link_tree(result.store, aside / STORE)
    result.timings["maps"] = time.perf_counter() - start
    legend = "\n".join(reason_legend(result.rule_names)) + "\n"
    texts = {"README.txt": readme(specs, result.rule_names), "exclusion_reasons.txt": legend}
    for name, text in texts.items():
        (rasters / name).write_text(text, encoding="utf-8", newline="\n")
    write_tables(aside / "tables", result.tables)
    write_json(aside / SUMMARY, result.summary)
    write_json(aside / ASSUMPTIONS, assumptions(result.models, result.used))
    result.timings["writing"] = time.perf_counter() - start - result.timings["maps"]
    # it is what marks a folder as a whole run, and the report is made from a whole run
    write_json(aside / MARK, manifest(result))
    return specs


def _write_drawings(
    result: StudyResult, aside: Path, folder: Path, specs: list[RasterSpec], lang: str
) -> BaseException | None:
    """Write what is drawn from the findings, each by itself.

    Returns
    -------
    BaseException or None
        What asked the process to end meanwhile: the folder is to be put in its place first.
    """
    words = Words(lang).of(result.dataset.attrs)
    layers: list[VectorLayer] = []
    styles: dict[str, str] = {}

    def vectors() -> None:
        layers.extend(write_geopackage(result, aside / GEOPACKAGE, words))

    scales: dict[str, Classes] = {}

    def style(spec: RasterSpec) -> None:
        if spec.kind == "quantity" and not scales:  # one for all methods, so from all rasters
            scales.update(run_scales(aside / "rasters", specs))
        styles[spec.name] = write_style(aside / "rasters", spec, words, scales)

    def others() -> None:
        write_layer_styles(aside / LAYER_STYLES, layers)

    def project() -> None:
        title = result.scenario.title or result.scenario.name
        inputs = input_entries(result.scenario, folder, words)
        write_project(aside, title, result.grid, specs, styles, layers, words, inputs)

    def report() -> None:
        write_report(aside, lang, dataset=result.dataset if result.store is None else None)

    steps: list[tuple[str, Callable[[], None]]] = [
        (GEOPACKAGE, vectors),
        (LAYER_STYLES, others),
        *((f"rasters/{spec.name}.qml", partial(style, spec)) for spec in specs),
        (PROJECT, project),
        (REPORT, report),
    ]
    failed: dict[str, BaseException] = {}
    for number, (file, write) in enumerate(steps):
        if file == REPORT and failed:  # it repeats the warnings
            _warn_of(result, aside, failed)
            failed = {}
        try:
            write()
        except Exception as error:  # noqa: BLE001 - hours of work are worth more than a drawing
            _remove(aside / file)
            failed[file] = error
        except BaseException as stop:  # noqa: BLE001 - raised again once the run is in its place
            _remove(aside / file)
            left = dict.fromkeys((name for name, _ in steps[number:]), stop)
            _warn_of(result, aside, failed | left)
            return stop
    if failed:
        _warn_of(result, aside, failed)
    return None


def _remove(file: Path) -> None:
    """Remove what a step that failed left: with the journal of a database, both styles of a map."""
    if file.is_dir():
        shutil.rmtree(file)
        return
    twins = [file.with_suffix(".sld")] if file.suffix == ".qml" else []
    for left in (file, *twins, *file.parent.glob(f"{file.name}-*")):
        left.unlink(missing_ok=True)


def _warn_of(result: StudyResult, aside: Path, failed: Mapping[str, BaseException]) -> None:
    """Add a warning for each cause of failure, and write the manifest again."""
    causes: dict[str, list[str]] = {}
    for file, error in failed.items():
        own = isinstance(error, CdrsiteError)
        text = str(error) if own else f"{type(error).__name__}: {error}".removesuffix(": ")
        causes.setdefault(text.replace(f"{aside}{os.sep}", ""), []).append(file)
    for cause, files in causes.items():
        more = f" and {len(files) - MOST_NAMED} more" if len(files) > MOST_NAMED else ""
        text = message(
            "could not be written; the rasters, the tables and all else of the run are there",
            where=", ".join(files[:MOST_NAMED]) + more,
            got=cause,
            cure="see that the disk has room, then run again (a report alone: `cdrsite report`); "
            "if it fails again, it is a fault of cdrsite: please report it",
        )
        if text not in result.warnings:
            result.warnings.append(text)
    write_json(aside / MARK, manifest(result))

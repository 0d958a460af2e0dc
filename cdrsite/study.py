"""A study from scenario to result; the only module that knows every stage.

Data goes one way: layers, siting, transport, requirements, accounting and costs, competition,
network, results.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cdrsite.cells import Offers, exclude, link_storage, score, score_cells, spread_areas
from cdrsite.compete import compete
from cdrsite.config.models import Scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.core.grid import Block
from cdrsite.core.progress import ProgressSink, Silent
from cdrsite.prepare import Setting, prepare
from cdrsite.projects import check_network, plan_projects
from cdrsite.results import StudyResult, assemble
from cdrsite.running import Threads, Workspace
from cdrsite.siting.exclusions import exclude_block


@dataclass
class Clock:
    """Seconds per stage, for the manifest."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of a ``with`` block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def run(
    scenario: Scenario, *, progress: ProgressSink | None = None, workers: int | None = None
) -> StudyResult:
    """Run a study in memory.

    Parameters
    ----------
    scenario : Scenario
        From :func:`cdrsite.load_scenario`.
    progress : ProgressSink, optional
        Told about long steps.
    workers : int, optional
        Threads; all cores when not given. The result does not depend on it (rule 9).

    Returns
    -------
    StudyResult
        Maps, tables and summary; ``write`` puts them on disk.

    Raises
    ------
    CdrsiteError
        If the scenario or its data are wrong; see :func:`check_study`.
    """
    clock, threads = Clock(), workers or os.cpu_count() or 1
    space = Workspace(runner=Threads(threads), threads=threads, progress=progress or Silent())
    with gathered_warnings() as notes:
        with clock.stage("prepare"):
            setting = prepare(scenario)
            try_one_cell(setting)
        with clock.stage("siting"):
            areas = exclude(setting, space)
        with clock.stage("transport"):
            links = link_storage(setting, space)
            offers = spread_areas(setting, links, space)
        with clock.stage("scoring"):
            cells = score(setting, offers, space)
        with clock.stage("competition"):
            allocation = compete(setting, offers, cells, space)
        with clock.stage("network"):
            projects = plan_projects(setting, space.result, threads)
        with clock.stage("results"):
            result = assemble(setting, areas, offers, allocation, space, projects)
    result.warnings.extend(notes)
    result.timings.update(clock.seconds)
    return result


def check_study(scenario: Scenario) -> dict[str, Any]:
    """Find everything a run would refuse, without running.

    Returns
    -------
    dict
        ``grid``, ``methods`` and ``warnings``.

    Raises
    ------
    CdrsiteError
        The first thing that a run would refuse.
    """
    with gathered_warnings() as notes:
        setting = prepare(scenario)
        try_one_cell(setting)
    grid = setting.area.grid
    return {
        "name": scenario.name,
        "grid": {**grid.describe(), "crs_name": grid.crs.name, "cells": grid.size},
        "methods": {
            name: {"profile": model.profile.name} for name, model in setting.models.items()
        },
        "warnings": notes,
    }


@contextmanager
def gathered_warnings() -> Iterator[list[str]]:
    """Collect warnings meant for the user, each text once, in order; others pass on."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CdrsiteWarning)
        yield notes
    for item in caught:
        if issubclass(item.category, CdrsiteWarning):
            if str(item.message) not in notes:
                notes.append(str(item.message))
        else:
            warnings.warn_explicit(item.message, item.category, item.filename, item.lineno)


def try_one_cell(setting: Setting) -> None:
    """Take one cell through every stage: what a later block would refuse is refused here."""
    if setting.scenario.network.plan:
        check_network(setting)
    grid = setting.area.grid
    row, col = grid.rows // 2, grid.cols // 2
    block = Block(row, row + 1, col, col + 1)
    found = exclude_block(setting.book, setting.reader, block, setting.area.inside(block))
    score_cells(setting, Offers(setting.pools), found, block)

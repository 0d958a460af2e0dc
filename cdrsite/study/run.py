"""A study from scenario to result; the only module that knows every stage.

Data goes one way: layers, siting, transport, requirements, accounting and costs, competition,
network, results.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cdrsite.config.models import Scenario
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning
from cdrsite.core.gdal import bounded_cache
from cdrsite.core.grid import Block
from cdrsite.core.progress import ProgressSink, Silent
from cdrsite.core.remote import addressed
from cdrsite.core.secrets import hidden
from cdrsite.engine.cache import FORMED, Cache
from cdrsite.engine.record import InputWatch, changed_text
from cdrsite.result.study_result import StudyResult
from cdrsite.siting.exclusions import exclude_block
from cdrsite.study.asking import ask_all, everything_wrong, refusal
from cdrsite.study.assemble import assemble
from cdrsite.study.assumed import alternative_sentences, alternatives, warn_of_assumptions
from cdrsite.study.cells import score, score_cells
from cdrsite.study.compete import compete, lay_out, policies_of
from cdrsite.study.emitters import check_emitters
from cdrsite.study.ends import slopes_of
from cdrsite.study.ensemble import (
    Extent,
    add_samples,
    known_samples,
    numbers_of,
    sample_study,
)
from cdrsite.study.exclude import exclude
from cdrsite.study.fetching import fetch_inputs
from cdrsite.study.formed import FormedSums
from cdrsite.study.gathering import existing_sites, gather
from cdrsite.study.given import as_scenario
from cdrsite.study.hours import check_hours
from cdrsite.study.margin import reaching
from cdrsite.study.means import Means, workspace
from cdrsite.study.network import check_network, existing_pipes, plan_projects
from cdrsite.study.offers import Offers, in_workspace, spread_areas
from cdrsite.study.prepare import Setting, open_layers, prepare
from cdrsite.study.ranges import cost_ranges
from cdrsite.study.routes import haul_sheds, link_storage, open_links, pipeline_basis, storage_sites
from cdrsite.study.standingground import standing_plants
from cdrsite.study.standingnumbers import check_standing, with_standing
from cdrsite.study.used import what_is_used
from cdrsite.transport.links import try_links

if TYPE_CHECKING:
    import pandas as pd

    from cdrsite.engine.passes import Workspace
    from cdrsite.study.given import Given
    from cdrsite.study.standing import Standing

SHARED_STAGES = (open_layers, exclude, link_storage, spread_areas, haul_sheds)
"""Stages whose results the runs of a batch hand on, in the order of a run."""


@dataclass
class Clock:
    """Seconds per stage, for the manifest; what counts no blocks shows its time on the way."""

    progress: ProgressSink
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, *, shown: bool = False) -> Iterator[None]:
        """Add the time of a ``with`` block to a stage."""
        start = time.perf_counter()
        try:
            with self.progress.stage(name) if shown else nullcontext():
                yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def run(
    scenario: Given,
    *,
    layers: Mapping[str, Any] | None = None,
    progress: ProgressSink | None = None,
    means: Means | None = None,
    cache: Cache | None = None,
    samples: Extent = "totals",
) -> StudyResult:
    """Run a study.

    Parameters
    ----------
    scenario : Scenario, str, Path or Mapping
        From :func:`cdrsite.load_scenario`; the path of a scenario file; or a mapping of its keys,
        in which arrays and tables may stand where files would.
    layers : Mapping, optional
        Name -> DataArray (y, x), GeoDataFrame or table that takes the place of the layer of that
        name, or is a new one; or a mapping with it as ``data`` beside other keys of a layer:
        ``{"data": array, "bounds": (west, south, east, north), "crs": "EPSG:4326"}``.
    progress : ProgressSink, optional
        Told about long steps.
    means : Means, optional
        Threads; memory, folder and workers for a study that is larger than memory, or is to be
        resumed. The result does not depend on any of it (rule 9).
    cache : Cache, optional
        What earlier runs of a batch found; stages that nothing new touches are taken from there.
    samples : {'none', 'totals', 'maps'}
        What is worked out of the samples of a scenario with ``uncertainty``: nothing, the ranges of
        totals and pools, or maps too.

    Returns
    -------
    StudyResult
        Maps, tables and summary; ``write`` puts them on disk.

    Raises
    ------
    CdrsiteError
        If the scenario or its data are wrong; see :func:`check_study`.
    """
    scenario = as_scenario(scenario, layers)
    sink, asked, cache = progress or Silent(), means or Means(), cache or Cache(lasting=False)
    clock = Clock(sink)
    with gathered_warnings() as notes, bounded_cache(), ExitStack() as open_:
        with clock.stage("prepare", shown=True):
            fetch_inputs(scenario)
            watch = InputWatch(scenario)
            setting = _prepared(scenario, cache)
            space = open_.enter_context(workspace(setting, asked, sink))
        if space.journal is not None:
            space.journal.notes = notes
        with clock.stage("siting"):
            areas = cache.take(exclude, setting, space)
        with clock.stage("transport", shown=True):
            setting, offers, standing = _offered(setting, space, cache)
        with clock.stage("scoring"):
            cells, tally = score(setting, offers, space)
        with clock.stage("competition", shown=True):
            solution = compete(setting, offers, cells, space, standing)
        with clock.stage("plan"):
            allocation = lay_out(setting, solution, cells, space)
        with clock.stage("ranges"):
            formed = FormedSums(FORMED)
            ranges = cost_ranges(setting, offers, space, formed)
        with clock.stage("sensitivity"):
            ends = samples != "none"
            slopes = slopes_of(setting, offers, allocation, cells, space, formed, ends=ends)
        with clock.stage("samples"):
            sampled = sample_study(setting, offers, allocation, space, samples, standing)
        with clock.stage("network", shown=True):
            gathered = gather(setting, space.result)
            projects = plan_projects(setting, gathered, allocation.solution, space)
        with clock.stage("results", shown=True):
            result = assemble(
                setting, areas, offers, tally, allocation, space, gathered, ranges, slopes,
                projects, known_samples(sampled), standing,
            )  # fmt: skip
            result.used = what_is_used(setting, formed)
        with clock.stage("samples"):
            add_samples(sampled, result)
    cache.listen(notes.texts())
    result.scenario = scenario  # all of it: what was asked stands beside the numbers
    # in an order of their own: what a batch has at hand is told earlier than what is read (rule 9)
    result.warnings.extend(sorted(space.told(notes.texts())))
    with clock.stage("inputs"):
        result.inputs, changed = watch.finish()
    if changed:
        result.warnings.append(changed_text(changed))
    result.timings.update(clock.seconds)
    return result


def _offered(
    setting: Setting, space: Workspace, cache: Cache
) -> tuple[Setting, Offers, Standing | None]:
    """What is offered to the plan, with what plants that stand already leave of it."""
    links = open_links(space, cache.take(link_storage, setting, space))
    offers = cache.take(spread_areas, setting, space, links)
    hauled = cache.take(haul_sheds, setting, space)
    return with_standing(setting, in_workspace(offers, links, hauled, space))


def _prepared(scenario: Scenario, cache: Cache | None = None) -> Setting:
    """All that comes before the first block, and one cell taken through every stage.

    Raises
    ------
    CdrsiteError
        All that a run would refuse, one a line.
    """
    scenario = reaching(scenario)
    try:
        setting = prepare(scenario, cache)
        setting = replace(setting, standing=standing_plants(setting))
        warn_of_assumptions(setting)
        check_hours(setting)
        check_emitters(setting)
        check_standing(setting)
        try_one_cell(setting)
    except CdrsiteError as error:
        raise refusal(error, everything_wrong(scenario)) from error
    return setting


def check_study(scenario: Given, *, layers: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Find everything a run would refuse, without running.

    Parameters
    ----------
    scenario, layers
        As for :func:`run`.

    Returns
    -------
    dict
        ``grid``, ``methods``, ``alternatives`` (profiles with more plausible numbers, in words)
        and ``warnings``.

    Raises
    ------
    CdrsiteError
        All that a run would refuse, one a line.
    """
    scenario = as_scenario(scenario, layers)
    with gathered_warnings() as notes, bounded_cache():
        fetch_inputs(scenario)
        setting = _prepared(scenario)
    grid = setting.area.grid
    return {
        "name": scenario.name,
        "grid": {**grid.describe(), "crs_name": grid.crs.name, "cells": grid.size},
        "methods": {
            name: {"profile": model.profile.name} for name, model in setting.models.items()
        },
        "alternatives": alternative_sentences(alternatives(setting)),
        "warnings": notes.texts(),
    }


def list_numbers(scenario: Scenario) -> pd.DataFrame:
    """Every uncertain number of a scenario with its range, law and source; nothing is run.

    Raises
    ------
    CdrsiteError
        All that a run would refuse, one a line.
    """
    with gathered_warnings(), bounded_cache():
        fetch_inputs(scenario)
        return numbers_of(_prepared(scenario))


class Notes:
    """Warnings meant for the user, as they come."""

    def __init__(self, caught: list[warnings.WarningMessage]) -> None:
        self.caught = caught

    def texts(self) -> list[str]:
        """Each text once, in order."""
        ours = [note for note in list(self.caught) if issubclass(note.category, CdrsiteWarning)]
        return list(dict.fromkeys(addressed(hidden(str(note.message))) for note in ours))


@contextmanager
def gathered_warnings() -> Iterator[Notes]:
    """Collect warnings meant for the user; others pass on."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CdrsiteWarning)
        yield Notes(caught)
    for item in caught:
        if not issubclass(item.category, CdrsiteWarning):
            warnings.warn_explicit(item.message, item.category, item.filename, item.lineno)


def try_one_cell(setting: Setting) -> None:
    """Take one cell through every stage: what a later block would refuse is refused here."""
    setting = replace(setting, reader=setting.reader.glance())
    scenario, reader = setting.scenario, setting.reader
    ask_all(scenario, reader)
    policies_of(setting)
    if scenario.network.plan:
        check_network(setting)
        network = scenario.network
        if network.sites is not None:
            existing_sites(network.sites, reader, tuple(setting.models))
        if network.pipelines is not None:
            existing_pipes(network.pipelines, reader, setting.area.grid)
    grid = setting.area.grid
    row, col = grid.rows // 2, grid.cols // 2
    block = Block(row, row + 1, col, col + 1)
    excluded = exclude_block(setting.book, reader, block, setting.area.inside(block))
    if setting.storage is not None:
        sites, basis = storage_sites(setting.storage), pipeline_basis(scenario)
        try_links(scenario.transport, sites, reader, basis, block)
    score_cells(setting, Offers(setting.pools), excluded, block)

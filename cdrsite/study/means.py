"""Where a study works: in memory while it fits, else in a folder that a stopped run leaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdrsite.core.errors import ConfigError, NotEnoughMemoryError
from cdrsite.core.faults import MEMORY_CURE
from cdrsite.core.files import WORK, make_own, remove_own, resolved, side_name
from cdrsite.core.lock import held
from cdrsite.core.machine import cores, free_memory
from cdrsite.engine.cluster import Cluster, check_workers, connected
from cdrsite.engine.passes import Threads, Workspace
from cdrsite.engine.record import input_files, resolved_scenario, versions

if TYPE_CHECKING:
    from cdrsite.core.progress import ProgressSink
    from cdrsite.study.prepare import Setting

CELL_BYTES, METHOD_BYTES, SINK_BYTES, LABEL_BYTES = 60, 134, 75, 8
"""Peak memory of a run in memory: of a cell, and for each method, storage unit per cell and zoning;
measured on grids of 0.1 to 9 million cells."""
ROUTE_BYTES = 16
"""Of a cell and storage unit per cell, where the study asks for the maps of every route."""
SHARE = 0.5
"""Share of the free memory that a run may use when no limit is given."""


@dataclass(frozen=True)
class Means:
    """What a run may use.

    Attributes
    ----------
    threads : int or None
        Threads of this process; all cores when None. The result does not depend on it (rule 9).
    memory : int or None
        Limit for arrays over the cells [bytes]; half of what is free when None.
    folder : Path or None
        Takes the arrays of a run that does not fit, and what is needed to resume it.
    resume : bool
        Go on with what a stopped run left in the folder; the run keeps a journal.
    workers : int
        Processes of this machine that work on the blocks; 0: threads of this one.
    scheduler : str or None
        Address of a Dask scheduler whose workers work on the blocks.
    """

    threads: int | None = None
    memory: int | None = None
    folder: Path | None = None
    resume: bool = False
    workers: int = 0
    scheduler: str | None = None


def work_folder(target: Path) -> Path:
    """Where a run with this target works while it is not finished: beside it."""
    return side_name(resolved(target), "work")


def bytes_needed(setting: Setting) -> int:
    """Memory that a run in memory would take [bytes]."""
    scenario = setting.scenario
    sinks = 0
    if setting.storage is not None:
        sinks = min(scenario.transport.sinks_per_cell, len(setting.storage.names))
    each = CELL_BYTES + METHOD_BYTES * len(setting.models) + SINK_BYTES * sinks
    if scenario.outputs.every_route:
        each += ROUTE_BYTES * sinks
    each += LABEL_BYTES * (len(setting.pools) + len(setting.zonings))
    return each * setting.area.grid.size


@contextmanager
def workspace(setting: Setting, means: Means, progress: ProgressSink) -> Iterator[Workspace]:
    """The workspace of a run.

    Raises
    ------
    ConfigError
        The run does not fit in memory and has no folder; or what it depends on has changed since it
        was stopped.
    NotEnoughMemoryError
        The memory is used up; says how much the run needs.
    """
    try:
        with _workspace(setting, means, progress) as space:
            yield space
    except MemoryError as error:
        got = " ".join(str(error).split())
        raise NotEnoughMemoryError(
            "the memory is used up",
            got=got or None,
            expected=f"about {bytes_needed(setting) / 1e9:.2g} GB for "
            f"{setting.area.grid.size:,} cells in memory, beside the program itself",
            cure=MEMORY_CURE,
        ) from error


@contextmanager
def _workspace(setting: Setting, means: Means, progress: ProgressSink) -> Iterator[Workspace]:
    threads = means.threads or cores()
    needed = bytes_needed(setting)
    limit = int(SHARE * free_memory()) if means.memory is None else means.memory
    shared = means.workers > 0 or means.scheduler is not None
    if not (needed > limit or shared or means.resume):
        yield Workspace(runner=Threads(threads), threads=threads, progress=progress)
        return
    if means.folder is None:
        raise ConfigError(
            "the study is larger than the memory it may use, and has no folder to work in",
            got=f"about {needed / 1e9:.1f} GB for {setting.area.grid.size:,} cells",
            expected=f"at most {limit / 1e9:.1f} GB",
            cure="give a folder, a coarser grid, or more memory",
        )
    folder = means.folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with held(folder, "run of cdrsite"):
        if not means.resume:
            remove_own(folder, WORK)
        make_own(folder, WORK, private=True)
        space = Workspace.in_folder(
            folder, setting.block_size, runner=Threads(threads), threads=threads, progress=progress
        )
        key, files = _key(setting)
        if space.journal is not None:
            space.journal.require_key(key)
        if not shared:
            yield space
            return
        with connected(means.scheduler, means.workers) as client:
            check_workers(client, [*files, folder])
            yield space.with_runner(Cluster(client))


def _key(setting: Setting) -> tuple[dict[str, Any], list[Path]]:
    """What the bytes of a run depend on, and its input files."""
    scenario = setting.scenario
    inputs = input_files(scenario)
    document = resolved_scenario(scenario)
    document["outputs"].pop("folder", None)  # a place, not a choice
    key = {"scenario": document, "inputs": inputs, "versions": versions()}
    return key, [scenario.data_folder / name for name in inputs]

"""One run from a scenario to its folder, as the commands `run` and `sample` ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cdrsite.cli.progress import Progress
from cdrsite.cli.tables import print_json, print_summary
from cdrsite.config.load import placed
from cdrsite.core.machine import check_address_room, parse_bytes
from cdrsite.outputs.staging import claimed
from cdrsite.study.means import Means, work_folder
from cdrsite.study.run import run

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario
    from cdrsite.study.ensemble import Extent


@dataclass(frozen=True)
class Asked:
    """What the options of a command say of how to run, and what to print."""

    workers: int
    scheduler: str | None
    memory: str | None
    resume: bool
    lang: str
    quiet: bool
    as_json: bool
    samples: Extent = "totals"


def run_to_folder(scenario: Scenario, path: Path, target: Path, asked: Asked) -> None:
    """Run a scenario, write its folder, and print what was found.

    Parameters
    ----------
    scenario : Scenario
        What is asked.
    path : Path
        Its file.
    target : Path
        The folder.
    asked : Asked
        How.
    """
    check_address_room()
    limit = None if asked.memory is None else parse_bytes(asked.memory, "--memory")
    # the place is looked at before the work, not after it
    with claimed(target), Progress(enabled=not asked.quiet and not asked.as_json) as progress:
        work = work_folder(target)
        means = Means(
            memory=limit,
            folder=work,
            resume=asked.resume,
            workers=asked.workers,
            scheduler=asked.scheduler,
        )
        with placed(path):
            result = run(scenario, progress=progress, means=means, samples=asked.samples)
        folder = result.write(target, progress=progress, lang=asked.lang)
    if asked.as_json:
        print_json(result.summary)
    elif not asked.quiet:
        print_summary(result, folder, lang=asked.lang)

"""One run from a scenario to its folder, as the commands `run` and `sample` ask for it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cdrsite.cli.progress import Progress
from cdrsite.cli.tables import print_json, print_summary
from cdrsite.config.load import load_scenario, placed, placed_texts
from cdrsite.core.errors import CdrsiteWarning, ConfigError
from cdrsite.core.machine import check_address_room, parse_bytes
from cdrsite.outputs.staging import claimed
from cdrsite.study.asking import wrong_too
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


def read_scenario(path: Path, overrides: Sequence[str]) -> Scenario:
    """Read a scenario; where it is wrong, say in the same answer what is wrong with its data.

    Parameters
    ----------
    path : Path
        Its file.
    overrides : sequence of str
        ``key=value`` texts of ``--set``.

    Raises
    ------
    ConfigError
        All that a run would refuse, one a line, in the order of the file.
    """
    try:
        return load_scenario(path, overrides)
    except ConfigError as error:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CdrsiteWarning)  # of a study that is not run
            more = wrong_too(error)
        if not more:
            raise
        told = [text if text.startswith(key) else f"{key}: {text}" for key, text in more]
        lines = [*str(error).splitlines(), *placed_texts(path, told)]
        lines.sort(key=lambda line: _line_in(path, line))
        raise ConfigError("\n".join(lines)) from error


def _line_in(path: Path, text: str) -> int:
    """The line of the file that a text begins with; what has none comes first."""
    found = re.match(re.escape(f"{path}:") + r"(\d+):", text)
    return int(found.group(1)) if found else 0


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

"""A scenario as the commands read it, before what runs it is imported."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cdrsite.config.load import load_scenario, placed_texts
from cdrsite.core.errors import CdrsiteWarning, ConfigError

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario


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
        from cdrsite.study.asking import wrong_too

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

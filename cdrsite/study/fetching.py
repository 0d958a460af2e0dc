"""Inputs of a study that lie on other machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cdrsite.core.errors import CdrsiteError, ConfigError
from cdrsite.engine.record import keyed_paths
from cdrsite.layers.remote import fetch

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario


def fetch_inputs(scenario: Scenario) -> None:
    """Bring the copies of all remote inputs up to date.

    Raises
    ------
    CdrsiteError
        Those that cannot be had, one a line.
    """
    errors = []
    keys: dict[Path, str] = {}  # each once, by the first key that names it
    for key, path in keyed_paths(scenario.model_dump(by_alias=True)):
        keys.setdefault(path, key)
    for path, key in keys.items():
        try:
            fetch(path, key)
        except CdrsiteError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ConfigError("\n".join(str(error) for error in errors))

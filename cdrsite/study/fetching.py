"""Inputs of a study that lie on other machines."""

from __future__ import annotations

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
    for key, path in dict.fromkeys(keyed_paths(scenario.model_dump(by_alias=True))):
        try:
            fetch(path, key)
        except CdrsiteError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ConfigError("\n".join(str(error) for error in errors))

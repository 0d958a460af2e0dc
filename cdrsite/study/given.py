"""What a study is given in Python: a scenario, a path or a mapping, and data in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdrsite.config.inmemory import instead_of
from cdrsite.config.load import load_scenario
from cdrsite.config.models import Scenario
from cdrsite.core.errors import ConfigError

if TYPE_CHECKING:
    Given = Scenario | Mapping[str, Any] | str | Path


def as_scenario(given: Given, layers: Mapping[str, Any] | None = None) -> Scenario:
    """A scenario from what a Python user gives.

    Parameters
    ----------
    given : Scenario, Mapping, str or Path
        A scenario; its file; or its keys and values, as for :meth:`Scenario.from_dict`.
    layers : Mapping, optional
        Name -> array or table in memory that takes the place of the layer of that name, or is a
        new one; or a mapping with it as ``data`` and further keys of a layer: ``{"data": array,
        "bounds": (west, south, east, north), "crs": "EPSG:4326", "unit": "t/km2/yr"}``. What
        the scenario says of the layer (`unit`, `kind`, `attribute`) stays.

    Raises
    ------
    ConfigError
        If anything is wrong in it.
    DataError
        If data cannot be read as a layer.
    """
    if isinstance(given, str | Path):
        given = load_scenario(given)
    if isinstance(given, Scenario) and not layers:
        return given
    if not isinstance(given, Scenario | Mapping):
        raise ConfigError(
            "not a scenario",
            got=type(given).__name__,
            expected="a Scenario, the path of its file, or a dict of its keys",
        )
    data = given.to_dict() if isinstance(given, Scenario) else dict(given)
    if layers:
        known = data.get("layers") or {}
        new = {
            name: instead_of(known.get(name), value, name, f"layers={name}")
            for name, value in layers.items()
        }
        data["layers"] = {**known, **new}
    return Scenario.from_dict(data)

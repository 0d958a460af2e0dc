"""What a study is given in Python: a scenario, a path or a mapping, and data in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.config.load import load_scenario
from cdrsite.config.models import Scenario
from cdrsite.core.errors import ConfigError
from cdrsite.layers.memory import is_data, keep, placed

if TYPE_CHECKING:
    Given = Scenario | Mapping[str, Any] | str | Path

OF_THE_FILE = ("path", "tiles", "layer", "variable", "encoding", "crs", "ignore_file_nodata")
"""Keys of a layer that say where its data are, and fall with them."""


def as_scenario(given: Given, layers: Mapping[str, Any] | None = None) -> Scenario:
    """A scenario from what a Python user gives.

    Parameters
    ----------
    given : Scenario, Mapping, str or Path
        A scenario; its file; or its keys and values, in which arrays and tables may stand where a
        file would.
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
    data = given.to_dict() if isinstance(given, Scenario) else _kept(given, ())
    for name, value in (layers or {}).items():
        plain = isinstance(value, Mapping) and not is_data(value)  # a Dataset is a mapping too
        entry = dict(value) if plain else {"data": value}
        if not is_data(entry.get("data")):
            raise ConfigError(
                "no data of a layer",
                where=f"layers={name}",
                got=type(entry.get("data", value)).__name__,
                expected="a DataArray, GeoDataFrame or DataFrame, or a mapping with one as data",
            )
        known = data.setdefault("layers", {}).get(name)
        known = known if isinstance(known, Mapping) and "path" in known else {}
        stays = {key: item for key, item in known.items() if key not in OF_THE_FILE}
        data["layers"][name] = {**stays, **_kept(entry, ("layers", name))}
    return Scenario.from_dict(data)


def kept_layers(layers: Mapping[str, Any]) -> dict[str, Any]:
    """Layers as a scenario has them, of data in memory, paths, or mappings with either."""
    return {
        name: {"path": Path(value).absolute()}
        if isinstance(value, str | Path)
        else _kept(value, ("layers", name))
        for name, value in layers.items()
    }


def _kept(value: Any, at: tuple[str, ...]) -> Any:
    """A value in which paths stand in place of data in memory."""
    if isinstance(value, Mapping) and not is_data(value):
        if is_data(value.get("data")):
            return _layer(value, at)
        return {key: _kept(item, (*at, str(key))) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_kept(item, (*at, str(i))) for i, item in enumerate(value)]
    if not is_data(value):
        return value
    path = keep(_name(at), value)
    return {"path": path} if len(at) == 2 and at[0] == "layers" else path


def _layer(value: Mapping[str, Any], at: tuple[str, ...]) -> dict[str, Any]:
    """A layer whose data are in memory."""
    rest = {key: item for key, item in value.items() if key not in {"data", "bounds"}}
    data = value["data"]
    if isinstance(data, np.ndarray) and "bounds" in value:
        data = placed(data, value["bounds"], f"layers={_name(at)}")
    elif "bounds" in value:
        raise ConfigError(
            "data with coordinates have bounds of their own",
            where=f"layers={_name(at)}",
            got=type(data).__name__,
            cure="remove bounds",
        )
    return {"path": keep(_name(at), data), **rest}


def _name(at: tuple[str, ...]) -> str:
    return ".".join(at[1:] if at[:1] == ("layers",) else at) or "data"

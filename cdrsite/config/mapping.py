"""A scenario as plain mappings: what validators may look at, values set by key, YAML text."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic_core import PydanticCustomError

from cdrsite.core.errors import ConfigError
from cdrsite.core.fields import DEFAULT_BASE_YEAR, at_home
from cdrsite.core.secrets import hidden
from cdrsite.core.yamltext import MAX_DEPTH


def context_of(data: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What the validators of a scenario may look at.

    Parameters
    ----------
    data : Mapping
        The scenario.
    folder : Path
        Where it stands.
    """
    return {
        "base_year": _base_year(data),
        "data_folder": _data_folder(data, folder),
        "scenario_folder": folder,
        "confine_to": folder if data.get("confine_paths") is True else None,
        "allow_remote": data.get("allow_remote") is True,
    }


def _base_year(data: Mapping[str, Any]) -> int:
    costs = data.get("costs")
    year = costs.get("base_year") if isinstance(costs, Mapping) else None
    return year if isinstance(year, int) and 2000 <= year <= 2025 else DEFAULT_BASE_YEAR


def _data_folder(data: Mapping[str, Any], folder: Path) -> Path:
    given = data.get("data_folder")
    if not isinstance(given, str | Path) or "\0" in str(given):
        return folder
    try:
        return Path(os.path.normpath(folder / at_home(str(given))))
    except PydanticCustomError:
        return folder  # the model says what is wrong with it


def set_value(data: dict[str, Any], key: str, value: Any, where: str) -> None:
    """Set one value in place by its dotted key; items of lists go by number.

    Parameters
    ----------
    data : dict
        The scenario, changed.
    key : str
        Such as ``costs.prices.electricity``.
    value : object
        A plain value; None is `null`.
    where : str
        Who asks, for errors.

    Raises
    ------
    ConfigError
        If the path runs through something that is not a mapping or list.
    """
    parts = key.strip().split(".")
    if len(parts) > MAX_DEPTH:
        raise ConfigError("nested too deep", where=where, got=key, expected="a key that exists")
    node: Any = data
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        if isinstance(node, list):
            if not part.isdecimal() or int(part) >= len(node):
                raise ConfigError(
                    "no such list item",
                    where=where,
                    got=part,
                    expected=f"a number below {len(node)}",
                )
            index: Any = int(part)
        elif isinstance(node, dict):
            index = int(part) if part.isdecimal() and int(part) in node else part
        else:
            raise ConfigError(
                "the key runs through a single value",
                where=where,
                got=".".join(parts[:i]),
                expected="a mapping or a list",
            )
        if last:
            node[index] = value
        else:
            if isinstance(node, dict) and node.get(index) is None:
                node[index] = {}
            if parts[:2] == ["costs", "prices"] and parts[3:] == ["factor"] and i == 2:
                node[index] = _price_map(node[index])
            node = node[index]


def _price_map(price: Any) -> dict[str, Any]:
    """A price as the mapping that can take a factor."""
    return price if isinstance(price, dict) else {"value": price}


def plain(value: Any) -> Any:
    """A value as YAML can hold it: mappings, lists, texts, numbers, true, false and null.

    Paths become text with slashes, dates ISO text, numbers of NumPy those of Python.
    """
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in (sorted(value) if isinstance(value, set) else value)]
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, np.generic):
        return value.item()
    return value.isoformat() if isinstance(value, datetime.date) else value


def yaml_text(data: Mapping[str, Any]) -> str:
    """A mapping as YAML; secrets by their names."""
    text: str = yaml.safe_dump(plain(data), sort_keys=False, allow_unicode=True, width=100)
    return hidden(text)

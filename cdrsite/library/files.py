"""Reading and strict checking of the library's YAML."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cdrsite.core.errors import ConfigError, MissingFileError
from cdrsite.core.yamltext import load_yaml, read_text

FOLDER = Path(__file__).resolve().parent
"""Folder of the shipped YAML files."""


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping (safe loader, duplicate keys refused).

    Raises
    ------
    MissingFileError
        If there is no such file.
    ConfigError
        If it is not YAML, or not a mapping.
    """
    if not path.is_file():
        raise MissingFileError("file not found", where=str(path), cure="correct the path")
    if path.parent.is_relative_to(FOLDER):
        from ruamel.yaml import YAML

        data = YAML(typ="safe").load(path)  # in C: faster by far
    else:
        data = load_yaml(read_text(path), str(path))
    if not isinstance(data, dict):
        raise ConfigError(
            "not a mapping", where=str(path), got=type(data).__name__, expected="key: value pairs"
        )
    return data


@cache
def read_shipped(name: str) -> dict[str, Any]:
    """Read a YAML file of the package, once; callers must not change it."""
    return read_yaml(FOLDER / name)


def shipped_names(folder: str) -> tuple[str, ...]:
    """Names of the YAML files in a folder of the package, sorted."""
    return tuple(sorted(path.stem for path in (FOLDER / folder).glob("*.yaml")))


def check_keys(
    data: object, where: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Mapping[str, Any]:
    """Refuse anything but a mapping with the required and no unknown keys.

    Raises
    ------
    ConfigError
        Naming the key, and the nearest valid one.
    """
    import difflib

    if not isinstance(data, Mapping):
        raise ConfigError(
            "not a mapping", where=where, got=type(data).__name__, expected=", ".join(required)
        )
    valid = [*required, *optional]
    for key in data:
        if key not in valid:
            near = difflib.get_close_matches(str(key), valid, n=1)
            raise ConfigError(
                "unknown key",
                where=where,
                got=repr(key),
                expected=", ".join(valid),
                cure=f"did you mean {near[0]!r}?" if near else "remove it",
            )
    missing = [key for key in required if key not in data]
    if missing:
        raise ConfigError(
            "key missing", where=where, expected=", ".join(missing), cure="add it", rule=10
        )
    return data


def as_number(value: object, where: str) -> float | None:
    """Return a finite float, or None for null.

    Raises
    ------
    ConfigError
        For anything else, including NaN and infinity.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value - value != 0:
        raise ConfigError(
            "not a finite number", where=where, got=repr(value), expected="a number or null"
        )
    return float(value)


def as_text(value: object, where: str) -> str:
    """Return text with its white space joined.

    Raises
    ------
    ConfigError
        If it is not text, or empty.
    """
    if not isinstance(value, str) or not value.strip():
        raise ConfigError("not a text", where=where, got=repr(value), expected="some text")
    return " ".join(value.split())


def as_numbers(value: object, where: str, length: int | None = None) -> tuple[float, ...]:
    """Return a tuple of finite numbers, of the given length where there is one.

    Raises
    ------
    ConfigError
        If it is no list, holds anything else, or has another length.
    """
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise ConfigError(
            "not a list of numbers",
            where=where,
            got=repr(value),
            expected=f"{length} numbers" if length is not None else "numbers",
        )
    numbers = [as_number(item, where) for item in value]
    if None in numbers:
        raise ConfigError("null in a list of numbers", where=where, got=repr(value))
    return tuple(item for item in numbers if item is not None)


def as_choice(value: object, where: str, choices: tuple[str, ...]) -> str:
    """Return the text if it is one of the choices.

    Raises
    ------
    ConfigError
        Otherwise.
    """
    if value not in choices:
        raise ConfigError(
            "not one of the choices", where=where, got=repr(value), expected=", ".join(choices)
        )
    return str(value)


def as_flag(value: object, where: str) -> bool:
    """Return true or false.

    Raises
    ------
    ConfigError
        For anything else.
    """
    if not isinstance(value, bool):
        raise ConfigError("not true or false", where=where, got=repr(value))
    return value

"""Reading of the library's YAML files into the models that check them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from cdrsite.core.checked import checked
from cdrsite.core.errors import MissingFileError
from cdrsite.core.yamltext import read_text, read_yaml

T = TypeVar("T")

FOLDER = Path(__file__).resolve().parent
"""Folder of the shipped YAML files."""


def read_file(
    kind: type[T],
    path: Path,
    context: Callable[[dict[str, Any]], dict[str, Any]] = lambda _data: {},
) -> T:
    """Read a YAML file as a model.

    Parameters
    ----------
    kind : type
        The model, or a type made of models.
    path : Path
        The file; one of the package, or a person's own.
    context : callable, optional
        What validators may look at, given the plain values of the file.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ConfigError
        If it is not YAML, or anything in it is not as it should be; names file, line and key.
    """
    if not path.is_file():
        raise MissingFileError("file not found", where=str(path), cure="correct the path")
    data, lines = read_yaml(read_text(path), str(path))
    return checked(kind, data, str(path), lines, context(data))


def shipped(folder: str) -> dict[str, Path]:
    """Files in a folder of the package by the name without ending, sorted."""
    return {path.stem: path for path in sorted((FOLDER / folder).glob("*.yaml"))}

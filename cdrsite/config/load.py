"""YAML text to a checked :class:`~cdrsite.config.models.Scenario`.

Every error names the file, the line, the key, what was got and what is expected; all errors of a
file are reported together.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

from cdrsite.config.models import Scenario
from cdrsite.core.checked import KeyPath, checked
from cdrsite.core.errors import CdrsiteError, ConfigError, MissingFileError
from cdrsite.core.fields import DEFAULT_BASE_YEAR, at_home
from cdrsite.core.secrets import keep_secret
from cdrsite.core.yamltext import (
    MAX_DEPTH,
    Lines,
    line_of,
    place_of,
    read_text,
    read_yaml,
    writable,
)

_VARIABLE = re.compile(r"\$\{(secret:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def load_scenario(path: str | Path, overrides: Sequence[str] = ()) -> Scenario:
    """Read and check a scenario file.

    Parameters
    ----------
    path : str or Path
        The YAML file.
    overrides : sequence of str
        ``key=value`` texts as for ``--set``; keys are dotted, list items by number, values YAML.

    Returns
    -------
    Scenario
        Frozen, with absolute paths.

    Raises
    ------
    MissingFileError
        If the file does not exist.
    ConfigError
        If anything in it is wrong; the text lists every problem.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(
            "no such scenario file", got=str(path), cure="check the path, or `cdrsite init DIR`"
        )
    return parse_scenario(read_text(path), path, overrides)


@contextmanager
def placed(path: str | Path) -> Iterator[None]:
    """Give what is refused in a ``with`` block the file and line of the key that it begins with.

    Parameters
    ----------
    path : str or Path
        A scenario file that has been read.
    """
    try:
        yield
    except CdrsiteError as error:
        lines = read_yaml(read_text(Path(path)), str(path))[1]
        texts = []
        for text in str(error).splitlines():
            at = tuple(text.split(":")[0].split(" ")[0].split("."))
            line = line_of(lines, at) if at[:1] in lines else 0
            texts.append(f"{path}:{line}: {text}" if line else text)
        if texts == str(error).splitlines():
            raise
        raise type(error)("\n".join(texts)) from error


def parse_scenario(text: str, path: Path, overrides: Sequence[str] = ()) -> Scenario:
    """Check scenario text as if it stood in ``path``; see :func:`load_scenario`."""
    data, lines = read_yaml(text, str(path), "keys such as region:")
    for override in overrides:
        apply_override(data, override)
    data = _substitute(data, (), str(path), lines)
    folder = path.resolve().parent
    context = {
        "base_year": _base_year(data),
        "data_folder": _data_folder(data, folder),
        "scenario_folder": folder,
        "confine_to": None,
        "allow_remote": data.get("allow_remote") is True,
    }
    if data.get("confine_paths") is True:
        context["confine_to"] = folder
    return checked(Scenario, data, str(path), lines, context, further=_unknown_layers)


def _unknown_layers(scenario: Scenario, gone: set[KeyPath]) -> Iterator[tuple[str, str]]:
    """Keys that name a layer which the scenario lacks, but for those that were wrong themselves."""
    lost = {at[1] for at in gone if at[0] == "layers" and len(at) == 2}
    for text, key in scenario.unknown_layers():
        if not any(f"name; got {layer!r}" in text for layer in lost):
            yield text, key


def apply_override(data: dict[str, Any], text: str) -> None:
    """Set one value in place from ``a.b.0.c=value``.

    Raises
    ------
    ConfigError
        If there is no ``=`` or the path runs through something that is not a mapping or list.
    """
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise ConfigError("not an override", where="--set", got=repr(text), expected="key=value")
    parts = key.strip().split(".")
    if len(parts) > MAX_DEPTH:
        raise ConfigError("nested too deep", where="--set", got=text, expected="a key that exists")
    parsed, _ = read_yaml(f"value: {value.strip() or 'null'}", "--set")
    node: Any = data
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        if isinstance(node, list):
            if not part.isdecimal() or int(part) >= len(node):
                raise ConfigError(
                    "no such list item",
                    where=f"--set {text}",
                    got=part,
                    expected=f"a number below {len(node)}",
                )
            index: Any = int(part)
        elif isinstance(node, dict):
            index = int(part) if part.isdecimal() and int(part) in node else part
        else:
            raise ConfigError(
                "the key runs through a single value",
                where=f"--set {text}",
                got=".".join(parts[:i]),
                expected="a mapping or a list",
            )
        if last:
            node[index] = parsed["value"]
        else:
            if isinstance(node, dict) and node.get(index) is None:
                node[index] = {}
            if parts[:2] == ["costs", "prices"] and parts[3:] == ["factor"] and i == 2:
                node[index] = _price_map(node[index])
            node = node[index]


def _price_map(price: Any) -> dict[str, Any]:
    """A price as the mapping that can take a factor."""
    return price if isinstance(price, dict) else {"value": price}


def _substitute(node: Any, at: tuple[str, ...], name: str, lines: Lines) -> Any:
    """Replace ``${VAR}`` and ``${VAR:-default}`` in texts by environment variables.

    ``${secret:VAR}`` is the same, and nothing that is written or printed shows its value.
    """
    if isinstance(node, dict):
        for key in node:
            _substitute(key, at, name, lines)
        return {k: _substitute(v, (*at, str(k)), name, lines) for k, v in node.items()}
    if isinstance(node, list):
        return [_substitute(v, (*at, str(i)), name, lines) for i, v in enumerate(node)]
    if not isinstance(node, str):
        return node

    def value(match: re.Match[str]) -> str:
        secret, variable, default = match.groups()
        found = os.environ.get(variable, default)
        if found is None:
            raise ConfigError(
                "the environment variable is not set",
                where=place_of(name, lines, at),
                got=match.group(0),
                cure=f"set it, or write ${{{secret or ''}{variable}:-default}}",
            )
        return keep_secret(variable, found, place_of(name, lines, at)) if secret else found

    return writable(_VARIABLE.sub(value, node), place_of(name, lines, at))


def _base_year(data: Mapping[str, Any]) -> int:
    costs = data.get("costs")
    year = costs.get("base_year") if isinstance(costs, dict) else None
    return year if isinstance(year, int) and 2000 <= year <= 2025 else DEFAULT_BASE_YEAR


def _data_folder(data: Mapping[str, Any], folder: Path) -> Path:
    given = data.get("data_folder")
    if not isinstance(given, str) or "\0" in given:
        return folder
    try:
        return Path(os.path.normpath(folder / at_home(given)))
    except PydanticCustomError:
        return folder  # the model says what is wrong with it

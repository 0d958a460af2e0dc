"""YAML text to a checked :class:`~cdrsite.config.models.Scenario`.

Every error names the file, the line, the key, what was got and what is expected; all errors of a
file are reported together.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cdrsite.config.mapping import context_of, set_value
from cdrsite.config.models import Scenario, layers_missing
from cdrsite.core.checked import checked
from cdrsite.core.errors import CdrsiteError, ConfigError, MissingFileError
from cdrsite.core.secrets import keep_secret
from cdrsite.core.yamltext import Lines, line_of, place_of, read_text, read_yaml, writable

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
        texts = placed_texts(path, str(error).splitlines())
        if texts == str(error).splitlines():
            raise
        raise type(error)("\n".join(texts)) from error


def placed_texts(path: str | Path, texts: Sequence[str]) -> list[str]:
    """Texts with the file and line of the key that each begins with, where it begins with one."""
    lines = read_yaml(read_text(Path(path)), str(path))[1]
    found = []
    for text in texts:
        at = tuple(text.split(":", maxsplit=1)[0].split(" ")[0].split("."))
        line = line_of(lines, at) if at[:1] in lines else 0
        found.append(f"{path}:{line}: {text}" if line else text)
    return found


def parse_scenario(text: str, path: Path, overrides: Sequence[str] = ()) -> Scenario:
    """Check scenario text as if it stood in ``path``; see :func:`load_scenario`."""
    data, lines = read_yaml(text, str(path), "keys such as region:")
    for override in overrides:
        apply_override(data, override)
    data = _substitute(data, (), str(path), lines)
    context = context_of(data, path.resolve().parent)
    return checked(Scenario, data, str(path), lines, context, further=layers_missing)


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
    parsed, _ = read_yaml(f"value: {value.strip() or 'null'}", "--set")
    set_value(data, key, parsed["value"], f"--set {text}")


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

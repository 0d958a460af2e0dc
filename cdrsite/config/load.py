"""YAML text to a checked :class:`~cdrsite.config.models.Scenario`.

Every error names the file, the line, the key, what was got and what is expected; all errors of a
file are reported together.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from cdrsite.config.models import Scenario
from cdrsite.core.errors import LONGEST_LIST, ConfigError, MissingFileError, shown
from cdrsite.core.fields import DEFAULT_BASE_YEAR, at_home
from cdrsite.core.secrets import keep_secret
from cdrsite.core.yamltext import MAX_DEPTH, load_yaml, read_text

MAX_ROUNDS = 5
"""Times that what is left is checked again."""
MAX_PROBLEMS = 20
"""More are counted, not listed."""
_VARIABLE = re.compile(r"\$\{(secret:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""Control characters and halves of characters, which neither XML nor a file name can hold."""
HUGE = 10**19
"""Integers from here on fit no integer of the libraries."""
MAX_TEXT = 20_000
"""Characters of one text; a long CRS has some thousands."""
_TAGS = {"file", "constant", "derived", "expression"}

Lines = dict[tuple[str, ...], int]
"""Key path -> line of the file, counted from 1."""


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


def parse_scenario(text: str, path: Path, overrides: Sequence[str] = ()) -> Scenario:
    """Check scenario text as if it stood in ``path``; see :func:`load_scenario`."""
    data, lines = read_yaml(text, str(path))
    for override in overrides:
        apply_override(data, override)
    data = _substitute(data, (), str(path), lines)
    folder = path.resolve().parent
    context = {
        "base_year": _base_year(data),
        "data_folder": _data_folder(data, folder),
        "scenario_folder": folder,
        "confine_to": None,
    }
    if data.get("confine_paths") is True:
        context["confine_to"] = folder
    try:
        return Scenario.model_validate(data, context=context)
    except ValidationError as error:
        raise ConfigError(_everything(error, data, context, str(path), lines)) from error


Problems = dict[str, tuple[str, ...]]
"""What is wrong, ``file:line: key: what; got; expected; cure``, -> key path."""


def _everything(
    error: ValidationError, data: dict[str, Any], context: dict[str, Any], name: str, lines: Lines
) -> str:
    """All that is wrong, also what only shows once the rest can be read: names among keys.

    What is wrong is left out, and the rest is checked again. What was left out is missed then by
    what encloses it, or by what names it: that is no further problem.
    """
    found, rest, gone = _describe(error, name, lines), deepcopy(data), set[tuple[str, ...]]()
    for _ in range(MAX_ROUNDS):
        before = len(gone)
        gone |= {at for at in found.values() if at not in gone and _leave_out(rest, at)}
        if len(gone) == before:
            break
        try:
            scenario = Scenario.model_validate(rest, context=context)
        except ValidationError as error_of_rest:
            further = _describe(error_of_rest, name, lines)
        else:
            keys = ((text, tuple(key.split("."))) for text, key in scenario.unknown_layers())
            further = {f"{_where(name, lines, at)}: {text}": at for text, at in keys}
        lost = {at[1] for at in gone if at[0] == "layers" and len(at) == 2}
        for text, at in further.items():
            encloses = any(left[: len(at)] == at for left in gone)
            if not encloses and not any(f"name; got {layer!r}" in text for layer in lost):
                found[text] = at
    listed = sorted(found, key=lambda text: _line(lines, found[text]))
    if len(listed) > MAX_PROBLEMS:
        listed = [*listed[:MAX_PROBLEMS], f"{name}: and {len(listed) - MAX_PROBLEMS} more"]
    return "\n".join(listed)


def _leave_out(data: Any, at: tuple[str, ...]) -> bool:
    """Take a key out of the data, or what it would lie in; whether there was one."""
    inner: Any = data
    for k, key in enumerate(at):
        if isinstance(inner, list):
            if not (key.isdigit() and int(key) < len(inner)):
                return False
            inner = inner[int(key)]
            continue
        if not isinstance(inner, dict) or key not in inner:
            return False
        if k == len(at) - 1 or not isinstance(inner[key], list | dict):
            del inner[key]
            return True
        inner = inner[key]
    return False


def read_yaml(text: str, name: str) -> tuple[dict[str, Any], Lines]:
    """Parse YAML 1.2 into plain values and remember the lines.

    Raises
    ------
    ConfigError
        Not YAML, duplicate keys, not a mapping, keys that are not text, or nested too deep.
    """
    plain, lines = _parsed(text, name)
    return deepcopy(plain), dict(lines)


@lru_cache(maxsize=8)
def _parsed(text: str, name: str) -> tuple[dict[str, Any], Lines]:
    """As :func:`read_yaml`; a batch reads its scenario again for each run."""
    tree = load_yaml(text, name, "rt")
    if not isinstance(tree, CommentedMap):
        got = "an empty file" if tree is None else f"a {type(tree).__name__}"
        raise ConfigError(
            "the scenario is not a mapping", where=name, got=got, expected="keys such as region:"
        )
    lines: Lines = {}
    plain = _plain(tree, (), lines, name)
    return plain, lines


def _plain(node: Any, at: tuple[str, ...], lines: Lines, name: str) -> Any:
    """Turn ruamel's annotated tree into dicts, lists and scalars."""
    if isinstance(node, CommentedMap):
        return _plain_map(node, at, lines, name)
    if isinstance(node, CommentedSeq):
        for i in range(len(node)):
            _remember(lines, (*at, str(i)), _line_of(node, i))
        return [_plain(value, (*at, str(i)), lines, name) for i, value in enumerate(node)]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (int, float, str):
        if isinstance(node, kind):
            return kind(node)
    if isinstance(node, datetime.date | datetime.datetime):
        return str(node)
    if hasattr(node, "value"):  # a scalar with an unknown tag
        return str(node.value)
    raise ConfigError(
        "not a text, number, list or mapping",
        where=_where(name, lines, at),
        got=type(node).__name__,
    )


def _plain_map(node: CommentedMap, at: tuple[str, ...], lines: Lines, name: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in node.items():
        here = (*at, str(key))
        _remember(lines, here, _line_of(node, key))
        if not isinstance(key, str | int) or isinstance(key, bool):
            raise ConfigError("a key is not text", where=_where(name, lines, here), got=repr(key))
        result[_plain_key(key)] = _plain(value, here, lines, name)
    return result


def _remember(lines: Lines, at: tuple[str, ...], line: int | None) -> None:
    if line is not None:
        lines[at] = line


def _plain_key(key: str | int) -> Any:
    """Keep integer keys (class codes); everything else is text."""
    return int(key) if isinstance(key, int) else str(key)


def _line_of(node: CommentedMap | CommentedSeq, key: Any) -> int | None:
    try:
        return (
            int(node.lc.key(key)[0] if isinstance(node, CommentedMap) else node.lc.item(key)[0]) + 1
        )
    except (AttributeError, KeyError, TypeError, IndexError):
        return None  # merged and generated keys have no place of their own


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
    Texts and numbers that nothing can write or store are refused here.
    """
    if isinstance(node, dict):
        for key in node:
            _substitute(key, at, name, lines)
        return {k: _substitute(v, (*at, str(k)), name, lines) for k, v in node.items()}
    if isinstance(node, list):
        return [_substitute(v, (*at, str(i)), name, lines) for i, v in enumerate(node)]
    if isinstance(node, int) and abs(node) >= HUGE:
        raise ConfigError(
            "too large a number",
            where=_where(name, lines, at),
            got=node,
            expected="at most 19 digits",
            cure="write it with an exponent, such as 1e25, if it is meant",
        )
    if not isinstance(node, str):
        return node

    def value(match: re.Match[str]) -> str:
        secret, variable, default = match.groups()
        found = os.environ.get(variable, default)
        if found is None:
            raise ConfigError(
                "the environment variable is not set",
                where=_where(name, lines, at),
                got=match.group(0),
                cure=f"set it, or write ${{{secret or ''}{variable}:-default}}",
            )
        return keep_secret(variable, found, _where(name, lines, at)) if secret else found

    found = _VARIABLE.sub(value, node)
    if len(found) > MAX_TEXT or (not found.isprintable() and _UNWRITABLE.search(found)):
        raise ConfigError(
            "not a text that can be written",
            where=_where(name, lines, at),
            got=found,
            expected=f"at most {MAX_TEXT:,} characters, without control characters",
        )
    return found


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


def _where(name: str, lines: Lines, at: tuple[str, ...]) -> str:
    """``file:line: key`` for a key path, with the nearest enclosing line that is known."""
    for length in range(len(at), 0, -1):
        if at[:length] in lines:
            return f"{name}:{lines[at[:length]]}: {'.'.join(at)}"
    return f"{name}: {'.'.join(at)}" if at else name


def _describe(error: ValidationError, name: str, lines: Lines) -> Problems:
    """Problems of one look at the data."""
    found: Problems = {}
    for item in error.errors(include_url=False):
        context = item.get("ctx", {})
        for one in context.get("many", ()):
            at = tuple(one["at"].split("."))
            where = shown(_where(name, lines, at), LONGEST_LIST)
            found[f"{where}: {shown(one['text'], 2000)}"] = at
        if "many" in context:
            continue
        at = _key_path(item["loc"], lines)
        if item["type"] == "unknown_key":
            at = (*at, str(context["key"]))
        at = (*at, *filter(None, str(context.get("at", "")).split(".")))
        text = item["msg"].removeprefix("Value error, ")
        if item["type"] not in {"unknown_key", "cdrsite", "missing"}:
            text += f"; got {_short(item['input'])}"
        if item["type"] == "missing":
            text = "this key is needed"
        found[f"{shown(_where(name, lines, at), LONGEST_LIST)}: {shown(text, 2000)}"] = at
    return found


def _line(lines: Lines, at: tuple[str, ...]) -> int:
    """Line of a key path, or of what encloses it; 0 where none is known."""
    known = (lines[at[:length]] for length in range(len(at), 0, -1) if at[:length] in lines)
    return next(known, 0)


def _key_path(loc: tuple[int | str, ...], lines: Lines) -> tuple[str, ...]:
    """The key path a person wrote: pydantic's, less the tags and type names of unions."""
    path: tuple[str, ...] = ()
    for part in loc:
        text = "for" if part == "for_" else "from" if part == "from_" else str(part)
        longer = (*path, text)
        if longer in lines or not (text in _TAGS or "[" in text or _is_type_name(text)):
            path = longer
    return path


def _is_type_name(text: str) -> bool:
    return text in {"str", "int", "float", "bool", "constrained-str", "literal"} or text.startswith(
        ("function-", "dict", "tuple", "list")
    )


def _short(value: object) -> str:
    try:
        return shown(repr(value), 80)
    except (ValueError, RecursionError):  # an integer of thousands of digits
        return f"a {type(value).__name__} too large to be shown"

"""YAML that strangers wrote: read within bounds of depth, length and what its aliases stand for.

A few lines of aliases can mean billions of values, and some ways of nesting take the parser
exponential time: both are refused while the text is read.
"""

from __future__ import annotations

import datetime
import io
import re
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, ScalarEvent
from ruamel.yaml.nodes import MappingNode

from cdrsite.core.errors import ConfigError

MAX_BYTES = 2_000_000
"""Of a file."""
MAX_DEPTH = 30
"""Levels of lists and mappings."""
MAX_VALUES = 50_000
"""Keys and values, those that aliases stand for included."""
MAX_TEXT = 20_000
"""Characters of one text; a long CRS has some thousands."""
HUGE = 10**19
"""Integers from here on fit no integer of the libraries."""
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""Control characters and halves of characters, which neither XML nor a file name can hold."""

Lines = dict[tuple[str, ...], int]
"""Key path -> line of the file, counted from 1."""


class _Bounded(Composer):
    """The composer of ruamel.yaml, which counts what it composes."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader=loader)
        self.levels = 0
        self.counts: list[int] = [0]
        self.sizes: dict[int, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose one node and all below it; ``index`` is None for keys."""
        event = self.parser.peek_event()
        line = event.start_mark.line + 1
        if isinstance(parent, MappingNode) and index is None and not _plain_key(event):
            raise _Refused("a key is not text", line, "a list or mapping as a key")
        if self.levels > MAX_DEPTH:
            raise _Refused("nested too deep", line, f"more than {MAX_DEPTH} levels")
        self.levels += 1
        self.counts.append(1)
        node = super().compose_node(parent, index)
        self.levels -= 1
        count = self.counts.pop()
        if isinstance(event, AliasEvent):
            if id(node) not in self.sizes:
                raise _Refused("an alias of itself", line, f"*{event.anchor}")
            count = self.sizes[id(node)]
        else:
            self.sizes[id(node)] = count
        self.counts[-1] += count
        if self.counts[-1] > MAX_VALUES:
            raise _Refused("too many values", line, f"more than {MAX_VALUES:,}, aliases spelt out")
        return node


def _plain_key(event: Any) -> bool:
    return isinstance(event, ScalarEvent | AliasEvent)


class _Refused(Exception):  # noqa: N818 - caught in this module
    """What is beyond the bounds, and in which line."""

    def __init__(self, what: str, line: int, got: str) -> None:
        super().__init__(what)
        self.what, self.line, self.got = what, line, got


def read_text(path: Path) -> str:
    """The text of a YAML file.

    Raises
    ------
    ConfigError
        If it is too large, or not text.
    """
    if path.stat().st_size > MAX_BYTES:
        raise ConfigError(
            "too large for a YAML file", where=str(path), expected=f"under {MAX_BYTES:,} bytes"
        )
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError("not a UTF-8 text file", where=str(path), got=error) from error


def load_yaml(text: str, name: str) -> Any:
    """Parse YAML 1.2 to ruamel's values, which know their lines.

    Parameters
    ----------
    text : str
        The text.
    name : str
        Where it stands, for errors.

    Raises
    ------
    ConfigError
        Not YAML, duplicate keys, or beyond the bounds; names the line.
    """
    yaml = YAML(typ="rt", pure=True)
    yaml.Composer = _Bounded
    try:
        return yaml.load(io.StringIO(text))  # round trip: makes plain values only, no objects
    except _Refused as error:
        raise ConfigError(
            error.what,
            where=f"{name}:{error.line}",
            got=error.got,
            cure="write it flatter and shorter",
        ) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(
            f"not valid YAML: {error.problem or error.context}",
            where=f"{name}:{mark.line + 1}" if mark else name,
            cure="check indentation, quotes and duplicate keys",
        ) from error
    # the parser lets some malformed tags and numbers through to Python's own errors
    except (YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError,
            AssertionError, NotImplementedError, OverflowError) as error:  # fmt: skip
        raise ConfigError("not valid YAML", where=name, got=error) from error


def read_yaml(
    text: str, name: str, expected: str = "lines of key: value"
) -> tuple[dict[str, Any], Lines]:
    """Parse YAML 1.2 into plain values and remember the lines.

    Parameters
    ----------
    text, name : str
        The text, and the file it stands in.
    expected : str
        What the file should hold, for errors.

    Raises
    ------
    ConfigError
        Not YAML, duplicate keys, not a mapping, keys that are not text, or nested too deep.
    """
    plain, lines = _parsed(text, name, expected)
    return deepcopy(plain), dict(lines)


@lru_cache(maxsize=8)
def _parsed(text: str, name: str, expected: str) -> tuple[dict[str, Any], Lines]:
    """As :func:`read_yaml`; a batch reads its scenario again for each run."""
    tree = load_yaml(text, name)
    if not isinstance(tree, CommentedMap):
        got = "an empty file" if tree is None else f"a {type(tree).__name__}"
        raise ConfigError("not a mapping", where=name, got=got, expected=expected)
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
    return _scalar(node, place_of(name, lines, at))


def _scalar(node: Any, where: str) -> Any:
    if isinstance(node, bool) or node is None:
        return node
    if isinstance(node, float):
        return float(node)
    if isinstance(node, int) and abs(node) < HUGE:
        return int(node)
    if isinstance(node, int):
        raise ConfigError(
            "too large a number",
            where=where,
            got=node,
            expected="at most 19 digits",
            cure="write it with an exponent, such as 1e25, if it is meant",
        )
    if isinstance(node, str | datetime.date) or hasattr(node, "value"):
        # text, a day, or a scalar with an unknown tag
        return writable(str(getattr(node, "value", node)), where)
    raise ConfigError("not a text, number, list or mapping", where=where, got=type(node).__name__)


def _plain_map(node: CommentedMap, at: tuple[str, ...], lines: Lines, name: str) -> dict[str, Any]:
    result: dict[Any, Any] = {}
    for key, value in node.items():
        here = (*at, str(key))
        _remember(lines, here, _line_of(node, key))
        if not isinstance(key, str | int) or isinstance(key, bool):
            raise ConfigError("a key is not text", where=place_of(name, lines, here), got=repr(key))
        # numbers stay: codes of classes
        made = _scalar(key, place_of(name, lines, here))
        result[made] = _plain(value, here, lines, name)
    return result


def _remember(lines: Lines, at: tuple[str, ...], line: int | None) -> None:
    if line is not None:
        lines[at] = line


def _line_of(node: CommentedMap | CommentedSeq, key: Any) -> int | None:
    try:
        return (
            int(node.lc.key(key)[0] if isinstance(node, CommentedMap) else node.lc.item(key)[0]) + 1
        )
    except (AttributeError, KeyError, TypeError, IndexError):
        return None  # merged and generated keys have no place of their own


def writable(text: str, where: str) -> str:
    """Return the text, or refuse what no file can hold.

    Raises
    ------
    ConfigError
        Too long, or with control characters; ``where`` is its place.
    """
    if len(text) > MAX_TEXT or (not text.isprintable() and _UNWRITABLE.search(text)):
        raise ConfigError(
            "not a text that can be written",
            where=where,
            got=text,
            expected=f"at most {MAX_TEXT:,} characters, without control characters",
        )
    return text


def place_of(name: str, lines: Lines, at: tuple[str, ...]) -> str:
    """``file:line: key`` of a key path, with the nearest enclosing line that is known."""
    line = line_of(lines, at)
    return (
        f"{name}:{line}: {'.'.join(at)}" if line else ": ".join(filter(None, (name, ".".join(at))))
    )


def line_of(lines: Lines, at: tuple[str, ...]) -> int:
    """Line of a key path, or of what encloses it; 0 where none is known."""
    known = (lines[at[:length]] for length in range(len(at), 0, -1) if at[:length] in lines)
    return next(known, 0)

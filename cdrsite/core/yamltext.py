"""YAML that strangers wrote: read within bounds of depth, length and what its aliases stand for.

The text is taken apart by libyaml, in C, and resolved here by the rules of YAML 1.2: ``yes`` and
``on`` are text, ``1e3`` and ``0o17`` are numbers, days stay text. A few lines of aliases can mean
billions of values, so what they stand for is counted while the text is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

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
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Only its events are used; without libyaml they come ten times slower, and are the same."""
_CORE = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?0b[01_]+|[-+]?0o[0-7_]+|[-+]?[0-9][0-9_]*|[-+]?0x[0-9a-fA-F_]+")
_REAL = re.compile(
    r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|[-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_STARTS = frozenset("+-.0123456789")
_BASES = {"0b": 2, "0o": 8, "0x": 16}
_TAGGED = {"int": int, "float": float, "bool": bool, "null": type(None)}
_CURE = "check indentation, quotes and duplicate keys"

Lines = dict[tuple[str, ...], int]
"""Key path -> line of the file, counted from 1."""


class _Part(NamedTuple):
    """A value as it stands in the text."""

    line: int
    value: Any
    """A scalar, a list of nodes, or a list of pairs of nodes."""
    kind: type
    """Of the value: list, dict (of pairs), or object for a scalar."""
    values: int
    """Keys and values, those that aliases stand for included."""


class _PartReader:
    """Nodes of a text, counted on the way."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self._anchors: dict[str, _Part | None] = {}
        self._total = 0

    def document(self) -> _Part | None:
        """The one document; None of a text without any."""
        next(self._events)  # the stream begins
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        node = self._node(next(self._events), 0)
        next(self._events)  # the document ends
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise _Refused("not valid YAML: more than one document", _line(after), None, _CURE)
        return node

    def _node(self, event: Any, level: int) -> _Part:
        line, before = _line(event), self._total
        if level > MAX_DEPTH:
            raise _Refused("nested too deep", line, f"more than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            node = self._alias(event.anchor, line)
            self._add(node.values, line)
            return node
        self._add(1, line)
        if event.anchor:
            self._anchors[event.anchor] = None  # until it is whole
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            kind, value = object, _resolved(event, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            kind, value = list, list(self._items(event, level))
        else:
            kind, value = dict, self._pairs(event, level)
        node = _Part(line, value, kind, self._total - before)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _add(self, count: int, line: int) -> None:
        self._total += count
        if self._total > MAX_VALUES:
            raise _Refused("too many values", line, f"more than {MAX_VALUES:,}, aliases spelt out")

    def _alias(self, anchor: str, line: int) -> _Part:
        if anchor not in self._anchors:
            raise _Refused("not valid YAML: undefined alias", line, f"*{anchor}")
        node = self._anchors[anchor]
        if node is None:
            raise _Refused("an alias of itself", line, f"*{anchor}")
        return node

    def _items(self, start: Any, level: int) -> Iterator[_Part]:
        _refuse_tag(start, "seq")
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, level + 1)

    def _pairs(self, start: Any, level: int) -> list[tuple[_Part, _Part]]:
        _refuse_tag(start, "map")
        own: dict[tuple[type, object], tuple[_Part, _Part]] = {}
        merged: list[_Part] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line, key = _line(event), self._key(event, level + 1)
            merges = isinstance(event, yaml.ScalarEvent) and event.implicit[0] and key.value == "<<"
            known = (type(key.value), key.value)  # 1 is not true
            if known in own or (merges and merged):
                what = f'not valid YAML: found duplicate key "{key.value}"'
                raise _Refused(what, line, None, _CURE)
            value = self._node(next(self._events), level + 1)
            if merges:
                merged = value.value if value.kind is list else [value]
                if not merged or any(node.kind is not dict for node in merged):
                    raise _Refused("not valid YAML: << merges mappings only", line, None, _CURE)
            else:
                own[known] = (key, value)
        for node in merged:
            for key, value in node.value:
                own.setdefault((type(key.value), key.value), (key, value))
        return list(own.values())

    def _key(self, event: Any, level: int) -> _Part:
        if isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            key = self._node(event, level)
            if key.kind is object:
                return key
        raise _Refused("a key is not text", _line(event), "a list or mapping as a key")


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _refuse_tag(event: Any, plain: str) -> None:
    """Refuse the sets and ordered mappings of YAML; tags that nobody knows say nothing."""
    tag = event.tag or ""
    if tag.startswith(_CORE) and tag != _CORE + plain:
        got = f"!!{tag.removeprefix(_CORE)}"
        raise _Refused("not a text, number, list or mapping", _line(event), got, _CURE)


def _resolved(event: Any, line: int) -> Any:
    """Value of a scalar: what its tag says, or what its text looks like where it has no quotes."""
    text, tag = event.value, event.tag or ""
    if event.implicit[0]:
        return _looked_up(text, line)
    if not tag.startswith(_CORE) or tag in {_CORE + "str", _CORE + "timestamp"}:
        return text
    kind = tag.removeprefix(_CORE)
    value = _looked_up(text, line)
    if kind == "float" and type(value) is int:
        return float(value)
    if kind not in _TAGGED or type(value) is not _TAGGED[kind]:
        raise _Refused(f"not valid YAML: no value of the type {kind}", line, repr(text), _CURE)
    return value


def _looked_up(text: str, line: int) -> Any:
    """Value of a text without quotes, by the rules of YAML 1.2."""
    if text[:1] in _STARTS:
        if _INTEGER.fullmatch(text):
            return _integer(text, line)
        if _REAL.fullmatch(text):
            digits = text.replace("_", "").lower()
            return float(digits.replace(".inf", "inf").replace(".nan", "nan"))
    return _WORDS.get(text, text)


def _integer(text: str, line: int) -> int:
    digits = text.replace("_", "")
    base = _BASES.get(digits.lstrip("+-")[:2], 10)
    try:
        return int(digits, base)
    except ValueError as error:  # no digit, or thousands of them
        raise _Refused("not valid YAML", line, str(error), _CURE) from error


class _Refused(Exception):  # noqa: N818 - caught in this module
    """What is beyond the bounds, and in which line."""

    def __init__(
        self, what: str, line: int, got: str | None, cure: str = "write it flatter and shorter"
    ) -> None:
        super().__init__(what)
        self.what, self.line, self.got, self.cure = what, line, got, cure


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
    root = _composed(text, name)
    if root is None or root.kind is not dict:
        got = "an empty file" if root is None or root.value is None else _kind_of(root)
        raise ConfigError("not a mapping", where=name, got=got, expected=expected)
    lines: Lines = {}
    return _plain(root, (), lines, name), lines


def _kind_of(node: _Part) -> str:
    return "a list" if node.kind is list else f"{node.value!r}"


@lru_cache(maxsize=8)
def _composed(text: str, name: str) -> _Part | None:
    """Nodes of a text; a batch reads its scenario again for each run."""
    try:
        return _PartReader(text).document()
    except _Refused as error:
        where = f"{name}:{error.line}"
        raise ConfigError(error.what, where=where, got=error.got, cure=error.cure) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(
            f"not valid YAML: {error.problem or error.context}",
            where=f"{name}:{mark.line + 1}" if mark else name,
            cure=_CURE,
        ) from error
    except yaml.reader.ReaderError as error:
        before = text.encode(errors="replace")[: error.position]
        where = f"{name}:{before.count(10) + 1}"
        raise ConfigError("not valid YAML", where=where, got=error.reason, cure=_CURE) from error
    except UnicodeEncodeError as error:  # halves of characters
        raise ConfigError("not valid YAML", where=name, got=error, cure=_CURE) from error


def _plain(node: _Part, at: tuple[str, ...], lines: Lines, name: str) -> Any:
    """Turn nodes into dicts, lists and scalars, new ones for each alias."""
    if node.kind is dict:
        made: dict[Any, Any] = {}
        for key, value in node.value:
            here = (*at, str(key.value))
            lines[here] = key.line
            if not isinstance(key.value, str | int) or isinstance(key.value, bool):
                where, got = place_of(name, lines, here), repr(key.value)
                raise ConfigError("a key is not text", where=where, got=got)
            # numbers stay: codes of classes
            plain_key = _scalar(key.value, name, lines, here)
            made[plain_key] = _plain(value, here, lines, name)
        return made
    if node.kind is list:
        items = []
        for i, item in enumerate(node.value):
            here = (*at, str(i))
            lines[here] = item.line
            items.append(_plain(item, here, lines, name))
        return items
    return _scalar(node.value, name, lines, at)


def _scalar(value: Any, name: str, lines: Lines, at: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        if len(value) <= MAX_TEXT and value.isprintable():
            return value
        return writable(value, place_of(name, lines, at))
    if isinstance(value, int) and abs(value) >= HUGE:
        raise ConfigError(
            "too large a number",
            where=place_of(name, lines, at),
            got=value,
            expected="at most 19 digits",
            cure="write it with an exponent, such as 1e25, if it is meant",
        )
    return value


class _YamlWriter(yaml.SafeDumper):
    """Puts quotes around what would be read as a number or a word of YAML 1.2."""


_YamlWriter.add_implicit_resolver(_CORE + "int", _INTEGER, list(_STARTS))
_YamlWriter.add_implicit_resolver(_CORE + "float", _REAL, list(_STARTS))


def write_yaml(data: Any) -> str:
    """Plain values as YAML 1.2 text, in their order, which :func:`read_yaml` reads back."""
    text: str = yaml.dump(
        data, Dumper=_YamlWriter, sort_keys=False, allow_unicode=True, default_flow_style=False
    )
    return text


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

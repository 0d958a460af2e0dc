"""YAML that strangers wrote: read within bounds of depth, length and what its aliases stand for.

A few lines of aliases can mean billions of values, and some ways of nesting take the parser
exponential time: both are refused while the text is read.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML
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


def load_yaml(text: str, name: str, typ: Literal["rt", "safe"] = "safe") -> Any:
    """Parse YAML 1.2.

    Parameters
    ----------
    text : str
        The text.
    name : str
        Where it stands, for errors.
    typ : {"safe", "rt"}
        Plain values, or ruamel's with their lines.

    Raises
    ------
    ConfigError
        Not YAML, duplicate keys, or beyond the bounds; names the line.
    """
    yaml = YAML(typ=typ, pure=True)
    yaml.Composer = _Bounded
    try:
        return yaml.load(io.StringIO(text))
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

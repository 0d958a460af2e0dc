"""The page of the commands, from the command line itself."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

from typer.models import ArgumentInfo, OptionInfo

from cdrsite.cli.main import COMMANDS
from generate.markdown import code, page, table, text

INTRO = """
# Commands

`cdrsite COMMAND --help` prints the same. What a command prints for people goes to standard output,
what it has to say about itself to standard error; `--json` prints one JSON document and nothing
else.

| Exit code | Meaning |
| --- | --- |
| 0 | done |
| 1 | the run failed |
| 2 | the request was wrong: a scenario or its data; nothing is written |
| 130, 143, 129 | stopped with Ctrl-C, by the system, by the end of the terminal |
| 141 | the reader of the output went away |
"""


def pages() -> dict[str, str]:
    """Name of a page -> its text."""
    return {"commands": page(INTRO, *(section(*one) for one in COMMANDS.items()))}


def parameters(function: Callable[..., Any]) -> dict[str, tuple[ArgumentInfo | OptionInfo, Any]]:
    """Parameter -> what the command line knows of it, and its default."""
    hints = typing.get_type_hints(function, include_extras=True)
    signature = inspect.signature(function).parameters
    return {
        name: (mark, signature[name].default)
        for name, hint in hints.items()
        for mark in getattr(hint, "__metadata__", ())
        if isinstance(mark, ArgumentInfo | OptionInfo)
    }


def options(name: str, mark: OptionInfo) -> list[str]:
    """How an option is written: ``--quiet``, ``-q``."""
    # in Annotated, Typer takes the first name for a default
    first = [mark.default] if mark.default and str(mark.default).startswith("-") else []
    return [*first, *(mark.param_decls or ())] or [f"--{name.strip('_').replace('_', '-')}"]


def is_flag(function: Callable[..., Any], name: str) -> bool:
    """Whether an option takes no value."""
    return typing.get_type_hints(function)[name] is bool


def section(name: str, function: Callable[..., Any]) -> str:
    """One command with its arguments and options."""
    rows, usage = [], ["cdrsite", name]
    for key, (mark, default) in parameters(function).items():
        if isinstance(mark, ArgumentInfo):
            shown = mark.metavar or key.upper()
            usage.append(shown if default is inspect.Parameter.empty else f"[{shown}]")
        else:
            shown = ", ".join(options(key, mark)) + (f" {mark.metavar}" if mark.metavar else "")
        value = getattr(default, "value", default)
        plain = isinstance(value, str | int | float) and not isinstance(value, bool)
        rows.append((code(shown), text(mark.help or ""), code(value) if plain and value else ""))
    heading = f"(command-{name})=\n## {code(f'cdrsite {name}')}"
    words = (inspect.getdoc(function) or "").partition("\n")[0]
    head = ("Argument or option", "What it is", "Default")
    listed = table(head, rows) if rows else ""
    return page(heading, text(words), f"{code(' '.join(usage))}", listed)

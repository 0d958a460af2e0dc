"""Pieces of MyST Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\*_{}\[\]<>$|#~])")
_CODE = re.compile(r"(`+[^`]+`+)")
_BARE_ADDRESS = re.compile(r"(https?://[^\s)>\]]*[^\s)>\].,;])")
_DOI = re.compile(r"\bdoi:(10\.[^\s)>\]]*[^\s)>\].,;])")


def text(words: object) -> str:
    """Words for people as Markdown: signs stand for themselves, `code` stays code, DOIs lead on."""
    parts = []
    for k, part in enumerate(_CODE.split(_in_one_line(str(words)))):
        if k % 2:
            parts.append(part)
            continue
        for piece in re.split(
            r"(\bdoi:10\.[^\s)>\]]*[^\s)>\].,;]|https?://[^\s)>\]]*[^\s)>\].,;])", part
        ):
            doi, address = _DOI.fullmatch(piece), _BARE_ADDRESS.fullmatch(piece)
            if doi:
                parts.append(f"[doi:{_escaped(doi[1])}](https://doi.org/{doi[1]})")
            elif address:
                parts.append(f"<{piece}>")
            else:
                parts.append(_escaped(piece))
    return "".join(parts)


def _in_one_line(words: str) -> str:
    """Without line breaks; the no-break spaces inside numbers stay."""
    return re.sub(r"[ \t\n]+", " ", words).strip(" ")


def sentences(*parts: object) -> str:
    """Parts of a text as sentences in a row, each with its end; empty ones are left out."""
    said = [one for part in parts if (one := text(part))]
    ends = (".", ":", "!", "?")
    closed = [one if one.rstrip(")\"'").endswith(ends) else f"{one}." for one in said]
    return " ".join(closed)


def _escaped(words: str) -> str:
    return _SPECIAL.sub(r"\\\1", words)


def code(words: object) -> str:
    """Words as code, in as many backticks as they need."""
    plain = str(words)
    longest = max((len(run) for run in re.findall("`+", plain)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{pad}{plain}{pad}{fence}"


def cell(words: str) -> str:
    """Markdown that may stand in a cell of a table; signs of the table inside code, too."""
    return _CODE.sub(lambda m: m[0].replace("|", "\\|"), _in_one_line(words)) or " "


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are Markdown already."""
    lines = [f"| {' | '.join(map(cell, head))} |", f"|{' --- |' * len(head)}"]
    lines += [f"| {' | '.join(map(cell, row))} |" for row in rows]
    return "\n".join(lines) + "\n"


def block(language: str, words: str) -> str:
    """A fenced block."""
    return f"```{language}\n{words.rstrip()}\n```\n"


def page(*parts: str) -> str:
    """Parts of a page, a blank line between them."""
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def toctree(names: Iterable[str], *, hidden: bool = False, depth: int = 1) -> str:
    """A table of contents of pages."""
    options = [f":maxdepth: {depth}", *([":hidden:"] if hidden else [])]
    return "\n".join(["```{toctree}", *options, "", *names, "```"])

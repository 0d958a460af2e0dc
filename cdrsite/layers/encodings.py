"""Which letters the bytes of a text mean: said by the file or the scenario, never guessed.

A guess is offered in the error, with what the text would then be, and is not taken.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from cdrsite.core.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

VARIES = "cdrsite_varies"
"""Key of a frame's attributes: column -> the column by which features were merged."""
UNREADABLE = "cdrsite_unreadable"
"""Key of a frame's attributes: column -> why its text cannot be read."""
LIKELY = (
    "utf-8", "gb2312", "big5", "shift_jis", "euc-kr", "cp1251", "cp1252", "gb18030", "cp1256",
)  # fmt: skip
"""Encodings that are tried in this order, the stricter ones first."""
CALLED = {"gb2312": "GBK", "shift_jis": "Shift_JIS", "cp1252": "cp1252", "cp1251": "cp1251"}
"""What people call them; GBK holds all of GB 2312."""
MOST_OFFERED = 3
ANSI = 0x57
"""Mark of a dBASE table in the code page of whichever Windows wrote it."""
LONGEST_SAMPLE = 20
MOST_ROWS = 20_000


def known(name: str, where: str) -> str:
    """The encoding of a name.

    Raises
    ------
    DataError
        There is none of this name.
    """
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise DataError(
            "no such encoding", where=where, got=name, expected="e.g. UTF-8, GBK, Shift_JIS, cp1252"
        ) from error


def guesses(samples: Iterable[bytes]) -> list[tuple[str, str]]:
    """Encodings in which texts can be read, each with the first text read so."""
    texts = list(samples)
    found = []
    # letters of one byte among plain ones are of the West; characters of the East take two
    single = all(len(run) == 1 for text in texts for run in re.findall(rb"[\x80-\xff]+", text))
    for name in sorted(LIKELY, key=lambda name: name != "cp1252") if single else LIKELY:
        try:
            read = [text.decode(name) for text in texts]
        except UnicodeDecodeError:
            continue
        if all(one.isprintable() for one in read):
            found.append((CALLED.get(name, name.upper()), read[0][:LONGEST_SAMPLE]))
    return found[:MOST_OFFERED]


def refusal(where: str, samples: Iterable[bytes], got: str, cure: str = "") -> DataError:
    """Refusal of a text that cannot be read, with the guesses."""
    offered = guesses(samples)
    shown = "; ".join(f"as {name} it would begin {text!r}" for name, text in offered)
    name = offered[0][0] if offered else "..."
    return DataError(
        "the text cannot be read: its encoding is not known",
        where=where,
        got=f"{got}; {shown}" if shown else got,
        expected="the encoding in which it was written",
        cure=f"encoding: {name}" + (f", {cure}" if cure else "") + ", if that is what it says",
        rule=7,
    )


def doubtful_columns(path: Path) -> dict[str, list[bytes]]:
    """Text columns of a Shapefile whose letters nothing explains: column -> some texts.

    A ``.cpg`` file beside it, or a code page in the table's header, would.
    """
    table = _beside(path, ".dbf")
    if table is None or _beside(path, ".cpg") is not None:
        return {}
    with table.open("rb") as stream:
        head = stream.read(32)
        if len(head) < 32 or head[29] not in {0, ANSI}:
            return {}
        first, length = int.from_bytes(head[8:10], "little"), int.from_bytes(head[10:12], "little")
        fields = stream.read(max(0, first - 32))
        columns = list(_text_fields(fields))
        found: dict[str, list[bytes]] = {}
        stream.seek(first)
        for record in islice(iter(lambda: stream.read(length), b""), MOST_ROWS):
            for name, start, size in columns:
                text = record[start : start + size].strip(b" \0")
                if not text.isascii() and len(found.setdefault(name, [])) < 100:
                    found[name].append(text)
    return {name: texts for name, texts in found.items() if texts}


def _beside(path: Path, suffix: str) -> Path | None:
    names = (path.with_suffix(suffix), path.with_suffix(suffix.upper()))
    return next((one for one in names if one.is_file()), None)


def _text_fields(fields: bytes) -> Iterator[tuple[str, int, int]]:
    """Name, first byte in a record and length of each field of text."""
    at = 1
    for i in range(0, len(fields) - 31, 32):
        if fields[i] == 0x0D:
            return
        size = fields[i + 16]
        if fields[i + 11 : i + 12] == b"C":
            size += 256 * fields[i + 17]
            yield fields[i : i + 11].split(b"\0")[0].decode("latin-1"), at, size
        at += size


def mark(frame: pd.DataFrame, path: Path) -> None:
    """Note on a frame which of its columns cannot be read; who asks for one is told."""
    if path.suffix.lower() == ".shp":
        frame.attrs[UNREADABLE] = doubtful_columns(path)


def require_readable(frame: pd.DataFrame, column: str, where: str) -> None:
    """Refuse a column whose letters are not known, or that has several values per feature.

    Raises
    ------
    DataError
        With guesses of its encoding, or with what makes one value of several.
    """
    by = frame.attrs.get(VARIES, {}).get(column)
    if by:
        raise DataError(
            f"column {column!r} has several values in a feature that was merged",
            where=where,
            got=f"dissolve: {by}",
            cure=f"sum: [{column}] on the layer, if they are amounts",
            rule=7,
        )
    texts = frame.attrs.get(UNREADABLE, {}).get(column)
    if texts:
        raise refusal(
            where,
            texts,
            f"column {column!r} of a Shapefile without a .cpg file",
            "or write that name into a .cpg file beside it",
        )

"""Files that appear whole or not at all, their hashes, and folders that the program owns."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import unicodedata
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cdrsite.core.errors import ConfigError

CHUNK_BYTES = 1 << 22
OWNER = "cdrsite-owner.json"
"""Marker in a folder that the program made for itself, and may remove."""
SHARED = ".cdrsite-shared-"
"""Kind and start of the name of the folder with what the runs of a batch share."""
WORK = "work"
"""Kind of the folder that a run works in while it is not finished."""


def sha256(path: Path) -> str:
    """Hash of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A path beside a file, to be written; renamed to the file at the end of a ``with`` block.

    On an exception it is removed, and what was there before stays.

    Parameters
    ----------
    path : Path
        The file. Its name keeps its ending while it is written.
    """
    aside = path.with_name(f".{uuid.uuid4().hex[:12]}{path.suffix}")
    try:
        yield aside
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8, whole or not at all."""
    with appearing(path) as aside:
        aside.write_text(text, encoding="utf-8", newline="\n")


def make_own(folder: Path, kind: str, *, private: bool = False) -> None:
    """Make a folder of the program's own, or go on with the one that is there.

    Parameters
    ----------
    folder : Path
        Those around it are made too.
    kind : str
        What it is for.
    private : bool
        Only this user may look into it.

    Raises
    ------
    ConfigError
        Something of somebody else's is there.
    """
    if not is_own(folder, kind) and os.path.lexists(folder):
        new = folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir())
        if not new:
            raise ConfigError(
                "a folder that the run needs for itself holds something else",
                where=str(folder),
                expected="nothing there yet",
                cure="look what it is and move it away, or give another folder with --out",
            )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700 if private else 0o777)
    write_text(folder / OWNER, json.dumps({"program": "cdrsite", "kind": kind}) + "\n")


def is_own(folder: Path, kind: str) -> bool:
    """Whether a folder was made by :func:`make_own` for that."""
    if folder.is_symlink():
        return False
    try:
        document = json.loads((folder / OWNER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(document == {"program": "cdrsite", "kind": kind})


def remove_own(folder: Path, kind: str) -> None:
    """Remove a folder of the program's own with all that is in it; any other is left alone."""
    if is_own(folder, kind):
        shutil.rmtree(folder, ignore_errors=True)


def resolved(target: Path) -> Path:
    """A place for results with links followed.

    Raises
    ------
    ConfigError
        The path is none that a person could have meant.
    """
    text = str(target)
    try:
        text.encode()
        odd = any(unicodedata.category(sign) == "Cc" for sign in text)
    except UnicodeEncodeError:
        odd = True
    if odd:
        raise ConfigError(
            "the results cannot be written: the path has signs that cannot be shown",
            got=ascii(text),
            expected="letters, numbers and signs in UTF-8",
            cure="give another folder with --out",
        )
    place = target.resolve()
    if not place.name:
        raise ConfigError(
            "the results cannot be written: it is the root of a disk",
            where=text,
            cure="name a folder in it with --out",
        )
    return place


def side_name(place: Path, ending: str) -> Path:
    """A path beside a place that belongs to it and to cdrsite."""
    return place.with_name(f".{place.name}.cdrsite-{ending}")

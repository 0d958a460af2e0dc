"""What a folder of results holds, and which of it cdrsite wrote: the list in its manifest."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cdrsite.core.content import known_sha256
from cdrsite.core.files import sha256, write_text

MARK = "manifest.json"
"""What a run, a comparison, a network or a batch came from, and the files that it wrote."""
KINDS = {"run": "a run", "comparison": "a comparison", "network": "a network", "batch": "a batch"}
"""What a folder holds -> in words."""

Listing = dict[str, dict[str, Any]]
"""Path from the folder, with slashes -> ``bytes`` and ``sha256``."""


def listing(folder: Path) -> Listing:
    """Every file of a folder but its manifest, with size and hash."""
    files = {path.relative_to(folder).as_posix(): path for path in entries(folder)}
    return {
        name: _entry(path)
        for name, path in sorted(files.items())
        if name != MARK and _is_plain(path)
    }


def _entry(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}


def entries(folder: Path) -> Iterator[Path]:
    """Everything in a folder but the folders; links are not followed, whatever they lead to."""
    for place, folders, files in os.walk(folder):
        for name in files:
            yield Path(place) / name
        for name in folders:
            if (Path(place) / name).is_symlink():
                yield Path(place) / name


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def known_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder that cdrsite wrote; None where there is none of cdrsite's."""
    try:
        document = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("program") != "cdrsite":
        return None
    own = document.get("kind") in KINDS and isinstance(document.get("files"), dict)
    return document if own else None


def listed_files(folder: Path) -> Listing | None:
    """The files that the manifest of a folder lists; None where there is none of cdrsite's."""
    document = known_manifest(folder)
    return None if document is None else document["files"]


def unchanged(folder: Path, name: str, files: Mapping[str, Any]) -> bool:
    """Whether a file is as the manifest lists it."""
    path, known = folder / name, files.get(name)
    return (
        isinstance(known, dict)
        and _is_plain(path)
        and path.stat().st_size == known.get("bytes")
        and known_sha256(path) == known.get("sha256")
    )


def add_to_manifest(folder: Path, path: Path) -> None:
    """List a file that was written into a finished folder later; nothing if it lies elsewhere."""
    document = known_manifest(folder)
    inside = path.resolve().is_relative_to(folder.resolve())
    if document is None or not inside:
        return
    name = path.resolve().relative_to(folder.resolve()).as_posix()
    document["files"][name] = _entry(path)
    write_manifest(folder, document)


def write_manifest(folder: Path, document: Mapping[str, Any]) -> None:
    """Write the manifest of a folder, whole or not at all."""
    write_text(folder / MARK, json.dumps(document, ensure_ascii=False, indent=2) + "\n")

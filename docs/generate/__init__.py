"""Pages of the manual that are made from the program: what it knows stands in one place only.

``python -m generate`` in the folder ``docs`` writes them below ``docs/reference``; the build of the
manual does so first.
"""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]
REFERENCE = DOCS / "reference"
"""Everything in it is generated; nothing of it is kept in the repository."""


def write_reference(folder: Path = REFERENCE) -> list[Path]:
    """Write every generated page; a page that is as before is left alone.

    Returns
    -------
    list of Path
        All generated pages. Pages of an earlier build that are no longer made are removed.
    """
    from generate import (
        api,
        commands,
        datasets,
        files,
        glossary,
        methods,
        scenario,
        schemes,
        storage,
        transport,
    )

    parts = (
        scenario,
        methods,
        datasets,
        transport,
        storage,
        schemes,
        commands,
        files,
        api,
        glossary,
    )
    pages = {path: text for part in parts for path, text in part.pages().items()}
    made = {folder / f"{name}.md": text for name, text in pages.items()}
    for old in folder.rglob("*.md"):
        if old not in made:
            old.unlink()
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    return sorted(made)

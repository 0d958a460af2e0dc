"""A folder that appears whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

from cdrsite.core.errors import ConfigError

MARK = "manifest.json"
"""File that says a folder is a run of cdrsite, which a new run may replace."""


def check_target(target: Path) -> None:
    """Refuse to write over anything that is not an earlier run.

    Parameters
    ----------
    target : Path
        The folder a run is to be written to.

    Raises
    ------
    ConfigError
        If it is a file, or a folder with content that no run wrote.
    """
    if target.exists() and not target.is_dir():
        raise ConfigError(
            "the results cannot be written: a file is in the way",
            where=str(target),
            expected="a folder, or nothing there yet",
            cure="give another folder with --out",
        )
    if target.is_dir() and any(target.iterdir()) and not (target / MARK).is_file():
        raise ConfigError(
            "the folder holds something else than an earlier run, and is not replaced",
            where=str(target),
            got=f"a folder without {MARK}",
            expected="an empty folder, an earlier run, or nothing there yet",
            cure="give another folder with --out, or empty this one",
        )


class Staging:
    """A folder that appears whole or not at all: written aside, then renamed.

    Use as a context manager; on an exception the folder aside is removed and what was there
    before stays. A killed process leaves the folder aside (its name starts with a dot), which the
    next one removes; one that is killed between the two renames leaves the earlier run aside,
    which the next one puts back.

    Parameters
    ----------
    target : Path
        Where the folder shall be; checked by :func:`check_target`.
    """

    def __init__(self, target: Path) -> None:
        self.target = target.resolve()
        self.aside = self.target.with_name(f".{self.target.name}.partial")
        self.old = self.target.with_name(f".{self.target.name}.old")

    def __enter__(self) -> Path:
        """Make the folder aside."""
        check_target(self.target)
        if self.old.exists() and not self.target.exists():
            self.old.rename(self.target)
        shutil.rmtree(self.aside, ignore_errors=True)
        self.aside.mkdir(parents=True)
        return self.aside

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Put the folder in its place, or remove it."""
        if kind is not None:
            shutil.rmtree(self.aside, ignore_errors=True)
            return
        shutil.rmtree(self.old, ignore_errors=True)
        if self.target.exists():
            self.target.rename(self.old)
        self.aside.rename(self.target)
        shutil.rmtree(self.old, ignore_errors=True)

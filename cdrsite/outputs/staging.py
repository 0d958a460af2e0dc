"""A folder that appears whole or not at all, and replaces nothing but what cdrsite wrote.

The manifest of a folder lists every file in it with its hash. Only files that are listed and have
not changed since are ever removed. Everything else is somebody's own: it stays where it is, or the
folder is refused before anything is computed.

What is written lies aside, in a folder of a name that nobody else uses and with a marker in it, and
so does for a moment what it replaces. A process that is killed leaves that folder; the next one
brings it to an end.

One module: its promise holds only if every step of taking a place is seen together.
"""

from __future__ import annotations

import errno
import glob
import json
import os
import shutil
import uuid
import warnings
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

from cdrsite.core.errors import CdrsiteWarning, ConfigError
from cdrsite.core.files import is_own, make_own, remove_own, resolved, side_name
from cdrsite.core.lock import FolderLock, held
from cdrsite.outputs.listing import (
    KINDS,
    MARK,
    add_to_manifest,
    entries,
    known_manifest,
    listed_files,
    listing,
    unchanged,
    write_manifest,
)

NEW, OLD = "new", "old"
SHOWN = 5
"""Files named in an error."""
LONGEST = 100
"""Longest name of a file within a folder of results, for the test before the work [characters]."""
SIDES = (".aux.xml", ".ovr", ".msk")
"""Endings of what GDAL and QGIS keep beside a raster, which is wrong beside a new one."""


@contextmanager
def changing(folder: Path, path: Path, sign: str) -> Iterator[None]:
    """Write one file of a finished result, or one about it elsewhere, while a ``with`` block lasts.

    Parameters
    ----------
    folder : Path
        Of the result; it is locked where the file lies in it, and its manifest lists the file.
    path : Path
        The file.
    sign : str
        Text in the first 4000 bytes of every such file, by which one that is there is known.

    Raises
    ------
    ConfigError
        A file is there that cdrsite did not write, or that was changed since; or another process
        writes there.
    """
    with ExitStack() as stack:
        with _system_errors(path):
            files, inside = listed_files(folder), path.resolve().is_relative_to(folder.resolve())
            if files is not None and inside:
                stack.enter_context(held(folder.resolve(), "report of cdrsite"))
            if os.path.lexists(path):
                with path.open("rb") as stream:
                    own = sign.encode() in stream.read(4000)
                files = files or {}
                name = path.resolve().relative_to(folder.resolve()).as_posix() if inside else ""
                if not own or (name in files and not unchanged(folder, name, files)):
                    raise ConfigError(
                        "a file is there that cdrsite did not write, or that was changed since",
                        where=str(path),
                        cure="give another name with --out, or move the file away",
                    )
        yield
        add_to_manifest(folder, path)


# ------------------------------------------------------------------------ before the work


def check_target(target: Path, kind: str = "run") -> None:
    """Refuse a place for results where something would be lost; changes nothing.

    Parameters
    ----------
    target : Path
        The folder the results are to be written to.
    kind : {'run', 'comparison', 'network', 'batch'}
        What they are.

    Raises
    ------
    ConfigError
        It is a file, a folder that cdrsite did not write, one of another kind, one whose files were
        changed since, the folder the process is in, or a mount point; or no place at all.
    """
    with _system_errors(target):
        place = resolved(target)
        _refuse_file(target, place)
        if place.exists():
            _refuse_fixed(target, place)
            _refuse_foreign(target, place, kind)


def _refuse_file(target: Path, place: Path) -> None:
    """Refuse a place where something lies that is no folder."""
    if os.path.lexists(place) and not place.is_dir():
        raise ConfigError(
            "the results cannot be written: a file is in the way",
            where=str(target),
            expected="a folder, or nothing there yet",
            cure="give another folder with --out",
        )


def _refuse_fixed(target: Path, place: Path) -> None:
    """Refuse a folder that cannot be moved away while results take its place."""
    with suppress(OSError):
        if Path.cwd().is_relative_to(place):
            raise ConfigError(
                "the results would replace the folder that you are in",
                where=str(target),
                cure="name a new folder in it, e.g. --out results, or go to another one first",
            )
    if os.path.ismount(place):
        raise ConfigError(
            "the results cannot take the place of a disk that is mounted there",
            where=str(target),
            cure=f"name a new folder in it, e.g. --out {target / 'results'}",
        )


def _refuse_foreign(target: Path, place: Path, kind: str) -> None:
    document = known_manifest(place)
    here = sorted(path.relative_to(place).as_posix() for path in entries(place))
    if document is None:
        if any(place.iterdir()):
            raise ConfigError(
                "the folder holds something else than an earlier result, and is not replaced",
                where=str(target),
                got=_some(here) if here else "folders",
                expected=f"an empty folder, an earlier result with its {MARK}, or nothing yet",
                cure="give another folder with --out, or empty this one",
            )
        return
    if document["kind"] != kind:
        raise ConfigError(
            f"the folder holds {KINDS[document['kind']]}, which {KINDS[kind]} does not replace",
            where=str(target),
            expected=f"an empty folder, {KINDS[kind]}, or nothing yet",
            cure="give another folder with --out, or remove this one",
        )
    files = document["files"]
    changed = [name for name in here if name in files and not unchanged(place, name, files)]
    if changed:
        raise ConfigError(
            "files of the earlier result were changed since it was written, and are not replaced",
            where=str(target),
            got=_some(changed),
            cure="give another folder with --out, or move these files out of it",
        )


def _some(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


WHY = {
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.EROFS: "the disk is read-only",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your disk quota is used up",
    errno.ENOTDIR: "a part of the path is a file",
    errno.EEXIST: "a part of the path is a file",
    errno.ELOOP: "its links lead in a circle",
}
"""Why the system refuses a place."""


@contextmanager
def _system_errors(target: Path) -> Iterator[None]:
    """Turn a refusal of the system into an error of the request."""
    try:
        yield
    except ConfigError:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        number = getattr(error, "errno", None)
        text = str(target)
        raise ConfigError(
            "the results cannot be written there",
            where=text if len(text) <= 200 else text[:200] + "...",
            got=WHY.get(number or 0) or getattr(error, "strerror", None) or str(error),
            expected="a folder that may be written, with a name that the disk takes",
            cure="give another folder with --out",
        ) from error


@contextmanager
def claimed(target: Path, kind: str = "run") -> Iterator[FolderLock]:
    """Have a place for results to oneself while a ``with`` block lasts, from before the work.

    Parameters
    ----------
    target : Path
        The folder the results are to be written to.
    kind : {'run', 'comparison', 'network', 'batch'}
        What they are.

    Yields
    ------
    FolderLock
        Of the folder.

    Raises
    ------
    ConfigError
        Results cannot be written there, see :func:`check_target`; or another process writes there.
        Nothing is left behind then.
    """
    with ExitStack() as stack:
        with _system_errors(target):
            place = resolved(target)
            check_target(target, kind)
            stack.callback(_remove_empty, _make_parents(place))
            lock = stack.enter_context(held(place, f"{KINDS[kind][2:]} of cdrsite"))
            finish_earlier(place)
            check_target(target, kind)  # as it is now that nobody else can change it
            _try_to_write(place)
        yield lock


def _make_parents(place: Path) -> list[Path]:
    """Make the folders around a place; returns those that were not there, the innermost first."""
    missing = list(takewhile(lambda folder: not folder.exists(), place.parents))
    place.parent.mkdir(parents=True, exist_ok=True)
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _try_to_write(place: Path) -> None:
    """Write aside what is as long as the longest name of a result, and take it away again."""
    aside = _make_aside(place)
    try:
        (aside / NEW / "rasters").mkdir()
        (aside / NEW / "rasters" / ("x" * LONGEST)).touch()
        if place.exists() and not os.access(place, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "no permission", str(place))
    finally:
        shutil.rmtree(aside, ignore_errors=True)


# ------------------------------------------------------------------------- the work aside


def _make_aside(place: Path) -> Path:
    """A new folder beside a place, with a marker in it."""
    aside = side_name(place, uuid.uuid4().hex[:12])
    make_own(aside, _aside_of(place))
    (aside / NEW).mkdir()
    return aside


def _aside_of(place: Path) -> str:
    return f"aside of {place.name}"


def finish_earlier(place: Path) -> None:
    """Bring to an end what killed processes left beside a place, which the caller has locked.

    What was being written is removed; what it was about to replace is put back, or, where the new
    result is in its place, goes the way of all replaced results.
    """
    start = side_name(place, "").name
    for folder in sorted(place.parent.glob(f"{glob.escape(start)}*")):
        if is_own(folder, _aside_of(place)):
            old = folder / OLD
            if old.is_dir() and not place.exists():
                old.rename(place)
            elif old.is_dir():
                _settle(old, place)
            _drop(folder, place)


def _drop(folder: Path, place: Path) -> None:
    """Remove a folder aside; what is somebody's own in it stays, and the folder with it."""
    shutil.rmtree(folder / NEW, ignore_errors=True)
    if not (folder / OLD).exists():
        remove_own(folder, _aside_of(place))


def _settle(old: Path, place: Path) -> None:
    """Take what is somebody's own from a replaced folder into the new one, and remove the rest."""
    listed = listed_files(old)
    files, own = listed or {}, []
    for path in list(entries(old)):
        name = path.relative_to(old).as_posix()
        if unchanged(old, name, files) or (name == MARK and listed is not None):
            own.append(path)
            continue
        stems = (name.removesuffix(ending) for ending in SIDES if name.endswith(ending))
        with suppress(OSError):
            _carry(path, place / name, beside=any(stem in files for stem in stems))
    # the manifest last: without it nothing else could be told apart after a crash
    for path in sorted(own, key=lambda path: path.name == MARK):
        with suppress(OSError):
            path.unlink()
    for folder, _, _ in os.walk(old, topdown=False):
        empty = Path(folder)
        inner = empty.relative_to(old)
        with suppress(OSError):
            listed_below = any(name.startswith(f"{inner.as_posix()}/") for name in files)
            if empty != old and not any(empty.iterdir()) and not listed_below:
                (place / inner).mkdir(parents=True, exist_ok=True)  # an empty one of somebody's
            empty.rmdir()


def _carry(path: Path, target: Path, *, beside: bool) -> None:
    """Move a file into a new result; under another name where that has one of its name."""
    name, count = target, 1
    while os.path.lexists(target) or (beside and target == name):
        target = name.with_name(f"{name.name}.earlier{'' if count == 1 else f'-{count}'}")
        count += 1
    if target != name and not beside:
        warnings.warn(
            f"{name}: it was there while the results were written, and is kept as {target.name}",
            CdrsiteWarning,
            stacklevel=2,
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)


class Staging:
    """A folder that appears whole or not at all: written aside, then renamed.

    Use as a context manager; on an exception the folder aside is removed and what was there
    before stays. The folder is locked meanwhile. At the end its manifest is given the list of its
    files, with which a later result knows what it may replace.

    Parameters
    ----------
    target : Path
        Where the folder shall be; see :func:`check_target`.
    kind : {'run', 'comparison', 'network', 'batch'}
        What it is.

    Raises
    ------
    ConfigError
        As :func:`claimed`.
    """

    def __init__(self, target: Path, kind: str = "run") -> None:
        self.target, self.kind = target, kind
        self._stack = ExitStack()

    def __enter__(self) -> Path:
        """Make the folder aside."""
        self._lock = self._stack.enter_context(claimed(self.target, self.kind))
        self.place = resolved(self.target)
        self._aside = _make_aside(self.place)
        return self._aside / NEW

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Put the folder in its place, or remove it."""
        with self._stack:
            try:
                if kind is None:
                    self._publish()
            finally:
                _drop(self._aside, self.place)

    def _publish(self) -> None:
        new, old = self._aside / NEW, self._aside / OLD
        try:
            document = json.loads((new / MARK).read_text(encoding="utf-8"))
        except FileNotFoundError:
            document = {}
        head = {"program": "cdrsite", "kind": self.kind}
        write_manifest(new, {**head, **document, **head, "files": listing(new)})
        self._lock.require()
        if self.place.exists():
            self.place.rename(old)
        try:
            new.rename(self.place)
        except BaseException:
            if old.exists() and not self.place.exists():
                old.rename(self.place)
            raise
        if old.exists():
            _settle(old, self.place)


@contextmanager
def sharing(folder: Path, kind: str, names: Collection[str]) -> Iterator[FolderLock]:
    """Lock a folder that holds other results too, to write files of a few names into it.

    Parameters
    ----------
    folder : Path
        Made if it is not there, and removed at the end if it is empty.
    kind : {'batch'}
        What the files are.
    names : collection of str
        The files that may be written, in the folder itself.

    Yields
    ------
    FolderLock
        Of the folder.

    Raises
    ------
    ConfigError
        A file of one of the names is there that cdrsite did not write, or that was changed since;
        or another process writes there.
    """
    with ExitStack() as stack:
        with _system_errors(folder):
            place = resolved(folder)
            _check_shared(folder, place, kind, names)
            stack.callback(_remove_empty, [place, *_make_parents(place)])
            lock = stack.enter_context(held(place, f"{KINDS[kind][2:]} of cdrsite"))
            place.mkdir(exist_ok=True)
            _check_shared(folder, place, kind, names)
        yield lock


@contextmanager
def writing_into(folder: Path, kind: str, names: Collection[str]) -> Iterator[Path]:
    """Write a few files into a folder that holds other results too, while a ``with`` block lasts.

    Parameters
    ----------
    folder, kind, names
        As for :func:`sharing`.

    Yields
    ------
    Path
        A folder aside. The files that are in it at the end come into the folder, with a manifest
        that lists them; those of an earlier time that are not among them go. Nothing changes on an
        exception.

    Raises
    ------
    ConfigError
        As for :func:`sharing`.
    """
    with sharing(folder, kind, names) as lock, ExitStack() as stack:
        with _system_errors(folder):
            place = resolved(folder)
            label = place / f"{kind} files"  # no run has a folder of that name
            finish_earlier(label)
            aside = _make_aside(label)
            stack.callback(_drop, aside, label)
        yield aside / NEW
        lock.require()
        _check_shared(folder, place, kind, names)
        files = listing(aside / NEW)
        earlier = listed_files(place) or {}
        for name in names:
            if name not in files and unchanged(place, name, earlier):
                (place / name).unlink()
        for name in files:
            (aside / NEW / name).replace(place / name)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        head = {"program": "cdrsite", "kind": kind, "created_utc": now}
        write_manifest(place, {**head, "files": files})


def _check_shared(folder: Path, place: Path, kind: str, names: Collection[str]) -> None:
    """Refuse to write files of given names over somebody's own; changes nothing."""
    _refuse_file(folder, place)
    document = known_manifest(place)
    if document is not None and document["kind"] != kind:
        raise ConfigError(
            f"the folder holds {KINDS[document['kind']]}, and {KINDS[kind]} would mix with it",
            where=str(folder),
            expected=f"a new folder, or one of {KINDS[kind]}",
            cure="give another folder with --out",
        )
    files = listed_files(place) or {}
    own = [name for name in names if os.path.lexists(place / name)]
    if document is None and os.path.lexists(place / MARK):
        own.append(MARK)
    own = [name for name in own if not unchanged(place, name, files)]
    if own:
        raise ConfigError(
            "files of these names are there that cdrsite did not write, or that were changed since",
            where=str(folder),
            got=_some(own),
            cure="give another folder with --out, or move these files out of it",
        )

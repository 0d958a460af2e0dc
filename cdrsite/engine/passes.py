"""How a pass over the blocks runs: in threads here, or elsewhere; and what is remembered of it.

A pass is a function of one block that writes its arrays into the workspace and returns a small
part (sums, counts). Parts are handed on in the order of the blocks, so that sums do not depend on
who worked on which (rule 9).
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, TypeVar

from cdrsite.core.errors import ConfigError
from cdrsite.core.files import write_text
from cdrsite.core.grid import Block
from cdrsite.core.plaindata import NotPlainError, from_bytes, to_bytes
from cdrsite.core.progress import ProgressSink, Silent
from cdrsite.core.secrets import hidden
from cdrsite.core.threads import in_order
from cdrsite.engine.arrays import ArrayStore, DiskStore, MemoryStore

T = TypeVar("T")
Item = TypeVar("Item")

HEAD = struct.Struct("<III")
"""Before each record of a journal: number of the block, length, checksum."""


class Runner(Protocol):
    """Works on blocks and hands on the results in the order of the blocks."""

    def work(
        self, task: Callable[[Item], T], blocks: Sequence[Item], done: Callable[[int, T], None]
    ) -> Iterator[T]:
        """Results in order; ``done`` is called with each block's number as soon as it is ready."""


@dataclass(frozen=True)
class Threads:
    """Blocks are worked on in threads of this process.

    Attributes
    ----------
    count : int
        How many.
    """

    count: int = 1

    def work(
        self, task: Callable[[Item], T], blocks: Sequence[Item], done: Callable[[int, T], None]
    ) -> Iterator[T]:
        """Results in order, at most a few blocks ahead of the reader."""

        def work_on(number: int) -> T:
            result = task(blocks[number])
            done(number, result)
            return result

        yield from in_order(work_on, range(len(blocks)), self.count)


class ToldSink(Protocol):
    """Who knows what the user should be told."""

    def texts(self) -> list[str]:
        """Warnings so far."""


class Journal:
    """What a run has finished, so that it can go on after it was killed.

    Each finished block of a pass is a record with its part at the end of the pass's file; a record
    cut short by a crash is dropped. ``key.json`` says of which scenario and inputs all this is.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes: ToldSink | None = None
        folder.mkdir(parents=True, exist_ok=True)
        # by number: a run that goes on counts from what the stopped one noted
        self._kept: list[str] = list(self.parts("notes").values())
        self._noting = Lock()

    def require_key(self, key: dict[str, Any]) -> None:
        """Remember what the run depends on, or refuse to go on with something else.

        Raises
        ------
        ConfigError
            Scenario, inputs or program changed in between; names what.
        """
        path = self.folder / "key.json"
        if path.is_file():
            with _readable(path):
                before = json.loads(path.read_text(encoding="utf-8"))
            changed = changes(before, json.loads(hidden(json.dumps(key))))
            if changed:
                raise ConfigError(
                    "the run cannot go on: what it depends on has changed since it was stopped",
                    where=str(self.folder.parent),
                    got="; ".join(changed[:8]) + (" ..." if len(changed) > 8 else ""),
                    expected="the same scenario, inputs and program",
                    cure="undo the change, or run without --resume to start anew",
                    rule=9,
                )
            return
        write_text(path, hidden(json.dumps(key)))

    def parts(self, name: str) -> dict[int, Any]:
        """Finished blocks of a pass -> their parts."""
        parts: dict[int, Any] = {}
        path = self.folder / f"{name}.log"
        if not path.is_file():
            return parts
        raw, at = path.read_bytes(), 0
        while at + HEAD.size <= len(raw):
            number, size, check = HEAD.unpack_from(raw, at)
            body = raw[at + HEAD.size : at + HEAD.size + size]
            if len(body) < size or zlib.crc32(body) != check:
                break
            with _readable(path, expected="the journal of this version of cdrsite"):
                parts[number] = from_bytes(body)
            at += HEAD.size + size
        if at < len(raw):  # cut short by a crash: what follows must start at a record's end
            with path.open("r+b") as log:
                log.truncate(at)
        return parts

    def add(self, name: str, number: int, part: Any) -> None:
        """Record a finished block; one write, so that threads do not mix."""
        if self.notes is not None:
            with self._noting:
                for text in self.notes.texts():
                    if text not in self._kept:
                        self._kept.append(text)
                        self._write("notes", len(self._kept), text)
        self._write(name, number, part)

    def _write(self, name: str, number: int, part: Any) -> None:
        body = to_bytes(part)
        record = HEAD.pack(number, len(body), zlib.crc32(body)) + body
        log = os.open(self.folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(log, record)
        finally:
            os.close(log)

    def forget(self, *names: str) -> None:
        """Drop passes whose work must be done again."""
        for name in names:
            (self.folder / f"{name}.log").unlink(missing_ok=True)


@contextmanager
def _readable(path: Path, expected: str | None = None) -> Iterator[None]:
    """Refuse to go on where a file of the journal cannot be read."""
    try:
        yield
    except (ValueError, NotPlainError) as error:
        raise ConfigError(
            "what a stopped run left cannot be gone on with",
            where=str(path),
            got=str(error),
            expected=expected,
            cure="run without --resume to start anew",
        ) from error


def changes(before: Any, now: Any, path: str = "") -> list[str]:
    """Key paths at which two trees of plain values differ, with both values."""
    if isinstance(before, dict) and isinstance(now, dict):
        changed = []
        for key in sorted({*before, *now}):
            inner = f"{path}.{key}" if path else str(key)
            if key not in before:
                changed.append(f"{inner} is new")
            elif key not in now:
                changed.append(f"{inner} is gone")
            else:
                changed += changes(before[key], now[key], inner)
        return changed
    return [] if before == now else [f"{path}: {before!r} is now {now!r}"]


@dataclass(frozen=True)
class Workspace:
    """Where a run's arrays live, who works on its blocks, and what it remembers.

    Attributes
    ----------
    result : ArrayStore
        Variables of the labelled dataset.
    scratch : ArrayStore
        What only later stages need.
    runner : Runner
        Works on blocks.
    threads : int
        For stages that look at the whole grid.
    journal : Journal or None
        None for a run in memory.
    folder : Path or None
        Of a run on disk.
    progress : ProgressSink
        Told about long steps.
    """

    result: ArrayStore = field(default_factory=MemoryStore)
    scratch: ArrayStore = field(default_factory=MemoryStore)
    runner: Runner = field(default_factory=Threads)
    threads: int = 1
    journal: Journal | None = None
    folder: Path | None = None
    progress: ProgressSink = field(default_factory=Silent)

    @property
    def on_disk(self) -> bool:
        """Whether nothing per cell may be whole in memory."""
        return self.folder is not None

    def with_runner(self, runner: Runner) -> Workspace:
        """The same workspace with others at work."""
        return replace(self, runner=runner)

    @classmethod
    def in_folder(cls, folder: Path, block: int, **more: Any) -> Workspace:
        """A workspace on disk.

        Parameters
        ----------
        folder : Path
            Made if it is not there; what it holds is continued.
        block : int
            Rows and columns of a block [cells].
        **more
            Runner, threads, progress.
        """
        return cls(
            result=DiskStore(folder / "result.zarr", block),
            scratch=DiskStore(folder / "scratch", block),
            journal=Journal(folder / "journal"),
            folder=folder,
            **more,
        )

    def told(self, texts: list[str]) -> list[str]:
        """What the user should know: also what was found before the run was stopped."""
        earlier = [] if self.journal is None else list(self.journal.parts("notes").values())
        return list(dict.fromkeys([*earlier, *texts]))

    def each(
        self, name: str, task: Callable[[Block], T], blocks: Sequence[Block], title: str = ""
    ) -> Iterator[tuple[Block, T]]:
        """Run a pass over the blocks, without those that an earlier try has finished.

        Parameters
        ----------
        name : str
            Of the pass, in the journal.
        task : callable
            Block -> part; can be sent to another process where the runner does that.
        blocks : sequence of Block
            All of them.
        title : str
            Shown as progress; nothing is shown when empty.

        Yields
        ------
        tuple
            Each block with its part, in the order of the blocks.
        """
        journal = self.journal
        known: dict[int, T] = {} if journal is None else journal.parts(name)
        sizes = [rows * cols for rows, cols in (block.shape for block in blocks)]
        step = self.progress.step(title, sum(sizes), "cells") if title else None
        open_ = [number for number in range(len(blocks)) if number not in known]

        def done(number: int, part: T) -> None:
            if journal is not None:
                journal.add(name, open_[number], part)

        fresh = self.runner.work(task, [blocks[number] for number in open_], done)
        for number, block in enumerate(blocks):
            part = known.pop(number) if number in known else next(fresh)
            if step is not None:
                step(sizes[number])
            yield block, part
        # a runner may have to put things away behind its last result
        next(fresh, None)

    def every(
        self, name: str, task: Callable[[int], T], numbers: Sequence[int], title: str = ""
    ) -> Iterator[T]:
        """Results of a task for each of some numbers, in their order; as :meth:`each` of blocks.

        What an earlier try has finished is known by the number itself.
        """
        journal = self.journal
        known: dict[int, T] = {} if journal is None else journal.parts(name)
        step = self.progress.step(title, len(numbers), title) if title else None
        open_ = [number for number in numbers if number not in known]

        def done(at: int, part: T) -> None:
            if journal is not None:
                journal.add(name, open_[at], part)

        fresh = self.runner.work(task, open_, done)
        for number in numbers:
            part = known.pop(number) if number in known else next(fresh)
            if step is not None:
                step(1)
            yield part
        next(fresh, None)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """The result of a stage over the whole grid, made now or by an earlier try."""
        if self.journal is None:
            return make()
        known: dict[int, T] = self.journal.parts(name)
        if 0 not in known:
            known[0] = make()
            self.journal.add(name, 0, known[0])
        return known[0]

"""One process at a time at a folder: a lock file beside it, also on disks that machines share.

The file appears with its content at once, or not at all, and says who holds it. Of a holder on this
machine the system tells whether it lives; one on another machine gives a sign of life by renewing
the time of the file, measured by the clock of the disk alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cdrsite.core.errors import CdrsiteError, ConfigError

ENDING = "cdrsite-lock"
BEAT = 15.0
"""Between two signs of life [s]."""
STALE = 180.0
"""After so long without a sign of life a holder on another machine is taken for dead [s]."""
TRIES = 50


@dataclass(frozen=True)
class Holder:
    """Who holds a lock.

    Attributes
    ----------
    host, machine : str
        Name of the computer; its boot and process namespace, since two may have one name.
    pid : int
        Number of the process.
    born : str
        When the process was started, in ticks of the system: numbers of processes are used again.
    since : str
        When it took the lock, UTC.
    doing : str
        What it does there, in words.
    token : str
        Of this lock and no other.
    """

    host: str
    machine: str
    pid: int
    born: str
    since: str
    doing: str
    token: str
    program: str = "cdrsite"
    kind: str = "lock"

    @classmethod
    def me(cls, doing: str) -> Holder:
        """The holder that this process is."""
        pid = os.getpid()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        host = socket.gethostname()
        return cls(host, _machine(), pid, _state(pid)[1], now, doing, uuid.uuid4().hex)

    def lives(self, age: float) -> bool:
        """Whether the holder still works.

        Parameters
        ----------
        age : float
            Since its last sign of life [s].
        """
        here = self.host == socket.gethostname() and self.machine == _machine()
        # on Windows asking a process whether it lives would end it
        if not here or not self.machine or sys.platform == "win32":
            return age < STALE
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:  # it lives, and is somebody else's
            pass
        state, born = _state(self.pid)
        return state != "Z" and not (born and self.born and born != self.born)

    def words(self) -> str:
        """Who that is, for a person."""
        return f"{self.doing} by process {self.pid} on {self.host} since {self.since}"


def _machine() -> str:
    """Which boot of which kernel, and which namespace of processes; empty where unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return "" if sys.platform == "win32" else f"{uuid.getnode():x}"


def _state(pid: int) -> tuple[str, str]:
    """State and time of start of a process; empty where the system does not tell."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", ""
    fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    return fields[0], fields[19]


@dataclass
class FolderLock:
    """The lock of a folder; use :func:`held`.

    Parameters
    ----------
    target : Path
        The folder, which need not exist; the one around it must.
    doing : str
        What is done there, in words.
    """

    target: Path
    doing: str
    mine: Holder | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _lost: bool = False

    @property
    def path(self) -> Path:
        """The lock file."""
        return self.target.with_name(f".{self.target.name}.{ENDING}")

    def take(self) -> None:
        """Take the lock.

        Raises
        ------
        ConfigError
            Another process holds it; or the file is not a lock of this program.
        """
        me = Holder.me(self.doing)
        for _ in range(TRIES):
            clock = self._create(me)
            if clock is None:
                self.mine = me
                threading.Thread(target=self._beat, daemon=True).start()
                return
            found = self._read()
            if found is None:  # given back in between
                continue
            holder, changed = found
            if holder.lives(clock - changed):
                far = holder.host != socket.gethostname()
                wait = f"; if it has died, {STALE:.0f} s after its last sign of life" if far else ""
                raise ConfigError(
                    "another process is writing there",
                    where=str(self.target),
                    got=holder.words(),
                    expected="one at a time",
                    cure=f"give another folder with --out, or wait until it has ended{wait}",
                )
            self._remove(holder)
        raise ConfigError(
            "the folder cannot be locked: many processes want it",
            where=str(self.target),
            cure="give another folder with --out, or run again",
        )

    def require(self) -> None:
        """Refuse to go on when somebody took the lock away.

        Raises
        ------
        CdrsiteError
            The lock is somebody else's, or gone.
        """
        if self._lost or not self._is_mine():
            time.sleep(0.5)  # who looks whether a lock is stale may hold it for a moment
            if not self._is_mine():
                raise CdrsiteError(
                    "the folder was taken over by another process while this one slept",
                    where=str(self.target),
                    cure="give another folder with --out, and run again",
                )

    def give_back(self) -> None:
        """Give the lock back."""
        self._stop.set()
        if self.mine is not None and self._is_mine():
            self.path.unlink(missing_ok=True)
        self.mine = None

    # ------------------------------------------------------------------ parts

    def _create(self, me: Holder) -> float | None:
        """Make the file; None if it is made, else the clock of the disk [s]."""
        aside = self.path.with_name(f"{self.path.name}.{me.token[:12]}")
        text = json.dumps(asdict(me)).encode()
        try:
            _write_new(aside, text)
            try:
                os.link(aside, self.path)
            except FileExistsError:
                pass
            except OSError:  # no hard links on this disk
                with suppress(FileExistsError):
                    _write_new(self.path, text)
                    return None
            # a network may lose the answer to a link that was made
            if aside.stat().st_nlink == 2 or self._is(me):
                return None
            return aside.stat().st_mtime
        finally:
            aside.unlink(missing_ok=True)

    def _read(self) -> tuple[Holder, float] | None:
        """Who holds the lock, and the time of its last sign of life [s]; None if nobody."""
        for last in (False, False, False, True):
            try:
                raw, changed = self.path.read_bytes(), self.path.stat().st_mtime
                found = json.loads(raw)
                if found["program"] == "cdrsite" and found["kind"] == "lock":
                    return Holder(**found), changed
            except FileNotFoundError:
                return None
            except (ValueError, TypeError, KeyError):
                pass
            if not last:
                time.sleep(0.2)  # a disk without links: it may be half written
        raise ConfigError(
            "the folder cannot be locked: a file of that name is in the way",
            where=str(self.path),
            expected="a lock of cdrsite",
            cure="look what it is and move it away, or give another folder with --out",
        )

    def _remove(self, dead: Holder) -> None:
        """Take a dead holder's lock away, and no other that has appeared in its place."""
        aside = self.path.with_name(f"{self.path.name}.{uuid.uuid4().hex[:12]}")
        try:
            self.path.rename(aside)
        except FileNotFoundError:
            return
        found = json.loads(aside.read_bytes())
        if found.get("token") != dead.token:
            with suppress(FileExistsError, OSError):
                os.link(aside, self.path)
        aside.unlink(missing_ok=True)

    def _is(self, holder: Holder) -> bool:
        try:
            found: dict[str, Any] = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            return False
        return found.get("token") == holder.token

    def _is_mine(self) -> bool:
        return self.mine is not None and self._is(self.mine)

    def _beat(self) -> None:
        """Signs of life until the lock is given back."""
        while not self._stop.wait(BEAT):
            if not self._is_mine():
                self._lost = True
                return
            with suppress(OSError):
                os.utime(self.path)


def _write_new(path: Path, text: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        os.write(handle, text)
    finally:
        os.close(handle)


_HELD: dict[tuple[int, int, str], tuple[FolderLock, int]] = {}
"""(process, thread, folder) -> lock and how often it is held: who has it may ask for it again."""


@contextmanager
def held(target: Path, doing: str) -> Iterator[FolderLock]:
    """Hold the lock of a folder while a ``with`` block lasts.

    Parameters
    ----------
    target : Path
        The folder, links resolved; it need not exist, the one around it must.
    doing : str
        What is done there, in words.

    Yields
    ------
    FolderLock
        Whose ``require`` says whether it still holds.

    Raises
    ------
    ConfigError
        Another process or thread holds it; the text says who.
    """
    key = (os.getpid(), threading.get_ident(), str(target))
    lock, count = _HELD.get(key, (None, 0))
    if lock is None:
        lock = FolderLock(target, doing)
        lock.take()
    _HELD[key] = (lock, count + 1)
    try:
        yield lock
    finally:
        lock, count = _HELD.pop(key)
        if count > 1:
            _HELD[key] = (lock, count - 1)
        else:
            with contextlib.suppress(OSError):
                lock.give_back()

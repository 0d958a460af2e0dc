"""What libraries do with broken files, turned into words: errors, warnings, and a crash.

A library that reads what a stranger wrote may raise anything. It may also end the process: HDF5
does, on some broken NetCDF files. Such a file is opened by another process first.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cdrsite.core.errors import CdrsiteError, CdrsiteWarning, DataError

HDF5 = b"\x89HDF\r\n\x1a\n"
"""How a NetCDF 4 file begins, whatever its name."""

TRIAL_SECONDS = 60.0
"""A file that is not opened by then is refused."""

IDLE_SECONDS = 20
"""The process that opens files ends after so long without one."""


@contextmanager
def reading(
    where: str, what: str = "the file cannot be read", cure: str | None = None
) -> Iterator[None]:
    """Turn whatever a library raises into an error that names the layer and the file.

    Parameters
    ----------
    where : str
        Layer and file.
    what, cure : str, optional
        What is wrong then, and what to do about it.

    Raises
    ------
    DataError
        In place of every error that is not cdrsite's own.
    """
    try:
        yield
    except CdrsiteError:
        raise
    except MemoryError as error:
        raise DataError(
            what,
            where=where,
            got="more memory would be needed than there is",
            cure=cure or "check the file: it may be damaged; else use a machine with more memory",
        ) from error
    except Exception as error:
        raise DataError(
            what,
            where=where,
            got=_said(error),
            cure=cure
            or "check that the file is whole, e.g. with QGIS; download or export it again",
        ) from error


def _said(error: BaseException) -> str:
    """What a library says, in one line; its cause where it only points to it."""
    inner = error.__cause__ or error.__context__
    if inner is not None and "previous exception" in str(error):
        return _said(inner)
    text = " ".join(str(error).split())
    known = isinstance(error, OSError | ValueError | RuntimeError) and text
    return text if known else f"{type(error).__name__}: {text}"


_HEARING = threading.RLock()


@contextmanager
def hearing(where: str) -> Iterator[None]:
    """Hand on what a library warns of as a warning that names the layer and the file."""
    with _HEARING, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    told = []
    for item in caught:
        text = str(item.message)
        if not issubclass(item.category, CdrsiteWarning):
            text = f"{where}: the library that reads it says: {' '.join(text.split())[:300]}"
        if text not in told:
            told.append(text)
    for text in told:
        warnings.warn(text, CdrsiteWarning, stacklevel=3)


def require_harmless(path: Path, where: str) -> None:
    """Refuse a file that may end or corrupt this process when it is read.

    Only files that are HDF5 inside are tried: no other reader is known to crash. One that makes
    the library fail there is not read here either: its memory is not to be trusted after that.

    Raises
    ------
    DataError
        If it crashes, fails, or does not come to an end.
    """
    start = b""
    with suppress(OSError), path.open("rb") as file:
        start = file.read(len(HDF5))
    if start != HDF5:
        return
    ended = _TRIALS.open(path)
    if ended is not None:
        raise DataError(
            "the file is damaged",
            where=where,
            got=ended,
            cure="download or export it again; `h5dump -H` or `ncdump -h` may say where it breaks",
        )


_TRIAL = """
import sys, threading, os
import netCDF4
def look(group):
    for name in list(group.ncattrs()):
        group.getncattr(name)
    for variable in group.variables.values():
        variable.set_auto_maskandscale(False)
        for name in list(variable.ncattrs()):
            variable.getncattr(name)
        variable.chunking(), variable.filters()
        shape = variable.shape
        if 0 in shape:
            continue
        few = variable.size * 8 < 1e6
        places = [slice(None)] if few else [(0,) * len(shape), tuple(n - 1 for n in shape)]
        for place in places:
            variable[place]
    for inner in group.groups.values():
        look(inner)
print("ready", flush=True)
while True:
    idle = threading.Timer(IDLE, os._exit, (0,))
    idle.daemon = True
    idle.start()
    line = sys.stdin.readline()
    idle.cancel()
    if not line:
        break
    try:
        with netCDF4.Dataset(bytes.fromhex(line.strip()).decode()) as data:
            look(data)
    except Exception as error:
        print("error", " ".join(str(error).split())[:300], flush=True)
        os._exit(0)
    print("read", flush=True)
"""
"""What the other process does: read what a run would touch, and say that it lived."""


class _Trials:
    """Another process that opens files, kept for the next one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0
        atexit.register(self.close)

    def close(self) -> None:
        """End the other process."""
        process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            process.kill()
            process.communicate()

    def open(self, path: Path) -> str | None:
        """How the other process fared with a file, where it did not read it; else None."""
        question = str(path.resolve()).encode().hex()
        with self._lock:
            for _ in range(3):
                used = self._process
                process = self._running()
                if process is None:
                    return None  # without netCDF4 nothing is read by it
                answer = self._ask(process, question)
                if answer == "read":
                    return None
                self._process = None
                process.communicate()
                if answer.startswith("error"):
                    return answer.removeprefix("error").strip()
                # one that has read others may be gone for want of work, or harmed by them
                if process is not used:
                    return f"the library that reads it crashes ({_ending(process.returncode)})"
        return None

    def _running(self) -> subprocess.Popen[str] | None:
        mine = self._owner == os.getpid()  # after a fork the pipes are the parent's
        if mine and self._process is not None and self._process.poll() is None:
            return self._process
        if mine and self._process is not None:
            self._process.communicate()  # it ended for want of work
        self._owner = os.getpid()
        self._process = process = subprocess.Popen(  # noqa: S603 - this Python and the code above
            [sys.executable, "-I", "-c", _TRIAL.replace("IDLE", str(IDLE_SECONDS))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if self._answer(process) != "ready":
            process.communicate()
            self._process = None
        return self._process

    def _ask(self, process: subprocess.Popen[str], question: str) -> str:
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        try:
            process.stdin.write(question + "\n")
            process.stdin.flush()
        except OSError:
            return ""
        return self._answer(process)

    @staticmethod
    def _answer(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        late = threading.Timer(TRIAL_SECONDS, process.kill)
        late.start()
        try:
            return process.stdout.readline().strip()
        finally:
            late.cancel()


def _ending(code: int) -> str:
    if code == -9:
        return f"no end after {TRIAL_SECONDS:g} s, or killed for its memory"
    return f"signal {-code}" if code < 0 else f"exit code {code}"


_TRIALS = _Trials()

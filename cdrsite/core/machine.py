"""What this machine has: cores and memory, within the limits that a container sets."""

from __future__ import annotations

import math
import os
import re
import sys
from pathlib import Path

from cdrsite.core.errors import ConfigError, NotEnoughMemoryError

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
UNITS |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
"""Prefix of bytes -> how many."""
CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)
"""Files with a container's memory limit and use, new and old."""
CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""A container's share of the processors: time and period, or "max" and period."""
OLD_CPU_QUOTA = (
    Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
    Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)
"""The same in two files of the old form; no limit is -1."""
ADDRESSES, THREAD_ADDRESSES = 24 * 10**8, 15 * 10**7
"""Addresses that the libraries of a run take, and each core's threads [bytes].

On two cores a run of few cells ended well with 3 GB, and not with 2.2 GB.
"""
FALLBACK = 4 * 10**9
"""Assumed free where the system does not say [bytes]."""


def cache_folder(kind: str) -> Path:
    """Folder of what can be made or fetched again: in CDRSITE_CACHE_DIR, or in the user's cache.

    Parameters
    ----------
    kind : str
        What lies there: its own folder.

    Raises
    ------
    RuntimeError
        The user has no home folder.
    """
    chosen = os.environ.get("CDRSITE_CACHE_DIR")
    if chosen:
        return Path(chosen).absolute() / kind
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "cdrsite" / kind


def cores() -> int:
    """Cores that this process may use: those it may run on, within a container's share of time.

    A share such as 1.5 cores counts as two: the second thread then waits some of the time, and
    the half core is not lost.
    """
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    shares = [share for share in (_share(CPU_QUOTA), _share(*OLD_CPU_QUOTA)) if share is not None]
    return max(1, min([allowed, *(math.ceil(share) for share in shares)]))


def _share(*files: Path) -> float | None:
    """Processor time over period that the files of a container allow [cores]; None without one."""
    try:
        quota, period = (int(word) for file in files for word in file.read_text("ascii").split())
    except (OSError, ValueError):  # no such file, or the word "max"
        return None
    return quota / period if quota > 0 and period > 0 else None


def free_memory() -> int:
    """Memory that can still be used [bytes]."""
    found = [_available(), address_room(), *(_left(*files) for files in CGROUPS)]
    known = [size for size in found if size is not None]
    return max(min(known), 0) if known else FALLBACK


def address_room() -> int | None:
    """Addresses that a limit such as ``ulimit -v`` leaves this process [bytes]; None without one.

    Every thread and every loaded library takes addresses, also where it uses no memory.
    """
    limit = _address_limit()
    if limit is None:
        return None
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        pages = 0
    return max(0, limit - pages * os.sysconf("SC_PAGE_SIZE"))


def _address_limit() -> int | None:
    """The limit itself [bytes]."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def check_address_room() -> None:
    """Refuse work that a limit of addresses would break, or leave waiting for ever, on the way.

    A thread that cannot be started may leave another one waiting for it.

    Raises
    ------
    NotEnoughMemoryError
        Less room than the libraries and the threads of a run take.
    """
    limit, needed = _address_limit(), ADDRESSES + THREAD_ADDRESSES * cores()
    if limit is not None and limit < needed:
        raise NotEnoughMemoryError(
            "this process may use too little memory for any run",
            where="ulimit -v (RLIMIT_AS)",
            got=f"{limit / 1e9:.2g} GB of addresses",
            expected=f"{needed / 1e9:.2g} GB or more: libraries and threads reserve more than "
            "they use",
            cure="raise the limit; to bound what a run uses, give --memory and --workers, or limit "
            "a container",
        )


def _available() -> int | None:
    """What the system says is available [bytes]."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _left(limit: str, used: str) -> int | None:
    """What a container's limit leaves [bytes]; None without one."""
    try:
        return int(Path(limit).read_text("ascii")) - int(Path(used).read_text("ascii"))
    except (OSError, ValueError):  # no such file, or the word "max"
        return None


def parse_bytes(text: str, where: str = "memory") -> int:
    """Bytes that a text such as "8 GB", "500MiB" or "100 kB" means; capitals do not matter.

    Raises
    ------
    ConfigError
        If it is not a size.
    """
    found = re.fullmatch(r"\s*([0-9.]+)\s*([KMGTkmgt]?)([Ii]?)[Bb]?\s*", text)
    try:
        size = float(found[1]) * UNITS[found[2].upper() + found[3].lower()] if found else 0.0
    except (ValueError, KeyError):
        size = 0.0
    if not 0 < size < 1e18:
        raise ConfigError(
            "not an amount of memory", where=where, got=repr(text), expected="for example 8 GB"
        )
    return int(size)

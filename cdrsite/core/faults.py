"""What the machine refuses, in one sentence with a cure: it is no fault of the program."""

from __future__ import annotations

import errno

CURES = {
    errno.ENOSPC: "the disk is full; cure: free some space, or give a folder on another disk",
    errno.EDQUOT: "your disk quota is used up; cure: free some space, or give another folder",
    errno.EACCES: "no permission; cure: give a folder of your own, or ask for the right to it",
    errno.EPERM: "no permission; cure: give a folder of your own, or ask for the right to it",
    errno.EROFS: "the disk is read-only; cure: give a folder on another one",
    errno.ENAMETOOLONG: "the name is too long; cure: choose a shorter one",
    errno.EMFILE: "too many open files; cure: raise the limit (ulimit -n 4096)",
    errno.EIO: "the disk cannot be read or written; cure: check it, or use another one",
}
"""Why the system refuses something, and what to do about it."""

MEMORY_CURE = (
    "--memory with less (the run then works on disk), fewer --workers, a coarser grid.resolution, "
    "or a machine with more memory"
)


def machine_fault(error: BaseException) -> str | None:
    """What the machine or the system refused, in one line: where, why, cure.

    Parameters
    ----------
    error : BaseException
        That ended the work.

    Returns
    -------
    str or None
        None where the fault is not the machine's.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "CPLE_OutOfMemoryError":
        wanted = " ".join(str(error).split())
        got = f"; got {wanted}" if wanted else ""
        return f"the memory is used up{got}; cure: {MEMORY_CURE}"
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return f"the system allows no more threads or no more memory for them; cure: {MEMORY_CURE}"
    if not isinstance(error, OSError):
        return None
    if error.errno == errno.ENOMEM:
        return f"the memory is used up; cure: {MEMORY_CURE}"
    where, why = error.filename or "", CURES.get(error.errno or 0)
    if why is None:
        return str(error)
    return f"{where}: {why}" if where else why

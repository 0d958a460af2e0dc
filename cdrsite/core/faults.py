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

OUT_OF_MEMORY = "CPLE_OutOfMemoryError"
"""Name of GDAL's error, as rasterio has it."""
NO_ROOM = ("failed to map segment", "cannot allocate memory", "Cannot allocate memory")
"""What the loader of libraries says where the memory is used up."""
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
    said = " ".join(str(error).split())
    if isinstance(error, OSError) and error.errno != errno.ENOMEM:
        where, why = error.filename or "", CURES.get(error.errno or 0)
        if why is None:
            return str(error)
        return f"{where}: {why}" if where else why
    if isinstance(error, MemoryError | OSError) or type(error).__name__ == OUT_OF_MEMORY:
        return f"the memory is used up{f'; got {said}' if said else ''}; cure: {MEMORY_CURE}"
    if isinstance(error, ImportError) and any(text in said for text in NO_ROOM):
        return f"a library cannot be loaded for want of memory; got {said}; cure: {MEMORY_CURE}"
    if isinstance(error, RuntimeError) and "can't start new thread" in said:
        return f"the system allows no more threads or no more memory for them; cure: {MEMORY_CURE}"
    return None

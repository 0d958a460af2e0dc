"""The one decorator for compiled kernels.

Threads run outside the kernels (``nogil``): a kernel compiled with ``parallel=True`` aborts the
process when two Python threads call it with numba's workqueue layer. No ``fastmath``: NaN is the
unknown state (rule 2) and must survive. numpy's error model turns x / 0 into inf or NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile ``function`` with numba: no GIL, cached on disk, NaN-safe.

    When no folder can hold the cache (a read-only install with a read-only home), the kernel is
    compiled again in each process instead of failing at import. A kernel's jitted callees stay in
    the kernel modules of its own folder and of those that it imports from: these the cache watches.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        return _watching(numba.njit(cache=True, **options)(function))
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        return numba.njit(cache=False, **options)(function)


def _watching(made: Any) -> Any:
    """Let the cache on disk of a kernel notice what changes in the kernel modules it calls.

    numba itself looks at the file of the kernel alone, and would run an old copy of an edited
    callee.
    """
    files: set[str] = set()
    waiting = [made.py_func]
    while waiting:  # module by module, as they call one another
        function = waiting.pop()
        if function.__code__.co_filename not in files:
            files.add(function.__code__.co_filename)
            used = (getattr(one, "py_func", None) for one in function.__globals__.values())
            waiting += [one for one in used if one is not None]
    folders = {Path(name).parent for name in files}
    paths = sorted(path for folder in folders for path in folder.glob("_kernel*.py"))
    states = [(path.name, path.stat()) for path in paths]
    beside = tuple((name, state.st_mtime_ns, state.st_size) for name, state in states)
    file = made._cache._cache_file  # noqa: SLF001 - numba has no public way
    file._source_stamp = (file._source_stamp, beside)  # noqa: SLF001
    return made

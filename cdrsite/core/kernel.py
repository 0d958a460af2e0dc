"""The one decorator for compiled kernels.

Threads run outside the kernels (``nogil``): a kernel compiled with ``parallel=True`` aborts the
process when two Python threads call it with numba's workqueue layer. No ``fastmath``: NaN is the
unknown state (rule 2) and must survive. numpy's error model turns x / 0 into inf or NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile ``function`` with numba: no GIL, cached on disk, NaN-safe.

    When no folder can hold the cache (a read-only install with a read-only home), the kernel is
    compiled again in each process instead of failing at import. A kernel's jitted callees stay in
    its own module: numba's cache does not notice an edited callee elsewhere.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        return numba.njit(cache=False, **options)(function)

"""The one decorator for compiled kernels.

Threads run outside the kernels (``nogil``): a kernel compiled with ``parallel=True`` aborts the
process when two Python threads call it with numba's workqueue layer. No ``fastmath``: NaN is the
unknown state (rule 2) and must survive. numpy's error model turns x / 0 into inf or NaN.
"""

from __future__ import annotations

import gc
import hashlib
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.caching import IndexDataCacheFile
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.event import Event, Listener, register
from numba.core.typed_passes import NopythonRewrites
from numba.core.untyped_passes import InlineClosureLikes

from cdrsite.core.progress import COMPILING

F = TypeVar("F", bound=Callable[..., Any])

SELDOM = (100_000, 50, 50)
"""Thresholds of the garbage collection while a kernel is compiled."""
FORM = b"2"
"""Of the files with kept code: another one is not read."""
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
"""No wrapper for C: nothing but Python and other kernels calls a kernel."""
LEFT_OUT = InlineClosureLikes, NopythonRewrites
"""Passes of numba that look for closures, comprehensions and expressions of whole arrays: kernels
are loops over numbers, in which they find nothing."""


def kernel(function: F) -> F:
    """Compile ``function`` with numba: no GIL, cached on disk, NaN-safe.

    When no folder can hold the cache (a read-only install with a read-only home), the kernel is
    compiled again in each process instead of failing at import. A kernel's jitted callees stay in
    the kernel modules of its own folder and of those that it imports from: these the cache watches.
    """
    try:
        return _watching(numba.njit(cache=True, pipeline_class=_Compiler, **OPTIONS)(function))
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        return numba.njit(cache=False, pipeline_class=_Compiler, **OPTIONS)(function)


def inner(function: F) -> F:
    """Compile what kernels alone call: without wrappers for Python and a cache of its own.

    Its code is part of each kernel that calls it, and is optimised and made machine code there,
    once: a third of the time of the competition's kernels. It raises nothing that holds objects
    of Python, which only code of its own could find.
    """
    bare: dict[str, Any] = OPTIONS | {"no_cpython_wrapper": True}
    return numba.njit(pipeline_class=_InnerCompiler, **bare)(function)


class _LinkedLibrary(JITCodeLibrary):
    """Code that is linked into that of its callers, as numba wrote it, and never run by itself."""

    def _optimize_final_module(self) -> None:
        """Leave it to the callers."""

    def _finalize_final_module(self) -> None:
        """Only say that it is whole: no machine code."""
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:  # noqa: ARG002 - numba's face
        """None: there is no machine code."""
        return 0

    @property
    def codegen(self) -> _LinkedLibrary:
        """What is asked to let the machine code know its objects of Python: there are none."""
        return self

    def set_env(self, name: str, env: object) -> None:
        """Nothing to let know."""


class _Compiler(CompilerBase):
    """numba's own way, without the passes that find nothing in a kernel."""

    def define_pipelines(self) -> list[Any]:
        """The passes of numba but those."""
        found = DefaultPassBuilder.define_nopython_pipeline(self.state)
        found.passes = [one for one in found.passes if one[0] not in LEFT_OUT]
        return [found]


class _InnerCompiler(_Compiler):
    """The same with a library that is linked into its callers."""

    def define_pipelines(self) -> list[Any]:
        """The same passes."""
        state = self.state
        state.library = _LinkedLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        return super().define_pipelines()


def _watching(made: Any) -> Any:
    """Let the cache on disk of a kernel go by the content of its module and of those it calls.

    numba itself looks at the file of the kernel alone, and would run an old copy of an edited
    callee. Times of files do not count: a new checkout finds what an earlier one compiled.
    """
    files: set[str] = set()
    waiting = [made.py_func]
    while waiting:  # module by module, as they call one another
        function = waiting.pop()
        if function.__code__.co_filename not in files:
            files.add(function.__code__.co_filename)
            used = (getattr(one, "py_func", None) for one in function.__globals__.values())
            waiting += [one for one in used if one is not None]
    folders = sorted({Path(name).parent for name in files})
    paths = [path for folder in folders for path in sorted(folder.glob("_kernel*.py"))]
    own = Path(made.py_func.__code__.co_filename)
    stamp = hashlib.sha256(FORM)
    for path in [own, *paths]:
        state = path.stat()
        digest = _digest(path, state.st_mtime_ns, state.st_size)
        stamp.update(path.name.encode() + digest)
    # numba has no public way
    own_cache = made._cache  # noqa: SLF001
    name = own_cache._impl.filename_base  # noqa: SLF001
    own_cache._cache_file = _KeptCode(own_cache.cache_path, name, stamp.hexdigest())  # noqa: SLF001
    return made


class _KeptCode(IndexDataCacheFile):
    """The files of a kernel's code, each of which says what it is the code of.

    Two processes that begin at once may give code for other types the same number, and the index
    of the one that writes last names it for its own: what it then finds is not taken.
    """

    def save(self, key: Any, data: Any) -> None:
        """Write code with its types and the state of its source."""
        super().save(key, (self._source_stamp, key, data))

    def load(self, key: Any) -> Any:
        """Code for some types, or None."""
        stamp, types, data = super().load(key) or (None, None, None)
        return data if (stamp, types) == (self._source_stamp, key) else None

    @property
    def empty(self) -> bool:
        """Whether no code of the source as it is now is known."""
        return not self._load_index()


def awaits_compilation(made: Any) -> bool:
    """Whether a kernel's code can be kept on disk and none is."""
    file = getattr(made._cache, "_cache_file", None)  # noqa: SLF001 - as above
    return isinstance(file, _KeptCode) and file.empty


@cache
def _digest(path: Path, changed: int, size: int) -> bytes:  # noqa: ARG001 - tell states apart
    return hashlib.sha256(path.read_bytes()).digest()


class _Compiling(Listener):
    """While numba compiles, Python looks for garbage seldom, and the progress says so.

    The compiler makes much that lives long: it takes a tenth less time, for some tens of MB. What
    was set before holds again after the last of the compilations that wait for one another.
    """

    def __init__(self) -> None:
        self._lock, self._open, self._before = threading.Lock(), 0, gc.get_threshold()

    def on_start(self, event: Event) -> None:  # noqa: ARG002 - numba calls it so
        """Begin to look seldom, at the first."""
        with self._lock:
            first = self._open == 0
            if first:
                self._before = gc.get_threshold()
                gc.set_threshold(*SELDOM)
            self._open += 1
        if first:
            _tell(True)

    def on_end(self, event: Event) -> None:  # noqa: ARG002 - numba calls it so
        """Put back what was set, at the last."""
        with self._lock:
            self._open -= 1
            last = self._open == 0
            if last:
                gc.set_threshold(*self._before)
        if last:
            _tell(False)


def _tell(begins: bool) -> None:
    for heard in tuple(COMPILING):
        heard(begins)


register("numba:compile", _Compiling())
